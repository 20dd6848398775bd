#include <gtest/gtest.h>

#include "dissect/test_stream_splits.h"
#include "dissectors/rdp/rdp_test_support.h"
#include "output/privacy.h"

namespace tsujiban::rdp {
namespace {

using dissect::Probe;
using dissect::Transport;
using namespace testing;

TEST(Rdp, a_negotiation_is_recorded_and_the_cookie_never) {
  Bench bench;
  bench.ask(cookie_request());
  EXPECT_EQ(bench.last(), R"({"tx_id":1,"event_type":"initial_request","cookie_present":true,)"
                          R"("requested_protocols":["ssl","hybrid"]})");
  bench.answer(connection(0xD0, bytes_of("021F080002000000")));
  EXPECT_EQ(bench.last(), R"({"tx_id":2,"event_type":"initial_response","server_supports":["extended_client_data",)"
                          R"("dynvc_gfx","restricted_admin","redirected_authentication"],"protocol":"hybrid"})");
  // TLS begins, which nobody can read.
  EXPECT_TRUE(bench.stream.done);
  EXPECT_FALSE(bench.stream.given_up);
  for (const std::string& record : bench.sink.records) EXPECT_EQ(record.find("secret"), std::string::npos);
}

TEST(Rdp, a_refusal_says_why) {
  Bench bench;
  bench.ask(connection(0xE0, {}));
  EXPECT_EQ(bench.last(), R"({"tx_id":1,"event_type":"initial_request"})");
  bench.answer(connection(0xD0, bytes_of("0300080005000000")));
  EXPECT_EQ(bench.last(),
            R"({"tx_id":2,"event_type":"initial_response","error_code":5,"reason":"hybrid required by server"})");
  EXPECT_FALSE(bench.stream.done);
}

TEST(Rdp, the_clients_data_are_recorded) {
  Bench bench;
  bench.ask(cookie_request());
  bench.answer(plain_confirm());
  bench.ask(sample_connect());
  EXPECT_EQ(bench.last(),
            R"({"tx_id":3,"event_type":"connect_request","client":{"version":"v5","desktop_width":1920,)"
            R"("desktop_height":1080,"color_depth":24,"keyboard_layout":"ja-JP","build":"Windows 10 RS5",)"
            R"("client_name":"PC-7","keyboard_type":"jp","keyboard_subtype":2,"function_keys":12,"product_id":1,)"
            R"("capabilities":["support_errinfo_pdf","valid_connection_type"],"id":"12345-678",)"
            R"("connection_hint":"autodetect","physical_width":300,"physical_height":200,"desktop_orientation":90,)"
            R"("scale_factor":150,"device_scale_factor":140},"channels":["rdpdr","cliprdr"]})");
  bench.answer(connect_answer());
  EXPECT_EQ(bench.last(), R"({"tx_id":4,"event_type":"connect_response"})");
  EXPECT_TRUE(bench.stream.done);
  EXPECT_TRUE(bench.sink.anomalies.empty());
}

TEST(Rdp, the_clients_name_is_masked) {
  const output::Mask mask(true, {});
  Bench bench;
  bench.sink.set_mask(&mask);
  bench.ask(sample_connect());
  EXPECT_EQ(bench.last().find("PC-7"), std::string::npos);
  EXPECT_EQ(bench.last().find("12345-678"), std::string::npos);
  EXPECT_TRUE(bench.has(R"("client_name":"masked")"));
}

TEST(RdpStream, splits_at_every_byte_give_the_same_records) {
  const Told whole = whole_and_every_split<Bench>(joined({cookie_request(), sample_connect()}),
                                                  joined({plain_confirm(), connect_answer()}));
  EXPECT_EQ(whole.records.size(), 4u);
}

TEST(RdpStream, every_prefix_is_safe_and_told_as_cut) {
  for (const Octets& whole : {cookie_request(), plain_confirm(), sample_connect()})
    every_prefix_tells_that_it_was_cut<Bench>(whole);
}

TEST(RdpStream, prefixes_of_the_inside_are_malformed_and_the_next_message_is_read) {
  const Octets whole = sample_connect();
  // Some are a whole TPKT of a shorter kind; none reads beyond its end.
  for (std::size_t size = tpdu_bytes_min; size < whole.size(); ++size) {
    Bench bench;
    Octets cut(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size));
    cut[2] = static_cast<std::uint8_t>(size >> 8);
    cut[3] = static_cast<std::uint8_t>(size);
    bench.ask(cut);
    if (bench.stream.done) continue;
    EXPECT_EQ(bench.sink.anomalies.size(), 1u) << size;
    bench.answer(plain_confirm());
    EXPECT_TRUE(bench.has("initial_response")) << size;
  }
}

TEST(RdpStream, mutations_do_no_harm) {
  const Octets whole = sample_connect();
  for (std::size_t at = 0; at < whole.size(); ++at) {
    for (const unsigned value : {0x00u, 0x7Fu, 0x80u, 0xFFu}) {
      Bench bench;
      Octets bytes = whole;
      bytes[at] = static_cast<std::uint8_t>(value);
      bench.ask(bytes);
      bench.finish();
      EXPECT_FALSE(bench.stream.bad_progress || bench.sink.overflowed);
      EXPECT_LE(bench.sink.records.size(), 1u);
    }
  }
}

TEST(RdpStream, what_is_no_tpkt_gives_the_flow_up_at_first_and_is_the_session_later) {
  Bench first, later;
  first.ask(bytes_of("16030100050100000100"));
  EXPECT_TRUE(first.stream.given_up);
  later.ask(cookie_request());
  later.ask(bytes_of("16030100050100000100"));
  EXPECT_TRUE(later.stream.done);
  EXPECT_TRUE(later.sink.anomalies.empty());
}

TEST(RdpStream, lengths_are_held_to_their_limits) {
  for (const std::uint32_t length : {tpdu_bytes_min - 1, tpdu_bytes_min, message_bytes_max, message_bytes_max + 1}) {
    Bench bench;
    Octets bytes(std::max(length, tpdu_bytes_min), 0);
    bytes[0] = 3;
    bytes[2] = static_cast<std::uint8_t>(length >> 8);
    bytes[3] = static_cast<std::uint8_t>(length);
    bytes[4] = 2;
    bytes[5] = 0xF0;
    bench.ask(Bytes(bytes).first(bytes.size() - 1));
    bench.ask(Bytes(bytes).last(1));
    EXPECT_EQ(bench.stream.given_up, length < tpdu_bytes_min || length > message_bytes_max) << length;
    EXPECT_FALSE(bench.stream.bad_progress);
  }
}

TEST(RdpStream, a_gap_ends_the_reading_without_blame) {
  Bench bench;
  bench.ask(cookie_request());
  bench.gap(true, 20);
  bench.ask(Bytes(sample_connect()).subspan(20));
  bench.finish();
  EXPECT_TRUE(bench.stream.done);
  EXPECT_TRUE(bench.sink.anomalies.empty());
}

TEST(RdpStream, one_side_alone_is_enough) {
  Bench client, server;
  client.ask(joined({cookie_request(), sample_connect()}));
  client.finish();
  EXPECT_EQ(client.sink.records.size(), 2u);
  server.answer(joined({plain_confirm(), connect_answer()}));
  server.finish();
  EXPECT_EQ(server.sink.records.size(), 2u);
}

TEST(Rdp, broken_negotiations_are_told_with_their_place) {
  for (const auto& [rest, error, offset] :
       std::initializer_list<std::tuple<std::string_view, ParseError, std::uint32_t>>{
           {"0200080000000000", ParseError::rdp_bad_negotiation, 11},
           {"0100090000000000", ParseError::rdp_bad_negotiation, 13},
           {"01000800", ParseError::rdp_bad_negotiation, 11},
           {"436F6F6B69653A20", ParseError::rdp_bad_negotiation, 11}}) {
    Bench bench;
    bench.ask(connection(0xE0, bytes_of(rest)));
    ASSERT_EQ(bench.sink.anomalies.size(), 1u) << rest;
    EXPECT_EQ(bench.sink.anomalies[0].error, error);
    EXPECT_EQ(bench.sink.anomalies[0].offset, offset);
    EXPECT_TRUE(bench.has("malformed"));
  }
}

TEST(Rdp, blocks_and_channels_are_bounded) {
  for (const unsigned count : {30u, 31u, 32u}) {
    Octets block = joined({{0x03, 0xC0}, Octets(2), {static_cast<std::uint8_t>(count), 0, 0, 0}});
    for (unsigned i = 0; i < count; ++i) block = joined({block, octets("channel0"), Octets(4)});
    block[2] = static_cast<std::uint8_t>(block.size());
    block[3] = static_cast<std::uint8_t>(block.size() >> 8);
    Bench bench;
    bench.ask(connect_request(joined({core_block(), block})));
    EXPECT_EQ(bench.sink.anomalies.size(), count > channels_max ? 1u : 0u) << count;
  }
  Octets many = {};
  for (unsigned i = 0; i <= blocks_max; ++i) many = joined({many, bytes_of("04C00400")});
  Bench bench;
  bench.ask(connect_request(joined({many, core_block()})));
  EXPECT_FALSE(bench.has("client"));
}

TEST(RdpProbe, the_port_helps_and_the_cookie_is_enough_elsewhere) {
  EXPECT_EQ(probe(Transport::stream, true, cookie_request()), Probe::mine);
  EXPECT_EQ(probe(Transport::stream, false, cookie_request()), Probe::mine);
  EXPECT_EQ(probe(Transport::stream, false, plain_confirm()), Probe::mine);
  EXPECT_EQ(probe(Transport::stream, true, connection(0xE0, {})), Probe::mine);
  EXPECT_EQ(probe(Transport::stream, false, connection(0xE0, {})), Probe::not_mine);
  // Siemens S7 over the same transport.
  EXPECT_EQ(probe(Transport::stream, false, bytes_of("03000016 11E00000000100 C1020100 C2020102 C0010A")),
            Probe::not_mine);
  EXPECT_EQ(probe(Transport::datagram, true, cookie_request()), Probe::not_mine);
  const Octets whole = cookie_request();
  for (std::size_t size = 1; size < whole.size(); ++size)
    EXPECT_NE(probe(Transport::stream, false, Bytes(whole).first(size)), Probe::not_mine) << size;
}

TEST(Rdp, counters_name_every_kind) {
  EXPECT_EQ(message_type_name(0), "initial_request");
  EXPECT_EQ(message_type_name(4), "other");
  EXPECT_EQ(message_type_name(5), "");
}

}  // namespace
}  // namespace tsujiban::rdp
