// All captures that nobody here made: counts against their index, and packet by packet against libpcap.
#include <gtest/gtest.h>
#include <pcap/pcap.h>

#include <cstring>
#include <fstream>
#include <sstream>

#include "capture/capture_test_support.h"

namespace tsujiban::capture::test {
namespace {

struct Row {
  std::string file;
  std::string packets;
};

std::vector<Row> index_rows() {
  std::ifstream index(TSUJIBAN_CAPTURES_DIR "/index.tsv");
  std::vector<Row> rows;
  std::string line;
  std::getline(index, line);
  while (std::getline(index, line)) {
    std::istringstream fields(line);
    Row row;
    std::string skipped;
    std::getline(fields, row.file, '\t');
    for (int i = 0; i < 3; ++i) std::getline(fields, skipped, '\t');
    std::getline(fields, row.packets, '\t');
    rows.push_back(std::move(row));
  }
  return rows;
}

// The files for which the index has no count (its tool, capinfos, could not read them), judged by hand. libpcap reads
// all
// four exactly so, as the next test shows.
struct Known {
  std::string_view file;
  std::size_t packets;
  bool damaged;
  std::string_view why;
};
constexpr Known without_count[] = {
    {"fuzz/tcpdump-juniper_es_oobr.pcap", 1, false, "a whole record; capinfos does not know the link type 132"},
    {"fuzz/tcpdump-juniper_monitor_invalid_cookie_length.pcap", 1, false, "a whole record; link type 164"},
    {"fuzz/tcpdump-vtp_asan-2.pcap", 1, false, "a whole record; link type 182"},
    {"tls/suri-bug-1450-05.pcap", 6, true, "the seventh record says 4,325,376 bytes in a file of 5,696"},
};

Buffer file_bytes(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return Buffer(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>());
}

bool microseconds(const Buffer& pcap) { return pcap[0] == 0xd4 || pcap[3] == 0xd4; }

TEST(ForeignCaptures, packet_counts_are_those_of_the_index) {
  const std::vector<Row> rows = index_rows();
  if (rows.empty()) GTEST_SKIP() << "absent: " TSUJIBAN_CAPTURES_DIR "/index.tsv";
  for (const Row& row : rows) {
    std::string error;
    const std::string path = TSUJIBAN_CAPTURES_DIR "/" + row.file;
    const auto source = open_capture(std::vector{path}, error);
    ASSERT_NE(source, nullptr) << error;
    const Outcome got = drain(*source, 256);
    std::string packets_expected = row.packets;
    bool damaged_expected = false;
    for (const Known& known : without_count) {
      if (row.file != known.file) continue;
      packets_expected = std::to_string(known.packets);
      damaged_expected = known.damaged;
    }
    EXPECT_EQ(std::to_string(got.packets.size()), packets_expected) << row.file;
    EXPECT_EQ(got.damaged, damaged_expected) << row.file << ": " << got.damage;
  }
}

// libpcap 1.10 as the oracle. Where it stops early (it refuses interfaces of differing link types, which we read),
// what it
// gave is compared. It cuts packets at the file's snap length, which we do not: the bytes are there.
TEST(ForeignCaptures, every_packet_is_what_libpcap_reads) {
  const std::vector<Row> rows = index_rows();
  if (rows.empty()) GTEST_SKIP() << "absent: " TSUJIBAN_CAPTURES_DIR "/index.tsv";
  std::size_t packets = 0, files = 0;
  for (const Row& row : rows) {
    const std::string path = TSUJIBAN_CAPTURES_DIR "/" + row.file;
    char text[PCAP_ERRBUF_SIZE];
    pcap_t* oracle = pcap_open_offline_with_tstamp_precision(path.c_str(), PCAP_TSTAMP_PRECISION_NANO, text);
    if (oracle == nullptr) {
      ADD_FAILURE() << "libpcap refuses " << row.file << ": " << text;
      continue;
    }
    ++files;
    const Buffer file = file_bytes(path);
    const Outcome got = read_mapped(file, 256);
    const auto snap_bytes = static_cast<std::size_t>(pcap_snapshot(oracle));
    pcap_pkthdr* header = nullptr;
    const u_char* data = nullptr;
    std::size_t at = 0;
    int status = 0;
    for (; (status = pcap_next_ex(oracle, &header, &data)) == 1; ++at) {
      ASSERT_LT(at, got.packets.size()) << row.file << ": libpcap reads more: " << got.damage;
      const Seen& packet = got.packets[at];
      // libpcap takes seconds and fraction as signed numbers of 32 bits and goes back in time with them; here they are
      // unsigned. fuzz/tcpdump-timestamp_invalid_*.pcap have such fractions.
      const auto unsigned_of = [](std::int64_t value) { return std::int64_t{static_cast<std::uint32_t>(value)}; };
      std::int64_t fraction = header->ts.tv_usec;
      if (fraction < 0) fraction = microseconds(file) ? unsigned_of(fraction / 1000) * 1000 : unsigned_of(fraction);
      ASSERT_EQ(packet.ns, unsigned_of(header->ts.tv_sec) * 1'000'000'000 + fraction)
          << row.file << " packet " << at + 1;
      ASSERT_EQ(packet.wire, std::max<std::size_t>(header->len, packet.bytes.size()))
          << row.file << " packet " << at + 1;
      if (header->caplen != packet.bytes.size()) {
        ASSERT_EQ(header->caplen, snap_bytes) << row.file << " packet " << at + 1;
        ASSERT_GT(packet.bytes.size(), snap_bytes);
      }
      // The pseudo-headers of some link types are in the byte order of the host that captured; libpcap turns them.
      if (packet.bytes.compare(0, header->caplen, reinterpret_cast<const char*>(data), header->caplen) != 0) {
        ADD_FAILURE() << row.file << " packet " << at + 1 << ": other bytes, link type " << packet.link;
      }
    }
    if (status == PCAP_ERROR_BREAK) {
      EXPECT_EQ(at, got.packets.size()) << row.file;
      EXPECT_FALSE(got.damaged) << row.file << ": " << got.damage;
    } else if (!got.damaged || at != got.packets.size()) {
      std::printf("%s: libpcap stops after %zu packets (%s), here %zu %s\n", row.file.c_str(), at, pcap_geterr(oracle),
                  got.packets.size(), got.damage.c_str());
    }
    packets += at;
    pcap_close(oracle);
  }
  std::printf("%zu packets of %zu captures compared\n", packets, files);
}

TEST(ForeignCaptures, mapped_and_streamed_readers_agree) {
  const std::vector<Row> rows = index_rows();
  if (rows.empty()) GTEST_SKIP() << "absent: " TSUJIBAN_CAPTURES_DIR "/index.tsv";
  for (const Row& row : rows) {
    const Buffer bytes = file_bytes(TSUJIBAN_CAPTURES_DIR "/" + row.file);
    const Outcome mapped = read_mapped(bytes, 256);
    const Outcome streamed = read_streamed(bytes, 1'447);
    EXPECT_EQ(mapped.packets, streamed.packets) << row.file;
    EXPECT_EQ(mapped.damage, streamed.damage) << row.file;
  }
}

}  // namespace
}  // namespace tsujiban::capture::test
