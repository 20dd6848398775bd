#pragma once
// For tests of this folder: keeps what the dissector tells.
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "dissectors/dhcp/dhcp_dissector.h"

namespace tsujiban::dhcp::testing {

inline std::vector<std::uint8_t> bytes_of(std::string_view hex) {
  std::vector<std::uint8_t> bytes;
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

class TestSink final : public dissect::RecordSink {
 public:
  explicit TestSink(bool want_records = true, bool want_facts = true) : buffer_(1 << 17) {
    if (want_records) wanted_ = EventTypes::all();
    if (want_facts) facts_wanted_ = ~0u;
  }
  JsonWriter* begin(EventType type, const dissect::MessageContext&) noexcept override {
    if (type != EventType::dhcp) return nullptr;
    writer_ = JsonWriter(buffer_.data(), buffer_.size());
    writer_.begin_object();
    return &writer_;
  }
  void response_time_here(const Exchange&) noexcept override {}
  void end() noexcept override {
    writer_.end_object();
    overflowed = overflowed || writer_.overflowed();
    records.emplace_back(writer_.text());
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
  void anomaly(const dissect::MessageContext&, Layer, ParseError error, std::uint32_t offset) noexcept override {
    anomalies.push_back({error, offset});
  }

  std::vector<std::string> records;
  std::vector<Fact> facts;
  std::vector<ToldAnomaly> anomalies;
  bool overflowed = false;

 private:
  std::map<std::uint64_t, std::pair<std::uint64_t, PacketTime>> news_;
  std::vector<char> buffer_;
  JsonWriter writer_{nullptr, 0};
};

struct Bench {
  explicit Bench(bool records = true, bool facts = true)
      : counters(std::make_unique<metrics::WorkerCounters>()), sink(records, facts), dissector(*counters) {
    context.time = {1'700'000'000'000'000'000};
    context.ip_protocol = 17;
    context.app_protocol = AppProtocol::dhcp;
  }
  void send_v4(const std::vector<std::uint8_t>& bytes, std::uint32_t from = 0xC0A80101) {
    context.source = IpAddress::v4(from);
    context.destination = IpAddress::v4(0xFFFFFFFF);
    context.source_port = port_v4_server;
    context.destination_port = port_v4_client;
    dissector.datagram(context, bytes, sink);
  }
  void send_v6(const std::vector<std::uint8_t>& bytes) {
    context.source = {0xfe80000000000000, 1};
    context.destination = {0xff02000000000000, 0x10002};
    context.source_port = port_v6_client;
    context.destination_port = port_v6_server;
    dissector.datagram(context, bytes, sink);
  }
  // The object of the last message.
  std::string last() const {
    return sink.records.empty() ? std::string{} : sink.records.back().substr(8, sink.records.back().size() - 9);
  }

  std::unique_ptr<metrics::WorkerCounters> counters;
  TestSink sink;
  DhcpDissector dissector;
  dissect::MessageContext context{};
};

}  // namespace tsujiban::dhcp::testing
