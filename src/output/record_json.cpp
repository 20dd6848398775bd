#include "output/record_json.h"

#include <algorithm>
#include <array>

#include "model/packet.h"
#include "output/envelope.h"

namespace tsujiban::output {
namespace {

void write_plain(JsonWriter& json, std::string_view name, std::string_view text) noexcept {
  json.key(name);
  json.plain_string(text);
}

void write_mac(JsonWriter& json, std::string_view name, MacAddress mac) noexcept {
  char text[17];
  for (int i = 0; i < 6; ++i) {
    const auto byte = static_cast<unsigned>(mac.value >> (40 - 8 * i) & 255);
    text[3 * i] = "0123456789abcdef"[byte >> 4];
    text[3 * i + 1] = "0123456789abcdef"[byte & 15];
    if (i != 5) text[3 * i + 2] = ':';
  }
  write_plain(json, name, {text, sizeof text});
}

void write_flags(JsonWriter& json, std::string_view name, std::uint8_t flags) noexcept {
  const char text[2] = {"0123456789abcdef"[flags >> 4], "0123456789abcdef"[flags & 15]};
  write_plain(json, name, {text, 2});
}

void write_tcp(JsonWriter& json, const FlowRecord& flow) noexcept {
  const auto all = static_cast<std::uint8_t>(flow.tcp_flags_to_server | flow.tcp_flags_to_client);
  json.key("tcp");
  json.begin_object();
  write_flags(json, "tcp_flags", all);
  write_flags(json, "tcp_flags_ts", flow.tcp_flags_to_server);
  write_flags(json, "tcp_flags_tc", flow.tcp_flags_to_client);
  static constexpr std::array<std::pair<std::uint8_t, std::string_view>, 6> names = {{
      {tcp_flag::syn, "syn"},
      {tcp_flag::fin, "fin"},
      {tcp_flag::rst, "rst"},
      {tcp_flag::psh, "psh"},
      {tcp_flag::ack, "ack"},
      {tcp_flag::urg, "urg"},
  }};
  for (const auto& [bit, name] : names) {
    if ((all & bit) != 0) json.field(name, true);
  }
  write_plain(json, "state", name_of(flow.tcp_state));
  if (flow.gap_bytes_to_server != 0) json.field("ts_gap", true), json.field("ts_gap_bytes", flow.gap_bytes_to_server);
  if (flow.gap_bytes_to_client != 0) json.field("tc_gap", true), json.field("tc_gap_bytes", flow.gap_bytes_to_client);
  json.end_object();
}

}  // namespace

std::string_view name_of(FlowState state) noexcept {
  static constexpr std::array<std::string_view, 3> names = {"new", "established", "closed"};
  return names[static_cast<std::size_t>(state)];
}
std::string_view name_of(FlowEndReason reason) noexcept {
  static constexpr std::array<std::string_view, 3> names = {"timeout", "forced", "shutdown"};
  return names[static_cast<std::size_t>(reason)];
}
std::string_view name_of(TcpStateName state) noexcept {
  static constexpr std::array<std::string_view, 11> names = {"none",       "syn_sent",  "syn_recv",  "established",
                                                             "fin_wait1",  "fin_wait2", "time_wait", "last_ack",
                                                             "close_wait", "closing",   "closed"};
  return names[static_cast<std::size_t>(state)];
}

void write_flow(JsonWriter& json, TimestampWriter& timestamps, const FlowRecord& flow) noexcept {
  json.key("flow");
  json.begin_object();
  json.field("pkts_toserver", flow.packets_to_server);
  json.field("pkts_toclient", flow.packets_to_client);
  json.field("bytes_toserver", flow.bytes_to_server);
  json.field("bytes_toclient", flow.bytes_to_client);
  timestamps.field(json, "start", flow.start);
  timestamps.field(json, "end", flow.end);
  // Whole seconds, as Suricata counts them; a capture whose times run backwards has no negative age.
  json.field("age", flow.end > flow.start ? static_cast<std::uint64_t>((flow.end - flow.start).ns) / 1'000'000'000u
                                          : std::uint64_t{0});
  write_plain(json, "state", name_of(flow.state));
  write_plain(json, "reason", name_of(flow.reason));
  json.field("alerted", flow.alerted);
  json.end_object();
  if (flow.is_tcp) write_tcp(json, flow);
}

void write_anomaly(JsonWriter& json, const Anomaly& anomaly) noexcept {
  json.key("anomaly");
  json.begin_object();
  write_plain(json, "type",
              anomaly.layer == Layer::application ? "applayer"
              : anomaly.layer == Layer::stream    ? "stream"
                                                  : "decode");
  write_plain(json, "event", name_of(anomaly.error));
  write_plain(json, "layer", name_of(anomaly.layer));
  json.field("offset", anomaly.offset);
  json.field("phrase", phrase_of(anomaly.error));
  json.end_object();
}

void write_arp(JsonWriter& json, const ArpRecord& arp) noexcept {
  json.key("arp");
  json.begin_object();
  write_plain(json, "hw_type", "ethernet");
  write_plain(json, "proto_type", "ipv4");
  if (arp.operation == 1 || arp.operation == 2) {
    write_plain(json, "opcode", arp.operation == 1 ? "request" : "reply");
  } else {
    json.field("opcode", std::uint32_t{arp.operation});
  }
  write_mac(json, "src_mac", arp.sender_mac);
  write_ip_field(json, "src_ip", arp.sender_ip);
  write_mac(json, "dest_mac", arp.target_mac);
  write_ip_field(json, "dest_ip", arp.target_ip);
  if (arp.gratuitous) json.field("gratuitous", true);
  json.end_object();
}

void write_stats(JsonWriter& json, const StatsRecord& stats) noexcept {
  const metrics::Totals& t = *stats.totals;
  json.key("stats");
  json.begin_object();
  json.field("uptime", stats.uptime_s);
  json.key("capture");
  json.begin_object();
  json.field("kernel_packets", stats.packets_received + stats.kernel_drops);
  json.field("kernel_drops", stats.kernel_drops);
  json.end_object();
  json.key("decoder");
  json.begin_object();
  json.field("pkts", t.packets), json.field("bytes", t.bytes), json.field("invalid", t.decode_errors_all());
  json.field("ip", t.decoded_ip), json.field("arp", t.decoded_arp), json.field("tcp", t.tcp), json.field("udp", t.udp);
  json.field("icmp", t.icmp), json.field("fragments", t.fragments), json.field("tunnelled", t.tunnelled);
  json.end_object();
  json.key("flow");
  json.begin_object();
  json.field("total", t.flows_created), json.field("active", t.flows_active);
  json.key("evicted");
  json.begin_object();
  for (std::size_t i = 0; i < t.evictions.size(); ++i) {
    if (t.evictions[i] != 0) json.field(metrics::name_of(static_cast<metrics::EvictionReason>(i)), t.evictions[i]);
  }
  json.end_object();
  json.end_object();
  json.key("tcp");
  json.begin_object();
  json.field("stream_bytes", t.stream_bytes), json.field("gap_bytes", t.stream_gap_bytes);
  json.field("retransmitted_bytes", t.stream_retransmitted_bytes);
  json.end_object();
  json.key("detect");
  json.begin_object();
  json.field("alert", stats.alerts_written), json.field("signature_matches", t.signature_matches);
  json.end_object();
  json.key("app_layer");
  json.begin_object();
  json.key("tx");
  json.begin_object();
  for (std::size_t p = 1; p < app_protocol_count; ++p) {
    json.field(tsujiban::name_of(static_cast<AppProtocol>(p)), t.messages_of(static_cast<AppProtocol>(p)));
  }
  json.end_object();
  json.end_object();
  json.key("tsujiban");
  json.begin_object();
  json.field("packets_received", stats.packets_received), json.field("duplicates", t.duplicates),
      json.field("snapped", t.snapped);
  json.key("dropped");
  json.begin_object();
  json.field("kernel", stats.kernel_drops), json.field("ring", stats.ring_drops), json.field("pool", stats.pool_drops);
  json.field("output", stats.output_drops);
  json.end_object();
  json.key("alerts");
  json.begin_object();
  json.field("raised", t.alerts_raised), json.field("written", stats.alerts_written);
  json.field("merged", t.alerts_merged), json.field("shed", t.alerts_shed);
  json.end_object();
  json.field("records", t.records), json.field("records_shed", t.records_shed);
  json.end_object();
  json.end_object();
}

}  // namespace tsujiban::output
