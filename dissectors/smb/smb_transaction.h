#pragma once
#include <algorithm>
#include <array>
#include <string_view>

#include "base/fixed_vector.h"
#include "base/json_writer.h"
#include "base/parse_error.h"
#include "base/utf16.h"
#include "dissectors/smb/smb_wire.h"

namespace tsujiban::output {
class Mask;
}

namespace tsujiban::smb {

inline constexpr std::size_t name_bytes_max = 512, account_bytes_max = 96, service_bytes_max = 16, dialects_max = 16;

// UTF-8 of at most N bytes in place; what does not fit is cut.
template <std::size_t N>
class Text {
 public:
  void set_ascii(Bytes bytes) noexcept {
    size_ = static_cast<std::uint16_t>(std::min(bytes.size(), N));
    if (size_ > 0) std::memcpy(text_.data(), bytes.data(), size_);
  }
  void set_utf16(Bytes bytes) noexcept {
    size_ = static_cast<std::uint16_t>(utf16le_to_utf8(bytes, text_.data(), N, true));
  }
  // One more line; false where it does not fit whole.
  bool add_line(Bytes bytes) noexcept {
    if (N - size_ < bytes.size() + 1u) return false;
    if (!bytes.empty()) std::memcpy(text_.data() + size_, bytes.data(), bytes.size());
    size_ = static_cast<std::uint16_t>(size_ + bytes.size());
    text_[size_++] = '\n';
    return true;
  }
  std::string_view view() const noexcept { return {text_.data(), size_}; }

 private:
  std::uint16_t size_ = 0;
  std::array<char, N> text_;
};

// What a command is, whatever version says it.
enum class Command : std::uint8_t { negotiate, session_setup, logoff, tree_connect, create };

// What was kept of a request until its answer comes. No pointer into the packet.
struct Transaction {
  Transaction() noexcept {}  // Texts are written before they are read.
  std::uint32_t next = 0;
  std::uint8_t version = 0;  // Of SMB: 1 or 2.
  Command command{};
  bool authenticates = false;  // NTLMSSP's third message, or an account in SMB 1.
  bool ntlmssp = false;        // By NTLMSSP; else SMB 1's own way.
  bool ntlm_version_present = false;
  std::uint64_t id = 0;  // Suricata's, in the stream.
  std::uint64_t message_id = 0, session_id = 0;
  std::uint32_t tree_id = 0;
  std::uint32_t disposition = 0, options = 0;
  std::array<std::uint8_t, 8> ntlm_version{};
  std::array<std::uint8_t, 16> client_guid{};         // Written even where the request is too short for it.
  FixedVector<std::uint16_t, dialects_max> dialects;  // SMB 2.
  Text<name_bytes_max> name;                          // Share, file, or the dialects of SMB 1 by lines.
  Text<account_bytes_max> user, domain, host;
  Text<service_bytes_max> service;
};

// What was read of an answer; views of its bytes.
struct Answer {
  std::uint8_t version = 0;
  Command command{};
  std::uint32_t status = 0;
  bool nt_status = true;
  bool tree_known = true;  // Not in an asynchronous answer.
  bool has_body = false;   // Not in an error.
  std::uint64_t session_id = 0;
  std::uint32_t tree_id = 0;
  std::uint16_t dialect = 0;  // SMB 2: revision; SMB 1: index.
  std::uint32_t read_bytes_max = 0, write_bytes_max = 0;
  Bytes server_guid;
  std::uint8_t share_type = 0;
  Bytes service;
  bool directory = false;
  std::uint64_t created = 0, accessed = 0, modified = 0, changed = 0, size_bytes = 0;  // Times in NT's 100 ns.
  Bytes file_id;
  bool succeeded() const noexcept { return status == status::success; }
};

// The dialect of a stream, as records name it.
struct Dialect {
  std::uint16_t revision = 0;  // SMB 2; 0: not it.
  std::uint8_t smb1_name = 0;  // 1 + index of a name that we know; 0: unknown.
};
std::string_view name_of(const Dialect& dialect) noexcept;
// For the dialect that a server of SMB 1 chose from the client's list.
std::uint8_t smb1_dialect_of(std::string_view lines, std::uint16_t index) noexcept;

// Reads the commands of one message; `error` where its structure contradicts itself.
struct Fault {
  ParseError error = ParseError::none;
  std::uint32_t offset = 0;
};
// `message` begins with the header of one command; it may be cut where `whole` is longer.
Fault read_smb2_request(Bytes message, bool cut, Transaction& to) noexcept;
Fault read_smb2_answer(Bytes message, bool cut, Answer& to) noexcept;
// One block of an AndX chain: `at` is where its word count is. `next_command` is smb1::none at the end.
struct AndX {
  std::uint8_t next_command = smb1::none;
  std::uint16_t next_offset = 0;
};
Fault read_smb1_request(Bytes message, std::size_t at, bool cut, Transaction& to, AndX& chain) noexcept;
Fault read_smb1_answer(Bytes message, std::size_t at, bool cut, Answer& to, AndX& chain) noexcept;

// `request` or `answer` may be null, not both.
void write_transaction(JsonWriter& json, const Dialect& dialect, std::uint64_t id, const Transaction* request,
                       const Answer* answer, const output::Mask* mask) noexcept;

}  // namespace tsujiban::smb
