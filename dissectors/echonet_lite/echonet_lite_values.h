#pragma once
#include "base/bytes.h"
#include "dissectors/echonet_lite/echonet_lite_properties.h"

namespace tsujiban::echonet_lite {

// Why a number is none: the codes that Appendix release R sets aside, where the property's range or its choices leave
// them free.
enum class ValueState : std::uint8_t { number, no_data, overflow, underflow };
std::string_view name_of(ValueState state) noexcept;  // "no-data", "overflow", "underflow"; empty for number.

// One value that is a number, or a code that stands for something.
struct Scalar {
  double value = 0;  // In the type's unit, when `has_value`; scaling by other properties is not applied.
  bool has_value = false;
  bool out_of_range = false;  // The code is outside of what the appendix allows and none of the codes set aside.
  ValueState state = ValueState::number;
  std::string_view meaning;  // The choice's name, or empty.
};

// The bytes as one big-endian number; only the last eight count.
std::uint64_t code_of(Bytes bytes) noexcept;

// Whether the bytes have a length that the property, and the structure of its type, allows.
bool size_fits(const Property& property, Bytes edt) noexcept;
bool size_fits(const ValueType& type, Bytes bytes) noexcept;

// True for kinds that `read_scalar` understands.
bool is_scalar(ValueKind kind) noexcept;
// `bytes` has the type's size.
Scalar read_scalar(const ValueType& type, Bytes bytes) noexcept;

// How a value to be written stands to the property's definition.
ValueCheck check_value(const Property& property, Bytes edt) noexcept;

// Dates and times as text ("2026-05-20T14:00:00"); `bytes` has the type's size.
inline constexpr std::size_t time_text_max = 32;
bool is_time(ValueKind kind) noexcept;
struct TimeText {
  char text[time_text_max];
  std::size_t length = 0;
  bool no_data = false;       // All bits are set, wholly or in the date: nothing is told.
  bool out_of_range = false;  // A month 13, a minute 60 and the like; the text says it all the same.
  std::string_view view() const noexcept { return {text, length}; }
};
TimeText read_time(const ValueType& type, Bytes bytes) noexcept;

// A property map, Part 2, annex 1. `count` is what it says of itself; `mismatch`: its size or bits say another number.
struct PropertyMap {
  std::uint8_t epcs[255];
  unsigned size = 0;
  unsigned count = 0;
  bool mismatch = false;
};
PropertyMap read_property_map(Bytes edt) noexcept;  // `edt` is not empty.

// Known makers (3-byte code), or empty.
std::string_view manufacturer_name(std::uint32_t code) noexcept;
// Places of property 0x81, bits 6-3, or empty for 0.
std::string_view place_name(unsigned place) noexcept;

}  // namespace tsujiban::echonet_lite
