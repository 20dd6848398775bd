#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>

#include "app/commands.h"
#include "drill/drill.h"

namespace tsujiban::app {
namespace {

// A file, or standard output. Says itself what went wrong.
class FileOutput final : public drill::Output {
 public:
  explicit FileOutput(std::string path) : path_(std::move(path)) {
    file_ = path_ == "-" ? stdout : std::fopen(path_.c_str(), "wb");
    if (file_ == nullptr) say("cannot be written");
  }
  ~FileOutput() override {
    if (file_ != nullptr && file_ != stdout) std::fclose(file_);
  }
  FileOutput(const FileOutput&) = delete;
  FileOutput& operator=(const FileOutput&) = delete;

  bool is_open() const { return file_ != nullptr; }
  bool write(Bytes bytes) override {
    if (std::fwrite(bytes.data(), 1, bytes.size(), file_) == bytes.size()) return true;
    say("cannot be written");
    return false;
  }
  bool close() {
    const bool flushed = std::fflush(file_) == 0;
    if (!flushed) say("cannot be written");
    const bool closed = file_ == stdout || std::fclose(file_) == 0;
    file_ = nullptr;
    return flushed && closed;
  }

 private:
  void say(const char* what) const {
    std::fprintf(stderr, "%s: %s: %s\n", path_ == "-" ? "standard output" : path_.c_str(), what, std::strerror(errno));
  }
  std::string path_;
  std::FILE* file_ = nullptr;
};

// "300s", "5m", "1h": a whole number and its unit.
bool parse_seconds(const std::string& text, Duration& duration) {
  unsigned long long number = 0;
  char unit = 0;
  int used = 0;
  if (text.empty() || text[0] < '0' || text[0] > '9' ||
      std::sscanf(text.c_str(), "%9llu%c%n", &number, &unit, &used) != 2 ||
      static_cast<std::size_t>(used) != text.size())
    return false;
  const std::int64_t seconds = unit == 's' ? 1 : unit == 'm' ? 60 : unit == 'h' ? 3600 : 0;
  duration = Duration::seconds(static_cast<std::int64_t>(number) * seconds);
  return seconds != 0 && number != 0;
}

// "2026-04-06T00:00:00+09:00" or with Z.
bool parse_start(const std::string& text, PacketTime& time) {
  int year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0, zone_hour = 0, zone_minute = 0, used = 0;
  char sign = 0;
  if (std::sscanf(text.c_str(), "%4d-%2d-%2dT%2d:%2d:%2d%c%n", &year, &month, &day, &hour, &minute, &second, &sign,
                  &used) != 7)
    return false;
  const char* rest = text.c_str() + used;
  if (sign == 'Z' ? *rest != 0
                  : (sign != '+' && sign != '-') ||
                        std::sscanf(rest, "%2d:%2d%n", &zone_hour, &zone_minute, &used) != 2 || rest[used] != 0)
    return false;
  static constexpr int month_days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  const bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
  if (year < 1970 || year > 2100 || month < 1 || month > 12 || day < 1 ||
      day > month_days[month - 1] + (leap && month == 2 ? 1 : 0) || hour < 0 || hour > 23 || minute < 0 ||
      minute > 59 || second < 0 || second > 59 || zone_hour < 0 || zone_hour > 14 || zone_minute < 0 ||
      zone_minute > 59)
    return false;
  std::int64_t days = 0;
  for (int y = 1970; y < year; ++y) days += (y % 4 == 0 && y % 100 != 0) || y % 400 == 0 ? 366 : 365;
  for (int m = 1; m < month; ++m) days += month_days[m - 1] + (leap && m == 2 ? 1 : 0);
  days += day - 1;
  const int zone_minutes = (zone_hour * 60 + zone_minute) * (sign == '-' ? -1 : 1);
  time = PacketTime{((days * 24 + hour) * 60 + minute - zone_minutes) * 60'000'000'000 + second * 1'000'000'000LL};
  return true;
}

// A name with another ending, for what is written beside a file.
std::string beside(std::string path, std::string_view ending, std::string_view other) {
  if (path.ends_with(ending)) path.resize(path.size() - ending.size());
  return path.append(other);
}

bool write_file(const std::string& path, std::string_view text) {
  FileOutput file(path);
  return file.is_open() && file.write({reinterpret_cast<const std::uint8_t*>(text.data()), text.size()}) &&
         file.close();
}

int list_scenarios() {
  std::size_t width = 0;
  for (const drill::ScenarioInfo& info : drill::scenarios()) width = std::max(width, info.name.size());
  for (const drill::ScenarioInfo& info : drill::scenarios()) {
    std::printf("%-*.*s  %.*s\n", static_cast<int>(width), static_cast<int>(info.name.size()), info.name.data(),
                static_cast<int>(info.summary.size()), info.summary.data());
  }
  if (std::fflush(stdout) == 0) return exit_done;
  std::fprintf(stderr, "standard output: %s\n", std::strerror(errno));
  return exit_failed;
}

}  // namespace

int drill_command(const DrillOptions& options) {
  if (options.list) return list_scenarios();
  drill::Options wanted;
  wanted.scenarios = options.scenarios;
  wanted.seed = options.seed;
  wanted.homes = wanted.days = 1;
  // What the one that asks for most asks for.
  for (const std::string& name : options.scenarios) {
    const drill::ScenarioInfo* info = drill::find_scenario(name);
    if (info == nullptr) continue;
    wanted.homes = std::max(wanted.homes, info->homes);
    wanted.days = std::max(wanted.days, info->days);
  }
  if (options.homes != 0) wanted.homes = options.homes;
  if (options.days != 0) wanted.days = options.days;
  if (!options.duration.empty() && !parse_seconds(options.duration, wanted.duration)) {
    std::fprintf(stderr, "--duration: `%s` is no time; accepted are 15m, 6h and the like\n", options.duration.c_str());
    return exit_usage;
  }
  if (!options.poll.empty() && !parse_seconds(options.poll, wanted.poll)) {
    std::fprintf(stderr, "--poll: `%s` is no time; accepted are 60s, 5m, 1h and the like\n", options.poll.c_str());
    return exit_usage;
  }
  if (!options.start.empty() && !parse_start(options.start, wanted.start)) {
    std::fprintf(stderr, "--start: `%s` is no time; accepted is 2026-04-06T00:00:00+09:00 and the like\n",
                 options.start.c_str());
    return exit_usage;
  }
  if (const std::string fault = drill::fault_of(wanted); !fault.empty()) {
    std::fprintf(stderr, "tsujiban drill: %s\n", fault.c_str());
    return exit_usage;
  }

  const std::string names = drill::names_of(wanted);
  const std::string path = options.output.empty() ? names + ".pcapng" : options.output;
  const std::string labels_path = beside(path == "-" ? names : path, ".pcapng", ".labels.json");
  const std::string rules = options.site.empty() ? "" : drill::signatures_of(wanted);
  const std::string rules_path = beside(options.site == "-" ? names : options.site, ".yaml", ".rules");
  // The site file names what lies beside it.
  if (!rules.empty()) wanted.signatures_file = rules_path.substr(rules_path.rfind('/') + 1);
  const std::string indicators = options.site.empty() ? "" : drill::indicators_of(wanted);
  const std::string indicators_path = beside(options.site == "-" ? names : options.site, ".yaml", ".indicators.csv");
  if (!indicators.empty()) wanted.indicators_file = indicators_path.substr(indicators_path.rfind('/') + 1);

  FileOutput capture(path), labels(labels_path);
  if (!capture.is_open() || !labels.is_open()) return exit_failed;
  std::unique_ptr<FileOutput> site;
  if (!options.site.empty()) {
    site = std::make_unique<FileOutput>(options.site);
    if (!site->is_open()) return exit_failed;
  }
  if ((!rules.empty() && !write_file(rules_path, rules)) ||
      (!indicators.empty() && !write_file(indicators_path, indicators)))
    return exit_failed;
  std::string error;
  if (!drill::write(wanted, capture, labels, site.get(), error)) {
    if (!error.empty()) std::fprintf(stderr, "tsujiban drill: %s\n", error.c_str());
    return exit_failed;
  }
  const bool capture_closed = capture.close();
  const bool labels_closed = labels.close();
  const bool site_closed = site == nullptr || site->close();
  return capture_closed && labels_closed && site_closed ? exit_done : exit_failed;
}

}  // namespace tsujiban::app
