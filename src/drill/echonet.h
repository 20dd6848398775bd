#pragma once
#include <cstdint>
#include <initializer_list>
#include <vector>

#include "base/bytes.h"
#include "drill/frames.h"

namespace tsujiban::drill {

inline constexpr std::uint16_t echonet_port = 3610;
inline constexpr std::uint32_t node_profile = 0x0ef001;
// Services (ECHONET Lite specification, part 2, 3.2.5).
inline constexpr std::uint8_t set_i = 0x60, set_c = 0x61, get = 0x62, inf_req = 0x63, set_get = 0x6e, set_res = 0x71,
                              get_res = 0x72, inf = 0x73, inf_c = 0x74, set_get_res = 0x7e, set_i_refused = 0x50,
                              set_refused = 0x51, get_refused = 0x52, set_get_refused = 0x5e;

// One property of a message: code and value; without a value in what asks.
struct Property {
  std::uint8_t code = 0;
  std::vector<std::uint8_t> value;
};
using Properties = std::vector<Property>;

inline Properties ask_for(std::initializer_list<std::uint8_t> codes) {
  Properties properties;
  for (const std::uint8_t code : codes) properties.push_back({code, {}});
  return properties;
}

inline void put_properties(std::vector<std::uint8_t>& to, const Properties& properties) {
  put8(to, static_cast<unsigned>(properties.size()));
  for (const Property& property : properties) {
    put8(to, property.code);
    put8(to, static_cast<unsigned>(property.value.size()));
    put(to, property.value);
  }
}

// A message of format 1. `second`, where not null, is the list of what SetGet reads.
inline std::vector<std::uint8_t> message(std::uint16_t transaction, std::uint32_t source, std::uint32_t destination,
                                         std::uint8_t service, const Properties& properties,
                                         const Properties* second = nullptr) {
  std::vector<std::uint8_t> bytes;
  bytes.reserve(64);
  put16(bytes, 0x1081);
  put16(bytes, transaction);
  put24(bytes, source);
  put24(bytes, destination);
  put8(bytes, service);
  put_properties(bytes, properties);
  if (second != nullptr) put_properties(bytes, *second);
  return bytes;
}

// A property map (appendix of the specification): a list below 16 properties, else 16 bytes of bits.
inline std::vector<std::uint8_t> property_map(const std::vector<std::uint8_t>& codes) {
  std::vector<std::uint8_t> map = {static_cast<std::uint8_t>(codes.size())};
  if (codes.size() < 16) {
    put(map, codes);
    return map;
  }
  map.resize(17);
  for (const std::uint8_t code : codes)
    map[1u + (code & 0xf)] = static_cast<std::uint8_t>(map[1u + (code & 0xf)] | 1u << ((code >> 4) - 8));
  return map;
}

}  // namespace tsujiban::drill
