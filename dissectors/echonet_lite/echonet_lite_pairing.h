#pragma once
#include "base/hash.h"
#include "base/prefetch.h"
#include "base/reserved_memory.h"
#include "base/time.h"
#include "metrics/counters.h"
#include "model/address.h"
#include "model/segment_key.h"

namespace tsujiban::echonet_lite {

// Outstanding unicast requests of one worker: a set-associative table of fixed size. The whole key is compared; a hash
// only says where to look. A full set gives up its oldest request, counted; a request without an answer ends after
// `answer_time_max`.
class PairingTable {
 public:
  static constexpr Duration answer_time_max = Duration::seconds(60);  // AIF v1.01: timer 2 of a request, the longest.
  static constexpr unsigned ways = 8;

  // A request as its answer shows it: objects are the request's, whichever message the key is made from.
  struct Key {
    SegmentKey segment;
    IpAddress requester, responder;
    std::uint32_t requester_object, target_object;
    std::uint16_t tid;
    std::uint8_t request_service;
    std::uint8_t epc;  // The first one: the order of an answer is that of its request (Part 2, 3.2.5). 0: none.
  };

  // Holds at most `entries` (rounded down to a power of two, at least one set).
  PairingTable(std::uint32_t entries, HashSeed seed, metrics::WorkerCounters& counters);

  void prefetch(const Key& key, bool is_request) const noexcept {
    const std::uint32_t set = static_cast<std::uint32_t>(hash_of(key, pair_hash_of(key))) & set_mask_;
    tsujiban::prefetch(heads_.as<Head>() + set);
    if (is_request) tsujiban::prefetch(pairs_.as<PairSet>() + pair_set_of(pair_hash_of(key)));
    tsujiban::prefetch(entries_.as<Entry>() +
                       std::size_t{set} * ways);  // The way that is used first, and mostly alone.
  }

  // A repeated request keeps the time of the first one that is unanswered: the wait of who asked is what is measured.
  void remember(const Key& request, PacketTime now) noexcept;

  // True with the time since the request; it is then forgotten, unless it was for all instances, each of which answers.
  // Among several requests that fit, one that asked for the same first property wins, then one for the very instance.
  bool take(const Key& answer, PacketTime now, Duration& latency) noexcept;

  // Whether a request of the answer's pair, whatever it asked, was remembered within `answer_time_max`: then the pair
  // talks, and only this answer is unexplained. A pair that was given up for lack of room counts as silent.
  bool pair_asks(const Key& answer, PacketTime now) const noexcept;

 private:
  static constexpr unsigned pair_ways = 4, entries_per_pair = 1;
  struct alignas(64) Head {    // Of one set: what a look-up needs first, in one cache line.
    std::uint32_t tag[ways];   // Upper hash bits, never 0 when in use.
    std::uint32_t when[ways];  // Coarse time of the request (2^20 ns), for choosing the oldest.
  };
  struct alignas(64) Entry {
    Key key;
    PacketTime time;
  };
  static_assert(sizeof(Entry) == 64);

  // Pairs that ask: 64 bits of hash stand for the pair, which no sender can aim at without the seed.
  struct alignas(64) PairSet {
    std::uint64_t pair[pair_ways];  // 0: free.
    PacketTime time[pair_ways];     // Of its last request.
  };
  static_assert(sizeof(PairSet) == 64);

  std::uint64_t pair_hash_of(const Key& key) const noexcept;
  std::uint64_t hash_of(const Key& key, std::uint64_t pair_hash) const noexcept;
  std::uint32_t pair_set_of(std::uint64_t pair_hash) const noexcept {
    return static_cast<std::uint32_t>(pair_hash >> 32) & pair_mask_;
  }
  void remember_pair(std::uint64_t pair_hash, PacketTime now) noexcept;

  HashSeed seed_;
  std::uint32_t set_mask_, pair_mask_;
  ReservedMemory heads_, entries_, pairs_;
  metrics::WorkerCounters& counters_;
};

}  // namespace tsujiban::echonet_lite
