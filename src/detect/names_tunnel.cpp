#include <algorithm>
#include <array>
#include <cmath>
#include <vector>

#include "detect/alert_limit.h"
#include "detect/domain_names.h"
#include "detect/name_detectors.h"

namespace tsujiban::detect {
namespace {

// Zones that exist so that hosts ask them for much that nobody has asked before: reverse lookups (RFC 1035, 3.5), and
// services that are asked about addresses, files and mail over DNS (RFC 5782). Their owners are not who tunnels.
constexpr std::array<std::string_view, 14> lookup_zones = {
    "abuseat.org", "arpa",         "barracudacentral.org", "cymru.com", "dnswl.org",   "mailspike.net",
    "mcafee.com",  "sophosxl.com", "sophosxl.net",         "sorbs.net", "spamcop.net", "spamhaus.org",
    "surbl.org",   "uribl.com",
};

// c2.dns-tunnel: much that differs from name to name goes out under one registered domain. Measured as by Nadler,
// Aminov and Shabtai (Detection of malicious and low throughput data exfiltration over the DNS protocol, Computers &
// Security 80, 2019): distinct names, their length and their entropy per registered domain; and bounded from below by
// the information in them, as by Paxson et al. (Practical Comprehensive Bounds on Surreptitious Communication over DNS,
// USENIX Security 2013). A name counts for what neither its beginning nor its end has in common with the name before.
class TunnelDetector final : public SiteDetector {
 public:
  explicit TunnelDetector(const Site& site)
      : window_(site.config->tunable_time(id, "window")),
        half_{std::max<std::int64_t>(1, window_.ns / 2)},
        tunnels_(tunnels_max, site.seed),
        names_(names_max, site.seed),
        alerts_(site.seed) {
    for (const config::Domain& domain : site.config->domains) excepted_.push_back(hash_of(owned(domain.name)));
    for (const std::string_view zone : lookup_zones) excepted_.push_back(hash_of(zone));
    std::sort(excepted_.begin(), excepted_.end());
  }

  void fact(const Fact& fact, const Ends& ends, Findings& findings) noexcept override {
    const NameQuery& query = fact.name_query;
    if (query.service != NameService::dns) return;
    const std::string_view name = query.name.view();
    const std::size_t hidden = query.name.size_bytes - name.size();
    // Most are so short that the list of suffixes, which lies all over memory, need not be asked.
    if (query.name.below_bytes_max() < below_bytes_min) return;
    const DomainParts parts = parts_of(name);
    if (parts.registered.empty() || parts.below.size() + hidden < below_bytes_min) return;
    const HostKey host{fact.segment, fact.source};
    const std::uint64_t domain = hash_of(parts.registered);
    // A name counts once within the window, asked again or answered. Of collisions only who makes them has less.
    const WordsKey told{hash_words(HashSeed{}, host.hash(HashSeed{}), domain), query.name.hash};
    if (names_.find(told) != 0 || is_excepted(parts, domain)) return;
    names_.value(names_.use(told).index) = fact.time;
    Tunnel& tunnel = tunnels_.value(tunnels_.use({host, domain}).index);
    add(tunnel, parts.below, hidden, fact);
    judge(tunnel, parts.registered, domain, fact, ends, findings);
  }

  void tick(PacketTime now, Findings&) noexcept override {
    for (std::uint32_t i = names_.first(); i != 0 && now - names_.value(i) > window_; i = names_.first())
      names_.remove(i);
    for (std::uint32_t i = tunnels_.first(); i != 0 && now - tunnels_.value(i).since > window_; i = tunnels_.first())
      tunnels_.remove(i);
  }

  std::uint64_t evictions() const noexcept override {
    return tunnels_.evictions() + names_.evictions() + alerts_.evictions();
  }
  // A reload is not the end of what goes on.
  void take_over(SiteDetector& before, const Renumbered&) override {
    auto& from = static_cast<TunnelDetector&>(before);
    if (window_ == from.window_) {
      tunnels_.take_over(from.tunnels_);
      names_.take_over(from.names_);
    }
    alerts_.take_over(from.alerts_);
  }

 private:
  static constexpr DetectorId id = DetectorId::c2_dns_tunnel;
  static constexpr std::uint32_t tunnels_max = 1u << 13;  // Pairs of host and registered domain with long names,
  static constexpr std::uint32_t names_max = 1u << 16;    // and those names, within the window.
  static constexpr std::size_t below_bytes_min = NameQuery::long_below_bytes_min;
  // Known tunnels use labels of 30 to 63 characters, often several (Nadler et al., section 5; dnscat2, iodine,
  // DNSExfiltrator); hosts of clouds and CDNs differ in some 8 to 20 characters.
  static constexpr std::uint32_t names_min = 32, bytes_mean_min = 24;
  // Above what ten digits can have (3.32), so that what numbers its names, or turns addresses round, is none;
  // hexadecimal text has 4, base 32 has 5. Nibbles with a dot after each (ip6.arpa's form) have 3.
  static constexpr double entropy_bits_min = 3.5;
  // A quarter of the 4 KiB a day from which Paxson et al. call a person.
  static constexpr double information_bytes_min = 1024;

