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

  void prefetch(const Key& key) const noexcept {
    const std::uint32_t set = static_cast<std::uint32_t>(hash_of(key)) & set_mask_;
    tsujiban::prefetch(heads_.as<Head>() + set);
    tsujiban::prefetch(entries_.as<Entry>() +
                       std::size_t{set} * ways);  // The way that is used first, and mostly alone.
  }

  // A repeated request keeps the time of the first one that is unanswered: the wait of who asked is what is measured.
  void remember(const Key& request, PacketTime now) noexcept;

  // True with the time since the request; it is then forgotten, unless it was for all instances, each of which answers.
  // Among several requests that fit, one that asked for the same first property wins, then one for the very instance.
  bool take(const Key& answer, PacketTime now, Duration& latency) noexcept;

 private:
  struct alignas(64) Head {    // Of one set: what a look-up needs first, in one cache line.
    std::uint32_t tag[ways];   // Upper hash bits, never 0 when in use.
    std::uint32_t when[ways];  // Coarse time of the request (2^20 ns), for choosing the oldest.
  };
  struct alignas(64) Entry {
    Key key;
    PacketTime time;
  };
  static_assert(sizeof(Entry) == 64);

  std::uint64_t hash_of(const Key& key) const noexcept;

  HashSeed seed_;
  std::uint32_t set_mask_;
  ReservedMemory heads_, entries_;
  metrics::WorkerCounters& counters_;
};

}  // namespace tsujiban::echonet_lite
