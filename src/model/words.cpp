#include "model/words.h"

#include <array>

namespace tsujiban {
namespace {

template <class Enum, std::size_t N>
bool find_name(const std::array<std::string_view, N>& names, std::string_view text, Enum& value) noexcept {
  for (std::size_t i = 0; i < N; ++i) {
    if (names[i] == text) {
      value = static_cast<Enum>(i);
      return true;
    }
  }
  return false;
}

// `operator` is a keyword in C++, so the enumerator has an underscore that the outside never sees.
constexpr std::string_view without_underscore_end(std::string_view name) noexcept {
  return name.ends_with('_') ? name.substr(0, name.size() - 1) : name;
}

constexpr std::array<std::string_view, role_count> role_names = {"unknown",
#define TSUJIBAN_ROW(key, en, ja) without_underscore_end(#key),
                                                                 TSUJIBAN_ROLES(TSUJIBAN_ROW)
#undef TSUJIBAN_ROW
};
constexpr std::array<std::string_view, role_count> role_japanese = {"不明",
#define TSUJIBAN_ROW(key, en, ja) ja,
                                                                    TSUJIBAN_ROLES(TSUJIBAN_ROW)
#undef TSUJIBAN_ROW
};
constexpr std::array<std::string_view, erab_interface_count> interface_names = {"none", "R1", "R2",     "R3", "R4",
                                                                                "R5",   "R6", "VENDOR", "A",  "B"};
constexpr std::array<std::string_view, event_type_count> event_names = {
    "alert", "flow", "echonet_lite", "http", "tls",  "dns", "mqtt", "modbus",  "dhcp",
    "ssh",   "ftp",  "smb",          "rdp",  "snmp", "ntp", "arp",  "anomaly", "stats"};
constexpr std::array<std::string_view, app_protocol_count> protocol_names = {
    "unknown", "echonet_lite", "dns",    "dhcp", "http", "tls",  "mqtt", "modbus",
    "ssh",     "ftp",          "telnet", "smb",  "rdp",  "snmp", "ntp"};

}  // namespace

std::string_view name_of(Role role) noexcept { return role_names[static_cast<std::size_t>(role)]; }
std::string_view japanese_of(Role role) noexcept { return role_japanese[static_cast<std::size_t>(role)]; }
bool parse_role(std::string_view text, Role& role) noexcept {
  return find_name(role_names, text, role) && role != Role::unknown;
}
std::string_view name_of(ErabInterface interface) noexcept {
  return interface_names[static_cast<std::size_t>(interface)];
}
bool parse_erab_interface(std::string_view text, ErabInterface& interface) noexcept {
  return find_name(interface_names, text, interface) && interface != ErabInterface::none;
}
std::string_view name_of(EventType type) noexcept { return event_names[static_cast<std::size_t>(type)]; }
bool parse_event_type(std::string_view text, EventType& type) noexcept { return find_name(event_names, text, type); }
std::string_view name_of(AppProtocol protocol) noexcept { return protocol_names[static_cast<std::size_t>(protocol)]; }
bool parse_app_protocol(std::string_view text, AppProtocol& protocol) noexcept {
  return find_name(protocol_names, text, protocol) && protocol != AppProtocol::unknown;
}

}  // namespace tsujiban
