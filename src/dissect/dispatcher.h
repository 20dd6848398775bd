#pragma once
#include <memory>
#include <vector>

#include "base/pool.h"
#include "base/prefetch.h"
#include "dissect/dissector.h"
#include "flow/flow_table.h"
#include "reassembly/byte_store.h"

namespace tsujiban::dissect {

// Finds out what a flow carries, by content first and the port as a hint, and feeds the dissector that it belongs to.
// One per worker; holds what streams need between two pieces: the bytes of an incomplete message and the dissector's
// state.
class Dispatcher {
 public:
  static constexpr unsigned probes_max = 3;  // Datagrams or pieces of stream asked before a flow is left alone.
  static constexpr std::uint32_t probe_bytes_max = 64;  // An undecided stream is buffered up to here.
  // A stream in which a dissector said `Probe::later` is asked for so many pieces more, by that dissector alone.
  static constexpr unsigned upgrade_pieces_max = 64;
  static constexpr std::uint32_t state_bytes_max = 64;  // The largest DissectorRow::stream_state_size.

  // `store` holds the bytes of incomplete messages and outlives the dispatcher.
  Dispatcher(std::span<const DissectorRow> rows, const Limits& limits, std::uint32_t streams_max, HashSeed seed,
             metrics::WorkerCounters& counters, reassembly::ByteStore& store);

  void datagram(flow::Flow& flow, MessageContext& context, Bytes message, RecordSink& sink) noexcept;

  void prefetch_datagram(AppProtocol app, const DecodedPacket& packet) const noexcept {
    if (app != AppProtocol::unknown) dissectors_[row_of(app)]->prefetch(packet);
  }

  void prefetch_stream(std::uint32_t stream) const noexcept {
    const auto* at = reinterpret_cast<const char*>(&streams_[stream]);
    prefetch(at);
    prefetch(at + sizeof(Stream) - 1);
  }

  // `stream` is the caller's handle of the stream's state here, 0 at first; made when needed and given back by `close`.
  void bytes(std::uint32_t& stream, flow::Flow& flow, MessageContext& context, Bytes piece, RecordSink& sink) noexcept;
  void gap(std::uint32_t& stream, flow::Flow& flow, MessageContext& context, std::uint32_t missing,
           RecordSink& sink) noexcept;
  void finished(std::uint32_t& stream, flow::Flow& flow, MessageContext& context, RecordSink& sink) noexcept;
  void close(std::uint32_t& stream) noexcept;
  // Nothing in this stream's further bytes can be read (Progress::Kind::done).
  bool is_done(std::uint32_t stream) const noexcept { return stream != 0 && streams_[stream].done; }

 private:
  struct Stream {
    std::array<std::uint32_t, 2> buffer;    // ByteStore handle, 0: nothing kept.
    std::array<std::uint32_t, 2> buffered;  // Bytes in it.
    std::array<std::uint32_t, 2> needed;    // Feeding is useless below this.
    bool done;                              // Progress::Kind::done was said.
    std::uint8_t row;                       // Index + 1 of whose `state` it is; 0: nobody's.
    alignas(8) std::array<std::uint8_t, state_bytes_max> state;
  };
  static constexpr std::size_t row_none = ~std::size_t{0};
  static constexpr std::uint8_t upgrade_mark = 0x80;  // In Flow::probes.
  struct Asked {
    std::size_t row = row_none;  // That claims these bytes.
    bool unsure = false;         // One cannot tell yet.
    bool later = false;
  };
  // `upgrading`: only what streams become in their middle is asked.
  Asked probe(Transport transport, const MessageContext& context, Bytes first, bool upgrading = false) const noexcept;
  std::size_t row_of(AppProtocol app) const noexcept { return row_by_protocol_[static_cast<std::size_t>(app)]; }
  bool keep(Stream& stream, unsigned side, Bytes piece, std::uint32_t bytes_max) noexcept;
  void drop_buffer(Stream& stream, unsigned side) noexcept;
  // Feeds what is there; returns how much was used up, or gives the flow up.
  std::size_t feed_all(Stream& stream, std::size_t row, flow::Flow& flow, const MessageContext& context, Bytes all,
                       RecordSink& sink) noexcept;
  void give_up(Stream& stream, flow::Flow& flow) noexcept;
  void close_state(Stream& stream) noexcept;

  std::span<const DissectorRow> rows_;
  std::vector<std::unique_ptr<Dissector>> dissectors_;
  std::array<std::size_t, app_protocol_count> row_by_protocol_;
  Pool<Stream> streams_;
  metrics::WorkerCounters& counters_;
  reassembly::ByteStore& store_;
};

}  // namespace tsujiban::dissect
