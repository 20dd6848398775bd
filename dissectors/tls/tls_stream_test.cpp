#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>

#include "dissect/test_stream_splits.h"
#include "dissectors/tls/tls_test_certificates.h"
#include "dissectors/tls/tls_test_sink.h"

namespace tsujiban::tls {
namespace {

using dissect::testing::Told;
using dissect::testing::told_by;
using testing::Bench;
using testing::bytes_of;
using testing::change_cipher_spec;
using testing::Chunk;
using testing::Exchange;
using testing::Hello;
using testing::joined;
using testing::message;
using testing::number;
using testing::Octets;
using testing::record;
using testing::sealed;
using testing::to_client;
using testing::to_server;
using testing::ToldAnomaly;
using testing::vector_of;

std::filesystem::path corpus() {
  return std::filesystem::path(TSUJIBAN_SOURCE_DIR) / "dissectors" / "tls" / "corpus" / "tls_fuzz";
}
Exchange recorded(const std::string& name) {
  std::ifstream file(corpus() / (name + ".bin"), std::ios::binary);
  const Octets bytes((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  EXPECT_FALSE(bytes.empty()) << name;
  return testing::exchange_of(bytes);
}
bool has(std::string_view text, std::string_view part) { return text.find(part) != std::string_view::npos; }

Told told_of(Bench& bench) {
  Told told = told_by(bench);
  EXPECT_EQ(bench.sink.told(FactKind::secure_session).size(), told.records.size());
  // A session that is over gives up with the piece that comes next; in one piece there is none.
  told.given_up = false;
  return told;
}
Told run(const Exchange& exchange) {
  Bench bench;
  bench.send(exchange);
  return told_of(bench);
}
// Each chunk cut at every place, one place at a time, and all of them octet by octet.
Told whole_and_every_split(const Exchange& exchange) {
  const Told whole = run(exchange);
  for (std::size_t i = 0; i < exchange.size(); ++i) {
    for (std::size_t at = 1; at < exchange[i].bytes.size(); ++at) {
      Exchange split(exchange.begin(), exchange.begin() + static_cast<std::ptrdiff_t>(i));
      const Octets& bytes = exchange[i].bytes;
      split.push_back({exchange[i].direction, {bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(at)}});
      split.push_back({exchange[i].direction, {bytes.begin() + static_cast<std::ptrdiff_t>(at), bytes.end()}});
      split.insert(split.end(), exchange.begin() + static_cast<std::ptrdiff_t>(i) + 1, exchange.end());
      EXPECT_EQ(run(split), whole) << "chunk " << i << " at " << at;
    }
  }
  Exchange octets;
  for (const Chunk& chunk : exchange) {
    for (const std::uint8_t b : chunk.bytes) octets.push_back({chunk.direction, {b}});
  }
  EXPECT_EQ(run(octets), whole) << "octet by octet";
  return whole;
}

Octets certificate_of(const std::vector<std::string_view>& chain) {
  Octets list;
  for (const std::string_view one : chain) list = joined({list, vector_of(bytes_of(one), 3)});
  return message(handshake::certificate, vector_of(list, 3));
}
// A handshake of TLS 1.2 in which both show certificates, one record a message.
Exchange mutual(const std::string& name = "vtn.example.jp") {
  Hello client, server;
  client.extensions = joined({testing::server_name(name), testing::alpn({"h2", "http/1.1"})});
  server.extensions = testing::alpn({"http/1.1"});
  return {{to_server, record(22, client.client())},
          {to_client, record(22, server.server())},
          {to_client, record(22, certificate_of({testing::server_certificate, testing::client_certificate}))},
          {to_client, record(22, message(handshake::certificate_request, {1, 1, 0, 0, 0, 0}))},
          {to_client, record(22, message(handshake::server_hello_done, {}))},
          {to_server, record(22, certificate_of({testing::client_certificate}))},
          {to_server, record(22, message(handshake::client_key_exchange, {0}))},
          {to_server, record(22, message(handshake::certificate_verify, {0}))},
          {to_server, change_cipher_spec()},
          {to_server, sealed()},
          {to_client, change_cipher_spec()},
          {to_client, sealed()}};
}
// The same as one piece for each change of direction.
Exchange merged(const Exchange& exchange) {
  Exchange pieces;
  for (const Chunk& chunk : exchange) {
    if (pieces.empty() || pieces.back().direction != chunk.direction) pieces.push_back({chunk.direction, {}});
    pieces.back().bytes = joined({pieces.back().bytes, chunk.bytes});
  }
  return pieces;
}

TEST(TlsStream, a_handshake_with_both_certificates_is_told_once_when_both_sides_are_encrypted) {
  const Told told = whole_and_every_split(merged(mutual()));
  ASSERT_EQ(told.records.size(), 1u);
  EXPECT_TRUE(told.anomalies.empty());
  EXPECT_TRUE(told.done);
  const std::string& text = told.records[0];
  EXPECT_TRUE(text.starts_with(
      R"({"subject":"C=JP, O=Example Energy, CN=vtn.example.jp","issuerdn":"C=JP, O=Example Energy, CN=vtn.example.jp",)"
      R"("serial":"1A:2B:3C:4D","fingerprint":"6a:51:2f:01:ce:ef:f3:a2:bd:a9:c5:c2:7e:10:6e:2a:9c:37:70:4e",)"
      R"("sni":"vtn.example.jp","version":"TLS 1.2","notbefore":"2026-11-21T17:12:14","notafter":"2027-11-21T17:12:14",)"
      R"("ja3":{"hash":")"))
      << text;
  EXPECT_TRUE(has(text, R"("client":{"subject":"C=JP, O=Example Home, CN=ven-0001, serialNumber=0001")")) << text;
  EXPECT_TRUE(has(text, R"("cipher_suite":{"code":49199,"name":"TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"})")) << text;
  EXPECT_TRUE(has(text, R"("client_alpns":["h2","http/1.1"],"server_alpns":["http/1.1"])")) << text;
  EXPECT_TRUE(has(text, R"("subjectaltname":["vtn.example.jp","*.ven.example.jp","192.0.2.1","2001:db8::1"])")) << text;
  EXPECT_TRUE(has(text, R"("chain_length":2,"key_algorithm":"RSA","key_bits":2048,)")) << text;
  EXPECT_TRUE(has(text, R"("self_signed":true,"authority":true,"usage":["server"],"name_matches":true)")) << text;
  EXPECT_TRUE(has(text, R"("client_certificate":{"requested":true,"presented":true,"proved":true})")) << text;
  EXPECT_TRUE(has(text, R"("established":true,"handshake_ms":0})")) << text;
  EXPECT_FALSE(has(text, "weak")) << text;
}

TEST(TlsStream, the_fact_has_the_client_as_source_and_says_what_the_record_says) {
  Bench bench;
  bench.send(mutual("VTN.example.jp"));
  const std::vector<Fact> facts = bench.sink.told(FactKind::secure_session);
  ASSERT_EQ(facts.size(), 1u);
  EXPECT_EQ(facts[0].source, Bench::client);
  EXPECT_EQ(facts[0].destination_port, 443);
  EXPECT_EQ(bench.sink.source, Bench::client);
  const SecureSession& s = facts[0].secure_session;
  EXPECT_EQ(s.server_name.view(), "vtn.example.jp");
  EXPECT_EQ(s.version, 0x0303);
  EXPECT_EQ(s.cipher_suite, 0xC02F);
  EXPECT_TRUE(s.answered && s.established && s.server_certificate_seen && s.self_signed);
  EXPECT_TRUE(s.client_certificate_requested && s.client_certificate_presented && s.client_certificate_proved);
  EXPECT_EQ(s.key_bits, 2048);
  EXPECT_EQ(s.weak, 0);
  EXPECT_EQ(s.name_matches, SecureSession::NameMatch::matches);
  EXPECT_EQ(s.not_after_s - s.not_before_s, 365 * 86400);
  EXPECT_NE(s.certificate_hash, 0u);
  EXPECT_NE(s.ja3_hash, 0u);
  EXPECT_EQ((std::string_view{s.ja4.data(), 10}), "t12d0202h2");
}

TEST(TlsStream, every_prefix_of_a_handshake_tells_what_there_is) {
  const Exchange exchange = mutual();
  for (std::size_t i = 0; i < exchange.size(); ++i) {
    for (std::size_t size = 0; size < exchange[i].bytes.size(); ++size) {
      Exchange prefix(exchange.begin(), exchange.begin() + static_cast<std::ptrdiff_t>(i));
      prefix.push_back({exchange[i].direction,
                        {exchange[i].bytes.begin(), exchange[i].bytes.begin() + static_cast<std::ptrdiff_t>(size)}});
      const Told told = run(prefix);
      EXPECT_EQ(told.records.size(), i == 0 ? 0u : 1u) << i << " " << size;
      // A record that is cut is told as such.
      EXPECT_LE(told.anomalies.size(), 1u);
    }
  }
}

TEST(TlsStream, messages_over_many_records_and_many_in_one_are_the_same) {
  const Exchange exchange = mutual();
  const Told plain = run(exchange);
  for (const std::size_t fragment : {std::size_t{1}, std::size_t{3}, std::size_t{100}, std::size_t{2000}}) {
    Exchange cut;
    Octets run_of[2];
    const auto flush = [&](Direction direction) {
      Octets& bytes = run_of[static_cast<unsigned>(direction)];
      for (std::size_t at = 0; at < bytes.size(); at += fragment) {
        const std::size_t end = std::min(bytes.size(), at + fragment);
        cut.push_back({direction, record(22, {bytes.begin() + static_cast<std::ptrdiff_t>(at),
                                              bytes.begin() + static_cast<std::ptrdiff_t>(end)})});
      }
      bytes.clear();
    };
    Direction last = to_server;
    for (const Chunk& chunk : exchange) {
      const bool readable = chunk.bytes[0] == 22 && chunk.bytes != sealed();
      if (!readable || chunk.direction != last) flush(last);
      last = chunk.direction;
      if (readable)
        run_of[static_cast<unsigned>(last)].insert(run_of[static_cast<unsigned>(last)].end(), chunk.bytes.begin() + 5,
                                                   chunk.bytes.end());
      else
        cut.push_back(chunk);
    }
    EXPECT_EQ(run(cut), plain) << fragment;
  }
}

struct Recorded {
  const char* name;
  std::vector<std::string_view> has;
  std::vector<std::string_view> has_not;
};
TEST(TlsStream, what_openssl_says_is_read_whatever_the_pieces) {
  const std::vector<Recorded> all = {
      {"tls12",
       {R"("version":"TLS 1.2")", R"("sni":"vtn.example.jp")", R"("client_alpns":["h2","http/1.1"])"},
       {"resumed"}},
      {"tls12_mutual", {R"("requested":true,"presented":true,"proved":true)", "CN=ven-0001"}, {"weak"}},
      {"tls12_resumed_1", {"subject"}, {"session_resumed"}},
      {"tls12_resumed_2", {R"("session_resumed":true)"}, {"subject"}},
      {"tls12_ticket_2", {R"("session_resumed":true)"}, {"subject"}},
      {"tls12_small_records", {"CN=vtn.example.jp"}, {"sni"}},
      {"tls13", {R"("version":"TLS 1.3")", R"("code":4866)"}, {"subject", "hello_retry"}},
      {"tls13_retry", {R"("version":"TLS 1.3")", R"("hello_retry":true)"}, {}},
      {"tls13_resumed_2", {R"("pre_shared_key":true)"}, {"session_resumed"}},
      {"tls12_alert",
       {R"("alerts":[{"from":"server","level":"fatal","code":70,"description":"protocol_version"}])"},
       {"cipher_suite"}},
      {"tls12_refused",
       {R"("from":"client","level":"fatal","code":48,"description":"unknown_ca")", "CN=vtn.example.jp"},
       {}},
      {"tls10_weak", {R"("version":"TLSv1")", R"("weak":["old_version","short_key","sha1_signature"])"}, {}},
  };
  for (const Recorded& one : all) {
    const Told told = whole_and_every_split(recorded(one.name));
    ASSERT_EQ(told.records.size(), 1u) << one.name;
    EXPECT_TRUE(told.anomalies.empty()) << one.name << " " << name_of(told.anomalies[0].error);
    EXPECT_EQ(told.done, !has(told.records[0], "fatal")) << one.name;
    for (const std::string_view part : one.has) EXPECT_TRUE(has(told.records[0], part)) << one.name << told.records[0];
    for (const std::string_view part : one.has_not)
      EXPECT_FALSE(has(told.records[0], part)) << one.name << told.records[0];
  }
}

TEST(TlsStream, a_connection_met_in_its_middle_tells_nothing_and_is_done) {
  const Told told = whole_and_every_split({{to_server, joined({sealed(), record(23, Octets(30, 0xEE))})},
                                           {to_client, record(content::alert, Octets(26, 0xEE))}});
  EXPECT_TRUE(told.records.empty() && told.anomalies.empty());
  EXPECT_TRUE(told.done);
}

TEST(TlsStream, each_side_alone_tells_what_it_has) {
  for (const char* const name : {"tls12_mutual", "tls13", "tls13_retry", "tls12_resumed_2"}) {
    for (const Direction side : {to_server, to_client}) {
      Exchange alone;
      for (const Chunk& chunk : recorded(name)) {
        if (chunk.direction == side) alone.push_back(chunk);
      }
      const Told told = whole_and_every_split(merged(alone));
      ASSERT_EQ(told.records.size(), 1u) << name;
      EXPECT_TRUE(told.anomalies.empty()) << name;
      EXPECT_EQ(has(told.records[0], "\"ja3\""), side == to_server);
      EXPECT_EQ(has(told.records[0], "\"ja3s\""), side == to_client);
    }
  }
}

TEST(TlsStream, a_capture_that_sees_the_server_as_initiator_still_knows_the_client) {
  Exchange turned = mutual();
  for (Chunk& chunk : turned) chunk.direction = chunk.direction == to_server ? to_client : to_server;
  const Told told = run(turned);
  ASSERT_EQ(told.records.size(), 1u);
  EXPECT_EQ(told.records, run(mutual()).records);
}

TEST(TlsStream, encrypted_bytes_of_one_side_end_the_dissection_at_their_limit) {
  const Octets data = record(23, Octets(8192, 0xEE));
  Bench bench;
  bench.send(to_server, record(22, Hello{}.client()));
  bench.send(to_server, change_cipher_spec());
  std::size_t sent = 0;
  while (!bench.stream.done && sent < 10 * one_sided_bytes_max) bench.send(to_server, data), sent += data.size();
  EXPECT_TRUE(bench.stream.done);
  EXPECT_GT(sent, one_sided_bytes_max - data.size());
  EXPECT_LE(sent, one_sided_bytes_max + 2 * data.size());
  EXPECT_EQ(bench.sink.records.size(), 1u);
}

TEST(TlsStream, a_record_of_application_data_is_consumed_as_it_comes) {
  Bench bench;
  bench.send(to_server, record(22, Hello{}.client()));
  const Octets data = record(23, Octets(16384, 0xEE));
  for (const std::uint8_t& b : data) bench.send(to_server, Bytes{&b, 1});
  // One call for each octet of the body and for the header's first and last.
  EXPECT_LE(bench.stream.feeds, data.size() + 10);
  EXPECT_FALSE(bench.stream.bad_progress);
}

TEST(TlsStream, a_large_hello_with_post_quantum_keys_is_read) {
  Hello hello;
  for (const std::size_t key : {std::size_t{1216}, std::size_t{16000}, std::size_t{60000}}) {
    hello.extensions = joined({testing::server_name("pq.example"), testing::extension_of(51, Octets(key, 0x55))});
    const Octets bytes = hello.client();
    Exchange exchange;
    for (std::size_t at = 0; at < bytes.size(); at += 16384) {
      const std::size_t end = std::min(bytes.size(), at + 16384);
      exchange.push_back({to_server, record(22, {bytes.begin() + static_cast<std::ptrdiff_t>(at),
                                                 bytes.begin() + static_cast<std::ptrdiff_t>(end)})});
    }
    const Told told = run(exchange);
    ASSERT_EQ(told.records.size(), 1u) << key;
    EXPECT_TRUE(has(told.records[0], "pq.example"));
    EXPECT_TRUE(told.anomalies.empty());
  }
}

TEST(TlsStream, a_message_at_the_limit_is_read_and_a_larger_one_is_passed_over_and_told) {
  for (const std::uint32_t size : {message_bytes_max - 1, message_bytes_max, message_bytes_max + 1}) {
    const Octets bytes = message(handshake::server_key_exchange, Octets(size - message_header_length, 0));
    Exchange exchange = {{to_server, record(22, Hello{}.client())}, {to_client, record(22, Hello{}.server())}};
    for (std::size_t at = 0; at < bytes.size(); at += 16000) {
      const std::size_t end = std::min(bytes.size(), at + 16000);
      exchange.push_back({to_client, record(22, {bytes.begin() + static_cast<std::ptrdiff_t>(at),
                                                 bytes.begin() + static_cast<std::ptrdiff_t>(end)})});
    }
    // What follows it is in its place again.
    exchange.push_back({to_client, record(22, certificate_of({testing::weak_certificate}))});
    const Told told = run(exchange);
    ASSERT_EQ(told.records.size(), 1u);
    EXPECT_TRUE(has(told.records[0], "CN=weak.example.jp"));
    EXPECT_EQ(told.anomalies.size(), size > message_bytes_max ? 1u : 0u);
    for (const ToldAnomaly& anomaly : told.anomalies) EXPECT_EQ(anomaly.error, ParseError::tls_message_too_large);
  }
}

TEST(TlsStream, a_gap_anywhere_costs_what_it_hit) {
  const Exchange exchange = merged(mutual());
  for (std::size_t i = 0; i < exchange.size(); ++i) {
    const Bytes bytes(exchange[i].bytes);
    for (std::size_t at = 0; at + 1 < bytes.size(); at += 3) {
      Bench bench;
      for (std::size_t k = 0; k < exchange.size(); ++k) {
        if (k != i) {
          bench.send(exchange[k].direction, exchange[k].bytes);
          continue;
        }
        bench.send(exchange[i].direction, bytes.first(at));
        const std::size_t missing = std::min<std::size_t>(40, bytes.size() - at);
        bench.gap(exchange[i].direction, static_cast<std::uint32_t>(missing));
        bench.send(exchange[i].direction, bytes.subspan(at + missing));
      }
      const Told told = told_of(bench);
      EXPECT_EQ(told.records.size(), 1u) << i << " " << at;
      EXPECT_LE(told.anomalies.size(), 2u) << i << " " << at;
    }
  }
}

TEST(TlsStream, a_gap_within_a_record_that_is_passed_over_loses_nothing) {
  Bench bench;
  bench.send(to_server, record(22, Hello{}.client()));
  const Octets data = record(23, Octets(1000, 0xEE));
  bench.send(to_server, Bytes(data).first(100));
  bench.gap(to_server, 905);
  bench.send(to_client, record(22, Hello{}.server()));
  bench.send(to_client, change_cipher_spec());
  EXPECT_TRUE(bench.stream.done);
  EXPECT_EQ(bench.sink.records.size(), 1u);
}

TEST(TlsStream, an_answer_in_another_protocol_ends_it_with_what_there_is) {
  const Told told = whole_and_every_split(
      {{to_server, record(22, Hello{}.client())}, {to_client, testing::octets("HTTP/1.1 400 Bad Request\r\n\r\n")}});
  ASSERT_EQ(told.records.size(), 1u);
  EXPECT_EQ(told.anomalies, (std::vector<ToldAnomaly>{{ParseError::tls_bad_record, 0}}));
  EXPECT_FALSE(told.done);
}

TEST(TlsStream, a_broken_message_costs_only_itself) {
  Hello hello;
  hello.extensions = testing::extension_of(0, {0, 9, 0});
  const Told told = whole_and_every_split({{to_server, record(22, hello.client())},
                                           {to_client, record(22, joined({message(99, {1, 2}), Hello{}.server()}))},
                                           {to_client, record(22, certificate_of({"3003020105"}))}});
  ASSERT_EQ(told.records.size(), 1u);
  ASSERT_EQ(told.anomalies.size(), 3u);
  EXPECT_EQ(told.anomalies[0].error, ParseError::tls_bad_extension);
  EXPECT_EQ(told.anomalies[1].error, ParseError::tls_unexpected_message);
  EXPECT_EQ(told.anomalies[2].error, ParseError::tls_bad_certificate);
  EXPECT_TRUE(has(told.records[0], "\"malformed\":true"));
  EXPECT_TRUE(has(told.records[0], "\"ja3s\""));
}

TEST(TlsStream, too_many_broken_messages_end_it) {
  for (const std::size_t count : {std::size_t{faults_max} - 1, std::size_t{faults_max}, std::size_t{4} * faults_max}) {
    Octets messages;
    for (std::size_t i = 0; i < count; ++i) messages = joined({messages, message(99, {})});
    Bench bench;
    bench.send({{to_server, record(22, Hello{}.client())}, {to_client, record(22, messages)}, {to_client, sealed()}});
    EXPECT_EQ(bench.stream.given_up, count >= faults_max) << count;
    const Told told = told_of(bench);
    EXPECT_EQ(told.records.size(), 1u);
    EXPECT_LE(told.anomalies.size(), std::size_t{faults_max});
  }
}

TEST(TlsStream, lies_of_the_certificate_list_are_told) {
  const std::vector<Octets> lists = {
      {0, 0, 9},
      joined({number(4, 3), number(1, 3), {1, 1}}),
      joined({number(3, 3), number(0, 3)}),
      joined({number(2, 3), {0, 0}}),
  };
  for (const Octets& list : lists) {
    const Told told = run({{to_client, record(22, Hello{}.server())}, {to_client, record(22, message(11, list))}});
    EXPECT_TRUE(std::any_of(told.anomalies.begin(), told.anomalies.end(),
                            [](const ToldAnomaly& anomaly) { return anomaly.error == ParseError::tls_bad_handshake; }));
  }
  // A client that has none says so with an empty list.
  Exchange exchange = mutual();
  exchange[5].bytes = record(22, message(11, number(0, 3)));
  const Told told = run(exchange);
  EXPECT_TRUE(told.anomalies.empty());
  EXPECT_TRUE(has(told.records.at(0), R"("requested":true,"presented":false)"));
}

TEST(TlsStream, bytes_that_begin_no_record_are_passed_over_and_told_once) {
  const Exchange exchange = {{to_server, joined({record(22, Hello{}.client()), Octets(300, 0xAA)})},
                             {to_server, joined({Octets(300, 0xAA), change_cipher_spec()})},
                             {to_client, joined({record(22, Hello{}.server()), change_cipher_spec()})}};
  const Told told = run(exchange);
  EXPECT_EQ(told.anomalies, (std::vector<ToldAnomaly>{{ParseError::tls_unsynchronised, 0}}));
  EXPECT_TRUE(told.done);
  for (const std::size_t piece : {std::size_t{7}, std::size_t{1000}, std::size_t{2} * unsynchronised_bytes_max}) {
    Bench bench;
    bench.send(to_server, record(22, Hello{}.client()));
    std::size_t fed = 0;
    while (!bench.stream.given_up && fed < 3 * unsynchronised_bytes_max)
      bench.send(to_server, Octets(piece, 0xAA)), fed += piece;
    EXPECT_TRUE(bench.stream.given_up);
    EXPECT_GE(fed, unsynchronised_bytes_max);
    EXPECT_EQ(bench.sink.anomalies.size(), 1u);
    EXPECT_EQ(bench.sink.records.size(), 1u);
  }
}

TEST(TlsStream, record_lengths_at_below_and_above_the_limit) {
  for (const std::uint32_t length : {record_body_max - 1, record_body_max, record_body_max + 1}) {
    const Octets body = joined({Hello{}.client(), message(12, Octets(length - Hello{}.client().size() - 4, 0))});
    ASSERT_EQ(body.size(), length);
    const Told told = run({{to_server, record(22, body)}});
    EXPECT_EQ(told.anomalies.size(), length > record_body_max ? 1u : 0u);
  }
  const Told empty = run({{to_server, joined({record(22, Hello{}.client()), record(22, {})})}});
  EXPECT_EQ(empty.anomalies.size(), 1u);
  const Told data = run({{to_server, joined({record(22, Hello{}.client()), record(23, {}), sealed()})}});
  EXPECT_TRUE(data.anomalies.empty());
}

TEST(TlsStream, a_heartbeat_that_asks_for_more_than_it_brings_is_told) {
  const auto beat = [](unsigned payload, std::size_t brought) {
    return record(content::heartbeat, joined({{1}, number(payload, 2), Octets(brought, 'x')}));
  };
  const Told well = run({{to_server, joined({record(22, Hello{}.client()), beat(16, 32)})}});
  EXPECT_TRUE(well.anomalies.empty());
  EXPECT_TRUE(has(well.records.at(0), "\"heartbeats\":1"));
  const Told told = whole_and_every_split({{to_server, joined({record(22, Hello{}.client()), beat(0x4000, 0)})}});
  EXPECT_EQ(told.anomalies, (std::vector<ToldAnomaly>{{ParseError::tls_heartbeat_overread, 6}}));
  EXPECT_TRUE(has(told.records.at(0), R"("weak":["heartbeat_overread"])"));
}

TEST(TlsStream, bytes_behind_a_fatal_alert_are_told) {
  const Octets alert = record(content::alert, {2, 40});
  const Exchange refused = {{to_server, record(22, Hello{}.client())}, {to_client, alert}};
  Exchange speaks_on = refused, waits = refused;
  speaks_on.push_back({to_client, testing::octets("and now something else")});
  const Told told = whole_and_every_split(speaks_on);
  EXPECT_EQ(told.anomalies, (std::vector<ToldAnomaly>{{ParseError::tls_data_after_alert, 0}}));
  EXPECT_EQ(told.records.size(), 1u);
  // What the client had sent already is no fault, nor is a second alert.
  waits.push_back({to_server, sealed()});
  waits.push_back({to_client, record(content::alert, {1, 0})});
  EXPECT_TRUE(run(waits).anomalies.empty());
}

TEST(TlsStream, a_downgrade_is_told_only_where_the_client_offered_more) {
  Hello client, server;
  server.random = joined({Octets(24, 9), testing::octets("DOWNGRD"), number(1, 1)});
  const auto told = [&] {
    return run({{to_server, record(22, client.client())}, {to_client, record(22, server.server())}}).records.at(0);
  };
  EXPECT_TRUE(has(told(), "downgrade_sentinel"));
  EXPECT_FALSE(has(told(), "\"downgraded\""));
  client.extensions = testing::extension_of(43, vector_of(testing::values({0x0304, 0x0303}), 1));
  EXPECT_TRUE(has(told(), R"("weak":["downgraded"])"));
}

TEST(TlsStream, a_whole_handshake_without_certificates_is_no_resumption) {
  Hello client, server;
  client.extensions = testing::extension_of(35, Octets(100, 7));
  server.suites = {0x0034};
  Exchange exchange = {{to_server, record(22, client.client())},
                       {to_client, record(22, server.server())},
                       {to_client, record(22, message(handshake::server_hello_done, {}))},
                       {to_server, record(22, message(handshake::client_key_exchange, {0}))},
                       {to_server, change_cipher_spec()},
                       {to_client, change_cipher_spec()}};
  EXPECT_FALSE(has(run(exchange).records.at(0), "session_resumed"));
  EXPECT_TRUE(has(run(exchange).records.at(0), R"("weak":["anonymous_suite"])"));
  exchange.erase(exchange.begin() + 2, exchange.begin() + 4);
  EXPECT_TRUE(has(run(exchange).records.at(0), R"("session_resumed":true)"));
}

TEST(TlsStream, hidden_hellos_and_drafts) {
  Hello client, server;
  client.extensions = testing::extension_of(65037, {0});
  server.extensions = testing::extension_of(43, number(0x7F17, 2));
  const std::string told =
      run({{to_server, record(22, client.client())}, {to_client, record(22, server.server())}}).records.at(0);
  EXPECT_TRUE(has(told, "\"encrypted_client_hello\":true"));
  EXPECT_TRUE(has(told, R"("version":"TLS 1.3 draft-23")"));
}

TEST(TlsStream, ssl_2_is_told_as_weak) {
  const Octets hello = bytes_of(
      "802E 01 0002 0015 0000 0010 010080 020080 030080 040080 060040 0700C0 050080"
      "00112233445566778899AABBCCDDEEFF");
  const Octets certificate = bytes_of(testing::weak_certificate);
  Octets answer = joined({{ssl2::server_hello, 0, 1, 0, 2},
                          number(certificate.size(), 2),
                          number(3, 2),
                          number(16, 2),
                          certificate,
                          {1, 0, 0x80},
                          Octets(16, 1)});
  answer = joined({number(0x8000 | answer.size(), 2), answer});
  Octets key = joined({{ssl2::client_master_key, 1, 0, 0x80, 0, 0, 0, 4, 0, 0}, Octets(4, 7)});
  key = joined({number(0x8000 | key.size(), 2), key});
  const Octets data = joined({number(0x8000 | 40, 2), Octets(40, 0xEE)});
  const Told told =
      whole_and_every_split({{to_server, hello}, {to_client, answer}, {to_server, key}, {to_client, data}});
  ASSERT_EQ(told.records.size(), 1u);
  EXPECT_TRUE(told.done);
  EXPECT_TRUE(told.anomalies.empty());
  EXPECT_TRUE(has(told.records[0], R"("version":"SSLv2")")) << told.records[0];
  EXPECT_TRUE(has(told.records[0], "SSL2_RC4_128_WITH_MD5"));
  EXPECT_TRUE(has(told.records[0], "CN=weak.example.jp"));
  // The same hello to a server that answers in SSL 3.
  Hello server;
  server.version = version::ssl3;
  const Told newer = run({{to_server, hello}, {to_client, record(22, server.server(), version::ssl3)}});
  EXPECT_TRUE(has(newer.records.at(0), R"("version":"SSLv3")"));
}

TEST(TlsStream, without_anybody_who_wants_it_nothing_is_kept_and_the_end_is_the_same) {
  Bench bench({.records = false, .facts = false});
  bench.send(mutual());
  EXPECT_TRUE(bench.stream.done);
  EXPECT_EQ(bench.dissector.certificates_cached(), 0u);
  EXPECT_EQ(bench.dissector.sessions_open(), 0u);
  EXPECT_TRUE(bench.sink.records.empty() && bench.sink.facts.empty());
  const auto tls = static_cast<std::size_t>(AppProtocol::tls);
  EXPECT_EQ(bench.counters->messages[tls][handshake::certificate].value(), 2u);
  EXPECT_EQ(bench.counters->messages[tls][message_type::change_cipher_spec].value(), 2u);
}

TEST(TlsStream, more_handshakes_than_there_is_room_for_are_counted_and_go_on_untold) {
  Bench bench({.limits = {1, 1}});
  bench.send(to_server, record(22, Hello{}.client()));
  dissect::testing::TestStream second(bench.dissector, registry_row, bench.sink);
  for (const Chunk& chunk : mutual()) {
    bench.turn(chunk.direction);
    second.feed(bench.context, chunk.bytes);
  }
  EXPECT_TRUE(second.done);
  EXPECT_TRUE(bench.sink.records.empty());
  EXPECT_GT(bench.evicted(), 0u);
}

TEST(TlsStream, mutations_of_a_recorded_handshake_do_no_harm) {
  for (const char* const name : {"tls12_mutual", "tls13_retry"}) {
    const Exchange exchange = merged(recorded(name));
    std::uint32_t random = 1;
    for (unsigned round = 0; round < 3000; ++round) {
      Exchange changed = exchange;
      for (unsigned i = 0; i < 3; ++i) {
        random = random * 1664525 + 1013904223;
        Octets& bytes = changed[random >> 16 & 1].bytes;
        bytes[(random >> 8) % bytes.size()] ^= static_cast<std::uint8_t>(1u << (random >> 28 & 7));
      }
      const Told told = run(changed);
      EXPECT_LE(told.records.size(), 1u);
    }
  }
}

}  // namespace
}  // namespace tsujiban::tls
