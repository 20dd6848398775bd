#include "base/json_writer.h"

#include <array>
#include <bit>
#include <cmath>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace tsujiban {
namespace {

constexpr char hex_digits[] = "0123456789abcdef";

// The length of the UTF-8 sequence that begins at `at` (RFC 3629: no overlong forms, no surrogates, at most U+10FFFF),
// or 0.
std::size_t utf8_length(const unsigned char* at, std::size_t left) noexcept {
  const unsigned char c = at[0];
  auto tail = [&](std::size_t i) { return (at[i] & 0xC0) == 0x80; };
  if (c < 0x80) return 1;
  if (c >= 0xC2 && c <= 0xDF) return left >= 2 && tail(1) ? 2 : 0;
  if (c >= 0xE0 && c <= 0xEF) {
    if (left < 3 || !tail(1) || !tail(2)) return 0;
    if (c == 0xE0 && at[1] < 0xA0) return 0;
    if (c == 0xED && at[1] > 0x9F) return 0;
    return 3;
  }
  if (c >= 0xF0 && c <= 0xF4) {
    if (left < 4 || !tail(1) || !tail(2) || !tail(3)) return 0;
    if (c == 0xF0 && at[1] < 0x90) return 0;
    if (c == 0xF4 && at[1] > 0x8F) return 0;
    return 4;
  }
  return 0;
}

bool is_plain(unsigned char c) noexcept { return c >= 0x20 && c < 0x7F && c != '"' && c != '\\'; }

// How many bytes from `at` on stand for themselves: ASCII that JSON needs no escape for. Sixteen at a time, then eight.
std::size_t plain_bytes(const unsigned char* at, std::size_t size) noexcept {
  std::size_t i = 0;
#if defined(__SSE2__)
  for (; size - i >= 16; i += 16) {
    const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(at + i));
    // As signed numbers those above 0x7F are below the space, too.
    const __m128i low = _mm_cmplt_epi8(bytes, _mm_set1_epi8(0x20)), high = _mm_cmpeq_epi8(bytes, _mm_set1_epi8(0x7F));
    const __m128i quote = _mm_cmpeq_epi8(bytes, _mm_set1_epi8('"')), back = _mm_cmpeq_epi8(bytes, _mm_set1_epi8('\\'));
    const int found = _mm_movemask_epi8(_mm_or_si128(_mm_or_si128(low, high), _mm_or_si128(quote, back)));
    if (found != 0) return i + static_cast<std::size_t>(std::countr_zero(static_cast<unsigned>(found)));
  }
#endif
  if (size - i >= 8) {
    // Bit 7 of each byte that is one of these, or of one that stands behind such a one.
    constexpr std::uint64_t ones = 0x0101010101010101, highs = 0x8080808080808080;
    std::uint64_t bytes;
    std::memcpy(&bytes, at + i, sizeof bytes);
    const auto zeros = [](std::uint64_t x) { return (x - ones) & ~x; };
    const std::uint64_t found =
        ((bytes - ones * 0x20) | (bytes + ones) | bytes | zeros(bytes ^ ones * '"') | zeros(bytes ^ ones * '\\')) &
        highs;
    if (found == 0) i += 8;
  }
  while (i < size && is_plain(at[i])) ++i;
  return i;
}

}  // namespace

void JsonWriter::string(std::string_view text) noexcept {
  separate();
  put('"');
  const auto* at = reinterpret_cast<const unsigned char*>(text.data());
  std::size_t i = 0, plain = 0;
  const std::size_t size = text.size();
  auto flush = [&](std::size_t until) { raw(text.substr(plain, until - plain)); };
  while (true) {
    i += plain_bytes(at + i, size - i);
    if (i == size) break;
    const unsigned char c = at[i];
    if (c >= 0x80) {
      const std::size_t length = utf8_length(at + i, size - i);
      if (length != 0) {
        i += length;
        continue;
      }
      flush(i);
      raw("\\ufffd");
    } else {
      flush(i);
      switch (c) {
        case '"':
          raw("\\\"");
          break;
        case '\\':
          raw("\\\\");
          break;
        case '\n':
          raw("\\n");
          break;
        case '\r':
          raw("\\r");
          break;
        case '\t':
          raw("\\t");
          break;
        default: {
          const char escape[] = {'\\', 'u', '0', '0', hex_digits[c >> 4], hex_digits[c & 15]};
          raw({escape, sizeof escape});
        }
      }
    }
    plain = ++i;
  }
  flush(size);
  put('"');
}

void JsonWriter::hex_string(Bytes bytes) noexcept {
  separate();
  if (remaining() < bytes.size() * 2 + 2) {
    overflowed_ = true;
    return;
  }
  *at_++ = '"';
  for (const std::uint8_t b : bytes) {
    *at_++ = hex_digits[b >> 4];
    *at_++ = hex_digits[b & 15];
  }
  *at_++ = '"';
}

void JsonWriter::number(double value) noexcept {
  if (!std::isfinite(value)) return null();
  separate();
  char text[32];
  const auto done = std::to_chars(text, text + sizeof text, value);
  raw({text, static_cast<std::size_t>(done.ptr - text)});
}

}  // namespace tsujiban
