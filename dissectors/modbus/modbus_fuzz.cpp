#include "dissect/test_stream_fuzz.h"
#include "dissectors/modbus/modbus_test_support.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace tsujiban;
  dissect::testing::fuzz_stream<modbus::testing::Bench>(modbus::registry_row, {data, size},
                                                        {.record_bytes = 16 * 1024, .limits = {.open_streams = 8}});
  return 0;
}
