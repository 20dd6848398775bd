#include "decode/decoder.h"

#include <gtest/gtest.h>

#include "decode/test_packets.h"
#include "model/flow_key.h"

namespace tsujiban::decode {
namespace {

using namespace test;

const Packet echonet = fill(14);
const Packet datagram = udp(3610, 3611, echonet);

Packet in_ipv4(std::uint8_t protocol, const Packet& inner, const Ipv4Options& o = {}) {
  return ethernet(0x0800, ipv4(protocol, inner, o));
}
Packet in_ipv6(std::uint8_t next, const Packet& inner, std::uint8_t hop_limit = 64) {
  return ethernet(0x86dd, ipv6(next, inner, hop_limit));
}

TEST(UdpDecode, fields_of_a_plain_datagram) {
  const Decoded d(in_ipv4(17, datagram));
  EXPECT_EQ(d->source, IpAddress::v4(0xc0a80114));
  EXPECT_EQ(d->destination, IpAddress::v4(0xc0a80115));
  EXPECT_EQ(d->source_port, 3610);
  EXPECT_EQ(d->destination_port, 3611);
  EXPECT_EQ(d->payload_length, 14u);
  EXPECT_EQ(d->payload_length_wire, 14u);
  EXPECT_EQ(d->ip_payload_length, 22u);
  EXPECT_EQ(d->ip_header_length, 20u);
  EXPECT_EQ(d->payload, d.data.data() + 42);
  EXPECT_EQ(d->ethernet, d.data.data());
  EXPECT_EQ(d->time.ns, 1'000'000'000);
  EXPECT_EQ(d->ttl, 64);
  EXPECT_TRUE(d->anomalies.empty());
}

TEST(UdpDecode, ethernet_padding_is_cut) {
  const Decoded d(in_ipv4(17, udp(1, 2, fill(2))) + Packet(16, 0xaa));
  EXPECT_EQ(d->payload_length, 2u);
  EXPECT_EQ(d->ip_payload_length, 10u);
  EXPECT_FALSE(d->malformed);
}

TEST(UdpDecode, length_below_eight_is_malformed) {
  for (const int length : {0, 7}) {
    const Decoded d(in_ipv4(17, be16(1) + be16(2) + be16(static_cast<std::size_t>(length)) + be16(0) + fill(4)));
    EXPECT_TRUE(d.has(Layer::udp, ParseError::udp_bad_length)) << length;
    EXPECT_TRUE(d->malformed);
    EXPECT_EQ(d->transport, nullptr);
  }
}

TEST(UdpDecode, length_beyond_the_datagram_is_malformed_and_below_it_cuts) {
  Packet p = in_ipv4(17, datagram);
  p[14 + 20 + 5] = 23;
  EXPECT_TRUE(Decoded(p).has(ParseError::udp_bad_length));
  p[14 + 20 + 5] = 21;
  const Decoded d(p);
  EXPECT_FALSE(d->malformed);
  EXPECT_EQ(d->payload_length, 13u);
}

TEST(UdpDecode, zero_checksum_is_told_in_ipv6_only) {
  EXPECT_TRUE(Decoded(in_ipv6(17, udp(1, 2, echonet, 0))).has(ParseError::udp_zero_checksum_ipv6));
  EXPECT_TRUE(Decoded(in_ipv4(17, udp(1, 2, echonet, 0)))->anomalies.empty());
  // RFC 6935 allows it for tunnels.
  const Packet inner = ethernet(0x0800, ipv4(17, datagram));
  EXPECT_TRUE(Decoded(in_ipv6(17, udp(1, 4789, vxlan(1, inner), 0)))->anomalies.empty());
}

TEST(TcpDecode, fields_of_a_segment) {
  const Decoded d(in_ipv4(6, tcp(40000, 443, 0x18, fill(20))));
  EXPECT_EQ(d->tcp_sequence, 0x01020304u);
  EXPECT_EQ(d->tcp_acknowledgment, 0x05060708u);
  EXPECT_EQ(d->tcp_flags, 0x18);
  EXPECT_EQ(d->tcp_window, 0x2000);
  EXPECT_EQ(d->tcp_header_length, 20);
  EXPECT_EQ(d->payload_length, 20u);
}

TEST(TcpDecode, header_length_below_20_or_beyond_the_segment_is_malformed) {
  Packet p = in_ipv4(6, tcp(1, 2, 0x10, {}));
  p[14 + 20 + 12] = 0x40;
  EXPECT_TRUE(Decoded(p).has(Layer::tcp, ParseError::tcp_bad_header_length));
  p[14 + 20 + 12] = 0x60;
  const Decoded d(p);
  EXPECT_TRUE(d.has(Layer::tcp, ParseError::tcp_bad_header_length));
  EXPECT_TRUE(d->malformed);
}

TEST(TcpDecode, flags_that_cannot_occur_together_are_told) {
  for (const int flags : {0, 0x03, 0x06, 0x07, 0x01, 0x29, 0xc0}) {
    EXPECT_TRUE(Decoded(in_ipv4(6, tcp(1, 2, static_cast<std::uint8_t>(flags), {}))).has(ParseError::tcp_bad_flags))
        << flags;
  }
  for (const int flags : {0x02, 0x12, 0x10, 0x18, 0x11, 0x04, 0x14, 0xc2, 0x30}) {
    EXPECT_TRUE(Decoded(in_ipv4(6, tcp(1, 2, static_cast<std::uint8_t>(flags), {})))->anomalies.empty()) << flags;
  }
}

TEST(TcpDecode, options_that_cannot_be_are_told_and_the_payload_is_read_all_the_same) {
  for (const Packet& options :
       {bytes({2, 3, 0, 0}), bytes({8, 10, 0, 0}), bytes({5, 0, 0, 0}), bytes({1, 1, 1, 3}), bytes({9, 1, 0, 0})}) {
    const Decoded d(in_ipv4(6, tcp(1, 2, 0x10, fill(5), options)));
    EXPECT_TRUE(d.has(ParseError::tcp_bad_option));
    EXPECT_EQ(d->payload_length, 5u);
    EXPECT_FALSE(d->malformed);
  }
  EXPECT_TRUE(
      Decoded(in_ipv4(6, tcp(1, 2, 0x10, {}, bytes({1, 1, 8, 10, 0, 0, 0, 0, 0, 0, 0, 0}))))->anomalies.empty());
  EXPECT_TRUE(Decoded(in_ipv4(6, tcp(1, 2, 0x10, {}, bytes({0, 2, 0, 0}))))->anomalies.empty());
}

TEST(Ipv4Decode, lengths_that_cannot_be_are_malformed) {
  Packet p = in_ipv4(17, datagram);
  p[14] = 0x44;
  EXPECT_TRUE(Decoded(p).has(Layer::ipv4, ParseError::ip_bad_header_length));
  p[14] = 0x65;
  EXPECT_TRUE(Decoded(p).has(Layer::ipv4, ParseError::bad_version));
  p[14] = 0x45;
  p[17] = 19;
  EXPECT_TRUE(Decoded(p).has(Layer::ipv4, ParseError::ip_bad_total_length));
  p[17] = 43;
  const Decoded d(p);
  EXPECT_TRUE(d.has(Layer::ipv4, ParseError::ip_bad_total_length));
  EXPECT_EQ(d->ip_version, 4);
  EXPECT_EQ(d->transport, nullptr);
  Packet s = ethernet(0x0800, bytes({0x4f, 0, 0, 60}) + fill(16));
  EXPECT_TRUE(Decoded(s).has(Layer::ipv4, ParseError::ip_bad_header_length));
}

TEST(Ipv4Decode, total_length_zero_of_a_tcp_segment_takes_the_frame) {
  Packet p = in_ipv4(6, tcp(1, 2, 0x10, fill(3000)));
  p[16] = p[17] = 0;
  const Decoded d(p);
  EXPECT_FALSE(d->malformed);
  EXPECT_TRUE(d->length_from_frame);
  EXPECT_EQ(d->payload_length, 3000u);
  Packet u = in_ipv4(17, datagram);
  u[16] = u[17] = 0;
  EXPECT_TRUE(Decoded(u).has(ParseError::ip_bad_total_length));
}

TEST(Ipv4Decode, options_are_walked) {
  EXPECT_TRUE(
      Decoded(in_ipv4(17, datagram, {.options = bytes({7, 0, 0, 0})})).has(Layer::ipv4, ParseError::ip_bad_option));
  EXPECT_TRUE(
      Decoded(in_ipv4(17, datagram, {.options = bytes({1, 1, 7, 9})})).has(Layer::ipv4, ParseError::ip_bad_option));
  const Decoded routed(in_ipv4(17, datagram, {.options = bytes({131, 7, 4, 10, 0, 0, 1, 0})}));
  EXPECT_TRUE(routed.has(ParseError::ip_source_route));
  EXPECT_TRUE(routed->source_routed);
  EXPECT_EQ(routed->payload_length, 14u);
  const Decoded walked(in_ipv4(17, datagram, {.options = bytes({137, 7, 8, 10, 0, 0, 1, 0})}));
  EXPECT_TRUE(walked.has(ParseError::ip_source_route));
  EXPECT_FALSE(walked->source_routed);
  EXPECT_TRUE(Decoded(in_ipv4(17, datagram, {.options = bytes({148, 4, 0, 0})}))->anomalies.empty());
}

TEST(Ipv4Decode, addresses_and_time_to_live_that_cannot_be_are_told) {
  EXPECT_TRUE(Decoded(in_ipv4(17, datagram, {.ttl = 0})).has(Layer::ipv4, ParseError::ip_ttl_zero));
  EXPECT_TRUE(
      Decoded(in_ipv4(17, datagram, {.source = 0x0a000001, .destination = 0x0a000001})).has(ParseError::ip_land));
  EXPECT_TRUE(Decoded(in_ipv4(17, datagram, {.source = 0x7f000001, .destination = 0x7f000001}))->anomalies.empty());
  EXPECT_TRUE(Decoded(in_ipv4(17, datagram, {.source = 0xe0000017})).has(ParseError::ip_bad_source));
  EXPECT_TRUE(Decoded(in_ipv4(17, datagram, {.source = 0xffffffff})).has(ParseError::ip_bad_source));
  const Decoded loopback(bytes({2, 0, 0, 0}) + ipv4(17, datagram, {.source = 0x0a000001, .destination = 0x0a000001}),
                         LinkType::null_loopback);
  EXPECT_TRUE(loopback->anomalies.empty());
}

TEST(Ipv4Decode, a_fragment_has_no_ports_and_hashes_like_its_kin) {
  const Decoded first(in_ipv4(17, datagram + fill(2), {.fragment = 0x2000}));
  const Decoded last(in_ipv4(17, fill(9), {.fragment = 0x0003}));
  EXPECT_TRUE(first->is_fragment);
  EXPECT_TRUE(first->fragment_more);
  EXPECT_EQ(first->source_port, 0);
  EXPECT_EQ(first->transport, nullptr);
  EXPECT_EQ(first->payload_length, 24u);
  EXPECT_EQ(first->fragment_id, 0x1234u);
  EXPECT_EQ(last->fragment_offset, 24);
  EXPECT_FALSE(last->fragment_more);
  EXPECT_EQ(first->flow_hash, last->flow_hash);
  EXPECT_EQ(first->pair_hash, Decoded(in_ipv4(17, datagram))->pair_hash);
}

TEST(Ipv6Decode, extension_headers_lead_to_the_transport) {
  for (const Sample& sample : all_samples()) {
    if (std::string_view(sample.name) != "ipv6 extensions") continue;
    const Decoded d(sample.packet);
    EXPECT_EQ(d->protocol, 17);
    EXPECT_EQ(d->source_port, 3610);
    EXPECT_EQ(d->ip_header_length, 40 + 8 + 8 + 24 + 12 + 8);
    EXPECT_EQ(d->network + d->ip_header_length, d->transport);
  }
}

TEST(Ipv6Decode, an_atomic_fragment_is_a_whole_datagram_and_others_are_not) {
  const Decoded atomic(in_ipv6(44, bytes({17, 0, 0, 0, 0, 0, 0, 9}) + datagram));
  EXPECT_FALSE(atomic->is_fragment);
  EXPECT_EQ(atomic->source_port, 3610);
  const Decoded part(in_ipv6(44, bytes({17, 0, 0, 9, 0, 0, 0, 9}) + fill(24)));
  EXPECT_TRUE(part->is_fragment);
  EXPECT_TRUE(part->fragment_more);
  EXPECT_EQ(part->fragment_offset, 8);
  EXPECT_EQ(part->fragment_id, 9u);
  EXPECT_EQ(part->protocol, 17);
  EXPECT_EQ(part->payload_length, 24u);
  EXPECT_EQ(part->ip_header_length, 48);
}

TEST(Ipv6Decode, extension_order_count_and_options_are_judged) {
  const auto ext = [](int next) { return bytes({next, 0, 1, 4, 0, 0, 0, 0}); };
  EXPECT_TRUE(Decoded(in_ipv6(60, ext(0) + ext(17) + datagram)).has(Layer::ipv6, ParseError::ipv6_extension_order));
  EXPECT_TRUE(Decoded(in_ipv6(60, ext(60) + ext(60) + ext(17) + datagram)).has(ParseError::ipv6_extension_order));
  EXPECT_TRUE(Decoded(in_ipv6(60, ext(60) + ext(17) + datagram))->anomalies.empty());
  Packet many;
  for (unsigned i = 0; i < ipv6_extensions_max; ++i) many = many + ext(60);
  EXPECT_FALSE(Decoded(in_ipv6(60, Packet(many.begin() + 8, many.end()) + ext(17) + datagram))
                   .has(ParseError::ipv6_extension_too_many));
  const Decoded deep(in_ipv6(60, many + ext(17) + datagram));
  EXPECT_TRUE(deep.has(ParseError::ipv6_extension_too_many));
  EXPECT_TRUE(deep->malformed);
  EXPECT_TRUE(Decoded(in_ipv6(60, bytes({17, 0, 5, 9, 0, 0, 0, 0}) + datagram)).has(ParseError::ipv6_bad_option));
  EXPECT_TRUE(
      Decoded(in_ipv6(43, bytes({17, 0, 0, 1, 0, 0, 0, 0}) + datagram)).has(Layer::ipv6, ParseError::ip_source_route));
  EXPECT_TRUE(Decoded(in_ipv6(0, bytes({17, 0, 0xc2, 4, 0, 1, 0, 0}) + datagram)).has(ParseError::ipv6_jumbogram));
}

// Found by fuzzing: the payload's length was that before the second Fragment header, and reached beyond the packet.
TEST(Ipv6Decode, a_second_fragment_header_keeps_the_lengths_within_the_packet) {
  const Decoded d(in_ipv6(44, bytes({44, 0, 0, 0, 0, 0, 0, 1}) + bytes({17, 0, 0, 9, 0, 0, 0, 1}) + fill(8)));
  EXPECT_TRUE(d->malformed);
  EXPECT_TRUE(d.has(ParseError::ipv6_extension_order));
  EXPECT_EQ(d->network + d->ip_header_length + d->ip_payload_length, d.data.data() + d.data.size());
}

TEST(Ipv6Decode, jumbograms_and_lengths_beyond_the_frame_are_told) {
  Packet p = in_ipv6(0, bytes({17, 0, 0xc2, 4, 0, 1, 0, 0}) + datagram);
  p[18] = p[19] = 0;
  EXPECT_TRUE(Decoded(p).has(Layer::ipv6, ParseError::ipv6_jumbogram));
  Packet q = in_ipv6(17, datagram);
  q[19] = 23;
  EXPECT_TRUE(Decoded(q).has(Layer::ipv6, ParseError::ip_bad_total_length));
  EXPECT_TRUE(Decoded(q)->malformed);
  Packet v = in_ipv6(17, datagram);
  v[14] = 0x45;
  EXPECT_TRUE(Decoded(v).has(Layer::ipv6, ParseError::bad_version));
}

TEST(Ipv6Decode, an_ipv4_mapped_source_is_not_taken_for_the_ipv4_host) {
  Packet p = in_ipv6(17, datagram);
  const Packet mapped = bytes({0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 192, 168, 1, 20});
  std::copy(mapped.begin(), mapped.end(), p.begin() + 14 + 8);
  const Decoded d(p);
  EXPECT_TRUE(d.has(Layer::ipv6, ParseError::ipv6_mapped_address));
  EXPECT_TRUE(d->malformed);
}

TEST(Ipv6Decode, hop_limit_zero_land_and_multicast_source_are_told) {
  EXPECT_TRUE(Decoded(in_ipv6(17, datagram, 0)).has(Layer::ipv6, ParseError::ip_ttl_zero));
  Packet p = in_ipv6(17, datagram);
  p[14 + 39] = 1;
  EXPECT_TRUE(Decoded(p).has(ParseError::ip_land));
  p[14 + 8] = 0xff;
  EXPECT_TRUE(Decoded(p).has(ParseError::ip_bad_source));
}

TEST(ArpDecode, addresses_and_formats) {
  const Packet arp =
      bytes({0, 1, 8, 0, 6, 4, 0, 1, 2, 0, 0, 0, 0, 0x0a, 192, 168, 1, 20, 0, 0, 0, 0, 0, 0, 192, 168, 1, 21});
  const Decoded d(ethernet(0x0806, arp));
  EXPECT_TRUE(d->is_arp);
  EXPECT_EQ(d->ip_version, 0);
  EXPECT_EQ(d->source, IpAddress::v4(0xc0a80114));
  EXPECT_EQ(d->destination, IpAddress::v4(0xc0a80115));
  EXPECT_EQ(d->network, d.data.data() + 14);
  EXPECT_EQ(d->pair_hash, Decoded(in_ipv4(17, datagram))->pair_hash);
  for (const int at : {4, 5, 7}) {
    Packet bad = arp;
    bad[static_cast<std::size_t>(at)] = 0;
    const Decoded b(ethernet(0x0806, bad));
    EXPECT_TRUE(b.has(Layer::arp, ParseError::arp_bad_format)) << at;
    EXPECT_FALSE(b->is_arp);
  }
  const Decoded reverse(ethernet(0x8035, arp));
  EXPECT_FALSE(reverse->is_arp);
  EXPECT_EQ(reverse->ethertype, 0x8035);
  EXPECT_TRUE(reverse->anomalies.empty());
}

TEST(IcmpDecode, type_and_code_stand_for_ports_but_are_not_in_the_flow_hash) {
  const Decoded request(in_ipv4(1, bytes({8, 0, 0, 0, 0, 1, 0, 1})));
  const Decoded other(in_ipv4(1, bytes({13, 0, 0, 0}) + fill(16)));
  EXPECT_EQ(request->source_port, 8);
  EXPECT_EQ(other->source_port, 13);
  EXPECT_EQ(request->flow_hash, other->flow_hash);
}

TEST(IcmpDecode, messages_shorter_than_their_type_needs_are_malformed) {
  EXPECT_TRUE(Decoded(in_ipv4(1, bytes({8, 0, 0, 0, 0, 1, 0}))).has(Layer::icmp, ParseError::icmp_bad_length));
  EXPECT_TRUE(Decoded(in_ipv4(1, bytes({3, 0, 0, 0}) + fill(23))).has(Layer::icmp, ParseError::icmp_bad_length));
  EXPECT_TRUE(Decoded(in_ipv4(1, bytes({13, 0, 0, 0}) + fill(15))).has(Layer::icmp, ParseError::icmp_bad_length));
  EXPECT_TRUE(
      Decoded(in_ipv4(1, bytes({9, 0, 0, 0, 2, 2, 0, 0}) + fill(15))).has(Layer::icmp, ParseError::icmp_bad_length));
  EXPECT_TRUE(Decoded(in_ipv6(58, bytes({1, 0, 0, 0}) + fill(43))).has(Layer::icmp, ParseError::icmp_bad_length));
  EXPECT_TRUE(
      Decoded(in_ipv6(58, bytes({134, 0, 0, 0}) + fill(11), 255)).has(Layer::icmp, ParseError::icmp_bad_length));
  EXPECT_TRUE(Decoded(in_ipv4(1, bytes({3, 0}))).has(Layer::icmp, ParseError::truncated));
}

TEST(IcmpDecode, neighbour_discovery_options_and_hop_limit) {
  const Packet solicitation = bytes({135, 0, 0, 0, 0, 0, 0, 0}) + fill(16);
  EXPECT_TRUE(Decoded(in_ipv6(58, solicitation + bytes({1, 1, 2, 0, 0, 0, 0, 1}), 255))->anomalies.empty());
  EXPECT_TRUE(Decoded(in_ipv6(58, solicitation, 64)).has(Layer::icmp, ParseError::ndp_bad_hop_limit));
  EXPECT_TRUE(
      Decoded(in_ipv6(58, solicitation + bytes({1, 0, 0, 0, 0, 0, 0, 0}), 255)).has(ParseError::ndp_bad_option));
  EXPECT_TRUE(
      Decoded(in_ipv6(58, solicitation + bytes({1, 2, 0, 0, 0, 0, 0, 0}), 255)).has(ParseError::ndp_bad_option));
  EXPECT_TRUE(Decoded(in_ipv6(58, solicitation + bytes({1}), 255)).has(ParseError::ndp_bad_option));
}

TEST(IgmpDecode, lengths_of_each_version) {
  EXPECT_TRUE(Decoded(in_ipv4(2, bytes({0x16, 0, 0, 0, 224, 0, 23, 0})))->anomalies.empty());
  EXPECT_TRUE(Decoded(in_ipv4(2, bytes({0x11, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0})))->anomalies.empty());
  EXPECT_TRUE(Decoded(in_ipv4(2, bytes({0x16, 0, 0, 0, 224, 0, 23}))).has(Layer::igmp, ParseError::igmp_bad_length));
  EXPECT_TRUE(
      Decoded(in_ipv4(2, bytes({0x11, 0, 0, 0, 0, 0, 0, 0, 0, 0}))).has(Layer::igmp, ParseError::igmp_bad_length));
  EXPECT_TRUE(Decoded(in_ipv4(2, bytes({0x11, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1})))
                  .has(Layer::igmp, ParseError::igmp_bad_length));
  EXPECT_TRUE(Decoded(in_ipv4(2, bytes({0x22, 0, 0, 0, 0, 0, 0, 2, 4, 0, 0, 0, 224, 0, 23, 0})))
                  .has(ParseError::igmp_bad_length));
  EXPECT_TRUE(Decoded(in_ipv6(58, bytes({143, 0, 0, 0, 0, 0, 0, 1}) + fill(4), 1))
                  .has(Layer::igmp, ParseError::igmp_bad_length));
  EXPECT_TRUE(Decoded(in_ipv6(58, bytes({130, 0, 0, 0}) + fill(22), 1)).has(Layer::igmp, ParseError::igmp_bad_length));
}

TEST(EthernetDecode, unknown_types_and_llc_are_no_anomaly) {
  const Decoded lldp(ethernet(0x88cc, fill(40)));
  EXPECT_EQ(lldp->ethertype, 0x88cc);
  EXPECT_TRUE(lldp->anomalies.empty());
  EXPECT_FALSE(lldp->malformed);
  EXPECT_NE(lldp->pair_hash, 0u);
  const Decoded spanning_tree(ethernet(38, bytes({0x42, 0x42, 3}) + fill(35) + Packet(8, 0)));
  EXPECT_EQ(spanning_tree->ethertype, 4);
  EXPECT_EQ(spanning_tree->payload_length, 38u);
  EXPECT_TRUE(spanning_tree->anomalies.empty());
  EXPECT_TRUE(Decoded(ethernet(0x8863, fill(40)))->anomalies.empty());
}

TEST(EthernetDecode, vlan_tags_make_the_segment) {
  const Packet v4 = ipv4(17, datagram);
  const Decoded two(ethernet(0x88a8, vlan(30, 0x8100, vlan(112, 0x0800, v4))));
  EXPECT_EQ(two->segment.vlan_count(), 2u);
  EXPECT_EQ(two->segment.vlan(0), 30);
  EXPECT_EQ(two->segment.vlan(1), 112);
  EXPECT_EQ(Decoded(ethernet(0x8100, vlan(0xe000, 0x0800, v4)))->segment, SegmentKey{});  // Priority only.
  EXPECT_EQ(Decoded(ethernet(0x8100, vlan(0xe01e, 0x0800, v4)))->segment.vlan(0), 30);
  Packet p = v4;
  std::uint16_t type = 0x0800;
  for (unsigned tags = 1; tags <= vlan_tags_max + 1; ++tags) {
    p = vlan(static_cast<std::uint16_t>(tags), type, p);
    type = 0x8100;
    const Decoded d(ethernet(0x8100, p));
    EXPECT_EQ(d.has(Layer::link, ParseError::vlan_too_deep), tags > SegmentKey::vlan_count_max) << tags;
    EXPECT_EQ(d->malformed, tags > vlan_tags_max) << tags;
    EXPECT_EQ(d->source_port, tags > vlan_tags_max ? 0 : 3610) << tags;
  }
}

TEST(LinkDecode, radio_links_are_told_as_unsupported_and_are_no_error_of_the_packet) {
  for (const LinkType link :
       {LinkType::ieee802154_fcs, LinkType::ieee802154_nofcs, LinkType::ieee802154_tap, static_cast<LinkType>(4711)}) {
    const Decoded d(fill(40), link);
    EXPECT_TRUE(d.has(Layer::link, ParseError::unsupported));
    EXPECT_FALSE(d->malformed);
    EXPECT_EQ(d->payload_length, 40u);
  }
  EXPECT_TRUE(Decoded(fill(40), LinkType::raw_ip).has(Layer::link, ParseError::bad_version));
}

TEST(Decode, hashes_are_those_of_the_model_and_symmetric) {
  const HashSeed seed{};
  for (const Sample& sample : all_samples()) {
    const Decoded d(sample.packet, sample.link);
    if (d->ip_version == 0) continue;
    const FlowKey key = flow_key_of(d.packet);
    const std::uint16_t none = 0;
    EXPECT_EQ(d->source_is_high, stands_before(d->destination, has_ports(d.packet) ? d->destination_port : none,
                                               d->source, has_ports(d.packet) ? d->source_port : none))
        << sample.name;
    EXPECT_FALSE(stands_before(key.high, key.high_port, key.low, key.low_port)) << sample.name;
    EXPECT_EQ(d->pair_hash, pair_hash_of(seed, d->segment, key.low, key.high)) << sample.name;
    EXPECT_EQ(d->flow_hash,
              flow_hash_of(seed, d->pair_hash, key.low, key.high, key.low_port, key.high_port, key.protocol))
        << sample.name;
  }
  const Decoded there(in_ipv4(17, udp(1000, 2000, {})));
  const Decoded back(in_ipv4(17, udp(2000, 1000, {}), {.source = 0xc0a80115, .destination = 0xc0a80114}));
  EXPECT_EQ(there->pair_hash, back->pair_hash);
  EXPECT_EQ(there->flow_hash, back->flow_hash);
}

TEST(Decode, a_reused_packet_keeps_nothing_of_the_one_before) {
  const std::vector<Sample> samples = all_samples();
  const Decoder decoder{HashSeed{}};
  DecodedPacket reused;
  for (const Sample& before : samples) {
    for (const Sample& sample : samples) {
      const Decoded fresh(sample.packet, sample.link);
      RawPacket raw = fresh.raw;
      RawPacket first{
          before.packet.data(), static_cast<std::uint32_t>(before.packet.size()), 0, {5}, 1, before.link, 0};
      decoder.decode(first, {5}, reused);
      decoder.decode(raw, {1'000'000'000}, reused);
      EXPECT_EQ(reused.flow_hash, fresh->flow_hash) << before.name << ", " << sample.name;
      EXPECT_EQ(reused.pair_hash, fresh->pair_hash);
      EXPECT_EQ(reused.payload, fresh->payload);
      EXPECT_EQ(reused.payload_length, fresh->payload_length);
      EXPECT_EQ(reused.transport, fresh->transport);
      EXPECT_EQ(reused.network, fresh->network);
      EXPECT_EQ(reused.ethernet, fresh->ethernet);
      EXPECT_EQ(reused.protocol, fresh->protocol);
      EXPECT_EQ(reused.source_port, fresh->source_port);
      EXPECT_EQ(reused.tcp_flags, fresh->tcp_flags);
      EXPECT_EQ(reused.tcp_sequence, fresh->tcp_sequence);
      EXPECT_EQ(reused.tunnel_depth, fresh->tunnel_depth);
      EXPECT_EQ(reused.fragment_id, fresh->fragment_id);
      EXPECT_EQ(reused.is_fragment, fresh->is_fragment);
      EXPECT_EQ(reused.is_arp, fresh->is_arp);
      EXPECT_EQ(reused.ip_version, fresh->ip_version);
      EXPECT_EQ(reused.ethertype, fresh->ethertype);
    }
  }
}

TEST(Reassembled, goes_on_where_the_fragments_ended) {
  const Decoded part(in_ipv4(17, fill(8), {.fragment = 0x0002}));
  const Decoder decoder{HashSeed{}};
  DecodedPacket whole;
  decoder.decode_reassembled(part.packet, 17, datagram, whole);
  EXPECT_FALSE(whole.is_fragment);
  EXPECT_EQ(whole.source_port, 3610);
  EXPECT_EQ(whole.payload_length, 14u);
  EXPECT_EQ(whole.source, part->source);
  EXPECT_EQ(whole.flow_hash, Decoded(in_ipv4(17, datagram))->flow_hash);
  EXPECT_TRUE(whole.anomalies.empty());
  DecodedPacket same = part.packet;
  decoder.decode_reassembled(same, 17, datagram, same);
  EXPECT_EQ(same.flow_hash, whole.flow_hash);
}

TEST(Reassembled, inner_tunnels_are_read_and_fragments_of_fragments_refused) {
  const Decoder decoder{HashSeed{}};
  const Decoded part(in_ipv4(47, fill(8), {.fragment = 0x0002}));
  DecodedPacket whole;
  const Packet tunnel = gre(0, 0x0800, {}, ipv4(17, datagram, {.source = 0x0a000001}));
  decoder.decode_reassembled(part.packet, 47, tunnel, whole);
  EXPECT_EQ(whole.source, IpAddress::v4(0x0a000001));
  EXPECT_EQ(whole.tunnel_depth, 1);
  const Decoded part6(in_ipv6(44, bytes({44, 0, 0, 8, 0, 0, 0, 9}) + fill(8)));
  const Packet again = bytes({17, 0, 0, 9, 0, 0, 0, 9}) + fill(16);
  decoder.decode_reassembled(part6.packet, 44, again, whole);
  EXPECT_FALSE(whole.is_fragment);
  EXPECT_TRUE(whole.malformed);
}

TEST(LinkTypes, what_is_not_dissected_is_counted_as_unsupported_and_nothing_else_is) {
  for (unsigned value = 0; value < 300; ++value) {
    const auto link = static_cast<LinkType>(value);
    const std::uint8_t bytes[64] = {};
    const RawPacket raw{bytes, sizeof bytes, sizeof bytes, {1}, 1, link, 0};
    DecodedPacket packet;
    Decoder(HashSeed{}).decode(raw, {1}, packet);
    const bool unsupported = packet.anomalies.size() == 1 && packet.anomalies[0].layer == Layer::link &&
                             packet.anomalies[0].error == ParseError::unsupported;
    EXPECT_EQ(unsupported, !is_dissected(link)) << value;
  }
}

}  // namespace
}  // namespace tsujiban::decode
