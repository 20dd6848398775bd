#include <gtest/gtest.h>

#include <thread>

#include "pipeline/alert_merger.h"
#include "pipeline/block_ring.h"
#include "pipeline/exchange_table.h"
#include "pipeline/packet_clock.h"
#include "pipeline/record_ring.h"

namespace tsujiban::pipeline {
namespace {

PacketTime at(double seconds) { return {static_cast<std::int64_t>(seconds * 1e9)}; }

TEST(PacketClock, never_goes_back) {
  PacketClock clock;
  EXPECT_EQ(clock.advance(at(100)), at(100));
  EXPECT_EQ(clock.advance(at(99.5)), at(100));
  EXPECT_EQ(clock.backwards(), 0u);
  EXPECT_EQ(clock.advance(at(90)), at(100));
  EXPECT_EQ(clock.backwards(), 1u);
  EXPECT_EQ(clock.advance(at(101)), at(101));
}

TEST(PacketClock, one_stray_future_stamp_moves_nothing_and_a_real_jump_is_followed) {
  PacketClock clock;
  clock.advance(at(100));
  EXPECT_EQ(clock.advance(at(1e9)), at(100));
  EXPECT_EQ(clock.strays(), 1u);
  EXPECT_EQ(clock.advance(at(101)), at(101));
  for (unsigned i = 0; i + 1 < PacketClock::jump_packets_min; ++i) EXPECT_EQ(clock.advance(at(90000 + i)), at(101));
  EXPECT_EQ(clock.advance(at(90010)), at(90010));
  EXPECT_EQ(clock.jumps(), 1u);
}

TEST(PacketClock, a_jump_of_exactly_the_limit_is_believed_at_once) {
  PacketClock clock;
  clock.advance(at(100));
  EXPECT_EQ(clock.advance(at(100) + PacketClock::jump_max), at(3700));
  EXPECT_EQ(clock.advance(at(3700) + PacketClock::jump_max + Duration{1}), at(3700));
}

TEST(RecordRing, records_come_out_as_they_went_in_over_many_laps) {
  RecordRing ring(1 << 14);
  std::uint64_t written = 0, read = 0;
  while (read < 5000) {
    for (;;) {
      const std::size_t size = written * 37 % 900;
      RecordHeader* header = ring.reserve(size);
      if (header == nullptr) break;
      header->order.packet = written;
      std::memset(RecordRing::body(header), static_cast<int>(written & 0xff), size);
      ring.commit();
      ++written;
    }
    for (int i = 0; i < 7; ++i) {
      const RecordHeader* header = ring.front();
      if (header == nullptr) break;
      ASSERT_EQ(header->order.packet, read);
      ASSERT_EQ(header->body_bytes, read * 37 % 900);
      for (std::size_t k = 0; k < header->body_bytes; ++k)
        ASSERT_EQ(static_cast<std::uint8_t>(RecordRing::body(header)[k]), read & 0xff);
      ring.pop();
      ++read;
    }
  }
}

TEST(RecordRing, keeps_the_room_that_details_may_not_take) {
  RecordRing ring(1 << 14);
  std::size_t details = 0;
  while (ring.reserve(100, ring.capacity() / 4) != nullptr) ring.commit(), ++details;
  std::size_t alerts = 0;
  while (ring.reserve(100) != nullptr) ring.commit(), ++alerts;
  EXPECT_GT(details, 0u);
  EXPECT_GT(alerts, details / 5);
}

TEST(RecordRing, one_writer_and_one_reader_agree) {
  RecordRing ring(1 << 16);
  constexpr std::uint64_t records = 100'000;
  std::thread writer([&] {
    for (std::uint64_t i = 0; i < records; ++i) {
      RecordHeader* header;
      while ((header = ring.reserve(i % 300)) == nullptr) std::this_thread::yield();
      header->order.packet = i;
      ring.commit();
    }
  });
  for (std::uint64_t i = 0; i < records; ++i) {
    const RecordHeader* header;
    while ((header = ring.front()) == nullptr) std::this_thread::yield();
    ASSERT_EQ(header->order.packet, i);
    ring.pop();
  }
  writer.join();
}

TEST(BlockRing, every_consumer_sees_every_packet_once) {
  BlockRing ring(4, 3);
  constexpr std::uint64_t packets = 20'000;
  std::vector<std::uint64_t> sums(3, 0);
  std::vector<std::thread> consumers;
  for (unsigned c = 0; c < 3; ++c) {
    consumers.emplace_back([&, c] {
      for (bool last = false; !last;) {
        const Block& block = ring.wait(c);
        for (std::uint32_t i = 0; i < block.count; ++i) sums[c] += block.packets[i].number + block.packets[i].data[0];
        last = block.last;
        ring.release(c);
      }
    });
  }
  const auto claim = [&] {
    Block* block;
    while ((block = ring.claim()) == nullptr) std::this_thread::yield();
    return block;
  };
  Block* block = claim();
  for (std::uint64_t i = 1; i <= packets; ++i) {
    const std::uint8_t byte = 1;
    RawPacket packet{&byte, 1, 1, {}, i, LinkType::ethernet, 0};
    if (!block->add(packet)) {
      ring.publish();
      block = claim();
      ASSERT_TRUE(block->add(packet));
    }
  }
  block->last = true;
  ring.publish();
  for (std::thread& consumer : consumers) consumer.join();
  for (const std::uint64_t sum : sums) EXPECT_EQ(sum, packets * (packets + 1) / 2 + packets);
}

struct Written : AlertWriter {
  std::vector<std::pair<std::uint64_t, bool>> records;  // Count, first.
  void write_alert(const Alert& alert, std::uint64_t, bool first) noexcept override {
    records.emplace_back(alert.count, first);
  }
};

class AlertMergerTest : public ::testing::Test {
 protected:
  std::unique_ptr<metrics::WorkerCounters> counters = std::make_unique<metrics::WorkerCounters>();
  Written written;
  AlertMerger merger{std::vector<Duration>(detector_count, Duration::seconds(60)), *counters, {}, written};
  void raise(DetectorId detector, double seconds, std::uint32_t host = 1) {
    Alert alert;
    alert.detector = detector;
    alert.time = at(seconds);
    alert.source = IpAddress::v4(host);
    merger.raise(alert);
  }
  void expect_conserved() {
    EXPECT_EQ(counters->alerts_raised.value(), written.records.size() + counters->alerts_merged.value());
  }
};

TEST_F(AlertMergerTest, a_condition_that_lasts_is_written_once_a_repeat_and_once_at_its_end) {
  for (int s = 0; s <= 150; ++s) {
    raise(DetectorId::policy_peer_not_allowed, s);
    merger.advance(at(s));
  }
  merger.advance(at(300));
  using Record = std::pair<std::uint64_t, bool>;
  EXPECT_EQ(written.records, (std::vector<Record>{{1, true}, {61, false}, {121, false}, {151, false}}));
  expect_conserved();
}

TEST_F(AlertMergerTest, extending_counts_what_raising_would_and_asks_for_the_whole_alert_when_a_record_is_due) {
  Alert key;
  key.detector = DetectorId::policy_peer_not_allowed;
  key.source = IpAddress::v4(1);
  EXPECT_FALSE(merger.extend(key, at(0)));
  raise(DetectorId::policy_peer_not_allowed, 0);
  EXPECT_TRUE(merger.extend(key, at(30)));
  EXPECT_TRUE(merger.extend(key, at(59)));
  EXPECT_FALSE(merger.extend(key, at(60)));
  raise(DetectorId::policy_peer_not_allowed, 60);
  merger.finish();
  using Record = std::pair<std::uint64_t, bool>;
  EXPECT_EQ(written.records, (std::vector<Record>{{1, true}, {4, false}}));
  expect_conserved();
}

TEST_F(AlertMergerTest, after_a_silence_the_condition_begins_anew) {
  raise(DetectorId::policy_peer_not_allowed, 0);
  merger.advance(at(61));
  raise(DetectorId::policy_peer_not_allowed, 62);
  merger.finish();
  using Record = std::pair<std::uint64_t, bool>;
  EXPECT_EQ(written.records, (std::vector<Record>{{1, true}, {1, true}}));
  expect_conserved();
}

TEST_F(AlertMergerTest, signature_matches_are_written_each_up_to_the_burst) {
  for (unsigned i = 0; i < AlertMerger::signature_burst + 50; ++i) raise(DetectorId::signature, 1);
  EXPECT_EQ(written.records.size(), AlertMerger::signature_burst);
  merger.finish();
  EXPECT_EQ(written.records.size(), AlertMerger::signature_burst + 1);
  EXPECT_EQ(written.records.back().first, AlertMerger::signature_burst + 50);
  expect_conserved();
}

TEST_F(AlertMergerTest, an_attacker_with_many_addresses_cannot_grow_it) {
  for (std::uint32_t i = 0; i < AlertMerger::conditions_max + 1000; ++i)
    raise(DetectorId::policy_peer_not_allowed, 1, i + 1);
  EXPECT_EQ(counters->evictions[static_cast<std::size_t>(metrics::EvictionReason::merge_table)].value(), 1000u);
  merger.finish();
  expect_conserved();
}

// A ring that is empty takes every record that it can hold, wherever its last one ended.
TEST(RecordRing, an_empty_ring_has_room_wherever_it_stands) {
  constexpr std::size_t capacity = 1u << 20;
  for (const std::size_t first :
       {std::size_t{1'000}, std::size_t{140'000}, std::size_t{300'000}, std::size_t{700'000}}) {
    for (const std::size_t then : {std::size_t{100}, std::size_t{200'000}, std::size_t{500'000}}) {
      RecordRing ring(capacity);
      ASSERT_NE(ring.reserve(first), nullptr);
      ring.commit();
      ASSERT_NE(ring.front(), nullptr);
      ring.pop();
      const std::size_t free_min = then <= 200'000 ? capacity / 4 : 0;
      ASSERT_NE(ring.reserve(then, free_min), nullptr) << first << ' ' << then;
      ring.commit();
      ASSERT_NE(ring.front(), nullptr);
      EXPECT_EQ(ring.front()->body_bytes, then);
    }
  }
}

TEST(ExchangeTable, every_answer_to_a_multicast_request_gets_its_time) {
  ExchangeTable table({});
  Fact request{};
  request.kind = FactKind::request;
  request.time = at(10);
  request.source = IpAddress::v4(1);
  request.exchange = {0x05ff01, 0x0ef000, 7, 0x62, false, 0};
  table.request(request);
  EXPECT_EQ(table.answer({}, IpAddress::v4(1), {0x0ef001, 0x05ff01, 7, 0x62, false, 0}, at(10.25)),
            Duration::milliseconds(250));
  EXPECT_EQ(table.answer({}, IpAddress::v4(1), {0x0ef001, 0x05ff01, 7, 0x62, false, 0}, at(10.5)),
            Duration::milliseconds(500));
  EXPECT_FALSE(table.answer({}, IpAddress::v4(2), {0x0ef001, 0x05ff01, 7, 0x62, false, 0}, at(10.5)));
  EXPECT_FALSE(table.answer({}, IpAddress::v4(1), {0x0ef001, 0x05ff01, 8, 0x62, false, 0}, at(10.5)));
  EXPECT_FALSE(table.answer({}, IpAddress::v4(1), {0x028801, 0x05ff01, 7, 0x62, false, 0}, at(10.5)));
  EXPECT_FALSE(table.answer(SegmentKey::vni(5), IpAddress::v4(1), {0x0ef001, 0x05ff01, 7, 0x62, false, 0}, at(10.5)));
  EXPECT_FALSE(table.answer({}, IpAddress::v4(1), {0x0ef001, 0x05ff01, 7, 0x62, false, 0}, at(71)));
}

}  // namespace
}  // namespace tsujiban::pipeline
