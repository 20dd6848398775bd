// Any bytes as both directions of a stream, whole and in pieces: no harm, and the same events whatever the pieces.
#include <algorithm>
#include <cstdlib>

#include "dissectors/ssh/ssh_test_support.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace tsujiban;
  using ssh::testing::Bench;
  const Bytes input(data, size);
  for (const bool hint : {false, true}) static_cast<void>(ssh::probe(dissect::Transport::stream, hint, input));
  const auto run = [&](Bench& bench, bool whole) {
    for (const bool client : {true, false}) {
      bench.from_client(client);
      for (std::size_t at = 0, i = 0; at < size; ++i) {
        const std::size_t length = whole ? size : std::min<std::size_t>(size - at, 1 + data[i % size] % 23u);
        bench.stream.feed(bench.context, input.subspan(at, length));
        at += length;
      }
    }
    bench.finish();
    if (bench.stream.bad_progress || bench.sink.overflowed || bench.dissector.sessions() != 0) std::abort();
  };
  Bench whole, pieces, quiet(false);
  run(whole, true);
  run(pieces, false);
  run(quiet, true);
  if (whole.stream.done != pieces.stream.done) std::abort();
  if (whole.sink.records != pieces.sink.records || whole.sink.anomalies != pieces.sink.anomalies) std::abort();
  if (whole.sink.anomalies != quiet.sink.anomalies) std::abort();

  // A gap anywhere loses the direction, never the sensor.
  Bench lossy;
  const std::size_t cut = size == 0 ? 0 : data[size - 1] % size;
  lossy.ask(input.first(cut));
  lossy.gap(true);
  lossy.ask(input.subspan(cut));
  lossy.finish();
  if (lossy.stream.bad_progress || lossy.dissector.sessions() != 0) std::abort();
  return 0;
}
