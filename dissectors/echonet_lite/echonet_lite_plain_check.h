#pragma once
// For tests and the fuzz target: holds the short way of plain datagrams against the long one.
#include <cstdio>
#include <cstdlib>

#include "dissectors/echonet_lite/echonet_lite_test_sink.h"

namespace tsujiban::echonet_lite::testing {

using dissect::testing::Octets;

// Ends the program where `read_plain` says another thing of a message than `read_frame`, or does not read what it
// should. True where it read it.
inline bool check_plain(Bytes message) {
  const auto demand = [](bool holds, const char* what) {
    if (holds) return;
    std::fprintf(stderr, "read_plain and read_frame differ: %s\n", what);
    std::abort();
  };
  FrameEvent plain;
  ListPoints points;
  const bool read = read_plain(message, plain, points);
  const FrameEvent frame = read_frame(message);
  const bool sound = frame.format == 1 && frame.has_list() && !frame.malformed() && !is_setget(frame.service) &&
                     is_known_service(frame.service) && (frame.epc_all & 0x80) != 0 &&
                     !is_reserved_object(frame.seoj) && !is_reserved_object(frame.deoj);
  demand(read == sound, "what is plain");
  if (!read) return false;
  demand(plain.bytes.data() == frame.bytes.data() && plain.bytes.size() == frame.bytes.size(), "bytes");
  demand(plain.tid == frame.tid && plain.service == frame.service && plain.format == frame.format, "header");
  demand(plain.seoj == frame.seoj && plain.deoj == frame.deoj, "objects");
  demand(plain.header_read == frame.header_read && plain.opc == frame.opc && plain.opc_get == frame.opc_get, "counts");
  demand(plain.has_get_list == frame.has_get_list && plain.get_list_offset == frame.get_list_offset, "second list");
  demand(plain.end == frame.end && plain.epc_all == frame.epc_all && plain.cut_short == frame.cut_short, "end");
  demand(plain.error == frame.error && plain.error_offset == frame.error_offset, "error");
  demand(points == points_of(message, header_length, frame.opc), "points");
  return true;
}

// One dissector that records are wanted of, and so takes the long way for each message, and one that takes the short
// way where it can: fed the same.
class BothWays {
 public:
  explicit BothWays(std::uint32_t pairing_entries = 1024, std::size_t record_bytes = 1 << 20)
      : long_way_(true, true, pairing_entries, record_bytes), short_way_(false, true, pairing_entries, record_bytes) {}
  void wait_ms(std::uint64_t ms) {
    for (Bench* const one : {&long_way_, &short_way_}) one->wait_ms(static_cast<std::int64_t>(ms));
  }
  // `who`: 0 the controller asks the device, 1 the device answers, 2 and 3 the two speak to the group, 4 somebody else.
  void send(unsigned who, const Octets& message) {
    const IpAddress from = who == 1 || who == 3 ? Bench::device
                           : who == 4           ? IpAddress::v4(0xC0A81403)
                                                : Bench::controller;
    const IpAddress to = who == 1 ? Bench::controller : who == 2 || who == 3 ? Bench::group : Bench::device;
    for (Bench* const one : {&long_way_, &short_way_}) one->send(from, to, message);
  }
  std::size_t facts() const noexcept { return short_way_.sink.facts.size(); }
  // Of the latest message: what the two told differently; empty: nothing.
  std::string difference() {
    const std::vector<Fact>&a = long_way_.sink.facts, &b = short_way_.sink.facts;
    if (a.size() != b.size())
      return "number of facts: " + std::to_string(a.size()) + " and " + std::to_string(b.size());
    for (; seen_ < a.size(); ++seen_) {
      if (text_of(a[seen_]) != text_of(b[seen_])) return text_of(a[seen_]) + " and " + text_of(b[seen_]);
    }
    if (long_way_.sink.anomalies != short_way_.sink.anomalies) return "anomalies";
    constexpr auto self = static_cast<std::size_t>(AppProtocol::echonet_lite);
    for (std::size_t service = 0; service < 256; ++service) {
      if (long_way_.counters->messages[self][service].value() != short_way_.counters->messages[self][service].value())
        return "messages of service " + std::to_string(service);
    }
    if (long_way_.counters->messages_malformed[self].value() != short_way_.counters->messages_malformed[self].value())
      return "malformed messages";
    return {};
  }

 private:
  static std::string text_of(const Fact& fact) {
    std::string text = "kind " + std::to_string(static_cast<int>(fact.kind)) + " from " +
                       std::to_string(fact.source.low) + " to " + std::to_string(fact.destination.low) + " at " +
                       std::to_string(fact.time.ns) + (fact.to_group ? " group" : "");
    const auto add = [&](const auto... values) { ((text += " " + std::to_string(values)), ...); };
    switch (fact.kind) {
      case FactKind::control_write: {
        const ControlWrite& w = fact.control_write;
        add(w.object, w.point, w.code, w.size_bytes, static_cast<int>(w.effect), static_cast<int>(w.direction),
            static_cast<int>(w.check), w.answer_wanted, w.refused, w.by_public, w.value);
        break;
      }
      case FactKind::reading: {
        const Reading& r = fact.reading;
        add(r.object, r.point, r.code, r.value, r.value_hash, r.announced);
        text += r.text.data();
        break;
      }
      case FactKind::request:
      case FactKind::response: {
        const Exchange& e = fact.exchange;
        add(e.source_object, e.destination_object, e.transaction, e.service, e.pair_asks, e.bytes);
        break;
      }
      case FactKind::inquiry: {
        const Inquiry& q = fact.inquiry;
        add(q.object, q.bytes, q.points[0], q.points[1], q.lists_objects, q.lists_properties, q.refused);
        break;
      }
      case FactKind::object:
      case FactKind::asker:
        add(static_cast<int>(fact.object.how), fact.object.object);
        break;
      case FactKind::malformed:
        add(static_cast<int>(fact.malformed.error), fact.malformed.offset);
        break;
      default:
        break;
    }
    return text;
  }

  Bench long_way_, short_way_;
  std::size_t seen_ = 0;
};

}  // namespace tsujiban::echonet_lite::testing
