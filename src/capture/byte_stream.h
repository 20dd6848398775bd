#pragma once
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "base/bytes.h"

namespace tsujiban::capture {

// Compressed bytes held at a time.
inline constexpr std::size_t compressed_buffer_bytes = 256 * 1024;
// Window of a zstd frame, 2^27 = 128 MiB: the largest that `zstd -d` takes without being asked for more.
inline constexpr int zstd_window_log_max = 27;

// Bytes that come one after another: a pipe, a compressed file. One thread reads.
class ByteStream {
 public:
  virtual ~ByteStream() = default;
  // Fills the front of `to`, which is not empty, with at least one byte and says how many; blocks until one is there.
  // 0: the end; -1: it failed, as `error` says, and every later call fails too.
  virtual std::ptrdiff_t read(std::span<std::uint8_t> to) noexcept = 0;
  // What failed, for people.
  virtual std::string error() const = 0;
  // Bytes taken from the file or pipe below, before any decompression.
  virtual std::uint64_t raw_bytes() const noexcept = 0;
};

// Reads a descriptor, which it closes.
std::unique_ptr<ByteStream> make_descriptor_stream(int descriptor);

// Reads memory in pieces of at most `piece_bytes`; the memory must outlive it.
std::unique_ptr<ByteStream> make_memory_stream(Bytes bytes, std::size_t piece_bytes);

// Looks at the first four bytes of `raw`: gzip (RFC 1952, members one after another) and zstd (RFC 8878, frames and
// skippable frames) are decompressed, anything else is handed through. Null with `error` set when it cannot be read.
std::unique_ptr<ByteStream> make_decompressed_stream(std::unique_ptr<ByteStream> raw, std::string& error);

// Whether a file that begins with these bytes (up to four are looked at) is compressed.
bool is_compressed(Bytes first) noexcept;

}  // namespace tsujiban::capture
