#include "dissectors/http/http_wire.h"

#include <algorithm>
#include <cstring>

namespace tsujiban::http {
namespace {

constexpr std::array<std::string_view, static_cast<std::size_t>(Flag::count_)> flag_names = {
#define TSUJIBAN_ROW(name) #name,
    TSUJIBAN_HTTP_FLAGS(TSUJIBAN_ROW)
#undef TSUJIBAN_ROW
};
static_assert(static_cast<std::size_t>(Flag::count_) <= 64);

// The first ones have counters of their own (http_dissector.cpp names them); then WebDAV's and the rest of the IANA
// registry that is in use.
constexpr std::array<std::string_view, 26> methods = {
    "GET",      "HEAD",  "POST",   "PUT",  "DELETE",     "CONNECT", "OPTIONS", "TRACE",    "PATCH",
    "PROPFIND", "MKCOL", "COPY",   "MOVE", "LOCK",       "UNLOCK",  "REPORT",  "SEARCH",   "CHECKOUT",
    "CHECKIN",  "MERGE", "UPDATE", "ACL",  "MKCALENDAR", "QUERY",   "PURGE",   "PROPPATCH"};

constexpr std::array<bool, 256> token_table = [] {
  std::array<bool, 256> table{};
  for (unsigned c = '0'; c <= '9'; ++c) table[c] = true;
  for (unsigned c = 'A'; c <= 'Z'; ++c) table[c] = table[c + 32] = true;
  for (const char c : {'!', '#', '$', '%', '&', '\'', '*', '+', '-', '.', '^', '_', '`', '|', '~'})
    table[static_cast<unsigned char>(c)] = true;
  return table;
}();
bool is_token(char c) noexcept { return token_table[static_cast<unsigned char>(c)]; }
bool is_digit(char c) noexcept { return c >= '0' && c <= '9'; }
char lower(char c) noexcept { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; }
bool is_blank(char c) noexcept { return c == ' ' || c == '\t'; }

std::string_view text_of(Bytes bytes) noexcept { return {reinterpret_cast<const char*>(bytes.data()), bytes.size()}; }

bool is_known_method(std::string_view method) noexcept {
  return std::find(methods.begin(), methods.end(), method) != methods.end();
}

bool begins_ignoring_case(std::string_view text, std::string_view lower_case) noexcept {
  return text.size() >= lower_case.size() && equals_ignoring_case(text.substr(0, lower_case.size()), lower_case);
}

std::string_view first_word(std::string_view text) noexcept {
  return text.substr(0, std::min(text.find_first_of(" \t,;"), text.size()));
}

// What percent-decoding once would bring to light, and what it would hide (RFC 3986, 2.4 and 5.2.4).
void judge_target(std::string_view target, Flags& flags) noexcept {
  const std::string_view path = target.substr(0, std::min(target.find_first_of("?#"), target.size()));
  const auto decoded = [](std::string_view rest) -> int {
    const auto digit = [](char c) {
      return is_digit(c) ? c - '0' : lower(c) >= 'a' && lower(c) <= 'f' ? lower(c) - 'a' + 10 : -1;
    };
    if (rest.size() < 3 || digit(rest[1]) < 0 || digit(rest[2]) < 0) return -1;
    return digit(rest[1]) * 16 + digit(rest[2]);
  };
  bool escapes_dot = false;
  for (std::size_t at = target.find('%'); at != std::string_view::npos; at = target.find('%', at + 1)) {
    const int value = decoded(target.substr(at));
    if (value == 0) flags.set(Flag::encoded_nul);
    // %25XX: after one decoding an escape stands there again.
    if (value == '%' && decoded(target.substr(at + 2)) >= 0) flags.set(Flag::double_encoding);
    if (value == '.' && at < path.size()) escapes_dot = true;
  }
  if (!escapes_dot && path.find("..") == std::string_view::npos) return;
  // Segment by segment: "..", with either dot escaped or not.
  std::size_t dots = 0;
  bool other = false;
  for (std::size_t i = 0; i <= path.size(); ++i) {
    if (i == path.size() || path[i] == '/' || path[i] == '\\') {
      if (dots == 2 && !other) flags.set(Flag::dot_segments);
      dots = 0;
      other = false;
    } else if (path[i] == '.') {
      ++dots;
    } else if (path[i] == '%' && decoded(path.substr(i)) == '.') {
      ++dots;
      i += 2;
    } else {
      other = true;
    }
  }
}

struct RequestLine {
  std::string_view method, target, protocol;
  bool odd = false;  // More blanks than the two spaces.
};

RequestLine split_request(std::string_view line) noexcept {
  RequestLine parts;
  const auto word = [&](std::string_view& rest) {
    const std::size_t end = std::min(rest.find_first_of(" \t"), rest.size());
    const std::string_view found = rest.substr(0, end);
    std::size_t next = end;
    while (next < rest.size() && is_blank(rest[next])) ++next;
    if (next > end + 1 || (next > end && rest[end] == '\t')) parts.odd = true;
    rest.remove_prefix(next);
    return found;
  };
  parts.method = word(line);
  parts.target = word(line);
  parts.protocol = trimmed(line);
  if (parts.protocol.find(' ') != std::string_view::npos) parts.odd = true;
  return parts;
}

// "HTTP/1.0" and "HTTP/1.1", in any case; others are told.
void judge_version(std::string_view protocol, Head& out) noexcept {
  out.version1 = begins_ignoring_case(protocol, "http/1.") && protocol.size() == 8 && is_digit(protocol[7]);
  if (protocol != "HTTP/1.1" && protocol != "HTTP/1.0") out.flags.set(Flag::odd_version);
}

// Decodes Base64 up to a colon: the user of Basic (RFC 7617). Empty where there is none; the password is never decoded.
std::string_view basic_user(std::string_view encoded, Scratch& scratch) noexcept {
  constexpr std::size_t user_bytes_max = 255;
  char* const text = scratch.take(user_bytes_max);
  if (text == nullptr) return {};
  std::size_t size = 0;
  std::uint32_t bits = 0;
  unsigned held = 0;
  for (const char c : encoded) {
    const int value = c >= 'A' && c <= 'Z'   ? c - 'A'
                      : c >= 'a' && c <= 'z' ? c - 'a' + 26
                      : is_digit(c)          ? c - '0' + 52
                      : c == '+'             ? 62
                      : c == '/'             ? 63
                                             : -1;
    if (value < 0) return {};
    bits = bits << 6 | static_cast<std::uint32_t>(value);
    held += 6;
    if (held < 8) continue;
    held -= 8;
    const char byte = static_cast<char>(bits >> held & 0xFF);
    if (byte == ':') return {text, size};
    if (size == user_bytes_max) return {};
    text[size++] = byte;
  }
  return {};
}

// One header after the other of a head.
class HeadReader {
 public:
  HeadReader(bool request, Depth depth, Scratch& scratch, Head& out) noexcept
      : request_(request), everything_(depth == Depth::records), depth_(depth), scratch_(scratch), out_(out) {}

