// Foreign captures: the bytes of each direction must be those that tshark's "follow TCP stream" shows.
#include <gtest/gtest.h>
#include <pcap/pcap.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <tuple>

#include "reassembly/fragments.h"
#include "reassembly/test_packets.h"

namespace tsujiban::reassembly {
namespace {

namespace fs = std::filesystem;
using test::text_of;

const fs::path captures = TSUJIBAN_CAPTURES_DIR;

// The least that TCP over Ethernet, VLAN tags, loopback or raw IP needs; anything else is no packet. The decoder of
// this program is a neighbour that this folder does not know.
std::optional<DecodedPacket> parse(int link, const std::uint8_t* data, std::uint32_t captured, std::uint32_t wire) {
  std::uint32_t at = 0;
  DecodedPacket packet;
  if (link == DLT_EN10MB) {
    at = 12;
    while (at + 4 <= captured && (load_be16(data + at) == 0x8100 || load_be16(data + at) == 0x88a8)) {
      packet.segment.push_vlan(load_be16(data + at + 2) & 0xfff);
      at += 4;
    }
    if (at + 2 > captured || (load_be16(data + at) != 0x0800 && load_be16(data + at) != 0x86dd)) return {};
    at += 2;
  } else if (link == DLT_NULL) {
    at = 4;
  } else if (link == DLT_LINUX_SLL) {
    at = 16;
  } else if (link != DLT_RAW) {
    return {};
  }
  if (at + 20 > captured) return {};
  const std::uint8_t* ip = data + at;
  std::uint32_t body, end;
  if (ip[0] >> 4 == 4) {
    packet.source = IpAddress::v4(load_be32(ip + 12));
    packet.destination = IpAddress::v4(load_be32(ip + 16));
    body = at + (ip[0] & 15) * 4u;
    end = at + load_be16(ip + 2);
    if (load_be16(ip + 2) == 0) end = wire;
    packet.protocol = ip[9];
    packet.fragment_id = load_be16(ip + 4);
    packet.fragment_offset = static_cast<std::uint16_t>((load_be16(ip + 6) & 0x1fff) * 8);
    packet.fragment_more = (load_be16(ip + 6) & 0x2000) != 0;
    packet.is_fragment = packet.fragment_offset != 0 || packet.fragment_more;
  } else if (ip[0] >> 4 == 6 && at + 40 <= captured) {
    packet.source = IpAddress::v6(ip + 8);
    packet.destination = IpAddress::v6(ip + 24);
    body = at + 40;
    end = body + load_be16(ip + 4);
    packet.protocol = ip[6];
    if (packet.protocol == 44 && body + 8 <= captured) {
      packet.protocol = data[body];
      packet.fragment_offset = load_be16(data + body + 2) & 0xfff8;
      packet.fragment_more = (data[body + 3] & 1) != 0;
      packet.fragment_id = load_be32(data + body + 4);
      packet.is_fragment = true;
      body += 8;
    }
  } else {
    return {};
  }
  packet.ip_version = ip[0] >> 4;
  if (end > wire || body > end || body > captured) return {};
  packet.payload = data + body;
  packet.payload_length = std::min(end, captured) - body;
  packet.payload_length_wire = end - body;
  return packet;
}

bool parse_tcp(DecodedPacket& packet) {
  if (packet.protocol != 6 || packet.payload_length < 20) return false;
  const std::uint8_t* tcp = packet.payload;
  const std::uint32_t header = (tcp[12] >> 4) * 4u;
  if (header < 20 || header > packet.payload_length) return false;
  packet.transport = tcp;
  packet.ip_payload_length = packet.payload_length;
  packet.source_port = load_be16(tcp);
  packet.destination_port = load_be16(tcp + 2);
  packet.tcp_sequence = load_be32(tcp + 4);
  packet.tcp_acknowledgment = load_be32(tcp + 8);
  packet.tcp_flags = tcp[13];
  packet.tcp_window = load_be16(tcp + 14);
  packet.tcp_header_length = static_cast<std::uint8_t>(header);
  packet.payload += header;
  packet.payload_length -= header;
  packet.payload_length_wire -= header;
  return true;
}

// Writes gaps as tshark does.
struct Transcript final : StreamConsumer {
  std::string text[2];
  void bytes(Direction direction, Bytes piece) noexcept override {
    text[static_cast<unsigned>(direction)] += text_of(piece);
  }
  void gap(Direction direction, std::uint32_t missing) noexcept override {
    text[static_cast<unsigned>(direction)] += "[" + std::to_string(missing) + " bytes missing in capture file].";
    text[static_cast<unsigned>(direction)].back() = '\0';
  }
  void finished(Direction) noexcept override {}
  void anomaly(Direction, ParseError, std::uint32_t) noexcept override {}
};

struct Connection {
  std::uint32_t stream = 0;
  std::uint16_t initiator_port = 0;
  IpAddress initiator;
  Transcript heard;
  bool open = true;
};

struct Read {
  std::vector<std::unique_ptr<Connection>> connections;  // In the order of their first packets, as tshark counts them.
  unsigned packets = 0;
  unsigned snapped = 0;
  unsigned datagrams = 0;
  std::vector<ParseError> fragment_anomalies;
};

Read read_capture(const fs::path& path) {
  Read out;
  char error[PCAP_ERRBUF_SIZE];
  pcap_t* pcap = pcap_open_offline(path.c_str(), error);
  if (pcap == nullptr) return out;
  static metrics::WorkerCounters counters;
  StreamEngine::Limits limits;
  limits.memory_bytes_max = 16 << 20;
  StreamEngine engine(limits, counters);
  FragmentTable fragments({}, HashSeed{}, counters);
  using Key = std::tuple<std::uint64_t, IpAddress, IpAddress, std::uint16_t, std::uint16_t>;
  std::map<Key, Connection*> open;
  pcap_pkthdr* header;
  const u_char* data;
  while (pcap_next_ex(pcap, &header, &data) == 1) {
    auto packet = parse(pcap_datalink(pcap), data, header->caplen, header->len);
    if (!packet) continue;
    packet->time = PacketTime{header->ts.tv_sec * 1'000'000'000 + header->ts.tv_usec * 1'000};
    fragments.expire(packet->time);
    if (packet->is_fragment) {
      const auto datagram = fragments.add(*packet);
      for (const Anomaly& a : packet->anomalies) out.fragment_anomalies.push_back(a.error);
      if (!datagram) continue;
      ++out.datagrams;
      packet->payload = datagram.payload.data();
      packet->payload_length = packet->payload_length_wire = static_cast<std::uint32_t>(datagram.payload.size());
      packet->protocol = datagram.protocol;
    }
    if (!parse_tcp(*packet)) continue;
    ++out.packets;
    out.snapped += packet->payload_length < packet->payload_length_wire;
    Key key{packet->segment.raw(), packet->source, packet->destination, packet->source_port, packet->destination_port};
    const bool swapped =
        std::tuple(packet->destination, packet->destination_port) < std::tuple(packet->source, packet->source_port);
    if (swapped)
      key = {packet->segment.raw(), packet->destination, packet->source, packet->destination_port, packet->source_port};
    Connection*& c = open[key];
    const auto direction_of = [&] {
      return c->initiator == packet->source && c->initiator_port == packet->source_port ? Direction::to_responder
                                                                                        : Direction::to_initiator;
    };
    if (c != nullptr && engine.reopens(c->stream, direction_of(), *packet)) {
      engine.close(c->stream, c->heard);
      c->open = false;
      c = nullptr;
    }
    if (c == nullptr) {
      out.connections.push_back(std::make_unique<Connection>());
      c = out.connections.back().get();
      c->stream = engine.open();
      const bool answer = (packet->tcp_flags & (tcp_flag::syn | tcp_flag::ack)) == (tcp_flag::syn | tcp_flag::ack);
      c->initiator = answer ? packet->destination : packet->source;
      c->initiator_port = answer ? packet->destination_port : packet->source_port;
    }
    engine.segment(c->stream, direction_of(), *packet, c->heard);
  }
  for (const auto& c : out.connections) {
    if (c->open) engine.close(c->stream, c->heard);
  }
  pcap_close(pcap);
  EXPECT_EQ(engine.bytes_used(), 0u) << path;
  return out;
}

struct Followed {
  std::uint16_t port[2] = {};
  std::string text[2];
};

// tshark prints a header with both nodes, then one line of hexadecimal digits a piece, node 1's behind a tab.
std::vector<Followed> follow(const fs::path& path, std::size_t streams) {
  std::vector<Followed> out(streams);
  std::string command = "tshark -r '" + path.string() + "' -q";
  for (std::size_t i = 0; i < streams; ++i) command += " -z follow,tcp,raw," + std::to_string(i);
  command += " 2>/dev/null";
  FILE* pipe = popen(command.c_str(), "r");
  if (pipe == nullptr) return out;
  char* line = nullptr;
  std::size_t capacity = 0;
  Followed* now = nullptr;
  while (getline(&line, &capacity, pipe) > 0) {
    const std::string_view text = line;
    unsigned number;
    if (text.starts_with("Filter: tcp.stream eq ") && std::sscanf(line, "Filter: tcp.stream eq %u", &number) == 1 &&
        number < streams) {
      now = &out[number];
    } else if (text.starts_with("Node ") && now != nullptr) {
      const std::size_t colon = text.rfind(':');
      now->port[text[5] - '0'] = static_cast<std::uint16_t>(std::stoi(std::string(text.substr(colon + 1))));
    } else if (now != nullptr && !text.starts_with("=") && !text.starts_with("Follow")) {
      const bool second = text.starts_with("\t");
      std::string& to = now->text[second];
      for (std::size_t i = second; i + 1 < text.size() && std::isxdigit(static_cast<unsigned char>(text[i])) != 0;
           i += 2) {
        to += static_cast<char>(std::stoi(std::string(text.substr(i, 2)), nullptr, 16));
      }
    }
  }
  free(line);
  pclose(pipe);
  return out;
}

// Files in which tshark and we part on purpose: garbage of a fuzzer; link layers that `parse` above does not read;
// connections that a forged reset or a second SYN split in two (tshark keeps one, or loses the direction); bytes in or
// after a reset.
constexpr std::string_view differing[] = {
    "ndpi-fuzz-2006-06-26-2594.pcap",
    "zeek-fuzz-1011.pcap",
    "suri-bug-3286-02-linux-evasion.pcap",
    "suri-bug-3286-03-windows-evasion.pcap",
    "suri-tcp-fastopen-10-syn-data-ignore.pcap",
    "suri-tcp-rst-unacked-stream-04-gap-ips.pcap",
    "suri-tcp-rst-unacked-stream-07-http.pcap",
    "suri-tcp-rst-unacked-stream-09.pcap",
    "suri-tcp-rst-unacked-stream-10.pcap",
    "suri-tcp-split-handshake-02-5whs.pcap",
    "zeek-mixed-vlan-mpls.pcap",
};

TEST(Captures, ordered_bytes_equal_those_that_tshark_follows) {
  if (!fs::exists(captures)) GTEST_SKIP() << "absent: " << captures;
  if (std::system("tshark --version >/dev/null 2>&1") != 0) GTEST_SKIP() << "absent: tshark";
  // tshark takes half a second a file; every second small file is enough for each run of the tests.
  constexpr std::size_t streams_max = 6;
  constexpr std::uintmax_t file_bytes_max = 120'000;
  unsigned files = 0, streams = 0, turn = 0;
  for (const char* folder : {"http", "modbus", "dnp3", "net"}) {
    std::vector<fs::path> paths;
    for (const auto& entry : fs::directory_iterator(captures / folder)) {
      if (entry.is_regular_file()) paths.push_back(entry.path());
    }
    std::sort(paths.begin(), paths.end());
    for (const fs::path& path : paths) {
      if (fs::file_size(path) > file_bytes_max) continue;
      if (std::find(std::begin(differing), std::end(differing), path.filename().string()) != std::end(differing))
        continue;
      const Read read = read_capture(path);
      if (read.packets == 0 || read.snapped != 0 || turn++ % 2 != 0) continue;
      const std::vector<Followed> followed = follow(path, std::min(read.connections.size(), streams_max));
      ++files;
      for (std::size_t i = 0; i < followed.size(); ++i) {
        const Connection& c = *read.connections[i];
        const unsigned first = followed[i].port[0] == c.initiator_port ? 0 : 1;
        ++streams;
        EXPECT_EQ(c.heard.text[0] == followed[i].text[first], true) << path << " stream " << i << ", to the responder";
        EXPECT_EQ(c.heard.text[1] == followed[i].text[1 - first], true)
            << path << " stream " << i << ", to the initiator";
      }
    }
  }
  EXPECT_GE(files, 20u);
  EXPECT_GE(streams, 40u);
}

TEST(Captures, a_forged_reset_does_not_hide_the_connection) {
  const fs::path path = captures / "net/suri-bug-3286-02-linux-evasion.pcap";
  if (!fs::exists(path)) GTEST_SKIP() << "absent: " << path;
  const Read read = read_capture(path);
  ASSERT_EQ(read.connections.size(), 2u);
  EXPECT_EQ(read.connections[1]->heard.text[0].size(), 338u);
  EXPECT_EQ(read.connections[1]->heard.text[1].size(), 79u);
}

TEST(Captures, syn_data_is_delivered_once_where_it_was_taken_and_not_where_it_was_ignored) {
  const fs::path taken = captures / "net/suri-tcp-fastopen-05.pcap",
                 ignored = captures / "net/suri-tcp-fastopen-11-reject-syn-data.pcap";
  if (!fs::exists(taken) || !fs::exists(ignored)) GTEST_SKIP() << "absent: " << taken << " or " << ignored;
  EXPECT_EQ(read_capture(taken).connections.at(0)->heard.text[0], "Hi!");
  const Read read = read_capture(ignored);
  ASSERT_EQ(read.connections.size(), 1u);
  EXPECT_EQ(read.connections[0]->heard.text[0].find("bytes missing"), std::string::npos);
}

TEST(Captures, a_split_handshake_loses_no_byte) {
  const fs::path path = captures / "net/suri-tcp-split-handshake-02-5whs.pcap";
  if (!fs::exists(path)) GTEST_SKIP() << "absent: " << path;
  const Read read = read_capture(path);
  ASSERT_EQ(read.connections.size(), 1u);
  EXPECT_EQ(read.connections[0]->heard.text[0].size(), 4u);
}

TEST(Captures, fragments_of_foreign_captures_complete_or_are_told) {
  const fs::path complete = captures / "net/suri-defrag-bug-6887-defrag-eth-vlan-ipv6-tcp.pcap";
  const fs::path small = captures / "net/suri-defrag-bug-6887-defrag-eth-vlan-ipv4-tcp-syn.pcap";
  if (!fs::exists(complete) || !fs::exists(small)) GTEST_SKIP() << "absent: " << complete << " or " << small;
  const Read whole = read_capture(complete);
  EXPECT_EQ(whole.datagrams, 1u);
  ASSERT_EQ(whole.connections.size(), 1u);
  EXPECT_EQ(whole.connections[0]->heard.text[0].size(), 1000u);
  const Read told = read_capture(small);
  EXPECT_EQ(told.datagrams, 1u);
  EXPECT_NE(std::find(told.fragment_anomalies.begin(), told.fragment_anomalies.end(), ParseError::fragment_too_small),
            told.fragment_anomalies.end());
}

}  // namespace
}  // namespace tsujiban::reassembly
