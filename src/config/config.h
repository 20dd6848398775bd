#pragma once
#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.h"
#include "config/few.h"
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

// The same as a Place in twelve bytes, for what there are a million of: `Config::place_of` gives the name.
struct FilePlace {
  std::uint32_t file = 0;  // Index into `Config::files`.
  std::uint32_t line = 0, column = 0;
};

struct Segment {
  std::string name;
  std::vector<IpPrefix> prefixes;
  SegmentKey key;         // From vlan, vni or pan.
  bool any_link = false;  // None of them given: the prefix alone tells.
  ErabInterface interface = ErabInterface::none;
  FilePlace place;
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
  std::uint8_t jc_star = 0;  // JC-STAR level, 1 to 4; 0: none recorded.
  std::vector<PortRange> ports;
  FilePlace place;
};

// When something holds: on these days of the week, from one minute of the day to another, in the site's time zone. An
// end at or before the start is on the next day; then `days` names the day of the start.
struct TimeWindow {
  std::uint8_t days = 0x7f;  // Bit 0 is Monday.
  std::uint16_t from_minute = 0, to_minute = 1440;
};

// One end of an allow entry. Exactly one kind of thing.
struct Endpoint {
  enum class Kind : std::uint8_t { any, asset, role, segment, prefix, domain };
  Kind kind = Kind::any;
  Role role = Role::unknown;
  std::uint32_t index = 0;  // Of the asset, the segment, or in `domains`.
  IpPrefix prefix;
};

// A name in DNS that stands at an end of an allow entry. It means itself and every name below it; written `*.NAME`,
// only those below it.
struct Domain {
  std::string name;  // In lower case, without the last dot.
  bool below_only = false;
  bool operator==(const Domain&) const = default;
};
inline constexpr std::size_t domains_max = 100'000;

// There may be a million, so one is 168 bytes, mostly without the heap.
struct AllowEntry {
  Few<Endpoint> from, to;
  Few<PortRange> ports;                      // Of `to`; empty: any.
  Few<AppProtocol> protocols;                // Empty: any.
  Few<TimeWindow> when;                      // `when:`; empty: always.
  std::int64_t expires_local_s = INT64_MAX;  // `expires: 2027-03-31`; see `never_expires`.
  std::string_view reason;                   // Lives as long as the configuration, or a copy of it.
  FilePlace place;
  bool both_directions = false;  // `direction: both`; else only `from` may begin.
};
// `expires` names the last day on which an entry holds. `expires_local_s` is the first second after it, counted from
// 1970-01-01T00:00:00 as the clocks of the site's zone show it, as if the zone were UTC: whoever judges adds the zone's
// offset to the packet's time first.
inline constexpr std::int64_t never_expires = INT64_MAX;

// `control:`: who may write (effects P, A, R and C) beside the defaults.
struct ControlEntry {
  std::vector<Endpoint> from, to;
  std::vector<AppProtocol> protocols;  // Empty: any.
  std::vector<TimeWindow> when;
  std::int64_t expires_local_s = never_expires;
  std::string reason;
  Place place;
};

// `maintenance:`: firmware, restarts and tests are expected. `segments` empty: everywhere.
struct MaintenanceWindow {
  TimeWindow when;
  std::vector<std::uint32_t> segments;  // Index into `segments` + 1.
  std::string reason;
  Place place;
};

// `dispatch:`: writes of these writers, up to so many kilowatts, are the day's business.
struct DispatchWindow {
  std::vector<Endpoint> by;
  TimeWindow when;
  double kw_max = 0;  // 0: no limit given.
  std::string reason;
  Place place;
};

// `erab: {R4: {protocols: [...]}}`: what a site asks of one interface. Empty: the guideline's default.
struct InterfaceRules {
  bool has_protocols = false, has_requirements = false;
  bool encryption = false, mutual_auth = false;  // Required there, where `has_requirements`.
  std::uint16_t tls_min = 0;                     // 0x0301 TLS 1.0 to 0x0304 TLS 1.3; 0: not given.
  std::vector<AppProtocol> protocols;            // Permitted there, by content.
  std::string reason;
  Place place;
};

// What an interface asks of its sessions.
struct Requirements {
  bool encryption, mutual_auth;
  std::uint16_t tls_min;
};
// Of the guideline (3.6.1 to 3.6.6): what crosses or may cross public networks is encrypted and authenticated on both
// sides; inside the home it is recommended only, and the meters' routes protect themselves below IP.
Requirements default_requirements_of(ErabInterface interface) noexcept;

// `privacy:`. With a configuration masking is on unless it says no; without one it is off.
struct Privacy {
  bool mask = false;
  std::vector<std::uint8_t> key;  // Of `key_file`, 16 to 64 bytes; empty: what is masked is blanked.
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
  Duration window = Duration::seconds(60);  // sensor.capture-stalled: silence that is an alarm.
  bool enabled = true;
};

// `detectors: {web.content-change: {urls: [...]}}`: a page of plain HTTP whose changes are told.
struct WatchedUrl {
  std::string url;  // "http://host/path": host in lower case, without port and fragment.
  Place place;
};
// Of a URL without its scheme, as facts carry it (WebRequest::url_hash): host in lower case, '/' and what follows.
std::uint64_t watched_hash_of(std::string_view host_and_target) noexcept;

