// Allow entries that name their peers by domain, and what a client knows of names.
#include "policy/name_memory.h"

#include <gtest/gtest.h>

#include "policy/policy_test_site.h"

namespace tsujiban::policy {
namespace {

const SegmentKey home_12 = vlan(30, 112), home_13 = vlan(30, 113);
constexpr HashSeed seed{1, 2};
constexpr PacketTime at(std::int64_t second) { return {second * 1'000'000'000}; }

const std::string by_name =
    "allow:\n"
    "  - {from: role:ems, to: [vtn.example.jp, \"*.cloud.example.com\"], ports: [tcp/443]}\n"
    "  - {from: role:ems, to: Update.Example.JP., ports: [tcp/80], expires: 2026-01-31}\n"
    "  - {from: \"*.maker.example\", to: battery-12, ports: [tcp/8883]}\n";

Conversation web(SegmentKey link, std::string_view from, std::string_view to, std::uint16_t port) {
  Conversation c;
  c.link = link;
  c.initiator = ip(from);
  c.responder = ip(to);
  c.initiator_port = 40000;
  c.responder_port = port;
  c.protocol = 6;
  return c;
}

class NamesTest : public testing::Test {
 protected:
  std::size_t domains(std::string_view name) const { return list_.domains_of(name).size(); }
  Verdict judge(const Conversation& c, bool open = false) const {
    const Domains initiator = memory_.known(c.link, c.responder, c.initiator, c.time),
                  responder = memory_.known(c.link, c.initiator, c.responder, c.time);
    return list_.judge(c, {initiator, responder, open});
  }
  AllowList list_{inventory_of(site_text + by_name)};
  NameMemory memory_{list_, seed};
};

TEST_F(NamesTest, a_domain_means_itself_and_all_below_and_a_wildcard_only_those_below) {
  EXPECT_TRUE(list_.has_domains());
  EXPECT_EQ(domains("vtn.example.jp"), 1u);
  EXPECT_EQ(domains("a.b.vtn.example.jp"), 1u);
  EXPECT_EQ(domains("xvtn.example.jp"), 0u);
  EXPECT_EQ(domains("example.jp"), 0u);
  EXPECT_EQ(domains("cloud.example.com"), 0u);
  EXPECT_EQ(domains("eu.cloud.example.com"), 1u);
  EXPECT_EQ(domains("update.example.jp"), 1u) << "case and the last dot do not count";
  EXPECT_EQ(domains(""), 0u);
  EXPECT_EQ(domains("."), 0u);
  EXPECT_EQ(domains("jp"), 0u);
  EXPECT_FALSE(AllowList(inventory_of(site_text)).has_domains());
}

TEST_F(NamesTest, an_address_is_allowed_to_who_was_told_the_name) {
  const Conversation c = web(home_12, "192.168.1.2", "203.0.113.77", 443);
  EXPECT_FALSE(judge(c).allowed);
  EXPECT_EQ(judge(c).reason, Reason::name_not_known);
  EXPECT_TRUE(memory_.learn(home_12, ip("192.168.1.2"), ip("203.0.113.77"), "vtn.example.jp", 300, at(0)));
  EXPECT_TRUE(judge(c).allowed);
  EXPECT_TRUE(judge(c).by_name);
  EXPECT_FALSE(judge(web(home_12, "192.168.1.2", "203.0.113.77", 80)).allowed) << "the entry's port still counts";
  EXPECT_FALSE(judge(web(home_12, "192.168.1.2", "203.0.113.78", 443)).allowed);
  EXPECT_FALSE(judge(web(home_13, "192.168.1.2", "203.0.113.77", 443)).allowed) << "the other home was not told";
  EXPECT_FALSE(judge(web(home_12, "192.168.1.20", "203.0.113.77", 443)).allowed) << "no ems";
  EXPECT_FALSE(memory_.learn(home_12, ip("192.168.1.2"), ip("203.0.113.79"), "evil.example", 300, at(0)));
  EXPECT_FALSE(judge(web(home_12, "192.168.1.2", "203.0.113.79", 443)).allowed);
}

TEST_F(NamesTest, an_answer_to_one_address_of_an_asset_counts_for_its_others) {
  memory_.learn(home_12, ip("192.168.1.2"), ip("2001:db8:ffff::1"), "vtn.example.jp", 300, at(0));
  EXPECT_TRUE(judge(web(home_12, "fe80::2", "2001:db8:ffff::1", 443)).allowed);
}

TEST_F(NamesTest, a_name_may_stand_where_the_conversation_begins) {
  const Conversation c = web(home_12, "198.51.100.4", "192.168.1.20", 8883);
  EXPECT_FALSE(judge(c).allowed);
  memory_.learn(home_12, ip("192.168.1.20"), ip("198.51.100.4"), "push.maker.example", 60, at(0));
  EXPECT_TRUE(judge(c).allowed);
}

TEST_F(NamesTest, what_may_still_be_said_is_waited_for) {
  const Conversation c = web(home_12, "192.168.1.2", "203.0.113.77", 443);
  EXPECT_TRUE(judge(c, true).allowed);
  EXPECT_TRUE(judge(c, true).awaits_name);
  // No name would allow these.
  EXPECT_FALSE(judge(web(home_12, "192.168.1.2", "203.0.113.77", 22), true).allowed);
  EXPECT_FALSE(judge(web(home_12, "192.168.1.20", "203.0.113.77", 443), true).allowed);
  EXPECT_FALSE(judge(web(home_12, "192.168.1.2", "192.168.1.20", 443), true).awaits_name) << "neighbours need none";
}

TEST_F(NamesTest, the_reason_names_the_entry) {
  Conversation c = web(home_12, "192.168.1.2", "203.0.113.77", 443);
  char text[160];
  EXPECT_EQ(std::string(text, list_.explain(judge(c), c, text, sizeof text)),
            "hems-12 (ems) sent to 203.0.113.77:443/tcp; allow entry 1 (line 17) names domains, but neither DNS, TLS "
            "nor HTTP gave this address such a name");
}

TEST_F(NamesTest, a_name_is_kept_an_hour_at_least_and_while_it_is_used) {
  const IpAddress client = ip("192.168.1.2"), host = ip("203.0.113.77");
  memory_.learn(home_12, client, host, "vtn.example.jp", 60, at(0));
  EXPECT_EQ(memory_.known(home_12, client, host, at(3600)).size(), 1u);
  EXPECT_EQ(memory_.known(home_12, client, host, at(3601)).size(), 0u);
  memory_.keep(home_12, client, host, at(3000));
  EXPECT_EQ(memory_.known(home_12, client, host, at(6600)).size(), 1u);
  memory_.keep(home_12, client, host, at(9000));  // It was over.
  EXPECT_EQ(memory_.known(home_12, client, host, at(9000)).size(), 0u);
  memory_.learn(home_12, client, host, "vtn.example.jp", 0xffffffff, at(10000));
  EXPECT_EQ(memory_.known(home_12, client, host, at(10000 + 86400)).size(), 1u);
  EXPECT_EQ(memory_.known(home_12, client, host, at(10000 + 86401)).size(), 0u);
}

TEST_F(NamesTest, one_host_may_have_several_names_and_the_latest_stay) {
  const IpAddress client = ip("192.168.1.2"), host = ip("203.0.113.77");
  memory_.learn(home_12, client, host, "vtn.example.jp", 60, at(0));
  memory_.learn(home_12, client, host, "a.cloud.example.com", 60, at(1));
  memory_.learn(home_12, client, host, "b.cloud.example.com", 60, at(2));
  EXPECT_EQ(memory_.known(home_12, client, host, at(3)).size(), 2u);
}

TEST_F(NamesTest, an_entry_by_name_has_its_last_day) {
  Conversation c = web(home_12, "192.168.1.2", "203.0.113.77", 80);
  c.time = at(1'767'000'000);  // 2025-12-29
  memory_.learn(home_12, c.initiator, c.responder, "update.example.jp", 60, c.time);
  EXPECT_TRUE(judge(c).allowed);
  EXPECT_LT(judge(c).valid_until.ns, INT64_MAX);
  c.time = at(1'772'000'000);  // 2026-02-25
  memory_.learn(home_12, c.initiator, c.responder, "update.example.jp", 60, c.time);
  EXPECT_EQ(judge(c).reason, Reason::expired);
}

TEST_F(NamesTest, only_the_answer_to_a_question_counts_once_and_in_time) {
  const NameMemory::Question question{home_12, ip("192.168.1.2"), ip("192.168.1.1"), 40000, 77};
  EXPECT_FALSE(memory_.answers(question, at(0)));
  memory_.asked(question, at(0));
  NameMemory::Question other = question;
  other.id = 78;
  EXPECT_FALSE(memory_.answers(other, at(1)));
  other = question, other.server = ip("192.168.1.9");
  EXPECT_FALSE(memory_.answers(other, at(1)));
  other = question, other.segment = home_13;
  EXPECT_FALSE(memory_.answers(other, at(1)));
  EXPECT_TRUE(memory_.answers(question, at(1)));
  EXPECT_FALSE(memory_.answers(question, at(1)));
  memory_.asked(question, at(2));
  EXPECT_FALSE(memory_.answers(question, at(40)));
}

TEST_F(NamesTest, memory_is_bounded_and_what_gave_way_is_counted) {
  for (std::uint32_t i = 0; i < NameMemory::hosts_max + 10; ++i)
    memory_.learn(home_12, ip("192.168.1.2"), IpAddress::v4(0xcb000000u + i), "vtn.example.jp", 60, at(0));
  EXPECT_EQ(memory_.evictions(), 10u);
  EXPECT_TRUE(memory_.known(home_12, ip("192.168.1.2"), IpAddress::v4(0xcb000000u), at(1)).empty());
}

TEST_F(NamesTest, another_configuration_takes_over_what_it_has_under_its_own_numbers) {
  const IpAddress host = ip("203.0.113.77"), other = ip("203.0.113.78");
  memory_.learn(home_12, ip("192.168.1.2"), host, "vtn.example.jp", 60, at(0));
  memory_.learn(home_12, ip("192.168.1.2"), other, "update.example.jp", 60, at(0));
  memory_.learn(home_12, ip("192.168.1.99"), host, "vtn.example.jp", 60, at(0));  // No asset.
  memory_.learn(home_13, ip("192.168.1.2"), host, "vtn.example.jp", 60, at(0));
  // The domains in another order, one gone; of the assets hems-13 (5) is gone.
  const AllowList now(inventory_of(site_text +
                                   "allow:\n"
                                   "  - {from: role:ems, to: [new.example.jp, vtn.example.jp], ports: [tcp/443]}\n"));
  NameMemory after(now, seed);
  std::vector<std::uint32_t> assets(9, 0), domains(4, 0);
  assets[2] = 2;
  domains[0] = 2;
  after.take_over(memory_, assets, domains);
  EXPECT_EQ(after.known(home_12, ip("192.168.1.2"), host, at(1)).size(), 1u);
  EXPECT_EQ(after.known(home_12, ip("192.168.1.2"), host, at(1))[0], 1u);
  EXPECT_TRUE(after.known(home_12, ip("192.168.1.2"), other, at(1)).empty());
  EXPECT_EQ(after.known(home_12, ip("192.168.1.99"), host, at(1)).size(), 1u);
  EXPECT_TRUE(after.known(home_13, ip("192.168.1.2"), host, at(1)).empty());
}

}  // namespace
}  // namespace tsujiban::policy
