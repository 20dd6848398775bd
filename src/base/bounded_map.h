#pragma once
#include <algorithm>
#include <bit>
#include <cstdint>
#include <type_traits>
#include <utility>
#if defined(__SSE2__)
#include <emmintrin.h>
#endif

#include "base/hash.h"
#include "base/prefetch.h"
#include "base/reserved_memory.h"

namespace tsujiban {

// A cache line of a table's directory: words of a tag and an index, 0 where there is none, and the head of the chain of
// those that found no room in it.
struct alignas(64) DirectoryLine {
  static constexpr std::uint32_t words_count = 15;
  std::uint32_t words[words_count];
  std::uint32_t chain;

  // Bit n: word n has what `tag` has in the bits of `mask`.
  std::uint32_t matches(std::uint32_t tag, std::uint32_t mask) const noexcept {
#if defined(__SSE2__)
    const __m128i* const at = reinterpret_cast<const __m128i*>(this);
    const __m128i masks = _mm_set1_epi32(static_cast<int>(mask)), tags = _mm_set1_epi32(static_cast<int>(tag));
    const auto equal = [&](int i) { return _mm_cmpeq_epi32(_mm_and_si128(_mm_load_si128(at + i), masks), tags); };
    const __m128i low = _mm_packs_epi32(equal(0), equal(1)), high = _mm_packs_epi32(equal(2), equal(3));
    // The last word is the chain's.
    return static_cast<std::uint32_t>(_mm_movemask_epi8(_mm_packs_epi16(low, high))) & 0x7fff;
#else
    return matches_portable(tag, mask);
#endif
  }
  std::uint32_t matches_portable(std::uint32_t tag, std::uint32_t mask) const noexcept {
    std::uint32_t found = 0;
    for (std::uint32_t i = 0; i < words_count; ++i) found |= std::uint32_t{(words[i] & mask) == tag} << i;
    return found;
  }
};
static_assert(sizeof(DirectoryLine) == 64);

// A map of at most `capacity` entries in memory taken once. When it is full the entry that was used longest ago makes
// place and is counted, so what is kept depends on the calls alone, never on the hash's seed. An entry's use is noted
// once in an eighth of `capacity` calls: keeping the order exact would touch two neighbours, and so two cache lines, at
// every call. `Key` has `std::uint64_t hash(HashSeed) const noexcept` and `operator==`; both are trivially copyable.
//
// What a look-up costs is the cache lines that it touches. One of the directory says by tags which entry it may be, so
// no other entry is looked at but one in some hundred; it holds up to ten entries in the mean, so that the directory
// of many is small. It doubles with the entries, all at once. Entries lie within lines where they fit.
// Entries are walked from the one used longest ago to the latest. Indexes are 1 and up, 0 is none, and an index lives
// until its entry goes.
template <class Key, class Value>
class BoundedMap {
  static_assert(std::is_trivially_copyable_v<Key> && std::is_trivially_copyable_v<Value>);

 public:
  BoundedMap(std::uint32_t capacity, HashSeed seed)
      : seed_(seed),
        capacity_(capacity),
        line_mask_max_(std::bit_ceil(capacity / entries_per_line_max + 1) - 1),
        tag_mask_(~std::uint32_t{0} << std::bit_width(capacity)),
        slots_((std::size_t{capacity} + 1) * sizeof(Slot), ReservedMemory::Pages::growing),
        lines_((std::size_t{line_mask_max_} + 1) * sizeof(DirectoryLine)) {}

  std::uint32_t size() const noexcept { return size_; }
  std::uint32_t capacity() const noexcept { return capacity_; }
  std::uint64_t evictions() const noexcept { return evictions_; }

  // What `find` and `use` may be given with a key, where one key is looked up in several tables of one seed.
  std::uint64_t hash_of(const Key& key) const noexcept { return key.hash(seed_); }

