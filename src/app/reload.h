#pragma once
#include <atomic>
#include <string>

#include "app/session.h"

namespace tsujiban::app {

// The configuration of `run` while it runs: read again when SIGHUP asks for it, on the main thread.
class Reloader {
 public:
  // All of it outlives this; `loaded` is what the run was started with, and then what holds.
  Reloader(std::string configuration, Loaded& loaded, HashSeed seed, metrics::ProcessMetrics& process);

  // SIGHUP. Any thread.
  void request() noexcept { wanted_.store(true, std::memory_order_relaxed); }
  // About once a second: reads the configuration where that was asked for and nothing is under way, and lets go of what
  // no thread uses any more. Says on stderr what became of it.
  void serve(pipeline::Runner& runner);

 private:
  void reload(pipeline::Runner& runner);
  void failed() noexcept;

  const std::string configuration_;
  Loaded& loaded_;
  config::Config started_;  // Those sections that need a restart.
  const HashSeed seed_;
  metrics::ProcessMetrics& process_;
  std::atomic<bool> wanted_{false};
};

// Whether `run` has what it needs to do something: an input and an output. Says on stderr what is missing.
bool can_run(const std::string& configuration, const config::Config& config);

// The sections whose change the program takes at its next start only, separated by commas; empty: none differs.
std::string needs_restart(const config::Config& before, const config::Config& now);

// An alert of sensor.configuration-changed, by the wall clock. The site's files had these sums.
Alert configuration_changed(std::uint64_t before, std::uint64_t now, const char* when);

}  // namespace tsujiban::app
