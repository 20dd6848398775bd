#pragma once
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/time.h"

namespace tsujiban::drill {

// What to make. The same options give the same bytes, on every machine.
struct Options {
  std::vector<std::string> scenarios = {"benign-day"};  // What happens; several are laid into the same homes.
  std::uint64_t seed = 1;
  std::uint32_t homes = 20;
  std::uint32_t days = 1;
  Duration duration{};                          // Instead of whole days; 0: `days`.
  PacketTime start{1'775'401'200'000'000'000};  // 2026-04-06T00:00:00+09:00, a Monday.
  Duration poll{};                              // How often a controller asks each device; 0: chosen, see README.md.
  std::string signatures_file;                  // What the site file calls signatures_of(); empty: it names no file.
  std::string indicators_file;                  // The same of indicators_of().
};
inline constexpr std::uint32_t homes_max = 200'000, days_max = 366;
inline constexpr Duration duration_min = Duration::seconds(60), duration_max = Duration::seconds(86'400LL * days_max);
inline constexpr Duration poll_min = Duration::seconds(1), poll_max = Duration::seconds(86'400);

struct ScenarioInfo {
  std::string_view name, summary;
  std::uint32_t homes_min = 1;  // Fewer cannot show it.
  std::uint32_t days = 1;       // What it takes where nobody says otherwise.
  std::uint32_t homes = 20;
  std::string_view signatures{};  // Rules that match bytes of it, a line each.
  std::string_view indicators{};  // A list of indicators that it meets: a table with its first line.
};
// All scenarios, in the order in which a list shows them.
std::span<const ScenarioInfo> scenarios() noexcept;
// Null where no scenario has that name.
const ScenarioInfo* find_scenario(std::string_view name) noexcept;

// Takes bytes of one file, in order. False: it cannot take them; the drill then stops. Pieces are large.
class Output {
 public:
  virtual ~Output() = default;
  virtual bool write(Bytes bytes) = 0;
};

// What is wrong with the options, in one line; empty: nothing.
std::string fault_of(const Options& options);

// The signatures that fit what is laid in: a file of rules. Empty where no scenario has one.
std::string signatures_of(const Options& options);
// The same of indicators: a table.
std::string indicators_of(const Options& options);

// The scenarios' names, with commas: as the option takes them.
std::string names_of(const Options& options);

// Makes the capture (pcapng, in time order), then the labels (JSON, one object). Memory grows with the homes and with
// the labels, not with the packets. `site`, where not null, gets the site configuration that fits the capture. False
// with one line in `error`: the options are wrong, or an output failed (then the line is empty).
bool write(const Options& options, Output& capture, Output& labels, Output* site, std::string& error);

// The time between two questions of a controller to one device: as the options say, or chosen so that homes and days
// give at most about 15 million packets.
Duration poll_of(const Options& options) noexcept;

}  // namespace tsujiban::drill
