#pragma once
#include "dissect/dissector.h"
#include "dissectors/http/http_event.h"
#include "dissectors/http/http_inflate.h"
#include "dissectors/http/http_page.h"

namespace tsujiban::http {

// Requests whose responses have not come; the oldest gives way to a new one.
inline constexpr unsigned outstanding_max = 32;

dissect::Probe probe(dissect::Transport transport, bool port_hint, Bytes first) noexcept;

// The name of a counter's message type: a method in lower case, or a status class ("2xx").
std::string_view message_type_name(std::uint8_t type) noexcept;

// What a direction of a stream is in.
enum class Phase : std::uint8_t {
  head,
  body,        // `left` bytes of a known length.
  chunk_size,  // A size line.
  chunk_data,  // `left` bytes of a chunk.
  chunk_end,   // The line end behind them.
  trailers,
  until_close,
  tunnel,  // Behind CONNECT or an upgrade: no HTTP any more.
  lost,    // Looking for the next message.
};
struct StreamSide {
  struct Scan {
    std::uint32_t scanned;  // Bytes looked at already, so that none is looked at again with each piece.
    std::uint32_t line;     // Where the line begins that is not whole; of trailers the bytes so far.
  };
  union {
    std::uint64_t left;  // body, chunk_data.
    Scan scan;           // The other phases.
  };
  std::uint32_t event;     // Whose message it is, while its body is under way; 0: nobody wants it, or none.
  std::uint16_t inflator;  // Of that body; 0: none. `given_up`: it is passed over undecoded.
  static constexpr std::uint16_t given_up = 0xFFFF;
  Phase phase;
  bool answers;  // The response under way is the oldest outstanding request's.
};
struct StreamState {
  StreamSide sides[2];                      // By Direction.
  std::uint32_t first, last;                // Events of outstanding requests, oldest first.
  std::uint32_t heads, connects, recorded;  // Bit per outstanding request: HEAD, CONNECT, has an event.
  std::uint32_t transactions;               // Suricata's tx_id of the next one.
  InflateBudget inflate[2];                 // By Direction.
  std::uint8_t outstanding;
  std::uint8_t gave_way;  // Requests that left the queue unanswered, whose responses are still to come.
  std::uint8_t client;    // Direction of requests + 1; 0: not known yet.
  // Bit per direction:
  std::uint8_t finished : 2;  // It is over.
  std::uint8_t spoken : 2;    // Something came.
  std::uint8_t bombed : 2;    // It unpacked further than it may, and that was told.
};
static_assert(sizeof(StreamState) <= 64 && std::is_trivially_destructible_v<StreamState>);

// HTTP/1.x (RFC 9112): heads in one piece, bodies piece by piece.
class HttpDissector final : public dissect::Dissector {
 public:
  HttpDissector(const dissect::Limits& limits, metrics::WorkerCounters& counters)
      : counters_(counters), events_(limits.open_streams), scratch_(scratch_bytes) {}

  void datagram(const dissect::MessageContext&, Bytes, dissect::RecordSink&) noexcept override {}
  dissect::Progress feed(void* state, const dissect::MessageContext& context, Bytes stream,
                         dissect::RecordSink& sink) noexcept override;
  void gap(void* state, const dissect::MessageContext& context, std::uint32_t missing,
           dissect::RecordSink& sink) noexcept override;
  void finish(void* state, const dissect::MessageContext& context, Bytes left,
              dissect::RecordSink& sink) noexcept override;
  void close(void* state) noexcept override;

  // For tests: what is in use now.
  std::uint32_t events_in_use() const noexcept { return events_.size(); }
  std::uint32_t inflators_in_use() const noexcept { return inflators_.size(); }
  std::uint32_t pages_in_use() const noexcept { return pages_.size(); }

