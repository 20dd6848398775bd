#pragma once
#include <optional>
#include <vector>

#include "base/hash.h"
#include "model/fact.h"

namespace tsujiban::pipeline {

// Requests sent to a multicast group, so that the answers, which come from other address pairs and so from other
// workers, get their response time. Fixed size, four to a set, the oldest giving way; a request is answered by many, so
// it stays for `lifetime`.
class ExchangeTable {
 public:
  static constexpr Duration lifetime = Duration::seconds(60);
  static constexpr std::size_t sets = 4096, ways = 4;

  explicit ExchangeTable(HashSeed seed) : seed_(seed), entries_(sets * ways) {}

  void request(const Fact& fact) noexcept {
    Entry* set = set_of(fact.segment, fact.source, fact.exchange.transaction);
    Entry* place = set;
    for (std::size_t i = 0; i < ways; ++i) {
      if (!set[i].used) {
        place = &set[i];
        break;
      }
      if (set[i].time < place->time) place = &set[i];
    }
    *place = {fact.segment, fact.source, fact.exchange, fact.time, true};
  }

  // `answer.service` is the request's service; the answer's objects are the request's exchanged, an instance 0 standing
  // for all.
  std::optional<Duration> answer(SegmentKey segment, const IpAddress& requester, const Exchange& answer,
                                 PacketTime now) noexcept {
    const Entry* set = set_of(segment, requester, answer.transaction);
    const Entry* found = nullptr;
    for (std::size_t i = 0; i < ways; ++i) {
      const Entry& e = set[i];
      if (!e.used || e.segment != segment || e.requester != requester || e.exchange.transaction != answer.transaction ||
          e.exchange.service != answer.service || now < e.time || now - e.time > lifetime) {
        continue;
      }
      const auto same = [](std::uint32_t asked, std::uint32_t answered) {
        return asked == answered || (asked & 0xff) == 0 ? asked >> 8 == answered >> 8 : false;
      };
      if (!same(e.exchange.destination_object, answer.source_object) ||
          !same(e.exchange.source_object, answer.destination_object))
        continue;
      if (found == nullptr || e.time > found->time) found = &e;
    }
    if (found == nullptr) return std::nullopt;
    return now - found->time;
  }

 private:
  struct Entry {
    SegmentKey segment;
    IpAddress requester;
    Exchange exchange{};
    PacketTime time{};
    bool used = false;
  };
  Entry* set_of(SegmentKey segment, const IpAddress& requester, std::uint16_t transaction) noexcept {
    const std::uint64_t hash =
        hash_mix(hash_words(seed_, requester.high, requester.low), hash_words(seed_, segment.raw(), transaction));
    return &entries_[hash % sets * ways];
  }

  HashSeed seed_;
  std::vector<Entry> entries_;
};

}  // namespace tsujiban::pipeline
