#include <gtest/gtest.h>

#include <cmath>

#include "dissectors/modbus/modbus_test_support.h"

namespace tsujiban::modbus {
namespace {

using testing::adu;
using testing::Bench;

struct Write {
  const char* request;
  std::uint32_t point, code;
  unsigned size;
  WriteEffect effect;
  double value;  // NaN: none.
};
constexpr double none = std::numeric_limits<double>::quiet_NaN();
class ModbusWrite : public ::testing::TestWithParam<Write> {};
TEST_P(ModbusWrite, is_told_with_its_place_and_value) {
  const Write& expected = GetParam();
  Bench bench;
  bench.ask(adu(1, 17, expected.request));
  const std::vector<Fact> facts = bench.sink.told(FactKind::control_write);
  ASSERT_EQ(facts.size(), 1u) << expected.request;
  const ControlWrite& write = facts[0].control_write;
  EXPECT_EQ(facts[0].source, Bench::client);
  EXPECT_EQ(facts[0].destination, Bench::server);
  EXPECT_EQ(facts[0].protocol, AppProtocol::modbus);
  EXPECT_EQ(write.object, 17u);
  EXPECT_EQ(write.point, expected.point);
  EXPECT_EQ(write.code, expected.code);
  EXPECT_EQ(write.size_bytes, expected.size);
  EXPECT_EQ(write.effect, expected.effect);
  EXPECT_EQ(write.direction, LoadDirection::none);
  EXPECT_EQ(write.check, ValueCheck::unchecked);
  EXPECT_TRUE(write.answer_wanted);
  EXPECT_FALSE(write.refused);
  if (std::isnan(expected.value))
    EXPECT_TRUE(std::isnan(write.value));
  else
    EXPECT_EQ(write.value, expected.value);
}
INSTANTIATE_TEST_SUITE_P(
    set, ModbusWrite,
    ::testing::Values(Write{"05 0102 FF00", 0x102, 0xFF00, 2, WriteEffect::physical, 1},
                      Write{"05 0102 0000", 0x102, 0, 2, WriteEffect::physical, 0},
                      Write{"06 0004 09C4", 4, 2500, 2, WriteEffect::physical, 2500},
                      Write{"0F 0010 0003 01 05", 16, 0xFF00, 1, WriteEffect::physical, 1},
                      Write{"10 0020 0002 04 0001 0002", 32, 1, 4, WriteEffect::physical, 1},
                      Write{"16 0001 00F2 0025", 1, 0x00F20025, 4, WriteEffect::physical, none},
                      Write{"17 0003 0001 000E 0001 02 00FF", 14, 255, 2, WriteEffect::physical, 255},
                      Write{"15 0D 06 0004 0007 0003 06AF 04BE 100D", 0x40007, 0x06AF, 6, WriteEffect::physical, none},
                      Write{"08 0001 FF00", 1, 0xFF00, 2, WriteEffect::reset, none},
                      Write{"08 000A 0000", 10, 0, 2, WriteEffect::reset, none},
                      Write{"08 0004 0000", 4, 0, 2, WriteEffect::permission, none},
                      Write{"5A 00 41 FF 01", 0x41, 0xFF01, 2, WriteEffect::configuration, none}));

TEST(ModbusFacts, reads_write_nothing) {
  Bench bench;
  for (const char* pdu :
       {"01 0000 0001", "03 0000 0001", "08 0000 0000", "11", "14 07 06 0001 0000 0001", "2B 0E 01 00"})
    bench.ask(adu(1, 1, pdu));
  EXPECT_TRUE(bench.sink.facts.empty());
}

TEST(ModbusFacts, the_same_value_again_is_no_news_and_another_one_is) {
  Bench bench;
  const auto told = [&] { return bench.sink.told(FactKind::control_write).size(); };
  bench.ask(adu(1, 1, "06 0001 0005"));
  bench.ask(adu(2, 1, "06 0001 0005"));
  EXPECT_EQ(told(), 1u);
  bench.ask(adu(3, 1, "06 0001 0006"));
  EXPECT_EQ(told(), 2u);
  bench.ask(adu(4, 2, "06 0001 0006"));          // Another unit,
  bench.ask(adu(5, 1, "06 0002 0006"));          // another register,
  bench.ask(adu(6, 1, "10 0001 0001 02 0006"));  // another function.
  EXPECT_EQ(told(), 5u);
  bench.context.time = bench.context.time + state_repeat;
  bench.ask(adu(7, 1, "06 0001 0006"));
  EXPECT_EQ(told(), 6u);
}

TEST(ModbusFacts, a_refusal_is_turned_round_and_told_each_time) {
  Bench bench;
  for (unsigned i = 0; i < 2; ++i) {
    bench.ask(adu(i, 1, "06 0001 0005"));
    bench.answer(adu(i, 1, "86 02"));
  }
  const std::vector<Fact> facts = bench.sink.told(FactKind::control_write);
  ASSERT_EQ(facts.size(), 3u);
  for (std::size_t i : {1u, 2u}) {
    EXPECT_TRUE(facts[i].control_write.refused);
    EXPECT_EQ(facts[i].source, Bench::client);
    EXPECT_EQ(facts[i].source_port, 40000);
    EXPECT_EQ(facts[i].control_write.point, 1u);
    EXPECT_EQ(facts[i].control_write.code, 5u);
  }
}

TEST(ModbusFacts, an_acknowledge_is_no_refusal_and_a_refused_read_no_write) {
  Bench bench;
  bench.ask(adu(1, 1, "06 0001 0005"));
  bench.answer(adu(1, 1, "86 05"));
  bench.ask(adu(2, 1, "03 0001 0005"));
  bench.answer(adu(2, 1, "83 02"));
  EXPECT_EQ(bench.sink.told(FactKind::control_write).size(), 1u);
}

TEST(ModbusFacts, a_write_that_breaks_a_rule_is_told_with_what_is_wrong) {
  Bench bench;
  bench.ask(adu(1, 1, "05 0001 1234"));
  bench.ask(adu(2, 1, "10 0001 0002 02 0006"));
  const std::vector<Fact> facts = bench.sink.told(FactKind::control_write);
  ASSERT_EQ(facts.size(), 2u);
  EXPECT_EQ(facts[0].control_write.check, ValueCheck::undefined_code);
  EXPECT_EQ(facts[1].control_write.check, ValueCheck::bad_size);
  const std::vector<Fact> malformed = bench.sink.told(FactKind::malformed);
  ASSERT_EQ(malformed.size(), 2u);
  EXPECT_EQ(malformed[0].malformed.error, ParseError::bad_value);
  EXPECT_EQ(malformed[0].malformed.offset, 10u);
}

}  // namespace
}  // namespace tsujiban::modbus
