// Modbus: nanoseconds a transaction, with and without records and facts.
#include <benchmark/benchmark.h>

#include <memory>
#include <vector>

#include "bench/null_sink.h"
#include "dissectors/modbus/modbus_dissector.h"

namespace {

using namespace tsujiban;

// A master that reads ten registers and writes one, over and over. Argument: records and facts, or neither.
void modbus_transactions(benchmark::State& state) {
  static const std::vector<std::uint8_t> requests[] = {
      {0, 1, 0, 0, 0, 6, 1, 3, 0, 0, 0, 10},
      {0, 2, 0, 0, 0, 6, 1, 6, 0, 4, 9, 0xC4},
  };
  static const std::vector<std::uint8_t> answers[] = {
      {0, 1, 0, 0, 0, 23, 1, 3, 20, 0, 1, 0, 2, 0, 3, 0, 4, 0, 5, 0, 6, 0, 7, 0, 8, 0, 9, 0, 10},
      {0, 2, 0, 0, 0, 6, 1, 6, 0, 4, 9, 0xC4},
  };
  const bool told = state.range(0) != 0;
  const auto counters = std::make_unique<metrics::WorkerCounters>();
  modbus::ModbusDissector dissector(dissect::Limits{}, *counters);
  bench::NullSink sink(told, told, false);
  modbus::StreamState stream{};
  dissect::MessageContext to{}, from{};
  to.source = from.destination = IpAddress::v4(0xC0A8140A);
  to.destination = from.source = IpAddress::v4(0xC0A8140B);
  to.source_port = from.destination_port = 40000;
  to.destination_port = from.source_port = modbus::port_modbus;
  to.direction = Direction::to_responder;
  from.direction = Direction::to_initiator;
  to.ip_protocol = from.ip_protocol = 6;
  unsigned i = 0;
  for (auto _ : state) {
    benchmark::DoNotOptimize(dissector.feed(&stream, to, requests[i], sink).length);
    benchmark::DoNotOptimize(dissector.feed(&stream, from, answers[i], sink).length);
    i = 1 - i;
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(modbus_transactions)->Arg(0)->Arg(1);

}  // namespace
