#pragma once
#include "detect/site_detector.h"

namespace tsujiban::detect {

// Detectors of what hosts do to the network below their protocols. README.md says when each fires and what it forgives.
extern const SiteDetectorRow network_lateral_row;        // lateral.smb-spread
extern const SiteDetectorRow network_scan_row;           // recon.scan
extern const SiteDetectorRow network_link_spoof_row;     // mitm.arp-spoof, mitm.ndp-spoof
extern const SiteDetectorRow network_rogue_servers_row;  // mitm.rogue-dhcp, mitm.rogue-ra
extern const SiteDetectorRow network_silence_row;        // availability.silent-asset

}  // namespace tsujiban::detect
