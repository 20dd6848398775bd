#pragma once
#include <algorithm>
#include <cstdint>
#include <vector>

#include "base/hash.h"
#include "base/pool.h"
#include "metrics/counters.h"
#include "model/alert.h"

namespace tsujiban::pipeline {

// Receives the alerts that are to be written.
class AlertWriter {
 public:
  virtual ~AlertWriter() = default;
  // `occurrences` have come since the condition's last record; `first` tells that it begins with this one.
  virtual void write_alert(const Alert& alert, std::uint64_t occurrences, bool first) noexcept = 0;
};

// Makes a condition that lasts one alert with a growing count: the first occurrence is written at once, later ones at
// most once per `repeat` of the detector, the rest when the condition ends (nothing for `repeat`). It keeps its worst
// severity, and getting worse is written at once. A signature match is
// an event rather than a condition, so its first `burst` occurrences within `repeat` are written each. Every occurrence
// is either written or merged, at once: raised = written + merged at every moment. What a condition has left to say at
// its end is one alert more, raised and written.
class AlertMerger {
 public:
  static constexpr std::uint32_t conditions_max = 16384;
  static constexpr std::uint32_t signature_burst = 100;

  AlertMerger(const std::vector<Duration>& repeat_by_detector, metrics::WorkerCounters& counters, HashSeed seed,
              AlertWriter& writer);
  // `alert.count` occurrences that were seen by `alert.time`.
  void raise(const Alert& alert) noexcept;
  // One more occurrence of a condition that goes on and has nothing to write yet; false: raise the whole alert. Only
  // the members that tell conditions apart are read (detector, signature_id, segment, addresses, merge_key), and the
  // time.
  bool extend(const Alert& key, PacketTime time) noexcept;
  // Closes the conditions that are over; those that have something left to say say it, in an order made from their
  // content.
  void advance(PacketTime now) noexcept;
  void finish() noexcept;
  // Ends the conditions of whose alert `over` holds, as `advance` does.
  template <class Over>
  void end_where(Over&& over) noexcept {
    ending_.clear();
    std::size_t kept = 0;
    for (const std::uint32_t index : live_) {
      if (over(conditions_[index].alert))
        ending_.push_back(index);
      else
        live_[kept++] = index;
    }
    live_.resize(kept);
    end_listed();
  }
  // Conditions go on under another configuration. `renumber(alert)` puts its numbers into what they hold.
  template <class Renumber>
  void reconfigure(const std::vector<Duration>& repeat_by_detector, Renumber&& renumber) noexcept {
    std::copy(repeat_by_detector.begin(), repeat_by_detector.end(), repeat_.begin());
    for (const std::uint32_t index : live_) renumber(conditions_[index].alert);
  }

 private:
  struct Condition {
    Alert alert;  // The latest occurrence, with the sums.
    std::uint64_t key;
    std::uint64_t id;         // When it ends: its place among others that end at that moment, from content alone.
    std::uint64_t unwritten;  // Occurrences since the last record.
    PacketTime written_at, window_start;
    std::uint32_t window_written;
    std::uint32_t next;  // In its bucket.
  };
  static constexpr std::uint32_t bucket_count = 16384;
  std::uint64_t key_of(const Alert& alert) const noexcept;
  std::uint32_t find(std::uint64_t key, const Alert& alert, PacketTime time) const noexcept;
  void write(Condition& condition) noexcept;
  void write_last(Condition& condition) noexcept;
  void end_listed() noexcept;
  void release(std::uint32_t index) noexcept;

  std::vector<Duration> repeat_;
  metrics::WorkerCounters& counters_;
  HashSeed seed_;
  AlertWriter& writer_;
  Pool<Condition> conditions_;
  std::vector<std::uint32_t> buckets_;
  std::vector<std::uint32_t> live_, ending_;  // Reserved for conditions_max at the start.
  std::int64_t second_ = INT64_MIN;
};

}  // namespace tsujiban::pipeline
