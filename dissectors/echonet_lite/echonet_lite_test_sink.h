#pragma once
// For tests of this folder: keeps what a dissector tells.
#include <string>
#include <string_view>
#include <vector>

#include "dissect/test_sink.h"
#include "dissectors/echonet_lite/echonet_lite_dissector.h"
#include "output/privacy.h"

namespace tsujiban::echonet_lite::testing {

using dissect::testing::bytes_of;
using dissect::testing::ToldAnomaly;

struct TestSink final : dissect::testing::TestSink {
  explicit TestSink(bool want_records = true, bool want_facts = true, std::size_t capacity = 1 << 20)
      : dissect::testing::TestSink(EventType::echonet_lite, want_records, want_facts, capacity) {}
};

// What the dispatcher does with a stream's direction, in the simplest way; and a context.
struct Bench {
  explicit Bench(bool want_records = true, bool want_facts = true, std::uint32_t pairing_entries = 1024,
                 std::size_t record_bytes = 1 << 20)
      : counters(std::make_unique<metrics::WorkerCounters>()),
        sink(want_records, want_facts, record_bytes),
        dissector(dissect::Limits{pairing_entries}, *counters, HashSeed{}) {
    context.packet = nullptr;
    context.time = {1'700'000'000'000'000'000};
    context.flow_id = 1;
    context.direction = Direction::to_responder;
    context.source = controller;
    context.destination = device;
    context.source_port = context.destination_port = port;
    context.ip_protocol = 17;
    context.app_protocol = AppProtocol::echonet_lite;
  }
  static inline const IpAddress controller = IpAddress::v4(0xC0A8140A), device = IpAddress::v4(0xC0A8140B),
                                group = IpAddress::v4(0xE0001700);

  void send(const IpAddress& from, const IpAddress& to, std::string_view hex) { send(from, to, bytes_of(hex)); }
  void send(const IpAddress& from, const IpAddress& to, const std::vector<std::uint8_t>& bytes) {
    context.source = from;
    context.destination = to;
    dissector.datagram(context, bytes, sink);
  }
  void send(std::string_view hex) { send(controller, device, hex); }
  void wait_ms(std::int64_t ms) { context.time = context.time + Duration::milliseconds(ms); }
  std::vector<Fact> told(FactKind kind) const { return sink.told(kind); }
  std::string last() const { return sink.records.empty() ? std::string{} : sink.records.back(); }

  // A piece of stream.
  void stream(Bytes piece) {
    kept.insert(kept.end(), piece.begin(), piece.end());
    if (given_up || kept.size() < needed) return;
    std::size_t used = 0;
    needed = 0;
    while (used < kept.size() && !given_up) {
      const std::vector<std::uint8_t> exact(kept.begin() + static_cast<std::ptrdiff_t>(used), kept.end());
      const dissect::Progress progress = dissector.feed(&state, context, exact, sink);
      ++feeds;
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
  EchonetLiteDissector dissector;
  dissect::MessageContext context;
  StreamState state{};
  std::vector<std::uint8_t> kept;
  std::size_t needed = 0;
  std::size_t feeds = 0;
  bool given_up = false, bad_progress = false;
};

}  // namespace tsujiban::echonet_lite::testing
