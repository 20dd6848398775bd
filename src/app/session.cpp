#include "app/session.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <stdexcept>
#include <utility>

#include "app/version.h"
#include "capture/capture_file.h"
#include "config/text_file.h"
#include "detect/signature_rules.h"
#include "dissectors/dhcp/dhcp_wire.h"
#include "dissectors/dns/dns_dissector.h"
#include "dissectors/echonet_lite/echonet_lite_wire.h"
#include "dissectors/ftp/ftp_dissector.h"
#include "dissectors/http/http_dissector.h"
#include "dissectors/modbus/modbus_dissector.h"
#include "dissectors/mqtt/mqtt_dissector.h"
#include "dissectors/ntp/ntp_dissector.h"
#include "dissectors/rdp/rdp_dissector.h"
#include "dissectors/smb/smb_dissector.h"
#include "dissectors/snmp/snmp_dissector.h"
#include "dissectors/ssh/ssh_dissector.h"
#include "dissectors/telnet/telnet_dissector.h"
#include "dissectors/tls/tls_dissector.h"

namespace tsujiban::app {
namespace {

constexpr std::size_t faults_shown_max = config::faults_max;

void tell(const std::vector<config::Fault>& faults) {
  for (const config::Fault& fault : faults) std::fprintf(stderr, "%s\n", config::to_string(fault).c_str());
}

// Over the bytes of every file, with the fixed seed: the same files give the same number on every run.
std::uint64_t fingerprint_of(const std::vector<std::string>& files) {
  constexpr std::uint64_t file_bytes_max = std::uint64_t{1} << 30;
  std::uint64_t sum = 0;
  for (const std::string& file : files) {
    std::string text;
    if (!config::read_text_file(file, file_bytes_max, text).empty()) text = file;
    sum = hash_bytes({}, {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()}, sum);
  }
  return sum;
}

}  // namespace

bool load(const std::string& configuration, const std::vector<std::string>& more_rules, Loaded& loaded) {
  std::vector<config::Fault> faults;
  loaded.config = configuration.empty() ? config::defaults() : config::load(configuration, faults);
  std::vector<std::string> files = more_rules;
  if (loaded.config != nullptr)
    files.insert(files.begin(), loaded.config->signature_files.begin(), loaded.config->signature_files.end());
  // Both are read whatever the other says: the user gets every fault at once.
  loaded.rules = detect::RuleSet::load(files, faults);
  if (faults.size() > faults_shown_max) faults.resize(faults_shown_max);
  tell(faults);
  if (const std::string fault = detect::signature_platform_fault(); !fault.empty()) {
    std::fprintf(stderr, "tsujiban: %s\n", fault.c_str());
    return false;
  }
  if (!faults.empty() || loaded.config == nullptr || loaded.rules == nullptr) return false;
  loaded.rules_fingerprint = fingerprint_of(files);
  files.insert(files.begin(), loaded.config->files.begin(), loaded.config->files.end());
  loaded.fingerprint = fingerprint_of(files);
  return true;
}

pipeline::Configured configure(const Loaded& loaded, HashSeed seed) {
  pipeline::Configured made;
  made.config = loaded.config;
  made.inventory = std::make_shared<const policy::Inventory>(loaded.config, seed);
  if (loaded.config->has_inventory() && loaded.config->settings(DetectorId::policy_peer_not_allowed).enabled)
    made.allow = std::make_shared<const policy::AllowList>(made.inventory, seed);
  made.rules = loaded.rules;
  const config::Privacy& privacy = loaded.config->privacy;
  if (privacy.mask)
    made.mask = std::make_shared<const output::Mask>(true, Bytes(privacy.key.data(), privacy.key.size()));
  made.site.config = loaded.config;
  made.site.inventory = made.inventory;
  // Detectors ask it whatever becomes of the detector that is named after it.
  made.site.allow = made.allow != nullptr            ? made.allow
                    : loaded.config->has_inventory() ? std::make_shared<const policy::AllowList>(made.inventory, seed)
                                                     : nullptr;
  const auto calendar = std::make_shared<const policy::Calendar>(made.inventory);
  made.site.calendar = calendar;
  made.site.rights = std::make_shared<const policy::ControlRights>(made.inventory, calendar, seed);
  if (loaded.config->has_indicators())
    made.site.indicators = std::make_shared<const policy::IndicatorList>(loaded.config, made.inventory->clock(), seed);
  made.site.seed = seed;
  for (const detect::SiteDetectorRow& row : detect::site_detectors()) {
    if (detect::is_on(row, *loaded.config)) made.facts |= row.facts;
  }
  made.stall = loaded.config->settings(DetectorId::sensor_capture_stalled).window;
  return made;
}

pipeline::RunContext make_context(const Loaded& loaded, EventTypes events, unsigned workers) {
  pipeline::RunContext run;
  run.seed = random_hash_seed();
  static_cast<pipeline::Configured&>(run) = configure(loaded, run.seed);
  run.site_detectors = detect::site_detectors();
  run.pulse = {std::min(run.pulse.ns, std::max<std::int64_t>(run.stall.ns / 2, 1'000'000'000))};
  run.dissectors = dissect::registry();
  run.events = events;
  run.workers = workers;
  run.budget = pipeline::Budget::for_memory(loaded.config->memory_bytes, workers);
  return run;
}

output::StartBanner make_banner(const pipeline::RunContext& run, const std::string& configuration,
                                std::vector<output::Feature> outputs) {
  output::StartBanner banner;
  banner.version = version;
  banner.configuration = configuration;
  banner.site = run.config->site_name;
  banner.workers = run.workers;
  banner.outputs = std::move(outputs);
  for (const dissect::DissectorRow& row : run.dissectors) {
    std::string where;
    if (row.on_datagrams) where += "UDP";
    if (row.on_streams) where += where.empty() ? "TCP" : ", TCP";
    banner.protocols.push_back({std::string(name_of(row.protocol)), true, where + ", by content"});
  }
  if (run.rules->empty())
    banner.rules.push_back({"signatures", false, "no rule file was given (-r, or `signatures:` in the configuration)"});
  else
    banner.rules.push_back(
        {"signatures", true, std::to_string(run.rules->size()) + (run.rules->size() == 1 ? " rule" : " rules")});
  const auto detector = [&](DetectorId id, bool on, std::string detail) {
    const bool enabled = run.config->detectors[static_cast<std::size_t>(id)].enabled;
    banner.detectors.push_back({std::string(info_of(id).name), on && enabled,
                                enabled ? std::move(detail) : "switched off in the configuration"});
  };
  detector(DetectorId::policy_peer_not_allowed, run.allow != nullptr,
           run.allow != nullptr ? std::to_string(run.config->assets.size()) + " assets, " +
                                      std::to_string(run.config->allow.size()) + " allow entries"
                                : "needs an inventory: `assets:` in the configuration (-c)");
  const bool inventory = run.config->has_inventory();
  for (const detect::SiteDetectorRow& row : run.site_detectors) {
    for (const DetectorId id : row.detectors) {
      if (id == DetectorId::policy_peer_not_allowed) continue;  // The workers' own; it stands above.
      const bool rests = row.needs_inventory && !inventory;
      const bool no_list = row.needs_indicators && !run.config->has_indicators();
      const bool nobody = !rests && !detect::has_subjects(row, *run.config);
      detector(id, !rests && !no_list && !nobody,
               rests     ? "needs an inventory: `assets:` in the configuration (-c)"
               : no_list ? "needs a list: `indicators:` in the configuration (-c)"
               : nobody  ? "no asset has the role `" + std::string(name_of(row.speaks_of)) + "`"
                         : "");
    }
  }
  detector(DetectorId::sensor_packet_loss, true, "");
  detector(DetectorId::sensor_capture_stalled, true, run.live ? "" : "one-sidedness only; silence is told live");
  detector(DetectorId::sensor_output_stalled, run.live, run.live ? "" : "`read` waits for its outputs");
  detector(DetectorId::sensor_state_limit, true, "");
  detector(DetectorId::sensor_clock_step, true, "");
  detector(DetectorId::sensor_blind, true, "");
  detector(DetectorId::sensor_configuration_changed, run.live,
           run.live ? "" : "told by `run`, at its start and at a reload");
  detector(DetectorId::sensor_duplicate_packets, true, "");
  return banner;
}

std::string_view message_type_name(AppProtocol protocol, unsigned type) {
  if (protocol == AppProtocol::dhcp) return dhcp::counter_name(type);
  if (protocol == AppProtocol::dns) return dns::message_type_name(static_cast<std::uint8_t>(type));
  if (protocol == AppProtocol::http) return http::message_type_name(static_cast<std::uint8_t>(type));
  if (protocol == AppProtocol::tls) return tls::message_type_name(static_cast<std::uint8_t>(type));
  if (protocol == AppProtocol::mqtt) return mqtt::message_type_name(static_cast<std::uint8_t>(type));
  if (protocol == AppProtocol::ntp) return ntp::message_type_name(static_cast<std::uint8_t>(type));
  if (protocol == AppProtocol::rdp) return rdp::message_type_name(static_cast<std::uint8_t>(type));
  if (protocol == AppProtocol::smb) return smb::message_type_name(static_cast<std::uint8_t>(type));
  if (protocol == AppProtocol::snmp) return snmp::message_type_name(static_cast<std::uint8_t>(type));
  if (protocol == AppProtocol::modbus) return modbus::message_type_name(static_cast<std::uint8_t>(type));
  if (protocol == AppProtocol::ftp) return ftp::message_type_name(static_cast<std::uint8_t>(type));
  if (protocol == AppProtocol::ssh) return ssh::message_type_name(static_cast<std::uint8_t>(type));
  if (protocol == AppProtocol::telnet) return telnet::message_type_name(static_cast<std::uint8_t>(type));
  if (protocol == AppProtocol::echonet_lite) return echonet_lite::service_name(static_cast<std::uint8_t>(type));
  return {};
}

void analyse(const std::vector<std::string>& captures, std::shared_ptr<capture::PacketSource> source,
             pipeline::Runner& runner, const pipeline::Runner::Watch& watch) {
  if (!capture::can_reopen(captures)) {
    runner.run_shared(*source, watch);
    return;
  }
  bool first = true;
  runner.run_mapped(
      [&] {
        // The first is open already; names are asked of it as long as the run lasts, so it is shared, not given away.
        if (std::exchange(first, false)) return source;
        std::string error;
        std::shared_ptr<capture::PacketSource> again = capture::open_capture(captures, error);
        if (again == nullptr) throw std::runtime_error(error);
        return again;
      },
      watch);
}

bool parse_event_types(std::string_view list, EventTypes& types, std::string& unknown) {
  types = EventTypes();
  while (!list.empty()) {
    const std::size_t comma = std::min(list.find(','), list.size());
    const std::string_view word = list.substr(0, comma);
    EventType type;
    if (!parse_event_type(word, type)) {
      unknown = word;
      return false;
    }
    types.add(type);
    list.remove_prefix(std::min(comma + 1, list.size()));
  }
  return true;
}

std::string event_type_names() {
  std::string names;
  for (std::size_t i = 0; i < event_type_count; ++i)
    names += (i == 0 ? "" : ", ") + std::string(name_of(static_cast<EventType>(i)));
  return names;
}

void count_assets(const config::Config& config, metrics::ProcessMetrics& process) {
  std::array<std::uint64_t, role_count> counts{};
  for (const config::Asset& asset : config.assets) ++counts[static_cast<std::size_t>(asset.role)];
  for (std::size_t r = 0; r < role_count; ++r) process.assets[r].set(counts[r]);
}

}  // namespace tsujiban::app
