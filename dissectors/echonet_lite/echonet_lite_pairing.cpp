#include "dissectors/echonet_lite/echonet_lite_pairing.h"

#include <algorithm>
#include <bit>

#include "dissectors/echonet_lite/echonet_lite_wire.h"

namespace tsujiban::echonet_lite {
namespace {

std::uint32_t coarse(PacketTime time) noexcept { return static_cast<std::uint32_t>(time.ns >> 20); }

bool same_but_target(const PairingTable::Key& a, const PairingTable::Key& b) noexcept {
  return a.tid == b.tid && a.requester_object == b.requester_object && a.request_service == b.request_service &&
         a.requester == b.requester && a.responder == b.responder && a.segment == b.segment;
}

}  // namespace

PairingTable::PairingTable(std::uint32_t entries, HashSeed seed, metrics::WorkerCounters& counters)
    : seed_(seed),
      set_mask_(std::max(1u, std::bit_floor(entries) / ways) - 1),
      pair_mask_(std::max(1u, std::bit_floor(entries) / entries_per_pair / pair_ways) - 1),
      heads_((std::size_t{set_mask_} + 1) * sizeof(Head), true),
      entries_((std::size_t{set_mask_} + 1) * ways * sizeof(Entry), true),
      pairs_((std::size_t{pair_mask_} + 1) * sizeof(PairSet), true),
      counters_(counters) {}

std::uint64_t PairingTable::pair_hash_of(const Key& key) const noexcept {
  const std::uint64_t low = hash_mix(key.requester.low ^ seed_.a, key.responder.low ^ seed_.b);
  const std::uint64_t high = hash_mix(key.requester.high ^ seed_.b, key.responder.high ^ seed_.a);
  return hash_mix(low ^ seed_.b, high ^ key.segment.raw());
}

// Without the target's instance, so that a request to all instances is found from the answer of each; without EPC, so
// that the choice among requests that differ in it lies in one set.
std::uint64_t PairingTable::hash_of(const Key& key, std::uint64_t pair_hash) const noexcept {
  const std::uint64_t words = std::uint64_t{key.requester_object} << 40 | std::uint64_t{key.tid} << 24 |
                              (key.target_object & 0xFFFF00u) | key.request_service;
  // Twice: after one product, transactions that count up fall into few sets under some seeds.
  return hash_mix(hash_mix(pair_hash ^ seed_.a, words ^ seed_.b) ^ seed_.b, seed_.a);
}

void PairingTable::remember_pair(std::uint64_t pair_hash, PacketTime now) noexcept {
  PairSet& set = pairs_.as<PairSet>()[pair_set_of(pair_hash)];
  const std::uint64_t pair = pair_hash | 1;
  unsigned oldest = 0;
  for (unsigned i = 0; i < pair_ways; ++i) {
    if (set.pair[i] == pair) {
      set.time[i] = now;
      return;
    }
    if (set.pair[oldest] != 0 && (set.pair[i] == 0 || set.time[i] < set.time[oldest])) oldest = i;
  }
  if (set.pair[oldest] != 0 && now - set.time[oldest] <= answer_time_max)
    counters_.evicted(metrics::EvictionReason::pairing_table);
  set.pair[oldest] = pair;
  set.time[oldest] = now;
}

bool PairingTable::pair_asks(const Key& answer, PacketTime now) const noexcept {
  const std::uint64_t pair_hash = pair_hash_of(answer);
  const PairSet& set = pairs_.as<PairSet>()[pair_set_of(pair_hash)];
  for (unsigned i = 0; i < pair_ways; ++i) {
    if (set.pair[i] == (pair_hash | 1)) return now - set.time[i] <= answer_time_max;
  }
  return false;
}

void PairingTable::remember(const Key& request, PacketTime now) noexcept {
  const std::uint64_t pair_hash = pair_hash_of(request), hash = hash_of(request, pair_hash);
  remember_pair(pair_hash, now);
  const std::uint32_t set = static_cast<std::uint32_t>(hash) & set_mask_,
                      tag = static_cast<std::uint32_t>(hash >> 32) | 1;
  Head& head = heads_.as<Head>()[set];
  Entry* const entries = entries_.as<Entry>() + std::size_t{set} * ways;
  const std::uint32_t stamp = coarse(now);
  unsigned place = ways, oldest = 0;
  for (unsigned i = 0; i < ways; ++i) {
    if (head.tag[i] == tag && same_but_target(entries[i].key, request) &&
        entries[i].key.target_object == request.target_object && entries[i].key.epc == request.epc) {
      if (now - entries[i].time <= answer_time_max) return;
      place = i;
      break;
    }
    if (head.tag[i] == 0) {
      if (place == ways) place = i;
    } else if (stamp - head.when[i] > stamp - head.when[oldest]) {
      oldest = i;
    }
  }
  if (place == ways) {
    place = oldest;
    // One that has run out of time is no loss.
    if (now - entries[place].time <= answer_time_max) counters_.evicted(metrics::EvictionReason::pairing_table);
  }
  head.tag[place] = tag;
  head.when[place] = stamp;
  entries[place] = {request, now};
}

bool PairingTable::take(const Key& answer, PacketTime now, Duration& latency) noexcept {
  const std::uint64_t hash = hash_of(answer, pair_hash_of(answer));
  const std::uint32_t set = static_cast<std::uint32_t>(hash) & set_mask_,
                      tag = static_cast<std::uint32_t>(hash >> 32) | 1;
  Head& head = heads_.as<Head>()[set];
  const Entry* const entries = entries_.as<Entry>() + std::size_t{set} * ways;
  unsigned best = ways, best_score = 0;
  for (unsigned i = 0; i < ways; ++i) {
    if (head.tag[i] != tag) continue;
    const Entry& entry = entries[i];
    const bool exact = entry.key.target_object == answer.target_object;
    const bool all = is_all_instances(entry.key.target_object) &&
                     class_of(entry.key.target_object) == class_of(answer.target_object);
    if (!(exact || all) || !same_but_target(entry.key, answer)) continue;
    if (now - entry.time > answer_time_max) {
      head.tag[i] = 0;
      continue;
    }
    const unsigned score = 1 + (entry.key.epc == answer.epc ? 2u : 0u) + (exact ? 1u : 0u);
    if (score > best_score || (score == best_score && entry.time < entries[best].time)) {
      best = i;
      best_score = score;
    }
  }
  if (best == ways) return false;
  latency = now - entries[best].time;
  if (!is_all_instances(entries[best].key.target_object)) head.tag[best] = 0;
  return true;
}

}  // namespace tsujiban::echonet_lite
