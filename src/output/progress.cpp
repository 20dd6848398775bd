#include "output/progress.h"

#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <string_view>

#include "output/text_layout.h"

namespace tsujiban::output {

std::string progress_line(Duration elapsed, std::uint64_t bytes, std::uint64_t bytes_total, std::uint64_t packets) {
  std::string line;
  if (bytes_total != 0) {
    constexpr std::size_t bar_columns = 24;
    const double share = std::min(1.0, static_cast<double>(bytes) / static_cast<double>(bytes_total));
    const auto filled = static_cast<std::size_t>(share * static_cast<double>(bar_columns));
    char percent[16];
    std::snprintf(percent, sizeof percent, "%5.1f %%", share * 100);
    line = "[" + std::string(filled, '#') + std::string(bar_columns - filled, '.') + "] " + percent + "  " +
           bytes_text(bytes) + " of " + bytes_text(bytes_total);
  } else {
    line = bytes_text(bytes);
  }
  line += "  " + with_thousands(packets) + " packets";
  if (elapsed.ns > 0) {
    char speed[32];
    std::snprintf(speed, sizeof speed, "  %.2f Mpps", static_cast<double>(packets) / elapsed.as_seconds() * 1e-6);
    line += speed;
  }
  return line;
}

void Progress::update(Duration now, std::uint64_t bytes, std::uint64_t bytes_total, std::uint64_t packets) {
  if (!terminal_) return;
  if (!started_) {
    started_ = true;
    first_ = last_ = now;
    return;  // What is done within the first interval needs no bar.
  }
  if (now.ns - last_.ns < interval.ns) return;
  last_ = now;
  drawn_ = true;
  // Carriage return, the line, and "erase to the end of the line" (ECMA-48, EL).
  std::fprintf(to_, "\r%s\033[K", progress_line({now.ns - first_.ns}, bytes, bytes_total, packets).c_str());
  std::fflush(to_);
}

void Progress::finish() {
  if (!drawn_) return;
  drawn_ = false;
  std::fputs("\r\033[K", to_);
  std::fflush(to_);
}

bool is_terminal(std::FILE* file) {
  if (::isatty(::fileno(file)) != 1) return false;
  const char* term = std::getenv("TERM");
  return term != nullptr && std::string_view(term) != "dumb";
}

bool wants_color(std::FILE* file) {
  const char* no_color = std::getenv("NO_COLOR");
  return is_terminal(file) && (no_color == nullptr || *no_color == '\0');
}

}  // namespace tsujiban::output
