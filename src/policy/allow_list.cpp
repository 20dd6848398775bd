#include "policy/allow_list.h"

#include <algorithm>
#include <bit>
#include <unordered_map>

#include "base/check.h"
#include "model/packet.h"

namespace tsujiban::policy {
namespace {

static_assert(app_protocol_count <= 64, "Entry::apps has a bit for each");

constexpr std::array<std::string_view, static_cast<std::size_t>(Reason::count_)> reason_names = {
    "not_judged",           "listed",          "neighbours",         "housekeeping", "not_listed",
    "direction_not_listed", "port_not_listed", "protocol_not_listed"};

constexpr std::uint64_t bit_of(AppProtocol app) noexcept { return std::uint64_t{1} << static_cast<unsigned>(app); }

}  // namespace

std::string_view name_of(Reason reason) noexcept { return reason_names[static_cast<std::size_t>(reason)]; }

// What the entries seen so far say; a better outcome takes the place of a worse one, and of equals the first entry
// stays.
struct AllowList::Search {
  enum Outcome : std::uint8_t { nothing, direction, port, protocol, maybe, yes };
  Outcome outcome = nothing;
  std::uint32_t entry = 0;
  bool names_the_two = false;  // An entry names both by something narrower than `any`.

  void offer(Outcome other, std::uint32_t number) noexcept {
    if (other > outcome || (other == outcome && number < entry)) {
      outcome = other;
      entry = number;
    }
  }
};

AllowList::AllowList(std::shared_ptr<const Inventory> inventory, HashSeed seed)
    : inventory_(std::move(inventory)), seed_(seed) {
  const config::Config& config = inventory_->config();
  asset_names_.resize(config.assets.size());
  segment_names_.resize(config.segments.size());
  name_is_specific_.push_back(false);
  const auto take = [&](std::uint32_t& id, bool specific) {
    if (id == 0) {
      id = static_cast<std::uint32_t>(name_is_specific_.size());
      name_is_specific_.push_back(specific);
    }
    return id;
  };
  struct PrefixHash {
    std::size_t operator()(const IpPrefix& p) const noexcept {
      return hash_words(HashSeed{}, p.address.high ^ p.length, p.address.low);
    }
  };
  std::unordered_map<IpPrefix, std::uint32_t, PrefixHash> prefixes;
  const auto id_of = [&](const config::Endpoint& end) {
    using Kind = config::Endpoint::Kind;
    switch (end.kind) {
      case Kind::any:
        return take(any_name_, false);
      case Kind::asset:
        return take(asset_names_[end.index], true);
      case Kind::segment:
        return take(segment_names_[end.index], true);
      case Kind::role:
        return take(role_names_[static_cast<std::size_t>(end.role)], true);
      case Kind::prefix:
        break;
    }
    return take(prefixes[end.prefix], end.prefix.length != 0);
  };

  struct Rule {
    std::uint64_t pair;
    std::uint32_t entry;
    auto operator<=>(const Rule&) const = default;
  };
  std::vector<Rule> rules;
  std::vector<std::uint32_t> to_ids;
  for (std::size_t i = 0; i < config.allow.size(); ++i) {
    const config::AllowEntry& source = config.allow[i];
    Entry entry;
    entry.port_first = static_cast<std::uint32_t>(ports_.size());
    entry.port_count = static_cast<std::uint32_t>(source.ports.size());
    ports_.insert(ports_.end(), source.ports.begin(), source.ports.end());
    for (const AppProtocol app : source.protocols) entry.apps |= bit_of(app);
    entry.both_directions = source.both_directions;
    entries_.push_back(entry);
    to_ids.clear();
    for (const config::Endpoint& to : source.to) to_ids.push_back(id_of(to));
    for (const config::Endpoint& from : source.from) {
      const std::uint64_t from_id = id_of(from);
      for (const std::uint32_t to_id : to_ids) rules.push_back({from_id << 32 | to_id, static_cast<std::uint32_t>(i)});
    }
  }
  std::sort(rules.begin(), rules.end());
  rules.erase(std::unique(rules.begin(), rules.end()), rules.end());
  std::vector<PrefixTable::Row> rows;
  for (const auto& [prefix, id] : prefixes) rows.push_back({0, prefix, id});
  prefix_names_ = PrefixTable(rows, seed);

  pairs_.assign(std::bit_ceil(rules.size() * 2 + 1), PairSlot{});
  pair_mask_ = pairs_.size() - 1;
  pair_entries_.reserve(rules.size());
  for (std::size_t i = 0; i < rules.size();) {
    std::size_t end = i;
    while (end < rules.size() && rules[end].pair == rules[i].pair) pair_entries_.push_back(rules[end++].entry);
    std::size_t at = static_cast<std::size_t>(hash_words(seed_, rules[i].pair, 0)) & pair_mask_;
    while (pairs_[at].key != 0) at = (at + 1) & pair_mask_;
    pairs_[at] = {rules[i].pair, static_cast<std::uint32_t>(i), static_cast<std::uint32_t>(end - i)};
    i = end;
  }
}

const AllowList::PairSlot* AllowList::find_pair(std::uint32_t from, std::uint32_t to) const noexcept {
  const std::uint64_t key = std::uint64_t{from} << 32 | to;
  for (std::size_t at = static_cast<std::size_t>(hash_words(seed_, key, 0)) & pair_mask_;; at = (at + 1) & pair_mask_) {
    if (pairs_[at].key == key) return &pairs_[at];
    if (pairs_[at].key == 0) return nullptr;
  }
}

AllowList::Names AllowList::names_of(const IpAddress& address, std::uint32_t asset,
                                     std::uint32_t segment) const noexcept {
  Names names;
  const auto add = [&](std::uint32_t id) {
    if (id != 0) names.push(id);
  };
  add(any_name_);
  if (segment != 0) add(segment_names_[segment - 1]);
  if (asset != 0) {
    add(asset_names_[asset - 1]);
    add(role_names_[static_cast<std::size_t>(inventory_->role_of(asset))]);
    const std::uint32_t own = inventory_->asset(asset).segment;
    if (own != 0 && own != segment) add(segment_names_[own - 1]);
  }
  prefix_names_.for_each(0, address, add);
  return names;
}

bool AllowList::has_port(const Entry& entry, std::uint8_t protocol, std::uint16_t port) const noexcept {
  if (entry.port_count == 0) return true;
  const bool ports =
      protocol == static_cast<std::uint8_t>(IpProtocol::tcp) || protocol == static_cast<std::uint8_t>(IpProtocol::udp);
  if (!ports) return false;
  for (std::uint32_t i = 0; i < entry.port_count; ++i) {
    const config::PortRange& range = ports_[entry.port_first + i];
    if ((range.protocol == 0 || range.protocol == protocol) && range.first <= port && port <= range.last) return true;
  }
  return false;
}

void AllowList::search(const Names& from, const Names& to, bool forward, const Conversation& c,
                       Search& found) const noexcept {
  // An answer may be the first packet seen: the conversation was picked up in its middle, or it is UDP in which both
  // sides use the service port; ECHONET Lite answers to port 3610 whatever port asked. Then the port is the
  // initiator's.
  const bool udp = c.protocol == static_cast<std::uint8_t>(IpProtocol::udp);
  const bool may_be_answer =
      !c.direction_certain || (udp && (c.initiator_port == c.responder_port || c.app == AppProtocol::echonet_lite));
  for (const std::uint32_t from_name : from) {
    for (const std::uint32_t to_name : to) {
      const PairSlot* pair = find_pair(from_name, to_name);
      if (pair == nullptr) continue;
      if (name_is_specific_[from_name] && name_is_specific_[to_name]) found.names_the_two = true;
      for (std::uint32_t i = 0; i < pair->count; ++i) {
        const std::uint32_t number = pair_entries_[pair->first + i];
        const Entry& entry = entries_[number];
        const bool begins_rightly = forward || entry.both_directions;
        if (!begins_rightly && !may_be_answer) {
          found.offer(Search::direction, number);
          continue;
        }
        const bool port =
            (begins_rightly && has_port(entry, c.protocol, c.responder_port)) ||
            (may_be_answer && (!forward || entry.both_directions) && has_port(entry, c.protocol, c.initiator_port));
        if (!port) {
          found.offer(Search::port, number);
        } else if (entry.apps == 0 || (entry.apps & bit_of(c.app)) != 0) {
          found.offer(Search::yes, number);
        } else {
          found.offer(c.app == AppProtocol::unknown && !c.app_settled ? Search::maybe : Search::protocol, number);
        }
      }
    }
  }
}

Verdict AllowList::judge(const Conversation& c) const noexcept {
  Verdict verdict;
  verdict.initiator_asset = inventory_->asset_of(c.link, c.initiator);
  verdict.responder_asset = inventory_->asset_of(c.link, c.responder);
  if (verdict.initiator_asset == 0 && verdict.responder_asset == 0) return verdict;
  verdict.judged = true;
  const std::uint32_t initiator_segment =
      inventory_->segment_or_asset_segment_of(c.link, c.initiator, verdict.initiator_asset);
  const std::uint32_t responder_segment =
      inventory_->segment_or_asset_segment_of(c.link, c.responder, verdict.responder_asset);
  verdict.interface = inventory_->interface_between(verdict.initiator_asset, verdict.responder_asset, initiator_segment,
                                                    responder_segment);
  verdict.inbound_from_outside =
      verdict.initiator_asset == 0 && is_outside(c.initiator, initiator_segment, responder_segment);
  if (is_housekeeping(*inventory_, c, initiator_segment, responder_segment)) {
    verdict.reason = Reason::housekeeping;
    return verdict;
  }

  const Names initiator = names_of(c.initiator, verdict.initiator_asset, initiator_segment);
  const Names responder = names_of(c.responder, verdict.responder_asset, responder_segment);
  Search found;
  search(initiator, responder, true, c, found);
  search(responder, initiator, false, c, found);
  if (found.outcome != Search::nothing) verdict.entry = found.entry + 1;
  switch (found.outcome) {
    case Search::yes:
      verdict.reason = Reason::listed;
      return verdict;
    case Search::maybe:
      verdict.reason = Reason::listed;
      verdict.provisional = true;
      return verdict;
    case Search::protocol:
      verdict.reason = Reason::protocol_not_listed;
      break;
    case Search::port:
      verdict.reason = Reason::port_not_listed;
      break;
    case Search::direction:
      verdict.reason = Reason::direction_not_listed;
      break;
    case Search::nothing:
      verdict.reason = Reason::not_listed;
      break;
  }
  if (!found.names_the_two && verdict.initiator_asset != 0 && verdict.responder_asset != 0) {
    const std::uint32_t a = inventory_->asset(verdict.initiator_asset).segment,
                        b = inventory_->asset(verdict.responder_asset).segment;
    if (a != 0 && a == b) {
      verdict.reason = Reason::neighbours;
      verdict.entry = 0;
      return verdict;
    }
  }
  verdict.allowed = false;
  return verdict;
}

}  // namespace tsujiban::policy
