#include <algorithm>
#include <array>

#include "base/hash.h"
#include "config/sections.h"

namespace tsujiban::config {
namespace {

constexpr std::size_t prefixes_per_segment_max = 1024;
constexpr std::size_t addresses_per_asset_max = 64;
constexpr std::size_t reason_bytes_max = 256;

template <class Name, class Enum>
std::vector<std::string_view> names_up_to(Enum count, Name&& name) {
  std::vector<std::string_view> names;
  for (std::size_t i = 1; i < static_cast<std::size_t>(count); ++i) names.push_back(name(static_cast<Enum>(i)));
  return names;
}

const std::vector<std::string_view>& role_words() {
  static const auto words = names_up_to(Role::count_, [](Role r) { return name_of(r); });
  return words;
}
const std::vector<std::string_view>& interface_words() {
  static const auto words = names_up_to(ErabInterface::count_, [](ErabInterface i) { return name_of(i); });
  return words;
}
const std::vector<std::string_view>& protocol_words() {
  static const auto words = names_up_to(AppProtocol::count_, [](AppProtocol p) { return name_of(p); });
  return words;
}

bool read_role(Context& context, const Value& item, std::string_view key, std::string_view text, Role& role) {
  if (parse_role(text, role)) return true;
  wrong(context, item, key,
        in_quotes(text) + " is no role" + context.suggestions.among(text, role_words()) +
            "; accepted: " + listed(role_words()));
  return false;
}

bool read_interface(Context& context, const Value& item, std::string_view key, std::string_view text,
                    ErabInterface& interface) {
  if (parse_erab_interface(text, interface)) return true;
  wrong(context, item, key,
        in_quotes(text) + " is no ERAB interface" + context.suggestions.among(text, interface_words()) +
            "; accepted: " + listed(interface_words()));
  return false;
}

// What looks like a host's name in DNS (RFC 1123, 2.1), or a wildcard of one.
bool looks_like_domain(std::string_view text) noexcept {
  return text.find('.') != std::string_view::npos &&
         std::all_of(text.begin(), text.end(),
                     [](char c) {
                       return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
                              c == '-' || c == '*';
                     }) &&
         std::any_of(text.begin(), text.end(), [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); });
}

}  // namespace

std::size_t InventoryReader::LinkAddressHash::operator()(const LinkAddress& key) const noexcept {
  const std::uint64_t first = hash_words(HashSeed{}, key.address.high, key.address.low);
  return hash_words(HashSeed{}, first ^ key.length, key.link ^ static_cast<std::uint64_t>(key.any_link));
}
std::size_t InventoryReader::EndPairHash::operator()(const EndPair& key) const noexcept {
  return hash_words(HashSeed{}, key.from, key.to);
}

