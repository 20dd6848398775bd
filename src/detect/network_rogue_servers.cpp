#include <algorithm>
#include <vector>

#include "detect/link_addresses.h"
#include "detect/network_detectors.h"
#include "detect/site_keys.h"
#include "model/packet.h"

namespace tsujiban::detect {
namespace {

// mitm.rogue-dhcp and mitm.rogue-ra: who hands out addresses and routes without being the segment's router. Where the
// inventory names a router (or a DHCP server, by its declared port) that can be told apart, it alone decides; elsewhere
// the first one that is seen on a link is taken for the right one.
class RogueServerDetector final : public SiteDetector {
 public:
  explicit RogueServerDetector(const Site& site)
      : site_(site),
        forget_(site.config->tunable_time(DetectorId::policy_unknown_asset, "learning")),
        learned_(learned_max, site.seed),
        dhcp_peers_(site.seed, site.config->settings(DetectorId::mitm_rogue_dhcp).repeat, 1),
        router_peers_(site.seed, site.config->settings(DetectorId::mitm_rogue_ra).repeat, 1) {
    read_inventory();
  }

  void fact(const Fact& fact, const Ends& ends, Findings& findings) noexcept override {
    if (fact.kind == FactKind::address_assignment) {
      assigned(fact, ends, findings);
    } else if (fact.kind == FactKind::router_advertisement) {
      advertised(fact, ends, findings);
    }
  }

  std::uint64_t evictions() const noexcept override {
    return learned_.evictions() + dhcp_peers_.evictions() + router_peers_.evictions();
  }
  void take_over(SiteDetector& before, const Renumbered&) override {
    auto& from = static_cast<RogueServerDetector&>(before);
    learned_.take_over(from.learned_);
    dhcp_peers_.take_over(from.dhcp_peers_);
    router_peers_.take_over(from.router_peers_);
  }
  std::uint32_t state_version() const noexcept override { return 1; }
  void save(StateWriter& writer) const override {
    writer.put(learned_.size());
    for (std::uint32_t i = learned_.first(); i != 0; i = learned_.next(i)) {
      const LearnedKey& key = learned_.key(i);
      const Learned& learned = learned_.value(i);
      writer.put(key.segment.raw());
      writer.put(key.what);
      put_address(writer, learned.address);
      writer.put(learned.mac.value);
      writer.put(learned.last.ns);
      writer.put(learned.lifetime.ns);
    }
  }
  bool load(StateReader& reader, std::uint32_t version) override {
    constexpr std::size_t entry_bytes = 8 + 1 + 16 + 8 + 8 + 8;
    const auto count = reader.get<std::uint32_t>();
    if (version != 1 || reader.failed() || count > learned_max || reader.left() != count * entry_bytes) return false;
    learned_.clear();
    for (std::uint32_t i = 0; i < count; ++i) {
      LearnedKey key;
      key.segment = SegmentKey::from_raw(reader.get<std::uint64_t>());
      key.what = reader.get<What>();
      Learned& learned = learned_.value(learned_.use(key).index);
      learned.address = get_address(reader);
      learned.mac.value = reader.get<std::uint64_t>();
      learned.last.ns = std::clamp<std::int64_t>(reader.get<std::int64_t>(), 0, INT64_MAX / 2);
      learned.lifetime.ns = std::clamp<std::int64_t>(reader.get<std::int64_t>(), 0, INT64_MAX / 2);
    }
    return true;
  }

 private:
  static constexpr std::uint32_t learned_max = 1u << 15;
  // A router says so at least every 30 minutes (RFC 4861, 6.2.1, MaxRtrAdvInterval).
  static constexpr Duration advertisement_max = Duration::seconds(1800);

  enum class What : std::uint8_t { dhcp, dhcp6, router };
  struct LearnedKey {
    SegmentKey segment;
    What what{};
    std::uint64_t hash(HashSeed seed) const noexcept {
      return hash_words(seed, segment.raw(), static_cast<std::uint64_t>(what));
    }
    bool operator==(const LearnedKey&) const noexcept = default;
  };
  struct Learned {
    IpAddress address;
    MacAddress mac;
    PacketTime last;
    Duration lifetime;  // Routers: silent longer, it is gone.
  };
  // What the inventory says of a named segment.
  struct Declared {
    bool dhcp = false, dhcp6 = false;  // A router, or a server by its port, is named.
    bool router6 = false;              // A router that an advertisement can be compared with.
  };

