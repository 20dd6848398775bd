#include <cstdio>

#include "app/commands.h"
#include "app/session.h"

namespace tsujiban::app {

int check_command(const std::string& configuration, const std::vector<std::string>& against) {
  Loaded loaded;
  if (!load(configuration, {}, loaded)) return exit_usage;
  std::printf("%s: no fault 問題なし\n%s", configuration.c_str(), config::describe(*loaded.config).c_str());
  std::printf("rules       %zu\n", loaded.rules->size());
  if (against.empty()) return exit_done;
  // A dry run: what this configuration would have told of traffic that is known.
  std::printf("\nwhat it would have alerted 適用した場合の検知:\n");
  std::fflush(stdout);
  ReadOptions options;
  options.captures = against;
  options.configuration = configuration;
  return read_command(options);
}

}  // namespace tsujiban::app
