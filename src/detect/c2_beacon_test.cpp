#include <gtest/gtest.h>

#include <cmath>

#include "detect/c2_detectors.h"
#include "detect/site_test_support.h"

namespace tsujiban::detect {
namespace {

using namespace test;
using Moment = ConversationSeen::Moment;
constexpr DetectorId id = DetectorId::c2_beacon;
const std::string home =
    "segments: [{name: han, prefix: 192.168.1.0/24}]\n"
    "assets:\n"
    "  - {name: battery, role: device, address: 192.168.1.20, segment: han}\n"
    "  - {name: hems, role: ems, address: 192.168.1.2, segment: han}\n"
    "allow:\n"
    "  - {from: hems, to: 203.0.113.10, ports: [tcp/443], reason: \"the cloud\"}\n"
    "  - {from: hems, to: 203.0.113.11, expires: 2026-01-01, reason: \"of old\"}\n";

Fact connected(double seconds, const std::string& from = "192.168.1.20", const std::string& to = "198.51.100.9",
               std::uint16_t port = 443, IpProtocol protocol = IpProtocol::tcp) {
  return conversation(seconds, Moment::answered, {from, to, 50000, port, protocol});
}

// The same numbers on every machine; between 0 and 1.
class Numbers {
 public:
  explicit Numbers(std::uint64_t seed) : state_(seed) {}
  double next() {
    state_ = state_ * 6364136223846793005u + 1442695040888963407u;
    return static_cast<double>(state_ >> 11) / 9007199254740992.0;
  }

