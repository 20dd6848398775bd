#include <gtest/gtest.h>

#include "detect/network_detectors.h"
#include "detect/site_test_support.h"

namespace tsujiban::detect {
namespace {

using namespace test;
using Outcome = Login::Outcome;
constexpr DetectorId id = DetectorId::auth_brute_force;
const char* const office = "segments: [{name: office, prefix: 10.0.0.0/16}]\n";

Fact login(double seconds, Outcome outcome, std::string_view source = "10.0.0.66", std::string_view target = "10.0.0.3",
           AppProtocol protocol = AppProtocol::ftp, std::uint64_t user = 7) {
  Fact fact = fact_of(FactKind::login, seconds, source, target);
  fact.protocol = protocol;
  fact.ip_protocol = static_cast<std::uint8_t>(IpProtocol::tcp);
  fact.destination_port = 21;
  fact.login = {outcome, static_cast<std::uint16_t>(outcome == Outcome::failed ? 530 : 230), user};
  return fact;
}
Fact failed(double seconds, std::string_view source = "10.0.0.66", std::string_view target = "10.0.0.3") {
  return login(seconds, Outcome::failed, source, target);
}
Fact succeeded(double seconds, std::string_view source = "10.0.0.66", std::string_view target = "10.0.0.3") {
  return login(seconds, Outcome::succeeded, source, target);
}
std::string host(int n) { return "10.0.1." + std::to_string(n); }
std::size_t of_severity(Bench& bench, Severity severity) {
  return static_cast<std::size_t>(std::count_if(bench.alerts().begin(), bench.alerts().end(),
                                                [&](const Alert& alert) { return alert.severity == severity; }));
}

TEST(BruteForce, the_tenth_failure_within_the_window_is_told_and_the_ninth_is_not) {
  Bench bench(network_logins_row, office);
  for (int i = 0; i < 9; ++i) bench.fact(failed(i * 30));
  EXPECT_EQ(bench.count(id), 0u);
  bench.fact(failed(9 * 30));
  ASSERT_EQ(bench.count(id), 1u);
  EXPECT_EQ(bench.alerts()[0].severity, Severity::high);
  EXPECT_EQ(why(bench.alerts()[0]), "10 logins over FTP failed in a row of attempts, 10 of them within 300 s");
  EXPECT_EQ(why(bench.alerts()[0], 1), "1 user name was tried");
  bench.fact(failed(9 * 30 + 1));
  ASSERT_EQ(bench.count(id), 2u);
  EXPECT_EQ(bench.alerts()[0].merge_key, bench.alerts()[1].merge_key);
}

TEST(BruteForce, failures_that_are_rare_or_of_other_pairs_or_protocols_do_not_add_up) {
  Bench bench(network_logins_row, office);
  for (int i = 0; i < 60; ++i) bench.fact(failed(i * 34));
  EXPECT_EQ(bench.count(id), 0u);
  Bench mixed(network_logins_row, office);
  for (int i = 0; i < 9; ++i) {
    mixed.fact(failed(i));
    mixed.fact(login(i, Outcome::failed, "10.0.0.66", "10.0.0.3", AppProtocol::http));
    mixed.fact(failed(i, "10.0.0.66", "10.0.0.4"));
  }
  EXPECT_EQ(mixed.count(id), 0u);
}

TEST(BruteForce, who_mistypes_three_times_and_then_succeeds_is_nobody) {
  Bench bench(network_logins_row, office);
  for (int day = 0; day < 30; ++day) {
    for (int i = 0; i < 3; ++i) bench.fact(failed(day * 600 + i * 5));
    bench.fact(succeeded(day * 600 + 20));
  }
  EXPECT_EQ(bench.count(id), 0u);
}

TEST(BruteForce, a_success_behind_the_limit_is_critical_once_however_often_it_is_told) {
  Bench bench(network_logins_row, office);
  for (int i = 0; i < 12; ++i) bench.fact(failed(i));
  bench.fact(succeeded(13));
  bench.fact(succeeded(14));
  bench.fact(succeeded(200));
  ASSERT_EQ(of_severity(bench, Severity::critical), 1u);
  const Alert& alert = bench.alerts().back();
  EXPECT_EQ(alert.severity, Severity::critical);
  EXPECT_EQ(why(alert), "a login over FTP succeeded after 12 had failed");
  EXPECT_NE(alert.merge_key, bench.alerts()[0].merge_key);
}

TEST(BruteForce, a_success_long_after_or_of_another_host_is_none) {
  Bench bench(network_logins_row, office);
  for (int i = 0; i < 12; ++i) bench.fact(failed(i));
  bench.fact(succeeded(20, "10.0.0.5"));
  bench.fact(succeeded(20, "10.0.0.66", "10.0.0.9"));
  bench.fact(succeeded(12 + 301));
  EXPECT_EQ(of_severity(bench, Severity::critical), 0u);
}

TEST(BruteForce, a_poll_that_succeeds_in_between_hides_nothing) {
  Bench bench(network_logins_row, office);
  for (int i = 0; i < 40; ++i) {
    bench.fact(failed(i * 5));
    if (i % 4 == 3) bench.fact(succeeded(i * 5 + 1));
  }
  EXPECT_EQ(of_severity(bench, Severity::high), 31u);
  EXPECT_GT(of_severity(bench, Severity::critical), 0u);
}

TEST(BruteForce, many_hosts_at_one_target_are_one_attack) {
  Bench bench(network_logins_row, office);
  for (int i = 0; i < 9; ++i) bench.fact(failed(i, host(1 + i % 5)));
  EXPECT_EQ(bench.count(id), 0u);
  for (int i = 9; i < 20; ++i) bench.fact(failed(i, host(1 + i % 5)));
  ASSERT_EQ(bench.count(id), 11u);
  for (const Alert& alert : bench.alerts()) {
    EXPECT_EQ(alert.source, bench.alerts()[0].source);
    EXPECT_EQ(alert.merge_key, bench.alerts()[0].merge_key);
  }
  EXPECT_EQ(why(bench.alerts()[0]), "10 logins over FTP failed at this target, tried by 5 hosts within 300 s");
  bench.fact(succeeded(30, host(99)));  // Never failed there.
  EXPECT_EQ(of_severity(bench, Severity::critical), 0u);
  bench.fact(succeeded(31, host(2)));
  EXPECT_EQ(of_severity(bench, Severity::critical), 1u);
}

TEST(BruteForce, four_hosts_that_fail_at_one_target_are_four_people) {
  Bench bench(network_logins_row, office);
  for (int i = 0; i < 32; ++i) bench.fact(failed(i, host(1 + i % 4)));
  EXPECT_EQ(bench.count(id), 0u);
}

TEST(BruteForce, one_host_at_many_targets_is_one_attack_and_its_first_success_anywhere_critical) {
  Bench bench(network_logins_row, office);
  bench.fact(succeeded(0, "10.0.0.66", "10.0.0.200"));
  for (int i = 0; i < 12; ++i) bench.fact(failed(100 + i, "10.0.0.66", host(i)));
  ASSERT_EQ(bench.count(id), 3u);
  EXPECT_EQ(why(bench.alerts()[0]), "10 logins over FTP by this source failed, at 10 targets within 300 s");
  for (const Alert& alert : bench.alerts()) EXPECT_EQ(alert.destination, bench.alerts()[0].destination);
  bench.fact(succeeded(120, "10.0.0.66", "10.0.0.200"));  // What it has long done.
  EXPECT_EQ(of_severity(bench, Severity::critical), 0u);
  bench.fact(succeeded(121, "10.0.0.66", host(77)));
  EXPECT_EQ(of_severity(bench, Severity::critical), 1u);
}

TEST(BruteForce, sessions_of_encrypted_logins_are_counted_by_connection) {
  Bench bench(network_logins_row, office);
  const auto session = [&](double seconds, std::uint64_t flow, AppProtocol protocol = AppProtocol::ssh) {
    Fact fact = conversation(seconds, ConversationSeen::Moment::identified,
                             {"10.0.0.66", "10.0.0.3", 50000, 22, IpProtocol::tcp});
    fact.protocol = protocol;
    fact.flow_id = flow;
    return fact;
  };
  for (unsigned i = 1; i < 30; ++i) {
    bench.fact(session(i, i));
    bench.fact(session(i, i));
    bench.fact(session(i, 1000 + i, AppProtocol::tls));
  }
  EXPECT_EQ(bench.count(id), 0u);
  bench.fact(session(30, 30));
  ASSERT_EQ(bench.count(id), 1u);
  EXPECT_EQ(bench.alerts()[0].severity, Severity::medium);
  EXPECT_EQ(why(bench.alerts()[0]), "30 SSH sessions were opened within 300 s");
  Fact middle = session(31, 31);
  middle.conversation.direction_certain = false;
  bench.fact(middle);
  EXPECT_EQ(bench.count(id), 1u);
}

TEST(BruteForce, the_limits_are_the_configurations) {
  Bench bench(network_logins_row, std::string(office) + "detectors: {auth.brute-force: {window: 1m, count: 3}}\n");
  bench.fact(failed(0));
  bench.fact(failed(31));
  bench.fact(failed(62));
  EXPECT_EQ(bench.count(id), 0u);
  bench.fact(failed(63));
  EXPECT_EQ(bench.count(id), 1u);
}

TEST(BruteForce, what_is_kept_is_bounded_and_an_adversary_does_not_write_the_alerts) {
  Bench bench(network_logins_row, office);
  for (int i = 0; i < 40000; ++i) {
    const std::string source =
        "10." + std::to_string(i >> 16) + "." + std::to_string(i >> 8 & 255) + "." + std::to_string(i & 255);
    for (int k = 0; k < 2; ++k) bench.fact(failed(i * 0.001, source));
  }
  std::vector<std::pair<IpAddress, std::uint64_t>> conditions;
  for (const Alert& alert : bench.alerts()) conditions.emplace_back(alert.source, alert.merge_key);
  std::sort(conditions.begin(), conditions.end());
  conditions.erase(std::unique(conditions.begin(), conditions.end()), conditions.end());
  EXPECT_EQ(conditions.size(), 1u);
}

TEST(BruteForce, seeds_of_tables_change_nothing) {
  std::vector<std::size_t> counts;
  for (const HashSeed seed : {HashSeed{}, HashSeed{1, 2}, HashSeed{99, 7}}) {
    Bench bench(network_logins_row, office, seed);
    for (int i = 0; i < 3000; ++i) {
      if (i % 17 == 3)
        bench.fact(succeeded(i, host(i % 7), host(100 + i % 11)));
      else
        bench.fact(failed(i, host(i % 7), host(100 + i % 11)));
    }
    counts.push_back(bench.count(id));
  }
  EXPECT_GT(counts[0], 0u);
  EXPECT_EQ(counts[0], counts[1]);
  EXPECT_EQ(counts[0], counts[2]);
}

}  // namespace
}  // namespace tsujiban::detect
