#pragma once
#include "base/hash.h"
#include "base/pool.h"
#include "metrics/counters.h"
#include "model/flow_key.h"
#include "model/packet.h"
#include "reassembly/runs.h"

namespace tsujiban::reassembly {

// Who gets the bytes of a stream. Calls come while a segment or close is handled; views live as long as the call; the
// engine must not be called from within.
class StreamConsumer {
 public:
  // Every byte once, in the order of its sequence number.
  virtual void bytes(Direction direction, Bytes piece) noexcept = 0;
  // Bytes that will never come, in their place between `bytes`.
  virtual void gap(Direction direction, std::uint32_t missing) noexcept = 0;
  // Nothing follows: the FIN was reached, that side reset the connection, or the stream was closed.
  virtual void finished(Direction direction) noexcept = 0;
  // A broken rule, at `offset` bytes from the start of that direction (modulo 2^32). Whoever is told counts it.
  virtual void anomaly(Direction direction, ParseError error, std::uint32_t offset) noexcept = 0;

 protected:
  ~StreamConsumer() = default;
};

// Orders the bytes of TCP connections. Bytes in order go from the packet to the consumer uncopied; others wait in a
// ByteStore.
//
// Overlaps: what was delivered stays. Among waiting bytes those win that Linux would take: of the segment that starts
// earlier, at one start of the longer, else of the first. Bytes that differ are told: against waiting bytes always,
// against delivered ones as far as the segment covers one of the last `recent_max` delivered pieces whole. Urgent data
// is delivered in line (RFC 6093, 3.2). Data in a reset is not delivered.
class StreamEngine {
 public:
  struct Limits {
    std::uint32_t streams_max = 65536;
    std::size_t memory_bytes_max = 64u << 20;  // Of waiting bytes, all streams.
    std::uint32_t pending_bytes_per_direction_max = 256u << 10;
    std::uint16_t pending_runs_per_direction_max = 32;  // Islands between holes.
    std::uint32_t depth_bytes_max = 0;                  // Delivered per direction; 0: no limit.
    HashSeed seed;  // Of the fingerprints of delivered bytes; the same as of DecodedPacket::payload_hash.
  };
  static constexpr unsigned recent_max = 2;
  // Beyond the window that the receiver announced, so that what we did not see of it refuses nobody.
  static constexpr std::uint32_t window_tolerance_bytes = 64u << 10;
  // Ahead of the next byte where no window is known; also how far behind it a repetition may lie.
  static constexpr std::uint32_t window_unknown_bytes = 1u << 20;
  static constexpr std::uint8_t window_scale_assumed = 8;  // Where no SYN told it.
  static constexpr std::uint8_t one_sided_segments_max =
      8;  // A hole this many segments old is a gap when nobody acknowledges.
  static constexpr std::uint8_t resync_segments = 4;  // As many in a row, far away, are the stream, not an injection.

  enum class State : std::uint8_t { none, syn_sent, syn_received, established, half_closed, closed, reset };

  // Throws std::bad_alloc when the address space cannot be had.
  StreamEngine(const Limits& limits, metrics::WorkerCounters& counters);

  // A new stream's index; 0 when the pool is full (counted as an eviction for stream memory).
  std::uint32_t open() noexcept;
  // One TCP segment of that stream whose checksum the caller accepted. `direction` is its own.
  void segment(std::uint32_t stream, Direction direction, const DecodedPacket& packet,
               StreamConsumer& consumer) noexcept;
  // Delivers what waits, telling the gaps, finishes both directions and gives the stream back.
  void close(std::uint32_t stream, StreamConsumer& consumer) noexcept;
  // True when this packet begins another connection, or shows that a reset was forged: the caller closes this stream
  // and opens a new one, to which it gives the packet.
  bool reopens(std::uint32_t stream, Direction direction, const DecodedPacket& packet) const noexcept;

  State state(std::uint32_t stream) const noexcept;
  bool both_directions_seen(std::uint32_t stream) const noexcept;
  [[gnu::always_inline]] void prefetch(std::uint32_t stream) const noexcept {
    __builtin_prefetch(&streams_[stream]);
    __builtin_prefetch(reinterpret_cast<const char*>(&streams_[stream]) + 64);
  }
  std::uint32_t streams() const noexcept { return streams_.size(); }
  std::size_t bytes_used() const noexcept { return store_.bytes_used(); }  // By waiting bytes.
  static constexpr std::size_t slot_bytes = 128;

