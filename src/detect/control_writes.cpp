#include "detect/control_writes.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

#include "detect/alert_limit.h"
#include "detect/power_at_risk.h"
#include "detect/site_keys.h"
#include "detect/window_counts.h"

namespace tsujiban::detect {
namespace {

constexpr DetectorId detectors[] = {DetectorId::control_unauthorized_write, DetectorId::control_rejected_writes,
                                    DetectorId::control_value_out_of_range, DetectorId::control_flapping};
constexpr std::uint32_t writers_max = 1u << 17;   // Learned (segment, writer, target, class).
constexpr std::uint32_t sources_max = 1u << 14;   // With refused writes.
constexpr std::uint32_t switches_max = 1u << 17;  // Points of devices that were written.
constexpr double rating_tolerance = 1.01;         // Ratings are written rounded.

// Batteries, solar power, chargers, inverters and frequency regulation: one write moves kilowatts (threats, 3.1).
bool is_power_class(std::uint32_t object_class) noexcept {
  switch (object_class) {
    case 0x0279:  // Solar power.
    case 0x027d:  // Storage battery.
    case 0x027e:  // EV charger and discharger.
    case 0x02a1:  // EV charger.
    case 0x02a5:  // Multiple-input PCS.
    case 0x02a7:  // Frequency regulation.
      return true;
    default:
      return false;
  }
}

// Settings in watts that the asset's own rating bounds.
bool is_power_setting(std::uint32_t object_class, std::uint32_t point) noexcept {
  switch (object_class) {
    case 0x027d:
      return point == 0xeb || point == 0xec;
    case 0x027e:
      return point == 0xeb || point == 0xec || point == 0xe0;
    case 0x02a1:
      return point == 0xeb;
    default:
      return false;
  }
}

// What is written to, for people: an ECHONET Lite object and property, or a Modbus unit and the place in it.
struct PlaceText {
  explicit PlaceText(const Fact& fact) noexcept {
    const ControlWrite& write = fact.control_write;
    if (fact.protocol == AppProtocol::modbus)
      std::snprintf(text, sizeof text, "unit %u address %u = 0x%X", write.object, write.point, write.code);
    else
      std::snprintf(text, sizeof text, "object %06X property 0x%02X = 0x%X", write.object, write.point, write.code);
  }
  char text[64];
};

struct WriterKey {
  SegmentKey segment;
  IpAddress writer, target;
  std::uint32_t object_class = 0;
  std::uint64_t hash(HashSeed seed) const noexcept {
    return hash_words(seed, PairKey{segment, writer, target}.hash(seed), object_class);
  }
  bool operator==(const WriterKey&) const noexcept = default;
};

// One point of a device.
struct SwitchKey {
  HostKey host;
  std::uint32_t object = 0, point = 0;
  std::uint64_t hash(HashSeed seed) const noexcept {
    return hash_words(seed, host.hash(seed), std::uint64_t{object} << 32 | point);
  }
  bool operator==(const SwitchKey&) const noexcept = default;
};

class ControlWrites final : public SiteDetector {
 public:
  explicit ControlWrites(const Site& site)
      : site_(site),
        learning_(site.config->tunable_time(DetectorId::policy_unknown_asset, "learning")),
        refused_window_(site.config->tunable_time(DetectorId::control_rejected_writes, "window")),
        flap_window_(site.config->tunable_time(DetectorId::control_flapping, "window")),
        refused_limit_(site.config->tunable_count_of(DetectorId::control_rejected_writes, "count")),
        flap_limit_(site.config->tunable_count_of(DetectorId::control_flapping, "flips")),
        writers_(writers_max, site.seed),
        refused_(sources_max, site.seed),
        switches_(switches_max, site.seed),
        limit_(site.seed) {}

