#include "dissectors/dns/dns_facts.h"

#include <algorithm>

#include "base/fixed_vector.h"
#include "dissectors/dns/dns_message.h"
#include "dissectors/dns/dns_name.h"

namespace tsujiban::dns {
namespace {

using dissect::MessageContext;
using dissect::RecordSink;

constexpr std::uint16_t question_pointer = 0xC000 | header_length;

Fact fact_of(FactKind kind, const MessageContext& context) noexcept {
  Fact fact;
  fact.kind = kind;
  fact.protocol = AppProtocol::dns;
  fact.ip_protocol = context.ip_protocol;
  fact.to_group = context.destination.is_multicast() || context.destination.is_broadcast();
  fact.time = context.time;
  fact.flow_id = context.id_of_flow();
  fact.segment = context.segment;
  fact.source = context.source;
  fact.destination = context.destination;
  fact.source_port = context.source_port;
  fact.destination_port = context.destination_port;
  if (context.packet != nullptr) {
    if (context.packet->raw != nullptr) {
      fact.has_input = true;
      fact.input = context.packet->raw->input;
      fact.packet_number = context.packet->raw->number;
    }
    if (context.packet->ethernet != nullptr) {
      fact.source_mac = MacAddress::load(context.packet->ethernet + 6);
      fact.to_group = fact.to_group || (context.packet->ethernet[0] & 1) != 0;
    }
  }
  return fact;
}

// The client is the source of what it asked and of what became of it.
void turn_round(Fact& fact, const MessageContext& context) noexcept {
  std::swap(fact.source, fact.destination);
  std::swap(fact.source_port, fact.destination_port);
  fact.to_group = false;
  fact.source_mac = context.packet != nullptr && context.packet->ethernet != nullptr
                        ? MacAddress::load(context.packet->ethernet)
                        : MacAddress{};
}

std::uint64_t news_key(const MessageContext& context, const NameAnswer& answer, const RecordSink& sink) noexcept {
  const HashSeed& seed = sink.seed();
  const std::uint64_t ends = hash_mix(hash_words(seed, context.source.high, context.source.low) ^ seed.a,
                                      hash_words(seed, context.destination.high, context.destination.low) ^ seed.b);
  const std::uint64_t what = hash_mix(hash_words(seed, answer.name.hash, answer.target_hash) ^ seed.b,
                                      hash_words(seed, answer.given.high, answer.given.low) ^ seed.a);
  const std::uint64_t kind = std::uint64_t{static_cast<unsigned>(FactKind::name_answer)} << 32 |
                             std::uint64_t{answer.type} << 8 | answer.rcode;
  return hash_words(seed, hash_words(seed, ends, what), hash_words(seed, context.segment.raw(), kind));
}

// A name that was asked for, and the length of its longest label.
struct Question {
  DomainName name;
  std::uint8_t label_bytes_max;
};

void tell_query(const MessageContext& context, const MessageEvent& event, NameService service, const RecordView& first,
                const Question& question, RecordSink& sink) noexcept {
  NameQuery query;
  query.name = question.name;
  query.label_bytes_max = question.label_bytes_max;
  query.rcode = 0;
  query.answers = 0;
  query.type = first.type;
  query.opcode = opcode_of(event.flags);
  query.service = service;
  query.answered = event.is_answer();
  query.bytes = static_cast<std::uint32_t>(event.bytes.size());
  if (query.answered) {
    query.rcode = rcode_of(event.flags);
    query.answers = event.count(Section::answers);
  }
  const FactKind kind = query.is_odd() ? FactKind::odd_name : FactKind::name_query;
  if (!sink.wants(kind)) return;
  // Who asks the same again, and is told the same, says nothing new; and that a question has its answer is none.
  const HashSeed& seed = sink.seed();
  const auto word = [&](const IpAddress& address) { return hash_words(seed, address.high, address.low); };
  const std::uint64_t client = word(query.answered ? context.destination : context.source),
                      server = word(query.answered ? context.source : context.destination);
  const std::uint64_t what =
      std::uint64_t{query.type} << 16 | std::uint64_t{query.opcode} << 8 | static_cast<unsigned>(FactKind::name_query);
  const std::uint64_t place =
      hash_words(seed, hash_words(seed, hash_mix(client ^ seed.a, server ^ seed.b), query.name.hash),
                 hash_words(seed, context.segment.raw(), what));
  if (!sink.is_change(place, query.rcode, report_repeat, context.time)) return;
  Fact fact = fact_of(kind, context);
  fact.name_query = query;
  if (query.answered) turn_round(fact, context);
  sink.fact(fact);
}

// The addresses and aliases of one section, `left` of them at most. A record counts for the question only where its
// owner is the name that was asked or an alias reached from it: an answer may carry records of any name.
template <class Each>
void for_each_answer(const MessageEvent& event, NameService service, Section section, const DomainName* question,
                     unsigned& left, Each&& each) noexcept {
  FixedVector<std::uint64_t, alias_chain_max> chain;
  if (question != nullptr) chain.push(question->hash);
  RecordCursor cursor = event.cursor(section);
  RecordView view;
  while (left > 0 && cursor.next(view)) {
    const bool v4 = view.type == rr::a && view.rdata_length == 4, v6 = view.type == rr::aaaa && view.rdata_length == 16;
    if (!v4 && !v6 && view.type != rr::cname) continue;
    if ((view.rr_class & (service == NameService::mdns ? ~class_top_bit : ~0)) != class_in) continue;
    --left;
    std::uint8_t longest = 0;
    // Most owners are a pointer to the question.
    const bool points = question != nullptr && load_be16(event.bytes, view.name_offset) == question_pointer;
    const DomainName owner = points ? *question : domain_name(event.bytes, view.name_offset, longest);
    const bool asked = question != nullptr && std::find(chain.begin(), chain.end(), owner.hash) != chain.end();
    NameAnswer answer{};
    answer.name = owner;
    if (view.type == rr::cname) {
      answer.target_hash = domain_name(event.bytes, view.rdata_offset, longest).hash;
      if (asked) chain.push(answer.target_hash);
    } else {
      if (asked) answer.name = *question;
      answer.given = v4 ? IpAddress::v4(load_be32(event.bytes, view.rdata_offset))
                        : IpAddress::v6(event.bytes.data() + view.rdata_offset);
    }
    answer.ttl_s = view.ttl;
    answer.type = view.type;
    answer.rcode = rcode_of(event.flags);
    answer.service = service;
    each(answer, asked);
  }
}

void tell_answers(const MessageContext& context, const MessageEvent& event, NameService service, Section section,
                  const DomainName* question, unsigned& left, RecordSink& sink) noexcept {
  for_each_answer(event, service, section, question, left, [&](const NameAnswer& answer, bool) {
    if (!sink.is_news(news_key(context, answer, sink), context.time)) return;
    Fact fact = fact_of(FactKind::name_answer, context);
    fact.name_answer = answer;
    sink.fact(fact);
  });
}

bool read_head(Bytes message, dissect::NameReader::Head& head) noexcept {
  if (message.size() < header_length) return false;
  head = {load_be16(message, 0), (load_be16(message, 2) & 0x8000) != 0};
  return true;
}

void read_addresses(Bytes message, dissect::NameListener& listener) noexcept {
  const MessageEvent event = read_message(message);
  RecordCursor cursor = event.cursor(Section::questions);
  RecordView first;
  if (!event.is_answer() || !cursor.next(first)) return;
  std::uint8_t longest = 0;
  const DomainName question = domain_name(event.bytes, first.name_offset, longest);
  unsigned left = facts_per_message_max;
  for_each_answer(event, NameService::dns, Section::answers, &question, left,
                  [&](const NameAnswer& answer, bool asked) {
                    if (asked && answer.type != rr::cname)
                      listener.has_address(question.view(), answer.given, answer.ttl_s);
                  });
}

}  // namespace

const dissect::NameReader name_reader = {53, &read_head, &read_addresses};

void tell_facts(const MessageContext& context, const MessageEvent& event, NameService service,
                RecordSink& sink) noexcept {
  const bool queries = sink.wants(FactKind::name_query) || sink.wants(FactKind::odd_name),
             answers = sink.wants(FactKind::name_answer) && event.is_answer();
  if (!queries && !answers) return;
  RecordCursor cursor = event.cursor(Section::questions);
  RecordView first;
  const bool asked = cursor.next(first);
  Question question;
  if (asked) question.name = domain_name(event.bytes, first.name_offset, question.label_bytes_max);
  if (queries && asked) tell_query(context, event, service, first, question, sink);
  if (!answers) return;
  unsigned left = facts_per_message_max;
  tell_answers(context, event, service, Section::answers, asked ? &question.name : nullptr, left, sink);
  // An mDNS responder adds the addresses of the names that it announces (RFC 6763, 12). Elsewhere additional records
  // are glue, which no client takes for an answer.
  if (service == NameService::mdns) tell_answers(context, event, service, Section::additionals, nullptr, left, sink);
}

void tell_malformed(const MessageContext& context, ParseError error, std::uint32_t offset, RecordSink& sink) noexcept {
  if (!sink.wants(FactKind::malformed)) return;
  Fact fact = fact_of(FactKind::malformed, context);
  fact.malformed = {error, offset};
  sink.fact(fact);
}

}  // namespace tsujiban::dns
