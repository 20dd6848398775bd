#pragma once
#include <array>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/hash.h"
#include "config/config.h"
#include "config/flat_map.h"
#include "config/reader.h"
#include "config/text_pool.h"

namespace tsujiban::config {

// Everything that is filled while the sections are read, file after file.
struct Building {
  Building(Context& told_to, Config& filled, bool may_name_files)
      : context(told_to), config(filled), files_allowed(may_name_files) {}

  Context& context;
  Config& config;
  bool files_allowed;                                                         // False for a text in memory.
  std::unordered_map<std::string, Position> interfaces, outputs, signatures;  // Named so far.
  TextPool names;                                                             // Of segments and assets.
  TextSet texts;                                                              // Becomes Config::texts.

  FlatMap<std::string_view, std::uint32_t, TextHash> segment_names, asset_names;  // Index + 1; views into `names`.
  std::vector<Position> segment_positions, asset_positions;
  std::vector<bool> segment_link_known;                              // False: its vlan, vni or pan is a fault.
  std::vector<std::string_view> segment_name_list, asset_name_list;  // For suggestions.
};

// The path that `text`, in the file of `value`, names.
std::string path_beside(const Building& building, const Value& value, std::string_view text);
// Every file that the paths and globs of `value` name, once, sorted; `key` is the key they stand under, `taken` what
// it named before. `files_max` of them at most. In a text in memory: as they are written.
void read_file_list(Building& building, const Value& value, std::string_view key, std::size_t files_max,
                    std::unordered_map<std::string, Position>& taken, std::vector<std::string>& files);

// Every detector as the catalogue says; those that do not exist in this build are off.
void set_detector_defaults(Config& config);

void read_site(Building& building, const Value& value);
void read_state(Building& building, const Value& value);
void read_privacy(Building& building, const Value& value);
void read_host(Building& building, const Value& value);
void read_capture(Building& building, const Value& value);
void read_detectors(Building& building, const Value& value);
void read_watched_urls(Building& building, const Value& value);  // Of web.content-change.
void read_power_steps(Building& building, const Value& value);
void read_erab(Building& building, const Value& value);
void read_control_defaults(Building& building, const Value& value);
void read_outputs(Building& building, const Value& value);
void read_metrics(Building& building, const Value& value);
void read_signatures(Building& building, const Value& value);  // Relative to the file that names them.

// Words that more than one section reads; each tells its fault and returns false.
bool read_role(Context& context, const Value& item, std::string_view key, std::string_view text, Role& role);
bool read_interface(Context& context, const Value& item, std::string_view key, std::string_view text,
                    ErabInterface& interface);
void read_protocols(Context& context, const Value& value, std::vector<AppProtocol>& protocols);
void read_reason(Context& context, const Value& value, std::string_view& reason);

// The keys of `days`, `from` and `to` in a map that has them. Without `from` and `to` the window is the whole day.
bool read_window(Context& context, const MapReader& map, const Value& place, TimeWindow& window);
void read_windows(Context& context, const Value& value, std::vector<TimeWindow>& windows);

// The inventory: segments of all files first, then assets, then what names them, for each refers to the ones before.
class InventoryReader {
 public:
  explicit InventoryReader(Building& building) : building_(building) {}
  void read_segments(const Value& value);
  void read_segment_table(std::string& bytes, std::uint32_t file);
  void read_template_assets();  // After all segments.
  void read_assets(const Value& value);
  void read_asset_table(std::string& bytes, std::uint32_t file);
  void read_allow(const Value& value);
  void read_allow_table(std::string& bytes, std::uint32_t file);
  void read_control(const Value& value);
  void read_maintenance(const Value& value);
  void read_dispatch(const Value& value);

