// The worker's part that tells the site's detectors what it saw: conversations, and who claims which address.
#include "pipeline/worker.h"

namespace tsujiban::pipeline {
namespace {

using Moment = ConversationSeen::Moment;

// The key of news: with the run's seed, so that nobody outside can make two facts share one.
std::uint64_t news_key(const HashSeed& seed, FactKind kind, const Fact& fact, std::uint64_t what) noexcept {
  std::uint64_t key = hash_words(seed, static_cast<std::uint64_t>(kind) ^ what << 8, fact.segment.raw());
  key = hash_mix(key ^ seed.b, hash_words(seed, fact.source.high, fact.source.low));
  return hash_mix(key ^ seed.a, hash_words(seed, fact.destination.high, fact.destination.low));
}

// RFC 4861, 4.6: type, length in units of 8 bytes; the decoder has seen that each fits or was cut by the snap length.
Bytes ndp_option(Bytes options, std::uint8_t type) noexcept {
  while (options.size() >= 8) {
    const std::size_t length = options[1] * std::size_t{8};
    if (length == 0 || length > options.size()) return {};
    if (options[0] == type) return options.first(length);
    options = options.subspan(length);
  }
  return {};
}

IpAddress ipv6_at(const std::uint8_t* at) noexcept { return {load_be64(at), load_be64(at + 8)}; }

}  // namespace

Fact Worker::fact_of(FactKind kind, const DecodedPacket& packet) const noexcept {
  Fact fact;
  fact.kind = kind;
  fact.ip_protocol = packet.protocol;
  fact.has_input = true;
  fact.input = packet.raw->input;
  fact.time = packet.time;
  fact.packet_number = packet.raw->number;
  fact.segment = packet.segment;
  fact.source = packet.source;
  fact.destination = packet.destination;
  if (packet.ethernet != nullptr) {
    fact.source_mac = MacAddress::load(packet.ethernet + 6);
    fact.to_group = (packet.ethernet[0] & 1) != 0;
  }
  return fact;
}

// Source and destination are the flow's ends; the frame's address is told only where its sender began the flow.
void Worker::tell_conversation(Moment moment, std::uint32_t flow_index, const DecodedPacket& packet,
                               Direction direction, bool burst) noexcept {
  const flow::Flow& flow = flows_.at(flow_index);
  const policy::Conversation ends = conversation_of(flow_index, packet.time);
  Fact fact = fact_of(burst                       ? FactKind::burst
                      : moment == Moment::goes_on ? FactKind::activity
                                                  : FactKind::conversation,
                      packet);
  fact.protocol = flow.app;
  fact.source = ends.initiator;
  fact.destination = ends.responder;
  fact.source_port = ends.initiator_port;
  fact.destination_port = ends.responder_port;
  fact.flow_id = flow_id_of(flow_index);
  if (direction == Direction::to_initiator) {
    fact.source_mac = packet.ethernet != nullptr ? MacAddress::load(packet.ethernet) : MacAddress{};
    fact.to_group = false;
  }
  fact.to_group = fact.to_group || ends.responder.is_multicast() || ends.responder.is_broadcast();
  ConversationSeen& seen = fact.conversation;
  seen = ConversationSeen{};
  seen.moment = moment;
  seen.identified = ends.app_settled;
  seen.direction_certain = ends.direction_certain;
  seen.from_source =
      burst ? direction == Direction::to_responder : (flow.flags & flow::flow_flag::initiator_spoke) != 0;
  seen.from_destination =
      burst ? direction == Direction::to_initiator : (flow.flags & flow::flow_flag::responder_spoke) != 0;
  // A refusal is no answer: TCP's responder has to have said something else than RST.
  const std::uint8_t said = fact.ip_protocol == static_cast<std::uint8_t>(IpProtocol::tcp)
                                ? flows_.at(flow_index).first_bytes[1]
                                : std::uint8_t{0};
  seen.established =
      flow.packets[0] != 0 && flow.packets[1] != 0 && ((said & tcp_flag::rst) == 0 || (said & tcp_flag::syn) != 0);
  seen.denied = (flow.flags & flow::flow_flag::denied) != 0;
  seen.unnamed = (flows_.at(flow_index).told & verdict_awaits_name) != 0 && began_unseen(flow_index);
  const std::uint64_t packets = std::uint64_t{flow.packets[0]} + flow.packets[1];
  seen.packets = static_cast<std::uint32_t>(std::min<std::uint64_t>(packets, UINT32_MAX));
  seen.packets_back = flow.packets[1];
  seen.bytes = flows_.bytes_of(flow_index, 0) + flows_.bytes_of(flow_index, 1);
  records_.fact(fact);
}

void Worker::note_conversation(std::uint32_t flow_index, bool created, bool identified, bool goes_on, bool burst,
                               const DecodedPacket& packet, Direction direction) noexcept {
  const flow::Flow& flow = flows_.at(flow_index);
  if (goes_on && records_.wants(FactKind::activity)) tell_conversation(Moment::goes_on, flow_index, packet, direction);
  if (burst && records_.wants(FactKind::burst)) tell_conversation(Moment::goes_on, flow_index, packet, direction, true);
  if (!records_.wants(FactKind::conversation)) return;
  const bool answered = direction == Direction::to_initiator && flow.packets[1] == 1;
  if (created) tell_conversation(Moment::began, flow_index, packet, direction);
  if (answered) tell_conversation(Moment::answered, flow_index, packet, direction);
  if (identified && !created && flow.app != AppProtocol::unknown)
    tell_conversation(Moment::identified, flow_index, packet, direction);
}

// RFC 826 for Ethernet and IPv4: operation at 6, sender MAC at 8. A probe (RFC 5227, 2.1.1) claims nothing.
void Worker::tell_arp_claim(const DecodedPacket& packet) noexcept {
  if (!records_.wants(FactKind::claim) || packet.source.is_unspecified()) return;
  Fact fact = fact_of(FactKind::claim, packet);
  Claim& claim = fact.claim;
  claim = Claim{};
  const bool reply = load_be16(packet.network + 6) == 2;
  claim.how = packet.source == packet.destination ? Claim::How::arp_gratuitous
              : reply                             ? Claim::How::arp_reply
                                                  : Claim::How::arp_request;
  claim.mac = MacAddress::load(packet.network + 8);
  claim.frame_source = fact.source_mac;
  tell_claim(fact);
}

void Worker::tell_claim(const Fact& fact) noexcept {
  const Claim& claim = fact.claim;
  const std::uint64_t what = claim.mac.value << 4 | static_cast<std::uint64_t>(claim.how);
  const std::uint64_t key = hash_mix(
      news_key(records_.seed(), FactKind::claim, fact, what),
      hash_words(records_.seed(), claim.frame_source.value, (claim.router ? 2u : 0u) | (claim.overrides ? 1u : 0u)));
  if (records_.is_news(key, fact.time)) records_.fact(fact);
}

// RFC 4861, 4.2 to 4.4. Told only where the hop limit shows that it came from this link (7.1).
void Worker::tell_neighbour(const DecodedPacket& packet) noexcept {
  constexpr std::uint8_t source_link_address = 1, target_link_address = 2, prefix_information = 3;
  const std::uint8_t type = static_cast<std::uint8_t>(packet.source_port);
  const auto size = static_cast<std::size_t>(packet.payload - packet.transport) + packet.payload_length;
  const Bytes message(packet.transport, size);
  const auto link_address = [&](std::size_t options_at, std::uint8_t option, MacAddress otherwise) {
    const Bytes found = ndp_option(message.subspan(options_at), option);
    return found.size() >= 8 ? MacAddress::load(found.data() + 2) : otherwise;
  };
  if (type == 134 && size >= 16 && records_.wants(FactKind::router_advertisement)) {
    Fact fact = fact_of(FactKind::router_advertisement, packet);
    RouterAdvertisement& told = fact.router_advertisement;
    told = RouterAdvertisement{};
    told.mac = link_address(16, source_link_address, fact.source_mac);
    told.lifetime_s = load_be16(message.data() + 6);
    told.managed = (message[5] & 0x80) != 0;
    if (const Bytes prefix = ndp_option(message.subspan(16), prefix_information);
        prefix.size() >= 32 && prefix[2] <= 128) {
      told.has_prefix = true;
      told.prefix.address = ipv6_at(prefix.data() + 16);
      told.prefix.length = prefix[2];
    }
    const std::uint64_t what = hash_words(records_.seed(), told.mac.value, std::uint64_t{told.lifetime_s} << 8);
    if (records_.is_news(news_key(records_.seed(), FactKind::router_advertisement, fact, what), fact.time))
      records_.fact(fact);
  } else if ((type == 135 || type == 136) && size >= 24 && records_.wants(FactKind::claim)) {
    Fact fact = fact_of(FactKind::claim, packet);
    Claim& claim = fact.claim;
    claim = Claim{};
    claim.frame_source = fact.source_mac;
    if (type == 136) {
      fact.source = ipv6_at(message.data() + 8);
      claim.how = Claim::How::neighbour_advertisement;
      claim.router = (message[4] & 0x80) != 0;
      claim.overrides = (message[4] & 0x20) != 0;
      claim.mac = link_address(24, target_link_address, fact.source_mac);
    } else {
      // Without a source address it asks whether the target is free (RFC 4862, 5.4.2), and claims nothing.
      if (packet.source.is_unspecified()) return;
      claim.how = Claim::How::neighbour_solicitation;
      claim.mac = link_address(24, source_link_address, fact.source_mac);
    }
    tell_claim(fact);
  }
}

}  // namespace tsujiban::pipeline
