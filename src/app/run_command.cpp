#include <pthread.h>
#include <sys/stat.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <ctime>
#include <thread>

#include "app/commands.h"
#include "app/privileges.h"
#include "app/reload.h"
#include "app/session.h"
#include "app/version.h"
#include "capture/live.h"
#include "output/metrics_exposition.h"
#include "output/progress.h"
#include "output/state_file.h"
#include "pipeline/runner.h"

namespace tsujiban::app {
namespace {

constexpr int stats_every_seconds = 60;
constexpr int state_every_seconds = 300;
constexpr long signal_wait_ns = 100'000'000;
constexpr int stalled_pipe_wait_ms = 100;  // How long an output may hold the correlator up.

sigset_t our_signals() {
  sigset_t set;
  sigemptyset(&set);
  for (const int signal : {SIGTERM, SIGINT, SIGHUP}) sigaddset(&set, signal);
  return set;
}

// The folder is made while there are rights to, and handed over, because it is written to without them.
bool make_state_folder(const std::string& path, std::string& error) {
  if (mkdir(path.c_str(), 0750) != 0 && errno != EEXIST) {
    error = path + ": cannot make the state folder: " + std::strerror(errno);
    return false;
  }
  give_to_unprivileged(path);
  return true;
}

// What the site's detectors kept over the last stop, and whether it was under this configuration.
void load_state(const std::string& path, std::uint64_t fingerprint, pipeline::Correlator& correlator) {
  std::vector<std::uint8_t> bytes;
  std::string message;
  switch (output::read_state(path, bytes, message)) {
    case output::StateRead::absent:
      std::fprintf(stderr, "%s: no state yet: the detectors that learn begin to learn 学習を開始します\n",
                   path.c_str());
      return;
    case output::StateRead::damaged:
    case output::StateRead::unreadable:
      std::fprintf(stderr, "%s; the detectors that learn begin anew\n", message.c_str());
      return;
    case output::StateRead::ok:
      break;
  }
  StateReader reader({bytes.data(), bytes.size()});
  const auto before = reader.get<std::uint64_t>();
  if (reader.failed() || !correlator.load_state({bytes.data() + bytes.size() - reader.left(), reader.left()}, message))
    std::fprintf(stderr, "%s: %s\n", path.c_str(), reader.failed() ? "is too short" : message.c_str());
  if (before == fingerprint) return;
  correlator.raise_before_run(configuration_changed(before, fingerprint, "since the sensor ran last"));
}

void save_state(const std::string& path, std::uint64_t fingerprint, pipeline::Correlator& correlator) {
  std::vector<std::uint8_t> state;
  if (!correlator.take_state(state)) return;
  StateWriter writer;
  writer.put(fingerprint);
  std::vector<std::uint8_t> bytes = writer.bytes();
  bytes.insert(bytes.end(), state.begin(), state.end());
  std::string error;
  if (!output::write_state(path, {bytes.data(), bytes.size()}, error)) std::fprintf(stderr, "%s\n", error.c_str());
}

}  // namespace

int run_command(const std::string& configuration) {
  Loaded loaded;
  if (!load(configuration, {}, loaded)) return exit_usage;
  const config::Config& config = *loaded.config;
  if (!can_run(configuration, config)) return exit_usage;

  // Everything that needs rights first: interfaces, then output files.
  std::string error;
  std::vector<std::unique_ptr<capture::LiveSource>> sources;
  std::vector<capture::LiveSource*> open_sources;
  for (const config::CaptureEntry& entry : config.captures) {
    sources.push_back(capture::open_live(entry.interface, {}, error));
    if (sources.back() == nullptr) {
      std::fprintf(stderr, "%s\n", error.c_str());
      return exit_failed;
    }
    open_sources.push_back(sources.back().get());
  }
  metrics::ProcessMetrics process;
  process.start_time_s.set(static_cast<std::uint64_t>(std::time(nullptr)));
  std::vector<std::unique_ptr<output::EveSink>> eves;
  std::vector<pipeline::Sink> sinks;
  std::vector<output::Feature> outputs;
  EventTypes events;
  for (const config::Output& wanted : config.outputs) {
    output::EveSink::Options options;
    options.path = wanted.path;
    options.append = true;
    options.rotate_bytes = wanted.rotate_bytes;
    options.wait_ms_max = stalled_pipe_wait_ms;
    eves.push_back(std::make_unique<output::EveSink>(options, process.sinks[0]));
    if (!eves.back()->open()) {
      std::fprintf(stderr, "%s\n", eves.back()->error().c_str());
      return exit_failed;
    }
    if (wanted.path != "-") give_to_unprivileged(wanted.path);
    sinks.push_back({eves.back().get(), wanted.types});
    outputs.push_back({"eve", true, wanted.path});
    for (std::size_t i = 0; i < event_type_count; ++i) {
      if (wanted.types.has(static_cast<EventType>(i))) events.add(static_cast<EventType>(i));
    }
  }
  if (!config.state_directory.empty() && !make_state_folder(config.state_directory, error)) {
    std::fprintf(stderr, "%s\n", error.c_str());
    return exit_failed;
  }
  std::string user;
  if (!drop_privileges(user, error)) {
    std::fprintf(stderr, "tsujiban: %s\n", error.c_str());
    return exit_failed;
  }

  // Blocked before any thread starts, so that only the one below takes them.
  const sigset_t signals = our_signals();
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);

