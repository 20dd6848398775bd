#pragma once
#include <array>

#include "base/hash.h"
#include "base/pool.h"
#include "base/reserved_memory.h"
#include "metrics/counters.h"
#include "model/packet.h"
#include "reassembly/runs.h"

namespace tsujiban::reassembly {

// Puts IP datagrams together from their fragments. Broken rules go to the packet's anomalies (its owner counts them);
// timeouts and evictions have no packet of their own and are counted here.
//
// Overlaps. IPv4 (RFC 791, 3.2 leaves it open): what came first stays, bytes that differ are told. IPv6 (RFC 5722, RFC
// 8200 4.5): the datagram and whatever of it still comes is discarded. A fragment that only repeats bytes is a
// duplicate, which RFC 8200 lets a receiver ignore: no anomaly in either version.
class FragmentTable {
 public:
  struct Limits {
    std::uint32_t datagrams_max = 4096;            // Incomplete at the same time; beyond that the oldest is evicted.
    std::uint32_t datagrams_per_source_max = 256;  // Of those, from one source; beyond that its new ones are refused.
    std::size_t bytes_max = 16u << 20;             // Of their fragments; beyond that the oldest datagram is evicted.
    Duration timeout_v4 = Duration::seconds(30);   // As Linux; RFC 791 lets the time to live decide.
    Duration timeout_v6 = Duration::seconds(60);   // RFC 8200, 4.5.
  };
  static constexpr std::uint32_t datagram_bytes_max = 65535;
  static constexpr std::uint16_t runs_max = 64;              // Islands of one incomplete datagram.
  static constexpr unsigned evictions_per_fragment_max = 4;  // What one fragment may push out to find room.

  // The whole payload of a datagram (after its IP headers) and its protocol.
  struct Datagram {
    Bytes payload;
    std::uint8_t protocol = 0;
    explicit operator bool() const noexcept { return payload.data() != nullptr; }
  };

  // Throws std::bad_alloc when the address space cannot be had.
  FragmentTable(const Limits& limits, HashSeed seed, metrics::WorkerCounters& counters);

  // Takes a fragment. When it completes its datagram, returns that; the payload lives until the next call of `add` or
  // `expire`, or, where one packet is the whole of it (RFC 6946), as long as the packet. Else returns an empty one.
  Datagram add(DecodedPacket& packet) noexcept;
  // Drops what is over its time; returns how many datagrams were lost that way (counted as fragment_timeout). `now`
  // never goes back. Costs one comparison where nothing is due.
  std::uint32_t expire(PacketTime now) noexcept {
    if (now < due_) [[likely]]
      return 0;
    return expire_due(now);
  }
  std::uint32_t datagrams() const noexcept { return slots_.size(); }
  std::size_t bytes_used() const noexcept { return store_.bytes_used(); }

 private:
  struct Key {
    SegmentKey segment;
    IpAddress source, destination;
    std::uint32_t id;
    std::uint8_t protocol;  // IPv6: 0, since only the first fragment's Next Header counts (RFC 8200, 4.5).
    bool operator==(const Key&) const noexcept = default;
  };
  struct Slot {
    Key key{};
    PacketTime started;
    Runs runs;
    std::uint32_t end = 0;    // Payload length, once the last fragment said it; 0: not known.
    std::uint32_t reach = 0;  // Highest end of any fragment.
    std::uint32_t bucket = 0;
    std::uint32_t chain_next = 0;
    std::uint32_t older = 0, newer = 0;  // In the list of its IP version, by start.
    std::uint16_t source_bucket = 0;
    std::uint8_t protocol = 0;
    bool discarded = false;  // Nothing of it is wanted any more; kept so that the rest is recognised.
  };
  struct Ages {
    std::uint32_t oldest = 0, newest = 0;
  };
  static constexpr std::uint32_t source_bucket_count = 4096;

  static bool is_v6(const Slot& slot) noexcept { return !slot.key.source.is_v4(); }
  Duration timeout_of(bool v6) const noexcept { return v6 ? limits_.timeout_v6 : limits_.timeout_v4; }
  std::uint32_t find_or_make(const DecodedPacket& packet, DecodedPacket& told) noexcept;
  InsertResult keep(std::uint32_t& index, std::uint32_t offset, Bytes bytes) noexcept;
  Datagram complete(std::uint32_t index) noexcept;
  void discard(Slot& slot) noexcept;
  void remove(std::uint32_t index) noexcept;
  bool evict_oldest(std::uint32_t except) noexcept;
  std::uint32_t expire_due(PacketTime now) noexcept;
  void set_due() noexcept;

  Limits limits_;
  HashSeed seed_;
  metrics::WorkerCounters& counters_;
  ByteStore store_;
  Pool<Slot> slots_;
  std::uint32_t bucket_mask_;
  ReservedMemory buckets_;
  ReservedMemory assembled_;  // Of a datagram whose bytes lie in several runs.
  std::array<std::uint16_t, source_bucket_count> per_source_{};
  std::array<Ages, 2> ages_{};  // IPv4, IPv6.
  PacketTime due_;
  Runs handed_out_;  // Of the datagram that the caller may still look at.
};

}  // namespace tsujiban::reassembly
