#pragma once
#include <algorithm>
#include <array>

#include "model/detector_catalogue.h"

namespace tsujiban::config {

// The detectors of the catalogue that exist in this build, in the catalogue's order: what `detectors:` accepts, and
// what the program lists at its start. A detector gets its row here when it works.
inline constexpr std::array detectors_present = {
    DetectorId::policy_peer_not_allowed,
    DetectorId::sensor_packet_loss,
    DetectorId::sensor_capture_stalled,
    DetectorId::sensor_state_limit,
    DetectorId::sensor_clock_step,
    DetectorId::sensor_duplicate_packets,
    DetectorId::signature,
};

constexpr bool is_present(DetectorId id) noexcept {
  return std::find(detectors_present.begin(), detectors_present.end(), id) != detectors_present.end();
}

}  // namespace tsujiban::config
