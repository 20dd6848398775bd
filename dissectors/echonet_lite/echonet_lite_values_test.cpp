#include "dissectors/echonet_lite/echonet_lite_values.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <string>
#include <vector>

#include "dissectors/echonet_lite/echonet_lite_json.h"

namespace tsujiban::echonet_lite {
namespace {

std::vector<std::uint8_t> bytes_of(std::string_view hex) {
  std::vector<std::uint8_t> bytes;
  for (std::size_t i = 0; i + 1 < hex.size(); i += 2)
    bytes.push_back(static_cast<std::uint8_t>(std::stoul(std::string(hex.substr(i, 2)), nullptr, 16)));
  return bytes;
}

// What is written of one value: {"value":504,"unit":"W"}.
std::string shown(std::uint16_t class_code, std::uint8_t epc, std::string_view hex) {
  const Property* const property = find_property(class_code, epc);
  if (property == nullptr) return "no property";
  static char buffer[1 << 16];
  JsonWriter writer(buffer, sizeof buffer);
  const std::vector<std::uint8_t> edt = bytes_of(hex);
  writer.begin_object();
  write_value(writer, *property, edt);
  writer.end_object();
  return std::string(writer.text());
}

TEST(EchonetProperties, every_row_of_the_table_is_found_by_class_and_epc) {
  std::ifstream file(TSUJIBAN_SOURCE_DIR "/dissectors/echonet_lite/data/properties.csv");
  std::string line;
  std::getline(file, line);
  std::size_t rows = 0;
  while (std::getline(file, line)) {
    const auto class_code = static_cast<std::uint16_t>(std::stoul(line.substr(2, 4), nullptr, 16));
    const std::size_t at = line.find(",0x", 7);
    const auto epc = static_cast<std::uint8_t>(std::stoul(line.substr(at + 3, 2), nullptr, 16));
    const Property* const property = find_property(class_code, epc);
    ASSERT_NE(property, nullptr) << line;
    EXPECT_EQ(property->class_code, class_code) << line;
    EXPECT_EQ(property->epc, epc) << line;
    EXPECT_FALSE(property->name.empty() || property->name_ja.empty()) << line;
    ++rows;
  }
  EXPECT_EQ(rows, 682u);
  // Two more: inherited ones for which a class has directions of its own.
  EXPECT_EQ(all_properties().size(), 684u);
}

TEST(EchonetProperties, a_device_class_inherits_the_superclass_and_a_profile_does_not) {
  ASSERT_NE(find_property(0x0130, 0x8A), nullptr);
  EXPECT_EQ(find_property(0x0130, 0x8A)->class_code, 0x0000);
  EXPECT_EQ(find_property(0x0260, 0x80)->class_code, 0x0000) << "a device class that the table does not have";
  EXPECT_EQ(find_property(0x0260, 0xE0), nullptr);
  EXPECT_EQ(find_property(0x0EF0, 0x80)->class_code, 0x0EF0);
  EXPECT_EQ(find_property(0x0EF0, 0x84), nullptr);
  EXPECT_EQ(find_property(0x0EF1, 0x80), nullptr);
  EXPECT_EQ(find_property(0x0130, 0x7F), nullptr);
  EXPECT_EQ(find_property(0x1000, 0x80), nullptr);
  EXPECT_EQ(find_property(0xFFFF, 0xFF), nullptr);
  EXPECT_EQ(find_class(0x0288)->name_ja.empty(), false);
}

TEST(EchonetProperties, effect_rules_and_direction_come_from_the_tables) {
  const Property& mode = *find_property(0x027D, 0xDA);
  EXPECT_EQ(mode.effect, WriteEffect::physical);
  EXPECT_EQ(direction_of(mode, 0x42), LoadDirection::up);
  EXPECT_EQ(direction_of(mode, 0x43), LoadDirection::down);
  EXPECT_EQ(direction_of(mode, 0x44), LoadDirection::depends);
  EXPECT_EQ(direction_of(mode, 0x99), LoadDirection::none);
  EXPECT_EQ(direction_of(*find_property(0x027D, 0xEB), 12345), LoadDirection::up) << "any value";
  EXPECT_EQ(direction_of(*find_property(0x027D, 0xCC), 0x42), LoadDirection::lost);
  EXPECT_EQ(direction_of(*find_property(0x0279, 0xA0), 100), LoadDirection::down);
  EXPECT_EQ(direction_of(*find_property(0x0130, 0x80), 0x31), LoadDirection::down);
  EXPECT_EQ(direction_of(*find_property(0x026B, 0x80), 0x30), LoadDirection::up) << "inherited row";
  EXPECT_EQ(direction_of(*find_property(0x0279, 0x80), 0x30), LoadDirection::down) << "a source";
  EXPECT_EQ(direction_of(*find_property(0x027C, 0x80), 0x30), LoadDirection::none)
      << "own rows replace the inherited ones";
  EXPECT_EQ(find_property(0x0288, 0xE5)->effect, WriteEffect::selector);
  EXPECT_EQ(find_property(0x0000, 0x93)->effect, WriteEffect::permission);
  EXPECT_EQ(find_property(0x0288, 0xE7)->set, AccessRule::no);
  EXPECT_EQ(find_property(0x0288, 0xE2)->atomic_with, 0xE5);
}

TEST(EchonetValues, signed_and_unsigned_numbers_have_units) {
  EXPECT_EQ(shown(0x0288, 0xE7, "000001f8"), R"({"value":504,"unit":"W"})");
  EXPECT_EQ(shown(0x0288, 0xE7, "FFFFF856"), R"({"value":-1962,"unit":"W"})");
  EXPECT_EQ(shown(0x0130, 0x84, "0064"), R"({"value":100,"unit":"W"})");
  EXPECT_EQ(shown(0x0130, 0xB3, "1A"), R"({"value":26,"unit":"Celsius"})");
  EXPECT_EQ(shown(0x0130, 0xBB, "F6"), R"({"value":-10,"unit":"Celsius"})");
  EXPECT_EQ(shown(0x027D, 0xE1, "FFF6"), R"({"value":-1,"unit":"Ah"})");
  EXPECT_EQ(shown(0x0EF0, 0xD3, "000102"), R"({"value":258})");
}

TEST(EchonetValues, a_multiplier_gives_the_decimal_that_people_expect) {
  EXPECT_EQ(shown(0x0000, 0x85, "00000003"), R"({"value":0.003,"unit":"kWh"})");
  EXPECT_EQ(shown(0x0288, 0xE8, "001E0032"),
            R"({"values":{"rPhase":{"value":3,"unit":"A"},"tPhase":{"value":5,"unit":"A"}}})");
  EXPECT_EQ(shown(0x0288, 0xE8, "00030028"),
            R"({"values":{"rPhase":{"value":0.3,"unit":"A"},"tPhase":{"value":4,"unit":"A"}}})");
  EXPECT_EQ(
      shown(0x02A7, 0xC1, "03010064"),
      R"({"values":{"frequencyRegulationMode":{"values":{"Command control":"With control","Autonomous control":"With control",)"
      R"("EM planned value control":"With control","EM target value control":"Without control"}},"noCommunicationWatchdogTimer":{"value":1000,"unit":"ms"}}})");
}

TEST(EchonetValues, codes_that_mean_no_data_are_no_numbers) {
  EXPECT_EQ(shown(0x0288, 0xE7, "7FFFFFFE"), R"({"value":null,"state":"no-data","meaning":"Not measured","unit":"W"})");
  EXPECT_EQ(
      shown(0x0288, 0xE8, "001E7FFE"),
      R"({"values":{"rPhase":{"value":3,"unit":"A"},"tPhase":{"value":null,"state":"no-data","meaning":"Not measured","unit":"A"}}})");
  EXPECT_EQ(shown(0x0130, 0xBB, "7E"), R"({"value":null,"state":"no-data","meaning":"Unmeasurable","unit":"Celsius"})");
}

TEST(EchonetValues, overflow_and_underflow_only_where_the_range_leaves_the_code_out) {
  EXPECT_EQ(shown(0x0000, 0x84, "FFFF"), R"({"value":null,"state":"overflow","unit":"W"})");
  EXPECT_EQ(shown(0x0000, 0x84, "FFFE"), R"({"value":null,"state":"underflow","unit":"W"})");
  EXPECT_EQ(shown(0x0288, 0xE7, "7FFFFFFF"), R"({"value":null,"state":"overflow","unit":"W"})");
  EXPECT_EQ(shown(0x0288, 0xE7, "80000000"), R"({"value":null,"state":"underflow","unit":"W"})");
  EXPECT_EQ(shown(0x0130, 0xBB, "7F"), R"({"value":null,"state":"overflow","unit":"Celsius"})");
  EXPECT_EQ(shown(0x0130, 0xBB, "80"), R"({"value":null,"state":"underflow","unit":"Celsius"})");
  // uint32[0..4294967295]: every code is a number.
  EXPECT_EQ(shown(0x0000, 0x9A, "41FFFFFFFF"),
            R"({"values":{"unit":{"value":65,"meaning":"second"},"time":{"value":4294967295}}})");
  EXPECT_EQ(shown(0x0290, 0xC0, "FFFE00"),
            R"({"values":{"red":{"value":255},"green":{"value":254},"blue":{"value":0}}})");
  // No code set aside, only outside of 0..100.
  EXPECT_EQ(shown(0x0000, 0x87, "65"), R"({"value":101,"out_of_range":true,"unit":"%"})");
}

TEST(EchonetValues, enumerations_keep_unknown_codes) {
  EXPECT_EQ(shown(0x0260, 0x80, "30"), R"({"value":48,"meaning":"ON"})");
  EXPECT_EQ(shown(0x0130, 0x80, "99"), R"({"value":153,"out_of_range":true})");
  EXPECT_EQ(shown(0x0130, 0x89, "0014"), R"({"value":20,"meaning":"Fault in a switch"})");
  EXPECT_EQ(shown(0x0130, 0x89, "001D"), R"({"value":29,"meaning":"Fault in a switch"})");
}

TEST(EchonetValues, an_enumeration_of_numbers_is_a_number) {
  EXPECT_EQ(shown(0x0288, 0xE1, "01"), R"({"value":0.1})");
  EXPECT_EQ(shown(0x0288, 0xE1, "0D"), R"({"value":10000})");
  EXPECT_EQ(shown(0x0288, 0xE1, "07"), R"({"value":null,"out_of_range":true})");
}

TEST(EchonetValues, scaling_by_another_property_is_told_and_not_guessed) {
  EXPECT_EQ(shown(0x0288, 0xE0, "0000FE73"), R"({"value":65139,"unit":"kWh","scaled_by":["0xD3","0xE1"]})");
  EXPECT_EQ(shown(0x0288, 0xE0, "FFFFFFFE"),
            R"({"value":null,"state":"no-data","meaning":"Not measured","unit":"kWh","scaled_by":["0xD3","0xE1"]})");
}

TEST(EchonetValues, levels_count_from_one) {
  EXPECT_EQ(shown(0x026B, 0xE8, "31"), R"({"value":1})");
  EXPECT_EQ(shown(0x026B, 0xE8, "38"), R"({"value":8})");
  EXPECT_EQ(shown(0x026B, 0xE8, "39"), R"({"value":null,"out_of_range":true})");
  EXPECT_EQ(shown(0x0130, 0xA0, "41"), R"({"value":65,"meaning":"Automatic air flow rate control function used."})");
}

TEST(EchonetValues, bitmaps_name_their_bits) {
  EXPECT_EQ(shown(0x026B, 0xC2, "05000000"),
            R"({"values":{"No Hot Water":"Alarm","Leaking":"No Alarm","Freezing":"Alarm"}})");
  EXPECT_NE(shown(0x0130, 0xC7, "0A00000000000000")
                .find(R"("Electronic dust collection:Level":"level 3","Electronic dust collection:Mode":"ON")"),
            std::string::npos);
}

TEST(EchonetValues, dates_and_times_are_text) {
  EXPECT_EQ(shown(0x0000, 0x98, "07EA0514"), R"({"value":"2026-05-20"})");
  EXPECT_EQ(shown(0x0000, 0x97, "0E05"), R"({"value":"14:05"})");
  EXPECT_EQ(shown(0x0000, 0x97, "183C"), R"({"value":"24:60","out_of_range":true})");
  EXPECT_EQ(shown(0x028E, 0xDA, "0E0501"), R"({"value":"14:05:01"})");
  EXPECT_EQ(shown(0x0130, 0x92, "FF3B"), R"({"value":"255:59"})");
  EXPECT_EQ(shown(0x0279, 0xB1, "07EA05140E0000"), R"({"value":"2026-05-20T14:00:00"})");
  EXPECT_EQ(shown(0x0279, 0xB1, "FFFFFFFFFFFFFF").substr(0, 26), R"({"value":null,"meaning":"S)");
  EXPECT_EQ(shown(0x0288, 0xED, "FFFFFFFFFFFF01"),
            R"({"values":{"dateAndTime":{"value":null,"state":"no-data"},"numberOfCollectionSegments":{"value":1}}})");
  EXPECT_EQ(shown(0x0000, 0x98, "00000000"), R"({"value":"0000-00-00","out_of_range":true})");
}

TEST(EchonetValues, a_structure_with_a_date_and_a_counter) {
  EXPECT_EQ(
      shown(0x0288, 0xEA, "07EA05140E00000000FE68"),
      R"({"values":{"dateAndTime":{"value":"2026-05-20T14:00:00"},"electricEnergy":{"value":65128,"unit":"kWh","scaled_by":["0xD3","0xE1"]}}})");
}

TEST(EchonetValues, arrays_have_their_elements_and_missing_ones_are_null) {
  std::string hex = "0000";
  std::string expected = R"({"values":{"day":{"value":0},"electricEnergy":{"values":[)";
  for (int i = 0; i < 48; ++i) {
    hex += i < 2 ? "0000000A" : "FFFFFFFE";
    expected += std::string(i == 0 ? "" : ",") + (i < 2 ? "10" : "null");
  }
  EXPECT_EQ(shown(0x0288, 0xE2, hex), expected + R"(],"unit":"kWh","scaled_by":["0xD3","0xE1"]}}})");
  // One element of two counters behind seven fixed bytes.
  EXPECT_EQ(
      shown(0x0288, 0xEC,
            "07EA05140E0001"
            "00000001FFFFFFFE"),
      R"({"values":{"dateAndTime":{"value":"2026-05-20T14:00"},"numberOfCollectionSegments":{"value":1},"electricEnergy":{"values":[)"
      R"({"normalDirectionElectricEnergy":1,"reverseDirectionElectricEnergy":null}],"unit":"kWh","scaled_by":["0xD3","0xE1"]}}})");
  EXPECT_EQ(shown(0x0288, 0xEC,
                  "07EA05140E0001"
                  "00000001FFFFFF"),
            R"({"size_mismatch":true})");
}

TEST(EchonetValues, members_of_an_arrays_elements_share_unit_and_scale) {
  for (const Property& property : all_properties()) {
    const auto look = [&](const auto& again, const ValueType& type) -> void {
      for (const ValueType& child : type.children()) again(again, child);
      if (type.kind != ValueKind::array || type.children()[0].kind != ValueKind::structure) return;
      const std::span<const ValueType> members = type.children()[0].children();
      for (const ValueType& member : members) {
        EXPECT_EQ(member.unit, members[0].unit) << property.name;
        EXPECT_TRUE(std::equal(member.scaled_by().begin(), member.scaled_by().end(), members[0].scaled_by().begin(),
                               members[0].scaled_by().end()));
      }
    };
    look(look, property.type());
  }
}

TEST(EchonetValues, a_wrong_size_gives_no_value) {
  EXPECT_EQ(shown(0x0288, 0xE7, "0001F8"), R"({"size_mismatch":true})");
  EXPECT_EQ(shown(0x0288, 0xE7, ""), R"({"size_mismatch":true})");
  EXPECT_EQ(shown(0x0288, 0xE7, "00000001F8"), R"({"size_mismatch":true})");
  EXPECT_EQ(shown(0x0000, 0x8A, "0000"), R"({"size_mismatch":true})");
}

TEST(EchonetValues, the_worked_property_map_of_a_real_meter) {
  EXPECT_EQ(
      shown(0x0288, 0x9F, "1941414160404000624300414040430202"),
      R"({"values":["0x80","0x81","0x82","0x88","0x8A","0x8D","0x97","0x98","0x9D","0x9E","0x9F","0xD3","0xD7","0xE0","0xE1","0xE2",)"
      R"("0xE3","0xE4","0xE5","0xE7","0xE8","0xEA","0xEB","0xEC","0xED"],"count":25})");
}

TEST(EchonetValues, property_maps_in_list_form_and_with_a_wrong_count) {
  EXPECT_EQ(shown(0x0288, 0x9D, "03808188"), R"({"values":["0x80","0x81","0x88"],"count":3})");
  EXPECT_EQ(shown(0x0288, 0x9D, "00"), R"({"values":[],"count":0})");
  EXPECT_EQ(shown(0x0288, 0x9D, "04808188"), R"({"values":["0x80","0x81","0x88"],"count":4,"count_mismatch":true})");
  EXPECT_EQ(shown(0x0288, 0x9D, "02808188"), R"({"values":["0x80","0x81"],"count":2,"count_mismatch":true})");
  EXPECT_NE(shown(0x0288, 0x9F, "1A41414160404000624300414040430202").find(R"("count":26,"count_mismatch":true)"),
            std::string::npos);
  EXPECT_EQ(shown(0x0288, 0x9F, "1941"), R"({"values":[],"count":25,"count_mismatch":true})");
}

TEST(EchonetValues, the_longest_property_map_that_pdc_allows_stays_in_bounds) {
  std::vector<std::uint8_t> edt(255, 0xFF);
  edt[0] = 254;
  const PropertyMap map = read_property_map(edt);
  EXPECT_EQ(map.size, 254u);
  EXPECT_TRUE(map.mismatch);
}

TEST(EchonetValues, instance_and_class_lists) {
  EXPECT_EQ(shown(0x0EF0, 0xD5, "01028801"), R"({"values":["028801"],"count":1})");
  EXPECT_EQ(shown(0x0EF0, 0xD6, "020288010130"), R"({"values":["028801"],"count":2,"count_mismatch":true})");
  EXPECT_EQ(shown(0x0EF0, 0xD5, "00"), R"({"values":[],"count":0})");
  EXPECT_EQ(shown(0x0EF0, 0xD7, "0201300EF0"), R"({"values":["0130","0EF0"],"count":2})");
}

TEST(EchonetValues, location_versions_maker_identification_and_text) {
  EXPECT_EQ(shown(0x0130, 0x81, "41"), R"({"value":65,"meaning":"room 1"})");
  EXPECT_EQ(shown(0x0130, 0x81, "08"), R"({"value":8,"meaning":"living room"})");
  EXPECT_EQ(shown(0x0130, 0x81, "00"), R"({"value":0,"meaning":"not set"})");
  EXPECT_EQ(shown(0x0130, 0x81, "FF"), R"({"value":255,"meaning":"undefined"})");
  EXPECT_EQ(shown(0x0130, 0x81, "80"), R"({"value":128,"meaning":"free definition"})");
  EXPECT_EQ(shown(0x0288, 0x82, "00004600"), R"({"value":"Release F","revision":0})");
  EXPECT_EQ(shown(0x0EF0, 0x82, "010C0100"), R"({"value":"1.12"})");
  EXPECT_EQ(shown(0x0288, 0x8A, "000016"), R"({"value":"000016","meaning":"Toshiba"})");
  EXPECT_EQ(shown(0x0288, 0x8A, "ABCDEF"), R"({"value":"ABCDEF"})");
  EXPECT_EQ(
      shown(0x0130, 0x83, "FE00000802000000000100000000000000"),
      R"({"values":{"manufacturer":{"value":"000008","meaning":"Daikin"},"unique":"02000000000100000000000000"}})");
  EXPECT_EQ(shown(0x0130, 0x8C, "41422D312020200000000000"), R"({"value":"AB-1"})");
  EXPECT_EQ(shown(0x0130, 0x8C, "FF22000000000000000041FF"),
            "{\"value\":\"\\ufffd\\\"\\u0000\\u0000\\u0000\\u0000\\u0000\\u0000\\u0000\\u0000A\\ufffd\"}");
}

TEST(EchonetValues, every_property_reads_every_size_without_harm) {
  std::vector<char> buffer(1 << 18);
  for (const Property& property : all_properties()) {
    for (const unsigned fill : {0x00u, 0x41u, 0x7Fu, 0xFEu, 0xFFu}) {
      for (std::size_t size = 0; size <= 255; ++size) {
        const std::vector<std::uint8_t> edt(size, static_cast<std::uint8_t>(fill));
        JsonWriter writer(buffer.data(), buffer.size());
        writer.begin_object();
        write_value(writer, property, edt);
        writer.end_object();
        ASSERT_FALSE(writer.overflowed());
        ASSERT_EQ(writer.text().back(), '}');
      }
    }
  }
}

}  // namespace
}  // namespace tsujiban::echonet_lite
