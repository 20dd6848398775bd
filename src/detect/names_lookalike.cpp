#include <algorithm>
#include <string>
#include <vector>

#include "detect/alert_limit.h"
#include "detect/domain_names.h"
#include "detect/name_detectors.h"
#include "detect/name_likeness.h"

namespace tsujiban::detect {
namespace {

// phishing.lookalike-domain: an operator's workstation asks for a domain that could be taken for one that the site
// allows. Compared is what an owner chose, the label before the public suffix.
class LookalikeDetector final : public SiteDetector {
 public:
  explicit LookalikeDetector(const Site& site)
      : site_(site), judged_(judged_max, site.seed), told_(told_max, site.seed), alerts_(site.seed) {
    const unsigned most = std::min(distance_max, site.config->tunable_count_of(id, "distance"));
    for (const config::Domain& domain : site.config->domains) {
      if (allowed_.size() == allowed_max) break;
      const DomainParts parts = parts_of(domain.name);
      if (parts.registered.empty()) continue;
      const std::uint64_t hash = hash_of(parts.registered);
      if (std::any_of(allowed_.begin(), allowed_.end(), [&](const Allowed& a) { return a.hash == hash; })) continue;
      Allowed& allowed = allowed_.emplace_back();
      allowed.registered = parts.registered;
      allowed.label_size = parts.label.size();
      allowed.hash = hash;
      allowed.skeleton = skeleton_of(parts.label);
      // In a short label every letter matters: one step for four letters.
      allowed.distance = std::min(most, static_cast<unsigned>(allowed.skeleton.size() / letters_per_step));
    }
  }

  void fact(const Fact& fact, const Ends& ends, Findings& findings) noexcept override {
    const NameQuery& query = fact.name_query;
    if (ends.source_role != Role::operator_ || ends.source_asset == 0 || query.service != NameService::dns) return;
    if (allowed_.empty()) {
      findings.rests(id, fact, ends, "domains in the allow list: none is named");
      return;
    }
    const DomainParts parts = parts_of(query.name.view());
    if (parts.registered.empty()) return;
    const std::uint64_t domain = hash_of(parts.registered);
    const auto got = judged_.use({domain, 0});
    Verdict& verdict = judged_.value(got.index);
    if (got.added) verdict = judge(parts, domain);
    if (verdict.how == How::none) return;
    PacketTime& told = told_.value(told_.use({ends.source_asset, domain}).index);
    if (told.ns != 0 && fact.time - told < day) return;
    told = fact.time;
    Alert alert = alert_of(id, fact, ends);
    alert.merge_key = domain | 1;
    const ShownName asked(parts.registered), whole(query.name.view());
    const ShownName allowed(allowed_[verdict.allowed].registered);
    switch (verdict.how) {
      case How::same_look:
        say_why(alert, 0, "%s is written so that it looks like %s, which is allowed", asked.text(), allowed.text());
        break;
      case How::other_suffix:
        say_why(alert, 0, "%s is the name of %s, which is allowed, under another ending", asked.text(), allowed.text());
        break;
      case How::more_words:
        say_why(alert, 0, "%s is %s, which is allowed, with words added", asked.text(), allowed.text());
        break;
      case How::none:
      case How::few_steps:
        say_why(alert, 0, "%s is %u letter%s away from %s, which is allowed", asked.text(), unsigned{verdict.steps},
                verdict.steps == 1 ? "" : "s", allowed.text());
        break;
    }
    say_why(alert, 1, "an operator's workstation asked for %s", whole.text());
    alerts_.raise(alert, findings);
  }

  std::uint64_t evictions() const noexcept override {
    return judged_.evictions() + told_.evictions() + alerts_.evictions();
  }
  // A reload is not the end of what goes on.
  void take_over(SiteDetector& before, const Renumbered& numbers) override {
    auto& from = static_cast<LookalikeDetector&>(before);
    SiteDetector::take_over(before, numbers);
    alerts_.take_over(from.alerts_);
  }

