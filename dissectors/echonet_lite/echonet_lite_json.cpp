#include "dissectors/echonet_lite/echonet_lite_json.h"

#include <bitset>

#include "dissectors/echonet_lite/echonet_lite_values.h"

namespace tsujiban::echonet_lite {
namespace {

constexpr char upper_digits[] = "0123456789ABCDEF";

// "0xE7"
void hex_code(JsonWriter& writer, std::uint8_t code) noexcept {
  const char text[] = {'0', 'x', upper_digits[code >> 4], upper_digits[code & 15]};
  writer.plain_string({text, sizeof text});
}
// "05FF01": object and class codes are written in capitals.
template <std::size_t Size>
void hex_object(JsonWriter& writer, std::uint32_t value) noexcept {
  char text[2 * Size];
  for (std::size_t i = 0; i < 2 * Size; ++i) text[i] = upper_digits[value >> (4 * (2 * Size - 1 - i)) & 15];
  writer.plain_string({text, sizeof text});
}
void plain_field(JsonWriter& writer, std::string_view name, std::string_view text) noexcept {
  writer.key(name);
  writer.plain_string(text);
}
void number_or_integer(JsonWriter& writer, double value) noexcept {
  // Most values are whole; writing those as integers is several times cheaper and reads the same.
  const auto whole = static_cast<std::int64_t>(value);
  if (static_cast<double>(whole) == value)
    writer.number(whole);
  else
    writer.number(value);
}

void write_members(JsonWriter& writer, const ValueType& type, Bytes bytes) noexcept;

// The bare value of an array's element.
void write_bare(JsonWriter& writer, const ValueType& type, Bytes bytes) noexcept {
  if (type.kind == ValueKind::structure) {
    writer.begin_object();
    std::size_t offset = 0;
    for (const ValueType& child : type.children()) {
      writer.key(child.name);
      write_bare(writer, child, bytes.subspan(offset, child.size));
      offset += child.size;
    }
    writer.end_object();
  } else if (is_scalar(type.kind)) {
    const Scalar scalar = read_scalar(type, bytes);
    if (scalar.has_value)
      number_or_integer(writer, scalar.value);
    else
      writer.null();
  } else if (type.kind == ValueKind::raw && bytes.size() == 3) {
    hex_object<3>(writer, load_be24(bytes, 0));
  } else {
    writer.hex_string(bytes);
  }
}

void write_unit(JsonWriter& writer, std::string_view unit, std::span<const std::uint8_t> scaled_by) noexcept {
  if (!unit.empty()) plain_field(writer, "unit", unit);
  if (scaled_by.empty()) return;
  writer.key("scaled_by");
  writer.begin_array();
  for (const std::uint8_t epc : scaled_by) hex_code(writer, epc);
  writer.end_array();
}

void write_scalar(JsonWriter& writer, const ValueType& type, Bytes bytes) noexcept {
  const Scalar scalar = read_scalar(type, bytes);
  writer.key("value");
  if (scalar.has_value)
    number_or_integer(writer, scalar.value);
  else
    writer.null();
  if (scalar.state != ValueState::number) plain_field(writer, "state", name_of(scalar.state));
  if (!scalar.meaning.empty()) plain_field(writer, "meaning", scalar.meaning);
  if (scalar.out_of_range) writer.field("out_of_range", true);
  write_unit(writer, type.unit, type.scaled_by());
}

void write_time(JsonWriter& writer, const ValueType& type, Bytes bytes) noexcept {
  for (const Choice& choice : type.choices()) {
    if (code_of(bytes) < choice.low || code_of(bytes) > choice.high) continue;
    writer.key("value");
    writer.null();
    if (choice.no_data) plain_field(writer, "state", name_of(ValueState::no_data));
    plain_field(writer, "meaning", choice.name);
    return;
  }
  const TimeText text = read_time(type, bytes);
  writer.key("value");
  if (text.no_data) {
    writer.null();
    plain_field(writer, "state", name_of(ValueState::no_data));
    return;
  }
  writer.plain_string(text.view());
  if (text.out_of_range) writer.field("out_of_range", true);
}

void write_bitmap(JsonWriter& writer, const ValueType& type, Bytes bytes) noexcept {
  writer.key("values");
  writer.begin_object();
  for (const BitField& field : type.bit_fields()) {
    if (field.byte >= bytes.size()) continue;
    const auto value = static_cast<std::uint8_t>((bytes[field.byte] & field.mask) >> __builtin_ctz(field.mask));
    std::string_view name;
    for (const BitChoice& choice : choices_of(field)) {
      if (choice.value == value) name = choice.name;
    }
    writer.key(field.name);
    if (name.empty())
      writer.number(std::uint32_t{value});
    else
      writer.plain_string(name);
  }
  writer.end_object();
}

// EOJs (3 bytes) or classes (2 bytes) behind a count.
template <std::size_t Size>
void write_list(JsonWriter& writer, Bytes edt) noexcept {
  const Bytes body = edt.subspan(1);
  writer.key("values");
  writer.begin_array();
  for (std::size_t i = 0; i < edt[0] && (i + 1) * Size <= body.size(); ++i) {
    hex_object<Size>(writer, static_cast<std::uint32_t>(code_of(body.subspan(i * Size, Size))));
  }
  writer.end_array();
  writer.field("count", std::uint32_t{edt[0]});
  if (body.size() != std::size_t{edt[0]} * Size) writer.field("count_mismatch", true);
}

void write_property_map(JsonWriter& writer, Bytes edt) noexcept {
  const PropertyMap map = read_property_map(edt);
  writer.key("values");
  writer.begin_array();
  for (unsigned i = 0; i < map.size; ++i) hex_code(writer, map.epcs[i]);
  writer.end_array();
  writer.field("count", map.count);
  if (map.mismatch) writer.field("count_mismatch", true);
}

void write_location(JsonWriter& writer, Bytes edt) noexcept {
  if (edt.size() != 1) return plain_field(writer, "meaning", edt[0] == 0x01 ? "position information" : "reserved");
  const std::uint8_t code = edt[0];
  writer.field("value", std::uint32_t{code});
  if (code == 0x00) return plain_field(writer, "meaning", "not set");
  if (code == 0xFF) return plain_field(writer, "meaning", "undefined");
  if ((code & 0x80) != 0) return plain_field(writer, "meaning", "free definition");
  const std::string_view place = place_name(code >> 3);
  if (place.empty()) return;
  char text[32];
  std::memcpy(text, place.data(), place.size());
  text[place.size()] = ' ';
  text[place.size() + 1] = static_cast<char>('0' + (code & 7));
  plain_field(writer, "meaning", {text, place.size() + ((code & 7) != 0 ? 2 : 0)});
}

void write_version(JsonWriter& writer, Bytes edt, bool of_node) noexcept {
  char text[16];
  if (of_node) {
    // Major and minor version, then which formats the node speaks.
    const auto end = std::to_chars(text, text + sizeof text, edt[0]).ptr;
    *end = '.';
    const auto last = std::to_chars(end + 1, text + sizeof text, edt[1]).ptr;
    return plain_field(writer, "value", {text, static_cast<std::size_t>(last - text)});
  }
  const char letter = static_cast<char>(edt[2]);
  if ((letter >= 'A' && letter <= 'Z') || (letter >= 'a' && letter <= 'z')) {
    std::memcpy(text, "Release ", 8);
    text[8] = letter;
    plain_field(writer, "value", {text, 9});
    writer.field("revision", std::uint32_t{edt[3]});
  }
}

void write_text(JsonWriter& writer, Bytes edt) noexcept {
  std::size_t size = edt.size();
  while (size > 0 && (edt[size - 1] == 0 || edt[size - 1] == ' ')) --size;
  writer.field("value", std::string_view{reinterpret_cast<const char*>(edt.data()), size});
}

void write_manufacturer(JsonWriter& writer, std::uint32_t code) noexcept {
  writer.key("value");
  hex_object<3>(writer, code);
  if (const std::string_view name = manufacturer_name(code); !name.empty()) plain_field(writer, "meaning", name);
}

void write_identification(JsonWriter& writer, Bytes edt) noexcept {
  // Only the form 0xFE is defined in the tables: a manufacturer code and 13 bytes of its own.
  if (edt.size() != 17 || edt[0] != 0xFE) return;
  writer.key("values");
  writer.begin_object();
  writer.key("manufacturer");
  writer.begin_object();
  write_manufacturer(writer, load_be24(edt, 1));
  writer.end_object();
  writer.key("unique");
  writer.hex_string(edt.subspan(4));
  writer.end_object();
}

void write_structure(JsonWriter& writer, const ValueType& type, Bytes bytes) noexcept {
  for (const Choice& choice : type.choices()) {
    if (bytes.size() > 8 || code_of(bytes) != choice.low) continue;
    writer.key("value");
    writer.null();
    if (choice.no_data) plain_field(writer, "state", name_of(ValueState::no_data));
    return plain_field(writer, "meaning", choice.name);
  }
  writer.key("values");
  writer.begin_object();
  std::size_t offset = 0;
  for (const ValueType& child : type.children()) {
    const std::size_t size = child.size != 0 ? child.size : bytes.size() - offset;
    writer.key(child.name);
    writer.begin_object();
    write_members(writer, child, bytes.subspan(offset, size));
    writer.end_object();
    offset += size;
  }
  writer.end_object();
}

void write_members(JsonWriter& writer, const ValueType& type, Bytes bytes) noexcept {
  switch (type.kind) {
    case ValueKind::raw:
      // The property's own `edt` shows it; a member has no other place.
      if (!type.name.empty()) {
        writer.key("edt");
        writer.hex_string(bytes);
      }
      return;
    case ValueKind::unsigned_:
    case ValueKind::signed_:
    case ValueKind::enumeration:
    case ValueKind::enum_number:
    case ValueKind::level:
      return write_scalar(writer, type, bytes);
    case ValueKind::bitmap:
      return write_bitmap(writer, type, bytes);
    case ValueKind::date:
    case ValueKind::time_minutes:
    case ValueKind::time_seconds:
    case ValueKind::hours_minutes:
    case ValueKind::datetime_minutes:
    case ValueKind::datetime_seconds:
      return write_time(writer, type, bytes);
    case ValueKind::structure:
      return write_structure(writer, type, bytes);
    case ValueKind::array: {
      const ValueType& element = type.children()[0];
      writer.key("values");
      writer.begin_array();
      for (std::size_t at = 0; at + element.size <= bytes.size(); at += element.size)
        write_bare(writer, element, bytes.subspan(at, element.size));
      writer.end_array();
      // Bare elements have no place for unit and scale: the array says them once (members of one element share them).
      const ValueType& scaled = element.kind == ValueKind::structure ? element.children()[0] : element;
      write_unit(writer, !type.unit.empty() ? type.unit : scaled.unit, scaled.scaled_by());
      return;
    }
    case ValueKind::property_map:
      return write_property_map(writer, bytes);
    case ValueKind::instance_list:
      return write_list<3>(writer, bytes);
    case ValueKind::class_list:
      return write_list<2>(writer, bytes);
    case ValueKind::location:
      return write_location(writer, bytes);
    case ValueKind::device_version:
      return write_version(writer, bytes, false);
    case ValueKind::node_version:
      return write_version(writer, bytes, true);
    case ValueKind::identification:
      return write_identification(writer, bytes);
    case ValueKind::manufacturer:
      return write_manufacturer(writer, load_be24(bytes, 0));
    case ValueKind::text:
      return write_text(writer, bytes);
  }
}

// Lists in which a property without bytes is no value but a question, an acceptance or a refusal.
bool empty_is_normal(std::uint8_t service, bool get_list) noexcept {
  switch (service) {
    case esv::seti:
    case esv::setc:
    case esv::get_res:
    case esv::inf:
    case esv::infc:
      return false;
    case esv::setget:
      return get_list;
    case esv::setget_res:
      return !get_list;
    default:
      return true;
  }
}

// Which properties of a frame are masked. What a meter says beyond the tables is masked whole: nobody knows what it is.
class Secrets {
 public:
  Secrets(const FrameEvent& frame, const output::Mask* mask) noexcept : mask_(mask) {
    if (mask_ == nullptr || !mask_->on()) return;
    on_ = true;
    owners_[0] = class_of(owner_of(frame.service, frame.seoj, frame.deoj));
    // Nobody knows whose properties a reserved service lists.
    owners_[1] = is_known_service(frame.service) ? owners_[0] : class_of(frame.deoj);
  }
  bool hides(const PropertyView& view) const noexcept {
    return on_ && !view.edt.empty() && (hides(owners_[0], view.epc) || hides(owners_[1], view.epc));
  }
  output::Mask::Text pseudonym(const PropertyView& view) const noexcept { return mask_->of(view.edt); }

