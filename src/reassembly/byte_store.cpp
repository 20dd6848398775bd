#include "reassembly/byte_store.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "base/bytes.h"

namespace tsujiban::reassembly {
namespace {

// A handle has 23 bits for the chunk: 512 GiB, beyond any cap that makes sense.
constexpr std::size_t chunk_count_max = (std::size_t{1} << 23) - 1;

}  // namespace

ByteStore::ByteStore(std::size_t bytes_max)
    : chunk_count_(static_cast<std::uint32_t>(
          std::clamp<std::size_t>((bytes_max + chunk_bytes - 1) / chunk_bytes, 1, chunk_count_max))),
      // Chunk 0 exists only as address space: handle 0 means none.
      memory_((std::size_t{chunk_count_} + 1) * chunk_bytes),
      chunks_((std::size_t{chunk_count_} + 1) * sizeof(Chunk)) {}

ByteStore::Handle ByteStore::allocate(std::size_t size) noexcept {
  if (size > block_bytes_max) return 0;
  const unsigned size_class =
      size <= block_bytes_min ? 0 : static_cast<unsigned>(std::bit_width(size - 1)) - class_shift_min;
  std::uint32_t index = partial_[size_class];
  if (index == 0) {
    if (free_ != 0) {
      index = free_;
      unlink(index, free_);
    } else {
      if (used_high_ == chunk_count_) return 0;
      index = ++used_high_;
    }
    chunk(index) = Chunk{0, 0, 0, 0, 0, static_cast<std::uint8_t>(size_class)};
    link(index, partial_[size_class]);
  }
  Chunk& from = chunk(index);
  std::uint32_t block;
  if (from.free != 0) {
    block = from.free - 1u;
    from.free = load_le16(data(index << block_bits | block));
  } else {
    block = from.fresh++;
  }
  if (++from.used == blocks_in(size_class)) unlink(index, partial_[size_class]);
  bytes_used_ += block_bytes_min << size_class;
  return index << block_bits | block;
}

bool ByteStore::grow(Handle& handle, std::size_t size) noexcept {
  const std::size_t now = capacity(handle);
  if (size <= now) return true;
  const Handle bigger = allocate(size);
  if (bigger == 0) return false;
  std::memcpy(data(bigger), data(handle), now);
  release(handle);
  handle = bigger;
  return true;
}

void ByteStore::release(Handle handle) noexcept {
  const std::uint32_t index = handle >> block_bits;
  Chunk& to = chunk(index);
  const unsigned size_class = to.size_class;
  bytes_used_ -= block_bytes_min << size_class;
  const bool was_full = to.used == blocks_in(size_class);
  --to.used;
  if (to.used == 0) {
    if (!was_full) unlink(index, partial_[size_class]);
    link(index, free_);
    return;
  }
  std::memcpy(data(handle), &to.free, sizeof to.free);
  to.free = static_cast<std::uint16_t>((handle & block_mask) + 1);
  if (was_full) link(index, partial_[size_class]);
}

void ByteStore::link(std::uint32_t index, std::uint32_t& head) noexcept {
  chunk(index).previous = 0;
  chunk(index).next = head;
  if (head != 0) chunk(head).previous = index;
  head = index;
}

void ByteStore::unlink(std::uint32_t index, std::uint32_t& head) noexcept {
  Chunk& gone = chunk(index);
  if (gone.previous != 0)
    chunk(gone.previous).next = gone.next;
  else
    head = gone.next;
  if (gone.next != 0) chunk(gone.next).previous = gone.previous;
}

}  // namespace tsujiban::reassembly
