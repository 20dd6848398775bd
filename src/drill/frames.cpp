#include "drill/frames.h"

#include <algorithm>
#include <cstdio>

namespace tsujiban::drill {
namespace {

constexpr std::size_t ethernet_bytes_min = 60;

// RFC 1071: the sum of 16-bit words, carries folded in.
std::uint32_t sum_of(Bytes bytes, std::uint32_t sum = 0) noexcept {
  std::size_t i = 0;
  for (; i + 1 < bytes.size(); i += 2) sum += static_cast<std::uint32_t>(bytes[i]) << 8 | bytes[i + 1];
  if (i < bytes.size()) sum += static_cast<std::uint32_t>(bytes[i]) << 8;
  return sum;
}
std::uint16_t folded(std::uint32_t sum) noexcept {
  while (sum >> 16 != 0) sum = (sum & 0xffff) + (sum >> 16);
  return static_cast<std::uint16_t>(~sum);
}
void store16(std::vector<std::uint8_t>& to, std::size_t at, unsigned value) {
  to[at] = static_cast<std::uint8_t>(value >> 8);
  to[at + 1] = static_cast<std::uint8_t>(value);
}
std::uint32_t pseudo4(const Ends4& ends, std::uint8_t protocol, std::size_t bytes) noexcept {
  return (ends.source >> 16) + (ends.source & 0xffff) + (ends.destination >> 16) + (ends.destination & 0xffff) +
         protocol + static_cast<std::uint32_t>(bytes);
}
std::uint32_t pseudo6(const Ends6& ends, std::uint8_t protocol, std::size_t bytes) noexcept {
  return sum_of(ends.source) + sum_of(ends.destination) + protocol + static_cast<std::uint32_t>(bytes);
}
Frame ipv6(const Link& link, const Ends6& ends, std::uint8_t protocol, Bytes payload) {
  std::vector<std::uint8_t> packet;
  packet.reserve(40 + payload.size());
  put32(packet, 0x60000000);
  put16(packet, static_cast<unsigned>(payload.size()));
  put8(packet, protocol);
  put8(packet, ends.hop_limit);
  put(packet, ends.source);
  put(packet, ends.destination);
  put(packet, payload);
  return ethernet(link, ends.source_mac, ends.destination_mac, 0x86dd, packet);
}

}  // namespace

std::string to_text(Ip4 address) {
  char text[16];
  std::snprintf(text, sizeof text, "%u.%u.%u.%u", address >> 24, address >> 16 & 0xff, address >> 8 & 0xff,
                address & 0xff);
  return text;
}
std::string to_text(const Mac& mac) {
  char text[18];
  std::snprintf(text, sizeof text, "%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2], mac[3], mac[4], mac[5]);
  return text;
}
std::string to_text(const Ip6& address) {
  std::string text;
  for (std::size_t i = 0; i < 16; i += 2) {
    char group[6];
    std::snprintf(group, sizeof group, "%s%x", i == 0 ? "" : ":", address[i] << 8 | address[i + 1]);
    text += group;
  }
  return text;
}

Mac multicast_mac(Ip4 group) noexcept {
  return {0x01,
          0x00,
          0x5e,
          static_cast<std::uint8_t>(group >> 16 & 0x7f),
          static_cast<std::uint8_t>(group >> 8),
          static_cast<std::uint8_t>(group)};
}
Mac multicast_mac(const Ip6& group) noexcept { return {0x33, 0x33, group[12], group[13], group[14], group[15]}; }
Ip6 link_local(const Mac& mac) noexcept {
  return {0xfe,   0x80,   0,    0,    0,      0,      0,     0, static_cast<std::uint8_t>(mac[0] ^ 2),
          mac[1], mac[2], 0xff, 0xfe, mac[3], mac[4], mac[5]};
}

Frame ethernet(const Link& link, const Mac& source, const Mac& destination, std::uint16_t type, Bytes payload) {
  Frame frame;
  frame.reserve(14 + 4u * link.tags + std::max<std::size_t>(payload.size(), ethernet_bytes_min - 14));
  put(frame, destination);
  put(frame, source);
  for (std::size_t i = 0; i < link.tags; ++i) {
    put16(frame, i + 1 < link.tags ? 0x88a8 : 0x8100);
    put16(frame, link.vlan[i]);
  }
  put16(frame, type);
  put(frame, payload);
  if (const std::size_t least = ethernet_bytes_min + 4u * link.tags; frame.size() < least) frame.resize(least);
  return frame;
}

Frame arp(const Link& link, const Mac& source, const Mac& destination, std::uint16_t operation, const Mac& sender_mac,
          Ip4 sender, const Mac& target_mac, Ip4 target) {
  std::vector<std::uint8_t> body;
  body.reserve(28);
  put16(body, 1);
  put16(body, 0x0800);
  put16(body, 0x0604);
  put16(body, operation);
  put(body, sender_mac);
  put32(body, sender);
  put(body, target_mac);
  put32(body, target);
  return ethernet(link, source, destination, 0x0806, body);
}

Frame ipv4(const Link& link, const Ends4& ends, std::uint8_t protocol, Bytes payload, Bytes options) {
  std::vector<std::uint8_t> packet;
  const std::size_t header = 20 + options.size();
  packet.reserve(header + payload.size());
  put8(packet, 0x40 | static_cast<unsigned>(header / 4));
  put8(packet, 0);
  put16(packet, static_cast<unsigned>(header + payload.size()));
  put16(packet, ends.id);
  put16(packet, protocol == 6 ? 0x4000 : 0);
  put8(packet, ends.ttl);
  put8(packet, protocol);
  put16(packet, 0);
  put32(packet, ends.source);
  put32(packet, ends.destination);
  put(packet, options);
  store16(packet, 10, folded(sum_of(packet)));
  put(packet, payload);
  return ethernet(link, ends.source_mac, ends.destination_mac, 0x0800, packet);
}

Frame udp4(const Link& link, const Ends4& ends, std::uint16_t source_port, std::uint16_t destination_port,
           Bytes payload) {
  std::vector<std::uint8_t> datagram;
  datagram.reserve(8 + payload.size());
  put16(datagram, source_port);
  put16(datagram, destination_port);
  put16(datagram, static_cast<unsigned>(8 + payload.size()));
  put16(datagram, 0);
  put(datagram, payload);
  const std::uint16_t sum = folded(sum_of(datagram, pseudo4(ends, 17, datagram.size())));
  store16(datagram, 6, sum == 0 ? 0xffff : sum);  // RFC 768: zero would say that there is none.
  return ipv4(link, ends, 17, datagram);
}

Frame tcp4(const Link& link, const Ends4& ends, const TcpHeader& tcp, Bytes payload) {
  std::vector<std::uint8_t> segment;
  const bool options = (tcp.flags & tcp_syn) != 0;
  put16(segment, tcp.source_port);
  put16(segment, tcp.destination_port);
  put32(segment, tcp.sequence);
  put32(segment, tcp.acknowledgement);
  put8(segment, options ? 0x70 : 0x50);
  put8(segment, tcp.flags);
  put16(segment, tcp.window);
  put32(segment, 0);
  if (options) {
    put32(segment, 0x020405b4);  // Largest segment 1460, then SACK permitted.
    put32(segment, 0x01010402);
  }
  put(segment, payload);
  store16(segment, 16, folded(sum_of(segment, pseudo4(ends, 6, segment.size()))));
  return ipv4(link, ends, 6, segment);
}

Frame icmp4(const Link& link, const Ends4& ends, std::uint8_t type, std::uint8_t code, std::uint32_t rest,
            Bytes payload) {
  std::vector<std::uint8_t> message;
  put8(message, type);
  put8(message, code);
  put16(message, 0);
  put32(message, rest);
  put(message, payload);
  store16(message, 2, folded(sum_of(message)));
  return ipv4(link, ends, 1, message);
}

Frame udp6(const Link& link, const Ends6& ends, std::uint16_t source_port, std::uint16_t destination_port,
           Bytes payload) {
  std::vector<std::uint8_t> datagram;
  put16(datagram, source_port);
  put16(datagram, destination_port);
  put16(datagram, static_cast<unsigned>(8 + payload.size()));
  put16(datagram, 0);
  put(datagram, payload);
  const std::uint16_t sum = folded(sum_of(datagram, pseudo6(ends, 17, datagram.size())));
  store16(datagram, 6, sum == 0 ? 0xffff : sum);
  return ipv6(link, ends, 17, datagram);
}

Frame icmp6(const Link& link, const Ends6& ends, std::uint8_t type, std::uint8_t code, Bytes body) {
  std::vector<std::uint8_t> message;
  put8(message, type);
  put8(message, code);
  put16(message, 0);
  put(message, body);
  store16(message, 2, folded(sum_of(message, pseudo6(ends, 58, message.size()))));
  return ipv6(link, ends, 58, message);
}

}  // namespace tsujiban::drill
