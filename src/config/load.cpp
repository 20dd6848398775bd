#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <deque>
#include <filesystem>
#include <system_error>
#include <unordered_set>

#include "config/csv.h"
#include "config/indicators.h"
#include "config/sections.h"
#include "config/text_file.h"

namespace tsujiban::config {
namespace {

constexpr std::array<std::string_view, 22> top_keys = {
    "site",          "host",      "state",       "privacy", "capture",          "segments",
    "segment_files", "assets",    "asset_files", "erab",    "power_steps",      "maintenance",
    "dispatch",      "allow",     "allow_files", "control", "control_defaults", "indicators",
    "signatures",    "detectors", "outputs",     "metrics"};
constexpr std::string_view include_key = "include";

struct Document {
  std::uint32_t file = 0;
  Tree tree;
};

// All files of one configuration: read first, then walked section by section, for an asset may name a segment of a
// later file.
class Loader {
 public:
  explicit Loader(bool files_allowed) : files_allowed_(files_allowed) {}

  void add_file(const std::string& path, const Value* named_by, std::size_t depth) {
    std::string bytes;
    const std::string message = read_text_file(path, file_bytes_max, bytes);
    if (!message.empty()) {
      if (named_by == nullptr) {
        faults_.add({faults_.add_file(path), 0, 0}, message);
      } else {
        wrong(context_, *named_by, include_key, in_quotes(path) + ": " + message);
      }
      return;
    }
    std::error_code failed;
    std::string identity = std::filesystem::canonical(path, failed).string();
    if (failed) identity = path;
    if (!identities_.insert(identity).second) {
      const bool cycle = std::find(open_.begin(), open_.end(), identity) != open_.end();
      wrong(context_, *named_by, include_key,
            in_quotes(path) + (cycle ? " includes itself, directly or by what it includes" : " is included twice"));
      return;
    }
    open_.push_back(identity);
    add_text(path, bytes, depth);
    open_.pop_back();
  }

  void add_text(const std::string& name, std::string_view bytes, std::size_t depth) {
    Document& document = documents_.emplace_back();
    document.file = faults_.add_file(name);
    if (!parse_yaml(bytes, document.file, faults_, document.tree)) {
      document.tree = Tree{};
      return;
    }
    if (document.tree.empty() || document.tree.root().kind == NodeKind::null) {
      // An empty include is a section that nobody has filled yet; an empty configuration is a wrong file.
      if (depth == 0)
        faults_.add({document.file, 0, 0}, "the file is empty; a map is accepted, with the keys " + listed(top_keys));
      document.tree = Tree{};
      return;
    }
    read_includes(document, depth);
  }

  std::shared_ptr<const Config> finish(std::vector<Fault>& faults) {
    auto config = std::make_shared<Config>();
    set_detector_defaults(*config);
    config->privacy.mask = true;
    {
      Building building(context_, *config, files_allowed_);
      read_sections(building);
      config->texts = building.texts.pool();
    }
    faults = faults_.finish();
    if (!faults.empty()) return nullptr;
    config->files = faults_.files();
    for (Output& output : config->outputs) {
      if (output.path != "-" && output.path.front() != '/' && !config->state_directory.empty()) {
        output.path = (std::filesystem::path(config->state_directory) / output.path).lexically_normal().string();
      }
    }
    return config;
  }

 private:
  static Value root_of(const Document& document) { return {&document.tree, &document.tree.root(), document.file}; }

  void read_includes(const Document& document, std::size_t depth) {
    const Value root = root_of(document);
    if (root.kind() != NodeKind::map) return;
    Value key, include;
    root.for_each([&](const Value& child) {
      if (!key) {
        key = child;
      } else {
        if (key.kind() == NodeKind::scalar && key.text() == include_key && !include) include = child;
        key = Value{};
      }
    });
    if (!include) return;
    if (!files_allowed_) return wrong(context_, include, include_key, "a text in memory cannot include files");
    read_one_or_list(context_, include, include_key, [&](const Value& item, std::string_view text) {
      if (text.empty()) return wrong(context_, item, include_key, "an empty name");
      if (depth == include_depth_max) {
        return wrong(context_, item, include_key,
                     "files include files more than " + std::to_string(include_depth_max) + " deep");
      }
      if (identities_.size() == include_files_max) {
        return wrong(context_, item, include_key, "more than " + std::to_string(include_files_max) + " files");
      }
      const std::filesystem::path folder = std::filesystem::path(faults_.file_name(document.file)).parent_path();
      add_file((folder / std::string(text)).lexically_normal().string(), &item, depth + 1);
    });
  }

