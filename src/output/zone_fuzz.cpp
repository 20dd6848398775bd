#include <cstddef>
#include <cstdint>
#include <stdexcept>

#include "output/timestamp.h"

// A zone file is no hostile input, but a damaged one must be told and not obeyed.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  try {
    const tsujiban::output::ZoneTable zone = tsujiban::output::parse_zone({data, size});
    for (std::size_t i = 1; i < zone.transitions.size(); ++i) {
      if (zone.transitions[i].from_s < zone.transitions[i - 1].from_s) __builtin_trap();
    }
  } catch (const std::runtime_error&) {
  }
  return 0;
}
