// OpenSSL's EVP interface allocates a context's state with every EVP_DigestInit; the older functions work on a
// structure of the caller's.
#define OPENSSL_SUPPRESS_DEPRECATED
#include "dissectors/ssh/ssh_digest.h"

#include <openssl/md5.h>

namespace tsujiban::ssh {

Md5 hassh_of(std::initializer_list<std::string_view> lists) noexcept {
  MD5_CTX context;
  Md5 digest;
  MD5_Init(&context);
  bool first = true;
  for (const std::string_view list : lists) {
    if (!first) MD5_Update(&context, ";", 1);
    first = false;
    MD5_Update(&context, list.data(), list.size());
  }
  MD5_Final(digest.data(), &context);
  return digest;
}

}  // namespace tsujiban::ssh
