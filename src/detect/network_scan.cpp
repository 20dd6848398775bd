#include <algorithm>

#include "detect/network_detectors.h"
#include "detect/renumbered.h"
#include "detect/site_keys.h"
#include "model/packet.h"

namespace tsujiban::detect {
namespace {

using Moment = ConversationSeen::Moment;

// recon.scan. A probe is a conversation that was not answered within `answer_time`, or answered by a refusal only, with
// a host (or a port of one host) that never answered this source before. Who polls a thousand meters therefore scans
// nothing, even where some of them are down; a sweep over hosts that are there and refuse is one. Looked at in `tick`
// only, when the answers have had their time.
class ScanDetector final : public SiteDetector {
 public:
  explicit ScanDetector(const Site& site)
      : seed_(site.seed),
        window_(site.config->tunable_time(id, "window")),
        hosts_(std::clamp(site.config->tunable_count_of(id, "hosts"), 2u, limit_max)),
        ports_(std::clamp(site.config->tunable_count_of(id, "ports"), 2u, limit_max)),
        sources_(sources_max, site.seed),
        targets_(sources_max, site.seed),
        known_(known_max, site.seed),
        answers_(answers_max, site.seed),
        links_(links_max, site.seed),
        host_probes_((std::size_t{sources_max} + 1) * hosts_ * spare * sizeof(Probe)),
        port_probes_((std::size_t{sources_max} + 1) * ports_ * spare * sizeof(Probe)) {}

  void fact(const Fact& fact, const Ends& ends, Findings&) noexcept override {
    const ConversationSeen& seen = fact.conversation;
    if (fact.to_group || fact.source == fact.destination) return;
    if (seen.moment == Moment::answered) {
      answered(fact, ends, seen.established);
    } else if (seen.moment == Moment::began) {
      began(fact, ends);
    }
  }

  std::uint32_t prefetched() const noexcept override { return facts_of({FactKind::conversation}); }
  void prefetch(const Fact& fact, unsigned step) const noexcept override {
    // What has probes that wait for answers are few at a time, and so in the cache.
    if (fact.to_group || (fact.conversation.moment != Moment::began && fact.conversation.moment != Moment::answered))
      return;
    known_.prefetch(pair_of(fact), step);
  }

  void tick(PacketTime now, Findings& findings) noexcept override {
    look(sources_, host_probes_, hosts_, true, now, findings);
    look(targets_, port_probes_, ports_, false, now, findings);
  }

  std::uint64_t evictions() const noexcept override {
    return sources_.evictions() + targets_.evictions() + known_.evictions() + answers_.evictions() + links_.evictions();
  }
  void take_over(SiteDetector& before, const Renumbered& numbers) override {
    auto& from = static_cast<ScanDetector&>(before);
    known_.take_over(from.known_);
    answers_.take_over(from.answers_);
    links_.take_over(from.links_);
    // Open probes lie in room of the limit's size.
    if (hosts_ == from.hosts_) {
      sources_.take_over(from.sources_);
      std::swap(host_probes_, from.host_probes_);
    }
    if (ports_ == from.ports_) {
      targets_.take_over(from.targets_);
      std::swap(port_probes_, from.port_probes_);
    }
    for (std::uint32_t i = sources_.first(); i != 0; i = sources_.next(i)) numbers.renumber(sources_.value(i).ends);
    for (std::uint32_t i = targets_.first(); i != 0; i = targets_.next(i)) numbers.renumber(targets_.value(i).ends);
  }

 private:
  static constexpr DetectorId id = DetectorId::recon_scan;
  static constexpr std::uint32_t limit_max = 1024;      // Of the settings `hosts` and `ports`.
  static constexpr std::uint32_t sources_max = 8192;    // Sources, and pairs, with open probes.
  static constexpr std::uint32_t known_max = 1u << 18;  // Pairs that have had an answer.
  static constexpr std::uint32_t answers_max = 1u << 17;
  static constexpr std::uint32_t links_max = 1u << 14;
  static constexpr std::uint32_t spare = 3;  // Room for those whose answers are on their way.
  static constexpr Duration answer_time = Duration::seconds(3);
  static constexpr Duration link_memory = Duration::seconds(3600);

  struct Probe {
    std::uint64_t what;  // Hash of the destination, or its port.
    std::int64_t time_ns;
  };
  // Of a source, or of a pair.
  struct Sweep {
    // The latest probe: of its fact what an alert needs and the key does not say.
    PacketTime time;
    std::uint64_t packet_number, flow_id;
    IpAddress destination;
    std::uint16_t source_port, destination_port, input;
    std::uint8_t ip_protocol;
    AppProtocol protocol;
    bool has_input;
    Ends ends;
    IpAddress told;        // The destination that the condition is told with.
    PacketTime told_at;    // Of the probe that was told last.
    std::uint32_t probes;  // In the first places of its room.
  };
  struct Link {
    PacketTime inside, outside;  // When somebody inside, or outside, last answered.
  };
  struct LinkKey {
    SegmentKey segment;
    std::uint64_t hash(HashSeed seed) const noexcept { return hash_words(seed, segment.raw(), 1); }
    bool operator==(const LinkKey&) const noexcept = default;
  };
  struct Known {
    PacketTime counted;  // Its latest answer that counts in `Answers`.
  };
  // Hosts that answered a source in this window and in the one before.
  struct Answers {
    PacketTime since;
    std::uint32_t now, before;
  };

