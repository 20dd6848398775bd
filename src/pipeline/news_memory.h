#pragma once
#include <array>
#include <bit>
#include <cstdint>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

#include "base/prefetch.h"
#include "base/reserved_memory.h"
#include "base/time.h"

namespace tsujiban::pipeline {

// What was told last of pairs of hosts, so that only news are told again (dissect::RecordSink::is_change). What belongs
// to a pair lies in one cache line where a dozen places do, and in a second one where more do: a packet of a poll that
// says nothing new touches no more than that. So little room is left for each place: 12 bits of its hash, 20 of what
// was told, and the time in steps of four seconds. Two places that seem to be one make each other news, which costs
// facts and hides nothing; that another value passes for the one before happens once in a million changes, and nobody
// without the seed finds such a value. Fixed size; the place told longest ago gives way.
class NewsMemory {
 public:
  static constexpr std::size_t sets = 1u << 15, places_per_line = 12;
  static constexpr std::int64_t step_s = 4;
  static constexpr Duration repeat_max = Duration::seconds(600);  // The longest that places may be told again after.

  NewsMemory() : memory_(sets * sizeof(Set), ReservedMemory::Pages::large), set_(memory_.as<Set>()) {}

  [[gnu::always_inline]] void prefetch(std::uint64_t pair_hash) const noexcept {
    tsujiban::prefetch(memory_.as<Set>() + set_of(pair_hash));
  }
  // Whose packet comes next.
  void set_pair(std::uint64_t pair_hash) noexcept { set_ = memory_.as<Set>() + set_of(pair_hash); }

  // Remembers `value` under `place`, both hashes; true where it was another one, none, or one told about `repeat` ago
  // (up to a step early, never late).
  bool is_change(std::uint64_t place, std::uint64_t value, Duration repeat, PacketTime now) noexcept {
    const std::uint32_t said =
        static_cast<std::uint32_t>((value >> 44) ^ (value >> 20) ^ value ^ (place >> 32)) & value_mask;
    const Moment moment = moment_of(now);
    const Told told = find(place, moment);
    const bool same = told.found && (told.line->said[told.at] & value_mask) == said && !is_over(told, repeat, moment);
    if (same) return false;
    write(told, said, moment);
    return true;
  }
  // Bits that were not told since the first of the place was, or that is `repeat` ago. `bits`: the lower four; above
  // them stands more of the place, since another place's value would pass for bits that were told.
  bool is_addition(std::uint64_t place, std::uint32_t bits, Duration repeat, PacketTime now) noexcept {
    const std::uint32_t mark = static_cast<std::uint32_t>(place >> 32) & value_mask & ~bits_mask;
    const Moment moment = moment_of(now);
    const Told told = find(place, moment);
    if (!told.found || (told.line->said[told.at] & value_mask & ~bits_mask) != mark || is_over(told, repeat, moment)) {
      write(told, mark | (bits & bits_mask), moment);
      return true;
    }
    std::uint32_t& said = told.line->said[told.at];
    if ((bits & ~said & bits_mask) == 0) return false;
    said |= bits & bits_mask;
    return true;
  }