  struct TunnelKey {
    HostKey host;
    std::uint64_t domain = 0;
    std::uint64_t hash(HashSeed seed) const noexcept { return hash_words(seed, host.hash(seed), domain); }
    bool operator==(const TunnelKey&) const noexcept = default;
  };
  static constexpr std::size_t letters = 40;  // a to z, 0 to 9, '-', '.', '_', and everything else.
  // What came within half a window.
  struct Half {
    std::uint32_t names, bytes;
    std::array<std::uint16_t, letters> seen;
  };
  struct Tunnel {
    PacketTime since;  // When `now` began.
    Half now, before;
    IpAddress shown;  // The resolver under which it is told.
    std::uint8_t last_size;
    std::array<char, DomainName::text_max> last;  // What stood below the domain in the name before.
  };
  static std::string_view owned(std::string_view domain) noexcept {
    const DomainParts parts = parts_of(domain);
    return parts.registered.empty() ? domain : parts.registered;
  }
  bool is_excepted(const DomainParts& parts, std::uint64_t domain) const noexcept {
    if (parts.suffix == "arpa" || parts.suffix.ends_with(".arpa")) return true;
    return std::binary_search(excepted_.begin(), excepted_.end(), domain);
  }

  static constexpr std::size_t letter_of(char c) noexcept {
    if (c >= 'a' && c <= 'z') return static_cast<std::size_t>(c - 'a');
    if (c >= '0' && c <= '9') return static_cast<std::size_t>(26 + c - '0');
    return c == '-' ? 36 : c == '.' ? 37 : c == '_' ? 38 : 39;
  }

  void add(Tunnel& tunnel, std::string_view below, std::size_t hidden, const Fact& fact) const noexcept {
    const Duration age = fact.time - tunnel.since;
    if (tunnel.since.ns == 0 || age.ns > 2 * half_.ns) {
      tunnel = Tunnel{};
      tunnel.since = fact.time;
      tunnel.shown = fact.destination;
    } else if (age > half_) {
      tunnel.before = tunnel.now;
      tunnel.now = Half{};
      tunnel.since = tunnel.since + half_;
    }
    const std::string_view last(tunnel.last.data(), tunnel.last_size);
    const std::size_t least = std::min(below.size(), last.size());
    std::size_t front = 0, back = 0;
    while (front < least && below[front] == last[front]) ++front;
    while (back < least - front && below[below.size() - 1 - back] == last[last.size() - 1 - back]) ++back;
    const std::string_view own = below.substr(front, below.size() - front - back);
    ++tunnel.now.names;
    tunnel.now.bytes += static_cast<std::uint32_t>(own.size() + hidden);
    for (const char c : own) {
      std::uint16_t& seen = tunnel.now.seen[letter_of(c)];
      if (seen != UINT16_MAX) ++seen;
    }
    std::copy(below.begin(), below.end(), tunnel.last.begin());
    tunnel.last_size = static_cast<std::uint8_t>(below.size());
  }

  // Shannon's, of single characters.
  static double entropy_bits(const Tunnel& tunnel) noexcept {
    double all = 0, sum = 0;
    for (std::size_t i = 0; i < letters; ++i) {
      const double seen = tunnel.now.seen[i] + tunnel.before.seen[i];
      all += seen;
      if (seen > 0) sum += seen * std::log2(seen);
    }
    return all > 0 ? std::log2(all) - sum / all : 0;
  }

  void judge(const Tunnel& tunnel, std::string_view registered, std::uint64_t domain, const Fact& fact,
             const Ends& ends, Findings& findings) noexcept {
    const std::uint32_t names = tunnel.now.names + tunnel.before.names;
    const std::uint64_t bytes = std::uint64_t{tunnel.now.bytes} + tunnel.before.bytes;
    if (names < names_min || bytes < std::uint64_t{names} * bytes_mean_min) return;
    const double entropy = entropy_bits(tunnel), information = static_cast<double>(bytes) * entropy / 8;
    if (entropy < entropy_bits_min || information < information_bytes_min) return;
    Alert alert = alert_of(id, fact, ends);
    if (alert.destination != tunnel.shown) {
      alert.destination = tunnel.shown;
      alert.destination_asset = 0;
    }
    // 0 has a meaning of its own.
    alert.merge_key = domain | 1;
    say_why(alert, 0, "%u different long names under %s were asked for within %.0f s", names,
            ShownName(registered).text(), window_.as_seconds());
    say_why(alert, 1, "each differs from the one before in %.0f characters (mean), with %.1f bits a character",
            static_cast<double>(bytes) / names, entropy);
    say_why(alert, 2, "so some %.0f bytes may have gone out in them", information);
    alerts_.raise(alert, findings);
  }

  Duration window_, half_;
  BoundedMap<TunnelKey, Tunnel> tunnels_;
  BoundedMap<WordsKey, PacketTime> names_;
  std::vector<std::uint64_t> excepted_;
  AlertLimit alerts_;
};

constexpr DetectorId ids[] = {DetectorId::c2_dns_tunnel};

}  // namespace

const SiteDetectorRow names_tunnel_row = {
    "names_tunnel", ids, facts_of({FactKind::odd_name}), false,
    [](const Site& site) -> std::unique_ptr<SiteDetector> { return std::make_unique<TunnelDetector>(site); }};

}  // namespace tsujiban::detect
