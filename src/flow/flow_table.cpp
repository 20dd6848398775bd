#include "flow/flow_table.h"

#include <algorithm>
#include <utility>

#include "base/check.h"

namespace tsujiban::flow {
namespace {

// A large one is touched all over as soon as it is in use.
ReservedMemory index_memory(unsigned bits) {
  const std::size_t bytes = sizeof(std::uint64_t) << bits;
  return ReservedMemory(bytes, bytes >= (4u << 20) ? ReservedMemory::Pages::large : ReservedMemory::Pages::small);
}

}  // namespace
FlowTable::FlowTable(const Limits& limits, metrics::WorkerCounters& counters, FlowEndHandler& handler)
    : limits_(limits),
      counters_(counters),
      handler_(handler),
      // A miss of the address translation costs more than the memory's own, the more so in a virtual machine.
      hot_memory_((2 * std::size_t{limits.flows_max} + 1) * sizeof(Flow), ReservedMemory::Pages::large),
      cold_memory_((2 * std::size_t{limits.flows_max} + 1) * sizeof(Cold), ReservedMemory::Pages::growing),
      next_memory_((2 * std::size_t{limits.flows_max} + 1) * sizeof(std::uint32_t), ReservedMemory::Pages::growing),
      addresses6_memory_((std::size_t{limits.flows_max} + 1) * sizeof(Addresses6), ReservedMemory::Pages::growing),
      hot_(hot_memory_.as<Flow>()),
      cold_(cold_memory_.as<Cold>()),
      next_(next_memory_.as<std::uint32_t>()),
      addresses6_(addresses6_memory_.as<Addresses6>()),
      v4_{0},
      v6_{limits.flows_max},
      due_memory_(2 * std::size_t{limits.flows_max} * sizeof(std::uint32_t), ReservedMemory::Pages::growing) {
  // The largest index holds every flow at half load; each size is reserved now and touched when its turn comes.
  unsigned bits = index_bits_min;
  for (;; ++bits) {
    TSUJIBAN_CHECK(bits <= index_bits_max);
    index_memory_[bits] = index_memory(bits);
    if ((std::size_t{1} << bits) / 4 >= limits.flows_max) break;
  }
  current_.bits = index_bits_min;
  current_.entries = index_memory_[index_bits_min].as<std::uint64_t>();
}

std::uint32_t FlowTable::find(const Index& index, std::uint32_t tag, const FlowKey& key) const noexcept {
  const std::size_t mask = index.size() - 1;
  for (std::size_t i = home(index, tag);; i = (i + 1) & mask) {
    const std::uint64_t entry = index.entries[i];
    if (entry == 0) return 0;
    if (static_cast<std::uint32_t>(entry >> 32) == tag && matches(static_cast<std::uint32_t>(entry), key))
      return static_cast<std::uint32_t>(entry);
  }
}

void FlowTable::insert(Index& index, std::uint32_t tag, std::uint32_t slot) noexcept {
  const std::size_t mask = index.size() - 1;
  std::size_t i = home(index, tag);
  while (index.entries[i] != 0) i = (i + 1) & mask;
  index.entries[i] = std::uint64_t{tag} << 32 | slot;
  ++index.used;
}

bool FlowTable::erase(Index& index, std::uint32_t tag, std::uint32_t slot) noexcept {
  if (index.entries == nullptr) return false;
  const std::size_t mask = index.size() - 1;
  const std::uint64_t wanted = std::uint64_t{tag} << 32 | slot;
  std::size_t i = home(index, tag);
  while (index.entries[i] != wanted) {
    if (index.entries[i] == 0) return false;
    i = (i + 1) & mask;
  }
  // Closes the hole: an entry may move back as long as it does not pass its home.
  for (std::size_t j = (i + 1) & mask;; j = (j + 1) & mask) {
    const std::uint64_t entry = index.entries[j];
    if (entry == 0) break;
    const std::size_t h = home(index, static_cast<std::uint32_t>(entry >> 32));
    if (((j - h) & mask) >= ((j - i) & mask)) {
      index.entries[i] = entry;
      i = j;
    }
  }
  index.entries[i] = 0;
  --index.used;
  return true;
}

void FlowTable::start_growth() noexcept {
  old_ = std::move(current_);
  current_ = Index{};
  current_.bits = old_.bits + 1;
  current_.entries = index_memory_[current_.bits].as<std::uint64_t>();
  move_at_ = 0;
}

void FlowTable::grow_step() noexcept {
  // Moves whole runs: an entry is taken out by erasing it, which pulls its followers forward into the same place.
  for (std::size_t moved = 0; moved < move_entries_max;) {
    if (old_.used == 0) {
      index_memory_[old_.bits] = index_memory(old_.bits);  // Gives the touched pages back.
      old_ = Index{};
      return;
    }
    const std::uint64_t entry = old_.entries[move_at_];
    if (entry == 0) {
      move_at_ = (move_at_ + 1) & (old_.size() - 1);
      continue;
    }
    erase(old_, static_cast<std::uint32_t>(entry >> 32), static_cast<std::uint32_t>(entry));
    insert(current_, static_cast<std::uint32_t>(entry >> 32), static_cast<std::uint32_t>(entry));
    ++moved;
  }
}

FlowTable::Found FlowTable::search_or_create(const FlowKey& key, std::uint64_t hash, PacketTime now,
                                             std::uint64_t packet_number, bool initiator_is_high) noexcept {
  const std::uint32_t tag = tag_of(hash);
  if (const std::uint32_t flow = find(current_, tag, key); flow != 0) return {flow, false};
  if (old_.entries != nullptr) {
    if (const std::uint32_t flow = find(old_, tag, key); flow != 0) return {flow, false};
  }

  const bool v6 = !key.low.is_v4() || !key.high.is_v4();
  Family& family = v6 ? v6_ : v4_;
  // An evicted flow's slot is still in the wheel and stays there.
  const bool linked = family.size >= limits_.flows_max;
  const std::uint32_t flow = linked ? evict_one(family) : allocate(family);
  if (v6) addresses6(flow) = {key.low, key.high};
  Flow& f = at(flow);
  f.segment = key.segment.raw();
  f.addresses = both(key.low.as_v4(), key.high.as_v4());
  f.low_port = key.low_port;
  f.high_port = key.high_port;
  f.protocol = key.protocol;
  cold_[flow].tag = tag;
  begin(flow, now, packet_number, initiator_is_high);

  // More than half full: the next size begins; at the largest one half is the most there can be.
  if (old_.entries == nullptr && current_.used * 2 >= current_.size() && current_.bits < index_bits_max &&
      index_memory_[current_.bits + 1].data() != nullptr) {
    start_growth();
  }
  insert(current_, tag, flow);
  if (old_.entries != nullptr) grow_step();
  if (wheel_second_ == INT64_MIN) wheel_second_ = now.ns / 1'000'000'000;
  if (!linked) schedule(flow, now.ns + timeout_of(flow).ns);
  counters_.flows_created.add();
  counters_.flows_active.set(size());
  return {flow, true};
}

FlowKey FlowTable::key_of(std::uint32_t flow) const noexcept {
  const Flow& f = hot_[flow];
  const SegmentKey segment = SegmentKey::from_raw(f.segment);
  if (is_v6(flow)) {
    const Addresses6& whole = addresses6(flow);
    return {segment, whole.low, whole.high, f.low_port, f.high_port, f.protocol};
  }
  return {segment,
          IpAddress::v4(static_cast<std::uint32_t>(f.addresses)),
          IpAddress::v4(static_cast<std::uint32_t>(f.addresses >> 32)),
          f.low_port,
          f.high_port,
          f.protocol};
}

std::uint32_t FlowTable::allocate(Family& family) noexcept {
  ++family.size;
  if (family.free == 0) return family.base + ++family.used_high;
  return std::exchange(family.free, next_[family.free]);
}

// All but the key, the tag and the place in the wheel.
void FlowTable::begin(std::uint32_t flow, PacketTime now, std::uint64_t packet_number,
                      bool initiator_is_high) noexcept {
  Flow& f = at(flow);
  f.first_bytes = {};
  f.told = 0;
  f.last_ns = now.ns;
  f.first_packet = packet_number;
  f.packets = {};
  f.bytes_low = {};
  f.bytes_carried = false;
  f.behind_gap = 0;
  f.session = 0;
  f.app = AppProtocol::unknown;
  f.probes = 0;
  f.state = FlowState::fresh;
  f.flags = initiator_is_high ? flow_flag::initiator_is_high : std::uint8_t{0};
  cold_[flow].first_ns = now.ns;
  cold_[flow].bytes_high = {};
}

void FlowTable::restart(std::uint32_t flow, PacketTime now, std::uint64_t packet_number,
                        bool initiator_is_high) noexcept {
  handler_.flow_ended(flow, EndReason::reused);
  begin(flow, now, packet_number, initiator_is_high);
  counters_.flows_expired.add();
  counters_.flows_created.add();
}

// Takes the stalest of a few slots in turn: no list to keep, and an attacker who fills the table pushes out his own
// flows first, because they are the silent ones.
std::uint32_t FlowTable::evict_one(const Family& family) noexcept {
  std::uint32_t victim = 0;
  for (unsigned i = 0; i < eviction_sample; ++i) {
    evict_cursor_ = evict_cursor_ % family.used_high + 1;
    const std::uint32_t flow = family.base + evict_cursor_;
    if (at(flow).state == FlowState::none) continue;
    if (victim == 0 || at(flow).last_ns < at(victim).last_ns) victim = flow;
  }
  // Every slot is live when the family is full.
  TSUJIBAN_CHECK(victim != 0);
  handler_.flow_ended(victim, EndReason::forced);
  unlink(victim);
  counters_.evicted(metrics::EvictionReason::flow_table_full);
  return victim;
}

void FlowTable::unlink(std::uint32_t flow) noexcept {
  const std::uint32_t tag = cold_[flow].tag;
  if (!erase(current_, tag, flow)) {
    const bool erased = erase(old_, tag, flow);
    TSUJIBAN_CHECK(erased);
  }
}

Duration FlowTable::timeout_of(std::uint32_t flow) const noexcept {
  const std::uint8_t protocol = at(flow).protocol;
  const FlowState state = at(flow).state;
  if (protocol == static_cast<std::uint8_t>(IpProtocol::tcp)) {
    return state == FlowState::fresh         ? limits_.tcp_fresh
           : state == FlowState::established ? limits_.tcp_established
                                             : limits_.tcp_closed;
  }
  if (protocol == static_cast<std::uint8_t>(IpProtocol::udp))
    return state == FlowState::fresh ? limits_.udp_fresh : limits_.udp_established;
  return state == FlowState::fresh ? limits_.other_fresh : limits_.other_established;
}

void FlowTable::schedule(std::uint32_t flow, std::int64_t due_ns) noexcept {
  // Never into the second that is being served: a flow is looked at once a turn.
  const std::int64_t second = std::max(due_ns / 1'000'000'000, wheel_second_ + 1);
  const std::int64_t ahead = std::min<std::int64_t>(second - wheel_second_, wheel_seconds - 1);
  std::uint32_t& bucket = wheel_[static_cast<std::size_t>(wheel_second_ + ahead) % wheel_seconds];
  next_[flow] = bucket;
  bucket = flow;
}

void FlowTable::turn(PacketTime now, std::int64_t second) noexcept {
  if (wheel_second_ == INT64_MIN || second < wheel_second_) {
    if (wheel_second_ == INT64_MIN) wheel_second_ = second;
    return;
  }
  auto* due = due_memory_.as<std::uint32_t>();
  std::uint32_t count = 0;
  // After a long silence every bucket is visited once.
  const std::int64_t turns = std::min<std::int64_t>(second - wheel_second_, wheel_seconds);
  const std::int64_t from = wheel_second_;
  wheel_second_ = second;
  for (std::int64_t i = 1; i <= turns; ++i) {
    // First who is in it, so that their lines, which nobody may have looked at for long, are on their way together.
    std::uint32_t here = count;
    for (std::uint32_t flow = std::exchange(wheel_[static_cast<std::size_t>(from + i) % wheel_seconds], 0); flow != 0;
         flow = next_[flow])
      due[here++] = flow;
    for (std::uint32_t k = count; k < here; ++k) {
      if (k + turn_ahead < here) __builtin_prefetch(&hot_[due[k + turn_ahead]]);
      const std::uint32_t flow = due[k];
      const std::int64_t due_ns = at(flow).last_ns + timeout_of(flow).ns;
      if (due_ns <= now.ns) {
        due[count++] = flow;
      } else {
        schedule(flow, due_ns);
      }
    }
  }
  end_sorted(count, EndReason::timeout);
}

void FlowTable::end_one(std::uint32_t flow, EndReason reason) noexcept {
  handler_.flow_ended(flow, reason);
  at(flow).state = FlowState::none;
  Family& family = is_v6(flow) ? v6_ : v4_;
  next_[flow] = std::exchange(family.free, flow);
  --family.size;
}

void FlowTable::end_sorted(std::uint32_t count, EndReason reason) noexcept {
  auto* due = due_memory_.as<std::uint32_t>();
  std::sort(due, due + count,
            [this](std::uint32_t a, std::uint32_t b) { return hot_[a].first_packet < hot_[b].first_packet; });
  for (std::uint32_t i = 0; i < count; ++i) {
    unlink(due[i]);
    end_one(due[i], reason);
  }
  counters_.flows_expired.add(count);
  counters_.flows_active.set(size());
}

// Slots are first used in the order of first packets, so two rows of them, merged, mostly are in that order: a million
// flows need no sorting, which would jump about in all of them. And the index is cleared as a whole.
void FlowTable::end_all(EndReason reason) noexcept {
  auto* due = due_memory_.as<std::uint32_t>();
  std::uint32_t count = 0, v4 = v4_.base + 1, v6 = v6_.base + 1;
  const std::uint32_t v4_end = v4 + v4_.used_high, v6_end = v6 + v6_.used_high;
  bool in_order = true;
  std::uint64_t last = 0;
  const auto next_live = [this](std::uint32_t& slot, std::uint32_t end) {
    while (slot != end && hot_[slot].state == FlowState::none) ++slot;
    return slot != end;
  };
  for (;;) {
    const bool has_v4 = next_live(v4, v4_end), has_v6 = next_live(v6, v6_end);
    if (!has_v4 && !has_v6) break;
    const bool takes_v4 = has_v4 && (!has_v6 || hot_[v4].first_packet < hot_[v6].first_packet);
    const std::uint32_t flow = takes_v4 ? v4++ : v6++;
    in_order = in_order && hot_[flow].first_packet >= last;
    last = hot_[flow].first_packet;
    due[count++] = flow;
  }
  if (!in_order) {
    std::sort(due, due + count,
              [this](std::uint32_t a, std::uint32_t b) { return hot_[a].first_packet < hot_[b].first_packet; });
  }
  wheel_.fill(0);
  for (Index* index : {&current_, &old_}) {
    if (index->entries == nullptr) continue;
    index_memory_[index->bits] = index_memory(index->bits);
    index->entries = index_memory_[index->bits].as<std::uint64_t>();
    index->used = 0;
  }
  for (std::uint32_t i = 0; i < count; ++i) end_one(due[i], reason);
  counters_.flows_expired.add(count);
  counters_.flows_active.set(size());
}

}  // namespace tsujiban::flow
