// The one capture of ECHONET Lite that other people's software made, against a third party's reading of it.
#include <gtest/gtest.h>
#include <pcap/pcap.h>

#include <algorithm>
#include <fstream>
#include <map>
#include <sstream>

#include "dissectors/echonet_lite/echonet_lite_test_sink.h"

namespace tsujiban::echonet_lite {
namespace {

using testing::Bench;

struct Datagram {
  std::uint32_t source = 0, destination = 0;
  std::vector<std::uint8_t> payload;
  PacketTime time;
};

// Frame number to UDP payload, of the IPv4 datagrams to port 3610. Ethernet without tags, whole datagrams.
std::map<unsigned, Datagram> read_capture(const std::string& path) {
  std::map<unsigned, Datagram> datagrams;
  char error[PCAP_ERRBUF_SIZE];
  pcap_t* const file = pcap_open_offline(path.c_str(), error);
  if (file == nullptr) return datagrams;
  pcap_pkthdr* header = nullptr;
  const u_char* at = nullptr;
  for (unsigned number = 1; pcap_next_ex(file, &header, &at) == 1; ++number) {
    const Bytes packet(at, header->caplen);
    if (packet.size() < 42 || load_be16(packet, 12) != 0x0800 || packet[23] != 17) continue;
    const std::size_t udp = 14 + (packet[14] & 15u) * 4u;
    if (packet.size() < udp + 8 || load_be16(packet, udp + 2) != port) continue;
    const std::size_t length = std::min<std::size_t>(load_be16(packet, udp + 4), packet.size() - udp);
    Datagram& datagram = datagrams[number];
    datagram.source = load_be32(packet, 26);
    datagram.destination = load_be32(packet, 30);
    datagram.payload.assign(at + udp + 8, at + udp + length);
    datagram.time = {header->ts.tv_sec * 1'000'000'000 + header->ts.tv_usec * 1'000};
  }
  pcap_close(file);
  return datagrams;
}

std::vector<std::string> split(const std::string& text, char separator) {
  std::vector<std::string> parts;
  std::stringstream stream(text);
  for (std::string part; std::getline(stream, part, separator);) parts.push_back(part);
  return parts;
}
unsigned long number(const std::string& text) { return std::stoul(text, nullptr, 0); }

const std::string capture_path = TSUJIBAN_CAPTURES_DIR "/echonet/real-npm-v4.pcap";
const std::string oracle_path = TSUJIBAN_CAPTURES_DIR "/oracle/echonet-real-npm-v4.tsv";

TEST(EchonetCapture, every_frame_reads_as_the_third_party_says) {
  const std::map<unsigned, Datagram> datagrams = read_capture(capture_path);
  std::ifstream oracle(oracle_path);
  if (datagrams.empty() || !oracle) GTEST_SKIP() << "the collection of foreign captures is not there";
  std::string line;
  std::getline(oracle, line);
  const std::vector<std::string> names = split(line, '\t');
  const auto column = [&](std::string_view name) {
    return static_cast<std::size_t>(std::find(names.begin(), names.end(), "echonetlite." + std::string(name)) -
                                    names.begin());
  };
  std::size_t compared = 0;
  while (std::getline(oracle, line)) {
    const std::vector<std::string> row = split(line, '\t');
    const auto found = datagrams.find(static_cast<unsigned>(number(row[0])));
    ASSERT_NE(found, datagrams.end()) << line;
    const FrameEvent frame = read_frame(found->second.payload);
    EXPECT_EQ(frame.tid, number(row[column("tid")])) << line;
    EXPECT_EQ(frame.seoj, number(row[column("edata.seoj")])) << line;
    EXPECT_EQ(frame.deoj, number(row[column("edata.deoj")])) << line;
    EXPECT_EQ(frame.service, number(row[column("edata.esv")])) << line;
    EXPECT_EQ(frame.opc, number(row[column("edata.opc")])) << line;
    std::string epcs, pdcs;
    PropertyCursor cursor(frame.bytes, header_length, frame.opc);
    PropertyView view;
    while (cursor.next(view)) {
      if (!view.complete) break;  // The third party lists whole properties only, and so does the record.
      char text[16];
      std::snprintf(text, sizeof text, "%s0x%02x", epcs.empty() ? "" : ",", view.epc);
      epcs += text;
      pdcs += (pdcs.empty() ? "" : ",") + std::to_string(view.pdc);
    }
    EXPECT_EQ(epcs, row[column("edata.epc")]) << line;
    EXPECT_EQ(pdcs, row.size() > column("edata.pdc") ? row[column("edata.pdc")] : std::string{}) << line;
    ++compared;
  }
  EXPECT_EQ(compared, datagrams.size());
  EXPECT_EQ(compared, 3021u);
}

// Read by hand: every SetGet of the controller ends after its OPCSet list (15 bytes, OPC 1, one property of one byte:
// no byte is left for OPCGet), and six refusals of the meter say PDC 4 with one byte behind it. Nothing else is wrong.
TEST(EchonetCapture, exactly_the_frames_that_its_makers_broke_are_malformed) {
  const std::map<unsigned, Datagram> datagrams = read_capture(capture_path);
  if (datagrams.empty()) GTEST_SKIP() << "the collection of foreign captures is not there";
  std::size_t missing_get = 0, overrun = 0;
  for (const auto& [frame_number, datagram] : datagrams) {
    const std::vector<std::uint8_t>& bytes = datagram.payload;
    const FrameEvent frame = read_frame(bytes);
    const bool setget_cut = bytes[10] == 0x6E && bytes.size() == 15 && bytes[11] == 1 && bytes[13] == 1;
    const bool refusal_cut = bytes[10] == 0x51 && bytes.size() == 15 && bytes[11] == 1 && bytes[13] == 4;
    if (setget_cut) {
      ++missing_get;
      EXPECT_EQ(frame.error, ParseError::echonet_setget_missing_get) << frame_number;
      EXPECT_EQ(frame.error_offset, 15u);
    } else if (refusal_cut) {
      ++overrun;
      EXPECT_EQ(frame.error, ParseError::echonet_pdc_overrun) << frame_number;
      EXPECT_EQ(frame.error_offset, 13u);
    } else {
      EXPECT_EQ(frame.error, ParseError::none) << frame_number;
    }
  }
  EXPECT_EQ(missing_get, 185u);
  EXPECT_EQ(overrun, 6u);
}

TEST(EchonetCapture, records_counters_and_pairing_of_the_whole_capture) {
  const std::map<unsigned, Datagram> datagrams = read_capture(capture_path);
  if (datagrams.empty()) GTEST_SKIP() << "the collection of foreign captures is not there";
  Bench bench;
  std::size_t paired = 0, answers = 0, mismatched = 0;
  for (const auto& [frame_number, datagram] : datagrams) {
    bench.context.time = datagram.time;
    bench.send(IpAddress::v4(datagram.source), IpAddress::v4(datagram.destination), datagram.payload);
    const std::uint8_t service = datagram.payload[esv_offset];
    if (service == esv::get_res || service == esv::set_res || service == esv::get_sna || service == esv::setc_sna) {
      ++answers;
      paired += bench.last().find("response_ms") != std::string::npos ? 1 : 0;
    }
    mismatched += bench.last().find("size_mismatch") != std::string::npos ? 1 : 0;
  }
  EXPECT_EQ(bench.sink.records.size(), 3021u);
  EXPECT_FALSE(bench.sink.overflowed);
  EXPECT_EQ(bench.counters->messages_malformed[static_cast<std::size_t>(AppProtocol::echonet_lite)].value(), 191u);
  EXPECT_EQ(bench.sink.anomalies.size(), 191u);
  RecordProperty("answers", static_cast<int>(answers));
  RecordProperty("paired", static_cast<int>(paired));
  std::printf("answers %zu, paired by address %zu, left to the correlator %zu, records with a size mismatch %zu\n",
              answers, paired, bench.sink.unpaired.size(), mismatched);
}

}  // namespace
}  // namespace tsujiban::echonet_lite
