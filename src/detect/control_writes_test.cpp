#include "detect/control_writes.h"

#include <gtest/gtest.h>

#include "detect/control_test_support.h"

namespace tsujiban::detect::test {
namespace {

constexpr DetectorId unauthorized = DetectorId::control_unauthorized_write,
                     rejected = DetectorId::control_rejected_writes, range = DetectorId::control_value_out_of_range,
                     flapping = DetectorId::control_flapping;
constexpr double day = 86400;
const char* const hems = "192.168.1.2";
const char* const battery = "192.168.1.20";
const char* const stranger = "192.168.1.66";

const Value lamp_on{0x029001, 0x80, 0x30, LoadDirection::up}, lamp_off{0x029001, 0x80, 0x31, LoadDirection::down};

TEST(UnauthorizedWrite, the_ems_of_the_home_may_write_and_a_stranger_may_not) {
  ControlBench bench(control_writes_row, homes_text(2));
  bench.fact(set(0, hems, battery, charge, home(1)));
  EXPECT_EQ(bench.count(unauthorized), 0u);
  bench.fact(set(1, stranger, battery, charge, home(1)));
  EXPECT_EQ(bench.count(unauthorized, 1), 1u);
  EXPECT_NE(why(bench.alerts()[0], 1).find("right"), std::string::npos);
}

TEST(UnauthorizedWrite, its_severity_follows_effect_object_and_target) {
  ControlBench bench(control_writes_row, homes_text(1));
  const auto severity_of = [&](const Fact& fact) {
    const std::size_t before = bench.count(unauthorized);
    bench.fact(fact);
    return bench.count(unauthorized) == before ? 0 : static_cast<int>(bench.alerts().back().severity);
  };
  EXPECT_EQ(severity_of(set(0, stranger, battery, lamp_on, home(1))), 2);
  EXPECT_EQ(severity_of(refusal(set(0, stranger, battery, lamp_on, home(1)))), 3);
  EXPECT_EQ(severity_of(set(1, stranger, battery, charge, home(1))), 1);
  EXPECT_EQ(severity_of(refusal(set(1, stranger, battery, charge, home(1)))), 2);
  Value value = lamp_on;
  value.object = 0x029000;
  EXPECT_EQ(severity_of(set(2, stranger, battery, value, home(1))), 1);
  EXPECT_EQ(severity_of(set(3, stranger, "224.0.23.0", lamp_on, home(1))), 1);
  for (const auto& [effect, expected] : {std::pair{WriteEffect::permission, 1}, std::pair{WriteEffect::reset, 3},
                                         std::pair{WriteEffect::configuration, 3}, std::pair{WriteEffect::selector, 0},
                                         std::pair{WriteEffect::none, 0}}) {
    value = charge;
    value.effect = effect;
    EXPECT_EQ(severity_of(set(4, stranger, battery, value, home(1))), expected);
  }
}

TEST(UnauthorizedWrite, a_modbus_write_is_judged_by_the_rights_and_weighed_by_what_the_inventory_says) {
  ControlBench bench(control_writes_row,
                     homes_text(1,
                                "  - {name: pcs-1, role: device, address: 192.168.1.21, segment: han-1}\n"
                                "  - {name: lamp-1, role: device, address: 192.168.1.22, segment: han-1, object: "
                                "\"029001\"}\n"
                                "  - {name: meter-1, role: meter, address: 192.168.1.23, segment: han-1}\n"));
  const auto severity_of = [&](const char* writer, const char* target, WriteEffect effect = WriteEffect::physical,
                               std::uint32_t unit = 1) {
    Fact fact = set(0, writer, target, charge, home(1));
    fact.protocol = AppProtocol::modbus;
    fact.ip_protocol = static_cast<std::uint8_t>(IpProtocol::tcp);
    fact.destination_port = 502;
    fact.control_write.object = unit;
    fact.control_write.point = 40;
    fact.control_write.code = 5000;
    fact.control_write.size_bytes = 2;
    fact.control_write.effect = effect;
    fact.control_write.check = ValueCheck::unchecked;
    const std::size_t before = bench.count(unauthorized);
    bench.fact(fact);
    return bench.count(unauthorized) == before ? 0 : static_cast<int>(bench.alerts().back().severity);
  };
  EXPECT_EQ(severity_of(hems, "192.168.1.21"), 0);
  EXPECT_EQ(severity_of(stranger, "192.168.1.21"), 1);
  EXPECT_EQ(why(bench.alerts().back()), "unit 1 address 40 = 0x1388: changes the physical state");
  EXPECT_EQ(severity_of(stranger, battery), 1);
  EXPECT_EQ(severity_of(stranger, "192.168.1.22"), 2);
  EXPECT_EQ(severity_of(stranger, "192.168.1.23"), 2);
  // Unit 0 is the device itself, or who listens behind a gateway: no more than it says.
  EXPECT_EQ(severity_of(stranger, "192.168.1.22", WriteEffect::physical, 0), 2);
  EXPECT_EQ(severity_of(stranger, "192.168.1.21", WriteEffect::permission), 1);
  EXPECT_EQ(severity_of(stranger, "192.168.1.21", WriteEffect::configuration), 3);
}

TEST(UnauthorizedWrite, without_an_inventory_writers_are_learned_for_a_week) {
  ControlBench bench(control_writes_row, no_inventory);
  bench.fact(set(0, hems, battery));
  bench.fact(set(6.9 * day, stranger, "192.168.1.30"));
  EXPECT_EQ(bench.count(unauthorized), 0u);
  bench.fact(set(8 * day, hems, battery));
  bench.fact(set(8 * day, stranger, "192.168.1.30"));
  EXPECT_EQ(bench.count(unauthorized), 0u);
  bench.fact(set(8 * day, stranger, battery));
  bench.fact(set(8 * day, hems, battery, lamp_on));          // A class it never wrote.
  bench.fact(set(8 * day, hems, battery, charge, vlan(7)));  // The same addresses in another home.
  EXPECT_EQ(bench.count(unauthorized), 3u);
}

TEST(UnauthorizedWrite, what_was_learned_survives_a_restart_and_a_damaged_state_is_refused) {
  ControlBench before(control_writes_row, no_inventory);
  before.fact(set(0, hems, battery));
  const auto state = before.save();
  ControlBench after(control_writes_row, no_inventory, HashSeed{1, 2});
  ASSERT_TRUE(after.load(state));
  after.fact(set(8 * day, hems, battery));
  EXPECT_EQ(after.count(unauthorized), 0u);
  after.fact(set(8 * day, stranger, battery));
  EXPECT_EQ(after.count(unauthorized), 1u);
  for (std::size_t size = 0; size < state.size(); ++size) {
    ControlBench cut(control_writes_row, no_inventory);
    cut.load({state.begin(), state.begin() + static_cast<std::ptrdiff_t>(size)});
  }
}

TEST(RejectedWrites, ten_refusals_in_a_minute_are_a_series_whatever_the_targets_and_nine_are_not) {
  ControlBench bench(control_writes_row, no_inventory);
  for (int i = 0; i < 9; ++i) bench.fact(refusal(set(i * 6, stranger, "192.168.1." + std::to_string(20 + i))));
  EXPECT_EQ(bench.count(rejected), 0u);
  bench.fact(refusal(set(54, stranger, battery)));
  EXPECT_EQ(bench.count(rejected), 1u);
  bench.fact(refusal(set(55, stranger, "192.168.1.29")));
  EXPECT_EQ(bench.conditions(rejected), 1u);
  // A device that refuses a controller once a minute is its everyday.
  ControlBench calm(control_writes_row, no_inventory);
  for (int i = 0; i < 600; ++i) calm.fact(refusal(set(i * 7, stranger, battery)));
  EXPECT_EQ(calm.count(rejected), 0u);
}

TEST(RejectedWrites, a_message_that_is_refused_in_many_properties_counts_once) {
  ControlBench bench(control_writes_row, no_inventory);
  for (int i = 0; i < 40; ++i) bench.fact(refusal(set(5, hems, battery)));
  EXPECT_EQ(bench.count(rejected), 0u);
}

TEST(ValueOutOfRange, tells_numbers_outside_undefined_codes_and_more_than_the_rating) {
  ControlBench bench(control_writes_row, homes_text(1));
  Fact fact = set(0, hems, battery, charge, home(1));
  bench.fact(fact);
  fact.control_write.check = ValueCheck::out_of_range;
  bench.fact(fact);
  EXPECT_EQ(bench.count(range, 3), 1u);
  fact.control_write.check = ValueCheck::undefined_code;
  bench.fact(fact);
  EXPECT_EQ(bench.count(range, 3), 2u);
  EXPECT_NE(why(bench.alerts().back()).find("probe"), std::string::npos);
  for (const auto& [watts, expected] : {std::pair{6000u, 2u}, std::pair{6050u, 2u}, std::pair{6100u, 3u}}) {
    bench.fact(set(1, hems, battery, {0x027d01, 0xeb, watts, LoadDirection::up}, home(1)));
    EXPECT_EQ(bench.count(range), expected) << watts;
  }
  bench.fact(refusal(fact));
  EXPECT_EQ(bench.count(range), 3u);
}

TEST(Flapping, six_flips_of_one_device_in_ten_minutes_are_told_and_five_are_not) {
  ControlBench bench(control_writes_row, no_inventory);
  for (int i = 0; i <= 5; ++i) bench.fact(set(i * 60, hems, battery, i % 2 == 0 ? lamp_on : lamp_off));
  EXPECT_EQ(bench.count(flapping), 0u);
  bench.fact(set(360, stranger, battery, lamp_on));
  EXPECT_EQ(bench.count(flapping), 1u);
  // Slowly, over hours, it is daily life.
  ControlBench calm(control_writes_row, no_inventory);
  for (int i = 0; i < 100; ++i) calm.fact(set(i * 121, hems, battery, i % 2 == 0 ? lamp_on : lamp_off));
  EXPECT_EQ(calm.count(flapping), 0u);
}

TEST(Flapping, repeating_a_value_or_stepping_a_set_point_on_is_none) {
  ControlBench bench(control_writes_row, no_inventory);
  for (int i = 0; i < 30; ++i) bench.fact(set(i, hems, battery, lamp_on));
  for (std::uint32_t i = 0; i < 20; ++i) {
    bench.fact(set(60 + i, hems, battery, {0x013001, 0xb3, 18 + i, LoadDirection::depends}));
  }
  EXPECT_EQ(bench.count(flapping), 0u);
  for (int i = 0; i < 9; ++i) {
    bench.fact(set(200 + i, hems, battery, {0x013001, 0xb0, i % 2 == 0 ? 0x42u : 0x43u, LoadDirection::none}));
  }
  EXPECT_GT(bench.count(flapping), 0u);
}

TEST(Flapping, the_charging_and_the_discharging_power_in_one_message_turn_nothing) {
  ControlBench bench(control_writes_row, no_inventory);
  for (std::uint32_t i = 0; i < 30; ++i) {
    bench.fact(set(i, hems, battery, {0x027d01, 0xeb, 1000 + i, LoadDirection::up}));
    bench.fact(set(i, hems, battery, {0x027d01, 0xec, 2000 + i, LoadDirection::down}));
  }
  EXPECT_EQ(bench.count(flapping), 0u);
  for (int i = 0; i <= 6; ++i) bench.fact(set(60 + i, hems, battery, i % 2 == 0 ? charge : discharge));
  EXPECT_EQ(bench.count(flapping), 1u);
}

TEST(ControlWrites, a_source_that_writes_to_many_is_some_fifty_conditions_and_one_that_counts_on) {
  ControlBench bench(control_writes_row, homes_text(80));
  for (int i = 1; i <= 80; ++i) bench.fact(set(i, stranger, battery, charge, home(i)));
  constexpr DetectorId write = DetectorId::control_unauthorized_write;
  EXPECT_EQ(bench.count(write), 80u);
  EXPECT_EQ(bench.conditions(write), 51u);
  // Those that were told go on; an hour later there is room again.
  bench.fact(set(100, stranger, battery, discharge, home(1)));
  EXPECT_EQ(bench.conditions(write), 51u);
  bench.fact(set(4000, stranger, battery, charge, home(80)));
  EXPECT_EQ(bench.conditions(write), 52u);
}

TEST(ControlWrites, rotating_addresses_and_objects_cost_evictions_not_memory) {
  ControlBench bench(control_writes_row, no_inventory);
  for (std::uint32_t i = 0; i < 200'000; ++i) {
    Fact fact = set(i * 0.001, stranger, battery, charge);
    fact.source = IpAddress::v4(0x0a000000 + i);
    fact.control_write.object = 0x027d00 | (i & 0x7f);
    bench.fact(fact);
    bench.fact(refusal(fact));
  }
  EXPECT_GT(bench.engine().evictions(), 0u);
  EXPECT_EQ(bench.count(unauthorized), 0u);
}

}  // namespace
}  // namespace tsujiban::detect::test
