#include "metrics/counters.h"

namespace tsujiban::metrics {

std::string_view name_of(DropReason reason) noexcept {
  static constexpr std::array<std::string_view, static_cast<std::size_t>(DropReason::count_)> names = {
      "kernel", "ring", "pool", "output"};
  return names[static_cast<std::size_t>(reason)];
}

std::string_view name_of(EvictionReason reason) noexcept {
  static constexpr std::array<std::string_view, static_cast<std::size_t>(EvictionReason::count_)> names = {
      "flow_table_full", "stream_memory", "fragment_memory", "dissector_state", "pairing_table", "merge_table"};
  return names[static_cast<std::size_t>(reason)];
}

}  // namespace tsujiban::metrics
