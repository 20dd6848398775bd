#include <gtest/gtest.h>

#include "dissectors/echonet_lite/echonet_lite_test_sink.h"

namespace tsujiban::echonet_lite {
namespace {

using testing::Bench;
using testing::bytes_of;
using testing::ToldAnomaly;

constexpr std::string_view first_frame = "1081 0001 028801 05FF01 72 02 E7040000029C E80400280028";
constexpr std::string_view second_frame = "1081 0002 05FF01 027D01 6E 01 DA0143 02 D300 E200";
constexpr std::string_view third_frame = "1081 0003 028801 05FF01 72 01 E70400000278";

// One run of the stream in two pieces, split at `split`, or byte by byte.
struct Told {
  std::vector<std::string> records;
  std::vector<ToldAnomaly> anomalies;
  bool given_up = false;
  bool operator==(const Told&) const = default;
};
Told run(const std::vector<std::uint8_t>& bytes, std::size_t split) {
  Bench bench;
  bench.stream(Bytes(bytes).first(split));
  bench.stream(Bytes(bytes).subspan(split));
  bench.finish();
  EXPECT_FALSE(bench.bad_progress);
  return {bench.sink.records, bench.sink.anomalies, bench.given_up};
}
Told run_bytewise(const std::vector<std::uint8_t>& bytes) {
  Bench bench;
  for (const std::uint8_t& b : bytes) bench.stream({&b, 1});
  bench.finish();
  EXPECT_FALSE(bench.bad_progress);
  return {bench.sink.records, bench.sink.anomalies, bench.given_up};
}
Told whole_and_every_split(const std::vector<std::uint8_t>& bytes) {
  const Told whole = run(bytes, bytes.size());
  for (std::size_t split = 0; split < bytes.size(); ++split)
    EXPECT_EQ(run(bytes, split), whole) << "split at " << split;
  EXPECT_EQ(run_bytewise(bytes), whole);
  return whole;
}
std::vector<std::uint8_t> joined(std::initializer_list<std::string_view> parts) {
  std::vector<std::uint8_t> bytes;
  for (const std::string_view part : parts) {
    const auto more = bytes_of(part);
    bytes.insert(bytes.end(), more.begin(), more.end());
  }
  return bytes;
}

TEST(EchonetStream, several_frames_in_one_segment_and_every_split_tell_the_same) {
  const Told told = whole_and_every_split(joined({first_frame, second_frame, third_frame}));
  ASSERT_EQ(told.records.size(), 3u);
  EXPECT_TRUE(told.anomalies.empty());
  EXPECT_NE(told.records[1].find("\"properties_get\":[{\"epc\":\"0xD3\""), std::string::npos);
}

TEST(EchonetStream, a_setget_without_its_second_list_does_not_swallow_the_next_frame) {
  const Told told = whole_and_every_split(joined({"1081 001A 05FF01 027D01 6E 01 DA0143", third_frame}));
  ASSERT_EQ(told.records.size(), 2u);
  EXPECT_NE(told.records[0].find("echonet_setget_missing_get"), std::string::npos);
  EXPECT_EQ(told.records[1].find("malformed"), std::string::npos);
  ASSERT_EQ(told.anomalies.size(), 1u);
  EXPECT_EQ(told.anomalies[0], (ToldAnomaly{ParseError::echonet_setget_missing_get, 15}));
}

TEST(EchonetStream, sixteen_properties_in_the_second_list_are_no_frame) {
  std::vector<std::uint8_t> bytes = bytes_of("1081 0002 05FF01 027D01 6E 01 DA0143 10");
  for (unsigned i = 0; i < 16; ++i) {
    bytes.push_back(static_cast<std::uint8_t>(0x81 + i));
    bytes.push_back(0);
  }
  const Told told = whole_and_every_split(bytes);
  ASSERT_EQ(told.records.size(), 1u);
  EXPECT_EQ(told.records[0].find("malformed"), std::string::npos);
}

TEST(EchonetStream, a_setget_without_its_second_list_at_the_end) {
  const Told told = whole_and_every_split(bytes_of("1081 001A 05FF01 027D01 6E 01 DA0143"));
  ASSERT_EQ(told.records.size(), 1u);
  ASSERT_EQ(told.anomalies.size(), 1u);
  EXPECT_EQ(told.anomalies[0].error, ParseError::echonet_setget_missing_get);
}

TEST(EchonetStream, too_few_properties_before_the_next_frame) {
  const Told told = whole_and_every_split(joined({"1081 0001 05FF01 028801 62 05 E700", third_frame}));
  ASSERT_EQ(told.records.size(), 2u);
  ASSERT_EQ(told.anomalies.size(), 1u);
  EXPECT_EQ(told.anomalies[0], (ToldAnomaly{ParseError::echonet_opc_mismatch, 14}));
}

TEST(EchonetStream, bytes_that_begin_no_frame_are_told_once_and_skipped) {
  const Told told =
      whole_and_every_split(joined({first_frame, "0011 1081 22 10 1081 33445566778899AABBCC", third_frame}));
  ASSERT_EQ(told.records.size(), 2u);
  ASSERT_EQ(told.anomalies.size(), 1u);
  EXPECT_EQ(told.anomalies[0].error, ParseError::echonet_unsynchronised);
  EXPECT_EQ(told.records[1].find("malformed"), std::string::npos);
}

TEST(EchonetStream, an_unknown_service_and_a_bad_epc_cost_their_frame_only) {
  Told told = whole_and_every_split(joined({"1081 0001 05FF01 028801 64 01 E700", third_frame}));
  ASSERT_EQ(told.records.size(), 2u);
  ASSERT_EQ(told.anomalies.size(), 2u);
  EXPECT_EQ(told.anomalies[0].error, ParseError::echonet_unknown_esv);
  EXPECT_EQ(told.anomalies[1].error, ParseError::echonet_unsynchronised) << "the rest of it";
  told = whole_and_every_split(joined({"1081 0001 05FF01 028801 62 02 E700 0100", third_frame}));
  ASSERT_EQ(told.records.size(), 2u);
  EXPECT_EQ(told.anomalies[0], (ToldAnomaly{ParseError::echonet_bad_epc, 14}));
}

TEST(EchonetStream, format_2_is_skipped_to_the_next_frame) {
  const Told told = whole_and_every_split(joined({"1082 0009 41424344", third_frame}));
  ASSERT_EQ(told.records.size(), 2u);
  EXPECT_EQ(told.records[0], R"({"tid":"0009","format":2})");
  EXPECT_TRUE(told.anomalies.empty());
}

TEST(EchonetStream, opc_zero_is_malformed_and_the_next_frame_is_read) {
  const Told told = whole_and_every_split(joined({"1081 0001 05FF01 028801 62 00", third_frame}));
  ASSERT_EQ(told.records.size(), 2u);
  ASSERT_EQ(told.anomalies.size(), 1u);
  EXPECT_EQ(told.anomalies[0].error, ParseError::echonet_opc_zero);
}

TEST(EchonetStream, a_stream_that_ends_within_a_frame_keeps_what_was_read) {
  const std::vector<std::uint8_t> frame = bytes_of(first_frame);
  for (std::size_t size = 1; size < frame.size(); ++size) {
    const Told told = whole_and_every_split(
        std::vector<std::uint8_t>(frame.begin(), frame.begin() + static_cast<std::ptrdiff_t>(size)));
    ASSERT_EQ(told.records.size(), 1u);
    EXPECT_NE(told.records[0].find("malformed"), std::string::npos);
    EXPECT_EQ(told.anomalies.size(), 1u);
  }
}

TEST(EchonetStream, a_gap_in_the_middle_costs_the_frames_it_hit) {
  const std::vector<std::uint8_t> bytes = joined({first_frame, second_frame, third_frame});
  const std::size_t first = bytes_of(first_frame).size(), second = bytes_of(second_frame).size();
  for (std::size_t from = first + 1; from < first + second; ++from) {
    for (std::size_t to = from; to <= first + second; ++to) {
      Bench bench;
      bench.stream(Bytes(bytes).first(from));
      bench.gap(static_cast<std::uint32_t>(to - from));
      bench.stream(Bytes(bytes).subspan(to));
      bench.finish();
      ASSERT_EQ(bench.sink.records.size(), 2u) << from << " " << to;
      EXPECT_EQ(bench.sink.records[1].find("malformed"), std::string::npos);
      EXPECT_EQ(bench.sink.anomalies.size(), to == first + second ? 0u : 1u);
      EXPECT_FALSE(bench.bad_progress);
    }
  }
}

TEST(EchonetStream, the_two_directions_are_apart) {
  const std::vector<std::uint8_t> bytes = bytes_of(first_frame);
  Bench bench;
  StreamState state{};
  dissect::MessageContext back = bench.context;
  back.direction = Direction::to_initiator;
  EXPECT_EQ(bench.dissector.feed(&state, bench.context, Bytes(bytes).first(15), bench.sink).kind,
            dissect::Progress::Kind::need_more);
  EXPECT_EQ(bench.dissector.feed(&state, back, bytes, bench.sink).kind, dissect::Progress::Kind::consumed);
  EXPECT_EQ(bench.dissector.feed(&state, bench.context, bytes, bench.sink).kind, dissect::Progress::Kind::consumed);
  EXPECT_EQ(bench.sink.records.size(), 2u);
}

TEST(EchonetStream, a_stream_without_frames_is_given_up_at_the_limit) {
  for (const std::uint32_t size :
       {unsynchronised_bytes_max - 1, unsynchronised_bytes_max, unsynchronised_bytes_max + 1}) {
    std::vector<std::uint8_t> bytes(size, 0x55);
    const std::vector<std::uint8_t> frame = bytes_of(third_frame);
    bytes.insert(bytes.end(), frame.begin(), frame.end());
    for (const std::size_t piece : {bytes.size(), std::size_t{1460}}) {
      Bench bench;
      for (std::size_t at = 0; at < bytes.size(); at += piece)
        bench.stream(Bytes(bytes).subspan(at, std::min(piece, bytes.size() - at)));
      EXPECT_EQ(bench.given_up, size > unsynchronised_bytes_max);
      EXPECT_EQ(bench.sink.records.size(), size > unsynchronised_bytes_max ? 0u : 1u);
      EXPECT_EQ(bench.sink.anomalies.size(), 1u);
    }
  }
}

TEST(EchonetStream, the_largest_frame_fits_and_costs_no_walk_twice) {
  std::vector<std::uint8_t> bytes = bytes_of("1081 0001 028801 05FF01 7E FF");
  for (unsigned list = 0; list < 2; ++list) {
    for (unsigned i = 0; i < 255; ++i) {
      bytes.push_back(0xF0);
      bytes.push_back(0xFF);
      bytes.insert(bytes.end(), 255, 0x55);
    }
    if (list == 0) bytes.push_back(0xFF);
  }
  Bench bench;
  for (std::size_t at = 0; at < bytes.size(); at += 100)
    bench.stream(Bytes(bytes).subspan(at, std::min<std::size_t>(100, bytes.size() - at)));
  ASSERT_EQ(bench.sink.records.size(), 1u);
  EXPECT_LE(bench.feeds, 1100u) << "at most about two calls a property, however many pieces there are";
}

}  // namespace
}  // namespace tsujiban::echonet_lite
