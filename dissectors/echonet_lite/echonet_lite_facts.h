#pragma once
#include "dissect/message_fact.h"
#include "dissectors/echonet_lite/echonet_lite_event.h"

namespace tsujiban::echonet_lite {

inline Fact fact_of(FactKind kind, const dissect::MessageContext& context) noexcept {
  return dissect::fact_of(kind, AppProtocol::echonet_lite, context);
}

// Tells what the lists of a message say, of the kinds that `sink` wants (README.md, "Facts"): writes, readings,
// inquiries and objects. Properties that are whole count even where the message is malformed further on: a device may
// obey them all the same. The service is a known one. `points`: points_of the first list.
void tell_facts(const dissect::MessageContext& context, const FrameEvent& frame, const ListPoints& points,
                dissect::RecordSink& sink) noexcept;

// Tells that a message, or a piece of stream, is broken.
void tell_malformed(const dissect::MessageContext& context, ParseError error, std::uint32_t offset,
                    dissect::RecordSink& sink) noexcept;

}  // namespace tsujiban::echonet_lite
