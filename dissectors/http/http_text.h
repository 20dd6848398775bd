#pragma once
#include <array>
#include <cstring>
#include <string_view>

#include "base/bytes.h"

// Characters of RFC 9110 and how texts compare.
namespace tsujiban::http {

inline constexpr std::array<bool, 256> token_table = [] {
  std::array<bool, 256> table{};
  for (unsigned c = '0'; c <= '9'; ++c) table[c] = true;
  for (unsigned c = 'A'; c <= 'Z'; ++c) table[c] = table[c + 32] = true;
  for (const char c : {'!', '#', '$', '%', '&', '\'', '*', '+', '-', '.', '^', '_', '`', '|', '~'})
    table[static_cast<unsigned char>(c)] = true;
  return table;
}();
inline bool is_token(char c) noexcept { return token_table[static_cast<unsigned char>(c)]; }
inline bool is_token(std::string_view text) noexcept {
  for (const char c : text) {
    if (!is_token(c)) return false;
  }
  return !text.empty();
}
inline bool is_digit(char c) noexcept { return c >= '0' && c <= '9'; }
inline char lower(char c) noexcept { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; }
inline bool is_blank(char c) noexcept { return c == ' ' || c == '\t'; }
inline std::string_view text_of(Bytes bytes) noexcept {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

// Without spaces and tabs around it.
inline std::string_view trimmed(std::string_view text) noexcept {
  while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_blank(text.back())) text.remove_suffix(1);
  return text;
}

inline bool equals_ignoring_case(std::string_view text, std::string_view lower_case) noexcept {
  if (text.size() != lower_case.size()) return false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (lower(text[i]) != lower_case[i]) return false;
  }
  return true;
}
inline bool begins_ignoring_case(std::string_view text, std::string_view lower_case) noexcept {
  return text.size() >= lower_case.size() && equals_ignoring_case(text.substr(0, lower_case.size()), lower_case);
}

// Whether a token of as many characters is this one in any case. `known` is of small letters, digits and "-": of all
// characters of tokens only the great letters become one of those with the bit 0x20, so words of eight can be compared.
template <std::size_t Size>
bool is_name(const char* token, const char (&known)[Size]) noexcept {
  constexpr std::size_t size = Size - 1;
  static_assert(size >= 4);
  const auto same = [&]<class Word>(std::size_t at, Word every) {
    Word a, b;
    std::memcpy(&a, token + at, sizeof a);
    std::memcpy(&b, known + at, sizeof b);
    return (a | every) == b;
  };
  constexpr std::uint64_t eight = 0x2020202020202020;
  constexpr std::uint32_t four = 0x20202020;
  if constexpr (size < 8) return same(0, four) && same(size - 4, four);
  for (std::size_t at = 0; at + 8 <= size; at += 8) {
    if (!same(at, eight)) return false;
  }
  return size % 8 == 0 || same(size - 8, eight);
}

}  // namespace tsujiban::http
