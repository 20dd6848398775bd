#pragma once
#include <cstdio>

#include "detect/site_test_support.h"

// What the tests of the control and ECHONET Lite detectors share: a bench with rights and calendar, and facts.
namespace tsujiban::detect::test {

inline Site site_with_rights(std::string_view yaml, HashSeed seed = {}) {
  Site site = site_of(yaml, seed);
  site.calendar = std::make_shared<const policy::Calendar>(site.inventory);
  site.rights = std::make_shared<const policy::ControlRights>(site.inventory, site.calendar, seed);
  return site;
}

// One row of detectors, ticked every 10 s of packet time.
class ControlBench {
 public:
  ControlBench(const SiteDetectorRow& row, std::string_view yaml, HashSeed seed = {})
      : rows_{row}, site_(site_with_rights(yaml, seed)), engine_(site_, rows_, sink_) {}
  void fact(const Fact& fact) {
    tick_until(fact.time);
    engine_.fact(fact);
    if (twice_ && fact.kind != FactKind::control_write && fact.kind != FactKind::request &&
        fact.kind != FactKind::response && fact.kind != FactKind::malformed) {
      engine_.fact(fact);
    }
  }
  void tick_until(PacketTime time) {
    constexpr std::int64_t step_ns = 10'000'000'000;
    if (ticked_ns_ == 0) ticked_ns_ = time.ns / step_ns * step_ns;
    while (ticked_ns_ + step_ns <= time.ns) engine_.tick({ticked_ns_ += step_ns});
  }
  // From now on news is told twice.
  void tell_news_twice() { twice_ = true; }
  std::vector<std::uint8_t> save() const { return engine_.save({ticked_ns_}); }
  bool load(const std::vector<std::uint8_t>& state) {
    std::string error;
    return engine_.load(state, error);
  }
  std::size_t count(DetectorId detector) const { return sink_.count(detector); }
  // Of those with this severity.
  std::size_t count(DetectorId detector, int severity) const {
    return static_cast<std::size_t>(std::count_if(sink_.alerts.begin(), sink_.alerts.end(), [&](const Alert& a) {
      return a.detector == detector && static_cast<int>(a.severity) == severity;
    }));
  }
  // Conditions, as merging will see them: by detector, segment, addresses and key.
  std::size_t conditions(DetectorId detector) const {
    std::vector<std::string> seen;
    for (const Alert& a : sink_.alerts) {
      if (a.detector != detector) continue;
      std::string key = std::to_string(a.segment.raw()) + to_string(a.source) + to_string(a.destination) +
                        std::to_string(a.merge_key);
      if (std::find(seen.begin(), seen.end(), key) == seen.end()) seen.push_back(std::move(key));
    }
    return seen.size();
  }
  const std::vector<Alert>& alerts() const { return sink_.alerts; }
  SiteEngine& engine() { return engine_; }

