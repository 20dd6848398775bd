#pragma once
#include <cstddef>
#include <cstdint>

#include "base/bytes.h"

namespace tsujiban::rdp {

inline constexpr std::uint16_t port_rdp = 3389;

// TPKT (RFC 1006, 6) around X.224 (ITU-T X.224, 13):
//   0        1         2               4   5            6          8        10
//   | 3      | 0       | length, all   | LI| code, cdt  | dst ref  | src ref| class or EOT, variable part, data
inline constexpr std::uint8_t tpkt_version = 3;
inline constexpr std::uint32_t tpkt_bytes = 4, tpdu_bytes_min = 7;
namespace tpdu {
inline constexpr std::uint8_t connection_request = 0xE0, connection_confirm = 0xD0, data = 0xF0;
}
inline constexpr std::size_t connection_header_bytes = 7;  // LI to class.

// RDP_NEG_REQ, RDP_NEG_RSP and RDP_NEG_FAILURE ([MS-RDPBCGR], 2.2.1.1.1, 2.2.1.2.1, 2.2.1.2.2):
//   | type | flags | length 8 (LE) | protocols, chosen protocol or failure code (LE) |
inline constexpr std::size_t negotiation_bytes = 8;
inline constexpr std::uint8_t negotiation_request = 1, negotiation_response = 2, negotiation_failure = 3;
inline constexpr std::uint32_t protocol_rdp = 0, protocol_ssl = 1, protocol_hybrid = 2, protocol_rdstls = 4,
                               protocol_hybrid_ex = 8, protocol_aad = 16;

// MCS Connect-Initial and Connect-Response (ITU-T T.125, 7), BER, application tags 101 and 102.
inline constexpr std::uint16_t tag_connect_initial = 0x7F65, tag_connect_response = 0x7F66;

// Blocks of the client's data ([MS-RDPBCGR], 2.2.1.3.1): type (LE), length with this header (LE).
inline constexpr std::uint16_t block_core = 0xC001, block_network = 0xC003;
inline constexpr std::size_t block_header_bytes = 4;
inline constexpr unsigned blocks_max = 32;
inline constexpr std::size_t channels_max = 31, channel_bytes = 12, channel_name_bytes = 8;  // 2.2.1.3.4.

// Offsets in the core data behind its header (2.2.1.3.2); what stands behind `required` may be absent.
namespace core {
inline constexpr std::size_t version = 0, width = 4, height = 6, color_depth = 8, layout = 12, build = 16, name = 20,
                             name_bytes = 32, keyboard_type = 52, keyboard_subtype = 56, function_keys = 60, ime = 64,
                             ime_bytes = 64, required = 128, post_beta2_depth = 128, product_id = 130,
                             serial_number = 132, high_depth = 136, capabilities = 140, digital_id = 142,
                             digital_id_bytes = 64, connection_type = 206, physical_width = 212, physical_height = 216,
                             orientation = 220, scale_factor = 222, device_scale_factor = 226;
}

// A connect PDU is some hundred bytes; more than this is none of RDP's beginning.
inline constexpr std::uint32_t message_bytes_max = 16 * 1024;

}  // namespace tsujiban::rdp
