#pragma once
#include <array>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.h"
#include "drill/drill.h"
#include "drill/echonet.h"
#include "drill/frames.h"
#include "drill/pcapng_writer.h"
#include "drill/random.h"

namespace tsujiban::drill {

// What stands in a home. `extra` is the second air conditioner that arrives one day.
enum class Kind : std::uint8_t { router, ems, gateway, meter, battery, pv, ev, heater, ac, extra, count_ };
inline constexpr std::size_t kind_count = static_cast<std::size_t>(Kind::count_);

struct KindInfo {
  std::string_view name, role;
  std::uint8_t host;     // 192.168.1.<host>, the same in every home.
  std::uint32_t object;  // ECHONET Lite object; 0: no node.
  double kw;             // What it can move.
  std::uint32_t oui;
};
const KindInfo& info_of(Kind kind) noexcept;
inline constexpr std::array device_kinds = {Kind::meter, Kind::battery, Kind::pv, Kind::ev, Kind::heater, Kind::ac};

struct Node {
  bool present = false;
  Mac mac{};
  std::uint16_t id = 0;    // IPv4 identification, rising.
  std::uint16_t port = 0;  // Source port of its ECHONET Lite messages: 3610, 23610 or an ephemeral one.
  std::uint8_t ttl = 64;
  std::int64_t off_until_ns = 0;
};

// One side of a conversation: a node of the home, or an attacker.
struct Speaker {
  Mac mac{};
  Ip4 address = 0;
  std::uint16_t port = echonet_port;
  std::uint8_t ttl = 64;
  std::uint32_t object = 0x05ff01;
  std::uint16_t id = 0;
};

struct Home {
  std::uint32_t index = 0;
  Link link;
  Random random{0};
  std::array<Node, kind_count> nodes;
  std::uint16_t transaction = 0;
  bool fixed_transaction = false;  // Many products use one TID for everything.
  bool asks_optional = false;      // Its controller asks for what the air conditioner does not have: Get_SNA each time.
  bool broken_set_get = false;     // Its controller's SetGet lacks the second list.
  bool ipv6 = false;
  bool without_label = false;  // The site file has no JC-STAR label for its battery.
  std::uint32_t ems_object = 0x05ff01;
  Mac workstation{};  // Of the operator's workstation in this home; zeros: there is none.
  Mac intruder{};     // Of the attacker's host in this home; zeros: nobody was laid into it.
  // The connection to the aggregator's cloud.
  std::uint16_t cloud_port = 0;
  std::uint32_t own_sequence = 0, cloud_sequence = 0;
  // States that writes change.
  std::uint8_t battery_mode = 0x46, ev_mode = 0x47, ac_power = 0x31, ac_mode = 0x43, ac_temperature = 22,
               heater_mode = 0x41, pv_limit_percent = 100, charge_percent = 50;
  std::uint32_t energy_base = 0, load_w = 400;

  Node& node(Kind kind) { return nodes[static_cast<std::size_t>(kind)]; }
  const Node& node(Kind kind) const { return nodes[static_cast<std::size_t>(kind)]; }
  // Who listens to the aggregator: the gateway where there is one, else the controller.
  Kind cloud_client() const { return node(Kind::gateway).present ? Kind::gateway : Kind::ems; }
};

constexpr Ip4 address_in_home(std::uint8_t host) noexcept { return ip4(192, 168, 1, host); }
constexpr Ip4 workstation_address = address_in_home(50);
constexpr Ip4 cloud_address = ip4(203, 0, 113, 10);

// What a label says. Times and packet numbers fill themselves while the packets are written.
struct Label {
  PacketTime time;
  bool attack = false;
  std::string scenario;
  std::vector<std::string_view> expect, must_not, expect_later;
  std::string source, target, segment, note;
  bool of_mirror = false;  // A condition of the mirror port: it has no packets of its own.
  PacketTime end{};
  std::uint64_t first_packet = 0, last_packet = 0, packets = 0;
};

// The monitored homes: mechanics of frames, answers, and time. The benign day is in day.cpp, attacks in attacks_*.cpp.
class World {
 public:
  static constexpr std::size_t labels_max = 200'000;

  World(const Options& options, Output& capture);

