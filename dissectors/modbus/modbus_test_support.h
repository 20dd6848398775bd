#pragma once
// For tests of this folder: a dissector with both directions of a stream, and messages to feed it.
#include <memory>
#include <string>

#include "dissect/test_sink.h"
#include "dissectors/modbus/modbus_dissector.h"

namespace tsujiban::modbus::testing {

using dissect::testing::bytes_of;
using dissect::testing::Octets;
using dissect::testing::ToldAnomaly;

// An ADU of transaction `id` to `unit`, with its length; `pdu` in hex.
inline Octets adu(unsigned id, unsigned unit, std::string_view pdu) {
  const Octets body = bytes_of(pdu);
  const std::size_t length = body.size() + 1;
  Octets bytes = {
      static_cast<std::uint8_t>(id >> 8), static_cast<std::uint8_t>(id),  0, 0, static_cast<std::uint8_t>(length >> 8),
      static_cast<std::uint8_t>(length),  static_cast<std::uint8_t>(unit)};
  bytes.insert(bytes.end(), body.begin(), body.end());
  return bytes;
}
inline Octets joined(std::initializer_list<Octets> parts) {
  Octets bytes;
  for (const Octets& part : parts) bytes.insert(bytes.end(), part.begin(), part.end());
  return bytes;
}
// Registers 0 and 1 of unit 1, and their values.
inline Octets sample_request(unsigned id = 7) { return adu(id, 1, "03 0000 0002"); }
inline Octets sample_answer(unsigned id = 7) { return adu(id, 1, "03 04 0102 4142"); }

struct Bench {
  static inline const IpAddress client = IpAddress::v4(0xC0A8140A), server = IpAddress::v4(0xC0A8140B);

  explicit Bench(bool want_records = true, bool want_facts = true, std::uint32_t requests_max = 1024,
                 std::uint16_t server_port = port_modbus, std::size_t record_bytes = 1 << 20)
      : counters(std::make_unique<metrics::WorkerCounters>()),
        sink(EventType::modbus, want_records, want_facts, record_bytes),
        dissector(limits_of(requests_max), *counters),
        stream(dissector, registry_row, sink),
        port(server_port) {
    context.packet = nullptr;
    context.time = {1'700'000'000'000'000'000};
    context.flow_id = 1;
    context.ip_protocol = 6;
    context.app_protocol = AppProtocol::modbus;
  }
  static dissect::Limits limits_of(std::uint32_t requests_max) {
    dissect::Limits limits;
    limits.open_streams = requests_max;
    return limits;
  }
  void from_client(bool yes) {
    context.direction = yes ? Direction::to_responder : Direction::to_initiator;
    context.source = yes ? client : server;
    context.destination = yes ? server : client;
    context.source_port = yes ? 40000 : port;
    context.destination_port = yes ? port : 40000;
  }
  void ask(Bytes bytes) { from_client(true), stream.feed(context, bytes); }
  void answer(Bytes bytes) { from_client(false), stream.feed(context, bytes); }
  void gap(bool client_side, std::uint32_t missing = 1) { from_client(client_side), stream.gap(context, missing); }
  void finish(bool client_side) { from_client(client_side), stream.finish(context); }
  void finish() { finish(true), finish(false), dissector.close(stream.state()); }
  std::string last() const { return sink.records.empty() ? std::string{} : sink.records.back(); }
  bool has(std::string_view text) const { return last().find(text) != std::string::npos; }

  std::unique_ptr<metrics::WorkerCounters> counters;
  dissect::testing::TestSink sink;
  ModbusDissector dissector;
  dissect::testing::TestStream stream;
  dissect::MessageContext context{};
  std::uint16_t port;
};

}  // namespace tsujiban::modbus::testing
