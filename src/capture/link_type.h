#pragma once
#include <string_view>

#include "model/packet.h"

namespace tsujiban::capture {

// The name of a link type for people, such as "Ethernet"; empty where we know none: the caller then writes its number.
std::string_view link_type_name(LinkType link) noexcept;

// True for the IEEE 802.15.4 link types, with and without frame check sequence, PHY header or TAP header.
bool is_ieee802154(LinkType link) noexcept;

}  // namespace tsujiban::capture
