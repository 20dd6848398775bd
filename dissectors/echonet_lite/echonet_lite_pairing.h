#pragma once
#include <algorithm>

#include "base/hash.h"
#include "base/prefetch.h"
#include "base/reserved_memory.h"
#include "base/time.h"
#include "dissectors/echonet_lite/echonet_lite_wire.h"
#include "metrics/counters.h"

namespace tsujiban::echonet_lite {

// Outstanding unicast requests of one worker. A pair of hosts has a place of one cache line in one of many small sets,
// and takes further places of its set where it has more requests at a time; what is more than that lies in sets that
// the transaction chooses. So the next request finds the memory of the last one in the cache, which can be fetched
// ahead by the pair alone. 64 bits of hash with the run's seed stand for the pair: no sender can aim at another's
// without the seed. Everything else of a request is compared. A full set gives up its oldest, counted; a request
// without an answer ends after `answer_time_max`.
class PairingTable {
 public:
  static constexpr Duration answer_time_max = Duration::seconds(60);  // AIF v1.01: timer 2 of a request, the longest.
  static constexpr unsigned places_per_set = 8, requests_per_place = 2;
  static constexpr unsigned requests_per_set = places_per_set * requests_per_place;
  static constexpr unsigned spilled_ways = 8;

  // A request as its answer shows it: objects are the request's, whichever message the key is made from.
  struct Key {
    std::uint64_t pair;    // pair_hash_of, never 0.
    bool from_low;         // Who asks is the pair's lower address.
    std::uint8_t service;  // The request's.
    std::uint8_t epc;      // The first one: an answer's order is its request's (Part 2, 3.2.5). 0: none.
    std::uint16_t tid;
    std::uint32_t requester_object, target_object;
  };

  // Holds about `entries` requests (rounded down to a power of two of sets, at least one set).
  PairingTable(std::uint32_t entries, metrics::WorkerCounters& counters);

  void prefetch(std::uint64_t pair) const noexcept { tsujiban::prefetch(set_of(pair).at(0)); }

  // A repeated request keeps the time of the first one that is unanswered: the wait of who asked is what is measured.
  void remember(const Key& request, PacketTime now) noexcept {
    // Mostly the pair is known, and waits for nothing.
    Place& place = *set_of(request.pair).at(0);
    if (place.pair != request.pair || place.further != 0 || place.requests[0].used() || place.requests[1].used())
      return remember_among(request, now);
    place.asked_ms[request.from_low ? 1 : 0] = ms_of(now);
    fill(place.requests[0], request, now);
  }

  // True with the time since the request; it is then forgotten, unless it was for all instances, each of which answers.
  // Among several requests that fit, one that asked for the same first property wins, then one for the very instance.
  bool take(const Key& answer, PacketTime now, Duration& latency) noexcept {
    // Mostly what was asked is answered to the letter. There is one such request at most, since a repeated one is not
    // kept, and no other fits as well.
    Place& place = *set_of(answer.pair).at(0);
    if (place.pair != answer.pair) return take_among(answer, now, latency);
    for (Request& one : place.requests) {
      if (!same_but_target(one, answer) || one.target != answer.target_object || one.epc != answer.epc ||
          is_all_instances(one.target) || now - one.time() > answer_time_max)
        continue;
      latency = now - one.time();
      one.requester = 0;
      return true;
    }
    return take_among(answer, now, latency);
  }

  // Whether a request of the answer's pair, whatever it asked, was remembered within `answer_time_max`: then the pair
  // talks, and only this answer is unexplained. A pair that was given up for lack of room counts as silent.
  bool pair_asks(const Key& answer, PacketTime now) const noexcept;

 private:
  struct Request {
    std::uint32_t time_low, time_high;  // Nanoseconds, in halves, so that a request has 20 bytes.
    std::uint32_t requester;            // Object; above it whether it is in use, and who asks.
    std::uint32_t target;
    std::uint16_t tid;
    std::uint8_t service, epc;

