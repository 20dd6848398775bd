#pragma once
#include <array>
#include <memory>
#include <vector>

#include "base/bounded_map.h"
#include "detect/site_detector.h"

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
  void tick(PacketTime now) noexcept;
  std::uint64_t evictions() const noexcept;
  // By detector: pairs for which it rests because what it needs cannot be seen.
  const std::array<std::uint32_t, detector_count>& blind_peers() const noexcept { return blind_peers_; }

  // All detectors' state, each in a section with its name and version, so that one that changed starts anew alone.
  std::vector<std::uint8_t> save(PacketTime now) const;
  // False, with a reason for people, where the bytes are not what `save` wrote; what can be read is taken.
  bool load(Bytes state, std::string& error);

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
  static constexpr std::uint32_t blind_pairs_max = 1u << 16;

  void raise(const Alert& alert) noexcept override;
  void rests(DetectorId detector, const Fact& fact, const Ends& ends, const char* why) noexcept override;
  Ends ends_of(const Fact& fact) const noexcept;

  Site site_;
  AlertSink& sink_;
  std::vector<Running> running_;
  std::uint32_t facts_wanted_ = 0;
  BoundedMap<Blind, Nothing> blind_;
  std::array<std::uint32_t, detector_count> blind_peers_{};
};

}  // namespace tsujiban::detect
