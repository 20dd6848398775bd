#pragma once
// Builds packets for tests and benchmarks, one header at a time, from the inside out. Checksums are 0 unless `seal` is
// called.
#include <initializer_list>
#include <string_view>
#include <vector>

#include "base/check.h"
#include "decode/checksum.h"
#include "decode/decoder.h"
#include "decode/same_reading.h"

namespace tsujiban::decode::test {

using Packet = std::vector<std::uint8_t>;

inline Packet bytes(std::initializer_list<int> values) {
  Packet out;
  for (const int value : values) out.push_back(static_cast<std::uint8_t>(value));
  return out;
}
inline Packet fill(std::size_t count, std::uint8_t first = 0x20) {
  Packet out(count);
  for (std::size_t i = 0; i < count; ++i) out[i] = static_cast<std::uint8_t>(first + i % 64);
  return out;
}
inline Packet operator+(Packet a, const Packet& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}
inline Packet be16(std::size_t value) {
  return bytes({static_cast<int>(value >> 8 & 255), static_cast<int>(value & 255)});
}
inline Packet be32(std::uint64_t value) { return be16(value >> 16) + be16(value); }

inline Packet ethernet(std::uint16_t type, const Packet& inner) {
  return bytes({2, 0, 0, 0, 0, 0x0b, 2, 0, 0, 0, 0, 0x0a}) + be16(type) + inner;
}
inline Packet vlan(std::uint16_t id, std::uint16_t type, const Packet& inner) { return be16(id) + be16(type) + inner; }

struct Ipv4Options {
  std::uint32_t source = 0xc0a80114, destination = 0xc0a80115;  // 192.168.1.20 and .21
  Packet options = {};
  std::uint16_t fragment = 0;
  std::uint8_t ttl = 64;
  std::uint16_t id = 0x1234;
};
inline Packet ipv4(std::uint8_t protocol, const Packet& inner, const Ipv4Options& o = {}) {
  return bytes({static_cast<int>(0x45 + o.options.size() / 4), 0}) + be16(20 + o.options.size() + inner.size()) +
         be16(o.id) + be16(o.fragment) + bytes({o.ttl, protocol, 0, 0}) + be32(o.source) + be32(o.destination) +
         o.options + inner;
}
// 2001:db8::1 to 2001:db8::2
inline Packet ipv6(std::uint8_t next, const Packet& inner, std::uint8_t hop_limit = 64) {
  return bytes({0x60, 0, 0, 0}) + be16(inner.size()) + bytes({next, hop_limit}) +
         bytes({0x20, 1, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}) +
         bytes({0x20, 1, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2}) + inner;
}
inline Packet udp(std::uint16_t source, std::uint16_t destination, const Packet& inner,
                  std::uint16_t checksum = 0xbeef) {
  return be16(source) + be16(destination) + be16(8 + inner.size()) + be16(checksum) + inner;
}
inline Packet tcp(std::uint16_t source, std::uint16_t destination, std::uint8_t flags, const Packet& inner,
                  const Packet& options = {}) {
  return be16(source) + be16(destination) + be32(0x01020304) + be32(0x05060708) +
         bytes({static_cast<int>((20 + options.size()) / 4 << 4), flags, 0x20, 0, 0xbe, 0xef, 0, 0}) + options + inner;
}
inline Packet gre(std::uint16_t flags, std::uint16_t type, const Packet& options, const Packet& inner) {
  return be16(flags) + be16(type) + options + inner;
}
inline Packet vxlan(std::uint32_t vni, const Packet& inner) { return bytes({8, 0, 0, 0}) + be32(vni << 8) + inner; }
inline Packet geneve(std::uint32_t vni, std::uint16_t type, const Packet& options, const Packet& inner) {
  return bytes({static_cast<int>(options.size() / 4), 0}) + be16(type) + be32(vni << 8) + options + inner;
}

// Owns what a decoded packet points to. The bytes are in a block of exactly their size, so that the address sanitizer
// sees a read one byte beyond.
struct Decoded {
  std::vector<std::uint8_t> data;
  RawPacket raw{};
  DecodedPacket packet;

  explicit Decoded(const Packet& from, LinkType link = LinkType::ethernet, std::uint32_t length_wire = 0,
                   PacketTime time = {1'000'000'000})
      : data(from.begin(), from.end()) {
    data.shrink_to_fit();
    const auto length = static_cast<std::uint32_t>(data.size());
    raw = {data.data(), length, length_wire == 0 ? length : length_wire, time, 1, link, 0};
    Decoder(HashSeed{}).decode(raw, time, packet);
    DecodedPacket by_layers;
    Decoder(HashSeed{}).decode_layers(raw, time, by_layers);
    TSUJIBAN_CHECK(same_reading(packet, by_layers));
    TSUJIBAN_CHECK(!glanced() || pair_hash_glanced == packet.pair_hash);
  }
  // Whether the pair is told at a glance, with what is said of it in `pair_hash_glanced`.
  bool glanced(std::uint16_t watched_port = 0) {
    return Decoder(HashSeed{}).glance(raw, watched_port, pair_hash_glanced);
  }
  std::uint64_t pair_hash_glanced = 0;
  Decoded(const Decoded&) = delete;
  Decoded& operator=(const Decoded&) = delete;
  const DecodedPacket* operator->() const { return &packet; }
  bool has(ParseError error) const {
    for (const Anomaly& anomaly : packet.anomalies) {
      if (anomaly.error == error) return true;
    }
    return false;
  }
  bool has(Layer layer, ParseError error) const {
    for (const Anomaly& anomaly : packet.anomalies) {
      if (anomaly.error == error && anomaly.layer == layer) return true;
    }
    return false;
  }
};

// Fills in the innermost transport checksum, and the IPv4 header's, of an Ethernet frame.
inline Packet seal(Packet frame) {
  const Decoded d(frame);
  const auto at = [&](const std::uint8_t* p) { return frame.data() + (p - d.data.data()); };
  const auto put = [](std::uint8_t* to, std::uint16_t sum) {
    sum = static_cast<std::uint16_t>(~sum);
    std::memcpy(to, &sum, 2);
  };
  if (d->transport != nullptr && !d->is_fragment) {
    std::uint8_t* transport = at(d->transport);
    const std::size_t offset = d->protocol == 17 ? 6 : d->protocol == 6 ? 16 : 2;
    std::memset(transport + offset, 0, 2);
    const std::size_t length = static_cast<std::size_t>(d->payload - d->transport) + d->payload_length;
    std::uint64_t pseudo = 0;
    if (d->protocol != 1 && d->protocol != 2) {
      const std::size_t address = d->ip_version == 4 ? 12 : 8, size = d->ip_version == 4 ? 8 : 32;
      pseudo = ones_sum({d->network + address, size}) + (std::uint64_t{d->protocol} << 8) +
               __builtin_bswap32(static_cast<std::uint32_t>(length));
    }
    put(transport + offset, ones_sum({transport, length}, pseudo));
  }
  if (d->ip_version == 4) {
    std::uint8_t* header = at(d->network);
    std::memset(header + 10, 0, 2);
    put(header + 10, ones_sum({header, static_cast<std::size_t>(header[0] & 15) * 4}));
  }
  return frame;
}

struct Sample {
  const char* name;
  LinkType link;
  Packet packet;
};

// One frame, at least, of each form that the decoder reads; all of them without a fault.
std::vector<Sample> all_samples();

}  // namespace tsujiban::decode::test
