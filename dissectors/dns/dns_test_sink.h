#pragma once
// For tests of this folder: keeps what the dissector tells.
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "dissect/test_sink.h"
#include "dissectors/dns/dns_dissector.h"

namespace tsujiban::dns::testing {

using dissect::testing::bytes_of;
using dissect::testing::Octets;
using dissect::testing::ToldAnomaly;

// Messages piece by piece.
struct Builder {
  Octets bytes;
  Builder& u8(unsigned v) { return bytes.push_back(static_cast<std::uint8_t>(v)), *this; }
  Builder& u16(unsigned v) { return u8(v >> 8 & 255).u8(v & 255); }
  Builder& u32(std::uint32_t v) { return u16(v >> 16).u16(v & 0xFFFF); }
  Builder& header(unsigned id, unsigned flags, unsigned qd, unsigned an = 0, unsigned ns = 0, unsigned ar = 0) {
    return u16(id).u16(flags).u16(qd).u16(an).u16(ns).u16(ar);
  }
  Builder& name(std::string_view dotted) {
    while (!dotted.empty()) {
      const std::size_t dot = dotted.find('.');
      const std::string_view label = dotted.substr(0, dot);
      u8(static_cast<unsigned>(label.size()));
      bytes.insert(bytes.end(), label.begin(), label.end());
      dotted = dot == std::string_view::npos ? std::string_view{} : dotted.substr(dot + 1);
    }
    return u8(0);
  }
  Builder& pointer(unsigned target) { return u16(0xC000 | target); }
  Builder& question(std::string_view dotted, unsigned type, unsigned rr_class = 1) {
    return name(dotted).u16(type).u16(rr_class);
  }
  Builder& tail(unsigned type, std::uint32_t ttl, const Octets& data, unsigned rr_class = 1) {
    u16(type).u16(rr_class).u32(ttl).u16(static_cast<unsigned>(data.size()));
    bytes.insert(bytes.end(), data.begin(), data.end());
    return *this;
  }
  Builder& record(std::string_view dotted, unsigned type, std::uint32_t ttl, const Octets& data,
                  unsigned rr_class = 1) {
    return name(dotted).tail(type, ttl, data, rr_class);
  }
};
inline Octets with_length(const Octets& message) {
  Octets bytes = {static_cast<std::uint8_t>(message.size() >> 8), static_cast<std::uint8_t>(message.size())};
  bytes.insert(bytes.end(), message.begin(), message.end());
  return bytes;
}
// An answer with an alias and two addresses, written as a resolver does: pointers for every owner.
inline Octets sample_answer(unsigned id = 0x1234) {
  Builder b;
  b.header(id, 0x8180, 1, 3, 1, 1).question("www.example.jp", 1);
  b.pointer(12).tail(rr::cname, 300, {0x04, 'h', 'o', 's', 't', 0xC0, 0x10});
  const unsigned host = 12 + 16 + 4 + 12;
  b.pointer(host).tail(rr::a, 60, {192, 0, 2, 1}).pointer(host).tail(rr::a, 60, {192, 0, 2, 2});
  b.pointer(16).tail(rr::ns, 3600, {0x02, 'n', 's', 0xC0, 0x10});
  b.u8(0).u16(rr::opt).u16(1232).u32(0).u16(0);
  return b.bytes;
}
inline Octets sample_query(unsigned id = 0x1234) {
  return Builder{}.header(id, 0x0100, 1).question("www.example.jp", 1).bytes;
}

struct TestSink final : dissect::testing::TestSink {
  explicit TestSink(bool want_records = true, bool want_facts = true, std::size_t capacity = 1 << 20)
      : dissect::testing::TestSink(EventType::dns, want_records, want_facts, capacity) {}
};

// What the dispatcher does with a stream's direction, in the simplest way; and a context.
struct Bench {
  static inline const IpAddress client = IpAddress::v4(0xC0A8140A), server = IpAddress::v4(0xC0A81401);

  explicit Bench(bool want_records = true, bool want_facts = true, std::size_t record_bytes = 1 << 20)
      : counters(std::make_unique<metrics::WorkerCounters>()),
        sink(want_records, want_facts, record_bytes),
        dissector(*counters) {
    context.packet = nullptr;
    context.time = {1'700'000'000'000'000'000};
    context.flow_id = 1;
    context.direction = Direction::to_responder;
    context.source = client;
    context.destination = server;
    context.source_port = 40000;
    context.destination_port = port_dns;
    context.ip_protocol = 17;
    context.app_protocol = AppProtocol::dns;
  }
  void ask(const Octets& message) { send(client, 40000, server, port_dns, message); }
  void answer(const Octets& message) { send(server, port_dns, client, 40000, message); }
  void send(const IpAddress& from, std::uint16_t from_port, const IpAddress& to, std::uint16_t to_port,
            const Octets& message) {
    context.source = from;
    context.source_port = from_port;
    context.destination = to;
    context.destination_port = to_port;
    dissector.datagram(context, message, sink);
  }
  std::string last() const { return sink.records.empty() ? std::string{} : sink.records.back(); }
  std::vector<Fact> told(FactKind kind) const {
    std::vector<Fact> facts;
    for (const Fact& fact : sink.facts) {
      if (fact.kind == kind) facts.push_back(fact);
    }
    return facts;
  }

  // A piece of stream.
  void stream(Bytes piece) {
    kept.insert(kept.end(), piece.begin(), piece.end());
    if (given_up || kept.size() < needed) return;
    std::size_t used = 0;
    needed = 0;
    while (used < kept.size() && !given_up) {
      const Octets exact(kept.begin() + static_cast<std::ptrdiff_t>(used), kept.end());
      const dissect::Progress progress = dissector.feed(&state, context, exact, sink);
      if (progress.kind == dissect::Progress::Kind::need_more) {
        needed = progress.length;
        if (needed <= exact.size() || needed > registry_row.message_bytes_max) bad_progress = true;
        break;
      }
      if (progress.kind == dissect::Progress::Kind::give_up) {
        given_up = true;
        break;
      }
      if (progress.length == 0 || progress.length > exact.size()) {
        bad_progress = true;
        break;
      }
      if (progress.kind == dissect::Progress::Kind::malformed)
        sink.anomaly(context, Layer::application, progress.error, progress.offset);
      used += progress.length;
    }
    kept.erase(kept.begin(), kept.begin() + static_cast<std::ptrdiff_t>(used));
  }
  void gap(std::uint32_t missing) {
    kept.clear();
    needed = 0;
    dissector.gap(&state, context, missing, sink);
  }
  void finish() {
    if (!given_up) dissector.finish(&state, context, kept, sink);
    kept.clear();
  }

  std::unique_ptr<metrics::WorkerCounters> counters;
  TestSink sink;
  DnsDissector dissector;
  dissect::MessageContext context;
  StreamState state{};
  Octets kept;
  std::size_t needed = 0;
  bool given_up = false, bad_progress = false;
};

}  // namespace tsujiban::dns::testing
