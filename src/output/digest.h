#pragma once
#include <cstdint>

#include "base/bytes.h"

namespace tsujiban::output {

inline constexpr std::size_t sha1_size = 20;  // FIPS 180-4.
inline constexpr std::size_t sha256_size = 32;

// Digests of short input on the packet path: no allocation, no state, any thread.
void sha1(Bytes input, std::uint8_t (&digest)[sha1_size]) noexcept;
void sha256(Bytes input, std::uint8_t (&digest)[sha256_size]) noexcept;

}  // namespace tsujiban::output
