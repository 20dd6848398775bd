#pragma once
// The readers of the layers, for the files of this folder only. Each reads one header and calls the next; the frequent
// ones are in decoder.cpp, where the compiler joins them to one function.
#include <algorithm>

#include "decode/decoder.h"

namespace tsujiban::decode {

namespace ethertype {
inline constexpr std::uint16_t ipv4 = 0x0800, arp = 0x0806, transparent_bridging = 0x6558, rarp = 0x8035, vlan = 0x8100,
                               ipv6 = 0x86dd, pptp = 0x880b, mpls = 0x8847, mpls_multicast = 0x8848,
                               pppoe_discovery = 0x8863, pppoe_session = 0x8864, service_vlan = 0x88a8, erspan = 0x88be,
                               erspan3 = 0x22eb, old_service_vlan = 0x9100;
inline constexpr std::uint16_t llc = 0x0004;       // Not an EtherType: Linux's ETH_P_802_2.
inline constexpr std::uint16_t length_max = 1500;  // At most this it is a length (IEEE 802.3, 3.2.6).
inline constexpr std::uint16_t type_min = 0x0600;
}  // namespace ethertype

constexpr bool is_vlan_type(std::uint16_t type) noexcept {
  return type == ethertype::vlan || type == ethertype::service_vlan || type == ethertype::old_service_vlan;
}

// What is left of the packet for one layer: `captured` bytes at `at`, of the `wire` bytes that the headers before it
// gave to it. `captured` is never more than `wire`; where it is less, the snap length cut the packet.
struct Extent {
  const std::uint8_t* at;
  std::uint32_t captured;
  std::uint32_t wire;

  // Behind the first `n` bytes, of which there are at least that many captured.
  Extent after(std::uint32_t n) const noexcept { return {at + n, captured - n, wire - n}; }
  // Only the first `n` bytes, at most `wire`.
  Extent first(std::uint32_t n) const noexcept { return {at, std::min(captured, n), n}; }
};

// Lists a broken rule. `stop` also says that nothing above is read.
[[gnu::cold, gnu::noinline]] void report(DecodedPacket& packet, Layer layer, ParseError error,
                                         std::uint32_t offset) noexcept;
[[gnu::cold, gnu::noinline]] void stop(DecodedPacket& packet, Layer layer, ParseError error,
                                       std::uint32_t offset) noexcept;
// The layer needs `needed` bytes and fewer are captured: snapped where the wire had them, broken by `error` where it
// had not.
[[gnu::cold, gnu::noinline]] void missing(DecodedPacket& packet, const Extent& extent, std::uint32_t needed,
                                          Layer layer, ParseError error = ParseError::truncated) noexcept;
inline bool has(DecodedPacket& packet, const Extent& extent, std::uint32_t needed, Layer layer,
                ParseError error = ParseError::truncated) noexcept {
  if (extent.captured >= needed) [[likely]]
    return true;
  missing(packet, extent, needed, layer, error);
  return false;
}
inline Layer ip_layer(const DecodedPacket& packet) noexcept {
  return packet.ip_version == 6 ? Layer::ipv6 : Layer::ipv4;
}

// decoder.cpp
void read_ethernet(DecodedPacket& packet, Extent extent, unsigned nesting) noexcept;
void read_ipv4(DecodedPacket& packet, Extent extent, unsigned nesting) noexcept;
void read_ipv6(DecodedPacket& packet, Extent extent, unsigned nesting) noexcept;
void read_udp(DecodedPacket& packet, Extent extent, unsigned nesting) noexcept;
void read_tcp(DecodedPacket& packet, Extent extent) noexcept;
// The whole rest as payload of a protocol that has no ports, or of no IP protocol at all.
void set_opaque(DecodedPacket& packet, Extent extent) noexcept;

// link.cpp
void read_link(DecodedPacket& packet, LinkType link, Extent extent) noexcept;
// `tags`: VLAN tags that were read before it.
void read_ethertype(DecodedPacket& packet, Extent extent, std::uint16_t type, unsigned nesting, unsigned tags) noexcept;
void read_ppp(DecodedPacket& packet, Extent extent, unsigned nesting) noexcept;

// ip.cpp
// Anything but plain UDP and TCP in `protocol`. `extensions`: IPv6 extension headers seen so far, one bit each kind.
void read_protocol(DecodedPacket& packet, Extent extent, unsigned nesting, unsigned extensions) noexcept;
inline constexpr unsigned extension_seen_fragment = 1u << 3;
void check_ipv4_rules(DecodedPacket& packet) noexcept;
// False: nothing above may be read.
bool check_ipv6_rules(DecodedPacket& packet) noexcept;
void walk_ipv4_options(DecodedPacket& packet, Bytes options) noexcept;
void walk_tcp_options(DecodedPacket& packet, Bytes options) noexcept;
void set_fragment(DecodedPacket& packet, Extent extent, std::uint32_t id, std::uint32_t offset, bool more) noexcept;

// icmp.cpp
void read_icmp(DecodedPacket& packet, Extent extent) noexcept;
void read_icmpv6(DecodedPacket& packet, Extent extent) noexcept;
void read_igmp(DecodedPacket& packet, Extent extent) noexcept;

// tunnel.cpp
void read_gre(DecodedPacket& packet, Extent extent, unsigned nesting) noexcept;
void read_udp_tunnel(DecodedPacket& packet, Extent extent, unsigned nesting) noexcept;
void read_ip_in_ip(DecodedPacket& packet, Extent extent, unsigned nesting, std::uint8_t version) noexcept;
void read_mpls(DecodedPacket& packet, Extent extent, unsigned nesting) noexcept;

// Ports of the UDP tunnels: IANA's VXLAN, Linux's first one for it, GENEVE. Only as destination: the source port is a
// hash of the inner packet (RFC 7348, 5; RFC 8926, 3.3).
constexpr bool is_tunnel_port(std::uint16_t port) noexcept { return port == 4789 || port == 8472 || port == 6081; }

}  // namespace tsujiban::decode
