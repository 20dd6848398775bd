#pragma once
#include "base/bytes.h"
#include "reassembly/byte_store.h"

namespace tsujiban::reassembly {

// Bytes that arrived before their turn: a list of runs in a ByteStore, sorted, never overlapping, possibly touching.
// Positions are sequence numbers modulo 2^32; a list spans less than 2^31 from its base. Used for TCP bytes and
// fragments.
struct Runs {
  ByteStore::Handle first = 0;
  std::uint32_t bytes = 0;
  std::uint16_t count = 0;
};

// Who wins where new bytes meet kept ones.
enum class OverlapPolicy : std::uint8_t {
  first,          // What came first stays.
  earlier_start,  // Linux: what starts earlier; at one start, the longer; else what came first.
};

struct InsertResult {
  std::uint32_t stored = 0;      // Bytes that were new.
  std::uint32_t overlapped = 0;  // Bytes that were there already.
  std::uint32_t differs_at = 0;  // Position of the first byte that differs from the kept one.
  bool differs = false;
  bool refused = false;  // A limit or the store's cap stopped it; `stored` bytes were kept all the same.
};

struct RunLimits {
  std::uint32_t bytes_max;
  std::uint16_t count_max;
};

// One run as kept: header, then bytes, in one block.
struct Run {
  ByteStore::Handle next;
  std::uint32_t start;
  std::uint32_t length;
  std::uint32_t end() const noexcept { return start + length; }
};
inline constexpr std::uint32_t run_bytes_max = ByteStore::block_bytes_max - sizeof(Run);

inline Run& run_of(const ByteStore& store, ByteStore::Handle handle) noexcept {
  return *reinterpret_cast<Run*>(store.data(handle));
}
inline Bytes bytes_of(const ByteStore& store, ByteStore::Handle handle) noexcept {
  return {store.data(handle) + sizeof(Run), run_of(store, handle).length};
}

// Adds `bytes` at `start`. Every position lies in [base, base + 2^31).
InsertResult insert_run(ByteStore& store, Runs& runs, std::uint32_t base, std::uint32_t start, Bytes bytes,
                        OverlapPolicy policy, RunLimits limits) noexcept;
// Compares `bytes` at `start` with what is kept, changing nothing: `overlapped`, `differs` and `differs_at` are filled
// in.
InsertResult compare_run(const ByteStore& store, const Runs& runs, std::uint32_t base, std::uint32_t start,
                         Bytes bytes) noexcept;
void pop_run(ByteStore& store, Runs& runs) noexcept;  // Releases the first run.
void clear_runs(ByteStore& store, Runs& runs) noexcept;

}  // namespace tsujiban::reassembly
