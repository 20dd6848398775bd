#include "dissectors/dhcp/dhcp_json.h"

#include <algorithm>

namespace tsujiban::dhcp {
namespace {

void plain_field(JsonWriter& writer, std::string_view name, std::string_view text) noexcept {
  writer.key(name);
  writer.plain_string(text);
}

void address(JsonWriter& writer, const IpAddress& address) noexcept {
  char text[ip_text_max];
  writer.plain_string({text, write_ip(address, text)});
}
void address_field(JsonWriter& writer, std::string_view name, const IpAddress& value) noexcept {
  writer.key(name);
  address(writer, value);
}

// "02:00:00:00:12:02"
void colon_hex_field(JsonWriter& writer, std::string_view name, Bytes bytes) noexcept {
  constexpr std::size_t shown_max = 130;  // A DUID's most; longer identifiers are cut.
  char text[3 * shown_max];
  std::size_t at = 0;
  for (const std::uint8_t b : bytes.first(std::min(bytes.size(), shown_max))) {
    constexpr char digits[] = "0123456789abcdef";
    if (at != 0) text[at++] = ':';
    text[at++] = digits[b >> 4];
    text[at++] = digits[b & 15];
  }
  plain_field(writer, name, {text, at});
}

// Strings of the wire may end in zeros.
void text_field(JsonWriter& writer, std::string_view name, Bytes bytes) noexcept {
  std::size_t size = bytes.size();
  while (size > 0 && bytes[size - 1] == 0) --size;
  writer.field(name, std::string_view{reinterpret_cast<const char*>(bytes.data()), size});
}

// Suricata's names of requested options; the others are told by their number.
std::string_view parameter_name(unsigned code) noexcept {
  switch (code) {
    case v4::subnet_mask:
      return "subnet_mask";
    case v4::routers:
      return "router";
    case v4::dns_servers:
      return "dns_server";
    case v4::domain_name:
      return "domain";
    case 35:
      return "arp_timeout";
    case 42:
      return "ntp_server";
    case 66:
      return "tftp_server_name";
    case 150:
      return "tftp_server_ip";
    default:
      return {};
  }
}

void code_string(JsonWriter& writer, unsigned code) noexcept {
  char text[8];
  const auto done = std::to_chars(text, text + sizeof text, code);
  writer.plain_string({text, static_cast<std::size_t>(done.ptr - text)});
}

// The wire form of a domain name, RFC 1035, 3.1, without compression (RFC 8415, 10); cut where it is broken.
void name_field(JsonWriter& writer, std::string_view name, Bytes wire) noexcept {
  char text[256];
  std::size_t length = 0, at = 0;
  while (at < wire.size() && wire[at] != 0 && wire[at] < 64 && at + 1 + wire[at] <= wire.size() &&
         length + 1 + wire[at] < sizeof text) {
    if (length != 0) text[length++] = '.';
    std::copy_n(wire.begin() + static_cast<std::ptrdiff_t>(at + 1), wire[at], text + length);
    length += wire[at];
    at += 1u + wire[at];
  }
  if (length != 0) writer.field(name, std::string_view{text, length});
}

void write_v4(JsonWriter& writer, const Event& event) noexcept {
  const Bytes bytes = event.bytes;
  const V4Event& v4 = event.v4;
  plain_field(writer, "type",
              v4.op == v4::op_request ? "request"
              : v4.op == v4::op_reply ? "reply"
                                      : std::string_view{"unknown"});
  if (!v4.has_header) return;
  writer.field("id", load_be32(bytes, v4::xid_offset));
  colon_hex_field(writer, "client_mac", bytes.subspan(v4::chaddr_offset, std::min(bytes[2], v4::hlen_max)));
  const auto fixed = [&](std::string_view name, std::uint32_t offset, bool always) {
    const std::uint32_t value = load_be32(bytes, offset);
    if (always || value != 0) address_field(writer, name, IpAddress::v4(value));
  };
  fixed("assigned_ip", v4::yiaddr_offset, true);
  fixed("client_ip", v4::ciaddr_offset, false);
  fixed("relay_ip", v4::giaddr_offset, false);
  fixed("next_server_ip", v4::siaddr_offset, false);
  if (!v4.has_cookie) return;

  std::array<std::uint8_t, v4::value_bytes_max> scratch;
  const auto value = [&](std::uint8_t code) { return v4.options.value(bytes, code, scratch); };
  if (v4.options.has(v4::message_type)) {
    const std::string_view name = v4.message_type != 0 ? type_name_v4(v4.message_type) : std::string_view{};
    plain_field(writer, "dhcp_type", name.empty() ? "unknown" : name);
  }
  // Its first byte is the kind of hardware, or 0.
  if (const Bytes id = value(v4::client_identifier); id.size() > 1) colon_hex_field(writer, "client_id", id.subspan(1));
  if (const Bytes text = value(v4::host_name); !text.empty()) text_field(writer, "hostname", text);
  if (const Bytes text = value(v4::domain_name); !text.empty()) text_field(writer, "domain", text);
  if (const Bytes text = value(v4::vendor_class); !text.empty()) text_field(writer, "vendor_class_identifier", text);
  if (const Bytes text = value(v4::message); !text.empty()) text_field(writer, "message", text);
  const auto one_address = [&](std::string_view name, std::uint8_t code) {
    if (const Bytes at = value(code); at.size() >= 4) address_field(writer, name, IpAddress::v4(load_be32(at, 0)));
  };
  const auto seconds = [&](std::string_view name, std::uint8_t code) {
    if (const Bytes at = value(code); at.size() >= 4) writer.field(name, load_be32(at, 0));
  };
  const auto addresses = [&](std::string_view name, std::uint8_t code) {
    const Bytes list = value(code);
    if (list.size() < 4) return;
    writer.key(name);
    writer.begin_array();
    for (std::size_t at = 0; at + 4 <= list.size(); at += 4) address(writer, IpAddress::v4(load_be32(list, at)));
    writer.end_array();
  };
  one_address("requested_ip", v4::requested_ip);
  one_address("server_id", v4::server_identifier);
  seconds("lease_time", v4::lease_time);
  seconds("renewal_time", v4::renewal_time);
  seconds("rebinding_time", v4::rebinding_time);
  one_address("subnet_mask", v4::subnet_mask);
  addresses("routers", v4::routers);
  addresses("dns_servers", v4::dns_servers);
  if (const Bytes codes = value(v4::parameters); !codes.empty()) {
    writer.key("params");
    writer.begin_array();
    for (const std::uint8_t code : codes) {
      if (const std::string_view name = parameter_name(code); !name.empty())
        writer.plain_string(name);
      else
        code_string(writer, code);
    }
    writer.end_array();
  }
}

bool from_server(const V6Event& v6) noexcept {
  return v6.type == v6::type::advertise || v6.type == v6::type::reply || v6.type == v6::type::reconfigure ||
         v6.relay_type == v6::type::relay_reply;
}

// The hardware address in a DUID of type 1 or 3 (RFC 8415, 11.2, 11.4), where it is Ethernet's.
Bytes mac_of(Bytes duid) noexcept {
  if (duid.size() == 14 && load_be32(duid, 0) == 0x00010001) return duid.subspan(8);
  if (duid.size() == 10 && load_be32(duid, 0) == 0x00030001) return duid.subspan(4);
  return {};
}

void write_v6(JsonWriter& writer, const Event& event) noexcept {
  const V6Event& v6 = event.v6;
  writer.field("version", 6u);
  plain_field(writer, "type", from_server(v6) ? "reply" : "request");
  if (v6.relays != 0) {
    writer.key("relay");
    writer.begin_object();
    plain_field(writer, "type", type_name_v6(v6.relay_type));
    writer.field("hop_count", std::uint32_t{v6.hop_count});
    address_field(writer, "link", v6.link);
    address_field(writer, "peer", v6.peer);
    writer.end_object();
  }
  if (!v6.has_header) return;
  writer.field("id", v6.transaction);
  const std::string_view name = type_name_v6(v6.type);
  plain_field(writer, "dhcp_type", name.empty() ? "unknown" : name);
  if (const Bytes mac = mac_of(v6.client_id); !mac.empty()) colon_hex_field(writer, "client_mac", mac);
  if (!v6.client_id.empty()) colon_hex_field(writer, "client_duid", v6.client_id);
  if (!v6.server_id.empty()) colon_hex_field(writer, "server_duid", v6.server_id);
  name_field(writer, "hostname", v6.fqdn);
  const auto addresses = [&](std::string_view key, const FixedVector<IpAddress, 16>& list) {
    if (list.empty()) return;
    writer.key(key);
    writer.begin_array();
    for (const IpAddress& at : list) address(writer, at);
    writer.end_array();
  };
  addresses("addresses", v6.addresses);
  if (!v6.prefixes.empty()) {
    writer.key("prefixes");
    writer.begin_array();
    for (const IpPrefix& prefix : v6.prefixes) {
      char text[ip_text_max + 4];
      std::size_t length = write_ip(prefix.address, text);
      text[length++] = '/';
      const auto done = std::to_chars(text + length, text + sizeof text, unsigned{prefix.length});
      writer.plain_string({text, static_cast<std::size_t>(done.ptr - text)});
    }
    writer.end_array();
  }
  addresses("dns_servers", v6.resolvers);
  if (v6.has_status) writer.field("status", std::uint32_t{v6.status});
  if (!v6.requested.empty()) {
    writer.key("params");
    writer.begin_array();
    constexpr std::size_t codes_max = 128;
    for (std::size_t i = 0; i + 2 <= v6.requested.size() && i < 2 * codes_max; i += 2)
      code_string(writer, load_be16(v6.requested, i));
    writer.end_array();
  }
}

}  // namespace

void write_event(JsonWriter& writer, const Event& event) noexcept {
  if (event.version6)
    write_v6(writer, event);
  else
    write_v4(writer, event);
  if (event.cut_short) {
    writer.key("flags");
    writer.begin_array();
    writer.plain_string("snapped");
    writer.end_array();
  }
  if (event.malformed()) {
    writer.key("malformed");
    writer.begin_object();
    plain_field(writer, "error", name_of(event.error));
    writer.field("offset", event.error_offset);
    writer.end_object();
  }
}

}  // namespace tsujiban::dhcp
