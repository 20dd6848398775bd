#include "reassembly/stream.h"

#include <gtest/gtest.h>

#include "reassembly/test_packets.h"

namespace tsujiban::reassembly {
namespace {

using test::Listener;
using test::Talk;
using test::tcp_packet;
using State = StreamEngine::State;
constexpr std::uint8_t syn = tcp_flag::syn, ack = tcp_flag::ack, fin = tcp_flag::fin, rst = tcp_flag::rst;

TEST(Stream, a_whole_connection_in_order) {
  Talk talk;
  EXPECT_EQ(talk.engine.state(talk.stream), State::none);
  talk.raw(0, 1000, "", syn, 0);
  EXPECT_EQ(talk.engine.state(talk.stream), State::syn_sent);
  talk.raw(1, 5000, "", syn | ack, 1001);
  EXPECT_EQ(talk.engine.state(talk.stream), State::syn_received);
  talk.raw(0, 1001, "", ack, 5001);
  EXPECT_EQ(talk.engine.state(talk.stream), State::established);
  talk.say(0, 0, "question");
  talk.say(1, 0, "answer", 8);
  talk.say(0, 8, "", 6, fin);
  EXPECT_EQ(talk.engine.state(talk.stream), State::half_closed);
  talk.say(1, 6, "", 9, fin);
  EXPECT_EQ(talk.engine.state(talk.stream), State::closed);
  EXPECT_EQ(talk.heard.text[0], "question");
  EXPECT_EQ(talk.heard.text[1], "answer");
  EXPECT_EQ(talk.heard.ends[0], 1u);
  EXPECT_EQ(talk.heard.ends[1], 1u);
  talk.close();
  EXPECT_EQ(talk.heard.ends[0], 1u);
  EXPECT_TRUE(talk.heard.anomalies.empty());
  EXPECT_EQ(talk.counters.stream_bytes.value(), 14u);
}

TEST(Stream, every_split_point_gives_the_same_bytes_in_either_order) {
  const std::string text = "The quick brown fox jumps over the lazy dog";
  for (std::uint32_t split = 1; split < text.size(); ++split) {
    for (const bool swapped : {false, true}) {
      Talk talk;
      talk.handshake();
      if (swapped) talk.say(0, split, text.substr(split));
      talk.say(0, 0, text.substr(0, split));
      if (!swapped) talk.say(0, split, text.substr(split));
      EXPECT_EQ(talk.heard.text[0], text);
      EXPECT_TRUE(talk.heard.anomalies.empty());
      talk.close();
      EXPECT_EQ(talk.engine.bytes_used(), 0u);
    }
  }
}

TEST(Stream, numbers_wrap_around) {
  for (std::uint32_t isn = 0xffffffe0u; isn != 0x10; ++isn) {
    Talk talk({}, isn, isn ^ 0x80000000u);
    talk.handshake();
    talk.say(0, 10, "klmnopqrst");
    talk.say(0, 0, "abcdefghij");
    talk.say(0, 20, "uvw", 0, fin);
    EXPECT_EQ(talk.heard.text[0], "abcdefghijklmnopqrstuvw") << isn;
    EXPECT_EQ(talk.heard.ends[0], 1u) << isn;
    EXPECT_TRUE(talk.heard.anomalies.empty());
  }
}

TEST(Stream, an_acknowledged_hole_is_a_gap_and_an_unacknowledged_one_waits) {
  Talk talk;
  talk.handshake();
  talk.say(0, 0, "abc");
  talk.say(0, 6, "ghi");
  EXPECT_EQ(talk.heard.text[0], "abc");
  talk.say(1, 0, "", 3);
  EXPECT_EQ(talk.heard.text[0], "abc");
  talk.say(1, 0, "", 9);
  EXPECT_EQ(talk.heard.text[0], "abc...ghi");
  EXPECT_EQ(talk.heard.count(ParseError::stream_gap), 1u);
  EXPECT_EQ(talk.heard.anomalies.at(0).offset, 3u);
  EXPECT_EQ(talk.counters.stream_gap_bytes.value(), 3u);
}

TEST(Stream, an_acknowledgment_that_overtakes_its_data_makes_no_gap) {
  Talk talk;
  talk.handshake();
  talk.say(1, 0, "", 6);
  talk.say(0, 0, "abc");
  talk.say(0, 3, "def");
  EXPECT_EQ(talk.heard.text[0], "abcdef");
  EXPECT_TRUE(talk.heard.anomalies.empty());
}

TEST(Stream, close_tells_the_gaps_and_delivers_what_waits) {
  Talk talk;
  talk.handshake();
  talk.say(0, 3, "def");
  talk.say(0, 8, "i");
  talk.say(1, 0, "", 0);
  talk.close();
  EXPECT_EQ(talk.heard.text[0], "...def..i");
  EXPECT_EQ(talk.heard.ends[0], 1u);
  EXPECT_EQ(talk.heard.ends[1], 1u);
  EXPECT_EQ(talk.engine.bytes_used(), 0u);
  EXPECT_EQ(talk.engine.streams(), 0u);
}

TEST(Stream, close_tells_acknowledged_bytes_that_never_came) {
  Talk talk;
  talk.handshake();
  talk.say(0, 0, "ab");
  talk.say(1, 0, "", 10);
  talk.close();
  EXPECT_EQ(talk.heard.text[0], "ab........");
}

TEST(Stream, one_sided_holes_become_gaps_after_some_segments) {
  Talk talk;
  talk.raw(0, 1000, "", syn, 0);
  talk.say(0, 0, "ab");
  for (std::uint32_t i = 0; i + 1 < StreamEngine::one_sided_segments_max; ++i) talk.say(0, 4 + i, "x");
  EXPECT_EQ(talk.heard.text[0], "ab");
  talk.say(0, 3 + StreamEngine::one_sided_segments_max, "y");
  EXPECT_EQ(talk.heard.text[0], "ab..xxxxxxxy");
  EXPECT_FALSE(talk.engine.both_directions_seen(talk.stream));
}

TEST(Stream, one_sided_reordering_within_the_bound_is_put_right) {
  Talk talk;
  talk.say(0, 0, "ab");
  talk.say(0, 4, "ef");
  talk.say(0, 2, "cd");
  EXPECT_EQ(talk.heard.text[0], "abcdef");
  EXPECT_EQ(talk.heard.count(ParseError::stream_midstream), 1u);
  EXPECT_EQ(talk.heard.anomalies.size(), 1u);
}

TEST(Stream, a_start_in_midstream_is_told_once) {
  Talk talk;
  talk.say(1, 100, "reply", 50);
  talk.say(0, 50, "ask", 105);
  talk.say(1, 105, "more", 53);
  EXPECT_EQ(talk.heard.text[0], "ask");
  EXPECT_EQ(talk.heard.text[1], "replymore");
  EXPECT_EQ(talk.heard.count(ParseError::stream_midstream), 1u);
  EXPECT_EQ(talk.engine.state(talk.stream), State::established);
}

TEST(Stream, a_keep_alive_before_the_first_data_of_a_midstream_start_costs_nothing) {
  Talk talk;
  talk.say(0, 99, "", 0);
  talk.say(0, 100, "ask");
  EXPECT_EQ(talk.heard.text[0], "ask");
  EXPECT_EQ(talk.heard.gaps[0], 0u);
}

TEST(Stream, keep_alives_and_exact_repetitions_are_no_anomaly) {
  Talk talk;
  talk.handshake();
  talk.say(0, 0, "abcdef");
  talk.say(0, 5, "");
  talk.say(0, 5, std::string(1, '\0'));
  talk.say(0, 0, "abcdef");
  talk.say(0, 2, "cdefgh");
  EXPECT_EQ(talk.heard.text[0], "abcdefgh");
  EXPECT_TRUE(talk.heard.anomalies.empty());
  EXPECT_EQ(talk.counters.stream_retransmitted_bytes.value(), 10u);
}

TEST(Stream, a_repetition_with_other_bytes_is_told_for_delivered_bytes) {
  Talk talk;
  talk.handshake();
  talk.say(0, 0, "abc");
  talk.say(0, 3, "def");
  talk.say(0, 3, "dXf");
  EXPECT_EQ(talk.heard.count(ParseError::stream_overlap_differs), 1u);
  EXPECT_EQ(talk.heard.anomalies[0].offset, 3u);
  talk.say(0, 0, "aXc");
  EXPECT_EQ(talk.heard.count(ParseError::stream_overlap_differs), 2u);
  // Both pieces again in one segment that also brings something new.
  talk.say(0, 0, "abcdeXghi");
  EXPECT_EQ(talk.heard.count(ParseError::stream_overlap_differs), 3u);
  EXPECT_EQ(talk.heard.text[0], "abcdefghi");
}

TEST(Stream, differing_bytes_that_wait_are_told_and_the_earlier_start_wins) {
  struct Case {
    std::uint32_t first_at;
    const char* first;
    std::uint32_t second_at;
    const char* second;
    const char* expected;  // From byte 2 on.
  };
  // As Linux queues them; the first segment waits behind a hole of two bytes.
  const Case cases[] = {
      {4, "AAAA", 4, "BBBB", "..AAAA"},       // Same start, same length: the first stays.
      {4, "AAAA", 4, "BBBBBB", "..BBBBBB"},   // Same start, longer: the second replaces it.
      {4, "AAAA", 4, "BB", "..AAAA"},         // Same start, shorter: the first stays.
      {4, "AAAA", 5, "BB", "..AAAA"},         // Within: the first stays.
      {4, "AAAA", 6, "BBBB", "..AAAABB"},     // Behind: the first keeps what it has.
      {4, "AAAA", 3, "BBB", ".BBBAA"},        // In front: the second wins.
      {4, "AAAA", 3, "BBBBBBB", ".BBBBBBB"},  // Around: the second wins.
  };
  for (const Case& c : cases) {
    Talk talk;
    talk.handshake();
    talk.say(0, 0, "xx");
    talk.say(0, c.first_at, c.first);
    talk.say(0, c.second_at, c.second);
    EXPECT_EQ(talk.heard.count(ParseError::stream_overlap_differs), 1u) << c.second;
    talk.close();
    EXPECT_EQ(talk.heard.text[0], std::string("xx") + c.expected) << c.second;
  }
}

TEST(Stream, waiting_bytes_that_a_late_segment_covers_differently_are_told) {
  Talk talk;
  talk.handshake();
  talk.say(0, 3, "def");
  talk.say(0, 0, "abcdXfgh");
  EXPECT_EQ(talk.heard.text[0], "abcdXfgh");
  ASSERT_EQ(talk.heard.count(ParseError::stream_overlap_differs), 1u);
  EXPECT_EQ(talk.heard.anomalies[0].offset, 4u);
}

TEST(Stream, a_blind_segment_far_away_is_told_and_changes_nothing) {
  Talk talk;
  talk.handshake();
  talk.say(0, 0, "abc");
  talk.say(0, 0x40000000, "evil");
  talk.say(0, 0x90000000, "evil");
  talk.say(0, 3, "def");
  talk.say(1, 0, "", 6);
  EXPECT_EQ(talk.heard.count(ParseError::stream_out_of_window), 2u);
  EXPECT_EQ(talk.heard.text[0], "abcdef");
}

TEST(Stream, a_forged_acknowledgment_far_away_makes_no_gap) {
  Talk talk;
  talk.handshake();
  talk.say(0, 0, "abc");
  talk.say(1, 0, "", 0x20000000);
  talk.say(0, 6, "ghi");
  talk.say(0, 3, "def");
  EXPECT_EQ(talk.heard.text[0], "abcdefghi");
}

TEST(Stream, a_loss_of_more_than_a_window_is_bridged_when_the_peer_agrees) {
  Talk talk;
  talk.handshake();
  talk.say(0, 0, "abc");
  const std::uint32_t far = 50u << 20;
  talk.say(0, far, "xyz");
  EXPECT_EQ(talk.heard.text[0], "abc");
  talk.say(1, 0, "", far + 3);
  talk.say(0, far + 3, "uvw");
  EXPECT_EQ(talk.heard.missing[0], far);
  EXPECT_EQ(talk.heard.text[0], "abc...uvw");
}

TEST(Stream, a_loss_of_more_than_a_window_is_bridged_by_several_segments_where_only_one_side_is_seen) {
  Talk talk;
  talk.say(0, 0, "abc");
  const std::uint32_t far = 50u << 20;
  for (std::uint32_t i = 0; i < StreamEngine::resync_segments; ++i) talk.say(0, far + i, "x");
  EXPECT_EQ(talk.heard.text[0], "abc...x");
  EXPECT_EQ(talk.heard.delivered[0] + talk.heard.missing[0], far + StreamEngine::resync_segments);
}

TEST(Stream, the_window_scale_of_the_syn_opens_the_window) {
  Talk talk;
  for (const unsigned d : {0u, 1u}) {
    std::uint8_t header[24] = {};
    header[20] = 1;  // NOP
    header[21] = 3;  // Window scale, 3 bytes, shift 10.
    header[22] = 3;
    header[23] = 10;
    DecodedPacket packet = tcp_packet(talk.isn(d), "", d == 0 ? syn : syn | ack, d == 0 ? 0 : talk.isn(0) + 1);
    packet.transport = header;
    packet.tcp_header_length = sizeof header;
    packet.ip_payload_length = sizeof header;
    talk.engine.segment(talk.stream, static_cast<Direction>(d), packet, talk.heard);
  }
  talk.say(1, 0, "");
  talk.say(0, 40u << 20, "x");
  EXPECT_EQ(talk.heard.count(ParseError::stream_out_of_window), 0u);
  talk.say(0, 80u << 20, "x");
  EXPECT_EQ(talk.heard.count(ParseError::stream_out_of_window), 1u);
}

TEST(Stream, a_reset_in_the_window_ends_its_senders_direction) {
  Talk talk;
  talk.handshake();
  talk.say(0, 0, "abc");
  talk.say(1, 0, "", 3, rst);
  EXPECT_EQ(talk.engine.state(talk.stream), State::reset);
  EXPECT_EQ(talk.heard.ends[1], 1u);
  EXPECT_EQ(talk.heard.ends[0], 0u);
  talk.close();
  EXPECT_EQ(talk.heard.ends[0], 1u);
  EXPECT_TRUE(talk.heard.anomalies.empty());
}

TEST(Stream, a_reset_outside_the_window_is_told_and_ignored) {
  Talk talk;
  talk.handshake();
  talk.say(0, 0, "abc");
  talk.say(0, 0x30000000, "", 0, rst);
  talk.raw(0, talk.isn(0) - 500000, "", rst, 0);
  EXPECT_EQ(talk.heard.count(ParseError::stream_rst_out_of_window), 2u);
  EXPECT_EQ(talk.engine.state(talk.stream), State::established);
  talk.say(0, 3, "def");
  EXPECT_EQ(talk.heard.text[0], "abcdef");
}

TEST(Stream, a_reset_answering_a_syn_must_acknowledge_it) {
  Talk talk;
  talk.raw(0, 1000, "", syn, 0);
  talk.raw(1, 0, "", rst | ack, 77);
  EXPECT_EQ(talk.engine.state(talk.stream), State::syn_sent);
  EXPECT_EQ(talk.heard.count(ParseError::stream_rst_out_of_window), 1u);
  talk.raw(1, 0, "", rst | ack, 1001);
  EXPECT_EQ(talk.engine.state(talk.stream), State::reset);
}

TEST(Stream, bytes_in_flight_after_the_peers_reset_are_delivered) {
  Talk talk;
  talk.handshake();
  talk.say(1, 0, "", 0, rst);
  talk.say(0, 0, "abc");
  EXPECT_EQ(talk.heard.text[0], "abc");
  EXPECT_FALSE(talk.heard.after_end);
}

TEST(Stream, who_goes_on_after_his_own_reset_reopens) {
  Talk talk;
  talk.handshake();
  talk.say(1, 0, "abc");
  talk.say(1, 3, "", 0, rst);
  EXPECT_FALSE(talk.reopens(1, talk.isn(1) + 1, "abc", ack, talk.isn(0) + 1));
  EXPECT_TRUE(talk.reopens(1, talk.isn(1) + 4, "def", ack, talk.isn(0) + 1));
  EXPECT_TRUE(talk.reopens(1, 999999, "", syn | ack, talk.isn(0) + 1));
}

TEST(Stream, syn_data_that_was_acknowledged_is_delivered) {
  Talk talk;
  talk.raw(0, 1000, "early", syn, 0);
  EXPECT_EQ(talk.heard.text[0], "");
  talk.raw(1, 5000, "", syn | ack, 1006);
  EXPECT_EQ(talk.heard.text[0], "early");
  talk.say(0, 5, "late");
  EXPECT_EQ(talk.heard.text[0], "earlylate");
  EXPECT_EQ(talk.heard.count(ParseError::stream_syn_data), 1u);
}

TEST(Stream, syn_data_that_was_ignored_is_delivered_from_its_repetition_only) {
  Talk talk;
  talk.raw(0, 1000, "early", syn, 0);
  talk.raw(1, 5000, "", syn | ack, 1001);
  EXPECT_EQ(talk.engine.bytes_used(), 0u);
  talk.say(0, 0, "other!");
  EXPECT_EQ(talk.heard.text[0], "other!");
}

TEST(Stream, one_sided_syn_data_follows_what_the_sender_does) {
  Talk taken;
  taken.raw(0, 1000, "early", syn, 0);
  taken.say(0, 5, "late");
  EXPECT_EQ(taken.heard.text[0], "earlylate");
  Talk ignored;
  ignored.raw(0, 1000, "early", syn, 0);
  ignored.say(0, 0, "eaRly late");
  EXPECT_EQ(ignored.heard.text[0], "eaRly late");
  EXPECT_EQ(ignored.heard.count(ParseError::stream_overlap_differs), 1u);
}

TEST(Stream, a_split_handshake_is_one_connection) {
  Talk talk;
  talk.raw(0, 1000, "", syn, 0);
  talk.raw(1, 4711, "", ack, 1001);  // The server first only acknowledges,
  talk.raw(1, 5000, "", syn, 0);     // then opens by itself,
  talk.raw(0, 1000, "", syn | ack, 5001);
  talk.raw(1, 5001, "", ack, 1001);
  talk.say(0, 0, "GET ");
  talk.say(1, 0, "200 ", 4);
  EXPECT_EQ(talk.heard.text[0], "GET ");
  EXPECT_EQ(talk.heard.text[1], "200 ");
  EXPECT_EQ(talk.engine.state(talk.stream), State::established);
}

TEST(Stream, an_answer_to_another_syn_is_ignored) {
  Talk talk;
  talk.raw(0, 1000, "", syn, 0);
  talk.raw(1, 7777, "", syn | ack, 4242);
  EXPECT_EQ(talk.heard.count(ParseError::stream_out_of_window), 1u);
  talk.raw(1, 5000, "", syn | ack, 1001);
  talk.say(1, 0, "hello");
  EXPECT_EQ(talk.heard.text[1], "hello");
}

TEST(Stream, a_fin_ahead_of_its_data_waits_for_it) {
  Talk talk;
  talk.handshake();
  talk.say(0, 3, "def", 0, fin);
  EXPECT_EQ(talk.heard.ends[0], 0u);
  talk.say(0, 0, "abc");
  EXPECT_EQ(talk.heard.text[0], "abcdef");
  EXPECT_EQ(talk.heard.ends[0], 1u);
}

TEST(Stream, an_acknowledged_fin_ends_a_hole_at_the_tail) {
  Talk talk;
  talk.handshake();
  talk.say(0, 0, "abc");
  talk.say(0, 6, "", 0, fin);
  EXPECT_EQ(talk.heard.ends[0], 0u);
  talk.say(1, 0, "", 7);
  EXPECT_EQ(talk.heard.text[0], "abc...");
  EXPECT_EQ(talk.heard.ends[0], 1u);
}

TEST(Stream, data_behind_the_fin_is_told_once_and_not_delivered) {
  Talk talk;
  talk.handshake();
  talk.say(0, 0, "abc", 0, fin);
  talk.say(0, 0, "abc", 0, fin);
  EXPECT_EQ(talk.heard.count(ParseError::stream_data_after_close), 0u);
  talk.say(0, 3, "more");
  talk.say(0, 7, "more");
  EXPECT_EQ(talk.heard.text[0], "abc");
  EXPECT_EQ(talk.heard.count(ParseError::stream_data_after_close), 1u);
  EXPECT_FALSE(talk.heard.after_end);
}

TEST(Stream, bytes_that_waited_behind_a_later_fin_are_dropped) {
  Talk talk;
  talk.handshake();
  talk.say(0, 2, "cdXX");
  talk.say(0, 8, "YY");
  talk.say(0, 0, "ab");
  talk.say(0, 3, "", 0, fin);  // Before "dXX" that was delivered: no FIN.
  EXPECT_EQ(talk.heard.ends[0], 0u);
  talk.say(0, 7, "", 0, fin);
  talk.say(0, 6, "g");
  EXPECT_EQ(talk.heard.text[0], "abcdXXg");
  EXPECT_EQ(talk.heard.ends[0], 1u);
  EXPECT_EQ(talk.heard.count(ParseError::stream_data_after_close), 1u);
  EXPECT_EQ(talk.engine.bytes_used(), 0u);
}

TEST(Stream, a_new_syn_reopens_when_the_connection_is_over_or_was_never_answered) {
  Talk talk;
  talk.raw(0, 1000, "", syn, 0);
  EXPECT_FALSE(talk.reopens(0, 1000, "", syn, 0));
  EXPECT_TRUE(talk.reopens(0, 2000, "", syn, 0));
  talk.raw(1, 5000, "", syn | ack, 1001);
  talk.say(0, 0, "");
  EXPECT_FALSE(talk.reopens(0, 2000, "", syn, 0));
  talk.say(0, 0, "", 0, fin);
  talk.say(1, 0, "", 1, fin);
  EXPECT_FALSE(talk.reopens(0, 1000, "", syn, 0));
  EXPECT_TRUE(talk.reopens(0, 2000, "", syn, 0));
  EXPECT_TRUE(talk.reopens(1, 2000, "", syn, 0));
}

TEST(Stream, a_new_syn_on_a_live_connection_reopens_once_the_peer_takes_it) {
  Talk talk;
  talk.handshake();
  talk.say(0, 0, "abc");
  talk.raw(0, 700000, "", syn, 0);
  EXPECT_EQ(talk.heard.count(ParseError::stream_out_of_window), 1u);
  EXPECT_FALSE(talk.reopens(1, 5001, "", ack, 1004));
  EXPECT_TRUE(talk.reopens(1, 800000, "", syn | ack, 700001));
  talk.say(0, 3, "def");
  EXPECT_EQ(talk.heard.text[0], "abcdef");
}

// Found by fuzzing: the second SYN made the end be told twice.
TEST(Stream, a_syn_behind_a_lone_fin_does_not_begin_again) {
  Talk talk;
  talk.raw(0, 7000, "", fin | ack, 0);
  talk.raw(0, 1000, "", syn | ack, 0);
  talk.raw(0, 2000, "", syn | ack, 0);
  talk.close();
  EXPECT_EQ(talk.heard.ends[0], 1u);
}

// Found by fuzzing: a FIN that is not reached yet does not move the end behind a reset.
TEST(Stream, bytes_between_a_reset_and_an_earlier_fin_are_not_delivered) {
  Talk talk;
  talk.handshake();
  talk.say(0, 20, "", 0, fin);
  talk.say(0, 0, "", 0, rst);
  talk.say(0, 0, "late");
  talk.close();
  EXPECT_EQ(talk.heard.delivered[0], 0u);
  EXPECT_FALSE(talk.heard.after_end);
}

// Found by fuzzing: an endless loop, and bytes delivered beside the ones held.
TEST(Stream, a_segment_that_begins_before_the_syn_data_and_reaches_beyond_replaces_it) {
  StreamEngine::Limits limits;
  limits.pending_runs_per_direction_max = 1;
  Talk talk(limits);
  talk.raw(0, 1000, "early", syn, 0);
  talk.raw(0, 999, "xyEARLIER", ack, 0);
  talk.say(0, 20, "q");
  talk.say(0, 30, "r");
  talk.close();
  EXPECT_EQ(talk.heard.text[0], "EARLIER.............q.........r");
}

TEST(Stream, pending_bytes_at_and_above_the_limit) {
  StreamEngine::Limits limits;
  limits.pending_bytes_per_direction_max = 100;
  Talk talk(limits);
  talk.handshake();
  talk.say(0, 10, std::string(100, 'x'));
  EXPECT_EQ(talk.heard.text[0], "");
  EXPECT_EQ(talk.heard.count(ParseError::stream_limit), 0u);
  talk.say(0, 110, "y");
  EXPECT_EQ(talk.heard.text[0], std::string(10, '.') + std::string(100, 'x') + "y");
  EXPECT_EQ(talk.heard.count(ParseError::stream_limit), 1u);
}

TEST(Stream, a_segment_larger_than_the_limit_is_delivered_behind_a_gap) {
  StreamEngine::Limits limits;
  limits.pending_bytes_per_direction_max = 100;
  Talk talk(limits);
  talk.handshake();
  talk.say(0, 10, std::string(101, 'x'));
  EXPECT_EQ(talk.heard.text[0], std::string(10, '.') + std::string(101, 'x'));
}

TEST(Stream, pending_runs_at_and_above_the_limit) {
  StreamEngine::Limits limits;
  limits.pending_runs_per_direction_max = 3;
  Talk talk(limits);
  talk.handshake();
  for (std::uint32_t i = 0; i < 3; ++i) talk.say(0, 1 + 2 * i, "x");
  EXPECT_EQ(talk.heard.text[0], "");
  talk.say(0, 7, "y");
  EXPECT_EQ(talk.heard.text[0], ".x");
  talk.say(0, 2, "a");
  EXPECT_EQ(talk.heard.text[0], ".xax");
}

TEST(Stream, memory_filled_by_an_attacker_costs_only_holes) {
  StreamEngine::Limits limits;
  limits.memory_bytes_max = 256 << 10;
  limits.streams_max = 1000;
  metrics::WorkerCounters counters;
  StreamEngine engine(limits, counters);
  Listener attacker;
  const std::string byte = "x";
  for (int s = 0; s < 999; ++s) {
    const std::uint32_t stream = engine.open();
    for (const unsigned d : {0u, 1u})
      engine.segment(stream, static_cast<Direction>(d), tcp_packet(0, "", ack), attacker);
    for (std::uint32_t i = 0; i < 60; ++i) {
      engine.segment(stream, Direction::to_responder, tcp_packet(1 + 2 * i, byte), attacker);
      ASSERT_LE(engine.bytes_used(), limits.memory_bytes_max);
    }
  }
  EXPECT_GT(counters.evictions[static_cast<std::size_t>(metrics::EvictionReason::stream_memory)].value(), 0u);
  Listener victim;
  const std::uint32_t stream = engine.open();
  ASSERT_NE(stream, 0u);
  EXPECT_EQ(engine.open(), 0u);
  const std::string a = "abc", b = "def", c = "ghi";
  engine.segment(stream, Direction::to_responder, tcp_packet(100, a), victim);
  engine.segment(stream, Direction::to_responder, tcp_packet(106, c), victim);
  engine.segment(stream, Direction::to_responder, tcp_packet(103, b), victim);
  engine.segment(stream, Direction::to_responder, tcp_packet(109, a), victim);
  EXPECT_EQ(victim.text[0], "abc...ghiabc");
}

TEST(Stream, depth_at_and_above_the_limit) {
  StreamEngine::Limits limits;
  limits.depth_bytes_max = 5;
  Talk talk(limits);
  talk.handshake();
  talk.say(0, 0, "abcde");
  EXPECT_EQ(talk.heard.count(ParseError::stream_limit), 0u);
  talk.say(0, 5, "f");
  talk.say(0, 8, "ij");
  talk.say(0, 10, "kl", 0, fin);
  EXPECT_EQ(talk.heard.text[0], "abcde");
  EXPECT_EQ(talk.heard.count(ParseError::stream_limit), 1u);
  EXPECT_EQ(talk.heard.ends[0], 1u);
  EXPECT_EQ(talk.counters.stream_beyond_depth_bytes.value(), 5u);
  Talk across(limits);
  across.handshake();
  across.say(0, 0, "abcdefgh");
  EXPECT_EQ(across.heard.text[0], "abcde");
}

TEST(Stream, a_short_snap_length_leaves_gaps_in_their_place) {
  Talk talk;
  talk.handshake();
  const std::string text = "abcd";
  DecodedPacket packet = tcp_packet(talk.isn(0) + 1, text);
  packet.payload_length_wire = 10;
  talk.engine.segment(talk.stream, Direction::to_responder, packet, talk.heard);
  talk.say(0, 10, "klm");
  EXPECT_EQ(talk.heard.text[0], "abcd......klm");
  EXPECT_EQ(talk.heard.count(ParseError::stream_gap), 1u);
  EXPECT_EQ(talk.heard.anomalies.size(), 1u);
}

TEST(Stream, urgent_data_is_delivered_in_line) {
  Talk talk;
  talk.handshake();
  talk.say(0, 0, "ab");
  talk.say(0, 2, "!", 0, tcp_flag::urg);
  talk.say(0, 3, "cd");
  EXPECT_EQ(talk.heard.text[0], "ab!cd");
}

}  // namespace
}  // namespace tsujiban::reassembly
