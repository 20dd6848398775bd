#include "detect/echonet_dialogs.h"

#include <gtest/gtest.h>

#include <bit>
#include <map>
#include <random>

namespace tsujiban::detect {
namespace {

constexpr Duration window = Duration::seconds(60);

Fact question(std::uint32_t from, std::uint32_t to, std::uint32_t object, std::int64_t second,
              std::array<std::uint64_t, 2> points = {1, 0}) {
  Fact fact;
  fact.kind = FactKind::inquiry;
  fact.protocol = AppProtocol::echonet_lite;
  fact.time = {second * 1'000'000'000};
  fact.source = IpAddress::v4(from);
  fact.destination = IpAddress::v4(to);
  fact.inquiry = {object, 14, points, false, false, false};
  return fact;
}

// Plain maps of everything are the oracle: what lies in the dialog and what lies apart must count as one.
TEST(EchonetDialogs, objects_and_properties_count_as_in_plain_maps) {
  struct Asked {
    std::int64_t counted = INT64_MIN, since = INT64_MIN;
    std::array<std::uint64_t, 2> points{};
  };
  for (unsigned seed = 1; seed <= 20; ++seed) {
    EchonetDialogs dialogs(HashSeed{}, window, Duration::seconds(60));
    std::map<std::array<std::uint32_t, 2>, std::map<std::uint32_t, Asked>> plain;
    std::mt19937 random(seed);
    std::int64_t second = 1000;
    const unsigned objects = 1 + seed % 4;
    for (int step = 0; step < 4000; ++step) {
      second += random() % 3 == 0 ? static_cast<std::int64_t>(random() % (seed % 2 == 0 ? 20 : 90)) : 0;
      const auto any = [&](unsigned below) { return static_cast<std::uint32_t>(random() % below); };
      const std::uint32_t from = 1 + any(3), to = 100 + any(2), object = 0x013000 + any(objects);
      std::array<std::uint64_t, 2> points{std::uint64_t{1} << random() % 64, std::uint64_t{1} << random() % 64};
      const Fact fact = question(from, to, object, second, points);

      auto& host = plain[{from, to}];
      Asked& asked = host[object];
      const auto within = [&](std::int64_t since) { return since != INT64_MIN && second - since <= 60; };
      std::uint32_t count = 0;
      if (!within(asked.counted)) {
        asked.counted = second;
        for (const auto& [other, one] : host) count += within(one.counted);
      }
      if (!within(asked.since)) asked.since = second, asked.points = {};
      const auto before = asked.points;
      for (std::size_t w = 0; w < 2; ++w) asked.points[w] |= points[w];
      const int known = std::popcount(asked.points[0]) + std::popcount(asked.points[1]);

      EchonetDialogs::Dialog& dialog = dialogs.ask(fact);
      dialogs.note_object(fact, dialog);
      ASSERT_EQ(dialogs.count_object(fact, dialog), count) << "seed " << seed << ", step " << step;
      ASSERT_EQ(dialogs.count_points(fact, dialog), asked.points == before ? 0u : static_cast<unsigned>(known))
          << "seed " << seed << ", step " << step;
      ASSERT_EQ(dialogs.find(fact.segment, fact.source, fact.destination)->time, fact.time);
    }
  }
}

TEST(EchonetDialogs, who_is_answered_only_has_not_asked) {
  EchonetDialogs dialogs(HashSeed{}, window, Duration::seconds(60));
  const Fact fact = question(1, 2, 0x013001, 1000);
  dialogs.host_of(fact.segment, fact.destination);
  EXPECT_FALSE(dialogs.has_asked(fact.segment, fact.destination));
  EXPECT_FALSE(dialogs.has_asked(fact.segment, fact.source));
  EXPECT_EQ(dialogs.asker_of(fact).first_asking, fact.time);
  EXPECT_EQ(dialogs.asker_of(question(1, 3, 0x013001, 1010)).first_asking, fact.time);
  EXPECT_TRUE(dialogs.has_asked(fact.segment, fact.source));
  EXPECT_EQ(dialogs.find(fact.segment, fact.source, fact.destination), nullptr);
}

TEST(EchonetDialogs, bytes_leave_with_their_part_of_the_window) {
  EchonetDialogs dialogs(HashSeed{}, window, Duration::seconds(60));
  EchonetDialogs::Host& host = dialogs.host_of({}, IpAddress::v4(1));
  for (std::int64_t second = 600; second < 660; second += 10)
    host.own_bytes[dialogs.part_of(host, {second * 1'000'000'000})] += 1;
  const auto own = [&](std::int64_t second) {
    dialogs.part_of(host, {second * 1'000'000'000});
    std::uint64_t answered = 0, sum = 0;
    std::uint32_t answers = 0;
    host.sum(answered, sum, answers);
    return sum;
  };
  EXPECT_EQ(own(659), 6u);
  EXPECT_EQ(own(660), 5u);
  EXPECT_EQ(own(620), 5u) << "a packet that comes late clears nothing";
  EXPECT_EQ(own(700), 1u);
  EXPECT_EQ(own(5000), 0u);
}

// Another length of the window: its counts are gone, and who asked is not.
TEST(EchonetDialogs, who_asked_outlives_a_reload_and_a_restart) {
  EchonetDialogs before(HashSeed{}, window, Duration::seconds(60));
  const Fact fact = question(1, 2, 0x013001, 1000);
  EchonetDialogs::Host& host = before.asker_of(fact);
  host.own_bytes[before.part_of(host, fact.time)] = 7;
  before.host_of({}, IpAddress::v4(9));
  before.ask(fact);
  StateWriter writer;
  before.save(writer);

  EchonetDialogs after(HashSeed{}, window, Duration::seconds(120));
  after.take_over(before);
  EXPECT_TRUE(after.has_asked(fact.segment, fact.source));
  EXPECT_NE(after.find(fact.segment, fact.source, fact.destination), nullptr);
  std::uint64_t answered = 0, own = 0;
  std::uint32_t answers = 0;
  after.host_of(fact.segment, fact.source).sum(answered, own, answers);
  EXPECT_EQ(own, 0u);

  EchonetDialogs restarted(HashSeed{}, window, Duration::seconds(60));
  for (std::size_t size = 0; size < writer.bytes().size(); ++size) {
    StateReader cut({writer.bytes().data(), size});
    EXPECT_FALSE(restarted.load(cut, false) && !cut.failed()) << size;
  }
  StateReader whole({writer.bytes().data(), writer.bytes().size()});
  EXPECT_TRUE(restarted.load(whole, true));
  EXPECT_EQ(whole.left(), 0u);
  EXPECT_TRUE(restarted.has_asked(fact.segment, fact.source));
  EXPECT_FALSE(restarted.has_asked({}, IpAddress::v4(9)));
}

}  // namespace
}  // namespace tsujiban::detect
