#pragma once
#include <algorithm>
#include <array>
#include <cstring>
#include <string_view>

namespace tsujiban::tls {

// Text of at most N bytes in place; what does not fit is cut, and `cut` says so.
template <std::size_t N>
class FixedText {
 public:
  void clear() noexcept { size_ = 0, cut_ = false; }
  void put(std::string_view text) noexcept {
    const std::size_t length = std::min(text.size(), N - size_);
    if (length > 0) std::memcpy(text_.data() + size_, text.data(), length);
    size_ = static_cast<std::uint16_t>(size_ + length);
    cut_ = cut_ || length < text.size();
  }
  void put(char c) noexcept { put(std::string_view{&c, 1}); }
  void put_number(std::uint64_t value) noexcept {
    char digits[20];
    std::size_t at = sizeof digits;
    do digits[--at] = static_cast<char>('0' + value % 10);
    while ((value /= 10) != 0);
    put({digits + at, sizeof digits - at});
  }
  std::string_view view() const noexcept { return {text_.data(), size_}; }
  bool empty() const noexcept { return size_ == 0; }
  bool cut() const noexcept { return cut_; }

 private:
  static_assert(N < 65536);
  std::array<char, N> text_{};
  std::uint16_t size_ = 0;
  bool cut_ = false;
};

}  // namespace tsujiban::tls
