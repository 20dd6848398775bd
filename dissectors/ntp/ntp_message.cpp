#include "dissectors/ntp/ntp_message.h"

#include <algorithm>
#include <array>

#include "model/address.h"

namespace tsujiban::ntp {
namespace {

void fault(Message& message, ParseError error, std::size_t offset) noexcept {
  if (message.malformed()) return;
  message.error = error;
  message.error_offset = static_cast<std::uint32_t>(offset);
}

// Extension fields and the digest behind the header of version 4. Which of both stands there is told by what is left
// alone (RFC 7822, 7.5.1.4): up to 24 bytes are a digest, more begins with an extension field.
void read_rest(Message& message, Bytes rest) noexcept {
  std::size_t at = 0;
  while (message.version >= 4 && rest.size() - at > mac_bytes_max) {
    const std::size_t length = load_be16(rest, at + 2);
    if (length < extension_bytes_min || length % 4 != 0 || length > rest.size() - at)
      return fault(message, ParseError::ntp_bad_extension, header_bytes + at);
    if (message.extensions == extensions_max) return fault(message, ParseError::ntp_bad_extension, header_bytes + at);
    ++message.extensions;
    at += length;
  }
  const std::size_t left = rest.size() - at;
  if (left == 0) return;
  if (left == key_id_bytes) {
    message.crypto_nak = load_be32(rest, at) == 0;
    if (!message.crypto_nak) fault(message, ParseError::ntp_bad_extension, header_bytes + at);
    return;
  }
  // RFC 1305 had 8 bytes of DES digest (appendix C); MD5 has 16, SHA-1 20. A last extension field may be as short.
  if (left == key_id_bytes + 8 || left == key_id_bytes + 16 || left == key_id_bytes + 20) {
    message.authenticated = true;
  } else if (message.version >= 4 && left >= extension_bytes_min && load_be16(rest, at + 2) == left) {
    ++message.extensions;
  } else {
    fault(message, left > mac_bytes_max ? ParseError::trailing_bytes : ParseError::ntp_bad_extension,
          header_bytes + at);
  }
}

constexpr std::array<std::string_view, 4> leap_names = {"none", "last_minute_has_61_seconds",
                                                        "last_minute_has_59_seconds", "unsynchronized"};

void write_reference(JsonWriter& json, const HeaderView& header) noexcept {
  const Bytes id = header.reference_id();
  if (header.stratum() >= 2) {
    // The server's server: its IPv4 address, or the beginning of a hash of its IPv6 address (RFC 5905, 7.3).
    char text[ip_text_max];
    return json.field("reference_id", std::string_view(text, write_ip(IpAddress::v4(load_be32(id, 0)), text)));
  }
  std::size_t size = 4;
  while (size > 0 && id[size - 1] == 0) --size;
  const bool printable = std::all_of(id.begin(), id.begin() + static_cast<std::ptrdiff_t>(size),
                                     [](std::uint8_t c) { return c >= 0x20 && c < 0x7F; });
  if (size == 0) return;
  json.key(header.stratum() == 0 ? "kiss_code" : "reference_id");
  if (printable)
    json.string({reinterpret_cast<const char*>(id.data()), size});
  else
    json.hex_string(id);
}

void write_header(JsonWriter& json, const Message& message, const HeaderView& header) noexcept {
  json.key("leap");
  json.plain_string(leap_names[header.leap()]);
  json.field("stratum", header.stratum());
  json.field("poll", std::int32_t{header.poll()});
  json.field("precision", std::int32_t{header.precision()});
  json.field("root_delay", header.root_delay_s());
  json.field("root_dispersion", header.root_dispersion_s());
  write_reference(json, header);
  // 1970 is 2,208,988,800 s after the era's beginning in 1900; a time before 1968 is one of era 1, from 2036 on (RFC
  // 4330, 3).
  constexpr std::int64_t epoch_s = 2'208'988'800, era_s = std::int64_t{1} << 32;
  if (const std::uint64_t time = header.transmit_time(); time != 0) {
    const auto seconds = static_cast<std::int64_t>(time >> 32);
    const std::int64_t unix_s = seconds - epoch_s + ((time >> 63) == 0 ? era_s : 0);
    json.field("transmit_time", unix_s);
  }
  if (message.extensions > 0) json.field("extensions", message.extensions);
  if (message.authenticated) json.field("authenticated", true);
  if (message.crypto_nak) json.field("crypto_nak", true);
}

void write_control(JsonWriter& json, const ControlView& control) noexcept {
  static constexpr std::array<std::string_view, 13> names = {
      "reserved", "read_status", "read_variables", "write_variables", "read_clock",   "write_clock",  "set_trap",
      "async",    "configure",   "save_config",    "read_mru",        "read_ordered", "request_nonce"};
  json.key("control");
  json.begin_object();
  json.field("response", control.response());
  if (control.error()) json.field("error", true);
  if (control.more()) json.field("more", true);
  json.field("opcode", control.opcode());
  // RFC 9327, 2; 31 is "unset trap".
  if (control.opcode() < names.size()) {
    json.key("operation");
    json.plain_string(names[control.opcode()]);
  } else if (control.opcode() == 31) {
    json.key("operation");
    json.plain_string("unset_trap");
  }
  json.field("sequence", control.sequence());
  json.field("status", control.status());
  json.field("association", control.association());
  json.field("offset", control.offset());
  json.field("count", control.count());
  json.end_object();
}

void write_private(JsonWriter& json, const PrivateView& view) noexcept {
  json.key("private");
  json.begin_object();
  json.field("response", view.response());
  if (view.more()) json.field("more", true);
  if (view.authenticated()) json.field("authenticated", true);
  json.field("sequence", view.sequence());
  json.field("implementation", view.implementation());
  json.field("request_code", view.request_code());
  json.field("monlist", view.monlist());
  if (view.response()) json.field("error", view.error());
  json.field("items", view.items());
  json.field("item_bytes", view.item_bytes());
  json.end_object();
}

}  // namespace

std::string_view name_of_mode(std::uint8_t value) noexcept {
  static constexpr std::array<std::string_view, 8> names = {
      "", "symmetric_active", "symmetric_passive", "client", "server", "broadcast", "control", "private"};
  return value < names.size() ? names[value] : std::string_view{};
}

Message read_message(Bytes bytes) noexcept {
  Message message;
  message.bytes = bytes;
  if (bytes.empty()) {
    fault(message, ParseError::truncated, 0);
    return message;
  }
  message.mode = bytes[0] & 7;
  message.version = bytes[0] >> 3 & 7;
  if (message.version == 0 || message.version > version_max) fault(message, ParseError::bad_version, 0);
  switch (message.mode) {
    case mode::control: {
      const auto control = ControlView::parse(bytes);
      message.has_header = static_cast<bool>(control);
      if (!control)
        fault(message, ParseError::truncated, bytes.size());
      else if (!control->count_fits())
        fault(message, ParseError::bad_length, 10);
      break;
    }
    case mode::private_use: {
      const auto view = PrivateView::parse(bytes);
      message.has_header = static_cast<bool>(view);
      if (!view)
        fault(message, ParseError::truncated, bytes.size());
      else if (view->response() && !view->items_fit())
        // ntpdc's requests say how long an item of the answer may be, so only answers are held to it.
        fault(message, ParseError::bad_length, 4);
      break;
    }
    default: {
      if (message.mode == 0) fault(message, ParseError::bad_value, 0);
      const auto header = HeaderView::parse(bytes);
      message.has_header = static_cast<bool>(header);
      if (!header) {
        fault(message, ParseError::truncated, bytes.size());
        break;
      }
      if (header->stratum() > stratum_max) fault(message, ParseError::bad_value, 1);
      read_rest(message, header->rest());
    }
  }
  return message;
}

void write_message(JsonWriter& json, const Message& message) noexcept {
  json.field("version", message.version);
  if (const std::string_view name = name_of_mode(message.mode); !name.empty()) {
    json.key("mode");
    json.plain_string(name);
  }
  if (message.has_header) {
    if (message.mode == mode::control)
      write_control(json, *ControlView::parse(message.bytes));
    else if (message.mode == mode::private_use)
      write_private(json, *PrivateView::parse(message.bytes));
    else
      write_header(json, message, *HeaderView::parse(message.bytes));
  }
  if (!message.malformed()) return;
  json.key("malformed");
  json.begin_object();
  json.key("error");
  json.plain_string(tsujiban::name_of(message.error));
  json.field("offset", message.error_offset);
  json.end_object();
}

}  // namespace tsujiban::ntp
