#include <optional>

#include "dissectors/smb/smb_ntlmssp.h"
#include "dissectors/smb/smb_transaction.h"

namespace tsujiban::smb {
namespace {

Fault fault(ParseError error, std::size_t offset) noexcept { return {error, static_cast<std::uint32_t>(offset)}; }

// The part of a message that an offset and a length in it name.
std::optional<Bytes> part(Bytes message, std::size_t offset, std::size_t length) noexcept {
  if (offset > message.size() || length > message.size() - offset) return std::nullopt;
  return message.subspan(offset, length);
}

Fault read_blob(Bytes blob, std::size_t offset, Transaction& to) noexcept {
  NtlmAuthenticate fields;
  switch (read_ntlmssp(blob, fields)) {
    case NtlmFound::nothing:
    case NtlmFound::other_message:
      return {};
    case NtlmFound::broken:
      return fault(ParseError::smb_bad_security_blob, offset);
    case NtlmFound::authenticate:
      break;
  }
  to.authenticates = to.ntlmssp = true;
  const auto set = [&](Text<account_bytes_max>& text, Bytes bytes) {
    fields.unicode ? text.set_utf16(bytes) : text.set_ascii(bytes);
  };
  set(to.user, fields.user);
  set(to.domain, fields.domain);
  set(to.host, fields.host);
  to.ntlm_version_present = !fields.version.empty();
  if (to.ntlm_version_present) std::copy(fields.version.begin(), fields.version.end(), to.ntlm_version.begin());
  return {};
}

// Text in SMB 1: of two bytes a character from an even offset on, or of one; up to a null.
struct TextAt {
  Bytes bytes;
  std::size_t end;
};
TextAt text_at(Bytes message, std::size_t at, std::size_t limit, bool unicode) noexcept {
  if (unicode && at % 2 != 0) ++at;
  const std::size_t begin = at;
  if (unicode) {
    while (at + 1 < limit && (message[at] != 0 || message[at + 1] != 0)) at += 2;
    at = std::min(at, limit);
    if (begin > limit) return {{}, limit};
    return {message.subspan(begin, at - begin), std::min(at + 2, limit)};
  }
  while (at < limit && message[at] != 0) ++at;
  return {message.subspan(begin, at - begin), std::min(at + 1, limit)};
}
template <std::size_t N>
void set_text(Text<N>& text, Bytes bytes, bool unicode) noexcept {
  unicode ? text.set_utf16(bytes) : text.set_ascii(bytes);
}

// The words and bytes of one block of SMB 1.
struct Block {
  Bytes words;
  std::size_t bytes_begin = 0, bytes_end = 0;  // In the message.
};
Fault read_block(Bytes message, std::size_t at, bool cut, Block& block) noexcept {
  if (at >= message.size()) return cut ? Fault{} : fault(ParseError::smb_bad_body, at);
  const std::size_t words = std::size_t{message[at]} * 2;
  if (message.size() - at - 1 < words + 2) return cut ? Fault{} : fault(ParseError::smb_bad_body, at);
  block.words = message.subspan(at + 1, words);
  block.bytes_begin = at + 1 + words + 2;
  block.bytes_end = block.bytes_begin + load_le16(message, at + 1 + words);
  if (block.bytes_end > message.size()) {
    if (!cut) return fault(ParseError::smb_bad_body, at + 1 + words);
    block.bytes_end = message.size();
  }
  return {};
}

void read_chain(Bytes words, AndX& chain) noexcept {
  if (words.size() < 4) return;
  chain.next_command = words[0];
  chain.next_offset = load_le16(words, 2);
}

}  // namespace

Fault read_smb2_request(Bytes message, bool cut, Transaction& to) noexcept {
  const Bytes body = message.subspan(smb2::header_bytes);
  const auto too_short = [&] { return cut ? Fault{} : fault(ParseError::smb_bad_body, smb2::header_bytes); };
  // Where an offset and a length of two bytes stand in the body, counted from the header.
  const auto buffer_at = [&](std::size_t at) { return part(message, load_le16(body, at), load_le16(body, at + 2)); };
  switch (to.command) {
    case Command::negotiate: {
      constexpr std::size_t fixed = 36;  // [MS-SMB2], 2.2.3.
      if (body.size() < fixed) return too_short();
      const std::size_t count = load_le16(body, 2);
      const Bytes guid = body.subspan(12, 16);
      std::copy(guid.begin(), guid.end(), to.client_guid.begin());
      if (load_le16(body, 0) != fixed || count == 0 || (body.size() - fixed) / 2 < count) return too_short();
      for (std::size_t i = 0; i < count; ++i) {
        if (!to.dialects.push(load_le16(body, fixed + i * 2))) break;
      }
      return {};
    }
    case Command::session_setup: {
      if (body.size() < 24) return too_short();  // 2.2.5.
      const auto blob = buffer_at(12);
      return blob ? read_blob(*blob, load_le16(body, 12), to) : too_short();
    }
    case Command::tree_connect: {
      if (body.size() < 8) return too_short();  // 2.2.9.
      const auto path = buffer_at(4);
      if (!path) return too_short();
      to.name.set_utf16(*path);
      return {};
    }
    case Command::create: {
      if (body.size() < 56) return too_short();  // 2.2.13.
      to.disposition = load_le32(body, 36);
      to.options = load_le32(body, 40);
      // Without a name the offset says nothing.
      const auto name = load_le16(body, 46) == 0 ? std::optional<Bytes>(Bytes{}) : buffer_at(44);
      if (!name) return too_short();
      to.name.set_utf16(*name);
      return {};
    }
    case Command::logoff:
      return body.size() < 4 ? too_short() : Fault{};
  }
  return {};
}

Fault read_smb2_answer(Bytes message, bool cut, Answer& to) noexcept {
  const Bytes body = message.subspan(smb2::header_bytes);
  if (!to.succeeded()) return {};  // The error's structure (2.2.2) has nothing to tell; others are not final.
  const auto too_short = [&] { return cut ? Fault{} : fault(ParseError::smb_bad_body, smb2::header_bytes); };
  switch (to.command) {
    case Command::negotiate:
      if (body.size() < 64) return too_short();  // 2.2.4.
      to.dialect = load_le16(body, 4);
      to.server_guid = body.subspan(8, 16);
      to.read_bytes_max = load_le32(body, 32);
      to.write_bytes_max = load_le32(body, 36);
      break;
    case Command::tree_connect:
      if (body.size() < 16) return too_short();  // 2.2.10.
      to.share_type = body[2];
      break;
    case Command::create:
      if (body.size() < 88) return too_short();  // 2.2.14.
      to.created = load_le64(body.data() + 8);
      to.accessed = load_le64(body.data() + 16);
      to.modified = load_le64(body.data() + 24);
      to.changed = load_le64(body.data() + 32);
      to.size_bytes = load_le64(body.data() + 48);
      to.file_id = body.subspan(64, 16);
      break;
    case Command::session_setup:
    case Command::logoff:
      if (body.size() < 4) return too_short();
      break;
  }
  to.has_body = true;
  return {};
}

Fault read_smb1_request(Bytes message, std::size_t at, bool cut, Transaction& to, AndX& chain) noexcept {
  Block block;
  if (const Fault wrong = read_block(message, at, cut, block); wrong.error != ParseError::none) return wrong;
  const bool unicode = smb1::HeaderView(message).unicode();
  const auto too_short = [&] { return cut ? Fault{} : fault(ParseError::smb_bad_body, at); };
  const std::size_t begin = block.bytes_begin, end = block.bytes_end;
  if (to.command != Command::negotiate) read_chain(block.words, chain);
  switch (to.command) {
    case Command::negotiate: {
      // [MS-CIFS], 2.2.4.52.1: each a 2 and a string.
      std::size_t from = begin;
      while (from < end) {
        if (message[from] != 2) return too_short();
        std::size_t to_end = from + 1;
        while (to_end < end && message[to_end] != 0) ++to_end;
        if (to_end == end) return too_short();
        if (!to.name.add_line(message.subspan(from + 1, to_end - from - 1))) break;
        from = to_end + 1;
      }
      return {};
    }
    case Command::session_setup: {
      if (block.words.size() == 24) {  // [MS-SMB], 2.2.4.6.1: extended security.
        const auto blob = part(message.first(end), begin, load_le16(block.words, 14));
        return blob ? read_blob(*blob, begin, to) : too_short();
      }
      if (block.words.size() != 26) return {};  // Before NT LM 0.12.
      // [MS-CIFS], 2.2.4.53.1: passwords, which are not looked at, then account and domain.
      const std::size_t passwords = std::size_t{load_le16(block.words, 14)} + load_le16(block.words, 16);
      if (passwords > end - begin) return too_short();
      const TextAt account = text_at(message, begin + passwords, end, unicode);
      const TextAt domain = text_at(message, account.end, end, unicode);
      set_text(to.user, account.bytes, unicode);
      set_text(to.domain, domain.bytes, unicode);
      to.authenticates = true;
      return {};
    }
    case Command::tree_connect: {
      if (block.words.size() < 8) return too_short();  // [MS-CIFS], 2.2.4.55.1.
      const std::size_t password = load_le16(block.words, 6);
      if (password > end - begin) return too_short();
      const TextAt path = text_at(message, begin + password, end, unicode);
      set_text(to.name, path.bytes, unicode);
      to.service.set_ascii(text_at(message, path.end, end, false).bytes);
      return {};
    }
    case Command::create: {
      if (block.words.size() < 48) return too_short();  // [MS-CIFS], 2.2.4.64.1.
      to.disposition = load_le32(block.words, 35);
      to.options = load_le32(block.words, 39);
      set_text(to.name, text_at(message, begin, end, unicode).bytes, unicode);
      return {};
    }
    case Command::logoff:
      return {};
  }
  return {};
}

Fault read_smb1_answer(Bytes message, std::size_t at, bool cut, Answer& to, AndX& chain) noexcept {
  Block block;
  // Windows gives the byte count of an extended NT_CREATE_ANDX answer a value that says nothing, as captures show.
  const bool count_says_nothing = to.command == Command::create;
  if (const Fault wrong = read_block(message, at, cut || count_says_nothing, block); wrong.error != ParseError::none)
    return wrong;
  const std::size_t begin = block.bytes_begin, end = block.bytes_end;
  if (to.command != Command::negotiate) read_chain(block.words, chain);
  if (block.words.empty()) return {};  // An error has neither words nor bytes.
  to.has_body = true;
  switch (to.command) {
    case Command::negotiate:
      if (block.words.size() < 2) return {};
      to.dialect = load_le16(block.words, 0);
      // [MS-SMB], 2.2.4.5.2.1: with extended security (bit 31 of the capabilities) the server's GUID.
      if (block.words.size() >= 34 && (block.words[22] & 0x80) != 0 && end - begin >= 16)
        to.server_guid = message.subspan(begin, 16);
      return {};
    case Command::tree_connect:
      to.service = text_at(message, begin, end, false).bytes;
      return {};
    case Command::create:
      if (block.words.size() < 68) return {};  // [MS-CIFS], 2.2.4.64.2.
      to.file_id = block.words.subspan(5, 2);
      to.created = load_le64(block.words.data() + 11);
      to.accessed = load_le64(block.words.data() + 19);
      to.modified = load_le64(block.words.data() + 27);
      to.changed = load_le64(block.words.data() + 35);
      to.size_bytes = load_le64(block.words.data() + 55);
      to.directory = block.words[67] != 0;
      return {};
    case Command::session_setup:
    case Command::logoff:
      return {};
  }
  return {};
}

}  // namespace tsujiban::smb