void InventoryReader::read_segments(const Value& value) {
  static constexpr std::array<std::string_view, 6> keys = {"name", "prefix", "vlan", "vni", "pan", "erab"};
  Context& context = building_.context;
  if (value.kind() != NodeKind::list) {
    if (value.kind() != NodeKind::refused)
      wrong(context, value, "segments", "a list of maps is accepted, one a segment");
    return;
  }
  value.for_each([&](const Value& item) {
    MapReader map(context, item, "a segment", keys);
    if (!map) return;
    Segment segment;
    segment.place = context.faults.place_of(item.position());
    const std::uint32_t number = static_cast<std::uint32_t>(building_.config.segments.size()) + 1;
    std::string_view text;
    if (const Value name = map.need("name"); name && read_text(context, name, "name", text)) {
      if (const std::string message = read_name(text); !message.empty()) {
        wrong(context, name, "name", message);
      } else if (const auto [at, added] = building_.segment_names.try_emplace(text, number); !added) {
        wrong(context, name, "name",
              "the segment " + in_quotes(text) + " is here twice; the first is on " +
                  context.faults.reference(building_.segment_positions[at->second - 1], name.file));
      } else {
        building_.segment_name_list.push_back(text);
      }
      segment.name = text;
    }
    const bool link_known = read_link(map, segment);
    building_.segment_link_known.push_back(link_known);
    read_one_or_list(context, map.need("prefix"), "prefix", [&](const Value& at, std::string_view prefix_text) {
      IpPrefix prefix;
      if (const std::string message = read_prefix(prefix_text, prefix); !message.empty())
        return wrong(context, at, "prefix", message);
      if (prefix.address.is_multicast()) {
        return wrong(context, at, "prefix",
                     in_quotes(prefix_text) + " is multicast; a segment has the prefix of its hosts");
      }
      const LinkAddress key{segment.key.raw(), prefix.address, prefix.length, segment.any_link};
      // A link that could not be read is no reason to call two prefixes the same.
      const auto [found, added] =
          link_known ? prefixes_.try_emplace(key, number - 1) : std::pair{prefixes_.end(), true};
      if (!added) {
        const bool same = found->second == number - 1;
        return wrong(
            context, at, "prefix",
            to_string(prefix) +
                (same ? " is here twice"
                      : " is already the segment " + in_quotes(building_.config.segments[found->second].name) + " on " +
                            context.faults.reference(building_.segment_positions[found->second], at.file) +
                            "; vlan, vni or pan tells two apart"));
      }
      if (segment.prefixes.size() == prefixes_per_segment_max) {
        return wrong(context, at, "prefix",
                     "more than " + std::to_string(prefixes_per_segment_max) + " prefixes in one segment");
      }
      segment.prefixes.push_back(prefix);
    });
    if (const Value erab = map.find("erab"); erab && read_text(context, erab, "erab", text)) {
      read_interface(context, erab, "erab", text, segment.interface);
    }
    building_.segment_positions.push_back(item.position());
    building_.config.segments.push_back(std::move(segment));
  });
}

bool InventoryReader::read_link(MapReader& map, Segment& segment) {
  Context& context = building_.context;
  const Value vlan = map.find("vlan"), vni = map.find("vni"), pan = map.find("pan");
  segment.any_link = !vlan && !vni && !pan;
  if (pan && (vlan || vni)) {
    wrong(context, pan, "pan", "a segment is a pan, or it has vlan and vni, never both");
    return false;
  }
  bool known = true;
  std::uint64_t number = 0;
  if (pan) {
    const auto read = [](std::string_view text, std::uint64_t& out) -> std::string {
      std::string_view digits = text.starts_with("0x") ? text.substr(2) : std::string_view{};
      out = 0;
      for (const char c : digits) {
        const int nibble = c >= '0' && c <= '9'   ? c - '0'
                           : c >= 'a' && c <= 'f' ? c - 'a' + 10
                           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                                  : -1;
        if (nibble < 0) return in_quotes(text) + " is no PAN identifier; 0x0000 to 0xfffe is accepted";
        out = out << 4 | static_cast<std::uint64_t>(nibble);
        if (out > 0xfffe) break;
      }
      // IEEE 802.15.4-2020, 7.2.2.6: 0xffff is the broadcast identifier, not a network.
      return digits.empty() || out > 0xfffe ? in_quotes(text) + " is no PAN identifier; 0x0000 to 0xfffe is accepted"
                                            : std::string{};
    };
    known = read_value(context, pan, "pan", number, read);
    if (known) segment.key = SegmentKey::pan(static_cast<std::uint16_t>(number));
    return known;
  }
  if (vni) {
    known = read_value(context, vni, "vni", number,
                       [](std::string_view text, std::uint64_t& out) { return read_count(text, 0, 0xffffff, out); });
    if (known) segment.key = SegmentKey::vni(static_cast<std::uint32_t>(number));
  }
  if (vlan && vlan.kind() != NodeKind::scalar && vlan.kind() != NodeKind::list) known = false;
  read_one_or_list(context, vlan, "vlan", [&](const Value& at, std::string_view text) {
    if (const std::string message = read_count(text, 1, 4094, number); !message.empty()) {
      known = false;
      return wrong(context, at, "vlan", message);
    }
    if (!segment.key.push_vlan(static_cast<std::uint16_t>(number))) {
      known = false;
      wrong(context, at, "vlan", "more than 3 tags; a list is one stack of tags, the outermost first");
    }
  });
  return known;
}

