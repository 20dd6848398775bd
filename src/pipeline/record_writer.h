#pragma once
#include <atomic>
#include <utility>

#include "dissect/dissector.h"
#include "output/alert_json.h"
#include "output/envelope.h"
#include "output/timestamp.h"
#include "pipeline/alert_merger.h"
#include "pipeline/asked_memory.h"
#include "pipeline/news_memory.h"
#include "pipeline/record_ring.h"
#include "pipeline/run_context.h"

namespace tsujiban::pipeline {

// Hears what clients call their servers (RecordSink::calls).
class CallListener {
 public:
  virtual void called(const dissect::MessageContext& context, std::string_view name) noexcept = 0;

 protected:
  ~CallListener() = default;
};

// Turns what one worker finds into records in its ring. In a file run a full ring makes it wait; live it sheds: details
// once three quarters of the ring are taken, alerts only when nothing is left, both counted.
class RecordWriter final : public dissect::RecordSink, public AlertWriter {
 public:
  static constexpr std::size_t record_bytes_max = 1u << 20;  // A longer record is dropped and counted.

  // `run` outlives it, and is its owner's, who says when it has changed.
  RecordWriter(const RunContext& run, RecordRing& ring, metrics::WorkerCounters& counters,
               const std::atomic<bool>& abandoned);

  // The place of the records to come in the order of all workers.
  void set_order(Order order) noexcept { order_ = order; }
  Order order() const noexcept { return order_; }
  // Bit per FactKind.
  void want_facts(std::uint32_t kinds) noexcept { facts_wanted_ = kinds; }
  // The run has another configuration. `timestamps` is its zone's, and gets the one before.
  void reconfigure(output::TimestampWriter& timestamps) noexcept {
    std::swap(timestamps_, timestamps);
    mask_ = run_.mask != nullptr && run_.mask->on() ? run_.mask.get() : nullptr;
    watched_urls_ = run_.config->watched_url_hashes;
  }

  JsonWriter* begin(EventType type, const dissect::MessageContext& context) noexcept override;
  void response_time_here(const Exchange& answer) noexcept override;
  void end() noexcept override;
  void fact(const Fact& fact) noexcept override;
  bool is_change(std::uint64_t place, std::uint64_t value, Duration repeat, PacketTime now) noexcept override {
    return news_.is_change(place, value, repeat, now);
  }
  void anomaly(const dissect::MessageContext& context, Layer layer, ParseError error,
               std::uint32_t offset) noexcept override;
  void write_alert(const Alert& alert, std::uint64_t occurrences, bool first) noexcept override;
  bool is_addition(std::uint64_t place, std::uint32_t bits, Duration repeat, PacketTime now) noexcept override {
    return news_.is_addition(place, bits, repeat, now);
  }
  Asked& asked(std::uint64_t place, PacketTime now) noexcept override { return asked_.of(place, now); }
  void calls(const dissect::MessageContext& context, std::string_view name) noexcept override {
    if (listener_ != nullptr) listener_->called(context, name);
  }
  // Null: nobody wants to hear.
  void set_listener(CallListener* listener) noexcept {
    listener_ = listener;
    hears_calls_ = listener != nullptr;
  }
  // Whose packet comes next: news are kept by pair.
  void set_pair(std::uint64_t pair_hash) noexcept {
    news_.set_pair(pair_hash);
    asked_.set_pair(pair_hash);
  }
  // `asks`: fetches what was asked of the pair, too.
  [[gnu::always_inline]] void prefetch_pair(std::uint64_t pair_hash, bool asks) const noexcept {
    news_.prefetch(pair_hash);
    if (asks) asked_.prefetch(pair_hash);
  }
  // A body of plain bytes for the correlator (the site's pulses).
  void pulse(Bytes body) noexcept;

  // A record whose context is no message: the envelope as the caller fills it (host, names and community id are added).
  JsonWriter* begin(output::Envelope& envelope, bool has_input, std::uint16_t input) noexcept;
  output::TimestampWriter& timestamps() noexcept { return timestamps_; }
  // What the alerts of the packet at hand belong to; 0: no flow.
  void set_flow(std::uint64_t flow_id, std::uint16_t input, bool has_input) noexcept {
    flow_id_ = flow_id, input_ = input, has_input_ = has_input;
  }

 private:
  RecordHeader* room(std::size_t body_bytes, bool alert) noexcept;

  const RunContext& run_;
  RecordRing& ring_;
  metrics::WorkerCounters& counters_;
  const std::atomic<bool>& abandoned_;  // Nobody reads the ring any more: do not wait for room.
  output::TimestampWriter timestamps_;
  ReservedMemory scratch_;
  NewsMemory news_;
  AskedMemory asked_;
  CallListener* listener_ = nullptr;
  JsonWriter json_;
  Order order_;
  EventType type_ = EventType::alert;
  bool late_ = false;
  std::uint32_t late_at_ = 0;
  Exchange answer_{};
  AlertBrief brief_{};
  PacketTime time_{};
  SegmentKey segment_;
  IpAddress source_, destination_;
  std::uint64_t flow_id_ = 0;
  std::uint16_t input_ = 0;
  bool has_input_ = false;
};

}  // namespace tsujiban::pipeline
