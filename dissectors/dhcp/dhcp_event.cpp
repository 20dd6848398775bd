#include "dissectors/dhcp/dhcp_event.h"

#include <algorithm>
#include <array>

namespace tsujiban::dhcp {
namespace {

// Sizes that RFC 2132 gives to the options that are told; 0: any.
struct SizeRule {
  std::uint8_t code, size;
  bool several;  // A list of such.
};
constexpr SizeRule size_rules[] = {
    {v4::subnet_mask, 4, false},  {v4::routers, 4, true},
    {v4::dns_servers, 4, true},   {v4::requested_ip, 4, false},
    {v4::lease_time, 4, false},   {v4::message_type, 1, false},
    {v4::overload, 1, false},     {v4::server_identifier, 4, false},
    {v4::renewal_time, 4, false}, {v4::rebinding_time, 4, false},
};

// Walks the options in [at, end). False where the field breaks off.
bool collect(Event& event, std::uint32_t at, std::uint32_t end) noexcept {
  const Bytes bytes = event.bytes;
  while (at < end) {
    const std::uint8_t code = bytes[at];
    if (code == v4::pad) {
      ++at;
      continue;
    }
    if (code == v4::end) return true;
    if (at + 2 > end || at + 2 + bytes[at + 1] > end) {
      if (!(event.cut_short && end == bytes.size())) event.broken(ParseError::dhcp_bad_option, at);
      return false;
    }
    V4Options& options = event.v4.options;
    if (options.entries.size() == v4::options_max) {
      event.broken(ParseError::dhcp_too_many_options, at);
      return false;
    }
    options.entries.push({code, bytes[at + 1], at + 2});
    at += 2u + bytes[at + 1];
  }
  return true;
}

void check_sizes(Event& event) noexcept {
  for (const SizeRule& rule : size_rules) {
    std::size_t size = 0;
    std::uint32_t offset = 0;
    for (const V4Options::Entry& entry : event.v4.options.entries) {
      if (entry.code != rule.code) continue;
      size += entry.length;
      if (offset == 0) offset = entry.offset;
    }
    if (offset == 0) continue;
    // A repeated option of fixed size is two of them rather than one in pieces; its first value counts.
    if (size == 0 || size % rule.size != 0) event.broken(ParseError::dhcp_bad_option, offset - 2);
  }
}

IpAddress address_at(Bytes bytes, std::size_t offset) noexcept { return IpAddress::v6(bytes.data() + offset); }

IpPrefix prefix_of(IpAddress address, std::uint8_t length) noexcept {
  const auto keep = [](std::uint64_t word, unsigned bits) {
    return bits == 0 ? 0 : bits >= 64 ? word : word >> (64 - bits) << (64 - bits);
  };
  return {{keep(address.high, length), keep(address.low, length > 64 ? length - 64u : 0u)}, length};
}

// The options of an identity association: its addresses, prefixes and status.
void read_association(Event& event, std::uint32_t at, std::uint32_t end) noexcept;

enum class List : std::uint8_t { message, association };

void read_options(Event& event, std::uint32_t at, std::uint32_t end, List list, std::uint32_t& inner,
                  std::uint32_t& inner_end) noexcept {
  const Bytes bytes = event.bytes;
  V6Event& v6 = event.v6;
  for (unsigned count = 0; at < end; ++count) {
    if (count == v6::options_max) return event.broken(ParseError::dhcp_too_many_options, at);
    const bool whole = at + 4 <= end && at + 4 + load_be16(bytes, at + 2) <= end;
    if (!whole) {
      if (!(event.cut_short && end == bytes.size())) event.broken(ParseError::dhcp_bad_option, at);
      return;
    }
    const std::uint16_t code = load_be16(bytes, at), length = load_be16(bytes, at + 2);
    const std::uint32_t value = at + 4;
    const Bytes edge = bytes.subspan(value, length);
    const auto bad = [&] { event.broken(ParseError::dhcp_bad_option, at); };
    if (list == List::association) {
      if (code == v6::ia_address) {
        if (length < 24)
          bad();
        else
          v6.addresses.push(address_at(bytes, value));  // Those beyond the room are left out.
      } else if (code == v6::ia_prefix) {
        if (length < 25 || bytes[value + 8] > 128)
          bad();
        else
          v6.prefixes.push(prefix_of(address_at(bytes, value + 9), bytes[value + 8]));
      }
    } else {
      switch (code) {
        case v6::client_id:
        case v6::server_id:
          // A DUID has a type and something behind it, 128 bytes at most (RFC 8415, 11.1).
          if (length < 3 || length > 130) bad();
          (code == v6::client_id ? v6.client_id : v6.server_id) = edge.first(std::min<std::size_t>(length, 130));
          break;
        case v6::ia_na:
        case v6::ia_pd:
        case v6::ia_ta: {
          const std::uint32_t fixed = code == v6::ia_ta ? 4 : 12;
          if (length < fixed)
            bad();
          else
            read_association(event, value + fixed, value + length);
          break;
        }
        case v6::option_request:
          if (length % 2 != 0) bad();
          v6.requested = edge.first(length / 2 * 2u);
          break;
        case v6::dns_servers:
          if (length % 16 != 0 || length == 0) bad();
          for (std::uint32_t i = 0; i + 16 <= length; i += 16) v6.resolvers.push(address_at(bytes, value + i));
          break;
        case v6::client_fqdn:
          if (length < 1)
            bad();
          else
            v6.fqdn = edge.subspan(1);
          break;
        case v6::relay_message:
          inner = value;
          inner_end = value + length;
          break;
        default:
          break;
      }
    }
    if (code == v6::status_code) {
      if (length < 2) {
        bad();
      } else if (!v6.has_status || v6.status == 0) {
        v6.has_status = true;
        v6.status = load_be16(bytes, value);
      }
    }
    at = value + length;
  }
}

void read_association(Event& event, std::uint32_t at, std::uint32_t end) noexcept {
  std::uint32_t inner = 0, inner_end = 0;
  read_options(event, at, end, List::association, inner, inner_end);
}

constexpr std::array<std::string_view, v4::type::max + 1> names_v4 = {
    "bootp",        "discover",    "offer",          "request",        "decline",          "ack",
    "nak",          "release",     "inform",         "forcerenew",     "leasequery",       "leaseunassigned",
    "leaseunknown", "leaseactive", "bulkleasequery", "leasequerydone", "activeleasequery", "leasequerystatus",
    "tls"};
constexpr std::array<std::string_view, 22> names_v6 = {"",
                                                       "solicit",
                                                       "advertise",
                                                       "request",
                                                       "confirm",
                                                       "renew",
                                                       "rebind",
                                                       "reply",
                                                       "release",
                                                       "decline",
                                                       "reconfigure",
                                                       "information_request",
                                                       "relay_forward",
                                                       "relay_reply",
                                                       "leasequery",
                                                       "leasequery_reply",
                                                       "leasequery_done",
                                                       "leasequery_data",
                                                       "reconfigure_request",
                                                       "reconfigure_reply",
                                                       "dhcpv4_query",
                                                       "dhcpv4_response"};

}  // namespace

std::string_view type_name_v4(std::uint8_t type) noexcept {
  return type < names_v4.size() ? names_v4[type] : std::string_view{};
}
std::string_view type_name_v6(std::uint8_t type) noexcept {
  return type < names_v6.size() ? names_v6[type] : std::string_view{};
}
std::string_view counter_name(unsigned place) noexcept {
  if (place < counter_v6) return type_name_v4(static_cast<std::uint8_t>(place));
  // Both versions have types of the same name; only those of DHCPv6 say so.
  static constexpr std::array<std::string_view, names_v6.size()> names = {"",
                                                                          "v6_solicit",
                                                                          "v6_advertise",
                                                                          "v6_request",
                                                                          "v6_confirm",
                                                                          "v6_renew",
                                                                          "v6_rebind",
                                                                          "v6_reply",
                                                                          "v6_release",
                                                                          "v6_decline",
                                                                          "v6_reconfigure",
                                                                          "v6_information_request",
                                                                          "v6_relay_forward",
                                                                          "v6_relay_reply",
                                                                          "v6_leasequery",
                                                                          "v6_leasequery_reply",
                                                                          "v6_leasequery_done",
                                                                          "v6_leasequery_data",
                                                                          "v6_reconfigure_request",
                                                                          "v6_reconfigure_reply",
                                                                          "v6_dhcpv4_query",
                                                                          "v6_dhcpv4_response"};
  return place - counter_v6 < names.size() ? names[place - counter_v6] : std::string_view{};
}

bool V4Options::has(std::uint8_t code) const noexcept {
  return std::any_of(entries.begin(), entries.end(), [&](const Entry& entry) { return entry.code == code; });
}

Bytes V4Options::value(Bytes message, std::uint8_t code, std::span<std::uint8_t> scratch) const noexcept {
  Bytes first;
  std::size_t size = 0;
  unsigned pieces = 0;
  for (const Entry& entry : entries) {
    if (entry.code != code) continue;
    const Bytes piece = message.subspan(entry.offset, entry.length);
    if (++pieces == 1) {
      first = piece;
      continue;
    }
    if (pieces == 2) {
      size = std::min(first.size(), scratch.size());
      std::copy_n(first.begin(), size, scratch.begin());
    }
    const std::size_t more = std::min(piece.size(), scratch.size() - size);
    std::copy_n(piece.begin(), more, scratch.begin() + static_cast<std::ptrdiff_t>(size));
    size += more;
  }
  return pieces < 2 ? first : Bytes(scratch.data(), size);
}

Event read_v4(Bytes message, bool cut_short) noexcept {
  Event event;
  event.bytes = message;
  event.cut_short = cut_short;
  const auto size = static_cast<std::uint32_t>(message.size());
  V4Event& v4 = event.v4;
  if (size > 0) v4.op = message[0];
  if (size > 0 && v4.op != v4::op_request && v4.op != v4::op_reply) event.broken(ParseError::dhcp_bad_header, 0);
  if (size > 2 && message[2] > v4::hlen_max) event.broken(ParseError::dhcp_bad_header, 2);
  v4.has_header = size >= v4::sname_offset;
  if (size < v4::options_offset) {
    if (!cut_short) event.broken(ParseError::truncated, size);
    return event;
  }
  v4.has_cookie = load_be32(message, v4::cookie_offset) == v4::cookie;
  if (!v4.has_cookie) return event;  // BOOTP: the vendor's own bytes.
  if (collect(event, v4::options_offset, size)) {
    // Which of the fixed fields have options in them: bit 0 file, bit 1 sname (RFC 2132, 9.3). Read in this order.
    std::uint8_t places = 0;
    for (const V4Options::Entry& entry : v4.options.entries) {
      if (entry.code == v4::overload && entry.length == 1) {
        places = message[entry.offset];
        if (places == 0 || places > 3) event.broken(ParseError::dhcp_bad_option, entry.offset - 2);
        break;
      }
    }
    if (places <= 3 && (places & 1) != 0) collect(event, v4::file_offset, v4::cookie_offset);
    if (places <= 3 && (places & 2) != 0) collect(event, v4::sname_offset, v4::file_offset);
  }
  check_sizes(event);
  for (const V4Options::Entry& entry : v4.options.entries) {
    if (entry.code != v4::message_type || entry.length < 1) continue;
    v4.message_type = message[entry.offset];
    break;
  }
  return event;
}

Event read_v6(Bytes message, bool cut_short) noexcept {
  Event event;
  event.bytes = message;
  event.version6 = true;
  event.cut_short = cut_short;
  V6Event& v6 = event.v6;
  std::uint32_t at = 0, end = static_cast<std::uint32_t>(message.size());
  while (at < end) {
    v6.type = message[at];
    const bool relay = v6::is_relay(v6.type);
    if (at + (relay ? v6::relay_header_length : v6::header_length) > end) break;
    std::uint32_t inner = 0, inner_end = 0;
    if (!relay) {
      v6.has_header = true;
      v6.transaction = load_be24(message, at + 1);
      if (v6.type == 0 || v6.type > v6::type::max) event.broken(ParseError::dhcp_bad_header, at);
      read_options(event, at + v6::header_length, end, List::message, inner, inner_end);
      return event;
    }
    if (v6.relays == v6::relays_max) {
      event.broken(ParseError::dhcp_too_many_options, at);
      return event;
    }
    if (v6.relays++ == 0) {
      v6.relay_type = v6.type;
      v6.hop_count = message[at + 1];
      v6.link = address_at(message, at + 2);
      v6.peer = address_at(message, at + 18);
    }
    read_options(event, at + v6::relay_header_length, end, List::message, inner, inner_end);
    if (inner == 0) {
      if (!cut_short) event.broken(ParseError::dhcp_bad_option, at);
      return event;
    }
    // What the relays add of their own is not the client's or the server's.
    v6.client_id = v6.server_id = v6.requested = v6.fqdn = {};
    v6.addresses.clear(), v6.resolvers.clear(), v6.prefixes.clear();
    v6.has_status = false;
    at = inner;
    end = inner_end;
  }
  if (!cut_short) event.broken(ParseError::truncated, end);
  return event;
}

}  // namespace tsujiban::dhcp
