#include "learn/learner.h"

#include <gtest/gtest.h>

#include "learn/learn_test_support.h"

namespace tsujiban::learn {
namespace {

constexpr std::uint8_t tcp = 6, udp = 17;

const Pair& only_pair(const Learner& learner) {
  EXPECT_EQ(learner.memory().pairs.size(), 1u);
  return learner.memory().pairs.value(learner.memory().pairs.first());
}

TEST(Learner, counts_flows_once_and_packets_as_they_grow) {
  Story story;
  story.talk("192.168.1.2", "192.168.1.20", udp, 3610, 3).talk("192.168.1.2", "192.168.1.20", udp, 3610);
  const Pair& pair = only_pair(story.learner);
  EXPECT_EQ(pair.flows, 2u);
  EXPECT_EQ(pair.packets, 8u + 2u);
  EXPECT_EQ(pair.bytes, 800u + 200u);
  EXPECT_TRUE(pair.answered);
}

TEST(Learner, news_told_more_often_changes_nothing) {
  Story once, thrice;
  thrice.repeats = 3;
  tell_home(once, 24);
  tell_home(thrice, 24);
  // Writes come each; here they were told three times, so only the part before them is compared.
  const std::string a = once.draft().yaml, b = thrice.draft().yaml;
  EXPECT_EQ(a.substr(0, a.find("# Writers")), b.substr(0, b.find("# Writers")));
}

TEST(Learner, a_flow_picked_up_in_its_middle_is_turned_to_its_service) {
  Story story;
  story.talk("192.168.1.20", "192.168.2.7", tcp, 50'123, 0, true, nullptr, false, AppProtocol::unknown, 443);
  const PairKey& key = story.learner.memory().pairs.key(story.learner.memory().pairs.first());
  EXPECT_EQ(key.from, ip("192.168.2.7"));
  EXPECT_EQ(key.port, 443);
}

TEST(Learner, a_host_that_never_speaks_is_none) {
  Story story;
  story.talk("192.168.1.20", "192.168.1.99", tcp, 80, 0, false);
  EXPECT_EQ(story.learner.memory().hosts.size(), 1u);
}

TEST(Learner, public_addresses_are_hosts_only_with_a_claim) {
  Story story;
  story.talk("192.168.1.2", "203.0.113.5", tcp, 443);
  EXPECT_EQ(story.learner.memory().hosts.size(), 1u);
  story.claim("203.0.113.5", "00:11:22:33:44:55");
  EXPECT_EQ(story.learner.memory().hosts.size(), 2u);
}

TEST(Learner, one_link_cannot_take_the_place_of_the_others) {
  LearnerLimits limits;
  limits.hosts_max = 8, limits.hosts_per_segment_max = 4;
  Story story({}, limits);
  for (int i = 0; i < 100; ++i) story.claim(("10.0.0." + std::to_string(i + 1)).c_str(), "00:11:22:33:44:55");
  EXPECT_EQ(story.learner.memory().hosts.size(), 4u);
  EXPECT_TRUE(story.learner.memory().left_out.hosts);
  story.segment = vlan(30);
  story.claim("10.0.0.1", "00:11:22:33:44:56");
  EXPECT_EQ(story.learner.memory().hosts.size(), 5u);
}

TEST(Learner, who_came_first_stays_when_a_table_is_full) {
  LearnerLimits limits;
  limits.pairs_max = 4;
  Story story({}, limits);
  for (int i = 0; i < 50; ++i) story.talk("192.168.1.2", ("203.0.113." + std::to_string(i + 1)).c_str(), tcp, 443);
  EXPECT_EQ(story.learner.memory().pairs.size(), 4u);
  EXPECT_EQ(story.learner.memory().left_out.flows, 46u);
  EXPECT_EQ(story.learner.memory().pairs.evictions(), 0u);
  EXPECT_NE(story.draft().yaml.find("46 flows of later peers"), std::string::npos);
}

TEST(Learner, a_flow_that_lost_its_place_is_not_counted_anew) {
  LearnerLimits limits;
  limits.flows_max = 1;
  Story story({}, limits);
  Fact fact = story.base(FactKind::conversation, "192.168.1.2", "192.168.1.20");
  fact.ip_protocol = udp, fact.destination_port = 3610, fact.flow_id = 1;
  fact.conversation = {};
  fact.conversation.direction_certain = fact.conversation.from_source = true;
  fact.conversation.packets = 1;
  story.tell(fact);
  fact.flow_id = 2;
  story.tell(fact);
  fact.flow_id = 1;
  fact.conversation.moment = ConversationSeen::Moment::goes_on;
  fact.conversation.packets = 100;
  story.tell(fact);
  fact.conversation.packets = 150;
  story.tell(fact);
  const Pair& pair = only_pair(story.learner);
  EXPECT_EQ(pair.flows, 2u);
  EXPECT_EQ(pair.packets, 1u + 1u + 50u);
}

TEST(Learner, wants_no_fact_that_it_does_not_use) {
  const std::uint32_t wanted = Learner({}).facts_wanted();
  EXPECT_NE(wanted & 1u << static_cast<unsigned>(FactKind::conversation), 0u);
  EXPECT_EQ(wanted & 1u << static_cast<unsigned>(FactKind::malformed), 0u);
  EXPECT_EQ(wanted & 1u << static_cast<unsigned>(FactKind::response), 0u);
}

}  // namespace
}  // namespace tsujiban::learn
