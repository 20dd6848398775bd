#include "dissectors/http/http_page.h"

#include <gtest/gtest.h>

#include <array>

#include "dissectors/http/http_facts.h"
#include "dissectors/http/http_test_sink.h"

namespace tsujiban::http {
namespace {

using namespace testing;

std::uint64_t title_of(std::string_view page, std::size_t piece = ~std::size_t{0}) {
  TitleReader reader;
  reader.begin();
  for (std::size_t at = 0; at < page.size(); at += piece) {
    const std::string_view part = page.substr(at, piece);
    const Octets exact(part.begin(), part.end());
    reader.add(exact);
    if (piece > page.size()) break;
  }
  return reader.hash();
}
std::uint64_t hash_of(std::string_view title) { return hash_bytes(HashSeed{}, bytes_of(title)) | 1; }

TEST(HttpTitle, the_first_title_is_read_in_whatever_pieces_it_comes) {
  const std::string_view page =
      "<!DOCTYPE html><html><head><titles>x</titles><<TITLE lang='ja'>\n  節電  </tit> の\tお願い "
      "</Title><title>b</title>";
  for (std::size_t piece = 1; piece < page.size() + 2; ++piece)
    EXPECT_EQ(title_of(page, piece), hash_of("節電 </tit> の お願い")) << piece;
  EXPECT_EQ(title_of("<title></title>"), hash_of(""));
  EXPECT_EQ(title_of("<title/>a</title>"), hash_of("a"));
  EXPECT_EQ(title_of("<title>never closed"), hash_of("never closed"));
  for (const char* none : {"", "<tit", "<title", "title>a</title>", "<titlea>b</titlea>", "<title x='"})
    EXPECT_EQ(title_of(none), 0u) << none;
}

TEST(HttpTitle, a_long_title_is_told_by_its_beginning_and_a_late_one_is_none) {
  const std::string longer(title_bytes_max, 'a');
  EXPECT_EQ(title_of("<title>" + longer + "</title>"), hash_of(longer));
  EXPECT_EQ(title_of("<title>" + longer + "bcd</title>"), hash_of(longer));
  const std::string title = "<title>a</title>";
  EXPECT_EQ(title_of(std::string(title_search_bytes_max - title.size(), '<') + title), hash_of("a"));
  EXPECT_EQ(title_of(std::string(title_search_bytes_max - title.size() + 2, '.') + title), 0u);
}

const std::string get = "GET /index.html HTTP/1.1\r\nHost: WWW.Example.jp:80\r\n\r\n";
const std::string page = "<html><title>The grid</title><p>Welcome.</html>";
std::string ok(const std::string& body, const std::string& more = "") {
  return "HTTP/1.1 200 OK\r\n" + more + "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}
std::string chunked(std::string_view body, std::size_t size) {
  std::string text = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
  for (; !body.empty(); body.remove_prefix(std::min(size, body.size()))) {
    char line[16];
    std::snprintf(line, sizeof line, "%zx\r\n", std::min(size, body.size()));
    text += line + std::string(body.substr(0, size)) + "\r\n";
  }
  return text + "0\r\n\r\n";
}

struct Watched : Bench {
  explicit Watched(bool records = true) : Bench({.records = records}) {
    hashes = {url_hash_of("www.example.jp", "/index.html")};
    sink.watch(hashes);
  }
  std::vector<Fact> pages() const { return sink.told(FactKind::web_page); }
  std::array<std::uint64_t, 1> hashes;
};

TEST(HttpPage, a_watched_page_is_told_the_same_in_every_form_it_is_sent_in) {
  std::vector<WebPage> seen;
  for (const std::string& answer :
       {ok(page), chunked(page, 1), chunked(page, 7), chunked(page, 4096), "HTTP/1.1 200 OK\r\n\r\n" + page,
        ok(deflated(page, 31), "Content-Encoding: gzip\r\n"),
        ok(deflated(page, 15), "Content-Encoding: deflate\r\n")}) {
    for (const bool records : {true, false}) {
      Watched bench(records);
      bench.ask(get).answer(answer).finish();
      ASSERT_EQ(bench.pages().size(), 1u) << answer;
      const Fact fact = bench.pages()[0];
      EXPECT_EQ(fact.source, Bench::client);
      EXPECT_EQ(fact.destination, Bench::server);
      EXPECT_EQ(fact.destination_port, 80);
      EXPECT_EQ(fact.web_page.bytes, page.size());
      EXPECT_EQ(fact.web_page.status, 200);
      EXPECT_EQ(fact.web_page.title_hash, hash_of("The grid"));
      EXPECT_EQ(fact.web_page.body_hash, bench.pages()[0].web_page.body_hash);
      if (!seen.empty()) {
        EXPECT_EQ(fact.web_page.body_hash, seen[0].body_hash) << answer;
      }
      seen.push_back(fact.web_page);
    }
  }
  Watched other;
  other.ask(get).answer(ok(page + "!"));
  EXPECT_NE(other.pages()[0].web_page.body_hash, seen[0].body_hash);
}

TEST(HttpPage, splits_at_every_byte_tell_the_same) {
  for (const std::string& answer : {ok(page), chunked(page, 1), chunked(page, 5)}) {
    Watched whole;
    whole.ask(get).answer(answer);
    for (std::size_t at = 1; at < answer.size(); ++at) {
      Watched split;
      split.ask(get).answer(answer.substr(0, at)).answer(answer.substr(at));
      ASSERT_EQ(split.pages().size(), 1u) << at;
      EXPECT_EQ(split.pages()[0].web_page.body_hash, whole.pages()[0].web_page.body_hash) << at;
      EXPECT_EQ(split.all(), whole.all()) << at;
    }
  }
}

TEST(HttpPage, what_is_no_whole_page_of_a_watched_url_is_not_told) {
  const std::string half = ok(page).substr(0, 60);
  for (const std::string& answer : std::vector<std::string>{
           half, "HTTP/1.1 204 No Content\r\n\r\n", "HTTP/1.1 304 Not Modified\r\n\r\n",
           "HTTP/1.1 206 Partial\r\nContent-Length: 2\r\n\r\nab", ok(page, "Content-Encoding: br\r\n"),
           "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabcdef\r\n",
           ok("no gzip at all", "Content-Encoding: gzip\r\n"),
           ok(deflated(page, 31).substr(0, 20), "Content-Encoding: gzip\r\n")}) {
    Watched bench;
    bench.ask(get).answer(answer).finish();
    EXPECT_TRUE(bench.pages().empty()) << answer;
  }
  Watched head;
  head.ask("HEAD /index.html HTTP/1.1\r\nHost: www.example.jp\r\n\r\n").answer(ok(page)).finish();
  EXPECT_TRUE(head.pages().empty());
  Watched elsewhere;
  elsewhere.ask("GET /other HTTP/1.1\r\nHost: www.example.jp\r\n\r\n").answer(ok(page)).finish();
  EXPECT_TRUE(elsewhere.pages().empty());
  Watched gap;
  gap.ask(get).answer(ok(page).substr(0, 50));
  gap.gap(false, static_cast<std::uint32_t>(ok(page).size() - 50));
  gap.finish();
  EXPECT_TRUE(gap.pages().empty());
}

TEST(HttpPage, an_error_page_is_told_with_its_status_and_the_next_page_with_its_own) {
  Watched bench;
  bench.ask(get + get).answer("HTTP/1.1 503 Down\r\nContent-Length: 3\r\n\r\nabc" + ok(page));
  ASSERT_EQ(bench.pages().size(), 2u);
  EXPECT_EQ(bench.pages()[0].web_page.status, 503);
  EXPECT_EQ(bench.pages()[1].web_page.status, 200);
}

TEST(HttpPage, beyond_the_pages_under_way_one_is_not_read_and_that_is_counted) {
  auto worker = std::make_shared<Bench::Worker>(dissect::Limits{.open_streams = 1024});
  const std::array<std::uint64_t, 1> hashes = {url_hash_of("www.example.jp", "/index.html")};
  std::vector<std::unique_ptr<Bench>> open;
  for (std::uint32_t i = 0; i < pages_max + 2; ++i) {
    open.push_back(std::make_unique<Bench>(worker, dissect::testing::BenchSetup{}));
    open.back()->sink.watch(hashes);
    open.back()->ask(get).answer(ok(page).substr(0, 60));
  }
  std::size_t told = 0;
  for (auto& bench : open) {
    bench->answer(ok(page).substr(60)).finish();
    told += bench->sink.told(FactKind::web_page).size();
  }
  EXPECT_EQ(told, pages_max);
  open.clear();
  Bench again(worker, {});
  again.sink.watch(hashes);
  again.ask(get).answer(ok(page));
  EXPECT_EQ(again.sink.told(FactKind::web_page).size(), 1u);
}

}  // namespace
}  // namespace tsujiban::http
