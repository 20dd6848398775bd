#include "base/json_writer.h"

#include <array>
#include <cmath>

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

}  // namespace

void JsonWriter::string(std::string_view text) noexcept {
  separate();
  put('"');
  const auto* at = reinterpret_cast<const unsigned char*>(text.data());
  std::size_t i = 0, plain = 0;
  const std::size_t size = text.size();
  auto flush = [&](std::size_t until) { raw(text.substr(plain, until - plain)); };
  while (i < size) {
    const unsigned char c = at[i];
    if (c >= 0x20 && c < 0x7F && c != '"' && c != '\\') {
      ++i;
      continue;
    }
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
