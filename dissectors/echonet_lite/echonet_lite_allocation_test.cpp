// After construction nothing allocates: every allocation of the program is counted.
#include <gtest/gtest.h>

#include "base/test_allocations.h"
#include "dissect/test_counting_sink.h"
#include "dissectors/echonet_lite/echonet_lite_test_sink.h"

namespace tsujiban::echonet_lite {
namespace {

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
  dissect::testing::CountingSink sink;
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
