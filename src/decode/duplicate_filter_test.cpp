#include "decode/duplicate_filter.h"

#include <gtest/gtest.h>

#include "decode/test_packets.h"

namespace tsujiban::decode {
namespace {

using namespace test;

const Packet datagram = udp(3610, 3610, fill(200));

// What the filter says of the second of two packets, `apart_ns` later.
bool second_is_copy(const Packet& first, const Packet& second, std::int64_t apart_ns = 1000) {
  DuplicateFilter filter(HashSeed{});
  const PacketTime start{1'700'000'000'000'000'000};
  Decoded one(first, LinkType::ethernet, 0, start);
  EXPECT_FALSE(filter.is_duplicate(one.packet));
  Decoded two(second, LinkType::ethernet, 0, start + Duration{apart_ns});
  return filter.is_duplicate(two.packet);
}

TEST(Duplicates, a_copy_behind_a_router_is_told) {
  const Packet before = seal(ethernet(0x0800, ipv4(17, datagram)));
  Packet behind = seal(ethernet(0x0800, ipv4(17, datagram, {.ttl = 63})));
  behind[0] = 6;
  EXPECT_TRUE(second_is_copy(before, before));
  EXPECT_TRUE(second_is_copy(before, behind));
  EXPECT_TRUE(second_is_copy(ethernet(0x86dd, ipv6(17, datagram)), ethernet(0x86dd, ipv6(17, datagram, 63))));
  EXPECT_TRUE(second_is_copy(before, before + Packet(10, 0)));  // Ethernet padding is not part of it.
}

TEST(Duplicates, only_within_the_window) {
  const Packet p = ethernet(0x0800, ipv4(17, datagram));
  EXPECT_TRUE(second_is_copy(p, p, DuplicateFilter::window.ns));
  EXPECT_FALSE(second_is_copy(p, p, DuplicateFilter::window.ns + 1));
}

TEST(Duplicates, any_other_byte_makes_another_packet) {
  const Packet timestamp = bytes({1, 1, 8, 10}) + be32(1) + be32(2);
  const Packet inside[] = {datagram,
                           tcp(40000, 443, 0x10, {}),
                           tcp(40000, 443, 0x18, fill(70)),
                           tcp(40000, 443, 0x10, {}, timestamp),
                           tcp(40000, 443, 0x18, fill(7), timestamp),
                           tcp(40000, 443, 0x18, fill(7), timestamp + timestamp)};
  for (unsigned form = 0; form < 2 * std::size(inside); ++form) {
    const bool version6 = form % 2 != 0;
    const Packet& transport = inside[form / 2];
    const std::uint8_t protocol = form / 2 == 0 ? 17 : 6;
    const Packet whole =
        version6 ? ethernet(0x86dd, ipv6(protocol, transport)) : ethernet(0x0800, ipv4(protocol, transport));
    const std::size_t ttl = version6 ? 14 + 7 : 14 + 8;
    EXPECT_TRUE(second_is_copy(whole, whole));
    for (std::size_t i = 14; i < whole.size(); ++i) {
      if (i == ttl || (!version6 && (i == 14 + 10 || i == 14 + 11))) continue;
      Packet other = whole;
      other[i] = static_cast<std::uint8_t>(other[i] ^ 0x80);
      EXPECT_FALSE(second_is_copy(whole, other)) << form << ": " << i;
    }
  }
}

// The other direction has the same flow.
TEST(Duplicates, an_answer_with_the_same_bytes_is_none) {
  const auto one_way = [](std::uint32_t source, std::uint32_t destination) {
    Packet packet = ethernet(0x0800, ipv4(17, udp(3610, 3610, fill(20))));
    store_be32(packet.data() + 26, source);
    store_be32(packet.data() + 30, destination);
    return packet;
  };
  EXPECT_TRUE(second_is_copy(one_way(1, 2), one_way(1, 2)));
  EXPECT_FALSE(second_is_copy(one_way(1, 2), one_way(2, 1)));
}

// What a tunnel brings is the same packet, though it is not plain.
TEST(Duplicates, a_copy_in_a_tunnel_is_told_where_the_segment_is_the_same) {
  for (const std::uint8_t protocol : {std::uint8_t{17}, std::uint8_t{6}}) {
    const Packet inner = ipv4(protocol, protocol == 17 ? datagram : tcp(40000, 443, 0x18, fill(70)));
    EXPECT_TRUE(second_is_copy(ethernet(0x0800, inner), ethernet(0x0800, ipv4(47, gre(0, 0x0800, {}, inner)))));
  }
}

TEST(Duplicates, segments_are_kept_apart) {
  const Packet v4 = ipv4(17, datagram);
  const Packet one = ethernet(0x8100, vlan(30, 0x0800, v4)), two = ethernet(0x8100, vlan(31, 0x0800, v4));
  EXPECT_FALSE(second_is_copy(one, two));
  EXPECT_TRUE(second_is_copy(one, one));
  const auto in_vni = [&](std::uint32_t vni) {
    return ethernet(0x0800, ipv4(17, udp(1, 4789, vxlan(vni, ethernet(0x0800, v4)))));
  };
  EXPECT_FALSE(second_is_copy(in_vni(1), in_vni(2)));
  EXPECT_TRUE(second_is_copy(in_vni(1), in_vni(1)));
}

TEST(Duplicates, arp_is_never_one) {
  const Packet arp = ethernet(0x0806, bytes({0, 1, 8, 0, 6, 4, 0, 1}) + fill(20));
  EXPECT_FALSE(second_is_copy(arp, arp));
}

// The public words of base/hash.h, in the payload: with them as factors, what stands before them would not count.
TEST(Duplicates, words_that_are_known_do_not_hide_other_bytes) {
  for (const std::uint64_t word : {0x4b33a62ed433d4a3ull, 0x4d5a2da51de1aa47ull}) {
    Packet payload(192);
    for (std::size_t i = 0; i < payload.size(); ++i) payload[i] = static_cast<std::uint8_t>(word >> 8 * (i % 8));
    for (std::size_t shift = 0; shift < 8; ++shift) {
      const Packet first = ethernet(0x0800, ipv4(17, udp(1, 2, fill(shift) + payload)));
      for (std::size_t i = 42; i < first.size(); ++i) {
        Packet other = first;
        other[i] = static_cast<std::uint8_t>(other[i] ^ 1);
        EXPECT_FALSE(second_is_copy(first, other)) << i;
      }
    }
  }
}

TEST(Duplicates, a_full_table_forgets_the_oldest_and_never_invents_a_copy) {
  DuplicateFilter filter(HashSeed{7, 9});
  Decoded d(ethernet(0x0800, ipv4(17, datagram)));
  constexpr std::uint32_t packets = DuplicateFilter::sets * DuplicateFilter::ways * 4;
  std::uint32_t copies = 0;
  for (std::uint32_t i = 0; i < packets; ++i) {
    store_be32(d.data.data() + 60, i);
    copies += filter.is_duplicate(d.packet);
  }
  EXPECT_EQ(copies, 0u);
  EXPECT_TRUE(filter.is_duplicate(d.packet));
}

}  // namespace
}  // namespace tsujiban::decode
