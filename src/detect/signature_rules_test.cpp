#include "detect/signature_rules.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "detect/signature_classes.h"

namespace tsujiban::detect {
namespace {

struct Loaded {
  std::shared_ptr<const RuleSet> rules;
  std::vector<config::Fault> faults;
};

Loaded load(std::string_view text) {
  Loaded loaded;
  loaded.rules = RuleSet::load_text("x.rules", text, loaded.faults);
  EXPECT_EQ(loaded.rules == nullptr, !loaded.faults.empty());
  return loaded;
}

// "line:column: message" of every fault, one a line.
std::string faults_of(std::string_view text) {
  std::string out;
  for (const config::Fault& fault : load(text).faults) {
    EXPECT_EQ(fault.place.file, "x.rules");
    out += std::to_string(fault.place.line) + ':' + std::to_string(fault.place.column) + ": " + fault.message + '\n';
  }
  return out;
}

SignatureRule one(std::string_view text) {
  const Loaded loaded = load(text);
  for (const config::Fault& fault : loaded.faults)
    ADD_FAILURE() << fault.place.line << ':' << fault.place.column << ": " << fault.message;
  return loaded.rules != nullptr && loaded.rules->size() == 1 ? loaded.rules->rule(0) : SignatureRule{};
}

std::string with_options(std::string_view options) {
  return "alert udp any any -> any any (" + std::string(options) + ")";
}
std::string with_source(std::string_view source) {
  return "alert udp " + std::string(source) + " any -> any any (msg:\"m\"; content:\"c\"; sid:1;)";
}
std::string with_port(std::string_view port) {
  return "alert udp any " + std::string(port) + " -> any any (msg:\"m\"; content:\"c\"; sid:1;)";
}

TEST(SignatureRules, a_whole_rule_is_read) {
  const SignatureRule rule =
      one("alert tcp 192.0.2.0/24 1024: <> [2001:db8::1,!198.51.100.7] [80,8000:8080] (msg:\"a \\\"b\\\"\\; c\"; "
          "content:\"GET |2f 0D0a|x\"; nocase; content:\"\\\\y\"; classtype:trojan-activity; sid:9000001; rev:7;)");
  EXPECT_EQ(rule.protocol, RuleProtocol::tcp);
  EXPECT_TRUE(rule.both_directions);
  EXPECT_EQ(rule.message, "a \"b\"; c");
  EXPECT_EQ(rule.category, "A Network Trojan was detected");
  EXPECT_EQ(rule.severity, Severity::critical);
  EXPECT_EQ(rule.gid, 1u);
  EXPECT_EQ(rule.sid, 9000001u);
  EXPECT_EQ(rule.rev, 7u);
  ASSERT_EQ(rule.contents.size(), 2u);
  EXPECT_EQ(rule.contents[0].bytes, "GET /\r\nx");
  EXPECT_TRUE(rule.contents[0].nocase);
  EXPECT_EQ(rule.contents[1].bytes, "\\y");
  EXPECT_FALSE(rule.contents[1].nocase);
  EXPECT_TRUE(rule.source_ports.contains(1024));
  EXPECT_FALSE(rule.source_ports.contains(1023));
  EXPECT_TRUE(rule.destination_ports.contains(8080));
  EXPECT_FALSE(rule.destination_ports.contains(81));
  EXPECT_EQ(rule.place.line, 1u);
}

TEST(SignatureRules, comments_blank_lines_crlf_continuation_and_a_last_line_without_end_are_read) {
  const Loaded loaded = load(
      "# a comment; (\r\n\r\n   \t\n  # another\nalert udp any any -> any any \\\r\n   (msg:\"m\"; \\\n content:\"c\"; "
      "sid:1;)\r\n"
      "alert udp any any -> any any (msg:\"m\"; content:\"c\"; sid:2;)");
  ASSERT_NE(loaded.rules, nullptr);
  ASSERT_EQ(loaded.rules->size(), 2u);
  EXPECT_EQ(loaded.rules->rule(0).place.line, 5u);
  EXPECT_EQ(loaded.rules->rule(1).place.line, 8u);
}

TEST(SignatureRules, no_rules_are_a_valid_empty_set) {
  const Loaded loaded = load("# nothing\n");
  ASSERT_NE(loaded.rules, nullptr);
  EXPECT_TRUE(loaded.rules->empty());
  std::vector<config::Fault> faults;
  EXPECT_NE(RuleSet::load({}, faults), nullptr);
}

TEST(SignatureRules, a_fault_in_a_continued_rule_has_the_line_and_column_of_the_file) {
  EXPECT_EQ(faults_of("\nalert udp any any -> any any (\\\n  msg:\"m\"; \\\n  pcre:\"/x/\"; content:\"c\"; sid:1;)\n"),
            "4:3: keyword `pcre` is not accepted (accepted: msg, content, nocase, classtype, sid, rev)\n");
}

TEST(SignatureRules, every_fault_of_every_rule_is_told) {
  EXPECT_EQ(faults_of("drop http $HOME_NET any <- any 70000 (msg:\"m\"; content:\"c\"; sid:0;)\n"
                      "alert udp any any -> any any (content:\"\"; foo; sid:2;)\n"),
            "1:1: action `drop` is not accepted (accepted: alert)\n"
            "1:6: protocol `http` is not accepted (accepted: tcp, udp, ip)\n"
            "1:11: variable `$HOME_NET` is not accepted: write what it stands for, or any\n"
            "1:25: direction `<-` is not accepted (accepted: ->, <>)\n"
            "1:32: port `70000` is not understood (accepted: any, 0 to 65535, a range a:b, a: or :b, a list [a,b], "
            "each with ! before it)\n"
            "1:65: sid `0` is not a number from 1 to 4294967295\n"
            "2:39: content is empty\n"
            "2:43: keyword `foo` is not accepted (accepted: msg, content, nocase, classtype, sid, rev)\n"
            "2:54: the rule has no msg\n");
}

TEST(SignatureRules, faults_of_the_header_say_what_is_missing) {
  EXPECT_EQ(
      faults_of("alert"),
      "1:6: the protocol is missing (a rule reads: alert tcp|udp|ip ADDRESS PORT ->|<> ADDRESS PORT (OPTIONS))\n");
  EXPECT_EQ(faults_of("alert udp any any -> any any"),
            "1:29: `(` and the options are missing after the destination port\n");
  EXPECT_EQ(faults_of("alert udp any any -> any any x (msg:\"m\"; content:\"c\"; sid:1;)"),
            "1:30: `(` and the options are missing after the destination port\n");
}

TEST(SignatureRules, faults_of_addresses_have_their_place) {
  const std::string accepted =
      " is not understood (accepted: any, an IPv4 or IPv6 address, a prefix, a list [a,b], each with ! before it)\n";
  EXPECT_EQ(faults_of(with_source("1.2.3")), "1:11: address `1.2.3`" + accepted);
  EXPECT_EQ(faults_of(with_source("[10.0.0.1,x]")), "1:21: address `x`" + accepted);
  EXPECT_EQ(faults_of(with_source("10.0.0.1/8")), "1:11: prefix `10.0.0.1/8` has bits set beyond its length\n");
  EXPECT_EQ(faults_of(with_source("10.0.0.0/33")), "1:11: address `10.0.0.0/33`" + accepted);
  EXPECT_EQ(faults_of(with_source("!any")), "1:12: `!any` leaves no address\n");
  EXPECT_EQ(faults_of(with_source("![10.0.0.1,!10.0.0.2]")),
            "1:22: a negation within a negated list is not accepted\n");
  EXPECT_EQ(faults_of(with_source("[10.0.0.1,]")), "1:21: an entry of a list is empty\n");
  EXPECT_EQ(faults_of(with_source("[]")), "1:12: an entry of a list is empty\n");
  EXPECT_EQ(faults_of(with_source("[any]]")), "1:16: characters follow the list's `]`\n");
  EXPECT_EQ(faults_of(with_source("[10.0.0.1,$X]")),
            "1:21: variable `$X` is not accepted: write what it stands for, or any\n");
  EXPECT_EQ(faults_of(with_source("[[[[[[[[[any]]]]]]]]]")), "1:19: lists are nested deeper than 8\n");
  std::string list = "[any";
  for (int i = 0; i < 256; ++i) list += ",any";
  EXPECT_EQ(faults_of(with_source(list + "]")), "1:1032: a list has more than 256 entries\n");
  EXPECT_EQ(load(with_source("[ 10.0.0.1 , [ ::1, !10.0.0.0/24 ] ]")).faults.size(), 0u);
}

TEST(SignatureRules, an_open_list_is_told_where_it_opens) {
  EXPECT_EQ(faults_of("alert udp [10.0.0.1 any -> any any (msg:\"m\"; content:\"c\"; sid:1;)").substr(0, 41),
            "1:36: the source port is missing (a rule ");
  EXPECT_EQ(faults_of("alert udp any any -> any [1,2 (msg:\"m\"; content:\"c\"; sid:1;)"),
            "1:26: the list is not closed by `]`\n");
}

TEST(SignatureRules, faults_of_ports_have_their_place) {
  const std::string accepted =
      " is not understood (accepted: any, 0 to 65535, a range a:b, a: or :b, a list [a,b], each with ! before it)\n";
  EXPECT_EQ(faults_of(with_port("65536")), "1:15: port `65536`" + accepted);
  EXPECT_EQ(faults_of(with_port("9:8")), "1:15: port `9:8`" + accepted);
  EXPECT_EQ(faults_of(with_port(":")), "1:15: port `:`" + accepted);
  EXPECT_EQ(faults_of(with_port("-1")), "1:15: port `-1`" + accepted);
  EXPECT_EQ(faults_of(with_port("[1,2x]")), "1:18: port `2x`" + accepted);
  EXPECT_EQ(faults_of(with_port("!any")), "1:16: `!any` leaves no port\n");
  for (const char* good : {"any", "0", "65535", ":1", "1:", "1:1", "!80", "![80,81]", "[1:1023,!80]"}) {
    EXPECT_EQ(faults_of(with_port(good)), "") << good;
  }
}

TEST(SignatureRules, faults_of_options_have_their_place) {
  // The options begin in column 31.
  const auto faults = [](std::string_view options) { return faults_of(with_options(options)); };
  EXPECT_EQ(faults("msg:\"m; content:\\\"c; sid:1;"), "1:35: the quotes opened here are not closed\n");
  EXPECT_EQ(faults("msg:\"m\" content:\"c\"; sid:1;"), "1:39: `;` is missing after `msg`\n");
  EXPECT_EQ(faults("msg:\"m\"; content:\"c\"; sid:1"), "1:59: `;` is missing after `sid`\n");
  EXPECT_EQ(faults("msg:m; content:\"c\"; sid:1;"), "1:35: msg needs its text in quotes\n");
  EXPECT_EQ(faults("msg:\"\"; content:\"c\"; sid:1;"), "1:35: msg is empty\n");
  EXPECT_EQ(faults("msg:\"\xff\"; content:\"c\"; sid:1;"), "1:35: msg is not UTF-8\n");
  EXPECT_EQ(faults("msg:\"" + std::string(513, 'm') + "\"; content:\"c\"; sid:1;"),
            "1:35: msg is longer than 512 bytes\n");
  EXPECT_EQ(faults("msg:\"m\"; sid:1;"), "1:46: the rule has no content\n");
  EXPECT_EQ(faults("msg:\"m\"; content:\"c\";"), "1:52: the rule has no sid\n");
  EXPECT_EQ(faults("msg:\"m\"; msg:\"n\"; content:\"c\"; sid:1; sid:1;"),
            "1:40: `msg` is given twice\n1:69: `sid` is given twice\n");
  EXPECT_EQ(faults("msg:\"m\"; content:\"c\"; sid:x;"), "1:57: sid `x` is not a number from 1 to 4294967295\n");
  EXPECT_EQ(faults("msg:\"m\"; content:\"c\"; sid:4294967296;"),
            "1:57: sid `4294967296` is not a number from 1 to 4294967295\n");
  EXPECT_EQ(faults("msg:\"m\"; content:\"c\"; sid;"), "1:53: sid `` is not a number from 1 to 4294967295\n");
  EXPECT_EQ(faults("msg:\"m\"; content:\"c\"; sid:1; rev:-1;"),
            "1:64: rev `-1` is not a number from 0 to 4294967295\n");
  EXPECT_EQ(faults("msg:\"m\"; content:\"c\"; classtype:x; sid:1;"),
            "1:63: classtype `x` is not known (accepted: the names of Suricata's classification table, such as "
            "trojan-activity)\n");
  EXPECT_EQ(faults("msg:\"m\"; nocase; content:\"c\"; sid:1;"),
            "1:40: nocase stands before the first content; it belongs to the content before it\n");
  EXPECT_EQ(faults("msg:\"m\"; content:\"c\"; nocase; nocase; sid:1;"),
            "1:61: `nocase` is given twice for one content\n");
  EXPECT_EQ(faults("msg:\"m\"; content:\"c\"; nocase:1; sid:1;"), "1:60: nocase takes no value\n");
  EXPECT_EQ(faults("msg:\"m\"; content:\"c\"; ; sid:1;"),
            "1:53: a keyword is missing (accepted: msg, content, nocase, classtype, sid, rev)\n");
  EXPECT_EQ(faults_of("alert udp any any -> any any (msg:\"m\"; content:\"c\"; sid:1;"),
            "1:59: the rule is not closed by `)`\n");
  EXPECT_EQ(faults_of("alert udp any any -> any any (msg:\"m\"; content:\"c\"; sid:1;) x"),
            "1:61: characters follow the closing `)`\n");
}

TEST(SignatureRules, faults_of_contents_have_their_place) {
  // The text within the quotes begins in column 49.
  const auto faults = [](std::string_view content) {
    return faults_of(with_options("msg:\"m\"; content:" + std::string(content) + "; sid:1;"));
  };
  EXPECT_EQ(faults("\"\""), "1:48: content is empty\n");
  EXPECT_EQ(faults("!\"a\""), "1:48: a negated content is not accepted: every content must occur\n");
  EXPECT_EQ(faults("a"), "1:48: content needs its text in quotes\n");
  EXPECT_EQ(faults("\"a|4\""), "1:50: the hex bytes opened by `|` are not closed by another\n");
  EXPECT_EQ(faults("\"a|4|\""), "1:52: the last hex byte has one digit only\n");
  EXPECT_EQ(faults("\"a||\""), "1:50: there are no hex bytes between the two `|`\n");
  EXPECT_EQ(faults("\"a|4g|\""), "1:52: hex bytes are written as pairs of digits 0-9 and A-F, as |0D 0A|\n");
  EXPECT_EQ(faults("\"a|4 1|\""), "1:52: hex bytes are written as pairs of digits 0-9 and A-F, as |0D 0A|\n");
  EXPECT_EQ(faults("\"a;b\""), "1:50: `;` within quotes is written \\;\n");
  EXPECT_EQ(faults("\"a\\n\""), "1:50: this escape is not known (accepted: \\\\ \\\" \\; \\:)\n");
  EXPECT_EQ(faults("\"a\x01\""),
            "1:50: a control character stands in a rule; in a content it is written in hex, as |0A|\n");
  EXPECT_EQ(faults("\"" + std::string(256, 'a') + "\""), "1:48: content is longer than 255 bytes\n");
  EXPECT_EQ(faults("\"" + std::string(255, 'a') + "\""), "");
  EXPECT_EQ(faults("\"|00|\""), "");
  std::string many;
  for (int i = 0; i < 17; ++i) many += "content:\"" + std::string(1, static_cast<char>('a' + i)) + "\"; ";
  EXPECT_EQ(faults_of(with_options("msg:\"m\"; " + many + "sid:1;")), "1:248: the rule has more than 16 contents\n");
}

TEST(SignatureRules, a_sid_is_used_once_whatever_its_revision) {
  const std::string rule = "alert udp any any -> any any (msg:\"m\"; content:\"c\"; sid:5; rev:1;)\n";
  EXPECT_EQ(faults_of(rule + "alert tcp any any -> any any (msg:\"m\"; content:\"c\"; sid:5; rev:2;)\n"),
            "2:57: sid 5 is used already at x.rules:1\n");
}

TEST(SignatureRules, overlong_rules_and_open_files_are_refused) {
  EXPECT_EQ(
      faults_of("alert " + std::string(9000, 'x') + "\\\nmore\\\nand more\n# comment\nalert"),
      "1:1: the rule is longer than 8192 bytes\n"
      "5:6: the protocol is missing (a rule reads: alert tcp|udp|ip ADDRESS PORT ->|<> ADDRESS PORT (OPTIONS))\n");
  EXPECT_EQ(faults_of("alert udp \\"), "1:11: the file ends within a rule that `\\` continues\n");
  EXPECT_EQ(faults_of("#" + std::string(9000, 'x')), "");
}

TEST(SignatureRules, faults_are_bounded_and_the_last_says_how_many_more) {
  std::string text;
  for (std::size_t i = 0; i < config::faults_max + 10; ++i) text += "drop\n";
  const Loaded loaded = load(text);  // Two faults each.
  ASSERT_EQ(loaded.faults.size(), config::faults_max);
  EXPECT_EQ(loaded.faults.back().message, "and 1021 more faults from here on");
}

TEST(SignatureRules, a_file_that_is_missing_is_a_fault) {
  std::vector<config::Fault> faults;
  const std::vector<std::string> files = {"no-such-file.rules"};
  EXPECT_EQ(RuleSet::load(files, faults), nullptr);
  ASSERT_EQ(faults.size(), 1u);
  EXPECT_EQ(faults[0].place.file, "no-such-file.rules");
  EXPECT_EQ(faults[0].message, "the rule file cannot be read: No such file or directory");
}

TEST(SignatureRules, a_folder_is_no_rule_file) {
  std::vector<config::Fault> faults;
  const std::vector<std::string> files = {TSUJIBAN_SOURCE_DIR};
  EXPECT_EQ(RuleSet::load(files, faults), nullptr);
  ASSERT_EQ(faults.size(), 1u);
  EXPECT_EQ(faults[0].message, "the rule file cannot be read: this is a folder; a file is accepted");
}

TEST(SignatureRules, the_rules_that_are_shipped_are_valid) {
  std::vector<std::string> files;
  for (const auto& entry : std::filesystem::directory_iterator(std::string(TSUJIBAN_SOURCE_DIR) + "/signatures")) {
    if (entry.path().extension() == ".rules") files.push_back(entry.path().string());
  }
  ASSERT_FALSE(files.empty());
  std::vector<config::Fault> faults;
  const auto rules = RuleSet::load(files, faults);
  for (const config::Fault& fault : faults)
    ADD_FAILURE() << fault.place.line << ':' << fault.place.column << ": " << fault.message;
  ASSERT_NE(rules, nullptr);
  for (std::size_t i = 0; i < rules->size(); ++i) {
    EXPECT_GE(rules->rule(i).sid, 9000000u);
    EXPECT_LT(rules->rule(i).sid, 10000000u);
    EXPECT_FALSE(rules->rule(i).category.empty()) << rules->rule(i).sid;
  }
}

TEST(SignatureRules, literals_are_shared_by_bytes_and_case) {
  const Loaded loaded = load(
      "alert tcp any any -> any any (msg:\"m\"; content:\"Ab\"; sid:1;)\n"
      "alert udp any any -> any any (msg:\"m\"; content:\"Ab\"; sid:2;)\n"
      "alert udp any any -> any any (msg:\"m\"; content:\"aB\"; nocase; sid:3;)\n"
      "alert udp any any -> any any (msg:\"m\"; content:\"ab\"; sid:4;)\n"
      "alert udp any any -> any any (msg:\"m\"; content:\"|31|\"; nocase; content:\"1\"; sid:5;)\n"
      "alert udp any any -> any any (msg:\"m\"; content:\"AB\"; nocase; sid:6;)\n");
  ASSERT_NE(loaded.rules, nullptr);
  EXPECT_EQ(loaded.rules->literals().size(), 4u);
  EXPECT_EQ(loaded.rules->literals_of(4).size(), 1u);
  EXPECT_NE(loaded.rules->datagram_database(), nullptr);  // One of four is wanted in streams: two databases.
}

TEST(SignatureRules, one_database_serves_both_where_the_contents_are_the_same) {
  const Loaded loaded = load(
      "alert tcp any any -> any any (msg:\"m\"; content:\"Ab\"; sid:1;)\n"
      "alert udp any any -> any any (msg:\"m\"; content:\"Ab\"; sid:2;)\n");
  ASSERT_NE(loaded.rules, nullptr);
  EXPECT_NE(loaded.rules->stream_database(), nullptr);
  EXPECT_EQ(loaded.rules->datagram_database(), nullptr);
}

TEST(SignatureRules, only_needed_databases_are_compiled) {
  const Loaded udp = load("alert udp any any -> any any (msg:\"m\"; content:\"Ab\"; sid:1;)\n");
  EXPECT_EQ(udp.rules->stream_database(), nullptr);
  const Loaded tcp = load("alert tcp any any -> any any (msg:\"m\"; content:\"Ab\"; sid:1;)\n");
  EXPECT_EQ(tcp.rules->datagram_database(), nullptr);
  EXPECT_EQ(tcp.rules->datagram_index().literal_bytes_min, 0u);
}

TEST(SignatureClasses, priorities_are_those_of_the_known_table) {
  EXPECT_EQ(find_signature_class("trojan-activity")->severity, Severity::critical);
  EXPECT_EQ(find_signature_class("misc-attack")->severity, Severity::high);
  EXPECT_EQ(find_signature_class("network-scan")->severity, Severity::medium);
  EXPECT_EQ(find_signature_class("tcp-connection")->severity, Severity::low);
  EXPECT_EQ(find_signature_class("no-such"), nullptr);
}

TEST(SignaturePlatform, this_machine_can_scan) { EXPECT_EQ(signature_platform_fault(), ""); }

}  // namespace
}  // namespace tsujiban::detect
