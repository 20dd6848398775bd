#include "dissectors/smb/smb_transaction.h"
#include "output/privacy.h"

namespace tsujiban::smb {
namespace {

constexpr std::array<std::string_view, 12> smb1_names = {"PC NETWORK PROGRAM 1.0",
                                                         "MICROSOFT NETWORKS 1.03",
                                                         "MICROSOFT NETWORKS 3.0",
                                                         "LANMAN1.0",
                                                         "LM1.2X002",
                                                         "DOS LANMAN2.1",
                                                         "LANMAN2.1",
                                                         "NT LANMAN 1.0",
                                                         "NT LM 0.12",
                                                         "Windows for Workgroups 3.1a",
                                                         "DOS LM1.2X002",
                                                         "Samba"};

struct StatusName {
  std::uint32_t status;
  std::string_view name;
};
// [MS-ERREF], 2.3.1: what answers to these commands say. Others are written as their number.
constexpr std::array status_names = std::to_array<StatusName>({
    {0x00000000, "STATUS_SUCCESS"},
    {0x00000103, "STATUS_PENDING"},
    {0x0000010B, "STATUS_NOTIFY_CLEANUP"},
    {0x0000010C, "STATUS_NOTIFY_ENUM_DIR"},
    {0x80000005, "STATUS_BUFFER_OVERFLOW"},
    {0x80000006, "STATUS_NO_MORE_FILES"},
    {0x8000002D, "STATUS_STOPPED_ON_SYMLINK"},
    {0xC0000001, "STATUS_UNSUCCESSFUL"},
    {0xC0000002, "STATUS_NOT_IMPLEMENTED"},
    {0xC0000003, "STATUS_INVALID_INFO_CLASS"},
    {0xC0000008, "STATUS_INVALID_HANDLE"},
    {0xC000000D, "STATUS_INVALID_PARAMETER"},
    {0xC000000F, "STATUS_NO_SUCH_FILE"},
    {0xC0000010, "STATUS_INVALID_DEVICE_REQUEST"},
    {0xC0000016, "STATUS_MORE_PROCESSING_REQUIRED"},
    {0xC0000022, "STATUS_ACCESS_DENIED"},
    {0xC0000033, "STATUS_OBJECT_NAME_INVALID"},
    {0xC0000034, "STATUS_OBJECT_NAME_NOT_FOUND"},
    {0xC0000035, "STATUS_OBJECT_NAME_COLLISION"},
    {0xC0000039, "STATUS_OBJECT_PATH_INVALID"},
    {0xC000003A, "STATUS_OBJECT_PATH_NOT_FOUND"},
    {0xC000003B, "STATUS_OBJECT_PATH_SYNTAX_BAD"},
    {0xC0000043, "STATUS_SHARING_VIOLATION"},
    {0xC0000056, "STATUS_DELETE_PENDING"},
    {0xC000005E, "STATUS_NO_LOGON_SERVERS"},
    {0xC0000061, "STATUS_PRIVILEGE_NOT_HELD"},
    {0xC0000064, "STATUS_NO_SUCH_USER"},
    {0xC000006A, "STATUS_WRONG_PASSWORD"},
    {0xC000006D, "STATUS_LOGON_FAILURE"},
    {0xC000006E, "STATUS_ACCOUNT_RESTRICTION"},
    {0xC000006F, "STATUS_INVALID_LOGON_HOURS"},
    {0xC0000070, "STATUS_INVALID_WORKSTATION"},
    {0xC0000071, "STATUS_PASSWORD_EXPIRED"},
    {0xC0000072, "STATUS_ACCOUNT_DISABLED"},
    {0xC000007F, "STATUS_DISK_FULL"},
    {0xC000009A, "STATUS_INSUFFICIENT_RESOURCES"},
    {0xC00000A2, "STATUS_MEDIA_WRITE_PROTECTED"},
    {0xC00000AC, "STATUS_PIPE_NOT_AVAILABLE"},
    {0xC00000B5, "STATUS_IO_TIMEOUT"},
    {0xC00000BA, "STATUS_FILE_IS_A_DIRECTORY"},
    {0xC00000BB, "STATUS_NOT_SUPPORTED"},
    {0xC00000C9, "STATUS_NETWORK_NAME_DELETED"},
    {0xC00000CA, "STATUS_NETWORK_ACCESS_DENIED"},
    {0xC00000CB, "STATUS_BAD_DEVICE_TYPE"},
    {0xC00000CC, "STATUS_BAD_NETWORK_NAME"},
    {0xC00000CE, "STATUS_TOO_MANY_SESSIONS"},
    {0xC00000D0, "STATUS_REQUEST_NOT_ACCEPTED"},
    {0xC0000101, "STATUS_DIRECTORY_NOT_EMPTY"},
    {0xC0000103, "STATUS_NOT_A_DIRECTORY"},
    {0xC0000120, "STATUS_CANCELLED"},
    {0xC000015B, "STATUS_LOGON_TYPE_NOT_GRANTED"},
    {0xC0000184, "STATUS_INVALID_DEVICE_STATE"},
    {0xC0000193, "STATUS_ACCOUNT_EXPIRED"},
    {0xC0000203, "STATUS_USER_SESSION_DELETED"},
    {0xC0000224, "STATUS_PASSWORD_MUST_CHANGE"},
    {0xC0000225, "STATUS_NOT_FOUND"},
    {0xC0000234, "STATUS_ACCOUNT_LOCKED_OUT"},
    {0xC0000257, "STATUS_PATH_NOT_COVERED"},
    {0xC0000275, "STATUS_NOT_A_REPARSE_POINT"},
    {0xC000035C, "STATUS_NETWORK_SESSION_EXPIRED"},
    {0xC000A000, "STATUS_INVALID_SIGNATURE"},
});
static_assert(std::is_sorted(status_names.begin(), status_names.end(),
                             [](const StatusName& a, const StatusName& b) { return a.status < b.status; }));

constexpr char hex_digits[] = "0123456789abcdef";

class HexText {
 public:
  void put(std::string_view text) noexcept {
    for (const char c : text) text_[size_++] = c;
  }
  void put_byte(std::uint8_t byte) noexcept {
    text_[size_++] = hex_digits[byte >> 4];
    text_[size_++] = hex_digits[byte & 15];
  }
  // At least `digits_min` digits.
  void put_number(std::uint32_t value, unsigned digits_min) noexcept {
    for (unsigned digit = 8; digit-- > 0;)
      if (digit < digits_min || value >> 4 * digit != 0) text_[size_++] = hex_digits[value >> 4 * digit & 15];
  }
  std::string_view view() const noexcept { return {text_.data(), size_}; }