 private:
  static bool hides(std::uint16_t owner, std::uint8_t epc) noexcept {
    return sensitive_properties(owner).has(epc) || (is_sensitive_class(owner) && find_property(owner, epc) == nullptr);
  }
  const output::Mask* mask_;
  bool on_ = false;
  std::uint16_t owners_[2] = {};
};

struct ListResult {
  PropertyView cut{};  // A property that the end of the frame cut; its list holds whole ones only.
  bool has_cut = false;
  std::uint32_t omitted = 0;
  bool duplicate = false;
  bool bad_epc = false;
};

void write_list_of(JsonWriter& writer, std::string_view name, const FrameEvent& frame, std::uint32_t offset,
                   unsigned count, bool get_list, std::size_t begin, const Secrets& secrets,
                   ListResult& result) noexcept {
  const std::uint16_t class_code = class_of(owner_of(frame.service, frame.seoj, frame.deoj));
  std::bitset<256> seen;
  writer.key(name);
  writer.begin_array();
  PropertyCursor cursor(frame.bytes, offset, count);
  PropertyView view;
  while (cursor.next(view)) {
    result.duplicate = result.duplicate || seen[view.epc];
    result.bad_epc = result.bad_epc || view.epc < 0x80;
    seen.set(view.epc);
    if (!view.complete) {
      result.cut = view;
      result.has_cut = true;
      break;
    }
    if (result.omitted != 0) {
      ++result.omitted;
      continue;
    }
    const JsonWriter::Mark mark = writer.mark();
    writer.begin_object();
    writer.key("epc");
    hex_code(writer, view.epc);
    const Property* const property = find_property(class_code, view.epc);
    if (property != nullptr) {
      plain_field(writer, "name", property->name);
      plain_field(writer, "name_ja", property->name_ja);
    }
    writer.key("edt");
    const bool hidden = secrets.hides(view);
    if (hidden) {
      const output::Mask::Text text = secrets.pseudonym(view);
      writer.plain_string(text.view());
      plain_field(writer, "value", text.view());
    } else {
      writer.hex_string(view.edt);
    }
    if (!hidden && property != nullptr && !(view.pdc == 0 && empty_is_normal(frame.service, get_list))) {
      write_value(writer, *property, view.edt);
    }
    writer.end_object();
    if (writer.overflowed() || writer.remaining() < json_tail_bytes ||
        writer.size() - begin > json_bytes_max - json_tail_bytes) {
      writer.rewind(mark);
      result.omitted = 1;
    }
  }
  writer.end_array();
}

}  // namespace

void write_value(JsonWriter& writer, const Property& property, Bytes edt) noexcept {
  if (!size_fits(property, edt)) {
    // A list or map whose own count does not fit is still read; only an impossible length is not.
    const ValueKind kind = property.type().kind;
    const bool counted =
        kind == ValueKind::property_map || kind == ValueKind::instance_list || kind == ValueKind::class_list;
    if (!counted || edt.empty()) {
      writer.field("size_mismatch", true);
      return;
    }
  }
  write_members(writer, property.type(), edt);
}

void write_frame(JsonWriter& writer, const FrameEvent& frame, const output::Mask* mask) noexcept {
  const Secrets secrets(frame, mask);
  const std::size_t begin = writer.size();
  ListResult result;
  bool opc_zero = false;
  if (frame.header_read >= tid_offset + 2 && frame.format != 0) {
    writer.key("tid");
    writer.hex_string(frame.bytes.subspan(tid_offset, 2));
  }
  if (frame.format == 2) writer.field("format", 2u);
  if (frame.format == 1) {
    if (frame.header_read >= seoj_offset + 3) {
      writer.key("seoj");
      hex_object<3>(writer, frame.seoj);
    }
    if (frame.header_read >= deoj_offset + 3) {
      writer.key("deoj");
      hex_object<3>(writer, frame.deoj);
    }
    if (frame.has_service()) {
      writer.key("esv");
      hex_code(writer, frame.service);
      const std::string_view name = service_name(frame.service);
      plain_field(writer, "service", name.empty() ? std::string_view{"unknown"} : name);
    }
    if (frame.has_list()) {
      if (frame.malformed()) writer.field("opc", std::uint32_t{frame.opc});
      write_list_of(writer, "properties", frame, header_length, frame.opc, false, begin, secrets, result);
      opc_zero = frame.opc == 0;
      if (frame.has_get_list) {
        if (frame.malformed()) writer.field("opc_get", std::uint32_t{frame.opc_get});
        write_list_of(writer, "properties_get", frame, frame.get_list_offset, frame.opc_get, true, begin, secrets,
                      result);
        opc_zero = opc_zero || frame.opc_get == 0;
      }
      if (result.omitted != 0) writer.field("properties_omitted", result.omitted);
      if (result.has_cut) {
        writer.key("property_truncated");
        writer.begin_object();
        writer.key("epc");
        hex_code(writer, result.cut.epc);
        if (result.cut.has_pdc) writer.field("pdc", std::uint32_t{result.cut.pdc});
        writer.key("edt");
        if (secrets.hides(result.cut))
          writer.plain_string(secrets.pseudonym(result.cut).view());
        else
          writer.hex_string(result.cut.edt);
        writer.end_object();
      }
    }
    const bool reserved = (frame.header_read >= seoj_offset + 3 && is_reserved_object(frame.seoj)) ||
                          (frame.header_read >= deoj_offset + 3 && is_reserved_object(frame.deoj));
    if (opc_zero || result.duplicate || result.bad_epc || reserved || frame.cut_short) {
      writer.key("flags");
      writer.begin_array();
      if (opc_zero) writer.plain_string("opc_zero");
      if (result.duplicate) writer.plain_string("duplicate_epc");
      if (result.bad_epc) writer.plain_string("bad_epc");
      if (reserved) writer.plain_string("reserved_eoj");
      if (frame.cut_short) writer.plain_string("snapped");
      writer.end_array();
    }
  }
  if (frame.malformed()) {
    writer.key("malformed");
    writer.begin_object();
    plain_field(writer, "error", name_of(frame.error));
    writer.field("offset", frame.error_offset);
    writer.end_object();
  }
}

}  // namespace tsujiban::echonet_lite
