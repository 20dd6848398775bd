#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "config/config.h"

namespace tsujiban::config {

// Every fault of a text named site.yaml, as it is printed.
inline std::vector<std::string> faults_of(std::string_view text) {
  std::vector<Fault> faults;
  const auto config = load_text("site.yaml", text, faults);
  std::vector<std::string> lines;
  for (const Fault& fault : faults) lines.push_back(to_string(fault));
  if ((config == nullptr) == faults.empty()) lines.push_back("a configuration and faults together, or neither");
  return lines;
}
using Lines = std::vector<std::string>;

}  // namespace tsujiban::config
