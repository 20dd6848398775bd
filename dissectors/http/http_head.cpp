// Heads: start lines and headers.
#include <algorithm>

#include "dissectors/http/http_scan.h"
#include "dissectors/http/http_wire.h"

namespace tsujiban::http {
namespace {

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

// A number that is no list, and far below what a length may be.
bool is_short_number(std::string_view text) noexcept {
  if (text.empty() || text.size() > 15) return false;
  for (const char c : text) {
    if (!is_digit(c)) return false;
  }
  return true;
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
    judge();
  }

  // The headers of a plain head: lines that CR LF ends, each a name of letters, digits and "-", a colon and a value
  // without a CR or LF. What is behind the empty line; null where there is none, or a line that is not plain.
  const char* plain_headers(const Scan& scan, const char* at) noexcept {
    const char* const end = scan.end();
    while (true) {
      if (end - at < 2) return nullptr;
      if (at[0] == '\r') break;
      const char* const colon = scan.find<NoNameBytes>(at);
      if (colon == end || *colon != ':' || colon == at) return nullptr;
      const char* const line_end = scan.find<LineEnds>(colon + 1);
      // With the first byte of the next line, which must not continue this one.
      if (end - line_end < 3 || line_end[0] != '\r' || line_end[1] != '\n' || is_blank(line_end[2])) return nullptr;
      ++out_.headers;
      field({at, static_cast<std::size_t>(colon - at)}, {colon + 1, static_cast<std::size_t>(line_end - colon - 1)});
      at = line_end + 2;
    }
    if (at[1] != '\n') return nullptr;
    judge();
    return at + 2;
  }

 private:
  // What only all headers together say.
  void judge() noexcept {
    if (out_.headers > headers_max) out_.flags.set(Flag::too_many_headers);
    if (!out_.has_transfer_encoding) return;
    if (!out_.chunked) out_.flags.set(Flag::te_not_chunked);
    if (out_.content_length >= 0 || out_.flags.has(Flag::length_invalid)) out_.flags.set(Flag::te_and_cl);
  }

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
    if (colon == std::string_view::npos || !is_token(name)) {
      if (!out_.flags.has(Flag::bad_header)) out_.bad_header_offset = static_cast<std::uint32_t>(begin);
      out_.flags.set(Flag::bad_header);
      return;
    }
    if (name.size() != colon) out_.flags.set(Flag::space_before_colon);
    field(name, line.substr(colon + 1));
  }

  // A header by the length of its name, and of one length by the whole name, which is a token. Only what is wanted is
  // trimmed of the blanks around it.
  void field(std::string_view name, std::string_view value) noexcept {
    const char* const at = name.data();
    switch (name.size()) {
      case 14:
        if (is_name(at, "content-length")) length(trimmed(value));
        return;
      case 16:
        if (is_name(at, "content-encoding")) return coding(trimmed(value));
        if (!request_ && everything_ && is_name(at, "www-authenticate"))
          keep(Field::www_authenticate, first_word(trimmed(value)));
        return;
      case 17:
        if (is_name(at, "transfer-encoding")) transfer_encoding(trimmed(value));
        return;
      default:
        if (depth_ == Depth::framing || out_.headers > headers_max) return;
        if (everything_) return request_ ? of_request(name, value) : of_response(name, value);
        if (request_ && (name.size() == 4 || name.size() == 13)) of_request(name, value);
    }
  }

  void of_request(std::string_view name, std::string_view value) noexcept {
    const char* const at = name.data();
    switch (name.size()) {
      case 4:
        if (is_name(at, "host")) {
          if (out_[Field::host].data() != nullptr) out_.flags.set(Flag::host_repeated);
          keep(Field::host, trimmed(value));
        }
        return;
      case 6:
        if (is_name(at, "cookie")) out_.cookie = true;
        return;
      case 7:
        if (is_name(at, "referer")) keep(Field::referer, trimmed(value));
        return;
      case 10:
        if (is_name(at, "user-agent")) keep(Field::user_agent, trimmed(value));
        return;
      case 12:
        if (is_name(at, "content-type")) keep(Field::request_content_type, trimmed(value));
        return;
      case 13:
        if (is_name(at, "authorization")) authorization(trimmed(value));
        return;
      case 15:
        if (is_name(at, "x-forwarded-for")) keep(Field::forwarded_for, trimmed(value));
        return;
      case 19:
        if (is_name(at, "proxy-authorization")) keep(Field::proxy_authorization, first_word(trimmed(value)));
        return;
      default:
        return;
    }
  }

