#include "dissect/dispatcher.h"

#include <algorithm>

#include "base/check.h"

namespace tsujiban::dissect {
namespace {

void set_behind_gap(flow::Flow& flow, unsigned side, bool is) noexcept {
  flow.behind_gap = ((flow.behind_gap & ~(1u << side)) | (is ? 1u : 0u) << side) & 3u;
}

}  // namespace

Dispatcher::Dispatcher(std::span<const DissectorRow> rows, const Limits& limits, std::uint32_t streams_max,
                       HashSeed seed, metrics::WorkerCounters& counters, reassembly::ByteStore& store)
    : rows_(rows), streams_(streams_max), counters_(counters), store_(store) {
  row_by_protocol_.fill(row_none);
  for (std::size_t i = 0; i < rows.size(); ++i) {
    TSUJIBAN_CHECK(rows[i].stream_state_size <= state_bytes_max);
    row_by_protocol_[static_cast<std::size_t>(rows[i].protocol)] = i;
    dissectors_.push_back(rows[i].make(limits, counters, seed));
  }
}

Dispatcher::Asked Dispatcher::probe(Transport transport, const MessageContext& context, Bytes first,
                                    bool upgrading) const noexcept {
  Asked asked;
  for (std::size_t i = 0; i < rows_.size(); ++i) {
    const DissectorRow& row = rows_[i];
    if (transport == Transport::datagram ? !row.on_datagrams : !row.on_streams) continue;
    if (upgrading && !row.on_upgrades) continue;
    const bool hint = std::any_of(row.ports.begin(), row.ports.end(), [&](std::uint16_t port) {
      return port == context.source_port || port == context.destination_port;
    });
    const Probe answer = row.probe(transport, hint, first);
    // One whose port it is wins over one that merely recognises the bytes.
    if (answer == Probe::mine && (asked.row == row_none || hint)) asked.row = i;
    if (answer == Probe::unsure) asked.unsure = true;
    if (answer == Probe::later) asked.later = true;
  }
  return asked;
}

void Dispatcher::datagram(flow::Flow& flow, MessageContext& context, Bytes message, RecordSink& sink) noexcept {
  if (message.empty()) return;
  if ((flow.flags & flow::flow_flag::app_settled) == 0) {
    const std::size_t row = probe(Transport::datagram, context, message).row;
    if (row != row_none) {
      flow.app = rows_[row].protocol;
      flow.flags |= flow::flow_flag::app_settled;
    } else {
      if (++flow.probes >= probes_max) flow.flags |= flow::flow_flag::app_settled;
      return;
    }
  }
  if (flow.app == AppProtocol::unknown) return;
  context.app_protocol = flow.app;
  dissectors_[row_of(flow.app)]->datagram(context, message, sink);
}

void Dispatcher::drop_buffer(Stream& stream, unsigned side) noexcept {
  if (stream.buffer[side] != 0) store_.release(stream.buffer[side]);
  stream.buffer[side] = 0;
  stream.buffered[side] = 0;
  stream.needed[side] = 0;
}

bool Dispatcher::keep(Stream& stream, unsigned side, Bytes piece, std::uint32_t bytes_max) noexcept {
  const std::size_t size = stream.buffered[side] + piece.size();
  if (size > bytes_max) return false;
  if (stream.buffer[side] == 0) {
    stream.buffer[side] = store_.allocate(size);
    if (stream.buffer[side] == 0) return false;
  } else if (store_.capacity(stream.buffer[side]) < size && !store_.grow(stream.buffer[side], size)) {
    return false;
  }
  std::memcpy(store_.data(stream.buffer[side]) + stream.buffered[side], piece.data(), piece.size());
  stream.buffered[side] = static_cast<std::uint32_t>(size);
  return true;
}

void Dispatcher::close_state(Stream& stream) noexcept {
  if (stream.row != 0) dissectors_[stream.row - 1u]->close(stream.state.data());
  stream.row = 0;
}

void Dispatcher::give_up(Stream& stream, flow::Flow& flow) noexcept {
  close_state(stream);
  flow.app = AppProtocol::unknown;
  flow.flags |= flow::flow_flag::app_settled;
  drop_buffer(stream, 0);
  drop_buffer(stream, 1);
}

std::size_t Dispatcher::feed_all(Stream& stream, std::size_t row, flow::Flow& flow, const MessageContext& context,
                                 Bytes all, RecordSink& sink) noexcept {
  const unsigned side = static_cast<unsigned>(context.direction);
  std::size_t used = 0;
  stream.needed[side] = 0;
  while (used < all.size()) {
    const Bytes rest = all.subspan(used);
    const Progress progress = dissectors_[row]->feed(stream.state.data(), context, rest, sink);
    switch (progress.kind) {
      case Progress::Kind::malformed:
        sink.anomaly(context, Layer::application, progress.error, progress.offset);
        [[fallthrough]];
      case Progress::Kind::consumed:
        TSUJIBAN_CHECK(progress.length > 0 && progress.length <= rest.size());
        used += progress.length;
        break;
      case Progress::Kind::need_more:
        stream.needed[side] = progress.length;
        if (progress.length > rows_[row].message_bytes_max) give_up(stream, flow);
        return used;
      case Progress::Kind::give_up:
        give_up(stream, flow);
        return all.size();
      case Progress::Kind::done:
        stream.done = true;
        return all.size();
    }
  }
  return used;
}

void Dispatcher::bytes(std::uint32_t& handle, flow::Flow& flow, MessageContext& context, Bytes piece,
                       RecordSink& sink) noexcept {
  if ((flow.flags & flow::flow_flag::app_settled) != 0 && flow.app == AppProtocol::unknown) return;
  const unsigned side = static_cast<unsigned>(context.direction);

  if ((flow.flags & flow::flow_flag::app_settled) == 0) {
    Bytes first = piece;
    if (handle != 0 && streams_[handle].buffered[side] != 0) {
      Stream& stream = streams_[handle];
      if (!keep(stream, side, piece, probe_bytes_max + static_cast<std::uint32_t>(piece.size())))
        return give_up(stream, flow);
      first = {store_.data(stream.buffer[side]), stream.buffered[side]};
    }
    constexpr std::uint8_t count_mask = static_cast<std::uint8_t>(~upgrade_mark);
    const bool marked = (flow.probes & upgrade_mark) != 0,
               upgrading = marked && (flow.probes & count_mask) >= probes_max;
    const auto [row, unsure, later] = probe(Transport::stream, context, first, upgrading);
    if (later) flow.probes |= upgrade_mark;
    if (row == row_none && unsure && first.size() < probe_bytes_max) {
      if (first.data() != piece.data()) return;  // Kept already.
      if (handle == 0) handle = streams_.allocate();
      if (handle == 0 || !keep(streams_[handle], side, piece, probe_bytes_max)) {
        counters_.evicted(metrics::EvictionReason::dissector_state);
        flow.flags |= flow::flow_flag::app_settled;
      }
      return;
    }
    if (row == row_none) {
      if (handle != 0) drop_buffer(streams_[handle], side);
      ++flow.probes;
      const unsigned pieces_max = (flow.probes & upgrade_mark) != 0 ? probes_max + upgrade_pieces_max : probes_max;
      if ((flow.probes & count_mask) >= pieces_max) flow.flags |= flow::flow_flag::app_settled;
      return;
    }
    if (handle == 0) handle = streams_.allocate();
    flow.flags |= flow::flow_flag::app_settled;
    if (handle == 0) {
      counters_.evicted(metrics::EvictionReason::dissector_state);
      return;
    }
    flow.app = rows_[row].protocol;
    set_behind_gap(flow, side, false);  // What was recognised begins here.
    streams_[handle].row = static_cast<std::uint8_t>(row + 1);
    if (first.data() != piece.data()) {
      // The undecided bytes are in the buffer, this piece among them.
      Stream& stream = streams_[handle];
      context.app_protocol = flow.app;
      const std::size_t used = feed_all(stream, row, flow, context, first, sink);
      if (flow.app == AppProtocol::unknown) return;
      std::memmove(store_.data(stream.buffer[side]), store_.data(stream.buffer[side]) + used,
                   stream.buffered[side] - used);
      stream.buffered[side] -= static_cast<std::uint32_t>(used);
      if (stream.buffered[side] == 0) drop_buffer(stream, side);
      return;
    }
  }

  if (handle == 0) return;
  Stream& stream = streams_[handle];
  if (stream.done) return drop_buffer(stream, side);
  const std::size_t row = row_of(flow.app);
  context.app_protocol = flow.app;
  if ((flow.behind_gap >> side & 1u) != 0) [[unlikely]] {
    set_behind_gap(flow, side, false);
    constexpr std::uint32_t some = 1;  // How many no dissector asks where nothing was read yet.
    dissectors_[row]->gap(stream.state.data(), context, some, sink);
  }
  if (stream.buffered[side] == 0) {
    const std::size_t used = feed_all(stream, row, flow, context, piece, sink);
    if (flow.app == AppProtocol::unknown || used == piece.size()) return;
    if (!keep(stream, side, piece.subspan(used), rows_[row].message_bytes_max)) {
      counters_.evicted(metrics::EvictionReason::dissector_state);
      give_up(stream, flow);
    }
    return;
  }
  // A message is under way: the piece joins it, and nothing is tried before the message can be complete.
  if (!keep(stream, side, piece, rows_[row].message_bytes_max + static_cast<std::uint32_t>(piece.size()))) {
    counters_.evicted(metrics::EvictionReason::dissector_state);
    return give_up(stream, flow);
  }
  if (stream.buffered[side] < stream.needed[side]) return;
  const std::size_t used =
      feed_all(stream, row, flow, context, {store_.data(stream.buffer[side]), stream.buffered[side]}, sink);
  if (flow.app == AppProtocol::unknown) return;
  const std::size_t left = stream.buffered[side] - used;
  if (left == 0) {
    const std::uint32_t needed = stream.needed[side];
    drop_buffer(stream, side);
    stream.needed[side] = needed;
    return;
  }
  if (left > rows_[row].message_bytes_max) {
    counters_.evicted(metrics::EvictionReason::dissector_state);
    return give_up(stream, flow);
  }
  std::memmove(store_.data(stream.buffer[side]), store_.data(stream.buffer[side]) + used, left);
  stream.buffered[side] = static_cast<std::uint32_t>(left);
}

void Dispatcher::gap(std::uint32_t& handle, flow::Flow& flow, MessageContext& context, std::uint32_t missing,
                     RecordSink& sink) noexcept {
  const auto side = static_cast<unsigned>(context.direction);
  if (handle != 0) drop_buffer(streams_[handle], side);
  // Where the other side shows what it is, this one does not begin with the next byte.
  if ((flow.flags & flow::flow_flag::app_settled) == 0) set_behind_gap(flow, side, true);
  if (handle == 0 || flow.app == AppProtocol::unknown) return;
  Stream& stream = streams_[handle];
  context.app_protocol = flow.app;
  dissectors_[row_of(flow.app)]->gap(stream.state.data(), context, missing, sink);
}

void Dispatcher::finished(std::uint32_t& handle, flow::Flow& flow, MessageContext& context, RecordSink& sink) noexcept {
  if (handle == 0) return;
  Stream& stream = streams_[handle];
  const unsigned side = static_cast<unsigned>(context.direction);
  if (flow.app != AppProtocol::unknown) {
    context.app_protocol = flow.app;
    const Bytes left =
        stream.buffered[side] == 0 ? Bytes{} : Bytes{store_.data(stream.buffer[side]), stream.buffered[side]};
    dissectors_[row_of(flow.app)]->finish(stream.state.data(), context, left, sink);
  }
  drop_buffer(stream, side);
}

void Dispatcher::close(std::uint32_t& handle) noexcept {
  if (handle == 0) return;
  close_state(streams_[handle]);
  drop_buffer(streams_[handle], 0);
  drop_buffer(streams_[handle], 1);
  streams_.release(handle);
  handle = 0;
}

}  // namespace tsujiban::dissect
