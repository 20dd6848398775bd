#include "dissectors/tls/tls_fingerprint.h"

#include <algorithm>
#include <charconv>
#include <cstring>

namespace tsujiban::tls {
namespace {

constexpr char hex_digits[] = "0123456789abcdef";
constexpr std::size_t ja4_hash_bytes = 6;  // Twelve digits.

bool is_alphanumeric(std::uint8_t c) noexcept {
  return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

// The first and last character of the first ALPN value; where one is not alphanumeric, the first and last digit of the
// whole in hexadecimal.
void write_protocol(Bytes protocols, char* to) noexcept {
  to[0] = to[1] = '0';
  if (protocols.empty() || protocols[0] == 0) return;
  const std::uint8_t first = protocols[1], last = protocols[protocols[0]];
  const bool plain = is_alphanumeric(first) && is_alphanumeric(last);
  to[0] = plain ? static_cast<char>(first) : hex_digits[first >> 4];
  to[1] = plain ? static_cast<char>(last) : hex_digits[last & 15];
}

void write_two_digits(std::size_t count, char* to) noexcept {
  count = std::min<std::size_t>(count, 99);
  to[0] = static_cast<char>('0' + count / 10);
  to[1] = static_cast<char>('0' + count % 10);
}

void write_version(const ClientHello& hello, char* to) noexcept {
  std::uint16_t highest = 0;
  for (std::size_t i = 0; i + 1 < hello.versions.size(); i += 2) {
    const std::uint16_t v = load_be16(hello.versions, i);
    if (!is_grease(v)) highest = std::max(highest, v);
  }
  const char* text = "00";
  switch (highest != 0 ? highest : hello.legacy_version) {
    case version::tls13:
      text = "13";
      break;
    case version::tls12:
      text = "12";
      break;
    case version::tls11:
      text = "11";
      break;
    case version::tls10:
      text = "10";
      break;
    case version::ssl3:
      text = "s3";
      break;
    case version::ssl2:
      text = "s2";
      break;
    default:
      break;
  }
  std::memcpy(to, text, 2);
}

void write_hash(std::string_view text, char* to) noexcept {
  const Sha256 digest = sha256({reinterpret_cast<const std::uint8_t*>(text.data()), text.size()});
  for (std::size_t i = 0; i < ja4_hash_bytes; ++i) {
    to[2 * i] = hex_digits[digest[i] >> 4];
    to[2 * i + 1] = hex_digits[digest[i] & 15];
  }
}

}  // namespace

void Fingerprinter::put(std::string_view text) noexcept {
  std::memcpy(text_.data() + size_, text.data(), text.size());
  size_ += text.size();
}

void Fingerprinter::put_number(unsigned value) noexcept {
  const auto done = std::to_chars(text_.data() + size_, text_.data() + text_.size(), value);
  size_ = static_cast<std::size_t>(done.ptr - text_.data());
}

bool Fingerprinter::put_pairs(Bytes pairs) noexcept {
  if (pairs.size() / 2 > fingerprint_values_max) return false;
  bool first = true;
  for (std::size_t i = 0; i + 1 < pairs.size(); i += 2) {
    const std::uint16_t value = load_be16(pairs, i);
    if (is_grease(value)) continue;
    if (!first) put("-");
    first = false;
    put_number(value);
  }
  return true;
}

bool Fingerprinter::put_extensions(Bytes block, bool grease_too) noexcept {
  std::size_t count = 0;
  bool first = true;
  for_each_extension(block, [&](std::uint16_t type, Bytes, std::size_t) {
    if (++count > fingerprint_values_max || (!grease_too && is_grease(type))) return;
    if (!first) put("-");
    first = false;
    put_number(type);
  });
  return count <= fingerprint_values_max;
}

std::string_view Fingerprinter::ja3_text(const ClientHello& hello) noexcept {
  size_ = 0;
  put_number(hello.legacy_version);
  put(",");
  if (!put_pairs(hello.suites)) return {};
  put(",");
  if (!put_extensions(hello.extensions, false)) return {};
  put(",");
  if (!put_pairs(hello.groups)) return {};
  put(",");
  for (std::size_t i = 0; i < hello.point_formats.size(); ++i) {
    if (i > 0) put("-");
    put_number(hello.point_formats[i]);
  }
  return {text_.data(), size_};
}

std::string_view Fingerprinter::ja3s_text(const ServerHello& hello) noexcept {
  size_ = 0;
  put_number(hello.legacy_version);
  put(",");
  put_number(hello.suite);
  put(",");
  if (!put_extensions(hello.extensions, true)) return {};
  return {text_.data(), size_};
}

void Fingerprinter::put_hex(std::uint16_t value) noexcept {
  const char digits[] = {hex_digits[value >> 12], hex_digits[value >> 8 & 15], hex_digits[value >> 4 & 15],
                         hex_digits[value & 15]};
  put({digits, 4});
}

bool Fingerprinter::put_sorted(std::size_t count) noexcept {
  std::sort(values_.begin(), values_.begin() + static_cast<std::ptrdiff_t>(count));
  for (std::size_t i = 0; i < count; ++i) {
    if (i > 0) put(",");
    put_hex(values_[i]);
  }
  return count > 0;
}

bool Fingerprinter::ja4(const ClientHello& hello, Ja4& to) noexcept {
  if (hello.suites.size() / 2 > fingerprint_values_max ||
      hello.signature_algorithms.size() / 2 > fingerprint_values_max)
    return false;
  to.fill('0');
  to[0] = 't';
  write_version(hello, &to[1]);
  to[3] = hello.has_server_name ? 'd' : 'i';
  to[10] = to[23] = '_';

  std::size_t suites = 0;
  for (std::size_t i = 0; i + 1 < hello.suites.size(); i += 2) {
    const std::uint16_t value = load_be16(hello.suites, i);
    if (!is_grease(value)) values_[suites++] = value;
  }
  write_two_digits(suites, &to[4]);
  size_ = 0;
  if (put_sorted(suites)) write_hash({text_.data(), size_}, &to[11]);

  std::size_t extensions = 0, hashed = 0;
  for_each_extension(hello.extensions, [&](std::uint16_t type, Bytes, std::size_t) {
    if (is_grease(type)) return;
    ++extensions;
    if (type == extension::server_name || type == extension::alpn) return;
    if (hashed < fingerprint_values_max) values_[hashed] = type;
    ++hashed;
  });
  if (hashed > fingerprint_values_max) return false;
  write_two_digits(extensions, &to[6]);
  write_protocol(hello.protocols, &to[8]);
  if (hashed == 0) return true;
  size_ = 0;
  put_sorted(hashed);
  bool first = true;
  for (std::size_t i = 0; i + 1 < hello.signature_algorithms.size(); i += 2) {
    const std::uint16_t value = load_be16(hello.signature_algorithms, i);
    if (is_grease(value)) continue;
    put(first ? "_" : ",");
    first = false;
    put_hex(value);
  }
  write_hash({text_.data(), size_}, &to[24]);
  return true;
}

}  // namespace tsujiban::tls
