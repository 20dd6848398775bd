#pragma once
#include <string_view>

#include "model/words.h"

namespace tsujiban::detect {

// One row of the classification table that rule authors know from Suricata and Snort: what `classtype` says.
struct SignatureClass {
  std::string_view name;      // As a rule writes it.
  std::string_view category;  // As an alert shows it.
  Severity severity;          // The table's priority: 1 is worst.
};

// Null when the table has no such name.
const SignatureClass* find_signature_class(std::string_view name) noexcept;

// What a rule without `classtype` gets, as in Suricata: no category, priority 3.
inline constexpr Severity signature_severity_default = Severity::medium;

}  // namespace tsujiban::detect
