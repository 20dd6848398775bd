// OpenSSL's EVP interface allocates a context's state with every EVP_DigestInit; the older functions work on a
// structure of the caller's (src/output/digest.cpp, which has no MD5).
#define OPENSSL_SUPPRESS_DEPRECATED
#include "dissectors/tls/tls_digest.h"

#include <openssl/md5.h>

#include <array>

#include "output/digest.h"

namespace tsujiban::tls {

Md5 md5(Bytes input) noexcept {
  MD5_CTX context;
  Md5 digest;
  MD5_Init(&context);
  MD5_Update(&context, input.data(), input.size());
  MD5_Final(digest.data(), &context);
  return digest;
}

Sha1 sha1(Bytes input) noexcept {
  std::uint8_t bytes[output::sha1_size];
  output::sha1(input, bytes);
  return std::to_array(bytes);
}

Sha256 sha256(Bytes input) noexcept {
  std::uint8_t bytes[output::sha256_size];
  output::sha256(input, bytes);
  return std::to_array(bytes);
}

}  // namespace tsujiban::tls
