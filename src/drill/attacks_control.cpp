// Attacks by writes: who writes, how many, which values, when (threats document, 3.1 to 3.4, 3.11, 3.12).
#include <algorithm>
#include <array>

#include "drill/attacks.h"

namespace tsujiban::drill {
namespace {

constexpr std::int64_t second = World::second_ns, minute = World::minute_ns;

// An intruder's first words in a home: ARP, then the question for the victim's address.
PacketTime enter(World& world, Home& home, Speaker& from, Kind to, PacketTime time, std::uint32_t label) {
  world.gratuitous(home, from.mac, from.address, time, label);
  world.resolve(home, from, to, time + Duration::milliseconds(700), label);
  return time + Duration::milliseconds(900);
}

Properties one(std::uint8_t code, std::uint8_t value) { return {{code, {value}}}; }

// One write and its answer, then the same property asked for, as controllers and attackers both do.
PacketTime write_and_check(World& world, Home& home, Speaker& from, Kind to, const Properties& values, PacketTime time,
                           std::uint32_t label, std::uint16_t transaction) {
  const std::uint32_t object = info_of(to).object;
  const PacketTime done =
      world.request(home, from, to, transaction, object, set_c, values, time, label, world.random());
  return world.request(home, from, to, static_cast<std::uint16_t>(transaction + 1), object, get,
                       {{values.front().code, {}}}, done + Duration::milliseconds(300), label, world.random());
}

void unauthorized_write(World& world) {
  Home& home = pick_home(world, {Kind::battery});
  Speaker from = intruder(world, home);
  const std::uint32_t label = attack_label(
      world, "unauthorized-write", &home,
      {"control.unauthorized-write", "policy.unknown-asset", "policy.peer-not-allowed"}, to_text(from.address),
      asset_name(home, Kind::battery), "a host that nobody knows discharges the battery; it obeys (0x71)");
  world.at(attack_time(world), [&world, &home, from, label](PacketTime time) mutable {
    const PacketTime now = enter(world, home, from, Kind::battery, time, label);
    write_and_check(world, home, from, Kind::battery, one(0xda, 0x43), now, label, 0x0a01);
  });
}

void unauthorized_write_blind(World& world) {
  Home& home = pick_home(world, {Kind::ac});
  Speaker from = outsider(world, home, foreign_address);
  const std::uint32_t label =
      attack_label(world, "unauthorized-write-blind", &home, {"control.unauthorized-write", "policy.external-exposure"},
                   to_text(from.address), asset_name(home, Kind::ac),
                   "one SetI from outside to all instances (0x00); no answer comes");
  world.at(attack_time(world), [&world, &home, from, label](PacketTime time) mutable {
    world.request(home, from, Kind::ac, 0x0777, 0x013000, set_i, one(0x80, 0x31), time, label, world.random());
  });
}

void unauthorized_write_group(World& world) {
  Home& home = pick_home(world);
  Speaker from = intruder(world, home);
  const std::uint32_t label =
      attack_label(world, "unauthorized-write-group", &home, {"control.unauthorized-write", "policy.unknown-asset"},
                   to_text(from.address), "224.0.23.0", "one SetI to the multicast group: every battery stops");
  world.at(attack_time(world), [&world, &home, from, label](PacketTime time) mutable {
    world.gratuitous(home, from.mac, from.address, time, label);
    world.say_group(home, from, message(0x0044, from.object, 0x027d00, set_i, one(0xda, 0x44)),
                    time + Duration::milliseconds(400), label);
    home.battery_mode = 0x44;
    world.announce_states(home, Kind::battery, {0xda, 0xcf}, time + Duration::milliseconds(700), label);
  });
}

// Load up in every home. `spread` is the time over which the homes are taken.
void alter_load(World& world, std::uint32_t label, PacketTime begin, Duration spread, bool from_outside,
                std::uint8_t mode, std::size_t stages) {
  std::vector<Home>& homes = world.homes();
  for (std::size_t i = 0; i < homes.size(); ++i) {
    const std::int64_t gap_ns = spread.ns / static_cast<std::int64_t>(homes.size());
    const auto stage = static_cast<std::int64_t>(i % stages);
    const PacketTime when = begin + Duration{static_cast<std::int64_t>(i) * gap_ns / static_cast<std::int64_t>(stages) +
                                             stage * 5 * minute};
    world.at(when, [&world, &home = homes[i], label, from_outside, mode](PacketTime time) {
      Speaker from = from_outside ? outsider(world, home, foreign_address) : world.speaker(home, Kind::ems);
      const bool up = mode == 0x42;
      std::uint16_t transaction = 0x1000;
      const auto push = [&](Kind kind, const Properties& values) {
        if (!world.is_up(home, kind, time)) return;
        time = world.request(home, from, kind, ++transaction, info_of(kind).object, set_c, values, time, label,
                             world.random()) +
               Duration::milliseconds(30);
      };
      push(Kind::battery, one(0xda, mode));
      push(Kind::ev, one(0xda, mode));
      if (up) push(Kind::heater, one(0xb0, 0x42));
      push(Kind::ac, one(0x80, up ? 0x30 : 0x31));
      if (up) push(Kind::pv, one(0xa0, 0));
    });
  }
}

void load_altering(World& world) {
  const std::uint32_t label =
      attack_label(world, "load-altering", nullptr,
                   {"control.load-altering", "control.unauthorized-write", "policy.external-exposure"},
                   to_text(foreign_address), "every home", "a foreign host raises the load of every home within 40 s");
  alter_load(world, label, attack_time(world), Duration::seconds(40), true, 0x42, 1);
}
void load_altering_compromised(World& world) {
  const std::uint32_t label = attack_label(
      world, "load-altering-compromised", nullptr, {"control.load-altering"}, "every home's controller", "every home",
      "the homes' own controllers, taken over, raise the load within 40 s, without a dispatch");
  alter_load(world, label, attack_time(world), Duration::seconds(40), false, 0x42, 1);
}
void load_altering_staged(World& world) {
  const std::uint32_t label = attack_label(
      world, "load-altering-staged", nullptr, {"control.unauthorized-write", "control.load-altering"},
      to_text(foreign_address), "every home", "four groups of homes, five minutes apart, each within 10 s");
  alter_load(world, label, attack_time(world), Duration::seconds(40), true, 0x42, 4);
}

void oscillation(World& world) {
  const std::uint32_t label = attack_label(
      world, "oscillation", nullptr, {"control.oscillation"}, "every home's controller", "every home",
      "the homes' controllers, taken over, switch batteries, cars and air conditioners to and fro every two minutes");
  const PacketTime begin = attack_time(world);
  for (std::int64_t flip = 0; flip < 6; ++flip) {
    alter_load(world, label, begin + Duration{flip * 2 * minute}, Duration::seconds(20), false,
               flip % 2 == 0 ? 0x42 : 0x43, 1);
  }
}

void flapping(World& world) {
  Home& home = pick_home(world, {Kind::ac});
  const std::uint32_t label = attack_label(world, "flapping", &home, {"control.flapping"}, asset_name(home, Kind::ems),
                                           asset_name(home, Kind::ac),
                                           "the home's own controller switches the air conditioner 10 times in 5 min");
  const PacketTime begin = attack_time(world);
  for (int i = 0; i < 10; ++i) {
    world.at(begin + Duration{i * 30 * second}, [&world, &home, label, i](PacketTime time) {
      Speaker from = world.speaker(home, Kind::ems);
      write_and_check(world, home, from, Kind::ac, one(0x80, i % 2 == 0 ? 0x30 : 0x31), time, label,
                      static_cast<std::uint16_t>(0x2000 + 2 * i));
    });
  }
}

void switch_off_storm(World& world) {
  Home& home = pick_home(world, {Kind::pv, Kind::battery, Kind::ac, Kind::heater});
  Speaker from = intruder(world, home);
  const std::uint32_t label =
      attack_label(world, "switch-off-storm", &home,
                   {"control.unauthorized-write", "policy.unknown-asset", "policy.peer-not-allowed"},
                   to_text(from.address), "every device of the home",
                   "0x80 = 0x31 to each, over and over, then 0xCD = 0x42 to the battery, which survives a restart");
  world.at(attack_time(world), [&world, &home, from, label](PacketTime time) mutable {
    PacketTime now = enter(world, home, from, Kind::battery, time, label);
    std::uint16_t transaction = 0x3000;
    for (int round = 0; round < 4; ++round) {
      for (const Kind kind : device_kinds) {
        if (kind == Kind::meter || !world.is_up(home, kind, now)) continue;
        now = world.request(home, from, kind, ++transaction, info_of(kind).object, set_c, one(0x80, 0x31), now, label,
                            world.random()) +
              Duration::milliseconds(400);
      }
    }
    world.request(home, from, Kind::battery, ++transaction, info_of(Kind::battery).object, set_c, one(0xcd, 0x42), now,
                  label, world.random());
  });
}

void value_out_of_range(World& world) {
  Home& home = pick_home(world, {Kind::pv, Kind::ac, Kind::battery});
  const std::uint32_t label =
      attack_label(world, "value-out-of-range", &home, {"control.value-out-of-range"}, asset_name(home, Kind::ems),
                   "battery, PV and air conditioner",
                   "numbers beyond the range, undefined codes, and more than the battery's rating");
  world.at(attack_time(world), [&world, &home, label](PacketTime time) {
    Speaker from = world.speaker(home, Kind::ems);
    PacketTime now = time;
    std::uint16_t transaction = 0x4000;
    const auto push = [&](Kind kind, const Properties& values, World::Outcome outcome) {
      now = world.request(home, from, kind, ++transaction, info_of(kind).object, set_c, values, now, label,
                          world.random(), outcome) +
            Duration::seconds(2);
    };
    push(Kind::ac, one(0xb3, 70), World::Outcome::refused);         // 0 to 50 degrees.
    push(Kind::pv, one(0xa0, 250), World::Outcome::refused);        // 0 to 100 %.
    push(Kind::battery, one(0xda, 0x5e), World::Outcome::refused);  // No such mode.
    Property power{0xeb, {}};
    put32(power.value, 5'000'000);  // 5 MW into a battery of 5 kW.
    push(Kind::battery, {power}, World::Outcome::as_it_is);
  });
}

void without_event(World& world) {
  Home& home = pick_home(world, {Kind::battery});
  Speaker from = outsider(world, home, cloud_address);
  const std::uint32_t label = attack_label(
      world, "without-event", &home, {"control.without-event", "policy.peer-not-allowed"}, to_text(from.address),
      asset_name(home, Kind::battery),
      "the aggregator's cloud discharges the battery itself, past the controller, while no dispatch is declared");
  world.at(attack_time(world), [&world, &home, from, label](PacketTime time) mutable {
    write_and_check(world, home, from, Kind::battery, one(0xda, 0x43), time, label, 0x5001);
  });
}

void rejected_writes(World& world) {
  Home& home = pick_home(world, {Kind::pv});
  Speaker from = intruder(world, home);
  const std::uint32_t label = attack_label(
      world, "rejected-writes", &home,
      {"control.rejected-writes", "policy.unknown-asset", "control.unauthorized-write"}, to_text(from.address),
      asset_name(home, Kind::pv), "20 properties tried in 40 s, every write is refused (0x51)");
  world.at(attack_time(world), [&world, &home, from, label](PacketTime time) mutable {
    PacketTime now = enter(world, home, from, Kind::pv, time, label);
    for (std::uint16_t i = 0; i < 20; ++i) {
      static constexpr std::array<std::uint8_t, 5> codes = {0xa1, 0xe5, 0xe6, 0xe7, 0xb0};
      Property value{codes[i % codes.size()], {}};
      if (value.code == 0xe5)
        put8(value.value, 50);
      else if (value.code == 0xb0)
        value.value.assign(100, 50);
      else
        put16(value.value, 1000u + i);
      world.request(home, from, Kind::pv, static_cast<std::uint16_t>(0x6000 + i), info_of(Kind::pv).object, set_c,
                    {value}, now + Duration{i * 2 * second}, label, world.random(), World::Outcome::refused);
    }
  });
}

void clock_tampering(World& world) {
  Home& home = pick_home(world, {Kind::battery, Kind::pv});
  Speaker from = intruder(world, home);
  const std::uint32_t label = attack_label(
      world, "clock-tampering", &home,
      {"control.unauthorized-write", "policy.unknown-asset", "policy.peer-not-allowed"}, to_text(from.address),
      "battery and PV", "clocks moved by nine hours, the PV's energy counter reset, its contract type changed");
  world.at(attack_time(world), [&world, &home, from, label](PacketTime time) mutable {
    PacketTime now = enter(world, home, from, Kind::battery, time, label);
    std::uint16_t transaction = 0x7000;
    const auto push = [&](Kind kind, const Properties& values) {
      now = world.request(home, from, kind, ++transaction, info_of(kind).object, set_c, values, now, label,
                          world.random()) +
            Duration::seconds(1);
    };
    Property clock{0x97, {}};
    put_hours_minutes(clock.value, PacketTime{now.ns + 9 * World::hour_ns});
    push(Kind::battery, {clock});
    push(Kind::pv, {clock});
    push(Kind::pv, one(0xe2, 0x00));
    push(Kind::pv, one(0xc1, 0x42));
  });
}

void role_violation(World& world) {
  Home& home = pick_home(world, {Kind::pv, Kind::ac});
  const std::uint32_t label =
      attack_label(world, "role-violation", &home, {"policy.role-violation", "control.unauthorized-write"},
                   asset_name(home, Kind::pv), asset_name(home, Kind::ac),
                   "a device, taken over, writes another one; the meter asks the battery");
  world.at(attack_time(world), [&world, &home, label](PacketTime time) {
    Speaker pv = world.speaker(home, Kind::pv);
    world.resolve(home, pv, Kind::ac, time, label);
    pv.object = 0x05ff01;
    PacketTime now =
        write_and_check(world, home, pv, Kind::ac, one(0x80, 0x30), time + Duration::milliseconds(50), label, 0x0101);
    Speaker meter = world.speaker(home, Kind::meter);
    for (std::uint16_t i = 0; i < 3; ++i) {
      now = world.request(home, meter, Kind::battery, static_cast<std::uint16_t>(0x0200 + i),
                          info_of(Kind::battery).object, get, ask_for({0xda, 0xe4}), now + Duration::seconds(5), label,
                          world.random());
    }
  });
}

void controller_takeover(World& world) {
  Home& home = pick_home(world, {Kind::battery});
  const std::uint32_t label = attack_label(world, "controller-takeover", &home, {"policy.peer-not-allowed"},
                                           to_text(foreign_address), asset_name(home, Kind::ems),
                                           "the controller's web page is reached from outside; minutes later it calls "
                                           "a new peer and writes with a new object");
  world.at(attack_time(world), [&world, &home, label](PacketTime time) {
    const Mac router = home.node(Kind::router).mac;
    Speaker ems = world.speaker(home, Kind::ems);
    TcpTalk web;
    web.link = home.link;
    web.client_mac = router, web.server_mac = ems.mac;
    web.client = foreign_address, web.server = ems.address;
    web.client_port = 51'515, web.server_port = 80;
    web.client_ttl = 46;
    web.rtt = Duration::milliseconds(80);
    PacketTime now = web.open(world, time, label);
    static constexpr std::string_view ask =
        "POST /setup.cgi HTTP/1.1\r\nHost: 192.168.1.2\r\nContent-Length: 20\r\n\r\n"
        "cmd=update&src=x.sh;";
    now = web.send(world, true, {reinterpret_cast<const std::uint8_t*>(ask.data()), ask.size()}, now, label);
    static constexpr std::string_view ok = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
    now = web.send(world, false, {reinterpret_cast<const std::uint8_t*>(ok.data()), ok.size()}, now, label);
    now = web.close(world, now, label);

    TcpTalk home_call;
    home_call.link = home.link;
    home_call.client_mac = ems.mac, home_call.server_mac = router;
    home_call.client = ems.address, home_call.server = foreign_address_2;
    home_call.client_port = 49'200, home_call.server_port = 8443;
    home_call.server_ttl = 47;
    home_call.rtt = Duration::milliseconds(110);
    now = home_call.open(world, now + Duration::seconds(40), label);
    for (int i = 0; i < 5; ++i) {
      now = home_call.send(world, true, opaque_record(120, world.random()), now + Duration::seconds(20), label);
      now = home_call.send(world, false, opaque_record(64, world.random()), now, label);
    }
    ems.object = 0x05ff02;
    write_and_check(world, home, ems, Kind::battery, one(0xda, 0x43), now + Duration::seconds(3), label, 0x0901);
  });
}

constexpr std::array rows = {
    Scenario{{"unauthorized-write", "an unknown host in a home writes its battery"}, unauthorized_write},
    Scenario{{"unauthorized-write-blind", "one SetI from outside to all instances"}, unauthorized_write_blind},
    Scenario{{"unauthorized-write-group", "one SetI to the multicast group"}, unauthorized_write_group},
    Scenario{{"load-altering", "a foreign host raises the load of every home in 40 s", 5}, load_altering},
    Scenario{{"load-altering-compromised", "the homes' own controllers do so", 5}, load_altering_compromised},
    Scenario{{"load-altering-staged", "in four groups, five minutes apart", 12}, load_altering_staged},
    Scenario{{"oscillation", "all homes to and fro every two minutes", 5, 1, 150}, oscillation},
    Scenario{{"flapping", "one device on and off ten times in five minutes"}, flapping},
    Scenario{{"switch-off-storm", "every device of a home is switched off, over and over"}, switch_off_storm},
    Scenario{{"value-out-of-range", "values outside definitions and ratings"}, value_out_of_range},
    Scenario{{"without-event", "the aggregator's cloud writes a battery while no dispatch is declared"}, without_event},
    Scenario{{"rejected-writes", "many writes, all refused"}, rejected_writes},
    Scenario{{"clock-tampering", "clocks moved, counters reset, contract changed"}, clock_tampering},
    Scenario{{"role-violation", "a device writes, a meter asks"}, role_violation},
    Scenario{{"controller-takeover", "a controller is taken over from outside and changes its habits"},
             controller_takeover},
};

}  // namespace

std::span<const Scenario> control_scenarios() noexcept { return rows; }

}  // namespace tsujiban::drill
