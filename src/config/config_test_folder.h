#pragma once
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "config/config_test_text.h"

namespace tsujiban::config {

// A folder of files that is gone after the test.
class ConfigFolder : public testing::Test {
 protected:
  ConfigFolder() {
    char name[] = "/tmp/tsujiban_config_XXXXXX";
    folder_ = mkdtemp(name);
  }
  ~ConfigFolder() override { std::filesystem::remove_all(folder_); }

  std::string write(const std::string& name, const std::string& text) {
    const std::filesystem::path path = folder_ / name;
    std::filesystem::create_directories(path.parent_path());
    std::ofstream(path, std::ios::binary) << text;
    return path.string();
  }
  std::string path(const std::string& name) const { return (folder_ / name).string(); }
  // Every fault, with the folder's name taken out.
  Lines faults_of_file(const std::string& name) {
    std::vector<Fault> faults;
    config_ = load(path(name), faults);
    Lines lines;
    for (const Fault& fault : faults) {
      std::string line = to_string(fault);
      for (std::size_t at; (at = line.find(folder_.string() + "/")) != std::string::npos;)
        line.erase(at, folder_.string().size() + 1);
      lines.push_back(line);
    }
    return lines;
  }

  std::filesystem::path folder_;
  std::shared_ptr<const Config> config_;
};

}  // namespace tsujiban::config
