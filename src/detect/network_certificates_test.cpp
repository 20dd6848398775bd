#include <gtest/gtest.h>

#include "detect/network_detectors.h"
#include "detect/site_test_support.h"

namespace tsujiban::detect {
namespace {

using namespace test;

constexpr DetectorId change = DetectorId::mitm_certificate_change;
constexpr double day = 86'400;
constexpr std::uint64_t old_issuer = 11, old_key = 21, new_issuer = 12, new_key = 22;

struct Shown {
  std::uint64_t issuer = old_issuer, key = old_key;
  double from_day = -100, to_day = 265;  // Relative to the beginning.
  std::string_view name = "vtn.example.jp";
  std::string_view client = "192.168.1.2", server = "203.0.113.10";
  bool self_signed = false;
  std::uint16_t port = 443;
};

Fact handshake(double seconds, const Shown& shown, SegmentKey segment = vlan(101)) {
  Fact fact = fact_of(FactKind::secure_session, seconds, shown.client, shown.server, segment);
  fact.protocol = AppProtocol::tls;
  fact.ip_protocol = 6;
  fact.source_port = 40'000;
  fact.destination_port = shown.port;
  SecureSession session{};
  session.server_name = DomainName::of(shown.name);
  session.version = 0x0303;
  session.answered = session.established = true;
  session.server_certificate_seen = true;
  session.issuer_hash = shown.issuer;
  session.key_hash = shown.key;
  session.self_signed = shown.self_signed;
  session.name_matches = SecureSession::NameMatch::matches;
  session.not_before_s = at(0).ns / 1'000'000'000 + static_cast<std::int64_t>(shown.from_day * day);
  session.not_after_s = at(0).ns / 1'000'000'000 + static_cast<std::int64_t>(shown.to_day * day);
  fact.secure_session = session;
  return fact;
}

struct CertificateBench : Bench {
  CertificateBench() : Bench(network_certificates_row, "") {}
  // Eight handshakes within an hour and a bit: the server is known.
  double learn(const Shown& shown = {}) {
    for (int i = 0; i < 9; ++i) fact(handshake(i * 500.0, shown));
    return 9 * 500;
  }
};

TEST(CertificateChange, another_issuer_and_key_of_a_known_server_is_told) {
  CertificateBench bench;
  const double now = bench.learn();
  bench.fact(handshake(now, {}));
  EXPECT_TRUE(bench.alerts().empty());
  bench.fact(handshake(now + 60, {.issuer = new_issuer, .key = new_key, .self_signed = true}));
  ASSERT_EQ(bench.count(change), 1u);
  EXPECT_EQ(why(bench.alerts()[0]),
            "the certificate of vtn.example.jp has another issuer and another key; it is known by 1");
  EXPECT_EQ(why(bench.alerts()[0], 1),
            "the known one is valid for 264 days more, and its renewal is expected in 144 days at the earliest");
  EXPECT_EQ(why(bench.alerts()[0], 2), "the new one is signed by itself");
  // The same again is the same condition.
  bench.fact(handshake(now + 120, {.issuer = new_issuer, .key = new_key}));
  ASSERT_EQ(bench.count(change), 2u);
  EXPECT_EQ(bench.alerts()[0].merge_key, bench.alerts()[1].merge_key);
  // The true one is still known.
  bench.fact(handshake(now + 180, {}));
  EXPECT_EQ(bench.count(change), 2u);
}

TEST(CertificateChange, a_new_key_of_the_same_issuer_is_told_outside_of_the_window_and_not_within) {
  // 90 days: the last third are the last 30.
  for (const bool within : {false, true}) {
    CertificateBench bench;
    const Shown old{.from_day = within ? -61.0 : -59.0, .to_day = within ? 29.0 : 31.0};
    const double now = bench.learn(old);
    bench.fact(handshake(now + 60, {.key = new_key, .from_day = 0, .to_day = 90}));
    EXPECT_EQ(bench.count(change), within ? 0u : 1u);
    // What it was renewed to is known from then on, and so is the old one while it is replaced at other places.
    bench.fact(handshake(now + 120, {.key = new_key, .from_day = 0, .to_day = 90}));
    bench.fact(handshake(now + 180, old));
    EXPECT_EQ(bench.count(change), within ? 0u : 2u);
  }
}

TEST(CertificateChange, of_a_long_life_the_last_third_is_the_window) {
  CertificateBench bench;
  const double now = bench.learn({.from_day = -600, .to_day = 299});
  bench.fact(handshake(now, {.key = new_key, .from_day = 0, .to_day = 900}));
  EXPECT_EQ(bench.count(change), 0u);
}

TEST(CertificateChange, a_renewal_may_come_from_another_name_of_the_authority_but_not_from_itself_nor_end_earlier) {
  CertificateBench bench;
  const Shown old{.from_day = -80, .to_day = 10};
  const double now = bench.learn(old);
  bench.fact(handshake(now, {.issuer = new_issuer, .key = new_key, .from_day = 0, .to_day = 90, .self_signed = true}));
  EXPECT_EQ(bench.count(change), 1u);
  bench.fact(handshake(now + 1, {.issuer = new_issuer, .key = new_key, .from_day = -80, .to_day = 9}));
  EXPECT_EQ(bench.count(change), 2u);
  EXPECT_EQ(why(bench.alerts()[1], 1), "the known one may be renewed, but not by this: it ends no later");
  bench.fact(handshake(now + 2, {.issuer = new_issuer, .key = new_key + 1, .from_day = 0, .to_day = 90}));
  EXPECT_EQ(bench.count(change), 2u);
}

TEST(CertificateChange, four_identities_are_learned_and_of_a_server_with_more_nothing_is_said) {
  for (const std::uint64_t count : {4u, 5u}) {
    CertificateBench bench;
    for (std::uint64_t i = 0; i < 10; ++i)
      bench.fact(handshake(static_cast<double>(i) * 500, {.key = 100 + i % count}));
    EXPECT_EQ(bench.count(change), 0u);
    for (std::uint64_t i = 0; i < count; ++i) bench.fact(handshake(6000, {.key = 100 + i}));
    EXPECT_EQ(bench.count(change), 0u);
    bench.fact(handshake(7000, {.issuer = new_issuer}));
    EXPECT_EQ(bench.count(change), count == 4 ? 1u : 0u);
    EXPECT_EQ(bench.engine().blind_peers()[static_cast<std::size_t>(change)], count == 4 ? 0u : 1u);
  }
}

TEST(CertificateChange, learning_ends_by_handshakes_or_by_time) {
  // Seven in an hour are not enough; the site's learning time is.
  CertificateBench bench;
  for (int i = 0; i < 7; ++i) bench.fact(handshake(i * 600.0, {}));
  bench.fact(handshake(7 * 600.0, {.key = new_key}));
  EXPECT_EQ(bench.count(change), 0u);
  CertificateBench slow;
  slow.fact(handshake(0, {}));
  slow.fact(handshake(7 * day - 1, {.key = new_key}));
  EXPECT_EQ(slow.count(change), 0u);
  slow.fact(handshake(7 * day, {.key = new_key + 1}));
  EXPECT_EQ(slow.count(change), 1u);
  // Eight within less than an hour are not enough either: one client's retries are no survey.
  CertificateBench fast;
  for (int i = 0; i < 20; ++i) fast.fact(handshake(i * 100.0, {}));
  fast.fact(handshake(2100, {.key = new_key}));
  EXPECT_EQ(fast.count(change), 0u);
}

TEST(CertificateChange, a_named_public_server_is_known_at_every_address_and_to_every_client) {
  CertificateBench bench;
  const double now = bench.learn();
  // Another address of the content network, another home: the same certificate.
  bench.fact(handshake(now, {.client = "192.168.1.3", .server = "203.0.113.99"}, vlan(102)));
  EXPECT_EQ(bench.count(change), 0u);
  // A redirected client in a home that never asked before.
  bench.fact(handshake(now + 1, {.issuer = new_issuer, .key = new_key, .server = "198.51.100.7"}, vlan(103)));
  EXPECT_EQ(bench.count(change), 1u);
  // Another name, another port: another server.
  bench.fact(handshake(now + 2, {.issuer = new_issuer, .key = new_key, .name = "other.example.jp"}));
  bench.fact(handshake(now + 3, {.issuer = new_issuer, .key = new_key, .port = 8883}));
  EXPECT_EQ(bench.count(change), 1u);
}

TEST(CertificateChange, private_servers_of_one_address_and_name_are_told_apart_by_their_link) {
  CertificateBench bench;
  const Shown router{.name = "router.local", .server = "192.168.1.1"};
  for (int i = 0; i < 9; ++i) bench.fact(handshake(i * 500.0, router));
  Shown other = router;
  other.key = new_key;
  bench.fact(handshake(5000, other, vlan(102)));
  EXPECT_EQ(bench.count(change), 0u);
  bench.fact(handshake(5001, other, vlan(101)));
  EXPECT_EQ(bench.count(change), 1u);
}

TEST(CertificateChange, tls_1_3_rests_and_resumed_sessions_say_nothing) {
  CertificateBench bench;
  Fact hidden = handshake(0, {});
  hidden.secure_session.version = 0x0304;
  hidden.secure_session.server_certificate_seen = false;
  bench.fact(hidden);
  EXPECT_EQ(bench.engine().blind_peers()[static_cast<std::size_t>(change)], 1u);
  hidden.secure_session.resumed = true;
  hidden.source = ip("192.168.1.77");
  bench.fact(hidden);
  EXPECT_EQ(bench.engine().blind_peers()[static_cast<std::size_t>(change)], 1u);
}

TEST(CertificateChange, of_a_change_that_all_clients_see_the_first_few_are_told_one_by_one) {
  CertificateBench bench;
  const double now = bench.learn();
  for (int i = 0; i < 40; ++i) {
    const std::string client = "192.168.1." + std::to_string(10 + i);
    bench.fact(handshake(now + i, {.issuer = new_issuer, .key = new_key, .client = client},
                         vlan(static_cast<std::uint16_t>(200 + i))));
  }
  EXPECT_EQ(bench.count(change), 40u);
  std::vector<std::pair<std::uint64_t, std::uint64_t>> conditions;
  for (const Alert& alert : bench.alerts()) {
    const std::pair condition{alert.segment.raw(), alert.source.low};
    if (std::find(conditions.begin(), conditions.end(), condition) == conditions.end()) conditions.push_back(condition);
  }
  EXPECT_EQ(conditions.size(), 8u);
}

TEST(CertificateChange, what_has_been_told_and_stands_alone_for_the_learning_time_is_the_servers) {
  CertificateBench bench;
  double now = bench.learn();
  const Shown other{.issuer = new_issuer, .key = new_key};
  for (int i = 0; i < 7; ++i) bench.fact(handshake(now + i * day, other));
  EXPECT_EQ(bench.count(change), 7u);
  bench.fact(handshake(now + 7 * day, other));
  bench.fact(handshake(now + 8 * day, other));
  EXPECT_EQ(bench.count(change), 7u);
  // Not while others still see the old one.
  CertificateBench both;
  now = both.learn();
  for (int i = 0; i < 9; ++i) {
    both.fact(handshake(now + i * day, other));
    both.fact(handshake(now + i * day + 1, {}));
  }
  EXPECT_EQ(both.count(change), 9u);
}

TEST(CertificateChange, what_was_learned_survives_a_restart_and_broken_state_is_refused) {
  CertificateBench bench;
  const double now = bench.learn();
  const std::vector<std::uint8_t> state = bench.save();
  CertificateBench next;
  ASSERT_TRUE(next.load(state)) << next.error();
  next.fact(handshake(now, {}));
  EXPECT_EQ(next.count(change), 0u);
  next.fact(handshake(now + 1, {.key = new_key}));
  EXPECT_EQ(next.count(change), 1u);
  for (std::size_t size = 0; size < state.size(); ++size) {
    CertificateBench cut;
    cut.load({state.begin(), state.begin() + static_cast<std::ptrdiff_t>(size)});
    cut.fact(handshake(now, {.key = new_key}));
    EXPECT_EQ(cut.count(change), 0u);
  }
}

TEST(CertificateChange, memory_is_bounded_and_evictions_are_counted) {
  CertificateBench bench;
  for (int i = 0; i < 9000; ++i) {
    const std::string name = "n" + std::to_string(i) + ".example";
    bench.fact(handshake(i, {.name = name}));
  }
  EXPECT_EQ(bench.engine().evictions(), 9000u - 8192u);
}

}  // namespace
}  // namespace tsujiban::detect
