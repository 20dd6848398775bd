#pragma once
#include <compare>
#include <string>
#include <string_view>

#include "base/bytes.h"

namespace tsujiban {

// An IPv4 or IPv6 address; IPv4 is kept as ::ffff:a.b.c.d (RFC 4291, 2.5.5.2), so that one key form serves both.
struct IpAddress {
  std::uint64_t high = 0;  // The first eight bytes, as a big-endian number.
  std::uint64_t low = 0;

  static IpAddress v4(std::uint32_t address) noexcept { return {0, 0x0000ffff00000000u | address}; }
  static IpAddress v6(const std::uint8_t* at) noexcept { return {load_be64(at), load_be64(at + 8)}; }
  constexpr bool is_v4() const noexcept { return high == 0 && low >> 32 == 0xffff; }
  constexpr std::uint32_t as_v4() const noexcept { return static_cast<std::uint32_t>(low); }
  constexpr bool is_unspecified() const noexcept { return high == 0 && (low == 0 || low == 0x0000ffff00000000u); }
  constexpr bool is_multicast() const noexcept { return is_v4() ? (as_v4() >> 28) == 0xe : high >> 56 == 0xff; }
  constexpr bool is_broadcast() const noexcept { return is_v4() && as_v4() == 0xffffffff; }
  constexpr bool is_loopback() const noexcept { return is_v4() ? as_v4() >> 24 == 127 : high == 0 && low == 1; }
  // 169.254/16 (RFC 3927) and fe80::/10 (RFC 4291): an address that repeats on every link.
  constexpr bool is_link_local() const noexcept { return is_v4() ? as_v4() >> 16 == 0xa9fe : high >> 54 == 0x3fa; }
  // RFC 1918, RFC 6598 and RFC 4193 prefixes.
  constexpr bool is_private() const noexcept {
    if (!is_v4()) return high >> 57 == 0x7e;
    const std::uint32_t a = as_v4();
    return a >> 24 == 10 || a >> 20 == 0xac1 || a >> 16 == 0xc0a8 || a >> 22 == (0x64400000u >> 22);
  }
  constexpr auto operator<=>(const IpAddress&) const noexcept = default;
};

// Writes the text form (RFC 5952 for IPv6) to `to`, which holds at least `ip_text_max` characters; returns its length.
inline constexpr std::size_t ip_text_max = 46;
std::size_t write_ip(const IpAddress& address, char* to) noexcept;
std::string to_string(const IpAddress& address);
// False when `text` is no IPv4 or IPv6 address.
bool parse_ip(std::string_view text, IpAddress& address) noexcept;

// An address prefix; bits beyond `length` are zero. For IPv4 `length` counts from the embedded address (0..32).
struct IpPrefix {
  IpAddress address;
  std::uint8_t length = 0;
  bool contains(const IpAddress& other) const noexcept;
  bool operator==(const IpPrefix&) const noexcept = default;
};
// "192.168.1.0/24", "2001:db8::/32", or a lone address (its whole length). False when it is none, or has bits beyond
// its length.
bool parse_prefix(std::string_view text, IpPrefix& prefix) noexcept;
std::string to_string(const IpPrefix& prefix);

struct MacAddress {
  std::uint64_t value = 0;  // 48 bits, the first byte highest.
  static MacAddress load(const std::uint8_t* at) noexcept {
    return {std::uint64_t{load_be32(at)} << 16 | load_be16(at + 4)};
  }
  constexpr bool is_group() const noexcept { return (value >> 40 & 1) != 0; }
  constexpr bool is_locally_administered() const noexcept { return (value >> 40 & 2) != 0; }
  constexpr auto operator<=>(const MacAddress&) const noexcept = default;
};
std::string to_string(MacAddress mac);  // "02:00:00:00:12:02"
bool parse_mac(std::string_view text, MacAddress& mac) noexcept;

}  // namespace tsujiban
