#pragma once
#include <initializer_list>
#include <string_view>

#include "drill/services.h"
#include "drill/world.h"

namespace tsujiban::drill {

// One row a scenario: what it is called and how it is laid into the benign day.
struct Scenario {
  ScenarioInfo info;
  void (*lay)(World& world);
};
std::span<const Scenario> control_scenarios() noexcept;  // attacks_control.cpp
std::span<const Scenario> echonet_scenarios() noexcept;  // attacks_echonet.cpp
std::span<const Scenario> login_scenarios() noexcept;    // attacks_logins.cpp
std::span<const Scenario> network_scenarios() noexcept;  // attacks_network.cpp
std::span<const Scenario> session_scenarios() noexcept;  // attacks_sessions.cpp
std::span<const Scenario> name_scenarios() noexcept;     // attacks_names.cpp
std::span<const Scenario> server_scenarios() noexcept;   // attacks_servers.cpp
std::span<const Scenario> malware_scenarios() noexcept;  // attacks_malware.cpp
std::span<const Scenario> office_scenarios() noexcept;   // attacks_office.cpp
std::span<const Scenario> sensor_scenarios() noexcept;   // attacks_sensor.cpp

using Names = std::initializer_list<std::string_view>;

// When an attack begins: a seed's choice between noon and 15:00 of one of the days, when no dispatch is on; in a
// capture of less than a day, between a fifth and three fifths of it.
PacketTime attack_time(World& world);
// A seed's choice among the homes that have all these.
Home& pick_home(World& world, std::initializer_list<Kind> kinds = {}, bool ipv6 = false);
// Label of an attack on one home, or on several where `home` is null.
std::uint32_t attack_label(World& world, std::string_view scenario, const Home* home, Names expect,
                           std::string_view source, std::string_view target, std::string_view note, Names must_not = {},
                           Names expect_later = {});
// A host that is put into the home's network: 192.168.1.<host> with the MAC of a small computer. Several scenarios in
// one home have the same one.
inline constexpr std::uint8_t intruder_host = 66;
Speaker intruder(World& world, Home& home, std::uint8_t host = intruder_host);
// A host outside, whose packets come through the home's router.
Speaker outsider(World& world, Home& home, Ip4 address);
std::string asset_name(const Home& home, Kind kind);

inline constexpr Ip4 foreign_address = ip4(198, 51, 100, 23), foreign_address_2 = ip4(198, 51, 100, 77);

}  // namespace tsujiban::drill