void InventoryReader::read_assets(const Value& value) {
  if (value.kind() != NodeKind::list) {
    if (value.kind() != NodeKind::refused)
      wrong(building_.context, value, "assets", "a list of maps is accepted, one an asset");
    return;
  }
  building_.config.assets.reserve(building_.config.assets.size() + value.node->count);
  value.for_each([&](const Value& item) { read_asset(item); });
}

void InventoryReader::read_asset(const Value& value) {
  static constexpr std::array<std::string_view, 9> keys = {"name",   "role",   "address",     "segment", "mac",
                                                           "serves", "object", "capacity_kw", "ports"};
  Context& context = building_.context;
  MapReader map(context, value, "an asset", keys);
  if (!map) return;
  Asset asset;
  asset.place = context.faults.place_of(value.position());
  const std::uint32_t number = static_cast<std::uint32_t>(building_.config.assets.size()) + 1;
  std::string_view text;
  if (const Value name = map.need("name"); name && read_text(context, name, "name", text)) {
    if (const std::string message = read_name(text); !message.empty()) {
      wrong(context, name, "name", message);
    } else if (const auto [at, added] = building_.asset_names.try_emplace(text, number); !added) {
      wrong(context, name, "name",
            "the asset " + in_quotes(text) + " is here twice; the first is on " +
                context.faults.reference(building_.asset_positions[at->second - 1], name.file));
    } else {
      building_.asset_name_list.push_back(text);
    }
    asset.name = text;
  }
  if (const Value role = map.need("role"); role && read_text(context, role, "role", text)) {
    read_role(context, role, "role", text, asset.role);
  }
  bool link_known = true;
  if (const Value segment = map.find("segment"); segment) {
    link_known = false;
    if (!read_text(context, segment, "segment", text)) {
    } else if (const auto at = building_.segment_names.find(text); at != building_.segment_names.end()) {
      asset.segment = at->second;
      link_known = building_.segment_link_known[at->second - 1];
    } else {
      wrong(context, segment, "segment",
            "there is no segment " + in_quotes(text) + context.suggestions.among(text, building_.segment_name_list) +
                "; the names under segments are accepted");
    }
  }
  read_asset_addresses(map.need("address"), asset, number, link_known);
  if (const Value mac = map.find("mac"); mac && read_text(context, mac, "mac", text)) {
    if (!parse_mac(text, asset.mac)) {
      wrong(context, mac, "mac", in_quotes(text) + " is no MAC address; accepted: \"02:00:00:00:12:02\"");
    } else if (asset.mac.is_group() || asset.mac.value == 0) {
      wrong(context, mac, "mac", in_quotes(text) + " is no address of one host");
      asset.mac = {};
    }
  }
  read_one_or_list(context, map.find("serves"), "serves", [&](const Value& item, std::string_view word) {
    ErabInterface interface = ErabInterface::none;
    if (!read_interface(context, item, "serves", word, interface)) return;
    if (std::find(asset.serves.begin(), asset.serves.end(), interface) != asset.serves.end()) {
      return wrong(context, item, "serves", in_quotes(word) + " is here twice");
    }
    asset.serves.push_back(interface);
  });
  read_value(context, map.find("object"), "object", asset.object, read_object);
  read_value(context, map.find("capacity_kw"), "capacity_kw", asset.capacity_kw, read_kilowatts);
  read_port_list(map.find("ports"), asset.ports);
  building_.asset_positions.push_back(value.position());
  building_.config.assets.push_back(std::move(asset));
}

