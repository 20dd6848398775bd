#pragma once
// For tests of this folder: a dissector with both directions of a stream, and packets to feed it.
#include <memory>
#include <string>

#include "dissect/test_sink.h"
#include "dissectors/mqtt/mqtt_dissector.h"

namespace tsujiban::mqtt::testing {

using dissect::testing::bytes_of;
using dissect::testing::Octets;
using dissect::testing::ToldAnomaly;

inline Octets joined(std::initializer_list<Octets> parts) {
  Octets bytes;
  for (const Octets& part : parts) bytes.insert(bytes.end(), part.begin(), part.end());
  return bytes;
}
inline Octets text(std::string_view plain) {
  Octets bytes = {static_cast<std::uint8_t>(plain.size() >> 8), static_cast<std::uint8_t>(plain.size())};
  bytes.insert(bytes.end(), plain.begin(), plain.end());
  return bytes;
}
inline Octets plain(std::string_view chars) { return Octets(chars.begin(), chars.end()); }
// A packet with its remaining length.
inline Octets packet(unsigned first, const Octets& body) {
  Octets bytes = {static_cast<std::uint8_t>(first)};
  std::size_t left = body.size();
  do {
    bytes.push_back(static_cast<std::uint8_t>(left % 128 + (left > 127 ? 128 : 0)));
    left /= 128;
  } while (left > 0);
  bytes.insert(bytes.end(), body.begin(), body.end());
  return bytes;
}
// 3.1.1, a clean session of "meter-1" with user and password.
inline Octets connect() {
  return packet(0x10, joined({text("MQTT"), bytes_of("04 C2 003C"), text("meter-1"), text("user"), text("secret")}));
}
inline Octets connect_5(const Octets& properties = {}) {
  Octets body = joined({text("MQTT"), bytes_of("05 02 003C")});
  body.push_back(static_cast<std::uint8_t>(properties.size()));
  return packet(0x10, joined({body, properties, text("meter-1")}));
}
inline Octets connack() { return bytes_of("20 02 00 00"); }
inline Octets connack_5() { return bytes_of("20 03 00 00 00"); }
inline Octets publish(std::string_view topic, std::string_view payload) {
  return packet(0x30, joined({text(topic), plain(payload)}));
}
inline Octets publish_with_id(unsigned qos, unsigned id, std::string_view topic, std::string_view payload) {
  return packet(
      0x30 | qos << 1,
      joined({text(topic), Octets{static_cast<std::uint8_t>(id >> 8), static_cast<std::uint8_t>(id)}, plain(payload)}));
}
inline Octets subscribe(unsigned id, std::string_view filter, unsigned options = 0) {
  return packet(0x82, joined({Octets{static_cast<std::uint8_t>(id >> 8), static_cast<std::uint8_t>(id)}, text(filter),
                              Octets{static_cast<std::uint8_t>(options)}}));
}

struct Bench {
  static inline const IpAddress client = IpAddress::v4(0xC0A8140A), server = IpAddress::v4(0xC0A8140B);

  explicit Bench(bool want_records = true, std::uint32_t exchanges_max = 1024, std::size_t record_bytes = 1 << 20,
                 bool want_facts = false)
      : counters(std::make_unique<metrics::WorkerCounters>()),
        sink(EventType::mqtt, want_records, want_facts, record_bytes),
        dissector(limits_of(exchanges_max), *counters),
        stream(dissector, registry_row, sink) {
    context.packet = nullptr;
    context.time = {1'700'000'000'000'000'000};
    context.flow_id = 1;
    context.ip_protocol = 6;
    context.app_protocol = AppProtocol::mqtt;
  }
  static dissect::Limits limits_of(std::uint32_t exchanges_max) {
    dissect::Limits limits;
    limits.open_streams = exchanges_max * streams_per_exchange;
    return limits;
  }
  void from_client(bool yes) {
    context.direction = yes ? Direction::to_responder : Direction::to_initiator;
    context.source = yes ? client : server;
    context.destination = yes ? server : client;
    context.source_port = yes ? 40000 : port_mqtt;
    context.destination_port = yes ? port_mqtt : 40000;
  }
  void ask(Bytes bytes) { from_client(true), stream.feed(context, bytes); }
  void answer(Bytes bytes) { from_client(false), stream.feed(context, bytes); }
  void gap(bool client_side, std::uint32_t missing = 1) { from_client(client_side), stream.gap(context, missing); }
  void finish(bool client_side) { from_client(client_side), stream.finish(context); }
  void finish() { finish(true), finish(false), dissector.close(stream.state()); }
  void introduce() {
    ask(connect());
    answer(connack());
    sink.records.clear();
  }
  std::string last() const { return sink.records.empty() ? std::string{} : sink.records.back(); }
  bool has(std::string_view part) const { return last().find(part) != std::string::npos; }

  std::unique_ptr<metrics::WorkerCounters> counters;
  dissect::testing::TestSink sink;
  MqttDissector dissector;
  dissect::testing::TestStream stream;
  dissect::MessageContext context{};
};

}  // namespace tsujiban::mqtt::testing
