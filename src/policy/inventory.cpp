#include "policy/inventory.h"

#include <algorithm>
#include <charconv>
#include <cstring>
#include <unordered_map>

#include "base/check.h"
#include "model/packet.h"

namespace tsujiban::policy {
namespace {

IpPrefix whole(const IpAddress& address) noexcept {
  return {address, static_cast<std::uint8_t>(address.is_v4() ? 32 : 128)};
}

struct RolePair {
  Role a, b;
  ErabInterface interface;
};
// Interface table of the ERAB guideline 3.0 (3.6.1 to 3.6.6) and of the AMI working group.
constexpr RolePair role_pairs[] = {
    {Role::grid_command, Role::coordinator, ErabInterface::R1},
    {Role::retailer, Role::coordinator, ErabInterface::R2},
    {Role::retailer, Role::aggregator, ErabInterface::R2},
    {Role::coordinator, Role::aggregator, ErabInterface::R3},
    {Role::aggregator, Role::gateway, ErabInterface::R4},
    {Role::aggregator, Role::ems, ErabInterface::R4},
    {Role::gateway, Role::device, ErabInterface::R5},
    {Role::ems, Role::device, ErabInterface::R5},
    {Role::aggregator, Role::device, ErabInterface::R6},
    {Role::vendor_cloud, Role::device, ErabInterface::VENDOR},
    {Role::vendor_cloud, Role::router, ErabInterface::VENDOR},
    {Role::meter, Role::concentrator, ErabInterface::A},
    {Role::concentrator, Role::hes, ErabInterface::A},
    {Role::hes, Role::mdms, ErabInterface::A},
    {Role::meter, Role::hes, ErabInterface::A},
    {Role::meter, Role::ems, ErabInterface::B},
};

}  // namespace

ErabInterface interface_of_roles(Role a, Role b) noexcept {
  for (const RolePair& pair : role_pairs) {
    if ((pair.a == a && pair.b == b) || (pair.a == b && pair.b == a)) return pair.interface;
  }
  return ErabInterface::none;
}

std::string_view name_of(Route route) noexcept {
  constexpr std::string_view names[] = {"none", "R1", "A", "B", "home", "other"};
  return names[static_cast<std::size_t>(route)];
}

Inventory::Inventory(std::shared_ptr<const config::Config> config, HashSeed seed) : config_(std::move(config)) {
  TSUJIBAN_CHECK(config_ != nullptr);
  clock_ = LocalClock(output::load_zone(config_->timezone));
  std::vector<PrefixTable::Row> on_link, on_any, only;
  std::unordered_map<std::uint64_t, std::uint32_t> count_on_link;
  for (const config::Segment& segment : config_->segments) {
    if (!segment.any_link) ++count_on_link[segment.key.raw()];
  }
  for (std::size_t i = 0; i < config_->segments.size(); ++i) {
    const config::Segment& segment = config_->segments[i];
    const std::uint32_t number = static_cast<std::uint32_t>(i) + 1;
    for (const IpPrefix& prefix : segment.prefixes) {
      (segment.any_link ? on_any : on_link).push_back({segment.any_link ? 0 : segment.key.raw(), prefix, number});
    }
    if (!segment.any_link && count_on_link[segment.key.raw()] == 1)
      only.push_back({segment.key.raw(), IpPrefix{}, number});
  }
  segments_on_link_ = PrefixTable(on_link, seed);
  segments_on_any_ = PrefixTable(on_any, seed);
  only_segment_of_link_ = PrefixTable(only, seed);

  on_link.clear();
  on_any.clear();
  for (std::size_t i = 0; i < config_->assets.size(); ++i) {
    const config::Asset& asset = config_->assets[i];
    const config::Segment* segment = asset.segment == 0 ? nullptr : &config_->segments[asset.segment - 1];
    const bool any_link = segment == nullptr || segment->any_link;
    for (const IpAddress& address : asset.addresses) {
      (any_link ? on_any : on_link)
          .push_back({any_link ? 0 : segment->key.raw(), whole(address), static_cast<std::uint32_t>(i) + 1});
    }
  }
  assets_on_link_ = PrefixTable(on_link, seed);
  assets_on_any_ = PrefixTable(on_any, seed);

  brief_.reserve(config_->assets.size());
  for (const config::Asset& asset : config_->assets)
    brief_.push_back({asset.segment, asset.role, asset.serves.size() == 1 ? asset.serves[0] : ErabInterface::none});
  for (const config::Segment& segment : config_->segments) interface_of_.push_back(segment.interface);
  segment_has_assets_.resize(config_->segments.size());
  for (const config::Asset& asset : config_->assets) {
    if (asset.segment != 0) {
      segment_has_assets_[asset.segment - 1] = true;
      continue;
    }
    for (const IpAddress& address : asset.addresses) {
      const std::uint32_t segment = segments_on_any_.longest(0, address);
      if (segment != 0) segment_has_assets_[segment - 1] = true;
    }
  }
}

bool Inventory::declares_port(std::uint32_t asset, std::uint8_t protocol, std::uint16_t port) const noexcept {
  const bool ports =
      protocol == static_cast<std::uint8_t>(IpProtocol::tcp) || protocol == static_cast<std::uint8_t>(IpProtocol::udp);
  if (asset == 0 || !ports) return false;
  for (const config::PortRange& range : config_->assets[asset - 1].ports) {
    if ((range.protocol == 0 || range.protocol == protocol) && range.first <= port && port <= range.last) return true;
  }
  return false;
}

Route Inventory::route_of(std::uint32_t segment, std::uint32_t asset) const noexcept {
  const auto of_interface = [](ErabInterface interface) {
    switch (interface) {
      case ErabInterface::none:
        return Route::none;
      case ErabInterface::R1:
        return Route::R1;
      case ErabInterface::A:
        return Route::A;
      case ErabInterface::B:
        return Route::B;
      case ErabInterface::R5:
        return Route::home;
      default:
        return Route::other;
    }
  };
  const Role role = role_of(asset);
  if (role == Role::grid_command) return Route::R1;  // Wherever it stands: out of place is what is to be told.
  if (segment != 0 && interface_of_[segment - 1] != ErabInterface::none)
    return of_interface(interface_of_[segment - 1]);
  if (asset == 0) return Route::none;
  const std::vector<ErabInterface>& serves = config_->assets[asset - 1].serves;
  if (std::find(serves.begin(), serves.end(), ErabInterface::R1) != serves.end()) return Route::R1;
  if (serves.size() == 1) return of_interface(serves[0]);
  switch (role) {
    case Role::concentrator:
    case Role::hes:
    case Role::mdms:
    case Role::handy_terminal:
      return Route::A;
    case Role::device:
    case Role::gateway:
    case Role::router:
    case Role::sensor_device:
      return Route::home;
    default:
      // A meter is on both routes, an ems in the home or in the cloud: only a segment or `serves` can say it.
      return Route::none;
  }
}

std::uint32_t Inventory::segment_of(SegmentKey link, const IpAddress& address) const noexcept {
  if (const std::uint32_t found = segments_on_link_.longest(link.raw(), address); found != 0) return found;
  if (const std::uint32_t found = segments_on_any_.longest(0, address); found != 0) return found;
  if (address.is_link_local() || address.is_unspecified())
    return only_segment_of_link_.longest(link.raw(), IpAddress{});
  return 0;
}

std::uint32_t Inventory::asset_of(SegmentKey link, const IpAddress& address) const noexcept {
  if (const std::uint32_t found = assets_on_link_.longest(link.raw(), address); found != 0) return found;
  return assets_on_any_.longest(0, address);
}

std::uint32_t Inventory::segment_or_asset_segment_of(SegmentKey link, const IpAddress& address,
                                                     std::uint32_t asset) const noexcept {
  const std::uint32_t found = segment_of(link, address);
  return found != 0 ? found : segment_of_asset(asset);
}

bool Inventory::is_subnet_broadcast(SegmentKey link, const IpAddress& address) const noexcept {
  if (!address.is_v4()) return false;
  std::uint8_t length = 32;
  if (segments_on_link_.longest(link.raw(), address, length) == 0 && segments_on_any_.longest(0, address, length) == 0)
    return false;
  // A link of /31 or /32 has no broadcast address (RFC 3021, 2.2).
  return length <= 30 && (address.as_v4() | ~std::uint32_t{0} << (31 - length) << 1) == ~std::uint32_t{0};
}

ErabInterface Inventory::interface_between(std::uint32_t asset_a, std::uint32_t asset_b, std::uint32_t segment_a,
                                           std::uint32_t segment_b) const noexcept {
  if (asset_a != 0 && asset_b != 0) {
    const ErabInterface by_roles = interface_of_roles(role_of(asset_a), role_of(asset_b));
    if (by_roles != ErabInterface::none) return by_roles;
  }
  for (const std::uint32_t segment : {segment_a, segment_b}) {
    if (segment != 0 && interface_of_[segment - 1] != ErabInterface::none) return interface_of_[segment - 1];
  }
  for (const std::uint32_t number : {asset_a, asset_b}) {
    if (number != 0 && brief_[number - 1].serves_only != ErabInterface::none) return brief_[number - 1].serves_only;
  }
  return ErabInterface::none;
}

ErabInterface Inventory::interface_between(SegmentKey link, const IpAddress& a, const IpAddress& b) const noexcept {
  const std::uint32_t asset_a = asset_of(link, a), asset_b = asset_of(link, b);
  return interface_between(asset_a, asset_b, segment_or_asset_segment_of(link, a, asset_a),
                           segment_or_asset_segment_of(link, b, asset_b));
}

std::string_view Inventory::segment_name(SegmentKey link, const IpAddress& source, const IpAddress& destination,
                                         std::span<char, segment_text_max> scratch) const noexcept {
  for (const IpAddress* address : {&source, &destination}) {
    const std::uint32_t segment = segment_or_asset_segment_of(link, *address, asset_of(link, *address));
    if (segment != 0) return config_->segments[segment - 1].name;
  }
  char* at = scratch.data();
  const auto put = [&](std::string_view text) {
    std::memcpy(at, text.data(), text.size());
    at += text.size();
  };
  // The longest: "vni 16777215 vlan 4095/4095/4095", 32 characters.
  const auto number = [&](std::uint32_t value) { at = std::to_chars(at, at + 10, value).ptr; };
  if (link.is_pan()) {
    put("pan 0x");
    for (int shift = 12; shift >= 0; shift -= 4) *at++ = "0123456789abcdef"[link.pan_value() >> shift & 15];
    return {scratch.data(), static_cast<std::size_t>(at - scratch.data())};
  }
  if (link.has_vni()) {
    put("vni ");
    number(link.vni_value());
  }
  for (unsigned i = 0; i < link.vlan_count(); ++i) {
    if (i != 0)
      put("/");
    else
      put(link.has_vni() ? " vlan " : "vlan ");
    number(link.vlan(i));
  }
  return {scratch.data(), static_cast<std::size_t>(at - scratch.data())};
}

}  // namespace tsujiban::policy
