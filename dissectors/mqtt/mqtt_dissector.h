#pragma once
#include <algorithm>
#include <array>

#include "base/pool.h"
#include "dissect/dissector.h"
#include "dissectors/mqtt/mqtt_packet.h"

namespace tsujiban::mqtt {

// Exchanges of one stream that wait for their last packet. A further one gives up the oldest, which is then recorded
// as far as it came.
inline constexpr unsigned outstanding_max = 32;
// Room is made for one waiting exchange in so many streams: most have none.
inline constexpr std::uint32_t streams_per_exchange = 4;
// Without a packet in so many bytes a stream is given up.
inline constexpr std::uint32_t unsynchronised_bytes_max = 64 * 1024;
// So many packets in a row of no assigned type: the stream is none of MQTT.
inline constexpr unsigned unreadable_packets_max = 8;

dissect::Probe probe(dissect::Transport transport, bool port_hint, Bytes first) noexcept;

// The name of a packet type in messages_total; empty for type 0.
std::string_view message_type_name(std::uint8_t type) noexcept;

// How far a stream's direction has got.
struct StreamSide {
  std::uint32_t rest;       // Bytes of a packet that are still to come and are not looked at.
  std::uint32_t skipped;    // Bytes since synchronisation was lost.
  std::uint8_t unreadable;  // Packets in a row of no assigned type.
  bool unsynchronised;      // Looking for the next packet.
  bool told;                // The skipped bytes are reported already.
  bool spoke;               // Packets were read.
  bool finished;
};
struct StreamState {
  std::uint32_t oldest, newest;  // Exchanges; 0: none.
  std::uint8_t outstanding;
  std::uint8_t version;  // Of the CONNECT.
  bool connect_seen;
  bool connected;  // CONNECT and CONNACK were seen.
  bool client_known;
  bool client_is_responder;  // The connection's responder sent the CONNECT.
  bool unintroduced_told;
  bool lossy;               // Bytes were lost: an acknowledgement without its packet is nobody's fault.
  bool user_given;          // The CONNECT that waits for its answer has a user name.
  bool connect_waits;       // For its answer.
  std::uint64_t user_hash;  // Of that name.
  StreamSide sides[2];      // By Direction.
};

class MqttDissector final : public dissect::Dissector {
 public:
  MqttDissector(const dissect::Limits& limits, metrics::WorkerCounters& counters)
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
  // The packets of one exchange so far, as the text of their members in the record.
  struct Exchange {
    Exchange() noexcept {}  // The text is written before it is read.
    std::uint32_t next;
    std::uint16_t id;       // Packet identifier.
    std::uint16_t packets;  // Bit per type that is in it.
    std::uint16_t text_size;
    std::uint8_t opened_by;  // Type of the first packet.
    Direction direction;     // Of the first packet.
    std::array<char, 4080> text;
  };
  dissect::Progress resynchronise(StreamState& state, StreamSide& side, const dissect::MessageContext& context,
                                  Bytes stream, dissect::RecordSink& sink) noexcept;
  dissect::Progress packet_in_stream(StreamState& state, StreamSide& side, const dissect::MessageContext& context,
                                     Bytes stream, dissect::RecordSink& sink) noexcept;
  std::uint32_t short_packets(const StreamState& state, StreamSide& side, const dissect::MessageContext& context,
                              Bytes stream, const dissect::RecordSink& sink) noexcept;
  void packet(StreamState& state, const dissect::MessageContext& context, const Packet& packet,
              dissect::RecordSink& sink) noexcept;
  // Whether the answer to a CONNECT let its client in.
  void judge_login(StreamState& state, const dissect::MessageContext& context, const Packet& packet,
                   dissect::RecordSink& sink) noexcept;
  void open(StreamState& state, const dissect::MessageContext& context, const Packet& packet,
            dissect::RecordSink& sink) noexcept;
  // Adds the packet to the exchange that `opened_by` began in `direction`; alone where there is none.
  void join(StreamState& state, const dissect::MessageContext& context, const Packet& packet, std::uint8_t opened_by,
            Direction direction, bool last, dissect::RecordSink& sink) noexcept;
  std::uint32_t find(const StreamState& state, std::uint8_t opened_by, Direction direction, std::uint16_t id,
                     std::uint32_t& before) const noexcept;
  void remove(StreamState& state, std::uint32_t slot, std::uint32_t before) noexcept;
  bool append(Exchange& exchange, const Packet& packet, const dissect::RecordSink& sink) noexcept;
  void record(const Exchange& exchange, const dissect::MessageContext& context, dissect::RecordSink& sink) noexcept;
  void record_alone(const dissect::MessageContext& context, const Packet& packet, dissect::RecordSink& sink) noexcept;

  Pool<Exchange> exchanges_;
  metrics::WorkerCounters& counters_;
};

// The row of the registry.
extern const dissect::DissectorRow registry_row;

}  // namespace tsujiban::mqtt
