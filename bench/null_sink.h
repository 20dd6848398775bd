#pragma once
#include <benchmark/benchmark.h>

#include <vector>

#include "dissect/dissector.h"

namespace tsujiban::bench {

// Takes everything and keeps nothing: what is measured is the dissector. `news`: whether what it tells is always news.
class NullSink final : public dissect::RecordSink {
 public:
  NullSink(bool records, bool facts, bool news) : news_(news), buffer_(1 << 20) {
    if (records) wanted_ = EventTypes::all();
    if (facts) facts_wanted_ = ~0u;
  }
  JsonWriter* begin(EventType, const dissect::MessageContext&) noexcept override {
    writer_ = JsonWriter(buffer_.data(), buffer_.size());
    writer_.begin_object();
    return &writer_;
  }
  void response_time_here(const Exchange&) noexcept override {}
  void end() noexcept override { benchmark::DoNotOptimize(writer_.size()); }
  void fact(const Fact& told) noexcept override { benchmark::DoNotOptimize(told); }
  bool is_addition(std::uint64_t place, std::uint32_t, Duration, PacketTime) noexcept override {
    benchmark::DoNotOptimize(place);
    return news_;
  }
  bool is_change(std::uint64_t place, std::uint64_t value, Duration, PacketTime) noexcept override {
    benchmark::DoNotOptimize(place ^ value);
    return news_;
  }
  Asked& asked(std::uint64_t, PacketTime) noexcept override { return asked_; }
  void anomaly(const dissect::MessageContext&, Layer, ParseError, std::uint32_t) noexcept override {}

 private:
  bool news_;
  Asked asked_{};
  std::vector<char> buffer_;
  JsonWriter writer_{nullptr, 0};
};

}  // namespace tsujiban::bench
