#pragma once
#include <cstdint>
#include <string>
#include <string_view>

#include "base/reserved_memory.h"
#include "base/time.h"
#include "metrics/process_metrics.h"

namespace tsujiban::output {

// A file (or standard output) of JSON lines. One thread calls it, besides `request_reopen`. Lines are gathered in a
// buffer of `buffer_bytes` and written in large pieces; a line is in the file whole or the file ends within it, and
// what did not fit yet is kept and tried again. Nothing is thrown away unless the buffer is full and the file refuses:
// then `write` says false and counts the events as failed, and the caller decides (`read` stops with the error, `run`
// goes on).
class EveSink {
 public:
  static constexpr std::size_t buffer_bytes = std::size_t{1} << 20;
  static constexpr unsigned rotations_a_second_max = 100;

  struct Options {
    std::string path;                // "-": standard output; then neither rotation nor reopening.
    bool append = false;             // `run` goes on in an existing file, `read` begins it anew.
    std::uint64_t rotate_bytes = 0;  // A file that a write would take beyond this is renamed first; 0: never.
    int wait_ms_max = -1;            // How long one write waits for a full pipe; negative: for ever (`read`).
  };

  // `metrics` outlives the sink. Nothing is opened yet.
  EveSink(Options options, metrics::SinkMetrics& metrics);
  ~EveSink();  // Tries to write what is left; errors are lost here, so call `close` before.
  EveSink(const EveSink&) = delete;
  EveSink& operator=(const EveSink&) = delete;

  // False with `error()` when the file cannot be opened.
  bool open();
  // Takes whole lines (each ends with a line feed) that hold `events` events. `time` is the newest one's: a rotated
  // file is named after it. False when the lines were not taken.
  bool write(std::string_view lines, std::uint64_t events, PacketTime time) noexcept;
  // Writes what the buffer holds. False with `error()` when some of it is left; it is tried again by the next call.
  bool flush() noexcept;
  // Asks for the file to be opened anew under its name (after a log rotation by somebody else). Safe in a signal
  // handler.
  void request_reopen() noexcept { reopen_wanted_.store(true, std::memory_order_relaxed); }
  // Flushes and closes. False when not everything reached the file.
  bool close() noexcept;

  bool failed() const noexcept { return failed_; }  // The last attempt did not go through.
  const std::string& error() const noexcept { return error_; }
  std::uint64_t events_written() const noexcept { return metrics_.events[0].value(); }
  const std::string& path() const noexcept { return options_.path; }

 private:
  bool is_stdout() const noexcept { return options_.path == "-"; }
  bool fail(const char* what, int error_number) noexcept;
  bool open_file(bool truncate) noexcept;
  bool rotate(PacketTime time) noexcept;
  void reopen() noexcept;
  bool close_file() noexcept;

  Options options_;
  metrics::SinkMetrics& metrics_;
  ReservedMemory memory_;
  std::size_t size_ = 0;          // Bytes in the buffer; the first belongs to the start of a line.
  std::size_t line_written_ = 0;  // So many of them are in the present file already: an unfinished line's beginning.
  std::uint64_t file_bytes_ = 0;
  std::uint64_t events_buffered_ = 0;
  int fd_ = -1;
  bool failed_ = false;
  std::atomic<bool> reopen_wanted_{false};
  std::string error_;
};

}  // namespace tsujiban::output
