// TLS: nanoseconds a handshake with and without records and facts, a record of application data, and hostile
// handshakes.
#include <benchmark/benchmark.h>

#include <fstream>
#include <iterator>
#include <memory>
#include <string>
#include <vector>

#include "bench/null_sink.h"
#include "dissectors/tls/tls_dissector.h"

namespace {

using namespace tsujiban;
using Octets = std::vector<std::uint8_t>;

struct Chunk {
  Direction direction;
  Octets bytes;
};
// What a file of the corpus holds: direction 1, length 2, bytes, and so on.
std::vector<Chunk> recorded(const std::string& name) {
  std::ifstream file(std::string(TSUJIBAN_SOURCE_DIR) + "/dissectors/tls/corpus/tls_fuzz/" + name, std::ios::binary);
  const Octets all((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  std::vector<Chunk> chunks;
  for (std::size_t at = 0; at + 3 <= all.size();) {
    const std::size_t length = load_be16(all.data() + at + 1);
    const auto begin = all.begin() + static_cast<std::ptrdiff_t>(at + 3);
    chunks.push_back({all[at] == 0 ? Direction::to_responder : Direction::to_initiator,
                      {begin, begin + static_cast<std::ptrdiff_t>(length)}});
    at += 3 + length;
  }
  return chunks;
}

Octets record(std::uint8_t type, const Octets& body) {
  Octets bytes = {type, 3, 3, static_cast<std::uint8_t>(body.size() >> 8), static_cast<std::uint8_t>(body.size())};
  bytes.reserve(bytes.size() + body.size());  // GCC 12 sees an overrun where the vector has to grow.
  for (const std::uint8_t byte : body) bytes.push_back(byte);
  return bytes;
}

// One connection after the other, from its first octet to its close.
void connections(benchmark::State& state, const std::vector<Chunk>& chunks, bool records, bool facts) {
  const auto counters = std::make_unique<metrics::WorkerCounters>();
  bench::NullSink sink(records, facts, true);
  tls::TlsDissector dissector({64, 64}, *counters, HashSeed{});
  dissect::MessageContext context{};
  std::size_t bytes = 0;
  for (auto _ : state) {
    tls::StreamState stream{};
    bool done = false;
    for (const Chunk& chunk : chunks) {
      context.direction = chunk.direction;
      Bytes rest(chunk.bytes);
      while (!rest.empty() && !done) {
        const dissect::Progress progress = dissector.feed(&stream, context, rest, sink);
        done = progress.kind == dissect::Progress::Kind::done || progress.kind == dissect::Progress::Kind::give_up;
        if (progress.kind == dissect::Progress::Kind::need_more || progress.length == 0) break;
        rest = rest.subspan(progress.length);
      }
      bytes += chunk.bytes.size();
    }
    dissector.close(&stream);
  }
  state.SetItemsProcessed(state.iterations());
  state.SetBytesProcessed(static_cast<std::int64_t>(bytes));
}

// Records of application data behind a hello whose other side is silent, so that none ends the dissection.
std::vector<Chunk> application_data() {
  std::vector<Chunk> chunks = {recorded("tls12.bin")[0]};
  Octets data;
  for (unsigned i = 0; i < 40; ++i) {
    const Octets one = record(23, Octets(1400, 0xEE));
    data.insert(data.end(), one.begin(), one.end());
  }
  chunks.push_back({Direction::to_responder, data});
  return chunks;
}

// A ClientHello of as many suites and extensions as are fingerprinted, all to be sorted.
std::vector<Chunk> many_values() {
  Octets body = {3, 3};
  body.resize(2 + 32);
  const std::size_t count = tls::fingerprint_values_max;
  const auto u16 = [&](std::size_t value) {
    body.push_back(static_cast<std::uint8_t>(value >> 8));
    body.push_back(static_cast<std::uint8_t>(value));
  };
  body.push_back(0);
  u16(2 * count);
  for (std::size_t i = 0; i < count; ++i) u16(i * 40503 & 0xFFFF);
  body.push_back(1), body.push_back(0);
  u16(4 * count);
  for (std::size_t i = 0; i < count; ++i) u16(1000 + (i * 40503 & 0x3FFF)), u16(0);
  Octets message = {1, 0, static_cast<std::uint8_t>(body.size() >> 8), static_cast<std::uint8_t>(body.size())};
  message.insert(message.end(), body.begin(), body.end());
  return {{Direction::to_responder, record(22, message)}};
}

// One hello in records of a single octet each.
std::vector<Chunk> tiny_records() {
  const Octets hello = recorded("tls12.bin")[0].bytes;
  Octets bytes;
  for (std::size_t i = 5; i < hello.size(); ++i) {
    const Octets one = record(22, {hello[i]});
    bytes.insert(bytes.end(), one.begin(), one.end());
  }
  return {{Direction::to_responder, bytes}};
}

void BM_tls12_handshake_counted(benchmark::State& state) { connections(state, recorded("tls12.bin"), false, false); }
void BM_tls12_handshake_facts(benchmark::State& state) { connections(state, recorded("tls12.bin"), false, true); }
void BM_tls12_handshake_records(benchmark::State& state) { connections(state, recorded("tls12.bin"), true, false); }
void BM_tls12_mutual_records(benchmark::State& state) { connections(state, recorded("tls12_mutual.bin"), true, true); }
void BM_tls13_handshake_counted(benchmark::State& state) { connections(state, recorded("tls13.bin"), false, false); }
void BM_tls13_handshake_records(benchmark::State& state) { connections(state, recorded("tls13.bin"), true, false); }
void BM_tls_application_data(benchmark::State& state) { connections(state, application_data(), false, false); }
void BM_tls_hostile_values(benchmark::State& state) { connections(state, many_values(), true, true); }
void BM_tls_hostile_tiny_records(benchmark::State& state) { connections(state, tiny_records(), true, true); }

BENCHMARK(BM_tls12_handshake_counted);
BENCHMARK(BM_tls12_handshake_facts);
BENCHMARK(BM_tls12_handshake_records);
BENCHMARK(BM_tls12_mutual_records);
BENCHMARK(BM_tls13_handshake_counted);
BENCHMARK(BM_tls13_handshake_records);
BENCHMARK(BM_tls_application_data);
BENCHMARK(BM_tls_hostile_values);
BENCHMARK(BM_tls_hostile_tiny_records);

}  // namespace
