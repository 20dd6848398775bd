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

namespace {

// Each byte in lower case, as ASCII has it; bytes from 0x80 on stay.
std::uint64_t lower_case(std::uint64_t bytes) noexcept {
  constexpr std::uint64_t ones = 0x0101010101010101, lows = ones * 0x7F;
  // Bit 7 of each byte: at least A, more than Z.
  const std::uint64_t from_a = (bytes & lows) + ones * (0x80 - 'A'), beyond_z = (bytes & lows) + ones * (0x7F - 'Z');
  return bytes | (from_a & ~beyond_z & ~bytes & ones * 0x80) >> 2;
}

// Whether one of the bytes is that. The lowest one that is told is one.
std::uint64_t marks_of(std::uint64_t bytes, std::uint8_t what) noexcept {
  constexpr std::uint64_t ones = 0x0101010101010101;
  const std::uint64_t x = bytes ^ ones * what;
  return (x - ones) & ~x & ones * 0x80;
}

}  // namespace

DomainName domain_name(Bytes message, std::uint32_t at, std::uint8_t& label_bytes_max) noexcept {
  constexpr std::size_t word = 8;
  std::array<char, 2 * name_bytes_max + word> text;
  std::size_t size = 0, longest = 0;
  const std::uint8_t* const end = message.data() + message.size();
  walk_name(message, at, [&](Bytes label) {
    longest = std::max(longest, label.size());
    if (size > 0) text[size++] = '.';
    std::size_t i = 0;
    // Eight at a time, also where the label ends within them: what is behind it is written over.
    while (i < label.size() && end - (label.data() + i) >= static_cast<std::ptrdiff_t>(word)) {
      const auto bytes = load_raw<std::uint64_t>(label.data() + i);
      const std::size_t count = std::min(word, label.size() - i);
      const std::uint64_t within = ~std::uint64_t{0} >> (word - count) * 8;
      if (((marks_of(bytes, '.') | marks_of(bytes, '\\')) & within) != 0) break;
      const std::uint64_t lowered = lower_case(bytes);
      std::memcpy(text.data() + size, &lowered, word);
      size += count;
      i += count;
    }
    for (; i < label.size(); ++i) {
      const std::uint8_t b = label[i];
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