  static bool is_router(Role role) noexcept { return role == Role::router || role == Role::gateway; }
  bool serves_dhcp(std::uint32_t asset, bool version6) const noexcept {
    return asset != 0 &&
           (is_router(site_.inventory->role_of(asset)) ||
            (site_.inventory->has_declared_ports(asset) &&
             site_.inventory->declares_port(asset, static_cast<std::uint8_t>(IpProtocol::udp), version6 ? 547 : 67)));
  }

  void read_inventory() {
    declared_.resize(site_.config->segments.size());
    for (std::uint32_t i = 1; i <= site_.config->assets.size(); ++i) {
      const config::Asset& asset = site_.config->assets[i - 1];
      if (asset.segment == 0) continue;
      Declared& declared = declared_[asset.segment - 1];
      declared.dhcp = declared.dhcp || serves_dhcp(i, false);
      declared.dhcp6 = declared.dhcp6 || serves_dhcp(i, true);
      if (!is_router(asset.role)) continue;
      const bool has_v6 = std::any_of(asset.addresses.begin(), asset.addresses.end(), [](const IpAddress& a) {
        return !a.is_v4() && a.is_link_local();  // Advertisements come from such an address (RFC 4861, 4.2).
      });
      if (has_v6 || asset.mac.value != 0) declared.router6 = true;
      if (asset.mac.value != 0) router_macs_.push_back({asset.mac.value, asset.segment});
    }
    std::sort(router_macs_.begin(), router_macs_.end());
  }

  void assigned(const Fact& fact, const Ends& ends, Findings& findings) noexcept {
    const AddressAssignment& said = fact.address_assignment;
    const bool v6 = said.version6;
    const IpAddress server = said.server.is_unspecified() ? fact.source : said.server;
    if (server.is_unspecified()) return;
    const std::uint32_t segment = ends.source_segment != 0 ? ends.source_segment : ends.destination_segment;
    const std::uint32_t named = site_.inventory->asset_of(fact.segment, server);
    if (segment != 0 && (v6 ? declared_[segment - 1].dhcp6 : declared_[segment - 1].dhcp)) {
      // A relay is the router; the server behind it is named by the option.
      const std::uint32_t asset = serves_dhcp(ends.source_asset, v6) ? ends.source_asset : named;
      if (!serves_dhcp(asset, v6)) {
        tell_dhcp(fact, ends, server, "it is no router, gateway or DHCP server of the inventory", findings);
        return;
      }
      const config::Asset& declared = site_.inventory->asset(asset);
      // Another's name in the packet does not change the sender's link address; a relayed answer has the router's.
      if (declared.mac.value != 0 && declared.segment == segment && asset == ends.source_asset && said.mac.value != 0 &&
          said.mac != declared.mac && !is_shared_router_mac(said.mac))
        tell_dhcp(fact, ends, server, "its frames do not come from the link address that the inventory gives",
                  findings);
      return;
    }
    if (serves_dhcp(named, v6) || serves_dhcp(ends.source_asset, v6)) return;
    const auto got = learned_.use({fact.segment, v6 ? What::dhcp6 : What::dhcp});
    Learned& learned = learned_.value(got.index);
    if (got.added || learned.address == server || fact.time - learned.last > forget_) {
      learned.address = server;
      learned.mac = said.mac;
      learned.last = fact.time;
      return;
    }
    // One server with several addresses is one server.
    if (learned.mac == said.mac && said.mac.value != 0) return;
    char text[ip_text_max + 1] = {}, why[120];
    text[write_ip(learned.address, text)] = '\0';
    std::snprintf(why, sizeof why, "on this link %s has handed out addresses so far", text);
    tell_dhcp(fact, ends, server, why, findings);
  }

  void tell_dhcp(const Fact& fact, const Ends& ends, const IpAddress& server, const char* because,
                 Findings& findings) noexcept {
    Alert alert = alert_of(DetectorId::mitm_rogue_dhcp, fact, ends);
    const AddressAssignment& said = fact.address_assignment;
    settle_destination(alert, dhcp_peers_, fact);
    alert.merge_key = said.version6 ? 2 : 1;
    char name[ip_text_max + 1] = {}, router[ip_text_max + 1] = {}, resolver[ip_text_max + 1] = {};
    name[write_ip(server, name)] = '\0';
    say_why(alert, 0, "%s answers as a DHCP server: %s", name, because);
    say_why(alert, 1, "its frames come from %s", MacText(said.mac).text);
    if (!said.router.is_unspecified() || !said.resolver.is_unspecified()) {
      router[write_ip(said.router, router)] = '\0';
      resolver[write_ip(said.resolver, resolver)] = '\0';
      say_why(alert, 2, "it names %s as router and %s as resolver", said.router.is_unspecified() ? "nobody" : router,
              said.resolver.is_unspecified() ? "nobody" : resolver);
    }
    findings.raise(alert);
  }

