#include <gtest/gtest.h>

#include "dissect/test_stream_splits.h"
#include "dissectors/smb/smb_test_support.h"

namespace tsujiban::smb {
namespace {

using namespace testing;

Octets asked() {
  return joined({framed(negotiate_request()),
                 framed(session_request(ntlmssp("alice"))),
                 {0x85, 0, 0, 0},
                 framed(tree_request("\\\\fs\\plans")),
                 framed(message2({.command = 9, .message_id = 8}, Octets(300))),
                 framed(create_request("a.txt"))});
}
Octets answered() {
  return joined({framed(negotiate_answer()), framed(session_answer(0)), framed(tree_answer(1)),
                 framed(message2({.command = 9, .message_id = 8, .response = true}, Octets(17))),
                 framed(create_answer())});
}
TEST(SmbStream, splits_at_every_byte_give_the_same_records) {
  const Told whole = whole_and_every_split<Bench>(asked(), answered());
  EXPECT_EQ(whole.records.size(), 4u);
  EXPECT_TRUE(whole.anomalies.empty());
}

TEST(SmbStream, every_prefix_is_safe) {
  const Octets whole = asked();
  for (std::size_t size = 0; size <= whole.size(); ++size) {
    Bench bench;
    bench.ask(Bytes(whole).first(size));
    bench.finish();
    EXPECT_FALSE(bench.stream.bad_progress) << size;
    EXPECT_EQ(bench.outstanding(), 0u) << size;
    EXPECT_LE(bench.sink.anomalies.size(), 1u) << size;
  }
}

TEST(SmbStream, messages_cut_short_by_their_own_length_cost_only_themselves) {
  for (const Octets& message :
       {negotiate_request(), session_request(ntlmssp("alice")), tree_request("\\\\fs\\a"), create_request("a.txt"),
        negotiate_answer(), tree_answer(1), create_answer(), smb1_negotiate()}) {
    for (std::size_t size = 33; size < message.size(); ++size) {
      Bench bench;
      bench.ask(framed(Octets(message.begin(), message.begin() + static_cast<std::ptrdiff_t>(size))));
      const std::size_t before = bench.sink.records.size();
      EXPECT_LE(bench.sink.anomalies.size(), 1u) << size;
      bench.ask(framed(tree_request("\\\\fs\\next", 900)));
      bench.answer(framed(tree_answer(1, 900)));
      EXPECT_EQ(bench.sink.records.size(), before + 1) << size;
      EXPECT_TRUE(bench.has("next")) << size;
    }
  }
}

TEST(SmbStream, mutations_do_no_harm) {
  const Octets whole = asked();
  for (std::size_t at = 0; at < whole.size(); ++at) {
    for (const unsigned value : {0x00u, 0x7Fu, 0x80u, 0xFFu}) {
      Bench bench;
      Octets bytes = whole;
      bytes[at] = static_cast<std::uint8_t>(value);
      bench.ask(bytes);
      bench.answer(answered());
      bench.finish();
      EXPECT_FALSE(bench.stream.bad_progress || bench.sink.overflowed) << at;
      EXPECT_EQ(bench.outstanding(), 0u) << at;
    }
  }
}

TEST(SmbStream, a_gap_within_a_skipped_body_loses_nothing) {
  Bench bench;
  const Octets write = framed(message2({.command = 9, .message_id = 8}, Octets(3000)));
  bench.ask(Bytes(write).first(500));
  bench.gap(true, 1000);
  bench.ask(Bytes(write).subspan(1500));
  bench.ask(framed(tree_request("\\\\fs\\a")));
  bench.answer(framed(tree_answer(1)));
  EXPECT_EQ(bench.sink.records.size(), 1u);
  EXPECT_TRUE(bench.sink.anomalies.empty());
}

TEST(SmbStream, behind_a_gap_the_next_message_is_found) {
  const Octets first = framed(session_request(ntlmssp("alice")));
  for (std::size_t cut = 1; cut < first.size(); ++cut) {
    Bench bench;
    bench.ask(Bytes(first).first(10));
    bench.gap(true, 1);
    bench.ask(Bytes(first).subspan(std::min(first.size(), 10 + cut)));
    bench.ask(framed(tree_request("\\\\fs\\a")));
    bench.answer(framed(tree_answer(1)));
    EXPECT_EQ(bench.sink.records.size(), 1u) << cut;
    EXPECT_TRUE(bench.sink.anomalies.empty()) << cut;
  }
}

TEST(SmbStream, bytes_without_a_message_are_told_once_and_given_up_at_the_limit) {
  for (const bool beyond : {false, true}) {
    Bench bench;
    bench.ask(framed(negotiate_request()));
    const Octets noise(64 * 1024, 0x55);
    for (std::size_t fed = 0; fed < unsynchronised_bytes_max - noise.size(); fed += noise.size()) bench.ask(noise);
    if (beyond) {
      bench.ask(noise);
      bench.ask(noise);
    } else {
      bench.ask(framed(negotiate_request()));
    }
    EXPECT_EQ(bench.stream.given_up, beyond);
    EXPECT_FALSE(bench.stream.bad_progress);
    EXPECT_EQ(bench.sink.anomalies.size(), beyond ? 2u : 1u);
    for (const auto& anomaly : bench.sink.anomalies) EXPECT_EQ(anomaly.error, ParseError::smb_unsynchronised);
  }
}

TEST(SmbStream, messages_longer_than_is_read_are_read_as_far_as_they_are_kept) {
  for (const std::uint32_t size : {head_bytes_max - 1, head_bytes_max, head_bytes_max + 1}) {
    Octets message = create_request("long.bin");
    message.resize(size);
    Bench bench;
    const Octets bytes = framed(message);
    for (std::size_t at = 0; at < bytes.size(); at += 1400)
      bench.ask(Bytes(bytes).subspan(at, std::min<std::size_t>(1400, bytes.size() - at)));
    bench.answer(framed(create_answer()));
    EXPECT_TRUE(bench.has("long.bin")) << size;
    EXPECT_FALSE(bench.stream.bad_progress || bench.stream.given_up) << size;
    EXPECT_TRUE(bench.sink.anomalies.empty()) << size;
  }
}

TEST(SmbStream, one_side_alone_is_recorded) {
  Bench client, server;
  client.ask(asked());
  client.finish();
  EXPECT_EQ(client.sink.records.size(), 4u);
  EXPECT_EQ(client.sink.source, IpAddress::v4(0xC0A8140A));
  server.answer(answered());
  server.finish();
  EXPECT_EQ(server.sink.records.size(), 4u);
  EXPECT_EQ(server.sink.source, IpAddress::v4(0xC0A8140A));
  EXPECT_TRUE(server.sink.told(FactKind::login).empty());
}

}  // namespace
}  // namespace tsujiban::smb
