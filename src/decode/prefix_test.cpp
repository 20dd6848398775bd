#include <gtest/gtest.h>

#include "decode/checksum.h"
#include "decode/duplicate_filter.h"
#include "decode/test_packets.h"

namespace tsujiban::decode {
namespace {

using namespace test;

void expect_views_inside(const Decoded& d, const std::string& what) {
  const auto inside = [&](const std::uint8_t* at, std::size_t size) {
    return at == nullptr || (at >= d.data.data() && at + size <= d.data.data() + d.data.size());
  };
  EXPECT_TRUE(inside(d->ethernet, 14)) << what;
  EXPECT_TRUE(inside(d->network, d->ip_header_length)) << what;
  EXPECT_TRUE(inside(d->transport, 1)) << what;
  EXPECT_TRUE(inside(d->payload, d->payload_length)) << what;
  EXPECT_LE(d->payload_length, d->payload_length_wire) << what;
}

// Cut by the snap length it is `snapped`, cut on the wire it is malformed; never both, never neither, never silent.
TEST(Prefixes, of_every_form_are_snapped_or_malformed) {
  for (const Sample& sample : all_samples()) {
    for (std::size_t length = 0; length < sample.packet.size(); ++length) {
      const std::string what = std::string(sample.name) + ", first " + std::to_string(length);
      const Packet prefix(sample.packet.begin(), sample.packet.begin() + static_cast<std::ptrdiff_t>(length));
      Decoded snapped(prefix, sample.link, static_cast<std::uint32_t>(sample.packet.size()));
      EXPECT_TRUE(snapped->snapped) << what;
      EXPECT_FALSE(snapped->malformed) << what;
      EXPECT_TRUE(snapped->anomalies.empty()) << what << ": " << name_of(snapped->anomalies[0].error);
      expect_views_inside(snapped, what);

      Decoded broken(prefix, sample.link);
      EXPECT_FALSE(broken->snapped) << what;
      // Nothing but its own EtherType tells that a pseudowire carries Ethernet; before that it is bytes that break no
      // rule.
      if (std::string_view(sample.name).substr(0, 13) != "mpls ethernet" || broken->tunnel_depth != 0 || length <= 18) {
        EXPECT_TRUE(broken->malformed) << what;
        EXPECT_FALSE(broken->anomalies.empty()) << what;
      }
      expect_views_inside(broken, what);

      DuplicateFilter filter(HashSeed{});
      for (Decoded* d : {&snapped, &broken}) {
        verify_checksum(d->packet);
        filter.is_duplicate(d->packet);
      }
    }
  }
}

// Each byte of a plain packet's headers in all its values, and with two of them changed: every way of being not quite
// plain. `Decoded` holds the short way of plain packets against the layers' own readers.
TEST(PlainPackets, are_read_the_same_as_layer_by_layer_whatever_byte_is_changed) {
  const Packet timestamp = bytes({1, 1, 8, 10}) + be32(1) + be32(2);
  const Packet plain[] = {
      ethernet(0x0800, ipv4(17, udp(3610, 40000, fill(14)))),
      ethernet(0x0800, ipv4(6, tcp(40000, 443, 0x18, fill(20)))),
      ethernet(0x0800, ipv4(6, tcp(40000, 443, 0x10, {}, timestamp))) + fill(6),
      ethernet(0x8100, be16(112) + be16(0x0800) + ipv4(17, udp(3610, 3610, {}))),
  };
  unsigned plain_ones = 0, others = 0;
  for (const Packet& packet : plain) {
    EXPECT_TRUE(Decoded(packet)->plain);
    std::uint32_t random = 1;
    for (std::size_t at = 12; at < packet.size() && at < 12 + 64; ++at) {
      for (unsigned value = 0; value < 256; ++value) {
        Packet changed = packet;
        changed[at] = static_cast<std::uint8_t>(value);
        (Decoded(changed)->plain ? plain_ones : others)++;
        random = random * 1664525 + 1013904223;
        changed[12 + (random >> 8) % (packet.size() - 12)] = static_cast<std::uint8_t>(random >> 24);
        (Decoded(changed)->plain ? plain_ones : others)++;
        changed.resize(changed.size() - (random >> 4) % 12);
        (Decoded(changed)->plain ? plain_ones : others)++;
      }
    }
  }
  EXPECT_GT(plain_ones, 1000u);
  EXPECT_GT(others, 1000u);
}

// `Decoded` holds what a glance says against what reading says.
TEST(Glances, say_the_pair_that_reading_says_whatever_byte_is_changed) {
  const Packet datagram = udp(3610, 40000, fill(14));
  const Packet told[] = {
      ethernet(0x0800, ipv4(17, datagram)),
      ethernet(0x0800, ipv4(6, tcp(40000, 443, 0x18, fill(20)))),
      ethernet(0x86dd, ipv6(17, datagram)),
      ethernet(0x86dd, ipv6(6, tcp(40000, 443, 0x18, fill(20)))),
      ethernet(0x8100, be16(112) + be16(0x0800) + ipv4(17, datagram)),
      ethernet(0x8100, be16(112) + be16(0x86dd) + ipv6(17, datagram)),
  };
  unsigned glances = 0, others = 0;
  for (const Packet& packet : told) {
    EXPECT_TRUE(Decoded(packet).glanced());
    for (std::size_t at = 12; at < packet.size(); ++at) {
      for (unsigned value = 0; value < 256; ++value) {
        Packet changed = packet;
        changed[at] = static_cast<std::uint8_t>(value);
        (Decoded(changed).glanced() ? glances : others)++;
      }
    }
    for (std::size_t length = 0; length < packet.size(); ++length)
      Decoded(Packet(packet.begin(), packet.begin() + static_cast<std::ptrdiff_t>(length)));
  }
  EXPECT_GT(glances, 10'000u);
  EXPECT_GT(others, 1'000u);
}

TEST(Glances, are_not_taken_where_another_pair_may_be_inside_or_a_port_is_watched) {
  const Packet inner = ethernet(0x0800, ipv4(17, udp(1, 2, fill(8))));
  for (const std::uint16_t port : {std::uint16_t{4789}, std::uint16_t{8472}, std::uint16_t{6081}})
    EXPECT_FALSE(Decoded(ethernet(0x0800, ipv4(17, udp(50000, port, vxlan(1, inner))))).glanced()) << port;
  EXPECT_FALSE(Decoded(ethernet(0x0800, ipv4(47, gre(0, 0x0800, {}, ipv4(17, udp(1, 2, {})))))).glanced());
  EXPECT_FALSE(Decoded(ethernet(0x0800, ipv4(17, fill(24), {.fragment = 0x2000}))).glanced());
  Decoded query(ethernet(0x0800, ipv4(17, udp(50000, 53, fill(12))))),
      answer(ethernet(0x86dd, ipv6(6, tcp(53, 50000, 0x18, fill(12)))));
  for (Decoded* packet : {&query, &answer}) {
    EXPECT_TRUE(packet->glanced());
    EXPECT_TRUE(packet->glanced(54));
    EXPECT_FALSE(packet->glanced(53));
  }
}

TEST(Prefixes, a_snapped_transport_header_keeps_its_ports) {
  const Packet whole = ethernet(0x0800, ipv4(6, tcp(40000, 443, 0x18, fill(20))));
  const Packet prefix(whole.begin(), whole.begin() + 14 + 20 + 8);
  const Decoded d(prefix, LinkType::ethernet, static_cast<std::uint32_t>(whole.size()));
  EXPECT_EQ(d->source_port, 40000);
  EXPECT_EQ(d->flow_hash, Decoded(whole)->flow_hash);
  EXPECT_EQ(d->transport, nullptr);
}

}  // namespace
}  // namespace tsujiban::decode
