#include <cstdint>

#include "base/check.h"
#include "decode/checksum.h"
#include "decode/decoder.h"
#include "decode/duplicate_filter.h"
#include "decode/same_reading.h"

using namespace tsujiban;

namespace {

constexpr LinkType links[] = {LinkType::ethernet, LinkType::null_loopback,   LinkType::loop,
                              LinkType::raw_ip,   LinkType::raw_ip_bsd,      LinkType::raw_ipv4,
                              LinkType::raw_ipv6, LinkType::linux_cooked,    LinkType::linux_cooked2,
                              LinkType::ppp,      LinkType::ieee802154_nofcs};

void check_views(const DecodedPacket& packet, const std::uint8_t* begin, std::size_t size) {
  const auto inside = [&](const std::uint8_t* at, std::size_t length) {
    return at == nullptr ? length == 0 : at >= begin && length <= size && at + length <= begin + size;
  };
  TSUJIBAN_CHECK(packet.ethernet == nullptr || inside(packet.ethernet, 14));
  TSUJIBAN_CHECK(packet.network == nullptr || inside(packet.network, packet.ip_header_length));
  TSUJIBAN_CHECK(packet.transport == nullptr || inside(packet.transport, packet.tcp_header_length));
  TSUJIBAN_CHECK(inside(packet.payload, packet.payload_length));
  TSUJIBAN_CHECK(packet.payload_length <= packet.payload_length_wire);
  TSUJIBAN_CHECK(packet.ip_version == 0 || packet.ip_version == 4 || packet.ip_version == 6);
  TSUJIBAN_CHECK(packet.ip_version == 0 || packet.network != nullptr);
  TSUJIBAN_CHECK(packet.ip_header_length == 0 ||
                 inside(packet.network, packet.ip_header_length + packet.ip_payload_length));
  TSUJIBAN_CHECK(packet.tunnel_depth <= decode::nesting_max);
  TSUJIBAN_CHECK(!packet.malformed || !packet.anomalies.empty());
  TSUJIBAN_CHECK(!packet.is_arp || packet.ip_version == 0);
}

}  // namespace

// The first byte picks the link type, the second says how many bytes the snap length cut; the rest is the packet.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  static decode::DuplicateFilter filter(HashSeed{});
  static std::int64_t now = 0;
  now += 1'000'000;
  const auto length = static_cast<std::uint32_t>(size - 2);
  const std::uint8_t* begin = data + 2;
  const RawPacket raw{begin, length, length + data[1], {now}, 1, links[data[0] % std::size(links)], 0};
  const decode::Decoder decoder{HashSeed{}};
  DecodedPacket packet, again;
  decoder.decode(raw, {now}, packet);
  decoder.decode_layers(raw, {now}, again);
  TSUJIBAN_CHECK(decode::same_reading(packet, again));
  std::uint64_t pair_hash = 0;
  TSUJIBAN_CHECK(!decoder.glance(raw, 0, pair_hash) || pair_hash == packet.pair_hash);
  check_views(packet, begin, length);
  decode::verify_checksum(packet);
  filter.is_duplicate(packet);
  TSUJIBAN_CHECK(packet.ip_header_length == 0 || filter.is_duplicate(packet) || packet.ip_version == 0);

  // Nothing of the packet before stays behind.
  decoder.decode(raw, {now}, again);
  TSUJIBAN_CHECK(again.flow_hash == packet.flow_hash && again.pair_hash == packet.pair_hash);

  // What is a fragment is taken for a whole datagram, as reassembly would hand it back; again as long as it is one
  // inside.
  for (unsigned i = 0; packet.is_fragment && i <= decode::nesting_max; ++i) {
    TSUJIBAN_CHECK(i < decode::nesting_max + 1);
    DecodedPacket whole;
    decoder.decode_reassembled(packet, packet.protocol, packet.payload_bytes(), whole);
    decode::verify_checksum(whole);
    packet = whole;
  }
  return 0;
}
