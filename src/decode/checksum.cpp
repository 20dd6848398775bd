#include "decode/checksum.h"

#include <algorithm>

namespace tsujiban::decode {
namespace {

// One's complement sums are the same in either byte order, but for a swap of the result (RFC 1071, 2(B)); so everything
// is added as the machine loads it.
constexpr std::uint64_t add(std::uint64_t sum, std::uint64_t word) noexcept {
  sum += word;
  return sum + (sum < word ? 1 : 0);
}
constexpr std::uint16_t fold(std::uint64_t sum) noexcept {
  sum = (sum & 0xffffffff) + (sum >> 32);
  sum = (sum & 0xffff) + (sum >> 16 & 0xffff) + (sum >> 32);
  sum = (sum & 0xffff) + (sum >> 16);
  sum = (sum & 0xffff) + (sum >> 16);
  return static_cast<std::uint16_t>(sum);
}

// Whether a sum over data with its checksum in it is 0xffff folded: a multiple of 65535, which divides 2^64 - 1 and so
// is not touched by the carries that went round. Nothing of which sums are made is all zero. The product with the
// inverse of an odd number tells its multiples: they alone come out small (Warren, Hacker's Delight, 10-17).
constexpr bool is_all_ones(std::uint64_t sum) noexcept {
  constexpr std::uint64_t inverse = 0xfffefffefffeffff;
  static_assert(inverse * 0xffff == 1);
  return sum != 0 && sum * inverse <= ~std::uint64_t{0} / 0xffff;
}

// 0 and 0xffff are the same number in one's complement.
constexpr bool same(std::uint16_t a, std::uint16_t b) noexcept {
  return a == b || ((a == 0 || a == 0xffff) && (b == 0 || b == 0xffff));
}

// 64 bytes, the carries of one word going into the next: a chain that compilers do not make of its source.
inline std::uint64_t add_block(std::uint64_t sum, const std::uint8_t* at) noexcept {
#if defined(__x86_64__)
  struct Block {
    std::uint8_t bytes[64];
  };
  asm("addq 0(%[at]), %[sum]\n\tadcq 8(%[at]), %[sum]\n\tadcq 16(%[at]), %[sum]\n\tadcq 24(%[at]), %[sum]\n\t"
      "adcq 32(%[at]), %[sum]\n\tadcq 40(%[at]), %[sum]\n\tadcq 48(%[at]), %[sum]\n\tadcq 56(%[at]), %[sum]\n\t"
      "adcq $0, %[sum]"
      : [sum] "+r"(sum)
      : [at] "r"(at), "m"(*reinterpret_cast<const Block*>(at))
      : "cc");
  return sum;
#else
  for (unsigned i = 0; i < 64; i += 8) sum = add(sum, load_le64(at + i));
  return sum;
#endif
}

std::uint64_t sum_bytes(const std::uint8_t* at, std::size_t length, std::uint64_t sum) noexcept {
  std::size_t left = length;
  for (; left >= 64; at += 64, left -= 64) sum = add_block(sum, at);
  // Whole words, then the rest as the upper end of the word that ends with it: what that word shares with the one
  // before is shifted out, and no branch asks how many bytes are left.
  std::uint64_t low = 0, high = 0;  // Fewer than nine words: their halves do not carry.
  for (; left > 8; at += 8, left -= 8) {
    const std::uint64_t word = load_le64(at);
    low += word & 0xffffffff;
    high += word >> 32;
  }
  if (left == 0) return sum;
  std::uint64_t last;
  if (length >= 8) {
    last = load_le64(at + left - 8) >> (8 * (8 - left));
  } else {  // Padded with zero bytes behind it.
    last = 0;
    for (std::size_t i = 0; i < left; ++i) last |= std::uint64_t{at[i]} << (8 * i);
  }
  return add(add(sum, low + (last & 0xffffffff)), high + (last >> 32));
}

ChecksumState ipv4_header_state(const DecodedPacket& packet) noexcept {
  const std::uint8_t* header = packet.network;
  std::uint64_t sum = add(add(load_le64(header), load_le64(header + 8)), load_le32(header + 16));
  const std::size_t length = (header[0] & 15) * 4u;
  if (length != 20) sum = sum_bytes(header + 20, length - 20, sum);
  if (is_all_ones(sum)) return ChecksumState::good;
  // The card that is still to fill in the length fills in this as well.
  return load_le16(header + 10) == 0 || packet.length_from_frame ? ChecksumState::unfilled : ChecksumState::bad;
}

ChecksumState transport_state(const DecodedPacket& packet) noexcept {
  if (!packet.plain && (packet.is_fragment || packet.transport == nullptr || packet.malformed || packet.source_routed ||
                        packet.payload_length != packet.payload_length_wire)) {
    return ChecksumState::unchecked;
  }
  const bool version6 = packet.ip_version == 6;
  std::uint32_t offset = 2;  // Of the checksum, in ICMP and IGMP.
  bool pseudo_header = true;
  switch (static_cast<IpProtocol>(packet.protocol)) {
    case IpProtocol::udp:
      offset = 6;
      break;
    case IpProtocol::tcp:
      offset = 16;
      break;
    case IpProtocol::icmp:
    case IpProtocol::igmp:
      pseudo_header = false;
      break;
    case IpProtocol::icmpv6:
      break;
    default:
      return ChecksumState::unchecked;
  }
  const std::uint8_t* begin = packet.transport;
  const auto length = static_cast<std::uint32_t>(packet.payload - begin) + packet.payload_length;
  const std::uint16_t field = load_le16(begin + offset);
  if (field == 0 && offset == 6) return version6 ? ChecksumState::bad : ChecksumState::unchecked;

  // RFC 793, 3.1 and RFC 8200, 8.1.
  std::uint64_t pseudo = 0;
  if (pseudo_header) {
    if (version6) {
      pseudo = add(add(__builtin_bswap64(packet.source.high), __builtin_bswap64(packet.source.low)),
                   add(__builtin_bswap64(packet.destination.high), __builtin_bswap64(packet.destination.low)));
    } else {
      pseudo = std::uint64_t{__builtin_bswap32(packet.source.as_v4())} + __builtin_bswap32(packet.destination.as_v4());
    }
    pseudo = add(pseudo, std::uint64_t{packet.protocol} << 8);
  }
  const std::uint64_t with_length = pseudo_header ? add(pseudo, __builtin_bswap32(length)) : 0;
  if (is_all_ones(sum_bytes(begin, length, with_length))) return ChecksumState::good;
  if (!pseudo_header) return ChecksumState::bad;
  if (field == 0 && offset == 16) return ChecksumState::unfilled;
  // What a host leaves for its card: the sum of the pseudo-header (Linux's CHECKSUM_PARTIAL), without the length where
  // the card also cuts the segment.
  return same(field, fold(with_length)) || same(field, fold(pseudo)) ? ChecksumState::unfilled : ChecksumState::bad;
}

// What nearly all packets are: plain over IPv4, both checksums there and right.
bool plain_and_good(const DecodedPacket& packet) noexcept {
  if (!packet.plain || packet.ip_version != 4 || packet.ip_header_length != 20) return false;
  const std::uint8_t* const transport = packet.transport;
  const bool tcp = packet.protocol == static_cast<std::uint8_t>(IpProtocol::tcp);
  if (load_le16(transport + (tcp ? 16 : 6)) == 0) return false;
  const auto length = static_cast<std::uint32_t>(packet.payload - transport) + packet.payload_length;
  const std::uint64_t addresses = load_le64(packet.network + 12);
  const std::uint64_t pseudo = add(addresses, __builtin_bswap32(length) + (std::uint64_t{packet.protocol} << 8));
  // The addresses of the header are those of the pseudo-header.
  const std::uint64_t header = add(add(load_le64(packet.network), load_le32(packet.network + 8)), addresses);
  return is_all_ones(header) && is_all_ones(sum_bytes(transport, length, pseudo));
}

}  // namespace

void verify_checksum(DecodedPacket& packet) noexcept {
  if (plain_and_good(packet)) [[likely]] {
    packet.checksum = ChecksumState::good;
    return;
  }
  packet.checksum = ChecksumState::unchecked;
  if (packet.ip_version == 0) return;
  const ChecksumState transport = transport_state(packet);
  packet.checksum = transport;
  // A reassembled datagram has no header length: its header belongs to a fragment, which was verified when it came.
  if (packet.ip_version != 4 || packet.ip_header_length == 0) return;
  const ChecksumState header = ipv4_header_state(packet);
  if (header != ChecksumState::good) packet.checksum = std::max(header, transport);
}

std::uint16_t ones_sum(Bytes bytes, std::uint64_t start) noexcept {
  return fold(sum_bytes(bytes.data(), bytes.size(), start));
}

}  // namespace tsujiban::decode
