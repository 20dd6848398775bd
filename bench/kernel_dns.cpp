// DNS: nanoseconds a message, as datagrams with and without records and facts, and what a hostile message costs.
#include <benchmark/benchmark.h>

#include <memory>
#include <string_view>
#include <vector>

#include "bench/null_sink.h"
#include "dissectors/dns/dns_dissector.h"

namespace {

using namespace tsujiban;
using Octets = std::vector<std::uint8_t>;

void append(Octets& to, std::string_view text) { to.insert(to.end(), text.begin(), text.end()); }
void append(Octets& to, std::initializer_list<std::uint8_t> bytes) { to.insert(to.end(), bytes); }

// A query for www.example.jp with EDNS, and its answer: an alias and four addresses.
std::vector<Octets> exchange() {
  Octets query;
  append(query, {0x12, 0x34, 0x01, 0x00, 0, 1, 0, 0, 0, 0, 0, 1, 3});
  append(query, "www");
  append(query, {7});
  append(query, "example");
  append(query, {2});
  append(query, "jp");
  append(query, {0, 0, 1, 0, 1});
  Octets answer = query;
  const std::initializer_list<std::uint8_t> opt = {0, 0, 41, 4, 208, 0, 0, 0, 0, 0, 0};
  append(query, opt);
  answer[2] = 0x81, answer[3] = 0x80, answer[7] = 5;
  append(answer, {0xC0, 12, 0, 5, 0, 1, 0, 0, 1, 44, 0, 7, 4});
  append(answer, "host");
  append(answer, {0xC0, 16});
  for (std::uint8_t i = 0; i < 4; ++i) append(answer, {0xC0, 44, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 192, 0, 2, i});
  append(answer, opt);
  return {query, answer};
}

// Records whose owners are pointers into one name of 127 labels, each to another place: as long to walk as can be.
std::vector<Octets> hostile() {
  Octets message;
  append(message, {0, 1, 0x81, 0x80, 0, 1, 0x0F, 0xFF, 0, 0, 0, 0});
  for (unsigned i = 0; i < 127; ++i) append(message, {1, 'a'});
  append(message, {0, 0, 1, 0, 1});
  for (unsigned i = 0; i < 0xFFF; ++i) {
    append(message, {0xC0, static_cast<std::uint8_t>(12 + 2 * (i * 37 % 60)), 0xFF, 0, 0, 1, 0, 0, 0, 60, 0, 0});
  }
  return {message};
}

void datagrams(benchmark::State& state, const std::vector<Octets>& messages, bool records, bool facts) {
  const auto counters = std::make_unique<metrics::WorkerCounters>();
  bench::NullSink sink(records, facts, true);
  dns::DnsDissector dissector(*counters);
  dissect::MessageContext context{};
  context.packet = nullptr;
  context.time = {1'700'000'000'000'000'000};
  context.app_protocol = AppProtocol::dns;
  context.source = IpAddress::v4(0xC0A80002);
  context.destination = IpAddress::v4(0xC0A80001);
  std::size_t i = 0, bytes = 0;
  for (auto _ : state) {
    const Octets& message = messages[i];
    i = i + 1 == messages.size() ? 0 : i + 1;
    bytes += message.size();
    dissector.datagram(context, message, sink);
  }
  state.SetItemsProcessed(state.iterations());
  state.SetBytesProcessed(static_cast<std::int64_t>(bytes));
}

void BM_dns_query_counted(benchmark::State& state) { datagrams(state, {exchange()[0]}, false, false); }
void BM_dns_datagram_counted(benchmark::State& state) { datagrams(state, exchange(), false, false); }
void BM_dns_datagram_facts(benchmark::State& state) { datagrams(state, exchange(), false, true); }
void BM_dns_datagram_records(benchmark::State& state) { datagrams(state, exchange(), true, false); }
void BM_dns_hostile_counted(benchmark::State& state) { datagrams(state, hostile(), false, false); }
void BM_dns_hostile_records(benchmark::State& state) { datagrams(state, hostile(), true, true); }

BENCHMARK(BM_dns_query_counted);
BENCHMARK(BM_dns_datagram_counted);
BENCHMARK(BM_dns_datagram_facts);
BENCHMARK(BM_dns_datagram_records);
BENCHMARK(BM_dns_hostile_counted);
BENCHMARK(BM_dns_hostile_records);

}  // namespace
