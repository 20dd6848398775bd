#pragma once
#include <cstdint>
#include <memory>
#include <vector>

#include "config/config.h"
#include "detect/site_detector.h"
#include "model/alert.h"
#include "policy/inventory.h"

namespace tsujiban::detect {

// What the numbers of one configuration (index + 1; 0 for none) are in the next one. Assets and segments are the same
// by their names, declared dispatches by when they hold, how much, and why.
struct Renumbered {
  Renumbered(const config::Config& before, std::shared_ptr<const policy::Inventory> now,
             const config::Config& now_config);

  // By number before, [0] being 0; 0: there is none any more.
  std::vector<std::uint32_t> assets, segments, dispatches;
  std::vector<std::uint32_t> domains;                  // By index before: index + 1 now.
  std::shared_ptr<const policy::Inventory> inventory;  // The next one.

  std::uint32_t asset(std::uint32_t before) const noexcept { return of(assets, before); }
  std::uint32_t segment(std::uint32_t before) const noexcept { return of(segments, before); }
  std::uint32_t dispatch(std::uint32_t before) const noexcept { return of(dispatches, before); }
  // Whose an alert's addresses are now; an end that was nobody's, or stands for many, stays so.
  void renumber(Alert& alert) const noexcept;
  void renumber(Ends& ends) const noexcept;

 private:
  static std::uint32_t of(const std::vector<std::uint32_t>& numbers, std::uint32_t before) noexcept {
    return before < numbers.size() ? numbers[before] : 0;
  }
};

}  // namespace tsujiban::detect
