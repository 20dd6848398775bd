// Segments, assets and allow entries.
#include <gtest/gtest.h>

#include "config/config_test_text.h"
#include "config/values.h"

namespace tsujiban::config {
namespace {

const std::string two_homes =
    "segments:\n"
    "  - {name: han-12, prefix: 192.168.1.0/24, vlan: [30, 112], erab: R5}\n"
    "  - {name: han-13, prefix: 192.168.1.0/24, vlan: [30, 113], erab: R5}\n";

std::string protocols() {
  std::vector<std::string_view> names;
  for (std::size_t i = 1; i < app_protocol_count; ++i) names.push_back(name_of(static_cast<AppProtocol>(i)));
  return listed(names);
}

TEST(ConfigSegments, every_wrong_value_is_told) {
  EXPECT_EQ(
      faults_of("segments:\n"
                "  - {name: a, prefix: 192.168.1.5/24, vlan: 4095}\n"
                "  - {name: a, prefix: 10.0.0.0/33, vni: 16777216}\n"
                "  - {name: b, prefix: [10.1.0.0/16, 10.1.0.0/16], erab: R7}\n"
                "  - {name: c, prefix: 10.1.0.0/16}\n"
                "  - {name: d, prefix: 224.0.0.0/8, vlan: [1, 2, 3, 4]}\n"
                "  - {name: e, prefix: fd00::/8, pan: 0xffff}\n"
                "  - {name: f, pan: 0x1, vlan: 3}\n"
                "  - {name: g, prefix: \"2001:db8::1/32\", vlan: []}\n"
                "  - {name: 10.0.0.1, prefix: host}\n"),
      (Lines{
          "site.yaml:2:23: prefix: \"192.168.1.5/24\" has bits set beyond its length; the prefix is 192.168.1.0/24",
          "site.yaml:2:45: vlan: \"4095\" is not accepted; a whole number from 1 to 4094 is",
          "site.yaml:3:12: name: the segment \"a\" is here twice; the first is on line 2",
          "site.yaml:3:23: prefix: \"10.0.0.0/33\" has no right length; 0 to 32 is accepted after the slash",
          "site.yaml:3:41: vni: \"16777216\" is not accepted; a whole number from 0 to 16777215 is",
          "site.yaml:4:37: prefix: 10.1.0.0/16 is here twice",
          "site.yaml:4:57: erab: \"R7\" is no ERAB interface; did you mean \"R1\"?; accepted: R1, R2, R3, R4, R5, R6, "
          "VENDOR, A, B",
          "site.yaml:5:23: prefix: 10.1.0.0/16 is already the segment \"b\" on line 4; vlan, vni or pan tells two "
          "apart",
          "site.yaml:6:23: prefix: \"224.0.0.0/8\" is multicast; a segment has the prefix of its hosts",
          "site.yaml:6:52: vlan: more than 3 tags; a list is one stack of tags, the outermost first",
          "site.yaml:7:38: pan: \"0xffff\" is no PAN identifier; 0x0000 to 0xfffe is accepted",
          "site.yaml:8:5: a segment needs the key \"prefix\"",
          "site.yaml:8:20: pan: a segment is a pan, or it has vlan and vni, never both",
          "site.yaml:9:23: prefix: \"2001:db8::1/32\" has bits set beyond its length; the prefix is 2001:db8::/32",
          "site.yaml:9:47: vlan: the list is empty; give one or more, or leave the key out",
          "site.yaml:10:12: name: \"10.0.0.1\" is no name: in an allow entry it means something else",
          "site.yaml:10:30: prefix: \"host\" is no prefix; accepted: 192.168.1.0/24, 2001:db8::/48, or one address"}));
}

TEST(ConfigSegments, two_homes_with_the_same_prefix_are_two) {
  std::vector<Fault> faults;
  const auto config = load_text("site.yaml", two_homes, faults);
  ASSERT_NE(config, nullptr);
  ASSERT_EQ(config->segments.size(), 2u);
  EXPECT_NE(config->segments[0].key, config->segments[1].key);
  EXPECT_EQ(config->segments[0].key.vlan_count(), 2u);
  EXPECT_EQ(config->segments[0].key.vlan(0), 30);
  EXPECT_EQ(config->segments[1].key.vlan(1), 113);
  EXPECT_FALSE(config->segments[0].any_link);
  EXPECT_EQ(config->segments[0].interface, ErabInterface::R5);
}

TEST(ConfigAssets, every_wrong_value_is_told) {
  EXPECT_EQ(
      faults_of(two_homes +
                "assets:\n"
                "  - {name: battery, role: devise, address: 192.168.1.20, segment: han-21}\n"
                "  - {name: battery, role: device, address: 192.168.1.20, segment: han-12}\n"
                "  - {name: pv, role: device, address: 192.168.1.20, segment: han-12}\n"
                "  - {name: ev, role: device, address: 10.0.0.1, segment: han-12, mac: \"01:00:5e:00:00:01\"}\n"
                "  - {name: hp, role: device, address: [192.168.1.30, 192.168.1.30], segment: han-12, mac: 02-00}\n"
                "  - {name: ac, role: device, address: \"fe80::1\", object: \"7D01\"}\n"
                "  - {name: ah, role: device, address: 192.168.1.0/24, object: \"027D00\", capacity_kw: 7MW}\n"
                "  - {role: ems, address: 255.255.255.255, serves: [R5, R5, R9], ports: [tcp/80, tcp/79-81, http]}\n"
                "  - {name: zz, role: ems, adress: 10.0.0.1}\n"),
      (Lines{"site.yaml:5:27: role: \"devise\" is no role; did you mean \"device\"?; accepted: grid_command, "
             "coordinator, aggregator, "
             "retailer, ems, gateway, device, sensor_device, vendor_cloud, router, meter, concentrator, hes, mdms, "
             "handy_terminal, "
             "der_outstation, scada_master, operator, monitor",
             "site.yaml:5:67: segment: there is no segment \"han-21\"; did you mean \"han-12\"?; the names under "
             "segments are accepted",
             "site.yaml:6:12: name: the asset \"battery\" is here twice; the first is on line 5",
             "site.yaml:7:39: address: \"192.168.1.20\" is already the asset \"battery\" on line 6 of the same link",
             "site.yaml:8:39: address: \"10.0.0.1\" is not in the segment \"han-12\" (192.168.1.0/24)",
             "site.yaml:8:71: mac: \"01:00:5e:00:00:01\" is no address of one host",
             "site.yaml:9:54: address: \"192.168.1.30\" is here twice",
             "site.yaml:9:91: mac: \"02-00\" is no MAC address; accepted: \"02:00:00:00:12:02\"",
             "site.yaml:10:39: address: \"fe80::1\" repeats on every link; it is accepted with a segment that has "
             "vlan, vni or pan",
             "site.yaml:10:58: object: \"7D01\" is no ECHONET Lite object; six hexadecimal digits are accepted, such "
             "as \"027D01\"",
             "site.yaml:11:39: address: \"192.168.1.0/24\" is a prefix; one IPv4 or IPv6 address is accepted here",
             "site.yaml:11:63: object: \"027D00\" has an instance other than 01 to 7F",
             "site.yaml:11:86: capacity_kw: \"7MW\" has a unit, but the key's name says it already; a plain number of "
             "kilowatts is accepted",
             "site.yaml:12:5: an asset needs the key \"name\"",
             "site.yaml:12:26: address: \"255.255.255.255\" is no address of one host",
             "site.yaml:12:56: serves: \"R5\" is here twice",
             "site.yaml:12:60: serves: \"R9\" is no ERAB interface; did you mean \"R1\"?; accepted: R1, R2, R3, R4, "
             "R5, R6, VENDOR, A, B",
             "site.yaml:12:81: ports: \"tcp/79-81\" overlaps another of the list; name each port once",
             "site.yaml:12:92: ports: \"http\" names no ports; accepted: tcp/443, udp/3610, tcp/1000-2000, any",
             "site.yaml:13:5: an asset needs the key \"address\"",
             "site.yaml:13:27: unknown key \"adress\" in an asset; did you mean \"address\"?; accepted: name, role, "
             "address, segment, mac, "
             "serves, object, capacity_kw, jc_star, ports"}));
}

TEST(ConfigAssets, the_same_address_in_two_homes_is_two_assets) {
  std::vector<Fault> faults;
  const auto config = load_text("site.yaml",
                                two_homes +
                                    "assets:\n"
                                    "  - {name: hems-12, role: ems, address: [192.168.1.2, \"fe80::2\"], segment: "
                                    "han-12, mac: \"02:00:00:00:12:02\", serves: [R5, R4]}\n"
                                    "  - {name: hems-13, role: ems, address: [192.168.1.2, \"fe80::2\"], segment: "
                                    "han-13, object: 013001, capacity_kw: 6, jc_star: 2, ports: udp/3610}\n",
                                faults);
  ASSERT_TRUE(faults.empty()) << to_string(faults[0]);
  ASSERT_EQ(config->assets.size(), 2u);
  EXPECT_EQ(config->assets[0].segment, 1u);
  EXPECT_EQ(config->assets[1].segment, 2u);
  EXPECT_EQ(config->assets[0].addresses.size(), 2u);
  EXPECT_EQ(config->assets[0].mac.value, 0x020000001202u);
  EXPECT_EQ(config->assets[1].object, 0x013001u);
  EXPECT_EQ(config->assets[1].capacity_kw, 6);
  EXPECT_EQ(config->assets[1].jc_star, 2);
  EXPECT_EQ(config->assets[0].jc_star, 0);
  EXPECT_EQ(config->assets[1].place.line, 6u);
  EXPECT_EQ(config->assets[1].place.column, 5u);
}

TEST(ConfigAllow, every_wrong_value_is_told) {
  EXPECT_EQ(
      faults_of(two_homes +
                "assets:\n"
                "  - {name: battery, role: device, address: 192.168.1.20, segment: han-12}\n"
                "allow:\n"
                "  - {from: role:emss, to: [vtn.example.jp, vtn..jp, \"*jp\", \"a.*.jp\"], ports: [tcp/443]}\n"
                "  - {from: batery, to: [segment:han-14, 203.0.113.1/24, 203.0.113.0/24], direction: out}\n"
                "  - {from: battery, ports: [tcp/443, 80], protocols: [echonet, profibus]}\n"
                "  - {from: [battery, battery], to: any, reason: \"\"}\n"
                "  - {from: {a: b}, to: []}\n"),
      (Lines{"site.yaml:7:12: from: \"emss\" is no role; did you mean \"ems\"?; accepted: grid_command, coordinator, "
             "aggregator, retailer, "
             "ems, gateway, device, sensor_device, vendor_cloud, router, meter, concentrator, hes, mdms, "
             "handy_terminal, der_outstation, "
             "scada_master, operator, monitor",
             "site.yaml:7:44: to: \"vtn..jp\": each part between dots has 1 to 63 characters",
             "site.yaml:7:53: to: there is no asset \"*jp\"; accepted: any, the name of an asset, role:NAME, "
             "segment:NAME, an address, a prefix, a domain",
             "site.yaml:7:60: to: \"a.*.jp\": a `*` stands for all names below only, as in *.example.jp",
             "site.yaml:8:12: from: there is no asset \"batery\"; did you mean \"battery\"?; accepted: any, the name "
             "of an asset, role:NAME, "
             "segment:NAME, an address, a prefix, a domain",
             "site.yaml:8:25: to: there is no segment \"han-14\"; did you mean \"han-12\"?; the names under segments "
             "are accepted",
             "site.yaml:8:41: to: \"203.0.113.1/24\" has bits set beyond its length; the prefix is 203.0.113.0/24",
             "site.yaml:8:85: direction: \"out\" is not known; accepted: forward, both",
             "site.yaml:9:5: an allow entry needs the key \"to\"",
             "site.yaml:9:38: ports: \"80\" names no ports; accepted: tcp/443, udp/3610, tcp/1000-2000, any",
             "site.yaml:9:55: protocols: \"echonet\" is no protocol that is understood; accepted: " + protocols(),
             "site.yaml:9:64: protocols: \"profibus\" is no protocol that is understood; accepted: " + protocols(),
             "site.yaml:10:12: from: a name is here twice", "site.yaml:10:49: reason: 1 to 256 bytes are accepted",
             "site.yaml:11:12: from: here is a map; a single value is accepted",
             "site.yaml:11:24: to: the list is empty; give one or more, or leave the key out"}));
}

TEST(ConfigAllow, ends_are_read_as_what_they_name) {
  std::vector<Fault> faults;
  const auto config = load_text("site.yaml",
                                two_homes +
                                    "assets:\n"
                                    "  - {name: vtn.example.jp, role: aggregator, address: 203.0.113.5}\n"
                                    "allow:\n"
                                    "  - {from: [role:operator, \"segment:han-13\", any], to: [vtn.example.jp, "
                                    "10.0.0.1, \"2001:db8::/32\"], ports: any, protocols: echonet_lite,\n"
                                    "     direction: both, reason: r}\n",
                                faults);
  ASSERT_TRUE(faults.empty()) << to_string(faults[0]);
  const AllowEntry& entry = config->allow[0];
  EXPECT_EQ(entry.from[0].kind, Endpoint::Kind::role);
  EXPECT_EQ(entry.from[0].role, Role::operator_);
  EXPECT_EQ(entry.from[1].kind, Endpoint::Kind::segment);
  EXPECT_EQ(entry.from[1].index, 1u);
  EXPECT_EQ(entry.from[2].kind, Endpoint::Kind::any);
  EXPECT_EQ(entry.to[0].kind, Endpoint::Kind::asset);
  EXPECT_EQ(to_string(entry.to[1].prefix), "10.0.0.1/32");
  EXPECT_EQ(to_string(entry.to[2].prefix), "2001:db8::/32");
  EXPECT_TRUE(entry.ports.empty());
  EXPECT_TRUE(entry.both_directions);
  EXPECT_EQ(entry.protocols.size(), 1u);
}

TEST(ConfigAllow, domains_are_ends_in_lower_case_and_each_stands_once) {
  const std::string assets =
      two_homes + "assets:\n  - {name: battery, role: device, address: 192.168.1.20, segment: han-12}\n";
  std::vector<Fault> faults;
  const auto config = load_text("site.yaml",
                                assets +
                                    "allow:\n"
                                    "  - {from: battery, to: [Vtn.Example.JP, 203.0.113.0/24, \"*.example.com\"]}\n"
                                    "  - {from: example.com, to: battery}\n"
                                    "  - {from: battery, to: vtn.example.jp.}\n",
                                faults);
  ASSERT_TRUE(faults.empty()) << to_string(faults[0]);
  EXPECT_EQ(config->domains,
            (std::vector<Domain>{{"vtn.example.jp", false}, {"example.com", true}, {"example.com", false}}));
  EXPECT_EQ(config->allow[0].to.size(), 3u);
  EXPECT_EQ(config->allow[2].to[0].kind, Endpoint::Kind::domain);
  EXPECT_EQ(config->allow[2].to[0].index, 0u);
  EXPECT_EQ(faults_of(assets + "allow:\n"
                               "  - {from: battery, to: [a..example.jp, -a.example.jp, a.jp, A.JP.]}\n"
                               "control:\n"
                               "  - {from: battery, to: [vtn.example.jp, 203.0.113.0/24]}\n"),
            (Lines{"site.yaml:7:25: to: a name is here twice",
                   "site.yaml:7:26: to: \"a..example.jp\": each part between dots has 1 to 63 characters",
                   "site.yaml:7:41: to: \"-a.example.jp\": a part between dots neither begins nor ends with `-`",
                   "site.yaml:9:26: to: \"vtn.example.jp\": names are accepted under allow only; give addresses, "
                   "prefixes or assets"}));
}

TEST(ConfigAllow, too_many_entries_of_the_same_pair_are_refused) {
  std::string text = "allow:\n";
  for (int i = 0; i < 258; ++i)
    text += "  - {from: 10.0.0.1, to: 10.0.0.2, ports: tcp/" + std::to_string(i + 1) + "}\n";
  EXPECT_EQ(
      faults_of(text),
      (Lines{"site.yaml:258:5: allow: more than 256 entries name the same two ends; write their ports as one list"}));
}

TEST(ConfigAllow, too_many_pairs_are_refused) {
  std::string list = "[";
  for (int i = 0; i < 2100; ++i)
    list += (i == 0 ? "" : ", ") + to_string(IpAddress::v4(0x0a000000u + static_cast<unsigned>(i)));
  list += "]";
  EXPECT_EQ(faults_of("allow:\n  - {from: " + list + ", to: " + list + "}\n"),
            (Lines{"site.yaml:2:5: allow: up to here the entries name more than 4000000 pairs; name roles, segments or "
                   "prefixes instead of single hosts"}));
}

TEST(ConfigScale, twenty_thousand_assets_and_their_faults_are_read) {
  std::string text = "segments:\n  - {name: fan, prefix: 10.0.0.0/8}\nassets:\n";
  constexpr unsigned count = 20000;
  for (unsigned i = 0; i < count; ++i) {
    text += "  - {name: meter-" + std::to_string(i) +
            ", role: meter, address: " + to_string(IpAddress::v4(0x0a000000u + i)) + ", segment: fan}\n";
  }
  std::vector<Fault> faults;
  const auto config = load_text("site.yaml", text, faults);
  ASSERT_TRUE(faults.empty()) << to_string(faults[0]);
  ASSERT_EQ(config->assets.size(), count);
  EXPECT_EQ(config->assets[19999].addresses[0], IpAddress::v4(0x0a000000u + 19999));
  // As many names that do not exist: the search for what was meant stays bounded.
  text += "allow:\n";
  for (unsigned i = 0; i < count; ++i) text += "  - {from: metre-" + std::to_string(i) + ", to: any}\n";
  EXPECT_EQ(load_text("site.yaml", text, faults), nullptr);
  EXPECT_EQ(faults.size(), faults_max);
}

}  // namespace
}  // namespace tsujiban::config
