#pragma once
#include <span>

#include "model/alert.h"
#include "pipeline/pulse.h"
#include "pipeline/run_context.h"

namespace tsujiban::pipeline {

// The `sensor.*` detectors: is what the mirror port delivers fit to be judged? Fed with the sums of all workers'
// pulses.
class SensorWatch {
 public:
  // Shares and sizes below which nothing is said; the detectors' defaults.
  static constexpr double loss_ratio = 0.001;
  static constexpr double duplicate_ratio = 0.05;
  static constexpr std::uint64_t duplicate_packets_min = 100;  // Before 5 % of few packets is a pattern.
  static constexpr std::uint64_t one_sided_packets_min = 20;   // TCP segments heard from one side in the stall time.

  static constexpr std::uint32_t steady_pulses_min = 30;            // Five minutes with a packet every twenty seconds.
  static constexpr Duration silence_max = Duration::seconds(3600);  // As far as time is believed at once (PacketClock).

  explicit SensorWatch(const RunContext& run) : run_(run) {}

  // `sum` adds the workers' counts; `drops` are packets lost in the kernel and in our rings so far, `undelivered`
  // events that an output did not take. Calls `raise(alert)` for what is wrong.
  template <class Raise>
  void look(const Pulse& sum, std::uint64_t drops, std::uint64_t undelivered, Raise&& raise) noexcept {
    loss(sum, drops, raise);
    if (const std::uint64_t n = undelivered - last_undelivered_; n != 0)
      raise(make(DetectorId::sensor_output_stalled, sum.now, n, "%llu events were not taken by an output", n));
    last_undelivered_ = undelivered;
    if (const std::uint64_t n = sum.evictions - last_.evictions; n != 0) {
      raise(make(DetectorId::sensor_state_limit, sum.now, n,
                 "%llu entries of state were given up because a limit of memory was reached", n));
    }
    const std::uint64_t steps = sum.clock_jumps + sum.clock_strays + sum.clock_backwards - last_.clock_jumps -
                                last_.clock_strays - last_.clock_backwards;
    if (steps != 0)
      raise(make(DetectorId::sensor_clock_step, sum.now, steps, "the time of %llu packets jumped or ran backwards",
                 steps));
    // Over as long as it takes until there are enough of them to be a pattern.
    const std::uint64_t duplicates = sum.duplicates - duplicates_then_, packets = sum.packets - packets_then_;
    if (duplicates >= duplicate_packets_min) {
      if (static_cast<double>(duplicates) > duplicate_ratio * static_cast<double>(packets)) {
        raise(make(DetectorId::sensor_duplicate_packets, sum.now, duplicates,
                   "%llu packets of the last seconds were delivered twice", duplicates));
      }
      duplicates_then_ = sum.duplicates;
      packets_then_ = sum.packets;
    }
    stall(sum, raise);
    last_ = sum;
    last_drops_ = drops;
  }

 private:
  template <class Raise>
  void loss(const Pulse& sum, std::uint64_t drops, Raise&& raise) noexcept {
    const std::uint64_t gap = sum.stream_gap_bytes - last_.stream_gap_bytes,
                        bytes = sum.stream_bytes - last_.stream_bytes + gap;
    if (gap != 0 && static_cast<double>(gap) > loss_ratio * static_cast<double>(bytes)) {
      raise(make(DetectorId::sensor_packet_loss, sum.now, 1, "%llu acknowledged bytes of TCP never reached the sensor",
                 gap));
    }
    const std::uint64_t lost = drops - last_drops_, packets = sum.packets - last_.packets + lost;
    if (lost != 0 && static_cast<double>(lost) > loss_ratio * static_cast<double>(packets)) {
      raise(make(DetectorId::sensor_packet_loss, sum.now, 1,
                 "%llu packets were lost in the kernel or in the sensor's rings", lost));
    }
  }

  // Live, silence is told while it lasts, by the wall clock; in a file once it is over, where traffic was steady
  // before. What is longer than that is a step of the clock, or another day's capture.
  template <class Raise>
  void stall(const Pulse& sum, Raise&& raise) noexcept {
    if (!run_.live && started_) {
      const Duration gap = sum.now - last_.now;
      if (gap.ns <= 2 * run_.pulse.ns) {
        ++steady_pulses_;
      } else {
        if (gap >= run_.stall && gap <= silence_max && steady_pulses_ >= steady_pulses_min) {
          raise(make(DetectorId::sensor_capture_stalled, sum.now, 1,
                     "nothing was heard for %llu seconds where there was traffic",
                     static_cast<unsigned long long>(gap.ns / 1'000'000'000)));
        }
        steady_pulses_ = 0;
      }
    }
    if (sum.packets != last_.packets || !started_) heard_at_ = sum.now;
    if (sum.packets_answered != last_.packets_answered || !started_) {
      answered_at_ = sum.now;
      one_sided_then_ = sum.packets_one_sided;
    }
    started_ = true;
    if (run_.live && sum.packets != 0 && sum.now - heard_at_ >= run_.stall) {
      raise(make(DetectorId::sensor_capture_stalled, sum.now, 1,
                 "nothing was heard for %llu seconds where there was traffic",
                 static_cast<unsigned long long>((sum.now - heard_at_).ns / 1'000'000'000)));
    } else if (sum.packets_answered != 0 && sum.now - answered_at_ >= run_.stall &&
               sum.packets_one_sided - one_sided_then_ >= one_sided_packets_min) {
      raise(make(DetectorId::sensor_capture_stalled, sum.now, 1,
                 "only one direction was heard for %llu seconds where both were before",
                 static_cast<unsigned long long>((sum.now - answered_at_).ns / 1'000'000'000)));
    }
  }

  static Alert make(DetectorId detector, PacketTime now, std::uint64_t count, const char* why,
                    unsigned long long number) noexcept;

  const RunContext& run_;
  Pulse last_{};
  std::uint64_t last_drops_ = 0, last_undelivered_ = 0;
  PacketTime heard_at_{}, answered_at_{};
  std::uint64_t one_sided_then_ = 0, duplicates_then_ = 0, packets_then_ = 0;
  std::uint32_t steady_pulses_ = 0;
  bool started_ = false;
};

}  // namespace tsujiban::pipeline
