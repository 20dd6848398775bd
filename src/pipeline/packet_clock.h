#pragma once
#include <cstdint>

#include "base/time.h"

namespace tsujiban::pipeline {

// The monotone time of a run: the maximum of all packets' times. A stray far-future stamp must not end every flow, so a
// jump of more than `jump_max` is believed only when `jump_packets_min` packets in a row agree with it; until then time
// stands, and both the refused and the believed jumps are counted. Every worker sees every packet, so all agree.
class PacketClock {
 public:
  static constexpr Duration jump_max = Duration::seconds(3600);
  static constexpr unsigned jump_packets_min = 8;
  static constexpr Duration backwards_min = Duration::seconds(1);  // Less is the reordering of a multi-queue card.

  PacketTime advance(PacketTime time) noexcept {
    if (time <= now_) {
      if (now_ - time > backwards_min) [[unlikely]]
        ++backwards_;
      candidates_ = 0;
      return now_;
    }
    if (!started_) {
      started_ = true;
      return now_ = time;
    }
    if (time - now_ > jump_max) [[unlikely]]
      return far(time);
    candidates_ = 0;
    return now_ = time;
  }
  // Wall-clock time, where no packet came (live only).
  PacketTime idle(PacketTime time) noexcept {
    if (started_ && time > now_) now_ = time;
    return now_;
  }
  PacketTime now() const noexcept { return now_; }
  std::uint64_t jumps() const noexcept { return jumps_; }          // Believed.
  std::uint64_t strays() const noexcept { return strays_; }        // Packets whose far-future time was not believed.
  std::uint64_t backwards() const noexcept { return backwards_; }  // Packets more than a second older than the clock.

 private:
  PacketTime far(PacketTime time) noexcept {
    const bool agrees = candidates_ != 0 && time >= candidate_ - backwards_min && time - candidate_ <= jump_max;
    candidates_ = agrees ? candidates_ + 1 : 1;
    if (!agrees || time > candidate_) candidate_ = time;
    if (candidates_ < jump_packets_min) {
      ++strays_;
      return now_;
    }
    candidates_ = 0;
    ++jumps_;
    return now_ = candidate_;
  }

  PacketTime now_{};
  PacketTime candidate_{};
  unsigned candidates_ = 0;
  bool started_ = false;
  std::uint64_t jumps_ = 0, strays_ = 0, backwards_ = 0;
};

}  // namespace tsujiban::pipeline
