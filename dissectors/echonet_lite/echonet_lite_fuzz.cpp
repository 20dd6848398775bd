// Any bytes as a datagram, and as a stream, whole and in pieces: no harm, and the same events whatever the pieces.
#include <algorithm>
#include <cstdio>
#include <cstdlib>

#include "dissectors/echonet_lite/echonet_lite_plain_check.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace tsujiban;
  using echonet_lite::testing::Bench;
  constexpr std::size_t record_bytes = 16 * 1024;  // Small, so that shortening a record is met too.
  const Bytes input(data, size);
  static_cast<void>(echonet_lite::probe(dissect::Transport::datagram, false, input));
  static_cast<void>(echonet_lite::probe(dissect::Transport::stream, false, input));

  Bench datagram(true, true, 64, record_bytes);
  datagram.send(Bench::controller, Bench::device, std::vector<std::uint8_t>(input.begin(), input.end()));
  datagram.send(Bench::device, Bench::controller, std::vector<std::uint8_t>(input.begin(), input.end()));
  if (datagram.sink.overflowed) std::abort();
  if (size > 0 && datagram.sink.records.size() != 2) std::abort();

  // The short way of plain datagrams, for the input as one message and as several.
  echonet_lite::testing::check_plain(input);
  echonet_lite::testing::BothWays both(64, record_bytes);
  for (std::size_t at = 0, count = 0; at + 2 < size && count < 64; ++count) {
    const std::size_t length = std::min<std::size_t>(size - at - 2, data[at + 1]);
    const Bytes message = input.subspan(at + 2, length);
    both.wait_ms(data[at] >= 0xf0 ? 65'000 : data[at]);
    both.send(data[at] % 5u, std::vector<std::uint8_t>(message.begin(), message.end()));
    at += 2 + length;
  }
  if (const std::string difference = both.difference(); !difference.empty()) {
    std::fprintf(stderr, "the two ways differ: %s\n", difference.c_str());
    std::abort();
  }

  Bench whole(true, true, 64, record_bytes), pieces(true, true, 64, record_bytes);
  whole.stream(input);
  whole.finish();
  // The pieces' lengths come from the input too.
  std::size_t at = 0;
  for (std::size_t i = 0; at < size; ++i) {
    const std::size_t length = std::min<std::size_t>(size - at, 1 + data[i % size] % 23u);
    pieces.stream(input.subspan(at, length));
    at += length;
  }
  pieces.finish();
  if (whole.bad_progress || pieces.bad_progress) std::abort();
  if (whole.given_up != pieces.given_up) std::abort();
  if (whole.sink.records != pieces.sink.records || whole.sink.anomalies != pieces.sink.anomalies) std::abort();

  // A gap anywhere loses frames, never the sensor.
  Bench lossy(true, true, 64, record_bytes);
  const std::size_t cut = size == 0 ? 0 : data[size - 1] % size;
  lossy.stream(input.first(cut));
  lossy.gap(1);
  lossy.stream(input.subspan(cut));
  lossy.finish();
  if (lossy.bad_progress) std::abort();
  return 0;
}
