#include "pipeline/pipeline_test_support.h"

#include <gtest/gtest.h>

#include "decode/checksum.h"

namespace tsujiban::pipeline {
namespace {

void put16(Frame& f, std::size_t at, std::uint16_t value) { store_be16(f.data() + at, value); }

// RFC 1071 over `bytes` and, for transports, the pseudo-header.
std::uint16_t checksum_of(Bytes bytes, const Frame& pseudo = {}) {
  std::uint32_t sum = 0;
  const auto add = [&sum](Bytes b) {
    for (std::size_t i = 0; i < b.size(); i += 2) sum += std::uint32_t{b[i]} << 8 | (i + 1 < b.size() ? b[i + 1] : 0u);
  };
  add(pseudo);
  add(bytes);
  while (sum >> 16 != 0) sum = (sum & 0xffff) + (sum >> 16);
  return static_cast<std::uint16_t>(~sum);
}

// Ethernet, one VLAN tag where wanted, and IPv4 in front of `payload`.
Frame ip_frame(std::uint32_t from, std::uint32_t to, std::uint8_t protocol, const Frame& payload, std::uint16_t vlan,
               std::uint16_t id, std::uint16_t fragment) {
  Frame f = {2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1};
  if (vlan != 0) f.insert(f.end(), {0x81, 0x00, static_cast<std::uint8_t>(vlan >> 8), static_cast<std::uint8_t>(vlan)});
  f.insert(f.end(), {0x08, 0x00});
  const std::size_t ip = f.size();
  f.resize(ip + 20);
  f[ip] = 0x45;
  put16(f, ip + 2, static_cast<std::uint16_t>(20 + payload.size()));
  put16(f, ip + 4, id);
  put16(f, ip + 6, fragment);
  f[ip + 8] = 64;
  f[ip + 9] = protocol;
  store_be32(f.data() + ip + 12, from);
  store_be32(f.data() + ip + 16, to);
  put16(f, ip + 10, checksum_of(Bytes(f).subspan(ip, 20)));
  f.insert(f.end(), payload.begin(), payload.end());
  return f;
}

Frame pseudo_header(std::uint32_t from, std::uint32_t to, std::uint8_t protocol, std::size_t length) {
  Frame p(12);
  store_be32(p.data(), from);
  store_be32(p.data() + 4, to);
  p[9] = protocol;
  store_be16(p.data() + 10, static_cast<std::uint16_t>(length));
  return p;
}

Frame udp_datagram(End from, End to, std::string_view payload) {
  Frame u(8);
  put16(u, 0, from.port);
  put16(u, 2, to.port);
  put16(u, 4, static_cast<std::uint16_t>(8 + payload.size()));
  u.insert(u.end(), payload.begin(), payload.end());
  put16(u, 6, checksum_of(u, pseudo_header(from.address, to.address, 17, u.size())));
  return u;
}

}  // namespace

Frame udp_frame(End from, End to, std::string_view payload, std::uint16_t vlan) {
  static std::uint16_t id = 0;  // Differs, so that equal datagrams are no mirrored duplicates.
  return ip_frame(from.address, to.address, 17, udp_datagram(from, to, payload), vlan, ++id, 0);
}

std::vector<Frame> udp_fragments(End from, End to, std::string_view payload, std::uint16_t id) {
  const Frame whole = udp_datagram(from, to, payload);
  const std::size_t cut = whole.size() / 2 / 8 * 8;
  return {ip_frame(from.address, to.address, 17, Frame(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(cut)),
                   0, id, 0x2000),
          ip_frame(from.address, to.address, 17, Frame(whole.begin() + static_cast<std::ptrdiff_t>(cut), whole.end()),
                   0, id, static_cast<std::uint16_t>(cut / 8))};
}

Frame tcp_frame(End from, End to, std::uint32_t sequence, std::uint32_t acknowledgment, std::uint8_t flags,
                std::string_view payload) {
  static std::uint16_t id = 0;
  Frame t(20);
  put16(t, 0, from.port);
  put16(t, 2, to.port);
  store_be32(t.data() + 4, sequence);
  store_be32(t.data() + 8, acknowledgment);
  t[12] = 5 << 4;
  t[13] = flags;
  put16(t, 14, 64000);
  t.insert(t.end(), payload.begin(), payload.end());
  put16(t, 16, checksum_of(t, pseudo_header(from.address, to.address, 6, t.size())));
  return ip_frame(from.address, to.address, 6, t, 0, ++id, 0x4000);
}

Frame arp_frame(std::uint32_t from, std::uint32_t to) {
  Frame f = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2, 0, 0, 0, 0, 1, 0x08, 0x06,
             0,    1,    8,    0,    6,    4,    0, 1, 2, 0, 0, 0, 0,    1};
  f.resize(42);
  store_be32(f.data() + 28, from);
  store_be32(f.data() + 38, to);
  return f;
}

