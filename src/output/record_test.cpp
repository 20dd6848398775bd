#include <gtest/gtest.h>
#include <openssl/crypto.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <set>
#include <string>

#include "model/packet.h"
#include "output/alert_json.h"
#include "output/community_id.h"
#include "output/detector_messages.h"
#include "output/digest.h"
#include "output/envelope.h"
#include "output/record_json.h"

namespace tsujiban::output {
namespace {

// OpenSSL's allocations are counted too; the hook must be in place before its first one.
std::atomic<std::uint64_t> openssl_allocations{0};
void* counted_malloc(std::size_t size, const char*, int) { return openssl_allocations.fetch_add(1), std::malloc(size); }
void* counted_realloc(void* at, std::size_t size, const char*, int) {
  return openssl_allocations.fetch_add(1), std::realloc(at, size);
}
void counted_free(void* at, const char*, int) { std::free(at); }
const int hooked = CRYPTO_set_mem_functions(counted_malloc, counted_realloc, counted_free);

IpAddress ip(std::string_view text) {
  IpAddress address;
  EXPECT_TRUE(parse_ip(text, address)) << text;
  return address;
}

constexpr std::int64_t november_ns = 1795132800'123456000;  // 2026-11-20T09:00:00.123456+0900.

// One line of JSON, made by `write` inside an object.
template <class Write>
std::string line_of(Write write) {
  static char buffer[65536];
  JsonWriter json(buffer, sizeof buffer);
  json.begin_object();
  write(json);
  json.end_object();
  EXPECT_FALSE(json.overflowed());
  return std::string(json.text());
}

Envelope udp_envelope() {
  Envelope e;
  e.time = {november_ns};
  e.flow_id = 1234567890123;
  e.pcap_cnt = 17;
  e.type = EventType::alert;
  e.network = Envelope::Network::ip;
  e.protocol = 17;
  e.has_ports = true;
  e.source = ip("192.168.1.2"), e.destination = ip("192.168.1.20");
  e.source_port = 50000, e.destination_port = 3610;
  e.app_protocol = AppProtocol::echonet_lite;
  e.segment.push_vlan(30), e.segment.push_vlan(112);
  e.host = "sensor-1", e.pcap_filename = "day.pcap", e.segment_name = "han-12";
  e.community_id = "1:d/FP5EW3wiY1vCndhwleRRKHowQ=";
  return e;
}

std::string envelope_text(const Envelope& e) {
  TimestampWriter tokyo("Asia/Tokyo");
  return line_of([&](JsonWriter& json) { write_envelope(json, tokyo, e); });
}

TEST(Envelope, has_suricatas_members_in_suricatas_order) {
  EXPECT_EQ(
      envelope_text(udp_envelope()),
      R"({"timestamp":"2026-11-20T09:00:00.123456+0900","flow_id":1234567890123,"pcap_cnt":17,"event_type":"alert","vlan":[30,112],)"
      R"("src_ip":"192.168.1.2","src_port":50000,"dest_ip":"192.168.1.20","dest_port":3610,"proto":"UDP","app_proto":"echonet_lite",)"
      R"("community_id":"1:d/FP5EW3wiY1vCndhwleRRKHowQ=","host":"sensor-1","pcap_filename":"day.pcap","segment":"han-12"})");
}

TEST(Envelope, icmp_has_type_and_code_and_no_ports) {
  Envelope e;
  e.time = {0}, e.type = EventType::flow, e.network = Envelope::Network::ip, e.protocol = 58, e.has_ports = true;
  e.source = ip("fe80::1"), e.destination = ip("ff02::2"), e.source_port = 133;
  EXPECT_EQ(
      envelope_text(e),
      R"({"timestamp":"1970-01-01T09:00:00.000000+0900","event_type":"flow","src_ip":"fe80::1","dest_ip":"ff02::2",)"
      R"("proto":"IPv6-ICMP","icmp_type":133,"icmp_code":0})");
}

TEST(Envelope, without_a_transport_header_there_are_no_ports_and_unknown_protocols_are_numbers) {
  Envelope e;
  e.time = {0}, e.type = EventType::anomaly, e.network = Envelope::Network::ip, e.protocol = 3;
  e.source = ip("10.0.0.1"), e.destination = ip("10.0.0.2");
  EXPECT_EQ(
      envelope_text(e),
      R"({"timestamp":"1970-01-01T09:00:00.000000+0900","event_type":"anomaly","src_ip":"10.0.0.1","dest_ip":"10.0.0.2","proto":"003"})");
}

TEST(Envelope, a_sensor_event_has_no_addresses) {
  Envelope e;
  e.type = EventType::stats, e.host = "s\"1\n";
  EXPECT_EQ(envelope_text(e),
            R"({"timestamp":"1970-01-01T09:00:00.000000+0900","event_type":"stats","host":"s\"1\n"})");
}

TEST(Envelope, a_virtual_network_and_a_pan_are_told) {
  Envelope e;
  e.type = EventType::stats, e.segment = SegmentKey::vni(5000);
  EXPECT_NE(envelope_text(e).find(R"("vni":5000)"), std::string::npos);
  e.segment = SegmentKey::pan(0x1234);
  EXPECT_NE(envelope_text(e).find(R"("pan_id":4660)"), std::string::npos);
}

TEST(Envelope, the_longest_one_stays_within_its_bound) {
  Envelope e = udp_envelope();
  e.flow_id = flow_id_end - 1, e.pcap_cnt = UINT64_MAX, e.segment = SegmentKey::vni(0xffffff);
  for (unsigned id = 4095; id > 4092; --id) e.segment.push_vlan(static_cast<std::uint16_t>(id));
  e.source = e.destination = ip("2001:db8:1111:2222:3333:4444:5555:6666");
  e.host = e.pcap_filename = e.segment_name = {};
  EXPECT_LT(envelope_text(e).size(), envelope_bytes_max);
}

// The vectors of the specification (corelight/community-id-spec, baseline), seed 0.
TEST(CommunityId, has_the_values_of_the_specification_in_both_directions) {
  struct Row {
    const char *source, *destination;
    std::uint16_t source_port, destination_port;
    std::uint8_t protocol;
    const char* expected;
  };
  const Row rows[] = {
      {"128.232.110.120", "66.35.250.204", 34855, 80, 6, "1:LQU9qZlK+B5F3KDmev6m5PMibrg="},
      {"192.168.1.52", "8.8.8.8", 54585, 53, 17, "1:d/FP5EW3wiY1vCndhwleRRKHowQ="},
      {"192.168.170.8", "192.168.170.56", 7, 7, 132, "1:MP2EtRCAUIZvTw6MxJHLV7N7JDs="},
      {"2001:470:e5bf:dead:4957:2174:e82c:4887", "2607:f8b0:400c:c03::1a", 63943, 25, 6,
       "1:/qFaeAR+gFe1KYjMzVDsMv+wgU4="},
      {"10.1.12.1", "10.1.12.2", 0, 0, 46, "1:KHlLkgoJW7ifUTyTSgyVfkFHzKw="},
  };
  char text[community_id_text_size];
  for (const Row& r : rows) {
    EXPECT_EQ(write_community_id(ip(r.source), ip(r.destination), r.source_port, r.destination_port, r.protocol,
                                 r.protocol != 46, text),
              r.expected);
    EXPECT_EQ(write_community_id(ip(r.destination), ip(r.source), r.destination_port, r.source_port, r.protocol,
                                 r.protocol != 46, text),
              r.expected);
  }
}

TEST(CommunityId, an_icmp_question_and_its_answer_share_one_and_a_one_way_message_has_its_own) {
  char text[community_id_text_size];
  EXPECT_EQ(write_community_id(ip("192.168.0.89"), ip("192.168.0.1"), 8, 0, 1, true, text),
            "1:X0snYXpgwiv9TZtqg64sgzUn6Dk=");
  EXPECT_EQ(write_community_id(ip("192.168.0.1"), ip("192.168.0.89"), 0, 0, 1, true, text),
            "1:X0snYXpgwiv9TZtqg64sgzUn6Dk=");
  EXPECT_EQ(write_community_id(ip("10.0.0.1"), ip("10.0.0.2"), 11, 0, 1, true, text), "1:YHxtAirCG//0OzkcVAukqKQN9xM=");
  EXPECT_NE(write_community_id(ip("10.0.0.2"), ip("10.0.0.1"), 11, 0, 1, true, text), "1:YHxtAirCG//0OzkcVAukqKQN9xM=");
  EXPECT_EQ(write_community_id(ip("fe80::200:86ff:fe05:80da"), ip("ff02::2"), 133, 0, 58, true, text),
            "1:hO+sN4H+MG5MY/8hIrXPqc4ZQz0=");
}

Alert peer_alert() {
  Alert a;
  a.detector = DetectorId::policy_peer_not_allowed;
  a.severity = Severity::high;
  a.interface = ErabInterface::R5;
  a.time = a.last_seen = {november_ns};
  a.first_seen = {november_ns - 5'000'000'000};
  a.source = ip("192.168.1.20"), a.destination = ip("203.0.113.9");
  a.source_port = 40000, a.destination_port = 443, a.protocol = 6;
  a.count = 1200;
  std::snprintf(a.why[0].data(), a.why[0].size(), "no allow entry names 203.0.113.9 \"tcp/443\"");
  return a;
}

TEST(CommunityId, and_alert_identity_make_openssl_allocate_nothing) {
  ASSERT_EQ(hooked, 1);
  const Alert alert = peer_alert();
  char text[community_id_text_size];
  const std::uint64_t before = openssl_allocations.load();
  for (int i = 0; i < 100; ++i) {
    write_community_id(alert.source, alert.destination, 1, 2, 6, true, text);
    alert_identity(alert);
  }
  EXPECT_EQ(openssl_allocations.load(), before);
}

// FIPS 180-4's example: "abc".
TEST(Digest, has_the_values_of_the_standard) {
  const std::uint8_t abc[] = {'a', 'b', 'c'};
  std::uint8_t short_one[sha1_size], long_one[sha256_size];
  sha1(abc, short_one);
  sha256(abc, long_one);
  EXPECT_EQ(load_be64(short_one), 0xa9993e364706816au);
  EXPECT_EQ(load_be64(long_one), 0xba7816bf8f01cfeau);
}

TEST(AlertIdentity, is_the_same_on_every_run) {
  // Changes of this number rename every alert that users have stored.
  EXPECT_EQ(alert_identity(peer_alert()), 14608874749735808991u);
}

TEST(AlertIdentity, an_update_keeps_the_name_and_every_part_of_the_content_counts) {
  const Alert base = peer_alert();
  Alert update = base;
  update.count = 5000, update.time = update.last_seen = {november_ns + 60'000'000'000}, update.why[0][0] = 'x',
  update.rule = 9;
  EXPECT_EQ(alert_identity(update), alert_identity(base));
  std::set<std::uint64_t> ids = {alert_identity(base)};
  auto changed = [&](auto change) {
    Alert a = base;
    change(a);
    return ids.insert(alert_identity(a)).second;
  };
  EXPECT_TRUE(changed([](Alert& a) { a.detector = DetectorId::signature; }));
  EXPECT_TRUE(changed([](Alert& a) { a.segment.push_vlan(1); }));
  EXPECT_TRUE(changed([](Alert& a) { a.source = ip("192.168.1.21"); }));
  EXPECT_TRUE(changed([](Alert& a) { a.destination = ip("::1"); }));
  EXPECT_TRUE(changed([](Alert& a) { a.destination_port = 444; }));
  EXPECT_TRUE(changed([](Alert& a) { a.merge_key = 1; }));
  EXPECT_TRUE(changed([](Alert& a) { a.signature_id = 1; }));
  EXPECT_TRUE(changed([](Alert& a) { a.first_seen.ns += 1; }));
}

TEST(AlertJson, has_suricatas_object_and_ours) {
  TimestampWriter tokyo("Asia/Tokyo");
  AlertNames names;
  names.id = 0x0123456789abcdef;
  names.source_asset = "battery-12", names.source_role = Role::device, names.destination_role = Role::unknown;
  EXPECT_EQ(
      line_of([&](JsonWriter& json) { write_alert(json, tokyo, peer_alert(), names); }),
      R"({"alert":{"action":"allowed","gid":100,"signature_id":1,"rev":1,"signature":"Communication with a peer that is not on the allow list",)"
      R"("category":"ERAB policy violation","severity":2,"metadata":{"detector":["policy.peer-not-allowed"],"erab_interface":["R5"]}},)"
      R"("tsujiban":{"id":"0123456789abcdef","detector":"policy.peer-not-allowed","erab_interface":"R5","clauses":["G3.6-cc","G3.6.5","G4.1.4-access"],)"
      R"("scenario":"supply-chain-malware","src":{"asset":"battery-12","role":"device"},"dest":{"role":"unknown"},)"
      R"("message_ja":"許可リストに登録されていない相手との通信を検知しました","why":["no allow entry names 203.0.113.9 \"tcp/443\""],)"
      R"("count":1200,"first_seen":"2026-11-20T08:59:55.123456+0900","last_seen":"2026-11-20T09:00:00.123456+0900"}})");
}

TEST(AlertJson, a_signature_tells_its_rule_in_both_languages) {
  TimestampWriter utc("UTC");
  Alert a = peer_alert();
  a.detector = DetectorId::signature, a.signature_gid = 1, a.signature_id = 2000001, a.signature_rev = 3,
  a.interface = ErabInterface::none;
  AlertNames names;
  names.signature = "TEST \"bad\" thing", names.category = "Misc Attack", names.power_at_risk_kw = 7200;
  const std::string text = line_of([&](JsonWriter& json) { write_alert(json, utc, a, names); });
  EXPECT_NE(
      text.find(R"("gid":1,"signature_id":2000001,"rev":3,"signature":"TEST \"bad\" thing","category":"Misc Attack")"),
      std::string::npos);
  EXPECT_NE(text.find(R"("message_ja":"シグネチャに一致する通信を検知しました：TEST \"bad\" thing")"),
            std::string::npos);
  EXPECT_NE(text.find(R"("power_at_risk_kw":7200)"), std::string::npos);
  EXPECT_EQ(text.find("erab_interface"), std::string::npos);
}

TEST(AlertJson, a_rule_message_that_is_cut_is_cut_between_characters) {
  TimestampWriter utc("UTC");
  Alert a = peer_alert();
  a.detector = DetectorId::signature;
  for (std::size_t lead = 0; lead < 4; ++lead) {
    std::string message(lead, 'a');
    while (message.size() < 600) message += "語";
    AlertNames names;
    names.signature = message;
    const std::string text = line_of([&](JsonWriter& json) { write_alert(json, utc, a, names); });
    EXPECT_EQ(text.find("\\ufffd"), std::string::npos) << lead;
  }
}

TEST(DetectorMessages, every_detector_that_exists_speaks_both_languages) {
  for (const DetectorInfo& info : detector_catalogue()) {
    const DetectorMessage m = message_of(info.id);
    EXPECT_FALSE(m.message.empty());
    EXPECT_FALSE(m.message_ja.empty());
    EXPECT_EQ(detector_message_exists(info.id), m.message_ja != info.name);
  }
}

FlowRecord tcp_flow() {
  FlowRecord f;
  f.packets_to_server = 12, f.packets_to_client = 10, f.bytes_to_server = 1500, f.bytes_to_client = 9000;
  f.start = {november_ns - 61'500'000'000}, f.end = {november_ns};
  f.state = FlowState::closed, f.reason = FlowEndReason::timeout, f.alerted = true, f.is_tcp = true;
  f.tcp_flags_to_server = 0x1a, f.tcp_flags_to_client = 0x1b, f.tcp_state = TcpStateName::closed,
  f.gap_bytes_to_client = 1460;
  return f;
}

TEST(FlowJson, has_suricatas_members) {
  TimestampWriter tokyo("Asia/Tokyo");
  EXPECT_EQ(
      line_of([&](JsonWriter& json) { write_flow(json, tokyo, tcp_flow()); }),
      R"({"flow":{"pkts_toserver":12,"pkts_toclient":10,"bytes_toserver":1500,"bytes_toclient":9000,"start":"2026-11-20T08:58:58.623456+0900",)"
      R"("end":"2026-11-20T09:00:00.123456+0900","age":61,"state":"closed","reason":"timeout","alerted":true},)"
      R"("tcp":{"tcp_flags":"1b","tcp_flags_ts":"1a","tcp_flags_tc":"1b","syn":true,"fin":true,"psh":true,"ack":true,"state":"closed","tc_gap":true,"tc_gap_bytes":1460}})");
}

TEST(FlowJson, time_that_ran_backwards_is_no_negative_age) {
  TimestampWriter utc("UTC");
  FlowRecord f;
  f.start = {5'000'000'000}, f.end = {1};
  EXPECT_NE(line_of([&](JsonWriter& json) { write_flow(json, utc, f); }).find(R"("age":0,"state":"new")"),
            std::string::npos);
}

TEST(AnomalyJson, its_type_is_of_its_layer) {
  EXPECT_EQ(
      line_of([](JsonWriter& json) {
        write_anomaly(json, {Layer::ipv4, ParseError::ip_ttl_zero, 8});
      }),
      R"({"anomaly":{"type":"decode","event":"ip_ttl_zero","layer":"ipv4","offset":8,"phrase":"time to live or hop limit 0"}})");
  EXPECT_NE(line_of([](JsonWriter& json) {
              write_anomaly(json, {Layer::stream, ParseError::stream_gap, 0});
            }).find(R"("type":"stream")"),
            std::string::npos);
  EXPECT_NE(line_of([](JsonWriter& json) {
              write_anomaly(json, {Layer::application, ParseError::truncated, 3});
            }).find(R"("type":"applayer")"),
            std::string::npos);
}

ArpRecord arp_request() { return {1, {0x020000001202}, {0}, ip("192.168.1.2"), ip("192.168.1.20"), false}; }

TEST(ArpJson, tells_both_ends) {
  EXPECT_EQ(
      line_of([](JsonWriter& json) { write_arp(json, arp_request()); }),
      R"({"arp":{"hw_type":"ethernet","proto_type":"ipv4","opcode":"request","src_mac":"02:00:00:00:12:02","src_ip":"192.168.1.2",)"
      R"("dest_mac":"00:00:00:00:00:00","dest_ip":"192.168.1.20"}})");
}

// Every record that our writers make follows config/eve.schema.json, and a stray member does not.
class Schema : public testing::Test {
 protected:
  // The exit status of the validation of `lines`: 0 all follow the schema, 1 one does not, 77 the validator is absent.
  static int validate(const std::string& lines) {
    const auto path =
        std::filesystem::temp_directory_path() / ("tsujiban-schema-" + std::to_string(getpid()) + ".json");
    std::ofstream(path) << lines;
    const std::string command = "python3 '" TSUJIBAN_SOURCE_DIR "/src/output/validate_eve.py' '" TSUJIBAN_SOURCE_DIR
                                "/config/eve.schema.json' '" +
                                path.string() + "'";
    const int status = std::system(command.c_str());
    std::filesystem::remove(path);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 2;
  }
  static std::string records() {
    TimestampWriter tokyo("Asia/Tokyo");
    std::string lines;
    auto add = [&](const Envelope& e, auto body) {
      lines += line_of([&](JsonWriter& json) {
                 write_envelope(json, tokyo, e);
                 body(json);
               }) +
               '\n';
    };
    Envelope e = udp_envelope();
    AlertNames names;
    names.id = alert_identity(peer_alert());
    names.source_asset = "battery-12", names.source_role = Role::device;
    add(e, [&](JsonWriter& json) { write_alert(json, tokyo, peer_alert(), names); });
    Alert sensor = peer_alert();
    sensor.detector = DetectorId::sensor_capture_stalled, sensor.source = sensor.destination = {}, sensor.protocol = 0;
    Envelope live;
    live.type = EventType::alert, live.in_iface = "span0", live.host = "sensor-1";
    add(live, [&](JsonWriter& json) { write_alert(json, tokyo, sensor, {}); });
    e.type = EventType::flow, e.protocol = 6;
    add(e, [&](JsonWriter& json) { write_flow(json, tokyo, tcp_flow()); });
    FlowRecord udp;
    udp.start = udp.end = {november_ns};
    e.protocol = 17;
    add(e, [&](JsonWriter& json) { write_flow(json, tokyo, udp); });
    e.type = EventType::anomaly;
    for (std::size_t i = 1; i < parse_error_count; ++i) {
      add(e, [&](JsonWriter& json) {
        write_anomaly(json, {static_cast<Layer>(i % layer_count), static_cast<ParseError>(i), 1});
      });
    }
    Envelope arp = udp_envelope();
    arp.type = EventType::arp, arp.network = Envelope::Network::arp, arp.app_protocol = AppProtocol::unknown,
    arp.flow_id = 0, arp.community_id = {};
    add(arp, [](JsonWriter& json) { write_arp(json, arp_request()); });
    ArpRecord odd = arp_request();
    odd.operation = 9, odd.gratuitous = true;
    add(arp, [&](JsonWriter& json) { write_arp(json, odd); });
    Envelope stats;
    stats.type = EventType::stats, stats.time = {november_ns}, stats.host = "sensor-1";
    metrics::Totals totals;
    totals.packets = 10, totals.evictions[1] = 3;
    StatsRecord record;
    record.totals = &totals;
    add(stats, [&](JsonWriter& json) { write_stats(json, record); });
    return lines;
  }
};

TEST_F(Schema, every_record_of_ours_follows_it) {
  const int status = validate(records());
  if (status == 77) GTEST_SKIP() << "python3-jsonschema is absent";
  EXPECT_EQ(status, 0);
}

TEST_F(Schema, an_echonet_lite_record_follows_it) {
  const int status = validate(
      R"({"timestamp":"2026-11-20T09:00:00.123456+0900","flow_id":7,"event_type":"echonet_lite","src_ip":"192.168.1.2","src_port":3610,)"
      R"("dest_ip":"192.168.1.20","dest_port":3610,"proto":"UDP","app_proto":"echonet_lite","echonet_lite":{"tid":"001a","seoj":"028801",)"
      R"("deoj":"05FF01","esv":"0x72","service":"Get_Res","properties":[{"epc":"0xE7","name":"x","edt":"000001f8","value":504,"unit":"W"}],"response_ms":12.5}})"
      "\n"
      R"({"timestamp":"2026-11-20T09:00:00.123456+0900","flow_id":7,"event_type":"echonet_lite","src_ip":"192.168.1.2","src_port":3610,)"
      R"("dest_ip":"192.168.1.20","dest_port":3610,"proto":"UDP","echonet_lite":{"tid":"001a","malformed":{"error":"truncated","offset":4}}})"
      "\n");
  if (status == 77) GTEST_SKIP() << "python3-jsonschema is absent";
  EXPECT_EQ(status, 0);
}

TEST_F(Schema, refuses_what_is_no_record_of_ours) {
  if (validate(records()) == 77) GTEST_SKIP() << "python3-jsonschema is absent";
  const char* const bad[] = {
      R"({"timestamp":"2026-11-20T09:00:00.123456+0900","event_type":"stats","stats":{},"stray":1})",  // An unknown
                                                                                                       // member.
      R"({"timestamp":"2026-11-20T09:00:00.123456+0900","event_type":"flow"})",             // Without its body.
      R"({"timestamp":"2026-11-20T09:00:00Z","event_type":"stats","stats":{"uptime":1}})",  // Another form of time.
      R"({"timestamp":"2026-11-20T09:00:00.123456+0900","event_type":"tea"})",              // An unknown type.
      R"({"timestamp":"2026-11-20T09:00:00.123456+0900","event_type":"flow","flow_id":9007199254740992})",  // An id of
                                                                                                            // 2^53.
      R"({"timestamp":"2026-11-20T09:00:00.123456+0900",)",                                                 // No JSON.
  };
  for (const char* line : bad) EXPECT_EQ(validate(std::string(line) + "\n"), 1) << line;
}

}  // namespace
}  // namespace tsujiban::output
