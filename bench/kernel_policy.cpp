// What a packet costs policy: finding its asset, judging a conversation and a write, for sites of ten to a million
// entries; and what such a site costs to build, in time and memory.
#include <benchmark/benchmark.h>
#include <malloc.h>
#include <unistd.h>

#include <cstdio>
#include <map>
#include <memory>
#include <random>
#include <vector>

#include "policy/allow_list.h"
#include "policy/control_rights.h"

namespace {

using namespace tsujiban;

constexpr std::uint32_t assets_per_home = 10;

SegmentKey link_of(std::uint32_t home) {
  SegmentKey key;
  key.push_vlan(static_cast<std::uint16_t>(1 + home / 4000));
  key.push_vlan(static_cast<std::uint16_t>(1 + home % 4000));
  return key;
}
IpAddress host_of(std::uint32_t place) { return IpAddress::v4(0xc0a80102u + place); }
IpAddress peer_of(std::uint32_t i) { return IpAddress::v4(0xcb000000u + i * 7); }

// Homes that all have the same ten addresses, an ems and nine devices; of each asset's ten entries seven name an
// outside host, the others a prefix, its home and a role.
std::shared_ptr<const config::Config> site_of(std::uint32_t entries) {
  static std::map<std::uint32_t, std::shared_ptr<const config::Config>> made;
  auto& site = made[entries];
  if (site != nullptr) return site;
  using Kind = config::Endpoint::Kind;
  auto config = std::make_shared<config::Config>();
  const std::uint32_t homes = entries < 1000 ? 1 : entries / 100;
  for (std::uint32_t home = 0; home < homes; ++home) {
    config::Segment segment;
    segment.name = "home-" + std::to_string(home);
    segment.prefixes.push_back({IpAddress::v4(0xc0a80100u), 24});
    segment.key = link_of(home);
    segment.interface = ErabInterface::R5;
    config->segments.push_back(std::move(segment));
    for (std::uint32_t place = 0; place < assets_per_home; ++place) {
      config::Asset asset;
      asset.name = "asset-" + std::to_string(config->assets.size());
      asset.role = place == 0 ? Role::ems : Role::device;
      asset.addresses.push_back(host_of(place));
      asset.segment = home + 1;
      config->assets.push_back(std::move(asset));
    }
  }
  const auto asset_count = static_cast<std::uint32_t>(config->assets.size());
  config->allow.reserve(entries);
  for (std::uint32_t i = 0; i < entries; ++i) {
    const std::uint32_t asset = i % asset_count, n = i / asset_count;
    config::AllowEntry entry;
    config::Endpoint from, to;
    from.kind = Kind::asset;
    from.index = asset;
    to.kind = Kind::prefix;
    to.prefix = {peer_of(i), 32};
    if (n == 7) to.prefix = {policy::masked(peer_of(i), 24), 24};
    if (n == 8) to.kind = Kind::segment, to.index = asset / assets_per_home;
    if (n == 9) to.kind = Kind::role, to.role = Role::device;
    entry.from.push_back(from);
    entry.to.push_back(to);
    if (n % 2 == 0) entry.ports.push_back({6, 443, 443});
    if (n == 3) entry.when.push_back({0x1f, 9 * 60, 17 * 60});
    config->allow.push_back(entry);
  }
  config::ControlEntry control;
  config::Endpoint end;
  end.kind = Kind::role;
  end.role = Role::vendor_cloud;
  control.from.push_back(end);
  end.role = Role::device;
  control.to.push_back(end);
  config->control.push_back(control);
  config->timezone = "Asia/Tokyo";
  site = config;
  return site;
}

std::vector<policy::Conversation> conversations_of(const config::Config& config) {
  std::mt19937_64 random(1);
  std::vector<policy::Conversation> all(1u << 14);
  const auto assets = static_cast<std::uint32_t>(config.assets.size());
  for (policy::Conversation& c : all) {
    const auto i = static_cast<std::uint32_t>(random() % config.allow.size());
    const std::uint32_t asset = i % assets;
    c.time = {1'795'132'800'000'000'000};
    c.link = link_of(asset / assets_per_home);
    c.initiator = host_of(asset % assets_per_home);
    // A listed host, a stranger, a neighbour.
    switch (random() % 4) {
      case 0:
        c.responder = IpAddress::v4(static_cast<std::uint32_t>(random()) | 0x08000000u);
        break;
      case 1:
        c.responder = host_of(static_cast<std::uint32_t>(random() % assets_per_home));
        break;
      default:
        c.responder = peer_of(i);
    }
    c.initiator_port = 50000;
    c.responder_port = 443;
    c.protocol = 6;
  }
  return all;
}

double resident_mib() {
  malloc_trim(0);
  std::FILE* file = std::fopen("/proc/self/statm", "r");
  long pages = 0;
  if (file == nullptr || std::fscanf(file, "%*s %ld", &pages) != 1) pages = 0;
  if (file != nullptr) std::fclose(file);
  return static_cast<double>(pages) * static_cast<double>(sysconf(_SC_PAGESIZE)) / (1 << 20);
}

void policy_inventory_build(benchmark::State& state) {
  const auto config = site_of(static_cast<std::uint32_t>(state.range(0)));
  for (auto _ : state) {
    state.PauseTiming();
    const double before = resident_mib();
    state.ResumeTiming();
    const auto inventory = std::make_shared<const policy::Inventory>(config);
    state.PauseTiming();
    state.counters["MiB"] = resident_mib() - before;
    state.ResumeTiming();
  }
  state.SetLabel(std::to_string(config->assets.size()) + " assets");
}
BENCHMARK(policy_inventory_build)->Arg(1'000'000)->Unit(benchmark::kMillisecond);

void policy_allow_list_build(benchmark::State& state) {
  const auto inventory = std::make_shared<const policy::Inventory>(site_of(static_cast<std::uint32_t>(state.range(0))));
  for (auto _ : state) {
    state.PauseTiming();
    const double before = resident_mib();
    state.ResumeTiming();
    const policy::AllowList list(inventory);
    state.PauseTiming();
    state.counters["MiB"] = resident_mib() - before;
    state.ResumeTiming();
  }
}
BENCHMARK(policy_allow_list_build)->Arg(1'000)->Arg(1'000'000)->Unit(benchmark::kMillisecond);

void policy_asset_of(benchmark::State& state) {
  const auto config = site_of(static_cast<std::uint32_t>(state.range(0)));
  const policy::Inventory inventory(config);
  const auto all = conversations_of(*config);
  std::size_t at = 0;
  for (auto _ : state) {
    const policy::Conversation& c = all[at++ % all.size()];
    benchmark::DoNotOptimize(inventory.asset_of(c.link, c.initiator));
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(policy_asset_of)->Arg(10)->Arg(1'000)->Arg(1'000'000);

void policy_judge_conversation(benchmark::State& state) {
  const auto config = site_of(static_cast<std::uint32_t>(state.range(0)));
  const policy::AllowList list(std::make_shared<const policy::Inventory>(config));
  const auto all = conversations_of(*config);
  std::size_t at = 0;
  std::uint64_t allowed = 0;
  for (auto _ : state) allowed += list.judge(all[at++ % all.size()]).allowed;
  state.SetItemsProcessed(state.iterations());
  state.counters["allowed"] = static_cast<double>(allowed) / static_cast<double>(state.iterations());
}
BENCHMARK(policy_judge_conversation)->Arg(10)->Arg(1'000)->Arg(1'000'000);

void policy_judge_write(benchmark::State& state) {
  const auto config = site_of(static_cast<std::uint32_t>(state.range(0)));
  const auto inventory = std::make_shared<const policy::Inventory>(config);
  const policy::ControlRights rights(inventory, std::make_shared<const policy::Calendar>(inventory));
  const auto all = conversations_of(*config);
  std::size_t at = 0;
  for (auto _ : state) {
    const policy::Conversation& c = all[at++ % all.size()];
    benchmark::DoNotOptimize(rights.judge(c.link, c.initiator, c.responder, AppProtocol::echonet_lite, c.time));
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(policy_judge_write)->Arg(10)->Arg(1'000'000);

void policy_local_time(benchmark::State& state) {
  const policy::LocalClock clock(output::load_zone(state.range(0) == 0 ? "Asia/Tokyo" : "America/New_York"));
  std::int64_t ns = 1'795'132'800'000'000'000;
  for (auto _ : state) benchmark::DoNotOptimize(clock.at({ns += 1'000'000}));
}
BENCHMARK(policy_local_time)->Arg(0)->Arg(1);

}  // namespace
