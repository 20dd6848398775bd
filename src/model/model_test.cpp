#include <gtest/gtest.h>

#include <set>
#include <string>

#include "model/address.h"
#include "model/detector_catalogue.h"
#include "model/flow_key.h"
#include "model/segment_key.h"
#include "model/words.h"

namespace tsujiban {
namespace {

std::string round_trip(std::string_view text) {
  IpAddress address;
  return parse_ip(text, address) ? to_string(address) : "refused";
}

TEST(Address, is_written_as_rfc_5952_says) {
  EXPECT_EQ(round_trip("192.168.1.20"), "192.168.1.20");
  EXPECT_EQ(round_trip("0.0.0.0"), "0.0.0.0");
  EXPECT_EQ(round_trip("255.255.255.255"), "255.255.255.255");
  EXPECT_EQ(round_trip("2001:DB8:0:0:1:0:0:1"), "2001:db8::1:0:0:1");     // The first of two equal runs.
  EXPECT_EQ(round_trip("2001:0:0:1:0:0:0:1"), "2001:0:0:1::1");           // The longer run.
  EXPECT_EQ(round_trip("2001:db8:0:1:1:1:1:1"), "2001:db8:0:1:1:1:1:1");  // One group is not shortened.
  EXPECT_EQ(round_trip("::"), "::");
  EXPECT_EQ(round_trip("::1"), "::1");
  EXPECT_EQ(round_trip("fe80::"), "fe80::");
  EXPECT_EQ(round_trip("1:2:3:4:5:6:7:8"), "1:2:3:4:5:6:7:8");
  EXPECT_EQ(round_trip("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"), "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff");
  EXPECT_EQ(round_trip("::ffff:10.0.0.1"), "10.0.0.1");  // Kept as IPv4.
}

TEST(Address, what_is_none_is_refused) {
  for (const char* text :
       {"", "1", "1.2.3", "1.2.3.4.5", "256.1.1.1", "01.2.3.4", "1.2.3.4 ", ":", ":::", "1::2::3",
        "12345::", "g::", "fe80::1%eth0", "1:2:3:4:5:6:7:8:9", "0000:0000:0000:0000:0000:0000:0000:0000:0000:0000"}) {
    EXPECT_EQ(round_trip(text), "refused") << text;
  }
}

IpAddress ip(std::string_view text) {
  IpAddress address;
  EXPECT_TRUE(parse_ip(text, address)) << text;
  return address;
}

TEST(Address, kinds_are_told_at_their_edges) {
  EXPECT_TRUE(ip("224.0.23.0").is_multicast());
  EXPECT_TRUE(ip("239.255.255.255").is_multicast());
  EXPECT_FALSE(ip("223.255.255.255").is_multicast());
  EXPECT_FALSE(ip("240.0.0.0").is_multicast());
  EXPECT_TRUE(ip("ff02::1").is_multicast());
  EXPECT_TRUE(ip("127.255.0.1").is_loopback());
  EXPECT_TRUE(ip("::1").is_loopback());
  EXPECT_TRUE(ip("169.254.1.1").is_link_local());
  EXPECT_TRUE(ip("fe80::1").is_link_local());
  EXPECT_TRUE(ip("febf::1").is_link_local());
  EXPECT_FALSE(ip("fec0::1").is_link_local());
  EXPECT_TRUE(ip("255.255.255.255").is_broadcast());
  EXPECT_TRUE(ip("0.0.0.0").is_unspecified());
  EXPECT_TRUE(ip("::").is_unspecified());
  for (const char* text : {"10.0.0.0", "172.16.0.0", "172.31.255.255", "192.168.255.255", "100.64.0.0",
                           "100.127.255.255", "fd00::1", "fc00::1"}) {
    EXPECT_TRUE(ip(text).is_private()) << text;
  }
  for (const char* text : {"11.0.0.0", "172.15.255.255", "172.32.0.0", "192.169.0.0", "100.63.255.255", "100.128.0.0",
                           "fe00::1", "2001:db8::1"}) {
    EXPECT_FALSE(ip(text).is_private()) << text;
  }
}

bool inside(std::string_view prefix_text, std::string_view address) {
  IpPrefix prefix;
  EXPECT_TRUE(parse_prefix(prefix_text, prefix)) << prefix_text;
  EXPECT_EQ(to_string(prefix), prefix_text.find('/') == std::string_view::npos ? std::string(prefix_text) + "/32"
                                                                               : std::string(prefix_text));
  return prefix.contains(ip(address));
}

TEST(Prefix, contains_what_shares_its_bits) {
  EXPECT_TRUE(inside("192.168.1.0/24", "192.168.1.255"));
  EXPECT_FALSE(inside("192.168.1.0/24", "192.168.2.0"));
  EXPECT_TRUE(inside("0.0.0.0/0", "8.8.8.8"));
  EXPECT_FALSE(inside("0.0.0.0/0", "2001:db8::1"));
  EXPECT_FALSE(inside("::/0", "8.8.8.8"));
  EXPECT_TRUE(inside("10.1.2.3", "10.1.2.3"));
  EXPECT_TRUE(inside("2001:db8::/32", "2001:db8:ffff::1"));
  EXPECT_FALSE(inside("2001:db8::/32", "2001:db9::1"));
  EXPECT_TRUE(inside("2001:db8::/64", "2001:db8::ffff:ffff:ffff:ffff"));
  EXPECT_TRUE(inside("2001:db8:0:0:8000::/65", "2001:db8:0:0:8000::1"));
  EXPECT_FALSE(inside("2001:db8:0:0:8000::/65", "2001:db8::1"));
  EXPECT_TRUE(inside("2001:db8::1/128", "2001:db8::1"));
}

TEST(Prefix, bits_beyond_its_length_and_wrong_lengths_are_refused) {
  IpPrefix prefix;
  for (const char* text : {"192.168.1.1/24", "10.0.0.0/33", "10.0.0.0/", "10.0.0.0/-1", "10.0.0.0/8x", "2001:db8::1/64",
                           "::/129", "/8", "10.0.0.0/ 8", "0.0.0.1/0"}) {
    EXPECT_FALSE(parse_prefix(text, prefix)) << text;
  }
}

TEST(Mac, is_read_and_written) {
  MacAddress mac;
  ASSERT_TRUE(parse_mac("02:00:00:00:12:fF", mac));
  EXPECT_EQ(to_string(mac), "02:00:00:00:12:ff");
  EXPECT_TRUE(mac.is_locally_administered());
  EXPECT_FALSE(mac.is_group());
  ASSERT_TRUE(parse_mac("01-00-5e-00-00-01", mac));
  EXPECT_TRUE(mac.is_group());
  for (const char* text :
       {"", "02:00:00:00:12", "02:00:00:00:12:0g", "020000001202", "02:00:00:00:12:02:", "+2:00:00:00:12:02"})
    EXPECT_FALSE(parse_mac(text, mac)) << text;
}

TEST(SegmentKey, holds_three_tags_outermost_first_and_refuses_a_fourth) {
  SegmentKey key;
  EXPECT_EQ(key.vlan_count(), 0u);
  EXPECT_TRUE(key.push_vlan(30));
  EXPECT_TRUE(key.push_vlan(0));  // A priority tag is a tag.
  EXPECT_TRUE(key.push_vlan(4095));
  const SegmentKey three = key;
  EXPECT_FALSE(key.push_vlan(1));
  EXPECT_EQ(key, three);
  EXPECT_EQ(key.vlan_count(), 3u);
  EXPECT_EQ(key.vlan(0), 30);
  EXPECT_EQ(key.vlan(1), 0);
  EXPECT_EQ(key.vlan(2), 4095);
  EXPECT_FALSE(key.has_vni());
  EXPECT_FALSE(key.is_pan());
  EXPECT_EQ(SegmentKey::from_raw(key.raw()), key);
}

TEST(SegmentKey, a_virtual_network_and_its_tags_do_not_disturb_each_other) {
  for (const std::uint32_t vni : {0u, 1u, 0x7fffffu, 0xffffffu}) {
    SegmentKey key = SegmentKey::vni(vni);
    EXPECT_TRUE(key.has_vni());
    EXPECT_FALSE(key.is_pan());
    for (int i = 0; i < 3; ++i) EXPECT_TRUE(key.push_vlan(4095));
    EXPECT_EQ(key.vni_value(), vni);
    EXPECT_EQ(key.vlan_count(), 3u);
  }
}

TEST(SegmentKey, links_never_share_a_key) {
  std::set<std::uint64_t> seen = {SegmentKey().raw()};
  SegmentKey tagged_zero, twice;
  tagged_zero.push_vlan(0);
  twice.push_vlan(0), twice.push_vlan(0);
  for (const SegmentKey key :
       {tagged_zero, twice, SegmentKey::vni(0), SegmentKey::pan(0), SegmentKey::pan(1), SegmentKey::vni(1)}) {
    EXPECT_TRUE(seen.insert(key.raw()).second);
  }
  EXPECT_TRUE(SegmentKey::pan(0xffff).is_pan());
  EXPECT_EQ(SegmentKey::pan(0xffff).pan_value(), 0xffff);
}

template <class Enum>
void names_are_read_back(std::size_t count, bool (*parse)(std::string_view, Enum&) noexcept) {
  std::set<std::string_view> names;
  for (std::size_t i = 0; i < count; ++i) {
    const auto value = static_cast<Enum>(i);
    EXPECT_TRUE(names.insert(name_of(value)).second) << name_of(value);
    Enum read{};
    const bool first_is_none = i == 0 && (name_of(value) == "unknown" || name_of(value) == "none");
    EXPECT_EQ(parse(name_of(value), read), !first_is_none) << name_of(value);
    if (!first_is_none) {
      EXPECT_EQ(read, value);
    }
  }
  Enum read{};
  EXPECT_FALSE(parse("", read));
  EXPECT_FALSE(parse("no such word", read));
}

TEST(Words, every_name_is_read_back) {
  names_are_read_back<Role>(role_count, parse_role);
  names_are_read_back<ErabInterface>(erab_interface_count, parse_erab_interface);
  names_are_read_back<EventType>(event_type_count, parse_event_type);
  names_are_read_back<AppProtocol>(app_protocol_count, parse_app_protocol);
}

TEST(Words, the_outside_never_sees_the_underscore_of_operator) {
  EXPECT_EQ(name_of(Role::operator_), "operator");
  EXPECT_FALSE(japanese_of(Role::operator_).empty());
}

TEST(Words, a_set_of_event_types_has_what_was_added) {
  EventTypes types;
  types.add(EventType::alert);
  EXPECT_TRUE(types.has(EventType::alert));
  EXPECT_FALSE(types.has(EventType::flow));
  EXPECT_TRUE(EventTypes::all().has(EventType::stats));
}

TEST(Catalogue, every_detector_has_a_number_of_its_own_and_is_found_by_name) {
  std::set<std::pair<std::uint32_t, std::uint32_t>> numbers;
  ASSERT_EQ(detector_catalogue().size(), detector_count);
  for (const DetectorInfo& info : detector_catalogue()) {
    EXPECT_EQ(&info_of(info.id), &info);
    EXPECT_TRUE(numbers.insert({info.gid, info.sid}).second) << info.name;
    EXPECT_GE(info.severity, 1);
    EXPECT_LE(info.severity, 4);
    DetectorId id{};
    EXPECT_TRUE(parse_detector(info.name, id));
    EXPECT_EQ(id, info.id);
  }
  DetectorId id{};
  EXPECT_FALSE(parse_detector("control.no-such", id));
}

TEST(FlowKey, both_directions_have_one_key_and_one_hash) {
  DecodedPacket there, back;
  there.protocol = back.protocol = 17;
  there.segment.push_vlan(12), back.segment.push_vlan(12);
  there.source = back.destination = ip("192.168.1.20"), there.destination = back.source = ip("192.168.1.2");
  there.source_port = back.destination_port = 3610, there.destination_port = back.source_port = 50000;
  there.source_is_high = stands_before(there.destination, 50000, there.source, 3610);
  back.source_is_high = stands_before(back.destination, 3610, back.source, 50000);
  EXPECT_NE(there.source_is_high, back.source_is_high);
  EXPECT_EQ(flow_key_of(there), flow_key_of(back));
  const HashSeed seed;
  const std::uint64_t pair = pair_hash_of(seed, there.segment, there.source, there.destination);
  EXPECT_EQ(pair, pair_hash_of(seed, back.segment, back.source, back.destination));
  EXPECT_NE(pair, pair_hash_of(seed, SegmentKey(), there.source, there.destination));
  EXPECT_EQ(flow_hash_of(seed, pair, there.source, there.destination, 3610, 50000, 17),
            flow_hash_of(seed, pair, back.source, back.destination, 50000, 3610, 17));
  EXPECT_NE(flow_hash_of(seed, pair, there.source, there.destination, 3610, 50000, 17),
            flow_hash_of(seed, pair, there.source, there.destination, 3610, 50000, 6));
}

}  // namespace
}  // namespace tsujiban
