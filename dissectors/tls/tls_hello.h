#pragma once
#include "base/parse_error.h"
#include "dissectors/tls/tls_wire.h"

namespace tsujiban::tls {

// What a ClientHello says (RFC 5246, 7.4.1.2; RFC 8446, 4.1.2). The bytes are views into the message and live as long
// as it does; where `error` is set, what stands before the broken place was read.
struct ClientHello {
  std::uint16_t legacy_version = 0;
  Bytes session_id, suites, compressions;
  Bytes extensions;   // The whole block: type 2, length 2, data, each of which is inside.
  Bytes server_name;  // The first host_name.
  Bytes protocols;    // ALPN: length 1 and name, each of which is inside.
  Bytes groups, point_formats, signature_algorithms, versions;
  bool has_server_name = false, has_alpn = false, has_ticket = false, has_pre_shared_key = false;
  bool has_early_data = false, has_encrypted_hello = false;
  ParseError error = ParseError::none;
  std::uint32_t error_offset = 0;  // In the message's body.
};
ClientHello read_client_hello(Bytes body) noexcept;

struct ServerHello {
  std::uint16_t legacy_version = 0, suite = 0;
  std::uint16_t selected_version = 0;  // Of supported_versions; 0: none.
  std::uint8_t compression = 0;
  Bytes session_id, extensions, protocol;
  bool complete = false;  // Up to the suite.
  bool retry = false;     // HelloRetryRequest.
  bool downgraded = false;
  bool has_ticket = false, has_pre_shared_key = false;
  ParseError error = ParseError::none;
  std::uint32_t error_offset = 0;
  std::uint16_t version() const noexcept { return selected_version != 0 ? selected_version : legacy_version; }
};
ServerHello read_server_hello(Bytes body) noexcept;

// Calls `each(type, data, offset of the data in the block)` for every extension; false where a length reaches too far.
template <class Each>
bool for_each_extension(Bytes block, const Each& each) noexcept {
  Cursor cursor(block);
  while (cursor.left() > 0) {
    const std::uint16_t type = cursor.u16();
    const Bytes data = cursor.vector16();
    if (!cursor.ok()) return false;
    each(type, data, cursor.offset() - data.size());
  }
  return true;
}

}  // namespace tsujiban::tls
