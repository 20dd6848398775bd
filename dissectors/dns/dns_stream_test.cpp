#include <gtest/gtest.h>

#include "dissectors/dns/dns_test_sink.h"

namespace tsujiban::dns {
namespace {

using testing::Bench;
using testing::Builder;
using testing::bytes_of;
using testing::Octets;
using testing::sample_answer;
using testing::sample_query;
using testing::ToldAnomaly;
using testing::with_length;

struct Told {
  std::vector<std::string> records;
  std::vector<ToldAnomaly> anomalies;
  bool given_up = false;
  bool operator==(const Told&) const = default;
};
Told run(const Octets& bytes, std::size_t split) {
  Bench bench;
  bench.stream(Bytes(bytes).first(split));
  bench.stream(Bytes(bytes).subspan(split));
  bench.finish();
  EXPECT_FALSE(bench.bad_progress);
  return {bench.sink.records, bench.sink.anomalies, bench.given_up};
}
Told whole_and_every_split(const Octets& bytes) {
  const Told whole = run(bytes, bytes.size());
  for (std::size_t split = 0; split < bytes.size(); ++split)
    EXPECT_EQ(run(bytes, split), whole) << "split at " << split;
  Bench bench;
  for (const std::uint8_t& b : bytes) bench.stream({&b, 1});
  bench.finish();
  EXPECT_EQ((Told{bench.sink.records, bench.sink.anomalies, bench.given_up}), whole) << "byte by byte";
  return whole;
}
Octets joined(std::initializer_list<Octets> parts) {
  Octets bytes;
  for (const Octets& part : parts) bytes.insert(bytes.end(), part.begin(), part.end());
  return bytes;
}

TEST(DnsStream, several_messages_in_one_segment_and_every_split_tell_the_same) {
  const Told told = whole_and_every_split(
      joined({with_length(sample_query(1)), with_length(sample_query(2)), with_length(sample_answer(3))}));
  ASSERT_EQ(told.records.size(), 3u);
  EXPECT_TRUE(told.anomalies.empty());
  EXPECT_EQ(told.records[1], R"({"version":2,"type":"query","id":2,"rrname":"www.example.jp","rrtype":"A","tx_id":1,)"
                             R"("opcode":0})");
}

TEST(DnsStream, a_malformed_message_costs_only_itself) {
  Octets broken = sample_query(1);
  broken[12] = 0x80;
  const Told told = whole_and_every_split(joined({with_length(broken), with_length(sample_query(2))}));
  ASSERT_EQ(told.records.size(), 2u);
  EXPECT_EQ(told.anomalies, (std::vector<ToldAnomaly>{{ParseError::dns_bad_label, 12}}));
}

TEST(DnsStream, a_length_that_holds_no_header_loses_the_place_and_the_next_message_is_found) {
  const Told told = whole_and_every_split(
      joined({with_length(sample_query(1)), bytes_of("0003 FFEEDD 00"), with_length(sample_query(2))}));
  ASSERT_EQ(told.records.size(), 2u);
  ASSERT_EQ(told.anomalies.size(), 1u);
  EXPECT_EQ(told.anomalies[0].error, ParseError::dns_unsynchronised);
}

TEST(DnsStream, a_stream_that_ends_within_a_message_keeps_what_was_read) {
  const Octets stream = with_length(sample_query());
  for (std::size_t size = 1; size < stream.size(); ++size) {
    const Told told = whole_and_every_split(Octets(stream.begin(), stream.begin() + static_cast<std::ptrdiff_t>(size)));
    EXPECT_EQ(told.records.size(), size < 14 ? 0u : 1u) << size;
    EXPECT_EQ(told.anomalies.size(), 1u) << size;
    EXPECT_EQ(told.anomalies[0].error, ParseError::truncated);
  }
}

TEST(DnsStream, a_gap_anywhere_costs_the_messages_it_hit) {
  const Octets one = with_length(sample_query(1)), two = with_length(sample_query(2)),
               three = with_length(sample_query(3));
  const Octets bytes = joined({one, two, three});
  for (std::size_t from = one.size(); from < one.size() + two.size(); ++from) {
    for (std::size_t to = from + 1; to <= one.size() + two.size(); ++to) {
      Bench bench;
      bench.stream(Bytes(bytes).first(from));
      bench.gap(static_cast<std::uint32_t>(to - from));
      bench.stream(Bytes(bytes).subspan(to));
      bench.finish();
      ASSERT_EQ(bench.sink.records.size(), 2u) << from << " to " << to;
      EXPECT_TRUE(bench.sink.anomalies.empty());
      EXPECT_NE(bench.last().find("\"id\":3"), std::string::npos);
    }
  }
}

TEST(DnsStream, bytes_without_a_message_are_given_up_at_the_limit) {
  for (const std::size_t piece : {std::size_t{1}, std::size_t{1000}, std::size_t{unsynchronised_bytes_max} * 2}) {
    Bench bench;
    const Octets noise(piece, 0xEE);
    bench.gap(1);
    std::size_t fed = 0;
    while (!bench.given_up && fed < unsynchronised_bytes_max * 2u) bench.stream(noise), fed += piece;
    EXPECT_TRUE(bench.given_up);
    EXPECT_GE(fed, unsynchronised_bytes_max);
  }
}

TEST(DnsStream, messages_of_which_nothing_reads_end_the_dissection) {
  Bench bench;
  Octets noise(40, 0x88);  // A label of a reserved type where the first name should be.
  const Octets message = with_length(noise);
  for (unsigned i = 0; i <= unreadable_messages_max; ++i) bench.stream(message);
  EXPECT_TRUE(bench.given_up);
  EXPECT_EQ(bench.sink.records.size(), unreadable_messages_max);
}

TEST(DnsStream, the_largest_message_fits) {
  Builder b;
  b.header(1, 0x8180, 1, 1).question("x", 1);
  const std::size_t data = message_bytes_max - b.bytes.size() - 12;
  b.pointer(12).tail(rr::null, 1, Octets(data, 'n'));
  ASSERT_EQ(b.bytes.size(), message_bytes_max);
  Bench bench;
  const Octets stream = with_length(b.bytes);
  bench.stream(Bytes(stream).first(100));
  bench.stream(Bytes(stream).subspan(100));
  bench.finish();
  ASSERT_EQ(bench.sink.records.size(), 1u);
  EXPECT_TRUE(bench.sink.anomalies.empty());
  EXPECT_FALSE(bench.bad_progress);
}

}  // namespace
}  // namespace tsujiban::dns
