#pragma once
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "base/bytes.h"
#include "base/reserved_memory.h"
#include "model/packet.h"

namespace tsujiban::capture {

// Captured bytes of one packet, as libpcap's MAXIMUM_SNAPLEN. A record that says more is damage, not a packet.
inline constexpr std::uint32_t record_bytes_max = 262'144;
// One pcapng block, whatever its type; libpcap and Wireshark stop at the same size.
inline constexpr std::uint32_t block_bytes_max = 16u << 20;
// Interfaces of one pcapng section; an obsolete Packet Block can name no more.
inline constexpr std::uint32_t interfaces_max = 65'536;
// Times are kept between 1970 and 2116, so that adding any timeout to one cannot overflow. pcap itself ends in 2106.
inline constexpr std::int64_t time_ns_max = (std::int64_t{1} << 62) - 1;

// How a window of bytes was left: the batch is full; more bytes than the window holds are needed; the capture ended at
// the end of a record; the bytes break the format.
enum class ParseState : std::uint8_t { full, need_more, end, damaged };

// What broke the format. `found` and `limit` are the numbers that the text of each kind speaks of.
enum class FaultKind : std::uint8_t {
  none,
  empty,
  unknown_magic,
  header_cut,
  archaic_version,
  unknown_version,
  record_header_cut,
  record_too_long,
  record_cut,
  block_header_cut,
  block_bad_length,
  block_too_long,
  block_cut,
  block_trailer_differs,
  block_too_short,
  bad_byte_order,
  option_cut,
  bad_option,
  bad_resolution,
  unknown_interface,
  too_many_interfaces,
};
struct Fault {
  FaultKind kind = FaultKind::none;
  std::uint64_t offset = 0;  // Bytes from the start of the (uncompressed) capture.
  std::uint64_t found = 0;
  std::uint64_t limit = 0;
};
// What is wrong, for people, without path and offset.
std::string describe(const Fault& fault);

// Records of a pcap or pcapng capture, out of windows of its bytes that the caller hands in one after another: a mapped
// file is one window or few, a stream many. Delivered packets point into the window.
//
// pcap: tcpdump.org/manpages/pcap-savefile.5, both byte orders, micro- and nanoseconds, versions 2.0 to 2.4 and 543.0
// with
// their exchanged lengths, Kuznetzov's longer record header (0xa1b2cd34), Ixia's longer file header (0x1c0001ac, -ab).
// pcapng: draft-ietf-opsawg-pcapng, any number of sections and interfaces in either byte order.
class RecordParser {
 public:
  RecordParser();

  // Appends packets to `to` from `count` on. window[0] is the first byte not yet consumed; `last`: nothing follows the
  // window. With an empty `to` only the file header is read. `number` is that of the first packet appended.
  // After `end` and `damaged` every call says the same again.
  ParseState parse(Bytes window, bool last, std::span<RawPacket> to, std::size_t& count, std::uint64_t number,
                   std::uint16_t input) noexcept;
  // Bytes of the last window that are done with.
  std::size_t consumed() const noexcept { return consumed_; }
  // After need_more: how many bytes a window that begins after the consumed ones must have. At most block_bytes_max.
  std::size_t needed() const noexcept { return needed_; }
  // Offset in the capture of the first byte that is not consumed.
  std::uint64_t offset() const noexcept { return offset_; }
  const Fault& fault() const noexcept { return fault_; }

 private:
  enum class Kind : std::uint8_t { unknown, pcap, pcapng, ended, damaged };
  enum class Lengths : std::uint8_t { captured_first, wire_first, smaller_is_captured };
  struct Interface {
    std::uint64_t multiplier;  // Nanoseconds = (ticks * multiplier / divisor) >> shift, + offset_ns.
    std::uint64_t divisor;
    std::int64_t offset_seconds;
    std::uint32_t snap_bytes;  // 0: no limit.
    LinkType link;
    std::uint8_t shift;
  };
  // Where packets go in one call of `parse`.
  struct Batch {
    RawPacket* at;
    RawPacket* end;
    std::uint64_t number;
    std::uint16_t input;
  };

  ParseState begin(Bytes window, bool last) noexcept;
  ParseState begin_pcap(Bytes window, bool last, std::uint32_t magic, bool swapped) noexcept;
  template <bool Swapped>
  ParseState parse_pcap(Bytes window, bool last, Batch& batch) noexcept;
  ParseState parse_pcapng(Bytes window, bool last, Batch& batch) noexcept;
  bool block_is_whole(Bytes left, bool last, ParseState& state) noexcept;
  bool read_block(Bytes block, std::uint32_t type, Batch& batch) noexcept;
  bool read_interface(Bytes block) noexcept;
  bool read_packet(Bytes block, std::uint32_t type, Batch& batch) noexcept;
  bool read_simple_packet(Bytes block, Batch& batch) noexcept;
  bool deliver(Batch& batch, const Interface& interface, Bytes captured, std::uint32_t wire_bytes) noexcept;
  PacketTime time_of(const Interface& interface, std::uint64_t ticks) const noexcept;
  ParseState want(std::size_t bytes) noexcept;
  ParseState damage(FaultKind kind, std::size_t at, std::uint64_t found = 0, std::uint64_t limit = 0) noexcept;
  std::uint16_t u16(const std::uint8_t* at) const noexcept { return swapped_ ? load_be16(at) : load_le16(at); }
  std::uint32_t u32(const std::uint8_t* at) const noexcept { return swapped_ ? load_be32(at) : load_le32(at); }

  ReservedMemory interfaces_;  // Of Interface, interfaces_max of them; touched as sections describe them.
  std::uint64_t offset_ = 0;
  std::size_t consumed_ = 0;
  std::size_t needed_ = 0;
  std::uint32_t interface_count_ = 0;
  Kind kind_ = Kind::unknown;
  bool swapped_ = false;  // The capture is big-endian.
  Lengths lengths_ = Lengths::captured_first;
  LinkType link_ = LinkType::null_loopback;
  std::uint32_t fraction_ns_ = 0;  // Nanoseconds in one unit of a pcap record's fraction.
  std::uint32_t record_header_bytes_ = 0;
  PacketTime time_last_{};  // Of the last pcapng packet with a time.
  Fault fault_;
};

}  // namespace tsujiban::capture