  void read_sections(Building& building) {
    std::vector<std::string_view> keys(top_keys.begin(), top_keys.end());
    keys.push_back(include_key);
    std::vector<MapReader> maps;
    maps.reserve(documents_.size());
    for (const Document& document : documents_) {
      if (!document.tree.empty()) maps.emplace_back(context_, root_of(document), "the configuration", keys);
    }
    const auto each = [&](std::string_view key, auto&& read) {
      for (const MapReader& map : maps) {
        if (const Value value = map.find(key)) read(value);
      }
    };
    // What stands for the whole site is said once, in whichever file.
    const auto once = [&](std::string_view key, auto&& read) {
      Value first;
      each(key, [&](const Value& value) {
        if (first) {
          return wrong(context_, value, key,
                       "this is said twice; the first is on " + faults_.reference(first.position(), value.file));
        }
        first = value;
        read(building, value);
      });
    };
    once("site", read_site);
    once("host", read_host);
    once("state", read_state);
    once("privacy", read_privacy);
    once("detectors", read_detectors);
    once("power_steps", read_power_steps);
    once("control_defaults", read_control_defaults);
    once("erab", read_erab);
    once("metrics", read_metrics);
    each("capture", [&](const Value& value) { read_capture(building, value); });
    each("outputs", [&](const Value& value) { read_outputs(building, value); });
    each("signatures", [&](const Value& value) { read_signatures(building, value); });
    InventoryReader inventory(building);
    // The tables of all files that name some, each read and let go before the next.
    const auto tables = [&](std::string_view key, auto&& read) {
      std::unordered_map<std::string, Position> named_by;
      std::vector<std::string> files;
      each(key, [&](const Value& value) {
        if (!files_allowed_) return wrong(context_, value, key, "a text in memory cannot name files");
        read_file_list(building, value, key, table_files_max, named_by, files);
      });
      for (const std::string& file : files) {
        std::string bytes;
        if (const std::string message = read_text_file(file, table_bytes_max, bytes); !message.empty()) {
          faults_.add(named_by.find(file)->second, std::string(key) + ": " + in_quotes(file) + ": " + message);
        } else {
          read(bytes, faults_.add_file(file));
        }
      }
    };
    each("segments", [&](const Value& value) { inventory.read_segments(value); });
    tables("segment_files", [&](std::string& bytes, std::uint32_t file) { inventory.read_segment_table(bytes, file); });
    inventory.read_template_assets();
    each("assets", [&](const Value& value) { inventory.read_assets(value); });
    tables("asset_files", [&](std::string& bytes, std::uint32_t file) { inventory.read_asset_table(bytes, file); });
    each("allow", [&](const Value& value) { inventory.read_allow(value); });
    tables("allow_files", [&](std::string& bytes, std::uint32_t file) { inventory.read_allow_table(bytes, file); });
    each("control", [&](const Value& value) { inventory.read_control(value); });
    each("maintenance", [&](const Value& value) { inventory.read_maintenance(value); });
    each("dispatch", [&](const Value& value) { inventory.read_dispatch(value); });
    IndicatorReader indicators(context_);
    tables("indicators", [&](std::string& bytes, std::uint32_t file) { indicators.read(bytes, file); });
    building.config.indicators = indicators.finish();
  }

  bool files_allowed_;
  FaultList faults_;
  Context context_{faults_, {}};
  std::deque<Document> documents_;  // Trees stay where they are: names are views into them.
  std::unordered_set<std::string> identities_;
  std::vector<std::string> open_;
};

}  // namespace

std::shared_ptr<const Config> load(const std::string& path, std::vector<Fault>& faults) {
  Loader loader(true);
  loader.add_file(path, nullptr, 0);
  return loader.finish(faults);
}

std::shared_ptr<const Config> load_text(const std::string& name, std::string_view text, std::vector<Fault>& faults) {
  Loader loader(false);
  loader.add_text(name, text, 0);
  return loader.finish(faults);
}

std::shared_ptr<const Config> defaults() {
  auto config = std::make_shared<Config>();
  set_detector_defaults(*config);
  return config;
}

}  // namespace tsujiban::config
