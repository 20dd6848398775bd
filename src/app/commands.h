#pragma once
#include <cstdint>
#include <string>
#include <vector>

namespace tsujiban::app {

// Exit statuses of every command: done (alerts found or not), the work failed, wrong usage or configuration.
inline constexpr int exit_done = 0, exit_failed = 1, exit_usage = 2;

inline constexpr unsigned workers_max = 64;

struct ReadOptions {
  std::vector<std::string> captures;
  std::string configuration;       // -c; empty: none.
  std::vector<std::string> rules;  // -r
  std::string output;              // -o: a folder, "-" for standard output; empty: no events are written.
  unsigned workers = 1;            // -w
  std::string events;              // --events: comma-separated types; empty: all.
  std::string checksum;            // --checksum: auto, check, ignore; empty: as configured.
};
int read_command(const ReadOptions& options);
int run_command(const std::string& configuration);
// `against`: captures for a dry run; empty: none.
int check_command(const std::string& configuration, const std::vector<std::string>& against);

struct LearnOptions {
  std::vector<std::string> captures;
  std::string output;    // -o: the draft's file; empty: standard output.
  std::string name;      // --site: its name; empty: `site`.
  std::string timezone;  // --timezone: an IANA name; empty: UTC.
  unsigned workers = 1;
};
int learn_command(const LearnOptions& options);

struct DrillOptions {
  std::vector<std::string> scenarios;  // --scenario: several with commas, or the option several times.
  std::string output;                  // -o: the capture, "-" for standard output; empty: SCENARIO.pcapng.
  std::string site;      // --site: the configuration that fits the capture, signatures beside it; empty: none.
  std::string duration;  // --duration: "15m"; empty: whole days.
  std::string poll;      // --poll: "300s"; empty: chosen.
  std::string start;     // --start: "2026-04-06T00:00:00+09:00"; empty: that Monday.
  std::uint64_t seed = 1;
  std::uint32_t homes = 0;  // 0: what the scenario asks for, mostly 20.
  std::uint32_t days = 0;   // 0: what the scenario asks for, mostly 1.
  bool list = false;        // --list: only names them.
};
int drill_command(const DrillOptions& options);

}  // namespace tsujiban::app
