#include "detect/renumbered.h"

#include <algorithm>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

namespace tsujiban::detect {
namespace {

template <class Named>
std::vector<std::uint32_t> by_name(const std::vector<Named>& before, const std::vector<Named>& now) {
  std::unordered_map<std::string_view, std::uint32_t> numbers;
  numbers.reserve(now.size());
  for (std::uint32_t i = 0; i < now.size(); ++i) numbers.emplace(now[i].name, i + 1);
  std::vector<std::uint32_t> all(before.size() + 1, 0);
  for (std::size_t i = 0; i < before.size(); ++i) {
    if (const auto at = numbers.find(before[i].name); at != numbers.end()) all[i + 1] = at->second;
  }
  return all;
}

bool is_same(const config::DispatchWindow& a, const config::DispatchWindow& b) noexcept {
  return a.when.days == b.when.days && a.when.from_minute == b.when.from_minute &&
         a.when.to_minute == b.when.to_minute && a.kw_max == b.kw_max && a.reason == b.reason;
}

}  // namespace

Renumbered::Renumbered(const config::Config& before, std::shared_ptr<const policy::Inventory> now,
                       const config::Config& now_config)
    : assets(by_name(before.assets, now_config.assets)),
      segments(by_name(before.segments, now_config.segments)),
      dispatches(before.dispatch.size() + 1, 0),
      inventory(std::move(now)) {
  for (std::size_t i = 0; i < before.dispatch.size(); ++i) {
    const auto at = std::find_if(now_config.dispatch.begin(), now_config.dispatch.end(),
                                 [&](const config::DispatchWindow& d) { return is_same(d, before.dispatch[i]); });
    if (at != now_config.dispatch.end())
      dispatches[i + 1] = static_cast<std::uint32_t>(at - now_config.dispatch.begin()) + 1;
  }
  const auto text_of = [](const config::Domain& domain) { return (domain.below_only ? "*." : "") + domain.name; };
  std::unordered_map<std::string, std::uint32_t> by_text;
  for (std::uint32_t i = 0; i < now_config.domains.size(); ++i) by_text.emplace(text_of(now_config.domains[i]), i + 1);
  for (const config::Domain& domain : before.domains) {
    const auto at = by_text.find(text_of(domain));
    domains.push_back(at == by_text.end() ? 0 : at->second);
  }
}

void Renumbered::renumber(Alert& alert) const noexcept {
  if (alert.source_asset != 0) alert.source_asset = inventory->asset_of(alert.segment, alert.source);
  if (alert.destination_asset != 0) alert.destination_asset = inventory->asset_of(alert.segment, alert.destination);
}

void Renumbered::renumber(Ends& ends) const noexcept {
  ends.source_asset = asset(ends.source_asset);
  ends.destination_asset = asset(ends.destination_asset);
  ends.source_segment = segment(ends.source_segment);
  ends.destination_segment = segment(ends.destination_segment);
}

}  // namespace tsujiban::detect
