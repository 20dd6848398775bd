#include "dissectors/ssh/ssh_wire.h"

#include <algorithm>

namespace tsujiban::ssh {

KexInit read_kexinit(Bytes payload) noexcept {
  KexInit read;
  std::size_t at = 1 + cookie_bytes;
  for (std::string_view& list : read.lists) {
    read.error_offset = static_cast<std::uint32_t>(at);
    if (at + 4 > payload.size()) return read;
    const std::size_t size = load_be32(payload, at);
    if (size > payload.size() - at - 4) return read;
    list = {reinterpret_cast<const char*>(payload.data()) + at + 4, size};
    at += 4 + size;
  }
  read.error_offset = static_cast<std::uint32_t>(at);
  // first_kex_packet_follows and a reserved number.
  if (payload.size() - at < 5) return read;
  read.guess_follows = payload[at] != 0;
  read.valid = true;
  return read;
}

namespace {

std::string_view take_name(std::string_view& list) noexcept {
  const std::size_t end = std::min(list.find(','), list.size());
  const std::string_view name = list.substr(0, end);
  list.remove_prefix(std::min(end + 1, list.size()));
  return name;
}

// Signals that stand among the key exchange methods and are never agreed on (RFC 8308, 2.1; OpenSSH's PROTOCOL, 1.10).
bool is_signal(std::string_view name) noexcept {
  return name == "ext-info-c" || name == "ext-info-s" || name.starts_with("kex-strict-");
}

}  // namespace

std::string_view agreed(std::string_view client, std::string_view server) noexcept {
  unsigned left = names_max;
  while (!client.empty() && left-- > 0) {
    const std::string_view name = take_name(client);
    if (name.empty() || is_signal(name)) continue;
    std::string_view rest = server;
    unsigned servers_left = names_max;
    while (!rest.empty() && servers_left-- > 0) {
      if (take_name(rest) == name) return name;
    }
  }
  return {};
}

bool is_authenticated(std::string_view cipher) noexcept {
  return cipher.starts_with("chacha20-poly1305") || cipher.starts_with("AEAD_") || cipher.find("-gcm") != cipher.npos;
}

Identification read_identification(std::string_view line) noexcept {
  Identification read;
  if (!line.starts_with(identification_mark)) return read;
  line.remove_prefix(identification_mark.size());
  const std::size_t dash = line.find('-');
  if (dash == 0 || dash == std::string_view::npos) return read;
  read.protocol = line.substr(0, dash);
  line.remove_prefix(dash + 1);
  const std::size_t space = std::min(line.find(' '), line.size());
  read.software = line.substr(0, space);
  if (space < line.size()) read.comments = line.substr(space + 1);
  read.valid = !read.software.empty();
  return read;
}

}  // namespace tsujiban::ssh
