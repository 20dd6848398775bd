#include <gtest/gtest.h>

#include "dissect/test_stream_splits.h"
#include "dissectors/mqtt/mqtt_json.h"
#include "dissectors/mqtt/mqtt_test_support.h"

namespace tsujiban::mqtt {
namespace {

using namespace testing;

Octets sample_requests() {
  return joined({connect(), subscribe(1, "home/#"), publish_with_id(1, 2, "home/power", "42"), publish("a", ""),
                 bytes_of("C0 00 E0 00")});
}
Octets sample_answers() { return joined({connack(), bytes_of("90 03 0001 00 40 02 0002 D0 00")}); }
Octets sample_requests_5() {
  return joined({connect_5(joined({bytes_of("11 00000010 26"), text("k"), text("v")})),
                 packet(0x82, joined({bytes_of("0001 02 0B05"), text("x"), bytes_of("01")})),
                 packet(0x34, joined({text("a"), bytes_of("0002 03 23 0001"), octets("payload")})),
                 bytes_of("62 03 0002 00 E0 02 04 00")});
}
Octets sample_answers_5() { return joined({connack_5(), bytes_of("90 04 0001 00 01 50 02 0002 70 02 0002")}); }

TEST(MqttStream, several_packets_in_one_segment_and_every_split_tell_the_same) {
  const Told told = whole_and_every_split<Bench>(sample_requests(), sample_answers());
  EXPECT_EQ(told.records.size(), 7u);
  // All requests stand before the first answer.
  EXPECT_EQ(told.anomalies, (std::vector<ToldAnomaly>{{ParseError::mqtt_unintroduced, 0}}));
  const Told five = whole_and_every_split<Bench>(sample_requests_5(), sample_answers_5());
  EXPECT_EQ(five.records.size(), 4u);
  EXPECT_EQ(five.anomalies, told.anomalies);
}

TEST(MqttStream, one_sided_streams_are_told_to_their_end) {
  const Told requests = whole_and_every_split<Bench>(sample_requests(), {});
  EXPECT_EQ(requests.records.size(), 6u);
  const Told answers = whole_and_every_split<Bench>({}, sample_answers());
  EXPECT_EQ(answers.records.size(), 4u);
  EXPECT_EQ(answers.anomalies, (std::vector<ToldAnomaly>{{ParseError::mqtt_unintroduced, 0}}));
}

TEST(MqttStream, a_broken_packet_costs_only_itself) {
  const Told told = whole_and_every_split<Bench>(
      joined({connect(), bytes_of("00 03 010203"), bytes_of("30 03 0009 61"), publish("a", "x")}), connack());
  EXPECT_EQ(told.records.size(), 4u);
  EXPECT_EQ(told.anomalies,
            (std::vector<ToldAnomaly>{
                {ParseError::mqtt_unintroduced, 0}, {ParseError::mqtt_bad_type, 0}, {ParseError::truncated, 2}}));
}

TEST(MqttStream, every_prefix_of_a_packet_tells_that_it_was_cut) {
  every_prefix_tells_that_it_was_cut<Bench>(connect());
}

TEST(MqttStream, a_mutation_of_any_byte_harms_nothing) {
  for (const Octets& bytes : {sample_requests(), sample_requests_5()})
    every_mutation(bytes, [](const Octets& mutated) { same_in_one_piece_and_bytewise<Bench>(mutated, mutated); });
}

TEST(MqttStream, a_large_payload_is_consumed_as_it_comes) {
  const std::string payload(3'000'000, 'p');
  const Octets bytes = joined({publish_with_id(1, 1, "firmware", payload), publish("a", "x")});
  for (const std::size_t piece : {std::size_t{1460}, std::size_t{65536}, bytes.size()}) {
    Bench bench;
    bench.introduce();
    std::size_t kept_most = 0;
    for (std::size_t at = 0; at < bytes.size(); at += piece) {
      const std::size_t feeds = bench.stream.feeds;
      bench.ask(Bytes(bytes).subspan(at, std::min(piece, bytes.size() - at)));
      kept_most = std::max(kept_most, bench.stream.feeds - feeds);
    }
    EXPECT_LE(kept_most, 4u);
    bench.answer(bytes_of("40 02 0001"));
    ASSERT_EQ(bench.sink.records.size(), 2u);
    EXPECT_TRUE(bench.has("\"message_bytes\":3000000"));
    EXPECT_TRUE(bench.has("\"puback\""));
    EXPECT_TRUE(bench.sink.anomalies.empty());
    EXPECT_FALSE(bench.stream.bad_progress);
  }
}

TEST(MqttStream, a_packet_that_is_too_large_is_skipped_and_says_so) {
  for (const std::uint32_t body : {packet_bytes_max - 4, packet_bytes_max - 3}) {
    Octets filters = bytes_of("0001");
    while (filters.size() + 65538 + 5 < body)
      filters = joined({filters, text(std::string(65535, 'f')), bytes_of("00")});
    filters = joined({filters, text(std::string(body - filters.size() - 3, 'g')), bytes_of("00")});
    ASSERT_EQ(filters.size(), body);
    const Octets large = packet(0x82, filters);
    Bench bench;
    bench.introduce();
    for (std::size_t at = 0; at < large.size(); at += 1000)
      bench.ask(Bytes(large).subspan(at, std::min<std::size_t>(1000, large.size() - at)));
    bench.ask(publish("a", "x"));
    bench.finish();
    ASSERT_EQ(bench.sink.records.size(), 2u);
    const bool fits = large.size() <= packet_bytes_max;
    EXPECT_EQ(bench.sink.records[fits ? 1 : 0].find("\"truncated\":true,\"skipped_length\":" +
                                                    std::to_string(large.size())) != std::string::npos,
              !fits);
    EXPECT_FALSE(bench.stream.bad_progress);
    EXPECT_TRUE(bench.sink.anomalies.empty());
  }
}

TEST(MqttStream, a_gap_within_a_payload_costs_nothing) {
  const Octets bytes = joined({publish("a", std::string(5000, 'p')), publish("b", "x")});
  Bench bench;
  bench.introduce();
  bench.ask(Bytes(bytes).first(2000));
  bench.gap(true, 1000);
  bench.ask(Bytes(bytes).subspan(3000));
  bench.finish();
  EXPECT_EQ(bench.sink.records.size(), 2u);
  EXPECT_TRUE(bench.sink.anomalies.empty());
}

TEST(MqttStream, a_gap_anywhere_costs_the_packets_it_hit) {
  const Octets one = publish("home/one", "1"), two = publish("home/two", "2"), three = publish("home/three", "3");
  const Octets bytes = joined({one, two, three});
  for (std::size_t from = one.size(); from < one.size() + two.size(); ++from) {
    for (std::size_t to = from + 1; to <= one.size() + two.size(); ++to) {
      Bench bench;
      bench.introduce();
      bench.ask(Bytes(bytes).first(from));
      bench.gap(true, static_cast<std::uint32_t>(to - from));
      bench.ask(Bytes(bytes).subspan(to));
      const Told told = told_by(bench);
      ASSERT_EQ(told.records.size(), 2u) << from << " to " << to;
      EXPECT_TRUE(told.anomalies.empty());
      EXPECT_NE(told.records[1].find("home/three"), std::string::npos);
    }
  }
}

TEST(MqttStream, short_packets_are_believed_directly_behind_a_gap) {
  Bench bench;
  bench.introduce();
  bench.gap(true);
  bench.ask(bytes_of("C0 00"));
  EXPECT_TRUE(bench.has("\"pingreq\""));
}

TEST(MqttStream, runs_of_short_packets_are_counted_and_judged_one_by_one) {
  for (const bool want_records : {true, false}) {
    for (const std::size_t piece : {1u, 2u, 3u, 64u}) {
      Bench bench({.records = want_records, .facts = false});
      bench.introduce();
      Octets pings;
      for (unsigned i = 0; i < 21; ++i) pings.insert(pings.end(), {0xC0, 0});
      pings.insert(pings.end(), {0xE0, 0, 0xE0, 0, 0xC0, 0});
      const auto say = [&](bool of_client) {
        for (std::size_t at = 0; at < pings.size(); at += piece) {
          const Bytes part = Bytes(pings).subspan(at, std::min(piece, pings.size() - at));
          of_client ? bench.ask(part) : bench.answer(part);
        }
      };
      say(true);
      EXPECT_TRUE(bench.sink.anomalies.empty());
      EXPECT_EQ(bench.counted(packet_type::pingreq), 22u);
      EXPECT_EQ(bench.counted(packet_type::disconnect), 2u);
      // None of them is the server's.
      say(false);
      EXPECT_EQ(bench.sink.anomalies.size(), 22u);
      EXPECT_EQ(bench.counted(packet_type::pingreq), 44u);
      bench.ask(bytes_of("C0 01 00"));
      EXPECT_EQ(bench.sink.anomalies.size(), 23u);
      EXPECT_EQ(bench.sink.records.size(), want_records ? 49u : 0u);
    }
  }
}

TEST(MqttStream, packet_identifiers_of_both_sides_are_not_mixed_up) {
  Bench bench;
  bench.introduce();
  bench.ask(publish_with_id(1, 1, "from/client", "x"));
  bench.answer(publish_with_id(1, 1, "from/server", "x"));
  bench.ask(bytes_of("40 02 0001"));
  EXPECT_TRUE(bench.has("from/server"));
  EXPECT_EQ(bench.sink.source, Bench::server);
  bench.answer(bytes_of("40 02 0001"));
  EXPECT_TRUE(bench.has("from/client"));
  EXPECT_EQ(bench.sink.source, Bench::client);
}

TEST(MqttStream, more_exchanges_than_the_limit_give_up_the_oldest) {
  for (const unsigned count : {outstanding_max - 1, outstanding_max, outstanding_max + 1}) {
    Bench bench;
    bench.introduce();
    for (unsigned i = 1; i <= count; ++i) bench.ask(publish_with_id(1, i, "a", "x"));
    EXPECT_EQ(bench.sink.records.size(), count > outstanding_max ? 1u : 0u);
    EXPECT_EQ(bench.dissector.outstanding(), std::min(count, outstanding_max));
    bench.finish();
    EXPECT_EQ(bench.sink.records.size(), count);
  }
}

TEST(MqttStream, without_room_packets_are_recorded_alone) {
  Bench bench({.limits = {.open_streams = streams_per_exchange}});
  bench.introduce();
  bench.ask(publish_with_id(1, 1, "a", "x"));
  bench.ask(publish_with_id(1, 2, "b", "x"));
  EXPECT_EQ(bench.sink.records.size(), 1u);
  EXPECT_EQ(bench.evicted(), 1u);
}

TEST(MqttStream, what_is_too_long_to_wait_is_recorded_at_once) {
  Bench bench;
  bench.introduce();
  bench.ask(publish_with_id(1, 1, "a", std::string(2000, '\x01')));
  EXPECT_EQ(bench.sink.records.size(), 1u);
  bench.answer(bytes_of("40 02 0001"));
  EXPECT_TRUE(bench.has("{\"puback\""));
  EXPECT_TRUE(bench.sink.anomalies.empty());
}

TEST(MqttStream, lists_are_cut_at_their_limit_and_say_so) {
  for (const unsigned count : {list_written_max, list_written_max + 1}) {
    Octets body = bytes_of("0001");
    for (unsigned i = 0; i < count; ++i) body = joined({body, text("f"), bytes_of("00")});
    Bench bench;
    bench.introduce();
    bench.ask(packet(0x82, body));
    bench.finish();
    EXPECT_EQ(bench.has("\"topics_omitted\":1"), count > list_written_max);
  }
}

TEST(MqttStream, users_properties_are_cut_at_their_limit_and_no_name_stands_twice) {
  for (const unsigned count : {list_written_max, list_written_max + 1, 2000u}) {
    Octets properties;
    for (unsigned i = 0; i < count; ++i)
      properties = joined({properties, bytes_of("26"), text(i % 2 == 0 ? std::to_string(i) : "again"), text("v")});
    Octets body = joined({text("MQTT"), bytes_of("05 02 003C")});
    for (std::size_t left = properties.size(); left > 0; left /= 128)
      body.push_back(static_cast<std::uint8_t>(left % 128 + (left > 127 ? 128 : 0)));
    Bench bench;
    bench.ask(packet(0x10, joined({body, properties, text("c")})));
    bench.finish();
    ASSERT_EQ(bench.sink.records.size(), 1u);
    const unsigned omitted = count - list_written_max;
    EXPECT_EQ(bench.has("\"omitted\":" + std::to_string(omitted) + "}"), omitted > 0);
    const std::string record = bench.last();
    EXPECT_EQ(record.find("\"again\":\"v\""), record.rfind("\"again\":\"v\""));
    EXPECT_TRUE(bench.sink.anomalies.empty());
  }
}

TEST(MqttStream, the_same_verdict_without_records) {
  Bench quiet({.records = false, .facts = false}), loud;
  for (Bench* bench : {&quiet, &loud}) {
    bench->ask(sample_requests());
    bench->answer(sample_answers());
    bench->answer(bytes_of("40 02 0009"));
    bench->finish();
  }
  EXPECT_TRUE(quiet.sink.records.empty());
  EXPECT_EQ(quiet.sink.anomalies, loud.sink.anomalies);
  EXPECT_EQ(quiet.counted(packet_type::publish), 2u);
  EXPECT_EQ(message_type_name(packet_type::publish), "publish");
  EXPECT_EQ(message_type_name(0), "");
}

TEST(MqttStream, a_remaining_length_without_end_loses_the_place_and_the_next_packet_is_found) {
  const Told told =
      whole_and_every_split<Bench>(joined({connect(), bytes_of("30 FFFFFFFF 7F"), publish("home/x", "1")}), connack());
  EXPECT_EQ(told.records.size(), 2u);
  ASSERT_EQ(told.anomalies.size(), 2u);
  EXPECT_EQ(told.anomalies[0].error, ParseError::mqtt_unsynchronised);
}

TEST(MqttStream, bytes_without_a_packet_are_given_up_at_the_limit) {
  noise_is_given_up_at<Bench>(unsynchronised_bytes_max);
}

TEST(MqttStream, packets_of_no_type_end_the_dissection) {
  Bench bench;
  for (unsigned i = 0; i <= unreadable_packets_max; ++i) {
    EXPECT_FALSE(bench.stream.given_up);
    bench.ask(bytes_of("00 00"));
  }
  EXPECT_TRUE(bench.stream.given_up);
}

}  // namespace
}  // namespace tsujiban::mqtt
