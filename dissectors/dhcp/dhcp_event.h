#pragma once
#include "base/fixed_vector.h"
#include "base/parse_error.h"
#include "dissectors/dhcp/dhcp_wire.h"

namespace tsujiban::dhcp {

// What was read of one message. Views are of the message, or of `scratch`, and live as long as both.
struct V4Options {
  struct Entry {
    std::uint8_t code, length;
    std::uint32_t offset;  // Of its value.
  };
  FixedVector<Entry, v4::options_max> entries;  // In the order of RFC 3396, 5: options, file, sname.

  bool has(std::uint8_t code) const noexcept;
  // The option's value, its pieces put together in `scratch` where there are several; empty where there is none.
  Bytes value(Bytes message, std::uint8_t code, std::span<std::uint8_t> scratch) const noexcept;
};

struct V6Event {
  std::uint8_t type = 0;
  std::uint32_t transaction = 0;
  bool has_header = false;
  // The outermost relay, and how many there are.
  unsigned relays = 0;
  std::uint8_t relay_type = 0, hop_count = 0;
  IpAddress link, peer;
  Bytes client_id, server_id, requested, fqdn;
  FixedVector<IpAddress, 16> addresses, resolvers;
  FixedVector<IpPrefix, 8> prefixes;
  bool has_status = false;
  std::uint16_t status = 0;
};

struct V4Event {
  std::uint8_t op = 0, message_type = 0;
  bool has_header = false;  // The fixed part is there.
  bool has_cookie = false;  // Else BOOTP without options.
  V4Options options;
};

struct Event {
  Bytes bytes;
  bool version6 = false;
  bool cut_short = false;  // The capture's snap length ended it; not malformed.
  ParseError error = ParseError::none;
  std::uint32_t error_offset = 0;
  V4Event v4;
  V6Event v6;

  bool malformed() const noexcept { return error != ParseError::none; }
  void broken(ParseError what, std::size_t offset) noexcept {
    if (malformed()) return;
    error = what;
    error_offset = static_cast<std::uint32_t>(offset);
  }
};

// Reads one datagram. `cut_short`: the capture has not all of it, so that running out of bytes is no fault.
Event read_v4(Bytes message, bool cut_short) noexcept;
Event read_v6(Bytes message, bool cut_short) noexcept;

}  // namespace tsujiban::dhcp
