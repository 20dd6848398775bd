#include <algorithm>
#include <array>
#include <string>
#include <utility>
#include <vector>

#include "base/ring_slot.h"
#include "detect/network_detectors.h"
#include "detect/renumbered.h"
#include "detect/site_keys.h"

namespace tsujiban::detect {
namespace {

// availability.silent-asset. An asset's rhythm is the longest pause between two signs of life in the last two days; the
// same number of pauses has to be known first, and the asset for three times the silence that would be told. One that
// ends in an alert is not learned, unless the same comes again: then it is the night of a device that sleeps. Time in
// which the sensor hears nobody does not count; sensor.capture- stalled tells of it.
class SilenceDetector final : public SiteDetector {
 public:
  explicit SilenceDetector(const Site& site)
      : site_(site),
        factor_(std::max(1.0, site.config->tunable(id, "factor").value)),
        min_(site.config->tunable_time(id, "min")),
        assets_(site.config->assets.size()),
        segments_(site.config->segments.size() + 1) {
    for (std::size_t i = 0; i < assets_.size(); ++i) assets_[i].segment = site.config->assets[i].segment;
    due_.reserve(assets_.size());
    summing_.reserve(segments_.size());
    buckets_.fill(none);
  }

  void fact(const Fact& fact, const Ends& ends, Findings&) noexcept override {
    // What nobody of the whole site broke is the sensor's silence.
    if (heard_.ns != 0 && fact.time - heard_ > stall_min) stalled_ns_ += (fact.time - heard_).ns;
    heard_ = std::max(heard_, fact.time);
    if (fact.conversation.from_source && ends.source_asset != 0) alive(ends.source_asset, fact.source, fact);
    if (fact.conversation.from_destination && ends.destination_asset != 0)
      alive(ends.destination_asset, fact.destination, fact);
  }

  void prefetch_ends(const Ends& ends) const noexcept override {
    for (const std::uint32_t asset : {ends.source_asset, ends.destination_asset}) {
      if (asset != 0) tsujiban::prefetch(&assets_[asset - 1]);
    }
  }
  bool prefetches_ends() const noexcept override { return true; }

  void tick(PacketTime now, Findings& findings) noexcept override {
    if (heard_.ns == 0 || now - heard_ > stall_min) return;
    const std::int64_t bucket_now = bucket_of(heard_time(now));
    if (wheel_at_ == 0) wheel_at_ = bucket_now;
    due_.clear();
    // A jump is at most once around.
    wheel_at_ = std::max(wheel_at_, bucket_now - bucket_count);
    for (; wheel_at_ < bucket_now; ++wheel_at_) {
      std::uint32_t i = std::exchange(buckets_[slot_of(wheel_at_)], none);
      while (i != none) {
        const std::uint32_t next = assets_[i].wheel_next;
        assets_[i].in_wheel = 0;
        visit(i, heard_time(now));
        i = next;
      }
    }
    std::sort(due_.begin(), due_.end());
    summing_.clear();
    for (const std::uint32_t i : due_) tell(i, now, findings);
    for (const std::uint32_t segment : summing_) sum_up(segment, now, findings);
  }
  void take_over(SiteDetector& before, const Renumbered& numbers) override {
    auto& from = static_cast<SilenceDetector&>(before);
    heard_ = from.heard_;
    stalled_ns_ = from.stalled_ns_;
    wheel_at_ = from.wheel_at_;
    for (std::uint32_t i = 0; i < from.segments_.size(); ++i) {
      const std::uint32_t now = numbers.segment(i);
      if (i != 0 && now == 0) continue;
      segments_[now] = from.segments_[i];
      segments_[now].regular = 0;  // Assets may have come to another segment.
    }
    for (std::uint32_t i = 0; i < from.assets_.size(); ++i) {
      const std::uint32_t number = numbers.asset(i + 1);
      if (number == 0 || from.assets_[i].last_ns == 0) continue;
      Asset& asset = assets_[number - 1];
      asset = from.assets_[i];
      asset.segment = site_.config->assets[number - 1].segment;
      asset.in_wheel = 0;
      Segment& segment = segments_[asset.segment];
      segment.last_ns = std::max(segment.last_ns, asset.last_ns);
      if (asset.pauses >= pauses_min) ++segment.regular;
      if (asset.silent == 0) insert(number - 1, deadline_of(asset));
    }
  }

