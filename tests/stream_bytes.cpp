// What dissectors of TCP are given, from a capture, for streams_test.py: one worker, whose only dissector claims every
// stream and writes down what it hears. Lines: `S FLOW PACKET DIRECTION SOURCE PORT DESTINATION PORT WHAT` (hexadecimal
// bytes, `gap N` or `end`), and the worker's own records of flows and anomalies as JSON, in the order of the packets.
#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "capture/file_reader.h"
#include "pipeline/record_ring.h"
#include "pipeline/worker.h"

namespace {

using namespace tsujiban;

void write_line(const dissect::MessageContext& context, const std::string& what) {
  char source[ip_text_max + 1] = {}, destination[ip_text_max + 1] = {};
  write_ip(context.source, source);
  write_ip(context.destination, destination);
  std::printf("S %llu %llu %u %s %u %s %u %s\n", static_cast<unsigned long long>(context.id_of_flow()),
              static_cast<unsigned long long>(context.packet != nullptr ? context.packet->raw->number : 0),
              static_cast<unsigned>(context.direction), source, context.source_port, destination,
              context.destination_port, what.c_str());
}

class Listener final : public dissect::Dissector {
 public:
  void datagram(const dissect::MessageContext&, Bytes, dissect::RecordSink&) noexcept override {}
  dissect::Progress feed(void*, const dissect::MessageContext& context, Bytes stream,
                         dissect::RecordSink&) noexcept override {
    std::string digits;
    for (const std::uint8_t byte : stream) {
      constexpr char hex[] = "0123456789abcdef";
      digits += hex[byte >> 4];
      digits += hex[byte & 15];
    }
    write_line(context, digits);
    return {dissect::Progress::Kind::consumed, static_cast<std::uint32_t>(stream.size())};
  }
  void gap(void*, const dissect::MessageContext& context, std::uint32_t missing,
           dissect::RecordSink&) noexcept override {
    write_line(context, "gap " + std::to_string(missing));
  }
  void finish(void*, const dissect::MessageContext& context, Bytes, dissect::RecordSink&) noexcept override {
    write_line(context, "end");
  }
};

constexpr dissect::DissectorRow rows[] = {
    {.protocol = AppProtocol::http,
     .on_datagrams = false,
     .on_streams = true,
     .ports = {},
     .stream_state_size = 8,
     .message_bytes_max = 1,
     .probe = [](dissect::Transport, bool, Bytes) noexcept { return dissect::Probe::mine; },
     .make = [](const dissect::Limits&, metrics::WorkerCounters&, HashSeed) -> std::unique_ptr<dissect::Dissector> {
       return std::make_unique<Listener>();
     }}};

void write_records(pipeline::RecordRing& ring) {
  while (const pipeline::RecordHeader* header = ring.front()) {
    if (header->kind == pipeline::RecordKind::event) {
      const std::string_view text = pipeline::RecordRing::text(header);
      std::fwrite(text.data(), 1, text.size(), stdout);
    }
    ring.pop();
  }
}

}  // namespace

int main(int count, char** arguments) {
  if (count != 2) {
    std::fprintf(stderr, "usage: stream_bytes CAPTURE\n");
    return 2;
  }
  std::string error;
  const auto reader = capture::FileReader::open(arguments[1], error);
  if (reader == nullptr) {
    std::fprintf(stderr, "%s\n", error.c_str());
    return 1;
  }
  std::vector<config::Fault> faults;
  pipeline::RunContext run;
  run.config = config::defaults();
  run.inventory = std::make_shared<const policy::Inventory>(run.config);
  run.rules = detect::RuleSet::load_text("none.rules", "", faults);
  run.dissectors = rows;
  run.events.add(EventType::flow);
  run.events.add(EventType::anomaly);
  run.budget = pipeline::Budget::for_memory(std::uint64_t{256} << 20, 1);
  run.input_name = [](std::uint16_t) { return std::string_view("capture"); };
  const auto counters = std::make_unique<metrics::WorkerCounters>();
  pipeline::RecordRing ring(run.budget.record_ring_bytes);
  const std::atomic<bool> abandoned{false};
  pipeline::Worker worker(run, 0, ring, *counters, abandoned);
  // One packet a batch, so that its records stand beside what it delivered.
  std::uint64_t number = 0;
  for (auto state = capture::ParseState::full; state == capture::ParseState::full;) {
    RawPacket packet[1];
    std::size_t read = 0;
    state = reader->read(packet, read, number + 1, 0);
    if (read == 0) continue;
    ++number;
    worker.process(packet);
    write_records(ring);
  }
  worker.finish();
  write_records(ring);
  return 0;
}
