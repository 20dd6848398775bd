// What is read of single messages and transactions.
#include <gtest/gtest.h>

#include "dissectors/http/http_test_sink.h"
#include "output/privacy.h"

namespace tsujiban::http {
namespace {

using testing::Bench;
using testing::bytes_of;
using testing::deflated;
using testing::Octets;

constexpr std::string_view get =
    "GET /OpenADR2/Simple/2.0b/EiEvent?x=1 HTTP/1.1\r\nHost: vtn.example.jp:8080\r\nUser-Agent: VEN/1.0\r\n"
    "Referer: http://a/b\r\nX-Forwarded-For: 10.0.0.1\r\n\r\n";
constexpr std::string_view ok =
    "HTTP/1.1 200 OK\r\nDate: Sat, 01 Jan 2000 00:00:00 GMT\r\nServer: nginx\r\n"
    "Content-Type: application/xml; charset=utf-8\r\nContent-Length: 5\r\n\r\nhello";

bool has(const std::string& record, std::string_view part) { return record.find(part) != std::string::npos; }
bool flagged(const Bench& bench, std::string_view flag) { return has(bench.last(), '"' + std::string(flag) + '"'); }
Bench& one(Bench& bench, std::string_view request, std::string_view response = "HTTP/1.1 204 No\r\n\r\n") {
  bench.ask(request).answer(response);
  return bench;
}

TEST(HttpRecord, has_suricatas_members) {
  Bench bench;
  bench.ask(get).answer(ok);
  ASSERT_EQ(bench.sink.records.size(), 1u);
  EXPECT_EQ(bench.last(),
            R"({"hostname":"vtn.example.jp","http_port":8080,"url":"/OpenADR2/Simple/2.0b/EiEvent?x=1",)"
            R"("http_user_agent":"VEN/1.0","xff":"10.0.0.1","http_content_type":"application/xml",)"
            R"("http_refer":"http://a/b","http_method":"GET","protocol":"HTTP/1.1","status":200,"length":5,)"
            R"("server":"nginx","date":"Sat, 01 Jan 2000 00:00:00 GMT"},"tx_id":0)");
  EXPECT_EQ(bench.sink.source, Bench::client);
  EXPECT_EQ(bench.counted("get"), 1u);
  EXPECT_EQ(bench.counted("2xx"), 1u);
  EXPECT_TRUE(bench.sink.anomalies.empty());
}

TEST(HttpRecord, has_the_client_as_source_whoever_began_the_flow) {
  Bench bench;
  bench.turned = true;
  bench.answer(ok).ask(get).answer(ok);
  ASSERT_EQ(bench.sink.records.size(), 2u);
  EXPECT_TRUE(has(bench.sink.records[0], "no_request"));
  EXPECT_TRUE(has(bench.sink.records[1], "vtn.example.jp"));
  EXPECT_EQ(bench.sink.source, Bench::client);
}

TEST(HttpRecord, counts_transactions) {
  Bench bench;
  for (int i = 0; i < 3; ++i) bench.ask(get).answer(ok);
  EXPECT_TRUE(has(bench.last(), "\"tx_id\":2"));
}

TEST(HttpRecord, has_the_request_body) {
  Bench bench;
  one(bench, "POST /a HTTP/1.1\r\nContent-Type: text/xml\r\nContent-Length: 4\r\n\r\nabcd");
  EXPECT_TRUE(has(bench.last(), R"("request_content_type":"text/xml","request_length":4)")) << bench.last();
}

TEST(HttpRecord, has_the_host_in_lower_case) {
  Bench bench;
  one(bench, "GET HTTP://VTN.example.JP/ HTTP/1.1\r\nHost: vtn.EXAMPLE.jp\r\nUser-Agent: \r\n\r\n");
  EXPECT_TRUE(has(bench.last(), R"({"hostname":"vtn.example.jp","url":"HTTP://VTN.example.JP/","http_method")"));
  EXPECT_FALSE(flagged(bench, "host_differs"));
}

TEST(HttpRecord, has_redirect_and_content_range) {
  Bench bench;
  one(bench, get, "HTTP/1.1 302 F\r\nLocation: /b\r\nContent-Range: bytes 0-8/34\r\nContent-Length: 0\r\n\r\n");
  EXPECT_TRUE(has(bench.last(), R"("redirect":"/b")"));
  EXPECT_TRUE(has(bench.last(), R"("content_range":{"raw":"bytes 0-8/34","start":0,"end":8,"size":34})"));
}

TEST(HttpRecord, joins_repeated_headers) {
  Bench bench;
  one(bench, get, "HTTP/1.1 200 OK\r\nContent-Type: a/b\r\nContent-Type: c/d\r\nContent-Length: 0\r\n\r\n");
  EXPECT_TRUE(has(bench.last(), R"("http_content_type":"a/b, c/d")"));
}

TEST(HttpRecord, has_no_password_cookie_or_token) {
  Bench bench;
  // aladdin:opensesame, and a bearer token.
  one(bench,
      "GET http://u:hunter2@h/a?access_token=sesame1&x=2 HTTP/1.1\r\nAuthorization: Basic YWxhZGRpbjpvcGVuc2VzYW1l\r\n"
      "Proxy-Authorization: Bearer sesame2\r\nCookie: sid=sesame3\r\nReferer: http://h/?PASSWORD=sesame4#f\r\n\r\n",
      "HTTP/1.1 302 F\r\nSet-Cookie: sid=sesame5\r\nLocation: /?x&token=sesame6;y=1\r\n"
      "WWW-Authenticate: Digest nonce=sesame7\r\nContent-Length: 0\r\n\r\n");
  EXPECT_FALSE(has(bench.last(), "sesame")) << bench.last();
  EXPECT_FALSE(has(bench.last(), "hunter2")) << bench.last();
  EXPECT_FALSE(has(bench.last(), "YWxh")) << bench.last();
  for (const std::string_view part :
       {R"("url":"http://***@h/a?access_token=***&x=2")", R"("authorization":"Basic","authorization_user":"aladdin")",
        R"("proxy_authorization":"Bearer")", R"("cookie":true)", R"("set_cookie":true)",
        R"("http_refer":"http://h/?PASSWORD=***#f")", R"("redirect":"/?x&token=***;y=1")",
        R"("www_authenticate":"Digest")", R"("userinfo")"})
    EXPECT_TRUE(has(bench.last(), part)) << part << bench.last();
}

TEST(HttpRecord, masks_the_user_of_basic) {
  const output::Mask mask(true, {});
  Bench bench;
  bench.sink.set_mask(&mask);
  one(bench, "GET / HTTP/1.1\r\nAuthorization: basic YWxhZGRpbjpvcGVuc2VzYW1l\r\n\r\n");
  EXPECT_TRUE(has(bench.last(), R"("authorization_user":"masked")")) << bench.last();
}

TEST(HttpRecord, shows_nothing_of_a_bare_secret) {
  Bench bench;
  one(bench, "GET / HTTP/1.1\r\nAuthorization: 0123456789abcdef0123456789\r\n\r\n");
  EXPECT_TRUE(has(bench.last(), R"("authorization":"-")"));
  one(bench, "GET / HTTP/1.1\r\nAuthorization: Basic c2VzYW1l\r\n\r\n");  // "sesame", without a user.
  EXPECT_FALSE(has(bench.last(), "sesame"));
  EXPECT_FALSE(has(bench.last(), "authorization_user"));
}

TEST(HttpRecord, keeps_long_texts_and_cuts_those_beyond) {
  Bench bench;
  const std::string url = "/" + std::string(8000, 'u'), agent(3000, 'a');
  one(bench, "GET " + url + " HTTP/1.1\r\nUser-Agent: " + agent + "\r\n\r\n");
  EXPECT_TRUE(has(bench.last(), '"' + url + '"'));
  EXPECT_TRUE(has(bench.last(), '"' + agent.substr(0, field_bytes_max) + '"'));
  EXPECT_TRUE(flagged(bench, "text_cut"));
}

// What the reader of plain heads takes it takes as the careful one does; of all else it says nothing.
TEST(HttpHead, is_read_the_same_by_both_readers) {
  const auto request = [](std::string_view headers) { return "GET /a HTTP/1.1\r\n" + std::string(headers) + "\r\n"; };
  const std::string plain[] = {
      request(""),
      request("Host: a\r\n"),
      request("hOST:a \t\r\nHost: \t b\r\nX-1-y:\r\n"),
      request("Content-Length: 5\r\nTransfer-Encoding: gzip, chunked\r\nContent-Encoding: gzip\r\n"),
      request("Content-Length: 5, 5\r\nContent-Length: 6\r\nContent-Length: 1x\r\n"),
      request("Content-Length: 12345678901234567890\r\nTransfer-Encoding: x\r\n"),
      request("Authorization: Basic YWxhZGRpbjpvcGVu\r\nCookie: a\r\nReferer: b\r\nUser-Agent: c\r\n"),
      request("Content-Type: a\r\nX-Forwarded-For: b\r\nProxy-Authorization: c d\r\nContent-Lengti: 4\r\n"),
      request("A-name-that-is-longer-than-a-load: and a value that is longer than one as well\r\nHost: c\r\n"),
      "POST http://u@h/%25%00/../x?/token HTTP/1.0\r\nHost: a\r\n\r\n",
      "OPTIONS * HTTP/1.1\r\nA: 1\r\n\r\nbody\r\n\r\n",
      "BREW /pot HTTP/1.1\r\nDate: 1\r\n\r\nGET / HTTP/1.1\r\n\r\n",
      "HTTP/1.1 200 OK\r\n\r\n",
      "HTTP/1.0 599\r\nDate: a\r\nServer: b\r\nUpgrade: c\r\nLocation: d\r\nSet-Cookie: e\r\n\r\nrest",
      "HTTP/1.1 100 \xC3\xA4 \t\r\nContent-Type: a\r\nContent-Range: b\r\nWWW-Authenticate: c d\r\n\r\n"};
  for (const std::string& head : plain) {
    const bool of_request = !head.starts_with("HTTP");
    for (const Depth depth : {Depth::framing, Depth::facts, Depth::records}) {
      const testing::PlainHead read = testing::compare_readers(bytes_of(head), of_request, depth);
      EXPECT_EQ(read.size, head.find("\r\n\r\n") + 4) << head;
      EXPECT_TRUE(read.same) << head;
    }
    // None of its prefixes is whole.
    for (std::size_t size = 0; size < head.find("\r\n\r\n") + 4; ++size)
      EXPECT_EQ(testing::compare_readers(bytes_of(std::string(head, 0, size)), of_request, Depth::facts).size, 0u);
  }
  const std::string odd[] = {request("Host: a\n"),
                             request("Host: a\r\r\n"),
                             request("Host: a\rb\r\n"),
                             request("Host : a\r\n"),
                             request("Host: a\r\n b\r\n"),
                             request(" Host: a\r\n"),
                             request("Host\r\n"),
                             request(": a\r\n"),
                             request("Under_score: a\r\n"),
                             request("H\xC3st: a\r\n"),
                             "GET  /a HTTP/1.1\r\n\r\n",
                             "GET /a  HTTP/1.1\r\n\r\n",
                             "GET /a\tHTTP/1.1\r\n\r\n",
                             "GET /a HTTP/1.1 \r\n\r\n",
                             "GET /a HTTP/1.2\r\n\r\n",
                             "GET /a http/1.1\r\n\r\n",
                             "GET /aaaaaaaaaaaaaa\r\n\r\n",
                             "G@T /a HTTP/1.1\r\n\r\n",
                             " GET /a HTTP/1.1\r\n\r\n",
                             "\r\nGET /a HTTP/1.1\r\n\r\n",
                             "HTTP/1.1 099 OK\r\n\r\n",
                             "HTTP/1.1 20 OK\r\n\r\n",
                             "HTTP/1.1 2000 OK\r\n\r\n",
                             "HTTP/1.1  200 O\r\n\r\n",
                             "HTTP/1.1 200 O\rK\r\n\r\n",
                             "HTTP/1.1 200 OKAY\n\r\n",
                             std::string(method_bytes_max + 1, 'X') + " / HTTP/1.1\r\n\r\n"};
  for (const std::string& head : odd) {
    for (const bool of_request : {false, true})
      EXPECT_EQ(testing::compare_readers(bytes_of(head), of_request, Depth::facts).size, 0u) << head;
  }
}

TEST(HttpHead, at_and_above_its_limits_is_plain_and_is_not) {
  const auto size = [](std::size_t target, std::size_t value) {
    const std::string head =
        "GET /" + std::string(target, 'a') + " HTTP/1.1\r\nA:" + std::string(value, 'b') + "\r\n\r\n";
    return testing::compare_readers(bytes_of(head), true, Depth::facts).size;
  };
  EXPECT_NE(size(start_line_bytes_max - 14, 1), 0u);
  EXPECT_EQ(size(start_line_bytes_max - 13, 1), 0u);
  EXPECT_EQ(size(1, head_bytes_max - 23), head_bytes_max);
  EXPECT_EQ(size(1, head_bytes_max - 22), 0u);
}

TEST(HttpBody, of_head_1xx_204_304_and_connect_is_none) {
  for (const std::string_view response :
       {"HTTP/1.1 204 N\r\nContent-Length: 9\r\n\r\n", "HTTP/1.1 304 N\r\nTransfer-Encoding: chunked\r\n\r\n"}) {
    Bench bench;
    one(one(bench, get, response), get, ok);
    EXPECT_EQ(bench.sink.records.size(), 2u);
    EXPECT_TRUE(bench.sink.anomalies.empty());
  }
  Bench head;
  head.ask("HEAD / HTTP/1.1\r\n\r\n").ask(get).answer("HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n").answer(ok);
  ASSERT_EQ(head.sink.records.size(), 2u);
  EXPECT_TRUE(has(head.sink.records[0], R"("HEAD","protocol":"HTTP/1.1","status":200,"length":0)"));
}

TEST(HttpBody, interim_responses_are_counted) {
  Bench bench;
  bench.ask("POST / HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n");
  bench.answer("HTTP/1.1 100 Continue\r\n\r\n");
  EXPECT_TRUE(bench.sink.records.empty());
  bench.ask("ab").answer(ok);
  ASSERT_EQ(bench.sink.records.size(), 1u);
  EXPECT_TRUE(has(bench.last(), R"("interim":1)"));
  EXPECT_TRUE(has(bench.last(), R"("request_length":2)"));
}

TEST(HttpBody, in_chunks_with_extension_and_trailers) {
  Bench bench;
  one(bench, get,
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip , Chunked\r\n\r\n5;a=\"b\"\r\nhello\r\n00A\r\n0123456789\r\n0\r\n"
      "X: y\r\n\r\n");
  ASSERT_EQ(bench.sink.records.size(), 1u);
  EXPECT_TRUE(has(bench.last(), R"("length":36)")) << bench.last();
  EXPECT_TRUE(has(bench.last(), R"("entity_length":15)"));
  EXPECT_TRUE(has(bench.last(), R"("flags":["chunk_extension","trailers"])"));
}

TEST(HttpBody, forgiven_chunk_sizes_are_flagged) {
  for (const std::string_view size : {" 5", "\r\n5", "5x", "\v5", "5 x"}) {
    Bench bench;
    one(bench, get,
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + std::string(size) + "\r\nhello\r\n0\r\n\r\n");
    EXPECT_TRUE(has(bench.last(), R"("entity_length":5,"flags":["odd_chunk"])")) << bench.last();
    EXPECT_TRUE(bench.sink.anomalies.empty());
  }
}

TEST(HttpBody, until_close_ends_with_the_stream) {
  Bench bench;
  bench.ask(get).answer("HTTP/1.0 200 OK\r\n\r\nabc").answer("def");
  EXPECT_TRUE(bench.sink.records.empty());
  bench.finish();
  ASSERT_EQ(bench.sink.records.size(), 1u);
  EXPECT_TRUE(has(bench.last(), R"("length":6)"));
  EXPECT_FALSE(has(bench.last(), "flags"));
}

TEST(HttpBody, cut_short_is_told_in_the_record) {
  Bench bench;
  bench.ask(get).answer(ok.substr(0, ok.size() - 2)).finish();
  EXPECT_TRUE(flagged(bench, "incomplete"));
  Bench request;
  request.ask("POST / HTTP/1.1\r\nContent-Length: 9\r\n\r\nabc").finish();
  EXPECT_TRUE(flagged(request, "request_unfinished"));
}

TEST(HttpBody, ambiguous_lengths_are_told) {
  const std::pair<std::string_view, std::string_view> cases[] = {
      {"Content-Length: 4\r\nTransfer-Encoding: chunked", "te_and_cl"},
      {"Content-Length: 4\r\nContent-Length: 5", "lengths_differ"},
      {"Content-Length: 4, 5", "lengths_differ"},
      {"Transfer-Encoding: chunked, identity\r\nContent-Length: 4", "te_not_chunked"},
      {"Transfer-Encoding: xchunked\r\nContent-Length: 4", "te_not_chunked"}};
  for (const auto& [headers, flag] : cases) {
    Bench bench;
    one(bench, get, "HTTP/1.1 200 OK\r\n" + std::string(headers) + "\r\n\r\n4\r\nabcd\r\n0\r\n\r\n").finish();
    EXPECT_TRUE(flagged(bench, flag)) << bench.last();
    ASSERT_FALSE(bench.sink.anomalies.empty()) << headers;
    EXPECT_EQ(bench.sink.anomalies[0].error, ParseError::http_ambiguous_length);
  }
  for (const std::string_view value : {"-1", "+5", "0x10", "", "99999999999999999999", "5 5"}) {
    Bench bench;
    one(bench, "POST / HTTP/1.1\r\nContent-Length: " + std::string(value) + "\r\n\r\n");
    EXPECT_TRUE(flagged(bench, "length_invalid")) << value;
    EXPECT_EQ(bench.sink.anomalies.at(0), (testing::ToldAnomaly{ParseError::bad_length, 0}));
  }
  Bench same;
  one(same, "POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\na");
  EXPECT_TRUE(flagged(same, "lengths_repeated"));
  EXPECT_TRUE(same.sink.anomalies.empty());
}

TEST(HttpForms, that_readers_differ_about_are_flagged) {
  const std::pair<std::string_view, std::string_view> cases[] = {
      {"GET / HTTP/1.1\nHost: a\n\n", "lf_line"},
      {"GET / HTTP/1.1\r\nX: a\r\n b\r\n\r\n", "folded_header"},
      {"GET / HTTP/1.1\r\nX: a\rTransfer-Encoding: chunked\r\n\r\n", "bare_cr"},
      {"GET / HTTP/1.1\r\nX : a\r\n\r\n", "space_before_colon"},
      {"GET / HTTP/1.1\r\nnothing\r\n\r\n", "bad_header"},
      {"GET / HTTP/1.1\r\n\r X: y\r\n\r\n", "bad_header"},
      {"GET http://a/ HTTP/1.1\r\nHost: a\r\n\r\n", "absolute_form"},
      {"GET http://a/ HTTP/1.1\r\nHost: b\r\n\r\n", "host_differs"},
      {"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", "host_repeated"},
      {"GET /a%00b HTTP/1.1\r\n\r\n", "encoded_nul"},
      {"GET /a%252e HTTP/1.1\r\n\r\n", "double_encoding"},
      {"GET /a/../b HTTP/1.1\r\n\r\n", "dot_segments"},
      {"GET /a/%2e%2E HTTP/1.1\r\n\r\n", "dot_segments"},
      {"GET /a/.%2e\\b HTTP/1.1\r\n\r\n", "dot_segments"},
      {"GET /\r\n\r\n", "no_version"},
      {"GET / HTTP/1.7\r\n\r\n", "odd_version"},
      {"GET  /  HTTP/1.1\r\n\r\n", "odd_start_line"}};
  for (const auto& [request, flag] : cases) {
    Bench bench;
    one(bench, request);
    EXPECT_TRUE(flagged(bench, flag)) << request << bench.last();
  }
  for (const std::string_view request :
       {"GET /a..b/.c?x=../d HTTP/1.1\r\n\r\n", "GET /100%25 HTTP/1.1\r\n\r\n", "GET /%2 HTTP/1.1\r\n\r\n"}) {
    Bench plain;
    one(plain, request);
    EXPECT_FALSE(has(plain.last(), "flags")) << plain.last();
  }
  Bench odd;
  one(odd, get, "HTTP/1.1 2000 OK\r\nContent-Length: 0\r\n\r\n");
  EXPECT_TRUE(has(odd.last(), R"("status_string":"2000")"));
  EXPECT_TRUE(flagged(odd, "odd_status"));
}

TEST(HttpForms, folded_values_are_joined) {
  Bench bench;
  one(bench, "GET / HTTP/1.1\r\nUser-Agent: a\r\n\t b \r\n c\r\nTransfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n");
  EXPECT_TRUE(has(bench.last(), R"("http_user_agent":"a b c")")) << bench.last();
  EXPECT_FALSE(flagged(bench, "te_not_chunked"));
}

TEST(HttpForms, another_version_is_told) {
  Bench bench;
  one(bench, "GET / HTTP/2.0\r\n\r\n");
  EXPECT_EQ(bench.sink.anomalies.at(0), (testing::ToldAnomaly{ParseError::bad_version, 0}));
  EXPECT_EQ(bench.sink.records.size(), 1u);
}

TEST(HttpForms, hosts_and_ports) {
  const std::tuple<std::string_view, std::string_view, std::int32_t> cases[] = {
      {"a", "a", -1},          {"a:80", "a", 80},      {"a:", "a", -1},     {"a:x", "a", -1}, {"a:70000", "a", -1},
      {"[::1]:8", "[::1]", 8}, {"[::1]", "[::1]", -1}, {"u:p@a:1", "a", 1}, {"[x", "[x", -1}, {"", "", -1},
      {" a : 5", "a", 5}};
  for (const auto& [authority, host, port] : cases) {
    std::int32_t found = 0;
    EXPECT_EQ(host_of(authority, found), host) << authority;
    EXPECT_EQ(found, port) << authority;
  }
  EXPECT_EQ(authority_of("http://a:1/b"), "a:1");
  EXPECT_EQ(authority_of("/b?u=http://a"), "");
}

TEST(HttpTunnel, connect_and_upgrade_end_http) {
  Bench connect;
  connect.ask("CONNECT h:443 HTTP/1.1\r\nHost: h:443\r\n\r\n").answer("HTTP/1.1 200 Connected\r\n\r\n");
  ASSERT_EQ(connect.sink.records.size(), 1u);
  EXPECT_TRUE(has(connect.last(), R"("hostname":"h","http_port":443,"url":"h:443")"));
  connect.ask("\x16\x03\x01").answer("\x16\x03\x03").ask(get).answer(ok).finish();
  EXPECT_EQ(connect.sink.records.size(), 1u);
  EXPECT_TRUE(connect.sink.anomalies.empty());
  EXPECT_FALSE(connect.stream.given_up);

  Bench refused;
  refused.ask("CONNECT h:443 HTTP/1.1\r\n\r\n")
      .answer("HTTP/1.1 407 No\r\nContent-Length: 0\r\n\r\n")
      .ask(get)
      .answer(ok);
  EXPECT_EQ(refused.sink.records.size(), 2u);

  Bench upgrade;
  upgrade.ask("GET /chat HTTP/1.1\r\nUpgrade: websocket\r\n\r\n")
      .answer("HTTP/1.1 101 Switching\r\nUpgrade: websocket\r\n\r\n\x81\x05hello");
  EXPECT_TRUE(has(upgrade.last(), R"("upgrade":"websocket")"));
  upgrade.ask("\x81\x85").finish();
  EXPECT_EQ(upgrade.sink.records.size(), 1u);
  EXPECT_TRUE(upgrade.sink.anomalies.empty());
}

TEST(HttpTunnel, early_bytes_behind_connect_are_no_fault) {
  Bench bench;
  bench.ask("CONNECT h:443 HTTP/1.1\r\n\r\n")
      .ask(std::string("\x16\x03\x01\0\x05", 5))
      .answer("HTTP/1.0 200 OK\r\n\r\n");
  EXPECT_TRUE(bench.sink.anomalies.empty());
  EXPECT_EQ(bench.sink.records.size(), 1u);
}

TEST(HttpTwo, is_told_once_and_left_alone) {
  Bench bench;
  bench.ask("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").ask("more").finish();
  EXPECT_TRUE(bench.stream.given_up);
  ASSERT_EQ(bench.sink.anomalies.size(), 1u);
  EXPECT_EQ(bench.sink.anomalies[0].error, ParseError::unsupported);
  EXPECT_TRUE(bench.sink.records.empty());
}

TEST(HttpProbe, goes_by_content) {
  const auto probed = [](std::string_view text, bool hint = false) {
    return probe(dissect::Transport::stream, hint, bytes_of(text));
  };
  using dissect::Probe;
  for (const std::string_view text :
       {"GET /", "POST /a HTTP/1.1\r\n", "HTTP/1.1 200", "http/1.0 2", "QUERY /u HTTP/1.1\r\n", "FOO x HTTP/1.0\n",
        "CONNECT a:1 HTTP/1.1\r\n", "OPTIONS * HTTP/1.1\r\n", "GET http://a", "PRI * HTTP/2.0\r\n", "GET /\r\n"})
    EXPECT_EQ(probed(text), Probe::mine) << text;
  for (const std::string_view text :
       {"\x16\x03\x01", "OPTIONS sip:a SIP/2.0\r\n", "DESCRIBE rtsp://a RTSP/1.0\r\n", "SSH-2.0-OpenSSH_9 x\r\n",
        "220 mail ready\r\n", "EHLO x\r\n", "HTTP/2 200", "RTSP/1.0 200 OK\r\n", " GET /", ""})
    EXPECT_EQ(probed(text), Probe::not_mine) << text;
  for (const std::string_view text : {"G", "GET", "GET ", "HTT", "HTTP/1", "FOO /", "CONNECT a"})
    EXPECT_EQ(probed(text), Probe::unsure) << text;
  EXPECT_EQ(probed("FOO /", true), Probe::mine);
  EXPECT_EQ(probe(dissect::Transport::datagram, true, bytes_of("GET / HTTP/1.1\r\n")), Probe::not_mine);
}

TEST(HttpCoding, inflates_gzip_and_both_forms_of_deflate) {
  const std::string plain(5000, 'x');
  const std::pair<std::string_view, int> cases[] = {{"gzip", 31}, {"x-gzip", 31}, {"deflate", 15}, {"deflate", -15}};
  for (const auto& [name, bits] : cases) {
    const std::string packed = deflated(plain, bits);
    Bench bench;
    one(bench, get,
        "HTTP/1.1 200 OK\r\nContent-Encoding: " + std::string(name) +
            "\r\nContent-Length: " + std::to_string(packed.size()) + "\r\n\r\n" + packed);
    EXPECT_TRUE(has(bench.last(), R"("decoded_length":5000)")) << bench.last();
    EXPECT_EQ(bench.dissector.inflators_in_use(), 0u);
  }
}

TEST(HttpCoding, reads_several_gzip_members_and_requests) {
  const std::string packed = deflated("abc", 31) + deflated("defg", 31) + "\0\0";
  Bench bench;
  one(bench, "POST / HTTP/1.1\r\nContent-Encoding: gzip\r\nContent-Length: " + std::to_string(packed.size()) +
                 "\r\n\r\n" + packed);
  EXPECT_TRUE(has(bench.last(), R"("request_decoded_length":7)")) << bench.last();
}

TEST(HttpCoding, what_does_not_decode_is_told_once) {
  Bench bench;
  one(bench, get, "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 9\r\n\r\nplaintext");
  EXPECT_TRUE(flagged(bench, "bad_encoding"));
  ASSERT_EQ(bench.sink.anomalies.size(), 1u);
  EXPECT_EQ(bench.sink.anomalies[0].error, ParseError::http_bad_encoding);
  EXPECT_EQ(bench.dissector.inflators_in_use(), 0u);
}

TEST(HttpCoding, a_bomb_is_told_once_and_left) {
  const std::string packed = deflated(std::string(4 << 20, '\0'), 31);
  for (const bool wanted : {true, false}) {
    Bench bench({.records = wanted});
    bench.ask(get).answer(
        "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: " + std::to_string(packed.size()) + "\r\n\r\n");
    for (std::size_t at = 0; at < packed.size(); at += 100) bench.answer(std::string_view(packed).substr(at, 100));
    ASSERT_EQ(bench.sink.anomalies.size(), 1u);
    EXPECT_EQ(bench.sink.anomalies[0].error, ParseError::http_decompression_bomb);
    EXPECT_EQ(bench.dissector.inflators_in_use(), 0u);
    if (wanted) {
      EXPECT_TRUE(flagged(bench, "bomb"));
      EXPECT_FALSE(has(bench.last(), "decoded_length"));
    }
    bench.ask(get).answer(ok);
    EXPECT_EQ(bench.sink.records.size(), wanted ? 2u : 0u);
  }
}

std::string packed_answer(std::string_view packed) {
  return "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: " + std::to_string(packed.size()) + "\r\n\r\n" +
         std::string(packed);
}

// A report of meter data as OpenADR 2.0b has it: the same elements for each interval, other times, and other values or
// none that differ.
std::string report(std::size_t intervals, bool constant = false) {
  std::string xml = "<?xml version=\"1.0\"?><oadr:oadrUpdateReport><strm:intervals>";
  std::uint64_t x = 1;
  for (std::size_t i = 0; i < intervals; ++i) {
    x = x * 6364136223846793005u + 1442695040888963407u;
    char interval[512];
    std::snprintf(
        interval, sizeof interval,
        "<ei:interval><xcal:dtstart><xcal:date-time>2026-01-%02uT%02u:%02u:00Z</xcal:date-time></xcal:dtstart>"
        "<oadr:oadrReportPayload><ei:rID>r%u</ei:rID><ei:payloadFloat><ei:value>4.%03u</ei:value>"
        "</ei:payloadFloat></oadr:oadrReportPayload></ei:interval>",
        static_cast<unsigned>(1 + i / 1440 % 28), static_cast<unsigned>(i / 60 % 24), static_cast<unsigned>(i % 60),
        static_cast<unsigned>(constant ? 0 : i % 4), constant ? 0u : static_cast<unsigned>(x >> 40) % 1000);
    xml += interval;
  }
  return xml + "</strm:intervals></oadr:oadrUpdateReport>";
}

TEST(HttpCoding, reports_of_some_hundred_kilobytes_are_inflated_whole) {
  for (const std::size_t intervals : {10, 100, 1000, 3000}) {
    for (const bool constant : {false, true}) {
      const std::string plain = report(intervals, constant), packed = deflated(plain, 31);
      EXPECT_TRUE(intervals < 1000 || plain.size() > (constant ? 60 : 30) * packed.size());
      const std::string answer = packed_answer(packed);
      Bench bench;
      for (unsigned i = 0; i < 5; ++i) {
        bench.ask(get);
        for (std::size_t at = 0; at < answer.size(); at += 1400)
          bench.answer(std::string_view(answer).substr(at, 1400));
        EXPECT_TRUE(has(bench.last(), "\"decoded_length\":" + std::to_string(plain.size()))) << bench.last();
      }
      EXPECT_TRUE(bench.sink.anomalies.empty());
    }
  }
}

// The first bodies of zeros are shorter than a unit, so they live of the allowance alone.
TEST(HttpCoding, the_allowance_is_spent_at_its_limit_and_passed_above_it) {
  for (const std::size_t size : {inflate_allowance - 1, inflate_allowance, inflate_allowance + 1}) {
    for (const std::size_t piece : {std::size_t{1}, std::size_t{7}, std::size_t{1} << 20}) {
      const std::string packed = deflated(std::string(size, '\0'), 31), answer = packed_answer(packed);
      ASSERT_LT(packed.size(), inflate_unit_bytes);
      Bench bench;
      bench.ask(get);
      for (std::size_t at = 0; at < answer.size(); at += piece)
        bench.answer(std::string_view(answer).substr(at, piece));
      EXPECT_EQ(bench.sink.anomalies.size(), size > inflate_allowance ? 1u : 0u);
      EXPECT_EQ(flagged(bench, "bomb"), size > inflate_allowance);
      EXPECT_EQ(has(bench.last(), "\"decoded_length\":" + std::to_string(size)), size <= inflate_allowance);
    }
  }
}

// Each unit on the wire brings so many bytes; bytes at random do not shrink, and bring the most.
TEST(HttpCoding, bytes_on_the_wire_pay_for_what_comes_behind_them) {
  constexpr std::size_t units = 2;
  std::string noise(units * inflate_unit_bytes, '\0');
  std::uint64_t x = 1;
  for (char& c : noise) c = static_cast<char>((x = x * 6364136223846793005u + 1) >> 56);
  const auto anomalies = [&](std::size_t zeros, std::size_t piece) {
    const std::string packed = deflated(noise + std::string(zeros, '\0'), 31), answer = packed_answer(packed);
    EXPECT_EQ(packed.size() / inflate_unit_bytes, units);  // No further one pays.
    Bench bench;
    bench.ask(get);
    for (std::size_t at = 0; at < answer.size(); at += piece) bench.answer(std::string_view(answer).substr(at, piece));
    return bench.sink.anomalies.size();
  };
  const std::size_t paid = inflate_allowance + units * inflate_unit_bytes * inflate_ratio_max - noise.size();
  for (const std::size_t piece : {1u, 100u, 511u, 513u, 1u << 20}) {
    EXPECT_EQ(anomalies(paid, piece), 0u);
    EXPECT_EQ(anomalies(paid + 1, piece), 1u);
  }
}

TEST(HttpCoding, many_small_bombs_share_one_allowance_and_are_told_once) {
  const std::string packed = deflated(std::string(20'000, '\0'), 31), small = deflated("<oadrPoll/>", 31);
  Bench bench;
  std::size_t inflated = 0, sent = 0;
  for (unsigned i = 0; i < 2000; ++i) {
    bench.ask(get).answer(packed_answer(packed));
    sent += packed.size();
    if (has(bench.last(), R"("decoded_length":20000)")) inflated += 20'000;
  }
  EXPECT_GE(inflated, 20'000u);
  EXPECT_LE(inflated, inflate_allowance + inflate_ratio_max * sent);
  EXPECT_EQ(bench.sink.anomalies.size(), 1u);
  // The other direction has its own, and what was sent as it is pays this one's back.
  bench.ask("POST / HTTP/1.1\r\nContent-Encoding: gzip\r\nContent-Length: " + std::to_string(small.size()) +
            "\r\n\r\n" + small);
  bench.answer("HTTP/1.1 200 OK\r\nContent-Length: 2000\r\n\r\n" + std::string(2000, 'x'));
  EXPECT_TRUE(has(bench.last(), R"("request_decoded_length":11)")) << bench.last();
  bench.ask(get).answer(packed_answer(deflated(report(100), 31)));
  EXPECT_TRUE(has(bench.last(), "\"decoded_length\":" + std::to_string(report(100).size()))) << bench.last();
}

TEST(HttpCoding, output_beyond_the_limit_is_not_inflated) {
  // Every other byte at random: a ratio of about 2.
  std::string plain(inflate_output_max + 100'000, '\0');
  std::uint64_t x = 1;
  for (std::size_t i = 0; i < plain.size(); i += 2)
    plain[i] = static_cast<char>((x = x * 6364136223846793005u + 1) >> 56);
  const std::string packed = deflated(plain, 31);
  Bench bench;
  one(bench, get,
      "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: " + std::to_string(packed.size()) + "\r\n\r\n" +
          packed);
  EXPECT_TRUE(flagged(bench, "inflate_limit"));
  EXPECT_TRUE(bench.sink.anomalies.empty());
}

TEST(HttpCoding, inflators_are_bounded) {
  const auto counters = std::make_unique<metrics::WorkerCounters>();
  testing::TestSink sink(EventType::http);
  HttpDissector dissector({.open_streams = 512}, *counters);
  std::vector<std::unique_ptr<testing::TestStream>> streams;
  Bench contexts;
  for (std::uint32_t i = 0; i < inflators_max + 2; ++i) {
    streams.push_back(std::make_unique<testing::TestStream>(dissector, registry_row, sink));
    streams.back()->feed(contexts.from_client(false),
                         bytes_of("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 9\r\n\r\n\x1f"));
  }
  EXPECT_EQ(dissector.inflators_in_use(), inflators_max);
  EXPECT_EQ(counters->evictions[static_cast<std::size_t>(metrics::EvictionReason::dissector_state)].value(), 2u);
  for (const auto& stream : streams) dissector.close(stream->state());
  EXPECT_EQ(dissector.inflators_in_use(), 0u);
  EXPECT_EQ(dissector.events_in_use(), 0u);
}

}  // namespace
}  // namespace tsujiban::http
