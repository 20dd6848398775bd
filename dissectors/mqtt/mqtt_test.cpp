#include <gtest/gtest.h>

#include "dissectors/mqtt/mqtt_test_support.h"
#include "output/privacy.h"

namespace tsujiban::mqtt {
namespace {

using testing::Bench;
using testing::bytes_of;
using testing::connack;
using testing::connack_5;
using testing::connect;
using testing::connect_5;
using testing::joined;
using testing::Octets;
using testing::octets;
using testing::packet;
using testing::publish;
using testing::publish_with_id;
using testing::subscribe;
using testing::text;
using testing::ToldAnomaly;

// What a packet of the client's says on an introduced connection of 3.1.1, and its anomalies.
std::string record_of(const Octets& bytes, std::vector<ToldAnomaly>* anomalies = nullptr, bool v5 = false) {
  Bench bench;
  bench.ask(v5 ? connect_5() : connect());
  bench.answer(v5 ? connack_5() : connack());
  bench.sink.records.clear();
  EXPECT_TRUE(bench.sink.anomalies.empty());
  bench.ask(bytes);
  bench.finish();
  EXPECT_EQ(bench.sink.records.size(), 1u);
  if (anomalies != nullptr) *anomalies = bench.sink.anomalies;
  return bench.last();
}
ToldAnomaly anomaly_of(const Octets& bytes, bool v5 = false) {
  std::vector<ToldAnomaly> anomalies;
  const std::string record = record_of(bytes, &anomalies, v5);
  EXPECT_LE(anomalies.size(), 1u) << record;
  EXPECT_EQ(record.find("\"malformed\"") != std::string::npos, !anomalies.empty()) << record;
  return anomalies.empty() ? ToldAnomaly{ParseError::none, 0} : anomalies[0];
}
constexpr ToldAnomaly fine{ParseError::none, 0};

TEST(MqttRecord, a_connection_is_one_record_in_suricatas_shape_and_never_has_the_password) {
  Bench bench;
  bench.ask(connect());
  EXPECT_TRUE(bench.sink.records.empty());
  bench.answer(connack());
  ASSERT_EQ(bench.sink.records.size(), 1u);
  EXPECT_EQ(bench.last(),
            R"({"connect":{"qos":0,"retain":false,"dup":false,"protocol_string":"MQTT","protocol_version":4,)"
            R"("client_id":"meter-1","flags":{"username":true,"password":true,"will_retain":false,"will":false,)"
            R"("clean_session":true},"keep_alive":60,"username":"user"},"connack":{"qos":0,"retain":false,"dup":false,)"
            R"("session_present":false,"return_code":0}})");
  EXPECT_EQ(bench.sink.source, Bench::client);
  EXPECT_TRUE(bench.sink.anomalies.empty());
}

TEST(MqttRecord, a_will_has_topic_and_message) {
  Bench bench;
  bench.ask(packet(0x10, joined({text("MQIsdp"), bytes_of("03 2E 003C"), text("c"), text("last/words"), text("bye")})));
  bench.finish();
  EXPECT_TRUE(bench.has(R"("will":{"topic":"last/words","message":"bye","message_bytes":3,"qos":1})"));
  EXPECT_TRUE(bench.has(R"("will_retain":true,"will":true)"));
  EXPECT_TRUE(bench.sink.anomalies.empty());
}

TEST(MqttRecord, a_publication_without_acknowledgement_is_told_at_once) {
  Bench bench;
  bench.introduce();
  bench.answer(publish("home/power", "42"));
  EXPECT_EQ(bench.last(), R"({"publish":{"qos":0,"retain":false,"dup":false,"topic":"home/power","message":"42",)"
                          R"("message_bytes":2}})");
  EXPECT_EQ(bench.sink.source, Bench::server);
}

TEST(MqttRecord, the_four_packets_of_quality_2_are_one_record) {
  Bench bench;
  bench.introduce();
  bench.ask(publish_with_id(2, 1, "a", "x"));
  bench.answer(bytes_of("50 02 0001"));
  bench.ask(bytes_of("62 02 0001"));
  EXPECT_TRUE(bench.sink.records.empty());
  bench.answer(bytes_of("70 02 0001"));
  EXPECT_EQ(
      bench.last(),
      R"({"publish":{"qos":2,"retain":false,"dup":false,"topic":"a","message_id":1,"message":"x","message_bytes":1},)"
      R"("pubrec":{"qos":0,"retain":false,"dup":false,"message_id":1},)"
      R"("pubrel":{"qos":1,"retain":false,"dup":false,"message_id":1},)"
      R"("pubcomp":{"qos":0,"retain":false,"dup":false,"message_id":1}})");
  EXPECT_EQ(bench.sink.source, Bench::client);
  EXPECT_TRUE(bench.sink.anomalies.empty());
}

TEST(MqttRecord, subscriptions_have_their_filters_and_what_was_granted) {
  Bench bench;
  bench.introduce();
  bench.ask(packet(0x82, joined({bytes_of("0007"), text("a/#"), bytes_of("01"), text("b/+/c"), bytes_of("02")})));
  bench.answer(bytes_of("90 04 0007 01 80"));
  EXPECT_EQ(bench.last(),
            R"({"subscribe":{"qos":1,"retain":false,"dup":false,"message_id":7,"topics":[{"topic":"a/#","qos":1},)"
            R"({"topic":"b/+/c","qos":2}]},"suback":{"qos":0,"retain":false,"dup":false,"message_id":7,)"
            R"("qos_granted":[1,128]}})");
  bench.ask(packet(0xA2, joined({bytes_of("0008"), text("a/#")})));
  bench.answer(bytes_of("B0 02 0008"));
  EXPECT_EQ(bench.last(), R"({"unsubscribe":{"qos":1,"retain":false,"dup":false,"message_id":8,"topics":["a/#"]},)"
                          R"("unsuback":{"qos":0,"retain":false,"dup":false,"message_id":8}})");
  EXPECT_TRUE(bench.sink.anomalies.empty());
}

TEST(MqttRecord, the_vectors_of_a_capture_read_as_they_should) {
  Bench bench;
  bench.introduce();
  bench.ask(bytes_of("82100001000b53616d706c65546f70696300"));
  bench.answer(bytes_of("9003000100"));
  EXPECT_TRUE(bench.has(R"("topics":[{"topic":"SampleTopic","qos":0}])"));
  bench.answer(joined({bytes_of("3130000b53616d706c65546f706963"), octets("Hello from the Paho blocking client")}));
  EXPECT_TRUE(bench.has(R"("retain":true,"dup":false,"topic":"SampleTopic","message":"Hello from the Paho blocking)"));
}

TEST(MqttRecord, properties_have_suricatas_names_and_user_properties_their_own) {
  const Octets properties = joined({bytes_of("11 0000022B 21 00DE"), bytes_of("26"), text("zone"), text("3"),
                                    bytes_of("26"), text("zone"), text("4"), bytes_of("26"), text("receive_maximum"),
                                    text("5"), bytes_of("15"), text("SCRAM"), bytes_of("16"), text("proof")});
  Bench bench;
  bench.ask(connect_5(properties));
  bench.finish();
  EXPECT_TRUE(bench.has(R"("properties":{"session_expiry_interval":555,"receive_maximum":222,"zone":"3",)"
                        R"("authentication_method":"SCRAM","authentication_data_bytes":5,)"
                        R"("user_properties":[{"name":"zone","value":"4"},{"name":"receive_maximum","value":"5"}]})"))
      << bench.last();
  EXPECT_TRUE(bench.sink.anomalies.empty());
}

TEST(MqttRecord, version_5_has_reasons_and_options) {
  EXPECT_NE(record_of(bytes_of("E0 00"), nullptr, true).find("\"reason_code\":0"), std::string::npos);
  EXPECT_NE(record_of(bytes_of("E0 01 04"), nullptr, true).find("\"reason_code\":4"), std::string::npos);
  EXPECT_NE(record_of(bytes_of("F0 02 18 00"), nullptr, true)
                .find(R"("auth":{"qos":0,"retain":false,"dup":false,"reason_code":24})"),
            std::string::npos);
  const std::string record =
      record_of(packet(0x82, joined({bytes_of("0007 00"), text("a"), bytes_of("2D")})), nullptr, true);
  EXPECT_NE(record.find(R"({"topic":"a","qos":1,"no_local":true,"retain_as_published":true,"retain_handling":2})"),
            std::string::npos)
      << record;
}

TEST(MqttRecord, with_a_mask_neither_payloads_nor_users_stand_in_it) {
  const output::Mask mask(true, {});
  Bench bench;
  bench.sink.set_mask(&mask);
  bench.ask(packet(0x10, joined({text("MQTT"), bytes_of("04 C6 003C"), text("c"), text("w"), text("farewell"),
                                 text("tanaka"), text("secret")})));
  bench.answer(connack());
  EXPECT_EQ(bench.last().find("farewell"), std::string::npos);
  EXPECT_EQ(bench.last().find("tanaka"), std::string::npos);
  EXPECT_TRUE(bench.has("\"message_bytes\":8"));
  EXPECT_TRUE(bench.has("\"username\":\"masked\""));
  bench.ask(publish("home/power", "4200 W"));
  EXPECT_EQ(bench.last().find("4200"), std::string::npos);
  EXPECT_TRUE(bench.has(R"("topic":"masked/masked","message_bytes":6)"));
}

TEST(MqttRecord, with_a_mask_names_of_clients_and_levels_of_topics_are_pseudonyms) {
  const std::vector<std::uint8_t> key(16, 9);
  const output::Mask mask(true, key);
  Bench bench;
  bench.sink.set_mask(&mask);
  bench.ask(packet(
      0x10, joined({text("MQTT"), bytes_of("04 06 003C"), text("meter-4711"), text("home/tanaka/lwt"), text("gone")})));
  bench.answer(connack());
  const std::string connect = bench.last();
  for (const char* plain : {"meter-4711", "tanaka", "lwt", "gone", "home"})
    EXPECT_EQ(connect.find(plain), std::string::npos) << connect;
  const auto pseudonym = [&](std::string_view of) {
    return std::string(mask.of({reinterpret_cast<const std::uint8_t*>(of.data()), of.size()}).view());
  };
  EXPECT_NE(connect.find("\"client_id\":\"" + pseudonym("meter-4711") + "\""), std::string::npos);
  const std::string home = pseudonym("home"), tanaka = pseudonym("tanaka");
  EXPECT_NE(connect.find("\"topic\":\"" + home + '/' + tanaka + '/' + pseudonym("lwt") + "\""), std::string::npos);
  bench.ask(publish("home/tanaka//power", "1"));
  EXPECT_TRUE(bench.has("\"topic\":\"" + home + '/' + tanaka + "//" + pseudonym("power") + "\""));
  bench.ask(publish("$SYS/broker/uptime", "1"));
  EXPECT_TRUE(bench.has("\"topic\":\"$SYS/broker/uptime\""));
  bench.ask(packet(0x82, joined({bytes_of("0007"), text("home/+/#"), bytes_of("00")})));
  bench.answer(packet(0x90, bytes_of("0007 00")));
  EXPECT_TRUE(bench.has("{\"topic\":\"" + home + "/+/#\",\"qos\":0}")) << bench.last();
  // What has more levels than are masked one by one ends in one for the rest.
  std::string deep = "a";
  for (int i = 0; i < 60; ++i) deep += "/b";
  bench.ask(publish(deep, "1"));
  const std::string last = bench.last();
  EXPECT_EQ(std::count(last.begin(), last.end(), '/'), 15) << last;
}

TEST(MqttRecord, long_texts_and_payloads_are_cut_and_say_how_long_they_were) {
  const std::string topic(65535, 't'), payload(3000, 'p');
  Bench bench;
  bench.introduce();
  bench.ask(publish(topic, payload));
  ASSERT_EQ(bench.sink.records.size(), 1u);
  EXPECT_TRUE(bench.has("\"topic\":\"" + topic.substr(0, text_written_max) + "\","));
  EXPECT_TRUE(bench.has("\"message\":\"" + payload.substr(0, text_written_max) + "\",\"message_bytes\":3000"));
  EXPECT_FALSE(bench.stream.bad_progress);
}

TEST(MqttAnomaly, connect) {
  const auto told = [](const Octets& body) {
    Bench bench;
    bench.ask(packet(0x10, body));
    return bench.sink.anomalies.empty() ? fine : bench.sink.anomalies[0];
  };
  const Octets client = text("c");
  EXPECT_EQ(told(joined({text("MQTT"), bytes_of("04 02 0000"), client})), fine);
  EXPECT_EQ(told(joined({text("MQTT"), bytes_of("84 02 0000"), client})), fine);  // A bridge.
  EXPECT_EQ(told(joined({text("MQTT"), bytes_of("03 02 0000"), client})), (ToldAnomaly{ParseError::bad_version, 2}));
  EXPECT_EQ(told(joined({text("MQTT"), bytes_of("04 03 0000"), client})), (ToldAnomaly{ParseError::mqtt_bad_flags, 9}));
  EXPECT_EQ(told(joined({text("MQTT"), bytes_of("04 0A 0000"), client})), (ToldAnomaly{ParseError::mqtt_bad_flags, 9}));
  EXPECT_EQ(told(joined({text("MQTT"), bytes_of("04 42 0000"), client, text("p")})),
            (ToldAnomaly{ParseError::mqtt_bad_flags, 9}));
  EXPECT_EQ(told(joined({text("MQTT"), bytes_of("04 1E 0000"), client, text("t"), text("m")})),
            (ToldAnomaly{ParseError::mqtt_bad_qos, 9}));
  EXPECT_EQ(told(joined({text("MQTT"), bytes_of("04 06 0000"), client, text("t/#"), text("m")})),
            (ToldAnomaly{ParseError::mqtt_bad_topic, 15}));
  EXPECT_EQ(told(joined({text("MQTT"), bytes_of("04 02 0000"), bytes_of("0001 FF")})),
            (ToldAnomaly{ParseError::mqtt_bad_string, 12}));
  EXPECT_EQ(told(joined({text("MQTT"), bytes_of("04 02 0000"), bytes_of("0005 63")})),
            (ToldAnomaly{ParseError::truncated, 12}));
  EXPECT_EQ(told(joined({text("MQTT"), bytes_of("04 02 0000"), client, bytes_of("00")})),
            (ToldAnomaly{ParseError::trailing_bytes, 15}));
  EXPECT_EQ(told(joined({text("MQTT"), bytes_of("05 42 0000 00"), client, text("p")})), fine);  // Version 5 allows it.
}

TEST(MqttAnomaly, publish) {
  EXPECT_EQ(anomaly_of(publish("a/b", "")), fine);
  EXPECT_EQ(anomaly_of(publish("a/#", "x")), (ToldAnomaly{ParseError::mqtt_bad_topic, 2}));
  EXPECT_EQ(anomaly_of(publish("", "x")), (ToldAnomaly{ParseError::mqtt_bad_topic, 2}));
  EXPECT_EQ(anomaly_of(publish_with_id(3, 1, "a", "x")), (ToldAnomaly{ParseError::mqtt_bad_qos, 0}));
  EXPECT_EQ(anomaly_of(publish_with_id(1, 0, "a", "x")), (ToldAnomaly{ParseError::mqtt_bad_packet_id, 5}));
  EXPECT_EQ(anomaly_of(packet(0x38, joined({text("a"), octets("x")}))), (ToldAnomaly{ParseError::mqtt_bad_flags, 0}));
  EXPECT_EQ(anomaly_of(bytes_of("30 03 0005 61")), (ToldAnomaly{ParseError::truncated, 2}));
  EXPECT_EQ(anomaly_of(bytes_of("30 01 00")), (ToldAnomaly{ParseError::truncated, 3}));
  EXPECT_EQ(anomaly_of(bytes_of("32 03 0001 61")), (ToldAnomaly{ParseError::truncated, 5}));
  EXPECT_EQ(anomaly_of(bytes_of("30 05 0003 6100 62")), (ToldAnomaly{ParseError::mqtt_bad_string, 2}));
}

TEST(MqttAnomaly, properties) {
  const auto told = [](std::string_view block) {
    const Octets properties = bytes_of(block);
    return anomaly_of(packet(0x30, joined({text("a"), Octets{static_cast<std::uint8_t>(properties.size())}, properties,
                                           octets("x")})),
                      true);
  };
  EXPECT_EQ(told(""), fine);
  EXPECT_EQ(told("01 01"), fine);
  EXPECT_EQ(told("01 90"), (ToldAnomaly{ParseError::bad_value, 7}));
  EXPECT_EQ(told("01 01 01 01"), (ToldAnomaly{ParseError::mqtt_bad_property, 8}));
  EXPECT_EQ(told("0B 01 0B 02"), fine);  // Several subscriptions.
  EXPECT_EQ(told("23 0000"), (ToldAnomaly{ParseError::bad_value, 7}));
  EXPECT_EQ(told("11 00000001"), (ToldAnomaly{ParseError::mqtt_bad_property, 6}));  // A session's, not a message's.
  EXPECT_EQ(told("04 00"), (ToldAnomaly{ParseError::mqtt_bad_property, 6}));
  EXPECT_EQ(told("01"), (ToldAnomaly{ParseError::truncated, 6}));
  EXPECT_EQ(told("03 0002 41"), (ToldAnomaly{ParseError::truncated, 6}));
  EXPECT_EQ(told("03 0001 FF"), (ToldAnomaly{ParseError::mqtt_bad_string, 7}));
  EXPECT_EQ(anomaly_of(bytes_of("30 05 0001 61 7F 78"), true), (ToldAnomaly{ParseError::mqtt_properties_too_long, 5}));
  EXPECT_EQ(anomaly_of(bytes_of("30 07 0001 61 FFFFFFFF"), true), (ToldAnomaly{ParseError::bad_length, 5}));
  EXPECT_EQ(anomaly_of(bytes_of("30 04 0001 61 80"), true), (ToldAnomaly{ParseError::truncated, 5}));
}

TEST(MqttAnomaly, the_other_packets) {
  EXPECT_EQ(anomaly_of(subscribe(1, "#", 0)), fine);
  EXPECT_EQ(anomaly_of(subscribe(1, "a/#/b", 0)), (ToldAnomaly{ParseError::mqtt_bad_topic, 4}));
  EXPECT_EQ(anomaly_of(subscribe(1, "a+", 0)), (ToldAnomaly{ParseError::mqtt_bad_topic, 4}));
  EXPECT_EQ(anomaly_of(subscribe(1, "a", 3)), (ToldAnomaly{ParseError::mqtt_bad_qos, 7}));
  EXPECT_EQ(anomaly_of(subscribe(1, "a", 4)), (ToldAnomaly{ParseError::mqtt_bad_flags, 7}));
  EXPECT_EQ(anomaly_of(subscribe(0, "a", 0)), (ToldAnomaly{ParseError::mqtt_bad_packet_id, 2}));
  EXPECT_EQ(anomaly_of(bytes_of("82 02 0001")), (ToldAnomaly{ParseError::bad_length, 4}));
  EXPECT_EQ(anomaly_of(bytes_of("82 05 0001 0001 61")), (ToldAnomaly{ParseError::truncated, 4}));
  EXPECT_EQ(anomaly_of(bytes_of("80 06 0001 0001 61 00")), (ToldAnomaly{ParseError::mqtt_bad_flags, 0}));
  EXPECT_EQ(anomaly_of(bytes_of("C0 00")), fine);
  EXPECT_EQ(anomaly_of(bytes_of("C1 00")), (ToldAnomaly{ParseError::mqtt_bad_flags, 0}));
  EXPECT_EQ(anomaly_of(bytes_of("C0 01 00")), (ToldAnomaly{ParseError::trailing_bytes, 2}));
  EXPECT_EQ(anomaly_of(bytes_of("E0 00")), fine);
  EXPECT_EQ(anomaly_of(bytes_of("00 02 0000")), (ToldAnomaly{ParseError::mqtt_bad_type, 0}));
  EXPECT_EQ(anomaly_of(bytes_of("F0 00")), (ToldAnomaly{ParseError::mqtt_bad_type, 0}));
  EXPECT_EQ(anomaly_of(bytes_of("F0 00"), true), fine);
}

TEST(MqttAnomaly, connections_that_go_another_way) {
  const auto told = [](const Bench& bench) { return bench.sink.anomalies; };
  Bench early;
  early.ask(connect());
  early.ask(publish("a", "x"));
  early.ask(publish("a", "y"));
  EXPECT_EQ(told(early), (std::vector<ToldAnomaly>{{ParseError::mqtt_unintroduced, 0}}));  // Once.
  Bench twice;
  twice.introduce();
  twice.ask(connect());
  EXPECT_EQ(told(twice), (std::vector<ToldAnomaly>{{ParseError::mqtt_double_connect, 0}}));
  Bench unsolicited;
  unsolicited.introduce();
  unsolicited.answer(bytes_of("40 02 0001"));
  EXPECT_EQ(told(unsolicited), (std::vector<ToldAnomaly>{{ParseError::mqtt_unsolicited, 0}}));
  EXPECT_EQ(unsolicited.sink.records.size(), 1u);
  Bench turned;
  turned.introduce();
  turned.answer(subscribe(1, "a"));
  EXPECT_EQ(told(turned), (std::vector<ToldAnomaly>{{ParseError::mqtt_wrong_direction, 0}}));
}

TEST(MqttProbe, knows_a_connect_anywhere_and_the_rest_by_the_port) {
  using dissect::Probe;
  const auto stream = [](const Octets& bytes, bool hint = false) {
    return probe(dissect::Transport::stream, hint, bytes);
  };
  EXPECT_EQ(stream(connect()), Probe::mine);
  EXPECT_EQ(stream(connect_5()), Probe::mine);
  const Octets whole = connect();
  for (std::size_t size = 0; size < 9; ++size)
    EXPECT_EQ(stream(Octets(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size))), Probe::unsure) << size;
  EXPECT_EQ(stream(connack()), Probe::not_mine);
  EXPECT_EQ(stream(connack(), true), Probe::mine);
  EXPECT_EQ(stream(publish("a", "x"), true), Probe::mine);
  EXPECT_EQ(stream(bytes_of("C000"), true), Probe::mine);
  EXPECT_EQ(stream(octets("GET / HTTP/1.1\r\n"), true), Probe::not_mine);
  EXPECT_EQ(stream(bytes_of("160301 0200"), true), Probe::not_mine);
  EXPECT_EQ(stream(packet(0x10, joined({text("MQTT"), bytes_of("09 02 0000"), text("client")}))), Probe::not_mine);
  EXPECT_EQ(probe(dissect::Transport::datagram, true, connect()), Probe::not_mine);
}

}  // namespace
}  // namespace tsujiban::mqtt
