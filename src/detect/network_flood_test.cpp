#include <gtest/gtest.h>

#include "detect/network_detectors.h"
#include "detect/site_test_support.h"

namespace tsujiban::detect {
namespace {

using namespace test;
using Moment = ConversationSeen::Moment;

class Flood : public testing::Test {
 protected:
  // Ten minutes in which somebody is heard, so that what is usual is known.
  void learn(Bench& of, double from = 0) {
    for (int i = 0; i <= 61; ++i)
      of.fact(conversation(from + i * 10, Moment::began, {"10.0.0.8", "10.0.0.9", 40000, 80}));
  }
  Flood() { learn(bench); }
  // A burst of one direction; `back` are the packets of the other so far.
  static Fact burst(double seconds, const Flow& flow, bool to_source, std::uint32_t forth, std::uint32_t back) {
    Fact fact = conversation(seconds, Moment::goes_on, flow);
    fact.kind = FactKind::burst;
    ConversationSeen& seen = fact.conversation;
    seen.from_source = !to_source;
    seen.from_destination = to_source;
    seen.established = forth != 0 && back != 0;
    seen.packets = forth + back;
    seen.packets_back = back;
    return fact;
  }
  void udp_flood(Bench& of, double seconds, unsigned bursts, const std::string& source = "198.51.100.7",
                 std::uint16_t port = 5000) {
    for (unsigned i = 0; i < bursts; ++i) {
      of.fact(burst(seconds + i * (9.0 / bursts), {source, "10.0.0.20", port, 3610}, false, (i + 1) * packet_burst, 0));
    }
  }
  // SYNs of as many forged sources.
  void syn_flood(Bench& of, double seconds, unsigned count, bool accepted = false,
                 const std::string& to = "10.0.0.20") {
    for (unsigned i = 0; i < count; ++i) {
      const std::string source =
          "100." + std::to_string(i / 65536) + "." + std::to_string(i / 256 % 256) + "." + std::to_string(i % 256);
      const double t = seconds + i * (9.0 / count);
      const Flow flow{source, to, static_cast<std::uint16_t>(1024 + i % 60000), 443, IpProtocol::tcp};
      of.fact(conversation(t, Moment::began, flow));
      if (accepted) of.fact(conversation(t, Moment::answered, flow));
    }
  }
  std::size_t fired() const { return bench.count(DetectorId::dos_flood); }
  Bench bench{network_flood_row, ""};
  double start = 700;
};

TEST_F(Flood, ten_thousand_packets_in_a_window_are_a_flood_and_half_of_them_are_none) {
  udp_flood(bench, start, 19);
  bench.tick_until(at(start + 20));
  EXPECT_EQ(fired(), 0u);
  udp_flood(bench, start + 50, 40);
  ASSERT_EQ(fired(), 1u);
  const Alert& alert = bench.alerts()[0];
  EXPECT_EQ(alert.severity, Severity::high);
  EXPECT_EQ(alert.source, ip("198.51.100.7"));
  EXPECT_EQ(alert.destination, ip("10.0.0.20"));
  EXPECT_EQ(why(alert, 2).substr(0, 18), "packets: its usual");
  EXPECT_EQ(why(alert, 3), "") << "not of an amplifier's port";
  bench.tick_until(at(start + 80));
  EXPECT_EQ(fired(), 2u) << "again with all that came in the window";
  EXPECT_EQ(why(bench.alerts()[1]), "10240 packets, 0 new connections and 0 half-open sessions toward it within 10 s");
  EXPECT_EQ(why(bench.alerts()[1], 1), "1024 packets/s, at most 1024 packets/s so far; some 1 sources");
}

TEST_F(Flood, a_flood_that_lasts_is_one_condition_with_its_peak) {
  for (int window = 0; window < 12; ++window) udp_flood(bench, start + window * 10, 60 + (window == 5 ? 100 : 0));
  bench.tick_until(at(start + 200));
  EXPECT_EQ(fired(), 24u);
  for (const Alert& alert : bench.alerts()) {
    EXPECT_EQ(alert.source, bench.alerts()[0].source);
    EXPECT_EQ(alert.destination, bench.alerts()[0].destination);
    EXPECT_EQ(alert.merge_key, bench.alerts()[0].merge_key);
  }
  EXPECT_NE(why(bench.alerts().back(), 1).find("at most 4096 packets/s so far"), std::string::npos);
}

TEST_F(Flood, forged_sources_are_counted_at_the_target_without_an_entry_for_each) {
  syn_flood(bench, start, 20'000);
  bench.tick_until(at(start + 20));
  ASSERT_GE(fired(), 1u);
  const Alert& last = bench.alerts().back();
  unsigned packets = 0, connections = 0, open = 0;
  std::sscanf(why(last).c_str(), "%u packets, %u new connections and %u half-open", &packets, &connections, &open);
  EXPECT_GT(packets, 19'800u);
  EXPECT_EQ(packets, connections);
  EXPECT_EQ(open, connections);
  unsigned pace, peak, sources;
  ASSERT_EQ(std::sscanf(why(last, 1).c_str(), "%u packets/s, at most %u packets/s so far; some %u sources", &pace,
                        &peak, &sources),
            3);
  EXPECT_GT(sources, 12'000u);
  EXPECT_LT(sources, 30'000u);
  EXPECT_EQ(bench.engine().evictions(), 0u);
}

TEST_F(Flood, sources_that_are_made_up_to_seem_too_many_are_told_as_the_most_there_can_be) {
  // In 2001:db8::/64, one for each register: the upper 26 bits of its hash, which has no seed, are zero.
  constexpr std::uint64_t made_up[] = {
      0xbaf18d57,  0x28eec549,  0x69686f3a,  0x9e214821,  0x2499ece8e, 0x162a54afb, 0x13f4ad751, 0x2e5838f2e,
      0x233da6c83, 0x21ba26e3a, 0x469577b05, 0xae5083b6,  0x21a429d53, 0x203e6257c, 0x1064d2f35, 0x278bd756a,
      0x1b73f391c, 0x1566f0f7,  0x340071d5e, 0xe1a8582f,  0xab263561,  0x1ee2068b,  0x66ee0360,  0x7010c232,
      0x1e973df06, 0xbc48d0fd,  0x28985f95,  0x31b27a86,  0x80ae3526,  0x241c0d4a9, 0x418a3ee6,  0x108383e37,
      0x2febd7355, 0x3070e8582, 0x7a2c5af,   0x13d7088f,  0xe737a53a,  0x20f474bf2, 0x2086783c8, 0x4556a41c3,
      0x1069d1a5f, 0x6a3b4995,  0x832bf434,  0x17b354b18, 0x1dd25407a, 0x5f5859da,  0x15b6afed4, 0x47b5cc3e,
      0x2256aff62, 0x23ff4ca2e, 0xe5bf192c,  0x1b3d8b7e,  0xa011168c,  0x5ce6cd6c,  0x20582676,  0x215e9dfa,
      0xa0a7b5a9,  0x3eba1d87,  0x2058c6f6,  0x39fda7b3,  0x3eb7c7f2,  0x45b82756,  0x1b47b9a0,  0x98828736};
  for (unsigned i = 0; i < 20'000; ++i) {
    Fact fact = conversation(start + i * (9.0 / 20'000), Moment::began,
                             {"2001:db8::1", "10.0.0.20", static_cast<std::uint16_t>(1024 + i), 443, IpProtocol::tcp});
    fact.source.low = made_up[i % std::size(made_up)];
    bench.fact(fact);
  }
  bench.tick_until(at(start + 20));
  ASSERT_GE(fired(), 1u);
  EXPECT_TRUE(why(bench.alerts().back(), 1).ends_with("; some 4294967295 sources")) << why(bench.alerts().back(), 1);
}

TEST_F(Flood, connections_that_are_accepted_are_not_half_open_and_still_too_many) {
  syn_flood(bench, start, 900, true);
  bench.tick_until(at(start + 20));
  EXPECT_EQ(fired(), 0u);
  syn_flood(bench, start + 50, 1500, true);
  bench.tick_until(at(start + 80));
  ASSERT_GE(fired(), 1u);
  EXPECT_NE(why(bench.alerts().back()).find("and 0 half-open"), std::string::npos);
  EXPECT_EQ(why(bench.alerts().back(), 2).substr(0, 15), "new connections");
}

TEST_F(Flood, answers_of_amplifiers_are_told_as_such) {
  for (unsigned i = 0; i < 60; ++i) {
    bench.fact(burst(start + i * 0.1, {"198.51.100." + std::to_string(i % 30), "10.0.0.20", 123, 40000}, false,
                     (i / 30 + 1) * packet_burst, 0));
  }
  ASSERT_EQ(fired(), 1u);
  EXPECT_EQ(why(bench.alerts()[0], 3),
            "from port 123 of its sources: answers to questions that were asked in its name");
  // Through a server of ours that is asked in the name of somebody else: its answers go to who seems to ask.
  for (unsigned i = 0; i < 60; ++i)
    bench.fact(burst(start + 100 + i * 0.1, {"203.0.113.9", "10.0.0.53", 40000, 53}, true, i * packet_burst,
                     i * packet_burst));
  EXPECT_EQ(fired(), 2u + 1u);
  EXPECT_EQ(bench.alerts().back().destination, ip("203.0.113.9"));
  EXPECT_EQ(bench.alerts().back().source, ip("10.0.0.53"));
}

TEST_F(Flood, transfers_that_their_receiver_keeps_up_with_are_silent) {
  for (unsigned i = 1; i < 2000; ++i) {
    const double t = start + i * 0.01;
    // A download over TCP, its answer every 40th packet; QUIC; a tunnel.
    bench.fact(burst(t, {"10.0.0.20", "203.0.113.5", 40001, 443, IpProtocol::tcp}, true, i * 7 + 2, i * packet_burst));
    bench.fact(burst(t, {"10.0.0.20", "203.0.113.6", 40002, 443}, true, i * 64, i * packet_burst));
    bench.fact(burst(t, {"10.0.0.20", "203.0.113.7", 4500, 4500}, false, i * packet_burst, i * 128));
  }
  bench.tick_until(at(start + 60));
  EXPECT_EQ(fired(), 0u);
  // Whoever drowns in echo requests answers them too.
  for (unsigned i = 1; i < 100; ++i)
    bench.fact(burst(start + 100 + i * 0.05, {"10.0.0.66", "10.0.0.20", 8, 0, IpProtocol::icmp}, false,
                     i * packet_burst, i * packet_burst));
  EXPECT_GE(fired(), 1u);
}

TEST_F(Flood, what_is_usual_for_a_target_is_silent_and_six_deviations_more_are_not) {
  Bench busy(network_flood_row, "");
  // A recorder of cameras: 2,000 packets/s day and night.
  for (int window = 0; window < 100; ++window) udp_flood(busy, window * 10, 78 + window % 3);
  busy.tick_until(at(1005));
  EXPECT_EQ(busy.count(DetectorId::dos_flood), 0u);
  udp_flood(busy, 1010, 84);
  busy.tick_until(at(1035));
  EXPECT_EQ(busy.count(DetectorId::dos_flood), 0u);
  udp_flood(busy, 1040, 130);
  EXPECT_EQ(busy.count(DetectorId::dos_flood), 1u);
}

TEST_F(Flood, before_anything_is_usual_only_ten_times_as_much_is_told) {
  Bench young(network_flood_row, "");
  udp_flood(young, 0, 300);
  young.tick_until(at(15));
  EXPECT_EQ(young.count(DetectorId::dos_flood), 0u);
  udp_flood(young, 20, 400);
  EXPECT_EQ(young.count(DetectorId::dos_flood), 1u);
}

TEST_F(Flood, a_flood_teaches_little) {
  for (int window = 0; window < 6; ++window) udp_flood(bench, start + window * 10, 400);
  bench.tick_until(at(start + 300));
  const std::size_t before = fired();
  udp_flood(bench, start + 310, 60);
  EXPECT_EQ(fired(), before + 1);
}

TEST_F(Flood, facts_that_go_on_without_a_burst_count_nothing) {
  for (int i = 0; i < 5000; ++i)
    bench.fact(conversation(start + i * 0.001, Moment::goes_on, {"198.51.100.7", "10.0.0.20", 5000, 3610}));
  EXPECT_EQ(fired(), 0u);
}

TEST_F(Flood, what_was_learned_is_kept_over_a_restart_and_its_time_does_not_count) {
  Bench busy(network_flood_row, "");
  for (int window = 0; window < 100; ++window) udp_flood(busy, window * 10, 78);
  const std::vector<std::uint8_t> state = busy.save();
  Bench after(network_flood_row, "");
  ASSERT_TRUE(after.load(state)) << after.error();
  udp_flood(after, 100'000, 78);
  after.tick_until(at(100'020));
  EXPECT_EQ(after.count(DetectorId::dos_flood), 0u);
  udp_flood(after, 100'030, 140);
  EXPECT_EQ(after.count(DetectorId::dos_flood), 1u);
  for (std::size_t cut = 0; cut < state.size(); ++cut) {
    Bench other(network_flood_row, "");
    static_cast<void>(other.load({state.begin(), state.begin() + static_cast<std::ptrdiff_t>(cut)}));
  }
}

TEST_F(Flood, many_targets_make_place_and_few_alerts) {
  for (unsigned target = 0; target < 12'000; ++target) {
    const std::string to = "10." + std::to_string(1 + target / 65536) + "." + std::to_string(target / 256 % 256) + "." +
                           std::to_string(target % 256);
    for (unsigned i = 0; i < 2; ++i)
      bench.fact(burst(start + target * 0.01, {"198.51.100.7", to, 5000, 80}, false, 256, 0));
  }
  EXPECT_GT(bench.engine().evictions(), 0u);
  EXPECT_EQ(fired(), 0u);
  for (unsigned target = 0; target < 200; ++target) {
    for (unsigned i = 0; i < 45; ++i)
      bench.fact(burst(start + 200, {"198.51.100.7", "10.9.0." + std::to_string(target), 5000, 80}, false, 256, 0));
  }
  bench.tick_until(at(start + 230));
  std::vector<IpAddress> told;
  for (const Alert& alert : bench.alerts()) told.push_back(alert.destination);
  std::sort(told.begin(), told.end());
  told.erase(std::unique(told.begin(), told.end()), told.end());
  EXPECT_LE(told.size(), 51u);
}

TEST_F(Flood, what_is_told_does_not_depend_on_the_seed_of_tables) {
  Bench other(network_flood_row, "", HashSeed{5, 7});
  learn(other);
  for (Bench* of : {&bench, &other}) {
    syn_flood(*of, start, 3000);
    udp_flood(*of, start + 10, 70);
    syn_flood(*of, start + 20, 5000, false, "10.0.0.21");
    of->tick_until(at(start + 60));
  }
  ASSERT_EQ(bench.alerts().size(), other.alerts().size());
  EXPECT_GT(fired(), 3u);
  for (std::size_t i = 0; i < bench.alerts().size(); ++i) EXPECT_EQ(bench.alerts()[i].why, other.alerts()[i].why);
}

}  // namespace
}  // namespace tsujiban::detect
