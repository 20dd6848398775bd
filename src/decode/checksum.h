#pragma once
#include "model/packet.h"

namespace tsujiban::decode {

// Verifies the innermost IPv4 header and the UDP, TCP, ICMP, ICMPv6 or IGMP checksum, and sets `packet.checksum` to the
// worst of both. `unchecked`: nothing to verify by (fragment, snapped, source routed, UDP over IPv4 without a checksum,
// another protocol). Call it only for packets that the worker keeps.
void verify_checksum(DecodedPacket& packet) noexcept;

// The one's complement sum (RFC 1071) of `bytes`, folded to 16 bits, not complemented, as the machine's own byte order
// reads it; `start` is an earlier sum in that order.
std::uint16_t ones_sum(Bytes bytes, std::uint64_t start = 0) noexcept;

}  // namespace tsujiban::decode
