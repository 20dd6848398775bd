#include "learn/draft.h"

#include <algorithm>
#include <cstdio>
#include <map>
#include <set>
#include <tuple>

namespace tsujiban::learn {
namespace {

constexpr std::size_t home_assets_max = 256;      // Of a template; the configuration accepts 1000.
constexpr std::size_t name_base_bytes_max = 56;   // Of the 64 that the configuration accepts; a number may follow.
constexpr std::uint64_t vrrp_mac = 0x00005e0001;  // RFC 9568, 7.3: the first five bytes.

struct ClassName {
  std::uint32_t code;
  std::string_view kind, text;
};
// In the order in which one stands for its node: what moves the most load first (APPENDIX ECHONET, class codes).
constexpr ClassName class_names[] = {
    {0x027d, "battery", "storage battery"},
    {0x027e, "ev", "EV charger and discharger"},
    {0x02a1, "ev", "EV charger"},
    {0x0279, "pv", "solar power"},
    {0x027c, "fuel-cell", "fuel cell"},
    {0x02a5, "pcs", "multiple input PCS"},
    {0x02a7, "regulation", "frequency regulation"},
    {0x026b, "heat-pump", "heat pump water heater"},
    {0x0272, "water-heater", "instantaneous water heater"},
    {0x0130, "aircon", "air conditioner"},
    {0x0133, "aircon", "ventilation fan"},
    {0x0287, "panel", "distribution panel"},
    {0x0288, "meter", "low-voltage smart meter"},
    {0x028a, "meter", "high-voltage smart meter"},
    {0x028f, "meter", "bidirectional meter"},
    {0x05ff, "controller", "controller"},
};

std::uint32_t class_of(std::uint32_t object) noexcept { return object >> 8; }
const ClassName* class_name(std::uint32_t object) noexcept {
  for (const ClassName& row : class_names) {
    if (row.code == class_of(object)) return &row;
  }
  return nullptr;
}
bool is_meter(std::uint32_t object) noexcept {
  const std::uint32_t c = class_of(object);
  return c == 0x0288 || c == 0x028a || c == 0x028f;
}
bool is_controller(std::uint32_t object) noexcept { return class_of(object) == 0x05ff; }
bool is_sensor(std::uint32_t object) noexcept { return object >> 16 == 0; }
bool is_configurable(std::uint32_t object) noexcept {
  return object >> 16 <= 0x0f && (object & 0xff) >= 1 && (object & 0xff) <= 0x7f;
}

IpPrefix prefix_of(const IpAddress& address, unsigned length) noexcept {
  if (address.is_v4())
    return {IpAddress::v4(address.as_v4() & ~std::uint32_t{0} << (32 - length)), static_cast<std::uint8_t>(length)};
  return {{address.high & ~std::uint64_t{0} << (64 - length), 0}, static_cast<std::uint8_t>(length)};
}

// A link that the configuration can name: VLAN 1 to 4094, PAN up to 0xfffe.
bool has_words(SegmentKey key) noexcept {
  if (key.is_pan()) return key.pan_value() != 0xffff && key == SegmentKey::pan(key.pan_value());
  SegmentKey again = key.has_vni() ? SegmentKey::vni(key.vni_value()) : SegmentKey{};
  for (unsigned i = 0; i < key.vlan_count(); ++i) {
    if (key.vlan(i) == 0 || key.vlan(i) == 4095) return false;
    again.push_vlan(key.vlan(i));
  }
  return again == key;
}

std::pair<std::string, std::string> link_names(SegmentKey key) {
  if (key.is_pan()) {
    char text[16];
    std::snprintf(text, sizeof text, "%04x", static_cast<unsigned>(key.pan_value()));
    return {std::string("pan-") + text, std::string("pan") + text};
  }
  std::string name = key.has_vni() ? "vni-" + std::to_string(key.vni_value()) : "";
  std::string tag = key.has_vni() ? "vni" + std::to_string(key.vni_value()) : "";
  if (key.vlan_count() != 0) {
    name += name.empty() ? "vlan" : "-vlan";
    tag += tag.empty() ? "vlan" : "-vlan";
  }
  for (unsigned i = 0; i < key.vlan_count(); ++i) {
    name += (i == 0 ? "-" : ".") + std::to_string(key.vlan(i));
    tag += (i == 0 ? "" : ".") + std::to_string(key.vlan(i));
  }
  return name.empty() ? std::pair<std::string, std::string>{"lan", "lan"} : std::pair{name, tag};
}

std::string dashed(const IpPrefix& prefix) {
  if (!prefix.address.is_v4()) return "v6";
  const std::uint32_t a = prefix.address.as_v4();
  std::string text = std::to_string(a >> 24) + '-' + std::to_string(a >> 16 & 255);
  if (prefix.length > 16) text += '-' + std::to_string(a >> 8 & 255);
  return text;
}

// Builds the segments of one link and says which of them each address is in.
class LinkSegments {
 public:
  LinkSegments(SegmentKey key, const HostRow* first, const HostRow* last, Site& site) : site_(site) {
    std::map<std::uint32_t, std::set<std::uint32_t>> v4;  // /24 by /16.
    std::set<std::uint64_t> v6;
    bool local_v4 = false, local_v6 = false;
    for (const HostRow* row = first; row != last; ++row) {
      const IpAddress& a = row->key.address;
      if (a.is_link_local()) {
        (a.is_v4() ? local_v4 : local_v6) = true;
      } else if (a.is_v4()) {
        v4[a.as_v4() >> 16].insert(a.as_v4() >> 8);
      } else {
        v6.insert(a.high);
      }
    }
    const auto [name, tag] = link_names(key);
    const bool tagged = key.raw() != 0;
    std::vector<IpPrefix> v4_prefixes, v6_prefixes;
    for (const auto& [wide, narrow] : v4) {
      if (narrow.size() > spread_v4_max) {
        v4_prefixes.push_back(prefix_of(IpAddress::v4(wide << 16), 16));
      } else {
        for (const std::uint32_t n : narrow) v4_prefixes.push_back(prefix_of(IpAddress::v4(n << 8), 24));
      }
    }
    const unsigned v6_length = v6.size() > prefixes_per_link_max ? 48 : 64;
    for (const std::uint64_t high : v6) {
      const IpPrefix p = prefix_of({high, 0}, v6_length);
      if (v6_prefixes.empty() || v6_prefixes.back() != p) v6_prefixes.push_back(p);
    }
    for (auto* const prefixes : {&v4_prefixes, &v6_prefixes}) {
      if (prefixes->size() <= prefixes_per_link_max) continue;
      site.notes.push_back(name + ": " + grouped(prefixes->size()) + " prefixes were seen, only the " +
                           std::to_string(prefixes_per_link_max) + " with the most packets are here");
      keep_busiest(*prefixes, first, last);
    }
    if (v4_prefixes.empty() && v6_prefixes.empty() && tagged) {
      if (local_v4) v4_prefixes.push_back(prefix_of(IpAddress::v4(0xa9fe0000), 16));
      if (local_v6) v6_prefixes.push_back({{0xfe80000000000000, 0}, 10});
    }
    if (!tagged && (local_v4 || local_v6)) {
      site.notes.push_back(name +
                           ": link-local addresses are left out; they repeat on every link, and this one has no "
                           "vlan, vni or pan");
    }
    begin_ = site.segments.size();
    if (v4_prefixes.size() <= 1) {
      if (v4_prefixes.empty() && v6_prefixes.empty()) return;
      SegmentDraft& segment = site.segments.emplace_back();
      segment.prefixes = v4_prefixes;
      segment.prefixes.insert(segment.prefixes.end(), v6_prefixes.begin(), v6_prefixes.end());
      segment.key = key, segment.name = name, segment.tag = tag;
    } else {
      // Clang 14 captures no structured binding.
      const auto add = [&, link_name = name, link_tag = tag](std::vector<IpPrefix> prefixes,
                                                             const std::string& suffix) {
        SegmentDraft& segment = site.segments.emplace_back();
        segment.prefixes = std::move(prefixes);
        segment.key = key, segment.name = link_name + '-' + suffix, segment.tag = link_tag + '-' + suffix;
      };
      for (const IpPrefix& p : v4_prefixes) add({p}, dashed(p));
      if (!v6_prefixes.empty()) add(v6_prefixes, "v6");
    }
    tagged_ = tagged;
  }

