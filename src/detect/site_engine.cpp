#include "detect/site_engine.h"

#include <algorithm>
#include <bit>
#include <cstdarg>
#include <cstdio>

namespace tsujiban::detect {
namespace {

// The state as a whole: magic, version, time, count; then sections of name, version, length and bytes.
constexpr std::uint32_t state_magic = 0x53'4a'55'54;  // "TUJS", as little-endian text.
constexpr std::uint32_t state_layout = 1;
constexpr std::uint32_t sections_max = 256;
constexpr std::size_t section_name_max = 64;

bool is_group(const IpAddress& address) noexcept { return address.is_multicast() || address.is_broadcast(); }

// In no segment and no asset, because there are none.
bool is_outside_alone(const IpAddress& address) noexcept {
  return !address.is_private() && !is_group(address) && !address.is_loopback() && policy::is_outside(address, 0, 0);
}

}  // namespace

std::uint64_t SiteEngine::Blind::hash(HashSeed seed) const noexcept {
  return hash_words(seed, hash_words(seed, segment.raw(), static_cast<std::uint64_t>(detector)) ^ low.high,
                    hash_words(seed, low.low, high.high) ^ high.low);
}

SiteEngine::SiteEngine(const Site& site, std::span<const SiteDetectorRow> rows, AlertSink& sink)
    : site_(site), sink_(sink), blind_(blind_pairs_max, site.seed), blind_before_(1, site.seed) {
  has_places_ = site_.inventory != nullptr && (site_.config->has_inventory() || !site_.config->segments.empty());
  for (const SiteDetectorRow& row : rows) {
    if (!is_on(row, *site_.config)) continue;
    running_.push_back({&row, row.make(site_)});
    facts_wanted_ |= row.facts;
  }
  for (std::size_t kind = 0; kind < by_kind_.size(); ++kind) {
    for (const Running& running : running_) {
      if ((running.row->facts >> kind & 1u) == 0) continue;
      by_kind_[kind].push_back(running.detector.get());
      if ((running.detector->prefetched() >> kind & 1u) != 0) prefetching_[kind].push_back(running.detector.get());
      if (has_places_ && running.detector->prefetches_ends()) prefetching_ends_[kind].push_back(running.detector.get());
    }
  }
}

Ends SiteEngine::ends_of(const Fact& fact) noexcept {
  if (!has_places_) {
    // As `find_ends` says of addresses of which nothing is known.
    Ends ends;
    ends.source_outside = is_outside_alone(fact.source);
    ends.destination_outside = is_outside_alone(fact.destination);
    return ends;
  }
  // What was never written has no address.
  if (fact.source.high == 0 && fact.source.low == 0) return find_ends(fact);
  auto& [first, second] = known_ends(fact);
  if (is_of(first, fact)) [[likely]]
    return first.ends;
  std::swap(first, second);
  if (!is_of(first, fact)) first = {fact.segment, fact.source, fact.destination, find_ends(fact)};
  return first.ends;
}

Ends SiteEngine::find_ends(const Fact& fact) const noexcept {
  Ends ends;
  const policy::Inventory& inventory = *site_.inventory;
  ends.source_asset = inventory.asset_of(fact.segment, fact.source);
  ends.source_segment = inventory.segment_or_asset_segment_of(fact.segment, fact.source, ends.source_asset);
  ends.source_role = inventory.role_of(ends.source_asset);
  // A group is nobody's address; it is in the sender's segment where a segment's prefix holds it (subnet broadcast).
  if (!is_group(fact.destination)) {
    ends.destination_asset = inventory.asset_of(fact.segment, fact.destination);
    ends.destination_role = inventory.role_of(ends.destination_asset);
  }
  ends.destination_segment =
      inventory.segment_or_asset_segment_of(fact.segment, fact.destination, ends.destination_asset);
  ends.interface = inventory.interface_between(ends.source_asset, ends.destination_asset, ends.source_segment,
                                               ends.destination_segment);
  const auto outside = [](const IpAddress& address, std::uint32_t asset, std::uint32_t own, std::uint32_t other) {
    return asset == 0 && !is_group(address) && !address.is_loopback() && policy::is_outside(address, own, other);
  };
  ends.source_outside = outside(fact.source, ends.source_asset, ends.source_segment, ends.destination_segment);
  ends.destination_outside =
      outside(fact.destination, ends.destination_asset, ends.destination_segment, ends.source_segment);
  return ends;
}

void SiteEngine::fact(const Fact& fact) noexcept {
  const auto kind = static_cast<std::size_t>(fact.kind);
  if (kind >= by_kind_.size() || by_kind_[kind].empty()) return;
  const Ends ends = ends_of(fact);
  for (SiteDetector* detector : by_kind_[kind]) detector->fact(fact, ends, *this);
}

void SiteEngine::prefetch(const Fact& fact, unsigned step) const noexcept {
  const auto kind = static_cast<std::size_t>(fact.kind);
  if (kind >= by_kind_.size()) return;
  if (has_places_ && !by_kind_[kind].empty()) {
    const KnownSet& set = known_ends(fact);
    if (step == 0) {
      for (const KnownEnds& one : set) tsujiban::prefetch(&one);
    } else if (const auto known =
                   std::find_if(set.begin(), set.end(), [&](const auto& one) { return is_of(one, fact); });
               known != set.end()) {
      for (const SiteDetector* detector : prefetching_ends_[kind]) detector->prefetch_ends(known->ends);
    } else {
      site_.inventory->prefetch(fact.segment, fact.source);
      site_.inventory->prefetch(fact.segment, fact.destination);
    }
  }
  for (const SiteDetector* detector : prefetching_[kind]) detector->prefetch(fact, step);
}

void SiteEngine::tick(PacketTime now) noexcept {
  for (const Running& running : running_) running.detector->tick(now, *this);
}

std::uint64_t SiteEngine::evictions() const noexcept {
  std::uint64_t sum = blind_.evictions();
  for (const Running& running : running_) sum += running.detector->evictions();
  return sum;
}

std::vector<DetectorId> SiteEngine::without_inventory(const config::Config& config,
                                                      std::span<const SiteDetectorRow> rows) {
  std::vector<DetectorId> resting;
  for (const SiteDetectorRow& row : rows) {
    if (!row.needs_inventory || config.has_inventory()) continue;
    for (const DetectorId id : row.detectors) {
      if (config.settings(id).enabled) resting.push_back(id);
    }
  }
  return resting;
}

// A row is made where one of its detectors is switched on; what the others of it say stays here.
void SiteEngine::raise(const Alert& alert) noexcept {
  if (site_.config->settings(alert.detector).enabled) sink_.raise(alert);
}

void SiteEngine::rests(DetectorId detector, const Fact& fact, const Ends& ends, const char* why) noexcept {
  if (!site_.config->settings(detector).enabled) return;
  Blind pair{fact.segment, fact.source, fact.destination, detector};
  if (pair.high < pair.low) std::swap(pair.low, pair.high);
  if (blind_.size() == blind_.capacity() && blind_.find(pair) == 0) {
    const auto oldest = static_cast<std::size_t>(blind_.key(blind_.first()).detector);
    --blind_peers_[oldest];
    --blind_told_[oldest];
  }
  if (!blind_.use(pair).added) return;
  ++blind_peers_[static_cast<std::size_t>(detector)];
  if (blind_before_.find(pair) != 0) return;
  const std::uint32_t pairs = ++blind_told_[static_cast<std::size_t>(detector)];
  if (why == nullptr) return;
  // One condition a detector and link: without addresses, so that a thousand pairs are one alert with a count.
  Alert alert = alert_of(DetectorId::sensor_blind, fact, ends);
  alert.has_addresses = false;
  alert.source = alert.destination = {};
  alert.source_port = alert.destination_port = 0;
  alert.source_asset = alert.destination_asset = 0;
  alert.protocol = 0;
  alert.flow_id = 0;
  alert.app_protocol = AppProtocol::unknown;
  alert.merge_key = 1 + static_cast<std::uint64_t>(detector);
  const std::string_view name = info_of(detector).name;
  say_why(alert, 0, "%.*s rests for %u pairs of hosts so far", static_cast<int>(name.size()), name.data(), pairs);
  say_why(alert, 1, "what is missing: %s", why);
  raise(alert);
}

std::vector<std::uint8_t> SiteEngine::save(PacketTime now) const {
  StateWriter writer;
  writer.put(state_magic);
  writer.put(state_layout);
  writer.put(now.ns);
  const auto kept = std::count_if(running_.begin(), running_.end(),
                                  [](const Running& r) { return r.detector->state_version() != 0; });
  writer.put(static_cast<std::uint32_t>(kept));
  std::vector<std::uint8_t> state = writer.bytes();
  for (const Running& running : running_) {
    const std::uint32_t version = running.detector->state_version();
    if (version == 0) continue;
    StateWriter body;
    running.detector->save(body);
    StateWriter head;
    head.put_text(running.row->name);
    head.put(version);
    head.put(static_cast<std::uint64_t>(body.bytes().size()));
    state.insert(state.end(), head.bytes().begin(), head.bytes().end());
    state.insert(state.end(), body.bytes().begin(), body.bytes().end());
  }
  return state;
}

bool SiteEngine::load(Bytes state, std::string& error) {
  StateReader reader(state);
  if (reader.get<std::uint32_t>() != state_magic || reader.failed()) {
    error = "this is no state of the site's detectors";
    return false;
  }
  if (const auto layout = reader.get<std::uint32_t>(); reader.failed() || layout != state_layout) {
    error = "the state's layout is " + std::to_string(layout) + "; " + std::to_string(state_layout) + " is accepted";
    return false;
  }
  static_cast<void>(reader.get<std::int64_t>());
  const auto count = reader.get<std::uint32_t>();
  if (reader.failed() || count > sections_max) {
    error = "the state's head is cut or damaged";
    return false;
  }
  bool whole = true;
  for (std::uint32_t i = 0; i < count; ++i) {
    const std::string name(reader.get_text(section_name_max));
    const auto version = reader.get<std::uint32_t>();
    const auto size = reader.get<std::uint64_t>();
    if (reader.failed() || size > reader.left()) {
      error = "the state ends within section " + std::to_string(i + 1) + " of " + std::to_string(count);
      return false;
    }
    StateReader body(state.subspan(state.size() - reader.left(), static_cast<std::size_t>(size)));
    reader = StateReader(state.subspan(state.size() - reader.left() + static_cast<std::size_t>(size)));
    const auto at =
        std::find_if(running_.begin(), running_.end(), [&](const Running& r) { return r.row->name == name; });
    // A detector that is switched off, or that keeps nothing any more, has no use for what it once knew.
    if (at == running_.end() || at->detector->state_version() == 0) continue;
    if (at->detector->load(body, version)) continue;
    // Another version's layout: this detector starts anew, and nothing is wrong with the file.
    if (version != at->detector->state_version()) continue;
    error += (error.empty() ? "" : "; ") + ("the state of " + name + " is damaged");
    whole = false;
  }
  if (whole && reader.left() != 0) {
    error = "bytes follow the state's last section";
    return false;
  }
  return whole;
}

void SiteEngine::take_over(SiteEngine& before, const Renumbered& numbers) {
  for (const Running& running : running_) {
    const auto at = std::find_if(before.running_.begin(), before.running_.end(),
                                 [&](const Running& r) { return r.row->name == running.row->name; });
    if (at != before.running_.end()) running.detector->take_over(*at->detector, numbers);
  }
  blind_told_ = before.blind_told_;
  if (before.blind_before_.size() == 0) {
    std::swap(blind_before_, before.blind_);
    return;
  }
  std::swap(blind_before_, before.blind_before_);
  for (std::uint32_t i = before.blind_.first(); i != 0; i = before.blind_.next(i))
    blind_before_.use(before.blind_.key(i));
}

void SiteDetector::take_over(SiteDetector& before, const Renumbered& numbers) {
  static_cast<void>(numbers);
  if (before.state_version() == 0) return;
  StateWriter state;
  before.save(state);
  StateReader reader({state.bytes().data(), state.bytes().size()});
  static_cast<void>(load(reader, before.state_version()));
}

Alert alert_of(DetectorId detector, const Fact& fact, const Ends& ends) noexcept {
  const DetectorInfo& info = info_of(detector);
  Alert alert;
  alert.detector = detector;
  alert.severity = static_cast<Severity>(info.severity);
  alert.interface = ends.interface;
  alert.signature_gid = info.gid;
  alert.signature_id = info.sid;
  alert.signature_rev = 1;
  alert.time = fact.time;
  alert.packet_number = fact.packet_number;
  alert.flow_id = fact.flow_id;
  alert.input = fact.input;
  alert.has_input = fact.has_input;
  alert.segment = fact.segment;
  alert.source = fact.source;
  alert.destination = fact.destination;
  alert.source_port = fact.source_port;
  alert.destination_port = fact.destination_port;
  alert.protocol = fact.ip_protocol;
  alert.app_protocol = fact.protocol;
  alert.source_asset = ends.source_asset;
  alert.destination_asset = ends.destination_asset;
  alert.first_seen = alert.last_seen = fact.time;
  return alert;
}

void say_why(Alert& alert, unsigned line, const char* format, ...) noexcept {
  if (line >= Alert::why_max) return;
  std::va_list arguments;
  va_start(arguments, format);
  std::vsnprintf(alert.why[line].data(), Alert::why_text_max, format, arguments);
  va_end(arguments);
}

}  // namespace tsujiban::detect
