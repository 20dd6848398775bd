#pragma once
// For tests of this folder: a dissector with both directions of a control connection.
#include <memory>
#include <string>

#include "dissect/test_sink.h"
#include "dissectors/ftp/ftp_dissector.h"

namespace tsujiban::ftp::testing {

using dissect::testing::Octets;
using dissect::testing::ToldAnomaly;

inline Octets octets(std::string_view text) { return {text.begin(), text.end()}; }

struct Bench {
  static inline const IpAddress client = IpAddress::v4(0xC0A8140A), server = IpAddress::v4(0xC0A8140B);

  explicit Bench(bool want_records = true, bool want_facts = true, std::uint32_t streams_max = 1024)
      : counters(std::make_unique<metrics::WorkerCounters>()),
        sink(EventType::ftp, want_records, want_facts, 64 * 1024),
        dissector(limits_of(streams_max), *counters),
        stream(dissector, registry_row, sink) {
    context.packet = nullptr;
    context.time = {1'700'000'000'000'000'000};
    context.flow_id = 1;
    context.ip_protocol = 6;
    context.app_protocol = AppProtocol::ftp;
  }
  static dissect::Limits limits_of(std::uint32_t streams_max) {
    dissect::Limits limits;
    limits.open_streams = streams_max;
    return limits;
  }
  void from_client(bool yes) {
    context.direction = yes ? Direction::to_responder : Direction::to_initiator;
    context.source = yes ? client : server;
    context.destination = yes ? server : client;
    context.source_port = yes ? 40000 : port_ftp;
    context.destination_port = yes ? port_ftp : 40000;
  }
  void ask(Bytes bytes) { from_client(true), stream.feed(context, bytes); }
  void answer(Bytes bytes) { from_client(false), stream.feed(context, bytes); }
  void ask(std::string_view text) { ask(octets(text)); }
  void answer(std::string_view text) { answer(octets(text)); }
  void gap(bool client_side, std::uint32_t missing = 1) { from_client(client_side), stream.gap(context, missing); }
  void finish() {
    from_client(true), stream.finish(context);
    from_client(false), stream.finish(context);
    dissector.close(stream.state());
  }
  std::string last() const { return sink.records.empty() ? std::string{} : sink.records.back(); }
  bool has(std::string_view text) const { return last().find(text) != std::string::npos; }

  std::unique_ptr<metrics::WorkerCounters> counters;
  dissect::testing::TestSink sink;
  FtpDissector dissector;
  dissect::testing::TestStream stream;
  dissect::MessageContext context{};
};

}  // namespace tsujiban::ftp::testing
