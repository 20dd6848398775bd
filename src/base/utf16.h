#pragma once
#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "base/bytes.h"

namespace tsujiban {

// UTF-16 in little-endian order as UTF-8 (RFC 2781, RFC 3629) into a buffer of the caller's. An unpaired surrogate and
// half a unit at the end become U+FFFD; what does not fit whole is cut. Stops at a null character where `until_null`.
// Returns the bytes written.
inline std::size_t utf16le_to_utf8(Bytes text, char* to, std::size_t capacity, bool until_null = false) noexcept {
  std::size_t size = 0;
  const auto put = [&](std::uint32_t code) {
    const std::size_t length = code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
    if (capacity - size < length) return false;
    if (length == 1) {
      to[size++] = static_cast<char>(code);
      return true;
    }
    static constexpr std::uint8_t leads[] = {0, 0, 0xC0, 0xE0, 0xF0};
    to[size++] = static_cast<char>(leads[length] | code >> 6 * (length - 1));
    for (std::size_t i = length - 1; i-- > 0;) to[size++] = static_cast<char>(0x80 | (code >> 6 * i & 0x3F));
    return true;
  };
  constexpr std::uint32_t replacement = 0xFFFD;
  std::size_t at = 0;
  while (at < text.size()) {
    if (text.size() - at < 2) {
      put(replacement);
      break;
    }
    std::uint32_t code = load_le16(text, at);
    at += 2;
    if (code == 0 && until_null) break;
    if (code >= 0xD800 && code < 0xE000) {
      const std::uint32_t low = code < 0xDC00 && text.size() - at >= 2 ? load_le16(text, at) : 0;
      if (low >= 0xDC00 && low < 0xE000) {
        code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00);
        at += 2;
      } else {
        code = replacement;
      }
    }
    if (!put(code)) break;
  }
  return size;
}

}  // namespace tsujiban
