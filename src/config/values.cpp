#include "config/values.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <limits>

namespace tsujiban::config {
namespace {

constexpr std::string_view zone_directory = "/usr/share/zoneinfo";

bool is_digit(char c) noexcept { return c >= '0' && c <= '9'; }

template <class T>
bool whole_number(std::string_view text, T& value, int base = 10) noexcept {
  if (text.empty()) return false;
  const auto done = std::from_chars(text.data(), text.data() + text.size(), value, base);
  return done.ec == std::errc() && done.ptr == text.data() + text.size();
}

struct Unit {
  std::string_view name;
  std::uint64_t factor;
};

// A whole number followed by a unit of `units`; `example` shows a right one.
std::string read_with_unit(std::string_view text, std::span<const Unit> units, std::string_view accepted,
                           std::uint64_t largest, std::uint64_t& value) {
  const std::size_t digits =
      static_cast<std::size_t>(std::find_if_not(text.begin(), text.end(), is_digit) - text.begin());
  std::uint64_t number = 0;
  if (digits == 0) return in_quotes(text) + " is no number with its unit; accepted: " + std::string(accepted);
  const std::string_view unit = text.substr(digits);
  if (unit.empty()) return in_quotes(text) + " has no unit; accepted: " + std::string(accepted);
  for (const Unit& row : units) {
    if (row.name != unit) continue;
    if (!whole_number(text.substr(0, digits), number) || number > largest / row.factor) {
      return in_quotes(text) + " is too large";
    }
    value = number * row.factor;
    return {};
  }
  return in_quotes(unit) + " is no unit here; accepted: " + std::string(accepted);
}

// A decimal number at the start of `text`, which becomes what follows it.
bool take_number(std::string_view& text, double& value) noexcept {
  if (text.empty() || !is_digit(text.front())) return false;
  const auto done = std::from_chars(text.data(), text.data() + text.size(), value, std::chars_format::fixed);
  if (done.ec != std::errc() || !std::isfinite(value)) return false;
  text.remove_prefix(static_cast<std::size_t>(done.ptr - text.data()));
  return true;
}

// More than the largest power station of the world: a slip of the unit.
constexpr double kilowatts_max = 30e6;

bool port_number(std::string_view text, std::uint16_t& value) noexcept { return whole_number(text, value); }

// "2001:db8::/129" or "10.0.0.0/33": an address that is one with a length that is none.
bool splits_into_address(std::string_view text, IpAddress& address) noexcept {
  return parse_ip(text.substr(0, text.find('/')), address);
}

IpAddress masked(const IpAddress& address, unsigned length) noexcept {
  if (address.is_v4()) return IpAddress::v4(length == 0 ? 0 : address.as_v4() & ~std::uint32_t{0} << (32 - length));
  IpAddress out = address;
  if (length < 64) {
    out.high = length == 0 ? 0 : out.high & ~std::uint64_t{0} << (64 - length);
    out.low = 0;
  } else {
    out.low = length == 64 ? 0 : out.low & ~std::uint64_t{0} << (128 - length);
  }
  return out;
}

}  // namespace

std::string in_quotes(std::string_view text) {
  static constexpr std::size_t shown_max = 80;
  std::string out = "\"";
  std::size_t shown = std::min(text.size(), shown_max);
  // Not in the middle of a UTF-8 sequence.
  while (shown < text.size() && shown > 0 && (static_cast<std::uint8_t>(text[shown]) & 0xc0) == 0x80) --shown;
  for (const char c : text.substr(0, shown)) out += static_cast<std::uint8_t>(c) < 0x20 || c == 0x7f ? '?' : c;
  return out + (shown < text.size() ? "...\"" : "\"");
}

std::string listed(std::span<const std::string_view> names) {
  std::string out;
  for (const std::string_view name : names) {
    if (!out.empty()) out += ", ";
    out += name;
  }
  return out;
}

std::string read_duration(std::string_view text, Duration& value) {
  static constexpr std::array<Unit, 4> units = {{{"s", 1}, {"m", 60}, {"h", 3600}, {"d", 86400}}};
  std::uint64_t seconds = 0;
  std::string wrong = read_with_unit(text, units, "60s, 10m, 1h, 7d", std::uint64_t{366} * 86400, seconds);
  if (wrong.empty()) value = Duration::seconds(static_cast<std::int64_t>(seconds));
  return wrong;
}

std::string read_size(std::string_view text, std::uint64_t& value) {
  static constexpr std::array<Unit, 4> units = {{{"KiB", std::uint64_t{1} << 10},
                                                 {"MiB", std::uint64_t{1} << 20},
                                                 {"GiB", std::uint64_t{1} << 30},
                                                 {"TiB", std::uint64_t{1} << 40}}};
  return read_with_unit(text, units, "64KiB, 512MiB, 4GiB, 1TiB", std::numeric_limits<std::int64_t>::max(), value);
}

std::string read_count(std::string_view text, std::uint64_t low, std::uint64_t high, std::uint64_t& value) {
  std::uint64_t number = 0;
  if (!whole_number(text, number) || number < low || number > high) {
    return in_quotes(text) + " is not accepted; a whole number from " + std::to_string(low) + " to " +
           std::to_string(high) + " is";
  }
  value = number;
  return {};
}

std::string read_kilowatts(std::string_view text, double& value) {
  double number = 0;
  const auto done = std::from_chars(text.data(), text.data() + text.size(), number, std::chars_format::fixed);
  const std::string_view rest =
      done.ec == std::errc() ? text.substr(static_cast<std::size_t>(done.ptr - text.data())) : text;
  if (done.ec == std::errc() && !rest.empty() && (rest == "kW" || rest == "W" || rest == "MW")) {
    return in_quotes(text) + " has a unit, but the key's name says it already; a plain number of kilowatts is accepted";
  }
  if (done.ec != std::errc() || !rest.empty() || !std::isfinite(number) || number < 0 || number > kilowatts_max) {
    return in_quotes(text) + " is not accepted; a plain number of kilowatts from 0 to 30000000 is";
  }
  value = number;
  return {};
}

std::string read_power(std::string_view text, bool plain, double& kilowatts) {
  static constexpr std::array<Unit, 3> units = {{{"kW", 1}, {"MW", 1000}, {"GW", 1'000'000}}};
  const std::string accepted = plain ? "500kW, 7MW, 1.5GW, or a plain number of kilowatts" : "500kW, 7MW, 1.5GW";
  std::string_view unit = text;
  double number = 0;
  if (!take_number(unit, number)) return in_quotes(text) + " is no power; accepted: " + accepted;
  double factor = plain && unit.empty() ? 1 : 0;
  for (const Unit& row : units) {
    if (row.name == unit) factor = static_cast<double>(row.factor);
  }
  if (factor == 0) {
    return (unit.empty() ? in_quotes(text) + " has no unit" : in_quotes(unit) + " is no unit here") +
           "; accepted: " + accepted;
  }
  if (number * factor > kilowatts_max) return in_quotes(text) + " cannot be; at most 30GW is accepted";
  kilowatts = number * factor;
  return {};
}

std::string read_share(std::string_view text, double& value) {
  std::string_view rest = text;
  double number = 0;
  if (!take_number(rest, number) || rest != "%" || number <= 0 || number > 100) {
    return in_quotes(text) + " is no share; more than 0% and at most 100% is accepted";
  }
  value = number / 100;
  return {};
}

std::string read_rate(std::string_view text, double& count, double& seconds) {
  static constexpr std::uint64_t count_max = 1'000'000'000;
  const std::size_t slash = text.find('/');
  std::uint64_t number = 0;
  Duration time;
  const std::string per = slash == std::string_view::npos ? std::string{} : std::string(text.substr(slash + 1));
  const bool bare = per.size() == 1 && !is_digit(per[0]);
  if (slash == std::string_view::npos || !read_count(text.substr(0, slash), 1, count_max, number).empty() ||
      !read_duration(bare ? "1" + per : per, time).empty() || time.ns == 0) {
    return in_quotes(text) + " is no rate; accepted: 8/60s, 20/h";
  }
  count = static_cast<double>(number);
  seconds = static_cast<double>(time.ns) / 1e9;
  return {};
}

std::string read_factor(std::string_view text, double& value) {
  static constexpr double factor_max = 1e6;
  std::string_view rest = text;
  double number = 0;
  if (!take_number(rest, number) || !rest.empty() || number <= 0 || number > factor_max) {
    return in_quotes(text) + " is not accepted; a number above 0 and up to 1000000 is";
  }
  value = number;
  return {};
}

std::string read_minute(std::string_view text, bool is_end, std::uint16_t& minute) {
  unsigned hours = 0, minutes = 0;
  const bool shape = text.size() == 5 && text[2] == ':' && is_digit(text[0]) && is_digit(text[3]) &&
                     whole_number(text.substr(0, 2), hours) && whole_number(text.substr(3), minutes);
  const bool whole_day = is_end && hours == 24 && minutes == 0;
  if (!shape || minutes > 59 || (hours > 23 && !whole_day)) {
    return in_quotes(text) + " is no time of day; accepted: " + (is_end ? "00:00 to 24:00" : "00:00 to 23:59");
  }
  minute = static_cast<std::uint16_t>(hours * 60 + minutes);
  return {};
}

std::string read_last_day(std::string_view text, std::int64_t& end_s) {
  int year = 0;
  unsigned month = 0, day = 0;
  const bool shape = text.size() == 10 && text[4] == '-' && text[7] == '-' && is_digit(text[0]) &&
                     whole_number(text.substr(0, 4), year) && whole_number(text.substr(5, 2), month) &&
                     whole_number(text.substr(8), day);
  const std::chrono::year_month_day date{std::chrono::year(year), std::chrono::month(month), std::chrono::day(day)};
  if (!shape || !date.ok() || year < 1970) {
    return in_quotes(text) + " is no day of the calendar; accepted: 2027-03-31, the last day on which it holds";
  }
  end_s = (std::chrono::sys_days(date).time_since_epoch().count() + std::int64_t{1}) * 86400;
  return {};
}

std::string read_ports(std::string_view text, PortRange& value) {
  const auto wrong = [&] {
    return in_quotes(text) + " names no ports; accepted: tcp/443, udp/3610, tcp/1000-2000, any";
  };
  if (text == "any") {
    value = PortRange{};
    return {};
  }
  const std::size_t slash = text.find('/');
  if (slash == std::string_view::npos) return wrong();
  PortRange range;
  const std::string_view protocol = text.substr(0, slash), ports = text.substr(slash + 1);
  if (protocol == "tcp") {
    range.protocol = 6;
  } else if (protocol == "udp") {
    range.protocol = 17;
  } else {
    return wrong();
  }
  const std::size_t dash = ports.find('-');
  if (!port_number(ports.substr(0, dash), range.first)) return wrong();
  range.last = range.first;
  if (dash != std::string_view::npos && !port_number(ports.substr(dash + 1), range.last)) return wrong();
  if (range.first > range.last) return in_quotes(text) + " runs backwards; the smaller port comes first";
  if (range.first == 0) return in_quotes(text) + " begins at port 0, which nothing uses; ports are 1 to 65535";
  value = range;
  return {};
}

std::string read_address(std::string_view text, IpAddress& value) {
  if (parse_ip(text, value)) return {};
  IpAddress ignored;
  if (text.find('/') != std::string_view::npos && splits_into_address(text, ignored)) {
    return in_quotes(text) + " is a prefix; one IPv4 or IPv6 address is accepted here";
  }
  return in_quotes(text) + " is no IPv4 or IPv6 address";
}

std::string read_prefix(std::string_view text, IpPrefix& value) {
  IpPrefix prefix;
  if (parse_prefix(text, prefix)) {
    value = prefix;
    return {};
  }
  IpAddress address;
  if (!splits_into_address(text, address)) {
    return in_quotes(text) + " is no prefix; accepted: 192.168.1.0/24, 2001:db8::/48, or one address";
  }
  const unsigned longest = address.is_v4() ? 32 : 128;
  unsigned length = 0;
  const std::size_t slash = text.find('/');
  if (!whole_number(slash == std::string_view::npos ? std::string_view{} : text.substr(slash + 1), length) ||
      length > longest) {
    return in_quotes(text) + " has no right length; 0 to " + std::to_string(longest) + " is accepted after the slash";
  }
  const IpPrefix right{masked(address, length), static_cast<std::uint8_t>(length)};
  return in_quotes(text) + " has bits set beyond its length; the prefix is " + to_string(right);
}

std::string read_object(std::string_view text, std::uint32_t& value) {
  std::uint32_t number = 0;
  if (text.size() != 6 || !whole_number(text, number, 16)) {
    return in_quotes(text) + " is no ECHONET Lite object; six hexadecimal digits are accepted, such as \"027D01\"";
  }
  // ECHONET Lite specification, part 2, 3.2.4: class groups 0x00 to 0x0f, instances 0x01 to 0x7f; 0x00 means all of
  // them.
  if (number >> 16 > 0x0f) return in_quotes(text) + " has a class group beyond 0F";
  if ((number & 0xff) == 0 || (number & 0xff) > 0x7f) return in_quotes(text) + " has an instance other than 01 to 7F";
  value = number;
  return {};
}

std::string read_listen(std::string_view text) {
  const auto wrong = [&] {
    return in_quotes(text) + " is no address with a port; accepted: 127.0.0.1:9836, [::1]:9836";
  };
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return wrong();
  std::string_view host = text.substr(0, colon);
  const bool bracketed = host.size() > 2 && host.front() == '[' && host.back() == ']';
  if (bracketed) host = host.substr(1, host.size() - 2);
  IpAddress address;
  std::uint16_t port = 0;
  if (!parse_ip(host, address) || address.is_v4() == bracketed) return wrong();
  if (!port_number(text.substr(colon + 1), port) || port == 0) return wrong();
  return {};
}

std::string read_name(std::string_view text) {
  static constexpr std::string_view forbidden = " \t\r\n:/,\"'\\*{}[]";
  IpAddress ignored;
  if (text.empty()) return "a name is empty; 1 to 64 bytes are accepted";
  if (text.size() > name_bytes_max) return in_quotes(text) + " is longer than 64 bytes";
  if (text.find_first_of(forbidden) != std::string_view::npos) {
    return in_quotes(text) + " is no name; letters, digits, \"-\", \"_\" and \".\" are accepted, in any script";
  }
  for (const char c : text) {
    if (static_cast<std::uint8_t>(c) < 0x20 || c == 0x7f)
      return in_quotes(text) + " is no name: it has a control character";
  }
  if (text == "any" || parse_ip(text, ignored))
    return in_quotes(text) + " is no name: in an allow entry it means something else";
  return {};
}

std::string read_timezone(std::string_view text) {
  if (text == "UTC") return {};
  const bool shape = !text.empty() && text.size() <= 64 && text.front() != '/' &&
                     text.find("..") == std::string_view::npos && std::all_of(text.begin(), text.end(), [](char c) {
                       return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || is_digit(c) || c == '/' || c == '_' ||
                              c == '-' || c == '+';
                     });
  if (shape) {
    const std::filesystem::path path = std::filesystem::path(zone_directory) / std::string(text);
    std::error_code failed;
    // RFC 8536, 3.1: a zone file begins with "TZif"; the directory has other files too.
    char magic[4] = {};
    if (std::filesystem::is_regular_file(path, failed) &&
        std::ifstream(path, std::ios::binary).read(magic, sizeof magic) &&
        std::string_view(magic, sizeof magic) == "TZif") {
      return {};
    }
  }
  static const std::vector<std::string> zones = [] {
    static constexpr std::size_t zones_max = 4096;
    std::vector<std::string> found;
    std::error_code failed;
    std::filesystem::recursive_directory_iterator at(zone_directory, failed), end;
    for (; !failed && at != end && found.size() < zones_max; at.increment(failed)) {
      const std::string name = at->path().lexically_relative(zone_directory).string();
      if (name == "posix" || name == "right") {
        at.disable_recursion_pending();
      } else if (at->is_regular_file(failed) && !name.empty() && name[0] >= 'A' && name[0] <= 'Z') {
        found.push_back(name);
      }
    }
    std::sort(found.begin(), found.end());
    return found;
  }();
  if (zones.empty())
    return in_quotes(text) + " cannot be checked: this system has no time zones (package tzdata); UTC is accepted";
  const std::vector<std::string_view> names(zones.begin(), zones.end());
  return in_quotes(text) + " is no IANA time zone of this system" + Suggestions().among(text, names) +
         "; accepted: Asia/Tokyo, UTC, ...";
}

std::size_t edit_distance(std::string_view a, std::string_view b, std::size_t limit) {
  static constexpr std::size_t length_max = 64;
  if (a.size() > length_max || b.size() > length_max) return limit + 1;
  if ((a.size() > b.size() ? a.size() - b.size() : b.size() - a.size()) > limit) return limit + 1;
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; };
  std::array<std::array<std::size_t, length_max + 1>, 3> rows{};
  for (std::size_t j = 0; j <= b.size(); ++j) rows[0][j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    auto &now = rows[i % 3], &before = rows[(i + 2) % 3], &two_before = rows[(i + 1) % 3];
    now[0] = i;
    std::size_t least = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const char x = lower(a[i - 1]), y = lower(b[j - 1]);
      now[j] = std::min({before[j] + 1, now[j - 1] + 1, before[j - 1] + (x == y ? 0 : 1)});
      if (i > 1 && j > 1 && x == lower(b[j - 2]) && lower(a[i - 2]) == y)
        now[j] = std::min(now[j], two_before[j - 2] + 1);
      least = std::min(least, now[j]);
    }
    if (least > limit) return limit + 1;
  }
  return std::min(rows[a.size() % 3][b.size()], limit + 1);
}

std::string Suggestions::among(std::string_view text, std::span<const std::string_view> names) {
  if (comparisons_ + names.size() > comparisons_max) return {};
  comparisons_ += names.size();
  std::size_t limit = std::clamp<std::size_t>(text.size() / 3, 1, 3);
  std::string_view best;
  for (const std::string_view name : names) {
    const std::size_t distance = edit_distance(text, name, limit);
    // The first of equals, and never another word as long as the text itself.
    if (distance > limit || distance >= std::max(text.size(), name.size())) continue;
    best = name;
    if (distance == 0) break;
    limit = distance - 1;
  }
  return best.empty() ? std::string{} : "; did you mean " + in_quotes(best) + "?";
}

}  // namespace tsujiban::config
