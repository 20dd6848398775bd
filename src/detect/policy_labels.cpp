#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "detect/policy_detectors.h"
#include "detect/renumbered.h"

namespace tsujiban::detect {
namespace {

// vuln.label-missing: a device of which no JC-STAR level is recorded (guideline 3.0, 3.4) speaks.
class LabelDetector final : public SiteDetector {
 public:
  explicit LabelDetector(const Site& site)
      : site_(site),
        repeat_(site.config->settings(DetectorId::vuln_label_missing).repeat),
        told_(site.config->assets.size()),
        unlabelled_(site.config->assets.size()) {
    for (std::size_t i = 0; i < unlabelled_.size(); ++i)
      unlabelled_[i] = site.config->assets[i].role == Role::device && site.config->assets[i].jc_star == 0;
  }

  void fact(const Fact& fact, const Ends& ends, Findings& findings) noexcept override {
    // Only who was seen to speak is there.
    if (fact.conversation.from_source) judge(ends.source_asset, fact, ends, findings);
    if (fact.conversation.from_destination) judge(ends.destination_asset, fact, ends, findings);
  }
  void take_over(SiteDetector& before, const Renumbered& numbers) override {
    auto& from = static_cast<LabelDetector&>(before);
    for (std::uint32_t i = 0; i < from.told_.size(); ++i) {
      if (const std::uint32_t now = numbers.asset(i + 1); now != 0) told_[now - 1] = from.told_[i];
    }
  }

  std::uint32_t state_version() const noexcept override { return 1; }
  void save(StateWriter& writer) const override {
    std::uint32_t count = 0;
    for (const PacketTime told : told_) count += told.ns != 0 ? 1 : 0;
    writer.put(count);
    for (std::size_t i = 0; i < told_.size(); ++i) {
      if (told_[i].ns == 0) continue;
      // By name: an index changes with the inventory.
      writer.put_text(site_.config->assets[i].name);
      writer.put(told_[i].ns);
    }
  }
  bool load(StateReader& reader, std::uint32_t version) override {
    const auto count = reader.get<std::uint32_t>();
    if (version != 1 || reader.failed() || count > reader.left() / 12) return false;
    std::vector<std::pair<std::string, PacketTime>> saved;
    for (std::uint32_t i = 0; i < count && !reader.failed(); ++i) {
      std::string name(reader.get_text(name_max));
      saved.emplace_back(std::move(name), PacketTime{reader.get<std::int64_t>()});
    }
    if (reader.failed()) return false;
    std::sort(saved.begin(), saved.end());
    for (std::size_t i = 0; i < told_.size(); ++i) {
      const std::string& name = site_.config->assets[i].name;
      const auto found =
          std::lower_bound(saved.begin(), saved.end(), name, [](const auto& a, const auto& b) { return a.first < b; });
      if (found != saved.end() && found->first == name)
        told_[i].ns = std::clamp<std::int64_t>(found->second.ns, 0, INT64_MAX / 2);
    }
    return true;
  }

 private:
  static constexpr std::size_t name_max = 4096;

  void judge(std::uint32_t asset, const Fact& fact, const Ends& ends, Findings& findings) noexcept {
    if (asset == 0 || !unlabelled_[asset - 1]) return;
    PacketTime& told = told_[asset - 1];
    if (told.ns != 0 && fact.time - told < repeat_) return;
    told = fact.time;
    const config::Asset& device = site_.inventory->asset(asset);
    Alert alert = alert_of(DetectorId::vuln_label_missing, fact, ends);
    // About the device alone, whoever it speaks with.
    if (asset == ends.destination_asset) {
      alert.source = fact.destination;
      alert.source_port = fact.destination_port;
      alert.destination = fact.source;
      alert.destination_port = fact.source_port;
      alert.source_asset = ends.destination_asset;
      alert.destination_asset = ends.source_asset;
    }
    alert.merge_key = 1;
    say_why(alert, 0, "%.*s is a controlled device, and no JC-STAR level (`jc_star`) is recorded for it", 90,
            device.name.c_str());
    say_why(alert, 1, "the guideline asks for one star or more (3.4)");
    findings.raise(alert);
  }

  Site site_;
  Duration repeat_;
  std::vector<PacketTime> told_;  // By asset; 0: never.
  std::vector<bool> unlabelled_;  // By asset: devices without a level.
};

constexpr DetectorId ids[] = {DetectorId::vuln_label_missing};

}  // namespace

const SiteDetectorRow policy_labels_row = {
    "policy_labels", ids, facts_of({FactKind::conversation, FactKind::activity, FactKind::burst}), true,
    [](const Site& site) -> std::unique_ptr<SiteDetector> { return std::make_unique<LabelDetector>(site); }};

}  // namespace tsujiban::detect
