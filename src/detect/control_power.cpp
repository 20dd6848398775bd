#include "detect/control_power.h"

#include <algorithm>

#include "detect/power_at_risk.h"

namespace tsujiban::detect {
namespace {

constexpr DetectorId detectors[] = {DetectorId::control_load_altering, DetectorId::control_oscillation,
                                    DetectorId::control_without_event};
constexpr std::uint32_t states_min = 1u << 18;

const char* text_of(LoadDirection direction) noexcept {
  switch (direction) {
    case LoadDirection::up:
      return "up (more load)";
    case LoadDirection::down:
      return "down (less load)";
    case LoadDirection::lost:
      return "out of control (permission taken away)";
    default:
      return "to a state whose direction is not known";
  }
}

// Who acts for the grid and the market, so that only an event gives a reason to write to a device.
bool is_aggregator_side(Role role) noexcept {
  return role == Role::aggregator || role == Role::coordinator || role == Role::grid_command || role == Role::retailer;
}

bool changes_state(WriteEffect effect) noexcept {
  return effect == WriteEffect::physical || effect == WriteEffect::permission;
}

class ControlPower final : public SiteDetector {
 public:
  explicit ControlPower(const Site& site);
  void fact(const Fact& fact, const Ends& ends, Findings& findings) noexcept override;
  std::uint32_t prefetched() const noexcept override {
    return facts_of({FactKind::control_write, FactKind::reading, FactKind::object});
  }
  void prefetch(const Fact& fact, unsigned step) const noexcept override;
  void tick(PacketTime now, Findings&) noexcept override {
    load_.expire(now);
    swing_.expire(now);
  }
  std::uint64_t evictions() const noexcept override {
    return devices_.evictions() + states_.evictions() + load_.evictions() + swing_.evictions();
  }
  void take_over(SiteDetector& before, const Renumbered& numbers) override;
  double power_at_risk_kw() const noexcept override;
  std::uint32_t state_version() const noexcept override { return 2; }
  void save(StateWriter& writer) const override {
    writer.put(began_ ? std::uint8_t{1} : std::uint8_t{0});
    writer.put(learning_since_.ns);
    devices_.save(writer);
    states_.save(writer);
  }
  bool load(StateReader& reader, std::uint32_t version) override;

 private:
  // What a condition over many addresses is told under, as long as it lasts: the write that it began with.
  struct Head {
    bool on = false;
    PacketTime last;
    Alert first;
  };
  struct Limits {
    double kw, share;
    std::uint32_t devices_min;
  };

  void write(const Fact& fact, const Ends& ends, Findings& findings) noexcept;
  void refusal(const Fact& fact, const Ends& ends) noexcept;
  std::uint32_t dispatch_of(const Fact& fact) const noexcept;
  bool reached(const MovedPower& sum, double kw) const noexcept;
  bool learns(DetectorId detector, const Fact& fact, const Ends& ends, Findings& findings) const noexcept;
  void judge_load(LoadDirection direction, PowerAtRisk::Part part, std::uint32_t dispatch, const Fact& fact,
                  const Ends& ends, Findings& findings) noexcept;
  void judge_swing(const Fact& fact, const Ends& ends, Findings& findings) noexcept;
  void judge_event(const Fact& fact, const Ends& ends, Findings& findings) const noexcept;
  Alert under_head(Head& head, DetectorId detector, const Fact& fact, const Ends& ends) const noexcept;

