#pragma once
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>

#include "policy/allow_list.h"

namespace tsujiban::policy {

// The allow list of a configuration's text; a fault in it is a fault of the test.
inline std::shared_ptr<const Inventory> inventory_of(std::string_view text) {
  std::vector<config::Fault> faults;
  auto config = config::load_text("site.yaml", text, faults);
  if (config == nullptr) throw std::invalid_argument(config::to_string(faults[0]));
  return std::make_shared<const Inventory>(std::move(config));
}

inline IpAddress ip(std::string_view text) {
  IpAddress address;
  if (!parse_ip(text, address)) throw std::invalid_argument(std::string(text));
  return address;
}

inline SegmentKey vlan(std::uint16_t outer, std::uint16_t inner = 0) {
  SegmentKey key;
  key.push_vlan(outer);
  if (inner != 0) key.push_vlan(inner);
  return key;
}

// Two homes with the same addresses, and the aggregator's centre.
inline const std::string site_text =
    "segments:\n"
    "  - {name: centre, prefix: 10.20.0.0/16, vlan: 20}\n"
    "  - {name: han-12, prefix: [192.168.1.0/24, \"2001:db8:12::/64\"], vlan: [30, 112], erab: R5}\n"
    "  - {name: han-13, prefix: 192.168.1.0/24, vlan: [30, 113], erab: R5}\n"
    "  - {name: fan, prefix: \"2001:db8:a::/48\", erab: A}\n"
    "  - {name: fan-north, prefix: \"2001:db8:a:1::/64\", erab: A}\n"
    "assets:\n"
    "  - {name: aggregator-a, role: aggregator, address: 10.20.0.10, segment: centre, serves: R4}\n"         // 1
    "  - {name: hems-12, role: ems, address: [192.168.1.2, \"fe80::2\"], segment: han-12}\n"                 // 2
    "  - {name: battery-12, role: device, address: [192.168.1.20, \"2001:db8:12::20\"], segment: han-12}\n"  // 3
    "  - {name: router-12, role: router, address: 192.168.1.1, segment: han-12}\n"                           // 4
    "  - {name: hems-13, role: ems, address: 192.168.1.2, segment: han-13}\n"                                // 5
    "  - {name: battery-13, role: device, address: 192.168.1.20, segment: han-13}\n"                         // 6
    "  - {name: meter-1, role: meter, address: \"2001:db8:a:1::1\", segment: fan-north}\n"                   // 7
    "  - {name: coordinator-x, role: coordinator, address: 203.0.113.10}\n";                                 // 8

}  // namespace tsujiban::policy
