#pragma once
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
int check_command(const std::string& configuration);

}  // namespace tsujiban::app