  std::string_view start_line(std::string_view head) noexcept {
    whole_ = head;
    return next_line();
  }
  void headers() noexcept {
    while (at_ < whole_.size()) {
      const std::size_t begin = at_;
      std::string_view line = next_line();
      if (line.empty()) break;
      bool folded = false;
      while (at_ < whole_.size() && is_blank(whole_[at_])) {
        folded = true;
        next_line();
      }
      if (folded) {
        out_.flags.set(Flag::folded_header);
        line = unfolded(whole_.substr(begin, at_ - begin));
      }
      ++out_.headers;
      header(line, begin);
    }
    if (out_.headers > headers_max) out_.flags.set(Flag::too_many_headers);
    if (out_.has_transfer_encoding && !out_.chunked) out_.flags.set(Flag::te_not_chunked);
    if (out_.has_transfer_encoding && (out_.content_length >= 0 || out_.flags.has(Flag::length_invalid)))
      out_.flags.set(Flag::te_and_cl);
  }

 private:
  std::string_view next_line() noexcept {
    const char* const begin = whole_.data() + at_;
    const auto* const end = static_cast<const char*>(std::memchr(begin, '\n', whole_.size() - at_));
    std::size_t size = end == nullptr ? whole_.size() - at_ : static_cast<std::size_t>(end - begin);
    at_ += end == nullptr ? size : size + 1;
    if (size > 0 && begin[size - 1] == '\r')
      --size;
    else
      out_.flags.set(Flag::lf_line);
    // Some readers take it for the end of a line (RFC 9112, 2.2).
    if (std::memchr(begin, '\r', size) != nullptr) out_.flags.set(Flag::bare_cr);
    return {begin, size};
  }

  // RFC 9112, 5.2: the line end and the blanks behind it become one space.
  std::string_view unfolded(std::string_view lines) noexcept {
    char* const text = scratch_.take(lines.size());
    if (text == nullptr) return lines.substr(0, lines.find_first_of("\r\n"));
    std::size_t size = 0;
    while (!lines.empty()) {
      const std::size_t end = std::min(lines.find('\n'), lines.size());
      std::string_view line = lines.substr(0, end);
      lines.remove_prefix(std::min(end + 1, lines.size()));
      if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
      line = trimmed(line);
      if (line.empty()) continue;
      if (size != 0) text[size++] = ' ';
      std::memcpy(text + size, line.data(), line.size());
      size += line.size();
    }
    return {text, size};
  }

