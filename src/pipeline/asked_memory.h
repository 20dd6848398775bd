#pragma once
#include <cstddef>
#include <cstdint>

#include "base/prefetch.h"
#include "base/reserved_memory.h"
#include "dissect/dissector.h"

namespace tsujiban::pipeline {

// What was asked of the objects of a pair's hosts (dissect::RecordSink::asked). Those of a pair share a set, and those
// of most pairs lie in its first line. Of too many the one that was told longest ago gives way, and is told again when
// it is asked for again. Where that happens to many that would not be told yet, there are more pairs than a site of
// some ten thousand homes has, or somebody forges addresses: then, once, it grows to eight times the sets, and begins
// anew, because what is told again costs the detectors more than remembering it.
class AskedMemory {
 public:
  using Asked = dissect::RecordSink::Asked;
  static constexpr unsigned sets_log2_few = 15, sets_log2_many = 18;
  static constexpr std::size_t ways = 8;
  // So many within `presence_repeat` make it grow.
  static constexpr std::uint32_t early_max = (1u << sets_log2_few) * ways / 16;

  AskedMemory()
      : few_(sizeof(Set) << sets_log2_few, ReservedMemory::Pages::large),
        many_(sizeof(Set) << sets_log2_many, ReservedMemory::Pages::large),
        sets_(few_.as<Set>()),
        set_(sets_) {}

  [[gnu::always_inline]] void prefetch(std::uint64_t pair_hash) const noexcept {
    tsujiban::prefetch(sets_ + index_of(pair_hash));
  }
  // Whose packet comes next.
  void set_pair(std::uint64_t pair_hash) noexcept { set_ = sets_ + index_of(pair_hash); }
  // Its entry, or a new one: zero but for `place`.
  Asked& of(std::uint64_t place, PacketTime now) noexcept {
    const auto key = static_cast<std::uint32_t>(place ^ place >> 32) | 1;
    Asked* oldest = set_->asked;
    for (Asked& one : set_->asked) {
      if (one.place == key) return one;
      if (one.told_second < oldest->told_second) oldest = &one;
      if (one.place == 0) break;
    }
    if (oldest->place != 0) oldest = give_way(oldest, now);
    *oldest = Asked{};
    oldest->place = key;
    return *oldest;
  }
  bool has_grown() const noexcept { return shift_ == 64 - sets_log2_many; }

 private:
  struct alignas(64) Set {
    Asked asked[ways];
  };

  // By the hash's highest bits, as packets are shared out among workers: each touches the memory of its own share only.
  std::size_t index_of(std::uint64_t pair_hash) const noexcept { return pair_hash >> shift_; }
  // Returns the entry to be used.
  [[gnu::noinline]] Asked* give_way(Asked* oldest, PacketTime now) noexcept {
    if (has_grown()) return oldest;
    const auto second = static_cast<std::uint32_t>(now.ns / 1'000'000'000);
    constexpr auto repeat = static_cast<std::uint32_t>(presence_repeat.ns / 1'000'000'000);
    if (second - oldest->told_second >= repeat) return oldest;
    if (second - early_since_ >= repeat) {
      early_ = 0;
      early_since_ = second;
    }
    if (++early_ < early_max) return oldest;
    const std::size_t set = static_cast<std::size_t>(set_ - sets_);
    few_ = ReservedMemory();
    shift_ = 64 - sets_log2_many;
    sets_ = many_.as<Set>();
    // The pair's hash is not known here any more: it is one of these sets, and this once it may be another.
    set_ = sets_ + (set << (sets_log2_many - sets_log2_few));
    return set_->asked;
  }

  ReservedMemory few_, many_;
  unsigned shift_ = 64 - sets_log2_few;
  Set *sets_, *set_;
  std::uint32_t early_ = 0, early_since_ = 0;  // Gave way early, since that second.
};

}  // namespace tsujiban::pipeline
