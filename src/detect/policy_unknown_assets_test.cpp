#include <gtest/gtest.h>

#include "detect/policy_detectors.h"
#include "detect/site_test_support.h"

namespace tsujiban::detect {
namespace {

using namespace test;
using Moment = ConversationSeen::Moment;

const char* const site_text =
    "segments:\n"
    "  - {name: han-12, prefix: [192.168.1.0/24, \"2001:db8:12::/64\"], vlan: [30, 112], erab: R5}\n"
    "  - {name: han-13, prefix: 192.168.1.0/24, vlan: [30, 113], erab: R5}\n"
    "assets:\n"
    "  - {name: router-12, role: router, address: 192.168.1.1, segment: han-12, mac: \"02:00:00:00:12:01\"}\n"
    "  - {name: hems-12, role: ems, address: 192.168.1.2, segment: han-12, mac: \"02:00:00:00:12:02\"}\n"
    "  - {name: battery-12, role: device, address: 192.168.1.20, segment: han-12}\n";
const SegmentKey han = vlan(30, 112);
constexpr double day = 86'400;

Fact talk(double seconds, std::string source, std::string destination, std::string source_mac = "",
          SegmentKey segment = han) {
  return conversation(
      seconds, Moment::began,
      {std::move(source), std::move(destination), 40000, 3610, IpProtocol::udp, segment, std::move(source_mac)});
}

TEST(UnknownAsset, a_host_that_is_not_in_the_inventory_is_told_once) {
  Bench bench(policy_unknown_assets_row, site_text);
  bench.fact(talk(0, "192.168.1.2", "192.168.1.20"));
  bench.fact(talk(1, "192.168.1.66", "192.168.1.20", "02:00:00:00:66:66"));
  bench.fact(talk(2, "192.168.1.66", "192.168.1.2", "02:00:00:00:66:66"));
  ASSERT_EQ(bench.alerts().size(), 1u);
  EXPECT_EQ(bench.alerts()[0].severity, Severity::medium);
  EXPECT_EQ(why(bench.alerts()[0]), "192.168.1.66 was never seen here and is not in the inventory");
  EXPECT_EQ(why(bench.alerts()[0], 1),
            "its frames come from 02:00:00:00:66:66, a locally administered (perhaps random) address");
}

TEST(UnknownAsset, who_answers_is_a_host_too_and_stands_as_the_source) {
  Bench bench(policy_unknown_assets_row, site_text);
  bench.fact(conversation(0, Moment::answered, {"192.168.1.2", "192.168.1.77", 40000, 80, IpProtocol::tcp, han}));
  ASSERT_EQ(bench.alerts().size(), 1u);
  EXPECT_EQ(bench.alerts()[0].source, ip("192.168.1.77"));
  EXPECT_EQ(bench.alerts()[0].destination_asset, 2u);
}

TEST(UnknownAsset, outside_peers_groups_and_hosts_without_an_address_are_not_ours) {
  Bench bench(policy_unknown_assets_row, site_text);
  bench.fact(conversation(0, Moment::answered, {"192.168.1.2", "203.0.113.5", 40000, 443, IpProtocol::tcp, han}));
  bench.fact(talk(1, "0.0.0.0", "255.255.255.255", "02:00:00:00:66:66"));
  bench.fact(talk(2, "192.168.1.2", "192.168.1.255"));
  bench.fact(talk(3, "10.9.9.9", "192.168.1.2"));
  bench.fact(talk(4, "192.168.1.2", "192.168.1.88"));
  EXPECT_TRUE(bench.alerts().empty());
}

TEST(UnknownAsset, the_same_address_in_another_home_is_another_host) {
  Bench bench(policy_unknown_assets_row, site_text);
  bench.fact(talk(0, "192.168.1.66", "192.168.1.20"));
  bench.fact(talk(1, "192.168.1.66", "192.168.1.20", "", vlan(30, 113)));
  EXPECT_EQ(bench.alerts().size(), 2u);
}

TEST(UnknownAsset, privacy_addresses_of_an_asset_and_of_a_known_host_are_silent) {
  Bench bench(policy_unknown_assets_row, site_text);
  bench.fact(claim(0, "2001:db8:12::aaaa", "02:00:00:00:12:02", Claim::How::neighbour_solicitation, "ff02::1", han));
  bench.fact(talk(1, "2001:db8:12::bbbb", "2001:db8::1", "02:00:00:00:12:02"));
  EXPECT_TRUE(bench.alerts().empty());
  bench.fact(claim(2, "192.168.1.66", "02:00:00:00:66:66", Claim::How::arp_request, "192.168.1.1", han));
  for (int i = 0; i < 50; ++i)
    bench.fact(talk(3 + i, "2001:db8:12::1:" + std::to_string(i), "2001:db8::1", "02:00:00:00:66:66"));
  bench.fact(claim(60, "192.168.1.67", "02:00:00:00:66:66", Claim::How::arp_request, "192.168.1.1", han));
  EXPECT_EQ(bench.alerts().size(), 1u) << "one host, whatever its addresses";
}

TEST(UnknownAsset, hosts_behind_a_routers_link_address_are_hosts_of_their_own) {
  Bench bench(policy_unknown_assets_row, site_text);
  bench.fact(talk(0, "2001:db8:12::5", "2001:db8::1", "02:00:00:00:12:01"));
  bench.fact(talk(1, "2001:db8:12::6", "2001:db8::1", "02:00:00:00:12:01"));
  bench.fact(talk(2, "192.168.1.30", "192.168.1.2", "02:00:00:00:12:01"));
  EXPECT_EQ(bench.alerts().size(), 3u);
}

TEST(UnknownAsset, above_the_limit_one_summary_a_segment_counts_the_rest) {
  Bench bench(policy_unknown_assets_row, site_text);
  for (int i = 30; i < 130; ++i) bench.fact(talk(i * 0.1, "192.168.1." + std::to_string(i), "192.168.1.2"));
  ASSERT_EQ(bench.alerts().size(), 100u);
  const auto summary = [](const Alert& a) { return !a.has_addresses; };
  EXPECT_EQ(std::count_if(bench.alerts().begin(), bench.alerts().end(), summary), 80);
  EXPECT_EQ(why(bench.alerts().back()), "80 more unknown hosts appeared in this segment since 20 were told one by one");
  EXPECT_EQ(bench.alerts()[20].merge_key, bench.alerts()[99].merge_key);
  // An hour later there is room again.
  bench.fact(talk(3700, "192.168.1.200", "192.168.1.2"));
  EXPECT_TRUE(bench.alerts().back().has_addresses);
}

TEST(UnknownAsset, without_an_inventory_it_learns_for_a_week_and_then_tells) {
  Bench bench(policy_unknown_assets_row, "");
  bench.fact(talk(0, "192.168.1.2", "192.168.1.20"));
  for (int d = 1; d <= 6; ++d) bench.fact(talk(d * day, "192.168.1.3", "192.168.1.20"));
  EXPECT_TRUE(bench.alerts().empty());
  Bench again(policy_unknown_assets_row, "");
  ASSERT_TRUE(again.load(bench.save())) << again.error();
  // A week off counts as a day: nothing was learned in it.
  again.fact(talk(13 * day, "192.168.1.2", "192.168.1.20"));
  again.fact(talk(13 * day, "192.168.1.3", "203.0.113.7"));
  EXPECT_TRUE(again.alerts().empty());
  again.fact(talk(13 * day + 1, "192.168.1.4", "192.168.1.20"));
  again.fact(conversation(13 * day + 2, Moment::answered, {"192.168.1.4", "203.0.113.7", 1, 2, IpProtocol::udp, han}));
  EXPECT_EQ(again.alerts().size(), 1u);
}

TEST(UnknownAsset, a_capture_put_together_from_two_years_has_learned_a_day) {
  Bench bench(policy_unknown_assets_row, "");
  bench.fact(talk(0, "192.168.1.2", "192.168.1.20"));
  bench.fact(talk(400 * day, "10.0.0.2", "10.0.0.3"));
  bench.fact(talk(10 * day, "10.0.0.4", "10.0.0.5"));
  EXPECT_TRUE(bench.alerts().empty());
}

TEST(UnknownAsset, a_rotating_host_costs_bounded_state_and_known_hosts_stay_known) {
  Bench bench(policy_unknown_assets_row,
              "segments: [{name: all, prefix: 10.0.0.0/8}]\nassets: [{name: a, role: ems, "
              "address: 10.255.0.1}]\n");
  Fact known = talk(0, "10.200.0.1", "10.255.0.1", "", {}), forged = known;
  bench.fact(known);
  for (std::uint32_t i = 0; i < 300'000; ++i) {
    forged.source = IpAddress::v4(0x0a000000 + i);
    bench.engine().fact(forged);
    if (i % 1000 == 0) bench.engine().fact(known);
  }
  EXPECT_GT(bench.engine().evictions(), 0u);
  const std::size_t before = bench.alerts().size();
  bench.engine().fact(known);
  EXPECT_EQ(bench.alerts().size(), before);
}

}  // namespace
}  // namespace tsujiban::detect
