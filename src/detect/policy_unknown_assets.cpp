#include <algorithm>
#include <utility>
#include <vector>

#include "detect/policy_detectors.h"
#include "detect/renumbered.h"
#include "detect/site_keys.h"

namespace tsujiban::detect {
namespace {

// Who is known on a link: by address, and by the link address that claims one (ARP, NDP).
struct Identity {
  SegmentKey segment;
  IpAddress address;  // Unspecified where `mac` is the identity.
  MacAddress mac;
  std::uint64_t hash(HashSeed seed) const noexcept {
    return hash_words(seed, hash_words(seed, segment.raw(), address.high ^ mac.value), address.low);
  }
  bool operator==(const Identity&) const noexcept = default;
};

// A named segment, or a link where none is named.
struct PlaceKey {
  SegmentKey segment;
  std::uint32_t named = 0;
  std::uint64_t hash(HashSeed seed) const noexcept { return hash_words(seed, segment.raw(), named); }
  bool operator==(const PlaceKey&) const noexcept = default;
};

// policy.unknown-asset: a host never seen and not in the inventory appears. An address is new unless it was seen, or
// unless the link address that claims it was: then an IPv6 privacy address or a new lease is an old host's. IPv4
// conversations go by address alone, because a router's link address stands before many.
class UnknownAssetDetector final : public SiteDetector {
 public:
  explicit UnknownAssetDetector(const Site& site)
      : site_(site),
        learning_(site.config->tunable_time(id, "learning")),
        limit_(site.config->tunable_count_of(id, "per_segment_max")),
        limit_time_(site.config->tunable_time(id, "per_segment_max")),
        has_segments_(!site.config->segments.empty()),
        has_inventory_(site.config->has_inventory()),
        seen_(seen_max, site.seed),
        places_(places_max, site.seed) {
    for (const config::Asset& asset : site.config->assets) {
      if (asset.mac.value == 0) continue;
      const config::Segment* segment = asset.segment == 0 ? nullptr : &site.config->segments[asset.segment - 1];
      const bool any = segment == nullptr || segment->any_link;
      (asset.role == Role::router || asset.role == Role::gateway ? router_macs_ : host_macs_)
          .push_back({asset.mac.value, any ? any_link : segment->key.raw()});
    }
    std::sort(host_macs_.begin(), host_macs_.end());
    std::sort(router_macs_.begin(), router_macs_.end());
  }

  void fact(const Fact& fact, const Ends& ends, Findings& findings) noexcept override {
    learned(fact.time);
    switch (fact.kind) {
      case FactKind::claim:
        host(fact, fact.source, ends.source_asset, ends.source_segment, fact.claim.mac, true, true, findings, ends);
        if (fact.claim.router) know_router(fact.segment, fact.claim.mac);
        break;
      case FactKind::router_advertisement:
        host(fact, fact.source, ends.source_asset, ends.source_segment, fact.router_advertisement.mac, true, true,
             findings, ends);
        know_router(fact.segment, fact.router_advertisement.mac);
        break;
      case FactKind::conversation:
        if (fact.conversation.from_source)
          host(fact, fact.source, ends.source_asset, ends.source_segment, fact.source_mac, false, true, findings, ends);
        if (fact.conversation.from_destination && !fact.to_group)
          host(fact, fact.destination, ends.destination_asset, ends.destination_segment, {}, false, false, findings,
               ends);
        break;
      default:
        break;
    }
  }

