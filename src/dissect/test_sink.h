#pragma once
// For tests: keeps what a dissector tells.
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "dissect/dissector.h"

namespace tsujiban::dissect::testing {

using Octets = std::vector<std::uint8_t>;

inline Octets bytes_of(std::string_view hex) {
  Octets bytes;
  const auto digit = [](char c) { return static_cast<unsigned>(c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10); };
  std::string digits;
  for (const char c : hex) {
    if (c != ' ') digits += c;
  }
  for (std::size_t i = 0; i + 1 < digits.size(); i += 2)
    bytes.push_back(static_cast<std::uint8_t>(digit(digits[i]) << 4 | digit(digits[i + 1])));
  return bytes;
}

struct ToldAnomaly {
  ParseError error;
  std::uint32_t offset;
  bool operator==(const ToldAnomaly&) const = default;
};

// Records of one type of event; its object's text without the member's name and the outer braces.
class TestSink : public RecordSink {
 public:
  explicit TestSink(EventType type, bool want_records = true, bool want_facts = true, std::size_t capacity = 1 << 20)
      : type_(type), buffer_(capacity) {
    if (want_records) wanted_ = EventTypes::all();
    if (want_facts) facts_wanted_ = ~0u;
  }
  JsonWriter* begin(EventType type, const MessageContext& context) noexcept override {
    if (type != type_) return nullptr;
    source = context.source;
    writer_ = JsonWriter(buffer_.data(), buffer_.size());
    writer_.begin_object();
    return &writer_;
  }
  void response_time_here(const Exchange& answer) noexcept override { unpaired.push_back(answer); }
  void end() noexcept override {
    writer_.end_object();
    overflowed = overflowed || writer_.overflowed();
    // Without {"NAME": and the last brace.
    const std::string text(writer_.text());
    const std::size_t head = name_of(type_).size() + 4;
    records.push_back(text.size() > head ? text.substr(head, text.size() - head - 1) : text);
  }
  void fact(const Fact& told) noexcept override { facts.push_back(told); }
  bool is_addition(std::uint64_t place, std::uint32_t bits, Duration repeat, PacketTime now) noexcept override {
    const auto [at, added] = news_.try_emplace(place, std::pair{std::uint64_t{bits}, now});
    if (added) return true;
    if (now - at->second.second >= repeat) at->second = {0, now};
    if ((bits & ~at->second.first) == 0) return false;
    at->second.first |= bits;
    return true;
  }
  bool is_change(std::uint64_t place, std::uint64_t value, Duration repeat, PacketTime now) noexcept override {
    const auto [at, added] = news_.try_emplace(place, std::pair{value, now});
    if (!added && at->second.first == value && now - at->second.second < repeat) return false;
    at->second = {value, now};
    return true;
  }
  Asked& asked(std::uint64_t place, PacketTime) noexcept override { return asked_[place]; }
  void anomaly(const MessageContext&, Layer, ParseError error, std::uint32_t offset) noexcept override {
    anomalies.push_back({error, offset});
  }
  void set_mask(const output::Mask* mask) { mask_ = mask; }
  // In their order; the caller keeps them.
  void watch(std::span<const std::uint64_t> url_hashes) { watched_urls_ = url_hashes; }

  std::vector<Fact> told(FactKind kind) const {
    std::vector<Fact> of_kind;
    for (const Fact& fact : facts) {
      if (fact.kind == kind) of_kind.push_back(fact);
    }
    return of_kind;
  }

  std::vector<std::string> records;
  std::vector<Fact> facts;
  std::vector<Exchange> unpaired;
  std::vector<ToldAnomaly> anomalies;
  IpAddress source;  // Of the last record.
  bool overflowed = false;

 private:
  EventType type_;
  std::map<std::uint64_t, std::pair<std::uint64_t, PacketTime>> news_;
  std::map<std::uint64_t, Asked> asked_;
  std::vector<char> buffer_;
  JsonWriter writer_{nullptr, 0};
};

// What the dispatcher does with one direction of a stream, in the simplest way: `feed` is called with exactly the bytes
// that are there, so that reading beyond them shows.
class TestStream {
 public:
  TestStream(Dissector& dissector, const DissectorRow& row, RecordSink& sink)
      : dissector_(dissector), row_(row), sink_(sink), state_((row.stream_state_size + 15) / 16) {}
  void feed(MessageContext& context, Bytes piece) {
    Side& side = sides_[static_cast<unsigned>(context.direction)];
    side.kept.insert(side.kept.end(), piece.begin(), piece.end());
    if (done) side.kept.clear();
    if (given_up || done || side.kept.size() < side.needed) return;
    std::size_t used = 0;
    side.needed = 0;
    while (used < side.kept.size() && !given_up) {
      const Octets exact(side.kept.begin() + static_cast<std::ptrdiff_t>(used), side.kept.end());
      const Progress progress = dissector_.feed(state_.data(), context, exact, sink_);
      ++feeds;
      if (progress.kind == Progress::Kind::need_more) {
        side.needed = progress.length;
        if ((side.needed != 0 && side.needed <= exact.size()) || side.needed > row_.message_bytes_max)
          bad_progress = true;
        if (exact.size() >= row_.message_bytes_max) bad_progress = true;
        break;
      }
      if (progress.kind == Progress::Kind::give_up) {
        given_up = true;
        if (progress.error != ParseError::none)
          sink_.anomaly(context, Layer::application, progress.error, progress.offset);
        break;
      }
      if (progress.kind == Progress::Kind::done) {
        done = true;
        side.kept.clear();
        return;
      }
      if (progress.length == 0 || progress.length > exact.size()) {
        bad_progress = true;
        break;
      }
      if (progress.kind == Progress::Kind::malformed)
        sink_.anomaly(context, Layer::application, progress.error, progress.offset);
      used += progress.length;
    }
    side.kept.erase(side.kept.begin(), side.kept.begin() + static_cast<std::ptrdiff_t>(used));
  }
  void gap(MessageContext& context, std::uint32_t missing) {
    Side& side = sides_[static_cast<unsigned>(context.direction)];
    side.kept.clear();
    side.needed = 0;
    if (!given_up) dissector_.gap(state_.data(), context, missing, sink_);
  }
  void finish(MessageContext& context) {
    Side& side = sides_[static_cast<unsigned>(context.direction)];
    if (!given_up) dissector_.finish(state_.data(), context, side.kept, sink_);
    side.kept.clear();
  }
  void* state() noexcept { return state_.data(); }

  std::size_t feeds = 0;
  bool given_up = false, done = false, bad_progress = false;

 private:
  struct Side {
    Octets kept;
    std::size_t needed = 0;
  };
  struct alignas(16) Block {
    std::uint8_t bytes[16] = {};
  };
  Dissector& dissector_;
  const DissectorRow& row_;
  RecordSink& sink_;
  std::vector<Block> state_;
  Side sides_[2];
};

}  // namespace tsujiban::dissect::testing
