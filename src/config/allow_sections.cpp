// Who may talk to whom, and who may write.
#include <algorithm>
#include <array>

#include "config/csv.h"
#include "config/sections.h"

namespace tsujiban::config {
namespace {

constexpr std::array<std::string_view, 8> allow_keys = {"from",      "to",     "ports",   "protocols",
                                                        "direction", "reason", "expires", "when"};
constexpr std::span<const std::string_view> allow_columns(allow_keys.data(), 7);
constexpr std::array<std::string_view, 4> allow_lists = {"from", "to", "ports", "protocols"};
constexpr std::array<std::string_view, 2> allow_needs = {"from", "to"};

bool is_letter(char c) noexcept { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool is_of_label(char c) noexcept { return is_letter(c) || (c >= '0' && c <= '9') || c == '-' || c == '_'; }

// What is meant for a host's name in DNS, or a wildcard of one.
bool looks_like_domain(std::string_view text) noexcept {
  return text.find('.') != std::string_view::npos &&
         std::all_of(text.begin(), text.end(), [](char c) { return is_of_label(c) || c == '.' || c == '*'; }) &&
         std::any_of(text.begin(), text.end(), is_letter);
}

// RFC 1035, 2.3.4 and RFC 1123, 2.1; underscores stand in names of services. Empty, or what is wrong.
std::string read_domain(std::string_view text, Domain& domain) {
  constexpr std::size_t label_max = 63, name_max = 253;
  domain.below_only = text.starts_with("*.");
  if (domain.below_only) text.remove_prefix(2);
  if (text.ends_with('.')) text.remove_suffix(1);
  if (text.find('*') != std::string_view::npos) return "a `*` stands for all names below only, as in *.example.jp";
  if (text.find('.') == std::string_view::npos)
    return "a name of one label would mean a whole top-level domain; give a name such as vtn.example.jp";
  if (text.size() > name_max) return "a name has at most 253 characters";
  std::string_view rest = text;
  for (;;) {
    const std::size_t dot = rest.find('.');
    const std::string_view label = rest.substr(0, dot);
    if (label.empty() || label.size() > label_max) return "each part between dots has 1 to 63 characters";
    if (label.front() == '-' || label.back() == '-') return "a part between dots neither begins nor ends with `-`";
    if (dot == std::string_view::npos) break;
    rest.remove_prefix(dot + 1);
  }
  domain.name.assign(text);
  std::transform(domain.name.begin(), domain.name.end(), domain.name.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c; });
  return {};
}

}  // namespace

void InventoryReader::read_allow(const Value& value) {
  if (value.kind() != NodeKind::list) {
    if (value.kind() != NodeKind::refused)
      wrong(building_.context, value, "allow", "a list of maps is accepted, one an entry");
    return;
  }
  value.for_each([&](const Value& item) { read_entry(item, allow_keys); });
}

void InventoryReader::read_allow_table(std::string& bytes, std::uint32_t file) {
  const TableKind kind = {"a table of allow entries", allow_columns, allow_lists, allow_needs};
  building_.config.allow.reserve(std::min(building_.config.allow.size() + rows_at_most(bytes), allow_entries_max));
  read_table(building_.context, bytes, file, kind, [&](const Value& row) { read_entry(row, allow_columns); });
}

void InventoryReader::read_entry(const Value& value, std::span<const std::string_view> keys) {
  static constexpr std::array<std::string_view, 2> directions = {"forward", "both"};
  static constexpr std::array<bool, 2> direction_meanings = {false, true};
  Context& context = building_.context;
  if (!has_room(value, "allow", building_.config.allow.size(), allow_entries_max)) return;
  MapReader map(context, value, "an allow entry", keys);
  if (!map) return;
  AllowEntry& entry = building_.config.allow.emplace_back();
  entry.place = {value.file, value.node->line, value.node->column};
  domains_accepted_ = true;
  read_ends(map.need("from"), "from", from_);
  for (const Endpoint& end : from_) entry.from.push_back(end);
  read_ends(map.need("to"), "to", to_);
  for (const Endpoint& end : to_) entry.to.push_back(end);
  domains_accepted_ = false;
  read_port_list(map.find("ports"), ports_);
  // `any` beside nothing else is the same as no list; policy then allows protocols without ports too.
  if (ports_.size() != 1 || ports_[0].protocol != 0) {
    for (const PortRange& range : ports_) entry.ports.push_back(range);
  }
  read_protocols(context, map.find("protocols"), protocols_);
  for (const AppProtocol protocol : protocols_) entry.protocols.push_back(protocol);
  read_word<bool>(context, map.find("direction"), "direction", directions, direction_meanings, entry.both_directions);
  read_windows(context, map.find("when"), windows_);
  for (const TimeWindow& window : windows_) entry.when.push_back(window);
  read_value(context, map.find("expires"), "expires", entry.expires_local_s, read_last_day);
  std::string_view reason;
  read_reason(context, map.find("reason"), reason);
  if (!reason.empty()) entry.reason = building_.texts.add(reason);
  count_pairs(value, entry);
}

void InventoryReader::read_control(const Value& value) {
  static constexpr std::array<std::string_view, 6> keys = {"from", "to", "protocols", "when", "expires", "reason"};
  Context& context = building_.context;
  each_map(context, value, "control", [&](const Value& item) {
    if (!has_room(item, "control", building_.config.control.size(), control_entries_max)) return;
    MapReader map(context, item, "a control entry", keys);
    if (!map) return;
    ControlEntry entry;
    entry.place = context.faults.place_of(item.position());
    read_ends(map.need("from"), "from", entry.from);
    read_ends(map.need("to"), "to", entry.to);
    read_protocols(context, map.find("protocols"), entry.protocols);
    read_windows(context, map.find("when"), entry.when);
    read_value(context, map.find("expires"), "expires", entry.expires_local_s, read_last_day);
    std::string_view reason;
    read_reason(context, map.find("reason"), reason);
    entry.reason = reason;
    const bool had_room = control_pair_count_ <= allow_pairs_max;
    control_pair_count_ += std::uint64_t{entry.from.size()} * entry.to.size();
    if (control_pair_count_ <= allow_pairs_max) {
      building_.config.control.push_back(std::move(entry));
    } else if (had_room) {
      wrong(context, item, "control",
            "up to here the entries name more than " + std::to_string(allow_pairs_max) +
                " pairs; name roles, segments or prefixes instead of single hosts");
    }
  });
}

void InventoryReader::read_ends(const Value& value, std::string_view key, std::vector<Endpoint>& ends) {
  Context& context = building_.context;
  ends.clear();
  read_one_or_list(context, value, key, [&](const Value& item, std::string_view text) {
    Endpoint end;
    if (!read_end(item, key, text, end)) return;
    if (ends.size() == allow_ends_max) {
      if (item.node->next == 0)
        wrong(context, item, key, "more than " + std::to_string(allow_ends_max) + " names in one list");
      return;
    }
    ends.push_back(end);
  });
  if (ends.size() < 2) return;
  // Named twice: found by their identity, so that 4096 names are no 4096 squared comparisons.
  ids_.clear();
  for (const Endpoint& end : ends) ids_.push_back(id_of(end));
  std::sort(ids_.begin(), ids_.end());
  if (std::adjacent_find(ids_.begin(), ids_.end()) != ids_.end()) wrong(context, value, key, "a name is here twice");
}

bool InventoryReader::read_end(const Value& item, std::string_view key, std::string_view text, Endpoint& end) {
  Context& context = building_.context;
  if (text == "any") {
    end.kind = Endpoint::Kind::any;
    return true;
  }
  if (text.starts_with("role:")) {
    end.kind = Endpoint::Kind::role;
    return read_role(context, item, key, text.substr(5), end.role);
  }
  if (text.starts_with("segment:")) {
    end.kind = Endpoint::Kind::segment;
    std::uint32_t number = 0;
    if (!read_segment_name(item, key, text.substr(8), number)) return false;
    end.index = number - 1;
    return true;
  }
  if (const std::uint32_t* number = building_.asset_names.find(text); number != nullptr) {
    end.kind = Endpoint::Kind::asset;
    end.index = *number - 1;
    return true;
  }
  IpAddress address;
  if (parse_ip(text.substr(0, text.find('/')), address)) {
    end.kind = Endpoint::Kind::prefix;
    const std::string message = read_prefix(text, end.prefix);
    if (!message.empty()) wrong(context, item, key, message);
    return message.empty();
  }
  if (looks_like_domain(text)) {
    Domain domain;
    std::string message = read_domain(text, domain);
    if (message.empty() && !domains_accepted_)
      message = "names are accepted under allow only; give addresses, prefixes or assets";
    if (message.empty() && building_.config.domains.size() == domains_max)
      message = "more than " + std::to_string(domains_max) + " different names";
    if (!message.empty()) {
      wrong(context, item, key, in_quotes(text) + ": " + message);
      return false;
    }
    end.kind = Endpoint::Kind::domain;
    const std::string id = (domain.below_only ? "*." : "") + domain.name;
    const auto [at, added] = domain_ids_.try_emplace(id, static_cast<std::uint32_t>(building_.config.domains.size()));
    if (added) building_.config.domains.push_back(std::move(domain));
    end.index = at->second;
    return true;
  }
  wrong(context, item, key,
        "there is no asset " + in_quotes(text) + context.suggestions.among(text, building_.asset_name_list) +
            std::string("; accepted: any, the name of an asset, role:NAME, segment:NAME, an address, a prefix") +
            (domains_accepted_ ? ", a domain" : ""));
  return false;
}

bool InventoryReader::read_segment_name(const Value& item, std::string_view key, std::string_view name,
                                        std::uint32_t& number) {
  Context& context = building_.context;
  if (const std::uint32_t* known = building_.segment_names.find(name); known != nullptr) {
    number = *known;
    return true;
  }
  wrong(context, item, key,
        "there is no segment " + in_quotes(name) + context.suggestions.among(name, building_.segment_name_list) +
            "; the names under segments are accepted");
  return false;
}

std::uint32_t InventoryReader::id_of(const Endpoint& end) {
  // Above these numbers are those of prefixes; assets_max is far below.
  static constexpr std::uint32_t segments_from = 1u << 8, assets_from = 1u << 28, domains_from = 3u << 28,
                                 prefixes_from = 1u << 30;
  static_assert(role_count < segments_from - 1 && segments_max < assets_from - segments_from &&
                assets_max < domains_from - assets_from && domains_max < prefixes_from - domains_from);
  switch (end.kind) {
    case Endpoint::Kind::any:
      return 0;
    case Endpoint::Kind::asset:
      return assets_from + end.index;
    case Endpoint::Kind::segment:
      return segments_from + end.index;
    case Endpoint::Kind::role:
      return 1 + static_cast<std::uint32_t>(end.role);
    case Endpoint::Kind::domain:
      return domains_from + end.index;
    case Endpoint::Kind::prefix:
      break;
  }
  return prefixes_from + *prefix_ids_.try_emplace(end.prefix, static_cast<std::uint32_t>(prefix_ids_.size())).first;
}

void InventoryReader::count_pairs(const Value& value, const AllowEntry& entry) {
  Context& context = building_.context;
  const std::uint64_t pairs = std::uint64_t{entry.from.size()} * entry.to.size();
  const bool were_too_many = pair_count_ > allow_pairs_max;
  pair_count_ += pairs;
  if (pair_count_ > allow_pairs_max) {
    if (!were_too_many) {
      wrong(context, value, "allow",
            "up to here the entries name more than " + std::to_string(allow_pairs_max) +
                " pairs; name roles, segments or prefixes instead of single hosts");
    }
    return;
  }
  ids_.clear();
  for (const Endpoint& to : entry.to) ids_.push_back(id_of(to));
  bool told = false;
  for (const Endpoint& from : entry.from) {
    const std::uint64_t from_id = std::uint64_t{id_of(from)} << 32;
    for (const std::uint32_t to_id : ids_) {
      if (++*pairs_.try_emplace(from_id | to_id, 0).first != allow_same_pair_max + 1 || told) continue;
      told = true;
      wrong(context, value, "allow",
            "more than " + std::to_string(allow_same_pair_max) +
                " entries name the same two ends; write their ports as one list");
    }
  }
}

}  // namespace tsujiban::config
