// Another configuration in the middle of a run: what it changes from the next packet on, and what it must not change.
#include <gtest/gtest.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <functional>
#include <optional>
#include <thread>

#include "pipeline/pipeline_test_support.h"
#include "pipeline/runner.h"

namespace tsujiban::pipeline {
namespace {

constexpr End hems{0xc0a80102, 3610}, battery{0xc0a80114, 3610}, printer{0xc0a80132, 9100}, web{0xcb007109, 80};
constexpr std::uint8_t syn = tcp_flag::syn, ack = tcp_flag::ack;

const std::string assets =
    "site: {name: test}\nsegments: [{name: lan, prefix: 192.168.1.0/24}]\nassets:\n"
    "  - {name: hems, role: ems, address: 192.168.1.2, segment: lan}\n"
    "  - {name: battery, role: device, address: 192.168.1.20, segment: lan}\n"
    "  - {name: web, role: aggregator, address: 203.0.113.9}\n";
const std::string allow = "allow: [{from: hems, to: battery}]\n",
                  allow_all = "allow: [{from: hems, to: [battery, web]}]\n";
const std::string reversed =
    "site: {name: test}\nsegments: [{name: lan, prefix: 192.168.1.0/24}]\nassets:\n"
    "  - {name: web, role: aggregator, address: 203.0.113.9}\n"
    "  - {name: battery, role: device, address: 192.168.1.20, segment: lan}\n"
    "  - {name: hems, role: ems, address: 192.168.1.2, segment: lan}\n";

Configured configured(std::string_view yaml, std::string_view rules = "", HashSeed seed = {}) {
  std::vector<config::Fault> faults;
  Configured made;
  made.config = config::load_text("site.yaml", yaml, faults);
  if (made.config == nullptr) throw std::invalid_argument(config::to_string(faults.front()));
  made.inventory = std::make_shared<const policy::Inventory>(made.config, seed);
  if (made.config->has_inventory()) made.allow = std::make_shared<const policy::AllowList>(made.inventory, seed);
  made.rules = detect::RuleSet::load_text("test.rules", rules, faults);
  if (made.rules == nullptr) throw std::invalid_argument(config::to_string(faults.front()));
  made.site.config = made.config;
  made.site.inventory = made.inventory;
  made.site.allow = made.allow;
  const auto calendar = std::make_shared<const policy::Calendar>(made.inventory);
  made.site.calendar = calendar;
  made.site.rights = std::make_shared<const policy::ControlRights>(made.inventory, calendar, seed);
  made.site.seed = seed;
  for (const detect::SiteDetectorRow& row : detect::site_detectors()) {
    if (detect::is_on(row, *made.config)) made.facts |= row.facts;
  }
  return made;
}

RunContext context(const Configured& made, unsigned workers = 1) {
  RunContext run;
  static_cast<Configured&>(run) = made;
  run.site_detectors = detect::site_detectors();
  run.dissectors = dissect::registry();
  run.events = EventTypes::all();
  run.workers = workers;
  run.budget = Budget::for_memory(std::uint64_t{64} << 20, workers);
  run.input_name = [](std::uint16_t) { return std::string_view("test.pcap"); };
  return run;
}

// Frames one by one, and something else done before some of them.
class Script final : public capture::PacketSource {
 public:
  void send(double seconds, Frame frame) {
    steps_.push_back({std::move(frame), static_cast<std::int64_t>(seconds * 1e9)});
  }
  void then(std::function<void()> action) { pending_.push_back({steps_.size(), std::move(action)}); }

  capture::SourceState next(std::span<RawPacket> to, std::size_t& count) override {
    for (const auto& [at, action] : pending_) {
      if (at == at_) action();
    }
    const Step& step = steps_[at_++];
    to[0] = RawPacket{step.frame.data(),
                      static_cast<std::uint32_t>(step.frame.size()),
                      static_cast<std::uint32_t>(step.frame.size()),
                      {step.ns},
                      at_,
                      LinkType::ethernet,
                      0};
    count = 1;
    return at_ == steps_.size() ? capture::SourceState::end : capture::SourceState::more;
  }
  std::string_view input_name(std::uint16_t) const noexcept override { return "test.pcap"; }
  std::string damage() const override { return {}; }
  std::uint64_t bytes_read() const noexcept override { return at_; }
  std::uint64_t bytes_total() const noexcept override { return steps_.size(); }
  std::uint64_t kernel_drops() noexcept override { return 0; }
  std::size_t size() const noexcept { return steps_.size(); }

