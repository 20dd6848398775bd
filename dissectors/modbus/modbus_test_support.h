#pragma once
// For tests of this folder: a dissector with both directions of a stream, and messages to feed it.
#include "dissect/test_streams.h"
#include "dissectors/modbus/modbus_dissector.h"

namespace tsujiban::modbus::testing {

using namespace dissect::testing;

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
// Registers 0 and 1 of unit 1, and their values.
inline Octets sample_request(unsigned id = 7) { return adu(id, 1, "03 0000 0002"); }
inline Octets sample_answer(unsigned id = 7) { return adu(id, 1, "03 04 0102 4142"); }

using Bench = StreamBench<ModbusDissector, registry_row, EventType::modbus>;

}  // namespace tsujiban::modbus::testing
