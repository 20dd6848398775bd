#include "dissectors/http/http_dissector.h"

#include <algorithm>
#include <utility>

#include "dissectors/http/http_facts.h"
#include "dissectors/http/http_json.h"

namespace tsujiban::http {

using dissect::MessageContext;
using dissect::Probe;
using dissect::Progress;
using dissect::RecordSink;
using dissect::Transport;

namespace {

constexpr auto self = static_cast<std::size_t>(AppProtocol::http);
constexpr std::string_view http2_preface = "PRI * HTTP/2.0";  // RFC 9113, 3.4, up to its line end.
constexpr std::uint16_t status_switching = 101, status_partial = 206;

Depth depth_of_requests(const RecordSink& sink) noexcept {
  if (sink.wants(EventType::http)) return Depth::records;
  const bool facts =
      sink.wants(FactKind::web_request) || sink.wants(FactKind::login) || sink.watches_pages() || sink.hears_calls();
  return facts ? Depth::facts : Depth::framing;
}
Depth depth_of_responses(const RecordSink& sink) noexcept {
  return sink.wants(EventType::http) ? Depth::records : Depth::framing;
}
// Whether anybody wants to know what becomes of this request.
bool is_wanted(const RecordSink& sink, const Head& request) noexcept {
  return sink.wants(EventType::http) || sink.wants(FactKind::web_request) || sink.watches_pages() ||
         (sink.wants(FactKind::login) && tries_login(request));
}

const std::uint8_t* find_line_end(Bytes bytes, std::size_t from) noexcept {
  return static_cast<const std::uint8_t*>(std::memchr(bytes.data() + from, '\n', bytes.size() - from));
}

// A line without its end: CR LF, or LF alone.
Bytes without_end(Bytes line) noexcept {
  std::size_t size = line.size() - 1;
  if (size > 0 && line[size - 1] == '\r') --size;
  return line.first(size);
}

std::size_t find(Bytes bytes, std::string_view text, std::size_t from) noexcept {
  if (from >= bytes.size()) return std::string_view::npos;
  const auto* const at =
      static_cast<const std::uint8_t*>(memmem(bytes.data() + from, bytes.size() - from, text.data(), text.size()));
  return at == nullptr ? std::string_view::npos : static_cast<std::size_t>(at - bytes.data());
}

}  // namespace

Probe probe(Transport transport, bool port_hint, Bytes first) noexcept {
  if (transport == Transport::datagram || first.empty()) return Probe::not_mine;
  if (can_begin_response(first)) {
    // A token as well as the beginning of a response: "HTT".
    if (first.size() < response_mark.size()) return Probe::unsure;
    return text_of(first).substr(5).starts_with("1.") ? Probe::mine : Probe::not_mine;
  }
  if (!can_begin_request(first)) return Probe::not_mine;
  const std::uint8_t* const end = find_line_end(first, 0);
  if (end != nullptr)
    return is_request_line(text_of(without_end(first.first(static_cast<std::size_t>(end - first.data()) + 1))))
               ? Probe::mine
               : Probe::not_mine;
  // RTSP and SIP have methods of the same names; what tells them apart stands in their targets.
  const std::string_view text = text_of(first);
  const std::size_t space = text.find(' ');
  if (space == std::string_view::npos || space + 1 == text.size()) return Probe::unsure;
  const bool known = type_of_method(text.substr(0, space)) != type_other_method;
  const std::string_view target = text.substr(space + 1);
  if (target[0] == '/' && (known || port_hint)) return Probe::mine;
  if (known && target.size() >= 4 && equals_ignoring_case(target.substr(0, 4), "http")) return Probe::mine;
  return Probe::unsure;
}

std::string_view message_type_name(std::uint8_t type) noexcept {
  static constexpr std::array<std::string_view, 16> names = {
      "get",   "head",         "post", "put", "delete", "connect", "options", "trace",
      "patch", "other_method", "1xx",  "2xx", "3xx",    "4xx",     "5xx",     "other_status"};
  return type < names.size() ? names[type] : std::string_view{};
}

HttpDissector::Turn HttpDissector::turn_of(void* state, const MessageContext& context, RecordSink& sink) noexcept {
  StreamState& stream = *static_cast<StreamState*>(state);
  const auto direction = static_cast<unsigned>(context.direction);
  return {stream, stream.sides[direction], context, sink, stream.client == direction + 1};
}

Progress HttpDissector::feed(void* state, const MessageContext& context, Bytes bytes, RecordSink& sink) noexcept {
  Turn turn = turn_of(state, context, sink);
  if (turn.stream.client == 0) {
    // Who speaks HTTP/ first in a line is the server, wherever the flow began.
    if (can_begin_response(bytes) && bytes.size() < 5) return {Progress::Kind::need_more, 5};
    const auto direction = static_cast<unsigned>(context.direction);
    turn.of_request = !can_begin_response(bytes);
    turn.stream.client = static_cast<std::uint8_t>(turn.of_request ? direction + 1 : 2 - direction);
  }
  turn.stream.spoken = (turn.stream.spoken | 1u << static_cast<unsigned>(context.direction)) & 3u;
  std::size_t used = 0;
  while (used < bytes.size()) {
    turn.needed = 0;
    const std::size_t more = step(turn, bytes.subspan(used));
    if (turn.give_up) return {Progress::Kind::give_up};
    if (more == 0) break;
    used += more;
  }
  if (used == 0) return {Progress::Kind::need_more, turn.needed};
  return {Progress::Kind::consumed, static_cast<std::uint32_t>(used)};
}

std::size_t HttpDissector::step(Turn& turn, Bytes bytes) noexcept {
  switch (turn.side.phase) {
    case Phase::head:
      return head(turn, bytes);
    case Phase::body:
    case Phase::chunk_data:
      return counted(turn, bytes);
    case Phase::chunk_size:
    case Phase::trailers:
      return line(turn, bytes);
    case Phase::chunk_end:
      return chunk_end(turn, bytes);
    case Phase::until_close:
      if (HttpEvent* const event = event_of(turn)) event->body(turn.body()).wire += bytes.size();
      entity(turn, bytes);
      return bytes.size();
    case Phase::tunnel:
      return bytes.size();
    case Phase::lost:
      return resynchronise(turn, bytes);
  }
  return bytes.size();
}

void HttpDissector::lose(StreamSide& side) noexcept {
  side.phase = Phase::lost;
  side.scan = {};
}

void HttpDissector::broken(Turn& turn, ParseError error, std::uint32_t offset) noexcept {
  counters_.messages_malformed[self].add();
  turn.sink.anomaly(turn.context, Layer::application, error, offset);
}

// A head that is here whole and has nothing odd about it.
std::size_t HttpDissector::plain_head(Turn& turn, Bytes bytes) noexcept {
  Scratch scratch(scratch_.as<char>(), scratch_bytes);
  Head head;
  std::size_t size = 0;
  if (turn.of_request) {
    size = read_plain_request(bytes, depth_of_requests(turn.sink), scratch, head);
    if (size != 0) request(turn, head, bytes.first(size));
  } else {
    size = read_plain_response(bytes, depth_of_responses(turn.sink), scratch, head);
    if (size != 0) response(turn, head, bytes.first(size));
  }
  return size;
}

std::size_t HttpDissector::head(Turn& turn, Bytes bytes) noexcept {
  StreamSide::Scan& scan = turn.side.scan;
  if (scan.scanned == 0) {
    if (const std::size_t size = plain_head(turn, bytes); size != 0) return size;
    // Empty lines before a start line are passed over (RFC 9112, 2.2).
    std::size_t empty = 0;
    while (empty < bytes.size() && (bytes[empty] == '\r' || bytes[empty] == '\n')) ++empty;
    if (empty != 0) return empty;
  }
  // A loss is told at the first byte, and what is passed over does not depend on the pieces that the bytes came in. It
  // is as much as was looked at in vain, so that no byte is looked at twice for long.
  const auto wrong = [&](ParseError error, std::size_t skipped) -> std::size_t {
    // Behind CONNECT the tunnel's bytes may come before the answer that opens it.
    const bool tunnelled = turn.of_request && turn.stream.connects != 0;
    if (!tunnelled) broken(turn, error, 0);
    lose(turn.side);
    return skipped;
  };
  if (scan.line == 0 && !(turn.of_request ? can_begin_request(bytes) : can_begin_response(bytes)))
    return wrong(ParseError::http_bad_start_line, 1);
  while (true) {
    const std::uint8_t* const end = find_line_end(bytes, scan.scanned);
    if (end == nullptr) break;
    const auto next = static_cast<std::uint32_t>(end - bytes.data()) + 1;
    const std::size_t size = without_end(bytes.subspan(scan.line, next - scan.line)).size();
    if (scan.line == 0) {
      if (size > start_line_bytes_max) return wrong(ParseError::http_line_too_long, start_line_bytes_max);
      const std::string_view text = text_of(bytes.first(size));
      if (turn.of_request ? !is_request_line(text) : text.size() < response_mark.size())
        return wrong(ParseError::http_bad_start_line, 1);
    } else if (size == 0) {
      if (next > head_bytes_max) break;
      scan = {};
      const Bytes whole = bytes.first(next);
      Scratch scratch(scratch_.as<char>(), scratch_bytes);
      Head head;
      if (turn.of_request) {
        read_request(whole, depth_of_requests(turn.sink), scratch, head);
        request(turn, head, whole);
      } else {
        read_response(whole, depth_of_responses(turn.sink), scratch, head);
        response(turn, head, whole);
      }
      return next;
    }
    scan = {next, next};
  }
  scan.scanned = static_cast<std::uint32_t>(bytes.size());
  if (scan.line == 0 && bytes.size() > start_line_bytes_max + 1)
    return wrong(ParseError::http_line_too_long, start_line_bytes_max);
  if (bytes.size() > head_bytes_max) return wrong(ParseError::http_headers_too_long, head_bytes_max);
  return 0;
}

void HttpDissector::judge(Turn& turn, const Head& head) noexcept {
  const auto tell = [&](ParseError error, std::uint32_t offset = 0) {
    turn.sink.anomaly(turn.context, Layer::application, error, offset);
  };
  if (!head.version1) tell(ParseError::bad_version);
  if (head.flags.has(Flag::bad_header)) tell(ParseError::http_bad_header, head.bad_header_offset);
  if (head.flags.has(Flag::too_many_headers)) tell(ParseError::http_too_many_headers);
  if (head.flags.has(Flag::length_invalid)) tell(ParseError::bad_length);
  if (head.flags.has(Flag::te_and_cl) || head.flags.has(Flag::lengths_differ) || head.flags.has(Flag::te_not_chunked))
    tell(ParseError::http_ambiguous_length);
}

std::uint32_t HttpDissector::make_event(Turn& turn, bool wanted) noexcept {
  const std::uint32_t transaction = turn.stream.transactions++;
  if (!wanted) return 0;
  const std::uint32_t index = events_.make();
  if (index == 0)
    counters_.evicted(metrics::EvictionReason::pairing_table);
  else
    events_[index].transaction = transaction;
  return index;
}

void HttpDissector::remember_request(Turn& turn, const Head& head) noexcept {
  StreamState& stream = turn.stream;
  while (stream.outstanding == outstanding_max) {
    // The response of the oldest may still come; it must not be taken for another's. Where it is under way already, it
    // ends here.
    StreamSide& server = stream.sides[2 - stream.client];
    if (server.answers) {
      server.answers = false;
      server.event = 0;
    } else if (stream.gave_way != 0xFF) {
      ++stream.gave_way;
    }
    if ((stream.recorded & 1) != 0) events_[stream.first].flags.set(Flag::gave_way);
    pop(turn);
  }
  const std::uint32_t bit = 1u << stream.outstanding++;
  const bool connects = head.type == type_connect;
  if (head.type == type_head) stream.heads |= bit;
  if (connects) stream.connects |= bit;
  const std::uint32_t index = make_event(turn, is_wanted(turn.sink, head));
  turn.side.event = index;
  if (index == 0) return;
  stream.recorded |= bit;
  (stream.last != 0 ? events_[stream.last].next : stream.first) = index;
  stream.last = index;

  HttpEvent& event = events_[index];
  event.flags = head.flags;
  event.cookie = head.cookie;
  const std::string_view url = head[Field::url];
  const std::string_view in_url = connects ? url : authority_of(url);
  std::int32_t host_port = -1;
  std::string_view host = host_of(head[Field::host], host_port);
  event.port = host_port;
  if (!in_url.empty()) {
    if (!connects) event.flags.set(Flag::absolute_form);
    if (in_url.find('@') != std::string_view::npos) event.flags.set(Flag::userinfo);
    const std::string_view named = host_of(in_url, event.port);
    if (head[Field::host].data() != nullptr &&
        (!same_ignoring_case(named, host) || (host_port >= 0 && host_port != event.port)))
      event.flags.set(Flag::host_differs);
    host = named;
  }
  if (!connects && (turn.sink.wants(FactKind::web_request) || turn.sink.watches_pages())) {
    const std::string_view target =
        in_url.empty() ? url : url.substr(static_cast<std::size_t>(in_url.data() + in_url.size() - url.data()));
    event.url_hash = url_hash_of(host, target);
  }
  if (turn.sink.wants(FactKind::login)) note_login(event, head);
  events_.put(event, Field::host, host);
  if (!turn.sink.wants(EventType::http)) return;
  events_.put(event, Field::method, head[Field::method]);
  events_.put(event, Field::url, url);
  for (const Field field :
       {Field::protocol, Field::user_agent, Field::referer, Field::forwarded_for, Field::authorization,
        Field::authorization_user, Field::proxy_authorization, Field::request_content_type,
        Field::request_transfer_encoding, Field::request_content_encoding})
    events_.put(event, field, head[field]);
}

// Whom the request is meant for (RFC 9112, 3.2.2: an absolute target counts, not Host).
void HttpDissector::tell_call(Turn& turn, const Head& head) noexcept {
  std::int32_t port = -1;
  const std::string_view in_url = authority_of(head[Field::url]);
  std::string_view host = host_of(in_url.empty() ? head[Field::host] : in_url, port);
  if (host.ends_with('.')) host.remove_suffix(1);
  std::array<char, 256> lower;
  if (host.size() > lower.size()) host = {};
  std::copy(host.begin(), host.end(), lower.begin());
  make_lower(lower.data(), host.size());
  turn.sink.calls(turn.context, {lower.data(), host.size()});
}

void HttpDissector::request(Turn& turn, const Head& head, Bytes bytes) noexcept {
  if (text_of(bytes).starts_with(http2_preface)) {
    turn.sink.anomaly(turn.context, Layer::application, ParseError::unsupported, 0);
    turn.give_up = true;
    return;
  }
  counters_.messages[self][head.type].add();
  judge(turn, head);
  if (turn.sink.hears_calls()) tell_call(turn, head);
  remember_request(turn, head);
  StreamSide& side = turn.side;
  // RFC 9112, 6.3.
  if (head.has_transfer_encoding && head.chunked) {
    side.phase = Phase::chunk_size;
    side.scan = {};
  } else if (head.content_length > 0) {
    side.phase = Phase::body;
    side.left = static_cast<std::uint64_t>(head.content_length);
  } else {
    return message_over(turn);
  }
  open_inflator(turn, head.coding);
}

void HttpDissector::remember_response(HttpEvent& event, const Head& head) noexcept {
  event.has_response = true;
  event.status = head.status;
  event.set_cookie = head.cookie;
  event.chunked_response = head.has_transfer_encoding && head.chunked;
  event.flags.join(head.flags);
  for (const Field field :
       {Field::status_text, Field::content_type, Field::content_range, Field::location, Field::server, Field::date,
        Field::www_authenticate, Field::upgrade, Field::transfer_encoding, Field::content_encoding})
    events_.put(event, field, head[field]);
}

void HttpDissector::response(Turn& turn, const Head& head, Bytes bytes) noexcept {
  StreamState& stream = turn.stream;
  StreamSide& side = turn.side;
  counters_.messages[self][head.type].add();
  judge(turn, head);
  const bool of_request = stream.outstanding != 0 && stream.gave_way == 0;
  const bool informational = head.status >= 100 && head.status < 200 && head.status != status_switching;
  if (informational) {
    if (of_request && (stream.recorded & 1) != 0) ++events_[stream.first].interim;
    return;
  }
  side.answers = of_request;
  if (of_request) {
    side.event = (stream.recorded & 1) != 0 ? stream.first : 0;
  } else {
    if (stream.gave_way != 0) --stream.gave_way;
    side.event = make_event(turn, turn.sink.wants(EventType::http));
    if (side.event != 0) events_[side.event].flags.set(Flag::no_request);
  }
  if (HttpEvent* const event = event_of(turn)) {
    remember_response(*event, head);
    tell_login(turn.context, *event, bytes, turn.sink);
  }
  const bool to_head = of_request && (stream.heads & 1) != 0, to_connect = of_request && (stream.connects & 1) != 0;
  if (head.status == status_switching || (to_connect && head.status >= 200 && head.status < 300)) {
    message_over(turn);
    return tunnel(turn);
  }
  // RFC 9112, 6.3.
  if (to_head || head.status == 204 || head.status == 304) return message_over(turn);
  open_page(turn, head);
  if (head.has_transfer_encoding && head.chunked) {
    side.phase = Phase::chunk_size;
    side.scan = {};
  } else if (head.content_length == 0) {
    return message_over(turn);
  } else if (head.content_length > 0) {
    side.phase = Phase::body;
    side.left = static_cast<std::uint64_t>(head.content_length);
  } else {
    side.phase = Phase::until_close;
  }
  open_inflator(turn, head.coding);
}

void HttpDissector::tunnel(Turn& turn) noexcept {
  for (StreamSide& side : turn.stream.sides) {
    close_inflator(turn.stream, side);
    side.event = 0;
    side.answers = false;
    side.phase = Phase::tunnel;
  }
  flush(turn);
}

void HttpDissector::open_page(Turn& turn, const Head& head) noexcept {
  HttpEvent* const event = event_of(turn);
  if (event == nullptr || event->url_hash == 0 || !turn.sink.watches_pages()) return;
  // A part of a page is none, and of a coding that is not read nothing is known.
  const bool readable = head.coding != Coding::other && event->status != status_partial;
  if (!readable || !turn.sink.is_watched(event->url_hash)) return;
  event->page = pages_.open();
  if (event->page == 0) counters_.evicted(metrics::EvictionReason::dissector_state);
}

void HttpDissector::release(std::uint32_t index) noexcept {
  pages_.drop(events_[index]);
  events_.release(index);
}

void HttpDissector::message_over(Turn& turn) noexcept {
  StreamSide& side = turn.side;
  if (HttpEvent* const event = event_of(turn); event != nullptr && is_inflated(side))
    consumer_.over(*event, turn.body(), inflators_.is_whole(side.inflator));
  if (HttpEvent* const event = event_of(turn); event != nullptr && event->page != 0 && !turn.of_request) {
    const bool cut = event->flags.has(Flag::bad_chunk) || event->flags.has(Flag::incomplete);
    const bool whole = is_inflated(side) ? inflators_.is_whole(side.inflator) : !cut;
    if (whole) pages_.tell(turn.context, *event, turn.sink);
    pages_.drop(*event);
  }
  close_inflator(turn.stream, side);
  const std::uint32_t event = std::exchange(side.event, 0);
  side.phase = Phase::head;
  side.scan = {};
  if (turn.of_request) return;
  if (std::exchange(side.answers, false))
    pop(turn);
  else if (event != 0)
    write(turn, event);
}

void HttpDissector::pop(Turn& turn) noexcept {
  StreamState& stream = turn.stream;
  const bool recorded = (stream.recorded & 1) != 0;
  stream.heads >>= 1;
  stream.connects >>= 1;
  stream.recorded >>= 1;
  --stream.outstanding;
  if (!recorded) return;
  const std::uint32_t index = stream.first;
  stream.first = events_[index].next;
  if (stream.first == 0) stream.last = 0;
  StreamSide& client = stream.sides[stream.client - 1u];
  if (client.event == index) {
    // Answered before its body was over.
    events_[index].flags.set(Flag::request_unfinished);
    client.event = 0;
  }
  write(turn, index);
}

void HttpDissector::flush(Turn& turn) noexcept {
  while (turn.stream.outstanding != 0) pop(turn);
}

void HttpDissector::write(Turn& turn, std::uint32_t index) noexcept {
  const HttpEvent& event = events_[index];
  if (!event.flags.has(Flag::no_request) && turn.sink.wants(FactKind::web_request))
    tell_request(turn.context, turn.of_request, events_, event, turn.sink);
  // As Suricata does, the client is the source whoever spoke last.
  MessageContext of_record = turn.context;
  if (!turn.of_request) {
    std::swap(of_record.source, of_record.destination);
    std::swap(of_record.source_port, of_record.destination_port);
  }
  JsonWriter* const writer = turn.sink.wants(EventType::http) ? turn.sink.begin(EventType::http, of_record) : nullptr;
  if (writer != nullptr) {
    writer->key("http");
    writer->begin_object();
    write_event(*writer, events_, event, turn.sink.mask());
    writer->end_object();
    writer->field("tx_id", event.transaction);
    turn.sink.end();
  }
  release(index);
}

std::size_t HttpDissector::resynchronise(Turn& turn, Bytes bytes) noexcept {
  return turn.of_request ? next_request(turn, bytes) : next_response(turn, bytes);
}

// The bytes from the last line end on are kept: a start line may begin anywhere in them, because a body need not end
// with a line end.
std::size_t HttpDissector::next_request(Turn& turn, Bytes bytes) noexcept {
  StreamSide& side = turn.side;
  while (true) {
    const std::size_t version = find(bytes, request_mark, side.scan.scanned);
    if (version == std::string_view::npos) break;
    const std::size_t start = request_before(bytes, version);
    if (start != std::string_view::npos) {
      side.phase = Phase::head;
      side.scan = {};
      return start != 0 ? start : head(turn, bytes);
    }
    side.scan.scanned = static_cast<std::uint32_t>(version) + 1;
  }
  const std::size_t undecided = std::min(bytes.size(), request_mark.size() - 1);
  std::size_t keep = start_line_bytes_max + request_mark.size();
  if (const auto* const end = static_cast<const std::uint8_t*>(memrchr(bytes.data(), '\n', bytes.size())))
    keep = std::min(keep, static_cast<std::size_t>(bytes.data() + bytes.size() - end) - 1);
  keep = std::min(std::max(keep, undecided), bytes.size());
  side.scan.scanned = static_cast<std::uint32_t>(keep - std::min(undecided, keep));
  return bytes.size() - keep;
}

std::size_t HttpDissector::next_response(Turn& turn, Bytes bytes) noexcept {
  StreamSide& side = turn.side;
  for (std::size_t from = 0;; ++from) {
    from = find(bytes, response_mark, from);
    if (from == std::string_view::npos) break;
    if (bytes.size() - from < response_start_bytes) {
      turn.needed = response_start_bytes;
      return from;
    }
    if (!is_response_start(bytes.subspan(from))) continue;
    side.phase = Phase::head;
    side.scan = {};
    return from != 0 ? from : head(turn, bytes);
  }
  const std::size_t keep = std::min(bytes.size(), response_mark.size() - 1);
  return bytes.size() - keep;
}

void HttpDissector::gap(void* state, const MessageContext& context, std::uint32_t missing, RecordSink& sink) noexcept {
  Turn turn = turn_of(state, context, sink);
  StreamSide& side = turn.side;
  HttpEvent* const event = event_of(turn);
  if (event != nullptr) {
    event->flags.set(Flag::gap);
    if (!turn.of_request) pages_.drop(*event);
  }
  close_inflator(turn.stream, side);
  switch (side.phase) {
    case Phase::body:
    case Phase::chunk_data:
      if (missing > side.left) break;
      // The lengths keep the place.
      side.left -= missing;
      if (event != nullptr) event->body(turn.body()).wire += missing;
      if (event != nullptr) event->body(turn.body()).entity += missing;
      if (side.left != 0) return;
      if (side.phase == Phase::chunk_data)
        side.phase = Phase::chunk_end;
      else
        message_over(turn);
      return;
    case Phase::until_close:
    case Phase::tunnel:
      return;
    default:
      break;
  }
  if (turn.of_request) {
    side.event = 0;
  } else {
    // Which of the outstanding requests were answered within the gap nobody knows.
    if (event != nullptr && !side.answers) write(turn, side.event);
    side.event = 0;
    side.answers = false;
    for (std::uint32_t at = turn.stream.first; at != 0; at = events_[at].next) events_[at].flags.set(Flag::gap);
    flush(turn);
    turn.stream.gave_way = 0;
  }
  lose(side);
}

void HttpDissector::finish(void* state, const MessageContext& context, Bytes left, RecordSink& sink) noexcept {
  Turn turn = turn_of(state, context, sink);
  StreamState& stream = turn.stream;
  StreamSide& side = turn.side;
  if (stream.client == 0) return;
  const auto direction = static_cast<unsigned>(context.direction);
  stream.finished = (stream.finished | 1u << direction) & 3u;
  const bool in_body = side.phase != Phase::head && side.phase != Phase::tunnel && side.phase != Phase::lost;
  if (side.phase == Phase::head && !left.empty()) broken(turn, ParseError::truncated, 0);
  if (in_body) {
    if (HttpEvent* const event = event_of(turn); event != nullptr && side.phase != Phase::until_close)
      event->flags.set(turn.of_request ? Flag::request_unfinished : Flag::incomplete);
    message_over(turn);
  }
  side.event = 0;
  lose(side);
  // Where the server was never heard its direction is not finished either, and nothing comes after this.
  const bool one_sided = turn.of_request && (stream.spoken & ~(1u << direction)) == 0;
  if (!turn.of_request || stream.finished == 3 || one_sided) flush(turn);
}

void HttpDissector::close(void* state) noexcept {
  StreamState& stream = *static_cast<StreamState*>(state);
  for (StreamSide& side : stream.sides) {
    close_inflator(stream, side);
    // A response without a request is in no queue.
    if (side.event != 0 && events_[side.event].flags.has(Flag::no_request)) release(side.event);
    side.event = 0;
    side.answers = false;
  }
  while (stream.first != 0) {
    const std::uint32_t index = stream.first;
    stream.first = events_[index].next;
    release(index);
  }
  stream.last = stream.recorded = stream.outstanding = 0;
}

namespace {

constexpr std::array<std::uint16_t, 3> ports = {80, 8000, 8080};

std::unique_ptr<dissect::Dissector> make(const dissect::Limits& limits, metrics::WorkerCounters& counters, HashSeed) {
  return std::make_unique<HttpDissector>(limits, counters);
}

}  // namespace

constinit const dissect::DissectorRow registry_row = {AppProtocol::http,  false,  true, ports, sizeof(StreamState),
                                                      head_bytes_max + 2, &probe, &make};

}  // namespace tsujiban::http
