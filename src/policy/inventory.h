#pragma once
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "config/config.h"
#include "policy/local_clock.h"
#include "policy/prefix_table.h"

namespace tsujiban::policy {

// The ERAB interface between two roles (requirements, interface table), in either order; none where the table has none.
ErabInterface interface_of_roles(Role a, Role b) noexcept;

// On whose route an address is, for the rules that keep routes apart.
enum class Route : std::uint8_t {
  none,   // Nothing says it.
  R1,     // Between the grid's simple command system and a coordinator.
  A,      // Smart meters to the grid operator.
  B,      // Smart meter to the home.
  home,   // The home network: R5, and what stands in homes only.
  other,  // Another interface.
};
std::string_view name_of(Route route) noexcept;

// The configuration's segments and assets, found by link and address. Built once, immutable, shared by all workers.
class Inventory {
 public:
  // Throws std::runtime_error where the system has no such time zone; `config::load` has looked already.
  explicit Inventory(std::shared_ptr<const config::Config> config, HashSeed seed = {});

  const config::Config& config() const noexcept { return *config_; }
  const LocalClock& clock() const noexcept { return clock_; }  // Of the site's time zone.

  // The named segment that an address on a link is in: the longest prefix among the segments of exactly this link, then
  // among those without a link. A link-local or unspecified address is in the link's segment where the link has only
  // one. 0: in none; else the index + 1.
  std::uint32_t segment_of(SegmentKey link, const IpAddress& address) const noexcept;
  // The asset that has this address there: of exactly this link first, then of any. 0: none; else the index + 1.
  std::uint32_t asset_of(SegmentKey link, const IpAddress& address) const noexcept;
  // Fetches what that looks at, some time earlier.
  void prefetch(SegmentKey link, const IpAddress& address) const noexcept {
    assets_on_link_.prefetch(link.raw(), address);
    assets_on_any_.prefetch(0, address);
  }
  // `segment_of`, or else the segment of the asset that has the address.
  std::uint32_t segment_or_asset_segment_of(SegmentKey link, const IpAddress& address,
                                            std::uint32_t asset) const noexcept;
  // Whether this IPv4 address is the broadcast address of the named segment it is in.
  bool is_subnet_broadcast(SegmentKey link, const IpAddress& address) const noexcept;

  Role role_of(std::uint32_t asset) const noexcept { return asset == 0 ? Role::unknown : brief_[asset - 1].role; }
  const config::Asset& asset(std::uint32_t asset) const noexcept { return config_->assets[asset - 1]; }
  std::string_view asset_name(std::uint32_t asset) const noexcept {
    return asset == 0 ? std::string_view{} : std::string_view(config_->assets[asset - 1].name);
  }

  std::uint32_t segment_of_asset(std::uint32_t asset) const noexcept {
    return asset == 0 ? 0 : brief_[asset - 1].segment;
  }
  // Whether the asset's `ports` list this one. An asset without `ports` declares nothing: ask `has_declared_ports`.
  bool declares_port(std::uint32_t asset, std::uint8_t protocol, std::uint16_t port) const noexcept;
  bool has_declared_ports(std::uint32_t asset) const noexcept {
    return asset != 0 && !config_->assets[asset - 1].ports.empty();
  }
  // Whether an asset is of this segment, or of none but with an address in it.
  bool has_assets(std::uint32_t segment) const noexcept { return segment != 0 && segment_has_assets_[segment - 1]; }

  // README.md says the rules. `segment` is that of the address, not of the asset: a meter has an address on route A and
  // one on route B.
  Route route_of(std::uint32_t segment, std::uint32_t asset) const noexcept;

  // The ERAB interface of an exchange. In this order: by the two roles; the one of the segment that both ends are in;
  // the one of the first end's segment, or of the second's; the one that an asset serves where it serves only one.
  // Assets and segments are index + 1, 0 for none.
  ErabInterface interface_between(std::uint32_t asset_a, std::uint32_t asset_b, std::uint32_t segment_a,
                                  std::uint32_t segment_b) const noexcept;
  ErabInterface interface_between(SegmentKey link, const IpAddress& a, const IpAddress& b) const noexcept;

  // What an event's `segment` says: the name of the source's segment, or of the destination's; else the link ("vlan
  // 30/112", "vni 7", "vni 7 vlan 30", "pan 0x1234"), empty for the untagged one. A name lives as long as the
  // inventory, the rest as long as `scratch`.
  static constexpr std::size_t segment_text_max = 40;
  std::string_view segment_name(SegmentKey link, const IpAddress& source, const IpAddress& destination,
                                std::span<char, segment_text_max> scratch) const noexcept;

 private:
  std::shared_ptr<const config::Config> config_;
  LocalClock clock_;
  PrefixTable segments_on_link_, segments_on_any_, only_segment_of_link_;
  PrefixTable assets_on_link_, assets_on_any_;
  // What every packet asks, packed: a hundred thousand whole assets do not stay in a cache.
  struct Brief {
    std::uint32_t segment = 0;
    Role role = Role::unknown;
    ErabInterface serves_only = ErabInterface::none;  // Where it serves one interface only.
  };
  std::vector<Brief> brief_;                 // By asset.
  std::vector<ErabInterface> interface_of_;  // By segment.
  std::vector<bool> segment_has_assets_;
};

}  // namespace tsujiban::policy
