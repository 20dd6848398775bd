#include "metrics/process_metrics.h"

#include <numeric>

namespace tsujiban::metrics {

std::string_view name_of(OutputResult result) noexcept {
  static constexpr std::array<std::string_view, static_cast<std::size_t>(OutputResult::count_)> names = {
      "written", "shed", "failed"};
  return names[static_cast<std::size_t>(result)];
}

std::string_view name_of(SinkKind kind) noexcept {
  static constexpr std::array<std::string_view, static_cast<std::size_t>(SinkKind::count_)> names = {"eve"};
  return names[static_cast<std::size_t>(kind)];
}

std::string_view name_of(ReloadResult result) noexcept {
  static constexpr std::array<std::string_view, static_cast<std::size_t>(ReloadResult::count_)> names = {"success",
                                                                                                         "failure"};
  return names[static_cast<std::size_t>(result)];
}

std::uint64_t Totals::decode_errors_all() const noexcept {
  std::uint64_t sum = 0;
  for (const auto& layer : decode_errors) sum = std::accumulate(layer.begin(), layer.end(), sum);
  return sum;
}

std::uint64_t Totals::messages_of(AppProtocol protocol) const noexcept {
  const auto& types = messages[static_cast<std::size_t>(protocol)];
  return std::accumulate(types.begin(), types.end(), std::uint64_t{0});
}

Totals fold(std::span<const WorkerCounters* const> workers) noexcept {
  Totals t;
  for (const WorkerCounters* w : workers) {
    t.packets += w->packets.value(), t.bytes += w->bytes.value(), t.duplicates += w->duplicates.value();
    t.snapped += w->snapped.value(), t.decoded_ip += w->decoded_ip.value(), t.decoded_arp += w->decoded_arp.value();
    t.decoded_other += w->decoded_other.value(), t.udp += w->udp.value(), t.tcp += w->tcp.value(),
        t.icmp += w->icmp.value();
    t.fragments += w->fragments.value(), t.tunnelled += w->tunnelled.value(),
        t.checksum_unfilled += w->checksum_unfilled.value();
    t.flows_created += w->flows_created.value(), t.flows_expired += w->flows_expired.value(),
        t.flows_active += w->flows_active.value();
    t.stream_bytes += w->stream_bytes.value(), t.stream_gap_bytes += w->stream_gap_bytes.value();
    t.stream_retransmitted_bytes += w->stream_retransmitted_bytes.value();
    t.signature_scans += w->signature_scans.value(), t.signature_matches += w->signature_matches.value();
    t.records += w->records.value(), t.records_shed += w->records_shed.value(),
        t.record_overflows += w->record_overflows.value();
    t.alerts_raised += w->alerts_raised.value(), t.alerts_merged += w->alerts_merged.value(),
        t.alerts_shed += w->alerts_shed.value();
    t.stream_beyond_depth_bytes += w->stream_beyond_depth_bytes.value();
    t.signature_stream_overflows += w->signature_stream_overflows.value();
    t.signature_scan_errors += w->signature_scan_errors.value();
    for (std::size_t layer = 0; layer < layer_count; ++layer) {
      for (std::size_t e = 0; e < parse_error_count; ++e)
        t.decode_errors[layer][e] += w->decode_errors[layer][e].value();
    }
    for (std::size_t i = 0; i < t.evictions.size(); ++i) t.evictions[i] += w->evictions[i].value();
    for (std::size_t p = 0; p < app_protocol_count; ++p) {
      for (std::size_t i = 0; i < message_type_max; ++i) t.messages[p][i] += w->messages[p][i].value();
      t.messages_malformed[p] += w->messages_malformed[p].value();
    }
  }
  return t;
}

}  // namespace tsujiban::metrics
