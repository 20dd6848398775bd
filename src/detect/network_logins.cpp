#include <algorithm>

#include "detect/alert_limit.h"
#include "detect/network_detectors.h"
#include "detect/window_counts.h"

namespace tsujiban::detect {
namespace {

// auth.brute-force: failed logins of one host at another, of many hosts at one, of one host at many; and the success
// that follows. SSH and RDP say nothing of outcomes in the clear: of them sessions are counted.
class LoginDetector final : public SiteDetector {
 public:
  explicit LoginDetector(const Site& site)
      : window_(site.config->tunable_time(id, "window")),
        limit_(std::max(2u, site.config->tunable_count_of(id, "count"))),
        forget_(std::max(site.config->settings(id).repeat, window_)),
        attempts_(attempts_max, site.seed),
        targets_(groups_max, site.seed),
        sources_(groups_max, site.seed),
        sources_of_target_(members_max, groups_max, window_, site.seed),
        targets_of_source_(members_max, groups_max, window_, site.seed),
        sessions_(members_max, groups_max, window_, site.seed),
        alerts_(site.seed) {}

  void fact(const Fact& fact, const Ends& ends, Findings& findings) noexcept override {
    if (fact.kind == FactKind::conversation)
      session(fact, ends, findings);
    else if (fact.login.outcome == Login::Outcome::failed)
      failed(fact, ends, findings);
    else
      succeeded(fact, ends, findings);
  }
  std::uint32_t prefetched() const noexcept override { return facts_of({FactKind::login}); }
  void prefetch(const Fact& fact, unsigned step) const noexcept override { attempts_.prefetch(pair_of(fact), step); }
  std::uint64_t evictions() const noexcept override {
    return attempts_.evictions() + targets_.evictions() + sources_.evictions() + sources_of_target_.evictions() +
           targets_of_source_.evictions() + sessions_.evictions() + alerts_.evictions();
  }
  // A reload is not the end of what goes on.
  void take_over(SiteDetector& before, const Renumbered&) override {
    auto& from = static_cast<LoginDetector&>(before);
    attempts_.take_over(from.attempts_);
    targets_.take_over(from.targets_);
    sources_.take_over(from.sources_);
    sources_of_target_.take_over(from.sources_of_target_);
    targets_of_source_.take_over(from.targets_of_source_);
    sessions_.take_over(from.sessions_);
    alerts_.take_over(from.alerts_);
  }

 private:
  static constexpr DetectorId id = DetectorId::auth_brute_force;
  static constexpr std::uint32_t attempts_max = 1u << 14, groups_max = 1u << 13, members_max = 1u << 14;
  // So many hosts at one target, or targets of one host, before their failures are one attack: a household's members
  // mistype too.
  static constexpr std::uint32_t peers_min = 5;
  // Sessions that stand for one failed login: by hand nobody opens so many, and some programs open several in a row.
  static constexpr std::uint32_t sessions_per_login = 3;
  static constexpr std::size_t names_max = 3;  // Distinct user names that are counted.

  struct PairOf {
    PairKey pair;
    AppProtocol protocol{};
    std::uint64_t hash(HashSeed seed) const noexcept {
      return hash_words(seed, pair.hash(seed), static_cast<std::uint64_t>(protocol));
    }
    bool operator==(const PairOf&) const noexcept = default;
  };
  struct HostOf {
    HostKey host;
    AppProtocol protocol{};
    std::uint64_t hash(HashSeed seed) const noexcept {
      return hash_words(seed, host.hash(seed), static_cast<std::uint64_t>(protocol));
    }
    bool operator==(const HostOf&) const noexcept = default;
  };
  // One host at one other. A series ends where nothing fails for a window.
  struct Attempts {
    RecentTimes recent;
    PacketTime last_failed, last_succeeded, over_limit;  // The latest of each; 0: never.
    std::uint32_t failures;                              // Of the series.
    std::uint32_t names;                                 // Distinct ones, up to `names_max`.
    std::array<std::uint64_t, names_max> name;
    bool open;  // It failed since it last succeeded.
  };
  // One target of many hosts, or one host at many targets.
  struct Group {
    RecentTimes recent;
    PacketTime last_failed, over_limit;
    std::uint32_t failures;
    ShownPeer shown;
  };

