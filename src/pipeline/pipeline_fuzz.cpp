// A capture's bytes through the whole way: reader, worker, records. Whatever they are, every packet that was read is
// processed, and every alert that was raised is written or merged.
#include <cstdio>
#include <cstdlib>

#include "base/check.h"
#include "capture/file_reader.h"
#include "pipeline/record_ring.h"
#include "pipeline/worker.h"

namespace {

using namespace tsujiban;

pipeline::RunContext make_run() {
  pipeline::RunContext run;
  run.config = config::defaults();
  run.inventory = std::make_shared<const policy::Inventory>(run.config);
  std::vector<config::Fault> faults;
  run.rules =
      detect::RuleSet::load_text("fuzz.rules",
                                 "alert udp any any -> any any (msg:\"u\"; content:\"|10 81|\"; sid:1; rev:1;)\n"
                                 "alert tcp any any -> any any (msg:\"t\"; content:\"GET\"; nocase; sid:2; rev:1;)\n",
                                 faults);
  run.dissectors = dissect::registry();
  run.events = EventTypes::all();
  run.budget = pipeline::Budget::for_memory(std::uint64_t{16} << 20, 1);
  run.input_name = [](std::uint16_t) { return std::string_view("fuzz"); };
  return run;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const pipeline::RunContext run = make_run();
  auto reader = capture::FileReader::over_memory({data, size});
  pipeline::RecordRing ring(run.budget.record_ring_bytes);
  auto counters = std::make_unique<metrics::WorkerCounters>();
  const std::atomic<bool> abandoned{false};
  pipeline::Worker worker(run, 0, ring, *counters, abandoned);
  std::uint64_t packets = 0, alerts = 0;
  pipeline::Order last{};
  const auto drain = [&] {
    while (const pipeline::RecordHeader* header = ring.front()) {
      TSUJIBAN_CHECK(!(header->order < last));
      last = header->order;
      if (header->kind == pipeline::RecordKind::event) {
        const std::string_view text = pipeline::RecordRing::text(header);
        TSUJIBAN_CHECK(text.size() > 2 && text.back() == '\n');
        alerts += pipeline::RecordRing::details(header).type == EventType::alert ? 1u : 0u;
      }
      ring.pop();
    }
  };
  std::vector<RawPacket> batch(8);  // So few that their records fit into the ring before it is drained.
  for (capture::ParseState state = capture::ParseState::full; state == capture::ParseState::full;) {
    std::size_t count = 0;
    state = reader->read(batch, count, packets + 1, 0);
    worker.process({batch.data(), count});
    packets += count;
    drain();
  }
  worker.finish();
  drain();
  TSUJIBAN_CHECK(counters->packets.value() == packets);
  TSUJIBAN_CHECK(counters->alerts_raised.value() == alerts + counters->alerts_merged.value());
  return 0;
}
