#pragma once
#include "dissect/dissector.h"
#include "dissectors/dns/dns_event.h"

namespace tsujiban::dns {

inline constexpr unsigned facts_per_message_max = 64;  // NameAnswer facts of one message.
inline constexpr std::size_t alias_chain_max = 16;     // Aliases followed from the question.

// NameQuery and NameAnswer, each where somebody wants it.
void tell_facts(const dissect::MessageContext& context, const MessageEvent& event, NameService service,
                dissect::RecordSink& sink) noexcept;
// The row's NameReader.
extern const dissect::NameReader name_reader;
void tell_malformed(const dissect::MessageContext& context, ParseError error, std::uint32_t offset,
                    dissect::RecordSink& sink) noexcept;

}  // namespace tsujiban::dns
