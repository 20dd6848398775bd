#include "policy/allow_list.h"

#include <algorithm>
#include <array>
#include <unordered_map>

#include "base/check.h"
#include "model/packet.h"

namespace tsujiban::policy {
namespace {

static_assert(app_protocol_count <= 64, "Terms::apps has a bit for each");

constexpr std::array<std::string_view, static_cast<std::size_t>(Reason::count_)> reason_names = {
    "not_judged",           "listed",          "neighbours",          "housekeeping", "not_listed",
    "direction_not_listed", "port_not_listed", "protocol_not_listed", "expired",      "outside_hours",
    "name_not_known"};

constexpr std::uint64_t bit_of(AppProtocol app) noexcept { return std::uint64_t{1} << static_cast<unsigned>(app); }

}  // namespace

std::string_view name_of(Reason reason) noexcept { return reason_names[static_cast<std::size_t>(reason)]; }

// What the entries seen so far say; a better outcome takes the place of a worse one, and of equals the first entry
// stays.
struct AllowList::Search {
  enum Outcome : std::uint8_t { nothing, direction, port, protocol, expired, hours, maybe, yes };
  Outcome outcome = nothing;
  std::uint32_t entry = 0;
  bool names_the_two = false;  // An entry names both by something narrower than `any`.
  bool has_time = false;       // `time` is set: most judgements never ask for it.
  LocalTime time;
  PacketTime valid_until{std::numeric_limits<std::int64_t>::max()};

  void offer(Outcome other, std::uint32_t number) noexcept {
    if (other > outcome || (other == outcome && number < entry)) {
      outcome = other;
      entry = number;
    }
  }
};

// Finds the same terms again: by a hash, then by comparing.
class AllowList::TermsBuilder {
 public:
  explicit TermsBuilder(AllowList& list) : list_(list) {}
  std::uint32_t take(const config::AllowEntry& entry) {
    Terms terms;
    for (const AppProtocol app : entry.protocols) terms.apps |= bit_of(app);
    terms.expires_local_s = entry.expires_local_s;
    terms.both_directions = entry.both_directions;
    std::uint64_t hash = hash_words({}, terms.apps, static_cast<std::uint64_t>(terms.expires_local_s));
    for (const config::PortRange& r : entry.ports)
      hash = hash_words({}, hash, std::uint64_t{r.protocol} << 32 | std::uint32_t{r.first} << 16 | r.last);
    for (const config::TimeWindow& w : entry.when)
      hash = hash_words({}, hash, std::uint64_t{w.days} << 32 | std::uint32_t{w.from_minute} << 16 | w.to_minute);
    hash ^= terms.both_directions;
    const auto [first, last] = by_hash_.equal_range(hash);
    for (auto at = first; at != last; ++at) {
      if (same(list_.terms_[at->second], terms, entry)) return at->second;
    }
    terms.port_first = static_cast<std::uint32_t>(list_.ports_.size());
    terms.port_count = static_cast<std::uint32_t>(entry.ports.size());
    list_.ports_.insert(list_.ports_.end(), entry.ports.begin(), entry.ports.end());
    terms.window_first = static_cast<std::uint32_t>(list_.windows_.size());
    terms.window_count = static_cast<std::uint32_t>(entry.when.size());
    list_.windows_.insert(list_.windows_.end(), entry.when.begin(), entry.when.end());
    const auto number = static_cast<std::uint32_t>(list_.terms_.size());
    list_.terms_.push_back(terms);
    by_hash_.emplace(hash, number);
    return number;
  }