  Site site_;
  Limits load_limits_;
  double swing_kw_;
  Duration load_window_, swing_window_, grace_, learning_;
  std::uint32_t flips_;
  bool began_ = false;
  PacketTime learning_since_;
  PowerDevices devices_;
  DeviceStates states_;
  PowerAtRisk load_;
  PowerAtRisk swing_;  // By each device's latest direction, in the time that one swing may take.
  LoadDirection swung_ = LoadDirection::none;
  RecentTimes flip_times_{};
  std::array<std::array<Head, 2>, PowerAtRisk::direction_count> load_heads_;
  Head swing_head_;
};

ControlPower::ControlPower(const Site& site)
    : site_(site),
      load_limits_{site.config->tunable(DetectorId::control_load_altering, "kw").value,
                   site.config->tunable(DetectorId::control_load_altering, "share").value,
                   site.config->tunable_count_of(DetectorId::control_load_altering, "devices_min")},
      swing_kw_(site.config->tunable(DetectorId::control_oscillation, "kw").value),
      load_window_(site.config->tunable_time(DetectorId::control_load_altering, "window")),
      swing_window_(site.config->tunable_time(DetectorId::control_oscillation, "window")),
      grace_(site.config->tunable_time(DetectorId::control_without_event, "grace")),
      learning_(site.config->tunable_time(DetectorId::policy_unknown_asset, "learning")),
      flips_(std::max(1u, site.config->tunable_count_of(DetectorId::control_oscillation, "flips"))),
      devices_(site),
      states_(states_min + 2 * static_cast<std::uint32_t>(std::min<std::size_t>(site.config->assets.size(), 1u << 21)),
              site.seed),
      load_(site, load_window_, false),
      // So many flips need one swing more than that within the window.
      swing_(site, Duration{swing_window_.ns / (flips_ + 1)}, true) {}

bool ControlPower::load(StateReader& reader, std::uint32_t version) {
  if (version != state_version()) return false;
  const bool began = reader.get<std::uint8_t>() != 0;
  const PacketTime since{reader.get<std::int64_t>()};
  StateReader trial = reader;
  if (reader.failed() || !devices_.load(trial, false) || !states_.load(trial, false)) return false;
  began_ = began;
  learning_since_ = since;
  return devices_.load(reader, true) && states_.load(reader, true);
}

void ControlPower::take_over(SiteDetector& before, const Renumbered& numbers) {
  auto& from = static_cast<ControlPower&>(before);
  began_ = from.began_;
  learning_since_ = from.learning_since_;
  devices_.take_over(from.devices_);
  states_.take_over(from.states_);
  load_.take_over(from.load_, numbers);
  swing_.take_over(from.swing_, numbers);
  swung_ = from.swung_;
  if (RecentTimes::fits(from.flips_, flips_)) flip_times_ = from.flip_times_;
  load_heads_ = from.load_heads_;
  for (auto& heads : load_heads_) {
    for (Head& head : heads) numbers.renumber(head.first);
  }
  swing_head_ = from.swing_head_;
  numbers.renumber(swing_head_.first);
}

double ControlPower::power_at_risk_kw() const noexcept {
  double kw = 0;
  for (const LoadDirection d : {LoadDirection::up, LoadDirection::down, LoadDirection::depends, LoadDirection::lost}) {
    kw = std::max(kw, load_.site(d).kw);
  }
  return kw;
}

void ControlPower::fact(const Fact& fact, const Ends& ends, Findings& findings) noexcept {
  if (!began_) {
    began_ = true;
    learning_since_ = fact.time;
  }
  switch (fact.kind) {
    case FactKind::object:
      devices_.learn(fact.segment, fact.source, ends.source_asset, fact.object.object);
      return;
    case FactKind::reading:
      if (DeviceStates::keeps(fact.reading.point) && is_load_class(object_class(fact.reading.object))) {
        states_.set(devices_.device(fact.segment, fact.source, ends.source_asset, fact.reading.object),
                    fact.reading.point, fact.reading.code);
      }
      return;
    case FactKind::control_write:
      if (!changes_state(fact.control_write.effect)) return;
      if (fact.control_write.refused) {
        refusal(fact, ends);
      } else {
        judge_event(fact, ends, findings);
        write(fact, ends, findings);
      }
      return;
    default:
      return;
  }
}

// As objects that are no assets have it; an asset's states lie where its name says.
void ControlPower::prefetch(const Fact& fact, unsigned step) const noexcept {
  if (fact.kind == FactKind::object) {
    devices_.prefetch(fact.segment, fact.source, fact.object.object, step);
  } else if (fact.kind == FactKind::reading && DeviceStates::keeps(fact.reading.point)) {
    states_.prefetch(devices_.device(fact.segment, fact.source, 0, fact.reading.object), fact.reading.point, step);
  } else if (fact.kind == FactKind::control_write && DeviceStates::keeps(fact.control_write.point)) {
    states_.prefetch(devices_.device(fact.segment, fact.destination, 0, fact.control_write.object),
                     fact.control_write.point, step);
  }
}

// The refusal of a write to a group comes from each device by itself.
void ControlPower::refusal(const Fact& fact, const Ends& ends) noexcept {
  const ControlWrite& write = fact.control_write;
  if (write.direction == LoadDirection::none || !is_load_class(object_class(write.object))) return;
  PowerAtRisk::Touch touch{};
  touch.device = devices_.device(fact.segment, fact.destination, ends.destination_asset, write.object);
  touch.writer = {fact.segment, fact.source};
  for (const LoadDirection d : {LoadDirection::up, LoadDirection::down, LoadDirection::depends, LoadDirection::lost}) {
    // Which way it was taken to go is not known any more where it depended on the state.
    if (d != write.direction && write.direction != LoadDirection::depends) continue;
    touch.direction = d;
    load_.undo(touch);
    swing_.undo(touch);
  }
  states_.forget(touch.device, write.point);
}

// The schedule that covers what this writer does now; an unauthorised writer has none.
std::uint32_t ControlPower::dispatch_of(const Fact& fact) const noexcept {
  if (site_.calendar == nullptr) return 0;
  const std::uint32_t dispatch = site_.calendar->dispatch_at(fact.time, fact.segment, fact.source);
  if (dispatch == 0 || site_.rights == nullptr) return dispatch;
  const policy::WriteRight right =
      site_.rights->judge(fact.segment, fact.source, fact.destination, fact.protocol, fact.time);
  return right.allowed ? dispatch : 0;
}

void ControlPower::write(const Fact& fact, const Ends& ends, Findings& findings) noexcept {
  const ControlWrite& write = fact.control_write;
  if (!is_load_class(object_class(write.object))) return;
  if (write.direction == LoadDirection::none && !DeviceStates::keeps(write.point)) return;
  const std::uint32_t dispatch = write.direction == LoadDirection::none ? 0 : dispatch_of(fact);
  const double kw_max = dispatch == 0 ? 0 : site_.calendar->dispatch(dispatch).kw_max;
  // By direction, what was touched: bit 0 uncovered, bit 1 covered.
  std::array<std::uint8_t, PowerAtRisk::direction_count + 1> touched{};
  devices_.touched(fact, ends, [&](const TouchedDevice& device) {
    const LoadDirection direction = states_.resolve(device, write);
    // A write of what is so already moves nothing: controllers repeat themselves.
    const bool changed = states_.set(device, write.point, write.code);
    if (direction == LoadDirection::none || !changed) return;
    PowerAtRisk::Touch touch{};
    touch.device = device;
    touch.direction = direction;
    touch.writer = {fact.segment, fact.source};
    touch.link = fact.segment;
    touch.segment = ends.destination_segment != 0 ? ends.destination_segment : ends.source_segment;
    touch.dispatch = dispatch;
    if (kw_max > 0 && !load_.has_covered(device, direction) &&
        load_.dispatch(dispatch, direction).kw + device.kw > kw_max) {
      touch.dispatch = 0;
    }
    load_.touch(touch, fact.time);
    if (direction == LoadDirection::up || direction == LoadDirection::down) swing_.touch(touch, fact.time);
    touched[static_cast<std::size_t>(direction)] |= touch.dispatch != 0 ? 2 : 1;
  });
  bool any = false;
  for (std::size_t d = 1; d < touched.size(); ++d) {
    const auto direction = static_cast<LoadDirection>(d);
    if ((touched[d] & 1) != 0) judge_load(direction, PowerAtRisk::Part::uncovered, 0, fact, ends, findings);
    if ((touched[d] & 2) != 0) judge_load(direction, PowerAtRisk::Part::covered, dispatch, fact, ends, findings);
    any |= touched[d] != 0;
  }
  if (any) judge_swing(fact, ends, findings);
}

bool ControlPower::reached(const MovedPower& sum, double kw) const noexcept {
  return sum.kw >= kw || (sum.devices >= load_limits_.devices_min &&
                          static_cast<double>(sum.devices) >= load_limits_.share * devices_.known());
}

// Without an inventory the share is one of the devices learned so far, and on the first days five of seven are soon
// moved: until enough was seen it rests, and says so.
bool ControlPower::learns(DetectorId detector, const Fact& fact, const Ends& ends, Findings& findings) const noexcept {
  if (site_.config->has_inventory() || fact.time - learning_since_ >= learning_) return false;
  findings.rests(detector, fact, ends, "an inventory; the devices are still being learned");
  return true;
}

Alert ControlPower::under_head(Head& head, DetectorId detector, const Fact& fact, const Ends& ends) const noexcept {
  const Duration lasts = std::max(site_.config->settings(detector).repeat, load_window_);
  if (!head.on || fact.time - head.last > lasts) {
    head.on = true;
    head.first = alert_of(detector, fact, ends);
  }
  head.last = fact.time;
  Alert alert = head.first;
  alert.time = fact.time;
  alert.packet_number = fact.packet_number;
  return alert;
}

void ControlPower::judge_load(LoadDirection direction, PowerAtRisk::Part part, std::uint32_t dispatch, const Fact& fact,
                              const Ends& ends, Findings& findings) noexcept {
  const MovedPower& sum = load_.site(direction, part);
  if (!reached(sum, load_limits_.kw) || learns(DetectorId::control_load_altering, fact, ends, findings)) return;
  const bool covered = part == PowerAtRisk::Part::covered;
  const std::size_t d = static_cast<std::size_t>(direction) - 1;
  Alert alert = under_head(load_heads_[d][covered ? 1 : 0], DetectorId::control_load_altering, fact, ends);
  alert.severity = covered ? Severity::low : Severity::critical;
  alert.power_at_risk_kw = sum.kw;
  alert.merge_key = 1 + d * 2 + (covered ? 1 : 0);
  say_why(alert, 0, "%u devices of %u known moved %s within %.0f s: %.0f kW, and %u without known capacity",
          sum.devices, devices_.known(), text_of(direction), load_window_.as_seconds(), sum.kw, sum.without_capacity);
  say_why(alert, 1, "%u segments, %u writers", load_.segments(direction), load_.writers(direction));
  const MovedPower writer = load_.writer({fact.segment, fact.source}, direction);
  const MovedPower segment = load_.segment(
      fact.segment, ends.destination_segment != 0 ? ends.destination_segment : ends.source_segment, direction);
  say_why(alert, 2, "the latest writer: %u devices, %.0f kW; its target's segment: %u devices, %.0f kW", writer.devices,
          writer.kw, segment.devices, segment.kw);
  if (covered) {
    say_why(alert, 3, "covered by the declared dispatch \"%.80s\", at most %.0f kW (0: no limit)",
            site_.calendar->dispatch(dispatch).reason.c_str(), site_.calendar->dispatch(dispatch).kw_max);
  } else if (sum.kw >= site_.config->power_steps_kw[2]) {
    say_why(alert, 3, "no dispatch covers it; %.0f kW and more: a system of importance A",
            site_.config->power_steps_kw[2]);
  } else {
    say_why(alert, 3, "no dispatch covers it");
  }
  findings.raise(alert);
}

// A swing: enough power, or enough devices, whose latest write went one way, and clearly more than went the other way.
// A flip: a swing against the one before.
void ControlPower::judge_swing(const Fact& fact, const Ends& ends, Findings& findings) noexcept {
  const MovedPower& up = swing_.site(LoadDirection::up);
  const MovedPower& down = swing_.site(LoadDirection::down);
  const auto dominates = [&](const MovedPower& a, const MovedPower& b) {
    return reached(a, swing_kw_) && a.kw >= 2 * b.kw && a.devices >= 2 * b.devices;
  };
  LoadDirection now = LoadDirection::none;
  if (dominates(up, down)) now = LoadDirection::up;
  if (dominates(down, up)) now = LoadDirection::down;
  if (now == LoadDirection::none || now == swung_) return;
  const bool flip = swung_ != LoadDirection::none;
  swung_ = now;
  if (!flip || !flip_times_.add(fact.time, swing_window_, flips_) ||
      learns(DetectorId::control_oscillation, fact, ends, findings)) {
    return;
  }
  const MovedPower& sum = now == LoadDirection::up ? up : down;
  Alert alert = under_head(swing_head_, DetectorId::control_oscillation, fact, ends);
  alert.power_at_risk_kw = sum.kw;
  alert.merge_key = 1;
  say_why(alert, 0, "the direction of many devices changed %u times within %.0f s", flips_, swing_window_.as_seconds());
  say_why(alert, 1, "now %s: %u devices, %.0f kW, and %u without known capacity", text_of(now), sum.devices, sum.kw,
          sum.without_capacity);
  findings.raise(alert);
}

void ControlPower::judge_event(const Fact& fact, const Ends& ends, Findings& findings) const noexcept {
  if (!is_aggregator_side(ends.source_role) || site_.calendar == nullptr) return;
  const policy::Calendar& calendar = *site_.calendar;
  if (!calendar.has_dispatch_for(fact.segment, fact.source)) {
    findings.rests(DetectorId::control_without_event, fact, ends, "no dispatch schedule is declared for this writer");
    return;
  }
  for (const PacketTime time : {fact.time, fact.time - grace_, fact.time + grace_}) {
    if (calendar.dispatch_at(time, fact.segment, fact.source) != 0) return;
  }
  Alert alert = alert_of(DetectorId::control_without_event, fact, ends);
  alert.merge_key = 1;
  say_why(alert, 0, "object %06X property 0x%02X = 0x%X", fact.control_write.object, fact.control_write.point,
          fact.control_write.code);
  say_why(alert, 1, "no declared dispatch of this writer holds now or within %.0f s", grace_.as_seconds());
  findings.raise(alert);
}

std::unique_ptr<SiteDetector> make(const Site& site) { return std::make_unique<ControlPower>(site); }

}  // namespace

const SiteDetectorRow control_power_row = {
    "control_power", detectors, facts_of({FactKind::control_write, FactKind::reading, FactKind::object}), false, make};

}  // namespace tsujiban::detect
