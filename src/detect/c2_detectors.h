#pragma once
#include "detect/site_detector.h"

namespace tsujiban::detect {

// Detectors of talk with those who command malware. README.md says when each fires and what it forgives.
extern const SiteDetectorRow c2_indicator_row;  // c2.indicator
extern const SiteDetectorRow c2_beacon_row;     // c2.beacon

}  // namespace tsujiban::detect
