#include "decode/decoder.h"

#include "decode/layers.h"
#include "model/flow_key.h"

namespace tsujiban::decode {
namespace {

constexpr std::uint32_t ethernet_header_bytes = 14;
constexpr std::uint32_t ipv4_header_bytes_min = 20;
constexpr std::uint32_t ipv6_header_bytes = 40;
constexpr std::uint32_t udp_header_bytes = 8;
constexpr std::uint32_t tcp_header_bytes_min = 20;

#define TSUJIBAN_HOT [[gnu::always_inline]] inline

// Flag sets that no implementation sends: SYN with FIN or RST, FIN without ACK, none at all (RFC 9293, 3.10.7). One bit
// for each value of the six flags.
constexpr std::uint64_t bad_tcp_flags() noexcept {
  std::uint64_t bits = 0;
  for (unsigned f = 0; f < 64; ++f) {
    const bool syn = (f & tcp_flag::syn) != 0, fin = (f & tcp_flag::fin) != 0, rst = (f & tcp_flag::rst) != 0;
    if ((syn && (fin || rst)) || (fin && (f & tcp_flag::ack) == 0) || f == 0) bits |= std::uint64_t{1} << f;
  }
  return bits;
}

// The transport header is not whole. Ports are taken where they are there, so that a snapped packet keeps its flow.
[[gnu::cold, gnu::noinline]] void short_transport(DecodedPacket& packet, Extent extent, std::uint32_t needed,
                                                  Layer layer) noexcept {
  if (extent.captured >= 4) {
    packet.source_port = load_be16(extent.at);
    packet.destination_port = load_be16(extent.at + 2);
  }
  set_opaque(packet, extent);
  missing(packet, extent, needed, layer);
}

TSUJIBAN_HOT void udp(DecodedPacket& packet, Extent extent, unsigned nesting) noexcept {
  if (extent.captured < udp_header_bytes) [[unlikely]]
    return short_transport(packet, extent, udp_header_bytes, Layer::udp);
  const std::uint8_t* header = extent.at;
  packet.source_port = load_be16(header);
  packet.destination_port = load_be16(header + 2);
  const std::uint32_t length = load_be16(header + 4);
  // Length 0 is a jumbogram's (RFC 2675, 4), which the IP layer has not let through.
  if (length < udp_header_bytes || length > extent.wire) [[unlikely]] {
    set_opaque(packet, extent);
    return stop(packet, Layer::udp, ParseError::udp_bad_length, 4);
  }
  packet.transport = header;
  packet.payload = header + udp_header_bytes;
  packet.payload_length = std::min(extent.captured, length) - udp_header_bytes;
  packet.payload_length_wire = length - udp_header_bytes;
  const bool tunnel = is_tunnel_port(packet.destination_port);
  // Tunnels over IPv6 may leave the checksum out (RFC 6935, 5).
  if (packet.ip_version == 6 && !tunnel && load_be16(header + 6) == 0) [[unlikely]] {
    report(packet, Layer::udp, ParseError::udp_zero_checksum_ipv6, 6);
  }
  if (tunnel) [[unlikely]]
    read_udp_tunnel(packet, extent.first(length).after(udp_header_bytes), nesting);
}

TSUJIBAN_HOT void tcp(DecodedPacket& packet, Extent extent) noexcept {
  if (extent.captured < tcp_header_bytes_min) [[unlikely]] {
    return short_transport(packet, extent, tcp_header_bytes_min, Layer::tcp);
  }
  const std::uint8_t* header = extent.at;
  packet.source_port = load_be16(header);
  packet.destination_port = load_be16(header + 2);
  packet.tcp_sequence = load_be32(header + 4);
  packet.tcp_acknowledgment = load_be32(header + 8);
  packet.tcp_flags = header[13];
  packet.tcp_window = load_be16(header + 14);
  const std::uint32_t header_length = (header[12] >> 4) * 4u;
  if (header_length < tcp_header_bytes_min || header_length > extent.wire) [[unlikely]] {
    set_opaque(packet, extent);
    return stop(packet, Layer::tcp, ParseError::tcp_bad_header_length, 12);
  }
  if (header_length > extent.captured) [[unlikely]] {
    set_opaque(packet, extent);
    packet.snapped = true;
    return;
  }
  packet.transport = header;
  packet.tcp_header_length = static_cast<std::uint8_t>(header_length);
  packet.payload = header + header_length;
  packet.payload_length = extent.captured - header_length;
  packet.payload_length_wire = extent.wire - header_length;
  if ((bad_tcp_flags() >> (header[13] & 0x3f) & 1) != 0) [[unlikely]] {
    report(packet, Layer::tcp, ParseError::tcp_bad_flags, 13);
  }
  if (header_length != tcp_header_bytes_min) {
    // Nearly all segments with options carry two NOPs and a timestamp (RFC 7323, appendix A).
    constexpr std::uint32_t timestamp_only = 0x0101080a;
    if (header_length != 32 || load_be32(header + 20) != timestamp_only) [[unlikely]] {
      walk_tcp_options(packet, {header + tcp_header_bytes_min, header_length - tcp_header_bytes_min});
    }
  }
}

TSUJIBAN_HOT void ip_payload(DecodedPacket& packet, Extent body, unsigned nesting) noexcept {
  packet.ip_payload_length = body.captured;
  packet.snapped |= body.captured < body.wire;
  if (packet.protocol == static_cast<std::uint8_t>(IpProtocol::udp)) [[likely]]
    return udp(packet, body, nesting);
  if (packet.protocol == static_cast<std::uint8_t>(IpProtocol::tcp)) [[likely]]
    return tcp(packet, body);
  read_protocol(packet, body, nesting, 0);
}

TSUJIBAN_HOT void ipv4(DecodedPacket& packet, Extent extent, unsigned nesting) noexcept {
  if (extent.captured < ipv4_header_bytes_min) [[unlikely]] {
    return missing(packet, extent, ipv4_header_bytes_min, Layer::ipv4);
  }
  const std::uint8_t* header = extent.at;
  if (header[0] != 0x45) [[unlikely]] {
    if (header[0] >> 4 != 4) return stop(packet, Layer::ipv4, ParseError::bad_version, 0);
    if ((header[0] & 15) < 5) return stop(packet, Layer::ipv4, ParseError::ip_bad_header_length, 0);
  }
  const std::uint32_t header_length = (header[0] & 15) * 4u;
  packet.ip_version = 4;
  packet.ethertype = ethertype::ipv4;
  packet.network = header;
  packet.ttl = header[8];
  packet.protocol = header[9];
  const std::uint32_t source = load_be32(header + 12), destination = load_be32(header + 16);
  packet.source = IpAddress::v4(source);
  packet.destination = IpAddress::v4(destination);
  std::uint32_t total = load_be16(header + 2);
  const std::uint32_t fragment = load_be16(header + 6) & 0x3fffu;
  if (total < header_length || total > extent.wire) [[unlikely]] {
    // Cards that cut large TCP segments for the host fill in the length; captured before them it is 0.
    const bool segmentation = total == 0 && packet.protocol == static_cast<std::uint8_t>(IpProtocol::tcp) &&
                              fragment == 0 && extent.wire >= header_length;
    if (!segmentation) {
      return stop(packet, Layer::ipv4,
                  header_length > extent.wire ? ParseError::ip_bad_header_length : ParseError::ip_bad_total_length, 2);
    }
    total = extent.wire;
    packet.length_from_frame = true;
  }
  if (header_length > extent.captured) [[unlikely]] {
    packet.snapped = true;
    return;
  }
  packet.ip_header_length = static_cast<std::uint16_t>(header_length);
  const Extent body = extent.first(total).after(header_length);
  if (header[8] == 0 || source == destination || source >> 28 >= 0xe) [[unlikely]]
    check_ipv4_rules(packet);
  if (header_length != ipv4_header_bytes_min) [[unlikely]] {
    walk_ipv4_options(packet, {header + ipv4_header_bytes_min, header_length - ipv4_header_bytes_min});
  }
  if (fragment != 0) [[unlikely]] {
    return set_fragment(packet, body, load_be16(header + 4), (fragment & 0x1fff) * 8, (fragment & 0x2000) != 0);
  }
  ip_payload(packet, body, nesting);
}

TSUJIBAN_HOT void ipv6(DecodedPacket& packet, Extent extent, unsigned nesting) noexcept {
  if (extent.captured < ipv6_header_bytes) [[unlikely]]
    return missing(packet, extent, ipv6_header_bytes, Layer::ipv6);
  const std::uint8_t* header = extent.at;
  if (header[0] >> 4 != 6) [[unlikely]]
    return stop(packet, Layer::ipv6, ParseError::bad_version, 0);
  packet.ip_version = 6;
  packet.ethertype = ethertype::ipv6;
  packet.network = header;
  packet.ip_header_length = ipv6_header_bytes;
  packet.protocol = header[6];
  packet.ttl = header[7];
  packet.source = IpAddress::v6(header + 8);
  packet.destination = IpAddress::v6(header + 24);
  std::uint32_t length = load_be16(header + 4);
  const Extent rest = extent.after(ipv6_header_bytes);
  if (length == 0 && packet.protocol == static_cast<std::uint8_t>(IpProtocol::tcp)) [[unlikely]] {
    length = rest.wire;  // As for IPv4 above.
    packet.length_from_frame = true;
  } else if (length == 0 && packet.protocol == static_cast<std::uint8_t>(IpProtocol::hop_by_hop)) [[unlikely]] {
    // RFC 2675, 3: the length is in a Jumbo Payload option, on links that carry more than 65,575 bytes. None of ours
    // does.
    packet.ip_header_length = 0;
    return stop(packet, Layer::ipv6, ParseError::ipv6_jumbogram, 4);
  } else if (length > rest.wire) [[unlikely]] {
    packet.ip_header_length = 0;
    return stop(packet, Layer::ipv6, ParseError::ip_bad_total_length, 4);
  }
  if (header[7] == 0 || packet.source == packet.destination || header[8] == 0xff || packet.source.high == 0 ||
      packet.destination.high == 0) [[unlikely]] {
    if (!check_ipv6_rules(packet)) return;
  }
  ip_payload(packet, rest.first(length), nesting);
}

TSUJIBAN_HOT void ethernet(DecodedPacket& packet, Extent extent, unsigned nesting) noexcept {
  if (extent.captured < ethernet_header_bytes) [[unlikely]] {
    return missing(packet, extent, ethernet_header_bytes, Layer::link);
  }
  packet.ethernet = extent.at;
  std::uint16_t type = load_be16(extent.at + 12);
  Extent body = extent.after(ethernet_header_bytes);
  unsigned tags = 0;
  if (type == ethertype::vlan && body.captured >= 4) {
    const std::uint16_t id = load_be16(body.at) & 0xfff;
    // Identifier 0 is a priority tag, which names no VLAN (IEEE 802.1Q, 9.6).
    if (id != 0) packet.segment.push_vlan(id);
    type = load_be16(body.at + 2);
    body = body.after(4);
    tags = 1;
  }
  packet.ethertype = type;
  if (type == ethertype::ipv4) [[likely]]
    return ipv4(packet, body, nesting);
  if (type == ethertype::ipv6) [[likely]]
    return ipv6(packet, body, nesting);
  read_ethertype(packet, body, type, nesting, tags);
}

TSUJIBAN_HOT void clear_odd(DecodedPacket& packet) noexcept {
  packet.fragment_id = 0;
  packet.fragment_offset = 0;
  packet.is_arp = packet.is_fragment = packet.fragment_more = packet.snapped = false;
  packet.length_from_frame = packet.source_routed = packet.malformed = false;
  packet.anomalies_unlisted = 0;
  packet.anomalies.clear();
}

// Everything that a packet may leave unset.
TSUJIBAN_HOT void clear(DecodedPacket& packet) noexcept {
  packet.segment = {};
  packet.source = {};
  packet.destination = {};
  packet.ethernet = packet.network = packet.transport = packet.payload = nullptr;
  packet.payload_length = packet.payload_length_wire = packet.ip_payload_length = 0;
  packet.tcp_sequence = packet.tcp_acknowledgment = 0;
  packet.source_port = packet.destination_port = packet.tcp_window = packet.ethertype = 0;
  packet.ip_header_length = 0;
  packet.tcp_flags = packet.tcp_header_length = packet.protocol = packet.ip_version = packet.ttl = packet.tunnel_depth =
      0;
  packet.checksum = ChecksumState::unchecked;
  clear_odd(packet);
}

// No IP and no ARP: the pair is that of the MAC addresses, kept apart from every IP address by the second word.
[[gnu::noinline]] void hash_without_ip(HashSeed seed, DecodedPacket& packet) noexcept {
  IpAddress source, destination;
  if (packet.ethernet != nullptr) {
    constexpr std::uint64_t mac_pair = ~std::uint64_t{0};
    source = {MacAddress::load(packet.ethernet + 6).value, mac_pair};
    destination = {MacAddress::load(packet.ethernet).value, mac_pair};
  }
  packet.pair_hash = pair_hash_of(seed, packet.segment, source, destination);
  packet.flow_hash = flow_hash_of(seed, packet.pair_hash, source, destination, 0, 0, 0);
}

// What nearly all packets are, so that whoever handles them asks once. The transport header is there and its payload
// whole: so nothing is malformed or snapped.
TSUJIBAN_HOT bool is_plain(const DecodedPacket& packet) noexcept {
  const bool udp = packet.protocol == static_cast<std::uint8_t>(IpProtocol::udp),
             tcp = packet.protocol == static_cast<std::uint8_t>(IpProtocol::tcp);
  const bool odd = packet.is_fragment | packet.snapped | packet.malformed | packet.length_from_frame |
                   packet.source_routed | (packet.tunnel_depth != 0);
  return (udp | tcp) && packet.transport != nullptr && !odd && packet.anomalies.empty() && packet.ip_header_length != 0;
}

TSUJIBAN_HOT void hash(HashSeed seed, DecodedPacket& packet) noexcept {
  if (packet.ip_version == 0 && !packet.is_arp) [[unlikely]]
    return hash_without_ip(seed, packet);
  packet.pair_hash = pair_hash_of(seed, packet.segment, packet.source, packet.destination);
  const bool ports = has_ports(packet);
  const std::uint16_t sp = ports ? packet.source_port : std::uint16_t{0},
                      dp = ports ? packet.destination_port : std::uint16_t{0};
  // Two IPv4 addresses differ in their last word only, and then in what stands above the port here.
  if (packet.ip_version == 4) [[likely]] {
    packet.source_is_high = (packet.destination.low << 16 | dp) < (packet.source.low << 16 | sp);
  } else {
    packet.source_is_high = stands_before(packet.destination, dp, packet.source, sp);
  }
  packet.flow_hash = flow_hash_of(seed, packet.pair_hash, packet.source_is_high, sp, dp, packet.protocol);
}

// UDP and TCP over IPv4 and Ethernet with at most one VLAN tag, whole, with no broken rule and nothing that has to be
// looked at: what nearly all packets are, in one go. False, with nothing set that the readers of the layers do not set
// again, for all others. What it sets is what they would (`decoder_test` holds the two against each other).
TSUJIBAN_HOT bool decode_plain(HashSeed seed, const RawPacket& raw, DecodedPacket& packet) noexcept {
  constexpr std::uint32_t least = ethernet_header_bytes + ipv4_header_bytes_min + udp_header_bytes;
  const std::uint8_t* const frame = raw.data;
  std::uint32_t left = raw.length_captured;
  if (left < least) return false;
  const std::uint8_t* header = frame + ethernet_header_bytes;
  left -= ethernet_header_bytes;
  SegmentKey segment;
  std::uint16_t type = load_be16(frame + 12);
  if (type == ethertype::vlan) {
    if (left < least - ethernet_header_bytes + 4) return false;
    const std::uint16_t id = load_be16(header) & 0xfff;
    if (id != 0) segment = SegmentKey::from_raw(0x1000u | id);
    type = load_be16(header + 2);
    header += 4;
    left -= 4;
  }
  const std::uint64_t first = load_le64(header);  // Version to flags, byte by byte from the low end.
  const std::uint32_t total = load_be16(header + 2);
  constexpr std::uint64_t version_and_fragment = 0xff3f'0000'0000'00ffu;
  const std::uint32_t source = load_be32(header + 12), destination = load_be32(header + 16);
  if (type != ethertype::ipv4 || (first & version_and_fragment) != 0x45 || total > left || header[8] == 0 ||
      source == destination || source >> 28 >= 0xe)
    return false;
  const std::uint8_t protocol = header[9];
  const std::uint8_t* const transport = header + ipv4_header_bytes_min;
  std::uint32_t header_length, payload_length;
  if (protocol == static_cast<std::uint8_t>(IpProtocol::udp)) {
    const std::uint32_t length = load_be16(transport + 4);
    if (length < udp_header_bytes || length + ipv4_header_bytes_min > total || is_tunnel_port(load_be16(transport + 2)))
      return false;
    header_length = udp_header_bytes;
    payload_length = length - udp_header_bytes;
    packet.tcp_sequence = packet.tcp_acknowledgment = packet.tcp_window = 0;
    packet.tcp_flags = packet.tcp_header_length = 0;
  } else if (protocol == static_cast<std::uint8_t>(IpProtocol::tcp)) {
    constexpr std::uint32_t with_timestamp = 32, timestamp_only = 0x0101080a;  // As in `tcp` above.
    if (total < ipv4_header_bytes_min + tcp_header_bytes_min) return false;
    header_length = (transport[12] >> 4) * 4u;
    if (header_length + ipv4_header_bytes_min > total ||
        !(header_length == tcp_header_bytes_min ||
          (header_length == with_timestamp && load_be32(transport + tcp_header_bytes_min) == timestamp_only)) ||
        (bad_tcp_flags() >> (transport[13] & 0x3f) & 1) != 0)
      return false;
    payload_length = total - ipv4_header_bytes_min - header_length;
    packet.tcp_sequence = load_be32(transport + 4);
    packet.tcp_acknowledgment = load_be32(transport + 8);
    packet.tcp_window = load_be16(transport + 14);
    packet.tcp_flags = transport[13];
    packet.tcp_header_length = static_cast<std::uint8_t>(header_length);
  } else {
    return false;
  }
  const std::uint16_t source_port = load_be16(transport), destination_port = load_be16(transport + 2);
  packet.segment = segment;
  packet.source = IpAddress::v4(source);
  packet.destination = IpAddress::v4(destination);
  packet.network = header;
  packet.transport = transport;
  packet.payload = transport + header_length;
  packet.payload_length = packet.payload_length_wire = payload_length;
  packet.source_port = source_port;
  packet.destination_port = destination_port;
  packet.protocol = protocol;
  packet.ip_version = 4;
  packet.checksum = ChecksumState::unchecked;
  packet.plain = true;
  packet.source_is_high =
      (std::uint64_t{destination} << 16 | destination_port) < (std::uint64_t{source} << 16 | source_port);
  packet.ttl = header[8];
  packet.ethernet = frame;
  packet.ip_payload_length = total - ipv4_header_bytes_min;
  packet.ethertype = ethertype::ipv4;
  packet.ip_header_length = ipv4_header_bytes_min;
  packet.tunnel_depth = 0;
  clear_odd(packet);
  packet.pair_hash = pair_hash_of(seed, segment, packet.source, packet.destination);
  packet.flow_hash =
      flow_hash_of(seed, packet.pair_hash, packet.source_is_high, source_port, destination_port, protocol);
  return true;
}

}  // namespace

void Decoder::decode(const RawPacket& raw, PacketTime now, DecodedPacket& packet) const noexcept {
  packet.raw = &raw;
  packet.time = now;
  if (raw.link == LinkType::ethernet && decode_plain(seed_, raw, packet)) [[likely]]
    return;
  decode_layers(raw, now, packet);
}

// Whatever else is wrong with such a packet, its addresses stand where they stand.
bool Decoder::glance(const RawPacket& raw, std::uint16_t watched_port, std::uint64_t& pair_hash) const noexcept {
  constexpr std::uint32_t ports_bytes = 4;
  constexpr std::uint32_t least = ethernet_header_bytes + ipv4_header_bytes_min + ports_bytes, vlan_tag_bytes = 4;
  if (raw.link != LinkType::ethernet || raw.length_captured < least + vlan_tag_bytes) return false;
  const std::uint8_t* header = raw.data + ethernet_header_bytes;
  SegmentKey segment;
  std::uint16_t type = load_be16(raw.data + 12);
  if (type == ethertype::vlan) {
    const std::uint16_t id = load_be16(header) & 0xfff;
    if (id != 0) segment = SegmentKey::from_raw(0x1000u | id);
    type = load_be16(header + 2);
    header += vlan_tag_bytes;
  }
  IpAddress source, destination;
  const std::uint8_t* transport;
  std::uint8_t protocol;
  if (type == ethertype::ipv4) {
    constexpr std::uint64_t version_and_fragment = 0xff3f'0000'0000'00ffu;  // As in `decode_plain`.
    if ((load_le64(header) & version_and_fragment) != 0x45) return false;
    protocol = header[9];
    source = IpAddress::v4(load_be32(header + 12));
    destination = IpAddress::v4(load_be32(header + 16));
    transport = header + ipv4_header_bytes_min;
  } else if (type == ethertype::ipv6) {
    if (static_cast<std::size_t>(raw.data + raw.length_captured - header) < ipv6_header_bytes + ports_bytes ||
        header[0] >> 4 != 6)
      return false;
    protocol = header[6];
    source = IpAddress::v6(header + 8);
    destination = IpAddress::v6(header + 24);
    transport = header + ipv6_header_bytes;
  } else {
    return false;
  }
  const std::uint16_t source_port = load_be16(transport), destination_port = load_be16(transport + 2);
  const bool udp = protocol == static_cast<std::uint8_t>(IpProtocol::udp),
             tcp = protocol == static_cast<std::uint8_t>(IpProtocol::tcp);
  if (!(tcp | udp) || (udp && is_tunnel_port(destination_port)) ||
      (watched_port != 0 && (source_port == watched_port || destination_port == watched_port)))
    return false;
  pair_hash = pair_hash_of(seed_, segment, source, destination);
  return true;
}

void Decoder::decode_layers(const RawPacket& raw, PacketTime now, DecodedPacket& packet) const noexcept {
  clear(packet);
  packet.raw = &raw;
  packet.time = now;
  // Some writers leave the length on the wire 0.
  const Extent all{raw.data, raw.length_captured, std::max(raw.length_captured, raw.length_wire)};
  if (raw.link == LinkType::ethernet) [[likely]] {
    ethernet(packet, all, 0);
  } else {
    read_link(packet, raw.link, all);
  }
  packet.plain = is_plain(packet);
  hash(seed_, packet);
}

void Decoder::decode_reassembled(const DecodedPacket& header, std::uint8_t protocol, Bytes payload,
                                 DecodedPacket& packet) const noexcept {
  if (&packet != &header) packet = header;
  packet.transport = packet.payload = nullptr;
  packet.payload_length = packet.payload_length_wire = 0;
  packet.tcp_sequence = packet.tcp_acknowledgment = 0;
  packet.source_port = packet.destination_port = packet.tcp_window = packet.fragment_offset = 0;
  packet.tcp_flags = packet.tcp_header_length = 0;
  packet.is_fragment = packet.fragment_more = packet.snapped = packet.malformed = false;
  packet.anomalies.clear();
  packet.anomalies_unlisted = 0;
  packet.checksum = ChecksumState::unchecked;
  packet.protocol = protocol;
  packet.ip_header_length = 0;  // The header and this payload are not in one piece.
  const auto length = static_cast<std::uint32_t>(payload.size());
  const Extent body{payload.data(), length, length};
  packet.ip_payload_length = length;
  // A datagram that was put together has had its Fragment header; a second one would let it be taken apart for ever.
  if (protocol == static_cast<std::uint8_t>(IpProtocol::udp)) {
    udp(packet, body, packet.tunnel_depth);
  } else if (protocol == static_cast<std::uint8_t>(IpProtocol::tcp)) {
    tcp(packet, body);
  } else {
    read_protocol(packet, body, packet.tunnel_depth, extension_seen_fragment);
  }
  packet.plain = false;
  hash(seed_, packet);
}

void report(DecodedPacket& packet, Layer layer, ParseError error, std::uint32_t offset) noexcept {
  if (!packet.anomalies.push({layer, error, offset}) && packet.anomalies_unlisted != 255) ++packet.anomalies_unlisted;
}

void stop(DecodedPacket& packet, Layer layer, ParseError error, std::uint32_t offset) noexcept {
  packet.malformed = true;
  // What ended the reading must be told, whatever was before it.
  if (packet.anomalies.size() == packet.anomalies.capacity()) {
    packet.anomalies[packet.anomalies.capacity() - 1] = {layer, error, offset};
    if (packet.anomalies_unlisted != 255) ++packet.anomalies_unlisted;
    return;
  }
  report(packet, layer, error, offset);
}

void missing(DecodedPacket& packet, const Extent& extent, std::uint32_t needed, Layer layer,
             ParseError error) noexcept {
  if (needed <= extent.wire) {
    packet.snapped = true;
  } else {
    stop(packet, layer, error, extent.captured);
  }
}

void set_opaque(DecodedPacket& packet, Extent extent) noexcept {
  packet.transport = nullptr;
  packet.payload = extent.at;
  packet.payload_length = extent.captured;
  packet.payload_length_wire = extent.wire;
}

void read_ethernet(DecodedPacket& packet, Extent extent, unsigned nesting) noexcept {
  ethernet(packet, extent, nesting);
}
void read_ipv4(DecodedPacket& packet, Extent extent, unsigned nesting) noexcept { ipv4(packet, extent, nesting); }
void read_ipv6(DecodedPacket& packet, Extent extent, unsigned nesting) noexcept { ipv6(packet, extent, nesting); }
void read_udp(DecodedPacket& packet, Extent extent, unsigned nesting) noexcept { udp(packet, extent, nesting); }
void read_tcp(DecodedPacket& packet, Extent extent) noexcept { tcp(packet, extent); }

}  // namespace tsujiban::decode
