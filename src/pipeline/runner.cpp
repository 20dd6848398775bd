#include "pipeline/runner.h"

#include <time.h>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <thread>

namespace tsujiban::pipeline {
namespace {

std::int64_t monotonic_ns() noexcept {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::steady_clock::now().time_since_epoch())
      .count();
}
PacketTime wall_clock() noexcept {
  return {std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::system_clock::now().time_since_epoch())
              .count()};
}
void sleep_ns(long ns) noexcept {
  const timespec pause{0, ns};
  nanosleep(&pause, nullptr);
}

}  // namespace

Budget Budget::for_memory(std::uint64_t bytes, unsigned workers) {
  // Address space is reserved for the most that each part may take, and touched only as it is used; the parts' shares
  // add up to the configured memory, less what the rings and tables take whatever comes.
  const std::uint64_t each = bytes / workers;
  Budget b;
  const auto count = [](std::uint64_t n, std::uint64_t least, std::uint64_t most) {
    return static_cast<std::uint32_t>(std::clamp(n, least, most));
  };
  b.flows.flows_max = count(each / 4 / 120, 1024, 1u << 23);  // A quarter; IPv6 flows have as many slots again.
  b.sessions_max = count(each / 4 / 400, 1024, 1u << 22);     // TCP: session, stream and scan states.
  b.streams.streams_max = b.sessions_max;
  b.streams.memory_bytes_max = std::max<std::uint64_t>(each / 8, 1u << 20);
  b.app_streams_max = count(each / 16 / 128, 1024, 1u << 20);
  b.app_buffer_bytes_max = std::max<std::uint64_t>(each / 16, 1u << 20);
  b.dissectors.pairing_entries = count(dissect::Limits{}.pairing_entries / workers, 1024, 1u << 18);
  b.fragments.bytes_max = std::clamp<std::uint64_t>(each / 32, 1u << 20, 64u << 20);
  return b;
}

struct Runner::Threads {
  std::vector<std::thread> workers;
  std::thread correlator, reader;
  std::mutex mutex;
  std::condition_variable changed;
  bool written = false;
};

Runner::Runner(const RunContext& run, std::vector<Sink> sinks, metrics::ProcessMetrics& process)
    : run_(run), process_(process), threads_(std::make_unique<Threads>()) {
  std::vector<RecordRing*> rings;
  std::vector<const Worker*> workers;
  for (unsigned i = 0; i < run.workers; ++i) {
    counters_.push_back(std::make_unique<metrics::WorkerCounters>());
    rings_.push_back(std::make_unique<RecordRing>(run.budget.record_ring_bytes));
    workers_.push_back(std::make_unique<Worker>(run, i, *rings_.back(), *counters_.back(), abandoned_));
    rings.push_back(rings_.back().get());
    workers.push_back(workers_.back().get());
  }
  std::vector<const metrics::WorkerCounters*> counters;
  for (const auto& c : counters_) counters.push_back(c.get());
  correlator_ = std::make_unique<Correlator>(run, std::move(rings), std::move(workers), std::move(sinks),
                                             std::move(counters), process);
}

Runner::~Runner() = default;

std::vector<const metrics::WorkerCounters*> Runner::counters() const {
  std::vector<const metrics::WorkerCounters*> all;
  for (const auto& c : counters_) all.push_back(c.get());
  all.push_back(&correlator_->counters());
  return all;
}

std::vector<std::uint8_t> Runner::assets_seen() const {
  std::vector<std::uint8_t> seen(workers_.front()->assets_seen().size(), 0);
  for (const auto& worker : workers_) {
    for (std::size_t i = 0; i < seen.size(); ++i)
      seen[i] = static_cast<std::uint8_t>(seen[i] | worker->assets_seen()[i]);
  }
  return seen;
}

bool Runner::has_time() const noexcept { return process_.packets_received.value() != 0; }
PacketTime Runner::first() const noexcept { return {workers_.front()->first_ns()}; }
PacketTime Runner::last() const noexcept { return {workers_.front()->last_ns()}; }

