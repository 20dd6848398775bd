#pragma once
#include <memory>
#include <string>
#include <vector>

#include "base/large_vector.h"
#include "config/indicators.h"
#include "model/fact.h"
#include "policy/local_clock.h"
#include "policy/prefix_table.h"

namespace tsujiban::policy {

// The indicators of a configuration, found by what facts carry. Built once, immutable, shared; a search allocates
// nothing. Each gives an indicator's number, its index in the lists + 1, or 0; one that is expired at `now` is none.
//
// Slots hold 64 keyed bits of the value, so that a search rarely looks further than one; where the fact carries the
// whole value it is compared whole, else (URLs, JA3, certificates) the bits that the fact has.
class IndicatorList {
 public:
  using Kind = config::IndicatorKind;
  IndicatorList(std::shared_ptr<const config::Config> config, const LocalClock& clock, HashSeed seed);

  // The address itself, else the longest prefix that has it.
  std::uint32_t find_address(const IpAddress& address, PacketTime now) const noexcept;
  // The name itself, else the longest of the domains that it is below of. A name of which only the end is known is
  // found whole by its hash.
  std::uint32_t find_name(const DomainName& name, PacketTime now) const noexcept;
  // A whole name of which only DomainName::hash is known.
  std::uint32_t find_name_hash(std::uint64_t hash, PacketTime now) const noexcept;
  std::uint32_t find_url(std::uint64_t url_hash, PacketTime now) const noexcept;
  std::uint32_t find_ja3(std::uint64_t ja3_hash, PacketTime now) const noexcept;
  std::uint32_t find_ja4(const std::array<char, 36>& ja4, PacketTime now) const noexcept;
  // By the first 8 bytes of either digest; 0: unseen.
  std::uint32_t find_certificate(std::uint64_t sha1, std::uint64_t sha256, PacketTime now) const noexcept;
  // Fetches the slot that `find_address` looks at first.
  void prefetch_address(const IpAddress& address) const noexcept {
    if (!slots_.empty()) prefetch_read(&slots_[place_of(key_of_address(address))]);
  }

  std::size_t size() const noexcept { return lists_->indicators.size(); }  // Numbers are 1 to it.
  const config::Indicator& indicator(std::uint32_t number) const noexcept { return lists_->indicators[number - 1]; }
  // "domain evil.example of FILE:12, source FEED", cut to `max` - 1 bytes and terminated.
  void explain(std::uint32_t number, char* to, std::size_t max) const noexcept;
  std::size_t memory_bytes() const noexcept { return slots_.capacity() * sizeof(Slot) + lists_->memory_bytes(); }

 private:
  // 64 bits of the value and which indicator it is, in 12 bytes.
  struct Slot {
    std::uint32_t key_high = 0, key_low = 0;
    std::uint32_t number = 0;  // 0: the slot is empty.
  };
  std::size_t place_of(std::uint64_t key) const noexcept {
    __extension__ using Wide = unsigned __int128;
    return static_cast<std::size_t>(static_cast<Wide>(key) * slots_.size() >> 64);
  }
  std::uint64_t key_of(Kind kind, std::uint64_t value) const noexcept {
    return hash_words(seed_, value, static_cast<std::uint64_t>(kind));
  }
  std::uint64_t key_of_address(const IpAddress& address) const noexcept {
    return hash_words(seed_, address.high ^ static_cast<std::uint64_t>(Kind::address), address.low);
  }
  std::uint64_t key_of(const config::Indicator& indicator) const noexcept;
  template <class Same>
  std::uint32_t find(Kind kind, std::uint64_t key, PacketTime now, Same&& same) const noexcept;
  bool holds(const config::Indicator& indicator, PacketTime now) const noexcept;

  std::shared_ptr<const config::Config> config_;
  std::shared_ptr<const config::IndicatorLists> lists_;
  LocalClock clock_;
  HashSeed seed_;
  LargeVector<Slot> slots_;
  PrefixTable prefixes_;
  std::uint32_t labels_max_ = 0;  // Of a domain; longer endings of a name need no search.
};

}  // namespace tsujiban::policy
