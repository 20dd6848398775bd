// Any bytes as a datagram of either version: no harm, one record, and the same record again.
#include <cstdlib>

#include "dissectors/dhcp/dhcp_test_sink.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace tsujiban;
  const Bytes input(data, size);
  for (const bool hint : {false, true}) static_cast<void>(dhcp::probe(dissect::Transport::datagram, hint, input));
  const std::vector<std::uint8_t> exact(input.begin(), input.end());
  dhcp::testing::Bench bench;
  for (unsigned round = 0; round < 2; ++round) {
    bench.send_v4(exact);
    bench.send_v6(exact);
  }
  if (bench.sink.overflowed || bench.sink.records.size() != 4) std::abort();
  if (bench.sink.records[0] != bench.sink.records[2] || bench.sink.records[1] != bench.sink.records[3]) std::abort();
  if (bench.sink.facts.size() > 2) std::abort();
  return 0;
}
