#include "learn/draft.h"

#include <gtest/gtest.h>

#include "learn/learn_test_support.h"
#include "policy/allow_list.h"

namespace tsujiban::learn {
namespace {

constexpr std::uint8_t icmp = 1, tcp = 6, udp = 17;

std::shared_ptr<const config::Config> accepted(const Draft& draft) {
  std::vector<config::Fault> faults;
  auto config = config::load_text("draft.yaml", draft.yaml, faults);
  for (const config::Fault& fault : faults) ADD_FAILURE() << config::to_string(fault);
  EXPECT_NE(config, nullptr) << draft.yaml;
  EXPECT_EQ(draft.yaml.find("could not be checked"), std::string::npos);
  return config;
}
bool has(const Draft& draft, std::string_view text) { return draft.yaml.find(text) != std::string::npos; }
// The draft's line with this text, empty where there is none.
std::string line(const Draft& draft, std::string_view text) {
  const std::size_t at = draft.yaml.find(text);
  if (at == std::string::npos) return {};
  const std::size_t begin = draft.yaml.rfind('\n', at) + 1;
  return draft.yaml.substr(begin, draft.yaml.find('\n', at) - begin);
}
policy::Verdict judged(const Draft& draft, SegmentKey link, const char* from, const char* to, std::uint8_t protocol,
                       std::uint16_t port) {
  const policy::AllowList list(std::make_shared<policy::Inventory>(accepted(draft)));
  policy::Conversation c;
  c.link = link, c.initiator = ip(from), c.responder = ip(to);
  c.initiator_port = 50'000, c.responder_port = port, c.protocol = protocol;
  return list.judge(c);
}

TEST(Draft, of_nothing_is_accepted) {
  const Draft draft = Story().draft();
  accepted(draft);
  EXPECT_FALSE(draft.summary.empty());
}

TEST(Draft, of_a_home_has_its_hosts_with_roles) {
  Story story;
  story.segment = vlan(30);
  tell_home(story, 24);
  const Draft draft = story.draft();
  const auto config = accepted(draft);
  ASSERT_NE(config, nullptr);
  ASSERT_EQ(config->segments.size(), 1u);
  EXPECT_EQ(config->segments[0].name, "vlan-30");
  EXPECT_EQ(config->segments[0].interface, ErabInterface::R5);
  ASSERT_EQ(config->assets.size(), 4u) << draft.yaml;
  const auto& assets = config->assets;
  EXPECT_EQ(assets[0].name, "router-vlan30-1");
  EXPECT_EQ(assets[0].role, Role::router);
  EXPECT_EQ(assets[1].name, "ems-vlan30-2");
  EXPECT_EQ(assets[1].role, Role::ems);
  EXPECT_EQ(assets[1].addresses.size(), 2u);
  EXPECT_EQ(assets[2].name, "battery-vlan30-20");
  EXPECT_EQ(assets[2].object, 0x027d01u);
  ASSERT_EQ(assets[2].ports.size(), 1u);
  EXPECT_EQ(assets[2].ports[0].first, 3610);
  EXPECT_EQ(assets[3].role, Role::meter);
  EXPECT_EQ(config->timezone, "Asia/Tokyo");
  EXPECT_TRUE(has(draft, "2026-04-06 09:00")) << draft.yaml;
  EXPECT_TRUE(has(draft, "an ems may write within its own segment"));
  EXPECT_FALSE(has(draft, "# control:"));
}

TEST(Draft, allows_what_was_seen_and_nothing_beside) {
  Story story;
  story.segment = vlan(30);
  tell_home(story, 24);
  const Draft draft = story.draft();
  EXPECT_TRUE(judged(draft, vlan(30), "192.168.1.2", "203.0.113.10", tcp, 443).allowed);
  EXPECT_TRUE(judged(draft, vlan(30), "192.168.1.20", "192.0.2.123", udp, 123).allowed);
  EXPECT_TRUE(judged(draft, vlan(30), "192.168.1.1", "198.51.100.53", udp, 53).allowed);
  EXPECT_TRUE(judged(draft, vlan(30), "192.168.1.2", "192.168.1.20", udp, 3610).allowed);
  EXPECT_FALSE(judged(draft, vlan(30), "192.168.1.2", "203.0.113.10", tcp, 80).allowed);
  EXPECT_FALSE(judged(draft, vlan(30), "192.168.1.20", "203.0.113.10", tcp, 443).allowed);
  EXPECT_FALSE(judged(draft, vlan(31), "192.168.1.2", "203.0.113.10", tcp, 443).judged);
}

TEST(Draft, does_not_depend_on_the_seed) {
  Story a({1, 2}), b({3, 4});
  tell_home(a, 2);
  tell_home(b, 2);
  EXPECT_EQ(a.draft().yaml, b.draft().yaml);
  EXPECT_EQ(a.draft().summary, b.draft().summary);
}

TEST(Draft, a_write_from_outside_is_told_and_not_accepted) {
  Story story;
  tell_home(story, 24);
  story.talk("203.0.113.66", "192.168.1.20", udp, 3610, 0, true, nullptr, true, AppProtocol::echonet_lite);
  story.write("203.0.113.66", "192.168.1.20", 0x027d01);
  const Draft draft = story.draft();
  accepted(draft);
  EXPECT_TRUE(has(draft, "# REVIEW, not in force: a write from outside"));
  EXPECT_TRUE(line(draft, "{from: 203.0.113.66, to: battery-lan-20, protocols").starts_with("  # - "));
  EXPECT_FALSE(judged(draft, {}, "203.0.113.66", "192.168.1.20", udp, 3610).allowed);
}

TEST(Draft, a_write_by_a_device_is_told_and_not_accepted) {
  Story story;
  tell_home(story, 24);
  story.write("192.168.1.20", "192.168.1.30", 0x028801);
  const Draft draft = story.draft();
  accepted(draft);
  EXPECT_TRUE(has(draft, "# REVIEW, not in force: a write by a device")) << draft.yaml;
}

TEST(Draft, writes_that_are_all_refused_are_marked) {
  Story story;
  tell_home(story, 24);
  story.write("192.168.1.2", "192.168.1.30", 0x028801, true);
  EXPECT_TRUE(has(story.draft(), "every write was refused"));
}

TEST(Draft, a_second_controller_that_writes_is_not_in_force) {
  Story story;
  tell_home(story, 12);
  story.claim("192.168.1.66", "00:11:22:00:00:66").object("192.168.1.66", 0x05ff01, ObjectSeen::How::asks);
  story.talk("192.168.1.66", "192.168.1.20", udp, 3610, 20, true, nullptr, false, AppProtocol::echonet_lite);
  story.write("192.168.1.66", "192.168.1.20", 0x027d01);
  tell_home(story, 2);
  const Draft draft = story.draft();
  accepted(draft);
  EXPECT_TRUE(line(draft, "{name: ems-lan-66").starts_with("  # - ")) << draft.yaml;
  EXPECT_TRUE(line(draft, "{name: ems-lan-2,").starts_with("  - "));
  EXPECT_TRUE(has(draft, "the writer itself is not in force"));
}

TEST(Draft, an_address_with_two_macs_is_not_in_force) {
  Story story;
  tell_home(story, 24);
  story.claim("192.168.1.20", "00:66:66:66:66:66");
  const Draft draft = story.draft();
  accepted(draft);
  EXPECT_TRUE(has(draft, "192.168.1.20 was claimed by two MACs: 00:11:22:00:00:20 and 00:66:66:66:66:66"));
  EXPECT_TRUE(line(draft, "{name: battery-lan-20").starts_with("  # - "));
}

TEST(Draft, a_host_seen_briefly_is_not_in_force_and_its_peers_neither) {
  Story story;
  tell_home(story, 12);
  story.talk("192.168.1.77", "192.168.1.20", tcp, 80, 2, true, "06:00:00:00:00:77");
  tell_home(story, 1);
  const Draft draft = story.draft();
  accepted(draft);
  EXPECT_TRUE(has(draft, "# REVIEW, not in force: seen for 120 s only") ||
              has(draft, "# REVIEW, not in force: seen for 2 min only"))
      << draft.yaml;
  EXPECT_TRUE(has(draft, "locally administered MAC"));
  EXPECT_TRUE(line(draft, "from: host-lan-77").starts_with("  # - ")) << draft.yaml;
  EXPECT_FALSE(judged(draft, {}, "192.168.1.77", "192.168.1.20", tcp, 80).allowed);
}

TEST(Draft, a_short_capture_says_so_and_leaves_nobody_out_for_brevity) {
  Story story;
  story.talk("192.168.1.2", "192.168.1.20", udp, 3610, 2, true, "00:11:22:00:00:02");
  const Draft draft = story.draft();
  const auto config = accepted(draft);
  ASSERT_NE(config, nullptr);
  EXPECT_EQ(config->assets.size(), 2u);
  EXPECT_TRUE(has(draft, "show no habits of days and weeks"));
}

TEST(Draft, inbound_from_outside_is_not_accepted) {
  Story story;
  tell_home(story, 24);
  story.talk("203.0.113.99", "192.168.1.1", tcp, 8080);
  const Draft draft = story.draft();
  EXPECT_TRUE(has(draft, "# REVIEW, not in force: a peer outside begins"));
  EXPECT_FALSE(judged(draft, {}, "203.0.113.99", "192.168.1.1", tcp, 8080).allowed);
}

TEST(Draft, protocols_without_ports_are_not_accepted_for_they_would_open_all) {
  Story story;
  tell_home(story, 24);
  story.talk("192.168.1.2", "203.0.113.1", icmp, 0, 0, true, nullptr, true, AppProtocol::unknown, 8);
  const Draft draft = story.draft();
  EXPECT_TRUE(has(draft, "the entry would allow all ports"));
  EXPECT_FALSE(judged(draft, {}, "192.168.1.2", "203.0.113.1", tcp, 22).allowed);
}

TEST(Draft, hosts_behind_a_router_do_not_get_its_mac) {
  Story story;
  story.talk("192.168.2.5", "192.168.1.20", tcp, 80, 0, true, "00:aa:00:00:00:01");
  story.talk("192.168.2.6", "192.168.1.20", tcp, 80, 0, true, "00:aa:00:00:00:01");
  story.talk("203.0.113.5", "192.168.1.20", tcp, 80, 0, true, "00:aa:00:00:00:01");
  const Draft draft = story.draft();
  accepted(draft);
  EXPECT_FALSE(has(draft, "mac: \"00:aa:00:00:00:01\"")) << draft.yaml;
}

TEST(Draft, every_shape_of_link_is_accepted) {
  Story story;
  story.talk("10.1.2.3", "10.1.2.4", tcp, 502);
  SegmentKey stack = vlan(30);
  stack.push_vlan(112);
  for (const SegmentKey key :
       {vlan(4094), stack, SegmentKey::vni(7), SegmentKey::pan(0x1a2b), vlan(4095), SegmentKey::pan(0xffff)}) {
    story.segment = key;
    story.talk("192.168.1.2", "192.168.1.20", udp, 3610);
    story.talk("fe80::2", "fe80::20", udp, 3610).talk("fd00:1::2", "fd00:1::20", udp, 3610);
  }
  story.segment = SegmentKey::pan(7);
  story.talk("fe80::2", "fe80::20", udp, 3610);
  const Draft draft = story.draft();
  const auto config = accepted(draft);
  ASSERT_NE(config, nullptr);
  EXPECT_EQ(config->segments.size(), 6u) << draft.yaml;
  EXPECT_TRUE(has(draft, "{name: vlan-30.112, prefix: [192.168.1.0/24, \"fd00:1::/64\"], vlan: [30, 112]"));
  EXPECT_TRUE(has(draft, "pan: \"0x1a2b\""));
  EXPECT_TRUE(has(draft, "is not one that can be configured"));
}

TEST(Draft, several_prefixes_of_a_link_are_segments_of_their_own_and_cross_by_entry) {
  Story story;
  story.talk("10.1.1.5", "10.1.2.5", tcp, 102).talk("10.1.2.5", "10.1.2.6", tcp, 80);
  const Draft draft = story.draft();
  const auto config = accepted(draft);
  ASSERT_NE(config, nullptr);
  EXPECT_EQ(config->segments.size(), 2u);
  EXPECT_TRUE(judged(draft, {}, "10.1.1.5", "10.1.2.5", tcp, 102).allowed);
  EXPECT_FALSE(judged(draft, {}, "10.1.1.5", "10.1.2.6", tcp, 102).allowed);
}

TEST(Draft, peers_of_one_network_become_its_prefix_and_all_of_a_role_the_role) {
  Story story;
  for (const char* const host : {"192.168.1.21", "192.168.1.22", "192.168.1.23"}) {
    story.object(host, 0x013001);
    for (int i = 1; i < 7; ++i) story.talk(host, ("203.0.113." + std::to_string(i)).c_str(), tcp, 443);
  }
  const Draft draft = story.draft();
  accepted(draft);
  EXPECT_TRUE(has(draft, "{from: role:device, to: 203.0.113.0/24, ports: tcp/443, reason: \"learned: 18 flows"))
      << draft.yaml;
}

TEST(Draft, text_of_the_network_cannot_leave_its_comment) {
  Story story;
  story.talk("192.168.1.20", "192.168.1.2", udp, 3610);
  Fact fact = story.base(FactKind::reading, "192.168.1.20", "192.168.1.2");
  fact.protocol = AppProtocol::echonet_lite;
  fact.reading = {};
  fact.reading.point = 0x83;
  const std::string_view text = "a\nassets: []\n\"}\xff\x00#";
  std::copy(text.begin(), text.end(), fact.reading.text.begin());
  story.tell(fact);
  const Draft draft = story.learner.draft({"na\nme: \"x", "../etc\n", "file\n- x\x1b"});
  const auto config = accepted(draft);
  ASSERT_NE(config, nullptr);
  EXPECT_TRUE(has(draft, "identity begins a?assets; "));
  EXPECT_EQ(config->timezone, "UTC");
  EXPECT_EQ(config->site_name, "na-me---x");
}

TEST(Draft, a_scan_is_named_and_left_out) {
  Story story;
  tell_home(story, 12);
  story.talk("192.168.1.88", "192.168.1.20", tcp, 80, 20, true, "00:11:22:00:00:88");
  for (int i = 0; i < 600; ++i)
    story.talk("192.168.1.88", ("10.0." + std::to_string(i / 250) + '.' + std::to_string(i % 250 + 1)).c_str(), tcp, 22,
               0, false, "00:11:22:00:00:88");
  const Draft draft = story.draft();
  accepted(draft);
  EXPECT_TRUE(has(draft, "a scan?"));
  EXPECT_TRUE(line(draft, "{name: host-lan-88").starts_with("  # - "));
}

TEST(Draft, made_up_addresses_do_not_push_out_who_lives_there) {
  Story story;
  story.segment = vlan(9);
  tell_home(story, 2);
  for (int i = 0; i < 3000; ++i) {
    const std::string from =
        "10." + std::to_string(i % 200) + '.' + std::to_string(i % 250) + '.' + std::to_string(i % 99);
    story.talk(from.c_str(), "192.168.1.20", tcp, 22, 0, false);
  }
  const Draft draft = story.draft();
  const auto config = accepted(draft);
  ASSERT_NE(config, nullptr);
  EXPECT_TRUE(line(draft, "{name: battery-vlan9-").starts_with("  - ")) << draft.yaml.substr(0, 2000);
  EXPECT_TRUE(has(draft, "with the most packets are here"));
  EXPECT_FALSE(judged(draft, vlan(9), "10.1.1.1", "192.168.1.20", tcp, 22).allowed);
}

TEST(Draft, a_home_that_differs_stands_alone_and_parts_the_others) {
  Story story;
  for (std::uint16_t id = 100; id < 108; ++id) {
    story.segment = vlan(id);
    tell_home(story, 1);
    if (id == 103) story.object("192.168.1.40", 0x013001).talk("192.168.1.40", "192.168.1.2", udp, 3610, 20);
  }
  const Draft draft = story.draft();
  const auto config = accepted(draft);
  ASSERT_NE(config, nullptr);
  EXPECT_EQ(config->segments.size(), 8u);
  EXPECT_EQ(config->assets.size(), 33u);
  EXPECT_TRUE(has(draft, "- {template: home-1, vlan: 100-102, name: \"vlan-{vlan}\", prefix"));
  EXPECT_TRUE(has(draft, "- {template: home-1, vlan: 104-107, name: \"vlan-{vlan}\"}"));
  EXPECT_TRUE(has(draft, "{name: aircon-vlan103-40")) << draft.yaml;
}

TEST(Draft, of_many_homes_is_accepted_and_keeps_them_apart) {
  Story story;
  for (std::uint16_t id = 100; id < 160; ++id) {
    story.segment = vlan(id);
    tell_home(story, 1);
  }
  const Draft draft = story.draft();
  const auto config = accepted(draft);
  ASSERT_NE(config, nullptr);
  EXPECT_EQ(config->segments.size(), 60u);
  EXPECT_EQ(config->assets.size(), 240u);
  EXPECT_TRUE(has(draft, "- {template: home-1, vlan: 100-159, name: \"vlan-{vlan}\", prefix: 192.168.1.0/24"))
      << draft.yaml;
  EXPECT_TRUE(has(draft, "\"battery-vlan{vlan}-20\""));
  EXPECT_TRUE(judged(draft, vlan(130), "192.168.1.2", "203.0.113.10", tcp, 443).allowed);
  EXPECT_FALSE(judged(draft, vlan(130), "192.168.1.2", "203.0.113.10", tcp, 80).allowed);
}

}  // namespace
}  // namespace tsujiban::learn
