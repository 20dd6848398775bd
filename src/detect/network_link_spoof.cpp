#include <algorithm>
#include <vector>

#include "detect/link_addresses.h"
#include "detect/network_detectors.h"
#include "detect/site_keys.h"

namespace tsujiban::detect {
namespace {

// mitm.arp-spoof and mitm.ndp-spoof. That an address changes its link address is nothing by itself: leases go round and
// devices are replaced. An alert needs a conflict: the inventory gives another link address; both go on claiming it;
// who claims it for the first time keeps an address of its own beside and takes a router's or several hosts'; or the
// frame comes from another than the one that it names.
class LinkSpoofDetector final : public SiteDetector {
 public:
  explicit LinkSpoofDetector(const Site& site)
      : site_(site),
        repeat_{site.config->settings(DetectorId::mitm_arp_spoof).repeat,
                site.config->settings(DetectorId::mitm_ndp_spoof).repeat},
        owners_(owners_max, site.seed),
        speakers_(speakers_max, site.seed),
        gateways_(gateways_max, site.seed) {
    for (const config::Asset& asset : site.config->assets) {
      if ((asset.role == Role::router || asset.role == Role::gateway) && asset.mac.value != 0)
        router_macs_.push_back(asset.mac.value);
    }
    std::sort(router_macs_.begin(), router_macs_.end());
  }

  void fact(const Fact& fact, const Ends& ends, Findings& findings) noexcept override {
    switch (fact.kind) {
      case FactKind::claim:
        claimed(fact, ends, findings);
        break;
      case FactKind::router_advertisement:
        if (fact.router_advertisement.lifetime_s != 0) gateways_.use({fact.segment, fact.source});
        break;
      case FactKind::address_assignment:
        if (!fact.address_assignment.router.is_unspecified())
          gateways_.use({fact.segment, fact.address_assignment.router});
        break;
      default:
        break;
    }
  }

  std::uint64_t evictions() const noexcept override {
    return owners_.evictions() + speakers_.evictions() + gateways_.evictions();
  }
  void take_over(SiteDetector& before, const Renumbered&) override {
    auto& from = static_cast<LinkSpoofDetector&>(before);
    owners_.take_over(from.owners_);
    speakers_.take_over(from.speakers_);
    gateways_.take_over(from.gateways_);
  }
  std::uint32_t state_version() const noexcept override { return 1; }
  void save(StateWriter& writer) const override {
    writer.put(owners_.size());
    for (std::uint32_t i = owners_.first(); i != 0; i = owners_.next(i)) {
      const Owner& owner = owners_.value(i);
      put_host(writer, owners_.key(i));
      for (const Claimant* c : {&owner.current, &owner.rival}) {
        writer.put(c->mac.value);
        writer.put(c->first.ns);
        writer.put(c->last.ns);
      }
    }
    writer.put(gateways_.size());
    for (std::uint32_t i = gateways_.first(); i != 0; i = gateways_.next(i)) put_host(writer, gateways_.key(i));
  }
  bool load(StateReader& reader, std::uint32_t version) override {
    constexpr std::size_t owner_bytes = 24 + 2 * 24, gateway_bytes = 24;
    const auto owners = reader.get<std::uint32_t>();
    if (version != 1 || reader.failed() || owners > owners_max || reader.left() / owner_bytes < owners) return false;
    std::vector<std::pair<HostKey, Owner>> saved(owners);
    for (auto& [host, owner] : saved) {
      host = get_host(reader);
      for (Claimant* c : {&owner.current, &owner.rival}) {
        c->mac.value = reader.get<std::uint64_t>();
        c->first.ns = std::clamp<std::int64_t>(reader.get<std::int64_t>(), 0, INT64_MAX / 2);
        c->last.ns = std::clamp<std::int64_t>(reader.get<std::int64_t>(), 0, INT64_MAX / 2);
      }
    }
    const auto gateways = reader.get<std::uint32_t>();
    if (reader.failed() || gateways > gateways_max || reader.left() != gateways * gateway_bytes) return false;
    owners_.clear();
    speakers_.clear();
    gateways_.clear();
    for (const auto& [host, owner] : saved) {
      owners_.value(owners_.use(host).index) = owner;
      own(host.segment, owner.current.mac, host.address, owner.current.first);
      own(host.segment, owner.current.mac, host.address, owner.current.last);
    }
    for (std::uint32_t i = 0; i < gateways; ++i) gateways_.use(get_host(reader));
    return true;
  }

