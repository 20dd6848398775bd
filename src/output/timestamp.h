#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/json_writer.h"
#include "base/time.h"

namespace tsujiban::output {

// When a zone's offset from UTC changes.
struct ZoneTransition {
  std::int64_t from_s;    // UTC seconds since 1970; the offset holds from here on.
  std::int32_t offset_s;  // East of Greenwich is positive.
};

// The offsets of one IANA zone over the whole range of PacketTime (1677 to 2262).
struct ZoneTable {
  std::int32_t offset_first_s = 0;          // Before the first transition.
  std::vector<ZoneTransition> transitions;  // Ascending.
};

// Reads TZif bytes (RFC 8536, versions 1 to 4), the footer's rule spelled out to the end of the range. Throws
// std::runtime_error saying what is wrong. Separate from the file so that tests and fuzzing reach it.
ZoneTable parse_zone(Bytes tzif);
// "UTC" needs no file; others are read from the system's zone directory. Throws std::runtime_error.
ZoneTable load_zone(std::string_view name);

// Writes `2026-11-20T09:00:00.123456+0900`, as Suricata does: microseconds, cut and not rounded, and the zone's offset
// at that moment. The text of the last second is kept, so that most calls write six digits. One per thread; after
// construction it neither allocates nor reads anything of the system.
class TimestampWriter {
 public:
  static constexpr std::size_t text_size = 31;
  // Throws std::runtime_error when there is no such zone or its file is damaged.
  explicit TimestampWriter(std::string_view zone);
  // Writes exactly `text_size` characters, no terminating zero.
  void write(PacketTime time, char* to) noexcept;
  // The member `name` of the object that `json` stands in.
  void field(JsonWriter& json, std::string_view name, PacketTime time) noexcept;

 private:
  void enter_second(std::int64_t second) noexcept;

  ZoneTable zone_;
  std::int64_t second_ = std::numeric_limits<std::int64_t>::min();
  std::int64_t offset_from_s_ = 1, offset_until_s_ = 0;  // Where `offset_s_` is known to hold; empty at first.
  std::int64_t day_ = std::numeric_limits<std::int64_t>::min();
  std::int32_t offset_s_ = 0;
  std::array<char, text_size> text_;
};

}  // namespace tsujiban::output
