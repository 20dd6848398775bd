// The worker's part that goes over to another configuration.
#include "pipeline/worker.h"

namespace tsujiban::pipeline {

std::uint32_t Worker::facts_wanted() const noexcept {
  std::uint32_t facts = run_.facts;
  // An answer that its pair does not explain is held against the requests to groups.
  if (run_.events.has(EventType::echonet_lite) || (facts & detect::facts_of({FactKind::response})) != 0)
    facts |= detect::facts_of({FactKind::request});
  return facts;
}

// Packets before were judged by the configuration before, and those to come are by the next one; nothing of what is
// known of flows, streams and conditions is lost. Frees nothing: what is left in `next` is its maker's.
void Worker::take(Replacement& next) noexcept {
  Replacement::Part& mine = next.workers[index_];
  records_.set_order({last_number_, Phase::idle, static_cast<std::uint64_t>(clock_.now().ns)});
  const auto rule_now = [&](const Alert& alert) { return next.rules[alert.rule]; };
  // A rule that is gone has no words for an update: what its conditions still had to say they say now.
  merger_.end_where(
      [&](const Alert& alert) { return alert.detector == DetectorId::signature && rule_now(alert) == 0; });
  static_cast<Configured&>(run_) = next.configured;
  records_.reconfigure(mine.timestamps);
  records_.want_facts(facts_wanted());
  merger_.reconfigure(next.repeats, [&](Alert& alert) {
    next.numbers.renumber(alert);
    if (alert.detector == DetectorId::signature) alert.rule = rule_now(alert) - 1;
  });
  if (mine.scanner != nullptr) {
    std::swap(scanner_, mine.scanner);
    ++scanner_number_;
  }
  scans_ = wants_scans(run_);
  for (std::uint32_t i = 0; i < assets_seen_.size(); ++i) {
    const std::uint32_t now = assets_seen_[i] != 0 ? next.numbers.asset(i + 1) : 0;
    if (now != 0) mine.assets_seen[now - 1] = 1;
  }
  std::swap(assets_seen_, mine.assets_seen);
  const auto name_evictions = [&] { return names_ != nullptr ? names_->evictions() : 0; };
  name_evictions_before_ += name_evictions();
  if (names_ != nullptr && mine.names != nullptr)
    mine.names->take_over(*names_, next.numbers.assets, next.numbers.domains);
  std::swap(names_, mine.names);
  name_evictions_before_ -= name_evictions();
  records_.set_listener(names_ != nullptr ? this : nullptr);
  reloaded_ns_ = clock_.now().ns;
  replacement_.done();
}

}  // namespace tsujiban::pipeline
