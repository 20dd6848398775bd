#pragma once
#include <algorithm>
#include <array>
#include <memory>
#include <string>
#include <vector>

#include "base/bounded_map.h"
#include "detect/renumbered.h"
#include "detect/site_detector.h"
#include "detect/site_keys.h"

namespace tsujiban::detect {

// All site detectors that the configuration switches on: hands each the facts it asks for, in packet order.
class SiteEngine final : private Findings {
 public:
  // Receives every occurrence.
  class AlertSink {
   public:
    virtual ~AlertSink() = default;
    virtual void raise(const Alert& alert) noexcept = 0;
  };

  SiteEngine(const Site& site, std::span<const SiteDetectorRow> rows, AlertSink& sink);

  std::uint32_t facts_wanted() const noexcept { return facts_wanted_; }  // Bit per FactKind.
  void fact(const Fact& fact) noexcept;
  // As SiteDetector::prefetch, for all that ask for this kind.
  void prefetch(const Fact& fact, unsigned step) const noexcept;
  void tick(PacketTime now) noexcept;
  std::uint64_t evictions() const noexcept;
  // Moved by writes within the window, over the whole site.
  double power_at_risk_kw() const noexcept {
    double kw = 0;
    for (const Running& r : running_) kw = std::max(kw, r.detector->power_at_risk_kw());
    return kw;
  }
  // By detector: pairs for which it rests because what it needs cannot be seen.
  const std::array<std::uint32_t, detector_count>& blind_peers() const noexcept { return blind_peers_; }

  // Enabled detectors that are not made because there is no inventory: the start-up summary lists them.
  static std::vector<DetectorId> without_inventory(const config::Config& config, std::span<const SiteDetectorRow> rows);

  // All detectors' state, each in a section with its name and version, so that one that changed starts anew alone.
  std::vector<std::uint8_t> save(PacketTime now) const;
  // False, with a reason for people, where the bytes are not what `save` wrote; what can be read is taken.
  bool load(Bytes state, std::string& error);
  // At a reload: each detector goes on with what the one of the same row has kept in `before`, which is only destroyed
  // afterwards. Pairs that rest are counted anew; those that were told are not told again.
  void take_over(SiteEngine& before, const Renumbered& numbers);

 private:
  struct Running {
    const SiteDetectorRow* row;
    std::unique_ptr<SiteDetector> detector;
  };
  struct Blind {  // Key of `blind_`.
    SegmentKey segment;
    IpAddress low, high;
    DetectorId detector;
    std::uint64_t hash(HashSeed seed) const noexcept;
    bool operator==(const Blind&) const noexcept = default;
  };
  struct Nothing {};
  // Who the ends of a pair are, kept: the inventory's tables are far apart in memory, and pairs talk again and again.
  struct alignas(64) KnownEnds {
    SegmentKey segment;
    IpAddress source, destination;
    Ends ends;
  };
  static_assert(sizeof(KnownEnds) == 64);  // One cache line.
  static bool is_of(const KnownEnds& known, const Fact& fact) noexcept {
    return known.source == fact.source && known.destination == fact.destination && known.segment == fact.segment;
  }
  // Two places for those whose hashes fall together; the one asked for last stands first.
  using KnownSet = std::array<KnownEnds, 2>;
  static constexpr std::size_t known_sets = 1u << 14;
  static constexpr std::uint32_t blind_pairs_max = 1u << 16;

  void raise(const Alert& alert) noexcept override;
  void rests(DetectorId detector, const Fact& fact, const Ends& ends, const char* why) noexcept override;
  Ends ends_of(const Fact& fact) noexcept;
  KnownSet& known_ends(const Fact& fact) const noexcept {
    return known_ends_
        .as<KnownSet>()[PairKey{fact.segment, fact.source, fact.destination}.hash(site_.seed) % known_sets];
  }
  Ends find_ends(const Fact& fact) const noexcept;

  Site site_;
  AlertSink& sink_;
  std::vector<Running> running_;
  // By kind: who asks for it, and of them who fetches memory ahead.
  std::array<std::vector<SiteDetector*>, static_cast<std::size_t>(FactKind::count_)> by_kind_, prefetching_,
      prefetching_ends_;
  std::uint32_t facts_wanted_ = 0;
  bool has_places_ = false;  // Assets or segments are declared.
  ReservedMemory known_ends_{known_sets * sizeof(KnownSet), ReservedMemory::Pages::large};
  BoundedMap<Blind, Nothing> blind_;
  BoundedMap<Blind, Nothing> blind_before_;                                 // Under the configurations before.
  std::array<std::uint32_t, detector_count> blind_peers_{}, blind_told_{};  // Now; and over all of them.
};

}  // namespace tsujiban::detect
