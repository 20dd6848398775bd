#include <cstdio>

#include "detect/alert_limit.h"
#include "detect/policy_detectors.h"

namespace tsujiban::detect {
namespace {

// policy.protocol-not-allowed: by what the payload is, never by its port.
class ProtocolDetector final : public SiteDetector {
 public:
  explicit ProtocolDetector(const Site& site) : site_(site), limit_(site.seed) {
    // What every interface permits (DNS, DHCP) is part of any network: a site that lists its own does not forbid it.
    std::uint64_t everywhere = ~std::uint64_t{0};
    for (std::size_t i = 1; i < erab_interface_count; ++i) {
      permitted_[i] = policy::default_protocols_of(static_cast<ErabInterface>(i));
      if (permitted_[i] != 0) everywhere &= permitted_[i];
    }
    for (std::size_t i = 1; i < erab_interface_count; ++i) {
      const config::InterfaceRules& rules = site_.config->erab[i];
      if (!rules.has_protocols) continue;
      permitted_[i] = everywhere | bit(AppProtocol::unknown);
      for (const AppProtocol protocol : rules.protocols) permitted_[i] |= bit(protocol);
    }
  }

  void fact(const Fact& fact, const Ends& ends, Findings& findings) noexcept override {
    if (!fact.conversation.identified || fact.conversation.moment == ConversationSeen::Moment::answered ||
        fact.protocol == AppProtocol::unknown || ends.interface == ErabInterface::none ||
        (ends.source_asset == 0 && ends.destination_asset == 0))
      return;
    const std::uint64_t permitted = permitted_[static_cast<std::size_t>(ends.interface)];
    if (permitted == 0 || (permitted & bit(fact.protocol)) != 0) return;
    Alert alert = alert_of(DetectorId::policy_protocol_not_allowed, fact, ends);
    alert.merge_key = 1 + static_cast<std::uint64_t>(fact.protocol);
    const std::string_view protocol = name_of(fact.protocol), interface = name_of(ends.interface);
    say_why(alert, 0, "%.*s is spoken on interface %.*s, by its content", static_cast<int>(protocol.size()),
            protocol.data(), static_cast<int>(interface.size()), interface.data());
    char list[120] = "none that is told apart by content";
    std::size_t length = 0;
    for (std::size_t i = 1; i < app_protocol_count && length + 24 < sizeof list; ++i) {
      const auto other = static_cast<AppProtocol>(i);
      if ((permitted & bit(other)) == 0) continue;
      const std::string_view name = name_of(other);
      length +=
          static_cast<std::size_t>(std::snprintf(list + length, sizeof list - length, "%s%.*s", length == 0 ? "" : ", ",
                                                 static_cast<int>(name.size()), name.data()));
    }
    say_why(alert, 1, "permitted there: %s (%s)", list,
            site_.config->erab[static_cast<std::size_t>(ends.interface)].has_protocols ? "the site's rules"
                                                                                       : "the guideline's default");
    limit_.raise(alert, findings);
  }
  std::uint64_t evictions() const noexcept override { return limit_.evictions(); }
  void take_over(SiteDetector& before, const Renumbered&) override {
    auto& from = static_cast<ProtocolDetector&>(before);
    limit_.take_over(from.limit_);
  }

 private:
  static_assert(app_protocol_count < 63);
  static std::uint64_t bit(AppProtocol protocol) noexcept {
    return std::uint64_t{1} << static_cast<unsigned>(protocol);
  }

  Site site_;
  AlertLimit limit_;
  std::array<std::uint64_t, erab_interface_count> permitted_{};
};

constexpr DetectorId ids[] = {DetectorId::policy_protocol_not_allowed};

}  // namespace

const SiteDetectorRow policy_protocols_row = {
    "policy_protocols", ids, facts_of({FactKind::conversation}), true,
    [](const Site& site) -> std::unique_ptr<SiteDetector> { return std::make_unique<ProtocolDetector>(site); }};

}  // namespace tsujiban::detect