  static PairKey pair_of(const Fact& fact) noexcept { return {fact.segment, fact.source, fact.destination}; }
  static Probe* probes_of(const ReservedMemory& memory, std::uint32_t index, std::uint32_t limit) noexcept {
    return memory.as<Probe>() + std::size_t{index} * limit * spare;
  }

  void answered(const Fact& fact, const Ends& ends, bool accepted) noexcept {
    Link& link = links_.value(links_.use({fact.segment}).index);
    (ends.destination_outside ? link.outside : link.inside) = fact.time;
    if (!accepted) return;
    Known& known = known_.value(known_.use(pair_of(fact)).index);
    if (known.counted.ns == 0 || fact.time - known.counted > window_) {
      known.counted = fact.time;
      Answers& answers = answers_.value(answers_.use({fact.segment, fact.source}).index);
      turn(answers, fact.time);
      ++answers.now;
    }
    if (const std::uint32_t i = sources_.find({fact.segment, fact.source}); i != 0)
      take_back(sources_.value(i), probes_of(host_probes_, i, hosts_), host_mark(fact.destination));
    if (const std::uint32_t i = targets_.find(pair_of(fact)); i != 0) {
      take_back(targets_.value(i), probes_of(port_probes_, i, ports_), fact.destination_port);
      // A sweep that was told is remembered until `tick` forgets it, so that it stays one condition.
      if (targets_.value(i).probes == 0 && targets_.value(i).told_at.ns == 0) targets_.remove(i);
    }
  }

  void turn(Answers& answers, PacketTime now) const noexcept {
    const Duration age = now - answers.since;
    if (age > window_) answers = {now, 0, age.ns <= 2 * window_.ns ? answers.now : 0};
  }

  void began(const Fact& fact, const Ends& ends) noexcept {
    const auto protocol = static_cast<IpProtocol>(fact.ip_protocol);
    const bool tcp = protocol == IpProtocol::tcp, udp = protocol == IpProtocol::udp;
    // Echo requests (RFC 792; RFC 4443, 4.1): the type stands in place of the source's port.
    const bool ping = (protocol == IpProtocol::icmp && fact.source_port == 8) ||
                      (protocol == IpProtocol::icmpv6 && fact.source_port == 128);
    if (!tcp && !udp && !ping) return;
    // Picked up in its middle, nobody knows who asks; so is an ECHONET Lite answer, whose walks echonet.enumeration
    // sees.
    if (!fact.conversation.direction_certain) return;
    // An answer of DNS and its like whose question came before the capture, or on a side that is not seen.
    if (udp && fact.source_port < 1024 && fact.destination_port >= 1024) return;
    if (tcp || udp) {
      const std::uint32_t i = targets_.use(pair_of(fact)).index;
      note(targets_.value(i), probes_of(port_probes_, i, ports_), ports_ * spare, fact.destination_port, fact, ends);
    }
    if (known_.find(pair_of(fact)) != 0) return;
    const std::uint32_t i = sources_.use({fact.segment, fact.source}).index;
    note(sources_.value(i), probes_of(host_probes_, i, hosts_), hosts_ * spare, host_mark(fact.destination), fact,
         ends);
  }

  // The mark only tells destinations of one source apart; two alike would be one probe less.
  std::uint64_t host_mark(const IpAddress& address) const noexcept {
    return hash_words(seed_, address.high, address.low);
  }

  void note(Sweep& sweep, Probe* probes, std::uint32_t room, std::uint64_t what, const Fact& fact,
            const Ends& ends) const noexcept {
    sweep.time = fact.time;
    sweep.packet_number = fact.packet_number;
    sweep.flow_id = fact.flow_id;
    sweep.destination = fact.destination;
    sweep.source_port = fact.source_port;
    sweep.destination_port = fact.destination_port;
    sweep.input = fact.input;
    sweep.ip_protocol = fact.ip_protocol;
    sweep.protocol = fact.protocol;
    sweep.has_input = fact.has_input;
    sweep.ends = ends;
    std::uint32_t oldest = 0;
    for (std::uint32_t i = 0; i < sweep.probes; ++i) {
      if (probes[i].what == what) {
        // The first try counts: a later one must not put off the time for its answer.
        if (fact.time.ns - probes[i].time_ns > window_.ns) probes[i].time_ns = fact.time.ns;
        return;
      }
      if (probes[i].time_ns < probes[oldest].time_ns) oldest = i;
    }
    probes[sweep.probes < room ? sweep.probes++ : oldest] = {what, fact.time.ns};
  }
  static void take_back(Sweep& sweep, Probe* probes, std::uint64_t what) noexcept {
    for (std::uint32_t i = 0; i < sweep.probes; ++i) {
      if (probes[i].what != what) continue;
      probes[i] = probes[--sweep.probes];
      return;
    }
  }

