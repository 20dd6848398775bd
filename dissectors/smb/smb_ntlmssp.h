#pragma once
#include <algorithm>
#include <array>

#include "base/bytes.h"

namespace tsujiban::smb {

// The third message of NTLM ([MS-NLMP], 2.2.1.3): who logs in. The answers to the challenge in it are never looked at.
//   0            8        12         20         28        36      44            52             60       64        72
//   | "NTLMSSP"0 | type 3 | LM answer| NT answer| domain  | user  | workstation | session key  | flags  | version | ...
//   each field a length, a size and an offset from the message's beginning.
struct NtlmAuthenticate {
  Bytes domain, user, host;
  Bytes version;  // Major, minor, build (LE16), three reserved, revision; empty: absent.
  bool unicode = false;
};
enum class NtlmFound : std::uint8_t { nothing, other_message, authenticate, broken };

// `blob` is the security buffer: the message itself, or GSS-API and SPNEGO (RFC 4178) around it, whose only use here is
// to carry it, so that it is looked for by its signature.
inline NtlmFound read_ntlmssp(Bytes blob, NtlmAuthenticate& to) noexcept {
  static constexpr std::array<std::uint8_t, 8> signature = {'N', 'T', 'L', 'M', 'S', 'S', 'P', 0};
  const auto found = std::search(blob.begin(), blob.end(), signature.begin(), signature.end());
  if (found == blob.end()) return NtlmFound::nothing;
  const Bytes message = blob.subspan(static_cast<std::size_t>(found - blob.begin()));
  constexpr std::size_t flags_offset = 60, version_offset = 64, version_bytes = 8, authenticate = 3;
  if (message.size() < 12) return NtlmFound::broken;
  if (load_le32(message, 8) != authenticate) return NtlmFound::other_message;
  if (message.size() < flags_offset) return NtlmFound::broken;
  constexpr std::uint32_t flag_unicode = 1, flag_version = 0x02000000;
  // Old clients end before the flags; their text is of one byte a character.
  std::size_t first_offset = message.size();
  const auto field = [&](std::size_t at, Bytes& value) {
    const std::size_t length = load_le16(message, at), offset = load_le32(message, at + 4);
    if (offset > message.size() || length > message.size() - offset) return length == 0;
    value = message.subspan(offset, length);
    if (length > 0) first_offset = std::min(first_offset, offset);
    return true;
  };
  if (!field(28, to.domain) || !field(36, to.user) || !field(44, to.host)) return NtlmFound::broken;
  const std::uint32_t flags =
      message.size() >= version_offset && first_offset >= version_offset ? load_le32(message, flags_offset) : 0;
  to.unicode = (flags & flag_unicode) != 0;
  if ((flags & flag_version) != 0 && first_offset >= version_offset + version_bytes &&
      message.size() >= version_offset + version_bytes)
    to.version = message.subspan(version_offset, version_bytes);
  return NtlmFound::authenticate;
}

}  // namespace tsujiban::smb
