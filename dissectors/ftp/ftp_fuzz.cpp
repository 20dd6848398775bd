#include "dissect/test_stream_fuzz.h"
#include "dissectors/ftp/ftp_test_support.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace tsujiban;
  dissect::testing::fuzz_stream<ftp::testing::Bench>(ftp::registry_row, {data, size}, {});
  return 0;
}
