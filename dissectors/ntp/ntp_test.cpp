#include <gtest/gtest.h>

#include "dissectors/ntp/ntp_test_support.h"

namespace tsujiban::ntp {
namespace {

using dissect::Probe;
using dissect::Transport;
using testing::Bench;
using testing::bytes_of;
using testing::Octets;

// A client's request of version 4, and a server's answer: stratum 2, poll 6, precision -23, from 192.0.2.1.
const Octets request = bytes_of(
    "23 00 06 20 00000000 00000000 00000000 0000000000000000 0000000000000000 0000000000000000 E500000000000000");
const Octets response = bytes_of(
    "24 02 06 E9 00008000 00010000 C0000201 E4FFFFFF00000000 E500000000000000 E500000100000000 E500000200000000");

Octets with(Octets bytes, std::string_view more) {
  const Octets rest = bytes_of(more);
  bytes.insert(bytes.end(), rest.begin(), rest.end());
  return bytes;
}
std::string hex_zeros(std::size_t bytes) { return std::string(bytes * 2, '0'); }

TEST(Ntp, a_request_and_its_answer_are_recorded) {
  Bench bench;
  bench.give(request);
  EXPECT_EQ(bench.last(),
            R"({"version":4,"mode":"client","leap":"none","stratum":0,"poll":6,"precision":32,"root_delay":0,)"
            R"("root_dispersion":0,"transmit_time":1632993664})");
  bench.give(response);
  EXPECT_EQ(bench.last(),
            R"({"version":4,"mode":"server","leap":"none","stratum":2,"poll":6,"precision":-23,"root_delay":0.5,)"
            R"("root_dispersion":1,"reference_id":"192.0.2.1","transmit_time":1632993666})");
  EXPECT_TRUE(bench.sink.anomalies.empty());
}

TEST(Ntp, the_reference_of_stratum_one_is_text_and_of_stratum_zero_a_kiss_code) {
  Bench bench;
  Octets bytes = response;
  bytes[1] = 1;
  std::copy_n("GPS", 4, bytes.begin() + 12);
  bench.give(bytes);
  EXPECT_NE(bench.last().find(R"("reference_id":"GPS")"), std::string::npos);
  bytes[1] = 0;
  bytes[0] |= 0xC0;
  std::copy_n("RATE", 4, bytes.begin() + 12);
  bench.give(bytes);
  EXPECT_NE(bench.last().find(R"("leap":"unsynchronized","stratum":0)"), std::string::npos);
  EXPECT_NE(bench.last().find(R"("kiss_code":"RATE")"), std::string::npos);
  bytes[12] = 1;
  bench.give(bytes);
  EXPECT_NE(bench.last().find(R"("kiss_code":"01415445")"), std::string::npos);
}

TEST(Ntp, time_goes_on_after_2036) {
  Bench bench;
  Octets bytes = response;
  for (std::size_t i = 40; i < 48; ++i) bytes[i] = 0;
  bytes[43] = 1;  // One second into era 1: 2036-02-07 06:28:17.
  bench.give(bytes);
  EXPECT_NE(bench.last().find(R"("transmit_time":2085978497)"), std::string::npos);
}

TEST(Ntp, digests_and_extension_fields_are_told_apart_by_their_length) {
  for (const auto& [rest, error, text] : std::initializer_list<std::tuple<std::string, ParseError, std::string>>{
           {"00000001" + hex_zeros(16), ParseError::none, R"("authenticated":true)"},
           {"00000001" + hex_zeros(20), ParseError::none, R"("authenticated":true)"},
           {"00000000", ParseError::none, R"("crypto_nak":true)"},
           {"00000001", ParseError::ntp_bad_extension, ""},
           {"0104001C" + hex_zeros(24), ParseError::none, R"("extensions":1)"},
           {"0104001C" + hex_zeros(24) + "00000001" + hex_zeros(16), ParseError::none,
            R"("extensions":1,"authenticated":true)"},
           {"0104FFFC" + hex_zeros(24), ParseError::ntp_bad_extension, ""},
           {"01040000" + hex_zeros(24), ParseError::ntp_bad_extension, ""},
           {"0000", ParseError::ntp_bad_extension, ""}}) {
    Bench bench;
    bench.give(with(response, rest));
    if (error == ParseError::none) {
      EXPECT_TRUE(bench.sink.anomalies.empty()) << rest;
      EXPECT_NE(bench.last().find(text), std::string::npos) << bench.last();
    } else {
      ASSERT_EQ(bench.sink.anomalies.size(), 1u) << rest;
      EXPECT_EQ(bench.sink.anomalies[0].error, error);
      EXPECT_EQ(bench.sink.anomalies[0].offset, 48u);
    }
  }
}

TEST(Ntp, extension_fields_are_bounded) {
  for (const unsigned count : {extensions_max - 1, extensions_max, extensions_max + 1}) {
    Bench bench;
    std::string rest;
    for (unsigned i = 0; i < count; ++i) rest += "0104001C" + hex_zeros(24);
    bench.give(with(response, rest));
    EXPECT_EQ(bench.sink.anomalies.size(), count > extensions_max ? 1u : 0u) << count;
  }
}

TEST(Ntp, control_messages_are_recognised) {
  Bench bench;
  bench.give(bytes_of("16 02 0001 0000 0000 0000 0000"));
  EXPECT_EQ(bench.last(),
            R"({"version":2,"mode":"control","control":{"response":false,"opcode":2,"operation":"read_variables",)"
            R"("sequence":1,"status":0,"association":0,"offset":0,"count":0}})");
  bench.give(bytes_of("16 E2 0001 0615 0000 0000 0004 61626364"));
  EXPECT_NE(bench.last().find(R"("response":true,"error":true,"more":true)"), std::string::npos);
  EXPECT_TRUE(bench.sink.anomalies.empty());
  bench.give(bytes_of("16 82 0001 0615 0000 0000 0005 61626364"));
  ASSERT_EQ(bench.sink.anomalies.size(), 1u);
  EXPECT_EQ(bench.sink.anomalies[0].error, ParseError::bad_length);
}

TEST(Ntp, the_request_for_the_last_clients_is_marked) {
  Bench bench;
  bench.give(bytes_of("17 00 03 2A 00000000"));
  EXPECT_EQ(bench.last(),
            R"({"version":2,"mode":"private","private":{"response":false,"sequence":0,"implementation":3,)"
            R"("request_code":42,"monlist":true,"items":0,"item_bytes":0}})");
  bench.give(with(bytes_of("D7 00 03 2A 0006 0048"), hex_zeros(6 * 72)));
  EXPECT_NE(bench.last().find(R"("response":true,"more":true)"), std::string::npos);
  EXPECT_NE(bench.last().find(R"("monlist":true,"error":0,"items":6,"item_bytes":72)"), std::string::npos);
  EXPECT_TRUE(bench.sink.anomalies.empty());
  bench.give(with(bytes_of("97 00 03 2A 0006 0048"), hex_zeros(6 * 72 - 1)));
  EXPECT_EQ(bench.sink.anomalies.size(), 1u);
  bench.give(bytes_of("17 00 03 00 00000000"));
  EXPECT_NE(bench.last().find(R"("monlist":false)"), std::string::npos);
}

TEST(Ntp, every_prefix_is_safe_and_all_but_the_whole_are_malformed) {
  for (const Octets& whole :
       {request, response, bytes_of("16 82 0001 0615 0000 0000 0004 61626364"), bytes_of("17 00 03 2A 00000000")}) {
    for (std::size_t size = 0; size <= whole.size(); ++size) {
      Bench bench;
      bench.give(Bytes(whole).first(size));
      EXPECT_EQ(bench.sink.anomalies.size(), size == whole.size() ? 0u : 1u) << size;
      EXPECT_EQ(bench.sink.records.size(), 1u);
    }
  }
}

TEST(Ntp, mutations_do_no_harm) {
  for (std::size_t at = 0; at < response.size(); ++at) {
    for (const unsigned value : {0x00u, 0x7Fu, 0x80u, 0xFFu}) {
      Bench bench;
      Octets bytes = response;
      bytes[at] = static_cast<std::uint8_t>(value);
      bench.give(bytes);
      EXPECT_FALSE(bench.sink.overflowed);
      bench.give(response);
      EXPECT_EQ(bench.sink.records.size(), 2u);
    }
  }
}

TEST(Ntp, reserved_strata_versions_and_modes_are_malformed) {
  for (const auto& [at, value, error] :
       std::initializer_list<std::tuple<std::size_t, unsigned, ParseError>>{{0, 0x04, ParseError::bad_version},
                                                                            {0, 0x2C, ParseError::bad_version},
                                                                            {0, 0x20, ParseError::bad_value},
                                                                            {1, 17, ParseError::bad_value}}) {
    Bench bench;
    Octets bytes = response;
    bytes[at] = static_cast<std::uint8_t>(value);
    bench.give(bytes);
    ASSERT_EQ(bench.sink.anomalies.size(), 1u) << at << ' ' << value;
    EXPECT_EQ(bench.sink.anomalies[0].error, error);
  }
}

TEST(NtpProbe, needs_the_port_and_the_structure) {
  EXPECT_EQ(probe(Transport::datagram, true, response), Probe::mine);
  EXPECT_EQ(probe(Transport::datagram, false, response), Probe::not_mine);
  EXPECT_EQ(probe(Transport::stream, true, response), Probe::not_mine);
  EXPECT_EQ(probe(Transport::datagram, true, Bytes(response).first(47)), Probe::not_mine);
  EXPECT_EQ(probe(Transport::datagram, true, with(response, "00")), Probe::not_mine);
  EXPECT_EQ(probe(Transport::datagram, true, bytes_of("00010000")), Probe::not_mine);
  EXPECT_EQ(probe(Transport::datagram, true, bytes_of("17 00 03 2A 00000000")), Probe::mine);
}

TEST(NtpProbe, random_datagrams_on_the_port_are_mostly_refused) {
  std::uint64_t state = 1;
  unsigned mine = 0;
  for (unsigned i = 0; i < 10'000; ++i) {
    Octets bytes;
    for (std::size_t j = 0; j < 64 + i % 64; ++j) {
      state = state * 6364136223846793005u + 1442695040888963407u;
      bytes.push_back(static_cast<std::uint8_t>(state >> 56));
    }
    if (probe(Transport::datagram, true, bytes) == Probe::mine) ++mine;
  }
  // Those whose first byte makes them a control or private message; these have little that could be wrong.
  EXPECT_LT(mine, 1500u);
}

TEST(Ntp, counters_name_every_mode) {
  Bench bench;
  bench.give(response);
  EXPECT_EQ(message_type_name(4), "server");
  EXPECT_EQ(message_type_name(7), "private");
  EXPECT_EQ(message_type_name(0), "");
  EXPECT_EQ(message_type_name(200), "");
}

}  // namespace
}  // namespace tsujiban::ntp
