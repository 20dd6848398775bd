#include "dissectors/dns/dns_dissector.h"

#include <algorithm>
#include <utility>

#include "dissectors/dns/dns_facts.h"
#include "dissectors/dns/dns_json.h"

namespace tsujiban::dns {

using dissect::MessageContext;
using dissect::Probe;
using dissect::Progress;
using dissect::RecordSink;
using dissect::Transport;

namespace {

// What must be there of a message with its length prefix to believe that one begins: up to the first label's length.
constexpr std::uint32_t believable_bytes = length_prefix + header_length + 1;
constexpr unsigned believable_records_max = 255;

NameService service_of(const MessageContext& context) noexcept {
  const auto has_port = [&](std::uint16_t port) {
    return context.source_port == port || context.destination_port == port;
  };
  return has_port(port_mdns) ? NameService::mdns : has_port(port_llmnr) ? NameService::llmnr : NameService::dns;
}

bool believable_header(Bytes message) noexcept {
  const std::uint16_t flags = load_be16(message, 2);
  return is_assigned_opcode(opcode_of(flags)) && (flags & flag::reserved) == 0 && load_be16(message, 4) == 1 &&
         load_be16(message, 6) <= believable_records_max && load_be16(message, 8) <= believable_records_max &&
         load_be16(message, 10) <= believable_records_max;
}

// Whether a message may begin here in a stream whose place was lost. `bytes` has `believable_bytes`.
bool believable_start(Bytes bytes) noexcept {
  const std::uint32_t length = load_be16(bytes, 0);
  return length >= header_length + 1 + question_tail_length && believable_header(bytes.subspan(length_prefix)) &&
         bytes[length_prefix + header_length] < 0x40;
}

// The name of NetBIOS (RFC 1001, 14.1), which has the same form on its own port: 32 letters A to P.
bool is_netbios_name(Bytes label) noexcept {
  return label.size() == 32 &&
         std::all_of(label.begin(), label.end(), [](std::uint8_t c) { return c >= 'A' && c <= 'P'; });
}

bool is_host_like(Bytes label) noexcept {
  return std::all_of(label.begin(), label.end(), [](std::uint8_t c) { return c > 0x20 && c < 0x7F; });
}

// One question in class IN whose name is made of printable labels, with nothing of the header out of the ordinary.
// `size`: of the message, which may not be here whole.
Probe recognise(Bytes message, std::size_t size) noexcept {
  if (message.size() < header_length) return size < header_length ? Probe::not_mine : Probe::unsure;
  if (!believable_header(message)) return Probe::not_mine;
  bool plain = true;
  const NameWalk name = walk_name(
      message, header_length, [&](Bytes label) { plain = plain && is_host_like(label) && !is_netbios_name(label); });
  if (!plain) return Probe::not_mine;
  const bool shortage =
      name.error == ParseError::truncated || (name.next != 0 && name.next + question_tail_length > message.size());
  if (shortage) return message.size() < size ? Probe::unsure : Probe::not_mine;
  if (name.error != ParseError::none || name.wire_length < 2) return Probe::not_mine;
  return load_be16(message, name.next + 2) == class_in ? Probe::mine : Probe::not_mine;
}

}  // namespace

Probe probe(Transport transport, bool port_hint, Bytes first) noexcept {
  if (transport == Transport::datagram) {
    if (first.size() < header_length) return Probe::not_mine;
    if (port_hint) return load_be16(first, 4) <= probe_questions_max ? Probe::mine : Probe::not_mine;
    return recognise(first, first.size()) == Probe::mine && !read_message(first).malformed() ? Probe::mine
                                                                                             : Probe::not_mine;
  }
  if (first.size() < length_prefix) return Probe::unsure;
  const std::uint32_t length = load_be16(first, 0);
  if (length < header_length) return Probe::not_mine;
  const Bytes message = first.subspan(length_prefix, std::min<std::size_t>(length, first.size() - length_prefix));
  if (port_hint) {
    if (message.size() < header_length) return Probe::unsure;
    return load_be16(message, 4) <= probe_questions_max ? Probe::mine : Probe::not_mine;
  }
  return recognise(message, length);
}

std::uint8_t message_type(const MessageEvent& event) noexcept {
  return static_cast<std::uint8_t>(opcode_of(event.flags) * 2 + (event.is_answer() ? 1 : 0));
}

std::string_view message_type_name(std::uint8_t type) noexcept {
  static constexpr std::array<std::string_view, 14> names = {
      "query", "answer", "iquery",        "iquery_answer", "status",        "status_answer", "",
      "",      "notify", "notify_answer", "update",        "update_answer", "stateful",      "stateful_answer"};
  return type < names.size() ? names[type] : std::string_view{};
}

void DnsDissector::message(const MessageContext& context, const MessageEvent& event, std::uint64_t transaction,
                           bool tell, RecordSink& sink) noexcept {
  constexpr auto self = static_cast<std::size_t>(AppProtocol::dns);
  if (event.malformed()) {
    counters_.messages_malformed[self].add();
    if (tell) sink.anomaly(context, Layer::application, event.error, event.error_offset);
    tell_malformed(context, event.error, event.error_offset, sink);
  }
  if (!event.has_header) return;
  counters_.messages[self][message_type(event)].add();
  const NameService service = service_of(context);
  // Odd, and read all the same.
  if (!is_assigned_opcode(opcode_of(event.flags)))
    sink.anomaly(context, Layer::application, ParseError::dns_bad_opcode, 2);
  if (service == NameService::dns && (event.flags & flag::reserved) != 0)
    sink.anomaly(context, Layer::application, ParseError::dns_reserved_bit, 3);
  tell_facts(context, event, service, sink);
  if (!sink.wants(EventType::dns)) return;

  if (!event.is_answer()) {
    // As Suricata does, a record for each question.
    const unsigned questions = std::min<unsigned>(event.count(Section::questions), questions_written_max);
    for (unsigned i = 0; i < std::max(questions, 1u); ++i) {
      JsonWriter* const writer = sink.begin(EventType::dns, context);
      if (writer == nullptr) return;
      writer->key("dns");
      writer->begin_object();
      write_query(*writer, event, i, service, transaction);
      writer->end_object();
      sink.end();
    }
    return;
  }
  // Suricata writes query and answer with the addresses of the flow: the client is the source of both.
  MessageContext of_record = context;
  if (service != NameService::mdns) {
    std::swap(of_record.source, of_record.destination);
    std::swap(of_record.source_port, of_record.destination_port);
  }
  JsonWriter* const writer = sink.begin(EventType::dns, of_record);
  if (writer == nullptr) return;
  writer->key("dns");
  writer->begin_object();
  write_answer(*writer, event, service);
  writer->end_object();
  sink.end();
}

void DnsDissector::datagram(const MessageContext& context, Bytes bytes, RecordSink& sink) noexcept {
  message(context, read_message(bytes), transaction_none, true, sink);
}

Progress DnsDissector::feed(void* state, const MessageContext& context, Bytes stream, RecordSink& sink) noexcept {
  StreamState& stream_state = *static_cast<StreamState*>(state);
  StreamSide& side = stream_state.sides[static_cast<unsigned>(context.direction)];
  if (side.unsynchronised) return resynchronise(stream_state, side, context, stream, sink);
  return message_in_stream(stream_state, side, context, stream, sink);
}

Progress DnsDissector::message_in_stream(StreamState& stream_state, StreamSide& side, const MessageContext& context,
                                         Bytes stream, RecordSink& sink) noexcept {
  if (stream.size() < length_prefix) return {Progress::Kind::need_more, length_prefix};
  const std::uint32_t length = load_be16(stream, 0), whole = length_prefix + length;
  if (length < header_length) {
    // Where the next message would begin is anyone's guess.
    side.unsynchronised = true;
    return resynchronise(stream_state, side, context, stream, sink);
  }
  if (stream.size() < whole) return {Progress::Kind::need_more, whole};
  const MessageEvent event = read_message(stream.subspan(length_prefix, length));
  const bool unreadable = event.malformed() && event.count(Section::questions) == 0 &&
                          event.count(Section::answers) == 0 && event.count(Section::authorities) == 0;
  if (!unreadable) {
    side.unreadable = 0;
  } else if (++side.unreadable > unreadable_messages_max) {
    return {Progress::Kind::give_up, 0, ParseError::dns_unsynchronised, 0};
  }
  message(context, event, stream_state.messages++, false, sink);
  if (event.malformed()) return {Progress::Kind::malformed, whole, event.error, event.error_offset};
  return {Progress::Kind::consumed, whole};
}

Progress DnsDissector::resynchronise(StreamState& stream_state, StreamSide& side, const MessageContext& context,
                                     Bytes stream, RecordSink& sink) noexcept {
  const auto size = static_cast<std::uint32_t>(stream.size());
  std::uint32_t at = 0;
  while (at + believable_bytes <= size && !believable_start(stream.subspan(at))) ++at;
  const bool found = at + believable_bytes <= size;
  if (side.skipped + at > unsynchronised_bytes_max) {
    // Told before it is given up, in one piece as in many.
    if (side.told) return {Progress::Kind::give_up, 0, ParseError::dns_unsynchronised, 0};
    at = unsynchronised_bytes_max - side.skipped;
  }
  side.skipped += at;
  if (at > 0) {
    // One report for a run of bytes, in however many pieces it comes.
    const bool told = std::exchange(side.told, true);
    if (told) return {Progress::Kind::consumed, at};
    tell_malformed(context, ParseError::dns_unsynchronised, 0, sink);
    return {Progress::Kind::malformed, at, ParseError::dns_unsynchronised, 0};
  }
  if (!found) return {Progress::Kind::need_more, believable_bytes};
  side = {};
  return message_in_stream(stream_state, side, context, stream, sink);
}

void DnsDissector::gap(void* state, const MessageContext& context, std::uint32_t, RecordSink&) noexcept {
  StreamSide& side = static_cast<StreamState*>(state)->sides[static_cast<unsigned>(context.direction)];
  side = {};
  side.unsynchronised = true;
  side.told = true;  // The gap itself is told; the rest of the message that it hit is no fault of the sender.
}

void DnsDissector::finish(void* state, const MessageContext& context, Bytes left, RecordSink& sink) noexcept {
  StreamState& stream_state = *static_cast<StreamState*>(state);
  StreamSide& side = stream_state.sides[static_cast<unsigned>(context.direction)];
  if (!left.empty()) {
    if (side.unsynchronised) {
      if (!side.told) {
        sink.anomaly(context, Layer::application, ParseError::dns_unsynchronised, 0);
        tell_malformed(context, ParseError::dns_unsynchronised, 0, sink);
      }
    } else {
      MessageEvent event = read_message(left.subspan(std::min<std::size_t>(left.size(), length_prefix)));
      // Its length promised more.
      if (!event.malformed() || event.error == ParseError::dns_count_mismatch) {
        event.error = ParseError::truncated;
        event.error_offset = static_cast<std::uint32_t>(event.bytes.size());
      }
      message(context, event, stream_state.messages++, true, sink);
    }
  }
  side = {};
}

namespace {

constexpr std::array<std::uint16_t, 3> ports = {port_dns, port_mdns, port_llmnr};

std::unique_ptr<dissect::Dissector> make(const dissect::Limits&, metrics::WorkerCounters& counters, HashSeed) {
  return std::make_unique<DnsDissector>(counters);
}

}  // namespace

constinit const dissect::DissectorRow registry_row = {
    AppProtocol::dns, true,  true,  ports,       sizeof(StreamState), length_prefix + message_bytes_max,
    &probe,           &make, false, &name_reader};

}  // namespace tsujiban::dns
