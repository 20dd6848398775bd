#include <algorithm>
#include <vector>

#include "detect/network_detectors.h"
#include "detect/site_keys.h"

namespace tsujiban::detect {
namespace {

constexpr DetectorId detectors[] = {DetectorId::web_content_change};
constexpr std::uint16_t status_ok = 200;
// A page is learned for the site's learning time, but at least over so many visits, and no longer than over so many
// within an hour: who is asked for every few minutes need not wait for days.
constexpr std::uint32_t visits_min = 3, visits_enough = 8;
constexpr Duration learning_min = Duration::seconds(3600);

struct Content {
  std::uint64_t body, title;
  bool operator==(const Content&) const noexcept = default;
};

// web.content-change: the page of a watched URL has another title or another body than it had, and nobody was expected
// to work on it. One whose body differs at most visits while it is learned (a clock, a counter, a token in a form) is
// judged by its title alone.
class WebPageDetector final : public SiteDetector {
 public:
  explicit WebPageDetector(const Site& site)
      : site_(site),
        learning_(site.config->tunable_time(DetectorId::policy_unknown_asset, "learning")),
        pages_(site.config->watched_urls.size()) {}

  void fact(const Fact& fact, const Ends& ends, Findings& findings) noexcept override {
    const WebPage& seen = fact.web_page;
    // What is not the page (moved, not found, out of order) is for others to judge.
    if (seen.status != status_ok) return;
    const auto& hashes = site_.config->watched_url_hashes;
    const auto at = std::lower_bound(hashes.begin(), hashes.end(), seen.url_hash);
    if (at == hashes.end() || *at != seen.url_hash) return;
    const auto index = static_cast<std::size_t>(at - hashes.begin());
    Page& page = pages_[index];
    page.segment = ends.destination_segment;
    const Content content{seen.body_hash, seen.title_hash};
    const bool in_maintenance = is_maintained(page, fact.time);
    if (page.visits == 0) {
      page.first = fact.time;
      accept(page, content, seen.bytes, fact.time);
    } else if (!page.settled) {
      if (content.body != page.latest.body) ++page.changes;
      if (content.title != page.latest.title) ++page.title_changes;
      // While it is learned the body may be anything; a title that stood is the page's name, and is not changed idly.
      const bool stood = page.title_changes * 2 < page.visits;
      if (content.title != page.content.title && stood && !in_maintenance)
        judge(page, index, content, fact, ends, findings);
      else
        accept(page, content, seen.bytes, fact.time);
    } else if (page.varies) {
      findings.rests(DetectorId::web_content_change, fact, ends, nullptr);
    } else if (is_same(page, content) || in_maintenance) {
      accept(page, content, seen.bytes, fact.time);
    } else {
      judge(page, index, content, fact, ends, findings);
    }
    page.latest = content;
    page.last = fact.time;
    if (page.settled) return;
    page.visits = std::min(page.visits + 1, visits_max);
    const Duration age = fact.time - page.first;
    if (page.visits >= visits_min && (age >= learning_ || (page.visits >= visits_enough && age >= learning_min))) {
      page.settled = true;
      page.dynamic = page.changes * 2 >= page.visits - 1;
      page.varies = page.title_changes * 2 >= page.visits - 1;
    }
  }

  void tick(PacketTime now, Findings&) noexcept override {
    if (site_.calendar == nullptr) return;
    for (Page& page : pages_) {
      if (page.visits != 0 && site_.calendar->in_maintenance(now, page.segment)) page.maintained = now;
    }
  }

  std::uint32_t state_version() const noexcept override { return 1; }
  void save(StateWriter& writer) const override {
    writer.put(static_cast<std::uint32_t>(pages_.size()));
    for (std::size_t i = 0; i < pages_.size(); ++i) {
      const Page& page = pages_[i];
      writer.put(site_.config->watched_url_hashes[i]);
      writer.put(page.content.body);
      writer.put(page.content.title);
      writer.put(page.bytes);
      writer.put(page.first.ns);
      writer.put(page.last.ns);
      writer.put(page.accepted.ns);
      writer.put(page.maintained.ns);
      writer.put(page.other.body);
      writer.put(page.other.title);
      writer.put(page.other_first.ns);
      writer.put(page.segment);
      writer.put(page.visits);
      writer.put(page.changes);
      writer.put(page.title_changes);
      writer.put(page.latest.body);
      writer.put(page.latest.title);
      writer.put(static_cast<std::uint8_t>((page.settled ? 1 : 0) | (page.dynamic ? 2 : 0) | (page.varies ? 4 : 0)));
    }
  }
  bool load(StateReader& reader, std::uint32_t version) override {
    constexpr std::size_t entry_bytes = 13 * 8 + 4 * 4 + 1;
    const auto count = reader.get<std::uint32_t>();
    if (version != state_version() || reader.failed() || reader.left() != count * entry_bytes) return false;
    const auto& hashes = site_.config->watched_url_hashes;
    const auto segments = static_cast<std::uint32_t>(site_.config->segments.size());
    for (std::uint32_t i = 0; i < count; ++i) {
      const auto hash = reader.get<std::uint64_t>();
      Page page{};
      page.content.body = reader.get<std::uint64_t>();
      page.content.title = reader.get<std::uint64_t>();
      page.bytes = reader.get<std::uint64_t>();
      page.first = get_time(reader);
      page.last = get_time(reader);
      page.accepted = get_time(reader);
      page.maintained = get_time(reader);
      page.other.body = reader.get<std::uint64_t>();
      page.other.title = reader.get<std::uint64_t>();
      page.other_first = get_time(reader);
      page.segment = std::min(reader.get<std::uint32_t>(), segments);
      page.visits = std::min(reader.get<std::uint32_t>(), visits_max);
      page.changes = std::min(reader.get<std::uint32_t>(), visits_max);
      page.title_changes = std::min(reader.get<std::uint32_t>(), visits_max);
      page.latest.body = reader.get<std::uint64_t>();
      page.latest.title = reader.get<std::uint64_t>();
      const auto flags = reader.get<std::uint8_t>();
      page.settled = (flags & 1) != 0;
      page.dynamic = (flags & 2) != 0;
      page.varies = (flags & 4) != 0;
      // A URL that is not watched any more is forgotten.
      const auto at = std::lower_bound(hashes.begin(), hashes.end(), hash);
      if (at != hashes.end() && *at == hash) pages_[static_cast<std::size_t>(at - hashes.begin())] = page;
    }
    return true;
  }

