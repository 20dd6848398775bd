#include <array>

#include "detect/c2_detectors.h"
#include "detect/control_power.h"
#include "detect/control_writes.h"
#include "detect/echonet_messages.h"
#include "detect/echonet_nodes.h"
#include "detect/name_detectors.h"
#include "detect/network_detectors.h"
#include "detect/policy_detectors.h"
#include "detect/site_detector.h"

namespace tsujiban::detect {

std::span<const SiteDetectorRow> site_detectors() noexcept {
  // Made at the first call: the rows are constants of other files.
  static const std::array rows{
      policy_ports_row,          policy_protocols_row, policy_routes_row,         policy_exposure_row,
      policy_roles_row,          policy_sessions_row,  policy_unknown_assets_row, policy_labels_row,
      network_lateral_row,       network_logins_row,   network_scan_row,          network_flood_row,
      names_tunnel_row,          names_generated_row,  names_lookalike_row,       network_link_spoof_row,
      network_rogue_servers_row, network_silence_row,  network_certificates_row,  network_web_pages_row,
      control_writes_row,        control_power_row,    c2_indicator_row,          c2_beacon_row,
      echonet_messages_row,      echonet_nodes_row,    policy_unnamed_row,
  };
  return rows;
}

}  // namespace tsujiban::detect
