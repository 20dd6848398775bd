// The whole way of a packet through one worker, and what a full ring does.
#include "pipeline/worker.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <thread>

#include "pipeline/pipeline_test_support.h"

namespace tsujiban::pipeline {
namespace {

constexpr End controller{0xc0a80102, 3610}, meter{0xc0a80114, 3610}, outside{0xcb007109, 80};
constexpr std::uint8_t syn = tcp_flag::syn, ack = tcp_flag::ack, fin = tcp_flag::fin;

std::size_t count(const std::vector<std::string>& lines, std::string_view what) {
  return static_cast<std::size_t>(std::count_if(
      lines.begin(), lines.end(), [&](const std::string& l) { return l.find(what) != std::string::npos; }));
}

TEST(Worker, an_echonet_exchange_gives_two_records_and_a_response_time) {
  Bench bench;
  bench.packet(udp_frame(controller, meter, echonet_get(7)), 100);
  bench.packet(udp_frame(meter, controller, echonet_get_res(7)), 100.05);
  bench.finish();
  EXPECT_EQ(count(bench.lines, "\"event_type\":\"echonet_lite\""), 2u);
  EXPECT_EQ(count(bench.lines, "\"response_ms\":50"), 1u);
  EXPECT_EQ(count(bench.lines, "\"event_type\":\"flow\""), 1u);
  EXPECT_EQ(bench.counters->packets.value(), 2u);
}

TEST(Worker, two_homes_with_the_same_addresses_ports_and_transactions_stay_two) {
  Bench bench;
  bench.packet(udp_frame(controller, meter, echonet_get(7), 30), 100);
  bench.packet(udp_frame(meter, controller, echonet_get_res(7), 31), 100.05);
  bench.finish();
  EXPECT_EQ(count(bench.lines, "response_ms"), 0u);
  EXPECT_EQ(count(bench.lines, "\"vlan\":[30]"), 2u);
  EXPECT_EQ(count(bench.lines, "\"vlan\":[31]"), 2u);
}

TEST(Worker, a_fragmented_datagram_is_dissected_and_searched_once) {
  Bench bench("alert udp any any -> any 3610 (msg:\"m\"; content:\"|02 88 01 62 01 80|\"; sid:1; rev:1;)\n");
  for (const Frame& fragment : udp_fragments(controller, meter, echonet_get(9), 77)) bench.packet(fragment, 100);
  bench.finish();
  EXPECT_EQ(count(bench.lines, "\"event_type\":\"echonet_lite\""), 1u);
  EXPECT_EQ(count(bench.lines, "\"event_type\":\"alert\""), 1u);
}

TEST(Worker, a_pattern_across_two_segments_matches_in_whichever_order_they_come) {
  for (const bool reordered : {false, true}) {
    Bench bench("alert tcp any any -> any 80 (msg:\"split\"; content:\"attack-here\"; sid:5; rev:2;)\n");
    const End from{controller.address, 40000};
    bench.packet(tcp_frame(from, outside, 999, 0, syn, ""), 1);
    bench.packet(tcp_frame(outside, from, 4999, 1000, syn | ack, ""), 1.01);
    bench.packet(tcp_frame(from, outside, 1000, 5000, ack, ""), 1.02);
    const Frame first = tcp_frame(from, outside, 1000, 5000, ack, "xxatta"),
                second = tcp_frame(from, outside, 1006, 5000, ack, "ck-hereyy");
    bench.packet(reordered ? second : first, 1.03);
    bench.packet(reordered ? first : second, 1.04);
    bench.packet(tcp_frame(from, outside, 1015, 5000, fin | ack, ""), 1.05);
    bench.finish();
    EXPECT_EQ(count(bench.lines, "\"signature_id\":5"), 1u) << reordered;
    EXPECT_EQ(count(bench.lines, "\"src_port\":40000"), bench.lines.size()) << reordered;
  }
}

TEST(Worker, a_retransmission_is_told_only_where_its_bytes_differ) {
  for (const bool differs : {false, true}) {
    Bench bench;
    const End from{controller.address, 40000};
    bench.packet(tcp_frame(from, outside, 999, 0, syn, ""), 1);
    bench.packet(tcp_frame(from, outside, 1000, 1, ack, "hello-world"), 1.1);
    bench.packet(tcp_frame(from, outside, 1000, 1, ack, differs ? "hello-w0rld" : "hello-world"), 1.2);
    bench.finish();
    EXPECT_EQ(count(bench.lines, "stream_overlap_differs"), differs ? 1u : 0u);
    EXPECT_EQ(bench.counters->duplicates.value(), 0u);
  }
}

TEST(Worker, a_gap_is_told_once_at_its_place) {
  Bench bench;
  bench.packet(tcp_frame(controller, outside, 999, 0, syn, ""), 1);
  bench.packet(tcp_frame(outside, controller, 4999, 1000, syn | ack, ""), 1.1);
  bench.packet(tcp_frame(controller, outside, 1000, 5000, ack, "abc"), 1.2);
  bench.packet(tcp_frame(controller, outside, 1010, 5000, ack, "klm"), 1.3);
  bench.packet(tcp_frame(outside, controller, 5000, 1013, ack, ""), 1.4);
  bench.finish();
  EXPECT_EQ(count(bench.lines, "stream_gap"), 1u);
  EXPECT_EQ(count(bench.lines, "\"event\":\"stream_gap\",\"layer\":\"stream\",\"offset\":3,"), 1u);
}

TEST(Worker, echonet_over_tcp_gives_the_same_events_wherever_the_stream_is_cut) {
  const std::string stream = echonet_get(1) + echonet_get(2);
  const End from{controller.address, 41000};
  for (std::size_t cut = 1; cut < stream.size(); ++cut) {
    Bench bench;
    bench.packet(tcp_frame(from, meter, 99, 0, syn, ""), 1);
    bench.packet(tcp_frame(from, meter, 100, 1, ack, std::string_view(stream).substr(0, cut)), 1.1);
    bench.packet(
        tcp_frame(from, meter, static_cast<std::uint32_t>(100 + cut), 1, ack, std::string_view(stream).substr(cut)),
        1.2);
    bench.finish();
    EXPECT_EQ(count(bench.lines, "\"event_type\":\"echonet_lite\""), 2u) << cut;
    EXPECT_EQ(count(bench.lines, "malformed"), 0u) << cut;
  }
}

TEST(Worker, a_mirrored_duplicate_is_counted_and_not_analysed_again) {
  Bench bench;
  const Frame frame = udp_frame(controller, meter, echonet_get(7));
  bench.packet(frame, 100);
  bench.packet(frame, 100.001);
  bench.packet(frame, 100.1);  // Long after: sent again, not mirrored twice.
  bench.finish();
  EXPECT_EQ(bench.counters->duplicates.value(), 1u);
  EXPECT_EQ(bench.counters->packets.value(), 3u);
  EXPECT_EQ(count(bench.lines, "\"event_type\":\"echonet_lite\""), 2u);
}

TEST(Worker, a_bad_checksum_counts_only_after_good_ones) {
  Bench bench;
  Frame bad = udp_frame(controller, meter, echonet_get(8));
  bad[bad.size() - 3] ^= 0x55;
  bench.packet(bad, 100);
  bench.packet(udp_frame(controller, meter, echonet_get(9)), 100.1);
  Frame forged = udp_frame(controller, meter, echonet_get(10));
  forged[forged.size() - 3] ^= 0x55;
  bench.packet(forged, 100.2);
  bench.finish();
  EXPECT_EQ(count(bench.lines, "bad_checksum"), 1u);
  EXPECT_EQ(count(bench.lines, "\"event_type\":\"echonet_lite\""), 2u);
}

// The work of four workers, put together by hand, against one: each packet is somebody's, and nobody's twice.
TEST(Worker, shares_of_four_workers_are_the_whole) {
  std::uint64_t packets = 0, echonet = 0;
  for (unsigned index = 0; index < 4; ++index) {
    Bench bench({}, EventTypes::all(), 4, index);
    bench.run.seed = {};
    for (std::uint32_t i = 0; i < 200; ++i) bench.packet(udp_frame({0x0a000000 + i, 3610}, meter, echonet_get(1)), 100);
    bench.finish();
    packets += bench.counters->packets.value();
    echonet += count(bench.lines, "\"event_type\":\"echonet_lite\"");
    EXPECT_LT(bench.counters->packets.value(), 120u);
  }
  EXPECT_EQ(packets, 200u);
  EXPECT_EQ(echonet, 200u);
}

// Each second of packet time is seen by both of two workers at the same packet, whosever that is: what time alone
// brings about, flows that end, stands where one worker has it.
TEST(Worker, shares_of_two_workers_make_the_records_of_one_in_their_places) {
  struct Record {
    Order order;
    RecordKind kind;
    std::string text;
    auto operator<=>(const Record&) const = default;
  };
  std::vector<Frame> frames;
  for (std::uint32_t i = 0; i < 1000; ++i)
    frames.push_back(i % 7 == 3 ? arp_frame(0x0a000000 + i % 50, meter.address)
                                : udp_frame({0x0a000000 + i * i % 90, 3610}, meter, echonet_get(1)));
  const auto records_of = [&](unsigned workers) {
    std::vector<Record> records;
    std::size_t pulses = 0;
    for (unsigned index = 0; index < workers; ++index) {
      Bench bench({}, EventTypes::all(), workers, index);
      std::vector<RawPacket> raw;
      for (std::size_t i = 0; i < frames.size(); ++i) {
        const auto size = static_cast<std::uint32_t>(frames[i].size());
        // Now a second has many packets, now a packet many seconds.
        const std::int64_t ns = static_cast<std::int64_t>(i) * (i % 200 < 100 ? 1'000'000 : 700'000'000);
        raw.push_back({frames[i].data(), size, size, {ns}, i + 1, LinkType::ethernet, 0});
      }
      for (std::size_t i = 0; i < raw.size(); i += Worker::batch_max)
        bench.worker->process({raw.data() + i, std::min(Worker::batch_max, raw.size() - i)});
      bench.worker->finish();
      EXPECT_LT(bench.counters->packets.value(), workers == 1 ? 1001u : 800u);
      while (const RecordHeader* header = bench.ring->front()) {
        pulses += header->kind == RecordKind::pulse;
        if (header->kind == RecordKind::event)
          records.push_back({header->order, header->kind, std::string(RecordRing::text(header))});
        bench.ring->pop();
      }
    }
    EXPECT_EQ(pulses % workers, 0u);
    std::sort(records.begin(), records.end());
    return std::pair(records, pulses / workers);
  };
  const auto one = records_of(1), two = records_of(2);
  EXPECT_GT(one.first.size(), 1000u);
  EXPECT_GT(one.second, 10u);
  EXPECT_EQ(one.first.size(), two.first.size());
  EXPECT_TRUE(one == two);
}

TEST(Worker, a_file_run_waits_for_a_full_ring_and_loses_nothing) {
  Bench bench;
  std::atomic<bool> abandoned{false};
  RecordRing small(1u << 21);
  Worker worker(bench.run, 0, small, *bench.counters, abandoned);
  constexpr std::uint64_t packets = 20'000;
  std::atomic<bool> done{false};
  std::thread feeder([&] {
    const Frame frame = arp_frame(1, 2);
    for (std::uint64_t i = 1; i <= packets; ++i) {
      const RawPacket raw{frame.data(), 42, 42, {static_cast<std::int64_t>(i)}, i, LinkType::ethernet, 0};
      worker.process({&raw, 1});
    }
    done = true;
  });
  std::this_thread::sleep_for(std::chrono::milliseconds(50));
  EXPECT_FALSE(done) << "the ring was large enough for everything: the test proves nothing";
  std::uint64_t records = 0;
  while (records < packets) {
    if (small.front() == nullptr) {
      std::this_thread::yield();
      continue;
    }
    small.pop();
    ++records;
  }
  feeder.join();
  EXPECT_EQ(small.front(), nullptr);
  EXPECT_EQ(bench.counters->records_shed.value(), 0u);
}

TEST(Worker, a_live_run_sheds_details_first_and_alerts_last_and_counts_both) {
  Bench bench("alert udp any any -> any 3610 (msg:\"m\"; content:\"|02 88 01 62 01 80|\"; sid:1; rev:1;)\n");
  bench.run.live = true;
  std::atomic<bool> abandoned{false};
  RecordRing small(1u << 21);
  Worker worker(bench.run, 0, small, *bench.counters, abandoned);
  std::uint64_t number = 0, alerts_before_shedding = 0;
  // Each from another host, so that no two alerts are one condition.
  for (std::uint32_t i = 0; i < 20'000; ++i) {
    const Frame frame = udp_frame({0x0a000000 + i, 3610}, meter, echonet_get(1));
    const auto size = static_cast<std::uint32_t>(frame.size());
    const RawPacket raw{frame.data(), size, size, {static_cast<std::int64_t>(i)}, ++number, LinkType::ethernet, 0};
    worker.process({&raw, 1});
    if (bench.counters->alerts_shed.value() == 0 && bench.counters->records_shed.value() != 0) ++alerts_before_shedding;
  }
  EXPECT_GT(bench.counters->records_shed.value(), 0u);
  EXPECT_GT(alerts_before_shedding, 100u) << "alerts were shed as soon as details";
  EXPECT_GT(bench.counters->alerts_shed.value(), 0u);
  std::uint64_t alerts = 0;
  while (const RecordHeader* header = small.front()) {
    alerts += header->kind == RecordKind::event && RecordRing::details(header).type == EventType::alert ? 1u : 0u;
    small.pop();
  }
  const metrics::WorkerCounters& c = *bench.counters;
  EXPECT_EQ(c.alerts_raised.value(), alerts + c.alerts_merged.value() + c.alerts_shed.value());
}

}  // namespace
}  // namespace tsujiban::pipeline
