#pragma once
#include <cstdint>

#include "base/time.h"

namespace tsujiban::pipeline {

// What one worker reports every few seconds of packet time to the detectors over the site. All workers see every
// packet's time, so they report at the same packet, and the correlator's sums do not depend on how the work was shared.
// Counts are since the start.
struct Pulse {
  PacketTime now;
  std::uint64_t packets;
  std::uint64_t packets_answered;   // TCP segments of connections of which both directions were heard.
  std::uint64_t packets_one_sided;  // TCP segments of connections of which one direction was heard so far.
  std::uint64_t stream_bytes, stream_gap_bytes;
  std::uint64_t duplicates;
  std::uint64_t evictions;                                   // State given up because of a limit.
  std::uint64_t clock_jumps, clock_strays, clock_backwards;  // The same on every worker.
  bool idle;                                                 // Wall-clock tick, no packet behind it.
};

}  // namespace tsujiban::pipeline
