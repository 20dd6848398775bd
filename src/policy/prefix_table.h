#pragma once
#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "base/fixed_vector.h"
#include "base/hash.h"
#include "base/large_vector.h"
#include "base/prefetch.h"
#include "model/address.h"

namespace tsujiban::policy {

// The address with every bit beyond `length` zero; for IPv4 `length` counts from the embedded address.
constexpr IpAddress masked(const IpAddress& address, unsigned length) noexcept {
  const unsigned bits = address.is_v4() ? length + 96 : length;
  if (bits == 0) return {};
  if (bits <= 64) return {address.high & ~std::uint64_t{0} << (64 - bits), 0};
  return {address.high, address.low & ~std::uint64_t{0} << (128 - bits)};
}

// Prefixes, each within a scope (a link, or 0), to numbers other than 0. Built once; a lookup costs one probe for each
// different length that the table has for the family (at most 33 or 129, in practice one to three) and allocates
// nothing.
class PrefixTable {
 public:
  struct Row {
    std::uint64_t scope = 0;
    IpPrefix prefix;
    std::uint32_t value = 0;
  };

  PrefixTable() = default;
  // Of rows with the same scope and prefix the first holds.
  PrefixTable(const std::vector<Row>& rows, HashSeed seed);
  // All of scope 0; the value is `first_value` and the place in the list. Needs no rows, which a million are 40 MB of.
  PrefixTable(std::span<const IpPrefix> prefixes, std::uint32_t first_value, HashSeed seed);

  // The value of the longest prefix that contains the address, 0 when none does; `length` is set with it.
  std::uint32_t longest(std::uint64_t scope, const IpAddress& address, std::uint8_t& length) const noexcept {
    for (const std::uint8_t candidate : lengths_[address.is_v4() ? 1 : 0]) {
      if (const std::uint32_t value = find(scope, address, candidate); value != 0) {
        length = candidate;
        return value;
      }
    }
    return 0;
  }
  std::uint32_t longest(std::uint64_t scope, const IpAddress& address) const noexcept {
    std::uint8_t length = 0;
    return longest(scope, address, length);
  }
  // Fetches what `longest` of this address looks at first, which where hosts are listed is mostly the last, too.
  void prefetch(std::uint64_t scope, const IpAddress& address) const noexcept {
    const auto& lengths = lengths_[address.is_v4() ? 1 : 0];
    if (!lengths.empty()) prefetch_read(&slots_[slot_of(scope, masked(address, lengths[0]), lengths[0])]);
  }
  // Calls `each` with the value of every prefix that contains the address, the longest first.
  template <class Each>
  void for_each(std::uint64_t scope, const IpAddress& address, Each&& each) const noexcept {
    // A large table is not in the cache: its lines are fetched at once and not one after the other.
    if (lengths_[address.is_v4() ? 1 : 0].size() > 1) {
      for (const std::uint8_t candidate : lengths_[address.is_v4() ? 1 : 0])
        prefetch_read(&slots_[slot_of(scope, masked(address, candidate), candidate)]);
    }
    for (const std::uint8_t candidate : lengths_[address.is_v4() ? 1 : 0]) {
      if (const std::uint32_t value = find(scope, address, candidate); value != 0) each(value);
    }
  }
  // The value of exactly this prefix; 0: it is not there.
  std::uint32_t exactly(std::uint64_t scope, const IpPrefix& prefix) const noexcept {
    return find(scope, prefix.address, prefix.length);
  }
  static constexpr std::size_t lengths_max = 129;

 private:
  struct Slot {
    std::uint64_t scope = 0;
    IpAddress address;
    std::uint32_t value = 0;  // 0: the slot is empty.
    std::uint8_t length = 0;
  };

  using HasLength = std::array<std::array<bool, lengths_max>, 2>;
  void reserve(std::size_t rows);
  void add(const Row& row, HasLength& has_length) noexcept;
  void set_lengths(const HasLength& has_length) noexcept;
  std::size_t slot_of(std::uint64_t scope, const IpAddress& address, std::uint8_t length) const noexcept {
    const std::uint64_t first = hash_words(seed_, address.high ^ scope, address.low);
    return static_cast<std::size_t>(hash_mix(first ^ length, scope ^ seed_.b)) & mask_;
  }
  std::uint32_t find(std::uint64_t scope, const IpAddress& address, std::uint8_t length) const noexcept {
    const IpAddress key = masked(address, length);
    // The table is at most half full, so an empty slot ends every search.
    for (std::size_t i = slot_of(scope, key, length);; i = (i + 1) & mask_) {
      const Slot& slot = slots_[i];
      if (slot.value == 0) return 0;
      if (slot.address == key && slot.scope == scope && slot.length == length &&
          slot.address.is_v4() == address.is_v4())
        return slot.value;
    }
  }

  HashSeed seed_;
  std::size_t mask_ = 0;
  LargeVector<Slot> slots_ = LargeVector<Slot>(1);
  FixedVector<std::uint8_t, lengths_max> lengths_[2];  // Of IPv6 and IPv4, the longest first.
};

}  // namespace tsujiban::policy
