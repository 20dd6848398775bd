#pragma once
#include <utility>

#include "dissect/message_fact.h"

namespace tsujiban::dissect {

// Tells the outcome of a login; the fact's source is the client. `context` is that of the packet that decided it, which
// the server sent (`by_server`) or the client. Each failure is told. A success is news: who polls with a password would
// else give a fact for every answer. It is always told where a failure of the same pair and protocol was told last, so
// that what follows a row of failures is seen.
inline void tell_login(AppProtocol protocol, const MessageContext& context, const Login& login, RecordSink& sink,
                       bool by_server = true) noexcept {
  if (!sink.wants(FactKind::login)) return;
  const HashSeed& seed = sink.seed();
  std::uint64_t pair = context.pair_hash;
  if (pair == 0) pair = pair_hash_of(seed, context.segment, context.source, context.destination);
  const bool source_first = stands_before(context.source, 0, context.destination, 0);
  const std::uint64_t from = source_first != by_server ? 1 : 0;
  const std::uint64_t what = static_cast<std::uint64_t>(protocol) << 8 | static_cast<std::uint64_t>(FactKind::login);
  const std::uint64_t place = hash_mix(pair ^ seed.a, (what << 1 | from) ^ seed.b);
  const bool failed = login.outcome == Login::Outcome::failed;
  const bool changed = sink.is_change(place, failed ? 1 : 2, report_repeat, context.time);
  if (!failed && !changed) return;
  Fact fact = fact_of(FactKind::login, protocol, context);
  if (by_server) {
    std::swap(fact.source, fact.destination);
    std::swap(fact.source_port, fact.destination_port);
    fact.source_mac = context.packet != nullptr && context.packet->ethernet != nullptr
                          ? MacAddress::load(context.packet->ethernet)
                          : MacAddress{};
  }
  fact.to_group = false;
  fact.login = login;
  sink.fact(fact);
}

// The name that was tried, as Login::user_hash has it.
inline std::uint64_t user_hash_of(Bytes name) noexcept {
  if (name.empty()) return 0;
  const std::uint64_t hash = hash_bytes(HashSeed{}, name);
  return hash != 0 ? hash : 1;
}

}  // namespace tsujiban::dissect
