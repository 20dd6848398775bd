#include "detect/echonet_messages.h"

#include <gtest/gtest.h>

#include "detect/control_test_support.h"

namespace tsujiban::detect::test {
namespace {

constexpr DetectorId malformed = DetectorId::echonet_malformed, enumeration = DetectorId::echonet_enumeration,
                     reflection = DetectorId::echonet_reflection, faults = DetectorId::echonet_fault_status;
const char* const hems = "192.168.1.2";
const char* const battery = "192.168.1.20";
const char* const stranger = "192.168.1.66";
const char* const group = "224.0.23.0";
const std::string home_text =
    "segments:\n  - {name: home, prefix: 192.168.1.0/24, erab: R5}\n"
    "assets:\n  - {name: hems, role: ems, address: 192.168.1.2, segment: home}\n"
    "  - {name: battery, role: device, address: 192.168.1.20, segment: home}\n";
std::string host(int i) { return "192.168.1." + std::to_string(i); }

TEST(EchonetMalformed, a_series_of_three_in_a_minute_is_told_once_a_source_and_single_ones_are_not) {
  ControlBench bench(echonet_messages_row, no_inventory);
  bench.fact(broken(0, stranger, battery));
  bench.fact(broken(1, stranger, host(21)));
  for (int i = 0; i < 100; ++i) bench.fact(broken(2 + i * 31, hems, battery));
  EXPECT_EQ(bench.count(malformed), 0u);
  bench.fact(broken(4000, stranger, battery));
  bench.fact(broken(4001, stranger, host(21)));
  bench.fact(broken(4002, stranger, host(22)));
  bench.fact(broken(4003, stranger, host(23)));
  EXPECT_EQ(bench.count(malformed, 3), 2u);
  EXPECT_EQ(bench.conditions(malformed), 1u);
}

TEST(EchonetMalformed, the_ways_of_real_devices_are_no_series) {
  ControlBench bench(echonet_messages_row, no_inventory);
  for (int i = 0; i < 100; ++i) {
    // Its answers to a controller that asks are broken, always the same way; so are its announcements.
    bench.fact(ask(i * 5, hems, battery, 0x027d01));
    bench.fact(broken(i * 5 + 1, battery, hems));
    bench.fact(broken(i * 5 + 2, battery, group));
    // A controller that leaves out the second list of SetGet, and one that pads.
    bench.fact(broken(i * 5 + 3, hems, battery, ParseError::echonet_setget_missing_get));
    bench.fact(broken(i * 5 + 4, hems, battery, ParseError::echonet_trailing_data));
  }
  EXPECT_EQ(bench.count(malformed), 0u);
}

TEST(EchonetMalformed, other_protocols_are_none_of_its_business) {
  ControlBench bench(echonet_messages_row, no_inventory);
  for (int i = 0; i < 9; ++i) {
    Fact fact = broken(i, stranger, battery);
    fact.protocol = AppProtocol::unknown;
    bench.fact(fact);
  }
  EXPECT_EQ(bench.count(malformed), 0u);
}

TEST(EchonetMalformed, written_values_of_a_wrong_size_count) {
  ControlBench bench(echonet_messages_row, no_inventory);
  for (int i = 0; i < 3; ++i) {
    Fact fact = set(i, stranger, battery);
    fact.control_write.check = ValueCheck::bad_size;
    bench.fact(fact);
  }
  EXPECT_EQ(bench.count(malformed, 3), 1u);
}

TEST(EchonetMalformed, a_target_that_restarts_after_it_makes_it_severe) {
  for (const double later : {10.0, 70.0}) {
    ControlBench bench(echonet_messages_row, no_inventory);
    bench.tell_news_twice();
    for (int i = 0; i < 3; ++i) bench.fact(broken(i, stranger, battery));
    bench.fact(seen(3, battery, 0x027d01, ObjectSeen::How::announced));
    EXPECT_EQ(bench.count(malformed, 2), 0u);
    bench.fact(seen(2 + later, battery, 0x0ef001, ObjectSeen::How::announced));
    EXPECT_EQ(bench.count(malformed, 2), later < 60 ? 1u : 0u);
  }
}

TEST(EchonetMalformed, a_target_that_falls_silent_makes_it_severe_and_one_that_goes_on_does_not) {
  for (const bool falls_silent : {true, false}) {
    ControlBench bench(echonet_messages_row, no_inventory);
    for (int i = 0; i < 30; ++i) {
      const double now = i * 30;
      bench.fact(ask(now, hems, battery, 0x027d01));
      if (i < 3 || !falls_silent) bench.fact(seen(now + 0.1, battery, 0x027d01, ObjectSeen::How::answered));
      if (i == 2) {
        for (int n = 0; n < 3; ++n) bench.fact(broken(now + 1 + n, stranger, battery));
      }
    }
    EXPECT_EQ(bench.count(malformed, 2), falls_silent ? 1u : 0u);
  }
}

TEST(EchonetEnumeration, a_controllers_start_is_silent_or_told_as_one) {
  ControlBench bench(echonet_messages_row, home_text);
  for (int i = 0; i < 3; ++i) bench.fact(exchange(FactKind::request, i, hems, group, 0x05ff01, 0x0ef001, 1));
  EXPECT_EQ(bench.count(enumeration), 0u);
  for (int i = 0; i < 12; ++i) bench.fact(ask(4 + i * 0.1, hems, host(20 + i), 0x0ef001, {0x9d, 0x9e, 0x9f}));
  EXPECT_EQ(bench.count(enumeration), bench.count(enumeration, 4));
  EXPECT_EQ(bench.conditions(enumeration), 1u);
}

TEST(EchonetEnumeration, a_fourth_discovery_within_ten_seconds_is_told) {
  ControlBench bench(echonet_messages_row, home_text);
  for (int i = 0; i < 3; ++i) bench.fact(exchange(FactKind::request, i, stranger, group, 0x05ff01, 0x0ef001, 1));
  bench.fact(exchange(FactKind::request, 20, stranger, group, 0x05ff01, 0x0ef001, 1));
  EXPECT_EQ(bench.count(enumeration), 0u);
  for (int i = 0; i < 3; ++i) bench.fact(exchange(FactKind::request, 21 + i, stranger, group, 0x05ff01, 0x0ef001, 1));
  EXPECT_EQ(bench.count(enumeration, 3), 1u);
}

TEST(EchonetEnumeration, a_walk_over_hosts_is_told_by_where_it_comes_from) {
  for (const auto& [from, severity] : {std::pair{stranger, 3}, std::pair{"203.0.113.9", 2}}) {
    ControlBench bench(echonet_messages_row, home_text);
    bench.tell_news_twice();
    for (int i = 0; i < 7; ++i) bench.fact(ask(i, from, host(20 + i), 0x0ef001, {0xd6}));
    for (int i = 0; i < 7; ++i) bench.fact(ask(10 + i, from, host(20 + i), 0x0ef001, {0xd6}));
    EXPECT_EQ(bench.count(enumeration), 0u);
    bench.fact(ask(30, from, host(40), 0x0ef001, {0xd6}));
    EXPECT_EQ(bench.count(enumeration, severity), 1u);
  }
}

TEST(EchonetEnumeration, a_walk_over_properties_is_told_and_a_fixed_list_with_refusals_is_not) {
  ControlBench bench(echonet_messages_row, no_inventory);
  bench.tell_news_twice();
  for (int i = 0; i < 100; ++i) {
    bench.fact(ask(i * 60, hems, battery, 0x027d01, {0x80, 0x84, 0x85, 0x8f, 0xa0, 0xa1, 0xda, 0xe2, 0xe4}));
    bench.fact(ask(i * 60 + 1, hems, battery, 0x027d01, {0x84, 0x85, 0x8f}, true));
  }
  EXPECT_EQ(bench.count(enumeration), 0u);
  for (std::uint32_t epc = 0; epc < 16; ++epc)
    bench.fact(ask(7000 + epc, stranger, battery, 0x027d01, {0xe0 + epc}, true));
  EXPECT_EQ(bench.count(enumeration), 0u);
  bench.fact(ask(7017, stranger, battery, 0x027d01, {0xd0}, true));
  EXPECT_EQ(bench.count(enumeration, 3), 1u);
  // A target that does not even refuse.
  for (std::uint32_t epc = 0x80; epc <= 0x80 + 64; ++epc)
    bench.fact(ask(9000 + epc * 0.1, stranger, host(30), 0x013001, {epc}));
  EXPECT_EQ(bench.count(enumeration, 3), 2u);
}

TEST(EchonetEnumeration, without_an_inventory_who_asked_long_before_is_a_controller_and_stays_one_over_a_restart) {
  ControlBench bench(echonet_messages_row, no_inventory);
  bench.fact(ask(0, hems, battery, 0x027d01));
  ControlBench after(echonet_messages_row, no_inventory, HashSeed{3, 4});
  ASSERT_TRUE(after.load(bench.save()));
  for (int i = 0; i < 8; ++i) after.fact(ask(4000 + i, hems, host(20 + i), 0x0ef001, {0xd6}));
  EXPECT_EQ(after.count(enumeration, 4), 1u);
  for (int i = 0; i < 8; ++i) after.fact(ask(4000 + i, stranger, host(20 + i), 0x0ef001, {0xd6}));
  EXPECT_EQ(after.count(enumeration, 3), 1u);
}

TEST(EchonetReflection, answers_that_nobody_asked_for_are_told_beyond_factor_and_count) {
  ControlBench bench(echonet_messages_row, no_inventory);
  bench.fact(ask(0, hems, battery, 0x027d01));
  for (int i = 0; i < 9; ++i) {
    bench.fact(exchange(FactKind::response, 1 + i, host(20 + i), "192.168.1.99", 0x027d01, 0x05ff01, 7));
  }
  EXPECT_EQ(bench.count(reflection), 0u);
  bench.fact(exchange(FactKind::response, 10, battery, "192.168.1.99", 0x027d01, 0x05ff01, 8));
  EXPECT_EQ(bench.count(reflection, 2), 1u);
  bench.fact(exchange(FactKind::response, 11, host(30), "192.168.1.99", 0x027d01, 0x05ff01, 9));
  EXPECT_EQ(bench.conditions(reflection), 1u);
}

TEST(EchonetReflection, answers_to_a_request_to_all_and_late_ones_of_a_pair_are_no_reflection) {
  ControlBench bench(echonet_messages_row, no_inventory);
  bench.fact(exchange(FactKind::request, 0, hems, group, 0x05ff01, 0x0ef001, 7, false, 14));
  for (int i = 0; i < 50; ++i) {
    bench.fact(exchange(FactKind::response, 1 + i * 0.01, host(20 + i), hems, 0x0ef001, 0x05ff01, 7));
    bench.fact(exchange(FactKind::response, 2 + i, battery, hems, 0x027d01, 0x05ff01, 9, true));
    bench.fact(exchange(FactKind::response, 2 + i, battery, hems, 0x027d01, 0x0ef001, 9, false, 100, 0x63));
  }
  EXPECT_EQ(bench.count(reflection), 0u);
}

TEST(EchonetReflection, rests_on_a_link_where_requests_are_never_seen) {
  ControlBench bench(echonet_messages_row, no_inventory);
  for (int i = 0; i < 50; ++i) {
    bench.fact(exchange(FactKind::response, i, battery, hems, 0x027d01, 0x05ff01, static_cast<std::uint16_t>(i)));
  }
  EXPECT_EQ(bench.count(reflection), 0u);
  EXPECT_EQ(bench.count(DetectorId::sensor_blind), 1u);
}

TEST(EchonetReflection, what_leaves_the_site_is_told) {
  ControlBench bench(echonet_messages_row, home_text);
  bench.fact(exchange(FactKind::response, 0, battery, "203.0.113.9", 0x027d01, 0x05ff01, 1));
  EXPECT_EQ(bench.count(reflection, 2), 1u);
  ControlBench read(echonet_messages_row, home_text);
  read.tell_news_twice();
  for (std::uint32_t epc = 0xe0; epc < 0xe5; ++epc) read.fact(reading(0, battery, "203.0.113.9", 0x027d01, epc, 1));
  EXPECT_EQ(read.count(reflection, 2), 1u);
}

TEST(EchonetReflection, answers_that_a_host_outside_seems_to_have_asked_for_are_measured) {
  const auto exchange_of = [](double seconds, int port, std::uint64_t answer_bytes) {
    Fact fact = conversation(seconds, ConversationSeen::Moment::answered, {"203.0.113.9", battery, 3610});
    fact.source_port = static_cast<std::uint16_t>(port);
    fact.protocol = AppProtocol::echonet_lite;
    fact.conversation.packets = 2;
    fact.conversation.bytes = 2 * 42 + 14 + answer_bytes;
    return fact;
  };
  ControlBench bench(echonet_messages_row, home_text), modest(echonet_messages_row, home_text);
  for (int i = 0; i < 3; ++i) {
    for (ControlBench* one : {&bench, &modest}) {
      EXPECT_EQ(one->count(reflection), 0u);
      one->fact(ask(i, "203.0.113.9", battery, 0x027d01));
      one->fact(exchange_of(i + 0.5, 40'000 + i, one == &bench ? 60 : 16));
    }
  }
  EXPECT_EQ(bench.count(reflection, 2), 1u);
  EXPECT_EQ(bench.alerts().back().source, ip(battery));
  EXPECT_EQ(modest.count(reflection), 0u);
  // Where the answer begins a flow by itself, and only where somebody asked.
  ControlBench back(echonet_messages_row, home_text);
  for (int i = 0; i < 6; ++i) {
    Fact fact = conversation(i, ConversationSeen::Moment::began, {battery, "203.0.113.9", 3610});
    fact.protocol = AppProtocol::echonet_lite;
    if (i == 3) back.fact(ask(i, "203.0.113.9", battery, 0x027d01));
    back.fact(fact);
    EXPECT_EQ(back.count(reflection), i < 5 ? 0u : 1u);
  }
}

TEST(EchonetFaultStatus, counts_devices_that_begin_to_fail_and_not_those_that_have_failed_long_ago) {
  ControlBench bench(echonet_messages_row, no_inventory);
  bench.tell_news_twice();
  // Twenty that are polled and have been broken all along.
  for (int round = 0; round < 10; ++round) {
    for (int i = 0; i < 20; ++i) bench.fact(reading(round * 60 + i, host(100 + i), hems, 0x013001, 0x88, 0x41));
  }
  EXPECT_EQ(bench.count(faults), 0u);
  for (int i = 0; i < 5; ++i) bench.fact(reading(1000 + i, host(20 + i), hems, 0x013001, 0x88, 0x42));
  for (int i = 0; i < 4; ++i) bench.fact(reading(2000 + i, host(20 + i), hems, 0x013001, 0x88, 0x41));
  for (int i = 0; i < 4; ++i) bench.fact(reading(2010 + i, host(20 + i), hems, 0x013001, 0x88, 0x41, true));
  EXPECT_EQ(bench.count(faults), 0u);
  bench.fact(reading(2020, host(24), hems, 0x013001, 0x88, 0x41));
  EXPECT_EQ(bench.count(faults, 2), 1u);
  bench.fact(reading(2021, host(30), group, 0x013001, 0x88, 0x41, true));
  EXPECT_EQ(bench.conditions(faults), 1u);
}

TEST(EchonetMessages, rotating_addresses_cost_evictions_not_memory) {
  ControlBench bench(echonet_messages_row, no_inventory);
  for (std::uint32_t i = 0; i < 150'000; ++i) {
    const double now = i * 0.0001;
    Fact fact = ask(now, stranger, battery, 0x027d01, {0xd6, 0x9d});
    fact.source = IpAddress::v4(0x0a000000 + i);
    fact.destination = IpAddress::v4(0x0b000000 + i * 7);
    bench.fact(fact);
    fact = broken(now, stranger, battery);
    fact.source = IpAddress::v4(0x0a000000 + i);
    bench.fact(fact);
    fact = exchange(FactKind::response, now, stranger, battery, 0x027d01, 0x05ff01, static_cast<std::uint16_t>(i));
    fact.destination = IpAddress::v4(0x0a000000 + i);
    bench.fact(fact);
  }
  EXPECT_GT(bench.engine().evictions(), 0u);
}

}  // namespace
}  // namespace tsujiban::detect::test