 private:
  bool same(const Terms& a, const Terms& b, const config::AllowEntry& entry) const {
    return a.apps == b.apps && a.expires_local_s == b.expires_local_s && a.both_directions == b.both_directions &&
           std::equal(entry.ports.begin(), entry.ports.end(), list_.ports_.begin() + a.port_first,
                      list_.ports_.begin() + a.port_first + a.port_count,
                      [](const config::PortRange& x, const config::PortRange& y) {
                        return x.protocol == y.protocol && x.first == y.first && x.last == y.last;
                      }) &&
           std::equal(entry.when.begin(), entry.when.end(), list_.windows_.begin() + a.window_first,
                      list_.windows_.begin() + a.window_first + a.window_count,
                      [](const config::TimeWindow& x, const config::TimeWindow& y) {
                        return x.days == y.days && x.from_minute == y.from_minute && x.to_minute == y.to_minute;
                      });
  }

  AllowList& list_;
  std::unordered_multimap<std::uint64_t, std::uint32_t> by_hash_;
};

AllowList::AllowList(std::shared_ptr<const Inventory> inventory, HashSeed seed) : inventory_(std::move(inventory)) {
  const auto& allow = inventory_->config().allow;
  {
    terms_of_.reserve(allow.size());
    TermsBuilder builder(*this);
    for (const config::AllowEntry& entry : allow) terms_of_.push_back(builder.take(entry));
  }
  pairs_ = NamePairs(
      *inventory_, allow.size(),
      [&](std::size_t i) {
        return NamePairs::EntryEnds{allow[i].from, allow[i].to};
      },
      seed);
  const auto& domains = inventory_->config().domains;
  for (std::size_t i = 0; i < domains.size(); ++i) {
    DomainIndexes& indexes = domain_by_name_[domains[i].name];
    (domains[i].below_only ? indexes.below : indexes.whole) = static_cast<std::uint32_t>(i) + 1;
    labels_max_ = std::max<std::size_t>(
        labels_max_, 1 + static_cast<std::size_t>(std::count(domains[i].name.begin(), domains[i].name.end(), '.')));
  }
}

// From the longest name that a domain may have down to the shortest, so that the most specific ones come first.
Domains AllowList::domains_of(std::string_view name) const noexcept {
  Domains found;
  if (domain_by_name_.empty()) return found;
  std::size_t labels = 1 + static_cast<std::size_t>(std::count(name.begin(), name.end(), '.'));
  for (std::string_view rest = name; !rest.empty(); --labels) {
    if (labels <= labels_max_) {
      if (const auto at = domain_by_name_.find(rest); at != domain_by_name_.end()) {
        if (at->second.whole != 0) found.push(at->second.whole - 1);
        if (at->second.below != 0 && rest.size() != name.size()) found.push(at->second.below - 1);
      }
    }
    const std::size_t dot = rest.find('.');
    if (dot == std::string_view::npos) break;
    rest.remove_prefix(dot + 1);
  }
  return found;
}

bool AllowList::has_port(const Terms& terms, std::uint8_t protocol, std::uint16_t port) const noexcept {
  if (terms.port_count == 0) return true;
  const bool ports =
      protocol == static_cast<std::uint8_t>(IpProtocol::tcp) || protocol == static_cast<std::uint8_t>(IpProtocol::udp);
  if (!ports) return false;
  for (std::uint32_t i = 0; i < terms.port_count; ++i) {
    const config::PortRange& range = ports_[terms.port_first + i];
    if ((range.protocol == 0 || range.protocol == protocol) && range.first <= port && port <= range.last) return true;
  }
  return false;
}

void AllowList::search(const NamePairs::Names& from, const NamePairs::Names& to, bool forward, const Conversation& c,
                       Search& found) const noexcept {
  // An answer may be the first packet seen: the conversation was picked up in its middle, or it is UDP in which both
  // sides use the service port; ECHONET Lite answers to port 3610 whatever port asked. Then the port is the
  // initiator's.
  const bool udp = c.protocol == static_cast<std::uint8_t>(IpProtocol::udp);
  const bool may_be_answer =
      !c.direction_certain || (udp && (c.initiator_port == c.responder_port || c.app == AppProtocol::echonet_lite));
  pairs_.for_each(from, to, [&](bool specific, std::span<const std::uint32_t> entries) {
    if (specific) found.names_the_two = true;
    for (const std::uint32_t number : entries) {
      const Terms& terms = terms_[terms_of_[number]];
      const bool begins_rightly = forward || terms.both_directions;
      if (!begins_rightly && !may_be_answer) {
        found.offer(Search::direction, number);
        continue;
      }
      const bool port =
          (begins_rightly && has_port(terms, c.protocol, c.responder_port)) ||
          (may_be_answer && (!forward || terms.both_directions) && has_port(terms, c.protocol, c.initiator_port));
      const bool app = terms.apps == 0 || (terms.apps & bit_of(c.app)) != 0;
      const bool app_open = c.app == AppProtocol::unknown && !c.app_settled;
      if (!port) {
        found.offer(Search::port, number);
        continue;
      }
      if (!app && !app_open) {
        found.offer(Search::protocol, number);
        continue;
      }
      if (terms.timed()) {
        if (!found.has_time) found.time = inventory_->clock().at(c.time);
        found.has_time = true;
        const std::span windows = std::span(windows_).subspan(terms.window_first, terms.window_count);
        const bool expired = found.time.local_s >= terms.expires_local_s;
        bool within = windows.empty();
        std::int64_t change_s = terms.expires_local_s;
        for (const config::TimeWindow& window : windows) {
          within = within || is_within(window, found.time);
          change_s = std::min(change_s, next_change(window, found.time));
        }
        if (expired) change_s = config::never_expires;
        found.valid_until = std::min(found.valid_until, found.time.utc_of(change_s));
        if (expired || !within) {
          found.offer(expired ? Search::expired : Search::hours, number);
          continue;
        }
      }
      found.offer(app ? Search::yes : Search::maybe, number);
    }
  });
}

Verdict AllowList::judge(const Conversation& c, const Named& named) const noexcept {
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

  NamePairs::Names initiator, responder;
  pairs_.names_of(*inventory_, c.initiator, verdict.initiator_asset, initiator_segment, named.initiator, initiator);
  pairs_.names_of(*inventory_, c.responder, verdict.responder_asset, responder_segment, named.responder, responder);
  Search found;
  search(initiator, responder, true, c, found);
  search(responder, initiator, false, c, found);
  if (found.outcome != Search::nothing) verdict.entry = found.entry + 1;
  verdict.valid_until = found.valid_until;
  switch (found.outcome) {
    case Search::yes:
    case Search::maybe:
      verdict.reason = Reason::listed;
      verdict.provisional = found.outcome == Search::maybe;
      verdict.by_name = !named.initiator.empty() || !named.responder.empty();
      return verdict;
    case Search::protocol:
      verdict.reason = Reason::protocol_not_listed;
      break;
    case Search::expired:
      verdict.reason = Reason::expired;
      break;
    case Search::hours:
      verdict.reason = Reason::outside_hours;
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
    const std::uint32_t a = inventory_->segment_of_asset(verdict.initiator_asset),
                        b = inventory_->segment_of_asset(verdict.responder_asset);
    if (a != 0 && a == b) {
      verdict.reason = Reason::neighbours;
      verdict.entry = 0;
      return verdict;
    }
  }
  if (has_domains()) {
    // Whether a name would do. That nobody gave it says more than what entries by address have against the two.
    pairs_.add_every_domain(responder);
    Search by_name;
    search(initiator, responder, true, c, by_name);
    search(responder, initiator, false, c, by_name);
    verdict.valid_until = by_name.valid_until;  // It looked at what entries by address have, too.
    if (by_name.outcome == Search::yes || by_name.outcome == Search::maybe) {
      verdict.entry = by_name.entry + 1;
      verdict.awaits_name = verdict.allowed = named.open;
      verdict.reason = named.open ? Reason::listed : Reason::name_not_known;
      return verdict;
    }
  }
  verdict.allowed = false;
  return verdict;
}

}  // namespace tsujiban::policy
