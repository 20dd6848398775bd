#include "base/bounded_map.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <vector>

namespace tsujiban {
namespace {

struct Number {
  std::uint32_t value = 0;
  std::uint64_t hash(HashSeed seed) const noexcept { return hash_words(seed, value, 1); }
  bool operator==(const Number&) const noexcept = default;
};
// Nearly all keys fall into a few chains.
struct Clustered {
  std::uint32_t value = 0;
  std::uint64_t hash(HashSeed) const noexcept { return value % 3 * 64; }
  bool operator==(const Clustered&) const noexcept = default;
};

// The same by a search through a list, the entry whose use was noted longest ago in front.
template <class Key>
class Model {
 public:
  explicit Model(std::uint32_t capacity) : capacity_(capacity) {}
  bool has(Key key) const { return find(key) != entries_.end(); }
  void use(Key key, int add) {
    ++calls_;
    const auto at = find(key);
    if (at != entries_.end()) {
      at->value += add;
      if (calls_ - at->noted > capacity_ / 8) {
        Entry moved = *at;
        moved.noted = calls_;
        entries_.erase(at);
        entries_.push_back(moved);
      }
      return;
    }
    if (entries_.size() == capacity_) entries_.erase(entries_.begin()), ++evictions;
    entries_.push_back({key, add, calls_});
  }
  void remove(Key key) {
    if (const auto at = find(key); at != entries_.end()) entries_.erase(at);
  }
  struct Entry {
    Key key;
    int value;
    std::uint64_t noted;
  };
  const std::vector<Entry>& entries() const { return entries_; }
  std::uint64_t evictions = 0;

 private:
  auto find(Key key) {
    return std::find_if(entries_.begin(), entries_.end(), [&](const Entry& e) { return e.key == key; });
  }
  auto find(Key key) const {
    return std::find_if(entries_.begin(), entries_.end(), [&](const Entry& e) { return e.key == key; });
  }
  std::uint32_t capacity_;
  std::uint64_t calls_ = 0;
  std::vector<Entry> entries_;
};

template <class Key>
void behaves_as_its_model(std::uint32_t capacity, std::uint32_t keys, int steps) {
  std::mt19937 random(capacity * 7919 + keys);
  BoundedMap<Key, int> map(capacity, HashSeed{1, 2});
  Model<Key> model(capacity);
  for (int step = 0; step < steps; ++step) {
    const Key key{static_cast<std::uint32_t>(random() % keys)};
    if (random() % 8 == 0) {
      const std::uint32_t index = map.find(key);
      ASSERT_EQ(index != 0, model.has(key));
      if (index != 0) map.remove(index);
      model.remove(key);
    } else {
      const int add = static_cast<int>(random() % 100);
      map.value(map.use(key).index) += add;
      model.use(key, add);
    }
  }
  ASSERT_EQ(map.size(), model.entries().size());
  EXPECT_EQ(map.evictions(), model.evictions);
  std::uint32_t at = map.first();
  for (const auto& entry : model.entries()) {
    ASSERT_NE(at, 0u);
    EXPECT_EQ(map.key(at), entry.key);
    EXPECT_EQ(map.value(at), entry.value);
    EXPECT_EQ(map.find(entry.key), at);
    at = map.next(at);
  }
  EXPECT_EQ(at, 0u);
}

TEST(BoundedMap, behaves_as_a_list_does_while_it_grows_and_when_it_is_full) {
  for (const std::uint32_t capacity : {1u, 7u, 64u, 100u, 1000u}) {
    for (const std::uint32_t keys : {capacity / 2 + 1, capacity * 2}) {
      behaves_as_its_model<Number>(capacity, keys, 4000);
      behaves_as_its_model<Clustered>(capacity, keys, 2000);
    }
  }
}

TEST(BoundedMap, every_entry_is_found_after_each_doubling) {
  BoundedMap<Number, std::uint32_t> map(100'000, HashSeed{3, 4});
  for (std::uint32_t i = 1; i <= 100'000; ++i) {
    map.value(map.use({i}).index) = i;
    if ((i & (i - 1)) != 0) continue;
    for (std::uint32_t k = 1; k <= i; ++k) ASSERT_EQ(map.value(map.find({k})), k);
  }
  EXPECT_EQ(map.evictions(), 0u);
}

TEST(BoundedMap, both_ways_to_compare_a_line_with_a_tag_agree) {
  std::mt19937 random(5);
  for (int i = 0; i < 2000; ++i) {
    DirectoryLine line{};
    const auto any = [&](std::uint32_t n) { return static_cast<std::uint32_t>(random() % n); };
    for (std::uint32_t& word : line.words) word = any(4) * (any(4) << 18 | 1u << 31 | any(3));
    line.chain = any(4);
    for (const std::uint32_t mask : {~std::uint32_t{0}, ~std::uint32_t{0} << 18, 0x3ffffu}) {
      for (const std::uint32_t word : line.words)
        ASSERT_EQ(line.matches(word & mask, mask), line.matches_portable(word & mask, mask));
      ASSERT_EQ(line.matches(line.chain & mask, mask), line.matches_portable(line.chain & mask, mask));
    }
  }
}

TEST(BoundedMap, a_hash_made_before_finds_what_its_key_finds) {
  BoundedMap<Number, std::uint32_t> map(50, HashSeed{3, 4});
  for (std::uint32_t i = 0; i < 200; ++i) {
    const Number key{i * 7 % 64};
    const std::uint32_t before = map.find(key, map.hash_of(key));
    EXPECT_EQ(before, map.find(key));
    EXPECT_EQ(map.use(key, map.hash_of(key)).added, before == 0);
  }
}

TEST(BoundedMap, touching_an_entry_keeps_it_as_using_its_key_does) {
  BoundedMap<Number, int> used(16, HashSeed{3, 4}), touched(16, HashSeed{3, 4});
  std::mt19937 random(6);
  for (int step = 0; step < 2000; ++step) {
    const Number key{static_cast<std::uint32_t>(random() % 24)};
    used.use(key);
    if (const std::uint32_t i = touched.find(key); i != 0)
      touched.touch(i);
    else
      touched.use(key);
  }
  for (std::uint32_t a = used.first(), b = touched.first(); a != 0 || b != 0; a = used.next(a), b = touched.next(b)) {
    ASSERT_TRUE(a != 0 && b != 0);
    EXPECT_EQ(used.key(a), touched.key(b));
  }
}

}  // namespace
}  // namespace tsujiban