  static PairOf pair_of(const Fact& fact) noexcept {
    return {{fact.segment, fact.source, fact.destination}, fact.protocol};
  }
  // What stands in merge_key: which of the conditions, and of which protocol.
  static std::uint64_t condition(std::uint64_t kind, const Fact& fact) noexcept {
    return kind << 8 | static_cast<std::uint64_t>(fact.protocol);
  }
  bool within(PacketTime then, PacketTime now) const noexcept { return then.ns != 0 && now - then <= window_; }

  static const char* word_of(AppProtocol protocol) noexcept {
    switch (protocol) {
      case AppProtocol::http:
        return "HTTP";
      case AppProtocol::mqtt:
        return "MQTT";
      case AppProtocol::ftp:
        return "FTP";
      case AppProtocol::telnet:
        return "Telnet";
      case AppProtocol::ssh:
        return "SSH";
      case AppProtocol::rdp:
        return "RDP";
      default:
        return name_of(protocol).data();  // A constant with its terminating zero.
    }
  }

  void failed(const Fact& fact, const Ends& ends, Findings& findings) noexcept {
    Attempts& attempts = attempts_.value(attempts_.use(pair_of(fact)).index);
    if (!within(attempts.last_failed, fact.time)) {
      attempts.failures = attempts.names = 0;
      attempts.open = false;
    }
    attempts.last_failed = fact.time;
    attempts.open = true;
    ++attempts.failures;
    note_name(attempts, fact.login.user_hash);
    if (attempts.recent.add(fact.time, window_, limit_)) {
      attempts.over_limit = fact.time;
      Alert alert = alert_of(id, fact, ends);
      alert.merge_key = condition(1, fact);
      say_why(alert, 0, "%u logins over %s failed in a row of attempts, %u of them within %.0f s", attempts.failures,
              word_of(fact.protocol), limit_, window_.as_seconds());
      if (attempts.names > 0) {
        say_why(alert, 1, "%s%u user name%s tried", attempts.names == names_max ? "at least " : "", attempts.names,
                attempts.names == 1 ? " was" : "s were");
      }
      alerts_.raise(alert, findings);
    }
    failed_in_group(fact, ends, findings, true);
    failed_in_group(fact, ends, findings, false);
  }

  static void note_name(Attempts& attempts, std::uint64_t name) noexcept {
    if (name == 0 || attempts.names == names_max) return;
    const auto end = attempts.name.begin() + attempts.names;
    if (std::find(attempts.name.begin(), end, name) == end) attempts.name[attempts.names++] = name;
  }

  static HostOf host_of(const Fact& fact, bool target) noexcept {
    return {{fact.segment, target ? fact.destination : fact.source}, fact.protocol};
  }
  static WordsKey word_key(const IpAddress& address) noexcept { return {address.high, address.low}; }

  // `target`: one target of many sources, else one source at many targets.
  void failed_in_group(const Fact& fact, const Ends& ends, Findings& findings, bool target) noexcept {
    const HostOf key = host_of(fact, target);
    auto& groups = target ? targets_ : sources_;
    Group& group = groups.value(groups.use(key).index);
    if (!within(group.last_failed, fact.time)) group.failures = 0;
    group.last_failed = fact.time;
    ++group.failures;
    const std::uint32_t peers = (target ? sources_of_target_ : targets_of_source_)
                                    .add(key, word_key(target ? fact.source : fact.destination), fact.time)
                                    .count;
    const bool many = group.recent.add(fact.time, window_, limit_);
    if (!many || peers < peers_min) return;
    group.over_limit = fact.time;
    Alert alert = alert_of(id, fact, ends);
    alert.merge_key = condition(target ? 2 : 3, fact);
    if (target) {
      alert.source = group.shown.show(fact.source, fact.time, forget_);
      if (alert.source != fact.source) alert.source_asset = 0;
      say_why(alert, 0, "%u logins over %s failed at this target, tried by %u hosts within %.0f s", group.failures,
              word_of(fact.protocol), peers, window_.as_seconds());
    } else {
      alert.destination = group.shown.show(fact.destination, fact.time, forget_);
      if (alert.destination != fact.destination) alert.destination_asset = 0;
      say_why(alert, 0, "%u logins over %s by this source failed, at %u targets within %.0f s", group.failures,
              word_of(fact.protocol), peers, window_.as_seconds());
    }
    alerts_.raise(alert, findings);
  }

