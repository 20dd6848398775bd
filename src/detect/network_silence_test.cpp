#include <gtest/gtest.h>

#include "detect/network_detectors.h"
#include "detect/site_test_support.h"

namespace tsujiban::detect {
namespace {

using namespace test;
using Moment = ConversationSeen::Moment;

// Homes with a controller and devices each; the controller of the first one is always heard.
std::string site_text(int homes, int devices) {
  std::string segments = "segments:\n", assets = "assets:\n";
  for (int h = 0; h < homes; ++h) {
    const std::string name = "han-" + std::to_string(h);
    segments += "  - {name: " + name + ", prefix: 192.168.1.0/24, vlan: [30, " + std::to_string(100 + h) + "]}\n";
    for (int d = 0; d < devices; ++d) {
      assets += "  - {name: device-" + std::to_string(h) + "-" + std::to_string(d) +
                ", role: device, segment: " + name + ", address: 192.168.1." + std::to_string(10 + d) + "}\n";
    }
  }
  return segments + assets;
}

class SilenceTest : public testing::Test {
 protected:
  void sign(Bench& bench, double seconds, int home, int device) {
    bench.fact(conversation(seconds, Moment::goes_on,
                            {"192.168.1." + std::to_string(10 + device), "192.168.1.200", 3610, 3610, IpProtocol::udp,
                             vlan(30, static_cast<std::uint16_t>(100 + home))}));
  }
  // Everybody speaks once in `period`, from `from` to `to`, unless `quiet` says otherwise.
  template <class Quiet>
  void run(Bench& bench, int homes, int devices, double from, double to, double period, Quiet quiet) {
    for (double t = from; t < to; t += period) {
      for (int h = 0; h < homes; ++h) {
        for (int d = 0; d < devices; ++d) {
          if (!quiet(h, d, t)) sign(bench, t, h, d);
        }
      }
    }
  }
  std::size_t silent(Bench& bench) { return bench.count(DetectorId::availability_silent_asset); }
};

TEST_F(SilenceTest, an_asset_silent_beyond_five_times_its_pause_is_told_once_and_again_when_it_fails_again) {
  Bench bench(network_silence_row, site_text(1, 3));
  run(bench, 1, 3, 0, 3600, 60, [](int, int, double) { return false; });
  run(bench, 1, 3, 3600, 7200, 60, [](int, int d, double) { return d == 1; });
  ASSERT_EQ(silent(bench), 1u);
  const Alert& alert = bench.alerts()[0];
  EXPECT_EQ(alert.source, ip("192.168.1.11"));
  EXPECT_EQ(alert.source_asset, 2u);
  EXPECT_EQ(alert.severity, Severity::medium);
  EXPECT_EQ(why(alert, 1), "its longest usual pause is 60 s; the limit is 600 s");
  EXPECT_LE((alert.time - at(3540)).ns, Duration::seconds(620).ns);
  run(bench, 1, 3, 7200, 10800, 60, [](int, int, double) { return false; });
  run(bench, 1, 3, 10800, 14400, 60, [](int, int d, double) { return d == 1; });
  EXPECT_EQ(silent(bench), 2u);
}

TEST_F(SilenceTest, a_slow_rhythm_is_measured_by_its_own_pauses) {
  Bench bench(network_silence_row, site_text(1, 2));
  run(bench, 1, 2, 0, 20 * 1800, 60, [](int, int d, double t) { return d == 1 && static_cast<int>(t) % 1800 != 0; });
  // 1800 s between signs of life: two hours are within five times that.
  run(bench, 1, 2, 20 * 1800, 20 * 1800 + 7200, 60, [](int, int d, double) { return d == 1; });
  EXPECT_EQ(silent(bench), 0u);
  run(bench, 1, 2, 24 * 1800, 26 * 1800, 60, [](int, int d, double) { return d == 1; });
  EXPECT_EQ(silent(bench), 1u);
}

TEST_F(SilenceTest, who_has_no_rhythm_yet_is_not_told) {
  Bench bench(network_silence_row, site_text(1, 2));
  run(bench, 1, 2, 0, 7200, 60, [](int, int d, double t) { return d == 1 && t > 299; });
  EXPECT_EQ(silent(bench), 0u) << "four pauses";
}

TEST_F(SilenceTest, nights_are_learned_when_they_come_again) {
  Bench bench(network_silence_row, site_text(1, 2));
  run(bench, 1, 2, 0, 6 * 86400.0, 60, [](int, int d, double t) {
    const int hour = static_cast<int>(t / 3600) % 24;
    return d == 1 && hour >= 14 && hour < 22;
  });
  EXPECT_EQ(silent(bench), 2u);
}

TEST_F(SilenceTest, a_stalled_capture_is_not_the_assets_silence) {
  Bench bench(network_silence_row, site_text(2, 5));
  run(bench, 2, 5, 0, 3600, 60, [](int, int, double) { return false; });
  bench.tick_until(at(30000));
  EXPECT_EQ(silent(bench), 0u);
  run(bench, 2, 5, 30000, 33600, 60, [](int, int, double) { return false; });
  EXPECT_EQ(silent(bench), 0u);
}

TEST_F(SilenceTest, a_whole_segment_is_one_condition) {
  Bench bench(network_silence_row, site_text(2, 8));
  run(bench, 2, 8, 0, 3600, 60, [](int, int, double) { return false; });
  run(bench, 2, 8, 3600, 7200, 60, [](int h, int, double) { return h == 1; });
  ASSERT_EQ(silent(bench), 1u);
  EXPECT_EQ(bench.alerts()[0].count, 8u);
  for (const Alert& alert : bench.alerts()) {
    EXPECT_FALSE(alert.has_addresses);
    EXPECT_EQ(alert.merge_key, bench.alerts()[0].merge_key);
    EXPECT_EQ(alert.segment, vlan(30, 101));
  }
  EXPECT_EQ(why(bench.alerts().back()), "8 assets of segment han-1 are silent beyond their rhythm");
}

TEST_F(SilenceTest, beyond_a_few_in_a_segment_the_rest_is_one_alert) {
  Bench bench(network_silence_row, site_text(1, 20));
  run(bench, 1, 20, 0, 3600, 60, [](int, int, double) { return false; });
  run(bench, 1, 20, 3600, 7200, 60, [](int, int d, double) { return d != 0; });
  const auto alone =
      std::count_if(bench.alerts().begin(), bench.alerts().end(), [](const Alert& a) { return a.has_addresses; });
  EXPECT_EQ(alone, 5);
  ASSERT_EQ(silent(bench), 6u);
  EXPECT_EQ(bench.alerts()[5].count, 14u);
}

TEST_F(SilenceTest, a_restart_neither_alarms_nor_forgets) {
  const std::string text = site_text(1, 3);
  Bench bench(network_silence_row, text);
  run(bench, 1, 3, 0, 3600, 60, [](int, int, double) { return false; });
  Bench again(network_silence_row, text);
  ASSERT_TRUE(again.load(bench.save())) << again.error();
  run(again, 1, 3, 10800, 14400, 60, [](int, int d, double) { return d == 2; });
  ASSERT_EQ(silent(again), 1u);
  EXPECT_EQ(again.alerts()[0].source, ip("192.168.1.12"));
  EXPECT_GE((again.alerts()[0].time - at(10800)).ns, Duration::seconds(500).ns) << "the time off does not count";
}

TEST_F(SilenceTest, a_hundred_thousand_assets_cost_little_in_a_tick) {
  std::string text = "segments:\n  - {name: all, prefix: 10.0.0.0/8}\nassets:\n";
  for (std::uint32_t i = 0; i < 20'000; ++i)
    text += "  - {name: d" + std::to_string(i) +
            ", role: device, address: " + to_string(IpAddress::v4(0x0a000001 + i)) + "}\n";
  Bench bench(network_silence_row, text);
  Fact fact = conversation(0, Moment::goes_on, {"10.0.0.1", "10.255.0.1"});
  for (int round = 0; round < 10; ++round) {
    for (std::uint32_t i = 0; i < 20'000; ++i) {
      fact.source = IpAddress::v4(0x0a000001 + i);
      fact.time = at(round * 60);
      bench.engine().fact(fact);
    }
    bench.engine().tick(at(round * 60 + 10));
  }
  EXPECT_EQ(silent(bench), 0u);
  const auto state = bench.save();
  EXPECT_TRUE(bench.load(state));
}

}  // namespace
}  // namespace tsujiban::detect