  static HostKey source_of(const HostKey& key) noexcept { return key; }
  static HostKey source_of(const PairKey& key) noexcept { return {key.segment, key.from}; }
  static Fact latest(const Sweep& sweep, const HostKey& source) noexcept {
    Fact fact;
    fact.kind = FactKind::conversation;
    fact.time = sweep.time;
    fact.packet_number = sweep.packet_number;
    fact.flow_id = sweep.flow_id;
    fact.segment = source.segment;
    fact.source = source.address;
    fact.destination = sweep.destination;
    fact.source_port = sweep.source_port;
    fact.destination_port = sweep.destination_port;
    fact.input = sweep.input;
    fact.ip_protocol = sweep.ip_protocol;
    fact.protocol = sweep.protocol;
    fact.has_input = sweep.has_input;
    return fact;
  }

  template <class Map>
  void look(Map& map, const ReservedMemory& memory, std::uint32_t limit, bool horizontal, PacketTime now,
            Findings& findings) noexcept {
    for (std::uint32_t i = map.first(), next; i != 0; i = next) {
      next = map.next(i);
      Probe* const probes = probes_of(memory, i, limit);
      Sweep& sweep = map.value(i);
      std::uint32_t open = 0;
      std::int64_t latest_ns = 0;
      for (std::uint32_t p = 0; p < sweep.probes;) {
        const std::int64_t age_ns = now.ns - probes[p].time_ns;
        // Answers have their time, and ticks come every 10 s only: what is older than both is over.
        if (age_ns > window_.ns + answer_time.ns) {
          probes[p] = probes[--sweep.probes];
          continue;
        }
        if (age_ns >= answer_time.ns) {
          ++open;
          latest_ns = std::max(latest_ns, probes[p].time_ns);
        }
        ++p;
      }
      if (sweep.probes == 0) {
        map.remove(i);
        continue;
      }
      // Only what came since the last telling makes it another occurrence.
      if (open < limit || latest_ns <= sweep.told_at.ns) continue;
      // Who is mostly answered polls; some of those it asks are down.
      const HostKey source = source_of(map.key(i));
      const std::uint32_t answers = horizontal ? answers_of(source, now) : 0;
      if (open >= answers) tell(sweep, latest(sweep, source), open, answers, latest_ns, horizontal, findings);
    }
  }

  std::uint32_t answers_of(const HostKey& source, PacketTime now) noexcept {
    const std::uint32_t i = answers_.find(source);
    if (i == 0) return 0;
    turn(answers_.value(i), now);
    return answers_.value(i).now + answers_.value(i).before;
  }

  void tell(Sweep& sweep, const Fact& fact, std::uint32_t open, std::uint32_t answers, std::int64_t latest_ns,
            bool horizontal, Findings& findings) noexcept {
    // Where only one side of the traffic is seen, everybody seems to knock in vain.
    const std::uint32_t link = links_.find({fact.segment});
    const PacketTime heard = link == 0                        ? PacketTime{}
                             : sweep.ends.destination_outside ? links_.value(link).outside
                                                              : links_.value(link).inside;
    if (heard.ns == 0 || fact.time - heard > link_memory) {
      sweep.told_at = {latest_ns};
      findings.rests(id, fact, sweep.ends, "answers on this link: only one direction is seen");
      return;
    }
    if (sweep.told_at.ns == 0 || latest_ns - sweep.told_at.ns > 2 * window_.ns) sweep.told = fact.destination;
    sweep.told_at = {latest_ns};
    Alert alert = alert_of(id, fact, sweep.ends);
    if (alert.destination != sweep.told) {
      alert.destination = sweep.told;
      alert.destination_asset = 0;
    }
    alert.merge_key = horizontal ? 1 : 2;
    const auto window_s = static_cast<unsigned>(window_.ns / 1'000'000'000);
    if (horizontal) {
      say_why(alert, 0, "%u hosts or more that never answered this source were tried within %u s", open, window_s);
      say_why(alert, 1, "%u others answered it in that while", answers);
    } else {
      say_why(alert, 0, "%u ports or more of one host were tried within %u s without success", open, window_s);
    }
    findings.raise(alert);
  }

  HashSeed seed_;
  Duration window_;
  std::uint32_t hosts_, ports_;
  BoundedMap<HostKey, Sweep> sources_;
  BoundedMap<PairKey, Sweep> targets_;
  BoundedMap<PairKey, Known> known_;
  BoundedMap<HostKey, Answers> answers_;
  BoundedMap<LinkKey, Link> links_;
  ReservedMemory host_probes_, port_probes_;
};

constexpr DetectorId ids[] = {DetectorId::recon_scan};

}  // namespace

const SiteDetectorRow network_scan_row = {
    "network_scan", ids, facts_of({FactKind::conversation}), false,
    [](const Site& site) -> std::unique_ptr<SiteDetector> { return std::make_unique<ScanDetector>(site); }};

}  // namespace tsujiban::detect