  void header(std::string_view line, std::size_t begin) noexcept {
    const std::size_t colon = line.find(':');
    std::string_view name = trimmed(line.substr(0, std::min(colon, line.size())));
    const bool is_name = !name.empty() && std::all_of(name.begin(), name.end(), is_token);
    if (colon == std::string_view::npos || !is_name) {
      if (!out_.flags.has(Flag::bad_header)) out_.bad_header_offset = static_cast<std::uint32_t>(begin);
      out_.flags.set(Flag::bad_header);
      return;
    }
    if (name.size() != colon) out_.flags.set(Flag::space_before_colon);
    const std::string_view value = trimmed(line.substr(colon + 1));
    const auto is = [&](std::string_view known) { return equals_ignoring_case(name, known); };
    // By the length of the name, and of one length by the whole name.
    switch (name.size()) {
      case 14:
        if (is("content-length")) return length(value);
        return;
      case 16:
        if (is("content-encoding")) return coding(value);
        if (!request_ && everything_ && is("www-authenticate")) return keep(Field::www_authenticate, first_word(value));
        return;
      case 17:
        if (is("transfer-encoding")) return transfer_encoding(value);
        return;
      default:
        if (depth_ == Depth::framing || out_.headers > headers_max) return;
        if (!everything_) return for_facts(name, value);
        return request_ ? of_request(name, value) : of_response(name, value);
    }
  }

  void for_facts(std::string_view name, std::string_view value) noexcept {
    if (!request_) return;
    if (name.size() == 4 || name.size() == 13) of_request(name, value);
  }

  void of_request(std::string_view name, std::string_view value) noexcept {
    const auto is = [&](std::string_view known) { return equals_ignoring_case(name, known); };
    switch (name.size()) {
      case 4:
        if (is("host")) {
          if (out_[Field::host].data() != nullptr) out_.flags.set(Flag::host_repeated);
          keep(Field::host, value);
        }
        return;
      case 6:
        if (is("cookie")) out_.cookie = true;
        return;
      case 7:
        if (is("referer")) keep(Field::referer, value);
        return;
      case 10:
        if (is("user-agent")) keep(Field::user_agent, value);
        return;
      case 12:
        if (is("content-type")) keep(Field::request_content_type, value);
        return;
      case 13:
        if (is("authorization")) authorization(value);
        return;
      case 15:
        if (is("x-forwarded-for")) keep(Field::forwarded_for, value);
        return;
      case 19:
        if (is("proxy-authorization")) keep(Field::proxy_authorization, first_word(value));
        return;
      default:
        return;
    }
  }

  void of_response(std::string_view name, std::string_view value) noexcept {
    const auto is = [&](std::string_view known) { return equals_ignoring_case(name, known); };
    switch (name.size()) {
      case 4:
        if (is("date")) keep(Field::date, value);
        return;
      case 6:
        if (is("server")) keep(Field::server, value);
        return;
      case 7:
        if (is("upgrade")) keep(Field::upgrade, value);
        return;
      case 8:
        if (is("location")) keep(Field::location, value);
        return;
      case 10:
        if (is("set-cookie")) out_.cookie = true;
        return;
      case 12:
        if (is("content-type")) keep(Field::content_type, value);
        return;
      case 13:
        if (is("content-range")) keep(Field::content_range, value);
        return;
      default:
        return;
    }
  }

  // Repeated headers make one list (RFC 9110, 5.3).
  void keep(Field field, std::string_view value) noexcept {
    std::string_view& kept = out_[field];
    if (kept.data() == nullptr) {
      kept = value;
      return;
    }
    const std::size_t size = kept.size() + 2 + value.size();
    char* const text = scratch_.take(size);
    if (text == nullptr) return;
    std::memcpy(text, kept.data(), kept.size());
    std::memcpy(text + kept.size(), ", ", 2);
    std::memcpy(text + kept.size() + 2, value.data(), value.size());
    kept = {text, size};
  }

