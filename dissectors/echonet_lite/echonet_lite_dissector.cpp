#include "dissectors/echonet_lite/echonet_lite_dissector.h"

#include <algorithm>
#include <array>

#include "dissectors/echonet_lite/echonet_lite_facts.h"
#include "dissectors/echonet_lite/echonet_lite_json.h"

namespace tsujiban::echonet_lite {
namespace {

using dissect::MessageContext;
using dissect::Probe;
using dissect::Progress;
using dissect::RecordSink;
using dissect::Transport;

// Walks `count` properties from `offset`. Returns where they end, or where the first broken rule is, with `error`.
inline std::uint32_t walk(Bytes bytes, std::uint32_t offset, unsigned count, std::uint8_t& epc_all,
                          ParseError& error) noexcept {
  const std::uint32_t size = static_cast<std::uint32_t>(bytes.size());
  for (; count > 0; --count) {
    if (offset + 2 > size) {
      error = offset == size ? ParseError::echonet_opc_mismatch : ParseError::truncated;
      return offset;
    }
    epc_all &= bytes[offset];
    const std::uint32_t next = offset + 2 + bytes[offset + 1];
    if (next > size) {
      error = ParseError::echonet_pdc_overrun;
      return offset + 1;
    }
    offset = next;
  }
  return offset;
}

// The header of a frame that can be believed where nothing says that one begins here. At least 12 bytes.
bool plausible_header(Bytes bytes) noexcept {
  return bytes[0] == ehd1_echonet_lite && bytes[1] == ehd2_format1 && is_known_service(bytes[esv_offset]) &&
         !is_reserved_object(load_be24(bytes, seoj_offset)) && !is_reserved_object(load_be24(bytes, deoj_offset));
}

// Errors that more bytes would have healed: none when the capture cut the message.
bool is_shortage(ParseError error) noexcept {
  return error == ParseError::truncated || error == ParseError::echonet_opc_mismatch ||
         error == ParseError::echonet_pdc_overrun || error == ParseError::echonet_setget_missing_get;
}

// Objects and properties that the standard reserves: no fault of the frame, but of the message. One fact is enough.
void tell_reserved(const MessageContext& context, const FrameEvent& frame, RecordSink& sink) noexcept {
  bool malformed = frame.malformed();
  const auto tell = [&](ParseError error, std::uint32_t offset) {
    sink.anomaly(context, Layer::application, error, offset);
    if (!malformed) tell_malformed(context, error, offset, sink);
    malformed = true;
  };
  if (is_reserved_object(frame.seoj)) tell(ParseError::echonet_bad_eoj, seoj_offset);
  if (is_reserved_object(frame.deoj)) tell(ParseError::echonet_bad_eoj, deoj_offset);
  if ((frame.epc_all & 0x80) == 0 && frame.error != ParseError::echonet_bad_epc) {
    // Rare: the place is looked for only now.
    PropertyView view;
    std::uint32_t offset = 0;
    for (PropertyCursor cursor(frame.bytes, header_length, frame.opc); offset == 0 && cursor.next(view);)
      offset = view.epc < 0x80 ? view.offset : 0;
    for (PropertyCursor cursor(frame.bytes, frame.get_list_offset, frame.opc_get); offset == 0 && cursor.next(view);)
      offset = view.epc < 0x80 ? view.offset : 0;
    tell(ParseError::echonet_bad_epc, offset);
  }
}

}  // namespace

FrameEvent read_frame(Bytes message, bool cut_short) noexcept {
  FrameEvent frame;
  frame.bytes = message;
  const std::uint32_t size = static_cast<std::uint32_t>(message.size());
  frame.header_read = static_cast<std::uint8_t>(std::min(size, header_length));
  const auto broken = [&](ParseError error, std::uint32_t offset) {
    if (frame.error == ParseError::none) {
      frame.error = error;
      frame.error_offset = offset;
    }
  };
  if (size >= 1 && message[0] != ehd1_echonet_lite) {
    broken(ParseError::echonet_bad_ehd, 0);
    return frame;
  }
  if (size >= 2 && message[1] != ehd2_format1 && message[1] != ehd2_format2) {
    broken(ParseError::echonet_bad_ehd, 1);
    return frame;
  }
  frame.format = size >= 2 && message[1] == ehd2_format2 ? 2 : 1;
  if (size >= 4) frame.tid = load_be16(message, tid_offset);
  if (frame.format == 2 && size >= format2_header_length) {
    frame.end = size;
    return frame;
  }
  if (size < header_length) {
    if (size >= seoj_offset + 3) frame.seoj = load_be24(message, seoj_offset);
    if (size >= deoj_offset + 3) frame.deoj = load_be24(message, deoj_offset);
    if (size > esv_offset) frame.service = message[esv_offset];
    frame.end = size;
    frame.cut_short = cut_short;
    if (!cut_short) broken(ParseError::truncated, size);
    return frame;
  }
  frame.seoj = load_be24(message, seoj_offset);
  frame.deoj = load_be24(message, deoj_offset);
  frame.service = message[esv_offset];
  frame.opc = message[opc_offset];
  const bool two_lists = is_setget(frame.service);
  // What follows an unknown service is read as one list: a guess that shows what was there.
  if (!is_known_service(frame.service)) broken(ParseError::echonet_unknown_esv, esv_offset);
  if (frame.opc == 0 && !two_lists) broken(ParseError::echonet_opc_zero, opc_offset);

  ParseError error = ParseError::none;
  std::uint32_t at = walk(message, header_length, frame.opc, frame.epc_all, error);
  if (error == ParseError::none && two_lists) {
    if (at == size) {
      error = ParseError::echonet_setget_missing_get;
    } else {
      frame.has_get_list = true;
      frame.opc_get = message[at];
      frame.get_list_offset = at + 1;
      if (frame.opc == 0 && frame.opc_get == 0) broken(ParseError::echonet_opc_zero, opc_offset);
      at = walk(message, at + 1, frame.opc_get, frame.epc_all, error);
    }
  }
  if (error == ParseError::none && at < size) error = ParseError::echonet_trailing_data;
  frame.end = at;
  if (error != ParseError::none) {
    if (cut_short && is_shortage(error))
      frame.cut_short = true;
    else
      broken(error, at);
  }
  return frame;
}

bool read_plain(Bytes message, FrameEvent& frame, ListPoints& points) noexcept {
  constexpr auto bit_of = [](std::uint8_t service) { return std::uint64_t{1} << (service - 0x50); };
  constexpr std::uint64_t services =
      known_services & ~(bit_of(esv::setget) | bit_of(esv::setget_res) | bit_of(esv::setget_sna));
  constexpr std::uint32_t reserved_groups = [] {
    std::uint32_t bits = 0;
    for (unsigned group = 0; group < 16; ++group) bits |= std::uint32_t{is_reserved_object(group << 16)} << group;
    return bits;
  }();
  const auto size = static_cast<std::uint32_t>(message.size());
  if (size < header_length) return false;
  const std::uint8_t* const at = message.data();
  const std::uint64_t head = load_be64(at), tail = load_be32(at + 8);
  const auto seoj = static_cast<std::uint32_t>(head >> 8 & 0xffffff);
  const auto deoj = static_cast<std::uint32_t>((head & 0xff) << 16 | tail >> 16);
  const auto service = static_cast<std::uint8_t>(tail >> 8);
  const auto opc = static_cast<std::uint8_t>(tail);
  const unsigned service_bit = service - 0x50u, groups = (seoj | deoj) >> 16;
  if (head >> 48 != (unsigned{ehd1_echonet_lite} << 8 | ehd2_format1) || service_bit >= 0x30 ||
      (services >> service_bit & 1) == 0 || opc == 0 || ((seoj | deoj) & 0x80) != 0 || groups > 15 ||
      ((reserved_groups >> (seoj >> 16) | reserved_groups >> (deoj >> 16)) & 1) != 0)
    return false;
  std::uint32_t offset = header_length;
  std::uint8_t epc_all = 0xff;
  for (unsigned left = opc; left != 0; --left) {
    if (offset + 2 > size) return false;
    const std::uint8_t epc = at[offset], pdc = at[offset + 1];
    offset += 2 + pdc;
    if (offset > size) return false;
    epc_all &= epc;
    points.add(epc, pdc);
  }
  if (offset != size || (epc_all & 0x80) == 0) return false;
  frame.bytes = message;
  frame.tid = static_cast<std::uint16_t>(head >> 32);
  frame.format = 1;
  frame.service = service;
  frame.seoj = seoj;
  frame.deoj = deoj;
  frame.header_read = header_length;
  frame.opc = opc;
  frame.end = size;
  frame.epc_all = epc_all;
  return true;
}

Probe probe(Transport transport, bool port_hint, Bytes first) noexcept {
  if (first.empty()) return Probe::unsure;
  if (first[0] != ehd1_echonet_lite) return Probe::not_mine;
  if (port_hint) return Probe::mine;
  if (transport == Transport::datagram) {
    if (first.size() < header_length || !plausible_header(first)) return Probe::not_mine;
    const FrameEvent frame = read_frame(first);
    return frame.malformed() || (frame.epc_all & 0x80) == 0 ? Probe::not_mine : Probe::mine;
  }
  if (first.size() >= 2 && first[1] != ehd2_format1) return Probe::not_mine;
  if (first.size() < header_length) return Probe::unsure;
  if (!plausible_header(first) || first[opc_offset] == 0) return Probe::not_mine;
  std::uint8_t epc_all = 0xFF;
  ParseError error = ParseError::none;
  walk(first, header_length, first[opc_offset], epc_all, error);
  if ((epc_all & 0x80) == 0) return Probe::not_mine;
  // A list that goes on beyond what an undecided stream is kept for has shown enough.
  constexpr std::size_t enough_bytes = 48;
  return error == ParseError::none || first.size() >= enough_bytes ? Probe::mine : Probe::unsure;
}

EchonetLiteDissector::EchonetLiteDissector(const dissect::Limits& limits, metrics::WorkerCounters& counters,
                                           HashSeed seed)
    : seed_(seed), pairing_(limits.pairing_entries, counters), counters_(counters) {}

void EchonetLiteDissector::prefetch(const DecodedPacket& packet) const noexcept {
  if (pairs_ && !packet.destination.is_multicast()) pairing_.prefetch(packet.pair_hash);
}

void EchonetLiteDissector::datagram(const MessageContext& context, Bytes message_bytes, RecordSink& sink) noexcept {
  if (FrameEvent frame; !sink.wants(EventType::echonet_lite)) {
    ListPoints points;
    if (read_plain(message_bytes, frame, points)) [[likely]] {
      pairs_ = sink.wants(FactKind::response);
      counters_.messages[static_cast<std::size_t>(AppProtocol::echonet_lite)][frame.service].add();
      pair(context, frame, sink);
      return tell_facts(context, frame, points, sink);
    }
  }
  const bool cut_short = context.packet != nullptr && context.packet->snapped;
  message(context, read_frame(message_bytes, cut_short), sink, true);
}

// A notification to one node is what nodes do, as long as that node talks to this one.
void EchonetLiteDissector::tell_response(const MessageContext& context, const FrameEvent& frame,
                                         const PairingTable::Key& key, std::uint8_t request,
                                         RecordSink& sink) noexcept {
  const bool pair_asks = pairing_.pair_asks(key, context.time);
  if (frame.service == esv::inf && pair_asks) return;
  Fact fact = fact_of(FactKind::response, context);
  fact.exchange = {frame.seoj, frame.deoj, frame.tid,
                   request,    pair_asks,  static_cast<std::uint32_t>(frame.bytes.size())};
  sink.fact(fact);
}

EchonetLiteDissector::Paired EchonetLiteDissector::pair(const MessageContext& context, const FrameEvent& frame,
                                                        RecordSink& sink) noexcept {
  Paired paired;
  const std::uint8_t request = request_of(frame.service);
  const auto size = static_cast<std::uint32_t>(frame.bytes.size());
  if (dissect::to_group(context)) {
    if (request == 0 && sink.wants(FactKind::request)) {
      Fact fact = fact_of(FactKind::request, context);
      fact.exchange = {frame.seoj, frame.deoj, frame.tid, frame.service, false, size};
      sink.fact(fact);
    }
    return paired;
  }
  if (!pairs_) return paired;
  const std::uint8_t epc = frame.opc != 0 && size > header_length ? frame.bytes[header_length] : std::uint8_t{0};
  if (request == 0) {
    pairing_.remember({pair_of(context), stands_before(context.source, 0, context.destination, 0), frame.service, epc,
                       frame.tid, frame.seoj, frame.deoj},
                      context.time);
    return paired;
  }
  const PairingTable::Key key = {
      pair_of(context), stands_before(context.destination, 0, context.source, 0), request, epc, frame.tid, frame.deoj,
      frame.seoj};
  paired.answered = pairing_.take(key, context.time, paired.latency);
  paired.unpaired = !paired.answered;
  if (paired.unpaired && sink.wants(FactKind::response)) tell_response(context, frame, key, request, sink);
  return paired;
}

void EchonetLiteDissector::message(const MessageContext& context, const FrameEvent& frame, RecordSink& sink,
                                   bool tell) noexcept {
  // Where nobody wants response times or unexplained answers, requests need not be remembered.
  pairs_ = sink.wants(EventType::echonet_lite) || sink.wants(FactKind::response);
  constexpr auto self = static_cast<std::size_t>(AppProtocol::echonet_lite);
  if (frame.malformed()) {
    counters_.messages_malformed[self].add();
    if (tell) sink.anomaly(context, Layer::application, frame.error, frame.error_offset);
    tell_malformed(context, frame.error, frame.error_offset, sink);
  }
  Paired paired;
  if (frame.has_service() && frame.format == 1) {
    counters_.messages[self][frame.service].add();
    tell_reserved(context, frame, sink);
    if (is_known_service(frame.service)) {
      paired = pair(context, frame, sink);
      if (frame.has_list()) tell_facts(context, frame, points_of(frame.bytes, header_length, frame.opc), sink);
    }
  } else if (frame.format == 2) {
    counters_.messages[self][0].add();
  }

  if (!sink.wants(EventType::echonet_lite)) return;
  JsonWriter* const writer = sink.begin(EventType::echonet_lite, context);
  if (writer == nullptr) return;
  writer->key("echonet_lite");
  writer->begin_object();
  write_frame(*writer, frame, sink.mask());
  if (paired.answered) {
    const std::int64_t response_us = (paired.latency.ns + 500) / 1000;
    writer->field("response_ms", static_cast<double>(response_us) / 1000.0);
  } else if (paired.unpaired) {
    sink.response_time_here({frame.seoj, frame.deoj, frame.tid, request_of(frame.service), false, 0});
  }
  writer->end_object();
  sink.end();
}

Progress EchonetLiteDissector::feed(void* state, const MessageContext& context, Bytes stream,
                                    RecordSink& sink) noexcept {
  StreamSide& side = static_cast<StreamState*>(state)->sides[static_cast<unsigned>(context.direction)];
  if (stream.empty()) return {Progress::Kind::need_more, 1};
  if (side.unsynchronised) return resynchronise(side, context, stream, sink);
  if (stream[0] == ehd1_echonet_lite) {
    if (stream.size() < 2) return {Progress::Kind::need_more, 2};
    if (stream[1] == ehd2_format1) return frame_in_stream(side, context, stream, sink);
    if (stream[1] == ehd2_format2) {
      if (stream.size() < format2_header_length) return {Progress::Kind::need_more, format2_header_length};
      message(context, read_frame(stream.first(format2_header_length)), sink, true);
      // Nothing says how long the rest is: the next believable frame ends it, and what lies between is no fault.
      side = {};
      side.unsynchronised = side.told = true;
      return {Progress::Kind::consumed, format2_header_length};
    }
  }
  side = {};
  side.unsynchronised = true;
  return resynchronise(side, context, stream, sink);
}

Progress EchonetLiteDissector::resynchronise(StreamSide& side, const MessageContext& context, Bytes stream,
                                             RecordSink& sink) noexcept {
  const std::uint32_t size = static_cast<std::uint32_t>(stream.size());
  std::uint32_t at = 0, needed = 0;
  bool found = false;
  for (; at < size; ++at) {
    const auto* const next =
        static_cast<const std::uint8_t*>(std::memchr(stream.data() + at, ehd1_echonet_lite, size - at));
    at = next == nullptr ? size : static_cast<std::uint32_t>(next - stream.data());
    if (at == size) break;
    if (at + 1 == size) {
      needed = 2;
      break;
    }
    if (stream[at + 1] != ehd2_format1) continue;
    if (at + header_length > size) {
      needed = header_length;
      break;
    }
    if (plausible_header(stream.subspan(at))) {
      found = true;
      break;
    }
  }
  if (side.skipped + at > unsynchronised_bytes_max) {
    // Told before it is given up, in one piece as in many.
    if (side.told) return {Progress::Kind::give_up, 0, ParseError::echonet_unsynchronised, 0};
    at = unsynchronised_bytes_max - side.skipped;
  }
  side.skipped += at;
  if (at > 0) {
    // One report for a run of bytes, in however many pieces it comes.
    const bool told = side.told;
    side.told = true;
    if (told) return {Progress::Kind::consumed, at};
    tell_malformed(context, ParseError::echonet_unsynchronised, 0, sink);
    return {Progress::Kind::malformed, at, ParseError::echonet_unsynchronised, 0};
  }
  if (!found) return {Progress::Kind::need_more, needed};
  side = {};
  return frame_in_stream(side, context, stream, sink);
}

Progress EchonetLiteDissector::frame_in_stream(StreamSide& side, const MessageContext& context, Bytes stream,
                                               RecordSink& sink) noexcept {
  const std::uint32_t size = static_cast<std::uint32_t>(stream.size());
  if (size < header_length) return {Progress::Kind::need_more, header_length};
  const std::uint8_t service = stream[esv_offset];
  if (!is_known_service(service)) {
    // Where such a message ends is unknown; the next one may begin within what looked like its header.
    FrameEvent frame = read_frame(stream.first(opc_offset));
    frame.error = ParseError::echonet_unknown_esv;
    frame.error_offset = esv_offset;
    message(context, frame, sink, false);
    std::uint32_t length = 2;
    while (length < opc_offset && !(stream[length] == ehd1_echonet_lite && stream[length + 1] == ehd2_format1))
      ++length;
    side = {};
    side.unsynchronised = true;
    return {Progress::Kind::malformed, length, ParseError::echonet_unknown_esv, esv_offset};
  }
  if (side.offset == 0) {
    side.offset = header_length;
    side.left = stream[opc_offset];
  }
  // The state remembers the last property that was whole, so that bytes that come one at a time are not walked again.
  for (;;) {
    while (side.left > 0) {
      if (side.offset + 2 > size) return {Progress::Kind::need_more, side.offset + 2};
      const std::uint8_t epc = stream[side.offset], pdc = stream[side.offset + 1];
      if (epc < 0x80) {
        // No property has such a code: the list was shorter than OPC said, or the place in the stream is lost.
        const bool next_frame = epc == ehd1_echonet_lite && pdc == ehd2_format1;
        return end_of_message(side, context, stream.first(side.offset),
                              next_frame ? ParseError::echonet_opc_mismatch : ParseError::echonet_bad_epc, sink);
      }
      const std::uint32_t next = side.offset + 2 + pdc;
      if (next > size) return {Progress::Kind::need_more, next};
      side.offset = next;
      --side.left;
    }
    if (!is_setget(service) || side.second_list) break;
    if (side.offset + 1 > size) return {Progress::Kind::need_more, side.offset + 1};
    if (stream[side.offset] == ehd1_echonet_lite) {
      // OPCGet 16, or the next frame because this one has no second list (seen in the field). A list of 16 properties
      // has more bytes than a header, so waiting for those asks for nothing that would not come.
      if (side.offset + 2 > size) return {Progress::Kind::need_more, side.offset + 2};
      if (stream[side.offset + 1] == ehd2_format1) {
        if (side.offset + header_length > size) return {Progress::Kind::need_more, side.offset + header_length};
        if (plausible_header(stream.subspan(side.offset))) {
          return end_of_message(side, context, stream.first(side.offset), ParseError::echonet_setget_missing_get, sink);
        }
      }
    }
    side.second_list = true;
    side.left = stream[side.offset];
    ++side.offset;
  }
  return end_of_message(side, context, stream.first(side.offset), ParseError::none, sink);
}

Progress EchonetLiteDissector::end_of_message(StreamSide& side, const MessageContext& context, Bytes bytes,
                                              ParseError error, RecordSink& sink) noexcept {
  FrameEvent frame = read_frame(bytes);
  if (error != ParseError::none && frame.error != ParseError::echonet_opc_zero) {
    frame.error = error;
    frame.error_offset = static_cast<std::uint32_t>(bytes.size());
  }
  message(context, frame, sink, false);
  side = {};
  // A missing second list leaves the place in the stream known; the other errors do not.
  side.unsynchronised = error == ParseError::echonet_bad_epc || error == ParseError::echonet_opc_mismatch;
  const auto length = static_cast<std::uint32_t>(bytes.size());
  if (frame.malformed()) return {Progress::Kind::malformed, length, frame.error, frame.error_offset};
  return {Progress::Kind::consumed, length};
}

void EchonetLiteDissector::gap(void* state, const MessageContext& context, std::uint32_t, RecordSink&) noexcept {
  StreamSide& side = static_cast<StreamState*>(state)->sides[static_cast<unsigned>(context.direction)];
  side = {};
  side.unsynchronised = true;
}

void EchonetLiteDissector::finish(void* state, const MessageContext& context, Bytes left, RecordSink& sink) noexcept {
  StreamSide& side = static_cast<StreamState*>(state)->sides[static_cast<unsigned>(context.direction)];
  if (!left.empty()) {
    if (!side.unsynchronised) {
      message(context, read_frame(left), sink, true);
    } else if (!side.told) {
      sink.anomaly(context, Layer::application, ParseError::echonet_unsynchronised, 0);
      tell_malformed(context, ParseError::echonet_unsynchronised, 0, sink);
    }
  }
  side = {};
}

namespace {

constexpr std::array<std::uint16_t, 1> ports = {port};

std::unique_ptr<dissect::Dissector> make(const dissect::Limits& limits, metrics::WorkerCounters& counters,
                                         HashSeed seed) {
  return std::make_unique<EchonetLiteDissector>(limits, counters, seed);
}

}  // namespace

constinit const dissect::DissectorRow registry_row = {
    AppProtocol::echonet_lite, true, true, ports, sizeof(StreamState), frame_bytes_max, &probe, &make};

}  // namespace tsujiban::echonet_lite
