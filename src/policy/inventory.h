#pragma once
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "config/config.h"
#include "policy/prefix_table.h"

namespace tsujiban::policy {

// The ERAB interface between two roles (requirements, interface table), in either order; none where the table has none.
ErabInterface interface_of_roles(Role a, Role b) noexcept;

// The configuration's segments and assets, found by link and address. Built once, immutable, shared by all workers.
class Inventory {
 public:
  explicit Inventory(std::shared_ptr<const config::Config> config, HashSeed seed = {});

  const config::Config& config() const noexcept { return *config_; }

  // The named segment that an address on a link is in: the longest prefix among the segments of exactly this link, then
  // among those without a link. A link-local or unspecified address is in the link's segment where the link has only
  // one. 0: in none; else the index + 1.
  std::uint32_t segment_of(SegmentKey link, const IpAddress& address) const noexcept;
  // The asset that has this address there: of exactly this link first, then of any. 0: none; else the index + 1.
  std::uint32_t asset_of(SegmentKey link, const IpAddress& address) const noexcept;
  // `segment_of`, or else the segment of the asset that has the address.
  std::uint32_t segment_or_asset_segment_of(SegmentKey link, const IpAddress& address,
                                            std::uint32_t asset) const noexcept;
  // Whether this IPv4 address is the broadcast address of the named segment it is in.
  bool is_subnet_broadcast(SegmentKey link, const IpAddress& address) const noexcept;

  Role role_of(std::uint32_t asset) const noexcept {
    return asset == 0 ? Role::unknown : config_->assets[asset - 1].role;
  }
  const config::Asset& asset(std::uint32_t asset) const noexcept { return config_->assets[asset - 1]; }
  std::string_view asset_name(std::uint32_t asset) const noexcept {
    return asset == 0 ? std::string_view{} : std::string_view(config_->assets[asset - 1].name);
  }

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
  PrefixTable segments_on_link_, segments_on_any_, only_segment_of_link_;
  PrefixTable assets_on_link_, assets_on_any_;
};

}  // namespace tsujiban::policy
