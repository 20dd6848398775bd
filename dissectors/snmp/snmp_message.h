#pragma once
#include <string_view>

#include "base/fixed_vector.h"
#include "base/json_writer.h"
#include "dissectors/snmp/snmp_wire.h"

namespace tsujiban::snmp {

inline constexpr std::size_t varbinds_written_max = 32;  // More are counted.

// What a message is, by the tag of its PDU, and what is counted.
enum class Kind : std::uint8_t {
  get_request,
  get_next_request,
  response,
  set_request,
  trap_v1,
  get_bulk_request,
  inform_request,
  trap_v2,
  report,
  encrypted,
  unknown,
};
std::string_view name_of(Kind kind) noexcept;

// What was read of one message; views of its bytes. Neither community nor user is here: they let somebody in.
struct Message {
  std::uint8_t version = 0;  // 1, 2 (2c) or 3; 0: none of them.
  Kind kind = Kind::unknown;
  bool community_present = false, user_present = false;
  bool has_header = false;  // Version 3: the global data was read.
  std::uint8_t flags = 0;   // Version 3, RFC 3412, 6.4: 1 authenticated, 2 encrypted, 4 reportable.
  std::int64_t security_model = 0;
  bool has_fields = false;  // Of the PDU: the numbers below, or those of the trap.
  std::int64_t request_id = 0;
  std::int64_t error_status = 0, error_index = 0;  // GetBulk: non-repeaters and max-repetitions (RFC 3416, 3).
  Bytes enterprise;                                // Trap of version 1.
  Bytes agent;
  std::int64_t generic_trap = 0, specific_trap = 0;
  FixedVector<Bytes, varbinds_written_max> names;  // Object ids of the first ones.
  std::uint32_t varbinds = 0;
  ParseError error = ParseError::none;
  std::uint32_t error_offset = 0;
  bool malformed() const noexcept { return error != ParseError::none; }
};

Message read_message(Bytes bytes) noexcept;
void write_message(JsonWriter& json, const Message& message) noexcept;

}  // namespace tsujiban::snmp
