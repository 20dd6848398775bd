// Streams: pieces, gaps, pairing, limits, hostile bytes.
#include <gtest/gtest.h>

#include <random>

#include "dissectors/http/http_test_sink.h"

namespace tsujiban::http {
namespace {

using testing::Bench;
using testing::bytes_of;
using testing::deflated;

struct Dialogue {
  std::string client, server;
};

// What happens on real connections, one after the other on one.
Dialogue sample() {
  const std::string packed = deflated(std::string(300, 'z') + "tail", 31);
  Dialogue d;
  const auto add = [&](std::string_view request, std::string_view response) {
    d.client += request;
    d.server += response;
  };
  add("\r\nGET /a HTTP/1.1\r\nHost: h:8080\r\nUser-Agent: ua\r\nX: 1\r\n\t2\r\n\r\n",
      "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 11\r\n\r\nhello\r\nHTTP");
  add("POST /b HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n10;x\r\n0123456789abcdef\r\n0\r\nT: t\r\n\r\n",
      "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 201 Created\r\nContent-Encoding: gzip\r\nContent-Length: " +
          std::to_string(packed.size()) + "\r\n\r\n" + packed);
  add("HEAD /c HTTP/1.1\nHost: h\n\n", "HTTP/1.0 200 OK\r\nContent-Length: 99\r\n\r\n");
  add("PUT /d HTTP/1.1\r\nContent-Length: 4\r\n\r\n\r\n\r\n",
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nServer: s\r\n\r\n a\r\n0123456789\r\n0\r\n\r\n");
  add("GET /e HTTP/1.1\r\n\r\n", "HTTP/1.1 304 N\r\n\r\n");
  add("GET /f HTTP/1.1\r\n\r\n", "HTTP/1.1 200 OK\r\n\r\nuntil the end");
  return d;
}

struct Told {
  std::string records;
  std::vector<testing::ToldAnomaly> anomalies;
  bool operator==(const Told&) const = default;
};

[[maybe_unused]] void PrintTo(const Told& told, std::ostream* out) {
  *out << told.records;
  for (const auto& anomaly : told.anomalies) *out << name_of(anomaly.error) << ' ' << anomaly.offset << '\n';
}

Told told_of(const Bench& bench) { return {bench.all(), bench.sink.anomalies}; }

// All of the client's bytes, then all of the server's; `piece` at a time.
Told in_pieces(const Dialogue& d, std::size_t piece, bool wanted = true) {
  Bench bench({.records = wanted});
  for (std::size_t at = 0; at < d.client.size(); at += piece) bench.ask(std::string_view(d.client).substr(at, piece));
  for (std::size_t at = 0; at < d.server.size(); at += piece)
    bench.answer(std::string_view(d.server).substr(at, piece));
  bench.finish();
  EXPECT_FALSE(bench.stream.bad_progress);
  EXPECT_EQ(bench.outstanding(), 0u);
  return told_of(bench);
}

TEST(HttpStream, pipelined_transactions_are_paired) {
  Bench bench;
  const Dialogue d = sample();
  bench.ask(d.client).answer(d.server).finish();
  ASSERT_EQ(bench.sink.records.size(), 6u);
  EXPECT_TRUE(bench.sink.anomalies.empty());
  const std::pair<std::string_view, std::string_view> expected[] = {
      {"\"url\":\"/a\"", "\"length\":11"},  {"\"url\":\"/b\"", "\"status\":201"},
      {"\"url\":\"/c\"", "\"length\":0"},   {"\"url\":\"/d\"", "\"entity_length\":10"},
      {"\"url\":\"/e\"", "\"status\":304"}, {"\"url\":\"/f\"", "\"length\":13"}};
  for (std::size_t i = 0; i < 6; ++i) {
    EXPECT_NE(bench.sink.records[i].find(expected[i].first), std::string::npos) << bench.sink.records[i];
    EXPECT_NE(bench.sink.records[i].find(expected[i].second), std::string::npos) << bench.sink.records[i];
  }
  EXPECT_NE(bench.sink.records[1].find("\"decoded_length\":304"), std::string::npos);
}

TEST(HttpStream, pieces_of_any_size_tell_the_same) {
  const Dialogue d = sample();
  const Told whole = in_pieces(d, 1 << 20);
  for (const std::size_t piece : {1u, 2u, 3u, 7u, 16u, 61u}) EXPECT_EQ(in_pieces(d, piece), whole) << piece;
}

TEST(HttpStream, a_split_at_every_byte_tells_the_same) {
  const Dialogue d = sample();
  const Told whole = in_pieces(d, 1 << 20);
  for (const bool client : {true, false}) {
    const std::string_view text = client ? d.client : d.server;
    for (std::size_t cut = 1; cut < text.size(); ++cut) {
      Bench bench;
      if (client)
        bench.ask(text.substr(0, cut)).ask(text.substr(cut)).answer(d.server).finish();
      else
        bench.ask(d.client).answer(text.substr(0, cut)).answer(text.substr(cut)).finish();
      EXPECT_FALSE(bench.stream.bad_progress);
      ASSERT_EQ(told_of(bench), whole) << client << ' ' << cut;
    }
  }
}

TEST(HttpStream, every_prefix_loses_nothing_but_its_end) {
  const Dialogue d = sample();
  for (std::size_t size = 0; size <= d.server.size(); ++size) {
    Bench bench;
    bench.ask(d.client).answer(std::string_view(d.server).substr(0, size)).finish();
    // One record a request, answered or not.
    EXPECT_EQ(bench.sink.records.size(), 6u) << size;
    EXPECT_LE(bench.sink.anomalies.size(), 1u);
    EXPECT_EQ(bench.outstanding(), 0u);
  }
  for (std::size_t size = 0; size <= d.client.size(); ++size) {
    Bench bench;
    bench.ask(std::string_view(d.client).substr(0, size)).finish();
    EXPECT_LE(bench.sink.records.size(), 6u);
    EXPECT_LE(bench.sink.anomalies.size(), 1u);
    EXPECT_EQ(bench.outstanding(), 0u);
  }
}

TEST(HttpStream, without_records_the_framing_stays) {
  Dialogue d = sample();
  d.client += "GET / HTTP/1.1\r\nContent-Length: x\r\n\r\nrubbish\r\n";
  const Told wanted = in_pieces(d, 13), unwanted = in_pieces(d, 13, false);
  EXPECT_EQ(wanted.anomalies, unwanted.anomalies);
  EXPECT_FALSE(wanted.anomalies.empty());
  EXPECT_TRUE(unwanted.records.empty());
}

TEST(HttpStream, random_changes_do_no_harm_and_pieces_tell_the_same) {
  std::mt19937 random(7);
  for (int i = 0; i < 3000; ++i) {
    Dialogue d = sample();
    for (unsigned n = 1 + random() % 8; n > 0; --n) {
      std::string& text = random() % 2 == 0 ? d.client : d.server;
      const std::size_t at = random() % text.size();
      switch (random() % 3) {
        case 0:
          text[at] = static_cast<char>(random());
          break;
        case 1:
          text.erase(at, 1 + random() % 4);
          break;
        default:
          text.insert(at, text.substr(random() % text.size(), random() % 40));
      }
      if (text.empty()) text = "x";
    }
    ASSERT_EQ(in_pieces(d, 1 << 20), in_pieces(d, 1 + random() % 9)) << i << '\n' << d.client << '\n' << d.server;
  }
}

TEST(HttpStream, a_broken_message_costs_itself) {
  Bench bench;
  bench.ask("\x01\x02 rubbish\r\n and more GET /x HTTP/1.1\r\nHost: h\r\n\r\n").answer("HTTP/1.1 204 N\r\n\r\n");
  ASSERT_EQ(bench.sink.records.size(), 1u);
  EXPECT_NE(bench.last().find("\"url\":\"/x\""), std::string::npos);
  ASSERT_EQ(bench.sink.anomalies.size(), 1u);
  EXPECT_EQ(bench.sink.anomalies[0].error, ParseError::http_bad_start_line);
  // The same of a server, in the middle of a line.
  bench.ask("GET /y HTTP/1.1\r\n\r\n").answer("rubbish HTTP/1.x HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
  EXPECT_EQ(bench.sink.records.size(), 2u);
  EXPECT_EQ(bench.sink.anomalies.size(), 2u);
}

TEST(HttpStream, a_bad_chunk_is_told_and_the_next_message_found) {
  for (const std::string_view chunk : {"xyz\r\n", "5\r\nabcdefgh\r\n", ";\r\n", "fffffffffffffffff\r\n"}) {
    Bench bench;
    bench.ask("GET /a HTTP/1.1\r\n\r\nGET /b HTTP/1.1\r\n\r\n");
    bench.answer("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + std::string(chunk));
    bench.answer("HTTP/1.1 404 N\r\nContent-Length: 0\r\n\r\n");
    ASSERT_EQ(bench.sink.records.size(), 2u) << chunk;
    EXPECT_NE(bench.sink.records[0].find("bad_chunk"), std::string::npos);
    EXPECT_NE(bench.sink.records[1].find("\"status\":404"), std::string::npos);
    ASSERT_EQ(bench.sink.anomalies.size(), 1u);
    EXPECT_EQ(bench.sink.anomalies[0].error, ParseError::http_bad_chunk);
  }
}

TEST(HttpGap, within_a_counted_body_keeps_the_place) {
  for (const bool chunked : {false, true}) {
    Bench bench;
    bench.ask("GET /a HTTP/1.1\r\n\r\n")
        .answer(chunked ? "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n64\r\nxxxx"
                        : "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nxxxx");
    bench.gap(false, 90);
    bench.answer(chunked ? "yyyyyy\r\n0\r\n\r\n" : "yyyyyy");
    ASSERT_EQ(bench.sink.records.size(), 1u);
    EXPECT_NE(bench.last().find("\"flags\":[\"gap\"]"), std::string::npos) << bench.last();
    bench.ask("GET /b HTTP/1.1\r\n\r\n").answer("HTTP/1.1 204 N\r\n\r\n");
    EXPECT_NE(bench.last().find("\"url\":\"/b\""), std::string::npos);
    EXPECT_TRUE(bench.sink.anomalies.empty());
  }
}

TEST(HttpGap, beyond_it_looks_for_the_next_message) {
  Bench bench;
  bench.ask("GET /a HTTP/1.1\r\n\r\nGET /b HTTP/1.1\r\n\r\n").answer("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nx");
  bench.gap(false, 50);
  // Which of the two the next response belongs to nobody knows.
  ASSERT_EQ(bench.sink.records.size(), 2u);
  bench.answer("tail of it\r\n\r\nHTTP/1.1 204 N\r\n\r\n");
  ASSERT_EQ(bench.sink.records.size(), 3u);
  EXPECT_NE(bench.last().find("no_request"), std::string::npos);
  bench.ask("GET /c HTTP/1.1\r\n\r\n").answer("HTTP/1.1 204 N\r\n\r\n");
  EXPECT_NE(bench.last().find("\"url\":\"/c\""), std::string::npos);
  bench.ask("POST /d HTTP/1.1\r\nContent-Le");
  bench.gap(true, 10);
  bench.ask("body without a line endPOST /e HTTP/1.1\r\nContent-Length: 0\r\n\r\n").answer("HTTP/1.1 204 N\r\n\r\n");
  EXPECT_NE(bench.last().find("\"url\":\"/e\""), std::string::npos);
  EXPECT_TRUE(bench.sink.anomalies.empty());
}

TEST(HttpGap, anywhere_does_no_harm) {
  const Dialogue d = sample();
  for (std::size_t at = 0; at < d.server.size(); ++at) {
    for (const std::size_t missing : {1u, 5u, 100u}) {
      Bench bench;
      bench.ask(d.client).answer(std::string_view(d.server).substr(0, at));
      bench.gap(false, static_cast<std::uint32_t>(missing));
      if (at + missing < d.server.size()) bench.answer(std::string_view(d.server).substr(at + missing));
      bench.finish();
      EXPECT_GE(bench.sink.records.size(), 6u);
      EXPECT_FALSE(bench.stream.bad_progress);
      EXPECT_EQ(bench.outstanding(), 0u);
    }
  }
  for (std::size_t at = 0; at < d.client.size(); ++at) {
    Bench bench;
    bench.ask(std::string_view(d.client).substr(0, at));
    bench.gap(true, 3);
    if (at + 3 < d.client.size()) bench.ask(std::string_view(d.client).substr(at + 3));
    bench.answer(d.server).finish();
    EXPECT_FALSE(bench.stream.bad_progress);
    EXPECT_EQ(bench.outstanding(), 0u);
  }
}

TEST(HttpPairing, one_sided_streams_are_told) {
  const Dialogue d = sample();
  Bench client;
  // The direction that was never seen is not finished either.
  client.ask(d.client);
  client.finish(true);
  EXPECT_EQ(client.sink.records.size(), 6u);
  Bench server;
  // Without the requests the response to HEAD seems to have a body.
  server.answer(d.server).finish();
  EXPECT_GE(server.sink.records.size(), 3u);
  EXPECT_NE(server.sink.records[0].find("no_request"), std::string::npos);
  EXPECT_EQ(server.sink.source, Bench::client);
}

TEST(HttpPairing, the_oldest_gives_way_and_its_response_is_no_other_ones) {
  Bench bench;
  for (unsigned i = 0; i < outstanding_max; ++i) bench.ask("GET /" + std::to_string(i) + " HTTP/1.1\r\n\r\n");
  EXPECT_TRUE(bench.sink.records.empty());
  bench.ask("GET /last HTTP/1.1\r\n\r\n");
  ASSERT_EQ(bench.sink.records.size(), 1u);
  EXPECT_NE(bench.last().find("gave_way"), std::string::npos);
  for (unsigned i = 0; i <= outstanding_max; ++i)
    bench.answer("HTTP/1.1 " + std::to_string(200 + i) + " OK\r\nContent-Length: 0\r\n\r\n");
  ASSERT_EQ(bench.sink.records.size(), 2u + outstanding_max) << bench.all();
  EXPECT_NE(bench.sink.records[1].find("no_request"), std::string::npos);
  EXPECT_NE(
      bench.sink.records[2].find("\"url\":\"/1\",\"http_method\":\"GET\",\"protocol\":\"HTTP/1.1\",\"status\":201"),
      std::string::npos);
  EXPECT_NE(bench.last().find("\"url\":\"/last\""), std::string::npos);
}

TEST(HttpPairing, an_answer_before_the_end_of_the_request_is_told) {
  Bench bench;
  bench.ask("POST /a HTTP/1.1\r\nContent-Length: 10\r\n\r\nabc").answer("HTTP/1.1 413 N\r\nContent-Length: 0\r\n\r\n");
  ASSERT_EQ(bench.sink.records.size(), 1u);
  EXPECT_NE(bench.last().find("request_unfinished"), std::string::npos);
  bench.ask("defghij").ask("GET /b HTTP/1.1\r\n\r\n").answer("HTTP/1.1 204 N\r\n\r\n");
  EXPECT_NE(bench.last().find("\"url\":\"/b\""), std::string::npos);
}

TEST(HttpPairing, without_room_records_are_lost_and_counted) {
  Bench bench({.limits = {.open_streams = 2}});
  for (int i = 0; i < 4; ++i) bench.ask("GET /" + std::to_string(i) + " HTTP/1.1\r\n\r\n");
  for (int i = 0; i < 4; ++i) bench.answer("HTTP/1.1 204 N\r\n\r\n");
  EXPECT_EQ(bench.sink.records.size(), 2u) << bench.all();
  EXPECT_EQ(bench.evicted(metrics::EvictionReason::pairing_table), 2u);
  bench.ask("GET /next HTTP/1.1\r\n\r\n").answer("HTTP/1.1 204 N\r\n\r\n");
  EXPECT_NE(bench.last().find("/next"), std::string::npos);
}

TEST(HttpLimits, of_the_start_line) {
  const auto run = [](std::size_t line, std::size_t piece) {
    Bench bench;
    const std::string text = "GET /" + std::string(line - 14, 'u') + " HTTP/1.1\r\n\r\nGET /next HTTP/1.1\r\n\r\n";
    for (std::size_t at = 0; at < text.size(); at += piece) bench.ask(std::string_view(text).substr(at, piece));
    bench.finish();
    EXPECT_FALSE(bench.stream.bad_progress);
    return told_of(bench);
  };
  for (const std::size_t piece : {1u << 20, 1000u, 1u}) {
    EXPECT_TRUE(run(start_line_bytes_max - 1, piece).anomalies.empty());
    EXPECT_TRUE(run(start_line_bytes_max, piece).anomalies.empty());
    const Told above = run(start_line_bytes_max + 1, piece);
    ASSERT_EQ(above.anomalies.size(), 1u);
    EXPECT_EQ(above.anomalies[0].error, ParseError::http_line_too_long);
    EXPECT_EQ(std::count(above.records.begin(), above.records.end(), '\n'), 1);
    EXPECT_NE(above.records.find("/next"), std::string::npos);
  }
}

TEST(HttpLimits, of_the_headers) {
  const auto run = [](std::size_t head, std::size_t piece) {
    Bench bench;
    std::string text = "GET / HTTP/1.1\r\n";
    while (text.size() + 2000 < head - 4) text += "X: " + std::string(995, 'x') + "\r\n";
    text += "X: " + std::string(head - text.size() - 7, 'x') + "\r\n\r\n";
    EXPECT_EQ(text.size(), head);
    text += "GET /next HTTP/1.1\r\n\r\n";
    for (std::size_t at = 0; at < text.size(); at += piece) bench.ask(std::string_view(text).substr(at, piece));
    bench.finish();
    EXPECT_FALSE(bench.stream.bad_progress);
    return told_of(bench);
  };
  for (const std::size_t piece : {1u << 20, 1460u, 7u}) {
    EXPECT_TRUE(run(head_bytes_max - 1, piece).anomalies.empty());
    EXPECT_TRUE(run(head_bytes_max, piece).anomalies.empty());
    const Told above = run(head_bytes_max + 1, piece);
    ASSERT_EQ(above.anomalies.size(), 1u);
    EXPECT_EQ(above.anomalies[0].error, ParseError::http_headers_too_long);
    EXPECT_NE(above.records.find("/next"), std::string::npos);
  }
}

TEST(HttpLimits, of_the_number_of_headers) {
  const auto run = [](std::size_t headers) {
    Bench bench;
    std::string text = "POST / HTTP/1.1\r\n";
    for (std::size_t i = 1; i < headers; ++i) text += "X: y\r\n";
    // The length counts wherever it stands.
    bench.ask(text + "Content-Length: 3\r\n\r\nabc" + text + "X: y\r\n\r\n").finish();
    EXPECT_EQ(bench.sink.records.size(), 2u);
    return bench.sink.anomalies.size();
  };
  EXPECT_EQ(run(headers_max - 1), 0u);
  EXPECT_EQ(run(headers_max), 0u);
  EXPECT_EQ(run(headers_max + 1), 2u);
}

TEST(HttpLimits, of_chunk_lines_and_trailers) {
  const auto run = [](std::string_view body, std::size_t piece) {
    Bench bench;
    const std::string text =
        "POST /a HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n" + std::string(body) + "\r\nGET /next HTTP/1.1\r\n\r\n";
    for (std::size_t at = 0; at < text.size(); at += piece) bench.ask(std::string_view(text).substr(at, piece));
    bench.finish();
    EXPECT_FALSE(bench.stream.bad_progress);
    EXPECT_EQ(bench.sink.records.size(), 2u);
    return bench.sink.anomalies;
  };
  for (const std::size_t piece : {1u << 20, 999u, 1u}) {
    EXPECT_TRUE(run("0;" + std::string(chunk_line_bytes_max - 4, 'x') + "\r\n", piece).empty());
    const auto long_line = run("0;" + std::string(chunk_line_bytes_max - 3, 'x') + "\r\n", piece);
    ASSERT_EQ(long_line.size(), 1u);
    EXPECT_EQ(long_line[0].error, ParseError::http_bad_chunk);
    std::string trailers;
    while (trailers.size() < trailer_bytes_max) trailers += "X: " + std::string(59, 't') + "\r\n";
    EXPECT_TRUE(run("0\r\n" + trailers.substr(0, trailers.size() - 64), piece).empty());
    const auto long_trailers = run("0\r\n" + trailers, piece);
    ASSERT_EQ(long_trailers.size(), 1u);
    EXPECT_EQ(long_trailers[0].error, ParseError::http_headers_too_long);
  }
}

// Each would take minutes were bytes looked at again and again.
TEST(HttpHostile, work_is_linear) {
  std::string starts;
  while (starts.size() < 2'000'000) starts += "GET x HTTP/1.";
  Bench bench;
  bench.ask("GET / HTTP/1.1\r\n\r\n").ask(starts).finish();
  std::string lines;
  while (lines.size() < 2'000'000) lines += "GET / HTTP/1.1\r\n";
  Bench headers;
  headers.ask(lines).finish();
  Bench folds;
  std::string folded = "GET / HTTP/1.1\r\nUser-Agent: a\r\n";
  while (folded.size() < 60'000) folded += " \r\n";
  for (const char& c : folded) folds.ask({&c, 1});
  folds.finish();
  Bench repeated;
  std::string same = "GET / HTTP/1.1\r\n";
  while (same.size() < 60'000) same += "Referer:x\r\n";
  repeated.ask(same + "\r\n").finish();
  EXPECT_EQ(repeated.sink.records.size(), 1u);
  EXPECT_FALSE(bench.stream.bad_progress || headers.stream.bad_progress || folds.stream.bad_progress);
}

}  // namespace
}  // namespace tsujiban::http
