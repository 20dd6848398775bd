#include "policy/local_clock.h"

#include <algorithm>
#include <limits>

namespace tsujiban::policy {
namespace {

constexpr std::int64_t day_s = 86400;
constexpr std::int64_t second_ns = 1'000'000'000;
// What PacketTime can say, in seconds.
constexpr std::int64_t first_s = std::numeric_limits<std::int64_t>::min() / second_ns - 1;
constexpr std::int64_t last_s = std::numeric_limits<std::int64_t>::max() / second_ns;

constexpr std::int64_t floor_divide(std::int64_t a, std::int64_t b) noexcept { return a / b - (a % b < 0); }

}  // namespace

std::int64_t LocalTime::day() const noexcept { return floor_divide(local_s, day_s); }

PacketTime LocalTime::utc_of(std::int64_t later_s) const noexcept {
  // `later_s` may be "never", which no offset may be subtracted from.
  const std::int64_t utc_s = later_s > last_s + 2 * day_s ? last_s + 1 : later_s - offset_s;
  const std::int64_t until_s = std::min(utc_s, offset_until_s);
  return {until_s > last_s ? std::numeric_limits<std::int64_t>::max() : until_s * second_ns};
}

LocalClock::LocalClock(output::ZoneTable zone) : zone_(std::move(zone)) {
  if (zone_.transitions.empty()) return;
  for (std::int64_t at = first_s; at <= last_s; at += std::int64_t{1} << bucket_shift) {
    const auto after = std::upper_bound(zone_.transitions.begin(), zone_.transitions.end(), at,
                                        [](std::int64_t s, const output::ZoneTransition& t) { return s < t.from_s; });
    first_after_.push_back(static_cast<std::uint32_t>(after - zone_.transitions.begin()));
  }
}

LocalTime LocalClock::at(PacketTime time) const noexcept {
  const std::int64_t second = floor_divide(time.ns, second_ns);
  LocalTime local;
  local.offset_s = zone_.offset_first_s;
  local.offset_until_s = std::numeric_limits<std::int64_t>::max();
  if (!first_after_.empty()) {
    const auto& all = zone_.transitions;
    std::size_t next = first_after_[static_cast<std::size_t>((second - first_s) >> bucket_shift)];
    while (next < all.size() && all[next].from_s <= second) ++next;
    if (next != 0) local.offset_s = all[next - 1].offset_s;
    if (next != all.size()) local.offset_until_s = all[next].from_s;
  }
  local.local_s = second + local.offset_s;
  return local;
}

bool is_within(const config::TimeWindow& window, const LocalTime& time) noexcept {
  const std::int64_t day = time.day();
  const std::uint32_t minute = time.minute();
  // 1970-01-01 was a Thursday, and bit 0 is Monday.
  const auto weekday = static_cast<unsigned>(((day + 3) % 7 + 7) % 7);
  const bool today = (window.days >> weekday & 1) != 0;
  if (window.from_minute < window.to_minute) return today && window.from_minute <= minute && minute < window.to_minute;
  const bool yesterday = (window.days >> (weekday + 6) % 7 & 1) != 0;
  return (today && window.from_minute <= minute) || (yesterday && minute < window.to_minute);
}

std::int64_t next_change(const config::TimeWindow& window, const LocalTime& time) noexcept {
  const std::int64_t midnight_s = time.day() * day_s;
  std::int64_t next_s = std::numeric_limits<std::int64_t>::max();
  for (const std::uint16_t minute : {window.from_minute, window.to_minute}) {
    std::int64_t at_s = midnight_s + std::int64_t{minute} * 60;
    if (at_s <= time.local_s) at_s += day_s;
    next_s = std::min(next_s, at_s);
  }
  return next_s;
}

}  // namespace tsujiban::policy
