#pragma once
#include <array>
#include <bit>
#include <cstdint>

#include "base/reserved_memory.h"
#include "metrics/counters.h"
#include "model/flow_key.h"

namespace tsujiban::flow {

// How far a conversation has come; decides how long it may be silent. `none`: the slot is free.
enum class FlowState : std::uint8_t { none, fresh, established, closed };
// Why a flow ended: `reason` of its record, in Suricata's words where it has one.
enum class EndReason : std::uint8_t { timeout, forced, shutdown, reused };

// What every packet of a flow of any protocol looks at, the key of IPv4 included: one cache line. Index 0 of a
// direction is initiator to responder.
struct alignas(64) Flow {
  std::uint64_t segment;    // The key's: the table's own, as the next four. See FlowTable::key_of.
  std::uint64_t addresses;  // IPv4: `low` and, above it, `high`. IPv6: both folded; the whole ones lie apart.
  std::uint16_t low_port, high_port;
  std::uint8_t protocol;
  // TCP: all flags seen, by direction. ICMP and ICMPv6: type and code of the first packet.
  std::array<std::uint8_t, 2> first_bytes;
  std::uint8_t told;  // The owner's: when it last told of this flow; 0 in a new one.
  std::int64_t last_ns;
  std::uint64_t first_packet;  // Its number: unique, so it orders flows that end together.
  std::array<std::uint32_t, 2> packets;
  std::array<std::uint32_t, 2> bytes_low;  // See FlowTable::bytes_of.
  std::uint32_t session;                   // The owner's: TCP session, 0 for none.
  AppProtocol app;
  std::uint8_t probes;  // How often its bytes were asked what they are; the first bit is the dispatcher's own mark.
  FlowState state : 4;
  bool bytes_carried : 1;       // `bytes_low` is not all of them.
  std::uint8_t behind_gap : 2;  // The owner's, a bit a side: bytes were lost before it was known what they are.
  std::uint8_t flags;
};
static_assert(sizeof(Flow) == 64);

namespace flow_flag {
inline constexpr std::uint8_t initiator_is_high = 1;  // The initiator is the key's `high` end.
inline constexpr std::uint8_t app_settled = 2;        // Dissected or given up: not asked again.
inline constexpr std::uint8_t denied = 4;             // No allow entry names it.
inline constexpr std::uint8_t alerted = 8;            // An alert was raised on it.
inline constexpr std::uint8_t checksum_good_to_responder =
    16;  // A good checksum came from that side: a bad one now counts.
inline constexpr std::uint8_t checksum_good_to_initiator = 32;
inline constexpr std::uint8_t initiator_spoke = 64;  // Since the flow was last told of.
inline constexpr std::uint8_t responder_spoke = 128;
}  // namespace flow_flag

struct Limits {
  std::uint32_t flows_max = 1u << 22;
  Duration udp_fresh = Duration::seconds(30), udp_established = Duration::seconds(300);  // As Suricata's defaults.
  Duration tcp_fresh = Duration::seconds(60), tcp_established = Duration::seconds(600),
           tcp_closed = Duration::seconds(60);
  Duration other_fresh = Duration::seconds(30), other_established = Duration::seconds(300);
};

// Told of every flow's end, before its slot is reused. Ends of one call come ordered by the flows' first packets, so
// that the order does not depend on which worker holds them.
class FlowEndHandler {
 public:
  virtual ~FlowEndHandler() = default;
  virtual void flow_ended(std::uint32_t flow, EndReason reason) noexcept = 0;
};

// The flows of one worker. Full keys are compared, the segment first among them; the hash is seeded. A flow has a line
// that every packet touches and 28 bytes that few do, an IPv6 flow 32 more for its addresses, and an index entry of 8
// bytes; the index doubles step by step (a few entries a packet), never at once. At `flows_max` of a family the stalest
// of a sample is evicted and counted, and the new flow takes its slot. Expiry is by packet time on a wheel of seconds
// that flows are moved on only when their turn comes: a packet touches no neighbour.
class FlowTable {
 public:
  FlowTable(const Limits& limits, metrics::WorkerCounters& counters, FlowEndHandler& handler);

