#include "decode/duplicate_filter.h"

namespace tsujiban::decode {
namespace {

// VLAN tags are the low 39 bits of a segment's word (model/segment_key.h); a PAN has its number there instead.
constexpr std::uint64_t vlan_bits = (std::uint64_t{1} << 39) - 1;

// Every factor has a secret word of its own: with a public one a sender could write that word into a packet, multiply
// by zero and leave no trace of what stands beside it. `at` has at least 16 readable bytes before `at + left`, for the
// last step reads backwards. The products do not wait for each other; most packets are short and take one round of
// them.
std::uint64_t hash_content(const std::uint64_t* secret, const std::uint8_t* at, std::size_t left) noexcept {
  std::uint64_t h = 0;
  while (left > 64) {
    // What was read before goes into each later product, so that equal pieces in other places differ.
    h = hash_mix(load_le64(at) ^ secret[0] ^ h, load_le64(at + 8) ^ secret[1]) ^
        hash_mix(load_le64(at + 16) ^ secret[2], load_le64(at + 24) ^ secret[3] ^ h) ^
        hash_mix(load_le64(at + 32) ^ secret[4] ^ h, load_le64(at + 40) ^ secret[5]) ^
        hash_mix(load_le64(at + 48) ^ secret[6], load_le64(at + 56) ^ secret[7] ^ h);
    h = hash_mix(h ^ secret[8], secret[9]);
    at += 64;
    left -= 64;
  }
  const std::uint8_t* const last = at + left - 16;
  h ^= hash_mix(load_le64(last) ^ secret[10], load_le64(last + 8) ^ secret[11]);
  if (left > 16) h ^= hash_mix(load_le64(at) ^ secret[0], load_le64(at + 8) ^ secret[1]);
  if (left > 32) h ^= hash_mix(load_le64(at + 16) ^ secret[2], load_le64(at + 24) ^ secret[3]);
  if (left > 48) h ^= hash_mix(load_le64(at + 32) ^ secret[4], load_le64(at + 40) ^ secret[5]);
  return h;
}

}  // namespace

DuplicateFilter::DuplicateFilter(HashSeed seed, bool across_vlans)
    : memory_(sets * sizeof(Set)), segment_mask_(across_vlans ? ~vlan_bits : ~std::uint64_t{0}) {
  std::uint64_t i = 0;
  for (std::uint64_t& secret : secrets_) secret = hash_words(seed, ++i, 0x6475706c6963617) | 1;
}

std::uint64_t DuplicateFilter::tag_of(const DecodedPacket& packet) const noexcept {
  if (packet.ip_version == 0 || packet.ip_header_length == 0) return 0;
  const std::uint8_t* at = packet.network;
  const std::size_t size = std::size_t{packet.ip_header_length} + packet.ip_payload_length;
  const std::uint64_t raw = packet.segment.raw();
  const std::uint64_t segment = packet.segment.is_pan() ? raw : raw & segment_mask_;
  // The IP headers alone have 20 or 40 bytes, so there are 16 before the end of any content.
  std::uint64_t h = hash_mix(segment ^ secrets_[12], size ^ secrets_[13]);
  std::size_t header;
  if (packet.ip_version == 4) {
    // Byte 8 is the time to live, 10 and 11 the header checksum.
    constexpr std::uint64_t kept = 0xffffffff0000ff00;
    h ^= hash_mix(load_le64(at) ^ secrets_[14], (load_le64(at + 8) & kept) ^ secrets_[15]);
    h ^= hash_mix(load_le32(at + 16) ^ secrets_[16], secrets_[17]);
    header = 20;
  } else {
    constexpr std::uint64_t kept = 0x00ffffffffffffff;  // Byte 7 is the hop limit.
    h ^= hash_mix((load_le64(at) & kept) ^ secrets_[14], secrets_[15]);
    header = 8;
  }
  const std::uint64_t tag = hash_mix(h ^ hash_content(secrets_, at + header, size - header), secrets_[18]);
  return tag != 0 ? tag : 1;
}

bool DuplicateFilter::is_duplicate(const DecodedPacket& packet, std::uint64_t tag) noexcept {
  static_assert((sets & (sets - 1)) == 0);
  Set& set = memory_.as<Set>()[tag >> 32 & (sets - 1)];
  const std::int64_t now = packet.time.ns;
  Entry* oldest = &set.entries[0];
  for (Entry& entry : set.entries) {
    if (entry.tag == tag) {
      // Unsigned: times of a hostile file may lie further apart than a signed difference can say.
      const std::uint64_t apart = static_cast<std::uint64_t>(now) - static_cast<std::uint64_t>(entry.time_ns);
      if (apart <= static_cast<std::uint64_t>(window.ns)) return true;
      entry.time_ns = now;
      return false;
    }
    if (entry.time_ns < oldest->time_ns) oldest = &entry;
  }
  *oldest = {tag, now};
  return false;
}

}  // namespace tsujiban::decode
