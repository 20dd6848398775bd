// Bodies: their bytes, and what is inflated of them.
#include <algorithm>

#include "dissectors/http/http_dissector.h"

namespace tsujiban::http {

void HttpDissector::open_inflator(Turn& turn, Coding coding) noexcept {
  if (coding != Coding::gzip && coding != Coding::deflate) return;
  if (budget(turn).is_spent()) {
    // Its bytes pay for the next one.
  } else {
    turn.side.inflator = static_cast<std::uint16_t>(inflators_.open(coding, budget(turn).left()));
    if (turn.side.inflator != 0) return;
    counters_.evicted(metrics::EvictionReason::dissector_state);
  }
  HttpEvent* const event = event_of(turn);
  if (event == nullptr) return;
  event->flags.set(Flag::not_inflated);
  if (!turn.of_request) pages_.drop(*event);
}

void HttpDissector::close_inflator(StreamState& stream, StreamSide& side) noexcept {
  if (is_inflated(side)) {
    stream.inflate[&side - stream.sides].settle(inflators_.input(side.inflator), inflators_.output(side.inflator));
    inflators_.close(side.inflator);
  }
  side.inflator = 0;
}

void HttpDissector::entity(Turn& turn, Bytes piece) noexcept {
  HttpEvent* const event = event_of(turn);
  const BodyOf of = turn.body();
  if (event != nullptr) event->body(of).entity += piece.size();
  if (turn.side.inflator == 0) {
    budget(turn).pay_back(piece.size());
    if (event != nullptr && of == BodyOf::response && event->page != 0) pages_.add(*event, piece);
    return;
  }
  if (!is_inflated(turn.side)) return;
  const InflateEnd end = inflators_.feed(turn.side.inflator, piece, [&](Bytes decoded) {
    if (event != nullptr) consumer_.piece(*event, of, decoded);
  });
  if (end != InflateEnd::more && end != InflateEnd::done) stop_inflating(turn, end);
}

void HttpDissector::stop_inflating(Turn& turn, InflateEnd end) noexcept {
  Flag flag = Flag::not_inflated;
  // How much it had been given depends on the pieces it came in, so none of that pays.
  budget(turn).settle(0, inflators_.output(turn.side.inflator));
  inflators_.close(turn.side.inflator);
  turn.side.inflator = StreamSide::given_up;
  if (end == InflateEnd::broken) {
    flag = Flag::bad_encoding;
    broken(turn, ParseError::http_bad_encoding, 0);
  } else if (end == InflateEnd::bomb) {
    flag = Flag::bomb;
    const unsigned direction = static_cast<unsigned>(turn.context.direction);
    if ((turn.stream.bombed >> direction & 1) == 0) broken(turn, ParseError::http_decompression_bomb, 0);
    turn.stream.bombed = (turn.stream.bombed | 1u << direction) & 3u;
  } else if (end == InflateEnd::limit) {
    flag = Flag::inflate_limit;
  }
  HttpEvent* const event = event_of(turn);
  if (event == nullptr) return;
  event->flags.set(flag);
  if (turn.body() == BodyOf::response) pages_.drop(*event);
}

std::size_t HttpDissector::counted(Turn& turn, Bytes bytes) noexcept {
  StreamSide& side = turn.side;
  const std::size_t size = std::min<std::uint64_t>(side.left, bytes.size());
  side.left -= size;
  if (HttpEvent* const event = event_of(turn)) event->body(turn.body()).wire += size;
  entity(turn, bytes.first(size));
  if (side.left != 0) return size;
  if (side.phase == Phase::body)
    message_over(turn);
  else
    side.phase = Phase::chunk_end;
  return size;
}

}  // namespace tsujiban::http
