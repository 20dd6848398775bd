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

// Any bytes, seeded; about 16 bytes a multiplication, three lanes for long input. Each lane mixes with words that only
// the seed's owner knows: with a public one a sender could zero the product and so hide what came before.
inline std::uint64_t hash_bytes(HashSeed seed, Bytes bytes, std::uint64_t start = 0) noexcept {
  const std::uint8_t* at = bytes.data();
  std::size_t left = bytes.size();
  std::uint64_t h = start ^ seed.a;
  if (left > 48) {
    const std::uint64_t c = std::rotl(seed.a, 29) ^ seed.b, d = std::rotl(seed.b, 41) ^ seed.a;
    std::uint64_t h1 = h, h2 = h ^ seed.b;
    do {
      h = hash_mix(load_le64(at) ^ seed.b, load_le64(at + 8) ^ h);
      h1 = hash_mix(load_le64(at + 16) ^ c, load_le64(at + 24) ^ h1);
      h2 = hash_mix(load_le64(at + 32) ^ d, load_le64(at + 40) ^ h2);
      at += 48;
      left -= 48;
    } while (left > 48);
    h ^= h1 ^ h2;
  }
  while (left > 16) {
    h = hash_mix(load_le64(at) ^ seed.b, load_le64(at + 8) ^ h);
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
  return hash_mix(seed.b ^ bytes.size(), hash_mix(x ^ seed.b, y ^ h));
}

}  // namespace tsujiban