  void length(std::string_view value) noexcept {
    while (true) {
      const std::size_t comma = std::min(value.find(','), value.size());
      const std::string_view one = trimmed(value.substr(0, comma));
      std::uint64_t number = 0;
      bool valid = !one.empty();
      for (const char c : one) {
        valid = valid && is_digit(c) && number < body_bytes_max / 10;
        if (valid) number = number * 10 + static_cast<std::uint64_t>(c - '0');
      }
      if (!valid) {
        out_.flags.set(Flag::length_invalid);
      } else if (out_.content_length < 0) {
        out_.content_length = static_cast<std::int64_t>(number);
      } else {
        out_.flags.set(number == static_cast<std::uint64_t>(out_.content_length) ? Flag::lengths_repeated
                                                                                 : Flag::lengths_differ);
      }
      if (comma == value.size()) return;
      value.remove_prefix(comma + 1);
    }
  }

  void transfer_encoding(std::string_view value) noexcept {
    out_.has_transfer_encoding = true;
    if (everything_) keep(request_ ? Field::request_transfer_encoding : Field::transfer_encoding, value);
    const std::size_t comma = value.rfind(',');
    const std::string_view last = trimmed(comma == std::string_view::npos ? value : value.substr(comma + 1));
    out_.chunked = equals_ignoring_case(last, "chunked");
  }

  void coding(std::string_view value) noexcept {
    if (everything_) keep(request_ ? Field::request_content_encoding : Field::content_encoding, value);
    const bool first = out_.coding == Coding::identity;
    if (value.empty() || equals_ignoring_case(value, "identity")) return;
    if (equals_ignoring_case(value, "gzip") || equals_ignoring_case(value, "x-gzip"))
      out_.coding = first ? Coding::gzip : Coding::other;
    else if (equals_ignoring_case(value, "deflate"))
      out_.coding = first ? Coding::deflate : Coding::other;
    else
      out_.coding = Coding::other;
  }

  void authorization(std::string_view value) noexcept {
    // Some clients send the bare secret, without a scheme; then nothing of it is shown.
    const std::string_view scheme = first_word(value);
    if (scheme.size() == value.size() && scheme.size() > 16) return keep(Field::authorization, "-");
    keep(Field::authorization, scheme);
    if (equals_ignoring_case(scheme, "basic") && out_[Field::authorization_user].empty())
      out_[Field::authorization_user] = basic_user(trimmed(value.substr(scheme.size())), scratch_);
  }

  bool request_, everything_;
  Depth depth_;
  Scratch& scratch_;
  Head& out_;
  std::string_view whole_;
  std::size_t at_ = 0;
};

}  // namespace

std::string_view name_of(Flag flag) noexcept { return flag_names[static_cast<std::size_t>(flag)]; }

bool equals_ignoring_case(std::string_view text, std::string_view lower_case) noexcept {
  if (text.size() != lower_case.size()) return false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (lower(text[i]) != lower_case[i]) return false;
  }
  return true;
}

bool same_ignoring_case(std::string_view a, std::string_view b) noexcept {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](char x, char y) { return lower(x) == lower(y); });
}

void make_lower(char* text, std::size_t size) noexcept {
  for (std::size_t i = 0; i < size; ++i) text[i] = lower(text[i]);
}

std::string_view trimmed(std::string_view text) noexcept {
  while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_blank(text.back())) text.remove_suffix(1);
  return text;
}

bool is_request_line(std::string_view line) noexcept {
  const RequestLine parts = split_request(line);
  if (parts.method.empty() || parts.method.size() > method_bytes_max || parts.target.empty()) return false;
  if (!std::all_of(parts.method.begin(), parts.method.end(), is_token)) return false;
  // RTSP and SIP look alike up to their own name.
  if (parts.protocol.empty()) return is_known_method(parts.method);
  return parts.protocol.find("HTTP/") != std::string_view::npos || begins_ignoring_case(parts.protocol, "http/");
}

bool can_begin_request(Bytes bytes) noexcept {
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    const char c = static_cast<char>(bytes[i]);
    if (is_blank(c)) return i > 0;
    if (i == method_bytes_max || !is_token(c)) return false;
  }
  return true;
}

bool can_begin_response(Bytes bytes) noexcept {
  constexpr std::string_view begin = "http/";
  const std::string_view text = text_of(bytes.first(std::min(bytes.size(), begin.size())));
  return equals_ignoring_case(text, begin.substr(0, text.size()));
}

void read_request(Bytes head, Depth depth, Scratch& scratch, Head& out) noexcept {
  HeadReader reader(true, depth, scratch, out);
  const RequestLine parts = split_request(reader.start_line(text_of(head)));
  out[Field::method] = parts.method;
  out[Field::url] = parts.target;
  if (parts.protocol.empty()) {
    out.version1 = true;
    out.flags.set(Flag::no_version);
  } else {
    judge_version(parts.protocol, out);
    out[Field::protocol] = parts.protocol;
  }
  if (parts.odd) out.flags.set(Flag::odd_start_line);
  if (depth == Depth::records) judge_target(parts.target, out.flags);
  reader.headers();
}

