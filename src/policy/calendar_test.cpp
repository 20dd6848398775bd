#include "policy/calendar.h"

#include <gtest/gtest.h>

#include "policy/policy_test_site.h"

namespace tsujiban::policy {
namespace {

constexpr std::uint8_t monday = 1, friday = 16, sunday = 64;

config::TimeWindow window(std::uint8_t days, unsigned from, unsigned to) {
  config::TimeWindow w;
  w.days = days;
  w.from_minute = static_cast<std::uint16_t>(from);
  w.to_minute = static_cast<std::uint16_t>(to);
  return w;
}

// Days and hours as the clocks in Japan show them; day 0 is Monday 2026-11-16.
PacketTime tokyo(int day, int hour, int minute = 0, int second = 0) {
  constexpr std::int64_t monday_s = 1'794'754'800;  // 2026-11-15T15:00:00Z.
  return {(monday_s + day * 86400 + hour * 3600 + minute * 60 + second) * 1'000'000'000};
}

Calendar calendar_of(const std::string& text) { return Calendar(inventory_of(text)); }
const std::string in_japan = "site: {name: test, timezone: Asia/Tokyo}\n";

TEST(Calendar, a_window_holds_from_its_first_minute_up_to_its_end_in_the_sites_zone) {
  const Calendar calendar = calendar_of(in_japan + site_text);
  const config::TimeWindow w = window(sunday, 2 * 60, 4 * 60);
  EXPECT_FALSE(calendar.is_within(w, {tokyo(6, 2).ns - 1}));
  EXPECT_TRUE(calendar.is_within(w, tokyo(6, 2)));
  EXPECT_TRUE(calendar.is_within(w, tokyo(6, 3, 59, 59)));
  EXPECT_FALSE(calendar.is_within(w, tokyo(6, 4)));
  EXPECT_FALSE(calendar.is_within(w, tokyo(5, 3)));
  EXPECT_FALSE(calendar.is_within(w, tokyo(0, 3)));
  // In London it is another hour.
  EXPECT_FALSE(calendar_of("site: {name: test, timezone: Europe/London}\n" + site_text).is_within(w, tokyo(6, 3)));
}

TEST(Calendar, a_window_over_midnight_belongs_to_the_day_it_begins_on) {
  const Calendar calendar = calendar_of(in_japan + site_text);
  const config::TimeWindow w = window(friday, 22 * 60, 2 * 60);
  EXPECT_FALSE(calendar.is_within(w, tokyo(4, 1)));
  EXPECT_TRUE(calendar.is_within(w, tokyo(4, 22)));
  EXPECT_TRUE(calendar.is_within(w, tokyo(5, 1, 59)));
  EXPECT_FALSE(calendar.is_within(w, tokyo(5, 2)));
  EXPECT_FALSE(calendar.is_within(w, tokyo(5, 22)));
  // Sunday's goes into Monday.
  EXPECT_TRUE(calendar.is_within(window(sunday, 22 * 60, 2 * 60), tokyo(0, 1)));
}

TEST(Calendar, the_same_minute_twice_is_a_whole_day_and_24_00_is_its_end) {
  const Calendar calendar = calendar_of(in_japan + site_text);
  EXPECT_TRUE(calendar.is_within(window(monday, 480, 480), tokyo(1, 7, 59)));
  EXPECT_FALSE(calendar.is_within(window(monday, 480, 480), tokyo(1, 8)));
  EXPECT_FALSE(calendar.is_within(window(monday, 480, 480), tokyo(0, 7, 59)));
  EXPECT_TRUE(calendar.is_within(window(monday, 0, 1440), tokyo(0, 23, 59, 59)));
  EXPECT_FALSE(calendar.is_within(window(monday, 0, 1440), tokyo(1, 0)));
}

TEST(Calendar, no_windows_are_always_and_one_of_several_is_enough) {
  const Calendar calendar = calendar_of(in_japan + site_text);
  EXPECT_TRUE(calendar.is_within(std::span<const config::TimeWindow>{}, tokyo(0, 0)));
  const std::vector<config::TimeWindow> two = {window(monday, 60, 120), window(friday, 60, 120)};
  EXPECT_TRUE(calendar.is_within(two, tokyo(4, 1)));
  EXPECT_FALSE(calendar.is_within(two, tokyo(2, 1)));
}

TEST(Calendar, an_entry_holds_through_its_last_day) {
  const Calendar calendar = calendar_of(in_japan + site_text);
  const std::int64_t after_monday_s = 1'794'787'200 + 86400;  // 2026-11-17T00:00:00 as if it were UTC.
  EXPECT_FALSE(calendar.is_expired(after_monday_s, {tokyo(1, 0).ns - 1}));
  EXPECT_TRUE(calendar.is_expired(after_monday_s, tokyo(1, 0)));
  EXPECT_FALSE(calendar.is_expired(config::never_expires, {std::numeric_limits<std::int64_t>::max()}));
}

TEST(Calendar, the_ends_of_time_are_times_too) {
  for (const char* zone : {"UTC", "Asia/Tokyo", "America/New_York"}) {
    const Calendar calendar = calendar_of("site: {name: test, timezone: " + std::string(zone) + "}\n" + site_text);
    for (const std::int64_t ns : {std::numeric_limits<std::int64_t>::min(), std::int64_t{-1}, std::int64_t{0},
                                  std::numeric_limits<std::int64_t>::max()}) {
      EXPECT_TRUE(calendar.is_within(window(0x7f, 0, 1440), {ns})) << zone << ns;
      EXPECT_FALSE(calendar.is_within(window(0, 0, 1440), {ns})) << zone << ns;
    }
  }
}

TEST(LocalClock, agrees_with_the_timestamps_of_events_through_the_years) {
  for (const char* zone : {"UTC", "Asia/Tokyo", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu"}) {
    const LocalClock clock(output::load_zone(zone));
    output::TimestampWriter stamps(zone);
    std::int64_t second = -9'000'000'000;
    for (int i = 0; i < 200000; ++i, second += 90'000 + i % 3 * 77) {
      char text[output::TimestampWriter::text_size];
      stamps.write({second * 1'000'000'000}, text);
      const LocalTime local = clock.at({second * 1'000'000'000});
      ASSERT_EQ(local.minute(), static_cast<unsigned>((text[11] - '0') * 600 + (text[12] - '0') * 60 +
                                                      (text[14] - '0') * 10 + (text[15] - '0')))
          << zone << " " << second;
      ASSERT_GT(local.offset_until_s, second);
      ASSERT_EQ(clock.at({(local.offset_until_s < 9'000'000'000 ? local.offset_until_s - 1 : second) * 1'000'000'000})
                    .offset_s,
                local.offset_s);
    }
  }
}

TEST(Calendar, maintenance_is_everywhere_or_in_the_named_segments) {
  const Calendar calendar = calendar_of(in_japan + site_text +
                                        "maintenance:\n"
                                        "  - {days: [sun], from: \"02:00\", to: \"04:00\"}\n"
                                        "  - {segments: [han-12, fan], from: \"10:00\", to: \"11:00\"}\n");
  EXPECT_TRUE(calendar.in_maintenance(tokyo(6, 3), 0));
  EXPECT_TRUE(calendar.in_maintenance(tokyo(6, 3), 3));
  EXPECT_FALSE(calendar.in_maintenance(tokyo(5, 3), 3));
  EXPECT_TRUE(calendar.in_maintenance(tokyo(1, 10, 30), 2));
  EXPECT_TRUE(calendar.in_maintenance(tokyo(1, 10, 30), 4));
  EXPECT_FALSE(calendar.in_maintenance(tokyo(1, 10, 30), 3));
  EXPECT_FALSE(calendar.in_maintenance(tokyo(1, 10, 30), 0));
  EXPECT_FALSE(calendar_of(in_japan + site_text).in_maintenance(tokyo(6, 3), 2));
}

TEST(Calendar, a_dispatch_covers_its_writers_in_its_hours_and_the_largest_counts) {
  const Calendar calendar =
      calendar_of(in_japan + site_text +
                  "dispatch:\n"
                  "  - {by: aggregator-a, days: [mon, fri], from: \"17:00\", to: \"20:00\", kw_max: 5000}\n"
                  "  - {by: role:aggregator, days: [fri], from: \"18:00\", to: \"19:00\", kw_max: 8000}\n"
                  "  - {by: role:aggregator, days: [fri], from: \"18:30\", to: \"19:00\"}\n"
                  "  - {by: 203.0.113.10, from: \"00:00\", to: \"24:00\", kw_max: 10}\n");
  const auto at = [&](PacketTime time) { return calendar.dispatch_at(time, vlan(20), ip("10.20.0.10")); };
  EXPECT_EQ(at(tokyo(0, 17)), 1u);
  EXPECT_EQ(at(tokyo(1, 17)), 0u);
  EXPECT_EQ(at(tokyo(4, 17, 59)), 1u);
  EXPECT_EQ(at(tokyo(4, 18)), 2u);
  EXPECT_EQ(at(tokyo(4, 18, 30)), 3u);
  EXPECT_EQ(at(tokyo(4, 19)), 1u);
  EXPECT_EQ(calendar.dispatch(2).kw_max, 8000);
  EXPECT_EQ(calendar.dispatch_at(tokyo(3, 12), SegmentKey(), ip("203.0.113.10")), 4u);
  EXPECT_EQ(calendar.dispatch_at(tokyo(4, 18), vlan(30, 112), ip("192.168.1.2")), 0u);
  EXPECT_TRUE(calendar.has_dispatch_for(vlan(20), ip("10.20.0.10")));
  EXPECT_FALSE(calendar.has_dispatch_for(vlan(30, 112), ip("192.168.1.2")));
  EXPECT_FALSE(calendar_of(site_text).has_dispatch_for(vlan(20), ip("10.20.0.10")));
}

}  // namespace
}  // namespace tsujiban::policy
