#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.h"
#include "model/address.h"
#include "model/detector_catalogue.h"
#include "model/segment_key.h"
#include "model/words.h"

namespace tsujiban::config {

// Where something stands in a configuration or rule file; line and column count from 1.
struct Place {
  std::string file;
  std::uint32_t line = 0, column = 0;
};

// One fault: `place: message`, the message saying what is wrong and what is accepted.
struct Fault {
  Place place;
  std::string message;
};
std::string to_string(const Fault& fault);

struct Segment {
  std::string name;
  std::vector<IpPrefix> prefixes;
  SegmentKey key;         // From vlan, vni or pan.
  bool any_link = false;  // None of them given: the prefix alone tells.
  ErabInterface interface = ErabInterface::none;
  Place place;
};

struct PortRange {
  std::uint8_t protocol = 0;  // 6, 17, or 0 for both.
  std::uint16_t first = 0, last = 65535;
};

struct Asset {
  std::string name;
  Role role = Role::unknown;
  std::vector<IpAddress> addresses;
  std::uint32_t segment = 0;  // Index into `segments` + 1; 0: on any segment that is not named.
  MacAddress mac;             // 0: not given.
  std::vector<ErabInterface> serves;
  std::uint32_t object = 0;  // ECHONET Lite EOJ; 0: not given.
  double capacity_kw = 0;
  std::vector<PortRange> ports;
  Place place;
};

// One end of an allow entry. Exactly one kind of thing.
struct Endpoint {
  enum class Kind : std::uint8_t { any, asset, role, segment, prefix };
  Kind kind = Kind::any;
  std::uint32_t index = 0;  // Asset or segment index.
  Role role = Role::unknown;
  IpPrefix prefix;
};

struct AllowEntry {
  std::vector<Endpoint> from, to;
  std::vector<PortRange> ports;        // Of `to`; empty: any.
  std::vector<AppProtocol> protocols;  // Empty: any.
  bool both_directions = false;        // `direction: both`; else only `from` may begin.
  std::string reason;
  Place place;
};

enum class ChecksumMode : std::uint8_t { automatic, check, ignore };

struct CaptureEntry {
  enum class Kind : std::uint8_t { pcap };
  Kind kind = Kind::pcap;
  std::string interface;
  ChecksumMode checksum = ChecksumMode::automatic;
  std::uint32_t workers = 1;
  Place place;
};

struct Output {
  enum class Kind : std::uint8_t { eve };
  Kind kind = Kind::eve;
  std::string path;
  std::uint64_t rotate_bytes = 0;  // 0: never.
  EventTypes types = EventTypes::all();
  Place place;
};

// Detector settings that exist now; defaults as in the catalogue.
struct DetectorSettings {
  Duration repeat = Duration::seconds(60);
  Duration window = Duration::seconds(60);  // sensor.capture-stalled: silence that is an alarm. Others have none.
  bool enabled = true;
};

// One validated, immutable configuration. Built by `load`; shared by everybody for as long as they need it.
struct Config {
  std::string site_name;
  std::string host_name;  // For the `host` member of events; empty: not given, the program asks the system.
  char importance = 'B';
  std::string timezone = "UTC";  // IANA name, checked.
  std::string state_directory;
  std::uint64_t memory_bytes = std::uint64_t{4} << 30;
  std::vector<CaptureEntry> captures;
  std::vector<Segment> segments;
  std::vector<Asset> assets;
  std::vector<AllowEntry> allow;
  std::vector<std::string> signature_files;  // Resolved paths, globs expanded, sorted.
  std::vector<Output> outputs;
  std::string metrics_listen;  // "127.0.0.1:9836"; empty: none.
  std::vector<DetectorSettings> detectors = std::vector<DetectorSettings>(detector_count);
  bool has_inventory() const noexcept { return !assets.empty(); }
};

// Bounds on what one configuration may ask for.
inline constexpr std::size_t include_depth_max = 8;
inline constexpr std::size_t include_files_max = 1000;
inline constexpr std::size_t signature_files_max = 10000;
inline constexpr std::size_t allow_ends_max = 4096;        // Names in one `from` or `to`.
inline constexpr std::size_t allow_pairs_max = 4'000'000;  // Pairs of one `from` and one `to`, over all entries.
inline constexpr std::size_t allow_same_pair_max = 256;    // Entries that name the very same pair.
inline constexpr std::size_t allow_ports_max = 256;        // Port ranges of one entry.

// Reads and validates `path` and what it includes. On success `config` is set and `faults` is empty; otherwise every
// fault found, in the order of files and lines (at most `faults_max`, the last then saying how many more).
inline constexpr std::size_t faults_max = 1000;
std::shared_ptr<const Config> load(const std::string& path, std::vector<Fault>& faults);
// The same for a text that is in memory already; `name` stands in the places. `include`, and the files that
// `signatures` names, need a folder: the first is refused, the second are kept as written.
std::shared_ptr<const Config> load_text(const std::string& name, std::string_view text, std::vector<Fault>& faults);
// A few lines for people, each ended by a newline: what the configuration holds. `tsujiban check` prints it.
std::string describe(const Config& config);
// What `read` uses without -c: no inventory, default limits.
std::shared_ptr<const Config> defaults();

}  // namespace tsujiban::config
