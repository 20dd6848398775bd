#pragma once
#include <compare>
#include <cstdint>

namespace tsujiban {

// Nanoseconds; signed so that differences are ordinary numbers.
struct Duration {
  std::int64_t ns = 0;
  static constexpr Duration seconds(std::int64_t s) noexcept { return {s * 1'000'000'000}; }
  static constexpr Duration milliseconds(std::int64_t ms) noexcept { return {ms * 1'000'000}; }
  static constexpr Duration microseconds(std::int64_t us) noexcept { return {us * 1'000}; }
  constexpr double as_seconds() const noexcept { return static_cast<double>(ns) * 1e-9; }
  constexpr auto operator<=>(const Duration&) const noexcept = default;
};

// A packet's own time: nanoseconds since 1970-01-01T00:00:00Z. The only clock below floor 8.
struct PacketTime {
  std::int64_t ns = 0;
  constexpr auto operator<=>(const PacketTime&) const noexcept = default;
};
constexpr Duration operator-(PacketTime a, PacketTime b) noexcept { return {a.ns - b.ns}; }
constexpr PacketTime operator+(PacketTime t, Duration d) noexcept { return {t.ns + d.ns}; }
constexpr PacketTime operator-(PacketTime t, Duration d) noexcept { return {t.ns - d.ns}; }

}  // namespace tsujiban
