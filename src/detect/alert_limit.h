#pragma once
#include "base/bounded_map.h"
#include "detect/site_detector.h"
#include "detect/site_keys.h"
#include "detect/window_counts.h"

namespace tsujiban::detect {

// So that an adversary who rotates addresses does not write the alerts: of one detector each segment, and each source
// over all segments, has at most `conditions_max` new conditions an hour. What goes beyond is one condition more, told
// under the addresses that it began with. Bounded; a group or condition that had to make place begins anew. Not kept
// over restarts.
class AlertLimit {
 public:
  static constexpr std::uint32_t conditions_max = 50;   // New ones of one group within an hour.
  static constexpr std::uint32_t known_max = 1u << 15;  // Conditions told lately, over all groups.
  static constexpr std::uint32_t groups_max = 1u << 13;
  static constexpr Duration hour = Duration::seconds(3600);
  static constexpr std::uint64_t beyond_key = ~std::uint64_t{0};  // merge_key of what goes beyond.

  explicit AlertLimit(HashSeed seed) : known_(known_max, seed), groups_(groups_max, seed) {}

  // In place of `findings.raise`. What merging would take for the same condition passes as often as it comes.
  void raise(const Alert& alert, Findings& findings) noexcept {
    const ConditionKey key{alert.detector, {alert.segment, alert.source, alert.destination}, alert.merge_key};
    const std::uint32_t condition = known_.find(key);
    if (condition == 0 || alert.time - known_.value(condition) > hour) {
      for (const bool of_source : {false, true}) {
        const GroupKey group{alert.detector, of_source ? SegmentKey{} : alert.segment,
                             of_source ? alert.source : IpAddress{}, of_source};
        if (is_beyond(groups_.value(groups_.use(group).index), alert, of_source, findings)) return;
      }
    }
    known_.value(known_.use(key).index) = alert.time;
    findings.raise(alert);
  }
  std::uint64_t evictions() const noexcept { return known_.evictions() + groups_.evictions(); }
  void take_over(AlertLimit& from) noexcept {
    known_.take_over(from.known_);
    groups_.take_over(from.groups_);
  }

 private:
  struct ConditionKey {
    DetectorId detector{};
    PairKey pair;
    std::uint64_t merge_key = 0;
    std::uint64_t hash(HashSeed seed) const noexcept {
      return hash_words(seed, pair.hash(seed), merge_key ^ static_cast<std::uint64_t>(detector) << 48);
    }
    bool operator==(const ConditionKey&) const noexcept = default;
  };
  struct GroupKey {
    DetectorId detector{};
    SegmentKey segment;
    IpAddress source;
    bool of_source = false;
    std::uint64_t hash(HashSeed seed) const noexcept {
      return hash_words(seed, HostKey{segment, source}.hash(seed),
                        static_cast<std::uint64_t>(detector) << 1 | (of_source ? 1 : 0));
    }
    bool operator==(const GroupKey&) const noexcept = default;
  };
  struct Group {
    PacketTime since;
    std::uint32_t told, beyond;  // Since then.
    SegmentKey segment;          // What goes beyond is told under these.
    IpAddress source, destination;
  };

  static bool is_beyond(Group& group, const Alert& alert, bool of_source, Findings& findings) noexcept {
    if (group.since.ns == 0 || alert.time - group.since > hour) group = Group{alert.time, 0, 0, {}, {}, {}};
    if (group.told < conditions_max) {
      ++group.told;
      return false;
    }
    if (group.beyond++ == 0) {
      group.segment = alert.segment;
      group.source = alert.source;
      group.destination = alert.destination;
    }
    Alert sum = alert;
    sum.segment = group.segment;
    if (sum.source != group.source) {
      sum.source = group.source;
      sum.source_asset = 0;
    }
    if (sum.destination != group.destination) {
      sum.destination = group.destination;
      sum.destination_asset = 0;
    }
    sum.merge_key = beyond_key - (of_source ? 1 : 0);
    for (auto& line : sum.why) line[0] = '\0';
    say_why(sum, 0, "%u findings more of this %s within the hour than the %u conditions that were told one by one",
            group.beyond, of_source ? "source" : "segment", conditions_max);
    say_why(sum, 1, "the latest: %s", alert.why[0].data());
    findings.raise(sum);
    return true;
  }

  BoundedMap<ConditionKey, PacketTime> known_;
  BoundedMap<GroupKey, Group> groups_;
};

}  // namespace tsujiban::detect
