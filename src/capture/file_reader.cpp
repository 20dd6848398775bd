#include "capture/file_reader.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace tsujiban::capture {
namespace {

constexpr std::size_t page_bytes = 4096;  // At least that on every Linux; used only to round advice.

std::size_t page_floor(std::size_t bytes) noexcept { return bytes / page_bytes * page_bytes; }

std::string say(const std::string& path, const std::string& what) { return path + ": " + what; }

}  // namespace

std::unique_ptr<FileReader> FileReader::open(const std::string& path, std::string& error) {
  const bool standard_input = path == "-";
  const int descriptor =
      standard_input ? fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 0) : ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY);
  const std::string name = standard_input ? "standard input" : path;
  if (descriptor < 0) {
    error = say(name, std::string("cannot open: ") + std::strerror(errno));
    return nullptr;
  }
  struct stat status {};
  if (fstat(descriptor, &status) != 0 || S_ISDIR(status.st_mode)) {
    error = say(name, S_ISDIR(status.st_mode) ? "is a folder, not a capture" : std::strerror(errno));
    close(descriptor);
    return nullptr;
  }
  std::unique_ptr<FileReader> reader(new FileReader);
  const bool regular = S_ISREG(status.st_mode);
  if (regular) {
    reader->bytes_total_ = static_cast<std::uint64_t>(status.st_size);
    std::uint8_t first[4] = {};
    const ssize_t got = standard_input ? 0 : pread(descriptor, first, sizeof first, 0);
    // Standard input may be a file that somebody already read from: it is read on from there, not mapped.
    if (!standard_input && status.st_size > 0 &&
        !is_compressed({first, static_cast<std::size_t>(std::max<ssize_t>(got, 0))})) {
      const auto bytes = static_cast<std::size_t>(status.st_size);
      if (std::shared_ptr<MappedFile> file = MappedFile::map(descriptor, bytes); file != nullptr) {
        reader->data_ = file->data();
        reader->walk_ = std::make_unique<MappedWalk>(std::move(file));
        return reader->begin(name, error) ? std::move(reader) : nullptr;
      }
    }
  }
  std::string what;
  reader->stream_ = make_decompressed_stream(make_descriptor_stream(descriptor), what);
  if (reader->stream_ == nullptr) {
    error = say(name, what);
    return nullptr;
  }
  reader->buffer_ = ReservedMemory(block_bytes_max + stream_buffer_bytes);
  reader->data_ = reader->buffer_.data();
  return reader->begin(name, error) ? std::move(reader) : nullptr;
}

std::unique_ptr<FileReader> FileReader::over_memory(Bytes capture) {
  std::unique_ptr<FileReader> reader(new FileReader);
  reader->data_ = const_cast<std::uint8_t*>(capture.data());  // Only stream buffers are written to.
  reader->end_ = capture.size();
  reader->last_ = true;
  reader->bytes_total_ = capture.size();
  return reader;
}

std::unique_ptr<FileReader> FileReader::over_stream(std::unique_ptr<ByteStream> stream) {
  std::unique_ptr<FileReader> reader(new FileReader);
  reader->stream_ = std::move(stream);
  reader->buffer_ = ReservedMemory(block_bytes_max + stream_buffer_bytes);
  reader->data_ = reader->buffer_.data();
  return reader;
}

// Reads the file header, so that what is no capture is refused at once.
bool FileReader::begin(const std::string& path, std::string& error) {
  std::size_t count = 0;
  if (read({}, count, 1, 0) != ParseState::damaged) return true;
  const Fault& fault = parser_.fault();
  const bool whole_file = fault.kind == FaultKind::empty || fault.kind == FaultKind::unknown_magic;
  error = say(path, whole_file && !unreadable_ ? describe(fault) : damage());
  return false;
}

