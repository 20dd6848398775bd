#pragma once
// For tests of this folder: a dissector with both directions of a stream, and messages to feed it.
#include "dissect/test_streams.h"
#include "dissectors/smb/smb_dissector.h"

namespace tsujiban::smb::testing {

using namespace dissect::testing;

inline Octets little(std::uint64_t value, std::size_t bytes) {
  Octets out;
  for (std::size_t i = 0; i < bytes; ++i) out.push_back(static_cast<std::uint8_t>(value >> 8 * i));
  return out;
}
inline Octets utf16(std::string_view text) {
  Octets wide;
  for (const char c : text) wide.insert(wide.end(), {static_cast<std::uint8_t>(c), 0});
  return wide;
}
// The session service's header of direct TCP around a message.
inline Octets framed(const Octets& message) {
  const std::size_t n = message.size();
  return joined(
      {{0, static_cast<std::uint8_t>(n >> 16), static_cast<std::uint8_t>(n >> 8), static_cast<std::uint8_t>(n)},
       message});
}
struct Header {
  std::uint16_t command = 0;
  std::uint64_t message_id = 0;
  std::uint32_t status = 0, tree = 0;
  std::uint64_t session = 0;
  bool response = false;
  std::uint32_t next = 0, more_flags = 0;
};
inline Octets message2(const Header& h, const Octets& body) {
  return joined({{0xFE, 'S', 'M', 'B'},
                 little(64, 2),
                 little(1, 2),
                 little(h.status, 4),
                 little(h.command, 2),
                 little(1, 2),
                 little((h.response ? 1u : 0u) | h.more_flags, 4),
                 little(h.next, 4),
                 little(h.message_id, 8),
                 little(0xFEFF, 4),
                 little(h.tree, 4),
                 little(h.session, 8),
                 Octets(16),
                 body});
}
inline Octets negotiate_request() {
  return message2({.command = 0},
                  joined({little(36, 2), little(2, 2), Octets(8), bytes_of("000102030405060708090A0B0C0D0E0F"),
                          Octets(8), little(0x0210, 2), little(0x0311, 2)}));
}
inline Octets negotiate_answer() {
  return message2(
      {.command = 0, .response = true},
      joined({little(65, 2), little(1, 2), little(0x0311, 2), little(0, 2),
              bytes_of("101112131415161718191A1B1C1D1E1F"), little(0, 4), little(0x800000, 4), little(0x800000, 4),
              little(0x400000, 4), Octets(16), little(128, 2), little(0, 2), little(0, 4)}));
}
inline Octets ntlmssp(std::string_view user, std::string_view domain = "PLANT", std::string_view host = "HMI-1") {
  const Octets d = utf16(domain), u = utf16(user), h = utf16(host);
  const auto field = [](const Octets& value, std::size_t at) {
    return joined({little(value.size(), 2), little(value.size(), 2), little(at, 4)});
  };
  std::size_t at = 72;
  return joined({octets(std::string_view("NTLMSSP\0", 8)), little(3, 4), field({}, at), field({}, at), field(d, at),
                 field(u, at + d.size()), field(h, at + d.size() + u.size()), field({}, at), little(0x02000001, 4),
                 bytes_of("0A00 614A 000000 0F"), d, u, h});
}
inline Octets session_request(const Octets& blob, std::uint64_t id = 1) {
  return message2({.command = 1, .message_id = id, .session = 77},
                  joined({little(25, 2), Octets(10), little(88, 2), little(blob.size(), 2), Octets(8), blob}));
}
inline Octets session_answer(std::uint32_t status, std::uint64_t id = 1) {
  return message2({.command = 1, .message_id = id, .status = status, .session = 77, .response = true},
                  joined({little(9, 2), Octets(2), little(72, 2), little(0, 2)}));
}
inline Octets tree_request(std::string_view path, std::uint64_t id = 2) {
  const Octets name = utf16(path);
  return message2({.command = 3, .message_id = id, .session = 77},
                  joined({little(9, 2), little(0, 2), little(72, 2), little(name.size(), 2), name}));
}
inline Octets tree_answer(std::uint8_t type, std::uint64_t id = 2, std::uint32_t status = 0) {
  return message2({.command = 3, .message_id = id, .status = status, .tree = 5, .session = 77, .response = true},
                  joined({little(16, 2), {type, 0}, Octets(12)}));
}
inline Octets create_body(std::string_view path) {
  const Octets name = utf16(path);
  return joined({little(57, 2), Octets(34), little(1, 4), little(0x1000, 4), little(120, 2), little(name.size(), 2),
                 Octets(8), name});
}
inline Octets create_request(std::string_view path, std::uint64_t id = 3) {
  return message2({.command = 5, .message_id = id, .tree = 5, .session = 77}, create_body(path));
}
inline Octets create_answer_body() {
  return joined({little(89, 2), Octets(6), little(133344473600000000u, 8), Octets(24), Octets(8), little(4096, 8),
                 Octets(8), bytes_of("202122232425262728292A2B2C2D2E2F"), Octets(8)});
}
inline Octets create_answer(std::uint64_t id = 3, std::uint32_t status = 0) {
  return message2({.command = 5, .message_id = id, .status = status, .tree = 5, .session = 77, .response = true},
                  create_answer_body());
}
struct Header1 {
  std::uint8_t command = 0;
  std::uint32_t status = 0;
  bool response = false;
  std::uint16_t tree = 0, user = 0, id = 1;
};
inline Octets message1(const Header1& h, const Octets& body) {
  return joined({{0xFF, 'S', 'M', 'B', h.command},
                 little(h.status, 4),
                 {static_cast<std::uint8_t>(h.response ? 0x80 : 0)},
                 little(0xC001, 2),
                 Octets(12),
                 little(h.tree, 2),
                 little(1, 2),
                 little(h.user, 2),
                 little(h.id, 2),
                 body});
}
// Words and bytes of a command.
inline Octets block(const Octets& words, const Octets& bytes) {
  return joined({{static_cast<std::uint8_t>(words.size() / 2)}, words, little(bytes.size(), 2), bytes});
}
inline Octets smb1_negotiate(std::string_view dialects = std::string_view("\2NT LM 0.12\0\2SMB 2.002\0", 23)) {
  return message1({.command = 0x72}, block({}, octets(dialects)));
}

using Bench = StreamBench<SmbDissector, registry_row, EventType::smb>;

}  // namespace tsujiban::smb::testing
