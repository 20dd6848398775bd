#include "decode/duplicate_filter.h"

#include <bit>

namespace tsujiban::decode {

DuplicateFilter::DuplicateFilter(HashSeed seed) : memory_(sets * sizeof(Set)), seed_(seed) {}

// The flow's hash, which is made already, stands for segment, addresses, ports and protocol; of the IPv4 header that
// leaves what stands before the time to live, of IPv6's the first word.
std::uint64_t DuplicateFilter::tag_of(DecodedPacket& packet) const noexcept {
  packet.payload_hash = 0;
  if (packet.ip_version == 0 || packet.ip_header_length == 0) return 0;
  const std::uint8_t* const at = packet.network;
  const std::uint8_t* const end = at + packet.ip_header_length + packet.ip_payload_length;
  const bool version4 = packet.ip_version == 4;
  constexpr std::uint64_t but_hop_limit = 0x00ffffffffffffff;  // Byte 7 of an IPv6 header.
  const std::uint64_t word = load_le64(at) & (version4 ? ~std::uint64_t{0} : but_hop_limit);
  std::uint64_t h = hash_mix(word ^ seed_.b, packet.flow_hash ^ static_cast<std::uint64_t>(packet.source_is_high));
  const std::uint8_t* content = at + (version4 ? 20 : 40);
  const std::uint8_t* content_end = end;
  if (packet.protocol == static_cast<std::uint8_t>(IpProtocol::tcp) && packet.transport != nullptr &&
      packet.payload + packet.payload_length == end) {
    if (packet.payload_length != 0) {
      // Kept for whoever has to recognise these bytes again: a stream's retransmissions.
      packet.payload_hash = hash_bytes(seed_, packet.payload_bytes());
      h ^= hash_mix(packet.payload_hash ^ seed_.b, seed_.a);
    }
    const std::uint8_t* const tcp = packet.transport;
    if (tcp == content && (packet.tcp_header_length == 20 || packet.tcp_header_length == 32)) {
      // Behind the ports, without a loop. No two factors of a product have the same word, as in hash_bytes.
      h ^= hash_mix(load_le64(tcp + 4) ^ seed_.a, load_le64(tcp + 12) ^ ~seed_.b);
      if (packet.tcp_header_length == 32)
        h ^= hash_mix(load_le64(tcp + 20) ^ ~seed_.a, load_le64(tcp + 24) ^ std::rotl(seed_.b, 32));
      const std::uint64_t tag = hash_mix(h ^ seed_.a, static_cast<std::uint64_t>(end - at) ^ seed_.b);
      return tag != 0 ? tag : 1;
    }
    content_end = packet.payload;
  }
  const std::uint64_t tag = hash_bytes(seed_, Bytes(content, static_cast<std::size_t>(content_end - content)), h);
  return tag != 0 ? tag : 1;
}

bool DuplicateFilter::is_duplicate(const DecodedPacket& packet, std::uint64_t tag) noexcept {
  static_assert((sets & (sets - 1)) == 0);
  Set& set = memory_.as<Set>()[tag >> 32 & (sets - 1)];
  const std::int64_t now = packet.time.ns;
  // Entries stand in the order they came, the youngest first. Which one matches is not to be guessed by a branch
  // predictor, so one branch asks for all of them.
  unsigned same = 0;
  for (unsigned i = 0; i < ways; ++i) same |= static_cast<unsigned>(set.entries[i].tag == tag) << i;
  if (same != 0) [[unlikely]] {
    Entry& entry = set.entries[std::countr_zero(same)];
    // Unsigned: times of a hostile file may lie further apart than a signed difference can say.
    const std::uint64_t apart = static_cast<std::uint64_t>(now) - static_cast<std::uint64_t>(entry.time_ns);
    if (apart <= static_cast<std::uint64_t>(window.ns)) return true;
    entry.time_ns = now;
    return false;
  }
  for (unsigned i = ways - 1; i > 0; --i) set.entries[i] = set.entries[i - 1];
  set.entries[0] = {tag, now};
  return false;
}

}  // namespace tsujiban::decode
