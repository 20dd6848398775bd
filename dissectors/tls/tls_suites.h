#pragma once
#include <cstdint>
#include <string_view>

namespace tsujiban::tls {

struct Suite {
  std::uint32_t code;  // Two octets; of SSL 2 three, which are never below 0x10000.
  std::string_view name;
};

// Null where the registry has no name for it.
const Suite* find_suite(std::uint32_t code) noexcept;
// Bits of session_weakness.
std::uint16_t weakness_of(const Suite& suite) noexcept;

}  // namespace tsujiban::tls
