#pragma once
#include <cstring>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "base/bytes.h"

namespace tsujiban {

// What is kept over a restart, as bytes: little-endian, no padding, the same on every machine. Used at start and stop
// and every few minutes, never on the packet path, so it may allocate.
class StateWriter {
 public:
  template <class T>
  requires(std::is_integral_v<T> || std::is_enum_v<T>) void put(T value) {
    auto bits = static_cast<std::uint64_t>(value);
    for (std::size_t i = 0; i < sizeof(T); ++i, bits >>= 8) bytes_.push_back(static_cast<std::uint8_t>(bits));
  }
  void put(double value) {
    std::uint64_t bits;
    std::memcpy(&bits, &value, sizeof bits);
    put(bits);
  }
  void put_text(std::string_view text) {
    put(static_cast<std::uint32_t>(text.size()));
    bytes_.insert(bytes_.end(), text.begin(), text.end());
  }
  const std::vector<std::uint8_t>& bytes() const noexcept { return bytes_; }

 private:
  std::vector<std::uint8_t> bytes_;
};

// Reads what a StateWriter wrote. Past the end everything is 0 and `failed` stays true: readers check it once, at their
// end, and bound every count by `left`.
class StateReader {
 public:
  explicit StateReader(Bytes bytes) noexcept : bytes_(bytes) {}
  template <class T>
  requires(std::is_integral_v<T> || std::is_enum_v<T>) T get()
  noexcept {
    if (bytes_.size() < sizeof(T)) {
      fail();
      return T{};
    }
    std::uint64_t bits = 0;
    for (std::size_t i = 0; i < sizeof(T); ++i) bits |= std::uint64_t{bytes_[i]} << (8 * i);
    bytes_ = bytes_.subspan(sizeof(T));
    return static_cast<T>(bits);
  }
  double get_double() noexcept {
    const auto bits = get<std::uint64_t>();
    double value;
    std::memcpy(&value, &bits, sizeof value);
    return value;
  }
  std::string get_text(std::size_t size_max) {
    const auto size = get<std::uint32_t>();
    if (failed_ || size > size_max || size > bytes_.size()) {
      fail();
      return {};
    }
    std::string text(reinterpret_cast<const char*>(bytes_.data()), size);
    bytes_ = bytes_.subspan(size);
    return text;
  }
  std::size_t left() const noexcept { return bytes_.size(); }
  bool failed() const noexcept { return failed_; }
  void fail() noexcept {
    failed_ = true;
    bytes_ = {};
  }

 private:
  Bytes bytes_;
  bool failed_ = false;
};

}  // namespace tsujiban
