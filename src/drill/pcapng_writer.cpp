#include "drill/pcapng_writer.h"

#include <string_view>

namespace tsujiban::drill {

void PcapngWriter::le16(std::uint16_t value) {
  buffer_.push_back(static_cast<std::uint8_t>(value));
  buffer_.push_back(static_cast<std::uint8_t>(value >> 8));
}
void PcapngWriter::le32(std::uint32_t value) {
  le16(static_cast<std::uint16_t>(value));
  le16(static_cast<std::uint16_t>(value >> 16));
}

void PcapngWriter::begin() {
  le32(0x0a0d0d0a);  // Section header: version 1.0, length not given.
  le32(28);
  le32(0x1a2b3c4d);
  le16(1), le16(0);
  le32(0xffffffff), le32(0xffffffff);
  le32(28);

  constexpr std::string_view name = "drill0";
  le32(1);  // Interface description: LINKTYPE_ETHERNET, no snap length.
  le32(44);
  le16(1), le16(0);
  le32(0);
  le16(2), le16(name.size());  // if_name, padded to 8 bytes.
  for (std::size_t i = 0; i < 8; ++i) buffer_.push_back(i < name.size() ? static_cast<std::uint8_t>(name[i]) : 0);
  le16(9), le16(1);  // if_tsresol: 10^-9 s.
  le32(9);
  le32(0);  // opt_endofopt.
  le32(44);
}

void PcapngWriter::packet(PacketTime time, Bytes frame) {
  const auto bytes = static_cast<std::uint32_t>(frame.size());
  const std::uint32_t padded = (bytes + 3) & ~3u;
  const auto ns = static_cast<std::uint64_t>(time.ns);
  le32(6);  // Enhanced packet block.
  le32(32 + padded);
  le32(0);
  le32(static_cast<std::uint32_t>(ns >> 32));
  le32(static_cast<std::uint32_t>(ns));
  le32(bytes);
  le32(bytes);
  buffer_.insert(buffer_.end(), frame.begin(), frame.end());
  buffer_.resize(buffer_.size() + padded - bytes);
  le32(32 + padded);
  ++packets_;
  if (buffer_.size() >= piece_bytes) flush();
}

void PcapngWriter::flush() {
  if (!failed_ && !buffer_.empty()) failed_ = !output_.write(buffer_);
  buffer_.clear();
}

bool PcapngWriter::finish() {
  flush();
  return !failed_;
}

}  // namespace tsujiban::drill
