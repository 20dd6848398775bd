#include "dissectors/modbus/modbus_dissector.h"

#include <algorithm>
#include <utility>

#include "dissectors/modbus/modbus_facts.h"
#include "dissectors/modbus/modbus_json.h"

namespace tsujiban::modbus {

using dissect::MessageContext;
using dissect::Probe;
using dissect::Progress;
using dissect::RecordSink;
using dissect::Transport;

namespace {

constexpr auto self = static_cast<std::size_t>(AppProtocol::modbus);

bool is_header(Bytes bytes) noexcept {
  const std::uint32_t length = load_be16(bytes, 4);
  return load_be16(bytes, 2) == 0 && length >= length_min && length <= length_max;
}

// Whether a message may begin here in a stream whose place was lost; `open` where more bytes are needed to tell.
Fit believable_start(Bytes bytes) noexcept {
  if (bytes.size() < adu_bytes_min) return Fit::open;
  if (!is_header(bytes)) return Fit::no;
  const Fit request = fits(bytes, true), answer = fits(bytes, false);
  if (request == Fit::yes || answer == Fit::yes) return Fit::yes;
  return request == Fit::open || answer == Fit::open ? Fit::open : Fit::no;
}

bool is_port(std::uint16_t port) noexcept { return port == port_modbus; }

bool is_from_client(const StreamState& state, const MessageContext& context) noexcept {
  return state.requests_to_initiator == (context.direction == Direction::to_initiator);
}

}  // namespace

Probe probe(Transport transport, bool port_hint, Bytes first) noexcept {
  if (transport != Transport::stream) return Probe::not_mine;
  for (std::size_t i = 2; i < first.size() && i < 5; ++i) {
    if (first[i] != 0) return Probe::not_mine;
  }
  if (first.size() > 5 && (first[5] < length_min || first[5] > length_max)) return Probe::not_mine;
  if (first.size() < adu_bytes_min) return Probe::unsure;
  if (port_hint) return Probe::mine;
  const Fit request = fits(first, true), answer = fits(first, false);
  if (request == Fit::yes || answer == Fit::yes) return Probe::mine;
  return request == Fit::open || answer == Fit::open ? Probe::unsure : Probe::not_mine;
}

std::string_view message_type_name(std::uint8_t type) noexcept {
  const bool exception = (type & exception_bit) != 0;
#define TSUJIBAN_NAME(function, text) \
  case function:                      \
    return exception ? std::string_view{text "_exception"} : std::string_view{text};
  switch (type & 0x7F) {
    TSUJIBAN_NAME(fc::read_coils, "read_coils")
    TSUJIBAN_NAME(fc::read_discrete_inputs, "read_discrete_inputs")
    TSUJIBAN_NAME(fc::read_holding_registers, "read_holding_registers")
    TSUJIBAN_NAME(fc::read_input_registers, "read_input_registers")
    TSUJIBAN_NAME(fc::write_single_coil, "write_single_coil")
    TSUJIBAN_NAME(fc::write_single_register, "write_single_register")
    TSUJIBAN_NAME(fc::read_exception_status, "read_exception_status")
    TSUJIBAN_NAME(fc::diagnostics, "diagnostics")
    TSUJIBAN_NAME(fc::get_event_counter, "get_event_counter")
    TSUJIBAN_NAME(fc::get_event_log, "get_event_log")
    TSUJIBAN_NAME(fc::write_multiple_coils, "write_multiple_coils")
    TSUJIBAN_NAME(fc::write_multiple_registers, "write_multiple_registers")
    TSUJIBAN_NAME(fc::report_server_id, "report_server_id")
    TSUJIBAN_NAME(fc::read_file_record, "read_file_record")
    TSUJIBAN_NAME(fc::write_file_record, "write_file_record")
    TSUJIBAN_NAME(fc::mask_write_register, "mask_write_register")
    TSUJIBAN_NAME(fc::read_write_registers, "read_write_registers")
    TSUJIBAN_NAME(fc::read_fifo_queue, "read_fifo_queue")
    TSUJIBAN_NAME(fc::encapsulated_interface, "encapsulated_interface")
    TSUJIBAN_NAME(fc::umas, "umas")
    default:
      return {};
  }
#undef TSUJIBAN_NAME
}

Progress ModbusDissector::feed(void* state, const MessageContext& context, Bytes stream, RecordSink& sink) noexcept {
  StreamState& stream_state = *static_cast<StreamState*>(state);
  StreamSide& side = stream_state.sides[static_cast<unsigned>(context.direction)];
  if (side.unsynchronised) return resynchronise(stream_state, side, context, stream, sink);
  return message_in_stream(stream_state, side, context, stream, sink);
}

Progress ModbusDissector::message_in_stream(StreamState& state, StreamSide& side, const MessageContext& context,
                                            Bytes stream, RecordSink& sink) noexcept {
  if (stream.size() < adu_bytes_min) return {Progress::Kind::need_more, adu_bytes_min};
  if (!is_header(stream)) {
    // Where the next message would begin is anyone's guess.
    side.unsynchronised = true;
    const bool protocol = load_be16(stream, 2) != 0;
    side.error = protocol ? ParseError::modbus_bad_protocol_id : ParseError::bad_length;
    side.error_offset = protocol ? 2 : 4;
    return resynchronise(state, side, context, stream, sink);
  }
  const std::uint32_t whole = length_end + load_be16(stream, 4);
  if (stream.size() < whole) return {Progress::Kind::need_more, whole};
  const Bytes bytes = stream.first(whole);

  if (!state.roles_known) {
    // The port says who serves; without it the form of the first message, where only one side can have sent it.
    const bool to_port = is_port(context.destination_port), from_port = is_port(context.source_port);
    const bool as_request = fits(bytes, true) == Fit::yes, as_answer = fits(bytes, false) == Fit::yes;
    bool request = context.direction == Direction::to_responder;
    if (to_port != from_port)
      request = to_port;
    else if (as_request != as_answer)
      request = as_request;
    state.roles_known = true;
    state.requests_to_initiator = request == (context.direction == Direction::to_initiator);
  }
  const bool is_request = is_from_client(state, context);
  Adu adu = read_adu(bytes, is_request);
  if (is_plausible(adu.base_function())) {
    side.unreadable = 0;
  } else if (++side.unreadable > unreadable_messages_max) {
    tell_malformed(context, ParseError::modbus_unsynchronised, 0, sink);
    return {Progress::Kind::give_up, 0, ParseError::modbus_unsynchronised, 0};
  }
  counters_.messages[self][adu.function].add();
  if (is_request)
    request(state, context, adu, sink);
  else
    answer(state, context, adu, sink);
  side.spoke = true;
  if (!adu.malformed()) return {Progress::Kind::consumed, whole};
  counters_.messages_malformed[self].add();
  tell_malformed(context, adu.error, adu.error_offset, sink);
  return {Progress::Kind::malformed, whole, adu.error, adu.error_offset};
}

void ModbusDissector::request(StreamState& state, const MessageContext& context, const Adu& adu,
                              RecordSink& sink) noexcept {
  tell_write(context, adu, sink);
  const std::uint32_t id = ++state.transactions;
  if (state.outstanding == outstanding_max) drop_oldest(state, &context, &sink);
  const std::uint32_t slot = requests_.allocate();
  if (slot == 0) {
    counters_.evicted(metrics::EvictionReason::dissector_state);
    return record(state, context, id, &adu, nullptr, sink);
  }
  Request& kept = requests_[slot];
  kept.next = 0;
  kept.id = id;
  kept.size = static_cast<std::uint16_t>(adu.bytes.size());
  std::memcpy(kept.bytes.data(), adu.bytes.data(), adu.bytes.size());
  if (state.newest != 0)
    requests_[state.newest].next = slot;
  else
    state.oldest = slot;
  state.newest = slot;
  ++state.outstanding;
}

void ModbusDissector::answer(StreamState& state, const MessageContext& context, Adu& adu, RecordSink& sink) noexcept {
  // The oldest that it can answer: many clients have one transaction identifier for all requests.
  std::uint32_t before = 0, slot = state.oldest;
  while (slot != 0) {
    const Request& one = requests_[slot];
    if (load_be16(one.bytes.data()) == adu.transaction && one.bytes[6] == adu.unit &&
        one.bytes[7] == adu.base_function())
      break;
    before = slot;
    slot = one.next;
  }
  if (slot == 0) {
    const StreamSide& other = state.sides[1 - static_cast<unsigned>(context.direction)];
    // Where requests are seen at all, and none of them was lost.
    if (other.spoke && !state.lossy) sink.anomaly(context, Layer::application, ParseError::modbus_unsolicited, 0);
    return record(state, context, ++state.transactions, nullptr, &adu, sink);
  }
  const Request& one = requests_[slot];
  const Adu asked = read_adu({one.bytes.data(), one.size}, true);
  check_answer(adu, asked);
  if (adu.shape == Shape::exception) tell_refusal(context, asked, adu, sink);
  record(state, context, one.id, &asked, &adu, sink);
  if (before != 0)
    requests_[before].next = one.next;
  else
    state.oldest = one.next;
  if (state.newest == slot) state.newest = before;
  --state.outstanding;
  requests_.release(slot);
}

void ModbusDissector::drop_oldest(StreamState& state, const MessageContext* context, RecordSink* sink) noexcept {
  const std::uint32_t slot = state.oldest;
  const Request& one = requests_[slot];
  if (context != nullptr) {
    const Adu asked = read_adu({one.bytes.data(), one.size}, true);
    record(state, *context, one.id, &asked, nullptr, *sink);
  }
  state.oldest = one.next;
  if (state.oldest == 0) state.newest = 0;
  --state.outstanding;
  requests_.release(slot);
}

void ModbusDissector::record(const StreamState& state, const MessageContext& context, std::uint64_t id,
                             const Adu* request, const Adu* response, RecordSink& sink) noexcept {
  if (!sink.wants(EventType::modbus)) return;
  // The client is the source of every record, as in Suricata's.
  MessageContext of_record = context;
  if (!is_from_client(state, context)) {
    std::swap(of_record.source, of_record.destination);
    std::swap(of_record.source_port, of_record.destination_port);
  }
  JsonWriter* const writer = sink.begin(EventType::modbus, of_record);
  if (writer == nullptr) return;
  writer->key("modbus");
  writer->begin_object();
  write_transaction(*writer, id, request, response, sink.mask());
  writer->end_object();
  sink.end();
}

Progress ModbusDissector::resynchronise(StreamState& state, StreamSide& side, const MessageContext& context,
                                        Bytes stream, RecordSink& sink) noexcept {
  const auto size = static_cast<std::uint32_t>(stream.size());
  std::uint32_t at = 0;
  Fit start = believable_start(stream);
  while (start == Fit::no) start = believable_start(stream.subspan(++at));
  if (side.skipped + at > unsynchronised_bytes_max) {
    // Told before it is given up, in one piece as in many.
    if (side.told) return {Progress::Kind::give_up, 0, ParseError::modbus_unsynchronised, 0};
    at = unsynchronised_bytes_max - side.skipped;
  }
  side.skipped += at;
  if (at > 0) {
    // One report for a run of bytes, in however many pieces it comes.
    if (std::exchange(side.told, true)) return {Progress::Kind::consumed, at};
    counters_.messages_malformed[self].add();
    const ParseError error = side.error != ParseError::none ? side.error : ParseError::modbus_unsynchronised;
    tell_malformed(context, error, side.error_offset, sink);
    return {Progress::Kind::malformed, at, error, side.error_offset};
  }
  if (start == Fit::open) return {Progress::Kind::need_more, std::max(size + 1, adu_bytes_min)};
  const bool spoke = side.spoke;
  side = {};
  side.spoke = spoke;
  return message_in_stream(state, side, context, stream, sink);
}

void ModbusDissector::gap(void* state, const MessageContext& context, std::uint32_t, RecordSink&) noexcept {
  StreamState& stream_state = *static_cast<StreamState*>(state);
  StreamSide& side = stream_state.sides[static_cast<unsigned>(context.direction)];
  stream_state.lossy = true;
  const bool spoke = side.spoke;
  side = {};
  side.spoke = spoke;
  side.unsynchronised = true;
  side.told = true;  // The gap itself is told; the rest of the message that it hit is no fault of the sender.
}

void ModbusDissector::finish(void* state, const MessageContext& context, Bytes left, RecordSink& sink) noexcept {
  StreamState& stream_state = *static_cast<StreamState*>(state);
  StreamSide& side = stream_state.sides[static_cast<unsigned>(context.direction)];
  if (!left.empty() && !side.unsynchronised) {
    counters_.messages_malformed[self].add();
    const auto offset = static_cast<std::uint32_t>(left.size());
    sink.anomaly(context, Layer::application, ParseError::truncated, offset);
    tell_malformed(context, ParseError::truncated, offset, sink);
  }
  side.finished = true;
  // Answers may follow the end of the requests, where there were answers.
  const StreamSide& other = stream_state.sides[1 - static_cast<unsigned>(context.direction)];
  if (is_from_client(stream_state, context) && other.spoke && !other.finished) return;
  while (stream_state.oldest != 0) drop_oldest(stream_state, &context, &sink);
}

void ModbusDissector::close(void* state) noexcept {
  StreamState& stream_state = *static_cast<StreamState*>(state);
  while (stream_state.oldest != 0) drop_oldest(stream_state, nullptr, nullptr);
}

namespace {
std::unique_ptr<dissect::Dissector> make(const dissect::Limits& limits, metrics::WorkerCounters& counters, HashSeed) {
  return std::make_unique<ModbusDissector>(limits, counters);
}
constexpr std::uint16_t ports[] = {port_modbus};
}  // namespace

constinit const dissect::DissectorRow registry_row = {AppProtocol::modbus, false,         true,   ports,
                                                      sizeof(StreamState), adu_bytes_max, &probe, &make};

}  // namespace tsujiban::modbus
