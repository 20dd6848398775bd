#include <gtest/gtest.h>

#include "dissectors/mqtt/mqtt_test_support.h"

namespace tsujiban::mqtt {
namespace {

using namespace testing;
using Outcome = Login::Outcome;

std::vector<Outcome> after(const Octets& asked, std::string_view answered) {
  Bench bench;
  bench.ask(asked);
  bench.answer(bytes_of(answered));
  return bench.outcomes();
}

TEST(MqttLogin, return_and_reason_codes_say_what_became_of_it) {
  EXPECT_EQ(after(connect(), "20 02 00 04"), (std::vector{Outcome::failed}));
  EXPECT_EQ(after(connect(), "20 02 00 05"), (std::vector{Outcome::failed}));
  EXPECT_EQ(after(connect(), "20 02 00 00"), (std::vector{Outcome::succeeded}));
  EXPECT_TRUE(after(connect(), "20 02 00 01").empty());
  EXPECT_TRUE(after(connect(), "20 02 00 03").empty());
  for (const char* const code : {"20 03 00 86 00", "20 03 00 87 00", "20 03 00 8C 00"})
    EXPECT_EQ(after(connect_5(), code), (std::vector{Outcome::failed})) << code;
  EXPECT_TRUE(after(connect_5(), "20 03 00 00 00").empty()) << "nobody logged in: it has no user";
  EXPECT_TRUE(after(connect_5(), "20 03 00 89 00").empty());
}

TEST(MqttLogin, an_answer_counts_once_and_only_behind_a_connect_and_from_the_server) {
  Bench bench;
  bench.answer(bytes_of("20 02 00 04"));
  EXPECT_TRUE(bench.outcomes().empty());
  bench.ask(connect());
  bench.ask(bytes_of("20 02 00 04"));
  EXPECT_TRUE(bench.outcomes().empty());
  bench.answer(bytes_of("20 02 00 04"));
  bench.answer(bytes_of("20 02 00 04"));
  EXPECT_EQ(bench.outcomes(), (std::vector{Outcome::failed}));
}

TEST(MqttLogin, the_fact_is_the_clients_with_the_users_hash_whether_or_not_records_are_wanted) {
  for (const bool records : {true, false}) {
    Bench bench({.records = records});
    bench.ask(connect());
    bench.answer(bytes_of("20 02 00 04"));
    const std::vector<Fact> facts = bench.sink.told(FactKind::login);
    ASSERT_EQ(facts.size(), 1u);
    EXPECT_EQ(facts[0].source, Bench::client);
    EXPECT_EQ(facts[0].destination_port, port_mqtt);
    EXPECT_EQ(facts[0].login.code, 4);
    EXPECT_EQ(facts[0].login.user_hash, hash_bytes(HashSeed{}, octets("user")));
  }
}

}  // namespace
}  // namespace tsujiban::mqtt
