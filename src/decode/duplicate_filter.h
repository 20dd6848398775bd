#pragma once
#include "base/hash.h"
#include "base/reserved_memory.h"
#include "base/time.h"
#include "model/packet.h"

namespace tsujiban::decode {

// Tells the second copy of a packet that a mirror port delivers twice (in and out of a port, before and behind a
// router). A copy has the same bytes from the innermost IP header on, but for time to live (hop limit) and the IPv4
// header checksum, the same segment, and comes within `window` of the first. Told by a keyed hash over the whole
// content: who does not know the key cannot build a packet that is taken for a copy of another. ARP and what is no IP
// is never a duplicate.
class DuplicateFilter {
 public:
  static constexpr Duration window = Duration::milliseconds(3);
  static constexpr std::size_t sets = 2048;  // 8,192 packets: the window at 2.7 million packets a second.
  static constexpr std::size_t ways = 4;

  // Allocates here and nowhere else; throws std::bad_alloc.
  explicit DuplicateFilter(HashSeed seed);

  // True for a copy. A first packet is remembered; in a full set the oldest makes place.
  bool is_duplicate(DecodedPacket& packet) noexcept {
    const std::uint64_t tag = tag_of(packet);
    return tag != 0 && is_duplicate(packet, tag);
  }
  // The same in two steps, so that the table's line is there when it is looked at: the tag of a packet, 0 for what is
  // no IP, then the question with that tag, which is not 0. Sets `packet.payload_hash`.
  std::uint64_t tag_of(DecodedPacket& packet) const noexcept;
  [[gnu::always_inline]] void prefetch(std::uint64_t tag) const noexcept {
    __builtin_prefetch(&memory_.as<Set>()[tag >> 32 & (sets - 1)], 1);
  }
  bool is_duplicate(const DecodedPacket& packet, std::uint64_t tag) noexcept;

 private:
  struct Entry {
    std::uint64_t tag;  // 0: empty.
    std::int64_t time_ns;
  };
  struct alignas(64) Set {  // One cache line.
    Entry entries[ways];
  };

  ReservedMemory memory_;
  HashSeed seed_;
};

}  // namespace tsujiban::decode