 private:
  struct Step {
    Frame frame;
    std::int64_t ns;
  };
  std::vector<Step> steps_;
  std::vector<std::pair<std::size_t, std::function<void()>>> pending_;
  std::size_t at_ = 0;
};

// A run over a script: one thread walks the packets and reads configurations between them.
class ReloadTest : public testing::Test {
 protected:
  ReloadTest() : folder_(std::filesystem::temp_directory_path() / ("tsujiban-reload-" + std::to_string(::getpid()))) {
    std::filesystem::create_directories(folder_);
  }
  ~ReloadTest() override { std::filesystem::remove_all(folder_); }

  void begin(const Configured& made) {
    output::EveSink::Options options;
    options.path = (folder_ / "eve.json").string();
    eve_ = std::make_unique<output::EveSink>(options, process_.sinks[0]);
    ASSERT_TRUE(eve_->open());
    script_ = std::make_shared<Script>();
    runner_ = std::make_unique<Runner>(context(made), std::vector<Sink>{{eve_.get(), EventTypes::all()}}, process_);
  }
  void reload(const Configured& made, const Alert* news = nullptr) {
    script_->then([this, made, news = news != nullptr ? std::optional<Alert>(*news) : std::nullopt] {
      while (!runner_->replace(made, news ? &*news : nullptr)) usleep(100);
    });
  }
  void run() {
    runner_->run_mapped([this] { return script_; }, {});
    std::ifstream file(folder_ / "eve.json");
    for (std::string line; std::getline(file, line);) lines_.push_back(line);
    EXPECT_EQ(metrics::fold(runner_->counters()).packets, script_->size());
  }
  std::vector<std::string> with(std::initializer_list<std::string_view> words) const {
    std::vector<std::string> found;
    for (const std::string& line : lines_) {
      if (std::all_of(words.begin(), words.end(),
                      [&](std::string_view w) { return line.find(w) != std::string::npos; }))
        found.push_back(line);
    }
    return found;
  }
  static std::string member(const std::string& line, std::string_view name) {
    const std::size_t at = line.find("\"" + std::string(name) + "\":");
    return at == std::string::npos ? "" : line.substr(at, line.find_first_of(",}", at) - at);
  }

