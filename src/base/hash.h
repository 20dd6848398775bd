#pragma once
#include "base/bytes.h"

namespace tsujiban {

// A seed for the hashes below. An attacker who picks keys must not know it (`random_hash_seed` at start); nothing that
// reaches an output may depend on it.
struct HashSeed {
  std::uint64_t a = 0x2d358dccaa6c78a5;
  std::uint64_t b = 0x8bb84b93962eacc9;
};

// From the kernel's random source; falls back to nothing weaker: throws std::runtime_error where there is none.
HashSeed random_hash_seed();

// Folded 64 x 64 -> 128 bit multiplication: the mixing step of wyhash (public domain), portable and three cycles long.
inline std::uint64_t hash_mix(std::uint64_t a, std::uint64_t b) noexcept {
  __extension__ using Wide = unsigned __int128;
  const Wide product = static_cast<Wide>(a) * b;
  return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64);
}

// Two words, seeded. For keys that are built in registers.
inline std::uint64_t hash_words(HashSeed seed, std::uint64_t x, std::uint64_t y) noexcept {
  return hash_mix(hash_mix(x ^ seed.a, y ^ seed.b), seed.a ^ 0x4b33a62ed433d4a3);
}

// Any bytes, seeded. Every factor has a word in it that only the seed's owner knows: with a public one a sender could
// zero a product and leave no trace of what stands beside it. The products of up to 64 bytes do not wait for each
// other; longer input goes through four lanes.
inline std::uint64_t hash_bytes(HashSeed seed, Bytes bytes, std::uint64_t start = 0) noexcept {
  const std::uint64_t s0 = seed.a, s1 = seed.b, s2 = std::rotl(seed.a, 29) ^ seed.b,
                      s3 = std::rotl(seed.b, 41) ^ seed.a;
  const std::uint8_t* at = bytes.data();
  std::size_t left = bytes.size();
  std::uint64_t h = start ^ s0;
  if (left > 64) {
    // The two factors of a product never have the same word: else exchanged halves would hash alike.
    std::uint64_t h0 = start ^ s2, h1 = start ^ s3, h2 = start ^ s0, h3 = start ^ s1;
    do {
      h0 = hash_mix(load_le64(at) ^ s0, load_le64(at + 8) ^ h0);
      h1 = hash_mix(load_le64(at + 16) ^ s1, load_le64(at + 24) ^ h1);
      h2 = hash_mix(load_le64(at + 32) ^ s2, load_le64(at + 40) ^ h2);
      h3 = hash_mix(load_le64(at + 48) ^ s3, load_le64(at + 56) ^ h3);
      at += 64;
      left -= 64;
    } while (left > 64);
    h = hash_mix(h0 ^ s1, h1 ^ s2) ^ hash_mix(h2 ^ s3, h3 ^ s0);
  }
  if (left > 16) h ^= hash_mix(load_le64(at) ^ s0, load_le64(at + 8) ^ s1);
  if (left > 32) h ^= hash_mix(load_le64(at + 16) ^ s1, load_le64(at + 24) ^ s2);
  if (left > 48) h ^= hash_mix(load_le64(at + 32) ^ s2, load_le64(at + 40) ^ s3);
  // The last 16 bytes, some of them again; or all where there are fewer.
  std::uint64_t x = 0, y = 0;
  if (left >= 16) {
    x = load_le64(at + left - 16);
    y = load_le64(at + left - 8);
  } else if (left >= 8) {
    x = load_le64(at);
    y = load_le64(at + left - 8);
  } else if (left >= 4) {
    x = load_le32(at);
    y = load_le32(at + left - 4);
  } else if (left > 0) {
    x = std::uint64_t{at[0]} << 16 | std::uint64_t{at[left >> 1]} << 8 | at[left - 1];
  }
  h ^= hash_mix(x ^ s3, y ^ s0 ^ s2);
  return hash_mix(h ^ s1, bytes.size() ^ s2);
}

}  // namespace tsujiban
