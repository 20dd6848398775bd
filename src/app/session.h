#pragma once
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "metrics/process_metrics.h"
#include "output/summary.h"
#include "pipeline/run_context.h"
#include "pipeline/runner.h"

namespace tsujiban::app {

// Loads the configuration (or the defaults) and the rules, and says on stderr everything that is wrong with them. Null:
// do not start, exit with `exit_usage`.
struct Loaded {
  std::shared_ptr<const config::Config> config;
  std::shared_ptr<const detect::RuleSet> rules;
  std::uint64_t fingerprint = 0;        // Of all that was read for it: another one is another configuration.
  std::uint64_t rules_fingerprint = 0;  // Of the rule files alone.
};
bool load(const std::string& configuration, const std::vector<std::string>& more_rules, Loaded& loaded);

// What a configuration makes of a run with this seed: at the start, and at each reload.
pipeline::Configured configure(const Loaded& loaded, HashSeed seed);

// What both `read` and `run` start from; `events` is what the outputs want.
pipeline::RunContext make_context(const Loaded& loaded, EventTypes events, unsigned workers);

// What is on and what rests, for the start and for the summary.
output::StartBanner make_banner(const pipeline::RunContext& run, const std::string& configuration,
                                std::vector<output::Feature> outputs);

// Runs captures through: every worker opens them for itself where that can be done, else one reader feeds all. `source`
// is the first opening. Throws std::runtime_error where a later one fails.
void analyse(const std::vector<std::string>& captures, std::shared_ptr<capture::PacketSource> source,
             pipeline::Runner& runner, const pipeline::Runner::Watch& watch);

// Names a message type of any protocol; empty where it has no name.
std::string_view message_type_name(AppProtocol protocol, unsigned type);

// "a,b" to a set; false with `unknown` the first word that is no event type.
bool parse_event_types(std::string_view list, EventTypes& types, std::string& unknown);
std::string event_type_names();

// Inventory by role, for the metrics and the summary; again after a reload.
void count_assets(const config::Config& config, metrics::ProcessMetrics& process);

}  // namespace tsujiban::app