void Runner::start_workers(const std::function<void(unsigned)>& body) {
  threads_->correlator = std::thread([this] {
    correlator_->run(abandoned_);
    const std::lock_guard lock(threads_->mutex);
    threads_->written = true;
    threads_->changed.notify_all();
  });
  for (unsigned i = 0; i < run_.workers; ++i) {
    threads_->workers.emplace_back([this, body, i] {
      body(i);
      workers_[i]->finish();
    });
  }
}

void Runner::join() {
  for (std::thread& worker : threads_->workers) worker.join();
  threads_->correlator.join();
  if (threads_->reader.joinable()) threads_->reader.join();
}

void Runner::wait(const Watch& watch) {
  std::unique_lock lock(threads_->mutex);
  while (!threads_->changed.wait_for(lock, std::chrono::milliseconds(100), [this] { return threads_->written; })) {
    if (watch)
      watch(bytes_read_.load(std::memory_order_relaxed), bytes_total_.load(std::memory_order_relaxed),
            packets_.load(std::memory_order_relaxed));
  }
}

void Runner::walk(capture::PacketSource& source, unsigned index) {
  std::vector<RawPacket> batch(Worker::batch_max);
  capture::SourceState state = capture::SourceState::more;
  const bool tells = index == 0;
  if (tells) bytes_total_.store(source.bytes_total(), std::memory_order_relaxed);
  while (state == capture::SourceState::more && !abandoned_.load(std::memory_order_relaxed)) {
    std::size_t count = 0;
    state = source.next(batch, count);
    workers_[index]->process({batch.data(), count});
    if (tells) {
      process_.packets_received.add(count);
      packets_.store(packets_.load(std::memory_order_relaxed) + count, std::memory_order_relaxed);
      bytes_read_.store(source.bytes_read(), std::memory_order_relaxed);
    }
  }
  if (tells && state == capture::SourceState::damaged) damage_ = source.damage();
}

void Runner::run_mapped(const OpenSource& open, const Watch& watch) {
  // Opened one after another on this thread: they fail together or not at all.
  std::vector<std::shared_ptr<capture::PacketSource>> sources;
  for (unsigned i = 0; i < run_.workers; ++i) sources.push_back(open());
  start_workers([this, sources](unsigned i) { walk(*sources[i], i); });
  wait(watch);
  join();
}

void Runner::consume(BlockRing& ring, unsigned index) {
  Worker& worker = *workers_[index];
  for (bool last = false; !last;) {
    const Block& block = ring.wait(index);
    const std::int64_t began = run_.live ? monotonic_ns() : 0;
    for (std::uint32_t at = 0; at < block.count; at += Worker::batch_max) {
      worker.process({block.packets + at, std::min<std::size_t>(Worker::batch_max, block.count - at)});
    }
    if (block.tick.ns != 0) worker.idle(block.tick);
    if (run_.live && index == 0 && block.count != 0) {
      process_.processing.observe(monotonic_ns() - began + (began - block.published_ns), block.count);
      process_.capture_lag_ns.set(static_cast<std::uint64_t>(
          std::max<std::int64_t>(0, (wall_clock() - block.packets[block.count - 1].time).ns)));
    }
    last = block.last;
    ring.release(index);
  }
}

