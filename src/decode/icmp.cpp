// ICMP, ICMPv6 with Neighbor Discovery and MLD, IGMP: lengths, and options where the standard has them. Their content
// is for the detectors; here is only whether it can be what its type says.
#include "decode/layers.h"

namespace tsujiban::decode {
namespace {

// Least bytes of a message, by its type, from its first byte; 4 for a type that is not known.
constexpr std::uint32_t icmp_length_min(std::uint8_t type) noexcept {
  switch (type) {
    case 3:
    case 4:
    case 5:
    case 11:
    case 12:
      return 8 + 20;  // RFC 792: errors quote an IP header.
    case 0:
    case 8:
    case 9:
    case 10:
    case 15:
    case 16:
      return 8;
    case 13:
    case 14:
      return 20;
    case 17:
    case 18:
      return 12;
    default:
      return 4;
  }
}

constexpr std::uint8_t mld_query = 130, mld_report = 131, mld_done = 132, router_solicitation = 133,
                       router_advertisement = 134, neighbour_solicitation = 135, neighbour_advertisement = 136,
                       redirect = 137, mld2_report = 143;

constexpr std::uint32_t icmpv6_length_min(std::uint8_t type) noexcept {
  switch (type) {
    case 1:
    case 2:
    case 3:
    case 4:
      return 8 + 40;  // RFC 4443, 3: errors quote an IPv6 header.
    case 128:
    case 129:
      return 8;
    case mld_query:
    case mld_report:
    case mld_done:
      return 24;  // RFC 2710, 3.
    case router_solicitation:
      return 8;  // RFC 4861, 4.1 to 4.5.
    case router_advertisement:
      return 16;
    case neighbour_solicitation:
    case neighbour_advertisement:
      return 24;
    case redirect:
      return 40;
    case mld2_report:
      return 8;  // RFC 3810, 5.2.
    default:
      return 4;
  }
}

constexpr bool is_neighbour_discovery(std::uint8_t type) noexcept {
  return type >= router_solicitation && type <= redirect;
}

// RFC 4861, 4.6: type, length in units of 8 bytes. Each step takes at least 8 bytes of the message.
void walk_ndp_options(DecodedPacket& packet, Extent extent, std::uint32_t offset) noexcept {
  while (extent.wire != 0) {
    if (extent.captured < 2) return missing(packet, extent, 2, Layer::icmp, ParseError::ndp_bad_option);
    const std::uint32_t length = extent.at[1] * 8u;
    if (length == 0 || length > extent.wire) return stop(packet, Layer::icmp, ParseError::ndp_bad_option, offset);
    if (length > extent.captured) {
      packet.snapped = true;
      return;
    }
    extent = extent.after(length);
    offset += length;
  }
}

// Group records of IGMPv3 (RFC 3376, 4.2) and MLDv2 (RFC 3810, 5.2): type, words of auxiliary data, number of sources,
// group, sources. Each takes at least 8 bytes of the message.
void walk_group_records(DecodedPacket& packet, Extent extent, std::uint32_t address_bytes) noexcept {
  const std::uint32_t records = load_be16(extent.at + 6);
  Extent rest = extent.after(8);
  for (std::uint32_t i = 0; i < records; ++i) {
    if (!has(packet, rest, 4 + address_bytes, Layer::igmp, ParseError::igmp_bad_length)) return;
    const std::uint32_t length = 4 + address_bytes + load_be16(rest.at + 2) * address_bytes + rest.at[1] * 4u;
    if (!has(packet, rest, length, Layer::igmp, ParseError::igmp_bad_length)) return;
    rest = rest.after(length);
  }
}

// The header of `header_bytes` is the transport's; type and code stand where others have ports.
void set_message(DecodedPacket& packet, Extent extent, std::uint32_t header_bytes) noexcept {
  packet.transport = extent.at;
  const Extent rest = extent.after(std::min(header_bytes, extent.captured));
  packet.payload = rest.at;
  packet.payload_length = rest.captured;
  packet.payload_length_wire = rest.wire;
}

// Type, code and length of an ICMP message of either version. False: nothing more is to be read.
bool begin_message(DecodedPacket& packet, Extent extent, bool version6) noexcept {
  set_opaque(packet, extent);
  if (!has(packet, extent, 4, Layer::icmp)) return false;
  const std::uint8_t type = extent.at[0];
  packet.source_port = type;
  packet.destination_port = extent.at[1];
  const std::uint32_t needed = version6 ? icmpv6_length_min(type) : icmp_length_min(type);
  const bool mld = version6 && ((type >= mld_query && type <= mld_done) || type == mld2_report);
  if (!has(packet, extent, needed, mld ? Layer::igmp : Layer::icmp,
           mld ? ParseError::igmp_bad_length : ParseError::icmp_bad_length)) {
    return false;
  }
  set_message(packet, extent, 8);
  return true;
}

}  // namespace

void read_icmp(DecodedPacket& packet, Extent extent) noexcept {
  if (!begin_message(packet, extent, false)) return;
  constexpr std::uint8_t router_advertisement4 = 9;
  if (extent.at[0] != router_advertisement4) return;
  // RFC 1256, 3.1: number of addresses, words of each.
  const std::uint32_t needed = 8 + extent.at[4] * extent.at[5] * 4u;
  if (!has(packet, extent, needed, Layer::icmp, ParseError::icmp_bad_length)) return;
}

void read_icmpv6(DecodedPacket& packet, Extent extent) noexcept {
  if (!begin_message(packet, extent, true)) return;
  const std::uint8_t type = extent.at[0];
  if (is_neighbour_discovery(type)) {
    // RFC 4861, 7.1: less than 255 says that it came through a router, from another link.
    if (packet.ttl != 255) report(packet, Layer::icmp, ParseError::ndp_bad_hop_limit, 0);
    const std::uint32_t fixed = icmpv6_length_min(type);
    return walk_ndp_options(packet, extent.after(fixed), fixed);
  }
  if (type == mld2_report) return walk_group_records(packet, extent, 16);
  constexpr std::uint32_t query2_bytes = 28;  // RFC 3810, 5.1; 24 is the first version's, between them is neither.
  if (type == mld_query && extent.wire > 24) {
    if (!has(packet, extent, query2_bytes, Layer::igmp, ParseError::igmp_bad_length)) return;
    const std::uint32_t needed = query2_bytes + load_be16(extent.at + 26) * 16u;
    if (!has(packet, extent, needed, Layer::igmp, ParseError::igmp_bad_length)) return;
  }
}

void read_igmp(DecodedPacket& packet, Extent extent) noexcept {
  constexpr std::uint8_t query = 0x11, report3 = 0x22;
  set_opaque(packet, extent);
  if (!has(packet, extent, 8, Layer::igmp, ParseError::igmp_bad_length)) return;
  set_message(packet, extent, 8);
  if (extent.at[0] == report3) return walk_group_records(packet, extent, 4);
  constexpr std::uint32_t query3_bytes = 12;  // RFC 3376, 7.1: 8 bytes are version 1 or 2, 12 and more version 3.
  if (extent.at[0] == query && extent.wire > 8) {
    if (!has(packet, extent, query3_bytes, Layer::igmp, ParseError::igmp_bad_length)) return;
    const std::uint32_t needed = query3_bytes + load_be16(extent.at + 10) * 4u;
    if (!has(packet, extent, needed, Layer::igmp, ParseError::igmp_bad_length)) return;
  }
}

}  // namespace tsujiban::decode
