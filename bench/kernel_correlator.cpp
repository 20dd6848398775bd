// What the one thread behind all workers does: records out of their rings in order, merged alerts, late response times.
#include <benchmark/benchmark.h>

#include <memory>
#include <vector>

#include "pipeline/alert_merger.h"
#include "pipeline/exchange_table.h"
#include "pipeline/record_ring.h"

namespace {

using namespace tsujiban;

void record_ring_pass(benchmark::State& state) {
  const auto bytes = static_cast<std::size_t>(state.range(0));
  pipeline::RecordRing ring(1u << 20);
  std::vector<char> body(bytes, 'x');
  std::uint64_t number = 0;
  for (auto _ : state) {
    pipeline::RecordHeader* header = ring.reserve(bytes);
    header->order.packet = ++number;
    std::memcpy(pipeline::RecordRing::body(header), body.data(), bytes);
    ring.commit();
    benchmark::DoNotOptimize(ring.front());
    ring.pop();
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(record_ring_pass)->Arg(64)->Arg(700);

// Four rings, the earliest record each time.
void merge_four_rings(benchmark::State& state) {
  std::vector<std::unique_ptr<pipeline::RecordRing>> rings;
  for (int i = 0; i < 4; ++i) rings.push_back(std::make_unique<pipeline::RecordRing>(1u << 20));
  std::uint64_t number = 0;
  constexpr std::uint64_t batch = 256;
  for (auto _ : state) {
    for (std::uint64_t i = 0; i < batch; ++i) {
      pipeline::RecordRing& ring = *rings[number * 2654435761u >> 7 & 3];
      pipeline::RecordHeader* header = ring.reserve(600);
      header->order.packet = ++number;
      ring.commit();
    }
    for (std::uint64_t i = 0; i < batch; ++i) {
      pipeline::RecordRing* earliest = nullptr;
      for (auto& ring : rings) {
        const pipeline::RecordHeader* header = ring->front();
        if (header != nullptr && (earliest == nullptr || header->order < earliest->front()->order))
          earliest = ring.get();
      }
      earliest->pop();
    }
  }
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(batch));
}
BENCHMARK(merge_four_rings);

struct NoWriter : pipeline::AlertWriter {
  void write_alert(const Alert&, std::uint64_t, bool) noexcept override {}
};

void merge_alerts(benchmark::State& state) {
  const auto conditions = static_cast<std::uint32_t>(state.range(0));
  auto counters = std::make_unique<metrics::WorkerCounters>();
  NoWriter writer;
  pipeline::AlertMerger merger(std::vector<Duration>(detector_count, Duration::seconds(60)), *counters, {}, writer);
  std::uint32_t i = 0;
  std::int64_t now = 0;
  for (auto _ : state) {
    Alert alert;
    alert.detector = DetectorId::policy_peer_not_allowed;
    alert.source = IpAddress::v4(++i % conditions);
    alert.time = {now += 1000};
    if (!merger.extend(alert, alert.time)) merger.raise(alert);
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(merge_alerts)->Arg(10)->Arg(10'000);

void answer_multicast(benchmark::State& state) {
  pipeline::ExchangeTable table({});
  for (std::uint32_t i = 0; i < 4000; ++i) {
    Fact request{};
    request.kind = FactKind::request;
    request.time = {i};
    request.source = IpAddress::v4(i);
    request.exchange = {0x05ff01, 0x0ef001, 1, 0x62, false, 14};
    table.request(request);
  }
  std::uint32_t i = 0;
  for (auto _ : state)
    benchmark::DoNotOptimize(
        table.answer({}, IpAddress::v4(++i % 4000), {0x0ef001, 0x05ff01, 1, 0x62, false, 14}, {5000}));
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(answer_multicast);

}  // namespace
