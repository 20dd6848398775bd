#pragma once
#include <atomic>
#include <memory>
#include <vector>

#include "detect/alert_limit.h"
#include "detect/site_engine.h"
#include "metrics/process_metrics.h"
#include "output/eve_sink.h"
#include "pipeline/alert_merger.h"
#include "pipeline/exchange_table.h"
#include "pipeline/record_writer.h"
#include "pipeline/replacement.h"
#include "pipeline/sensor_watch.h"
#include "pipeline/worker.h"

namespace tsujiban::pipeline {

// One output and what it wants.
struct Sink {
  output::EveSink* eve = nullptr;
  EventTypes types;
};

// Brings the records of all workers into the one order of packets, judges what needs more than one address pair, and
// hands them to the outputs. One thread. A record goes out once no worker can still come with an earlier one.
class Correlator final : private detect::SiteEngine::AlertSink {
 public:
  Correlator(const RunContext& run, std::vector<RecordRing*> rings, std::vector<const Worker*> workers,
             std::vector<Sink> sinks, std::vector<const metrics::WorkerCounters*> counters,
             metrics::ProcessMetrics& process);

  // Runs until every worker has finished and all is written, or an output fails in a file run (then `error` says why
  // and `abandoned` is set, so that the workers do not wait for it).
  void run(std::atomic<bool>& abandoned) noexcept;
  const std::string& error() const noexcept { return error_; }
  const metrics::WorkerCounters& counters() const noexcept { return *counters_; }
  // What the summary says of the alerts; after `run`. Conditions beyond `conditions_kept_max` are only counted.
  static constexpr std::size_t conditions_kept_max = 4096;
  struct Condition {
    AlertBrief brief;
    IpAddress source, destination;
  };
  const std::vector<Condition>& conditions() const noexcept { return conditions_; }
  // By detector and severity (1 to 4): conditions, occurrences.
  using AlertCounts = std::array<std::array<std::array<std::uint64_t, 2>, metrics::severity_count + 1>, detector_count>;
  const AlertCounts& alert_counts() const noexcept { return alert_counts_; }
  std::uint64_t drops() const noexcept { return drops_.load(std::memory_order_relaxed); }
  // Live: losses so far, told by the reader.
  void set_drops(std::uint64_t drops) noexcept { drops_.store(drops, std::memory_order_relaxed); }
  // Writes a `stats` record (the reader's thread asks; written by the correlator's).
  void request_stats() noexcept { stats_wanted_.store(true, std::memory_order_relaxed); }
  // What the site's detectors keep over a restart. Before `run`: false, with the reason, where the bytes are not a
  // state.
  bool load_state(Bytes state, std::string& error) { return engine_->load(state, error); }
  // Asks for the state; `take_state` has it once the correlator's thread came by. After `run` it is there at once.
  void request_state() noexcept { state_wanted_.store(true, std::memory_order_release); }
  bool take_state(std::vector<std::uint8_t>& state);
  // Raises an alert about the sensor itself from another thread than the correlator's: before `run` only.
  void raise_before_run(const Alert& alert) noexcept { first_alerts_.push_back(alert); }
  // The detectors of another configuration, for `replacement`; on any thread.
  std::unique_ptr<detect::SiteEngine> make_engine(const detect::Site& site) {
    AlertSink& sink = *this;
    return std::make_unique<detect::SiteEngine>(site, rows_, sink);
  }
  // Another configuration is taken from here between two records.
  ReplacementSlot& replacement() noexcept { return replacement_; }
  void request_reopen() noexcept {
    for (Sink& sink : sinks_) sink.eve->request_reopen();
  }

 private:
  bool step() noexcept;  // True when it did something.
  void rest() const noexcept;
  void event(const RecordHeader& header, bool from_worker) noexcept;
  void drain_own() noexcept;
  void write(EventType type, std::string_view line, PacketTime time) noexcept;
  void pulse(const Pulse& pulse) noexcept;
  void stats(PacketTime now) noexcept;
  void flush() noexcept;
  void fact(const char* body) noexcept;
  void raise(const Alert& alert) noexcept override;
  bool passes_limit(const RecordHeader& header, const EventDetails& details) noexcept;
  void serve_state() noexcept;
  void take(Replacement& next) noexcept;

  // Runs before the reader of one ring, to have the detectors' memory fetched for the facts to come.
  struct Scout {
    std::uint64_t position = 0;
    std::size_t ahead = 0;  // Records that it is before the reader.
  };
  static constexpr std::array<std::size_t, 2> scouts_ahead = {16, 8};  // By step of SiteEngine::prefetch.
  void scout(std::size_t ring) noexcept;

  RunContext run_;
  const std::span<const detect::SiteDetectorRow> rows_;
  std::vector<RecordRing*> rings_;
  std::vector<std::array<Scout, 2>> scouts_;
  std::vector<const Worker*> workers_;
  std::vector<Sink> sinks_;
  metrics::ProcessMetrics& process_;
  std::vector<const metrics::WorkerCounters*> stats_sources_;
  ReservedMemory line_{RecordWriter::record_bytes_max + 256};
  std::unique_ptr<metrics::WorkerCounters> counters_;  // Its own alerts.
  RecordRing own_ring_;
  std::atomic<bool> never_abandoned_{false};
  RecordWriter records_;
  AlertMerger merger_;
  ExchangeTable exchanges_;
  SensorWatch sensors_;
  std::unique_ptr<detect::SiteEngine> engine_;
  std::uint64_t evictions_before_ = 0;  // Of what engines before this one had given up, and it does not count.
  detect::AlertLimit denials_;          // Of policy.peer-not-allowed, which the workers tell.
  ReplacementSlot replacement_;
  std::vector<Alert> first_alerts_;
  std::vector<std::uint8_t> state_;
  std::atomic<bool> state_wanted_{false}, state_ready_{false};
  std::vector<Condition> conditions_;
  AlertCounts alert_counts_{};
  Pulse sum_{};
  std::size_t pulses_ = 0;
  PacketTime now_{};
  std::atomic<std::uint64_t> drops_{0};
  std::atomic<bool> stats_wanted_{false};
  std::string error_;
  bool broken_ = false;
};

}  // namespace tsujiban::pipeline
