#include <gtest/gtest.h>

#include "dissectors/modbus/modbus_test_support.h"
#include "output/privacy.h"

namespace tsujiban::modbus {
namespace {

using testing::adu;
using testing::Bench;
using testing::bytes_of;
using testing::Octets;
using testing::sample_answer;
using testing::sample_request;
using testing::ToldAnomaly;

// What one request says, alone.
std::string record_of_request(std::string_view pdu) {
  Bench bench;
  bench.ask(adu(7, 1, pdu));
  bench.finish();
  return bench.last();
}
// What an exchange says, and the anomalies of both messages.
std::string record_of(std::string_view request, std::string_view answer,
                      std::vector<ToldAnomaly>* anomalies = nullptr) {
  Bench bench;
  bench.ask(adu(7, 1, request));
  bench.answer(adu(7, 1, answer));
  bench.finish();
  EXPECT_EQ(bench.sink.records.size(), 1u) << request;
  if (anomalies != nullptr) *anomalies = bench.sink.anomalies;
  return bench.last();
}
bool contains(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }
ToldAnomaly anomaly_of_request(std::string_view pdu) {
  Bench bench;
  bench.ask(adu(7, 1, pdu));
  EXPECT_LE(bench.sink.anomalies.size(), 1u);
  EXPECT_EQ(bench.sink.told(FactKind::malformed).size(), bench.sink.anomalies.size());
  return bench.sink.anomalies.empty() ? ToldAnomaly{ParseError::none, 0} : bench.sink.anomalies[0];
}
ToldAnomaly anomaly_of_answer(std::string_view request, std::string_view pdu) {
  std::vector<ToldAnomaly> anomalies;
  record_of(request, pdu, &anomalies);
  EXPECT_LE(anomalies.size(), 1u);
  return anomalies.empty() ? ToldAnomaly{ParseError::none, 0} : anomalies[0];
}
constexpr ToldAnomaly fine{ParseError::none, 0};

TEST(ModbusRecord, an_exchange_is_one_record_in_suricatas_shape) {
  EXPECT_EQ(record_of("03 0000 0002", "03 04 0102 4142"),
            R"({"id":1,"request":{"transaction_id":7,"protocol_id":0,"unit_id":1,"function_raw":3,)"
            R"("function_code":"RdHoldRegs","access_type":"READ | HOLDING","category":"PUBLIC_ASSIGNED",)"
            R"("error_flags":"NONE","read":{"address":0,"quantity":2}},"response":{"transaction_id":7,"protocol_id":0,)"
            R"("unit_id":1,"function_raw":3,"function_code":"RdHoldRegs","access_type":"READ | HOLDING",)"
            R"("category":"PUBLIC_ASSIGNED","error_flags":"NONE","read":{"data":"\u0001\u0002AB"}}})");
}

TEST(ModbusRecord, writes_have_address_and_value_or_quantity_and_data) {
  EXPECT_TRUE(contains(record_of("06 0004 09C4", "06 0004 09C4"), R"("write":{"address":4,"data":2500})"));
  EXPECT_TRUE(contains(record_of("0F 0010 0003 01 05", "0F 0010 0003"),
                       R"("write":{"address":16,"quantity":3,"data":"\u0005"})"));
  EXPECT_TRUE(contains(record_of("0F 0010 0003 01 05", "0F 0010 0003"), R"("write":{"address":16,"data":3})"));
  EXPECT_TRUE(contains(record_of("16 0001 00F2 0025", "16 0001 00F2 0025"),
                       R"("write":{"address":1,"and_mask":242,"or_mask":37})"));
  const std::string both = record_of("17 0003 0001 000E 0001 02 00FF", "17 02 00FE");
  EXPECT_TRUE(contains(both, R"("read":{"address":3,"quantity":1},"write":{"address":14,"quantity":1,"data":)"));
}

TEST(ModbusRecord, bytes_that_are_no_text_are_escaped_as_suricata_does) {
  EXPECT_TRUE(contains(record_of("04 0000 0001", "04 02 41F5"), R"("data":"A\\xf5")"));
  EXPECT_TRUE(contains(record_of("04 0000 0001", "04 02 C3A9"), "\"data\":\"\xC3\xA9\""));
}

TEST(ModbusRecord, an_exception_says_which) {
  const std::string record = record_of("05 0001 FF00", "85 02");
  EXPECT_TRUE(contains(record, R"("function_raw":133,"function_code":"WrSingleCoil")"));
  EXPECT_TRUE(contains(record, R"("exception":{"raw":2,"code":"IllegalDataAddr"})"));
}

TEST(ModbusRecord, diagnostics_have_their_sub_function) {
  EXPECT_TRUE(contains(record_of_request("08 0004 0000"),
                       R"("diagnostic":{"raw":4,"code":"ForceListenOnlyMode","data":"\u0000\u0000"})"));
  EXPECT_TRUE(contains(record_of_request("08 0009 0000"), R"("category":"RESERVED")"));
}

TEST(ModbusRecord, a_device_identification_is_read_as_text) {
  const std::string record = record_of("2B 0E 01 00", "2B 0E 01 01 00 00 02 00 04 41636D65 02 04 56312E30");
  EXPECT_TRUE(contains(record, R"("device_id":{"read_code":1,"object_id":0})"));
  EXPECT_TRUE(contains(record, R"("objects":[{"id":0,"name":"vendor_name","value":"Acme"},)"
                               R"({"id":2,"name":"revision","value":"V1.0"}])"));
}

TEST(ModbusRecord, umas_and_file_records_have_members_of_ours) {
  EXPECT_TRUE(contains(record_of_request("5A 00 02"), R"("umas":{"session":0,"function":2})"));
  EXPECT_TRUE(contains(record_of_request("15 0D 06 0004 0007 0003 06AF 04BE 100D"),
                       R"("file_records":[{"file":4,"record":7,"registers":3}])"));
  EXPECT_TRUE(contains(record_of_request("14 0E 06 0004 0001 0002 06 0003 0009 0002"),
                       R"("file_records":[{"file":4,"record":1,"registers":2},{"file":3,"record":9,"registers":2}])"));
}

TEST(ModbusRecord, sides_without_the_other_are_recorded_alone) {
  Bench bench;
  bench.ask(sample_request());
  EXPECT_TRUE(bench.sink.records.empty());
  bench.finish();
  ASSERT_EQ(bench.sink.records.size(), 1u);
  EXPECT_FALSE(bench.has("\"response\""));
  EXPECT_EQ(bench.sink.source, Bench::client);
  Bench other;
  other.answer(sample_answer());
  ASSERT_EQ(other.sink.records.size(), 1u);
  EXPECT_FALSE(other.has("\"request\""));
  EXPECT_EQ(other.sink.source, Bench::client);
  EXPECT_TRUE(other.sink.anomalies.empty());  // Nobody saw the requests.
}

struct Limit {
  const char* request;
  ToldAnomaly told;
};
class ModbusRequest : public ::testing::TestWithParam<Limit> {};
TEST_P(ModbusRequest, is_judged_by_the_limits_of_its_function) {
  EXPECT_EQ(anomaly_of_request(GetParam().request), GetParam().told) << GetParam().request;
}
constexpr ToldAnomaly quantity(std::uint32_t offset) { return {ParseError::modbus_bad_quantity, offset}; }
constexpr ToldAnomaly count(std::uint32_t offset) { return {ParseError::modbus_bad_byte_count, offset}; }
constexpr ToldAnomaly value(std::uint32_t offset) { return {ParseError::bad_value, offset}; }
constexpr ToldAnomaly cut(std::uint32_t offset) { return {ParseError::truncated, offset}; }
constexpr ToldAnomaly longer(std::uint32_t offset) { return {ParseError::trailing_bytes, offset}; }
INSTANTIATE_TEST_SUITE_P(
    limits, ModbusRequest,
    ::testing::Values(
        Limit{"01 0000 0000", quantity(10)}, Limit{"01 0000 0001", fine}, Limit{"01 0000 07D0", fine},
        Limit{"01 0000 07D1", quantity(10)}, Limit{"02 FFFF 07D0", fine}, Limit{"03 0000 007D", fine},
        Limit{"03 0000 007E", quantity(10)}, Limit{"04 0000 0000", quantity(10)}, Limit{"04 0000", cut(10)},
        Limit{"04 0000 0001 00", longer(12)}, Limit{"05 0000 FF00", fine}, Limit{"05 0000 0000", fine},
        Limit{"05 0000 0001", value(10)}, Limit{"06 0000 FFFF", fine}, Limit{"06 0000", cut(10)}, Limit{"07", fine},
        Limit{"07 00", longer(8)}, Limit{"0B", fine}, Limit{"0C", fine}, Limit{"11", fine}, Limit{"11 01", longer(8)},
        Limit{"08 0000 1234", fine}, Limit{"08 0000", cut(10)}, Limit{"08 00", cut(9)}, Limit{"08 0001 FF00", fine},
        Limit{"08 0001 0001", value(10)}, Limit{"08 0003 2C00", fine}, Limit{"08 0003 2C01", value(10)},
        Limit{"08 0004 0000", fine}, Limit{"08 0004 0001", value(10)}, Limit{"08 000A 0000", fine},
        Limit{"08 000A 0001", value(10)}, Limit{"08 000A 0000 00", longer(12)}, Limit{"0F 0000 0008 01 FF", fine},
        Limit{"0F 0000 0009 01 FF", count(12)}, Limit{"0F 0000 0000 00", quantity(10)},
        Limit{"0F 0000 0008 01", count(12)}, Limit{"10 0000 0001 02 0001", fine},
        Limit{"10 0000 0001 03 000102", count(12)}, Limit{"10 0000 0001 02 00", count(12)},
        Limit{"10 0000 0001", cut(12)}, Limit{"16 0000 0000 0000", fine}, Limit{"16 0000 0000", cut(12)},
        Limit{"17 0000 0001 0000 0001 02 0000", fine}, Limit{"17 0000 007E 0000 0001 02 0000", quantity(10)},
        Limit{"17 0000 0001 0000 0000 00", quantity(14)}, Limit{"17 0000 0001 0000 0001 04 0000", count(16)},
        Limit{"14 07 06 0001 0000 0001", fine}, Limit{"14 07 05 0001 0000 0001", value(9)},
        Limit{"14 07 06 0000 0000 0001", value(10)}, Limit{"14 07 06 0001 270F 0001", fine},
        Limit{"14 07 06 0001 2710 0001", value(12)}, Limit{"14 06 06 0001 0000 00", count(8)},
        Limit{"15 09 06 0001 0000 0001 1234", fine}, Limit{"15 09 06 0001 0000 0002 1234", cut(9)},
        Limit{"18 0000", fine}, Limit{"18 00", cut(9)}, Limit{"18 0000 00", longer(10)}, Limit{"2B 0E 01 00", fine},
        Limit{"2B 0E 05 00", value(9)}, Limit{"2B 0E 01", cut(10)}, Limit{"2B", cut(8)}, Limit{"2B 0D 0102", fine},
        Limit{"41 0102", fine}, Limit{"5A 0002", fine}, Limit{"00 01", {ParseError::modbus_bad_function, 7}},
        Limit{"81 01", {ParseError::modbus_bad_function, 7}}));

TEST(ModbusAnswer, is_judged_by_its_function_and_its_request) {
  EXPECT_EQ(anomaly_of_answer("01 0000 0009", "01 02 FF01"), fine);
  EXPECT_EQ(anomaly_of_answer("01 0000 0009", "01 01 FF"), (ToldAnomaly{ParseError::modbus_answer_mismatch, 8}));
  EXPECT_EQ(anomaly_of_answer("03 0000 0001", "03 02 0000"), fine);
  EXPECT_EQ(anomaly_of_answer("03 0000 0001", "03 03 000000"), count(8));
  EXPECT_EQ(anomaly_of_answer("03 0000 0001", "03 02 00"), count(8));
  EXPECT_EQ(anomaly_of_answer("03 0000 0001", "03"), cut(8));
  EXPECT_EQ(anomaly_of_answer("06 0001 0002", "06 0001 0003"), (ToldAnomaly{ParseError::modbus_answer_mismatch, 10}));
  EXPECT_EQ(anomaly_of_answer("06 0001 0002", "06 0000 0002"), (ToldAnomaly{ParseError::modbus_answer_mismatch, 8}));
  EXPECT_EQ(anomaly_of_answer("10 0000 0001 02 0001", "10 0000 0002"),
            (ToldAnomaly{ParseError::modbus_answer_mismatch, 10}));
  EXPECT_EQ(anomaly_of_answer("16 0001 00F2 0025", "16 0001 00F2 0026"),
            (ToldAnomaly{ParseError::modbus_answer_mismatch, 12}));
  EXPECT_EQ(anomaly_of_answer("17 0000 0001 0000 0001 02 0000", "17 02 0001"), fine);
  EXPECT_EQ(anomaly_of_answer("07", "07 6D"), fine);
  EXPECT_EQ(anomaly_of_answer("07", "07"), cut(8));
  EXPECT_EQ(anomaly_of_answer("0B", "0B FFFF 0108"), fine);
  EXPECT_EQ(anomaly_of_answer("0C", "0C 08 0000 0108 0121 2000"), fine);
  EXPECT_EQ(anomaly_of_answer("0C", "0C 05 0000 0108 01"), count(8));
  EXPECT_EQ(anomaly_of_answer("11", "11 03 0102FF"), fine);
  EXPECT_EQ(anomaly_of_answer("11", "11 04 0102FF"), count(8));
  EXPECT_EQ(anomaly_of_answer("08 000B 0000", "08 000B 0012"), fine);
  EXPECT_EQ(anomaly_of_answer("08 000B 0000", "08 000C 0012"), (ToldAnomaly{ParseError::modbus_answer_mismatch, 8}));
  EXPECT_EQ(anomaly_of_answer("14 07 06 0004 0001 0002", "14 06 05 06 0DFE 0020"), fine);
  EXPECT_EQ(anomaly_of_answer("14 07 06 0004 0001 0002", "14 06 06 06 0DFE 0020"), count(9));
  EXPECT_EQ(anomaly_of_answer("18 04DE", "18 0006 0002 01B8 1284"), fine);
  EXPECT_EQ(anomaly_of_answer("18 04DE", "18 0006 0003 01B8 1284"), count(8));
  EXPECT_EQ(anomaly_of_answer("2B 0E 01 00", "2B 0E 01 01 00 00 01 00 05 4142"), cut(14));
  EXPECT_EQ(anomaly_of_answer("2B 0E 01 00", "2B 0E 01 01 00 00 00 00"), longer(14));
  EXPECT_EQ(anomaly_of_answer("03 0000 0001", "83 0B"), fine);
  EXPECT_EQ(anomaly_of_answer("03 0000 0001", "83 09"), value(8));
  EXPECT_EQ(anomaly_of_answer("03 0000 0001", "83"), cut(8));
  EXPECT_EQ(anomaly_of_answer("03 0000 0001", "83 02 00"), longer(9));
}

TEST(ModbusRequestLimits, the_largest_write_fills_a_message) {
  const auto write = [](unsigned registers) {
    Octets bytes = bytes_of("10 0000 00");
    bytes.push_back(static_cast<std::uint8_t>(registers));
    bytes.push_back(static_cast<std::uint8_t>(2 * registers));
    bytes.resize(bytes.size() + 2 * registers);
    std::string hex;
    for (const std::uint8_t b : bytes) {
      constexpr char digits[] = "0123456789ABCDEF";
      hex += {digits[b >> 4], digits[b & 15]};
    }
    return hex;
  };
  EXPECT_EQ(anomaly_of_request(write(write_registers_max)), fine);
  // One register more does not fit into a PDU.
  Bench bench;
  bench.ask(adu(7, 1, write(write_registers_max + 1)));
  EXPECT_EQ(bench.sink.anomalies, (std::vector<ToldAnomaly>{{ParseError::bad_length, 4}}));
}

TEST(ModbusProbe, knows_requests_and_answers_without_the_port) {
  using dissect::Probe;
  const auto stream = [](const Octets& bytes, bool hint = false) {
    return probe(dissect::Transport::stream, hint, bytes);
  };
  EXPECT_EQ(stream(sample_request()), Probe::mine);
  EXPECT_EQ(stream(sample_answer()), Probe::mine);
  EXPECT_EQ(stream(adu(1, 1, "83 02")), Probe::mine);
  EXPECT_EQ(stream(adu(1, 1, "64 0102")), Probe::not_mine);  // User-defined: nothing to recognise.
  EXPECT_EQ(stream(adu(1, 1, "64 0102"), true), Probe::mine);
  EXPECT_EQ(stream(adu(1, 1, "03 0000 0000")), Probe::not_mine);  // A quantity that cannot be.
  EXPECT_EQ(stream(bytes_of("0001 0001 0006 01 03 0000 0001"), true), Probe::not_mine);
  EXPECT_EQ(stream(bytes_of("0001 0000 0001 01 03 0000 0001"), true), Probe::not_mine);
  EXPECT_EQ(stream(bytes_of("0001 0000 00FF 01 03 0000 0001"), true), Probe::not_mine);
  EXPECT_EQ(stream(bytes_of("16030100"), true), Probe::not_mine);
  EXPECT_EQ(probe(dissect::Transport::datagram, true, sample_request()), Probe::not_mine);
  const Octets request = sample_request();
  for (std::size_t size = 0; size < request.size(); ++size)
    EXPECT_EQ(stream(Octets(request.begin(), request.begin() + static_cast<std::ptrdiff_t>(size))), Probe::unsure)
        << size;
}

TEST(ModbusCounters, messages_are_counted_by_function) {
  Bench bench({.records = false, .facts = false});
  bench.ask(sample_request());
  bench.answer(adu(7, 1, "83 02"));
  bench.ask(adu(8, 1, "03 0000 0000"));
  const auto self = static_cast<std::size_t>(AppProtocol::modbus);
  EXPECT_EQ(bench.counters->messages[self][3].value(), 2u);
  EXPECT_EQ(bench.counters->messages[self][0x83].value(), 1u);
  EXPECT_EQ(bench.counters->messages_malformed[self].value(), 1u);
  EXPECT_EQ(message_type_name(3), "read_holding_registers");
  EXPECT_EQ(message_type_name(0x83), "read_holding_registers_exception");
  EXPECT_EQ(message_type_name(99), "");
}

TEST(ModbusRecord, with_a_mask_values_are_pseudonyms_and_addresses_stay) {
  const output::Mask mask(true, {});
  for (const auto& [request, answer] :
       {std::pair{"03 0000 0002", "03 04 4D51 5445"}, std::pair{"06 0010 4D51", "06 0010 4D51"},
        std::pair{"10 0010 0002 04 4D51 5445", "10 0010 0002"}, std::pair{"16 0010 4D51 5445", "16 0010 4D51 5445"},
        std::pair{"2B 0E 01 00", "2B 0E 01 01 00 00 02 00 02 4142 80 04 4D515445"},
        std::pair{"08 0000 4D51", "08 0000 4D51"}, std::pair{"11", "11 06 4D51 5445 FF00"}}) {
    for (const bool masks : {false, true}) {
      Bench bench;
      if (masks) bench.sink.set_mask(&mask);
      bench.ask(testing::adu(1, 1, request));
      bench.answer(testing::adu(1, 1, answer));
      ASSERT_EQ(bench.sink.records.size(), 1u) << request;
      // 0x4D51 is "MQ", or 19793.
      const bool told = bench.has("MQ") || bench.has("19793");
      EXPECT_EQ(told, !masks) << bench.last();
      EXPECT_EQ(bench.has("masked"), masks) << bench.last();
    }
  }
  Bench bench;
  bench.sink.set_mask(&mask);
  bench.ask(testing::adu(1, 1, "06 0010 4D51"));
  bench.answer(testing::adu(1, 1, "06 0010 4D51"));
  EXPECT_TRUE(bench.has(R"("write":{"address":16,"data":"masked"})")) << bench.last();
}

}  // namespace
}  // namespace tsujiban::modbus
