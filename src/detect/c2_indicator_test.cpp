#include <gtest/gtest.h>

#include "config/indicators.h"
#include "detect/alert_limit.h"
#include "detect/c2_detectors.h"
#include "detect/site_test_support.h"

namespace tsujiban::detect {
namespace {

using namespace test;
using Moment = ConversationSeen::Moment;
constexpr DetectorId id = DetectorId::c2_indicator;

const std::string list =
    "type,value,expires,source\n"
    "address,198.51.100.7,,feed-a\n"
    "prefix,198.51.101.0/24,,feed-a\n"
    "domain,evil.example,,feed-b\n"
    "url,http://www.example.com/gate.php?id=1,,feed-b\n"
    "ja3,e7d705a3286e19ea42f587b344ee6865,,\n"
    "ja4,t13d1516h2_8daaf6152771_02713d6af862,,\n"
    "certificate,da39a3ee5e6b4b0d3255bfef95601890afd80709,,\n"
    "domain,old.example,2026-01-01,\n";

// An engine of this row with a list and without an inventory.
class IndicatorBench {
 public:
  explicit IndicatorBench(std::string text = list, HashSeed seed = {}) {
    config::FaultList faults;
    config::Context context{faults, {}};
    config::IndicatorReader reader(context);
    reader.read(text, faults.add_file("list.csv"));
    auto with_list = std::make_shared<config::Config>(*config::defaults());
    with_list->files = {"list.csv"};
    with_list->indicators = reader.finish();
    Site site;
    site.config = with_list;
    site.inventory = std::make_shared<const policy::Inventory>(with_list, seed);
    site.indicators = std::make_shared<const policy::IndicatorList>(with_list, site.inventory->clock(), seed);
    site.seed = seed;
    engine_ = std::make_unique<SiteEngine>(site, rows_, sink);
  }
  void fact(const Fact& fact) { engine_->fact(fact); }
  const SiteEngine& engine() const { return *engine_; }
  std::size_t count() const { return sink.count(id); }
  RecordingSink sink;

