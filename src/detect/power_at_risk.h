#pragma once
#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "base/bounded_map.h"
#include "detect/renumbered.h"
#include "detect/site_detector.h"
#include "detect/site_keys.h"
#include "detect/window_counts.h"

namespace tsujiban::detect {

// The object class of an ECHONET Lite object: without its instance.
constexpr std::uint32_t object_class(std::uint32_t object) noexcept { return object >> 8; }
constexpr bool is_all_instances(std::uint32_t object) noexcept { return (object & 0xff) == 0; }
// Whether writes to this class move load: everything but profiles, controllers and meters.
bool is_load_class(std::uint32_t object_class) noexcept;

// The inventory's assets of one segment that have an object of one class: what a write to a group reaches.
class GroupTargets {
 public:
  explicit GroupTargets(const config::Config& config);
  // Asset numbers (index + 1), in the inventory's order. `segment` is index + 1; 0 has none.
  std::span<const std::uint32_t> of(std::uint32_t segment, std::uint32_t object_class) const noexcept;

 private:
  std::vector<std::uint64_t> keys_;  // Segment and class; parallel to `assets_`, sorted.
  std::vector<std::uint32_t> assets_;
};

// One device that a write touches: an asset, or else an object at an address.
struct TouchedDevice {
  std::uint64_t id;      // A hash with the seed of PowerDevices; the same after a restart.
  std::uint32_t object;  // As written; of an asset reached through a group, its own.
  double kw;             // 0: no capacity is known.
  std::uint32_t count;   // Devices it stands for: of a group without inventory, those known there.
};

// Which devices there are, listed and learned, and which of them a write touches.
class PowerDevices {
 public:
  static constexpr std::uint32_t learned_max = 1u << 17;                  // Objects not in the inventory.
  static constexpr std::uint32_t group_touches_per_second_max = 200'000;  // So that groups cost no more than packets.

  explicit PowerDevices(const Site& site);

  // `fact` shows an object of its source. Repeated ones change nothing.
  void learn(SegmentKey segment, const IpAddress& address, std::uint32_t asset, std::uint32_t object) noexcept;
  void prefetch(SegmentKey segment, const IpAddress& address, std::uint32_t object, unsigned step) const noexcept {
    learned_.prefetch({{segment, address}, is_all_instances(object) ? object | 1 : object}, step);
  }
  // The devices of a write. Calls `visit(const TouchedDevice&)`.
  template <class Visit>
  void touched(const Fact& fact, const Ends& ends, Visit&& visit) noexcept;
  // The device that has this object at this address.
  TouchedDevice device(SegmentKey segment, const IpAddress& address, std::uint32_t asset,
                       std::uint32_t object) const noexcept;
  // Devices of the inventory (role device) and learned ones.
  std::uint32_t known() const noexcept { return listed_ + learned_.size(); }
  std::uint64_t evictions() const noexcept { return learned_.evictions() + group_evictions_ + classes_.evictions(); }

  void save(StateWriter& writer) const;
  // `apply` false: only whether it can be read.
  bool load(StateReader& reader, bool apply);
  // At a reload.
  void take_over(PowerDevices& from);

 private:
  struct Nothing {};
  struct ObjectKey {
    HostKey host;
    std::uint32_t object = 0;
    std::uint64_t hash(HashSeed seed) const noexcept { return hash_words(seed, host.hash(seed), object); }
    bool operator==(const ObjectKey&) const noexcept = default;
  };
  void learn(const ObjectKey& key) noexcept;
  bool take_from_budget(PacketTime now) noexcept;

  void name_assets();

