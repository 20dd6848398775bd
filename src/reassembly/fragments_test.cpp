#include "reassembly/fragments.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "reassembly/test_packets.h"

namespace tsujiban::reassembly {
namespace {

using test::fragment_packet;
using test::text_of;

std::string pattern(std::size_t size, unsigned seed = 0) {
  std::string text(size, 0);
  for (std::size_t i = 0; i < size; ++i) text[i] = static_cast<char>((i * 7 + seed * 31 + i / 256) & 0xff);
  return text;
}

struct Table {
  explicit Table(FragmentTable::Limits limits = {}) : table(limits, HashSeed{}, counters) {}
  std::string add(DecodedPacket packet) {
    const auto datagram = table.add(packet);
    anomalies.clear();
    for (const Anomaly& a : packet.anomalies) anomalies.push_back(a.error);
    for (const Anomaly& a : packet.anomalies) EXPECT_EQ(a.layer, Layer::fragment);
    protocol = datagram.protocol;
    return datagram ? text_of(datagram.payload) : std::string();
  }
  bool told(ParseError error) const { return std::find(anomalies.begin(), anomalies.end(), error) != anomalies.end(); }
  metrics::WorkerCounters counters;
  FragmentTable table;
  std::vector<ParseError> anomalies;
  std::uint8_t protocol = 0;
};

TEST(Fragments, any_order_completes_once_with_the_last_piece) {
  const std::string text = pattern(50);
  std::vector<int> order{0, 1, 2, 3};
  do {
    for (const bool v6 : {false, true}) {
      Table t;
      std::string got;
      for (std::size_t k = 0; k < 4; ++k) {
        const auto i = static_cast<std::size_t>(order[k]);
        const std::string piece = text.substr(i * 16, i == 3 ? 2 : 16);
        got = t.add(fragment_packet(v6, 7, static_cast<std::uint32_t>(i * 16), piece, i != 3));
        EXPECT_EQ(got.empty(), k != 3);
        EXPECT_TRUE(t.anomalies.empty());
      }
      EXPECT_EQ(got, text);
      EXPECT_EQ(t.protocol, 17);
      EXPECT_EQ(t.table.datagrams(), 0u);
      t.table.expire(PacketTime{});
    }
  } while (std::next_permutation(order.begin(), order.end()));
}

TEST(Fragments, random_sizes_up_to_the_largest_datagram) {
  for (unsigned seed = 0; seed < 200; ++seed) {
    test::Random random(seed);
    const std::size_t size = seed == 0 ? 65535 : 1 + random() % 65535;
    const std::string text = pattern(size, seed);
    std::vector<std::string> pieces;
    std::vector<DecodedPacket> packets;
    const std::size_t step = 8 * (size / 400 + 1 + random() % 180);
    for (std::size_t at = 0; at < size; at += step) pieces.push_back(text.substr(at, step));
    if (pieces.size() < 2) continue;
    for (std::size_t i = 0; i < pieces.size(); ++i) {
      packets.push_back(fragment_packet(seed % 2 == 0, seed, static_cast<std::uint32_t>(i * step), pieces[i],
                                        i + 1 != pieces.size()));
    }
    // Near-order, each third doubled: never more islands than the limit.
    for (std::size_t i = 0; i + 1 < packets.size(); i += 3) packets.push_back(packets[i]);
    if (seed % 3 == 0) std::reverse(packets.begin(), packets.begin() + static_cast<std::ptrdiff_t>(pieces.size()));
    Table t;
    std::string got;
    for (std::size_t i = 0; i < pieces.size(); ++i) {
      const std::string now = t.add(packets[i]);
      EXPECT_TRUE(t.anomalies.empty());
      if (!now.empty()) got = now;
    }
    ASSERT_EQ(got, text) << seed;
  }
}

TEST(Fragments, keys_are_told_apart) {
  Table t;
  const std::string a = pattern(8, 1), b = pattern(8, 2);
  t.add(fragment_packet(false, 1, 0, a, true));
  DecodedPacket other = fragment_packet(false, 1, 8, b, false);
  other.segment.push_vlan(10);
  EXPECT_EQ(t.add(other), "");
  other = fragment_packet(false, 1, 8, b, false);
  other.protocol = 1;
  EXPECT_EQ(t.add(other), "");
  EXPECT_EQ(t.add(fragment_packet(false, 2, 8, b, false)), "");
  EXPECT_EQ(t.table.datagrams(), 4u);
  EXPECT_EQ(t.add(fragment_packet(false, 1, 8, b, false)), a + b);
}

TEST(Fragments, the_protocol_of_ipv6_is_that_of_the_first_fragment) {
  Table t;
  const std::string a = pattern(8, 1), b = pattern(8, 2);
  DecodedPacket last = fragment_packet(true, 1, 8, b, false);
  last.protocol = 6;
  t.add(last);
  EXPECT_EQ(t.add(fragment_packet(true, 1, 0, a, true)), a + b);
  EXPECT_EQ(t.protocol, 17);
}

TEST(Fragments, an_exact_duplicate_is_no_anomaly) {
  for (const bool v6 : {false, true}) {
    Table t;
    const std::string a = pattern(16, 1), b = pattern(8, 2);
    t.add(fragment_packet(v6, 1, 0, a, true));
    t.add(fragment_packet(v6, 1, 0, a, true));
    EXPECT_TRUE(t.anomalies.empty());
    EXPECT_EQ(t.add(fragment_packet(v6, 1, 16, b, false)), a + b);
  }
}

TEST(Fragments, ipv4_overlaps_keep_what_came_first_and_are_told) {
  Table t;
  const std::string a(16, 'a'), b(16, 'b'), c(8, 'c');
  t.add(fragment_packet(false, 1, 0, a, true));
  t.add(fragment_packet(false, 1, 8, b, true));
  EXPECT_TRUE(t.told(ParseError::fragment_overlap_differs));
  EXPECT_EQ(t.add(fragment_packet(false, 1, 24, c, false)), std::string(16, 'a') + std::string(8, 'b') + c);
  Table same;
  same.add(fragment_packet(false, 1, 0, a, true));
  same.add(fragment_packet(false, 1, 8, a, true));
  EXPECT_TRUE(same.told(ParseError::fragment_overlap));
  EXPECT_FALSE(same.told(ParseError::fragment_overlap_differs));
}

TEST(Fragments, ipv6_overlaps_discard_the_datagram_and_all_that_follows) {
  Table t;
  const std::string a(16, 'a'), c(8, 'c');
  t.add(fragment_packet(true, 1, 0, a, true));
  t.add(fragment_packet(true, 1, 8, a, true));
  EXPECT_TRUE(t.told(ParseError::fragment_overlap));
  EXPECT_EQ(t.add(fragment_packet(true, 1, 24, c, false)), "");
  EXPECT_EQ(t.table.datagrams(), 1u);
  EXPECT_EQ(t.table.expire(PacketTime{} + Duration::seconds(61)), 0u);
  EXPECT_EQ(t.table.datagrams(), 0u);
}

TEST(Fragments, broken_lengths_and_ends_are_told) {
  Table t;
  const std::string seven(7, 'x'), eight(8, 'x'), sixteen(16, 'x'), none;
  t.add(fragment_packet(false, 1, 0, seven, true));
  EXPECT_TRUE(t.told(ParseError::fragment_bad_length));
  t.add(fragment_packet(false, 1, 8, none, false));
  EXPECT_TRUE(t.told(ParseError::fragment_bad_length));
  EXPECT_EQ(t.table.datagrams(), 0u);
  t.add(fragment_packet(false, 2, 65528, eight, false));
  EXPECT_TRUE(t.told(ParseError::fragment_too_large));
  t.add(fragment_packet(false, 3, 16, eight, false));
  t.add(fragment_packet(false, 3, 24, eight, false));
  EXPECT_TRUE(t.told(ParseError::fragment_end_conflict));
  t.add(fragment_packet(false, 3, 24, eight, true));
  EXPECT_TRUE(t.told(ParseError::fragment_end_conflict));
  EXPECT_EQ(t.add(fragment_packet(false, 3, 0, sixteen, true)), sixteen + eight);
  t.add(fragment_packet(false, 4, 24, eight, true));
  t.add(fragment_packet(false, 4, 8, eight, false));
  EXPECT_TRUE(t.told(ParseError::fragment_end_conflict));
}

TEST(Fragments, a_first_fragment_too_small_for_its_header_is_told_and_kept) {
  Table t;
  const std::string eight(8, 'x');
  DecodedPacket packet = fragment_packet(false, 1, 0, eight, true);
  t.add(packet);
  EXPECT_FALSE(t.told(ParseError::fragment_too_small));
  packet.protocol = 6;
  t.add(packet);
  EXPECT_TRUE(t.told(ParseError::fragment_too_small));
  packet = fragment_packet(false, 1, 8, eight, true);
  packet.protocol = 6;
  t.add(packet);
  EXPECT_TRUE(t.told(ParseError::fragment_too_small));
  packet = fragment_packet(false, 1, 16, eight, false);
  packet.protocol = 6;
  EXPECT_EQ(t.add(packet).size(), 24u);
}

TEST(Fragments, an_atomic_fragment_is_a_datagram_of_its_own) {
  Table t;
  const std::string a(16, 'a'), b(8, 'b');
  t.add(fragment_packet(true, 1, 0, a, true));
  EXPECT_EQ(t.add(fragment_packet(true, 1, 0, b, false)), b);
  EXPECT_EQ(t.add(fragment_packet(true, 1, 16, b, false)), a + b);
}

TEST(Fragments, what_never_completes_times_out_by_packet_time) {
  Table t;
  const std::string a(16, 'a');
  t.add(fragment_packet(false, 1, 0, a, true, 100));
  t.add(fragment_packet(true, 1, 0, a, true, 100));
  EXPECT_EQ(t.table.expire(PacketTime{} + Duration::seconds(129)), 0u);
  EXPECT_EQ(t.table.expire(PacketTime{} + Duration::seconds(130)), 1u);
  EXPECT_EQ(t.table.expire(PacketTime{} + Duration::seconds(159)), 0u);
  EXPECT_EQ(t.table.expire(PacketTime{} + Duration::seconds(160)), 1u);
  EXPECT_EQ(t.table.bytes_used(), 0u);
  const auto& errors = t.counters.decode_errors[static_cast<std::size_t>(Layer::fragment)];
  EXPECT_EQ(errors[static_cast<std::size_t>(ParseError::fragment_timeout)].value(), 2u);
}

TEST(Fragments, a_snapped_fragment_is_neither_told_nor_counted_as_lost) {
  Table t;
  const std::string a(16, 'a');
  DecodedPacket packet = fragment_packet(false, 1, 0, a, true);
  packet.payload_length_wire = 1024;
  t.add(packet);
  EXPECT_TRUE(t.anomalies.empty());
  EXPECT_EQ(t.table.expire(PacketTime{} + Duration::seconds(31)), 0u);
}

TEST(Fragments, datagrams_at_and_above_the_limit_evict_the_oldest) {
  FragmentTable::Limits limits;
  limits.datagrams_max = 3;
  Table t(limits);
  const std::string a(8, 'a'), b(8, 'b');
  for (std::uint32_t id = 1; id <= 4; ++id) t.add(fragment_packet(false, id, 0, a, true));
  EXPECT_EQ(t.table.datagrams(), 3u);
  EXPECT_EQ(t.counters.evictions[static_cast<std::size_t>(metrics::EvictionReason::fragment_memory)].value(), 1u);
  EXPECT_EQ(t.add(fragment_packet(false, 2, 8, b, false)), a + b);
}

TEST(Fragments, one_source_cannot_take_all_places) {
  FragmentTable::Limits limits;
  limits.datagrams_per_source_max = 5;
  Table t(limits);
  const std::string a(8, 'a');
  for (std::uint32_t id = 1; id <= 5; ++id) {
    t.add(fragment_packet(false, id, 0, a, true));
    EXPECT_TRUE(t.anomalies.empty());
  }
  t.add(fragment_packet(false, 6, 0, a, true));
  EXPECT_TRUE(t.told(ParseError::fragment_limit));
  EXPECT_EQ(t.table.datagrams(), 5u);
  t.table.expire(PacketTime{} + Duration::seconds(30));
  t.add(fragment_packet(false, 7, 0, a, true, 30));
  EXPECT_TRUE(t.anomalies.empty());
}

TEST(Fragments, memory_never_exceeds_its_cap_and_the_newest_gets_through) {
  FragmentTable::Limits limits;
  limits.bytes_max = 256 << 10;
  limits.datagrams_per_source_max = 100000;
  Table t(limits);
  const std::string big(1400, 'a'), b(8, 'b');
  for (std::uint32_t id = 1; id <= 2000; ++id) {
    t.add(fragment_packet(false, id, 0, big, true));
    EXPECT_TRUE(t.anomalies.empty());
    ASSERT_LE(t.table.bytes_used(), std::size_t{256} << 10);
  }
  EXPECT_EQ(t.add(fragment_packet(false, 2000, 1400, b, false)), big + b);
}

TEST(Fragments, too_many_islands_give_a_datagram_up) {
  Table t;
  const std::string a(8, 'a');
  for (std::uint32_t i = 0; i < FragmentTable::runs_max; ++i) {
    t.add(fragment_packet(false, 1, 16 * i, a, true));
    EXPECT_TRUE(t.anomalies.empty());
  }
  t.add(fragment_packet(false, 1, 16 * FragmentTable::runs_max, a, true));
  EXPECT_TRUE(t.told(ParseError::fragment_limit));
  EXPECT_EQ(t.table.bytes_used(), 0u);
}

}  // namespace
}  // namespace tsujiban::reassembly
