#include <glob.h>

#include <algorithm>
#include <array>
#include <filesystem>

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

}  // namespace

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
  each_map(context, value, "capture", [&](const Value& item) {
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

void read_outputs(Building& building, const Value& value) {
  static constexpr std::array<std::string_view, 4> keys = {"kind", "path", "rotate", "types"};
  static constexpr std::array<std::string_view, 1> kinds = {"eve"};
  static constexpr std::array<Output::Kind, 1> kind_meanings = {Output::Kind::eve};
  std::array<std::string_view, event_type_count> types;
  for (std::size_t i = 0; i < types.size(); ++i) types[i] = name_of(static_cast<EventType>(i));
  Context& context = building.context;
  each_map(context, value, "outputs", [&](const Value& item) {
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

std::string path_beside(const Building& building, const Value& value, std::string_view text) {
  const std::filesystem::path folder =
      std::filesystem::path(building.context.faults.file_name(value.file)).parent_path();
  return (folder / std::string(text)).lexically_normal().string();
}

void read_file_list(Building& building, const Value& value, std::string_view key, std::size_t files_max,
                    std::unordered_map<std::string, Position>& taken, std::vector<std::string>& files) {
  Context& context = building.context;
  const auto take = [&](const Value& item, std::string file) {
    if (files.size() == files_max) {
      wrong(context, item, key, "more than " + std::to_string(files_max) + " files");
      return false;
    }
    // A file that two globs name is one file.
    if (taken.try_emplace(file, item.position()).second) files.push_back(std::move(file));
    return true;
  };
  read_one_or_list(context, value, key, [&](const Value& item, std::string_view text) {
    if (const std::string message = read_path(text); !message.empty()) return wrong(context, item, key, message);
    if (!building.files_allowed) {
      take(item, std::string(text));
      return;
    }
    const std::string pattern = path_beside(building, item, text);
    glob_t found{};
    const int failed = ::glob(pattern.c_str(), GLOB_BRACE, nullptr, &found);
    std::size_t named = 0;
    if (failed == 0) {
      for (std::size_t i = 0; i < found.gl_pathc; ++i) {
        std::error_code ignored;
        if (std::filesystem::is_directory(found.gl_pathv[i], ignored)) continue;
        ++named;
        if (!take(item, found.gl_pathv[i])) break;
      }
    }
    ::globfree(&found);
    if (named == 0) wrong(context, item, key, "no file is named by " + in_quotes(pattern));
  });
  std::sort(files.begin(), files.end());
}

void read_signatures(Building& building, const Value& value) {
  read_file_list(building, value, "signatures", signature_files_max, building.signatures,
                 building.config.signature_files);
}

}  // namespace tsujiban::config
