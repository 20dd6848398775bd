#include <algorithm>

#include "detect/alert_limit.h"
#include "detect/domain_names.h"
#include "detect/name_detectors.h"

namespace tsujiban::detect {
namespace {

// c2.dga: malware that looks for its server under names drawn by an algorithm finds most of them unregistered
// (Antonakakis et al., From Throw-Away Traffic to Bots, USENIX Security 2012). Counted are registered domains that do
// not exist and whose own label looks drawn; hosts below a domain, lone labels (the probes of browsers) and what a
// search list appends to are the same domain, or none.
class GeneratedNameDetector final : public SiteDetector {
 public:
  explicit GeneratedNameDetector(const Site& site)
      : window_(site.config->tunable_time(id, "window")),
        limit_(std::max(2u, site.config->tunable_count_of(id, "nxdomain"))),
        missed_(domains_max, hosts_max, window_, site.seed),
        shown_(hosts_max, site.seed),
        forget_(std::max(site.config->settings(id).repeat, window_)),
        alerts_(site.seed) {}

  void fact(const Fact& fact, const Ends& ends, Findings& findings) noexcept override {
    const NameQuery& query = fact.name_query;
    if (!query.answered || query.rcode != nxdomain || query.service != NameService::dns) return;
    const DomainParts parts = parts_of(query.name.view());
    // Nobody can register a name below an ending that is not in the list, such as that of a search list ("local").
    if (!parts.listed || parts.suffix == "arpa" || parts.suffix.ends_with(".arpa")) return;
    const HostKey host{fact.segment, fact.source};
    const bool random = is_random_looking(parts.label);
    const auto domains = missed_.add_new({host, random}, {hash_of(parts.registered), 0}, fact.time);
    if (!random || !domains.added || domains.count < limit_) return;
    // Whoever resolves names for many also misses many; there, what looks drawn is the smaller part.
    const std::uint32_t others = missed_.count({host, false});
    if (domains.count < others) return;
    Alert alert = alert_of(id, fact, ends);
    alert.merge_key = 1;
    ShownPeer& shown = shown_.value(shown_.use(host).index);
    alert.destination = shown.show(fact.destination, fact.time, forget_);
    if (alert.destination != fact.destination) alert.destination_asset = 0;
    say_why(alert, 0, "%u domains that look drawn at random do not exist (NXDOMAIN), asked for within %.0f s",
            domains.count, window_.as_seconds());
    say_why(alert, 1, "%u others did not exist in that while", others);
    say_why(alert, 2, "the latest: %s, %.1f bits a letter where words have about 4", ShownName(parts.registered).text(),
            -letter_score(parts.label) / 256.0);
    alerts_.raise(alert, findings);
  }

  std::uint64_t evictions() const noexcept override {
    return missed_.evictions() + shown_.evictions() + alerts_.evictions();
  }
  // A reload is not the end of what goes on.
  void take_over(SiteDetector& before, const Renumbered&) override {
    auto& from = static_cast<GeneratedNameDetector&>(before);
    missed_.take_over(from.missed_);
    shown_.take_over(from.shown_);
    alerts_.take_over(from.alerts_);
  }

 private:
  static constexpr DetectorId id = DetectorId::c2_dga;
  static constexpr std::uint8_t nxdomain = 3;  // RFC 1035, 4.1.1, Name Error.
  static constexpr std::uint32_t domains_max = 1u << 15, hosts_max = 1u << 13;

  struct Group {
    HostKey host;
    bool random = false;
    std::uint64_t hash(HashSeed seed) const noexcept { return hash_words(seed, host.hash(seed), random ? 1 : 0); }
    bool operator==(const Group&) const noexcept = default;
  };

  Duration window_;
  std::uint32_t limit_;
  DistinctWindow<Group, WordsKey> missed_;
  BoundedMap<HostKey, ShownPeer> shown_;
  Duration forget_;
  AlertLimit alerts_;
};

constexpr DetectorId ids[] = {DetectorId::c2_dga};

}  // namespace

const SiteDetectorRow names_generated_row = {
    "names_generated", ids, facts_of({FactKind::odd_name}), false,
    [](const Site& site) -> std::unique_ptr<SiteDetector> { return std::make_unique<GeneratedNameDetector>(site); }};

}  // namespace tsujiban::detect
