#pragma once
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "config/config.h"

namespace tsujiban::config {

// The small grammars of single values. Each returns an empty text when `text` is one, or what is wrong and what is
// accepted.

// "60s", "10m", "1h", "7d": a whole number and its unit.
std::string read_duration(std::string_view text, Duration& value);
// "64KiB", "512MiB", "4GiB", "1TiB".
std::string read_size(std::string_view text, std::uint64_t& value);
// A whole number without a unit, within `low` and `high`.
std::string read_count(std::string_view text, std::uint64_t low, std::uint64_t high, std::uint64_t& value);
// A number of kilowatts, the unit being in the key's name.
std::string read_kilowatts(std::string_view text, double& value);
// "7MW", "500kW", "1.5GW", into kilowatts. With `plain` a number without a unit is kilowatts too, for a key whose name
// says so.
std::string read_power(std::string_view text, bool plain, double& kilowatts);
// "20%", more than none and at most all, into a fraction.
std::string read_share(std::string_view text, double& value);
// "8/60s", "20/h": how many in how long.
std::string read_rate(std::string_view text, double& count, double& seconds);
// A number above zero, with a fraction or without.
std::string read_factor(std::string_view text, double& value);
// "17:00", into the minute of the day; at the end of a window "24:00" is accepted too.
std::string read_minute(std::string_view text, bool is_end, std::uint16_t& minute);
// "2027-03-31", into the first second after that day, counted as AllowEntry::expires_local_s is.
std::string read_last_day(std::string_view text, std::int64_t& end_s);
// "tcp/443", "udp/3610", "tcp/1000-2000", "any".
std::string read_ports(std::string_view text, PortRange& value);
// An address alone.
std::string read_address(std::string_view text, IpAddress& value);
// A prefix, or an address as its own prefix. Bits beyond the length are a fault that names the right prefix.
std::string read_prefix(std::string_view text, IpPrefix& value);
// "027D01": class group, class, instance.
std::string read_object(std::string_view text, std::uint32_t& value);
// "127.0.0.1:9836" or "[::1]:9836".
std::string read_listen(std::string_view text);
// The name of a site, segment or asset: 1 to `name_bytes_max` bytes, nothing that an endpoint of `allow` would read
// otherwise.
inline constexpr std::size_t name_bytes_max = 64;
std::string read_name(std::string_view text);
// An IANA time zone that this system has.
std::string read_timezone(std::string_view text);

// `text` in quotes, shortened where it is long, so that no line of output is as long as a hostile value.
std::string in_quotes(std::string_view text);
// "a, b, c".
std::string listed(std::span<const std::string_view> names);

// Finds what was probably meant. Its work is bounded over one load, for ten thousand wrong names among ten thousand
// others would cost a day.
class Suggestions {
 public:
  static constexpr std::uint64_t comparisons_max = 2'000'000;
  // "; did you mean \"address\"?" or nothing.
  std::string among(std::string_view text, std::span<const std::string_view> names);

 private:
  std::uint64_t comparisons_ = 0;
};

// Insertions, deletions, replacements and swaps of neighbours between the two; `limit` + 1 when more than `limit`.
std::size_t edit_distance(std::string_view a, std::string_view b, std::size_t limit);

}  // namespace tsujiban::config
