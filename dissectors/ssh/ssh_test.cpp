#include <gtest/gtest.h>

#include "dissect/test_stream_splits.h"
#include "dissectors/ssh/ssh_test_support.h"

namespace tsujiban::ssh {
namespace {

using namespace testing;
using dissect::Probe;
using dissect::Transport;

TEST(SshProbe, an_identification_is_mine_and_lines_before_it_only_at_the_port) {
  const auto probed = [](std::string_view text, bool hint = false) {
    return probe(Transport::stream, hint, octets(text));
  };
  EXPECT_EQ(probed("SSH-2.0-x\r\n"), Probe::mine);
  EXPECT_EQ(probed("SSH-1.99-x"), Probe::mine);
  EXPECT_EQ(probed("SS"), Probe::unsure);
  EXPECT_EQ(probed("SSH-"), Probe::unsure);
  EXPECT_EQ(probed("SSH-x"), Probe::not_mine);
  EXPECT_EQ(probed("SSHX"), Probe::not_mine);
  EXPECT_EQ(probed("Welcome\r\n"), Probe::not_mine);
  EXPECT_EQ(probed("Welcome\r\n", true), Probe::unsure);
  EXPECT_EQ(probed("Welcome\r\nSSH-2.0-x", true), Probe::mine);
  EXPECT_EQ(probed("\x01\x02", true), Probe::not_mine);
  EXPECT_EQ(probe(Transport::datagram, true, octets("SSH-2.0-x\r\n")), Probe::not_mine);
}

TEST(SshWire, the_agreed_name_is_the_first_of_the_clients_that_the_server_has) {
  EXPECT_EQ(agreed("a,b,c", "c,b"), "b");
  EXPECT_EQ(agreed("a", "b"), "");
  EXPECT_EQ(agreed("", "b"), "");
  EXPECT_EQ(agreed("ab", "a,b,abc"), "");
  EXPECT_EQ(agreed("ext-info-c,kex-strict-c-v00@openssh.com,x", "ext-info-c,kex-strict-c-v00@openssh.com,x"), "x");
  EXPECT_TRUE(is_authenticated("aes256-gcm@openssh.com"));
  EXPECT_TRUE(is_authenticated("AEAD_AES_128_GCM"));
  EXPECT_FALSE(is_authenticated("aes256-ctr"));
}

TEST(SshWire, an_identification_has_its_three_parts) {
  const Identification read = read_identification("SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u3 x");
  EXPECT_TRUE(read.valid);
  EXPECT_EQ(read.protocol, "2.0");
  EXPECT_EQ(read.software, "OpenSSH_9.2p1");
  EXPECT_EQ(read.comments, "Debian-2+deb12u3 x");
  for (const char* const none : {"", "SSH-", "SSH-2.0", "SSH--x", "SSH-2.0-", "SSH-2.0- x", "ssh-2.0-x"})
    EXPECT_FALSE(read_identification(none).valid) << none;
}

TEST(SshStream, a_handshake_gives_one_record_and_ends_where_it_is_encrypted) {
  Bench bench;
  bench.ask(clients_side());
  EXPECT_TRUE(bench.sink.records.empty());
  bench.answer(servers_side());
  EXPECT_TRUE(bench.stream.done);
  ASSERT_EQ(bench.sink.records.size(), 1u);
  EXPECT_EQ(bench.sink.source, Bench::client);
  // The hashes were made with md5sum over the strings.
  EXPECT_EQ(
      bench.last(),
      "{\"client\":{\"proto_version\":\"2.0\",\"software_version\":\"OpenSSH_9.2p1\",\"comments\":\"Debian-2\","
      "\"hassh\":{\"hash\":\"72e8d0ac0213553477bd70e4d68f813c\",\"string\":\"ext-info-c,curve25519-sha256,"
      "ecdh-sha2-nistp256;chacha20-poly1305@openssh.com,aes128-ctr;hmac-sha2-256,hmac-sha1;none,zlib\"}},"
      "\"server\":{\"proto_version\":\"1.99\",\"software_version\":\"dropbear_2020.81\","
      "\"hassh\":{\"hash\":\"c53b5827da8106ec2bff990208a032e7\",\"string\":\"ecdh-sha2-nistp256,curve25519-sha256,"
      "ext-info-s;aes256-ctr;hmac-sha1;none,zlib@openssh.com\"}},"
      "\"agreed\":{\"kex_algorithm\":\"curve25519-sha256\",\"host_key_algorithm\":\"rsa-sha2-256\","
      "\"cipher_to_server\":\"aes128-ctr\",\"cipher_to_client\":\"aes256-ctr\",\"mac_to_server\":\"hmac-sha2-256\","
      "\"mac_to_client\":\"hmac-sha1\",\"compression_to_server\":\"none\",\"compression_to_client\":\"none\"}}");
  EXPECT_EQ(bench.counted(0), 2u);
  EXPECT_EQ(bench.counted(message::kexinit), 2u);
  EXPECT_EQ(bench.counted(message::key_exchange_first), 2u);
  EXPECT_EQ(bench.counted(message::newkeys), 2u);
  EXPECT_EQ(told_by(bench).records.size(), 1u);
}

TEST(SshStream, every_split_tells_the_same) {
  const Told told = whole_and_every_split<Bench>(clients_side(), servers_side());
  EXPECT_EQ(told.records.size(), 1u);
  EXPECT_TRUE(told.anomalies.empty());
  EXPECT_TRUE(told.done);
}

TEST(SshStream, every_prefix_gives_a_record_from_the_identification_on_and_harms_nothing) {
  const Octets asked = clients_side(), answered = servers_side();
  const std::size_t line = octets("SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n").size();
  for (std::size_t size = 1; size < asked.size(); ++size) {
    Bench bench;
    bench.ask(Bytes(asked).first(size));
    const Told told = told_by(bench);
    EXPECT_EQ(told.records.size(), size >= line ? 1u : 0u) << size;
    EXPECT_LE(told.anomalies.size(), 1u);
    for (const ToldAnomaly& anomaly : told.anomalies) EXPECT_EQ(anomaly.error, ParseError::truncated);
  }
  for (std::size_t size = 1; size < answered.size(); ++size) {
    Bench bench;
    bench.answer(Bytes(answered).first(size));
    EXPECT_LE(told_by(bench).records.size(), 1u);
  }
}

TEST(SshStream, one_side_alone_is_recorded_at_its_end) {
  Bench bench;
  bench.ask(clients_side());
  bench.ask(Octets(4000, 0xEE));
  EXPECT_TRUE(bench.sink.records.empty());
  const Told told = told_by(bench);
  ASSERT_EQ(told.records.size(), 1u);
  EXPECT_NE(told.records[0].find("\"hassh\""), std::string::npos);
  EXPECT_EQ(told.records[0].find("\"server\""), std::string::npos);
  EXPECT_TRUE(told.anomalies.empty());
}

TEST(SshStream, protocol_1_is_identified_and_its_packets_are_not_read) {
  const Told told =
      whole_and_every_split<Bench>(joined({octets("SSH-1.5-old\n"), Octets(100, 1)}), octets("SSH-1.5-srv\n"));
  ASSERT_EQ(told.records.size(), 1u);
  EXPECT_NE(told.records[0].find("\"proto_version\":\"1.5\""), std::string::npos);
  EXPECT_TRUE(told.anomalies.empty());
}

TEST(SshStream, an_identification_of_255_bytes_is_read_and_a_longer_one_is_not) {
  for (const std::size_t size : {254u, 255u, 256u, 2000u}) {
    std::string text = "SSH-2.0-";
    text.resize(size - 2, 'x');
    const Told told = whole_and_every_split<Bench>(octets(text + "\r\n"), {});
    EXPECT_EQ(told.records.size(), size <= 255 ? 1u : 0u) << size;
    const std::vector<ToldAnomaly> none, one = {{ParseError::ssh_bad_identification, 255}};
    EXPECT_EQ(told.anomalies, size <= 255 ? none : one);
  }
}

TEST(SshStream, a_client_that_sends_something_else_is_told_and_the_server_still_recorded) {
  const Told told = whole_and_every_split<Bench>(octets("GET / HTTP/1.1\r\n\r\n"), octets("SSH-2.0-OpenSSH_9.2\r\n"));
  ASSERT_EQ(told.records.size(), 1u);
  EXPECT_EQ(told.records[0].find("\"client\""), std::string::npos);
  EXPECT_EQ(told.anomalies, (std::vector<ToldAnomaly>{{ParseError::ssh_bad_identification, 0}}));
}

TEST(SshStream, too_many_or_too_long_lines_before_the_identification_are_told) {
  std::string lines;
  for (unsigned i = 0; i < lines_before_max; ++i) lines += "hello\n";
  EXPECT_EQ(told_whole<Bench>({}, octets(lines + "SSH-2.0-x\r\n")).records.size(), 1u);
  EXPECT_EQ(told_whole<Bench>({}, octets(lines + "more\nSSH-2.0-x\r\n")).records.size(), 0u);
  const std::string longest(line_before_bytes_max - 1, 'y');
  EXPECT_EQ(told_whole<Bench>({}, octets(longest + "\nSSH-2.0-x\r\n")).records.size(), 1u);
  const Told told = told_whole<Bench>({}, octets(longest + "y\nSSH-2.0-x\r\n"));
  EXPECT_EQ(told.anomalies, (std::vector<ToldAnomaly>{{ParseError::ssh_bad_identification, line_before_bytes_max}}));
}

// An identification has four bytes at least; what is shorter may still have whole lines in it.
TEST(SshStream, empty_lines_before_the_identification_are_lines_however_they_come) {
  for (const std::string_view lines : {"\n\nq", "\n\n\nq", "\r\nq", "a\n\nq"}) {
    const Told told = whole_and_every_split<Bench>({}, octets(lines));
    EXPECT_EQ(told.anomalies, (std::vector<ToldAnomaly>{{ParseError::truncated, 1}})) << lines;
  }
  const Told told = whole_and_every_split<Bench>({}, octets("\n\nSSH-2.0-x\n"));
  EXPECT_EQ(told.records.size(), 1u);
  EXPECT_TRUE(told.anomalies.empty());
}

TEST(SshStream, a_broken_packet_costs_only_itself_and_a_broken_length_the_direction) {
  Octets padding = packet_of(2), list = clients_kexinit();
  padding[4] = 3;
  list[22] = 0xFF;  // The first list's length.
  const Octets line = octets("SSH-2.0-x\r\n");
  const Told told = whole_and_every_split<Bench>(
      joined({line, padding, list, clients_kexinit(), packet_of(30), newkeys()}), servers_side());
  ASSERT_EQ(told.records.size(), 1u);
  EXPECT_NE(told.records[0].find("\"agreed\""), std::string::npos);
  EXPECT_EQ(told.anomalies,
            (std::vector<ToldAnomaly>{{ParseError::ssh_bad_packet, 4}, {ParseError::ssh_bad_kexinit, 22}}));
  for (const std::uint32_t length : {0u, 1u, packet_bytes_max - 3, 0xFFFFFFFFu}) {
    Octets bytes = joined({line, packet_of(2)});
    for (std::size_t i = 0; i < 4; ++i) bytes[line.size() + i] = static_cast<std::uint8_t>(length >> (24 - 8 * i));
    const Told lost = whole_and_every_split<Bench>(joined({bytes, clients_kexinit()}), servers_side());
    EXPECT_EQ(lost.anomalies, (std::vector<ToldAnomaly>{{ParseError::bad_length, 0}})) << length;
    EXPECT_EQ(lost.records.size(), 1u);
    EXPECT_TRUE(lost.done);
  }
}

TEST(SshStream, messages_out_of_their_place_are_told_once_a_direction) {
  const Told told = whole_and_every_split<Bench>(
      joined({octets("SSH-2.0-x\r\n"), packet_of(5), newkeys(), clients_kexinit(), newkeys()}), servers_side());
  EXPECT_EQ(told.anomalies, (std::vector<ToldAnomaly>{{ParseError::ssh_unexpected_message, 5}}));
}

TEST(SshStream, the_largest_packet_is_read_and_its_lists_are_hashed_but_not_shown) {
  const std::string name(packet_bytes_max - 4 - 2 - 16 - 40 - 5 - 4 - 1 - 8, 'k');
  const Told told = told_of_split<Bench>(
      joined({octets("SSH-2.0-x\r\n"), kexinit({name, "", "", "", "", "", "", "", "", ""}), newkeys()}), servers_side(),
      100, 0);
  ASSERT_EQ(told.records.size(), 1u);
  EXPECT_TRUE(told.anomalies.empty());
  EXPECT_EQ(told.records[0].find("kkk"), std::string::npos);
  EXPECT_EQ(told.records[0].find("\"agreed\""), std::string::npos);
  EXPECT_NE(told.records[0].find("\"hash\""), std::string::npos);
}

TEST(SshStream, a_gap_ends_the_direction_unless_it_lies_within_what_is_not_read) {
  Bench bench;
  bench.ask(octets("SSH-2.0-x\r\n"));
  bench.ask(clients_kexinit());
  const Octets exchange = packet_of(30, 400);
  bench.ask(Bytes(exchange).first(100));
  bench.gap(true, 50);
  bench.ask(Bytes(exchange).subspan(150));
  bench.ask(newkeys());
  bench.answer(servers_side());
  EXPECT_TRUE(bench.stream.done);
  EXPECT_TRUE(told_by(bench).anomalies.empty());

  Bench lost;
  lost.ask(octets("SSH-2.0-x\r\n"));
  lost.gap(true);
  lost.ask(clients_kexinit());
  lost.answer(servers_side());
  const Told told = told_by(lost);
  EXPECT_EQ(told.records.size(), 1u);
  EXPECT_TRUE(told.anomalies.empty());
  EXPECT_TRUE(told.done);
}

TEST(SshStream, a_mutation_of_any_byte_tells_the_same_in_one_piece_and_bytewise) {
  every_mutation(clients_side(),
                 [](const Octets& mutated) { same_in_one_piece_and_bytewise<Bench>(mutated, servers_side()); });
}

TEST(SshStream, without_room_nothing_is_recorded_and_the_eviction_is_counted) {
  Bench bench({.limits = {.open_streams = 1}});  // Room for one handshake.
  bench.ask(octets("SSH-2.0-x\r\n"));
  dissect::testing::TestStream second(bench.dissector, registry_row, bench.sink);
  second.feed(bench.context, clients_side());
  bench.from_client(false);
  second.feed(bench.context, servers_side());
  EXPECT_TRUE(second.done);
  EXPECT_TRUE(bench.sink.records.empty());
  EXPECT_EQ(bench.evicted(), 1u);
  bench.answer(servers_side());
  EXPECT_EQ(told_by(bench).records.size(), 1u);
}

TEST(SshStream, a_connection_met_with_the_servers_first_packet_has_its_roles_from_the_port) {
  Bench bench;
  bench.from_client(false);
  bench.context.direction = Direction::to_responder;  // Taken for the asking side.
  bench.stream.feed(bench.context, servers_side());
  bench.from_client(true);
  bench.context.direction = Direction::to_initiator;
  bench.stream.feed(bench.context, clients_side());
  ASSERT_EQ(bench.sink.records.size(), 1u);
  EXPECT_EQ(bench.sink.source, Bench::client);
  EXPECT_TRUE(bench.has("\"client\":{\"proto_version\":\"2.0\""));
}

TEST(SshCounters, names_are_distinct) {
  std::vector<std::string_view> names;
  for (unsigned type = 0; type < 256; ++type) {
    const std::string_view name = message_type_name(static_cast<std::uint8_t>(type));
    if (name.empty()) continue;
    EXPECT_EQ(std::find(names.begin(), names.end(), name), names.end()) << name;
    names.push_back(name);
  }
  EXPECT_EQ(names.size(), 11u);
}

}  // namespace
}  // namespace tsujiban::ssh