  // Brings the index entry, then the slot, of a flow into the cache. Two steps, some packets apart.
  // Always inlined: GCC 12 drops calls of functions that do nothing but prefetch.
  [[gnu::always_inline]] void prefetch_index(std::uint64_t hash) const noexcept {
    __builtin_prefetch(&current_.entries[home(current_, tag_of(hash))]);
  }
  [[gnu::always_inline]] void prefetch_slot(std::uint32_t flow) const noexcept {
    // Nobody's slot 0 is fetched rather than asked about.
    __builtin_prefetch(&hot_[flow], 1);
    if (is_v6(flow)) [[unlikely]]
      __builtin_prefetch(&addresses6(flow));
  }
  // The flow that this hash most likely means, 0 if none: a guess to fetch what hangs on it, never to act on.
  std::uint32_t guess(std::uint64_t hash) const noexcept {
    const std::uint32_t tag = tag_of(hash);
    std::size_t i = home(current_, tag);
    for (unsigned probe = 0; probe < guess_probes; ++probe, i = (i + 1) & (current_.size() - 1)) {
      const std::uint64_t entry = current_.entries[i];
      if (entry == 0) return 0;
      if (static_cast<std::uint32_t>(entry >> 32) == tag) return static_cast<std::uint32_t>(entry);
    }
    return 0;
  }

  struct Found {
    std::uint32_t flow;
    bool created;
  };
  // Finds the flow or makes it (first and last set to `now`, everything else zero, the initiator being
  // `initiator_is_high`).
  Found find_or_create(const FlowKey& key, std::uint64_t hash, PacketTime now, std::uint64_t packet_number,
                       bool initiator_is_high, std::uint32_t hint = 0) noexcept {
    // Ended meanwhile, the hinted slot still has its key, but no state. Slot 0 never has one.
    if (hot_[hint].state != FlowState::none && matches(hint, key)) [[likely]]
      return {hint, false};
    return search_or_create(key, hash, now, packet_number, initiator_is_high);
  }
  // Whether this slot, a guess, is the flow of that packet, which is plain (DecodedPacket::plain) and of IPv4. Its key
  // is not built for it: the ends are turned where they lie.
  bool is_of(std::uint32_t flow, const DecodedPacket& packet) const noexcept {
    const Flow& f = hot_[flow];
    const int turn = packet.source_is_high ? 1 : 0;
    const std::uint64_t addresses = std::rotl(both(packet.source.as_v4(), packet.destination.as_v4()), turn * 32);
    const std::uint32_t ports = std::rotl(std::uint32_t{packet.destination_port} << 16 | packet.source_port, turn * 16);
    return f.addresses == addresses && (std::uint32_t{f.high_port} << 16 | f.low_port) == ports &&
           f.segment == packet.segment.raw() && f.protocol == packet.protocol && f.state != FlowState::none &&
           !is_v6(flow);
  }
  // The same key begins anew (a SYN on a closed connection): the old flow ends with `reused`, the new one takes its
  // slot.
  void restart(std::uint32_t flow, PacketTime now, std::uint64_t packet_number, bool initiator_is_high) noexcept;

  Flow& at(std::uint32_t flow) noexcept { return hot_[flow]; }
  const Flow& at(std::uint32_t flow) const noexcept { return hot_[flow]; }
  // Counts a packet; returns how many that side has sent now.
  std::uint32_t count(std::uint32_t flow, unsigned side, std::uint32_t bytes) noexcept {
    Flow& f = hot_[flow];
    if (__builtin_add_overflow(f.bytes_low[side], bytes, &f.bytes_low[side])) [[unlikely]] {
      f.bytes_carried = true;
      ++cold_[flow].bytes_high[side];
    }
    return ++f.packets[side];
  }
  // Of one direction, as packets were on the wire.
  std::uint64_t bytes_of(std::uint32_t flow, unsigned side) const noexcept {
    const Flow& f = hot_[flow];
    return f.bytes_low[side] | (f.bytes_carried ? std::uint64_t{cold_[flow].bytes_high[side]} << 32 : std::uint64_t{0});
  }
  // Packet time of the first packet.
  PacketTime begun(std::uint32_t flow) const noexcept { return {cold_[flow].first_ns}; }
  FlowKey key_of(std::uint32_t flow) const noexcept;

  // Ends what is over its time. Cheap when no second has passed.
  void advance(PacketTime now) noexcept {
    const std::int64_t second = now.ns / 1'000'000'000;
    if (second != wheel_second_) [[unlikely]]
      turn(now, second);
  }
  // Ends everything, in order of first packets.
  void end_all(EndReason reason) noexcept;
  std::uint32_t size() const noexcept { return v4_.size + v6_.size; }

