#include "reassembly/fragments.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <limits>

namespace tsujiban::reassembly {
namespace {

constexpr PacketTime never{std::numeric_limits<std::int64_t>::max()};

void tell(DecodedPacket& packet, ParseError error, std::uint32_t offset) noexcept {
  if (!packet.anomalies.push({Layer::fragment, error, offset}) && packet.anomalies_unlisted != 255)
    ++packet.anomalies_unlisted;
}

// RFC 1858, 3 and RFC 7112: what a filter looks at must be in the first fragment. A second TCP fragment at offset 8
// replaces the flags of the first one (RFC 1858, 3.2).
bool hides_transport(std::uint8_t protocol, std::uint32_t offset, std::uint32_t length) noexcept {
  constexpr std::uint32_t tcp_header_bytes = 20, other_header_bytes = 8;
  const bool tcp = protocol == static_cast<std::uint8_t>(IpProtocol::tcp);
  if (offset == 0) return length < (tcp ? tcp_header_bytes : other_header_bytes);
  return tcp && offset < tcp_header_bytes;
}

}  // namespace

FragmentTable::FragmentTable(const Limits& limits, HashSeed seed, metrics::WorkerCounters& counters)
    : limits_(limits),
      seed_(seed),
      counters_(counters),
      store_(limits.bytes_max),
      slots_(std::max(limits.datagrams_max, 1u)),
      bucket_mask_(std::bit_ceil(std::max(limits.datagrams_max, 1u)) - 1),
      buckets_((std::size_t{bucket_mask_} + 1) * sizeof(std::uint32_t)),
      assembled_(datagram_bytes_max + 1),
      due_(never) {}

FragmentTable::Datagram FragmentTable::add(DecodedPacket& packet) noexcept {
  clear_runs(store_, handed_out_);
  if (!packet.is_fragment) return {};
  const std::uint32_t offset = packet.fragment_offset;
  const std::uint32_t length = packet.payload_length_wire;
  const bool more = packet.fragment_more;
  const bool v6 = !packet.source.is_v4();
  // RFC 6946: an atomic fragment is a datagram of its own and has nothing to do with others of its identification.
  if (offset == 0 && !more) {
    if (packet.payload_length < length) return {};
    return {packet.payload_bytes(), packet.protocol};
  }
  if (length == 0 || (more && length % 8 != 0)) {
    tell(packet, ParseError::fragment_bad_length, offset);
    return {};
  }
  if (hides_transport(packet.protocol, offset, length)) tell(packet, ParseError::fragment_too_small, offset);
  std::uint32_t index = find_or_make(packet, packet);
  if (index == 0) return {};
  Slot& slot = slots_[index];
  if (slot.discarded) return {};
  const std::uint32_t end = offset + length;
  if (end > datagram_bytes_max) {
    tell(packet, ParseError::fragment_too_large, offset);
    discard(slot);
    return {};
  }
  if ((slot.end != 0 && (end > slot.end || (!more && end != slot.end))) || (!more && end < slot.reach)) {
    tell(packet, ParseError::fragment_end_conflict, offset);
    // As with overlaps: IPv4 keeps what was said first, IPv6 gives the datagram up.
    if (v6) discard(slot);
    return {};
  }
  if (packet.payload_length < length) {
    discard(slot);
    return {};
  }
  if (offset == 0) slot.protocol = packet.protocol;
  const InsertResult result = keep(index, offset, packet.payload_bytes());
  if (result.differs)
    tell(packet, ParseError::fragment_overlap_differs, result.differs_at);
  else if (result.overlapped != 0 && result.overlapped != length)
    tell(packet, ParseError::fragment_overlap, offset);
  if (v6 && result.overlapped != 0 && (result.differs || result.overlapped != length)) {
    discard(slot);
    return {};
  }
  if (result.refused) {
    tell(packet, ParseError::fragment_limit, offset);
    discard(slot);
    return {};
  }
  slot.reach = std::max(slot.reach, end);
  if (!more) slot.end = end;
  if (slot.end == 0 || slot.runs.bytes != slot.end) return {};
  return complete(index);
}

// Kept bytes never overlap and never reach beyond `end`, so that as many bytes as the end says are all of them.
FragmentTable::Datagram FragmentTable::complete(std::uint32_t index) noexcept {
  Slot& slot = slots_[index];
  const std::uint8_t protocol = slot.protocol;
  handed_out_ = slot.runs;
  slot.runs = {};
  remove(index);
  if (handed_out_.count == 1) return {bytes_of(store_, handed_out_.first), protocol};
  std::size_t size = 0;
  for (auto handle = handed_out_.first; handle != 0; handle = run_of(store_, handle).next) {
    const Bytes bytes = bytes_of(store_, handle);
    std::memcpy(assembled_.data() + size, bytes.data(), bytes.size());
    size += bytes.size();
  }
  clear_runs(store_, handed_out_);
  return {{assembled_.data(), size}, protocol};
}

std::uint32_t FragmentTable::find_or_make(const DecodedPacket& packet, DecodedPacket& told) noexcept {
  const bool v6 = !packet.source.is_v4();
  const Key key{packet.segment, packet.source, packet.destination, packet.fragment_id,
                v6 ? std::uint8_t{0} : packet.protocol};
  const std::uint64_t from = hash_words(seed_, key.source.high ^ key.segment.raw(), key.source.low);
  const std::uint64_t to = hash_words(seed_, key.destination.high, key.destination.low);
  const std::uint64_t hash = hash_words(seed_, from ^ (std::uint64_t{key.id} << 8 | key.protocol), to);
  const std::uint32_t bucket = static_cast<std::uint32_t>(hash) & bucket_mask_;
  std::uint32_t* heads = buckets_.as<std::uint32_t>();
  // The keyed hash keeps a chain short; `datagrams_max` bounds it in any case.
  for (std::uint32_t index = heads[bucket]; index != 0; index = slots_[index].chain_next) {
    if (slots_[index].key == key) return index;
  }
  const auto source_bucket = static_cast<std::uint16_t>((from >> 32) % source_bucket_count);
  const bool full_source = per_source_[source_bucket] >= limits_.datagrams_per_source_max;
  if (full_source || (slots_.size() == slots_.capacity() && !evict_oldest(0))) {
    tell(told, ParseError::fragment_limit, packet.fragment_offset);
    return 0;
  }
  const std::uint32_t index = slots_.allocate();
  Slot& slot = slots_[index];
  slot.key = key;
  slot.started = packet.time;
  slot.bucket = bucket;
  slot.chain_next = heads[bucket];
  slot.source_bucket = source_bucket;
  slot.protocol = packet.protocol;
  heads[bucket] = index;
  ++per_source_[source_bucket];
  Ages& ages = ages_[v6];
  slot.older = ages.newest;
  if (ages.newest != 0)
    slots_[ages.newest].newer = index;
  else
    ages.oldest = index;
  ages.newest = index;
  due_ = std::min(due_, slot.started + timeout_of(v6));
  return index;
}

// Room for a fragment may have to come from the oldest datagrams. What was stored before the store was full stays; only
// the rest is tried again, so that bytes of this fragment never count as an overlap with themselves.
InsertResult FragmentTable::keep(std::uint32_t& index, std::uint32_t offset, Bytes bytes) noexcept {
  constexpr RunLimits run_limits{datagram_bytes_max, runs_max};
  Slot& slot = slots_[index];
  InsertResult all = insert_run(store_, slot.runs, 0, offset, bytes, OverlapPolicy::first, run_limits);
  for (unsigned i = 0; all.refused && i < evictions_per_fragment_max; ++i) {
    if (slot.runs.count >= runs_max || !evict_oldest(index)) return all;
    const std::uint32_t done = all.stored + all.overlapped;
    const InsertResult rest =
        insert_run(store_, slot.runs, 0, offset + done, bytes.subspan(done), OverlapPolicy::first, run_limits);
    if (!all.differs && rest.differs) all.differs = true, all.differs_at = rest.differs_at;
    all.stored += rest.stored;
    all.overlapped += rest.overlapped;
    all.refused = rest.refused;
  }
  return all;
}

void FragmentTable::discard(Slot& slot) noexcept {
  clear_runs(store_, slot.runs);
  slot.discarded = true;
}

void FragmentTable::remove(std::uint32_t index) noexcept {
  Slot& slot = slots_[index];
  clear_runs(store_, slot.runs);
  std::uint32_t* place = &buckets_.as<std::uint32_t>()[slot.bucket];
  while (*place != index) place = &slots_[*place].chain_next;
  *place = slot.chain_next;
  Ages& ages = ages_[is_v6(slot)];
  (slot.older != 0 ? slots_[slot.older].newer : ages.oldest) = slot.newer;
  (slot.newer != 0 ? slots_[slot.newer].older : ages.newest) = slot.older;
  --per_source_[slot.source_bucket];
  slots_.release(index);
}

bool FragmentTable::evict_oldest(std::uint32_t except) noexcept {
  std::array<std::uint32_t, 2> oldest{ages_[0].oldest, ages_[1].oldest};
  for (std::uint32_t& index : oldest) {
    if (index == except && index != 0) index = slots_[index].newer;
  }
  if (oldest[0] == 0 && oldest[1] == 0) return false;
  const bool v6 = oldest[0] == 0 || (oldest[1] != 0 && slots_[oldest[1]].started < slots_[oldest[0]].started);
  remove(oldest[v6]);
  counters_.evicted(metrics::EvictionReason::fragment_memory);
  return true;
}

std::uint32_t FragmentTable::expire_due(PacketTime now) noexcept {
  clear_runs(store_, handed_out_);
  std::uint32_t lost = 0;
  for (const bool v6 : {false, true}) {
    Ages& ages = ages_[v6];
    while (ages.oldest != 0 && slots_[ages.oldest].started + timeout_of(v6) <= now) {
      const Slot& slot = slots_[ages.oldest];
      if (!slot.discarded) {
        ++lost;
        counters_.error(Layer::fragment, ParseError::fragment_timeout);
      }
      remove(ages.oldest);
    }
  }
  set_due();
  return lost;
}

void FragmentTable::set_due() noexcept {
  due_ = never;
  for (const bool v6 : {false, true}) {
    if (ages_[v6].oldest != 0) due_ = std::min(due_, slots_[ages_[v6].oldest].started + timeout_of(v6));
  }
}

}  // namespace tsujiban::reassembly