void InventoryReader::read_asset_addresses(const Value& value, Asset& asset, std::uint32_t asset_number,
                                           bool link_known) {
  Context& context = building_.context;
  const Segment* segment = asset.segment == 0 ? nullptr : &building_.config.segments[asset.segment - 1];
  read_one_or_list(context, value, "address", [&](const Value& item, std::string_view text) {
    IpAddress address;
    if (const std::string message = read_address(text, address); !message.empty())
      return wrong(context, item, "address", message);
    if (address.is_multicast() || address.is_broadcast() || address.is_unspecified() || address.is_loopback()) {
      return wrong(context, item, "address", in_quotes(text) + " is no address of one host");
    }
    if (address.is_link_local()) {
      // It repeats on every link, and needs none of the segment's prefixes.
      if (link_known && (segment == nullptr || segment->any_link)) {
        return wrong(
            context, item, "address",
            in_quotes(text) + " repeats on every link; it is accepted with a segment that has vlan, vni or pan");
      }
    } else if (segment != nullptr && !segment->prefixes.empty() &&
               std::none_of(segment->prefixes.begin(), segment->prefixes.end(),
                            [&](const IpPrefix& p) { return p.contains(address); })) {
      std::string prefixes;
      for (std::size_t i = 0; i < segment->prefixes.size() && i < 3; ++i)
        prefixes += (i == 0 ? "" : ", ") + to_string(segment->prefixes[i]);
      if (segment->prefixes.size() > 3) prefixes += ", ...";
      return wrong(context, item, "address",
                   in_quotes(text) + " is not in the segment " + in_quotes(segment->name) + " (" + prefixes + ")");
    }
    const bool any_link = segment == nullptr || segment->any_link;
    const LinkAddress key{any_link ? 0 : segment->key.raw(), address, 255, any_link};
    const auto [found, added] =
        link_known ? addresses_.try_emplace(key, asset_number) : std::pair{addresses_.end(), true};
    if (!added) {
      if (found->second == asset_number) return wrong(context, item, "address", in_quotes(text) + " is here twice");
      return wrong(context, item, "address",
                   in_quotes(text) + " is already the asset " +
                       in_quotes(building_.config.assets[found->second - 1].name) + " on " +
                       context.faults.reference(building_.asset_positions[found->second - 1], item.file) +
                       " of the same link");
    }
    if (asset.addresses.size() == addresses_per_asset_max) {
      return wrong(context, item, "address",
                   "more than " + std::to_string(addresses_per_asset_max) + " addresses in one asset");
    }
    asset.addresses.push_back(address);
  });
}

void InventoryReader::read_port_list(const Value& value, std::vector<PortRange>& ports) {
  Context& context = building_.context;
  read_one_or_list(context, value, "ports", [&](const Value& item, std::string_view text) {
    PortRange range;
    if (const std::string message = read_ports(text, range); !message.empty())
      return wrong(context, item, "ports", message);
    if (ports.size() == allow_ports_max) {
      return wrong(context, item, "ports", "more than " + std::to_string(allow_ports_max) + " port ranges in one list");
    }
    for (const PortRange& other : ports) {
      const bool same_protocol = other.protocol == 0 || range.protocol == 0 || other.protocol == range.protocol;
      if (same_protocol && other.first <= range.last && range.first <= other.last) {
        return wrong(context, item, "ports", in_quotes(text) + " overlaps another of the list; name each port once");
      }
    }
    ports.push_back(range);
  });
}

void InventoryReader::read_allow(const Value& value) {
  if (value.kind() != NodeKind::list) {
    if (value.kind() != NodeKind::refused)
      wrong(building_.context, value, "allow", "a list of maps is accepted, one an entry");
    return;
  }
  value.for_each([&](const Value& item) { read_entry(item); });
}

