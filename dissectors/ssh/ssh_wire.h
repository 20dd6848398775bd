#pragma once
#include <array>
#include <cstdint>
#include <string_view>

#include "base/bytes.h"

namespace tsujiban::ssh {

inline constexpr std::uint16_t port_ssh = 22;

// The identification (RFC 4253, 4.2): SSH-protoversion-softwareversion SP comments CR LF, at most 255 bytes with its
// end. A server may send other lines before it.
inline constexpr std::uint32_t identification_bytes_max = 255;
inline constexpr std::string_view identification_mark = "SSH-";

// A binary packet (RFC 4253, 6), before encryption:
//   0                4          5
//   | packet_length  | padding  | payload ... | padding ... |      packet_length counts from the padding's length.
inline constexpr std::uint32_t packet_length_end = 4;
inline constexpr std::uint32_t packet_head = 6;           // Up to the payload's first byte, the message's number.
inline constexpr std::uint32_t packet_bytes_max = 35000;  // Of a whole packet that everybody has to take (6.1).
inline constexpr std::uint32_t packet_multiple = 8;       // With the length itself.
inline constexpr std::uint32_t padding_bytes_min = 4;

// Message numbers (RFC 4250, 4.1.2).
namespace message {
inline constexpr std::uint8_t disconnect = 1, ignore = 2, unimplemented = 3, debug = 4, service_request = 5,
                              service_accept = 6, ext_info = 7, kexinit = 20, newkeys = 21, key_exchange_first = 30,
                              key_exchange_last = 49;
}

// The name-lists of a KEXINIT (RFC 4253, 7.1), in their order.
enum class List : std::uint8_t {
  kex,
  host_key,
  cipher_to_server,
  cipher_to_client,
  mac_to_server,
  mac_to_client,
  compression_to_server,
  compression_to_client,
  language_to_server,
  language_to_client,
  count_
};
inline constexpr std::size_t list_count = static_cast<std::size_t>(List::count_);
inline constexpr std::uint32_t cookie_bytes = 16;
inline constexpr unsigned names_max = 64;  // Of each list, that are held against the other side's.

// A KEXINIT's payload; the views live as long as the bytes.
struct KexInit {
  std::array<std::string_view, list_count> lists{};
  bool valid = false;
  bool guess_follows = false;      // first_kex_packet_follows
  std::uint32_t error_offset = 0;  // In the payload, where not valid.
  std::string_view operator[](List list) const noexcept { return lists[static_cast<std::size_t>(list)]; }
};
KexInit read_kexinit(Bytes payload) noexcept;

// What the two sides agree on (RFC 4253, 7.1): the first of the client's names that the server has too. Empty: nothing.
std::string_view agreed(std::string_view client, std::string_view server) noexcept;
// Whether a cipher authenticates by itself, so that no MAC is agreed on (RFC 5647; OpenSSH's PROTOCOL, 1.6; its
// PROTOCOL.chacha20poly1305).
bool is_authenticated(std::string_view cipher) noexcept;

// One identification line without its end.
struct Identification {
  std::string_view protocol, software, comments;
  bool valid = false;
};
Identification read_identification(std::string_view line) noexcept;

}  // namespace tsujiban::ssh
