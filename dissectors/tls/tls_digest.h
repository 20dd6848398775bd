#pragma once
#include <array>

#include "base/bytes.h"

namespace tsujiban::tls {

using Md5 = std::array<std::uint8_t, 16>;
using Sha1 = std::array<std::uint8_t, 20>;
using Sha256 = std::array<std::uint8_t, 32>;

// Digests on the packet path: no allocation, no state, any thread.
Md5 md5(Bytes input) noexcept;
Sha1 sha1(Bytes input) noexcept;
Sha256 sha256(Bytes input) noexcept;

}  // namespace tsujiban::tls
