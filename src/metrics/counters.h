#pragma once
#include <array>
#include <atomic>
#include <cstdint>

#include "base/parse_error.h"
#include "model/detector_catalogue.h"
#include "model/words.h"

namespace tsujiban::metrics {

// A counter that one thread adds to and others read: no locked instruction on the packet path.
class Counter {
 public:
  [[gnu::always_inline]] void add(std::uint64_t n = 1) noexcept {
    value_.store(value_.load(std::memory_order_relaxed) + n, std::memory_order_relaxed);
  }
  void set(std::uint64_t n) noexcept { value_.store(n, std::memory_order_relaxed); }
  std::uint64_t value() const noexcept { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::uint64_t> value_{0};
};

// Why a received packet was not processed: label `reason` of tsujiban_dropped_packets_total.
enum class DropReason : std::uint8_t { kernel, ring, pool, output, count_ };
std::string_view name_of(DropReason reason) noexcept;
// Why state was given up before its time: label `reason` of tsujiban_flow_evictions_total.
enum class EvictionReason : std::uint8_t {
  flow_table_full,
  stream_memory,
  fragment_memory,
  dissector_state,
  pairing_table,
  merge_table,
  count_
};
std::string_view name_of(EvictionReason reason) noexcept;

inline constexpr std::size_t message_type_max = 256;  // ESV, function code, ...: one byte in every protocol so far.

// Everything one worker counts. One writer, its worker; the exposition and the summary read.
struct alignas(64) WorkerCounters {
  Counter packets, bytes;  // Own share, processed.
  Counter duplicates;      // Mirrored duplicates suppressed (they count as processed).
  Counter snapped;
  Counter decoded_ip, decoded_arp, decoded_other;
  Counter udp, tcp, icmp, fragments, tunnelled;
  Counter checksum_unfilled;  // Bad checksums excused by `checksum: auto`.
  Counter flows_created, flows_expired, flows_active;
  Counter stream_bytes, stream_gap_bytes, stream_retransmitted_bytes, stream_beyond_depth_bytes;
  Counter signature_scans, signature_matches;
  Counter signature_stream_overflows;  // Stream bytes scanned by themselves because all scanner streams were taken.
  Counter signature_scan_errors;       // Scans that the pattern library ended with an error of its own; 0 is expected.
  Counter records, records_shed, record_overflows;
  Counter alerts_raised, alerts_merged, alerts_shed;
  std::array<std::array<Counter, parse_error_count>, layer_count> decode_errors;
  std::array<Counter, static_cast<std::size_t>(EvictionReason::count_)> evictions;
  std::array<std::array<Counter, message_type_max>, app_protocol_count> messages;
  std::array<Counter, app_protocol_count> messages_malformed;
  void error(Layer layer, ParseError what) noexcept {
    decode_errors[static_cast<std::size_t>(layer)][static_cast<std::size_t>(what)].add();
  }
  void evicted(EvictionReason reason, std::uint64_t n = 1) noexcept {
    evictions[static_cast<std::size_t>(reason)].add(n);
  }
};

}  // namespace tsujiban::metrics