  void fact(const Fact& fact, const Ends& ends, Findings& findings) noexcept override {
    if (!began_) {
      began_ = true;
      learning_since_ = fact.time;
    }
    judge_right(fact, ends, findings);
    if (fact.control_write.refused) {
      judge_refused(fact, ends, findings);
    } else {
      judge_value(fact, ends, findings);
      judge_flapping(fact, ends, findings);
    }
  }
  std::uint32_t prefetched() const noexcept override { return facts_of({FactKind::control_write}); }
  void prefetch(const Fact& fact, unsigned step) const noexcept override {
    const ControlWrite& write = fact.control_write;
    writers_.prefetch({fact.segment, fact.source, fact.destination, object_class(write.object)}, step);
    switches_.prefetch({{fact.segment, fact.destination}, write.object, write.point}, step);
  }
  std::uint64_t evictions() const noexcept override {
    return writers_.evictions() + refused_.evictions() + switches_.evictions() + limit_.evictions();
  }
  void take_over(SiteDetector& before, const Renumbered&) override {
    auto& from = static_cast<ControlWrites&>(before);
    began_ = from.began_;
    learning_since_ = from.learning_since_;
    writers_.take_over(from.writers_);
    if (RecentTimes::fits(from.refused_limit_, refused_limit_)) refused_.take_over(from.refused_);
    if (RecentTimes::fits(from.flap_limit_, flap_limit_)) switches_.take_over(from.switches_);
    limit_.take_over(from.limit_);
  }
  std::uint32_t state_version() const noexcept override { return 1; }
  void save(StateWriter& writer) const override;
  bool load(StateReader& reader, std::uint32_t version) override;

 private:
  struct Learned {
    PacketTime first;
  };
  struct Refused {
    RecentTimes times;
    std::uint64_t packet;  // The latest one that was counted: one message may refuse many properties.
    bool any;
    ShownPeer shown;
  };
  struct Switched {
    RecentTimes flips;
    std::uint32_t code, code_before;
    std::uint8_t writes;  // Saturated at 2.
    LoadDirection direction;
    ShownPeer shown;
  };

  Duration forget_of(DetectorId detector, Duration window) const noexcept {
    return std::max(site_.config->settings(detector).repeat, window);
  }
  bool is_strange_writer(const Fact& fact) noexcept;
  bool is_power_asset(const Ends& ends) const noexcept;
  void judge_right(const Fact& fact, const Ends& ends, Findings& findings) noexcept;
  void judge_refused(const Fact& fact, const Ends& ends, Findings& findings) noexcept;
  void judge_value(const Fact& fact, const Ends& ends, Findings& findings) noexcept;
  void judge_flapping(const Fact& fact, const Ends& ends, Findings& findings) noexcept;

