#include "output/community_id.h"

#include <utility>

#include "base/bytes.h"
#include "model/packet.h"
#include "output/digest.h"

namespace tsujiban::output {
namespace {

// The type that answers `type`, so that a question and its answer share an ID; -1: one-way, the code stands in its
// place.
int counterpart(IpProtocol protocol, std::uint16_t type) noexcept {
  if (protocol == IpProtocol::icmp) {
    switch (type) {
      case 8:
        return 0;  // Echo.
      case 0:
        return 8;
      case 13:
        return 14;  // Timestamp.
      case 14:
        return 13;
      case 15:
        return 16;  // Information.
      case 16:
        return 15;
      case 10:
        return 9;  // Router solicitation and advertisement.
      case 9:
        return 10;
      case 17:
        return 18;  // Address mask.
      case 18:
        return 17;
      default:
        return -1;
    }
  }
  switch (type) {
    case 128:
      return 129;  // Echo.
    case 129:
      return 128;
    case 133:
      return 134;  // Router solicitation and advertisement.
    case 134:
      return 133;
    case 135:
      return 136;  // Neighbour solicitation and advertisement.
    case 136:
      return 135;
    case 130:
      return 131;  // Multicast listener query and report.
    case 131:
      return 130;
    case 139:
      return 140;  // Node information.
    case 140:
      return 139;
    case 144:
      return 145;  // Home agent address discovery.
    case 145:
      return 144;
    default:
      return -1;
  }
}

std::size_t put_address(const IpAddress& address, std::uint8_t* to) noexcept {
  if (address.is_v4()) {
    store_be32(to, address.as_v4());
    return 4;
  }
  for (std::size_t i = 0; i < 2; ++i) {
    const std::uint64_t half = i == 0 ? address.high : address.low;
    store_be32(to + 8 * i, static_cast<std::uint32_t>(half >> 32));
    store_be32(to + 8 * i + 4, static_cast<std::uint32_t>(half));
  }
  return 16;
}

void write_base64(const std::uint8_t (&bytes)[sha1_size], char* to) noexcept {
  static constexpr char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  for (std::size_t i = 0; i < sha1_size; i += 3) {
    const bool last = i + 3 > sha1_size;  // 20 is 6 x 3 + 2.
    const std::uint32_t group =
        std::uint32_t{bytes[i]} << 16 | std::uint32_t{bytes[i + 1]} << 8 | (last ? 0u : bytes[i + 2]);
    *to++ = alphabet[group >> 18];
    *to++ = alphabet[group >> 12 & 63];
    *to++ = alphabet[group >> 6 & 63];
    *to++ = last ? '=' : alphabet[group & 63];
  }
}

}  // namespace

std::string_view write_community_id(const IpAddress& source, const IpAddress& destination, std::uint16_t source_port,
                                    std::uint16_t destination_port, std::uint8_t protocol, bool has_ports,
                                    char* to) noexcept {
  const auto ip = static_cast<IpProtocol>(protocol);
  const bool icmp = ip == IpProtocol::icmp || ip == IpProtocol::icmpv6;
  has_ports = has_ports && (icmp || ip == IpProtocol::tcp || ip == IpProtocol::udp || ip == IpProtocol::sctp);
  bool one_way = false;
  if (has_ports && icmp) {
    const int answer = counterpart(ip, source_port);
    one_way = answer < 0;
    if (!one_way) destination_port = static_cast<std::uint16_t>(answer);
  }
  const IpAddress* from = &source;
  const IpAddress* to_address = &destination;
  // The numbers compare as their octets do, and IPv4 is never mixed with IPv6 in one packet.
  if (!one_way && (destination < source || (has_ports && destination == source && destination_port < source_port))) {
    std::swap(from, to_address);
    std::swap(source_port, destination_port);
  }
  // 0: seed (2), addresses (8 or 32), protocol, padding 0, ports (4).
  std::uint8_t input[2 + 32 + 2 + 4] = {};
  std::size_t size = 2;
  size += put_address(*from, input + size);
  size += put_address(*to_address, input + size);
  input[size] = protocol;
  size += 2;
  if (has_ports) {
    store_be16(input + size, source_port);
    store_be16(input + size + 2, destination_port);
    size += 4;
  }
  std::uint8_t digest[sha1_size];
  sha1({input, size}, digest);
  to[0] = '1';
  to[1] = ':';
  write_base64(digest, to + 2);
  return {to, community_id_text_size};
}

}  // namespace tsujiban::output
