#pragma once
#include "dissect/dissector.h"
#include "dissectors/echonet_lite/echonet_lite_event.h"
#include "dissectors/echonet_lite/echonet_lite_pairing.h"

namespace tsujiban::echonet_lite {

// Without a frame in so many bytes a stream is given up.
inline constexpr std::uint32_t unsynchronised_bytes_max = 64 * 1024;

// Reads one datagram: strict about the outer structure, and keeps what was read before the first broken rule.
// `cut_short`: the capture has not all of it, so that running out of bytes is no fault.
FrameEvent read_frame(Bytes message, bool cut_short = false) noexcept;

// Most datagrams are one whole list of one of the services that have one, between objects and of properties that the
// standard does not reserve. These are read in one go: true with what `read_frame` says of them, and `points` of the
// list, which come new. False for all others; what is in the two is then of no use.
bool read_plain(Bytes message, FrameEvent& frame, ListPoints& points) noexcept;

// With the port as a hint EHD1 is enough; without it only a whole, sound frame is taken for one.
dissect::Probe probe(dissect::Transport transport, bool port_hint, Bytes first) noexcept;

// How far a stream's direction has got.
struct StreamSide {
  std::uint32_t offset;   // In the present message, of the next property; 0: the header is not read.
  std::uint32_t skipped;  // Bytes since synchronisation was lost.
  std::uint16_t left;     // Properties left in the list.
  bool second_list;
  bool unsynchronised;  // Looking for the next frame.
  bool told;            // The skipped bytes are reported already.
};
struct StreamState {
  StreamSide sides[2];  // By Direction.
};

class EchonetLiteDissector final : public dissect::Dissector {
 public:
  EchonetLiteDissector(const dissect::Limits& limits, metrics::WorkerCounters& counters, HashSeed seed);

  void prefetch(const DecodedPacket& packet) const noexcept override;
  void datagram(const dissect::MessageContext& context, Bytes message, dissect::RecordSink& sink) noexcept override;
  dissect::Progress feed(void* state, const dissect::MessageContext& context, Bytes stream,
                         dissect::RecordSink& sink) noexcept override;
  void gap(void* state, const dissect::MessageContext& context, std::uint32_t missing,
           dissect::RecordSink& sink) noexcept override;
  void finish(void* state, const dissect::MessageContext& context, Bytes left,
              dissect::RecordSink& sink) noexcept override;

 private:
  void tell_response(const dissect::MessageContext& context, const FrameEvent& frame, const PairingTable::Key& key,
                     std::uint8_t request, dissect::RecordSink& sink) noexcept;
  // How a message stands to those before it of its pair.
  struct Paired {
    bool answered = false, unpaired = false;
    Duration latency{};
  };
  // A message of a known service: remembers requests, and finds those of answers.
  Paired pair(const dissect::MessageContext& context, const FrameEvent& frame, dissect::RecordSink& sink) noexcept;
  // Counts, pairs, records and tells facts of one message. `tell`: report its error too (a stream's caller does that).
  void message(const dissect::MessageContext& context, const FrameEvent& frame, dissect::RecordSink& sink,
               bool tell) noexcept;
  dissect::Progress resynchronise(StreamSide& side, const dissect::MessageContext& context, Bytes stream,
                                  dissect::RecordSink& sink) noexcept;
  dissect::Progress frame_in_stream(StreamSide& side, const dissect::MessageContext& context, Bytes stream,
                                    dissect::RecordSink& sink) noexcept;
  // The message ends at `length`, because it is whole or because of `error` there.
  dissect::Progress end_of_message(StreamSide& side, const dissect::MessageContext& context, Bytes bytes,
                                   ParseError error, dissect::RecordSink& sink) noexcept;

  std::uint64_t pair_of(const dissect::MessageContext& context) const noexcept {
    const std::uint64_t pair = context.pair_hash != 0
                                   ? context.pair_hash
                                   : pair_hash_of(seed_, context.segment, context.source, context.destination);
    return pair != 0 ? pair : 1;
  }

  HashSeed seed_;
  PairingTable pairing_;
  bool pairs_ = false;  // Whether anybody wants what the pairing gives.
  metrics::WorkerCounters& counters_;
};

// The row of the registry.
extern const dissect::DissectorRow registry_row;

}  // namespace tsujiban::echonet_lite
