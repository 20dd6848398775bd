#pragma once
#include "detect/site_detector.h"

namespace tsujiban::detect {

// Detectors over the names that hosts ask for, without a floor of their own: rows of site_detectors.cpp.
extern const SiteDetectorRow names_tunnel_row;     // c2.dns-tunnel
extern const SiteDetectorRow names_generated_row;  // c2.dga
extern const SiteDetectorRow names_lookalike_row;  // phishing.lookalike-domain

}  // namespace tsujiban::detect
