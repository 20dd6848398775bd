// Tables in CSV: segments, assets and allow entries.
#include "config/config_test_folder.h"
#include "config/csv.h"

namespace tsujiban::config {
namespace {

class ConfigTable : public ConfigFolder {
 protected:
  // The faults of a site of these tables; an empty one is not named.
  Lines faults_of_tables(const std::string& segments, const std::string& assets, const std::string& allow = "") {
    std::string site = "host: s\n";
    if (!segments.empty()) site += "segment_files: segments.csv\n";
    if (!assets.empty()) site += "asset_files: [assets.csv]\n";
    if (!allow.empty()) site += "allow_files: [allow.csv]\n";
    write("segments.csv", segments);
    write("assets.csv", assets);
    write("allow.csv", allow);
    write("site.yaml", site);
    return faults_of_file("site.yaml");
  }
};

TEST_F(ConfigTable, tables_say_the_same_as_yaml) {
  EXPECT_EQ(faults_of_tables(
                "prefix,name,vlan,erab\n192.168.1.0/24;fd00::/64,han-12,30;112,R5\n10.0.0.0/8,fan,,A\n",
                "name,role,address,segment,mac,serves,object,capacity_kw,jc_star,ports\n"
                "battery-12,device,192.168.1.20;fe80::20,han-12,02:00:00:00:12:20,R5,027D01,6.5,1,udp/3610;tcp/80\n"
                "meter-1,meter,10.0.0.1,fan,,,,,,\n",
                "from,to,ports,protocols,direction,reason,expires\n"
                "meter-1;role:ems,segment:han-12;203.0.113.0/24,tcp/443;udp/3610,echonet_lite,both,\"R5, and more\","
                "2027-03-31\n"
                "battery-12,any,,,,,\n"),
            Lines{});
  ASSERT_NE(config_, nullptr);
  ASSERT_EQ(config_->segments.size(), 2u);
  EXPECT_EQ(config_->segments[0].prefixes.size(), 2u);
  EXPECT_EQ(config_->segments[0].key.vlan_count(), 2u);
  EXPECT_EQ(config_->segments[0].key.vlan(1), 112);
  EXPECT_TRUE(config_->segments[1].any_link);
  ASSERT_EQ(config_->assets.size(), 2u);
  const Asset& battery = config_->assets[0];
  EXPECT_EQ(battery.name, "battery-12");
  EXPECT_EQ(battery.addresses.size(), 2u);
  EXPECT_EQ(battery.object, 0x027d01u);
  EXPECT_EQ(battery.capacity_kw, 6.5);
  EXPECT_EQ(battery.jc_star, 1);
  EXPECT_EQ(battery.ports.size(), 2u);
  EXPECT_EQ(config_->place_of(battery.place).file, path("assets.csv"));
  EXPECT_EQ(battery.place.line, 2u);
  ASSERT_EQ(config_->allow.size(), 2u);
  EXPECT_EQ(config_->allow[0].from.size(), 2u);
  EXPECT_EQ(config_->allow[0].to[0].kind, Endpoint::Kind::segment);
  EXPECT_EQ(config_->allow[0].ports.size(), 2u);
  EXPECT_EQ(config_->allow[0].protocols[0], AppProtocol::echonet_lite);
  EXPECT_TRUE(config_->allow[0].both_directions);
  EXPECT_EQ(config_->allow[0].reason, "R5, and more");
  EXPECT_EQ(config_->allow[0].expires_local_s, std::int64_t{20909} * 86400);
  EXPECT_EQ(config_->allow[1].expires_local_s, never_expires);
}

TEST_F(ConfigTable, a_byte_order_mark_crlf_comments_empty_lines_spaces_and_quotes_are_read) {
  EXPECT_EQ(faults_of_tables("",
                             "\xef\xbb\xbf# made by the meter team\r\n"
                             "\r\n"
                             "\"name\" , role,address\r\n"
                             "  \t\r\n"
                             "# a comment, \"with a quote\r\n"
                             "  a , \"meter\"  , 10.0.0.1 ; 10.0.0.2\r\n"
                             "\"b\",meter,\"10.0.0.3;10.0.0.4\""),
            Lines{});
  ASSERT_NE(config_, nullptr);
  ASSERT_EQ(config_->assets.size(), 2u);
  EXPECT_EQ(config_->assets[0].name, "a");
  EXPECT_EQ(config_->assets[0].addresses.size(), 2u);
  EXPECT_EQ(config_->assets[0].place.line, 6u);
  EXPECT_EQ(config_->assets[1].addresses[1], IpAddress::v4(0x0a000004));
}

TEST_F(ConfigTable, doubled_quotes_and_lines_within_a_cell_are_one_text) {
  EXPECT_EQ(
      faults_of_tables("", "", "from,to,reason\nany,10.0.0.1,\"he said \"\"R5\"\",\nand went\"\nany,10.0.0.2,b\n"),
      Lines{});
  EXPECT_EQ(config_->allow[0].reason, "he said \"R5\",\nand went");
  EXPECT_EQ(config_->allow[1].reason, "b");
  EXPECT_EQ(config_->allow[1].place.line, 4u);
}

TEST_F(ConfigTable, every_wrong_cell_is_told_with_its_line_and_column) {
  EXPECT_EQ(
      faults_of_tables("name,prefix,vlan\nhan,192.168.1.5/24,30;5000\n",
                       "name,role,address,segment,serves\r\n"
                       "a,devise,10.0.0.1;10.0.0.1,,R5;R9\r\n"
                       "a b,meter,\"300.0.0.1\",hann,\r\n"
                       ",meter,10.0.0.3,,\r\n"
                       "d,meter,10.0.0.4;;,,\r\n"),
      (Lines{"segments.csv:2:5: prefix: \"192.168.1.5/24\" has bits set beyond its length; the prefix is "
             "192.168.1.0/24",
             "segments.csv:2:23: vlan: \"5000\" is not accepted; a whole number from 1 to 4094 is",
             "assets.csv:2:3: role: \"devise\" is no role; did you mean \"device\"?; accepted: grid_command, "
             "coordinator, aggregator, retailer, ems, gateway, device, sensor_device, vendor_cloud, router, meter, "
             "concentrator, hes, mdms, handy_terminal, der_outstation, scada_master, operator, monitor",
             "assets.csv:2:19: address: \"10.0.0.1\" is here twice",
             "assets.csv:2:32: serves: \"R9\" is no ERAB interface; did you mean \"R1\"?; accepted: R1, R2, R3, "
             "R4, R5, R6, VENDOR, A, B",
             "assets.csv:3:1: name: \"a b\" is no name; letters, digits, \"-\", \"_\" and \".\" are accepted, in "
             "any script",
             "assets.csv:3:11: address: \"300.0.0.1\" is no IPv4 or IPv6 address",
             "assets.csv:3:23: segment: there is no segment \"hann\"; did you mean \"han\"?; the names under "
             "segments are accepted",
             "assets.csv:4:1: an asset needs the key \"name\"",
             "assets.csv:5:18: address: \"\" is no IPv4 or IPv6 address",
             "assets.csv:5:19: address: \"\" is no IPv4 or IPv6 address"}));
}

TEST_F(ConfigTable, wrong_columns_are_told_once) {
  EXPECT_EQ(
      faults_of_tables("", "name,rol,address,name\na,b,c,d\n", "from;to;reason\na;b;c\n"),
      (Lines{"assets.csv:1:1: a table of assets needs the column \"role\"; accepted: name, role, address, segment, "
             "mac, serves, object, capacity_kw, jc_star, ports",
             "assets.csv:1:6: unknown column \"rol\" in a table of assets; did you mean \"role\"?; accepted: name, "
             "role, address, segment, mac, serves, object, capacity_kw, jc_star, ports",
             "assets.csv:1:18: the column \"name\" is here twice; the first is column 1 of the line",
             "allow.csv:1:1: unknown column \"from;to;reason\" in a table of allow entries; columns are separated "
             "by commas; accepted: from, to, ports, protocols, direction, reason, expires",
             "allow.csv:1:1: a table of allow entries needs the column \"from\"; accepted: from, to, ports, "
             "protocols, direction, reason, expires",
             "allow.csv:1:1: a table of allow entries needs the column \"to\"; accepted: from, to, ports, "
             "protocols, direction, reason, expires"}));
  EXPECT_EQ(faults_of_tables("", "# nothing\n\n"),
            (Lines{"assets.csv: a table of assets begins with a line that names its columns; accepted: name, role, "
                   "address, segment, mac, serves, object, capacity_kw, jc_star, ports"}));
}

TEST_F(ConfigTable, rows_that_do_not_fit_the_first_line_are_told) {
  EXPECT_EQ(
      faults_of_tables("",
                       "name,role,address\n"
                       "a,meter\n"
                       "b,meter,10.0.0.1,R5\n"
                       "c,me\"ter,10.0.0.2\n"
                       "d,\"meter\"x,10.0.0.3\n"
                       "e,meter,10.0.0.4,\n"
                       "f,meter,10.0.0.5\n"
                       "g,\"meter,10.0.0.6\nh,meter,10.0.0.7\n"),
      (Lines{"assets.csv:2:1: the row has 2 cells, the first line names 3 columns",
             "assets.csv:3:18: the row has 4 cells, the first line names 3 columns; a cell that holds a comma "
             "stands in quotes",
             "assets.csv:4:5: a quote in the middle of a cell; quote the whole cell, and write a quote in it twice",
             "assets.csv:5:10: after a closing quote a comma or the end of the line is accepted; a quote in a cell "
             "is written twice",
             "assets.csv:6:18: the row has 4 cells, the first line names 3 columns; a cell that holds a comma "
             "stands in quotes",
             "assets.csv:8:3: the quote that begins here is never closed; the rest of the file was not read"}));
}

TEST_F(ConfigTable, more_cells_than_any_table_has_are_told) {
  EXPECT_EQ(
      faults_of_tables("", "name,role,address\na,meter,10.0.0.1" + std::string(100000, ',') + "\n"),
      (Lines{"assets.csv:2:18: the row has more than 64 cells, the first line names 3 columns; a cell that holds a "
             "comma stands in quotes"}));
  EXPECT_EQ(faults_of_tables("", std::string(100, ',') + "\n").size(), 1u);
}

TEST_F(ConfigTable, bytes_that_are_no_text_are_refused) {
  EXPECT_EQ(faults_of_tables("", "name,role,address\na,meter,\xff\n"),
            (Lines{"assets.csv:2:9: the byte 0xff is no text; the file must be UTF-8 without control characters"}));
  EXPECT_EQ(faults_of_tables("", std::string("name\0", 5)).size(), 1u);
}

TEST_F(ConfigTable, duplicates_over_tables_and_yaml_name_the_first) {
  write("more/a.csv", "name,role,address\nm1,meter,10.0.0.1\n");
  write("more/b.csv", "name,role,address\nm2,meter,10.0.0.2\nm1,meter,10.0.0.3\nm4,meter,10.0.0.9\n");
  write("site.yaml", "asset_files: [more/*.csv, more/a.csv]\nassets:\n  - {name: y, role: meter, address: 10.0.0.9}\n");
  EXPECT_EQ(
      faults_of_file("site.yaml"),
      (Lines{"more/b.csv:3:1: name: the asset \"m1\" is here twice; the first is on more/a.csv:2",
             "more/b.csv:4:10: address: \"10.0.0.9\" is already the asset \"y\" on site.yaml:3 of the same link"}));
}

TEST_F(ConfigTable, files_that_are_not_there_are_told_where_they_are_named) {
  write("site.yaml", "include: sub/b.yaml\nasset_files: none.csv\n");
  write("sub/b.yaml", "allow_files: [x.csv]\nsegment_files: []\n");
  EXPECT_EQ(faults_of_file("site.yaml"),
            (Lines{"site.yaml:2:14: asset_files: no file is named by \"none.csv\"",
                   "sub/b.yaml:1:15: allow_files: no file is named by \"sub/x.csv\"",
                   "sub/b.yaml:2:16: segment_files: the list is empty; give one or more, or leave the key out"}));
  EXPECT_EQ(faults_of("asset_files: a.csv\n"),
            (Lines{"site.yaml:1:14: asset_files: a text in memory cannot name files"}));
}

TEST_F(ConfigTable, key_files_are_read_and_checked) {
  const std::string file = write("mask.key", "0123456789abcdef\r\n");
  write("site.yaml", "privacy: {key_file: mask.key}\n");
  std::filesystem::permissions(file, std::filesystem::perms(0640));
  EXPECT_EQ(faults_of_file("site.yaml"), Lines{});
  EXPECT_TRUE(config_->privacy.mask);
  EXPECT_EQ(config_->privacy.key.size(), 16u);
  EXPECT_NE(describe(*config_).find("privacy     readings and identifiers become keyed pseudonyms\n"),
            std::string::npos);
  std::filesystem::permissions(file, std::filesystem::perms(0644));
  EXPECT_EQ(faults_of_file("site.yaml"),
            (Lines{"site.yaml:1:21: key_file: \"mask.key\": others than its owner and group may read it, or than its "
                   "owner write it; chmod 600 or 640 is accepted"}));
  std::filesystem::permissions(file, std::filesystem::perms(0600));
  write("mask.key", "short\n");
  EXPECT_EQ(faults_of_file("site.yaml"),
            (Lines{"site.yaml:1:21: key_file: \"mask.key\": the key has 5 bytes; 16 to 64 are accepted"}));
  write("mask.key", std::string(70, 'x'));
  EXPECT_EQ(faults_of_file("site.yaml"),
            (Lines{"site.yaml:1:21: key_file: \"mask.key\": the file is larger than 66 bytes"}));
  write("mask.key", std::string(64, '\xff') + "\n");
  EXPECT_EQ(faults_of_file("site.yaml"), Lines{});
  EXPECT_EQ(config_->privacy.key.size(), 64u);
  write("site.yaml", "privacy: {key_file: none.key}\n");
  EXPECT_EQ(faults_of_file("site.yaml"), (Lines{"site.yaml:1:21: key_file: \"none.key\": No such file or directory"}));
}

TEST_F(ConfigTable, a_hundred_thousand_assets_and_as_many_entries_are_read) {
  constexpr unsigned count = 100000;
  std::string assets = "name,role,address,segment\n", allow = "from,to,ports,reason\n";
  for (unsigned i = 0; i < count; ++i) {
    const std::string name = "meter-" + std::to_string(i);
    assets += name + ",meter," + to_string(IpAddress::v4(0x0a000000u + i)) + ",fan\n";
    allow += name + ",203.0.113.0/24,tcp/443,readings\n";
  }
  EXPECT_EQ(faults_of_tables("name,prefix\nfan,10.0.0.0/8\n", assets, allow), Lines{});
  ASSERT_EQ(config_->assets.size(), count);
  ASSERT_EQ(config_->allow.size(), count);
  EXPECT_EQ(config_->allow[count - 1].from[0].index, count - 1);
}

TEST_F(ConfigTable, three_hundred_thousand_faulty_rows_are_told_up_to_the_limit) {
  std::string assets = "name,role,address,segment\n";
  for (unsigned i = 0; i < 100000; ++i) assets += "a b,metre,300.0.0.1,none\n";
  const Lines lines = faults_of_tables("", assets);
  ASSERT_EQ(lines.size(), faults_max);
  EXPECT_NE(lines.back().find("and 399001 more faults from here on"), std::string::npos) << lines.back();
}

}  // namespace
}  // namespace tsujiban::config
