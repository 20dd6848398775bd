#pragma once
#include <cstddef>
#include <cstdint>

#include "base/bytes.h"

namespace tsujiban::smb {

inline constexpr std::uint16_t port_direct = 445, port_netbios = 139;

// NetBIOS session service (RFC 1002, 4.3.1): type, flags and length. Direct TCP ([MS-SMB2], 2.1) is type 0 with 24 bits
// of length; over port 139 the upper seven of these are flags and are 0.
namespace session {
inline constexpr std::uint8_t message = 0x00, request = 0x81, positive = 0x82, negative = 0x83, retarget = 0x84,
                              keep_alive = 0x85;
}
inline constexpr std::uint32_t session_header_bytes = 4;
// A request carries two encoded names (RFC 1002, 4.3.2), which are at most 255 bytes each.
inline constexpr std::uint32_t session_body_bytes_max = 510;

// The protocol ids of [MS-CIFS], 2.2.3.1, and [MS-SMB2], 2.2.1, 2.2.41, 2.2.42, as they stand in memory.
inline constexpr std::uint32_t magic_smb1 = 0x424D53FF, magic_smb2 = 0x424D53FE, magic_encrypted = 0x424D53FD,
                               magic_compressed = 0x424D53FC;

// Of a message so much is looked at; the commands that are dissected are shorter.
inline constexpr std::uint32_t head_bytes_max = 32 * 1024;
inline constexpr std::uint32_t message_bytes_max = session_header_bytes + head_bytes_max + 1;

// SMB 2 ([MS-SMB2], 2.2.1):
//   0        4         6            8       12       14       16     20            24          32       36       40
//   | id     | size 64 | credits 2  | status| command| credits| flags| next command| message id| process| tree id|
//   session session id 8, signature 16. With flag 2 the process and tree ids are one id of an asynchronous answer.
namespace smb2 {
inline constexpr std::size_t header_bytes = 64;
inline constexpr std::uint16_t negotiate = 0, session_setup = 1, logoff = 2, tree_connect = 3, create = 5,
                               command_max = 18;
inline constexpr std::uint32_t flag_response = 1, flag_async = 2;
inline constexpr unsigned chain_max = 64;  // Commands of one compound that are looked at.

class HeaderView {
 public:
  // `bytes` are at least `header_bytes` and begin with the magic.
  explicit HeaderView(Bytes bytes) noexcept : bytes_(bytes) {}
  bool sound() const noexcept { return load_le16(bytes_, 4) == header_bytes; }
  std::uint32_t status() const noexcept { return load_le32(bytes_, 8); }
  std::uint16_t command() const noexcept { return load_le16(bytes_, 12); }
  bool response() const noexcept { return (load_le32(bytes_, 16) & flag_response) != 0; }
  bool async() const noexcept { return (load_le32(bytes_, 16) & flag_async) != 0; }
  std::uint32_t next() const noexcept { return load_le32(bytes_, 20); }
  std::uint64_t message_id() const noexcept { return load_le64(bytes_.data() + 24); }
  std::uint32_t tree_id() const noexcept { return load_le32(bytes_, 36); }
  std::uint64_t session_id() const noexcept { return load_le64(bytes_.data() + 40); }

 private:
  Bytes bytes_;
};
}  // namespace smb2

// SMB 1 ([MS-CIFS], 2.2.3.1):
//   0    4        5       9      10      12        14        22        24   26   28   30   32           33
//   | id | command| status| flags| flags2| pid high| signature| reserved| tid| pid| uid| mid| word count | words ...
//   and behind the words a byte count and the bytes.
namespace smb1 {
inline constexpr std::size_t header_bytes = 32;
inline constexpr std::uint8_t negotiate = 0x72, session_setup = 0x73, logoff = 0x74, tree_connect = 0x75,
                              nt_create = 0xA2, none = 0xFF;
inline constexpr unsigned chain_max = 8;

class HeaderView {
 public:
  explicit HeaderView(Bytes bytes) noexcept : bytes_(bytes) {}
  std::uint8_t command() const noexcept { return bytes_[4]; }
  std::uint32_t status() const noexcept { return load_le32(bytes_, 5); }
  bool response() const noexcept { return (bytes_[9] & 0x80) != 0; }
  bool nt_status() const noexcept { return (load_le16(bytes_, 10) & 0x4000) != 0; }
  bool unicode() const noexcept { return (load_le16(bytes_, 10) & 0x8000) != 0; }
  std::uint16_t tree_id() const noexcept { return load_le16(bytes_, 24); }
  std::uint16_t user_id() const noexcept { return load_le16(bytes_, 28); }
  std::uint16_t multiplex_id() const noexcept { return load_le16(bytes_, 30); }

 private:
  Bytes bytes_;
};
}  // namespace smb1

// [MS-ERREF], 2.3.1.
namespace status {
inline constexpr std::uint32_t success = 0, pending = 0x103, more_processing = 0xC0000016;
}

}  // namespace tsujiban::smb
