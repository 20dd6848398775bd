#include "output/privacy.h"

#include <sodium.h>

#include <algorithm>
#include <cstring>
#include <stdexcept>

namespace tsujiban::output {
namespace {

constexpr std::string_view blank = "masked";
constexpr std::size_t pseudonym_bytes = 8;
static_assert(blank.size() + 1 + 2 * pseudonym_bytes == Mask::text_bytes_max);

}  // namespace

Mask::Mask(bool on, Bytes key) : on_(on), keyed_(on && !key.empty()) {
  if (!keyed_) return;
  // Chooses the fastest code for this processor.
  if (sodium_init() < 0) throw std::runtime_error("libsodium does not start");
  // BLAKE2b takes keys of 16 to 64 bytes; a digest of the file is one whatever the file has.
  static_assert(std::tuple_size_v<decltype(key_)> == crypto_generichash_KEYBYTES);
  crypto_generichash(key_.data(), key_.size(), key.data(), key.size(), nullptr, 0);
}

Mask::~Mask() { sodium_memzero(key_.data(), key_.size()); }

Mask::Text Mask::of(Bytes plain) const noexcept {
  Text text{};
  std::copy(blank.begin(), blank.end(), text.text.begin());
  text.length = static_cast<std::uint8_t>(blank.size());
  if (!keyed_) return text;
  std::uint8_t digest[crypto_generichash_BYTES];
  crypto_generichash(digest, sizeof digest, plain.data(), plain.size(), key_.data(), key_.size());
  text.text[text.length++] = ':';
  for (std::size_t i = 0; i < pseudonym_bytes; ++i) {
    constexpr char digits[] = "0123456789abcdef";
    text.text[text.length++] = digits[digest[i] >> 4];
    text.text[text.length++] = digits[digest[i] & 15];
  }
  return text;
}

}  // namespace tsujiban::output
