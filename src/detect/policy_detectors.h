#pragma once
#include "detect/site_detector.h"

namespace tsujiban::detect {

// Detectors of what the inventory and its segments permit. README.md says when each fires and what it forgives.
extern const SiteDetectorRow policy_exposure_row;        // policy.external-exposure
extern const SiteDetectorRow policy_labels_row;          // vuln.label-missing
extern const SiteDetectorRow policy_ports_row;           // policy.port-not-allowed
extern const SiteDetectorRow policy_protocols_row;       // policy.protocol-not-allowed
extern const SiteDetectorRow policy_roles_row;           // policy.role-violation
extern const SiteDetectorRow policy_routes_row;          // policy.route-crossing, policy.r1-not-isolated
extern const SiteDetectorRow policy_sessions_row;        // policy.plaintext, .no-mutual-auth, .weak-tls, .certificate
extern const SiteDetectorRow policy_unknown_assets_row;  // policy.unknown-asset
extern const SiteDetectorRow policy_unnamed_row;         // policy.peer-not-allowed, where it rests

}  // namespace tsujiban::detect
