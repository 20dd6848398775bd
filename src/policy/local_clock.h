#pragma once
#include <cstdint>
#include <string_view>
#include <vector>

#include "base/time.h"
#include "config/config.h"
#include "output/timestamp.h"

namespace tsujiban::policy {

// A packet's time as the clocks of the site show it.
struct LocalTime {
  std::int64_t local_s = 0;           // Since 1970-01-01T00:00:00 on those clocks, as if their zone were UTC.
  std::int32_t offset_s = 0;          // East of Greenwich is positive.
  std::int64_t offset_until_s = 0;    // UTC second from which on another offset holds; INT64_MAX: never.
  std::int64_t day() const noexcept;  // Days since 1970-01-01.
  std::uint32_t minute() const noexcept { return static_cast<std::uint32_t>((local_s - day() * 86400) / 60); }
  // When the site's clocks show `later_s`, at the latest when the offset changes: whoever asks again then is right.
  PacketTime utc_of(std::int64_t later_s) const noexcept;
};

// The site's time zone, immutable and so shared by all threads: a look into a table by half years, then past the
// changes of that half year.
class LocalClock {
 public:
  LocalClock() : LocalClock(output::ZoneTable{}) {}  // UTC.
  explicit LocalClock(output::ZoneTable zone);
  LocalTime at(PacketTime time) const noexcept;

 private:
  static constexpr unsigned bucket_shift = 24;  // 194 days.
  output::ZoneTable zone_;
  std::vector<std::uint32_t> first_after_;  // By bucket: the first transition after its begin; empty: there is none.
};

bool is_within(const config::TimeWindow& window, const LocalTime& time) noexcept;
// The first second on the site's clocks, after `time`, at which `is_within` may say something else: the window's next
// begin or end, whatever its days.
std::int64_t next_change(const config::TimeWindow& window, const LocalTime& time) noexcept;

}  // namespace tsujiban::policy
