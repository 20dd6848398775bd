#pragma once
#include "base/hash.h"
#include "model/packet.h"

namespace tsujiban {

// Who speaks in a flow: its `initiator` is who sent the first packet we saw, or the SYN's sender where we saw it.
enum class Direction : std::uint8_t { to_responder = 0, to_initiator = 1 };
constexpr Direction opposite(Direction d) noexcept { return static_cast<Direction>(1 - static_cast<int>(d)); }

// The full key of a flow; both directions have the same canonical key (the smaller address, then port, is `low`).
struct FlowKey {
  SegmentKey segment;
  IpAddress low, high;
  std::uint16_t low_port = 0, high_port = 0;
  std::uint8_t protocol = 0;
  bool operator==(const FlowKey&) const noexcept = default;
};

// The key of a decoded IP packet; `swapped` tells that its source is the key's `high`.
inline FlowKey flow_key_of(const DecodedPacket& packet, bool& swapped) noexcept {
  // ICMP carries type and code where others have ports; a flow of it is the address pair.
  const bool ports = packet.protocol != static_cast<std::uint8_t>(IpProtocol::icmp) &&
                     packet.protocol != static_cast<std::uint8_t>(IpProtocol::icmpv6);
  const std::uint16_t sp = ports ? packet.source_port : std::uint16_t{0},
                      dp = ports ? packet.destination_port : std::uint16_t{0};
  swapped = packet.destination < packet.source || (packet.destination == packet.source && dp < sp);
  if (swapped) return {packet.segment, packet.destination, packet.source, dp, sp, packet.protocol};
  return {packet.segment, packet.source, packet.destination, sp, dp, packet.protocol};
}

// Symmetric in the two addresses: the sum of two keyed mixes; an attacker without the seed cannot steer either.
inline std::uint64_t pair_hash_of(HashSeed seed, SegmentKey segment, const IpAddress& a, const IpAddress& b) noexcept {
  return hash_mix(hash_words(seed, a.high, a.low) + hash_words(seed, b.high, b.low), segment.raw() ^ seed.b);
}
inline std::uint64_t flow_hash_of(HashSeed seed, std::uint64_t pair_hash, const IpAddress& a, const IpAddress& b,
                                  std::uint16_t a_port, std::uint16_t b_port, std::uint8_t protocol) noexcept {
  const bool swap = b < a || (a == b && b_port < a_port);
  const std::uint64_t ports = swap ? std::uint64_t{b_port} << 16 | a_port : std::uint64_t{a_port} << 16 | b_port;
  return hash_mix(pair_hash ^ seed.a, (ports << 8 | protocol) ^ seed.b);
}

}  // namespace tsujiban
