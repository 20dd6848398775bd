#pragma once
#include <cstdint>
#include <span>
#include <string_view>

#include "model/fact.h"

namespace tsujiban::echonet_lite {

// The property tables, made at build time from data/properties.csv (ECHONET machine readable appendix, release R) and
// data/direction.csv. Everything here is a constant and lives as long as the program.

enum class AccessRule : std::uint8_t { no, mandatory, optional, conditional, one_of_group };

// How a value is encoded.
enum class ValueKind : std::uint8_t {
  raw,
  unsigned_,
  signed_,
  enumeration,
  enum_number,
  level,
  bitmap,
  date,
  time_minutes,
  time_seconds,
  hours_minutes,
  datetime_minutes,
  datetime_seconds,
  structure,
  array,
  property_map,
  instance_list,
  class_list,
  location,
  device_version,
  node_version,
  identification,
  manufacturer,
  text,
};

// A code, or a range of codes, with its name. In a numeric type it is the exception to the number.
struct Choice {
  std::uint64_t low, high;
  std::string_view name;
  double number;  // The number that the code stands for (ValueKind::enum_number).
  bool no_data;   // The name says that there is no value.
};
struct BitChoice {
  std::uint8_t value;
  std::string_view name;
};
// Bits of one byte of a bitmap.
struct BitField {
  std::uint8_t byte, mask;
  std::string_view name;
  std::uint16_t first_choice, choice_count;
};

// One value, or a member of a structure, or the element of an array (its one child).
struct ValueType {
  ValueKind kind;
  bool ranged;        // `minimum` and `maximum` hold (of the code, before multiplication).
  std::uint8_t size;  // Bytes; 0: as many as the property has.
  std::uint8_t count_min, count_max;
  std::uint16_t first_child, child_count, first_choice, choice_count, first_scale, scale_count, first_field,
      field_count;
  std::uint16_t divisor;  // value = code * multiplier / divisor
  double multiplier;
  std::int64_t minimum, maximum;
  std::string_view unit, name;

  std::span<const ValueType> children() const noexcept;
  std::span<const Choice> choices() const noexcept;
  std::span<const std::uint8_t> scaled_by() const noexcept;  // EPCs whose values multiply this one.
  std::span<const BitField> bit_fields() const noexcept;
};
std::span<const BitChoice> choices_of(const BitField& field) noexcept;

struct Property {
  std::uint16_t class_code;
  std::uint8_t epc;
  WriteEffect effect;
  AccessRule get, set, inf;
  std::uint8_t atomic_with;  // EPC that selects what this one reads; 0: none.
  std::uint8_t size_min, size_max;
  std::uint16_t type_index, first_direction, direction_count;
  std::string_view name, name_ja;

  const ValueType& type() const noexcept;
};

// A set of EPCs from 0x80 on.
struct PropertySet {
  std::uint64_t words[2];
  constexpr bool has(std::uint8_t epc) const noexcept {
    return epc >= 0x80 && (words[epc >> 6 & 1] >> (epc & 63) & 1) != 0;
  }
};

struct ObjectClass {
  std::uint16_t code;
  std::string_view name, name_ja;
};

// The property `epc` of objects of `class_code` (group and class of an EOJ), with what a device class inherits from the
// superclass; the profile group inherits nothing. Null when the tables do not know it. Constant time.
const Property* find_property(std::uint16_t class_code, std::uint8_t epc) noexcept;
// Null when the tables do not know the class.
const ObjectClass* find_class(std::uint16_t class_code) noexcept;
// Which way writing `code` (the value's bytes as one number) moves the load.
LoadDirection direction_of(const Property& property, std::uint64_t code) noexcept;
// Properties of a class whose values are told as facts: a state, a mode, an identity, a list of objects.
const PropertySet& state_properties(std::uint16_t class_code) noexcept;
// Properties of a class that privacy masks (data/sensitive.csv); those of the superclass for every class.
const PropertySet& sensitive_properties(std::uint16_t class_code) noexcept;
// Whether data/sensitive.csv has a row for the class.
bool is_sensitive_class(std::uint16_t class_code) noexcept;
// For tests: every row.
std::span<const Property> all_properties() noexcept;

}  // namespace tsujiban::echonet_lite
