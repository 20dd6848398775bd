#include <gtest/gtest.h>

#include "dissectors/smb/smb_ntlmssp.h"
#include "dissectors/smb/smb_test_support.h"
#include "output/privacy.h"

namespace tsujiban::smb {
namespace {

using dissect::Probe;
using dissect::Transport;
using namespace testing;

constexpr std::uint32_t logon_failure = 0xC000006D;

TEST(Smb, a_session_of_version_two_is_recorded) {
  Bench bench;
  bench.ask(framed(negotiate_request()));
  bench.answer(framed(negotiate_answer()));
  EXPECT_EQ(
      bench.last(),
      R"({"id":1,"dialect":"3.11","command":"SMB2_COMMAND_NEGOTIATE_PROTOCOL","status":"STATUS_SUCCESS",)"
      R"("status_code":"0x0","session_id":0,"tree_id":0,"client_dialects":["2.10","3.11"],)"
      R"("client_guid":"03020100-0504-0706-0908-0b0a0f0e0d0c","server_guid":"13121110-1514-1716-1918-1b1a1f1e1d1c",)"
      R"("max_read_size":8388608,"max_write_size":4194304})");
  bench.ask(framed(session_request(ntlmssp("alice"))));
  bench.answer(framed(session_answer(0)));
  EXPECT_EQ(bench.last(),
            R"({"id":2,"dialect":"3.11","command":"SMB2_COMMAND_SESSION_SETUP","status":"STATUS_SUCCESS",)"
            R"("status_code":"0x0","session_id":77,"tree_id":0,"ntlmssp":{"domain":"PLANT","user":"alice",)"
            R"("host":"HMI-1","version":"10.0 build 19041 rev 15"}})");
  bench.ask(framed(tree_request("\\\\fs\\IPC$")));
  bench.answer(framed(tree_answer(2)));
  EXPECT_EQ(bench.last(),
            R"({"id":3,"dialect":"3.11","command":"SMB2_COMMAND_TREE_CONNECT","status":"STATUS_SUCCESS",)"
            R"("status_code":"0x0","session_id":77,"tree_id":5,"named_pipe":"\\\\fs\\IPC$","share_type":"PIPE"})");
  bench.ask(framed(create_request("plan.xlsx")));
  bench.answer(framed(create_answer()));
  EXPECT_EQ(
      bench.last(),
      R"({"id":4,"dialect":"3.11","command":"SMB2_COMMAND_CREATE","status":"STATUS_SUCCESS","status_code":"0x0",)"
      R"("session_id":77,"tree_id":5,"filename":"plan.xlsx","disposition":"FILE_OPEN","access":"delete on close",)"
      R"("created":1689973760,"accessed":0,"modified":0,"changed":0,"size":4096,)"
      R"("fuid":"23222120-2524-2726-2928-2b2a2f2e2d2c"})");
  bench.ask(framed(message2({.command = 2, .message_id = 9, .session = 77}, bytes_of("04000000"))));
  bench.answer(
      framed(message2({.command = 2, .message_id = 9, .session = 77, .response = true}, bytes_of("04000000"))));
  EXPECT_TRUE(bench.has("SMB2_COMMAND_SESSION_LOGOFF"));
  EXPECT_TRUE(bench.sink.anomalies.empty());
  EXPECT_EQ(bench.outstanding(), 0u);
}

TEST(Smb, logins_are_told_with_their_outcome) {
  Bench bench;
  const auto attempt = [&](std::string_view user, std::uint32_t status, std::uint64_t id) {
    bench.ask(framed(session_request(ntlmssp(user), id)));
    bench.answer(framed(session_answer(status, id)));
  };
  attempt("alice", logon_failure, 1);
  attempt("alice", status::more_processing, 2);
  attempt("alice", 0, 3);
  attempt("", 0, 4);  // A null session.
  const auto logins = bench.sink.told(FactKind::login);
  ASSERT_EQ(logins.size(), 2u);
  EXPECT_EQ(logins[0].login.outcome, Login::Outcome::failed);
  EXPECT_EQ(logins[1].login.outcome, Login::Outcome::succeeded);
  EXPECT_EQ(logins[0].login.user_hash, hash_bytes(HashSeed{}, octets("alice")));
  EXPECT_EQ(logins[0].login.user_hash, logins[1].login.user_hash);
  // Who tried is the client, though the server's answer completed it.
  EXPECT_EQ(logins[0].source, IpAddress::v4(0xC0A8140A));
  EXPECT_EQ(logins[0].destination_port, port_direct);
  EXPECT_EQ(bench.sink.source, IpAddress::v4(0xC0A8140A));
}

TEST(Smb, a_session_without_ntlmssp_is_no_login) {
  Bench bench;
  bench.ask(framed(session_request(octets("kerberos ticket"))));
  bench.answer(framed(session_answer(0)));
  EXPECT_TRUE(bench.sink.told(FactKind::login).empty());
  EXPECT_EQ(bench.sink.records.size(), 1u);
}

TEST(Smb, user_and_host_are_masked) {
  const output::Mask mask(true, {});
  Bench bench;
  bench.sink.set_mask(&mask);
  bench.ask(framed(session_request(ntlmssp("alice"))));
  bench.answer(framed(session_answer(0)));
  EXPECT_TRUE(bench.has(R"("domain":"PLANT","user":"masked","host":"masked")")) << bench.last();
}

TEST(Smb, an_interim_answer_is_waited_out) {
  Bench bench;
  bench.ask(framed(create_request("slow.bin")));
  bench.answer(
      framed(message2({.command = 5, .message_id = 3, .status = status::pending, .response = true, .more_flags = 2},
                      bytes_of("0900 0000 00000000"))));
  EXPECT_TRUE(bench.sink.records.empty());
  bench.answer(framed(create_answer()));
  EXPECT_EQ(bench.sink.records.size(), 1u);
}

TEST(Smb, compounds_are_read_command_by_command) {
  Bench bench;
  Octets create = message2({.command = 5, .message_id = 3, .tree = 5, .session = 77}, create_body("a.txt"));
  create.resize((create.size() + 7) / 8 * 8);
  Octets first = create;
  first[20] = static_cast<std::uint8_t>(create.size());
  const Octets close = message2({.command = 6, .message_id = 4, .tree = 5, .session = 77, .more_flags = 4}, Octets(24));
  bench.ask(framed(joined({first, close})));
  Octets answer =
      message2({.command = 5, .message_id = 3, .tree = 5, .session = 77, .response = true}, create_answer_body());
  answer.resize((answer.size() + 7) / 8 * 8);
  answer[20] = static_cast<std::uint8_t>(answer.size());
  bench.answer(framed(joined({answer, message2({.command = 6, .message_id = 4, .response = true}, Octets(60))})));
  EXPECT_EQ(bench.sink.records.size(), 1u);
  EXPECT_TRUE(bench.has("a.txt"));
  EXPECT_TRUE(bench.sink.anomalies.empty());
  // An offset that leads nowhere.
  for (const std::uint8_t next : {std::uint8_t{8}, std::uint8_t{63}, static_cast<std::uint8_t>(create.size() + 8)}) {
    Bench broken;
    first[20] = next;
    broken.ask(framed(first));
    ASSERT_EQ(broken.sink.anomalies.size(), 1u);
    EXPECT_EQ(broken.sink.anomalies[0].error, ParseError::smb_bad_chain);
  }
}

TEST(Smb, encrypted_messages_are_counted_and_skipped) {
  Bench bench;
  bench.ask(framed(joined({{0xFD, 'S', 'M', 'B'}, Octets(200)})));
  bench.ask(framed(create_request("clear.txt")));
  bench.answer(framed(create_answer()));
  EXPECT_EQ(bench.sink.records.size(), 1u);
  EXPECT_TRUE(bench.sink.anomalies.empty());
}

TEST(Smb, files_are_recorded_up_to_the_limit) {
  for (const unsigned count : {creates_recorded_max - 1, creates_recorded_max, creates_recorded_max + 1}) {
    Bench bench;
    for (unsigned i = 0; i < count; ++i) {
      bench.ask(framed(create_request("f", i)));
      bench.answer(framed(create_answer(i)));
    }
    // The answer to what was not kept is none of a known file.
    EXPECT_EQ(bench.sink.records.size(), std::min(count, creates_recorded_max)) << count;
  }
}

TEST(Smb, requests_that_wait_are_bounded) {
  for (const unsigned count : {outstanding_max - 1, outstanding_max, outstanding_max + 1}) {
    Bench bench;
    for (unsigned i = 0; i < count; ++i) bench.ask(framed(tree_request("\\\\fs\\a", i)));
    EXPECT_EQ(bench.sink.records.size(), count > outstanding_max ? 1u : 0u);
    EXPECT_EQ(bench.outstanding(), std::min(count, outstanding_max));
    bench.finish();
    EXPECT_EQ(bench.sink.records.size(), count);
    EXPECT_EQ(bench.outstanding(), 0u);
  }
}

TEST(Smb, without_room_requests_are_recorded_alone) {
  Bench bench({.limits = {.open_streams = 1}});
  bench.ask(framed(tree_request("\\\\fs\\a", 1)));
  bench.ask(framed(tree_request("\\\\fs\\b", 2)));
  EXPECT_EQ(bench.sink.records.size(), 1u);
  EXPECT_TRUE(bench.has("fs\\\\b"));
  EXPECT_EQ(bench.last().find("status"), std::string::npos);
  bench.answer(framed(tree_answer(1, 2)));
  EXPECT_TRUE(bench.has(R"("share_type":"FILE")"));
}

TEST(Smb, what_a_broken_request_lacks_is_not_taken_from_an_earlier_one) {
  Bench bench;
  bench.ask(framed(negotiate_request()));
  bench.answer(framed(negotiate_answer()));
  bench.ask(framed(message2({.command = 0, .message_id = 5}, Octets(8))));
  bench.finish();
  EXPECT_TRUE(bench.has(R"("client_dialects":[],"client_guid":"00000000-0000-0000-0000-000000000000")"))
      << bench.last();
}

TEST(Smb1, a_negotiation_and_a_chain_of_commands_are_recorded) {
  Bench bench;
  bench.ask(framed(smb1_negotiate()));
  bench.answer(
      framed(message1({.command = 0x72, .response = true}, block(joined({little(0, 2), Octets(32)}), Octets(8)))));
  EXPECT_EQ(bench.last(),
            R"({"id":1,"dialect":"NT LM 0.12","command":"SMB1_COMMAND_NEGOTIATE_PROTOCOL","status":"STATUS_SUCCESS",)"
            R"("status_code":"0x0","session_id":0,"tree_id":0,"client_dialects":["NT LM 0.12","SMB 2.002"]})");
  // An account without extended security, and a tree in the same message.
  const Octets bytes = joined({Octets(24, 0xAA), {0}, utf16("bob"), {0, 0}, utf16("PLANT"), {0, 0}});
  const Octets words = joined({{0x75, 0}, Octets(2), Octets(10), little(24, 2), little(0, 2), Octets(8)});
  Octets setup = block(words, bytes);
  const std::size_t tree_at = 32 + setup.size();
  setup[3] = static_cast<std::uint8_t>(tree_at);
  const Octets path = utf16("\\\\fs\\plans");
  const Octets tree =
      block(joined({{0xFF, 0, 0, 0}, little(0, 2), little(1, 2)}),
            joined({{0}, Octets(tree_at % 2 == 0 ? 0u : 1u), path, {0, 0}, octets(std::string_view("?????\0", 6))}));
  bench.ask(framed(message1({.command = 0x73, .id = 2}, joined({setup, tree}))));
  EXPECT_EQ(bench.outstanding(), 2u);
  Octets setup_answer = block(bytes_of("75000000 0000"), {});
  setup_answer[3] = static_cast<std::uint8_t>(32 + setup_answer.size());
  bench.answer(
      framed(message1({.command = 0x73, .response = true, .tree = 9, .user = 7, .id = 2},
                      joined({setup_answer, block(bytes_of("FF000000 0000"), octets(std::string_view("A:\0", 3)))}))));
  ASSERT_EQ(bench.sink.records.size(), 3u);
  EXPECT_NE(bench.sink.records[1].find(R"("session_id":7,"tree_id":9,"account":{"domain":"PLANT","user":"bob"})"),
            std::string::npos)
      << bench.sink.records[1];
  EXPECT_TRUE(bench.has(R"("share":"\\\\fs\\plans","service":{"request":"?????","response":"A:"})")) << bench.last();
  ASSERT_EQ(bench.sink.told(FactKind::login).size(), 1u);
  EXPECT_TRUE(bench.sink.anomalies.empty());
}

TEST(Smb1, version_two_may_answer_the_negotiation) {
  Bench bench;
  bench.ask(framed(smb1_negotiate()));
  bench.answer(framed(negotiate_answer()));
  EXPECT_TRUE(bench.has(R"("dialect":"3.11","command":"SMB1_COMMAND_NEGOTIATE_PROTOCOL")")) << bench.last();
  EXPECT_EQ(bench.outstanding(), 0u);
}

TEST(Smb1, a_chain_leads_forwards_only) {
  Bench bench;
  Octets setup = block(joined({{0x75, 0}, little(32, 2), Octets(20)}), {});
  bench.ask(framed(message1({.command = 0x73}, setup)));
  ASSERT_EQ(bench.sink.anomalies.size(), 1u);
  EXPECT_EQ(bench.sink.anomalies[0].error, ParseError::smb_bad_chain);
}

TEST(SmbNtlmssp, fields_outside_the_message_are_malformed) {
  Bench bench;
  Octets blob = ntlmssp("alice");
  blob[36] = 0xFF;
  blob[37] = 0xFF;
  bench.ask(framed(session_request(blob)));
  ASSERT_EQ(bench.sink.anomalies.size(), 1u);
  EXPECT_EQ(bench.sink.anomalies[0].error, ParseError::smb_bad_security_blob);
  // The next message is read.
  bench.ask(framed(tree_request("\\\\fs\\a")));
  bench.answer(framed(tree_answer(1)));
  EXPECT_TRUE(bench.has("TREE_CONNECT"));
}

TEST(SmbNtlmssp, every_prefix_is_safe) {
  const Octets whole = ntlmssp("alice");
  for (std::size_t size = 0; size <= whole.size(); ++size) {
    NtlmAuthenticate fields;
    const Octets exact(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size));
    const NtlmFound found = read_ntlmssp(exact, fields);
    EXPECT_EQ(found == NtlmFound::authenticate, size == whole.size()) << size;
  }
}

TEST(SmbProbe, the_signature_is_enough) {
  EXPECT_EQ(probe(Transport::stream, false, framed(negotiate_request())), Probe::mine);
  EXPECT_EQ(probe(Transport::stream, false, framed(smb1_negotiate())), Probe::mine);
  EXPECT_EQ(probe(Transport::stream, false, bytes_of("00000040FD534D42")), Probe::mine);
  EXPECT_EQ(probe(Transport::stream, true, bytes_of("81000044")), Probe::mine);
  EXPECT_EQ(probe(Transport::stream, false, bytes_of("81000044")), Probe::not_mine);
  EXPECT_EQ(probe(Transport::stream, true, bytes_of("8100FF44")), Probe::not_mine);
  EXPECT_EQ(probe(Transport::stream, true, bytes_of("0000004000000000")), Probe::not_mine);
  EXPECT_EQ(probe(Transport::stream, true, bytes_of("0000001FFE534D42")), Probe::not_mine);
  EXPECT_EQ(probe(Transport::datagram, true, framed(negotiate_request())), Probe::not_mine);
  for (std::size_t size = 1; size < 8; ++size)
    EXPECT_EQ(probe(Transport::stream, false, Bytes(framed(negotiate_request())).first(size)), Probe::unsure) << size;
}

TEST(Smb, counters_name_every_command) {
  EXPECT_EQ(message_type_name(0), "negotiate");
  EXPECT_EQ(message_type_name(18), "oplock_break");
  EXPECT_EQ(message_type_name(counted::smb2_other), "smb2_other");
  EXPECT_EQ(message_type_name(counted::smb1_negotiate), "smb1_negotiate");
  EXPECT_EQ(message_type_name(counted::smb1_other), "smb1_other");
  EXPECT_EQ(message_type_name(counted::encrypted), "encrypted");
  EXPECT_EQ(message_type_name(60), "");
}

}  // namespace
}  // namespace tsujiban::smb
