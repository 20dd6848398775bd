// The pages whose changes are told (web.content-change).
#include <algorithm>
#include <unordered_map>

#include "base/hash.h"
#include "config/sections.h"

namespace tsujiban::config {
namespace {

constexpr std::string_view scheme = "http://", secure_scheme = "https://";

char lower(char c) noexcept { return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c; }

bool begins_with(std::string_view text, std::string_view lower_case) noexcept {
  return text.size() >= lower_case.size() &&
         std::equal(lower_case.begin(), lower_case.end(), text.begin(), [](char a, char b) { return a == lower(b); });
}

// RFC 3986, 3.2.2: a name, an address, or an IPv6 address in brackets.
bool is_host(std::string_view host) noexcept {
  if (host.size() > 2 && host.front() == '[' && host.back() == ']')
    return std::all_of(host.begin() + 1, host.end() - 1, [](char c) {
      return (c >= '0' && c <= '9') || (lower(c) >= 'a' && lower(c) <= 'f') || c == ':' || c == '.';
    });
  return !host.empty() && host.size() <= 253 && std::all_of(host.begin(), host.end(), [](char c) {
    return (c >= '0' && c <= '9') || (lower(c) >= 'a' && lower(c) <= 'z') || c == '-' || c == '.' || c == '_';
  });
}

// What is wrong with `text`; else `url` is its form in Config.
std::string read_url(std::string_view text, std::string& url) {
  static const std::string accepted = "; accepted: http://www.example.jp/index.html";
  if (text.size() > watched_url_bytes_max)
    return "a URL of " + std::to_string(text.size()) + " bytes; at most " + std::to_string(watched_url_bytes_max) +
           " are accepted";
  if (begins_with(text, secure_scheme))
    return in_quotes(text) + " is encrypted, and what it brings cannot be read" + accepted;
  if (!begins_with(text, scheme)) return in_quotes(text) + " is no URL of a page" + accepted;
  std::string_view rest = text.substr(scheme.size());
  rest = rest.substr(0, rest.find('#'));
  const std::size_t host_end = std::min(rest.find_first_of("/?"), rest.size());
  const std::string_view host = rest.substr(0, host_end), target = rest.substr(host_end);
  if (host.find('@') != std::string_view::npos) return in_quotes(text) + " has a user in it; leave it out";
  if (host.find(':', host.rfind(']') == std::string_view::npos ? 0 : host.rfind(']')) != std::string_view::npos)
    return in_quotes(text) + " has a port; leave it out, the page is watched on every port";
  if (!is_host(host)) return in_quotes(text) + " names no host" + accepted;
  if (std::any_of(target.begin(), target.end(), [](char c) { return c <= ' ' || c > '~'; }))
    return in_quotes(text) +
           " has a character that a URL cannot have (RFC 3986, 2); write it as %XX, as clients send it";
  url = scheme;
  for (const char c : host.ends_with('.') ? host.substr(0, host.size() - 1) : host) url += lower(c);
  // The path of a URL without one is sent as "/" (RFC 9112, 3.2.1).
  if (target.empty() || target[0] == '?') url += '/';
  url += target;
  return {};
}

}  // namespace

std::uint64_t watched_hash_of(std::string_view host_and_target) noexcept {
  return hash_bytes(HashSeed{},
                    {reinterpret_cast<const std::uint8_t*>(host_and_target.data()), host_and_target.size()});
}

void read_watched_urls(Building& building, const Value& value) {
  Context& context = building.context;
  std::unordered_map<std::uint64_t, Position> taken;
  std::vector<std::pair<std::uint64_t, WatchedUrl>> urls;
  bool full = false;
  read_one_or_list(context, value, "urls", [&](const Value& item, std::string_view text) {
    std::string url;
    if (const std::string message = read_url(text, url); !message.empty()) return wrong(context, item, "urls", message);
    const std::uint64_t hash = watched_hash_of(std::string_view(url).substr(scheme.size()));
    const auto [at, added] = taken.try_emplace(hash, item.position());
    if (!added)
      return wrong(
          context, item, "urls",
          in_quotes(url) + " is here twice; the first is on " + context.faults.reference(at->second, item.file));
    if (urls.size() == watched_urls_max) {
      if (!full) wrong(context, item, "urls", "more than " + std::to_string(watched_urls_max) + " pages");
      full = true;
      return;
    }
    urls.push_back({hash, {url, context.faults.place_of(item.position())}});
  });
  std::sort(urls.begin(), urls.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  for (auto& [hash, watched] : urls) {
    building.config.watched_url_hashes.push_back(hash);
    building.config.watched_urls.push_back(std::move(watched));
  }
}

}  // namespace tsujiban::config
