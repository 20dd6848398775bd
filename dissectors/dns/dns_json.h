#pragma once
#include "base/json_writer.h"
#include "dissectors/dns/dns_event.h"
#include "model/fact.h"

namespace tsujiban::dns {

// The most text that the object of one message takes; records beyond it are counted in `records_omitted`.
inline constexpr std::size_t json_bytes_max = 64 * 1024;
// Kept free behind the records for the members that close the object.
inline constexpr std::size_t json_tail_bytes = 1024;
inline constexpr unsigned records_written_max = 256;   // Of a section.
inline constexpr unsigned questions_written_max = 16;  // Records of a query with several questions, one each.
inline constexpr std::uint32_t rdata_text_max = 4096, rdata_hex_max = 256;  // Bytes of one record's data.
inline constexpr unsigned edns_options_max = 8;
inline constexpr std::uint32_t edns_option_bytes_max = 64;

inline constexpr std::uint64_t transaction_none = ~std::uint64_t{0};

// Writes the members of `dns` for question `question` of a query; the first one's record has the rest of the message
// too. The writer stands in the open object. `transaction`: the message's place in its stream, from 0.
void write_query(JsonWriter& writer, const MessageEvent& event, unsigned question, NameService service,
                 std::uint64_t transaction) noexcept;
// The same for an answer, whole.
void write_answer(JsonWriter& writer, const MessageEvent& event, NameService service) noexcept;

}  // namespace tsujiban::dns
