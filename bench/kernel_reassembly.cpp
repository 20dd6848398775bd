// Ordered bytes: what a TCP segment and a fragment cost.
#include <benchmark/benchmark.h>

#include <array>
#include <vector>

#include "reassembly/fragments.h"
#include "reassembly/stream.h"

namespace {

using namespace tsujiban;
using namespace tsujiban::reassembly;

struct Sum final : StreamConsumer {
  std::uint64_t bytes_total = 0, gaps_total = 0;
  void bytes(Direction, Bytes piece) noexcept override { bytes_total += piece.size(); }
  void gap(Direction, std::uint32_t missing) noexcept override { gaps_total += missing; }
  void finished(Direction) noexcept override {}
  void anomaly(Direction, ParseError, std::uint32_t) noexcept override {}
};

constexpr std::uint32_t streams_count = 5000;
constexpr std::size_t payload_bytes_max = 1460;

// Turns over many streams, so that a slot is as cold as in the mix; one acknowledgment for each segment of data.
void run_segments(benchmark::State& state, std::uint32_t length, unsigned reorder_every) {
  metrics::WorkerCounters counters;
  StreamEngine::Limits limits;
  limits.streams_max = streams_count;
  StreamEngine engine(limits, counters);
  Sum sum;
  std::array<std::uint8_t, payload_bytes_max> data{};
  std::vector<std::uint32_t> streams(streams_count), next(streams_count, 1);
  for (auto& stream : streams) stream = engine.open();
  DecodedPacket packet;
  packet.tcp_flags = tcp_flag::ack;
  packet.tcp_window = 65535;
  packet.payload = data.data();
  DecodedPacket answer = packet;
  std::size_t at = 0;
  unsigned turn = 0;
  std::uint64_t segments = 0;
  for (auto _ : state) {
    at = (at + 1237) % streams_count;
    packet.payload_length = packet.payload_length_wire = length;
    packet.tcp_acknowledgment = 1;
    if (reorder_every != 0 && ++turn % reorder_every == 0) {
      packet.tcp_sequence = next[at] + length;
      engine.segment(streams[at], Direction::to_responder, packet, sum);
      packet.tcp_sequence = next[at];
      engine.segment(streams[at], Direction::to_responder, packet, sum);
      next[at] += 2 * length;
      segments += 2;
    } else {
      packet.tcp_sequence = next[at];
      engine.segment(streams[at], Direction::to_responder, packet, sum);
      next[at] += length;
      ++segments;
    }
    answer.tcp_sequence = 1;
    answer.tcp_acknowledgment = next[at];
    engine.segment(streams[at], Direction::to_initiator, answer, sum);
    ++segments;
  }
  state.SetItemsProcessed(static_cast<std::int64_t>(segments));
  state.SetBytesProcessed(static_cast<std::int64_t>(sum.bytes_total));
  if (sum.gaps_total != 0) state.SkipWithError("a gap where none was sent");
}

void segments_in_order(benchmark::State& state) { run_segments(state, static_cast<std::uint32_t>(state.range(0)), 0); }
void segments_reordered_1_percent(benchmark::State& state) {
  run_segments(state, static_cast<std::uint32_t>(state.range(0)), 100);
}
BENCHMARK(segments_in_order)->Name("reassembly/segments_in_order")->Arg(27)->Arg(130)->Arg(1460);
BENCHMARK(segments_reordered_1_percent)->Name("reassembly/segments_reordered_1_percent")->Arg(130)->Arg(1460);

// Datagrams of three fragments; the figure is for one fragment.
void fragments(benchmark::State& state) {
  metrics::WorkerCounters counters;
  FragmentTable table({}, HashSeed{}, counters);
  std::array<std::uint8_t, payload_bytes_max> data{};
  DecodedPacket packet;
  packet.source = IpAddress::v4(0x0a000001);
  packet.destination = IpAddress::v4(0x0a000002);
  packet.protocol = 17;
  packet.ip_version = 4;
  packet.is_fragment = true;
  packet.payload = data.data();
  packet.payload_length = packet.payload_length_wire = 1400;
  std::uint64_t completed = 0, added = 0;
  for (auto _ : state) {
    const auto part = static_cast<std::uint32_t>(added % 3);
    packet.fragment_id = static_cast<std::uint32_t>(added / 3);
    packet.fragment_offset = static_cast<std::uint16_t>(part * 1400);
    packet.fragment_more = part != 2;
    completed += static_cast<bool>(table.add(packet));
    ++added;
  }
  if (completed != added / 3) state.SkipWithError("a datagram did not complete");
  state.SetItemsProcessed(static_cast<std::int64_t>(added));
}
BENCHMARK(fragments)->Name("reassembly/fragments");

}  // namespace
