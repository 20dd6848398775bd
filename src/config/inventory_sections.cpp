#include <algorithm>
#include <array>

#include "config/csv.h"
#include "config/sections.h"

namespace tsujiban::config {
namespace {

constexpr std::size_t prefixes_per_segment_max = 1024;
constexpr std::size_t addresses_per_asset_max = 64;

constexpr std::array<std::string_view, 8> segment_keys = {"name", "prefix", "vlan",     "vni",
                                                          "pan",  "erab",   "template", "assets"};
constexpr std::span<const std::string_view> segment_columns(segment_keys.data(), 7);
constexpr std::array<std::string_view, 2> segment_lists = {"prefix", "vlan"};
constexpr std::array<std::string_view, 10> asset_keys = {"name",   "role",   "address",     "segment", "mac",
                                                         "serves", "object", "capacity_kw", "jc_star", "ports"};
constexpr std::array<std::string_view, 3> asset_lists = {"address", "serves", "ports"};
constexpr std::array<std::string_view, 3> asset_needs = {"name", "role", "address"};

}  // namespace

std::size_t InventoryReader::LinkAddressHash::operator()(const LinkAddress& key) const noexcept {
  const std::uint64_t first = hash_words(HashSeed{}, key.address.high, key.address.low);
  return hash_words(HashSeed{}, first ^ key.length, key.link ^ static_cast<std::uint64_t>(key.any_link));
}

bool InventoryReader::has_room(const Value& value, std::string_view key, std::size_t size, std::size_t max) {
  if (size < max) return true;
  if (std::find(full_.begin(), full_.end(), key) == full_.end()) {
    full_.push_back(key);
    wrong(building_.context, value, key, "more than " + std::to_string(max) + " in all; the rest was not read");
  }
  return false;
}

void InventoryReader::read_segments(const Value& value) {
  Context& context = building_.context;
  if (value.kind() != NodeKind::list) {
    if (value.kind() != NodeKind::refused)
      wrong(context, value, "segments", "a list of maps is accepted, one a segment");
    return;
  }
  value.for_each([&](const Value& item) {
    MapReader map(context, item, "a segment", segment_keys);
    if (!map) return;
    if (map.find("template")) return read_template(item, map, false);
    if (const Value assets = map.find("assets"); assets) {
      wrong(context, assets, "assets",
            "only the segments of a template have assets of their own; others stand under assets");
    }
    read_segment(item, map);
  });
}

void InventoryReader::read_segment_table(std::string& bytes, std::uint32_t file) {
  const TableKind kind = {"a table of segments", segment_columns, segment_lists, {}};
  Context& context = building_.context;
  read_table(context, bytes, file, kind, [&](const Value& row) {
    MapReader map(context, row, "a segment", segment_columns);
    if (map.find("template")) return read_template(row, map, true);
    read_segment(row, map);
  });
}

void InventoryReader::read_segment(const Value& value, MapReader& map) {
  Context& context = building_.context;
  if (!has_room(value, "segments", building_.config.segments.size(), segments_max)) return;
  Segment segment;
  segment.place = {value.file, value.node->line, value.node->column};
  const std::uint32_t number = static_cast<std::uint32_t>(building_.config.segments.size()) + 1;
  std::string_view text;
  if (const Value name = map.need("name"); name && read_text(context, name, "name", text)) {
    if (const std::string message = read_name(text); !message.empty()) {
      wrong(context, name, "name", message);
    } else if (const std::uint32_t* known = building_.segment_names.find(text); known != nullptr) {
      wrong(context, name, "name",
            "the segment " + in_quotes(text) + " is here twice; the first is on " +
                context.faults.reference(building_.segment_positions[*known - 1], name.file));
    } else {
      const std::string_view kept = building_.names.add(text);
      building_.segment_names.try_emplace(kept, number);
      building_.segment_name_list.push_back(kept);
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
        link_known ? prefixes_.try_emplace(key, number - 1) : std::pair<std::uint32_t*, bool>{nullptr, true};
    if (!added) {
      const bool same = *found == number - 1;
      return wrong(context, at, "prefix",
                   to_string(prefix) +
                       (same ? " is here twice"
                             : " is already the segment " + in_quotes(building_.config.segments[*found].name) + " on " +
                                   context.faults.reference(building_.segment_positions[*found], at.file) +
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
  building_.segment_positions.push_back(value.position());
  building_.config.segments.push_back(std::move(segment));
}

bool InventoryReader::read_link(const MapReader& map, Segment& segment) {
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

void InventoryReader::read_asset_table(std::string& bytes, std::uint32_t file) {
  const TableKind kind = {"a table of assets", asset_keys, asset_lists, asset_needs};
  building_.config.assets.reserve(building_.config.assets.size() + std::min(rows_at_most(bytes), assets_max));
  read_table(building_.context, bytes, file, kind, [&](const Value& row) { read_asset(row, 0); });
}

void InventoryReader::read_assets(const Value& value) {
  if (value.kind() != NodeKind::list) {
    if (value.kind() != NodeKind::refused)
      wrong(building_.context, value, "assets", "a list of maps is accepted, one an asset");
    return;
  }
  value.for_each([&](const Value& item) { read_asset(item, 0); });
}

void InventoryReader::read_asset(const Value& value, std::uint32_t home_segment) {
  Context& context = building_.context;
  if (!has_room(value, "assets", building_.config.assets.size(), assets_max)) return;
  MapReader map(context, value, "an asset", asset_keys);
  if (!map) return;
  Asset asset;
  asset.place = {value.file, value.node->line, value.node->column};
  const std::uint32_t number = static_cast<std::uint32_t>(building_.config.assets.size()) + 1;
  std::string_view text;
  if (const Value name = map.need("name"); name && read_text(context, name, "name", text)) {
    if (const std::string message = read_name(text); !message.empty()) {
      wrong(context, name, "name", message);
    } else if (const std::uint32_t* known = building_.asset_names.find(text); known != nullptr) {
      wrong(context, name, "name",
            "the asset " + in_quotes(text) + " is here twice; the first is on " +
                context.faults.reference(building_.asset_positions[*known - 1], name.file));
    } else {
      const std::string_view kept = building_.names.add(text);
      building_.asset_names.try_emplace(kept, number);
      building_.asset_name_list.push_back(kept);
    }
    asset.name = text;
  }
  if (const Value role = map.need("role"); role && read_text(context, role, "role", text)) {
    read_role(context, role, "role", text, asset.role);
  }
  bool link_known = true;
  if (const Value segment = map.find("segment"); segment && home_segment != 0) {
    wrong(context, segment, "segment", "an asset of a template is in the template's own segment; leave the key out");
  } else if (segment) {
    link_known = false;
    if (read_text(context, segment, "segment", text) && read_segment_name(segment, "segment", text, asset.segment))
      link_known = building_.segment_link_known[asset.segment - 1];
  }
  if (home_segment != 0) {
    asset.segment = home_segment;
    link_known = building_.segment_link_known[home_segment - 1];
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
  read_value(context, map.find("jc_star"), "jc_star", asset.jc_star, [](std::string_view digits, std::uint8_t& out) {
    std::uint64_t level = 0;
    std::string message = read_count(digits, 1, 4, level);
    out = static_cast<std::uint8_t>(level);
    return message;
  });
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
        link_known ? addresses_.try_emplace(key, asset_number) : std::pair<std::uint32_t*, bool>{nullptr, true};
    if (!added) {
      if (*found == asset_number) return wrong(context, item, "address", in_quotes(text) + " is here twice");
      return wrong(context, item, "address",
                   in_quotes(text) + " is already the asset " + in_quotes(building_.config.assets[*found - 1].name) +
                       " on " + context.faults.reference(building_.asset_positions[*found - 1], item.file) +
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
  ports.clear();
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

}  // namespace tsujiban::config
