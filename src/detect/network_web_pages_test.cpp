#include <gtest/gtest.h>

#include "detect/network_detectors.h"
#include "detect/site_test_support.h"

namespace tsujiban::detect {
namespace {

using namespace test;

constexpr DetectorId change = DetectorId::web_content_change;
constexpr double day = 86'400;

const std::string yaml =
    "site: {name: t, timezone: Asia/Tokyo}\n"
    "detectors: {web.content-change: {urls: [\"http://www.example.jp/\", \"http://www.example.jp/news?id=1\"]}}\n"
    "maintenance: [{days: [sat], from: \"02:00\", to: \"04:00\"}]\n";  // 17 h after the beginning.

Fact page(double seconds, std::uint64_t body, std::uint64_t title = 7, std::string_view url = "www.example.jp/",
          std::string_view visitor = "198.51.100.9", std::uint16_t status = 200) {
  Fact fact = fact_of(FactKind::web_page, seconds, visitor, "203.0.113.80");
  fact.protocol = AppProtocol::http;
  fact.ip_protocol = 6;
  fact.source_port = 50'000;
  fact.destination_port = 80;
  WebPage seen{};
  seen.url_hash = config::watched_hash_of(url);
  seen.body_hash = body;
  seen.title_hash = title;
  seen.bytes = 1000 + body;
  seen.status = status;
  fact.web_page = seen;
  return fact;
}

class PageBench {
 public:
  PageBench() : site_(site_of(yaml)) {
    site_.calendar = std::make_shared<const policy::Calendar>(site_.inventory);
    start();
  }
  void start() { engine_ = std::make_unique<SiteEngine>(site_, rows_, sink_); }
  void fact(const Fact& fact) {
    constexpr std::int64_t step_ns = 10'000'000'000;
    if (ticked_ == 0) ticked_ = fact.time.ns / step_ns * step_ns;
    while (ticked_ + step_ns <= fact.time.ns) engine_->tick({ticked_ += step_ns});
    engine_->fact(fact);
  }
  // Nine visits within an hour and a bit.
  double learn(bool dynamic = false) {
    for (std::uint64_t i = 0; i < 9; ++i) fact(page(static_cast<double>(i) * 500, dynamic ? 100 + i : 100));
    return 9 * 500;
  }
  std::size_t count() const { return sink_.count(change); }
  const Alert& last() const { return sink_.alerts.back(); }
  SiteEngine& engine() { return *engine_; }

