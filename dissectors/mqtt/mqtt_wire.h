#pragma once
#include <cstdint>
#include <string_view>

#include "base/bytes.h"

namespace tsujiban::mqtt {

inline constexpr std::uint16_t port_mqtt = 1883;

// Control packet types (MQTT 5.0, 2.1.2; the same in 3.1 and 3.1.1 up to DISCONNECT).
namespace packet_type {
inline constexpr std::uint8_t reserved = 0, connect = 1, connack = 2, publish = 3, puback = 4, pubrec = 5, pubrel = 6,
                              pubcomp = 7, subscribe = 8, suback = 9, unsubscribe = 10, unsuback = 11, pingreq = 12,
                              pingresp = 13, disconnect = 14, auth = 15;
}

// CONNECT's flags (3.1.2.3).
namespace connect_flag {
inline constexpr std::uint8_t reserved = 0x01, clean = 0x02, will = 0x04, will_qos = 0x18, will_retain = 0x20,
                              password = 0x40, user = 0x80;
}

inline constexpr std::uint8_t level_3_1 = 3, level_3_1_1 = 4, level_5 = 5;
inline constexpr std::uint8_t bridge_bit = 0x80;  // Of the level: how some brokers mark a bridge.

// The fixed header (2.1): type and flags, then the remaining length as 1 to 4 bytes of 7 bits, low first.
struct FixedHeader {
  enum class State : std::uint8_t { complete, incomplete, broken };
  State state = State::incomplete;
  std::uint8_t type = 0, flags = 0;
  std::uint8_t size = 0;        // Of the header itself.
  std::uint32_t remaining = 0;  // Bytes behind it.
  std::uint8_t qos() const noexcept { return flags >> 1 & 3; }
  bool dup() const noexcept { return (flags & 8) != 0; }
  bool retain() const noexcept { return (flags & 1) != 0; }
  std::uint32_t whole() const noexcept { return size + remaining; }
};

// A variable byte integer (1.5.5) at `offset`; `size` 0: it does not end within the bytes, and `broken` says that it
// cannot (a fifth byte).
struct VariableInteger {
  std::uint32_t value = 0;
  std::uint8_t size = 0;
  bool broken = false;
};
inline VariableInteger read_variable_integer(Bytes bytes, std::size_t offset) noexcept {
  VariableInteger read;
  for (std::uint8_t i = 0; i < 4; ++i) {
    if (offset + i >= bytes.size()) return read;
    const std::uint8_t b = bytes[offset + i];
    read.value |= std::uint32_t{b & 0x7Fu} << 7 * i;
    if ((b & 0x80) == 0) {
      read.size = static_cast<std::uint8_t>(i + 1);
      return read;
    }
  }
  read.broken = true;
  return read;
}
inline FixedHeader read_fixed_header(Bytes bytes) noexcept {
  FixedHeader header;
  if (bytes.empty()) return header;
  header.type = bytes[0] >> 4;
  header.flags = bytes[0] & 0x0F;
  const VariableInteger remaining = read_variable_integer(bytes, 1);
  if (remaining.broken) header.state = FixedHeader::State::broken;
  if (remaining.size == 0) return header;
  header.state = FixedHeader::State::complete;
  header.size = static_cast<std::uint8_t>(1 + remaining.size);
  header.remaining = remaining.value;
  return header;
}

// Properties of version 5 (2.2.2.2).
namespace property {
inline constexpr std::uint8_t payload_format = 1, correlation_data = 9, subscription_id = 11, auth_data = 22,
                              reason_string = 31, receive_maximum = 33, topic_alias = 35, maximum_qos = 36,
                              retain_available = 37, user = 38, maximum_packet_size = 39;
}
enum class PropertyKind : std::uint8_t { none, byte, two_bytes, four_bytes, variable, text, binary, pair };
struct PropertyRule {
  std::string_view name;  // Suricata's; empty: not assigned.
  PropertyKind kind = PropertyKind::none;
  std::uint16_t allowed = 0;  // Bit per packet type that may have it; bit 0: a will.
};
inline constexpr std::uint8_t property_count = 43;
const PropertyRule& property_rule(std::uint8_t id) noexcept;

struct Property {
  std::uint8_t id = 0;
  PropertyKind kind = PropertyKind::none;
  std::uint32_t number = 0;
  Bytes text;   // Of text, binary, and a pair's name.
  Bytes value;  // A pair's.
};
// Walks a block of properties. `next` is false at its end, or where one does not fit or is not assigned: `broken`.
class PropertyCursor {
 public:
  explicit PropertyCursor(Bytes block) noexcept : block_(block) {}
  bool next(Property& read) noexcept;
  bool broken() const noexcept { return broken_; }
  bool unassigned() const noexcept { return unassigned_; }
  std::size_t offset() const noexcept { return at_; }  // Of the next property, or of the one that is broken.

 private:
  bool string(std::size_t& at, Bytes& text) const noexcept;
  Bytes block_;
  std::size_t at_ = 0;
  bool broken_ = false, unassigned_ = false;
};

// Well-formed UTF-8 (RFC 3629).
bool is_utf8(Bytes bytes) noexcept;

}  // namespace tsujiban::mqtt
