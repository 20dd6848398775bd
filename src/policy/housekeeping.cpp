#include "model/packet.h"
#include "policy/allow_list.h"

namespace tsujiban::policy {
namespace {

constexpr std::uint32_t echonet_group_v4 = 0xe0001700;  // 224.0.23.0 (ECHONET Lite specification, part 2, 1.1).
constexpr std::uint32_t ssdp_group_v4 = 0xeffffffa;     // 239.255.255.250 (UPnP Device Architecture 2.0, 1).

bool is_dhcp(const Conversation& c) noexcept {
  const auto ports = [&](std::uint16_t a, std::uint16_t b) {
    return (c.initiator_port == a && c.responder_port == b) || (c.initiator_port == b && c.responder_port == a);
  };
  // RFC 2131, 4.1 and RFC 8415, 7.2; a relay talks from 67 to 67.
  return ports(67, 68) || ports(67, 67) || ports(546, 547);
}

bool on_one_link(const Conversation& c, std::uint32_t initiator_segment, std::uint32_t responder_segment) noexcept {
  if (c.initiator.is_link_local() || c.responder.is_link_local()) return true;
  if (initiator_segment != 0) return initiator_segment == responder_segment;
  return !c.initiator.is_v4() && !c.responder.is_v4() && c.initiator.high == c.responder.high;
}

}  // namespace

bool is_discovery_address(const IpAddress& address) noexcept {
  if (address.is_v4()) {
    const std::uint32_t a = address.as_v4();
    // 224.0.0.0/24 never leaves the link (RFC 5771, 4).
    return a >> 8 == 0xe00000 || a == echonet_group_v4 || a == ssdp_group_v4 || address.is_broadcast();
  }
  // Multicast of interface or link scope, well-known or transient (RFC 4291, 2.7).
  const std::uint64_t scope = address.high >> 48 & 0xf;
  return address.is_multicast() && (scope == 1 || scope == 2);
}

bool is_outside(const IpAddress& address, std::uint32_t own_segment, std::uint32_t other_segment) noexcept {
  if (own_segment != 0 || address.is_link_local() || address.is_unspecified()) return false;
  return other_segment != 0 || !address.is_private();
}

bool is_housekeeping(const Inventory& inventory, const Conversation& c, std::uint32_t initiator_segment,
                     std::uint32_t responder_segment) noexcept {
  if (is_discovery_address(c.responder)) return true;
  // A broadcast address of /30 or shorter ends in two ones at least.
  if (responder_segment != 0 && (c.responder.low & 3) == 3 && inventory.is_subnet_broadcast(c.link, c.responder))
    return true;
  if (initiator_segment == 0 && c.responder.is_v4() && c.initiator.is_v4() && (c.responder.as_v4() & 0xff) == 0xff &&
      c.responder.as_v4() >> 8 == c.initiator.as_v4() >> 8 &&
      c.protocol == static_cast<std::uint8_t>(IpProtocol::udp)) {
    return true;  // No prefix is known there; homes are /24.
  }
  const auto near = [&] { return on_one_link(c, initiator_segment, responder_segment); };
  switch (static_cast<IpProtocol>(c.protocol)) {
    case IpProtocol::igmp:
      return true;
    case IpProtocol::icmp:
      // Unreachable, time exceeded, parameter problem (RFC 792): about a conversation that is judged itself. A redirect
      // is not.
      return c.initiator_port == 3 || c.initiator_port == 11 || c.initiator_port == 12;
    case IpProtocol::icmpv6:
      if (c.initiator_port >= 1 && c.initiator_port <= 4) return true;  // Errors (RFC 4443, 3).
      // NDP (RFC 4861) and MLD (RFC 2710, RFC 3810) stay on the link. Redirects (137) are judged.
      // Type 0 is reserved: a caller that keeps no type of the first packet gives it.
      return ((c.initiator_port >= 130 && c.initiator_port <= 136) || c.initiator_port == 143 ||
              c.initiator_port == 0) &&
             near();
    case IpProtocol::udp:
      return is_dhcp(c) && (near() || (c.initiator.is_private() && c.responder.is_private()));
    default:
      return false;
  }
}

}  // namespace tsujiban::policy
