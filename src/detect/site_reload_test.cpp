// What a reload does to the detectors: nothing, where the configuration says the same; and where it says something else
// they go on with what they know, under the numbers that assets and segments have now.
#include <gtest/gtest.h>

#include <random>

#include "detect/control_power.h"
#include "detect/control_test_support.h"
#include "detect/control_writes.h"
#include "detect/network_detectors.h"
#include "detect/policy_detectors.h"
#include "detect/renumbered.h"

namespace tsujiban::detect::test {
namespace {

using Moment = ConversationSeen::Moment;

// Five homes with a router, a controller and three devices each, no two of one home with the same object (of two the
// first one is named); `reversed` lists all of it from the end.
std::string site_text(bool reversed, std::string_view more = "") {
  std::vector<std::string> segments, assets{"{name: aggregator-a, role: aggregator, address: 203.0.113.10}"};
  for (int h = 1; h <= 5; ++h) {
    const std::string n = std::to_string(h), segment = ", segment: han-" + n + "}";
    segments.push_back("{name: han-" + n + ", prefix: 192.168.1.0/24, vlan: [30, " + n + "], erab: R5}");
    assets.push_back("{name: router-" + n + ", role: router, address: 192.168.1.1, mac: \"02:00:00:00:00:01\"" +
                     segment);
    assets.push_back("{name: hems-" + n + ", role: ems, address: 192.168.1.2" + segment);
    for (const std::string d : {"3", "4", "5"}) {
      assets.push_back("{name: device-" + n + "-" + d + ", role: device, object: \"027D0" + d +
                       "\", capacity_kw: 6, ports: [udp/3610], " + "address: 192.168.1." + d + segment);
    }
  }
  if (reversed) {
    std::reverse(segments.begin(), segments.end());
    std::reverse(assets.begin(), assets.end());
  }
  std::string text = "site: {name: test, timezone: Asia/Tokyo}\nsegments:\n";
  for (const std::string& one : segments) text += "  - " + one + "\n";
  text += "assets:\n";
  for (const std::string& one : assets) text += "  - " + one + "\n";
  // Low limits, so that a few thousand random facts reach most of them.
  return text +
         "detectors:\n  control.load-altering: {kw: 40, devices_min: 6, window: 60s}\n"
         "  control.oscillation: {kw: 12, flips: 3, window: 120s}\n  recon.scan: {hosts: 5, ports: 5}\n"
         "  lateral.smb-spread: {hosts: 4}\n" +
         std::string(more);
}

Fact any_fact(std::mt19937& random, double seconds) {
  const auto below = [&](std::uint32_t n) { return static_cast<std::uint32_t>(random() % n); };
  Fact fact;
  fact.kind = static_cast<FactKind>(below(static_cast<std::uint32_t>(FactKind::count_)));
  fact.time = at(seconds);
  fact.packet_number = static_cast<std::uint64_t>(seconds * 1000) + 1;
  fact.segment = below(6) == 0 ? SegmentKey{} : home(1 + static_cast<int>(below(5)));
  fact.source = IpAddress::v4(0xc0a80101 + below(12));
  if (below(20) == 0) fact.source = IpAddress::v4(0xcb00710a);
  fact.to_group = fact.kind == FactKind::request || below(10) == 0;
  fact.destination = IpAddress::v4(fact.to_group ? 0xe0001700 : below(20) == 0 ? 0xcb007109 : 0xc0a80101 + below(12));
  fact.source_mac.value = below(3) == 0 ? 0 : 0x020000000000 + below(8);
  fact.ip_protocol = static_cast<std::uint8_t>(below(2) == 0 ? IpProtocol::udp : IpProtocol::tcp);
  fact.source_port = static_cast<std::uint16_t>(40000 + below(4));
  constexpr std::uint16_t ports[] = {3610, 445, 3389, 80, 23, 502};
  fact.destination_port = ports[below(6)];
  constexpr std::uint32_t objects[] = {0x027d03, 0x027d00, 0x027901, 0x013001, 0x0ef001, 0x05ff01, 0x028801};
  constexpr std::uint32_t points[] = {0x80, 0x83, 0x88, 0xb0, 0xb3, 0xda, 0xeb, 0xcc};
  const std::uint32_t object = objects[below(7)], point = points[below(8)], code = 0x40 + below(6);
  fact.protocol = AppProtocol::echonet_lite;
  switch (fact.kind) {
    case FactKind::control_write:
      fact.control_write = ControlWrite{};
      fact.control_write.object = object;
      fact.control_write.point = point;
      fact.control_write.code = code;
      fact.control_write.size_bytes = 1;
      fact.control_write.effect = static_cast<WriteEffect>(below(6));
      fact.control_write.direction = static_cast<LoadDirection>(below(5));
      fact.control_write.check = static_cast<ValueCheck>(below(5));
      fact.control_write.refused = below(4) == 0;
      fact.control_write.value = below(20'000);
      break;
    case FactKind::reading:
      fact.reading = Reading{};
      fact.reading.object = object;
      fact.reading.point = point;
      fact.reading.code = code;
      fact.reading.value_hash = below(8);
      fact.reading.announced = below(2) == 0;
      break;
    case FactKind::request:
    case FactKind::response:
      fact.exchange = {object, object, static_cast<std::uint16_t>(below(4)), 0x62, below(2) == 0, below(300)};
      break;
    case FactKind::inquiry:
      fact.inquiry = Inquiry{};
      fact.inquiry.object = object;
      fact.inquiry.bytes = below(300);
      fact.inquiry.points = {random(), random()};
      fact.inquiry.lists_objects = below(2) == 0;
      fact.inquiry.refused = below(3) == 0;
      break;
    case FactKind::object:
    case FactKind::asker:
      fact.object = {static_cast<ObjectSeen::How>(below(4)), object};
      break;
    case FactKind::malformed:
      fact.malformed = {ParseError::echonet_opc_mismatch, 12};
      break;
    case FactKind::conversation:
    case FactKind::activity:
    case FactKind::burst: {
      ConversationSeen seen{};
      seen.moment = fact.kind != FactKind::conversation ? Moment::goes_on : static_cast<Moment>(below(3));
      seen.identified = below(2) == 0;
      seen.direction_certain = below(4) != 0;
      seen.from_source = below(2) == 0;
      seen.from_destination = seen.moment == Moment::answered;
      seen.established = seen.moment != Moment::began && below(2) == 0;
      seen.packets = 2;
      seen.bytes = 100 + below(2000);
      fact.conversation = seen;
      seen.packets_back = 1;
      if (below(3) == 0) fact.protocol = AppProtocol::http;
      break;
    }
    case FactKind::claim:
      fact.claim = Claim{};
      fact.claim.how = static_cast<Claim::How>(below(5));
      fact.claim.mac.value = 0x020000000000 + below(8);
      fact.claim.frame_source = fact.claim.mac;
      fact.claim.overrides = below(2) == 0;
      break;
    case FactKind::router_advertisement:
      fact.router_advertisement = RouterAdvertisement{};
      fact.router_advertisement.mac.value = 0x020000000000 + below(8);
      fact.router_advertisement.lifetime_s = static_cast<std::uint16_t>(below(2) * 1800);
      break;
    case FactKind::address_assignment:
      fact.address_assignment = AddressAssignment{};
      fact.address_assignment.mac.value = 0x020000000000 + below(8);
      fact.address_assignment.router = fact.source;
      break;
    case FactKind::login:
      fact.protocol = below(2) == 0 ? AppProtocol::ftp : AppProtocol::mqtt;
      fact.login = {below(5) == 0 ? Login::Outcome::succeeded : Login::Outcome::failed, 530, 1 + below(5)};
      break;
    case FactKind::name_query:
    case FactKind::odd_name: {
      fact.protocol = AppProtocol::dns;
      std::string name;
      for (unsigned i = 0; i < 12; ++i) name += static_cast<char>('a' + below(26));
      fact.name_query = {};
      fact.name_query.name = DomainName::of(name + (below(2) == 0 ? ".example" : ".example.jp"));
      fact.name_query.type = 1;
      fact.name_query.answered = true;
      fact.name_query.rcode = static_cast<std::uint8_t>(below(4) == 0 ? 0 : 3);
      fact.name_query.label_bytes_max = 12;
      fact.name_query.bytes = 60;
      break;
    }
    case FactKind::secure_session:
      fact.protocol = AppProtocol::tls;
      fact.secure_session = {};
      fact.secure_session.server_name = DomainName::of(below(2) == 0 ? "a.example.jp" : "b.example.jp");
      fact.secure_session.certificate_hash = 1 + below(6);
      fact.secure_session.issuer_hash = 1 + below(3);
      fact.secure_session.key_hash = 1 + below(6);
      fact.secure_session.version = 0x0303;
      fact.secure_session.key_bits = 2048;
      fact.secure_session.answered = fact.secure_session.established = true;
      fact.secure_session.server_certificate_seen = true;
      break;
    default:
      fact.kind = FactKind::asker;
      fact.object = {ObjectSeen::How::asks, object};
      break;
  }
  return fact;
}

// An engine that may get another configuration at any moment.
class Reloaded {
 public:
  Reloaded(std::span<const SiteDetectorRow> rows, std::string_view yaml) : rows_(rows), site_(site_with_rights(yaml)) {
    engine_ = std::make_unique<SiteEngine>(site_, rows_, sink_);
  }
  void reload(std::string_view yaml) {
    Site next = site_with_rights(yaml);
    const Renumbered numbers(*site_.config, next.inventory, *next.config);
    auto engine = std::make_unique<SiteEngine>(next, rows_, sink_);
    engine->take_over(*engine_, numbers);
    engine_ = std::move(engine);
    site_ = std::move(next);
  }
  void fact(const Fact& fact) {
    constexpr std::int64_t step_ns = 10'000'000'000;
    if (ticked_ns_ == 0) ticked_ns_ = fact.time.ns / step_ns * step_ns;
    while (ticked_ns_ + step_ns <= fact.time.ns) engine_->tick({ticked_ns_ += step_ns});
    engine_->fact(fact);
    name_new();
  }
  SiteEngine& engine() { return *engine_; }
  std::size_t count(DetectorId detector) const { return sink_.count(detector); }
  const std::vector<Alert>& alerts() const { return sink_.alerts; }
  // Each alert as its reader sees it: assets by their names.
  const std::vector<std::string>& told() const { return told_; }

 private:
  void name_new() {
    const auto name = [&](std::uint32_t asset) { return asset == 0 ? "-" : site_.config->assets[asset - 1].name; };
    for (; told_.size() < sink_.alerts.size();) {
      const Alert& a = sink_.alerts[told_.size()];
      std::string line = std::string(info_of(a.detector).name) + " " + std::to_string(a.time.ns) + " " +
                         std::to_string(static_cast<int>(a.severity)) + " " + to_string(a.source) + " " +
                         to_string(a.destination) + " " + name(a.source_asset) + " " + name(a.destination_asset) + " " +
                         std::to_string(a.segment.raw()) + " " + std::to_string(a.merge_key) + " " +
                         std::to_string(a.count) + " " + std::to_string(a.power_at_risk_kw);
      for (std::size_t i = 0; i < Alert::why_max; ++i) line += " | " + why(a, i);
      told_.push_back(std::move(line));
    }
  }
  std::span<const SiteDetectorRow> rows_;
  RecordingSink sink_;
  Site site_;
  std::unique_ptr<SiteEngine> engine_;
  std::int64_t ticked_ns_ = 0;
  std::vector<std::string> told_;
};

// `every` facts one reload; the text is asked for by number.
template <class Text>
void compare(unsigned seed, int facts, int every, Text text) {
  std::mt19937 random(seed);
  Reloaded steady(site_detectors(), text(0)), reloaded(site_detectors(), text(0));
  int reloads = 0;
  for (int i = 0; i < facts; ++i) {
    const Fact fact = any_fact(random, i * 0.2);
    steady.fact(fact);
    if (i % every == every - 1) reloaded.reload(text(++reloads));
    reloaded.fact(fact);
    ASSERT_EQ(steady.told().size(), reloaded.told().size())
        << "fact " << i << " of kind " << static_cast<int>(fact.kind)
        << (steady.told().size() > reloaded.told().size() ? ", lost: " + steady.told().back()
                                                          : ", new: " + reloaded.told().back());
    ASSERT_DOUBLE_EQ(steady.engine().power_at_risk_kw(), reloaded.engine().power_at_risk_kw()) << "fact " << i;
  }
  for (std::size_t i = 0; i < steady.told().size(); ++i) ASSERT_EQ(steady.told()[i], reloaded.told()[i]) << i;
  std::array<int, detector_count> by_detector{};
  for (const Alert& alert : steady.alerts()) ++by_detector[static_cast<std::size_t>(alert.detector)];
  EXPECT_GT(std::count_if(by_detector.begin(), by_detector.end(), [](int n) { return n != 0; }), 12)
      << "too few detectors had something to say for this to prove much";
}

TEST(SiteReload, the_same_configuration_again_changes_nothing_that_any_detector_says) {
  for (unsigned seed = 1; seed <= 2; ++seed) compare(seed, 8'000, 211, [](int) { return site_text(false); });
}

// A capture may say any time; what is counted in parts of a window counts across 1970 as well.
TEST(SiteReload, times_around_1970_do_no_harm) {
  std::mt19937 random(21);
  Reloaded bench(site_detectors(), site_text(false));
  for (int i = 0; i < 8'000; ++i) {
    Fact fact = any_fact(random, i * 0.2);
    fact.time.ns = (i - 4'000) * std::int64_t{200'000'000};
    bench.fact(fact);
  }
  EXPECT_GT(bench.alerts().size(), 100u);
}

TEST(SiteReload, listing_assets_and_segments_in_another_order_changes_nothing_either) {
  for (unsigned seed = 11; seed <= 12; ++seed)
    compare(seed, 8'000, 223, [](int reload) { return site_text(reload % 2 == 1); });
}

TEST(SiteReload, power_moved_before_counts_on_and_so_does_what_a_changed_limit_makes_of_it) {
  const auto text = [](std::string_view kw, int homes) {
    return homes_text(
        homes, "detectors: {control.load-altering: {window: 60s, kw: " + std::string(kw) + ", devices_min: 100000}}\n");
  };
  Reloaded site(std::span(&control_power_row, 1), text("600", 120));
  for (int i = 1; i <= 60; ++i) site.fact(set(i * 0.1, "192.168.1.2", "192.168.1.20", charge, home(i)));
  EXPECT_EQ(site.count(DetectorId::control_load_altering), 0u);
  site.reload(text("420", 130));  // More assets: tables of another size.
  EXPECT_DOUBLE_EQ(site.engine().power_at_risk_kw(), 360);
  for (int i = 61; i <= 69; ++i) site.fact(set(i * 0.1, "192.168.1.2", "192.168.1.20", charge, home(i)));
  EXPECT_EQ(site.count(DetectorId::control_load_altering), 0u);
  site.fact(set(7, "192.168.1.2", "192.168.1.20", charge, home(70)));
  EXPECT_EQ(site.count(DetectorId::control_load_altering), 1u);
  // And it leaves the sums when its time is over, whichever table it lies in.
  site.fact(set(200, "192.168.1.2", "192.168.1.20", discharge, home(1)));
  EXPECT_DOUBLE_EQ(site.engine().power_at_risk_kw(), 6);
}

TEST(SiteReload, a_smaller_inventory_and_a_segment_that_is_gone_leave_sums_that_end) {
  Reloaded site(std::span(&control_power_row, 1), homes_text(40));
  for (int i = 1; i <= 40; ++i) site.fact(set(i * 0.1, "192.168.1.2", "192.168.1.20", charge, home(i)));
  site.reload(homes_text(10));
  EXPECT_DOUBLE_EQ(site.engine().power_at_risk_kw(), 240);
  site.reload(homes_text(40));
  for (int i = 1; i <= 40; ++i) site.fact(set(1000 + i * 0.1, "192.168.1.2", "192.168.1.20", discharge, home(i)));
  EXPECT_DOUBLE_EQ(site.engine().power_at_risk_kw(), 240);
  site.fact(set(3000, "192.168.1.2", "192.168.1.20", charge, home(1)));
  EXPECT_DOUBLE_EQ(site.engine().power_at_risk_kw(), 6);
}

TEST(SiteReload, who_was_learned_stays_known_and_a_new_asset_is_one) {
  const std::string segment =
      "segments: [{name: lan, prefix: 192.168.1.0/24}]\nassets:\n"
      "  - {name: hems, role: ems, address: 192.168.1.2, segment: lan}\n";
  Reloaded site(std::span(&policy_unknown_assets_row, 1), segment);
  site.fact(conversation(0, Moment::began, {"192.168.1.50", "192.168.1.2"}));
  EXPECT_EQ(site.count(DetectorId::policy_unknown_asset), 1u);
  site.reload(segment + "  - {name: printer, role: device, address: 192.168.1.51, segment: lan}\n");
  site.fact(conversation(1, Moment::began, {"192.168.1.50", "192.168.1.2"}));
  site.fact(conversation(2, Moment::began, {"192.168.1.51", "192.168.1.2"}));
  EXPECT_EQ(site.count(DetectorId::policy_unknown_asset), 1u);
  site.fact(conversation(3, Moment::began, {"192.168.1.52", "192.168.1.2"}));
  EXPECT_EQ(site.count(DetectorId::policy_unknown_asset), 2u);
}

TEST(SiteReload, a_detector_that_was_off_begins_and_one_that_is_switched_off_ends) {
  const std::string on = "detectors: {recon.scan: {enabled: true}}\n",
                    off = "detectors: {recon.scan: {enabled: false}}\n";
  Reloaded site(std::span(&network_scan_row, 1), on);
  EXPECT_NE(site.engine().facts_wanted(), 0u);
  site.reload(off);
  EXPECT_EQ(site.engine().facts_wanted(), 0u);
  site.fact(conversation(0, Moment::began, {"192.168.1.50", "192.168.1.2"}));
  site.reload(on);
  EXPECT_NE(site.engine().facts_wanted(), 0u);
}

// A detector without a word of its own for reloads keeps what survives a restart.
class Remembering final : public SiteDetector {
 public:
  void fact(const Fact&, const Ends&, Findings& findings) noexcept override {
    static_cast<void>(findings);
    ++facts;
  }
  std::uint32_t state_version() const noexcept override { return 1; }
  void save(StateWriter& writer) const override { writer.put(facts); }
  bool load(StateReader& reader, std::uint32_t) override {
    facts = reader.get<std::uint32_t>();
    last_loaded = facts;
    return !reader.failed();
  }
  std::uint32_t facts = 0;
  static inline std::uint32_t last_loaded = 0;
};

TEST(SiteReload, what_survives_a_restart_survives_a_reload_of_a_detector_that_says_nothing_of_it) {
  constexpr DetectorId ids[] = {DetectorId::recon_scan};
  const SiteDetectorRow row = {
      "remembering", ids, facts_of({FactKind::conversation}), false,
      [](const Site&) -> std::unique_ptr<SiteDetector> { return std::make_unique<Remembering>(); }};
  Reloaded site(std::span(&row, 1), "");
  for (int i = 0; i < 5; ++i) site.fact(conversation(i, Moment::began, {"192.168.1.50", "192.168.1.2"}));
  site.reload("");
  EXPECT_EQ(Remembering::last_loaded, 5u);
}

TEST(SiteReload, pairs_that_rest_are_counted_anew_and_not_told_again) {
  const std::string inventory = homes_text(2);
  Reloaded site(std::span(&control_power_row, 1), inventory);
  const Fact write = set(0, "203.0.113.10", "192.168.1.20", charge, home(1));
  site.fact(write);
  const std::size_t told = site.count(DetectorId::sensor_blind);
  EXPECT_EQ(told, 1u);
  site.reload(inventory);
  site.fact(set(5, "203.0.113.10", "192.168.1.20", discharge, home(1)));
  EXPECT_EQ(site.count(DetectorId::sensor_blind), told);
  EXPECT_EQ(site.engine().blind_peers()[static_cast<std::size_t>(DetectorId::control_without_event)], 1u);
}

}  // namespace
}  // namespace tsujiban::detect::test