  std::uint32_t prefetched() const noexcept override {
    return facts_of({FactKind::conversation, FactKind::claim, FactKind::router_advertisement});
  }
  void prefetch(const Fact& fact, unsigned step) const noexcept override {
    const bool conversation = fact.kind == FactKind::conversation;
    if ((!conversation || fact.conversation.from_source) && may_be_ours(fact.source))
      seen_.prefetch({fact.segment, fact.source, {}}, step);
    if (conversation && fact.conversation.from_destination && may_be_ours(fact.destination))
      seen_.prefetch({fact.segment, fact.destination, {}}, step);
  }
  std::uint64_t evictions() const noexcept override { return seen_.evictions() + places_.evictions(); }
  void take_over(SiteDetector& before, const Renumbered& numbers) override {
    auto& from = static_cast<UnknownAssetDetector&>(before);
    learned_ = from.learned_;
    last_ = from.last_;
    seen_.take_over(from.seen_);
    for (std::uint32_t i = from.places_.first(); i != 0; i = from.places_.next(i)) {
      const PlaceKey& place = from.places_.key(i);
      const std::uint32_t named = numbers.segment(place.named);
      if ((named != 0) == (place.named != 0))
        places_.value(places_.use({place.segment, named}).index) = from.places_.value(i);
    }
  }
  std::uint32_t state_version() const noexcept override { return 2; }
  void save(StateWriter& writer) const override {
    writer.put(learned_.ns);
    writer.put(last_.ns);
    writer.put(seen_.size());
    for (std::uint32_t i = seen_.first(); i != 0; i = seen_.next(i)) {
      const Identity& identity = seen_.key(i);
      writer.put(identity.segment.raw());
      put_address(writer, identity.address);
      writer.put(identity.mac.value);
      writer.put(seen_.value(i).router);
    }
  }
  bool load(StateReader& reader, std::uint32_t version) override {
    constexpr std::size_t entry_bytes = 8 + 16 + 8 + 1;
    const Duration learned{reader.get<std::int64_t>()};
    const PacketTime last{reader.get<std::int64_t>()};
    const auto count = reader.get<std::uint32_t>();
    if (version != 2 || reader.failed() || count > seen_max || reader.left() != count * entry_bytes) return false;
    learned_.ns = std::clamp<std::int64_t>(learned.ns, 0, INT64_MAX / 2);
    last_.ns = std::clamp<std::int64_t>(last.ns, 0, INT64_MAX / 2);
    seen_.clear();
    for (std::uint32_t i = 0; i < count; ++i) {
      Identity identity;
      identity.segment = SegmentKey::from_raw(reader.get<std::uint64_t>());
      identity.address = get_address(reader);
      identity.mac.value = reader.get<std::uint64_t>();
      seen_.value(seen_.use(identity).index).router = reader.get<std::uint8_t>() != 0 ? 1 : 0;
    }
    return true;
  }

 private:
  static constexpr DetectorId id = DetectorId::policy_unknown_asset;
  static constexpr std::uint32_t seen_max = 1u << 18;
  static constexpr std::uint32_t places_max = 1u << 14;
  static constexpr std::uint64_t any_link = UINT64_MAX;
  static constexpr Duration pause_max = Duration::seconds(86400);
  struct Seen {
    std::uint8_t router;
  };
  struct Place {
    PacketTime since;
    std::uint32_t told, more;
  };

  // A capture that was put together from several, or a sensor that was off, has learned nothing in between.
  void learned(PacketTime now) noexcept {
    if (last_.ns != 0 && now > last_ && learned_ < learning_) {
      learned_.ns += std::min((now - last_).ns, pause_max.ns);
    }
    last_ = now;
  }
  // Without asking the inventory: only what is fetched ahead depends on it.
  bool may_be_ours(const IpAddress& address) const noexcept { return has_segments_ || address.is_private(); }
  // A host that one of our links has: not an outside peer, not a group, not somebody without an address yet.
  bool is_ours(const IpAddress& address, std::uint32_t segment, const Fact& fact) const noexcept {
    if (address.is_unspecified() || address.is_loopback() || address.is_multicast() || address.is_broadcast())
      return false;
    if (!has_segments_) return address.is_private() || address.is_link_local();
    return segment != 0 && !site_.inventory->is_subnet_broadcast(fact.segment, address);
  }
  using Macs = std::vector<std::pair<std::uint64_t, std::uint64_t>>;  // MAC, link; sorted.
  static bool has(const Macs& macs, SegmentKey segment, MacAddress mac) noexcept {
    return std::binary_search(macs.begin(), macs.end(), std::pair{mac.value, segment.raw()}) ||
           std::binary_search(macs.begin(), macs.end(), std::pair{mac.value, any_link});
  }
  void know_router(SegmentKey segment, MacAddress mac) noexcept {
    if (mac.value != 0 && !mac.is_group()) seen_.value(seen_.use({segment, {}, mac}).index).router = 1;
  }

