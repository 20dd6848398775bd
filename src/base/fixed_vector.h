#pragma once
#include <array>
#include <cstddef>
#include <cstdint>

namespace tsujiban {

// At most N values in place; a push beyond that is refused (false), so that no packet can make it grow.
template <class T, std::size_t N>
class FixedVector {
 public:
  constexpr bool push(const T& value) noexcept {
    if (size_ == N) return false;
    values_[size_++] = value;
    return true;
  }
  constexpr void clear() noexcept { size_ = 0; }
  constexpr std::size_t size() const noexcept { return size_; }
  constexpr bool empty() const noexcept { return size_ == 0; }
  static constexpr std::size_t capacity() noexcept { return N; }
  constexpr T& operator[](std::size_t i) noexcept { return values_[i]; }
  constexpr const T& operator[](std::size_t i) const noexcept { return values_[i]; }
  constexpr const T* begin() const noexcept { return values_.data(); }
  constexpr const T* end() const noexcept { return values_.data() + size_; }

 private:
  std::array<T, N> values_{};
  std::uint32_t size_ = 0;
};

}  // namespace tsujiban
