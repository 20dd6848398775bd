#include <algorithm>
#include <array>
#include <cmath>

#include "base/bounded_map.h"
#include "detect/alert_limit.h"
#include "detect/c2_detectors.h"
#include "detect/site_keys.h"
#include "model/packet.h"

namespace tsujiban::detect {
namespace {

constexpr DetectorId id = DetectorId::c2_beacon;
constexpr DetectorId ids[] = {id};

// c2.beacon: connections of one host of ours to one outside peer at a regular period, judged as RITA (Real Intelligence
// Threat Analytics, Active Countermeasures) does: by the median of the pauses between them and the median absolute
// deviation from it, which a few missed or extra connections do not move.
class BeaconDetector final : public SiteDetector {
 public:
  explicit BeaconDetector(const Site& site)
      : site_(site),
        connections_(std::max(3u, site.config->tunable_count_of(id, "connections"))),
        jitter_(site.config->tunable(id, "jitter").value),
        window_(site.config->tunable_time(id, "window")),
        first_(first_max, site.seed),
        pairs_(pairs_max, site.seed),
        limit_(site.seed) {}

  void fact(const Fact& fact, const Ends& ends, Findings& findings) noexcept override {
    const ConversationSeen& seen = fact.conversation;
    // What was answered: whoever forges addresses gets no room here.
    if (seen.moment != ConversationSeen::Moment::answered || !seen.established || !seen.direction_certain ||
        fact.to_group || !ends.destination_outside || ends.source_outside)
      return;
    if (fact.ip_protocol != static_cast<std::uint8_t>(IpProtocol::tcp) &&
        fact.ip_protocol != static_cast<std::uint8_t>(IpProtocol::udp))
      return;
    // Clients of NTP ask at powers of two seconds because they must (RFC 5905, 7.2), and resolvers are asked when
    // others need it: regular by design, and what hides in DNS is c2.dns-tunnel's. By content, not by port.
    if (fact.protocol == AppProtocol::ntp || fact.protocol == AppProtocol::dns) return;
    if (is_named(fact, ends)) return;
    const PairKey key{fact.segment, fact.source, fact.destination};
    std::uint32_t index = pairs_.find(key);
    if (index == 0) {
      // Most peers are met once: they get a pair's room with the second connection only.
      const WordsKey once{key.hash({}), fact.destination.low};
      const auto first = first_.use(once);
      PacketTime& time = first_.value(first.index);
      if (first.added || fact.time - time > window_) {
        time = fact.time;
        return;
      }
      index = pairs_.use(key).index;
      Pair& pair = pairs_.value(index);
      pair.last = time;
      pair.connections = 1;
      first_.remove(first.index);
    } else {
      pairs_.use(key);
    }
    add(pairs_.value(index), fact, ends, findings);
  }
  std::uint32_t prefetched() const noexcept override { return facts_of({FactKind::conversation}); }
  void prefetch(const Fact& fact, unsigned step) const noexcept override {
    const ConversationSeen& seen = fact.conversation;
    if (seen.moment != ConversationSeen::Moment::answered || !seen.established || fact.destination.is_private()) return;
    pairs_.prefetch({fact.segment, fact.source, fact.destination}, step);
  }
  // What is beyond the window makes no pauses any more, and leaves before it has to make place.
  void tick(PacketTime now, Findings&) noexcept override {
    for (std::uint32_t i = first_.first(), n = 0; i != 0 && n < expired_at_once_max; i = first_.first(), ++n) {
      if (now - first_.value(i) <= window_) break;
      first_.remove(i);
    }
    for (std::uint32_t i = pairs_.first(), n = 0; i != 0 && n < expired_at_once_max; i = pairs_.first(), ++n) {
      if (now - pairs_.value(i).last <= window_) break;
      pairs_.remove(i);
    }
  }
  std::uint64_t evictions() const noexcept override {
    return first_.evictions() + pairs_.evictions() + limit_.evictions();
  }
  // A reload is not the end of what goes on.
  void take_over(SiteDetector& before, const Renumbered&) override {
    auto& from = static_cast<BeaconDetector&>(before);
    first_.take_over(from.first_);
    pairs_.take_over(from.pairs_);
    limit_.take_over(from.limit_);
  }

