#include "base/hash.h"

#include <sys/random.h>

#include <stdexcept>

namespace tsujiban {

HashSeed random_hash_seed() {
  HashSeed seed;
  std::uint8_t bytes[sizeof seed];
  if (getrandom(bytes, sizeof bytes, 0) != static_cast<ssize_t>(sizeof bytes)) {
    throw std::runtime_error("the kernel gave no random bytes for the hash seed");
  }
  std::memcpy(&seed, bytes, sizeof seed);
  return seed;
}

}  // namespace tsujiban
