#pragma once
// For tests that nothing allocates: wants everything, keeps nothing and counts what it is told.
#include <array>

#include "dissect/dissector.h"

namespace tsujiban::dissect::testing {

class CountingSink final : public RecordSink {
 public:
  CountingSink() {
    wanted_ = EventTypes::all();
    facts_wanted_ = ~0u;
  }
  JsonWriter* begin(EventType, const MessageContext&) noexcept override {
    writer_ = JsonWriter(buffer_.data(), buffer_.size());
    writer_.begin_object();
    return &writer_;
  }
  void response_time_here(const Exchange&) noexcept override {}
  void end() noexcept override { ++records; }
  void fact(const Fact&) noexcept override { ++facts; }
  bool is_addition(std::uint64_t, std::uint32_t, Duration, PacketTime) noexcept override { return true; }
  bool is_change(std::uint64_t, std::uint64_t, Duration, PacketTime) noexcept override { return true; }
  Asked& asked(std::uint64_t, PacketTime) noexcept override { return asked_ = {}; }
  void anomaly(const MessageContext&, Layer, ParseError, std::uint32_t) noexcept override { ++anomalies; }
  std::size_t records = 0, facts = 0, anomalies = 0;

 private:
  Asked asked_{};
  std::array<char, 64 * 1024> buffer_;
  JsonWriter writer_{nullptr, 0};
};

}  // namespace tsujiban::dissect::testing
