// Packets inside packets: GRE, ERSPAN, VXLAN, GENEVE, IP in IP, MPLS.
#include "decode/layers.h"

namespace tsujiban::decode {
namespace {

constexpr std::uint32_t ethernet_header_bytes = 14;

// Reads what a tunnel carries with `inner`, one level deeper. The packet becomes the inner one; where that is neither
// IP nor ARP it stays the outer one, so that whoever writes a tunnel header before anything at all does not leave the
// flow table.
template <class Inner>
void enter(DecodedPacket& packet, unsigned nesting, Inner inner) noexcept {
  if (nesting >= nesting_max) return stop(packet, Layer::tunnel, ParseError::nesting_too_deep, 0);
  const DecodedPacket outer = packet;
  packet.ip_version = 0;
  packet.ip_header_length = 0;
  packet.is_arp = false;
  packet.source_routed = packet.length_from_frame = false;
  packet.source = packet.destination = {};
  packet.source_port = packet.destination_port = 0;
  packet.protocol = packet.ttl = 0;
  packet.network = nullptr;
  packet.ip_payload_length = 0;
  ++packet.tunnel_depth;
  set_opaque(packet, {nullptr, 0, 0});
  inner(nesting + 1);
  if (packet.ip_version != 0 || packet.is_arp) return;
  const auto anomalies = packet.anomalies;
  const std::uint8_t unlisted = packet.anomalies_unlisted;
  const bool malformed = packet.malformed, snapped = packet.snapped;
  packet = outer;
  packet.anomalies = anomalies;
  packet.anomalies_unlisted = unlisted;
  packet.malformed |= malformed;
  packet.snapped |= snapped;
}

// IP inside IP has no link of its own: it keeps the segment of its outside, so that two homes' tunnels stay apart.
// An inner Ethernet frame begins a link of its own: `segment`, then its tags. `vlan`: the VLAN that the tunnel names,
// where the frame has no tag; 0: none.
void enter_ethernet(DecodedPacket& packet, Extent extent, unsigned nesting, SegmentKey segment,
                    std::uint16_t vlan) noexcept {
  enter(packet, nesting, [&](unsigned inner_nesting) {
    packet.segment = segment;
    if (vlan != 0) {
      const bool tagged = extent.captured >= ethernet_header_bytes + 2 && is_vlan_type(load_be16(extent.at + 12)) &&
                          (load_be16(extent.at + 14) & 0xfff) != 0;
      if (!tagged) packet.segment.push_vlan(vlan);
    }
    read_ethernet(packet, extent, inner_nesting);
  });
}

void enter_ip(DecodedPacket& packet, Extent extent, unsigned nesting, std::uint8_t version,
              SegmentKey segment) noexcept {
  enter(packet, nesting, [&](unsigned inner_nesting) {
    packet.segment = segment;
    if (version == 4) {
      read_ipv4(packet, extent, inner_nesting);
    } else {
      read_ipv6(packet, extent, inner_nesting);
    }
  });
}

// draft-foschiano-erspan-03. Type I has no header; II and III begin with version (4 bits) and VLAN (12 bits).
void read_erspan(DecodedPacket& packet, Extent extent, unsigned nesting, bool sequence, bool third) noexcept {
  if (!sequence && !third) return enter_ethernet(packet, extent, nesting, {}, 0);
  constexpr std::uint32_t header2_bytes = 8, header3_bytes = 12, platform_bytes = 8;
  std::uint32_t header_bytes = third ? header3_bytes : header2_bytes;
  if (!has(packet, extent, header_bytes, Layer::tunnel)) return;
  const std::uint16_t first = load_be16(extent.at);
  if (first >> 12 != (third ? 2 : 1)) return stop(packet, Layer::tunnel, ParseError::bad_version, 0);
  if (third) {
    const std::uint16_t last = load_be16(extent.at + 10);
    if ((last & 1) != 0) header_bytes += platform_bytes;
    if (!has(packet, extent, header_bytes, Layer::tunnel)) return;
    // Frame type 2 is an IP packet without Ethernet.
    const unsigned frame_type = last >> 10 & 0x1f;
    if (frame_type != 0) return;
  }
  enter_ethernet(packet, extent.after(header_bytes), nesting, {}, first & 0xfff);
}

// RFC 7348, 5:  | flags 8, I = 0x08 | reserved 24 | VNI 24 | reserved 8 |
void read_vxlan(DecodedPacket& packet, Extent extent, unsigned nesting) noexcept {
  constexpr std::uint32_t header_bytes = 8;
  if (!has(packet, extent, header_bytes, Layer::tunnel)) return;
  // Not VXLAN then, but somebody else's datagram to that port.
  if ((extent.at[0] & 8) == 0) return report(packet, Layer::tunnel, ParseError::vxlan_bad_flags, 0);
  enter_ethernet(packet, extent.after(header_bytes), nesting, SegmentKey::vni(load_be24(extent.at + 4)), 0);
}

// RFC 8926, 3.4:  | version 2, option words 6 | O C reserved | protocol 16 | VNI 24 | reserved 8 | options ...
void read_geneve(DecodedPacket& packet, Extent extent, unsigned nesting) noexcept {
  constexpr std::uint32_t header_bytes = 8;
  if (!has(packet, extent, header_bytes, Layer::tunnel)) return;
  const std::uint8_t* at = extent.at;
  if (at[0] >> 6 != 0) return report(packet, Layer::tunnel, ParseError::bad_version, 0);
  const std::uint32_t options = (at[0] & 0x3f) * 4u;
  if (!has(packet, extent, header_bytes + options, Layer::tunnel, ParseError::geneve_bad_options)) return;
  for (std::uint32_t done = 0; done < options;) {
    // At most 252 bytes of at least 4 each.
    const std::uint32_t length = 4 + (at[header_bytes + done + 3] & 0x1f) * 4u;
    if (length > options - done) {
      return stop(packet, Layer::tunnel, ParseError::geneve_bad_options, header_bytes + done);
    }
    done += length;
  }
  const Extent rest = extent.after(header_bytes + options);
  const SegmentKey segment = SegmentKey::vni(load_be24(at + 4));
  const std::uint16_t type = load_be16(at + 2);
  if (type == ethertype::transparent_bridging) return enter_ethernet(packet, rest, nesting, segment, 0);
  if (type != ethertype::ipv4 && type != ethertype::ipv6) return;
  enter_ip(packet, rest, nesting, type == ethertype::ipv4 ? 4 : 6, segment);
}

}  // namespace

void read_ip_in_ip(DecodedPacket& packet, Extent extent, unsigned nesting, std::uint8_t version) noexcept {
  enter_ip(packet, extent, nesting, version, packet.segment);
}

void read_udp_tunnel(DecodedPacket& packet, Extent extent, unsigned nesting) noexcept {
  if (packet.destination_port == 6081) {
    read_geneve(packet, extent, nesting);
  } else {
    read_vxlan(packet, extent, nesting);
  }
}

// RFC 2784 and RFC 2890:  | C R K S s recursion 3 | A flags 4 | version 3 | protocol 16 | checksum, reserved | key |
// sequence |
void read_gre(DecodedPacket& packet, Extent extent, unsigned nesting) noexcept {
  if (!has(packet, extent, 4, Layer::tunnel)) return;
  const std::uint16_t flags = load_be16(extent.at), type = load_be16(extent.at + 2);
  const unsigned version = flags & 7;
  const bool checksum = (flags & 0x8000) != 0, routing = (flags & 0x4000) != 0, key = (flags & 0x2000) != 0,
             sequence = (flags & 0x1000) != 0, acknowledgment = (flags & 0x0080) != 0;
  if (version > 1) return stop(packet, Layer::tunnel, ParseError::bad_version, 1);
  if (routing) return stop(packet, Layer::tunnel, ParseError::gre_routing_present, 0);
  if ((flags & 0x0f00) != 0) return stop(packet, Layer::tunnel, ParseError::gre_bad_flags, 0);
  std::uint32_t header_bytes = 4 + (checksum ? 4 : 0) + (key ? 4 : 0) + (sequence ? 4 : 0);
  if (version == 1) {
    // PPTP (RFC 2637, 4.1): the key holds payload length and call; without a sequence number it only acknowledges.
    if (type != ethertype::pptp || !key || checksum) return stop(packet, Layer::tunnel, ParseError::gre_bad_flags, 0);
    header_bytes += acknowledgment ? 4 : 0;
    if (!has(packet, extent, header_bytes, Layer::tunnel)) return;
    const std::uint32_t length = load_be16(extent.at + 4);
    const Extent rest = extent.after(header_bytes);
    if (!sequence || length == 0) return;
    if (length > rest.wire) return stop(packet, Layer::tunnel, ParseError::bad_length, 4);
    return enter(packet, nesting, [&](unsigned inner_nesting) { read_ppp(packet, rest.first(length), inner_nesting); });
  }
  if (!has(packet, extent, header_bytes, Layer::tunnel)) return;
  const Extent rest = extent.after(header_bytes);
  switch (type) {
    case ethertype::ipv4:
      return enter_ip(packet, rest, nesting, 4, packet.segment);
    case ethertype::ipv6:
      return enter_ip(packet, rest, nesting, 6, packet.segment);
    case ethertype::transparent_bridging:
      return enter_ethernet(packet, rest, nesting, {}, 0);
    case ethertype::erspan:
      return read_erspan(packet, rest, nesting, sequence, false);
    case ethertype::erspan3:
      return read_erspan(packet, rest, nesting, sequence, true);
    case ethertype::mpls:
    case ethertype::mpls_multicast:
      return enter(packet, nesting, [&](unsigned inner_nesting) { read_mpls(packet, rest, inner_nesting); });
    default:
      return;
  }
}

// RFC 3032. Nothing says what a label stack carries: the first nibble tells IP (RFC 4928), 0 is a pseudowire's control
// word (RFC 4385), and an Ethernet pseudowire may also come without one.
void read_mpls(DecodedPacket& packet, Extent extent, unsigned nesting) noexcept {
  if (nesting >= nesting_max) return stop(packet, Layer::link, ParseError::nesting_too_deep, 0);
  bool bottom = false;
  for (unsigned labels = 0; !bottom; ++labels) {
    if (labels == mpls_labels_max) return stop(packet, Layer::link, ParseError::mpls_too_deep, 0);
    if (!has(packet, extent, 4, Layer::link)) return;
    bottom = (extent.at[2] & 1) != 0;
    extent = extent.after(4);
  }
  if (!has(packet, extent, 1, Layer::link)) return;
  const auto frame_like = [](Extent frame) {
    if (frame.captured < ethernet_header_bytes) return false;
    const std::uint16_t type = load_be16(frame.at + 12);
    return type == ethertype::ipv4 || type == ethertype::ipv6 || type == ethertype::arp || is_vlan_type(type) ||
           type == ethertype::mpls || type == ethertype::pppoe_session || type == ethertype::pppoe_discovery;
  };
  const unsigned nibble = extent.at[0] >> 4;
  const bool ipv4_like = nibble == 4 && extent.captured >= 4 && (extent.at[0] & 15) >= 5 &&
                         load_be16(extent.at + 2) >= 20 && load_be16(extent.at + 2) <= extent.wire;
  const bool ipv6_like = nibble == 6 && extent.captured >= 6 && load_be16(extent.at + 4) + 40u <= extent.wire;
  if (ipv4_like) return read_ipv4(packet, extent, nesting + 1);
  if (ipv6_like) return read_ipv6(packet, extent, nesting + 1);
  if (nibble == 0 && extent.captured >= 4 && frame_like(extent.after(4))) {
    return enter_ethernet(packet, extent.after(4), nesting, {}, 0);
  }
  if (frame_like(extent)) return enter_ethernet(packet, extent, nesting, {}, 0);
  if (nibble == 4) return read_ipv4(packet, extent, nesting + 1);  // It will say what is wrong.
  if (nibble == 6) return read_ipv6(packet, extent, nesting + 1);
  set_opaque(packet, extent);
  packet.snapped |= extent.captured < extent.wire;
}

}  // namespace tsujiban::decode
