#include "detect/echonet_nodes.h"

#include <gtest/gtest.h>

#include "detect/control_test_support.h"

namespace tsujiban::detect::test {
namespace {

constexpr DetectorId spoofed = DetectorId::echonet_spoofed_response;
const char* const hems = "192.168.1.2";
const char* const battery = "192.168.1.20";
const char* const aircon = "192.168.1.21";
const char* const attacker = "192.168.1.66";
const char* const mac_a = "02:00:00:00:00:0a";
const char* const mac_b = "02:00:00:00:00:0b";

Fact identity(double seconds, const char* from, const char* by,
              std::string_view bytes = "FE000077000000000000000000000001") {
  Fact fact = reading(seconds, from, hems, 0x0ef001, 0x83, 0xfe000077, false, by);
  fact.reading.value_hash = hash_bytes(HashSeed{}, {reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()});
  return fact;
}
Fact speaks(double seconds, const char* from, const char* by) {
  return seen(seconds, from, 0x027d01, ObjectSeen::How::answered, by);
}

TEST(SpoofedResponse, an_answer_without_a_request_from_another_link_address_is_told_at_once) {
  ControlBench bench(echonet_nodes_row, no_inventory);
  bench.fact(speaks(0, battery, mac_a));
  Fact answer = exchange(FactKind::response, 1, battery, hems, 0x027d01, 0x05ff01, 7, true);
  answer.source_mac = mac(mac_a);
  bench.fact(answer);
  EXPECT_EQ(bench.count(spoofed), 0u);
  answer.source_mac = mac(mac_b);
  bench.fact(answer);
  EXPECT_EQ(bench.count(spoofed, 2), 1u);
}

TEST(SpoofedResponse, a_third_answer_of_another_transaction_within_a_minute_is_told_and_retries_are_not) {
  ControlBench bench(echonet_nodes_row, no_inventory);
  for (int i = 0; i < 7; ++i) bench.fact(exchange(FactKind::response, i, battery, hems, 0x027d01, 0x05ff01, 7, true));
  bench.fact(exchange(FactKind::response, 8, battery, hems, 0x027d01, 0x05ff01, 8, true));
  EXPECT_EQ(bench.count(spoofed), 0u);
  bench.fact(exchange(FactKind::response, 9, battery, hems, 0x027d01, 0x05ff01, 9, true));
  EXPECT_EQ(bench.count(spoofed), 1u);
}

TEST(SpoofedResponse, answers_to_a_group_and_announcements_to_one_host_are_legal) {
  ControlBench bench(echonet_nodes_row, no_inventory);
  bench.fact(exchange(FactKind::request, 0, hems, "224.0.23.0", 0x05ff01, 0x0ef001, 7));
  for (int i = 0; i < 20; ++i) {
    bench.fact(exchange(FactKind::response, 1, battery, hems, 0x0ef001, 0x05ff01, 7, true));
    bench.fact(exchange(FactKind::response, 1 + i, battery, hems, 0x027d01, 0x0ef001, static_cast<std::uint16_t>(i),
                        true, 20, 0x63));
  }
  EXPECT_EQ(bench.count(spoofed), 0u);
}

TEST(SpoofedResponse, another_host_that_answers_for_the_one_that_was_asked_is_told) {
  ControlBench bench(echonet_nodes_row, no_inventory);
  bench.fact(speaks(0, battery, mac_a));
  bench.fact(ask(1, hems, battery, 0x027d01, {0xe4}));
  Fact answer = exchange(FactKind::response, 2, attacker, hems, 0x027d01, 0x05ff01, 7);
  answer.source_mac = mac(mac_b);
  bench.fact(answer);
  EXPECT_EQ(bench.count(spoofed, 2), 1u);
  // The same node by its other address, and a node that was asked a while ago.
  answer.source_mac = mac(mac_a);
  answer.source = ip("fe80::20");
  answer.time = at(3);
  bench.fact(answer);
  bench.fact(ask(4, hems, aircon, 0x027d01, {0x80}));
  bench.fact(ask(90, hems, battery, 0x027d01, {0xe4}));
  bench.fact(exchange(FactKind::response, 91, aircon, hems, 0x027d01, 0x05ff01, 8));
  EXPECT_EQ(bench.count(spoofed), 1u);
}

TEST(SpoofedResponse, an_announcement_of_an_object_that_the_node_does_not_list_is_told_once) {
  ControlBench bench(echonet_nodes_row, no_inventory);
  bench.tell_news_twice();
  bench.fact(seen(0, attacker, 0x028801, ObjectSeen::How::announced));  // Its list is not known.
  bench.fact(seen(0, battery, 0x0ef001, ObjectSeen::How::announced));
  bench.fact(seen(0, battery, 0x027d01, ObjectSeen::How::listed));
  bench.fact(seen(1, battery, 0x027d01, ObjectSeen::How::announced));
  bench.fact(seen(1, battery, 0x027902, ObjectSeen::How::answered));
  bench.fact(seen(2, battery, 0x027902, ObjectSeen::How::announced));
  EXPECT_EQ(bench.count(spoofed), 0u);
  bench.fact(seen(3, battery, 0x028801, ObjectSeen::How::announced));
  EXPECT_EQ(bench.count(spoofed, 2), 1u);
  // What was listed is known after a restart.
  ControlBench after(echonet_nodes_row, no_inventory, HashSeed{7, 8});
  const auto state = bench.save();
  ASSERT_TRUE(after.load(state));
  after.fact(seen(4, battery, 0x027d01, ObjectSeen::How::announced));
  EXPECT_EQ(after.count(spoofed), 0u);
  after.fact(seen(5, battery, 0x013001, ObjectSeen::How::announced));
  EXPECT_EQ(after.count(spoofed), 1u);
  for (std::size_t size = 0; size < state.size(); ++size) {
    ControlBench cut(echonet_nodes_row, no_inventory);
    cut.load({state.begin(), state.begin() + static_cast<std::ptrdiff_t>(size)});
  }
}

TEST(SpoofedResponse, an_object_that_the_inventory_gives_to_another_host_that_speaks_is_told) {
  const std::string text =
      "segments:\n  - {name: han, prefix: 192.168.1.0/24}\n"
      "assets:\n"
      "  - {name: battery, role: device, address: 192.168.1.20, segment: han, object: \"027D01\"}\n"
      "  - {name: hems, role: ems, address: 192.168.1.2, segment: han}\n";
  const auto announced = ObjectSeen::How::announced;
  const char *const intruder = "192.168.1.66", *const its_mac = "b8:27:eb:00:00:01",
                    *const own_mac = "02:00:00:00:00:20";
  ControlBench bench(echonet_nodes_row, text);
  bench.tell_news_twice();
  bench.fact(seen(0, intruder, 0x027d01, announced, its_mac));  // The owner was not heard: it may have moved.
  EXPECT_EQ(bench.count(spoofed), 0u);
  bench.fact(seen(10, "192.168.1.20", 0x027d01, announced, own_mac));
  bench.fact(seen(11, "fe80::20", 0x027d01, announced, own_mac));      // Its other address.
  bench.fact(seen(12, "192.168.1.70", 0x027d02, announced, its_mac));  // Another object.
  bench.fact(seen(13, "192.168.1.71", 0x027d01, ObjectSeen::How::listed, "02:00:00:00:00:71"));
  bench.fact(seen(14, "192.168.1.71", 0x027d01, announced, "02:00:00:00:00:71"));  // A second battery.
  bench.fact(seen(15, "192.168.1.2", 0x027d01, announced, "02:00:00:00:00:02"));   // An asset of its own.
  EXPECT_EQ(bench.count(spoofed), 0u);
  bench.fact(seen(20, intruder, 0x027d01, announced, its_mac));
  bench.fact(seen(60, intruder, 0x027d01, announced, its_mac));
  EXPECT_EQ(bench.count(spoofed, 2), 1u);
}

TEST(SpoofedResponse, one_identity_at_two_hosts_that_both_speak_is_told_once) {
  ControlBench bench(echonet_nodes_row, no_inventory);
  bench.tell_news_twice();
  bench.fact(identity(0, battery, mac_a));
  bench.fact(identity(60, attacker, mac_b));
  EXPECT_EQ(bench.count(spoofed), 0u);
  bench.fact(speaks(120, battery, mac_a));
  EXPECT_EQ(bench.count(spoofed, 2), 1u);
  bench.fact(identity(180, attacker, mac_b));
  bench.fact(speaks(240, battery, mac_a));
  EXPECT_EQ(bench.count(spoofed), 1u);
}

TEST(SpoofedResponse, a_node_that_moved_to_another_address_is_no_spoof) {
  ControlBench bench(echonet_nodes_row, no_inventory);
  bench.fact(identity(0, battery, mac_a));
  bench.fact(identity(60, "192.168.1.50", mac_a));
  bench.fact(speaks(61, "192.168.1.50", mac_a));
  // Its old address was given to somebody else.
  bench.fact(speaks(90, battery, mac_b));
  // And with no link addresses to be seen: the old one is silent.
  bench.fact(identity(1000, aircon, ""));
  bench.fact(identity(2000, "192.168.1.51", ""));
  bench.fact(speaks(2100, "192.168.1.51", ""));
  EXPECT_EQ(bench.count(spoofed), 0u);
}

TEST(SpoofedResponse, two_families_of_one_host_null_identities_and_other_homes_are_no_spoof) {
  ControlBench bench(echonet_nodes_row, no_inventory);
  bench.fact(identity(0, battery, ""));
  bench.fact(identity(1, "fe80::20", ""));
  bench.fact(speaks(2, battery, ""));
  std::string nothing(17, '\0');
  for (int round = 0; round < 2; ++round) {
    bench.fact(identity(10 + round, aircon, mac_a, nothing));
    bench.fact(identity(10 + round, attacker, mac_b, nothing));
    nothing[0] = static_cast<char>(0xfe);
    nothing[3] = 0x77;
  }
  bench.fact(speaks(20, aircon, mac_a));
  Fact elsewhere = identity(30, attacker, mac_b);
  elsewhere.segment = vlan(9);
  bench.fact(elsewhere);
  bench.fact(speaks(31, battery, ""));
  EXPECT_EQ(bench.count(spoofed), 0u);
}

TEST(EchonetNodes, rotating_identities_objects_and_addresses_cost_evictions_not_memory) {
  ControlBench bench(echonet_nodes_row, no_inventory);
  for (std::uint32_t i = 0; i < 200'000; ++i) {
    const double now = i * 0.0001;
    Fact fact = identity(now, battery, mac_a);
    fact.source = IpAddress::v4(0x0a000000 + i);
    fact.reading.value_hash = i;
    bench.fact(fact);
    fact = seen(now, battery, 0x010000 + i * 256, i % 2 == 0 ? ObjectSeen::How::listed : ObjectSeen::How::announced);
    bench.fact(fact);
    fact = exchange(FactKind::response, now, battery, hems, 0x027d01, 0x05ff01, static_cast<std::uint16_t>(i), true);
    fact.destination = IpAddress::v4(0x0a000000 + i);
    bench.fact(fact);
  }
  EXPECT_GT(bench.engine().evictions(), 0u);
}

}  // namespace
}  // namespace tsujiban::detect::test
