#pragma once
#include <cstdint>
#include <string_view>

#include "base/json_writer.h"
#include "model/alert.h"
#include "output/timestamp.h"

namespace tsujiban::output {

// Names an alert by its content: 64 bits of SHA-256 over detector, segment, addresses, merge key, rule (gid and sid)
// and first_seen; never 0. The same on every run and for every update of one condition; it depends neither on a seed
// nor on threads. With merge key 0 the ports and the protocol count as well. Keyed by nothing, hence a cryptographic
// digest: whoever picks the addresses cannot make two conditions share a name. Allocates nothing.
std::uint64_t alert_identity(const Alert& alert) noexcept;

// An alert's id as events write it: 16 lower-case hex digits, no terminating zero.
inline constexpr std::size_t alert_id_text_size = 16;
void write_alert_id(std::uint64_t id, char* to) noexcept;

// The words that an alert holds only as indices. Empty: the default said beside it.
struct AlertNames {
  std::uint64_t id = 0;           // alert_identity.
  std::string_view source_asset;  // Not in the inventory: no `asset` member.
  std::string_view destination_asset;
  Role source_role = Role::unknown;
  Role destination_role = Role::unknown;
  std::string_view signature;   // A rule's `msg`; default: the detector's message.
  std::string_view category;    // A rule's class in words; default: the detector's.
  std::string_view message_ja;  // Default: the detector's, for a signature followed by the rule's `msg`.
  std::string_view scenario;    // Default: the catalogue's.
  double power_at_risk_kw = 0;  // Written when above 0.
};

// Writes the members `alert` (Suricata's) and `tsujiban` (ours) into the object that `json` stands in. Without the
// texts of `names` and `why` it takes less than `alert_bytes_max`.
inline constexpr std::size_t alert_bytes_max = 2048;
void write_alert(JsonWriter& json, TimestampWriter& timestamps, const Alert& alert, const AlertNames& names) noexcept;

}  // namespace tsujiban::output
