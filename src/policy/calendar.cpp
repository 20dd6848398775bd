#include "policy/calendar.h"

#include <algorithm>
#include <limits>

namespace tsujiban::policy {

Calendar::Calendar(std::shared_ptr<const Inventory> inventory, HashSeed seed) : inventory_(std::move(inventory)) {
  const config::Config& config = inventory_->config();
  static constexpr config::Endpoint any{};
  dispatch_ = NamePairs(
      *inventory_, config.dispatch.size(),
      [&](std::size_t i) {
        return NamePairs::EntryEnds{config.dispatch[i].by, {&any, 1}};
      },
      seed);
  // Counted, then laid down: a list a segment, one after the other.
  maintenance_of_.resize(config.segments.size() + 1);
  const auto each_place = [&](auto&& place) {
    for (const config::MaintenanceWindow& window : config.maintenance) {
      if (window.segments.empty()) place(0, window.when);
      for (const std::uint32_t segment : window.segments) place(segment, window.when);
    }
  };
  each_place([&](std::uint32_t segment, const config::TimeWindow&) { ++maintenance_of_[segment].count; });
  std::uint32_t total = 0;
  for (Range& range : maintenance_of_) {
    range.first = total;
    total += range.count;
    range.count = 0;
  }
  maintenance_.resize(total);
  each_place([&](std::uint32_t segment, const config::TimeWindow& when) {
    Range& range = maintenance_of_[segment];
    maintenance_[range.first + range.count++] = when;
  });
}

bool Calendar::is_within(const config::TimeWindow& window, PacketTime time) const noexcept {
  return policy::is_within(window, inventory_->clock().at(time));
}

bool Calendar::is_within(std::span<const config::TimeWindow> windows, PacketTime time) const noexcept {
  if (windows.empty()) return true;
  const LocalTime local = inventory_->clock().at(time);
  return std::any_of(windows.begin(), windows.end(),
                     [&](const config::TimeWindow& window) { return policy::is_within(window, local); });
}

bool Calendar::is_expired(std::int64_t expires_local_s, PacketTime time) const noexcept {
  return expires_local_s != config::never_expires && inventory_->clock().at(time).local_s >= expires_local_s;
}

bool Calendar::in_maintenance(PacketTime time, std::uint32_t segment) const noexcept {
  if (maintenance_.empty()) return false;
  const LocalTime local = inventory_->clock().at(time);
  const auto holds = [&](const Range& range) {
    for (std::uint32_t i = 0; i < range.count; ++i) {
      if (policy::is_within(maintenance_[range.first + i], local)) return true;
    }
    return false;
  };
  return holds(maintenance_of_[0]) || (segment != 0 && holds(maintenance_of_[segment]));
}

template <class Each>
void Calendar::for_each_dispatch(SegmentKey link, const IpAddress& writer, Each&& each) const noexcept {
  if (inventory_->config().dispatch.empty()) return;
  const std::uint32_t asset = inventory_->asset_of(link, writer);
  NamePairs::Names from, any;
  dispatch_.names_of(*inventory_, writer, asset, inventory_->segment_or_asset_segment_of(link, writer, asset), {},
                     from);
  dispatch_.names_of(*inventory_, IpAddress{}, 0, 0, {}, any);
  dispatch_.for_each(from, any, [&](bool, std::span<const std::uint32_t> entries) {
    for (const std::uint32_t entry : entries) each(entry);
  });
}

std::uint32_t Calendar::dispatch_at(PacketTime time, SegmentKey link, const IpAddress& writer) const noexcept {
  std::uint32_t best = 0;
  double best_kw = 0;
  const LocalTime local = inventory_->clock().at(time);
  for_each_dispatch(link, writer, [&](std::uint32_t index) {
    const config::DispatchWindow& window = dispatch(index + 1);
    if (!policy::is_within(window.when, local)) return;
    const double kw = window.kw_max == 0 ? std::numeric_limits<double>::infinity() : window.kw_max;
    if (best == 0 || kw > best_kw || (kw == best_kw && index + 1 < best)) {
      best = index + 1;
      best_kw = kw;
    }
  });
  return best;
}

const config::DispatchWindow& Calendar::dispatch(std::uint32_t index) const noexcept {
  return inventory_->config().dispatch[index - 1];
}

bool Calendar::has_dispatch_for(SegmentKey link, const IpAddress& writer) const noexcept {
  bool found = false;
  for_each_dispatch(link, writer, [&](std::uint32_t) { found = true; });
  return found;
}

}  // namespace tsujiban::policy
