// Writers, windows of time, interfaces, power steps and privacy.
#include <gtest/gtest.h>

#include "config/config_test_text.h"
#include "config/values.h"

namespace tsujiban::config {
namespace {

const std::string site =
    "segments:\n"
    "  - {name: han-12, prefix: 192.168.1.0/24, vlan: 12}\n"
    "assets:\n"
    "  - {name: battery, role: device, address: 192.168.1.20, segment: han-12}\n"
    "  - {name: vendor, role: vendor_cloud, address: 203.0.113.1}\n";

TEST(ConfigControl, entries_and_defaults_are_read) {
  std::vector<Fault> faults;
  const auto config =
      load_text("site.yaml",
                site +
                    "control:\n"
                    "  - {from: vendor, to: [battery, \"role:ems\"], protocols: [echonet_lite], reason: "
                    "\"maker's service\", expires: 2027-03-31,\n"
                    "     when: {days: [sat, sun], from: \"22:30\", to: \"06:00\"}}\n"
                    "  - {from: 10.0.0.0/8, to: \"segment:han-12\"}\n"
                    "control_defaults: none\n",
                faults);
  ASSERT_TRUE(faults.empty()) << to_string(faults[0]);
  ASSERT_EQ(config->control.size(), 2u);
  const ControlEntry& entry = config->control[0];
  EXPECT_EQ(entry.from[0].kind, Endpoint::Kind::asset);
  EXPECT_EQ(entry.to.size(), 2u);
  EXPECT_EQ(entry.protocols, std::vector{AppProtocol::echonet_lite});
  EXPECT_EQ(entry.reason, "maker's service");
  // The first second of 2027-04-01: 20,909 days of 86,400 s after 1970-01-01.
  EXPECT_EQ(entry.expires_local_s, std::int64_t{20909} * 86400);
  ASSERT_EQ(entry.when.size(), 1u);
  EXPECT_EQ(entry.when[0].days, 0x60);
  EXPECT_EQ(entry.when[0].from_minute, 22 * 60 + 30);
  EXPECT_EQ(entry.when[0].to_minute, 6 * 60);
  EXPECT_EQ(config->control[1].expires_local_s, never_expires);
  EXPECT_TRUE(config->control[1].when.empty());
  EXPECT_FALSE(config->control_defaults);
}

TEST(ConfigControl, every_wrong_value_is_told) {
  EXPECT_EQ(
      faults_of(site + "control:\n"
                       "  - {from: vendr, to: battery, expires: 2027-02-29, when: []}\n"
                       "  - {from: vendor, direction: both, expires: 31.3.2027}\n"
                       "  - {from: vendor, to: any, when: [{days: [sonday], from: \"24:00\", to: \"24:01\"}, {from: "
                       "\"1:00\"}, {}]}\n"
                       "  - {from: vendor, to: any, when: {days: [mon, mon]}}\n"
                       "control_defaults: nobody\n"),
      (Lines{"site.yaml:7:12: from: there is no asset \"vendr\"; did you mean \"vendor\"?; accepted: any, the name of "
             "an asset, role:NAME, segment:NAME, an address, a prefix",
             "site.yaml:7:41: expires: \"2027-02-29\" is no day of the calendar; accepted: 2027-03-31, the last day on "
             "which it holds",
             "site.yaml:7:59: when: the list is empty; give one or more, or leave the key out",
             "site.yaml:8:5: a control entry needs the key \"to\"",
             "site.yaml:8:20: unknown key \"direction\" in a control entry; accepted: from, to, protocols, when, "
             "expires, reason",
             "site.yaml:8:46: expires: \"31.3.2027\" is no day of the calendar; accepted: 2027-03-31, the last day on "
             "which it holds",
             "site.yaml:9:44: days: \"sonday\" is no day; accepted: mon, tue, wed, thu, fri, "
             "sat, sun",
             "site.yaml:9:59: from: \"24:00\" is no time of day; accepted: 00:00 to 23:59",
             "site.yaml:9:72: to: \"24:01\" is no time of day; accepted: 00:00 to 24:00",
             "site.yaml:9:89: from: from and to are given together; without both, the whole day",
             "site.yaml:9:89: from: \"1:00\" is no time of day; accepted: 00:00 to 23:59",
             "site.yaml:9:98: a window needs days, or from and to, or both",
             "site.yaml:10:48: days: \"mon\" is here twice",
             "site.yaml:11:19: control_defaults: \"nobody\" is not known; accepted: roles, none"}));
}

TEST(ConfigAllow, hours_and_the_last_day_are_read) {
  std::vector<Fault> faults;
  const auto config =
      load_text("site.yaml",
                site +
                    "allow:\n"
                    "  - {from: vendor, to: battery, expires: 1970-01-01, reason: r, when: [{days: mon}, "
                    "{from: \"00:00\", to: \"24:00\"}]}\n"
                    "  - {from: battery, to: vendor, reason: r}\n",
                faults);
  ASSERT_TRUE(faults.empty()) << to_string(faults[0]);
  const AllowEntry& entry = config->allow[0];
  EXPECT_EQ(entry.expires_local_s, 86400);
  ASSERT_EQ(entry.when.size(), 2u);
  EXPECT_EQ(entry.when[0].days, 1);
  EXPECT_EQ(entry.when[0].to_minute, 1440);
  EXPECT_EQ(entry.when[1].days, 0x7f);
  EXPECT_EQ(entry.when[1].to_minute, 1440);
  EXPECT_EQ(entry.reason.data(), config->allow[1].reason.data());  // The same text stands once.
  EXPECT_EQ(config->place_of(entry.place).file, "site.yaml");
  EXPECT_EQ(entry.place.line, 7u);
  // A copy of a configuration keeps its texts.
  const Config copy = *config;
  EXPECT_EQ(copy.allow[0].reason, "r");
  EXPECT_EQ(copy.allow[0].when.size(), 2u);
}

TEST(ConfigMaintenance, windows_are_read_and_their_faults_told) {
  std::vector<Fault> faults;
  const auto config = load_text(
      "site.yaml",
      site + "maintenance: [{days: [sun], from: \"02:00\", to: \"04:00\", segments: han-12, reason: x}, {days: mon}]\n",
      faults);
  ASSERT_TRUE(faults.empty()) << to_string(faults[0]);
  ASSERT_EQ(config->maintenance.size(), 2u);
  EXPECT_EQ(config->maintenance[0].when.days, 0x40);
  EXPECT_EQ(config->maintenance[0].segments, std::vector<std::uint32_t>{1});
  EXPECT_TRUE(config->maintenance[1].segments.empty());
  EXPECT_EQ(
      faults_of(site + "maintenance: [{from: \"02:00\", segments: [han-21, han-12, han-12], day: sun}]\n"),
      (Lines{"site.yaml:6:22: from: from and to are given together; without both, the whole day",
             "site.yaml:6:41: segments: a name is here twice",
             "site.yaml:6:42: segments: there is no segment \"han-21\"; did you mean \"han-12\"?; the names under "
             "segments are accepted",
             "site.yaml:6:67: unknown key \"day\" in a maintenance window; did you mean \"days\"?; accepted: days, "
             "from, to, segments, reason"}));
}

TEST(ConfigDispatch, schedules_are_read_and_their_faults_told) {
  std::vector<Fault> faults;
  const auto config = load_text("site.yaml",
                                site +
                                    "dispatch:\n"
                                    "  - {by: vendor, days: [mon, fri], from: \"17:00\", to: \"20:00\", kw_max: 5000}\n"
                                    "  - {by: [\"role:aggregator\", 203.0.113.0/24], from: \"00:00\", to: \"24:00\", "
                                    "kw_max: 1.5MW}\n",
                                faults);
  ASSERT_TRUE(faults.empty()) << to_string(faults[0]);
  ASSERT_EQ(config->dispatch.size(), 2u);
  EXPECT_EQ(config->dispatch[0].when.days, 0x11);
  EXPECT_EQ(config->dispatch[0].kw_max, 5000);
  EXPECT_EQ(config->dispatch[1].when.days, 0x7f);
  EXPECT_EQ(config->dispatch[1].kw_max, 1500);
  EXPECT_EQ(config->dispatch[1].by.size(), 2u);
  EXPECT_EQ(
      faults_of(site + "dispatch:\n"
                       "  - {days: mon, kw_max: 0}\n"
                       "  - {by: vendor, from: \"17:00\", to: \"20:00\", kw_max: 40GW}\n"),
      (Lines{"site.yaml:7:5: a dispatch needs the key \"by\"",
             "site.yaml:7:25: kw_max: a dispatch of nothing; more than 0 is accepted, and without the key any power",
             "site.yaml:8:54: kw_max: \"40GW\" cannot be; at most 30GW is accepted"}));
}

TEST(ConfigPowerSteps, units_are_needed_and_steps_ascend) {
  std::vector<Fault> faults;
  const auto config = load_text("site.yaml", "power_steps: {severity_2: 500kW, importance_a: 0.6GW}\n", faults);
  ASSERT_TRUE(faults.empty()) << to_string(faults[0]);
  EXPECT_EQ(config->power_steps_kw, (std::array<double, 3>{500, 70000, 600000}));
  EXPECT_EQ(faults_of("power_steps: {severity_2: 7000, severity_1: 70Mw}\n"),
            (Lines{"site.yaml:1:27: severity_2: \"7000\" has no unit; accepted: 500kW, 7MW, 1.5GW",
                   "site.yaml:1:45: severity_1: \"Mw\" is no unit here; accepted: 500kW, 7MW, 1.5GW"}));
  EXPECT_EQ(faults_of("power_steps: {severity_1: 5MW}\n"),
            (Lines{"site.yaml:1:14: power_steps: each step is larger than the one before: severity_2, severity_1, "
                   "importance_a; without a key they are 7MW, 70MW, 500MW"}));
}

TEST(ConfigErab, a_looser_rule_needs_its_reason) {
  std::vector<Fault> faults;
  const auto config = load_text(
      "site.yaml", "erab: {R5: {protocols: echonet_lite}, R4: {protocols: [echonet_lite], reason: old gateways}}\n",
      faults);
  ASSERT_TRUE(faults.empty()) << to_string(faults[0]);
  const auto rules = [&](ErabInterface interface) { return config->erab[static_cast<std::size_t>(interface)]; };
  EXPECT_TRUE(rules(ErabInterface::R5).has_protocols);
  EXPECT_EQ(rules(ErabInterface::R4).reason, "old gateways");
  EXPECT_FALSE(rules(ErabInterface::R1).has_protocols);
  EXPECT_EQ(
      faults_of("erab: {R4: {protocols: [echonet_lite]}, R7: {}, R5: {}, R1: {require: encryption, tls_min: 1.1},\n"
                "       A: {require: [none, encryption], tls_min: 2}}\n"),
      (Lines{
          "site.yaml:1:24: protocols: echonet_lite is not what the guideline has on R4; a looser rule needs the "
          "key \"reason\" beside it",
          "site.yaml:1:41: unknown key \"R7\" in erab; did you mean \"R1\"?; accepted: R1, R2, R3, R4, R5, R6, "
          "VENDOR, A, B",
          "site.yaml:1:53: the rules of an interface needs the key \"protocols\"",
          "site.yaml:1:71: require: the guideline asks for encryption and mutual-auth on R1; a looser rule needs the "
          "key \"reason\" beside it",
          "site.yaml:1:92: tls_min: below TLS 1.2, which RFC 8996 leaves; a looser rule needs the key \"reason\" "
          "beside it",
          "site.yaml:2:28: require: \"encryption\" cannot be here; accepted: encryption, mutual-auth, or none alone",
          "site.yaml:2:50: tls_min: \"2\" is not known; accepted: 1.0, 1.1, 1.2, 1.3"}));
}

TEST(ConfigPrivacy, masking_is_on_unless_the_configuration_says_no) {
  std::vector<Fault> faults;
  EXPECT_TRUE(load_text("site.yaml", "host: a\n", faults)->privacy.mask);
  EXPECT_FALSE(load_text("site.yaml", "privacy: {mask: false}\n", faults)->privacy.mask);
  EXPECT_FALSE(defaults()->privacy.mask);
  EXPECT_EQ(faults_of("privacy: {mask: yes, key_file: mask.key}\n"),
            (Lines{"site.yaml:1:17: mask: \"yes\" is not known; accepted: true, false",
                   "site.yaml:1:32: key_file: a text in memory cannot name files"}));
}

TEST(ConfigDescribe, says_what_the_site_asks_for) {
  std::vector<Fault> faults;
  const auto config =
      load_text("site.yaml",
                site +
                    "control: [{from: vendor, to: battery}]\ncontrol_defaults: none\n"
                    "maintenance: [{days: sun}]\ndispatch: [{by: vendor, days: mon}]\n"
                    "erab: {R4: {protocols: echonet_lite, reason: old}}\npower_steps: {severity_2: 1MW}\n",
                faults);
  ASSERT_TRUE(faults.empty()) << to_string(faults[0]);
  const std::string text = describe(*config);
  for (const char* line :
       {"control     1 entry, and nothing beside them\n", "maintenance 1 window\n", "dispatch    1 window\n",
        "erab        R4: echonet_lite, because: old\n",
        "power       severity 2 from 1000 kW, severity 1 from 70000 kW, importance A from 500000 kW\n",
        "privacy     readings and identifiers are blanked (no key_file)\n"}) {
    EXPECT_NE(text.find(line), std::string::npos) << line << "in\n" << text;
  }
}

TEST(ConfigValues, days_and_times_are_read) {
  std::int64_t end_s = 0;
  EXPECT_EQ(read_last_day("2000-02-29", end_s), "");
  EXPECT_EQ(end_s, 951868800);  // 2000-03-01T00:00:00.
  for (const char* wrong :
       {"", "2027-13-01", "2027-00-01", "2027-1-01", "1969-12-31", "2100-02-29", "2027-03-31T00:00"})
    EXPECT_NE(read_last_day(wrong, end_s), "") << wrong;
  std::uint16_t minute = 0;
  EXPECT_EQ(read_minute("23:59", false, minute), "");
  EXPECT_EQ(minute, 1439);
  for (const char* wrong : {"", "24:00", "12:60", "1200", "+1:00", "12:0x", " 2:00"})
    EXPECT_NE(read_minute(wrong, false, minute), "") << wrong;
}

TEST(ConfigFew, one_is_inline_and_many_are_kept_in_order) {
  Few<std::uint32_t> few;
  for (std::uint32_t i = 0; i < 100; ++i) {
    ASSERT_EQ(few.size(), i);
    few.push_back(i);
    Few<std::uint32_t> copy = few, moved = std::move(copy);
    ASSERT_TRUE(std::equal(moved.begin(), moved.end(), few.begin(), few.end()));
    copy = moved;
    moved.clear();
    ASSERT_EQ(copy[i], i);
    ASSERT_TRUE(moved.empty());
  }
  EXPECT_EQ((Few<std::uint32_t>{3, 4}).size(), 2u);
  EXPECT_LE(sizeof(AllowEntry), 168u);
}

}  // namespace
}  // namespace tsujiban::config
