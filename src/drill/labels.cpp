// The labels beside a capture, as JSON.
#include <algorithm>
#include <cstdio>
#include <span>

#include "base/json_writer.h"
#include "drill/services.h"
#include "drill/world.h"

namespace tsujiban::drill {
namespace {

constexpr std::size_t label_bytes_max = 16'384;

// ISO 8601 with microseconds in Japan's zone, as the events of `read` write their time.
std::string time_text(PacketTime time) {
  std::vector<std::uint8_t> date;
  put_date(date, time);
  const std::int64_t ns = World::time_of_day_ns(time);
  char text[48];
  std::snprintf(text, sizeof text, "%04u-%02u-%02uT%02d:%02d:%02d.%06d+0900", date[0] << 8 | date[1], date[2], date[3],
                static_cast<int>(ns / World::hour_ns), static_cast<int>(ns / World::minute_ns % 60),
                static_cast<int>(ns / World::second_ns % 60), static_cast<int>(ns % World::second_ns / 1000));
  return text;
}

void write_names(JsonWriter& json, std::string_view key, const std::vector<std::string_view>& names) {
  json.key(key);
  json.begin_array();
  for (const std::string_view name : names) json.string(name);
  json.end_array();
}

void write_label(JsonWriter& json, const Label& label) {
  json.begin_object();
  json.field("time", time_text(label.time));
  json.field("end", time_text(label.end));
  json.field("kind", std::string_view(label.attack ? "attack" : "benign"));
  json.field("scenario", std::string_view(label.scenario));
  write_names(json, "expect", label.expect);
  write_names(json, "expect_later", label.expect_later);
  write_names(json, "must_not", label.must_not);
  json.field("source", std::string_view(label.source));
  json.field("target", std::string_view(label.target));
  json.field("segment", std::string_view(label.segment));
  json.key("packets");
  json.begin_array();
  if (label.packets != 0) json.number(label.first_packet), json.number(label.last_packet);
  json.end_array();
  json.field("packet_count", label.packets);
  json.field("note", std::string_view(label.note));
  json.end_object();
}

}  // namespace

bool write_labels(const World& world, Output& output) {
  std::vector<char> buffer(label_bytes_max);
  const auto give = [&](const JsonWriter& json) {
    return output.write({reinterpret_cast<const std::uint8_t*>(json.text().data()), json.size()});
  };
  // In the order of time; those of one time as they were laid. What the capture ended before has none.
  std::vector<const Label*> ordered;
  std::uint64_t not_begun = 0;
  for (const Label& label : world.labels()) {
    const bool begun = !label.attack || label.packets != 0 || (label.of_mirror && label.time < world.end());
    if (begun) ordered.push_back(&label);
    not_begun += begun ? 0 : 1;
  }
  std::stable_sort(ordered.begin(), ordered.end(), [](const Label* a, const Label* b) { return a->time < b->time; });
  JsonWriter head(buffer.data(), buffer.size());
  head.begin_object();
  const Options& options = world.options();
  head.field("scenario", names_of(options));
  head.field("seed", options.seed);
  head.field("homes", options.homes);
  if (options.duration.ns == 0) head.field("days", options.days);
  if (options.duration.ns != 0)
    head.field("duration_s", static_cast<std::uint64_t>(options.duration.ns / World::second_ns));
  head.field("poll_s", static_cast<std::uint64_t>(poll_of(options).ns / World::second_ns));
  head.field("start", time_text(world.start()));
  head.field("end", time_text(world.end()));
  head.field("packets", world.packets());
  head.field("labels_left_out", world.labels_left_out() + not_begun);
  head.raw(",\"events\":[");
  if (!give(head)) return false;
  bool first = true;
  for (const Label* label : ordered) {
    JsonWriter json(buffer.data(), buffer.size());
    json.raw(first ? "\n" : ",\n");
    write_label(json, *label);
    if (!give(json)) return false;
    first = false;
  }
  JsonWriter tail(buffer.data(), buffer.size());
  tail.raw("\n]}\n");
  return give(tail);
}

}  // namespace tsujiban::drill
