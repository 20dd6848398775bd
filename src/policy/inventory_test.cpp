#include "policy/inventory.h"

#include <gtest/gtest.h>

#include <random>

#include "policy/policy_test_site.h"

namespace tsujiban::policy {
namespace {

TEST(PrefixTable, the_longest_prefix_of_the_scope_is_found) {
  const auto prefix = [](std::string_view text) {
    IpPrefix p;
    EXPECT_TRUE(parse_prefix(text, p));
    return p;
  };
  const PrefixTable table({{0, prefix("10.0.0.0/8"), 1},
                           {0, prefix("10.1.0.0/16"), 2},
                           {7, prefix("10.1.0.0/16"), 3},
                           {0, prefix("0.0.0.0/0"), 4},
                           {0, prefix("::/0"), 5},
                           {0, prefix("2001:db8::/32"), 6},
                           {0, prefix("2001:db8::1"), 7}},
                          {});
  EXPECT_EQ(table.longest(0, ip("10.1.2.3")), 2u);
  EXPECT_EQ(table.longest(0, ip("10.2.2.3")), 1u);
  EXPECT_EQ(table.longest(7, ip("10.1.2.3")), 3u);
  EXPECT_EQ(table.longest(7, ip("10.2.2.3")), 0u);
  EXPECT_EQ(table.longest(0, ip("8.8.8.8")), 4u);
  EXPECT_EQ(table.longest(0, ip("2001:db9::1")), 5u);
  EXPECT_EQ(table.longest(0, ip("2001:db8::2")), 6u);
  EXPECT_EQ(table.longest(0, ip("2001:db8::1")), 7u);
  EXPECT_EQ(PrefixTable().longest(0, ip("10.0.0.1")), 0u);
}

TEST(PrefixTable, agrees_with_a_search_through_all_rows) {
  std::mt19937_64 random(7);
  const auto address = [&] {
    // Few bits vary, so that prefixes nest and addresses hit them.
    return random() % 2 == 0 ? IpAddress::v4(0x0a000000u | static_cast<std::uint32_t>(random() & 0x00ff00ff))
                             : IpAddress{0x20010db800000000u | (random() & 0xff), random() & 0x3};
  };
  std::vector<PrefixTable::Row> rows;
  for (std::uint32_t i = 0; i < 2000; ++i) {
    const IpAddress a = address();
    const unsigned length = static_cast<unsigned>(random() % (a.is_v4() ? 33 : 129));
    const IpPrefix prefix{masked(a, length), static_cast<std::uint8_t>(length)};
    const std::uint64_t scope = random() % 3;
    const bool there =
        std::any_of(rows.begin(), rows.end(), [&](const auto& r) { return r.scope == scope && r.prefix == prefix; });
    if (!there) rows.push_back({scope, prefix, i + 1});
  }
  const PrefixTable table(rows, {1, 2});
  for (int i = 0; i < 20000; ++i) {
    const IpAddress a = address();
    const std::uint64_t scope = random() % 3;
    std::uint32_t expected = 0;
    int longest = -1;
    for (const auto& row : rows) {
      if (row.scope == scope && row.prefix.contains(a) && int{row.prefix.length} > longest)
        longest = row.prefix.length, expected = row.value;
    }
    ASSERT_EQ(table.longest(scope, a), expected) << to_string(a);
  }
}

TEST(Inventory, two_homes_with_identical_addresses_remain_two) {
  const auto inventory = inventory_of(site_text);
  EXPECT_EQ(inventory->asset_name(inventory->asset_of(vlan(30, 112), ip("192.168.1.20"))), "battery-12");
  EXPECT_EQ(inventory->asset_name(inventory->asset_of(vlan(30, 113), ip("192.168.1.20"))), "battery-13");
  EXPECT_EQ(inventory->asset_of(vlan(30, 114), ip("192.168.1.20")), 0u);
  EXPECT_EQ(inventory->asset_of(vlan(30), ip("192.168.1.20")), 0u);
  EXPECT_EQ(inventory->asset_of(vlan(112, 30), ip("192.168.1.20")), 0u);
  EXPECT_EQ(inventory->segment_of(vlan(30, 112), ip("192.168.1.77")), 2u);
  EXPECT_EQ(inventory->segment_of(vlan(30, 113), ip("192.168.1.77")), 3u);
}

TEST(Inventory, assets_and_segments_without_a_link_are_found_on_any) {
  const auto inventory = inventory_of(site_text);
  for (const SegmentKey link : {SegmentKey(), vlan(30, 112), SegmentKey::vni(9), SegmentKey::pan(3)}) {
    EXPECT_EQ(inventory->asset_of(link, ip("203.0.113.10")), 8u);
    EXPECT_EQ(inventory->asset_of(link, ip("2001:db8:a:1::1")), 7u);
    EXPECT_EQ(inventory->segment_of(link, ip("2001:db8:a:2::1")), 4u);
    EXPECT_EQ(inventory->segment_of(link, ip("2001:db8:a:1::9")), 5u);
  }
}

TEST(Inventory, a_link_local_address_is_in_the_only_segment_of_its_link) {
  const auto inventory = inventory_of(site_text);
  EXPECT_EQ(inventory->segment_of(vlan(30, 112), ip("fe80::99")), 2u);
  EXPECT_EQ(inventory->segment_of(vlan(30, 112), ip("0.0.0.0")), 2u);
  EXPECT_EQ(inventory->segment_of(vlan(31), ip("fe80::99")), 0u);
  EXPECT_EQ(inventory->segment_of(vlan(30, 112), ip("8.8.8.8")), 0u);
  EXPECT_EQ(inventory->asset_of(vlan(30, 112), ip("fe80::2")), 2u);
  EXPECT_EQ(inventory->asset_of(vlan(30, 113), ip("fe80::2")), 0u);
}

TEST(Inventory, the_interface_comes_from_roles_then_segments_then_what_is_served) {
  EXPECT_EQ(interface_of_roles(Role::ems, Role::aggregator), ErabInterface::R4);
  EXPECT_EQ(interface_of_roles(Role::meter, Role::ems), ErabInterface::B);
  EXPECT_EQ(interface_of_roles(Role::hes, Role::concentrator), ErabInterface::A);
  EXPECT_EQ(interface_of_roles(Role::device, Role::device), ErabInterface::none);
  EXPECT_EQ(interface_of_roles(Role::unknown, Role::unknown), ErabInterface::none);
  const auto inventory = inventory_of(site_text);
  EXPECT_EQ(inventory->interface_between(vlan(30, 112), ip("192.168.1.2"), ip("192.168.1.20")), ErabInterface::R5);
  EXPECT_EQ(inventory->interface_between(SegmentKey(), ip("203.0.113.10"), ip("2001:db8:a:1::1")), ErabInterface::A);
  EXPECT_EQ(inventory->interface_between(vlan(20), ip("10.20.0.10"), ip("203.0.113.10")), ErabInterface::R3);
  EXPECT_EQ(inventory->interface_between(vlan(20), ip("10.20.0.10"), ip("8.8.8.8")), ErabInterface::R4);
  EXPECT_EQ(inventory->interface_between(vlan(30, 112), ip("8.8.8.8"), ip("192.168.1.20")), ErabInterface::R5);
  EXPECT_EQ(inventory->interface_between(SegmentKey(), ip("8.8.8.8"), ip("9.9.9.9")), ErabInterface::none);
}

TEST(Inventory, a_segment_is_named_or_told_by_its_link) {
  const auto inventory = inventory_of(site_text);
  char scratch[Inventory::segment_text_max];
  const auto name = [&](SegmentKey link, std::string_view a, std::string_view b) {
    return std::string(inventory->segment_name(link, ip(a), ip(b), scratch));
  };
  EXPECT_EQ(name(vlan(30, 112), "192.168.1.20", "8.8.8.8"), "han-12");
  EXPECT_EQ(name(vlan(30, 113), "8.8.8.8", "192.168.1.20"), "han-13");
  EXPECT_EQ(name(vlan(30, 112), "8.8.8.8", "9.9.9.9"), "vlan 30/112");
  EXPECT_EQ(name(SegmentKey(), "8.8.8.8", "9.9.9.9"), "");
  EXPECT_EQ(name(SegmentKey::vni(7), "8.8.8.8", "9.9.9.9"), "vni 7");
  EXPECT_EQ(name(SegmentKey::pan(0xabc), "8.8.8.8", "9.9.9.9"), "pan 0x0abc");
  SegmentKey all = SegmentKey::vni(0xffffff);
  for (int i = 0; i < 3; ++i) all.push_vlan(4095);
  EXPECT_EQ(name(all, "8.8.8.8", "9.9.9.9"), "vni 16777215 vlan 4095/4095/4095");
}

TEST(Inventory, a_broadcast_address_belongs_to_its_segment) {
  const auto inventory = inventory_of(site_text);
  EXPECT_TRUE(inventory->is_subnet_broadcast(vlan(30, 112), ip("192.168.1.255")));
  EXPECT_TRUE(inventory->is_subnet_broadcast(vlan(20), ip("10.20.255.255")));
  EXPECT_FALSE(inventory->is_subnet_broadcast(vlan(20), ip("10.20.0.255")));
  EXPECT_FALSE(inventory->is_subnet_broadcast(SegmentKey(), ip("192.168.1.255")));
  EXPECT_FALSE(inventory->is_subnet_broadcast(vlan(30, 112), ip("192.168.1.20")));
}

TEST(Inventory, declared_ports_are_those_the_asset_lists) {
  const auto inventory = inventory_of(
      "assets:\n  - {name: a, role: ems, address: 192.0.2.1, ports: [tcp/80-81, udp/3610, tcp/7, udp/7]}\n"
      "  - {name: b, role: ems, address: 192.0.2.2}\n");
  EXPECT_TRUE(inventory->has_declared_ports(1));
  EXPECT_FALSE(inventory->has_declared_ports(2));
  EXPECT_FALSE(inventory->has_declared_ports(0));
  EXPECT_TRUE(inventory->declares_port(1, 6, 80));
  EXPECT_TRUE(inventory->declares_port(1, 6, 81));
  EXPECT_FALSE(inventory->declares_port(1, 6, 82));
  EXPECT_FALSE(inventory->declares_port(1, 17, 80));
  EXPECT_TRUE(inventory->declares_port(1, 17, 3610));
  EXPECT_TRUE(inventory->declares_port(1, 17, 7));
  EXPECT_TRUE(inventory->declares_port(1, 6, 7));
  EXPECT_FALSE(inventory->declares_port(1, 1, 80));  // ICMP has no ports.
  EXPECT_FALSE(inventory->declares_port(2, 6, 80));
  EXPECT_FALSE(inventory->declares_port(0, 6, 80));
}

TEST(Inventory, an_assets_segment_is_known_by_its_number) {
  const auto inventory = inventory_of(site_text);
  EXPECT_EQ(inventory->segment_of_asset(3), 2u);
  EXPECT_EQ(inventory->segment_of_asset(8), 0u);
  EXPECT_EQ(inventory->segment_of_asset(0), 0u);
  EXPECT_TRUE(inventory->has_assets(2));
  EXPECT_FALSE(inventory->has_assets(4));
  EXPECT_FALSE(inventory->has_assets(0));
}

TEST(Inventory, the_route_comes_from_the_segment_then_what_is_served_then_the_role) {
  const auto inventory = inventory_of(
      "segments:\n"
      "  - {name: fan, prefix: 10.1.0.0/16, erab: A}\n  - {name: b, prefix: 10.2.0.0/16, erab: B}\n"
      "  - {name: home, prefix: 10.3.0.0/16, erab: R5}\n  - {name: r1, prefix: 10.4.0.0/16, erab: R1}\n"
      "  - {name: r3, prefix: 10.5.0.0/16, erab: R3}\n  - {name: bare, prefix: 10.6.0.0/16}\n"
      "assets:\n"
      "  - {name: m, role: meter, address: [10.1.0.1, 10.2.0.1]}\n"
      "  - {name: h, role: hes, address: 10.6.0.2}\n"
      "  - {name: d, role: device, address: 10.6.0.3}\n"
      "  - {name: g, role: grid_command, address: 10.5.0.4}\n"
      "  - {name: c, role: coordinator, address: [10.5.0.5, 10.6.0.5], serves: [R1, R3]}\n"
      "  - {name: e, role: ems, address: 10.6.0.6}\n"
      "  - {name: f, role: meter, address: 10.6.0.7, serves: B}\n");
  const auto route = [&](std::string_view address) {
    const std::uint32_t asset = inventory->asset_of({}, ip(address));
    return std::string(
        name_of(inventory->route_of(inventory->segment_or_asset_segment_of({}, ip(address), asset), asset)));
  };
  EXPECT_EQ(route("10.1.0.1"), "A");
  EXPECT_EQ(route("10.2.0.1"), "B");
  EXPECT_EQ(route("10.1.0.9"), "A");
  EXPECT_EQ(route("10.3.0.9"), "home");
  EXPECT_EQ(route("10.4.0.9"), "R1");
  EXPECT_EQ(route("10.5.0.9"), "other");
  EXPECT_EQ(route("10.6.0.9"), "none");
  EXPECT_EQ(route("8.8.8.8"), "none");
  EXPECT_EQ(route("10.6.0.2"), "A");
  EXPECT_EQ(route("10.6.0.3"), "home");
  EXPECT_EQ(route("10.6.0.6"), "none");
  EXPECT_EQ(route("10.6.0.7"), "B");
  // The simple command system is R1 wherever it stands; a coordinator also has another side.
  EXPECT_EQ(route("10.5.0.4"), "R1");
  EXPECT_EQ(route("10.5.0.5"), "other");
  EXPECT_EQ(route("10.6.0.5"), "R1");
}

}  // namespace
}  // namespace tsujiban::policy
