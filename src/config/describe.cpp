#include <array>
#include <cmath>
#include <cstdio>

#include "base/check.h"
#include "config/config.h"
#include "config/detectors_present.h"
#include "config/indicators.h"

namespace tsujiban::config {

const Tunable& Config::tunable(DetectorId id, std::string_view key) const noexcept {
  for (const Tunable& t : tunables) {
    if (t.detector == id && t.key == key) return t;
  }
  TSUJIBAN_CHECK(false && "a detector asks for a setting that the catalogue does not give it");
  return tunables.front();
}

Place Config::place_of(const FilePlace& place) const {
  return {place.file < files.size() ? files[place.file] : std::string{}, place.line, place.column};
}

bool Config::has_indicators() const noexcept { return indicators != nullptr && !indicators->indicators.empty(); }

namespace {

std::string counted(std::size_t count, const char* one, const char* many) {
  return std::to_string(count) + ' ' + (count == 1 ? one : many);
}

std::string size_text(std::uint64_t bytes) {
  static constexpr std::array<const char*, 5> units = {"bytes", "KiB", "MiB", "GiB", "TiB"};
  std::size_t unit = 0;
  while (unit + 1 < units.size() && bytes >= 1024 && bytes % 1024 == 0) {
    bytes /= 1024;
    ++unit;
  }
  return std::to_string(bytes) + ' ' + units[unit];
}

std::string kilowatts_text(double kilowatts) {
  char text[64];
  std::snprintf(text, sizeof text, "%.10g kW", kilowatts);
  return text;
}

std::string indicators_text(const IndicatorLists& lists) {
  std::string by_kind;
  for (std::size_t i = 0; i < indicator_kind_count; ++i) {
    if (lists.counts[i] == 0) continue;
    by_kind += by_kind.empty() ? ": " : ", ";
    by_kind += std::to_string(lists.counts[i]) + ' ' + std::string(name_of(static_cast<IndicatorKind>(i)));
  }
  std::string text =
      std::to_string(lists.indicators.size()) + " from " + counted(lists.files, "file", "files") + by_kind;
  if (lists.duplicates != 0) text += "; " + counted(lists.duplicates, "duplicate", "duplicates") + " merged";
  if (lists.unused != 0)
    text +=
        "; " + counted(lists.unused, "row", "rows") + " left out: of a type that no packet shows, or not for detection";
  return text;
}

}  // namespace

std::string describe(const Config& config) {
  std::string out;
  const auto line = [&](const char* name, const std::string& text) {
    out += name;
    out.append(out.size() - out.rfind('\n') - 1 < 12 ? 12 - (out.size() - out.rfind('\n') - 1) : 1, ' ');
    out += text + '\n';
  };
  line("site", (config.site_name.empty() ? std::string("(no name)") : config.site_name) + ", importance " +
                   config.importance + ", time zone " + config.timezone);
  line("memory", size_text(config.memory_bytes));
  for (const CaptureEntry& entry : config.captures) {
    line("capture",
         entry.interface + ", " + std::to_string(entry.workers) + (entry.workers == 1 ? " worker" : " workers"));
  }
  line("segments", std::to_string(config.segments.size()));
  std::array<std::size_t, role_count> roles{};
  double capacity_kw = 0;
  for (const Asset& asset : config.assets) {
    ++roles[static_cast<std::size_t>(asset.role)];
    capacity_kw += asset.capacity_kw;
  }
  std::string by_role;
  for (std::size_t i = 1; i < role_count; ++i) {
    if (roles[i] == 0) continue;
    by_role += by_role.empty() ? ": " : ", ";
    by_role += std::to_string(roles[i]) + ' ' + std::string(name_of(static_cast<Role>(i)));
  }
  line("assets", std::to_string(config.assets.size()) + by_role);
  if (capacity_kw > 0) line("capacity", kilowatts_text(capacity_kw));
  line("allow", counted(config.allow.size(), "entry", "entries"));
  line("control", counted(config.control.size(), "entry", "entries") +
                      (config.control_defaults ? ", beside what roles may do" : ", and nothing beside them"));
  if (!config.maintenance.empty()) line("maintenance", counted(config.maintenance.size(), "window", "windows"));
  if (!config.dispatch.empty()) line("dispatch", counted(config.dispatch.size(), "window", "windows"));
  line("power", "severity 2 from " + kilowatts_text(config.power_steps_kw[0]) + ", severity 1 from " +
                    kilowatts_text(config.power_steps_kw[1]) + ", importance A from " +
                    kilowatts_text(config.power_steps_kw[2]));
  for (std::size_t i = 1; i < erab_interface_count; ++i) {
    const InterfaceRules& rules = config.erab[i];
    if (!rules.has_protocols && !rules.has_requirements && rules.tls_min == 0) continue;
    std::string text;
    for (const AppProtocol protocol : rules.protocols) text.append(text.empty() ? "" : ", ").append(name_of(protocol));
    const auto more = [&](std::string_view what) { text.append(text.empty() ? "" : "; ").append(what); };
    if (rules.has_requirements) {
      more(rules.encryption && rules.mutual_auth ? "encryption and mutual authentication required"
           : rules.encryption                    ? "encryption required"
           : rules.mutual_auth                   ? "mutual authentication required"
                                                 : "no encryption required");
    }
    if (rules.tls_min != 0) more("TLS 1." + std::to_string(rules.tls_min - 0x0301) + " at least");
    line("erab", std::string(name_of(static_cast<ErabInterface>(i))) + ": " + text +
                     (rules.reason.empty() ? std::string{} : ", because: " + rules.reason));
  }
  line("privacy", !config.privacy.mask         ? "off: readings and identifiers are written as they are"
                  : config.privacy.key.empty() ? "readings and identifiers are blanked (no key_file)"
                                               : "readings and identifiers become keyed pseudonyms");
  line("signatures",
       std::to_string(config.signature_files.size()) + (config.signature_files.size() == 1 ? " file" : " files"));
  if (config.indicators != nullptr) line("indicators", indicators_text(*config.indicators));
  for (const DetectorId id : detectors_present) {
    const DetectorSettings& settings = config.detectors[static_cast<std::size_t>(id)];
    const bool rests = !config.has_inventory() && info_of(id).needs == "inventory";
    const bool no_list = !config.has_indicators() && info_of(id).needs == "indicators";
    line("detector", std::string(info_of(id).name) + (!settings.enabled ? ": off, by the configuration"
                                                      : rests           ? ": rests, it needs an inventory (assets)"
                                                      : no_list         ? ": rests, it needs a list (indicators)"
                                                                        : ": on"));
  }
  if (!config.watched_urls.empty()) line("watched", counted(config.watched_urls.size(), "page", "pages"));
  for (const Output& output : config.outputs) line("output", output.path);
  if (!config.metrics_listen.empty()) line("metrics", config.metrics_listen);
  return out;
}

}  // namespace tsujiban::config
