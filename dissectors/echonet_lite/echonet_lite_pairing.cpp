#include "dissectors/echonet_lite/echonet_lite_pairing.h"

#include <algorithm>
#include <bit>

#include "dissectors/echonet_lite/echonet_lite_wire.h"

namespace tsujiban::echonet_lite {

PairingTable::PairingTable(std::uint32_t entries, metrics::WorkerCounters& counters)
    : set_mask_(std::max(1u, std::bit_floor(std::max(1u, entries / requests_per_set))) - 1),
      spill_mask_(std::max(1u, std::bit_floor(std::max(1u, entries / spilled_ways))) - 1),
      places_((std::size_t{set_mask_} + 1) * places_per_set * sizeof(Place), ReservedMemory::Pages::large),
      spilled_((std::size_t{spill_mask_} + 1) * spilled_ways * sizeof(Spilled)),
      counters_(counters) {}

// A pair's first place is the first one with its hash behind its home; none lies behind a free one.
PairingTable::Place* PairingTable::place_of(std::uint64_t pair) const noexcept {
  const Set set = set_of(pair);
  for (unsigned i = 0; i < places_per_set; ++i) {
    Place* const place = set.at(i);
    if (place->pair == pair) return place;
    if (place->pair == 0) break;
  }
  return nullptr;
}

void PairingTable::give_up(Place& place, PacketTime now) noexcept {
  for (const Request& request : place.requests) {
    // One that has run out of time is no loss.
    if (request.used() && now - request.time() <= answer_time_max)
      counters_.evicted(metrics::EvictionReason::pairing_table);
  }
  place = Place{};
}

// The pair's place, made where there is none: the one whose pair asked longest ago gives way.
PairingTable::Place* PairingTable::first_place_of(std::uint64_t pair, PacketTime now) noexcept {
  const Set set = set_of(pair);
  const std::uint32_t now_ms = ms_of(now);
  Place* chosen = nullptr;
  std::uint32_t longest = 0;
  for (unsigned i = 0; i < places_per_set; ++i) {
    Place* const place = set.at(i);
    if (place->pair == pair) return place;
    if (place->pair == 0) {
      chosen = place;
      break;
    }
    const std::uint32_t silent = silent_ms(*place, now_ms);
    if (chosen == nullptr || silent > longest) chosen = place, longest = silent;
  }
  if (chosen->pair != 0) give_up(*chosen, now);
  chosen->pair = pair;
  return chosen;
}

// One more place for a pair whose others are full, behind its first one; null where those belong to pairs that still
// talk.
PairingTable::Place* PairingTable::further_place(Place* first, PacketTime now) noexcept {
  const Set set = set_of(first->pair);
  bool behind = false;
  for (unsigned i = 0; i < places_per_set; ++i) {
    Place* const place = set.at(i);
    if (place == first) behind = true;
    if (!behind || place->pair == first->pair) continue;
    if (place->pair != 0 && silent_ms(*place, ms_of(now)) <= talks_ms) continue;
    give_up(*place, now);
    place->pair = first->pair;
    ++first->further;
    return place;
  }
  return nullptr;
}

// The pair's own bits decide with those of the transaction: nobody else's requests can be aimed at.
std::uint64_t PairingTable::spill_hash_of(const Key& key) noexcept {
  const std::uint64_t transaction = std::uint64_t{key.requester_object} << 40 | std::uint64_t{key.tid} << 24 |
                                    (key.target_object & 0xFFFF00u) | key.service;
  return hash_mix(key.pair, hash_mix(key.pair ^ 0x9e3779b97f4a7c15, transaction ^ std::rotl(key.pair, 32)));
}

// Where the pair's places are all taken. Null where the same request waits there already.
PairingTable::Request* PairingTable::spill_place(const Key& request, PacketTime now) noexcept {
  const std::uint64_t hash = spill_hash_of(request);
  Spilled* const set = spill_set_of(hash);
  Spilled* chosen = nullptr;
  bool is_free = false;
  for (unsigned i = 0; i < spilled_ways; ++i) {
    Request& one = set[i].request;
    const bool over = !one.used() || now - one.time() > answer_time_max;
    if (!over && set[i].hash == hash && same_but_target(one, request) && one.target == request.target_object &&
        one.epc == request.epc)
      return nullptr;
    if (over && !is_free) {
      chosen = set + i;
      is_free = true;
    } else if (!is_free && (chosen == nullptr || one.time() < chosen->request.time())) {
      chosen = set + i;
    }
  }
  if (!is_free) counters_.evicted(metrics::EvictionReason::pairing_table);
  spilled_until_ns_ = std::max(spilled_until_ns_, (now + answer_time_max).ns);
  chosen->hash = hash;
  return &chosen->request;
}

void PairingTable::remember_among(const Key& request, PacketTime now) noexcept {
  Place* const first = first_place_of(request.pair, now);
  const auto asks_now = [&](Place& place) { place.asked_ms[request.from_low ? 1 : 0] = ms_of(now); };
  asks_now(*first);
  Request* free = nullptr;
  bool repeated = false;
  each_request(first, [&](Place& place, Request& one) {
    asks_now(place);  // Further places live as long as the first one.
    const bool over = !one.used() || now - one.time() > answer_time_max;
    repeated = !over && same_but_target(one, request) && one.target == request.target_object && one.epc == request.epc;
    if (over && free == nullptr) free = &one;
    return repeated;
  });
  if (repeated) return;
  if (free == nullptr) {
    if (Place* const further = further_place(first, now); further != nullptr) {
      asks_now(*further);
      free = further->requests;
    } else {
      free = spill_place(request, now);
    }
  }
  if (free != nullptr) fill(*free, request, now);
}

unsigned PairingTable::score_of(Request& one, const Key& answer, PacketTime now) noexcept {
  if (!same_but_target(one, answer)) return 0;
  const bool exact = one.target == answer.target_object;
  const bool all = is_all_instances(one.target) && class_of(one.target) == class_of(answer.target_object);
  if (!exact && !all) return 0;
  if (now - one.time() > answer_time_max) {
    one.requester = 0;
    return 0;
  }
  return 1 + (one.epc == answer.epc ? 2u : 0u) + (exact ? 1u : 0u);
}

bool PairingTable::take_among(const Key& answer, PacketTime now, Duration& latency) noexcept {
  constexpr unsigned score_max = 4;
  Place* const first = place_of(answer.pair);
  if (first == nullptr) return false;
  Request* best = nullptr;
  unsigned best_score = 0;
  const auto weigh = [&](Request& one) {
    const unsigned score = score_of(one, answer, now);
    if (score == 0 || score < best_score || (score == best_score && !(one.time() < best->time()))) return;
    best = &one;
    best_score = score;
  };
  each_request(first, [&](Place&, Request& one) {
    weigh(one);
    return false;
  });
  if (best_score < score_max && now.ns <= spilled_until_ns_) {
    const std::uint64_t hash = spill_hash_of(answer);
    Spilled* const set = spill_set_of(hash);
    for (unsigned i = 0; i < spilled_ways; ++i) {
      if (set[i].hash == hash) weigh(set[i].request);
    }
  }
  if (best == nullptr) return false;
  latency = now - best->time();
  if (!is_all_instances(best->target)) best->requester = 0;
  return true;
}

bool PairingTable::pair_asks(const Key& answer, PacketTime now) const noexcept {
  const Place* const place = place_of(answer.pair);
  if (place == nullptr) return false;
  const std::uint32_t asked_ms = place->asked_ms[answer.from_low ? 1 : 0];
  return asked_ms != 0 && ms_of(now) - asked_ms <= talks_ms;
}

}  // namespace tsujiban::echonet_lite
