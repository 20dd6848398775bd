#include "dissectors/tls/tls_upgrade.h"

#include <algorithm>
#include <string_view>

namespace tsujiban::tls {
namespace {

constexpr std::size_t looked_at_max = 512;  // RFC 5321, 4.5.3.1.5: a line of a reply; a stream header is no longer.

char lower(char c) noexcept { return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c; }

bool begins_with(std::string_view text, std::string_view lower_case) noexcept {
  return text.size() >= lower_case.size() &&
         std::equal(lower_case.begin(), lower_case.end(), text.begin(), [](char a, char b) { return a == lower(b); });
}
bool contains(std::string_view text, std::string_view lower_case) noexcept {
  return std::search(text.begin(), text.end(), lower_case.begin(), lower_case.end(),
                     [](char a, char b) { return lower(a) == b; }) != text.end();
}

bool is_smtp(std::string_view text) noexcept {
  if (begins_with(text, "ehlo ") || begins_with(text, "helo ") || begins_with(text, "starttls\r")) return true;
  // The greeting names the protocol by custom (RFC 5321, 4.2: "220 <domain> ESMTP"); FTP's begins alike.
  const bool greeting = begins_with(text, "220 ") || begins_with(text, "220-");
  return greeting && contains(text.substr(0, text.find('\n')), "smtp");
}

bool is_xmpp(std::string_view text) noexcept {
  const std::size_t begin = std::min(text.find_first_not_of(" \t\r\n"), text.size());
  text.remove_prefix(begin);
  if (begins_with(text, "<stream:stream") || begins_with(text, "<starttls") || begins_with(text, "<proceed"))
    return true;
  if (!begins_with(text, "<?xml")) return false;
  // The header may come by itself.
  const std::size_t end = text.find("?>");
  if (end == std::string_view::npos) return false;
  text.remove_prefix(end + 2);
  const std::size_t next = text.find_first_not_of(" \t\r\n");
  return next == std::string_view::npos || begins_with(text.substr(next), "<stream:stream");
}

}  // namespace

bool may_upgrade(Bytes piece) noexcept {
  const std::string_view text{reinterpret_cast<const char*>(piece.data()), std::min(piece.size(), looked_at_max)};
  return is_smtp(text) || is_xmpp(text);
}

}  // namespace tsujiban::tls
