// After construction nothing allocates: every allocation of the program is counted. zlib has no allocator but ours.
#include <gtest/gtest.h>

#include "base/test_allocations.h"
#include "dissect/test_counting_sink.h"
#include "dissectors/http/http_test_sink.h"

namespace tsujiban::http {
namespace {

TEST(HttpAllocation, no_message_allocates_after_construction) {
  const std::string packed = testing::deflated(std::string(400'000, 'x'), 31);
  const std::string client =
      "POST /a?token=x HTTP/1.1\r\nHost: h\r\nX: a\r\n b\r\nReferer: a\r\nReferer: b\r\nAuthorization: Basic YTpi\r\n"
      "Transfer-Encoding: chunked\r\n\r\n5;x\r\nhello\r\n0\r\nT: t\r\n\r\nGET /" +
      std::string(4000, 'u') + " HTTP/1.1\r\n\r\nGET /c HTTP/1.1\r\n\r\nrubbish\r\nGET /d HTTP/1.1\r\n\r\n";
  const std::string server =
      "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: " + std::to_string(packed.size()) + "\r\n\r\n" +
      packed + "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nx\r\nHTTP/1.0 200 OK\r\n\r\nthe end";
  const auto counters = std::make_unique<metrics::WorkerCounters>();
  HttpDissector dissector({.open_streams = 16}, *counters);
  dissect::testing::CountingSink sink;
  dissect::MessageContext context{};
  for (int round = 0; round < 50; ++round) {
    StreamState state{};
    const std::size_t before = allocations;
    for (const bool of_client : {true, false}) {
      context.direction = of_client ? Direction::to_responder : Direction::to_initiator;
      Bytes rest = testing::bytes_of(of_client ? client : server);
      while (!rest.empty()) {
        const dissect::Progress progress = dissector.feed(&state, context, rest, sink);
        if (progress.kind != dissect::Progress::Kind::consumed) break;
        rest = rest.subspan(progress.length);
      }
      dissector.gap(&state, context, 5, sink);
      dissector.finish(&state, context, rest, sink);
    }
    dissector.close(&state);
    ASSERT_EQ(allocations, before);
  }
  EXPECT_GE(sink.records, 4u * 50);
  EXPECT_GE(sink.anomalies, 3u * 50);
  EXPECT_EQ(dissector.events_in_use(), 0u);
}

}  // namespace
}  // namespace tsujiban::http
