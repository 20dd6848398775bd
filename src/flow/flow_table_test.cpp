#include "flow/flow_table.h"

#include <gtest/gtest.h>

#include <map>
#include <random>
#include <vector>

namespace tsujiban::flow {
namespace {

struct Ends : FlowEndHandler {
  FlowTable* table = nullptr;
  std::vector<std::pair<std::uint64_t, EndReason>> ended;  // First packet, reason.
  void flow_ended(std::uint32_t flow, EndReason reason) noexcept override {
    ended.emplace_back(table->at(flow).first_packet, reason);
  }
};

FlowKey key(std::uint32_t a, std::uint32_t b, std::uint16_t pa, std::uint16_t pb, std::uint64_t segment = 0,
            std::uint8_t protocol = 17) {
  return {SegmentKey::from_raw(segment), IpAddress::v4(a), IpAddress::v4(b), pa, pb, protocol};
}
FlowKey key6(std::uint64_t a, std::uint64_t b) {
  return {{}, {0xfe80ull << 48, a}, {0xfe80ull << 48, b}, 3610, 3610, 17};
}

std::uint64_t hash_of(const FlowKey& k) {
  const HashSeed seed;
  return flow_hash_of(seed, pair_hash_of(seed, k.segment, k.low, k.high), k.low, k.high, k.low_port, k.high_port,
                      k.protocol);
}
PacketTime seconds(std::int64_t s) { return {s * 1'000'000'000}; }

class FlowTableTest : public ::testing::Test {
 protected:
  std::unique_ptr<metrics::WorkerCounters> counters = std::make_unique<metrics::WorkerCounters>();
  Ends ends;
  std::unique_ptr<FlowTable> make(std::uint32_t flows_max) {
    auto table = std::make_unique<FlowTable>(Limits{.flows_max = flows_max}, *counters, ends);
    ends.table = table.get();
    return table;
  }
};

TEST_F(FlowTableTest, same_addresses_on_two_segments_are_two_flows) {
  auto table = make(16);
  const FlowKey home_1 = key(1, 2, 3610, 3610, 30 | 0x1000), home_2 = key(1, 2, 3610, 3610, 31 | 0x1000);
  const auto first = table->find_or_create(home_1, hash_of(home_1), seconds(1), 1, false);
  const auto second = table->find_or_create(home_2, hash_of(home_2), seconds(1), 2, false);
  EXPECT_TRUE(first.created && second.created);
  EXPECT_NE(first.flow, second.flow);
  EXPECT_EQ(table->key_of(first.flow), home_1);
  EXPECT_EQ(table->key_of(second.flow), home_2);
}

TEST_F(FlowTableTest, colliding_hashes_are_told_apart_by_their_keys) {
  auto table = make(64);
  std::vector<std::uint32_t> flows;
  for (std::uint32_t i = 1; i <= 50; ++i) {
    const FlowKey k = key(i, 1000, 1, 2);
    flows.push_back(table->find_or_create(k, 0xabcdef0123456789, seconds(1), i, false).flow);
  }
  for (std::uint32_t i = 1; i <= 50; ++i) {
    const FlowKey k = key(i, 1000, 1, 2);
    const auto found = table->find_or_create(k, 0xabcdef0123456789, seconds(1), 100, false);
    EXPECT_FALSE(found.created);
    EXPECT_EQ(found.flow, flows[i - 1]);
  }
}

TEST_F(FlowTableTest, a_silent_flow_ends_after_its_timeout_and_not_before) {
  auto table = make(16);
  const FlowKey k = key(1, 2, 5, 6);
  table->find_or_create(k, hash_of(k), seconds(100), 7, false);
  for (int s = 100; s < 130; ++s) table->advance(seconds(s));
  EXPECT_TRUE(ends.ended.empty());
  table->advance(seconds(131));
  ASSERT_EQ(ends.ended.size(), 1u);
  EXPECT_EQ(ends.ended[0], (std::pair<std::uint64_t, EndReason>{7, EndReason::timeout}));
  EXPECT_EQ(table->size(), 0u);
}

TEST_F(FlowTableTest, a_talking_flow_stays_and_a_far_jump_ends_all_in_order_of_first_packets) {
  auto table = make(64);
  for (std::uint32_t i = 1; i <= 20; ++i) {
    const FlowKey k = i % 2 != 0 ? key(i * 77, i, 1, 2) : key6(i * 77, i);
    table->find_or_create(k, hash_of(k), seconds(100), i, false);
  }
  for (int s = 100; s < 400; s += 10) {
    const FlowKey k = key(77, 1, 1, 2);
    const auto found = table->find_or_create(k, hash_of(k), seconds(s), 1000, false);
    EXPECT_EQ(found.created, false);
    table->at(found.flow).last_ns = seconds(s).ns;
    table->advance(seconds(s));
  }
  EXPECT_EQ(table->size(), 1u);
  table->advance(seconds(1'000'000));
  ASSERT_EQ(ends.ended.size(), 20u);
  EXPECT_EQ(ends.ended.back().first, 1u);
  for (std::size_t i = 1; i + 1 < ends.ended.size(); ++i) EXPECT_LT(ends.ended[i - 1].first, ends.ended[i].first) << i;
}

TEST_F(FlowTableTest, at_the_limit_the_stalest_is_evicted_and_counted) {
  auto table = make(8);
  for (std::uint32_t i = 1; i <= 8; ++i) {
    const FlowKey k = key(i, 99, 1, 2);
    table->find_or_create(k, hash_of(k), seconds(i), i, false);
  }
  EXPECT_EQ(counters->evictions[0].value(), 0u);
  const FlowKey k = key(50, 99, 1, 2);
  EXPECT_TRUE(table->find_or_create(k, hash_of(k), seconds(20), 9, false).created);
  EXPECT_EQ(table->size(), 8u);
  EXPECT_EQ(counters->evictions[0].value(), 1u);
  ASSERT_EQ(ends.ended.size(), 1u);
  EXPECT_EQ(ends.ended[0], (std::pair<std::uint64_t, EndReason>{1, EndReason::forced}));
  table->end_all(EndReason::shutdown);
  EXPECT_EQ(ends.ended.size(), 9u);
  EXPECT_EQ(table->size(), 0u);
}

TEST_F(FlowTableTest, a_restarted_flow_ends_once_and_keeps_its_slot) {
  auto table = make(8);
  const FlowKey k = key(1, 2, 1, 2, 0, 6);
  const auto found = table->find_or_create(k, hash_of(k), seconds(1), 1, false);
  table->at(found.flow).session = 5;
  table->restart(found.flow, seconds(2), 2, true);
  EXPECT_EQ(table->at(found.flow).session, 0u);
  EXPECT_EQ(ends.ended, (std::vector<std::pair<std::uint64_t, EndReason>>{{1, EndReason::reused}}));
  EXPECT_EQ(table->find_or_create(k, hash_of(k), seconds(3), 3, false).flow, found.flow);
  table->end_all(EndReason::shutdown);
  EXPECT_EQ(ends.ended.size(), 2u);
}

// Slots that were free again meanwhile have later flows than those behind them.
TEST_F(FlowTableTest, at_the_end_all_end_in_order_of_first_packets_whatever_slots_they_have) {
  auto table = make(64);
  const auto add = [&](std::uint32_t i, bool v6, std::int64_t second) {
    const FlowKey k = v6 ? key6(i * 77, i) : key(i * 77, i, 1, 2);
    EXPECT_TRUE(table->find_or_create(k, hash_of(k), seconds(second), i, false).created);
  };
  for (std::uint32_t i = 1; i <= 20; ++i) add(i, i % 3 == 0, i <= 10 ? 100 : 125);
  table->advance(seconds(100));
  table->advance(seconds(131));  // The first ten are over.
  ASSERT_EQ(ends.ended.size(), 10u);
  for (std::uint32_t i = 21; i <= 35; ++i) add(i, i % 2 == 0, 131);
  ends.ended.clear();
  table->end_all(EndReason::shutdown);
  ASSERT_EQ(ends.ended.size(), 25u);
  for (std::size_t i = 0; i < ends.ended.size(); ++i)
    EXPECT_EQ(ends.ended[i], (std::pair<std::uint64_t, EndReason>{11 + i, EndReason::shutdown}));
  EXPECT_EQ(table->size(), 0u);
  // Nothing of them is found again, and the table goes on.
  ends.ended.clear();
  for (std::uint32_t i = 1; i <= 64; ++i) add(i, false, 140);
  EXPECT_EQ(table->size(), 64u);
  table->end_all(EndReason::shutdown);
  EXPECT_EQ(ends.ended.size(), 64u);
}

// A plain map is the oracle: random keys, times and silences, with the index growing through several sizes meanwhile.
TEST_F(FlowTableTest, behaves_as_a_map_would) {
  auto table = make(50'000);
  std::mt19937_64 random(1);
  std::map<std::pair<std::uint32_t, std::uint16_t>, std::uint32_t> known;
  std::uint64_t number = 0;
  std::int64_t second = 0;
  for (int i = 0; i < 200'000; ++i) {
    const auto a = static_cast<std::uint32_t>(random() % 4000), b = static_cast<std::uint32_t>(random() % 10);
    const FlowKey k = b < 5 ? key(a + 1, 100'000, static_cast<std::uint16_t>(b), 9) : key6(a, 100'000 + b);
    const auto found = table->find_or_create(k, hash_of(k), seconds(second), ++number, false);
    const auto [entry, fresh] = known.try_emplace({a, static_cast<std::uint16_t>(b)}, found.flow);
    ASSERT_EQ(found.created, fresh);
    ASSERT_EQ(found.flow, entry->second);
    table->at(found.flow).last_ns = seconds(second).ns;
    if (i % 20'000 == 19'999) {
      second += 1000;
      const std::size_t before = ends.ended.size();
      table->advance(seconds(second));
      ASSERT_EQ(ends.ended.size() - before, known.size());
      known.clear();
    }
  }
}

TEST_F(FlowTableTest, bytes_are_counted_beyond_32_bits_and_begin_anew_with_the_flow) {
  auto table = make(16);
  const FlowKey k = key(1, 2, 3, 4, 0);
  const std::uint32_t flow = table->find_or_create(k, hash_of(k), seconds(1), 7, false).flow;
  EXPECT_EQ(table->count(flow, 0, 0xffffffff), 1u);
  EXPECT_EQ(table->bytes_of(flow, 0), 0xffffffffu);
  EXPECT_EQ(table->count(flow, 0, 0xffffffff), 2u);
  EXPECT_EQ(table->count(flow, 0, 3), 3u);
  EXPECT_EQ(table->count(flow, 1, 60), 1u);
  EXPECT_EQ(table->bytes_of(flow, 0), 0x200000001u);
  EXPECT_EQ(table->bytes_of(flow, 1), 60u);
  EXPECT_EQ(table->begun(flow), seconds(1));
  table->restart(flow, seconds(2), 8, false);
  EXPECT_EQ(table->bytes_of(flow, 0), 0u);
  EXPECT_EQ(table->bytes_of(flow, 1), 0u);
  EXPECT_EQ(table->at(flow).first_packet, 8u);
  EXPECT_EQ(table->begun(flow), seconds(2));
}

}  // namespace
}  // namespace tsujiban::flow
