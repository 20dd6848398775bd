#pragma once
#include <array>
#include <string_view>

#include "base/bytes.h"

namespace tsujiban::output {

// What stands in a record where readings and identifiers of people's homes stood: with a key a pseudonym, so that equal
// values still correlate for who has no key, and without one a word that says nothing. Immutable; shared by threads.
class Mask {
 public:
  static constexpr std::size_t text_bytes_max = 23;  // "masked:" and 16 hexadecimal digits.
  struct Text {
    std::array<char, text_bytes_max> text;
    std::uint8_t length;
    std::string_view view() const noexcept { return {text.data(), length}; }
  };

  Mask() noexcept = default;  // Masks nothing.
  // `key` is the content of the key file; empty: values are blanked. A key of any length counts whole. Throws
  // std::runtime_error where the cryptographic library does not start.
  Mask(bool on, Bytes key);
  Mask(const Mask&) = default;
  Mask& operator=(const Mask&) = default;
  ~Mask();

  bool on() const noexcept { return on_; }
  bool keyed() const noexcept { return keyed_; }
  // What stands for `plain`; the same for the same bytes and key. "masked" without a key. Allocates nothing.
  Text of(Bytes plain) const noexcept;

 private:
  bool on_ = false, keyed_ = false;
  std::array<std::uint8_t, 32> key_{};
};

}  // namespace tsujiban::output
