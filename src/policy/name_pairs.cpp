#include "policy/name_pairs.h"

#include <algorithm>
#include <bit>
#include <tuple>

namespace tsujiban::policy {
namespace {

using Kind = config::Endpoint::Kind;

constexpr std::uint8_t bit_of(Kind kind) noexcept {
  return static_cast<std::uint8_t>(1u << static_cast<unsigned>(kind));
}
static_assert(static_cast<unsigned>(Kind::domain) < 8, "kind_bit has eight bits");

}  // namespace

NamePairs::NamePairs(const Inventory& inventory, std::size_t entries,
                     const std::function<EntryEnds(std::size_t entry)>& ends_of, HashSeed seed)
    : seed_(seed) {
  // Prefixes first, sorted instead of hashed: of a million the lists that are needed only here must stay small.
  std::vector<IpPrefix> prefixes;
  std::size_t rule_count = 0, prefix_count = 0;
  for (std::size_t i = 0; i < entries; ++i) {
    const EntryEnds ends = ends_of(i);
    rule_count += ends.from.size() * ends.to.size();
    for (const auto& side : {ends.from, ends.to}) {
      for (const config::Endpoint& end : side) prefix_count += end.kind == Kind::prefix;
    }
  }
  prefixes.reserve(prefix_count);
  for (std::size_t i = 0; i < entries; ++i) {
    const EntryEnds ends = ends_of(i);
    for (const auto& side : {ends.from, ends.to}) {
      for (const config::Endpoint& end : side) {
        if (end.kind == Kind::prefix) prefixes.push_back(end.prefix);
      }
    }
  }
  std::sort(prefixes.begin(), prefixes.end(), [](const IpPrefix& a, const IpPrefix& b) {
    return std::tie(a.address, a.length) < std::tie(b.address, b.length);
  });
  prefixes.erase(std::unique(prefixes.begin(), prefixes.end()), prefixes.end());
  prefixes_ = PrefixTable(prefixes, 1, seed);
  facts_.reserve(prefixes.size() + 1);
  for (const IpPrefix& prefix : prefixes) facts_.push_back({bit_of(Kind::prefix), prefix.length != 0, 0, 0});
  prefixes = {};

  assets_.resize(inventory.config().assets.size());
  segments_.resize(inventory.config().segments.size());
  domains_.resize(inventory.config().domains.size());
  const auto take = [&](std::uint32_t& id, Kind kind) {
    if (id == 0) {
      id = static_cast<std::uint32_t>(facts_.size());
      facts_.push_back({bit_of(kind), kind != Kind::any, 0, 0});
    }
    return id;
  };
  const auto id_of = [&](const config::Endpoint& end) {
    switch (end.kind) {
      case Kind::any:
        return take(any_, end.kind);
      case Kind::asset:
        return take(assets_[end.index], end.kind);
      case Kind::segment:
        return take(segments_[end.index], end.kind);
      case Kind::role:
        return take(roles_[static_cast<std::size_t>(end.role)], end.kind);
      case Kind::domain:
        take(every_domain_, end.kind);
        return take(domains_[end.index], end.kind);
      case Kind::prefix:
        break;
    }
    return prefixes_.exactly(0, end.prefix);
  };

  struct Rule {
    std::uint64_t pair;
    std::uint32_t entry;
    auto operator<=>(const Rule&) const = default;
  };
  std::vector<Rule> rules;
  rules.reserve(rule_count);
  std::vector<std::uint32_t> from_ids, to_ids;
  // Where an end has domains, the entry is also found by `every_domain_`.
  const auto ids_of = [&](std::span<const config::Endpoint> ends, std::vector<std::uint32_t>& ids) {
    ids.clear();
    bool has_domain = false;
    for (const config::Endpoint& end : ends) {
      ids.push_back(id_of(end));
      has_domain = has_domain || end.kind == Kind::domain;
    }
    if (has_domain) ids.push_back(every_domain_);
  };
  for (std::size_t i = 0; i < entries; ++i) {
    const EntryEnds ends = ends_of(i);
    ids_of(ends.from, from_ids);
    ids_of(ends.to, to_ids);
    for (const std::uint32_t from_id : from_ids) {
      for (const std::uint32_t to_id : to_ids) {
        rules.push_back({std::uint64_t{from_id} << 32 | to_id, static_cast<std::uint32_t>(i)});
        facts_[from_id].to_kinds |= facts_[to_id].kind_bit;
        facts_[to_id].from_kinds |= facts_[from_id].kind_bit;
      }
    }
  }
  std::sort(rules.begin(), rules.end());
  rules.erase(std::unique(rules.begin(), rules.end()), rules.end());

  std::size_t pairs = 0;
  for (std::size_t i = 0; i < rules.size(); ++i) pairs += i == 0 || rules[i].pair != rules[i - 1].pair;
  slots_.assign(std::bit_ceil(pairs * 2 + 1), Slot{});
  mask_ = slots_.size() - 1;
  entries_.reserve(rules.size());
  for (std::size_t i = 0; i < rules.size();) {
    std::size_t end = i;
    while (end < rules.size() && rules[end].pair == rules[i].pair) entries_.push_back(rules[end++].entry);
    std::size_t at = slot_of(rules[i].pair);
    while (slots_[at].key != 0) at = (at + 1) & mask_;
    slots_[at] = {rules[i].pair, static_cast<std::uint32_t>(i), static_cast<std::uint32_t>(end - i)};
    i = end;
  }
}

void NamePairs::names_of(const Inventory& inventory, const IpAddress& address, std::uint32_t asset,
                         std::uint32_t segment, std::span<const std::uint32_t> domains, Names& names) const noexcept {
  names.clear();
  const auto add = [&](std::uint32_t id) {
    if (id == 0) return;
    const NameFacts facts = facts_[id];
    names.push({id, facts.kind_bit, facts.specific, facts.to_kinds, facts.from_kinds});
  };
  add(any_);
  if (segment != 0) add(segments_[segment - 1]);
  if (asset != 0) {
    add(assets_[asset - 1]);
    add(roles_[static_cast<std::size_t>(inventory.role_of(asset))]);
    const std::uint32_t own = inventory.segment_of_asset(asset);
    if (own != 0 && own != segment) add(segments_[own - 1]);
  }
  prefixes_.for_each(0, address, add);
  for (const std::uint32_t domain : domains.first(std::min(domains.size(), domains_max))) add(domains_[domain]);
}

void NamePairs::add_every_domain(Names& names) const noexcept {
  if (every_domain_ == 0) return;
  const NameFacts facts = facts_[every_domain_];
  names.push({every_domain_, facts.kind_bit, facts.specific, facts.to_kinds, facts.from_kinds});
}

}  // namespace tsujiban::policy
