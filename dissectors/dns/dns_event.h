#pragma once
#include "dissectors/dns/dns_wire.h"

namespace tsujiban::dns {

enum class Section : std::uint8_t { questions, answers, authorities, additionals };
inline constexpr std::size_t section_count = 4;

// Questions and records that are read of one message; what claims more is malformed. A message of 64 KiB that fills
// itself with smaller records than real ones is no use but to wear us out.
inline constexpr std::uint32_t records_max = 4096;

// What was read of one message. `bytes` is a view of it; everything else is plain data.
struct MessageEvent {
  Bytes bytes;
  std::uint16_t id = 0, flags = 0;
  bool has_header = false;
  std::array<std::uint16_t, section_count> told{};   // The header's counts.
  std::array<std::uint16_t, section_count> read{};   // Whole ones, in order, before reading stopped.
  std::array<std::uint32_t, section_count> start{};  // Offsets of the sections that were reached.
  std::uint32_t opt_offset = 0;                      // Of the OPT record's name among the additionals; 0: none.
  ParseError error = ParseError::none;               // The first broken rule: the message is malformed.
  std::uint32_t error_offset = 0;

  bool is_answer() const noexcept { return (flags & flag::answer) != 0; }
  bool malformed() const noexcept { return error != ParseError::none; }
  std::uint16_t count(Section section) const noexcept { return read[static_cast<std::size_t>(section)]; }
  RecordCursor cursor(Section section) const noexcept {
    const auto i = static_cast<std::size_t>(section);
    return {bytes, start[i], read[i], section == Section::questions};
  }
};

}  // namespace tsujiban::dns
