// Random connections against the plainest model there is: a text, and for each of its bytes whether the monitor saw it.
#include <gtest/gtest.h>

#include <algorithm>

#include "reassembly/test_packets.h"

namespace tsujiban::reassembly {
namespace {

using test::Talk;

struct Sent {
  std::uint32_t at;
  std::uint32_t length;
};

// Cuts [0, size) into segments of random length.
std::vector<Sent> cut(std::uint32_t size, std::uint32_t length_max, test::Random& random) {
  std::vector<Sent> out;
  for (std::uint32_t at = 0; at < size;) {
    const std::uint32_t length = std::min<std::uint32_t>(1 + random() % length_max, size - at);
    out.push_back({at, length});
    at += length;
  }
  return out;
}

std::string random_text(std::uint32_t size, test::Random& random) {
  std::string text(size, 0);
  for (char& c : text) c = static_cast<char>('a' + random() % 26);
  return text;
}

// What a receiver has: acknowledges all before its first hole.
struct Receiver {
  std::vector<bool> has;
  std::uint32_t next = 0;
  void take(const Sent& s) {
    for (std::uint32_t i = s.at; i < s.at + s.length; ++i) has[i] = true;
    while (next < has.size() && has[next]) ++next;
  }
};

struct Plan {
  unsigned loss_at_tap_percent;
  unsigned duplicate_percent;
  std::uint32_t reorder_distance;
  bool acknowledgments_seen;
};

// Segments pass the tap (or are lost there), reach the receiver, and its acknowledgments pass the tap.
void run(const Plan& plan, std::uint32_t seed, std::string& heard, std::string& expected, unsigned& anomalies) {
  test::Random random(seed);
  const std::uint32_t size = 1 + random() % 3000;
  const std::string text = random_text(size, random);
  std::vector<Sent> sent = cut(size, 120, random);
  // Repetitions, cut differently from the first time.
  const std::size_t first_round = sent.size();
  for (std::size_t i = 0; i < first_round; ++i) {
    if (random() % 100 >= plan.duplicate_percent) continue;
    const std::uint32_t at = random() % size;
    const Sent again{at, std::min<std::uint32_t>(1 + random() % 200, size - at)};
    sent.insert(sent.begin() + static_cast<std::ptrdiff_t>(random() % sent.size()), again);
  }
  for (std::size_t i = 0; plan.reorder_distance != 0 && i < sent.size(); ++i) {
    std::swap(sent[i], sent[std::min<std::size_t>(sent.size() - 1, i + random() % plan.reorder_distance)]);
  }
  const std::uint32_t isn = random() % 2 == 0 ? 0xffffffffu - random() % 4000 : static_cast<std::uint32_t>(random());
  Talk talk({}, isn, static_cast<std::uint32_t>(random()));
  if (plan.acknowledgments_seen)
    talk.handshake();
  else
    talk.raw(0, isn, "", tcp_flag::syn, 0);
  Receiver receiver{std::vector<bool>(size, false)};
  std::vector<bool> seen(size, false);
  for (const Sent& s : sent) {
    if (random() % 100 >= plan.loss_at_tap_percent) {
      talk.say(0, s.at, text.substr(s.at, s.length));
      for (std::uint32_t i = s.at; i < s.at + s.length; ++i) {
        // Bytes that come after their gap was told are too late.
        if (talk.heard.text[0].size() > i ? talk.heard.text[0][i] != '.' : true) seen[i] = true;
      }
    }
    receiver.take(s);
    if (plan.acknowledgments_seen && random() % 2 == 0) talk.say(1, 0, "", receiver.next);
  }
  if (plan.acknowledgments_seen) talk.say(1, 0, "", receiver.next);
  talk.say(0, size, "", 0, tcp_flag::fin);
  if (plan.acknowledgments_seen) talk.say(1, 0, "", size + 1);
  talk.close();
  heard = talk.heard.text[0];
  expected = text;
  for (std::uint32_t i = 0; i < size; ++i) {
    if (!seen[i]) expected[i] = '.';
  }
  anomalies = talk.heard.count(ParseError::stream_overlap_differs) +
              talk.heard.count(ParseError::stream_out_of_window) +
              talk.heard.count(ParseError::stream_data_after_close) + talk.heard.count(ParseError::stream_limit);
  EXPECT_EQ(talk.heard.ends[0], 1u);
  EXPECT_FALSE(talk.heard.after_end);
  EXPECT_EQ(talk.heard.delivered[0] + talk.heard.missing[0], size);
  EXPECT_EQ(talk.counters.stream_bytes.value(), talk.heard.delivered[0]);
  EXPECT_EQ(talk.counters.stream_gap_bytes.value(), talk.heard.missing[0]);
  EXPECT_EQ(talk.engine.bytes_used(), 0u);
}

void expect_equal(const Plan& plan, unsigned rounds) {
  for (std::uint32_t seed = 0; seed < rounds; ++seed) {
    std::string heard, expected;
    unsigned anomalies = 0;
    run(plan, seed, heard, expected, anomalies);
    ASSERT_EQ(heard, expected) << "seed " << seed;
    ASSERT_EQ(anomalies, 0u) << "seed " << seed;
  }
}

TEST(StreamModel, splits_alone) { expect_equal({0, 0, 0, true}, 500); }
TEST(StreamModel, duplicates_and_reordering) { expect_equal({0, 60, 8, true}, 2000); }
TEST(StreamModel, reordering_beyond_the_run_limit_still_accounts_for_every_byte) {
  for (std::uint32_t seed = 0; seed < 300; ++seed) {
    std::string heard, expected;
    unsigned anomalies = 0;
    run({0, 30, 1000, true}, seed, heard, expected, anomalies);
    ASSERT_EQ(heard.size(), expected.size());
  }
}
TEST(StreamModel, losses_at_the_tap_are_gaps_in_their_place) { expect_equal({10, 0, 0, true}, 2000); }
TEST(StreamModel, losses_duplicates_and_reordering) { expect_equal({5, 40, 6, true}, 2000); }
TEST(StreamModel, one_sided) { expect_equal({0, 20, 4, false}, 1000); }
TEST(StreamModel, one_sided_with_losses) { expect_equal({5, 0, 0, false}, 1000); }

// Lies of every kind: nothing is said of which bytes win, only that the account stays true.
TEST(StreamModel, lies_keep_the_account_true) {
  for (std::uint32_t seed = 0; seed < 3000; ++seed) {
    test::Random random(seed);
    StreamEngine::Limits limits;
    limits.pending_bytes_per_direction_max = 500;
    limits.pending_runs_per_direction_max = 8;
    limits.memory_bytes_max = 64 << 10;
    Talk talk(limits, static_cast<std::uint32_t>(random()), static_cast<std::uint32_t>(random()));
    std::uint64_t sent[2] = {};
    for (int i = 0; i < 200; ++i) {
      const unsigned d = random() % 2;
      const std::string data = random_text(random() % 60, random);
      sent[d] += data.size();
      std::uint8_t flags = random() % 50 == 0 ? static_cast<std::uint8_t>(random() & 0x3f) : tcp_flag::ack;
      const std::uint32_t jump = random() % 40 == 0 ? static_cast<std::uint32_t>(random()) : 0;
      talk.raw(d, talk.isn(d) + 1 + random() % 400 + jump, data, flags, talk.isn(1 - d) + 1 + random() % 400);
      ASSERT_LE(talk.engine.bytes_used(), std::size_t{64} << 10);
    }
    talk.close();
    for (const unsigned d : {0u, 1u}) {
      ASSERT_LE(talk.heard.delivered[d], sent[d]);
      ASSERT_LE(talk.heard.ends[d], 1u);
    }
    ASSERT_FALSE(talk.heard.after_end) << seed;
    ASSERT_EQ(talk.engine.bytes_used(), 0u);
  }
}

}  // namespace
}  // namespace tsujiban::reassembly
