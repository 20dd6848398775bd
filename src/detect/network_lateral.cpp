#include "detect/alert_limit.h"
#include "detect/network_detectors.h"
#include "detect/window_counts.h"
#include "model/packet.h"

namespace tsujiban::detect {
namespace {

// lateral.smb-spread: one host opens SMB, RDP or WinRM to many. Only what was accepted counts: who knocks in vain is
// recon.scan's. A group's file server is the other end, and never the one that opens.
class LateralDetector final : public SiteDetector {
 public:
  explicit LateralDetector(const Site& site)
      : window_(site.config->tunable_time(id, "window")),
        limit_(std::max(2u, site.config->tunable_count_of(id, "hosts"))),
        reached_(reached_max, sources_max, window_, site.seed),
        shown_(sources_max, site.seed),
        forget_(std::max(site.config->settings(id).repeat, window_)),
        alerts_(site.seed) {}

  void fact(const Fact& fact, const Ends& ends, Findings& findings) noexcept override {
    const ConversationSeen& seen = fact.conversation;
    if (seen.moment != ConversationSeen::Moment::answered || !seen.established || !seen.direction_certain ||
        fact.ip_protocol != static_cast<std::uint8_t>(IpProtocol::tcp) || !is_management(fact.destination_port) ||
        ends.source_outside || ends.destination_outside)
      return;
    const HostKey source{fact.segment, fact.source};
    const auto hosts = reached_.add_new(source, {fact.destination.high, fact.destination.low}, fact.time);
    if (!hosts.added || hosts.count < limit_) return;
    Alert alert = alert_of(id, fact, ends);
    alert.merge_key = 1;
    ShownPeer& shown = shown_.value(shown_.use(source).index);
    alert.destination = shown.show(fact.destination, fact.time, forget_);
    if (alert.destination != fact.destination) alert.destination_asset = 0;
    say_why(alert, 0, "%u hosts accepted SMB, RDP or WinRM connections of this one within %.0f s", hosts.count,
            window_.as_seconds());
    say_why(alert, 1, "the latest on port %u", static_cast<unsigned>(fact.destination_port));
    alerts_.raise(alert, findings);
  }
  std::uint64_t evictions() const noexcept override {
    return reached_.evictions() + shown_.evictions() + alerts_.evictions();
  }
  void take_over(SiteDetector& before, const Renumbered&) override {
    auto& from = static_cast<LateralDetector&>(before);
    reached_.take_over(from.reached_);
    shown_.take_over(from.shown_);
    alerts_.take_over(from.alerts_);
  }

 private:
  static constexpr DetectorId id = DetectorId::lateral_smb_spread;
  static constexpr std::uint32_t reached_max = 1u << 15, sources_max = 1u << 12;

  // SMB over TCP and over NetBIOS, RDP, WinRM over HTTP and HTTPS (IANA's registry of ports).
  static bool is_management(std::uint16_t port) noexcept {
    return port == 445 || port == 139 || port == 3389 || port == 5985 || port == 5986;
  }

  Duration window_;
  std::uint32_t limit_;
  DistinctWindow<HostKey, WordsKey> reached_;
  BoundedMap<HostKey, ShownPeer> shown_;
  Duration forget_;
  AlertLimit alerts_;
};

constexpr DetectorId ids[] = {DetectorId::lateral_smb_spread};

}  // namespace

const SiteDetectorRow network_lateral_row = {
    "network_lateral", ids, facts_of({FactKind::conversation}), false,
    [](const Site& site) -> std::unique_ptr<SiteDetector> { return std::make_unique<LateralDetector>(site); }};

}  // namespace tsujiban::detect
