#include "drill/drill.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <string>
#include <vector>

#include "config/config.h"
#include "drill/world.h"
#include "model/detector_catalogue.h"

namespace tsujiban::drill {
namespace {

class Memory final : public Output {
 public:
  bool write(Bytes bytes) override {
    data.insert(data.end(), bytes.begin(), bytes.end());
    return ++writes != fail_at;
  }
  std::string_view text() const { return {reinterpret_cast<const char*>(data.data()), data.size()}; }
  std::vector<std::uint8_t> data;
  int writes = 0, fail_at = -1;
};

struct Made {
  Memory capture, labels, site;
  std::string error;
  bool done = false;
};

// Few packets: twelve homes that are asked once in three hours.
Options small(std::string_view scenario, std::uint64_t seed = 1) {
  Options options;
  options.scenarios = {std::string(scenario)};
  options.seed = seed;
  options.homes = 12;
  options.poll = Duration::seconds(3 * 3600);
  return options;
}
Made make(const Options& options) {
  Made made;
  made.done = write(options, made.capture, made.labels, &made.site, made.error);
  return made;
}

// The same for several tests.
const Made& made_of(const std::string& scenario) {
  static std::map<std::string, Made> all;
  const auto [at, added] = all.try_emplace(scenario);
  if (added) at->second = make(small(scenario));
  return at->second;
}

std::uint32_t le32(const std::vector<std::uint8_t>& data, std::size_t at) {
  return static_cast<std::uint32_t>(data[at]) | static_cast<std::uint32_t>(data[at + 1]) << 8 |
         static_cast<std::uint32_t>(data[at + 2]) << 16 | static_cast<std::uint32_t>(data[at + 3]) << 24;
}

struct Packet {
  std::int64_t time_ns = 0;
  Bytes frame;
};

// Reads the file block by block, as the draft says, and nothing else.
std::vector<Packet> packets_of(const std::vector<std::uint8_t>& data) {
  std::vector<Packet> packets;
  for (std::size_t at = 0; at + 12 <= data.size();) {
    const std::uint32_t type = le32(data, at), length = le32(data, at + 4);
    if (length < 12 || length % 4 != 0 || at + length > data.size() || le32(data, at + length - 4) != length) {
      ADD_FAILURE() << "a broken block at " << at;
      break;
    }
    if (type == 6) {
      const std::uint64_t ns = static_cast<std::uint64_t>(le32(data, at + 12)) << 32 | le32(data, at + 16);
      packets.push_back({static_cast<std::int64_t>(ns), {data.data() + at + 28, le32(data, at + 20)}});
    }
    at += length;
  }
  return packets;
}

std::uint32_t sum16(Bytes bytes, std::uint32_t sum = 0) {
  for (std::size_t i = 0; i < bytes.size(); ++i) sum += static_cast<std::uint32_t>(bytes[i]) << (i % 2 == 0 ? 8 : 0);
  return sum;
}
bool adds_up(std::uint32_t sum) {
  while (sum >> 16 != 0) sum = (sum & 0xffff) + (sum >> 16);
  return sum == 0xffff;
}

// Whether every checksum of a frame is right: summed with itself each gives ones (RFC 1071).
bool checksums_are_right(Bytes frame) {
  std::size_t at = 12;
  while (load_be16(frame, at) == 0x8100 || load_be16(frame, at) == 0x88a8) at += 4;
  const std::uint16_t type = load_be16(frame, at);
  const Bytes packet = frame.subspan(at + 2);
  if (type == 0x0806) return true;
  if (type == 0x0800) {
    const std::size_t header = (packet[0] & 0xfu) * 4u, total = load_be16(packet, 2);
    if (!adds_up(sum16(packet.first(header)))) return false;
    const Bytes body = packet.subspan(header, total - header);
    const std::uint8_t protocol = packet[9];
    if (protocol == 2) return adds_up(sum16(body));
    if (protocol != 6 && protocol != 17) return false;
    if (protocol == 17 && load_be16(body, 4) != body.size()) return false;
    return adds_up(sum16(body, sum16(packet.subspan(12, 8)) + protocol + static_cast<std::uint32_t>(body.size())));
  }
  if (type != 0x86dd) return false;
  const Bytes body = packet.subspan(40, load_be16(packet, 4));
  return adds_up(sum16(body, sum16(packet.subspan(8, 32)) + packet[6] + static_cast<std::uint32_t>(body.size())));
}

// Every string of a member that is a list of strings, wherever it stands.
std::vector<std::string> names_in(std::string_view json, std::string_view member) {
  std::vector<std::string> names;
  const std::string begin = "\"" + std::string(member) + "\":[";
  for (std::size_t at = json.find(begin); at != std::string_view::npos; at = json.find(begin, at + 1)) {
    const std::size_t end = json.find(']', at);
    for (std::size_t quote = json.find('"', at + begin.size()); quote < end;) {
      const std::size_t close = json.find('"', quote + 1);
      names.emplace_back(json.substr(quote + 1, close - quote - 1));
      quote = json.find('"', close + 1);
    }
  }
  return names;
}

// Brackets nest and strings end: what a parser of JSON trips over first.
bool nests(std::string_view json) {
  std::string open;
  bool in_string = false;
  for (std::size_t i = 0; i < json.size(); ++i) {
    const char c = json[i];
    if (in_string) {
      if (c == '\\') ++i;
      if (c == '"') in_string = false;
    } else if (c == '"') {
      in_string = true;
    } else if (c == '{' || c == '[') {
      open.push_back(c);
    } else if (c == '}' || c == ']') {
      if (open.empty() || open.back() != (c == '}' ? '{' : '[')) return false;
      open.pop_back();
    }
  }
  return open.empty() && !in_string;
}

class EveryScenario : public testing::TestWithParam<std::string> {};

TEST_P(EveryScenario, gives_the_same_bytes_for_the_same_options_and_others_for_another_seed) {
  const Made &one = made_of(GetParam()), two = make(small(GetParam())), other = make(small(GetParam(), 2));
  ASSERT_TRUE(one.done) << one.error;
  EXPECT_TRUE(one.capture.data == two.capture.data);
  EXPECT_TRUE(one.labels.data == two.labels.data);
  EXPECT_TRUE(one.site.data == two.site.data);
  EXPECT_FALSE(one.capture.data == other.capture.data);
}

TEST_P(EveryScenario, has_packets_in_time_order_with_right_checksums) {
  const Options options = small(GetParam());
  const Made& made = made_of(GetParam());
  const std::vector<Packet> packets = packets_of(made.capture.data);
  ASSERT_GT(packets.size(), 100u);
  std::size_t wrong = 0, backwards = 0, outside = 0;
  std::int64_t last_ns = 0;
  const std::int64_t end_ns = options.start.ns + 86'400'000'000'000;
  for (const Packet& packet : packets) {
    wrong += checksums_are_right(packet.frame) ? 0 : 1;
    backwards += packet.time_ns < last_ns ? 1 : 0;
    outside += packet.time_ns < options.start.ns || packet.time_ns >= end_ns ? 1 : 0;
    last_ns = packet.time_ns;
  }
  EXPECT_EQ(wrong, 0u);
  EXPECT_EQ(outside, 0u);
  // The one that is about a clock that steps back steps back once.
  EXPECT_EQ(backwards, GetParam() == "clock-step" ? 1u : 0u);
}

TEST_P(EveryScenario, is_labelled_with_detectors_that_exist) {
  const Made& made = made_of(GetParam());
  const std::string_view json = made.labels.text();
  EXPECT_TRUE(nests(json));
  EXPECT_EQ(json.find("{\"scenario\":\"" + GetParam() + "\",\"seed\":1,\"homes\":12,\"days\":1,"), 0u);
  const bool benign = GetParam().starts_with("benign");
  EXPECT_EQ(json.find("\"kind\":\"attack\"") == std::string_view::npos, benign);
  for (const char* member : {"expect", "expect_later", "must_not"}) {
    for (const std::string& name : names_in(json, member)) {
      DetectorId id{};
      EXPECT_TRUE(parse_detector(name, id)) << member << ": " << name;
    }
  }
  EXPECT_NE(json.find("\"labels_left_out\":0,"), std::string_view::npos);
  // An attack shows itself in packets, unless it is the mirror port's.
  const bool of_the_mirror = GetParam().starts_with("mirror-") || GetParam() == "capture-stalled" ||
                             GetParam() == "clock-step" || GetParam() == "packet-loss";
  for (std::size_t at = json.find("\"kind\":\"attack\""); at != std::string_view::npos && !of_the_mirror;
       at = json.find("\"kind\":\"attack\"", at + 1)) {
    const std::size_t count = json.find("\"packet_count\":", at);
    ASSERT_NE(count, std::string_view::npos);
    EXPECT_GT(std::atol(json.data() + count + 15), 0);
  }
}

TEST_P(EveryScenario, comes_with_a_site_file_that_loads) {
  const Made& made = made_of(GetParam());
  std::vector<config::Fault> faults;
  const auto loaded = config::load_text("site.yaml", made.site.text(), faults);
  for (const config::Fault& fault : faults) ADD_FAILURE() << config::to_string(fault);
  ASSERT_NE(loaded, nullptr);
  EXPECT_TRUE(loaded->has_inventory());
  // The public page and the office stand in segments of their own.
  const bool one_more = GetParam() == "web-defacement" || GetParam() == "smb-spread";
  EXPECT_EQ(loaded->segments.size(), 12u + 2u + (one_more ? 1u : 0u));
  EXPECT_EQ(loaded->dispatch.size(), 3u);
}

std::vector<std::string> all_names() {
  std::vector<std::string> names;
  for (const ScenarioInfo& info : scenarios()) names.emplace_back(info.name);
  return names;
}
std::string test_name(const testing::TestParamInfo<std::string>& scenario) {
  std::string name = scenario.param;
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
}
INSTANTIATE_TEST_SUITE_P(Drill, EveryScenario, testing::ValuesIn(all_names()), test_name);

TEST(Drill, an_attack_changes_no_other_homes_day) {
  // The attack's answers and states are its own; before it everything is the benign day's, byte for byte.
  const Made benign = make(small("benign-day")), attacked = make(small("arp-spoof"));
  const std::vector<Packet> a = packets_of(benign.capture.data), b = packets_of(attacked.capture.data);
  const std::int64_t noon_ns = Options{}.start.ns + 12LL * 3600 * 1'000'000'000;
  std::size_t same = 0;
  while (same < a.size() && same < b.size() && a[same].time_ns < noon_ns && a[same].time_ns == b[same].time_ns &&
         std::ranges::equal(a[same].frame, b[same].frame))
    ++same;
  EXPECT_GE(a[same].time_ns, noon_ns);
}

TEST(Drill, homes_share_addresses_and_differ_in_vlan_and_mac) {
  const Made made = make(small("benign-day"));
  std::vector<std::uint16_t> vlans;
  std::vector<std::string> macs;
  for (const Packet& packet : packets_of(made.capture.data)) {
    vlans.push_back(load_be16(packet.frame, 14) & 0xfff);
    macs.emplace_back(reinterpret_cast<const char*>(packet.frame.data()) + 6, 6);
  }
  std::sort(vlans.begin(), vlans.end());
  vlans.erase(std::unique(vlans.begin(), vlans.end()), vlans.end());
  EXPECT_EQ(vlans, (std::vector<std::uint16_t>{100, 101, 102, 103, 104, 105, 106, 107, 108, 109, 110, 111}));
  std::sort(macs.begin(), macs.end());
  macs.erase(std::unique(macs.begin(), macs.end()), macs.end());
  EXPECT_GT(macs.size(), 12u * 6);
}

TEST(Drill, homes_beyond_3900_have_two_tags) {
  Options options = small("benign-day");
  options.homes = 3902;
  Memory capture, site;
  World world(options, capture);
  ASSERT_TRUE(write_site(world, site));
  EXPECT_NE(site.text().find("{name: han-3900, prefix: 192.168.1.0/24, vlan: 3999, "), std::string_view::npos);
  EXPECT_NE(site.text().find("{name: han-3901, prefix: 192.168.1.0/24, vlan: [11, 100], "), std::string_view::npos);
  const Frame frame = ethernet(world.homes()[3901].link, Mac{}, broadcast_mac, 0x0800, {});
  EXPECT_EQ(frame.size(), 68u);
  EXPECT_EQ(load_be16(frame, 12), 0x88a8);
  EXPECT_EQ(load_be16(frame, 14), 11);
  EXPECT_EQ(load_be16(frame, 16), 0x8100);
  EXPECT_EQ(load_be16(frame, 18), 101);
  EXPECT_EQ(load_be16(frame, 20), 0x0800);
}

TEST(Drill, wrong_options_are_told_and_nothing_is_written) {
  for (const auto change : {+[](Options& o) { o.scenarios.clear(); },
                            +[](Options& o) {
                              o.scenarios = {"arp-spoof", "arp-spoof"};
                            },
                            +[](Options& o) { o.duration = Duration::seconds(59); },
                            +[](Options& o) { o.duration = Duration{duration_max.ns + 1}; },
                            +[](Options& o) { o.scenarios = {"arp-spof"}; }, +[](Options& o) { o.homes = 0; },
                            +[](Options& o) { o.homes = homes_max + 1; }, +[](Options& o) { o.days = 0; },
                            +[](Options& o) { o.days = days_max + 1; }, +[](Options& o) { o.poll = Duration{1}; },
                            +[](Options& o) { o.start = PacketTime{-1}; }}) {
    Options options = small("benign-day");
    change(options);
    const Made made = make(options);
    EXPECT_FALSE(made.done);
    EXPECT_FALSE(made.error.empty());
    EXPECT_TRUE(made.capture.data.empty());
  }
  Options few = small("load-altering");
  few.homes = 2;
  EXPECT_EQ(make(few).error, "load-altering needs at least 5 homes");
  EXPECT_EQ(fault_of(small("arp-spof")), "`arp-spof` is no scenario; did you mean `arp-spoof`? --list names them all");
}

TEST(Drill, scenarios_laid_together_stay_what_they_are_alone_in_any_order) {
  // An intruder's MAC tells which frames are whose; nothing else has the maker's prefix b8:27:eb.
  const auto intruders = [](const Made& made) {
    std::vector<std::vector<std::uint8_t>> frames;
    for (const Packet& packet : packets_of(made.capture.data)) {
      if (packet.frame[6] == 0xb8 && packet.frame[7] == 0x27)
        frames.emplace_back(packet.frame.begin(), packet.frame.end());
    }
    std::sort(frames.begin(), frames.end());
    return frames;
  };
  Options both = small("arp-spoof"), turned = small("scan-horizontal");
  both.scenarios.emplace_back("scan-horizontal");
  turned.scenarios.emplace_back("arp-spoof");
  const Made together = make(both), reversed = make(turned);
  auto apart = intruders(made_of("arp-spoof"));
  for (auto& frame : intruders(made_of("scan-horizontal"))) apart.push_back(std::move(frame));
  std::sort(apart.begin(), apart.end());
  ASSERT_FALSE(apart.empty());
  EXPECT_EQ(intruders(together), apart);
  EXPECT_EQ(intruders(reversed), apart);
  const std::string_view labels = together.labels.text();
  EXPECT_EQ(labels.find("{\"scenario\":\"arp-spoof,scan-horizontal\","), 0u);
  for (const char* name : {"arp-spoof", "scan-horizontal"}) {
    EXPECT_NE(labels.find("\"kind\":\"attack\",\"scenario\":\"" + std::string(name) + "\""), std::string_view::npos)
        << name;
  }
}

TEST(Drill, several_scenarios_in_one_home_have_one_intruder) {
  Options options = small("arp-spoof");
  options.homes = 1;
  options.scenarios.emplace_back("unauthorized-write");
  const Made made = make(options);
  std::vector<std::vector<std::uint8_t>> macs;
  for (const Packet& packet : packets_of(made.capture.data)) {
    if (packet.frame[6] == 0xb8 && packet.frame[7] == 0x27)
      macs.emplace_back(packet.frame.begin() + 6, packet.frame.begin() + 12);
  }
  std::sort(macs.begin(), macs.end());
  macs.erase(std::unique(macs.begin(), macs.end()), macs.end());
  EXPECT_EQ(macs.size(), 1u);
}

TEST(Drill, a_second_fault_of_the_mirror_port_gets_what_the_first_gives) {
  // Everything twice, and nothing before a moment: what is in the file at noon and after is in it twice.
  Options options = small("mirror-mid-stream");
  options.scenarios.emplace_back("mirror-duplicates");
  const Made made = make(options);
  const std::size_t middle = packets_of(made_of("mirror-mid-stream").capture.data).size();
  const std::size_t twice = packets_of(made_of("mirror-duplicates").capture.data).size();
  const std::size_t benign = packets_of(made_of("benign-day").capture.data).size();
  const std::size_t both = packets_of(made.capture.data).size();
  ASSERT_LT(middle, benign);
  ASSERT_GT(twice, benign);
  EXPECT_GT(both, middle);
  EXPECT_LT(both, twice);
}

TEST(Drill, a_duration_ends_the_capture_and_lays_the_attack_into_it) {
  for (const ScenarioInfo& info : scenarios()) {
    Options options = small(info.name);
    options.poll = Duration{};
    options.duration = Duration::seconds(20 * 60);
    options.start = options.start + Duration::seconds(17 * 3600);
    const Made made = make(options);
    ASSERT_TRUE(made.done) << made.error;
    const std::vector<Packet> packets = packets_of(made.capture.data);
    ASSERT_FALSE(packets.empty()) << info.name;
    for (const Packet& packet : packets) {
      ASSERT_GE(packet.time_ns, options.start.ns) << info.name;
      // A clock that runs ahead says so.
      if (info.name != "clock-step") {
        ASSERT_LT(packet.time_ns, options.start.ns + options.duration.ns) << info.name;
      }
    }
    const std::string_view labels = made.labels.text();
    EXPECT_NE(labels.find("\"duration_s\":1200,"), std::string_view::npos);
    EXPECT_TRUE(nests(labels));
    EXPECT_EQ(labels.find("\"kind\":\"attack\"") == std::string_view::npos, info.name.starts_with("benign"))
        << info.name;
  }
}

TEST(Drill, what_a_capture_ends_before_has_no_label_and_is_counted) {
  // The second part of this attack begins two minutes after the first.
  Options options = small("flooding");
  options.duration = Duration::seconds(60);
  const Made made = make(options);
  EXPECT_NE(made.labels.text().find("\"labels_left_out\":1,"), std::string_view::npos);
  EXPECT_NE(made.labels.text().find("\"scenario\":\"flooding-group\""), std::string_view::npos);
  EXPECT_EQ(made.labels.text().find("\"scenario\":\"flooding-node\""), std::string_view::npos);
}

TEST(Drill, a_scenario_with_signatures_has_them_named_by_the_site_file) {
  EXPECT_TRUE(signatures_of(small("arp-spoof")).empty());
  Options options = small("arp-spoof");
  options.scenarios.emplace_back("loader-callback");
  EXPECT_NE(signatures_of(options).find("X-Loader-Id"), std::string::npos);
  EXPECT_EQ(make(options).site.text().find("signatures:"), std::string_view::npos);
  options.signatures_file = "x.rules";
  EXPECT_NE(make(options).site.text().find("signatures: [\"x.rules\"]\n"), std::string_view::npos);
  options.scenarios.pop_back();
  EXPECT_EQ(make(options).site.text().find("signatures:"), std::string_view::npos);
}

TEST(Drill, a_scenario_with_indicators_has_them_named_by_the_site_file) {
  Options options = small("beacon");
  EXPECT_TRUE(indicators_of(options).empty());
  options.scenarios.emplace_back("indicator");
  EXPECT_EQ(indicators_of(options).find("type,value,"), 0u);
  EXPECT_EQ(make(options).site.text().find("indicators:"), std::string_view::npos);
  options.indicators_file = "x.indicators.csv";
  EXPECT_NE(make(options).site.text().find("indicators: [\"x.indicators.csv\"]\n"), std::string_view::npos);
}

TEST(Drill, what_a_signature_knows_lies_across_two_segments) {
  const std::string_view known = "X-Loader-Id: ";
  std::string stream;
  for (const Packet& packet : packets_of(made_of("loader-callback").capture.data)) {
    const std::string_view text(reinterpret_cast<const char*>(packet.frame.data()), packet.frame.size());
    EXPECT_EQ(text.find(known), std::string_view::npos);
    // Ethernet, one tag, IPv4, TCP; to port 8080.
    if (text.size() > 58 && packet.frame[27] == 6 && load_be16(packet.frame, 40) == 8080)
      stream.append(text.substr(58, load_be16(packet.frame, 20) - 40u));
  }
  EXPECT_NE(stream.find(known), std::string::npos);
}

TEST(Drill, an_output_that_refuses_ends_it) {
  Memory capture, labels;
  capture.fail_at = 1;
  std::string error;
  EXPECT_FALSE(write(small("benign-day"), capture, labels, nullptr, error));
  EXPECT_TRUE(error.empty());
  EXPECT_TRUE(labels.data.empty());
}

TEST(Drill, every_minute_of_a_day_can_be_its_start) {
  for (const std::int64_t hours : {5, 13, 14, 23}) {
    Options options = small("flapping");
    options.start = options.start + Duration::seconds(hours * 3600 + 17);
    const Made made = make(options);
    ASSERT_TRUE(made.done);
    EXPECT_NE(made.labels.text().find("\"kind\":\"attack\""), std::string_view::npos);
    EXPECT_EQ(made.labels.text().find("\"packet_count\":0"), std::string_view::npos) << hours;
  }
}

TEST(Drill, the_poll_leaves_a_week_of_a_thousand_homes_below_fifteen_million_packets) {
  Options options;
  EXPECT_EQ(poll_of(options), Duration::seconds(60));
  options.homes = 1000;
  options.days = 7;
  // Seven devices a home, two packets a poll; the rest of a home's day is some 500.
  const std::int64_t polls_a_day = 86'400 / (poll_of(options).ns / 1'000'000'000);
  EXPECT_LE(7'000 * (polls_a_day * 7 * 2 + 500), 15'000'000);
}

TEST(Drill, tshark_reads_it_without_a_malformed_packet) {
  if (std::system("tshark --version > /dev/null 2>&1") != 0) GTEST_SKIP() << "no tshark here";
  for (const char* scenario : {"controller-takeover", "ndp-spoof"}) {
    const Made& made = made_of(scenario);
    const std::string path = testing::TempDir() + "tsujiban_drill_" + scenario + ".pcapng";
    std::FILE* file = std::fopen(path.c_str(), "wb");
    ASSERT_NE(file, nullptr);
    ASSERT_EQ(std::fwrite(made.capture.data.data(), 1, made.capture.data.size(), file), made.capture.data.size());
    ASSERT_EQ(std::fclose(file), 0);
    const auto count = [&](const std::string& filter) {
      const std::string command =
          "tshark -o ip.check_checksum:TRUE -o udp.check_checksum:TRUE -o tcp.check_checksum:TRUE -r " + path +
          " -Y '" + filter + "' 2> /dev/null | wc -l";
      std::FILE* pipe = popen(command.c_str(), "r");
      long number = -1;
      if (pipe != nullptr) {
        if (std::fscanf(pipe, "%ld", &number) != 1) number = -1;
        pclose(pipe);
      }
      return number;
    };
    EXPECT_EQ(count("frame"), static_cast<long>(packets_of(made.capture.data).size())) << scenario;
    EXPECT_EQ(
        count("_ws.malformed || ip.checksum.status == 0 || udp.checksum.status == 0 || tcp.checksum.status == 0 || "
              "icmpv6.checksum.status == 0"),
        0)
        << scenario;
    std::remove(path.c_str());
  }
}

}  // namespace
}  // namespace tsujiban::drill
