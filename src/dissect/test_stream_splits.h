#pragma once
// For tests of streams: however the bytes come, the same is told.
#include <gtest/gtest.h>

#include "dissect/test_streams.h"

namespace tsujiban::dissect::testing {

struct Told {
  std::vector<std::string> records;
  std::vector<ToldAnomaly> anomalies;
  std::size_t logins = 0;
  bool done = false, given_up = false;
  bool operator==(const Told&) const = default;
};
inline void PrintTo(const Told& told, std::ostream* out) {
  for (const std::string& record : told.records) *out << record << '\n';
  for (const ToldAnomaly& anomaly : told.anomalies) *out << name_of(anomaly.error) << " at " << anomaly.offset << '\n';
  *out << told.logins << " logins" << (told.done ? ", done" : "") << (told.given_up ? ", given up" : "");
}

// Ends the stream.
template <class Bench>
Told told_by(Bench& bench) {
  bench.finish();
  EXPECT_FALSE(bench.stream.bad_progress);
  EXPECT_FALSE(bench.sink.overflowed);
  EXPECT_EQ(bench.outstanding(), 0u);
  return {bench.sink.records, bench.sink.anomalies, bench.sink.told(FactKind::login).size(), bench.stream.done,
          bench.stream.given_up};
}

// The server's `greeting` if there is one, all of the client's bytes, all of the server's: either side in two pieces.
template <class Bench>
Told told_of_split(Bytes asked, Bytes answered, std::size_t split, std::size_t answer_split, Bytes greeting = {}) {
  Bench bench;
  if (!greeting.empty()) bench.answer(greeting);
  bench.ask(asked.first(split)).ask(asked.subspan(split));
  bench.answer(answered.first(answer_split)).answer(answered.subspan(answer_split));
  return told_by(bench);
}
template <class Bench>
Told told_bytewise(Bytes asked, Bytes answered, Bytes greeting = {}) {
  Bench bench;
  if (!greeting.empty()) bench.answer(greeting);
  for (const std::uint8_t& b : asked) bench.ask({&b, 1});
  for (const std::uint8_t& b : answered) bench.answer({&b, 1});
  return told_by(bench);
}
template <class Bench>
Told told_whole(Bytes asked, Bytes answered) {
  return told_of_split<Bench>(asked, answered, 0, 0);
}
template <class Bench>
Told whole_and_every_split(const Octets& asked, const Octets& answered, const Octets& greeting = {}) {
  const auto run = [&](std::size_t split, std::size_t answer_split) {
    return told_of_split<Bench>(asked, answered, split, answer_split, greeting);
  };
  const Told whole = run(asked.size(), answered.size());
  for (std::size_t split = 0; split < asked.size(); ++split)
    EXPECT_EQ(run(split, 0), whole) << "client split at " << split;
  for (std::size_t split = 0; split < answered.size(); ++split)
    EXPECT_EQ(run(0, split), whole) << "server split at " << split;
  EXPECT_EQ(told_bytewise<Bench>(asked, answered, greeting), whole) << "byte by byte";
  return whole;
}

template <class Bench>
void same_in_one_piece_and_bytewise(const Octets& asked, const Octets& answered) {
  EXPECT_EQ(told_bytewise<Bench>(asked, answered), told_whole<Bench>(asked, answered));
}
// `give` gets `bytes` with each of `flips` on each byte.
template <class Give>
void every_mutation(const Octets& bytes, Give give, std::initializer_list<unsigned> flips = {0x01, 0x80, 0xFF}) {
  for (std::size_t at = 0; at < bytes.size(); ++at) {
    for (const unsigned flip : flips) {
      SCOPED_TRACE(::testing::Message() << "byte " << at << " by " << flip);
      Octets mutated = bytes;
      mutated[at] = static_cast<std::uint8_t>(mutated[at] ^ flip);
      give(mutated);
    }
  }
}

// `message` is the client's; no part of it is recorded.
template <class Bench>
void every_prefix_tells_that_it_was_cut(const Octets& message) {
  for (std::size_t size = 1; size < message.size(); ++size) {
    const Told told = told_whole<Bench>(Bytes(message).first(size), {});
    EXPECT_TRUE(told.records.empty()) << size;
    EXPECT_EQ(told.anomalies, (std::vector<ToldAnomaly>{{ParseError::truncated, static_cast<std::uint32_t>(size)}}));
  }
}

// Behind a gap, bytes in which no message can be found.
template <class Bench>
void noise_is_given_up_at(std::size_t bytes_max) {
  for (const std::size_t piece : {std::size_t{1}, std::size_t{1000}, bytes_max * 2}) {
    Bench bench;
    const Octets noise(piece, 0xEE);
    bench.gap(true);
    std::size_t fed = 0;
    while (!bench.stream.given_up && fed < bytes_max * 2) bench.ask(noise), fed += piece;
    EXPECT_TRUE(bench.stream.given_up);
    EXPECT_GE(fed, bytes_max);
  }
}

}  // namespace tsujiban::dissect::testing
