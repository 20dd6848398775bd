#pragma once
#include <cstdint>
#include <string_view>

#include "base/json_writer.h"
#include "base/time.h"
#include "model/address.h"
#include "model/segment_key.h"
#include "model/words.h"
#include "output/timestamp.h"

namespace tsujiban::output {

inline constexpr std::uint64_t flow_id_end = std::uint64_t{1} << 53;  // JavaScript's exact integers end here.

// What every event begins with. The texts are views: they live as long as the call.
struct Envelope {
  enum class Network : std::uint8_t { none, arp, ip };

  PacketTime time;
  std::uint64_t flow_id = 0;   // Below `flow_id_end`; 0: none.
  std::uint64_t pcap_cnt = 0;  // Packet number; 0: live, or no packet stands behind the event.
  EventType type = EventType::stats;
  Network network = Network::none;  // `none`: no addresses (stats, sensor alerts).
  std::uint8_t protocol = 0;        // IP protocol, with network `ip`.
  bool has_ports = false;           // The transport header was read. ICMP: the ports are type and code.
  std::uint16_t source_port = 0, destination_port = 0;
  IpAddress source, destination;
  AppProtocol app_protocol = AppProtocol::unknown;  // `unknown` is not written.
  SegmentKey segment;                               // Gives `vlan` and `vni` (or `pan_id`).
  std::string_view host;                            // The rest: empty is not written.
  std::string_view in_iface;
  std::string_view pcap_filename;
  std::string_view segment_name;
  std::string_view community_id;
};

// Writes the members of `envelope` in Suricata's order into the object that `json` stands in; the object stays open.
// With the longest addresses and empty texts it takes less than `envelope_bytes_max`; each text adds its escaped
// length.
inline constexpr std::size_t envelope_bytes_max = 640;
void write_envelope(JsonWriter& json, TimestampWriter& timestamps, const Envelope& envelope) noexcept;

// Member `name` with the address's text.
void write_ip_field(JsonWriter& json, std::string_view name, const IpAddress& address) noexcept;

// The text of `proto` as Suricata writes it: "TCP", "IPv6-ICMP"; three digits, in `digits`, for those it does not name.
std::string_view protocol_text(std::uint8_t protocol, char (&digits)[3]) noexcept;

}  // namespace tsujiban::output
