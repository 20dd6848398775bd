#pragma once
#include <cstddef>
#include <cstdint>

#include "base/bytes.h"
#include "base/parse_error.h"

namespace tsujiban::snmp {

inline constexpr std::uint16_t port_agent = 161, port_trap = 162;

// BER (X.690) as SNMP has it (RFC 3417, 8): definite lengths only.
namespace tag {
inline constexpr std::uint8_t integer = 0x02, octets = 0x04, object_id = 0x06, sequence = 0x30;
inline constexpr std::uint8_t ip_address = 0x40, time_ticks = 0x43;  // RFC 1155, 6; RFC 2578, 7.1.
// RFC 1157, 4.1; RFC 3416, 3: context-specific, constructed.
inline constexpr std::uint8_t get_request = 0xA0, get_next_request = 0xA1, response = 0xA2, set_request = 0xA3,
                              trap_v1 = 0xA4, get_bulk_request = 0xA5, inform_request = 0xA6, trap_v2 = 0xA7,
                              report = 0xA8;
}  // namespace tag

inline constexpr unsigned length_bytes_max = 4;          // Of a length in the long form.
inline constexpr std::size_t object_id_parts_max = 128;  // RFC 2578, 3.5.
inline constexpr std::size_t integer_bytes_max = 5;      // An unsigned 32-bit number with a leading 0.

struct Element {
  std::uint8_t tag = 0;
  Bytes value;
  std::size_t offset = 0;  // Of its first byte in the message.
};

// Walks the elements of one constructed value, without recursion: whoever goes deeper makes another. Every element lies
// in its container, so that a length can lie only once.
class BerReader {
 public:
  BerReader() noexcept = default;
  BerReader(Bytes bytes, std::size_t offset) noexcept : bytes_(bytes), offset_(offset) {}

  bool at_end() const noexcept { return at_ == bytes_.size(); }
  std::size_t offset() const noexcept { return offset_ + at_; }
  std::size_t left() const noexcept { return bytes_.size() - at_; }

  // The next element; else `error` says what is wrong at `offset`.
  ParseError next(Element& element) noexcept {
    if (bytes_.size() - at_ < 2) return ParseError::truncated;
    element.offset = offset();
    element.tag = bytes_[at_];
    // Tags of several bytes have no use in SNMP.
    if ((element.tag & 0x1F) == 0x1F) return ParseError::snmp_bad_ber;
    std::size_t at = at_ + 1;
    std::size_t length = bytes_[at++];
    if (length >= 0x80) {
      const unsigned count = length & 0x7F;
      if (count == 0 || count > length_bytes_max) return ParseError::snmp_bad_ber;
      if (bytes_.size() - at < count) return ParseError::truncated;
      length = 0;
      for (unsigned i = 0; i < count; ++i) length = length << 8 | bytes_[at++];
    }
    if (length > bytes_.size() - at) return ParseError::bad_length;
    element.value = bytes_.subspan(at, length);
    at_ = at + length;
    return ParseError::none;
  }
  // The element that was read last, as a container.
  BerReader inside(const Element& element) const noexcept { return {element.value, offset() - element.value.size()}; }

 private:
  Bytes bytes_;
  std::size_t offset_ = 0, at_ = 0;
};

// Two's complement; false where it has no bytes or more than SNMP's numbers have.
inline bool read_integer(Bytes value, std::int64_t& number) noexcept {
  if (value.empty() || value.size() > integer_bytes_max) return false;
  number = (value[0] & 0x80) != 0 ? -1 : 0;
  for (const std::uint8_t byte : value)
    number = static_cast<std::int64_t>(static_cast<std::uint64_t>(number) << 8 | byte);
  return true;
}

// RFC 2578, 3.5: at most 128 parts of at most 32 bits, each in its shortest form (X.690, 8.19.2).
inline bool is_object_id(Bytes value) noexcept {
  if (value.empty() || (value.back() & 0x80) != 0) return false;
  std::size_t parts = 1;
  std::uint64_t part = 0;
  bool begins = true;
  for (const std::uint8_t byte : value) {
    if (begins && byte == 0x80) return false;
    part = part << 7 | (byte & 0x7F);
    if (part > 0xFFFFFFFF + std::uint64_t{80}) return false;
    begins = (byte & 0x80) == 0;
    if (begins) {
      if (parts > 1 && part > 0xFFFFFFFF) return false;
      part = 0;
      if (++parts > object_id_parts_max) return false;
    }
  }
  return true;
}

}  // namespace tsujiban::snmp
