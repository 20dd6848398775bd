#pragma once
#include <array>
#include <atomic>
#include <cstdint>
#include <span>
#include <string_view>

#include "metrics/counters.h"

namespace tsujiban::metrics {

// A counter that several threads add to. For what happens once a batch, an alert or an event, never once a packet.
class SharedCounter {
 public:
  void add(std::uint64_t n = 1) noexcept { value_.fetch_add(n, std::memory_order_relaxed); }
  void set(std::uint64_t n) noexcept { value_.store(n, std::memory_order_relaxed); }
  std::uint64_t value() const noexcept { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::uint64_t> value_{0};
};

// Durations in fixed classes; classic Prometheus buckets. Several threads may observe.
class DurationHistogram {
 public:
  // Upper bounds in nanoseconds; what is longer falls into one more class, +Inf.
  static constexpr std::array<std::int64_t, 15> bounds_ns = {
      1'000,      5'000,      10'000,      50'000,      100'000,       500'000,       1'000'000,     5'000'000,
      10'000'000, 50'000'000, 100'000'000, 500'000'000, 1'000'000'000, 5'000'000'000, 10'000'000'000};
  static constexpr std::size_t class_count = bounds_ns.size() + 1;
  // `times` observations of the same duration (a batch's packets); negative durations count as 0.
  void observe(std::int64_t duration_ns, std::uint64_t times = 1) noexcept {
    const std::int64_t ns = duration_ns < 0 ? 0 : duration_ns;
    std::size_t i = 0;
    while (i < bounds_ns.size() && ns > bounds_ns[i]) ++i;
    classes_[i].add(times);
    sum_ns_.add(static_cast<std::uint64_t>(ns) * times);
  }
  std::uint64_t in_class(std::size_t i) const noexcept { return classes_[i].value(); }
  std::uint64_t sum_ns() const noexcept { return sum_ns_.value(); }

 private:
  std::array<SharedCounter, class_count> classes_;
  SharedCounter sum_ns_;
};

// What an output did with the events it was given: label `result` of tsujiban_output_events_total.
enum class OutputResult : std::uint8_t { written, shed, failed, count_ };
std::string_view name_of(OutputResult result) noexcept;
// Where events go: label `sink`. One row a kind of output; several outputs of one kind are added up.
enum class SinkKind : std::uint8_t { eve, count_ };
std::string_view name_of(SinkKind kind) noexcept;

// How reading the configuration again ended: label `result` of tsujiban_configuration_reloads_total.
enum class ReloadResult : std::uint8_t { success, failure, count_ };
std::string_view name_of(ReloadResult result) noexcept;

struct SinkMetrics {
  std::array<SharedCounter, static_cast<std::size_t>(OutputResult::count_)> events;
  SharedCounter bytes;         // Written.
  SharedCounter queue_events;  // Waiting now (set, not added).
  SharedCounter errors;        // Failed system calls, retries included.
  SharedCounter rotations;
};

inline constexpr std::size_t severity_count = 4;

// What belongs to the whole process. Written by the threads of floors 7 and 8, read by the exposition and the summary.
struct ProcessMetrics {
  SharedCounter packets_received;  // Delivered by the sources, before any ring.
  std::array<SharedCounter, static_cast<std::size_t>(DropReason::count_)> dropped;
  // Alert events written, by detector, severity (1..4 at 0..3) and interface.
  std::array<std::array<std::array<SharedCounter, erab_interface_count>, severity_count>, detector_count> alerts;
  SharedCounter
      alerts_written;  // Raised alerts are written, merged or shed; the rest of that sum is in the workers' counters.
  std::array<SinkMetrics, static_cast<std::size_t>(SinkKind::count_)> sinks;
  std::array<SharedCounter, role_count> assets;  // In the inventory, by role (set).
  std::array<SharedCounter, static_cast<std::size_t>(ReloadResult::count_)> reloads;
  std::array<SharedCounter, detector_count> blind_peers;  // Pairs for which a detector rests (set).
  SharedCounter power_at_risk_w;                          // Moved by writes within the window, over the site (set).
  DurationHistogram processing;  // From the arrival of a packet's batch to the end of its processing; live only.
  SharedCounter capture_lag_ns;  // Wall clock less the newest packet's time (set); live only.
  SharedCounter start_time_s;    // Wall clock at the start (set).

  void alert(DetectorId detector, Severity severity, ErabInterface interface) noexcept {
    const auto s = static_cast<std::size_t>(severity);
    if (detector >= DetectorId::count_ || s < 1 || s > severity_count || interface >= ErabInterface::count_) return;
    alerts[static_cast<std::size_t>(detector)][s - 1][static_cast<std::size_t>(interface)].add();
  }
};

// All workers' counters added up at one moment: plain numbers. Each is read once; they are not one instant, so
// identities over them hold exactly only after the workers have stopped.
struct Totals {
  std::uint64_t packets = 0, bytes = 0, duplicates = 0, snapped = 0;
  std::uint64_t decoded_ip = 0, decoded_arp = 0, decoded_other = 0;
  std::uint64_t udp = 0, tcp = 0, icmp = 0, fragments = 0, tunnelled = 0, checksum_unfilled = 0;
  std::uint64_t flows_created = 0, flows_expired = 0, flows_active = 0;
  std::uint64_t stream_bytes = 0, stream_gap_bytes = 0, stream_retransmitted_bytes = 0;
  std::uint64_t stream_beyond_depth_bytes = 0;
  std::uint64_t signature_scans = 0, signature_matches = 0, signature_stream_overflows = 0, signature_scan_errors = 0;
  std::uint64_t records = 0, records_shed = 0, record_overflows = 0;
  std::uint64_t alerts_raised = 0, alerts_merged = 0, alerts_shed = 0;
  std::array<std::array<std::uint64_t, parse_error_count>, layer_count> decode_errors{};
  std::array<std::uint64_t, static_cast<std::size_t>(EvictionReason::count_)> evictions{};
  std::array<std::array<std::uint64_t, message_type_max>, app_protocol_count> messages{};
  std::array<std::uint64_t, app_protocol_count> messages_malformed{};
  std::uint64_t decode_errors_all() const noexcept;
  std::uint64_t messages_of(AppProtocol protocol) const noexcept;
};
Totals fold(std::span<const WorkerCounters* const> workers) noexcept;

}  // namespace tsujiban::metrics