  std::uint32_t state_version() const noexcept override { return 1; }
  void save(StateWriter& writer) const override {
    writer.put(pairs_.size());
    for (std::uint32_t i = pairs_.first(); i != 0; i = pairs_.next(i)) {
      const PairKey& key = pairs_.key(i);
      const Pair& pair = pairs_.value(i);
      put_host(writer, {key.segment, key.from});
      put_address(writer, key.to);
      writer.put(pair.last.ns);
      writer.put(pair.told.ns);
      writer.put(pair.connections);
      writer.put(pair.count);
      for (std::uint32_t n = 0; n < pair.count; ++n)
        writer.put(pair.pause_ms[(pair.next + pauses_max - 1 - n) % pauses_max]);
    }
  }
  bool load(StateReader& reader, std::uint32_t version) override {
    if (version != state_version()) return false;
    const auto size = reader.get<std::uint32_t>();
    if (reader.failed() || size > pairs_max) return false;
    BoundedMap<PairKey, Pair> pairs(pairs_max, site_.seed);
    for (std::uint32_t i = 0; i < size; ++i) {
      const HostKey from = get_host(reader);
      const IpAddress to = get_address(reader);
      Pair pair{};
      pair.last.ns = reader.get<std::int64_t>();
      pair.told.ns = reader.get<std::int64_t>();
      pair.connections = reader.get<std::uint32_t>();
      pair.count = reader.get<std::uint32_t>();
      if (reader.failed() || pair.count > pauses_max) return false;
      // The latest was written first.
      for (std::uint32_t n = pair.count; n > 0; --n) pair.pause_ms[n - 1] = reader.get<std::uint32_t>();
      pair.next = pair.count % pauses_max;
      if (reader.failed()) return false;
      pairs.value(pairs.use({from.segment, from.address, to}).index) = pair;
    }
    pairs_.clear();
    for (std::uint32_t i = pairs.first(); i != 0; i = pairs.next(i)) {
      pairs_.value(pairs_.use(pairs.key(i)).index) = pairs.value(i);
    }
    return true;
  }

 private:
  static constexpr std::uint32_t first_max = 1u << 16;  // Peers met once within the window: 4.7 MB.
  static constexpr std::uint32_t pairs_max = 1u << 14;  // Met more often: 4.3 MB.
  static constexpr std::uint32_t pauses_max = 32;       // Of a pair, the latest.
  static constexpr std::uint32_t expired_at_once_max = 4096;
  // What opens several connections at once visits once, as RITA counts by the second.
  static constexpr std::uint32_t visit_ms = 1000;
  // A shorter period is a program at work, not one that waits for orders.
  static constexpr std::uint32_t period_ms_min = 5000;
  // How many pauses more than half must lie within the jitter around the median: see `is_regular`.
  static constexpr std::uint32_t surplus = 7;

  struct Pair {
    PacketTime last, told;      // The last visit; when it was told, 0: not lately.
    std::uint32_t connections;  // Visits since the last pause longer than the window; saturated.
    std::uint32_t count, next;  // Pauses kept, and where the next one goes.
    std::array<std::uint32_t, pauses_max> pause_ms;
  };

  // An entry of the allow list speaks of the two, even where it says another port or hour: what does not fit it is
  // policy.peer-not-allowed's.
  bool is_named(const Fact& fact, const Ends& ends) const noexcept {
    if (site_.allow == nullptr || (ends.source_asset == 0 && ends.destination_asset == 0)) return false;
    policy::Conversation c;
    c.time = fact.time;
    c.link = fact.segment;
    c.initiator = fact.source;
    c.responder = fact.destination;
    c.initiator_port = fact.source_port;
    c.responder_port = fact.destination_port;
    c.protocol = fact.ip_protocol;
    c.app = fact.protocol;
    c.app_settled = fact.conversation.identified;
    const policy::Verdict verdict = site_.allow->judge(c);
    return verdict.judged && (verdict.allowed || (verdict.entry != 0 && verdict.reason != policy::Reason::expired));
  }

