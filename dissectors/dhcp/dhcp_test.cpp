#include <gtest/gtest.h>

#include "dissectors/dhcp/dhcp_json.h"
#include "dissectors/dhcp/dhcp_test_sink.h"

namespace tsujiban::dhcp {
namespace {

using dissect::Probe;
using dissect::Transport;
using testing::Bench;
using testing::bytes_of;

constexpr auto self = static_cast<std::size_t>(AppProtocol::dhcp);
bool has(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }

// The fixed part: xid 3903F326, client 00:0B:82:01:FC:42, and cookie.
std::vector<std::uint8_t> message_v4(std::uint8_t op, std::string_view options, std::string_view yiaddr = "00000000") {
  std::vector<std::uint8_t> bytes(v4::options_offset);
  bytes[0] = op;
  bytes[1] = v4::htype_ethernet;
  bytes[2] = 6;
  const auto put = [&](std::size_t at, std::string_view hex) {
    const auto part = bytes_of(hex);
    std::copy(part.begin(), part.end(), bytes.begin() + static_cast<std::ptrdiff_t>(at));
  };
  put(v4::xid_offset, "3903F326");
  put(v4::yiaddr_offset, yiaddr);
  put(v4::chaddr_offset, "000B8201FC42");
  put(v4::cookie_offset, "63825363");
  const auto tail = bytes_of(options);
  bytes.insert(bytes.end(), tail.begin(), tail.end());
  return bytes;
}
// A home router's answer: 192.168.1.10 for a day, router and resolver itself.
const std::vector<std::uint8_t> ack = message_v4(
    v4::op_reply, "350105 3604C0A80101 330400015180 0104FFFFFF00 0304C0A80101 0608C0A8010108080808 FF", "C0A8010A");
const std::vector<std::uint8_t> discover =
    message_v4(v4::op_request, "350101 3D0701000B8201FC42 0C056D65746572 3C04757368 00 3204C0A80107 37040103062A FF");
// Advertise of 2001:db8::10 by a server with a DUID-LL; transaction FC24AB.
const std::vector<std::uint8_t> advertise = bytes_of(
    "02FC24AB 0001000A00030001CC050E880000 0002000A00030001CA010E880008"
    "00030028 00000001 00000000 00000000 00050018 20010DB8000000000000000000000010 00000E10 00001C20"
    "00170010 20010DB8000000000000000000000053 000D0002 0000");

TEST(DhcpV4, a_discover_says_who_asks_and_what_for) {
  Bench bench;
  bench.send_v4(discover, 0);
  EXPECT_EQ(bench.last(),
            "{\"type\":\"request\",\"id\":956560166,\"client_mac\":\"00:0b:82:01:fc:42\",\"assigned_ip\":\"0.0.0.0\","
            "\"dhcp_type\":\"discover\",\"client_id\":\"00:0b:82:01:fc:42\",\"hostname\":\"meter\","
            "\"vendor_class_identifier\":\"ush\",\"requested_ip\":\"192.168.1.7\","
            "\"params\":[\"subnet_mask\",\"router\",\"dns_server\",\"ntp_server\"]}");
  EXPECT_TRUE(bench.sink.facts.empty());
  EXPECT_TRUE(bench.sink.anomalies.empty());
  EXPECT_EQ(bench.counters->messages[self][1].value(), 1u);
}

TEST(DhcpV4, an_ack_says_what_is_given_and_tells_it_as_news) {
  Bench bench;
  bench.send_v4(ack);
  bench.send_v4(ack);
  EXPECT_EQ(bench.last(),
            "{\"type\":\"reply\",\"id\":956560166,\"client_mac\":\"00:0b:82:01:fc:42\",\"assigned_ip\":"
            "\"192.168.1.10\",\"dhcp_type\":\"ack\",\"server_id\":\"192.168.1.1\",\"lease_time\":86400,"
            "\"subnet_mask\":\"255.255.255.0\",\"routers\":[\"192.168.1.1\"],\"dns_servers\":[\"192.168.1.1\","
            "\"8.8.8.8\"]}");
  ASSERT_EQ(bench.sink.facts.size(), 1u);
  const Fact& fact = bench.sink.facts[0];
  EXPECT_EQ(fact.kind, FactKind::address_assignment);
  EXPECT_EQ(fact.protocol, AppProtocol::dhcp);
  EXPECT_EQ(fact.source, IpAddress::v4(0xC0A80101));
  EXPECT_TRUE(fact.to_group);
  EXPECT_EQ(fact.address_assignment.server, IpAddress::v4(0xC0A80101));
  EXPECT_EQ(fact.address_assignment.given, IpAddress::v4(0xC0A8010A));
  EXPECT_EQ(fact.address_assignment.router, IpAddress::v4(0xC0A80101));
  EXPECT_EQ(fact.address_assignment.resolver, IpAddress::v4(0xC0A80101));
  EXPECT_FALSE(fact.address_assignment.version6);
  bench.context.time = bench.context.time + Duration::seconds(30);
  bench.send_v4(ack);
  EXPECT_EQ(bench.sink.facts.size(), 2u);
  bench.context.segment.push_vlan(7);
  bench.send_v4(ack);
  EXPECT_EQ(bench.sink.facts.size(), 3u) << "another home";
}

TEST(DhcpV4, options_overload_file_and_sname) {
  std::vector<std::uint8_t> bytes = message_v4(v4::op_reply, "350102 340103 FF", "C0A8010A");
  const auto put = [&](std::size_t at, std::string_view hex) {
    const auto part = bytes_of(hex);
    std::copy(part.begin(), part.end(), bytes.begin() + static_cast<std::ptrdiff_t>(at));
  };
  put(v4::file_offset, "0304C0A80101FF");
  put(v4::sname_offset, "0604C0A80102FF");
  Bench bench;
  bench.send_v4(bytes);
  EXPECT_TRUE(has(bench.last(), "\"routers\":[\"192.168.1.1\"],\"dns_servers\":[\"192.168.1.2\"]"));
  EXPECT_TRUE(bench.sink.anomalies.empty());
}

TEST(DhcpV4, an_option_in_pieces_is_put_together) {
  Bench bench;
  bench.send_v4(message_v4(v4::op_request, "350103 0C026D65 0606 010203040506 0C03746572 0602 0708 FF"));
  EXPECT_TRUE(has(bench.last(), "\"hostname\":\"meter\"")) << bench.last();
  EXPECT_TRUE(has(bench.last(), "\"dns_servers\":[\"1.2.3.4\",\"5.6.7.8\"]"));
  EXPECT_TRUE(bench.sink.anomalies.empty());
}

TEST(DhcpV4, broken_messages_are_told_with_their_place) {
  const std::pair<std::vector<std::uint8_t>, testing::ToldAnomaly> cases[] = {
      {message_v4(3, "350101FF"), {ParseError::dhcp_bad_header, 0}},
      {message_v4(1, "3501"), {ParseError::dhcp_bad_option, 240}},
      {message_v4(1, "350101 0C20 41"), {ParseError::dhcp_bad_option, 243}},
      {message_v4(1, "350101 3303000001 FF"), {ParseError::dhcp_bad_option, 243}},
      {message_v4(1, "350101 340104 FF"), {ParseError::dhcp_bad_option, 243}},
      {std::vector<std::uint8_t>(100, 1), {ParseError::truncated, 100}},
  };
  for (const auto& [bytes, anomaly] : cases) {
    Bench bench;
    bench.send_v4(bytes);
    ASSERT_EQ(bench.sink.anomalies.size(), 1u);
    EXPECT_EQ(bench.sink.anomalies[0].error, anomaly.error) << bench.last();
    EXPECT_EQ(bench.sink.anomalies[0].offset, anomaly.offset) << bench.last();
    EXPECT_TRUE(has(bench.last(), "\"malformed\":{")) << bench.last();
    EXPECT_EQ(bench.counters->messages_malformed[self].value(), 1u);
  }
}

TEST(DhcpV4, options_beyond_the_limit_are_told) {
  std::string options = "350105";
  for (unsigned i = 1; i < v4::options_max; ++i) options += "E00101";
  Bench at_limit, above;
  at_limit.send_v4(message_v4(2, options + "FF"));
  EXPECT_TRUE(at_limit.sink.anomalies.empty());
  above.send_v4(message_v4(2, options + "E00101FF"));
  ASSERT_EQ(above.sink.anomalies.size(), 1u);
  EXPECT_EQ(above.sink.anomalies[0].error, ParseError::dhcp_too_many_options);
}

TEST(DhcpV4, a_snapped_message_is_not_malformed) {
  DecodedPacket packet;
  packet.snapped = true;
  for (std::size_t size = 0; size <= ack.size(); ++size) {
    Bench bench;
    bench.context.packet = &packet;
    bench.send_v4(std::vector<std::uint8_t>(ack.begin(), ack.begin() + static_cast<std::ptrdiff_t>(size)));
    EXPECT_TRUE(bench.sink.anomalies.empty()) << size;
    EXPECT_TRUE(has(bench.last(), "\"flags\":[\"snapped\"]"));
  }
}

TEST(DhcpV4, bootp_without_cookie_has_no_type_and_names_nobody) {
  std::vector<std::uint8_t> bytes = message_v4(1, "350101FF");
  bytes[v4::cookie_offset] = 0;
  Bench bench;
  bench.send_v4(bytes);
  EXPECT_FALSE(has(bench.last(), "dhcp_type"));
  EXPECT_TRUE(bench.sink.anomalies.empty());
  EXPECT_EQ(bench.counters->messages[self][0].value(), 1u);
}

TEST(DhcpV4, an_unknown_type_and_another_link_are_told_as_they_are) {
  std::vector<std::uint8_t> bytes = message_v4(1, "3501C8 FF");
  bytes[1] = 32;
  bytes[2] = 0;
  bytes[v4::giaddr_offset] = 10;
  Bench bench;
  bench.send_v4(bytes);
  EXPECT_TRUE(has(bench.last(), "\"client_mac\":\"\"")) << bench.last();
  EXPECT_TRUE(has(bench.last(), "\"relay_ip\":\"10.0.0.0\",\"dhcp_type\":\"unknown\""));
  EXPECT_EQ(bench.counters->messages[self][counter_unknown_v4].value(), 1u);
}

TEST(DhcpV6, an_advertise_has_addresses_and_duids) {
  Bench bench;
  bench.send_v6(advertise);
  EXPECT_EQ(bench.last(),
            "{\"version\":6,\"type\":\"reply\",\"id\":16524459,\"dhcp_type\":\"advertise\",\"client_mac\":"
            "\"cc:05:0e:88:00:00\",\"client_duid\":\"00:03:00:01:cc:05:0e:88:00:00\",\"server_duid\":"
            "\"00:03:00:01:ca:01:0e:88:00:08\",\"addresses\":[\"2001:db8::10\"],\"dns_servers\":[\"2001:db8::53\"],"
            "\"status\":0}");
  ASSERT_EQ(bench.sink.facts.size(), 1u);
  const AddressAssignment& given = bench.sink.facts[0].address_assignment;
  EXPECT_TRUE(given.version6);
  EXPECT_EQ(given.server, bench.context.source);
  EXPECT_EQ(given.given, (IpAddress{0x20010db800000000, 0x10}));
  EXPECT_EQ(given.resolver, (IpAddress{0x20010db800000000, 0x53}));
  EXPECT_TRUE(given.router.is_unspecified());
  EXPECT_EQ(bench.counters->messages[self][counter_v6 + 2].value(), 1u);
  EXPECT_EQ(counter_name(counter_v6 + 2), "v6_advertise");
}

TEST(DhcpV6, a_prefix_a_name_and_requested_options_are_told) {
  Bench bench;
  bench.send_v6(
      bytes_of("03000001 0001000A00030001CC050E880000 00060004 0017 0018"
               "00190029 00000001 00000000 00000000 001A0019 00000E10 00001C20 38 20010DB80001FFFF0000000000000000"
               "00270009 00 056D65746572 00 00"));
  EXPECT_TRUE(has(bench.last(), "\"hostname\":\"meter\"")) << bench.last();
  EXPECT_TRUE(has(bench.last(), "\"prefixes\":[\"2001:db8:1:ff00::/56\"]")) << "bits beyond the length are none of it";
  EXPECT_TRUE(has(bench.last(), "\"params\":[\"23\",\"24\"]"));
  EXPECT_TRUE(bench.sink.anomalies.empty());
  EXPECT_TRUE(bench.sink.facts.empty());
}

std::vector<std::uint8_t> relayed(std::vector<std::uint8_t> inner, unsigned times) {
  for (unsigned i = 0; i < times; ++i) {
    std::vector<std::uint8_t> outer =
        bytes_of("0D00 20010DB8000000000000000000000001 FE800000000000000000000000000002 0009");
    outer.push_back(static_cast<std::uint8_t>(inner.size() >> 8));
    outer.push_back(static_cast<std::uint8_t>(inner.size()));
    outer.insert(outer.end(), inner.begin(), inner.end());
    inner = outer;
  }
  return inner;
}

TEST(DhcpV6, a_relayed_message_is_read_within_its_relays) {
  Bench bench;
  bench.send_v6(relayed(advertise, 1));
  EXPECT_TRUE(has(bench.last(),
                  "\"relay\":{\"type\":\"relay_reply\",\"hop_count\":0,\"link\":\"2001:db8::1\",\"peer\":"
                  "\"fe80::2\"},\"id\":16524459,\"dhcp_type\":\"advertise\""))
      << bench.last();
  EXPECT_EQ(bench.sink.facts.size(), 1u);
  for (const unsigned times : {v6::relays_max, v6::relays_max + 1}) {
    Bench deep;
    deep.send_v6(relayed(advertise, times));
    EXPECT_EQ(deep.sink.anomalies.size(), times - v6::relays_max);
    EXPECT_EQ(deep.sink.facts.size(), times == v6::relays_max ? 1u : 0u);
  }
  Bench empty;
  empty.send_v6(bytes_of("0C00 20010DB8000000000000000000000001 FE800000000000000000000000000002"));
  ASSERT_EQ(empty.sink.anomalies.size(), 1u);
  EXPECT_EQ(empty.sink.anomalies[0].error, ParseError::dhcp_bad_option);
}

TEST(DhcpV6, broken_options_are_told_with_their_place) {
  const std::pair<std::string_view, std::uint32_t> cases[] = {
      {"01000001 0001", 4},               // Half an option.
      {"01000001 0001000A 0003", 4},      // Beyond the message.
      {"01000001 00010002 0003", 4},      // A DUID without anything.
      {"01000001 00030004 00000001", 4},  // An association without times.
      {"01000001 0003000C 000000010000000000000000 00060001 00", 20},
      {"02000001 00030014 000000010000000000000000 00050004 00000000", 20},
      {"02000001 00170008 0000000000000000", 4},
      {"00000001", 0},
  };
  for (const auto& [hex, offset] : cases) {
    Bench bench;
    bench.send_v6(bytes_of(hex));
    ASSERT_EQ(bench.sink.anomalies.size(), 1u) << hex;
    EXPECT_EQ(bench.sink.anomalies[0].offset, offset) << hex;
  }
}

TEST(DhcpMessages, every_prefix_is_read_without_harm_and_says_so) {
  for (const auto* whole : {&ack, &discover}) {
    for (std::size_t size = 0; size < whole->size(); ++size) {
      Bench bench;
      bench.send_v4({whole->begin(), whole->begin() + static_cast<std::ptrdiff_t>(size)});
      EXPECT_EQ(bench.sink.records.size(), 1u);
      if (size < v4::options_offset) {
        EXPECT_EQ(bench.sink.anomalies.size(), 1u) << size;
      }
    }
  }
  std::size_t sound = 0;
  for (std::size_t size = 0; size < advertise.size(); ++size) {
    Bench bench;
    bench.send_v6({advertise.begin(), advertise.begin() + static_cast<std::ptrdiff_t>(size)});
    EXPECT_EQ(bench.sink.records.size(), 1u);
    sound += bench.sink.anomalies.empty() ? 1 : 0;
  }
  EXPECT_EQ(sound, 5u) << "between two options, an end cannot be told from the end";
}

TEST(DhcpMessages, no_changed_byte_does_harm) {
  for (const auto* whole : {&ack, &discover, &advertise}) {
    for (std::size_t at = 0; at < whole->size(); ++at) {
      for (const std::uint8_t value : {std::uint8_t{0}, std::uint8_t{1}, std::uint8_t{0x7F}, std::uint8_t{0xFF}}) {
        std::vector<std::uint8_t> bytes = *whole;
        bytes[at] = value;
        Bench bench;
        whole == &advertise ? bench.send_v6(bytes) : bench.send_v4(bytes);
        ASSERT_EQ(bench.sink.records.size(), 1u);
        ASSERT_FALSE(bench.sink.overflowed);
      }
    }
  }
}

TEST(DhcpMessages, nothing_is_built_that_nobody_wants) {
  Bench bench(false, false);
  bench.send_v4(ack);
  EXPECT_TRUE(bench.sink.records.empty());
  EXPECT_TRUE(bench.sink.facts.empty());
  EXPECT_EQ(bench.counters->messages[self][5].value(), 1u);
}

TEST(DhcpProbe, the_cookie_or_fitting_options_are_enough_and_the_port_helps) {
  EXPECT_EQ(probe(Transport::datagram, false, ack), Probe::mine);
  EXPECT_EQ(probe(Transport::datagram, false, advertise), Probe::mine);
  EXPECT_EQ(probe(Transport::datagram, false, relayed(advertise, 1)), Probe::mine);
  EXPECT_EQ(probe(Transport::stream, true, ack), Probe::not_mine);
  EXPECT_EQ(probe(Transport::datagram, false, Bytes(advertise).first(30)), Probe::not_mine);
  EXPECT_EQ(probe(Transport::datagram, true, Bytes(advertise).first(30)), Probe::mine);
  EXPECT_EQ(probe(Transport::datagram, true, Bytes(ack).first(30)), Probe::mine);
  EXPECT_EQ(probe(Transport::datagram, true, {}), Probe::not_mine);
  EXPECT_EQ(probe(Transport::datagram, true, bytes_of("81000001")), Probe::not_mine);
  // ECHONET Lite, DNS and NTP are none of it.
  EXPECT_EQ(probe(Transport::datagram, false, bytes_of("1081000105FF010288016201E700")), Probe::not_mine);
  EXPECT_EQ(probe(Transport::datagram, false, bytes_of("0001010000010000000000000361626300 00010001")),
            Probe::not_mine);
}

}  // namespace
}  // namespace tsujiban::dhcp
