// The signature scanner over 1,000 random literals of 8 to 16 bytes, as tcp and as udp rules, on payloads of the sizes
// that ERAB traffic has (half of them 27 bytes or less): batches against single datagrams, and streams.
#include <benchmark/benchmark.h>

#include <memory>
#include <random>
#include <string>
#include <vector>

#include "detect/signature_scanner.h"

namespace {

using namespace tsujiban;

constexpr std::size_t payloads_count = 4096;

std::string make_rules(unsigned literals) {
  std::mt19937_64 random(1);
  std::string text;
  for (unsigned i = 0; i < literals; ++i) {
    std::string hex;
    for (std::size_t n = 8 + random() % 9; n > 0; --n) {
      constexpr char digits[] = "0123456789abcdef";
      const auto byte = static_cast<unsigned>(random() % 256);
      hex += {digits[byte >> 4], digits[byte & 15], ' '};
    }
    for (const char* protocol : {"tcp", "udp"}) {
      text += "alert " + std::string(protocol) + " any any -> any any (msg:\"m\"; content:\"|" + hex +
              "|\"; sid:" + std::to_string(2 * i + (protocol[0] == 't' ? 1 : 2)) + ";)\n";
    }
  }
  return text;
}

std::shared_ptr<const detect::RuleSet> rules() {
  static const std::shared_ptr<const detect::RuleSet> set = [] {
    std::vector<config::Fault> faults;
    return detect::RuleSet::load_text("kernel", make_rules(1000), faults);
  }();
  return set;
}

struct Payloads {
  std::vector<std::uint8_t> memory;
  std::vector<Bytes> views;
  std::size_t bytes = 0;
};

// `fixed` 0: the sizes of the mix.
Payloads make_payloads(std::size_t fixed) {
  Payloads out;
  std::mt19937_64 random(2);
  std::vector<std::size_t> sizes;
  for (std::size_t i = 0; i < payloads_count; ++i) {
    const auto kind = random() % 100;
    sizes.push_back(fixed != 0  ? fixed
                    : kind < 55 ? 14 + random() % 14
                    : kind < 80 ? 28 + random() % 60
                                : 150 + random() % 800);
    out.bytes += sizes.back();
  }
  out.memory.resize(out.bytes);
  for (std::uint8_t& byte : out.memory) byte = static_cast<std::uint8_t>(random() % 4 == 0 ? 0 : random());
  std::size_t at = 0;
  for (const std::size_t size : sizes) {
    out.views.push_back(Bytes(out.memory).subspan(at, size));
    at += size;
  }
  return out;
}

const detect::ScanSubject datagram{IpAddress::v4(1), IpAddress::v4(2), 1, 2, 17};
const detect::ScanSubject segment{IpAddress::v4(1), IpAddress::v4(2), 1, 2, 6};

void finish(benchmark::State& state, const Payloads& payloads, std::uint64_t matches) {
  state.SetItemsProcessed(static_cast<std::int64_t>(state.iterations()) *
                          static_cast<std::int64_t>(payloads.views.size()));
  state.SetBytesProcessed(static_cast<std::int64_t>(state.iterations()) * static_cast<std::int64_t>(payloads.bytes));
  state.counters["matches"] = static_cast<double>(matches);
}

void scan_batches(benchmark::State& state) {
  const auto counters = std::make_unique<metrics::WorkerCounters>();
  detect::SignatureScanner scanner(rules(), 1, *counters);
  const Payloads payloads = make_payloads(static_cast<std::size_t>(state.range(0)));
  constexpr std::size_t batch = 64;
  std::uint64_t matches = 0;
  for (auto _ : state) {
    for (std::size_t begin = 0; begin < payloads.views.size(); begin += batch) {
      scanner.begin_batch();
      for (std::uint32_t i = 0; i < batch; ++i) scanner.add_datagram(i, payloads.views[begin + i]);
      scanner.finish_batch([](std::uint32_t) -> const detect::ScanSubject& { return datagram; },
                           [&](const detect::SignatureMatch&) { ++matches; });
    }
  }
  finish(state, payloads, matches);
}

void scan_single(benchmark::State& state) {
  const auto counters = std::make_unique<metrics::WorkerCounters>();
  detect::SignatureScanner scanner(rules(), 1, *counters);
  const Payloads payloads = make_payloads(static_cast<std::size_t>(state.range(0)));
  std::uint64_t matches = 0;
  for (auto _ : state) {
    for (const Bytes view : payloads.views)
      scanner.scan_datagram(0, datagram, view, [&](const detect::SignatureMatch&) { ++matches; });
  }
  finish(state, payloads, matches);
}

void scan_streams(benchmark::State& state) {
  constexpr std::size_t streams = 16384;
  const auto counters = std::make_unique<metrics::WorkerCounters>();
  detect::SignatureScanner scanner(rules(), streams, *counters);
  const Payloads payloads = make_payloads(static_cast<std::size_t>(state.range(0)));
  std::vector<std::uint32_t> states(streams, 0);
  std::uint64_t matches = 0;
  std::size_t next = 0;
  for (auto _ : state) {
    for (const Bytes view : payloads.views) {
      scanner.scan_stream(states[next], segment, view, [&](const detect::SignatureMatch&) { ++matches; });
      next = (next + 6151) % streams;  // A prime step: streams come in no helpful order.
    }
  }
  finish(state, payloads, matches);
  state.counters["stream_bytes"] = static_cast<double>(scanner.stream_bytes());
}

void load_rules(benchmark::State& state) {
  const std::string text = make_rules(static_cast<unsigned>(state.range(0)));
  std::size_t database_bytes = 0;
  for (auto _ : state) {
    std::vector<config::Fault> faults;
    const auto set = detect::RuleSet::load_text("kernel", text, faults);
    database_bytes = set->database_bytes();
  }
  state.counters["database_bytes"] = static_cast<double>(database_bytes);
}

}  // namespace

BENCHMARK(scan_batches)->Arg(0)->Arg(18)->Arg(1400);
BENCHMARK(scan_single)->Arg(0)->Arg(18)->Arg(1400);
BENCHMARK(scan_streams)->Arg(0)->Arg(18)->Arg(1400);
BENCHMARK(load_rules)->Arg(1000)->Unit(benchmark::kMillisecond);
