// The keyed hashes and the flow table: few flows that stay in the cache, and many visited at random.
#include <benchmark/benchmark.h>

#include <memory>
#include <random>
#include <vector>

#include "flow/flow_table.h"

namespace {

using namespace tsujiban;

struct NoEnds : flow::FlowEndHandler {
  void flow_ended(std::uint32_t, flow::EndReason) noexcept override {}
};

FlowKey key_of(std::uint32_t i, bool v6) {
  FlowKey key;
  key.low = v6 ? IpAddress{0xfe80ull << 48, i} : IpAddress::v4(0x0a000000 + i);
  key.high = v6 ? IpAddress{0xfe80ull << 48, 0xffffffffu} : IpAddress::v4(0x0affffff);
  key.low_port = key.high_port = 3610;
  key.protocol = 17;
  return key;
}

std::uint64_t hash_of(const FlowKey& k) {
  const HashSeed seed;
  return flow_hash_of(seed, pair_hash_of(seed, k.segment, k.low, k.high), k.low, k.high, k.low_port, k.high_port,
                      k.protocol);
}

void hash_flow_key(benchmark::State& state) {
  std::uint32_t i = 0;
  for (auto _ : state) {
    const FlowKey key = key_of(++i, false);
    benchmark::DoNotOptimize(hash_of(key));
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(hash_flow_key);

void hash_bytes_of(benchmark::State& state) {
  const std::vector<std::uint8_t> bytes(static_cast<std::size_t>(state.range(0)), 7);
  for (auto _ : state) benchmark::DoNotOptimize(hash_bytes({}, bytes));
  state.SetBytesProcessed(state.iterations() * state.range(0));
}
BENCHMARK(hash_bytes_of)->Arg(32)->Arg(186)->Arg(1448);

// Batches of 32 with prefetch, as the worker does it.
void flow_lookup(benchmark::State& state) {
  const auto flows = static_cast<std::uint32_t>(state.range(0));
  const bool v6 = state.range(1) != 0;
  auto counters = std::make_unique<metrics::WorkerCounters>();
  NoEnds ends;
  flow::FlowTable table({.flows_max = 1u << 21}, *counters, ends);
  std::vector<FlowKey> keys;
  std::vector<std::uint64_t> hashes;
  for (std::uint32_t i = 0; i < flows; ++i) {
    keys.push_back(key_of(i, v6));
    hashes.push_back(hash_of(keys.back()));
    table.find_or_create(keys[i], hashes[i], {1}, i + 1, false);
  }
  std::mt19937_64 random(1);
  constexpr std::size_t batch = 32;
  std::vector<std::uint32_t> picks(1u << 16);
  for (std::uint32_t& pick : picks) pick = static_cast<std::uint32_t>(random() % flows);
  std::size_t at = 0;
  for (auto _ : state) {
    const std::uint32_t* pick = &picks[at];
    at = (at + batch) % picks.size();
    for (std::size_t i = 0; i < batch; ++i) table.prefetch_index(hashes[pick[i]]);
    for (std::size_t i = 0; i < batch; ++i) table.prefetch_slot(table.guess(hashes[pick[i]]));
    for (std::size_t i = 0; i < batch; ++i) {
      const auto found = table.find_or_create(keys[pick[i]], hashes[pick[i]], {2}, 1, false);
      ++table.at(found.flow).packets[0];
    }
  }
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(batch));
}
BENCHMARK(flow_lookup)->Args({10'000, 0})->Args({1'000'000, 0})->Args({10'000, 1})->Args({1'000'000, 1});

void flow_creation(benchmark::State& state) {
  auto counters = std::make_unique<metrics::WorkerCounters>();
  NoEnds ends;
  flow::FlowTable table({.flows_max = 1u << 18}, *counters, ends);
  std::uint32_t i = 0;
  for (auto _ : state) {
    const FlowKey key = key_of(++i, false);
    benchmark::DoNotOptimize(table.find_or_create(key, hash_of(key), {1}, i, false));
  }
  state.SetItemsProcessed(state.iterations());
  state.SetLabel("evicting once the table is full");
}
BENCHMARK(flow_creation);

}  // namespace
