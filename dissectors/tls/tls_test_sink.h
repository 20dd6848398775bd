#pragma once
// For tests of this folder: messages made by hand, exchanges that OpenSSL made, and a stream to feed them to.
#include <string>
#include <string_view>
#include <vector>

#include "dissect/test_streams.h"
#include "dissectors/tls/tls_dissector.h"

namespace tsujiban::tls::testing {

using dissect::testing::bytes_of;
using dissect::testing::joined;
using dissect::testing::octets;
using dissect::testing::Octets;
using dissect::testing::ToldAnomaly;

inline Octets number(std::size_t value, unsigned octets) {
  Octets bytes;
  while (octets-- > 0) bytes.push_back(static_cast<std::uint8_t>(value >> (8 * octets)));
  return bytes;
}
inline Octets vector_of(const Octets& content, unsigned length_octets) {
  return joined({number(content.size(), length_octets), content});
}
inline Octets values(const std::vector<unsigned>& list, unsigned octets = 2) {
  Octets bytes;
  for (const unsigned value : list) bytes = joined({bytes, number(value, octets)});
  return bytes;
}
inline Octets record(unsigned type, const Octets& body, unsigned v = version::tls12) {
  return joined({number(type, 1), number(v, 2), vector_of(body, 2)});
}
inline Octets message(unsigned type, const Octets& body) { return joined({number(type, 1), vector_of(body, 3)}); }
inline Octets extension_of(unsigned type, const Octets& data) { return joined({number(type, 2), vector_of(data, 2)}); }
inline Octets server_name(std::string_view name) {
  return extension_of(0, vector_of(joined({number(0, 1), vector_of(octets(name), 2)}), 2));
}
inline Octets alpn(const std::vector<std::string_view>& names) {
  Octets list;
  for (const std::string_view name : names) list = joined({list, vector_of(octets(name), 1)});
  return extension_of(16, vector_of(list, 2));
}
struct Hello {
  unsigned version = version::tls12;
  Octets random = Octets(32, 0x11), session_id;
  std::vector<unsigned> suites = {0xC02F, 0x009C};
  Octets extensions;
  bool has_extensions = true;
  Octets client() const {
    Octets body = joined(
        {number(version, 2), random, vector_of(session_id, 1), vector_of(values(suites), 2), vector_of(Octets{0}, 1)});
    if (has_extensions) body = joined({body, vector_of(extensions, 2)});
    return message(handshake::client_hello, body);
  }
  Octets server() const {
    Octets body = joined({number(version, 2), random, vector_of(session_id, 1), number(suites[0], 2), number(0, 1)});
    if (has_extensions) body = joined({body, vector_of(extensions, 2)});
    return message(handshake::server_hello, body);
  }
};
inline Octets change_cipher_spec() { return record(content::change_cipher_spec, {1}); }
inline Octets sealed(std::size_t size = 40) { return record(content::handshake, Octets(size, 0xEE)); }

struct Chunk {
  Direction direction;
  Octets bytes;
  bool operator==(const Chunk&) const = default;
};
using Exchange = std::vector<Chunk>;
constexpr Direction to_server = Direction::to_responder, to_client = Direction::to_initiator;

// What a file of the corpus holds: direction 1, length 2, bytes, and so on.
inline Exchange exchange_of(Bytes file) {
  Exchange exchange;
  while (file.size() >= 3) {
    const std::size_t length = std::min<std::size_t>(load_be16(file, 1), file.size() - 3);
    const Bytes bytes = file.subspan(3, length);
    exchange.push_back({(file[0] & 1) == 0 ? to_server : to_client, {bytes.begin(), bytes.end()}});
    file = file.subspan(3 + length);
  }
  return exchange;
}

struct Bench : dissect::testing::StreamBench<TlsDissector, registry_row, EventType::tls> {
  using StreamBench::StreamBench;
  dissect::MessageContext& turn(Direction direction) { return from_client(direction == to_server); }
  void send(Direction direction, Bytes piece) { stream.feed(turn(direction), piece); }
  void send(const Exchange& exchange) {
    for (const Chunk& chunk : exchange) send(chunk.direction, chunk.bytes);
  }
  void gap(Direction direction, std::uint32_t missing) { stream.gap(turn(direction), missing); }
  std::uint32_t outstanding() const { return dissector.sessions_open() + dissector.messages_open(); }
};

}  // namespace tsujiban::tls::testing