 private:
  std::array<char, 48> text_;
  std::size_t size_ = 0;
};

// As Suricata writes them: the last eight bytes in little-endian words too, which no other program does.
void write_guid(JsonWriter& json, std::string_view name, Bytes guid) noexcept {
  static constexpr std::array<std::uint8_t, 16> order = {3, 2, 1, 0, 5, 4, 7, 6, 9, 8, 11, 10, 15, 14, 13, 12};
  HexText text;
  for (std::size_t i = 0; i < order.size(); ++i) {
    if (i == 4 || i == 6 || i == 8 || i == 10) text.put("-");
    text.put_byte(guid[order[i]]);
  }
  json.key(name);
  json.plain_string(text.view());
}

void write_status(JsonWriter& json, const Answer& answer) noexcept {
  HexText code;
  code.put("0x");
  json.key("status");
  if (answer.nt_status || answer.status == 0) {
    const auto at = std::lower_bound(status_names.begin(), status_names.end(), answer.status,
                                     [](const StatusName& a, std::uint32_t b) { return a.status < b; });
    if (at != status_names.end() && at->status == answer.status) {
      json.plain_string(at->name);
    } else {
      char digits[12];
      json.plain_string({digits, static_cast<std::size_t>(
                                     std::to_chars(digits, digits + sizeof digits, answer.status).ptr - digits)});
    }
    code.put_number(answer.status, 1);
  } else {
    // [MS-CIFS], 2.2.2.4: class, a reserved byte, code.
    HexText text;
    text.put("UNKNOWN_");
    text.put_number(answer.status & 0xFF, 2);
    text.put("_");
    text.put_number(answer.status >> 16, 4);
    json.plain_string(text.view());
    code.put_number(answer.status >> 16, 4);
  }
  json.key("status_code");
  json.plain_string(code.view());
}

std::string_view smb2_dialect(std::uint16_t revision) noexcept {
  switch (revision) {
    case 0x0202:
      return "2.02";
    case 0x0210:
      return "2.10";
    case 0x0222:
      return "2.22";
    case 0x0224:
      return "2.24";
    case 0x02FF:
      return "2.??";
    case 0x0300:
      return "3.00";
    case 0x0302:
      return "3.02";
    case 0x0310:
      return "3.10";
    case 0x0311:
      return "3.11";
    default:
      return {};
  }
}

std::string_view command_name(unsigned version, Command command) noexcept {
  switch (command) {
    case Command::negotiate:
      return version == 1 ? "SMB1_COMMAND_NEGOTIATE_PROTOCOL" : "SMB2_COMMAND_NEGOTIATE_PROTOCOL";
    case Command::session_setup:
      return version == 1 ? "SMB1_COMMAND_SESSION_SETUP_ANDX" : "SMB2_COMMAND_SESSION_SETUP";
    case Command::logoff:
      return version == 1 ? "SMB1_COMMAND_LOGOFF_ANDX" : "SMB2_COMMAND_SESSION_LOGOFF";
    case Command::tree_connect:
      return version == 1 ? "SMB1_COMMAND_TREE_CONNECT_ANDX" : "SMB2_COMMAND_TREE_CONNECT";
    case Command::create:
      return version == 1 ? "SMB1_COMMAND_NT_CREATE_ANDX" : "SMB2_COMMAND_CREATE";
  }
  return {};
}

void write_identity(JsonWriter& json, std::string_view name, std::string_view text, const output::Mask* mask) noexcept {
  if (mask != nullptr && mask->on() && !text.empty())
    json.field(name, mask->of({reinterpret_cast<const std::uint8_t*>(text.data()), text.size()}).view());
  else
    json.field(name, text);
}

void write_negotiate(JsonWriter& json, const Transaction* request, const Answer* answer) noexcept {
  if (request != nullptr) {
    json.key("client_dialects");
    json.begin_array();
    if (request->version == 1) {
      std::string_view lines = request->name.view();
      while (!lines.empty()) {
        const std::size_t end = lines.find('\n');
        json.string(lines.substr(0, end));
        lines.remove_prefix(end + 1);
      }
    } else {
      for (const std::uint16_t revision : request->dialects) {
        if (const std::string_view name = smb2_dialect(revision); !name.empty()) {
          json.plain_string(name);
          continue;
        }
        HexText text;
        text.put("0x");
        text.put_number(revision, 4);
        json.plain_string(text.view());
      }
    }
    json.end_array();
    if (request->version == 2) write_guid(json, "client_guid", request->client_guid);
  }
  if (answer == nullptr) return;
  if (!answer->server_guid.empty()) write_guid(json, "server_guid", answer->server_guid);
  if (answer->read_bytes_max > 0) json.field("max_read_size", answer->read_bytes_max);
  if (answer->write_bytes_max > 0) json.field("max_write_size", answer->write_bytes_max);
}

void write_session_setup(JsonWriter& json, const Transaction& request, const output::Mask* mask) noexcept {
  if (!request.authenticates) return;
  if (!request.ntlmssp) {
    json.key("account");
    json.begin_object();
    json.field("domain", request.domain.view());
    write_identity(json, "user", request.user.view(), mask);
    return json.end_object();
  }
  json.key("ntlmssp");
  json.begin_object();
  json.field("domain", request.domain.view());
  write_identity(json, "user", request.user.view(), mask);
  write_identity(json, "host", request.host.view(), mask);
  if (request.ntlm_version_present) {
    const auto& v = request.ntlm_version;
    char text[48];
    char* at = text;
    const auto put = [&](std::string_view word, unsigned value) {
      for (const char c : word) *at++ = c;
      at = std::to_chars(at, text + sizeof text, value).ptr;
    };
    put("", v[0]);
    put(".", v[1]);
    put(" build ", load_le16(v.data() + 2));
    put(" rev ", v[7]);
    json.key("version");
    json.plain_string({text, static_cast<std::size_t>(at - text)});
  }
  json.end_object();
}

void write_tree_connect(JsonWriter& json, const Transaction* request, const Answer* answer) noexcept {
  const unsigned version = answer != nullptr ? answer->version : request->version;
  const auto is_ipc = [](std::string_view service) { return service == "IPC"; };
  const std::string_view asked = request != nullptr ? request->service.view() : std::string_view{};
  const std::string_view given = answer != nullptr && version == 1
                                     ? std::string_view{reinterpret_cast<const char*>(answer->service.data()),
                                                        std::min(answer->service.size(), service_bytes_max)}
                                     : std::string_view{};
  constexpr std::uint8_t share_pipe = 2;
  const bool pipe = version == 1 ? is_ipc(given) : answer != nullptr && answer->share_type == share_pipe;
  if (request != nullptr) json.field(pipe ? "named_pipe" : "share", request->name.view());
  if (version == 1) {
    json.key("service");
    json.begin_object();
    if (!asked.empty()) json.field("request", asked);
    if (!given.empty()) json.field("response", given);
    json.end_object();
    return;
  }
  static constexpr std::array<std::string_view, 4> types = {"UNKNOWN", "FILE", "PIPE", "PRINT"};
  const unsigned type = answer != nullptr ? answer->share_type : 0;
  json.field("share_type", types[type < types.size() ? type : 0]);
}

// NT's time counts 100 ns from 1601, 11,644,473,600 s before 1970; before that it is 0 here, as in Suricata.
std::uint64_t unix_time(std::uint64_t nt) noexcept {
  const std::uint64_t seconds = nt / 10'000'000;
  return seconds > 11'644'473'600 ? seconds - 11'644'473'600 : 0;
}

void write_create(JsonWriter& json, const Transaction* request, const Answer* answer) noexcept {
  if (request != nullptr) {
    // [MS-SMB2], 2.2.13: FILE_DIRECTORY_FILE.
    constexpr std::uint32_t directory_file = 1, delete_on_close = 0x1000;
    if (request->name.view().empty())
      json.field("filename", std::string_view("<share_root>"));
    else
      json.field((request->options & directory_file) != 0 ? "directory" : "filename", request->name.view());
    static constexpr std::array<std::string_view, 6> dispositions = {
        "FILE_SUPERSEDE", "FILE_OPEN", "FILE_CREATE", "FILE_OPEN_IF", "FILE_OVERWRITE", "FILE_OVERWRITE_IF"};
    json.field("disposition", request->disposition < dispositions.size() ? dispositions[request->disposition]
                                                                         : std::string_view("UNKNOWN"));
    json.field("access", (request->options & delete_on_close) != 0 ? std::string_view("delete on close")
                                                                   : std::string_view("normal"));
  }
  if (answer == nullptr || answer->file_id.empty()) return;
  json.field("created", unix_time(answer->created));
  json.field("accessed", unix_time(answer->accessed));
  json.field("modified", unix_time(answer->modified));
  json.field("changed", unix_time(answer->changed));
  json.field("size", answer->size_bytes);
  if (answer->file_id.size() == 16) return write_guid(json, "fuid", answer->file_id);
  HexText text;
  text.put_byte(answer->file_id[1]);
  text.put_byte(answer->file_id[0]);
  json.key("fuid");
  json.plain_string(text.view());
}

}  // namespace

std::string_view name_of(const Dialect& dialect) noexcept {
  if (dialect.revision != 0) {
    const std::string_view name = smb2_dialect(dialect.revision);
    return name.empty() ? std::string_view("unknown") : name;
  }
  return dialect.smb1_name != 0 ? smb1_names[dialect.smb1_name - 1u] : std::string_view("unknown");
}

std::uint8_t smb1_dialect_of(std::string_view lines, std::uint16_t index) noexcept {
  for (; index > 0 && !lines.empty(); --index) lines.remove_prefix(lines.find('\n') + 1);
  const std::string_view name = lines.substr(0, lines.find('\n'));
  for (std::size_t i = 0; i < smb1_names.size(); ++i)
    if (smb1_names[i] == name) return static_cast<std::uint8_t>(i + 1);
  return 0;
}

void write_transaction(JsonWriter& json, const Dialect& dialect, std::uint64_t id, const Transaction* request,
                       const Answer* answer, const output::Mask* mask) noexcept {
  json.field("id", id);
  json.field("dialect", name_of(dialect));
  const Command command = request != nullptr ? request->command : answer->command;
  json.field("command", command_name(request != nullptr ? request->version : answer->version, command));
  if (answer != nullptr) write_status(json, *answer);
  // Neither is there yet in a negotiation, whatever its header has.
  const bool begun = command != Command::negotiate;
  json.field("session_id", !begun ? 0 : answer != nullptr ? answer->session_id : request->session_id);
  json.field("tree_id", !begun                                    ? 0
                        : answer != nullptr && answer->tree_known ? answer->tree_id
                        : request != nullptr                      ? request->tree_id
                                                                  : 0);
  switch (command) {
    case Command::negotiate:
      return write_negotiate(json, request, answer);
    case Command::session_setup:
      if (request != nullptr) write_session_setup(json, *request, mask);
      return;
    case Command::tree_connect:
      return write_tree_connect(json, request, answer);
    case Command::create:
      return write_create(json, request, answer);
    case Command::logoff:
      return;
  }
}

}  // namespace tsujiban::smb
