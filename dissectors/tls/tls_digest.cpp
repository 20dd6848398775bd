// OpenSSL's EVP interface allocates a context's state with every EVP_DigestInit; the older functions work on a
// structure of the caller's (src/output/digest.cpp, which has no MD5).
#define OPENSSL_SUPPRESS_DEPRECATED
#include "dissectors/tls/tls_digest.h"

#include <openssl/md5.h>
#include <openssl/sha.h>

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
  SHA_CTX context;
  Sha1 digest;
  SHA1_Init(&context);
  SHA1_Update(&context, input.data(), input.size());
  SHA1_Final(digest.data(), &context);
  return digest;
}

Sha256 sha256(Bytes input) noexcept {
  SHA256_CTX context;
  Sha256 digest;
  SHA256_Init(&context);
  SHA256_Update(&context, input.data(), input.size());
  SHA256_Final(digest.data(), &context);
  return digest;
}

}  // namespace tsujiban::tls
