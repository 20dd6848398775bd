// Decoding, checksums and the duplicate filter over a set of packets that is built here: what one packet costs.
#include <benchmark/benchmark.h>

#include <array>
#include <cstring>
#include <vector>

#include "decode/checksum.h"
#include "decode/decoder.h"
#include "decode/duplicate_filter.h"

namespace {

using namespace tsujiban;

using Packet = std::vector<std::uint8_t>;

Packet joined(const Packet& header, const Packet& inner) {
  Packet out = header;
  out.insert(out.end(), inner.begin(), inner.end());
  return out;
}
std::uint8_t high(std::size_t value) { return static_cast<std::uint8_t>(value >> 8); }
std::uint8_t low(std::size_t value) { return static_cast<std::uint8_t>(value); }

Packet udp(std::uint16_t port, const Packet& inner) {
  const std::size_t n = inner.size() + 8;
  return joined({0x0e, 0x1a, high(port), low(port), high(n), low(n), 0x12, 0x34}, inner);
}
Packet tcp(const Packet& inner) {
  return joined({0x9c, 0x40, 1, 0xbb, 1, 2, 3, 4,  5, 6, 7, 8, 0x80, 0x18, 0x20, 0,
                 0x12, 0x34, 0, 0,    1, 1, 8, 10, 0, 0, 0, 1, 0,    0,    0,    2},
                inner);
}
Packet ipv4(std::uint8_t protocol, std::uint8_t host, const Packet& inner) {
  const std::size_t n = inner.size() + 20;
  return joined({0x45, 0, high(n), low(n), 0, host, 0, 0, 64, protocol, 0, 0, 192, 168, 1, host, 192, 168, 1, 1},
                inner);
}
Packet ipv6(std::uint8_t next, std::uint8_t host, const Packet& inner) {
  Packet header = {0x60, 0, 0, 0, high(inner.size()), low(inner.size()), next, 64};
  for (const std::uint8_t last : {host, std::uint8_t{1}}) {
    const Packet address = {0x20, 1, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, last};
    header.insert(header.end(), address.begin(), address.end());
  }
  return joined(header, inner);
}
Packet ethernet(const Packet& type, const Packet& inner) {
  return joined(joined({2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2}, type), inner);
}

constexpr std::size_t forms = 5, copies = 200;
const Packet ip4{8, 0}, ip6{0x86, 0xdd};

// Half of what homes send is small; every tenth is a full frame.
Packet body(std::size_t i) { return Packet(i % 10 == 0 ? 1400 : 14 + i % 60, low(i)); }
Packet packet_of(std::size_t form, std::size_t i) {
  const std::uint8_t host = low(2 + i);
  switch (form) {
    case 0:
      return ethernet(ip4, ipv4(17, host, udp(3610, body(i))));
    case 1:
      return ethernet(ip6, ipv6(17, host, udp(3610, body(i))));
    case 2:
      return ethernet(ip4, ipv4(6, host, tcp(body(i))));
    case 3:
      return ethernet({0x81, 0, high(30 + i), low(30 + i), 8, 0}, ipv4(17, host, udp(3610, body(i))));
    default: {
      const Packet header = {8, 0, 0, 0, 0, 0, host, 0};
      return ethernet(ip4, ipv4(17, 1, udp(4789, joined(header, ethernet(ip4, ipv4(17, host, udp(3610, body(i))))))));
    }
  }
}

struct PacketSet {
  std::vector<Packet> bytes;
  std::vector<RawPacket> raw;
  std::vector<DecodedPacket> decoded;
  std::int64_t bytes_total = 0;

  // `form` beyond the last: all of them in turn.
  explicit PacketSet(std::size_t form) {
    for (std::size_t i = 0; i < copies * forms; ++i) bytes.push_back(packet_of(form < forms ? form : i % forms, i));
    std::uint64_t number = 0;
    for (const Packet& p : bytes) {
      const auto length = static_cast<std::uint32_t>(p.size());
      raw.push_back(
          {p.data(), length, length, {static_cast<std::int64_t>(++number) * 1000}, number, LinkType::ethernet, 0});
      bytes_total += length;
    }
    decoded.resize(raw.size());
    const decode::Decoder decoder{HashSeed{}};
    for (std::size_t i = 0; i < raw.size(); ++i) decoder.decode(raw[i], raw[i].time, decoded[i]);
  }
  void account(benchmark::State& state) const {
    state.SetItemsProcessed(static_cast<std::int64_t>(state.iterations()) * static_cast<std::int64_t>(raw.size()));
    state.SetBytesProcessed(static_cast<std::int64_t>(state.iterations()) * bytes_total);
  }
};

// Argument: 0 UDP over IPv4, 1 UDP over IPv6, 2 TCP, 3 VLAN, 4 VXLAN, 5 all of them mixed.
void decode_packets(benchmark::State& state) {
  PacketSet set(static_cast<std::size_t>(state.range(0)));
  const decode::Decoder decoder{HashSeed{}};
  std::array<DecodedPacket, 32> batch;
  for (auto _ : state) {
    for (std::size_t i = 0; i < set.raw.size(); ++i)
      decoder.decode(set.raw[i], set.raw[i].time, batch[i % batch.size()]);
    benchmark::DoNotOptimize(batch);
  }
  set.account(state);
}
BENCHMARK(decode_packets)->Name("decode")->DenseRange(0, 5);

void verify_checksums(benchmark::State& state) {
  PacketSet set(forms);
  for (auto _ : state) {
    for (DecodedPacket& packet : set.decoded) decode::verify_checksum(packet);
    benchmark::DoNotOptimize(set.decoded.data());
  }
  set.account(state);
}
BENCHMARK(verify_checksums)->Name("verify_checksum");

void filter_duplicates(benchmark::State& state) {
  PacketSet set(forms);
  decode::DuplicateFilter filter(HashSeed{});
  std::int64_t round = 0;
  std::uint64_t copies_seen = 0;
  for (auto _ : state) {
    // Each round is a second later, so that nothing is a copy.
    ++round;
    for (DecodedPacket& packet : set.decoded) {
      packet.time = packet.raw->time + Duration::seconds(round);
      copies_seen += filter.is_duplicate(packet);
    }
  }
  benchmark::DoNotOptimize(copies_seen);
  set.account(state);
}
BENCHMARK(filter_duplicates)->Name("duplicate_filter");

}  // namespace
