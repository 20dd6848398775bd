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

// Whether (b, b_port) stands before (a, a_port): who of two ends is a key's `low`. Without a branch: which end sends is
// as good as random, and a branch that guesses wrong half of the time costs more than all of this.
inline bool stands_before(const IpAddress& b, std::uint16_t b_port, const IpAddress& a, std::uint16_t a_port) noexcept {
  __extension__ using Wide = unsigned __int128;
  const Wide wide_a = static_cast<Wide>(a.high) << 64 | a.low, wide_b = static_cast<Wide>(b.high) << 64 | b.low;
  const bool less = wide_b < wide_a, same = wide_b == wide_a, port_less = b_port < a_port;
  return less | (same & port_less);
}

// ICMP carries type and code where others have ports; a flow of it is the address pair.
inline bool has_ports(const DecodedPacket& packet) noexcept {
  return packet.protocol != static_cast<std::uint8_t>(IpProtocol::icmp) &&
         packet.protocol != static_cast<std::uint8_t>(IpProtocol::icmpv6);
}

// The key of a decoded IP packet, whose `source_is_high` is set.
inline FlowKey flow_key_of(const DecodedPacket& packet) noexcept {
  const bool ports = has_ports(packet);
  const std::uint16_t sp = ports ? packet.source_port : std::uint16_t{0},
                      dp = ports ? packet.destination_port : std::uint16_t{0};
  const bool swapped = packet.source_is_high;
  const auto port = static_cast<std::uint16_t>((sp ^ dp) & (swapped ? 0xffff : 0));
  return {packet.segment,
          swapped ? packet.destination : packet.source,
          swapped ? packet.source : packet.destination,
          static_cast<std::uint16_t>(sp ^ port),
          static_cast<std::uint16_t>(dp ^ port),
          packet.protocol};
}

// Symmetric in the two addresses: the sum of two keyed products, mixed once more; an attacker without the seed cannot
// steer either.
inline std::uint64_t pair_hash_of(HashSeed seed, SegmentKey segment, const IpAddress& a, const IpAddress& b) noexcept {
  return hash_mix(hash_mix(a.high ^ seed.a, a.low ^ seed.b) + hash_mix(b.high ^ seed.a, b.low ^ seed.b),
                  segment.raw() ^ seed.b);
}
// `swapped`: stands_before(b, b_port, a, a_port).
inline std::uint64_t flow_hash_of(HashSeed seed, std::uint64_t pair_hash, bool swapped, std::uint16_t a_port,
                                  std::uint16_t b_port, std::uint8_t protocol) noexcept {
  const std::uint64_t mask = std::uint64_t{0} - static_cast<std::uint64_t>(swapped);
  const std::uint64_t exchanged = (std::uint64_t{a_port} ^ b_port) & mask;
  const std::uint64_t ports = (a_port ^ exchanged) << 16 | (b_port ^ exchanged);
  return hash_mix(pair_hash ^ seed.a, (ports << 8 | protocol) ^ seed.b);
}
inline std::uint64_t flow_hash_of(HashSeed seed, std::uint64_t pair_hash, const IpAddress& a, const IpAddress& b,
                                  std::uint16_t a_port, std::uint16_t b_port, std::uint8_t protocol) noexcept {
  return flow_hash_of(seed, pair_hash, stands_before(b, b_port, a, a_port), a_port, b_port, protocol);
}

}  // namespace tsujiban
