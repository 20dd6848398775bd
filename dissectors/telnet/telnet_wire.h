#pragma once
#include <cstdint>

#include "base/bytes.h"

namespace tsujiban::telnet {

inline constexpr std::uint16_t port_telnet = 23;
inline constexpr std::uint32_t subnegotiation_bytes_max = 4096;

// Commands behind IAC (RFC 854; 236 to 239 of RFC 1184 and RFC 885).
namespace command {
inline constexpr std::uint8_t first = 236, se = 240, sb = 250, will = 251, wont = 252, do_ = 253, dont = 254, iac = 255;
}
// Options behind which nothing is in the clear: encryption (RFC 2946) and TLS (draft-altman-telnet-starttls).
namespace option {
inline constexpr std::uint8_t last_assigned = 49, encrypt = 38, start_tls = 46, pragma_first = 138, pragma_last = 140,
                              extended = 255;
inline constexpr std::uint8_t encrypt_start = 3, tls_follows = 1;
}  // namespace option
// IANA's registry of Telnet options.
constexpr bool is_assigned(std::uint8_t number) noexcept {
  return number <= option::last_assigned || (number >= option::pragma_first && number <= option::pragma_last) ||
         number == option::extended;
}

}  // namespace tsujiban::telnet
