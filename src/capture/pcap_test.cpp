#include <gtest/gtest.h>

#include "capture/capture_test_support.h"
#include "capture/link_type.h"

namespace tsujiban::capture::test {
namespace {

constexpr std::int64_t second = 1'000'000'000;

class PcapOrder : public testing::TestWithParam<Order> {};
INSTANTIATE_TEST_SUITE_P(BothByteOrders, PcapOrder, testing::Values(Order::little, Order::big));

TEST_P(PcapOrder, microseconds_lengths_and_bytes_are_read) {
  const Outcome got = read_mapped(small_pcap(GetParam()));
  const std::vector<Seen> expected = {{1'700'000'000 * second + 123'456'000, "abc", 3, 1, 1, 0},
                                      {1'700'000'000 * second + 123'456'000, "", 0, 1, 2, 0},
                                      {1'700'000'001 * second + 1'000, "defgh", 60, 1, 3, 0}};
  EXPECT_EQ(got.packets, expected);
  EXPECT_FALSE(got.damaged) << got.damage;
}

TEST_P(PcapOrder, nanosecond_magic_gives_nanoseconds) {
  Writer to = pcap_header(GetParam(), 0xa1b23c4d);
  pcap_record(to, 5, 7, "x", 1);
  const Outcome got = read_mapped(to.out);
  ASSERT_EQ(got.packets.size(), 1u);
  EXPECT_EQ(got.packets[0].ns, 5 * second + 7);
}

// 0xa1b2cd34: after the usual 16 bytes the interface index (4), protocol (2), packet type (1) and padding (1).
TEST_P(PcapOrder, kuznetzov_record_header_of_24_bytes_is_read) {
  Writer to = pcap_header(GetParam(), 0xa1b2cd34);
  for (const std::string_view body : {"abc", "de"}) {
    to.u32(9).u32(8).u32(static_cast<std::uint32_t>(body.size())).u32(70).u32(2).u16(0x0800).u16(0).bytes(body);
  }
  const Outcome got = read_mapped(to.out);
  const std::vector<Seen> expected = {{9 * second + 8'000, "abc", 70, 1, 1, 0},
                                      {9 * second + 8'000, "de", 70, 1, 2, 0}};
  EXPECT_EQ(got.packets, expected);
  EXPECT_FALSE(got.damaged) << got.damage;
}

// 0x1c0001ac and 0x1c0001ab: four more bytes of file header (the size of all records), then nanosecond records.
TEST_P(PcapOrder, ixia_file_header_of_28_bytes_is_read) {
  for (const std::uint32_t magic : {0x1c0001acu, 0x1c0001abu}) {
    Writer to = pcap_header(GetParam(), magic);
    to.u32(17);
    pcap_record(to, 5, 7, "x", 1);
    const Outcome got = read_mapped(to.out);
    ASSERT_EQ(got.packets.size(), 1u);
    EXPECT_EQ(got.packets[0].ns, 5 * second + 7);
    EXPECT_FALSE(got.damaged);
  }
}

TEST_P(PcapOrder, versions_before_2_3_have_the_wire_length_first) {
  Writer to = pcap_header(GetParam(), 0xa1b2c3d4, 2);
  to.u32(1).u32(0).u32(60).u32(3).bytes("abc");
  const Outcome got = read_mapped(to.out);
  ASSERT_EQ(got.packets.size(), 1u);
  EXPECT_EQ(got.packets[0].bytes, "abc");
  EXPECT_EQ(got.packets[0].wire, 60u);
}

TEST_P(PcapOrder, version_2_3_takes_the_smaller_length_as_captured) {
  Writer to = pcap_header(GetParam(), 0xa1b2c3d4, 3);
  to.u32(1).u32(0).u32(60).u32(3).bytes("abc");
  to.u32(1).u32(0).u32(3).u32(60).bytes("def");
  const Outcome got = read_mapped(to.out);
  ASSERT_EQ(got.packets.size(), 2u);
  EXPECT_EQ(got.packets[0].wire, 60u);
  EXPECT_EQ(got.packets[1].bytes, "def");
}

TEST_P(PcapOrder, version_543_0_of_dg_ux_has_the_wire_length_first) {
  Writer to = pcap_header(GetParam(), 0xa1b2c3d4, 0, 1, 543);
  to.u32(1).u32(0).u32(60).u32(3).bytes("abc");
  EXPECT_EQ(read_mapped(to.out).packets.size(), 1u);
}

// Every prefix of a capture: exactly the records that are complete, and damage unless the cut is between two records.
TEST_P(PcapOrder, every_prefix_gives_its_complete_records_and_tells_the_cut) {
  const Buffer whole = small_pcap(GetParam());
  const std::vector<Seen> all = read_mapped(whole).packets;
  const std::vector<std::size_t> boundaries = {24, 24 + 19, 24 + 19 + 16, 24 + 19 + 16 + 21};
  ASSERT_EQ(boundaries.back(), whole.size());
  for (std::size_t length = 0; length <= whole.size(); ++length) {
    const Buffer prefix(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(length));
    std::size_t complete = 0;
    for (std::size_t i = 1; i < boundaries.size(); ++i) complete += length >= boundaries[i];
    const bool at_boundary = std::find(boundaries.begin(), boundaries.end(), length) != boundaries.end();
    const Outcome mapped = read_mapped(prefix);
    EXPECT_EQ(mapped.packets, std::vector<Seen>(all.begin(), all.begin() + static_cast<std::ptrdiff_t>(complete)))
        << length;
    EXPECT_EQ(mapped.damaged, !at_boundary) << length;
    for (const std::size_t piece : {1u, 5u, 1000u}) {
      const Outcome streamed = read_streamed(prefix, piece);
      EXPECT_EQ(streamed.packets, mapped.packets) << length << " in pieces of " << piece;
      EXPECT_EQ(streamed.damage, mapped.damage) << length << " in pieces of " << piece;
    }
  }
}

TEST(Pcap, a_batch_of_any_size_gives_the_same_packets) {
  const Buffer whole = small_pcap();
  const Outcome all = read_mapped(whole);
  for (std::size_t batch = 1; batch < 6; ++batch) EXPECT_EQ(read_mapped(whole, batch).packets, all.packets);
}

TEST(Pcap, a_captured_length_of_the_limit_is_read_and_one_more_is_damage) {
  const std::string body(record_bytes_max, 'x');
  Writer to = pcap_header(Order::little);
  pcap_record(to, 1, 0, body, record_bytes_max);
  EXPECT_EQ(read_mapped(to.out).packets.size(), 1u);
  EXPECT_EQ(read_streamed(to.out, 4096).packets.size(), 1u);
  Writer over = pcap_header(Order::little);
  pcap_record(over, 1, 0, "a", 1);
  pcap_record(over, 1, 0, body + "y", record_bytes_max + 1);
  const Outcome got = read_mapped(over.out);
  EXPECT_EQ(got.packets.size(), 1u);
  EXPECT_EQ(got.damage, "offset 41: a packet of 262145 captured bytes cannot be, at most 262144");
}

TEST(Pcap, a_wire_length_below_the_captured_one_is_raised_to_it) {
  Writer to = pcap_header(Order::little);
  pcap_record(to, 1, 0, "abc", 1);
  EXPECT_EQ(read_mapped(to.out).packets.at(0).wire, 3u);
}

TEST(Pcap, the_largest_time_and_a_fraction_above_a_second_do_not_overflow) {
  Writer to = pcap_header(Order::little);
  pcap_record(to, 0xffffffff, 0xffffffff, "", 0);
  const Outcome got = read_mapped(to.out);
  ASSERT_EQ(got.packets.size(), 1u);
  EXPECT_EQ(got.packets[0].ns, 4'294'967'295 * second + 4'294'967'295'000);
  EXPECT_LE(got.packets[0].ns, time_ns_max);
}

// Upper bits of the link type field: FCS present (0x04000000), 4 bytes of it (0x40000000).
TEST(Pcap, the_frame_check_sequence_bits_are_no_part_of_the_link_type) {
  Writer to = pcap_header(Order::little, 0xa1b2c3d4, 4, 0x44000001);
  pcap_record(to, 1, 0, "", 0);
  EXPECT_EQ(read_mapped(to.out).packets.at(0).link, 1u);
}

TEST(Pcap, an_unknown_link_type_is_carried_as_its_number) {
  Writer to = pcap_header(Order::little, 0xa1b2c3d4, 4, 4711);
  pcap_record(to, 1, 0, "", 0);
  EXPECT_EQ(read_mapped(to.out).packets.at(0).link, 4711u);
}

TEST(Pcap, other_versions_are_refused_with_their_number) {
  EXPECT_EQ(read_mapped(pcap_header(Order::little, 0xa1b2c3d4, 5).out).damage, "offset 4: version 2.5 is not known");
  EXPECT_EQ(read_mapped(pcap_header(Order::little, 0xa1b2c3d4, 4, 1, 1).out).damage,
            "offset 4: pcap version 1.4 is older than 2.0, the oldest that is read");
}

TEST(Pcap, a_header_without_records_is_a_capture_of_nothing) {
  const Outcome got = read_mapped(pcap_header(Order::big).out);
  EXPECT_TRUE(got.packets.empty());
  EXPECT_FALSE(got.damaged);
}

TEST(LinkTypeName, ieee_802_15_4_is_recognised_and_the_unknown_has_no_name) {
  EXPECT_EQ(link_type_name(LinkType::ethernet), "Ethernet");
  EXPECT_EQ(link_type_name(LinkType::ieee802154_tap), "IEEE 802.15.4 with TAP header");
  EXPECT_TRUE(is_ieee802154(LinkType::ieee802154_fcs));
  EXPECT_FALSE(is_ieee802154(LinkType::ethernet));
  EXPECT_EQ(link_type_name(static_cast<LinkType>(4711)), "");
}

}  // namespace
}  // namespace tsujiban::capture::test
