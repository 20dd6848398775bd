#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "config/config.h"

namespace tsujiban::config {

// Where a value stands, without the text of the file's name.
struct Position {
  std::uint32_t file = 0;  // Index into the list's files.
  std::uint32_t line = 0, column = 0;
};

// Collects the faults of one load, in whatever order the sections are read, and gives them back in the order of the
// files.
class FaultList {
 public:
  // Beyond this many they are only counted: a file of 64 MiB could hold millions.
  static constexpr std::size_t stored_max = 65536;

  std::uint32_t add_file(std::string name);
  const std::string& file_name(std::uint32_t file) const noexcept { return files_[file]; }
  void add(Position at, std::string message);
  bool empty() const noexcept { return rows_.empty(); }
  std::uint64_t count() const noexcept { return rows_.size() + beyond_; }
  // While muted nothing is added: the second of a thousand homes of one entry has the faults of the first.
  void set_muted(bool muted) noexcept { muted_ = muted; }
  // The names of all files, for `Config::files`.
  const std::vector<std::string>& files() const noexcept { return files_; }
  Place place_of(Position at) const { return {files_[at.file], at.line, at.column}; }
  // "line 3" or, in another file, "b.yaml:3": how one fault refers to the place of the other half.
  std::string reference(Position to, std::uint32_t from_file) const;
  std::vector<Fault> finish();

 private:
  struct Row {
    Position at;
    std::string message;
  };
  std::vector<std::string> files_;
  std::vector<Row> rows_;
  std::uint64_t beyond_ = 0;
  bool muted_ = false;
};

}  // namespace tsujiban::config