void Runner::run_shared(capture::PacketSource& source, const Watch& watch) {
  BlockRing ring(blocks, run_.workers);
  start_workers([this, &ring](unsigned i) { consume(ring, i); });
  threads_->reader = std::thread([this, &ring, &source] {
    std::vector<RawPacket> batch(Worker::batch_max);
    capture::SourceState state = capture::SourceState::more;
    bytes_total_.store(source.bytes_total(), std::memory_order_relaxed);
    const auto claim = [&ring] {
      Block* block = nullptr;
      while ((block = ring.claim()) == nullptr) sleep_ns(50'000);
      return block;
    };
    Block* block = claim();
    while (state == capture::SourceState::more && !abandoned_.load(std::memory_order_relaxed)) {
      std::size_t count = 0;
      state = source.next(batch, count);
      process_.packets_received.add(count);
      packets_.store(packets_.load(std::memory_order_relaxed) + count, std::memory_order_relaxed);
      bytes_read_.store(source.bytes_read(), std::memory_order_relaxed);
      for (std::size_t i = 0; i < count; ++i) {
        if (!block->add(batch[i])) {
          ring.publish();
          block = claim();
          block->add(batch[i]);
        }
      }
      // A slow pipe's packets are not kept waiting for a full block.
      if (count < batch.size() && block->count != 0) {
        ring.publish();
        block = claim();
      }
    }
    if (state == capture::SourceState::damaged) damage_ = source.damage();
    block->last = true;
    ring.publish();
  });
  wait(watch);
  join();
}

void Runner::listen(BlockRing& ring, const std::vector<capture::LiveSource*>& sources, const std::atomic<bool>& stop) {
  std::vector<RawPacket> batch(Block::packets_max);
  std::vector<bool> ended(sources.size(), false);
  std::size_t left = sources.size();
  std::uint64_t number = 0;
  auto& kernel = process_.dropped[static_cast<std::size_t>(metrics::DropReason::kernel)];
  auto& dropped = process_.dropped[static_cast<std::size_t>(metrics::DropReason::ring)];
  std::int64_t tick_at = monotonic_ns() + 1'000'000'000;
  bool stopping = false;
  Block* block = nullptr;
  const auto publish = [&] {
    block->published_ns = monotonic_ns();
    ring.publish();
    block = nullptr;
  };
  // Puts a packet into the block at hand or the next one. Where the workers are behind it waits: the kernel's buffer
  // holds more than these blocks. Not for ever, because what hangs must not look like a link without traffic; and while
  // it hangs, not for each packet anew.
  constexpr std::int64_t wait_max_ns = 50'000'000, nap_ns = 50'000;
  std::int64_t waited_ns = 0;
  const auto put = [&](const RawPacket& packet) {
    for (;;) {
      if (block == nullptr) block = ring.claim();
      if (block == nullptr) {
        if (!stopping && waited_ns >= wait_max_ns) return false;
        sleep_ns(nap_ns);
        waited_ns += nap_ns;
        continue;
      }
      waited_ns = 0;
      if (block->add(packet)) return true;
      publish();
    }
  };
  while (left != 0) {
    if (!stopping && stop.load(std::memory_order_relaxed)) {
      for (capture::LiveSource* source : sources) source->stop_receiving();
      stopping = true;
    }
    for (std::size_t s = 0; s < sources.size(); ++s) {
      if (ended[s]) continue;
      std::size_t count = 0;
      const capture::SourceState state = sources[s]->next(batch, count);
      process_.packets_received.add(count);
      for (std::size_t i = 0; i < count; ++i) {
        batch[i].number = ++number;
        batch[i].input = static_cast<std::uint16_t>(s);
        if (!put(batch[i])) dropped.add();
      }
      if (state != capture::SourceState::end && state != capture::SourceState::damaged) continue;
      if (state == capture::SourceState::damaged) damage_ += (damage_.empty() ? "" : "\n") + sources[s]->damage();
      ended[s] = true;
      --left;
    }
    if (monotonic_ns() >= tick_at) {
      tick_at = monotonic_ns() + 1'000'000'000;
      std::uint64_t lost = 0;
      for (capture::LiveSource* source : sources) lost += source->kernel_drops();
      kernel.set(lost);
      correlator_->set_drops(lost + dropped.value());
      if (block == nullptr) block = ring.claim();
      if (block != nullptr) block->tick = wall_clock();
    }
    if (block != nullptr && (block->count != 0 || block->tick.ns != 0)) publish();
  }
  std::uint64_t lost = 0;
  for (capture::LiveSource* source : sources) lost += source->kernel_drops();
  kernel.set(lost);
  while (block == nullptr && (block = ring.claim()) == nullptr) sleep_ns(50'000);
  block->last = true;
  publish();
}

void Runner::run_live(const std::vector<capture::LiveSource*>& sources, const std::atomic<bool>& stop,
                      const std::function<void()>& every_second) {
  BlockRing ring(blocks, run_.workers);
  start_workers([this, &ring](unsigned i) { consume(ring, i); });
  threads_->reader = std::thread([this, &ring, &sources, &stop] { listen(ring, sources, stop); });
  std::unique_lock lock(threads_->mutex);
  while (!threads_->changed.wait_for(lock, std::chrono::seconds(1), [this] { return threads_->written; })) {
    lock.unlock();
    every_second();
    lock.lock();
  }
  lock.unlock();
  join();
}

}  // namespace tsujiban::pipeline
