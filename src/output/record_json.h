#pragma once
#include <cstdint>
#include <string_view>

#include "base/json_writer.h"
#include "base/parse_error.h"
#include "base/time.h"
#include "metrics/process_metrics.h"
#include "model/address.h"
#include "output/timestamp.h"

// The bodies of records that no dissector writes. Each function adds its members to the object that `json` stands in,
// after the envelope, and leaves the object open.
namespace tsujiban::output {

enum class FlowState : std::uint8_t {
  fresh,
  established,
  closed
};  // "new", "established", "closed", as Suricata writes them.
enum class FlowEndReason : std::uint8_t { timeout, forced, shutdown };  // Idle; evicted for lack of room; end of input.
// The states of a TCP connection by Suricata's names ("syn_sent", "established", ...).
enum class TcpStateName : std::uint8_t {
  none,
  syn_sent,
  syn_recv,
  established,
  fin_wait1,
  fin_wait2,
  time_wait,
  last_ack,
  close_wait,
  closing,
  closed
};
std::string_view name_of(FlowState state) noexcept;
std::string_view name_of(FlowEndReason reason) noexcept;
std::string_view name_of(TcpStateName state) noexcept;

// A flow that ended. "to server" is from the initiator to the responder.
struct FlowRecord {
  std::uint64_t packets_to_server = 0, packets_to_client = 0;
  std::uint64_t bytes_to_server = 0,
                bytes_to_client = 0;  // Of IP packets with their link headers, as captured sizes say on the wire.
  PacketTime start, end;
  FlowState state = FlowState::fresh;
  FlowEndReason reason = FlowEndReason::timeout;
  bool alerted = false;
  bool is_tcp = false;                                            // The rest is written for TCP only.
  std::uint8_t tcp_flags_to_server = 0, tcp_flags_to_client = 0;  // All flags seen, or-ed.
  TcpStateName tcp_state = TcpStateName::none;
  std::uint64_t gap_bytes_to_server = 0, gap_bytes_to_client = 0;  // Acknowledged bytes that we never saw.
};
void write_flow(JsonWriter& json, TimestampWriter& timestamps, const FlowRecord& flow) noexcept;

// A broken rule. `type` is "decode", "stream" or "applayer" by its layer, as Suricata tells them apart.
void write_anomaly(JsonWriter& json, const Anomaly& anomaly) noexcept;

// An ARP packet for Ethernet and IPv4 (RFC 826).
struct ArpRecord {
  std::uint16_t operation = 0;  // 1 request, 2 reply; others are written as their number.
  MacAddress sender_mac, target_mac;
  IpAddress sender_ip, target_ip;
  bool gratuitous = false;  // Sender and target protocol address are the same (RFC 5227, 1.2).
};
void write_arp(JsonWriter& json, const ArpRecord& arp) noexcept;

// A picture of the counters: Suricata's names where it has the counter, ours in `stats.tsujiban`.
struct StatsRecord {
  const metrics::Totals* totals = nullptr;
  std::uint64_t uptime_s = 0;
  std::uint64_t packets_received = 0;
  std::uint64_t kernel_drops = 0, ring_drops = 0, pool_drops = 0, output_drops = 0;
  std::uint64_t alerts_written = 0;
};
void write_stats(JsonWriter& json, const StatsRecord& stats) noexcept;

}  // namespace tsujiban::output
