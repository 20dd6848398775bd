#pragma once
#include <algorithm>
#include <array>

#include "model/detector_catalogue.h"

namespace tsujiban::config {

// The detectors of the catalogue that exist in this build, in the catalogue's order: what `detectors:` accepts, and
// what the program lists at its start. A detector gets its row here when it works.
inline constexpr std::array detectors_present = {
    DetectorId::policy_peer_not_allowed,
    DetectorId::policy_port_not_allowed,
    DetectorId::policy_protocol_not_allowed,
    DetectorId::policy_plaintext,
    DetectorId::policy_no_mutual_auth,
    DetectorId::policy_weak_tls,
    DetectorId::policy_certificate,
    DetectorId::policy_route_crossing,
    DetectorId::policy_r1_not_isolated,
    DetectorId::policy_external_exposure,
    DetectorId::policy_unknown_asset,
    DetectorId::policy_role_violation,
    DetectorId::control_unauthorized_write,
    DetectorId::control_load_altering,
    DetectorId::control_oscillation,
    DetectorId::control_flapping,
    DetectorId::control_value_out_of_range,
    DetectorId::control_without_event,
    DetectorId::control_rejected_writes,
    DetectorId::echonet_malformed,
    DetectorId::echonet_enumeration,
    DetectorId::echonet_spoofed_response,
    DetectorId::echonet_reflection,
    DetectorId::echonet_fault_status,
    DetectorId::c2_indicator,
    DetectorId::c2_beacon,
    DetectorId::c2_dns_tunnel,
    DetectorId::c2_dga,
    DetectorId::recon_scan,
    DetectorId::auth_brute_force,
    DetectorId::lateral_smb_spread,
    DetectorId::mitm_arp_spoof,
    DetectorId::mitm_ndp_spoof,
    DetectorId::mitm_rogue_dhcp,
    DetectorId::mitm_rogue_ra,
    DetectorId::mitm_certificate_change,
    DetectorId::dos_flood,
    DetectorId::phishing_lookalike_domain,
    DetectorId::web_content_change,
    DetectorId::availability_silent_asset,
    DetectorId::vuln_label_missing,
    DetectorId::sensor_packet_loss,
    DetectorId::sensor_capture_stalled,
    DetectorId::sensor_output_stalled,
    DetectorId::sensor_state_limit,
    DetectorId::sensor_clock_step,
    DetectorId::sensor_blind,
    DetectorId::sensor_configuration_changed,
    DetectorId::sensor_duplicate_packets,
    DetectorId::signature,
};

constexpr bool is_present(DetectorId id) noexcept {
  return std::find(detectors_present.begin(), detectors_present.end(), id) != detectors_present.end();
}

}  // namespace tsujiban::config
