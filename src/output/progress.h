#pragma once
#include <cstdint>
#include <cstdio>
#include <string>

#include "base/time.h"

namespace tsujiban::output {

// The line that `read` keeps on a terminal: share of the bytes, packets and speed. Silent where `terminal` is false.
// Time is the caller's monotonic clock; at most ten lines a second are drawn.
class Progress {
 public:
  static constexpr Duration interval = Duration::milliseconds(100);
  // `is_terminal(stderr)` decides in the program; tests pass what they like.
  Progress(std::FILE* to, bool terminal) noexcept : to_(to), terminal_(terminal) {}
  // `bytes_total` 0: not known (standard input), then no bar.
  void update(Duration now, std::uint64_t bytes, std::uint64_t bytes_total, std::uint64_t packets);
  // Clears the line, so that what follows begins on a clean one.
  void finish();

 private:
  std::FILE* to_;
  bool terminal_;
  bool drawn_ = false;
  bool started_ = false;
  Duration first_{}, last_{};
};

// The line without its control characters; separate for tests.
std::string progress_line(Duration elapsed, std::uint64_t bytes, std::uint64_t bytes_total, std::uint64_t packets);

// A terminal that is not "dumb".
bool is_terminal(std::FILE* file);
// Colours: a terminal, and the environment does not set NO_COLOR.
bool wants_color(std::FILE* file);

}  // namespace tsujiban::output
