#pragma once
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "model/packet.h"

namespace tsujiban::capture {

// How a source ended, or that it has not.
enum class SourceState : std::uint8_t { more, idle, end, damaged };

// Where packets come from. One reader thread calls it.
class PacketSource {
 public:
  virtual ~PacketSource() = default;
  // Fills `to` from its front, `count` of it (0 with `more` never happens; `idle`: nothing came within the source's
  // short wait, live only). The packets' bytes live until the next call. `end` and `damaged` can come with packets;
  // after them nothing more comes.
  virtual SourceState next(std::span<RawPacket> to, std::size_t& count) = 0;
  // Names of inputs, by RawPacket::input: the path as given, or the interface.
  virtual std::string_view input_name(std::uint16_t input) const noexcept = 0;
  // What was damaged, with path and byte offset; for `damaged`.
  virtual std::string damage() const = 0;
  // Bytes of input read so far and in all (0: not known), for the progress bar.
  virtual std::uint64_t bytes_read() const noexcept = 0;
  virtual std::uint64_t bytes_total() const noexcept = 0;
  // Live: packets that the kernel dropped since the start; files: 0.
  virtual std::uint64_t kernel_drops() noexcept = 0;
};

}  // namespace tsujiban::capture
