#include "decode/duplicate_filter.h"

namespace tsujiban::decode {
namespace {

// VLAN tags are the low 39 bits of a segment's word (model/segment_key.h); a PAN has its number there instead.
constexpr std::uint64_t vlan_bits = (std::uint64_t{1} << 39) - 1;

// Every factor has a secret word in it. `hash_bytes` has public words in two of its lanes: who writes those words into
// a packet multiplies by zero and leaves no trace of what stands before them. That is good enough for a table, not
// here.
std::uint64_t hash_content(const std::uint64_t* secret, const std::uint8_t* at, std::size_t left,
                           std::uint64_t h) noexcept {
  if (left > 64) {
    std::uint64_t h1 = h ^ secret[1], h2 = h ^ secret[2], h3 = h ^ secret[3];
    do {
      h = hash_mix(load_le64(at) ^ secret[0], load_le64(at + 8) ^ h);
      h1 = hash_mix(load_le64(at + 16) ^ secret[1], load_le64(at + 24) ^ h1);
      h2 = hash_mix(load_le64(at + 32) ^ secret[2], load_le64(at + 40) ^ h2);
      h3 = hash_mix(load_le64(at + 48) ^ secret[3], load_le64(at + 56) ^ h3);
      at += 64;
      left -= 64;
    } while (left > 64);
    h = hash_mix(h ^ secret[4], h1 ^ secret[5]) ^ hash_mix(h2 ^ secret[5], h3 ^ secret[4]);
  }
  while (left > 16) {
    h = hash_mix(load_le64(at) ^ secret[0], load_le64(at + 8) ^ h);
    at += 16;
    left -= 16;
  }
  std::uint64_t x = 0, y = 0;
  if (left >= 8) {
    x = load_le64(at);
    y = load_le64(at + left - 8);
  } else if (left >= 4) {
    x = load_le32(at);
    y = load_le32(at + left - 4);
  } else if (left > 0) {
    x = std::uint64_t{at[0]} << 16 | std::uint64_t{at[left >> 1]} << 8 | at[left - 1];
  }
  return hash_mix(hash_mix(x ^ secret[1], y ^ h) ^ secret[2], secret[3]);
}

}  // namespace

DuplicateFilter::DuplicateFilter(HashSeed seed, bool across_vlans)
    : memory_(sets * sizeof(Set)), segment_mask_(across_vlans ? ~vlan_bits : ~std::uint64_t{0}) {
  std::uint64_t i = 0;
  for (std::uint64_t& secret : secrets_) secret = hash_words(seed, ++i, 0x6475706c6963617) | 1;
}

std::uint64_t DuplicateFilter::tag_of(const DecodedPacket& packet) const noexcept {
  const std::uint8_t* at = packet.network;
  const std::size_t size = std::size_t{packet.ip_header_length} + packet.ip_payload_length;
  const std::uint64_t raw = packet.segment.raw();
  const std::uint64_t segment = packet.segment.is_pan() ? raw : raw & segment_mask_;
  std::uint64_t h = hash_mix(segment ^ secrets_[0], size ^ secrets_[1]);
  std::size_t header;
  if (packet.ip_version == 4) {
    // Byte 8 is the time to live, 10 and 11 the header checksum.
    constexpr std::uint64_t kept = 0xffffffff0000ff00;
    h = hash_mix(load_le64(at) ^ secrets_[2], (load_le64(at + 8) & kept) ^ h);
    h = hash_mix(load_le32(at + 16) ^ secrets_[3], h ^ secrets_[4]);
    header = 20;
  } else {
    constexpr std::uint64_t kept = 0x00ffffffffffffff;  // Byte 7 is the hop limit.
    h = hash_mix((load_le64(at) & kept) ^ secrets_[2], h ^ secrets_[4]);
    header = 8;
  }
  const std::uint64_t tag = hash_content(secrets_, at + header, size - header, h);
  return tag != 0 ? tag : 1;
}

bool DuplicateFilter::is_duplicate(const DecodedPacket& packet) noexcept {
  if (packet.ip_version == 0 || packet.ip_header_length == 0) return false;
  const std::uint64_t tag = tag_of(packet);
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
