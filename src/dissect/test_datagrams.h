#pragma once
// For tests of protocols over UDP: a dissector, and datagrams to give it.
#include <memory>
#include <string>

#include "dissect/test_sink.h"

namespace tsujiban::dissect::testing {

// Records of `type`, facts always; datagrams go to `port`.
template <class TestedDissector, EventType type, AppProtocol protocol, std::uint16_t port>
struct DatagramBench {
  explicit DatagramBench(bool want_records = true, std::size_t record_bytes = 1 << 20)
      : counters(std::make_unique<metrics::WorkerCounters>()),
        sink(type, want_records, true, record_bytes),
        dissector(*counters) {
    context.packet = nullptr;
    context.time = {1'700'000'000'000'000'000};
    context.flow_id = 1;
    context.ip_protocol = 17;
    context.app_protocol = protocol;
    context.source = IpAddress::v4(0xC0A8140A);
    context.destination = IpAddress::v4(0xC0A8140B);
    context.source_port = 40000;
    context.destination_port = port;
  }
  // Exactly these bytes, so that reading beyond them shows.
  void give(Bytes bytes) {
    const Octets exact(bytes.begin(), bytes.end());
    dissector.datagram(context, exact, sink);
  }
  std::string last() const { return sink.records.empty() ? std::string{} : sink.records.back(); }

  std::unique_ptr<metrics::WorkerCounters> counters;
  TestSink sink;
  TestedDissector dissector;
  MessageContext context{};
};

}  // namespace tsujiban::dissect::testing
