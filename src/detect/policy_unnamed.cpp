#include "detect/policy_detectors.h"

namespace tsujiban::detect {
namespace {

// policy.peer-not-allowed itself is the workers': they hold each flow against the allow list. Here it is said where it
// cannot see what it needs.
class UnnamedDetector final : public SiteDetector {
 public:
  void fact(const Fact& fact, const Ends& ends, Findings& findings) noexcept override {
    if (!fact.conversation.unnamed) return;
    findings.rests(DetectorId::policy_peer_not_allowed, fact, ends,
                   "allow entries name the peer by its domain, and what the client called it was said before the watch "
                   "began");
  }
};

constexpr DetectorId ids[] = {DetectorId::policy_peer_not_allowed};

}  // namespace

const SiteDetectorRow policy_unnamed_row = {
    "policy_unnamed", ids, facts_of({FactKind::conversation, FactKind::activity, FactKind::burst}), true,
    [](const Site&) -> std::unique_ptr<SiteDetector> { return std::make_unique<UnnamedDetector>(); }};

}  // namespace tsujiban::detect
