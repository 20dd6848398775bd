// ECHONET Lite: nanoseconds a frame, as datagrams with and without pairing, facts and records, and as a stream.
#include <benchmark/benchmark.h>

#include <memory>
#include <vector>

#include "dissectors/echonet_lite/echonet_lite_dissector.h"

namespace {

using namespace tsujiban;

// Takes everything and keeps nothing: what is measured is the dissector.
class NullSink final : public dissect::RecordSink {
 public:
  NullSink(bool records, std::uint32_t wanted) : buffer_(1 << 16), news_(std::size_t{1} << 17) {
    if (records) wanted_ = EventTypes::all();
    facts_wanted_ = wanted;
  }
  JsonWriter* begin(EventType, const dissect::MessageContext&) noexcept override {
    writer_ = JsonWriter(buffer_.data(), buffer_.size());
    writer_.begin_object();
    writer_.field("event_type", std::string_view{"echonet_lite"});
    return &writer_;
  }
  void response_time_here(const Exchange&) noexcept override {}
  void end() noexcept override { benchmark::DoNotOptimize(writer_.size()); }
  void fact(const Fact& told) noexcept override {
    ++facts;
    benchmark::DoNotOptimize(told);
  }
  // As pipeline::RecordWriter remembers it.
  bool is_addition(std::uint64_t place, std::uint32_t bits, Duration repeat, PacketTime now) noexcept override {
    return is_change(place, bits, repeat, now);
  }
  bool is_change(std::uint64_t place, std::uint64_t value, Duration, PacketTime now) noexcept override {
    std::uint64_t& entry = news_[place & (news_.size() - 1)];
    const std::uint64_t told = (place ^ value) | 1;
    static_cast<void>(now);
    if (entry == told) return false;
    entry = told;
    return true;
  }
  Asked& asked(std::uint64_t, PacketTime) noexcept override { return asked_; }
  void anomaly(const dissect::MessageContext&, Layer, ParseError, std::uint32_t) noexcept override {}
  std::uint64_t facts = 0;

 private:
  Asked asked_{};
  std::vector<char> buffer_;
  std::vector<std::uint64_t> news_;
  JsonWriter writer_{nullptr, 0};
};

std::vector<std::uint8_t> bytes_of(std::string_view hex) {
  std::vector<std::uint8_t> bytes;
  const auto digit = [](char c) { return static_cast<unsigned>(c <= '9' ? c - '0' : c - 'A' + 10); };
  for (std::size_t i = 0; i + 1 < hex.size(); i += 2)
    bytes.push_back(static_cast<std::uint8_t>(digit(hex[i]) << 4 | digit(hex[i + 1])));
  return bytes;
}

struct Message {
  IpAddress source, destination;
  std::vector<std::uint8_t> bytes;
};

// Requests and their answers of many homes, 2.8 properties in the mean, a tid each.
std::vector<Message> exchanges(unsigned homes) {
  // Request and answer, the shares of a polling controller: 2, 2, 6, 1 and 3 properties.
  static constexpr const char* pairs[][2] = {
      {"1081000105FF010288016202E700E800", "1081000102880105FF017202E7040000029CE80400280028"},
      {"1081000105FF01027D016202DA00E400", "10810001027D0105FF017202DA0142E40132"},
      {"1081000105FF010288016206800088 00E700E800E000E300",
       "1081000102880105FF017206800130880142E70400000698E80400A00028E0040004F3FDE3040000000B"},
      {"1081000105FF01027D016101DA0142", "10810001027D0105FF017101DA00"},
      {"1081000105FF010130016203800 0BB00BE00", "1081000101300105FF017203800130BB011BBE0116"}};
  std::vector<Message> messages;
  std::uint16_t tid = 1;
  for (unsigned home = 0; home < homes; ++home) {
    const IpAddress controller = IpAddress::v4(0xC0A80002 + (home << 8)),
                    device = IpAddress::v4(0xC0A80014 + (home << 8));
    for (const auto& pair : pairs) {
      for (unsigned side = 0; side < 2; ++side) {
        std::string hex;
        for (const char* c = pair[side]; *c != 0; ++c) {
          if (*c != ' ') hex += *c;
        }
        Message message{side == 0 ? controller : device, side == 0 ? device : controller, bytes_of(hex)};
        store_be16(message.bytes.data() + 2, tid);
        messages.push_back(message);
      }
      ++tid;
    }
  }
  return messages;
}

dissect::MessageContext context_of() {
  dissect::MessageContext context{};
  context.packet = nullptr;
  context.time = {1'700'000'000'000'000'000};
  context.app_protocol = AppProtocol::echonet_lite;
  return context;
}

void datagrams(benchmark::State& state, bool records, std::uint32_t facts) {
  const std::vector<Message> messages = exchanges(static_cast<unsigned>(state.range(0)));
  const auto counters = std::make_unique<metrics::WorkerCounters>();
  NullSink sink(records, facts);
  echonet_lite::EchonetLiteDissector dissector({}, *counters, HashSeed{});
  dissect::MessageContext context = context_of();
  std::size_t i = 0;
  for (auto _ : state) {
    const Message& message = messages[i];
    i = i + 1 == messages.size() ? 0 : i + 1;
    context.time.ns += 1000;
    context.source = message.source;
    context.destination = message.destination;
    dissector.datagram(context, message.bytes, sink);
  }
  state.SetItemsProcessed(state.iterations());
  state.counters["facts"] =
      benchmark::Counter(static_cast<double>(sink.facts) / static_cast<double>(state.iterations()));
}

constexpr std::uint32_t all_facts = ~0u, responses = 1u << static_cast<unsigned>(FactKind::response);
void BM_echonet_datagram_counted(benchmark::State& state) { datagrams(state, false, 0); }
void BM_echonet_datagram_paired(benchmark::State& state) { datagrams(state, false, responses); }
void BM_echonet_datagram_facts(benchmark::State& state) { datagrams(state, false, all_facts); }
void BM_echonet_datagram_records(benchmark::State& state) { datagrams(state, true, 0); }
void BM_echonet_datagram_records_and_facts(benchmark::State& state) { datagrams(state, true, all_facts); }

void BM_echonet_stream(benchmark::State& state) {
  const std::vector<Message> messages = exchanges(100);
  const auto counters = std::make_unique<metrics::WorkerCounters>();
  NullSink sink(false, 0);
  echonet_lite::EchonetLiteDissector dissector({}, *counters, HashSeed{});
  dissect::MessageContext context = context_of();
  context.source = IpAddress::v4(0xC0A80002);
  context.destination = IpAddress::v4(0xC0A80014);
  std::vector<std::uint8_t> stream;
  for (const Message& message : messages) stream.insert(stream.end(), message.bytes.begin(), message.bytes.end());
  echonet_lite::StreamState stream_state{};
  for (auto _ : state) {
    context.time.ns += 1'000'000;
    for (std::size_t at = 0; at < stream.size();) {
      const dissect::Progress progress = dissector.feed(&stream_state, context, Bytes(stream).subspan(at), sink);
      at += progress.length;
    }
  }
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(messages.size()));
}

BENCHMARK(BM_echonet_datagram_counted)->Arg(10)->Arg(1000);
BENCHMARK(BM_echonet_datagram_paired)->Arg(10)->Arg(1000);
BENCHMARK(BM_echonet_datagram_facts)->Arg(10)->Arg(1000);
BENCHMARK(BM_echonet_datagram_records)->Arg(10)->Arg(1000);
BENCHMARK(BM_echonet_datagram_records_and_facts)->Arg(10)->Arg(1000);
BENCHMARK(BM_echonet_stream);

}  // namespace
