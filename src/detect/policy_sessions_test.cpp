#include <gtest/gtest.h>

#include "detect/policy_detectors.h"
#include "detect/site_test_support.h"

namespace tsujiban::detect {
namespace {

using namespace test;
using Moment = ConversationSeen::Moment;
namespace weakness = session_weakness;

const std::string site_text =
    "segments:\n"
    "  - {name: centre, prefix: 10.20.0.0/16}\n"
    "  - {name: han-12, prefix: 192.168.1.0/24, vlan: [30, 112], erab: R5}\n"
    "assets:\n"
    "  - {name: aggregator-a, role: aggregator, address: 10.20.0.10, segment: centre}\n"
    "  - {name: hems-12, role: ems, address: 192.168.1.2, segment: han-12, serves: [R5, R4]}\n"
    "  - {name: battery-12, role: device, address: 192.168.1.20, segment: han-12}\n";
const SegmentKey han = vlan(30, 112);
const char* const hems = "192.168.1.2";
const char* const battery = "192.168.1.20";
const char* const centre = "10.20.0.10";

Fact carries(AppProtocol protocol, const char* from, const char* to, Moment moment = Moment::identified) {
  Fact fact = conversation(0, moment, {from, to, 50000, 80, IpProtocol::tcp, han});
  fact.protocol = protocol;
  fact.conversation.identified = true;
  return fact;
}

// A sound TLS 1.2 session with certificates on both sides.
Fact session_of(const char* from = hems, const char* to = centre) {
  Fact fact = fact_of(FactKind::secure_session, 0, from, to, han);
  fact.protocol = AppProtocol::tls;
  SecureSession& session = fact.secure_session;
  session = SecureSession{};
  session.server_name = DomainName::of("vtn.example.jp");
  session.version = 0x0303;
  session.cipher_suite = 0xC02F;
  session.answered = session.established = session.server_certificate_seen = true;
  session.client_certificate_requested = session.client_certificate_presented = true;
  session.client_certificate_proved = true;
  session.certificate_hash = 0x1234;
  session.not_before_s = fact.time.ns / 1'000'000'000 - 86400;
  session.not_after_s = fact.time.ns / 1'000'000'000 + 86400;
  session.key_bits = 2048;
  session.name_matches = SecureSession::NameMatch::matches;
  return fact;
}

TEST(SessionDetector, readable_data_where_encryption_is_needed_is_told_by_protocol) {
  Bench bench(policy_sessions_row, site_text);
  bench.fact(carries(AppProtocol::http, hems, centre));
  ASSERT_EQ(bench.alerts().size(), 1u);
  EXPECT_EQ(bench.alerts()[0].detector, DetectorId::policy_plaintext);
  EXPECT_EQ(why(bench.alerts()[0]), "http is readable on interface R4, which needs encryption");
  bench.fact(carries(AppProtocol::mqtt, hems, centre, Moment::began));
  EXPECT_EQ(bench.alerts().size(), 2u);
}

TEST(SessionDetector, homes_encrypted_sessions_names_and_strangers_may_be_readable) {
  Bench bench(policy_sessions_row, site_text);
  bench.fact(carries(AppProtocol::echonet_lite, hems, battery));
  bench.fact(carries(AppProtocol::tls, hems, centre));
  bench.fact(carries(AppProtocol::dns, hems, centre));
  bench.fact(carries(AppProtocol::http, hems, centre, Moment::answered));
  bench.fact(carries(AppProtocol::http, "192.168.1.77", "192.168.1.78"));
  EXPECT_TRUE(bench.alerts().empty());
}

TEST(SessionDetector, what_the_site_asks_for_takes_the_guidelines_place) {
  Bench strict(policy_sessions_row, site_text + "erab: {R5: {require: encryption, tls_min: 1.3}}\n");
  strict.fact(carries(AppProtocol::echonet_lite, hems, battery));
  ASSERT_EQ(strict.alerts().size(), 1u);
  strict.fact(session_of(hems, battery));
  ASSERT_EQ(strict.alerts().size(), 2u);
  EXPECT_EQ(why(strict.alerts()[1]), "TLS 1.2 was agreed; TLS 1.3 or later is asked for");
  Bench loose(policy_sessions_row, site_text + "erab: {R4: {require: none, tls_min: 1.0, reason: old gateways}}\n");
  loose.fact(carries(AppProtocol::http, hems, centre));
  Fact old = session_of();
  old.secure_session.version = 0x0301;
  old.secure_session.client_certificate_presented = false;
  loose.fact(old);
  EXPECT_TRUE(loose.alerts().empty());
}

TEST(SessionDetector, a_sound_session_is_silent_and_an_unanswered_hello_says_nothing) {
  Bench bench(policy_sessions_row, site_text);
  bench.fact(session_of());
  Fact unanswered = session_of();
  unanswered.secure_session = SecureSession{};
  unanswered.secure_session.version = 0x0300;
  bench.fact(unanswered);
  EXPECT_TRUE(bench.alerts().empty());
}

TEST(SessionDetector, old_versions_and_weak_suites_are_told) {
  Bench bench(policy_sessions_row, site_text);
  Fact weak = session_of();
  weak.secure_session.version = 0x0302;
  bench.fact(weak);
  ASSERT_EQ(bench.alerts().size(), 1u);
  EXPECT_EQ(bench.alerts()[0].detector, DetectorId::policy_weak_tls);
  EXPECT_EQ(bench.alerts()[0].severity, Severity::medium);
  weak = session_of();
  weak.secure_session.cipher_suite = 0x000A;
  weak.secure_session.weak = weakness::triple_des_suite;
  bench.fact(weak);
  ASSERT_EQ(bench.alerts().size(), 2u);
  EXPECT_EQ(why(bench.alerts()[1]), "cipher suite 000A was agreed: 3DES");
}

TEST(SessionDetector, a_missing_client_certificate_is_told_where_it_can_be_seen_and_else_it_rests) {
  Bench bench(policy_sessions_row, site_text);
  Fact alone = session_of();
  alone.secure_session.client_certificate_requested = alone.secure_session.client_certificate_presented = false;
  bench.fact(alone);
  ASSERT_EQ(bench.alerts().size(), 1u);
  EXPECT_EQ(bench.alerts()[0].detector, DetectorId::policy_no_mutual_auth);
  EXPECT_EQ(bench.alerts()[0].severity, Severity::high);
  EXPECT_EQ(bench.engine().blind_peers()[static_cast<std::size_t>(DetectorId::policy_no_mutual_auth)], 0u);
  for (const bool resumed : {true, false}) {
    Fact hidden = alone;
    hidden.secure_session.resumed = resumed;
    hidden.secure_session.server_certificate_seen = false;
    hidden.secure_session.version = resumed ? 0x0303 : 0x0304;
    bench.fact(hidden);
  }
  EXPECT_EQ(bench.count(DetectorId::policy_no_mutual_auth), 1u);
  EXPECT_EQ(bench.engine().blind_peers()[static_cast<std::size_t>(DetectorId::policy_no_mutual_auth)], 1u);
  EXPECT_EQ(bench.count(DetectorId::sensor_blind), 0u) << "counted, never told";
  alone.secure_session.established = false;
  bench.fact(alone);
  EXPECT_EQ(bench.count(DetectorId::policy_no_mutual_auth), 1u) << "it was not completed";
}

TEST(SessionDetector, each_fault_of_a_certificate_is_said_and_without_an_inventory_too) {
  for (const std::string& text : {site_text, std::string("host: sensor\n")}) {
    Bench bench(policy_sessions_row, text);
    const auto faulty = [&](auto&& change) {
      Fact fact = session_of();
      change(fact.secure_session);
      const std::size_t before = bench.alerts().size();
      bench.fact(fact);
      EXPECT_EQ(bench.alerts().size(), before + 1);
      return bench.alerts().empty() ? std::string() : why(bench.alerts().back());
    };
    EXPECT_EQ(faulty([](SecureSession& s) { s.not_after_s -= 3 * 86400; }), "it expired 2 days ago");
    EXPECT_EQ(faulty([](SecureSession& s) { s.not_before_s += 3 * 86400; }), "it is valid only in 2 days");
    EXPECT_EQ(faulty([](SecureSession& s) { s.self_signed = true; }), "it is signed by itself");
    EXPECT_EQ(faulty([](SecureSession& s) { s.name_matches = SecureSession::NameMatch::differs; }),
              "it does not name the server that was asked for: masked");
    EXPECT_EQ(faulty([](SecureSession& s) { s.weak = weakness::short_key, s.key_bits = 1024; }),
              "its key has 1024 bits");
    EXPECT_EQ(faulty([](SecureSession& s) { s.weak = weakness::sha1_signature; }), "its signature rests on SHA-1");
    for (const Alert& alert : bench.alerts()) EXPECT_EQ(alert.detector, DetectorId::policy_certificate);
  }
  // A server at a private address is named only where nothing is masked; a public one's name is everybody's.
  for (const bool is_public : {false, true}) {
    Bench bench(policy_sessions_row, is_public ? "host: sensor\n" : "host: sensor\nprivacy: {mask: false}\n");
    Fact fact = session_of();
    if (is_public) fact.destination = ip("203.0.113.10");
    fact.secure_session.name_matches = SecureSession::NameMatch::differs;
    bench.fact(fact);
    ASSERT_EQ(bench.alerts().size(), 1u);
    EXPECT_EQ(why(bench.alerts()[0]), "it does not name the server that was asked for: vtn.example.jp");
  }
}

}  // namespace
}  // namespace tsujiban::detect
