// What the site asks of its detectors, interfaces and writers, and what it keeps to itself.
#include <algorithm>
#include <array>

#include "config/detectors_present.h"
#include "config/sections.h"
#include "config/text_file.h"

namespace tsujiban::config {
namespace {

constexpr std::size_t key_bytes_min = 16, key_bytes_max = 64;

// "repeat=10m" out of the catalogue's column of defaults.
Duration repeat_of(const DetectorInfo& info) {
  Duration repeat = Duration::seconds(60);
  const std::size_t at = info.defaults.find("repeat=");
  if (at != std::string_view::npos) {
    const std::string_view text = info.defaults.substr(at + 7);
    Duration read;
    if (read_duration(text.substr(0, text.find(' ')), read).empty()) repeat = read;
  }
  return repeat;
}

std::string read_time_above_zero(std::string_view text, Duration& out) {
  Duration read;
  std::string message = read_duration(text, read);
  if (message.empty() && read.ns == 0) message = in_quotes(text) + " cannot be; 1s and more is accepted";
  if (message.empty()) out = read;
  return message;
}

std::string read_tunable(std::string_view text, Tunable& tunable) {
  static constexpr std::uint64_t count_max = 1'000'000'000, bytes_max = std::uint64_t{1} << 40;
  Duration time;
  std::uint64_t number = 0;
  std::string message;
  switch (tunable.kind) {
    case Tunable::Kind::duration:
      message = read_time_above_zero(text, time);
      if (message.empty()) tunable.value = static_cast<double>(time.ns) / 1e9;
      return message;
    case Tunable::Kind::share:
      return read_share(text, tunable.value);
    case Tunable::Kind::rate:
      return read_rate(text, tunable.value, tunable.per_s);
    case Tunable::Kind::number:
      break;
  }
  if (tunable.key == "kw") {
    double kilowatts = 0;
    message = read_power(text, true, kilowatts);
    if (message.empty() && kilowatts <= 0) message = in_quotes(text) + " cannot be; more than 0 kW is accepted";
    if (message.empty()) tunable.value = kilowatts;
    return message;
  }
  if (tunable.key == "factor" || tunable.key == "sigma") return read_factor(text, tunable.value);
  if (tunable.key == "bytes") {
    message = read_size(text, number);
    if (message.empty() && (number == 0 || number > bytes_max)) message = in_quotes(text) + " cannot be";
  } else {
    message = read_count(text, 1, count_max, number);
  }
  if (message.empty()) tunable.value = static_cast<double>(number);
  return message;
}

// Whether the guideline (3.6.1 to 3.6.6, and the B-route) has this protocol on the interface. policy::
// default_protocols_of says the same of packets; neither has a `default:`, so that who adds a protocol decides in both.
bool is_of_guideline(ErabInterface interface, AppProtocol protocol) noexcept {
  switch (protocol) {
    case AppProtocol::echonet_lite:
      return interface == ErabInterface::R5 || interface == ErabInterface::B;
    case AppProtocol::http:
    case AppProtocol::tls:
      return interface != ErabInterface::A && interface != ErabInterface::B;
    case AppProtocol::mqtt:
      return interface == ErabInterface::R5 || interface == ErabInterface::R6 || interface == ErabInterface::VENDOR;
    case AppProtocol::modbus:
      return interface == ErabInterface::R5;
    case AppProtocol::telnet:
    case AppProtocol::ftp:
    case AppProtocol::smb:
    case AppProtocol::rdp:
      return false;
    case AppProtocol::ssh:
    case AppProtocol::snmp:
    case AppProtocol::ntp:
    case AppProtocol::dns:
    case AppProtocol::dhcp:
    case AppProtocol::unknown:
    case AppProtocol::count_:
      break;
  }
  return true;
}

}  // namespace

void set_detector_defaults(Config& config) {
  for (const DetectorInfo& info : detector_catalogue()) {
    config.detectors[static_cast<std::size_t>(info.id)] = {.repeat = repeat_of(info), .enabled = is_present(info.id)};
  }
}

void read_detectors(Building& building, const Value& value) {
  static constexpr std::array<std::string_view, 2> words = {"true", "false"};
  static constexpr std::array<bool, 2> meanings = {true, false};
  std::array<std::string_view, detectors_present.size()> names;
  for (std::size_t i = 0; i < names.size(); ++i) names[i] = info_of(detectors_present[i]).name;
  Context& context = building.context;
  static_assert(names.size() <= MapReader::keys_max);
  MapReader map(context, value, "detectors", names);
  for (std::size_t i = 0; i < names.size(); ++i) {
    const Value at = map.find(names[i]);
    if (!at) continue;
    const DetectorId id = detectors_present[i];
    DetectorSettings& settings = building.config.detectors[static_cast<std::size_t>(id)];
    const bool has_window = id == DetectorId::sensor_capture_stalled;
    std::vector<std::string_view> keys = {"repeat", "enabled"};
    const bool has_urls = id == DetectorId::web_content_change;
    if (has_window) keys.push_back("window");
    if (has_urls) keys.push_back("urls");
    for (const Tunable& tunable : building.config.tunables) {
      if (tunable.detector == id) keys.push_back(tunable.key);
    }
    MapReader settings_map(context, at, "the settings of a detector", keys);
    read_value(context, settings_map.find("repeat"), "repeat", settings.repeat, read_time_above_zero);
    if (has_window) read_value(context, settings_map.find("window"), "window", settings.window, read_time_above_zero);
    if (has_urls) read_watched_urls(building, settings_map.find("urls"));
    read_word<bool>(context, settings_map.find("enabled"), "enabled", words, meanings, settings.enabled);
    for (Tunable& tunable : building.config.tunables) {
      if (tunable.detector == id)
        read_value(context, settings_map.find(tunable.key), tunable.key, tunable, read_tunable);
    }
  }
}

void read_power_steps(Building& building, const Value& value) {
  static constexpr std::array<std::string_view, 3> keys = {"severity_2", "severity_1", "importance_a"};
  Context& context = building.context;
  MapReader map(context, value, "power_steps", keys);
  std::array<double, 3>& steps = building.config.power_steps_kw;
  bool right = static_cast<bool>(map);
  for (std::size_t i = 0; i < keys.size(); ++i) {
    const Value at = map.find(keys[i]);
    if (at && !read_value(context, at, keys[i], steps[i],
                          [](std::string_view text, double& out) { return read_power(text, false, out); }))
      right = false;
  }
  if (right && !(steps[0] > 0 && steps[0] < steps[1] && steps[1] < steps[2])) {
    wrong(context, value, "power_steps",
          "each step is larger than the one before: severity_2, severity_1, importance_a; without a key they are 7MW, "
          "70MW, 500MW");
  }
}

void read_control_defaults(Building& building, const Value& value) {
  static constexpr std::array<std::string_view, 2> words = {"roles", "none"};
  static constexpr std::array<bool, 2> meanings = {true, false};
  read_word<bool>(building.context, value, "control_defaults", words, meanings, building.config.control_defaults);
}

Requirements default_requirements_of(ErabInterface interface) noexcept {
  constexpr std::uint16_t tls_1_2 = 0x0303;
  switch (interface) {
    case ErabInterface::R1:
    case ErabInterface::R2:
    case ErabInterface::R3:
    case ErabInterface::R4:
    case ErabInterface::R6:
    case ErabInterface::VENDOR:
      return {true, true, tls_1_2};
    default:
      return {false, false, tls_1_2};
  }
}

Requirements Config::requirements_of(ErabInterface interface) const noexcept {
  Requirements all = default_requirements_of(interface);
  const InterfaceRules& rules = erab[static_cast<std::size_t>(interface)];
  if (rules.has_requirements) all.encryption = rules.encryption, all.mutual_auth = rules.mutual_auth;
  if (rules.tls_min != 0) all.tls_min = rules.tls_min;
  return all;
}

namespace {

void read_requirements(Context& context, const Value& value, InterfaceRules& rules) {
  rules.has_requirements = static_cast<bool>(value);
  bool none = false;
  read_one_or_list(context, value, "require", [&](const Value& item, std::string_view text) {
    if (text == "encryption" && !none) {
      rules.encryption = true;
    } else if (text == "mutual-auth" && !none) {
      rules.mutual_auth = true;
    } else if (text == "none" && !rules.encryption && !rules.mutual_auth) {
      none = true;
    } else {
      wrong(context, item, "require",
            in_quotes(text) + " cannot be here; accepted: encryption, mutual-auth, or none alone");
    }
  });
}

void read_tls_min(Context& context, const Value& value, std::uint16_t& tls_min) {
  static constexpr std::array<std::string_view, 4> words = {"1.0", "1.1", "1.2", "1.3"};
  static constexpr std::array<std::uint16_t, 4> meanings = {0x0301, 0x0302, 0x0303, 0x0304};
  read_word<std::uint16_t>(context, value, "tls_min", words, meanings, tls_min);
}

}  // namespace

void read_erab(Building& building, const Value& value) {
  static constexpr std::array<std::string_view, 4> keys = {"protocols", "require", "tls_min", "reason"};
  Context& context = building.context;
  std::array<std::string_view, erab_interface_count - 1> names;
  for (std::size_t i = 0; i < names.size(); ++i) names[i] = name_of(static_cast<ErabInterface>(i + 1));
  MapReader map(context, value, "erab", names);
  for (std::size_t i = 0; i < names.size(); ++i) {
    const Value at = map.find(names[i]);
    if (!at) continue;
    MapReader rules_map(context, at, "the rules of an interface", keys);
    if (!rules_map) continue;
    const auto interface = static_cast<ErabInterface>(i + 1);
    InterfaceRules& rules = building.config.erab[i + 1];
    rules.place = context.faults.place_of(at.position());
    const Value require = rules_map.find("require"), tls_min = rules_map.find("tls_min");
    const Value protocols = require || tls_min ? rules_map.find("protocols") : rules_map.need("protocols");
    rules.has_protocols = static_cast<bool>(protocols);
    if (protocols) read_protocols(context, protocols, rules.protocols);
    if (require) read_requirements(context, require, rules);
    if (tls_min) read_tls_min(context, tls_min, rules.tls_min);
    const Value reason_value = rules_map.find("reason");
    std::string_view reason;
    read_reason(context, reason_value, reason);
    rules.reason = reason;
    if (reason_value) continue;
    const Requirements guideline = default_requirements_of(interface);
    if (rules.has_requirements &&
        ((guideline.encryption && !rules.encryption) || (guideline.mutual_auth && !rules.mutual_auth)))
      wrong(context, require, "require",
            "the guideline asks for encryption and mutual-auth on " + std::string(names[i]) +
                "; a looser rule needs the key \"reason\" beside it");
    if (rules.tls_min != 0 && rules.tls_min < guideline.tls_min)
      wrong(context, tls_min, "tls_min",
            "below TLS 1.2, which RFC 8996 leaves; a looser rule needs the key \"reason\" beside it");
    for (const AppProtocol protocol : rules.protocols) {
      if (is_of_guideline(interface, protocol)) continue;
      wrong(context, protocols, "protocols",
            std::string(name_of(protocol)) + " is not what the guideline has on " + std::string(names[i]) +
                "; a looser rule needs the key \"reason\" beside it");
    }
  }
}

void read_privacy(Building& building, const Value& value) {
  static constexpr std::array<std::string_view, 2> keys = {"mask", "key_file"};
  static constexpr std::array<std::string_view, 2> words = {"true", "false"};
  static constexpr std::array<bool, 2> meanings = {true, false};
  Context& context = building.context;
  Privacy& privacy = building.config.privacy;
  MapReader map(context, value, "privacy", keys);
  read_word<bool>(context, map.find("mask"), "mask", words, meanings, privacy.mask);
  const Value key_file = map.find("key_file");
  std::string_view text;
  if (!key_file || !read_text(context, key_file, "key_file", text)) return;
  if (!building.files_allowed) return wrong(context, key_file, "key_file", "a text in memory cannot name files");
  if (text.empty()) return wrong(context, key_file, "key_file", "an empty name");
  const std::string path = path_beside(building, key_file, text);
  std::string key;
  std::string message = read_secret_file(path, key_bytes_max + 2, key);
  if (message.empty()) {
    if (key.ends_with('\n')) key.pop_back();
    if (key.ends_with('\r')) key.pop_back();
    if (key.size() < key_bytes_min || key.size() > key_bytes_max)
      message = "the key has " + std::to_string(key.size()) + " bytes; 16 to 64 are accepted";
  }
  if (!message.empty()) return wrong(context, key_file, "key_file", in_quotes(path) + ": " + message);
  privacy.key.assign(key.begin(), key.end());
}

}  // namespace tsujiban::config
