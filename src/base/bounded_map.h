#pragma once
#include <bit>
#include <cstdint>
#include <type_traits>
#include <utility>

#include "base/hash.h"
#include "base/prefetch.h"
#include "base/reserved_memory.h"

namespace tsujiban {

// A map of at most `capacity` entries in memory taken once. When it is full the entry that was used longest ago makes
// place and is counted, so what is kept depends on the calls alone, never on the hash's seed. An entry's use is noted
// once in an eighth of `capacity` calls: keeping the order exact would touch two neighbours, and so two cache lines, at
// every call. `Key` has
// `std::uint64_t hash(HashSeed) const noexcept` and `operator==`; both are trivially copyable. The buckets in use
// double with the entries, all at once: a table that is far from full then has its chains' heads in few cache lines.
// Entries are walked from the one used longest ago to the latest. Indexes are 1 and up, 0 is none, and an index lives
// until its entry goes.
template <class Key, class Value>
class BoundedMap {
  static_assert(std::is_trivially_copyable_v<Key> && std::is_trivially_copyable_v<Value>);

 public:
  BoundedMap(std::uint32_t capacity, HashSeed seed)
      : seed_(seed),
        capacity_(capacity),
        bucket_mask_max_(std::bit_ceil(capacity < buckets_min ? buckets_min : capacity) - 1),
        slots_((std::size_t{capacity} + 1) * sizeof(Slot)),
        buckets_((std::size_t{bucket_mask_max_} + 1) * sizeof(std::uint32_t)) {}

  std::uint32_t size() const noexcept { return size_; }
  std::uint32_t capacity() const noexcept { return capacity_; }
  std::uint64_t evictions() const noexcept { return evictions_; }

  // 0 where there is none. Does not count as use.
  std::uint32_t find(const Key& key) const noexcept {
    for (std::uint32_t i = bucket(key); i != 0; i = at(i).chain) {
      if (at(i).key == key) return i;
    }
    return 0;
  }
  struct Got {
    std::uint32_t index;
    bool added;
  };
  // Finds or adds (the value is value-initialised), and marks as used now.
  Got use(const Key& key) noexcept {
    ++calls_;
    if (const std::uint32_t found = find(key); found != 0) {
      if (calls_ - at(found).noted > capacity_ / 8) {
        unlink_order(found);
        link_last(found);
      }
      return {found, false};
    }
    std::uint32_t i;
    if (free_ != 0) {
      i = free_;
      free_ = at(i).chain;
    } else if (used_ < capacity_) {
      i = ++used_;
    } else {
      i = first_;
      ++evictions_;
      remove(i);
      i = free_;
      free_ = at(i).chain;
    }
    // Every further entry of a chain is a cache miss, so chains of one are worth their room.
    if (size_ * std::uint64_t{4} > bucket_mask_ && bucket_mask_ < bucket_mask_max_) [[unlikely]]
      grow();
    Slot& slot = at(i);
    slot.key = key;
    slot.value = Value{};
    std::uint32_t& head = bucket(key);
    slot.chain = head;
    head = i;
    link_last(i);
    ++size_;
    return {i, true};
  }
  // Fetches what `find` and `use` of this key will look at: first (step 0) where its chain begins, and some time later
  // (step 1) the head of the chain.
  void prefetch(const Key& key, unsigned step) const noexcept {
    if (step == 0) {
      tsujiban::prefetch(&bucket(key));
    } else if (const std::uint32_t head = bucket(key); head != 0) {
      const auto* line = reinterpret_cast<const char*>(&at(head));
      for (std::size_t i = 0; i < sizeof(Slot) && i < prefetch_bytes_max; i += 64) tsujiban::prefetch(line + i);
    }
  }
  const Key& key(std::uint32_t index) const noexcept { return at(index).key; }
  Value& value(std::uint32_t index) noexcept { return at(index).value; }
  const Value& value(std::uint32_t index) const noexcept { return at(index).value; }
  void remove(std::uint32_t index) noexcept {
    std::uint32_t* link = &bucket(at(index).key);
    while (*link != index) link = &at(*link).chain;
    *link = at(index).chain;
    unlink_order(index);
    at(index).chain = free_;
    free_ = index;
    --size_;
  }
  // In order of noted use. Take `next` before removing.
  std::uint32_t first() const noexcept { return first_; }
  std::uint32_t next(std::uint32_t index) const noexcept { return at(index).later; }
  void clear() noexcept {
    while (first_ != 0) remove(first_);
  }
  // Holds what `from` held, and counts its evictions on; `from` is good for nothing but its end afterwards. Of the same
  // size it costs nothing and indexes live on; else the latest entries are taken, as many as fit.
  void take_over(BoundedMap& from) noexcept {
    if (capacity_ == from.capacity_ && seed_.a == from.seed_.a && seed_.b == from.seed_.b) {
      std::swap(*this, from);
      return;
    }
    clear();
    evictions_ = from.evictions_;
    for (std::uint32_t i = from.first(); i != 0; i = from.next(i)) value(use(from.key(i)).index) = from.value(i);
  }

 private:
  static constexpr std::size_t prefetch_bytes_max = 256;
  static constexpr std::uint32_t buckets_min = 64;
  struct Slot {
    std::uint64_t noted;  // The call at which it was put last.
    Key key;
    std::uint32_t chain, earlier, later;
    Value value;
  };
  Slot& at(std::uint32_t i) const noexcept { return slots_.template as<Slot>()[i]; }
  std::uint32_t& bucket(const Key& key) const noexcept {
    return buckets_.template as<std::uint32_t>()[static_cast<std::uint32_t>(key.hash(seed_)) & bucket_mask_];
  }
  // Each chain is parted in two by the next bit of the hash.
  void grow() noexcept {
    std::uint32_t* const heads = buckets_.template as<std::uint32_t>();
    const std::uint32_t half = bucket_mask_ + 1;
    bucket_mask_ = bucket_mask_ * 2 + 1;
    for (std::uint32_t b = 0; b < half; ++b) {
      std::uint32_t *low = &heads[b], *high = &heads[b + half];
      for (std::uint32_t i = heads[b]; i != 0; i = at(i).chain) {
        std::uint32_t*& end = (at(i).key.hash(seed_) & half) != 0 ? high : low;
        *end = i;
        end = &at(i).chain;
      }
      *low = *high = 0;
    }
  }
  void unlink_order(std::uint32_t i) noexcept {
    const Slot& slot = at(i);
    (slot.earlier != 0 ? at(slot.earlier).later : first_) = slot.later;
    (slot.later != 0 ? at(slot.later).earlier : last_) = slot.earlier;
  }
  void link_last(std::uint32_t i) noexcept {
    at(i).noted = calls_;
    at(i).earlier = last_;
    at(i).later = 0;
    (last_ != 0 ? at(last_).later : first_) = i;
    last_ = i;
  }

  HashSeed seed_;
  std::uint32_t capacity_, bucket_mask_max_, bucket_mask_ = buckets_min - 1;
  ReservedMemory slots_, buckets_;
  std::uint32_t used_ = 0, size_ = 0, free_ = 0, first_ = 0, last_ = 0;
  std::uint64_t evictions_ = 0, calls_ = 0;
};

}  // namespace tsujiban
