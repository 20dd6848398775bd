#include "decode/test_packets.h"

namespace tsujiban::decode::test {

std::vector<Sample> all_samples() {
  const Packet datagram = udp(3610, 3610, fill(14));
  const Packet v4 = ipv4(17, datagram), v6 = ipv6(17, datagram);
  const Packet frame = ethernet(0x0800, v4);
  const LinkType e = LinkType::ethernet;
  const Packet arp =
      bytes({0, 1, 8, 0, 6, 4, 0, 1, 2, 0, 0, 0, 0, 0x0a, 192, 168, 1, 20, 0, 0, 0, 0, 0, 0, 192, 168, 1, 21});
  const Packet syn_options = bytes({2, 4, 5, 0xb4, 4, 2, 8, 10, 0, 0, 0, 1, 0, 0, 0, 0, 1, 3, 3, 7});
  const Packet neighbour = bytes({135, 0, 0, 0, 0, 0, 0, 0}) + fill(16) + bytes({1, 1, 2, 0, 0, 0, 0, 0x0a});
  const Packet group_report = bytes({0x22, 0, 0, 0, 0, 0, 0, 1, 4, 0, 0, 1, 224, 0, 23, 0, 10, 0, 0, 1});
  const Packet mld_report = bytes({143, 0, 0, 0, 0, 0, 0, 1, 4, 0, 0, 0}) + fill(16);
  const Packet hop = bytes({17, 0, 1, 4, 0, 0, 0, 0});
  const Packet snap = bytes({0xaa, 0xaa, 3, 0, 0, 0, 8, 0}) + v4;
  const auto outer = [&](std::uint16_t port, const Packet& inner) {
    return ethernet(0x0800, ipv4(17, udp(50000, port, inner)));
  };
  const auto in_gre = [&](const Packet& inner) { return ethernet(0x0800, ipv4(47, inner)); };
  const Packet label = bytes({0, 1, 1, 64});  // Label 16, bottom of the stack.
  const Packet upper = bytes({0, 1, 0, 64});
  return {
      {"udp4", e, frame},
      {"udp6", e, ethernet(0x86dd, v6)},
      {"tcp4", e, ethernet(0x0800, ipv4(6, tcp(40000, 443, 0x18, fill(20))))},
      {"tcp4 options", e, ethernet(0x0800, ipv4(6, tcp(40000, 443, 2, {}, syn_options)))},
      {"tcp6", e, ethernet(0x86dd, ipv6(6, tcp(40000, 443, 0x10, fill(9))))},
      {"sctp", e, ethernet(0x0800, ipv4(132, be16(2000) + be16(2001) + fill(12)))},
      {"vlan", e, ethernet(0x8100, vlan(30, 0x0800, v4))},
      {"vlan stack", e, ethernet(0x88a8, vlan(30, 0x8100, vlan(112, 0x9100, vlan(7, 0x86dd, v6))))},
      {"snap", e, ethernet(static_cast<std::uint16_t>(snap.size()), snap)},
      {"arp", e, ethernet(0x0806, arp)},
      {"icmp echo", e, ethernet(0x0800, ipv4(1, bytes({8, 0, 0, 0, 0, 1, 0, 1}) + fill(8)))},
      {"icmp unreachable", e, ethernet(0x0800, ipv4(1, bytes({3, 3, 0, 0, 0, 0, 0, 0}) + ipv4(17, udp(1, 2, {}))))},
      {"igmp3", e, ethernet(0x0800, ipv4(2, group_report, {.options = bytes({148, 4, 0, 0})}))},
      {"neighbour solicitation", e, ethernet(0x86dd, ipv6(58, neighbour, 255))},
      {"mld2", e, ethernet(0x86dd, ipv6(0, bytes({58, 0, 5, 2, 0, 0, 1, 0}) + mld_report, 1))},
      {"ipv6 extensions", e,
       ethernet(0x86dd,
                ipv6(0, bytes({60, 0, 1, 4, 0, 0, 0, 0}) + bytes({43, 0, 1, 4, 0, 0, 0, 0}) +
                            bytes({51, 2, 4, 0, 0, 0, 0, 0}) + fill(16) + bytes({60, 1}) + fill(10) + hop + datagram))},
      {"ipv6 atomic fragment", e, ethernet(0x86dd, ipv6(44, bytes({17, 0, 0, 0, 0, 0, 0, 9}) + datagram))},
      {"ipv4 fragment", e, ethernet(0x0800, ipv4(17, fill(24), {.fragment = 0x2001}))},
      {"ipv6 fragment", e, ethernet(0x86dd, ipv6(44, bytes({17, 0, 0, 9, 0, 0, 0, 9}) + fill(24)))},
      {"mpls", e, ethernet(0x8847, upper + label + v4)},
      {"mpls ipv6", e, ethernet(0x8847, label + v6)},
      {"mpls ethernet with control word", e, ethernet(0x8847, label + bytes({0, 0, 0, 0}) + frame)},
      {"mpls ethernet", e, ethernet(0x8847, label + frame)},
      {"pppoe", e, ethernet(0x8864, bytes({0x11, 0, 0, 1}) + be16(v4.size() + 2) + be16(0x21) + v4)},
      {"pppoe ipv6", e, ethernet(0x8864, bytes({0x11, 0, 0, 1}) + be16(v6.size() + 2) + be16(0x57) + v6)},
      {"gre", e, in_gre(gre(0, 0x0800, {}, v4))},
      {"gre with checksum, key, sequence", e, in_gre(gre(0xb000, 0x86dd, fill(12), v6))},
      {"gre bridging", e, in_gre(gre(0x2000, 0x6558, fill(4), ethernet(0x8100, vlan(9, 0x0800, v4))))},
      {"gre mpls", e, in_gre(gre(0, 0x8847, {}, label + v4))},
      {"pptp", e, in_gre(gre(0x3081, 0x880b, be16(v4.size() + 4) + fill(10), bytes({0xff, 3, 0, 0x21}) + v4))},
      {"erspan 1", e, in_gre(gre(0, 0x88be, {}, frame))},
      {"erspan 2", e, in_gre(gre(0x1000, 0x88be, fill(4), bytes({0x10, 30, 0, 1, 0, 0, 0, 2}) + frame))},
      {"erspan 3", e, in_gre(gre(0x1000, 0x22eb, fill(4), bytes({0x20, 31, 0, 1, 0, 0, 0, 2, 0, 0, 0, 0}) + frame))},
      {"erspan 3 platform", e,
       in_gre(gre(0x1000, 0x22eb, fill(4), bytes({0x20, 31, 0, 1, 0, 0, 0, 2, 0, 0, 0, 1}) + fill(8) + frame))},
      {"vxlan", e, outer(4789, vxlan(5001, ethernet(0x8100, vlan(44, 0x0800, v4))))},
      {"vxlan 8472", e, outer(8472, vxlan(5002, ethernet(0x86dd, v6)))},
      {"vxlan arp", e, outer(4789, vxlan(5001, ethernet(0x0806, arp)))},
      {"geneve", e, outer(6081, geneve(77, 0x6558, bytes({1, 2, 0, 1, 9, 9, 9, 9}), frame))},
      {"geneve ipv4", e, outer(6081, geneve(77, 0x0800, {}, v4))},
      {"ipip", e, ethernet(0x0800, ipv4(4, v4))},
      {"6in4", e, ethernet(0x0800, ipv4(41, v6))},
      {"4in6", e, ethernet(0x86dd, ipv6(4, v4))},
      {"6in6", e, ethernet(0x86dd, ipv6(41, v6))},
      {"cooked", LinkType::linux_cooked, bytes({0, 0, 0, 1, 0, 6, 2, 0, 0, 0, 0, 1, 0, 0, 8, 0}) + v4},
      {"cooked vlan", LinkType::linux_cooked,
       bytes({0, 0, 0, 1, 0, 6, 2, 0, 0, 0, 0, 1, 0, 0, 0x81, 0}) + vlan(30, 0x0800, v4)},
      {"cooked 2", LinkType::linux_cooked2,
       bytes({0x86, 0xdd, 0, 0, 0, 0, 0, 2, 0, 1, 0, 6, 2, 0, 0, 0, 0, 1, 0, 0}) + v6},
      {"null little-endian", LinkType::null_loopback, bytes({2, 0, 0, 0}) + v4},
      {"null big-endian", LinkType::null_loopback, bytes({0, 0, 0, 30}) + v6},
      {"null 24", LinkType::null_loopback, bytes({24, 0, 0, 0}) + v6},
      {"null 28", LinkType::null_loopback, bytes({28, 0, 0, 0}) + v6},
      {"loop", LinkType::loop, bytes({0, 0, 0, 2}) + v4},
      {"raw 101 ipv4", LinkType::raw_ip, v4},
      {"raw 12 ipv6", LinkType::raw_ip_bsd, v6},
      {"raw ipv4", LinkType::raw_ipv4, v4},
      {"raw ipv6", LinkType::raw_ipv6, v6},
      {"ppp", LinkType::ppp, bytes({0xff, 3, 0, 0x21}) + v4},
      {"ppp compressed", LinkType::ppp, bytes({0x57}) + v6},
  };
}

}  // namespace tsujiban::decode::test
