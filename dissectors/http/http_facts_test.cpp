#include <gtest/gtest.h>

#include "dissectors/http/http_test_sink.h"

namespace tsujiban::http {
namespace {

using namespace testing;

std::uint64_t url_hash(std::string_view host_and_target) { return hash_bytes(HashSeed{}, bytes_of(host_and_target)); }

TEST(HttpFacts, a_request_is_told_when_its_response_has_come_with_the_client_as_source) {
  for (const bool records : {true, false}) {
    Bench bench({.records = records});
    bench.ask("GET /a/B?c=d#e HTTP/1.1\r\nHost: WWW.Example.JP.:8080\r\n\r\n");
    EXPECT_TRUE(bench.sink.told(FactKind::web_request).empty());
    bench.answer("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n");
    const std::vector<Fact> told = bench.sink.told(FactKind::web_request);
    ASSERT_EQ(told.size(), 1u);
    EXPECT_EQ(told[0].source, Bench::client);
    EXPECT_EQ(told[0].destination, Bench::server);
    EXPECT_EQ(told[0].destination_port, 80);
    EXPECT_EQ(told[0].web_request.host.view(), "www.example.jp");
    EXPECT_EQ(told[0].web_request.host.hash, DomainName::of("www.example.jp").hash);
    EXPECT_EQ(told[0].web_request.url_hash, url_hash("www.example.jp/a/B?c=d"));
    EXPECT_EQ(told[0].web_request.status, 404);
  }
}

TEST(HttpFacts, the_same_url_is_told_again_only_after_the_report_time) {
  Bench bench;
  const auto exchange = [&](std::string_view target) {
    bench.ask("GET " + std::string(target) + " HTTP/1.1\r\nHost: a.example\r\n\r\n");
    bench.answer("HTTP/1.1 204 No Content\r\n\r\n");
  };
  for (int n = 0; n < 10; ++n) exchange("/");
  EXPECT_EQ(bench.sink.told(FactKind::web_request).size(), 1u);
  exchange("/other");
  EXPECT_EQ(bench.sink.told(FactKind::web_request).size(), 2u);
  bench.context.time = bench.context.time + report_repeat;
  exchange("/");
  EXPECT_EQ(bench.sink.told(FactKind::web_request).size(), 3u);
}

TEST(HttpFacts, absolute_targets_name_their_host_and_tunnels_no_url) {
  Bench bench;
  bench.ask("GET http://Other.example?x=1 HTTP/1.1\r\nHost: proxy.example\r\n\r\n");
  bench.answer("HTTP/1.1 204 No Content\r\n\r\n");
  bench.ask("CONNECT Secret.example:443 HTTP/1.1\r\nHost: proxy.example\r\n\r\n");
  bench.answer("HTTP/1.1 200 OK\r\n\r\n");
  const std::vector<Fact> told = bench.sink.told(FactKind::web_request);
  ASSERT_EQ(told.size(), 2u);
  EXPECT_EQ(told[0].web_request.host.view(), "other.example");
  EXPECT_EQ(told[0].web_request.url_hash, url_hash("other.example/?x=1"));
  EXPECT_EQ(told[1].web_request.host.view(), "secret.example");
  EXPECT_EQ(told[1].web_request.url_hash, 0u);
}

TEST(HttpFacts, a_request_that_nobody_answers_is_told_at_the_end_and_a_response_alone_never) {
  Bench bench;
  bench.ask("GET /x HTTP/1.1\r\nHost: a.example\r\n\r\n").finish();
  ASSERT_EQ(bench.sink.told(FactKind::web_request).size(), 1u);
  EXPECT_EQ(bench.sink.told(FactKind::web_request)[0].web_request.status, 0);
  Bench alone;
  alone.answer("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").finish();
  EXPECT_TRUE(alone.sink.told(FactKind::web_request).empty());
}

}  // namespace
}  // namespace tsujiban::http