  std::shared_ptr<const config::Config> config_;
  HashSeed id_seed_;  // Kept over restarts, so that what is kept by a device's id is found again.
  // Of the inventory's assets what is asked for with every write and reading; their configuration lies far apart.
  struct Listed {
    std::uint64_t id;
    double kw;
    std::uint32_t object;
    bool device;
  };
  std::vector<Listed> assets_;
  GroupTargets groups_;
  std::uint32_t listed_ = 0;
  BoundedMap<ObjectKey, Nothing> learned_;
  BoundedMap<WordsKey, std::uint32_t> classes_;  // Learned devices by link and class.
  std::int64_t budget_second_ = 0;
  std::uint32_t budget_ = 0;
  std::uint64_t group_evictions_ = 0;
};

// What a device was last seen to do: by what was read, and by writes that were not refused.
class DeviceStates {
 public:
  DeviceStates(std::uint32_t capacity, HashSeed seed) : states_(capacity, seed) {}
  static bool keeps(std::uint32_t point) noexcept;

  // Sets the state; false where it was that already.
  bool set(const TouchedDevice& device, std::uint32_t point, std::uint32_t code) noexcept;
  void forget(const TouchedDevice& device, std::uint32_t point) noexcept;
  void prefetch(const TouchedDevice& device, std::uint32_t point, unsigned step) const noexcept {
    states_.prefetch(key_of(device, point), step);
  }
  // A direction that depends on what the device did, resolved; `depends` where that was never seen.
  LoadDirection resolve(const TouchedDevice& device, const ControlWrite& write) const noexcept;
  void save(StateWriter& writer) const;
  // `apply` false: only whether it can be read.
  bool load(StateReader& reader, bool apply);
  std::uint64_t evictions() const noexcept { return states_.evictions(); }
  void take_over(DeviceStates& from) noexcept { states_.take_over(from.states_); }

 private:
  static WordsKey key_of(const TouchedDevice& device, std::uint32_t point) noexcept;
  bool last(const TouchedDevice& device, std::uint32_t point, std::uint32_t& code) const noexcept;

  BoundedMap<WordsKey, std::uint32_t> states_;
};

// A sum over distinct devices.
struct MovedPower {
  double kw = 0;
  std::uint32_t devices = 0;
  std::uint32_t without_capacity = 0;  // Of them.
};

// Power at risk: distinct devices touched in one direction within the window, summed over the site, each segment, each
// writer and each declared dispatch. A device leaves a sum when its last write in that direction is older than the
// window. Constant work for each write, amortised over those that leave.
class PowerAtRisk {
 public:
  static constexpr std::size_t direction_count = 4;  // up, down, depends, lost.
  static constexpr std::uint32_t unlisted_touches_max = 1u << 16;
  static constexpr std::uint32_t writers_max = 1u << 16, segments_max = 1u << 17;
  enum class Part : std::uint8_t { all, uncovered, covered };

  // `latest_only`: a device counts in the direction of its latest write only, and only the sum over the site is kept.
  PowerAtRisk(const Site& site, Duration window, bool latest_only);

  struct Touch {
    TouchedDevice device;
    LoadDirection direction;  // Not none.
    HostKey writer;
    SegmentKey link;
    std::uint32_t segment;   // Index + 1; 0: the link stands for it.
    std::uint32_t dispatch;  // Index + 1 of the schedule that covers it; 0: none does.
  };
  void touch(const Touch& touch, PacketTime now) noexcept;
  // The write was refused: it touched nothing.
  void undo(const Touch& touch) noexcept;
  void expire(PacketTime now) noexcept;

  const MovedPower& site(LoadDirection direction, Part part = Part::all) const noexcept;
  MovedPower segment(SegmentKey link, std::uint32_t segment, LoadDirection direction) const noexcept;
  MovedPower writer(const HostKey& writer, LoadDirection direction) const noexcept;
  MovedPower dispatch(std::uint32_t index, LoadDirection direction) const noexcept;
  // Segments and writers with a device in that direction's sum.
  std::uint32_t segments(LoadDirection direction) const noexcept { return segment_count_[index_of(direction)]; }
  std::uint32_t writers(LoadDirection direction) const noexcept { return writer_count_[index_of(direction)]; }
  // Whether this device already counts as covered, so that counting it again adds nothing.
  bool has_covered(const TouchedDevice& device, LoadDirection direction) const noexcept;
  std::uint64_t evictions() const noexcept { return evictions_ + segments_.evictions() + writers_.evictions(); }
  // At a reload: what is in the window stays in it, under the numbers that segments and dispatches have now.
  void take_over(PowerAtRisk& from, const Renumbered& numbers);

