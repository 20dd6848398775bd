// Nothing on the packet path allocates, all parts together: malloc itself is counted. Warmed up on one set of packets,
// then counted on another with new flows, streams, fragments and conversations.
#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>

#include "pipeline/pipeline_test_support.h"

namespace {
std::atomic<unsigned long> allocations{0}, frees{0};
}

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__) && defined(__GLIBC__)
extern "C" {
void* __libc_malloc(std::size_t);
void* __libc_calloc(std::size_t, std::size_t);
void* __libc_realloc(void*, std::size_t);
void __libc_free(void*);
void* malloc(std::size_t size) { return ++allocations, __libc_malloc(size); }
void* calloc(std::size_t count, std::size_t size) { return ++allocations, __libc_calloc(count, size); }
void* realloc(void* at, std::size_t size) { return ++allocations, __libc_realloc(at, size); }
void free(void* at) {
  ++frees;
  __libc_free(at);
}
}
#define TSUJIBAN_COUNTS_MALLOC 1
#endif

namespace tsujiban::pipeline {
namespace {

std::vector<std::pair<Frame, double>> traffic(std::uint32_t base, double start) {
  std::vector<std::pair<Frame, double>> frames;
  double t = start;
  constexpr std::uint8_t syn = tcp_flag::syn, ack = tcp_flag::ack, fin = tcp_flag::fin;
  for (std::uint32_t i = 0; i < 300; ++i) {
    const End a{base + i, static_cast<std::uint16_t>(3610 + i % 3)}, b{base + 100'000, 3610}, c{base + i, 40'000},
        d{base + 200'000, 80};
    frames.emplace_back(udp_frame(a, b, echonet_get(static_cast<std::uint16_t>(i))), t += 0.01);
    frames.emplace_back(udp_frame(b, a, echonet_get_res(static_cast<std::uint16_t>(i))), t += 0.01);
    frames.emplace_back(udp_frame(a, {0xe0001700, 3610}, echonet_get(1)), t += 0.01);
    for (Frame& fragment : udp_fragments(a, b, echonet_get(3) + std::string(64, 'x'), static_cast<std::uint16_t>(i)))
      frames.emplace_back(std::move(fragment), t += 0.01);
    frames.emplace_back(tcp_frame(c, d, 99, 0, syn, ""), t += 0.01);
    frames.emplace_back(tcp_frame(d, c, 999, 100, syn | ack, ""), t += 0.01);
    frames.emplace_back(tcp_frame(c, d, 110, 1000, ack, "later attack"), t += 0.01);  // Before its turn.
    frames.emplace_back(tcp_frame(c, d, 100, 1000, ack, "0123456789"), t += 0.01);
    frames.emplace_back(tcp_frame(c, {b.address, 3610}, 500, 1, ack, echonet_get(4)),
                        t += 0.01);  // Picked up in the middle.
    frames.emplace_back(tcp_frame(c, d, 122, 1000, fin | ack, ""), t += 0.01);
    frames.emplace_back(arp_frame(a.address, b.address), t += 0.01);
    Frame broken = udp_frame(a, b, "\x10\x81 not a frame");
    frames.emplace_back(std::move(broken), t += 0.01);
  }
  return frames;
}

TEST(PacketPath, allocates_nothing_once_it_is_warm) {
#ifndef TSUJIBAN_COUNTS_MALLOC
  GTEST_SKIP() << "a sanitizer's allocator stands in malloc's place";
#endif
  Bench bench(
      "alert tcp any any -> any 80 (msg:\"m\"; content:\"attack\"; sid:1; rev:1;)\n"
      "alert udp any any -> any 3610 (msg:\"u\"; content:\"|02 88 01 62|\"; sid:2; rev:1;)\n");
  const auto warm_up = traffic(0x0a000000, 1000), counted = traffic(0x0b000000, 3000);
  for (const auto& [frame, time] : warm_up) {
    bench.packet(frame, time);
    bench.drain(false);
  }
  const unsigned long before = allocations;
  for (const auto& [frame, time] : counted) {
    bench.packet(frame, time);
    bench.drain(false);
  }
  EXPECT_EQ(allocations - before, 0u) << "over " << counted.size() << " packets";
  EXPECT_GT(bench.counters->flows_expired.value(), 500u) << "the flows of the warm-up did not even end";
  EXPECT_GT(bench.counters->signature_matches.value(), 600u);
  EXPECT_GT(bench.counters->messages[static_cast<std::size_t>(AppProtocol::echonet_lite)][0x62].value(), 1500u);
}

// The thread that made a configuration frees it, too: whoever waits for its lock would lose packets.
TEST(PacketPath, neither_allocates_nor_frees_when_it_goes_over_to_another_configuration) {
#ifndef TSUJIBAN_COUNTS_MALLOC
  GTEST_SKIP() << "a sanitizer's allocator stands in malloc's place";
#endif
  const auto rules = [](const char* text) {
    std::vector<config::Fault> faults;
    return detect::RuleSet::load_text("test.rules", text, faults);
  };
  Bench bench("alert tcp any any -> any 80 (msg:\"m\"; content:\"attack\"; sid:1; rev:1;)\n");
  const auto warm_up = traffic(0x0a000000, 1000), counted = traffic(0x0a000000, 1100);
  for (const auto& [frame, time] : warm_up) {
    bench.packet(frame, time);
    bench.drain(false);
  }
  Configured next = bench.run;
  std::vector<config::Fault> faults;
  next.config = config::load_text(
      "site.yaml", "site: {name: x, timezone: Asia/Tokyo}\nassets: [{name: a, role: ems, address: 10.0.0.1}]\n",
      faults);
  next.inventory = std::make_shared<const policy::Inventory>(next.config);
  next.allow = std::make_shared<const policy::AllowList>(next.inventory);
  next.rules = rules("alert tcp any any -> any 80 (msg:\"n\"; content:\"0123\"; sid:2; rev:1;)\n");
  std::unique_ptr<metrics::WorkerCounters> spare[1] = {std::make_unique<metrics::WorkerCounters>()};
  auto made = make_replacement(bench.run, next, spare);
  bench.run = RunContext{};
  next = Configured{};
  bench.worker->replacement().put(*made);
  const unsigned long before = allocations, freed_before = frees;
  for (const auto& [frame, time] : counted) {
    bench.packet(frame, time);
    bench.drain(false);
  }
  EXPECT_EQ(allocations - before, 0u);
  EXPECT_EQ(frees - freed_before, 0u);
  EXPECT_TRUE(bench.worker->replacement().is_taken());
  EXPECT_GT(spare[0]->signature_scans.value(), 100u) << "the new rules were never searched";
}

}  // namespace
}  // namespace tsujiban::pipeline
