#pragma once
// For tests of this folder: keeps what the dissector tells.
#include <string>
#include <string_view>
#include <vector>

#include "dissect/test_sink.h"
#include "dissectors/dhcp/dhcp_dissector.h"

namespace tsujiban::dhcp::testing {

using dissect::testing::bytes_of;
using dissect::testing::ToldAnomaly;

struct TestSink final : dissect::testing::TestSink {
  explicit TestSink(bool want_records = true, bool want_facts = true)
      : dissect::testing::TestSink(EventType::dhcp, want_records, want_facts, 1 << 17) {}
};

struct Bench {
  explicit Bench(bool records = true, bool facts = true)
      : counters(std::make_unique<metrics::WorkerCounters>()), sink(records, facts), dissector(*counters) {
    context.time = {1'700'000'000'000'000'000};
    context.ip_protocol = 17;
    context.app_protocol = AppProtocol::dhcp;
  }
  void send_v4(const std::vector<std::uint8_t>& bytes, std::uint32_t from = 0xC0A80101) {
    context.source = IpAddress::v4(from);
    context.destination = IpAddress::v4(0xFFFFFFFF);
    context.source_port = port_v4_server;
    context.destination_port = port_v4_client;
    dissector.datagram(context, bytes, sink);
  }
  void send_v6(const std::vector<std::uint8_t>& bytes) {
    context.source = {0xfe80000000000000, 1};
    context.destination = {0xff02000000000000, 0x10002};
    context.source_port = port_v6_client;
    context.destination_port = port_v6_server;
    dissector.datagram(context, bytes, sink);
  }
  // The object of the last message.
  std::string last() const { return sink.records.empty() ? std::string{} : sink.records.back(); }

  std::unique_ptr<metrics::WorkerCounters> counters;
  TestSink sink;
  DhcpDissector dissector;
  dissect::MessageContext context{};
};

}  // namespace tsujiban::dhcp::testing