Frame icmpv6_frame(std::uint8_t type, std::string_view body, std::uint8_t hop_limit) {
  Frame f(14 + 40 + 4, 0);
  store_be16(f.data(), 0x3333);
  f[5] = 1;
  f[6] = 2, f[11] = 9;
  store_be16(f.data() + 12, 0x86dd);
  f[14] = 0x60;
  store_be16(f.data() + 18, static_cast<std::uint16_t>(4 + body.size()));
  f[20] = 58;
  f[21] = hop_limit;
  store_be16(f.data() + 22, 0xfe80);
  f[37] = 1;
  store_be16(f.data() + 38, 0xff02);
  f[53] = 1;
  f[54] = type;
  f.insert(f.end(), body.begin(), body.end());
  // RFC 8200, 8.1: over the addresses, the length, the next header and the message.
  std::uint32_t sum = static_cast<std::uint32_t>(4 + body.size()) + 58;
  for (std::size_t i = 22; i < f.size(); ++i) sum += i % 2 == 0 ? std::uint32_t{f[i]} << 8 : f[i];
  while (sum >> 16 != 0) sum = (sum & 0xffff) + (sum >> 16);
  store_be16(f.data() + 56, static_cast<std::uint16_t>(~sum));
  return f;
}

std::string echonet_get(std::uint16_t tid) {
  return {'\x10',
          '\x81',
          static_cast<char>(tid >> 8),
          static_cast<char>(tid),
          '\x05',
          '\xff',
          '\x01',
          '\x02',
          '\x88',
          '\x01',
          '\x62',
          '\x01',
          '\x80',
          '\x00'};
}
std::string echonet_get_res(std::uint16_t tid) {
  return {'\x10',
          '\x81',
          static_cast<char>(tid >> 8),
          static_cast<char>(tid),
          '\x02',
          '\x88',
          '\x01',
          '\x05',
          '\xff',
          '\x01',
          '\x72',
          '\x01',
          '\x80',
          '\x01',
          '\x30'};
}

Bench::Bench(std::string_view rules, EventTypes events, unsigned workers, unsigned index, std::uint32_t facts_wanted,
             std::string_view site) {
  std::vector<config::Fault> faults;
  run.config = site.empty() ? config::defaults() : config::load_text("site.yaml", site, faults);
  EXPECT_TRUE(faults.empty());
  run.inventory = std::make_shared<const policy::Inventory>(run.config);
  if (run.config->has_inventory()) run.allow = std::make_shared<const policy::AllowList>(run.inventory);
  run.rules = detect::RuleSet::load_text("test.rules", rules, faults);
  EXPECT_TRUE(faults.empty());
  run.dissectors = dissect::registry();
  run.events = events;
  run.workers = workers;
  run.facts = facts_wanted;
  run.budget = Budget::for_memory(std::uint64_t{64} << 20, workers);
  run.input_name = [](std::uint16_t) { return std::string_view("test.pcap"); };
  ring = std::make_unique<RecordRing>(run.budget.record_ring_bytes);
  worker = std::make_unique<Worker>(run, index, *ring, *counters, abandoned_);
}

void Bench::packet(const Frame& frame, double seconds) {
  const RawPacket raw{frame.data(),
                      static_cast<std::uint32_t>(frame.size()),
                      static_cast<std::uint32_t>(frame.size()),
                      {static_cast<std::int64_t>(seconds * 1e9)},
                      ++number_,
                      LinkType::ethernet,
                      0};
  worker->process({&raw, 1});
}

void Bench::drain(bool keep) {
  while (const RecordHeader* header = ring->front()) {
    if (keep && header->kind == RecordKind::event) lines.emplace_back(RecordRing::text(header));
    if (keep && header->kind == RecordKind::fact)
      std::memcpy(static_cast<void*>(&facts.emplace_back()), RecordRing::body(header), sizeof(Fact));
    ring->pop();
  }
}

void Bench::finish() {
  worker->finish();
  drain();
}

}  // namespace tsujiban::pipeline
