#pragma once
#include <algorithm>

#include "model/packet.h"

namespace tsujiban::decode {

// Whether two readings of the same bytes say the same in every member that decoding sets. For tests and fuzzing: the
// short way of plain packets is held against the layers' own readers by it.
inline bool same_reading(const DecodedPacket& a, const DecodedPacket& b) noexcept {
  const auto same = [](const Anomaly& x, const Anomaly& y) {
    return x.layer == y.layer && x.error == y.error && x.offset == y.offset;
  };
  return a.raw == b.raw && a.time == b.time && a.segment == b.segment && a.source == b.source &&
         a.destination == b.destination && a.pair_hash == b.pair_hash && a.flow_hash == b.flow_hash &&
         a.ethernet == b.ethernet && a.network == b.network && a.transport == b.transport && a.payload == b.payload &&
         a.payload_length == b.payload_length && a.payload_length_wire == b.payload_length_wire &&
         a.ip_payload_length == b.ip_payload_length && a.tcp_sequence == b.tcp_sequence &&
         a.tcp_acknowledgment == b.tcp_acknowledgment && a.source_port == b.source_port &&
         a.destination_port == b.destination_port && a.protocol == b.protocol && a.ip_version == b.ip_version &&
         a.tcp_flags == b.tcp_flags && a.checksum == b.checksum && a.plain == b.plain &&
         a.source_is_high == b.source_is_high && a.ttl == b.ttl && a.tcp_window == b.tcp_window &&
         a.ethertype == b.ethertype && a.ip_header_length == b.ip_header_length &&
         a.tcp_header_length == b.tcp_header_length && a.tunnel_depth == b.tunnel_depth &&
         a.fragment_id == b.fragment_id && a.fragment_offset == b.fragment_offset && a.is_arp == b.is_arp &&
         a.is_fragment == b.is_fragment && a.fragment_more == b.fragment_more && a.snapped == b.snapped &&
         a.length_from_frame == b.length_from_frame && a.source_routed == b.source_routed &&
         a.malformed == b.malformed && a.anomalies_unlisted == b.anomalies_unlisted &&
         std::equal(a.anomalies.begin(), a.anomalies.end(), b.anomalies.begin(), b.anomalies.end(), same);
}

}  // namespace tsujiban::decode
