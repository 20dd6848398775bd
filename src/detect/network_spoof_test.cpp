#include <gtest/gtest.h>

#include "detect/network_detectors.h"
#include "detect/site_test_support.h"

namespace tsujiban::detect {
namespace {

using namespace test;

constexpr const char* router_mac = "00:11:22:00:00:01";
constexpr const char* host_mac = "00:11:22:00:00:20";
constexpr const char* other_mac = "00:11:22:00:00:21";
constexpr const char* evil_mac = "00:11:22:00:66:66";
const char* const with_router =
    "segments: [{name: han-12, prefix: [192.168.1.0/24, \"2001:db8:12::/64\"], vlan: [30, 112], erab: R5}]\n"
    "assets:\n"
    "  - {name: router-12, role: router, address: 192.168.1.1, segment: han-12, mac: \"00:11:22:00:00:01\"}\n"
    "  - {name: battery-12, role: device, address: 192.168.1.20, segment: han-12}\n";
const SegmentKey han = vlan(30, 112);

TEST(ArpSpoof, a_claim_against_the_inventory_is_told_at_once) {
  Bench bench(network_link_spoof_row, with_router);
  bench.fact(claim(0, "192.168.1.1", router_mac, Claim::How::arp_reply, "192.168.1.20", han));
  EXPECT_TRUE(bench.alerts().empty());
  bench.fact(claim(1, "192.168.1.1", evil_mac, Claim::How::arp_reply, "192.168.1.20", han));
  ASSERT_EQ(bench.alerts().size(), 1u);
  EXPECT_EQ(bench.alerts()[0].detector, DetectorId::mitm_arp_spoof);
  EXPECT_EQ(bench.alerts()[0].severity, Severity::critical);
  EXPECT_EQ(why(bench.alerts()[0]), "192.168.1.1 is claimed by 00:11:22:00:00:01 and by 00:11:22:00:66:66");
}

TEST(ArpSpoof, who_takes_the_addresses_of_two_hosts_that_are_alive_is_told) {
  Bench bench(network_link_spoof_row, "");
  bench.fact(claim(0, "192.168.1.1", router_mac));
  bench.fact(claim(1, "192.168.1.20", host_mac));
  bench.fact(claim(2, "192.168.1.66", evil_mac));
  bench.fact(claim(60, "192.168.1.1", evil_mac));
  EXPECT_TRUE(bench.alerts().empty());
  bench.fact(claim(61, "192.168.1.20", evil_mac));
  ASSERT_EQ(bench.alerts().size(), 1u);
  EXPECT_EQ(why(bench.alerts()[0], 1), "the second claims several hosts' addresses");
}

TEST(ArpSpoof, both_going_on_is_a_conflict_that_stays_one_condition_however_often_claims_are_told) {
  for (const int every_s : {3, 26, 28, 30}) {
    Bench bench(network_link_spoof_row, "");
    for (int at_s = 0; at_s < 600; at_s += every_s) {
      bench.fact(claim(at_s, "192.168.1.1", router_mac));
      bench.fact(claim(at_s + 1, "192.168.1.1", evil_mac));
    }
    const std::vector<Alert> alerts = bench.alerts();
    ASSERT_GE(alerts.size(), 8u);
    EXPECT_LE(alerts.size(), 20u);
    EXPECT_EQ(why(alerts[0], 1), "both go on claiming it");
    // What comes within a repeat of 60 s belongs to the condition before.
    for (std::size_t i = 1; i < alerts.size(); ++i)
      EXPECT_LE((alerts[i].time - alerts[i - 1].time).ns, Duration::seconds(60).ns) << every_s;
  }
}

TEST(ArpSpoof, a_settled_host_that_takes_a_gateways_address_is_told) {
  Bench bench(network_link_spoof_row, "");
  Fact lease = fact_of(FactKind::address_assignment, 0, "192.168.1.1", "192.168.1.66");
  lease.address_assignment = AddressAssignment{};
  lease.address_assignment.server = lease.address_assignment.router = ip("192.168.1.1");
  bench.fact(lease);
  bench.fact(claim(1, "192.168.1.1", router_mac));
  bench.fact(claim(2, "192.168.1.66", evil_mac));
  bench.fact(claim(400, "192.168.1.1", evil_mac, Claim::How::arp_gratuitous, "192.168.1.1"));
  ASSERT_EQ(bench.alerts().size(), 1u);
  EXPECT_EQ(why(bench.alerts()[0], 2), "it is the address of a router or gateway");
}

TEST(ArpSpoof, a_frame_from_another_than_it_names_is_told_where_the_owner_is_alive) {
  Bench bench(network_link_spoof_row, "");
  bench.fact(claim(0, "192.168.1.20", host_mac));
  Fact forged = claim(10, "192.168.1.20", other_mac);
  forged.claim.frame_source = mac(evil_mac);
  bench.fact(forged);
  EXPECT_EQ(bench.alerts().size(), 1u);
}

TEST(ArpSpoof, leases_that_go_round_replaced_devices_and_a_wrong_first_word_are_silent) {
  Bench bench(network_link_spoof_row, "");
  // A lease that goes to another after hours, a new router in place of the old one, an old lease claimed once.
  bench.fact(claim(0, "192.168.1.20", host_mac));
  bench.fact(claim(0, "192.168.1.1", router_mac));
  for (int i = 0; i < 20; ++i) bench.fact(claim(7200 + i * 60, "192.168.1.20", other_mac));
  for (int i = 0; i < 20; ++i) bench.fact(claim(7200 + i * 60, "192.168.1.1", "00:11:22:00:00:99"));
  bench.fact(claim(9000, "192.168.1.20", host_mac));
  bench.fact(claim(9001, "192.168.1.20", other_mac));
  // A server's new card takes all addresses of the old one.
  for (const char* address : {"192.168.1.50", "192.168.1.51", "192.168.1.52"}) {
    bench.fact(claim(9100, address, "00:11:22:00:00:50"));
  }
  for (const char* address : {"192.168.1.50", "192.168.1.51", "192.168.1.52"}) {
    bench.fact(claim(9200, address, "00:11:22:00:00:51"));
  }
  EXPECT_TRUE(bench.alerts().empty());
}

TEST(ArpSpoof, addresses_that_routers_share_are_excepted) {
  Bench bench(network_link_spoof_row, "");
  for (const char* shared : {"00:00:5e:00:01:0a", "00:00:5e:00:02:0a", "00:00:0c:07:ac:01", "00:00:0c:9f:f0:01",
                             "00:07:b4:00:01:02", "00:05:73:a0:00:01"}) {
    for (int i = 0; i < 4; ++i) {
      bench.fact(claim(i * 60, "192.168.1.1", router_mac));
      bench.fact(claim(i * 60 + 1, "192.168.1.1", shared));
    }
  }
  EXPECT_TRUE(bench.alerts().empty());
}

TEST(ArpSpoof, a_router_that_answers_for_others_is_excepted) {
  Bench bench(network_link_spoof_row, with_router);
  for (int i = 0; i < 5; ++i) {
    bench.fact(claim(i * 60, "192.168.1.20", host_mac, Claim::How::arp_reply, "192.168.1.1", han));
    bench.fact(claim(i * 60 + 1, "192.168.1.20", router_mac, Claim::How::arp_reply, "192.168.1.30", han));
  }
  EXPECT_TRUE(bench.alerts().empty());
}

TEST(ArpSpoof, the_same_address_on_another_link_is_another) {
  Bench bench(network_link_spoof_row, "");
  for (int i = 0; i < 5; ++i) {
    bench.fact(claim(i * 60, "192.168.1.1", router_mac, Claim::How::arp_reply, "0.0.0.0", vlan(1)));
    bench.fact(claim(i * 60 + 1, "192.168.1.1", evil_mac, Claim::How::arp_reply, "0.0.0.0", vlan(2)));
  }
  EXPECT_TRUE(bench.alerts().empty());
}

TEST(ArpSpoof, owners_survive_a_restart_and_rotation_is_bounded) {
  Bench bench(network_link_spoof_row, "");
  bench.fact(claim(0, "192.168.1.1", router_mac));
  bench.fact(claim(1, "192.168.1.20", host_mac));
  Bench again(network_link_spoof_row, "");
  ASSERT_TRUE(again.load(bench.save())) << again.error();
  again.fact(claim(60, "192.168.1.1", evil_mac));
  again.fact(claim(61, "192.168.1.20", evil_mac));
  EXPECT_EQ(again.alerts().size(), 1u);
  Fact forged = claim(100, "192.168.1.1", evil_mac);
  for (std::uint32_t i = 0; i < 300'000; ++i) {
    forged.source = IpAddress::v4(0x0a000000 + i);
    forged.claim.mac.value = 0x020000000000 + i;
    again.engine().fact(forged);
  }
  EXPECT_GT(again.engine().evictions(), 0u);
  EXPECT_TRUE(Bench(network_link_spoof_row, "").load(again.save()));
}

TEST(NdpSpoof, advertisements_that_override_two_neighbours_are_told_and_anycast_is_not) {
  Bench bench(network_link_spoof_row, "");
  const auto advertise = [&](double seconds, const char* address, const char* by, bool overrides) {
    Fact fact = claim(seconds, address, by, Claim::How::neighbour_advertisement, "ff02::1");
    fact.claim.overrides = overrides;
    bench.fact(fact);
  };
  advertise(0, "fe80::1", router_mac, true);
  advertise(1, "2001:db8::20", host_mac, true);
  for (int i = 0; i < 5; ++i) {
    advertise(30 + i * 60, "2001:db8::20", other_mac, false);
    advertise(31 + i * 60, "2001:db8::20", host_mac, false);
  }
  EXPECT_TRUE(bench.alerts().empty());
  advertise(340, "fe80::1", router_mac, true);
  advertise(350, "fe80::1", evil_mac, true);
  advertise(351, "2001:db8::20", evil_mac, true);
  ASSERT_EQ(bench.alerts().size(), 1u);
  EXPECT_EQ(bench.alerts()[0].detector, DetectorId::mitm_ndp_spoof);
}

Fact lease(double seconds, std::string_view server, std::string_view by_mac, std::string_view client = "192.168.1.20",
           SegmentKey segment = han) {
  Fact fact = fact_of(FactKind::address_assignment, seconds, server, client, segment);
  AddressAssignment said{};
  said.mac = mac(by_mac);
  said.server = said.router = said.resolver = ip(server);
  said.given = ip(client);
  fact.address_assignment = said;
  return fact;
}

TEST(RogueDhcp, a_server_that_is_no_router_of_the_inventory_is_told) {
  Bench bench(network_rogue_servers_row, with_router);
  bench.fact(lease(0, "192.168.1.1", router_mac));
  EXPECT_TRUE(bench.alerts().empty());
  bench.fact(lease(1, "192.168.1.66", evil_mac));
  ASSERT_EQ(bench.alerts().size(), 1u);
  EXPECT_EQ(bench.alerts()[0].severity, Severity::high);
  bench.fact(lease(2, "192.168.1.66", evil_mac, "192.168.1.21"));
  EXPECT_EQ(bench.alerts()[1].destination, bench.alerts()[0].destination) << "one condition, whoever is told";
  bench.fact(lease(3, "192.168.1.1", evil_mac));
  EXPECT_EQ(why(bench.alerts()[2]),
            "192.168.1.1 answers as a DHCP server: its frames do not come from the link address that the inventory "
            "gives");
}

TEST(RogueDhcp, a_server_declared_by_its_port_is_right) {
  Bench bench(network_rogue_servers_row, std::string(with_router) +
                                             "  - {name: dhcp, role: ems, address: 192.168.1.3, segment: han-12, "
                                             "ports: [udp/67]}\n");
  bench.fact(lease(0, "192.168.1.3", other_mac));
  EXPECT_TRUE(bench.alerts().empty());
}

TEST(RogueDhcp, without_an_inventory_the_second_server_of_a_link_is_told_over_a_restart_too) {
  Bench bench(network_rogue_servers_row, "");
  for (int i = 0; i < 10; ++i) bench.fact(lease(i, "192.168.1.1", router_mac));
  bench.fact(lease(11, "192.168.1.1", router_mac, "192.168.1.20", vlan(30, 113)));
  bench.fact(lease(12, "192.168.1.9", other_mac, "192.168.1.20", vlan(30, 114)));
  Bench again(network_rogue_servers_row, "");
  ASSERT_TRUE(again.load(bench.save())) << again.error();
  again.fact(lease(100, "192.168.1.1", router_mac));
  EXPECT_TRUE(again.alerts().empty());
  again.fact(lease(101, "192.168.1.66", evil_mac));
  ASSERT_EQ(again.alerts().size(), 1u);
  EXPECT_EQ(why(again.alerts()[0]),
            "192.168.1.66 answers as a DHCP server: on this link 192.168.1.1 has handed out addresses so far");
}

Fact advertisement(double seconds, std::string_view source, std::string_view by_mac, std::uint16_t lifetime_s = 1800) {
  Fact fact = fact_of(FactKind::router_advertisement, seconds, source, "ff02::1", han);
  RouterAdvertisement said{};
  said.mac = mac(by_mac);
  said.lifetime_s = lifetime_s;
  fact.router_advertisement = said;
  return fact;
}

TEST(RogueRa, the_inventorys_router_is_known_by_its_link_address_and_others_are_told) {
  Bench bench(network_rogue_servers_row, with_router);
  bench.fact(advertisement(0, "fe80::1", router_mac));
  bench.fact(advertisement(1, "fe80::7", other_mac, 0));
  EXPECT_TRUE(bench.alerts().empty()) << "a border router of another network is no default router";
  bench.fact(advertisement(2, "fe80::66", evil_mac));
  ASSERT_EQ(bench.alerts().size(), 1u);
  EXPECT_EQ(bench.alerts()[0].severity, Severity::high);
}

TEST(RogueRa, without_an_inventory_the_second_router_and_a_forged_farewell_are_told) {
  Bench bench(network_rogue_servers_row, "");
  bench.fact(advertisement(0, "fe80::1", router_mac));
  bench.fact(advertisement(300, "fe80::1", router_mac, 0));
  bench.fact(advertisement(301, "fe80::1", router_mac));
  bench.fact(advertisement(302, "fe80::5", "00:00:5e:00:02:01"));
  EXPECT_TRUE(bench.alerts().empty());
  bench.fact(advertisement(400, "fe80::66", evil_mac));
  bench.fact(advertisement(401, "fe80::1", evil_mac, 0));
  ASSERT_EQ(bench.alerts().size(), 2u);
  EXPECT_EQ(why(bench.alerts()[1]),
            "a router advertisement from 00:11:22:00:66:66: the router's address with another link address takes leave "
            "for it");
}

TEST(RogueRa, a_new_router_after_the_old_one_fell_silent_is_silent) {
  Bench bench(network_rogue_servers_row, "");
  bench.fact(advertisement(0, "fe80::1", router_mac));
  for (int i = 0; i < 10; ++i) bench.fact(advertisement(7200 + i * 600, "fe80::2", other_mac));
  EXPECT_TRUE(bench.alerts().empty());
}

TEST(RogueServers, links_without_number_are_bounded) {
  Bench bench(network_rogue_servers_row, "");
  Fact fact = lease(0, "192.168.1.1", router_mac);
  for (std::uint32_t i = 0; i < 40'000; ++i) {
    fact.segment = SegmentKey::vni(i);
    bench.engine().fact(fact);
  }
  EXPECT_GT(bench.engine().evictions(), 0u);
  EXPECT_TRUE(bench.alerts().empty());
}

}  // namespace
}  // namespace tsujiban::detect
