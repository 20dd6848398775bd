#pragma once
#include "base/hash.h"
#include "model/packet.h"

namespace tsujiban::decode {

// Bounds on what one packet may nest. A packet beyond one is told by an anomaly and read no further.
inline constexpr unsigned nesting_max = 8;    // Tunnels, MPLS stacks and PPP inside one another.
inline constexpr unsigned vlan_tags_max = 8;  // Tags read; those beyond SegmentKey::vlan_count_max are told, not kept.
inline constexpr unsigned mpls_labels_max = 16;
inline constexpr unsigned ipv6_extensions_max = 8;  // Extension headers of one IPv6 packet.

// Whether frames of this link type are dissected; the others are counted as `unsupported`.
bool is_dissected(LinkType link) noexcept;

// Link to transport, for one packet at a time. Has no state but its seed: the same bytes give the same result whichever
// worker decodes them.
class Decoder {
 public:
  explicit Decoder(HashSeed seed) noexcept : seed_(seed) {}

  // Sets every member of `packet` but `checksum`'s verdict (unchecked). Its views point into `raw`, which must live as
  // long. `packet.time` becomes `now`. Where a tunnel's inside is neither IP nor ARP, the packet stays what its outside
  // says, so that nothing hides from the flow table behind a tunnel header; what was broken inside is in `anomalies`
  // all the same.
  void decode(const RawPacket& raw, PacketTime now, DecodedPacket& packet) const noexcept;
  // The pair hash that `decode` would give, told from the addresses of UDP and TCP straight over IP and Ethernet with
  // at most one VLAN tag, so that who goes on with a share of the packets need not read the others. False: only
  // `decode` says, for all other packets and for those of which a port is `watched_port` (0: none is watched).
  bool glance(const RawPacket& raw, std::uint16_t watched_port, std::uint64_t& pair_hash) const noexcept;
  // `decode`, layer by layer also for what is plain: slower, and what `decode` is tested against.
  void decode_layers(const RawPacket& raw, PacketTime now, DecodedPacket& packet) const noexcept;

  // Goes on inside a datagram reassembled from fragments. `header` is the decoded fragment that completed it: link,
  // segment, addresses and version stay; `protocol` and `payload` are the datagram's. `packet.network` is the
  // fragment's header, which does not stand before `payload`. `packet` may be `header` itself. `is_fragment` becomes
  // false, unless a tunnel inside carries a fragment of its own.
  void decode_reassembled(const DecodedPacket& header, std::uint8_t protocol, Bytes payload,
                          DecodedPacket& packet) const noexcept;

 private:
  HashSeed seed_;
};

}  // namespace tsujiban::decode