 private:
  static constexpr std::uint32_t visits_max = 1'000'000;
  struct Page {
    Content content{};
    std::uint64_t bytes = 0;
    PacketTime first, last;
    PacketTime accepted;    // The last visit that showed `content`.
    PacketTime maintained;  // A maintenance window held then, latest.
    std::uint32_t segment = 0;
    Content latest{};                              // At the last visit.
    std::uint32_t visits = 0;                      // While it is learned; 0: never seen.
    std::uint32_t changes = 0, title_changes = 0;  // From one visit to the next, the same.
    bool settled = false;
    bool dynamic = false;  // Its body differs at most visits,
    bool varies = false;   // and so does its title.
    // What it became outside of the maintenance windows: told when it came. Who is told to have seen it.
    Content other{};
    PacketTime other_first;
    bool told = false;
    SegmentKey told_link;
    IpAddress told_source, told_destination;
    std::uint32_t told_source_asset = 0, told_destination_asset = 0;
  };

  static PacketTime get_time(StateReader& reader) noexcept {
    return {std::clamp<std::int64_t>(reader.get<std::int64_t>(), 0, INT64_MAX / 2)};
  }
  // Nobody saw when it changed: it was between two visits, so a window that held anywhere between them is enough.
  bool is_maintained(const Page& page, PacketTime now) const noexcept {
    if (site_.calendar == nullptr) return false;
    return (page.maintained.ns != 0 && page.maintained >= page.last) ||
           site_.calendar->in_maintenance(now, page.segment);
  }
  static bool is_same(const Page& page, const Content& content) noexcept {
    return content.title == page.content.title && (page.dynamic || content.body == page.content.body);
  }
  static void accept(Page& page, const Content& content, std::uint64_t bytes, PacketTime now) noexcept {
    page.accepted = now;
    page.content = content;
    page.bytes = bytes;
    page.other = {};
    page.told = false;
  }

  void judge(Page& page, std::size_t index, const Content& content, const Fact& fact, const Ends& ends,
             Findings& findings) noexcept {
    const bool again = page.dynamic || !page.settled ? content.title == page.other.title && page.other != Content{}
                                                     : content == page.other;
    page.other = content;
    if (again) {
      // It was told when it came. When it has stood for the whole learning time it is the page from now on.
      if (fact.time - page.other_first >= learning_) accept(page, content, fact.web_page.bytes, fact.time);
      return;
    }
    page.other_first = fact.time;
    Alert alert = alert_of(DetectorId::web_content_change, fact, ends);
    if (!page.told) {
      page.told = true;
      page.told_link = alert.segment;
      page.told_source = alert.source;
      page.told_destination = alert.destination;
      page.told_source_asset = alert.source_asset;
      page.told_destination_asset = alert.destination_asset;
    }
    // Whoever visits it: one page is one condition.
    alert.segment = page.told_link;
    alert.source = page.told_source;
    alert.destination = page.told_destination;
    alert.source_asset = page.told_source_asset;
    alert.destination_asset = page.told_destination_asset;
    alert.merge_key = fact.web_page.url_hash | 1;
    const config::WatchedUrl& watched = site_.config->watched_urls[index];
    say_why(alert, 0, "%.*s", static_cast<int>(std::min<std::size_t>(watched.url.size(), 150)), watched.url.data());
    const bool title = content.title != page.content.title, body = content.body != page.content.body;
    const char* const how = content.title == 0 ? "its title is gone" : "its title is another one";
    if (title)
      say_why(alert, 1, "%s%s", how, body ? ", and so is its body" : "");
    else
      say_why(alert, 1, "its body is another one under the same title");
    say_why(alert, 2, "%llu bytes, %llu when it was as before, %.0f min ago",
            static_cast<unsigned long long>(fact.web_page.bytes), static_cast<unsigned long long>(page.bytes),
            (fact.time - page.accepted).as_seconds() / 60);
    say_why(alert, 3, "no maintenance window held since then");
    findings.raise(alert);
  }

  Site site_;
  Duration learning_;
  std::vector<Page> pages_;  // By the place in the configuration's list.
};

}  // namespace

const SiteDetectorRow network_web_pages_row = {
    "network_web_pages", detectors, facts_of({FactKind::web_page}), false,
    [](const Site& site) -> std::unique_ptr<SiteDetector> { return std::make_unique<WebPageDetector>(site); }};

}  // namespace tsujiban::detect
