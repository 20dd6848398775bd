#include <algorithm>
#include <cstdio>
#include <cstring>

#include "base/bounded_map.h"
#include "detect/alert_limit.h"
#include "detect/c2_detectors.h"
#include "detect/site_keys.h"
#include "policy/indicator_list.h"

namespace tsujiban::detect {
namespace {

constexpr DetectorId id = DetectorId::c2_indicator;
constexpr DetectorId ids[] = {id};

// How an indicator was met: bits of what one host did with it.
enum class Sight : std::uint8_t { query, answer, connection, server_name, ja3, ja4, certificate, web_request, count_ };
constexpr std::array<std::string_view, static_cast<std::size_t>(Sight::count_)> sight_names = {
    "name asked for", "name answered", "connection",      "TLS server name",
    "TLS JA3",        "TLS JA4",       "TLS certificate", "HTTP request"};

int shown(std::string_view text, std::size_t max) noexcept { return static_cast<int>(std::min(text.size(), max)); }

// c2.indicator: what a list of indicators names, in whatever a host of ours asks for, connects to or is answered with.
class IndicatorDetector final : public SiteDetector {
 public:
  explicit IndicatorDetector(const Site& site)
      : list_(site.indicators),
        repeat_(site.config->settings(id).repeat),
        conditions_(conditions_max, site.seed),
        resolved_(resolved_max, site.seed),
        limit_(site.seed) {}

  std::uint32_t prefetched() const noexcept override {
    return list_ == nullptr ? 0 : facts_of({FactKind::conversation});
  }
  void prefetch(const Fact& fact, unsigned step) const noexcept override {
    if (step != 0) return;
    list_->prefetch_address(fact.source);
    list_->prefetch_address(fact.destination);
  }
  void fact(const Fact& fact, const Ends& ends, Findings& findings) noexcept override {
    if (list_ == nullptr) return;
    switch (fact.kind) {
      case FactKind::conversation:
        return conversation(fact, ends, findings);
      case FactKind::name_query:
      case FactKind::odd_name:
        return query(fact, ends, findings);
      case FactKind::name_answer:
        return answer(fact, ends, findings);
      case FactKind::secure_session:
        return session(fact, ends, findings);
      case FactKind::web_request:
        return request(fact, ends, findings);
      default:
        return;
    }
  }
  std::uint64_t evictions() const noexcept override {
    return conditions_.evictions() + resolved_.evictions() + limit_.evictions();
  }
  // A reload is not the end of what goes on.
  void take_over(SiteDetector& before, const Renumbered&) override {
    auto& from = static_cast<IndicatorDetector&>(before);
    limit_.take_over(from.limit_);
    conditions_.take_over(from.conditions_);
    resolved_.take_over(from.resolved_);
    // Indicators are numbers in their list: what another list has in their place is forgotten.
    const auto is_other = [&](std::uint32_t indicator) {
      if (list_ == nullptr || from.list_ == nullptr) return true;
      if (indicator > list_->size()) return true;
      char then[Alert::why_text_max], now[Alert::why_text_max];
      from.list_->explain(indicator, then, sizeof then);
      list_->explain(indicator, now, sizeof now);
      return std::strcmp(then, now) != 0;
    };
    for (std::uint32_t i = conditions_.first(), next = 0; i != 0; i = next) {
      next = conditions_.next(i);
      if (is_other(conditions_.key(i).indicator)) conditions_.remove(i);
    }
    for (std::uint32_t i = resolved_.first(), next = 0; i != 0; i = next) {
      next = resolved_.next(i);
      if (is_other(resolved_.value(i).indicator)) resolved_.remove(i);
    }
  }

