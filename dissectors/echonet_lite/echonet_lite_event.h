#pragma once
#include <array>

#include "dissectors/echonet_lite/echonet_lite_wire.h"

namespace tsujiban::echonet_lite {

// What was read of one message. `bytes` is a view of it; everything else is plain data.
struct FrameEvent {
  Bytes bytes;  // The message, to its end or to where reading stopped.
  std::uint16_t tid = 0;
  std::uint8_t format = 0;  // 1, 2, or 0 when the header is none of ECHONET Lite.
  std::uint8_t service = 0;
  std::uint32_t seoj = 0, deoj = 0;
  std::uint8_t header_read = 0;  // Header bytes there (at most 12): which fields above hold.
  bool has_get_list = false;     // SetGet: OPCGet was read.
  std::uint8_t opc = 0, opc_get = 0;
  std::uint32_t get_list_offset = 0;    // Of the first property of the second list.
  std::uint32_t end = 0;                // Where the walk stopped.
  std::uint8_t epc_all = 0xFF;          // All EPCs, and-ed: bit 7 clear tells one below 0x80.
  ParseError error = ParseError::none;  // The first broken rule of the outer structure: the message is malformed.
  std::uint32_t error_offset = 0;
  bool cut_short = false;  // The capture's snap length ended the message; not malformed.

  bool has_service() const noexcept { return header_read > esv_offset; }
  bool has_list() const noexcept { return header_read == header_length; }
  bool malformed() const noexcept { return error != ParseError::none; }
};

// Which properties from 0x80 on stand whole in one list: with a value, and without. A bit each, the lower half of the
// codes in the first word. One that stands there twice may be in both.
struct ListPoints {
  std::array<std::uint64_t, 2> valued{}, empty{};

  void add(std::uint8_t epc, std::uint8_t pdc) noexcept {
    const std::uint64_t bit = static_cast<std::uint64_t>(epc >> 7) << (epc & 63);
    (pdc != 0 ? valued : empty)[epc >> 6 & 1] |= bit;
  }
  bool operator==(const ListPoints&) const noexcept = default;
};

inline ListPoints points_of(Bytes frame, std::uint32_t offset, unsigned count) noexcept {
  ListPoints points;
  PropertyCursor cursor(frame, offset, count);
  for (PropertyView view; cursor.next_whole(view);) points.add(view.epc, view.pdc);
  return points;
}

}  // namespace tsujiban::echonet_lite
