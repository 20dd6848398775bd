// Any bytes as a table of segments, assets or allow entries, by the first byte: what is read holds together, and every
// fault has its place in the file.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "config/csv.h"
#include "config/sections.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace tsujiban::config;
  static constexpr std::size_t size_max = 1 << 16;
  if (size == 0 || size > size_max) return 0;
  std::string bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  FaultList faults;
  Context context{faults, {}};
  Config config;
  Building building(context, config, false);
  const std::uint32_t file = faults.add_file("fuzz.csv");
  {
    InventoryReader inventory(building);
    switch (data[0] % 3) {
      case 0:
        inventory.read_segment_table(bytes, file);
        break;
      case 1:
        inventory.read_asset_table(bytes, file);
        break;
      default:
        inventory.read_allow_table(bytes, file);
        break;
    }
  }
  if (config.segments.size() + config.assets.size() + config.allow.size() > size) std::abort();
  for (const AllowEntry& entry : config.allow) {
    for (const Endpoint& end : entry.from) {
      if (end.kind == Endpoint::Kind::asset || end.kind == Endpoint::Kind::segment) std::abort();  // There are none.
    }
  }
  for (const Fault& fault : faults.finish()) {
    if (fault.message.empty() || fault.place.line > size || fault.place.column > size + 2) std::abort();
  }
  return 0;
}