  void advertised(const Fact& fact, const Ends& ends, Findings& findings) noexcept {
    const RouterAdvertisement& said = fact.router_advertisement;
    if (is_shared_router_mac(said.mac)) return;
    const std::uint32_t segment = ends.source_segment;
    const bool by_mac = segment != 0 && std::binary_search(router_macs_.begin(), router_macs_.end(),
                                                           std::pair{said.mac.value, segment});
    if (segment != 0 && declared_[segment - 1].router6) {
      if (by_mac) return;
      const bool named = is_router(ends.source_role);
      if (named && site_.inventory->asset(ends.source_asset).mac.value == 0) return;
      if (named) {
        tell_router(fact, ends, "a router's address, but not the link address that the inventory gives it", findings);
      } else if (said.lifetime_s != 0) {
        // Without a lifetime it is no default router: routers into other networks say that too (RFC 4191).
        tell_router(fact, ends, "it is no router or gateway of the inventory", findings);
      }
      return;
    }
    if (by_mac || is_router(ends.source_role)) return;
    const std::uint32_t found = learned_.find({fact.segment, What::router});
    if (found == 0 || is_gone(learned_.value(found), fact.time)) {
      if (said.lifetime_s == 0) return;
      learn_router(fact);
      return;
    }
    Learned& learned = learned_.value(found);
    if (said.mac == learned.mac) {
      if (said.lifetime_s != 0) learn_router(fact);
      return;
    }
    if (fact.source == learned.address) {
      tell_router(fact, ends,
                  said.lifetime_s == 0 ? "the router's address with another link address takes leave for it"
                                       : "the router's address with another link address",
                  findings);
    } else if (said.lifetime_s != 0) {
      tell_router(fact, ends, "another router has advertised itself on this link so far, and still does", findings);
    }
  }
  static bool is_gone(const Learned& learned, PacketTime now) noexcept { return now - learned.last > learned.lifetime; }
  void learn_router(const Fact& fact) noexcept {
    Learned& learned = learned_.value(learned_.use({fact.segment, What::router}).index);
    learned.address = fact.source;
    learned.mac = fact.router_advertisement.mac;
    learned.last = fact.time;
    learned.lifetime = std::max(advertisement_max, Duration::seconds(fact.router_advertisement.lifetime_s));
  }

  void tell_router(const Fact& fact, const Ends& ends, const char* because, Findings& findings) noexcept {
    const RouterAdvertisement& said = fact.router_advertisement;
    Alert alert = alert_of(DetectorId::mitm_rogue_ra, fact, ends);
    settle_destination(alert, router_peers_, fact);
    alert.merge_key = 1 + said.mac.value;
    say_why(alert, 0, "a router advertisement from %s: %s", MacText(said.mac).text, because);
    say_why(alert, 1, "router lifetime %u s%s", static_cast<unsigned>(said.lifetime_s),
            said.managed ? ", addresses by DHCPv6" : "");
    if (said.has_prefix) {
      char text[ip_text_max + 1] = {};
      text[write_ip(said.prefix.address, text)] = '\0';
      say_why(alert, 2, "prefix %s/%u", text, static_cast<unsigned>(said.prefix.length));
    }
    findings.raise(alert);
  }

  // A rogue tells everybody: one condition, whoever it told this time.
  static void settle_destination(Alert& alert, PeerLimit& peers, const Fact& fact) noexcept {
    alert.destination = peers.stand_for({{fact.segment, fact.source}, 0, 0}, fact.destination, fact.time);
    if (alert.destination != fact.destination) alert.destination_asset = 0;
  }

  Site site_;
  Duration forget_;
  BoundedMap<LearnedKey, Learned> learned_;
  PeerLimit dhcp_peers_, router_peers_;
  std::vector<Declared> declared_;                                    // By segment.
  std::vector<std::pair<std::uint64_t, std::uint32_t>> router_macs_;  // MAC, segment; sorted.
};

constexpr DetectorId ids[] = {DetectorId::mitm_rogue_dhcp, DetectorId::mitm_rogue_ra};

}  // namespace

const SiteDetectorRow network_rogue_servers_row = {
    "network_rogue_servers", ids, facts_of({FactKind::address_assignment, FactKind::router_advertisement}), false,
    [](const Site& site) -> std::unique_ptr<SiteDetector> { return std::make_unique<RogueServerDetector>(site); }};

}  // namespace tsujiban::detect