  const Options& options() const noexcept { return options_; }
  PacketTime start() const noexcept { return options_.start; }
  PacketTime end() const noexcept {
    return options_.start +
           (options_.duration.ns != 0 ? options_.duration : Duration::seconds(86'400 * std::int64_t{options_.days}));
  }
  std::vector<Home>& homes() noexcept { return homes_; }
  // What is laid from here on, and all that comes of it later, is this scenario's and draws from a stream of its own:
  // neither another scenario nor the order changes what happens in it.
  void begin_scenario(std::string_view name);
  Random& random() noexcept { return randoms_[scenario_]; }  // Of the scenario at hand.
  // Nanoseconds since midnight in Japan.
  static std::int64_t time_of_day_ns(PacketTime time) noexcept;

  // What a scenario has that its operator knows of: rows of the site file's lists, and of `detectors`.
  struct SiteExtra {
    std::string segments, assets, allow, maintenance, detectors;
  };
  SiteExtra site_extra;

  // 0 when there are too many labels; packets of label 0 are nobody's.
  std::uint32_t add_label(Label label);
  void set_label_end(std::uint32_t label, PacketTime end) {
    if (label != 0) labels_[label - 1].end = end;
  }
  const std::vector<Label>& labels() const noexcept { return labels_; }
  std::uint64_t labels_left_out() const noexcept { return labels_left_out_; }
  std::uint64_t packets() const noexcept { return writer_.packets(); }

  // Queues a frame; `time` is not before the present event's.
  void emit(PacketTime time, Frame frame, std::uint32_t label = 0);
  // Does something at a later time.
  void at(PacketTime time, std::function<void(PacketTime)> step);
  // What happens to frames on their way into the file (a mirror port's faults): may drop or double them. A second one
  // gets what the first gives.
  using Give = std::function<void(PacketTime, const Frame&)>;
  using Mirror = std::function<void(PacketTime, const Frame&, const Give&)>;
  void add_mirror(Mirror mirror);
  // Makes everything up to the end. False when the output failed.
  bool run();

  // --- speaking
  Speaker speaker(Home& home, Kind kind);
  bool is_up(const Home& home, Kind kind, PacketTime time) const;
  // A datagram to a node's or anybody's port 3610.
  void say(Home& home, Speaker& from, const Mac& to_mac, Ip4 to, const std::vector<std::uint8_t>& payload,
           PacketTime time, std::uint32_t label = 0, std::uint16_t port = echonet_port);
  void say(Home& home, Speaker& from, Kind to, const std::vector<std::uint8_t>& payload, PacketTime time,
           std::uint32_t label = 0);
  void say_group(Home& home, Speaker& from, const std::vector<std::uint8_t>& payload, PacketTime time,
                 std::uint32_t label = 0);
  // A request to one node and its answer, if the node gives one. Returns the time of the answer, or of the request.
  enum class Outcome : std::uint8_t { as_it_is, refused, silent };
  PacketTime request(Home& home, Speaker& from, Kind to, std::uint16_t transaction, std::uint32_t object,
                     std::uint8_t service, const Properties& properties, PacketTime time, std::uint32_t label,
                     Random& random, Outcome outcome = Outcome::as_it_is, const Properties* second = nullptr);
  // The answers of all nodes of a home to a request for everybody.
  PacketTime request_group(Home& home, Speaker& from, std::uint16_t transaction, std::uint8_t service,
                           const Properties& properties, PacketTime time, std::uint32_t label, Random& random);
  void announce(Home& home, Kind kind, const Properties& properties, PacketTime time, std::uint32_t label = 0);
  void announce_states(Home& home, Kind kind, std::initializer_list<std::uint8_t> codes, PacketTime time,
                       std::uint32_t label = 0);
  void announce_instances(Home& home, Kind kind, PacketTime time, std::uint32_t label = 0);
  std::uint16_t next_transaction(Home& home) { return home.fixed_transaction ? 1 : ++home.transaction; }
  // Who-has and the answer.
  void resolve(Home& home, const Speaker& from, Kind to, PacketTime time, std::uint32_t label = 0);
  void gratuitous(Home& home, const Mac& mac, Ip4 address, PacketTime time, std::uint32_t label = 0);
  // Value of a property; false where the object does not have it.
  bool value_of(const Home& home, Kind kind, std::uint32_t object, std::uint8_t code, PacketTime time,
                std::vector<std::uint8_t>& value) const;

  // --- the benign world (day.cpp)
  void dhcp_renew(Home& home, Kind kind, PacketTime time);
  PacketTime dhcp_start(Home& home, Kind kind, PacketTime time, std::uint32_t label);
  void dns_question(Home& home, Kind from, PacketTime time);
  PacketTime cloud_open(Home& home, PacketTime time);
  PacketTime cloud_data(Home& home, bool from_cloud, std::size_t bytes, PacketTime time, std::uint32_t label = 0);
  void come_up(Home& home, Kind kind, PacketTime time, std::uint32_t label);
  void controller_start(Home& home, PacketTime time, std::uint32_t label);

  static constexpr std::int64_t second_ns = 1'000'000'000, minute_ns = 60 * second_ns, hour_ns = 60 * minute_ns,
                                day_ns = 24 * hour_ns;

 private:
  enum class Task : std::uint8_t {
    step,  // `home` is the index into steps_.
    plan_day,
    poll,
    meter_push,
    arp,
    dhcp,
    dns,
    telemetry,
    router_advertisement,
    neighbour,
    remote_control,
    app_control,
    tariff_charge,
    tariff_end,
    ev_plug,
    ev_charge,
    ev_done,
    heater_shift,
    clock_set,
    dispatch_begin,
    report,
    reboot,
    power_failure,
    new_device,
    router_change,
  };
  struct Step {
    std::function<void(PacketTime)> act;
    std::size_t scenario;
  };
  struct Event {
    std::int64_t time_ns;
    std::uint64_t order;
    std::uint32_t home;
    Task task;
    Kind kind;
    std::uint16_t argument;
  };
  struct Queued {
    std::int64_t time_ns;
    std::uint64_t order;
    std::uint32_t slot, label;
  };
  template <class T>
  struct Later {
    bool operator()(const T& a, const T& b) const noexcept {
      return a.time_ns != b.time_ns ? a.time_ns > b.time_ns : a.order > b.order;
    }
  };

  void make_home(std::uint32_t index);
  void schedule(PacketTime time, std::uint32_t home, Task task, Kind kind = Kind::router, std::uint16_t argument = 0);
  void happen(const Event& event);
  void plan_day(Home& home, PacketTime midnight);
  void poll(Home& home, Kind kind, PacketTime time);
  void write_value(Home& home, Kind from, Kind to, Properties properties, PacketTime time, std::uint32_t label);
  void dispatch(Home& home, std::uint16_t which, bool begin, PacketTime time);
  void advertise_router(Home& home, PacketTime time);
  void solicit_neighbour(Home& home, PacketTime time);
  void write_until(std::int64_t time_ns);
  void write_one(PacketTime time, const Frame& frame, std::uint32_t label);
  std::uint32_t label_of_day(std::uint16_t which, bool begin, PacketTime time);

  Options options_;
  Duration poll_;
  PcapngWriter writer_;
  std::vector<Random> randoms_;  // One a scenario.
  std::size_t scenario_ = 0;
  Mirror mirror_;
  std::vector<Home> homes_;
  std::vector<Event> events_;
  std::vector<Queued> queue_;
  std::vector<Frame> slots_;
  std::vector<std::uint32_t> free_slots_;
  std::vector<Step> steps_;
  std::vector<Label> labels_;
  std::uint64_t labels_left_out_ = 0;
  std::uint64_t order_ = 0;
  std::array<std::uint32_t, 8> dispatch_label_{};
  std::array<std::int64_t, 8> dispatch_label_day_{};
};

// The dispatches of a day, as the site file declares them and the cloud gives them.
struct Dispatch {
  std::uint16_t from_minute, to_minute;  // Declared.
  std::uint8_t days;                     // Bit 0 is Monday.
  std::uint8_t mode;                     // 0x42 charges, 0x43 discharges.
};
std::span<const Dispatch> dispatches() noexcept;

bool write_labels(const World& world, Output& output);
// The configuration that fits the capture.
bool write_site(World& world, Output& output);

}  // namespace tsujiban::drill
