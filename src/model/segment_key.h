#pragma once
#include <compare>
#include <cstdint>

namespace tsujiban {

// Which link a packet was on: its VLAN stack (up to three tags), VNI and PAN, packed into one word that begins every
// key of ours, because a thousand homes all use 192.168.1.20. The VLAN tags and VNI of a tunnel's outside do not count:
// the inner packet's link is the VNI and the inner tags (for ERSPAN its own VLAN). 0 is the untagged link.
//
//   bit 63        62 .. 39   38 .. 26     25 .. 13     12 .. 0
//   VNI present   VNI        third tag    second tag   first (outermost) tag; each 12 bits and, above them, "present"
//
// A PAN (IEEE 802.15.4) is told apart by bit 63 clear and bit 62 set, the PAN identifier in bits 0..15, no tag.
class SegmentKey {
 public:
  constexpr SegmentKey() noexcept = default;
  static constexpr SegmentKey from_raw(std::uint64_t raw) noexcept { return SegmentKey(raw); }
  static constexpr SegmentKey pan(std::uint16_t id) noexcept { return SegmentKey(std::uint64_t{1} << 62 | id); }
  static constexpr SegmentKey vni(std::uint32_t id) noexcept {
    return SegmentKey(std::uint64_t{1} << 63 | std::uint64_t{id & 0xffffff} << 39);
  }
  static constexpr unsigned vlan_count_max = 3;
  constexpr unsigned vlan_count() const noexcept {
    return (raw_ >> 12 & 1) != 0 ? ((raw_ >> 25 & 1) != 0 ? ((raw_ >> 38 & 1) != 0 ? 3 : 2) : 1) : 0;
  }
  constexpr std::uint16_t vlan(unsigned i) const noexcept {
    return static_cast<std::uint16_t>(raw_ >> (13 * i) & 0xfff);
  }
  // Adds an inner tag; returns false, unchanged, beyond three.
  constexpr bool push_vlan(std::uint16_t id) noexcept {
    const unsigned n = vlan_count();
    if (n == vlan_count_max) return false;
    raw_ |= std::uint64_t{0x1000u | (id & 0xfffu)} << (13 * n);
    return true;
  }
  constexpr bool has_vni() const noexcept { return (raw_ >> 63) != 0; }
  constexpr std::uint32_t vni_value() const noexcept { return static_cast<std::uint32_t>(raw_ >> 39 & 0xffffff); }
  constexpr bool is_pan() const noexcept { return raw_ >> 62 == 1; }
  constexpr std::uint16_t pan_value() const noexcept { return static_cast<std::uint16_t>(raw_); }
  constexpr std::uint64_t raw() const noexcept { return raw_; }
  constexpr auto operator<=>(const SegmentKey&) const noexcept = default;

 private:
  constexpr explicit SegmentKey(std::uint64_t raw) noexcept : raw_(raw) {}
  std::uint64_t raw_ = 0;
};

}  // namespace tsujiban
