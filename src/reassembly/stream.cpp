#include "reassembly/stream.h"

#include <algorithm>

namespace tsujiban::reassembly {
namespace {

// Distance in sequence space (RFC 9293, 3.4: modulo 2^32); negative when `a` lies before `b`.
std::int32_t distance(std::uint32_t a, std::uint32_t b) noexcept { return static_cast<std::int32_t>(a - b); }
bool after(std::uint32_t a, std::uint32_t b) noexcept { return distance(a, b) > 0; }
std::uint32_t apart(std::uint32_t a, std::uint32_t b) noexcept { return distance(a, b) < 0 ? b - a : a - b; }

constexpr std::uint8_t option_end = 0, option_nop = 1, option_window_scale = 3;
constexpr std::uint8_t window_scale_max = 14;  // RFC 7323, 2.3.

// The window scale option of a SYN, or `otherwise`. Each turn moves on by at least one byte of at most 40.
std::uint8_t window_scale(const DecodedPacket& packet, std::uint8_t otherwise) noexcept {
  constexpr std::uint32_t header_bytes_min = 20;
  if (packet.transport == nullptr || packet.tcp_header_length > packet.ip_payload_length) return otherwise;
  for (std::uint32_t at = header_bytes_min; at < packet.tcp_header_length;) {
    const std::uint8_t kind = packet.transport[at];
    if (kind == option_end) break;
    if (kind == option_nop) {
      ++at;
      continue;
    }
    if (at + 1u >= packet.tcp_header_length) break;
    const std::uint8_t length = packet.transport[at + 1];
    if (length < 2 || at + length > packet.tcp_header_length) break;
    if (kind == option_window_scale && length == 3) return std::min(packet.transport[at + 2], window_scale_max);
    at += length;
  }
  return otherwise;
}

}  // namespace

StreamEngine::StreamEngine(const Limits& limits, metrics::WorkerCounters& counters)
    : limits_(limits),
      counters_(counters),
      store_(limits.memory_bytes_max),
      streams_(std::max(limits.streams_max, 1u), ReservedMemory::Pages::large) {}

std::uint32_t StreamEngine::open() noexcept {
  const std::uint32_t index = streams_.allocate();
  if (index == 0) counters_.evicted(metrics::EvictionReason::stream_memory);
  return index;
}

void StreamEngine::segment(std::uint32_t stream, Direction direction, const DecodedPacket& packet,
                           StreamConsumer& consumer) noexcept {
  Stream& s = streams_[stream];
  hashed_ = packet.payload_hash != 0 ? packet.payload_bytes() : Bytes{};
  hash_ = packet.payload_hash;
  const auto d = static_cast<unsigned>(direction);
  const Context c{s, s.sides[d], s.sides[1 - d], direction, consumer};
  Side& side = c.side;
  const std::uint8_t flags = packet.tcp_flags;
  const std::uint32_t sequence = packet.tcp_sequence;
  const std::uint32_t length_wire = std::max(packet.payload_length_wire, packet.payload_length);
  if ((flags & (tcp_flag::syn | tcp_flag::rst)) != 0) [[unlikely]] {
    if ((flags & tcp_flag::rst) != 0) return take_reset(c, packet);
    return take_syn(c, packet);
  }
  const bool fin = (flags & tcp_flag::fin) != 0;
  const std::uint32_t length = length_wire + fin;
  if (!side.has(located)) [[unlikely]]
    locate(c, sequence);
  if (!side.has(started) && length_wire != 0) [[unlikely]] {
    // What a bare acknowledgment said of the next byte is no more than a hint: a keep-alive names the one before it.
    if (apart(sequence, side.next) <= window_unknown_bytes) {
      side.next = sequence;
      side.isn = sequence - 1;
      side.flags |= started;
      tell_midstream(c);
    }
  }
  bool trusted = true;
  if (is_far(c, sequence, length)) [[unlikely]] {
    trusted = take_far(c, sequence, length);
    if (trusted && length_wire != 0) side.flags |= started;
  } else {
    side.far_count = 0;
  }
  if ((flags & tcp_flag::ack) != 0) take_acknowledgment(c, packet, trusted);
  if (!trusted) return;
  if (side.has(syn_held)) [[unlikely]] {
    // The sender goes on after its data in the SYN, or sends it again.
    if (after(sequence, side.isn + 1))
      resolve_syn_data(c, true);
    else if (sequence == side.isn + 1 || after(sequence + length_wire, side.isn + 1)) {
      const InsertResult again = compare_run(store_, side.waiting, side.next, sequence, packet.payload_bytes());
      if (again.differs)
        consumer.anomaly(direction, ParseError::stream_overlap_differs, again.differs_at - side.isn - 1);
      resolve_syn_data(c, false);
    }
  }
  // The first FIN counts; one before bytes that were delivered contradicts them and is none.
  if (fin && !side.has(fin_seen) && !side.has(ended) && distance(sequence + length_wire, side.next) >= 0) {
    side.fin = sequence + length_wire;
    side.flags |= fin_seen;
  }
  if (length_wire != 0) take_data(c, sequence, packet.payload_bytes(), length_wire);
  if (fin) advance(c);
}

// ---- where the stream is
// ----------------------------------------------------------------------------------------------

void StreamEngine::locate(const Context& c, std::uint32_t sequence) noexcept {
  Side& side = c.side;
  side.next = sequence;
  side.isn = sequence - 1;
  side.flags |= located;
  // What the peer acknowledged before we knew where this side is may be a forgery.
  if (side.has(acked_known) && apart(side.acked, sequence) > window_unknown_bytes) {
    side.flags &= static_cast<std::uint16_t>(~(acked_known | edge_known));
  }
}

void StreamEngine::tell_midstream(const Context& c) noexcept {
  Side& first = c.stream.sides[0];
  if (first.has(midstream_told) || c.side.has(syn_seen) || c.peer.has(syn_seen)) return;
  first.flags |= midstream_told;
  c.consumer.anomaly(c.direction, ParseError::stream_midstream, 0);
}

// RFC 9293, 3.4 asks whether a segment touches the receive window; the receiver's is not ours, so it is taken wide.
bool StreamEngine::is_far(const Context& c, std::uint32_t sequence, std::uint32_t length) const noexcept {
  const Side& side = c.side;
  const std::int32_t ahead = distance(sequence, side.next);
  if (ahead <= 0) return distance(sequence + length, side.next) < -static_cast<std::int32_t>(window_unknown_bytes);
  std::uint32_t allowed = window_unknown_bytes;
  if (side.has(edge_known)) {
    const std::int32_t open = distance(side.edge, side.next);
    allowed = window_tolerance_bytes + static_cast<std::uint32_t>(std::max(open, 0));
  }
  return static_cast<std::uint32_t>(ahead) > allowed;
}

// A segment outside the window is refused, so that a blind injection changes nothing. A capture that lost more than a
// window sees nothing else, though: where several follow one another they are the stream. If the peer is seen, it must
// agree: see `take_acknowledgment`. Returns true when the segment is part of the stream after all.
bool StreamEngine::take_far(const Context& c, std::uint32_t sequence, std::uint32_t length) noexcept {
  Side& side = c.side;
  c.consumer.anomaly(c.direction, ParseError::stream_out_of_window, sequence - side.isn - 1);
  if (side.has(ended)) return false;
  if (side.has(new_syn)) {
    side.flags &= static_cast<std::uint16_t>(~new_syn);
    side.far_count = 0;
  }
  const bool follows = side.far_count != 0 && sequence - side.far_next <= window_tolerance_bytes;
  side.far_count = follows ? static_cast<std::uint8_t>(std::min(side.far_count + 1, 255)) : std::uint8_t{1};
  side.far_next = sequence + length;
  const std::int32_t ahead = distance(sequence, side.next);
  if (c.peer.has(located) || side.far_count < resync_segments || ahead <= 0) return false;
  jump(c, sequence);
  return true;
}

// Goes on at `sequence`; what lies between is lost.
void StreamEngine::jump(const Context& c, std::uint32_t sequence) noexcept {
  Side& side = c.side;
  side.far_count = 0;
  if (!side.has(started)) return locate(c, sequence);
  flush(c);
  // A FIN that the stream went past was not part of it.
  if (side.has(fin_seen) && after(sequence, side.fin)) side.flags &= static_cast<std::uint16_t>(~fin_seen);
  if (after(sequence, side.next)) lose(c, sequence - side.next);
}

void StreamEngine::take_acknowledgment(const Context& c, const DecodedPacket& packet, bool trusted) noexcept {
  const Context other = turned(c);
  Side& acknowledged = other.side;
  const std::uint32_t number = packet.tcp_acknowledgment;
  const bool syn = (packet.tcp_flags & tcp_flag::syn) != 0;
  // RFC 7323, 2.2: the window of a SYN is never scaled, and no scale holds unless both offered one.
  std::uint8_t scale = 0;
  if (!syn) {
    if (c.side.has(syn_seen) && c.peer.has(syn_seen)) {
      scale = c.side.scale != scale_none && c.peer.scale != scale_none ? c.side.scale : std::uint8_t{0};
    } else {
      scale = c.side.has(syn_seen) && c.side.scale != scale_none ? c.side.scale : window_scale_assumed;
    }
  }
  const std::uint32_t edge = number + (std::uint32_t{packet.tcp_window} << scale);
  if (!acknowledged.has(located)) {
    if (!trusted) return;
    acknowledged.acked = number;
    acknowledged.edge = edge;
    acknowledged.flags |= acked_known | edge_known;
    return;
  }
  if (acknowledged.far_count != 0 && acknowledged.far_next - number <= window_tolerance_bytes &&
      (trusted || acknowledged.far_count >= resync_segments) && after(number, acknowledged.next)) [[unlikely]] {
    // The peer took the segments that looked far: we lost what lies before them.
    if (acknowledged.has(ended)) return;
    jump(other, number);
    acknowledged.acked = number;
    acknowledged.edge = edge;
    acknowledged.flags |= acked_known | edge_known;
    return;
  }
  if (!trusted || is_far(other, number, 0)) return;
  if (acknowledged.has(acked_known) && after(acknowledged.acked, number)) return;
  acknowledged.acked = number;
  if (!acknowledged.has(edge_known) || after(edge, acknowledged.edge)) acknowledged.edge = edge;
  acknowledged.flags |= acked_known | edge_known;
  if (acknowledged.has(syn_held)) [[unlikely]]
    resolve_syn_data(other, after(number, acknowledged.isn + 1));
  if (acknowledged.waiting.first != 0 || (acknowledged.has(fin_seen) && !acknowledged.has(ended))) advance(other);
}

// ---- bytes
// ------------------------------------------------------------------------------------------------------------

void StreamEngine::take_data(const Context& c, std::uint32_t sequence, Bytes data, std::uint32_t length_wire) noexcept {
  Side& side = c.side;
  if (side.has(ended) || (side.has(fin_seen) && after(sequence + length_wire, side.fin))) [[unlikely]] {
    // Nothing may follow the FIN (RFC 9293, 3.6); a repetition of what came before it may.
    const std::uint32_t last = side.has(ended) ? side.next : side.fin;
    if (after(sequence + length_wire, last)) {
      if (!side.has(after_close_told)) {
        side.flags |= after_close_told;
        c.consumer.anomaly(c.direction, ParseError::stream_data_after_close, last - side.isn - 1);
      }
      if (distance(last, sequence) <= 0) return;
      length_wire = last - sequence;
      data = data.first(std::min<std::size_t>(data.size(), length_wire));
    }
  }
  const std::int32_t ahead = distance(sequence, side.next);
  if (ahead > 0) return take_early(c, sequence, data, length_wire);
  if (ahead < 0) [[unlikely]] {
    const auto behind = static_cast<std::uint32_t>(-static_cast<std::int64_t>(ahead));
    // A keep-alive repeats the last byte, and any value will do for it (RFC 9293, 3.8.4).
    if (behind == 1 && length_wire == 1) return;
    check_repeated(c, sequence, data);
    counters_.stream_retransmitted_bytes.add(std::min(behind, length_wire));
    if (behind >= length_wire) return;
    data = data.size() > behind ? data.subspan(behind) : Bytes{};
    length_wire -= behind;
    sequence = side.next;
  }
  if (side.waiting.first != 0) [[unlikely]] {
    // New bytes start before every waiting one and win; what waited is only compared.
    const InsertResult overlap = compare_run(store_, side.waiting, side.next, sequence, data);
    if (overlap.differs) {
      c.consumer.anomaly(c.direction, ParseError::stream_overlap_differs, overlap.differs_at - side.isn - 1);
    }
    counters_.stream_retransmitted_bytes.add(overlap.overlapped);
  }
  deliver(c, data);
  if (data.size() < length_wire) [[unlikely]] {
    // Our snap length cut the segment, unless what waits has the rest.
    advance(c);
    const std::uint32_t end = sequence + length_wire;
    while (after(end, side.next) && !side.has(ended)) {
      const std::uint32_t to = side.waiting.first != 0 && after(end, run_of(store_, side.waiting.first).start)
                                   ? run_of(store_, side.waiting.first).start
                                   : end;
      lose(c, to - side.next);
      advance(c);
    }
  }
  if (side.waiting.first != 0 || side.has(fin_seen)) [[unlikely]]
    advance(c);
}

void StreamEngine::take_early(const Context& c, std::uint32_t sequence, Bytes data,
                              std::uint32_t length_wire) noexcept {
  Side& side = c.side;
  if (depth_reached(side)) {
    clear_runs(store_, side.waiting);
    counters_.stream_beyond_depth_bytes.add(length_wire);
    side.next = sequence + length_wire;
    return;
  }
  // The hole was acknowledged before: these bytes need not wait.
  if (side.waiting.first == 0 && side.has(acked_known) && distance(side.acked, sequence) >= 0) {
    lose(c, sequence - side.next);
    return take_data(c, sequence, data, length_wire);
  }
  const RunLimits limits{limits_.pending_bytes_per_direction_max, limits_.pending_runs_per_direction_max};
  for (;;) {
    const InsertResult result =
        insert_run(store_, side.waiting, side.next, sequence, data, OverlapPolicy::earlier_start, limits);
    if (result.differs) {
      c.consumer.anomaly(c.direction, ParseError::stream_overlap_differs, result.differs_at - side.isn - 1);
    }
    counters_.stream_retransmitted_bytes.add(result.overlapped);
    if (!result.refused) break;
    // A limit: the oldest hole becomes a gap, which frees at least one run, or there is nothing left to wait for.
    tell_limit(c);
    const std::uint32_t done = result.stored + result.overlapped;
    sequence += done;
    data = data.subspan(done);
    length_wire -= std::min(done, length_wire);
    if (side.waiting.first != 0) {
      const std::uint32_t start = run_of(store_, side.waiting.first).start;
      if (!side.has(fin_seen) || after(side.fin, start)) lose(c, start - side.next);
      advance(c);
    } else {
      lose(c, sequence - side.next);
    }
    if (side.has(ended) || data.empty()) return;
    if (distance(sequence, side.next) <= 0) return take_data(c, sequence, data, length_wire);
  }
  if (side.hole_segments != 255) ++side.hole_segments;
  advance(c);
}

void StreamEngine::deliver(const Context& c, Bytes piece) noexcept {
  if (piece.empty()) return;
  Side& side = c.side;
  const auto length = static_cast<std::uint32_t>(piece.size());
  if (length <= 0xffff) {
    side.recent[1] = side.recent[0];
    side.recent[0] = {side.next, static_cast<std::uint16_t>(length), fingerprint(piece)};
  }
  side.next += length;
  if (limits_.depth_bytes_max != 0) {
    const std::uint32_t left = limits_.depth_bytes_max - side.delivered;
    if (length > left) {
      counters_.stream_beyond_depth_bytes.add(length - left);
      if (!side.has(depth_told)) {
        side.flags |= depth_told;
        c.consumer.anomaly(c.direction, ParseError::stream_limit, limits_.depth_bytes_max);
      }
      piece = piece.first(left);
      if (piece.empty()) return;
    }
    side.delivered += static_cast<std::uint32_t>(piece.size());
  }
  counters_.stream_bytes.add(piece.size());
  c.consumer.bytes(c.direction, piece);
}

void StreamEngine::lose(const Context& c, std::uint32_t missing) noexcept {
  if (missing == 0) return;
  const std::uint32_t offset = c.side.next - c.side.isn - 1;
  c.side.next += missing;
  counters_.stream_gap_bytes.add(missing);
  if (depth_reached(c.side)) return;
  c.consumer.anomaly(c.direction, ParseError::stream_gap, offset);
  c.consumer.gap(c.direction, missing);
}

void StreamEngine::pop_first(const Context& c) noexcept {
  Side& side = c.side;
  const Bytes bytes = bytes_of(store_, side.waiting.first);
  const std::uint32_t start = run_of(store_, side.waiting.first).start;
  std::size_t size = bytes.size();
  // Bytes from before the FIN was known may lie beyond it.
  if (side.has(fin_seen))
    size = std::min<std::size_t>(size, static_cast<std::size_t>(std::max(distance(side.fin, start), 0)));
  const std::size_t behind = side.next - start;
  if (behind < size) deliver(c, bytes.subspan(behind, size - behind));
  pop_run(store_, side.waiting);
}

// Delivers what is in order by now; each turn removes a run or ends the loop.
void StreamEngine::advance(const Context& c) noexcept {
  Side& side = c.side;
  if (side.has(syn_held) || side.has(ended)) return;
  while (side.waiting.first != 0) {
    const std::uint32_t start = run_of(store_, side.waiting.first).start;
    if (side.has(fin_seen) && distance(start, side.fin) >= 0) {
      drop_after_fin(c);
      break;
    }
    if (after(start, side.next)) {
      const bool acknowledged = side.has(acked_known) && distance(side.acked, start) >= 0;
      const bool unheard = !c.peer.has(located) && side.hole_segments >= one_sided_segments_max;
      if (!acknowledged && !unheard) break;
      lose(c, start - side.next);
    }
    pop_first(c);
  }
  if (side.waiting.first == 0) side.hole_segments = 0;
  if (!side.has(fin_seen)) return;
  if (side.waiting.first == 0 && after(side.fin, side.next) && side.has(acked_known) &&
      distance(side.acked, side.fin) >= 0) {
    lose(c, side.fin - side.next);
  }
  if (distance(side.next, side.fin) >= 0) {
    side.next = side.fin + 1;
    finish(c);
  }
}

// Delivers all that waits; holes between become gaps.
void StreamEngine::flush(const Context& c) noexcept {
  Side& side = c.side;
  side.flags &= static_cast<std::uint16_t>(~syn_held);
  while (side.waiting.first != 0) {
    const std::uint32_t start = run_of(store_, side.waiting.first).start;
    if (side.has(fin_seen) && distance(start, side.fin) >= 0)
      drop_after_fin(c);
    else if (after(start, side.next))
      lose(c, start - side.next);
    if (side.waiting.first != 0) pop_first(c);
  }
  side.hole_segments = 0;
}

// What waits at and behind the FIN is not part of the stream.
void StreamEngine::drop_after_fin(const Context& c) noexcept {
  clear_runs(store_, c.side.waiting);
  if (c.side.has(after_close_told)) return;
  c.side.flags |= after_close_told;
  c.consumer.anomaly(c.direction, ParseError::stream_data_after_close, c.side.fin - c.side.isn - 1);
}

void StreamEngine::finish(const Context& c) noexcept {
  if (c.side.has(ended)) return;
  c.side.flags |= ended;
  c.consumer.finished(c.direction);
}

void StreamEngine::check_repeated(const Context& c, std::uint32_t sequence, Bytes data) noexcept {
  for (const Delivered& piece : c.side.recent) {
    const std::uint32_t offset = piece.start - sequence;
    if (piece.length == 0 || offset > data.size() || piece.length > data.size() - offset) continue;
    if (fingerprint(data.subspan(offset, piece.length)) == piece.fingerprint) continue;
    c.consumer.anomaly(c.direction, ParseError::stream_overlap_differs, piece.start - c.side.isn - 1);
    return;
  }
}

void StreamEngine::tell_limit(const Context& c) noexcept {
  counters_.evicted(metrics::EvictionReason::stream_memory);
  if (c.side.has(limit_told)) return;
  c.side.flags |= limit_told;
  c.consumer.anomaly(c.direction, ParseError::stream_limit, c.side.next - c.side.isn - 1);
}

// ---- SYN, reset, end
// --------------------------------------------------------------------------------------------------

void StreamEngine::take_syn(const Context& c, const DecodedPacket& packet) noexcept {
  Side& side = c.side;
  const std::uint32_t sequence = packet.tcp_sequence;
  const bool acknowledges = (packet.tcp_flags & tcp_flag::ack) != 0;
  const bool again = side.has(syn_seen) && sequence == side.isn;
  if (!again && (side.has(started) || side.has(ended))) {
    const bool unanswered = side.has(syn_seen) && !side.has(ended) && !c.peer.has(located) && side.next == side.isn + 1;
    if (!unanswered) {
      // On a live connection the receiver only answers with a challenge (RFC 5961, 4). Should it take this one after
      // all, its SYN says so: see `reopens`.
      c.consumer.anomaly(c.direction, ParseError::stream_out_of_window, sequence - side.isn - 1);
      side.flags |= new_syn;
      side.far_next = sequence + 1;
      side.far_count = 0;
      return;
    }
    clear_runs(store_, side.waiting);
    side = Side{};
  }
  if (!again) {
    if (acknowledges && c.peer.has(syn_seen) && !answers_syn(c.peer, packet.tcp_acknowledgment)) {
      // The client will not take this for an answer (RFC 9293, 3.10.7.3), so neither do we.
      c.consumer.anomaly(c.direction, ParseError::stream_out_of_window, 0);
      return;
    }
    locate(c, sequence + 1);
    side.flags |= started | syn_seen;
    side.scale = window_scale(packet, scale_none);
  }
  if (acknowledges) take_acknowledgment(c, packet, true);
  const Bytes data = packet.payload_bytes();
  if (data.empty() || side.next != side.isn + 1 || side.has(ended)) return;
  // RFC 7413, 4.2: the receiver may take this data or ignore it; which of the two its acknowledgment says.
  if (!again || !side.has(syn_held)) c.consumer.anomaly(c.direction, ParseError::stream_syn_data, 0);
  const InsertResult kept =
      insert_run(store_, side.waiting, side.next, side.next, data, OverlapPolicy::earlier_start,
                 {limits_.pending_bytes_per_direction_max, limits_.pending_runs_per_direction_max});
  if (kept.differs) c.consumer.anomaly(c.direction, ParseError::stream_overlap_differs, kept.differs_at - side.next);
  if (kept.refused) tell_limit(c);
  if (kept.stored != 0) side.flags |= syn_held;
}

// An acknowledgment of the SYN and at most what was sent with it and after it.
bool StreamEngine::answers_syn(const Side& syn, std::uint32_t number) noexcept {
  return number - (syn.isn + 1) <= std::max(syn.waiting.bytes, syn.next - (syn.isn + 1));
}

void StreamEngine::resolve_syn_data(const Context& c, bool accepted) noexcept {
  c.side.flags &= static_cast<std::uint16_t>(~syn_held);
  if (accepted) return advance(c);
  clear_runs(store_, c.side.waiting);
}

void StreamEngine::take_reset(const Context& c, const DecodedPacket& packet) noexcept {
  Side& side = c.side;
  const std::uint32_t sequence = packet.tcp_sequence;
  bool valid = true;
  if (side.has(located)) {
    // What the receiver awaits lies between its last acknowledgment and all that was sent; beyond the next byte we may
    // have missed some. RFC 5961, 3 wants the exact number; who forges inside the window is caught by `reopens`.
    const std::uint32_t low = (side.has(acked_known) && after(side.next, side.acked) ? side.acked : side.next) - 1;
    valid = distance(sequence, low) >= 0 && !is_far(c, sequence, 0);
  } else if (c.peer.has(syn_seen)) {
    // RFC 9293, 3.10.7.3: in answer to a SYN it must acknowledge that SYN.
    valid = (packet.tcp_flags & tcp_flag::ack) != 0 && answers_syn(c.peer, packet.tcp_acknowledgment);
  }
  if (!valid) {
    c.consumer.anomaly(c.direction, ParseError::stream_rst_out_of_window, sequence - side.isn - 1);
    return;
  }
  if (!side.has(located)) locate(c, sequence);
  if ((packet.tcp_flags & tcp_flag::ack) != 0) take_acknowledgment(c, packet, true);
  if (side.has(resetting)) return;
  side.flags |= resetting;
  // Only the sender's own direction ends. The peer's bytes may be on their way still, and if the reset was forged they
  // go on: they are delivered until the stream is closed.
  if (!side.has(ended)) {
    flush(c);
    finish(c);
  }
}

bool StreamEngine::reopens(std::uint32_t stream, Direction direction, const DecodedPacket& packet) const noexcept {
  const Stream& s = streams_[stream];
  const Side& side = s.sides[static_cast<unsigned>(direction)];
  const Side& peer = s.sides[1 - static_cast<unsigned>(direction)];
  const std::uint8_t flags = packet.tcp_flags;
  if ((flags & tcp_flag::rst) != 0) return false;
  // The peer's SYN on a live connection was taken after all.
  if ((flags & tcp_flag::ack) != 0 && peer.has(new_syn) && packet.tcp_acknowledgment == peer.far_next) return true;
  const bool over = side.has(resetting) || peer.has(resetting) || (side.has(ended) && peer.has(ended));
  if ((flags & tcp_flag::syn) != 0) {
    if ((flags & tcp_flag::ack) == 0) {
      // A SYN with another number, where the last connection is over or its SYN was never answered.
      const bool other_number = !side.has(syn_seen) || packet.tcp_sequence != side.isn;
      return other_number && (over || (side.has(syn_seen) && !peer.has(located)));
    }
    // An answer after a reset shows that the reset was not taken.
    return over && !(side.has(syn_seen) && packet.tcp_sequence == side.isn);
  }
  if (!side.has(resetting)) return false;
  // Who reset the connection sends on: a reset in its name was forged. Segments from before it may only be late.
  const std::uint32_t length = std::max(packet.payload_length_wire, packet.payload_length);
  if (length != 0 && distance(packet.tcp_sequence, side.next) >= 0) return true;
  return (flags & tcp_flag::ack) != 0 && peer.has(acked_known) && after(packet.tcp_acknowledgment, peer.acked) &&
         distance(packet.tcp_sequence, side.next) >= 0;
}

void StreamEngine::close(std::uint32_t stream, StreamConsumer& consumer) noexcept {
  hashed_ = {};
  Stream& s = streams_[stream];
  for (const Direction direction : {Direction::to_responder, Direction::to_initiator}) {
    const auto d = static_cast<unsigned>(direction);
    const Context c{s, s.sides[d], s.sides[1 - d], direction, consumer};
    Side& side = c.side;
    if (side.has(ended) || !side.has(located)) {
      clear_runs(store_, side.waiting);
      continue;
    }
    flush(c);
    // Bytes behind the last one that was seen: up to the FIN, else what was acknowledged; the last number of that may
    // be that of a FIN which we missed.
    const bool acknowledged = side.has(acked_known) && after(side.acked, side.next);
    if (side.has(started) && (side.has(fin_seen) || acknowledged)) {
      const std::int32_t missing = distance(side.has(fin_seen) ? side.fin : side.acked, side.next);
      if (missing > (side.has(fin_seen) ? 0 : 1)) {
        lose(c, static_cast<std::uint32_t>(missing));
      }
    }
    finish(c);
  }
  streams_.release(stream);
}

StreamEngine::State StreamEngine::state(std::uint32_t stream) const noexcept {
  const Side& a = streams_[stream].sides[0];
  const Side& b = streams_[stream].sides[1];
  if (a.has(resetting) || b.has(resetting)) return State::reset;
  if (a.has(ended) && b.has(ended)) return State::closed;
  if (a.has(ended) || b.has(ended)) return State::half_closed;
  if (a.has(syn_seen) && b.has(syn_seen)) {
    const bool acknowledged =
        a.has(acked_known) && after(a.acked, a.isn) && b.has(acked_known) && after(b.acked, b.isn);
    return acknowledged ? State::established : State::syn_received;
  }
  if ((a.has(syn_seen) && !b.has(located)) || (b.has(syn_seen) && !a.has(located))) {
    const Side& syn = a.has(syn_seen) ? a : b;
    return syn.next == syn.isn + 1 ? State::syn_sent : State::established;
  }
  return a.has(located) || b.has(located) ? State::established : State::none;
}

bool StreamEngine::both_directions_seen(std::uint32_t stream) const noexcept {
  return streams_[stream].sides[0].has(located) && streams_[stream].sides[1].has(located);
}

}  // namespace tsujiban::reassembly
