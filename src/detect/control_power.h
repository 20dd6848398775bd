#pragma once
#include "detect/site_detector.h"

namespace tsujiban::detect {

// control.load-altering, control.oscillation and control.without-event: what writes do to the grid, summed over the
// site. README.md says the rules.
extern const SiteDetectorRow control_power_row;

}  // namespace tsujiban::detect
