// Any bytes as both directions of a stream, whole and in pieces: no harm, and the same events whatever the pieces.
#include <algorithm>
#include <cstdlib>

#include "dissectors/telnet/telnet_test_support.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace tsujiban;
  using telnet::testing::Bench;
  const Bytes input(data, size);
  for (const bool hint : {false, true}) static_cast<void>(telnet::probe(dissect::Transport::stream, hint, input));
  // A server that prompts, a client that answers with the input, a server that judges with it.
  const auto run = [&](Bench& bench, bool whole) {
    for (const bool client : {false, true, false}) {
      bench.from_client(client);
      for (std::size_t at = 0, i = 0; at < size; ++i) {
        const std::size_t length = whole ? size : std::min<std::size_t>(size - at, 1 + data[i % size] % 23u);
        bench.stream.feed(bench.context, input.subspan(at, length));
        at += length;
      }
    }
    bench.finish();
    if (bench.stream.bad_progress) std::abort();
  };
  Bench whole, pieces, quiet({.records = false, .facts = false});
  run(whole, true);
  run(pieces, false);
  run(quiet, true);
  if (whole.stream.given_up != pieces.stream.given_up || whole.stream.done != pieces.stream.done) std::abort();
  if (whole.outcomes() != pieces.outcomes() || whole.sink.anomalies.size() != pieces.sink.anomalies.size())
    std::abort();
  if (whole.sink.anomalies != quiet.sink.anomalies || !quiet.sink.facts.empty()) std::abort();
  return 0;
}
