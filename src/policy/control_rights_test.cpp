#include "policy/control_rights.h"

#include <gtest/gtest.h>

#include <random>

#include "policy/policy_test_site.h"

namespace tsujiban::policy {
namespace {

constexpr AppProtocol echonet = AppProtocol::echonet_lite;
const SegmentKey home_12 = vlan(30, 112), home_13 = vlan(30, 113);
// Monday 2026-11-16, 12:00 UTC.
constexpr PacketTime noon{1'794'830'400'000'000'000};

class ControlRightsTest : public testing::Test {
 protected:
  void use(const std::string& more, const std::string& site = site_text) {
    inventory_ = inventory_of(site + more);
    rights_ = std::make_unique<ControlRights>(inventory_, std::make_shared<const Calendar>(inventory_));
  }
  void SetUp() override { use(""); }
  WriteRight judge(SegmentKey link, std::string_view from, std::string_view to, PacketTime time = noon) const {
    return rights_->judge(link, ip(from), ip(to), echonet, time);
  }
  std::string reason(SegmentKey link, std::string_view from, std::string_view to, PacketTime time = noon) const {
    const WriteRight right = judge(link, from, to, time);
    EXPECT_EQ(right.judged, right.reason != WriteReason::no_inventory);
    EXPECT_EQ(right.allowed, right.reason < WriteReason::not_permitted);
    return std::string(name_of(right.reason));
  }
  std::string why(SegmentKey link, std::string_view from, std::string_view to, PacketTime time = noon) const {
    char text[160];
    return {text, rights_->explain(judge(link, from, to, time), link, ip(from), ip(to), text, sizeof text)};
  }
  std::shared_ptr<const Inventory> inventory_;
  std::unique_ptr<ControlRights> rights_;
};

TEST_F(ControlRightsTest, an_ems_writes_within_its_own_segment_and_nowhere_else) {
  EXPECT_EQ(reason(home_12, "192.168.1.2", "192.168.1.20"), "own_segment");
  EXPECT_EQ(reason(home_12, "fe80::2", "fe80::20"), "own_segment");
  EXPECT_EQ(reason(home_13, "192.168.1.2", "192.168.1.20"), "own_segment");
  EXPECT_EQ(reason(home_12, "192.168.1.2", "192.168.1.99"), "own_segment");
  EXPECT_EQ(reason(home_12, "192.168.1.2", "2001:db8:a:1::1"), "not_permitted");
  EXPECT_EQ(reason(home_12, "192.168.1.2", "203.0.113.10"), "not_permitted");
  EXPECT_EQ(why(home_12, "192.168.1.2", "203.0.113.10"),
            "hems-12 (ems) wrote to coordinator-x (coordinator); neither its role nor a control entry gives it that "
            "right");
}

TEST_F(ControlRightsTest, other_roles_and_hosts_that_are_no_asset_do_not_write) {
  EXPECT_EQ(reason(home_12, "192.168.1.1", "192.168.1.20"), "not_permitted");
  EXPECT_EQ(reason(home_12, "192.168.1.20", "192.168.1.2"), "not_permitted");
  EXPECT_EQ(reason(home_12, "192.168.1.99", "192.168.1.20"), "not_permitted");
  EXPECT_EQ(reason(home_12, "198.51.100.1", "192.168.1.20"), "not_permitted");
  EXPECT_EQ(why(home_12, "198.51.100.1", "192.168.1.20"),
            "198.51.100.1 wrote to battery-12 (device); the writer is no asset and no control entry gives it that "
            "right");
  // The same address in a home whose ems it is not.
  EXPECT_EQ(reason(vlan(30, 114), "192.168.1.2", "192.168.1.20"), "no_inventory");
  EXPECT_EQ(reason(home_12, "192.168.1.98", "192.168.1.99"), "no_inventory");
}

TEST_F(ControlRightsTest, a_group_is_everybody_in_the_writers_segment) {
  for (const char* group : {"224.0.23.0", "192.168.1.255", "255.255.255.255", "ff02::1"}) {
    EXPECT_EQ(reason(home_12, "192.168.1.2", group), "own_segment") << group;
    EXPECT_EQ(reason(home_12, "192.168.1.20", group), "not_permitted") << group;
    EXPECT_EQ(reason(home_12, "192.168.1.99", group), "not_permitted") << group;
  }
  // Nobody's home, or a segment without assets: nothing can be said.
  EXPECT_EQ(reason(vlan(31), "192.168.1.99", "224.0.23.0"), "no_inventory");
  EXPECT_EQ(reason(SegmentKey(), "2001:db8:a:2::1", "ff02::1"), "no_inventory");
  use("control:\n  - {from: 192.168.1.99, to: \"segment:han-12\"}\n");
  EXPECT_EQ(reason(home_12, "192.168.1.99", "224.0.23.0"), "listed");
  EXPECT_EQ(reason(home_13, "192.168.1.99", "224.0.23.0"), "not_permitted");
}

TEST_F(ControlRightsTest, an_aggregator_writes_over_r4_and_r6) {
  EXPECT_EQ(reason(vlan(20), "10.20.0.10", "192.168.1.20"), "interface_default");
  EXPECT_EQ(reason(home_12, "10.20.0.10", "192.168.1.20"), "not_permitted");      // There 10.20.0.10 is nobody.
  EXPECT_EQ(reason(vlan(20), "10.20.0.10", "203.0.113.10"), "not_permitted");     // R3.
  EXPECT_EQ(reason(vlan(20), "10.20.0.10", "2001:db8:a:1::1"), "not_permitted");  // A.
  const std::string site =
      "assets:\n"
      "  - {name: a, role: aggregator, address: 203.0.113.1}\n  - {name: g, role: gateway, address: 203.0.113.2}\n"
      "  - {name: d, role: device, address: 203.0.113.3}\n  - {name: m, role: meter, address: 203.0.113.4}\n"
      "  - {name: s, role: scada_master, address: 203.0.113.5}\n"
      "  - {name: o, role: der_outstation, address: 203.0.113.6}\n";
  use("", site);
  EXPECT_EQ(reason({}, "203.0.113.1", "203.0.113.2"), "interface_default");
  EXPECT_EQ(reason({}, "203.0.113.1", "203.0.113.3"), "interface_default");
  EXPECT_EQ(reason({}, "203.0.113.1", "203.0.113.4"), "not_permitted");
  EXPECT_EQ(reason({}, "203.0.113.3", "203.0.113.1"), "not_permitted");
  // A scada_master has its rights by other protocols than this one.
  EXPECT_EQ(reason({}, "203.0.113.5", "203.0.113.6"), "not_permitted");
  // Without named segments public addresses are not taken for one home.
  EXPECT_EQ(reason({}, "203.0.113.2", "203.0.113.3"), "not_permitted");
}

TEST_F(ControlRightsTest, without_named_segments_a_home_is_a_private_24_or_a_64) {
  use("",
      "assets:\n  - {name: e, role: ems, address: [192.168.1.2, \"2001:db8::2\"]}\n"
      "  - {name: d, role: device, address: [192.168.1.3, 192.168.2.3, \"2001:db8::3\", \"2001:db8:0:1::3\"]}\n");
  EXPECT_EQ(reason({}, "192.168.1.2", "192.168.1.3"), "own_segment");
  EXPECT_EQ(reason({}, "192.168.1.2", "192.168.2.3"), "not_permitted");
  EXPECT_EQ(reason({}, "2001:db8::2", "2001:db8::3"), "own_segment");
  EXPECT_EQ(reason({}, "2001:db8::2", "2001:db8:0:1::3"), "not_permitted");
  EXPECT_EQ(reason({}, "192.168.1.2", "224.0.23.0"), "own_segment");
}

TEST_F(ControlRightsTest, entries_add_to_the_defaults_and_none_takes_those_away) {
  const std::string entry = "control:\n  - {from: router-12, to: [battery-12, hems-12]}\n";
  use(entry);
  EXPECT_EQ(reason(home_12, "192.168.1.1", "192.168.1.20"), "listed");
  EXPECT_EQ(judge(home_12, "192.168.1.1", "192.168.1.20").entry, 1u);
  EXPECT_EQ(why(home_12, "192.168.1.1", "192.168.1.20"),
            "router-12 (router) wrote to battery-12 (device); control entry 1 (line 17) lets it");
  EXPECT_EQ(reason(home_12, "192.168.1.2", "192.168.1.20"), "own_segment");
  use("control_defaults: none\n" + entry);
  EXPECT_EQ(reason(home_12, "192.168.1.1", "192.168.1.20"), "listed");
  EXPECT_EQ(reason(home_12, "192.168.1.2", "192.168.1.20"), "not_permitted");
  EXPECT_EQ(reason(vlan(20), "10.20.0.10", "192.168.1.20"), "not_permitted");
  EXPECT_EQ(why(home_12, "192.168.1.2", "192.168.1.20"),
            "hems-12 (ems) wrote to battery-12 (device); no control entry gives it that right");
}

TEST_F(ControlRightsTest, an_entry_may_name_protocols_hours_and_a_last_day) {
  use("control:\n"
      "  - {from: 198.51.100.0/24, to: role:device, protocols: [dns]}\n"
      "  - {from: 198.51.100.0/25, to: battery-12, when: [{days: [mon], from: \"09:00\", to: \"12:30\"}]}\n"
      "  - {from: 198.51.101.1, to: battery-12, expires: 2026-11-16}\n");
  EXPECT_EQ(reason(home_12, "198.51.100.200", "192.168.1.20"), "protocol_not_listed");
  EXPECT_EQ(reason(home_12, "198.51.100.1", "192.168.1.20"), "listed");
  EXPECT_EQ(judge(home_12, "198.51.100.1", "192.168.1.20").entry, 2u);
  const PacketTime later = noon + Duration::seconds(1800);
  EXPECT_EQ(reason(home_12, "198.51.100.1", "192.168.1.20", later), "outside_hours");
  EXPECT_EQ(why(home_12, "198.51.100.1", "192.168.1.20", later),
            "198.51.100.1 wrote to battery-12 (device); control entry 2 (line 18) names the two, but not at this time");
  EXPECT_EQ(reason(home_12, "198.51.101.1", "192.168.1.20", noon + Duration::seconds(12 * 3600 - 1)), "listed");
  EXPECT_EQ(reason(home_12, "198.51.101.1", "192.168.1.20", noon + Duration::seconds(12 * 3600)), "outside_hours");
}

TEST_F(ControlRightsTest, without_an_inventory_nothing_is_said) {
  use("", "segments:\n  - {name: han-12, prefix: 192.168.1.0/24, erab: R5}\n");
  EXPECT_EQ(reason({}, "192.168.1.2", "192.168.1.20"), "no_inventory");
  EXPECT_EQ(reason({}, "192.168.1.2", "224.0.23.0"), "no_inventory");
}

TEST_F(ControlRightsTest, an_explanation_is_always_ended) {
  const WriteRight right = judge(home_12, "198.51.100.1", "192.168.1.20");
  for (std::size_t max = 1; max < 120; ++max) {
    std::vector<char> text(max, 'x');
    const std::size_t n = rights_->explain(right, home_12, ip("198.51.100.1"), ip("192.168.1.20"), text.data(), max);
    ASSERT_LT(n, max);
    ASSERT_EQ(text[n], '\0');
  }
}

// The entries' part against a search through all of them, without defaults.
TEST(ControlRightsDifferential, agrees_with_a_search_through_all_entries) {
  std::mt19937_64 random(3);
  std::array<int, static_cast<std::size_t>(WriteReason::count_)> seen{};
  const char* addresses[] = {"192.168.1.2",  "192.168.1.20", "192.168.1.1", "192.168.1.99",
                             "203.0.113.10", "198.51.100.1", "10.20.0.10",  "224.0.23.0"};
  for (int site = 0; site < 200; ++site) {
    const auto plain = inventory_of(site_text);
    auto config = std::make_shared<config::Config>(plain->config());
    config->control_defaults = false;
    const auto end = [&] {
      config::Endpoint e;
      switch (random() % 5) {
        case 0:
          break;
        case 1:
          e.kind = config::Endpoint::Kind::asset;
          e.index = static_cast<std::uint32_t>(random() % config->assets.size());
          break;
        case 2:
          e.kind = config::Endpoint::Kind::role;
          e.role = random() % 2 == 0 ? Role::ems : Role::device;
          break;
        case 3:
          e.kind = config::Endpoint::Kind::segment;
          e.index = static_cast<std::uint32_t>(random() % config->segments.size());
          break;
        default:
          e.kind = config::Endpoint::Kind::prefix;
          e.prefix = {masked(ip(addresses[random() % 7]), 28), 28};
      }
      return e;
    };
    for (std::uint64_t n = random() % 8; n > 0; --n) {
      config::ControlEntry entry;
      entry.from = {end(), end()};
      entry.to = {end()};
      if (random() % 3 == 0) entry.protocols = {AppProtocol::dns};
      if (random() % 3 == 0) entry.when = {{static_cast<std::uint8_t>(random() % 128), 0, 1440}};
      if (random() % 3 == 0) entry.expires_local_s = noon.ns / 1'000'000'000 + (random() % 2 == 0 ? 0 : 1);
      config->control.push_back(entry);
    }
    const auto inventory = std::make_shared<const Inventory>(config, HashSeed{random(), random()});
    const Calendar calendar(inventory);
    const ControlRights rights(inventory, std::make_shared<const Calendar>(inventory), {random(), random()});
    for (int i = 0; i < 100; ++i) {
      const SegmentKey link = random() % 2 == 0 ? home_12 : home_13;
      const IpAddress from = ip(addresses[random() % 7]), to = ip(addresses[random() % 8]);
      const std::uint32_t writer = inventory->asset_of(link, from), target = inventory->asset_of(link, to);
      const std::uint32_t own = inventory->segment_or_asset_segment_of(link, from, writer);
      const auto names = [&](const config::Endpoint& e, const IpAddress& a, std::uint32_t asset) {
        const std::uint32_t segment = a.is_multicast() ? own : inventory->segment_or_asset_segment_of(link, a, asset);
        switch (e.kind) {
          case config::Endpoint::Kind::any:
            return true;
          case config::Endpoint::Kind::asset:
            return asset == e.index + 1;
          case config::Endpoint::Kind::role:
            return asset != 0 && inventory->role_of(asset) == e.role;
          case config::Endpoint::Kind::segment:
            return segment == e.index + 1 || (asset != 0 && inventory->segment_of_asset(asset) == e.index + 1);
          default:
            return e.prefix.contains(a);
        }
      };
      int best = 0;
      std::uint32_t entry = 0;
      for (std::uint32_t n = 0; n < config->control.size(); ++n) {
        const config::ControlEntry& e = config->control[n];
        if (!names(e.to[0], to, target) || (!names(e.from[0], from, writer) && !names(e.from[1], from, writer)))
          continue;
        const bool now = calendar.is_within(e.when, noon) && !calendar.is_expired(e.expires_local_s, noon);
        const int outcome = !e.protocols.empty() ? 1 : now ? 3 : 2;
        if (outcome > best) best = outcome, entry = n + 1;
      }
      const WriteRight got = rights.judge(link, from, to, echonet, noon);
      ++seen[static_cast<std::size_t>(got.reason)];
      const bool judged = writer != 0 || target != 0 || (to.is_multicast() && own != 0);
      ASSERT_EQ(got.judged, judged) << to_string(from) << " > " << to_string(to);
      if (!judged) continue;
      ASSERT_EQ(got.entry, entry);
      ASSERT_EQ(got.allowed, best == 3);
      constexpr WriteReason expected[] = {WriteReason::not_permitted, WriteReason::protocol_not_listed,
                                          WriteReason::outside_hours, WriteReason::listed};
      ASSERT_EQ(got.reason, expected[best]);
    }
  }
  for (const WriteReason reason : {WriteReason::no_inventory, WriteReason::listed, WriteReason::not_permitted,
                                   WriteReason::outside_hours, WriteReason::protocol_not_listed})
    EXPECT_GT(seen[static_cast<std::size_t>(reason)], 50) << name_of(reason);
}

TEST(InterfaceProtocols, echonet_lite_is_for_the_home_and_the_b_route) {
  const auto permits = [](ErabInterface interface, AppProtocol protocol) {
    const std::uint64_t mask = default_protocols_of(interface);
    return mask == 0 || (mask >> static_cast<unsigned>(protocol) & 1) != 0;
  };
  for (const ErabInterface interface : {ErabInterface::R5, ErabInterface::B, ErabInterface::none})
    EXPECT_TRUE(permits(interface, echonet)) << name_of(interface);
  for (const ErabInterface interface : {ErabInterface::R1, ErabInterface::R2, ErabInterface::R3, ErabInterface::R4,
                                        ErabInterface::R6, ErabInterface::VENDOR, ErabInterface::A}) {
    EXPECT_FALSE(permits(interface, echonet)) << name_of(interface);
    EXPECT_TRUE(permits(interface, AppProtocol::unknown)) << name_of(interface);
  }
}

}  // namespace
}  // namespace tsujiban::policy
