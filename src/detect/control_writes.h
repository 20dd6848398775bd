#pragma once
#include "detect/site_detector.h"

namespace tsujiban::detect {

// control.unauthorized-write, control.rejected-writes, control.value-out-of-range and control.flapping: each write by
// itself, and what one writer or one device shows over some minutes. README.md says the rules.
extern const SiteDetectorRow control_writes_row;

}  // namespace tsujiban::detect
