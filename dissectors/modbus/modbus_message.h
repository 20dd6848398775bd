#pragma once
#include "base/parse_error.h"
#include "dissectors/modbus/modbus_wire.h"

namespace tsujiban::modbus {

// What Suricata calls error flags.
namespace error_flag {
inline constexpr std::uint8_t data_value = 1, data_length = 2, exception_code = 4, function_code = 8;
}

// Which of the fields below an ADU has.
enum class Shape : std::uint8_t {
  bytes,           // `data`.
  exception,       // `code`.
  diagnostic,      // `code`: sub-function; `data`.
  mei,             // `code`: type; `data`.
  read_request,    // `read_address`, `read_quantity`.
  read_response,   // `data`.
  write_request,   // `address`, `quantity`, `data`.
  write_one,       // `address`, `value`: one value, or the quantity in the answer to several.
  write_mask,      // `address`, `and_mask`, `or_mask`.
  read_and_write,  // The fields of read_request and write_request.
};

// One request or answer, as far as it could be read. The views live as long as the bytes that were read.
struct Adu {
  Bytes bytes;  // From the transaction identifier on.
  Bytes data;
  bool request = false;
  std::uint8_t unit = 0;
  std::uint8_t function = 0;  // As sent: an exception has its bit.
  Shape shape = Shape::bytes;
  std::uint8_t flags = 0;
  std::uint16_t transaction = 0;
  std::uint16_t code = 0, read_address = 0, read_quantity = 0, address = 0, quantity = 0, value = 0, and_mask = 0,
                or_mask = 0;
  ParseError error = ParseError::none;  // The first broken rule, and where it stands.
  std::uint32_t error_offset = 0;
  bool malformed() const noexcept { return error != ParseError::none; }
  bool is_exception() const noexcept { return !request && (function & exception_bit) != 0; }
  // The function without the exception's bit.
  std::uint8_t base_function() const noexcept { return function & 0x7F; }
  void fault(ParseError what, std::uint32_t offset, std::uint8_t flag) noexcept {
    flags |= flag;
    if (error != ParseError::none) return;
    error = what;
    error_offset = offset;
  }
};

// Reads one ADU; `bytes` is one by its header's length, which is within the limits.
Adu read_adu(Bytes bytes, bool request) noexcept;
// What an answer must have of its request: the echoed fields, the number of values.
void check_answer(Adu& answer, const Adu& request) noexcept;

// Whether the first bytes of an ADU are those of its function, as a request or as an answer, by its length and counts.
// Only for functions whose form says something; `open` where a count is not among the bytes yet.
enum class Fit : std::uint8_t { no, yes, open };
Fit fits(Bytes first, bool request) noexcept;

// Calls `visit(file, record, registers, data)` for each group of a file record message (6.14, 6.15): `data` is empty in
// requests to read. Stops at the first that does not fit.
template <class Visit>
void each_file_group(const Adu& adu, Visit&& visit) noexcept {
  const bool writes = adu.function == fc::write_file_record;
  if (!(writes || (adu.request && adu.function == fc::read_file_record)) || adu.data.empty()) return;
  for (std::size_t at = 1; at + 7 <= adu.data.size();) {
    const std::uint16_t registers = load_be16(adu.data, at + 5);
    const std::size_t bytes = writes ? std::size_t{registers} * 2 : 0;
    if (at + 7 + bytes > adu.data.size()) return;
    visit(load_be16(adu.data, at + 1), load_be16(adu.data, at + 3), registers, adu.data.subspan(at + 7, bytes));
    at += 7 + bytes;
  }
}

// Calls `visit(id, value)` for each object of an answer to Read Device Identification (6.21).
inline constexpr std::uint32_t device_id_head = 6;  // Code, conformity, more follows, next object, number of objects.
template <class Visit>
void each_device_object(const Adu& adu, Visit&& visit) noexcept {
  if (adu.request || adu.shape != Shape::mei || adu.code != mei::read_device_id || adu.data.size() < device_id_head - 1)
    return;
  std::size_t at = device_id_head - 1;
  for (unsigned i = 0; i < adu.data[4] && at + 2 <= adu.data.size(); ++i) {
    const std::size_t length = adu.data[at + 1];
    if (at + 2 + length > adu.data.size()) return;
    visit(adu.data[at], adu.data.subspan(at + 2, length));
    at += 2 + length;
  }
}

}  // namespace tsujiban::modbus
