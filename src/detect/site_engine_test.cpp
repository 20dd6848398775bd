#include "detect/site_engine.h"

#include <gtest/gtest.h>

#include "detect/site_test_support.h"

namespace tsujiban::detect {
namespace {

using namespace test;
using Moment = ConversationSeen::Moment;

// Raises on every conversation, rests on every claim, and keeps a number.
class Probe final : public SiteDetector {
 public:
  void fact(const Fact& fact, const Ends& ends, Findings& findings) noexcept override {
    last_ends = ends;
    if (fact.kind == FactKind::claim) {
      findings.rests(DetectorId::recon_scan, fact, ends, "answers");
      return;
    }
    ++seen;
    findings.raise(alert_of(DetectorId::recon_scan, fact, ends));
    findings.raise(alert_of(DetectorId::mitm_arp_spoof, fact, ends));
  }
  std::uint64_t evictions() const noexcept override { return 3; }
  std::uint32_t state_version() const noexcept override { return 7; }
  void save(StateWriter& writer) const override { writer.put(seen); }
  bool load(StateReader& reader, std::uint32_t version) override {
    const auto value = reader.get<std::uint32_t>();
    if (version != 7 || reader.failed() || reader.left() != 0) return false;
    seen = value;
    return true;
  }
  static inline Ends last_ends;
  static inline std::uint32_t seen = 0;
};
constexpr DetectorId ids[] = {DetectorId::recon_scan, DetectorId::mitm_arp_spoof};
const SiteDetectorRow row = {"probe", ids, facts_of({FactKind::conversation, FactKind::claim}), false,
                             [](const Site&) -> std::unique_ptr<SiteDetector> { return std::make_unique<Probe>(); }};

const char* const homes =
    "segments:\n"
    "  - {name: han-12, prefix: 192.168.1.0/24, vlan: [30, 112], erab: R5}\n"
    "  - {name: han-13, prefix: 192.168.1.0/24, vlan: [30, 113], erab: R5}\n"
    "assets:\n"
    "  - {name: hems-12, role: ems, address: 192.168.1.2, segment: han-12}\n"
    "  - {name: battery-12, role: device, address: 192.168.1.20, segment: han-12}\n"
    "  - {name: hems-13, role: ems, address: 192.168.1.2, segment: han-13}\n";

class SiteEngineTest : public testing::Test {
 protected:
  SiteEngineTest() {
    Probe::seen = 0;
    Probe::last_ends = {};
  }
};

TEST_F(SiteEngineTest, ends_are_found_on_their_own_link) {
  Bench bench(row, homes);
  bench.fact(
      conversation(0, Moment::began, {"192.168.1.2", "192.168.1.20", 3610, 3610, IpProtocol::udp, vlan(30, 112)}));
  EXPECT_EQ(Probe::last_ends.source_asset, 1u);
  EXPECT_EQ(Probe::last_ends.destination_asset, 2u);
  EXPECT_EQ(Probe::last_ends.source_role, Role::ems);
  EXPECT_EQ(Probe::last_ends.interface, ErabInterface::R5);
  EXPECT_EQ(Probe::last_ends.source_segment, 1u);
  bench.fact(conversation(1, Moment::began, {"192.168.1.2", "203.0.113.9", 3610, 443, IpProtocol::tcp, vlan(30, 113)}));
  EXPECT_EQ(Probe::last_ends.source_asset, 3u);
  EXPECT_EQ(Probe::last_ends.source_segment, 2u);
  EXPECT_TRUE(Probe::last_ends.destination_outside);
  EXPECT_FALSE(Probe::last_ends.source_outside);
}

TEST_F(SiteEngineTest, a_group_is_nobody_and_not_outside) {
  Bench bench(row, homes);
  bench.fact(conversation(0, Moment::began, {"192.168.1.2", "224.0.23.0", 3610, 3610, IpProtocol::udp, vlan(30, 112)}));
  EXPECT_EQ(Probe::last_ends.destination_asset, 0u);
  EXPECT_FALSE(Probe::last_ends.destination_outside);
}

TEST_F(SiteEngineTest, without_places_only_public_addresses_are_outside) {
  Bench bench(row, "");
  bench.fact(conversation(0, Moment::began, {"192.168.1.2", "203.0.113.9"}));
  EXPECT_FALSE(Probe::last_ends.source_outside);
  EXPECT_TRUE(Probe::last_ends.destination_outside);
}

TEST_F(SiteEngineTest, what_is_switched_off_says_nothing_though_its_row_runs) {
  Bench bench(row, "detectors: {recon.scan: {enabled: false}}\n");
  bench.fact(conversation(0, Moment::began, {"192.168.1.2", "192.168.1.3"}));
  bench.fact(claim(1, "192.168.1.2", "02:00:00:00:00:01"));
  EXPECT_EQ(bench.count(DetectorId::recon_scan), 0u);
  EXPECT_EQ(bench.count(DetectorId::mitm_arp_spoof), 1u);
  EXPECT_EQ(bench.count(DetectorId::sensor_blind), 0u);
  Bench none(row, "detectors: {recon.scan: {enabled: false}, mitm.arp-spoof: {enabled: false}}\n");
  EXPECT_EQ(none.engine().facts_wanted(), 0u);
}

TEST_F(SiteEngineTest, a_row_that_needs_an_inventory_is_not_made_without_one) {
  SiteDetectorRow needy = row;
  needy.needs_inventory = true;
  EXPECT_EQ(Bench(needy, "").engine().facts_wanted(), 0u);
  EXPECT_NE(Bench(needy, homes).engine().facts_wanted(), 0u);
  SiteDetectorRow of_operators = row;
  of_operators.speaks_of = Role::operator_;
  EXPECT_EQ(Bench(of_operators, homes).engine().facts_wanted(), 0u);
  EXPECT_NE(Bench(of_operators, std::string(homes) + "  - {name: desk, role: operator, address: 10.255.0.9}\n")
                .engine()
                .facts_wanted(),
            0u);
  const Site site = site_of("");
  EXPECT_EQ(SiteEngine::without_inventory(*site.config, std::span(&needy, 1)),
            (std::vector{DetectorId::recon_scan, DetectorId::mitm_arp_spoof}));
}

TEST_F(SiteEngineTest, resting_is_one_condition_a_detector_and_link_that_counts_pairs) {
  Bench bench(row, "");
  for (int round = 0; round < 3; ++round) {
    bench.fact(claim(round, "192.168.1.2", "02:00:00:00:00:01", Claim::How::arp_reply, "192.168.1.9"));
    bench.fact(claim(round, "192.168.1.9", "02:00:00:00:00:02", Claim::How::arp_reply, "192.168.1.2"));
    bench.fact(claim(round, "192.168.1.3", "02:00:00:00:00:03", Claim::How::arp_reply, "192.168.1.9"));
  }
  ASSERT_EQ(bench.count(DetectorId::sensor_blind), 2u);
  const Alert& alert = bench.alerts()[1];
  EXPECT_EQ(why(alert, 0), "recon.scan rests for 2 pairs of hosts so far");
  EXPECT_EQ(why(alert, 1), "what is missing: answers");
  EXPECT_EQ(alert.severity, Severity::low);
  EXPECT_FALSE(alert.has_addresses);
  EXPECT_EQ(alert.merge_key, bench.alerts()[0].merge_key);
  EXPECT_EQ(bench.engine().blind_peers()[static_cast<std::size_t>(DetectorId::recon_scan)], 2u);
}

TEST_F(SiteEngineTest, blind_pairs_of_rotating_addresses_stay_bounded) {
  Bench bench(row, "");
  Fact fact = claim(0, "192.168.1.2", "02:00:00:00:00:01");
  for (std::uint32_t i = 0; i < 70'000; ++i) {
    fact.source = IpAddress::v4(0x0a000000 + i);
    bench.engine().fact(fact);
  }
  EXPECT_EQ(bench.engine().blind_peers()[static_cast<std::size_t>(DetectorId::recon_scan)], 65'536u);
  EXPECT_EQ(bench.engine().evictions(), 3u + 70'000 - 65'536);
}

TEST_F(SiteEngineTest, state_comes_back_by_name_and_version) {
  Bench bench(row, "");
  bench.fact(conversation(0, Moment::began, {"192.168.1.2", "192.168.1.3"}));
  const auto state = bench.save();
  Probe::seen = 0;
  Bench again(row, "");
  ASSERT_TRUE(again.load(state)) << again.error();
  EXPECT_EQ(Probe::seen, 1u);
  SiteDetectorRow renamed = row;
  renamed.name = "other";
  Probe::seen = 0;
  Bench other(renamed, "");
  EXPECT_TRUE(other.load(state));
  EXPECT_EQ(Probe::seen, 0u);
}

TEST_F(SiteEngineTest, every_cut_and_every_flipped_byte_of_a_state_is_survived) {
  Bench bench(row, "");
  bench.fact(conversation(0, Moment::began, {"192.168.1.2", "192.168.1.3"}));
  const auto state = bench.save();
  for (std::size_t size = 0; size < state.size(); ++size) {
    Bench again(row, "");
    EXPECT_FALSE(again.load({state.begin(), state.begin() + static_cast<std::ptrdiff_t>(size)})) << size;
    EXPECT_FALSE(again.error().empty());
  }
  for (std::size_t at = 0; at < state.size(); ++at) {
    auto damaged = state;
    damaged[at] ^= 0xff;
    Bench again(row, "");
    again.load(damaged);
  }
  auto longer = state;
  longer.push_back(0);
  EXPECT_FALSE(Bench(row, "").load(longer));
}

TEST(SayWhy, a_long_line_is_cut_and_a_fifth_is_left_out) {
  Alert alert;
  say_why(alert, 0, "%s", std::string(500, 'x').c_str());
  EXPECT_EQ(why(alert), std::string(Alert::why_text_max - 1, 'x'));
  say_why(alert, Alert::why_max, "never");
}

TEST(SiteDetectors, every_row_has_a_name_of_its_own_and_no_detector_stands_in_two) {
  std::vector<std::string_view> names;
  std::vector<DetectorId> listed;
  for (const SiteDetectorRow& r : site_detectors()) {
    names.push_back(r.name);
    EXPECT_FALSE(r.detectors.empty()) << r.name;
    EXPECT_NE(r.facts, 0u) << r.name;
    listed.insert(listed.end(), r.detectors.begin(), r.detectors.end());
  }
  std::sort(names.begin(), names.end());
  EXPECT_EQ(std::adjacent_find(names.begin(), names.end()), names.end());
  std::sort(listed.begin(), listed.end());
  EXPECT_EQ(std::adjacent_find(listed.begin(), listed.end()), listed.end());
}

// A bit of everything that this folder's detectors keep.
void feed(SiteEngine& engine, double from) {
  const SegmentKey han = vlan(30, 112);
  for (int i = 0; i < 40; ++i) {
    const double t = from + i * 60;
    const std::string host = "192.168.1." + std::to_string(100 + i % 7);
    for (const Moment moment : {Moment::began, Moment::answered, Moment::identified, Moment::goes_on}) {
      engine.fact(conversation(t, moment, {"192.168.1.2", "192.168.1.20", 50000, 80, IpProtocol::tcp, han}));
      engine.fact(conversation(t, moment, {host, "192.168.1.20", 50000, 3610, IpProtocol::udp, han}));
    }
    engine.fact(claim(t, "192.168.1.1", i % 2 == 0 ? "00:11:22:00:00:01" : "00:11:22:00:66:66"));
    engine.fact(claim(t, "fe80::1", "00:11:22:00:00:01", Claim::How::neighbour_solicitation, "ff02::1", han));
    engine.fact(write(t, "192.168.1.20", "192.168.1.2", WriteEffect::physical, han));
    Fact fact = fact_of(FactKind::router_advertisement, t, "fe80::1", "ff02::1", han);
    fact.router_advertisement = RouterAdvertisement{};
    fact.router_advertisement.mac = mac("00:11:22:00:00:01");
    fact.router_advertisement.lifetime_s = 1800;
    engine.fact(fact);
    fact = fact_of(FactKind::address_assignment, t, "192.168.1.1", host, han);
    fact.address_assignment = AddressAssignment{};
    fact.address_assignment.server = ip("192.168.1.1");
    engine.fact(fact);
    engine.tick(at(t + 10));
  }
}

TEST(SiteDetectors, a_damaged_state_of_any_of_them_is_survived) {
  for (const char* text : {"", homes}) {
    Site site = site_of(text);
    site.calendar = std::make_shared<const policy::Calendar>(site.inventory);
    site.rights = std::make_shared<const policy::ControlRights>(site.inventory, site.calendar);
    RecordingSink sink;
    SiteEngine engine(site, site_detectors(), sink);
    feed(engine, 0);
    const auto state = engine.save(at(3000));
    std::string error;
    EXPECT_TRUE(engine.load(state, error)) << error;
    std::uint64_t random = 1;
    for (int round = 0; round < 40; ++round) {
      auto damaged = state;
      for (int k = 0; k < 8; ++k) {
        random = random * 6364136223846793005u + 1442695040888963407u;
        // Not in the head: that has a test of its own.
        damaged[20 + random % (damaged.size() - 20)] = static_cast<std::uint8_t>(random >> 56);
      }
      SiteEngine other(site, site_detectors(), sink);
      other.load(damaged, error);
      feed(other, 4000);
    }
  }
}

TEST(SiteDetectors, all_of_them_start_and_keep_an_empty_state_with_and_without_an_inventory) {
  for (const char* text : {"", homes}) {
    RecordingSink sink;
    Site site = site_of(text);
    site.calendar = std::make_shared<const policy::Calendar>(site.inventory);
    site.rights = std::make_shared<const policy::ControlRights>(site.inventory, site.calendar);
    SiteEngine engine(site, site_detectors(), sink);
    std::string error;
    const auto state = engine.save(at(0));
    EXPECT_TRUE(engine.load(state, error)) << error;
    engine.tick(at(10));
    EXPECT_TRUE(sink.alerts.empty());
  }
}

}  // namespace
}  // namespace tsujiban::detect
