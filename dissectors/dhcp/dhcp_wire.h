#pragma once
#include <string_view>

#include "base/bytes.h"
#include "model/address.h"

namespace tsujiban::dhcp {

// DHCPv4, RFC 2131, 2: BOOTP's fixed part, then the cookie and options of code (1), length (1), value.
//   0    1       2      3      4     8      10      12       16       20       24       28       44      108    236
//   | op | htype | hlen | hops | xid | secs | flags | ciaddr | yiaddr | siaddr | giaddr | chaddr | sname | file |
//   cookie
namespace v4 {
inline constexpr std::uint32_t xid_offset = 4, ciaddr_offset = 12, yiaddr_offset = 16, siaddr_offset = 20,
                               giaddr_offset = 24, chaddr_offset = 28, sname_offset = 44, file_offset = 108,
                               cookie_offset = 236, options_offset = 240;
inline constexpr std::uint32_t cookie = 0x63825363;
inline constexpr std::uint8_t op_request = 1, op_reply = 2, htype_ethernet = 1, hlen_max = 16;
inline constexpr unsigned options_max = 128;          // Remembered of one message; a real one has a dozen.
inline constexpr std::size_t value_bytes_max = 1024;  // Of an option in several pieces (RFC 3396).

// RFC 2132.
enum Option : std::uint8_t {
  pad = 0,
  subnet_mask = 1,
  routers = 3,
  dns_servers = 6,
  host_name = 12,
  domain_name = 15,
  requested_ip = 50,
  lease_time = 51,
  overload = 52,
  message_type = 53,
  server_identifier = 54,
  parameters = 55,
  message = 56,
  renewal_time = 58,
  rebinding_time = 59,
  vendor_class = 60,
  client_identifier = 61,
  end = 255,
};
namespace type {
inline constexpr std::uint8_t offer = 2, ack = 5, max = 18;
}
}  // namespace v4

// DHCPv6, RFC 8415, 8 and 9: type (1), transaction (3), options of code (2), length (2), value. Relays (types 12, 13)
// have type (1), hops (1), link address (16), peer address (16) and carry the message in option 9.
namespace v6 {
inline constexpr std::uint32_t header_length = 4, relay_header_length = 34;
inline constexpr unsigned relays_max = 8;     // HOP_COUNT_LIMIT, 7.6.
inline constexpr unsigned options_max = 128;  // In one list.
enum Option : std::uint16_t {
  client_id = 1,
  server_id = 2,
  ia_na = 3,
  ia_ta = 4,
  ia_address = 5,
  option_request = 6,
  relay_message = 9,
  status_code = 13,
  dns_servers = 23,
  ia_pd = 25,
  ia_prefix = 26,
  client_fqdn = 39,
};
namespace type {
inline constexpr std::uint8_t solicit = 1, advertise = 2, reply = 7, reconfigure = 10, relay_forward = 12,
                              relay_reply = 13, max = 36;
}
constexpr bool is_relay(std::uint8_t t) noexcept { return t == type::relay_forward || t == type::relay_reply; }
}  // namespace v6

inline constexpr std::uint16_t port_v4_server = 67, port_v4_client = 68, port_v6_client = 546, port_v6_server = 547;

// Message names as records and metrics write them; empty for types that are not assigned.
std::string_view type_name_v4(std::uint8_t type) noexcept;
std::string_view type_name_v6(std::uint8_t type) noexcept;

// Places in the counters of messages: DHCPv4 types as they are (0: BOOTP without a type), DHCPv6 types behind them.
inline constexpr unsigned counter_unknown_v4 = 0x3F, counter_v6 = 0x40, counter_unknown_v6 = 0x7F;
std::string_view counter_name(unsigned place) noexcept;

}  // namespace tsujiban::dhcp