  // `mac` stands before the address; `claimed` tells that it says so itself, on this link.
  void host(const Fact& fact, const IpAddress& address, std::uint32_t asset, std::uint32_t segment, MacAddress mac,
            bool claimed, bool is_source, Findings& findings, const Ends& ends) noexcept {
    if (asset != 0 || !is_ours(address, segment, fact)) return;
    const bool has_mac = mac.value != 0 && !mac.is_group();
    const auto by_address = seen_.use({fact.segment, address, {}});
    bool known = !by_address.added;
    if (has_mac && has(host_macs_, fact.segment, mac)) known = true;  // An asset's further address.
    if (has_mac && (claimed || !address.is_v4())) {
      // A router forwards for hosts of its own segments and of others: its link address is nobody else's name.
      const Identity by_mac{fact.segment, {}, mac};
      const std::uint32_t found = seen_.find(by_mac);
      const bool ours = has(router_macs_, fact.segment, mac);
      const bool router = ours || (found != 0 && seen_.value(found).router != 0);
      if (claimed || !router) {
        known = known || found != 0 || ours;
        seen_.use(by_mac);
      }
    }
    if (known) return;
    if (!has_inventory_ && learned_ < learning_) return;
    tell(fact, ends, address, segment, mac, is_source, findings);
  }

  void tell(const Fact& fact, const Ends& ends, const IpAddress& address, std::uint32_t segment, MacAddress mac,
            bool is_source, Findings& findings) noexcept {
    Place& place = places_.value(places_.use({fact.segment, segment}).index);
    if (place.since.ns == 0 || fact.time - place.since >= limit_time_) place = {fact.time, 0, 0};
    Alert alert = alert_of(id, fact, ends);
    if (!is_source) {
      std::swap(alert.source, alert.destination);
      std::swap(alert.source_port, alert.destination_port);
      std::swap(alert.source_asset, alert.destination_asset);
    }
    if (place.told >= limit_) {
      ++place.more;
      alert.has_addresses = false;
      alert.source = alert.destination = {};
      alert.source_port = alert.destination_port = 0;
      alert.source_asset = alert.destination_asset = 0;
      alert.protocol = 0;
      alert.flow_id = 0;
      alert.app_protocol = AppProtocol::unknown;
      alert.merge_key = segment == 0 ? 1 : segment_merge_key(*site_.config, segment);
      say_why(alert, 0, "%u more unknown hosts appeared in this segment since %u were told one by one",
              static_cast<unsigned>(place.more), static_cast<unsigned>(place.told));
      say_why(alert, 1, "so many new addresses are a new network, a renumbering, or somebody who forges them");
      findings.raise(alert);
      return;
    }
    ++place.told;
    alert.merge_key = 1;
    char text[ip_text_max + 1] = {};
    text[write_ip(address, text)] = '\0';
    say_why(alert, 0, "%s was never seen here and is not in the inventory", text);
    // What a device changes at will names nobody (IEEE 802, 8.4: locally administered).
    if (mac.value != 0) {
      const auto v = static_cast<unsigned long long>(mac.value);
      say_why(alert, 1, "its frames come from %02llx:%02llx:%02llx:%02llx:%02llx:%02llx%s", v >> 40 & 255,
              v >> 32 & 255, v >> 24 & 255, v >> 16 & 255, v >> 8 & 255, v & 255,
              mac.is_locally_administered() ? ", a locally administered (perhaps random) address" : "");
    }
    findings.raise(alert);
  }

  Site site_;
  Duration learning_;
  std::uint32_t limit_;
  Duration limit_time_;
  bool has_segments_, has_inventory_;
  Duration learned_{};  // Time in which hosts were heard, up to now.
  PacketTime last_;
  BoundedMap<Identity, Seen> seen_;
  BoundedMap<PlaceKey, Place> places_;
  Macs host_macs_, router_macs_;  // Of assets.
};

constexpr DetectorId ids[] = {DetectorId::policy_unknown_asset};

}  // namespace

const SiteDetectorRow policy_unknown_assets_row = {
    "policy_unknown_assets", ids, facts_of({FactKind::conversation, FactKind::claim, FactKind::router_advertisement}),
    false,
    [](const Site& site) -> std::unique_ptr<SiteDetector> { return std::make_unique<UnknownAssetDetector>(site); }};

}  // namespace tsujiban::detect
