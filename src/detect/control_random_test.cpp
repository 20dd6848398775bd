// Random facts through all detectors of writes and of ECHONET Lite: nothing allocates, nothing depends on the hash
// seed, and no sum outlives its window.
#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>
#include <new>
#include <random>

#include "detect/control_power.h"
#include "detect/control_test_support.h"
#include "detect/control_writes.h"
#include "detect/echonet_messages.h"
#include "detect/echonet_nodes.h"

namespace {
std::atomic<std::uint64_t> allocations{0};
}
// The sanitizers replace these themselves; with them there is nothing to count.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define TSUJIBAN_NEW_COUNTED 0
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || __has_feature(memory_sanitizer)
#define TSUJIBAN_NEW_COUNTED 0
#endif
#endif
#ifndef TSUJIBAN_NEW_COUNTED
#define TSUJIBAN_NEW_COUNTED 1
#endif
#if TSUJIBAN_NEW_COUNTED
// Not inlined, or the compiler sees a malloc where it expects a new.
[[gnu::noinline]] void* operator new(std::size_t bytes) {
  allocations.fetch_add(1, std::memory_order_relaxed);
  if (void* at = std::malloc(bytes); at != nullptr) return at;
  throw std::bad_alloc();
}
[[gnu::noinline]] void operator delete(void* at) noexcept { std::free(at); }
[[gnu::noinline]] void operator delete(void* at, std::size_t) noexcept { std::free(at); }
#endif

namespace tsujiban::detect::test {
namespace {

// A hash over what was raised, in its order; keeps nothing.
class HashingSink final : public SiteEngine::AlertSink {
 public:
  void raise(const Alert& alert) noexcept override {
    ++count;
    hash = hash_words({}, hash ^ static_cast<std::uint64_t>(alert.detector), alert.packet_number);
    hash = hash_words({}, hash ^ alert.source.low, alert.destination.low ^ alert.merge_key);
    for (const auto& line : alert.why) {
      hash = hash_bytes({}, {reinterpret_cast<const std::uint8_t*>(line.data()), line.size()}, hash);
    }
  }
  std::uint64_t count = 0, hash = 0;
};

Fact random_fact(std::mt19937& random, double seconds) {
  const auto below = [&](std::uint32_t n) { return static_cast<std::uint32_t>(random() % n); };
  constexpr FactKind kinds[] = {FactKind::control_write, FactKind::reading, FactKind::request,  FactKind::response,
                                FactKind::inquiry,       FactKind::object,  FactKind::malformed};
  Fact fact;
  fact.kind = kinds[below(7)];
  fact.protocol = AppProtocol::echonet_lite;
  fact.time = at(seconds);
  fact.packet_number = static_cast<std::uint64_t>(seconds * 1000);
  fact.segment = below(4) == 0 ? SegmentKey{} : home(static_cast<int>(below(5)));
  fact.source = IpAddress::v4(0xc0a80100 + below(32));
  fact.to_group = fact.kind == FactKind::request || below(10) == 0;
  fact.destination = IpAddress::v4(fact.to_group ? 0xe0001700 : below(50) == 0 ? 0xcb007109 : 0xc0a80100 + below(32));
  fact.source_mac.value = below(3) == 0 ? 0 : 0x020000000000 + below(40);
  constexpr std::uint32_t objects[] = {0x027d01, 0x027d00, 0x027901, 0x013001, 0x0ef001, 0x05ff01, 0x028801};
  constexpr std::uint32_t points[] = {0x80, 0x83, 0x88, 0xb0, 0xb3, 0xda, 0xeb, 0xcc};
  const std::uint32_t object = objects[below(7)] + below(2) * 256, point = points[below(8)], code = 0x40 + below(6);
  switch (fact.kind) {
    case FactKind::control_write:
      fact.control_write = ControlWrite{};
      fact.control_write.object = object;
      fact.control_write.point = point;
      fact.control_write.code = code;
      fact.control_write.size_bytes = 1;
      fact.control_write.effect = static_cast<WriteEffect>(below(6));
      fact.control_write.direction = static_cast<LoadDirection>(below(5));
      fact.control_write.check = static_cast<ValueCheck>(below(5));
      fact.control_write.refused = below(4) == 0;
      fact.control_write.value = below(20'000);
      break;
    case FactKind::reading:
      fact.reading = Reading{};
      fact.reading.object = object;
      fact.reading.point = point;
      fact.reading.code = code;
      fact.reading.value_hash = below(8);
      fact.reading.announced = below(2) == 0;
      break;
    case FactKind::inquiry:
      fact.inquiry = Inquiry{};
      fact.inquiry.object = object;
      fact.inquiry.bytes = below(300);
      fact.inquiry.points = {random(), random()};
      fact.inquiry.lists_objects = below(2) == 0;
      fact.inquiry.refused = below(3) == 0;
      break;
    case FactKind::object:
      fact.object = {static_cast<ObjectSeen::How>(below(4)), object};
      break;
    case FactKind::malformed:
      fact.malformed = {ParseError::echonet_opc_mismatch, 12};
      break;
    default:
      fact.exchange = {object, 0x05ff01, static_cast<std::uint16_t>(below(8)), 0x62, below(2) == 0, below(1000)};
      break;
  }
  return fact;
}

struct Outcome {
  std::uint64_t count, hash, allocated;
  double kw_after;
};
Outcome run(const std::string& yaml, HashSeed seed) {
  static constexpr const SiteDetectorRow* all[] = {&control_writes_row, &control_power_row, &echonet_messages_row,
                                                   &echonet_nodes_row};
  std::vector<SiteDetectorRow> rows;
  for (const SiteDetectorRow* row : all) rows.push_back(*row);
  HashingSink sink;
  SiteEngine engine(site_with_rights(yaml, seed), rows, sink);
  std::mt19937 random(7);
  const std::uint64_t before = allocations.load();
  for (int i = 0; i < 40'000; ++i) {
    engine.fact(random_fact(random, i * 0.05));
    if (i % 200 == 0) engine.tick(at(i * 0.05));
  }
  engine.tick(at(40'000));
  const std::uint64_t allocated = allocations.load() - before;
  return {sink.count, sink.hash, allocated, engine.power_at_risk_kw()};
}

TEST(ControlDetectors, allocate_nothing_depend_on_no_hash_seed_and_forget_their_sums) {
  for (const std::string& yaml : {homes_text(4), no_inventory}) {
    const Outcome one = run(yaml, {}), other = run(yaml, HashSeed{11, 13});
    EXPECT_GT(one.count, 100u);
    EXPECT_EQ(one.count, other.count);
    EXPECT_EQ(one.hash, other.hash);
    EXPECT_EQ(one.allocated, 0u);
    EXPECT_DOUBLE_EQ(one.kw_after, 0);
  }
}

}  // namespace
}  // namespace tsujiban::detect::test
