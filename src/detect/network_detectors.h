#pragma once
#include "detect/site_detector.h"

namespace tsujiban::detect {

// Detectors of what hosts do to the network below their protocols. README.md says when each fires and what it forgives.
extern const SiteDetectorRow network_lateral_row;        // lateral.smb-spread
extern const SiteDetectorRow network_logins_row;         // auth.brute-force
extern const SiteDetectorRow network_scan_row;           // recon.scan
extern const SiteDetectorRow network_flood_row;          // dos.flood
extern const SiteDetectorRow network_link_spoof_row;     // mitm.arp-spoof, mitm.ndp-spoof
extern const SiteDetectorRow network_rogue_servers_row;  // mitm.rogue-dhcp, mitm.rogue-ra
extern const SiteDetectorRow network_certificates_row;   // mitm.certificate-change
extern const SiteDetectorRow network_web_pages_row;      // web.content-change
extern const SiteDetectorRow network_silence_row;        // availability.silent-asset

}  // namespace tsujiban::detect
