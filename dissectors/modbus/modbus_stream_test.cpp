#include <gtest/gtest.h>

#include "dissect/test_stream_splits.h"
#include "dissectors/modbus/modbus_test_support.h"

namespace tsujiban::modbus {
namespace {

using namespace testing;

TEST(ModbusStream, several_messages_in_one_segment_and_every_split_tell_the_same) {
  const Told told =
      whole_and_every_split<Bench>(joined({sample_request(1), sample_request(2), adu(3, 1, "06 0001 0002")}),
                                   joined({sample_answer(1), sample_answer(2), adu(3, 1, "06 0001 0002")}));
  EXPECT_EQ(told.records.size(), 3u);
  EXPECT_TRUE(told.anomalies.empty());
}

TEST(ModbusStream, a_broken_message_costs_only_itself) {
  const Told told =
      whole_and_every_split<Bench>(joined({adu(1, 1, "03 0000 0000"), adu(2, 1, "03"), sample_request(3)}),
                                   joined({adu(1, 1, "83 03"), sample_answer(3)}));
  EXPECT_EQ(told.records.size(), 3u);
  EXPECT_EQ(told.anomalies,
            (std::vector<ToldAnomaly>{{ParseError::modbus_bad_quantity, 10}, {ParseError::truncated, 8}}));
}

TEST(ModbusStream, bytes_that_are_no_message_are_skipped_and_told_once) {
  const Told told =
      whole_and_every_split<Bench>(joined({sample_request(1), bytes_of("FFFF FFFF FFFF FFFF FFFF FF"),
                                           sample_request(2), bytes_of("0001 0000 0001 01 03"), sample_request(3)}),
                                   joined({sample_answer(1), sample_answer(2), sample_answer(3)}));
  EXPECT_EQ(told.records.size(), 3u);
  EXPECT_EQ(told.anomalies,
            (std::vector<ToldAnomaly>{{ParseError::modbus_bad_protocol_id, 2}, {ParseError::bad_length, 4}}));
}

TEST(ModbusStream, every_prefix_of_a_request_tells_what_was_cut) {
  every_prefix_tells_that_it_was_cut<Bench>(adu(1, 1, "10 0000 0002 04 0001 0002"));
}

TEST(ModbusStream, a_gap_anywhere_costs_the_messages_it_hit) {
  const Octets one = sample_request(1), two = sample_request(2), three = sample_request(3);
  const Octets bytes = joined({one, two, three});
  for (std::size_t from = one.size(); from < one.size() + two.size(); ++from) {
    for (std::size_t to = from + 1; to <= one.size() + two.size(); ++to) {
      Bench bench;
      bench.ask(Bytes(bytes).first(from));
      bench.gap(true, static_cast<std::uint32_t>(to - from));
      bench.ask(Bytes(bytes).subspan(to));
      bench.answer(sample_answer(1));
      bench.answer(sample_answer(2));
      bench.answer(sample_answer(3));
      const Told told = told_by(bench);
      ASSERT_EQ(told.records.size(), 3u) << from << " to " << to;
      EXPECT_TRUE(told.anomalies.empty());
      EXPECT_EQ(told.records[1].find("\"request\""), std::string::npos);
      EXPECT_NE(told.records[2].find("\"request\""), std::string::npos);
    }
  }
}

TEST(ModbusStream, a_mutation_of_any_byte_harms_nothing) {
  const Octets bytes = joined({sample_request(1), adu(2, 1, "10 0000 0002 04 0001 0002"), sample_request(3)});
  every_mutation(bytes, [](const Octets& mutated) { same_in_one_piece_and_bytewise<Bench>(mutated, mutated); });
}

TEST(ModbusStream, answers_find_the_oldest_request_of_their_identifier_unit_and_function) {
  Bench bench;
  bench.ask(adu(1, 1, "03 0000 0001"));
  bench.ask(adu(1, 1, "03 0005 0001"));
  bench.ask(adu(1, 2, "03 0009 0001"));
  bench.answer(adu(1, 2, "03 02 0000"));
  EXPECT_TRUE(bench.has("\"address\":9"));
  bench.answer(adu(1, 1, "03 02 0000"));
  EXPECT_TRUE(bench.has("\"address\":0"));
  bench.answer(adu(1, 1, "04 02 0000"));
  EXPECT_FALSE(bench.has("\"request\""));
  bench.answer(adu(1, 1, "03 02 0000"));
  EXPECT_TRUE(bench.has("\"address\":5"));
  EXPECT_EQ(bench.sink.anomalies, (std::vector<ToldAnomaly>{{ParseError::modbus_unsolicited, 0}}));
}

TEST(ModbusStream, more_requests_than_the_limit_give_up_the_oldest_and_record_it_alone) {
  for (const unsigned requests : {outstanding_max - 1, outstanding_max, outstanding_max + 1}) {
    Bench bench;
    for (unsigned i = 0; i < requests; ++i) bench.ask(sample_request(i));
    EXPECT_EQ(bench.sink.records.size(), requests > outstanding_max ? 1u : 0u);
    EXPECT_EQ(bench.dissector.outstanding(), std::min(requests, outstanding_max));
    bench.finish();
    EXPECT_EQ(bench.sink.records.size(), requests);
  }
}

TEST(ModbusStream, without_room_for_requests_they_are_recorded_at_once) {
  Bench bench({.limits = {.open_streams = 1}});
  bench.ask(sample_request(1));
  bench.ask(sample_request(2));
  EXPECT_EQ(bench.sink.records.size(), 1u);
  EXPECT_TRUE(bench.has("\"transaction_id\":2"));
  EXPECT_EQ(bench.evicted(), 1u);
  bench.answer(sample_answer(1));
  EXPECT_TRUE(bench.has("\"request\""));
}

TEST(ModbusStream, closing_gives_everything_back) {
  Bench bench;
  bench.ask(sample_request(1));
  bench.ask(sample_request(2));
  bench.close();
  EXPECT_EQ(bench.dissector.outstanding(), 0u);
}

TEST(ModbusStream, a_connection_met_in_its_middle_has_its_roles_from_the_port_or_the_form) {
  Bench by_port;
  by_port.from_client(true);
  by_port.context.direction = Direction::to_initiator;  // Taken for the answering side.
  by_port.stream.feed(by_port.context, sample_request());
  by_port.from_client(false);
  by_port.context.direction = Direction::to_responder;
  by_port.stream.feed(by_port.context, sample_answer());
  ASSERT_EQ(by_port.sink.records.size(), 1u);
  EXPECT_TRUE(by_port.has("\"request\""));
  EXPECT_TRUE(by_port.has("\"response\""));
  EXPECT_EQ(by_port.sink.source, Bench::client);

  Bench by_form;
  by_form.port = 5020;
  by_form.from_client(false);
  by_form.context.direction = Direction::to_responder;
  by_form.stream.feed(by_form.context, sample_answer());
  EXPECT_TRUE(by_form.has("\"response\""));
  EXPECT_EQ(by_form.sink.source, Bench::client);
}

TEST(ModbusStream, bytes_without_a_message_are_given_up_at_the_limit) {
  noise_is_given_up_at<Bench>(unsynchronised_bytes_max);
}

TEST(ModbusStream, functions_that_nobody_has_end_the_dissection) {
  Bench bench;
  for (unsigned i = 0; i <= unreadable_messages_max; ++i) {
    EXPECT_FALSE(bench.stream.given_up);
    bench.ask(adu(i, 1, "50 00"));
  }
  EXPECT_TRUE(bench.stream.given_up);
}

TEST(ModbusStream, the_largest_message_fits) {
  std::string pdu = "64";
  for (unsigned i = 0; i < 252; ++i) pdu += "EE";
  const Octets bytes = adu(1, 1, pdu);
  ASSERT_EQ(bytes.size(), adu_bytes_max);
  const Told told = whole_and_every_split<Bench>(bytes, bytes);
  EXPECT_EQ(told.records.size(), 1u);
  EXPECT_TRUE(told.anomalies.empty());
}

}  // namespace
}  // namespace tsujiban::modbus
