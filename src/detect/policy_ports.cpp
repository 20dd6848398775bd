#include "detect/alert_limit.h"
#include "detect/policy_detectors.h"
#include "detect/site_keys.h"
#include "model/packet.h"

namespace tsujiban::detect {
namespace {

using Moment = ConversationSeen::Moment;

// policy.port-not-allowed: an asset that has declared ports answers on another one.
class PortDetector final : public SiteDetector {
 public:
  explicit PortDetector(const Site& site)
      : site_(site),
        repeat_(site.config->settings(DetectorId::policy_port_not_allowed).repeat),
        told_(told_max, site.seed),
        peers_(site.seed, repeat_),
        limit_(site.seed) {}

  void fact(const Fact& fact, const Ends& ends, Findings& findings) noexcept override {
    const ConversationSeen& seen = fact.conversation;
    if (ends.destination_asset == 0 || fact.to_group || seen.moment == Moment::began || !seen.established) return;
    // Who was picked up in the middle may be the one who asked.
    if (!seen.direction_certain || !is_server_port(fact, ends)) return;
    const policy::Inventory& inventory = *site_.inventory;
    if (!inventory.has_declared_ports(ends.destination_asset) ||
        inventory.declares_port(ends.destination_asset, fact.ip_protocol, fact.destination_port))
      return;
    const ServiceKey key{{fact.segment, fact.destination}, fact.destination_port, fact.ip_protocol};
    // Each flow is one occurrence: told when it is answered. Later news counts only where that moment was missed.
    if (seen.moment != Moment::answered && told_.find(key) != 0) return;
    Told& told = told_.value(told_.use(key).index);
    told.last = fact.time;
    if (fact.time < told.quiet_until) return;
    Alert alert = alert_of(DetectorId::policy_port_not_allowed, fact, ends);
    alert.source = peers_.stand_for(key, fact.source, fact.time);
    if (alert.source != fact.source) alert.source_asset = 0;
    alert.merge_key = 1 + (std::uint64_t{fact.ip_protocol} << 16 | fact.destination_port);
    const std::string_view name = inventory.asset_name(ends.destination_asset);
    say_why(alert, 0, "%.*s answers on %s port %u, which is not among its declared ports",
            static_cast<int>(name.size()), name.data(),
            fact.ip_protocol == static_cast<std::uint8_t>(IpProtocol::tcp) ? "TCP" : "UDP",
            static_cast<unsigned>(fact.destination_port));
    limit_.raise(alert, findings);
  }

  std::uint64_t evictions() const noexcept override {
    return told_.evictions() + peers_.evictions() + limit_.evictions();
  }
  void take_over(SiteDetector& before, const Renumbered&) override {
    auto& from = static_cast<PortDetector&>(before);
    told_.take_over(from.told_);
    peers_.take_over(from.peers_);
    limit_.take_over(from.limit_);
  }
  std::uint32_t state_version() const noexcept override { return 1; }
  void save(StateWriter& writer) const override {
    writer.put(told_.size());
    for (std::uint32_t i = told_.first(); i != 0; i = told_.next(i)) {
      const ServiceKey& key = told_.key(i);
      put_host(writer, key.host);
      writer.put(key.port);
      writer.put(key.protocol);
      writer.put(told_.value(i).last.ns);
    }
  }
  bool load(StateReader& reader, std::uint32_t version) override {
    constexpr std::size_t entry_bytes = 24 + 2 + 1 + 8;
    const auto count = reader.get<std::uint32_t>();
    if (version != 1 || reader.failed() || count > told_max || reader.left() != count * entry_bytes) return false;
    told_.clear();
    for (std::uint32_t i = 0; i < count; ++i) {
      ServiceKey key;
      key.host = get_host(reader);
      key.port = reader.get<std::uint16_t>();
      key.protocol = reader.get<std::uint8_t>();
      Told& told = told_.value(told_.use(key).index);
      told.last.ns = reader.get<std::int64_t>();
      // What was told before the restart is told again when its time has come, not because of the restart.
      if (told.last.ns > 0 && told.last.ns < INT64_MAX / 2) told.quiet_until = told.last + repeat_;
    }
    return true;
  }

 private:
  static constexpr std::uint32_t told_max = 1u << 16;
  static constexpr std::uint16_t ephemeral_first = 32768;  // Of the ranges in use the one that begins lowest.
  struct Told {
    PacketTime last, quiet_until;
  };

  // UDP does not say who asked: at the capture's start an answer may be the first packet. The end with a declared or a
  // low port is the server then. DHCP clients listen on a port of their own (RFC 2131, 4.1; RFC 8415, 7.2).
  bool is_server_port(const Fact& fact, const Ends& ends) const noexcept {
    if (fact.ip_protocol == static_cast<std::uint8_t>(IpProtocol::tcp)) return true;
    if (fact.ip_protocol != static_cast<std::uint8_t>(IpProtocol::udp)) return false;
    if (fact.destination_port == 68 || fact.destination_port == 546) return false;
    if (fact.destination_port >= ephemeral_first && fact.source_port < ephemeral_first) return false;
    return ends.source_asset == 0 || !site_.inventory->has_declared_ports(ends.source_asset) ||
           !site_.inventory->declares_port(ends.source_asset, fact.ip_protocol, fact.source_port);
  }

  Site site_;
  Duration repeat_;
  BoundedMap<ServiceKey, Told> told_;
  PeerLimit peers_;
  AlertLimit limit_;
};

constexpr DetectorId ids[] = {DetectorId::policy_port_not_allowed};

}  // namespace

const SiteDetectorRow policy_ports_row = {
    "policy_ports", ids, facts_of({FactKind::conversation}), true,
    [](const Site& site) -> std::unique_ptr<SiteDetector> { return std::make_unique<PortDetector>(site); }};

}  // namespace tsujiban::detect