void read_response(Bytes head, Depth depth, Scratch& scratch, Head& out) noexcept {
  HeadReader reader(false, depth, scratch, out);
  const RequestLine parts = split_request(reader.start_line(text_of(head)));
  judge_version(parts.method, out);
  const std::string_view status = parts.target;
  if (status.size() == 3 && std::all_of(status.begin(), status.end(), is_digit) && status[0] != '0') {
    out.status = static_cast<std::uint16_t>((status[0] - '0') * 100 + (status[1] - '0') * 10 + (status[2] - '0'));
  } else {
    out.flags.set(Flag::odd_status);
    out[Field::status_text] = status;
  }
  out[Field::protocol] = parts.method;
  reader.headers();
}

std::size_t request_before(Bytes bytes, std::size_t version) noexcept {
  const std::string_view text = text_of(bytes);
  const std::size_t reach = version > start_line_bytes_max ? version - start_line_bytes_max : 0;
  const std::string_view line = text.substr(reach, version - reach);
  const std::size_t space = line.find_last_of(" \r\n");
  if (space == std::string_view::npos || line[space] != ' ' || space + 1 == line.size()) return std::string_view::npos;
  const std::string_view before = line.substr(0, space);
  std::size_t longest = 0;
  for (const std::string_view method : methods) {
    if (before.ends_with(method)) longest = std::max(longest, method.size());
  }
  return longest == 0 ? std::string_view::npos : reach + space - longest;
}

bool is_response_start(Bytes bytes) noexcept {
  const std::string_view text = text_of(bytes);
  return text.starts_with(response_mark) && is_digit(text[7]) && text[8] == ' ' && is_digit(text[9]) &&
         is_digit(text[10]) && is_digit(text[11]);
}

bool read_chunk_size(std::string_view line, std::uint64_t& size, Flags& flags) noexcept {
  std::size_t at = 0;
  // Control characters before the size: browsers and proxies differ in what they forgive.
  while (at < line.size() && (is_blank(line[at]) || line[at] == '\v' || line[at] == '\f' || line[at] == '\r')) ++at;
  if (at != 0) flags.set(Flag::odd_chunk);
  const std::size_t begin = at;
  size = 0;
  for (; at < line.size(); ++at) {
    const char c = lower(line[at]);
    const int value = is_digit(c) ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
    if (value < 0) break;
    if (size >= body_bytes_max / 16) return false;
    size = size * 16 + static_cast<std::uint64_t>(value);
  }
  if (at == begin) return false;
  while (at < line.size() && is_blank(line[at])) ++at;
  if (at < line.size()) flags.set(line[at] == ';' ? Flag::chunk_extension : Flag::odd_chunk);
  return true;
}

std::uint8_t type_of_method(std::string_view method) noexcept {
  constexpr std::size_t counted = 9;
  const auto* const at = std::find(methods.begin(), methods.begin() + counted, method);
  return static_cast<std::uint8_t>(at - methods.begin());
}

std::uint8_t type_of_status(std::uint16_t status) noexcept {
  return static_cast<std::uint8_t>(status >= 100 && status < 600 ? 9 + status / 100 : 15);
}

std::string_view authority_of(std::string_view url) noexcept {
  const std::size_t scheme = url.find("://");
  if (scheme == std::string_view::npos || scheme > 16 || url.find_first_of("/?#") < scheme) return {};
  const std::string_view rest = url.substr(scheme + 3);
  return rest.substr(0, std::min(rest.find_first_of("/?#"), rest.size()));
}

std::string_view host_of(std::string_view authority, std::int32_t& port) noexcept {
  port = -1;
  const std::size_t at = authority.rfind('@');
  if (at != std::string_view::npos) authority.remove_prefix(at + 1);
  std::size_t colon = authority.find(':');
  if (!authority.empty() && authority[0] == '[') {
    const std::size_t end = authority.find(']');
    if (end == std::string_view::npos) return authority;
    colon = authority.find(':', end);
  }
  if (colon == std::string_view::npos) return trimmed(authority);
  const std::string_view digits = trimmed(authority.substr(colon + 1));
  std::int32_t number = digits.empty() ? -1 : 0;
  for (const char c : digits) {
    if (!is_digit(c) || number > 65535) return trimmed(authority.substr(0, colon));
    number = number * 10 + (c - '0');
  }
  if (number > 0 && number <= 65535) port = number;
  return trimmed(authority.substr(0, colon));
}

}  // namespace tsujiban::http
