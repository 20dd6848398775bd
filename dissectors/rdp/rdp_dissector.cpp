#include "dissectors/rdp/rdp_dissector.h"

namespace tsujiban::rdp {

using dissect::MessageContext;
using dissect::Probe;
using dissect::Progress;
using dissect::RecordSink;

namespace {

constexpr auto self = static_cast<std::size_t>(AppProtocol::rdp);

bool is_header(Bytes bytes) noexcept {
  const std::uint32_t length = load_be16(bytes, 2);
  return bytes[0] == tpkt_version && bytes[1] == 0 && length >= tpdu_bytes_min && length <= message_bytes_max;
}

}  // namespace

Probe probe(dissect::Transport transport, bool port_hint, Bytes first) noexcept {
  if (transport != dissect::Transport::stream || first.empty() || first[0] != tpkt_version) return Probe::not_mine;
  if (first.size() > 1 && first[1] != 0) return Probe::not_mine;
  if (first.size() < tpdu_bytes_min) return Probe::unsure;
  const std::uint8_t code = first[tpkt_bytes + 1];
  if (port_hint) {
    if (code == tpdu::connection_request || code == tpdu::connection_confirm) return Probe::mine;
    return is_header(first) && code == tpdu::data ? Probe::mine : Probe::not_mine;
  }
  if (!is_header(first) || (code != tpdu::connection_request && code != tpdu::connection_confirm))
    return Probe::not_mine;
  const std::uint32_t length = load_be16(first, 2);
  if (first.size() < length) {
    // A cookie may be longer than what is shown here; it begins as none of others' parameters does.
    constexpr std::size_t text_offset = tpkt_bytes + connection_header_bytes;
    if (first.size() > text_offset && first[text_offset] != 'C') return Probe::not_mine;
    return first.size() < text_offset + 8 ||
                   std::string_view(reinterpret_cast<const char*>(first.data()) + text_offset, 8) == "Cookie: "
               ? Probe::unsure
               : Probe::not_mine;
  }
  const Message message = read_message(first.first(length));
  return !message.malformed() && (message.cookie_present || message.routing_token_present || message.negotiation != 0)
             ? Probe::mine
             : Probe::not_mine;
}

std::string_view message_type_name(std::uint8_t type) noexcept { return name_of(static_cast<Kind>(type)); }

Progress RdpDissector::feed(void* slot, const MessageContext& context, Bytes stream, RecordSink& sink) noexcept {
  StreamState& state = *static_cast<StreamState*>(slot);
  // TLS, CredSSP or fast-path output (whose first byte is never 3 with a 0 behind it and a length that fits).
  if (stream[0] != tpkt_version) {
    if (state.begun || state.lossy) return {Progress::Kind::done};
    return {Progress::Kind::give_up, 0, ParseError::rdp_bad_header, 0};
  }
  if (stream.size() < tpdu_bytes_min) return {Progress::Kind::need_more, tpdu_bytes_min};
  if (!is_header(stream)) {
    if (state.lossy) return {Progress::Kind::done};
    counters_.messages_malformed[self].add();
    return {Progress::Kind::give_up, 0, ParseError::rdp_bad_header, stream[1] != 0 ? 1u : 2u};
  }
  const std::uint32_t whole = load_be16(stream, 2);
  if (stream.size() < whole) return {Progress::Kind::need_more, whole};
  const Message message = read_message(stream.first(whole));
  state.begun = true;
  counters_.messages[self][static_cast<std::size_t>(message.kind)].add();
  if (message.malformed()) counters_.messages_malformed[self].add();
  if (message.kind == Kind::other && !message.malformed()) return {Progress::Kind::done};
  if (message.kind != Kind::other && sink.wants(EventType::rdp)) {
    ++state.records;
    if (JsonWriter* const writer = sink.begin(EventType::rdp, context); writer != nullptr) {
      writer->key("rdp");
      writer->begin_object();
      writer->field("tx_id", state.records);
      write_message(*writer, message, sink.mask());
      writer->end_object();
      sink.end();
    }
  }
  if (message.malformed()) return {Progress::Kind::malformed, whole, message.error, message.error_offset};
  // What follows is the session, encrypted by TLS or by RDP's own means.
  if (message.kind == Kind::connect_response ||
      (message.negotiation == negotiation_response && message.value != protocol_rdp))
    return {Progress::Kind::done};
  return {Progress::Kind::consumed, whole};
}

void RdpDissector::gap(void* slot, const MessageContext&, std::uint32_t, RecordSink&) noexcept {
  static_cast<StreamState*>(slot)->lossy = true;
}

void RdpDissector::finish(void* slot, const MessageContext& context, Bytes left, RecordSink& sink) noexcept {
  const StreamState& state = *static_cast<StreamState*>(slot);
  if (left.empty() || state.lossy || (state.begun && left[0] != tpkt_version)) return;
  counters_.messages_malformed[self].add();
  sink.anomaly(context, Layer::application, ParseError::truncated, static_cast<std::uint32_t>(left.size()));
}

namespace {
constexpr std::uint16_t ports[] = {port_rdp};
std::unique_ptr<dissect::Dissector> make(const dissect::Limits&, metrics::WorkerCounters& counters, HashSeed) {
  return std::make_unique<RdpDissector>(counters);
}
}  // namespace

constinit const dissect::DissectorRow registry_row = {AppProtocol::rdp,  false,  true, ports, sizeof(StreamState),
                                                      message_bytes_max, &probe, &make};

}  // namespace tsujiban::rdp
