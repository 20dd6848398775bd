#pragma once
#include <array>
#include <string_view>

#include "base/time.h"
#include "model/address.h"
#include "model/detector_catalogue.h"
#include "model/segment_key.h"
#include "model/words.h"

namespace tsujiban {

// One finding, before merging. Text members are bounded copies: an alert outlives the packet that raised it.
struct Alert {
  static constexpr std::size_t why_max = 4;
  static constexpr std::size_t why_text_max = 160;

  DetectorId detector{};
  Severity severity = Severity::medium;
  ErabInterface interface = ErabInterface::none;
  std::uint32_t signature_gid = 0, signature_id = 0, signature_rev = 0;  // From the catalogue, or from the rule.
  std::uint32_t rule = 0;  // Index of the signature rule (detector `signature`): its message and class.
  PacketTime time;
  std::uint64_t packet_number = 0;  // The packet that raised this occurrence.
  std::uint64_t flow_id = 0;        // 0: none.
  std::uint16_t input = 0;          // RawPacket::input of that packet, where `has_input`.
  bool has_input = false;
  bool has_addresses = true;          // False: about the sensor itself.
  bool inbound_from_outside = false;  // The peer outside began: scenario unauthorized-access.
  SegmentKey segment;
  IpAddress source, destination;
  std::uint16_t source_port = 0, destination_port = 0;
  std::uint8_t protocol = 0;  // IP protocol; 0: none (a sensor alert).
  AppProtocol app_protocol = AppProtocol::unknown;
  std::uint32_t source_asset = 0,
                destination_asset = 0;  // Index into the configuration's assets + 1; 0: not in the inventory.
  double power_at_risk_kw = 0;          // 0: not told.
  std::string_view scenario;            // Static text in place of the catalogue's; empty: the catalogue's.
  std::uint64_t merge_key =
      0;                    // Alerts with the same detector and key within `repeat` are one condition. 0: by addresses.
  std::uint64_t count = 1;  // Occurrences this update stands for, since the condition began.
  PacketTime first_seen, last_seen;
  std::array<std::array<char, why_text_max>, why_max> why{};  // Zero-terminated; empty ones are not written.
};

}  // namespace tsujiban
