#include "capture/link_type.h"

namespace tsujiban::capture {

std::string_view link_type_name(LinkType link) noexcept {
  switch (link) {
    case LinkType::null_loopback:
      return "BSD loopback (null)";
    case LinkType::ethernet:
      return "Ethernet";
    case LinkType::raw_ip_bsd:
    case LinkType::raw_ip:
      return "raw IP";
    case LinkType::loop:
      return "OpenBSD loopback";
    case LinkType::linux_cooked:
      return "Linux cooked v1";
    case LinkType::linux_cooked2:
      return "Linux cooked v2";
    case LinkType::ieee802154_fcs:
      return "IEEE 802.15.4 with FCS";
    case LinkType::ieee802154_nonask_phy:
      return "IEEE 802.15.4 with PHY header";
    case LinkType::ieee802154_nofcs:
      return "IEEE 802.15.4 without FCS";
    case LinkType::ieee802154_tap:
      return "IEEE 802.15.4 with TAP header";
    case LinkType::raw_ipv4:
      return "raw IPv4";
    case LinkType::raw_ipv6:
      return "raw IPv6";
    case LinkType::ppp:
      return "PPP";
  }
  // Those that are only named, by number (tcpdump.org/linktypes.html).
  switch (static_cast<unsigned>(link)) {
    case 6:
      return "IEEE 802.5 token ring";
    case 7:
      return "ARCNET";
    case 8:
      return "SLIP";
    case 10:
      return "FDDI";
    case 50:
      return "PPP over HDLC";
    case 51:
      return "PPPoE session";
    case 100:
      return "LLC/SNAP over ATM";
    case 104:
      return "Cisco HDLC";
    case 105:
      return "IEEE 802.11";
    case 107:
      return "Frame Relay";
    case 119:
      return "IEEE 802.11 with Prism header";
    case 127:
      return "IEEE 802.11 with radiotap";
    case 129:
      return "ARCNET (Linux)";
    case 163:
      return "IEEE 802.11 with AVS header";
    case 187:
      return "Bluetooth HCI";
    case 189:
      return "USB (Linux)";
    case 192:
      return "PPI";
    case 203:
      return "LAPD";
    case 220:
      return "USB (Linux, mapped)";
    case 227:
      return "CAN";
    case 249:
      return "USBPcap";
    case 251:
      return "Bluetooth LE";
    default:
      return {};
  }
}

bool is_ieee802154(LinkType link) noexcept {
  return link == LinkType::ieee802154_fcs || link == LinkType::ieee802154_nonask_phy ||
         link == LinkType::ieee802154_nofcs || link == LinkType::ieee802154_tap;
}

}  // namespace tsujiban::capture