 private:
  const std::vector<SiteDetectorRow> rows_{c2_indicator_row};
  std::unique_ptr<SiteEngine> engine_;
};

Fact connects(double seconds, const std::string& to, Moment moment = Moment::began,
              const std::string& from = "192.168.1.20") {
  return conversation(seconds, moment, {from, to, 50000, 443, IpProtocol::tcp});
}
Fact asks(double seconds, std::string_view name, bool answered = false, const std::string& from = "192.168.1.20") {
  Fact fact = fact_of(FactKind::name_query, seconds, from, "192.168.1.1");
  fact.name_query = {};
  fact.name_query.name = DomainName::of(name);
  fact.name_query.type = 1;
  fact.name_query.answered = answered;
  return fact;
}
Fact answers(double seconds, std::string_view name, std::string_view given, std::uint32_t ttl_s,
             const std::string& to = "192.168.1.20") {
  Fact fact = fact_of(FactKind::name_answer, seconds, "192.168.1.1", to);
  fact.name_answer = {};
  fact.name_answer.name = DomainName::of(name);
  fact.name_answer.given = ip(given);
  fact.name_answer.ttl_s = ttl_s;
  fact.name_answer.type = 1;
  return fact;
}

TEST(Indicator, a_connection_to_a_listed_address_or_prefix_is_told_with_list_source_and_value) {
  IndicatorBench bench;
  bench.fact(connects(0, "198.51.100.7"));
  bench.fact(connects(0, "198.51.100.7", Moment::answered));
  bench.fact(connects(1, "198.51.101.9"));
  bench.fact(connects(2, "198.51.102.9"));
  ASSERT_EQ(bench.count(), 2u);
  const Alert& alert = bench.sink.alerts[0];
  EXPECT_EQ(alert.severity, Severity::critical);
  EXPECT_EQ(why(alert), "connects to a listed address, port 443");
  EXPECT_EQ(why(alert, 1), "listed: address 198.51.100.7 of list.csv:2, source feed-a");
  EXPECT_EQ(why(alert, 2), "what this host did with it: connection");
  EXPECT_EQ(why(bench.sink.alerts[1], 1), "listed: prefix 198.51.101.0/24 of list.csv:3, source feed-a");
}

TEST(Indicator, who_is_listed_and_is_answered_is_told_and_who_only_knocks_is_not) {
  IndicatorBench bench;
  bench.fact(connects(0, "192.168.1.20", Moment::began, "198.51.100.7"));
  EXPECT_EQ(bench.count(), 0u);
  Fact refused = connects(1, "192.168.1.20", Moment::answered, "198.51.100.7");
  refused.conversation.established = false;
  bench.fact(refused);
  EXPECT_EQ(bench.count(), 0u);
  bench.fact(connects(2, "192.168.1.20", Moment::answered, "198.51.100.7"));
  ASSERT_EQ(bench.count(), 1u);
  EXPECT_EQ(bench.sink.alerts[0].source, ip("198.51.100.7"));
  EXPECT_TRUE(bench.sink.alerts[0].inbound_from_outside);
  EXPECT_EQ(why(bench.sink.alerts[0]), "a listed address connects to port 443, and is answered");
}

TEST(Indicator, a_question_for_a_listed_name_is_one_occurrence_with_its_answer) {
  IndicatorBench bench;
  bench.fact(asks(0, "gate.evil.example"));
  bench.fact(asks(0.1, "gate.evil.example", true));
  ASSERT_EQ(bench.count(), 1u);
  EXPECT_EQ(why(bench.sink.alerts[0]), "asks for gate.evil.example");
  EXPECT_EQ(why(bench.sink.alerts[0], 1), "listed: domain evil.example of list.csv:4, source feed-b");
  // Where only the answers are seen they tell it.
  bench.fact(asks(1, "gate.evil.example", true, "192.168.1.21"));
  EXPECT_EQ(bench.count(), 2u);
  bench.fact(asks(2, "notevil.example"));
  bench.fact(asks(3, "www.old.example"));
  EXPECT_EQ(bench.count(), 2u) << "another name, and an indicator that is over";
}

TEST(Indicator, connections_to_what_a_listed_name_resolved_to_are_told_with_the_name_within_its_life) {
  IndicatorBench bench;
  bench.fact(asks(0, "gate.evil.example"));
  bench.fact(answers(0.1, "gate.evil.example", "203.0.113.99", 300));
  bench.fact(connects(12.1, "203.0.113.99"));
  ASSERT_EQ(bench.count(), 2u);
  const Alert& alert = bench.sink.alerts[1];
  EXPECT_EQ(why(alert), "connects to port 443 of what gate.evil.example resolved to 12 s before");
  EXPECT_EQ(why(alert, 2), "what this host did with it: name asked for, connection");
  EXPECT_EQ(alert.destination, ip("192.168.1.1")) << "one alert for host and indicator";
  EXPECT_EQ(alert.merge_key, bench.sink.alerts[0].merge_key);
  bench.fact(connects(13, "203.0.113.99", Moment::began, "192.168.1.21"));
  bench.fact(connects(14, "203.0.113.98"));
  bench.fact(connects(301, "203.0.113.99"));
  EXPECT_EQ(bench.count(), 2u) << "another client, another address, too late";
  bench.fact(answers(400, "gate.evil.example", "203.0.113.99", 0));
  bench.fact(connects(405, "203.0.113.99"));
  EXPECT_EQ(bench.count(), 3u) << "a life of no time is long enough for the connection that it was asked for";
}

TEST(Indicator, names_that_resolve_to_listed_addresses_or_are_aliases_of_listed_names_are_told_once) {
  IndicatorBench bench;
  for (int n = 0; n < 5; ++n) bench.fact(answers(n * 40, "www.example.com", "198.51.100.7", 60));
  ASSERT_EQ(bench.count(), 1u) << "news may come again";
  EXPECT_EQ(why(bench.sink.alerts[0]), "www.example.com, which it asked for, has a listed address");
  EXPECT_EQ(bench.sink.alerts[0].source, ip("192.168.1.20"));
  EXPECT_EQ(bench.sink.alerts[0].destination, ip("192.168.1.1"));
  Fact alias = answers(300, "cdn.example.com", "0.0.0.0", 60);
  alias.name_answer.given = {};
  alias.name_answer.type = 5;
  alias.name_answer.target_hash = DomainName::of("evil.example").hash;
  bench.fact(alias);
  ASSERT_EQ(bench.count(), 2u);
  EXPECT_EQ(why(bench.sink.alerts[1]), "cdn.example.com, which it asked for, is an alias of a listed name");
  bench.fact(answers(2000, "www.example.com", "198.51.100.7", 60));
  EXPECT_EQ(bench.count(), 3u) << "much later it is told again";
}

TEST(Indicator, tls_sessions_are_told_by_name_fingerprints_and_certificate) {
  IndicatorBench bench;
  Fact fact = fact_of(FactKind::secure_session, 0, "192.168.1.20", "203.0.113.50");
  fact.destination_port = 443;
  fact.secure_session = {};
  bench.fact(fact);
  EXPECT_EQ(bench.count(), 0u);
  fact.secure_session.server_name = DomainName::of("c2.evil.example");
  fact.secure_session.ja3_hash = 0xe7d705a3286e19ea;
  std::memcpy(fact.secure_session.ja4.data(), "t13d1516h2_8daaf6152771_02713d6af862", 36);
  fact.secure_session.certificate_sha1 = 0xda39a3ee5e6b4b0d;
  bench.fact(fact);
  ASSERT_EQ(bench.count(), 4u);
  EXPECT_EQ(why(bench.sink.alerts[0]), "a TLS session to port 443, server name c2.evil.example: the name is listed");
  EXPECT_EQ(why(bench.sink.alerts[1], 1), "listed: ja3 e7d705a3286e19ea42f587b344ee6865 of list.csv:6");
  EXPECT_EQ(why(bench.sink.alerts[2], 2), "what this host did with it: TLS JA4");
  EXPECT_EQ(why(bench.sink.alerts[3], 1),
            "listed: certificate_sha1 da39a3ee5e6b4b0d3255bfef95601890afd80709 of list.csv:8");
}

TEST(Indicator, requests_over_http_are_told_by_url_and_host) {
  IndicatorBench bench;
  Fact fact = fact_of(FactKind::web_request, 0, "192.168.1.20", "203.0.113.50");
  fact.web_request = {};
  fact.web_request.host = DomainName::of("www.example.com");
  const std::string url = "www.example.com/gate.php?id=1";
  fact.web_request.url_hash = hash_bytes(HashSeed{}, {reinterpret_cast<const std::uint8_t*>(url.data()), url.size()});
  fact.web_request.status = 200;
  bench.fact(fact);
  ASSERT_EQ(bench.count(), 1u);
  EXPECT_EQ(why(bench.sink.alerts[0]), "an HTTP request to www.example.com (status 200): the URL is listed");
  fact.web_request.url_hash = 7;
  bench.fact(fact);
  EXPECT_EQ(bench.count(), 1u);
  fact.web_request.host = DomainName::of("evil.example");
  bench.fact(fact);
  EXPECT_EQ(bench.count(), 2u);
}

TEST(Indicator, many_hosts_and_names_are_a_bounded_number_of_conditions) {
  IndicatorBench bench;
  std::vector<std::uint64_t> keys;
  for (int n = 0; n < 70'000; ++n) {
    Fact fact = asks(n * 0.01, "x" + std::to_string(n) + ".evil.example");
    fact.source = IpAddress::v4(0x0a000000 + static_cast<std::uint32_t>(n));
    bench.fact(fact);
  }
  std::size_t single = 0;
  for (const Alert& alert : bench.sink.alerts) single += alert.merge_key == 3;
  EXPECT_EQ(single, AlertLimit::conditions_max);
  EXPECT_GT(bench.engine().evictions(), 0u);
}

TEST(Indicator, without_a_list_nothing_runs) {
  EXPECT_FALSE(is_on(c2_indicator_row, *config::defaults()));
  IndicatorBench bench("# nothing\n");
  EXPECT_EQ(bench.engine().facts_wanted(), 0u);
}

}  // namespace
}  // namespace tsujiban::detect
