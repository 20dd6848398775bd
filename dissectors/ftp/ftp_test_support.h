#pragma once
// For tests of this folder: a dissector with both directions of a control connection.
#include "dissect/test_streams.h"
#include "dissectors/ftp/ftp_dissector.h"

namespace tsujiban::ftp::testing {

using namespace dissect::testing;

using Bench = StreamBench<FtpDissector, registry_row, EventType::ftp>;

}  // namespace tsujiban::ftp::testing
