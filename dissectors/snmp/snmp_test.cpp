#include <gtest/gtest.h>

#include "dissectors/snmp/snmp_test_support.h"

namespace tsujiban::snmp {
namespace {

using dissect::Probe;
using dissect::Transport;
using testing::Bench;
using testing::bytes_of;
using testing::Octets;

Octets tlv(std::uint8_t tag, std::initializer_list<Octets> parts) {
  Octets value;
  for (const Octets& part : parts) value.insert(value.end(), part.begin(), part.end());
  Octets bytes = {tag};
  if (value.size() < 128) {
    bytes.push_back(static_cast<std::uint8_t>(value.size()));
  } else {
    bytes.insert(bytes.end(),
                 {0x82, static_cast<std::uint8_t>(value.size() >> 8), static_cast<std::uint8_t>(value.size())});
  }
  bytes.insert(bytes.end(), value.begin(), value.end());
  return bytes;
}
Octets text(std::string_view value) { return tlv(0x04, {Octets(value.begin(), value.end())}); }
Octets number(std::uint8_t value) { return {0x02, 0x01, value}; }
Octets varbind(std::string_view oid = "2B06010201010500") {
  return tlv(0x30, {tlv(0x06, {bytes_of(oid)}), {0x05, 0x00}});
}
Octets pdu(std::uint8_t tag, std::initializer_list<Octets> varbinds, std::uint8_t status = 0, std::uint8_t index = 0) {
  Octets list;
  for (const Octets& one : varbinds) list.insert(list.end(), one.begin(), one.end());
  return tlv(tag, {number(7), number(status), number(index), tlv(0x30, {list})});
}
Octets message(std::uint8_t version, const Octets& body, std::string_view community = "secret-word") {
  return tlv(0x30, {number(version), text(community), body});
}
Octets v3(std::uint8_t flags, const Octets& body, std::string_view user = "operator-a") {
  const Octets usm = tlv(0x30, {text("engine"), number(1), number(2), text(user), text(""), text("")});
  return tlv(0x30, {number(3), tlv(0x30, {number(9), {0x02, 0x02, 0x05, 0xC0}, tlv(0x04, {{flags}}), number(3)}),
                    tlv(0x04, {usm}), body});
}
Octets scoped(const Octets& inner) { return tlv(0x30, {text("engine"), text(""), inner}); }

TEST(Snmp, a_get_and_its_refusal_are_recorded_and_the_community_never) {
  Bench bench;
  bench.give(message(0, pdu(tag::get_request, {varbind()})));
  EXPECT_EQ(bench.last(), R"({"version":1,"pdu_type":"get_request","request_id":7,"vars":["1.3.6.1.2.1.1.5.0"],)"
                          R"("varbinds":1,"community_present":true})");
  bench.give(message(0, pdu(tag::response, {varbind()}, 2, 1)));
  EXPECT_EQ(bench.last(), R"({"version":1,"pdu_type":"response","error":"NoSuchName","error_status":2,"error_index":1,)"
                          R"("request_id":7,"vars":["1.3.6.1.2.1.1.5.0"],"varbinds":1,"community_present":true})");
  bench.give(message(1, pdu(tag::get_bulk_request, {varbind()}, 0, 10), ""));
  EXPECT_EQ(bench.last(), R"({"version":2,"pdu_type":"get_bulk_request","non_repeaters":0,"max_repetitions":10,)"
                          R"("request_id":7,"vars":["1.3.6.1.2.1.1.5.0"],"varbinds":1,"community_present":false})");
  for (const std::string& record : bench.sink.records) EXPECT_EQ(record.find("secret-word"), std::string::npos);
  EXPECT_TRUE(bench.sink.anomalies.empty());
}

TEST(Snmp, a_trap_of_version_one_is_recorded) {
  Bench bench;
  bench.give(message(
      0, tlv(tag::trap_v1, {tlv(0x06, {bytes_of("2B0601040101")}), tlv(tag::ip_address, {{127, 0, 0, 1}}), number(6),
                            number(9), tlv(tag::time_ticks, {{0x12, 0x34}}), tlv(0x30, {varbind()})})));
  EXPECT_EQ(bench.last(), R"({"version":1,"pdu_type":"trap_v1","trap_type":"enterpriseSpecific","trap_specific":9,)"
                          R"("trap_oid":"1.3.6.1.4.1.1","trap_address":"127.0.0.1","vars":["1.3.6.1.2.1.1.5.0"],)"
                          R"("varbinds":1,"community_present":true})");
  EXPECT_TRUE(bench.sink.anomalies.empty());
}

TEST(Snmp, version_three_tells_that_a_user_is_there_and_not_who) {
  Bench bench;
  bench.give(v3(1, scoped(pdu(tag::report, {varbind("2B060106030F01010400")}))));
  EXPECT_EQ(bench.last(), R"({"version":3,"pdu_type":"report","request_id":7,"vars":["1.3.6.1.6.3.15.1.1.4.0"],)"
                          R"("varbinds":1,"security_level":"authNoPriv","security_model":3,"usm_present":true})");
  bench.give(v3(7, text("ciphertext"), ""));
  EXPECT_EQ(
      bench.last(),
      R"({"version":3,"pdu_type":"encrypted","security_level":"authPriv","security_model":3,"usm_present":false})");
  for (const std::string& record : bench.sink.records) EXPECT_EQ(record.find("operator-a"), std::string::npos);
  EXPECT_TRUE(bench.sink.anomalies.empty());
  bench.give(v3(2, text("ciphertext")));
  ASSERT_EQ(bench.sink.anomalies.size(), 1u);
  EXPECT_EQ(bench.sink.anomalies[0].error, ParseError::bad_value);
}

TEST(Snmp, every_prefix_is_safe_and_malformed) {
  for (const Octets& whole :
       {message(0, pdu(tag::get_request, {varbind(), varbind()})), v3(1, scoped(pdu(tag::report, {varbind()})))}) {
    for (std::size_t size = 0; size < whole.size(); ++size) {
      Bench bench;
      bench.give(Bytes(whole).first(size));
      EXPECT_EQ(bench.sink.anomalies.size(), 1u) << size;
      bench.give(whole);
      EXPECT_EQ(bench.sink.anomalies.size(), 1u) << size;
    }
  }
}

TEST(Snmp, mutations_do_no_harm) {
  const Octets whole = v3(1, scoped(pdu(tag::report, {varbind(), varbind()})));
  for (std::size_t at = 0; at < whole.size(); ++at) {
    for (const unsigned value : {0x00u, 0x30u, 0x7Fu, 0x80u, 0x84u, 0xFFu}) {
      Bench bench;
      Octets bytes = whole;
      bytes[at] = static_cast<std::uint8_t>(value);
      bench.give(bytes);
      EXPECT_FALSE(bench.sink.overflowed);
      EXPECT_EQ(bench.sink.records.size(), 1u);
    }
  }
}

TEST(Snmp, lengths_that_lie_are_told_where_they_stand) {
  Bench bench;
  // A length of the largest kind, an indefinite one, one of five bytes, and a tag of several bytes.
  for (const auto& [hex, error] : std::initializer_list<std::pair<std::string_view, ParseError>>{
           {"30 84FFFFFFFF 020100", ParseError::bad_length},
           {"30 80 020100 0000", ParseError::snmp_bad_ber},
           {"30 850000000003 020100", ParseError::snmp_bad_ber},
           {"3F 03 020100", ParseError::snmp_bad_ber},
           {"30 82", ParseError::truncated}}) {
    bench.give(bytes_of(hex));
    ASSERT_FALSE(bench.sink.anomalies.empty());
    EXPECT_EQ(bench.sink.anomalies.back().error, error) << hex;
    EXPECT_EQ(bench.sink.anomalies.back().offset, 0u) << hex;
  }
  // A variable's length that reaches beyond its list, though not beyond the datagram.
  Octets bytes = message(0, pdu(tag::get_request, {varbind()}));
  bytes[bytes.size() - 14 + 1] += 1;
  bench.give(bytes);
  EXPECT_EQ(bench.sink.anomalies.back().error, ParseError::bad_length);
}

TEST(Snmp, a_tower_of_sequences_is_not_climbed) {
  Octets tower;
  for (unsigned left = 30'000; left > 4; left -= 4) {
    const std::uint16_t inside = static_cast<std::uint16_t>(left);
    tower.insert(tower.end(), {0x30, 0x82, static_cast<std::uint8_t>(inside >> 8), static_cast<std::uint8_t>(inside)});
  }
  Bench bench;
  bench.give(tower);
  EXPECT_EQ(bench.sink.anomalies.size(), 1u);
}

TEST(Snmp, variables_are_written_up_to_the_limit_and_all_counted) {
  for (const std::size_t count :
       {varbinds_written_max - 1, varbinds_written_max, varbinds_written_max + 1, std::size_t{3000}}) {
    Octets list;
    for (std::size_t i = 0; i < count; ++i) {
      const Octets one = varbind();
      list.insert(list.end(), one.begin(), one.end());
    }
    Bench bench;
    bench.give(message(1, tlv(tag::response, {number(7), number(0), number(0), tlv(0x30, {list})})));
    EXPECT_TRUE(bench.sink.anomalies.empty()) << count;
    EXPECT_NE(bench.last().find("\"varbinds\":" + std::to_string(count)), std::string::npos) << bench.last();
    std::size_t names = 0, at = 0;
    while ((at = bench.last().find("1.3.6.1.2.1.1.5.0", at)) != std::string::npos) ++names, ++at;
    EXPECT_EQ(names, std::min(count, varbinds_written_max));
  }
}

TEST(Snmp, object_ids_keep_to_their_limits) {
  EXPECT_TRUE(is_object_id(bytes_of("2B06")));
  EXPECT_FALSE(is_object_id({}));
  EXPECT_FALSE(is_object_id(bytes_of("2B86")));          // Ends within a part.
  EXPECT_FALSE(is_object_id(bytes_of("2B8001")));        // Not the shortest form.
  EXPECT_TRUE(is_object_id(bytes_of("2B8FFFFFFF7F")));   // 2^32 - 1.
  EXPECT_FALSE(is_object_id(bytes_of("2B9080808000")));  // 2^32.
  EXPECT_TRUE(is_object_id(Octets(127, 1)));
  EXPECT_FALSE(is_object_id(Octets(128, 1)));
  Bench bench;
  bench.give(message(0, pdu(tag::get_request, {varbind("2B9080808000")})));
  ASSERT_EQ(bench.sink.anomalies.size(), 1u);
  EXPECT_EQ(bench.sink.anomalies[0].error, ParseError::snmp_bad_oid);
  bench.give(message(0, pdu(tag::get_request, {varbind("8837")})));
  EXPECT_NE(bench.last().find("\"2.999\""), std::string::npos);
}

TEST(Snmp, pdus_of_another_version_are_malformed) {
  Bench bench;
  bench.give(message(0, pdu(tag::get_bulk_request, {varbind()})));
  bench.give(message(1, pdu(0xA9, {varbind()})));
  bench.give(message(1, pdu(tag::trap_v1, {varbind()})));
  ASSERT_EQ(bench.sink.anomalies.size(), 3u);
  for (const auto& anomaly : bench.sink.anomalies) EXPECT_EQ(anomaly.error, ParseError::snmp_bad_pdu);
  bench.give(message(2, pdu(tag::get_request, {varbind()})));
  EXPECT_EQ(bench.sink.anomalies.back().error, ParseError::bad_version);
  Octets longer = message(1, pdu(tag::get_request, {varbind()}));
  longer.push_back(0);
  bench.give(longer);
  EXPECT_EQ(bench.sink.anomalies.back().error, ParseError::trailing_bytes);
}

TEST(SnmpProbe, elsewhere_than_on_its_ports_a_message_must_be_whole) {
  const Octets whole = message(1, pdu(tag::get_request, {varbind()}));
  EXPECT_EQ(probe(Transport::datagram, false, whole), Probe::mine);
  EXPECT_EQ(probe(Transport::datagram, true, Bytes(whole).first(whole.size() - 1)), Probe::not_mine);
  Octets broken = whole;
  broken[broken.size() - 14 + 1] += 1;
  EXPECT_EQ(probe(Transport::datagram, true, broken), Probe::mine);
  EXPECT_EQ(probe(Transport::datagram, false, broken), Probe::not_mine);
  EXPECT_EQ(probe(Transport::stream, true, whole), Probe::not_mine);
  EXPECT_EQ(probe(Transport::datagram, true, bytes_of("30 06 020105 040130")), Probe::not_mine);
}

TEST(Snmp, counters_name_every_kind) {
  EXPECT_EQ(message_type_name(0), "get_request");
  EXPECT_EQ(message_type_name(10), "unknown");
  EXPECT_EQ(message_type_name(11), "");
}

}  // namespace
}  // namespace tsujiban::snmp
