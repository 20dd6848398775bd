#include "reassembly/runs.h"

#include <algorithm>
#include <cstring>

namespace tsujiban::reassembly {
namespace {

void note_difference(InsertResult& result, std::uint32_t position, const std::uint8_t* a, const std::uint8_t* b,
                     std::uint32_t count) noexcept {
  result.overlapped += count;
  if (result.differs || std::memcmp(a, b, count) == 0) return;
  std::uint32_t i = 0;
  while (a[i] == b[i]) ++i;
  result.differs = true;
  result.differs_at = position + i;
}

// Keeps a piece that lies between the run at `*link` (0: none) and `next`: appended where it touches and fits, else a
// run of its own. `link` is the place that names the preceding run, since growing moves a block. Returns the handle
// that now holds the piece, 0 when it was refused.
ByteStore::Handle keep_piece(ByteStore& store, Runs& runs, ByteStore::Handle* link, ByteStore::Handle* place,
                             std::uint32_t start, const std::uint8_t* data, std::uint32_t count,
                             RunLimits limits) noexcept {
  if (count > limits.bytes_max || runs.bytes > limits.bytes_max - count) return 0;
  if (link != nullptr) {
    const Run& before = run_of(store, *link);
    const std::uint32_t length = before.length;
    if (before.end() == start && length + count <= run_bytes_max && store.grow(*link, sizeof(Run) + length + count)) {
      Run& grown = run_of(store, *link);
      std::memcpy(store.data(*link) + sizeof(Run) + length, data, count);
      grown.length += count;
      runs.bytes += count;
      return *link;
    }
  }
  if (runs.count == limits.count_max) return 0;
  const ByteStore::Handle handle = store.allocate(sizeof(Run) + count);
  if (handle == 0) return 0;
  Run& run = run_of(store, handle);
  run.next = *place;
  run.start = start;
  run.length = count;
  std::memcpy(store.data(handle) + sizeof(Run), data, count);
  *place = handle;
  ++runs.count;
  runs.bytes += count;
  return handle;
}

}  // namespace

InsertResult insert_run(ByteStore& store, Runs& runs, std::uint32_t base, std::uint32_t start, Bytes bytes,
                        OverlapPolicy policy, RunLimits limits) noexcept {
  InsertResult result;
  const std::uint32_t end = start + static_cast<std::uint32_t>(bytes.size());
  const std::uint8_t* data = bytes.data();
  std::uint32_t at = start;
  ByteStore::Handle* link = nullptr;       // Names the run before `place`.
  ByteStore::Handle* place = &runs.first;  // Names the run that is looked at.
  while (at != end) {
    const ByteStore::Handle current = *place;
    if (current != 0 && at - base >= run_of(store, current).end() - base) {
      link = place;
      place = &run_of(store, current).next;
      continue;
    }
    if (current == 0 || at - base < run_of(store, current).start - base) {
      std::uint32_t count = end - at;
      if (current != 0) count = std::min(count, run_of(store, current).start - at);
      count = std::min(count, run_bytes_max);
      const ByteStore::Handle kept = keep_piece(store, runs, link, place, at, data, count, limits);
      if (kept == 0) {
        result.refused = true;
        return result;
      }
      // Growing may have moved the block that `place` points into, and a new run stands where `place` points.
      if (link != nullptr && *link == kept) {
        place = &run_of(store, kept).next;
      } else {
        link = place;
        place = &run_of(store, kept).next;
      }
      result.stored += count;
      at += count;
      data += count;
      continue;
    }
    const Run run = run_of(store, current);
    const std::uint32_t count = std::min(end - at, run.end() - at);
    std::uint8_t* kept = store.data(current) + sizeof(Run) + (at - run.start);
    note_difference(result, at, data, kept, count);
    const bool new_wins = policy == OverlapPolicy::earlier_start &&
                          (start - base < run.start - base || (start == run.start && end - base > run.end() - base));
    if (new_wins) std::memcpy(kept, data, count);
    at += count;
    data += count;
  }
  return result;
}

InsertResult compare_run(const ByteStore& store, const Runs& runs, std::uint32_t base, std::uint32_t start,
                         Bytes bytes) noexcept {
  InsertResult result;
  const std::uint32_t from = start - base;
  const std::uint32_t to = from + static_cast<std::uint32_t>(bytes.size());
  for (ByteStore::Handle handle = runs.first; handle != 0;) {
    const Run& run = run_of(store, handle);
    const std::uint32_t run_from = run.start - base, run_to = run_from + run.length;
    if (run_from >= to) break;
    const std::uint32_t a = std::max(from, run_from), b = std::min(to, run_to);
    if (a < b) {
      note_difference(result, base + a, bytes.data() + (a - from), store.data(handle) + sizeof(Run) + (a - run_from),
                      b - a);
    }
    handle = run.next;
  }
  return result;
}

void pop_run(ByteStore& store, Runs& runs) noexcept {
  const ByteStore::Handle gone = runs.first;
  const Run& run = run_of(store, gone);
  runs.bytes -= run.length;
  runs.first = run.next;
  --runs.count;
  store.release(gone);
}

void clear_runs(ByteStore& store, Runs& runs) noexcept {
  while (runs.first != 0) pop_run(store, runs);
}

}  // namespace tsujiban::reassembly
