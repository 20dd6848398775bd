// One entry for a thousand homes.
#include "config/config_test_folder.h"

namespace tsujiban::config {
namespace {

using ConfigTemplate = ConfigFolder;

const std::string home =
    "prefix: 192.168.1.0/24, erab: R5, assets: [{name: \"hems-{vlan}\", role: ems, address: 192.168.1.2}, "
    "{name: \"battery-{n}\", role: device, address: 192.168.1.20, object: \"027D01\", capacity_kw: 6}]";

TEST_F(ConfigTemplate, a_range_of_vlans_makes_a_home_each) {
  std::vector<Fault> faults;
  const auto config = load_text("site.yaml",
                                "segments:\n  - {template: home, vlan: 100-1099, name: \"han-{vlan}\", " + home +
                                    "}\nallow:\n  - {from: hems-1099, to: battery-1000}\n",
                                faults);
  ASSERT_TRUE(faults.empty()) << to_string(faults[0]);
  ASSERT_EQ(config->segments.size(), 1000u);
  ASSERT_EQ(config->assets.size(), 2000u);
  EXPECT_EQ(config->segments[0].name, "han-100");
  EXPECT_EQ(config->segments[999].name, "han-1099");
  EXPECT_EQ(config->segments[999].key.vlan(0), 1099);
  EXPECT_EQ(config->segments[999].interface, ErabInterface::R5);
  EXPECT_EQ(config->assets[1998].name, "hems-1099");
  EXPECT_EQ(config->assets[1999].name, "battery-1000");
  EXPECT_EQ(config->assets[1999].segment, 1000u);
  EXPECT_EQ(config->assets[1999].capacity_kw, 6);
  EXPECT_EQ(config->assets[1999].place.line, 2u);
  EXPECT_EQ(config->allow[0].from[0].index, 1998u);
}

TEST_F(ConfigTemplate, the_inner_tag_or_the_vni_may_be_the_range) {
  std::vector<Fault> faults;
  const auto config = load_text("site.yaml",
                                "segments:\n"
                                "  - {template: a, vlan: [30, \"100-101\"], name: \"a-{vlan}\", prefix: 10.0.0.0/24}\n"
                                "  - {template: a, vlan: [31, \"100-101\"], name: \"b-{vlan}-{n}\"}\n"
                                "  - {template: c, vni: 7-8, vlan: 5, name: \"c-{vni}-{vlan}\", prefix: [10.0.0.0/24, "
                                "\"fd00:{vni}::/64\"]}\n"
                                "  - {template: d, vlan: 9, name: lone, prefix: 10.0.0.0/24}\n",
                                faults);
  ASSERT_TRUE(faults.empty()) << to_string(faults[0]);
  ASSERT_EQ(config->segments.size(), 7u);
  EXPECT_EQ(config->segments[1].name, "a-101");
  EXPECT_EQ(config->segments[1].key.vlan(0), 30);
  EXPECT_EQ(config->segments[1].key.vlan(1), 101);
  EXPECT_EQ(config->segments[3].name, "b-101-4");  // {n} goes on.
  EXPECT_EQ(config->segments[3].key.vlan(0), 31);
  EXPECT_EQ(to_string(config->segments[3].prefixes[0]), "10.0.0.0/24");  // As the first of the name says.
  EXPECT_EQ(config->segments[5].name, "c-8-5");
  EXPECT_EQ(config->segments[5].key.vni_value(), 8u);
  EXPECT_EQ(to_string(config->segments[5].prefixes[1]), "fd00:8::/64");
  EXPECT_EQ(config->segments[6].name, "lone");
}

TEST_F(ConfigTemplate, rows_of_a_table_use_a_template_that_an_entry_makes) {
  write("site.yaml", "segments: [{template: home, name: \"han-{vlan}\", " + home + "}]\nsegment_files: homes.csv\n");
  write("homes.csv",
        "template,vlan,name,prefix\nhome,100-102,,\nhome,30;200,special,\nhome,300,,192.168.0.0/16\n,400,own,10.0.0.0/"
        "8\n");
  EXPECT_EQ(faults_of_file("site.yaml"), Lines{});
  ASSERT_NE(config_, nullptr);
  ASSERT_EQ(config_->segments.size(), 6u);
  ASSERT_EQ(config_->assets.size(), 10u);
  EXPECT_EQ(config_->segments[3].name, "special");
  EXPECT_EQ(config_->segments[3].key.vlan_count(), 2u);
  EXPECT_EQ(to_string(config_->segments[4].prefixes[0]), "192.168.0.0/16");
  EXPECT_EQ(config_->segments[5].name, "own");
  EXPECT_EQ(config_->assets[6].name, "hems-200");
  EXPECT_EQ(config_->assets[6].segment, 4u);

  write("homes.csv", "template,vlan,pan\nhone,100-102,\nhome,,\nhome,109-100,\nhome,100-102,0x1\n");
  EXPECT_EQ(
      faults_of_file("site.yaml"),
      (Lines{"homes.csv:2:1: template: there is no template \"hone\"; did you mean \"home\"?; entries of segments "
             "with the key template make them",
             "homes.csv:3:1: template: vlan or vni says which homes are meant",
             "homes.csv:4:6: vlan: \"109-100\" runs backwards; the smaller number comes first",
             "homes.csv:5:14: pan: a template is made over a range of vlan or vni"}));
}

TEST_F(ConfigTemplate, a_fault_of_a_thousand_homes_is_told_once) {
  EXPECT_EQ(
      faults_of("segments:\n"
                "  - {template: a, vlan: 100-1099, name: \"a-{vlan}\", prefix: 192.168.1.5/24, erab: R9,\n"
                "     assets: [{name: \"x-{n}\", role: emss, address: 192.168.1.2}, {name: \"y-{n}\", role: ems}]}\n"
                "  - {template: b, vlan: 2000-2999, name: \"b-{vlan}\", prefix: 192.168.1.0/24,\n"
                "     assets: [{name: \"z-{n}\", role: ems, address: [192.168.1.2, 10.0.0.1], segment: b-2000}]}\n"),
      (Lines{"site.yaml:2:61: prefix: \"192.168.1.5/24\" has bits set beyond its length; the prefix is "
             "192.168.1.0/24",
             "site.yaml:2:83: erab: \"R9\" is no ERAB interface; did you mean \"R1\"?; accepted: R1, R2, R3, R4, "
             "R5, R6, VENDOR, A, B",
             "site.yaml:3:37: role: \"emss\" is no role; did you mean \"ems\"?; accepted: grid_command, "
             "coordinator, aggregator, retailer, ems, gateway, device, sensor_device, vendor_cloud, router, meter, "
             "concentrator, hes, mdms, handy_terminal, der_outstation, scada_master, operator, monitor",
             "site.yaml:3:66: an asset needs the key \"address\"",
             "site.yaml:5:65: address: \"10.0.0.1\" is not in the segment \"b-2000\" (192.168.1.0/24)",
             "site.yaml:5:85: segment: an asset of a template is in the template's own segment; leave the key out"}));
}

TEST_F(ConfigTemplate, names_must_become_unique_and_placeholders_known) {
  EXPECT_EQ(
      faults_of("segments:\n"
                "  - {template: a, vlan: 1-9, name: home, prefix: 10.0.0.0/24}\n"
                "  - {template: b, vlan: 1-9, name: \"b-{vlan}\", prefix: 10.0.0.0/24, assets: [{name: ems, role: ems, "
                "address: 10.0.0.1}]}\n"
                "  - {template: c, vlan: 11-19, name: \"c-{vlam}\", prefix: 10.0.0.0/24}\n"
                "  - {template: d, vlan: 21-29, name: \"d-{vlan}{\", prefix: 10.0.0.0/24}\n"
                "  - {template: e, vlan: 31-39, name: \"e-{n}-{vni}\", prefix: 10.0.0.0/24}\n"
                "  - {template: f, vni: 1-2, vlan: 1-2, name: \"f-{n}\", prefix: 10.0.0.0/24}\n"
                "  - {template: g, vlan: [1-2, 3], name: \"g-{n}\", prefix: 10.0.0.0/24}\n"
                "  - {template: h, vlan: 0-5, name: \"h-{n}\"}\n"
                "  - {template: i, vlan: 41-42, name: \"i-{n}\"}\n"
                "  - {template: j, vni: 0-1000000, name: \"j-{n}\", prefix: 10.0.0.0/24}\n"
                "  - {template: k, vlan: 51-52, name: \"i-{n}\", prefix: 10.0.0.0/24, assets: []}\n"
                "  - {name: m, vlan: 60-62, prefix: 10.0.0.0/24, assets: [{name: z}]}\n"),
      (Lines{"site.yaml:2:36: name: \"home\" would be the name of 9 homes; {vlan} or {n} in it makes it unique",
             "site.yaml:3:85: name: \"ems\" would be the name of 9 homes; {vlan} or {n} in it makes it unique",
             "site.yaml:4:38: \"{vlam}\" is no placeholder; did you mean \"vlan\"?; accepted: {vlan}, {vni}, {n}",
             "site.yaml:5:38: \"{\" is no placeholder; accepted: {vlan}, {vni}, {n}",
             "site.yaml:6:38: \"{vni}\": this home has no vni",
             "site.yaml:7:35: vlan: only the innermost tag is a range, and only one of vlan and vni",
             "site.yaml:8:26: vlan: only the innermost tag is a range, and only one of vlan and vni",
             "site.yaml:9:25: vlan: \"0\" is not accepted; a whole number from 1 to 4094 is",
             "site.yaml:10:5: template: the template \"i\" needs the key \"prefix\"",
             "site.yaml:11:24: vni: this makes 1000001 homes; at most 1000000 segments are accepted in all",
             "site.yaml:13:21: vlan: \"60-62\" is not accepted; a whole number from 1 to 4094 is",
             "site.yaml:13:57: assets: only the segments of a template have assets of their own; others stand under "
             "assets"}));
}

TEST_F(ConfigTemplate, homes_that_are_there_already_are_told) {
  EXPECT_EQ(
      faults_of("segments:\n"
                "  - {name: han-101, prefix: 192.168.1.0/24, vlan: 101}\n"
                "  - {template: home, vlan: 100-109, name: \"han-{vlan}\", " +
                home + "}\n"),
      (Lines{"site.yaml:3:43: name: the segment \"han-101\" is here twice; the first is on line 2",
             "site.yaml:3:65: prefix: 192.168.1.0/24 is already the segment \"han-101\" on line 2; vlan, vni or pan "
             "tells two apart"}));
}

}  // namespace
}  // namespace tsujiban::config
