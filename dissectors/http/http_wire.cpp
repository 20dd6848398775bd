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

}  // namespace

std::string_view name_of(Flag flag) noexcept { return flag_names[static_cast<std::size_t>(flag)]; }

bool same_ignoring_case(std::string_view a, std::string_view b) noexcept {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](char x, char y) { return lower(x) == lower(y); });
}

void make_lower(char* text, std::size_t size) noexcept {
  for (std::size_t i = 0; i < size; ++i) text[i] = lower(text[i]);
}

bool is_known_method(std::string_view method) noexcept {
  return std::find(methods.begin(), methods.end(), method) != methods.end();
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

// The method's place in the list.
std::uint8_t type_of_method(std::string_view method) noexcept {
  const auto is = [&](const auto& known) { return std::memcmp(method.data(), known, sizeof known - 1) == 0; };
  switch (method.size()) {
    case 3:
      return is("GET") ? 0 : is("PUT") ? 3 : type_other_method;
    case 4:
      return is("POST") ? type_post : is("HEAD") ? type_head : type_other_method;
    case 5:
      return is("PATCH") ? 8 : is("TRACE") ? 7 : type_other_method;
    case 6:
      return is("DELETE") ? 4 : type_other_method;
    case 7:
      return is("OPTIONS") ? 6 : is("CONNECT") ? type_connect : type_other_method;
    default:
      return type_other_method;
  }
}

std::uint8_t type_of_status(std::uint16_t status) noexcept {
  return static_cast<std::uint8_t>(status >= 100 && status < 600 ? 9 + status / 100 : 15);
}

std::string_view authority_of(std::string_view url) noexcept {
  const std::size_t scheme = url.find("://");
  if (scheme > 16 || url.find_first_of("/?#") < scheme) return {};  // As npos is, where there is none.
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
