#include "output/envelope.h"

#include "model/packet.h"

namespace tsujiban::output {

std::string_view protocol_text(std::uint8_t protocol, char (&digits)[3]) noexcept {
  switch (static_cast<IpProtocol>(protocol)) {
    case IpProtocol::tcp:
      return "TCP";
    case IpProtocol::udp:
      return "UDP";
    case IpProtocol::icmp:
      return "ICMP";
    case IpProtocol::icmpv6:
      return "IPv6-ICMP";
    case IpProtocol::igmp:
      return "IGMP";
    case IpProtocol::gre:
      return "GRE";
    case IpProtocol::esp:
      return "ESP";
    case IpProtocol::ah:
      return "AH";
    case IpProtocol::sctp:
      return "SCTP";
    default:
      break;
  }
  digits[0] = static_cast<char>('0' + protocol / 100);
  digits[1] = static_cast<char>('0' + protocol / 10 % 10);
  digits[2] = static_cast<char>('0' + protocol % 10);
  return {digits, 3};
}

void write_ip_field(JsonWriter& json, std::string_view name, const IpAddress& address) noexcept {
  char text[ip_text_max];
  json.key(name);
  json.plain_string({text, write_ip(address, text)});
}

namespace {

void write_plain(JsonWriter& json, std::string_view name, std::string_view text) noexcept {
  json.key(name);
  json.plain_string(text);
}

void write_text(JsonWriter& json, std::string_view name, std::string_view text) noexcept {
  if (text.empty()) return;
  json.key(name);
  json.string(text);
}

void write_link(JsonWriter& json, SegmentKey segment) noexcept {
  if (segment.is_pan()) return;
  if (const unsigned count = segment.vlan_count(); count != 0) {
    json.key("vlan");
    json.begin_array();
    for (unsigned i = 0; i < count; ++i) json.number(std::uint32_t{segment.vlan(i)});
    json.end_array();
  }
}

void write_addresses(JsonWriter& json, const Envelope& e) noexcept {
  const auto protocol = static_cast<IpProtocol>(e.protocol);
  const bool icmp = protocol == IpProtocol::icmp || protocol == IpProtocol::icmpv6;
  const bool ip = e.network == Envelope::Network::ip;
  const bool ports = ip && e.has_ports && !icmp;
  write_ip_field(json, "src_ip", e.source);
  if (ports) json.field("src_port", e.source_port);
  write_ip_field(json, "dest_ip", e.destination);
  if (ports) json.field("dest_port", e.destination_port);
  char digits[3];
  write_plain(json, "proto", ip ? protocol_text(e.protocol, digits) : "ARP");
  if (ip && e.has_ports && icmp) {
    json.field("icmp_type", e.source_port);
    json.field("icmp_code", e.destination_port);
  }
}

}  // namespace

void write_envelope(JsonWriter& json, TimestampWriter& timestamps, const Envelope& e) noexcept {
  timestamps.field(json, "timestamp", e.time);
  if (e.flow_id != 0) json.field("flow_id", e.flow_id);
  write_text(json, "in_iface", e.in_iface);
  if (e.pcap_cnt != 0) json.field("pcap_cnt", e.pcap_cnt);
  write_plain(json, "event_type", name_of(e.type));
  write_link(json, e.segment);
  if (e.network != Envelope::Network::none) write_addresses(json, e);
  if (e.app_protocol != AppProtocol::unknown) write_plain(json, "app_proto", name_of(e.app_protocol));
  if (!e.community_id.empty()) write_plain(json, "community_id", e.community_id);
  write_text(json, "host", e.host);
  write_text(json, "pcap_filename", e.pcap_filename);
  write_text(json, "segment", e.segment_name);
  if (e.segment.has_vni()) json.field("vni", e.segment.vni_value());
  if (e.segment.is_pan()) json.field("pan_id", std::uint32_t{e.segment.pan_value()});
}

}  // namespace tsujiban::output