  std::uint32_t state_version() const noexcept override { return 1; }
  void save(StateWriter& writer) const override {
    writer.put(told_.size());
    for (std::uint32_t i = told_.first(); i != 0; i = told_.next(i)) {
      // By name: an index changes with the inventory.
      writer.put_text(site_.inventory->asset_name(static_cast<std::uint32_t>(told_.key(i).a)));
      writer.put(told_.key(i).b);
      writer.put(told_.value(i).ns);
    }
  }
  bool load(StateReader& reader, std::uint32_t version) override {
    const auto count = reader.get<std::uint32_t>();
    if (version != 1 || reader.failed() || count > told_max || count > reader.left() / 20) return false;
    struct Saved {
      std::string asset;
      std::uint64_t domain;
      std::int64_t time_ns;
    };
    std::vector<Saved> all;
    for (std::uint32_t i = 0; i < count && !reader.failed(); ++i) {
      Saved saved{reader.get_text(name_max), 0, 0};
      saved.domain = reader.get<std::uint64_t>();
      saved.time_ns = std::clamp<std::int64_t>(reader.get<std::int64_t>(), 0, INT64_MAX / 2);
      all.push_back(std::move(saved));
    }
    if (reader.failed() || reader.left() != 0) return false;
    // Few are operators: a search for each, and only of those.
    std::vector<std::uint32_t> operators;
    for (std::uint32_t i = 0; i < site_.config->assets.size(); ++i)
      if (site_.config->assets[i].role == Role::operator_) operators.push_back(i + 1);
    told_.clear();
    for (const Saved& saved : all) {
      const auto asset = std::find_if(operators.begin(), operators.end(), [&](std::uint32_t number) {
        return site_.inventory->asset_name(number) == saved.asset;
      });
      if (asset != operators.end()) told_.value(told_.use({*asset, saved.domain}).index) = {saved.time_ns};
    }
    return true;
  }

 private:
  static constexpr DetectorId id = DetectorId::phishing_lookalike_domain;
  static constexpr unsigned distance_max = 8;
  static constexpr std::size_t letters_per_step = 4, word_min = 4;
  static constexpr std::size_t name_max = 4096;
  static constexpr std::size_t allowed_max = 1000;       // Registered domains of allow entries; the first ones count.
  static constexpr std::uint32_t judged_max = 1u << 14;  // Domains and what was found of them.
  static constexpr std::uint32_t told_max = 1u << 12;    // Of asset and domain.
  static constexpr Duration day = Duration::seconds(86'400);

  enum class How : std::uint8_t { none, same_look, few_steps, other_suffix, more_words };
  struct Verdict {
    How how;
    std::uint8_t steps;
    std::uint16_t allowed;
  };
  struct Allowed {
    std::string registered;
    std::size_t label_size = 0;
    std::uint64_t hash = 0;
    Skeleton skeleton;
    unsigned distance = 0;
    std::string_view label() const noexcept { return std::string_view(registered).substr(0, label_size); }
  };

  // Whether `word` stands in `label` with nothing but hyphens beside it.
  static bool has_word(std::string_view label, std::string_view word) noexcept {
    for (std::size_t at = label.find(word); at != std::string_view::npos; at = label.find(word, at + 1)) {
      const std::size_t end = at + word.size();
      if ((at == 0 || label[at - 1] == '-') && (end == label.size() || label[end] == '-')) return true;
    }
    return false;
  }

  // The nearest of what is allowed.
  Verdict judge(const DomainParts& parts, std::uint64_t domain) const noexcept {
    for (const Allowed& allowed : allowed_)
      if (allowed.hash == domain) return {};
    const Skeleton skeleton = skeleton_of(parts.label);
    Verdict best{};
    unsigned least = distance_max + 2;
    for (std::size_t i = 0; i < allowed_.size(); ++i) {
      const Allowed& allowed = allowed_[i];
      const unsigned steps = edit_distance(skeleton, allowed.skeleton, allowed.distance);
      How how = How::none;
      // So short a label as "le" is nobody's to imitate.
      if (steps == 0 && allowed.label_size >= word_min) {
        how = parts.label == allowed.label() ? How::other_suffix : How::same_look;
      } else if (steps != 0 && steps <= allowed.distance) {
        how = How::few_steps;
      } else if (allowed.label_size >= word_min && has_word(parts.label, allowed.label())) {
        how = How::more_words;
      }
      const unsigned rank = how == How::more_words ? distance_max + 1 : steps;
      if (how == How::none || rank >= least) continue;
      least = rank;
      best = {how, static_cast<std::uint8_t>(steps), static_cast<std::uint16_t>(i)};
    }
    return best;
  }

  Site site_;
  std::vector<Allowed> allowed_;
  BoundedMap<WordsKey, Verdict> judged_;
  BoundedMap<WordsKey, PacketTime> told_;
  AlertLimit alerts_;
};

constexpr DetectorId ids[] = {DetectorId::phishing_lookalike_domain};

}  // namespace

const SiteDetectorRow names_lookalike_row = {
    "names_lookalike",
    ids,
    facts_of({FactKind::name_query, FactKind::odd_name}),
    true,
    [](const Site& site) -> std::unique_ptr<SiteDetector> { return std::make_unique<LookalikeDetector>(site); },
    false,
    Role::operator_};

}  // namespace tsujiban::detect