ParseState FileReader::read(std::span<RawPacket> to, std::size_t& count, std::uint64_t number,
                            std::uint16_t input) noexcept {
  count = 0;
  if (was_cut_) return ParseState::damaged;
  for (;;) {
    const std::size_t before = count;
    const ParseState state = parser_.parse({data_ + begin_, end_ - begin_}, last_, to, count, number + before, input);
    begin_ += parser_.consumed();
    if (walk_ != nullptr) {
      // The page in which the file ends now reads as zeros behind that: empty records, or a damaged one.
      const bool zeros = state == ParseState::damaged || (count != before && to[count - 1].length_captured == 0);
      const MappedFile& file = walk_->file();
      if (file.is_holed() || (zeros && file.size_now() < file.size())) [[unlikely]]
        return cut(to, count);
    }
    if (state == ParseState::end && unreadable_) return ParseState::damaged;
    if (state != ParseState::need_more) return state;
    // Moving a stream's bytes would pull those of the packets already in the batch away from under it.
    if (stream_ != nullptr && count != 0) return ParseState::full;
    if (!extend_window(parser_.needed())) {
      unreadable_ = true;
      last_ = true;
    }
  }
}

// Somebody has cut the file below what was brought in already. What lies before the cut is still delivered, once.
ParseState FileReader::cut(std::span<const RawPacket> read, std::size_t& count) noexcept {
  const std::uint8_t* const there = data_ + walk_->file().size_now();
  while (count != 0 && read[count - 1].data + read[count - 1].length_captured > there) --count;
  unreadable_ = was_cut_ = true;
  return count != 0 ? ParseState::full : ParseState::damaged;
}

bool FileReader::extend_window(std::size_t needed) noexcept {
  return stream_ == nullptr ? extend_mapped(needed) : extend_streamed(needed);
}

// Brings the next part of the file in before the walk touches it: one call instead of hundreds of page faults, and
// where the file has shrunk since it was opened that is told here, before zeros are read.
bool FileReader::extend_mapped(std::size_t needed) noexcept {
  // A capture in memory has no file, and all of it is there.
  const std::size_t size = walk_ != nullptr ? walk_->file().size() : end_;
  if (walk_ != nullptr && walk_->file().size_now() < size) return false;
  const std::size_t to =
      std::min(size, page_floor(std::max(end_ + map_window_bytes, begin_ + needed + page_bytes - 1)));
  if (to == end_) {
    last_ = true;
    return true;
  }
  // What lies behind this part is read from the disk meanwhile.
  if (!walk_->bring_in(page_floor(end_), to, std::min(map_window_bytes, size - to))) return false;
  // Everything a window behind the walk is done with: no batch spans more, and if one did, the kernel would bring the
  // pages back. So the resident part of a file of any size stays small.
  if (begin_ > map_window_bytes) walk_->done_with(page_floor(begin_ - map_window_bytes));
  end_ = to;
  last_ = end_ == size;
  return true;
}

bool FileReader::extend_streamed(std::size_t needed) noexcept {
  std::size_t have = end_ - begin_;
  if (begin_ != 0) {
    std::memmove(data_, data_ + begin_, have);
    begin_ = 0;
    end_ = have;
  }
  // One read, however little it gives: a pipe that fills slowly must not hold back the packets it already gave.
  const std::size_t wanted = std::max(needed, stream_buffer_bytes);
  const std::ptrdiff_t got = stream_->read({data_ + end_, wanted - have});
  if (got < 0) return false;
  end_ += static_cast<std::size_t>(got);
  last_ = got == 0;
  return true;
}

std::string FileReader::damage() const {
  const Fault& fault = parser_.fault();
  if (!unreadable_) return "offset " + std::to_string(fault.offset) + ": " + describe(fault);
  const std::string at = "offset " + std::to_string(parser_.offset()) + ": ";
  return at + (stream_ != nullptr ? stream_->error()
                                  : "the file cannot be read on: it shrank while it was read, or its disk failed");
}

std::uint64_t FileReader::bytes_read() const noexcept {
  return stream_ == nullptr ? parser_.offset() : stream_->raw_bytes();
}

}  // namespace tsujiban::capture
