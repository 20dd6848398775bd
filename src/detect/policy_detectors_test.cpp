#include "detect/policy_detectors.h"

#include <gtest/gtest.h>

#include "detect/site_test_support.h"

namespace tsujiban::detect {
namespace {

using namespace test;
using Moment = ConversationSeen::Moment;

const char* const site_text =
    "segments:\n"
    "  - {name: centre, prefix: 10.20.0.0/16}\n"
    "  - {name: grid, prefix: 10.1.0.0/24, vlan: 10, erab: R1}\n"
    "  - {name: han-12, prefix: [192.168.1.0/24, \"2001:db8:12::/64\"], vlan: [30, 112], erab: R5}\n"
    "  - {name: fan, prefix: \"2001:db8:a::/48\", erab: A}\n"
    "  - {name: broute-12, prefix: \"2001:db8:b::/64\", erab: B}\n"
    "assets:\n"
    "  - {name: aggregator-a, role: aggregator, address: 10.20.0.10, segment: centre}\n"
    "  - {name: hems-12, role: ems, address: 192.168.1.2, segment: han-12}\n"
    "  - {name: battery-12, role: device, address: 192.168.1.20, segment: han-12, ports: [udp/3610], jc_star: 1}\n"
    "  - {name: aircon-12, role: device, address: 192.168.1.21, segment: han-12}\n"
    "  - {name: meter-1, role: meter, address: [\"2001:db8:a::1\", \"2001:db8:b::1\"]}\n"
    "  - {name: hes-1, role: hes, address: \"2001:db8:a::ffff\"}\n"
    "  - {name: command, role: grid_command, address: 10.1.0.1, segment: grid}\n"
    "  - {name: coordinator-x, role: coordinator, address: 10.1.0.2, segment: grid}\n";
const SegmentKey han = vlan(30, 112);

Flow to_battery(std::uint16_t port, IpProtocol protocol = IpProtocol::tcp) {
  return {"192.168.1.2", "192.168.1.20", 50000, port, protocol, han};
}

TEST(PortDetector, an_answer_on_an_undeclared_port_is_told_with_asset_and_port) {
  Bench bench(policy_ports_row, site_text);
  bench.fact(conversation(0, Moment::began, to_battery(8080)));
  EXPECT_TRUE(bench.alerts().empty());
  bench.fact(conversation(1, Moment::answered, to_battery(8080)));
  ASSERT_EQ(bench.alerts().size(), 1u);
  EXPECT_EQ(bench.alerts()[0].detector, DetectorId::policy_port_not_allowed);
  EXPECT_EQ(bench.alerts()[0].severity, Severity::medium);
  EXPECT_EQ(why(bench.alerts()[0]), "battery-12 answers on TCP port 8080, which is not among its declared ports");
}

TEST(PortDetector, declared_ports_and_assets_without_a_declaration_are_silent) {
  Bench bench(policy_ports_row, site_text);
  bench.fact(conversation(0, Moment::answered, to_battery(3610, IpProtocol::udp)));
  bench.fact(conversation(1, Moment::answered, {"192.168.1.20", "192.168.1.2", 50000, 8080, IpProtocol::tcp, han}));
  bench.fact(conversation(2, Moment::answered, {"192.168.1.2", "192.168.1.21", 50000, 8080, IpProtocol::tcp, han}));
  EXPECT_TRUE(bench.alerts().empty());
}

TEST(PortDetector, refusals_uncertain_directions_pings_and_late_answers_are_silent) {
  Bench bench(policy_ports_row, site_text);
  Fact refused = conversation(0, Moment::answered, to_battery(8080));
  refused.conversation.established = false;
  bench.fact(refused);
  Flow uncertain = to_battery(8080);
  uncertain.direction_certain = false;
  bench.fact(conversation(1, Moment::answered, uncertain));
  bench.fact(conversation(2, Moment::answered, {"192.168.1.2", "192.168.1.20", 8, 0, IpProtocol::icmp, han}));
  // The capture began between the device's question and the resolver's answer.
  bench.fact(conversation(3, Moment::answered, {"192.168.1.1", "192.168.1.20", 53, 49152, IpProtocol::udp, han}));
  EXPECT_TRUE(bench.alerts().empty());
}

TEST(PortDetector, many_forged_peers_are_a_few_conditions) {
  Bench bench(policy_ports_row, site_text);
  std::vector<IpAddress> sources;
  Fact fact = conversation(0, Moment::answered, to_battery(8080));
  for (std::uint32_t i = 0; i < 1000; ++i) {
    fact.source = IpAddress::v4(0xcb007100 + i);
    bench.fact(fact);
    sources.push_back(bench.alerts().back().source);
  }
  std::sort(sources.begin(), sources.end());
  EXPECT_EQ(std::unique(sources.begin(), sources.end()) - sources.begin(), 8);
}

TEST(PortDetector, a_restart_does_not_tell_again_before_the_day_is_over) {
  Bench bench(policy_ports_row, site_text);
  bench.fact(conversation(0, Moment::answered, to_battery(8080)));
  Bench again(policy_ports_row, site_text);
  ASSERT_TRUE(again.load(bench.save())) << again.error();
  again.fact(conversation(3600, Moment::answered, to_battery(8080)));
  EXPECT_TRUE(again.alerts().empty());
  again.fact(conversation(3700, Moment::answered, to_battery(8081)));
  EXPECT_EQ(again.alerts().size(), 1u);
  again.fact(conversation(86400 + 3600 + 1, Moment::answered, to_battery(8080)));
  EXPECT_EQ(again.alerts().size(), 2u) << "a day after it was told";
}

TEST(ProtocolDetector, content_outside_the_sites_rules_for_the_interface_is_told) {
  const std::string text = std::string(site_text) + "erab: {B: {protocols: [dns]}}\n";
  Bench bench(policy_protocols_row, text);
  Flow flow{"10.20.0.10", "192.168.1.2", 50000, 4000, IpProtocol::udp, han};  // By the default of R4.
  Fact fact = conversation(0, Moment::identified, flow);
  bench.fact(fact);
  EXPECT_TRUE(bench.alerts().empty()) << "nothing is known of its content";
  fact.protocol = AppProtocol::echonet_lite;
  bench.fact(fact);
  ASSERT_EQ(bench.alerts().size(), 1u);
  EXPECT_EQ(bench.alerts()[0].interface, ErabInterface::R4);
  EXPECT_EQ(why(bench.alerts()[0]), "echonet_lite is spoken on interface R4, by its content");
  fact = conversation(1, Moment::identified, to_battery(3610, IpProtocol::udp));
  fact.protocol = AppProtocol::echonet_lite;
  bench.fact(fact);
  EXPECT_EQ(bench.alerts().size(), 1u) << "permitted on R5";
  fact = conversation(2, Moment::identified, {"2001:db8:b::9", "2001:db8:b::1", 3610, 3610});
  for (const AppProtocol protocol : {AppProtocol::dns, AppProtocol::dhcp, AppProtocol::echonet_lite}) {
    fact.protocol = protocol;
    bench.fact(fact);
  }
  ASSERT_EQ(bench.alerts().size(), 2u) << "the site's rules for B name DNS only, and DHCP is part of any network";
  EXPECT_EQ(bench.alerts()[1].app_protocol, AppProtocol::echonet_lite);
}

TEST(ProtocolDetector, hosts_that_are_no_assets_and_exchanges_of_no_interface_are_not_judged) {
  Bench bench(policy_protocols_row, site_text);
  Fact fact = conversation(0, Moment::identified, {"192.168.1.98", "192.168.1.99", 3610, 3610, IpProtocol::udp, han});
  fact.protocol = AppProtocol::echonet_lite;
  bench.fact(fact);
  fact = conversation(1, Moment::identified, {"10.20.0.10", "10.20.0.11", 3610, 3610, IpProtocol::udp, vlan(20)});
  fact.protocol = AppProtocol::echonet_lite;
  bench.fact(fact);
  EXPECT_TRUE(bench.alerts().empty());
}

TEST(RouteDetector, one_packet_between_the_a_route_and_a_home_is_enough) {
  Bench bench(policy_routes_row, site_text);
  bench.fact(conversation(0, Moment::began, {"192.168.1.2", "2001:db8:a::1"}));
  ASSERT_EQ(bench.alerts().size(), 0u) << "an address on no link of the home";
  bench.fact(conversation(1, Moment::began, {"2001:db8:12::5", "2001:db8:a::1", 3610, 3610, IpProtocol::udp, han}));
  bench.fact(conversation(2, Moment::began, {"2001:db8:a::1", "2001:db8:b::9"}));
  ASSERT_EQ(bench.count(DetectorId::policy_route_crossing), 2u);
  EXPECT_EQ(bench.alerts()[0].severity, Severity::critical);
}

TEST(RouteDetector, traffic_that_stays_on_its_route_is_silent) {
  Bench bench(policy_routes_row, site_text);
  bench.fact(conversation(0, Moment::began, {"2001:db8:a::1", "2001:db8:a::ffff"}));
  bench.fact(conversation(1, Moment::began, {"2001:db8:b::1", "2001:db8:b::9"}));
  bench.fact(conversation(2, Moment::began, {"10.1.0.1", "10.1.0.2", 50000, 443, IpProtocol::tcp, vlan(10)}));
  bench.fact(conversation(3, Moment::began, {"192.168.1.2", "192.168.1.20", 50000, 3610, IpProtocol::udp, han}));
  bench.fact(conversation(4, Moment::began, {"10.1.0.1", "224.0.0.251", 5353, 5353, IpProtocol::udp, vlan(10)}));
  EXPECT_TRUE(bench.alerts().empty());
}

TEST(RouteDetector, an_r1_address_that_talks_outside_r1_is_told) {
  Bench bench(policy_routes_row, site_text);
  bench.fact(conversation(0, Moment::began, {"10.1.0.2", "203.0.113.7", 50000, 443, IpProtocol::tcp, vlan(10)}));
  ASSERT_EQ(bench.count(DetectorId::policy_r1_not_isolated), 1u);
  EXPECT_EQ(why(bench.alerts()[0], 0), "from: coordinator-x, on R1");
  EXPECT_EQ(why(bench.alerts()[0], 1), "to: a host, on an address of no known route");
}

TEST(ExposureDetector, a_device_reached_from_outside_is_critical_once_it_answers) {
  Bench bench(policy_exposure_row, site_text);
  const Flow flow{"203.0.113.9", "192.168.1.20", 41000, 3610, IpProtocol::udp, han};
  bench.fact(conversation(0, Moment::began, flow));
  ASSERT_EQ(bench.alerts().size(), 1u);
  EXPECT_EQ(bench.alerts()[0].severity, Severity::high);
  EXPECT_EQ(why(bench.alerts()[0], 1), "no answer was seen so far");
  Fact answer = conversation(1, Moment::answered, flow);
  bench.fact(answer);
  ASSERT_EQ(bench.alerts().size(), 2u);
  EXPECT_EQ(bench.alerts()[1].severity, Severity::critical);
  EXPECT_EQ(bench.alerts()[1].merge_key, bench.alerts()[0].merge_key) << "one condition";
}

TEST(ExposureDetector, neighbours_aggregators_other_ports_and_other_roles_are_silent) {
  Bench bench(policy_exposure_row, site_text);
  bench.fact(conversation(0, Moment::began, to_battery(3610, IpProtocol::udp)));
  bench.fact(conversation(1, Moment::began, {"10.20.0.10", "192.168.1.20", 50000, 3610, IpProtocol::udp, han}));
  bench.fact(conversation(2, Moment::began, {"203.0.113.9", "192.168.1.20", 50000, 443, IpProtocol::tcp, han}));
  bench.fact(conversation(3, Moment::began, {"203.0.113.9", "192.168.1.2", 50000, 3610, IpProtocol::udp, han}));
  bench.fact(conversation(4, Moment::began, {"192.168.1.20", "203.0.113.9", 50000, 3610, IpProtocol::udp, han}));
  EXPECT_TRUE(bench.alerts().empty());
}

TEST(RoleDetector, a_device_that_writes_and_a_meter_that_asks_are_told) {
  Bench bench(policy_roles_row, site_text);
  bench.fact(write(0, "192.168.1.21", "192.168.1.20", WriteEffect::physical, han));
  ASSERT_EQ(bench.alerts().size(), 1u);
  EXPECT_EQ(why(bench.alerts()[0]), "aircon-12, a device, writes");
  Fact inquiry = fact_of(FactKind::inquiry, 1, "2001:db8:b::1", "2001:db8:b::9");
  inquiry.inquiry = Inquiry{};
  inquiry.inquiry.object = 0x027d01;
  for (int i = 0; i < 5; ++i) {
    inquiry.time = at(1 + i);
    bench.fact(inquiry);
  }
  ASSERT_EQ(bench.alerts().size(), 2u) << "news counts once";
  EXPECT_EQ(why(bench.alerts()[1]), "meter-1, a meter, asks others");
}

TEST(RoleDetector, controllers_configuration_refusals_and_discovery_are_silent) {
  Bench bench(policy_roles_row, site_text);
  bench.fact(write(0, "192.168.1.2", "192.168.1.20", WriteEffect::physical, han));
  bench.fact(write(1, "192.168.1.21", "192.168.1.20", WriteEffect::configuration, han));
  Fact refused = write(2, "192.168.1.21", "192.168.1.20", WriteEffect::physical, han);
  refused.control_write.refused = true;
  bench.fact(refused);
  Fact inquiry = fact_of(FactKind::inquiry, 3, "2001:db8:b::1", "2001:db8:b::9");
  inquiry.inquiry = Inquiry{};
  inquiry.inquiry.object = 0x0ef001;
  bench.fact(inquiry);
  EXPECT_TRUE(bench.alerts().empty());
}

TEST(LabelDetector, a_device_without_a_recorded_level_is_told_once_in_thirty_days_and_over_restarts) {
  Bench bench(policy_labels_row, site_text);
  const Flow flow{"192.168.1.2", "192.168.1.21", 50000, 3610, IpProtocol::udp, han};
  bench.fact(conversation(0, Moment::began, flow));
  EXPECT_TRUE(bench.alerts().empty()) << "it has not spoken";
  bench.fact(conversation(1, Moment::answered, flow));
  bench.fact(conversation(60, Moment::answered, flow));
  bench.fact(conversation(61, Moment::answered, to_battery(3610, IpProtocol::udp)));
  ASSERT_EQ(bench.alerts().size(), 1u);
  EXPECT_EQ(bench.alerts()[0].source, ip("192.168.1.21"));
  EXPECT_EQ(bench.alerts()[0].severity, Severity::low);
  Bench again(policy_labels_row, site_text);
  ASSERT_TRUE(again.load(bench.save())) << again.error();
  again.fact(conversation(86400, Moment::answered, flow));
  EXPECT_TRUE(again.alerts().empty());
  again.fact(conversation(86400 * 31, Moment::answered, flow));
  EXPECT_EQ(again.alerts().size(), 1u);
}

}  // namespace
}  // namespace tsujiban::detect