  std::filesystem::path folder_;
  metrics::ProcessMetrics process_;
  std::unique_ptr<output::EveSink> eve_;
  std::shared_ptr<Script> script_;
  std::unique_ptr<Runner> runner_;
  std::vector<std::string> lines_;
};

TEST_F(ReloadTest, a_flow_that_was_allowed_is_denied_at_its_next_packet_and_the_other_way_round) {
  const End client{hems.address, 40000};
  begin(configured(assets + allow_all));
  script_->send(1, tcp_frame(client, web, 999, 0, syn, ""));
  script_->send(1.1, tcp_frame(web, client, 4999, 1000, syn | ack, ""));
  reload(configured(assets + allow));
  script_->send(1.2, tcp_frame(client, web, 1000, 5000, ack, "GET "));
  script_->send(1.3, tcp_frame(client, web, 1004, 5000, ack, "/ "));
  reload(configured(assets + allow_all));
  script_->send(1.4, tcp_frame(client, web, 1006, 5000, ack, "x"));
  run();
  const auto denied = with({"policy.peer-not-allowed"});
  ASSERT_EQ(denied.size(), 2u);  // The first packet at once, the second as the condition's last word.
  EXPECT_NE(denied[0].find("\"pcap_cnt\":3,"), std::string::npos) << denied[0];
  EXPECT_NE(denied[1].find("\"count\":2"), std::string::npos) << denied[1];
  EXPECT_EQ(with({"\"event_type\":\"flow\""}).size(), 1u);
}

TEST_F(ReloadTest, the_time_of_the_packet_does_not_matter_for_the_verdict) {
  begin(configured(assets + allow_all));
  script_->send(1, udp_frame(hems, web, "a"));
  reload(configured(assets + allow));
  script_->send(1, udp_frame(hems, web, "b"));
  run();
  EXPECT_EQ(with({"policy.peer-not-allowed"}).size(), 1u);
}

TEST_F(ReloadTest, without_an_inventory_nothing_is_denied_any_more) {
  begin(configured(assets + allow));
  script_->send(1, udp_frame(hems, web, "a"));
  reload(configured("site: {name: test}\n"));
  script_->send(2, udp_frame(hems, web, "b"));
  reload(configured(assets + allow));
  script_->send(3, udp_frame(hems, web, "c"));
  run();
  const auto denied = with({"policy.peer-not-allowed"});
  ASSERT_EQ(denied.size(), 2u);
  EXPECT_NE(denied[1].find("\"count\":2"), std::string::npos) << denied[1];
}

TEST_F(ReloadTest, a_condition_goes_on_as_one_alert_and_names_its_assets_right) {
  begin(configured(assets + allow));
  script_->send(1, udp_frame(hems, web, "a"));
  reload(configured(reversed + allow));
  script_->send(2, udp_frame(hems, web, "b"));
  run();
  const auto denied = with({"policy.peer-not-allowed"});
  ASSERT_EQ(denied.size(), 2u);
  EXPECT_EQ(member(denied[0], "id"), member(denied[1], "id"));
  for (const std::string& line : denied) {
    EXPECT_NE(line.find("\"asset\":\"hems\""), std::string::npos) << line;
    EXPECT_NE(line.find("\"asset\":\"web\""), std::string::npos) << line;
    EXPECT_EQ(line.find("battery"), std::string::npos) << line;
  }
  EXPECT_NE(denied[1].find("\"count\":2"), std::string::npos) << denied[1];
  // In the summary too.
  EXPECT_EQ(runner_->assets_seen(), (std::vector<std::uint8_t>{1, 0, 1}));
}

TEST_F(ReloadTest, the_same_configuration_again_tells_nothing_new) {
  std::vector<std::string> once;
  for (const bool again : {false, true}) {
    lines_.clear();
    begin(configured(assets + allow, "alert tcp any any -> any 80 (msg:\"m\"; content:\"attack\"; sid:5;)\n"));
    const End client{hems.address, 40000};
    for (int i = 0; i < 50; ++i) {
      script_->send(1 + i, udp_frame(hems, battery, echonet_get(static_cast<std::uint16_t>(i))));
      script_->send(1.01 + i, udp_frame(battery, hems, echonet_get_res(static_cast<std::uint16_t>(i))));
      script_->send(1.5 + i, udp_frame(hems, printer, "x"));
      script_->send(1.6 + i, tcp_frame(client, web, 1000 + 2 * static_cast<std::uint32_t>(i), 1, ack, "at"));
      if (again && i % 7 == 3)
        reload(configured(assets + allow, "alert tcp any any -> any 80 (msg:\"m\"; content:\"attack\"; sid:5;)\n"));
    }
    run();
    auto alerts = with({"\"event_type\":\"alert\""});
    if (!again) once = alerts;
    EXPECT_EQ(alerts, once);
    EXPECT_EQ(with({"\"event_type\":\"echonet_lite\""}).size(), 100u);
    EXPECT_EQ(with({"\"event_type\":\"flow\""}).size(), 3u);
    EXPECT_GT(alerts.size(), 2u);
  }
}

TEST_F(ReloadTest, rules_are_replaced_and_streams_begin_anew_in_them) {
  const std::string old_rules =
      "alert tcp any any -> any 80 (msg:\"old\"; content:\"attack\"; sid:5;)\n"
      "alert tcp any any -> any 80 (msg:\"both\"; content:\"common\"; sid:6;)\n";
  const std::string new_rules =
      "alert tcp any any -> any 80 (msg:\"new\"; content:\"attack\"; sid:7;)\n"
      "alert tcp any any -> any 80 (msg:\"other\"; content:\"nothing\"; sid:8;)\n"
      "alert tcp any any -> any 80 (msg:\"both, said otherwise\"; content:\"common\"; sid:6;)\n";
  const End client{hems.address, 40000};
  begin(configured(assets + allow_all, old_rules));
  std::uint32_t sequence = 1000;
  double seconds = 1;
  const auto say = [&](std::string_view text) {
    script_->send(seconds += 0.1, tcp_frame(client, web, sequence, 5000, ack, text));
    sequence += static_cast<std::uint32_t>(text.size());
  };
  script_->send(1, tcp_frame(client, web, 999, 0, syn, ""));
  script_->send(1.05, tcp_frame(web, client, 4999, 1000, syn | ack, ""));
  say("attack common");
  say("att");
  reload(configured(assets + allow_all, new_rules));
  say("ack");  // Across the reload: not found, and not half of it taken for anything.
  say("xx attack common");
  reload(configured(assets + allow_all + "detectors: {signature: {enabled: false}}\n", new_rules));
  say("attack");
  reload(configured(assets + allow_all, new_rules));
  say("attack");
  reload(configured(assets + allow_all));
  say("attack");
  run();
  EXPECT_EQ(with({"\"signature_id\":5,", "\"old\""}).size(), 1u);
  EXPECT_EQ(with({"\"signature_id\":7,", "\"new\""}).size(), 2u);
  const auto common = with({"\"signature_id\":6,"});
  ASSERT_EQ(common.size(), 2u);
  EXPECT_EQ(member(common[0], "id"), member(common[1], "id"));
  EXPECT_NE(common[1].find("both, said otherwise"), std::string::npos);
  const metrics::Totals totals = metrics::fold(runner_->counters());
  EXPECT_EQ(totals.signature_matches, 5u);
  EXPECT_EQ(totals.alerts_raised, process_.alerts_written.value() + totals.alerts_merged + totals.alerts_shed);
}

TEST_F(ReloadTest, news_of_the_change_are_told_once_and_nothing_is_given_up) {
  Alert news;
  news.detector = DetectorId::sensor_configuration_changed;
  news.signature_id = info_of(news.detector).sid;
  news.has_addresses = false;
  news.merge_key = 17;
  news.time = {2'000'000'000};
  begin(configured(assets + allow));
  for (int i = 0; i < 40; ++i) {
    script_->send(1 + i, udp_frame({0xc0a80140 + static_cast<std::uint32_t>(i), 5000}, hems, "x"));
    if (i == 20) reload(configured(assets + allow_all), &news);
  }
  run();
  EXPECT_EQ(with({"sensor.configuration-changed"}).size(), 1u);
  EXPECT_EQ(with({"sensor.state-limit"}).size(), 0u);
  EXPECT_TRUE(runner_->settle());
}

TEST_F(ReloadTest, the_zone_and_the_host_name_change_with_the_next_record) {
  begin(configured(assets + allow));
  script_->send(1, udp_frame(hems, battery, echonet_get(1)));
  std::string tokyo = assets;
  tokyo.replace(tokyo.find("{name: test}"), 12, "{name: test, timezone: Asia/Tokyo}");
  reload(configured(tokyo + allow + "host: other\n"));
  script_->send(2, udp_frame(hems, battery, echonet_get(2)));
  run();
  const auto messages = with({"\"event_type\":\"echonet_lite\""});
  ASSERT_EQ(messages.size(), 2u);
  EXPECT_NE(messages[0].find("+0000"), std::string::npos);
  EXPECT_NE(messages[1].find("+0900"), std::string::npos);
  EXPECT_NE(messages[1].find("\"host\":\"other\""), std::string::npos);
}

// Several workers and the correlator, each at its own pace, with a reload every few packets: for the thread sanitizer.
TEST_F(ReloadTest, threads_take_it_when_they_come_by_and_lose_nothing) {
  const std::string rules = "alert udp any any -> any any (msg:\"m\"; content:\"attack\"; sid:5;)\n";
  constexpr int packets = 3000;
  for (const unsigned workers : {1u, 3u}) {
    lines_.clear();
    metrics::ProcessMetrics process;
    output::EveSink::Options options;
    options.path = (folder_ / "eve.json").string();
    output::EveSink eve(options, process.sinks[0]);
    ASSERT_TRUE(eve.open());
    Script script;
    Runner runner(context(configured(assets + allow), workers), {{&eve, EventTypes::all()}}, process);
    const std::array sites{configured(assets + allow_all, rules), configured(reversed + allow),
                           configured(assets + allow, rules)};
    std::size_t reloads = 0;
    for (int i = 0; i < packets; ++i) {
      const auto host = static_cast<std::uint32_t>(i % 40);
      script.send(1 + i * 0.01, udp_frame({0xc0a80140 + host, 5000}, i % 3 == 0 ? web : hems,
                                          i % 5 == 0 ? "an attack" : echonet_get(static_cast<std::uint16_t>(i))));
      if (i % 50 == 49) {
        script.then([&] {
          // The one before is taken when each thread has come by, however busy the machine is.
          for (int tries = 0; tries < 10; ++tries) {
            if (runner.replace(sites[reloads % sites.size()])) {
              ++reloads;
              return;
            }
            std::this_thread::sleep_for(std::chrono::milliseconds(1));
          }
        });
      }
    }
    runner.run_shared(script, {});
    EXPECT_GT(reloads, 3u);
    const metrics::Totals totals = metrics::fold(runner.counters());
    EXPECT_EQ(totals.packets, static_cast<std::uint64_t>(packets));
    EXPECT_EQ(totals.alerts_raised, process.alerts_written.value() + totals.alerts_merged + totals.alerts_shed);
    std::ifstream file(folder_ / "eve.json");
    for (std::string line; std::getline(file, line);) lines_.push_back(line);
    EXPECT_EQ(with({"\"event_type\":\"flow\""}).size(), 80u);
  }
}

}  // namespace
}  // namespace tsujiban::pipeline
