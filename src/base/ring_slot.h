#pragma once
#include <cstddef>
#include <cstdint>

namespace tsujiban {

// Where step `number` of a ring of `count` lies. Times before 1970 have negative numbers, and so do, near its
// beginning, the steps of a window that ends there.
constexpr std::size_t ring_slot(std::int64_t number, std::int64_t count) noexcept {
  const std::int64_t rest = number % count;
  return static_cast<std::size_t>(rest < 0 ? rest + count : rest);
}

}  // namespace tsujiban
