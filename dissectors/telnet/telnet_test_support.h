#pragma once
// For tests of this folder: a dissector with both directions of a stream.
#include <memory>
#include <string>

#include "dissect/test_sink.h"
#include "dissectors/telnet/telnet_dissector.h"

namespace tsujiban::telnet::testing {

struct Bench {
  static inline const IpAddress client_address = IpAddress::v4(0xC0A8140A), server_address = IpAddress::v4(0xC0A8140B);

  explicit Bench(bool want_facts = true)
      : counters(std::make_unique<metrics::WorkerCounters>()),
        sink(EventType::flow, false, want_facts, 1024),
        dissector(*counters),
        stream(dissector, registry_row, sink) {
    context.packet = nullptr;
    context.time = {1'700'000'000'000'000'000};
    context.flow_id = 1;
    context.ip_protocol = 6;
    context.app_protocol = AppProtocol::telnet;
  }
  void from_client(bool yes) {
    context.direction = yes != turned ? Direction::to_responder : Direction::to_initiator;
    context.source = yes ? client_address : server_address;
    context.destination = yes ? server_address : client_address;
    context.source_port = yes ? 40000 : port_telnet;
    context.destination_port = yes ? port_telnet : 40000;
  }
  void feed(std::string_view text) {
    stream.feed(context, {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()});
  }
  void client(std::string_view text) { from_client(true), feed(text); }
  void server(std::string_view text) { from_client(false), feed(text); }
  void gap(bool client_side, std::uint32_t missing = 1) { from_client(client_side), stream.gap(context, missing); }
  void finish() {
    from_client(true), stream.finish(context);
    from_client(false), stream.finish(context);
  }
  std::uint64_t counted(std::uint8_t type) const {
    return counters->messages[static_cast<std::size_t>(AppProtocol::telnet)][type].value();
  }
  std::vector<Login::Outcome> outcomes() const {
    std::vector<Login::Outcome> told;
    for (const Fact& fact : sink.told(FactKind::login)) told.push_back(fact.login.outcome);
    return told;
  }

  std::unique_ptr<metrics::WorkerCounters> counters;
  dissect::testing::TestSink sink;
  TelnetDissector dissector;
  dissect::testing::TestStream stream;
  dissect::MessageContext context{};
  bool turned = false;  // The connection was met with the server's first packet.
};

}  // namespace tsujiban::telnet::testing
