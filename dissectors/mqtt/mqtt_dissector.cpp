#include "dissectors/mqtt/mqtt_dissector.h"

#include <algorithm>
#include <utility>

#include "dissect/login_fact.h"
#include "dissectors/mqtt/mqtt_json.h"

namespace tsujiban::mqtt {

using dissect::MessageContext;
using dissect::Probe;
using dissect::Progress;
using dissect::RecordSink;
using dissect::Transport;

namespace {

namespace t = packet_type;
constexpr auto self = static_cast<std::size_t>(AppProtocol::mqtt);

// What only the client sends, and only the server (table 2-1).
bool is_clients(std::uint8_t type) noexcept {
  return type == t::connect || type == t::subscribe || type == t::unsubscribe || type == t::pingreq;
}
bool is_servers(std::uint8_t type) noexcept {
  return type == t::connack || type == t::suback || type == t::unsuback || type == t::pingresp;
}

// The context of an exchange that `direction` began.
MessageContext seen_from(const MessageContext& context, Direction direction) noexcept {
  MessageContext turned = context;
  if (context.direction != direction) {
    std::swap(turned.source, turned.destination);
    std::swap(turned.source_port, turned.destination_port);
  }
  return turned;
}

}  // namespace

Probe probe(Transport transport, bool port_hint, Bytes first) noexcept {
  if (transport != Transport::stream) return Probe::not_mine;
  switch (port_hint ? fits(first, false) : fits_connect(first)) {
    case Fit::yes:
      return Probe::mine;
    case Fit::open:
      return Probe::unsure;
    default:
      return Probe::not_mine;
  }
}

std::string_view message_type_name(std::uint8_t type) noexcept { return packet_name(type); }

Progress MqttDissector::feed(void* state, const MessageContext& context, Bytes stream, RecordSink& sink) noexcept {
  StreamState& stream_state = *static_cast<StreamState*>(state);
  StreamSide& side = stream_state.sides[static_cast<unsigned>(context.direction)];
  if (side.rest > 0) {
    const auto skipped = static_cast<std::uint32_t>(std::min<std::size_t>(side.rest, stream.size()));
    side.rest -= skipped;
    return {Progress::Kind::consumed, skipped};
  }
  if (side.unsynchronised) return resynchronise(stream_state, side, context, stream, sink);
  if (const std::uint32_t used = short_packets(stream_state, side, context, stream, sink); used != 0)
    return {Progress::Kind::consumed, used};
  return packet_in_stream(stream_state, side, context, stream, sink);
}

// A run of PINGREQ, PINGRESP or DISCONNECT without a body, of which nobody wants a record: they say nothing, and cost
// 2 bytes each. What is to be told of one is left to the ordinary way.
std::uint32_t MqttDissector::short_packets(const StreamState& state, StreamSide& side, const MessageContext& context,
                                           Bytes stream, const RecordSink& sink) noexcept {
  if (stream.size() < 2 || stream[1] != 0 || (stream[0] & 0x0F) != 0 || sink.wants(EventType::mqtt)) return 0;
  const std::uint8_t type = stream[0] >> 4;
  if (type != t::pingreq && type != t::pingresp && type != t::disconnect) return 0;
  if (!state.connected && !state.unintroduced_told) return 0;
  const bool from_client = (context.direction == Direction::to_initiator) == state.client_is_responder;
  if (state.client_known && (from_client ? is_servers(type) : is_clients(type))) return 0;
  const std::uint16_t packet = load_raw<std::uint16_t>(stream.data());
  const std::uint64_t four = packet * std::uint64_t{0x0001000100010001};
  std::size_t used = 2;
  while (stream.size() - used >= 8 && load_raw<std::uint64_t>(stream.data() + used) == four) used += 8;
  while (stream.size() - used >= 2 && load_raw<std::uint16_t>(stream.data() + used) == packet) used += 2;
  side.unreadable = 0;
  side.spoke = true;
  counters_.messages[self][type].add(used / 2);
  return static_cast<std::uint32_t>(used);
}

Progress MqttDissector::packet_in_stream(StreamState& state, StreamSide& side, const MessageContext& context,
                                         Bytes stream, RecordSink& sink) noexcept {
  const FixedHeader header = read_fixed_header(stream);
  if (header.state == FixedHeader::State::incomplete)
    return {Progress::Kind::need_more, static_cast<std::uint32_t>(stream.size()) + 1};
  if (header.state == FixedHeader::State::broken) {
    // A remaining length without an end: where the next packet would begin is anyone's guess.
    side.unsynchronised = true;
    return resynchronise(state, side, context, stream, sink);
  }
  const std::uint32_t whole = header.whole();
  const std::uint32_t needed = bytes_needed(stream, header, state.version);
  Packet one;
  if (needed > packet_bytes_max) {
    one.header = header;
    one.version = state.version;
    one.oversize = true;
  } else {
    if (stream.size() < needed) return {Progress::Kind::need_more, needed};
    one = read_packet(stream.first(needed), header, state.version);
  }

  if (header.type != t::reserved) {
    side.unreadable = 0;
  } else if (++side.unreadable > unreadable_packets_max) {
    return {Progress::Kind::give_up, 0, ParseError::mqtt_unsynchronised, 0};
  }
  counters_.messages[self][header.type].add();
  side.spoke = true;
  packet(state, context, one, sink);
  const auto used = static_cast<std::uint32_t>(std::min<std::size_t>(whole, stream.size()));
  side.rest = whole - used;
  if (!one.malformed()) return {Progress::Kind::consumed, used};
  counters_.messages_malformed[self].add();
  return {Progress::Kind::malformed, used, one.error, one.error_offset};
}

void MqttDissector::packet(StreamState& state, const MessageContext& context, const Packet& one,
                           RecordSink& sink) noexcept {
  const std::uint8_t type = one.header.type;
  const auto tell = [&](ParseError error) { sink.anomaly(context, Layer::application, error, 0); };
  const bool from_responder = context.direction == Direction::to_initiator;

  if (type == t::connect) {
    if (state.connect_seen) tell(ParseError::mqtt_double_connect);
    state.connect_seen = true;
    if (one.has_connect) state.version = one.version;
    state.connect_waits = true;
    state.user_given = one.has_connect && one.user.data() != nullptr;
    state.user_hash = dissect::user_hash_of(one.user);
    if (!state.client_known) state.client_is_responder = from_responder;
    state.client_known = true;
  } else if (!state.connected && type != t::connack && !state.unintroduced_told) {
    state.unintroduced_told = true;
    tell(ParseError::mqtt_unintroduced);
  }
  if (state.client_known) {
    const bool from_client = from_responder == state.client_is_responder;
    if (from_client ? is_servers(type) : is_clients(type)) tell(ParseError::mqtt_wrong_direction);
  }

  if (one.oversize || type == t::reserved) return record_alone(context, one, sink);
  const Direction here = context.direction, there = opposite(context.direction);
  switch (type) {
    case t::connect:
    case t::subscribe:
    case t::unsubscribe:
      return open(state, context, one, sink);
    case t::publish:
      if (one.header.qos() == 1 || one.header.qos() == 2) return open(state, context, one, sink);
      return record_alone(context, one, sink);
    case t::connack:
      judge_login(state, context, one, sink);
      join(state, context, one, t::connect, there, true, sink);
      if (state.connect_seen) state.connected = true;
      return;
    case t::puback:
    case t::pubcomp:
      return join(state, context, one, t::publish, there, true, sink);
    case t::pubrec:
      // A refusal ends the exchange (4.3.3).
      return join(state, context, one, t::publish, there, one.reason >= 0x80, sink);
    case t::pubrel:
      return join(state, context, one, t::publish, here, false, sink);
    case t::suback:
      return join(state, context, one, t::subscribe, there, true, sink);
    case t::unsuback:
      return join(state, context, one, t::unsubscribe, there, true, sink);
    default:
      return record_alone(context, one, sink);
  }
}

void MqttDissector::judge_login(StreamState& state, const MessageContext& context, const Packet& one,
                                RecordSink& sink) noexcept {
  const bool from_server = (context.direction == Direction::to_initiator) != state.client_is_responder;
  if (!from_server || !one.has_reason || !std::exchange(state.connect_waits, false)) return;
  // MQTT 3.1.1, table 3.1; MQTT 5.0, 3.2.2.2: bad user name or password, not authorised, bad authentication method.
  const bool failed =
      one.reason == 4 || one.reason == 5 || one.reason == 0x86 || one.reason == 0x87 || one.reason == 0x8C;
  if (!failed && (one.reason != 0 || !state.user_given)) return;
  Login login{};
  login.outcome = failed ? Login::Outcome::failed : Login::Outcome::succeeded;
  login.code = one.reason;
  login.user_hash = state.user_hash;
  dissect::tell_login(AppProtocol::mqtt, context, login, sink);
}

void MqttDissector::open(StreamState& state, const MessageContext& context, const Packet& one,
                         RecordSink& sink) noexcept {
  if (state.outstanding == outstanding_max) {
    record(exchanges_[state.oldest], context, sink);
    remove(state, state.oldest, 0);
  }
  const std::uint32_t slot = exchanges_.allocate();
  if (slot == 0) {
    counters_.evicted(metrics::EvictionReason::dissector_state);
    return record_alone(context, one, sink);
  }
  Exchange& fresh = exchanges_[slot];
  fresh.next = 0;
  fresh.id = one.id;
  fresh.packets = 0;
  fresh.text_size = 0;
  fresh.opened_by = one.header.type;
  fresh.direction = context.direction;
  // What is too long to wait is recorded at once; its answers come alone.
  if (!append(fresh, one, sink)) record_alone(context, one, sink);
  if (state.newest != 0)
    exchanges_[state.newest].next = slot;
  else
    state.oldest = slot;
  state.newest = slot;
  ++state.outstanding;
}

std::uint32_t MqttDissector::find(const StreamState& state, std::uint8_t opened_by, Direction direction,
                                  std::uint16_t id, std::uint32_t& before) const noexcept {
  before = 0;
  for (std::uint32_t slot = state.oldest; slot != 0; slot = exchanges_[slot].next) {
    const Exchange& one = exchanges_[slot];
    if (one.opened_by == opened_by && one.direction == direction && one.id == id) return slot;
    before = slot;
  }
  return 0;
}

void MqttDissector::join(StreamState& state, const MessageContext& context, const Packet& one, std::uint8_t opened_by,
                         Direction direction, bool last, RecordSink& sink) noexcept {
  std::uint32_t before = 0;
  const std::uint32_t slot = find(state, opened_by, direction, one.id, before);
  if (slot == 0) {
    // On a connection that was seen from its beginning, without a loss.
    if (state.connected && !state.lossy) sink.anomaly(context, Layer::application, ParseError::mqtt_unsolicited, 0);
    return record_alone(context, one, sink);
  }
  Exchange& exchange = exchanges_[slot];
  if (!append(exchange, one, sink)) record_alone(context, one, sink);
  if (!last) return;
  record(exchange, context, sink);
  remove(state, slot, before);
}

void MqttDissector::remove(StreamState& state, std::uint32_t slot, std::uint32_t before) noexcept {
  const std::uint32_t next = exchanges_[slot].next;
  if (before != 0)
    exchanges_[before].next = next;
  else
    state.oldest = next;
  if (state.newest == slot) state.newest = before;
  --state.outstanding;
  exchanges_.release(slot);
}

bool MqttDissector::append(Exchange& exchange, const Packet& one, const RecordSink& sink) noexcept {
  if (!sink.wants(EventType::mqtt)) return true;
  const auto bit = static_cast<std::uint16_t>(1u << one.header.type);
  // No member stands twice: what is sent again is recorded alone.
  if ((exchange.packets & bit) != 0) return false;
  JsonWriter writer(exchange.text.data() + exchange.text_size, exchange.text.size() - exchange.text_size);
  if (exchange.text_size > 0) writer.raw(",");
  write_packet(writer, one, sink.mask());
  if (writer.overflowed()) return false;
  exchange.text_size = static_cast<std::uint16_t>(exchange.text_size + writer.size());
  exchange.packets = static_cast<std::uint16_t>(exchange.packets | bit);
  return true;
}

void MqttDissector::record(const Exchange& exchange, const MessageContext& context, RecordSink& sink) noexcept {
  if (exchange.text_size == 0 || !sink.wants(EventType::mqtt)) return;
  JsonWriter* const writer = sink.begin(EventType::mqtt, seen_from(context, exchange.direction));
  if (writer == nullptr) return;
  writer->key("mqtt");
  writer->begin_object();
  writer->raw({exchange.text.data(), exchange.text_size});
  writer->end_object();
  sink.end();
}

void MqttDissector::record_alone(const MessageContext& context, const Packet& one, RecordSink& sink) noexcept {
  if (!sink.wants(EventType::mqtt)) return;
  JsonWriter* const writer = sink.begin(EventType::mqtt, context);
  if (writer == nullptr) return;
  writer->key("mqtt");
  writer->begin_object();
  write_packet(*writer, one, sink.mask());
  writer->end_object();
  sink.end();
}

Progress MqttDissector::resynchronise(StreamState& state, StreamSide& side, const MessageContext& context, Bytes stream,
                                      RecordSink& sink) noexcept {
  // Directly behind lost bytes a packet mostly begins; within the remains of one only what is no accident counts.
  const auto size = static_cast<std::uint32_t>(stream.size());
  std::uint32_t at = 0;
  Fit start = fits(stream, side.skipped > 0);
  while (start == Fit::no) start = fits(stream.subspan(++at), true);
  if (side.skipped + at > unsynchronised_bytes_max) {
    // Told before it is given up, in one piece as in many.
    if (side.told) return {Progress::Kind::give_up, 0, ParseError::mqtt_unsynchronised, 0};
    at = unsynchronised_bytes_max - side.skipped;
  }
  side.skipped += at;
  if (at > 0) {
    // One report for a run of bytes, in however many pieces it comes.
    if (std::exchange(side.told, true)) return {Progress::Kind::consumed, at};
    counters_.messages_malformed[self].add();
    return {Progress::Kind::malformed, at, ParseError::mqtt_unsynchronised, 0};
  }
  if (start == Fit::open) return {Progress::Kind::need_more, size + 1};
  const bool spoke = side.spoke;
  side = {};
  side.spoke = spoke;
  return packet_in_stream(state, side, context, stream, sink);
}

void MqttDissector::gap(void* state, const MessageContext& context, std::uint32_t missing, RecordSink&) noexcept {
  StreamState& stream_state = *static_cast<StreamState*>(state);
  StreamSide& side = stream_state.sides[static_cast<unsigned>(context.direction)];
  // Within what is not looked at nothing is lost.
  if (!side.unsynchronised && side.rest >= missing) {
    side.rest -= missing;
    return;
  }
  stream_state.lossy = true;
  const bool spoke = side.spoke;
  side = {};
  side.spoke = spoke;
  side.unsynchronised = true;
  side.told = true;  // The gap itself is told; the rest of the packet that it hit is no fault of the sender.
}

void MqttDissector::finish(void* state, const MessageContext& context, Bytes left, RecordSink& sink) noexcept {
  StreamState& stream_state = *static_cast<StreamState*>(state);
  StreamSide& side = stream_state.sides[static_cast<unsigned>(context.direction)];
  if (!side.unsynchronised && (!left.empty() || side.rest > 0)) {
    counters_.messages_malformed[self].add();
    sink.anomaly(context, Layer::application, ParseError::truncated, static_cast<std::uint32_t>(left.size()));
  }
  side.rest = 0;
  side.finished = true;
  // What waits for the other side can still come, where that one speaks.
  const StreamSide& other = stream_state.sides[1 - static_cast<unsigned>(context.direction)];
  if (other.spoke && !other.finished) return;
  while (stream_state.oldest != 0) {
    record(exchanges_[stream_state.oldest], context, sink);
    remove(stream_state, stream_state.oldest, 0);
  }
}

void MqttDissector::close(void* state) noexcept {
  StreamState& stream_state = *static_cast<StreamState*>(state);
  while (stream_state.oldest != 0) remove(stream_state, stream_state.oldest, 0);
}

namespace {

constexpr std::array<std::uint16_t, 1> ports = {port_mqtt};

std::unique_ptr<dissect::Dissector> make(const dissect::Limits& limits, metrics::WorkerCounters& counters, HashSeed) {
  return std::make_unique<MqttDissector>(limits, counters);
}

}  // namespace

constinit const dissect::DissectorRow registry_row = {AppProtocol::mqtt, false,  true, ports, sizeof(StreamState),
                                                      packet_bytes_max,  &probe, &make};

}  // namespace tsujiban::mqtt
