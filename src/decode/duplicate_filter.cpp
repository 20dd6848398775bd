#include "decode/duplicate_filter.h"

#include <bit>

namespace tsujiban::decode {
namespace {

// VLAN tags are the low 39 bits of a segment's word (model/segment_key.h); a PAN has its number there instead.
constexpr std::uint64_t vlan_bits = (std::uint64_t{1} << 39) - 1;

}  // namespace

DuplicateFilter::DuplicateFilter(HashSeed seed, bool across_vlans)
    : memory_(sets * sizeof(Set)), seed_(seed), segment_mask_(across_vlans ? ~vlan_bits : ~std::uint64_t{0}) {}

std::uint64_t DuplicateFilter::tag_of(DecodedPacket& packet) const noexcept {
  packet.payload_hash = 0;
  if (packet.ip_version == 0 || packet.ip_header_length == 0) return 0;
  const std::uint8_t* at = packet.network;
  const std::size_t size = std::size_t{packet.ip_header_length} + packet.ip_payload_length;
  const std::uint64_t raw = packet.segment.raw();
  const std::uint64_t segment = packet.segment.is_pan() ? raw : raw & segment_mask_;
  std::uint64_t h = hash_mix(segment ^ seed_.a, size ^ seed_.b);
  std::size_t header;
  if (packet.ip_version == 4) {
    // Byte 8 is the time to live, 10 and 11 the header checksum.
    constexpr std::uint64_t kept = 0xffffffff0000ff00;
    h ^= hash_mix(load_le64(at) ^ seed_.b, (load_le64(at + 8) & kept) ^ ~seed_.a);
    h ^= hash_mix(load_le32(at + 16) ^ ~seed_.b, seed_.a);
    header = 20;
  } else {
    constexpr std::uint64_t kept = 0x00ffffffffffffff;  // Byte 7 is the hop limit.
    h ^= hash_mix((load_le64(at) & kept) ^ seed_.b, ~seed_.a);
    header = 8;
  }
  Bytes content(at + header, size - header);
  if (packet.protocol == static_cast<std::uint8_t>(IpProtocol::tcp) && packet.transport != nullptr &&
      packet.payload_length != 0 && packet.payload + packet.payload_length == at + size) {
    // Kept for whoever has to recognise these bytes again: a stream's retransmissions.
    packet.payload_hash = hash_bytes(seed_, packet.payload_bytes());
    h ^= hash_mix(packet.payload_hash ^ seed_.b, seed_.a);
    content = content.first(content.size() - packet.payload_length);
  }
  const std::uint64_t tag = hash_bytes(seed_, content, h);
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
