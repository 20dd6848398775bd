#include "pipeline/correlator.h"

#include <time.h>

#include <algorithm>
#include <new>

#include "output/record_json.h"

namespace tsujiban::pipeline {
namespace {

constexpr std::size_t own_ring_bytes = 4u << 20;  // Room for one record of the largest size, and more.

// Where workers share its core, each time it sets to work their memory is pushed out of the caches: it waits until
// there is something to do, or some time has passed.
constexpr long nap_ns = 1'000'000;
constexpr unsigned naps_max_file = 16, naps_max_live = 3;
constexpr std::size_t backlog_bytes = 512u << 10;
void nap() noexcept {
  const timespec pause{0, nap_ns};
  nanosleep(&pause, nullptr);
}

}  // namespace

Correlator::Correlator(const RunContext& run, std::vector<RecordRing*> rings, std::vector<const Worker*> workers,
                       std::vector<Sink> sinks, std::vector<const metrics::WorkerCounters*> counters,
                       metrics::ProcessMetrics& process)
    : run_(run),
      rows_(run.site_detectors),
      rings_(std::move(rings)),
      scouts_(rings_.size()),
      workers_(std::move(workers)),
      sinks_(std::move(sinks)),
      process_(process),
      stats_sources_(std::move(counters)),
      counters_(std::make_unique<metrics::WorkerCounters>()),
      own_ring_(own_ring_bytes),
      records_(run_, own_ring_, *counters_, never_abandoned_),
      merger_(repeats_of(*run.config), *counters_, run.seed, records_),
      exchanges_(run.seed),
      sensors_(run_),
      engine_(make_engine(run.site)),
      denials_(run.seed) {
  conditions_.reserve(conditions_kept_max);
}

void Correlator::run(std::atomic<bool>& abandoned) noexcept {
  for (const Alert& alert : first_alerts_) merger_.raise(alert);
  drain_own();
  for (;;) {
    if (Replacement* next = replacement_.look(); next != nullptr) [[unlikely]]
      take(*next);
    if (step()) continue;
    const bool finished =
        std::all_of(workers_.begin(), workers_.end(), [](const Worker* w) { return w->done() == ~std::uint64_t{0}; }) &&
        std::all_of(rings_.begin(), rings_.end(), [](RecordRing* ring) { return ring->front() == nullptr; });
    if (finished) break;
    if (broken_) abandoned.store(true, std::memory_order_relaxed);
    flush();
    if (stats_wanted_.exchange(false, std::memory_order_relaxed)) stats(now_);
    serve_state();
    rest();
  }
  merger_.finish();
  drain_own();
  stats(now_);
  if (run_.live) {
    state_ = engine_->save(now_);
    state_ready_.store(true, std::memory_order_release);
  }
  for (Sink& sink : sinks_) {
    if (!sink.eve->close() && error_.empty()) error_ = sink.eve->error();
  }
}

void Correlator::rest() const noexcept {
  for (unsigned naps = run_.live ? naps_max_live : naps_max_file; naps > 0; --naps) {
    nap();
    if (std::any_of(rings_.begin(), rings_.end(),
                    [](const RecordRing* ring) { return ring->bytes_used() >= backlog_bytes; }) ||
        std::all_of(workers_.begin(), workers_.end(), [](const Worker* w) { return w->done() == ~std::uint64_t{0}; }))
      return;
  }
}

// Takes the earliest record of all workers, if no worker can still bring an earlier one: each other either shows a
// later record or has done the packet that it belongs to.
bool Correlator::step() noexcept {
  std::size_t earliest = rings_.size();
  std::uint64_t done_least = ~std::uint64_t{0};
  for (std::size_t i = 0; i < rings_.size(); ++i) {
    // The watermark first: what is in the ring after it was read is all there is up to it.
    const std::uint64_t done = workers_[i]->done();
    const RecordHeader* header = rings_[i]->front();
    if (header == nullptr) {
      done_least = std::min(done_least, done);
    } else if (earliest == rings_.size() || header->order < rings_[earliest]->front()->order) {
      earliest = i;
    }
  }
  if (earliest == rings_.size()) return false;
  const RecordHeader* header = rings_[earliest]->front();
  if (header->order.packet > done_least) return false;
  scout(earliest);
  const char* body = RecordRing::body(header);
  if (header->kind != RecordKind::pulse) now_ = std::max(now_, header->time);
  switch (header->kind) {
    case RecordKind::event:
      event(*header, true);
      break;
    case RecordKind::fact:
      fact(body);
      break;
    case RecordKind::pulse: {
      Pulse one;
      std::memcpy(&one, body, sizeof one);
      pulse(one);
      break;
    }
  }
  rings_[earliest]->pop();
  for (Scout& one : scouts_[earliest]) one.ahead -= one.ahead != 0 ? 1 : 0;
  return true;
}

// A fact costs its detectors a dozen cache misses one after the other; asked for ahead they come together.
void Correlator::scout(std::size_t ring) noexcept {
  for (unsigned step = 0; step < scouts_ahead.size(); ++step) {
    Scout& one = scouts_[ring][step];
    if (one.ahead == 0) one.position = rings_[ring]->position();
    while (one.ahead < scouts_ahead[step]) {
      const RecordHeader* header = rings_[ring]->ahead(one.position);
      if (header == nullptr) break;
      ++one.ahead;
      if (header->kind == RecordKind::fact)
        engine_->prefetch(*std::launder(reinterpret_cast<const Fact*>(RecordRing::body(header))), step);
    }
  }
}

// It is judged where it lies; a record ends with what holds of the union, so nobody behind this may copy all of it.
void Correlator::fact(const char* body) noexcept {
  const Fact& fact = *std::launder(reinterpret_cast<const Fact*>(body));
  if (fact.kind == FactKind::request) exchanges_.request(fact);
  // An answer to what was asked of a group is explained; the others are what the detectors ask for.
  if (fact.kind == FactKind::response &&
      exchanges_.answer(fact.segment, fact.destination, fact.exchange, fact.time).has_value())
    return;
  if (run_.observer != nullptr) {
    Fact whole;
    std::memcpy(static_cast<void*>(&whole), body, fact_bytes(fact.kind));
    run_.observer->fact(whole);
  }
  engine_->fact(fact);
  drain_own();
}

void Correlator::raise(const Alert& alert) noexcept { merger_.raise(alert); }

// Workers do not see how many conditions a segment or a source has over all of them: this thread does, in the order of
// packets. What goes beyond the limit is counted as merged, into the condition that the limit makes of it.
bool Correlator::passes_limit(const RecordHeader& header, const EventDetails& details) noexcept {
  const AlertBrief& brief = details.alert;
  const DetectorInfo& info = info_of(brief.detector);
  Alert alert;
  alert.detector = brief.detector;
  alert.severity = brief.severity;
  alert.interface = brief.interface;
  alert.signature_gid = info.gid;
  alert.signature_id = info.sid;
  alert.signature_rev = 1;
  alert.time = header.time;
  alert.packet_number = header.order.packet;
  alert.segment = details.segment;
  alert.source = details.source;
  alert.destination = details.destination;
  // By address: the record may be from before a reload, or this thread may be.
  alert.source_asset = run_.inventory->asset_of(details.segment, details.source);
  alert.destination_asset = run_.inventory->asset_of(details.segment, details.destination);
  alert.merge_key = 1;
  char source[ip_text_max], destination[ip_text_max];
  const auto text = [](const IpAddress& address, char* to) { return static_cast<int>(write_ip(address, to)); };
  const int source_size = text(details.source, source), destination_size = text(details.destination, destination);
  detect::say_why(alert, 0, "%.*s and %.*s", source_size, source, destination_size, destination);
  struct Taker final : detect::Findings {
    explicit Taker(AlertMerger& m) noexcept : merger(m) {}
    void raise(const Alert& found) noexcept override {
      passed = found.merge_key == 1;
      if (!passed) merger.raise(found);
    }
    void rests(DetectorId, const Fact&, const detect::Ends&, const char*) noexcept override {}
    AlertMerger& merger;
    bool passed = false;
  } taker{merger_};
  denials_.raise(alert, taker);
  if (!taker.passed) counters_->alerts_merged.add();
  return taker.passed;
}

// Facts say who by address, so those on their way mean the same under the next configuration.
void Correlator::take(Replacement& next) noexcept {
  const std::uint64_t evictions = engine_->evictions();
  next.engine->take_over(*engine_, next.numbers);
  engine_.swap(next.engine);
  evictions_before_ += evictions - engine_->evictions();
  static_cast<Configured&>(run_) = next.configured;
  records_.reconfigure(next.correlator.timestamps);
  merger_.reconfigure(next.repeats, [&](Alert& alert) { next.numbers.renumber(alert); });
  if (next.has_news && run_.config->settings(next.news.detector).enabled) merger_.raise(next.news);
  drain_own();
  replacement_.done();
}

void Correlator::serve_state() noexcept {
  if (state_ready_.load(std::memory_order_acquire) || !state_wanted_.exchange(false, std::memory_order_acquire)) return;
  state_ = engine_->save(now_);
  state_ready_.store(true, std::memory_order_release);
}

bool Correlator::take_state(std::vector<std::uint8_t>& state) {
  if (!state_ready_.load(std::memory_order_acquire)) return false;
  state = std::move(state_);
  state_ready_.store(false, std::memory_order_release);
  return true;
}

void Correlator::event(const RecordHeader& header, bool from_worker) noexcept {
  const EventDetails& details = RecordRing::details(&header);
  const std::string_view body = RecordRing::text(&header);
  if (details.type == EventType::alert) {
    const AlertBrief& alert = details.alert;
    if (from_worker && alert.detector == DetectorId::policy_peer_not_allowed && !passes_limit(header, details))
      return drain_own();
    process_.alert(alert.detector, alert.severity, alert.interface);
    process_.alerts_written.add();
    auto& counts = alert_counts_[static_cast<std::size_t>(alert.detector)][static_cast<std::size_t>(alert.severity)];
    counts[0] += alert.first ? 1 : 0;
    counts[1] += alert.occurrences;
    if (alert.first && conditions_.size() < conditions_kept_max)
      conditions_.push_back({alert, details.source, details.destination});
    else if (!alert.first) {
      for (Condition& condition : conditions_) {
        if (condition.brief.id == alert.id) condition.brief.count = alert.count;
      }
    }
  }
  if (details.late_response) {
    // The answer's destination is who asked.
    if (const auto took = exchanges_.answer(details.segment, details.destination, details.answer, header.time)) {
      char member[64];
      JsonWriter json(member, sizeof member);
      const std::int64_t response_us = (took->ns + 500) / 1000;  // As the dissector rounds what it pairs itself.
      json.field("response_ms", static_cast<double>(response_us) / 1000.0);
      const std::string_view text = json.text();
      // The line is put together in three pieces; a sink takes whole lines only.
      char* line = line_.as<char>();
      std::memcpy(line, body.data(), details.late_at);
      line[details.late_at] = ',';
      std::memcpy(line + details.late_at + 1, text.data(), text.size());
      std::memcpy(line + details.late_at + 1 + text.size(), body.data() + details.late_at,
                  body.size() - details.late_at);
      write(details.type, {line, body.size() + 1 + text.size()}, header.time);
      return;
    }
  }
  write(details.type, body, header.time);
}

void Correlator::write(EventType type, std::string_view line, PacketTime time) noexcept {
  for (Sink& sink : sinks_) {
    if (!sink.types.has(type)) continue;
    if (sink.eve->write(line, 1, time)) continue;
    if (!run_.live && !broken_) {
      error_ = sink.eve->error();
      broken_ = true;
    }
  }
}

void Correlator::flush() noexcept {
  for (Sink& sink : sinks_) {
    if (!sink.eve->flush() && !run_.live && !broken_) {
      error_ = sink.eve->error();
      broken_ = true;
    }
  }
}

// What this thread itself raised: it goes out at once, in its place behind the pulse that brought it about.
void Correlator::drain_own() noexcept {
  while (const RecordHeader* header = own_ring_.front()) {
    event(*header, false);
    own_ring_.pop();
  }
}

void Correlator::pulse(const Pulse& one) noexcept {
  sum_.now = std::max(sum_.now, one.now);
  now_ = std::max(now_, one.now);
  sum_.packets += one.packets;
  sum_.packets_answered += one.packets_answered;
  sum_.packets_one_sided += one.packets_one_sided;
  sum_.stream_bytes += one.stream_bytes;
  sum_.stream_gap_bytes += one.stream_gap_bytes;
  sum_.duplicates += one.duplicates;
  sum_.evictions += one.evictions;
  sum_.clock_jumps = one.clock_jumps, sum_.clock_strays = one.clock_strays, sum_.clock_backwards = one.clock_backwards;
  if (++pulses_ < rings_.size()) return;
  pulses_ = 0;
  // Places in tables of detectors that were given up count as what workers give up.
  sum_.evictions += evictions_before_ + engine_->evictions() + denials_.evictions();
  engine_->tick(sum_.now);
  drain_own();
  for (std::size_t i = 0; i < detector_count; ++i) process_.blind_peers[i].set(engine_->blind_peers()[i]);
  process_.power_at_risk_w.set(static_cast<std::uint64_t>(engine_->power_at_risk_kw() * 1000));
  std::uint64_t undelivered = 0;
  for (const metrics::SinkMetrics& sink : process_.sinks) {
    undelivered += sink.events[static_cast<std::size_t>(metrics::OutputResult::shed)].value() +
                   sink.events[static_cast<std::size_t>(metrics::OutputResult::failed)].value();
  }
  sensors_.look(sum_, drops(), undelivered, [this](const Alert& alert) {
    if (run_.config->detectors[static_cast<std::size_t>(alert.detector)].enabled) merger_.raise(alert);
  });
  merger_.advance(sum_.now);
  drain_own();
  serve_state();
  const PacketTime now = sum_.now;
  sum_ = Pulse{};
  sum_.now = now;
}

void Correlator::stats(PacketTime now) noexcept {
  if (!run_.events.has(EventType::stats)) return;
  std::vector<const metrics::WorkerCounters*> all = stats_sources_;
  all.push_back(counters_.get());
  const metrics::Totals totals = metrics::fold(all);
  output::Envelope envelope;
  envelope.type = EventType::stats;
  envelope.time = now;
  JsonWriter* json = records_.begin(envelope, false, 0);
  output::StatsRecord record;
  record.totals = &totals;
  record.packets_received = process_.packets_received.value();
  record.kernel_drops = process_.dropped[static_cast<std::size_t>(metrics::DropReason::kernel)].value();
  record.ring_drops = process_.dropped[static_cast<std::size_t>(metrics::DropReason::ring)].value();
  record.pool_drops = process_.dropped[static_cast<std::size_t>(metrics::DropReason::pool)].value();
  record.output_drops = process_.dropped[static_cast<std::size_t>(metrics::DropReason::output)].value();
  record.alerts_written = process_.alerts_written.value();
  if (run_.live)
    record.uptime_s = static_cast<std::uint64_t>(
        std::max<std::int64_t>(0, time(nullptr) - static_cast<std::int64_t>(process_.start_time_s.value())));
  output::write_stats(*json, record);
  records_.end();
  drain_own();
}

}  // namespace tsujiban::pipeline