  // Index + 1; 0: in none. Link-local ones that no MAC binds to another address are in the link's last segment.
  std::uint32_t segment_of(const IpAddress& address) const noexcept {
    if (address.is_link_local())
      return tagged_ && begin_ < site_.segments.size() ? static_cast<std::uint32_t>(site_.segments.size()) : 0;
    for (std::size_t i = begin_; i < site_.segments.size(); ++i) {
      for (const IpPrefix& p : site_.segments[i].prefixes) {
        if (p.contains(address)) return static_cast<std::uint32_t>(i) + 1;
      }
    }
    return 0;
  }

 private:
  // Addresses that somebody makes up send little each: they must not push out who really lives there.
  static void keep_busiest(std::vector<IpPrefix>& prefixes, const HostRow* first, const HostRow* last) {
    std::vector<std::pair<std::uint64_t, std::size_t>> busy;  // Packets, the most first; index.
    for (std::size_t i = 0; i < prefixes.size(); ++i) {
      std::uint64_t packets = 0;
      for (const HostRow* row = first; row != last; ++row) {
        if (prefixes[i].contains(row->key.address)) packets += row->packets;
      }
      busy.push_back({UINT64_MAX - packets, i});
    }
    std::sort(busy.begin(), busy.end());
    busy.resize(prefixes_per_link_max);
    std::sort(busy.begin(), busy.end(), [](const auto& a, const auto& b) { return a.second < b.second; });
    std::vector<IpPrefix> kept;
    kept.reserve(busy.size());
    for (const auto& [packets, i] : busy) kept.push_back(prefixes[i]);
    prefixes = std::move(kept);
  }

