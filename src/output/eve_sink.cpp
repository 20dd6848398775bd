#include "output/eve_sink.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <system_error>

#include "output/timestamp.h"

namespace tsujiban::output {
namespace {

constexpr std::size_t written_index = static_cast<std::size_t>(metrics::OutputResult::written);
constexpr std::size_t failed_index = static_cast<std::size_t>(metrics::OutputResult::failed);

}  // namespace

EveSink::EveSink(Options options, metrics::SinkMetrics& metrics)
    : options_(std::move(options)), metrics_(metrics), memory_(buffer_bytes) {
  error_.reserve(1024);
}

EveSink::~EveSink() { close(); }

bool EveSink::open() {
  failed_ = false;
  error_.clear();
  if (is_stdout()) {
    fd_ = STDOUT_FILENO;
    return true;
  }
  return open_file(!options_.append);
}

bool EveSink::open_file(bool truncate) noexcept {
  // Events name people's devices: nobody outside the group reads them.
  const int flags = O_WRONLY | O_CREAT | O_CLOEXEC | O_APPEND | (truncate ? O_TRUNC : 0);
  do fd_ = ::open(options_.path.c_str(), flags, 0640);
  while (fd_ < 0 && errno == EINTR);
  if (fd_ < 0) return fail("cannot open", errno);
  struct stat status {};
  file_bytes_ = ::fstat(fd_, &status) == 0 && S_ISREG(status.st_mode) ? static_cast<std::uint64_t>(status.st_size) : 0;
  line_written_ = 0;
  return true;
}

bool EveSink::write(std::string_view lines, std::uint64_t events, PacketTime time) noexcept {
  if (reopen_wanted_.exchange(false, std::memory_order_relaxed)) reopen();
  if (options_.rotate_bytes != 0 && !is_stdout() && fd_ >= 0 && file_bytes_ + size_ - line_written_ != 0 &&
      file_bytes_ + size_ - line_written_ + lines.size() > options_.rotate_bytes) {
    rotate(time);
  }
  if (lines.size() > buffer_bytes - size_) flush();
  if (lines.size() > buffer_bytes - size_) {
    if (!failed_) fail("an event longer than the buffer for", EMSGSIZE);
    metrics_.events[failed_index].add(events);
    return false;
  }
  std::memcpy(memory_.data() + size_, lines.data(), lines.size());
  size_ += lines.size();
  events_buffered_ += events;
  return true;
}

bool EveSink::flush() noexcept {
  if (reopen_wanted_.exchange(false, std::memory_order_relaxed)) reopen();
  if (fd_ < 0 && (size_ == 0 || is_stdout() || !open_file(false))) return size_ == 0 && !failed_;
  const char* const data = memory_.as<char>();
  bool ok = true;
  std::size_t at = line_written_;
  while (at < size_) {
    const ssize_t n = ::write(fd_, data + at, size_ - at);
    if (n > 0) {
      at += static_cast<std::size_t>(n);
      file_bytes_ += static_cast<std::uint64_t>(n);
      metrics_.bytes.add(static_cast<std::uint64_t>(n));
      continue;
    }
    const int why = n == 0 ? EIO : errno;
    if (why == EINTR) continue;
    if (why == EAGAIN || why == EWOULDBLOCK) {
      pollfd wait{fd_, POLLOUT, 0};
      const int ready = ::poll(&wait, 1, options_.wait_ms_max);
      if (ready > 0 || (ready < 0 && errno == EINTR)) continue;
    }
    ok = fail("cannot write", why);
    break;
  }
  if (ok) {
    failed_ = false;
    metrics_.events[written_index].add(events_buffered_);
    size_ = line_written_ = 0;
    events_buffered_ = 0;
    return true;
  }
  // Whole lines are done with; the beginning of an unfinished one stays, so that a new file can have it from its start.
  const std::string_view done(data, at);
  const std::size_t line = done.rfind('\n') == std::string_view::npos ? 0 : done.rfind('\n') + 1;
  const auto lines_done = static_cast<std::uint64_t>(std::count(done.begin(), done.end(), '\n'));
  metrics_.events[written_index].add(std::min(lines_done, events_buffered_));
  events_buffered_ -= std::min(lines_done, events_buffered_);
  std::memmove(memory_.data(), memory_.data() + line, size_ - line);
  size_ -= line;
  line_written_ = at - line;
  return false;
}

bool EveSink::rotate(PacketTime time) noexcept {
  if (!flush()) return false;
  TimestampWriter utc("UTC");  // Needs no file; local names would be used twice when summer time ends.
  char text[TimestampWriter::text_size];
  utc.write(time, text);
  // eve.json.20261120T000000Z, and -1, -2 ... within one second.
  std::string name = options_.path + '.';
  for (const char c : std::string_view(text, 19)) {
    if (c != '-' && c != ':') name += c;
  }
  name += 'Z';
  const std::size_t stem = name.size();
  int taken = -1;
  for (unsigned i = 0; i < rotations_a_second_max && taken < 0; ++i) {
    if (i != 0) name.resize(stem), name += '-' + std::to_string(i);
    // The empty file reserves the name: an earlier one is never overwritten.
    taken = ::open(name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0640);
    if (taken < 0 && errno != EEXIST) break;
  }
  if (taken < 0) return fail("cannot rotate (no free name for the old file)", errno);
  ::close(taken);
  if (::rename(options_.path.c_str(), name.c_str()) != 0) {
    const int why = errno;
    ::unlink(name.c_str());
    return fail("cannot rotate", why);
  }
  metrics_.rotations.add();
  close_file();
  return open_file(false);
}

void EveSink::reopen() noexcept {
  if (is_stdout()) return;
  flush();
  close_file();
  open_file(false);  // A failure is told by `failed`, and `flush` tries again.
}

bool EveSink::close_file() noexcept {
  if (fd_ < 0 || is_stdout()) return true;
  const int result = ::close(fd_);
  const int why = errno;
  fd_ = -1;
  // After EINTR the descriptor is gone all the same (Linux); other errors are late write errors (NFS, quota).
  return result == 0 || why == EINTR || fail("cannot close", why);
}

bool EveSink::close() noexcept {
  if (fd_ < 0 && size_ == 0) return !failed_;
  const bool flushed = flush();
  const bool closed = close_file();
  return flushed && closed;
}

bool EveSink::fail(const char* what, int error_number) noexcept {
  failed_ = true;
  metrics_.errors.add();
  error_.assign(what).append(" ").append(is_stdout() ? "standard output" : options_.path).append(": ");
  error_ += std::generic_category().message(error_number);
  return false;
}

}  // namespace tsujiban::output
