#include "pipeline/news_memory.h"

#include <gtest/gtest.h>

#include <map>
#include <random>

#include "base/hash.h"

namespace tsujiban::pipeline {
namespace {

PacketTime seconds(std::int64_t s) { return {s * 1'000'000'000}; }
std::uint64_t hash(std::uint64_t what) { return hash_words(HashSeed{}, what, 7); }

TEST(NewsMemory, the_same_again_is_no_news_before_its_time_and_news_after_it) {
  for (const std::int64_t repeat_s : {30, 120, 300, 600}) {
    NewsMemory news;
    const Duration repeat = Duration::seconds(repeat_s);
    for (const std::int64_t begin : {0, 3, 255, 1'700'000'001}) {
      news.set_pair(hash(static_cast<std::uint64_t>(begin)));
      EXPECT_TRUE(news.is_change(hash(1), hash(2), repeat, seconds(begin)));
      EXPECT_FALSE(news.is_change(hash(1), hash(2), repeat, seconds(begin)));
      EXPECT_FALSE(news.is_change(hash(1), hash(2), repeat, seconds(begin + repeat_s - 2 * NewsMemory::step_s)));
      EXPECT_TRUE(news.is_change(hash(1), hash(2), repeat, seconds(begin + repeat_s)));
      EXPECT_FALSE(news.is_change(hash(1), hash(2), repeat, seconds(begin + repeat_s + 1)));
      EXPECT_TRUE(news.is_change(hash(1), hash(3), repeat, seconds(begin + repeat_s + 1)));
      EXPECT_TRUE(news.is_change(hash(1), hash(2), repeat, seconds(begin + repeat_s + 1)));
    }
  }
}

TEST(NewsMemory, silence_of_any_length_makes_the_same_news_again) {
  for (std::int64_t silence = 600; silence < 20'000; silence += 7) {
    NewsMemory news;
    for (const std::int64_t begin : {1'000'000, 1'000'170}) {
      news.set_pair(hash(1));
      news.is_change(hash(1), hash(2), Duration::seconds(600), seconds(begin));
      // Another place of the pair keeps the line in use meanwhile, or does not.
      if (begin % 4 != 0) news.is_change(hash(9), hash(2), Duration::seconds(30), seconds(begin + silence / 2));
      ASSERT_TRUE(news.is_change(hash(1), hash(2), Duration::seconds(600), seconds(begin + silence)))
          << silence << " s after " << begin;
      news = NewsMemory();
    }
  }
}

TEST(NewsMemory, bits_are_told_once_each_and_all_again_after_their_time) {
  NewsMemory news;
  news.set_pair(hash(1));
  const Duration repeat = Duration::seconds(300);
  EXPECT_TRUE(news.is_addition(hash(1), 1, repeat, seconds(1000)));
  EXPECT_FALSE(news.is_addition(hash(1), 1, repeat, seconds(1001)));
  EXPECT_TRUE(news.is_addition(hash(1), 3, repeat, seconds(1200)));
  EXPECT_FALSE(news.is_addition(hash(1), 2, repeat, seconds(1201)));
  EXPECT_TRUE(news.is_addition(hash(1), 2, repeat, seconds(1300)));
  EXPECT_TRUE(news.is_addition(hash(1), 1, repeat, seconds(1301)));
}

TEST(NewsMemory, another_places_value_never_passes_for_bits_that_were_told) {
  const Duration repeat = Duration::seconds(300);
  NewsMemory news;
  unsigned hidden = 0;
  for (std::uint64_t i = 0; i < 10'000; ++i) {
    const std::uint64_t tag = std::uint64_t{5} << 20;  // The same few bits stand for both places.
    news.set_pair(hash(i) << 20);
    news.is_change(hash(3 * i) << 32 | tag, hash(3 * i + 1), repeat, seconds(1000));
    hidden += !news.is_addition(hash(3 * i + 2) << 32 | tag, 3, repeat, seconds(1001));
  }
  EXPECT_LE(hidden, 2u);
}

// An exact memory is the oracle: news that it has must be told; more may be.
TEST(NewsMemory, no_change_is_hidden_and_few_are_told_in_vain) {
  NewsMemory news;
  std::mt19937_64 random(1);
  struct Last {
    std::uint64_t value;
    std::int64_t second;
  };
  std::map<std::pair<std::uint64_t, std::uint64_t>, Last> exact;
  std::int64_t now = 1'600'000'000;
  std::uint64_t told = 0, in_vain = 0, asked = 0;
  for (int i = 0; i < 300'000; ++i) {
    if (i % 300 == 0) now += static_cast<std::int64_t>(random() % (i % 9000 == 0 ? 3000 : 20));
    const std::uint64_t pair = random() % 500, place = random() % 12, value = random() % 50 == 0 ? random() : place;
    const Duration repeat = Duration::seconds(place % 2 != 0 ? 600 : 120);
    news.set_pair(hash(pair));
    const bool is_news = news.is_change(hash(pair * 100 + place), hash(value), repeat, seconds(now));
    const auto [at, fresh] = exact.try_emplace({pair, place}, Last{value, now});
    const bool must = fresh || at->second.value != value || now - at->second.second >= repeat.ns / 1'000'000'000;
    ASSERT_TRUE(is_news || !must) << i;
    ++asked;
    told += is_news;
    in_vain += is_news && !must;
    if (is_news) at->second = {value, now};
  }
  EXPECT_GT(told, asked / 50);
  EXPECT_LT(in_vain, asked / 50);
}

TEST(NewsMemory, a_pair_with_more_places_than_there_is_room_loses_the_oldest_only) {
  NewsMemory news;
  news.set_pair(hash(1));
  const Duration repeat = Duration::seconds(600);
  const std::uint64_t room = 2 * NewsMemory::places_per_line;
  unsigned forgotten = 0;
  for (std::uint64_t i = 0; i < room + 4; ++i) news.is_change(hash(i), 1, repeat, seconds(1000 + 8 * std::int64_t(i)));
  for (std::uint64_t i = room + 4; i-- > 4;) forgotten += news.is_change(hash(i), 1, repeat, seconds(1300));
  EXPECT_LE(forgotten, 2u);  // Two places may have the same few bits.
  EXPECT_TRUE(news.is_change(hash(0), 1, repeat, seconds(1300)));
}

// What is news once, with its whole hash as the place: all 32 bits that are kept tell one from another.
TEST(NewsMemory, of_two_million_new_names_none_passes_for_one_before) {
  NewsMemory news;
  news.set_pair(hash(1));
  unsigned hidden = 0;
  for (std::uint64_t i = 0; i < 2'000'000; ++i)
    hidden += !news.is_change(hash(i + 10), 0, Duration::seconds(600), seconds(1000));
  EXPECT_EQ(hidden, 0u);
}

}  // namespace
}  // namespace tsujiban::pipeline
