#include "app/reload.h"

#include <algorithm>
#include <cstdio>
#include <ctime>
#include <exception>
#include <string_view>
#include <tuple>
#include <utility>

namespace tsujiban::app {
namespace {

constexpr char kept[] = "the configuration before goes on 以前の設定で継続します";

template <class T, class What>
bool same(const std::vector<T>& a, const std::vector<T>& b, What&& what) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [&](const T& one, const T& other) { return what(one) == what(other); });
}

}  // namespace

bool can_run(const std::string& configuration, const config::Config& config) {
  if (config.captures.empty()) {
    std::fprintf(stderr, "%s: `run` needs `capture:`, for example `capture: [{kind: pcap, interface: span0}]`\n",
                 configuration.c_str());
  } else if (config.outputs.empty()) {
    std::fprintf(stderr, "%s: `run` needs `outputs:`, for example `outputs: [{kind: eve, path: eve.json}]`\n",
                 configuration.c_str());
  }
  return !config.captures.empty() && !config.outputs.empty();
}

std::string needs_restart(const config::Config& before, const config::Config& now) {
  std::string sections;
  const auto unless = [&](bool is_same, const char* section) {
    if (!is_same) sections += (sections.empty() ? "" : ", ") + std::string(section);
  };
  unless(same(before.captures, now.captures,
              [](const config::CaptureEntry& c) { return std::tie(c.kind, c.interface, c.checksum, c.workers); }),
         "capture");
  unless(same(before.outputs, now.outputs,
              [](const config::Output& o) {
                std::uint64_t types = 0;
                for (std::size_t i = 0; i < event_type_count; ++i)
                  types |= std::uint64_t{o.types.has(static_cast<EventType>(i))} << i;
                return std::tuple(o.kind, o.path, o.rotate_bytes, types);
              }),
         "outputs");
  unless(before.state_directory == now.state_directory, "state.directory");
  unless(before.memory_bytes == now.memory_bytes, "state.memory");
  unless(before.metrics_listen == now.metrics_listen, "metrics");
  return sections;
}

Alert configuration_changed(std::uint64_t before, std::uint64_t now, const char* when) {
  const DetectorInfo& info = info_of(DetectorId::sensor_configuration_changed);
  Alert alert;
  alert.detector = info.id;
  alert.signature_gid = info.gid;
  alert.signature_id = info.sid;
  alert.signature_rev = 1;
  alert.severity = static_cast<Severity>(info.severity);
  alert.has_addresses = false;
  // Each change is a condition of its own.
  alert.merge_key = std::max<std::uint64_t>(now, 1);
  alert.time = {static_cast<std::int64_t>(std::time(nullptr)) * 1'000'000'000};
  std::snprintf(alert.why[0].data(), Alert::why_text_max, "configuration %016llx was replaced by %016llx %s",
                static_cast<unsigned long long>(before), static_cast<unsigned long long>(now), when);
  return alert;
}

Reloader::Reloader(std::string configuration, Loaded& loaded, HashSeed seed, metrics::ProcessMetrics& process)
    : configuration_(std::move(configuration)), loaded_(loaded), seed_(seed), process_(process) {
  // Only what is compared: the whole of it may be large, and is let go at the first reload.
  started_.captures = loaded.config->captures;
  started_.outputs = loaded.config->outputs;
  started_.state_directory = loaded.config->state_directory;
  started_.memory_bytes = loaded.config->memory_bytes;
  started_.metrics_listen = loaded.config->metrics_listen;
}

void Reloader::serve(pipeline::Runner& runner) {
  if (!runner.settle() || !wanted_.exchange(false, std::memory_order_relaxed)) return;
  try {
    reload(runner);
  } catch (const std::exception& problem) {
    std::fprintf(stderr, "%s: %s\n", configuration_.c_str(), problem.what());
    failed();
  }
}

void Reloader::failed() noexcept {
  process_.reloads[static_cast<std::size_t>(metrics::ReloadResult::failure)].add();
  std::fprintf(stderr, "%s: not reloaded; %s\n", configuration_.c_str(), kept);
}

void Reloader::reload(pipeline::Runner& runner) {
  Loaded next;
  if (!load(configuration_, {}, next) || !can_run(configuration_, *next.config)) return failed();
  const bool changed =
      next.fingerprint != loaded_.fingerprint || next.config->privacy.key != loaded_.config->privacy.key;
  if (changed) {
    // The same rules are kept: their streams go on in the middle of what they look for.
    if (next.rules_fingerprint == loaded_.rules_fingerprint) next.rules = loaded_.rules;
    const Alert news = configuration_changed(loaded_.fingerprint, next.fingerprint, "while the sensor ran");
    if (!runner.replace(configure(next, seed_), &news)) return request();
    count_assets(*next.config, process_);
  }
  process_.reloads[static_cast<std::size_t>(metrics::ReloadResult::success)].add();
  const config::Config& now = *next.config;
  if (changed) {
    std::fprintf(stderr, "%s: reloaded 再読み込み完了: %zu assets, %zu allow entries, %zu rules\n",
                 configuration_.c_str(), now.assets.size(), now.allow.size(), next.rules->size());
  } else {
    std::fprintf(stderr, "%s: read again, nothing has changed 変更なし\n", configuration_.c_str());
  }
  if (const std::string sections = needs_restart(started_, now); !sections.empty()) {
    std::fprintf(stderr, "%s: differs from what the sensor was started with, and needs a restart 再起動が必要: %s\n",
                 configuration_.c_str(), sections.c_str());
  }
  if (changed) loaded_ = std::move(next);
}

}  // namespace tsujiban::app
