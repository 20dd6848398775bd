#pragma once
#include "base/json_writer.h"
#include "dissectors/mqtt/mqtt_packet.h"

namespace tsujiban::output {
class Mask;
}

namespace tsujiban::mqtt {

// A record's text beyond which no further filters and properties are written; they are counted.
inline constexpr std::size_t json_bytes_max = 24 * 1024;
inline constexpr unsigned list_written_max = 128;  // Filters, codes, or properties of users.

// Writes the member of `mqtt` that is this packet's: "publish": {...}. The writer stands in the open object. With a
// mask that is on payloads do not stand in it, and of client identifiers, users, topics and texts of the application
// the pseudonyms.
void write_packet(JsonWriter& writer, const Packet& packet, const output::Mask* mask) noexcept;

// "connect", "connack", ...; empty for a type that is not assigned.
std::string_view packet_name(std::uint8_t type) noexcept;

}  // namespace tsujiban::mqtt
