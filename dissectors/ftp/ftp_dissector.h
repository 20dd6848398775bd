#pragma once
#include <algorithm>
#include <array>

#include "base/pool.h"
#include "dissect/dissector.h"
#include "dissectors/ftp/ftp_wire.h"

namespace tsujiban::ftp {

// Commands of one stream that wait for their reply. A further one gives up the oldest, which is then recorded alone.
inline constexpr unsigned outstanding_max = 16;
// Room is made for one command with its reply in so many streams: most wait for none.
inline constexpr std::uint32_t streams_per_exchange = 8;
inline constexpr std::size_t argument_bytes_max = 512;  // Of a command, that a record shows.
inline constexpr std::size_t replies_bytes_max = 3072;  // Of a reply's texts, as JSON.
inline constexpr std::size_t codes_max = 64;            // Of a reply, that a record shows.
// So many lines in a row that are neither command nor reply: the stream is none of FTP.
inline constexpr unsigned unreadable_lines_max = 16;

dissect::Probe probe(dissect::Transport transport, bool port_hint, Bytes first) noexcept;

// The name of a counter's message type: a command in lower case, or a reply's class ("2xx").
std::string_view message_type_name(std::uint8_t type) noexcept;

struct StreamSide {
  std::uint8_t unreadable;  // Lines in a row that are none.
  bool skipping;            // Up to the next line end: the rest of a line that is too long, or bytes were lost.
  bool spoke;
  bool finished;
};
struct StreamState {
  std::uint64_t user_hash;                          // Of the last USER.
  std::uint32_t first, last;                        // Exchanges of outstanding commands that have one; 0: none.
  std::uint32_t alone;                              // The exchange of a reply without a command.
  std::array<std::uint8_t, outstanding_max> verbs;  // Of the outstanding commands, oldest first.
  std::uint16_t recorded;                           // Bit per outstanding command: it has an exchange.
  std::uint16_t reply_code;                         // Of the reply whose lines go on; 0: none.
  std::uint8_t outstanding;
  std::uint8_t gave_way;  // Commands that left unanswered, whose replies are still to come.
  std::uint8_t client;    // Direction of commands + 1; 0: not known yet.
  bool lossy;             // Bytes were lost: a reply without a command is nobody's fault.
  bool greeted;
  bool reply_is_alone;  // The reply whose lines go on answers nothing.
  StreamSide sides[2];  // By Direction.
};
static_assert(sizeof(StreamState) <= 64 && std::is_trivially_destructible_v<StreamState>);

// The control connection (RFC 959), until it is encrypted (RFC 4217).
class FtpDissector final : public dissect::Dissector {
 public:
  FtpDissector(const dissect::Limits& limits, metrics::WorkerCounters& counters)
      : exchanges_(std::max(limits.open_streams / streams_per_exchange, 1u)), counters_(counters) {}

  void datagram(const dissect::MessageContext&, Bytes, dissect::RecordSink&) noexcept override {}
  dissect::Progress feed(void* state, const dissect::MessageContext& context, Bytes stream,
                         dissect::RecordSink& sink) noexcept override;
  void gap(void* state, const dissect::MessageContext& context, std::uint32_t missing,
           dissect::RecordSink& sink) noexcept override;
  void finish(void* state, const dissect::MessageContext& context, Bytes left,
              dissect::RecordSink& sink) noexcept override;
  void close(void* state) noexcept override;

  // Exchanges of all streams that wait.
  std::uint32_t outstanding() const noexcept { return exchanges_.size(); }

 private:
  // A command and its reply so far. Never a password.
  struct Exchange {
    Exchange() noexcept {}  // Begun by `begin_exchange`; the texts are written before they are read.
    std::uint32_t next;
    std::uint16_t argument_size, replies_size;
    std::uint8_t name_size, codes;
    Verb verb;
    bool argument_cut, replies_cut, replied, secret;
    Endpoint endpoint;
    std::array<char, verb_bytes_max> name;
    std::array<char, argument_bytes_max> argument;
    std::array<std::uint16_t, codes_max> code;
    std::array<char, replies_bytes_max> replies;
  };
  // One direction of one stream during one call.
  struct Turn {
    StreamState& stream;
    StreamSide& side;
    const dissect::MessageContext& context;
    dissect::RecordSink& sink;
    bool of_client;
    bool done = false;
    ParseError error = ParseError::none;
    std::uint32_t error_offset = 0;
  };
  static Turn turn_of(void* state, const dissect::MessageContext& context, dissect::RecordSink& sink) noexcept;
  void line(Turn& turn, std::string_view line, bool cut) noexcept;
  void command(Turn& turn, std::string_view line, bool cut) noexcept;
  void reply(Turn& turn, std::string_view line, bool cut) noexcept;
  void reply_over(Turn& turn, std::uint16_t code, std::string_view text) noexcept;
  void judge_login(Turn& turn, Verb verb, std::uint16_t code) noexcept;
  void unreadable(Turn& turn) noexcept;
  std::uint32_t begin_exchange(Turn& turn) noexcept;
  void add_reply(Turn& turn, Exchange& exchange, const Reply& reply, bool cut) noexcept;
  Exchange* reply_exchange(Turn& turn) noexcept;
  // The oldest outstanding command leaves the queue; with its record, where it has one.
  void pop(Turn& turn) noexcept;
  void flush(Turn& turn) noexcept;
  // Writes the record and gives the exchange back.
  void write(Turn& turn, std::uint32_t index) noexcept;

  Pool<Exchange> exchanges_;
  metrics::WorkerCounters& counters_;
};

// The row of the registry.
extern const dissect::DissectorRow registry_row;

}  // namespace tsujiban::ftp
