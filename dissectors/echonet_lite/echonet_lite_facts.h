#pragma once
#include "dissect/dissector.h"
#include "dissectors/echonet_lite/echonet_lite_event.h"

namespace tsujiban::echonet_lite {

// Tells the neutral facts in a message, of the kinds that `sink` wants: a ControlWrite for each property that a Set
// service writes or refuses, a Reading for each scalar that an answer or an announcement carries. Properties that are
// whole count even where the message is malformed further on: a device may obey them all the same.
void tell_facts(const dissect::MessageContext& context, const FrameEvent& frame, dissect::RecordSink& sink) noexcept;

}  // namespace tsujiban::echonet_lite
