#pragma once
#include <cstdio>

#include "model/address.h"

namespace tsujiban::detect {

// A link address that several routers share on purpose: VRRP and CARP (RFC 9568, 7.3), HSRP 1, 2 and for IPv6, GLBP.
constexpr bool is_shared_router_mac(MacAddress mac) noexcept {
  const std::uint64_t v = mac.value;
  return v >> 8 == 0x00005e0001 || v >> 8 == 0x00005e0002 || v >> 8 == 0x00000c07ac || v >> 12 == 0x00000c9ff ||
         v >> 12 == 0x000573a00 || v >> 16 == 0x0007b400;
}

// As text, without the heap.
struct MacText {
  explicit MacText(MacAddress mac) noexcept {
    const auto v = static_cast<unsigned long long>(mac.value);
    std::snprintf(text, sizeof text, "%02x:%02x:%02x:%02x:%02x:%02x", static_cast<unsigned>(v >> 40 & 255),
                  static_cast<unsigned>(v >> 32 & 255), static_cast<unsigned>(v >> 24 & 255),
                  static_cast<unsigned>(v >> 16 & 255), static_cast<unsigned>(v >> 8 & 255),
                  static_cast<unsigned>(v & 255));
  }
  char text[18];
};

}  // namespace tsujiban::detect
