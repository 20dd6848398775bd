// The worker's part that follows TCP connections: a segment in, ordered bytes out to the dissectors and the signatures.
#include "pipeline/worker.h"

namespace tsujiban::pipeline {

void Worker::handle_tcp(DecodedPacket& packet, std::uint32_t flow_index, Direction direction) noexcept {
  flow::Flow& flow = flows_.at(flow_index);
  if (flow.session == 0) {
    flow.session = sessions_.allocate();
    if (flow.session == 0) {
      counters_.evicted(metrics::EvictionReason::stream_memory);
      return;
    }
    Session& fresh = sessions_[flow.session];
    fresh.flow = flow_index;
    fresh.scanner = scanner_number_;
    fresh.stream = streams_.open();
    if (fresh.stream == 0) {
      sessions_.release(flow.session);
      flow.session = 0;
      return;
    }
  }
  current_flow_ = flow_index;
  current_packet_ = &packet;
  const std::uint32_t stream = sessions_[flow.session].stream;
  streams_.segment(stream, direction, packet, *this);
  current_packet_ = nullptr;
  const reassembly::StreamEngine::State state = streams_.state(stream);
  if (state == reassembly::StreamEngine::State::closed || state == reassembly::StreamEngine::State::reset)
    flow.state = flow::FlowState::closed;
  else if (flow.state == flow::FlowState::fresh && streams_.both_directions_seen(stream))
    flow.state = flow::FlowState::established;
}

dissect::MessageContext Worker::stream_context(Direction direction) const noexcept {
  const flow::Flow& flow = flows_.at(current_flow_);
  const FlowKey key = flows_.key_of(current_flow_);
  const bool from_high =
      ((flow.flags & flow::flow_flag::initiator_is_high) != 0) == (direction == Direction::to_responder);
  return {.packet = current_packet_,
          .time = current_time_,
          .flow_id = 0,
          .direction = direction,
          .source = from_high ? key.high : key.low,
          .destination = from_high ? key.low : key.high,
          .source_port = from_high ? key.high_port : key.low_port,
          .destination_port = from_high ? key.low_port : key.high_port,
          .segment = key.segment,
          .ip_protocol = key.protocol,
          .app_protocol = flow.app,
          .flow_ids = this,
          .flow = current_flow_,
          .pair_hash = current_packet_ != nullptr ? current_packet_->pair_hash : 0};
}

void Worker::bytes(Direction direction, Bytes piece) noexcept {
  flow::Flow& flow = flows_.at(current_flow_);
  Session& session = sessions_[flow.session];
  const bool undissected = (flow.flags & flow::flow_flag::app_settled) != 0 && flow.app == AppProtocol::unknown;
  // What is encrypted is neither dissected nor scanned.
  if (dispatcher_.is_done(session.app)) return;
  if (!undissected) {
    dissect::MessageContext context = stream_context(direction);
    dispatcher_.bytes(session.app, flow, context, piece, records_);
  }
  if (!scans_) return;
  const FlowKey key = flows_.key_of(current_flow_);
  const bool from_high =
      ((flow.flags & flow::flow_flag::initiator_is_high) != 0) == (direction == Direction::to_responder);
  const detect::ScanSubject subject{from_high ? key.high : key.low, from_high ? key.low : key.high,
                                    from_high ? key.high_port : key.low_port, from_high ? key.low_port : key.high_port,
                                    key.protocol};
  scanner_->scan_stream(scan_of(session, direction), subject, piece, [&](const detect::SignatureMatch& match) {
    raise_signature(match, stream_context(direction));
    flow.flags |= flow::flow_flag::alerted;
  });
}

void Worker::gap(Direction direction, std::uint32_t missing) noexcept {
  flow::Flow& flow = flows_.at(current_flow_);
  Session& session = sessions_[flow.session];
  if (scans_) scanner_->gap_stream(scan_of(session, direction));
  dissect::MessageContext context = stream_context(direction);
  dispatcher_.gap(session.app, flow, context, missing, records_);
}

void Worker::finished(Direction direction) noexcept {
  flow::Flow& flow = flows_.at(current_flow_);
  Session& session = sessions_[flow.session];
  if (session.app == 0) return;
  dissect::MessageContext context = stream_context(direction);
  dispatcher_.finished(session.app, flow, context, records_);
}

void Worker::anomaly(Direction direction, ParseError error, std::uint32_t offset) noexcept {
  const dissect::MessageContext context = stream_context(direction);
  records_.anomaly(context, Layer::stream, error, offset);
}

void Worker::end_session(std::uint32_t flow_index) noexcept {
  flow::Flow& flow = flows_.at(flow_index);
  if (flow.session == 0) return;
  Session& session = sessions_[flow.session];
  current_flow_ = flow_index;
  streams_.close(session.stream, *this);
  for (const Direction side : {Direction::to_responder, Direction::to_initiator})
    scanner_->close_stream(scan_of(session, side));
  dispatcher_.close(session.app);
  sessions_.release(flow.session);
  flow.session = 0;
}

}  // namespace tsujiban::pipeline
