#include <gtest/gtest.h>

#include <cmath>

#include "dissectors/echonet_lite/echonet_lite_test_sink.h"

namespace tsujiban::echonet_lite {
namespace {

using testing::Bench;

// Many properties of a low-voltage meter: state, fault, power, currents, energy.
constexpr std::string_view six_properties =
    "1081 0001 028801 05FF01 72 06 800130 880142 E70400000698 E80400A00028 E0040004F3FD E3040000000B";

TEST(EchonetFacts, a_write_has_value_code_effect_and_direction) {
  Bench bench;
  bench.send("1081 0001 05FF01 027D01 61 02 DA0142 EB0400000BB8");
  const auto writes = bench.told(FactKind::control_write);
  ASSERT_EQ(writes.size(), 2u);
  const Fact& mode = writes[0];
  EXPECT_EQ(mode.protocol, AppProtocol::echonet_lite);
  EXPECT_EQ(mode.source, Bench::controller);
  EXPECT_EQ(mode.source_port, port);
  EXPECT_EQ(mode.ip_protocol, 17);
  EXPECT_EQ(mode.flow_id, 1u);
  EXPECT_EQ(mode.control_write.object, 0x027D01u);
  EXPECT_EQ(mode.control_write.point, 0xDAu);
  EXPECT_EQ(mode.control_write.code, 0x42u);
  EXPECT_EQ(mode.control_write.size_bytes, 1u);
  EXPECT_EQ(mode.control_write.value, 0x42);
  EXPECT_EQ(mode.control_write.effect, WriteEffect::physical);
  EXPECT_EQ(mode.control_write.direction, LoadDirection::up);
  EXPECT_EQ(mode.control_write.check, ValueCheck::defined);
  EXPECT_TRUE(mode.control_write.answer_wanted);
  EXPECT_FALSE(mode.control_write.refused);
  EXPECT_FALSE(mode.control_write.by_public);
  EXPECT_EQ(writes[1].control_write.value, 3000);
  EXPECT_EQ(writes[1].control_write.code, 3000u);
  bench.send("1081 0001 05FF01 013000 60 01 800131");
  const Fact all = bench.told(FactKind::control_write)[2];
  EXPECT_EQ(all.control_write.object, 0x013000u);
  EXPECT_FALSE(all.control_write.answer_wanted);
  EXPECT_EQ(all.control_write.direction, LoadDirection::down);
}

TEST(EchonetFacts, a_fact_says_where_its_packet_came_from) {
  Bench bench;
  RawPacket raw;
  raw.number = 77;
  raw.input = 3;
  const auto ethernet = testing::bytes_of("02 00 00 00 00 0B 02 00 00 00 00 0A 08 00");
  DecodedPacket packet;
  packet.raw = &raw;
  packet.ethernet = ethernet.data();
  bench.context.packet = &packet;
  bench.send("1081 0001 05FF01 027D01 61 01 DA0142");
  bench.send(Bench::device, Bench::controller, "1081 0001 027D01 05FF01 51 01 DA0142");
  const auto writes = bench.told(FactKind::control_write);
  ASSERT_EQ(writes.size(), 2u);
  EXPECT_EQ(writes[0].packet_number, 77u);
  EXPECT_TRUE(writes[0].has_input);
  EXPECT_EQ(writes[0].input, 3u);
  EXPECT_EQ(writes[0].source_mac.value, 0x02000000000Au);
  EXPECT_EQ(writes[1].source_mac.value, 0x02000000000Bu) << "who is refused is whom the frame goes to";
}

TEST(EchonetFacts, a_written_value_is_checked_against_its_definition) {
  const std::pair<std::string_view, ValueCheck> cases[] = {
      {"1081 0001 05FF01 027D01 61 01 DA0142", ValueCheck::defined},
      {"1081 0001 05FF01 027D01 61 01 DA0199", ValueCheck::undefined_code},
      {"1081 0001 05FF01 027D01 61 01 DA020042", ValueCheck::bad_size},
      {"1081 0001 05FF01 027D01 61 01 DA00", ValueCheck::bad_size},
      {"1081 0001 05FF01 027D01 61 01 EB0400000BB8", ValueCheck::defined},
      {"1081 0001 05FF01 027D01 61 01 EB04FFFFFFFF", ValueCheck::out_of_range},
      {"1081 0001 05FF01 013001 61 01 870165", ValueCheck::out_of_range},  // 0..100 %
      {"1081 0001 05FF01 013001 61 01 97020C1E", ValueCheck::defined},     // 12:30
      {"1081 0001 05FF01 013001 61 01 9702183C", ValueCheck::out_of_range},
      {"1081 0001 05FF01 013001 61 01 810108", ValueCheck::unchecked},
      {"1081 0001 05FF01 027D01 61 01 FF0101", ValueCheck::unchecked},
  };
  for (const auto& [hex, check] : cases) {
    Bench bench;
    bench.send(hex);
    const auto writes = bench.told(FactKind::control_write);
    ASSERT_EQ(writes.size(), 1u) << hex;
    EXPECT_EQ(writes[0].control_write.check, check) << hex;
  }
}

TEST(EchonetFacts, a_message_may_say_that_it_comes_over_a_public_network) {
  Bench bench;
  bench.send("1081 0001 05FF01 013001 61 02 800130 930142");
  bench.send("1081 0001 05FF01 013001 61 02 800130 930141");
  const auto writes = bench.told(FactKind::control_write);
  // What the second message says of 0x80 it said before.
  ASSERT_EQ(writes.size(), 3u);
  EXPECT_TRUE(writes[0].control_write.by_public);
  EXPECT_TRUE(writes[1].control_write.by_public);
  EXPECT_FALSE(writes[2].control_write.by_public);
}

TEST(EchonetFacts, a_write_comes_again_when_its_value_changed_in_between_or_after_a_while) {
  Bench bench;
  const char* const on = "1081 0001 05FF01 013001 61 01 800130";
  const char* const off = "1081 0002 05FF01 013001 61 01 800131";
  for (const char* message : {on, on, off, off, on}) bench.send(message);
  EXPECT_EQ(bench.told(FactKind::control_write).size(), 3u);
  bench.wait_ms(static_cast<std::int64_t>(state_repeat.ns / 1'000'000));
  bench.send(on);
  EXPECT_EQ(bench.told(FactKind::control_write).size(), 4u);
}

TEST(EchonetFacts, a_refusal_is_turned_round_and_names_what_was_refused_only) {
  Bench bench;
  bench.send(Bench::device, Bench::controller, "1081 0001 027D01 05FF01 51 02 DA0143 EB00");
  const auto writes = bench.told(FactKind::control_write);
  ASSERT_EQ(writes.size(), 1u);
  EXPECT_EQ(writes[0].source, Bench::controller);
  EXPECT_EQ(writes[0].destination, Bench::device);
  EXPECT_TRUE(writes[0].control_write.refused);
  EXPECT_TRUE(writes[0].control_write.answer_wanted);
  EXPECT_EQ(writes[0].control_write.object, 0x027D01u);
  EXPECT_EQ(writes[0].control_write.direction, LoadDirection::down);
}

TEST(EchonetFacts, a_setget_without_its_second_list_is_a_write_all_the_same) {
  Bench bench;
  bench.send("1081 001A 05FF01 027D01 6E 01 DA0143");
  ASSERT_EQ(bench.told(FactKind::control_write).size(), 1u);
  EXPECT_EQ(bench.told(FactKind::control_write)[0].control_write.value, 0x43);
  EXPECT_TRUE(bench.told(FactKind::inquiry).empty());
  ASSERT_EQ(bench.told(FactKind::asker).size(), 1u);
}

TEST(EchonetFacts, an_unknown_property_has_no_effect_and_a_wrong_size_no_value) {
  Bench bench;
  bench.send("1081 0001 05FF01 027D01 61 02 FF0101 DA020042");
  const auto writes = bench.told(FactKind::control_write);
  ASSERT_EQ(writes.size(), 2u);
  EXPECT_EQ(writes[0].control_write.effect, WriteEffect::none);
  EXPECT_TRUE(std::isnan(writes[0].control_write.value));
  EXPECT_EQ(writes[1].control_write.effect, WriteEffect::physical);
  EXPECT_TRUE(std::isnan(writes[1].control_write.value));
  EXPECT_EQ(writes[1].control_write.direction, LoadDirection::none);
}

TEST(EchonetFacts, readings_are_states_and_come_again_with_another_value_or_after_a_while) {
  Bench bench;
  bench.send(Bench::device, Bench::controller, six_properties);
  auto readings = bench.told(FactKind::reading);
  ASSERT_EQ(readings.size(), 2u) << "measured values change all the time and are no news";
  EXPECT_EQ(readings[0].reading.object, 0x028801u);
  EXPECT_EQ(readings[0].reading.point, 0x80u);
  EXPECT_EQ(readings[0].reading.code, 0x30u);
  EXPECT_EQ(readings[0].reading.value, 0x30);
  EXPECT_FALSE(readings[0].reading.announced);
  EXPECT_EQ(readings[1].reading.point, 0x88u);
  bench.wait_ms(29'000);
  bench.send(Bench::device, Bench::controller, six_properties);
  EXPECT_EQ(bench.told(FactKind::reading).size(), 2u);
  bench.send(Bench::device, Bench::controller, "1081 0001 028801 05FF01 72 02 800130 880141");
  readings = bench.told(FactKind::reading);
  ASSERT_EQ(readings.size(), 3u);
  EXPECT_EQ(readings[2].reading.code, 0x41u);
  bench.wait_ms(1'000);
  bench.send(Bench::device, Bench::controller, six_properties);
  EXPECT_EQ(bench.told(FactKind::reading).size(), 4u) << "the fault is over, and 0x80 is what it was";
  bench.send(Bench::device, Bench::group, "1081 0001 028801 0EF001 73 01 880141");
  readings = bench.told(FactKind::reading);
  ASSERT_EQ(readings.size(), 5u);
  EXPECT_TRUE(readings[4].reading.announced);
  EXPECT_TRUE(readings[4].to_group);
}

TEST(EchonetFacts, the_mode_of_a_device_is_a_reading_and_so_is_its_identity) {
  Bench bench;
  bench.send(Bench::device, Bench::controller, "1081 0001 027D01 05FF01 72 03 DA0142 CF0142 E40132");
  EXPECT_EQ(bench.told(FactKind::reading).size(), 1u) << "what it works at follows from its mode";
  bench.send(Bench::device, Bench::controller, "1081 0002 0EF001 05FF01 72 01 8311FE0000770102030405060708090A0B0C0D");
  const auto readings = bench.told(FactKind::reading);
  ASSERT_EQ(readings.size(), 2u);
  EXPECT_EQ(std::string_view(readings[1].reading.text.data()),
            "fe000077010203040506"
            "07");
  const auto identity = testing::bytes_of("FE0000770102030405060708090A0B0C0D");
  EXPECT_EQ(readings[1].reading.value_hash, hash_bytes(HashSeed{}, identity));
}

TEST(EchonetFacts, setget_answers_carry_refusals_and_readings) {
  Bench bench;
  bench.send(Bench::device, Bench::controller, "1081 0001 028801 05FF01 5E 01 800131 05 880141 E700 E800 E900 EA00");
  const auto writes = bench.told(FactKind::control_write), readings = bench.told(FactKind::reading),
             inquiries = bench.told(FactKind::inquiry);
  ASSERT_EQ(writes.size(), 1u);
  EXPECT_TRUE(writes[0].control_write.refused);
  ASSERT_EQ(readings.size(), 1u);
  EXPECT_EQ(readings[0].reading.value, 0x41);
  ASSERT_EQ(inquiries.size(), 1u);
  EXPECT_TRUE(inquiries[0].inquiry.refused);
  EXPECT_EQ(inquiries[0].inquiry.points[1], std::uint64_t{15} << (0xE7 - 0xC0));
}

TEST(EchonetFacts, an_inquiry_is_news_by_pair_and_object) {
  Bench bench;
  bench.send("1081 0001 05FF01 028801 62 02 E700 8000");
  bench.send("1081 0002 05FF01 028801 62 02 E700 8000");
  ASSERT_EQ(bench.told(FactKind::inquiry).size(), 1u) << "the transaction makes no other question";
  const Fact asked = bench.told(FactKind::inquiry)[0];
  EXPECT_EQ(asked.inquiry.object, 0x028801u);
  EXPECT_EQ(asked.inquiry.bytes, 16u);
  EXPECT_EQ(asked.inquiry.points[0], 1u);
  EXPECT_EQ(asked.inquiry.points[1], std::uint64_t{1} << (0xE7 - 0xC0));
  EXPECT_FALSE(asked.inquiry.lists_objects);
  bench.send("1081 0003 05FF01 028801 62 01 E700");
  bench.send("1081 0003 05FF01 028801 63 01 E800");
  EXPECT_EQ(bench.told(FactKind::inquiry).size(), 1u) << "other lists of the same object";
  bench.send("1081 0003 05FF01 028802 62 01 E700");
  bench.send(Bench::controller, IpAddress::v4(0xC0A8140C), "1081 0001 05FF01 028801 62 02 E700 8000");
  bench.context.segment.push_vlan(100);
  bench.send("1081 0001 05FF01 028801 62 02 E700 8000");
  EXPECT_EQ(bench.told(FactKind::inquiry).size(), 4u);
  bench.wait_ms(static_cast<std::int64_t>(presence_repeat.ns / 1'000'000));
  bench.send("1081 0001 05FF01 028801 62 02 E700 8000");
  EXPECT_EQ(bench.told(FactKind::inquiry).size(), 5u);
}

TEST(EchonetFacts, asking_for_what_a_node_has_and_walking_through_it_are_told_beyond_the_first_question) {
  Bench bench;
  bench.send("1081 0001 05FF01 028801 62 01 E700");
  bench.send("1081 0001 05FF01 028801 62 01 9F00");
  bench.send("1081 0001 05FF01 028801 62 01 9F00");
  EXPECT_EQ(bench.told(FactKind::inquiry).size(), 2u);
  Bench walk;
  for (unsigned epc = 0x80; epc < 0x80 + walk_points_min + 2; ++epc) {
    char hex[64];
    std::snprintf(hex, sizeof hex, "1081000105FF010288016201%02X00", epc);
    walk.send(hex);
    walk.send(hex);
  }
  const auto told = walk.told(FactKind::inquiry);
  ASSERT_EQ(told.size(), 3u) << "the first, and each beyond so many";
  EXPECT_EQ(told[2].inquiry.points[0], (std::uint64_t{1} << (walk_points_min + 2)) - 1);
  Bench slow;
  for (unsigned epc = 0x80; epc < 0x80 + walk_points_min + 2; ++epc) {
    char hex[64];
    std::snprintf(hex, sizeof hex, "1081000105FF010288016201%02X00", epc);
    slow.send(hex);
    slow.wait_ms(5'000);
  }
  EXPECT_EQ(slow.told(FactKind::inquiry).size(), 1u) << "not so many within the window";
}

TEST(EchonetFacts, neighbours_in_neighbouring_segments_are_not_mixed_up) {
  // Address and tag differ in the same bits.
  Bench bench;
  bench.context.segment = SegmentKey{};
  bench.context.segment.push_vlan(0x14);
  bench.send(IpAddress::v4(0xC0A80115), Bench::device, "1081 0001 05FF01 028801 62 01 E700");
  bench.context.segment = SegmentKey{};
  bench.context.segment.push_vlan(0x15);
  bench.send(IpAddress::v4(0xC0A80114), Bench::device, "1081 0001 05FF01 028801 62 01 E700");
  EXPECT_EQ(bench.told(FactKind::inquiry).size(), 2u);
  EXPECT_EQ(bench.told(FactKind::asker).size(), 2u);
}

TEST(EchonetFacts, questions_for_objects_and_for_properties_say_so) {
  Bench bench;
  bench.send(Bench::controller, Bench::group, "1081 0001 05FF01 0EF001 62 01 D600");
  bench.send("1081 0002 05FF01 028801 62 02 9E00 9F00");
  const auto inquiries = bench.told(FactKind::inquiry);
  ASSERT_EQ(inquiries.size(), 2u);
  EXPECT_TRUE(inquiries[0].to_group);
  EXPECT_TRUE(inquiries[0].inquiry.lists_objects);
  EXPECT_FALSE(inquiries[0].inquiry.lists_properties);
  EXPECT_FALSE(inquiries[1].inquiry.lists_objects);
  EXPECT_TRUE(inquiries[1].inquiry.lists_properties);
}

TEST(EchonetFacts, a_refused_question_is_turned_round) {
  Bench bench;
  bench.send(Bench::device, Bench::controller, "1081 0001 028801 05FF01 52 02 E700 800130");
  bench.send(Bench::device, Bench::controller, "1081 0002 028801 05FF01 52 02 E700 800131");
  EXPECT_TRUE(bench.told(FactKind::inquiry).empty()) << "the same one again is no walk";
  bench.send(Bench::device, Bench::controller, "1081 0003 028801 05FF01 52 03 E800 E900 800131");
  bench.send(Bench::device, Bench::controller, "1081 0004 028801 05FF01 52 01 EA00");
  bench.send(Bench::device, Bench::controller, "1081 0005 028801 05FF01 52 01 EA00");
  const auto inquiries = bench.told(FactKind::inquiry);
  ASSERT_EQ(inquiries.size(), 1u) << "so many different ones are";
  EXPECT_EQ(inquiries[0].inquiry.points[1], std::uint64_t{15} << (0xE7 - 0xC0));
  EXPECT_EQ(inquiries[0].source, Bench::controller);
  EXPECT_EQ(inquiries[0].inquiry.object, 0x028801u);
  EXPECT_TRUE(inquiries[0].inquiry.refused);
  EXPECT_EQ(inquiries[0].inquiry.points[0], 0u);
  EXPECT_EQ(bench.told(FactKind::reading).size(), 2u);
}

TEST(EchonetFacts, objects_are_asked_answered_announced_or_listed) {
  Bench bench;
  const auto last = [&] { return bench.told(FactKind::object).back(); };
  bench.send("1081 0001 05FF01 028801 62 01 E700");
  ASSERT_EQ(bench.told(FactKind::asker).size(), 1u);
  EXPECT_EQ(bench.told(FactKind::asker)[0].object.how, ObjectSeen::How::asks);
  EXPECT_EQ(bench.told(FactKind::asker)[0].object.object, 0x05FF01u);
  bench.send(Bench::device, Bench::controller, "1081 0001 028801 05FF01 72 01 E70400000001");
  EXPECT_EQ(last().object.how, ObjectSeen::How::answered);
  EXPECT_EQ(last().object.object, 0x028801u);
  EXPECT_EQ(last().source, Bench::device);
  bench.send(Bench::device, Bench::controller, "1081 0002 028801 05FF01 72 01 E70400000002");
  bench.send(Bench::device, Bench::controller, "1081 0002 028801 05FF01 73 01 E70400000003");
  EXPECT_EQ(bench.told(FactKind::object).size(), 1u) << "who answers for it need not announce it";
  bench.send(Bench::device, Bench::group, "1081 0003 0EF001 0EF001 73 01 D50702 028801 027D01");
  const auto objects = bench.told(FactKind::object);
  ASSERT_EQ(objects.size(), 4u);
  EXPECT_EQ(objects[1].object.how, ObjectSeen::How::announced);
  EXPECT_EQ(objects[1].object.object, 0x0EF001u);
  EXPECT_EQ(objects[2].object.how, ObjectSeen::How::listed);
  EXPECT_EQ(objects[2].object.object, 0x028801u);
  EXPECT_EQ(objects[3].object.object, 0x027D01u);
  Bench announcer;
  announcer.send(Bench::device, Bench::controller, "1081 0002 028801 05FF01 73 01 E70400000003");
  announcer.send(Bench::device, Bench::controller, "1081 0002 028801 05FF01 72 01 E70400000003");
  EXPECT_EQ(announcer.told(FactKind::object).size(), 2u) << "that it answers says more";
  EXPECT_TRUE(bench.told(FactKind::reading).empty());
}

TEST(EchonetFacts, an_instance_list_that_lies_about_its_length_is_read_to_its_end) {
  Bench bench;
  bench.send(Bench::device, Bench::group, "1081 0003 0EF001 0EF001 73 01 D506FF 028801 027D");
  EXPECT_EQ(bench.told(FactKind::object).size(), 2u);
}

TEST(EchonetFacts, an_answer_that_no_request_explains_is_told_with_whether_the_pair_talks) {
  Bench bench;
  bench.send(Bench::device, Bench::controller, "1081 0001 028801 05FF01 72 01 E70400000001");
  auto responses = bench.told(FactKind::response);
  ASSERT_EQ(responses.size(), 1u);
  EXPECT_FALSE(responses[0].exchange.pair_asks);
  EXPECT_EQ(responses[0].exchange.service, esv::get);
  EXPECT_EQ(responses[0].exchange.source_object, 0x028801u);
  EXPECT_EQ(responses[0].exchange.bytes, 18u);
  bench.send("1081 0007 05FF01 028801 62 01 E700");
  bench.send(Bench::device, Bench::controller, "1081 0007 028801 05FF01 72 01 E70400000001");
  EXPECT_EQ(bench.told(FactKind::response).size(), 1u);
  bench.send(Bench::device, Bench::controller, "1081 0007 028801 05FF01 72 01 E70400000001");
  responses = bench.told(FactKind::response);
  ASSERT_EQ(responses.size(), 2u) << "one request, one answer";
  EXPECT_TRUE(responses[1].exchange.pair_asks);
  bench.wait_ms(60'001);
  bench.send(Bench::device, Bench::controller, "1081 0008 028801 05FF01 72 01 E70400000001");
  EXPECT_FALSE(bench.told(FactKind::response)[2].exchange.pair_asks);
  bench.send(Bench::device, Bench::group, "1081 0009 028801 0EF001 73 01 800130");
  EXPECT_EQ(bench.told(FactKind::response).size(), 3u);
}

TEST(EchonetFacts, a_full_table_of_pairs_forgets_the_oldest) {
  Bench bench(false, true, PairingTable::requests_per_set);  // One set.
  constexpr unsigned pairs = 64;
  for (unsigned i = 0; i < pairs; ++i) {
    bench.wait_ms(10);
    bench.send(Bench::controller, IpAddress::v4(0xC0A81420 + i), "1081 0001 05FF01 028801 62 01 E700");
  }
  unsigned known = 0;
  for (unsigned i = 0; i < pairs; ++i) {
    bench.send(IpAddress::v4(0xC0A81420 + i), Bench::controller, "1081 0002 028801 05FF01 72 01 E70400000001");
    const bool asks = bench.told(FactKind::response).back().exchange.pair_asks;
    EXPECT_TRUE(asks || i != pairs - 1) << "the latest is kept";
    known += asks ? 1 : 0;
  }
  EXPECT_EQ(known, PairingTable::places_per_set);
}

TEST(EchonetFacts, every_broken_message_is_told_once) {
  Bench bench;
  bench.send("1081 0001 05FF01 028801 62 02 E700");  // One property short.
  bench.send("1081 0001 05FF81 028881 62 01 1000");  // Reserved objects and a reserved property.
  bench.send("1081 0001 05FF01 028801 62 01 E700");
  const auto malformed = bench.told(FactKind::malformed);
  ASSERT_EQ(malformed.size(), 2u);
  EXPECT_EQ(malformed[0].malformed.error, ParseError::echonet_opc_mismatch);
  EXPECT_EQ(malformed[0].malformed.offset, 14u);
  EXPECT_EQ(malformed[1].malformed.error, ParseError::echonet_bad_eoj);
}

TEST(EchonetFacts, a_stream_tells_the_same_as_datagrams) {
  Bench stream;
  stream.context.ip_protocol = 6;
  stream.stream(testing::bytes_of("1081 0001 05FF01 027D01 61 01 DA0142 1081 0002 05FF01 028801 62 01 E700 0000 00"));
  EXPECT_EQ(stream.told(FactKind::control_write).size(), 1u);
  EXPECT_EQ(stream.told(FactKind::inquiry).size(), 1u);
  ASSERT_EQ(stream.told(FactKind::malformed).size(), 1u);
  EXPECT_EQ(stream.told(FactKind::malformed)[0].malformed.error, ParseError::echonet_unsynchronised);
}

}  // namespace
}  // namespace tsujiban::echonet_lite