 private:
  struct Cold {
    std::int64_t first_ns;
    std::array<std::uint32_t, 2> bytes_high;
    std::uint32_t tag;  // To find the index entry when the flow ends.
  };
  static_assert(sizeof(Cold) == 24);
  struct Addresses6 {
    IpAddress low, high;
  };
  // The slots of one family lie in a row of their own, IPv4's first: 1 to `flows_max`, then as many of IPv6. Memory is
  // touched as slots are first used, freed slots are reused first.
  struct Family {
    std::uint32_t base;  // Slot before its first one.
    std::uint32_t size = 0, used_high = 0, free = 0;
  };
  static constexpr std::uint32_t wheel_seconds = 1024;
  static constexpr unsigned index_bits_min = 12, index_bits_max = 30;
  static constexpr std::size_t move_entries_max = 8;  // Entries moved to the larger index by each insertion.
  static constexpr unsigned eviction_sample = 16;
  static constexpr std::uint32_t turn_ahead = 8;  // Flows between fetching and looking, where the wheel turns.
  static constexpr unsigned guess_probes = 4;     // Mostly within the line that was fetched.

  // Open addressing, linear probing, backward-shift deletion. An entry is tag << 32 | slot; the tag is the hash's upper
  // half and its top bits are the home, so that entries move without looking at their slots.
  struct Index {
    ReservedMemory memory;
    std::uint64_t* entries = nullptr;
    unsigned bits = 0;
    std::size_t used = 0;
    std::size_t size() const noexcept { return std::size_t{1} << bits; }
  };
  static std::uint32_t tag_of(std::uint64_t hash) noexcept { return static_cast<std::uint32_t>(hash >> 32); }
  static std::size_t home(const Index& index, std::uint32_t tag) noexcept { return tag >> (32 - index.bits); }

  bool is_v6(std::uint32_t flow) const noexcept { return flow > v6_.base; }
  Addresses6& addresses6(std::uint32_t flow) const noexcept { return addresses6_[flow - v6_.base]; }
  static std::uint64_t both(std::uint32_t low, std::uint32_t high) noexcept { return std::uint64_t{high} << 32 | low; }
  bool matches(std::uint32_t slot, const FlowKey& key) const noexcept {
    const Flow& f = hot_[slot];
    // One branch for all of it: nearly always all of it is equal.
    const std::uint64_t differs =
        (f.addresses ^ both(key.low.as_v4(), key.high.as_v4())) | (f.segment ^ key.segment.raw()) |
        static_cast<std::uint64_t>((f.low_port ^ key.low_port) | (f.high_port ^ key.high_port) |
                                   (f.protocol ^ key.protocol));
    if (differs != 0) return false;
    if (!is_v6(slot)) [[likely]]
      return key.low.is_v4() && key.high.is_v4();
    const Addresses6& whole = addresses6(slot);
    return whole.low == key.low && whole.high == key.high;
  }
  Found search_or_create(const FlowKey& key, std::uint64_t hash, PacketTime now, std::uint64_t packet_number,
                         bool initiator_is_high) noexcept;
  std::uint32_t find(const Index& index, std::uint32_t tag, const FlowKey& key) const noexcept;
  static void insert(Index& index, std::uint32_t tag, std::uint32_t slot) noexcept;
  static bool erase(Index& index, std::uint32_t tag, std::uint32_t slot) noexcept;
  void grow_step() noexcept;
  void start_growth() noexcept;
  void unlink(std::uint32_t flow) noexcept;
  void begin(std::uint32_t flow, PacketTime now, std::uint64_t packet_number, bool initiator_is_high) noexcept;
  std::uint32_t allocate(Family& family) noexcept;
  std::uint32_t evict_one(const Family& family) noexcept;
  Duration timeout_of(std::uint32_t flow) const noexcept;
  void schedule(std::uint32_t flow, std::int64_t due_ns) noexcept;
  void turn(PacketTime now, std::int64_t second) noexcept;
  void end_one(std::uint32_t flow, EndReason reason) noexcept;
  void end_sorted(std::uint32_t count, EndReason reason) noexcept;

  Limits limits_;
  metrics::WorkerCounters& counters_;
  FlowEndHandler& handler_;
  ReservedMemory hot_memory_, cold_memory_, next_memory_, addresses6_memory_;
  Flow* hot_;               // Of both families; slot 0 is nobody's.
  Cold* cold_;              // By the same slots.
  std::uint32_t* next_;     // By them, too: the next flow in the wheel's second, or the next free slot.
  Addresses6* addresses6_;  // By slot from the family's base on.
  Family v4_, v6_;
  std::array<ReservedMemory, index_bits_max + 1> index_memory_;
  Index current_, old_;  // `old_` while it is being emptied into `current_`.
  std::size_t move_at_ = 0;
  std::array<std::uint32_t, wheel_seconds> wheel_{};
  std::int64_t wheel_second_ = INT64_MIN;
  ReservedMemory due_memory_;  // One index a flow of both families: what a turn of the wheel ends.
  std::uint32_t evict_cursor_ = 0;
};

}  // namespace tsujiban::flow
