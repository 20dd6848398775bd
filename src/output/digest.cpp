// OpenSSL's EVP interface allocates a context's state anew with every EVP_DigestInit (seen with 3.0, even for a context
// that is used again), and nothing on the packet path may allocate. The older functions work on a structure of the
// caller's.
#define OPENSSL_SUPPRESS_DEPRECATED
#include "output/digest.h"

#include <openssl/sha.h>

namespace tsujiban::output {

static_assert(sha1_size == SHA_DIGEST_LENGTH && sha256_size == SHA256_DIGEST_LENGTH);

// The functions always return 1 (they have nothing to fail at).
void sha1(Bytes input, std::uint8_t (&digest)[sha1_size]) noexcept {
  SHA_CTX context;
  SHA1_Init(&context);
  SHA1_Update(&context, input.data(), input.size());
  SHA1_Final(digest, &context);
}

void sha256(Bytes input, std::uint8_t (&digest)[sha256_size]) noexcept {
  SHA256_CTX context;
  SHA256_Init(&context);
  SHA256_Update(&context, input.data(), input.size());
  SHA256_Final(digest, &context);
}

}  // namespace tsujiban::output
