#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <filesystem>

#include "app/commands.h"
#include "app/session.h"
#include "app/version.h"
#include "capture/capture_file.h"
#include "capture/link_type.h"
#include "decode/decoder.h"
#include "output/progress.h"
#include "output/summary.h"
#include "pipeline/runner.h"

namespace tsujiban::app {
namespace {

using Clock = std::chrono::steady_clock;

Duration since(Clock::time_point start) {
  return {std::chrono::duration_cast<std::chrono::nanoseconds>(Clock::now() - start).count()};
}

// One line that says why a folder for the output cannot be had; empty: it is there.
std::string make_folder(const std::string& path) {
  std::error_code error;
  std::filesystem::create_directories(path, error);
  if (error) return path + ": cannot make the folder: " + error.message();
  if (!std::filesystem::is_directory(path, error))
    return path + ": is no folder; -o takes a folder, or - for standard output";
  return {};
}

output::Summary summarise(const pipeline::RunContext& run, const pipeline::Runner& runner,
                          const metrics::ProcessMetrics& process) {
  output::Summary summary;
  summary.totals = metrics::fold(runner.counters());
  summary.packets_received = process.packets_received.value();
  for (std::size_t i = 0; i < summary.dropped.size(); ++i) summary.dropped[i] = process.dropped[i].value();
  summary.has_time = runner.has_time();
  summary.first = runner.first();
  summary.last = runner.last();
  summary.timezone = run.config->timezone;
  summary.workers = run.workers;
  summary.has_inventory = run.config->has_inventory();
  for (const config::Asset& asset : run.config->assets) ++summary.assets[static_cast<std::size_t>(asset.role)];
  summary.type_name = message_type_name;

  const auto& counts = runner.correlator().alert_counts();
  std::uint64_t all = 0;
  for (std::size_t i = 0; i < detector_count; ++i) {
    for (std::size_t s = 1; s < counts[i].size(); ++s) {
      if (counts[i][s][1] == 0) continue;
      summary.alert_counts.push_back(
          {static_cast<DetectorId>(i), static_cast<Severity>(s), counts[i][s][0], counts[i][s][1]});
      all += counts[i][s][0];
    }
  }
  auto conditions = runner.correlator().conditions();
  std::stable_sort(conditions.begin(), conditions.end(), [](const auto& a, const auto& b) {
    return a.brief.severity != b.brief.severity ? a.brief.severity < b.brief.severity
                                                : a.brief.first_seen < b.brief.first_seen;
  });
  for (const auto& condition : conditions) {
    if (summary.alert_lines.size() == output::Summary::alert_lines_max) break;
    output::AlertLine line;
    line.detector = condition.brief.detector;
    line.severity = condition.brief.severity;
    line.interface = condition.brief.interface;
    line.count = condition.brief.count;
    line.first_seen = condition.brief.first_seen;
    if (condition.brief.detector == DetectorId::signature) line.message = run.rules->rule(condition.brief.rule).message;
    const auto& assets = run.config->assets;
    if (condition.brief.has_addresses) {
      line.from = condition.brief.source_asset != 0 ? assets[condition.brief.source_asset - 1].name
                                                    : to_string(condition.source);
      line.to = condition.brief.destination_asset != 0 ? assets[condition.brief.destination_asset - 1].name
                                                       : to_string(condition.destination);
    }
    summary.alert_lines.push_back(std::move(line));
  }
  summary.alert_lines_left_out = all - summary.alert_lines.size();
  return summary;
}

}  // namespace

int read_command(const ReadOptions& options) {
  EventTypes events = EventTypes::all();
  if (std::string unknown; !options.events.empty() && !parse_event_types(options.events, events, unknown)) {
    std::fprintf(stderr, "--events: `%s` is no event type; accepted are %s\n", unknown.c_str(),
                 event_type_names().c_str());
    return exit_usage;
  }
  Loaded loaded;
  if (!load(options.configuration, options.rules, loaded)) return exit_usage;

  std::string error;
  std::shared_ptr<capture::PacketSource> source = capture::open_capture(options.captures, error);
  if (source == nullptr) {
    std::fprintf(stderr, "%s\n", error.c_str());
    return exit_failed;
  }

  const bool to_stdout = options.output == "-";
  metrics::ProcessMetrics process;
  std::vector<pipeline::Sink> sinks;
  std::unique_ptr<output::EveSink> eve;
  std::vector<output::Feature> outputs;
  if (!options.output.empty()) {
    if (!to_stdout) {
      if (error = make_folder(options.output); !error.empty()) {
        std::fprintf(stderr, "%s\n", error.c_str());
        return exit_failed;
      }
    }
    output::EveSink::Options eve_options;
    eve_options.path = to_stdout ? "-" : (std::filesystem::path(options.output) / "eve.json").string();
    eve = std::make_unique<output::EveSink>(eve_options, process.sinks[0]);
    if (!eve->open()) {
      std::fprintf(stderr, "%s\n", eve->error().c_str());
      return exit_failed;
    }
    sinks.push_back({eve.get(), events});
    outputs.push_back({"eve", true, eve_options.path});
  }

  pipeline::RunContext run = make_context(loaded, options.output.empty() ? EventTypes() : events, options.workers);
  if (options.checksum == "check") run.checksum = config::ChecksumMode::check;
  if (options.checksum == "ignore") run.checksum = config::ChecksumMode::ignore;
  run.input_name = [names = source.get()](std::uint16_t input) { return names->input_name(input); };
  count_assets(*loaded.config, process);
  // The events own standard output; what is for people then goes to stderr.
  std::FILE* const people = to_stdout ? stderr : stdout;
  const output::StartBanner banner = make_banner(run, options.configuration, std::move(outputs));
  output::print_banner(people, banner, output::wants_color(people));
  std::fflush(people);

  pipeline::Runner runner(run, std::move(sinks), process);
  // The rate that people are told is that of the packets: a large inventory takes seconds to load.
  const Clock::time_point start = Clock::now();
  output::Progress progress(stderr, output::is_terminal(stderr));
  const auto watch = [&](std::uint64_t bytes, std::uint64_t total, std::uint64_t packets) {
    progress.update(since(start), bytes, total, packets);
  };
  analyse(options.captures, source, runner, watch);
  progress.finish();

  output::Summary summary = summarise(run, runner, process);
  summary.elapsed_s = since(start).as_seconds();
  for (const output::Feature& feature : banner.detectors) summary.resting.push_back(feature);
  for (const output::Feature& feature : banner.rules) summary.resting.push_back(feature);
  for (const LinkType link : runner.links()) {
    if (decode::is_dissected(link)) continue;
    const std::string_view name = capture::link_type_name(link);
    summary.resting.push_back(
        {name.empty() ? "link type " + std::to_string(static_cast<unsigned>(link)) : std::string(name), false,
         "frames of this link type are recognised and counted, not dissected"});
  }
  summary.inputs = options.captures.size();
  for (std::size_t at = 0; at < runner.damage().size();) {
    const std::size_t end = std::min(runner.damage().find('\n', at), runner.damage().size());
    summary.damages.push_back(runner.damage().substr(at, end - at));
    at = end + 1;
  }
  if (eve != nullptr) {
    summary.events_path = to_stdout ? "-" : eve->path();
    summary.events_written = eve->events_written();
    summary.events_bytes = process.sinks[0].bytes.value();
  }
  output::print_summary(people, summary, output::wants_color(people));
  if (std::fflush(people) != 0) {
    std::fprintf(stderr, "standard output: %s\n", std::strerror(errno));
    return exit_failed;
  }
  if (!runner.output_error().empty()) {
    std::fprintf(stderr, "%s\n", runner.output_error().c_str());
    return exit_failed;
  }
  if (!runner.damage().empty()) {
    std::fprintf(stderr, "%s\n", runner.damage().c_str());
    return exit_failed;
  }
  return exit_done;
}

}  // namespace tsujiban::app