  // 0 where there is none. Does not count as use.
  std::uint32_t find(const Key& key) const noexcept { return find(key, hash_of(key)); }
  std::uint32_t find(const Key& key, std::uint64_t hash) const noexcept {
    const DirectoryLine& line = line_of(hash);
    for (std::uint32_t found = line.matches(tag_of(hash), tag_mask_); found != 0; found &= found - 1) {
      const std::uint32_t i = line.words[std::countr_zero(found)] & ~tag_mask_;
      if (at(i).key == key) [[likely]]
        return i;
    }
    for (std::uint32_t i = line.chain; i != 0; i = at(i).chain) {
      if (at(i).key == key) return i;
    }
    return 0;
  }
  struct Got {
    std::uint32_t index;
    bool added;
  };
  // Finds or adds (the value is value-initialised), and marks as used now.
  Got use(const Key& key) noexcept { return use(key, hash_of(key)); }
  Got use(const Key& key, std::uint64_t hash) noexcept {
    ++calls_;
    if (const std::uint32_t found = find(key, hash); found != 0) {
      note(found);
      return {found, false};
    }
    return {add(key, hash), true};
  }
  // Marks an entry as used now, as `use` of its key does.
  void touch(std::uint32_t index) noexcept {
    ++calls_;
    note(index);
  }
  // Fetches what `find` and `use` of this key will look at: first (step 0) where its chain begins, and some time later
  // (step 1) the head of the chain.
  void prefetch(const Key& key, unsigned step) const noexcept {
    const std::uint64_t hash = hash_of(key);
    const DirectoryLine& line = line_of(hash);
    if (step == 0) {
      tsujiban::prefetch(&line);
    } else if (const std::uint32_t found = line.matches(tag_of(hash), tag_mask_); found != 0) {
      fetch(line.words[std::countr_zero(found)] & ~tag_mask_);
    }
  }
  const Key& key(std::uint32_t index) const noexcept { return at(index).key; }
  Value& value(std::uint32_t index) noexcept { return at(index).value; }
  const Value& value(std::uint32_t index) const noexcept { return at(index).value; }
  void remove(std::uint32_t index) noexcept {
    DirectoryLine& line = line_of(hash_of(at(index).key));
    if (const std::uint32_t found = line.matches(index, ~tag_mask_); found != 0) {
      line.words[std::countr_zero(found)] = 0;
    } else {
      std::uint32_t* link = &line.chain;
      while (*link != index) link = &at(*link).chain;
      *link = at(index).chain;
    }
    const bool was_first = index == first_;
    unlink_order(index);
    at(index).chain = free_;
    free_ = index;
    --size_;
    if (was_first) fetch_next_first();
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
  static constexpr std::size_t prefetch_bytes_max = 128;
  static constexpr std::uint32_t entries_per_line_max = 10;  // In the mean; one line in ten then has a chain.
  struct Plain {
    Key key;
    std::uint32_t noted;  // The call at which it was put last; the difference to another one is what counts.
    std::uint32_t chain, earlier, later;
    Value value;
  };
  // Of what fits into one line no entry lies in two.
  static constexpr std::size_t slot_align = sizeof(Plain) <= 32 ? 32 : 64;
  struct alignas(std::max(alignof(Plain), slot_align)) Slot : Plain {};

  Slot& at(std::uint32_t i) const noexcept { return slots_.template as<Slot>()[i]; }
  DirectoryLine& line_of(std::uint64_t hash) const noexcept {
    return lines_.template as<DirectoryLine>()[static_cast<std::uint32_t>(hash) & line_mask_];
  }
  // Never 0, so that an empty word matches none.
  std::uint32_t tag_of(std::uint64_t hash) const noexcept {
    return (static_cast<std::uint32_t>(hash >> 32) | std::uint32_t{1} << 31) & tag_mask_;
  }
  void note(std::uint32_t i) noexcept {
    if (static_cast<std::uint32_t>(calls_) - at(i).noted <= capacity_ / 8) return;
    unlink_order(i);
    link_last(i);
  }
  std::uint32_t add(const Key& key, std::uint64_t hash) noexcept {
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
    if (size_ >= (line_mask_ + 1) * std::uint64_t{entries_per_line_max} && line_mask_ < line_mask_max_) [[unlikely]]
      grow();
    Slot& slot = at(i);
    slot.key = key;
    slot.value = Value{};
    enter(i, hash);
    link_last(i);
    ++size_;
    return i;
  }
  void enter(std::uint32_t i, std::uint64_t hash) noexcept {
    DirectoryLine& line = line_of(hash);
    if (const std::uint32_t room = line.matches(0, ~std::uint32_t{0}); room != 0) {
      line.words[std::countr_zero(room)] = tag_of(hash) | i;
    } else {
      at(i).chain = line.chain;
      line.chain = i;
    }
  }
  // Each line is parted in two by the next bit of the hash.
  void grow() noexcept {
    const std::uint32_t half = line_mask_ + 1;
    line_mask_ = line_mask_ * 2 + 1;
    for (std::uint32_t l = 0; l < half; ++l) {
      DirectoryLine& place = lines_.template as<DirectoryLine>()[l];
      const DirectoryLine before = std::exchange(place, DirectoryLine{});
      for (const std::uint32_t word : before.words) {
        if (word != 0) enter(word & ~tag_mask_, hash_of(at(word & ~tag_mask_).key));
      }
      for (std::uint32_t i = before.chain, next = 0; i != 0; i = next) {
        next = at(i).chain;
        enter(i, hash_of(at(i).key));
      }
    }
  }
  // Entries that go because they were used longest ago go one after the other, and lie anywhere. Three are on their
  // way: the third one's place is asked for now, so that its key is there when its line of the directory is asked for
  // next time, and that is there when it goes.
  void fetch_next_first() const noexcept {
    const std::uint32_t second = first_ != 0 ? at(first_).later : 0;
    if (second == 0) return;
    tsujiban::prefetch(&line_of(hash_of(at(second).key)));
    if (const std::uint32_t third = at(second).later; third != 0) fetch(third);
  }
  void fetch(std::uint32_t i) const noexcept {
    const auto* slot = reinterpret_cast<const char*>(&at(i));
    constexpr std::size_t bytes = std::min(sizeof(Slot), prefetch_bytes_max);
    for (std::size_t b = 0; b < bytes; b += 64) tsujiban::prefetch(slot + b);
  }
  void unlink_order(std::uint32_t i) noexcept {
    const Slot& slot = at(i);
    (slot.earlier != 0 ? at(slot.earlier).later : first_) = slot.later;
    (slot.later != 0 ? at(slot.later).earlier : last_) = slot.earlier;
  }
  void link_last(std::uint32_t i) noexcept {
    at(i).noted = static_cast<std::uint32_t>(calls_);
    at(i).earlier = last_;
    at(i).later = 0;
    (last_ != 0 ? at(last_).later : first_) = i;
    last_ = i;
  }

  HashSeed seed_;
  std::uint32_t capacity_, line_mask_max_, line_mask_ = 0, tag_mask_;
  ReservedMemory slots_, lines_;
  std::uint32_t used_ = 0, size_ = 0, free_ = 0, first_ = 0, last_ = 0;
  std::uint64_t evictions_ = 0, calls_ = 0;
};

}  // namespace tsujiban
