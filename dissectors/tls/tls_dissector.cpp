#include "dissectors/tls/tls_dissector.h"

#include <algorithm>
#include <utility>

#include "dissectors/tls/tls_upgrade.h"

namespace tsujiban::tls {

using dissect::MessageContext;
using dissect::Probe;
using dissect::Progress;
using dissect::RecordSink;
using dissect::Transport;

namespace {

constexpr std::uint32_t row_message_bytes_max = record_header_length + record_body_max;

// A ClientHello in SSL 2's form: two octets of length, type, version, three lengths that fill it.
Probe probe_ssl2(Bytes first) noexcept {
  if (first.size() < 3) return Probe::unsure;
  if (first[2] != ssl2::client_hello) return Probe::not_mine;
  if (first.size() < ssl2::header_length + ssl2::client_hello_fixed) return Probe::unsure;
  const std::uint32_t length = load_be16(first, 0) & 0x7FFFu;
  const std::uint16_t v = load_be16(first, 3);
  const std::uint32_t specs = load_be16(first, 5), session_id = load_be16(first, 7), challenge = load_be16(first, 9);
  const bool well = (v == version::ssl2 || (v >= version::ssl3 && v <= version::tls13)) && specs > 0 &&
                    specs % ssl2::spec_length == 0 && session_id <= 32 && challenge >= 16 && challenge <= 32 &&
                    length <= ssl2_hello_max && ssl2::client_hello_fixed + specs + session_id + challenge == length;
  return well ? Probe::mine : Probe::not_mine;
}

bool believable_message(Bytes fragment) noexcept {
  return fragment.size() >= message_header_length && fragment[0] <= handshake::key_update &&
         load_be24(fragment, 1) < message_bytes_max;
}

}  // namespace

Probe probe(Transport transport, bool port_hint, Bytes first) noexcept {
  if (transport == Transport::datagram || first.empty()) return Probe::not_mine;
  if ((first[0] & 0x80) != 0) return probe_ssl2(first);
  if (first[0] < content::change_cipher_spec || first[0] > content::heartbeat)
    return may_upgrade(first) ? Probe::later : Probe::not_mine;
  if (first.size() >= 2 && first[1] != 3) return Probe::not_mine;
  if (first.size() < record_header_length) return Probe::unsure;
  if (!is_record_header(first.data())) return Probe::not_mine;
  if (first[0] != content::handshake) {
    // A connection met in its middle: the port, or a second record behind the first, must say so too.
    if (port_hint) return Probe::mine;
    const std::size_t whole = record_header_length + load_be16(first, 3);
    const bool second = first.size() >= whole + record_header_length && is_record_header(first.data() + whole) &&
                        load_be16(first, whole + 1) == load_be16(first, 1);
    return second ? Probe::mine : Probe::not_mine;
  }
  const Bytes fragment = first.subspan(record_header_length);
  if (fragment.empty()) return Probe::unsure;
  if (port_hint) return fragment[0] <= handshake::key_update ? Probe::mine : Probe::not_mine;
  if (fragment[0] != handshake::client_hello && fragment[0] != handshake::server_hello) return Probe::not_mine;
  // The hello's own length and version, where this record has them.
  if (load_be16(first, 3) < message_header_length + 2) return Probe::mine;
  if (fragment.size() < message_header_length + 2) return Probe::unsure;
  const std::uint8_t major = fragment[message_header_length];
  return fragment[1] <= 1 && (major == 3 || major == 0x7F) ? Probe::mine : Probe::not_mine;
}

void TlsDissector::datagram(const MessageContext&, Bytes, RecordSink&) noexcept {}

Progress TlsDissector::feed(void* state, const MessageContext& context, Bytes stream, RecordSink& sink) noexcept {
  StreamState& stream_state = *static_cast<StreamState*>(state);
  const Turn turn{stream_state, stream_state.sides[static_cast<unsigned>(context.direction)], context, sink};
  if (stream_state.dead) return {Progress::Kind::give_up};
  if (stream_state.faults == faults_max) {
    // No implementation goes on with that: somebody plays.
    tell(turn);
    stream_state.dead = true;
    return {Progress::Kind::give_up};
  }
  if (turn.side.body_left > 0) {
    const auto length = static_cast<std::uint32_t>(std::min<std::size_t>(turn.side.body_left, stream.size()));
    turn.side.body_left -= length;
    return {Progress::Kind::consumed, length};
  }
  if (stream.size() < record_header_length) return {Progress::Kind::need_more, record_header_length};
  if (turn.side.unsynchronised) return resynchronise(turn, stream);
  if (stream_state.alerted) return after_alert(turn, stream);
  if (ssl2_begins(turn, stream)) return ssl2_record(turn, stream);
  return record(turn, stream);
}

Progress TlsDissector::record(const Turn& turn, Bytes stream) noexcept {
  StreamState& state = turn.state;
  StreamSide& side = turn.side;
  if (!is_record_header(stream.data())) return bad_record(turn, stream);
  if (!side.begun) {
    side.begun = true;
    if (state.session != 0 && !from_client(turn)) sessions_[state.session].server_record_version = load_be16(stream, 1);
  }
  const std::uint32_t length = load_be16(stream, 3), whole = record_header_length + length;
  const std::uint8_t type = stream[0];
  // Behind a HelloRetryRequest a second ClientHello comes in the clear, whatever went before (RFC 8446, 4.1.2, D.4).
  const bool hello_again = type == content::handshake && state.retry && state.version == 0 && from_client(turn);
  if (type == content::application_data || (side.encrypted && !hello_again)) {
    if (type == content::application_data) side.encrypted = true;
    return encrypted_record(turn, whole, stream.size());
  }
  // Only the first octets of these two count.
  if (type == content::heartbeat) {
    const std::uint32_t needed = record_header_length + std::min(length, heartbeat_header_length);
    if (stream.size() < needed) return {Progress::Kind::need_more, needed};
    heartbeat(turn, stream.subspan(record_header_length, needed - record_header_length), length);
    return pass_over(turn, whole, stream.size());
  }
  if (type == content::alert && length != alert_length && !state.client_known) {
    // No hello was seen: the connection was met in its middle, and this is encrypted.
    side.encrypted = true;
    return encrypted_record(turn, whole, stream.size());
  }
  if ((type == content::alert && length != alert_length) || (type == content::change_cipher_spec && length != 1)) {
    broken(turn, ParseError::tls_bad_record, 3);
    if (type == content::change_cipher_spec) drop_message(side);
    return pass_over(turn, whole, stream.size());
  }
  if (stream.size() < whole) return {Progress::Kind::need_more, whole};
  const Bytes body = stream.subspan(record_header_length, length);
  if (type == content::handshake)
    handshake_bytes(turn, body);
  else if (type == content::alert)
    alert(turn, body);
  else
    change_cipher_spec(turn, body);
  return settled_or(turn, {Progress::Kind::consumed, whole});
}

Progress TlsDissector::settled_or(const Turn& turn, Progress progress) noexcept {
  StreamState& state = turn.state;
  if (!state.sides[0].encrypted || !state.sides[1].encrypted) return progress;
  if (state.session != 0) sessions_[state.session].established = true;
  tell(turn);
  drop_message(state.sides[0]);
  drop_message(state.sides[1]);
  return {Progress::Kind::done};
}

Progress TlsDissector::pass_over(const Turn& turn, std::uint32_t whole, std::size_t size) noexcept {
  const auto here = static_cast<std::uint32_t>(std::min<std::size_t>(whole, size));
  turn.side.body_left = whole - here;
  return {Progress::Kind::consumed, here};
}

Progress TlsDissector::encrypted_record(const Turn& turn, std::uint32_t whole, std::size_t size) noexcept {
  StreamState& state = turn.state;
  const StreamSide& other = state.sides[&turn.side == &state.sides[0] ? 1 : 0];
  turn.side.passed += whole;
  if (!other.begun && turn.side.passed > one_sided_bytes_max) {
    if (state.session != 0) sessions_[state.session].established = true;
    tell(turn);
    drop_message(turn.side);
    return {Progress::Kind::done};
  }
  return settled_or(turn, pass_over(turn, whole, size));
}

Progress TlsDissector::after_alert(const Turn& turn, Bytes stream) noexcept {
  const bool speaks_on = (turn.context.direction == Direction::to_initiator) == turn.state.alert_from_responder;
  const bool header = is_record_header(stream.data());
  // What the other side sent before it read the alert is no fault; nor is one alert behind another.
  if (header && (!speaks_on || stream[0] == content::alert))
    return pass_over(turn, record_header_length + load_be16(stream, 3), stream.size());
  turn.state.dead = true;
  counters_.messages_malformed[static_cast<std::size_t>(AppProtocol::tls)].add();
  return {Progress::Kind::malformed, static_cast<std::uint32_t>(stream.size()), ParseError::tls_data_after_alert, 0};
}

Progress TlsDissector::bad_record(const Turn& turn, Bytes stream) noexcept {
  counters_.messages_malformed[static_cast<std::size_t>(AppProtocol::tls)].add();
  drop_message(turn.side);
  if (!turn.side.begun) {
    // Whoever answers in something else than TLS does not speak it.
    tell(turn);
    turn.state.dead = true;
    return {Progress::Kind::malformed, static_cast<std::uint32_t>(stream.size()), ParseError::tls_bad_record, 0};
  }
  turn.side.unsynchronised = true;
  turn.side.told = false;
  turn.side.lost = true;
  turn.side.passed = 0;
  return resynchronise(turn, stream);
}

Progress TlsDissector::resynchronise(const Turn& turn, Bytes stream) noexcept {
  StreamSide& side = turn.side;
  const auto size = static_cast<std::uint32_t>(stream.size());
  std::uint32_t at = 0;
  while (at + record_header_length <= size && !is_record_header(stream.data() + at)) ++at;
  const bool found = at + record_header_length <= size;
  if (side.passed + at > unsynchronised_bytes_max) {
    at = unsynchronised_bytes_max - side.passed;
    if (at == 0) {
      tell(turn);
      turn.state.dead = true;
      return {Progress::Kind::give_up};
    }
  }
  side.passed += at;
  if (at > 0) {
    // One report for a run of bytes, in however many pieces it comes.
    if (side.told) return {Progress::Kind::consumed, at};
    side.told = true;
    return {Progress::Kind::malformed, at, ParseError::tls_unsynchronised, 0};
  }
  if (!found) return {Progress::Kind::need_more, record_header_length};
  side.unsynchronised = false;
  side.told = false;
  side.passed = 0;
  return record(turn, stream);
}

void TlsDissector::change_cipher_spec(const Turn& turn, Bytes body) noexcept {
  StreamState& state = turn.state;
  count(message_type::change_cipher_spec);
  if (body[0] != 1) return broken(turn, ParseError::tls_bad_record, record_header_length);
  // RFC 8446, 5.1: no message is under way when another kind of record comes.
  if (turn.side.buffer != 0 || turn.side.message_left > 0) broken(turn, ParseError::tls_bad_handshake, 0);
  drop_message(turn.side);
  // A server that asked for another ClientHello sends one that means nothing (RFC 8446, D.4).
  if (state.retry && state.version == 0 && !from_client(turn)) return;
  turn.side.encrypted = true;
  turn.side.passed = 0;
}

void TlsDissector::alert(const Turn& turn, Bytes body) noexcept {
  count(message_type::alert);
  if (body[0] != alert_warning && body[0] != alert_fatal)
    return broken(turn, ParseError::bad_value, record_header_length);
  if (Session* const session = turn.state.session != 0 ? &sessions_[turn.state.session] : nullptr; session != nullptr)
    session->alerts.push({body[0], body[1], from_client(turn)});
  if (body[0] != alert_fatal) return;
  turn.state.alerted = true;
  turn.state.alert_from_responder = turn.context.direction == Direction::to_initiator;
  tell(turn);
}

void TlsDissector::heartbeat(const Turn& turn, Bytes header, std::uint32_t length) noexcept {
  count(message_type::heartbeat);
  Session* const session = turn.state.session != 0 ? &sessions_[turn.state.session] : nullptr;
  if (session != nullptr) ++session->heartbeats;
  if (header.size() < heartbeat_header_length) return broken(turn, ParseError::tls_bad_record, 3);
  // RFC 6520, 4: a message whose payload is longer than it is must be thrown away.
  if (std::uint32_t{load_be16(header, 1)} + heartbeat_header_length <= length) return;
  if (session != nullptr) session->heartbeat_overread = true;
  broken(turn, ParseError::tls_heartbeat_overread, record_header_length + 1);
}

void TlsDissector::drop_message(StreamSide& side) noexcept {
  if (side.buffer != 0) messages_.release(side.buffer);
  side.buffer = 0;
  side.buffered = 0;
  side.message_left = 0;
}

// The handshake's bytes are a stream of their own: a record may hold several messages, and a message may need several
// records (RFC 5246, 6.2.1).
void TlsDissector::handshake_bytes(const Turn& turn, Bytes fragment) noexcept {
  StreamSide& side = turn.side;
  const bool at_start = side.buffer == 0 && side.message_left == 0;
  // Without a hello the connection was met in its middle: what looks like a message may be encrypted.
  if (at_start && !turn.state.client_known && fragment[0] != handshake::client_hello &&
      fragment[0] != handshake::server_hello)
    side.lost = true;
  if (side.lost && at_start) {
    if (!believable_message(fragment)) return;
    side.lost = false;
  }
  while (!fragment.empty()) {
    if (side.message_left > 0) {
      const std::size_t length = std::min<std::size_t>(side.message_left, fragment.size());
      side.message_left -= static_cast<std::uint32_t>(length);
      fragment = fragment.subspan(length);
      continue;
    }
    const auto size = static_cast<std::uint32_t>(fragment.size());
    if (side.buffer == 0) {
      const std::uint32_t whole = size >= message_header_length ? message_header_length + load_be24(fragment, 1) : 0;
      if (whole > message_bytes_max) {
        broken(turn, ParseError::tls_message_too_large, 1);
        side.message_left = whole;
        continue;
      }
      if (whole != 0 && whole <= size) {
        message(turn, fragment.first(whole));
        fragment = fragment.subspan(whole);
        // Nothing in the clear follows: the record's rest cannot be read.
        if (side.encrypted || turn.state.told) return;
        continue;
      }
      side.buffer = messages_.allocate();
      if (side.buffer == 0) {
        counters_.evicted(metrics::EvictionReason::dissector_state);
        if (whole == 0)
          side.lost = true;
        else
          side.message_left = whole - size;
        return;
      }
      std::memcpy(messages_[side.buffer].bytes.data(), fragment.data(), size);
      side.buffered = size;
      return;
    }
    std::uint8_t* const bytes = messages_[side.buffer].bytes.data();
    std::uint32_t wanted = message_header_length;
    if (side.buffered >= message_header_length) wanted += load_be24(bytes + 1);
    if (wanted > message_bytes_max) {
      broken(turn, ParseError::tls_message_too_large, 1);
      const std::uint32_t left = wanted - side.buffered;
      drop_message(side);
      side.message_left = left;
      continue;
    }
    const std::uint32_t length = std::min(wanted - side.buffered, size);
    std::memcpy(bytes + side.buffered, fragment.data(), length);
    side.buffered += length;
    fragment = fragment.subspan(length);
    if (side.buffered < message_header_length || side.buffered < message_header_length + load_be24(bytes + 1)) continue;
    // The message may itself end the session's interest; its bytes stay until it is read.
    const std::uint32_t buffer = std::exchange(side.buffer, 0u);
    const Bytes whole{bytes, std::exchange(side.buffered, 0u)};
    message(turn, whole);
    messages_.release(buffer);
    if (side.encrypted || turn.state.told) return;
  }
}

bool TlsDissector::ssl2_begins(const Turn& turn, Bytes stream) const noexcept {
  if (turn.state.ssl2) return true;
  if (turn.side.begun || (stream[0] & 0x80) == 0) return false;
  const std::uint16_t v = load_be16(stream, 3);
  if (stream[2] == ssl2::client_hello)
    return (v == version::ssl2 || (v >= version::ssl3 && v <= version::tls13)) &&
           (load_be16(stream, 0) & 0x7FFFu) >= ssl2::client_hello_fixed &&
           (load_be16(stream, 0) & 0x7FFFu) <= ssl2_hello_max;
  return turn.state.ssl2_hello && stream[2] == ssl2::server_hello &&
         (load_be16(stream, 0) & 0x7FFFu) >= ssl2::server_hello_fixed &&
         (load_be16(stream, 0) & 0x7FFFu) + ssl2::header_length <= row_message_bytes_max;
}

Progress TlsDissector::ssl2_record(const Turn& turn, Bytes stream) noexcept {
  StreamSide& side = turn.side;
  // The third octet of the header is there where the first bit is not set: the body is padded, so it is encrypted.
  const bool plain = (stream[0] & 0x80) != 0;
  const std::uint32_t whole =
      plain ? ssl2::header_length + (load_be16(stream, 0) & 0x7FFFu) : 3 + (load_be16(stream, 0) & 0x3FFFu);
  const bool key = turn.state.ssl2 && from_client(turn) && plain && stream[2] == ssl2::client_master_key;
  const bool hello = !side.begun;
  side.begun = true;
  if (!hello && (!key || side.encrypted || whole > row_message_bytes_max)) {
    side.encrypted = true;
    return encrypted_record(turn, whole, stream.size());
  }
  if (stream.size() < whole) {
    side.begun = !hello;
    return {Progress::Kind::need_more, whole};
  }
  const Bytes body = stream.subspan(ssl2::header_length, whole - ssl2::header_length);
  if (key)
    ssl2_client_master_key(turn, body);
  else if (body[0] == ssl2::client_hello)
    ssl2_client_hello(turn, body);
  else
    ssl2_server_hello(turn, body);
  return settled_or(turn, {Progress::Kind::consumed, whole});
}

void TlsDissector::gap(void* state, const MessageContext& context, std::uint32_t missing, RecordSink& sink) noexcept {
  StreamState& stream_state = *static_cast<StreamState*>(state);
  StreamSide& side = stream_state.sides[static_cast<unsigned>(context.direction)];
  // Within a record that is passed over anyway nothing is lost.
  if (missing <= side.body_left) {
    side.body_left -= missing;
    return;
  }
  drop_message(side);
  if (stream_state.ssl2) {
    // Two octets of length are no place to start again from.
    tell({stream_state, side, context, sink});
    stream_state.dead = true;
    return;
  }
  side.body_left = 0;
  side.begun = true;
  side.unsynchronised = true;
  side.told = true;  // The gap itself is told; the rest of the record that it hit is no fault of the sender.
  side.lost = true;
  side.passed = 0;
}

void TlsDissector::finish(void* state, const MessageContext& context, Bytes left, RecordSink& sink) noexcept {
  StreamState& stream_state = *static_cast<StreamState*>(state);
  StreamSide& side = stream_state.sides[static_cast<unsigned>(context.direction)];
  const StreamSide& other = stream_state.sides[context.direction == Direction::to_responder ? 1 : 0];
  const Turn turn{stream_state, side, context, sink};
  const bool settled = stream_state.told || stream_state.dead || (side.encrypted && other.encrypted);
  // Its length promised more.
  const bool cut = !left.empty() || side.buffer != 0 || side.message_left > 0;
  if (cut && !settled && !side.unsynchronised && !side.encrypted) broken(turn, ParseError::truncated, left.size());
  drop_message(side);
  side.ended = true;
  // The other side's end comes too where it has begun.
  if (other.ended || !other.begun) tell(turn);
}

void TlsDissector::close(void* state) noexcept {
  StreamState& stream_state = *static_cast<StreamState*>(state);
  drop_message(stream_state.sides[0]);
  drop_message(stream_state.sides[1]);
  if (stream_state.session != 0) sessions_.release(stream_state.session);
  stream_state.session = 0;
}

std::string_view message_type_name(std::uint8_t type) noexcept {
  static constexpr std::array<std::string_view, 25> handshakes = {"hello_request",
                                                                  "client_hello",
                                                                  "server_hello",
                                                                  "hello_verify_request",
                                                                  "new_session_ticket",
                                                                  "end_of_early_data",
                                                                  "hello_retry_request",
                                                                  "",
                                                                  "encrypted_extensions",
                                                                  "",
                                                                  "",
                                                                  "certificate",
                                                                  "server_key_exchange",
                                                                  "certificate_request",
                                                                  "server_hello_done",
                                                                  "certificate_verify",
                                                                  "client_key_exchange",
                                                                  "",
                                                                  "",
                                                                  "",
                                                                  "finished",
                                                                  "certificate_url",
                                                                  "certificate_status",
                                                                  "supplemental_data",
                                                                  "key_update"};
  static constexpr std::array<std::string_view, 6> others = {
      "change_cipher_spec", "alert", "heartbeat", "ssl2_client_hello", "ssl2_server_hello", "ssl2_client_master_key"};
  if (type < handshakes.size()) return handshakes[type];
  const std::size_t other = type - std::size_t{message_type::change_cipher_spec};
  return type >= message_type::change_cipher_spec && other < others.size() ? others[other] : std::string_view{};
}

namespace {

constexpr std::array<std::uint16_t, 5> ports = {443, 8443, 853, 8883, 802};

std::unique_ptr<dissect::Dissector> make(const dissect::Limits& limits, metrics::WorkerCounters& counters,
                                         HashSeed seed) {
  return std::make_unique<TlsDissector>(limits, counters, seed);
}

}  // namespace

static_assert(sizeof(StreamState) <= 64);

constinit const dissect::DissectorRow registry_row = {AppProtocol::tls,      false,  true,  ports, sizeof(StreamState),
                                                      row_message_bytes_max, &probe, &make, true};

}  // namespace tsujiban::tls
