#pragma once
#include <array>
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "base/large_vector.h"
#include "base/prefetch.h"
#include "policy/inventory.h"

namespace tsujiban::policy {

// Entries of `from` and `to`, found by what they call the two hosts: any, an asset, a role, a segment, a prefix. Built
// once, immutable. A search costs a probe for each pair of (what entries call the one) and (what they call the other)
// whose kinds some entry has together, whatever the number of entries.
class NamePairs {
 public:
  struct EntryEnds {
    std::span<const config::Endpoint> from, to;
  };
  NamePairs() = default;
  NamePairs(const Inventory& inventory, std::size_t entries, const std::function<EntryEnds(std::size_t entry)>& ends_of,
            HashSeed seed);

  // What entries call a host: any, its asset, its role, up to two segments, prefixes of different lengths, and domains.
  struct Name {
    std::uint32_t id;
    std::uint8_t kind_bit;  // Bit per config::Endpoint::Kind.
    bool specific;          // Neither `any` nor a prefix of length 0.
    std::uint8_t to_kinds;  // As `from`: the kinds of `to` that stand beside it in entries.
    std::uint8_t from_kinds;
  };
  static constexpr std::size_t domains_max = 4;  // That one host is known by at a time.
  // On the stack of every judgement, so what is not used is not cleared either.
  class Names {
   public:
    static constexpr std::size_t names_max = 1 + 1 + 1 + 2 + PrefixTable::lengths_max + domains_max + 1;
    void clear() noexcept { size_ = 0; }
    void push(const Name& name) noexcept { names_[size_++] = name; }
    const Name* begin() const noexcept { return names_.data(); }
    const Name* end() const noexcept { return names_.data() + size_; }

   private:
    std::array<Name, names_max> names_;
    std::size_t size_ = 0;
  };
  // Asset and segment are index + 1, 0 for none; `domains` indexes of config::Config::domains, of which the first
  // `domains_max` count.
  void names_of(const Inventory& inventory, const IpAddress& address, std::uint32_t asset, std::uint32_t segment,
                std::span<const std::uint32_t> domains, Names& names) const noexcept;
  // As if the host were also known by every domain that stands in an entry.
  void add_every_domain(Names& names) const noexcept;

  // Calls `each(bool specific, std::span<const std::uint32_t> entries)` for every pair of names that entries have:
  // their indexes, ascending. `specific`: both names are.
  template <class Each>
  void for_each(const Names& from, const Names& to, Each&& each) const noexcept {
    // The slots to look at are gathered and fetched first: a large table is not in the cache.
    constexpr std::size_t batch = 32;
    struct Probe {
      std::uint64_t key;
      std::size_t at;
      bool specific;
    };
    std::array<Probe, batch> probes;
    std::size_t count = 0;
    const auto look = [&] {
      for (std::size_t i = 0; i < count; ++i) {
        const Slot* slot = find(probes[i].key, probes[i].at);
        if (slot != nullptr) each(probes[i].specific, std::span(entries_).subspan(slot->first, slot->count));
      }
      count = 0;
    };
    for (const Name& f : from) {
      if (f.to_kinds == 0) continue;
      for (const Name& t : to) {
        if ((f.to_kinds & t.kind_bit) == 0 || (t.from_kinds & f.kind_bit) == 0) continue;
        const std::uint64_t key = std::uint64_t{f.id} << 32 | t.id;
        const std::size_t at = slot_of(key);
        prefetch_read(&slots_[at]);
        probes[count++] = {key, at, f.specific && t.specific};
        if (count == batch) look();
      }
    }
    look();
  }

 private:
  struct Slot {
    std::uint64_t key = 0;               // Ids of `from` and `to`; 0: the slot is empty.
    std::uint32_t first = 0, count = 0;  // Into `entries_`.
  };
  struct NameFacts {
    std::uint8_t kind_bit;
    bool specific;
    std::uint8_t to_kinds, from_kinds;
  };
  std::size_t slot_of(std::uint64_t key) const noexcept {
    return static_cast<std::size_t>(hash_words(seed_, key, 0)) & mask_;
  }
  const Slot* find(std::uint64_t key, std::size_t at) const noexcept {
    // The table is at most half full, so an empty slot ends every search.
    for (;; at = (at + 1) & mask_) {
      if (slots_[at].key == key) return &slots_[at];
      if (slots_[at].key == 0) return nullptr;
    }
  }

  HashSeed seed_;
  std::uint32_t any_ = 0;  // Ids of names that entries use; 0: none uses it.
  std::uint32_t every_domain_ = 0;
  std::vector<std::uint32_t> assets_, segments_, domains_;
  std::array<std::uint32_t, role_count> roles_{};
  PrefixTable prefixes_;
  LargeVector<NameFacts> facts_ = LargeVector<NameFacts>(1);  // By id.
  LargeVector<Slot> slots_ = LargeVector<Slot>(1);
  std::size_t mask_ = 0;
  LargeVector<std::uint32_t> entries_;
};

}  // namespace tsujiban::policy
