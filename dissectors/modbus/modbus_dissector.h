#pragma once
#include <array>

#include "base/pool.h"
#include "dissect/dissector.h"
#include "dissectors/modbus/modbus_message.h"

namespace tsujiban::modbus {

// Requests of one stream that wait for their answer. A further one gives up the oldest, which is then recorded alone.
inline constexpr unsigned outstanding_max = 16;
// Without a message in so many bytes a stream is given up.
inline constexpr std::uint32_t unsynchronised_bytes_max = 64 * 1024;
// So many messages in a row with a function that nobody has: the stream is none of Modbus.
inline constexpr unsigned unreadable_messages_max = 16;

dissect::Probe probe(dissect::Transport transport, bool port_hint, Bytes first) noexcept;

// The name of a function, or of its exceptions, in messages_total; empty where the standard has none. Messages are
// counted by their function as sent.
std::string_view message_type_name(std::uint8_t type) noexcept;

// How far a stream's direction has got.
struct StreamSide {
  std::uint32_t skipped;    // Bytes since synchronisation was lost.
  std::uint8_t unreadable;  // Messages in a row with a function that nobody has.
  ParseError error;         // Why synchronisation was lost, and where.
  std::uint8_t error_offset;
  bool unsynchronised;  // Looking for the next message.
  bool told;            // The skipped bytes are reported already.
  bool spoke;           // Messages were read.
  bool finished;
};
struct StreamState {
  std::uint32_t oldest, newest;  // Outstanding requests; 0: none.
  std::uint32_t transactions;    // Of both directions: Suricata's id.
  std::uint8_t outstanding;
  bool roles_known;
  bool requests_to_initiator;  // The connection's initiator is the server: a start in mid-stream.
  bool lossy;                  // Bytes were lost: an answer without its request is nobody's fault.
  StreamSide sides[2];         // By Direction.
};

class ModbusDissector final : public dissect::Dissector {
 public:
  ModbusDissector(const dissect::Limits& limits, metrics::WorkerCounters& counters)
      : requests_(limits.open_streams), counters_(counters) {}

  void datagram(const dissect::MessageContext&, Bytes, dissect::RecordSink&) noexcept override {}
  dissect::Progress feed(void* state, const dissect::MessageContext& context, Bytes stream,
                         dissect::RecordSink& sink) noexcept override;
  void gap(void* state, const dissect::MessageContext& context, std::uint32_t missing,
           dissect::RecordSink& sink) noexcept override;
  void finish(void* state, const dissect::MessageContext& context, Bytes left,
              dissect::RecordSink& sink) noexcept override;
  void close(void* state) noexcept override;

  // Requests of all streams that wait for their answer.
  std::uint32_t outstanding() const noexcept { return requests_.size(); }

 private:
  struct Request {
    Request() noexcept {}  // The bytes are written before they are read.
    std::uint32_t next;
    std::uint32_t id;
    std::uint16_t size;
    std::array<std::uint8_t, adu_bytes_max> bytes;
  };
  dissect::Progress resynchronise(StreamState& state, StreamSide& side, const dissect::MessageContext& context,
                                  Bytes stream, dissect::RecordSink& sink) noexcept;
  dissect::Progress message_in_stream(StreamState& state, StreamSide& side, const dissect::MessageContext& context,
                                      Bytes stream, dissect::RecordSink& sink) noexcept;
  void request(StreamState& state, const dissect::MessageContext& context, const Adu& adu,
               dissect::RecordSink& sink) noexcept;
  void answer(StreamState& state, const dissect::MessageContext& context, Adu& adu, dissect::RecordSink& sink) noexcept;
  // Takes the oldest request out of the list, and records it alone where `context` is there.
  void drop_oldest(StreamState& state, const dissect::MessageContext* context, dissect::RecordSink* sink) noexcept;
  void record(const StreamState& state, const dissect::MessageContext& context, std::uint64_t id, const Adu* request,
              const Adu* response, dissect::RecordSink& sink) noexcept;

  Pool<Request> requests_;
  metrics::WorkerCounters& counters_;
};

// The row of the registry.
extern const dissect::DissectorRow registry_row;

}  // namespace tsujiban::modbus
