// Any bytes as a datagram: no harm, records that fit, and the same anomalies whether records are wanted or not.
#include <cstdlib>

#include "dissectors/snmp/snmp_test_support.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace tsujiban;
  using snmp::testing::Bench;
  const Bytes input(data, size);
  constexpr std::size_t record_bytes = 64 * 1024;
  for (const bool hint : {false, true}) static_cast<void>(snmp::probe(dissect::Transport::datagram, hint, input));
  Bench wanted(true, record_bytes), quiet(false, record_bytes);
  wanted.give(input);
  quiet.give(input);
  if (wanted.sink.overflowed || wanted.sink.records.size() != 1 || !quiet.sink.records.empty()) std::abort();
  if (wanted.sink.anomalies != quiet.sink.anomalies) std::abort();
  return 0;
}
