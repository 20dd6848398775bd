#pragma once
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

#include "model/address.h"

namespace tsujiban::policy {

// Appends up to its end and then nothing; a UTF-8 sequence is not cut in two.
class Line {
 public:
  Line(char* to, std::size_t max) noexcept : to_(to), max_(max - 1) {}
  Line& operator<<(std::string_view text) noexcept {
    if (full_) return *this;
    std::size_t n = text.size();
    if (n > max_ - size_) {
      n = max_ - size_;
      full_ = true;
      while (n > 0 && (static_cast<std::uint8_t>(text[n]) & 0xc0) == 0x80) --n;
    }
    if (n != 0) std::memcpy(to_ + size_, text.data(), n);
    size_ += n;
    return *this;
  }
  Line& operator<<(std::uint32_t number) noexcept {
    char digits[10];
    return *this << std::string_view(digits,
                                     static_cast<std::size_t>(std::to_chars(digits, digits + 10, number).ptr - digits));
  }
  std::size_t end() noexcept {
    to_[size_] = '\0';
    return size_;
  }

 private:
  char* to_;
  std::size_t max_, size_ = 0;
  bool full_ = false;
};

inline void write_address(Line& line, const IpAddress& address, bool bracketed) noexcept {
  char text[ip_text_max];
  const std::string_view written(text, write_ip(address, text));
  if (bracketed && !address.is_v4()) {
    line << "[" << written << "]";
  } else {
    line << written;
  }
}

}  // namespace tsujiban::policy
