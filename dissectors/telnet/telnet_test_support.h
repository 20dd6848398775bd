#pragma once
// For tests of this folder: a dissector with both directions of a stream.
#include "dissect/test_streams.h"
#include "dissectors/telnet/telnet_dissector.h"

namespace tsujiban::telnet::testing {

using namespace dissect::testing;

using Bench = StreamBench<TelnetDissector, registry_row, EventType::flow>;

}  // namespace tsujiban::telnet::testing