  void add(Pair& pair, const Fact& fact, const Ends& ends, Findings& findings) noexcept {
    const std::int64_t pause_ms = (fact.time - pair.last).ns / 1'000'000;
    if (pause_ms < visit_ms) return;
    pair.last = fact.time;
    if (pause_ms > window_.ns / 1'000'000) {
      pair.count = pair.next = 0;
      pair.connections = 1;
      return;
    }
    pair.pause_ms[pair.next] = static_cast<std::uint32_t>(std::min<std::int64_t>(pause_ms, UINT32_MAX));
    pair.next = (pair.next + 1) % pauses_max;
    pair.count = std::min(pair.count + 1, pauses_max);
    if (pair.connections != UINT32_MAX) ++pair.connections;
    if (pair.connections < connections_) return;
    // Once a window; the pauses after it make the next one.
    if (pair.told.ns != 0 && fact.time - pair.told <= window_) return;
    std::uint32_t median_ms = 0, deviation_ms = 0, pauses = 0;
    if (!is_regular(pair, median_ms, deviation_ms, pauses)) return;
    pair.told = fact.time;
    Alert alert = alert_of(id, fact, ends);
    alert.merge_key = 1;
    say_why(alert, 0, "%u connections, the latest %u pauses about every %.1f s", pair.connections, pauses,
            median_ms / 1000.0);
    say_why(alert, 1, "half of the pauses differ by at most %.1f s from that (median absolute deviation, %.1f %%)",
            deviation_ms / 1000.0, 100.0 * deviation_ms / median_ms);
    say_why(alert, 2, "the latest to port %u; no entry of the allow list names the two",
            static_cast<unsigned>(fact.destination_port));
    limit_.raise(alert, findings);
  }

  // The pauses within the window, from the latest back. Regular: the median absolute deviation is at most `jitter` of
  // the median, so half of the pauses lie that near to it; and of n pauses (n + 7) / 2 do, so that chance does not
  // make a beacon of one that is used at random: of pauses at random (exponential) one in seven lies there, and eight
  // of nine do once in 100,000 times, as do 19 of 30.
  bool is_regular(const Pair& pair, std::uint32_t& median_ms, std::uint32_t& deviation_ms,
                  std::uint32_t& pauses) const noexcept {
    std::array<std::uint32_t, pauses_max> sorted;
    std::uint64_t sum_ms = 0;
    std::uint32_t count = 0;
    for (; count < pair.count; ++count) {
      const std::uint32_t pause = pair.pause_ms[(pair.next + pauses_max - 1 - count) % pauses_max];
      sum_ms += pause;
      if (sum_ms > static_cast<std::uint64_t>(window_.ns / 1'000'000)) break;
      sorted[count] = pause;
    }
    if (count + 1 < std::min(connections_, pauses_max + 1)) return false;
    const auto middle = [&] {
      std::nth_element(sorted.begin(), sorted.begin() + count / 2, sorted.begin() + count);
      return sorted[count / 2];
    };
    median_ms = middle();
    if (median_ms < period_ms_min) return false;
    for (std::uint32_t i = 0; i < count; ++i)
      sorted[i] = sorted[i] > median_ms ? sorted[i] - median_ms : median_ms - sorted[i];
    deviation_ms = middle();
    const double limit_ms = jitter_ * median_ms;
    if (deviation_ms > limit_ms) return false;
    const auto near = static_cast<std::uint32_t>(
        std::count_if(sorted.begin(), sorted.begin() + count, [&](std::uint32_t d) { return d <= limit_ms; }));
    pauses = count;
    return near >= std::min(count, (count + surplus) / 2);
  }

  Site site_;
  std::uint32_t connections_;
  double jitter_;
  Duration window_;
  BoundedMap<WordsKey, PacketTime> first_;
  BoundedMap<PairKey, Pair> pairs_;
  AlertLimit limit_;
};

}  // namespace

const SiteDetectorRow c2_beacon_row = {
    "c2_beacon", ids, facts_of({FactKind::conversation}), false,
    [](const Site& site) -> std::unique_ptr<SiteDetector> { return std::make_unique<BeaconDetector>(site); }};

}  // namespace tsujiban::detect
