#include "detect/policy_detectors.h"
#include "detect/site_keys.h"

namespace tsujiban::detect {
namespace {

// policy.role-violation: what facts can show of it. An asset whose role never controls anything writes, or a meter asks
// others. Whether a role that may control has the right here is control.unauthorized-write's question.
class RoleDetector final : public SiteDetector {
 public:
  explicit RoleDetector(const Site& site)
      : site_(site),
        repeat_(site.config->settings(DetectorId::policy_role_violation).repeat),
        asked_(asked_max, site.seed) {}

  void fact(const Fact& fact, const Ends& ends, Findings& findings) noexcept override {
    if (ends.source_asset == 0 || fact.source == fact.destination) return;
    if (fact.kind == FactKind::control_write) {
      written(fact, ends, findings);
    } else if (fact.kind == FactKind::inquiry) {
      asked(fact, ends, findings);
    }
  }
  std::uint64_t evictions() const noexcept override { return asked_.evictions(); }
  void take_over(SiteDetector& before, const Renumbered&) override {
    auto& from = static_cast<RoleDetector&>(before);
    asked_.take_over(from.asked_);
  }

 private:
  static constexpr std::uint32_t asked_max = 1u << 16;
  struct Asked {
    PacketTime told;
  };

  // Roles that are controlled, measure, forward or look on (roles table of the guideline 3.0, 2). A workstation
  // watches; one that may write has an entry of `control`.
  static bool never_writes(Role role) noexcept {
    return role == Role::device || role == Role::sensor_device || role == Role::meter || role == Role::router ||
           role == Role::monitor || role == Role::operator_ || role == Role::der_outstation;
  }

  void written(const Fact& fact, const Ends& ends, Findings& findings) noexcept {
    const ControlWrite& write = fact.control_write;
    if (!never_writes(ends.source_role) || write.refused ||
        (write.effect != WriteEffect::physical && write.effect != WriteEffect::permission))
      return;
    if (site_.rights != nullptr) {
      const policy::WriteRight right =
          site_.rights->judge(fact.segment, fact.source, fact.destination, fact.protocol, fact.time);
      if (right.judged && right.allowed) return;  // The site says that this one may.
    }
    Alert alert = alert_of(DetectorId::policy_role_violation, fact, ends);
    alert.merge_key = 1;
    say(alert, ends, "writes");
    say_why(alert, 1,
            fact.protocol == AppProtocol::modbus
                ? "unit %u, address %u; this role controls nothing, and no entry of `control` lets it"
                : "object %06X, property %02X; this role controls nothing, and no entry of `control` lets it",
            static_cast<unsigned>(write.object), static_cast<unsigned>(write.point));
    findings.raise(alert);
  }

  void asked(const Fact& fact, const Ends& ends, Findings& findings) noexcept {
    const Inquiry& inquiry = fact.inquiry;
    // Every node may look for others: instance lists, property maps and node profiles (ECHONET Lite specification, part
    // 2, 4.3). A refusal says again what the request told.
    if (ends.source_role != Role::meter || inquiry.refused || inquiry.lists_objects || inquiry.lists_properties ||
        inquiry.object >> 8 == 0x0ef0)
      return;
    // Inquiries are told as news: a pair counts once a `repeat`, however often it is told.
    const auto got = asked_.use({fact.segment, fact.source, fact.destination});
    Asked& asked = asked_.value(got.index);
    if (!got.added && fact.time - asked.told < repeat_) return;
    asked.told = fact.time;
    Alert alert = alert_of(DetectorId::policy_role_violation, fact, ends);
    alert.merge_key = 2;
    say(alert, ends, "asks others");
    say_why(alert, 1, "object %06X is asked; a meter answers and announces", static_cast<unsigned>(inquiry.object));
    findings.raise(alert);
  }

  void say(Alert& alert, const Ends& ends, const char* does) const noexcept {
    const std::string_view name = site_.inventory->asset_name(ends.source_asset), role = name_of(ends.source_role);
    say_why(alert, 0, "%.*s, a %.*s, %s", static_cast<int>(std::min<std::size_t>(name.size(), 90)), name.data(),
            static_cast<int>(role.size()), role.data(), does);
  }

  Site site_;
  Duration repeat_;
  BoundedMap<PairKey, Asked> asked_;
};

constexpr DetectorId ids[] = {DetectorId::policy_role_violation};

}  // namespace

const SiteDetectorRow policy_roles_row = {
    "policy_roles", ids, facts_of({FactKind::control_write, FactKind::inquiry}), true,
    [](const Site& site) -> std::unique_ptr<SiteDetector> { return std::make_unique<RoleDetector>(site); }};

}  // namespace tsujiban::detect
