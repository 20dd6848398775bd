// What a worker tells the site's detectors of conversations and of claims to addresses.
#include <gtest/gtest.h>

#include "pipeline/pipeline_test_support.h"

namespace tsujiban::pipeline {
namespace {

using Moment = ConversationSeen::Moment;
constexpr End controller{0xc0a80102, 40000}, meter{0xc0a80114, 3610}, web{0xcb007109, 80};
constexpr std::uint8_t syn = tcp_flag::syn, ack = tcp_flag::ack;

Bench bench_of(FactKind kind, std::uint32_t more = 0) {
  return Bench({}, EventTypes(), 1, 0, 1u << static_cast<unsigned>(kind) | more);
}

std::vector<Moment> moments(const Bench& bench) {
  std::vector<Moment> all;
  for (const Fact& fact : bench.facts) {
    if (fact.kind == FactKind::conversation || fact.kind == FactKind::activity) all.push_back(fact.conversation.moment);
  }
  return all;
}

TEST(WorkerFacts, a_conversation_begins_is_answered_and_goes_on_every_second_minute) {
  Bench bench = bench_of(FactKind::conversation, 1u << static_cast<unsigned>(FactKind::activity));
  bench.packet(udp_frame(controller, meter, echonet_get(1)), 60);
  bench.packet(udp_frame(meter, controller, echonet_get_res(1)), 60.1);
  bench.packet(udp_frame(controller, meter, echonet_get(2)), 61);
  for (int t = 121; t < 320; t += 10) bench.packet(udp_frame(controller, meter, echonet_get(3)), t);
  bench.finish();
  EXPECT_EQ(moments(bench), (std::vector{Moment::began, Moment::answered, Moment::goes_on, Moment::goes_on}));
  EXPECT_TRUE(bench.facts.front().conversation.identified) << "by its first datagram";
  EXPECT_EQ(bench.facts.front().protocol, AppProtocol::echonet_lite);
  for (const Fact& fact : bench.facts) {
    EXPECT_EQ(fact.source.as_v4(), controller.address);
    EXPECT_EQ(fact.destination_port, 3610);
    EXPECT_NE(fact.flow_id, 0u);
    EXPECT_TRUE(fact.has_input);
  }
  EXPECT_FALSE(bench.facts.front().conversation.established);
  const ConversationSeen& last = bench.facts.back().conversation;
  EXPECT_TRUE(last.established);
  EXPECT_TRUE(last.from_source);
  EXPECT_FALSE(last.from_destination);  // It was silent since its answer was told.
  EXPECT_EQ(last.packets, 22u);
}

TEST(WorkerFacts, each_256_packets_of_one_direction_are_told_with_who_sent_them) {
  Bench bench = bench_of(FactKind::burst);
  for (int i = 0; i < 511; ++i) bench.packet(udp_frame(controller, meter, echonet_get(1)), 60 + i * 0.001);
  for (int i = 0; i < 256; ++i) bench.packet(udp_frame(meter, controller, echonet_get_res(1)), 61 + i * 0.001);
  bench.packet(udp_frame(controller, meter, echonet_get(1)), 62);
  bench.finish();
  ASSERT_EQ(bench.facts.size(), 3u);
  const auto told = [&](std::size_t i) { return bench.facts[i].conversation; };
  for (std::size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(told(i).moment, Moment::goes_on);
    EXPECT_EQ(bench.facts[i].source.as_v4(), controller.address);
    EXPECT_EQ(told(i).from_source, i != 1);
    EXPECT_EQ(told(i).from_destination, i == 1);
  }
  EXPECT_EQ(told(0).packets, 256u);
  EXPECT_EQ(told(0).packets_back, 0u);
  EXPECT_EQ(told(1).packets, 767u);
  EXPECT_EQ(told(1).packets_back, 256u);
  EXPECT_EQ(told(2).packets, 768u);
}

TEST(WorkerFacts, a_burst_does_not_hide_who_was_silent_since_the_last_minutes) {
  Bench bench = bench_of(FactKind::activity, 1u << static_cast<unsigned>(FactKind::burst));
  bench.packet(udp_frame(controller, meter, echonet_get(1)), 60);
  bench.packet(udp_frame(meter, controller, echonet_get_res(1)), 60.1);
  for (int i = 0; i < 300; ++i) bench.packet(udp_frame(controller, meter, echonet_get(1)), 61 + i);
  bench.finish();
  std::vector<bool> answered;
  for (const Fact& fact : bench.facts) answered.push_back(fact.conversation.from_destination);
  // Its answer is told where the flow goes on for the first time, and in no burst.
  ASSERT_EQ(bench.facts.size(), 3u);
  EXPECT_EQ(answered, (std::vector<bool>{true, false, false}));
}

TEST(WorkerFacts, the_frame_address_is_that_of_who_began_also_in_an_answer) {
  Bench bench = bench_of(FactKind::conversation);
  const Frame question = udp_frame(controller, meter, "x"), answer = udp_frame(meter, controller, "y");
  bench.packet(question, 1);
  bench.packet(answer, 1.1);
  bench.finish();
  ASSERT_EQ(bench.facts.size(), 2u);
  EXPECT_EQ(bench.facts[0].source_mac, MacAddress::load(question.data() + 6));
  EXPECT_EQ(bench.facts[1].source_mac, MacAddress::load(answer.data()));
}

TEST(WorkerFacts, an_answering_segment_that_comes_first_still_tells_who_asked) {
  Bench bench = bench_of(FactKind::conversation);
  bench.packet(tcp_frame(web, controller, 1, 1, syn | ack, ""), 1);
  bench.finish();
  ASSERT_FALSE(bench.facts.empty());
  EXPECT_EQ(bench.facts[0].source.as_v4(), controller.address);
}

TEST(WorkerFacts, nobody_asks_and_nothing_is_told) {
  Bench bench;
  bench.packet(udp_frame(controller, meter, echonet_get(1)), 1);
  bench.packet(arp_frame(1, 2), 2);
  bench.finish();
  for (const Fact& fact : bench.facts) EXPECT_EQ(fact.kind, FactKind::request);
}

TEST(WorkerFacts, an_arp_claim_is_told_once_in_the_news_time_and_a_probe_never) {
  Bench bench = bench_of(FactKind::claim);
  for (const double t : {1.0, 2.0, 20.0, 32.0}) bench.packet(arp_frame(0xc0a80101, 0xc0a80102), t);
  bench.packet(arp_frame(0, 0xc0a80102), 33);
  bench.finish();
  ASSERT_EQ(bench.facts.size(), 2u);
  EXPECT_EQ(bench.facts[0].source.as_v4(), 0xc0a80101u);
  EXPECT_NE(bench.facts[0].claim.mac.value, 0u);
}

TEST(WorkerFacts, a_neighbour_advertisement_claims_its_target_and_not_its_sender) {
  Bench bench = bench_of(FactKind::claim);
  std::string body("\xa0\0\0\0", 4);
  body += std::string("\xfe\x80\0\0\0\0\0\0\0\0\0\0\0\0\0\x77", 16);
  body += std::string("\2\1\2\0\0\0\0\x55", 8);
  bench.packet(icmpv6_frame(136, body), 1);
  bench.packet(icmpv6_frame(136, body, 64), 2);  // It came through a router: RFC 4861, 7.1.2.
  bench.finish();
  ASSERT_EQ(bench.facts.size(), 1u);
  EXPECT_EQ(bench.facts[0].source.low, 0x77u);
  EXPECT_EQ(bench.facts[0].claim.mac.value, 0x020000000055u);
  EXPECT_TRUE(bench.facts[0].claim.router);
  EXPECT_TRUE(bench.facts[0].claim.overrides);
}

TEST(WorkerFacts, a_router_advertisement_is_told_with_its_prefix) {
  Bench bench = bench_of(FactKind::router_advertisement);
  std::string body("\x40\x80\x07\x08\0\0\0\0\0\0\0\0", 12);
  body += std::string("\1\1\2\0\0\0\0\x55", 8);
  body +=
      std::string("\3\4\x40\xc0", 4) + std::string(12, '\0') + std::string("\x20\1\x0d\xb8", 4) + std::string(12, '\0');
  bench.packet(icmpv6_frame(134, body), 1);
  bench.finish();
  ASSERT_EQ(bench.facts.size(), 1u);
  const RouterAdvertisement& told = bench.facts[0].router_advertisement;
  EXPECT_EQ(told.mac.value, 0x020000000055u);
  EXPECT_EQ(told.lifetime_s, 1800);
  EXPECT_TRUE(told.managed);
  ASSERT_TRUE(told.has_prefix);
  EXPECT_EQ(told.prefix.length, 64);
}

}  // namespace
}  // namespace tsujiban::pipeline
