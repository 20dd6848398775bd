#pragma once
#include "base/parse_error.h"
#include "dissectors/mqtt/mqtt_wire.h"

namespace tsujiban::mqtt {

// What is buffered of one packet: all of it, or of a PUBLISH everything before its payload and the payload's beginning.
inline constexpr std::uint32_t packet_bytes_max = 128 * 1024;
// Of a text or payload in a record.
inline constexpr std::uint32_t text_written_max = 1024;

// One packet, as far as it could be read. The views live as long as the bytes that were read.
struct Packet {
  FixedHeader header;
  std::uint8_t version = 0;  // That it was read by; 0: no CONNECT was seen, and 3.1.1 is taken.
  bool oversize = false;     // Larger than is buffered: nothing of it is read but the header.
  bool has_id = false, has_reason = false, has_properties = false;
  std::uint8_t reason = 0;  // Return or reason code.
  std::uint16_t id = 0;
  Bytes properties;
  // CONNECT; a text whose data pointer is null was not there.
  bool has_connect = false;  // Up to the keep-alive.
  std::uint8_t level = 0, connect_flags = 0;
  std::uint16_t keep_alive = 0;
  Bytes protocol, client_id, will_properties, will_topic, will_message, user;
  bool has_will_properties = false;
  bool session_present = false;  // CONNACK.
  // PUBLISH.
  Bytes topic, payload;             // The payload's first bytes.
  std::uint32_t payload_bytes = 0;  // Its whole length.
  bool has_topic = false;
  Bytes list;  // Filters, or codes.
  std::uint32_t list_offset = 0;
  ParseError error = ParseError::none;  // The first broken rule, and where it stands in the packet.
  std::uint32_t error_offset = 0;
  bool malformed() const noexcept { return error != ParseError::none; }
  bool v5() const noexcept { return version == level_5; }
  void fault(ParseError what, std::uint32_t offset) noexcept {
    if (error != ParseError::none) return;
    error = what;
    error_offset = offset;
  }
};

// How many bytes from the packet's beginning must be there to read it; the answer grows with what is there, never
// beyond the packet's own length. More than `packet_bytes_max`: it is not read.
std::uint32_t bytes_needed(Bytes stream, const FixedHeader& header, std::uint8_t version) noexcept;

// `bytes`: so many as `bytes_needed` says.
Packet read_packet(Bytes bytes, const FixedHeader& header, std::uint8_t version) noexcept;

// Calls `visit(filter, options, at)` for each filter of a SUBSCRIBE or UNSUBSCRIBE; `options` is 0 in the latter, and
// `at` is where it stands in the list. Returns how many bytes were read.
template <class Visit>
std::size_t each_filter(const Packet& packet, Visit&& visit) noexcept {
  const std::size_t tail = packet.header.type == packet_type::subscribe ? 1 : 0;
  std::size_t at = 0;
  while (at + 2 <= packet.list.size()) {
    const std::size_t length = load_be16(packet.list, at);
    if (at + 2 + length + tail > packet.list.size()) break;
    visit(packet.list.subspan(at + 2, length), tail != 0 ? packet.list[at + 2 + length] : std::uint8_t{0}, at);
    at += 2 + length + tail;
  }
  return at;
}

// Whether a packet may begin here; `open` where more bytes are needed to tell. `anywhere`: within lost bytes, where
// only what is long enough to be no accident counts.
enum class Fit : std::uint8_t { no, yes, open };
Fit fits(Bytes bytes, bool anywhere) noexcept;
// Whether the bytes begin a CONNECT.
Fit fits_connect(Bytes bytes) noexcept;

}  // namespace tsujiban::mqtt