 private:
  std::uint64_t state_;
};

TEST(Beacon, the_tenth_connection_at_a_regular_period_is_told_once_with_its_numbers) {
  Bench bench(c2_beacon_row, home);
  for (int n = 0; n < 9; ++n) bench.fact(connected(n * 300));
  EXPECT_TRUE(bench.alerts().empty());
  for (int n = 9; n < 100; ++n) bench.fact(connected(n * 300));
  ASSERT_EQ(bench.count(id), 1u);
  const Alert& alert = bench.alerts()[0];
  EXPECT_EQ(alert.severity, Severity::high);
  EXPECT_EQ(alert.source, ip("192.168.1.20"));
  EXPECT_EQ(alert.destination, ip("198.51.100.9"));
  EXPECT_EQ(why(alert), "10 connections, the latest 9 pauses about every 300.0 s");
  EXPECT_EQ(why(alert, 1), "half of the pauses differ by at most 0.0 s from that (median absolute deviation, 0.0 %)");
}

TEST(Beacon, a_day_later_it_is_told_again_while_it_goes_on) {
  Bench bench(c2_beacon_row, home);
  for (int n = 0; n < 3 * 288; ++n) bench.fact(connected(n * 300));
  EXPECT_EQ(bench.count(id), 3u);
}

TEST(Beacon, jitter_within_the_setting_a_missed_one_and_an_extra_one_do_not_hide_it) {
  Numbers numbers(7);
  Bench bench(c2_beacon_row, home);
  double at = 0;
  for (int n = 0; n < 40; ++n) {
    at += 60 * (0.8 + 0.2 * numbers.next()) * (n % 8 == 5 ? 2 : 1);
    bench.fact(connected(at));
    if (n % 13 == 2) bench.fact(connected(at + 7));
  }
  EXPECT_EQ(bench.count(id), 1u);
}

TEST(Beacon, the_setting_of_the_jitter_decides) {
  const std::string strict = home + "detectors: {c2.beacon: {jitter: 2%}}\n";
  for (const std::string& site : {home, strict}) {
    Bench bench(c2_beacon_row, site);
    // Pauses of 100 s and 110 s in turn: the deviation is 10 s.
    double at = 0;
    for (int n = 0; n < 40; ++n) bench.fact(connected(at += n % 2 == 0 ? 100 : 110));
    EXPECT_EQ(bench.count(id), site == home ? 1u : 0u);
  }
}

TEST(Beacon, connections_beyond_the_window_count_no_more) {
  Bench bench(c2_beacon_row, home);
  for (int n = 0; n < 60; ++n) bench.fact(connected(n * 3 * 3600));
  EXPECT_EQ(bench.count(id), 0u);
  Bench slow(c2_beacon_row, home);
  for (int n = 0; n < 10; ++n) slow.fact(connected(n * 2.6 * 3600));
  EXPECT_EQ(slow.count(id), 1u);
}

TEST(Beacon, allowed_peers_inside_peers_time_names_refusals_and_uncertain_directions_are_silent) {
  Bench bench(c2_beacon_row, home);
  for (int n = 0; n < 60; ++n) {
    const double at = n * 60;
    bench.fact(connected(at, "192.168.1.2", "203.0.113.10"));
    bench.fact(connected(at, "192.168.1.2", "203.0.113.10", 8443));
    bench.fact(connected(at, "192.168.1.20", "192.168.1.2"));
    bench.fact(connected(at, "198.51.100.9", "192.168.1.20"));
    for (const AppProtocol protocol : {AppProtocol::ntp, AppProtocol::dns}) {
      Fact service = connected(at, "192.168.1.20", "198.51.100.53", 123, IpProtocol::udp);
      service.protocol = protocol;
      bench.fact(service);
    }
    Fact refused = connected(at, "192.168.1.20", "198.51.100.10");
    refused.conversation.established = false;
    bench.fact(refused);
    Fact uncertain = connected(at, "192.168.1.20", "198.51.100.11");
    uncertain.conversation.direction_certain = false;
    bench.fact(uncertain);
    bench.fact(conversation(at, Moment::began, {"192.168.1.20", "198.51.100.12", 50000, 443, IpProtocol::tcp}));
    bench.fact(connected(at, "192.168.1.20", "198.51.100.13", 8, IpProtocol::icmp));
  }
  EXPECT_EQ(bench.count(id), 0u);
  for (int n = 60; n < 80; ++n) bench.fact(connected(n * 60, "192.168.1.2", "203.0.113.11"));
  EXPECT_EQ(bench.count(id), 1u) << "an entry that is over names nobody";
}

// Pages: visits at random, each with several connections at once, many of them, for a week.
TEST(Beacon, people_browsing_for_a_week_are_silent) {
  Numbers numbers(11);
  Bench bench(c2_beacon_row, "");
  struct Visit {
    double at;
    int host, site;
  };
  std::vector<Visit> visits;
  for (int host = 2; host < 22; ++host) {
    for (int site = 1; site < 30; ++site) {
      // From twice an hour to every few seconds while somebody reads.
      const double mean = 20.0 + 1800.0 * numbers.next();
      for (double at = 0; at < 7 * 86'400.0 && visits.size() < 1'000'000; at += -mean * std::log(1 - numbers.next())) {
        if (std::fmod(at, 86'400.0) > 40'000) at += 40'000;
        visits.push_back({at, host, site});
        if (numbers.next() < 0.4) visits.push_back({at + numbers.next() * 0.5, host, site});
        if (numbers.next() < 0.3) visits.push_back({at + numbers.next() * 9, host, site});
      }
    }
  }
  std::sort(visits.begin(), visits.end(), [](const Visit& a, const Visit& b) { return a.at < b.at; });
  for (const Visit& visit : visits)
    bench.fact(
        connected(visit.at, "192.168.1." + std::to_string(visit.host), "198.51.100." + std::to_string(visit.site)));
  EXPECT_EQ(bench.count(id), 0u) << visits.size() << " visits; first: " << why(bench.alerts()[0])
                                 << why(bench.alerts()[0], 1);
}

TEST(Beacon, who_turns_through_addresses_does_not_push_out_a_beacon) {
  Bench bench(c2_beacon_row, "");
  std::uint32_t next = 0;
  for (int n = 0; n < 12; ++n) {
    bench.fact(connected(n * 300));
    for (int i = 0; i < 20'000; ++i, ++next) {
      Fact fact = connected(n * 300 + i * 0.01, "192.168.1.66");
      fact.destination = IpAddress::v4(0x2d000000 + next);
      bench.fact(fact);
    }
  }
  EXPECT_EQ(bench.count(id), 1u);
  EXPECT_GT(bench.engine().evictions(), 0u);
}

TEST(Beacon, what_was_counted_and_told_survives_a_restart) {
  Bench first(c2_beacon_row, home), second(c2_beacon_row, home), third(c2_beacon_row, home);
  for (int n = 0; n < 7; ++n) first.fact(connected(n * 300));
  ASSERT_TRUE(second.load(first.save())) << second.error();
  for (int n = 7; n < 10; ++n) second.fact(connected(n * 300));
  EXPECT_EQ(second.count(id), 1u);
  EXPECT_EQ(why(second.alerts()[0]), "10 connections, the latest 9 pauses about every 300.0 s");
  ASSERT_TRUE(third.load(second.save())) << third.error();
  for (int n = 10; n < 40; ++n) third.fact(connected(n * 300));
  EXPECT_EQ(third.count(id), 0u);
  auto state = second.save();
  state[state.size() - 50] ^= 0xff;
  state.resize(state.size() - 7);
  EXPECT_FALSE(third.load(state));
}

}  // namespace
}  // namespace tsujiban::detect
