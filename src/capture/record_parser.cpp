#include "capture/record_parser.h"

#include <algorithm>
#include <cstdio>
#include <string_view>
#include <utility>

namespace tsujiban::capture {
namespace {

__extension__ using Wide = __int128;
__extension__ using WideUnsigned = unsigned __int128;

// File header of pcap:
//   0       4       6       8      12      16      20      24
//   | magic | major | minor | zone | sigfigs | snap | link |     Ixia: 4 more, the bytes of all records
constexpr std::size_t pcap_header_bytes = 24;
constexpr std::size_t ixia_header_bytes = 28;
constexpr std::uint32_t magic_microseconds = 0xa1b2c3d4;
constexpr std::uint32_t magic_nanoseconds = 0xa1b23c4d;
constexpr std::uint32_t magic_kuznetzov = 0xa1b2cd34;
constexpr std::uint32_t magic_ixia_hardware = 0x1c0001ac;
constexpr std::uint32_t magic_ixia_software = 0x1c0001ab;

// Record header of pcap: seconds, fraction, captured length, wire length; Kuznetzov's patch appends the interface's
// index (4), the protocol (2), the packet type (1) and a byte of padding.
constexpr std::uint32_t record_header_bytes = 16;
constexpr std::uint32_t record_header_kuznetzov_bytes = 24;

// pcapng, section numbers of draft-ietf-opsawg-pcapng: 3.1 general block, 4.1 SHB, 4.2 IDB, 4.3 EPB, 4.4 SPB, A.2 PB.
constexpr std::uint32_t block_section = 0x0a0d0d0a;
constexpr std::uint32_t block_interface = 1;
constexpr std::uint32_t block_packet_obsolete = 2;
constexpr std::uint32_t block_packet_simple = 3;
constexpr std::uint32_t block_packet_enhanced = 6;
constexpr std::uint32_t byte_order_magic = 0x1a2b3c4d;
constexpr std::size_t block_bytes_min = 12;
constexpr std::size_t section_bytes_min = 28;
constexpr std::size_t interface_bytes_min = 20;
constexpr std::size_t packet_bytes_min = 32;
constexpr std::size_t packet_simple_bytes_min = 16;
constexpr std::size_t packet_data_offset = 28;
constexpr std::size_t packet_simple_data_offset = 12;
constexpr std::size_t trailer_bytes = 4;
constexpr std::uint16_t option_end = 0, option_resolution = 9, option_time_offset = 14;
constexpr unsigned resolution_decimal_max = 19;  // 10^19 is the largest power of ten in 64 bits.
constexpr unsigned resolution_binary_max = 63;

constexpr std::uint64_t power_of_ten(unsigned exponent) noexcept {
  std::uint64_t value = 1;
  for (unsigned i = 0; i < exponent; ++i) value *= 10;
  return value;
}

// The sentence of each kind; $f and $l stand for its two numbers, $x for the first one in hexadecimal.
std::string_view sentence(FaultKind kind) noexcept {
  switch (kind) {
    case FaultKind::none:
      return "no damage";
    case FaultKind::empty:
      return "the file is empty";
    case FaultKind::unknown_magic:
      return "not a capture: it begins with $x, which is neither pcap, pcapng, gzip nor zstd";
    case FaultKind::header_cut:
      return "the file header is cut: $f of $l bytes";
    case FaultKind::archaic_version:
      return "pcap version $f.$l is older than 2.0, the oldest that is read";
    case FaultKind::unknown_version:
      return "version $f.$l is not known";
    case FaultKind::record_header_cut:
      return "a record header is cut: $f of $l bytes";
    case FaultKind::record_too_long:
      return "a packet of $f captured bytes cannot be, at most $l";
    case FaultKind::record_cut:
      return "a packet is cut: $f of $l bytes";
    case FaultKind::block_header_cut:
      return "a block header is cut: $f of $l bytes";
    case FaultKind::block_bad_length:
      return "a block length of $f cannot be: at least 12 and a multiple of 4";
    case FaultKind::block_too_long:
      return "a block of $f bytes is too long, at most $l";
    case FaultKind::block_cut:
      return "a block is cut: $f of $l bytes";
    case FaultKind::block_trailer_differs:
      return "a block ends with length $f but began with $l";
    case FaultKind::block_too_short:
      return "a block of $f bytes is too short for its type, at least $l";
    case FaultKind::bad_byte_order:
      return "a section header has byte-order magic $x";
    case FaultKind::option_cut:
      return "an option of $f bytes does not fit into the $l left of its block";
    case FaultKind::bad_option:
      return "option $f has a length of $l, which it cannot have";
    case FaultKind::bad_resolution:
      return "a time resolution of $l to the power of -$f is too fine";
    case FaultKind::unknown_interface:
      return "a packet of interface $f, but $l were described";
    case FaultKind::too_many_interfaces:
      return "more than $f interfaces in one section";
  }
  return {};
}

}  // namespace

RecordParser::RecordParser() : interfaces_(sizeof(Interface) * interfaces_max) {}

ParseState RecordParser::parse(Bytes window, bool last, std::span<RawPacket> to, std::size_t& count,
                               std::uint64_t number, std::uint16_t input) noexcept {
  consumed_ = 0;
  if (kind_ == Kind::unknown) {
    const ParseState state = begin(window, last);
    if (state != ParseState::full) return state;
  }
  const std::size_t skipped = consumed_;
  const Bytes rest = window.subspan(skipped);
  Batch batch{to.data() + count, to.data() + to.size(), number, input};
  ParseState state = ParseState::damaged;
  switch (kind_) {
    case Kind::pcap:
      state = swapped_ ? parse_pcap<true>(rest, last, batch) : parse_pcap<false>(rest, last, batch);
      break;
    case Kind::pcapng:
      state = parse_pcapng(rest, last, batch);
      break;
    case Kind::ended:
      state = ParseState::end;
      break;
    case Kind::unknown:
    case Kind::damaged:
      break;
  }
  if (kind_ == Kind::pcap || kind_ == Kind::pcapng) {
    if (state == ParseState::end) kind_ = Kind::ended;
    if (state == ParseState::damaged) kind_ = Kind::damaged;
  }
  count = static_cast<std::size_t>(batch.at - to.data());
  return state;
}

ParseState RecordParser::want(std::size_t bytes) noexcept {
  needed_ = bytes;
  return ParseState::need_more;
}

// `at` counts from the first byte that is not consumed.
ParseState RecordParser::damage(FaultKind kind, std::size_t at, std::uint64_t found, std::uint64_t limit) noexcept {
  fault_ = {kind, offset_ + at, found, limit};
  return ParseState::damaged;
}

ParseState RecordParser::begin(Bytes window, bool last) noexcept {
  constexpr std::size_t magic_bytes = 4;
  ParseState state = ParseState::full;
  if (window.size() < magic_bytes) {
    if (!last) return want(magic_bytes);
    state = window.empty() ? damage(FaultKind::empty, 0) : damage(FaultKind::header_cut, 0, window.size(), magic_bytes);
  } else {
    const std::uint32_t little = load_le32(window.data());
    const std::uint32_t big = load_be32(window.data());
    const auto is_pcap = [](std::uint32_t magic) {
      return magic == magic_microseconds || magic == magic_nanoseconds || magic == magic_kuznetzov ||
             magic == magic_ixia_hardware || magic == magic_ixia_software;
    };
    if (little == block_section) {
      // The block itself is read like any later section header; here only that one is there, so that opening can
      // refuse.
      if (block_is_whole(window, last, state)) {
        kind_ = Kind::pcapng;
        state = ParseState::full;
      }
    } else if (is_pcap(little)) {
      state = begin_pcap(window, last, little, false);
    } else if (is_pcap(big)) {
      state = begin_pcap(window, last, big, true);
    } else {
      state = damage(FaultKind::unknown_magic, 0, big);
    }
  }
  if (state == ParseState::damaged) kind_ = Kind::damaged;
  return state;
}

ParseState RecordParser::begin_pcap(Bytes window, bool last, std::uint32_t magic, bool swapped) noexcept {
  const bool ixia = magic == magic_ixia_hardware || magic == magic_ixia_software;
  const std::size_t header_bytes = ixia ? ixia_header_bytes : pcap_header_bytes;
  if (window.size() < header_bytes) {
    return last ? damage(FaultKind::header_cut, 0, window.size(), header_bytes) : want(header_bytes);
  }
  swapped_ = swapped;
  const std::uint32_t major = u16(window.data() + 4);
  const std::uint32_t minor = u16(window.data() + 6);
  // As libpcap: 2.0 to 2.4, and 543.0, which DG/UX tcpdump wrote. Below 2.3 the wire length came first; 2.3 has both
  // orders in files that exist, and a captured length is never the larger one.
  if (major < 2) return damage(FaultKind::archaic_version, 4, major, minor);
  if (!(major == 2 && minor <= 4) && !(major == 543 && minor == 0))
    return damage(FaultKind::unknown_version, 4, major, minor);
  if (major == 543 || minor < 3) {
    lengths_ = Lengths::wire_first;
  } else if (minor == 3) {
    lengths_ = Lengths::smaller_is_captured;
  }
  // The upper half of the field says whether an Ethernet frame check sequence is there, and must otherwise be ignored
  // (draft-ietf-opsawg-pcap, 4).
  link_ = static_cast<LinkType>(u32(window.data() + 20) & 0xffff);
  fraction_ns_ = magic == magic_nanoseconds || ixia ? 1 : 1000;
  record_header_bytes_ = magic == magic_kuznetzov ? record_header_kuznetzov_bytes : record_header_bytes;
  consumed_ = header_bytes;
  offset_ = header_bytes;
  kind_ = Kind::pcap;
  return ParseState::full;
}

template <bool Swapped>
ParseState RecordParser::parse_pcap(Bytes window, bool last, Batch& batch) noexcept {
  const auto load = [](const std::uint8_t* at) { return Swapped ? load_be32(at) : load_le32(at); };
  const std::uint8_t* at = window.data();
  const std::uint8_t* const end = at + window.size();
  const std::size_t header_bytes = record_header_bytes_;
  const std::uint64_t fraction_ns = fraction_ns_;
  const Lengths lengths = lengths_;
  const LinkType link = link_;
  RawPacket* out = batch.at;
  std::uint64_t number = batch.number;
  ParseState state = ParseState::full;
  FaultKind kind = FaultKind::none;
  std::uint64_t found = 0, limit = 0;
  while (out != batch.end) {
    const std::size_t left = static_cast<std::size_t>(end - at);
    if (left < header_bytes) [[unlikely]] {
      if (!last) {
        state = want(header_bytes);
      } else if (left == 0) {
        state = ParseState::end;
      } else {
        kind = FaultKind::record_header_cut, found = left, limit = header_bytes;
      }
      break;
    }
    std::uint32_t captured = load(at + 8);
    std::uint32_t wire = load(at + 12);
    if (lengths != Lengths::captured_first) [[unlikely]] {
      if (lengths == Lengths::wire_first || captured > wire) std::swap(captured, wire);
    }
    if (captured > record_bytes_max) [[unlikely]] {
      kind = FaultKind::record_too_long, found = captured, limit = record_bytes_max;
      break;
    }
    if (captured > left - header_bytes) [[unlikely]] {
      if (last) {
        kind = FaultKind::record_cut, found = left - header_bytes, limit = captured;
      } else {
        state = want(header_bytes + captured);
      }
      break;
    }
    out->data = at + header_bytes;
    out->length_captured = captured;
    // Some writers leave the wire length smaller than what they captured, which cannot be: the bytes are believed.
    out->length_wire = std::max(wire, captured);
    // Cannot overflow: both factors have 32 bits. A fraction of a second or more is carried, as libpcap's readers do.
    out->time.ns = static_cast<std::int64_t>(load(at) * std::uint64_t{1'000'000'000} + load(at + 4) * fraction_ns);
    out->number = number++;
    out->link = link;
    out->input = batch.input;
    ++out;
    at += header_bytes + captured;
  }
  batch.at = out;
  batch.number = number;
  const std::size_t used = static_cast<std::size_t>(at - window.data());
  consumed_ += used;
  offset_ += used;
  if (kind != FaultKind::none) state = damage(kind, 0, found, limit);
  return state;
}

// Whether a whole block with agreeing lengths begins `left`; sets swapped_ from a section header. If not, `state` says
// why.
bool RecordParser::block_is_whole(Bytes left, bool last, ParseState& state) noexcept {
  if (left.size() < block_bytes_min) {
    if (!last) {
      state = want(block_bytes_min);
    } else if (left.empty()) {
      state = ParseState::end;
    } else {
      state = damage(FaultKind::block_header_cut, 0, left.size(), block_bytes_min);
    }
    return false;
  }
  const bool is_section = load_le32(left.data()) == block_section;  // The same in both byte orders.
  if (is_section) {
    const std::uint32_t order = load_le32(left.data() + 8);
    if (order != byte_order_magic && __builtin_bswap32(order) != byte_order_magic) {
      state = damage(FaultKind::bad_byte_order, 8, order);
      return false;
    }
    swapped_ = order != byte_order_magic;
  }
  const std::uint32_t total = u32(left.data() + 4);
  if (total < block_bytes_min || total % 4 != 0) {
    state = damage(FaultKind::block_bad_length, 4, total);
  } else if (total > block_bytes_max) {
    state = damage(FaultKind::block_too_long, 4, total, block_bytes_max);
  } else if (total > left.size()) {
    state = last ? damage(FaultKind::block_cut, 0, left.size(), total) : want(total);
  } else if (u32(left.data() + total - trailer_bytes) != total) {
    state = damage(FaultKind::block_trailer_differs, total - trailer_bytes, u32(left.data() + total - trailer_bytes),
                   total);
  } else if (is_section && total < section_bytes_min) {
    state = damage(FaultKind::block_too_short, 4, total, section_bytes_min);
  } else if (is_section && (u16(left.data() + 12) != 1 || (u16(left.data() + 14) != 0 && u16(left.data() + 14) != 2))) {
    // 1.2 was written by some programs and is 1.0 (4.1); any other version may mean other blocks.
    state = damage(FaultKind::unknown_version, 12, u16(left.data() + 12), u16(left.data() + 14));
  } else {
    return true;
  }
  return false;
}

ParseState RecordParser::parse_pcapng(Bytes window, bool last, Batch& batch) noexcept {
  std::size_t at = 0;
  ParseState state = ParseState::full;
  while (batch.at != batch.end) {
    const Bytes left = window.subspan(at);
    if (!block_is_whole(left, last, state)) break;
    const std::uint32_t type = u32(left.data());
    const std::uint32_t total = u32(left.data() + 4);
    if (!read_block(left.first(total), type, batch)) {
      state = ParseState::damaged;
      break;
    }
    at += total;
    consumed_ += total;
    offset_ += total;
  }
  return state;
}

bool RecordParser::read_block(Bytes block, std::uint32_t type, Batch& batch) noexcept {
  switch (type) {
    case block_packet_enhanced:
    case block_packet_obsolete:
      return read_packet(block, type, batch);
    case block_packet_simple:
      return read_simple_packet(block, batch);
    case block_interface:
      return read_interface(block);
    case block_section:
      interface_count_ = 0;
      return true;
    default:
      return true;  // Names, statistics, secrets, custom blocks: nothing in them is a packet.
  }
}

// IDB: 8 link type (2), reserved (2), 12 snap length (4), 16 options.
bool RecordParser::read_interface(Bytes block) noexcept {
  if (block.size() < interface_bytes_min) {
    damage(FaultKind::block_too_short, 4, block.size(), interface_bytes_min);
    return false;
  }
  if (interface_count_ == interfaces_max) {
    damage(FaultKind::too_many_interfaces, 0, interfaces_max);
    return false;
  }
  Interface interface { 1000, 1, 0, u32(block.data() + 12), static_cast<LinkType>(u16(block.data() + 8)), 0 };
  std::size_t at = 16;
  const std::size_t end = block.size() - trailer_bytes;
  while (at != end) {  // Both are multiples of 4 and each step takes at least 4.
    const std::uint16_t code = u16(block.data() + at);
    const std::size_t length = u16(block.data() + at + 2);
    const std::size_t padded = (length + 3) / 4 * 4;
    if (padded > end - at - 4) {
      damage(FaultKind::option_cut, at, length, end - at - 4);
      return false;
    }
    const std::uint8_t* value = block.data() + at + 4;
    if (code == option_end) break;
    if (code == option_resolution || code == option_time_offset) {
      const std::size_t length_right = code == option_resolution ? 1 : 8;
      if (length != length_right) {
        damage(FaultKind::bad_option, at, code, length);
        return false;
      }
    }
    if (code == option_time_offset) {
      interface.offset_seconds = static_cast<std::int64_t>(swapped_ ? load_be64(value) : load_le64(value));
    } else if (code == option_resolution) {
      const bool binary = (value[0] & 0x80) != 0;
      const unsigned exponent = value[0] & 0x7fu;
      if (exponent > (binary ? resolution_binary_max : resolution_decimal_max)) {
        damage(FaultKind::bad_resolution, at + 4, exponent, binary ? 2 : 10);
        return false;
      }
      interface.multiplier = binary ? 1'000'000'000 : exponent <= 9 ? power_of_ten(9 - exponent) : 1;
      interface.divisor = binary || exponent <= 9 ? 1 : power_of_ten(exponent - 9);
      interface.shift = static_cast<std::uint8_t>(binary ? exponent : 0);
    }
    at += 4 + padded;
  }
  interfaces_.as<Interface>()[interface_count_++] = interface;
  return true;
}

// EPB: 8 interface (4), 12 time, upper and lower half, 20 captured length, 24 wire length, 28 data.
// PB:  8 interface (2), drops (2), the rest alike.
bool RecordParser::read_packet(Bytes block, std::uint32_t type, Batch& batch) noexcept {
  if (block.size() < packet_bytes_min) {
    damage(FaultKind::block_too_short, 4, block.size(), packet_bytes_min);
    return false;
  }
  const std::uint8_t* const data = block.data();
  const std::uint32_t index = type == block_packet_enhanced ? u32(data + 8) : u16(data + 8);
  const std::uint32_t captured = u32(data + 20);
  if (index >= interface_count_) {
    damage(FaultKind::unknown_interface, 8, index, interface_count_);
    return false;
  }
  if (captured > record_bytes_max) {
    damage(FaultKind::record_too_long, 20, captured, record_bytes_max);
    return false;
  }
  if (captured > block.size() - packet_bytes_min) {
    damage(FaultKind::record_cut, 20, block.size() - packet_bytes_min, captured);
    return false;
  }
  const Interface& interface = interfaces_.as<Interface>()[index];
  time_last_ = time_of(interface, std::uint64_t{u32(data + 12)} << 32 | u32(data + 16));
  return deliver(batch, interface, block.subspan(packet_data_offset, captured), u32(data + 24));
}

// SPB: 8 wire length (4), 12 data; captured is the smaller of wire length and the first interface's snap length.
bool RecordParser::read_simple_packet(Bytes block, Batch& batch) noexcept {
  if (block.size() < packet_simple_bytes_min) {
    damage(FaultKind::block_too_short, 4, block.size(), packet_simple_bytes_min);
    return false;
  }
  if (interface_count_ == 0) {
    damage(FaultKind::unknown_interface, 0, 0, 0);
    return false;
  }
  const Interface& interface = interfaces_.as<Interface>()[0];
  const std::uint32_t wire = u32(block.data() + 8);
  const std::uint32_t captured = interface.snap_bytes == 0 ? wire : std::min(wire, interface.snap_bytes);
  if (captured > record_bytes_max) {
    damage(FaultKind::record_too_long, 8, captured, record_bytes_max);
    return false;
  }
  if (captured > block.size() - packet_simple_bytes_min) {
    damage(FaultKind::record_cut, 8, block.size() - packet_simple_bytes_min, captured);
    return false;
  }
  // The block has no time. That of the packet before is nearer to the truth than 1970.
  return deliver(batch, interface, block.subspan(packet_simple_data_offset, captured), wire);
}

bool RecordParser::deliver(Batch& batch, const Interface& interface, Bytes captured,
                           std::uint32_t wire_bytes) noexcept {
  const auto length = static_cast<std::uint32_t>(captured.size());
  *batch.at++ = {captured.data(), length,     std::max(wire_bytes, length), time_last_, batch.number++,
                 interface.link,  batch.input};
  return true;
}

PacketTime RecordParser::time_of(const Interface& interface, std::uint64_t ticks) const noexcept {
  WideUnsigned ns = WideUnsigned{ticks} * interface.multiplier;
  if (interface.divisor != 1) ns = ticks / interface.divisor;
  ns >>= interface.shift;
  const Wide sum = static_cast<Wide>(ns) + Wide{interface.offset_seconds} * 1'000'000'000;
  return {static_cast<std::int64_t>(std::clamp<Wide>(sum, 0, time_ns_max))};
}

std::string describe(const Fault& fault) {
  std::string text;
  const std::string_view sentence_of_kind = sentence(fault.kind);
  for (std::size_t at = 0; at < sentence_of_kind.size(); ++at) {
    if (sentence_of_kind[at] != '$') {
      text += sentence_of_kind[at];
      continue;
    }
    const char which = sentence_of_kind[++at];  // Every $ above is followed by a letter.
    if (which == 'x') {
      char digits[20];
      std::snprintf(digits, sizeof digits, "0x%08llx", static_cast<unsigned long long>(fault.found));
      text += digits;
    } else {
      text += std::to_string(which == 'f' ? fault.found : fault.limit);
    }
  }
  return text;
}

}  // namespace tsujiban::capture
