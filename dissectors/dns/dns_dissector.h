#pragma once
#include "dissect/dissector.h"
#include "dissectors/dns/dns_message.h"

namespace tsujiban::dns {

// Without a message in so many bytes a stream is given up.
inline constexpr std::uint32_t unsynchronised_bytes_max = 64 * 1024;
// So many messages in a row of which nothing could be read: the stream is none of DNS.
inline constexpr unsigned unreadable_messages_max = 8;
// More questions than this in a first message: no DNS. Real ones have one; mDNS some dozens.
inline constexpr unsigned probe_questions_max = 64;

dissect::Probe probe(dissect::Transport transport, bool port_hint, Bytes first) noexcept;

// The counter of a message's type (opcode and direction), and its name in messages_total: "query", "answer",
// "notify", ..., empty where the opcode is not assigned.
std::uint8_t message_type(const MessageEvent& event) noexcept;
std::string_view message_type_name(std::uint8_t type) noexcept;

// How far a stream's direction has got.
struct StreamSide {
  std::uint32_t skipped;    // Bytes since synchronisation was lost.
  std::uint8_t unreadable;  // Messages in a row of which nothing could be read.
  bool unsynchronised;      // Looking for the next message.
  bool told;                // The skipped bytes are reported already.
};
struct StreamState {
  std::uint64_t messages;  // Of both directions: Suricata's tx_id.
  StreamSide sides[2];     // By Direction.
};

class DnsDissector final : public dissect::Dissector {
 public:
  explicit DnsDissector(metrics::WorkerCounters& counters) noexcept : counters_(counters) {}

  void datagram(const dissect::MessageContext& context, Bytes message, dissect::RecordSink& sink) noexcept override;
  dissect::Progress feed(void* state, const dissect::MessageContext& context, Bytes stream,
                         dissect::RecordSink& sink) noexcept override;
  void gap(void* state, const dissect::MessageContext& context, std::uint32_t missing,
           dissect::RecordSink& sink) noexcept override;
  void finish(void* state, const dissect::MessageContext& context, Bytes left,
              dissect::RecordSink& sink) noexcept override;

 private:
  // Counts, records and tells facts of one message. `tell`: report its error too (a stream's caller does that).
  void message(const dissect::MessageContext& context, const MessageEvent& event, std::uint64_t transaction, bool tell,
               dissect::RecordSink& sink) noexcept;
  dissect::Progress resynchronise(StreamState& stream_state, StreamSide& side, const dissect::MessageContext& context,
                                  Bytes stream, dissect::RecordSink& sink) noexcept;
  dissect::Progress message_in_stream(StreamState& stream_state, StreamSide& side,
                                      const dissect::MessageContext& context, Bytes stream,
                                      dissect::RecordSink& sink) noexcept;

  metrics::WorkerCounters& counters_;
};

// The row of the registry.
extern const dissect::DissectorRow registry_row;

}  // namespace tsujiban::dns
