#pragma once
// For tests of protocols over TCP: a dissector, both directions of a stream to give it, and what it told.
#include <memory>
#include <string>

#include "dissect/test_sink.h"

namespace tsujiban::dissect::testing {

inline Octets octets(std::string_view text) { return {text.begin(), text.end()}; }
inline Octets joined(std::initializer_list<Octets> parts) {
  Octets bytes;
  for (const Octets& part : parts) bytes.insert(bytes.end(), part.begin(), part.end());
  return bytes;
}

// What is wanted of a dissector, and how much it may hold.
struct BenchSetup {
  bool records = true, facts = true;
  std::size_t record_bytes = 64 * 1024;
  Limits limits = {.pairing_entries = 1024, .open_streams = 1024};
};

template <class TestedDissector, const DissectorRow& row, EventType type>
struct StreamBench {
  static inline const IpAddress client = IpAddress::v4(0xC0A8140A), server = IpAddress::v4(0xC0A8140B);

  // A dissector, which several streams may share.
  struct Worker {
    explicit Worker(const Limits& limits) : dissector(made(limits, counters)) {}
    metrics::WorkerCounters counters;
    TestedDissector dissector;
  };

  explicit StreamBench(const BenchSetup& setup = {}) : StreamBench(std::make_shared<Worker>(setup.limits), setup) {}
  StreamBench(std::shared_ptr<Worker> of, const BenchSetup& setup)
      : worker(std::move(of)),
        counters(&worker->counters),
        dissector(worker->dissector),
        sink(type, setup.records, setup.facts, setup.record_bytes),
        stream(dissector, row, sink) {
    context.packet = nullptr;
    context.time = {1'700'000'000'000'000'000};
    context.flow_id = 1;
    context.ip_protocol = 6;
    context.app_protocol = row.protocol;
  }
  StreamBench(const StreamBench&) = delete;
  StreamBench& operator=(const StreamBench&) = delete;
  ~StreamBench() { close(); }

  // Whose message is next.
  MessageContext& from_client(bool yes) {
    context.direction = yes != turned ? Direction::to_responder : Direction::to_initiator;
    context.source = yes ? client : server;
    context.destination = yes ? server : client;
    context.source_port = yes ? 40000 : port;
    context.destination_port = yes ? port : 40000;
    return context;
  }
  StreamBench& ask(Bytes bytes) { return stream.feed(from_client(true), bytes), *this; }
  StreamBench& answer(Bytes bytes) { return stream.feed(from_client(false), bytes), *this; }
  StreamBench& ask(std::string_view text) { return ask(octets(text)); }
  StreamBench& answer(std::string_view text) { return answer(octets(text)); }
  void gap(bool client_side, std::uint32_t missing = 1) { stream.gap(from_client(client_side), missing); }
  void finish(bool client_side) { stream.finish(from_client(client_side)); }
  void finish() { finish(true), finish(false), close(); }
  void close() {
    if (!closed) dissector.close(stream.state());
    closed = true;
  }

  std::string last() const { return sink.records.empty() ? std::string{} : sink.records.back(); }
  bool has(std::string_view text) const { return last().find(text) != std::string::npos; }
  std::uint64_t counted(std::uint8_t message_type) const {
    return counters->messages[static_cast<std::size_t>(row.protocol)][message_type].value();
  }
  std::uint64_t evicted(metrics::EvictionReason reason = metrics::EvictionReason::dissector_state) const {
    return counters->evictions[static_cast<std::size_t>(reason)].value();
  }
  std::vector<Login::Outcome> outcomes() const {
    std::vector<Login::Outcome> told;
    for (const Fact& fact : sink.told(FactKind::login)) told.push_back(fact.login.outcome);
    return told;
  }
  // What the dissector holds for its streams; nothing once they are over.
  std::uint32_t outstanding() const {
    if constexpr (requires { dissector.outstanding(); }) return dissector.outstanding();
    return 0;
  }

  std::shared_ptr<Worker> worker;
  metrics::WorkerCounters* counters;
  TestedDissector& dissector;
  TestSink sink;
  TestStream stream;
  MessageContext context{};
  std::uint16_t port = row.ports.front();  // The server's.
  bool turned = false;                     // The connection was met with the server's first packet.
  bool closed = false;

 private:
  static TestedDissector made(const Limits& limits, metrics::WorkerCounters& counters) {
    if constexpr (std::is_constructible_v<TestedDissector, Limits, metrics::WorkerCounters&, HashSeed>)
      return TestedDissector(limits, counters, HashSeed{});
    else if constexpr (std::is_constructible_v<TestedDissector, Limits, metrics::WorkerCounters&>)
      return TestedDissector(limits, counters);
    else
      return TestedDissector(counters);
  }
};

}  // namespace tsujiban::dissect::testing
