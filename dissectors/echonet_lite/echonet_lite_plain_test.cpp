// Most datagrams take a shorter way through the dissector (read_plain; the first checks of PairingTable). Whatever
// takes it must come out as it would have on the long one.
#include <gtest/gtest.h>

#include <random>

#include "dissectors/echonet_lite/echonet_lite_plain_check.h"

namespace tsujiban::echonet_lite {
namespace {

using testing::bytes_of;
using testing::Octets;

constexpr std::array<std::uint8_t, 18> services = {0x50, 0x51, 0x52, 0x53, 0x5e, 0x60, 0x61, 0x62, 0x63,
                                                   0x6e, 0x71, 0x72, 0x73, 0x74, 0x7a, 0x7e, 0x54, 0x7f};
constexpr std::array<std::uint32_t, 8> objects = {0x05ff01, 0x028801, 0x027d01, 0x0ef001,
                                                  0x027900, 0x028881, 0x070101, 0x100101};
constexpr std::array<std::uint8_t, 12> codes = {0x80, 0x83, 0x88, 0x93, 0x9d, 0x9f, 0xd5, 0xd6, 0xda, 0xe7, 0xff, 0x7f};

// Mostly sound, sometimes with a byte too many, too few, or changed.
Octets random_message(std::mt19937& random) {
  const auto one_of = [&](const auto& from, std::size_t mostly) {
    return from[random() % (random() % 8 == 0 ? from.size() : mostly)];
  };
  Octets m = {0x10, 0x81, 0, static_cast<std::uint8_t>(random() % 4)};
  for (int i = 0; i < 2; ++i) {
    const std::uint32_t object = one_of(objects, 5);
    for (const unsigned shift : {16u, 8u, 0u}) m.push_back(static_cast<std::uint8_t>(object >> shift));
  }
  m.push_back(one_of(services, 16));
  const unsigned lists = is_setget(m.back()) && random() % 8 != 0 ? 2 : 1;
  for (unsigned list = 0; list < lists; ++list) {
    const unsigned count = static_cast<unsigned>(random() % 5);
    m.push_back(static_cast<std::uint8_t>(count));
    for (unsigned i = 0; i < count; ++i) {
      m.push_back(one_of(codes, 11));
      const unsigned size = static_cast<unsigned>(random() % 4 == 0 ? random() % 20 : random() % 3);
      m.push_back(static_cast<std::uint8_t>(size));
      for (unsigned b = 0; b < size; ++b) m.push_back(static_cast<std::uint8_t>(0x41 + random() % 3));
    }
  }
  if (random() % 16 == 0) m.pop_back();
  if (random() % 16 == 0) m.push_back(0);
  if (random() % 16 == 0) m[random() % m.size()] = static_cast<std::uint8_t>(random());
  return m;
}

TEST(EchonetPlain, what_is_read_in_one_go_is_what_the_reader_says) {
  std::mt19937 random(2026);
  std::size_t plain = 0;
  for (int i = 0; i < 200'000; ++i) plain += testing::check_plain(random_message(random)) ? 1 : 0;
  EXPECT_GT(plain, 50'000u);
  EXPECT_LT(plain, 190'000u);
}

TEST(EchonetPlain, only_sound_frames_of_one_list_are_read_in_one_go) {
  for (const char* const hex : {"1081 0001 05FF01 028801 62 01 E700", "1081 0001 028801 05FF01 72 01 E70400000278",
                                "1081 0001 0EF001 0EF001 73 01 D5 04 01 028801"})
    EXPECT_TRUE(testing::check_plain(bytes_of(hex))) << hex;
  for (const char* const hex :
       {"1082 0001 05FF01 028801 62 01 E700", "1081 0001 05FF01 028801 6E 01 E700 01 E700",
        "1081 0001 05FF01 028801 62 00", "1081 0001 05FF01 028801 62 02 E700", "1081 0001 05FF01 028801 62 01 E700 00",
        "1081 0001 05FF01 028801 62 01 E701", "1081 0001 05FF01 028801 62 01 6700",
        "1081 0001 05FF01 028881 62 01 E700", "1081 0001 070001 028801 62 01 E700",
        "1081 0001 05FF01 108801 62 01 E700", "1081 0001 05FF01 028801 54 01 E700",
        "1081 0001 05FF01 028801 40 01 E700", "1081 0001 05FF01 028801 80 01 E700", "1081 0001 05FF01 0288"})
    EXPECT_FALSE(testing::check_plain(bytes_of(hex))) << hex;
}

// Records are written from the long way, so a sensor that writes them takes it for every message.
TEST(EchonetPlain, both_ways_tell_the_same_facts_and_count_the_same) {
  std::mt19937 random(7);
  std::size_t facts = 0;
  for (int run = 0; run < 200; ++run) {
    testing::BothWays both;
    for (int i = 0; i < 200; ++i) {
      const Octets message = random_message(random);
      const unsigned who = static_cast<unsigned>(random() % 5);
      both.wait_ms(random() % 16 == 0 ? 70'000 : random() % 3000);
      both.send(who, message);
      ASSERT_EQ(both.difference(), "") << "run " << run << ", message " << i;
    }
    facts += both.facts();
  }
  EXPECT_GT(facts, 10'000u);
}

// What the table owes, in the simplest way: all requests in a row.
class SimplePairing {
 public:
  using Key = PairingTable::Key;
  void remember(const Key& key, PacketTime now) {
    for (const auto& [kept, time] : requests_) {
      if (now - time <= PairingTable::answer_time_max && same(kept, key) && kept.target_object == key.target_object &&
          kept.epc == key.epc)
        return;
    }
    requests_.push_back({key, now});
  }
  bool take(const Key& answer, PacketTime now, Duration& latency) {
    std::size_t best = requests_.size(), best_score = 0;
    for (std::size_t i = 0; i < requests_.size(); ++i) {
      const auto& [kept, time] = requests_[i];
      const bool exact = kept.target_object == answer.target_object;
      const bool all = (kept.target_object & 0xff) == 0 && kept.target_object >> 8 == answer.target_object >> 8;
      if (now - time > PairingTable::answer_time_max || !same(kept, answer) || (!exact && !all)) continue;
      const std::size_t score = 1 + (kept.epc == answer.epc ? 2 : 0) + (exact ? 1 : 0);
      if (score > best_score || (score == best_score && time < requests_[best].second)) best = i, best_score = score;
    }
    if (best == requests_.size()) return false;
    latency = now - requests_[best].second;
    if ((requests_[best].first.target_object & 0xff) != 0)
      requests_.erase(requests_.begin() + static_cast<std::ptrdiff_t>(best));
    return true;
  }
  std::size_t waiting(std::uint64_t pair, PacketTime now) const {
    std::size_t count = 0;
    for (const auto& [kept, time] : requests_)
      count += kept.pair == pair && now - time <= PairingTable::answer_time_max ? 1 : 0;
    return count;
  }

 private:
  static bool same(const Key& a, const Key& b) {
    return a.pair == b.pair && a.from_low == b.from_low && a.requester_object == b.requester_object && a.tid == b.tid &&
           a.service == b.service;
  }
  std::vector<std::pair<Key, PacketTime>> requests_;
};

TEST(EchonetPairing, a_table_with_room_finds_what_a_list_of_all_requests_finds) {
  std::mt19937 random(11);
  std::size_t answered = 0, unanswered = 0;
  for (int run = 0; run < 300; ++run) {
    auto counters = std::make_unique<metrics::WorkerCounters>();
    PairingTable table(4096, *counters);
    SimplePairing simple;
    // No more than a pair's one place holds, which is the short way; or all its places: what is more lies elsewhere,
    // and is not looked for where one fits to the letter.
    const std::size_t waiting_max = run % 2 == 0 ? PairingTable::requests_per_place : PairingTable::requests_per_set;
    PacketTime now{1'700'000'000'000'000'000};
    for (int i = 0; i < 100; ++i) {
      now = now + Duration::milliseconds(random() % 12 == 0 ? 45'000 : static_cast<std::int64_t>(1 + random() % 400));
      const PairingTable::Key key = {
          0x1234'5678'9abc'def0 + random() % 2 * 0x100'0000'0000,
          random() % 8 != 0,
          static_cast<std::uint8_t>(random() % 4 == 0 ? esv::setc : esv::get),
          static_cast<std::uint8_t>(random() % 3 == 0 ? 0xe0 : 0xe7),
          static_cast<std::uint16_t>(random() % 2),
          0x05ff01,
          random() % 6 == 0 ? 0x028800u : 0x028801u + static_cast<std::uint32_t>(random() % 2)};
      if (random() % 2 == 0 && simple.waiting(key.pair, now) < waiting_max) {
        table.remember(key, now);
        simple.remember(key, now);
        continue;
      }
      PairingTable::Key answer = key;
      // An answer should have an instance.
      if ((answer.target_object & 0xff) == 0 && random() % 4 != 0) answer.target_object |= 1;
      Duration in_table{}, in_list{};
      const bool found = simple.take(answer, now, in_list);
      ASSERT_EQ(table.take(answer, now, in_table), found) << "run " << run << ", message " << i;
      ASSERT_EQ(in_table.ns, in_list.ns) << "run " << run << ", message " << i;
      ++(found ? answered : unanswered);
    }
    EXPECT_EQ(counters->evictions[static_cast<std::size_t>(metrics::EvictionReason::pairing_table)].value(), 0u);
  }
  EXPECT_GT(answered, 1000u);
  EXPECT_GT(unanswered, 1000u);
}

}  // namespace
}  // namespace tsujiban::echonet_lite
