#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "dissect/test_sink.h"
#include "dissectors/telnet/telnet_test_support.h"

namespace tsujiban::telnet {
namespace {

using namespace testing;
using dissect::Probe;
using dissect::Transport;
using Outcome = Login::Outcome;

TEST(TelnetProbe, only_negotiation_is_sure_and_a_port_alone_never) {
  const auto probed = [](std::string_view hex, bool hint = false) {
    return probe(Transport::stream, hint, dissect::testing::bytes_of(hex));
  };
  EXPECT_EQ(probed("FFFD18"), Probe::mine);
  EXPECT_EQ(probed("FFFD18 FFFD20"), Probe::mine);
  EXPECT_EQ(probed("FFFD18 FFFD20 6C6F67"), Probe::mine);
  EXPECT_EQ(probed("FFFD18 6C6F67"), Probe::not_mine);
  EXPECT_EQ(probed("FFFD18 6C6F67", true), Probe::mine);
  EXPECT_EQ(probed("FF"), Probe::unsure);
  EXPECT_EQ(probed("FFFD"), Probe::unsure);
  EXPECT_EQ(probed("FFFD64"), Probe::not_mine);
  EXPECT_EQ(probed("FFD8FFE0", true), Probe::not_mine);  // A JPEG.
  EXPECT_EQ(probed("FFFA18 00", true), Probe::mine);
  EXPECT_EQ(probed("FFFA18 00"), Probe::not_mine);
  EXPECT_EQ(probed("6C6F67696E3A20", true), Probe::not_mine);
  EXPECT_EQ(probe(Transport::datagram, true, dissect::testing::bytes_of("FFFD18")), Probe::not_mine);
}

TEST(TelnetStream, commands_are_counted_and_subnegotiations_passed_over) {
  Bench bench;
  bench.answer("\xFF\xFD\x18\xFF\xFB\x01\xFF\xF9");
  bench.ask(std::string_view("\xFF\xFC\x18\xFF\xFA\x18\x00vt\xFF\xFFx\xFF\xF0\xFF\xFE\x01", 17));
  EXPECT_EQ(bench.counted(command::do_), 1u);
  EXPECT_EQ(bench.counted(command::will), 1u);
  EXPECT_EQ(bench.counted(249), 1u);
  EXPECT_EQ(bench.counted(command::wont), 1u);
  EXPECT_EQ(bench.counted(command::sb), 1u);
  EXPECT_EQ(bench.counted(command::se), 1u);
  EXPECT_EQ(bench.counted(command::dont), 1u);
  bench.finish();
  EXPECT_TRUE(bench.sink.anomalies.empty());
}

TEST(TelnetLogin, a_refusal_and_a_shell_are_told_apart) {
  Bench bench;
  bench.answer("\xFF\xFB\x01\r\nmyhost login: ");
  bench.ask("bob\r\n");
  bench.answer("bob\r\nPassword: ");
  bench.ask("hunter2\r\n");
  bench.answer("\r\n\r\nLogin incorrect\r\nmyhost login: ");
  ASSERT_EQ(bench.outcomes(), (std::vector{Outcome::failed}));
  bench.ask("bob\r\n");
  bench.answer("bob\r\nPassword: ");
  bench.ask("hunter3\r\n");
  bench.answer("\r\nLinux 6.1\r\n\x1B[01;32mbob@myhost\x1B[0m:~$ ");
  EXPECT_EQ(bench.outcomes().size(), 1u);  // Only what follows shows that it waits there.
  bench.ask("l");
  ASSERT_EQ(bench.outcomes(), (std::vector{Outcome::failed, Outcome::succeeded}));
  for (const Fact& fact : bench.sink.told(FactKind::login)) {
    EXPECT_EQ(fact.source, Bench::client);
    EXPECT_EQ(fact.destination_port, port_telnet);
    EXPECT_EQ(fact.login.user_hash, 0u);
  }
}

TEST(TelnetLogin, what_servers_say_is_recognised) {
  const auto after = [](std::string_view text, bool ends = false) {
    Bench bench;
    bench.answer("\xFF\xFB\x01Username: ");
    bench.ask("u\r");
    bench.answer("\r\nPassword: ");
    bench.ask(std::string_view("p\r\0", 3));
    bench.answer(text);
    if (ends) bench.finish();
    return bench.outcomes();
  };
  for (const char* const text :
       {"\r\n% Bad passwords\r\n", "\r\nPassword: ", "\r\nUsername: ", "\r\nAccess denied", "\r\nAuthentication failed",
        "\r\nLogin unsuccessful", "\r\nWrong password", "\r\nInvalid login"})
    EXPECT_EQ(after(text), (std::vector{Outcome::failed})) << text;
  for (const char* const text : {"\r\nLast login: Mon", "\r\nWelcome to the gateway", "\r\nLogin successful"})
    EXPECT_EQ(after(text), (std::vector{Outcome::succeeded})) << text;
  for (const char* const text : {"\r\nRouter>", "\r\n# ", "\r\n~ $ ", "\r\nhost%"}) {
    EXPECT_TRUE(after(text).empty()) << text;
    EXPECT_EQ(after(text, true), (std::vector{Outcome::succeeded})) << text;
  }
  for (const char* const text : {"\r\n", "\r\n1) Status 2) Reboot\r\nChoice: ", "\r\nCurrent users: 3\r\n"})
    EXPECT_TRUE(after(text, true).empty()) << text;
}

TEST(TelnetLogin, every_split_tells_the_same) {
  const std::string server = "\xFF\xFB\x01login: ", answer = "\r\nPassword: ",
                    verdict = "\r\nLogin incorrect\r\nlogin: ";
  for (std::size_t split = 0; split <= verdict.size(); ++split) {
    Bench bench;
    for (const char& c : server) bench.answer({&c, 1});
    bench.ask("b"), bench.ask("\r"), bench.ask("\n");
    bench.answer(answer.substr(0, split % answer.size())), bench.answer(answer.substr(split % answer.size()));
    bench.ask("pw"), bench.ask("\r\n");
    bench.answer(verdict.substr(0, split)), bench.answer(verdict.substr(split));
    EXPECT_EQ(bench.outcomes(), (std::vector{Outcome::failed})) << split;
    bench.finish();
    EXPECT_TRUE(bench.sink.anomalies.empty());
  }
}

TEST(TelnetLogin, more_text_than_the_limit_behind_a_password_is_not_judged) {
  for (const std::size_t size : {LoginWatch::judged_bytes_max - 20u, LoginWatch::judged_bytes_max + 1u}) {
    Bench bench;
    bench.answer("\xFF\xFB\x01Password: ");
    bench.ask("p\r\n");
    bench.answer(std::string(size, '.'));
    bench.answer("incorrect");
    EXPECT_EQ(bench.outcomes().size(), size < LoginWatch::judged_bytes_max ? 1u : 0u);
  }
}

TEST(TelnetStream, a_gap_forgets_what_was_under_way) {
  Bench bench;
  bench.answer("\xFF\xFB\x01Password: ");
  bench.ask("p\r\n");
  bench.gap(false);
  bench.answer("incorrect");
  EXPECT_TRUE(bench.outcomes().empty());
  bench.answer("\r\nPassword: ");
  bench.gap(true);
  bench.ask("p\r\n");
  bench.answer("\r\nPassword: ");
  EXPECT_EQ(bench.outcomes(), (std::vector{Outcome::failed}));
}

TEST(TelnetStream, broken_commands_are_told_and_too_many_give_up) {
  Bench bench;
  bench.answer("\xFF\xFB\x01");
  for (unsigned i = 0; i < unreadable_commands_max; ++i) bench.answer("\xFF\x05");
  EXPECT_EQ(bench.sink.anomalies.size(), unreadable_commands_max);
  EXPECT_FALSE(bench.stream.given_up);
  bench.answer("\xFF\x05");
  EXPECT_TRUE(bench.stream.given_up);
  Bench good;
  good.answer("\xFF\x05\xFF\xFB\x01Password: ");
  good.ask("p\r\n");
  good.answer("denied");
  EXPECT_EQ(good.outcomes().size(), 1u);
  EXPECT_EQ(good.sink.anomalies.size(), 1u);
}

TEST(TelnetStream, a_subnegotiation_ends_at_its_limit) {
  for (const std::uint32_t size : {subnegotiation_bytes_max, subnegotiation_bytes_max + 1}) {
    Bench bench;
    bench.answer("\xFF\xFA" + std::string(size, 'x') + "\xFF\xF0");
    EXPECT_EQ(bench.sink.anomalies.size(), size > subnegotiation_bytes_max ? 1u : 0u);
  }
}

TEST(TelnetStream, encryption_ends_the_dissection) {
  Bench tls;
  tls.answer("\xFF\xFD\x2E");
  tls.ask("\xFF\xFB\x2E\xFF\xFA\x2E\x01\xFF\xF0");
  EXPECT_TRUE(tls.stream.done);
  Bench des;
  des.answer("\xFF\xFA\x26\x03\x01\xFF\xF0");
  EXPECT_TRUE(des.stream.done);
}

TEST(TelnetStream, prefixes_and_mutations_harm_nothing_and_pieces_tell_the_same) {
  const std::string text = "\xFF\xFD\x18\xFF\xFA\x18\x01\xFF\xF0login: Password: \r\nfailed\r\n$ ";
  for (std::size_t size = 0; size <= text.size(); ++size) {
    for (std::size_t at = 0; at < size; ++at) {
      std::string mutated = text.substr(0, size);
      mutated[at] = static_cast<char>(mutated[at] ^ 0x80);
      Bench whole, bytewise;
      whole.answer(mutated), whole.ask(mutated), whole.answer(mutated);
      for (const char& c : mutated) bytewise.answer({&c, 1});
      for (const char& c : mutated) bytewise.ask({&c, 1});
      for (const char& c : mutated) bytewise.answer({&c, 1});
      whole.finish(), bytewise.finish();
      ASSERT_EQ(whole.outcomes(), bytewise.outcomes());
      ASSERT_EQ(whole.sink.anomalies.size(), bytewise.sink.anomalies.size());
      ASSERT_FALSE(whole.stream.bad_progress || bytewise.stream.bad_progress);
    }
  }
}

TEST(TelnetStream, a_connection_met_with_the_servers_first_packet_has_its_roles_from_the_port) {
  Bench bench;
  bench.turned = true;
  bench.answer("\xFF\xFB\x01Password: ");
  bench.ask("p\r\n");
  bench.answer("denied");
  ASSERT_EQ(bench.outcomes().size(), 1u);
  EXPECT_EQ(bench.sink.told(FactKind::login)[0].source, Bench::client);
}

TEST(TelnetCounters, names_are_those_of_the_commands) {
  EXPECT_EQ(message_type_name(command::will), "will");
  EXPECT_EQ(message_type_name(command::se), "se");
  EXPECT_EQ(message_type_name(command::dont), "dont");
  EXPECT_EQ(message_type_name(236), "eof");
  EXPECT_EQ(message_type_name(255), "");
  EXPECT_EQ(message_type_name(0), "");
}

}  // namespace
}  // namespace tsujiban::telnet
