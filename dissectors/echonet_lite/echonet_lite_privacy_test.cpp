// Readings and identifiers of people's homes do not leave the dissector in the plain.
#include <gtest/gtest.h>
#include <pcap/pcap.h>

#include <filesystem>

#include "dissectors/echonet_lite/echonet_lite_properties.h"
#include "dissectors/echonet_lite/echonet_lite_test_sink.h"

namespace tsujiban::echonet_lite {
namespace {

using testing::Bench;

const std::vector<std::uint8_t> key(32, 0x5A);
const output::Mask keyed(true, key), blank(true, {});

bool has(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }
std::string hex_of(Bytes bytes) {
  std::string text;
  for (const std::uint8_t b : bytes) {
    char digits[3];
    std::snprintf(digits, sizeof digits, "%02x", b);
    text += digits;
  }
  return text;
}
std::string said(const output::Mask& mask, std::string_view hex) {
  Bench bench;
  bench.sink.set_mask(&mask);
  bench.send(Bench::device, Bench::controller, hex);
  return bench.last();
}

TEST(EchonetPrivacy, a_masked_property_has_one_pseudonym_and_nothing_else_of_its_value) {
  const std::string record = said(keyed, "1081 0001 028801 05FF01 72 02 800130 E70400000698");
  const std::string pseudonym(keyed.of(testing::bytes_of("00000698")).view());
  EXPECT_TRUE(has(record, "\"edt\":\"" + pseudonym + "\",\"value\":\"" + pseudonym + "\"}")) << record;
  EXPECT_FALSE(has(record, "1688"));
  EXPECT_FALSE(has(record, "\"unit\""));
  EXPECT_TRUE(has(record, "\"edt\":\"30\"")) << "a state is none of it";
  EXPECT_TRUE(has(said(keyed, "1081 0002 028802 05FF01 72 01 E30400000698"), pseudonym)) << "equal bytes, equal word";
  EXPECT_TRUE(
      has(said(blank, "1081 0001 028801 05FF01 72 01 E70400000698"), "\"edt\":\"masked\",\"value\":\"masked\"}"));
}

TEST(EchonetPrivacy, without_a_mask_everything_is_told) {
  EXPECT_TRUE(has(said(output::Mask(), "1081 0001 028801 05FF01 72 01 E70400000698"), "\"value\":1688"));
}

TEST(EchonetPrivacy, questions_and_refusals_have_nothing_to_mask) {
  EXPECT_TRUE(has(said(blank, "1081 0001 028801 05FF01 52 01 E700"), "\"edt\":\"\""));
}

TEST(EchonetPrivacy, lists_structures_second_lists_and_cut_properties_are_masked_too) {
  for (const char* hex : {
           "1081 0001 028801 05FF01 72 01 E8040ABCDEF1",                             // Currents: a structure.
           "1081 0001 028701 05FF01 72 01 B30A 01020ABCDEF10ABCDEF1",                // A list of circuits.
           "1081 0001 028801 05FF01 7E 01 8000 01 E0040ABCDEF1",                     // The second list of a SetGet.
           "1081 0001 028801 05FF01 72 01 E00A0ABCDEF1",                             // Cut.
           "1081 0001 028801 05FF01 72 01 E0050ABCDEF100",                           // Not the property's size.
           "1081 0001 028801 05FF01 72 01 F0040ABCDEF1",                             // Beyond the tables.
           "1081 0001 028801 05FF01 7F 01 E0040ABCDEF1",                             // A reserved service.
           "1081 0001 05FF01 028801 6F 01 E0040ABCDEF1",                             // Another.
           "1081 0001 05FF01 028801 61 01 C0040ABCDEF1",                             // Written to the meter.
           "1081 0001 0EF001 05FF01 72 01 8311FE0000770ABCDEF10000000000000000 01",  // An identity.
           "1081 0001 028801 05FF01 72 01 800130 0ABCDEF1",                          // Behind the last property.
           "1082 0001 0ABCDEF1 028801",                                              // Format 2.
       }) {
    Bench bench;
    bench.sink.set_mask(&keyed);
    bench.send(Bench::device, Bench::controller, hex);
    EXPECT_FALSE(has(bench.last(), "0abcdef1")) << bench.last();
    EXPECT_FALSE(has(bench.last(), "\"value\":180150001")) << bench.last();
  }
}

TEST(EchonetPrivacy, a_fact_has_the_pseudonym_of_an_identity) {
  Bench bench;
  bench.sink.set_mask(&keyed);
  bench.send(Bench::device, Bench::controller, "1081 0001 0EF001 05FF01 72 01 8311FE0000770102030405060708090A0B0C0D");
  const auto readings = bench.told(FactKind::reading);
  ASSERT_EQ(readings.size(), 1u);
  EXPECT_EQ(std::string_view(readings[0].reading.text.data()),
            keyed.of(testing::bytes_of("FE0000770102030405060708090A0B0C0D")).view());
}

TEST(EchonetPrivacy, presence_and_identity_are_sensitive_and_states_are_not) {
  EXPECT_TRUE(sensitive_properties(0x0007).has(0xB1));
  EXPECT_TRUE(sensitive_properties(0x0EF0).has(0x83));
  EXPECT_TRUE(sensitive_properties(0x0288).has(0xC0));
  EXPECT_TRUE(sensitive_properties(0x0288).has(0x83)) << "what every class has";
  EXPECT_TRUE(sensitive_properties(0xFFFF).has(0x83));
  for (const unsigned class_code : {0x0000u, 0x0130u, 0x027Du, 0x0288u}) {
    for (const unsigned epc : {0x80u, 0x88u, 0xDAu})
      EXPECT_FALSE(sensitive_properties(static_cast<std::uint16_t>(class_code)).has(static_cast<std::uint8_t>(epc)))
          << class_code << " " << epc;
  }
}

// Every capture of ECHONET Lite: no value of four bytes or more of a sensitive property is in its record.
TEST(EchonetPrivacy, no_capture_leaks_a_sensitive_value) {
  const std::filesystem::path folder = TSUJIBAN_CAPTURES_DIR "/echonet";
  if (!std::filesystem::is_directory(folder)) GTEST_SKIP() << "the collection of foreign captures is not there";
  std::size_t messages = 0, sensitive = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    char error[PCAP_ERRBUF_SIZE];
    pcap_t* const file = pcap_open_offline(entry.path().c_str(), error);
    if (file == nullptr) continue;
    Bench bench;
    bench.sink.set_mask(&keyed);
    pcap_pkthdr* header = nullptr;
    const u_char* at = nullptr;
    while (pcap_next_ex(file, &header, &at) == 1) {
      // Wherever a frame begins in the packet: what is around it does not matter here.
      const Bytes packet(at, header->caplen);
      std::size_t begin = 0;
      while (begin + header_length < packet.size() &&
             !(packet[begin] == ehd1_echonet_lite && packet[begin + 1] == ehd2_format1))
        ++begin;
      if (begin + header_length >= packet.size()) continue;
      const Bytes message = packet.subspan(begin);
      bench.sink.records.clear();
      bench.send(Bench::device, Bench::controller, std::vector<std::uint8_t>(message.begin(), message.end()));
      ++messages;
      ASSERT_EQ(bench.sink.records.size(), 1u);
      const FrameEvent frame = read_frame(message);
      const PropertySet& hidden = sensitive_properties(class_of(owner_of(frame.service, frame.seoj, frame.deoj)));
      PropertyView view;
      const auto check = [&](PropertyCursor cursor) {
        while (cursor.next(view)) {
          if (!hidden.has(view.epc) || view.edt.size() < 4) continue;
          ++sensitive;
          EXPECT_FALSE(has(bench.last(), hex_of(view.edt))) << entry.path() << ' ' << bench.last();
        }
      };
      check(PropertyCursor(message, header_length, frame.opc));
      check(PropertyCursor(message, frame.get_list_offset, frame.opc_get));
    }
    pcap_close(file);
  }
  EXPECT_GT(messages, 1000u);
  EXPECT_GT(sensitive, 0u);
  std::printf("messages %zu, sensitive values %zu\n", messages, sensitive);
}

}  // namespace
}  // namespace tsujiban::echonet_lite
