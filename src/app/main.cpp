#include <CLI/CLI.hpp>
#include <csignal>
#include <cstdio>
#include <string_view>

#include "app/commands.h"
#include "app/version.h"

int main(int argc, char** argv) {
  using namespace tsujiban::app;
  CLI::App app(
      "Tsujiban 辻番: passive security monitor for demand-response and smart-meter networks\n"
      "デマンドレスポンス・スマートメーター網のための受動型セキュリティ監視",
      "tsujiban");
  app.set_version_flag("--version", std::string("tsujiban ") + version);
  app.require_subcommand(1);
  app.failure_message([](const CLI::App* failed, const CLI::Error& error) {
    return std::string(error.what()) + "\nSee `tsujiban" +
           (failed->get_subcommands().empty() ? "" : " " + failed->get_subcommands().front()->get_name()) +
           " --help`.\n";
  });

  ReadOptions read;
  CLI::App* read_app =
      app.add_subcommand("read", "Analyse captures: pcap, pcapng, .gz, .zst, a folder, - for standard input");
  read_app->add_option("CAPTURE", read.captures, "Captures to read, one after another");
  read_app->add_option("-c,--config", read.configuration,
                       "Site configuration (YAML); without it no inventory, and what needs one rests");
  read_app->add_option("-r,--rules", read.rules, "Signature rule file; may be given several times")
      ->allow_extra_args(false);
  read_app->add_option("-o,--output", read.output, "Folder for eve.json, or - for events on standard output");
  read_app->add_option("-w,--workers", read.workers, "Worker threads; the events are the same whatever their number")
      ->check(CLI::Range(1u, workers_max))
      ->capture_default_str();
  read_app->add_option("--events", read.events, "Event types to write, comma-separated (default: all)");
  read_app->add_option("--checksum", read.checksum, "auto: bad ones count where good ones were seen; check; ignore")
      ->check(CLI::IsMember({"auto", "check", "ignore"}));

  std::string run_configuration;
  CLI::App* run_app = app.add_subcommand("run", "Watch live, in the foreground");
  run_app->add_option("-c,--config", run_configuration, "Site configuration (YAML)")->required();

  std::string check_configuration;
  CLI::App* check_app =
      app.add_subcommand("check", "Check configuration, inventory and rules; every fault with file:line:column");
  check_app->add_option("-c,--config", check_configuration, "Site configuration (YAML)")->required();
  std::vector<std::string> check_against;
  check_app->add_option("--against", check_against,
                        "Captures for a dry run: what the configuration would have alerted");

  LearnOptions learn;
  CLI::App* learn_app =
      app.add_subcommand("learn", "Draft a site file from captures: segments, assets, writers, allow list; for review");
  learn_app->add_option("CAPTURE", learn.captures, "Captures to learn from");
  learn_app->add_option("-o,--output", learn.output, "The site file to write; without it standard output");
  learn_app->add_option("--site", learn.name, "The site's name in the draft");
  learn_app->add_option("--timezone", learn.timezone, "The site's time zone, as in Asia/Tokyo");
  learn_app->add_option("-w,--workers", learn.workers, "Worker threads")
      ->check(CLI::Range(1u, workers_max))
      ->capture_default_str();

  DrillOptions drill;
  CLI::App* drill_app =
      app.add_subcommand("drill", "Make a labelled capture of homes, their day and an attack, for training and tests");
  drill_app->add_option("--scenario", drill.scenarios, "What happens, or several with commas; --list names them")
      ->delimiter(',')
      ->allow_extra_args(false);
  drill_app->add_flag("--list", drill.list, "Names the scenarios");
  drill_app->add_option("-o,--output", drill.output,
                        "The capture (pcapng), or - for standard output; labels beside it");
  drill_app->add_option("--site", drill.site,
                        "Also writes the site configuration that fits the capture; signatures beside it");
  drill_app->add_option("--seed", drill.seed, "Another seed is another day")->capture_default_str();
  drill_app->add_option("--homes", drill.homes, "How many homes")->capture_default_str();
  drill_app->add_option("--days", drill.days, "How many days (default: what the scenario asks for)");
  drill_app->add_option("--duration", drill.duration, "Less than days, as in 15m or 6h")->excludes("--days");
  drill_app->add_option("--poll", drill.poll, "How often a controller asks each device, as in 300s (default: chosen)");
  drill_app->add_option("--start", drill.start, "First moment, as in 2026-04-06T00:00:00+09:00");

  if (argc > 1 && argv[1][0] != '-' && std::string_view(argv[1]) != "read" && std::string_view(argv[1]) != "run" &&
      std::string_view(argv[1]) != "check" && std::string_view(argv[1]) != "learn" &&
      std::string_view(argv[1]) != "drill") {
    std::fprintf(stderr, "tsujiban: `%s` is no command; accepted are read, run, check, learn, drill\n", argv[1]);
    return exit_usage;
  }
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    // Help and version are successes; everything else is wrong usage.
    return app.exit(error) == 0 ? exit_done : exit_usage;
  }

  // A reader that goes away is a failed write with an error to tell, not the end of the process.
  std::signal(SIGPIPE, SIG_IGN);
  try {
    if (*read_app) {
      // Not left to the parser, which would ask for a capture before it says that an option is unknown.
      if (read.captures.empty()) {
        std::fprintf(stderr,
                     "tsujiban read: no capture is given; a file, a folder or - for standard input is accepted\n");
        return exit_usage;
      }
      return read_command(read);
    }
    if (*run_app) return run_command(run_configuration);
    if (*drill_app) {
      if (drill.scenarios.empty() && !drill.list) {
        std::fprintf(stderr, "tsujiban drill: no --scenario is given; --list names them\n");
        return exit_usage;
      }
      return drill_command(drill);
    }
    if (*learn_app) {
      if (learn.captures.empty()) {
        std::fprintf(stderr,
                     "tsujiban learn: no capture is given; a file, a folder or - for standard input is accepted\n");
        return exit_usage;
      }
      return learn_command(learn);
    }
    return check_command(check_configuration, check_against);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "tsujiban: %s\n", error.what());
    return exit_failed;
  }
}
