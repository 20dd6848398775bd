#pragma once
#include "dissectors/dns/dns_event.h"

namespace tsujiban::dns {

// Reads one message (over TCP without its length): strict about counts, names and the data of the types that it knows,
// and keeps what was read before the first broken rule. It only finds where things are; texts are made by who needs
// them.
MessageEvent read_message(Bytes message) noexcept;

// The first fault of a record's data, and its place in `offset`. With `follow` false, pointers are not judged.
ParseError check_rdata(Bytes message, const RecordView& view, std::uint8_t opcode, NameMemo& memo, bool follow,
                       std::uint32_t& offset) noexcept;

// Whether the data has the form of its type as far as its fields can be taken out of it, whatever class it is of and
// wherever its names' pointers lead.
bool data_reads(Bytes message, const RecordView& view) noexcept;

}  // namespace tsujiban::dns
