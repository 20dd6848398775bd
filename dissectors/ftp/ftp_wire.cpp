#include "dissectors/ftp/ftp_wire.h"

#include <algorithm>
#include <array>

namespace tsujiban::ftp {
namespace {

constexpr std::array<std::string_view, static_cast<std::size_t>(Verb::count_)> names = {
    "",
#define TSUJIBAN_ROW(name) #name,
    TSUJIBAN_FTP_COMMANDS(TSUJIBAN_ROW)
#undef TSUJIBAN_ROW
};

constexpr char lower(char c) noexcept { return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c; }
constexpr bool is_letter(char c) noexcept { return lower(c) >= 'a' && lower(c) <= 'z'; }
constexpr bool is_digit(char c) noexcept { return c >= '0' && c <= '9'; }

bool take_number(std::string_view& text, std::uint32_t most, std::uint32_t& number) noexcept {
  std::size_t digits = 0;
  number = 0;
  while (digits < text.size() && digits < 6 && is_digit(text[digits]))
    number = number * 10 + static_cast<std::uint32_t>(text[digits++] - '0');
  text.remove_prefix(digits);
  return digits > 0 && number <= most;
}

}  // namespace

std::string_view name_of(Verb verb) noexcept { return names[static_cast<std::size_t>(verb)]; }

Command read_command(std::string_view line) noexcept {
  // ABOR and STAT come behind Telnet's interrupt and synch (RFC 959, 4.1.3).
  while (line.size() >= 2 && static_cast<std::uint8_t>(line[0]) == 0xFF && static_cast<std::uint8_t>(line[1]) >= 0xF0)
    line.remove_prefix(2);
  if (!line.empty() && static_cast<std::uint8_t>(line[0]) == 0xF2) line.remove_prefix(1);
  Command command;
  std::size_t size = 0;
  while (size < line.size() && size <= verb_bytes_max && is_letter(line[size])) ++size;
  if (size == 0 || size > verb_bytes_max || (size < line.size() && line[size] != ' ')) return command;
  command.valid = true;
  command.name = line.substr(0, size);
  if (size < line.size()) command.argument = line.substr(size + 1);
  for (std::size_t i = 1; i < names.size(); ++i) {
    if (names[i].size() == size &&
        std::equal(names[i].begin(), names[i].end(), line.begin(), [](char a, char b) { return a == lower(b); })) {
      command.verb = static_cast<Verb>(i);
      break;
    }
  }
  return command;
}

Reply read_reply(std::string_view line) noexcept {
  Reply reply;
  reply.text = line;
  if (line.size() < 3 || !is_digit(line[0]) || !is_digit(line[1]) || !is_digit(line[2])) return reply;
  if (line[0] < '1' || line[0] > '6' || (line.size() > 3 && line[3] != ' ' && line[3] != '-')) return reply;
  reply.code = static_cast<std::uint16_t>((line[0] - '0') * 100 + (line[1] - '0') * 10 + (line[2] - '0'));
  reply.more = line.size() > 3 && line[3] == '-';
  reply.text = line.size() > 4 ? line.substr(4) : std::string_view{};
  return reply;
}

Endpoint read_six_numbers(std::string_view text) noexcept {
  Endpoint endpoint;
  while (!text.empty() && !is_digit(text[0])) text.remove_prefix(1);
  std::array<std::uint32_t, 6> numbers{};
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    if (i > 0) {
      if (text.empty() || text[0] != ',') return endpoint;
      text.remove_prefix(1);
    }
    if (!take_number(text, 255, numbers[i])) return endpoint;
  }
  endpoint.address = IpAddress::v4(numbers[0] << 24 | numbers[1] << 16 | numbers[2] << 8 | numbers[3]);
  endpoint.port = static_cast<std::uint16_t>(numbers[4] << 8 | numbers[5]);
  endpoint.valid = endpoint.has_address = true;
  return endpoint;
}

// <d> family <d> address <d> port <d>
Endpoint read_eprt(std::string_view text) noexcept {
  Endpoint endpoint;
  if (text.empty()) return endpoint;
  const char delimiter = text[0];
  text.remove_prefix(1);
  std::uint32_t family = 0, port = 0;
  if (!take_number(text, 2, family) || family == 0 || text.empty() || text[0] != delimiter) return endpoint;
  text.remove_prefix(1);
  const std::size_t end = text.find(delimiter);
  if (end == std::string_view::npos) return endpoint;
  const std::string_view address = text.substr(0, end);
  if (!parse_ip(address, endpoint.address) || endpoint.address.is_v4() != (family == 1)) return endpoint;
  text.remove_prefix(end + 1);
  if (!take_number(text, 65535, port) || text.empty() || text[0] != delimiter) return endpoint;
  endpoint.port = static_cast<std::uint16_t>(port);
  endpoint.valid = endpoint.has_address = true;
  return endpoint;
}

// text (<d><d><d>port<d>)
Endpoint read_epsv(std::string_view text) noexcept {
  Endpoint endpoint;
  const std::size_t open = text.find('(');
  if (open == std::string_view::npos || text.size() - open < 5) return endpoint;
  text.remove_prefix(open + 1);
  const char delimiter = text[0];
  if (text[1] != delimiter || text[2] != delimiter) return endpoint;
  text.remove_prefix(3);
  std::uint32_t port = 0;
  if (!take_number(text, 65535, port) || text.empty() || text[0] != delimiter) return endpoint;
  endpoint.port = static_cast<std::uint16_t>(port);
  endpoint.valid = true;
  return endpoint;
}

}  // namespace tsujiban::ftp