 private:
  struct alignas(64) Line {
    std::array<std::uint32_t, places_per_line> said;  // Place << 20 | value; 0: free. The value has other bits of it.
    std::array<std::uint8_t, places_per_line> told;   // When, in steps; wraps.
    std::uint32_t epoch : 31;                         // Of the last look, when all that is too old was taken out.
    std::uint32_t full_once : 1;                      // The second line of the set is in use.
  };
  static_assert(sizeof(Line) == 64);
  struct Set {
    Line lines[2];
  };
  struct Moment {
    std::uint32_t epoch;
    std::uint8_t step;
  };
  struct Told {
    Line* line;
    unsigned at;
    bool found;
    std::uint32_t tag;
  };
  static constexpr std::uint32_t value_mask = (1u << 20) - 1, bits_mask = 15;
  static constexpr unsigned epoch_steps_log2 = 6;  // 256 s.
  // A told time is known for a turn of its eight bits: what is older than the longest repeat goes before that is over.
  static constexpr std::uint8_t steps_max = static_cast<std::uint8_t>(repeat_max.ns / 1'000'000'000 / step_s + 2);
  static_assert(steps_max + 2 * (1u << epoch_steps_log2) < 256 + (1u << epoch_steps_log2));

  // By the hash's highest bits, as packets are shared out among workers: each touches the memory of its own share only.
  static std::size_t set_of(std::uint64_t pair_hash) noexcept { return pair_hash >> 49; }
  static_assert(sets == std::size_t{1} << (64 - 49));
  static Moment moment_of(PacketTime now) noexcept {
    const auto steps = static_cast<std::uint64_t>(now.ns) / (step_s * 1'000'000'000);
    return {static_cast<std::uint32_t>(steps >> epoch_steps_log2) & 0x7fffffffu, static_cast<std::uint8_t>(steps)};
  }
  static bool is_over(const Told& told, Duration repeat, Moment now) noexcept {
    const auto steps = static_cast<std::uint8_t>(now.step - told.line->told[told.at]);
    return (steps + 1) * step_s * 1'000'000'000 > repeat.ns;
  }
  static void write(const Told& told, std::uint32_t value, Moment now) noexcept {
    told.line->said[told.at] = told.tag | (value & value_mask);
    told.line->told[told.at] = now.step;
  }
  // Takes out what is too old, so that no age is more than a turn of its bits.
  [[gnu::noinline]] static void clean(Line& line, Moment now) noexcept {
    const std::uint32_t epochs = (now.epoch - line.epoch) & 0x7fffffffu;
    const auto begun = static_cast<std::uint8_t>(line.epoch << epoch_steps_log2);  // The step that epoch began with.
    const auto since_begun = static_cast<std::int32_t>(
        (epochs << epoch_steps_log2) + (now.step & ((1u << epoch_steps_log2) - 1)));  // Steps from then to now.
    constexpr std::uint32_t epochs_max = 16;  // Beyond them everything is too old; and nothing overflows.
    for (std::size_t i = 0; i < places_per_line; ++i) {
      // Told before that epoch, or in it: the bits say which, because what was too old then is gone.
      const auto before = static_cast<std::uint8_t>(begun - line.told[i]);
      const std::int32_t age =
          since_begun + (before < 256 - (1 << epoch_steps_log2) ? before : static_cast<std::int32_t>(before) - 256);
      if (epochs > epochs_max || age > steps_max) line.said[i] = 0;
    }
    line.epoch = now.epoch & 0x7fffffffu;
  }
  // Index of the first entry of that place, or `places_per_line`.
  static unsigned look(const Line& line, std::uint32_t tag) noexcept {
#if defined(__SSE2__)
    const __m128i places = _mm_set1_epi32(static_cast<int>(~value_mask)),
                  wanted = _mm_set1_epi32(static_cast<int>(tag));
    const auto same = [&](std::size_t from) {
      const __m128i four = _mm_load_si128(reinterpret_cast<const __m128i*>(line.said.data() + from));
      return _mm_cmpeq_epi32(_mm_and_si128(four, places), wanted);
    };
    const __m128i all =
        _mm_packs_epi16(_mm_packs_epi32(same(0), same(4)), _mm_packs_epi32(same(8), _mm_setzero_si128()));
    return static_cast<unsigned>(
        std::countr_zero(static_cast<std::uint32_t>(_mm_movemask_epi8(all)) | 1u << places_per_line));
#else
    unsigned at = 0;
    while (at != places_per_line && (line.said[at] & ~value_mask) != tag) ++at;
    return at;
#endif
  }
  // The entry of a place, or the one that gives way to it: a free one, or the one told longest ago.
  Told find(std::uint64_t place, Moment now) noexcept {
    std::uint32_t tag = static_cast<std::uint32_t>(place) & ~value_mask;
    if (tag == 0) tag = 1u << 20;  // 0 stands for free ones.
    Line& first = set_->lines[0];
    if (first.epoch != now.epoch) [[unlikely]]
      clean(first, now);
    if (const unsigned at = look(first, tag); at != places_per_line) [[likely]]
      return {&first, at, true, tag};
    if (first.full_once != 0) {
      Line& second = set_->lines[1];
      if (second.epoch != now.epoch) clean(second, now);
      if (const unsigned at = look(second, tag); at != places_per_line) return {&second, at, true, tag};
    }
    return make(tag, now);
  }
  [[gnu::noinline]] Told make(std::uint32_t tag, Moment now) noexcept {
    Told oldest{nullptr, 0, false, tag};
    std::uint8_t oldest_steps = 0;
    for (Line& line : set_->lines) {
      if (&line == &set_->lines[1]) {
        set_->lines[0].full_once = 1;
        if (line.epoch != now.epoch) clean(line, now);
      }
      for (unsigned i = 0; i < places_per_line; ++i) {
        if (line.said[i] == 0) return {&line, i, false, tag};
        const auto steps = static_cast<std::uint8_t>(now.step - line.told[i]);
        if (oldest.line == nullptr || steps > oldest_steps) oldest.line = &line, oldest.at = i, oldest_steps = steps;
      }
    }
    return oldest;
  }

  ReservedMemory memory_;
  Set* set_;  // Of the packet at hand.
};

}  // namespace tsujiban::pipeline