 private:
  // One direction of one stream during one call.
  struct Turn {
    StreamState& stream;
    StreamSide& side;
    const dissect::MessageContext& context;
    dissect::RecordSink& sink;
    bool of_request;
    bool give_up = false;
    std::uint32_t needed = 0;  // When a step used nothing.
    BodyOf body() const noexcept { return of_request ? BodyOf::request : BodyOf::response; }
  };
  static Turn turn_of(void* state, const dissect::MessageContext& context, dissect::RecordSink& sink) noexcept;

  // Each step returns how many bytes it used; 0: it needs more.
  std::size_t step(Turn& turn, Bytes bytes) noexcept;
  std::size_t head(Turn& turn, Bytes bytes) noexcept;
  std::size_t plain_head(Turn& turn, Bytes bytes) noexcept;
  std::size_t line(Turn& turn, Bytes bytes) noexcept;
  std::size_t whole_chunks(Turn& turn, Bytes bytes) noexcept;
  std::size_t chunk_size(Turn& turn, Bytes line, std::size_t used) noexcept;
  std::size_t chunk_end(Turn& turn, Bytes bytes) noexcept;
  std::size_t counted(Turn& turn, Bytes bytes) noexcept;
  std::size_t resynchronise(Turn& turn, Bytes bytes) noexcept;
  std::size_t next_request(Turn& turn, Bytes bytes) noexcept;
  std::size_t next_response(Turn& turn, Bytes bytes) noexcept;

  void request(Turn& turn, const Head& head, Bytes bytes) noexcept;
  void response(Turn& turn, const Head& head, Bytes bytes) noexcept;
  void judge(Turn& turn, const Head& head) noexcept;
  static void tell_call(Turn& turn, const Head& head) noexcept;
  void remember_request(Turn& turn, const Head& head) noexcept;
  void remember_response(HttpEvent& event, const Head& head) noexcept;
  std::uint32_t make_event(Turn& turn, bool wanted) noexcept;

  void open_page(Turn& turn, const Head& head) noexcept;
  // Gives an event and what it has open back.
  void release(std::uint32_t index) noexcept;
  void open_inflator(Turn& turn, Coding coding) noexcept;
  void close_inflator(StreamState& stream, StreamSide& side) noexcept;
  // The body under way does not go on in its inflator, because of `end`.
  void stop_inflating(Turn& turn, InflateEnd end) noexcept;
  // Bytes of a message's body, without chunk lines.
  void entity(Turn& turn, Bytes piece) noexcept;
  void message_over(Turn& turn) noexcept;
  void broken(Turn& turn, ParseError error, std::uint32_t offset) noexcept;
  static void lose(StreamSide& side) noexcept;
  static bool is_inflated(const StreamSide& side) noexcept {
    return side.inflator != 0 && side.inflator != StreamSide::given_up;
  }
  InflateBudget& budget(Turn& turn) noexcept {
    return turn.stream.inflate[static_cast<unsigned>(turn.context.direction)];
  }
  // Whether anybody looks at the bytes of the body under way, beyond their number.
  bool is_body_read(Turn& turn) noexcept {
    const HttpEvent* const event = event_of(turn);
    return is_inflated(turn.side) || (event != nullptr && event->page != 0 && !turn.of_request);
  }
  HttpEvent* event_of(Turn& turn) noexcept { return turn.side.event != 0 ? &events_[turn.side.event] : nullptr; }

  // The oldest outstanding request leaves the queue; with its record, where it has one.
  void pop(Turn& turn) noexcept;
  void flush(Turn& turn) noexcept;
  // Writes the record and gives the event back.
  void write(Turn& turn, std::uint32_t index) noexcept;
  void tunnel(Turn& turn) noexcept;

  metrics::WorkerCounters& counters_;
  Events events_;
  Inflators inflators_;
  Pages pages_;
  BodyReader consumer_{pages_};
  ReservedMemory scratch_;
};

// The row of the registry.
extern const dissect::DissectorRow registry_row;

}  // namespace tsujiban::http
