#pragma once
// For tests of this folder.
#include "dissect/test_datagrams.h"
#include "dissectors/snmp/snmp_dissector.h"

namespace tsujiban::snmp::testing {

using dissect::testing::bytes_of;
using dissect::testing::Octets;
using dissect::testing::ToldAnomaly;

using Bench = dissect::testing::DatagramBench<SnmpDissector, EventType::snmp, AppProtocol::snmp, port_agent>;

}  // namespace tsujiban::snmp::testing
