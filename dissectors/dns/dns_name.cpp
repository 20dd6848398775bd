#include "dissectors/dns/dns_name.h"

#include <algorithm>

namespace tsujiban::dns {
namespace {

constexpr char hex_digits[] = "0123456789abcdef";
// The longest <character-string> and the longest name both fit; longer data is cut before.
constexpr std::size_t escaped_bytes_max = 4 * 4096;

bool is_utf8(std::string_view text) noexcept {
  const auto* const at = reinterpret_cast<const unsigned char*>(text.data());
  for (std::size_t i = 0; i < text.size();) {
    const unsigned char c = at[i];
    const std::size_t length = c < 0x80 ? 1 : c < 0xC2 ? 0 : c < 0xE0 ? 2 : c < 0xF0 ? 3 : c < 0xF5 ? 4 : 0;
    if (length == 0 || text.size() - i < length) return false;
    for (std::size_t k = 1; k < length; ++k) {
      if ((at[i + k] & 0xC0) != 0x80) return false;
    }
    // Overlong forms, surrogates and what lies beyond U+10FFFF (RFC 3629, 4).
    if ((c == 0xE0 && at[i + 1] < 0xA0) || (c == 0xED && at[i + 1] > 0x9F) || (c == 0xF0 && at[i + 1] < 0x90) ||
        (c == 0xF4 && at[i + 1] > 0x8F)) {
      return false;
    }
    i += length;
  }
  return true;
}

}  // namespace

NameText name_text(Bytes message, std::uint32_t at) noexcept {
  NameText name;
  walk_name(message, at, [&](Bytes label) {
    if (name.size + label.size() + 1 > name.text.size()) return;
    if (name.size > 0) name.text[name.size++] = '.';
    std::memcpy(name.text.data() + name.size, label.data(), label.size());
    name.size += static_cast<std::uint32_t>(label.size());
  });
  return name;
}

DomainName domain_name(Bytes message, std::uint32_t at, std::uint8_t& label_bytes_max) noexcept {
  std::array<char, 2 * name_bytes_max> text;
  std::size_t size = 0, longest = 0;
  walk_name(message, at, [&](Bytes label) {
    longest = std::max(longest, label.size());
    if (size > 0) text[size++] = '.';
    for (const std::uint8_t b : label) {
      if (b == '.' || b == '\\') text[size++] = '\\';
      text[size++] = static_cast<char>(b >= 'A' && b <= 'Z' ? b | 0x20 : b);
    }
  });
  label_bytes_max = static_cast<std::uint8_t>(longest);
  return DomainName::of({text.data(), size});
}

void write_text(JsonWriter& writer, std::string_view text) noexcept {
  const bool plain = std::all_of(text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < 0x80; });
  if (plain || is_utf8(text)) return writer.string(text);
  std::array<char, escaped_bytes_max> escaped;
  std::size_t size = 0;
  for (const char c : text) {
    const auto b = static_cast<unsigned char>(c);
    if (size + 4 > escaped.size()) break;
    if (b < 0x80) {
      escaped[size++] = c;
      continue;
    }
    escaped[size++] = '\\', escaped[size++] = 'x';
    escaped[size++] = hex_digits[b >> 4], escaped[size++] = hex_digits[b & 15];
  }
  writer.string({escaped.data(), size});
}

}  // namespace tsujiban::dns
