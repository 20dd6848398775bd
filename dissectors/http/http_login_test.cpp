#include <gtest/gtest.h>

#include "dissectors/http/http_test_sink.h"

namespace tsujiban::http {
namespace {

using testing::Bench;
using Outcome = Login::Outcome;

std::vector<Outcome> outcomes(const Bench& bench) {
  std::vector<Outcome> told;
  for (const Fact& fact : bench.sink.told(FactKind::login)) told.push_back(fact.login.outcome);
  return told;
}
std::vector<Outcome> after(std::string_view request, std::string_view response) {
  Bench bench;
  bench.ask(request).answer(response);
  return outcomes(bench);
}
constexpr std::string_view with_basic = "GET / HTTP/1.1\r\nHost: a\r\nAuthorization: Basic Ym9iOmh1bnRlcjI=\r\n\r\n";
constexpr std::string_view without = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
std::string token_request(std::string_view path) {
  return "POST " + std::string(path) + " HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nx=1";
}
std::string status(std::string_view line, std::string_view headers = "") {
  return "HTTP/1.1 " + std::string(line) + "\r\n" + std::string(headers) + "Content-Length: 0\r\n\r\n";
}

TEST(HttpLogin, only_requests_with_credentials_are_attempts) {
  EXPECT_EQ(after(with_basic, status("401 No")), (std::vector{Outcome::failed}));
  EXPECT_EQ(after(with_basic, status("403 No")), (std::vector{Outcome::failed}));
  EXPECT_EQ(after(with_basic, status("200 OK")), (std::vector{Outcome::succeeded}));
  EXPECT_EQ(after(with_basic, status("204 OK")), (std::vector{Outcome::succeeded}));
  for (const char* const other : {"302 Found", "404 No", "500 Oh", "407 Proxy"})
    EXPECT_TRUE(after(with_basic, status(other)).empty()) << other;
  for (const char* const any : {"401 No", "403 No", "200 OK"}) EXPECT_TRUE(after(without, status(any)).empty()) << any;
}

TEST(HttpLogin, a_token_endpoint_refuses_with_400_or_401) {
  EXPECT_EQ(after(token_request("/oauth2/token"), status("400 Bad")), (std::vector{Outcome::failed}));
  EXPECT_EQ(after(token_request("/token?x=/a"), status("401 No")), (std::vector{Outcome::failed}));
  EXPECT_EQ(after(token_request("http://vtn.example/auth/token"), status("200 OK")), (std::vector{Outcome::succeeded}));
  EXPECT_TRUE(after(token_request("/token"), status("503 Busy")).empty());
  EXPECT_TRUE(after(token_request("/tokens"), status("400 Bad")).empty());
  EXPECT_TRUE(after("GET /token HTTP/1.1\r\nHost: a\r\n\r\n", status("400 Bad")).empty());
}

TEST(HttpLogin, a_step_of_a_challenge_refuses_nobody) {
  EXPECT_TRUE(after(with_basic, status("401 No", "WWW-Authenticate: Digest realm=\"a\", STALE=TRUE\r\n")).empty());
  EXPECT_TRUE(after(with_basic, status("401 No", "WWW-Authenticate: NTLM TlRMTVNTUAACAAAA\r\n")).empty());
  EXPECT_EQ(after(with_basic, status("401 No", "WWW-Authenticate: Digest realm=\"a\", stale=false\r\n")),
            (std::vector{Outcome::failed}));
}

TEST(HttpLogin, successes_are_news_and_the_first_one_behind_a_failure_always_is) {
  Bench bench;
  const auto attempt = [&](std::string_view line) { bench.ask(with_basic).answer(status(line)); };
  for (int i = 0; i < 5; ++i) attempt("200 OK");
  attempt("401 No");
  attempt("401 No");
  attempt("200 OK");
  attempt("200 OK");
  EXPECT_EQ(outcomes(bench), (std::vector{Outcome::succeeded, Outcome::failed, Outcome::failed, Outcome::succeeded}));
  bench.context.time = bench.context.time + report_repeat;
  attempt("200 OK");
  EXPECT_EQ(outcomes(bench).size(), 5u);
}

TEST(HttpLogin, the_fact_is_the_clients_with_the_users_hash_whether_or_not_records_are_wanted) {
  for (const bool records : {true, false}) {
    Bench bench({.records = records});
    bench.ask(with_basic).answer(status("401 No"));
    const std::vector<Fact> facts = bench.sink.told(FactKind::login);
    ASSERT_EQ(facts.size(), 1u);
    EXPECT_EQ(facts[0].source, Bench::client);
    EXPECT_EQ(facts[0].destination, Bench::server);
    EXPECT_EQ(facts[0].destination_port, 80);
    EXPECT_EQ(facts[0].login.code, 401);
    const std::string_view bob = "bob";
    EXPECT_EQ(facts[0].login.user_hash, hash_bytes(HashSeed{}, testing::bytes_of(bob)));
  }
}

TEST(HttpLogin, pipelined_requests_have_each_their_own_answer) {
  Bench bench;
  bench.ask(std::string(without) + std::string(with_basic) + std::string(without));
  bench.answer(status("401 No") + status("403 No") + status("401 No"));
  EXPECT_EQ(outcomes(bench), (std::vector{Outcome::failed}));
}

}  // namespace
}  // namespace tsujiban::http
