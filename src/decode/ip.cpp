// What is rare in IP: options, IPv6 extension headers, fragments, other protocols than UDP and TCP, addresses that
// cannot be.
#include "decode/layers.h"

namespace tsujiban::decode {
namespace {

constexpr std::uint8_t number(IpProtocol protocol) noexcept { return static_cast<std::uint8_t>(protocol); }

// Bits of `extensions`: which headers an IPv6 packet has had.
constexpr unsigned seen_hop_by_hop = 1u << 0, seen_destination = 1u << 1, seen_routing = 1u << 2,
                   seen_fragment = extension_seen_fragment, seen_authentication = 1u << 4,
                   seen_destination_twice = 1u << 5,
                   order_told = 1u << 6;  // Once a packet is enough.

// On a host's own loopback, source and destination may well be one address: BSD's link type, or Linux's MAC addresses
// of 0.
bool captured_on_loopback(const DecodedPacket& packet) noexcept {
  if (packet.raw->link == LinkType::null_loopback || packet.raw->link == LinkType::loop) return true;
  return packet.ethernet != nullptr && MacAddress::load(packet.ethernet).value == 0 &&
         MacAddress::load(packet.ethernet + 6).value == 0;
}

void check_common_rules(DecodedPacket& packet, Layer layer) noexcept {
  if (packet.ttl == 0) report(packet, layer, ParseError::ip_ttl_zero, layer == Layer::ipv4 ? 8 : 7);
  const std::uint32_t source_offset = layer == Layer::ipv4 ? 12 : 8;
  if (packet.source == packet.destination && !packet.source.is_loopback() && !captured_on_loopback(packet)) {
    report(packet, layer, ParseError::ip_land, source_offset);
  }
  if (packet.source.is_multicast() || packet.source.is_broadcast()) {
    report(packet, layer, ParseError::ip_bad_source, source_offset);
  }
}

// Options of hop-by-hop and destination headers (RFC 8200, 4.2): type, length, value; type 0 is one byte of padding.
void walk_ipv6_options(DecodedPacket& packet, Bytes options, std::uint32_t offset) noexcept {
  constexpr std::uint8_t pad1 = 0, jumbo_payload = 0xc2;
  for (std::size_t at = 0; at < options.size();) {
    if (options[at] == pad1) {
      ++at;
      continue;
    }
    if (options.size() - at < 2 || options.size() - at - 2 < options[at + 1]) {
      return report(packet, Layer::ipv6, ParseError::ipv6_bad_option, offset + static_cast<std::uint32_t>(at));
    }
    // RFC 2675, 3: the option must not be in a packet that has a payload length.
    if (options[at] == jumbo_payload) {
      return report(packet, Layer::ipv6, ParseError::ipv6_jumbogram, offset + static_cast<std::uint32_t>(at));
    }
    at += 2u + options[at + 1];
  }
}

// Marks one extension header as seen and tells an order that RFC 8200, 4.1 forbids.
void note_extension(DecodedPacket& packet, std::uint8_t kind, unsigned& extensions, std::uint32_t offset) noexcept {
  unsigned bit = 0;
  bool wrong = false;
  switch (kind) {
    case number(IpProtocol::hop_by_hop):
      bit = seen_hop_by_hop, wrong = extensions != 0;
      break;
    case number(IpProtocol::routing):
      bit = seen_routing, wrong = (extensions & seen_routing) != 0;
      break;
    case number(IpProtocol::fragment):
      bit = seen_fragment, wrong = (extensions & seen_fragment) != 0;
      break;
    case number(IpProtocol::ah):
      bit = seen_authentication, wrong = (extensions & seen_authentication) != 0;
      break;
    default:  // Destination options may come twice: before routing and before the transport.
      bit = (extensions & seen_destination) != 0 ? seen_destination_twice : seen_destination;
      wrong = (extensions & seen_destination_twice) != 0;
      break;
  }
  extensions |= bit;
  if (!wrong || (extensions & order_told) != 0) return;
  extensions |= order_told;
  report(packet, ip_layer(packet), ParseError::ipv6_extension_order, offset);
}

void read_sctp(DecodedPacket& packet, Extent extent) noexcept {
  constexpr std::uint32_t header_bytes = 12;  // RFC 9260, 3.1.
  set_opaque(packet, extent);
  if (extent.captured >= 4) {
    packet.source_port = load_be16(extent.at);
    packet.destination_port = load_be16(extent.at + 2);
  }
  if (!has(packet, extent, header_bytes, ip_layer(packet))) return;
  packet.transport = extent.at;
  const Extent chunks = extent.after(header_bytes);
  packet.payload = chunks.at;
  packet.payload_length = chunks.captured;
  packet.payload_length_wire = chunks.wire;
}

}  // namespace

void check_ipv4_rules(DecodedPacket& packet) noexcept { check_common_rules(packet, Layer::ipv4); }

bool check_ipv6_rules(DecodedPacket& packet) noexcept {
  // Such an address would pass for the IPv4 host of that number in every table of ours; no stack accepts it.
  if (packet.source.is_v4() || packet.destination.is_v4()) {
    packet.ip_header_length = 0;
    stop(packet, Layer::ipv6, ParseError::ipv6_mapped_address, packet.source.is_v4() ? 8 : 24);
    return false;
  }
  check_common_rules(packet, Layer::ipv6);
  return true;
}

void walk_ipv4_options(DecodedPacket& packet, Bytes options) noexcept {
  constexpr std::uint8_t end = 0, no_operation = 1, loose_source_route = 131, strict_source_route = 137;
  constexpr std::uint32_t offset = 20;
  for (std::size_t at = 0; at < options.size();) {
    const std::uint8_t type = options[at];
    if (type == end) return;
    if (type == no_operation) {
      ++at;
      continue;
    }
    const std::size_t left = options.size() - at;
    if (left < 2 || options[at + 1] < 2 || options[at + 1] > left) {
      return report(packet, Layer::ipv4, ParseError::ip_bad_option, offset + static_cast<std::uint32_t>(at));
    }
    const std::uint8_t length = options[at + 1];
    if (type == loose_source_route || type == strict_source_route) {
      report(packet, Layer::ipv4, ParseError::ip_source_route, offset + static_cast<std::uint32_t>(at));
      // RFC 791, 3.1: a pointer beyond the option's length says that the route is walked to its end.
      if (length >= 3 && options[at + 2] <= length) packet.source_routed = true;
    }
    at += length;
  }
}

void walk_tcp_options(DecodedPacket& packet, Bytes options) noexcept {
  constexpr std::uint8_t end = 0, no_operation = 1, segment_size = 2, window_scale = 3, selective_permitted = 4,
                         selective = 5, timestamps = 8;
  constexpr std::uint32_t offset = 20;
  for (std::size_t at = 0; at < options.size();) {
    const std::uint8_t kind = options[at];
    if (kind == end) return;
    if (kind == no_operation) {
      ++at;
      continue;
    }
    const std::size_t left = options.size() - at;
    const std::size_t length = left < 2 ? 0 : options[at + 1];
    bool wrong = length < 2 || length > left;
    switch (kind) {
      case segment_size:
        wrong |= length != 4;
        break;
      case window_scale:
        wrong |= length != 3;
        break;
      case selective_permitted:
        wrong |= length != 2;
        break;
      case selective:
        wrong |= length < 10 || (length - 2) % 8 != 0;
        break;
      case timestamps:
        wrong |= length != 10;
        break;
      default:
        break;
    }
    if (wrong) return report(packet, Layer::tcp, ParseError::tcp_bad_option, offset + static_cast<std::uint32_t>(at));
    at += length;
  }
}

void set_fragment(DecodedPacket& packet, Extent extent, std::uint32_t id, std::uint32_t offset, bool more) noexcept {
  packet.is_fragment = true;
  packet.fragment_id = id;
  packet.fragment_offset = static_cast<std::uint16_t>(offset);
  packet.fragment_more = more;
  packet.ip_payload_length = extent.captured;
  packet.snapped |= extent.captured < extent.wire;
  set_opaque(packet, extent);
}

void read_protocol(DecodedPacket& packet, Extent extent, unsigned nesting, unsigned extensions) noexcept {
  const bool version6 = packet.ip_version == 6;
  const Layer layer = ip_layer(packet);
  for (unsigned count = 0;; ++count) {
    const std::uint8_t kind = packet.protocol;
    switch (kind) {
      case number(IpProtocol::udp):
        return read_udp(packet, extent, nesting);
      case number(IpProtocol::tcp):
        return read_tcp(packet, extent);
      case number(IpProtocol::ipip):
        set_opaque(packet, extent);
        return read_ip_in_ip(packet, extent, nesting, 4);
      case number(IpProtocol::ipv6):
        set_opaque(packet, extent);
        return read_ip_in_ip(packet, extent, nesting, 6);
      case number(IpProtocol::gre):
        set_opaque(packet, extent);
        return read_gre(packet, extent, nesting);
      case number(IpProtocol::sctp):
        return read_sctp(packet, extent);
      case number(IpProtocol::icmp):
        return version6 ? set_opaque(packet, extent) : read_icmp(packet, extent);
      case number(IpProtocol::igmp):
        return version6 ? set_opaque(packet, extent) : read_igmp(packet, extent);
      case number(IpProtocol::icmpv6):
        return version6 ? read_icmpv6(packet, extent) : set_opaque(packet, extent);
      case number(IpProtocol::ah):
        break;
      case number(IpProtocol::hop_by_hop):
      case number(IpProtocol::routing):
      case number(IpProtocol::fragment):
      case number(IpProtocol::destination_options):
        if (version6) break;
        return set_opaque(packet, extent);
      default:
        return set_opaque(packet, extent);  // Encrypted (ESP), nothing (59), mobility, or not known.
    }

    const std::uint32_t offset = packet.ip_header_length;
    set_opaque(packet, extent);
    if (count == ipv6_extensions_max) return stop(packet, layer, ParseError::ipv6_extension_too_many, offset);
    if (!has(packet, extent, 8, layer)) return;
    const std::uint8_t* at = extent.at;
    const bool fragment_before = (extensions & seen_fragment) != 0;
    note_extension(packet, kind, extensions, offset);
    std::uint32_t length = 8 + at[1] * 8u;
    if (kind == number(IpProtocol::fragment)) length = 8;
    if (kind == number(IpProtocol::ah)) length = 8 + at[1] * 4u;  // RFC 4302, 2.2: in 4-byte words, less 2.
    if (!has(packet, extent, length, layer)) return;

    switch (kind) {
      case number(IpProtocol::hop_by_hop):
      case number(IpProtocol::destination_options):
        walk_ipv6_options(packet, {at + 2, length - 2}, offset + 2);
        break;
      case number(IpProtocol::routing):
        if (at[2] == 0) report(packet, layer, ParseError::ip_source_route, offset);  // RFC 5095: type 0 is forbidden.
        packet.source_routed |= at[3] != 0;                                          // Segments left.
        break;
      default:
        break;
    }
    packet.protocol = at[0];
    extent = extent.after(length);
    packet.ip_payload_length = extent.captured;
    if (packet.ip_header_length != 0)
      packet.ip_header_length = static_cast<std::uint16_t>(packet.ip_header_length + length);
    if (kind == number(IpProtocol::fragment)) {
      const std::uint16_t word = load_be16(at + 2);
      const bool more = (word & 1) != 0;
      packet.fragment_id = load_be32(at + 4);
      if (more || (word & 0xfff8) != 0) {
        // Fragments of fragments: no host makes them, and they would let one datagram be put together for ever.
        if (fragment_before) {
          packet.malformed = true;
          return set_opaque(packet, extent);
        }
        return set_fragment(packet, extent, packet.fragment_id, word & 0xfff8u, more);
      }
      // An atomic fragment is a whole datagram (RFC 6946).
    }
  }
}

}  // namespace tsujiban::decode
