#pragma once
#include <memory>
#include <span>
#include <vector>

#include "config/config.h"
#include "policy/inventory.h"
#include "policy/name_pairs.h"

namespace tsujiban::policy {

// What the configuration's time windows say of a packet's time, in the site's time zone. Immutable, shared; nothing
// allocates after it is made.
class Calendar {
 public:
  explicit Calendar(std::shared_ptr<const Inventory> inventory, HashSeed seed = {});

  bool is_within(const config::TimeWindow& window, PacketTime time) const noexcept;
  // `windows` empty: always.
  bool is_within(std::span<const config::TimeWindow> windows, PacketTime time) const noexcept;
  // Whether the last day of an entry is over.
  bool is_expired(std::int64_t expires_local_s, PacketTime time) const noexcept;
  // Whether a maintenance window holds, everywhere or in this segment (index + 1, 0: none).
  bool in_maintenance(PacketTime time, std::uint32_t segment) const noexcept;

  // The declared dispatch that covers a write by this host now: index + 1, 0 for none. Of several the one with the
  // largest `kw_max` (0 being no limit, the largest), and of equals the first.
  std::uint32_t dispatch_at(PacketTime time, SegmentKey link, const IpAddress& writer) const noexcept;
  // `index` as `dispatch_at` gives it, not 0.
  const config::DispatchWindow& dispatch(std::uint32_t index) const noexcept;
  // Whether any schedule is declared for this writer at all: else nothing can be said of writes outside of it.
  bool has_dispatch_for(SegmentKey link, const IpAddress& writer) const noexcept;

 private:
  struct Range {
    std::uint32_t first = 0, count = 0;  // Into `maintenance_`.
  };
  template <class Each>
  void for_each_dispatch(SegmentKey link, const IpAddress& writer, Each&& each) const noexcept;

  std::shared_ptr<const Inventory> inventory_;
  NamePairs dispatch_;                 // Of `by` and `any`.
  std::vector<Range> maintenance_of_;  // By segment index + 1; 0: those that hold everywhere.
  std::vector<config::TimeWindow> maintenance_;
};

}  // namespace tsujiban::policy
