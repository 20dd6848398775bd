#include "pipeline/worker.h"

#include <algorithm>
#include <cstdio>

#include "base/prefetch.h"
#include "output/record_json.h"
#include "pipeline/next_batch.h"

namespace tsujiban::pipeline {
namespace {

constexpr std::uint64_t flow_id_mask = (std::uint64_t{1} << 53) - 1;  // JavaScript's exact integers.
constexpr std::uint64_t after_flows = std::uint64_t{1} << 63;  // Order of what a tick brings after the flows' ends.
constexpr std::size_t datagram_matches_max = 4096;             // Of one batch; more are counted, not told.

// Streams recognise payloads by the hash that the duplicate filter made, so both have the run's seed.
reassembly::StreamEngine::Limits with_seed(reassembly::StreamEngine::Limits limits, HashSeed seed) {
  limits.seed = seed;
  return limits;
}

output::FlowEndReason reason_of(flow::EndReason reason) noexcept {
  switch (reason) {
    case flow::EndReason::timeout:
      return output::FlowEndReason::timeout;
    case flow::EndReason::shutdown:
      return output::FlowEndReason::shutdown;
    default:
      return output::FlowEndReason::forced;
  }
}

bool is_icmp(std::uint8_t protocol) noexcept {
  return protocol == static_cast<std::uint8_t>(IpProtocol::icmp) ||
         protocol == static_cast<std::uint8_t>(IpProtocol::icmpv6);
}

output::TcpStateName tcp_state_of(reassembly::StreamEngine::State state) noexcept {
  using State = reassembly::StreamEngine::State;
  switch (state) {
    case State::none:
      return output::TcpStateName::none;
    case State::syn_sent:
      return output::TcpStateName::syn_sent;
    case State::syn_received:
      return output::TcpStateName::syn_recv;
    case State::established:
      return output::TcpStateName::established;
    case State::half_closed:
      return output::TcpStateName::close_wait;
    case State::closed:
    case State::reset:
      return output::TcpStateName::closed;
  }
  return output::TcpStateName::none;
}

}  // namespace

Worker::Worker(const RunContext& run, unsigned index, RecordRing& ring, metrics::WorkerCounters& counters,
               const std::atomic<bool>& abandoned)
    : run_(run),
      index_(index),
      counters_(counters),
      records_(run_, ring, counters, abandoned),
      merger_(repeats_of(*run.config), counters, run.seed, records_),
      decoder_(run.seed),
      duplicates_(run.seed),
      fragments_(run.budget.fragments, run.seed, counters),
      flows_(run.budget.flows, counters, *this),
      streams_(with_seed(run.budget.streams, run.seed), counters),
      app_bytes_(run.budget.app_buffer_bytes_max),
      dispatcher_(run.dissectors, run.budget.dissectors, run.budget.app_streams_max, run.seed, counters, app_bytes_),
      scanner_(std::make_unique<detect::SignatureScanner>(run.rules, run.budget.sessions_max * 2, counters)),
      sessions_(run.budget.sessions_max, ReservedMemory::Pages::large),
      name_streams_(run.seed),
      scans_(wants_scans(run)),
      packets_(batch_max),
      assets_seen_(run.config->assets.size(), 0) {
  matches_.reserve(datagram_matches_max);
  records_.want_facts(facts_wanted());
  for (const dissect::DissectorRow& row : run.dissectors) {
    if (row.names != nullptr) name_reader_ = row.names;
  }
  if (run.allow != nullptr && run.allow->has_domains())
    names_ = std::make_unique<policy::NameMemory>(*run.allow, run.seed);
  records_.set_listener(names_ != nullptr ? this : nullptr);
}

[[gnu::always_inline]] inline void Worker::prefetch_states(std::uint32_t session_index,
                                                           bool has_payload) const noexcept {
  const Session& session = sessions_[session_index];
  streams_.prefetch(session.stream);
  if (session.app != 0) dispatcher_.prefetch_stream(session.app);
  if (scans_ && has_payload && session.scanner == scanner_number_) {
    for (const std::uint32_t scan : session.scan) {
      if (scan != 0) scanner_->prefetch_stream(scan);
    }
  }
}

// What is kept of the two hosts. Asked for a few packets ahead, not a batch: so much memory would push itself out.
[[gnu::always_inline]] inline void Worker::prefetch_pair(const DecodedPacket& packet, AppProtocol app) const noexcept {
  dispatcher_.prefetch_datagram(app, packet);
  if (app != AppProtocol::echonet_lite) return;
  // Its service, which the hash over these bytes has brought into the cache, says who asks (Part 2, 3.2.4).
  constexpr std::uint32_t service_offset = 10;
  const bool asks = packet.payload_length > service_offset && packet.payload[service_offset] >> 4 == 6;
  records_.prefetch_pair(packet.pair_hash, asks);
}

// Which of several workers' packets are this one's, without a branch on it, which nobody could predict. Those that
// are not told at a glance are read here. All others' `transport` is null.
std::size_t Worker::pick_own(std::span<const RawPacket> packets) noexcept {
  const std::uint16_t watched_port = names_ != nullptr && name_reader_ != nullptr ? name_reader_->server_port : 0;
  std::size_t own = 0;
  for (std::size_t i = 0; i < packets.size(); ++i) {
    DecodedPacket& packet = packets_[i];
    const PacketTime now = clock_.advance(packets[i].time);
    std::uint64_t pair_hash;
    if (decoder_.glance(packets[i], watched_port, pair_hash)) [[likely]] {
      packet.time = now;
      packet.transport = nullptr;
    } else {
      decoder_.decode(packets[i], now, packet);
      pair_hash = packet.pair_hash;
    }
    own_[own] = static_cast<std::uint32_t>(i);
    own += is_mine(pair_hash);
  }
  return own;
}

void Worker::process(std::span<const RawPacket> packets) noexcept {
  if (Replacement* next = replacement_.look(); next != nullptr) [[unlikely]]
    take(*next);
  // First everything is decoded and all that asks for the packet's bytes is done, so that the tables' lines are on
  // their way while the next packets are looked at.
  DecodedPacket* const decoded = packets_.data();
  const bool alone = run_.workers == 1;
  const std::size_t own = alone ? packets.size() : pick_own(packets);
  for (std::size_t k = 0; k < own; ++k) {
    if (alone) own_[k] = static_cast<std::uint32_t>(k);
    const RawPacket& raw = packets[own_[k]];
    DecodedPacket& packet = decoded[own_[k]];
    if (alone) {
      decoder_.decode(raw, clock_.advance(raw.time), packet);
    } else if (packet.transport == nullptr) {
      decoder_.decode(raw, packet.time, packet);
    }
    packet.duplicate = false;
    const std::uint64_t tag = duplicates_.tag_of(packet);
    if (tag != 0) {
      duplicates_.prefetch(tag);
      flows_.prefetch_index(packet.flow_hash);
      if (run_.checksum != config::ChecksumMode::ignore) decode::verify_checksum(packet);
    }
    tags_[k] = tag;
  }
  own_[own] = static_cast<std::uint32_t>(packets.size());
  for (const RawPacket& raw : packets) {
    if (raw.link != link_last_ || links_.empty()) [[unlikely]]
      note_link(raw.link);
  }

  matches_.clear();
  match_at_ = 0;
  if (scans_) scanner_->begin_batch();
  for (std::size_t k = 0; k < own; ++k) {
    DecodedPacket& packet = decoded[own_[k]];
    guesses_[k] = 0;
    if (tags_[k] != 0) {
      guesses_[k] = flows_.guess(packet.flow_hash);
      flows_.prefetch_slot(guesses_[k]);
      // A new flow will be held against the allow list.
      if (guesses_[k] == 0 && run_.allow != nullptr) [[unlikely]] {
        run_.inventory->prefetch(packet.segment, packet.source);
        run_.inventory->prefetch(packet.segment, packet.destination);
      }
    }
    if (tags_[k] != 0 && duplicates_.is_duplicate(packet, tags_[k])) {
      packet.duplicate = true;
      continue;
    }
    if (!scans_ || packet.ip_version == 0 || packet.is_fragment || packet.malformed ||
        packet.protocol == static_cast<std::uint8_t>(IpProtocol::tcp))
      continue;
    if (packet.payload_length != 0) scanner_->add_datagram(own_[k], packet.payload_bytes());
  }
  if (scans_) {
    scanner_->finish_batch(
        [decoded](std::uint32_t token) {
          const DecodedPacket& p = decoded[token];
          return detect::ScanSubject{p.source, p.destination, p.source_port, p.destination_port, p.protocol};
        },
        [this](const detect::SignatureMatch& match) {
          if (matches_.size() < datagram_matches_max) matches_.push_back(match);
        });
  }

  // What hangs on a flow is one or two more steps away: its session and the states that names, or what is kept of the
  // pair for its protocol.
  for (std::size_t k = 0; k < own; ++k) {
    const DecodedPacket& packet = decoded[own_[k]];
    const flow::Flow& flow = flows_.at(guesses_[k]);  // Slot 0 has nothing.
    if (packet.protocol == static_cast<std::uint8_t>(IpProtocol::tcp)) {
      hangs_[k] = {flow.session, AppProtocol::unknown};
      prefetch(&sessions_[flow.session]);
    } else {
      hangs_[k] = {0, packet.payload_length != 0 ? flow.app : AppProtocol::unknown};
    }
  }

  // Others' packets are looked at where they may move the clock by a second, or say names.
  const auto begins_second = [this](PacketTime now) {
    return static_cast<std::uint64_t>(now.ns) - static_cast<std::uint64_t>(second_begins_ns_) >= 1'000'000'000;
  };
  const bool each = alone || names_ != nullptr || (!packets.empty() && begins_second(decoded[packets.size() - 1].time));
  NextBatch next_batch(packets, each ? packets.size() : own);
  std::size_t k = 0;
  for (std::size_t i = each ? 0 : own_[0]; i < packets.size(); i = each ? i + 1 : own_[k]) {
    next_batch.prefetch_part();
    if (k + states_ahead < own && hangs_[k + states_ahead].session != 0)
      prefetch_states(hangs_[k + states_ahead].session, decoded[own_[k + states_ahead]].payload_length != 0);
    if (k + pairs_ahead < own && hangs_[k + pairs_ahead].app != AppProtocol::unknown)
      prefetch_pair(decoded[own_[k + pairs_ahead]], hangs_[k + pairs_ahead].app);
    const PacketTime now = decoded[i].time;
    // Beyond the present second, or before it; the division that tells is not for every packet.
    if (begins_second(now)) [[unlikely]] {
      if (now.ns / 1'000'000'000 != tick_second_) tick(now, packets[i].number, Phase::tick);
    }
    if (names_ != nullptr) [[unlikely]]
      note_names(decoded[i]);
    if (own_[k] == i) {
      ++k;
      records_.set_order({packets[i].number, Phase::packet, 0});
      handle(decoded[i], i, guesses_[k - 1]);
    }
  }
  if (!packets.empty()) {
    last_number_ = packets.back().number;
    if (first_ns_ == 0) first_ns_ = packets.front().time.ns;
    last_ns_ = std::max(last_ns_, clock_.now().ns);
    done_.store(last_number_, std::memory_order_release);
  }
}

void Worker::note_link(LinkType link) noexcept {
  link_last_ = link;
  if (std::find(links_.begin(), links_.end(), link) == links_.end()) links_.push(link);
}

void Worker::idle(PacketTime wall) noexcept {
  if (Replacement* next = replacement_.look(); next != nullptr) take(*next);
  const PacketTime now = clock_.idle(wall);
  tick(now, last_number_, Phase::idle);
  done_.store(last_number_, std::memory_order_release);
}

void Worker::finish() noexcept {
  constexpr std::uint64_t after_all = ~std::uint64_t{0};
  current_time_ = clock_.now();  // Of all packets, so that it is the same for any number of workers.
  records_.set_order({after_all, Phase::tick, 0});
  flows_.end_all(flow::EndReason::shutdown);
  records_.set_order({after_all, Phase::tick, after_flows});
  merger_.finish();
  records_.set_order({after_all, Phase::tick, after_all});
  report(clock_.now(), false);
  done_.store(after_all, std::memory_order_release);
}

void Worker::report(PacketTime now, bool idle) noexcept {
  std::uint64_t evictions = 0;
  for (const metrics::Counter& counter : counters_.evictions) evictions += counter.value();
  evictions += name_evictions_before_ + (names_ != nullptr ? names_->evictions() : 0);
  const Pulse pulse{now,
                    counters_.packets.value(),
                    answered_,
                    one_sided_,
                    counters_.stream_bytes.value(),
                    counters_.stream_gap_bytes.value(),
                    counters_.duplicates.value(),
                    evictions,
                    clock_.jumps(),
                    clock_.strays(),
                    clock_.backwards(),
                    idle};
  records_.pulse({reinterpret_cast<const std::uint8_t*>(&pulse), sizeof pulse});
}

// Time alone: flows and conditions that are over, and the report to the site's detectors. All workers come here at the
// same packets, because all see every packet's time.
void Worker::tick(PacketTime now, std::uint64_t number, Phase phase) noexcept {
  tick_second_ = now.ns / 1'000'000'000;
  second_begins_ns_ = tick_second_ * 1'000'000'000;
  told_mark_ = static_cast<std::uint8_t>(tick_second_ / 60) & told_minute_mask;
  const std::uint64_t idle_order = phase == Phase::idle ? static_cast<std::uint64_t>(now.ns) : 0;
  current_time_ = now;
  records_.set_order({number, phase, idle_order});
  flows_.advance(now);
  fragments_.expire(now);
  records_.set_order({number, phase, phase == Phase::idle ? idle_order : after_flows});
  merger_.advance(now);
  if (pulse_at_ns_ == INT64_MIN) pulse_at_ns_ = now.ns + run_.pulse.ns;
  if (now.ns < pulse_at_ns_) return;
  pulse_at_ns_ = now.ns + run_.pulse.ns;
  records_.set_order({number, phase, phase == Phase::idle ? idle_order : ~std::uint64_t{0}});
  report(now, phase == Phase::idle);
}

void Worker::handle(DecodedPacket& packet, std::size_t token, std::uint32_t hint) noexcept {
  current_time_ = packet.time;
  records_.set_pair(packet.pair_hash);
  counters_.packets.add();
  counters_.bytes.add(packet.raw->length_wire);
  if (packet.plain && !packet.duplicate) [[likely]] {
    counters_.decoded_ip.add();
    return handle_ip<true>(packet, token, hint);
  }
  if (packet.snapped) counters_.snapped.add();
  if (packet.tunnel_depth != 0) counters_.tunnelled.add();
  if (packet.duplicate) {
    counters_.duplicates.add();
    return;
  }
  if (packet.ip_version == 0) {
    if (packet.is_arp) {
      counters_.decoded_arp.add();
      record_arp(packet);
    } else {
      counters_.decoded_other.add();
    }
    if (!packet.anomalies.empty()) {
      dissect::MessageContext context = context_of(packet, 0, Direction::to_responder);
      tell_anomalies(packet, context);
    }
    return;
  }
  counters_.decoded_ip.add();
  if (packet.is_fragment) return handle_fragment(packet, token);
  handle_ip<false>(packet, token, hint);
}

void Worker::handle_fragment(DecodedPacket& packet, std::size_t token) noexcept {
  counters_.fragments.add();
  const reassembly::FragmentTable::Datagram datagram = fragments_.add(packet);
  if (!packet.anomalies.empty()) {
    dissect::MessageContext context = context_of(packet, 0, Direction::to_responder);
    tell_anomalies(packet, context);
    packet.anomalies.clear();
  }
  if (!datagram) return;
  decoder_.decode_reassembled(packet, datagram.protocol, datagram.payload, packet);
  if (packet.is_fragment) return;  // A fragment inside a tunnel inside fragments: told by the decoder, left at that.
  packet.checksum = ChecksumState::unchecked;
  packet.payload_hash = 0;
  if (scans_ && packet.payload_length != 0 && packet.protocol != static_cast<std::uint8_t>(IpProtocol::tcp)) {
    scanner_->scan_datagram(0,
                            detect::ScanSubject{packet.source, packet.destination, packet.source_port,
                                                packet.destination_port, packet.protocol},
                            packet.payload_bytes(), [&](const detect::SignatureMatch& match) {
                              raise_signature(match, context_of(packet, 0, Direction::to_responder));
                            });
  }
  handle_ip<false>(packet, token, 0);
}

dissect::MessageContext Worker::context_of(const DecodedPacket& packet, std::uint32_t flow_index,
                                           Direction direction) const noexcept {
  // In one piece: cleared first and filled after, it would be written twice.
  return {.packet = &packet,
          .time = packet.time,
          .flow_id = 0,
          .direction = direction,
          .source = packet.source,
          .destination = packet.destination,
          .source_port = packet.source_port,
          .destination_port = packet.destination_port,
          .segment = packet.segment,
          .ip_protocol = packet.protocol,
          .app_protocol = flow_index != 0 ? flows_.at(flow_index).app : AppProtocol::unknown,
          .flow_ids = flow_index != 0 ? this : nullptr,
          .flow = flow_index,
          .pair_hash = packet.pair_hash};
}

// From content: the same capture gives the same ids, whatever the seed and the workers.
std::uint64_t Worker::flow_id_of(std::uint32_t flow_index) const noexcept {
  const HashSeed fixed;
  const FlowKey key = flows_.key_of(flow_index);
  const std::uint64_t pair = pair_hash_of(fixed, key.segment, key.low, key.high);
  const std::uint64_t id = flow_hash_of(fixed, pair, key.low, key.high, key.low_port, key.high_port, key.protocol);
  return std::max<std::uint64_t>(hash_mix(id ^ fixed.a, flows_.at(flow_index).first_packet ^ fixed.b) & flow_id_mask,
                                 1);
}

void Worker::tell_anomalies(const DecodedPacket& packet, dissect::MessageContext& context) noexcept {
  for (const Anomaly& a : packet.anomalies) records_.anomaly(context, a.layer, a.error, a.offset);
}

void Worker::record_arp(const DecodedPacket& packet) noexcept {
  if (packet.malformed) return;
  tell_arp_claim(packet);
  dissect::MessageContext context = context_of(packet, 0, Direction::to_responder);
  JsonWriter* json = records_.begin(EventType::arp, context);
  if (json == nullptr) return;
  // RFC 826 for Ethernet and IPv4: operation at 6, sender MAC at 8 and address at 14, target MAC at 18 and address
  // at 24.
  output::ArpRecord arp;
  arp.operation = load_be16(packet.network + 6);
  arp.sender_mac = MacAddress::load(packet.network + 8);
  arp.target_mac = MacAddress::load(packet.network + 18);
  arp.sender_ip = packet.source;
  arp.target_ip = packet.destination;
  arp.gratuitous = packet.source == packet.destination;
  output::write_arp(*json, arp);
  records_.end();
}

// For any checksum but a good one, which needs no weighing. A bad one counts once that side has shown that its
// checksums are filled in: a capture taken on the sending host has none that are good, and a forged segment in a
// healthy flow stands out. False: the packet is nobody's.
[[gnu::noinline]] bool Worker::weigh_checksum(DecodedPacket& packet, std::uint32_t flow_index,
                                              Direction direction) noexcept {
  if (packet.checksum == ChecksumState::unfilled) counters_.checksum_unfilled.add();
  if (packet.checksum != ChecksumState::bad) return true;
  const std::uint8_t good = direction == Direction::to_responder ? flow::flow_flag::checksum_good_to_responder
                                                                 : flow::flow_flag::checksum_good_to_initiator;
  if ((flows_.at(flow_index).flags & good) == 0 && run_.checksum != config::ChecksumMode::check) {
    counters_.checksum_unfilled.add();
    return true;
  }
  records_.anomaly(context_of(packet, flow_index, direction),
                   packet.protocol == static_cast<std::uint8_t>(IpProtocol::tcp)   ? Layer::tcp
                   : packet.protocol == static_cast<std::uint8_t>(IpProtocol::udp) ? Layer::udp
                                                                                   : Layer::icmp,
                   ParseError::bad_checksum, 0);
  return false;
}

// When it begins, when it is known what it carries or how its server is called, after a reload, once a minute, and each
// 256 packets: held against the allow list, and told.
[[gnu::noinline]] void Worker::look_at_flow(std::uint32_t flow_index, const Occasion& occasion,
                                            const DecodedPacket& packet, Direction direction) noexcept {
  flow::Flow& flow = flows_.at(flow_index);
  std::uint8_t& told = flow.told;
  // A verdict that holds for a time only is asked again each minute, and every second time the flow is told on.
  const bool judged_anew = occasion.created || occasion.identified || renamed_ || occasion.outdated ||
                           (occasion.due && (told & (verdict_is_timed | verdict_awaits_name)) != 0);
  renamed_ = false;
  if (run_.allow != nullptr && judged_anew) judge(flow_index, packet.time);
  if (run_.allow == nullptr && occasion.outdated) flow.flags &= static_cast<std::uint8_t>(~flow::flow_flag::denied);
  const bool goes_on = occasion.due && !occasion.created && ((told_mark_ ^ flow.first_packet) & 1) == 0;
  if (occasion.due) told = static_cast<std::uint8_t>((told & ~told_minute_mask) | told_mark_);
  const bool answered_first = direction == Direction::to_initiator && flow.packets[1] == 1;
  if (occasion.created || occasion.identified || goes_on || occasion.burst || answered_first)
    note_conversation(flow_index, occasion.created, occasion.identified, goes_on, occasion.burst, packet, direction);
  // This packet stays noted: else the answer to it would seem to come from a side that hears nobody.
  if (goes_on || occasion.created) {
    constexpr std::uint8_t both = flow::flow_flag::initiator_spoke | flow::flow_flag::responder_spoke;
    const std::uint8_t spoke =
        direction == Direction::to_responder ? flow::flow_flag::initiator_spoke : flow::flow_flag::responder_spoke;
    flow.flags = static_cast<std::uint8_t>((flow.flags & ~both) | spoke);
  }
}

template <bool plain>
void Worker::handle_ip(DecodedPacket& packet, std::size_t token, std::uint32_t hint) noexcept {
  static_assert(flow::flow_flag::initiator_is_high == 1 &&
                    flow::flow_flag::responder_spoke >> 1 == flow::flow_flag::initiator_spoke &&
                    flow::flow_flag::checksum_good_to_initiator >> 1 == flow::flow_flag::checksum_good_to_responder,
                "the flags of the two sides are found by a shift");
  const bool tcp = packet.protocol == static_cast<std::uint8_t>(IpProtocol::tcp);
  const bool udp = plain ? !tcp : packet.protocol == static_cast<std::uint8_t>(IpProtocol::udp);
  if (udp)
    counters_.udp.add();
  else if (tcp)
    counters_.tcp.add();
  else if (is_icmp(packet.protocol))
    counters_.icmp.add();
  // An answering segment that comes first still tells who asked. A datagram has no flags.
  const bool answers = (packet.tcp_flags & (tcp_flag::syn | tcp_flag::ack)) == (tcp_flag::syn | tcp_flag::ack);
  const bool initiator_is_high = packet.source_is_high != answers;
  const auto found = plain && packet.ip_version == 4 && flows_.is_of(hint, packet)
                         ? flow::FlowTable::Found{hint, false}
                         : flows_.find_or_create(flow_key_of(packet), packet.flow_hash, packet.time, packet.raw->number,
                                                 initiator_is_high, hint);
  flow::Flow& flow = flows_.at(found.flow);
  const std::int64_t last_before_ns = flow.last_ns;
  const auto side_now = [&] {
    return static_cast<unsigned>(packet.source_is_high) ^ (flow.flags & flow::flow_flag::initiator_is_high);
  };
  if (tcp && flow.session != 0 && (plain || packet.transport != nullptr) &&
      streams_.reopens(sessions_[flow.session].stream, static_cast<Direction>(side_now()), packet)) [[unlikely]] {
    flows_.restart(found.flow, packet.time, packet.raw->number, initiator_is_high);
  }
  const unsigned side = side_now();
  const auto direction = static_cast<Direction>(side);
  flow.last_ns = packet.time.ns;
  const std::uint32_t counted = flows_.count(found.flow, side, packet.raw->length_wire);

  // Contexts are made where something is told: most packets have nothing to say.
  if (!plain && !packet.anomalies.empty()) {
    dissect::MessageContext context = context_of(packet, found.flow, direction);
    tell_anomalies(packet, context);
  }
  const std::uint8_t settled_before = flow.flags & flow::flow_flag::app_settled;
  bool accepted = true;
  if (packet.checksum == ChecksumState::good) [[likely]]
    flow.flags |= static_cast<std::uint8_t>(flow::flow_flag::checksum_good_to_responder << side);
  else
    accepted = weigh_checksum(packet, found.flow, direction);
  const bool readable = accepted && (plain || (!packet.malformed && packet.transport != nullptr));
  if (tcp) {
    flow.first_bytes[side] |= packet.tcp_flags;
    if (readable) handle_tcp(packet, found.flow, direction);
  } else {
    if (flow.packets[1 - side] != 0) flow.state = flow::FlowState::established;
    if (!plain && found.created && is_icmp(packet.protocol))
      flow.first_bytes = {static_cast<std::uint8_t>(packet.source_port),
                          static_cast<std::uint8_t>(packet.destination_port)};
    if (udp && readable && packet.payload_length != 0 && (plain || !packet.snapped)) {
      dissect::MessageContext context = context_of(packet, found.flow, direction);
      dispatcher_.datagram(flow, context, packet.payload_bytes(), records_);
    }
  }
  // Whether the other side was heard lately, not once: a mirror port that loses a direction does so in the middle. Who
  // never answers says nothing of it.
  if (tcp || flow.state == flow::FlowState::established) {
    const bool answered = (flow.flags & (flow::flow_flag::responder_spoke >> side)) != 0;
    answered_ += answered;
    one_sided_ += !answered;
  }
  flow.flags |= static_cast<std::uint8_t>(flow::flow_flag::initiator_spoke << side);
  const bool identified = ((flow.flags ^ settled_before) & flow::flow_flag::app_settled) != 0,
             due = (flow.told & told_minute_mask) != told_mark_;
  // The first packet of a side, and each 256th.
  if ((counted & (packet_burst - 1)) <= 1 || due || identified || renamed_ || last_before_ns <= reloaded_ns_)
      [[unlikely]] {
    look_at_flow(found.flow,
                 {found.created, identified, !found.created && last_before_ns <= reloaded_ns_, due,
                  (counted & (packet_burst - 1)) == 0},
                 packet, direction);
  }
  if (!plain && packet.protocol == static_cast<std::uint8_t>(IpProtocol::icmpv6) && packet.ttl == 255 && readable)
    tell_neighbour(packet);
  if ((flow.flags & flow::flow_flag::denied) != 0 && run_.allow != nullptr)
    tell_denied(found.flow, packet.time, packet.raw);
  while (match_at_ < matches_.size() && matches_[match_at_].token <= token) {
    if (matches_[match_at_].token == token && accepted) {
      raise_signature(matches_[match_at_], context_of(packet, found.flow, direction));
      flow.flags |= flow::flow_flag::alerted;
    }
    ++match_at_;
  }
}

void Worker::raise_signature(const detect::SignatureMatch& match, const dissect::MessageContext& context) noexcept {
  counters_.signature_matches.add();
  const detect::SignatureRule& rule = run_.rules->rule(match.rule);
  Alert alert;
  alert.detector = DetectorId::signature;
  alert.severity = static_cast<Severity>(rule.severity);
  alert.signature_gid = rule.gid;
  alert.signature_id = rule.sid;
  alert.signature_rev = rule.rev;
  alert.rule = match.rule;
  alert.merge_key = 1;  // The pair is the condition, whatever its ports.
  fill(alert, context);
  std::snprintf(alert.why[0].data(), Alert::why_text_max, "the bytes of rule %u end at offset %llu of the %s", rule.sid,
                static_cast<unsigned long long>(match.offset),
                context.ip_protocol == static_cast<std::uint8_t>(IpProtocol::tcp) ? "stream" : "datagram");
  merger_.raise(alert);
}

void Worker::fill(Alert& alert, const dissect::MessageContext& context) const noexcept {
  alert.time = context.time;
  alert.segment = context.segment;
  alert.source = context.source;
  alert.destination = context.destination;
  alert.source_port = context.source_port;
  alert.destination_port = context.destination_port;
  alert.protocol = context.ip_protocol;
  alert.app_protocol = context.app_protocol;
  alert.flow_id = context.id_of_flow();
  if (context.packet != nullptr) {
    alert.packet_number = context.packet->raw->number;
    alert.input = context.packet->raw->input;
    alert.has_input = true;
  }
  alert.source_asset = run_.inventory->asset_of(context.segment, context.source);
  alert.destination_asset = run_.inventory->asset_of(context.segment, context.destination);
  alert.interface = run_.inventory->interface_between(context.segment, context.source, context.destination);
}

policy::Conversation Worker::conversation_of(std::uint32_t flow_index, PacketTime time) const noexcept {
  const flow::Flow& flow = flows_.at(flow_index);
  const FlowKey key = flows_.key_of(flow_index);
  const bool high = (flow.flags & flow::flow_flag::initiator_is_high) != 0;
  policy::Conversation c;
  c.time = time;
  c.link = key.segment;
  c.initiator = high ? key.high : key.low;
  c.responder = high ? key.low : key.high;
  c.initiator_port = high ? key.high_port : key.low_port;
  c.responder_port = high ? key.low_port : key.high_port;
  c.protocol = key.protocol;
  c.app = flow.app;
  if (is_icmp(key.protocol)) {
    c.initiator_port = flows_.at(flow_index).first_bytes[0];
    c.responder_port = flows_.at(flow_index).first_bytes[1];
  }
  const bool tcp = key.protocol == static_cast<std::uint8_t>(IpProtocol::tcp);
  const bool udp = key.protocol == static_cast<std::uint8_t>(IpProtocol::udp);
  c.app_settled = (!tcp && !udp) || (flow.flags & flow::flow_flag::app_settled) != 0;
  // A SYN says who began. An ECHONET Lite answer goes to port 3610 whatever port asked, so it begins a five-tuple of
  // its own and its sender did not begin the conversation.
  c.direction_certain =
      tcp ? (flows_.at(flow_index).first_bytes[0] & tcp_flag::syn) != 0 : flow.app != AppProtocol::echonet_lite;
  return c;
}

void Worker::flow_ended(std::uint32_t flow_index, flow::EndReason reason) noexcept {
  const flow::Flow& flow = flows_.at(flow_index);
  const bool by_time = reason == flow::EndReason::timeout || reason == flow::EndReason::shutdown;
  const Order before = records_.order();
  if (by_time && before.phase == Phase::tick) records_.set_order({before.packet, before.phase, flow.first_packet});
  const DecodedPacket* packet_before = current_packet_;
  current_packet_ = nullptr;

  output::FlowRecord record;
  const FlowKey key = flows_.key_of(flow_index);
  record.is_tcp = key.protocol == static_cast<std::uint8_t>(IpProtocol::tcp);
  if (record.is_tcp && flow.session != 0)
    record.tcp_state = tcp_state_of(streams_.state(sessions_[flow.session].stream));
  end_session(flow_index);
  renamed_ = false;
  // Who waited for a name and did not hear one: a connection that nobody answered, for one.
  if (run_.allow != nullptr && (flows_.at(flow_index).told & verdict_awaits_name) != 0 && !began_unseen(flow_index)) {
    judge(flow_index, {flow.last_ns}, true);
    if ((flow.flags & flow::flow_flag::denied) != 0) tell_denied(flow_index, {flow.last_ns}, nullptr);
  }

  if (records_.wants(EventType::flow)) {
    const policy::Conversation ends = conversation_of(flow_index, {flow.last_ns});
    output::Envelope envelope;
    envelope.type = EventType::flow;
    envelope.time = {flow.last_ns};
    envelope.flow_id = flow_id_of(flow_index);
    envelope.network = output::Envelope::Network::ip;
    envelope.protocol = ends.protocol;
    envelope.has_ports = is_icmp(ends.protocol) || ends.initiator_port != 0 || ends.responder_port != 0;
    envelope.source = ends.initiator;
    envelope.destination = ends.responder;
    envelope.source_port = ends.initiator_port;
    envelope.destination_port = ends.responder_port;
    envelope.app_protocol = flow.app;
    envelope.segment = ends.link;
    JsonWriter* json = records_.begin(envelope, false, 0);
    record.packets_to_server = flow.packets[0];
    record.packets_to_client = flow.packets[1];
    record.bytes_to_server = flows_.bytes_of(flow_index, 0);
    record.bytes_to_client = flows_.bytes_of(flow_index, 1);
    record.start = flows_.begun(flow_index);
    record.end = {flow.last_ns};
    record.state = flow.state == flow::FlowState::fresh         ? output::FlowState::fresh
                   : flow.state == flow::FlowState::established ? output::FlowState::established
                                                                : output::FlowState::closed;
    record.reason = reason_of(reason);
    record.alerted = (flow.flags & flow::flow_flag::alerted) != 0;
    record.tcp_flags_to_server = record.is_tcp ? flows_.at(flow_index).first_bytes[0] : std::uint8_t{0};
    record.tcp_flags_to_client = record.is_tcp ? flows_.at(flow_index).first_bytes[1] : std::uint8_t{0};
    output::write_flow(*json, records_.timestamps(), record);
    records_.end();
  }
  current_packet_ = packet_before;
  if (!by_time) records_.set_order(before);
}

}  // namespace tsujiban::pipeline
