#include "dissectors/mqtt/mqtt_wire.h"

#include <array>

namespace tsujiban::mqtt {
namespace {

constexpr std::uint16_t in(std::initializer_list<std::uint8_t> types) noexcept {
  std::uint16_t bits = 0;
  for (const std::uint8_t type : types) bits = static_cast<std::uint16_t>(bits | 1u << type);
  return bits;
}

namespace t = packet_type;
constexpr std::uint8_t will = 0;
constexpr std::uint16_t messages = in({t::publish, will}), session = in({t::connect, t::connack, t::disconnect}),
                        hello = in({t::connect, t::connack}), acknowledged = in({t::connack}),
                        authentication = in({t::connect, t::connack, t::auth}),
                        reasons = in({t::connack, t::puback, t::pubrec, t::pubrel, t::pubcomp, t::suback, t::unsuback,
                                      t::disconnect, t::auth}),
                        everywhere = reasons | in({will, t::connect, t::publish, t::subscribe, t::unsubscribe});

// MQTT 5.0, table 2-4.
constexpr std::array<PropertyRule, property_count> make_rules() noexcept {
  std::array<PropertyRule, property_count> rules{};
  using enum PropertyKind;
  rules[1] = {"payload_format_indicator", byte, messages};
  rules[2] = {"message_expiry_interval", four_bytes, messages};
  rules[3] = {"content_type", text, messages};
  rules[8] = {"response_topic", text, messages};
  rules[9] = {"correlation_data", binary, messages};
  rules[11] = {"subscription_identifier", variable, in({t::publish, t::subscribe})};
  rules[17] = {"session_expiry_interval", four_bytes, session};
  rules[18] = {"assigned_client_identifier", text, acknowledged};
  rules[19] = {"server_keep_alive", two_bytes, acknowledged};
  rules[21] = {"authentication_method", text, authentication};
  rules[22] = {"authentication_data", binary, authentication};
  rules[23] = {"request_problem_information", byte, in({t::connect})};
  rules[24] = {"will_delay_interval", four_bytes, in({will})};
  rules[25] = {"request_response_information", byte, in({t::connect})};
  rules[26] = {"response_information", text, acknowledged};
  rules[28] = {"server_reference", text, in({t::connack, t::disconnect})};
  rules[31] = {"reason_string", text, reasons};
  rules[33] = {"receive_maximum", two_bytes, hello};
  rules[34] = {"topic_alias_maximum", two_bytes, hello};
  rules[35] = {"topic_alias", two_bytes, in({t::publish})};
  rules[36] = {"maximum_qos", byte, acknowledged};
  rules[37] = {"retain_available", byte, acknowledged};
  rules[38] = {"user_property", pair, everywhere};
  rules[39] = {"maximum_packet_size", four_bytes, hello};
  rules[40] = {"wildcard_subscription_available", byte, acknowledged};
  rules[41] = {"subscription_identifier_available", byte, acknowledged};
  rules[42] = {"shared_subscription_available", byte, acknowledged};
  return rules;
}
constexpr std::array<PropertyRule, property_count> rules = make_rules();

}  // namespace

const PropertyRule& property_rule(std::uint8_t id) noexcept { return rules[id < rules.size() ? id : 0]; }

bool PropertyCursor::string(std::size_t& at, Bytes& text) const noexcept {
  if (at + 2 > block_.size()) return false;
  const std::size_t length = load_be16(block_, at);
  if (at + 2 + length > block_.size()) return false;
  text = block_.subspan(at + 2, length);
  at += 2 + length;
  return true;
}

bool PropertyCursor::next(Property& read) noexcept {
  if (broken_ || at_ >= block_.size()) return false;
  read = {};
  read.id = block_[at_];
  read.kind = property_rule(read.id).kind;
  std::size_t at = at_ + 1;
  const auto number = [&](std::size_t size) {
    if (at + size > block_.size()) return false;
    for (std::size_t i = 0; i < size; ++i) read.number = read.number << 8 | block_[at + i];
    at += size;
    return true;
  };
  bool whole = false;
  switch (read.kind) {
    case PropertyKind::none:
      unassigned_ = true;
      break;
    case PropertyKind::byte:
      whole = number(1);
      break;
    case PropertyKind::two_bytes:
      whole = number(2);
      break;
    case PropertyKind::four_bytes:
      whole = number(4);
      break;
    case PropertyKind::variable: {
      const VariableInteger integer = read_variable_integer(block_, at);
      read.number = integer.value;
      at += integer.size;
      whole = integer.size != 0;
      break;
    }
    case PropertyKind::text:
    case PropertyKind::binary:
      whole = string(at, read.text);
      break;
    case PropertyKind::pair:
      whole = string(at, read.text) && string(at, read.value);
      break;
  }
  if (!whole) {
    broken_ = true;
    return false;
  }
  at_ = at;
  return true;
}

bool is_utf8(Bytes bytes) noexcept {
  for (std::size_t i = 0; i < bytes.size();) {
    const std::uint8_t first = bytes[i];
    std::size_t length = 0;
    if (first < 0x80)
      length = 1;
    else if (first >= 0xC2 && first <= 0xDF)
      length = 2;
    else if (first >= 0xE0 && first <= 0xEF)
      length = 3;
    else if (first >= 0xF0 && first <= 0xF4)
      length = 4;
    if (length == 0 || i + length > bytes.size()) return false;
    for (std::size_t k = 1; k < length; ++k) {
      if ((bytes[i + k] & 0xC0) != 0x80) return false;
    }
    if (length > 2) {
      const std::uint8_t second = bytes[i + 1];
      if ((first == 0xE0 && second < 0xA0) || (first == 0xED && second > 0x9F) || (first == 0xF0 && second < 0x90) ||
          (first == 0xF4 && second > 0x8F))
        return false;
    }
    i += length;
  }
  return true;
}

}  // namespace tsujiban::mqtt
