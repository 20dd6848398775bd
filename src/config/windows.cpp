// Days, times of day, and the sections that are made of them.
#include <algorithm>
#include <array>

#include "config/sections.h"

namespace tsujiban::config {
namespace {

constexpr std::array<std::string_view, 7> day_words = {"mon", "tue", "wed", "thu", "fri", "sat", "sun"};

}  // namespace

bool read_window(Context& context, const MapReader& map, const Value& place, TimeWindow& window) {
  const std::uint64_t faults_before = context.faults.count();
  if (const Value days = map.find("days")) {
    window.days = 0;
    read_one_or_list(context, days, "days", [&](const Value& item, std::string_view text) {
      const auto at = std::find(day_words.begin(), day_words.end(), text);
      if (at == day_words.end()) {
        return wrong(context, item, "days",
                     in_quotes(text) + " is no day" + context.suggestions.among(text, day_words) +
                         "; accepted: " + listed(day_words));
      }
      const auto bit = static_cast<std::uint8_t>(1u << (at - day_words.begin()));
      if ((window.days & bit) != 0) return wrong(context, item, "days", in_quotes(text) + " is here twice");
      window.days = static_cast<std::uint8_t>(window.days | bit);
    });
  }
  const Value from = map.find("from"), to = map.find("to");
  if (static_cast<bool>(from) != static_cast<bool>(to)) {
    wrong(context, from ? from : to, from ? "from" : "to",
          "from and to are given together; without both, the whole day");
  }
  read_value(context, from, "from", window.from_minute,
             [](std::string_view text, std::uint16_t& out) { return read_minute(text, false, out); });
  read_value(context, to, "to", window.to_minute,
             [](std::string_view text, std::uint16_t& out) { return read_minute(text, true, out); });
  if (!map.find("days") && !from && !to)
    context.faults.add(place.position(), "a window needs days, or from and to, or both");
  return context.faults.count() == faults_before;
}

void read_windows(Context& context, const Value& value, std::vector<TimeWindow>& windows) {
  static constexpr std::array<std::string_view, 3> keys = {"days", "from", "to"};
  windows.clear();
  if (value && value.kind() == NodeKind::list && value.node->count == 0)
    return wrong(context, value, "when", "the list is empty; give one or more, or leave the key out");
  each_map(context, value, "when", [&](const Value& item) {
    MapReader map(context, item, "a window", keys);
    TimeWindow window;
    if (!map || !read_window(context, map, item, window)) return;
    if (windows.size() == windows_max)
      return wrong(context, item, "when", "more than " + std::to_string(windows_max) + " windows");
    windows.push_back(window);
  });
}

void InventoryReader::read_maintenance(const Value& value) {
  static constexpr std::array<std::string_view, 5> keys = {"days", "from", "to", "segments", "reason"};
  Context& context = building_.context;
  each_map(context, value, "maintenance", [&](const Value& item) {
    MapReader map(context, item, "a maintenance window", keys);
    if (!map) return;
    MaintenanceWindow window;
    window.place = context.faults.place_of(item.position());
    read_window(context, map, item, window.when);
    read_one_or_list(context, map.find("segments"), "segments", [&](const Value& at, std::string_view name) {
      std::uint32_t number = 0;
      if (!read_segment_name(at, "segments", name, number)) return;
      // A check of each against all would be a day's work for a million names.
      window.segments.push_back(number);
    });
    std::vector<std::uint32_t> sorted = window.segments;
    std::sort(sorted.begin(), sorted.end());
    if (std::adjacent_find(sorted.begin(), sorted.end()) != sorted.end())
      wrong(context, map.find("segments"), "segments", "a name is here twice");
    std::string_view reason;
    read_reason(context, map.find("reason"), reason);
    window.reason = reason;
    if (!has_room(item, "maintenance", building_.config.maintenance.size(), windows_max)) return;
    building_.config.maintenance.push_back(std::move(window));
  });
}

void InventoryReader::read_dispatch(const Value& value) {
  static constexpr std::array<std::string_view, 6> keys = {"by", "days", "from", "to", "kw_max", "reason"};
  Context& context = building_.context;
  each_map(context, value, "dispatch", [&](const Value& item) {
    MapReader map(context, item, "a dispatch", keys);
    if (!map) return;
    DispatchWindow window;
    window.place = context.faults.place_of(item.position());
    read_ends(map.need("by"), "by", window.by);
    read_window(context, map, item, window.when);
    const Value kw_max = map.find("kw_max");
    if (read_value(context, kw_max, "kw_max", window.kw_max,
                   [](std::string_view text, double& out) { return read_power(text, true, out); }) &&
        window.kw_max == 0) {
      wrong(context, kw_max, "kw_max", "a dispatch of nothing; more than 0 is accepted, and without the key any power");
    }
    std::string_view reason;
    read_reason(context, map.find("reason"), reason);
    window.reason = reason;
    if (!has_room(item, "dispatch", building_.config.dispatch.size(), windows_max)) return;
    building_.config.dispatch.push_back(std::move(window));
  });
}

}  // namespace tsujiban::config
