#pragma once
#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "capture/live.h"
#include "capture/source.h"
#include "metrics/process_metrics.h"
#include "pipeline/block_ring.h"
#include "pipeline/correlator.h"
#include "pipeline/replacement.h"
#include "pipeline/run_context.h"
#include "pipeline/worker.h"

namespace tsujiban::pipeline {

// One run: the workers, the correlator, and a reader where the packets come from one place. Made, run once, asked.
//
// Threads. A file that can be mapped is walked by every worker by itself; each decodes all packets and goes on with its
// share, so that no packet is ever handed from core to core. Pipes, compressed files and interfaces are read by one
// thread into blocks that all workers walk in the same way. One more thread is the correlator.
class Runner {
 public:
  // `process` outlives it. `sinks` are open.
  Runner(const RunContext& run, std::vector<Sink> sinks, metrics::ProcessMetrics& process);
  ~Runner();

  using OpenSource = std::function<std::shared_ptr<capture::PacketSource>()>;
  // Every worker opens the same inputs for itself. Called with the number of bytes read by the first of them, about ten
  // times a second; returns when all is written.
  using Watch = std::function<void(std::uint64_t bytes_read, std::uint64_t bytes_total, std::uint64_t packets)>;
  void run_mapped(const OpenSource& open, const Watch& watch);
  // One reader, for what can be read only once. It waits for the workers.
  void run_shared(capture::PacketSource& source, const Watch& watch);
  // Live, one reader for all interfaces (RawPacket::input is the interface's index): packets that find no free block
  // are dropped and counted. Returns after `stop` was set and everything received before was processed and written;
  // `every_second` is called on the caller's thread meanwhile.
  void run_live(const std::vector<capture::LiveSource*>& sources, const std::atomic<bool>& stop,
                const std::function<void()>& every_second);

  // Gives every thread another configuration, made with the run's seed, and `news` to tell; on the caller's thread of
  // `run_live`, or a source's own. Packets, flows, conditions and what detectors know go on. False: the one before is
  // still on its way to some thread, which takes a second at most; ask again.
  bool replace(const Configured& next, const Alert* news = nullptr);
  // Frees what every thread has left; true when nothing is on its way.
  bool settle();

  // Afterwards.
  const std::string& damage() const noexcept { return damage_; }  // Empty: the input was whole.
  const std::string& output_error() const noexcept { return correlator_->error(); }
  const Correlator& correlator() const noexcept { return *correlator_; }
  Correlator& correlator() noexcept { return *correlator_; }
  std::vector<const metrics::WorkerCounters*> counters() const;
  std::vector<std::uint8_t> assets_seen() const;
  const FixedVector<LinkType, 16>& links() const noexcept { return workers_.front()->links(); }
  bool has_time() const noexcept;
  PacketTime first() const noexcept;
  PacketTime last() const noexcept;

 private:
  static constexpr unsigned blocks = 16;
  void start_workers(const std::function<void(unsigned)>& body);
  void wait(const Watch& watch);
  void walk(capture::PacketSource& source, unsigned index);
  void consume(BlockRing& ring, unsigned index);
  void listen(BlockRing& ring, const std::vector<capture::LiveSource*>& sources, const std::atomic<bool>& stop);
  void join();

  RunContext run_;  // Its base is the configuration that every thread has, or is on its way.
  metrics::ProcessMetrics& process_;
  std::vector<std::unique_ptr<metrics::WorkerCounters>> counters_;
  std::vector<std::unique_ptr<RecordRing>> rings_;
  std::vector<std::unique_ptr<Worker>> workers_;
  std::unique_ptr<Correlator> correlator_;
  std::unique_ptr<Replacement> offered_;
  std::atomic<bool> abandoned_{false};
  std::atomic<std::uint64_t> bytes_read_{0}, bytes_total_{0}, packets_{0};
  std::string damage_;
  struct Threads;
  std::unique_ptr<Threads> threads_;
};

}  // namespace tsujiban::pipeline
