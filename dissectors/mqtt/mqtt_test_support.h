#pragma once
// For tests of this folder: a dissector with both directions of a stream, and packets to feed it.
#include "dissect/test_streams.h"
#include "dissectors/mqtt/mqtt_dissector.h"

namespace tsujiban::mqtt::testing {

using namespace dissect::testing;

inline Octets text(std::string_view plain) {
  Octets bytes = {static_cast<std::uint8_t>(plain.size() >> 8), static_cast<std::uint8_t>(plain.size())};
  bytes.insert(bytes.end(), plain.begin(), plain.end());
  return bytes;
}
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
  return packet(0x30, joined({text(topic), octets(payload)}));
}
inline Octets publish_with_id(unsigned qos, unsigned id, std::string_view topic, std::string_view payload) {
  return packet(0x30 | qos << 1,
                joined({text(topic), Octets{static_cast<std::uint8_t>(id >> 8), static_cast<std::uint8_t>(id)},
                        octets(payload)}));
}
inline Octets subscribe(unsigned id, std::string_view filter, unsigned options = 0) {
  return packet(0x82, joined({Octets{static_cast<std::uint8_t>(id >> 8), static_cast<std::uint8_t>(id)}, text(filter),
                              Octets{static_cast<std::uint8_t>(options)}}));
}

struct Bench : StreamBench<MqttDissector, registry_row, EventType::mqtt> {
  using StreamBench::StreamBench;
  void introduce() {
    ask(connect());
    answer(connack());
    sink.records.clear();
  }
};

}  // namespace tsujiban::mqtt::testing
