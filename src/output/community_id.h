#pragma once
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "model/address.h"

namespace tsujiban::output {

inline constexpr std::size_t community_id_text_size = 30;  // "1:" and the 28 characters of a SHA-1 in base64.

// Community ID v1 with seed 0 (github.com/corelight/community-id-spec): the same text for both directions of a flow,
// which Zeek, Suricata and Arkime compute alike. Writes `community_id_text_size` characters to `to` and returns them.
// The ports of ICMP and ICMPv6 are type and code. `has_ports` is false where the transport header was not seen (a
// fragment). Allocates nothing.
std::string_view write_community_id(const IpAddress& source, const IpAddress& destination, std::uint16_t source_port,
                                    std::uint16_t destination_port, std::uint8_t protocol, bool has_ports,
                                    char* to) noexcept;

}  // namespace tsujiban::output
