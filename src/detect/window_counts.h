#pragma once
#include <algorithm>
#include <array>

#include "base/bounded_map.h"
#include "base/time.h"
#include "model/address.h"

namespace tsujiban::detect {

// Whether `limit` things happened within a window: the times of the latest ones. Exact up to `times_max` things; of a
// larger limit every so-many-th is remembered, so that the answer may come that many things late.
class RecentTimes {
 public:
  static constexpr std::uint32_t times_max = 16;

  // One thing more at `now`; true where this and the ones before it within `window` are at least `limit`.
  bool add(PacketTime now, Duration window, std::uint32_t limit) noexcept {
    if (limit <= 1) return true;
    const std::uint32_t step = (limit + times_max - 1) / times_max;
    const std::uint32_t i = count_++;
    if (i % step == 0) times_[i / step % times_max] = now;
    if (i + 1 < limit) return false;
    const std::uint32_t first = (i + 1 - limit + step - 1) / step;
    return now - times_[first % times_max] <= window;
  }
  // Whether times that were noted under one limit say the right thing under another.
  static constexpr bool fits(std::uint32_t limit_before, std::uint32_t limit) noexcept {
    return limit_before == limit || (limit_before <= times_max && limit <= times_max && limit_before > 1);
  }

 private:
  std::array<PacketTime, times_max> times_;
  std::uint32_t count_;
};

// How many distinct members each group was seen with within the last `window`. A member counts from when it was first
// told, and again only after that has left the window: so it does not matter how often it was told. Bounded: of too
// many members the oldest leaves early, counted.
template <class Group, class Member>
class DistinctWindow {
 public:
  DistinctWindow(std::uint32_t members_max, std::uint32_t groups_max, Duration window, HashSeed seed)
      : window_(window), members_(members_max, seed), groups_(groups_max, seed) {}

  struct Added {
    bool added;           // False: told before within the window.
    std::uint32_t count;  // Of the group, with this one.
  };
  Added add(const Group& group, const Member& member, PacketTime now) noexcept {
    const Added added = add_new(group, member, now);
    return added.added ? added : Added{false, count(group)};
  }
  // The same for whom only a new member's count matters: 0 where it is none.
  Added add_new(const Group& group, const Member& member, PacketTime now) noexcept {
    expire(now);
    const Key key{group, member};
    if (members_.find(key) != 0) return {false, 0};
    if (members_.size() == members_.capacity()) {
      remove_first();
      ++evictions_;
    }
    members_.value(members_.use(key).index) = now;
    return {true, ++groups_.value(groups_.use(group).index)};
  }
  void prefetch(const Group& group, const Member& member, unsigned step) const noexcept {
    members_.prefetch({group, member}, step);
    groups_.prefetch(group, step);
  }
  std::uint32_t count(const Group& group) const noexcept {
    const std::uint32_t index = groups_.find(group);
    return index == 0 ? 0 : groups_.value(index);
  }
  void expire(PacketTime now) noexcept {
    for (std::uint32_t i = members_.first(); i != 0 && now - members_.value(i) > window_; i = members_.first()) {
      remove_first();
    }
  }
  std::uint64_t evictions() const noexcept { return evictions_ + groups_.evictions(); }
  // Goes on with what another one of the same size counted; the window is this one's.
  void take_over(DistinctWindow& from) noexcept {
    members_.take_over(from.members_);
    groups_.take_over(from.groups_);
    evictions_ = from.evictions_;
  }

 private:
  struct Key {
    Group group;
    Member member;
    std::uint64_t hash(HashSeed seed) const noexcept { return hash_words(seed, group.hash(seed), member.hash(seed)); }
    bool operator==(const Key&) const noexcept = default;
  };
  void remove_first() noexcept {
    const std::uint32_t first = members_.first();
    const std::uint32_t group = groups_.find(members_.key(first).group);
    members_.remove(first);
    // A group that had to make place is counted anew, so its older members may be more than it knows of.
    if (group != 0 && --groups_.value(group) == 0) groups_.remove(group);
    // The next ones to go, as the map does with its own lines.
    const std::uint32_t next = members_.first();
    if (next == 0) return;
    groups_.prefetch(members_.key(next).group, 1);
    if (const std::uint32_t after = members_.next(next); after != 0) groups_.prefetch(members_.key(after).group, 0);
  }

  Duration window_;
  BoundedMap<Key, PacketTime> members_;
  BoundedMap<Group, std::uint32_t> groups_;
  std::uint64_t evictions_ = 0;
};

// Under which peer a condition of many peers is told: the one it began with, until nothing was told for `forget`.
class ShownPeer {
 public:
  const IpAddress& show(const IpAddress& peer, PacketTime now, Duration forget) noexcept {
    if (last_.ns == 0 || now - last_ > forget) peer_ = peer;
    last_ = now;
    return peer_;
  }

 private:
  IpAddress peer_;
  PacketTime last_;
};

// A member or group that one or two words tell apart.
struct WordsKey {
  std::uint64_t a = 0, b = 0;
  std::uint64_t hash(HashSeed seed) const noexcept { return hash_words(seed, a, b); }
  bool operator==(const WordsKey&) const noexcept = default;
};

}  // namespace tsujiban::detect
