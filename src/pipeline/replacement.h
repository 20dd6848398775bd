#pragma once
#include <atomic>
#include <memory>
#include <span>
#include <vector>

#include "detect/renumbered.h"
#include "detect/signature_scanner.h"
#include "detect/site_engine.h"
#include "metrics/counters.h"
#include "output/timestamp.h"
#include "pipeline/run_context.h"
#include "policy/name_memory.h"

namespace tsujiban::pipeline {

// Another configuration on its way to the threads of a run: made on the thread that reads configurations, with all that
// takes memory or time. Each thread takes it over at a moment that suits it and leaves here what it has no use for any
// more; all of it is freed by its maker, once every thread has come by.
struct Replacement {
  // What one thread takes for itself.
  struct Part {
    output::TimestampWriter timestamps;
    std::unique_ptr<detect::SignatureScanner> scanner;  // Workers; null: go on with the one there is.
    std::vector<std::uint8_t> assets_seen;              // Workers: by asset, nobody yet.
    std::unique_ptr<policy::NameMemory> names;          // Workers: where allow entries have domains.
  };
  Configured configured;
  Configured left;  // The one before, so that nobody but its maker frees it.
  detect::Renumbered numbers;
  std::vector<std::uint32_t> rules;  // By index of the rule before: index + 1 of the one with its gid and sid; 0: none.
  std::vector<Duration> repeats;     // By detector.
  std::vector<Part> workers;
  Part correlator;
  std::unique_ptr<detect::SiteEngine> engine;
  bool has_news = false;
  Alert news;  // What is to be told of it.
};

// Where a thread finds it. One puts, one takes.
class ReplacementSlot {
 public:
  void put(Replacement& next) noexcept { next_.store(&next, std::memory_order_release); }
  bool is_taken() const noexcept { return next_.load(std::memory_order_acquire) == nullptr; }
  // Null mostly. `done` after all of it was taken over: from then on it may go.
  Replacement* look() const noexcept { return next_.load(std::memory_order_acquire); }
  void done() noexcept { next_.store(nullptr, std::memory_order_release); }

 private:
  alignas(64) std::atomic<Replacement*> next_{nullptr};
};

// All of it but the engine and the news; `counters` are the workers'.
std::unique_ptr<Replacement> make_replacement(const RunContext& before, const Configured& next,
                                              std::span<const std::unique_ptr<metrics::WorkerCounters>> counters);

// Whether payload is searched for signatures.
inline bool wants_scans(const Configured& configured) noexcept {
  return !configured.rules->empty() && configured.config->settings(DetectorId::signature).enabled;
}
// How often each detector repeats itself, for the merger.
std::vector<Duration> repeats_of(const config::Config& config);

}  // namespace tsujiban::pipeline
