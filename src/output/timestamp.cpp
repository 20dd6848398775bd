#include "output/timestamp.h"

#include <algorithm>
#include <cstdio>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>

namespace tsujiban::output {
namespace {

constexpr std::size_t zone_file_bytes_max = std::size_t{1} << 20;
constexpr std::size_t zone_name_max = 64;
constexpr std::int64_t day_s = 86400;
constexpr int year_last = 2262;  // The last year of a 64-bit count of nanoseconds.

// Days since 1970-01-01 in the proleptic Gregorian calendar, and back (H. Hinnant, "chrono-compatible low-level date
// algorithms"): years are counted from March, so that the leap day is the last of its year.
constexpr std::int64_t days_from_civil(std::int64_t year, unsigned month, unsigned day) noexcept {
  year -= month <= 2;
  const std::int64_t era = (year >= 0 ? year : year - 399) / 400;
  const std::int64_t year_of_era = year - era * 400;
  const std::int64_t day_of_year = (153 * (static_cast<std::int64_t>(month) + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
  return era * 146097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719468;
}
struct Civil {
  int year;
  unsigned month, day;
};
constexpr Civil civil_from_days(std::int64_t days) noexcept {
  days += 719468;
  const std::int64_t era = (days >= 0 ? days : days - 146096) / 146097;
  const std::int64_t day_of_era = days - era * 146097;
  const std::int64_t year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
  const std::int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
  const std::int64_t march_month = (5 * day_of_year + 2) / 153;
  const auto day = static_cast<unsigned>(day_of_year - (153 * march_month + 2) / 5 + 1);
  const auto month = static_cast<unsigned>(march_month < 10 ? march_month + 3 : march_month - 9);
  return {static_cast<int>(year_of_era + era * 400 + (month <= 2)), month, day};
}
static_assert(days_from_civil(2026, 11, 20) == 20777 && civil_from_days(20777).month == 11);

constexpr std::int64_t floor_divide(std::int64_t a, std::int64_t b) noexcept { return a / b - (a % b < 0); }
constexpr bool is_leap(int year) noexcept { return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0); }

[[noreturn]] void damaged(const char* what) {
  throw std::runtime_error(std::string("the time zone file is damaged: ") + what);
}

// RFC 8536, 3.2: more than -25 hours and less than 26 hours.
std::int32_t checked_offset(std::int64_t offset_s) {
  if (offset_s <= -25 * 3600 || offset_s >= 26 * 3600) damaged("an offset beyond a day");
  return static_cast<std::int32_t>(offset_s);
}

// The footer: a POSIX TZ string (IEEE Std 1003.1, 8.3) with the extensions of RFC 8536, 3.3.1.
class FooterParser {
 public:
  explicit FooterParser(std::string_view text) : left_(text) {}
  // Appends what the rule says from `after_s` on, to the end of the range.
  void spell_out(ZoneTable& zone, std::optional<std::int64_t> after_s) {
    name();
    const std::int32_t standard = checked_offset(-offset());
    if (left_.empty()) {
      // Without transitions the rule is all there is; else the last transition already has this offset.
      if (zone.transitions.empty()) zone.offset_first_s = standard;
      return;
    }
    name();
    const std::int32_t summer = left_.starts_with(',') ? checked_offset(standard + 3600) : checked_offset(-offset());
    const Rule begin = rule(), end = rule();
    if (!left_.empty()) damaged("text after the footer's rule");
    struct Change {
      ZoneTransition transition;
      bool to_summer;
    };
    std::vector<Change> changes;
    const int year_first = after_s ? civil_from_days(floor_divide(*after_s, day_s)).year : 1900;
    for (int year = std::max(year_first, 1677); year <= year_last; ++year) {
      changes.push_back({{begin.local_seconds(year) - standard, summer}, true});
      changes.push_back({{end.local_seconds(year) - summer, standard}, false});
    }
    // Summer time all the year is written as an end at the very moment of the next begin: the begin counts.
    std::stable_sort(changes.begin(), changes.end(), [](const Change& a, const Change& b) {
      return a.transition.from_s != b.transition.from_s ? a.transition.from_s < b.transition.from_s
                                                        : a.to_summer < b.to_summer;
    });
    for (const Change& change : changes) {
      if (!after_s || change.transition.from_s > *after_s) zone.transitions.push_back(change.transition);
    }
  }

 private:
  struct Rule {
    enum class Kind : std::uint8_t { month_week_day, julian_no_leap, zero_based } kind = Kind::zero_based;
    unsigned month = 0, week = 0, day = 0;
    std::int64_t time_s = 2 * 3600;
    std::int64_t local_seconds(int year) const noexcept {
      const std::int64_t first = days_from_civil(year, 1, 1);
      if (kind == Kind::zero_based) return (first + day) * day_s + time_s;
      // Jn never counts the leap day: J60 is 1 March in every year.
      if (kind == Kind::julian_no_leap) return (first + day - 1 + (is_leap(year) && day >= 60)) * day_s + time_s;
      const std::int64_t month_first = days_from_civil(year, month, 1);
      const std::int64_t month_next =
          month == 12 ? days_from_civil(year + 1, 1, 1) : days_from_civil(year, month + 1, 1);
      const std::int64_t weekday_first = ((month_first + 4) % 7 + 7) % 7;  // 1970-01-01 was a Thursday.
      std::int64_t at = month_first + (day - weekday_first + 7) % 7 + 7 * (static_cast<std::int64_t>(week) - 1);
      while (at >= month_next) at -= 7;  // Week 5 is the last one.
      return at * day_s + time_s;
    }
  };

  char take() {
    if (left_.empty()) damaged("the footer ends early");
    const char c = left_.front();
    left_.remove_prefix(1);
    return c;
  }
  void name() {
    if (left_.starts_with('<')) {
      const std::size_t end = left_.find('>');
      if (end == std::string_view::npos) damaged("a zone abbreviation without its end");
      left_.remove_prefix(end + 1);
      return;
    }
    std::size_t length = 0;
    auto letter = [](char c) { return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z'); };
    while (length < left_.size() && letter(left_[length])) ++length;
    if (length == 0) damaged("the footer has no zone abbreviation");
    left_.remove_prefix(length);
  }
  unsigned digits(unsigned most) {
    unsigned value = 0;
    std::size_t length = 0;
    while (length < left_.size() && left_[length] >= '0' && left_[length] <= '9' && length < 4) {
      value = value * 10 + static_cast<unsigned>(left_[length++] - '0');
    }
    if (length == 0 || value > most) damaged("a number in the footer");
    left_.remove_prefix(length);
    return value;
  }
  // [+-]hh[:mm[:ss]] in seconds.
  std::int64_t offset() {
    std::int64_t sign = 1;
    if (left_.starts_with('-') || left_.starts_with('+')) sign = take() == '-' ? -1 : 1;
    std::int64_t seconds = std::int64_t{digits(167)} * 3600;
    if (left_.starts_with(':')) take(), seconds += std::int64_t{digits(59)} * 60;
    if (left_.starts_with(':')) take(), seconds += digits(59);
    return sign * seconds;
  }
  Rule rule() {
    if (take() != ',') damaged("the footer's rule");
    Rule r;
    if (left_.starts_with('M')) {
      take();
      r.kind = Rule::Kind::month_week_day;
      r.month = digits(12);
      if (take() != '.') damaged("the footer's rule");
      r.week = digits(5);
      if (take() != '.') damaged("the footer's rule");
      r.day = digits(6);
      if (r.month == 0 || r.week == 0) damaged("the footer's rule");
    } else if (left_.starts_with('J')) {
      take();
      r.kind = Rule::Kind::julian_no_leap;
      r.day = digits(365);
      if (r.day == 0) damaged("the footer's rule");
    } else {
      r.day = digits(365);
    }
    if (left_.starts_with('/')) take(), r.time_s = offset();
    return r;
  }

  std::string_view left_;
};

struct Header {
  std::size_t isutcnt, isstdcnt, leapcnt, timecnt, typecnt, charcnt;
  std::size_t body_size(std::size_t time_size) const noexcept {
    return timecnt * (time_size + 1) + typecnt * 6 + charcnt + leapcnt * (time_size + 4) + isstdcnt + isutcnt;
  }
};
constexpr std::size_t header_size = 44;

Header parse_header(Bytes at) {
  if (at.size() < header_size || std::memcmp(at.data(), "TZif", 4) != 0) damaged("no TZif header");
  return {load_be32(at, 20), load_be32(at, 24), load_be32(at, 28),
          load_be32(at, 32), load_be32(at, 36), load_be32(at, 40)};
}

void write_digits(char* to, unsigned value, std::size_t count) noexcept {
  for (std::size_t i = count; i-- > 0; value /= 10) to[i] = static_cast<char>('0' + value % 10);
}

}  // namespace

ZoneTable parse_zone(Bytes tzif) {
  Header header = parse_header(tzif);
  const bool wide = tzif[4] >= '2';
  std::size_t time_size = 4;
  if (header.body_size(4) > tzif.size() - header_size) damaged("it ends early");
  if (wide) {
    tzif = tzif.subspan(header_size + header.body_size(4));
    header = parse_header(tzif);
    time_size = 8;
    if (header.body_size(8) > tzif.size() - header_size) damaged("it ends early");
  }
  if (header.typecnt == 0) damaged("it has no offsets");
  if (header.leapcnt != 0)
    throw std::runtime_error("a time zone that counts leap seconds is not accepted; leave away `right/`");
  const Bytes times = tzif.subspan(header_size, header.timecnt * time_size);
  const Bytes indices = tzif.subspan(header_size + times.size(), header.timecnt);
  const Bytes types = tzif.subspan(header_size + times.size() + indices.size(), header.typecnt * 6);
  auto offset_of = [&](std::size_t type) {
    if (type >= header.typecnt) damaged("an index beyond its offsets");
    return checked_offset(static_cast<std::int32_t>(load_be32(types, type * 6)));
  };
  ZoneTable zone;
  zone.offset_first_s = offset_of(0);
  for (std::size_t i = 0; i < header.timecnt; ++i) {
    const std::int64_t from = wide ? static_cast<std::int64_t>(load_be64(times.data() + i * 8))
                                   : static_cast<std::int32_t>(load_be32(times, i * 4));
    if (!zone.transitions.empty() && from <= zone.transitions.back().from_s) damaged("its times do not ascend");
    zone.transitions.push_back({from, offset_of(indices[i])});
  }
  if (wide) {
    const Bytes rest = tzif.subspan(header_size + header.body_size(8));
    std::string_view footer(reinterpret_cast<const char*>(rest.data()), rest.size());
    if (footer.size() < 2 || footer.front() != '\n') damaged("it has no footer");
    footer.remove_prefix(1);
    const std::size_t end = footer.find('\n');
    if (end == std::string_view::npos) damaged("its footer has no end");
    footer = footer.substr(0, end);
    std::optional<std::int64_t> after;
    // Some compilers of zones put a first entry at the beginning of all time; the range of PacketTime begins in 1677.
    if (!zone.transitions.empty()) after = std::max(zone.transitions.back().from_s, std::int64_t{-10'000'000'000});
    if (!footer.empty()) FooterParser(footer).spell_out(zone, after);
  }
  return zone;
}

ZoneTable load_zone(std::string_view name) {
  if (name == "UTC" || name == "Etc/UTC") return {};
  const std::string quoted = "time zone `" + std::string(name.substr(0, zone_name_max)) + "`";
  const bool sane = !name.empty() && name.size() <= zone_name_max && name.front() != '/' &&
                    name.find("..") == std::string_view::npos && name.find('\0') == std::string_view::npos;
  if (!sane) throw std::runtime_error(quoted + ": an IANA name is accepted, such as Asia/Tokyo or UTC");
  const std::string path = "/usr/share/zoneinfo/" + std::string(name);
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen(path.c_str(), "rbe"), &std::fclose);
  if (!file)
    throw std::runtime_error(quoted + ": there is no " + path +
                             " (package tzdata); an IANA name is accepted, such as Asia/Tokyo");
  std::vector<std::uint8_t> bytes(zone_file_bytes_max);
  bytes.resize(std::fread(bytes.data(), 1, bytes.size(), file.get()));
  try {
    return parse_zone(bytes);
  } catch (const std::runtime_error& error) {
    throw std::runtime_error(quoted + " (" + path + "): " + error.what());
  }
}

TimestampWriter::TimestampWriter(std::string_view zone) : zone_(load_zone(zone)) {
  std::memcpy(text_.data(), "0000-00-00T00:00:00.000000+0000", text_size);
}

void TimestampWriter::write(PacketTime time, char* to) noexcept {
  std::int64_t second = time.ns / 1'000'000'000, ns = time.ns % 1'000'000'000;
  if (ns < 0) ns += 1'000'000'000, --second;
  if (second != second_) enter_second(second);
  std::memcpy(to, text_.data(), text_size);
  write_digits(to + 20, static_cast<unsigned>(ns / 1000), 6);
}

void TimestampWriter::field(JsonWriter& json, std::string_view name, PacketTime time) noexcept {
  char text[text_size];
  write(time, text);
  json.key(name);
  json.plain_string({text, text_size});
}

void TimestampWriter::enter_second(std::int64_t second) noexcept {
  second_ = second;
  if (second < offset_from_s_ || second >= offset_until_s_) {
    const auto& all = zone_.transitions;
    const auto next = std::upper_bound(all.begin(), all.end(), second,
                                       [](std::int64_t s, const ZoneTransition& t) { return s < t.from_s; });
    offset_s_ = next == all.begin() ? zone_.offset_first_s : (next - 1)->offset_s;
    offset_from_s_ = next == all.begin() ? std::numeric_limits<std::int64_t>::min() : (next - 1)->from_s;
    offset_until_s_ = next == all.end() ? std::numeric_limits<std::int64_t>::max() : next->from_s;
    const auto minutes = static_cast<unsigned>(offset_s_ < 0 ? -offset_s_ : offset_s_) / 60;
    text_[26] = offset_s_ < 0 ? '-' : '+';
    write_digits(&text_[27], minutes / 60 * 100 + minutes % 60, 4);
  }
  const std::int64_t local = second + offset_s_;
  const std::int64_t day = floor_divide(local, day_s);
  if (day != day_) {
    day_ = day;
    const Civil civil = civil_from_days(day);
    write_digits(&text_[0], static_cast<unsigned>(civil.year), 4);
    write_digits(&text_[5], civil.month, 2);
    write_digits(&text_[8], civil.day, 2);
  }
  const auto in_day = static_cast<unsigned>(local - day * day_s);
  write_digits(&text_[11], in_day / 3600, 2);
  write_digits(&text_[14], in_day / 60 % 60, 2);
  write_digits(&text_[17], in_day % 60, 2);
}

}  // namespace tsujiban::output
