#include <array>

#include "base/utf16.h"
#include "dissectors/rdp/rdp_layouts.h"
#include "dissectors/rdp/rdp_message.h"
#include "output/privacy.h"

namespace tsujiban::rdp {
namespace {

struct Bit {
  std::uint32_t bit;
  std::string_view name;
};

void write_bits(JsonWriter& json, std::string_view name, std::uint32_t value, std::span<const Bit> bits) noexcept {
  json.key(name);
  json.begin_array();
  for (const Bit& bit : bits)
    if ((value & bit.bit) != 0) json.plain_string(bit.name);
  json.end_array();
}

constexpr std::array<Bit, 3> request_flags = {{{1, "restricted_admin_mode_required"},
                                               {2, "redirected_authentication_mode_required"},
                                               {8, "correlation_info_present"}}};
constexpr std::array<Bit, 4> response_flags = {
    {{1, "extended_client_data"}, {2, "dynvc_gfx"}, {8, "restricted_admin"}, {16, "redirected_authentication"}}};
constexpr std::array<Bit, 5> protocols = {{{protocol_ssl, "ssl"},
                                           {protocol_hybrid, "hybrid"},
                                           {protocol_rdstls, "rds_tls"},
                                           {protocol_hybrid_ex, "hybrid_ex"},
                                           {protocol_aad, "aad"}}};
// [MS-RDPBCGR], 2.2.1.3.2, earlyCapabilityFlags; 0x10 is not used.
constexpr std::array<Bit, 10> capabilities = {{{0x001, "support_errinfo_pdf"},
                                               {0x002, "want_32bpp_session"},
                                               {0x004, "support_statusinfo_pdu"},
                                               {0x008, "strong_asymmetric_keys"},
                                               {0x020, "valid_connection_type"},
                                               {0x040, "support_monitor_layout_pdu"},
                                               {0x080, "support_netchar_autodetect"},
                                               {0x100, "support_dynvc_gfx_protocol"},
                                               {0x200, "support_dynamic_time_zone"},
                                               {0x400, "support_heartbeat_pdu"}}};
constexpr std::uint32_t capability_bits = 0x7FF;
constexpr std::array<std::string_view, 7> failures = {"",
                                                      "ssl required by server",
                                                      "ssl not allowed by server",
                                                      "ssl cert not on server",
                                                      "inconsistent flags",
                                                      "hybrid required by server",
                                                      "ssl with user auth required by server"};

void write_negotiation(JsonWriter& json, const Message& message) noexcept {
  switch (message.negotiation) {
    case negotiation_request:
      if (message.flags != 0) write_bits(json, "flags", message.flags, request_flags);
      write_bits(json, "requested_protocols", message.value, protocols);
      break;
    case negotiation_response:
      if (message.flags != 0) write_bits(json, "server_supports", message.flags, response_flags);
      if (message.value == protocol_rdp) json.field("protocol", std::string_view("rdp"));
      for (const Bit& protocol : protocols)
        if (message.value == protocol.bit) json.field("protocol", protocol.name);
      if (message.value > protocol_aad || (message.value & (message.value - 1)) != 0)
        json.field("protocol_number", message.value);
      break;
    case negotiation_failure:
      json.field("error_code", message.value);
      if (message.value < failures.size() && message.value != 0) json.field("reason", failures[message.value]);
      break;
    default:
      break;
  }
}

// The depth that counts: the latest of three fields that is there ([MS-RDPBCGR], 2.2.1.3.2), in bits.
std::uint32_t depth_of(Bytes data) noexcept {
  if (data.size() >= core::high_depth + 2) {
    const std::uint16_t bits = load_le16(data, core::high_depth);
    if (bits == 4 || bits == 8 || bits == 15 || bits == 16 || bits == 24) return bits;
  }
  static constexpr std::array<std::uint8_t, 5> bits = {4, 8, 15, 16, 24};
  if (data.size() >= core::post_beta2_depth + 2) {
    const unsigned code = load_le16(data, core::post_beta2_depth) - 0xCA00u;
    if (code < bits.size()) return bits[code];
  }
  const unsigned code = load_le16(data, core::color_depth) - 0xCA00u;
  return code < 2 ? bits[code] : 0;
}

// Text in UTF-16 that ends at the first null; empty text is not written.
void write_text(JsonWriter& json, std::string_view name, Bytes text, const output::Mask* mask) noexcept {
  char utf8[core::ime_bytes / 2 * 3];
  const std::string_view plain(utf8, utf16le_to_utf8(text, utf8, sizeof utf8, true));
  if (plain.empty()) return;
  if (mask != nullptr && mask->on())
    json.field(name, mask->of({reinterpret_cast<const std::uint8_t*>(plain.data()), plain.size()}).view());
  else
    json.field(name, plain);
}

void write_client(JsonWriter& json, Bytes data, const output::Mask* mask) noexcept {
  json.key("client");
  json.begin_object();
  // 0x00080001 is RDP 4; 4 is 5 to 8; from 5 on 10.0, 10.1 ...
  const std::uint32_t version = load_le32(data, core::version);
  static constexpr std::array<std::string_view, 8> versions = {"v10.0", "v10.1", "v10.2", "v10.3",
                                                               "v10.4", "v10.5", "v10.6", "v10.7"};
  const std::uint32_t minor = version - 0x00080005;
  json.field("version", version == 0x00080001     ? std::string_view("v4")
                        : version == 0x00080004   ? std::string_view("v5")
                        : minor < versions.size() ? versions[minor]
                                                  : std::string_view("unknown"));
  json.field("desktop_width", load_le16(data, core::width));
  json.field("desktop_height", load_le16(data, core::height));
  if (const std::uint32_t depth = depth_of(data); depth != 0) json.field("color_depth", depth);
  const std::uint32_t layout = load_le32(data, core::layout), build = load_le32(data, core::build);
  const std::string_view layout_name = name_of_layout(layout), build_name = name_of_build(build);
  json.field("keyboard_layout", layout_name.empty() ? std::string_view("unknown") : layout_name);
  if (layout_name.empty()) json.field("keyboard_layout_number", layout);
  json.field("build", build_name.empty() ? std::string_view("unknown") : build_name);
  if (build_name.empty()) json.field("build_number", build);
  write_text(json, "client_name", data.subspan(core::name, core::name_bytes), mask);
  static constexpr std::array<std::string_view, 8> keyboards = {"",         "xt",   "ico",  "at",
                                                                "enhanced", "1050", "9140", "jp"};
  if (const std::uint32_t type = load_le32(data, core::keyboard_type); type > 0 && type < keyboards.size())
    json.field("keyboard_type", keyboards[type]);
  const auto number = [&](std::string_view name, std::size_t at, std::size_t bytes) {
    if (data.size() < at + bytes) return;
    const std::uint32_t value = bytes == 2 ? load_le16(data, at) : load_le32(data, at);
    if (value != 0) json.field(name, value);
  };
  number("keyboard_subtype", core::keyboard_subtype, 4);
  number("function_keys", core::function_keys, 4);
  write_text(json, "ime", data.subspan(core::ime, core::ime_bytes), nullptr);
  number("product_id", core::product_id, 2);
  number("serial_number", core::serial_number, 4);
  if (data.size() >= core::capabilities + 2) {
    if (const std::uint32_t bits = load_le16(data, core::capabilities); (bits & capability_bits) != 0)
      write_bits(json, "capabilities", bits, capabilities);
  }
  if (data.size() >= core::digital_id + core::digital_id_bytes)
    write_text(json, "id", data.subspan(core::digital_id, core::digital_id_bytes), mask);
  static constexpr std::array<std::string_view, 8> hints = {
      "", "modem", "low_broadband", "satellite", "high_broadband", "wan", "lan", "autodetect"};
  // Each of these is only read where what stands before it can be ([MS-RDPBCGR], 2.2.1.3.2).
  if (data.size() > core::connection_type) {
    const std::uint8_t hint = data[core::connection_type];
    if (hint >= hints.size()) return json.end_object();
    if (hint > 0) json.field("connection_hint", hints[hint]);
  }
  number("physical_width", core::physical_width, 4);
  number("physical_height", core::physical_height, 4);
  if (data.size() >= core::orientation + 2 && load_le32(data, core::physical_width) != 0 &&
      load_le32(data, core::physical_height) != 0) {
    const std::uint16_t degrees = load_le16(data, core::orientation);
    if (degrees % 90 != 0 || degrees >= 360) return json.end_object();
    json.field("desktop_orientation", degrees);
    number("scale_factor", core::scale_factor, 4);
    number("device_scale_factor", core::device_scale_factor, 4);
  }
  json.end_object();
}

void write_channels(JsonWriter& json, Bytes data) noexcept {
  const std::uint32_t count = load_le32(data, 0);
  if (count == 0) return;
  json.key("channels");
  json.begin_array();
  for (std::uint32_t i = 0; i < count; ++i) {
    const Bytes name = data.subspan(4 + i * channel_bytes, channel_name_bytes);
    std::size_t size = 0;
    while (size < name.size() && name[size] != 0) ++size;
    json.string({reinterpret_cast<const char*>(name.data()), size});
  }
  json.end_array();
}

}  // namespace

void write_message(JsonWriter& json, const Message& message, const output::Mask* mask) noexcept {
  json.field("event_type", name_of(message.kind));
  if (message.cookie_present) json.field("cookie_present", true);
  if (message.routing_token_present) json.field("routing_token_present", true);
  write_negotiation(json, message);
  if (!message.core.empty()) write_client(json, message.core, mask);
  if (!message.network.empty()) write_channels(json, message.network);
  if (!message.malformed()) return;
  json.key("malformed");
  json.begin_object();
  json.field("error", tsujiban::name_of(message.error));
  json.field("offset", message.error_offset);
  json.end_object();
}

}  // namespace tsujiban::rdp
