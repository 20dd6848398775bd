#include "drill/world.h"

#include <algorithm>

namespace tsujiban::drill {
namespace {

constexpr std::array<KindInfo, kind_count> kinds = {{
    {"router", "router", 1, 0, 0, 0x106f3f},
    {"hems", "ems", 2, 0x05ff01, 0, 0x008045},
    {"gateway", "gateway", 3, 0x05ff01, 0, 0x00409d},
    {"meter", "meter", 10, 0x028801, 0, 0x001d12},
    {"battery", "device", 20, 0x027d01, 5, 0x0022c7},
    {"pv", "device", 21, 0x027901, 4.5, 0x00259c},
    {"ev", "device", 22, 0x027e01, 6, 0x28e98e},
    {"heater", "device", 23, 0x026b01, 1.5, 0x8c147d},
    {"aircon", "device", 24, 0x013001, 2, 0xb0c745},
    {"aircon2", "device", 25, 0x013001, 2, 0xb0c745},
}};

// Homes in one outer tag: 802.1Q has identifiers 1 to 4094 and the first hundred are left to the network itself.
constexpr std::uint32_t homes_per_tag = 3900;
constexpr std::uint16_t vlan_first = 100;

Link link_of(std::uint32_t home) noexcept {
  Link link;
  if (home >= homes_per_tag) link.vlan[link.tags++] = static_cast<std::uint16_t>(10 + home / homes_per_tag);
  link.vlan[link.tags++] = static_cast<std::uint16_t>(vlan_first + home % homes_per_tag);
  return link;
}

// Each scenario has a stream of its own, so that one seed does not give all of them the same victim and time.
std::uint64_t stream_of(std::string_view name) noexcept {
  std::uint64_t stream = 0xa77ac4;
  for (const char c : name) stream = stream * 0x100000001b3ull ^ static_cast<unsigned char>(c);
  return stream;
}

}  // namespace

const KindInfo& info_of(Kind kind) noexcept { return kinds[static_cast<std::size_t>(kind)]; }

World::World(const Options& options, Output& capture) : options_(options), poll_(poll_of(options)), writer_(capture) {
  homes_.reserve(options.homes);
  for (std::uint32_t i = 0; i < options.homes; ++i) make_home(i);
}

void World::begin_scenario(std::string_view name) {
  scenario_ = randoms_.size();
  randoms_.push_back(Random::of(options_.seed, stream_of(name)));
}

void World::add_mirror(Mirror mirror) {
  if (!mirror_) {
    mirror_ = std::move(mirror);
    return;
  }
  mirror_ = [first = std::move(mirror_), second = std::move(mirror)](PacketTime time, const Frame& frame,
                                                                     const Give& give) {
    first(time, frame, [&](PacketTime when, const Frame& given) { second(when, given, give); });
  };
}

std::int64_t World::time_of_day_ns(PacketTime time) noexcept {
  const std::int64_t local = time.ns + 9 * hour_ns;
  return ((local % day_ns) + day_ns) % day_ns;
}

void World::make_home(std::uint32_t index) {
  Home home;
  home.index = index;
  home.link = link_of(index);
  home.random = Random::of(options_.seed, index);
  Random& random = home.random;
  const auto has = [&](Kind kind) {
    switch (kind) {
      case Kind::gateway:
        return index % 4 == 3;
      case Kind::pv:
        return random.below(100) < 85;
      case Kind::ev:
        return random.below(100) < 50;
      case Kind::heater:
        return random.below(100) < 90;
      case Kind::extra:
        return false;
      default:
        return true;
    }
  };
  // The tail of a MAC: the home and the kind, so that no two are alike.
  const auto tail = static_cast<std::uint32_t>((options_.seed * 2'654'435'761u & 0xff) << 16);
  for (std::size_t i = 0; i < kind_count; ++i) {
    const auto kind = static_cast<Kind>(i);
    Node& node = home.nodes[i];
    node.present = has(kind);
    const std::uint32_t oui = info_of(kind).oui;
    const std::uint32_t low = (tail ^ (index * 16u + static_cast<std::uint32_t>(i)) * 0x2f1bu) & 0xffffff;
    node.mac = {static_cast<std::uint8_t>(oui >> 16), static_cast<std::uint8_t>(oui >> 8),
                static_cast<std::uint8_t>(oui),       static_cast<std::uint8_t>(low >> 16),
                static_cast<std::uint8_t>(low >> 8),  static_cast<std::uint8_t>(low)};
    node.id = static_cast<std::uint16_t>(random.next());
    const std::uint64_t habit = random.below(10);
    node.port = habit < 6   ? echonet_port
                : habit < 8 ? std::uint16_t{23610}
                            : static_cast<std::uint16_t>(32768 + random.below(28000));
    node.ttl = kind == Kind::ac || kind == Kind::heater ? 128 : 64;
  }
  home.fixed_transaction = random.one_in(3);
  home.ems_object = random.one_in(3) ? node_profile : 0x05ff01;
  home.asks_optional = random.one_in(4);
  home.broken_set_get = random.one_in(8);
  home.ipv6 = index % 2 == 1;
  home.energy_base = static_cast<std::uint32_t>(10'000 + random.below(400'000));
  home.load_w = static_cast<std::uint32_t>(200 + random.below(600));
  home.charge_percent = static_cast<std::uint8_t>(20 + random.below(70));
  homes_.push_back(home);

  // Rhythms: each begins somewhere in its first period.
  const auto first = [&](std::int64_t period_ns) {
    return start() + Duration{static_cast<std::int64_t>(random.below(static_cast<std::uint64_t>(period_ns)))};
  };
  for (const Kind kind : device_kinds)
    if (home.node(kind).present) schedule(first(poll_.ns), index, Task::poll, kind);
  for (std::size_t i = 1; i < kind_count; ++i) {
    const auto kind = static_cast<Kind>(i);
    if (!home.nodes[i].present) continue;
    schedule(first(2 * hour_ns), index, Task::arp, kind);
    if (kind != Kind::ems) schedule(first(12 * hour_ns), index, Task::dhcp, kind);
  }
  schedule(first(hour_ns), index, Task::dns, home.cloud_client());
  if (home.ipv6) {
    schedule(first(30 * minute_ns), index, Task::router_advertisement);
    schedule(first(4 * hour_ns), index, Task::neighbour, Kind::ems);
  }
  schedule(first(20 * second_ns), index, Task::telemetry, Kind::router, 1);
  const std::int64_t half_hour = 30 * minute_ns;
  const std::int64_t to_half_hour = half_hour - time_of_day_ns(start()) % half_hour;
  schedule(start() + Duration{to_half_hour + random.between(5, 240) * second_ns}, index, Task::meter_push);
  plan_day(homes_.back(), PacketTime{start().ns - time_of_day_ns(start())});
  homes_.back().random = random;
}

void World::schedule(PacketTime time, std::uint32_t home, Task task, Kind kind, std::uint16_t argument) {
  if (time < start() || time >= end()) return;
  events_.push_back({time.ns, order_++, home, task, kind, argument});
  std::push_heap(events_.begin(), events_.end(), Later<Event>{});
}

void World::at(PacketTime time, std::function<void(PacketTime)> step) {
  steps_.push_back({std::move(step), scenario_});
  schedule(time, static_cast<std::uint32_t>(steps_.size() - 1), Task::step);
}

std::uint32_t World::add_label(Label label) {
  if (labels_.size() >= labels_max) {
    ++labels_left_out_;
    return 0;
  }
  label.end = label.time;
  labels_.push_back(std::move(label));
  return static_cast<std::uint32_t>(labels_.size());
}

void World::emit(PacketTime time, Frame frame, std::uint32_t label) {
  std::uint32_t slot = 0;
  if (free_slots_.empty()) {
    slot = static_cast<std::uint32_t>(slots_.size());
    slots_.push_back(std::move(frame));
  } else {
    slot = free_slots_.back();
    free_slots_.pop_back();
    slots_[slot] = std::move(frame);
  }
  queue_.push_back({time.ns, order_++, slot, label});
  std::push_heap(queue_.begin(), queue_.end(), Later<Queued>{});
}

void World::write_one(PacketTime time, const Frame& frame, std::uint32_t label) {
  writer_.packet(time, frame);
  if (label == 0) return;
  Label& told = labels_[label - 1];
  if (told.packets++ == 0) told.first_packet = writer_.packets(), told.time = time;
  told.last_packet = writer_.packets();
  told.end = time;
}

void World::write_until(std::int64_t time_ns) {
  while (!queue_.empty() && queue_.front().time_ns <= time_ns) {
    std::pop_heap(queue_.begin(), queue_.end(), Later<Queued>{});
    const Queued next = queue_.back();
    queue_.pop_back();
    free_slots_.push_back(next.slot);
    const PacketTime time{next.time_ns};
    if (time >= end()) continue;
    if (mirror_) {
      mirror_(time, slots_[next.slot],
              [&](PacketTime when, const Frame& frame) { write_one(when, frame, next.label); });
    } else {
      write_one(time, slots_[next.slot], next.label);
    }
  }
}

bool World::run() {
  writer_.begin();
  while (!events_.empty() && !writer_.failed()) {
    std::pop_heap(events_.begin(), events_.end(), Later<Event>{});
    const Event event = events_.back();
    events_.pop_back();
    write_until(event.time_ns);
    if (event.task == Task::step) {
      const Step step = std::move(steps_[event.home]);
      scenario_ = step.scenario;
      step.act(PacketTime{event.time_ns});
    } else {
      happen(event);
    }
  }
  write_until(INT64_MAX);
  return writer_.finish();
}

Speaker World::speaker(Home& home, Kind kind) {
  Node& node = home.node(kind);
  Speaker speaker;
  speaker.mac = node.mac;
  speaker.address = address_in_home(info_of(kind).host);
  speaker.port = node.port;
  speaker.ttl = node.ttl;
  speaker.object = kind == Kind::ems ? home.ems_object : info_of(kind).object;
  speaker.id = node.id;
  node.id = static_cast<std::uint16_t>(node.id + 16);
  return speaker;
}

bool World::is_up(const Home& home, Kind kind, PacketTime time) const {
  const Node& node = home.node(kind);
  return node.present && time.ns >= node.off_until_ns;
}

void World::say(Home& home, Speaker& from, const Mac& to_mac, Ip4 to, const std::vector<std::uint8_t>& payload,
                PacketTime time, std::uint32_t label, std::uint16_t port) {
  const Ends4 ends{from.mac, to_mac, from.address, to, from.ttl, from.id++};
  emit(time, udp4(home.link, ends, from.port, port, payload), label);
}
void World::say(Home& home, Speaker& from, Kind to, const std::vector<std::uint8_t>& payload, PacketTime time,
                std::uint32_t label) {
  say(home, from, home.node(to).mac, address_in_home(info_of(to).host), payload, time, label);
}
void World::say_group(Home& home, Speaker& from, const std::vector<std::uint8_t>& payload, PacketTime time,
                      std::uint32_t label) {
  Speaker to_group = from;
  to_group.ttl = from.ttl == 64 ? 1 : from.ttl;  // Many stacks leave the default of multicast, 1; others set their own.
  say(home, to_group, multicast_mac(echonet_group), echonet_group, payload, time, label);
  from.id = to_group.id;
}

void World::resolve(Home& home, const Speaker& from, Kind to, PacketTime time, std::uint32_t label) {
  const Mac none{};
  const Ip4 target = address_in_home(info_of(to).host);
  emit(time, arp(home.link, from.mac, broadcast_mac, 1, from.mac, from.address, none, target), label);
  if (!is_up(home, to, time)) return;
  const Node& node = home.node(to);
  emit(time + Duration::microseconds(400 + node.id % 3000),
       arp(home.link, node.mac, from.mac, 2, node.mac, target, from.mac, from.address), label);
}
void World::gratuitous(Home& home, const Mac& mac, Ip4 address, PacketTime time, std::uint32_t label) {
  emit(time, arp(home.link, mac, broadcast_mac, 1, mac, address, Mac{}, address), label);
}

}  // namespace tsujiban::drill
