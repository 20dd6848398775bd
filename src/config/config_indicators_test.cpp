#include "config/config_test_folder.h"
#include "config/indicators.h"

namespace tsujiban::config {
namespace {

using Kind = IndicatorKind;

class ConfigIndicators : public ConfigFolder {
 protected:
  Lines read(const std::string& list, const std::string& name = "a.csv") {
    write("indicators/" + name, list);
    write("site.yaml", "indicators: [indicators/*]\n");
    return faults_of_file("site.yaml");
  }
  // "kind value" of every indicator.
  Lines values() const {
    Lines lines;
    for (const Indicator& indicator : config_->indicators->indicators)
      lines.push_back(std::string(name_of(indicator.kind)) + ' ' + text_of(*config_->indicators, indicator));
    return lines;
  }
};

constexpr const char* every_value =
    "198.51.100.7\n2001:db8::66\n10.66.0.0/16\n2001:db8:66::/48\nevil.example\n*.Bad.Example.\n.zip\n"
    "http://evil.example/gate.php?id=1#top\nEVIL.example:8080/a/B\nhttps://198.51.100.9/x\nevil.example/\n"
    "e7d705a3286e19ea42f587b344ee6865\nt13d1516h2_8daaf6152771_02713d6af862\n"
    "da39a3ee5e6b4b0d3255bfef95601890afd80709\n"
    "E3B0C44298FC1C149AFBF4C8996FB92427AE41E4649B934CA495991B7852B855\n198.51.100.8:443\nhxxp://e[.]example/\n";

TEST_F(ConfigIndicators, a_plain_list_is_read_by_the_form_of_its_values) {
  EXPECT_EQ(read(std::string("# a list\r\n\r\n") + every_value + "7.7.7.7 # why\n"), Lines{});
  EXPECT_EQ(
      values(),
      (Lines{"address 198.51.100.7", "address 2001:db8::66", "prefix 10.66.0.0/16", "prefix 2001:db8:66::/48",
             "domain evil.example", "domain bad.example", "domain zip", "url evil.example/gate.php?id=1",
             "url evil.example/a/B", "url 198.51.100.9/x", "url evil.example/", "ja3 e7d705a3286e19ea42f587b344ee6865",
             "ja4 t13d1516h2_8daaf6152771_02713d6af862", "certificate_sha1 da39a3ee5e6b4b0d3255bfef95601890afd80709",
             "certificate_sha256 e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
             "address 198.51.100.8", "url e.example/", "address 7.7.7.7"}));
  EXPECT_EQ(config_->indicators->indicators[0].line, 3u);
}

TEST_F(ConfigIndicators, a_table_has_types_expiries_and_sources) {
  EXPECT_EQ(read("type,value,expires,source,comment\n"
                 "domain,evil.example,2027-03-31,feed-a,\"a, b\"\n"
                 "certificate,DA:39:A3:EE:5E:6B:4B:0D:32:55:BF:EF:95:60:18:90:AF:D8:07:09,,feed-b,\n"
                 ",198.51.100.7,2027-03-31T12:00:00Z,feed-a,\n"
                 "prefix,198.51.100.9/32,2027-03-31 12:00,,\n"),
            Lines{});
  const IndicatorLists& lists = *config_->indicators;
  EXPECT_EQ(values(), (Lines{"domain evil.example", "certificate_sha1 da39a3ee5e6b4b0d3255bfef95601890afd80709",
                             "address 198.51.100.7", "address 198.51.100.9"}));
  EXPECT_EQ(lists.sources[lists.indicators[0].source], "feed-a");
  EXPECT_EQ(lists.indicators[2].source, lists.indicators[0].source);
  EXPECT_EQ(lists.sources[lists.indicators[3].source], "");
  EXPECT_EQ(lists.indicators[0].expires_s, 1806537600u);  // 2027-04-01T00:00:00, on the site's clocks.
  EXPECT_FALSE(lists.indicators[0].expires_utc);
  EXPECT_EQ(lists.indicators[1].expires_s, 0u);
  EXPECT_EQ(lists.indicators[2].expires_s, 1806537600u - 43200);
  EXPECT_TRUE(lists.indicators[2].expires_utc);
  EXPECT_EQ(lists.indicators[3].expires_s, lists.indicators[2].expires_s);
}

TEST_F(ConfigIndicators, an_export_of_misp_is_read_and_what_no_packet_shows_is_counted) {
  EXPECT_EQ(read("uuid,event_id,category,type,value,comment,to_ids,date\n"
                 "1,7,Network activity,ip-dst,198.51.100.7,,1,20261101\n"
                 "2,7,Network activity,ip-dst|port,198.51.100.8|443,,1,20261101\n"
                 "3,7,Network activity,domain|ip,evil.example|198.51.100.9,,1,20261101\n"
                 "4,7,Network activity,hostname,gate.evil.example,,True,20261101\n"
                 "5,7,Network activity,hostname,www.example.com,,0,20261101\n"
                 "6,7,Payload delivery,sha256,e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855,,1,1\n"
                 "7,7,Payload delivery,filename|md5,a.exe|d41d8cd98f00b204e9800998ecf8427e,,1,1\n"
                 "8,7,Network activity,ja3-fingerprint-md5,e7d705a3286e19ea42f587b344ee6865,,1,1\n"
                 "9,7,Network activity,x509-fingerprint-sha1,da39a3ee5e6b4b0d3255bfef95601890afd80709,,1,1\n"),
            Lines{});
  EXPECT_EQ(config_->indicators->unused, 3u);
  EXPECT_EQ(values(), (Lines{"address 198.51.100.7", "address 198.51.100.8", "domain evil.example",
                             "address 198.51.100.9", "domain gate.evil.example", "ja3 e7d705a3286e19ea42f587b344ee6865",
                             "certificate_sha1 da39a3ee5e6b4b0d3255bfef95601890afd80709"}));
}

TEST_F(ConfigIndicators, every_fault_is_told_with_its_place) {
  EXPECT_EQ(
      read("type,value,expires,to_ids\n"
           "domain,a..example,,\n"
           "domian,evil.example,,\n"
           ",what is this,,\n"
           "address,10.0.0.1/8,,\n"
           "address,0.0.0.0/0,,\n"
           "domain,com,,\n"
           "domain,b\xc3\xbc.example,,\n"
           "ja3,e7d705,,\n"
           "ja4,t13d,,\n"
           "url,ftp://evil.example/,,\n"
           "domain,evil.example,31.3.2027,perhaps\n"
           "domain,evil.example,2027-03-31T25:00:00Z,\n"
           "domain,,,\n"
           "domain|ip,evil.example,,\n"
           "domain,a,b\n"),
      (Lines{"indicators/a.csv:2:8: value: \"a..example\" is no domain name: an empty label",
             "indicators/a.csv:3:1: type: \"domian\" is no type of indicator; did you mean \"domain\"?; accepted: "
             "address, prefix, domain, url, ja3, ja4, certificate, certificate_sha1, certificate_sha256, those of "
             "MISP, or none, and the value tells",
             "indicators/a.csv:4:2: value: \"what is this\" is none of these: an address, a prefix, a domain, a URL "
             "with its \"/\", JA3 (32 hexadecimal digits), JA4, the hash of a certificate (SHA-1, 40 digits, or "
             "SHA-256, 64)",
             "indicators/a.csv:5:9: value: \"10.0.0.1/8\" has bits set beyond its length; the prefix is 10.0.0.0/8",
             "indicators/a.csv:6:9: value: \"0.0.0.0/0\" is every address there is",
             "indicators/a.csv:7:8: value: \"com\" is one label, and everything below it; write it with a dot "
             "before it if that is meant",
             "indicators/a.csv:8:8: value: \"b\xc3\xbc.example\" is no domain name; write it as it is asked for, "
             "with \"xn--\"",
             "indicators/a.csv:9:5: value: \"e7d705\" has another length; 32 hexadecimal digits are accepted",
             "indicators/a.csv:10:5: value: \"t13d\" is no JA4; accepted: the form of "
             "t13d1516h2_8daaf6152771_02713d6af862",
             "indicators/a.csv:11:5: value: \"ftp://evil.example/\" has another scheme than http and https",
             "indicators/a.csv:12:31: to_ids: \"perhaps\" is not known; accepted: 1, 0, true, false, yes, no",
             "indicators/a.csv:13:21: expires: \"2027-03-31T25:00:00Z\" is no time; accepted: 2027-03-31, the last "
             "day, or 2027-03-31T12:00:00Z in UTC",
             "indicators/a.csv:14:1: value: there is none in this row",
             "indicators/a.csv:15:11: value: \"evil.example\" has no \"|\" between a domain and an address",
             "indicators/a.csv:16:1: the row has 3 cells, the first line names 4 columns"}));
  EXPECT_EQ(
      read("evil.example\n a b\nnothing\n"),
      (Lines{"indicators/a.csv:2:2: \"a b\" is more than one value; a plain list has one on a line, and a comment "
             "begins with \"#\"; a table needs a first line that names its columns, \"value\" among them",
             "indicators/a.csv:3:1: value: \"nothing\" is none of these: an address, a prefix, a domain, a URL with "
             "its \"/\", JA3 (32 hexadecimal digits), JA4, the hash of a certificate (SHA-1, 40 digits, or SHA-256, "
             "64)"}));
  EXPECT_EQ(
      read("type,expires\nx,y\n"),
      (Lines{"indicators/a.csv:1:1: a table of indicators needs the column \"value\"; accepted: type, value, expires, "
             "source, comment, to_ids, uuid, event_id, category, date, attribute_tag, object_relation, object_uuid, "
             "object_name, object_meta_category, event_info, first_seen, last_seen, tags"}));
}

TEST_F(ConfigIndicators, duplicates_are_merged_over_files_and_the_longer_life_holds) {
  write("indicators/b.csv", "EVIL.example\n198.51.100.7\nhttp://evil.example\n");
  EXPECT_EQ(read("value,expires\nevil.example,2027-03-31\n.evil.example,2027-05-31\n198.51.100.7,2027-01-01\n"
                 "evil.example/,\n"),
            Lines{});
  EXPECT_EQ(values(), (Lines{"domain evil.example", "address 198.51.100.7", "url evil.example/"}));
  EXPECT_EQ(config_->indicators->duplicates, 4u);
  EXPECT_EQ(config_->indicators->indicators[0].expires_s, 0u);
  EXPECT_EQ(config_->indicators->indicators[1].expires_s, 0u);
  EXPECT_EQ(config_->indicators->files, 2u);
  EXPECT_NE(describe(*config_).find("indicators  3 from 2 files: 1 address, 1 domain, 1 url; 4 duplicates merged\n"),
            std::string::npos)
      << describe(*config_);
}

TEST_F(ConfigIndicators, the_example_has_one_of_each_kind) {
  write("site.yaml", std::string("indicators: [\"") + TSUJIBAN_SOURCE_DIR + "/config/indicators.example.csv\"]\n");
  EXPECT_EQ(faults_of_file("site.yaml"), Lines{});
  const IndicatorLists& lists = *config_->indicators;
  EXPECT_EQ(lists.indicators.size(), 7u);
  for (std::size_t i = 0; i < indicator_kind_count; ++i)
    EXPECT_EQ(lists.counts[i], static_cast<IndicatorKind>(i) == Kind::certificate_sha256 ? 0u : 1u) << i;
}

TEST_F(ConfigIndicators, a_list_that_is_not_there_and_an_empty_one) {
  write("site.yaml", "indicators: [none/*.csv]\n");
  const Lines lines = faults_of_file("site.yaml");
  ASSERT_EQ(lines.size(), 1u);
  EXPECT_EQ(lines[0].find("site.yaml:1:14: indicators: no file is named by"), 0u) << lines[0];
  EXPECT_EQ(read("# nothing today\n"), Lines{});
  EXPECT_FALSE(config_->has_indicators());
  EXPECT_NE(describe(*config_).find("indicators  0 from 1 file\n"), std::string::npos);
  EXPECT_NE(describe(*config_).find("c2.indicator: rests, it needs a list (indicators)"), std::string::npos);
}

}  // namespace
}  // namespace tsujiban::config
