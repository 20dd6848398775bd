#include "dissectors/ssh/ssh_dissector.h"

#include <cstring>
#include <utility>

namespace tsujiban::ssh {

using dissect::MessageContext;
using dissect::Probe;
using dissect::Progress;
using dissect::RecordSink;
using dissect::Transport;

namespace {

constexpr auto self = static_cast<std::size_t>(AppProtocol::ssh);
constexpr std::uint8_t type_identification = 0;
// The largest thing that is waited for: a packet.
constexpr std::uint32_t message_bytes_max = packet_bytes_max + 1;

std::string_view text_of(Bytes bytes) noexcept { return {reinterpret_cast<const char*>(bytes.data()), bytes.size()}; }

bool begins_identification(Bytes bytes) noexcept {
  const std::size_t size = std::min(bytes.size(), identification_mark.size());
  return text_of(bytes.first(size)) == identification_mark.substr(0, size);
}

Progress consumed(std::size_t bytes) noexcept {
  return {Progress::Kind::consumed, static_cast<std::uint32_t>(bytes), ParseError::none, 0};
}
Progress need_more(std::size_t bytes) noexcept {
  return {Progress::Kind::need_more, static_cast<std::uint32_t>(bytes), ParseError::none, 0};
}

std::uint8_t counted_as(std::uint8_t number) noexcept {
  return number >= message::key_exchange_first && number <= message::key_exchange_last ? message::key_exchange_first
                                                                                       : number;
}

}  // namespace

Probe probe(Transport transport, bool port_hint, Bytes first) noexcept {
  if (transport != Transport::stream || first.empty()) return Probe::not_mine;
  if (begins_identification(first)) {
    if (first.size() <= identification_mark.size()) return Probe::unsure;
    return first[4] == '1' || first[4] == '2' ? Probe::mine : Probe::not_mine;
  }
  // A server's lines before its identification are any text; the client's side will say what it is.
  if (!port_hint) return Probe::not_mine;
  const bool text = std::all_of(first.begin(), first.end(),
                                [](std::uint8_t b) { return b >= 0x20 || b == '\r' || b == '\n' || b == '\t'; });
  if (!text) return Probe::not_mine;
  return text_of(first).find("\nSSH-2.0-") != std::string_view::npos ? Probe::mine : Probe::unsure;
}

std::string_view message_type_name(std::uint8_t type) noexcept {
  switch (type) {
    case type_identification:
      return "identification";
    case message::disconnect:
      return "disconnect";
    case message::ignore:
      return "ignore";
    case message::unimplemented:
      return "unimplemented";
    case message::debug:
      return "debug";
    case message::service_request:
      return "service_request";
    case message::service_accept:
      return "service_accept";
    case message::ext_info:
      return "ext_info";
    case message::kexinit:
      return "kexinit";
    case message::newkeys:
      return "newkeys";
    case message::key_exchange_first:
      return "key_exchange";
    default:
      return {};
  }
}

SshDissector::Turn SshDissector::turn_of(void* state, const MessageContext& context, RecordSink& sink) noexcept {
  StreamState& stream = *static_cast<StreamState*>(state);
  if (!stream.roles_known) {
    // Who serves is told by the port, else by who opened the connection.
    const bool to_port = context.destination_port == port_ssh, from_port = context.source_port == port_ssh;
    const bool to_responder = context.direction == Direction::to_responder;
    stream.roles_known = true;
    stream.client_is_responder = to_port != from_port && to_port != to_responder;
  }
  const bool from_responder = context.direction == Direction::to_initiator;
  const Role role = from_responder == stream.client_is_responder ? client : server;
  return {stream, stream.sides[static_cast<unsigned>(context.direction)], context, sink, role};
}

Progress SshDissector::feed(void* state, const MessageContext& context, Bytes stream, RecordSink& sink) noexcept {
  Turn turn = turn_of(state, context, sink);
  StreamSide& side = turn.side;
  side.spoke = true;
  if (is_over(turn.stream)) return {Progress::Kind::done, 0, ParseError::none, 0};
  if (side.rest > 0) {
    const auto skipped = static_cast<std::uint32_t>(std::min<std::size_t>(side.rest, stream.size()));
    side.rest -= skipped;
    return consumed(skipped);
  }
  Progress progress = consumed(stream.size());
  if (side.phase == Phase::identification)
    progress = identification(turn, stream);
  else if (side.phase == Phase::packets)
    progress = packet(turn, stream);
  if (is_over(turn.stream)) {
    record(turn);
    // What was wrong is told first; the end is said with the next bytes.
    if (progress.kind != Progress::Kind::malformed) return {Progress::Kind::done, 0, ParseError::none, 0};
  }
  return progress;
}

bool SshDissector::is_over(const StreamState& stream) const noexcept {
  return stream.sides[0].phase >= Phase::encrypted && stream.sides[1].phase >= Phase::encrypted;
}

// The place is lost: an encrypted or foreign stream has nothing by which to find it again.
Progress SshDissector::broken(Turn& turn, ParseError error, std::uint32_t offset, Bytes stream) noexcept {
  counters_.messages_malformed[self].add();
  turn.side.phase = Phase::lost;
  return {Progress::Kind::malformed, static_cast<std::uint32_t>(stream.size()), error, offset};
}

Progress SshDissector::identification(Turn& turn, Bytes stream) noexcept {
  StreamSide& side = turn.side;
  const bool is_one = begins_identification(stream);
  if (!is_one && turn.role == client) return broken(turn, ParseError::ssh_bad_identification, 0, {stream.data(), 1});
  if (stream.size() < identification_mark.size()) {
    // A line before the identification may be shorter.
    if (is_one || std::memchr(stream.data(), '\n', stream.size()) == nullptr) return need_more(stream.size() + 1);
  }
  const std::uint32_t line_max = is_one ? identification_bytes_max : line_before_bytes_max;
  const std::size_t looked_at = std::min<std::size_t>(stream.size(), line_max);
  const auto* const end = static_cast<const std::uint8_t*>(std::memchr(stream.data(), '\n', looked_at));
  if (end == nullptr) {
    if (stream.size() < line_max) return need_more(stream.size() + 1);
    return broken(turn, ParseError::ssh_bad_identification, line_max, stream.first(line_max));
  }
  const std::size_t used = static_cast<std::size_t>(end - stream.data()) + 1;
  if (!is_one) {
    if (++side.lines > lines_before_max) return broken(turn, ParseError::ssh_bad_identification, 0, stream.first(used));
    return consumed(used);
  }
  std::size_t size = used - 1;
  if (size > 0 && stream[size - 1] == '\r') --size;  // LF alone is what older programs send (RFC 4253, 5.1).
  const Bytes line = stream.first(size);
  const Identification read = read_identification(text_of(line));
  if (!read.valid || std::memchr(line.data(), 0, line.size()) != nullptr)
    return broken(turn, ParseError::ssh_bad_identification, 4, stream.first(used));
  counters_.messages[self][type_identification].add();
  remember_line(turn, line);
  // 1.99 is a server that speaks 2.0 as well (5.1). Older protocols have packets of another form.
  const bool version2 = read.protocol == "2.0" || read.protocol == "1.99";
  side.phase = version2 ? Phase::packets : Phase::lost;
  return consumed(used);
}

bool SshDissector::is_expected(const Turn& turn, std::uint8_t number) const noexcept {
  if (number >= message::disconnect && number <= message::debug) return true;
  if (number == message::kexinit) return !turn.side.kexinit_seen;
  if (number == message::newkeys) return turn.side.kexinit_seen;
  // Nothing but the key exchange's own messages may stand before NEWKEYS (RFC 4253, 7.1).
  return turn.side.kexinit_seen && number >= message::key_exchange_first && number <= message::key_exchange_last;
}

Progress SshDissector::packet(Turn& turn, Bytes stream) noexcept {
  StreamSide& side = turn.side;
  if (stream.size() < packet_head) return need_more(packet_head);
  const std::uint32_t length = load_be32(stream, 0), padding = stream[4];
  if (length < 2 || length > packet_bytes_max - packet_length_end)
    return broken(turn, ParseError::bad_length, 0, stream.first(packet_head));
  const std::uint32_t whole = packet_length_end + length;
  const std::uint8_t number = stream[5];
  ParseError error = ParseError::none;
  std::uint32_t error_offset = 0;
  if (whole % packet_multiple != 0) {
    error = ParseError::ssh_bad_packet;
  } else if (padding < padding_bytes_min || padding + 2 > length) {
    error = ParseError::ssh_bad_packet;
    error_offset = packet_length_end;
  }
  KexInit kexinit;
  Bytes payload;
  if (error == ParseError::none && number == message::kexinit) {
    if (stream.size() < whole) return need_more(whole);
    payload = stream.subspan(packet_head - 1, length - padding - 1);
    kexinit = read_kexinit(payload);
    if (!kexinit.valid) {
      error = ParseError::ssh_bad_kexinit;
      error_offset = packet_head - 1 + kexinit.error_offset;
    }
  }
  counters_.messages[self][counted_as(number)].add();
  if (error == ParseError::none && !is_expected(turn, number) && !std::exchange(side.unexpected_told, true))
    turn.sink.anomaly(turn.context, Layer::application, ParseError::ssh_unexpected_message, packet_head - 1);
  if (error == ParseError::none && number == message::kexinit && !std::exchange(side.kexinit_seen, true))
    remember_kexinit(turn, payload, kexinit);
  if (error == ParseError::none && number == message::newkeys) side.phase = Phase::encrypted;
  const auto used = static_cast<std::uint32_t>(std::min<std::size_t>(whole, stream.size()));
  side.rest = whole - used;
  if (error == ParseError::none) return consumed(used);
  counters_.messages_malformed[self].add();
  return {Progress::Kind::malformed, used, error, error_offset};
}

SshDissector::Session* SshDissector::session_of(Turn& turn) noexcept {
  StreamState& stream = turn.stream;
  if (stream.recorded || !turn.sink.wants(EventType::ssh)) return nullptr;
  if (stream.session == 0) {
    stream.session = sessions_.allocate();
    if (stream.session == 0) {
      counters_.evicted(metrics::EvictionReason::dissector_state);
      stream.recorded = true;
      return nullptr;
    }
  }
  return &sessions_[stream.session];
}

void SshDissector::remember_line(Turn& turn, Bytes line) noexcept {
  Session* const session = session_of(turn);
  if (session == nullptr) return;
  Peer& peer = session->peers[turn.role];
  std::memcpy(peer.line.data(), line.data(), line.size());
  peer.line_size = static_cast<std::uint8_t>(line.size());
}

void SshDissector::remember_kexinit(Turn& turn, Bytes payload, const KexInit& kexinit) noexcept {
  Session* const session = session_of(turn);
  if (session == nullptr) return;
  Peer& peer = session->peers[turn.role];
  const bool client_side = turn.role == client;
  peer.hassh = hassh_of({kexinit[List::kex], kexinit[client_side ? List::cipher_to_server : List::cipher_to_client],
                         kexinit[client_side ? List::mac_to_server : List::mac_to_client],
                         kexinit[client_side ? List::compression_to_server : List::compression_to_client]});
  peer.hashed = true;
  if (payload.size() > kept_kexinit_bytes_max) return;
  std::memcpy(peer.kexinit.data(), payload.data(), payload.size());
  peer.kexinit_size = static_cast<std::uint16_t>(payload.size());
}

void SshDissector::record(Turn& turn) noexcept {
  StreamState& stream = turn.stream;
  if (std::exchange(stream.recorded, true) || stream.session == 0) return;
  const Session& session = sessions_[stream.session];
  // The client is the source of the record, as in Suricata's.
  MessageContext of_record = turn.context;
  if (turn.role == server) {
    std::swap(of_record.source, of_record.destination);
    std::swap(of_record.source_port, of_record.destination_port);
  }
  if (JsonWriter* const writer = turn.sink.begin(EventType::ssh, of_record)) {
    writer->key("ssh");
    writer->begin_object();
    write_peer(*writer, "client", session.peers[client], client);
    write_peer(*writer, "server", session.peers[server], server);
    write_agreed(*writer, session);
    writer->end_object();
    turn.sink.end();
  }
  sessions_.release(stream.session);
  stream.session = 0;
}

void SshDissector::write_peer(JsonWriter& writer, std::string_view name, const Peer& peer, Role role) noexcept {
  if (peer.line_size == 0) return;
  const Identification read = read_identification({peer.line.data(), peer.line_size});
  writer.key(name);
  writer.begin_object();
  writer.field("proto_version", read.protocol);
  writer.field("software_version", read.software);
  if (!read.comments.empty()) writer.field("comments", read.comments);
  if (peer.hashed) {
    writer.key("hassh");
    writer.begin_object();
    writer.key("hash");
    writer.hex_string(peer.hassh);
    if (peer.kexinit_size > 0) {
      const KexInit kexinit = read_kexinit(Bytes(peer.kexinit).first(peer.kexinit_size));
      std::array<char, kept_kexinit_bytes_max> text;
      std::size_t size = 0;
      const auto add = [&](std::string_view part) {
        std::memcpy(text.data() + size, part.data(), part.size());
        size += part.size();
      };
      add(kexinit[List::kex]);
      for (const List list : {role == client ? List::cipher_to_server : List::cipher_to_client,
                              role == client ? List::mac_to_server : List::mac_to_client,
                              role == client ? List::compression_to_server : List::compression_to_client}) {
        add(";");
        add(kexinit[list]);
      }
      writer.field("string", std::string_view(text.data(), size));
    }
    writer.end_object();
  }
  writer.end_object();
}

void SshDissector::write_agreed(JsonWriter& writer, const Session& session) noexcept {
  const Peer &one = session.peers[client], &other = session.peers[server];
  if (one.kexinit_size == 0 || other.kexinit_size == 0) return;
  const KexInit asked = read_kexinit(Bytes(one.kexinit).first(one.kexinit_size));
  const KexInit offered = read_kexinit(Bytes(other.kexinit).first(other.kexinit_size));
  static constexpr std::array<std::string_view, 8> names = {
      "kex_algorithm", "host_key_algorithm", "cipher_to_server",      "cipher_to_client",
      "mac_to_server", "mac_to_client",      "compression_to_server", "compression_to_client"};
  writer.key("agreed");
  writer.begin_object();
  for (std::size_t i = 0; i < names.size(); ++i) {
    const auto list = static_cast<List>(i);
    const bool mac = list == List::mac_to_server || list == List::mac_to_client;
    if (mac) {
      const List cipher = list == List::mac_to_server ? List::cipher_to_server : List::cipher_to_client;
      if (is_authenticated(agreed(asked[cipher], offered[cipher]))) continue;
    }
    const std::string_view name = agreed(asked[list], offered[list]);
    if (!name.empty()) writer.field(names[i], name);
  }
  writer.end_object();
}

void SshDissector::gap(void* state, const MessageContext& context, std::uint32_t missing, RecordSink& sink) noexcept {
  Turn turn = turn_of(state, context, sink);
  StreamSide& side = turn.side;
  // Within what is not looked at nothing is lost.
  if (side.rest >= missing) {
    side.rest -= missing;
    return;
  }
  side.rest = 0;
  if (side.phase >= Phase::encrypted) return;
  side.phase = Phase::lost;
  if (is_over(turn.stream)) record(turn);
}

void SshDissector::finish(void* state, const MessageContext& context, Bytes left, RecordSink& sink) noexcept {
  Turn turn = turn_of(state, context, sink);
  StreamSide& side = turn.side;
  if ((!left.empty() || side.rest > 0) && side.phase < Phase::encrypted) {
    counters_.messages_malformed[self].add();
    sink.anomaly(context, Layer::application, ParseError::truncated, static_cast<std::uint32_t>(left.size()));
  }
  side.rest = 0;
  side.finished = true;
  const StreamSide& other = turn.stream.sides[1 - static_cast<unsigned>(context.direction)];
  if (other.spoke && !other.finished) return;
  record(turn);
}

void SshDissector::close(void* state) noexcept {
  StreamState& stream = *static_cast<StreamState*>(state);
  if (stream.session != 0) sessions_.release(stream.session);
  stream.session = 0;
}

namespace {

constexpr std::array<std::uint16_t, 2> ports = {port_ssh, 2222};

std::unique_ptr<dissect::Dissector> make(const dissect::Limits& limits, metrics::WorkerCounters& counters, HashSeed) {
  return std::make_unique<SshDissector>(limits, counters);
}

}  // namespace

constinit const dissect::DissectorRow registry_row = {AppProtocol::ssh,  false,  true, ports, sizeof(StreamState),
                                                      message_bytes_max, &probe, &make};

}  // namespace tsujiban::ssh
