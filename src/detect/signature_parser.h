#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "config/config.h"
#include "detect/signature_rules.h"

namespace tsujiban::detect {

// Reads rule texts, one file after another, into `rules`; what is wrong goes to `faults`, which never holds more than
// config::faults_max of ours: `faults_unlisted` counts the rest. Signature ids are unique over all texts.
class RuleReader {
 public:
  RuleReader(std::vector<SignatureRule>& rules, std::vector<config::Fault>& faults) : rules_(rules), faults_(faults) {}
  void read(std::string_view name, std::string_view text);
  void fault(config::Place place, std::string message);
  std::size_t faults_count() const noexcept { return faults_count_; }

 private:
  void read_rule(const std::string& name, const std::string& text,
                 const std::vector<std::pair<std::size_t, std::uint32_t>>& lines);

  std::vector<SignatureRule>& rules_;
  std::vector<config::Fault>& faults_;
  std::size_t faults_count_ = 0;
  std::unordered_map<std::uint32_t, config::Place> sids_;
};

}  // namespace tsujiban::detect
