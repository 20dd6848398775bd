#include "drill/drill.h"

#include <algorithm>
#include <vector>

#include "drill/attacks.h"

namespace tsujiban::drill {
namespace {

void nothing(World&) {}

constexpr std::array benign_scenarios = {
    Scenario{{"benign-day",
              "a day of all homes: polls, readings, dispatches, tariffs, people, reboots, a new device, "
              "a router change, a power failure"},
             nothing},
    Scenario{{"benign-week", "the same for a week", 1, 7}, nothing},
};

const std::vector<Scenario>& all() {
  static const std::vector<Scenario> rows = [] {
    std::vector<Scenario> made(benign_scenarios.begin(), benign_scenarios.end());
    for (const auto part :
         {control_scenarios(), echonet_scenarios(), network_scenarios(), session_scenarios(), name_scenarios(),
          login_scenarios(), server_scenarios(), malware_scenarios(), office_scenarios(), sensor_scenarios()})
      made.insert(made.end(), part.begin(), part.end());
    return made;
  }();
  return rows;
}
const std::vector<ScenarioInfo>& infos() {
  static const std::vector<ScenarioInfo> rows = [] {
    std::vector<ScenarioInfo> made;
    for (const Scenario& scenario : all()) made.push_back(scenario.info);
    return made;
  }();
  return rows;
}

std::string unknown_scenario(std::string_view name) {
  // The nearest by common beginning is what was probably meant.
  std::string nearest;
  std::size_t most = 2;
  for (const ScenarioInfo& other : infos()) {
    const auto end = std::mismatch(name.begin(), name.end(), other.name.begin(), other.name.end());
    const auto common = static_cast<std::size_t>(end.first - name.begin());
    if (common > most) most = common, nearest = other.name;
  }
  return "`" + std::string(name) + "` is no scenario" + (nearest.empty() ? ";" : "; did you mean `" + nearest + "`?") +
         " --list names them all";
}

}  // namespace

std::span<const ScenarioInfo> scenarios() noexcept { return infos(); }

const ScenarioInfo* find_scenario(std::string_view name) noexcept {
  for (const ScenarioInfo& info : infos())
    if (info.name == name) return &info;
  return nullptr;
}

std::string names_of(const Options& options) {
  std::string names;
  for (const std::string& name : options.scenarios) names += (names.empty() ? "" : ",") + name;
  return names;
}

std::string signatures_of(const Options& options) {
  std::string rules;
  for (const std::string& name : options.scenarios) {
    const ScenarioInfo* info = find_scenario(name);
    if (info == nullptr || info->signatures.empty()) continue;
    rules += "# Of the scenario " + name + ", for exercises.\n" + std::string(info->signatures);
  }
  return rules;
}

std::string indicators_of(const Options& options) {
  std::string table;
  for (const std::string& name : options.scenarios) {
    const ScenarioInfo* info = find_scenario(name);
    if (info == nullptr || info->indicators.empty()) continue;
    // One first line for all.
    const std::string_view rows = info->indicators;
    if (table.empty()) table += rows.substr(0, rows.find('\n') + 1);
    table += "# Of the scenario " + name + ", for exercises.\n" + std::string(rows.substr(rows.find('\n') + 1));
  }
  return table;
}

std::string fault_of(const Options& options) {
  if (options.scenarios.empty()) return "no scenario is given; --list names them all";
  for (std::size_t i = 0; i < options.scenarios.size(); ++i) {
    const std::string& name = options.scenarios[i];
    const ScenarioInfo* info = find_scenario(name);
    if (info == nullptr) return unknown_scenario(name);
    const auto before = options.scenarios.begin() + static_cast<std::ptrdiff_t>(i);
    if (std::find(options.scenarios.begin(), before, name) != before) return "`" + name + "` is named twice";
    if (options.homes >= 1 && options.homes < info->homes_min)
      return name + " needs at least " + std::to_string(info->homes_min) + " homes";
  }
  if (options.homes < 1 || options.homes > homes_max) return "--homes takes 1 to " + std::to_string(homes_max);
  if (options.days < 1 || options.days > days_max) return "--days takes 1 to " + std::to_string(days_max);
  if (options.duration.ns != 0 && (options.duration < duration_min || options.duration > duration_max))
    return "--duration takes 1m to 366 days";
  if (options.poll.ns != 0 && (options.poll < poll_min || options.poll > poll_max)) return "--poll takes 1s to 1d";
  // pcapng counts from 1970, and a year later must still fit.
  if (options.start.ns < 0 || options.start.ns > INT64_MAX / 2) return "--start is outside 1970 to 2116";
  return {};
}

bool write(const Options& options, Output& capture, Output& labels, Output* site, std::string& error) {
  error = fault_of(options);
  if (!error.empty()) return false;
  World world(options, capture);
  for (const std::string& name : options.scenarios) {
    world.begin_scenario(name);
    for (const Scenario& scenario : all())
      if (scenario.info.name == name) scenario.lay(world);
  }
  // Before the world runs: what arrives later is not in the inventory of the morning.
  if (site != nullptr && !write_site(world, *site)) return false;
  return world.run() && write_labels(world, labels);
}

PacketTime attack_time(World& world) {
  // A capture of less than a day has no noon to wait for.
  const Duration length = world.end() - world.start();
  if (length.ns < World::day_ns)
    return world.start() + Duration{world.random().between(length.ns / 5, length.ns * 3 / 5)};
  const auto days = static_cast<std::uint64_t>(length.ns / World::day_ns);
  const std::int64_t day = static_cast<std::int64_t>(world.random().below(days));
  const std::int64_t want_ns = 12 * World::hour_ns + world.random().between(0, 3 * World::hour_ns);
  const std::int64_t from_ns = World::time_of_day_ns(world.start());
  const std::int64_t ahead_ns = ((want_ns - from_ns) % World::day_ns + World::day_ns) % World::day_ns;
  return world.start() + Duration{day * World::day_ns + ahead_ns};
}

Home& pick_home(World& world, std::initializer_list<Kind> kinds, bool ipv6) {
  std::vector<Home>& homes = world.homes();
  const std::size_t first = world.random().below(homes.size());
  for (std::size_t i = 0; i < homes.size(); ++i) {
    Home& home = homes[(first + i) % homes.size()];
    if (ipv6 && !home.ipv6) continue;
    if (std::all_of(kinds.begin(), kinds.end(), [&](Kind kind) { return home.node(kind).present; })) return home;
  }
  // None has them, as in very small worlds: the first one gets them.
  for (const Kind kind : kinds) homes[first].node(kind).present = true;
  homes[first].ipv6 = homes[first].ipv6 || ipv6;
  return homes[first];
}

std::uint32_t attack_label(World& world, std::string_view scenario, const Home* home, Names expect,
                           std::string_view source, std::string_view target, std::string_view note, Names must_not,
                           Names expect_later) {
  Label label;
  label.attack = true;
  label.time = world.start();
  label.scenario = scenario;
  label.expect = expect;
  label.must_not = must_not;
  label.expect_later = expect_later;
  label.source = source;
  label.target = target;
  label.note = note;
  if (home != nullptr) label.segment = "han-" + std::to_string(home->index + 1);
  return world.add_label(std::move(label));
}

Speaker intruder(World& world, Home& home, std::uint8_t host) {
  Random& random = world.random();
  Speaker speaker;
  speaker.mac = {0xb8, 0x27, 0xeb, static_cast<std::uint8_t>(random.next()), static_cast<std::uint8_t>(random.next()),
                 host};
  if (host == intruder_host) {
    if (home.intruder != Mac{}) speaker.mac = home.intruder;
    home.intruder = speaker.mac;
  }
  speaker.address = address_in_home(host);
  speaker.port = echonet_port;
  speaker.id = static_cast<std::uint16_t>(random.next());
  return speaker;
}

Speaker outsider(World& world, Home& home, Ip4 address) {
  Speaker speaker;
  speaker.mac = home.node(Kind::router).mac;
  speaker.address = address;
  speaker.port = static_cast<std::uint16_t>(40'000 + world.random().below(20'000));
  speaker.ttl = static_cast<std::uint8_t>(44 + world.random().below(8));
  speaker.id = static_cast<std::uint16_t>(world.random().next());
  return speaker;
}

std::string asset_name(const Home& home, Kind kind) {
  return std::string(info_of(kind).name) + "-" + std::to_string(home.index + 1);
}

}  // namespace tsujiban::drill
