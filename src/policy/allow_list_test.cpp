#include "policy/allow_list.h"

#include <gtest/gtest.h>

#include "policy/policy_test_site.h"

namespace tsujiban::policy {
namespace {

constexpr std::uint8_t tcp = 6, udp = 17, icmp = 1, icmpv6 = 58;
const SegmentKey home_12 = vlan(30, 112), home_13 = vlan(30, 113);

Conversation talk(SegmentKey link, std::string_view from, std::uint16_t from_port, std::string_view to,
                  std::uint16_t to_port, std::uint8_t protocol) {
  Conversation c;
  c.link = link;
  c.initiator = ip(from);
  c.responder = ip(to);
  c.initiator_port = from_port;
  c.responder_port = to_port;
  c.protocol = protocol;
  return c;
}

class AllowListTest : public testing::Test {
 protected:
  void use(std::string_view allow) {
    list_ = std::make_unique<AllowList>(inventory_of(site_text + std::string(allow)));
  }
  Verdict judge(const Conversation& c) const { return list_->judge(c); }
  Reason reason(const Conversation& c) const { return judge(c).reason; }
  std::string why(const Conversation& c) const {
    char text[160];
    return {text, list_->explain(judge(c), c, text, sizeof text)};
  }
  std::unique_ptr<AllowList> list_ = std::make_unique<AllowList>(inventory_of(site_text));
};

TEST_F(AllowListTest, what_no_asset_takes_part_in_is_not_judged) {
  const Verdict verdict = judge(talk(home_12, "192.168.1.99", 40000, "203.0.113.9", 443, tcp));
  EXPECT_FALSE(verdict.judged);
  EXPECT_TRUE(verdict.allowed);
}

TEST_F(AllowListTest, an_asset_may_talk_to_nobody_outside_without_an_entry) {
  const Conversation c = talk(home_12, "192.168.1.20", 40000, "203.0.113.9", 443, tcp);
  const Verdict verdict = judge(c);
  EXPECT_TRUE(verdict.judged);
  EXPECT_FALSE(verdict.allowed);
  EXPECT_FALSE(verdict.inbound_from_outside);
  EXPECT_EQ(verdict.reason, Reason::not_listed);
  EXPECT_EQ(verdict.interface, ErabInterface::R5);
  EXPECT_EQ(verdict.initiator_asset, 3u);
  EXPECT_EQ(why(c),
            "battery-12 (device) sent to 203.0.113.9:443/tcp; no allow entry of battery-12, role device or interface "
            "R5 names it");
}

TEST_F(AllowListTest, inbound_from_outside_is_told) {
  const Conversation c = talk(home_12, "203.0.113.9", 40000, "192.168.1.20", 3610, udp);
  EXPECT_TRUE(judge(c).inbound_from_outside);
  EXPECT_EQ(why(c),
            "203.0.113.9 sent to battery-12 (device) at 192.168.1.20:3610/udp; no allow entry of battery-12, role "
            "device or interface R5 names it");
  EXPECT_FALSE(judge(talk(home_12, "192.168.1.99", 40000, "192.168.1.20", 3610, udp)).inbound_from_outside);
  EXPECT_FALSE(judge(talk(home_12, "192.168.1.99", 40000, "192.168.1.20", 3610, udp)).allowed);
}

TEST_F(AllowListTest, assets_of_one_segment_are_neighbours) {
  EXPECT_EQ(reason(talk(home_12, "192.168.1.2", 3610, "192.168.1.20", 3610, udp)), Reason::neighbours);
  EXPECT_EQ(reason(talk(home_13, "192.168.1.20", 50000, "192.168.1.2", 80, tcp)), Reason::neighbours);
  // Not one segment: an aggregator and a coordinator need an entry.
  EXPECT_EQ(reason(talk(vlan(20), "10.20.0.10", 50000, "203.0.113.10", 443, tcp)), Reason::not_listed);
}

TEST_F(AllowListTest, an_entry_that_names_the_two_is_all_that_neighbours_may) {
  use("allow:\n  - {from: hems-12, to: role:device, ports: [udp/3610]}\n");
  EXPECT_EQ(reason(talk(home_12, "192.168.1.2", 3610, "192.168.1.20", 3610, udp)), Reason::listed);
  const Conversation web = talk(home_12, "192.168.1.2", 50000, "192.168.1.20", 80, tcp);
  EXPECT_EQ(reason(web), Reason::port_not_listed);
  EXPECT_EQ(why(web),
            "hems-12 (ems) sent to battery-12 (device) at 192.168.1.20:80/tcp; allow entry 1 (line 17) names the two, "
            "but not this port");
  const Conversation back = talk(home_12, "192.168.1.20", 50000, "192.168.1.2", 80, tcp);
  EXPECT_EQ(reason(back), Reason::direction_not_listed);
  EXPECT_EQ(why(back),
            "battery-12 (device) sent to hems-12 (ems) at 192.168.1.2:80/tcp; allow entry 1 (line 17) lets only the "
            "other begin");
  // The other home is not touched, nor are other pairs of this one.
  EXPECT_EQ(reason(talk(home_13, "192.168.1.2", 50000, "192.168.1.20", 80, tcp)), Reason::neighbours);
  EXPECT_EQ(reason(talk(home_12, "192.168.1.20", 50000, "192.168.1.1", 80, tcp)), Reason::neighbours);
}

TEST_F(AllowListTest, any_adds_and_never_narrows) {
  use("allow:\n  - {from: role:ems, to: any, ports: [tcp/443]}\n  - {from: role:ems, to: 0.0.0.0/0, ports: "
      "[tcp/8443]}\n");
  EXPECT_EQ(reason(talk(home_12, "192.168.1.2", 50000, "198.51.100.1", 443, tcp)), Reason::listed);
  EXPECT_EQ(reason(talk(home_12, "192.168.1.2", 50000, "198.51.100.1", 8443, tcp)), Reason::listed);
  EXPECT_EQ(reason(talk(home_12, "192.168.1.2", 50000, "192.168.1.20", 80, tcp)), Reason::neighbours);
  EXPECT_EQ(reason(talk(home_12, "198.51.100.1", 50000, "192.168.1.2", 443, tcp)), Reason::direction_not_listed);
  EXPECT_EQ(reason(talk(home_12, "192.168.1.20", 50000, "198.51.100.1", 443, tcp)), Reason::not_listed);
}

TEST_F(AllowListTest, prefixes_roles_and_segments_name_peers) {
  use("allow:\n"
      "  - {from: role:ems, to: [203.0.113.0/24, \"2001:db8:53::/64\"], ports: [tcp/443]}\n"
      "  - {from: \"segment:centre\", to: \"segment:fan\", direction: both}\n");
  EXPECT_EQ(judge(talk(home_12, "192.168.1.2", 50000, "203.0.113.77", 443, tcp)).entry, 1u);
  EXPECT_EQ(judge(talk(home_12, "192.168.1.2", 50000, "2001:db8:53::9", 443, tcp)).entry, 1u);
  EXPECT_EQ(reason(talk(home_12, "192.168.1.2", 50000, "203.0.114.77", 443, tcp)), Reason::not_listed);
  // The longer prefix is another segment, fan-north.
  EXPECT_EQ(reason(talk(vlan(20), "10.20.0.10", 50000, "2001:db8:a:1::1", 80, tcp)), Reason::not_listed);
  EXPECT_EQ(reason(talk(vlan(20), "10.20.0.10", 50000, "2001:db8:a:2::1", 80, tcp)), Reason::listed);
  EXPECT_EQ(reason(talk(vlan(20), "2001:db8:a:2::1", 50000, "10.20.0.10", 80, tcp)), Reason::listed);
}

TEST_F(AllowListTest, an_answer_seen_first_is_no_inbound_conversation) {
  use("allow:\n  - {from: role:ems, to: 203.0.113.0/24, ports: [tcp/443, udp/3610, udp/123]}\n");
  Conversation c = talk(home_12, "203.0.113.9", 443, "192.168.1.2", 50000, tcp);
  EXPECT_EQ(reason(c), Reason::direction_not_listed);
  c.direction_certain = false;
  EXPECT_EQ(reason(c), Reason::listed);
  // ECHONET Lite answers to 3610 whatever port asked; with another port the content tells.
  EXPECT_EQ(reason(talk(home_12, "203.0.113.9", 3610, "192.168.1.2", 3610, udp)), Reason::listed);
  c = talk(home_12, "203.0.113.9", 3610, "192.168.1.2", 50000, udp);
  c.app = AppProtocol::echonet_lite;
  EXPECT_EQ(reason(c), Reason::listed);
  // A source port alone is no pass: anybody can choose it.
  EXPECT_EQ(reason(talk(home_12, "203.0.113.9", 123, "192.168.1.2", 50000, udp)), Reason::direction_not_listed);
}

TEST_F(AllowListTest, a_protocol_is_judged_by_content_when_it_is_known) {
  use("allow:\n  - {from: role:ems, to: 203.0.113.0/24, ports: [udp/3610], protocols: [echonet_lite]}\n");
  Conversation c = talk(home_12, "192.168.1.2", 50000, "203.0.113.9", 3610, udp);
  c.app_settled = false;
  EXPECT_TRUE(judge(c).allowed);
  EXPECT_TRUE(judge(c).provisional);
  c.app_settled = true;
  EXPECT_EQ(reason(c), Reason::protocol_not_listed);
  EXPECT_EQ(
      why(c),
      "hems-12 (ems) sent to 203.0.113.9:3610/udp; allow entry 1 (line 17) names the two, but not an unknown protocol");
  c.app = AppProtocol::echonet_lite;
  EXPECT_TRUE(judge(c).allowed);
  EXPECT_FALSE(judge(c).provisional);
}

TEST_F(AllowListTest, what_every_host_on_a_link_does_is_housekeeping) {
  const auto quiet = [&](const Conversation& c) { return reason(c) == Reason::housekeeping && judge(c).allowed; };
  EXPECT_TRUE(quiet(talk(home_12, "192.168.1.2", 3610, "224.0.23.0", 3610, udp)));
  EXPECT_TRUE(quiet(talk(home_12, "192.168.1.2", 5353, "224.0.0.251", 5353, udp)));
  EXPECT_TRUE(quiet(talk(home_12, "fe80::2", 3610, "ff02::1", 3610, udp)));
  EXPECT_TRUE(quiet(talk(home_12, "192.168.1.2", 1900, "239.255.255.250", 1900, udp)));
  EXPECT_TRUE(quiet(talk(home_12, "192.168.1.2", 137, "192.168.1.255", 137, udp)));
  EXPECT_TRUE(quiet(talk(home_12, "192.168.1.2", 1, "255.255.255.255", 1, udp)));
  EXPECT_TRUE(quiet(talk(home_12, "192.168.1.2", 68, "192.168.1.254", 67, udp)));
  EXPECT_TRUE(quiet(talk(home_12, "2001:db8:12::1", 135, "2001:db8:12::20", 0, icmpv6)));
  EXPECT_TRUE(quiet(talk(home_12, "fe80::1", 134, "fe80::2", 0, icmpv6)));
  EXPECT_TRUE(quiet(talk(home_12, "2001:db8:12::1", 0, "2001:db8:12::20", 0, icmpv6)));
  EXPECT_FALSE(quiet(talk(home_12, "2001:db8:99::1", 0, "2001:db8:12::20", 0, icmpv6)));
  EXPECT_TRUE(quiet(talk(home_12, "198.51.100.1", 3, "192.168.1.2", 3, icmp)));
  // And these are not.
  EXPECT_FALSE(quiet(talk(home_12, "192.168.1.2", 1, "239.1.2.3", 1, udp)));
  EXPECT_FALSE(quiet(talk(home_12, "192.168.1.2", 1, "ff05::1", 1, udp)));
  EXPECT_FALSE(quiet(talk(home_12, "192.168.1.2", 68, "203.0.113.9", 67, udp)));
  EXPECT_FALSE(quiet(talk(home_12, "192.168.1.2", 8, "203.0.113.9", 0, icmp)));
  EXPECT_FALSE(quiet(talk(home_12, "198.51.100.1", 5, "192.168.1.2", 0, icmp)));
  EXPECT_FALSE(quiet(talk(home_12, "192.168.1.2", 50000, "192.168.1.254", 53, udp)));
  EXPECT_FALSE(quiet(talk(home_12, "fe80::77", 50000, "fe80::2", 22, tcp)));
}

TEST_F(AllowListTest, dns_to_a_router_that_is_no_asset_needs_an_entry) {
  const Conversation c = talk(home_13, "192.168.1.20", 50000, "192.168.1.1", 53, udp);
  EXPECT_EQ(reason(c), Reason::not_listed);
  use("allow:\n  - {from: \"segment:han-13\", to: 192.168.1.1, ports: [udp/53]}\n");
  EXPECT_EQ(reason(c), Reason::listed);
}

TEST_F(AllowListTest, icmp_is_allowed_by_an_entry_without_ports_only) {
  const Conversation c = talk(home_12, "192.168.1.2", 8, "203.0.113.9", 0, icmp);
  use("allow:\n  - {from: role:ems, to: 203.0.113.0/24, ports: [tcp/1-65535, udp/1-65535]}\n");
  EXPECT_EQ(reason(c), Reason::port_not_listed);
  use("allow:\n  - {from: role:ems, to: 203.0.113.0/24}\n");
  EXPECT_EQ(reason(c), Reason::listed);
}

TEST_F(AllowListTest, an_explanation_is_cut_between_characters_and_always_ended) {
  const Conversation c = talk(home_12, "192.168.1.20", 40000, "2001:db8::9", 443, tcp);
  const std::string whole = why(c);
  EXPECT_EQ(whole.substr(0, 50), "battery-12 (device) sent to [2001:db8::9]:443/tcp;");
  for (std::size_t max = 1; max <= whole.size() + 1; ++max) {
    std::vector<char> text(max, 'x');
    const std::size_t length = list_->explain(judge(c), c, text.data(), max);
    ASSERT_EQ(length, max - 1);
    ASSERT_EQ(text[length], '\0');
    ASSERT_EQ(std::string(text.data(), length), whole.substr(0, length));
  }
}

// Monday 2026-11-16, 12:00 in Japan.
constexpr PacketTime noon{1'794'798'000'000'000'000};
constexpr std::int64_t hour_ns = 3'600'000'000'000;

TEST_F(AllowListTest, an_entry_may_have_hours_and_the_verdict_says_until_when_it_holds) {
  const std::string in_japan = "site: {name: test, timezone: Asia/Tokyo}\n";
  list_ = std::make_unique<AllowList>(inventory_of(
      in_japan + site_text +
      "allow:\n  - {from: hems-12, to: 203.0.113.9, when: [{days: [mon], from: \"11:00\", to: \"13:00\"}]}\n"));
  Conversation c = talk(home_12, "192.168.1.2", 50000, "203.0.113.9", 443, tcp);
  c.time = noon;
  EXPECT_EQ(reason(c), Reason::listed);
  EXPECT_EQ(judge(c).valid_until.ns, noon.ns + hour_ns);
  c.time.ns += hour_ns;
  EXPECT_EQ(reason(c), Reason::outside_hours);
  EXPECT_EQ(judge(c).entry, 1u);
  EXPECT_EQ(judge(c).valid_until.ns, noon.ns + 23 * hour_ns);
  EXPECT_EQ(why(c),
            "hems-12 (ems) sent to 203.0.113.9:443/tcp; allow entry 1 (line 18) names the two, but not at this time");
  // Hours do not matter where nothing else fits.
  c.responder = ip("203.0.113.10");
  EXPECT_EQ(judge(c).valid_until.ns, std::numeric_limits<std::int64_t>::max());
}

TEST_F(AllowListTest, an_entry_that_has_expired_still_names_the_two) {
  use("allow:\n  - {from: hems-12, to: battery-12, expires: 2026-11-16}\n");
  Conversation c = talk(home_12, "192.168.1.2", 50000, "192.168.1.20", 443, tcp);
  c.time = noon;
  EXPECT_EQ(reason(c), Reason::listed);
  EXPECT_EQ(judge(c).valid_until.ns, noon.ns + 21 * hour_ns);  // Midnight UTC.
  c.time = judge(c).valid_until;
  // They are not neighbours again: somebody has named the two and has let that run out.
  EXPECT_EQ(reason(c), Reason::expired);
  EXPECT_FALSE(judge(c).allowed);
  EXPECT_EQ(judge(c).valid_until.ns, std::numeric_limits<std::int64_t>::max());
  EXPECT_EQ(why(c),
            "hems-12 (ems) sent to battery-12 (device) at 192.168.1.20:443/tcp; allow entry 1 (line 17) names the two, "
            "but has expired");
}

TEST_F(AllowListTest, a_protocol_that_is_still_open_is_judged_with_the_hours) {
  use("allow:\n  - {from: hems-12, to: 203.0.113.9, protocols: [echonet_lite], "
      "when: [{days: [mon], from: \"03:00\", to: \"04:00\"}]}\n");
  Conversation c = talk(home_12, "192.168.1.2", 50000, "203.0.113.9", 443, tcp);
  c.time = noon;  // 03:00 UTC.
  c.app_settled = false;
  EXPECT_TRUE(judge(c).provisional);
  c.time.ns += hour_ns;
  EXPECT_EQ(reason(c), Reason::outside_hours);
  EXPECT_FALSE(judge(c).provisional);
}

TEST(AllowListReason, each_has_a_name) {
  EXPECT_EQ(name_of(Reason::not_judged), "not_judged");
  EXPECT_EQ(name_of(Reason::protocol_not_listed), "protocol_not_listed");
  EXPECT_EQ(name_of(Reason::expired), "expired");
  EXPECT_EQ(name_of(Reason::outside_hours), "outside_hours");
}

}  // namespace
}  // namespace tsujiban::policy
