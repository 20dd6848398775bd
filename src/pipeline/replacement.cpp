#include "pipeline/replacement.h"

#include <unordered_map>

#include "pipeline/runner.h"

namespace tsujiban::pipeline {
namespace {

std::vector<std::uint32_t> renumber_rules(const detect::RuleSet& before, const detect::RuleSet& now) {
  const auto name = [](const detect::SignatureRule& rule) { return std::uint64_t{rule.gid} << 32 | rule.sid; };
  std::unordered_map<std::uint64_t, std::uint32_t> numbers;
  for (std::uint32_t i = 0; i < now.size(); ++i) numbers.emplace(name(now.rule(i)), i + 1);
  std::vector<std::uint32_t> rules(before.size(), 0);
  for (std::uint32_t i = 0; i < before.size(); ++i) {
    if (const auto at = numbers.find(name(before.rule(i))); at != numbers.end()) rules[i] = at->second;
  }
  return rules;
}

}  // namespace

std::vector<Duration> repeats_of(const config::Config& config) {
  std::vector<Duration> repeat;
  for (const config::DetectorSettings& settings : config.detectors) repeat.push_back(settings.repeat);
  return repeat;
}

bool Runner::settle() {
  if (offered_ == nullptr) return true;
  for (const auto& worker : workers_) {
    if (!worker->replacement().is_taken()) return false;
  }
  if (!correlator_->replacement().is_taken()) return false;
  offered_.reset();
  return true;
}

std::unique_ptr<Replacement> make_replacement(const RunContext& before, const Configured& next,
                                              std::span<const std::unique_ptr<metrics::WorkerCounters>> counters) {
  const output::TimestampWriter timestamps(next.config->timezone);
  auto made = std::unique_ptr<Replacement>(new Replacement{
      next,
      before,
      detect::Renumbered(*before.config, next.inventory, *next.config),
      renumber_rules(*before.rules, *next.rules),
      repeats_of(*next.config),
      {},
      {timestamps, nullptr, {}, nullptr},
      nullptr,
      false,
      {},
  });
  // A scanner that did not see every byte of its streams would take pieces for neighbours.
  const bool other_scanner = next.rules != before.rules || (wants_scans(next) && !wants_scans(before));
  for (const auto& of_worker : counters) {
    made->workers.push_back({timestamps, nullptr, std::vector<std::uint8_t>(next.config->assets.size(), 0), nullptr});
    if (next.allow != nullptr && next.allow->has_domains())
      made->workers.back().names = std::make_unique<policy::NameMemory>(*next.allow, before.seed);
    if (other_scanner) {
      made->workers.back().scanner =
          std::make_unique<detect::SignatureScanner>(next.rules, before.budget.sessions_max * 2, *of_worker);
    }
  }
  return made;
}

bool Runner::replace(const Configured& next, const Alert* news) {
  if (!settle()) return false;
  auto made = make_replacement(run_, next, counters_);
  made->engine = correlator_->make_engine(next.site);
  made->has_news = news != nullptr;
  if (news != nullptr) made->news = *news;
  // What was before lives in the threads' copies and in `made`, until `settle` sees that all have left it.
  static_cast<Configured&>(run_) = next;
  offered_ = std::move(made);
  correlator_->replacement().put(*offered_);
  for (const auto& worker : workers_) worker->replacement().put(*offered_);
  return true;
}

}  // namespace tsujiban::pipeline
