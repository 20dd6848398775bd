#pragma once
// For tests of this folder.
#include "dissect/test_datagrams.h"
#include "dissectors/ntp/ntp_dissector.h"

namespace tsujiban::ntp::testing {

using dissect::testing::bytes_of;
using dissect::testing::Octets;
using dissect::testing::ToldAnomaly;

using Bench = dissect::testing::DatagramBench<NtpDissector, EventType::ntp, AppProtocol::ntp, port_ntp>;

}  // namespace tsujiban::ntp::testing
