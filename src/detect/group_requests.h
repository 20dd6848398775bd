#pragma once
#include "base/bounded_map.h"
#include "detect/site_keys.h"
#include "model/fact.h"

namespace tsujiban::detect {

// Requests to groups, which explain answers from hosts that nobody asked by address. Bounded; the oldest gives way.
class GroupRequests {
 public:
  static constexpr std::uint32_t requests_max = 1u << 15;
  static constexpr Duration answer_time_max = Duration::seconds(60);  // As the pairing of single requests.

  explicit GroupRequests(HashSeed seed) : requests_(requests_max, seed) {}
  void request(const Fact& fact) noexcept {
    requests_.value(requests_.use(key_of(fact, fact.source, fact.exchange.destination_object)).index) = fact.time;
  }
  bool explains(const Fact& response) const noexcept {
    const std::uint32_t i = requests_.find(key_of(response, response.destination, response.exchange.source_object));
    return i != 0 && response.time - requests_.value(i) <= answer_time_max;
  }
  std::uint64_t evictions() const noexcept { return requests_.evictions(); }
  void take_over(GroupRequests& from) noexcept { requests_.take_over(from.requests_); }

 private:
  // Without the instance: a request to all of them is answered by each.
  struct Key {
    HostKey requester;
    std::uint32_t object_class = 0;
    std::uint16_t transaction = 0;
    std::uint8_t service = 0;
    std::uint64_t hash(HashSeed seed) const noexcept {
      return hash_words(seed, requester.hash(seed),
                        std::uint64_t{object_class} << 32 | std::uint32_t{transaction} << 8 | service);
    }
    bool operator==(const Key&) const noexcept = default;
  };
  static Key key_of(const Fact& fact, const IpAddress& requester, std::uint32_t object) noexcept {
    return {{fact.segment, requester}, object >> 8, fact.exchange.transaction, fact.exchange.service};
  }
  BoundedMap<Key, PacketTime> requests_;
};

// ECHONET Lite words that the detectors share (Part 2, 3.2.4).
inline constexpr std::uint32_t node_profile_class = 0x0ef0;
inline constexpr std::uint8_t service_get = 0x62, service_inf_request = 0x63;

}  // namespace tsujiban::detect