 private:
  static constexpr std::uint32_t owners_max = 1u << 17;
  static constexpr std::uint32_t speakers_max = 1u << 17;
  static constexpr std::uint32_t gateways_max = 1u << 15;
  // Both claim within this time: a conflict. Caches are renewed after a few minutes at most (RFC 1122, 2.3.2.1), so a
  // host that is still there has spoken; well above the time in which news is not repeated.
  static constexpr Duration conflict_time = Duration::seconds(600);
  // Who has had an address of its own this long is no machine that just came.
  static constexpr Duration settled_time = Duration::seconds(300);

  struct Claimant {
    MacAddress mac;
    PacketTime first, last;
  };
  struct Owner {
    Claimant current, rival;
    PacketTime told;
    IpAddress told_to;  // The destination that the condition is told with.
  };
  struct MacKey {
    SegmentKey segment;
    MacAddress mac;
    bool v4;
    std::uint64_t hash(HashSeed seed) const noexcept { return hash_words(seed, segment.raw(), mac.value << 1 | v4); }
    bool operator==(const MacKey&) const noexcept = default;
  };
  // What a link address holds and takes.
  struct Speaker {
    IpAddress own;  // The first address that nobody else had.
    PacketTime own_since, own_last;
    IpAddress taken;  // An address that it claims and somebody else has: who.
    MacAddress taken_from;
    PacketTime taken_at;
  };

  bool is_gateway(const Fact& fact, const Ends& ends) const noexcept {
    return ends.source_role == Role::router || ends.source_role == Role::gateway ||
           gateways_.find({fact.segment, fact.source}) != 0;
  }
  // A router may answer for others on purpose (proxy ARP, RFC 1027; RFC 4861, 7.2.8).
  bool is_known_router(SegmentKey segment, MacAddress mac) const noexcept {
    if (std::binary_search(router_macs_.begin(), router_macs_.end(), mac.value)) return true;
    for (const bool v4 : {true, false}) {
      const std::uint32_t i = speakers_.find({segment, mac, v4});
      if (i != 0 && gateways_.find({segment, speakers_.value(i).own}) != 0) return true;
    }
    return false;
  }
  void own(SegmentKey segment, MacAddress mac, const IpAddress& address, PacketTime time) noexcept {
    if (mac.value == 0) return;
    Speaker& speaker = speakers_.value(speakers_.use({segment, mac, address.is_v4()}).index);
    if (speaker.own_since.ns == 0 || time - speaker.own_last > Duration::seconds(86400)) {
      speaker.own = address;
      speaker.own_since = time;
    }
    if (speaker.own == address) speaker.own_last = time;
  }

  void claimed(const Fact& fact, const Ends& ends, Findings& findings) noexcept {
    const Claim& claim = fact.claim;
    const IpAddress& address = fact.source;
    if (address.is_unspecified() || address.is_multicast() || address.is_broadcast() || claim.mac.value == 0 ||
        claim.mac.is_group() || is_shared_router_mac(claim.mac))
      return;
    const auto got = owners_.use({fact.segment, address});
    Owner& owner = owners_.value(got.index);
    const Claimant now{claim.mac, fact.time, fact.time};
    // The inventory says whose the address is.
    if (ends.source_asset != 0) {
      const MacAddress declared = site_.inventory->asset(ends.source_asset).mac;
      if (declared.value != 0 && declared != claim.mac && !is_known_router(fact.segment, claim.mac)) {
        tell(owner, fact, ends, declared, claim.mac, "the inventory gives the first", findings);
        return;
      }
    }
    if (owner.current.mac.value == 0) {
      owner.current = now;
      own(fact.segment, claim.mac, address, fact.time);
      return;
    }
    if (owner.current.mac == claim.mac) {
      own(fact.segment, claim.mac, address, fact.time);
      owner.current.last = fact.time;
      // Its owner speaks up after another did, and did not only once: a device that wakes up with an old lease gives
      // in.
      const Claimant& rival = owner.rival;
      if (rival.mac.value != 0 && fact.time - rival.last <= conflict_time && rival.last - rival.first >= news_repeat &&
          !is_known_router(fact.segment, rival.mac))
        tell(owner, fact, ends, owner.current.mac, rival.mac, "both go on claiming it", findings);
      return;
    }
    // Without the override flag it does not replace what others know (RFC 4861, 7.2.5): anycast and proxies.
    if (claim.how == Claim::How::neighbour_advertisement && !claim.overrides) return;
    if (is_known_router(fact.segment, claim.mac)) return;
    if (owner.rival.mac != claim.mac || fact.time - owner.rival.last > conflict_time) owner.rival = now;
    owner.rival.last = fact.time;
    if (const char* evidence = evidence_of(fact, ends, owner); evidence != nullptr) {
      tell(owner, fact, ends, owner.current.mac, claim.mac, evidence, findings);
      return;
    }
    // Nobody objects: it has moved.
    if (fact.time - owner.current.last > conflict_time) {
      owner.rival = owner.current;
      owner.current = now;
      own(fact.segment, claim.mac, address, fact.time);
    }
  }

