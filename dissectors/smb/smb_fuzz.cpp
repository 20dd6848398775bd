#include "dissect/test_stream_fuzz.h"
#include "dissectors/smb/smb_test_support.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace tsujiban;
  dissect::testing::fuzz_stream<smb::testing::Bench>(smb::registry_row, {data, size},
                                                     {.record_bytes = 16 * 1024, .limits = {.open_streams = 64}});
  return 0;
}
