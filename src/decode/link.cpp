// Link types but Ethernet, and what stands between a link header and IP: VLAN tags, LLC, MPLS, PPPoE, PPP, ARP.
#include "decode/decoder.h"
#include "decode/layers.h"

namespace tsujiban::decode {
namespace {

constexpr std::uint32_t arp_bytes = 28;          // Ethernet and IPv4 (RFC 826).
constexpr std::uint16_t arp_operation_max = 25;  // IANA's last assigned operation.

// Something that is no business of ours: kept as bytes, no rule broken.
void leave_unread(DecodedPacket& packet, Extent extent) noexcept {
  set_opaque(packet, extent);
  packet.snapped |= extent.captured < extent.wire;
}

void read_arp(DecodedPacket& packet, Extent extent) noexcept {
  if (!has(packet, extent, 8, Layer::arp)) return;
  const std::uint8_t* at = extent.at;
  const std::uint16_t hardware = load_be16(at), protocol = load_be16(at + 2), operation = load_be16(at + 6);
  // 6 is IEEE 802 networks, which take the same form. Other hardware and protocols are none of ours.
  if ((hardware != 1 && hardware != 6) || protocol != ethertype::ipv4) return leave_unread(packet, extent);
  if (at[4] != 6 || at[5] != 4) return stop(packet, Layer::arp, ParseError::arp_bad_format, 4);
  if (operation == 0 || operation > arp_operation_max) return stop(packet, Layer::arp, ParseError::arp_bad_format, 6);
  if (!has(packet, extent, arp_bytes, Layer::arp)) return;
  packet.is_arp = true;
  packet.network = at;
  packet.source = IpAddress::v4(load_be32(at + 14));
  packet.destination = IpAddress::v4(load_be32(at + 24));
  packet.payload = at;
  packet.payload_length = packet.payload_length_wire = arp_bytes;
}

// IEEE 802.2 behind a length field; SNAP (RFC 1042) carries an EtherType, the others (spanning tree, IS-IS) are not
// read.
void read_llc(DecodedPacket& packet, Extent extent, unsigned nesting, unsigned tags) noexcept {
  packet.ethertype = ethertype::llc;
  if (!has(packet, extent, 3, Layer::link)) return;
  const std::uint8_t* at = extent.at;
  if (at[0] != 0xaa || at[1] != 0xaa || at[2] != 3) return leave_unread(packet, extent);
  if (!has(packet, extent, 8, Layer::link)) return;
  const std::uint32_t organisation = load_be24(at + 3);
  const std::uint16_t type = load_be16(at + 6);
  // 0000F8 is IEEE 802.1H's bridge tunnel encapsulation of an EtherType.
  if ((organisation != 0 && organisation != 0xf8) || type < ethertype::type_min) return leave_unread(packet, extent);
  read_ethertype(packet, extent.after(8), type, nesting, tags);
}

// RFC 2516. Discovery needs no reading; a session carries PPP.
void read_pppoe(DecodedPacket& packet, Extent extent, unsigned nesting) noexcept {
  if (!has(packet, extent, 6, Layer::link)) return;
  const std::uint8_t* at = extent.at;
  if (at[0] != 0x11) return stop(packet, Layer::link, ParseError::bad_version, 0);
  if (at[1] != 0) return stop(packet, Layer::link, ParseError::pppoe_bad_code, 1);
  const std::uint32_t length = load_be16(at + 4);
  const Extent rest = extent.after(6);
  if (length > rest.wire) return stop(packet, Layer::link, ParseError::bad_length, 4);
  read_ppp(packet, rest.first(length), nesting + 1);
}

// Address families as the systems that write such captures number them: 2 is IPv4 everywhere; IPv6 is 10 in Linux, 23
// in Windows, 24 in NetBSD and OpenBSD, 28 in FreeBSD, 30 in macOS.
void read_family(DecodedPacket& packet, Extent extent, bool big_endian) noexcept {
  if (!has(packet, extent, 4, Layer::link)) return;
  std::uint32_t family = big_endian ? load_be32(extent.at) : load_le32(extent.at);
  // LINKTYPE_NULL is in the byte order of the machine that captured, which nothing says.
  if (!big_endian && (family & 0xffff) == 0) family = __builtin_bswap32(family);
  const Extent rest = extent.after(4);
  switch (family) {
    case 2:
      return read_ipv4(packet, rest, 0);
    case 10:
    case 23:
    case 24:
    case 28:
    case 30:
      return read_ipv6(packet, rest, 0);
    default:
      return leave_unread(packet, rest);
  }
}

void read_raw_ip(DecodedPacket& packet, Extent extent) noexcept {
  if (!has(packet, extent, 1, Layer::link)) return;
  switch (extent.at[0] >> 4) {
    case 4:
      return read_ipv4(packet, extent, 0);
    case 6:
      return read_ipv6(packet, extent, 0);
    default:
      return stop(packet, Layer::link, ParseError::bad_version, 0);
  }
}

void read_cooked(DecodedPacket& packet, Extent extent, std::uint32_t header_bytes, std::uint32_t type_offset) noexcept {
  if (!has(packet, extent, header_bytes, Layer::link)) return;
  const std::uint16_t type = load_be16(extent.at + type_offset);
  const Extent rest = extent.after(header_bytes);
  packet.ethertype = type;
  // Below an EtherType's least value Linux has numbers of its own; 4 is 802.2.
  if (type == ethertype::llc) return read_llc(packet, rest, 0, 0);
  if (type < ethertype::type_min) return leave_unread(packet, rest);
  read_ethertype(packet, rest, type, 0, 0);
}

}  // namespace

bool is_dissected(LinkType link) noexcept {
  switch (link) {
    case LinkType::ethernet:
    case LinkType::null_loopback:
    case LinkType::loop:
    case LinkType::raw_ip:
    case LinkType::raw_ip_bsd:
    case LinkType::raw_ipv4:
    case LinkType::raw_ipv6:
    case LinkType::linux_cooked:
    case LinkType::linux_cooked2:
    case LinkType::ppp:
      return true;
    default:
      return false;
  }
}

void read_link(DecodedPacket& packet, LinkType link, Extent extent) noexcept {
  switch (link) {
    case LinkType::ethernet:
      return read_ethernet(packet, extent, 0);
    case LinkType::null_loopback:
      return read_family(packet, extent, false);
    case LinkType::loop:
      return read_family(packet, extent, true);
    case LinkType::raw_ip:
    case LinkType::raw_ip_bsd:
      return read_raw_ip(packet, extent);
    case LinkType::raw_ipv4:
      return read_ipv4(packet, extent, 0);
    case LinkType::raw_ipv6:
      return read_ipv6(packet, extent, 0);
    case LinkType::linux_cooked:
      return read_cooked(packet, extent, 16, 14);
    case LinkType::linux_cooked2:
      return read_cooked(packet, extent, 20, 0);
    case LinkType::ppp:
      return read_ppp(packet, extent, 0);
    default:
      leave_unread(packet, extent);
      return report(packet, Layer::link, ParseError::unsupported, 0);
  }
}

void read_ethertype(DecodedPacket& packet, Extent extent, std::uint16_t type, unsigned nesting,
                    unsigned tags) noexcept {
  bool told = false;
  while (is_vlan_type(type)) {
    if (tags == vlan_tags_max) return stop(packet, Layer::link, ParseError::vlan_too_deep, 0);
    if (!has(packet, extent, 4, Layer::link)) return;
    const std::uint16_t id = load_be16(extent.at) & 0xfff;
    if (id != 0 && !packet.segment.push_vlan(id) && !told) {
      told = true;
      report(packet, Layer::link, ParseError::vlan_too_deep, 0);
    }
    type = load_be16(extent.at + 2);
    extent = extent.after(4);
    ++tags;
  }
  packet.ethertype = type;
  switch (type) {
    case ethertype::ipv4:
      return read_ipv4(packet, extent, nesting);
    case ethertype::ipv6:
      return read_ipv6(packet, extent, nesting);
    case ethertype::arp:
      return read_arp(packet, extent);
    case ethertype::mpls:
    case ethertype::mpls_multicast:
      return read_mpls(packet, extent, nesting);
    case ethertype::pppoe_session:
      return read_pppoe(packet, extent, nesting);
    default:
      break;
  }
  if (type > ethertype::length_max) return leave_unread(packet, extent);
  if (type > extent.wire) return stop(packet, Layer::link, ParseError::bad_length, 0);
  read_llc(packet, extent.first(type), nesting, tags);
}

void read_ppp(DecodedPacket& packet, Extent extent, unsigned nesting) noexcept {
  if (nesting > nesting_max) return stop(packet, Layer::link, ParseError::nesting_too_deep, 0);
  // Address and control, where HDLC framing (RFC 1662, 3.1) left them.
  if (!has(packet, extent, 1, Layer::link)) return;
  if (extent.at[0] == 0xff) {
    if (!has(packet, extent, 3, Layer::link)) return;
    if (extent.at[1] == 3) extent = extent.after(2);
  }
  // An odd first byte is a protocol field compressed to one byte (RFC 1661, 6.5).
  std::uint32_t protocol_bytes = 1;
  std::uint16_t protocol = extent.at[0];
  if ((protocol & 1) == 0) {
    if (!has(packet, extent, 2, Layer::link)) return;
    protocol = load_be16(extent.at);
    protocol_bytes = 2;
  }
  const Extent rest = extent.after(protocol_bytes);
  switch (protocol) {
    case 0x0021:
      return read_ipv4(packet, rest, nesting);
    case 0x0057:
      return read_ipv6(packet, rest, nesting);
    case 0x0281:
    case 0x0283:
      return read_mpls(packet, rest, nesting);
    default:
      return leave_unread(packet, rest);
  }
}

}  // namespace tsujiban::decode
