#include "detect/alert_limit.h"
#include "detect/policy_detectors.h"
#include "detect/site_keys.h"
#include "model/packet.h"

namespace tsujiban::detect {
namespace {

using Moment = ConversationSeen::Moment;

// policy.external-exposure: somebody outside every segment reaches a device, gateway or meter on a control protocol.
class ExposureDetector final : public SiteDetector {
 public:
  explicit ExposureDetector(const Site& site)
      : site_(site),
        peers_(site.seed, site.config->settings(DetectorId::policy_external_exposure).repeat),
        limit_(site.seed) {}

  void fact(const Fact& fact, const Ends& ends, Findings& findings) noexcept override {
    const ConversationSeen& seen = fact.conversation;
    if (!ends.source_outside || ends.destination_asset == 0) return;
    const Role role = ends.destination_role;
    if (role != Role::device && role != Role::gateway && role != Role::meter) return;
    const bool tcp = fact.ip_protocol == static_cast<std::uint8_t>(IpProtocol::tcp);
    if (!tcp && fact.ip_protocol != static_cast<std::uint8_t>(IpProtocol::udp)) return;
    // By content where the dissectors know it on another port too; else by the port that such equipment controls on.
    if (fact.protocol != AppProtocol::echonet_lite && !is_control_port(fact.destination_port)) return;
    // A stream that was picked up in its middle: with a control port at the other end too, nobody knows who asks.
    if (tcp && !seen.direction_certain && is_control_port(fact.source_port)) return;
    const bool answered = seen.from_destination && seen.established;
    // A datagram is identified as it begins, and `began` told it; so did a control port. Told once a flow, and once
    // more when it is answered.
    if (seen.moment == Moment::identified && (!tcp || is_control_port(fact.destination_port))) return;
    Alert alert = alert_of(DetectorId::policy_external_exposure, fact, ends);
    if (!answered) alert.severity = Severity::high;
    const ServiceKey key{{fact.segment, fact.destination}, fact.destination_port, fact.ip_protocol};
    alert.source = peers_.stand_for(key, fact.source, fact.time);
    alert.inbound_from_outside = true;
    alert.merge_key = 1 + (std::uint64_t{fact.ip_protocol} << 16 | fact.destination_port);
    const std::string_view name = site_.inventory->asset_name(ends.destination_asset), kind = name_of(role);
    say_why(alert, 0, "%.*s (%.*s) is reached from outside of every segment on %s port %u",
            static_cast<int>(name.size()), name.data(), static_cast<int>(kind.size()), kind.data(), tcp ? "TCP" : "UDP",
            static_cast<unsigned>(fact.destination_port));
    say_why(alert, 1, answered ? "it answered" : "no answer was seen so far");
    limit_.raise(alert, findings);
  }

  std::uint64_t evictions() const noexcept override { return peers_.evictions() + limit_.evictions(); }
  void take_over(SiteDetector& before, const Renumbered&) override {
    auto& from = static_cast<ExposureDetector&>(before);
    peers_.take_over(from.peers_);
    limit_.take_over(from.limit_);
  }

 private:
  // ECHONET Lite, DNP3, IEC 60870-5-104, Modbus, DLMS/COSEM (IANA's registry of ports).
  static bool is_control_port(std::uint16_t port) noexcept {
    return port == 3610 || port == 20000 || port == 2404 || port == 502 || port == 4059;
  }

  Site site_;
  PeerLimit peers_;
  AlertLimit limit_;
};

constexpr DetectorId ids[] = {DetectorId::policy_external_exposure};

}  // namespace

const SiteDetectorRow policy_exposure_row = {
    "policy_exposure", ids, facts_of({FactKind::conversation}), true,
    [](const Site& site) -> std::unique_ptr<SiteDetector> { return std::make_unique<ExposureDetector>(site); }};

}  // namespace tsujiban::detect
