#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <limits>
#include <vector>

#include "detect/alert_limit.h"
#include "detect/network_detectors.h"
#include "detect/renumbered.h"
#include "model/packet.h"

namespace tsujiban::detect {
namespace {

// Distinct addresses, estimated: HyperLogLog with 64 registers (Flajolet et al., 2007), some 13 % off; up to 160 by
// linear counting. The hash has no seed, because the number reaches an alert.
class SourceCount {
 public:
  void add(const IpAddress& address) noexcept {
    const std::uint64_t h = hash_words(HashSeed{}, address.high, address.low);
    std::uint8_t& most = registers_[h % registers_.size()];
    most = std::max(most, static_cast<std::uint8_t>(std::countl_zero(h | registers_.size()) + 1));
  }
  std::uint32_t estimate() const noexcept {
    constexpr double m = 64, alpha = 0.709;
    double sum = 0;
    unsigned empty = 0;
    for (const std::uint8_t value : registers_) {
      sum += std::ldexp(1.0, -value);
      empty += value == 0 ? 1 : 0;
    }
    const double raw = alpha * m * m / sum;
    const double found = raw <= 2.5 * m && empty != 0 ? m * std::log(m / empty) : raw;
    // Who makes up addresses may pick such whose hashes tell of more than there can be.
    constexpr double most = std::numeric_limits<std::uint32_t>::max();
    return static_cast<std::uint32_t>(std::lround(std::min(found, most)));
  }

 private:
  std::array<std::uint8_t, 64> registers_;
};

// What is usual in one window: exponentially weighted mean and variance (Finch, Incremental calculation of weighted
// mean and variance, 2009), of values that are clamped as Huber's estimator does, so that a flood teaches little.
struct Baseline {
  double mean, variance;

  double deviation() const noexcept { return std::sqrt(std::max(variance, std::max(mean, deviation_min))); }
  void learn(double value, double weight, double value_max) noexcept {
    const double away = std::min(value, value_max) - mean;
    mean += weight * away;
    variance = (1 - weight) * (variance + weight * away * away);
  }
  // As many windows without anything.
  void decay(double factor) noexcept {
    const double square = (variance + mean * mean) * factor;
    mean *= factor;
    variance = std::max(0.0, square - mean * mean);
  }

