#include "detect/control_power.h"

#include <gtest/gtest.h>

#include "detect/control_test_support.h"

namespace tsujiban::detect::test {
namespace {

constexpr DetectorId load = DetectorId::control_load_altering, swing = DetectorId::control_oscillation,
                     eventless = DetectorId::control_without_event;
const char* const hems = "192.168.1.2";
const char* const battery = "192.168.1.20";
const char* const aggregator = "203.0.113.10";
// `at(0)` is a Friday, 09:00.
const std::string dispatch_now =
    "dispatch: [{by: aggregator-a, days: [fri], from: \"08:00\", to: \"10:00\", kw_max: 8000}]\n";
// The share would tell first: with 1,200 homes it needs 240 devices.
const std::string by_power = "detectors: {control.load-altering: {window: 60s, kw: 600, devices_min: 100000}}\n";

TEST(LoadAltering, many_writers_each_below_the_limit_are_one_alert_with_their_sum) {
  ControlBench bench(control_power_row, homes_text(120, by_power));
  for (int i = 1; i < 100; ++i) bench.fact(set(i * 0.5, hems, battery, charge, home(i)));
  EXPECT_EQ(bench.count(load), 0u);
  bench.fact(set(50, hems, battery, charge, home(100)));
  ASSERT_EQ(bench.count(load, 1), 1u);
  EXPECT_DOUBLE_EQ(bench.alerts()[0].power_at_risk_kw, 600);
  EXPECT_DOUBLE_EQ(bench.engine().power_at_risk_kw(), 600);
  EXPECT_NE(why(bench.alerts()[0], 1).find("100 segments, 100 writers"), std::string::npos)
      << why(bench.alerts()[0], 1);
  bench.fact(set(50.5, hems, battery, charge, home(101)));
  EXPECT_EQ(bench.count(load), 2u);
  EXPECT_EQ(bench.conditions(load), 1u);
}

TEST(LoadAltering, one_device_written_again_and_again_counts_once_and_a_refused_one_not_at_all) {
  ControlBench bench(control_power_row, homes_text(120, by_power));
  for (int round = 0; round < 50; ++round)
    bench.fact(set(round, hems, battery, round % 2 == 0 ? charge : discharge, home(1)));
  EXPECT_DOUBLE_EQ(bench.engine().power_at_risk_kw(), 6);
  for (int i = 2; i <= 120; ++i) {
    bench.fact(set(55, hems, battery, charge, home(i)));
    bench.fact(refusal(set(55, hems, battery, charge, home(i))));
  }
  EXPECT_EQ(bench.count(load), 0u);
  EXPECT_DOUBLE_EQ(bench.engine().power_at_risk_kw(), 6);
}

TEST(LoadAltering, directions_are_summed_apart_and_a_ramp_slower_than_the_window_is_not_told) {
  ControlBench bench(control_power_row, homes_text(120, by_power));
  for (int i = 1; i <= 120; ++i) bench.fact(set(i * 0.1, hems, battery, i % 2 == 0 ? charge : discharge, home(i)));
  EXPECT_EQ(bench.count(load), 0u);
  ControlBench slow(control_power_row, homes_text(120, by_power));
  for (int i = 1; i <= 120; ++i) slow.fact(set(i * 2, hems, battery, charge, home(i)));
  EXPECT_EQ(slow.count(load), 0u);
  slow.tick_until(at(400));
  EXPECT_DOUBLE_EQ(slow.engine().power_at_risk_kw(), 0);
}

TEST(LoadAltering, controllers_that_repeat_what_is_so_already_move_nothing) {
  ControlBench bench(control_power_row, homes_text(120, by_power));
  for (int i = 1; i <= 120; ++i)
    bench.fact([&] {
      Fact fact = reading(0, battery, hems, 0x027d01, 0xda, 0x42);
      fact.segment = home(i);
      return fact;
    }());
  for (int i = 1; i <= 120; ++i) bench.fact(set(5, hems, battery, charge, home(i)));
  EXPECT_EQ(bench.count(load), 0u);
  // And so after a restart.
  ControlBench after(control_power_row, homes_text(120, by_power), HashSeed{5, 6});
  ASSERT_TRUE(after.load(bench.save()));
  for (int i = 1; i <= 120; ++i) after.fact(set(9, hems, battery, charge, home(i)));
  EXPECT_EQ(after.count(load), 0u);
  for (int i = 1; i <= 120; ++i) after.fact(set(10, hems, battery, discharge, home(i)));
  EXPECT_GT(after.count(load), 0u);
}

TEST(LoadAltering, standby_goes_against_what_the_battery_did) {
  ControlBench bench(control_power_row, homes_text(120, by_power));
  for (int i = 1; i <= 100; ++i) bench.fact(set(0, hems, battery, charge, home(i)));
  bench.tick_until(at(200));
  const std::size_t before = bench.count(load);
  for (int i = 1; i <= 100; ++i) bench.fact(set(200, hems, battery, standby, home(i)));
  EXPECT_EQ(bench.count(load), before + 1);
  EXPECT_NE(why(bench.alerts().back()).find("down"), std::string::npos);
}

TEST(LoadAltering, a_dispatch_that_the_schedule_covers_is_one_record) {
  ControlBench bench(control_power_row,
                     homes_text(1000, dispatch_now + "detectors: {control.load-altering: {window: 60s, kw: 600}}\n"));
  for (int i = 1; i <= 1000; ++i) bench.fact(set(i * 0.03, aggregator, battery, discharge, home(i)));
  EXPECT_GT(bench.count(load), 0u);
  EXPECT_EQ(bench.count(load), bench.count(load, 4));
  EXPECT_EQ(bench.conditions(load), 1u);
  EXPECT_EQ(bench.count(eventless), 0u);
  // The day before, nothing covers it.
  ControlBench uncovered(control_power_row, homes_text(1000, dispatch_now + by_power.substr(0)));
  for (int i = 1; i <= 1000; ++i) uncovered.fact(set(i * 0.03 - 86400, aggregator, battery, discharge, home(i)));
  EXPECT_EQ(uncovered.conditions(load), 1u);
  EXPECT_GT(uncovered.count(load, 1), 0u);
  EXPECT_EQ(uncovered.count(eventless, 2), 1000u);
}

TEST(LoadAltering, what_goes_beyond_the_declared_power_is_not_covered) {
  const std::string small =
      "dispatch: [{by: aggregator-a, days: [fri], from: \"08:00\", to: \"10:00\", kw_max: 300}]\n";
  ControlBench bench(control_power_row, homes_text(200, small + by_power));
  for (int i = 1; i <= 149; ++i) bench.fact(set(i * 0.1, aggregator, battery, discharge, home(i)));
  EXPECT_EQ(bench.count(load), 0u);
  bench.fact(set(15, aggregator, battery, discharge, home(150)));
  EXPECT_EQ(bench.count(load, 1), 1u);
}

TEST(LoadAltering, without_an_inventory_a_share_of_the_learned_devices_tells) {
  ControlBench bench(control_power_row, no_inventory);
  const Value off{0x013001, 0x80, 0x31, LoadDirection::down}, on{0x013001, 0x80, 0x30, LoadDirection::up};
  for (int i = 0; i < 50; ++i) {
    bench.fact(seen(i, "192.168.1." + std::to_string(20 + i), 0x013001, ObjectSeen::How::announced));
  }
  bench.tell_news_twice();
  // While devices are learned nobody knows how many there are.
  for (int i = 0; i < 20; ++i) bench.fact(set(100 + i, hems, "192.168.1." + std::to_string(20 + i), on));
  EXPECT_EQ(bench.count(load), 0u);
  EXPECT_GT(bench.count(DetectorId::sensor_blind), 0u);
  const double later = 7 * 86400 + 100;
  ControlBench after(control_power_row, no_inventory, HashSeed{3, 4});
  ASSERT_TRUE(after.load(bench.save()));
  for (int i = 0; i < 9; ++i) after.fact(set(later + i, hems, "192.168.1." + std::to_string(20 + i), off));
  EXPECT_EQ(after.count(load), 0u);
  after.fact(set(later + 10, hems, "192.168.1.29", off));
  EXPECT_EQ(after.count(load, 1), 1u);
}

TEST(LoadAltering, a_write_to_a_group_touches_every_matching_asset_of_the_segment) {
  const std::string text =
      "segments:\n  - {name: hall, prefix: 192.168.1.0/24}\n"
      "assets:\n"
      "  - {name: ems, role: ems, address: 192.168.1.2, segment: hall}\n"
      "  - {name: b1, role: device, address: 192.168.1.20, segment: hall, object: \"027D01\", capacity_kw: 400}\n"
      "  - {name: b2, role: device, address: 192.168.1.21, segment: hall, object: \"027D01\", capacity_kw: 400}\n"
      "  - {name: pv, role: device, address: 192.168.1.22, segment: hall, object: \"027901\", capacity_kw: 400}\n";
  ControlBench bench(control_power_row, text + by_power);
  Value all = charge;
  all.object = 0x027d00;
  bench.fact(set(0, "192.168.1.66", "224.0.23.0", all));
  ASSERT_EQ(bench.count(load), 1u);
  EXPECT_DOUBLE_EQ(bench.alerts()[0].power_at_risk_kw, 800);
}

TEST(Oscillation, three_turns_of_many_devices_within_ten_minutes_are_told) {
  ControlBench bench(control_power_row, homes_text(200));
  const auto turn = [&](double when, const Value& value) {
    for (int i = 1; i <= 200; ++i) bench.fact(set(when + i * 0.01, hems, battery, value, home(i)));
  };
  turn(0, charge);
  turn(100, discharge);
  turn(200, charge);
  EXPECT_EQ(bench.count(swing), 0u);
  turn(300, discharge);
  EXPECT_EQ(bench.count(swing, 1), 1u);
  EXPECT_GE(bench.alerts().back().power_at_risk_kw, 800);
}

TEST(Oscillation, a_day_with_two_dispatches_and_mixed_writes_is_none) {
  ControlBench bench(control_power_row, homes_text(200));
  for (int hour = 0; hour < 24; ++hour) {
    for (int i = 1; i <= 200; ++i) {
      bench.fact(set(hour * 3600 + i * 18, hems, battery, (hour + i) % 2 == 0 ? charge : discharge, home(i)));
    }
  }
  EXPECT_EQ(bench.count(swing), 0u);
}

TEST(WithoutEvent, rests_where_no_schedule_is_declared_and_leaves_a_grace) {
  ControlBench bench(control_power_row, homes_text(2));
  bench.fact(set(0, aggregator, battery, discharge, home(1)));
  EXPECT_EQ(bench.count(eventless), 0u);
  EXPECT_EQ(bench.count(DetectorId::sensor_blind), 1u);
  ControlBench declared(control_power_row, homes_text(2, dispatch_now));
  declared.fact(set(0, hems, battery, discharge, home(1)));
  declared.fact(set(3600 + 290, aggregator, battery, charge, home(1)));
  EXPECT_EQ(declared.count(eventless), 0u);
  declared.fact(set(3600 + 310, aggregator, battery, discharge, home(1)));
  EXPECT_EQ(declared.count(eventless, 2), 1u);
}

TEST(ControlPower, rotating_objects_and_addresses_cost_evictions_not_memory_and_leave_no_sum_behind) {
  ControlBench bench(control_power_row, homes_text(1));
  for (std::uint32_t i = 0; i < 300'000; ++i) {
    Fact fact = set(i * 0.00001, hems, battery, i % 3 == 0 ? discharge : charge, home(static_cast<int>(i % 500)));
    fact.source = IpAddress::v4(0x0a000000 + i);
    fact.destination = IpAddress::v4(0x0b000000 + i);
    bench.fact(fact);
  }
  EXPECT_GT(bench.engine().evictions(), 0u);
  bench.tick_until(at(200));
  EXPECT_DOUBLE_EQ(bench.engine().power_at_risk_kw(), 0);
}

}  // namespace
}  // namespace tsujiban::detect::test
