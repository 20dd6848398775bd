// Another parser's opinion: tshark reads the same captures, and every frame must agree on the innermost addresses,
// ports, protocol and VLAN tags, and on which checksums are good. Where they differ, the difference has a name and a
// reason below, and each name has the number of frames that were looked at.
#include <gtest/gtest.h>
#include <pcap/pcap.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "decode/checksum.h"
#include "decode/decoder.h"

namespace tsujiban::decode {
namespace {

std::vector<std::string> split(const std::string& text, char by) {
  std::vector<std::string> out(1);
  for (const char c : text) {
    if (c == by) {
      out.emplace_back();
    } else {
      out.back().push_back(c);
    }
  }
  return out;
}

// One frame as tshark's -T fields prints it; every column holds the last value in the frame.
constexpr const char* columns[] = {"ip.src",
                                   "ip.dst",
                                   "ipv6.src",
                                   "ipv6.dst",
                                   "ip.proto",
                                   "udp.srcport",
                                   "udp.dstport",
                                   "tcp.srcport",
                                   "tcp.dstport",
                                   "vlan.id",
                                   "frame.protocols",
                                   "ip.checksum.status",
                                   "udp.checksum.status",
                                   "tcp.checksum.status",
                                   "arp.src.proto_ipv4",
                                   "_ws.malformed",
                                   "ieee8021ad.id"};
enum Column : std::size_t {
  ip_src,
  ip_dst,
  ip6_src,
  ip6_dst,
  ip_proto,
  udp_src,
  udp_dst,
  tcp_src,
  tcp_dst,
  vlan_id,
  protocols,
  ip_status,
  udp_status,
  tcp_status,
  arp_src,
  malformed,
  service_vlan_id
};

bool tshark_there() { return std::system("tshark --version >/dev/null 2>&1") == 0; }

std::vector<std::vector<std::string>> read_with_tshark(const std::string& path) {
  std::string command = "tshark -n -r '" + path +
                        "' -o ip.defragment:FALSE -o ipv6.defragment:FALSE -o tcp.desegment_tcp_streams:FALSE"
                        " -o ip.check_checksum:TRUE -o tcp.check_checksum:TRUE -o udp.check_checksum:TRUE"
                        " -o ip.tso_support:TRUE -T fields -E occurrence=a -E aggregator=,";
  for (const char* column : columns) command += std::string(" -e ") + column;
  command += " 2>/dev/null";
  std::vector<std::vector<std::string>> frames;
  std::FILE* pipe = popen(command.c_str(), "r");
  if (pipe == nullptr) return frames;
  char* line = nullptr;
  std::size_t capacity = 0;
  for (ssize_t n; (n = getline(&line, &capacity, pipe)) > 0;) {
    std::string text(line, static_cast<std::size_t>(n));
    while (!text.empty() && (text.back() == '\n' || text.back() == '\r')) text.pop_back();
    frames.push_back(split(text, '\t'));
    frames.back().resize(std::size(columns));
  }
  std::free(line);
  pclose(pipe);
  return frames;
}

std::string last_of(const std::string& list) { return list.substr(list.rfind(',') + 1); }
bool has_word(const std::string& list, const std::string& word) {
  const auto words = split(list, ':');
  return std::find(words.begin(), words.end(), word) != words.end();
}

// An error quotes the packet that it is about; tshark lists the quoted header's fields after the packet's own.
bool quotes_a_packet(const DecodedPacket& d) {
  if (d.protocol == 1)
    return d.source_port == 3 || d.source_port == 4 || d.source_port == 5 || d.source_port == 11 || d.source_port == 12;
  return d.protocol == 58 && ((d.source_port >= 1 && d.source_port <= 4) || d.source_port == 137);
}

// The name of the reason why the two may differ, or null where they must agree.
const char* reason_to_differ(const DecodedPacket& d, const std::vector<std::string>& frame) {
  // Ours reads nothing more where a length contradicts another, as the receiving host would; tshark goes on.
  if (d.malformed) return "ours stops at a broken rule";
  if (!frame[malformed].empty()) return "tshark stops at what it takes for malformed";
  if (d.snapped) return "the snap length cut a header";
  // Fuzzed frames whose hardware type is not Ethernet's: tshark prints addresses, no host would take them.
  if (d.ethertype == 0x0806 && !d.is_arp) return "ARP for other hardware than Ethernet";
  if (quotes_a_packet(d)) return "an ICMP error quotes another packet";
  const std::string& words = frame[protocols];
  // Protocols that carry IP and that are no tunnels of ours: tshark looks into them.
  for (const char* word :
       {"gtp", "teredo", "l2tp", "ayiya", "capwap", "lisp", "pktap", "nhrp", "esp", "6lowpan", "linux-atm-clip"}) {
    if (has_word(words, word)) return "tshark looks into a protocol that ours does not";
  }
  return nullptr;
}

struct Tally {
  std::uint64_t files = 0, unopened = 0, other_link = 0, frames = 0, compared = 0;
  std::map<std::string, std::uint64_t> reasons;
  std::map<std::string, std::uint64_t> checksums;
};

std::string ports(std::uint16_t a, std::uint16_t b) { return std::to_string(a) + ">" + std::to_string(b); }

// What ours says and what tshark says, in the same words.
std::string ours_in_words(const DecodedPacket& d) {
  std::string out;
  if (d.ip_version != 0) {
    out = to_string(d.source) + " " + to_string(d.destination);
    if (d.ip_version == 4) out += " p" + std::to_string(d.protocol);
    if ((d.protocol == 6 || d.protocol == 17) && !d.is_fragment) out += " " + ports(d.source_port, d.destination_port);
  }
  return out;
}
std::string tsharks_in_words(const DecodedPacket& d, const std::vector<std::string>& f) {
  std::string out;
  // The innermost is of the version that ours found; that the other version is not deeper shows in the addresses.
  const bool six = !f[ip6_src].empty() && (f[ip_src].empty() || d.ip_version == 6);
  if (six) {
    IpAddress source, destination;
    if (parse_ip(last_of(f[ip6_src]), source) && parse_ip(last_of(f[ip6_dst]), destination)) {
      out = to_string(source) + " " + to_string(destination);
    }
  } else if (!f[ip_src].empty()) {
    out = last_of(f[ip_src]) + " " + last_of(f[ip_dst]) + " p" + last_of(f[ip_proto]);
  }
  // tshark reads ports in a first fragment; ours leaves them to the whole datagram.
  if (d.is_fragment) return out;
  if (d.protocol == 17 && !f[udp_src].empty()) out += " " + last_of(f[udp_src]) + ">" + last_of(f[udp_dst]);
  if (d.protocol == 6 && !f[tcp_src].empty()) out += " " + last_of(f[tcp_src]) + ">" + last_of(f[tcp_dst]);
  return out;
}

void compare_checksums(const DecodedPacket& d, const std::vector<std::string>& f, const std::string& where,
                       Tally& tally) {
  // tshark's words: 0 bad, 1 good, 2 unverified, 3 not present, 4 illegal.
  const std::string transport = d.protocol == 6    ? last_of(f[tcp_status])
                                : d.protocol == 17 ? last_of(f[udp_status])
                                                   : "";
  const std::string header = d.ip_version == 4 ? last_of(f[ip_status]) : "1";
  if (transport.empty()) return;
  const char* ours = d.checksum == ChecksumState::good       ? "good"
                     : d.checksum == ChecksumState::bad      ? "bad"
                     : d.checksum == ChecksumState::unfilled ? "unfilled"
                                                             : "unchecked";
  ++tally.checksums[std::string("ours ") + ours + ", tshark header " + header + " transport " + transport];
  if (header == "1" && transport == "1") {
    EXPECT_TRUE(d.checksum == ChecksumState::good) << where << ours;
  } else if (transport == "0" || (header == "0" && transport == "1")) {
    EXPECT_TRUE(d.checksum == ChecksumState::bad || d.checksum == ChecksumState::unfilled) << where << ours;
  }
}

// The frames of all captures of one link type. tshark takes a second to start, so it reads them from one file.
struct Collection {
  struct Frame {
    std::string where;
    std::vector<std::uint8_t> data;
    std::uint32_t length_wire;
  };
  std::vector<Frame> frames;
};

void collect(const std::string& path, std::map<int, Collection>& collections, Tally& tally) {
  char error[PCAP_ERRBUF_SIZE];
  pcap_t* file = pcap_open_offline(path.c_str(), error);
  if (file == nullptr) {
    ++tally.unopened;  // Damaged, or several link types: the capture tests read those.
    return;
  }
  const int link = pcap_datalink(file);
  const bool known = link == DLT_EN10MB || link == DLT_NULL || link == DLT_LOOP || link == DLT_RAW ||
                     link == DLT_LINUX_SLL || link == DLT_LINUX_SLL2 || link == DLT_IPV4 || link == DLT_IPV6 ||
                     link == DLT_PPP;
  if (!known) {
    ++tally.other_link;
    return pcap_close(file);
  }
  ++tally.files;
  pcap_pkthdr* header = nullptr;
  const u_char* data = nullptr;
  std::size_t number = 0;
  while (pcap_next_ex(file, &header, &data) == 1) {
    ++number;
    collections[link].frames.push_back({path.substr(path.find("captures/") + 9) + " frame " + std::to_string(number),
                                        {data, data + header->caplen},
                                        std::max(header->len, header->caplen)});
  }
  pcap_close(file);
}

// A file in the system's temporary folder; gone with the object.
struct TemporaryFile {
  std::string path = (std::filesystem::temp_directory_path() / "oracle-XXXXXX").string();
  int descriptor = mkstemp(path.data());
  TemporaryFile() = default;
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;
  ~TemporaryFile() { std::remove(path.c_str()); }
};

void compare(int link, const Collection& collection, Tally& tally) {
  const TemporaryFile file;
  ASSERT_GE(file.descriptor, 0);
  pcap_t* dead = pcap_open_dead(link, 1 << 18);
  pcap_dumper_t* dump = pcap_dump_fopen(dead, fdopen(file.descriptor, "wb"));
  ASSERT_NE(dump, nullptr);
  std::int64_t second = 1;
  for (const auto& frame : collection.frames) {
    pcap_pkthdr header{};
    header.ts.tv_sec = ++second;
    header.caplen = static_cast<bpf_u_int32>(frame.data.size());
    header.len = frame.length_wire;
    pcap_dump(reinterpret_cast<u_char*>(dump), &header, frame.data.data());
  }
  pcap_dump_close(dump);
  pcap_close(dead);
  const auto theirs = read_with_tshark(file.path);
  ASSERT_EQ(theirs.size(), collection.frames.size()) << "tshark read another number of frames of link type " << link;
  const Decoder decoder{HashSeed{}};
  for (std::size_t i = 0; i < theirs.size(); ++i) {
    const auto& ours = collection.frames[i];
    const auto& frame = theirs[i];
    const auto length = static_cast<std::uint32_t>(ours.data.size());
    const RawPacket raw{ours.data.data(), length, ours.length_wire, {}, i + 1, static_cast<LinkType>(link), 0};
    DecodedPacket d;
    decoder.decode(raw, {}, d);
    ++tally.frames;
    if (const char* reason = reason_to_differ(d, frame)) {
      ++tally.reasons[reason];
      continue;
    }
    const std::string where = ours.where + " " + frame[protocols] + ": ";
    ++tally.compared;
    EXPECT_EQ(ours_in_words(d), tsharks_in_words(d, frame)) << where;
    EXPECT_EQ(d.is_arp, !frame[arp_src].empty()) << where;
    std::string tags;
    for (unsigned n = 0; n < d.segment.vlan_count(); ++n)
      tags += (n != 0 ? "," : "") + std::to_string(d.segment.vlan(n));
    const std::string both =
        frame[service_vlan_id].empty() ? frame[vlan_id] : frame[service_vlan_id] + "," + frame[vlan_id];
    if (d.tunnel_depth == 0 && frame[vlan_id] != "0") {
      EXPECT_EQ(tags, both) << where;
    }
    verify_checksum(d);
    compare_checksums(d, frame, where, tally);
  }
}

TEST(Oracle, every_frame_of_the_foreign_captures_agrees_with_tshark) {
  const std::filesystem::path root = TSUJIBAN_CAPTURES_DIR;
  if (!std::filesystem::is_directory(root)) GTEST_SKIP() << "absent: the folder of foreign captures, " << root;
  if (!tshark_there()) GTEST_SKIP() << "absent: tshark";
  std::vector<std::string> paths;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(root)) {
    const std::string extension = entry.path().extension();
    if (entry.is_regular_file() && (extension == ".pcap" || extension == ".pcapng" || extension == ".cap"))
      paths.push_back(entry.path());
  }
  std::sort(paths.begin(), paths.end());
  Tally tally;
  std::map<int, Collection> collections;
  for (const std::string& path : paths) collect(path, collections, tally);
  for (const auto& [link, collection] : collections) compare(link, collection, tally);
  std::printf("%llu files (%llu that libpcap does not open, %llu of other links), %llu frames, %llu compared\n",
              static_cast<unsigned long long>(tally.files), static_cast<unsigned long long>(tally.unopened),
              static_cast<unsigned long long>(tally.other_link), static_cast<unsigned long long>(tally.frames),
              static_cast<unsigned long long>(tally.compared));
  for (const auto& [reason, count] : tally.reasons)
    std::printf("  %llu: %s\n", static_cast<unsigned long long>(count), reason.c_str());
  for (const auto& [what, count] : tally.checksums)
    std::printf("  %llu: %s\n", static_cast<unsigned long long>(count), what.c_str());
  EXPECT_GT(tally.compared, 0u);
}

}  // namespace
}  // namespace tsujiban::decode