  bool is_hot(const BoundedMap<HostOf, Group>& groups, const HostOf& key, PacketTime now) const noexcept {
    const std::uint32_t index = groups.find(key);
    return index != 0 && within(groups.value(index).over_limit, now);
  }

  // A success is news, told again while it goes on; so it counts once behind a failure, and behind a host's failures
  // elsewhere only where it is the pair's first within the window.
  void succeeded(const Fact& fact, const Ends& ends, Findings& findings) noexcept {
    Attempts& attempts = attempts_.value(attempts_.use(pair_of(fact)).index);
    const bool open = attempts.open && within(attempts.last_failed, fact.time);
    const bool first = !within(attempts.last_succeeded, fact.time);
    attempts.last_succeeded = fact.time;
    attempts.open = false;
    const bool of_pair = open && within(attempts.over_limit, fact.time);
    const bool of_target = open && is_hot(targets_, host_of(fact, true), fact.time);
    const bool of_source = (open || first) && is_hot(sources_, host_of(fact, false), fact.time);
    if (!of_pair && !of_target && !of_source) return;
    Alert alert = alert_of(id, fact, ends);
    alert.severity = Severity::critical;
    alert.merge_key = condition(4, fact);
    if (of_pair) {
      say_why(alert, 0, "a login over %s succeeded after %u had failed", word_of(fact.protocol), attempts.failures);
    } else {
      say_why(alert, 0, "a login over %s succeeded while many failed %s", word_of(fact.protocol),
              of_target ? "at this target, tried by many hosts" : "that this source tried at many targets");
    }
    say_why(alert, 1, "a password may have been guessed: change it, and see what was done with it");
    alerts_.raise(alert, findings);
  }

  void session(const Fact& fact, const Ends& ends, Findings& findings) noexcept {
    if ((fact.protocol != AppProtocol::ssh && fact.protocol != AppProtocol::rdp) || !fact.conversation.identified ||
        !fact.conversation.direction_certain)
      return;
    const std::uint32_t limit = limit_ * sessions_per_login;
    const auto sessions = sessions_.add_new(pair_of(fact), {fact.flow_id, 0}, fact.time);
    if (!sessions.added || sessions.count < limit) return;
    Alert alert = alert_of(id, fact, ends);
    alert.severity = Severity::medium;
    alert.merge_key = condition(5, fact);
    say_why(alert, 0, "%u %s sessions were opened within %.0f s", sessions.count, word_of(fact.protocol),
            window_.as_seconds());
    say_why(alert, 1, "whether any of them was let in is encrypted");
    alerts_.raise(alert, findings);
  }

  Duration window_;
  std::uint32_t limit_;
  Duration forget_;
  BoundedMap<PairOf, Attempts> attempts_;
  BoundedMap<HostOf, Group> targets_, sources_;
  DistinctWindow<HostOf, WordsKey> sources_of_target_, targets_of_source_;
  DistinctWindow<PairOf, WordsKey> sessions_;
  AlertLimit alerts_;
};

constexpr DetectorId ids[] = {DetectorId::auth_brute_force};

}  // namespace

const SiteDetectorRow network_logins_row = {
    "network_logins", ids, facts_of({FactKind::login, FactKind::conversation}), false,
    [](const Site& site) -> std::unique_ptr<SiteDetector> { return std::make_unique<LoginDetector>(site); }};

}  // namespace tsujiban::detect
