#pragma once
#include <atomic>
#include <cstdint>
#include <cstring>
#include <new>
#include <string_view>

#include "base/check.h"
#include "base/reserved_memory.h"
#include "model/alert.h"
#include "model/fact.h"
#include "model/words.h"

namespace tsujiban::pipeline {

// Where a record stands in the one order of all workers: by packet; within a packet first what time alone brought about
// (flows that ended, told in the order of their first packets), then what the packet itself brought, then idle ticks.
enum class Phase : std::uint8_t { tick, packet, idle };
struct Order {
  std::uint64_t packet = 0;
  Phase phase = Phase::packet;
  std::uint64_t tiebreak = 0;
  auto operator<=>(const Order&) const noexcept = default;
};

enum class RecordKind : std::uint8_t { event, fact, pulse };

// Of an alert record, what counters and the summary need beside its text.
struct AlertBrief {
  std::uint64_t id = 0, count = 0, occurrences = 0;  // In all; since the record before.
  PacketTime first_seen;
  std::uint32_t rule = 0, source_asset = 0, destination_asset = 0;
  DetectorId detector{};
  Severity severity = Severity::medium;
  ErabInterface interface = ErabInterface::none;
  bool first = false, has_addresses = false;
};

// Precedes a record's body in the ring. Most records are facts, and what few of them need lies in the body.
struct RecordHeader {
  std::uint32_t bytes;  // Of header and body, rounded up; 0 marks the end of the ring's lap.
  std::uint32_t body_bytes;
  Order order;
  PacketTime time;  // Not of pulses.
  RecordKind kind;
};

// Begins the body of an event; its text follows.
struct EventDetails {
  EventType type{};
  bool late_response = false;  // `answer` may get a response time, at `late_at` of the text.
  std::uint32_t late_at = 0;
  Exchange answer{};
  // For late responses and alerts: who and where.
  SegmentKey segment;
  IpAddress source, destination;
  AlertBrief alert;
};

// One worker's way to the correlator: variable-size records, one writer, one reader, no lock, no allocation.
class RecordRing {
 public:
  explicit RecordRing(std::size_t bytes_power_of_two) : memory_(bytes_power_of_two), mask_(bytes_power_of_two - 1) {
    TSUJIBAN_CHECK((bytes_power_of_two & mask_) == 0);
  }
  static constexpr std::size_t align = 16;
  static constexpr std::size_t hot_bytes = 128u << 10;
  static constexpr std::size_t rounded(std::size_t n) noexcept { return (n + align - 1) & ~(align - 1); }
  std::size_t capacity() const noexcept { return mask_ + 1; }

  // Writer: room for a header and `body_bytes`, of which `free_min` bytes of the ring must stay free; null: no room
  // now.
  RecordHeader* reserve(std::size_t body_bytes, std::size_t free_min = 0) noexcept {
    const std::size_t need = rounded(sizeof(RecordHeader) + body_bytes);
    const std::uint64_t tail = tail_.load(std::memory_order_acquire);
    std::uint64_t head = head_local_;
    const std::size_t to_end = capacity() - (head & mask_);
    // Records are contiguous: the rest of the lap is left empty. So it is when the reader has caught up and there is
    // room for it: at the ring's begin the memory is still in the cache, further on it is not.
    const bool starts_over = head == tail && (head & mask_) >= hot_bytes && need + to_end + free_min <= capacity();
    const std::size_t skip = to_end < need || starts_over ? to_end : 0;
    if (capacity() - (head - tail) < need + skip + free_min) return nullptr;
    if (skip != 0) {
      if (skip >= sizeof(RecordHeader)) at(head)->bytes = 0;
      head += skip;
    }
    reserved_at_ = head;
    RecordHeader* header = at(head);
    *header = RecordHeader{};
    header->bytes = static_cast<std::uint32_t>(need);
    header->body_bytes = static_cast<std::uint32_t>(body_bytes);
    return header;
  }
  static char* body(RecordHeader* header) noexcept { return reinterpret_cast<char*>(header + 1); }
  static const char* body(const RecordHeader* header) noexcept { return reinterpret_cast<const char*>(header + 1); }
  // Of an event.
  static const EventDetails& details(const RecordHeader* header) noexcept {
    return *std::launder(reinterpret_cast<const EventDetails*>(header + 1));
  }
  static std::string_view text(const RecordHeader* header) noexcept {
    return {body(header) + sizeof(EventDetails), header->body_bytes - sizeof(EventDetails)};
  }
  void commit() noexcept {
    head_local_ = reserved_at_ + at(reserved_at_)->bytes;
    head_.store(head_local_, std::memory_order_release);
  }

  // Reader: the oldest record, or null.
  const RecordHeader* front() noexcept {
    for (;;) {
      const std::uint64_t head = head_.load(std::memory_order_acquire);
      if (tail_local_ == head) return nullptr;
      const std::size_t to_end = capacity() - (tail_local_ & mask_);
      if (to_end < sizeof(RecordHeader) || at(tail_local_)->bytes == 0) {
        tail_local_ += to_end;
        tail_.store(tail_local_, std::memory_order_release);
        continue;
      }
      return at(tail_local_);
    }
  }
  // Reader: the record at `position`, which then stands behind it; null where none has been written yet. A position
  // that the reader has passed begins anew at the oldest record.
  const RecordHeader* ahead(std::uint64_t& position) const noexcept {
    if (position < tail_local_) position = tail_local_;
    for (;;) {
      if (position >= head_.load(std::memory_order_acquire)) return nullptr;
      const std::size_t to_end = capacity() - (position & mask_);
      if (to_end >= sizeof(RecordHeader) && at(position)->bytes != 0) break;
      position += to_end;
    }
    const RecordHeader* header = at(position);
    position += header->bytes;
    return header;
  }
  std::uint64_t position() const noexcept { return tail_local_; }  // Of the oldest record.
  void pop() noexcept {
    tail_local_ += at(tail_local_)->bytes;
    tail_.store(tail_local_, std::memory_order_release);
  }
  std::size_t bytes_used() const noexcept {
    return static_cast<std::size_t>(head_.load(std::memory_order_relaxed) - tail_.load(std::memory_order_relaxed));
  }

 private:
  RecordHeader* at(std::uint64_t position) const noexcept {
    return reinterpret_cast<RecordHeader*>(memory_.data() + (position & mask_));
  }

  ReservedMemory memory_;
  std::size_t mask_;
  alignas(64) std::atomic<std::uint64_t> head_{0};
  std::uint64_t head_local_ = 0, reserved_at_ = 0;
  alignas(64) std::atomic<std::uint64_t> tail_{0};
  std::uint64_t tail_local_ = 0;
};

}  // namespace tsujiban::pipeline