 private:
  static constexpr std::uint32_t conditions_max = 1u << 14;  // Pairs of a host and an indicator that it met lately.
  static constexpr std::uint32_t resolved_max = 1u << 14;    // Addresses that listed names gave, by client.
  static constexpr std::size_t name_shown_max = 80;
  // A program asks, and connects when it comes to it, also where the answer was for at once only (TTL 0).
  static constexpr Duration ttl_min = Duration::seconds(30), ttl_max = Duration::seconds(86'400);

  struct ConditionKey {
    HostKey host;
    std::uint32_t indicator = 0;
    std::uint64_t hash(HashSeed seed) const noexcept { return hash_words(seed, host.hash(seed), indicator); }
    bool operator==(const ConditionKey&) const noexcept = default;
  };
  struct Condition {
    PacketTime last;
    IpAddress peer;  // Under whom it is told: one alert, whichever resolver or server it meets next.
    std::uint32_t sights;
  };
  struct Resolved {
    std::uint32_t indicator;
    std::uint32_t name_size;
    PacketTime asked, until;
    std::array<char, name_shown_max> name;
  };

  // `fact.source` is ours and met the indicator, unless `inbound`: then it is who is listed. `each`: every fact is an
  // occurrence; else only the first of its sight is, because facts that are news may come again.
  void tell(const Fact& fact, bool inbound, std::uint32_t indicator, Sight sight, bool each, Alert& alert,
            Findings& findings) noexcept {
    const IpAddress& host = inbound ? alert.destination : alert.source;
    const IpAddress& peer = inbound ? alert.source : alert.destination;
    Condition& condition = conditions_.value(conditions_.use({{fact.segment, host}, indicator}).index);
    if (condition.last.ns == 0 || fact.time - condition.last > repeat_) condition = {fact.time, peer, 0};
    const std::uint32_t bit = 1u << static_cast<unsigned>(sight);
    if (!each && (condition.sights & bit) != 0) return;
    condition.sights |= bit;
    condition.last = fact.time;
    alert.merge_key = indicator;
    if (peer != condition.peer) {
      (inbound ? alert.source : alert.destination) = condition.peer;
      (inbound ? alert.source_asset : alert.destination_asset) = 0;
    }
    char text[Alert::why_text_max];
    list_->explain(indicator, text, sizeof text);
    say_why(alert, 1, "listed: %s", text);
    char seen[Alert::why_text_max] = {};
    std::size_t size = 0;
    for (std::size_t i = 0; i < sight_names.size(); ++i) {
      if ((condition.sights >> i & 1) == 0) continue;
      const int more = std::snprintf(seen + size, sizeof seen - size, "%s%.*s", size == 0 ? "" : ", ",
                                     static_cast<int>(sight_names[i].size()), sight_names[i].data());
      size = std::min(sizeof seen - 1, size + static_cast<std::size_t>(std::max(more, 0)));
    }
    say_why(alert, 2, "what this host did with it: %.*s", static_cast<int>(size), seen);
    limit_.raise(alert, findings);
  }

  void conversation(const Fact& fact, const Ends& ends, Findings& findings) noexcept {
    const ConversationSeen& seen = fact.conversation;
    if (fact.to_group) return;
    const bool began = seen.moment == ConversationSeen::Moment::began;
    if (began) {
      if (const std::uint32_t found = list_->find_address(fact.destination, fact.time); found != 0) {
        Alert alert = alert_of(id, fact, ends);
        say_why(alert, 0, "connects to a listed address, port %u", static_cast<unsigned>(fact.destination_port));
        tell(fact, false, found, Sight::connection, true, alert, findings);
      }
      connects_by_name(fact, ends, findings);
    }
    // Who knocks from outside and is not let in is no sign of anything here; who is answered is.
    const bool answered = seen.moment == ConversationSeen::Moment::answered && seen.established;
    if (!answered && !(began && !seen.direction_certain)) return;
    if (const std::uint32_t found = list_->find_address(fact.source, fact.time); found != 0) {
      Alert alert = alert_of(id, fact, ends);
      alert.inbound_from_outside = ends.source_outside;
      say_why(alert, 0, "a listed address connects to port %u, and is answered",
              static_cast<unsigned>(fact.destination_port));
      tell(fact, true, found, Sight::connection, true, alert, findings);
    }
  }

  void connects_by_name(const Fact& fact, const Ends& ends, Findings& findings) noexcept {
    if (resolved_.size() == 0) return;
    const std::uint32_t at = resolved_.find({fact.segment, fact.source, fact.destination});
    if (at == 0) return;
    const Resolved& resolved = resolved_.value(at);
    if (fact.time > resolved.until) return;
    Alert alert = alert_of(id, fact, ends);
    say_why(alert, 0, "connects to port %u of what %.*s resolved to %.0f s before",
            static_cast<unsigned>(fact.destination_port), static_cast<int>(resolved.name_size), resolved.name.data(),
            (fact.time - resolved.asked).as_seconds());
    tell(fact, false, resolved.indicator, Sight::connection, true, alert, findings);
  }

  void query(const Fact& fact, const Ends& ends, Findings& findings) noexcept {
    const NameQuery& asked = fact.name_query;
    const std::uint32_t found = list_->find_name(asked.name, fact.time);
    if (found == 0) return;
    Alert alert = alert_of(id, fact, ends);
    const std::string_view name = asked.name.view();
    say_why(alert, 0, "asks for %.*s", shown(name, name_shown_max), name.data());
    // The answer to a question that was seen is no second one.
    tell(fact, false, found, Sight::query, !asked.answered, alert, findings);
  }

  // The client is the fact's destination.
  void answer(const Fact& fact, const Ends& ends, Findings& findings) noexcept {
    if (fact.to_group) return;
    const NameAnswer& said = fact.name_answer;
    const std::string_view name = said.name.view();
    const auto about = [&](std::uint32_t found, const char* what) {
      Alert alert = alert_of(id, fact, ends);
      std::swap(alert.source, alert.destination);
      std::swap(alert.source_port, alert.destination_port);
      std::swap(alert.source_asset, alert.destination_asset);
      say_why(alert, 0, "%.*s, which it asked for, %s", shown(name, name_shown_max), name.data(), what);
      tell(fact, false, found, Sight::answer, false, alert, findings);
    };
    if (said.target_hash != 0) {
      if (const std::uint32_t found = list_->find_name_hash(said.target_hash, fact.time); found != 0)
        about(found, "is an alias of a listed name");
      return;
    }
    if (said.given.is_unspecified()) return;
    if (const std::uint32_t found = list_->find_address(said.given, fact.time); found != 0)
      about(found, "has a listed address");
    const std::uint32_t found = list_->find_name(said.name, fact.time);
    if (found == 0) return;
    Resolved& resolved = resolved_.value(resolved_.use({fact.segment, fact.destination, said.given}).index);
    resolved.indicator = found;
    resolved.asked = fact.time;
    resolved.until = fact.time + std::clamp(Duration::seconds(said.ttl_s), ttl_min, ttl_max);
    resolved.name_size = static_cast<std::uint32_t>(std::min(name.size(), name_shown_max));
    std::memcpy(resolved.name.data(), name.data(), resolved.name_size);
  }

  void session(const Fact& fact, const Ends& ends, Findings& findings) noexcept {
    const SecureSession& tls = fact.secure_session;
    const auto about = [&](std::uint32_t found, Sight sight, const char* what) {
      if (found == 0) return;
      Alert alert = alert_of(id, fact, ends);
      const std::string_view name = tls.server_name.view();
      say_why(alert, 0, "a TLS session to port %u%s%.*s: %s", static_cast<unsigned>(fact.destination_port),
              name.empty() ? "" : ", server name ", shown(name, 60), name.data(), what);
      tell(fact, false, found, sight, true, alert, findings);
    };
    about(list_->find_name(tls.server_name, fact.time), Sight::server_name, "the name is listed");
    about(list_->find_ja3(tls.ja3_hash, fact.time), Sight::ja3, "the client's JA3 is listed");
    about(list_->find_ja4(tls.ja4, fact.time), Sight::ja4, "the client's JA4 is listed");
    about(list_->find_certificate(tls.certificate_sha1, tls.certificate_hash, fact.time), Sight::certificate,
          "the server's certificate is listed");
  }

  void request(const Fact& fact, const Ends& ends, Findings& findings) noexcept {
    const WebRequest& web = fact.web_request;
    const std::string_view host = web.host.view();
    const auto about = [&](std::uint32_t found, const char* what) {
      if (found == 0) return;
      Alert alert = alert_of(id, fact, ends);
      say_why(alert, 0, "an HTTP request to %.*s (status %u): %s", shown(host, name_shown_max), host.data(),
              static_cast<unsigned>(web.status), what);
      tell(fact, false, found, Sight::web_request, false, alert, findings);
    };
    about(list_->find_url(web.url_hash, fact.time), "the URL is listed");
    about(list_->find_name(web.host, fact.time), "the host is listed");
  }

  std::shared_ptr<const policy::IndicatorList> list_;
  Duration repeat_;
  BoundedMap<ConditionKey, Condition> conditions_;
  BoundedMap<PairKey, Resolved> resolved_;
  AlertLimit limit_;
};

}  // namespace

const SiteDetectorRow c2_indicator_row = {
    "c2_indicator",
    ids,
    facts_of({FactKind::conversation, FactKind::name_query, FactKind::odd_name, FactKind::name_answer,
              FactKind::secure_session, FactKind::web_request}),
    false,
    [](const Site& site) -> std::unique_ptr<SiteDetector> { return std::make_unique<IndicatorDetector>(site); },
    true};

}  // namespace tsujiban::detect
