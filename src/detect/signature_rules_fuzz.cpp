// Rule texts: whatever they say, either faults or rules, and what is read obeys the bounds.
#include "base/check.h"
#include "detect/signature_rules.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace tsujiban;
  std::vector<config::Fault> faults;
  const auto rules = detect::RuleSet::load_text("x.rules", {reinterpret_cast<const char*>(data), size}, faults);
  TSUJIBAN_CHECK((rules == nullptr) == !faults.empty());
  TSUJIBAN_CHECK(faults.size() <= config::faults_max);
  for (const config::Fault& fault : faults) {
    TSUJIBAN_CHECK(fault.place.line >= 1 && fault.place.column >= 1 &&
                   fault.place.column <= detect::rule_bytes_max + 1);
    TSUJIBAN_CHECK(!fault.message.empty());
  }
  for (std::size_t i = 0; rules != nullptr && i < rules->size(); ++i) {
    const detect::SignatureRule& rule = rules->rule(i);
    TSUJIBAN_CHECK(rule.sid != 0 && !rule.message.empty());
    TSUJIBAN_CHECK(!rule.contents.empty() && rule.contents.size() <= detect::contents_max);
    for (const auto& content : rule.contents) {
      TSUJIBAN_CHECK(!content.bytes.empty() && content.bytes.size() <= detect::content_bytes_max);
    }
    TSUJIBAN_CHECK(!rules->literals_of(static_cast<std::uint32_t>(i)).empty());
  }
  return 0;
}
