#pragma once
#include <string>
#include <vector>

#include "learn/learner.h"
#include "model/words.h"

namespace tsujiban::learn {

// Bounds of a draft, so that it stays text for people and within what the configuration accepts.
inline constexpr std::size_t prefixes_per_link_max = 64;  // Of either family.
inline constexpr std::size_t spread_v4_max = 8;           // More /24 of one /16 on a link are written as the /16.
inline constexpr std::size_t addresses_per_asset_max = 16;
inline constexpr std::size_t ports_listed_max = 32;      // More of one pair are written as one range.
inline constexpr std::size_t prefix_from_addresses = 4;  // So many peers of one /24 or /64 are written as it.
inline constexpr std::size_t homes_min = 2;              // So many VLANs in a row of one shape are a template.
inline constexpr Duration brief_max = Duration::seconds(600);
inline constexpr Duration span_judged_min = Duration::seconds(3600);  // A shorter capture says nothing of brevity.

struct SegmentDraft {
  SegmentKey key;
  std::vector<IpPrefix> prefixes;
  std::string name;  // Of the entry: "vlan-30".
  std::string tag;   // In the names of its assets: "vlan30".
  ErabInterface interface = ErabInterface::none;
  std::uint32_t home = 0;   // Number of the template it is one of; 0: it stands alone.
  bool home_first = false;  // Of a run of VLANs.
  std::uint16_t home_last_vlan = 0;
};

// A host: what has one MAC on one segment, or one address where no MAC is known.
struct AssetDraft {
  std::uint32_t segment = 0;  // Index into `segments`.
  std::vector<IpAddress> addresses;
  MacAddress mac;
  Role role = Role::unknown;
  std::string kind;  // First part of its name: "battery".
  std::string name;
  std::uint32_t object = 0;
  std::vector<std::uint32_t> objects;
  std::vector<Host::Port> ports;
  Seen seen;
  std::uint64_t packets = 0, flows = 0;
  bool controls = false, writes = false, left_out = false, begins_more = false, ports_more = false, dhcp = false,
       advertises = false, routes = false;
  std::array<char, 24> identity{};
  std::uint32_t gaps[Host::gaps_max] = {};
  std::int64_t silence_ns_max = 0;
  std::vector<std::string> evidence, reviews;
};

// Where an address belongs.
struct HostRow {
  HostKey key;
  const Host* host = nullptr;
  std::uint32_t asset = 0;  // Index + 1 into `assets`; 0: in none.
  std::uint64_t packets = 0, flows = 0;
};

struct Site {
  std::vector<HostRow> rows;  // By key.
  std::vector<SegmentDraft> segments;
  std::vector<AssetDraft> assets;  // By segment, then by address.
  std::vector<std::string> notes;  // What could not be drafted.
  const HostRow* find(std::uint64_t segment, const IpAddress& address) const noexcept;
};

Site site_of(const Memory& memory);

// Text helpers. `clean` replaces what is not printable ASCII; counts get separators of thousands.
std::string clean(std::string_view text);
std::string grouped(std::uint64_t count);
std::string duration_text(std::int64_t ns);
std::string object_text(std::uint32_t object);  // "027D01 (storage battery)".

}  // namespace tsujiban::learn
