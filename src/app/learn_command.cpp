#include <sys/stat.h>

#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstring>

#include "app/commands.h"
#include "app/session.h"
#include "capture/capture_file.h"
#include "learn/learner.h"
#include "output/progress.h"
#include "output/timestamp.h"
#include "pipeline/runner.h"

namespace tsujiban::app {
namespace {

// The learner as the correlator's observer.
class Watcher final : public pipeline::FactObserver {
 public:
  explicit Watcher(HashSeed seed) : learner_(seed) {}
  void fact(const Fact& fact) noexcept override {
    if ((learner_.facts_wanted() >> static_cast<unsigned>(fact.kind) & 1u) != 0) learner_.fact(fact);
  }
  const learn::Learner& learner() const noexcept { return learner_; }

 private:
  learn::Learner learner_;
};

// A draft is never written over a file: what stands there may have been edited.
std::string write_draft(const std::string& path, const std::string& text) {
  struct stat status {};
  if (::stat(path.c_str(), &status) == 0) return path + ": is there already; a draft is not written over it";
  std::FILE* file = std::fopen(path.c_str(), "wx");
  if (file == nullptr) return path + ": " + std::strerror(errno);
  const bool written = std::fwrite(text.data(), 1, text.size(), file) == text.size();
  const int fault = errno;
  if (std::fclose(file) != 0 || !written) return path + ": " + std::strerror(written ? errno : fault);
  return {};
}

}  // namespace

int learn_command(const LearnOptions& options) {
  std::string error;
  try {
    if (!options.timezone.empty()) static_cast<void>(output::load_zone(options.timezone));
  } catch (const std::exception&) {
    std::fprintf(stderr, "--timezone: `%s` is no time zone; a name as Asia/Tokyo is accepted\n",
                 options.timezone.c_str());
    return exit_usage;
  }
  std::shared_ptr<capture::PacketSource> source = capture::open_capture(options.captures, error);
  if (source == nullptr) {
    std::fprintf(stderr, "%s\n", error.c_str());
    return exit_failed;
  }
  Loaded loaded;
  if (!load({}, {}, loaded)) return exit_usage;
  pipeline::RunContext run = make_context(loaded, EventTypes(), options.workers);
  // Nothing is judged while there is nothing to judge by.
  run.site_detectors = {};
  Watcher watcher(run.seed);
  run.observer = &watcher;
  run.facts = watcher.learner().facts_wanted();
  run.input_name = [names = source.get()](std::uint16_t input) { return names->input_name(input); };

  metrics::ProcessMetrics process;
  pipeline::Runner runner(run, {}, process);
  output::Progress progress(stderr, output::is_terminal(stderr));
  const auto start = std::chrono::steady_clock::now();
  analyse(options.captures, source, runner, [&](std::uint64_t bytes, std::uint64_t total, std::uint64_t packets) {
    progress.update({std::chrono::nanoseconds(std::chrono::steady_clock::now() - start).count()}, bytes, total,
                    packets);
  });
  progress.finish();

  learn::DraftOptions draft_options;
  if (!options.name.empty()) draft_options.site_name = options.name;
  if (!options.timezone.empty()) draft_options.timezone = options.timezone;
  for (const std::string& capture : options.captures)
    draft_options.source += (draft_options.source.empty() ? "" : ", ") + capture;
  const learn::Draft draft = watcher.learner().draft(draft_options);
  std::FILE* const people = options.output.empty() ? stderr : stdout;
  if (options.output.empty()) {
    if (std::fwrite(draft.yaml.data(), 1, draft.yaml.size(), stdout) != draft.yaml.size() || std::fflush(stdout) != 0)
      error = std::string("standard output: ") + std::strerror(errno);
  } else {
    error = write_draft(options.output, draft.yaml);
  }
  if (!error.empty()) {
    std::fprintf(stderr, "%s\n", error.c_str());
    return exit_failed;
  }
  std::fputs(draft.summary.c_str(), people);
  if (!options.output.empty()) {
    std::fprintf(people,
                 "next 次の手順: read %s, decide on what is marked REVIEW, then\n"
                 "  tsujiban check -c %s --against CAPTURE\n",
                 options.output.c_str(), options.output.c_str());
  }
  if (!runner.damage().empty()) {
    std::fprintf(stderr, "%s\n", runner.damage().c_str());
    return exit_failed;
  }
  return exit_done;
}

}  // namespace tsujiban::app
