// After construction nothing allocates: every allocation of the program is counted, OpenSSL's too.
#include <gtest/gtest.h>
#include <openssl/crypto.h>

#include <filesystem>
#include <fstream>
#include <iterator>

#include "base/test_allocations.h"
#include "dissect/test_counting_sink.h"
#include "dissectors/tls/tls_test_sink.h"

namespace {
void* counted(std::size_t size, const char*, int) { return ++tsujiban::allocations, std::malloc(size); }
void* counted_again(void* at, std::size_t size, const char*, int) {
  return ++tsujiban::allocations, std::realloc(at, size);
}
void given_back(void* at, const char*, int) { std::free(at); }
// Before OpenSSL allocates for the first time.
const int openssl_is_counted = CRYPTO_set_mem_functions(counted, counted_again, given_back);
}  // namespace

namespace tsujiban::tls {
namespace {

TEST(TlsAllocation, no_handshake_allocates_after_construction) {
  ASSERT_EQ(openssl_is_counted, 1);
  std::vector<testing::Exchange> exchanges;
  for (const auto& entry : std::filesystem::directory_iterator(std::filesystem::path(TSUJIBAN_SOURCE_DIR) /
                                                               "dissectors" / "tls" / "corpus" / "tls_fuzz")) {
    std::ifstream file(entry.path(), std::ios::binary);
    const testing::Octets bytes((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
    exchanges.push_back(testing::exchange_of(bytes));
  }
  ASSERT_GE(exchanges.size(), 10u);
  const auto counters = std::make_unique<metrics::WorkerCounters>();
  const auto sink = std::make_unique<dissect::testing::CountingSink>();
  TlsDissector dissector({64, 64}, *counters, HashSeed{});
  dissect::MessageContext context{};
  const std::size_t before = allocations;
  for (const testing::Exchange& exchange : exchanges) {
    StreamState state{};
    bool done = false;
    for (const testing::Chunk& chunk : exchange) {
      context.direction = chunk.direction;
      Bytes rest(chunk.bytes);
      while (!rest.empty() && !done) {
        const dissect::Progress progress = dissector.feed(&state, context, rest, *sink);
        done = progress.kind == dissect::Progress::Kind::done;
        if (progress.length == 0 || progress.kind == dissect::Progress::Kind::need_more) break;
        rest = rest.subspan(progress.length);
      }
    }
    for (const Direction direction : {Direction::to_responder, Direction::to_initiator}) {
      context.direction = direction;
      dissector.finish(&state, context, {}, *sink);
    }
    dissector.close(&state);
  }
  EXPECT_EQ(allocations, before);
  EXPECT_GE(sink->records, 10u);
  EXPECT_EQ(sink->facts, sink->records);
}

}  // namespace
}  // namespace tsujiban::tls
