#include <gtest/gtest.h>

#include "dissect/test_stream_splits.h"
#include "dissectors/ftp/ftp_test_support.h"
#include "output/privacy.h"

namespace tsujiban::ftp {
namespace {

using namespace testing;
using dissect::Probe;
using dissect::Transport;
using Outcome = Login::Outcome;

// The greeting, all commands at once, all replies at once; each side split at every byte.
Told whole_and_every_split(std::string_view asked, std::string_view answered) {
  return testing::whole_and_every_split<Bench>(octets(asked), octets(answered), octets("220 ready\r\n"));
}

TEST(FtpProbe, a_greeting_needs_the_word_or_the_port_and_commands_must_be_of_ftp_alone) {
  const auto probed = [](std::string_view text, bool hint = false) {
    return probe(Transport::stream, hint, octets(text));
  };
  EXPECT_EQ(probed("220 (vsFTPd 3.0.3)\r\n"), Probe::mine);
  EXPECT_EQ(probed("220-Welcome"), Probe::unsure);
  EXPECT_EQ(probed("22"), Probe::unsure);
  EXPECT_EQ(probed("220 mail.example.jp ESMTP\r\n"), Probe::not_mine);
  EXPECT_EQ(probed("220 hello\r\n", true), Probe::mine);
  EXPECT_EQ(probed("22x"), Probe::not_mine);
  EXPECT_EQ(probed("USER bob\r\n"), Probe::not_mine);  // POP3 has it too.
  EXPECT_EQ(probed("USER bob\r\n", true), Probe::mine);
  EXPECT_EQ(probed("USER bo", true), Probe::unsure);
  EXPECT_EQ(probed("FEAT\r\n"), Probe::mine);
  EXPECT_EQ(probed("AUTH TLS\r\n"), Probe::mine);
  EXPECT_EQ(probed("AUTH"), Probe::unsure);
  EXPECT_EQ(probed("AUTHX"), Probe::not_mine);
  EXPECT_EQ(probed("RETR x"), Probe::not_mine);
  EXPECT_EQ(probed("AUTH PLAIN\r\n"), Probe::not_mine);
  EXPECT_EQ(probed("EHLO x\r\n", true), Probe::not_mine);
  EXPECT_EQ(probed("GET / HTTP/1.1\r\n", true), Probe::not_mine);
  EXPECT_EQ(probe(Transport::datagram, true, octets("220 x\r\n")), Probe::not_mine);
}

TEST(FtpWire, endpoints_are_read_as_their_standards_write_them) {
  const Endpoint port = read_six_numbers("10,0,0,1,200,10");
  EXPECT_TRUE(port.valid);
  EXPECT_EQ(port.port, 51210);
  EXPECT_EQ(port.address, IpAddress::v4(0x0A000001));
  EXPECT_EQ(read_six_numbers("Entering Passive Mode (10,0,0,2,156,64).").port, 40000);
  for (const char* const none : {"", "1,2,3,4,5", "256,0,0,1,1,1", "1,2,3,4,5,999", "a,b", "1.2.3.4,5,6"})
    EXPECT_FALSE(read_six_numbers(none).valid) << none;
  EXPECT_EQ(read_eprt("|1|132.235.1.2|6275|").port, 6275);
  EXPECT_EQ(read_eprt("|2|1080::8:800:200C:417A|5282|").port, 5282);
  for (const char* const none :
       {"", "|", "|3|1.2.3.4|1|", "|2|1.2.3.4|1|", "|1|1.2.3.4|65536|", "|1|1.2.3.4|1", "|1||1|"})
    EXPECT_FALSE(read_eprt(none).valid) << none;
  EXPECT_EQ(read_epsv("Entering Extended Passive Mode (|||6446|)").port, 6446);
  for (const char* const none : {"", "(", "(|||", "(||6446|)", "(|||x|)", "(|||6446"})
    EXPECT_FALSE(read_epsv(none).valid) << none;
}

TEST(FtpWire, telnets_interrupt_and_synch_before_a_command_are_passed_over) {
  EXPECT_EQ(read_command("\xFF\xF4\xFF\xF2"
                         "ABOR")
                .verb,
            Verb::abor);
  EXPECT_EQ(read_command("\xF2"
                         "ABOR")
                .verb,
            Verb::abor);
  EXPECT_FALSE(read_command("\xFF"
                            "USER bob")
                   .valid);
}

TEST(FtpStream, commands_and_replies_are_paired_in_suricatas_form) {
  Bench bench;
  bench.answer("220 (vsFTPd 3.0.3)\r\n");
  EXPECT_EQ(bench.last(),
            "{\"completion_code\":[\"220\"],\"reply\":[\"(vsFTPd 3.0.3)\"],\"reply_received\":\"yes\","
            "\"reply_truncated\":false}");
  EXPECT_EQ(bench.sink.source, Bench::client);
  bench.ask("USER bob\r\n");
  bench.answer("331 Please specify the password.\r\n");
  EXPECT_EQ(bench.last(),
            "{\"command\":\"USER\",\"command_data\":\"bob\",\"command_truncated\":false,\"completion_code\":[\"331\"],"
            "\"reply\":[\"Please specify the password.\"],\"reply_received\":\"yes\",\"reply_truncated\":false}");
  bench.ask("pass hunter2\r\n");
  bench.answer("230-Welcome\r\n230-to us\r\n more\r\n230 Login successful.\r\n");
  EXPECT_EQ(bench.last(),
            "{\"command\":\"PASS\",\"completion_code\":[\"230\",\"230\",\"230\"],\"reply\":[\"Welcome\",\"to us\","
            "\" more\",\"Login successful.\"],\"reply_received\":\"yes\",\"reply_truncated\":false}");
  bench.ask("PASV\r\n");
  bench.answer("227 Entering Passive Mode (10,0,0,2,156,64).\r\n");
  EXPECT_TRUE(bench.has("\"dynamic_port\":40000,\"data_address\":\"10.0.0.2\",\"mode\":\"passive\","));
  bench.ask("PORT 10,0,0,1,200,10\r\n");
  bench.answer("200 PORT ok\r\n");
  EXPECT_TRUE(bench.has("\"dynamic_port\":51210,\"data_address\":\"10.0.0.1\",\"mode\":\"active\","));
  bench.ask("EPSV\r\n");
  bench.answer("229 Entering Extended Passive Mode (|||40001|)\r\n");
  EXPECT_TRUE(bench.has("\"dynamic_port\":40001,\"mode\":\"passive\","));
  bench.ask("EPRT |2|2001:db8::1|51000|\r\n");
  bench.answer("200 ok\r\n");
  EXPECT_TRUE(bench.has("\"dynamic_port\":51000,\"data_address\":\"2001:db8::1\",\"mode\":\"active\","));
  bench.ask("RETR a.txt\r\n");
  bench.answer("150 open\r\n");
  bench.answer("226 done\r\n");
  EXPECT_TRUE(bench.has("\"completion_code\":[\"150\",\"226\"],\"reply\":[\"open\",\"done\"]"));
  const Told told = told_by(bench);
  EXPECT_EQ(told.records.size(), 8u);
  EXPECT_TRUE(told.anomalies.empty());
  for (const std::string& record : told.records) EXPECT_EQ(record.find("hunter2"), std::string::npos);
}

TEST(FtpStream, pipelined_commands_and_every_split_tell_the_same) {
  const Told told =
      whole_and_every_split("USER bob\r\nPASS x\r\nSYST\nFEAT\r\nNOOP\r\nQUIT\r\n",
                            "331 pw\r\n530 no\r\n215 UNIX\n211-Features:\r\n EPSV\r\n211 End\r\n200 ok\r\n");
  ASSERT_EQ(told.records.size(), 7u);
  EXPECT_NE(told.records[4].find("\"command\":\"FEAT\""), std::string::npos);
  EXPECT_NE(told.records[6].find("\"command\":\"QUIT\",\"reply_received\":\"no\""), std::string::npos);
  EXPECT_TRUE(told.anomalies.empty());
  EXPECT_EQ(told.logins, 1u);
}

TEST(FtpStream, a_broken_line_costs_only_itself) {
  const Told told = whole_and_every_split("\x01\x02\x03\r\nPORT 1,2\r\nNOOP\r\n", "500 what\r\nnonsense\r\n200 ok\r\n");
  ASSERT_EQ(told.records.size(), 3u);
  EXPECT_EQ(told.anomalies,
            (std::vector<ToldAnomaly>{
                {ParseError::ftp_bad_line, 0}, {ParseError::ftp_bad_endpoint, 5}, {ParseError::ftp_bad_line, 0}}));
}

TEST(FtpStream, the_outcome_of_a_login_is_told_with_the_servers_code_and_never_the_password) {
  Bench bench;
  bench.answer("220 ready\r\n");
  const auto attempt = [&](std::string_view verdict) {
    bench.ask("USER bob\r\n");
    bench.answer("331 pw\r\n");
    bench.ask("PASS hunter2\r\n");
    bench.answer(verdict);
  };
  attempt("530 Login incorrect.\r\n");
  attempt("430 no\r\n");
  attempt("421 Too many.\r\n");  // Says nothing of the password.
  attempt("230 Welcome\r\n");
  attempt("230 Welcome\r\n");  // No news.
  attempt("530 no\r\n");
  attempt("230 Welcome\r\n");  // Behind a failure it is.
  const std::vector<Fact> facts = bench.sink.told(FactKind::login);
  ASSERT_EQ(facts.size(), 5u);
  const Outcome outcomes[] = {Outcome::failed, Outcome::failed, Outcome::succeeded, Outcome::failed,
                              Outcome::succeeded};
  for (std::size_t i = 0; i < facts.size(); ++i) {
    EXPECT_EQ(facts[i].login.outcome, outcomes[i]) << i;
    EXPECT_EQ(facts[i].source, Bench::client);
    EXPECT_EQ(facts[i].destination_port, port_ftp);
    EXPECT_EQ(facts[i].login.user_hash, facts[0].login.user_hash);
    EXPECT_EQ(facts[i].protocol, AppProtocol::ftp);
  }
  EXPECT_EQ(facts[0].login.code, 530);
  EXPECT_NE(facts[0].login.user_hash, 0u);
  for (const std::string& record : told_by(bench).records) EXPECT_EQ(record.find("hunter2"), std::string::npos);
}

TEST(FtpStream, logins_are_told_without_records_and_without_room_for_exchanges) {
  Bench quiet({.records = false});
  quiet.answer("220 x\r\n");
  quiet.ask("USER bob\r\nPASS x\r\n");
  quiet.answer("331 pw\r\n530 no\r\n");
  EXPECT_EQ(quiet.sink.told(FactKind::login).size(), 1u);
  Bench tight({.limits = {.open_streams = 1}});  // Room for one exchange.
  tight.answer("220 x\r\n");
  tight.ask("NOOP\r\nUSER bob\r\nPASS x\r\n");
  tight.answer("200 ok\r\n331 pw\r\n530 no\r\n");
  EXPECT_EQ(tight.sink.told(FactKind::login).size(), 1u);
  EXPECT_EQ(tight.sink.records.size(), 2u);
  EXPECT_EQ(tight.evicted(), 2u);
  told_by(tight);
}

TEST(FtpStream, secrets_are_never_kept_whatever_their_command) {
  Bench bench;
  bench.answer("220 x\r\n");
  for (const char* const line : {"PASS s3cret", "ACCT s3cret", "ADAT s3cret", "ENC s3cret", "SITE PSWD s3cret",
                                 "PASSW s3cret", "PASSWORD s3cret", "SITE PASSWD s3cret"}) {
    bench.ask(std::string(line) + "\r\n");
    bench.answer("500 no\r\n");
  }
  const Told told = told_by(bench);
  EXPECT_EQ(told.records.size(), 9u);
  for (const std::string& record : told.records) EXPECT_EQ(record.find("s3cret"), std::string::npos) << record;
}

TEST(FtpStream, names_are_masked_with_the_replies_that_repeat_them) {
  Bench bench;
  const output::Mask mask(true, octets("key"));
  bench.sink.set_mask(&mask);
  bench.answer("220 x\r\n");
  bench.ask("USER bob\r\n");
  bench.answer("331 Password required for bob\r\n");
  EXPECT_FALSE(bench.has("bob"));
  EXPECT_TRUE(bench.has("masked:"));
  EXPECT_TRUE(bench.has("\"completion_code\":[\"331\"]"));
  bench.ask("PASS x\r\n");
  bench.answer("230 User bob logged in\r\n");
  EXPECT_FALSE(bench.has("bob"));
}

TEST(FtpStream, behind_auth_tls_nothing_is_read) {
  Bench bench;
  bench.answer("220 x\r\n");
  bench.ask("AUTH TLS\r\n");
  bench.answer("534 no\r\n");
  EXPECT_FALSE(bench.stream.done);
  bench.ask("AUTH TLS\r\n");
  bench.answer("234 go\r\n");
  EXPECT_TRUE(bench.stream.done);
  EXPECT_EQ(told_by(bench).records.size(), 3u);
}

TEST(FtpStream, more_commands_than_the_limit_give_up_the_oldest_and_keep_the_pairs) {
  for (const unsigned commands : {outstanding_max - 1, outstanding_max, outstanding_max + 2}) {
    Bench bench;
    bench.answer("220 x\r\n");
    std::string all, replies;
    for (unsigned i = 0; i < commands; ++i) {
      all += "CWD d" + std::to_string(i) + "\r\n";
      replies += "250 r" + std::to_string(i) + "\r\n";
    }
    bench.ask(all);
    bench.answer(replies);
    EXPECT_TRUE(bench.has("\"command_data\":\"d" + std::to_string(commands - 1) + "\"") &&
                bench.has("\"r" + std::to_string(commands - 1) + "\""))
        << bench.last();
    EXPECT_TRUE(told_by(bench).anomalies.empty());
  }
}

TEST(FtpStream, a_reply_that_nothing_asked_for_is_told) {
  Bench bench;
  bench.answer("220 x\r\n");
  bench.ask("NOOP\r\n");
  bench.answer("200 ok\r\n");
  bench.answer("421 Timeout.\r\n");
  EXPECT_TRUE(bench.sink.anomalies.empty());
  bench.answer("200 again\r\n");
  EXPECT_EQ(told_by(bench).anomalies, (std::vector<ToldAnomaly>{{ParseError::ftp_unsolicited, 0}}));
}

TEST(FtpStream, long_lines_arguments_and_replies_are_cut_at_their_limits) {
  for (const std::size_t size : {argument_bytes_max, argument_bytes_max + 1}) {
    Bench bench;
    bench.answer("220 x\r\n");
    bench.ask("CWD " + std::string(size, 'd') + "\r\n");
    bench.answer("250 ok\r\n");
    EXPECT_TRUE(bench.has(size > argument_bytes_max ? "\"command_truncated\":true" : "\"command_truncated\":false"));
  }
  Bench bench;
  bench.answer("220 x\r\n");
  bench.ask("CWD " + std::string(line_bytes_max + 1000, 'd') + "\r\nNOOP\r\n");
  bench.answer("500 too long\r\n211-" + std::string(line_bytes_max, 'r') + "\r\n211 end\r\n");
  const Told told = told_by(bench);
  ASSERT_EQ(told.records.size(), 3u);
  EXPECT_NE(told.records[1].find("\"command_truncated\":true"), std::string::npos);
  EXPECT_NE(told.records[2].find("\"reply_truncated\":true"), std::string::npos);
  EXPECT_EQ(told.anomalies, (std::vector<ToldAnomaly>{{ParseError::ftp_bad_line, line_bytes_max},
                                                      {ParseError::ftp_bad_line, line_bytes_max}}));
}

TEST(FtpStream, lines_that_are_none_end_the_dissection_at_the_limit) {
  Bench bench;
  bench.answer("220 x\r\n");
  for (unsigned i = 0; i <= unreadable_lines_max; ++i) {
    EXPECT_FALSE(bench.stream.given_up);
    bench.ask("\x01\x02\r\n");
  }
  EXPECT_TRUE(bench.stream.given_up);
}

TEST(FtpStream, a_gap_anywhere_costs_the_lines_it_hit) {
  const std::string one = "CWD a\r\n", two = "CWD b\r\n", three = "CWD c\r\n", all = one + two + three;
  for (std::size_t from = one.size(); from < one.size() + two.size(); ++from) {
    Bench bench;
    bench.answer("220 x\r\n");
    bench.ask(all.substr(0, from));
    bench.gap(true, 1);
    bench.ask(all.substr(from + 1));
    bench.answer("250 ok\r\n");
    bench.answer("250 ok\r\n");
    const Told told = told_by(bench);
    EXPECT_TRUE(told.anomalies.empty()) << from;
    EXPECT_FALSE(told.given_up);
  }
  Bench bench;
  bench.answer("220 x\r\n");
  bench.ask("CWD a\r\n");
  bench.gap(false, 10);
  bench.answer("st of it\r\n");
  bench.ask("CWD b\r\n");
  bench.answer("250 ok\r\n");
  EXPECT_TRUE(bench.has("\"command_data\":\"b\""));
  EXPECT_TRUE(told_by(bench).anomalies.empty());
}

TEST(FtpStream, every_prefix_harms_nothing) {
  const std::string asked = "USER bob\r\nPASS x\r\nPORT 10,0,0,1,200,10\r\n", answered = "331 a\r\n230-b\r\n230 c\r\n";
  for (std::size_t size = 0; size <= asked.size(); ++size) {
    for (const std::size_t replied : {std::size_t{0}, std::size_t{3}, answered.size()}) {
      Bench bench;
      bench.ask(asked.substr(0, size));
      bench.answer(answered.substr(0, replied));
      told_by(bench);
    }
  }
}

TEST(FtpStream, a_mutation_of_any_byte_tells_the_same_in_one_piece_and_bytewise) {
  const Octets asked = octets("USER bob\r\nPASS x\r\nPORT 10,0,0,1,200,10\r\nQUIT\r\n");
  const Octets answered = octets("331 a\r\n230-b\r\n230 c\r\n200 d\r\n221 e\r\n");
  every_mutation(asked, [&](const Octets& mutated) { same_in_one_piece_and_bytewise<Bench>(mutated, answered); },
                 {0x01, 0x20, 0x80, 0xFF});
  every_mutation(answered, [&](const Octets& mutated) { same_in_one_piece_and_bytewise<Bench>(asked, mutated); },
                 {0x01, 0x20, 0x80, 0xFF});
}

TEST(FtpStream, one_side_alone_is_read_as_far_as_it_goes) {
  Bench commands;
  commands.ask("USER bob\r\nPASS x\r\n");
  EXPECT_EQ(told_by(commands).records.size(), 2u);
  Bench replies;
  replies.answer("220 x\r\n331 pw\r\n230 in\r\n");
  const Told told = told_by(replies);
  EXPECT_EQ(told.records.size(), 3u);
  EXPECT_TRUE(told.anomalies.empty());
}

TEST(FtpCounters, names_are_distinct) {
  std::vector<std::string_view> names;
  for (unsigned type = 0; type < 256; ++type) {
    const std::string_view name = message_type_name(static_cast<std::uint8_t>(type));
    if (name.empty()) continue;
    EXPECT_EQ(std::find(names.begin(), names.end(), name), names.end()) << name;
    names.push_back(name);
  }
  EXPECT_EQ(names.size(), static_cast<std::size_t>(Verb::count_) + 6);
}

}  // namespace
}  // namespace tsujiban::ftp
