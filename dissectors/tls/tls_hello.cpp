#include "dissectors/tls/tls_hello.h"

#include <algorithm>
#include <array>

namespace tsujiban::tls {
namespace {

// RFC 8446, 4.1.3.
constexpr std::array<std::uint8_t, random_length> retry_random = {
    0xCF, 0x21, 0xAD, 0x74, 0xE5, 0x9A, 0x61, 0x11, 0xBE, 0x1D, 0x8C, 0x02, 0x1E, 0x65, 0xB8, 0x91,
    0xC2, 0xA2, 0x11, 0x16, 0x7A, 0xBB, 0x8C, 0x5E, 0x07, 0x9E, 0x09, 0xE2, 0xC8, 0xA8, 0x33, 0x9C};
constexpr std::array<std::uint8_t, 7> downgrade_random = {0x44, 0x4F, 0x57, 0x4E, 0x47, 0x52, 0x44};  // And 1 or 0.

template <class Hello>
void broken(Hello& hello, ParseError error, std::size_t offset) noexcept {
  if (hello.error != ParseError::none) return;
  hello.error = error;
  hello.error_offset = static_cast<std::uint32_t>(offset);
}

// The extension is one vector of 16-bit values and nothing else.
bool whole_vector(Bytes data, unsigned length_bytes, Bytes& content) noexcept {
  Cursor cursor(data);
  content = length_bytes == 2 ? cursor.vector16() : cursor.vector8();
  return cursor.ok() && cursor.left() == 0;
}
bool whole_pairs(Bytes data, unsigned length_bytes, Bytes& content) noexcept {
  return whole_vector(data, length_bytes, content) && content.size() % 2 == 0;
}

// RFC 6066, 3: a list of names of which only host names exist.
bool read_server_name(Bytes data, Bytes& name) noexcept {
  Bytes list;
  if (!whole_vector(data, 2, list)) return false;
  Cursor cursor(list);
  while (cursor.left() > 0) {
    const std::uint8_t type = cursor.u8();
    const Bytes one = cursor.vector16();
    if (!cursor.ok()) return false;
    if (type == 0 && name.empty()) name = one;
  }
  return !list.empty();
}

bool is_name_list(Bytes list) noexcept {
  Cursor cursor(list);
  while (cursor.left() > 0) {
    if (cursor.vector8().empty()) return false;
  }
  return cursor.ok() && !list.empty();
}

// The value of one extension; false where its form is wrong.
bool read_client_extension(ClientHello& hello, std::uint16_t type, Bytes data) noexcept {
  switch (type) {
    case extension::server_name:
      hello.has_server_name = true;
      return read_server_name(data, hello.server_name);
    case extension::supported_groups:
      return whole_pairs(data, 2, hello.groups);
    case extension::ec_point_formats:
      return whole_vector(data, 1, hello.point_formats);
    case extension::signature_algorithms:
      return whole_pairs(data, 2, hello.signature_algorithms);
    case extension::alpn: {
      hello.has_alpn = true;
      Bytes list;
      if (!whole_vector(data, 2, list) || !is_name_list(list)) return false;
      hello.protocols = list;
      return true;
    }
    case extension::session_ticket:
      hello.has_ticket = !data.empty();
      return true;
    case extension::pre_shared_key:
      hello.has_pre_shared_key = true;
      return true;
    case extension::early_data:
      hello.has_early_data = true;
      return true;
    case extension::supported_versions:
      return whole_pairs(data, 1, hello.versions);
    case extension::encrypted_client_hello:
      hello.has_encrypted_hello = true;
      return true;
    default:
      return true;
  }
}

}  // namespace

ClientHello read_client_hello(Bytes body) noexcept {
  ClientHello hello;
  Cursor cursor(body);
  hello.legacy_version = cursor.u16();
  cursor.take(random_length);
  hello.session_id = cursor.vector8();
  hello.suites = cursor.vector16();
  if (cursor.ok() && (hello.session_id.size() > session_id_max || hello.suites.size() % 2 != 0))
    broken(hello, ParseError::tls_bad_handshake, cursor.offset());
  hello.suites = hello.suites.first(hello.suites.size() / 2 * 2);
  hello.compressions = cursor.vector8();
  // RFC 5246, 7.4.1.2: extensions may be absent.
  if (cursor.ok() && cursor.left() == 0) return hello;
  const std::uint16_t length = cursor.u16();
  const std::size_t begin = cursor.offset();
  // A length that does not hold exactly the rest: what is there is read.
  if (!cursor.ok() || length != cursor.left()) broken(hello, ParseError::tls_bad_handshake, begin);
  if (!cursor.ok()) return hello;
  const Bytes block = body.subspan(begin, std::min<std::size_t>(length, cursor.left()));
  std::size_t read = 0;
  const bool all = for_each_extension(block, [&](std::uint16_t type, Bytes data, std::size_t offset) {
    read = offset + data.size();
    if (!read_client_extension(hello, type, data)) broken(hello, ParseError::tls_bad_extension, begin + offset);
  });
  if (!all) broken(hello, ParseError::tls_bad_extension, begin + read);
  hello.extensions = block.first(read);
  return hello;
}

ServerHello read_server_hello(Bytes body) noexcept {
  ServerHello hello;
  Cursor cursor(body);
  hello.legacy_version = cursor.u16();
  const Bytes random = cursor.take(random_length);
  // Drafts of TLS 1.3 before 22 (version here, not in supported_versions) had neither session id nor compression.
  const bool draft = is_tls13(hello.legacy_version);
  if (!draft) hello.session_id = cursor.vector8();
  hello.suite = cursor.u16();
  hello.complete = cursor.ok();
  if (!draft) hello.compression = cursor.u8();
  if (cursor.ok()) {
    hello.retry = std::equal(random.begin(), random.end(), retry_random.begin());
    const std::uint8_t* const end = random.data() + random_length - 8;
    hello.downgraded = std::equal(downgrade_random.begin(), downgrade_random.end(), end) && end[7] <= 1;
  }
  if (hello.session_id.size() > session_id_max) broken(hello, ParseError::tls_bad_handshake, 2 + random_length);
  if (cursor.ok() && cursor.left() == 0) return hello;
  const std::uint16_t length = cursor.u16();
  const std::size_t begin = cursor.offset();
  if (!cursor.ok() || length != cursor.left()) broken(hello, ParseError::tls_bad_handshake, begin);
  if (!cursor.ok()) return hello;
  const Bytes block = body.subspan(begin, std::min<std::size_t>(length, cursor.left()));
  std::size_t read = 0;
  const bool all = for_each_extension(block, [&](std::uint16_t type, Bytes data, std::size_t offset) {
    read = offset + data.size();
    bool well = true;
    if (type == extension::supported_versions) {
      well = data.size() == 2;
      if (well) hello.selected_version = load_be16(data, 0);
    } else if (type == extension::alpn) {
      Bytes list;
      well = whole_vector(data, 2, list) && is_name_list(list);
      if (well) hello.protocol = list.subspan(1, list[0]);
    } else if (type == extension::session_ticket) {
      hello.has_ticket = true;
    } else if (type == extension::pre_shared_key) {
      hello.has_pre_shared_key = true;
    }
    if (!well) broken(hello, ParseError::tls_bad_extension, begin + offset);
  });
  if (!all) broken(hello, ParseError::tls_bad_extension, begin + read);
  hello.extensions = block.first(read);
  return hello;
}

}  // namespace tsujiban::tls
