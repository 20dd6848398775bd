// MQTT: nanoseconds a publication, with and without records, and bytes a second of a large payload.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <memory>
#include <vector>

#include "bench/null_sink.h"
#include "dissectors/mqtt/mqtt_dissector.h"

namespace {

using namespace tsujiban;

std::vector<std::uint8_t> publication(std::uint8_t first, std::uint32_t payload) {
  const std::string_view topic = "home/17/power";
  const std::uint32_t remaining = static_cast<std::uint32_t>(topic.size()) + 4 + payload;
  std::vector<std::uint8_t> bytes = {first};
  for (std::uint32_t left = remaining; left > 0; left /= 128)
    bytes.push_back(static_cast<std::uint8_t>(left % 128 + (left > 127 ? 128 : 0)));
  bytes.insert(bytes.end(), {0, static_cast<std::uint8_t>(topic.size())});
  bytes.insert(bytes.end(), topic.begin(), topic.end());
  bytes.insert(bytes.end(), {0, 1});  // The packet identifier.
  bytes.insert(bytes.end(), payload, 'p');
  return bytes;
}

dissect::MessageContext context_of(Direction direction) {
  dissect::MessageContext context{};
  context.direction = direction;
  context.source = IpAddress::v4(0xC0A8140A);
  context.destination = IpAddress::v4(0xC0A8140B);
  context.destination_port = mqtt::port_mqtt;
  context.ip_protocol = 6;
  return context;
}

// A publication with its acknowledgement. Argument: records, or none.
void mqtt_publications(benchmark::State& state) {
  const std::vector<std::uint8_t> publish = publication(0x32, 64), puback = {0x40, 2, 0, 1};
  const auto counters = std::make_unique<metrics::WorkerCounters>();
  mqtt::MqttDissector dissector(dissect::Limits{}, *counters);
  bench::NullSink sink(state.range(0) != 0, false, false);
  mqtt::StreamState stream{};
  const dissect::MessageContext to = context_of(Direction::to_responder), from = context_of(Direction::to_initiator);
  for (auto _ : state) {
    benchmark::DoNotOptimize(dissector.feed(&stream, to, publish, sink).length);
    benchmark::DoNotOptimize(dissector.feed(&stream, from, puback, sink).length);
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(mqtt_publications)->Arg(0)->Arg(1);

// A payload of 1 MiB in segments of 1460 bytes.
void mqtt_large_payload(benchmark::State& state) {
  const std::vector<std::uint8_t> publish = publication(0x32, 1 << 20);
  const auto counters = std::make_unique<metrics::WorkerCounters>();
  mqtt::MqttDissector dissector(dissect::Limits{}, *counters);
  bench::NullSink sink(true, false, false);
  mqtt::StreamState stream{};
  const dissect::MessageContext to = context_of(Direction::to_responder);
  for (auto _ : state) {
    for (std::size_t at = 0; at < publish.size(); at += 1460) {
      const Bytes piece = Bytes(publish).subspan(at, std::min<std::size_t>(1460, publish.size() - at));
      benchmark::DoNotOptimize(dissector.feed(&stream, to, piece, sink).length);
    }
  }
  state.SetBytesProcessed(static_cast<std::int64_t>(state.iterations()) * static_cast<std::int64_t>(publish.size()));
}
BENCHMARK(mqtt_large_payload);

}  // namespace
