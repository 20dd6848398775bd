// After construction nothing allocates: every allocation of the program is counted.
#include <gtest/gtest.h>

#include <array>
#include <cstdlib>
#include <new>

#include "dissectors/echonet_lite/echonet_lite_test_sink.h"

namespace {
std::size_t allocations = 0;
}
// Not inlined: GCC would see malloc meet delete and warn.
[[gnu::noinline]] void* operator new(std::size_t size) {
  ++allocations;
  if (void* const at = std::malloc(size == 0 ? 1 : size)) return at;
  throw std::bad_alloc();
}
[[gnu::noinline]] void operator delete(void* at) noexcept { std::free(at); }
[[gnu::noinline]] void operator delete(void* at, std::size_t) noexcept { std::free(at); }

namespace tsujiban::echonet_lite {
namespace {

class DroppingSink final : public dissect::RecordSink {
 public:
  DroppingSink() {
    wanted_ = EventTypes::all();
    facts_wanted_ = ~0u;
  }
  JsonWriter* begin(EventType, const dissect::MessageContext&) noexcept override {
    writer_ = JsonWriter(buffer_.data(), buffer_.size());
    writer_.begin_object();
    return &writer_;
  }
  void response_time_here(const Exchange&) noexcept override {}
  void end() noexcept override { ++records; }
  void fact(const Fact&) noexcept override { ++facts; }
  bool is_addition(std::uint64_t, std::uint32_t, Duration, PacketTime) noexcept override { return true; }
  bool is_change(std::uint64_t, std::uint64_t, Duration, PacketTime) noexcept override { return true; }
  Asked& asked(std::uint64_t, PacketTime) noexcept override { return asked_ = {}; }
  void anomaly(const dissect::MessageContext&, Layer, ParseError, std::uint32_t) noexcept override {}
  std::size_t records = 0, facts = 0;

 private:
  Asked asked_{};
  std::array<char, 4096> buffer_;
  JsonWriter writer_{nullptr, 0};
};

TEST(EchonetAllocation, no_message_allocates_after_construction) {
  std::vector<std::vector<std::uint8_t>> messages;
  for (const char* hex : {"108106E105FF010288016206800088 00E700E800E000E300",
                          "108106E102880105FF017206800130880142E70400000698E80400A00028E0040004F3FDE3040000000B",
                          "1081000105FF01027D016E01DA014301D300", "1081001A05FF01027D016E01DA0143", "10820001414243",
                          "108100", "00", "1081000102880105FF0172019F111941414160404000624300414040430202",
                          "1081000105FF010EF001620100", "1081000102880105FF015101E70400"}) {
    messages.push_back(testing::bytes_of(hex));
  }
  const auto counters = std::make_unique<metrics::WorkerCounters>();
  EchonetLiteDissector dissector(dissect::Limits{64}, *counters, HashSeed{});
  DroppingSink sink;
  StreamState state{};
  dissect::MessageContext context{};
  context.source = testing::Bench::controller;
  context.destination = testing::Bench::device;
  const std::size_t before = allocations;
  for (unsigned round = 0; round < 1000; ++round) {
    for (std::vector<std::uint8_t>& message : messages) {
      context.time.ns += 1000;
      if (message.size() > 4) store_be16(message.data() + 2, static_cast<std::uint16_t>(round));
      dissector.datagram(context, message, sink);
      for (std::size_t at = 0; at < message.size();) {
        const dissect::Progress progress = dissector.feed(&state, context, Bytes(message).subspan(at), sink);
        if (progress.length == 0 || progress.kind == dissect::Progress::Kind::need_more) break;
        at += progress.length;
      }
      dissector.finish(&state, context, {}, sink);
      dissector.gap(&state, context, 10, sink);
    }
  }
  EXPECT_EQ(allocations, before);
  EXPECT_GT(sink.records, 10'000u);
  EXPECT_GT(sink.facts, 1'000u);
}

}  // namespace
}  // namespace tsujiban::echonet_lite
