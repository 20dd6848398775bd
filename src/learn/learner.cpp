#include "learn/learner.h"

#include <algorithm>
#include <cstring>

namespace tsujiban::learn {
namespace {

constexpr std::uint8_t protocol_icmp = 1, protocol_tcp = 6, protocol_udp = 17, protocol_icmpv6 = 58;
constexpr std::uint16_t echonet_port = 3610;
constexpr std::uint32_t controller_class = 0x05ff, node_profile_class = 0x0ef0;
constexpr std::uint32_t product_identity = 0x83;  // ECHONET Lite specification, part 2, 6.11.1: identification number.

// Can be the address of one host of ours without a claim: it means nothing outside.
bool is_near(const IpAddress& address) noexcept { return address.is_private() || address.is_link_local(); }
bool is_one_host(const IpAddress& address) noexcept {
  return !address.is_multicast() && !address.is_broadcast() && !address.is_unspecified() && !address.is_loopback();
}

// How much a port looks like a service's: a flow picked up in its middle was begun by the other side.
int service_rank(std::uint16_t port) noexcept {
  if (port != 0 && (port < 1024 || port == echonet_port)) return 0;
  return port < 32768 ? 1 : 2;
}

// Adds to a small set; `count` ends at max + 1, which says that there were more.
template <class T, std::size_t N>
void add_distinct(T (&set)[N], std::uint8_t& count, const T& value) noexcept {
  const std::size_t held = std::min<std::size_t>(count, N);
  if (std::find(set, set + held, value) != set + held) return;
  if (count < N) set[count] = value;
  if (count <= N) ++count;
}
template <class T, std::size_t N>
void add_distinct(T (&set)[N], std::uint8_t& count, bool& more, const T& value) noexcept {
  if (std::find(set, set + count, value) != set + count) return;
  if (count < N) {
    set[count++] = value;
  } else {
    more = true;
  }
}

void note_activity(Host& host, PacketTime time) noexcept {
  // A first moment opens no gap, and news told twice none either.
  if (host.active.ever && host.active.last < time) {
    const Duration gap = span_of(host.active.last, time);
    std::size_t step = 0;
    while (step < std::size(gap_steps_s) && gap > Duration::seconds(gap_steps_s[step])) ++step;
    if (host.gaps[step] != UINT32_MAX) ++host.gaps[step];
    host.silence_ns_max = std::max(host.silence_ns_max, gap.ns);
  }
  host.active.at(time);
}

}  // namespace

Memory::Memory(HashSeed seed, const LearnerLimits& limits)
    : links(limits.segments_max, seed),
      hosts(limits.hosts_max, seed),
      pairs(limits.pairs_max, seed),
      macs(limits.macs_max, seed),
      writers(limits.writers_max, seed),
      flows(limits.flows_max, seed) {}

Learner::Learner(HashSeed seed, const LearnerLimits& limits) : limits_(limits), memory_(seed, limits) {}

std::uint32_t Learner::facts_wanted() const noexcept {
  std::uint32_t bits = 0;
  for (const FactKind kind :
       {FactKind::conversation, FactKind::activity, FactKind::burst, FactKind::asker, FactKind::control_write,
        FactKind::object, FactKind::reading, FactKind::inquiry, FactKind::claim, FactKind::router_advertisement,
        FactKind::address_assignment, FactKind::request}) {
    bits |= 1u << static_cast<unsigned>(kind);
  }
  return bits;
}

Link* Learner::link(std::uint64_t segment) noexcept {
  std::uint32_t i = memory_.links.find({segment});
  if (i == 0) {
    if (memory_.links.size() == memory_.links.capacity()) {
      memory_.left_out.links = true;
      return nullptr;
    }
    i = memory_.links.use({segment}).index;
  }
  return &memory_.links.value(i);
}

Host* Learner::known(std::uint64_t segment, const IpAddress& address) noexcept {
  const std::uint32_t i = memory_.hosts.find({segment, address});
  return i == 0 ? nullptr : &memory_.hosts.value(i);
}

// The host of an address that has just spoken. None where it is a peer far away, or there is no place.
Host* Learner::speaker(std::uint64_t segment, const IpAddress& address, bool claimed) noexcept {
  if (!is_one_host(address)) return nullptr;
  if (Host* const host = known(segment, address); host != nullptr) return host;
  if (!claimed && !is_near(address)) return nullptr;
  Link* const on = link(segment);
  if (on == nullptr || on->hosts == limits_.hosts_per_segment_max || memory_.hosts.size() == memory_.hosts.capacity()) {
    memory_.left_out.hosts = true;
    return nullptr;
  }
  ++on->hosts;
  return &memory_.hosts.value(memory_.hosts.use({segment, address}).index);
}

MacSeen* Learner::mac(std::uint64_t segment, MacAddress mac) noexcept {
  if (mac.value == 0 || mac.is_group()) return nullptr;
  std::uint32_t i = memory_.macs.find({segment, mac});
  if (i == 0) {
    if (memory_.macs.size() == memory_.macs.capacity()) {
      memory_.left_out.macs = true;
      return nullptr;
    }
    i = memory_.macs.use({segment, mac}).index;
  }
  return &memory_.macs.value(i);
}

// The frame that `address` sent. A MAC in front of public addresses is a router's.
void Learner::note_frame(const Fact& fact, const IpAddress& address, Host* host) noexcept {
  const MacAddress mac_address = fact.source_mac;
  if (mac_address.value == 0 || mac_address.is_group() || !is_one_host(address)) return;
  if (host != nullptr) add_distinct(host->framed, host->framed_count, mac_address);
  if (is_near(address)) return;
  if (MacSeen* const seen = mac(fact.segment.raw(), mac_address); seen != nullptr)
    add_distinct(seen->far, seen->far_count, address);
}

void Learner::fact(const Fact& fact) noexcept {
  const std::uint64_t segment = fact.segment.raw();
  switch (fact.kind) {
    case FactKind::conversation:
    case FactKind::activity:
    case FactKind::burst:
      return conversation(fact);
    case FactKind::control_write:
      return write(fact);
    case FactKind::claim:
      return claim(fact);
    case FactKind::address_assignment:
      return assignment(fact);
    case FactKind::object:
    case FactKind::asker:
      if (Host* const host = speaker(segment, fact.source, false); host != nullptr) {
        if (!host->seen.ever) host->seen.at(fact.time);
        const std::uint32_t object = fact.object.object & 0xffffff;
        if (fact.object.how == ObjectSeen::How::asks && object >> 8 == controller_class)
          host->asks_as_controller = true;
        if (object >> 8 != node_profile_class)
          add_distinct(host->objects, host->object_count, host->objects_more, object);
      }
      return;
    case FactKind::reading:
      if (fact.reading.point != product_identity || fact.protocol != AppProtocol::echonet_lite) return;
      if (Host* const host = speaker(segment, fact.source, false); host != nullptr) {
        if (!host->seen.ever) host->seen.at(fact.time);
        if (host->identity[0] == '\0') host->identity = fact.reading.text;
        host->identity.back() = '\0';
      }
      return;
    case FactKind::inquiry:
      if (fact.inquiry.refused) return;
      [[fallthrough]];
    case FactKind::request:
      if (Host* const host = speaker(segment, fact.source, false); host != nullptr) {
        if (!host->seen.ever) host->seen.at(fact.time);
        host->asks = true;
        if (fact.kind == FactKind::request && fact.exchange.source_object >> 8 == controller_class)
          host->asks_as_controller = true;
      }
      return;
    case FactKind::router_advertisement:
      if (fact.router_advertisement.lifetime_s == 0) return;
      if (Host* const host = speaker(segment, fact.source, true); host != nullptr) {
        if (!host->seen.ever) host->seen.at(fact.time);
        host->advertises = true;
        if (const MacAddress of = fact.router_advertisement.mac; of.value != 0 && !of.is_group())
          add_distinct(host->claimed, host->claimed_count, of);
      }
      if (MacSeen* const seen = mac(segment, fact.router_advertisement.mac); seen != nullptr) seen->advertises = true;
      return;
    default:
      return;
  }
}

std::uint32_t Learner::pair(const PairKey& key, Host* from, Host* to) noexcept {
  const std::uint32_t found = memory_.pairs.find(key);
  if (found != 0) return found;
  const bool far = from == nullptr && to == nullptr;
  Link* const on = link(key.segment);
  bool full = on == nullptr || on->pairs == limits_.pairs_per_segment_max ||
              memory_.pairs.size() == memory_.pairs.capacity() || (far && memory_.far_pairs == limits_.far_pairs_max);
  if (from != nullptr && from->pair_count >= limits_.pairs_per_host_max) full = from->begins_more = true;
  if (to != nullptr && to->pair_count >= limits_.pairs_per_host_max) full = to->reached_more = true;
  if (full) return 0;
  ++on->pairs;
  if (far) ++memory_.far_pairs;
  for (Host* const host : {from, to}) {
    if (host != nullptr) ++host->pair_count;
  }
  return memory_.pairs.use(key).index;
}

void Learner::conversation(const Fact& fact) noexcept {
  const ConversationSeen& told = fact.conversation;
  const bool ported = fact.ip_protocol == protocol_tcp || fact.ip_protocol == protocol_udp;
  std::uint64_t flow_id = fact.flow_id;
  if (flow_id == 0) {  // Not given: its ends stand for it.
    flow_id = hash_mix(hash_words({}, fact.source.high ^ fact.source_port, fact.source.low),
                       hash_words({}, fact.destination.high ^ fact.destination_port, fact.destination.low));
  }
  const FlowKey flow_key{flow_id, fact.segment.raw()};
  memory_.seen.at(fact.time);
  Host* const source =
      told.from_source ? speaker(fact.segment.raw(), fact.source, false) : known(fact.segment.raw(), fact.source);
  Host* const destination = told.from_destination ? speaker(fact.segment.raw(), fact.destination, false)
                                                  : known(fact.segment.raw(), fact.destination);
  if (told.from_source) note_frame(fact, fact.source, source);
  for (const auto& [host, spoke] :
       {std::pair{source, told.from_source}, std::pair{destination, told.from_destination}}) {
    if (host == nullptr || !spoke) continue;
    host->seen.at(fact.time);
    note_activity(*host, fact.time);
  }
  if (fact.source.is_unspecified()) return;
  // An ECHONET Lite answer begins a flow of its own where it was asked from another port.
  if (source != nullptr && told.from_source && fact.protocol == AppProtocol::echonet_lite &&
      fact.ip_protocol == protocol_udp && fact.source_port == echonet_port)
    add_distinct(source->answered, source->answered_count, source->answered_more,
                 Host::Port{protocol_udp, echonet_port});

  const auto [flow_index, added] = memory_.flows.use(flow_key);
  FlowSeen& flow = memory_.flows.value(flow_index);
  const bool is_new = added && told.moment == ConversationSeen::Moment::began;
  if (added) {
    flow.swapped = ported && !told.direction_certain && !fact.to_group &&
                   service_rank(fact.source_port) < service_rank(fact.destination_port);
    PairKey key{fact.segment.raw(), fact.source, fact.destination, fact.destination_port, fact.ip_protocol};
    if (flow.swapped) {
      std::swap(key.from, key.to);
      key.port = fact.source_port;
    } else if (fact.ip_protocol == protocol_icmp || fact.ip_protocol == protocol_icmpv6) {
      key.port = static_cast<std::uint16_t>((fact.source_port & 0xff) << 8 | (fact.destination_port & 0xff));
    } else if (!ported) {
      key.port = 0;
    }
    flow.pair = pair(key, flow.swapped ? destination : source, flow.swapped ? source : destination);
    // A flow that comes back after it made place was counted before: only what is new of it counts.
    if (!is_new) flow.packets = told.packets, flow.bytes = told.bytes;
  }
  if (flow.pair == 0) {
    if (is_new) ++memory_.left_out.flows;
    return;
  }
  Pair& pair = memory_.pairs.value(flow.pair);
  pair.seen.at(fact.time);
  if (is_new || pair.flows == 0) ++pair.flows;
  pair.packets += told.packets - std::min(flow.packets, told.packets);
  pair.bytes += told.bytes - std::min(flow.bytes, told.bytes);
  flow.packets = std::max(flow.packets, told.packets);
  flow.bytes = std::max(flow.bytes, told.bytes);
  if (fact.protocol != AppProtocol::unknown) pair.apps |= std::uint64_t{1} << static_cast<unsigned>(fact.protocol);
  if (!told.direction_certain) pair.uncertain = true;
  if (ported && fact.source_port == fact.destination_port) pair.same_port = true;
  pair.from_port = flow.swapped ? fact.destination_port : fact.source_port;
  const bool responder_spoke = flow.swapped ? told.from_source : told.from_destination;
  if (!responder_spoke) return;
  pair.answered = true;
  Host* const responder = flow.swapped ? source : destination;
  if (responder == nullptr || !ported || (fact.ip_protocol == protocol_tcp && !told.established)) return;
  const Host::Port port{fact.ip_protocol, flow.swapped ? fact.source_port : fact.destination_port};
  if (port.port != 0 && (told.direction_certain || service_rank(port.port) < 2))
    add_distinct(responder->answered, responder->answered_count, responder->answered_more, port);
}

void Learner::write(const Fact& fact) noexcept {
  const ControlWrite& told = fact.control_write;
  // What moves nothing needs no right.
  if (told.effect == WriteEffect::none || told.effect == WriteEffect::selector) return;
  memory_.seen.at(fact.time);
  Host* const host =
      told.refused ? known(fact.segment.raw(), fact.source) : speaker(fact.segment.raw(), fact.source, false);
  if (host != nullptr) {
    if (!told.refused) {
      host->seen.at(fact.time);
      host->writes = true;
    } else {
      host->is_refused = true;
    }
  }
  const WriterKey key{fact.segment.raw(), fact.source, fact.destination, fact.protocol};
  std::uint32_t i = memory_.writers.find(key);
  if (i == 0) {
    Link* const on = link(key.segment);
    if (on == nullptr || on->writers == limits_.writers_per_segment_max ||
        memory_.writers.size() == memory_.writers.capacity()) {
      ++memory_.left_out.writes;
      return;
    }
    ++on->writers;
    i = memory_.writers.use(key).index;
  }
  Writer& writer = memory_.writers.value(i);
  writer.seen.at(fact.time);
  ++(told.refused ? writer.refused : writer.writes);
  writer.effects |= static_cast<std::uint8_t>(1u << static_cast<unsigned>(told.effect));
  const std::int64_t second = fact.time.ns / 1'000'000'000;
  writer.hours |= 1u << static_cast<unsigned>(((second / 3600) % 24 + 24) % 24);
  add_distinct(writer.objects, writer.object_count, writer.objects_more, told.object & 0xffffff);
  if (told.by_public) writer.by_public = true;
}

void Learner::claim(const Fact& fact) noexcept {
  const Claim& told = fact.claim;
  if (told.mac.value == 0 || told.mac.is_group()) return;
  if (Host* const host = speaker(fact.segment.raw(), fact.source, true); host != nullptr) {
    if (!host->seen.ever) host->seen.at(fact.time);
    add_distinct(host->claimed, host->claimed_count, told.mac);
    if (told.router) host->router_flag = true;
    if (told.frame_source.value != 0 && told.frame_source != told.mac) host->claims_for_other = true;
  }
  if (told.how != Claim::How::arp_request) return;
  if (Host* const asked = known(fact.segment.raw(), fact.destination); asked != nullptr)
    add_distinct(asked->askers, asked->asker_count, fact.source);
}

void Learner::assignment(const Fact& fact) noexcept {
  const AddressAssignment& told = fact.address_assignment;
  const std::uint64_t segment = fact.segment.raw();
  const auto on_link = [&](const IpAddress& address) { return speaker(segment, address, false); };
  // The identifier is what the server says; where there is none, its own address.
  if (Host* const server = on_link(told.server.is_unspecified() ? fact.source : told.server); server != nullptr) {
    if (!server->seen.ever) server->seen.at(fact.time);
    server->dhcp_server = true;
  }
  // Named by another, who may be wrong or lie: only who was seen speaking becomes a host of the draft.
  if (Host* const router = known(segment, told.router); router != nullptr) router->dhcp_router = true;
  if (Host* const resolver = known(segment, told.resolver); resolver != nullptr) resolver->dhcp_resolver = true;
}

Draft Learner::draft(const DraftOptions& options) const { return draft_of(memory_, options); }

}  // namespace tsujiban::learn