  // What makes the claim of another one's address more than a change; null: nothing.
  const char* evidence_of(const Fact& fact, const Ends& ends, const Owner& owner) noexcept {
    const Claim& claim = fact.claim;
    const std::uint32_t found = speakers_.find({fact.segment, claim.mac, fact.source.is_v4()});
    if (found != 0) {
      Speaker& speaker = speakers_.value(found);
      const bool settled = speaker.own != fact.source && speaker.own_since.ns != 0 &&
                           fact.time - speaker.own_since >= settled_time &&
                           fact.time - speaker.own_last <= Duration::seconds(86400);
      // A router's address is not leased to a host that has one.
      if (settled && is_gateway(fact, ends)) return "it is a router's, and the second has an address of its own";
    }
    Speaker& speaker = speakers_.value(speakers_.use({fact.segment, claim.mac, fact.source.is_v4()}).index);
    // Of two hosts: a server's new card takes all that its old one had.
    const bool several = speaker.taken_at.ns != 0 && speaker.taken != fact.source &&
                         speaker.taken_from != owner.current.mac && fact.time - speaker.taken_at <= conflict_time;
    const bool alive = fact.time - owner.current.last <= conflict_time;
    speaker.taken = fact.source;
    speaker.taken_from = owner.current.mac;
    speaker.taken_at = fact.time;
    if (several && alive) return "the second claims several hosts' addresses";
    if (claim.frame_source.value != 0 && claim.frame_source != claim.mac && !is_shared_router_mac(claim.frame_source) &&
        alive)
      return "the frame comes from another link address than it names";
    return nullptr;
  }

  void tell(Owner& owner, const Fact& fact, const Ends& ends, MacAddress rightful, MacAddress other,
            const char* evidence, Findings& findings) noexcept {
    const bool arp = fact.source.is_v4();
    const Duration repeat = repeat_[arp ? 0 : 1];
    // Claims are told as news, one about every `news_repeat`: a conflict counts once in what is left of a `repeat`, so
    // that while it lasts it stays one condition, however often it is told.
    if (owner.told.ns != 0 && fact.time - owner.told < Duration{repeat.ns - news_repeat.ns}) return;
    if (owner.told.ns == 0 || fact.time - owner.told > Duration{2 * repeat.ns}) owner.told_to = fact.destination;
    owner.told = fact.time;
    Alert alert = alert_of(arp ? DetectorId::mitm_arp_spoof : DetectorId::mitm_ndp_spoof, fact, ends);
    if (alert.destination != owner.told_to) {
      alert.destination = owner.told_to;
      alert.destination_asset = 0;
    }
    alert.merge_key = 1;
    char text[ip_text_max + 1] = {};
    text[write_ip(fact.source, text)] = '\0';
    say_why(alert, 0, "%s is claimed by %s and by %s", text, MacText(rightful).text, MacText(other).text);
    say_why(alert, 1, "%s", evidence);
    if (is_gateway(fact, ends)) say_why(alert, 2, "it is the address of a router or gateway");
    findings.raise(alert);
  }

  Site site_;
  Duration repeat_[2];
  BoundedMap<HostKey, Owner> owners_;
  BoundedMap<MacKey, Speaker> speakers_;
  struct Nothing {};
  BoundedMap<HostKey, Nothing> gateways_;
  std::vector<std::uint64_t> router_macs_;  // Of the inventory's; sorted.
};

constexpr DetectorId ids[] = {DetectorId::mitm_arp_spoof, DetectorId::mitm_ndp_spoof};

}  // namespace

const SiteDetectorRow network_link_spoof_row = {
    "network_link_spoof", ids,
    facts_of({FactKind::claim, FactKind::router_advertisement, FactKind::address_assignment}), false,
    [](const Site& site) -> std::unique_ptr<SiteDetector> { return std::make_unique<LinkSpoofDetector>(site); }};

}  // namespace tsujiban::detect
