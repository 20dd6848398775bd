#include "detect/name_detectors.h"

#include <gtest/gtest.h>

#include <random>

#include "detect/domain_names.h"
#include "detect/site_test_support.h"

namespace tsujiban::detect {
namespace {

using namespace test;

Fact query(double seconds, const std::string& source, const std::string& name,
           const std::string& resolver = "192.168.1.1") {
  // Short ones come to those who want all of them only; here they come all.
  Fact fact = fact_of(FactKind::odd_name, seconds, source, resolver);
  fact.protocol = AppProtocol::dns;
  fact.ip_protocol = static_cast<std::uint8_t>(IpProtocol::udp);
  fact.source_port = 50000;
  fact.destination_port = 53;
  fact.name_query = {};
  fact.name_query.name = DomainName::of(name);
  fact.name_query.type = 1;
  return fact;
}
Fact missing(double seconds, const std::string& source, const std::string& name) {
  Fact fact = query(seconds, source, name);
  fact.name_query.answered = true;
  fact.name_query.rcode = 3;
  return fact;
}
// Drawn from `letters`.
std::string drawn(std::mt19937& random, std::size_t size, std::string_view letters) {
  std::string text;
  for (std::size_t i = 0; i < size; ++i) text += letters[random() % letters.size()];
  return text;
}
constexpr std::string_view hex = "0123456789abcdef", base32 = "abcdefghijklmnopqrstuvwxyz234567",
                           alphabet = "abcdefghijklmnopqrstuvwxyz", digits = "0123456789";

class Tunnel : public testing::Test {
 protected:
  std::size_t fired(std::string_view yaml = "") {
    static_cast<void>(yaml);
    return bench.count(DetectorId::c2_dns_tunnel);
  }
  std::mt19937 random{1};
  Bench bench{names_tunnel_row, ""};
};

TEST_F(Tunnel, long_encoded_names_under_one_domain_are_told_with_what_may_have_left) {
  for (int i = 0; i < 60; ++i)
    bench.fact(query(1 + i, "192.168.1.20", drawn(random, 60, hex) + "." + drawn(random, 20, hex) + ".t.evil.example"));
  ASSERT_GE(fired(), 1u);
  const Alert& alert = bench.alerts()[0];
  EXPECT_EQ(alert.severity, Severity::high);
  EXPECT_EQ(alert.source, ip("192.168.1.20"));
  EXPECT_EQ(why(alert), "32 different long names under evil.example were asked for within 600 s");
  EXPECT_EQ(why(alert, 1).substr(0, 40), "each differs from the one before in 81 c");
  for (const Alert& other : bench.alerts()) EXPECT_EQ(other.merge_key, alert.merge_key);
}

TEST_F(Tunnel, thirty_one_names_are_silent_and_thirty_two_are_not) {
  for (int i = 0; i < 31; ++i) bench.fact(query(1 + i, "192.168.1.20", drawn(random, 63, base32) + ".evil.example"));
  EXPECT_EQ(fired(), 0u);
  bench.fact(query(40, "192.168.1.20", drawn(random, 63, base32) + ".evil.example"));
  EXPECT_EQ(fired(), 1u);
}

TEST_F(Tunnel, a_name_that_is_asked_again_or_answered_counts_once) {
  std::vector<std::string> names;
  for (int i = 0; i < 31; ++i) names.push_back(drawn(random, 63, base32) + ".evil.example");
  for (int round = 0; round < 5; ++round) {
    for (int i = 0; i < 31; ++i) {
      Fact fact = query(1 + round * 40 + i, "192.168.1.20", names[i]);
      bench.fact(fact);
      fact.name_query.answered = true;
      bench.fact(fact);
    }
  }
  EXPECT_EQ(fired(), 0u);
}

TEST_F(Tunnel, names_longer_than_facts_carry_are_tunnels_too) {
  for (int i = 0; i < 40; ++i)
    bench.fact(query(1 + i, "192.168.1.20",
                     drawn(random, 60, base32) + "." + drawn(random, 60, base32) + "." + drawn(random, 60, base32) +
                         ".evil.example"));
  EXPECT_GE(fired(), 1u);
}

TEST_F(Tunnel, slower_than_the_window_and_two_hosts_are_not_added_up) {
  for (int i = 0; i < 100; ++i)
    bench.fact(query(1 + i * 30, "192.168.1.20", drawn(random, 63, base32) + ".evil.example"));
  EXPECT_EQ(fired(), 0u);
  for (int i = 0; i < 62; ++i) {
    bench.fact(
        query(4000 + i, i % 2 == 0 ? "192.168.1.30" : "192.168.1.31", drawn(random, 63, base32) + ".other.example"));
  }
  EXPECT_EQ(fired(), 0u);
}

TEST_F(Tunnel, hosts_of_clouds_and_cdns_are_silent) {
  for (int i = 0; i < 400; ++i) {
    const double t = 1 + i;
    bench.fact(query(t, "192.168.1.1",
                     "r" + std::to_string(i % 9) + "---sn-" + drawn(random, 8, base32) + ".googlevideo.com"));
    bench.fact(query(t, "192.168.1.1", "e" + std::to_string(1000 + i) + ".dscb.akamaiedge.net"));
    bench.fact(query(t, "192.168.1.1", "a" + drawn(random, 13, base32) + "-ats.iot.ap-northeast-1.amazonaws.com"));
    bench.fact(query(t, "192.168.1.1", drawn(random, 32, hex) + ".cloudfront.net"));
    bench.fact(
        query(t, "192.168.1.1", "host-" + std::to_string(i) + ".a-very-long-department-name.tokyo.corp.example"));
  }
  EXPECT_EQ(fired(), 0u);
}

TEST_F(Tunnel, reverse_lookups_and_block_lists_are_silent) {
  for (int i = 0; i < 400; ++i) {
    const std::string reversed =
        std::to_string(random() % 256) + "." + std::to_string(random() % 256) + "." + std::to_string(random() % 256);
    std::string nibbles;
    for (int n = 0; n < 32; ++n) nibbles += std::string(1, hex[random() % 16]) + ".";
    bench.fact(query(1 + i, "192.168.1.1", reversed + ".192.in-addr.arpa"));
    bench.fact(query(1 + i, "192.168.1.1", nibbles + "ip6.arpa"));
    bench.fact(query(1 + i, "192.168.1.1", reversed + ".10.bl.unknown-list.example"));
    bench.fact(query(1 + i, "192.168.1.1", nibbles + "bl.unknown-list6.example"));
    bench.fact(query(1 + i, "192.168.1.1", drawn(random, 40, hex) + ".hash.zen.spamhaus.org"));
  }
  EXPECT_EQ(fired(), 0u);
}

TEST_F(Tunnel, mdns_llmnr_and_allowed_domains_are_silent) {
  const std::string yaml =
      "segments: [{name: han, prefix: 192.168.1.0/24}]\n"
      "assets: [{name: pc, role: operator, address: 192.168.1.20, segment: han}]\n"
      "allow: [{from: pc, to: [203.0.113.1, \"*.Telemetry.Example.\"], reason: r}]\n";
  Bench site(names_tunnel_row, yaml);
  for (int i = 0; i < 100; ++i) {
    const std::string name = drawn(random, 63, base32) + ".telemetry.example";
    site.fact(query(1 + i, "192.168.1.20", name));
    Fact fact = query(1 + i, "192.168.1.20", name);
    fact.name_query.service = i % 2 == 0 ? NameService::mdns : NameService::llmnr;
    bench.fact(fact);
  }
  EXPECT_EQ(site.count(DetectorId::c2_dns_tunnel), 0u);
  EXPECT_EQ(fired(), 0u);
}

TEST_F(Tunnel, many_domains_make_place_and_few_alerts) {
  for (int domain = 0; domain < 200; ++domain) {
    for (int i = 0; i < 40; ++i) {
      bench.fact(query(1 + domain * 0.5 + i * 0.01, "192.168.1.20",
                       drawn(random, 60, base32) + ".evil" + std::to_string(domain) + ".example"));
    }
  }
  std::vector<std::uint64_t> keys;
  for (const Alert& alert : bench.alerts()) keys.push_back(alert.merge_key);
  std::sort(keys.begin(), keys.end());
  keys.erase(std::unique(keys.begin(), keys.end()), keys.end());
  EXPECT_LE(keys.size(), 52u);
  for (int i = 0; i < 100'000; ++i)
    bench.fact(
        query(300 + i * 0.001, "192.168.1.20", drawn(random, 30, base32) + ".x" + std::to_string(i) + ".example"));
  EXPECT_GT(bench.engine().evictions(), 0u);
}

TEST_F(Tunnel, what_is_told_does_not_depend_on_the_seed_of_tables) {
  Bench other(names_tunnel_row, "", HashSeed{123, 456});
  for (int i = 0; i < 3000; ++i) {
    const Fact fact = query(1 + i * 0.1, "192.168.1." + std::to_string(20 + i % 7),
                            drawn(random, 20 + i % 40, base32) + ".evil" + std::to_string(i % 5) + ".example");
    bench.fact(fact);
    other.fact(fact);
  }
  ASSERT_EQ(bench.alerts().size(), other.alerts().size());
  EXPECT_GT(bench.alerts().size(), 0u);
  for (std::size_t i = 0; i < bench.alerts().size(); ++i) EXPECT_EQ(bench.alerts()[i].why, other.alerts()[i].why);
}

class Generated : public testing::Test {
 protected:
  // Registered domains that look drawn, all different.
  std::string random_domain() {
    for (;;) {
      const std::string label = drawn(random, 12, alphabet);
      if (is_random_looking(label)) return label + ".info";
    }
  }
  std::size_t fired() const { return bench.count(DetectorId::c2_dga); }
  std::mt19937 random{2};
  Bench bench{names_generated_row, ""};
};

TEST_F(Generated, twenty_missing_random_domains_within_the_window_are_told_and_nineteen_are_not) {
  for (int i = 0; i < 19; ++i) bench.fact(missing(1 + i * 20, "192.168.1.20", random_domain()));
  EXPECT_EQ(fired(), 0u);
  const std::string last = random_domain();
  bench.fact(missing(400, "192.168.1.20", last));
  ASSERT_EQ(fired(), 1u);
  EXPECT_EQ(why(bench.alerts()[0]),
            "20 domains that look drawn at random do not exist (NXDOMAIN), asked for within 600 s");
  EXPECT_NE(why(bench.alerts()[0], 2).find(last), std::string::npos);
  bench.fact(missing(401, "192.168.1.20", last));
  EXPECT_EQ(fired(), 1u) << "the same name again is nothing new";
}

TEST_F(Generated, slower_than_the_window_is_silent) {
  for (int i = 0; i < 200; ++i) bench.fact(missing(1 + i * 35, "192.168.1.20", random_domain()));
  EXPECT_EQ(fired(), 0u);
}

TEST_F(Generated, names_that_exist_and_other_services_are_silent) {
  for (int i = 0; i < 100; ++i) {
    Fact fact = missing(1 + i, "192.168.1.20", random_domain());
    fact.name_query.rcode = i % 2 == 0 ? 0 : 2;
    bench.fact(fact);
    fact.name_query.rcode = 3;
    fact.name_query.answered = false;
    bench.fact(fact);
    fact.name_query.answered = true;
    fact.name_query.service = NameService::llmnr;
    bench.fact(fact);
  }
  EXPECT_EQ(fired(), 0u);
}

TEST_F(Generated, search_lists_dead_names_typing_errors_and_browsers_probes_are_silent) {
  const std::string dead = random_domain();
  for (int i = 0; i < 500; ++i) {
    const double t = 1 + i;
    bench.fact(missing(t, "192.168.1.20", dead));                         // Forever the same.
    bench.fact(missing(t, "192.168.1.20", drawn(random, 10, alphabet)));  // Three of these a start.
    bench.fact(missing(t, "192.168.1.20", drawn(random, 10, alphabet) + ".corp.example.co.jp"));  // With a search list.
    bench.fact(missing(t, "192.168.1.20", drawn(random, 10, alphabet) + ".local"));
    if (i % 50 == 0) bench.fact(missing(t, "192.168.1.20", "www." + random_domain()));
  }
  EXPECT_EQ(fired(), 0u);
}

TEST_F(Generated, words_that_do_not_exist_are_silent) {
  const std::vector<std::string> words = {"denryoku", "kansai", "solar",  "smart",
                                          "house",    "energy", "minato", "sakura"};
  for (const std::string& a : words)
    for (const std::string& b : words) bench.fact(missing(1, "192.168.1.20", a + b + ".co.jp"));
  EXPECT_EQ(fired(), 0u);
}

TEST_F(Generated, a_resolver_of_many_misses_more_that_looks_typed_than_drawn) {
  for (int i = 0; i < 60; ++i) {
    bench.fact(missing(1 + i, "192.168.1.1",
                       "minato" + std::string(1, static_cast<char>('a' + i % 26)) + "denryoku" +
                           std::string(1, static_cast<char>('a' + i / 26)) + ".jp"));
    if (i % 2 == 0) bench.fact(missing(1 + i, "192.168.1.1", random_domain()));
  }
  EXPECT_EQ(fired(), 0u);
}

constexpr const char* operator_site =
    "segments: [{name: office, prefix: 10.70.0.0/24}]\n"
    "assets:\n"
    "  - {name: operator-1, role: operator, address: 10.70.0.10, segment: office}\n"
    "  - {name: operator-2, role: operator, address: 10.70.0.11, segment: office}\n"
    "  - {name: box, role: ems, address: 10.70.0.20, segment: office}\n";
std::string with_domains(const std::string& domains) {
  return operator_site + ("allow: [{from: \"role:operator\", to: [203.0.113.0/24, " + domains + "], reason: r}]\n");
}

class Lookalike : public testing::Test {
 protected:
  std::size_t ask(const std::string& name, const std::string& who = "10.70.0.10") {
    bench.fact(query(now += 1, who, name, "10.70.0.1"));
    return bench.count(DetectorId::phishing_lookalike_domain);
  }
  std::string last() { return bench.alerts().empty() ? "" : why(bench.alerts().back()); }
  double now = 0;
  Bench bench{names_lookalike_row, with_domains("portal.minato-denryoku.example, tepco.co.jp, kyuden.co.jp")};
};

TEST_F(Lookalike, the_ways_of_imitation_are_told_each_once) {
  EXPECT_EQ(ask("www.minato-denryouku.example"), 1u);
  EXPECT_EQ(last(), "minato-denryouku.example is 1 letter away from minato-denryoku.example, which is allowed");
  EXPECT_EQ(why(bench.alerts()[0], 1), "an operator's workstation asked for www.minato-denryouku.example");
  EXPECT_EQ(bench.alerts()[0].severity, Severity::medium);
  EXPECT_EQ(ask("minato-denyroku.example"), 2u) << "two letters exchanged";
  EXPECT_EQ(ask("rninato-denryoku.example"), 3u);
  EXPECT_EQ(last(),
            "rninato-denryoku.example is written so that it looks like minato-denryoku.example, which is allowed");
  EXPECT_EQ(ask("minato-denryoku.example-login.example"), 3u);
  EXPECT_EQ(ask("minato-denryoku-login.example"), 4u);
  EXPECT_EQ(last(), "minato-denryoku-login.example is minato-denryoku.example, which is allowed, with words added");
  EXPECT_EQ(ask("minato-denryoku.com"), 5u);
  EXPECT_EQ(last(),
            "minato-denryoku.com is the name of minato-denryoku.example, which is allowed, under another ending");
  EXPECT_EQ(ask("xn--minato-denryku-6zl.example"), 6u) << "with a Cyrillic o and u";
  EXPECT_EQ(
      last(),
      "xn--minato-denryku-6zl.example is written so that it looks like minato-denryoku.example, which is allowed");
  EXPECT_EQ(ask("tepc0.co.jp"), 7u);
  EXPECT_EQ(ask("tepko.co.jp"), 8u);
}

TEST_F(Lookalike, the_allowed_name_its_neighbours_and_other_names_are_silent) {
  for (const char* name :
       {"portal.minato-denryoku.example", "minato-denryoku.example", "a.b.minato-denryoku.example", "www.tepco.co.jp",
        "teijin.co.jp", "hokuden.co.jp", "minato.example", "denryoku.example", "google.com", "tohoku-epco.co.jp", "jp",
        "tepco", "co.jp", "1.0.0.10.in-addr.arpa", "tepcoo-but-far-more.example"})
    EXPECT_EQ(ask(name), 0u) << name;
}

TEST_F(Lookalike, a_name_is_told_once_for_each_workstation_and_day) {
  EXPECT_EQ(ask("minato-denryoku.com"), 1u);
  EXPECT_EQ(ask("www.minato-denryoku.com"), 1u);
  EXPECT_EQ(ask("minato-denryoku.com", "10.70.0.11"), 2u);
  now += 86'390;
  EXPECT_EQ(ask("minato-denryoku.com"), 2u);
  now += 20;
  EXPECT_EQ(ask("minato-denryoku.com"), 3u);
}

TEST_F(Lookalike, only_workstations_of_operators_are_looked_at) {
  EXPECT_EQ(ask("minato-denryoku.com", "10.70.0.20"), 0u);
  EXPECT_EQ(ask("minato-denryoku.com", "10.70.0.99"), 0u);
  Fact fact = query(1, "10.70.0.10", "minato-denryoku.com");
  fact.name_query.service = NameService::mdns;
  bench.fact(fact);
  EXPECT_EQ(bench.alerts().size(), 0u);
}

TEST_F(Lookalike, one_step_more_than_the_setting_is_silent) {
  Bench strict(names_lookalike_row,
               with_domains("minato-denryoku.example") + "detectors: {phishing.lookalike-domain: {distance: 1}}\n");
  strict.fact(query(1, "10.70.0.10", "minato-denriyouku.example"));
  EXPECT_EQ(strict.alerts().size(), 0u);
  EXPECT_EQ(ask("minato-denriyouku.example"), 1u);
  EXPECT_EQ(ask("minato-denriyoukuu.example"), 1u);
}

TEST_F(Lookalike, what_was_told_is_remembered_over_a_restart) {
  EXPECT_EQ(ask("minato-denryoku.com"), 1u);
  const std::vector<std::uint8_t> state = bench.save();
  Bench after(names_lookalike_row, with_domains("kyuden.co.jp, minato-denryoku.example"));
  ASSERT_TRUE(after.load(state)) << after.error();
  after.fact(query(now + 60, "10.70.0.10", "minato-denryoku.com"));
  EXPECT_EQ(after.alerts().size(), 0u);
  after.fact(query(now + 61, "10.70.0.11", "minato-denryoku.com"));
  EXPECT_EQ(after.alerts().size(), 1u);
  for (std::size_t cut = 0; cut < state.size(); cut += 3) {
    Bench other(names_lookalike_row, with_domains("minato-denryoku.example"));
    std::vector<std::uint8_t> part(state.begin(), state.begin() + static_cast<std::ptrdiff_t>(cut));
    static_cast<void>(other.load(part));
  }
}

TEST_F(Lookalike, without_allowed_domains_it_rests_and_says_so) {
  Bench none(names_lookalike_row, operator_site);
  none.fact(query(1, "10.70.0.10", "minato-denryoku.com"));
  EXPECT_EQ(none.count(DetectorId::sensor_blind), 1u);
  EXPECT_EQ(none.count(DetectorId::phishing_lookalike_domain), 0u);
}

TEST_F(Lookalike, a_flood_of_imitations_is_a_few_alerts) {
  for (int i = 0; i < 20'000; ++i) ask("minato-denryoku-" + std::to_string(i) + ".example");
  std::vector<std::uint64_t> keys;
  for (const Alert& alert : bench.alerts()) keys.push_back(alert.merge_key);
  std::sort(keys.begin(), keys.end());
  keys.erase(std::unique(keys.begin(), keys.end()), keys.end());
  EXPECT_LE(keys.size(), 400u) << "fifty an hour";
  EXPECT_GT(bench.engine().evictions(), 0u);
}

}  // namespace
}  // namespace tsujiban::detect
