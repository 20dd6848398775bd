#pragma once
#include <zlib.h>

#include <algorithm>

#include "base/pool.h"
#include "dissectors/http/http_wire.h"

namespace tsujiban::http {

inline constexpr std::uint32_t inflators_max = 256;  // Bodies inflated at the same time; the others are only counted.
inline constexpr std::uint64_t inflate_output_max = 16u << 20;  // Of one body; what is behind is not inflated.
// What a direction of a connection may become longer by in all: an allowance, and so many bytes for each byte of its
// bodies on the wire. Inflating costs many times what carrying the bytes costs, so what unpacks further is not
// followed. Reports of OpenADR in XML shrink to a thirtieth, and where every value is the same to an eightieth.
inline constexpr std::uint32_t inflate_allowance = 32 * 1024;
inline constexpr std::uint32_t inflate_ratio_max = 80;
// Bytes of a body count when so many have come, counted from its beginning: so the verdict does not depend on the
// pieces that they come in.
inline constexpr std::uint32_t inflate_unit_bytes = 256;
inline constexpr std::size_t inflate_piece_bytes = 32 * 1024;

enum class InflateEnd : std::uint8_t { more, done, broken, bomb, limit, no_memory };

// What a direction has used of its allowance, in eighths so that it fits a stream's slot; a byte of a body gives
// `inflate_ratio_max` bytes back, which is a whole number of them.
class InflateBudget {
 public:
  std::uint32_t left() const noexcept { return inflate_allowance - spent_ * granule; }
  bool is_spent() const noexcept { return left() == 0; }
  void pay_back(std::uint64_t wire_bytes) noexcept {
    constexpr std::uint32_t each = inflate_ratio_max / granule;
    spent_ =
        wire_bytes >= spent_ / each + 1 ? std::uint16_t{0} : static_cast<std::uint16_t>(spent_ - wire_bytes * each);
  }
  // A body of `wire_bytes` became `output` bytes.
  void settle(std::uint64_t wire_bytes, std::uint64_t output) noexcept {
    const std::uint64_t owed = std::uint64_t{spent_} * granule + output, paid = wire_bytes * inflate_ratio_max;
    const std::uint64_t now = owed > paid ? (owed - paid + granule - 1) / granule : 0;
    spent_ = static_cast<std::uint16_t>(std::min<std::uint64_t>(now, inflate_allowance / granule));
  }

 private:
  static constexpr std::uint32_t granule = 8;
  static_assert(inflate_ratio_max % granule == 0 && inflate_allowance / granule <= 0xFFFF);
  std::uint16_t spent_ = 0;
};

// gzip (RFC 1952, with several members) and deflate (RFC 1950, and RFC 1951 alone as some servers send it). All memory
// is taken at construction; zlib gets its own from the slot.
class Inflators {
 public:
  Inflators();
  // 0: all are in use. `allowance`: what this body may become longer by, beside what its bytes bring.
  std::uint32_t open(Coding coding, std::uint32_t allowance) noexcept;
  void close(std::uint32_t index) noexcept;
  // What it was given, and what came out.
  std::uint64_t input(std::uint32_t index) const noexcept { return slots_[index].input; }
  std::uint64_t output(std::uint32_t index) const noexcept { return slots_[index].output; }
  // Calls `piece(Bytes)` with what comes out. After anything but `more` the rest of the body is not to be given.
  template <class Piece>
  InflateEnd feed(std::uint32_t index, Bytes input, Piece&& piece) noexcept {
    Slot& slot = slots_[index];
    while (true) {
      // Up to the end of the unit, whose bytes count when it is whole.
      const std::size_t size =
          std::min<std::size_t>(input.size(), inflate_unit_bytes - slot.input % inflate_unit_bytes);
      const std::uint64_t limit =
          slot.allowance + slot.input / inflate_unit_bytes * inflate_unit_bytes * inflate_ratio_max;
      set_input(slot, input.first(size));
      input = input.subspan(size);
      while (true) {
        Bytes output;
        const InflateEnd end = step(slot, limit, output);
        if (!output.empty()) piece(output);
        if (end == InflateEnd::done) slot.input += input.size();  // Padding, which came as well.
        if (end != InflateEnd::more) return end;
        if (output.size() < inflate_piece_bytes) break;
      }
      if (input.empty()) return InflateEnd::more;
    }
  }
  // Whether what was given so far is a whole body.
  bool is_whole(std::uint32_t index) const noexcept { return !slots_[index].begun || slots_[index].ended; }
  std::uint32_t size() const noexcept { return slots_.size(); }

 private:
  // inflate's state and its window (zlib's zconf.h: about 7 KiB and 32 KiB).
  static constexpr std::size_t arena_bytes = 44 * 1024;
  struct Slot {
    z_stream stream;
    std::uint64_t output;
    std::uint64_t input;
    std::uint32_t allowance;
    std::size_t arena_used;
    Coding coding;
    bool begun;
    bool ended;    // The present member of gzip, or the whole.
    bool padding;  // Behind the last one.
    alignas(16) std::uint8_t arena[arena_bytes];
    Slot() noexcept {}  // NOLINT: the arena need not be zero.
  };
  static_assert(std::is_trivially_destructible_v<Slot>);
  static void* allocate(void* slot, unsigned count, unsigned size) noexcept;
  static void set_input(Slot& slot, Bytes input) noexcept;
  InflateEnd step(Slot& slot, std::uint64_t limit, Bytes& output) noexcept;
  static bool begin(Slot& slot) noexcept;

  Pool<Slot> slots_;
  ReservedMemory output_;
};

}  // namespace tsujiban::http