 private:
  std::vector<SiteDetectorRow> rows_;
  RecordingSink sink_;
  Site site_;
  SiteEngine engine_;
  std::int64_t ticked_ns_ = 0;
  bool twice_ = false;
};

struct Value {
  std::uint32_t object = 0x027d01, point = 0xda, code = 0x42;
  LoadDirection direction = LoadDirection::up;
  WriteEffect effect = WriteEffect::physical;
};
inline Fact set(double seconds, std::string_view from, std::string_view to, const Value& value = {},
                SegmentKey segment = {}) {
  Fact fact = write(seconds, from, to, value.effect, segment);
  fact.control_write.object = value.object;
  fact.control_write.point = value.point;
  fact.control_write.code = value.code;
  fact.control_write.value = value.code;
  fact.control_write.direction = value.direction;
  return fact;
}
inline Fact refusal(Fact fact) {
  fact.control_write.refused = true;
  return fact;
}
inline const Value charge{}, discharge{0x027d01, 0xda, 0x43, LoadDirection::down},
    standby{0x027d01, 0xda, 0x44, LoadDirection::depends};

inline Fact echonet(FactKind kind, double seconds, std::string_view from, std::string_view to,
                    std::string_view source_mac = {}) {
  Fact fact = fact_of(kind, seconds, from, to);
  fact.protocol = AppProtocol::echonet_lite;
  fact.packet_number = static_cast<std::uint64_t>(seconds * 1000) + 1;
  if (!source_mac.empty()) fact.source_mac = mac(source_mac);
  return fact;
}
inline Fact reading(double seconds, std::string_view from, std::string_view to, std::uint32_t object,
                    std::uint32_t point, std::uint32_t code, bool announced = false, std::string_view by = {}) {
  Fact fact = echonet(FactKind::reading, seconds, from, to, by);
  fact.reading = Reading{};
  fact.reading.object = object;
  fact.reading.point = point;
  fact.reading.code = code;
  fact.reading.value = code;
  fact.reading.announced = announced;
  return fact;
}
inline Fact seen(double seconds, std::string_view from, std::uint32_t object, ObjectSeen::How how,
                 std::string_view by = {}) {
  Fact fact = echonet(FactKind::object, seconds, from, "224.0.23.0", by);
  fact.object = {how, object};
  return fact;
}
inline Fact ask(double seconds, std::string_view from, std::string_view to, std::uint32_t object,
                std::initializer_list<std::uint32_t> points = {0x80}, bool refused = false) {
  Fact fact = echonet(FactKind::inquiry, seconds, from, to);
  fact.inquiry = Inquiry{};
  fact.inquiry.object = object;
  fact.inquiry.bytes = static_cast<std::uint32_t>(12 + 2 * points.size());
  fact.inquiry.refused = refused;
  for (const std::uint32_t point : points) {
    fact.inquiry.points[point >> 6 & 1] |= std::uint64_t{1} << (point & 63);
    fact.inquiry.lists_objects |= object >> 8 == 0x0ef0 && (point == 0xd5 || point == 0xd6);
    fact.inquiry.lists_properties |= point >= 0x9d && point <= 0x9f;
  }
  return fact;
}
inline Fact exchange(FactKind kind, double seconds, std::string_view from, std::string_view to,
                     std::uint32_t from_object, std::uint32_t to_object, std::uint16_t transaction,
                     bool pair_asks = false, std::uint32_t bytes = 100, std::uint8_t service = 0x62) {
  Fact fact = echonet(kind, seconds, from, to);
  fact.exchange = {from_object, to_object, transaction, service, pair_asks, bytes};
  return fact;
}
inline Fact broken(double seconds, std::string_view from, std::string_view to,
                   ParseError error = ParseError::echonet_opc_mismatch) {
  Fact fact = echonet(FactKind::malformed, seconds, from, to);
  fact.malformed = {error, 12};
  return fact;
}

// `homes` homes on their own VLANs, each with an ems and a battery of 6 kW at the same addresses; the aggregator writes
// over R6.
inline std::string homes_text(int homes, std::string_view more = "") {
  std::string text =
      "site: {name: test, timezone: Asia/Tokyo}\n"
      "segments:\n";
  std::string assets = "assets:\n  - {name: aggregator-a, role: aggregator, address: 203.0.113.10}\n";
  char line[300];
  for (int i = 1; i <= homes; ++i) {
    std::snprintf(line, sizeof line, "  - {name: han-%d, prefix: 192.168.1.0/24, vlan: [30, %d], erab: R5}\n", i, i);
    text += line;
    std::snprintf(line, sizeof line,
                  "  - {name: hems-%d, role: ems, address: 192.168.1.2, segment: han-%d}\n"
                  "  - {name: battery-%d, role: device, address: 192.168.1.20, segment: han-%d, object: \"027D01\", "
                  "capacity_kw: 6}\n",
                  i, i, i, i);
    assets += line;
  }
  return text + assets + std::string(more);
}
inline SegmentKey home(int i) { return vlan(30, static_cast<std::uint16_t>(i)); }
inline const std::string no_inventory = "site: {name: test, timezone: Asia/Tokyo}\n";

}  // namespace tsujiban::detect::test
