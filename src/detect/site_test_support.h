#pragma once
#include <algorithm>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "detect/site_engine.h"
#include "model/packet.h"

// What the tests of the site's detectors share: facts from short texts, a site from YAML, and an engine that runs one
// row of detectors and remembers what they say.
namespace tsujiban::detect::test {

inline IpAddress ip(std::string_view text) {
  IpAddress address;
  if (!parse_ip(text, address)) throw std::invalid_argument(std::string(text));
  return address;
}
inline MacAddress mac(std::string_view text) {
  MacAddress address;
  if (!parse_mac(text, address)) throw std::invalid_argument(std::string(text));
  return address;
}
inline SegmentKey vlan(std::uint16_t outer, std::uint16_t inner = 0) {
  SegmentKey key;
  key.push_vlan(outer);
  if (inner != 0) key.push_vlan(inner);
  return key;
}
// Seconds after a fixed beginning: Friday 2026-11-20, 09:00 in Japan.
inline PacketTime at(double seconds) { return {1'795'132'800'000'000'000 + static_cast<std::int64_t>(seconds * 1e9)}; }

// A site of a configuration's text, or without one where it is empty; a fault in it is a fault of the test. Rights and
// calendar are left to who needs them.
inline Site site_of(std::string_view yaml, HashSeed seed = {}) {
  std::vector<config::Fault> faults;
  Site site;
  site.config = yaml.empty() ? config::defaults() : config::load_text("site.yaml", yaml, faults);
  if (site.config == nullptr) throw std::invalid_argument(config::to_string(faults[0]));
  site.inventory = std::make_shared<const policy::Inventory>(site.config, seed);
  if (site.config->has_inventory()) site.allow = std::make_shared<const policy::AllowList>(site.inventory, seed);
  site.seed = seed;
  return site;
}

// The head of a fact; the caller fills in the rest.
inline Fact fact_of(FactKind kind, double seconds, std::string_view source, std::string_view destination,
                    SegmentKey segment = {}) {
  Fact fact;
  fact.kind = kind;
  fact.time = at(seconds);
  fact.packet_number = static_cast<std::uint64_t>(seconds) + 1;
  fact.segment = segment;
  fact.source = ip(source);
  fact.destination = ip(destination);
  fact.to_group = fact.destination.is_multicast() || fact.destination.is_broadcast();
  return fact;
}

struct Flow {
  std::string source, destination;
  std::uint16_t source_port = 40000, destination_port = 3610;
  IpProtocol ip_protocol = IpProtocol::udp;
  SegmentKey segment{};
  std::string source_mac{};
  bool direction_certain = true;
};
inline Fact conversation(double seconds, ConversationSeen::Moment moment, const Flow& flow) {
  const FactKind kind = moment == ConversationSeen::Moment::goes_on ? FactKind::activity : FactKind::conversation;
  Fact fact = fact_of(kind, seconds, flow.source, flow.destination, flow.segment);
  fact.source_port = flow.source_port;
  fact.destination_port = flow.destination_port;
  fact.ip_protocol = static_cast<std::uint8_t>(flow.ip_protocol);
  if (!flow.source_mac.empty()) fact.source_mac = mac(flow.source_mac);
  ConversationSeen seen{};
  seen.moment = moment;
  seen.identified = moment == ConversationSeen::Moment::identified;
  seen.direction_certain = flow.direction_certain;
  seen.from_source = moment != ConversationSeen::Moment::answered;
  seen.from_destination = moment == ConversationSeen::Moment::answered;
  seen.established = moment != ConversationSeen::Moment::began;
  seen.packets = 1;
  seen.bytes = 100;
  fact.conversation = seen;
  return fact;
}

inline Fact claim(double seconds, std::string_view address, std::string_view by_mac,
                  Claim::How how = Claim::How::arp_reply, std::string_view to = "0.0.0.0", SegmentKey segment = {}) {
  Fact fact = fact_of(FactKind::claim, seconds, address, to, segment);
  Claim said{};
  said.how = how;
  said.mac = said.frame_source = mac(by_mac);
  fact.claim = said;
  fact.source_mac = said.mac;
  return fact;
}

inline Fact write(double seconds, std::string_view source, std::string_view destination, WriteEffect effect,
                  SegmentKey segment = {}) {
  Fact fact = fact_of(FactKind::control_write, seconds, source, destination, segment);
  fact.protocol = AppProtocol::echonet_lite;
  fact.ip_protocol = static_cast<std::uint8_t>(IpProtocol::udp);
  fact.source_port = fact.destination_port = 3610;
  ControlWrite said{};
  said.object = 0x027d01;
  said.point = 0xda;
  said.code = 0x43;
  said.size_bytes = 1;
  said.effect = effect;
  said.check = ValueCheck::defined;
  said.value = 0x43;
  fact.control_write = said;
  return fact;
}

// Remembers every occurrence, before any merging.
class RecordingSink final : public SiteEngine::AlertSink {
 public:
  void raise(const Alert& alert) noexcept override { alerts.push_back(alert); }
  std::size_t count(DetectorId detector) const {
    return static_cast<std::size_t>(
        std::count_if(alerts.begin(), alerts.end(), [&](const Alert& a) { return a.detector == detector; }));
  }
  std::vector<Alert> alerts;
};
inline std::string why(const Alert& alert, std::size_t line = 0) { return alert.why[line].data(); }

// One row of detectors in an engine of its own, with the ticks that the pipeline would give: every 10 s of packet time.
class Bench {
 public:
  Bench(const SiteDetectorRow& row, std::string_view yaml, HashSeed seed = {})
      : rows_{row}, site_(site_of(yaml, seed)), engine_(site_, rows_, sink_) {}
  void fact(const Fact& fact) {
    tick_until(fact.time);
    engine_.fact(fact);
  }
  void tick_until(PacketTime time) {
    constexpr std::int64_t step_ns = 10'000'000'000;
    if (ticked_ns_ == 0) ticked_ns_ = time.ns / step_ns * step_ns;
    while (ticked_ns_ + step_ns <= time.ns) engine_.tick({ticked_ns_ += step_ns});
    now_ = time;
  }
  // Saves, and goes on with an engine that has only what was saved.
  std::vector<std::uint8_t> save() const { return engine_.save(now_); }
  bool load(const std::vector<std::uint8_t>& state) { return engine_.load(state, error_); }

  SiteEngine& engine() { return engine_; }
  const Site& site() const { return site_; }
  std::vector<Alert>& alerts() { return sink_.alerts; }
  std::size_t count(DetectorId detector) const { return sink_.count(detector); }
  const std::string& error() const { return error_; }

 private:
  std::vector<SiteDetectorRow> rows_;
  RecordingSink sink_;
  Site site_;
  SiteEngine engine_;
  std::int64_t ticked_ns_ = 0;
  PacketTime now_;
  std::string error_;
};

}  // namespace tsujiban::detect::test
