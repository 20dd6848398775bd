// Attacks on the protocol itself: broken frames, discovery, forged answers, floods, reflection, faults (threats
// document, 3.5 to 3.10).
#include <algorithm>
#include <array>

#include "drill/attacks.h"

namespace tsujiban::drill {
namespace {

constexpr std::int64_t second = World::second_ns;
constexpr std::uint32_t controller_object = 0x05ff01;

void malformed_series(World& world) {
  Home& home = pick_home(world, {Kind::battery});
  Speaker from = intruder(world, home);
  const std::uint32_t label = attack_label(
      world, "malformed-series", &home, {"echonet.malformed", "policy.unknown-asset", "policy.peer-not-allowed"},
      to_text(from.address), asset_name(home, Kind::battery),
      "twelve broken frames in 48 s; then the battery falls silent for a minute and comes up again");
  world.at(attack_time(world), [&world, &home, from, label](PacketTime time) mutable {
    world.gratuitous(home, from.mac, from.address, time, label);
    world.resolve(home, from, Kind::battery, time + Duration::milliseconds(500), label);
    const auto good = message(1, controller_object, info_of(Kind::battery).object, get, ask_for({0xda}));
    PacketTime now = time + Duration::seconds(1);
    for (int i = 0; i < 12; ++i) {
      std::vector<std::uint8_t> bad = good;
      switch (i % 6) {
        case 0:
          bad[11] = 5;
          break;  // Five properties told, one there.
        case 1:
          bad[13] = 200;
          break;  // PDC beyond the datagram.
        case 2:
          bad[1] = 0x83;
          break;  // Neither format.
        case 3:
          bad[11] = 0, bad.resize(12);
          break;  // OPC 0.
        case 4:
          bad[10] = 0x65;
          break;  // Reserved service.
        default:
          bad.resize(13);
          break;  // Cut in the property.
      }
      world.say(home, from, Kind::battery, bad, now, label);
      now = now + Duration::seconds(4);
    }
    // Silent without a word, then up again: a crash.
    Node& node = home.node(Kind::battery);
    node.off_until_ns = now.ns + 60 * second;
    world.come_up(home, Kind::battery, PacketTime{node.off_until_ns}, label);
  });
}

void fuzz_opc(World& world) {
  Home& home = pick_home(world, {Kind::pv});
  Speaker from = intruder(world, home);
  const std::uint32_t label =
      attack_label(world, "fuzz-opc", &home, {"echonet.malformed", "policy.unknown-asset", "policy.peer-not-allowed"},
                   to_text(from.address), asset_name(home, Kind::pv),
                   "a public test tool's series: OPC 1 to 255 over one fixed body");
  world.at(attack_time(world), [&world, &home, from, label](PacketTime time) mutable {
    world.gratuitous(home, from.mac, from.address, time, label);
    world.resolve(home, from, Kind::pv, time + Duration::milliseconds(500), label);
    for (int count = 1; count <= 255; ++count) {
      auto bytes = message(0x0001, controller_object, info_of(Kind::pv).object, get, ask_for({0x80}));
      bytes[11] = static_cast<std::uint8_t>(count);
      world.say(home, from, Kind::pv, bytes, time + Duration::milliseconds(1'000 + 200 * count), label);
    }
  });
}

void enumeration(World& world) {
  Home& home = pick_home(world, {Kind::battery});
  Speaker from = intruder(world, home);
  const PacketTime begin = attack_time(world);
  const std::uint32_t groups =
      attack_label(world, "enumeration-group", &home, {"echonet.enumeration", "policy.unknown-asset"},
                   to_text(from.address), "224.0.23.0", "six Gets of the instance list to the group within 6 s");
  world.at(begin, [&world, &home, from, label = groups](PacketTime time) mutable {
    world.gratuitous(home, from.mac, from.address, time, label);
    for (std::uint16_t i = 0; i < 6; ++i)
      world.request_group(home, from, static_cast<std::uint16_t>(0x11 + i), get, ask_for({0xd6}),
                          time + Duration::seconds(1 + i), label, world.random());
  });
  const std::uint32_t hosts = attack_label(
      world, "enumeration-hosts", &home, {"echonet.enumeration", "policy.peer-not-allowed"}, to_text(from.address),
      "192.168.1.1 to 192.168.1.60", "a Get of the instance list to one address after another");
  world.at(begin + Duration::seconds(300), [&world, &home, from, label = hosts](PacketTime time) mutable {
    for (std::uint8_t host = 1; host <= 60; ++host) {
      const PacketTime now = time + Duration::milliseconds(host * 400);
      Kind kind = Kind::count_;
      for (std::size_t i = 0; i < kind_count; ++i)
        if (info_of(static_cast<Kind>(i)).host == host && home.nodes[i].present) kind = static_cast<Kind>(i);
      const Mac none{};
      if (kind == Kind::count_) {
        // Its mask is /32: what ARP does not find is sent to the router.
        world.emit(now, arp(home.link, from.mac, broadcast_mac, 1, from.mac, from.address, none, address_in_home(host)),
                   label);
        if (address_in_home(host) != from.address)
          world.say(
              home, from, home.node(Kind::router).mac, address_in_home(host),
              message(static_cast<std::uint16_t>(0x200 + host), controller_object, node_profile, get, ask_for({0xd6})),
              now + Duration::milliseconds(15), label);
        continue;
      }
      world.resolve(home, from, kind, now, label);
      const PacketTime asked = now + Duration::milliseconds(20);
      if (info_of(kind).object != 0) {
        world.request(home, from, kind, static_cast<std::uint16_t>(0x200 + host), node_profile, get, ask_for({0xd6}),
                      asked, label, world.random());
      } else {
        world.say(home, from, kind, message(0x201, controller_object, node_profile, get, ask_for({0xd6})), asked,
                  label);
      }
    }
  });
  const std::uint32_t codes = attack_label(
      world, "enumeration-properties", &home, {"echonet.enumeration", "policy.peer-not-allowed"}, to_text(from.address),
      asset_name(home, Kind::battery), "every property from 0x80 to 0xFF is asked for");
  world.at(begin + Duration::seconds(600), [&world, &home, from, label = codes](PacketTime time) mutable {
    for (int code = 0x80; code <= 0xff; ++code) {
      world.request(home, from, Kind::battery, static_cast<std::uint16_t>(0x400 + code), info_of(Kind::battery).object,
                    get, {{static_cast<std::uint8_t>(code), {}}}, time + Duration::milliseconds(250 * (code - 0x80)),
                    label, world.random());
    }
  });
}

// `lists_itself`: as a host with software of its own does; without, nobody can know what it owns.
void spoof_notifications(World& world, std::string_view scenario, bool lists_itself, std::string_view note) {
  Home& home = pick_home(world, {Kind::battery});
  Speaker from = intruder(world, home);
  const std::uint32_t label = attack_label(world, scenario, &home, {"echonet.spoofed-response", "policy.unknown-asset"},
                                           to_text(from.address), asset_name(home, Kind::meter), note);
  world.at(attack_time(world), [&world, &home, from, label, lists_itself](PacketTime time) mutable {
    world.gratuitous(home, from.mac, from.address, time, label);
    if (lists_itself) {
      const Property list{0xd5, {1, 0x05, 0xff, 0x01}};
      world.say_group(home, from, message(0, node_profile, node_profile, inf, {list}), time + Duration::seconds(1),
                      label);
    }
    for (int i = 0; i < 8; ++i) {
      const PacketTime now = time + Duration::seconds(2 + 10 * i);
      Property power{0xe7, {}};
      put32(power.value, 9'500);
      world.say_group(home, from, message(0, info_of(Kind::meter).object, node_profile, inf, {power}), now, label);
      world.say_group(home, from, message(0, info_of(Kind::battery).object, node_profile, inf, {{0xe4, {99}}}),
                      now + Duration::seconds(3), label);
    }
  });
}
void spoofed_notification(World& world) {
  spoof_notifications(world, "spoofed-notification", true,
                      "a host that lists itself as a controller announces the meter's power and the battery's charge");
}
void spoofed_notification_quiet(World& world) {
  spoof_notifications(world, "spoofed-notification-quiet", false,
                      "a host that lists nothing does so: only the inventory knows whose the objects are");
}

void unsolicited_answers(World& world) {
  Home& home = pick_home(world);
  Speaker from = intruder(world, home);
  const std::uint32_t label = attack_label(
      world, "unsolicited-answers", &home, {"echonet.spoofed-response", "policy.unknown-asset"}, to_text(from.address),
      asset_name(home, Kind::ems), "answers that nobody asked for, with the meter's address and another MAC");
  world.at(attack_time(world), [&world, &home, from, label](PacketTime time) mutable {
    world.gratuitous(home, from.mac, from.address, time, label);
    Speaker forged = from;
    forged.address = address_in_home(info_of(Kind::meter).host);
    for (std::uint16_t i = 0; i < 10; ++i) {
      Property power{0xe7, {}};
      put32(power.value, 12'000);
      world.say(home, forged, Kind::ems,
                message(static_cast<std::uint16_t>(0x9000 + i), info_of(Kind::meter).object, home.ems_object, get_res,
                        {power}),
                time + Duration::seconds(2 + 7 * i), label);
    }
  });
}

void answer_race(World& world) {
  Home& home = pick_home(world, {Kind::battery});
  Speaker from = intruder(world, home);
  const std::uint32_t label =
      attack_label(world, "answer-race", &home, {"echonet.spoofed-response", "policy.unknown-asset"},
                   to_text(from.address), asset_name(home, Kind::ems),
                   "to six questions another host answers first, from its own address and with another value");
  const PacketTime begin = attack_time(world);
  for (int i = 0; i < 6; ++i) {
    world.at(begin + Duration{i * 20 * second}, [&world, &home, from, label, i](PacketTime time) mutable {
      if (i == 0) world.gratuitous(home, from.mac, from.address, time, label);
      Speaker ems = world.speaker(home, Kind::ems);
      const auto transaction = static_cast<std::uint16_t>(0xa000 + i);
      const std::uint32_t object = info_of(Kind::battery).object;
      const PacketTime asked = time + Duration::milliseconds(300);
      world.request(home, ems, Kind::battery, transaction, object, get, ask_for({0xe4}), asked, label, world.random());
      world.say(home, from, Kind::ems, message(transaction, object, ems.object, get_res, {{0xe4, {3}}}),
                asked + Duration::milliseconds(2), label);
    });
  }
}

void duplicate_identity(World& world) {
  Home& home = pick_home(world, {Kind::battery});
  Speaker from = intruder(world, home);
  const std::uint32_t label = attack_label(
      world, "duplicate-identity", &home, {"echonet.spoofed-response", "policy.unknown-asset"}, to_text(from.address),
      asset_name(home, Kind::battery), "another host takes the battery's node identity (0x83) and lists its object");
  world.at(attack_time(world), [&world, &home, from, label](PacketTime time) mutable {
    world.gratuitous(home, from.mac, from.address, time, label);
    Speaker ems = world.speaker(home, Kind::ems);
    world.request(home, ems, Kind::battery, 0xb000, node_profile, get, ask_for({0x83}),
                  time + Duration::milliseconds(200), label, world.random());
    Property list{0xd5, {}}, identity{0x83, {}};
    world.value_of(home, Kind::battery, node_profile, 0xd5, time, list.value);
    world.value_of(home, Kind::battery, node_profile, 0x83, time, identity.value);
    world.say_group(home, from, message(0, node_profile, node_profile, inf, {list}), time + Duration::seconds(2),
                    label);
    const PacketTime asked = time + Duration::seconds(3);
    world.say(home, ems, from.mac, from.address, message(0xb001, ems.object, node_profile, get, ask_for({0x83})), asked,
              label);
    world.say(home, from, Kind::ems, message(0xb001, node_profile, ems.object, get_res, {identity}),
              asked + Duration::milliseconds(9), label);
  });
}

void flooding(World& world) {
  Home& home = pick_home(world, {Kind::heater});
  Speaker from = intruder(world, home);
  const PacketTime begin = attack_time(world);
  const std::uint32_t group =
      attack_label(world, "flooding-group", &home, {"echonet.enumeration", "policy.unknown-asset"},
                   to_text(from.address), "224.0.23.0", "eight INF_REQ to the group a second for 20 s");
  world.at(begin, [&world, &home, from, label = group](PacketTime time) mutable {
    world.gratuitous(home, from.mac, from.address, time, label);
    for (int i = 0; i < 160; ++i)
      world.request_group(home, from, static_cast<std::uint16_t>(i), inf_req, ask_for({0xd5}),
                          time + Duration::milliseconds(1'000 + 125 * i), label, world.random());
  });
  const std::uint32_t single = attack_label(world, "flooding-node", &home, {"policy.peer-not-allowed", "dos.flood"},
                                            to_text(from.address), asset_name(home, Kind::heater),
                                            "2,000 Gets a second to one node for 12 s; it answers the first ones only");
  world.at(begin + Duration::seconds(120), [&world, &home, from, label = single](PacketTime time) mutable {
    world.resolve(home, from, Kind::heater, time, label);
    for (int i = 0; i < 24'000; ++i) {
      world.request(home, from, Kind::heater, static_cast<std::uint16_t>(i), info_of(Kind::heater).object, get,
                    ask_for({0x80}), time + Duration::microseconds(5'000 + 500 * i), label, world.random(),
                    i < 200 ? World::Outcome::as_it_is : World::Outcome::silent);
    }
  });
}

void reflection(World& world) {
  Home& home = pick_home(world, {Kind::battery, Kind::pv});
  // The requests carry the address of the victim outside; the answers leave the home for it.
  Speaker from = outsider(world, home, foreign_address_2);
  const std::uint32_t label = attack_label(
      world, "reflection", &home, {"echonet.reflection", "policy.external-exposure", "policy.peer-not-allowed"},
      to_text(from.address), "meter, battery and PV",
      "ten Gets a second for 60 s with a victim's address, of what is largest; the answers are some five times as "
      "long");
  world.at(attack_time(world), [&world, &home, from, label](PacketTime time) mutable {
    static const std::array<std::pair<Kind, Properties>, 3> asked = {{
        {Kind::meter, ask_for({0xe2, 0xea, 0xeb, 0x8d, 0x9f})},
        {Kind::battery, ask_for({0x83, 0x8c, 0x9f, 0xc8, 0xc9})},
        {Kind::pv, ask_for({0x83, 0x8c, 0x9f, 0xe1})},
    }};
    for (std::size_t i = 0; i < 600; ++i) {
      const auto& [kind, properties] = asked[i % asked.size()];
      world.request(home, from, kind, static_cast<std::uint16_t>(i), info_of(kind).object, get, properties,
                    time + Duration::milliseconds(static_cast<std::int64_t>(100 * i)), label, world.random());
    }
  });
}

void fault_status(World& world) {
  const std::uint32_t label = attack_label(world, "fault-status", nullptr, {"echonet.fault-status"}, "many homes",
                                           "batteries", "0x88 = 0x41 from a battery in each home within two minutes");
  const PacketTime begin = attack_time(world);
  std::vector<Home>& homes = world.homes();
  const std::size_t count = std::min<std::size_t>(homes.size(), 40);
  for (std::size_t i = 0; i < count; ++i) {
    world.at(begin + Duration{static_cast<std::int64_t>(i * 120 / count) * second},
             [&world, &home = homes[i], label](PacketTime time) {
               if (!world.is_up(home, Kind::battery, time)) return;
               world.announce(home, Kind::battery, {{0x88, {0x41}}}, time, label);
             });
  }
}

constexpr std::array rows = {
    Scenario{{"malformed-series", "broken frames, then the target restarts"}, malformed_series},
    Scenario{{"fuzz-opc", "OPC 1 to 255 over one body"}, fuzz_opc},
    Scenario{{"enumeration", "discovery by group, host by host, and property by property"}, enumeration},
    Scenario{{"spoofed-notification", "notifications for objects that their sender does not own"},
             spoofed_notification},
    Scenario{{"spoofed-notification-quiet", "the same from a host that never says what it is"},
             spoofed_notification_quiet},
    Scenario{{"unsolicited-answers", "answers that nobody asked for, with a forged address"}, unsolicited_answers},
    Scenario{{"answer-race", "a second host answers first"}, answer_race},
    Scenario{{"duplicate-identity", "one node identity at two hosts"}, duplicate_identity},
    Scenario{{"flooding", "a flood to the group, then to one node"}, flooding},
    Scenario{{"reflection", "answers to a host outside that did not ask"}, reflection},
    Scenario{{"fault-status", "faults from many devices at once", 8}, fault_status},
};

}  // namespace

std::span<const Scenario> echonet_scenarios() noexcept { return rows; }

}  // namespace tsujiban::drill
