#include "pipeline/asked_memory.h"

#include <gtest/gtest.h>

#include <vector>

#include "base/hash.h"

namespace tsujiban::pipeline {
namespace {

std::uint64_t hash(std::uint64_t n) { return hash_words(HashSeed{}, n, 7); }
PacketTime seconds(std::int64_t s) { return {s * 1'000'000'000}; }

// As the dissector does: told where it is new, or was told `presence_repeat` ago.
bool tells(AskedMemory& memory, std::uint64_t pair, std::uint64_t object, std::int64_t second) {
  memory.set_pair(hash(pair));
  AskedMemory::Asked& asked = memory.of(hash(pair) ^ hash(1'000'000'000 + object), seconds(second));
  const auto now = static_cast<std::uint32_t>(second);
  if (asked.told_second != 0 && now - asked.told_second < 300) return false;
  asked.told_second = now;
  return true;
}

TEST(AskedMemory, what_was_told_of_a_pair_stays_while_others_come) {
  AskedMemory memory;
  EXPECT_TRUE(tells(memory, 1, 1, 1000));
  EXPECT_TRUE(tells(memory, 1, 2, 1000));
  EXPECT_TRUE(tells(memory, 2, 1, 1000));
  EXPECT_FALSE(tells(memory, 1, 1, 1001));
  EXPECT_FALSE(tells(memory, 1, 2, 1001));
  EXPECT_FALSE(tells(memory, 2, 1, 1299));
  EXPECT_TRUE(tells(memory, 2, 1, 1300));
}

TEST(AskedMemory, a_new_entry_is_zero_but_for_its_place) {
  AskedMemory memory;
  for (std::uint64_t object = 0; object < 100; ++object) {
    memory.set_pair(hash(1));
    AskedMemory::Asked& asked = memory.of(hash(object), seconds(1000));
    EXPECT_NE(asked.place, 0u);
    EXPECT_EQ(asked.told_second | asked.since_second | asked.marks, 0u);
    EXPECT_EQ(asked.points[0] | asked.points[1], 0u);
    asked.told_second = 1000, asked.marks = 3, asked.points = {1, 2};
  }
}

// Twenty thousand pairs of a large site, polled each minute for an hour: few are told early, and the memory stays
// small.
TEST(AskedMemory, a_large_site_fits_without_growth) {
  AskedMemory memory;
  std::uint64_t early = 0, asked = 0;
  std::vector<std::int64_t> told(40'000, 0);
  for (std::int64_t second = 1000; second < 1000 + 3600; second += 60) {
    for (std::uint64_t place = 0; place < told.size(); ++place, ++asked) {
      if (!tells(memory, place / 2, place % 2, second)) continue;
      early += told[place] != 0 && second - told[place] < 300;
      told[place] = second;
    }
  }
  EXPECT_FALSE(memory.has_grown());
  EXPECT_LT(early, asked / 50);
}

TEST(AskedMemory, entries_whose_time_is_over_give_way_without_growth) {
  AskedMemory memory;
  for (std::uint64_t i = 0; i < 1'000'000; ++i) tells(memory, i, 0, 1000 + static_cast<std::int64_t>(i) / 500);
  EXPECT_FALSE(memory.has_grown());
}

TEST(AskedMemory, of_a_million_pairs_at_once_nearly_all_are_remembered) {
  AskedMemory memory;
  constexpr std::uint64_t pairs = 1'000'000;
  for (std::uint64_t i = 0; i < pairs; ++i) tells(memory, i, 0, 1000);
  EXPECT_TRUE(memory.has_grown());
  std::uint64_t again = 0;
  for (std::uint64_t i = 0; i < pairs; ++i) again += tells(memory, i, 0, 1010);
  // Those from before it grew, and the few whose set is full.
  EXPECT_LT(again, pairs / 2);
  again = 0;
  for (std::uint64_t i = 0; i < pairs; ++i) again += tells(memory, i, 0, 1020);
  EXPECT_LT(again, pairs / 20);
}

}  // namespace
}  // namespace tsujiban::pipeline
