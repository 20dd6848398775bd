// The worker's part that holds flows against the allow list.
#include "pipeline/worker.h"

namespace tsujiban::pipeline {
namespace {

constexpr bool is_tcp(std::uint8_t protocol) noexcept { return protocol == static_cast<std::uint8_t>(IpProtocol::tcp); }

}  // namespace

// TCP whose beginning is not there: what its client called the server may have been said before.
bool Worker::began_unseen(std::uint32_t flow_index) const noexcept {
  return is_tcp(flows_.key_of(flow_index).protocol) && (flows_.at(flow_index).first_bytes[0] & tcp_flag::syn) == 0;
}

policy::Verdict Worker::verdict_of(std::uint32_t flow_index, PacketTime time, bool over) noexcept {
  const policy::Conversation c = conversation_of(flow_index, time);
  if (names_ == nullptr) return run_.allow->judge(c);
  const bool said = (flows_.at(flow_index).told & name_said) != 0;
  const bool may_say = !c.app_settled || c.app == AppProtocol::tls || c.app == AppProtocol::http;
  const bool waited = over || time.ns - flows_.begun(flow_index).ns > name_wait.ns;
  // Where the beginning was not seen nobody can know what was said in it: that is not held against it.
  const bool open = is_tcp(c.protocol) && !said && (began_unseen(flow_index) || (may_say && !waited));
  const policy::Domains initiator = names_->known(c.link, c.responder, c.initiator, time),
                        responder = names_->known(c.link, c.initiator, c.responder, time);
  const policy::Verdict verdict = run_.allow->judge(c, {initiator, responder, open});
  if (verdict.by_name) {
    names_->keep(c.link, c.responder, c.initiator, time);
    names_->keep(c.link, c.initiator, c.responder, time);
  }
  return verdict;
}

void Worker::judge(std::uint32_t flow_index, PacketTime time, bool over) noexcept {
  const policy::Verdict verdict = verdict_of(flow_index, time, over);
  if (verdict.initiator_asset != 0) assets_seen_[verdict.initiator_asset - 1] = 1;
  if (verdict.responder_asset != 0) assets_seen_[verdict.responder_asset - 1] = 1;
  flow::Flow& flow = flows_.at(flow_index);
  std::uint8_t& told = flows_.at(flow_index).told;
  told = static_cast<std::uint8_t>((told & (told_minute_mask | name_said)) |
                                   (verdict.valid_until.ns != INT64_MAX ? verdict_is_timed : std::uint8_t{0}) |
                                   (verdict.awaits_name ? verdict_awaits_name : std::uint8_t{0}));
  if (verdict.judged && !verdict.allowed)
    flow.flags |= flow::flow_flag::denied;
  else
    flow.flags &= static_cast<std::uint8_t>(~flow::flow_flag::denied);
}

// Every packet of a denied flow is an occurrence. Judged again rather than remembered where something is to be written:
// a flow slot has no room for the reasons.
void Worker::tell_denied(std::uint32_t flow_index, PacketTime time, const RawPacket* packet) noexcept {
  flow::Flow& flow = flows_.at(flow_index);
  const policy::Conversation conversation = conversation_of(flow_index, time);
  const DetectorInfo& info = info_of(DetectorId::policy_peer_not_allowed);
  Alert alert;
  alert.detector = info.id;
  alert.signature_id = info.sid;
  alert.segment = conversation.link;
  alert.source = conversation.initiator;
  alert.destination = conversation.responder;
  alert.merge_key = 1;  // The pair is the condition, whatever its ports.
  flow.flags |= flow::flow_flag::alerted;
  if (merger_.extend(alert, time)) return;

  const policy::Verdict verdict = verdict_of(flow_index, time, packet == nullptr);
  alert.severity = static_cast<Severity>(info.severity);
  alert.signature_gid = info.gid;
  alert.signature_rev = 1;
  alert.interface = verdict.interface;
  alert.time = time;
  alert.source_port = conversation.initiator_port;
  alert.destination_port = conversation.responder_port;
  alert.protocol = conversation.protocol;
  alert.app_protocol = conversation.app;
  alert.source_asset = verdict.initiator_asset;
  alert.destination_asset = verdict.responder_asset;
  alert.inbound_from_outside = verdict.inbound_from_outside;
  alert.flow_id = flow_id_of(flow_index);
  alert.packet_number = packet != nullptr ? packet->number : flows_.at(flow_index).first_packet;
  if (packet != nullptr) {
    alert.input = packet->input;
    alert.has_input = true;
  }
  run_.allow->explain(verdict, conversation, alert.why[0].data(), Alert::why_text_max);
  merger_.raise(alert);
}

// Questions and answers of the name service, of all pairs: who asked for an address is not who is at it, and each pair
// has its own worker. Those in fragments teach nothing.
void Worker::note_names(const DecodedPacket& packet) noexcept {
  if (name_reader_ == nullptr || packet.transport == nullptr || packet.is_fragment || packet.malformed ||
      packet.snapped)
    return;
  const bool to_server = packet.destination_port == name_reader_->server_port,
             from_server = packet.source_port == name_reader_->server_port;
  if (to_server == from_server) return;
  if (is_tcp(packet.protocol)) {
    name_streams_.segment(packet, from_server, [&](Bytes message) { note_name(packet, from_server, message); });
  } else if (packet.protocol == static_cast<std::uint8_t>(IpProtocol::udp)) {
    note_name(packet, from_server, packet.payload_bytes());
  }
}

void Worker::note_name(const DecodedPacket& packet, bool from_server, Bytes message) noexcept {
  dissect::NameReader::Head head;
  if (!name_reader_->head(message, head) || head.is_answer != from_server) return;
  if (!from_server)
    return names_->asked({packet.segment, packet.source, packet.destination, packet.source_port, head.id}, packet.time);
  if (!names_->answers({packet.segment, packet.destination, packet.source, packet.destination_port, head.id},
                       packet.time))
    return;
  struct Taker final : dissect::NameListener {
    Taker(policy::NameMemory& n, const DecodedPacket& p) noexcept : names(n), answer(p) {}
    void has_address(std::string_view name, const IpAddress& address, std::uint32_t ttl_s) noexcept override {
      names.learn(answer.segment, answer.destination, address, name, ttl_s, answer.time);
    }
    policy::NameMemory& names;
    const DecodedPacket& answer;
  } taker{*names_, packet};
  name_reader_->addresses(message, taker);
}

void Worker::called(const dissect::MessageContext& context, std::string_view name) noexcept {
  if (context.flow == 0) return;
  flows_.at(context.flow).told |= name_said;
  renamed_ = true;
  if (!name.empty()) names_->learn(context.segment, context.source, context.destination, name, 0, context.time);
}

}  // namespace tsujiban::pipeline
