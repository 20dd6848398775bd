// The messages of a handshake: what each says goes into the session, which is told at its end.
#include <algorithm>
#include <utility>

#include "dissect/message_fact.h"
#include "dissectors/tls/tls_dissector.h"
#include "dissectors/tls/tls_facts.h"
#include "dissectors/tls/tls_json.h"

namespace tsujiban::tls {

using dissect::MessageContext;

namespace {

constexpr auto self = static_cast<std::size_t>(AppProtocol::tls);

Bytes bytes_of(std::string_view text) noexcept {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

std::uint16_t highest_version(const ClientHello& hello) noexcept {
  std::uint16_t highest = 0;
  for (std::size_t i = 0; i + 1 < hello.versions.size(); i += 2) {
    const std::uint16_t v = load_be16(hello.versions, i);
    if (!is_grease(v)) highest = std::max<std::uint16_t>(highest, is_tls13(v) ? version::tls13 : v);
  }
  return highest != 0 ? highest : hello.legacy_version;
}

}  // namespace

void TlsDissector::count(std::uint8_t type) noexcept { counters_.messages[self][type].add(); }

void TlsDissector::broken(const Turn& turn, ParseError error, std::size_t offset) noexcept {
  counters_.messages_malformed[self].add();
  if (turn.state.faults == faults_max) return;
  ++turn.state.faults;
  turn.sink.anomaly(turn.context, Layer::application, error, static_cast<std::uint32_t>(offset));
}

bool TlsDissector::from_client(const Turn& turn) const noexcept {
  const bool initiator_is_client = !turn.state.client_known || turn.state.client_is_initiator;
  return (turn.context.direction == Direction::to_responder) == initiator_is_client;
}

Session* TlsDissector::session_of(const Turn& turn) noexcept {
  StreamState& state = turn.state;
  if (state.told || (!turn.sink.wants(EventType::tls) && !turn.sink.wants(FactKind::secure_session))) return nullptr;
  if (state.session == 0) {
    state.session = sessions_.allocate();
    if (state.session == 0) {
      counters_.evicted(metrics::EvictionReason::dissector_state);
      return nullptr;
    }
    sessions_[state.session].began = turn.context.time;
  }
  return &sessions_[state.session];
}

void TlsDissector::message(const Turn& turn, Bytes whole) noexcept {
  const std::uint8_t type = whole[0];
  const Bytes body = whole.subspan(message_header_length);
  if (type > handshake::key_update || message_type_name(type).empty())
    return broken(turn, ParseError::tls_unexpected_message, 0);
  count(type);
  switch (type) {
    case handshake::client_hello:
      return client_hello(turn, body);
    case handshake::server_hello:
      return server_hello(turn, body);
    case handshake::certificate:
      return certificate(turn, body);
    case handshake::certificate_request:
      if (from_client(turn)) return broken(turn, ParseError::tls_unexpected_message, 0);
      if (Session* const session = session_of(turn); session != nullptr) session->certificate_requested = true;
      return;
    case handshake::certificate_verify:
      if (!from_client(turn)) return broken(turn, ParseError::tls_unexpected_message, 0);
      if (Session* const session = session_of(turn); session != nullptr) session->certificate_proved = true;
      return;
    case handshake::server_hello_done:
    case handshake::client_key_exchange:
      if (Session* const session = session_of(turn); session != nullptr) session->exchanged_keys = true;
      return;
    case handshake::certificate_status:
      if (Session* const session = session_of(turn); session != nullptr) session->stapled = true;
      return;
    case handshake::encrypted_extensions:
    case handshake::finished:
    case handshake::end_of_early_data:
    case handshake::key_update:
      // These are never in the clear.
      return broken(turn, ParseError::tls_unexpected_message, 0);
    default:
      return;
  }
}

void TlsDissector::fingerprint(Session& session, const ClientHello& hello) noexcept {
  const std::string_view text = fingerprinter_.ja3_text(hello);
  session.has_ja3 = !text.empty();
  if (session.has_ja3) {
    session.ja3 = md5(bytes_of(text));
    if (text.size() <= ja3_text_max) session.ja3_text.put(text);
  }
  session.has_ja4 = fingerprinter_.ja4(hello, session.ja4);
}

void TlsDissector::tell_call(const Turn& turn, std::string_view server_name) noexcept {
  std::array<char, server_name_max> lower;
  if (server_name.ends_with('.')) server_name.remove_suffix(1);
  if (server_name.size() > lower.size()) server_name = {};
  std::transform(server_name.begin(), server_name.end(), lower.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c; });
  turn.sink.calls(turn.context, {lower.data(), server_name.size()});
}

void TlsDissector::client_hello(const Turn& turn, Bytes body) noexcept {
  StreamState& state = turn.state;
  const bool initiator = turn.context.direction == Direction::to_responder;
  if (state.client_known && state.client_is_initiator != initiator)
    return broken(turn, ParseError::tls_unexpected_message, 0);
  const ClientHello hello = read_client_hello(body);
  if (hello.error != ParseError::none) broken(turn, hello.error, message_header_length + hello.error_offset);
  const bool again = state.client_known;
  state.client_known = true;
  state.client_is_initiator = initiator;
  turn.side.encrypted = false;
  if (again && !state.retry && !state.ssl2_hello) broken(turn, ParseError::tls_unexpected_message, 0);
  if (turn.sink.hears_calls()) tell_call(turn, text_of(hello.server_name));
  Session* const session = session_of(turn);
  if (session == nullptr || session->client_hello) return;
  session->client_hello = true;
  session->offered_version = highest_version(hello);
  session->encrypted_hello = hello.has_encrypted_hello;
  session->early_data = hello.has_early_data;
  session->offers_ticket = hello.has_ticket;
  session->session_id_size = static_cast<std::uint8_t>(std::min(hello.session_id.size(), session_id_max));
  std::copy_n(hello.session_id.begin(), session->session_id_size, session->session_id.begin());
  session->server_name.put(text_of(hello.server_name));
  session->protocols.put(text_of(hello.protocols));
  fingerprint(*session, hello);
}

void TlsDissector::server_hello(const Turn& turn, Bytes body) noexcept {
  StreamState& state = turn.state;
  // Where the client's side was not seen, the server's hello tells who is who.
  if (!state.client_known) {
    state.client_known = true;
    state.client_is_initiator = turn.context.direction == Direction::to_initiator;
  }
  if (from_client(turn)) return broken(turn, ParseError::tls_unexpected_message, 0);
  const ServerHello hello = read_server_hello(body);
  if (hello.error != ParseError::none) broken(turn, hello.error, message_header_length + hello.error_offset);
  if (!hello.complete) return;
  if (state.version != 0 || (hello.retry && state.retry)) broken(turn, ParseError::tls_unexpected_message, 0);
  if (hello.retry) {
    state.retry = true;
  } else {
    state.version = hello.version();
    if (is_tls13(state.version)) turn.side.encrypted = true;
  }
  Session* const session = session_of(turn);
  if (session == nullptr || session->server_hello) return;
  session->retry = session->retry || hello.retry;
  if (hello.retry) return;
  session->server_hello = true;
  session->version = hello.version();
  // Drafts 1 to 15 of TLS 1.3 said 0x0304 here; Suricata's name for them needs a value of its own.
  session->draft = hello.selected_version == 0 && hello.legacy_version == version::tls13;
  session->suite = hello.suite;
  session->compression = hello.compression;
  session->downgrade_sentinel = hello.downgraded;
  session->chose_pre_shared_key = hello.has_pre_shared_key;
  session->echoed_session_id =
      session->session_id_size > 0 && hello.session_id.size() == session->session_id_size &&
      std::equal(hello.session_id.begin(), hello.session_id.end(), session->session_id.begin());
  session->protocol.put(text_of(hello.protocol));
  const std::string_view text = fingerprinter_.ja3s_text(hello);
  session->has_ja3s = !text.empty();
  if (session->has_ja3s) {
    session->ja3s = md5(bytes_of(text));
    if (text.size() <= ja3s_text_max) session->ja3s_text.put(text);
  }
}

void TlsDissector::leaf(const Turn& turn, Bytes der, std::uint32_t offset, SeenChain& chain) noexcept {
  if (!certificates_.read(der, chain).read) broken(turn, ParseError::tls_bad_certificate, offset);
}

// RFC 5246, 7.4.2: a list of certificates, the sender's own first.
void TlsDissector::certificate(const Turn& turn, Bytes body) noexcept {
  Cursor cursor(body);
  Cursor list(cursor.vector24());
  if (!cursor.ok() || cursor.left() > 0) broken(turn, ParseError::tls_bad_handshake, message_header_length);
  Session* const session = session_of(turn);
  SeenChain unwanted;
  SeenChain& chain = session == nullptr ? unwanted : from_client(turn) ? session->client : session->server;
  const bool first_time = !std::exchange(chain.sent, true);
  for (unsigned count = 0; list.left() > 0; ++count) {
    const std::size_t offset = list.offset();
    const Bytes der = list.vector24();
    if (!list.ok() || der.empty() || count == chain_certificates_max) {
      broken(turn, ParseError::tls_bad_handshake, message_header_length + 3 + offset);
      return;
    }
    if (session == nullptr || !first_time) continue;
    // Only the first is read: it is whose key is used.
    if (count == 0) leaf(turn, der, static_cast<std::uint32_t>(message_header_length + 3 + offset + 3), chain);
    ++chain.length;
  }
}

void TlsDissector::ssl2_client_hello(const Turn& turn, Bytes body) noexcept {
  StreamState& state = turn.state;
  count(message_type::ssl2_client_hello);
  Cursor cursor(body);
  cursor.u8();
  const std::uint16_t offered = cursor.u16();
  const std::size_t specs = cursor.u16(), session_id = cursor.u16(), challenge = cursor.u16();
  if (specs % ssl2::spec_length != 0 || ssl2::client_hello_fixed + specs + session_id + challenge != body.size())
    broken(turn, ParseError::tls_bad_handshake, 3);
  state.client_known = true;
  state.client_is_initiator = turn.context.direction == Direction::to_responder;
  state.ssl2_hello = true;
  Session* const session = session_of(turn);
  if (session == nullptr) return;
  session->client_hello = true;
  session->offered_version = offered;
}

void TlsDissector::ssl2_server_hello(const Turn& turn, Bytes body) noexcept {
  count(message_type::ssl2_server_hello);
  Cursor cursor(body);
  cursor.u8();
  const bool hit = cursor.u8() != 0;
  cursor.u8();
  const std::uint16_t chosen = cursor.u16();
  const std::size_t certificate_length = cursor.u16();
  cursor.u16();
  cursor.u16();
  const std::uint32_t offset = static_cast<std::uint32_t>(cursor.offset());
  const Bytes der = cursor.take(certificate_length);
  if (!cursor.ok()) broken(turn, ParseError::tls_bad_handshake, 5);
  turn.state.ssl2 = true;
  turn.state.version = version::ssl2;
  turn.side.encrypted = true;
  Session* const session = session_of(turn);
  if (session == nullptr) return;
  session->server_hello = true;
  session->version = version::ssl2;
  session->echoed_session_id = hit;
  if (chosen != version::ssl2) broken(turn, ParseError::bad_version, 3);
  if (der.empty()) return;
  session->server.sent = true;
  session->server.length = 1;
  leaf(turn, der, offset, session->server);
}

void TlsDissector::ssl2_client_master_key(const Turn& turn, Bytes body) noexcept {
  count(message_type::ssl2_client_master_key);
  Cursor cursor(body);
  cursor.u8();
  const std::uint32_t suite = cursor.u24();
  turn.side.encrypted = true;
  if (!cursor.ok() || body.size() < ssl2::client_master_key_fixed)
    return broken(turn, ParseError::tls_bad_handshake, 0);
  if (Session* const session = session_of(turn); session != nullptr) session->suite = suite;
}

void TlsDissector::tell(const Turn& turn) noexcept {
  StreamState& state = turn.state;
  const bool before = state.told;
  state.told = true;
  if (before || state.session == 0) return;
  const std::uint32_t index = std::exchange(state.session, 0u);
  const Session& session = sessions_[index];
  const Certificate* const server = certificates_.find(session.server);
  const Certificate* const client = certificates_.find(session.client);
  // The client is the source of the record and of the fact, whoever spoke last.
  const bool turned = !from_client(turn);
  MessageContext of_record = turn.context;
  if (turned) {
    std::swap(of_record.source, of_record.destination);
    std::swap(of_record.source_port, of_record.destination_port);
  }
  if (turn.sink.wants(FactKind::secure_session)) {
    Fact fact = dissect::fact_of(FactKind::secure_session, AppProtocol::tls, of_record);
    if (turned && turn.context.packet != nullptr && turn.context.packet->ethernet != nullptr)
      fact.source_mac = MacAddress::load(turn.context.packet->ethernet);
    fact.secure_session = secure_session_of(session, server);
    turn.sink.fact(fact);
  }
  if (JsonWriter* const writer = turn.sink.begin(EventType::tls, of_record); writer != nullptr) {
    writer->key("tls");
    writer->begin_object();
    const IpAddress& address = of_record.destination;
    write_session(*writer, session, server, client, turn.context.time, turn.sink.mask(),
                  address.is_private() || address.is_link_local());
    writer->end_object();
    turn.sink.end();
  }
  sessions_.release(index);
}

}  // namespace tsujiban::tls
