#include "dissect/test_stream_fuzz.h"
#include "dissectors/mqtt/mqtt_test_support.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace tsujiban;
  dissect::testing::fuzz_stream<mqtt::testing::Bench>(mqtt::registry_row, {data, size},
                                                      {.limits = {.open_streams = 8 * mqtt::streams_per_exchange}});
  return 0;
}
