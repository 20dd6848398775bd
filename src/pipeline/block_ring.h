#pragma once
#include <atomic>
#include <memory>
#include <vector>

#include "base/reserved_memory.h"
#include "model/packet.h"

namespace tsujiban::pipeline {

// Packets copied out of a source that only one thread can read (a pipe, a compressed file, an interface). All workers
// see every block and pick their share, as they do with a mapped file; a block is reused when the last of them has let
// it go.
struct Block {
  static constexpr std::size_t packets_max = 1024;
  static constexpr std::size_t data_bytes = 1 << 20;  // At least one packet of the largest snap length.
  RawPacket* packets = nullptr;
  std::uint8_t* data = nullptr;
  std::uint32_t count = 0;
  std::uint32_t data_used = 0;
  PacketTime tick{};              // Wall-clock time for an idle tick after the packets; 0: none.
  std::int64_t published_ns = 0;  // Monotonic clock; live only.
  bool last = false;              // Nothing comes after it.

  // Copies a packet in; false when it does not fit any more.
  bool add(const RawPacket& packet) noexcept {
    if (count == packets_max || packet.length_captured > data_bytes - data_used) return false;
    std::memcpy(data + data_used, packet.data, packet.length_captured);
    packets[count] = packet;
    packets[count].data = data + data_used;
    data_used += packet.length_captured;
    ++count;
    return true;
  }
};

class BlockRing {
 public:
  BlockRing(unsigned blocks, unsigned consumers)
      : memory_(blocks * (Block::data_bytes + Block::packets_max * sizeof(RawPacket))),
        blocks_(blocks),
        cursors_(consumers) {
    std::uint8_t* at = memory_.data();
    for (Block& block : blocks_) {
      block.packets = reinterpret_cast<RawPacket*>(at);
      at += Block::packets_max * sizeof(RawPacket);
      block.data = at;
      at += Block::data_bytes;
    }
  }

  // Producer: the next block, emptied, or null while the slowest consumer still holds it.
  Block* claim() noexcept {
    for (const Cursor& cursor : cursors_) {
      if (published_local_ - cursor.done.load(std::memory_order_acquire) >= blocks_.size()) return nullptr;
    }
    Block& block = blocks_[published_local_ % blocks_.size()];
    block.count = block.data_used = 0;
    block.tick = {};
    block.published_ns = 0;
    block.last = false;
    return &block;
  }
  void publish() noexcept {
    published_.store(++published_local_, std::memory_order_release);
    published_.notify_all();
  }

  // Consumer: the oldest block not yet released, waiting for it.
  const Block& wait(unsigned consumer) noexcept {
    const std::uint64_t at = cursors_[consumer].done.load(std::memory_order_relaxed);
    std::uint64_t published;
    while ((published = published_.load(std::memory_order_acquire)) == at)
      published_.wait(published, std::memory_order_acquire);
    return blocks_[at % blocks_.size()];
  }
  void release(unsigned consumer) noexcept { cursors_[consumer].done.fetch_add(1, std::memory_order_release); }

 private:
  struct alignas(64) Cursor {
    std::atomic<std::uint64_t> done{0};
  };
  ReservedMemory memory_;
  std::vector<Block> blocks_;
  std::vector<Cursor> cursors_;
  alignas(64) std::atomic<std::uint64_t> published_{0};
  std::uint64_t published_local_ = 0;
};

}  // namespace tsujiban::pipeline
