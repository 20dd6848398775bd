#pragma once
// For tests of this folder: a dissector, and datagrams to give it.
#include <memory>
#include <string>

#include "dissect/test_sink.h"
#include "dissectors/snmp/snmp_dissector.h"

namespace tsujiban::snmp::testing {

using dissect::testing::bytes_of;
using dissect::testing::Octets;
using dissect::testing::ToldAnomaly;

struct Bench {
  explicit Bench(bool want_records = true, std::size_t record_bytes = 1 << 20)
      : counters(std::make_unique<metrics::WorkerCounters>()),
        sink(EventType::snmp, want_records, true, record_bytes),
        dissector(*counters) {
    context.packet = nullptr;
    context.time = {1'700'000'000'000'000'000};
    context.flow_id = 1;
    context.ip_protocol = 17;
    context.app_protocol = AppProtocol::snmp;
    context.source = IpAddress::v4(0xC0A8140A);
    context.destination = IpAddress::v4(0xC0A8140B);
    context.source_port = 40000;
    context.destination_port = port_agent;
  }
  // Exactly these bytes, so that reading beyond them shows.
  void give(Bytes bytes) {
    const Octets exact(bytes.begin(), bytes.end());
    dissector.datagram(context, exact, sink);
  }
  std::string last() const { return sink.records.empty() ? std::string{} : sink.records.back(); }

  std::unique_ptr<metrics::WorkerCounters> counters;
  dissect::testing::TestSink sink;
  SnmpDissector dissector;
  dissect::MessageContext context{};
};

}  // namespace tsujiban::snmp::testing
