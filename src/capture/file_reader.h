#pragma once
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "base/reserved_memory.h"
#include "capture/byte_stream.h"
#include "capture/mapped_file.h"
#include "capture/record_parser.h"

namespace tsujiban::capture {

// Bytes of a mapped file that are brought in ahead of the walk at a time; about twice that is resident at once, and
// what lies between those who walk the same file.
inline constexpr std::size_t map_window_bytes = 2u << 20;
// Bytes of a stream that are read at a time. The buffer grows beyond this only for one block that is larger.
inline constexpr std::size_t stream_buffer_bytes = 1u << 20;

// One capture: a plain file, mapped; or a stream, read through a bounded buffer. Both give the same packets.
class FileReader {
 public:
  // Opens `path` ("-": standard input) and reads the file header. Null, with `error` one line that begins with the
  // path,
  // when it cannot be opened or is no capture.
  static std::unique_ptr<FileReader> open(const std::string& path, std::string& error);
  // A capture in memory, which must outlive the reader and every packet.
  static std::unique_ptr<FileReader> over_memory(Bytes capture);
  static std::unique_ptr<FileReader> over_stream(std::unique_ptr<ByteStream> stream);

  FileReader(const FileReader&) = delete;
  FileReader& operator=(const FileReader&) = delete;
  ~FileReader() = default;

  // Packets into `to` from its front. `full`: `count` is at least 1 and more may come; `end` and `damaged` as
  // PacketSource
  // has them. Never need_more. The packets' bytes live until the next call.
  ParseState read(std::span<RawPacket> to, std::size_t& count, std::uint64_t number, std::uint16_t input) noexcept;
  // "offset N: what is wrong"; after `damaged`.
  std::string damage() const;
  // Of the file as it is stored; the total is 0 where it is not known.
  std::uint64_t bytes_read() const noexcept;
  std::uint64_t bytes_total() const noexcept { return bytes_total_; }
  bool is_mapped() const noexcept { return stream_ == nullptr; }

 private:
  FileReader() = default;
  bool begin(const std::string& path, std::string& error);
  ParseState cut(std::span<const RawPacket> read, std::size_t& count) noexcept;
  bool extend_window(std::size_t needed) noexcept;
  bool extend_mapped(std::size_t needed) noexcept;
  bool extend_streamed(std::size_t needed) noexcept;

  RecordParser parser_;
  // The window: bytes at `data_` from `begin_` to `end_` are there and not yet parsed. `last_`: nothing follows them.
  std::uint8_t* data_ = nullptr;
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
  bool last_ = false;
  bool unreadable_ = false;  // The bytes from `end_` on could not be had.
  // Mapped only.
  std::unique_ptr<MappedWalk> walk_;
  bool was_cut_ = false;  // So that zeros stand where the walk is.
  // Streamed only.
  std::unique_ptr<ByteStream> stream_;
  ReservedMemory buffer_;
  std::uint64_t bytes_total_ = 0;
};

}  // namespace tsujiban::capture