 private:
  static constexpr std::size_t index_of(LoadDirection direction) noexcept {
    return direction == LoadDirection::none ? 0 : static_cast<std::size_t>(direction) - 1;
  }
  struct TouchKey {
    std::uint64_t device = 0;
    std::uint32_t group = 0;      // A Part, or writer_bit and the writer's index.
    std::uint32_t direction = 0;  // Its index.
    std::uint64_t hash(HashSeed seed) const noexcept {
      return hash_words(seed, device, std::uint64_t{group} << 8 | direction);
    }
    bool operator==(const TouchKey&) const noexcept = default;
  };
  static constexpr std::uint32_t writer_bit = 1u << 31;
  struct Held {
    PacketTime time;
    double kw;
    std::uint32_t count;
    std::uint32_t sum_index;       // Of the segment (Part::all), the dispatch (Part::covered) or the writer.
    std::uint32_t sum_generation;  // Of segment and writer: an entry that made place and came back is another one.
  };
  struct Sums {
    std::array<MovedPower, direction_count> by_direction;
    std::uint32_t generation;
  };
  static void add(MovedPower& sum, double kw, std::uint32_t count) noexcept;
  static void subtract(MovedPower& sum, double kw, std::uint32_t count) noexcept;
  static WordsKey segment_key(SegmentKey link, std::uint32_t segment) noexcept;
  template <class Key>
  std::uint32_t sums_of(BoundedMap<Key, Sums>& map, const Key& key,
                        std::array<std::uint32_t, direction_count>& active) noexcept;
  void hold(const TouchKey& key, const TouchedDevice& device, std::uint32_t sum_index, std::uint32_t generation,
            PacketTime now) noexcept;
  void release(std::uint32_t index) noexcept;
  void drop(const TouchKey& key) noexcept;

  Duration window_;
  bool latest_only_;
  BoundedMap<TouchKey, Held> touches_;  // In the order of their last write.
  std::array<std::array<MovedPower, direction_count>, 3> site_{};
  BoundedMap<WordsKey, Sums> segments_;
  BoundedMap<HostKey, Sums> writers_;
  std::array<std::uint32_t, direction_count> segment_count_{}, writer_count_{};
  std::vector<std::array<MovedPower, direction_count>> dispatches_;
  std::uint32_t generation_ = 0;
  std::uint64_t evictions_ = 0;
};

template <class Visit>
void PowerDevices::touched(const Fact& fact, const Ends& ends, Visit&& visit) noexcept {
  const std::uint32_t object = fact.control_write.object;
  if (!fact.to_group) {
    learn(fact.segment, fact.destination, ends.destination_asset, object);
    visit(device(fact.segment, fact.destination, ends.destination_asset, object));
    return;
  }
  const std::uint32_t segment = ends.destination_segment != 0 ? ends.destination_segment : ends.source_segment;
  bool any = false;
  for (const std::uint32_t asset : groups_.of(segment, object_class(object))) {
    const Listed& listed = assets_[asset - 1];
    if (!is_all_instances(object) && listed.object != object) continue;
    if (!take_from_budget(fact.time)) {
      ++group_evictions_;
      return;
    }
    any = true;
    visit(TouchedDevice{listed.id, listed.object, listed.kw, 1});
  }
  if (any) return;
  // Without an inventory the group is one device that stands for those known there.
  TouchedDevice group = device(fact.segment, fact.destination, 0, object);
  const std::uint32_t known = classes_.find(WordsKey{fact.segment.raw(), object_class(object)});
  group.count = known == 0 ? 1 : std::max(1u, classes_.value(known));
  visit(group);
}

}  // namespace tsujiban::detect
