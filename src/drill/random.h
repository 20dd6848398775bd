#pragma once
#include <cstdint>

namespace tsujiban::drill {

// SplitMix64 (Steele, Lea, Flood 2014): small, and the same on every machine, which the standard's distributions are
// not. Each home and each attack has one of its own, so that an attack does not change anybody's day.
class Random {
 public:
  constexpr explicit Random(std::uint64_t seed) noexcept : state_(seed) {}
  // One that shares nothing with its parent but the seed.
  static constexpr Random of(std::uint64_t seed, std::uint64_t stream) noexcept {
    Random mixed(seed ^ (stream + 1) * 0x9e3779b97f4a7c15ull);
    return Random(mixed.next());
  }
  constexpr std::uint64_t next() noexcept {
    std::uint64_t z = state_ += 0x9e3779b97f4a7c15ull;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
    return z ^ (z >> 31);
  }
  // 0 to end - 1; the bias of the remainder is far below what anybody sees here. `end` above 0.
  constexpr std::uint64_t below(std::uint64_t end) noexcept { return (next() >> 16) % end; }
  constexpr std::int64_t between(std::int64_t first, std::int64_t last) noexcept {
    return first + static_cast<std::int64_t>(below(static_cast<std::uint64_t>(last - first + 1)));
  }
  constexpr bool one_in(std::uint64_t n) noexcept { return below(n) == 0; }

 private:
  std::uint64_t state_;
};

}  // namespace tsujiban::drill
