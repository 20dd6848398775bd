#include <cstdio>

#include "app/commands.h"
#include "app/session.h"

namespace tsujiban::app {

int check_command(const std::string& configuration) {
  Loaded loaded;
  if (!load(configuration, {}, loaded)) return exit_usage;
  const config::Config& config = *loaded.config;
  std::printf(
      "%s: no fault 問題なし\n  %zu segments, %zu assets, %zu allow entries, %zu signature rules, %zu outputs\n",
      configuration.c_str(), config.segments.size(), config.assets.size(), config.allow.size(), loaded.rules->size(),
      config.outputs.size());
  return exit_done;
}

}  // namespace tsujiban::app
