#include <glob.h>

#include <algorithm>
#include <array>
#include <filesystem>

#include "config/detectors_present.h"
#include "config/sections.h"

namespace tsujiban::config {
namespace {

// Below this the tables of the flow and stream memory do not fit; above it the number is a slip of the unit.
constexpr std::uint64_t memory_bytes_min = std::uint64_t{64} << 20;
constexpr std::uint64_t memory_bytes_max = std::uint64_t{16} << 40;
constexpr std::uint64_t rotate_bytes_min = std::uint64_t{1} << 20;
constexpr std::uint64_t workers_max = 64;
constexpr std::size_t interface_bytes_max = 15;  // IFNAMSIZ of Linux, without its end.
constexpr std::size_t path_bytes_max = 4095;
constexpr std::size_t host_bytes_max = 253;  // RFC 1035, 2.3.4.

std::string read_path(std::string_view text) {
  return text.empty() || text.size() > path_bytes_max ? "a path of 1 to 4095 bytes is accepted" : std::string{};
}

// "repeat=10m" out of the catalogue's column of defaults.
Duration repeat_of(const DetectorInfo& info) {
  Duration repeat = Duration::seconds(60);
  const std::size_t at = info.defaults.find("repeat=");
  if (at != std::string_view::npos) {
    const std::string_view text = info.defaults.substr(at + 7);
    Duration read;
    if (read_duration(text.substr(0, text.find(' ')), read).empty()) repeat = read;
  }
  return repeat;
}

// A list of maps, or one map that stands for a list of one.
template <class Each>
void each_map(Building& building, const Value& value, std::string_view key, Each&& each) {
  if (value.kind() == NodeKind::map) {
    each(value);
  } else if (value.kind() == NodeKind::list) {
    value.for_each([&](const Value& item) { each(item); });
  } else if (value.kind() != NodeKind::refused) {
    wrong(building.context, value, key, "a list of maps is accepted");
  }
}

}  // namespace

void set_detector_defaults(Config& config) {
  for (const DetectorInfo& info : detector_catalogue()) {
    config.detectors[static_cast<std::size_t>(info.id)] = {.repeat = repeat_of(info), .enabled = is_present(info.id)};
  }
}

void read_site(Building& building, const Value& value) {
  static constexpr std::array<std::string_view, 3> keys = {"name", "importance", "timezone"};
  static constexpr std::array<std::string_view, 2> importances = {"A", "B"};
  static constexpr std::array<char, 2> importance_meanings = {'A', 'B'};
  Context& context = building.context;
  MapReader map(context, value, "site", keys);
  const auto name = [](std::string_view text, std::string& out) {
    out = text;
    return read_name(text);
  };
  const auto zone = [](std::string_view text, std::string& out) {
    out = text;
    return read_timezone(text);
  };
  read_value(context, map.need("name"), "name", building.config.site_name, name);
  read_word<char>(context, map.find("importance"), "importance", importances, importance_meanings,
                  building.config.importance);
  read_value(context, map.find("timezone"), "timezone", building.config.timezone, zone);
}

void read_state(Building& building, const Value& value) {
  static constexpr std::array<std::string_view, 2> keys = {"directory", "memory"};
  Context& context = building.context;
  MapReader map(context, value, "state", keys);
  const auto directory = [](std::string_view text, std::string& out) -> std::string {
    if (text.empty() || text.front() != '/') return in_quotes(text) + " is no absolute path; it begins with \"/\"";
    out = text;
    return read_path(text);
  };
  const auto memory = [](std::string_view text, std::uint64_t& out) -> std::string {
    std::uint64_t bytes = 0;
    std::string message = read_size(text, bytes);
    if (message.empty() && (bytes < memory_bytes_min || bytes > memory_bytes_max)) {
      message = in_quotes(text) + " cannot be; 64MiB to 16TiB is accepted";
    }
    if (message.empty()) out = bytes;
    return message;
  };
  read_value(context, map.find("directory"), "directory", building.config.state_directory, directory);
  read_value(context, map.find("memory"), "memory", building.config.memory_bytes, memory);
}

void read_host(Building& building, const Value& value) {
  const auto host = [](std::string_view text, std::string& out) -> std::string {
    const bool clean =
        std::all_of(text.begin(), text.end(), [](char c) { return static_cast<std::uint8_t>(c) > 0x20 && c != 0x7f; });
    if (text.empty() || text.size() > host_bytes_max || !clean)
      return in_quotes(text) + " is no host's name; 1 to 253 bytes without spaces are accepted";
    out = text;
    return {};
  };
  read_value(building.context, value, "host", building.config.host_name, host);
}

void read_capture(Building& building, const Value& value) {
  static constexpr std::array<std::string_view, 4> keys = {"kind", "interface", "checksum", "workers"};
  static constexpr std::array<std::string_view, 1> kinds = {"pcap"};
  static constexpr std::array<CaptureEntry::Kind, 1> kind_meanings = {CaptureEntry::Kind::pcap};
  static constexpr std::array<std::string_view, 3> modes = {"auto", "check", "ignore"};
  static constexpr std::array<ChecksumMode, 3> mode_meanings = {ChecksumMode::automatic, ChecksumMode::check,
                                                                ChecksumMode::ignore};
  Context& context = building.context;
  each_map(building, value, "capture", [&](const Value& item) {
    MapReader map(context, item, "a capture", keys);
    if (!map) return;
    CaptureEntry entry;
    entry.place = context.faults.place_of(item.position());
    read_word<CaptureEntry::Kind>(context, map.need("kind"), "kind", kinds, kind_meanings, entry.kind);
    const Value interface = map.need("interface");
    const auto name = [](std::string_view text, std::string& out) -> std::string {
      const bool clean = std::all_of(text.begin(), text.end(), [](char c) { return c > 0x20 && c < 0x7f && c != '/'; });
      if (text.empty() || text.size() > interface_bytes_max || !clean) {
        return in_quotes(text) +
               " is no name of an interface; 1 to 15 letters, digits and signs without \"/\" are accepted";
      }
      out = text;
      return {};
    };
    if (read_value(context, interface, "interface", entry.interface, name)) {
      const auto [at, added] = building.interfaces.try_emplace(entry.interface, interface.position());
      if (!added) {
        wrong(context, interface, "interface",
              in_quotes(entry.interface) + " is captured twice; the first is on " +
                  context.faults.reference(at->second, interface.file));
      }
    }
    read_word<ChecksumMode>(context, map.find("checksum"), "checksum", modes, mode_meanings, entry.checksum);
    std::uint64_t workers = entry.workers;
    read_value(context, map.find("workers"), "workers", workers,
               [](std::string_view text, std::uint64_t& out) { return read_count(text, 1, workers_max, out); });
    entry.workers = static_cast<std::uint32_t>(workers);
    building.config.captures.push_back(std::move(entry));
  });
}

void read_detectors(Building& building, const Value& value) {
  static constexpr std::array<std::string_view, 2> keys = {"repeat", "enabled"};
  static constexpr std::array<std::string_view, 3> keys_with_window = {"repeat", "enabled", "window"};
  static constexpr std::array<std::string_view, 2> words = {"true", "false"};
  static constexpr std::array<bool, 2> meanings = {true, false};
  std::array<std::string_view, detectors_present.size()> names;
  for (std::size_t i = 0; i < names.size(); ++i) names[i] = info_of(detectors_present[i]).name;
  Context& context = building.context;
  static_assert(names.size() <= MapReader::keys_max);
  MapReader map(context, value, "detectors", names);
  for (std::size_t i = 0; i < names.size(); ++i) {
    const Value at = map.find(names[i]);
    if (!at) continue;
    DetectorSettings& settings = building.config.detectors[static_cast<std::size_t>(detectors_present[i])];
    const bool has_window = detectors_present[i] == DetectorId::sensor_capture_stalled;
    MapReader settings_map(
        context, at, "the settings of a detector",
        has_window ? std::span<const std::string_view>(keys_with_window) : std::span<const std::string_view>(keys));
    const auto repeat = [](std::string_view text, Duration& out) -> std::string {
      Duration read;
      std::string message = read_duration(text, read);
      if (message.empty() && read.ns == 0) message = in_quotes(text) + " cannot be; 1s and more is accepted";
      if (message.empty()) out = read;
      return message;
    };
    read_value(context, settings_map.find("repeat"), "repeat", settings.repeat, repeat);
    if (has_window) read_value(context, settings_map.find("window"), "window", settings.window, repeat);
    read_word<bool>(context, settings_map.find("enabled"), "enabled", words, meanings, settings.enabled);
  }
}

void read_outputs(Building& building, const Value& value) {
  static constexpr std::array<std::string_view, 4> keys = {"kind", "path", "rotate", "types"};
  static constexpr std::array<std::string_view, 1> kinds = {"eve"};
  static constexpr std::array<Output::Kind, 1> kind_meanings = {Output::Kind::eve};
  std::array<std::string_view, event_type_count> types;
  for (std::size_t i = 0; i < types.size(); ++i) types[i] = name_of(static_cast<EventType>(i));
  Context& context = building.context;
  each_map(building, value, "outputs", [&](const Value& item) {
    MapReader map(context, item, "an output", keys);
    if (!map) return;
    Output output;
    output.place = context.faults.place_of(item.position());
    read_word<Output::Kind>(context, map.need("kind"), "kind", kinds, kind_meanings, output.kind);
    const Value path = map.need("path");
    const auto checked_path = [](std::string_view text, std::string& out) {
      out = text;
      return read_path(text);
    };
    if (read_value(context, path, "path", output.path, checked_path)) {
      const auto [at, added] = building.outputs.try_emplace(output.path, path.position());
      if (!added) {
        wrong(context, path, "path",
              in_quotes(output.path) + " is written by two outputs; the first is on " +
                  context.faults.reference(at->second, path.file));
      }
    }
    const auto rotate = [](std::string_view text, std::uint64_t& out) -> std::string {
      std::uint64_t bytes = 0;
      std::string message = read_size(text, bytes);
      if (message.empty() && bytes < rotate_bytes_min)
        message = in_quotes(text) + " cannot be; 1MiB and more is accepted, and without the key nothing is rotated";
      if (message.empty()) out = bytes;
      return message;
    };
    read_value(context, map.find("rotate"), "rotate", output.rotate_bytes, rotate);
    if (const Value list = map.find("types")) {
      output.types = EventTypes{};
      read_one_or_list(context, list, "types", [&](const Value& at, std::string_view text) {
        EventType type{};
        if (!parse_event_type(text, type)) {
          return wrong(context, at, "types",
                       in_quotes(text) + " is no type of event" + context.suggestions.among(text, types) +
                           "; accepted: " + listed(types));
        }
        if (output.types.has(type)) return wrong(context, at, "types", in_quotes(text) + " is here twice");
        output.types.add(type);
      });
    }
    building.config.outputs.push_back(std::move(output));
  });
}

void read_metrics(Building& building, const Value& value) {
  static constexpr std::array<std::string_view, 1> keys = {"listen"};
  Context& context = building.context;
  MapReader map(context, value, "metrics", keys);
  read_value(context, map.need("listen"), "listen", building.config.metrics_listen,
             [](std::string_view text, std::string& out) {
               out = text;
               return read_listen(text);
             });
}

void read_signatures(Building& building, const Value& value) {
  Context& context = building.context;
  std::vector<std::string>& files = building.config.signature_files;
  const auto take = [&](const Value& item, std::string file) {
    if (files.size() == signature_files_max) {
      wrong(context, item, "signatures", "more than " + std::to_string(signature_files_max) + " files");
      return false;
    }
    // A file that two globs name is one file.
    if (building.signatures.try_emplace(file, item.position()).second) files.push_back(std::move(file));
    return true;
  };
  read_one_or_list(context, value, "signatures", [&](const Value& item, std::string_view text) {
    if (const std::string message = read_path(text); !message.empty())
      return wrong(context, item, "signatures", message);
    if (!building.files_allowed) {
      take(item, std::string(text));
      return;
    }
    const std::filesystem::path folder = std::filesystem::path(context.faults.file_name(item.file)).parent_path();
    const std::string pattern = (folder / std::string(text)).lexically_normal().string();
    glob_t found{};
    const int failed = ::glob(pattern.c_str(), GLOB_BRACE, nullptr, &found);
    std::size_t taken = 0;
    if (failed == 0) {
      for (std::size_t i = 0; i < found.gl_pathc; ++i) {
        std::error_code ignored;
        if (std::filesystem::is_directory(found.gl_pathv[i], ignored)) continue;
        ++taken;
        if (!take(item, found.gl_pathv[i])) break;
      }
    }
    ::globfree(&found);
    if (taken == 0) wrong(context, item, "signatures", "no file is named by " + in_quotes(pattern));
  });
  std::sort(files.begin(), files.end());
}

}  // namespace tsujiban::config
