#pragma once
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "config/config.h"
#include "config/reader.h"

namespace tsujiban::config {

// Everything that is filled while the sections are read, file after file.
struct Building {
  Context& context;
  Config& config;
  bool files_allowed = false;                                                 // False for a text in memory.
  std::unordered_map<std::string, Position> interfaces, outputs, signatures;  // Named so far.

  std::unordered_map<std::string_view, std::uint32_t> segment_names, asset_names;  // Index + 1; views into the trees.
  std::vector<Position> segment_positions, asset_positions;
  std::vector<bool> segment_link_known;                              // False: its vlan, vni or pan is a fault.
  std::vector<std::string_view> segment_name_list, asset_name_list;  // For suggestions.
};

// Every detector as the catalogue says; those that do not exist in this build are off.
void set_detector_defaults(Config& config);

void read_site(Building& building, const Value& value);
void read_state(Building& building, const Value& value);
void read_host(Building& building, const Value& value);
void read_capture(Building& building, const Value& value);
void read_detectors(Building& building, const Value& value);
void read_outputs(Building& building, const Value& value);
void read_metrics(Building& building, const Value& value);
void read_signatures(Building& building, const Value& value);  // Relative to the file that names them.

// The inventory: segments of all files first, then assets, then allow entries, for each refers to the ones before.
class InventoryReader {
 public:
  explicit InventoryReader(Building& building) : building_(building) {}
  void read_segments(const Value& value);
  void read_assets(const Value& value);
  void read_allow(const Value& value);

 private:
  struct LinkAddress {
    std::uint64_t link;
    IpAddress address;
    std::uint8_t length;  // Of a prefix; 255 for an address.
    bool any_link;
    bool operator==(const LinkAddress&) const noexcept = default;
  };
  struct LinkAddressHash {
    std::size_t operator()(const LinkAddress& key) const noexcept;
  };
  struct EndPair {
    std::uint64_t from, to;
    bool operator==(const EndPair&) const noexcept = default;
  };
  struct EndPairHash {
    std::size_t operator()(const EndPair& key) const noexcept;
  };

  bool read_link(MapReader& map, Segment& segment);
  void read_asset(const Value& value);
  void read_asset_addresses(const Value& value, Asset& asset, std::uint32_t asset_number, bool link_known);
  void read_entry(const Value& value);
  void read_ends(const Value& value, std::string_view key, std::vector<Endpoint>& ends);
  bool read_end(const Value& item, std::string_view key, std::string_view text, Endpoint& end);
  void read_port_list(const Value& value, std::vector<PortRange>& ports);
  std::uint64_t id_of(const Endpoint& end);
  void count_pairs(const Value& value, const AllowEntry& entry);

  Building& building_;
  std::unordered_map<LinkAddress, std::uint32_t, LinkAddressHash> prefixes_;   // Segment index.
  std::unordered_map<LinkAddress, std::uint32_t, LinkAddressHash> addresses_;  // Asset number.
  std::unordered_map<LinkAddress, std::uint64_t, LinkAddressHash> end_ids_;
  std::unordered_map<EndPair, std::uint32_t, EndPairHash> pairs_;
  std::uint64_t pair_count_ = 0;
};

}  // namespace tsujiban::config
