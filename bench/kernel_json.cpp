// Records written a second: the envelope with an alert's, a flow's and an anomaly's body, and the community ID.
#include <benchmark/benchmark.h>

#include <array>
#include <cstdio>

#include "output/alert_json.h"
#include "output/community_id.h"
#include "output/envelope.h"
#include "output/record_json.h"

namespace tsujiban::output {
namespace {

constexpr std::size_t record_bytes = 16384;

Envelope envelope(EventType type) {
  Envelope e;
  e.time = {1795132800'123456000};
  e.flow_id = 1234567890123, e.pcap_cnt = 17, e.type = type, e.network = Envelope::Network::ip, e.protocol = 17,
  e.has_ports = true;
  e.source = IpAddress::v4(0xc0a80102), e.destination = IpAddress::v4(0xc0a80114);
  e.source_port = 50000, e.destination_port = 3610, e.app_protocol = AppProtocol::echonet_lite;
  e.segment.push_vlan(30), e.segment.push_vlan(112);
  e.host = "sensor-1", e.pcap_filename = "captures/day.pcap", e.segment_name = "han-12";
  return e;
}

template <class Body>
void write_records(benchmark::State& state, EventType type, Body body) {
  TimestampWriter tokyo("Asia/Tokyo");
  std::array<char, record_bytes> buffer;
  std::array<char, community_id_text_size> id;
  Envelope e = envelope(type);
  std::size_t bytes = 0;
  for (auto _ : state) {
    e.time.ns += 100'000;  // Ten thousand records a second of packet time.
    ++e.pcap_cnt;
    e.community_id =
        write_community_id(e.source, e.destination, e.source_port, e.destination_port, e.protocol, true, id.data());
    JsonWriter json(buffer.data(), buffer.size());
    json.begin_object();
    write_envelope(json, tokyo, e);
    body(json, tokyo, e.time);
    json.end_object();
    json.raw("\n");
    bytes += json.size();
    benchmark::DoNotOptimize(buffer.data());
    benchmark::ClobberMemory();
  }
  state.SetItemsProcessed(state.iterations());
  state.SetBytesProcessed(static_cast<std::int64_t>(bytes));
}

void json_alert(benchmark::State& state) {
  Alert alert;
  alert.detector = DetectorId::policy_peer_not_allowed, alert.severity = Severity::high,
  alert.interface = ErabInterface::R5;
  alert.source = IpAddress::v4(0xc0a80102), alert.destination = IpAddress::v4(0xc0a80114), alert.protocol = 17;
  std::snprintf(alert.why[0].data(), alert.why[0].size(), "no allow entry of battery-12 names 203.0.113.9 udp/3610");
  AlertNames names;
  names.source_asset = "hems-12", names.source_role = Role::ems, names.destination_asset = "battery-12",
  names.destination_role = Role::device;
  write_records(state, EventType::alert, [&](JsonWriter& json, TimestampWriter& timestamps, PacketTime time) {
    alert.first_seen = alert.last_seen = time;
    names.id = alert_identity(alert);
    write_alert(json, timestamps, alert, names);
  });
}
BENCHMARK(json_alert);

void json_flow(benchmark::State& state) {
  FlowRecord flow;
  flow.packets_to_server = 12, flow.packets_to_client = 10, flow.bytes_to_server = 1500, flow.bytes_to_client = 9000;
  write_records(state, EventType::flow, [&](JsonWriter& json, TimestampWriter& timestamps, PacketTime time) {
    flow.start = time - Duration::seconds(60), flow.end = time;
    write_flow(json, timestamps, flow);
  });
}
BENCHMARK(json_flow);

void json_anomaly(benchmark::State& state) {
  write_records(state, EventType::anomaly, [](JsonWriter& json, TimestampWriter&, PacketTime) {
    write_anomaly(json, {Layer::ipv4, ParseError::ip_ttl_zero, 8});
  });
}
BENCHMARK(json_anomaly);

void json_envelope_only(benchmark::State& state) {
  TimestampWriter tokyo("Asia/Tokyo");
  std::array<char, record_bytes> buffer;
  Envelope e = envelope(EventType::echonet_lite);
  for (auto _ : state) {
    e.time.ns += 100'000;
    JsonWriter json(buffer.data(), buffer.size());
    json.begin_object();
    write_envelope(json, tokyo, e);
    json.end_object();
    benchmark::DoNotOptimize(buffer.data());
    benchmark::ClobberMemory();
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(json_envelope_only);

void json_community_id(benchmark::State& state) {
  std::array<char, community_id_text_size> id;
  Envelope e = envelope(EventType::flow);
  for (auto _ : state) {
    ++e.source.low;
    benchmark::DoNotOptimize(
        write_community_id(e.source, e.destination, e.source_port, e.destination_port, e.protocol, true, id.data()));
    benchmark::ClobberMemory();
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(json_community_id);

}  // namespace
}  // namespace tsujiban::output
