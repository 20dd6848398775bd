// After construction nothing allocates: every allocation of the program is counted, OpenSSL's too.
#include <gtest/gtest.h>
#include <openssl/crypto.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <new>

#include "dissectors/tls/tls_test_sink.h"

namespace {
std::size_t allocations = 0;
void* counted(std::size_t size, const char*, int) {
  ++allocations;
  return std::malloc(size);
}
void* counted_again(void* at, std::size_t size, const char*, int) {
  ++allocations;
  return std::realloc(at, size);
}
void given_back(void* at, const char*, int) { std::free(at); }
// Before OpenSSL allocates for the first time.
const int openssl_is_counted = CRYPTO_set_mem_functions(counted, counted_again, given_back);
}  // namespace
// Not inlined: GCC would see malloc meet delete and warn.
[[gnu::noinline]] void* operator new(std::size_t size) {
  ++allocations;
  if (void* const at = std::malloc(size == 0 ? 1 : size)) return at;
  throw std::bad_alloc();
}
[[gnu::noinline]] void operator delete(void* at) noexcept { std::free(at); }
[[gnu::noinline]] void operator delete(void* at, std::size_t) noexcept { std::free(at); }

namespace tsujiban::tls {
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
  std::array<char, 65536> buffer_;
  JsonWriter writer_{nullptr, 0};
};

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
  const auto sink = std::make_unique<DroppingSink>();
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
