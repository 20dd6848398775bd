// The benign day: polls, half-hourly readings, dispatches, tariffs, people, and what breaks.
#include <algorithm>

#include "drill/services.h"
#include "drill/world.h"

namespace tsujiban::drill {
namespace {

constexpr std::array<Dispatch, 3> dispatch_plan = {{
    {10 * 60 + 30, 11 * 60 + 30, 0x7f, 0x42},
    {17 * 60, 19 * 60, 0x1f, 0x43},
    {20 * 60 + 30, 21 * 60 + 15, 0x7f, 0x43},
}};
constexpr auto dispatch_count = static_cast<std::uint16_t>(dispatch_plan.size());

// Which one home has its turn on a day; the same for a seed, whatever else happens.
std::uint32_t home_of_day(const Options& options, std::int64_t day, std::uint64_t what) {
  Random random = Random::of(options.seed ^ 0xda7, static_cast<std::uint64_t>(day) * 16 + what);
  return static_cast<std::uint32_t>(random.below(options.homes));
}

}  // namespace

std::span<const Dispatch> dispatches() noexcept { return dispatch_plan; }

Duration poll_of(const Options& options) noexcept {
  if (options.poll.ns > 0) return options.poll;
  const std::uint64_t days =
      options.duration.ns == 0 ? options.days
                               : static_cast<std::uint64_t>((options.duration.ns + World::day_ns - 1) / World::day_ns);
  // Some seven devices a home and two packets a poll; ten million of them leave room for all the rest.
  const std::uint64_t packets_at_60s = std::uint64_t{options.homes} * days * 7 * 2 * 1440;
  const std::uint64_t minutes = std::max<std::uint64_t>(1, (packets_at_60s + 9'999'999) / 10'000'000);
  return Duration::seconds(static_cast<std::int64_t>(std::min<std::uint64_t>(minutes * 60, 3600)));
}

void World::plan_day(Home& home, PacketTime midnight) {
  Random& random = home.random;
  const std::uint32_t index = home.index;
  const auto day = (midnight.ns + 9 * hour_ns) / day_ns;
  const auto weekday = static_cast<unsigned>((day + 3) % 7);  // 1970-01-01 was a Thursday; 0 is Monday.
  const auto minute = [&](std::int64_t m) { return midnight + Duration{m * minute_ns}; };
  const auto between = [&](std::int64_t first_minute, std::int64_t last_minute) {
    return midnight + Duration{random.between(first_minute * minute_ns, last_minute * minute_ns)};
  };
  // Hours in which attacks are laid stay free of what looks like them.
  const auto quiet_hours_spared = [&] {
    return random.one_in(2) ? between(5 * 60, 10 * 60) : between(19 * 60 + 10, 23 * 60);
  };
  for (std::uint16_t i = 0; i < dispatch_count; ++i) {
    const Dispatch& d = dispatch_plan[i];
    if ((d.days >> weekday & 1) == 0) continue;
    // The cloud tells home after home, so that a thousand need about two minutes.
    schedule(minute(d.from_minute) + Duration{(20 + index % 120) * second_ns + random.between(0, second_ns)}, index,
             Task::dispatch_begin, Kind::battery, i);
    schedule(minute(d.to_minute - 10) + Duration{(20 + index % 120) * second_ns + random.between(0, second_ns)}, index,
             Task::dispatch_begin, Kind::battery, static_cast<std::uint16_t>(i | 0x100));
  }
  schedule(between(23 * 60, 23 * 60 + 30), index, Task::tariff_charge, Kind::battery);
  schedule(between(6 * 60 + 30, 7 * 60), index, Task::tariff_end, Kind::battery);
  if (home.node(Kind::ev).present && random.below(100) < 70) {
    schedule(between(18 * 60, 22 * 60), index, Task::ev_plug, Kind::ev);
    schedule(between(60, 120), index, Task::ev_charge, Kind::ev);
    schedule(between(5 * 60, 6 * 60), index, Task::ev_done, Kind::ev);
  }
  if (home.node(Kind::heater).present) schedule(between(2 * 60, 4 * 60), index, Task::heater_shift, Kind::heater);
  for (std::uint64_t i = random.below(7); i > 0; --i)
    schedule(between(6 * 60, 24 * 60 - 1), index, Task::remote_control, Kind::ac);
  if (random.one_in(2)) schedule(between(7 * 60, 23 * 60), index, Task::app_control, Kind::ac);
  if (random.one_in(3)) schedule(between(3 * 60, 5 * 60), index, Task::clock_set, Kind::ac);
  if (random.one_in(20)) {
    const Kind kind = device_kinds[random.below(device_kinds.size())];
    if (home.node(kind).present) schedule(quiet_hours_spared(), index, Task::reboot, kind);
  }
  if (random.one_in(60)) schedule(quiet_hours_spared(), index, Task::reboot, Kind::ems);
  if (random.one_in(200) || home_of_day(options_, day, 0) == index)
    schedule(between(7 * 60 + 30, 9 * 60), index, Task::power_failure);
  if (home_of_day(options_, day, 1) == index) schedule(between(9 * 60, 10 * 60), index, Task::new_device, Kind::extra);
  // In a home without IPv6, where a new router is not also a new sender of advertisements.
  if (home_of_day(options_, day, 2) / 2 * 2 == index) schedule(between(5 * 60, 7 * 60), index, Task::router_change);
  schedule(minute(24 * 60), index, Task::plan_day);
}

void World::poll(Home& home, Kind kind, PacketTime time) {
  static const Properties of_meter = ask_for({0xe7, 0xe8}), of_battery = ask_for({0xda, 0xd3, 0xe4}),
                          of_pv = ask_for({0xe0, 0xe1}), of_ev = ask_for({0xda, 0xc7, 0xe4}),
                          of_heater = ask_for({0xb0, 0xb2, 0xe1}), of_ac = ask_for({0x80, 0xb0, 0xb3, 0xbb}),
                          of_ac_optional = ask_for({0x80, 0xb0, 0xb3, 0xbb, 0xbe});
  if (!is_up(home, Kind::ems, time)) return;
  const Properties* asked = &of_ac;
  switch (kind) {
    case Kind::meter:
      asked = &of_meter;
      break;
    case Kind::battery:
      asked = &of_battery;
      break;
    case Kind::pv:
      asked = &of_pv;
      break;
    case Kind::ev:
      asked = &of_ev;
      break;
    case Kind::heater:
      asked = &of_heater;
      break;
    default:
      asked = home.asks_optional ? &of_ac_optional : &of_ac;
      break;
  }
  Speaker own = speaker(home, Kind::ems);
  const std::uint16_t transaction = next_transaction(home);
  const std::uint32_t object = info_of(kind).object;
  // One question in two hundred is lost on its way; the controller asks again after three seconds with the same TID.
  if (home.random.one_in(200) || !is_up(home, kind, time)) {
    say(home, own, kind, message(transaction, own.object, object, get, *asked), time);
    time = time + Duration::seconds(3);
  }
  request(home, own, kind, transaction, object, get, *asked, time, 0, home.random);
}

void World::write_value(Home& home, Kind from, Kind to, Properties properties, PacketTime time, std::uint32_t label) {
  if (!is_up(home, from, time) || !is_up(home, to, time)) return;
  Speaker own = speaker(home, from);
  const std::uint32_t object = info_of(to).object;
  if (home.broken_set_get) {
    // Seen in the field: SetGet without the list of what to read. The device says nothing, and SetC follows.
    say(home, own, to, message(next_transaction(home), own.object, object, set_get, properties), time, label);
    time = time + Duration::seconds(3);
  }
  const std::uint8_t checked = properties.front().code;
  const PacketTime done =
      request(home, own, to, next_transaction(home), object, set_c, properties, time, label, home.random);
  request(home, own, to, next_transaction(home), object, get, {{checked, {}}}, done + Duration::milliseconds(900),
          label, home.random);
}

std::uint32_t World::label_of_day(std::uint16_t which, bool begin, PacketTime time) {
  const std::size_t slot = which * 2u + (begin ? 0 : 1);
  const std::int64_t day = (time.ns + 9 * hour_ns) / day_ns;
  if (dispatch_label_[slot] == 0 || dispatch_label_day_[slot] != day) {
    Label label;
    label.time = time;
    label.scenario = begin ? "dispatch" : "dispatch-end";
    label.must_not = {"control.unauthorized-write", "control.without-event", "control.oscillation"};
    label.source = to_text(cloud_address);
    label.target = "every home's battery";
    label.note = "the aggregator's cloud tells every home, whose controller writes its battery; at most severity 4";
    dispatch_label_[slot] = add_label(std::move(label));
    dispatch_label_day_[slot] = day;
  }
  return dispatch_label_[slot];
}

void World::dispatch(Home& home, std::uint16_t which, bool begin, PacketTime time) {
  const std::uint32_t label = label_of_day(which, begin, time);
  const Kind client = home.cloud_client();
  if (!is_up(home, client, time) || !is_up(home, Kind::router, time)) return;
  PacketTime now = cloud_data(home, true, begin ? 412 : 268, time, label);
  Properties values = {{0xda, {begin ? dispatch_plan[which].mode : std::uint8_t{0x46}}}};
  if (begin && home.index % 3 == 0) {
    Property power{static_cast<std::uint8_t>(dispatch_plan[which].mode == 0x42 ? 0xeb : 0xec), {}};
    put32(power.value, 4000);
    values.push_back(power);
  }
  now = now + Duration::milliseconds(home.random.between(200, 1'800));
  write_value(home, client, Kind::battery, values, now, label);
  schedule(now + Duration::seconds(6), home.index, Task::report, client,
           static_cast<std::uint16_t>(which | (begin ? 0 : 0x100)));
}

void World::controller_start(Home& home, PacketTime time, std::uint32_t label) {
  Random& random = home.random;
  announce_instances(home, Kind::ems, time, label);
  Speaker own = speaker(home, Kind::ems);
  for (int i = 0; i < 3; ++i) {
    request_group(home, own, next_transaction(home), get, ask_for({0xd6}), time + Duration::seconds(1 + i), label,
                  random);
  }
  PacketTime now = time + Duration::seconds(6);
  for (const Kind kind : {Kind::meter, Kind::battery, Kind::pv, Kind::ev, Kind::heater, Kind::ac, Kind::extra}) {
    if (!is_up(home, kind, now)) continue;
    now = request(home, own, kind, next_transaction(home), node_profile, get, ask_for({0x82, 0x83, 0x8a, 0xd6}), now,
                  label, random) +
          Duration::milliseconds(50);
    now = request(home, own, kind, next_transaction(home), info_of(kind).object, get, ask_for({0x9d, 0x9e, 0x9f}), now,
                  label, random) +
          Duration::milliseconds(300);
  }
}

void World::come_up(Home& home, Kind kind, PacketTime time, std::uint32_t label) {
  PacketTime now = kind == Kind::router ? time : dhcp_start(home, kind, time, label);
  if (kind == Kind::router) {
    gratuitous(home, home.node(kind).mac, address_in_home(1), time, label);
    return;
  }
  Speaker own = speaker(home, kind);
  // IGMPv2 report for the ECHONET group (RFC 2236), with the router alert option (RFC 2113).
  std::vector<std::uint8_t> report;
  put32(report, 0x16000000), put32(report, echonet_group);
  const std::uint32_t sum = 0x1600 + (echonet_group >> 16) + (echonet_group & 0xffff);
  const std::uint32_t folded = ~((sum & 0xffff) + (sum >> 16)) & 0xffff;
  report[2] = static_cast<std::uint8_t>(folded >> 8), report[3] = static_cast<std::uint8_t>(folded);
  const std::array<std::uint8_t, 4> alert = {0x94, 4, 0, 0};
  emit(
      now,
      ipv4(home.link, {own.mac, multicast_mac(echonet_group), own.address, echonet_group, 1, own.id}, 2, report, alert),
      label);
  now = now + Duration::milliseconds(200 + static_cast<std::int64_t>(home.random.below(800)));
  if (kind == Kind::ems) {
    controller_start(home, now, label);
  } else {
    announce_instances(home, kind, now, label);
    announce_states(home, kind, {0x80}, now + Duration::milliseconds(300), label);
  }
  if (kind == home.cloud_client()) home.cloud_port = 0;
}

void World::happen(const Event& event) {
  Home& home = homes_[event.home];
  Random& random = home.random;
  const PacketTime now{event.time_ns};
  const Kind kind = event.kind;
  const auto again = [&](std::int64_t after_ns) {
    schedule(now + Duration{after_ns}, event.home, event.task, kind, event.argument);
  };
  const auto benign = [&](std::string_view scenario, std::string_view target, std::string_view note) {
    Label label;
    label.time = now;
    label.scenario = scenario;
    label.target = target;
    label.segment = "han-" + std::to_string(home.index + 1);
    label.note = note;
    return label;
  };
  const auto name_in_home = [&] { return std::string(info_of(kind).name) + "-" + std::to_string(home.index + 1); };
  switch (event.task) {
    case Task::step:
      break;
    case Task::plan_day:
      plan_day(home, now);
      break;
    case Task::poll:
      poll(home, kind, now);
      // Not to the nanosecond: controllers have other work.
      again(poll_.ns + random.between(-200, 200) * 1'000'000);
      break;
    case Task::meter_push:
      if (is_up(home, Kind::meter, now)) {
        announce_states(home, Kind::meter, {0xea, 0xeb}, now);
        // One push in fifty is lost, and the controller asks from five minutes past on (AIF, 7).
        if (random.one_in(50) && is_up(home, Kind::ems, now)) {
          Speaker own = speaker(home, Kind::ems);
          request(home, own, Kind::meter, next_transaction(home), info_of(Kind::meter).object, get,
                  ask_for({0xea, 0xeb}), now + Duration::seconds(301), 0, random);
        }
      }
      {
        const std::int64_t half_hour = 30 * minute_ns;
        const std::int64_t to_next = half_hour - time_of_day_ns(now) % half_hour;
        again(to_next + random.between(5, 240) * second_ns);
      }
      break;
    case Task::arp:
      if (is_up(home, kind, now)) {
        resolve(home, speaker(home, kind), Kind::router, now);
        if (kind != Kind::ems && info_of(kind).object != 0 && is_up(home, Kind::ems, now))
          resolve(home, speaker(home, Kind::ems), kind, now + Duration::milliseconds(400));
      }
      again(2 * hour_ns + random.between(-300, 300) * second_ns);
      break;
    case Task::dhcp:
      if (is_up(home, kind, now)) dhcp_renew(home, kind, now);
      again(12 * hour_ns + random.between(-60, 60) * second_ns);
      break;
    case Task::dns:
      if (is_up(home, kind, now)) dns_question(home, kind, now);
      again(hour_ns + random.between(-60, 60) * second_ns);
      break;
    case Task::telemetry:
      if (is_up(home, home.cloud_client(), now) && is_up(home, Kind::router, now))
        cloud_data(home, false, 350 + random.below(200), now);
      again(std::clamp(poll_.ns * 4, 4 * minute_ns, 30 * minute_ns) + random.between(-20, 20) * second_ns);
      break;
    case Task::router_advertisement:
      if (is_up(home, Kind::router, now)) advertise_router(home, now);
      again(30 * minute_ns + random.between(-60, 60) * second_ns);
      break;
    case Task::neighbour:
      if (is_up(home, Kind::router, now) && is_up(home, Kind::ems, now)) solicit_neighbour(home, now);
      again(4 * hour_ns);
      break;
    case Task::remote_control:
      if (!is_up(home, Kind::ac, now)) break;
      if (home.ac_power == 0x31 || random.one_in(3)) {
        home.ac_power = home.ac_power == 0x31 ? 0x30 : 0x31;
        announce_states(home, Kind::ac, {0x80}, now);
      }
      home.ac_temperature = static_cast<std::uint8_t>(random.between(19, 27));
      announce_states(home, Kind::ac, {0xb0, 0xb3}, now + Duration::milliseconds(150));
      break;
    case Task::app_control: {
      Properties values = {{0xb3, {static_cast<std::uint8_t>(random.between(19, 27))}}};
      if (home.index % 2 == 0) values.insert(values.begin(), {0x93, {0x42}});
      write_value(home, Kind::ems, Kind::ac, values, now, 0);
      break;
    }
    case Task::tariff_charge:
      write_value(home, Kind::ems, kind, {{0xda, {0x42}}}, now, 0);
      break;
    case Task::tariff_end:
      write_value(home, Kind::ems, kind, {{0xda, {0x46}}}, now, 0);
      break;
    case Task::ev_plug:
      if (is_up(home, kind, now)) announce_states(home, kind, {0xc7}, now);
      break;
    case Task::ev_charge:
      write_value(home, Kind::ems, kind, {{0xda, {0x42}}}, now, 0);
      break;
    case Task::ev_done:
      write_value(home, Kind::ems, kind, {{0xda, {0x47}}}, now, 0);
      break;
    case Task::heater_shift:
      write_value(home, Kind::ems, kind, {{0xb0, {0x41}}}, now, 0);
      break;
    case Task::clock_set: {
      Property clock{0x97, {}};
      put_hours_minutes(clock.value, now);
      write_value(home, Kind::ems, kind, {clock}, now, 0);
      break;
    }
    case Task::dispatch_begin:
      dispatch(home, event.argument & 0xff, event.argument < 0x100, now);
      break;
    case Task::report:
      if (is_up(home, home.cloud_client(), now) && is_up(home, Kind::router, now))
        cloud_data(home, false, 188, now, label_of_day(event.argument & 0xff, event.argument < 0x100, now));
      break;
    case Task::reboot: {
      if (!is_up(home, kind, now)) break;
      Label label = benign("device-reboot", name_in_home(), "silent for a while, then DHCP, ARP and instance list");
      label.must_not = {"mitm.arp-spoof", "echonet.spoofed-response", "availability.silent-asset"};
      const std::uint32_t id = add_label(std::move(label));
      Node& node = home.node(kind);
      node.off_until_ns = now.ns + random.between(20, 60) * second_ns;
      come_up(home, kind, PacketTime{node.off_until_ns}, id);
      break;
    }
    case Task::power_failure: {
      Label label = benign("power-failure", "every node of the home", "all are silent, then all come up at once");
      label.must_not = {"mitm.arp-spoof", "echonet.spoofed-response", "echonet.enumeration", "recon.scan"};
      const std::uint32_t id = add_label(std::move(label));
      const PacketTime back = now + Duration{random.between(90, 400) * second_ns};
      for (Node& node : home.nodes) node.off_until_ns = std::max(node.off_until_ns, back.ns);
      for (std::size_t i = 0; i < kind_count; ++i) {
        if (!home.nodes[i].present) continue;
        const auto which = static_cast<Kind>(i);
        const std::int64_t extra_ms = which == Kind::router ? 0
                                      : which == Kind::ems  ? 25'000
                                                            : random.between(9'000, 14'000);
        home.nodes[i].off_until_ns = back.ns + extra_ms * 1'000'000;
        come_up(home, which, PacketTime{home.nodes[i].off_until_ns}, id);
      }
      home.cloud_port = 0;
      break;
    }
    case Task::new_device: {
      if (home.node(kind).present || !is_up(home, Kind::router, now)) break;
      Label label = benign("new-device", name_in_home(), "a second air conditioner is installed; nobody told the site");
      label.expect = {"policy.unknown-asset"};
      label.must_not = {"mitm.arp-spoof", "echonet.spoofed-response"};
      label.source = to_text(address_in_home(info_of(kind).host));
      const std::uint32_t id = add_label(std::move(label));
      home.node(kind).present = true;
      come_up(home, kind, now, id);
      if (is_up(home, Kind::ems, now)) {
        Speaker own = speaker(home, Kind::ems);
        const PacketTime asked = request(home, own, kind, next_transaction(home), node_profile, get,
                                         ask_for({0x82, 0x83, 0x8a, 0xd6}), now + Duration::seconds(5), id, random);
        request(home, own, kind, next_transaction(home), info_of(kind).object, get, ask_for({0x9d, 0x9e, 0x9f}),
                asked + Duration::milliseconds(80), id, random);
      }
      schedule(now + poll_, event.home, Task::poll, kind);
      break;
    }
    case Task::router_change: {
      Label label = benign("router-change", "router-" + std::to_string(home.index + 1),
                           "the old router goes, a new one with another MAC comes minutes later");
      label.must_not = {"mitm.arp-spoof", "mitm.rogue-dhcp"};
      Node& node = home.node(Kind::router);
      label.source = to_text(node.mac);
      const Mac mac = {0x98, 0xda, 0xc4, node.mac[3], node.mac[4], node.mac[5]};
      label.target += " becomes " + to_text(mac);
      const std::uint32_t id = add_label(std::move(label));
      node.off_until_ns = now.ns + random.between(240, 600) * second_ns;
      at(PacketTime{node.off_until_ns}, [this, id, mac, index = home.index](PacketTime back) {
        Home& changed = homes_[index];
        changed.node(Kind::router).mac = mac;
        come_up(changed, Kind::router, back, id);
        for (std::size_t i = 1; i < kind_count; ++i) {
          if (!changed.nodes[i].present) continue;
          resolve(changed, speaker(changed, static_cast<Kind>(i)), Kind::router,
                  back + Duration::milliseconds(changed.random.between(800, 60'000)), id);
        }
      });
      home.cloud_port = 0;
      break;
    }
  }
}

}  // namespace tsujiban::drill
