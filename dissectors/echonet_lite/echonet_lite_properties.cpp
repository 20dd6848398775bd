#include "dissectors/echonet_lite/echonet_lite_properties.h"

namespace tsujiban::echonet_lite {
namespace {

struct DirectionRow {
  bool any;
  std::uint64_t code;
  LoadDirection direction;
};

#include "echonet_lite/properties.inc"

// Groups whose classes are devices (Part 2, 2.6; the profile group 0x0E has a superclass of its own, which is not this
// one).
constexpr bool inherits(std::uint16_t class_code) noexcept {
  const unsigned group = class_code >> 8;
  return group <= 0x06 || group == 0x0F;
}

}  // namespace

std::span<const ValueType> ValueType::children() const noexcept { return {type_rows + first_child, child_count}; }
std::span<const Choice> ValueType::choices() const noexcept { return {choice_rows + first_choice, choice_count}; }
std::span<const std::uint8_t> ValueType::scaled_by() const noexcept { return {scale_rows + first_scale, scale_count}; }
std::span<const BitField> ValueType::bit_fields() const noexcept { return {bit_field_rows + first_field, field_count}; }
std::span<const BitChoice> choices_of(const BitField& field) noexcept {
  return {bit_choice_rows + field.first_choice, field.choice_count};
}
const ValueType& Property::type() const noexcept { return type_rows[type_index]; }

const Property* find_property(std::uint16_t class_code, std::uint8_t epc) noexcept {
  if (epc < 0x80 || class_code >= 0x1000) return nullptr;
  std::uint16_t found = 0;
  if (const std::uint8_t row = class_index[class_code >> 8][class_code & 0xFF]; row != 0)
    found = index_rows[row - 1][epc - 0x80];
  if (found == 0 && inherits(class_code)) found = index_rows[superclass_row][epc - 0x80];
  return found == 0 ? nullptr : &property_rows[found - 1];
}

const ObjectClass* find_class(std::uint16_t class_code) noexcept {
  if (class_code >= 0x1000) return nullptr;
  const std::uint8_t row = class_index[class_code >> 8][class_code & 0xFF];
  return row == 0 ? nullptr : &class_rows[row - 1];
}

LoadDirection direction_of(const Property& property, std::uint64_t code) noexcept {
  for (unsigned i = 0; i < property.direction_count; ++i) {
    const DirectionRow& row = direction_rows[property.first_direction + i];
    if (row.any || row.code == code) return row.direction;
  }
  return LoadDirection::none;
}

const PropertySet& state_properties(std::uint16_t class_code) noexcept {
  static constexpr PropertySet none{};
  if (class_code >= 0x1000) return none;
  if (const std::uint8_t row = class_index[class_code >> 8][class_code & 0xFF]; row != 0) return state_rows[row - 1];
  return inherits(class_code) ? state_rows[superclass_row] : none;
}

const PropertySet& sensitive_properties(std::uint16_t class_code) noexcept {
  return sensitive_rows[class_code < 0x1000 ? sensitive_index[class_code >> 8][class_code & 0xFF] : 0];
}

bool is_sensitive_class(std::uint16_t class_code) noexcept {
  return class_code < 0x1000 && sensitive_index[class_code >> 8][class_code & 0xFF] != 0;
}

std::span<const Property> all_properties() noexcept { return property_rows; }

}  // namespace tsujiban::echonet_lite