  Site site_;
  Duration learning_, refused_window_, flap_window_;
  std::uint32_t refused_limit_, flap_limit_;
  bool began_ = false;
  PacketTime learning_since_;
  BoundedMap<WriterKey, Learned> writers_;
  BoundedMap<HostKey, Refused> refused_;
  BoundedMap<SwitchKey, Switched> switches_;
  AlertLimit limit_;
};

const char* text_of(WriteEffect effect) noexcept {
  switch (effect) {
    case WriteEffect::physical:
      return "changes the physical state";
    case WriteEffect::permission:
      return "opens or closes a permission";
    case WriteEffect::reset:
      return "resets a counter";
    case WriteEffect::configuration:
      return "changes the configuration";
    default:
      return "changes nothing";
  }
}

// Where no inventory says who may write: who never wrote this kind of object there while it was learned. A refused
// write shows no habit.
bool ControlWrites::is_strange_writer(const Fact& fact) noexcept {
  const WriterKey key{fact.segment, fact.source, fact.destination, object_class(fact.control_write.object)};
  if (fact.time - learning_since_ < learning_) {
    if (!fact.control_write.refused) {
      const auto got = writers_.use(key);
      if (got.added) writers_.value(got.index).first = fact.time;
    }
    return false;
  }
  return writers_.find(key) == 0;
}

// What the inventory says of who is written to, where the message does not: its object's class, or without one its
// role. Which of its registers moves how much only its maker knows.
bool ControlWrites::is_power_asset(const Ends& ends) const noexcept {
  if (ends.destination_asset == 0) return false;
  const config::Asset& asset = site_.config->assets[ends.destination_asset - 1];
  if (asset.object != 0) return is_power_class(object_class(asset.object));
  return asset.role == Role::device || asset.role == Role::der_outstation;
}

void ControlWrites::judge_right(const Fact& fact, const Ends& ends, Findings& findings) noexcept {
  const ControlWrite& write = fact.control_write;
  const bool moves = write.effect == WriteEffect::physical || write.effect == WriteEffect::permission;
  if (!moves && write.effect != WriteEffect::reset && write.effect != WriteEffect::configuration) return;
  policy::WriteRight right;
  if (site_.rights != nullptr) {
    right = site_.rights->judge(fact.segment, fact.source, fact.destination, fact.protocol, fact.time);
  }
  if (right.judged ? right.allowed : !is_strange_writer(fact)) return;
  Alert alert = alert_of(DetectorId::control_unauthorized_write, fact, ends);
  alert.merge_key = 1;  // The pair, whatever its ports.
  int severity = moves ? 2 : 3;
  // Only ECHONET Lite says in the message what kind of thing it writes to.
  const bool has_class = fact.protocol == AppProtocol::echonet_lite;
  const bool many = fact.to_group || (has_class && is_all_instances(write.object));
  if (moves && (many || (has_class ? is_power_class(object_class(write.object)) : is_power_asset(ends)))) severity = 1;
  if (write.refused) severity = std::min(severity + 1, 4);
  alert.severity = static_cast<Severity>(severity);
  say_why(alert, 0, "%s: %s%s", PlaceText(fact).text, text_of(write.effect), write.refused ? "; it was refused" : "");
  if (right.judged) {
    char text[Alert::why_text_max];
    site_.rights->explain(right, fact.segment, fact.source, fact.destination, text, sizeof text);
    say_why(alert, 1, "%s", text);
  } else {
    say_why(alert, 1, "this writer never wrote this class there in the %.0f days that were learned",
            learning_.as_seconds() / 86400);
  }
  if (many) say_why(alert, 2, "one message to many devices: %s", fact.to_group ? "to a group" : "to all instances");
  if (write.by_public) say_why(alert, 3, "the message says that it came over a public network (0x93 = 0x42)");
  limit_.raise(alert, findings);
}

void ControlWrites::judge_refused(const Fact& fact, const Ends& ends, Findings& findings) noexcept {
  Refused& refused = refused_.value(refused_.use({fact.segment, fact.source}).index);
  if (refused.any && fact.packet_number != 0 && refused.packet == fact.packet_number) return;
  refused.any = true;
  refused.packet = fact.packet_number;
  if (!refused.times.add(fact.time, refused_window_, refused_limit_)) return;
  Alert alert = alert_of(DetectorId::control_rejected_writes, fact, ends);
  alert.merge_key = 1;
  // One source, whatever it writes to.
  alert.destination = refused.shown.show(fact.destination, fact.time, forget_of(alert.detector, refused_window_));
  if (alert.destination != fact.destination) alert.destination_asset = 0;
  say_why(alert, 0, "%u writes or more of this source refused within %.0f s", refused_limit_,
          refused_window_.as_seconds());
  say_why(alert, 1, "the latest: %s", PlaceText(fact).text);
  limit_.raise(alert, findings);
}

void ControlWrites::judge_value(const Fact& fact, const Ends& ends, Findings& findings) noexcept {
  const ControlWrite& write = fact.control_write;
  const char* what = nullptr;
  if (write.check == ValueCheck::out_of_range) what = "outside of the property's range";
  if (write.check == ValueCheck::undefined_code) what = "a code that the property does not have: a probe";
  double rated_w = 0;
  if (what == nullptr && ends.destination_asset != 0 && is_power_setting(object_class(write.object), write.point)) {
    const config::Asset& asset = site_.config->assets[ends.destination_asset - 1];
    const bool its_own = asset.object == 0 || object_class(asset.object) == object_class(write.object);
    if (its_own && asset.capacity_kw > 0 && std::fabs(write.value) > asset.capacity_kw * 1000 * rating_tolerance) {
      rated_w = asset.capacity_kw * 1000;
      what = "above the asset's rating";
    }
  }
  if (what == nullptr) return;
  Alert alert = alert_of(DetectorId::control_value_out_of_range, fact, ends);
  alert.merge_key = std::uint64_t{write.object} << 16 | write.point << 8 | static_cast<std::uint64_t>(write.check);
  say_why(alert, 0, "%s: %s", PlaceText(fact).text, what);
  if (rated_w > 0) say_why(alert, 1, "%.0f W written, %.0f W rated", write.value, rated_w);
  limit_.raise(alert, findings);
}

// A flip is a write of a property against the direction of its last one, or one that returns to the value before the
// last. By property: who sets the charging and the discharging power in one message turns nothing. Repeating a value,
// or stepping a set point on, is none.
void ControlWrites::judge_flapping(const Fact& fact, const Ends& ends, Findings& findings) noexcept {
  const ControlWrite& write = fact.control_write;
  if (write.effect != WriteEffect::physical && write.effect != WriteEffect::permission) return;
  const bool directed = write.direction == LoadDirection::up || write.direction == LoadDirection::down;
  // More than a byte is a schedule or an amount, not a switch.
  const bool coded = write.size_bytes == 1;
  if (!directed && !coded) return;
  const HostKey host{fact.segment, fact.destination};
  Switched& s = switches_.value(switches_.use({host, write.object, write.point}).index);
  if (coded && s.writes > 0 && s.code == write.code) return;
  bool flip = false;
  if (directed) {
    flip = s.direction != LoadDirection::none && s.direction != write.direction;
    s.direction = write.direction;
  }
  if (coded) {
    flip = flip || (s.writes == 2 && s.code_before == write.code);
    s.code_before = s.code;
    s.code = write.code;
    s.writes = static_cast<std::uint8_t>(std::min(s.writes + 1, 2));
  }
  if (!flip || !s.flips.add(fact.time, flap_window_, flap_limit_)) return;
  Alert alert = alert_of(DetectorId::control_flapping, fact, ends);
  // Whoever writes: it is the device that suffers.
  alert.source = s.shown.show(fact.source, fact.time, forget_of(alert.detector, flap_window_));
  if (alert.source != fact.source) alert.source_asset = 0;
  alert.merge_key = write.object;
  say_why(alert, 0, "object %06X switched back and forth %u times or more within %.0f s", write.object, flap_limit_,
          flap_window_.as_seconds());
  char writer[ip_text_max];
  const std::size_t length = write_ip(fact.source, writer);
  say_why(alert, 1, "the latest: property 0x%02X = 0x%X by %.*s", write.point, write.code, static_cast<int>(length),
          writer);
  limit_.raise(alert, findings);
}

void ControlWrites::save(StateWriter& writer) const {
  writer.put(began_ ? std::uint8_t{1} : std::uint8_t{0});
  writer.put(learning_since_.ns);
  writer.put(writers_.size());
  for (std::uint32_t i = writers_.first(); i != 0; i = writers_.next(i)) {
    const WriterKey& key = writers_.key(i);
    put_host(writer, {key.segment, key.writer});
    put_address(writer, key.target);
    writer.put(key.object_class);
    writer.put(writers_.value(i).first.ns);
  }
}

bool ControlWrites::load(StateReader& reader, std::uint32_t version) {
  constexpr std::size_t entry_bytes = 24 + 16 + 4 + 8;
  if (version != state_version()) return false;
  const bool began = reader.get<std::uint8_t>() != 0;
  const PacketTime since{reader.get<std::int64_t>()};
  const auto count = reader.get<std::uint32_t>();
  if (reader.failed() || count > writers_max || count > reader.left() / entry_bytes) return false;
  began_ = began;
  learning_since_ = since;
  writers_.clear();
  for (std::uint32_t i = 0; i < count; ++i) {
    const HostKey host = get_host(reader);
    const IpAddress target = get_address(reader);
    const auto object_class = reader.get<std::uint32_t>();
    Learned& learned = writers_.value(writers_.use({host.segment, host.address, target, object_class}).index);
    learned.first = {reader.get<std::int64_t>()};
  }
  return true;
}

std::unique_ptr<SiteDetector> make(const Site& site) { return std::make_unique<ControlWrites>(site); }

}  // namespace

const SiteDetectorRow control_writes_row = {"control_writes", detectors, facts_of({FactKind::control_write}), false,
                                            make};

}  // namespace tsujiban::detect
