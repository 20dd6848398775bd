#include "model/address.h"

#include <arpa/inet.h>

#include <charconv>
#include <cstdio>

namespace tsujiban {
namespace {

char* write_decimal(char* to, std::uint32_t value) noexcept { return std::to_chars(to, to + 10, value).ptr; }

char* write_v4(char* to, std::uint32_t address) noexcept {
  for (int shift = 24; shift >= 0; shift -= 8) {
    to = write_decimal(to, address >> shift & 255);
    if (shift != 0) *to++ = '.';
  }
  return to;
}

}  // namespace

std::size_t write_ip(const IpAddress& address, char* to) noexcept {
  if (address.is_v4()) return static_cast<std::size_t>(write_v4(to, address.as_v4()) - to);
  // RFC 5952: lower case, no leading zeros, the first longest run of two or more zero groups shortened.
  std::uint16_t group[8];
  for (int i = 0; i < 4; ++i) {
    group[i] = static_cast<std::uint16_t>(address.high >> (48 - 16 * i));
    group[i + 4] = static_cast<std::uint16_t>(address.low >> (48 - 16 * i));
  }
  int best = -1, best_length = 1;
  for (int i = 0; i < 8;) {
    int j = i;
    while (j < 8 && group[j] == 0) ++j;
    if (j - i > best_length) best = i, best_length = j - i;
    i = j + 1;
  }
  char* at = to;
  for (int i = 0; i < 8;) {
    if (i == best) {
      *at++ = ':';
      if (i == 0) *at++ = ':';
      i += best_length;
      continue;
    }
    at = std::to_chars(at, at + 4, group[i], 16).ptr;
    if (++i < 8) *at++ = ':';
  }
  return static_cast<std::size_t>(at - to);
}

std::string to_string(const IpAddress& address) {
  char text[ip_text_max];
  return {text, write_ip(address, text)};
}

bool parse_ip(std::string_view text, IpAddress& address) noexcept {
  char copy[ip_text_max + 1];
  if (text.empty() || text.size() >= sizeof copy) return false;
  std::memcpy(copy, text.data(), text.size());
  copy[text.size()] = '\0';
  std::uint8_t bytes[16];
  if (inet_pton(AF_INET, copy, bytes) == 1) {
    address = IpAddress::v4(load_be32(bytes));
    return true;
  }
  if (inet_pton(AF_INET6, copy, bytes) == 1) {
    address = IpAddress::v6(bytes);
    return true;
  }
  return false;
}

bool IpPrefix::contains(const IpAddress& other) const noexcept {
  if (address.is_v4() != other.is_v4()) return false;
  if (address.is_v4()) {
    return length == 0 || ((address.as_v4() ^ other.as_v4()) >> (32 - length)) == 0;
  }
  if (length == 0) return true;
  if (length <= 64) return ((address.high ^ other.high) >> (64 - length)) == 0;
  return address.high == other.high && ((address.low ^ other.low) >> (128 - length)) == 0;
}

bool parse_prefix(std::string_view text, IpPrefix& prefix) noexcept {
  const std::size_t slash = text.find('/');
  if (!parse_ip(text.substr(0, slash), prefix.address)) return false;
  const unsigned longest = prefix.address.is_v4() ? 32 : 128;
  unsigned length = longest;
  if (slash != std::string_view::npos) {
    const std::string_view digits = text.substr(slash + 1);
    const auto done = std::from_chars(digits.data(), digits.data() + digits.size(), length);
    if (digits.empty() || done.ec != std::errc() || done.ptr != digits.data() + digits.size() || length > longest)
      return false;
  }
  prefix.length = static_cast<std::uint8_t>(length);
  IpAddress masked = prefix.address;
  if (longest == 32) {
    masked = IpAddress::v4(length == 0 ? 0 : masked.as_v4() & ~std::uint32_t{0} << (32 - length));
  } else if (length <= 64) {
    masked.high &= length == 0 ? 0 : ~std::uint64_t{0} << (64 - length);
    masked.low = 0;
  } else {
    masked.low &= ~std::uint64_t{0} << (128 - length);
  }
  return masked == prefix.address;
}

std::string to_string(const IpPrefix& prefix) {
  return to_string(prefix.address) + '/' + std::to_string(prefix.length);
}

std::string to_string(MacAddress mac) {
  char text[18];
  std::snprintf(text, sizeof text, "%02x:%02x:%02x:%02x:%02x:%02x", static_cast<unsigned>(mac.value >> 40 & 255),
                static_cast<unsigned>(mac.value >> 32 & 255), static_cast<unsigned>(mac.value >> 24 & 255),
                static_cast<unsigned>(mac.value >> 16 & 255), static_cast<unsigned>(mac.value >> 8 & 255),
                static_cast<unsigned>(mac.value & 255));
  return text;
}

bool parse_mac(std::string_view text, MacAddress& mac) noexcept {
  if (text.size() != 17) return false;
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < 6; ++i) {
    if (i != 0 && text[3 * i - 1] != ':' && text[3 * i - 1] != '-') return false;
    std::uint8_t byte = 0;
    const char* at = text.data() + 3 * i;
    const auto done = std::from_chars(at, at + 2, byte, 16);
    if (done.ec != std::errc() || done.ptr != at + 2) return false;
    value = value << 8 | byte;
  }
  mac.value = value;
  return true;
}

}  // namespace tsujiban
