// Nothing on the packet path allocates: every allocation function of this program counts.
#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>
#include <new>
#include <random>

#include "reassembly/fragments.h"
#include "reassembly/stream.h"

namespace {
std::atomic<unsigned long> allocations{0};
}

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__) && defined(__GLIBC__)
// The C library's own names for what lies below; sanitizers bring an allocator of their own.
extern "C" {
void* __libc_malloc(std::size_t);
void* __libc_calloc(std::size_t, std::size_t);
void* __libc_realloc(void*, std::size_t);
void* malloc(std::size_t size) { return ++allocations, __libc_malloc(size); }
void* calloc(std::size_t count, std::size_t size) { return ++allocations, __libc_calloc(count, size); }
void* realloc(void* at, std::size_t size) { return ++allocations, __libc_realloc(at, size); }
}
#else
void* operator new(std::size_t size) {
  ++allocations;
  if (void* at = std::malloc(size)) return at;
  throw std::bad_alloc();
}
void operator delete(void* at) noexcept { std::free(at); }
void operator delete(void* at, std::size_t) noexcept { std::free(at); }
#endif

namespace tsujiban::reassembly {
namespace {

struct Sum final : StreamConsumer {
  std::uint64_t total = 0;
  void bytes(Direction, Bytes piece) noexcept override { total += piece.size(); }
  void gap(Direction, std::uint32_t missing) noexcept override { total += missing; }
  void finished(Direction) noexcept override { ++total; }
  void anomaly(Direction, ParseError, std::uint32_t) noexcept override { ++total; }
};

TEST(ReassemblyAllocation, the_counter_counts) {
  const unsigned long before = allocations;
  delete new int;  // NOLINT
  std::vector<int> kept(1000);
  EXPECT_GT(allocations, before);
}

TEST(ReassemblyAllocation, neither_streams_nor_fragments_allocate_after_construction) {
  metrics::WorkerCounters counters;
  StreamEngine::Limits limits;
  limits.streams_max = 1000;
  limits.memory_bytes_max = 1 << 20;
  StreamEngine engine(limits, counters);
  FragmentTable::Limits fragment_limits;
  fragment_limits.datagrams_max = 100;
  fragment_limits.bytes_max = 1 << 20;
  FragmentTable fragments(fragment_limits, HashSeed{}, counters);
  std::array<std::uint8_t, 2048> data{};
  std::array<std::uint32_t, 1000> streams{};
  std::mt19937 random(1);
  Sum sum;
  const unsigned long before = allocations;
  for (std::uint32_t& stream : streams) stream = engine.open();
  for (int i = 0; i < 300000; ++i) {
    DecodedPacket packet;
    packet.source = IpAddress::v4(static_cast<std::uint32_t>(random() % 5));
    packet.destination = IpAddress::v4(9);
    packet.time = PacketTime{i * 1'000'000LL};
    packet.payload = data.data();
    packet.payload_length = packet.payload_length_wire = static_cast<std::uint32_t>(random() % 1500);
    if (i % 3 == 0) {
      packet.is_fragment = true;
      packet.fragment_id = static_cast<std::uint32_t>(random() % 200);
      packet.fragment_offset = static_cast<std::uint16_t>(random() % 8 * 1000);
      packet.fragment_more = random() % 2 == 0;
      fragments.expire(packet.time);
      sum.total += fragments.add(packet).payload.size();
      continue;
    }
    std::uint32_t& stream = streams[random() % streams.size()];
    packet.tcp_flags = random() % 20 == 0 ? static_cast<std::uint8_t>(random()) : tcp_flag::ack;
    packet.tcp_window = 65535;
    packet.tcp_sequence = static_cast<std::uint32_t>(random() % 100000);
    packet.tcp_acknowledgment = static_cast<std::uint32_t>(random() % 100000);
    engine.segment(stream, static_cast<Direction>(random() % 2), packet, sum);
    if (random() % 500 == 0) {
      engine.close(stream, sum);
      stream = engine.open();
    }
  }
  for (const std::uint32_t stream : streams) engine.close(stream, sum);
  EXPECT_EQ(allocations, before);
  EXPECT_GT(sum.total, 0u);
  EXPECT_EQ(engine.bytes_used(), 0u);
}

}  // namespace
}  // namespace tsujiban::reassembly