void InventoryReader::read_entry(const Value& value) {
  static constexpr std::array<std::string_view, 6> keys = {"from", "to", "ports", "protocols", "direction", "reason"};
  static constexpr std::array<std::string_view, 2> directions = {"forward", "both"};
  static constexpr std::array<bool, 2> direction_meanings = {false, true};
  Context& context = building_.context;
  MapReader map(context, value, "an allow entry", keys);
  if (!map) return;
  AllowEntry entry;
  entry.place = context.faults.place_of(value.position());
  read_ends(map.need("from"), "from", entry.from);
  read_ends(map.need("to"), "to", entry.to);
  read_port_list(map.find("ports"), entry.ports);
  // `any` beside nothing else is the same as no list; policy then allows protocols without ports too.
  if (entry.ports.size() == 1 && entry.ports[0].protocol == 0) entry.ports.clear();
  read_one_or_list(context, map.find("protocols"), "protocols", [&](const Value& item, std::string_view text) {
    AppProtocol protocol = AppProtocol::unknown;
    if (!parse_app_protocol(text, protocol)) {
      return wrong(context, item, "protocols",
                   in_quotes(text) + " is no protocol that is understood" +
                       context.suggestions.among(text, protocol_words()) + "; accepted: " + listed(protocol_words()));
    }
    if (std::find(entry.protocols.begin(), entry.protocols.end(), protocol) != entry.protocols.end()) {
      return wrong(context, item, "protocols", in_quotes(text) + " is here twice");
    }
    entry.protocols.push_back(protocol);
  });
  read_word<bool>(context, map.find("direction"), "direction", directions, direction_meanings, entry.both_directions);
  std::string_view text;
  if (const Value reason = map.find("reason"); reason && read_text(context, reason, "reason", text)) {
    if (text.empty() || text.size() > reason_bytes_max) wrong(context, reason, "reason", "1 to 256 bytes are accepted");
    entry.reason = text;
  }
  count_pairs(value, entry);
  building_.config.allow.push_back(std::move(entry));
}

void InventoryReader::read_ends(const Value& value, std::string_view key, std::vector<Endpoint>& ends) {
  Context& context = building_.context;
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
  // Named twice: found by their identity, so that 4096 names are no 4096 squared comparisons.
  std::vector<std::uint64_t> ids;
  for (const Endpoint& end : ends) ids.push_back(id_of(end));
  std::sort(ids.begin(), ids.end());
  if (std::adjacent_find(ids.begin(), ids.end()) != ids.end()) wrong(context, value, key, "a name is here twice");
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
    const std::string_view name = text.substr(8);
    const auto at = building_.segment_names.find(name);
    if (at == building_.segment_names.end()) {
      wrong(context, item, key,
            "there is no segment " + in_quotes(name) + context.suggestions.among(name, building_.segment_name_list) +
                "; the names under segments are accepted");
      return false;
    }
    end.kind = Endpoint::Kind::segment;
    end.index = at->second - 1;
    return true;
  }
  if (const auto at = building_.asset_names.find(text); at != building_.asset_names.end()) {
    end.kind = Endpoint::Kind::asset;
    end.index = at->second - 1;
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
    wrong(context, item, key, in_quotes(text) + ": names are not accepted; give addresses or prefixes");
    return false;
  }
  wrong(context, item, key,
        "there is no asset " + in_quotes(text) + context.suggestions.among(text, building_.asset_name_list) +
            "; accepted: any, the name of an asset, role:NAME, segment:NAME, an address, a prefix");
  return false;
}

std::uint64_t InventoryReader::id_of(const Endpoint& end) {
  const std::uint64_t kind = static_cast<std::uint64_t>(end.kind) << 56;
  switch (end.kind) {
    case Endpoint::Kind::any:
      return kind;
    case Endpoint::Kind::asset:
    case Endpoint::Kind::segment:
      return kind | end.index;
    case Endpoint::Kind::role:
      return kind | static_cast<std::uint64_t>(end.role);
    case Endpoint::Kind::prefix:
      break;
  }
  return kind | end_ids_.try_emplace({0, end.prefix.address, end.prefix.length, false}, end_ids_.size()).first->second;
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
  std::vector<std::uint64_t> to_ids;
  for (const Endpoint& to : entry.to) to_ids.push_back(id_of(to));
  bool told = false;
  for (const Endpoint& from : entry.from) {
    const std::uint64_t from_id = id_of(from);
    for (const std::uint64_t to_id : to_ids) {
      if (++pairs_[{from_id, to_id}] != allow_same_pair_max + 1 || told) continue;
      told = true;
      wrong(context, value, "allow",
            "more than " + std::to_string(allow_same_pair_max) +
                " entries name the same two ends; write their ports as one list");
    }
  }
}

}  // namespace tsujiban::config