class TextPool;
struct IndicatorLists;  // config/indicators.h

// One validated, immutable configuration. Built by `load`; shared by everybody for as long as they need it.
struct Config {
  std::string site_name;
  std::string host_name;  // For the `host` member of events; empty: not given, the program asks the system.
  char importance = 'B';
  std::string timezone = "UTC";  // IANA name, checked.
  std::string state_directory;
  std::uint64_t memory_bytes = std::uint64_t{4} << 30;
  std::vector<CaptureEntry> captures;
  std::vector<std::string> files;  // Every file that was read, for `place_of`.
  std::vector<Segment> segments;
  std::vector<Asset> assets;
  std::vector<AllowEntry> allow;
  std::vector<Domain> domains;  // Each once.
  std::vector<ControlEntry> control;
  bool control_defaults = true;  // `control_defaults: none` takes away what roles may do of themselves.
  std::vector<MaintenanceWindow> maintenance;
  std::vector<DispatchWindow> dispatch;
  std::array<InterfaceRules, erab_interface_count> erab;
  std::array<double, 3> power_steps_kw = {7'000, 70'000, 500'000};  // Severity at least 2, 1, and importance A.
  Privacy privacy;
  std::vector<std::string> signature_files;          // Resolved paths, globs expanded, sorted.
  std::shared_ptr<const IndicatorLists> indicators;  // Of compromise; null: no list is named.
  std::vector<Output> outputs;
  std::string metrics_listen;  // "127.0.0.1:9836"; empty: none.
  std::vector<DetectorSettings> detectors = std::vector<DetectorSettings>(detector_count);
  std::vector<WatchedUrl> watched_urls;           // In the order of their hashes, each once.
  std::vector<std::uint64_t> watched_url_hashes;  // Parallel to it.
  // Parallel to `tunables()`: the catalogue's defaults, or what `detectors:` says instead.
  std::vector<Tunable> tunables = {tsujiban::tunables().begin(), tsujiban::tunables().end()};
  // The site's rules where it gives some, else the guideline's.
  Requirements requirements_of(ErabInterface interface) const noexcept;
  const DetectorSettings& settings(DetectorId id) const noexcept { return detectors[static_cast<std::size_t>(id)]; }
  // The setting `key` of a detector that has it (a check). Kinds as in Tunable.
  const Tunable& tunable(DetectorId id, std::string_view key) const noexcept;
  Duration tunable_time(DetectorId id, std::string_view key) const noexcept {  // Of a duration, or a rate's time.
    const Tunable& t = tunable(id, key);
    return {static_cast<std::int64_t>((t.kind == Tunable::Kind::rate ? t.per_s : t.value) * 1e9)};
  }
  std::uint32_t tunable_count_of(DetectorId id, std::string_view key) const noexcept {
    return static_cast<std::uint32_t>(tunable(id, key).value);
  }
  Place place_of(const FilePlace& place) const;
  std::shared_ptr<const TextPool> texts;  // Holds what the views above look at.
  bool has_inventory() const noexcept { return !assets.empty(); }
  bool has_indicators() const noexcept;
};

// Bounds on what one configuration may ask for.
inline constexpr std::size_t include_depth_max = 8;
inline constexpr std::size_t include_files_max = 1000;
inline constexpr std::size_t signature_files_max = 10000;
inline constexpr std::size_t table_files_max = 1000;    // CSV files of one kind.
inline constexpr std::size_t segments_max = 1'000'000;  // With the homes that templates make.
inline constexpr std::size_t assets_max = 4'000'000;    // The same.
inline constexpr std::size_t allow_entries_max = 2'000'000;
inline constexpr std::size_t windows_max = 1024;  // Of `maintenance`, of `dispatch`, and in one `when`.
inline constexpr std::size_t control_entries_max = 100'000;
inline constexpr std::size_t watched_urls_max = 256;
inline constexpr std::size_t watched_url_bytes_max = 2048;
inline constexpr std::size_t allow_ends_max = 4096;        // Names in one `from` or `to`.
inline constexpr std::size_t allow_pairs_max = 4'000'000;  // Pairs of one `from` and one `to`, over all entries.
inline constexpr std::size_t allow_same_pair_max = 256;    // Entries that name the very same pair.
inline constexpr std::size_t allow_ports_max = 256;        // Port ranges of one entry.

// Reads and validates `path` and what it includes. On success `config` is set and `faults` is empty; otherwise every
// fault found, in the order of files and lines (at most `faults_max`, the last then saying how many more).
inline constexpr std::size_t faults_max = 1000;
std::shared_ptr<const Config> load(const std::string& path, std::vector<Fault>& faults);
// The same for a text that is in memory already; `name` stands in the places. What names files needs a folder:
// `include`, tables and the key file are refused, the files of `signatures` are kept as written.
std::shared_ptr<const Config> load_text(const std::string& name, std::string_view text, std::vector<Fault>& faults);
// A few lines for people, each ended by a newline: what the configuration holds. `tsujiban check` prints it.
std::string describe(const Config& config);
// What `read` uses without -c: no inventory, default limits.
std::shared_ptr<const Config> defaults();

}  // namespace tsujiban::config
