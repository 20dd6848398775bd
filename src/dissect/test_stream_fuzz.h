#pragma once
// For fuzz targets of protocols over TCP.
#include <algorithm>
#include <cstdlib>

#include "dissect/test_streams.h"

namespace tsujiban::dissect::testing {

// Any bytes as both directions of a stream, an echo, whole and in pieces: no harm, and the same events whatever the
// pieces and whether somebody wants them or not.
template <class Bench>
void fuzz_stream(const DissectorRow& row, Bytes input, const BenchSetup& setup) {
  for (const bool hint : {false, true}) static_cast<void>(row.probe(Transport::stream, hint, input));
  const auto end = [](Bench& bench) {
    bench.finish();
    if (bench.stream.bad_progress || bench.sink.overflowed || bench.outstanding() != 0) std::abort();
  };
  const auto run = [&](Bench& bench, bool whole) {
    for (const bool client : {true, false}) {
      for (std::size_t at = 0, i = 0; at < input.size(); ++i) {
        const std::size_t left = input.size() - at;
        const std::size_t length = whole ? left : std::min<std::size_t>(left, 1 + input[i % input.size()] % 23u);
        const Bytes piece = input.subspan(at, length);
        client ? bench.ask(piece) : bench.answer(piece);
        at += length;
      }
    }
    end(bench);
  };
  BenchSetup unwanted = setup;
  unwanted.records = unwanted.facts = false;
  Bench whole(setup), pieces(setup), quiet(unwanted);
  run(whole, true);
  run(pieces, false);
  run(quiet, true);
  if (whole.stream.given_up != pieces.stream.given_up || whole.stream.done != pieces.stream.done) std::abort();
  if (whole.sink.records != pieces.sink.records || whole.sink.anomalies != pieces.sink.anomalies) std::abort();
  if (whole.sink.anomalies != quiet.sink.anomalies) std::abort();

  // A gap anywhere loses messages, never the sensor.
  Bench lossy(setup);
  const std::size_t cut = input.empty() ? 0 : input.back() % input.size();
  lossy.ask(input.first(cut));
  lossy.gap(true);
  lossy.ask(input.subspan(cut));
  end(lossy);
}

}  // namespace tsujiban::dissect::testing