    bool used() const noexcept { return (requester & in_use) != 0; }
    PacketTime time() const noexcept { return {static_cast<std::int64_t>(std::uint64_t{time_high} << 32 | time_low)}; }
  };
  static_assert(sizeof(Request) == 20);
  struct alignas(64) Place {
    std::uint64_t pair;         // 0: free.
    std::uint32_t asked_ms[2];  // When each end asked last, in a pair's first place; 0: it did not. Wraps.
    Request requests[requests_per_place];
    std::uint32_t further;  // In a pair's first place: how many others it took. Mostly none, and none is looked for.
  };
  static_assert(sizeof(Place) == 64);
  struct Spilled {
    std::uint64_t hash;  // Of pair and transaction.
    Request request;
  };
  static_assert(sizeof(Spilled) == 32);
  static constexpr std::uint32_t in_use = 1u << 31, by_low = 1u << 30;

  void remember_among(const Key& request, PacketTime now) noexcept;
  bool take_among(const Key& answer, PacketTime now, Duration& latency) noexcept;
  static std::uint32_t ms_of(PacketTime time) noexcept {
    return std::max(1u, static_cast<std::uint32_t>(time.ns / 1'000'000));
  }
  // How long ago one of the two asked; the largest where neither did.
  static std::uint32_t silent_ms(const Place& place, std::uint32_t now_ms) noexcept {
    std::uint32_t least = UINT32_MAX;
    for (const std::uint32_t ms : place.asked_ms) least = std::min(least, ms != 0 ? now_ms - ms : UINT32_MAX);
    return least;
  }
  static constexpr std::uint32_t talks_ms = static_cast<std::uint32_t>(answer_time_max.ns / 1'000'000);
  static std::uint32_t requester_of(const Key& key) noexcept {
    return key.requester_object | in_use | (key.from_low ? by_low : 0);
  }
  static bool same_but_target(const Request& request, const Key& key) noexcept {
    return request.requester == requester_of(key) && request.tid == key.tid && request.service == key.service;
  }
  // The places that a pair may have, its home first: most sets have one pair, and most pairs are at home.
  struct Set {
    Place* first;
    unsigned home;
    Place* at(unsigned i) const noexcept { return first + (home + i) % places_per_set; }
  };
  Set set_of(std::uint64_t pair) const noexcept {
    const auto hash = static_cast<std::uint32_t>(pair >> 32);
    return {places_.as<Place>() + std::size_t{hash / places_per_set & set_mask_} * places_per_set,
            hash % places_per_set};
  }
  Place* place_of(std::uint64_t pair) const noexcept;
  // Calls `visit` for each request of the pair whose first place this is, until it returns true.
  template <class Visit>
  void each_request(Place* first, Visit&& visit) const noexcept {
    for (Request& one : first->requests) {
      if (visit(*first, one)) return;
    }
    if (first->further == 0) return;
    const Set set = set_of(first->pair);
    for (unsigned i = 0; i < places_per_set; ++i) {
      Place* const place = set.at(i);
      if (place == first || place->pair != first->pair) continue;
      for (Request& one : place->requests) {
        if (visit(*place, one)) return;
      }
    }
  }
  Place* first_place_of(std::uint64_t pair, PacketTime now) noexcept;
  Place* further_place(Place* first, PacketTime now) noexcept;
  void give_up(Place& place, PacketTime now) noexcept;
  static std::uint64_t spill_hash_of(const Key& key) noexcept;
  Spilled* spill_set_of(std::uint64_t hash) const noexcept {
    return spilled_.as<Spilled>() + (hash & spill_mask_) * spilled_ways;
  }
  Request* spill_place(const Key& request, PacketTime now) noexcept;
  static void fill(Request& place, const Key& request, PacketTime now) noexcept {
    const auto ns = static_cast<std::uint64_t>(now.ns);
    place = {static_cast<std::uint32_t>(ns),
             static_cast<std::uint32_t>(ns >> 32),
             requester_of(request),
             request.target_object,
             request.tid,
             request.service,
             request.epc};
  }
  // How well a request fits an answer: 0 not at all. One that has run out of time is taken out.
  static unsigned score_of(Request& one, const Key& answer, PacketTime now) noexcept;

  std::uint32_t set_mask_, spill_mask_;
  ReservedMemory places_, spilled_;
  std::int64_t spilled_until_ns_ = INT64_MIN;  // Until then answers are looked for there, too.
  metrics::WorkerCounters& counters_;
};

}  // namespace tsujiban::echonet_lite
