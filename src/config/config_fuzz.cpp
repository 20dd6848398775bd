// Any bytes as the text of a configuration: it is refused with places inside the text, or it is a valid Config.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "config/config.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace tsujiban::config;
  static constexpr std::size_t size_max = 1 << 16;
  if (size > size_max) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  // A few bytes may ask for a million homes, and get them.
  static constexpr std::size_t template_size_max = 1 << 11;
  if (text.find("template") != std::string_view::npos &&
      (size > template_size_max || text.find("vni") != std::string_view::npos))
    return 0;
  std::vector<Fault> faults;
  const auto config = load_text("fuzz.yaml", text, faults);
  if ((config == nullptr) == faults.empty() || faults.size() > faults_max) std::abort();
  for (const Fault& fault : faults) {
    if (fault.message.empty() || to_string(fault).empty()) std::abort();
  }
  if (config && describe(*config).empty()) std::abort();
  return 0;
}
