#pragma once
#include "detect/site_detector.h"

namespace tsujiban::detect {

// echonet.malformed, echonet.enumeration, echonet.reflection and echonet.fault-status: what a source's messages are
// like, and how many. README.md says the rules.
extern const SiteDetectorRow echonet_messages_row;

}  // namespace tsujiban::detect
