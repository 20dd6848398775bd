#pragma once
#include <zlib.h>

#include "base/pool.h"
#include "dissectors/http/http_wire.h"

namespace tsujiban::http {

inline constexpr std::uint32_t inflators_max = 256;  // Bodies inflated at the same time; the others are only counted.
inline constexpr std::uint64_t inflate_output_max = 16u << 20;  // Of one body; what is behind is not inflated.
// A body that becomes more than so many times longer is a bomb. Small ones are no harm, and some real ones (runs of
// zeros, empty tables) shrink as well.
inline constexpr std::uint64_t inflate_ratio_max = 100;
inline constexpr std::uint64_t inflate_ratio_from = 256 * 1024;
inline constexpr std::size_t inflate_piece_bytes = 32 * 1024;

enum class InflateEnd : std::uint8_t { more, done, broken, bomb, limit, no_memory };

// gzip (RFC 1952, with several members) and deflate (RFC 1950, and RFC 1951 alone as some servers send it). All memory
// is taken at construction; zlib gets its own from the slot.
class Inflators {
 public:
  Inflators();
  // 0: all are in use.
  std::uint32_t open(Coding coding) noexcept;
  void close(std::uint32_t index) noexcept;
  // Calls `piece(Bytes)` with what comes out. After anything but `more` the rest of the body is not to be given.
  template <class Piece>
  InflateEnd feed(std::uint32_t index, Bytes input, Piece&& piece) noexcept {
    Slot& slot = slots_[index];
    set_input(slot, input);
    while (true) {
      Bytes output;
      const InflateEnd end = step(slot, output);
      if (!output.empty()) piece(output);
      if (end != InflateEnd::more || output.size() < inflate_piece_bytes) return end;
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
  InflateEnd step(Slot& slot, Bytes& output) noexcept;
  static bool begin(Slot& slot) noexcept;

  Pool<Slot> slots_;
  ReservedMemory output_;
};

}  // namespace tsujiban::http
