#pragma once
#include "detect/site_detector.h"

namespace tsujiban::detect {

// echonet.spoofed-response: who a node is, what it has, and who answers in its place. README.md says the rules.
extern const SiteDetectorRow echonet_nodes_row;

}  // namespace tsujiban::detect
