#pragma once
#include <memory>

#include "config/config.h"
#include "policy/inventory.h"

namespace tsujiban::policy {

// What the configuration's time windows say of a packet's time, in the site's time zone.
class Calendar {
 public:
  explicit Calendar(std::shared_ptr<const Inventory> inventory);

  bool is_within(const config::TimeWindow& window, PacketTime time) const noexcept;
  // `windows` empty: always.
  bool is_within(const std::vector<config::TimeWindow>& windows, PacketTime time) const noexcept;
  // Whether a maintenance window holds, everywhere or in this segment (index + 1, 0: none).
  bool in_maintenance(PacketTime time, std::uint32_t segment) const noexcept;

  // The declared dispatch that covers a write by this host now: index + 1, 0 for none. Of several the one with the
  // largest `kw_max` (0 being no limit, the largest).
  std::uint32_t dispatch_at(PacketTime time, SegmentKey link, const IpAddress& writer) const noexcept;
  const config::DispatchWindow& dispatch(std::uint32_t index) const noexcept;
  // Whether any schedule is declared for this writer at all: else nothing can be said of writes outside of it.
  bool has_dispatch_for(SegmentKey link, const IpAddress& writer) const noexcept;

 private:
  std::shared_ptr<const Inventory> inventory_;
};

}  // namespace tsujiban::policy
