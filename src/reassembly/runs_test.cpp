#include "reassembly/runs.h"

#include <gtest/gtest.h>

#include <cstring>
#include <map>
#include <string>
#include <vector>

#include "reassembly/test_packets.h"

namespace tsujiban::reassembly {
namespace {

TEST(ByteStore, blocks_have_the_asked_size_and_handle_0_is_none) {
  ByteStore store(1 << 20);
  for (const std::size_t size : {1u, 127u, 128u, 129u, 1000u, 65535u, 65536u, 262144u}) {
    const ByteStore::Handle handle = store.allocate(size);
    ASSERT_NE(handle, 0u);
    EXPECT_GE(store.capacity(handle), size);
    std::memset(store.data(handle), 0xab, store.capacity(handle));
    store.release(handle);
  }
  EXPECT_EQ(store.allocate(262145), 0u);
  EXPECT_EQ(store.bytes_used(), 0u);
}

TEST(ByteStore, the_cap_holds_and_memory_serves_every_class_again) {
  ByteStore store(4 * 262144);
  std::vector<ByteStore::Handle> handles;
  for (const std::size_t size : {128u, 262144u, 1024u, 128u, 32768u}) {
    for (;;) {
      const ByteStore::Handle handle = store.allocate(size);
      if (handle == 0) break;
      handles.push_back(handle);
    }
    EXPECT_EQ(store.bytes_used(), 4u * 262144) << size;
    for (const auto handle : handles) store.release(handle);
    handles.clear();
    EXPECT_EQ(store.bytes_used(), 0u);
  }
}

TEST(ByteStore, random_use_keeps_contents) {
  ByteStore store(1 << 20);
  test::Random random(1);
  struct Kept {
    ByteStore::Handle handle;
    std::size_t size;
    std::uint8_t mark;
  };
  std::vector<Kept> kept;
  for (int i = 0; i < 200000; ++i) {
    if (random() % 2 == 0 || kept.empty()) {
      const std::size_t size = 1 + random() % (1u << (random() % 17));
      const ByteStore::Handle handle = store.allocate(size);
      if (handle == 0) continue;
      const auto mark = static_cast<std::uint8_t>(random());
      std::memset(store.data(handle), mark, size);
      kept.push_back({handle, size, mark});
    } else {
      const std::size_t at = random() % kept.size();
      Kept& k = kept[at];
      if (random() % 4 == 0) {
        if (store.grow(k.handle, std::min<std::size_t>(k.size * 2, 65536))) {
          ASSERT_EQ(store.data(k.handle)[k.size - 1], k.mark);
        }
        continue;
      }
      ASSERT_EQ(store.data(k.handle)[0], k.mark);
      ASSERT_EQ(store.data(k.handle)[k.size - 1], k.mark);
      store.release(k.handle);
      kept[at] = kept.back();
      kept.pop_back();
    }
    ASSERT_LE(store.bytes_used(), std::size_t{1} << 20);
  }
  for (const Kept& k : kept) store.release(k.handle);
  EXPECT_EQ(store.bytes_used(), 0u);
}

TEST(Runs, random_inserts_equal_a_map_of_bytes) {
  for (std::uint32_t seed = 0; seed < 400; ++seed) {
    test::Random random(seed);
    ByteStore store(16 << 20);
    Runs runs;
    const std::uint32_t base = seed % 2 == 0 ? 0xfffffff0u - random() % 1000 : 0;
    const std::uint32_t span = seed % 50 == 0 ? 150000 : 2000;
    std::map<std::uint32_t, std::uint8_t> model;  // By offset from base.
    for (int i = 0; i < 60; ++i) {
      const std::uint32_t at = random() % span, length = 1 + random() % (span / 8);
      std::vector<std::uint8_t> data(length);
      for (auto& b : data) b = static_cast<std::uint8_t>(random() % 2);
      std::uint32_t overlapped = 0;
      bool differs = false;
      std::uint32_t differs_at = 0;
      for (std::uint32_t k = 0; k < length; ++k) {
        const auto found = model.find(at + k);
        if (found == model.end()) {
          model[at + k] = data[k];
          continue;
        }
        ++overlapped;
        if (found->second != data[k] && !differs) differs = true, differs_at = base + at + k;
      }
      const InsertResult result =
          insert_run(store, runs, base, base + at, data, OverlapPolicy::first, {1u << 30, 65535});
      ASSERT_FALSE(result.refused);
      ASSERT_EQ(result.overlapped, overlapped);
      ASSERT_EQ(result.stored, length - overlapped);
      ASSERT_EQ(result.differs, differs);
      if (differs) {
        ASSERT_EQ(result.differs_at, differs_at);
      }
      ASSERT_EQ(runs.bytes, model.size());
    }
    std::uint32_t last_end = base, count = 0;
    auto expected = model.begin();
    for (auto handle = runs.first; handle != 0; handle = run_of(store, handle).next, ++count) {
      const reassembly::Run& run = run_of(store, handle);
      ASSERT_GE(run.start - base, last_end - base);
      last_end = run.end();
      const Bytes bytes = bytes_of(store, handle);
      for (std::uint32_t k = 0; k < bytes.size(); ++k) {
        ASSERT_EQ(expected->first, run.start - base + k);
        ASSERT_EQ(expected->second, bytes[k]);
        ++expected;
      }
    }
    ASSERT_EQ(expected, model.end());
    ASSERT_EQ(count, runs.count);
    clear_runs(store, runs);
    ASSERT_EQ(store.bytes_used(), 0u);
    ASSERT_EQ(runs.bytes, 0u);
  }
}

}  // namespace
}  // namespace tsujiban::reassembly
