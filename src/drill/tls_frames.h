#pragma once
#include <initializer_list>
#include <string_view>
#include <vector>

#include "drill/random.h"

namespace tsujiban::drill {

// Bytes of TLS and of certificates, for scenarios that make them by hand.
using Octets = std::vector<std::uint8_t>;

inline Octets joined(std::initializer_list<Octets> parts) {
  Octets all;
  for (const Octets& part : parts) all.insert(all.end(), part.begin(), part.end());
  return all;
}
inline Octets number(std::size_t value, unsigned bytes) {
  Octets b;
  for (unsigned i = bytes; i > 0; --i) b.push_back(static_cast<std::uint8_t>(value >> 8 * (i - 1)));
  return b;
}
inline Octets random_bytes(std::size_t count, Random& random) {
  Octets b;
  for (std::size_t i = 0; i < count; ++i) b.push_back(static_cast<std::uint8_t>(random.next()));
  return b;
}

// DER (X.690): tag, length, content.
inline Octets der(std::uint8_t tag, const Octets& content) {
  Octets b{tag};
  const std::size_t size = content.size();
  if (size < 128) {
    b.push_back(static_cast<std::uint8_t>(size));
  } else {
    // The shortest form, as DER asks (10.1).
    b.push_back(size < 256 ? 0x81 : 0x82);
    if (size >= 256) b.push_back(static_cast<std::uint8_t>(size >> 8));
    b.push_back(static_cast<std::uint8_t>(size));
  }
  b.insert(b.end(), content.begin(), content.end());
  return b;
}
inline Octets der_text(std::uint8_t tag, std::string_view text) { return der(tag, Octets(text.begin(), text.end())); }

// RFC 5246, 7.4: a message; and 6.2.1: a record, of TLS 1.0 where nothing else is said.
inline Octets handshake(std::uint8_t type, const Octets& body) {
  return joined({{type}, number(body.size(), 3), body});
}
inline Octets record(std::uint8_t type, const Octets& body, std::uint8_t minor = 1) {
  return joined({{type, 0x03, minor}, number(body.size(), 2), body});
}
// RFC 6066, 3: the extensions of a ClientHello that asks for this name, with their length.
inline Octets server_name_extensions(std::string_view name) {
  const Octets server_name = joined({number(0, 2),
                                     number(name.size() + 5, 2),
                                     number(name.size() + 3, 2),
                                     {0x00},
                                     number(name.size(), 2),
                                     Octets(name.begin(), name.end())});
  return joined({number(server_name.size(), 2), server_name});
}

}  // namespace tsujiban::drill
