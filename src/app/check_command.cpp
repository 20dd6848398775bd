#include <cstdio>

#include "app/commands.h"
#include "app/session.h"

namespace tsujiban::app {

int check_command(const std::string& configuration) {
  Loaded loaded;
  if (!load(configuration, {}, loaded)) return exit_usage;
  std::printf("%s: no fault 問題なし\n%s", configuration.c_str(), config::describe(*loaded.config).c_str());
  std::printf("rules       %zu\n", loaded.rules->size());
  return exit_done;
}

}  // namespace tsujiban::app
