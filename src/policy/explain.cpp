#include "model/packet.h"
#include "policy/allow_list.h"
#include "policy/line.h"

namespace tsujiban::policy {
namespace {

void write_protocol(Line& line, std::uint8_t protocol) noexcept {
  switch (static_cast<IpProtocol>(protocol)) {
    case IpProtocol::tcp:
      line << "tcp";
      break;
    case IpProtocol::udp:
      line << "udp";
      break;
    case IpProtocol::icmp:
      line << "icmp";
      break;
    case IpProtocol::icmpv6:
      line << "icmpv6";
      break;
    case IpProtocol::igmp:
      line << "igmp";
      break;
    case IpProtocol::sctp:
      line << "sctp";
      break;
    case IpProtocol::gre:
      line << "gre";
      break;
    case IpProtocol::esp:
      line << "esp";
      break;
    default:
      line << "protocol " << std::uint32_t{protocol};
      break;
  }
}

}  // namespace

std::size_t AllowList::explain(const Verdict& verdict, const Conversation& c, char* to,
                               std::size_t max) const noexcept {
  Line line(to, max);
  const auto asset = [&](std::uint32_t number) {
    line << inventory_->asset_name(number) << " (" << name_of(inventory_->role_of(number)) << ")";
  };
  if (verdict.initiator_asset != 0) {
    asset(verdict.initiator_asset);
  } else {
    write_address(line, c.initiator, false);
  }
  line << " sent to ";
  const bool ports = c.protocol == static_cast<std::uint8_t>(IpProtocol::tcp) ||
                     c.protocol == static_cast<std::uint8_t>(IpProtocol::udp);
  if (verdict.responder_asset != 0) {
    asset(verdict.responder_asset);
    line << " at ";
  }
  write_address(line, c.responder, ports);
  if (ports) line << ":" << std::uint32_t{c.responder_port};
  line << "/";
  write_protocol(line, c.protocol);
  line << "; ";

  if (verdict.allowed) {
    switch (verdict.reason) {
      case Reason::listed:
        line << "allow entry " << verdict.entry << " names it";
        break;
      case Reason::neighbours:
        line << "both are assets of one segment";
        break;
      case Reason::housekeeping:
        line << "every host on a link does that";
        break;
      default:
        line << "no asset takes part";
        break;
    }
    return line.end();
  }
  if (verdict.entry != 0) {
    const config::AllowEntry& entry = inventory_->config().allow[verdict.entry - 1];
    line << "allow entry " << verdict.entry;
    if (entry.place.line != 0) line << " (line " << entry.place.line << ")";
    switch (verdict.reason) {
      case Reason::direction_not_listed:
        line << " lets only the other begin";
        break;
      case Reason::port_not_listed:
        line << " names the two, but not this port";
        break;
      case Reason::expired:
        line << " names the two, but has expired";
        break;
      case Reason::outside_hours:
        line << " names the two, but not at this time";
        break;
      case Reason::name_not_known:
        line << " names domains, but neither DNS, TLS nor HTTP gave this address such a name";
        break;
      default:
        line << " names the two, but not "
             << (c.app == AppProtocol::unknown ? std::string_view("an unknown protocol") : name_of(c.app));
        break;
    }
    return line.end();
  }
  const std::uint32_t own = verdict.initiator_asset != 0 ? verdict.initiator_asset : verdict.responder_asset;
  const bool has_interface = verdict.interface != ErabInterface::none;
  line << "no allow entry of " << inventory_->asset_name(own) << (has_interface ? ", role " : " or role ")
       << name_of(inventory_->role_of(own));
  if (has_interface) line << " or interface " << name_of(verdict.interface);
  line << " names it";
  return line.end();
}

}  // namespace tsujiban::policy
