#include "config/fault_list.h"

#include <algorithm>
#include <tuple>
#include <utility>

namespace tsujiban::config {

std::string to_string(const Fault& fault) {
  std::string text = fault.place.file;
  if (fault.place.line != 0) {
    text += ':' + std::to_string(fault.place.line) + ':' + std::to_string(fault.place.column);
  }
  return text + ": " + fault.message;
}

std::uint32_t FaultList::add_file(std::string name) {
  files_.push_back(std::move(name));
  return static_cast<std::uint32_t>(files_.size() - 1);
}

void FaultList::add(Position at, std::string message) {
  if (muted_) return;
  if (rows_.size() == stored_max) {
    ++beyond_;
    return;
  }
  rows_.push_back({at, std::move(message)});
}

std::string FaultList::reference(Position to, std::uint32_t from_file) const {
  if (to.file == from_file) return "line " + std::to_string(to.line);
  return files_[to.file] + ':' + std::to_string(to.line);
}

std::vector<Fault> FaultList::finish() {
  std::stable_sort(rows_.begin(), rows_.end(), [](const Row& a, const Row& b) {
    return std::tie(a.at.file, a.at.line, a.at.column) < std::tie(b.at.file, b.at.line, b.at.column);
  });
  std::vector<Fault> faults;
  const std::uint64_t total = rows_.size() + beyond_;
  const std::size_t shown = total > faults_max ? faults_max - 1 : rows_.size();
  faults.reserve(shown + 1);
  for (std::size_t i = 0; i < shown; ++i) faults.push_back({place_of(rows_[i].at), std::move(rows_[i].message)});
  if (total > faults_max) {
    faults.push_back({place_of(rows_[shown].at),
                      "and " + std::to_string(total - shown) + " more faults from here on; correct those above first"});
  }
  return faults;
}

}  // namespace tsujiban::config
