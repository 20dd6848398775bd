#include "dissectors/http/http_json.h"

#include <algorithm>

#include "output/privacy.h"

namespace tsujiban::http {
namespace {

// Query keys whose values are secrets (RFC 6750, 2.3, and what sites use); they are not written.
constexpr std::array<std::string_view, 12> secret_keys = {"access_token", "token",  "api_key",       "apikey",
                                                          "password",     "passwd", "pwd",           "pass",
                                                          "secret",       "auth",   "client_secret", "refresh_token"};
constexpr std::string_view redacted = "***";

// A URL without passwords: neither of its user information (RFC 3986, 3.2.1) nor of its query.
class UrlWriter {
 public:
  void write(JsonWriter& json, std::string_view name, std::string_view url) noexcept {
    const std::size_t query = url.find('?');
    const std::string_view authority = authority_of(url);
    const std::size_t user_end = authority.rfind('@');
    if (query == std::string_view::npos && user_end == std::string_view::npos) return json.field(name, url);
    std::size_t at = 0;
    if (user_end != std::string_view::npos) {
      const auto begin = static_cast<std::size_t>(authority.data() - url.data());
      add(url.substr(0, begin));
      add(redacted);
      at = begin + user_end;
    }
    if (query == std::string_view::npos || query < at) {
      add(url.substr(at));
      return json.field(name, std::string_view(text_, size_));
    }
    add(url.substr(at, query + 1 - at));
    at = query + 1;
    while (true) {
      const std::size_t end = std::min(url.find_first_of("&;#", at), url.size());
      const std::string_view pair = url.substr(at, end - at);
      const std::size_t equals = pair.find('=');
      const bool secret = equals != std::string_view::npos &&
                          std::any_of(secret_keys.begin(), secret_keys.end(), [&](std::string_view key) {
                            return equals_ignoring_case(pair.substr(0, equals), key);
                          });
      add(secret ? pair.substr(0, equals + 1) : pair);
      if (secret) add(redacted);
      if (end == url.size()) break;
      add(url.substr(end, 1));
      at = end + 1;
    }
    json.field(name, std::string_view(text_, size_));
  }

 private:
  void add(std::string_view part) noexcept {
    const std::size_t room = std::min(part.size(), sizeof text_ - size_);
    std::memcpy(text_ + size_, part.data(), room);
    size_ += room;
  }
  std::size_t size_ = 0;
  char text_[url_bytes_max + 1024];  // Redacted values may be longer than what they stand for.
};

void write_url(JsonWriter& json, std::string_view name, std::string_view url) noexcept {
  if (url.find_first_of("?@") == std::string_view::npos) return json.field(name, url);
  UrlWriter writer;
  writer.write(json, name, url);
}

bool take_number(std::string_view& text, std::uint64_t& number) noexcept {
  std::size_t digits = 0;
  number = 0;
  while (digits < text.size() && digits < 18 && text[digits] >= '0' && text[digits] <= '9')
    number = number * 10 + static_cast<std::uint64_t>(text[digits++] - '0');
  text.remove_prefix(digits);
  return digits > 0;
}

// RFC 9110, 14.4: "bytes 0-499/1234"; `*` for what is not known.
void write_content_range(JsonWriter& json, std::string_view raw) noexcept {
  json.key("content_range");
  json.begin_object();
  json.field("raw", raw);
  std::string_view rest = raw;
  std::uint64_t start = 0, end = 0, size = 0;
  if (rest.starts_with("bytes ")) {
    rest.remove_prefix(6);
    bool has_range = false, valid = true;
    if (rest.starts_with("*")) {
      rest.remove_prefix(1);
    } else {
      valid = has_range = take_number(rest, start) && rest.starts_with("-");
      if (valid) {
        rest.remove_prefix(1);
        valid = take_number(rest, end);
      }
    }
    valid = valid && rest.starts_with("/");
    if (valid) {
      rest.remove_prefix(1);
      const bool known = take_number(rest, size);
      if (known || rest == "*") {
        if (has_range) json.field("start", start), json.field("end", end);
        if (known) json.field("size", size);
      }
    }
  }
  json.end_object();
}

}  // namespace

void write_event(JsonWriter& json, const Events& events, const HttpEvent& event, const output::Mask* mask) noexcept {
  const auto text = [&](Field field) { return events.get(event, field); };
  const auto show = [&](std::string_view name, Field field) {
    const std::string_view value = text(field);
    if (!value.empty()) json.field(name, value);
  };
  const auto show_url = [&](std::string_view name, Field field) {
    const std::string_view value = text(field);
    if (!value.empty()) write_url(json, name, value);
  };
  show("hostname", Field::host);
  if (event.port >= 0) json.field("http_port", event.port);
  show_url("url", Field::url);
  show("http_user_agent", Field::user_agent);
  show("xff", Field::forwarded_for);
  const std::string_view type = text(Field::content_type);
  if (!type.empty()) json.field("http_content_type", type.substr(0, std::min(type.find(';'), type.size())));
  if (!text(Field::content_range).empty()) write_content_range(json, text(Field::content_range));
  show_url("http_refer", Field::referer);
  show("http_method", Field::method);
  show("protocol", Field::protocol);
  if (event.status != 0)
    json.field("status", event.status);
  else
    show("status_string", Field::status_text);
  show_url("redirect", Field::location);
  const HttpEvent::Body &request = event.body(BodyOf::request), &response = event.body(BodyOf::response);
  json.field("length", response.wire);

  // From here on what Suricata has not.
  show("request_content_type", Field::request_content_type);
  if (request.entity != 0) json.field("request_length", request.entity);
  show("request_transfer_encoding", Field::request_transfer_encoding);
  show("request_content_encoding", Field::request_content_encoding);
  if (request.decoded_whole) json.field("request_decoded_length", request.decoded);
  show("authorization", Field::authorization);
  const std::string_view user = text(Field::authorization_user);
  if (!user.empty()) {
    if (mask != nullptr && mask->on()) {
      const output::Mask::Text masked = mask->of({reinterpret_cast<const std::uint8_t*>(user.data()), user.size()});
      json.field("authorization_user", masked.view());
    } else {
      json.field("authorization_user", user);
    }
  }
  show("proxy_authorization", Field::proxy_authorization);
  show("www_authenticate", Field::www_authenticate);
  if (event.cookie) json.field("cookie", true);
  if (event.set_cookie) json.field("set_cookie", true);
  show("server", Field::server);
  show("date", Field::date);
  show("upgrade", Field::upgrade);
  show("transfer_encoding", Field::transfer_encoding);
  show("content_encoding", Field::content_encoding);
  if (event.chunked_response) json.field("entity_length", response.entity);
  if (response.decoded_whole) json.field("decoded_length", response.decoded);
  if (event.interim != 0) json.field("interim", event.interim);
  if (event.flags.bits() == 0) return;
  json.key("flags");
  json.begin_array();
  for (std::uint64_t bits = event.flags.bits(); bits != 0; bits &= bits - 1)
    json.plain_string(name_of(static_cast<Flag>(__builtin_ctzll(bits))));
  json.end_array();
}

}  // namespace tsujiban::http