  void of_response(std::string_view name, std::string_view value) noexcept {
    const char* const at = name.data();
    switch (name.size()) {
      case 4:
        if (is_name(at, "date")) keep(Field::date, trimmed(value));
        return;
      case 6:
        if (is_name(at, "server")) keep(Field::server, trimmed(value));
        return;
      case 7:
        if (is_name(at, "upgrade")) keep(Field::upgrade, trimmed(value));
        return;
      case 8:
        if (is_name(at, "location")) keep(Field::location, trimmed(value));
        return;
      case 10:
        if (is_name(at, "set-cookie")) out_.cookie = true;
        return;
      case 12:
        if (is_name(at, "content-type")) keep(Field::content_type, trimmed(value));
        return;
      case 13:
        if (is_name(at, "content-range")) keep(Field::content_range, trimmed(value));
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
    if (out_.content_length < 0 && is_short_number(value)) {
      out_.content_length = 0;
      for (const char c : value) out_.content_length = out_.content_length * 10 + (c - '0');
      return;
    }
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

bool is_request_line(std::string_view line) noexcept {
  const RequestLine parts = split_request(line);
  if (!is_token(parts.method) || parts.method.size() > method_bytes_max || parts.target.empty()) return false;
  // RTSP and SIP look alike up to their own name.
  if (parts.protocol.empty()) return is_known_method(parts.method);
  return parts.protocol.find("HTTP/") != std::string_view::npos || begins_ignoring_case(parts.protocol, "http/");
}

void read_request(Bytes head, Depth depth, Scratch& scratch, Head& out) noexcept {
  HeadReader reader(true, depth, scratch, out);
  const RequestLine parts = split_request(reader.start_line(text_of(head)));
  out[Field::method] = parts.method;
  out.type = type_of_method(parts.method);
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
  out.type = type_of_status(out.status);
  out[Field::protocol] = parts.method;
  reader.headers();
}

namespace {

// "HTTP/1.1" and "HTTP/1.0", which most heads have.
bool is_plain_version(const char* at) noexcept {
  return std::memcmp(at, "HTTP/1.", 7) == 0 && (at[7] == '1' || at[7] == '0');
}
constexpr std::size_t version_bytes = 8;

// Of a head that ends here; 0 where it does not, or is longer than a head may be.
std::size_t size_of_head(const Scan& scan, const char* end) noexcept {
  if (end == nullptr || static_cast<std::size_t>(end - scan.begin()) > head_bytes_max) return 0;
  return static_cast<std::size_t>(end - scan.begin());
}

}  // namespace

std::size_t read_plain_request(Bytes bytes, Depth depth, Scratch& scratch, Head& out) noexcept {
  if (bytes.size() < Scan::bytes_min) return 0;
  const std::string_view text = text_of(bytes);
  const Scan scan(text.data(), text.data() + text.size());
  const char* const method_end = scan.find<BlanksAndControls>(scan.begin());
  const std::string_view method = {scan.begin(), static_cast<std::size_t>(method_end - scan.begin())};
  if (method_end == scan.end() || *method_end != ' ' || method.size() > method_bytes_max) return 0;
  out.type = type_of_method(method);
  if (out.type == type_other_method && !is_token(method)) return 0;
  const char* const target = method_end + 1;
  const char* const target_end = scan.find<BlanksAndControls>(target);
  if (static_cast<std::size_t>(scan.end() - target_end) < 1 + version_bytes + 2 || target_end == target) return 0;
  const char* const version = target_end + 1;
  const char* const line_end = version + version_bytes;
  if (*target_end != ' ' || !is_plain_version(version) || line_end[0] != '\r' || line_end[1] != '\n') return 0;
  if (static_cast<std::size_t>(line_end - scan.begin()) > start_line_bytes_max) return 0;
  out[Field::method] = method;
  out[Field::url] = {target, static_cast<std::size_t>(target_end - target)};
  out[Field::protocol] = {version, version_bytes};
  out.version1 = true;
  if (depth == Depth::records) judge_target(out[Field::url], out.flags);
  HeadReader reader(true, depth, scratch, out);
  return size_of_head(scan, reader.plain_headers(scan, line_end + 2));
}

std::size_t read_plain_response(Bytes bytes, Depth depth, Scratch& scratch, Head& out) noexcept {
  if (bytes.size() < Scan::bytes_min) return 0;
  const std::string_view text = text_of(bytes);
  const Scan scan(text.data(), text.data() + text.size());
  // HTTP/1.1 200 OK
  const char* const status = scan.begin() + version_bytes + 1;
  if (!is_plain_version(scan.begin()) || status[-1] != ' ' || status[0] == '0') return 0;
  if (!is_digit(status[0]) || !is_digit(status[1]) || !is_digit(status[2])) return 0;
  if (status[3] != ' ' && status[3] != '\r') return 0;
  const char* const line_end = scan.find<LineEnds>(status + 3);
  if (scan.end() - line_end < 2 || line_end[0] != '\r' || line_end[1] != '\n') return 0;
  if (static_cast<std::size_t>(line_end - scan.begin()) > start_line_bytes_max) return 0;
  out.status = static_cast<std::uint16_t>((status[0] - '0') * 100 + (status[1] - '0') * 10 + (status[2] - '0'));
  out.type = type_of_status(out.status);
  out[Field::protocol] = {scan.begin(), version_bytes};
  out.version1 = true;
  HeadReader reader(false, depth, scratch, out);
  return size_of_head(scan, reader.plain_headers(scan, line_end + 2));
}

}  // namespace tsujiban::http
