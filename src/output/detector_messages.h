#pragma once
#include <string_view>

#include "model/detector_catalogue.h"

namespace tsujiban::output {

// What an alert of a detector says to people. For `signature` the rule's own message and class take the English place.
struct DetectorMessage {
  DetectorId id;
  std::string_view message, message_ja;
  std::string_view category, category_ja;
};

// A detector that this build does not run yet gets its catalogue name as message and `detector_message_exists` is
// false.
DetectorMessage message_of(DetectorId id) noexcept;
bool detector_message_exists(DetectorId id) noexcept;

}  // namespace tsujiban::output
