#include <gtest/gtest.h>

#include "detect/network_detectors.h"
#include "detect/site_test_support.h"

namespace tsujiban::detect {
namespace {

using namespace test;
using Moment = ConversationSeen::Moment;

class ScanTest : public testing::Test {
 protected:
  ScanTest() : bench(network_scan_row, "") {
    // Somebody answers on this link: both directions are seen.
    answer(0, "10.0.0.1", "10.0.0.2", 80);
  }
  void probe(double seconds, const std::string& source, const std::string& destination, std::uint16_t port = 3610,
             IpProtocol protocol = IpProtocol::tcp) {
    bench.fact(conversation(seconds, Moment::began, {source, destination, 40000, port, protocol}));
  }
  void answer(double seconds, const std::string& source, const std::string& destination, std::uint16_t port = 3610,
              bool accepted = true) {
    Fact fact = conversation(seconds, Moment::answered, {source, destination, 40000, port, IpProtocol::tcp});
    fact.conversation.established = accepted;
    bench.fact(fact);
  }
  static std::string host(int i) { return "10.1." + std::to_string(i / 250) + "." + std::to_string(1 + i % 250); }
  std::size_t fired_after(double seconds) {
    bench.tick_until(at(seconds));
    return bench.count(DetectorId::recon_scan);
  }
  Bench bench;
};

TEST_F(ScanTest, twenty_hosts_without_an_answer_are_a_horizontal_sweep_and_nineteen_are_not) {
  for (int i = 0; i < 19; ++i) probe(1 + i, "10.0.0.66", host(i));
  EXPECT_EQ(fired_after(40), 0u);
  for (int i = 0; i < 20; ++i) probe(200 + i, "10.0.0.66", host(100 + i));
  EXPECT_EQ(fired_after(240), 1u);
  EXPECT_EQ(bench.alerts()[0].source, ip("10.0.0.66"));
  EXPECT_EQ(bench.alerts()[0].severity, Severity::medium);
  EXPECT_EQ(why(bench.alerts()[0]), "20 hosts or more that never answered this source were tried within 60 s");
}

TEST_F(ScanTest, refusals_are_no_answers) {
  for (int i = 0; i < 20; ++i) {
    probe(1 + i * 0.1, "10.0.0.66", host(i));
    answer(1.05 + i * 0.1, "10.0.0.66", host(i), 3610, false);
  }
  EXPECT_EQ(fired_after(20), 1u);
}

TEST_F(ScanTest, fifty_ports_of_one_host_are_a_vertical_sweep_and_forty_nine_are_not) {
  for (std::uint16_t p = 1; p <= 49; ++p) probe(1, "10.0.0.66", "10.0.0.2", p);
  EXPECT_EQ(fired_after(30), 0u);
  for (std::uint16_t p = 1; p <= 50; ++p) probe(200, "10.0.0.66", "10.0.0.2", p);
  EXPECT_EQ(fired_after(230), 1u);
  EXPECT_EQ(why(bench.alerts()[0]), "50 ports or more of one host were tried within 60 s without success");
}

TEST_F(ScanTest, slower_than_the_window_is_silent) {
  for (int i = 0; i < 100; ++i) probe(1 + i * 4, "10.0.0.66", host(i));
  EXPECT_EQ(fired_after(500), 0u);
}

TEST_F(ScanTest, a_head_end_that_polls_a_thousand_meters_is_silent_from_its_first_round) {
  for (int round = 0; round < 3; ++round) {
    const double start = 1 + round * 1800;
    for (int i = 0; i < 1000; ++i) probe(start + i * 0.001, "10.0.0.5", host(i));
    // One in ten is down in the first round, two in ten later.
    for (int i = 0; i < 1000; ++i) {
      if (i % 10 != 0 && (round == 0 || i % 5 != 1)) answer(start + 1 + i * 0.001, "10.0.0.5", host(i));
    }
    EXPECT_EQ(fired_after(start + 120), 0u) << round;
  }
}

TEST_F(ScanTest, a_browser_that_gets_its_answers_is_silent) {
  for (int i = 0; i < 200; ++i) {
    probe(1 + i * 0.2, "10.0.0.9", "203.0.113." + std::to_string(i), 443);
    if (i % 4 != 0) answer(1.1 + i * 0.2, "10.0.0.9", "203.0.113." + std::to_string(i), 443);
  }
  EXPECT_EQ(fired_after(100), 0u);
}

TEST_F(ScanTest, groups_answers_of_resolvers_and_streams_without_a_beginning_are_silent) {
  for (int i = 0; i < 200; ++i) {
    Fact group = conversation(1 + i * 0.1, Moment::began, {"10.0.0.9", "224.0.0." + std::to_string(i), 5353, 5353});
    bench.fact(group);
    Flow answer{"10.0.0.53", host(i), 53, 50000, IpProtocol::udp};
    bench.fact(conversation(1 + i * 0.1, Moment::began, answer));
    Flow middle{"10.0.0.80", host(i), 80, 50000, IpProtocol::tcp};
    middle.direction_certain = false;
    bench.fact(conversation(1 + i * 0.1, Moment::began, middle));
  }
  EXPECT_EQ(fired_after(100), 0u);
}

TEST_F(ScanTest, where_only_one_direction_is_seen_it_rests_and_says_so) {
  const SegmentKey other = vlan(7);
  for (int i = 0; i < 30; ++i)
    bench.fact(conversation(1 + i * 0.1, Moment::began, {"10.0.0.66", host(i), 40000, 80, IpProtocol::tcp, other}));
  EXPECT_EQ(fired_after(60), 0u);
  EXPECT_EQ(bench.count(DetectorId::sensor_blind), 1u);
}

TEST_F(ScanTest, a_sweep_that_lasts_is_one_condition) {
  for (int i = 0; i < 600; ++i) probe(1 + i * 0.5, "10.0.0.66", host(i));
  EXPECT_GT(fired_after(320), 1u);
  for (const Alert& alert : bench.alerts()) {
    EXPECT_EQ(alert.source, bench.alerts()[0].source);
    EXPECT_EQ(alert.destination, bench.alerts()[0].destination);
    EXPECT_EQ(alert.merge_key, bench.alerts()[0].merge_key);
  }
}

TEST_F(ScanTest, forged_sources_do_not_push_out_the_real_one) {
  Fact forged = conversation(1, Moment::began, {"10.9.0.1", "10.1.0.1", 40000, 80, IpProtocol::tcp});
  std::uint32_t next = 0;
  for (int i = 0; i < 25; ++i) {
    probe(1 + i * 0.1, "10.0.0.66", host(i));
    for (int k = 0; k < 2000; ++k) {
      forged.source = IpAddress::v4(0x0b000000 + next++);
      forged.time = at(1 + i * 0.1);
      bench.engine().fact(forged);
    }
  }
  EXPECT_EQ(fired_after(30), 1u);
  EXPECT_GT(bench.engine().evictions(), 0u);
}

TEST_F(ScanTest, a_source_probes_through_both_families_and_pings_count) {
  for (int i = 0; i < 20; ++i)
    bench.fact(conversation(1 + i * 0.1, Moment::began, {"10.0.0.66", host(i), 8, 0, IpProtocol::icmp}));
  for (int i = 0; i < 20; ++i)
    bench.fact(conversation(3 + i * 0.1, Moment::began, {"10.0.0.67", host(i), 0, 0, IpProtocol::icmp}));
  EXPECT_EQ(fired_after(30), 1u) << "echo requests only";
}

}  // namespace
}  // namespace tsujiban::detect
