#include <gtest/gtest.h>

#include "decode/layers.h"
#include "decode/test_packets.h"

namespace tsujiban::decode {
namespace {

using namespace test;

const Packet datagram = udp(3610, 3611, fill(14));
const Packet inner4 = ipv4(17, datagram, {.source = 0x0a000001, .destination = 0x0a000002});
const Packet frame = ethernet(0x0800, inner4);
const Packet tagged = ethernet(0x8100, vlan(44, 0x0800, inner4));

Packet in_udp(std::uint16_t port, const Packet& inner) {
  return ethernet(0x8100, vlan(7, 0x0800, ipv4(17, udp(50000, port, inner))));
}
Packet in_gre(const Packet& inner) { return ethernet(0x8100, vlan(7, 0x0800, ipv4(47, inner))); }

SegmentKey segment_of(std::initializer_list<int> tags, SegmentKey segment = {}) {
  for (const int tag : tags) segment.push_vlan(static_cast<std::uint16_t>(tag));
  return segment;
}

void expect_inner(const Decoded& d, SegmentKey segment) {
  EXPECT_EQ(d->source, IpAddress::v4(0x0a000001));
  EXPECT_EQ(d->destination_port, 3611);
  EXPECT_EQ(d->payload_length, 14u);
  EXPECT_EQ(d->segment.raw(), segment.raw());
  EXPECT_EQ(d->tunnel_depth, 1);
  EXPECT_TRUE(d->anomalies.empty());
}
// The inside is not understood: the packet is the outer datagram.
void expect_outer(const Decoded& d) {
  EXPECT_EQ(d->source, IpAddress::v4(0xc0a80114));
  EXPECT_EQ(d->segment.raw(), segment_of({7}).raw());
  EXPECT_EQ(d->tunnel_depth, 0);
  EXPECT_EQ(d->ip_version, 4);
}

TEST(Samples, every_form_is_read_to_its_inside_without_a_fault) {
  for (const Sample& sample : all_samples()) {
    const Decoded d(sample.packet, sample.link);
    EXPECT_TRUE(d->anomalies.empty()) << sample.name << ": " << name_of(d->anomalies[0].error);
    EXPECT_FALSE(d->malformed) << sample.name;
    EXPECT_FALSE(d->snapped) << sample.name;
    EXPECT_TRUE(d->ip_version != 0 || d->is_arp) << sample.name;
    if (d->protocol == 17 && !d->is_fragment) {
      EXPECT_EQ(d->source_port, 3610) << sample.name;
      EXPECT_EQ(d->payload_length, 14u) << sample.name;
    }
  }
}

TEST(Vxlan, the_inner_link_is_the_vni_and_the_inner_tags) {
  expect_inner(Decoded(in_udp(4789, vxlan(5001, frame))), SegmentKey::vni(5001));
  expect_inner(Decoded(in_udp(8472, vxlan(0, tagged))), segment_of({44}, SegmentKey::vni(0)));
}

TEST(Vxlan, a_header_without_its_flag_is_told_and_stays_a_datagram) {
  Packet p = vxlan(5001, frame);
  p[0] = 0;
  const Decoded d(in_udp(4789, p));
  EXPECT_TRUE(d.has(Layer::tunnel, ParseError::vxlan_bad_flags));
  expect_outer(d);
  EXPECT_EQ(d->destination_port, 4789);
  EXPECT_FALSE(d->malformed);
}

TEST(Vxlan, an_inside_that_is_no_ip_leaves_the_outer_datagram_visible) {
  const Decoded lldp(in_udp(4789, vxlan(5001, ethernet(0x88cc, fill(30)))));
  expect_outer(lldp);
  EXPECT_EQ(lldp->destination_port, 4789);
  EXPECT_TRUE(lldp->anomalies.empty());
  Packet broken = inner4;
  broken[0] = 0x42;
  const Decoded bad(in_udp(4789, vxlan(5001, ethernet(0x0800, broken))));
  expect_outer(bad);
  EXPECT_TRUE(bad.has(Layer::ipv4, ParseError::ip_bad_header_length));
  EXPECT_TRUE(bad->malformed);
}

TEST(Geneve, ethernet_and_ip_inside_and_options_walked) {
  expect_inner(Decoded(in_udp(6081, geneve(9, 0x6558, {}, tagged))), segment_of({44}, SegmentKey::vni(9)));
  expect_inner(Decoded(in_udp(6081, geneve(9, 0x0800, bytes({1, 1, 0, 0, 1, 1, 0, 1, 5, 5, 5, 5}), inner4))),
               SegmentKey::vni(9));
  const Decoded bad(in_udp(6081, geneve(9, 0x0800, bytes({1, 1, 0, 1}), inner4)));
  EXPECT_TRUE(bad.has(Layer::tunnel, ParseError::geneve_bad_options));
  expect_outer(bad);
  Packet longer = geneve(9, 0x0800, {}, {});
  longer[0] = 0x3f;
  EXPECT_TRUE(Decoded(in_udp(6081, longer)).has(Layer::tunnel, ParseError::geneve_bad_options));
  Packet version = geneve(9, 0x0800, {}, inner4);
  version[0] = 0x40;
  EXPECT_TRUE(Decoded(in_udp(6081, version)).has(Layer::tunnel, ParseError::bad_version));
}

TEST(Gre, ip_inside_keeps_the_segment_of_the_outside) {
  expect_inner(Decoded(in_gre(gre(0, 0x0800, {}, inner4))), segment_of({7}));
  expect_inner(Decoded(in_gre(gre(0xb000, 0x0800, fill(12), inner4))), segment_of({7}));
  expect_inner(Decoded(in_gre(gre(0x2000, 0x6558, fill(4), tagged))), segment_of({44}));
}

TEST(Gre, flags_and_versions_that_are_not_defined_are_told) {
  EXPECT_TRUE(
      Decoded(in_gre(gre(0x4000, 0x0800, fill(8), inner4))).has(Layer::tunnel, ParseError::gre_routing_present));
  EXPECT_TRUE(Decoded(in_gre(gre(0x0800, 0x0800, {}, inner4))).has(Layer::tunnel, ParseError::gre_bad_flags));
  EXPECT_TRUE(Decoded(in_gre(gre(0x0100, 0x0800, {}, inner4))).has(Layer::tunnel, ParseError::gre_bad_flags));
  EXPECT_TRUE(Decoded(in_gre(gre(0x0002, 0x0800, {}, inner4))).has(Layer::tunnel, ParseError::bad_version));
  EXPECT_TRUE(Decoded(in_gre(gre(0x0001, 0x0800, {}, inner4))).has(Layer::tunnel, ParseError::gre_bad_flags));
  const Decoded unknown(in_gre(gre(0, 0x88b7, {}, fill(20))));
  EXPECT_TRUE(unknown->anomalies.empty());
  expect_outer(unknown);
}

TEST(Gre, pptp_without_a_payload_or_with_a_compressed_one_stays_gre) {
  expect_inner(Decoded(in_gre(gre(0x3001, 0x880b, be16(inner4.size() + 1) + fill(6), bytes({0x21}) + inner4))),
               segment_of({7}));
  const Decoded acknowledgment(in_gre(gre(0x2081, 0x880b, bytes({0, 0, 0, 1, 0, 0, 0, 9}), {})));
  expect_outer(acknowledgment);
  EXPECT_TRUE(acknowledgment->anomalies.empty());
  const Decoded compressed(in_gre(gre(0x3001, 0x880b, be16(30) + fill(6), bytes({0, 0xfd}) + fill(28))));
  expect_outer(compressed);
  EXPECT_TRUE(compressed->anomalies.empty());
}

TEST(Erspan, the_vlan_of_the_header_is_the_segment_of_untagged_frames) {
  expect_inner(Decoded(in_gre(gre(0, 0x88be, {}, frame))), SegmentKey{});
  const Packet header2 = bytes({0x10, 30, 0, 1, 0, 0, 0, 2}), header3 = bytes({0x21, 30, 0, 1, 0, 0, 0, 2, 0, 0, 0, 0});
  expect_inner(Decoded(in_gre(gre(0x1000, 0x88be, fill(4), header2 + frame))), segment_of({30}));
  expect_inner(Decoded(in_gre(gre(0x1000, 0x88be, fill(4), header2 + tagged))), segment_of({44}));
  expect_inner(Decoded(in_gre(gre(0x1000, 0x22eb, fill(4), header3 + frame))), segment_of({256 + 30}));
  const Packet priority = ethernet(0x8100, vlan(0xe000, 0x0800, inner4));
  expect_inner(Decoded(in_gre(gre(0x1000, 0x88be, fill(4), header2 + priority))), segment_of({30}));
}

TEST(Erspan, a_version_that_is_none_is_told) {
  EXPECT_TRUE(Decoded(in_gre(gre(0x1000, 0x88be, fill(4), bytes({0x30, 30, 0, 1, 0, 0, 0, 2}) + frame)))
                  .has(Layer::tunnel, ParseError::bad_version));
}

TEST(IpInIp, keeps_the_segment_and_tells_its_depth) {
  expect_inner(Decoded(ethernet(0x8100, vlan(7, 0x0800, ipv4(4, inner4)))), segment_of({7}));
  const Decoded d(ethernet(0x0800, ipv4(41, ipv6(17, datagram))));
  EXPECT_EQ(d->ip_version, 6);
  EXPECT_EQ(d->tunnel_depth, 1);
  EXPECT_EQ(d->destination_port, 3611);
}

TEST(Nesting, is_bounded_and_what_is_within_the_bound_is_read) {
  Packet p = ipv4(17, datagram);
  for (unsigned depth = 1; depth <= nesting_max + 2; ++depth) {
    p = ipv4(4, p, {.source = 0x0a000000 + depth});
    const Decoded d(ethernet(0x0800, p));
    const bool too_deep = depth > nesting_max;
    EXPECT_EQ(d.has(Layer::tunnel, ParseError::nesting_too_deep), too_deep) << depth;
    EXPECT_EQ(d->malformed, too_deep) << depth;
    EXPECT_EQ(d->tunnel_depth, std::min(depth, nesting_max)) << depth;
    EXPECT_EQ(d->ip_version, 4);
  }
}

TEST(Nesting, mixed_layers_count_together) {
  Packet p = ipv4(17, datagram);
  for (int i = 0; i < 20; ++i) p = ipv4(17, udp(1, 4789, vxlan(1, ethernet(0x8847, bytes({0, 1, 1, 64}) + p))));
  const Decoded d(ethernet(0x0800, p));
  EXPECT_TRUE(d.has(ParseError::nesting_too_deep));
  EXPECT_EQ(d->ip_version, 4);
}

TEST(Mpls, the_label_stack_is_bounded) {
  Packet p = bytes({0, 1, 1, 64}) + inner4;
  for (unsigned labels = 1; labels <= mpls_labels_max + 1; ++labels) {
    const Decoded d(ethernet(0x8847, p));
    EXPECT_EQ(d.has(Layer::link, ParseError::mpls_too_deep), labels > mpls_labels_max) << labels;
    EXPECT_EQ(d->malformed, labels > mpls_labels_max);
    p = bytes({0, 1, 0, 64}) + p;
  }
}

TEST(Mpls, what_begins_like_ip_and_is_not_is_tried_as_ethernet) {
  Packet other = frame;
  other[0] = 0x46;  // A destination address that looks like an IPv4 header.
  const Decoded d(ethernet(0x8847, bytes({0, 1, 1, 64}) + other));
  EXPECT_EQ(d->destination_port, 3611);
  const Decoded nothing(ethernet(0x8847, bytes({0, 1, 1, 64}) + Packet(40, 0x10)));
  EXPECT_TRUE(nothing->anomalies.empty());
  EXPECT_EQ(nothing->ip_version, 0);
}

TEST(Pppoe, codes_versions_and_lengths_are_judged) {
  const auto session = [](int version, int code, std::size_t length) {
    return ethernet(0x8864, bytes({version, code, 0, 1}) + be16(length) + be16(0x21) + inner4);
  };
  EXPECT_EQ(Decoded(session(0x11, 0, inner4.size() + 2))->destination_port, 3611);
  EXPECT_TRUE(Decoded(session(0x21, 0, inner4.size() + 2)).has(Layer::link, ParseError::bad_version));
  EXPECT_TRUE(Decoded(session(0x11, 9, inner4.size() + 2)).has(Layer::link, ParseError::pppoe_bad_code));
  EXPECT_TRUE(Decoded(session(0x11, 0, inner4.size() + 3)).has(Layer::link, ParseError::bad_length));
  EXPECT_TRUE(Decoded(session(0x11, 0, inner4.size() + 1)).has(Layer::ipv4, ParseError::ip_bad_total_length));
  const Decoded control(ethernet(0x8864, bytes({0x11, 0, 0, 1, 0, 12, 0xc0, 0x21}) + fill(10)));
  EXPECT_TRUE(control->anomalies.empty());
}

}  // namespace
}  // namespace tsujiban::decode
