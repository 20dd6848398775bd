// Asking policy allocates nothing.
#include <gtest/gtest.h>

#include "base/test_allocations.h"
#include "policy/allow_list.h"
#include "policy/control_rights.h"
#include "policy/indicator_list.h"
#include "policy/policy_test_site.h"

namespace tsujiban::policy {
namespace {

TEST(PolicyAllocation, judging_and_explaining_allocates_nothing) {
  const auto inventory =
      inventory_of("site: {name: test, timezone: America/New_York}\n" + site_text +
                   "maintenance: [{days: [sun], from: \"02:00\", to: \"04:00\"}]\n"
                   "dispatch: [{by: role:aggregator, days: [fri], from: \"17:00\", to: \"20:00\"}]\n"
                   "allow:\n  - {from: role:ems, to: 203.0.113.0/24, when: [{from: \"01:00\", to: \"23:00\"}], "
                   "expires: 2027-01-01}\n"
                   "  - {from: any, to: [10.0.0.0/8, \"::/0\"], ports: [tcp/443]}\n"
                   "control: [{from: router-12, to: role:device, when: [{from: \"01:00\", to: \"23:00\"}]}]\n");
  const AllowList list(inventory);
  const auto calendar = std::make_shared<const Calendar>(inventory);
  const ControlRights rights(inventory, calendar);
  const SegmentKey links[] = {vlan(30, 112), vlan(20), SegmentKey()};
  const IpAddress addresses[] = {ip("192.168.1.2"), ip("192.168.1.1"), ip("10.20.0.10"),     ip("203.0.113.9"),
                                 ip("224.0.23.0"),  ip("fe80::9"),     ip("2001:db8:a:1::1")};
  const std::uint64_t before = allocations.load();
  std::uint64_t asked = 0;
  char text[120];
  for (std::int64_t hour = 0; hour < 24 * 7; ++hour) {
    for (const SegmentKey link : links) {
      for (const IpAddress& a : addresses) {
        for (const IpAddress& b : addresses) {
          Conversation c;
          c.time = {(1'794'787'200 + hour * 3600) * 1'000'000'000};
          c.link = link;
          c.initiator = a;
          c.responder = b;
          c.protocol = 6;
          c.responder_port = 443;
          list.explain(list.judge(c), c, text, sizeof text);
          rights.explain(rights.judge(link, a, b, AppProtocol::echonet_lite, c.time), link, a, b, text, sizeof text);
          asked += calendar->dispatch_at(c.time, link, a) + calendar->in_maintenance(c.time, 2) + 1;
        }
      }
    }
  }
  const std::uint64_t after = allocations.load();
  EXPECT_EQ(after, before);
  EXPECT_GT(asked, 7u * 7 * 3 * 24 * 7);
}

TEST(PolicyAllocation, searching_indicators_allocates_nothing) {
  std::string text =
      "value,expires\n198.51.100.7,\n198.51.0.0/16,2027-03-31\nevil.example,2026-01-01\nevil.example/x,\n"
      "e7d705a3286e19ea42f587b344ee6865,\nt13d1516h2_8daaf6152771_02713d6af862,\n";
  config::FaultList faults;
  config::Context context{faults, {}};
  config::IndicatorReader reader(context);
  reader.read(text, faults.add_file("list.csv"));
  auto site = std::make_shared<config::Config>();
  site->indicators = reader.finish();
  const auto inventory = inventory_of("site: {name: test, timezone: America/New_York}\n");
  const IndicatorList list(site, inventory->clock(), {});
  ASSERT_TRUE(faults.empty());
  std::array<char, 36> ja4;
  std::memcpy(ja4.data(), "t13d1516h2_8daaf6152771_02713d6af862", 36);
  const IpAddress address = ip("198.51.100.8");
  const DomainName name = DomainName::of("a.b.c.evil.example");
  char explained[160];
  const std::uint64_t before = allocations.load();
  std::uint64_t found = 0;
  for (std::int64_t hour = 0; hour < 1000; ++hour) {
    const PacketTime now{(1'767'225'600 + hour * 3600 * 12) * 1'000'000'000};
    for (const std::uint32_t number :
         {list.find_address(address, now), list.find_name(name, now), list.find_name_hash(name.hash, now),
          list.find_url(7, now), list.find_ja3(0xe7d705a3286e19ea, now), list.find_ja4(ja4, now),
          list.find_certificate(7, 7, now)}) {
      if (number != 0) list.explain(number, explained, sizeof explained);
      found += number != 0;
    }
  }
  EXPECT_EQ(allocations.load(), before);
  EXPECT_GT(found, 2000u);
}

}  // namespace
}  // namespace tsujiban::policy