 private:
  std::vector<SiteDetectorRow> rows_{network_web_pages_row};
  Site site_;
  RecordingSink sink_;
  std::unique_ptr<SiteEngine> engine_;
  std::int64_t ticked_ = 0;
};

TEST(WebContentChange, another_body_is_told_once_and_again_when_it_changes_again) {
  PageBench bench;
  const double now = bench.learn();
  bench.fact(page(now, 100));
  EXPECT_EQ(bench.count(), 0u);
  bench.fact(page(now + 600, 200));
  ASSERT_EQ(bench.count(), 1u);
  EXPECT_EQ(why(bench.last()), "http://www.example.jp/");
  EXPECT_EQ(why(bench.last(), 1), "its body is another one under the same title");
  EXPECT_EQ(why(bench.last(), 2), "1200 bytes, 1100 when it was as before, 10 min ago");
  const Alert first = bench.last();
  // Whoever else comes, and however often.
  bench.fact(page(now + 700, 200, 7, "www.example.jp/", "198.51.100.77"));
  bench.fact(page(now + 5000, 200));
  EXPECT_EQ(bench.count(), 1u);
  // Another change: the same condition, under its first visitor.
  bench.fact(page(now + 5100, 300, 7, "www.example.jp/", "198.51.100.77"));
  ASSERT_EQ(bench.count(), 2u);
  EXPECT_EQ(bench.last().merge_key, first.merge_key);
  EXPECT_EQ(bench.last().source, first.source);
  // Put right again, and changed as before.
  bench.fact(page(now + 5200, 100));
  EXPECT_EQ(bench.count(), 2u);
  bench.fact(page(now + 5300, 300));
  EXPECT_EQ(bench.count(), 3u);
}

TEST(WebContentChange, another_title_is_told_also_of_a_dynamic_page_and_while_it_is_learned) {
  PageBench bench;
  const double now = bench.learn(true);
  bench.fact(page(now, 500));
  EXPECT_EQ(bench.count(), 0u);
  bench.fact(page(now + 1, 501, 8));
  ASSERT_EQ(bench.count(), 1u);
  EXPECT_EQ(why(bench.last(), 1), "its title is another one, and so is its body");
  bench.fact(page(now + 600, 502, 8));
  EXPECT_EQ(bench.count(), 1u);
  PageBench learning;
  for (int i = 0; i < 3; ++i) learning.fact(page(i * 100, 100));
  learning.fact(page(400, 300, 0));
  ASSERT_EQ(learning.count(), 1u);
  EXPECT_EQ(why(learning.last(), 1), "its title is gone, and so is its body");
}

TEST(WebContentChange, a_change_within_a_maintenance_window_is_none_even_when_it_is_seen_later) {
  PageBench bench;
  bench.learn();
  bench.fact(page(17 * 3600 + 600, 200));  // 02:10.
  EXPECT_EQ(bench.count(), 0u);
  bench.fact(page(20 * 3600, 200));
  EXPECT_EQ(bench.count(), 0u);
  bench.fact(page(20 * 3600 + 60, 300));
  EXPECT_EQ(bench.count(), 1u);
  // Nobody came between 23:00 and 05:00.
  PageBench later;
  later.learn();
  later.fact(page(14 * 3600, 100));
  later.fact(page(20 * 3600, 200));
  EXPECT_EQ(later.count(), 0u);
}

TEST(WebContentChange, a_page_whose_title_varies_rests) {
  PageBench bench;
  for (std::uint64_t i = 0; i < 10; ++i) bench.fact(page(static_cast<double>(i) * 500, 100 + i, 50 + i));
  bench.fact(page(6000, 1, 1));
  EXPECT_EQ(bench.count(), 0u);
  EXPECT_EQ(bench.engine().blind_peers()[static_cast<std::size_t>(change)], 1u);
}

TEST(WebContentChange, errors_other_urls_and_learning_say_nothing) {
  PageBench bench;
  const double now = bench.learn();
  bench.fact(page(now, 300, 9, "www.example.jp/", "198.51.100.9", 503));
  bench.fact(page(now, 300, 9, "www.example.jp/unwatched"));
  bench.fact(page(now, 300, 9, "www.example.jp/news?id=1"));
  bench.fact(page(now + 1, 301, 9, "www.example.jp/news?id=1"));
  EXPECT_EQ(bench.count(), 0u);
}

TEST(WebContentChange, what_was_told_and_stands_for_the_learning_time_is_the_page) {
  PageBench bench;
  const double now = bench.learn() + 20 * 3600;
  bench.fact(page(now, 100));
  const std::size_t before = bench.count();
  for (int i = 0; i <= 6; ++i) bench.fact(page(now + 100 + i * 3600, 200));
  EXPECT_EQ(bench.count(), before + 1);
  bench.fact(page(now + 100 + 7 * day, 200));
  EXPECT_EQ(bench.count(), before + 1);
  // What it was before would be a change now.
  bench.fact(page(now + 200 + 7 * day, 100));
  EXPECT_EQ(bench.count(), before + 2);
}

TEST(WebContentChange, the_page_is_known_after_a_restart_and_broken_state_is_refused) {
  PageBench bench;
  const double now = bench.learn();
  const std::vector<std::uint8_t> state = bench.engine().save(at(now));
  std::string error;
  for (std::size_t size = 0; size < state.size(); ++size) {
    PageBench cut;
    cut.engine().load(Bytes(state).first(size), error);
    cut.fact(page(now, 200));
    EXPECT_EQ(cut.count(), 0u);
  }
  PageBench next;
  ASSERT_TRUE(next.engine().load(state, error)) << error;
  next.fact(page(now, 100));
  EXPECT_EQ(next.count(), 0u);
  next.fact(page(now + 1, 200));
  EXPECT_EQ(next.count(), 1u);
  // Nor is a change told anew after one.
  PageBench third;
  ASSERT_TRUE(third.engine().load(next.engine().save(at(now + 2)), error)) << error;
  third.fact(page(now + 600, 200));
  EXPECT_EQ(third.count(), 0u);
}

}  // namespace
}  // namespace tsujiban::detect
