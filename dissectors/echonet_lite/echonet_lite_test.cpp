#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "dissectors/echonet_lite/echonet_lite_json.h"
#include "dissectors/echonet_lite/echonet_lite_test_sink.h"

namespace tsujiban::echonet_lite {
namespace {

using dissect::Probe;
using dissect::Transport;
using testing::Bench;
using testing::bytes_of;
using testing::ToldAnomaly;

constexpr std::size_t self = static_cast<std::size_t>(AppProtocol::echonet_lite);

bool has(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }

// The error that a datagram is malformed for, with its offset.
ToldAnomaly error_of(std::string_view hex) {
  const std::vector<std::uint8_t> bytes = bytes_of(hex);
  const FrameEvent frame = read_frame(bytes);
  return {frame.error, frame.error_offset};
}

// Frames of real devices (a home meter's log, air conditioners, public test suites of B-route clients).
constexpr std::string_view get_power = "1081 0001 05FF01 028801 62 01 E700";
constexpr std::string_view power_is_632 = "1081 0001 028801 05FF01 72 01 E704 00000278";
constexpr std::string_view six_properties =
    "1081 06E1 028801 05FF01 72 06 800130 880142 E70400000698 E80400A00028 E004 0004F3FD E304 0000000B";
constexpr std::string_view refusal_with_data =
    "1081 0000 0EF001 05FF01 52 08 800130 8204010C0100 D303000001 D4020002 D500 D60401013001 D7030101 30 "
    "9F0E0D808283898A9D9E9FBFD3D4D6D7";

TEST(EchonetRecord, an_answer_has_the_fields_of_the_contract) {
  Bench bench;
  bench.send(Bench::device, Bench::controller, "1081 001A 028801 05FF01 72 01 E704 000001F8");
  EXPECT_EQ(
      bench.last(),
      R"({"tid":"001a","seoj":"028801","deoj":"05FF01","esv":"0x72","service":"Get_Res","properties":[{"epc":"0xE7",)"
      R"("name":"Measured instantaneous electric power","name_ja":"瞬時電力計測値","edt":"000001f8","value":504,"unit":"W"}]})");
  EXPECT_TRUE(bench.sink.anomalies.empty());
  EXPECT_EQ(bench.counters->messages[self][0x72].value(), 1u);
  EXPECT_EQ(bench.counters->messages_malformed[self].value(), 0u);
}

TEST(EchonetRecord, a_question_has_properties_without_value) {
  Bench bench;
  bench.send(get_power);
  EXPECT_TRUE(has(bench.last(), R"("edt":""}]})"));
  EXPECT_FALSE(has(bench.last(), "size_mismatch"));
}

TEST(EchonetRecord, an_unknown_class_or_property_has_its_bytes_only) {
  Bench bench;
  bench.send("1081 0001 05FF01 0EF101 62 01 8000");
  EXPECT_TRUE(has(bench.last(), R"("properties":[{"epc":"0x80","edt":""}])"));
  bench.send("1081 0001 05FF01 028801 61 01 F103 ABCDEF");
  EXPECT_TRUE(has(bench.last(), R"("properties":[{"epc":"0xF1","edt":"abcdef"}])"));
}

TEST(EchonetRecord, an_acknowledgement_of_a_notification_names_the_properties_of_who_announced) {
  Bench bench;
  bench.send("1081 0001 05FF01 028801 7A 01 E700");
  EXPECT_TRUE(has(bench.last(), "Measured instantaneous electric power"));
}

TEST(EchonetRecord, setget_has_two_lists) {
  Bench bench;
  bench.send("1081 0001 05FF01 027D01 6E 01 DA0143 01 D300");
  EXPECT_TRUE(has(bench.last(), R"("properties":[{"epc":"0xDA")")) << bench.last();
  EXPECT_TRUE(has(bench.last(), R"("properties_get":[{"epc":"0xD3")")) << bench.last();
  EXPECT_FALSE(has(bench.last(), "malformed"));
}

TEST(EchonetRecord, format_2_has_its_transaction_and_nothing_else) {
  Bench bench;
  bench.send("1082 0001 41424344");
  EXPECT_EQ(bench.last(), R"({"tid":"0001","format":2})");
  EXPECT_TRUE(bench.sink.anomalies.empty());
}

TEST(EchonetRecord, every_service_is_read_and_named) {
  for (unsigned code = 0; code < 256; ++code) {
    Bench bench;
    std::vector<std::uint8_t> bytes = bytes_of("1081 0001 05FF01 028801 62 01 E700");
    bytes[esv_offset] = static_cast<std::uint8_t>(code);
    if (is_setget(bytes[esv_offset])) bytes.push_back(0);
    bench.send(Bench::controller, Bench::device, bytes);
    const std::string_view name = service_name(static_cast<std::uint8_t>(code));
    EXPECT_EQ(bench.counters->messages[self][code].value(), 1u);
    EXPECT_TRUE(has(bench.last(), std::string("\"service\":\"") + std::string(name.empty() ? "unknown" : name) + "\""))
        << bench.last();
    EXPECT_EQ(bench.sink.anomalies.size(), name.empty() ? 1u : 0u) << code;
    EXPECT_EQ(has(bench.last(), R"("malformed":{"error":"echonet_unknown_esv","offset":10})"), name.empty())
        << bench.last();
    EXPECT_TRUE(has(bench.last(), R"("epc":"0xE7")")) << "what was read is kept";
  }
  unsigned known = 0;
  for (unsigned code = 0; code < 256; ++code) known += is_known_service(static_cast<std::uint8_t>(code)) ? 1 : 0;
  EXPECT_EQ(known, 16u);
}

TEST(EchonetRecord, a_refusal_with_data_shows_the_data_and_the_refused) {
  Bench bench;
  bench.send(Bench::device, Bench::controller, refusal_with_data);
  EXPECT_TRUE(has(bench.last(),
                  R"({"epc":"0xD5","name":"Instance list notification","name_ja":"インスタンスリスト通知","edt":""})"))
      << bench.last();
  EXPECT_TRUE(has(bench.last(), R"("value":"1.12")"));
  EXPECT_FALSE(has(bench.last(), "mismatch"));
  EXPECT_FALSE(has(bench.last(), "malformed"));
}

TEST(EchonetRecord, a_write_without_bytes_is_a_size_mismatch) {
  Bench bench;
  bench.send("1081 0001 05FF01 027D01 61 01 DA00");
  EXPECT_TRUE(has(bench.last(), R"("size_mismatch":true)"));
  EXPECT_FALSE(has(bench.last(), "malformed"));
}

TEST(EchonetRecord, odd_but_readable_frames_are_flagged) {
  Bench bench;
  bench.send("1081 0001 05FF01 028801 62 02 E700 E700");
  EXPECT_TRUE(has(bench.last(), R"("flags":["duplicate_epc"])"));
  EXPECT_TRUE(bench.sink.anomalies.empty());
  bench.send("1081 0001 05FF01 028801 62 02 E700 7F00");
  EXPECT_TRUE(has(bench.last(), R"("flags":["bad_epc"])"));
  ASSERT_EQ(bench.sink.anomalies.size(), 1u);
  EXPECT_EQ(bench.sink.anomalies[0], (ToldAnomaly{ParseError::echonet_bad_epc, 14}));
  bench.send("1081 0001 07FF01 028881 62 01 E700");
  EXPECT_TRUE(has(bench.last(), R"("flags":["reserved_eoj"])"));
  ASSERT_EQ(bench.sink.anomalies.size(), 3u);
  EXPECT_EQ(bench.sink.anomalies[1], (ToldAnomaly{ParseError::echonet_bad_eoj, seoj_offset}));
  EXPECT_EQ(bench.sink.anomalies[2], (ToldAnomaly{ParseError::echonet_bad_eoj, deoj_offset}));
  bench.send("1081 0001 05FF01 027D01 6E 00 01 D300");
  EXPECT_TRUE(has(bench.last(), R"("flags":["opc_zero"])"));
  EXPECT_FALSE(has(bench.last(), "malformed"));
  bench.send("1081 0001 05FF01 027D01 6E 01 DA0143 00");
  EXPECT_TRUE(has(bench.last(), R"("flags":["opc_zero"])"));
  EXPECT_FALSE(has(bench.last(), "malformed"));
}

TEST(EchonetRecord, a_bad_epc_in_the_second_list_is_told_with_its_place) {
  Bench bench;
  bench.send("1081 0001 05FF01 027D01 6E 01 DA0143 01 0100");
  ASSERT_EQ(bench.sink.anomalies.size(), 1u);
  EXPECT_EQ(bench.sink.anomalies[0], (ToldAnomaly{ParseError::echonet_bad_epc, 16}));
}

TEST(EchonetRecord, the_largest_frame_is_cut_to_the_limit_and_says_so) {
  std::vector<std::uint8_t> bytes = bytes_of("1081 0001 028801 05FF01 72 FF");
  for (unsigned i = 0; i < opc_max; ++i) {
    bytes.push_back(0xE2);  // The history of a day, with the most text per byte; here of a wrong length.
    bytes.push_back(i % 2 == 0 ? 194 : 255);
    bytes.insert(bytes.end(), i % 2 == 0 ? 194 : 255, 0xFE);
  }
  Bench bench;
  bench.send(Bench::device, Bench::controller, bytes);
  EXPECT_FALSE(has(bench.last(), "malformed"));
  EXPECT_FALSE(bench.sink.overflowed);
  EXPECT_LE(bench.last().size(), json_bytes_max);
  // A record buffer of a small sensor.
  for (const std::size_t capacity : {2000u, 5000u, 20000u}) {
    testing::TestSink small(true, false, capacity);
    bench.context.source = Bench::device;
    bench.dissector.datagram(bench.context, bytes, small);
    EXPECT_FALSE(small.overflowed) << capacity;
    EXPECT_TRUE(has(small.records.back(), "\"properties_omitted\":")) << small.records.back();
    EXPECT_EQ(small.records.back().back(), '}');
  }
}

TEST(EchonetFrame, limits_of_both_counts) {
  for (const unsigned opc : {1u, 254u, 255u}) {
    for (const unsigned pdc : {0u, 1u, 254u, 255u}) {
      std::vector<std::uint8_t> bytes = bytes_of("1081 0001 028801 05FF01 72 00");
      bytes[opc_offset] = static_cast<std::uint8_t>(opc);
      for (unsigned i = 0; i < opc; ++i) {
        bytes.push_back(0xF0);
        bytes.push_back(static_cast<std::uint8_t>(pdc));
        bytes.insert(bytes.end(), pdc, 0x55);
      }
      EXPECT_EQ(read_frame(bytes).error, ParseError::none) << opc << " " << pdc;
      bytes.pop_back();
      EXPECT_NE(read_frame(bytes).error, ParseError::none);
      bytes.push_back(0x55);
      bytes.push_back(0x55);
      EXPECT_TRUE(read_frame(bytes).error == ParseError::echonet_trailing_data || pdc == 0);
    }
  }
  std::vector<std::uint8_t> bytes = bytes_of("1081 0001 028801 05FF01 7E FF");
  for (unsigned list = 0; list < 2; ++list) {
    for (unsigned i = 0; i < 255; ++i) {
      bytes.push_back(0xF0);
      bytes.push_back(0xFF);
      bytes.insert(bytes.end(), 255, 0x55);
    }
    if (list == 0) bytes.push_back(0xFF);
  }
  EXPECT_EQ(bytes.size(), frame_bytes_max);
  EXPECT_EQ(read_frame(bytes).error, ParseError::none);
}

TEST(EchonetFrame, each_broken_rule_has_its_name_and_place) {
  EXPECT_EQ(error_of("1081 0001 05FF01 028801 62 01 E7"), (ToldAnomaly{ParseError::truncated, 12}));
  EXPECT_EQ(error_of("1081 0001 05FF01 028801 62 05 E700"), (ToldAnomaly{ParseError::echonet_opc_mismatch, 14}));
  EXPECT_EQ(error_of("1081 0001 05FF01 027D01 61 FF DA0142"), (ToldAnomaly{ParseError::echonet_opc_mismatch, 15}));
  EXPECT_EQ(error_of("1081 0001 028801 05FF01 51 01 E70400"), (ToldAnomaly{ParseError::echonet_pdc_overrun, 13}));
  EXPECT_EQ(error_of("1081 0001 05FF01 028801 62 00"), (ToldAnomaly{ParseError::echonet_opc_zero, 11}));
  EXPECT_EQ(error_of("1081 0001 05FF01 028801 6E 00 00"), (ToldAnomaly{ParseError::echonet_opc_zero, 11}));
  EXPECT_EQ(error_of("1081 0001 05FF01 028801 62 01 E700 00"), (ToldAnomaly{ParseError::echonet_trailing_data, 14}));
  EXPECT_EQ(error_of("1081 001A 05FF01 027D01 6E 01 DA0143"),
            (ToldAnomaly{ParseError::echonet_setget_missing_get, 15}));
  EXPECT_EQ(error_of("1081 0001 05FF01 028801 64 01 E700"), (ToldAnomaly{ParseError::echonet_unknown_esv, 10}));
  EXPECT_EQ(error_of("1181 0001 05FF01 028801 62 01 E700"), (ToldAnomaly{ParseError::echonet_bad_ehd, 0}));
  EXPECT_EQ(error_of("1080 0001 05FF01 028801 62 01 E700"), (ToldAnomaly{ParseError::echonet_bad_ehd, 1}));
  EXPECT_EQ(error_of("1081 0001 05FF01"), (ToldAnomaly{ParseError::truncated, 7}));
  EXPECT_EQ(error_of(""), (ToldAnomaly{ParseError::truncated, 0}));
  EXPECT_EQ(error_of(get_power).error, ParseError::none);
}

TEST(EchonetFrame, a_refusal_that_declares_four_bytes_and_carries_one_keeps_the_one) {
  Bench bench;
  bench.send(Bench::device, Bench::controller, "1081 0001 028801 05FF01 51 01 E70400");
  EXPECT_TRUE(has(bench.last(), R"("properties":[],"property_truncated":{"epc":"0xE7","pdc":4,"edt":"00"},)"))
      << bench.last();
  EXPECT_TRUE(has(bench.last(), R"("malformed":{"error":"echonet_pdc_overrun","offset":13})")) << bench.last();
}

TEST(EchonetFrame, every_prefix_of_a_true_exchange_is_told_and_keeps_what_was_read) {
  for (const std::string_view hex : {get_power, power_is_632, six_properties, refusal_with_data,
                                     std::string_view("1081 0001 05FF01 027D01 6E 01 DA0143 01 D300")}) {
    const std::vector<std::uint8_t> whole = bytes_of(hex);
    for (std::size_t size = 0; size <= whole.size(); ++size) {
      Bench bench;
      const std::vector<std::uint8_t> prefix(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size));
      bench.send(Bench::device, Bench::controller, prefix);
      ASSERT_EQ(bench.sink.records.size(), 1u);
      EXPECT_EQ(has(bench.last(), "\"malformed\""), size < whole.size()) << bench.last();
      EXPECT_EQ(bench.sink.anomalies.size(), size < whole.size() ? 1u : 0u);
      EXPECT_EQ(has(bench.last(), "\"tid\""), size >= 4);
      EXPECT_EQ(has(bench.last(), "\"seoj\""), size >= 7);
      EXPECT_EQ(has(bench.last(), "\"deoj\""), size >= 10);
      EXPECT_EQ(has(bench.last(), "\"esv\""), size >= 11);
      EXPECT_EQ(has(bench.last(), "\"properties\""), size >= 12);
    }
  }
}

TEST(EchonetFrame, a_short_snap_length_is_not_malformed) {
  const std::vector<std::uint8_t> whole = bytes_of(six_properties);
  DecodedPacket packet;
  packet.snapped = true;
  for (std::size_t size = 12; size < whole.size(); ++size) {
    Bench bench;
    bench.context.packet = &packet;
    bench.send(Bench::device, Bench::controller,
               std::vector<std::uint8_t>(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size)));
    EXPECT_TRUE(bench.sink.anomalies.empty());
    EXPECT_TRUE(has(bench.last(), R"("flags":["snapped"])")) << bench.last();
    EXPECT_FALSE(has(bench.last(), "malformed"));
  }
}

