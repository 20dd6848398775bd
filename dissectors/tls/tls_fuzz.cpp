// Any bytes as the two directions of a stream, whole and in pieces: no harm, and the same events whatever the pieces.
#include <algorithm>
#include <cstdlib>

#include "dissectors/tls/tls_test_sink.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace tsujiban;
  using namespace tsujiban::tls;
  using testing::Bench;
  const Bytes input(data, size);
  for (const bool hint : {false, true}) {
    static_cast<void>(probe(dissect::Transport::datagram, hint, input));
    static_cast<void>(probe(dissect::Transport::stream, hint, input));
  }
  // As a certificate too.
  Certificate certificate;
  read_certificate(input, certificate);
  static_cast<void>(judge_name(certificate, "www.example.jp"));

  const testing::Exchange exchange = testing::exchange_of(input);
  Bench whole, pieces, quiet({.records = false, .facts = false});
  whole.send(exchange);
  quiet.send(exchange);
  std::size_t step = 0;
  for (const testing::Chunk& chunk : exchange) {
    const Bytes bytes(chunk.bytes);
    for (std::size_t at = 0; at < bytes.size();) {
      const std::size_t length = std::min<std::size_t>(bytes.size() - at, 1 + data[step++ % size] % 37u);
      pieces.send(chunk.direction, bytes.subspan(at, length));
      at += length;
    }
  }
  for (Bench* const bench : {&whole, &pieces, &quiet}) {
    bench->finish();
    if (bench->stream.bad_progress || bench->sink.overflowed || bench->outstanding() != 0) std::abort();
    if (bench->sink.records.size() > 1) std::abort();
  }
  if (whole.stream.done != pieces.stream.done) std::abort();
  if (whole.sink.records != pieces.sink.records || whole.sink.anomalies != pieces.sink.anomalies) std::abort();
  if (!quiet.sink.facts.empty() || quiet.stream.done != whole.stream.done) std::abort();

  // A gap anywhere loses messages, never the sensor.
  Bench lossy;
  for (std::size_t i = 0; i < exchange.size(); ++i) {
    const Bytes bytes(exchange[i].bytes);
    const std::size_t cut = bytes.empty() ? 0 : data[i % size] % (bytes.size() + 1);
    lossy.send(exchange[i].direction, bytes.first(cut));
    if (i % 2 == 0) lossy.gap(exchange[i].direction, 1 + data[(i + 1) % size]);
    lossy.send(exchange[i].direction, bytes.subspan(cut));
  }
  lossy.finish();
  if (lossy.stream.bad_progress || lossy.sink.overflowed || lossy.sink.records.size() > 1) std::abort();
  return 0;
}
