#pragma once
#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "policy/calendar.h"
#include "policy/inventory.h"
#include "policy/name_pairs.h"

namespace tsujiban::policy {

enum class WriteReason : std::uint8_t {
  no_inventory,         // Nothing can be said: no asset takes part, or there is no inventory.
  listed,               // Allowed by an entry of `control`.
  own_segment,          // Allowed by default: an ems or gateway within its own segment.
  interface_default,    // Allowed by default: an aggregator over R4 and R6, a scada_master by DNP3 and IEC 104.
  not_permitted,        // From here on not allowed: nothing gives the right.
  outside_hours,        // An entry gives it, but not at this time, or has expired.
  protocol_not_listed,  // An entry gives it, but not by this protocol.
  count_,
};
std::string_view name_of(WriteReason reason) noexcept;

struct WriteRight {
  bool judged = false;  // One end is an asset, or the target is a group in a segment that has assets.
  bool allowed = true;
  WriteReason reason = WriteReason::no_inventory;
  std::uint32_t entry = 0;  // Index + 1 of the entry of `control` that gave the reason; 0: none did.
};

// Who may write to whom (effects P, A, R, C): the defaults of the roles and the entries of `control`. README.md says
// the rules. Immutable, shared.
class ControlRights {
 public:
  ControlRights(std::shared_ptr<const Inventory> inventory, std::shared_ptr<const Calendar> calendar,
                HashSeed seed = {});
  WriteRight judge(SegmentKey link, const IpAddress& writer, const IpAddress& target, AppProtocol protocol,
                   PacketTime time) const noexcept;
  // One English line of at most `max` - 1 bytes and a terminating zero; returns its length.
  std::size_t explain(const WriteRight& right, SegmentKey link, const IpAddress& writer, const IpAddress& target,
                      char* to, std::size_t max) const noexcept;

 private:
  std::shared_ptr<const Inventory> inventory_;
  std::shared_ptr<const Calendar> calendar_;
  NamePairs pairs_;
  std::vector<std::uint64_t> apps_;  // By entry: a bit an AppProtocol; 0: any.
};

// The application protocols that the guideline permits on an interface where the site says nothing else; a bit an
// AppProtocol, 0: any.
std::uint64_t default_protocols_of(ErabInterface interface) noexcept;

}  // namespace tsujiban::policy
