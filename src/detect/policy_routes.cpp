#include "detect/alert_limit.h"
#include "detect/policy_detectors.h"

namespace tsujiban::detect {
namespace {

using policy::Route;

// policy.route-crossing: between the A-route and a B-route or a home. policy.r1-not-isolated: between R1 and anything
// else. Every conversation is told as it begins, so one packet is enough.
class RouteDetector final : public SiteDetector {
 public:
  explicit RouteDetector(const Site& site) : site_(site), limit_(site.seed) {}

  void fact(const Fact& fact, const Ends& ends, Findings& findings) noexcept override {
    if (fact.conversation.moment != ConversationSeen::Moment::began || fact.to_group || is_link_chatter(fact)) return;
    const policy::Inventory& inventory = *site_.inventory;
    const Route from = inventory.route_of(ends.source_segment, ends.source_asset);
    const Route to = inventory.route_of(ends.destination_segment, ends.destination_asset);
    if (from == to) return;
    if ((from == Route::A && is_customer_side(to)) || (to == Route::A && is_customer_side(from))) {
      tell(DetectorId::policy_route_crossing, fact, ends, from, to, findings);
      return;
    }
    if (from == Route::R1 || to == Route::R1) tell(DetectorId::policy_r1_not_isolated, fact, ends, from, to, findings);
  }
  std::uint64_t evictions() const noexcept override { return limit_.evictions(); }
  void take_over(SiteDetector& before, const Renumbered&) override {
    auto& from = static_cast<RouteDetector&>(before);
    limit_.take_over(from.limit_);
  }

 private:
  static bool is_customer_side(Route route) noexcept { return route == Route::B || route == Route::home; }
  // A DHCP client has no address yet, and a host that talks to itself crosses nothing.
  static bool is_link_chatter(const Fact& fact) noexcept {
    return fact.source.is_unspecified() || fact.destination.is_unspecified() || fact.source == fact.destination ||
           fact.destination.is_multicast() || fact.destination.is_broadcast();
  }
  static const char* phrase_of(Route route) noexcept {
    switch (route) {
      case Route::none:
        return "an address of no known route";
      case Route::R1:
        return "R1";
      case Route::A:
        return "the A-route";
      case Route::B:
        return "the B-route";
      case Route::home:
        return "a home network";
      case Route::other:
        break;
    }
    return "another interface";
  }
  void tell(DetectorId detector, const Fact& fact, const Ends& ends, Route from, Route to,
            Findings& findings) noexcept {
    Alert alert = alert_of(detector, fact, ends);
    alert.merge_key = 1;  // The pair is the condition, whatever its ports.
    const auto describe = [&](unsigned line, const char* end, std::uint32_t asset, Route route) {
      const std::string_view name = asset == 0 ? "a host" : site_.inventory->asset_name(asset);
      say_why(alert, line, "%s: %.*s, on %s", end, static_cast<int>(std::min<std::size_t>(name.size(), 90)),
              name.data(), phrase_of(route));
    };
    describe(0, "from", ends.source_asset, from);
    describe(1, "to", ends.destination_asset, to);
    limit_.raise(alert, findings);
  }

  Site site_;
  AlertLimit limit_;
};

constexpr DetectorId ids[] = {DetectorId::policy_route_crossing, DetectorId::policy_r1_not_isolated};

}  // namespace

const SiteDetectorRow policy_routes_row = {
    "policy_routes", ids, facts_of({FactKind::conversation}), true,
    [](const Site& site) -> std::unique_ptr<SiteDetector> { return std::make_unique<RouteDetector>(site); }};

}  // namespace tsujiban::detect
