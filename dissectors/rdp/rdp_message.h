#pragma once
#include <string_view>

#include "base/json_writer.h"
#include "base/parse_error.h"
#include "dissectors/rdp/rdp_wire.h"

namespace tsujiban::output {
class Mask;
}

namespace tsujiban::rdp {

enum class Kind : std::uint8_t { initial_request, initial_response, connect_request, connect_response, other };
// As Suricata's `event_type`; "other" is counted only.
std::string_view name_of(Kind kind) noexcept;

// What was read of one PDU; views of its bytes.
struct Message {
  Kind kind = Kind::other;
  bool cookie_present = false;  // mstshash, the user's name, which is not kept.
  bool routing_token_present = false;
  std::uint8_t negotiation = 0;  // negotiation_request, _response, _failure; 0: none.
  std::uint8_t flags = 0;
  std::uint32_t value = 0;  // Protocols offered, the one chosen, or the failure.
  Bytes core, network;      // Blocks without their headers; empty: absent.
  ParseError error = ParseError::none;
  std::uint32_t error_offset = 0;
  bool malformed() const noexcept { return error != ParseError::none; }
};

// `pdu` is one whole TPKT of at least `tpdu_bytes_min`.
Message read_message(Bytes pdu) noexcept;
void write_message(JsonWriter& json, const Message& message, const output::Mask* mask) noexcept;

}  // namespace tsujiban::rdp
