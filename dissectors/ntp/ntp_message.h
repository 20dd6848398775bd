#pragma once
#include "base/json_writer.h"
#include "base/parse_error.h"
#include "dissectors/ntp/ntp_wire.h"

namespace tsujiban::ntp {

// What was read of one message; a view of its bytes.
struct Message {
  Bytes bytes;
  std::uint8_t mode = 0, version = 0;
  std::uint8_t extensions = 0;  // Of modes 1 to 5.
  bool has_header = false;      // Long enough for its mode's header.
  bool authenticated = false;   // A digest is there; it is never written.
  bool crypto_nak = false;      // The key id alone, 0 (RFC 5905, 9.2): the answer to a digest that did not match.
  ParseError error = ParseError::none;
  std::uint32_t error_offset = 0;
  bool malformed() const noexcept { return error != ParseError::none; }
};

Message read_message(Bytes bytes) noexcept;
void write_message(JsonWriter& json, const Message& message) noexcept;
// The name of a mode; empty for mode 0.
std::string_view name_of_mode(std::uint8_t mode) noexcept;

}  // namespace tsujiban::ntp