 private:
  Site& site_;
  std::size_t begin_ = 0;
  bool tagged_ = false;
};

// The MAC of a host itself. One that stands in front of public addresses, or in frames of several prefixes without a
// claim, is a router's.
MacAddress own_mac(const Memory& memory, const HostRow& row) noexcept {
  const Host& host = *row.host;
  if (host.claimed_count != 0) return host.claimed_count == 1 ? host.claimed[0] : MacAddress{};
  if (host.framed_count != 1) return {};
  const std::uint32_t i = memory.macs.find({row.key.segment, host.framed[0]});
  return i != 0 && (memory.macs.value(i).far_count != 0 || memory.macs.value(i).advertises) ? MacAddress{}
                                                                                            : host.framed[0];
}

// Whether public addresses that are no hosts of the link came in frames of this MAC.
bool routes(const Memory& memory, const Site& site, std::uint64_t segment, MacAddress mac) noexcept {
  const std::uint32_t i = memory.macs.find({segment, mac});
  if (i == 0) return false;
  const MacSeen& seen = memory.macs.value(i);
  if (seen.far_count > MacSeen::far_max) return true;
  for (std::size_t n = 0; n < seen.far_count; ++n) {
    if (site.find(segment, seen.far[n]) == nullptr) return true;
  }
  return false;
}

// Takes one address into its asset.
void add_host(AssetDraft& asset, const HostRow& row, std::uint32_t askers_min) {
  const Host& host = *row.host;
  asset.addresses.push_back(row.key.address);
  if (host.seen.ever) asset.seen.at(host.seen.first), asset.seen.at(host.seen.last);
  asset.packets += row.packets, asset.flows += row.flows;
  for (std::size_t i = 0; i < host.object_count; ++i) {
    if (std::find(asset.objects.begin(), asset.objects.end(), host.objects[i]) == asset.objects.end())
      asset.objects.push_back(host.objects[i]);
  }
  for (std::size_t i = 0; i < host.answered_count; ++i) {
    if (std::find(asset.ports.begin(), asset.ports.end(), host.answered[i]) == asset.ports.end())
      asset.ports.push_back(host.answered[i]);
  }
  asset.ports_more |= host.answered_more;
  asset.begins_more |= host.begins_more;
  asset.controls |= host.asks_as_controller;
  // Some controllers speak as the node profile alone (0EF001).
  if (!host.asks_as_controller && host.asks && host.writes && host.object_count == 0) {
    asset.controls = true;
    asset.reviews.emplace_back("it asks and writes as a controller does, without a controller's object");
  }
  asset.writes |= host.writes;
  asset.dhcp |= host.dhcp_server;
  asset.advertises |= host.advertises || host.router_flag;
  asset.routes |= host.dhcp_router;
  if (asset.identity[0] == '\0') asset.identity = host.identity;
  for (std::size_t i = 0; i < Host::gaps_max; ++i) asset.gaps[i] += std::min(host.gaps[i], UINT32_MAX - asset.gaps[i]);
  asset.silence_ns_max = std::max(asset.silence_ns_max, host.silence_ns_max);
  const auto fact = [&](bool holds, const char* text) {
    if (holds && std::find(asset.evidence.begin(), asset.evidence.end(), text) == asset.evidence.end())
      asset.evidence.emplace_back(text);
  };
  fact(host.dhcp_server, "DHCP server");
  fact(host.dhcp_router, "named as router by DHCP");
  fact(host.dhcp_resolver, "named as resolver by DHCP");
  fact(host.advertises, "sends router advertisements");
  fact(host.router_flag, "says by NDP that it routes");
  fact(host.asker_count >= askers_min, "asked for by ARP from several hosts");
  if (host.claimed_count > 1) {
    const auto is_virtual = [](MacAddress mac) { return mac.value >> 8 == vrrp_mac; };
    const bool redundant = is_virtual(host.claimed[0]) || is_virtual(host.claimed[1]);
    asset.reviews.push_back(to_string(row.key.address) + " was claimed by " +
                            (host.claimed_count > Host::macs_max
                                 ? "more than two MACs"
                                 : "two MACs: " + to_string(host.claimed[0]) + " and " + to_string(host.claimed[1])) +
                            (redundant ? " (a virtual router)" : ""));
    if (!redundant) asset.left_out = true;
  }
  if (host.claims_for_other) asset.reviews.emplace_back("its address was claimed in another's frame");
}

void guess_role(AssetDraft& asset, bool mac_routes) {
  std::sort(asset.objects.begin(), asset.objects.end());
  const auto has = [&](auto&& is) { return std::any_of(asset.objects.begin(), asset.objects.end(), is); };
  const bool controls = asset.controls || (asset.writes && has(is_controller));
  asset.controls = controls;
  asset.routes |= mac_routes || asset.advertises;
  if (mac_routes) asset.evidence.emplace_back("its MAC stands in front of public addresses");
  const auto take = [&](auto&& wanted) {
    for (const ClassName& row : class_names) {
      for (const std::uint32_t o : asset.objects) {
        if (asset.object == 0 && class_of(o) == row.code && wanted(o) && is_configurable(o)) asset.object = o;
      }
    }
    for (const std::uint32_t o : asset.objects) {
      if (asset.object == 0 && wanted(o) && is_configurable(o)) asset.object = o;
    }
  };
  const auto is_device = [](std::uint32_t o) { return !is_meter(o) && !is_controller(o) && !is_sensor(o); };
  if (has(is_meter)) {
    asset.role = Role::meter, asset.kind = "meter";
    take(is_meter);
  } else if (controls) {
    asset.role = Role::ems, asset.kind = "ems";
    take(is_controller);
  } else if (has(is_device)) {
    asset.role = Role::device;
    take(is_device);
    const ClassName* const name = class_name(asset.object);
    asset.kind = name != nullptr ? name->kind : "device";
  } else if (has(is_sensor)) {
    asset.role = Role::sensor_device, asset.kind = "sensor";
    take(is_sensor);
  } else if (asset.routes) {
    asset.role = Role::router, asset.kind = "router";
  } else {
    asset.role = Role::device, asset.kind = asset.dhcp ? "dhcp" : "host";
  }
  if (!asset.objects.empty()) {
    std::string text = "has";
    for (std::size_t i = 0; i < asset.objects.size() && i < 6; ++i)
      text += (i == 0 ? " " : ", ") + object_text(asset.objects[i]);
    if (asset.objects.size() > 6) text += ", and " + std::to_string(asset.objects.size() - 6) + " more";
    asset.evidence.insert(asset.evidence.begin(), text);
  }
  if (controls)
    asset.evidence.emplace_back(asset.writes ? "asks and writes as a controller" : "asks as a controller");
  else if (asset.writes)
    asset.reviews.emplace_back("it writes to others, but not as a controller");
  if (asset.role == Role::meter && controls) asset.reviews.emplace_back("a meter that asks as a controller does");
}

void judge(AssetDraft& asset, Duration span) {
  const Duration seen = span_of(asset.seen.first, asset.seen.last);
  if (span >= span_judged_min && seen < brief_max) {
    asset.left_out = true;
    asset.reviews.push_back(seen.ns == 0 ? "seen only once" : "seen for " + duration_text(seen.ns) + " only");
  }
  if (asset.mac.is_locally_administered()) {
    asset.reviews.emplace_back("locally administered MAC: it may be made up and change");
    if (span >= span_judged_min && seen.ns < span.ns / 2) asset.left_out = true;
  }
  if (asset.begins_more) {
    asset.reviews.emplace_back("it begins with more peers and ports than are kept: a scan?");
    asset.left_out = true;
  }
  if (asset.ports_more) asset.reviews.emplace_back("it answers on many ports; they are not listed");
  // Last: the summary tells the first mark, and this one is the least.
  if (asset.kind == "host" || asset.kind == "dhcp")
    asset.reviews.emplace_back("its role is not known from its behaviour; `device` gives it no rights");
}

// Of several that claim one office in a segment only one is taken without being asked about.
void judge_rivals(Site& site, std::uint32_t segment, std::size_t begin, std::size_t end) {
  const auto contest = [&](auto&& takes_part, auto&& stands_before, auto&& harmless, const char* text) {
    AssetDraft* best = nullptr;
    std::size_t count = 0;
    for (std::size_t i = begin; i < end; ++i) {
      AssetDraft& asset = site.assets[i];
      if (asset.segment != segment || !takes_part(asset)) continue;
      ++count;
      if (best == nullptr ||
          std::pair(best->left_out, stands_before(*best)) > std::pair(asset.left_out, stands_before(asset)))
        best = &asset;
    }
    if (count < 2) return;
    for (std::size_t i = begin; i < end; ++i) {
      AssetDraft& asset = site.assets[i];
      if (asset.segment != segment || !takes_part(asset) || &asset == best) continue;
      asset.reviews.emplace_back(text);
      if (!harmless(asset)) asset.left_out = true;
    }
  };
  const auto busiest = [](const AssetDraft& a) { return UINT64_MAX - a.packets; };
  const auto earliest = [](const AssetDraft& a) {
    return static_cast<std::uint64_t>(a.seen.first.ns) ^ std::uint64_t{1} << 63;
  };
  contest([](const AssetDraft& a) { return a.role == Role::ems; }, busiest,
          [](const AssetDraft& a) { return !a.writes; }, "another controller of the segment speaks more");
  contest([](const AssetDraft& a) { return a.dhcp; }, earliest, [](const AssetDraft& a) { return a.routes; },
          "a second DHCP server of the segment");
  contest([](const AssetDraft& a) { return a.advertises; }, earliest, [](const AssetDraft&) { return false; },
          "a second host of the segment says that it routes");
}

void guess_interface(Site& site, std::uint32_t segment, std::size_t begin, std::size_t end) {
  std::size_t meters = 0, controllers = 0, devices = 0;
  for (std::size_t i = begin; i < end; ++i) {
    const AssetDraft& a = site.assets[i];
    if (a.segment != segment) continue;
    meters += a.role == Role::meter;
    controllers += a.role == Role::ems;
    devices += (a.role == Role::device || a.role == Role::sensor_device) && !a.objects.empty();
  }
  ErabInterface& interface = site.segments[segment].interface;
  if (devices != 0) {
    interface = ErabInterface::R5;
  } else if (meters == 1 && controllers != 0) {
    interface = ErabInterface::B;
  } else if (meters > 1 && controllers == 0) {
    interface = ErabInterface::A;
  }
}

std::string last_part(const AssetDraft& asset, const SegmentDraft& segment) {
  const IpAddress& a = asset.addresses.front();
  if (!a.is_v4()) {
    char text[8];
    std::snprintf(text, sizeof text, "%x", static_cast<unsigned>(a.low & 0xffff));
    return text;
  }
  const bool wide = std::any_of(segment.prefixes.begin(), segment.prefixes.end(),
                                [&](const IpPrefix& p) { return p.length < 24 && p.contains(a); });
  return (wide ? std::to_string(a.as_v4() >> 8 & 255) + '-' : "") + std::to_string(a.as_v4() & 255);
}

void name_assets(Site& site) {
  std::map<std::string, std::uint32_t> used;
  std::set<std::string> names;
  for (AssetDraft& asset : site.assets) {
    const SegmentDraft& segment = site.segments[asset.segment];
    const std::string base =
        (asset.kind + '-' + segment.tag + '-' + last_part(asset, segment)).substr(0, name_base_bytes_max);
    std::string name = base;
    for (std::uint32_t& n = used[base]; !names.insert(name).second;) name = base + '-' + std::to_string(++n + 1);
    asset.name = name;
  }
}

// Assets of one link: what has one MAC in one segment; an address without a MAC is one by itself.
void make_assets(const Memory& memory, Site& site, std::size_t first, std::size_t last, const LinkSegments& link) {
  constexpr std::uint32_t askers_min = 3;
  constexpr std::size_t v4_of_one_mac_max = 2;
  struct Member {
    std::uint32_t segment;
    std::uint64_t mac;
    std::size_t row;
  };
  std::vector<Member> members;
  // Without a claim a MAC of two hosts is that of a router between them and the tap.
  std::map<std::uint64_t, std::size_t> hosts_of_mac;
  for (std::size_t i = first; i < last; ++i) {
    if (site.rows[i].key.address.is_v4()) ++hosts_of_mac[own_mac(memory, site.rows[i]).value];
  }
  std::map<std::uint64_t, std::uint32_t> segment_of_mac;
  std::map<std::pair<std::uint32_t, std::uint64_t>, std::size_t> v4_of_mac;
  for (std::size_t i = first; i < last; ++i) {
    MacAddress mac = own_mac(memory, site.rows[i]);
    if (site.rows[i].host->claimed_count == 0) {
      const auto shared = hosts_of_mac.find(mac.value);
      if (shared != hosts_of_mac.end() && shared->second > 1) mac = {};
    }
    const std::uint32_t segment = link.segment_of(site.rows[i].key.address);
    if (segment == 0) continue;
    const bool local = site.rows[i].key.address.is_link_local();
    if (mac.value != 0 && !local) segment_of_mac.try_emplace(mac.value, segment);
    if (mac.value != 0 && site.rows[i].key.address.is_v4()) ++v4_of_mac[{segment, mac.value}];
    members.push_back({segment, mac.value, i});
  }
  for (Member& m : members) {
    if (m.mac == 0 || !site.rows[m.row].key.address.is_link_local()) continue;
    if (const auto at = segment_of_mac.find(m.mac); at != segment_of_mac.end()) m.segment = at->second;
  }
  std::stable_sort(members.begin(), members.end(), [](const Member& a, const Member& b) {
    return std::tie(a.segment, a.mac, a.row) < std::tie(b.segment, b.mac, b.row);
  });
  const std::size_t begin = site.assets.size();
  for (std::size_t i = 0; i < members.size(); ++i) {
    const Member& m = members[i];
    const auto v4 = v4_of_mac.find({m.segment, m.mac});
    const bool crowd = m.mac != 0 && v4 != v4_of_mac.end() && v4->second > v4_of_one_mac_max;
    const bool joins = i != 0 && m.mac != 0 && !crowd && members[i - 1].segment == m.segment &&
                       members[i - 1].mac == m.mac && site.assets.back().addresses.size() < addresses_per_asset_max;
    if (!joins) {
      AssetDraft& asset = site.assets.emplace_back();
      asset.segment = m.segment - 1;
      if (!crowd) asset.mac.value = m.mac;
      if (crowd) {
        const bool router = routes(memory, site, site.rows[m.row].key.segment, MacAddress{m.mac});
        asset.reviews.push_back("the MAC " + to_string(MacAddress{m.mac}) + " has " + grouped(v4->second) +
                                " addresses here: a router that answers for others, or an impostor");
        asset.left_out = !router;
      }
    }
    add_host(site.assets.back(), site.rows[m.row], askers_min);
  }
  const Duration span = span_of(memory.seen.first, memory.seen.last);
  for (std::size_t i = begin; i < site.assets.size(); ++i) {
    AssetDraft& asset = site.assets[i];
    const std::uint64_t raw = site.segments[asset.segment].key.raw();
    guess_role(asset, asset.mac.value != 0 && routes(memory, site, raw, asset.mac));
    judge(asset, span);
  }
  std::sort(site.assets.begin() + static_cast<std::ptrdiff_t>(begin), site.assets.end(),
            [](const AssetDraft& a, const AssetDraft& b) {
              return std::tie(a.segment, a.addresses.front()) < std::tie(b.segment, b.addresses.front());
            });
  std::size_t from = begin;
  while (from < site.assets.size()) {
    std::size_t to = from;
    const std::uint32_t segment = site.assets[from].segment;
    while (to < site.assets.size() && site.assets[to].segment == segment) ++to;
    judge_rivals(site, segment, from, to);
    guess_interface(site, segment, from, to);
    from = to;
  }
}

// What two homes must have in common to be written once; empty: this segment is no home of a template.
std::string shape_of(const Site& site, std::uint32_t segment, std::size_t begin, std::size_t end) {
  const SegmentDraft& s = site.segments[segment];
  const bool alone = (segment == 0 || site.segments[segment - 1].key != s.key) &&
                     (segment + 1 == site.segments.size() || site.segments[segment + 1].key != s.key);
  if (!alone || s.key.has_vni() || s.key.vlan_count() != 1 || begin == end || end - begin > home_assets_max) return {};
  std::string shape = std::string(name_of(s.interface));
  for (const IpPrefix& p : s.prefixes) shape += ' ' + to_string(p);
  for (std::size_t i = begin; i < end; ++i) {
    const AssetDraft& a = site.assets[i];
    if (a.left_out) return {};
    shape += '\n' + a.kind + ' ' + std::string(name_of(a.role)) + ' ' + std::to_string(a.object);
    for (const IpAddress& address : a.addresses) shape += ' ' + to_string(address);
    std::vector<std::pair<std::uint8_t, std::uint16_t>> ports;
    for (const Host::Port& port : a.ports) ports.push_back({port.protocol, port.port});
    std::sort(ports.begin(), ports.end());
    for (const auto& [protocol, port] : ports) shape += ' ' + std::to_string(protocol) + '/' + std::to_string(port);
    shape += a.ports_more ? " more" : "";
  }
  return shape;
}

// Homes of one shape on VLANs in a row become a template.
void find_homes(Site& site) {
  std::vector<std::string> shapes(site.segments.size());
  std::size_t at = 0;
  for (std::uint32_t s = 0; s < site.segments.size(); ++s) {
    std::size_t end = at;
    while (end < site.assets.size() && site.assets[end].segment == s) ++end;
    shapes[s] = shape_of(site, s, at, end);
    at = end;
  }
  std::map<std::string, std::uint32_t> numbers;
  for (std::size_t first = 0; first < shapes.size();) {
    std::size_t last = first + 1;
    while (last < shapes.size() && !shapes[first].empty() && shapes[last] == shapes[first] &&
           site.segments[last].key.vlan(0) == site.segments[last - 1].key.vlan(0) + 1)
      ++last;
    if (last - first >= homes_min) {
      const auto number = static_cast<std::uint32_t>(numbers.size()) + 1;
      const std::uint32_t home = numbers.try_emplace(shapes[first], number).first->second;
      for (std::size_t i = first; i < last; ++i) site.segments[i].home = home;
      site.segments[first].home_first = true;
      site.segments[first].home_last_vlan = site.segments[last - 1].key.vlan(0);
    }
    first = last;
  }
}

}  // namespace

std::string clean(std::string_view text) {
  std::string out;
  for (const char c : text) out += c >= 0x20 && c < 0x7f ? c : '?';
  return out;
}

std::string grouped(std::uint64_t count) {
  std::string text = std::to_string(count);
  for (std::size_t at = text.size(); at > 3;) text.insert(at -= 3, ",");
  return text;
}

std::string duration_text(std::int64_t ns) {
  const std::int64_t s = ns / 1'000'000'000;
  if (s < 120) return std::to_string(s) + " s";
  if (s < 7200) return std::to_string(s / 60) + " min";
  if (s < 172'800) return std::to_string(s / 3600) + " h";
  return std::to_string(s / 86'400) + " days";
}

std::string object_text(std::uint32_t object) {
  char text[8];
  std::snprintf(text, sizeof text, "%06X", static_cast<unsigned>(object & 0xffffff));
  const ClassName* const name = class_name(object);
  return name == nullptr ? text : std::string(text) + " (" + std::string(name->text) + ')';
}

const HostRow* Site::find(std::uint64_t segment, const IpAddress& address) const noexcept {
  const auto at = std::lower_bound(rows.begin(), rows.end(), std::tie(segment, address),
                                   [](const HostRow& row, const std::tuple<const std::uint64_t&, const IpAddress&>& k) {
                                     return std::tie(row.key.segment, row.key.address) < k;
                                   });
  return at != rows.end() && at->key.segment == segment && at->key.address == address ? &*at : nullptr;
}

Site site_of(const Memory& memory) {
  Site site;
  for (std::uint32_t i = memory.hosts.first(); i != 0; i = memory.hosts.next(i))
    site.rows.push_back({memory.hosts.key(i), &memory.hosts.value(i)});
  std::sort(site.rows.begin(), site.rows.end(), [](const HostRow& a, const HostRow& b) {
    return std::tie(a.key.segment, a.key.address) < std::tie(b.key.segment, b.key.address);
  });
  for (std::uint32_t i = memory.pairs.first(); i != 0; i = memory.pairs.next(i)) {
    const PairKey& key = memory.pairs.key(i);
    for (const IpAddress& end : {key.from, key.to}) {
      if (const HostRow* const row = site.find(key.segment, end); row != nullptr) {
        HostRow& mine = site.rows[static_cast<std::size_t>(row - site.rows.data())];
        mine.packets += memory.pairs.value(i).packets;
        mine.flows += memory.pairs.value(i).flows;
      }
    }
  }
  for (std::size_t first = 0; first < site.rows.size();) {
    std::size_t last = first;
    const SegmentKey key = SegmentKey::from_raw(site.rows[first].key.segment);
    while (last < site.rows.size() && site.rows[last].key.segment == key.raw()) ++last;
    if (has_words(key)) {
      const LinkSegments link(key, site.rows.data() + first, site.rows.data() + last, site);
      make_assets(memory, site, first, last, link);
    } else {
      site.notes.push_back("a link with " + grouped(last - first) +
                           " hosts is left out: its VLAN or PAN is not one that can be configured");
    }
    first = last;
  }
  name_assets(site);
  find_homes(site);
  for (std::size_t i = 0; i < site.assets.size(); ++i) {
    for (const IpAddress& address : site.assets[i].addresses) {
      const HostRow* const row = site.find(site.segments[site.assets[i].segment].key.raw(), address);
      if (row != nullptr)
        site.rows[static_cast<std::size_t>(row - site.rows.data())].asset = static_cast<std::uint32_t>(i) + 1;
    }
  }
  return site;
}

}  // namespace tsujiban::learn