 private:
  static constexpr double deviation_min = 64.0 * 64.0;  // Of what is too little to be looked at.
};

// dos.flood: packets, new connections or half-open sessions toward one address, far above what it usually gets.
// Packets come in bursts of `packet_burst` a flow and direction, and one for every flow that begins; so a flood of
// forged sources is counted by its flows, and one of few sources by its bursts. What its receiver keeps up with, as
// TCP, QUIC and tunnels do that carry files, is no flood.
class FloodDetector final : public SiteDetector {
 public:
  explicit FloodDetector(const Site& site)
      : window_ns_(std::max<std::int64_t>(1'000'000'000, site.config->tunable_time(id, "window").ns)),
        sigma_(site.config->tunable_count_of(id, "sigma")),
        targets_(targets_max, site.seed),
        alerts_(site.seed) {
    const double pace = std::max(1.0, site.config->tunable_count_of(id, "min_pps") * seconds());
    floor_ = {std::max(pace, double{2 * packet_burst}), std::max(2.0, pace / connection_share),
              std::max(2.0, pace / connection_share)};
  }

  void fact(const Fact& fact, const Ends& ends, Findings& findings) noexcept override {
    const ConversationSeen& seen = fact.conversation;
    const bool tcp = fact.ip_protocol == static_cast<std::uint8_t>(IpProtocol::tcp);
    const std::int64_t window = window_at(fact.time);
    if (fact.kind == FactKind::burst) {
      if (!keeps_up(fact)) note(fact, ends, seen.from_destination, window, {packet_burst, 0, 0}, findings);
    } else if (seen.moment == ConversationSeen::Moment::began) {
      const bool opens = tcp && seen.direction_certain;
      note(fact, ends, false, window, {1, opens ? 1 : 0, opens ? 1 : 0}, findings);
    } else if (seen.moment == ConversationSeen::Moment::answered) {
      // Accepted or refused, it is no longer half open.
      if (tcp) {
        const std::uint32_t i = targets_.find({fact.segment, fact.destination});
        if (i != 0 && targets_.value(i).window == window) --targets_.value(i).count[half_open];
      } else {
        note(fact, ends, true, window, {1, 0, 0}, findings);
      }
    }
  }

  std::uint32_t prefetched() const noexcept override { return facts_of({FactKind::burst}); }
  void prefetch(const Fact& fact, unsigned step) const noexcept override {
    // Few addresses get so much that they have an entry, so that most are not looked for beyond the directory.
    targets_.prefetch({fact.segment, fact.destination}, step);
  }

  void tick(PacketTime now, Findings& findings) noexcept override {
    if (loaded_ || latest_ == 0) return;
    const std::int64_t window = std::min(now.ns / window_ns_ - shift_, latest_ + stall_windows);
    if (has_flooded_) {
      has_flooded_ = false;
      for (std::uint32_t i = targets_.first(); i != 0; i = targets_.next(i)) {
        Target& target = targets_.value(i);
        if (target.flooded && target.window < window) finish(targets_.key(i), target, findings);
        has_flooded_ = has_flooded_ || target.flooded;
      }
    }
    for (std::uint32_t i = targets_.first(); i != 0 && window - targets_.value(i).window > memory_windows;
         i = targets_.first())
      targets_.remove(i);
  }

  std::uint64_t evictions() const noexcept override { return targets_.evictions() + alerts_.evictions(); }
  // A reload is not the end of what goes on.
  void take_over(SiteDetector& before, const Renumbered& numbers) override {
    auto& from = static_cast<FloodDetector&>(before);
    alerts_.take_over(from.alerts_);
    if (window_ns_ != from.window_ns_) return;  // Rates within other windows say nothing of these.
    targets_.take_over(from.targets_);
    for (std::uint32_t i = targets_.first(); i != 0; i = targets_.next(i)) numbers.renumber(targets_.value(i).ends);
    noticed_ = from.noticed_;
    noticed_window_ = from.noticed_window_;
    shift_ = from.shift_, latest_ = from.latest_, first_ = from.first_;
    loaded_ = from.loaded_, has_flooded_ = from.has_flooded_;
  }

  std::uint32_t state_version() const noexcept override { return 1; }
  void save(StateWriter& writer) const override {
    writer.put(window_ns_);
    writer.put(latest_);
    writer.put(first_);
    writer.put(targets_.size());
    for (std::uint32_t i = targets_.first(); i != 0; i = targets_.next(i)) {
      const Target& target = targets_.value(i);
      put_host(writer, targets_.key(i));
      writer.put(target.window);
      for (const Baseline& usual : target.usual) {
        writer.put(usual.mean);
        writer.put(usual.variance);
      }
    }
  }
  bool load(StateReader& reader, std::uint32_t version) override {
    const auto window_ns = reader.get<std::int64_t>(), latest = reader.get<std::int64_t>(),
               first = reader.get<std::int64_t>();
    const auto count = reader.get<std::uint32_t>();
    // Counts of another window say nothing of this one.
    if (version != 1 || reader.failed() || window_ns != window_ns_ || first < 0 || latest < first ||
        latest > INT64_MAX / 4 || count > targets_max || reader.left() != count * entry_bytes)
      return false;
    struct Saved {
      HostKey host;
      Target target;
    };
    std::vector<Saved> all;
    for (std::uint32_t i = 0; i < count; ++i) {
      Saved saved{get_host(reader), Target{}};
      saved.target.window = reader.get<std::int64_t>();
      if (saved.target.window < 0 || saved.target.window > latest) return false;
      for (Baseline& usual : saved.target.usual) {
        usual.mean = reader.get_double();
        usual.variance = reader.get_double();
        if (!(usual.mean >= 0 && usual.mean < 1e12 && usual.variance >= 0 && usual.variance < 1e24)) return false;
      }
      all.push_back(saved);
    }
    if (reader.failed()) return false;
    targets_.clear();
    has_flooded_ = false;
    for (const Saved& saved : all) targets_.value(targets_.use(saved.host).index) = saved.target;
    latest_ = latest;
    first_ = first;
    loaded_ = true;
    return true;
  }

 private:
  static constexpr DetectorId id = DetectorId::dos_flood;
  static constexpr std::uint32_t targets_max = 1u << 13;
  // Packets within a window from which an address has an entry of its own; what has less is quiet.
  static constexpr std::uint32_t noticed_min = 64;
  // A connection binds memory of its target where a packet does not: a tenth of `min_pps` is enough. Ten seconds of
  // it, 1,000 sessions by default, fill the backlogs of 128 to 1,024 that RFC 4987 (2.1, 3.2) and systems speak of.
  static constexpr double connection_share = 10;
  // Until ten minutes have been heard nothing is usual, and only ten times `min_pps` is told: by default 10,000
  // packets/s, more than 100 Mbit/s carry of full frames (8,127/s), so that no transfer to a home reaches it.
  static constexpr std::int64_t learning_windows = 60;
  static constexpr double learning_factor = 10;
  static constexpr std::int64_t memory_windows = 360;  // An hour: the weight of a window is one of these.
  static constexpr std::int64_t stall_windows = 18;    // Nobody at all is heard so long: that time does not count.
  static constexpr std::int64_t calm_windows = 6;      // So long without one, the next flood is another.
  static constexpr double clamp_sigma = 3;
  // A receiver that sends one packet for so many is alive: TCP and QUIC acknowledge every second packet or so (RFC
  // 9293, 3.8.6.3; RFC 9000, 13.2), with offloading every 45th.
  static constexpr std::uint64_t answer_share = 64;
  static constexpr std::size_t packets = 0, connections = 1, half_open = 2;
  static constexpr std::size_t entry_bytes = 8 + 16 + 8 + 3 * 16;
  using Counts = std::array<std::int32_t, 3>;

  struct Target {
    std::int64_t window;  // Of `count`.
    Counts count;
    std::uint32_t peak_packets;  // Of this flood, in a window.
    bool flooded, told;          // In this window; ever.
    std::int64_t flood_window;   // The last one that was told.
    std::array<Baseline, 3> usual;
    SourceCount sources;   // Of this window.
    std::size_t limit_of;  // The count that went beyond,
    double limit;          // and what it went beyond.
    // Under which the flood is told, and its latest packet.
    IpAddress source;
    std::uint16_t source_port, destination_port;
    std::uint8_t ip_protocol;
    AppProtocol protocol;
    PacketTime time;
    std::uint64_t packet_number;
    Ends ends;
  };

  double seconds() const noexcept { return static_cast<double>(window_ns_) * 1e-9; }

  // Windows are numbered by packet time, less that in which nobody was heard, or the sensor was not there.
  std::int64_t window_at(PacketTime time) noexcept {
    const std::int64_t real = time.ns / window_ns_;
    if (loaded_ || (latest_ != 0 && real - shift_ - latest_ > stall_windows)) shift_ = real - latest_ - 1;
    loaded_ = false;
    const std::int64_t window = std::max(latest_, real - shift_);
    if (latest_ == 0) first_ = window;
    latest_ = window;
    return window;
  }

  static bool is_amplifier(std::uint16_t port) noexcept {
    // US-CERT TA14-017A, "UDP-Based Amplification Attacks", and ECHONET Lite.
    constexpr std::array<std::uint16_t, 17> ports = {17,  19,   53,   69,   111,  123,  137,  161,  389,
                                                     520, 1900, 3283, 3610, 3702, 5353, 5683, 11211};
    return std::binary_search(ports.begin(), ports.end(), port);
  }

  // Whether whom this burst goes to answers in step. Echo requests are answered by whoever drowns in them, and
  // questions to amplifiers by whoever is misused.
  static bool keeps_up(const Fact& fact) noexcept {
    const ConversationSeen& seen = fact.conversation;
    const auto protocol = static_cast<IpProtocol>(fact.ip_protocol);
    if (!seen.established || protocol == IpProtocol::icmp || protocol == IpProtocol::icmpv6) return false;
    if (protocol == IpProtocol::udp && (is_amplifier(fact.destination_port) || is_amplifier(fact.source_port)))
      return false;
    const std::uint64_t back = seen.packets_back, forth = seen.packets - std::min(seen.packets, seen.packets_back);
    return seen.from_source ? back * answer_share >= forth : forth * answer_share >= back;
  }

  // Whether an address without an entry has enough to get one. Its counters are shared by addresses that collide,
  // which then get theirs early; their hash has no seed, so that this is the same in every run.
  bool is_noticed(const HostKey& host, std::int64_t window, std::int32_t more) noexcept {
    if (noticed_window_ != window) {
      noticed_window_ = window;
      noticed_.fill(0);
    }
    const std::uint64_t h = host.hash(HashSeed{});
    std::uint16_t& a = noticed_[h % (noticed_.size() / 2)];
    std::uint16_t& b = noticed_[noticed_.size() / 2 + (h >> 32) % (noticed_.size() / 2)];
    const auto add = [more](std::uint16_t& counter) {
      counter = static_cast<std::uint16_t>(std::min<std::uint32_t>(UINT16_MAX, counter + static_cast<unsigned>(more)));
    };
    add(a), add(b);
    return std::min(a, b) >= noticed_min;
  }

  void note(const Fact& fact, const Ends& ends, bool to_source, std::int64_t window, const Counts& more,
            Findings& findings) noexcept {
    const HostKey host{fact.segment, to_source ? fact.source : fact.destination};
    std::uint32_t i = targets_.find(host);
    if (i == 0) {
      if (!is_noticed(host, window, more[packets])) return;
      // So far it had nothing that is worth an entry: its usual is none.
      i = targets_.use(host).index;
      targets_.value(i).window = window;
    } else {
      targets_.use(host);
    }
    Target& target = targets_.value(i);
    if (target.window != window) turn(host, target, window, findings);
    for (std::size_t what = 0; what < more.size(); ++what)
      target.count[what] = std::min(target.count[what] + more[what], INT32_MAX / 2);
    target.sources.add(to_source ? fact.destination : fact.source);
    if (target.flooded) {
      target.time = fact.time;
      target.packet_number = fact.packet_number;
      return;
    }
    for (std::size_t what = 0; what < more.size(); ++what) {
      const double limit = limit_of(target, what, window);
      if (target.count[what] < limit) continue;
      begin(target, fact, ends, to_source, window, what, limit);
      tell(host, target, findings);
      return;
    }
  }

  double limit_of(const Target& target, std::size_t what, std::int64_t window) const noexcept {
    const Baseline& usual = target.usual[what];
    const bool learned = window - first_ >= learning_windows;
    return std::max(floor_[what] * (learned ? 1 : learning_factor), usual.mean + sigma_ * usual.deviation());
  }

  // The window is over: it teaches what is usual, and so does the time since.
  void turn(const HostKey& host, Target& target, std::int64_t window, Findings& findings) noexcept {
    if (target.flooded) finish(host, target, findings);
    const std::int64_t age = target.window - first_;
    const double weight = 1.0 / static_cast<double>(std::clamp<std::int64_t>(age + 1, 1, memory_windows));
    const double gap = std::pow(1 - 1.0 / memory_windows, static_cast<double>(window - target.window - 1));
    for (std::size_t what = 0; what < target.usual.size(); ++what) {
      Baseline& usual = target.usual[what];
      const double most =
          age < learning_windows ? floor_[what] * learning_factor : usual.mean + clamp_sigma * usual.deviation();
      usual.learn(std::max(0, target.count[what]), weight, most);
      usual.decay(gap);
    }
    target.count = {};
    target.sources = SourceCount{};
    target.window = window;
  }

  void begin(Target& target, const Fact& fact, const Ends& ends, bool to_source, std::int64_t window, std::size_t what,
             double limit) noexcept {
    if (!target.told || window - target.flood_window > calm_windows) {
      target.told = true;
      target.peak_packets = 0;
      target.source = to_source ? fact.destination : fact.source;
      target.source_port = to_source ? fact.destination_port : fact.source_port;
      target.destination_port = to_source ? fact.source_port : fact.destination_port;
      target.ip_protocol = fact.ip_protocol;
      target.protocol = fact.protocol;
      target.ends = ends;
      if (to_source) {
        std::swap(target.ends.source_asset, target.ends.destination_asset);
        std::swap(target.ends.source_segment, target.ends.destination_segment);
        std::swap(target.ends.source_role, target.ends.destination_role);
        std::swap(target.ends.source_outside, target.ends.destination_outside);
      }
    }
    target.flooded = true;
    has_flooded_ = true;
    target.flood_window = window;
    target.limit_of = what;
    target.limit = limit;
    target.time = fact.time;
    target.packet_number = fact.packet_number;
  }

  // The flood of a window is told when it is seen, and again with all that came.
  void finish(const HostKey& host, Target& target, Findings& findings) noexcept {
    target.flooded = false;
    tell(host, target, findings);
  }

  void tell(const HostKey& host, Target& target, Findings& findings) noexcept {
    static constexpr std::array<const char*, 3> names = {"packets", "new connections", "half-open sessions"};
    const auto at_least = [&](std::size_t what) { return static_cast<unsigned>(std::max(0, target.count[what])); };
    target.peak_packets = std::max(target.peak_packets, at_least(packets));
    Fact fact;
    fact.kind = FactKind::conversation;
    fact.time = target.time;
    fact.packet_number = target.packet_number;
    fact.segment = host.segment;
    fact.source = target.source;
    fact.destination = host.address;
    fact.source_port = target.source_port;
    fact.destination_port = target.destination_port;
    fact.ip_protocol = target.ip_protocol;
    fact.protocol = target.protocol;
    Alert alert = alert_of(id, fact, target.ends);
    alert.merge_key = 1;
    const double s = seconds();
    say_why(alert, 0, "%u packets, %u new connections and %u half-open sessions toward it within %.0f s",
            at_least(packets), at_least(connections), at_least(half_open), s);
    say_why(alert, 1, "%.0f packets/s, at most %.0f packets/s so far; some %u sources", at_least(packets) / s,
            target.peak_packets / s, target.sources.estimate());
    say_why(alert, 2, "%s: its usual is %.0f within %.0f s, the limit %.0f", names[target.limit_of],
            target.usual[target.limit_of].mean, s, target.limit);
    if (target.ip_protocol == static_cast<std::uint8_t>(IpProtocol::udp) && is_amplifier(target.source_port)) {
      say_why(alert, 3, "from port %u of its sources: answers to questions that were asked in its name",
              unsigned{target.source_port});
    }
    alerts_.raise(alert, findings);
  }

  std::int64_t window_ns_;
  double sigma_;
  std::array<double, 3> floor_{};
  BoundedMap<HostKey, Target> targets_;
  AlertLimit alerts_;
  std::array<std::uint16_t, 8192> noticed_{};
  std::int64_t noticed_window_ = 0;
  std::int64_t shift_ = 0, latest_ = 0, first_ = 0;
  bool loaded_ = false, has_flooded_ = false;  // A target may have `flooded`.
};

constexpr DetectorId ids[] = {DetectorId::dos_flood};

}  // namespace

const SiteDetectorRow network_flood_row = {
    "network_flood", ids, facts_of({FactKind::conversation, FactKind::burst}), false,
    [](const Site& site) -> std::unique_ptr<SiteDetector> { return std::make_unique<FloodDetector>(site); }};

}  // namespace tsujiban::detect
