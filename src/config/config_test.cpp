// The reader: YAML, keys, words and units.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>

#include "config/config_test_text.h"
#include "config/detectors_present.h"
#include "config/values.h"

namespace tsujiban::config {
namespace {

TEST(ConfigText, a_tag_an_anchor_and_an_alias_are_each_refused_with_their_place) {
  EXPECT_EQ(faults_of("host: !secret a\n"),
            (Lines{"site.yaml:1:7: tags (!secret) are not accepted; write the plain value"}));
  EXPECT_EQ(faults_of("site: &s {name: a}\nstate: *s\n"),
            (Lines{"site.yaml:1:7: anchors (&) are not accepted; write the value out where it is needed",
                   "site.yaml:2:8: aliases are not accepted; write the value out"}));
}

TEST(ConfigText, an_alias_bomb_is_refused_at_once) {
  std::string text = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n";
  for (int i = 1; i < 40; ++i) {
    const std::string before = "*a" + std::to_string(i - 1);
    text += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [";
    for (int j = 0; j < 9; ++j) text += (j == 0 ? "" : ", ") + before;
    text += "]\n";
  }
  const Lines lines = faults_of(text);
  ASSERT_EQ(lines.size(), 40 + 39 * 9 + 40u);  // Anchors, aliases, unknown keys.
  EXPECT_EQ(lines[1], "site.yaml:1:5: anchors (&) are not accepted; write the value out where it is needed");
}

TEST(ConfigText, deep_nesting_is_refused) {
  const std::string shallow = "host: " + std::string(31, '[') + std::string(31, ']') + "\n";
  EXPECT_EQ(faults_of(shallow), (Lines{"site.yaml:1:7: host: here is a list; a single value is accepted"}));
  const std::string deep = "host: " + std::string(100000, '[') + std::string(100000, ']');
  EXPECT_EQ(faults_of(deep), (Lines{"site.yaml:1:38: nested more than 32 deep"}));
  std::string blocks = "host:\n";
  for (int i = 0; i < 400; ++i) blocks += "- ";
  EXPECT_EQ(faults_of(blocks + "\n"), (Lines{"site.yaml:2:63: nested more than 32 deep"}));
}

TEST(ConfigText, what_is_no_yaml_is_told_with_its_place) {
  EXPECT_EQ(faults_of("site: {name: a\nhost: b\n"),
            (Lines{"site.yaml:2:5: this is no YAML: end of map flow not found"}));
  EXPECT_EQ(faults_of("host: a\n---\nhost: b\n"), (Lines{"site.yaml:2:1: a second document (---) is not accepted; one "
                                                         "file is one document, others are named by include"}));
}

TEST(ConfigText, bytes_that_are_no_text_are_refused) {
  EXPECT_EQ(faults_of("host: a\nhost: \xff\n"),
            (Lines{"site.yaml:2:7: the byte 0xff is no text; the file must be UTF-8 without control characters"}));
  EXPECT_EQ(faults_of(std::string_view("h\0o", 3)),
            (Lines{"site.yaml:1:2: the byte 0x00 is no text; the file must be UTF-8 without control characters"}));
  EXPECT_EQ(faults_of("host: \xed\xa0\x80\n").size(), 1u);  // A surrogate.
  EXPECT_EQ(faults_of("host: \xc0\xaf\n").size(), 1u);      // Not the shortest form.
}

TEST(ConfigText, an_empty_file_or_another_shape_is_refused) {
  const std::string keys =
      "site, host, state, privacy, capture, segments, segment_files, assets, asset_files, erab, power_steps, "
      "maintenance, dispatch, allow, allow_files, control, control_defaults, indicators, signatures, detectors, "
      "outputs, metrics";
  EXPECT_EQ(faults_of(""), (Lines{"site.yaml: the file is empty; a map is accepted, with the keys " + keys}));
  EXPECT_EQ(faults_of("# only a comment\n").size(), 1u);
  EXPECT_EQ(faults_of("- a\n"),
            (Lines{"site.yaml:1:1: here is a list; the configuration is a map with the keys " + keys + ", include"}));
  EXPECT_EQ(
      faults_of("hello\n"),
      (Lines{"site.yaml:1:1: here is a single value; the configuration is a map with the keys " + keys + ", include"}));
}

TEST(ConfigKeys, an_unknown_key_is_told_with_what_was_meant) {
  EXPECT_EQ(faults_of("metrics: {lisen: \"127.0.0.1:1\"}\n"),
            (Lines{"site.yaml:1:10: metrics needs the key \"listen\"",
                   "site.yaml:1:11: unknown key \"lisen\" in metrics; did you mean \"listen\"?; accepted: listen"}));
}

TEST(ConfigKeys, keys_of_later_work_are_unknown_until_they_work) {
  for (const char* key : {"learn", "feeds", "console"}) {
    const Lines lines = faults_of(std::string(key) + ": {}\n");
    ASSERT_EQ(lines.size(), 1u) << key;
    EXPECT_EQ(lines[0].find("site.yaml:1:1: unknown key \"" + std::string(key) + "\" in the configuration"), 0u)
        << lines[0];
  }
}

TEST(ConfigKeys, a_duplicate_key_is_told_with_the_first) {
  EXPECT_EQ(faults_of("host: a\nstate: {memory: 1GiB, memory: 2GiB}\nhost: b\n"),
            (Lines{"site.yaml:2:23: the key \"memory\" is here twice; the first is on line 2",
                   "site.yaml:3:1: the key \"host\" is here twice; the first is on line 1"}));
}

TEST(ConfigSite, wrong_values_are_told) {
  EXPECT_EQ(faults_of("site: {name: \"a b\", importance: C, timezone: Asia/Tokio}\n"),
            (Lines{"site.yaml:1:14: name: \"a b\" is no name; letters, digits, \"-\", \"_\" and \".\" are accepted, in "
                   "any script",
                   "site.yaml:1:33: importance: \"C\" is not known; accepted: A, B",
                   "site.yaml:1:46: timezone: \"Asia/Tokio\" is no IANA time zone of this system; did you mean "
                   "\"Asia/Tokyo\"?; accepted: "
                   "Asia/Tokyo, UTC, ..."}));
  EXPECT_EQ(faults_of("site: {importance: A}\n"), (Lines{"site.yaml:1:7: site needs the key \"name\""}));
  EXPECT_EQ(faults_of("site: {name: a, timezone: ../../etc/passwd}\n").size(), 1u);
  EXPECT_EQ(faults_of("site: {name: 東京-1, timezone: Asia/Tokyo}\nhost: s1\n"), Lines{});
}

TEST(ConfigState, memory_has_a_unit_and_a_range) {
  EXPECT_EQ(faults_of("state: {memory: 4GB}\n"),
            (Lines{"site.yaml:1:17: memory: \"GB\" is no unit here; accepted: 64KiB, 512MiB, 4GiB, 1TiB"}));
  EXPECT_EQ(faults_of("state: {memory: 4}\n"),
            (Lines{"site.yaml:1:17: memory: \"4\" has no unit; accepted: 64KiB, 512MiB, 4GiB, 1TiB"}));
  EXPECT_EQ(faults_of("state: {memory: 1KiB, directory: state}\n"),
            (Lines{"site.yaml:1:17: memory: \"1KiB\" cannot be; 64MiB to 16TiB is accepted",
                   "site.yaml:1:34: directory: \"state\" is no absolute path; it begins with \"/\""}));
  EXPECT_EQ(faults_of("state: {memory: 99999999999999999999TiB}\n"),
            (Lines{"site.yaml:1:17: memory: \"99999999999999999999TiB\" is too large"}));
}

TEST(ConfigCapture, kinds_interfaces_and_workers_are_checked) {
  EXPECT_EQ(
      faults_of("capture:\n  - {kind: af_packet, interface: span0}\n  - {kind: pcap, interface: span0, workers: 0}\n"
                "  - {kind: pcap}\n  - {kind: pcap, interface: a/b, checksum: off}\n"),
      (Lines{"site.yaml:2:12: kind: \"af_packet\" is not known; accepted: pcap",
             "site.yaml:3:29: interface: \"span0\" is captured twice; the first is on line 2",
             "site.yaml:3:45: workers: \"0\" is not accepted; a whole number from 1 to 64 is",
             "site.yaml:4:5: a capture needs the key \"interface\"",
             "site.yaml:5:29: interface: \"a/b\" is no name of an interface; 1 to 15 letters, digits and signs without "
             "\"/\" are accepted",
             "site.yaml:5:44: checksum: \"off\" is not known; accepted: auto, check, ignore"}));
}

TEST(ConfigDetectors, only_detectors_that_exist_are_accepted) {
  const Lines lines = faults_of("detectors: {policy.peer-not-alowed: {repeat: 60}, dnp3.restart: {repeat: 60s}}\n");
  ASSERT_EQ(lines.size(), 2u);
  const std::string meant =
      "site.yaml:1:13: unknown key \"policy.peer-not-alowed\" in detectors; did you mean \"policy.peer-not-allowed\"?; "
      "accepted: policy.peer-not-allowed, policy.port-not-allowed, ";
  EXPECT_EQ(lines[0].substr(0, meant.size()), meant);
  EXPECT_EQ(lines[1].find("site.yaml:1:51: unknown key \"dnp3.restart\" in detectors"), 0u) << lines[1];
  EXPECT_EQ(faults_of("detectors: {signature: {repeat: 60, enabled: yes}}\n"),
            (Lines{"site.yaml:1:33: repeat: \"60\" has no unit; accepted: 60s, 10m, 1h, 7d",
                   "site.yaml:1:46: enabled: \"yes\" is not known; accepted: true, false"}));
}

TEST(ConfigDetectors, those_that_exist_are_in_the_order_of_the_catalogue) {
  EXPECT_TRUE(std::is_sorted(detectors_present.begin(), detectors_present.end()));
  EXPECT_TRUE(is_present(DetectorId::sensor_blind));
  EXPECT_FALSE(is_present(DetectorId::control_firmware_update));
}

TEST(ConfigDetectors, every_setting_of_the_catalogue_is_accepted_with_its_unit) {
  std::string text = "detectors:\n";
  for (const DetectorId id : detectors_present) {
    text += "  " + std::string(info_of(id).name) + ": {repeat: 90s, enabled: true";
    for (const Tunable& tunable : tunables()) {
      if (tunable.detector != id) continue;
      static constexpr std::array<std::string_view, 4> values = {"7", "12.5%", "3h", "9/30s"};
      text += ", " + std::string(tunable.key) + ": " + std::string(values[static_cast<std::size_t>(tunable.kind)]);
    }
    text += "}\n";
  }
  std::vector<Fault> faults;
  const auto config = load_text("site.yaml", text, faults);
  ASSERT_TRUE(faults.empty()) << to_string(faults[0]);
  for (const Tunable& tunable : config->tunables) {
    if (!is_present(tunable.detector)) continue;
    static constexpr std::array<double, 4> values = {7, 0.125, 3 * 3600, 9};
    EXPECT_EQ(tunable.value, values[static_cast<std::size_t>(tunable.kind)]) << tunable.key;
    if (tunable.kind == Tunable::Kind::rate) {
      EXPECT_EQ(tunable.per_s, 30);
    }
  }
  EXPECT_EQ(config->settings(DetectorId::recon_scan).repeat, Duration::seconds(90));
}

TEST(ConfigDetectors, settings_with_wrong_units_are_told) {
  std::vector<Fault> faults;
  const auto config = load_text("site.yaml",
                                "detectors:\n"
                                "  control.load-altering: {kw: 7MW, share: 20%, devices_min: 5, window: 60s}\n"
                                "  policy.unknown-asset: {per_segment_max: 20/h}\n"
                                "  availability.silent-asset: {factor: 2.5}\n"
                                "  sensor.capture-stalled: {window: 30s}\n",
                                faults);
  ASSERT_TRUE(faults.empty()) << to_string(faults[0]);
  EXPECT_EQ(config->tunable(DetectorId::control_load_altering, "kw").value, 7000);
  EXPECT_EQ(config->tunable(DetectorId::policy_unknown_asset, "per_segment_max").per_s, 3600);
  EXPECT_EQ(config->tunable(DetectorId::availability_silent_asset, "factor").value, 2.5);
  EXPECT_EQ(config->settings(DetectorId::sensor_capture_stalled).window, Duration::seconds(30));
  EXPECT_EQ(
      faults_of("detectors:\n"
                "  control.load-altering: {kw: 7GWh, share: 20, devices_min: 0, window: 60}\n"
                "  echonet.enumeration: {hosts: 8, epcs: 0/60s, multicast: 3/10}\n"
                "  availability.silent-asset: {factor: -1, min: 0s, window: 5s}\n"
                "  control.oscillation: {kw: 0, flips: 3.5}\n"),
      (Lines{"site.yaml:2:31: kw: \"GWh\" is no unit here; accepted: 500kW, 7MW, 1.5GW, or a plain number of kilowatts",
             "site.yaml:2:44: share: \"20\" is no share; more than 0% and at most 100% is accepted",
             "site.yaml:2:61: devices_min: \"0\" is not accepted; a whole number from 1 to 1000000000 is",
             "site.yaml:2:72: window: \"60\" has no unit; accepted: 60s, 10m, 1h, 7d",
             "site.yaml:3:32: hosts: \"8\" is no rate; accepted: 8/60s, 20/h",
             "site.yaml:3:41: epcs: \"0/60s\" is no rate; accepted: 8/60s, 20/h",
             "site.yaml:3:59: multicast: \"3/10\" is no rate; accepted: 8/60s, 20/h",
             "site.yaml:4:39: factor: \"-1\" is not accepted; a number above 0 and up to 1000000 is",
             "site.yaml:4:48: min: \"0s\" cannot be; 1s and more is accepted",
             "site.yaml:4:52: unknown key \"window\" in the settings of a detector; accepted: repeat, enabled, factor, "
             "min",
             "site.yaml:5:29: kw: \"0\" cannot be; more than 0 kW is accepted",
             "site.yaml:5:39: flips: \"3.5\" is not accepted; a whole number from 1 to 1000000000 is"}));
}

TEST(ConfigDetectors, defaults_are_those_of_the_catalogue) {
  const auto config = defaults();
  EXPECT_EQ(config->detectors[static_cast<std::size_t>(DetectorId::sensor_packet_loss)].repeat, Duration::seconds(600));
  EXPECT_EQ(config->detectors[static_cast<std::size_t>(DetectorId::policy_peer_not_allowed)].repeat,
            Duration::seconds(60));
  EXPECT_TRUE(config->detectors[static_cast<std::size_t>(DetectorId::signature)].enabled);
  EXPECT_FALSE(config->detectors[static_cast<std::size_t>(DetectorId::dnp3_restart)].enabled);
  EXPECT_FALSE(config->has_inventory());
}

std::string event_types() {
  std::vector<std::string_view> names;
  for (std::size_t i = 0; i < event_type_count; ++i) names.push_back(name_of(static_cast<EventType>(i)));
  return listed(names);
}

TEST(ConfigOutputs, paths_types_and_rotation_are_checked) {
  EXPECT_EQ(
      faults_of("outputs:\n  - {kind: eve, path: eve.json, types: [alert, flows]}\n  - {kind: syslog, path: "
                "eve.json, rotate: 10MB}\n"),
      (Lines{"site.yaml:2:48: types: \"flows\" is no type of event; did you mean \"flow\"?; accepted: " + event_types(),
             "site.yaml:3:12: kind: \"syslog\" is not known; accepted: eve",
             "site.yaml:3:26: path: \"eve.json\" is written by two outputs; the first is on line 2",
             "site.yaml:3:44: rotate: \"MB\" is no unit here; accepted: 64KiB, 512MiB, 4GiB, 1TiB"}));
}

TEST(ConfigMetrics, listen_is_an_address_with_a_port) {
  for (const char* wrong :
       {"9836", ":9836", "localhost:9836", "127.0.0.1:0", "127.0.0.1:65536", "::1:9836", "[127.0.0.1]:80"}) {
    EXPECT_EQ(faults_of("metrics: {listen: \"" + std::string(wrong) + "\"}\n"),
              (Lines{"site.yaml:1:19: listen: \"" + std::string(wrong) +
                     "\" is no address with a port; accepted: 127.0.0.1:9836, [::1]:9836"}));
  }
  EXPECT_EQ(faults_of("metrics: {listen: \"[::1]:9836\"}\n"), Lines{});
}

TEST(ConfigFaults, beyond_the_limit_the_last_says_how_many_more) {
  std::string text;
  for (int i = 0; i < 1500; ++i) text += "key" + std::to_string(i) + ": 1\n";
  const Lines lines = faults_of(text);
  ASSERT_EQ(lines.size(), faults_max);
  EXPECT_EQ(lines.back(), "site.yaml:1000:1: and 501 more faults from here on; correct those above first");
}

TEST(ConfigValues, durations_and_sizes_are_read) {
  Duration duration;
  EXPECT_EQ(read_duration("7d", duration), "");
  EXPECT_EQ(duration, Duration::seconds(7 * 86400));
  EXPECT_EQ(read_duration("10m", duration), "");
  EXPECT_EQ(duration, Duration::seconds(600));
  for (const char* wrong : {"", "s", "1.5s", "-1s", "60 s", "60S", "60ms", "400d"})
    EXPECT_NE(read_duration(wrong, duration), "") << wrong;
  std::uint64_t bytes = 0;
  EXPECT_EQ(read_size("512MiB", bytes), "");
  EXPECT_EQ(bytes, 512u << 20);
}

TEST(ConfigValues, kilowatts_are_plain_numbers) {
  double kilowatts = 0;
  EXPECT_EQ(read_kilowatts("5.5", kilowatts), "");
  EXPECT_EQ(kilowatts, 5.5);
  EXPECT_EQ(read_kilowatts("7MW", kilowatts),
            "\"7MW\" has a unit, but the key's name says it already; a plain number of kilowatts is accepted");
  for (const char* wrong : {"", "-1", "nan", "inf", "1e400", "40000000", "6 kW"})
    EXPECT_NE(read_kilowatts(wrong, kilowatts), "") << wrong;
}

TEST(ConfigValues, ports_are_read) {
  PortRange range;
  EXPECT_EQ(read_ports("tcp/1000-2000", range), "");
  EXPECT_EQ(range.protocol, 6);
  EXPECT_EQ(range.first, 1000);
  EXPECT_EQ(range.last, 2000);
  EXPECT_EQ(read_ports("any", range), "");
  EXPECT_EQ(range.protocol, 0);
  EXPECT_EQ(read_ports("udp/9-3", range), "\"udp/9-3\" runs backwards; the smaller port comes first");
  EXPECT_EQ(read_ports("443", range), "\"443\" names no ports; accepted: tcp/443, udp/3610, tcp/1000-2000, any");
  for (const char* wrong : {"", "tcp", "tcp/", "tcp/0", "tcp/65536", "tcp/1-", "sctp/1", "tcp/1-2-3"})
    EXPECT_NE(read_ports(wrong, range), "") << wrong;
}

TEST(ConfigValues, edit_distance_counts_swaps_as_one) {
  EXPECT_EQ(edit_distance("vlan", "vlna", 3), 1u);
  EXPECT_EQ(edit_distance("vlan", "VLAN", 3), 0u);
  EXPECT_EQ(edit_distance("kitten", "sitting", 3), 3u);
  EXPECT_EQ(edit_distance("kitten", "sitting", 2), 3u);
  EXPECT_EQ(edit_distance("", "ab", 3), 2u);
}

TEST(ConfigValues, a_long_value_is_shortened_between_characters) {
  std::string text = "a";
  for (int i = 0; i < 100; ++i) text += "あ";
  const std::string shown = in_quotes(text);
  EXPECT_LT(shown.size(), 90u);
  EXPECT_EQ(shown.substr(shown.size() - 7), "あ...\"");
}

}  // namespace
}  // namespace tsujiban::config
