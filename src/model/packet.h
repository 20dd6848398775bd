#pragma once
#include "base/bytes.h"
#include "base/fixed_vector.h"
#include "base/parse_error.h"
#include "base/time.h"
#include "model/address.h"
#include "model/segment_key.h"

namespace tsujiban {

// LINKTYPE_ values (tcpdump.org/linktypes) that are dissected or recognised by name; others are carried as their
// number.
enum class LinkType : std::uint16_t {
  null_loopback = 0,
  ethernet = 1,
  raw_ip_bsd = 12,
  raw_ip = 101,
  loop = 108,
  linux_cooked = 113,
  linux_cooked2 = 276,
  ieee802154_fcs = 195,
  ieee802154_nonask_phy = 215,
  ieee802154_nofcs = 230,
  ieee802154_tap = 283,
  raw_ipv4 = 228,
  raw_ipv6 = 229,
  ppp = 9,
};

// A packet as a source delivers it. The bytes live until the source's next batch is asked for.
struct RawPacket {
  const std::uint8_t* data;
  std::uint32_t length_captured;  // Bytes at `data`.
  std::uint32_t length_wire;      // Bytes on the wire; more than captured: the snap length cut it.
  PacketTime time;                // As the capture says; may run backwards. The worker keeps the monotone one.
  std::uint64_t number;           // 1, 2, 3 ... over all inputs of this run, in the order of delivery.
  LinkType link;
  std::uint16_t input;  // Index of the file or interface, into the source's list of names.
  Bytes bytes() const noexcept { return {data, length_captured}; }
};

enum class IpProtocol : std::uint8_t {
  hop_by_hop = 0,
  icmp = 1,
  igmp = 2,
  ipip = 4,
  tcp = 6,
  udp = 17,
  ipv6 = 41,
  routing = 43,
  fragment = 44,
  gre = 47,
  esp = 50,
  ah = 51,
  icmpv6 = 58,
  none = 59,
  destination_options = 60,
  sctp = 132,
  mobility = 135
};

// What the transport checksum says. `unfilled`: the sender's card had yet to fill it in (the field holds the
// pseudo-header's partial sum, or 0 in TCP), as captures taken on the sending host show it; told apart from `bad` by
// content.
enum class ChecksumState : std::uint8_t { unchecked, good, unfilled, bad };

namespace tcp_flag {
inline constexpr std::uint8_t fin = 1, syn = 2, rst = 4, psh = 8, ack = 16, urg = 32;
}

// What the decoder found in one packet: views into its bytes and the innermost addresses. Plain data, filled in place.
struct alignas(64) DecodedPacket {
  const RawPacket* raw = nullptr;
  PacketTime time;  // Monotone: the maximum of all packets so far.
  SegmentKey segment;
  IpAddress source, destination;  // Innermost IP; for ARP the sender and target protocol addresses.
  std::uint64_t pair_hash = 0;    // Symmetric over (segment, address pair), without ports: shards the work.
  // Another cache line.
  std::uint64_t flow_hash = 0;     // Symmetric over (segment, addresses, ports, protocol).
  std::uint64_t payload_hash = 0;  // hash_bytes of a TCP payload with the run's seed, where somebody made it; else 0.
  const std::uint8_t* network = nullptr;    // Innermost IP or ARP header, or null.
  const std::uint8_t* transport = nullptr;  // Transport header, or null (fragment, unknown protocol, truncated).
  const std::uint8_t* payload = nullptr;    // Transport payload as captured.
  std::uint32_t payload_length = 0;         // Captured bytes at `payload`, within what the headers say.
  std::uint32_t tcp_sequence = 0, tcp_acknowledgment = 0;
  std::uint16_t source_port = 0, destination_port = 0;  // ICMP and ICMPv6: type, code.
  std::uint8_t protocol = 0;                            // IP protocol or last next header.
  std::uint8_t ip_version = 0;                          // 0: no IP (ARP, or nothing understood).
  std::uint8_t tcp_flags = 0;
  ChecksumState checksum = ChecksumState::unchecked;  // Set by decode::verify_checksum, for own packets only.
  bool plain = false;           // UDP or TCP, whole and no fragment, in no tunnel, with no broken rule and no oddity.
  bool source_is_high = false;  // The source is the `high` end of the flow's key (model/flow_key.h).
  bool duplicate = false;       // The mirror port delivered it before (set by the worker).
  std::uint8_t ttl = 0;         // Or hop limit.
  // What fewer ask for.
  const std::uint8_t* ethernet = nullptr;  // 14 bytes, innermost Ethernet header, or null.
  std::uint32_t payload_length_wire = 0;   // What the headers say; more than captured: snapped.
  std::uint32_t ip_payload_length =
      0;  // Captured bytes after the IP headers (at `transport` or of a fragment at `payload`).
  std::uint16_t tcp_window = 0;
  std::uint16_t ethertype = 0;  // Innermost; 4 for IEEE 802.2 frames without SNAP (as Linux numbers them).
  std::uint16_t ip_header_length =
      0;  // Bytes from `network` to the IP payload, IPv6 extension headers included; 0: not read.
  std::uint8_t tcp_header_length = 0;  // Bytes.
  std::uint8_t tunnel_depth = 0;
  // All zero in a plain packet.
  std::uint32_t fragment_id = 0;
  std::uint16_t fragment_offset = 0;  // Bytes.
  bool is_arp = false;
  bool is_fragment = false;  // Not the whole datagram; `payload` is the fragment's part.
  bool fragment_more = false;
  bool snapped = false;  // The snap length ended it; never an anomaly.
  bool length_from_frame =
      false;                   // IP length 0, as cards that segment for the host show it; the frame's end was taken.
  bool source_routed = false;  // A source route has hops left: the pseudo-header's destination is not `destination`.
  bool malformed = false;      // A rule was broken so that nothing above that layer was read.
  std::uint8_t anomalies_unlisted = 0;  // Broken rules beyond the four in `anomalies`; stays at 255.
  FixedVector<Anomaly, 4> anomalies;    // Broken rules; those beyond four are counted, not listed.
  Bytes payload_bytes() const noexcept { return {payload, payload_length}; }
};

}  // namespace tsujiban
