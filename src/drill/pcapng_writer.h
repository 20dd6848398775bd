#pragma once
#include <cstdint>
#include <vector>

#include "base/time.h"
#include "drill/drill.h"

namespace tsujiban::drill {

// A pcapng file (draft-ietf-opsawg-pcapng) of one Ethernet interface with nanoseconds, gathered in pieces.
class PcapngWriter {
 public:
  static constexpr std::size_t piece_bytes = std::size_t{1} << 20;

  explicit PcapngWriter(Output& output) : output_(output) { buffer_.reserve(piece_bytes + 65'536); }
  void begin();
  void packet(PacketTime time, Bytes frame);
  // Writes what is left. False when the output refused any of it.
  bool finish();
  bool failed() const noexcept { return failed_; }
  std::uint64_t packets() const noexcept { return packets_; }

 private:
  void flush();
  void le32(std::uint32_t value);
  void le16(std::uint16_t value);

  Output& output_;
  std::vector<std::uint8_t> buffer_;
  std::uint64_t packets_ = 0;
  bool failed_ = false;
};

}  // namespace tsujiban::drill
