#pragma once

namespace tsujiban {

// Fetches a line into the cache for reading and writing soon. The empty statement keeps GCC 12 from dropping calls of
// functions that do nothing else, which it takes for functions without an effect.
[[gnu::always_inline]] inline void prefetch(const void* at) noexcept {
  __builtin_prefetch(at, 1);
  asm volatile("");
}

// The same for reading only. Any address will do: what is not mapped is not fetched.
[[gnu::always_inline]] inline void prefetch_read(const void* at) noexcept {
  __builtin_prefetch(at);
  asm volatile("");
}

}  // namespace tsujiban
