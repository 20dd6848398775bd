#include "dissectors/echonet_lite/echonet_lite_values.h"

#include <algorithm>
#include <array>

namespace tsujiban::echonet_lite {
namespace {

std::int64_t signed_code(std::uint64_t code, unsigned size) noexcept {
  const unsigned shift = 64 - 8 * size;
  return static_cast<std::int64_t>(code << shift) >> shift;
}

const Choice* choice_of(const ValueType& type, std::uint64_t code) noexcept {
  for (const Choice& choice : type.choices()) {
    if (code >= choice.low && code <= choice.high) return &choice;
  }
  return nullptr;
}

// Codes set aside by the appendix for a number of that width, where the range leaves them out ("overflow / underflow
// codes" and "no data" of its common rules). Unsigned 0xFF..FE is an underflow unless a choice of the class says "not
// measured".
ValueState state_of(bool is_signed, unsigned size, std::uint64_t code) noexcept {
  const std::uint64_t all = size == 8 ? ~std::uint64_t{0} : (std::uint64_t{1} << (8 * size)) - 1;
  if (!is_signed) {
    if (code == all) return ValueState::overflow;
    if (code == all - 1) return ValueState::underflow;
    if (size == 1 && code == 0xFD) return ValueState::no_data;
    return ValueState::number;
  }
  const std::uint64_t top = all >> 1;
  if (code == top) return ValueState::overflow;
  if (code == top + 1) return ValueState::underflow;
  if (code == top - 1) return ValueState::no_data;
  return ValueState::number;
}

void put_digits(TimeText& to, unsigned value, unsigned width) noexcept {
  char digits[8];
  unsigned n = 0;
  do {
    digits[n++] = static_cast<char>('0' + value % 10);
    value /= 10;
  } while (value != 0);
  while (n < width) digits[n++] = '0';
  while (n > 0) to.text[to.length++] = digits[--n];
}
void put(TimeText& to, char c) noexcept { to.text[to.length++] = c; }

void put_date(TimeText& to, Bytes at) noexcept {
  const unsigned year = load_be16(at, 0), month = at[2], day = at[3];
  to.no_data = year == 0xFFFF;
  to.out_of_range = year == 0 || year > 9999 || month < 1 || month > 12 || day < 1 || day > 31;
  put_digits(to, year, 4);
  put(to, '-');
  put_digits(to, month, 2);
  put(to, '-');
  put_digits(to, day, 2);
}

void put_time(TimeText& to, Bytes at, bool seconds, unsigned hour_max) noexcept {
  to.out_of_range = to.out_of_range || at[0] > hour_max || at[1] > 59 || (seconds && at[2] > 59);
  put_digits(to, at[0], 2);
  put(to, ':');
  put_digits(to, at[1], 2);
  if (!seconds) return;
  put(to, ':');
  put_digits(to, at[2], 2);
}

}  // namespace

std::string_view name_of(ValueState state) noexcept {
  switch (state) {
    case ValueState::no_data:
      return "no-data";
    case ValueState::overflow:
      return "overflow";
    case ValueState::underflow:
      return "underflow";
    case ValueState::number:
      break;
  }
  return {};
}

std::uint64_t code_of(Bytes bytes) noexcept {
  std::uint64_t code = 0;
  for (const std::uint8_t b : bytes) code = code << 8 | b;
  return code;
}

bool size_fits(const ValueType& type, Bytes bytes) noexcept {
  if (type.kind == ValueKind::array) {
    const std::size_t each = type.children()[0].size;
    return bytes.size() % each == 0 && bytes.size() / each >= type.count_min && bytes.size() / each <= type.count_max;
  }
  if (type.kind == ValueKind::structure && type.size == 0) {
    // Its last member is the array that takes what is left.
    std::size_t fixed = 0;
    for (const ValueType& child : type.children().first(type.child_count - 1u)) fixed += child.size;
    return bytes.size() >= fixed && size_fits(type.children().back(), bytes.subspan(fixed));
  }
  return type.size == 0 || bytes.size() == type.size;
}

bool size_fits(const Property& property, Bytes edt) noexcept {
  return edt.size() >= property.size_min && edt.size() <= property.size_max && size_fits(property.type(), edt);
}

bool is_scalar(ValueKind kind) noexcept {
  return kind == ValueKind::unsigned_ || kind == ValueKind::signed_ || kind == ValueKind::enumeration ||
         kind == ValueKind::enum_number || kind == ValueKind::level;
}

Scalar read_scalar(const ValueType& type, Bytes bytes) noexcept {
  Scalar scalar;
  const std::uint64_t code = code_of(bytes);
  const Choice* const choice = choice_of(type, code);
  if (choice != nullptr) scalar.meaning = choice->name;
  switch (type.kind) {
    case ValueKind::enumeration:
      scalar.value = static_cast<double>(code);
      scalar.has_value = true;
      scalar.out_of_range = choice == nullptr;
      return scalar;
    case ValueKind::enum_number:
      // The names are the numbers themselves.
      scalar.meaning = {};
      scalar.has_value = choice != nullptr;
      scalar.out_of_range = choice == nullptr;
      if (choice != nullptr) scalar.value = choice->number;
      return scalar;
    case ValueKind::level: {
      const std::int64_t raw = static_cast<std::int64_t>(code);
      const bool in_range = raw >= type.minimum && raw <= type.maximum;
      scalar.has_value = in_range || choice != nullptr;
      scalar.value = in_range ? static_cast<double>(raw - type.minimum + 1) : static_cast<double>(raw);
      scalar.out_of_range = !scalar.has_value;
      return scalar;
    }
    case ValueKind::unsigned_:
    case ValueKind::signed_:
      break;
    default:
      return scalar;
  }
  if (choice != nullptr) {
    // The code is no number here: "automatic", "not measured".
    if (choice->no_data) scalar.state = ValueState::no_data;
    return scalar;
  }
  const bool is_signed = type.kind == ValueKind::signed_;
  const std::int64_t number = is_signed ? signed_code(code, type.size) : static_cast<std::int64_t>(code);
  if (type.ranged && (number < type.minimum || number > type.maximum)) {
    scalar.state = state_of(is_signed, type.size, code);
    if (scalar.state != ValueState::number) return scalar;
    scalar.out_of_range = true;
  }
  scalar.has_value = true;
  scalar.value = static_cast<double>(number) * type.multiplier / type.divisor;
  return scalar;
}

bool is_time(ValueKind kind) noexcept { return kind >= ValueKind::date && kind <= ValueKind::datetime_seconds; }

TimeText read_time(const ValueType& type, Bytes bytes) noexcept {
  TimeText text;
  switch (type.kind) {
    case ValueKind::date:
      put_date(text, bytes);
      break;
    case ValueKind::time_minutes:
      put_time(text, bytes, false, 23);
      break;
    case ValueKind::time_seconds:
      put_time(text, bytes, true, 23);
      break;
    case ValueKind::hours_minutes:
      put_time(text, bytes, false, 255);
      break;  // A duration.
    case ValueKind::datetime_minutes:
    case ValueKind::datetime_seconds:
      put_date(text, bytes);
      put(text, 'T');
      put_time(text, bytes.subspan(4), type.kind == ValueKind::datetime_seconds, 23);
      break;
    default:
      break;
  }
  if (type.kind != ValueKind::hours_minutes &&
      std::all_of(bytes.begin(), bytes.end(), [](std::uint8_t b) { return b == 0xFF; }))
    text.no_data = true;
  return text;
}

namespace {

// Of bytes that have the type's size.
ValueCheck check_value(const ValueType& type, Bytes bytes) noexcept {
  switch (type.kind) {
    case ValueKind::enumeration:
    case ValueKind::enum_number:
    case ValueKind::level:
      if (type.choice_count == 0 && !type.ranged) return ValueCheck::unchecked;
      return read_scalar(type, bytes).out_of_range ? ValueCheck::undefined_code : ValueCheck::defined;
    case ValueKind::unsigned_:
    case ValueKind::signed_: {
      // The codes of "overflow" and the like are for readings; written they are as foreign as any other.
      const Scalar scalar = read_scalar(type, bytes);
      const bool set_aside = scalar.state != ValueState::number && scalar.meaning.empty();
      return scalar.out_of_range || set_aside ? ValueCheck::out_of_range : ValueCheck::defined;
    }
    case ValueKind::date:
    case ValueKind::time_minutes:
    case ValueKind::time_seconds:
    case ValueKind::hours_minutes:
    case ValueKind::datetime_minutes:
    case ValueKind::datetime_seconds: {
      if (choice_of(type, code_of(bytes)) != nullptr) return ValueCheck::defined;
      const TimeText text = read_time(type, bytes);
      return text.out_of_range && !text.no_data ? ValueCheck::out_of_range : ValueCheck::defined;
    }
    case ValueKind::structure: {
      if (bytes.size() <= 8 && choice_of(type, code_of(bytes)) != nullptr) return ValueCheck::defined;
      ValueCheck worst = ValueCheck::unchecked;
      std::size_t offset = 0;
      for (const ValueType& child : type.children()) {
        const std::size_t size = child.size != 0 ? child.size : bytes.size() - offset;
        worst = std::max(worst, check_value(child, bytes.subspan(offset, size)));
        offset += size;
      }
      return worst;
    }
    case ValueKind::array: {
      const ValueType& element = type.children()[0];
      ValueCheck worst = ValueCheck::unchecked;
      for (std::size_t at = 0; at + element.size <= bytes.size(); at += element.size)
        worst = std::max(worst, check_value(element, bytes.subspan(at, element.size)));
      return worst;
    }
    default:
      return ValueCheck::unchecked;
  }
}

}  // namespace

ValueCheck check_value(const Property& property, Bytes edt) noexcept {
  return size_fits(property, edt) ? check_value(property.type(), edt) : ValueCheck::bad_size;
}

PropertyMap read_property_map(Bytes edt) noexcept {
  PropertyMap map;
  map.count = edt[0];
  const Bytes body = edt.subspan(1);
  if (map.count < 16 || body.size() != 16) {
    // One byte a property. Longer lists in this form are not allowed, but what they say is plain.
    map.mismatch = body.size() != map.count || map.count >= 16;
    const std::size_t listed =
        map.count >= 16 && body.size() != map.count ? 0 : std::min<std::size_t>(body.size(), map.count);
    for (std::size_t i = 0; i < listed; ++i) map.epcs[map.size++] = body[i];
    return map;
  }
  // 16 bytes; byte i has the properties whose low nibble is i, bit b those of the high nibble b + 8. Told in order of
  // EPC.
  for (unsigned bit = 0; bit < 8; ++bit) {
    for (unsigned i = 0; i < 16; ++i) {
      if ((body[i] >> bit & 1) != 0) map.epcs[map.size++] = static_cast<std::uint8_t>((bit + 8) << 4 | i);
    }
  }
  map.mismatch = map.size != map.count;
  return map;
}

std::string_view manufacturer_name(std::uint32_t code) noexcept {
  switch (code) {
    case 0x000005:
      return "Sharp";
    case 0x000006:
      return "Mitsubishi Electric";
    case 0x000008:
      return "Daikin";
    case 0x00000B:
      return "Panasonic";
    case 0x000016:
      return "Toshiba";
    case 0x000059:
      return "Rinnai";
    case 0x000064:
      return "Omron";
    case 0x00006C:
      return "Nichicon";
    case 0x000077:
      return "KAIT (test software and emulators)";
    case 0x00008A:
      return "Fujitsu General";
    default:
      return {};
  }
}

std::string_view place_name(unsigned place) noexcept {
  static constexpr std::array<std::string_view, 16> names = {
      "",     "living room", "dining room", "kitchen",    "bathroom",          "toilet", "washroom", "corridor",
      "room", "stairs",      "entrance",    "store room", "garden or outside", "garage", "balcony",  "other"};
  return place < names.size() ? names[place] : std::string_view{};
}

}  // namespace tsujiban::echonet_lite
