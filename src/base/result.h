#pragma once
#include <utility>

#include "base/parse_error.h"

namespace tsujiban {

// A parsed value or the rule that the bytes broke. Never throws; a result that nobody looks at does not compile.
template <class T>
class [[nodiscard]] Result {
 public:
  constexpr Result(T value) noexcept : value_(std::move(value)) {}          // NOLINT: implicit on purpose
  constexpr Result(ParseError error) noexcept : value_{}, error_(error) {}  // NOLINT
  constexpr explicit operator bool() const noexcept { return error_ == ParseError::none; }
  constexpr ParseError error() const noexcept { return error_; }
  constexpr const T& operator*() const noexcept { return value_; }
  constexpr const T* operator->() const noexcept { return &value_; }

 private:
  T value_;
  ParseError error_ = ParseError::none;
};

}  // namespace tsujiban