 private:
  struct LinkAddress {
    std::uint64_t link = 0;
    IpAddress address;
    std::uint8_t length = 0;  // Of a prefix; 255 for an address.
    bool any_link = false;
    bool operator==(const LinkAddress&) const noexcept = default;
  };
  struct LinkAddressHash {
    std::size_t operator()(const LinkAddress& key) const noexcept;
  };
  struct PrefixHash {
    std::size_t operator()(const IpPrefix& key) const noexcept {
      return hash_words(HashSeed{}, key.address.high ^ key.length, key.address.low);
    }
  };
  struct PairHash {
    std::size_t operator()(std::uint64_t key) const noexcept { return hash_words(HashSeed{}, key, 0); }
  };

  // A segment entry with the key `template`. The first of that name defines it; its values stay in the file's tree.
  static constexpr std::array<std::string_view, 5> template_keys = {"name", "prefix", "erab", "vlan", "vni"};
  static constexpr std::size_t templates_max = 1000;
  struct Template {
    std::string_view name;
    Position position;
    std::array<Value, template_keys.size()> values;
    std::vector<Value> assets;
    std::vector<bool> asset_told;  // A home had a fault there: those of the next are the same.
    std::uint32_t homes = 0;       // Made so far: the last {n}.
  };
  // What the placeholders of one home mean.
  struct Home {
    std::uint32_t template_index = 0, segment = 0;  // Number of the segment.
    std::uint32_t n = 0, vlan = 0, vni = 0;
    bool has_vlan = false, has_vni = false;
  };
  struct Range {
    std::uint32_t first = 0, last = 0;
    Value at;  // The scalar where it stands; none: there is no such number.
    bool is_range = false, is_vni = false;
  };

  void read_segment(const Value& value, MapReader& map);
  // Whether a list may grow; that it may not is told once.
  bool has_room(const Value& value, std::string_view key, std::size_t size, std::size_t max);
  bool read_link(const MapReader& map, Segment& segment);
  void read_template(const Value& value, const MapReader& map, bool is_row);
  void make_homes(Template& of, const std::array<Value, template_keys.size()>& values, const Value& place);
  bool read_range(const Value& value, std::string_view key, std::uint64_t low, std::uint64_t high, Range& range);
  bool check_placeholders(const Value& value);
  void copy_value(const Value& value, const Home& home, const Range& range, std::uint32_t parent, std::uint32_t& last);
  std::string substituted(const Value& value, std::string_view text, const Home& home);

  void read_asset(const Value& value, std::uint32_t home_segment);
  void read_asset_addresses(const Value& value, Asset& asset, std::uint32_t asset_number, bool link_known);
  void read_entry(const Value& value, std::span<const std::string_view> keys);
  void read_ends(const Value& value, std::string_view key, std::vector<Endpoint>& ends);
  bool read_end(const Value& item, std::string_view key, std::string_view text, Endpoint& end);
  bool read_segment_name(const Value& item, std::string_view key, std::string_view name, std::uint32_t& number);
  void read_port_list(const Value& value, std::vector<PortRange>& ports);
  std::uint32_t id_of(const Endpoint& end);
  void count_pairs(const Value& value, const AllowEntry& entry);

  Building& building_;
  std::vector<Template> templates_;
  std::vector<Home> homes_;
  Tree instance_;  // Of one home or asset; its room is used again.
  Position instance_place_;
  FlatMap<LinkAddress, std::uint32_t, LinkAddressHash> prefixes_;   // Segment index.
  FlatMap<LinkAddress, std::uint32_t, LinkAddressHash> addresses_;  // Asset number.
  FlatMap<IpPrefix, std::uint32_t, PrefixHash> prefix_ids_;
  FlatMap<std::uint64_t, std::uint32_t, PairHash> pairs_;
  std::unordered_map<std::string, std::uint32_t> domain_ids_;  // As they are written, to their index.
  bool domains_accepted_ = false;                              // Where the ends at hand stand.
  std::uint64_t pair_count_ = 0, control_pair_count_ = 0;
  std::vector<std::string_view> full_;  // Keys of which that was told.
  // Room that every entry uses again.
  std::vector<Endpoint> from_, to_;
  std::vector<PortRange> ports_;
  std::vector<AppProtocol> protocols_;
  std::vector<TimeWindow> windows_;
  std::vector<std::uint32_t> ids_;
};

}  // namespace tsujiban::config