 private:
  // A piece as it was delivered, to recognise a repetition with other bytes.
  struct Delivered {
    std::uint32_t start;
    std::uint16_t length;  // 0: none.
    std::uint16_t fingerprint;
  };
  enum Flag : std::uint16_t {
    located = 1 << 0,  // `next` is known, be it from a bare acknowledgment.
    started = 1 << 1,  // It is fixed: by a SYN or by data.
    syn_seen = 1 << 2,
    acked_known = 1 << 3,  // The peer acknowledged: `acked`.
    edge_known = 1 << 4,   // The peer announced a window: `edge`.
    fin_seen = 1 << 5,     // `fin` is its place.
    ended = 1 << 6,        // `finished` was told.
    syn_held = 1 << 7,     // Data of the SYN waits for the peer's word whether it took it.
    resetting = 1 << 8,    // This side sent a reset.
    new_syn = 1 << 9,      // A SYN with another number came; `far_next` follows it.
    limit_told = 1 << 10,
    depth_told = 1 << 11,
    after_close_told = 1 << 12,
    midstream_told = 1 << 13,  // In the initiator's side, for both.
  };
  static constexpr std::uint8_t scale_none = 0xff;
  struct Side {
    std::uint32_t next = 0;   // The next byte to deliver.
    std::uint32_t acked = 0;  // The peer wants this next.
    std::uint32_t edge = 0;   // Right edge of the window that the peer announced; never goes back.
    std::uint32_t isn = 0;    // Of the SYN, or the byte before the first one seen.
    std::uint32_t fin = 0;
    std::uint32_t far_next = 0;   // End of the last segment outside the window.
    std::uint32_t delivered = 0;  // Bytes, up to the depth limit.
    Runs waiting;
    Delivered recent[recent_max] = {};
    std::uint16_t flags = 0;
    std::uint8_t scale = scale_none;
    std::uint8_t far_count = 0;
    std::uint8_t hole_segments = 0;  // Segments since the first hole opened.
    bool has(std::uint16_t flag) const noexcept { return (flags & flag) != 0; }
  };
  struct alignas(64) Stream {
    Side sides[2];
  };
  static_assert(sizeof(Stream) == slot_bytes);

  // One segment on its way through, so that the steps below need no long argument lists.
  struct Context {
    Stream& stream;
    Side& side;  // Of the sender.
    Side& peer;
    Direction direction;
    StreamConsumer& consumer;
  };
  static Context turned(const Context& c) noexcept {
    return {c.stream, c.peer, c.side, opposite(c.direction), c.consumer};
  }

  void take_syn(const Context& c, const DecodedPacket& packet) noexcept;
  void take_reset(const Context& c, const DecodedPacket& packet) noexcept;
  void take_acknowledgment(const Context& c, const DecodedPacket& packet, bool trusted) noexcept;
  void take_data(const Context& c, std::uint32_t sequence, Bytes data, std::uint32_t length_wire) noexcept;
  void take_early(const Context& c, std::uint32_t sequence, Bytes data, std::uint32_t length_wire) noexcept;
  void locate(const Context& c, std::uint32_t sequence) noexcept;
  void tell_midstream(const Context& c) noexcept;
  bool is_far(const Context& c, std::uint32_t sequence, std::uint32_t length) const noexcept;
  bool take_far(const Context& c, std::uint32_t sequence, std::uint32_t length) noexcept;
  void jump(const Context& c, std::uint32_t sequence) noexcept;
  void drop_after_fin(const Context& c) noexcept;
  static bool answers_syn(const Side& syn, std::uint32_t number) noexcept;
  void resolve_syn_data(const Context& c, bool accepted) noexcept;
  void deliver(const Context& c, Bytes piece) noexcept;
  void lose(const Context& c, std::uint32_t missing) noexcept;
  void advance(const Context& c) noexcept;
  void flush(const Context& c) noexcept;
  void pop_first(const Context& c) noexcept;
  void finish(const Context& c) noexcept;
  void check_repeated(const Context& c, std::uint32_t sequence, Bytes data) noexcept;
  void tell_limit(const Context& c) noexcept;
  bool depth_reached(const Side& side) const noexcept {
    return limits_.depth_bytes_max != 0 && side.delivered >= limits_.depth_bytes_max;
  }
  std::uint16_t fingerprint(Bytes bytes) const noexcept {
    const bool known = bytes.data() == hashed_.data() && bytes.size() == hashed_.size();
    return static_cast<std::uint16_t>(known ? hash_ : hash_bytes(limits_.seed, bytes));
  }

  Limits limits_;
  metrics::WorkerCounters& counters_;
  ByteStore store_;
  Pool<Stream> streams_;
  Bytes hashed_;  // The payload at hand, where its hash is known already: `hash_`.
  std::uint64_t hash_ = 0;
};

}  // namespace tsujiban::reassembly