TEST(EchonetPairing, an_answer_has_its_latency_once) {
  Bench bench;
  bench.send(get_power);
  bench.context.time = bench.context.time + Duration::microseconds(12'345);
  bench.send(Bench::device, Bench::controller, power_is_632);
  EXPECT_TRUE(has(bench.last(), R"("response_ms":12.345})")) << bench.last();
  EXPECT_TRUE(bench.sink.unpaired.empty());
  bench.send(Bench::device, Bench::controller, power_is_632);
  EXPECT_FALSE(has(bench.last(), "response_ms"));
  EXPECT_EQ(bench.sink.unpaired.size(), 1u);
}

TEST(EchonetPairing, each_request_is_answered_by_its_own_services) {
  struct Row {
    const char *request, *answer, *refusal;
  };
  for (const Row& row : {Row{"60", nullptr, "50"}, Row{"61", "71", "51"}, Row{"62", "72", "52"}, Row{"63", "73", "53"},
                         Row{"6E", "7E", "5E"}, Row{"74", "7A", nullptr}}) {
    for (const char* answer : {row.answer, row.refusal}) {
      if (answer == nullptr) continue;
      Bench bench;
      bench.send(std::string("1081 0001 05FF01 027D01 ") + row.request + "01 DA00 01 D300");
      bench.wait_ms(5);
      for (const char* other : {"50", "51", "52", "53", "5E", "71", "72", "73", "7A", "7E"}) {
        if (row.answer != nullptr && std::string_view(other) == row.answer) continue;
        if (row.refusal != nullptr && std::string_view(other) == row.refusal) continue;
        bench.send(Bench::device, Bench::controller,
                   std::string("1081 0001 027D01 05FF01 ") + other + "01 DA00 01 D300");
        EXPECT_FALSE(has(bench.last(), "response_ms")) << row.request << other;
      }
      bench.send(Bench::device, Bench::controller,
                 std::string("1081 0001 027D01 05FF01 ") + answer + "01 DA00 01 D300");
      EXPECT_TRUE(has(bench.last(), "\"response_ms\":5}")) << row.request << answer << bench.last();
    }
  }
}

TEST(EchonetPairing, the_whole_key_must_fit) {
  const std::string_view other_tid = "1081 0002 028801 05FF01 72 01 E704 00000278";
  const std::string_view other_object = "1081 0001 028802 05FF01 72 01 E704 00000278";
  const std::string_view other_requester = "1081 0001 028801 05FF02 72 01 E704 00000278";
  Bench bench;
  bench.send(get_power);
  for (const std::string_view hex : {other_tid, other_object, other_requester}) {
    bench.send(Bench::device, Bench::controller, hex);
    EXPECT_FALSE(has(bench.last(), "response_ms"));
  }
  bench.send(IpAddress::v4(0xC0A81463), Bench::controller, power_is_632);
  EXPECT_FALSE(has(bench.last(), "response_ms")) << "another host";
  bench.context.segment = SegmentKey::vni(7);
  bench.send(Bench::device, Bench::controller, power_is_632);
  EXPECT_FALSE(has(bench.last(), "response_ms")) << "another home with the same addresses";
  bench.context.segment = SegmentKey();
  bench.send(Bench::device, Bench::controller, power_is_632);
  EXPECT_TRUE(has(bench.last(), "response_ms"));
}

TEST(EchonetPairing, a_request_to_all_instances_is_answered_by_each) {
  Bench bench;
  bench.send("1081 0001 05FF01 013000 62 01 8000");
  for (const char* instance : {"01", "02", "03"}) {
    bench.wait_ms(10);
    bench.send(Bench::device, Bench::controller, std::string("1081 0001 0130") + instance + " 05FF01 72 01 800130");
    EXPECT_TRUE(has(bench.last(), "response_ms")) << instance;
  }
  bench.send(Bench::device, Bench::controller, "1081 0001 013101 05FF01 72 01 800130");
  EXPECT_FALSE(has(bench.last(), "response_ms")) << "another class";
}

TEST(EchonetPairing, a_fixed_transaction_id_is_told_apart_by_object_and_property) {
  Bench bench;
  bench.send("1081 0000 05FF01 028801 62 01 E700");
  bench.wait_ms(10);
  bench.send("1081 0000 05FF01 028801 62 01 E800");
  bench.wait_ms(10);
  bench.send(Bench::device, Bench::controller, "1081 0000 028801 05FF01 72 01 E804 00000000");
  EXPECT_TRUE(has(bench.last(), "\"response_ms\":10}")) << bench.last();
  bench.send(Bench::device, Bench::controller, "1081 0000 028801 05FF01 72 01 E704 00000000");
  EXPECT_TRUE(has(bench.last(), "\"response_ms\":20}")) << bench.last();
}

TEST(EchonetPairing, an_answer_in_another_order_still_pairs) {
  Bench bench;
  bench.send("1081 0001 05FF01 028801 62 02 E700 E800");
  bench.wait_ms(3);
  bench.send(Bench::device, Bench::controller, "1081 0001 028801 05FF01 72 02 E80400000000 E70400000000");
  EXPECT_TRUE(has(bench.last(), "\"response_ms\":3}"));
}

TEST(EchonetPairing, a_retry_keeps_the_time_of_the_first_unanswered_request) {
  Bench bench;
  bench.send(get_power);
  bench.wait_ms(3000);
  bench.send(get_power);
  bench.wait_ms(100);
  bench.send(Bench::device, Bench::controller, power_is_632);
  EXPECT_TRUE(has(bench.last(), "\"response_ms\":3100}"));
}

TEST(EchonetPairing, a_request_ends_after_its_time) {
  for (const std::int64_t ms : {60'000, 60'001}) {
    Bench bench;
    bench.send(get_power);
    bench.wait_ms(ms);
    bench.send(Bench::device, Bench::controller, power_is_632);
    EXPECT_EQ(has(bench.last(), "response_ms"), ms == 60'000);
  }
}

TEST(EchonetPairing, a_multicast_request_is_left_to_the_correlator) {
  Bench bench;
  bench.send(Bench::controller, Bench::group, "1081 0007 05FF01 0EF001 62 01 D600");
  const std::vector<Fact> requests = bench.told(FactKind::request);
  ASSERT_EQ(requests.size(), 1u);
  EXPECT_TRUE(requests[0].to_group);
  EXPECT_EQ(requests[0].exchange.source_object, 0x05FF01u);
  EXPECT_EQ(requests[0].exchange.destination_object, 0x0EF001u);
  EXPECT_EQ(requests[0].exchange.transaction, 7u);
  EXPECT_EQ(requests[0].exchange.service, esv::get);
  bench.send(Bench::device, Bench::controller, "1081 0007 0EF001 05FF01 72 01 D60401028801");
  EXPECT_FALSE(has(bench.last(), "response_ms"));
  ASSERT_EQ(bench.sink.unpaired.size(), 1u);
  EXPECT_EQ(bench.sink.unpaired[0].transaction, 7u);
  EXPECT_EQ(bench.sink.unpaired[0].source_object, 0x0EF001u);
  EXPECT_EQ(bench.sink.unpaired[0].service, esv::get);
  // A subnet's broadcast shows in the link address only.
  const std::vector<std::uint8_t> ethernet(14, 0xFF);
  DecodedPacket packet;
  packet.ethernet = ethernet.data();
  bench.context.packet = &packet;
  bench.send(Bench::controller, IpAddress::v4(0xC0A814FF), "1081 0007 05FF01 0EF001 62 01 D600");
  EXPECT_EQ(bench.told(FactKind::request).size(), 2u);
}

TEST(EchonetPairing, a_spontaneous_multicast_notification_is_no_answer) {
  Bench bench;
  bench.send(Bench::device, Bench::group, "1081 0000 0EF001 0EF001 73 01 D50401028801");
  EXPECT_TRUE(bench.sink.unpaired.empty());
}

TEST(EchonetPairing, a_full_table_gives_up_the_oldest_that_spilled_and_counts_it) {
  constexpr unsigned own = PairingTable::requests_per_set, room = own + PairingTable::spilled_ways;
  Bench bench(true, false, PairingTable::spilled_ways);  // One set of each kind.
  for (unsigned i = 0; i <= room; ++i) {
    char hex[64];
    std::snprintf(hex, sizeof hex, "1081%04X05FF010288016201E700", i);
    bench.send(hex);
    bench.send(hex);  // Asked again it takes no further place.
    bench.wait_ms(10);
    EXPECT_EQ(bench.counters->evictions[static_cast<std::size_t>(metrics::EvictionReason::pairing_table)].value(),
              i < room ? 0u : 1u);
  }
  for (unsigned i = 0; i <= room; ++i) {
    char hex[64];
    std::snprintf(hex, sizeof hex, "1081%04X02880105FF017201E70400000278", i);
    bench.send(Bench::device, Bench::controller, hex);
    EXPECT_EQ(has(bench.last(), "response_ms"), i != own) << i;
    bench.send(Bench::device, Bench::controller, hex);
    EXPECT_FALSE(has(bench.last(), "response_ms")) << "one request, one answer";
  }
}

TEST(EchonetFacts, nothing_is_built_that_nobody_wants) {
  Bench bench(false, false);
  bench.send("1081 0001 05FF01 027D01 61 01 DA0142");
  EXPECT_TRUE(bench.sink.facts.empty());
  EXPECT_TRUE(bench.sink.records.empty());
  EXPECT_EQ(bench.counters->messages[self][0x61].value(), 1u);
}

TEST(EchonetProbe, the_port_makes_ehd1_enough) {
  const auto frame = bytes_of(get_power), other = bytes_of("2081000105FF010288016201E700"), damaged = bytes_of("1099");
  for (const Transport transport : {Transport::datagram, Transport::stream}) {
    EXPECT_EQ(probe(transport, true, frame), Probe::mine);
    EXPECT_EQ(probe(transport, true, damaged), Probe::mine);
    EXPECT_EQ(probe(transport, true, other), Probe::not_mine);
    EXPECT_EQ(probe(transport, true, {}), Probe::unsure);
  }
}

TEST(EchonetProbe, without_the_port_a_datagram_must_be_a_whole_frame) {
  const auto whole = bytes_of(six_properties);
  for (std::size_t size = 1; size < whole.size(); ++size)
    EXPECT_EQ(probe(Transport::datagram, false, Bytes(whole).first(size)), Probe::not_mine);
  EXPECT_EQ(probe(Transport::datagram, false, whole), Probe::mine);
  for (const char* hex :
       {"1081 0001 05FF01 028801 62 00", "1081 0001 05FF01 028801 64 01 E700", "1081 0001 05FF01 028801 62 01 1000",
        "1081 0001 FFFF01 028801 62 01 E700", "1082 0001 41424344", "1081 0001 05FF01 028801 62 01 E700 00"}) {
    EXPECT_EQ(probe(Transport::datagram, false, bytes_of(hex)), Probe::not_mine) << hex;
  }
}

TEST(EchonetProbe, without_the_port_a_stream_waits_until_it_is_sure) {
  const auto whole = bytes_of(six_properties);
  for (std::size_t size = 1; size <= whole.size(); ++size) {
    const Probe said = probe(Transport::stream, false, Bytes(whole).first(size));
    EXPECT_EQ(said, size == whole.size() || size >= 48 ? Probe::mine : Probe::unsure) << size;
  }
  EXPECT_EQ(probe(Transport::stream, false, bytes_of("1082 0001 41424344")), Probe::not_mine);
  EXPECT_EQ(probe(Transport::stream, false, bytes_of("1081 0001 05FF01 028801 62 02 E700 1000")), Probe::not_mine);
  EXPECT_EQ(probe(Transport::stream, false, bytes_of("474554202F20485454502F312E31")), Probe::not_mine);
}

TEST(EchonetRegistry, the_row_makes_a_dissector) {
  const std::span<const dissect::DissectorRow> rows = dissect::registry();
  const auto row = std::find_if(rows.begin(), rows.end(),
                                [](const auto& each) { return each.protocol == AppProtocol::echonet_lite; });
  ASSERT_NE(row, rows.end());
  EXPECT_LE(row->stream_state_size, 64u);
  EXPECT_EQ(row->message_bytes_max, 131'083u);
  const auto counters = std::make_unique<metrics::WorkerCounters>();
  EXPECT_NE(row->make({}, *counters, HashSeed{}), nullptr);
}

}  // namespace
}  // namespace tsujiban::echonet_lite