  std::uint32_t state_version() const noexcept override { return 2; }
  void save(StateWriter& writer) const override {
    writer.put(heard_.ns);
    writer.put(stalled_ns_);
    std::uint32_t count = 0;
    for (const Asset& asset : assets_) count += asset.last_ns != 0 ? 1 : 0;
    writer.put(count);
    for (std::size_t i = 0; i < assets_.size(); ++i) {
      const Asset& asset = assets_[i];
      if (asset.last_ns == 0) continue;
      writer.put_text(site_.config->assets[i].name);
      writer.put(asset.link.raw());
      put_address(writer, asset.address);
      writer.put(asset.first_ns);
      writer.put(asset.last_ns);
      writer.put(std::int32_t{asset.day});
      writer.put(asset.longest_s[0]);
      writer.put(asset.longest_s[1]);
      writer.put(asset.refused_s);
      writer.put(asset.pauses);
      writer.put(std::uint8_t{asset.silent});
    }
  }
  bool load(StateReader& reader, std::uint32_t version) override {
    const PacketTime heard{reader.get<std::int64_t>()};
    const auto stalled_ns = reader.get<std::int64_t>();
    const auto count = reader.get<std::uint32_t>();
    if (version != 2 || reader.failed() || count > reader.left() / entry_bytes_min || heard.ns < 0 ||
        heard.ns > INT64_MAX / 4 || stalled_ns < 0 || stalled_ns > heard.ns)
      return false;
    std::vector<std::pair<std::string, Asset>> saved;
    saved.reserve(count);
    for (std::uint32_t i = 0; i < count && !reader.failed(); ++i) {
      std::string name(reader.get_text(name_max));
      Asset asset;
      asset.link = SegmentKey::from_raw(reader.get<std::uint64_t>());
      asset.address = get_address(reader);
      asset.first_ns = reader.get<std::int64_t>();
      asset.last_ns = reader.get<std::int64_t>();
      asset.day = static_cast<std::uint16_t>(reader.get<std::int32_t>());
      asset.longest_s[0] = reader.get<std::uint32_t>();
      asset.longest_s[1] = reader.get<std::uint32_t>();
      asset.refused_s = reader.get<std::uint32_t>();
      asset.pauses = reader.get<std::uint8_t>();
      asset.silent = reader.get<std::uint8_t>() != 0 ? 1 : 0;
      if (asset.first_ns < 0 || asset.last_ns < asset.first_ns || asset.last_ns > heard.ns) return false;
      saved.push_back({std::move(name), asset});
    }
    if (reader.failed() || reader.left() != 0) return false;
    std::sort(saved.begin(), saved.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
    heard_ = heard;
    stalled_ns_ = stalled_ns;
    buckets_.fill(none);
    wheel_at_ = bucket_of(heard_time(heard));
    segments_.assign(segments_.size(), Segment{});
    for (std::uint32_t i = 0; i < assets_.size(); ++i) {
      const std::uint32_t declared = assets_[i].segment;
      assets_[i] = Asset{};
      assets_[i].segment = declared;
      const std::string& name = site_.config->assets[i].name;
      const auto found =
          std::lower_bound(saved.begin(), saved.end(), name, [](const auto& a, const auto& b) { return a.first < b; });
      if (found == saved.end() || found->first != name) continue;
      assets_[i] = found->second;
      assets_[i].segment = declared;
      Segment& segment = segments_[declared];
      segment.last_ns = std::max(segment.last_ns, assets_[i].last_ns);
      if (assets_[i].pauses >= pauses_min) ++segment.regular;
      if (assets_[i].silent == 0) insert(i, deadline_of(assets_[i]));
    }
    return true;
  }

 private:
  static constexpr DetectorId id = DetectorId::availability_silent_asset;
  static constexpr std::uint8_t pauses_min = 5;    // That many make a rhythm,
  static constexpr std::int64_t known_factor = 3;  // of who is known for this times its limit.
  static constexpr Duration stall_min = Duration::seconds(3 * conversation_repeat.ns / 1'000'000'000);
  static constexpr std::uint32_t alone_max = 5;  // Told one by one in a segment and `min`; then they are one alert.
  static constexpr std::int64_t bucket_ns = 10'000'000'000;
  static constexpr std::int64_t bucket_count = 4096;  // Eleven hours; what is later goes around.
  static constexpr std::uint32_t none = UINT32_MAX;
  static constexpr std::size_t name_max = 4096;
  static constexpr std::size_t entry_bytes_min = 4 + 8 + 16 + 8 + 8 + 4 + 3 * 4 + 2;

  // Times here are the heard time: packet time less what nobody was heard in.
  struct alignas(64) Asset {
    SegmentKey link;
    IpAddress address;
    std::int64_t first_ns = 0, last_ns = 0;
    std::array<std::uint32_t, 2> longest_s{};  // Longest pause of this day and of the one before.
    std::uint32_t refused_s = 0;               // The last pause that was told; it counts when it comes again.
    std::uint32_t wheel_next = none;
    std::uint32_t segment = 0;    // As declared.
    std::uint16_t day = 0;        // Of longest_s[0]; two are compared, so it may begin anew.
    std::uint8_t pauses = 0;      // Known, up to pauses_min.
    std::uint8_t silent : 1 = 0;  // Told.
    std::uint8_t in_wheel : 1 = 0;
  };
  static_assert(sizeof(Asset) == 64);  // One cache line.
  struct Segment {
    std::int64_t last_ns = 0;   // When one of its assets was heard.
    std::int64_t since_ns = 0;  // Of `told`.
    std::uint32_t regular = 0;  // Assets with a rhythm.
    std::uint32_t told = 0;
    std::uint32_t summed = 0, summed_now = 0;  // Told together: so far, and in this tick.
  };

  std::int64_t heard_time(PacketTime time) const noexcept { return time.ns - stalled_ns_; }
  static std::int64_t bucket_of(std::int64_t time_ns) noexcept { return time_ns / bucket_ns; }
  static std::size_t slot_of(std::int64_t bucket) noexcept { return ring_slot(bucket, bucket_count); }
  std::int64_t limit_ns(const Asset& asset) const noexcept {
    const double usual_s = std::max(asset.longest_s[0], asset.longest_s[1]);
    // A pause in the rhythm that is longer than a month is none.
    return std::max(min_.ns, static_cast<std::int64_t>(std::min(usual_s * factor_, 2'678'400.0) * 1e9));
  }
  std::int64_t deadline_of(const Asset& asset) const noexcept { return asset.last_ns + limit_ns(asset); }

  void insert(std::uint32_t i, std::int64_t deadline_ns) noexcept {
    Asset& asset = assets_[i];
    if (asset.in_wheel) return;
    // The bucket after the deadline, so that it has passed when the bucket is looked at.
    const std::int64_t bucket = std::clamp(bucket_of(deadline_ns) + 1, wheel_at_, wheel_at_ + bucket_count - 1);
    std::uint32_t& head = buckets_[slot_of(bucket)];
    asset.wheel_next = head;
    asset.in_wheel = 1;
    head = i;
  }

  void alive(std::uint32_t number, const IpAddress& address, const Fact& fact) noexcept {
    const std::uint32_t i = number - 1;
    Asset& asset = assets_[i];
    const std::int64_t now_ns = heard_time(fact.time);
    Segment& segment = segments_[asset.segment];
    segment.last_ns = std::max(segment.last_ns, now_ns);
    asset.link = fact.segment;
    asset.address = address;
    if (wheel_at_ == 0) wheel_at_ = bucket_of(now_ns);
    if (asset.last_ns != 0) {
      // Seconds, and at most a month: what is counted must not overflow.
      const auto pause_s =
          static_cast<std::uint32_t>(std::clamp<std::int64_t>((now_ns - asset.last_ns) / 1'000'000'000, 0, 2'678'400));
      if (pause_s != 0) learn(asset, pause_s, now_ns, segment);
    }
    if (asset.last_ns == 0) asset.first_ns = now_ns;
    asset.last_ns = std::max(asset.last_ns, now_ns);
    asset.silent = 0;
    if (asset.in_wheel == 0) insert(i, deadline_of(asset));
  }

  void learn(Asset& asset, std::uint32_t pause_s, std::int64_t now_ns, Segment& segment) const noexcept {
    const auto day = static_cast<std::uint16_t>(now_ns / 86'400'000'000'000);
    if (day != asset.day) {
      // A day on which no pause ended says nothing of the rhythm.
      if (asset.longest_s[0] != 0) asset.longest_s[1] = asset.longest_s[0];
      asset.longest_s[0] = 0;
      asset.day = day;
    }
    if (asset.silent != 0) {
      const bool again = asset.refused_s != 0 && pause_s <= 2 * std::uint64_t{asset.refused_s} &&
                         asset.refused_s <= 2 * std::uint64_t{pause_s};
      asset.refused_s = pause_s;
      if (!again) return;
    }
    asset.longest_s[0] = std::max(asset.longest_s[0], pause_s);
    if (asset.pauses < pauses_min && ++asset.pauses == pauses_min) ++segment.regular;
  }

  void visit(std::uint32_t i, std::int64_t now_ns) noexcept {
    Asset& asset = assets_[i];
    if (asset.silent != 0) return;  // Comes back when it speaks.
    const std::int64_t deadline_ns = deadline_of(asset);
    if (deadline_ns > now_ns) {
      insert(i, deadline_ns);
    } else if (asset.pauses >= pauses_min && asset.last_ns - asset.first_ns >= known_factor * limit_ns(asset)) {
      due_.push_back(i);
    }
  }

  void tell(std::uint32_t i, PacketTime now, Findings& findings) noexcept {
    Asset& asset = assets_[i];
    const config::Asset& declared = site_.config->assets[i];
    asset.silent = 1;
    Segment& segment = segments_[declared.segment];
    const std::int64_t now_ns = heard_time(now);
    if (now_ns - segment.since_ns > std::max(min_.ns, std::int64_t{600'000'000'000})) {
      segment.since_ns = now_ns;
      segment.told = segment.summed = 0;
    }
    // Nobody of several is heard: it is the segment's line, or its port on the mirror.
    const bool whole = declared.segment != 0 && segment.regular >= 3 && now_ns - segment.last_ns >= min_.ns;
    if (whole || segment.told >= alone_max) {
      if (segment.summed_now++ == 0) summing_.push_back(declared.segment);
      return;
    }
    Fact fact;
    fact.kind = FactKind::conversation;
    fact.time = now;
    fact.segment = asset.link;
    Ends ends;
    const auto silence_s = static_cast<unsigned>((now_ns - asset.last_ns) / 1'000'000'000);
    ++segment.told;
    fact.source = asset.address;
    fact.destination = asset.address.is_v4() ? IpAddress::v4(0) : IpAddress{};
    ends.source_asset = i + 1;
    ends.source_role = declared.role;
    Alert alert = alert_of(id, fact, ends);
    alert.merge_key = 1;
    say_why(alert, 0, "%.*s was not heard for %u s", 90, declared.name.c_str(), silence_s);
    say_why(alert, 1, "its longest usual pause is %u s; the limit is %u s",
            static_cast<unsigned>(std::max(asset.longest_s[0], asset.longest_s[1])),
            static_cast<unsigned>(limit_ns(asset) / 1'000'000'000));
    findings.raise(alert);
  }

  // One occurrence for each asset, in one alert.
  void sum_up(std::uint32_t number, PacketTime now, Findings& findings) noexcept {
    Segment& segment = segments_[number];
    Fact fact;
    fact.kind = FactKind::conversation;
    fact.time = now;
    // Also where its assets are on several links it is one condition.
    fact.segment = number == 0 ? SegmentKey{} : site_.config->segments[number - 1].key;
    Alert alert = alert_of(id, fact, {});
    alert.has_addresses = false;
    alert.merge_key = number == 0 ? 2 : segment_merge_key(*site_.config, number);
    alert.count = segment.summed_now;
    segment.summed += std::exchange(segment.summed_now, 0);
    const char* name = number == 0 ? "(none)" : site_.config->segments[number - 1].name.c_str();
    say_why(alert, 0, "%u assets of segment %.*s are silent beyond their rhythm%s", segment.summed, 60, name,
            segment.told != 0 ? ", beside those told one by one" : "");
    const std::int64_t silence_ns = heard_time(now) - segment.last_ns;
    if (number != 0 && silence_ns >= min_.ns) {
      say_why(alert, 1, "nobody in it was heard for %u s", static_cast<unsigned>(silence_ns / 1'000'000'000));
    } else {
      say_why(alert, 1, "others in it are heard");
    }
    findings.raise(alert);
  }

  Site site_;
  double factor_;
  Duration min_;
  PacketTime heard_;             // The latest conversation of anybody.
  std::int64_t stalled_ns_ = 0;  // Time in which nobody was heard, in all.
  std::int64_t wheel_at_ = 0;    // The next bucket to look at.
  std::vector<Asset> assets_;
  std::vector<Segment> segments_;  // By index + 1; [0]: none.
  std::array<std::uint32_t, bucket_count> buckets_{};
  std::vector<std::uint32_t> due_, summing_;  // Of one tick: assets, segments.
};

constexpr DetectorId ids[] = {DetectorId::availability_silent_asset};

}  // namespace

const SiteDetectorRow network_silence_row = {
    "network_silence", ids, facts_of({FactKind::conversation, FactKind::activity, FactKind::burst}), true,
    [](const Site& site) -> std::unique_ptr<SiteDetector> { return std::make_unique<SilenceDetector>(site); }};

}  // namespace tsujiban::detect
