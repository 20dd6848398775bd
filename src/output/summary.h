#pragma once
#include <cstdint>
#include <cstdio>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.h"
#include "metrics/process_metrics.h"
#include "model/alert.h"
#include "model/words.h"

namespace tsujiban::output {

// Names a message type for people and metrics ("Get_Res" for ECHONET Lite 0x72). Empty: it has no name.
using MessageTypeName = std::string_view (*)(AppProtocol protocol, unsigned type);

// One alert condition as the summary lists it.
struct AlertLine {
  DetectorId detector{};
  Severity severity = Severity::medium;
  ErabInterface interface = ErabInterface::none;
  std::uint64_t count = 0;          // Occurrences.
  std::string message, message_ja;  // Empty: the detector's.
  std::string from, to;             // Asset names or addresses.
  PacketTime first_seen;
};

// How many conditions and occurrences a detector told.
struct AlertCount {
  DetectorId detector{};
  Severity severity = Severity::medium;
  std::uint64_t conditions = 0, occurrences = 0;
};

// What is on or rests, by name; `why` for what rests, `detail` for what is on ("12 rules").
struct Feature {
  std::string name;
  bool on = true;
  std::string detail;
};

// What `read` tells at its end. Everything is by value: it is made once.
struct Summary {
  static constexpr std::size_t alert_lines_max = 20;
  static constexpr std::size_t decode_error_lines_max = 20;
  static constexpr std::size_t message_lines_max = 12;  // A protocol.
  static constexpr std::size_t damage_lines_max = 20;

  metrics::Totals totals;
  std::uint64_t packets_received = 0;
  std::array<std::uint64_t, static_cast<std::size_t>(metrics::DropReason::count_)> dropped{};
  bool has_time = false;  // False: no packet, so no span.
  PacketTime first, last;
  std::string timezone = "UTC";
  double elapsed_s = 0;  // Wall clock of the analysis; 0: not told.
  unsigned workers = 1;
  std::uint64_t inputs = 0;          // Files read, or interfaces.
  std::vector<std::string> damages;  // `path: offset n: what`.
  bool has_inventory = false;
  std::array<std::uint64_t, role_count> assets{};  // Of the inventory, by role.
  std::uint64_t hosts_seen = 0;                    // Addresses seen; 0: not told.
  std::vector<AlertCount> alert_counts;
  std::vector<AlertLine> alert_lines;  // Worst first; those beyond the limit are counted.
  std::uint64_t alert_lines_left_out = 0;
  std::vector<Feature> resting;  // Only those with `on` false are shown.
  MessageTypeName type_name = nullptr;
  std::string events_path;  // Where the events went; empty: nowhere.
  std::uint64_t events_written = 0, events_bytes = 0;
};

// The text that `print_summary` prints: aligned for a terminal with a fixed-width Japanese font, English with Japanese
// beside it. `color`: ANSI colours for severities and headings.
std::string summary_text(const Summary& summary, bool color);
void print_summary(std::FILE* to, const Summary& summary, bool color);

// What is told before the first packet: which protocols, rules and detectors are on, and which rest and why.
struct StartBanner {
  std::string version;
  std::string configuration;  // Its path; empty: none was given.
  std::string site;
  std::vector<Feature> protocols, rules, detectors, outputs;
  unsigned workers = 1;
};
std::string banner_text(const StartBanner& banner, bool color);
void print_banner(std::FILE* to, const StartBanner& banner, bool color);

}  // namespace tsujiban::output
