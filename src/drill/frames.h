#pragma once
#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "base/bytes.h"

namespace tsujiban::drill {

// Frames as they lie on the wire behind a mirror port: Ethernet, VLAN tags, right checksums, padded to 60 bytes before
// tagging as cards do (IEEE 802.3, 4.2.3.3).
using Frame = std::vector<std::uint8_t>;
using Mac = std::array<std::uint8_t, 6>;
using Ip6 = std::array<std::uint8_t, 16>;
using Ip4 = std::uint32_t;

constexpr Ip4 ip4(unsigned a, unsigned b, unsigned c, unsigned d) noexcept { return a << 24 | b << 16 | c << 8 | d; }
inline constexpr Mac broadcast_mac = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
inline constexpr Ip4 echonet_group = ip4(224, 0, 23, 0);

std::string to_text(Ip4 address);
std::string to_text(const Mac& mac);
std::string to_text(const Ip6& address);  // Eight groups, without shortening.
Mac multicast_mac(Ip4 group) noexcept;    // RFC 1112, 6.4.
Mac multicast_mac(const Ip6& group) noexcept;
Ip6 link_local(const Mac& mac) noexcept;  // fe80:: and the modified EUI-64 (RFC 4291, appendix A).
inline constexpr Ip6 all_nodes = {0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1};
inline constexpr Ip6 all_routers = {0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2};

// The VLAN tags of one home, the outermost first.
struct Link {
  std::uint8_t tags = 0;
  std::array<std::uint16_t, 2> vlan{};
};

struct Ends4 {
  Mac source_mac{}, destination_mac{};
  Ip4 source = 0, destination = 0;
  std::uint8_t ttl = 64;
  std::uint16_t id = 0;
};
struct Ends6 {
  Mac source_mac{}, destination_mac{};
  Ip6 source{}, destination{};
  std::uint8_t hop_limit = 255;
};

Frame ethernet(const Link& link, const Mac& source, const Mac& destination, std::uint16_t type, Bytes payload);
// ARP over Ethernet (RFC 826); `operation` 1 asks, 2 answers.
Frame arp(const Link& link, const Mac& source, const Mac& destination, std::uint16_t operation, const Mac& sender_mac,
          Ip4 sender, const Mac& target_mac, Ip4 target);
Frame ipv4(const Link& link, const Ends4& ends, std::uint8_t protocol, Bytes payload, Bytes options = {});
Frame udp4(const Link& link, const Ends4& ends, std::uint16_t source_port, std::uint16_t destination_port,
           Bytes payload);
struct TcpHeader {
  std::uint16_t source_port = 0, destination_port = 0;
  std::uint32_t sequence = 0, acknowledgement = 0;
  std::uint8_t flags = 0;
  std::uint16_t window = 64240;
};
inline constexpr std::uint8_t tcp_fin = 1, tcp_syn = 2, tcp_rst = 4, tcp_psh = 8, tcp_ack = 16;
Frame tcp4(const Link& link, const Ends4& ends, const TcpHeader& tcp, Bytes payload);
Frame icmp4(const Link& link, const Ends4& ends, std::uint8_t type, std::uint8_t code, std::uint32_t rest,
            Bytes payload);
Frame udp6(const Link& link, const Ends6& ends, std::uint16_t source_port, std::uint16_t destination_port,
           Bytes payload);
// `body` begins after the checksum.
Frame icmp6(const Link& link, const Ends6& ends, std::uint8_t type, std::uint8_t code, Bytes body);

inline void put8(std::vector<std::uint8_t>& to, unsigned value) { to.push_back(static_cast<std::uint8_t>(value)); }
inline void put16(std::vector<std::uint8_t>& to, unsigned value) {
  put8(to, value >> 8 & 0xff), put8(to, value & 0xff);
}
inline void put24(std::vector<std::uint8_t>& to, unsigned value) { put8(to, value >> 16 & 0xff), put16(to, value); }
inline void put32(std::vector<std::uint8_t>& to, std::uint32_t value) {
  put16(to, value >> 16), put16(to, value & 0xffff);
}
inline void put(std::vector<std::uint8_t>& to, Bytes bytes) { to.insert(to.end(), bytes.begin(), bytes.end()); }

}  // namespace tsujiban::drill
