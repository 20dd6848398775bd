#pragma once
#include "dissect/message_fact.h"
#include "dissectors/modbus/modbus_message.h"

namespace tsujiban::modbus {

// What a request of the write set does, as facts; nothing for other requests. `context` is the request's.
void tell_write(const dissect::MessageContext& context, const Adu& request, dissect::RecordSink& sink) noexcept;
// The refusal of `request`, which an exception answers. `context` is the answer's.
void tell_refusal(const dissect::MessageContext& context, const Adu& request, const Adu& answer,
                  dissect::RecordSink& sink) noexcept;
void tell_malformed(const dissect::MessageContext& context, ParseError error, std::uint32_t offset,
                    dissect::RecordSink& sink) noexcept;

}  // namespace tsujiban::modbus