  unsigned workers = 1;
  for (const config::CaptureEntry& entry : config.captures) workers = std::max(workers, entry.workers);
  pipeline::RunContext run = make_context(loaded, events, workers);
  run.live = true;
  run.checksum = config.captures.front().checksum;
  std::vector<std::string> interfaces;
  for (const config::CaptureEntry& entry : config.captures) interfaces.push_back(entry.interface);
  run.input_name = [&interfaces](std::uint16_t input) -> std::string_view { return interfaces[input]; };
  count_assets(config, process);
  output::StartBanner banner = make_banner(run, configuration, std::move(outputs));
  output::print_banner(stderr, banner, output::wants_color(stderr));
  for (const config::CaptureEntry& entry : config.captures)
    std::fprintf(stderr, "listening on %s as user %s 監視開始\n", entry.interface.c_str(), user.c_str());

  pipeline::Runner runner(run, std::move(sinks), process);
  const std::string state_path = config.state_directory.empty() ? "" : config.state_directory + "/detectors.state";
  if (!state_path.empty()) load_state(state_path, loaded.fingerprint, runner.correlator());
  std::unique_ptr<output::MetricsServer> server;
  if (!config.metrics_listen.empty()) {
    output::MetricsSources metrics_sources;
    metrics_sources.workers = runner.counters();
    metrics_sources.process = &process;
    metrics_sources.type_name = message_type_name;
    metrics_sources.version = version;
    server = std::make_unique<output::MetricsServer>(config.metrics_listen, std::move(metrics_sources));
    std::fprintf(stderr, "metrics at http://%s/metrics\n", config.metrics_listen.c_str());
  }

  // From here on a reload may take the place of all of it; nobody keeps what was before.
  static_cast<pipeline::Configured&>(run) = {};
  Reloader reloader(configuration, loaded, run.seed, process);
  std::atomic<bool> stop{false}, over{false};
  std::thread signal_thread([&] {
    const timespec wait{0, signal_wait_ns};
    while (!over.load(std::memory_order_relaxed)) {
      const int signal = sigtimedwait(&signals, nullptr, &wait);
      if (signal == SIGTERM || signal == SIGINT) stop.store(true, std::memory_order_relaxed);
      if (signal == SIGHUP) {
        runner.correlator().request_reopen();
        reloader.request();
      }
    }
  });
  int seconds = 0;
  runner.run_live(open_sources, stop, [&] {
    reloader.serve(runner);
    if (++seconds % stats_every_seconds == 0) runner.correlator().request_stats();
    if (state_path.empty()) return;
    if (seconds % state_every_seconds == 0) runner.correlator().request_state();
    save_state(state_path, loaded.fingerprint, runner.correlator());
  });
  over.store(true, std::memory_order_relaxed);
  signal_thread.join();
  if (!state_path.empty()) save_state(state_path, loaded.fingerprint, runner.correlator());

  const metrics::Totals totals = metrics::fold(runner.counters());
  const std::uint64_t dropped = process.dropped[static_cast<std::size_t>(metrics::DropReason::kernel)].value() +
                                process.dropped[static_cast<std::size_t>(metrics::DropReason::ring)].value();
  std::fprintf(stderr, "stopped 停止: %llu packets received, %llu processed, %llu dropped, %llu alerts written\n",
               static_cast<unsigned long long>(process.packets_received.value()),
               static_cast<unsigned long long>(totals.packets), static_cast<unsigned long long>(dropped),
               static_cast<unsigned long long>(process.alerts_written.value()));
  if (!runner.output_error().empty()) {
    std::fprintf(stderr, "%s\n", runner.output_error().c_str());
    return exit_failed;
  }
  if (!runner.damage().empty()) {
    std::fprintf(stderr, "%s\n", runner.damage().c_str());
    return exit_failed;
  }
  return exit_done;
}

}  // namespace tsujiban::app
