#pragma once
#include <array>
#include <cstddef>
#include <cstdint>

#include "base/reserved_memory.h"

namespace tsujiban::reassembly {

// Byte buffers of bounded total size. Address space is reserved once; chunks of 256 KiB are cut into blocks of one size
// class (128 B to 256 KiB, doubling) when a class first needs one, and go back when their last block does, so that
// memory once used for one size serves every other and the resident size never exceeds the cap. Never allocates after
// construction.
class ByteStore {
 public:
  using Handle = std::uint32_t;  // 0: none.
  static constexpr std::size_t block_bytes_min = 128;
  static constexpr std::size_t block_bytes_max = 256 * 1024;

  // `bytes_max` is rounded up to whole chunks. Throws std::bad_alloc when the address space cannot be had.
  explicit ByteStore(std::size_t bytes_max);

  // A block of at least `size` bytes, contents undefined; 0 when the cap is reached or `size` exceeds
  // `block_bytes_max`.
  Handle allocate(std::size_t size) noexcept;
  // Moves the block to one of at least `size` bytes, keeping its content. False, unchanged, when that cannot be had.
  bool grow(Handle& handle, std::size_t size) noexcept;
  void release(Handle handle) noexcept;
  // The block's bytes; valid until it is released or grown.
  std::uint8_t* data(Handle handle) const noexcept {
    return memory_.data() + std::size_t{handle >> block_bits} * chunk_bytes +
           (std::size_t{handle & block_mask} << (class_shift_min + chunk_of(handle).size_class));
  }
  std::size_t capacity(Handle handle) const noexcept { return block_bytes_min << chunk_of(handle).size_class; }
  std::size_t bytes_used() const noexcept { return bytes_used_; }  // Whole blocks, as they count against the cap.
  std::size_t bytes_max() const noexcept { return std::size_t{chunk_count_} * chunk_bytes; }

 private:
  static constexpr std::size_t chunk_bytes = block_bytes_max;
  static constexpr unsigned class_shift_min = 7;
  static constexpr unsigned class_count = 12;
  static constexpr unsigned block_bits = 11;  // 256 KiB hold 2,048 blocks of 128 B.
  static constexpr std::uint32_t block_mask = (1u << block_bits) - 1;

  // Chunks with a free block hang in their class's list; empty ones in the list of free chunks.
  struct Chunk {
    std::uint32_t previous, next;
    std::uint16_t used;   // Blocks handed out.
    std::uint16_t fresh;  // Blocks from here on were never handed out since the chunk took its class.
    std::uint16_t free;   // First released block, plus one; the next one's number lies in its first two bytes.
    std::uint8_t size_class;
  };
  Chunk& chunk_of(Handle handle) const noexcept { return chunks_.as<Chunk>()[handle >> block_bits]; }
  Chunk& chunk(std::uint32_t index) const noexcept { return chunks_.as<Chunk>()[index]; }
  static constexpr std::uint32_t blocks_in(unsigned size_class) noexcept {
    return 1u << (class_count - 1 - size_class);
  }
  void link(std::uint32_t index, std::uint32_t& head) noexcept;
  void unlink(std::uint32_t index, std::uint32_t& head) noexcept;

  std::uint32_t chunk_count_;
  ReservedMemory memory_;
  ReservedMemory chunks_;
  std::array<std::uint32_t, class_count> partial_{};  // Chunks that have a free block, by class.
  std::uint32_t free_ = 0;
  std::uint32_t used_high_ = 0;
  std::size_t bytes_used_ = 0;
};

}  // namespace tsujiban::reassembly
