// Any bytes as a datagram, and as a stream, whole and in pieces: no harm, and the same events whatever the pieces.
#include <algorithm>
#include <cstdlib>

#include "dissectors/dns/dns_test_sink.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace tsujiban;
  using dns::testing::Bench;
  using dns::testing::Octets;
  constexpr std::size_t record_bytes = 16 * 1024;  // Small, so that shortening a record is met too.
  const Bytes input(data, size);
  for (const bool hint : {false, true}) {
    static_cast<void>(dns::probe(dissect::Transport::datagram, hint, input));
    static_cast<void>(dns::probe(dissect::Transport::stream, hint, input));
  }

  const Octets message(input.begin(), input.end());
  Bench datagram(true, true, record_bytes), quiet(false, false, record_bytes);
  datagram.ask(message);
  quiet.ask(message);
  datagram.send(Bench::server, dns::port_mdns, IpAddress::v4(0xE00000FB), dns::port_mdns, message);
  if (datagram.sink.overflowed) std::abort();
  if (size >= dns::header_length && datagram.sink.records.size() < 2) std::abort();
  // The verdict is the same whether somebody wants records or not.
  const std::size_t quiet_anomalies = quiet.sink.anomalies.size();
  if (quiet_anomalies > datagram.sink.anomalies.size()) std::abort();
  if (!std::equal(quiet.sink.anomalies.begin(), quiet.sink.anomalies.end(), datagram.sink.anomalies.begin()))
    std::abort();

  Bench whole(true, true, record_bytes), pieces(true, true, record_bytes);
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
  if (whole.sink.overflowed) std::abort();

  // A gap anywhere loses messages, never the sensor.
  Bench lossy(true, true, record_bytes);
  const std::size_t cut = size == 0 ? 0 : data[size - 1] % size;
  lossy.stream(input.first(cut));
  lossy.gap(1);
  lossy.stream(input.subspan(cut));
  lossy.finish();
  if (lossy.bad_progress) std::abort();
  return 0;
}
