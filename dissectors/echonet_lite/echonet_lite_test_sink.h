#pragma once
// For tests of this folder: keeps what a dissector tells.
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "dissect/dissector.h"
#include "dissectors/echonet_lite/echonet_lite_dissector.h"
#include "output/privacy.h"

namespace tsujiban::echonet_lite::testing {

inline std::vector<std::uint8_t> bytes_of(std::string_view hex) {
  std::vector<std::uint8_t> bytes;
  auto digit = [](char c) { return static_cast<unsigned>(c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10); };
  std::string digits;
  for (const char c : hex) {
    if (c != ' ') digits += c;
  }
  for (std::size_t i = 0; i + 1 < digits.size(); i += 2)
    bytes.push_back(static_cast<std::uint8_t>(digit(digits[i]) << 4 | digit(digits[i + 1])));
  return bytes;
}

struct ToldAnomaly {
  ParseError error;
  std::uint32_t offset;
  bool operator==(const ToldAnomaly&) const = default;
};

class TestSink final : public dissect::RecordSink {
 public:
  explicit TestSink(bool want_records = true, bool want_facts = true, std::size_t capacity = 1 << 20)
      : buffer_(capacity) {
    if (want_records) wanted_ = EventTypes::all();
    if (want_facts) facts_wanted_ = ~0u;
  }
  JsonWriter* begin(EventType type, const dissect::MessageContext&) noexcept override {
    if (type != EventType::echonet_lite) return nullptr;
    writer_ = JsonWriter(buffer_.data(), buffer_.size());
    writer_.begin_object();
    writer_.field("event_type", std::string_view{"echonet_lite"});
    return &writer_;
  }
  void response_time_here(const Exchange& answer) noexcept override { unpaired.push_back(answer); }
  void end() noexcept override {
    writer_.end_object();
    overflowed = overflowed || writer_.overflowed();
    // The object alone: what stands between the envelope and the last brace.
    const std::string text(writer_.text());
    const std::string head = "{\"event_type\":\"echonet_lite\",\"echonet_lite\":";
    records.push_back(
        text.substr(std::min(text.size(), head.size()), text.size() > head.size() ? text.size() - head.size() - 1 : 0));
  }
  void fact(const Fact& told) noexcept override { facts.push_back(told); }
  bool is_addition(std::uint64_t place, std::uint32_t bits, Duration repeat, PacketTime now) noexcept override {
    const auto [at, added] = news_.try_emplace(place, std::pair{std::uint64_t{bits}, now});
    if (added) return true;
    if (now - at->second.second >= repeat) at->second = {0, now};
    if ((bits & ~at->second.first) == 0) return false;
    at->second.first |= bits;
    return true;
  }
  bool is_change(std::uint64_t place, std::uint64_t value, Duration repeat, PacketTime now) noexcept override {
    const auto [at, added] = news_.try_emplace(place, std::pair{value, now});
    if (!added && at->second.first == value && now - at->second.second < repeat) return false;
    at->second = {value, now};
    return true;
  }
  void anomaly(const dissect::MessageContext&, Layer, ParseError error, std::uint32_t offset) noexcept override {
    anomalies.push_back({error, offset});
  }

  void set_mask(const output::Mask* mask) { mask_ = mask; }

  std::vector<std::string> records;
  std::vector<Fact> facts;
  std::vector<Exchange> unpaired;
  std::vector<ToldAnomaly> anomalies;
  bool overflowed = false;

 private:
  std::map<std::uint64_t, std::pair<std::uint64_t, PacketTime>> news_;
  std::vector<char> buffer_;
  JsonWriter writer_{nullptr, 0};
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
  std::vector<Fact> told(FactKind kind) const {
    std::vector<Fact> facts;
    for (const Fact& fact : sink.facts) {
      if (fact.kind == kind) facts.push_back(fact);
    }
    return facts;
  }
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
