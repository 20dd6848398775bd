// What an adversary or a mirror port does to the sensor itself.
#include <algorithm>
#include <array>

#include "drill/attacks.h"

namespace tsujiban::drill {
namespace {

constexpr std::int64_t minute = World::minute_ns;

void state_exhaustion(World& world) {
  Home& home = pick_home(world);
  const std::uint32_t label = attack_label(
      world, "state-exhaustion", &home, {"policy.unknown-asset"}, "rotating MACs and addresses", "the home's network",
      "200,000 frames in 10 min: every one with another MAC, address, TID and object; ARP, notifications, answers, "
      "questions and TCP SYNs in turn. Alerts must stay few",
      {}, {"sensor.state-limit"});
  const PacketTime begin = attack_time(world);
  constexpr int pieces = 2'000, in_piece = 100;
  for (int piece = 0; piece < pieces; ++piece) {
    world.at(begin + Duration::milliseconds(300 * piece), [&world, &home, label](PacketTime time) {
      Random& random = world.random();
      for (int i = 0; i < in_piece; ++i) {
        const PacketTime now = time + Duration::milliseconds(3 * i);
        Speaker from;
        const std::uint64_t bits = random.next();
        from.mac = {0x02,
                    static_cast<std::uint8_t>(bits),
                    static_cast<std::uint8_t>(bits >> 8),
                    static_cast<std::uint8_t>(bits >> 16),
                    static_cast<std::uint8_t>(bits >> 24),
                    static_cast<std::uint8_t>(bits >> 32)};
        // Half of them in the segment, half anywhere.
        from.address = (bits >> 40 & 1) != 0 ? address_in_home(static_cast<std::uint8_t>(30 + (bits >> 41) % 220))
                                             : static_cast<Ip4>(0x0a000000 | (random.next() & 0xffffff));
        from.port = static_cast<std::uint16_t>(1024 + random.below(60'000));
        const auto transaction = static_cast<std::uint16_t>(random.next());
        const auto object = static_cast<std::uint32_t>(random.next() & 0xffff7f);
        const Kind to = random.one_in(2) ? Kind::battery : Kind::ems;
        switch (i % 5) {
          case 0:
            world.gratuitous(home, from.mac, from.address, now, label);
            break;
          case 1:
            world.say_group(home, from, message(transaction, object, node_profile, inf, {{0x80, {0x30}}}), now, label);
            break;
          case 2:
            world.say(home, from, to, message(transaction, object, 0x05ff01, get_res, {{0x80, {0x30}}}), now, label);
            break;
          case 3:
            world.say(home, from, to, message(transaction, 0x05ff01, object, get, ask_for({0x80})), now, label);
            break;
          default:
            world.emit(
                now,
                tcp4(home.link, {from.mac, home.node(to).mac, from.address, address_in_home(info_of(to).host), 64, 1},
                     {from.port, static_cast<std::uint16_t>(random.next() | 1), 1, 0, tcp_syn, 1024}, {}),
                label);
            break;
        }
      }
    });
  }
}

// A label without packets of its own: what happens, happens to everybody's.
std::uint32_t mirror_label(World& world, std::string_view scenario, PacketTime begin, PacketTime end, Names expect,
                           std::string_view note, Names must_not) {
  Label label;
  label.attack = true;
  label.time = begin;
  label.scenario = scenario;
  label.expect = expect;
  label.must_not = must_not;
  label.source = "the mirror port";
  label.target = "every home";
  label.note = note;
  label.of_mirror = true;
  const std::uint32_t id = world.add_label(std::move(label));
  world.set_label_end(id, std::min(end, world.end()));
  return id;
}

using Give = World::Give;

void mirror_duplicates(World& world) {
  const PacketTime begin = attack_time(world), end = begin + Duration{2 * World::hour_ns};
  mirror_label(world, "mirror-duplicates", begin, end, {"sensor.duplicate-packets"},
               "both ports are mirrored: every packet comes twice for two hours",
               {"echonet.spoofed-response", "echonet.enumeration", "control.flapping", "mitm.arp-spoof"});
  world.add_mirror([begin, end](PacketTime time, const Frame& frame, const Give& give) {
    give(time, frame);
    if (time >= begin && time < end) give(time, frame);
  });
}

void mirror_one_direction(World& world) {
  const PacketTime begin = attack_time(world), end = begin + Duration{2 * World::hour_ns};
  mirror_label(world, "mirror-one-direction", begin, end, {"sensor.capture-stalled"},
               "nothing that a controller, a gateway or a router says is heard for two hours, only what devices say",
               {"echonet.spoofed-response", "control.unauthorized-write"});
  // All of them in one sorted list, so that a week of many homes stays quick.
  std::vector<Mac> unheard;
  for (const Home& home : world.homes())
    for (const Kind kind : {Kind::ems, Kind::gateway, Kind::router}) unheard.push_back(home.node(kind).mac);
  std::sort(unheard.begin(), unheard.end());
  world.add_mirror([begin, end, unheard = std::move(unheard)](PacketTime time, const Frame& frame, const Give& give) {
    Mac source;
    std::copy_n(frame.begin() + 6, source.size(), source.begin());
    if (time >= begin && time < end && std::binary_search(unheard.begin(), unheard.end(), source)) return;
    give(time, frame);
  });
}

void mirror_mid_stream(World& world) {
  const PacketTime begin = attack_time(world);
  mirror_label(world, "mirror-mid-stream", world.start(), begin, {},
               "the capture begins in the middle: nothing before this label's end is in it",
               {"echonet.spoofed-response", "policy.peer-not-allowed", "availability.silent-asset"});
  world.add_mirror([begin](PacketTime time, const Frame& frame, const Give& give) {
    if (time >= begin) give(time, frame);
  });
}

void capture_stalled(World& world) {
  const PacketTime begin = attack_time(world), end = begin + Duration{15 * minute};
  mirror_label(world, "capture-stalled", begin, end, {"sensor.capture-stalled"}, "the mirror port is silent for 15 min",
               {"availability.silent-asset", "echonet.spoofed-response"});
  world.add_mirror([begin, end](PacketTime time, const Frame& frame, const Give& give) {
    if (time < begin || time >= end) give(time, frame);
  });
}

void clock_step(World& world) {
  const PacketTime begin = attack_time(world), end = begin + Duration::seconds(30);
  mirror_label(world, "clock-step", begin, end, {"sensor.clock-step"},
               "the sensor's clock runs two hours ahead for 30 s, then steps back", {"availability.silent-asset"});
  world.add_mirror([begin, end](PacketTime time, const Frame& frame, const Give& give) {
    give(time >= begin && time < end ? time + Duration{2 * World::hour_ns} : time, frame);
  });
}

void packet_loss(World& world) {
  const PacketTime begin = attack_time(world), end = begin + Duration{World::hour_ns};
  mirror_label(world, "packet-loss", begin, end, {"sensor.packet-loss"},
               "one packet in ten is lost before the sensor for an hour, at random", {"echonet.spoofed-response"});
  Random random = Random::of(world.options().seed, 0x1055);
  world.add_mirror([begin, end, random](PacketTime time, const Frame& frame, const Give& give) mutable {
    if (time >= begin && time < end && random.one_in(10)) return;
    give(time, frame);
  });
}

constexpr std::array rows = {
    Scenario{{"state-exhaustion", "an adversary rotates addresses, MACs, TIDs and objects"}, state_exhaustion},
    Scenario{{"mirror-duplicates", "the mirror port gives everything twice"}, mirror_duplicates},
    Scenario{{"mirror-one-direction", "the mirror port gives one direction only"}, mirror_one_direction},
    Scenario{{"mirror-mid-stream", "the capture begins in the middle"}, mirror_mid_stream},
    Scenario{{"capture-stalled", "the mirror port is silent"}, capture_stalled},
    Scenario{{"clock-step", "the sensor's clock jumps and comes back"}, clock_step},
    Scenario{{"packet-loss", "packets are lost before the sensor"}, packet_loss},
};

}  // namespace

std::span<const Scenario> sensor_scenarios() noexcept { return rows; }

}  // namespace tsujiban::drill
