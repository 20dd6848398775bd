#include "pipeline/alert_merger.h"

#include <algorithm>

#include "output/alert_json.h"

namespace tsujiban::pipeline {

AlertMerger::AlertMerger(const std::vector<Duration>& repeat_by_detector, metrics::WorkerCounters& counters,
                         HashSeed seed, AlertWriter& writer)
    : repeat_(repeat_by_detector),
      counters_(counters),
      seed_(seed),
      writer_(writer),
      conditions_(conditions_max),
      buckets_(bucket_count, 0) {
  live_.reserve(conditions_max);
  ending_.reserve(conditions_max);
}

std::uint64_t AlertMerger::key_of(const Alert& alert) const noexcept {
  std::uint64_t key =
      hash_words(seed_, static_cast<std::uint64_t>(alert.detector) << 32 | alert.signature_id, alert.segment.raw());
  key = hash_mix(key ^ seed_.a, hash_words(seed_, alert.source.high, alert.source.low) ^ alert.merge_key);
  return hash_mix(key, hash_words(seed_, alert.destination.high, alert.destination.low));
}

void AlertMerger::write(Condition& condition) noexcept {
  const bool first = condition.alert.count == condition.unwritten;
  const std::uint64_t occurrences = condition.unwritten;
  condition.unwritten = 0;
  writer_.write_alert(condition.alert, occurrences, first);
}

// What a condition still has to say when it ends is an alert of its own: raised and written.
void AlertMerger::write_last(Condition& condition) noexcept {
  if (condition.unwritten == 0) return;
  counters_.alerts_raised.add();
  write(condition);
}

// The condition that goes on; one that is over, though its end has not been told yet, is not found.
std::uint32_t AlertMerger::find(std::uint64_t key, const Alert& alert, PacketTime time) const noexcept {
  const Duration repeat = repeat_[static_cast<std::size_t>(alert.detector)];
  for (std::uint32_t i = buckets_[key % bucket_count]; i != 0; i = conditions_[i].next) {
    if (conditions_[i].key == key && time - conditions_[i].alert.last_seen <= repeat) return i;
  }
  return 0;
}

bool AlertMerger::extend(const Alert& key, PacketTime time) noexcept {
  const std::uint32_t index = find(key_of(key), key, time);
  if (index == 0) return false;
  Condition& condition = conditions_[index];
  if (time - condition.window_start >= repeat_[static_cast<std::size_t>(key.detector)]) return false;
  counters_.alerts_raised.add();
  counters_.alerts_merged.add();
  ++condition.alert.count;
  ++condition.unwritten;
  condition.alert.last_seen = time;
  return true;
}

void AlertMerger::raise(const Alert& alert) noexcept {
  counters_.alerts_raised.add(alert.count);
  const std::uint64_t key = key_of(alert);
  const Duration repeat = repeat_[static_cast<std::size_t>(alert.detector)];
  const std::uint32_t burst = alert.detector == DetectorId::signature ? signature_burst : 1;
  if (const std::uint32_t index = find(key, alert, alert.time); index != 0) {
    Condition& condition = conditions_[index];
    const std::uint64_t count = condition.alert.count + alert.count;
    const PacketTime first_seen = condition.alert.first_seen;
    const Severity severity = condition.alert.severity;
    const double power_kw = condition.alert.power_at_risk_kw;
    // It got worse: that is not for later.
    const bool worse = alert.severity < severity;
    condition.alert = alert;
    condition.alert.severity = std::min(severity, alert.severity);
    condition.alert.power_at_risk_kw = std::max(power_kw, alert.power_at_risk_kw);
    condition.alert.count = count;
    condition.alert.first_seen = first_seen;
    condition.alert.last_seen = alert.time;
    condition.unwritten += alert.count;
    if (alert.time - condition.window_start >= repeat) {
      condition.window_start = alert.time;
      condition.window_written = 0;
    }
    const bool due = worse || condition.window_written < burst;
    counters_.alerts_merged.add(alert.count - (due ? 1 : 0));
    if (due) {
      ++condition.window_written;
      write(condition);
    }
    return;
  }
  if (conditions_.size() == conditions_max) {
    // The oldest of the first few gives way; what it had left to say is said.
    std::uint32_t victim = live_[0];
    for (std::size_t i = 1; i < std::min<std::size_t>(live_.size(), 16); ++i) {
      if (conditions_[live_[i]].alert.last_seen < conditions_[victim].alert.last_seen) victim = live_[i];
    }
    write_last(conditions_[victim]);
    counters_.evicted(metrics::EvictionReason::merge_table);
    release(victim);
    live_.erase(std::find(live_.begin(), live_.end(), victim));
  }
  std::uint32_t& bucket = buckets_[key % bucket_count];
  const std::uint32_t index = conditions_.allocate();
  Condition& condition = conditions_[index];
  condition.alert = alert;
  condition.alert.first_seen = condition.alert.last_seen = alert.time;
  condition.key = key;
  condition.unwritten = alert.count;
  condition.window_start = alert.time;
  condition.window_written = 1;
  condition.next = bucket;
  bucket = index;
  live_.push_back(index);
  counters_.alerts_merged.add(alert.count - 1);
  write(condition);
}

void AlertMerger::release(std::uint32_t index) noexcept {
  std::uint32_t* link = &buckets_[conditions_[index].key % bucket_count];
  while (*link != index) link = &conditions_[*link].next;
  *link = conditions_[index].next;
  conditions_.release(index);
}

// In an order made from their content.
void AlertMerger::end_listed() noexcept {
  for (const std::uint32_t index : ending_) conditions_[index].id = output::alert_identity(conditions_[index].alert);
  std::sort(ending_.begin(), ending_.end(),
            [this](std::uint32_t a, std::uint32_t b) { return conditions_[a].id < conditions_[b].id; });
  for (const std::uint32_t index : ending_) {
    write_last(conditions_[index]);
    release(index);
  }
}

void AlertMerger::advance(PacketTime now) noexcept {
  const std::int64_t second = now.ns / 1'000'000'000;
  if (second == second_ || live_.empty()) return;
  second_ = second;
  end_where(
      [&](const Alert& alert) { return now - alert.last_seen > repeat_[static_cast<std::size_t>(alert.detector)]; });
}

void AlertMerger::finish() noexcept {
  end_where([](const Alert&) { return true; });
}

}  // namespace tsujiban::pipeline
