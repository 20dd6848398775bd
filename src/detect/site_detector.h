#pragma once
#include <algorithm>
#include <initializer_list>
#include <memory>
#include <span>

#include "base/hash.h"
#include "base/state_bytes.h"
#include "config/config.h"
#include "model/alert.h"
#include "model/fact.h"
#include "policy/allow_list.h"
#include "policy/calendar.h"
#include "policy/control_rights.h"
#include "policy/indicator_list.h"
#include "policy/inventory.h"

namespace tsujiban::detect {

// A bit per FactKind.
constexpr std::uint32_t facts_of(std::initializer_list<FactKind> kinds) noexcept {
  std::uint32_t bits = 0;
  for (const FactKind kind : kinds) bits |= 1u << static_cast<unsigned>(kind);
  return bits;
}

// What every detector over the site may ask. Shared, immutable.
struct Site {
  std::shared_ptr<const config::Config> config;
  std::shared_ptr<const policy::Inventory> inventory;
  std::shared_ptr<const policy::AllowList> allow;  // Null where there is no inventory.
  std::shared_ptr<const policy::ControlRights> rights;
  std::shared_ptr<const policy::Calendar> calendar;
  std::shared_ptr<const policy::IndicatorList> indicators;  // Null where no list is named.
  HashSeed seed;  // For tables; nothing that reaches an output may depend on it.
  bool live = false;
};

// Who the two addresses of a fact are. Assets and segments are index + 1, 0 for none.
struct Ends {
  std::uint32_t source_asset = 0, destination_asset = 0;
  std::uint32_t source_segment = 0, destination_segment = 0;
  Role source_role = Role::unknown, destination_role = Role::unknown;
  ErabInterface interface = ErabInterface::none;
  bool source_outside = false, destination_outside = false;  // In no segment and no asset, and public where none is.
};

// Where detectors say what they found.
class Findings {
 public:
  virtual ~Findings() = default;
  // One occurrence. Merging, repeating and counting are done behind it; `merge_key` tells conditions of one pair apart.
  virtual void raise(const Alert& alert) noexcept = 0;
  // The detector cannot see what it needs for this pair: counted, and told by sensor.blind. `why` is static text; null
  // where the catalogue wants it counted only.
  virtual void rests(DetectorId detector, const Fact& fact, const Ends& ends, const char* why) noexcept = 0;
};

struct Renumbered;

// One or several rows of the catalogue, judged over the whole site by one thread, in packet order. What it keeps is
// bounded and taken when it is made; `fact` and `tick` allocate nothing. What it raises depends on the packets alone:
// not on the number of workers (so timers end in `tick`, never by a fact's time), nor on how often news was told.
class SiteDetector {
 public:
  virtual ~SiteDetector() = default;
  virtual void fact(const Fact& fact, const Ends& ends, Findings& findings) noexcept = 0;
  // Fetches the memory that `fact` will look at for this one, some facts earlier: step 0, and a few facts later step 1
  // for what step 0's memory points to. Changes nothing.
  virtual void prefetch(const Fact& fact, unsigned step) const noexcept {
    static_cast<void>(fact), static_cast<void>(step);
  }
  // The kinds, a bit each, for which `prefetch` does anything.
  virtual std::uint32_t prefetched() const noexcept { return 0; }
  // The same by who the ends are, where that is known early; for all its kinds, if `prefetches_ends`.
  virtual void prefetch_ends(const Ends& ends) const noexcept { static_cast<void>(ends); }
  virtual bool prefetches_ends() const noexcept { return false; }
  // Every 10 s of packet time or so, the same for any number of workers.
  virtual void tick(PacketTime now, Findings& findings) noexcept {
    static_cast<void>(now), static_cast<void>(findings);
  }
  // Entries given up because a limit of memory was reached, so far.
  virtual std::uint64_t evictions() const noexcept { return 0; }
  // What the detector that sums up writes has in its window now, the larger direction; others 0.
  virtual double power_at_risk_kw() const noexcept { return 0; }
  // What must survive a restart; `version` names its layout, 0: nothing. `load` leaves the detector as it was where it
  // returns false.
  virtual std::uint32_t state_version() const noexcept { return 0; }
  virtual void save(StateWriter& writer) const { static_cast<void>(writer); }
  virtual bool load(StateReader& reader, std::uint32_t version) {
    static_cast<void>(reader), static_cast<void>(version);
    return false;
  }
  // At a reload: goes on with what `before` has kept, which is of the same row under the configuration before and is
  // not asked any more. Numbers of assets and segments are others now. What is not taken over begins anew; without a
  // word of the detector that is all that would not survive a restart.
  virtual void take_over(SiteDetector& before, const Renumbered& numbers);
};

// A row of site_detectors.cpp: a constant.
struct SiteDetectorRow {
  std::string_view name;                  // Of the state's section.
  std::span<const DetectorId> detectors;  // Made where one of them is enabled.
  std::uint32_t facts;                    // Bit per FactKind.
  bool needs_inventory;
  std::unique_ptr<SiteDetector> (*make)(const Site& site);
  bool needs_indicators = false;
  Role speaks_of = Role::unknown;  // It can say something of assets with this role only; unknown: of any.
};
std::span<const SiteDetectorRow> site_detectors() noexcept;
inline bool has_subjects(const SiteDetectorRow& row, const config::Config& config) noexcept {
  return row.speaks_of == Role::unknown || std::any_of(config.assets.begin(), config.assets.end(),
                                                       [&](const auto& one) { return one.role == row.speaks_of; });
}
// Whether the configuration lets it run: one of its detectors is enabled, and there is an inventory where it needs one,
// with somebody of whom it can say anything.
inline bool is_on(const SiteDetectorRow& row, const config::Config& config) noexcept {
  if (row.needs_inventory && !config.has_inventory()) return false;
  if (row.needs_indicators && !config.has_indicators()) return false;
  if (!has_subjects(row, config)) return false;
  return std::any_of(row.detectors.begin(), row.detectors.end(),
                     [&](DetectorId id) { return config.settings(id).enabled; });
}
// The merge key of what is told of a whole named segment (index + 1): by its name, for its number is another one when
// the inventory changes.
inline std::uint64_t segment_merge_key(const config::Config& config, std::uint32_t segment) noexcept {
  const std::string& name = config.segments[segment - 1].name;
  return hash_bytes({}, {reinterpret_cast<const std::uint8_t*>(name.data()), name.size()}) | std::uint64_t{1} << 63;
}

// An alert about a fact: catalogue's numbers, addresses, assets, time. Severity as in the catalogue.
Alert alert_of(DetectorId detector, const Fact& fact, const Ends& ends) noexcept;
// Writes line `line` of `alert.why` as printf does.
[[gnu::format(printf, 3, 4)]] void say_why(Alert& alert, unsigned line, const char* format, ...) noexcept;

}  // namespace tsujiban::detect
