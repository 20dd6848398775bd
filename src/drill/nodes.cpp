// How the nodes of a home answer: their properties, what they let be written, and their announcements.
#include <algorithm>

#include "drill/world.h"

namespace tsujiban::drill {
namespace {

using Codes = std::vector<std::uint8_t>;

const Codes& readable(Kind kind, bool profile) {
  static const Codes node = {0x80, 0x82, 0x83, 0x88, 0x8a, 0x9d, 0x9e, 0x9f, 0xd3, 0xd4, 0xd5, 0xd6, 0xd7};
  static const Codes controller = {0x80, 0x81, 0x82, 0x83, 0x88, 0x8a, 0x9d, 0x9e, 0x9f};
  static const Codes meter = {0x80, 0x81, 0x82, 0x88, 0x8a, 0x8d, 0x97, 0x98, 0x9d, 0x9e, 0x9f,
                              0xd3, 0xd7, 0xe0, 0xe1, 0xe2, 0xe3, 0xe5, 0xe7, 0xe8, 0xea, 0xeb};
  static const Codes battery = {0x80, 0x81, 0x82, 0x83, 0x88, 0x8a, 0x8c, 0x97, 0x98, 0x9d, 0x9e, 0x9f,
                                0xa0, 0xa1, 0xa2, 0xa3, 0xa4, 0xa5, 0xa8, 0xa9, 0xaa, 0xab, 0xc1, 0xc2,
                                0xc8, 0xc9, 0xcf, 0xd3, 0xda, 0xdb, 0xe2, 0xe4, 0xe6, 0xeb, 0xec};
  static const Codes pv = {0x80, 0x81, 0x82, 0x83, 0x88, 0x8a, 0x8c, 0x97, 0x98, 0x9d,
                           0x9e, 0x9f, 0xa0, 0xc1, 0xc2, 0xd0, 0xd1, 0xe0, 0xe1, 0xe8};
  static const Codes ev = {0x80, 0x81, 0x82, 0x83, 0x88, 0x8a, 0x8c, 0x9d, 0x9e, 0x9f, 0xc0, 0xc2,
                           0xc4, 0xc5, 0xc6, 0xc7, 0xc8, 0xc9, 0xd3, 0xda, 0xe2, 0xe4, 0xeb};
  static const Codes heater = {0x80, 0x81, 0x82, 0x83, 0x88, 0x8a, 0x8c, 0x97, 0x98, 0x9d, 0x9e,
                               0x9f, 0xb0, 0xb2, 0xb3, 0xc0, 0xc1, 0xc3, 0xd1, 0xe1, 0xe2, 0xe3};
  static const Codes ac = {0x80, 0x81, 0x82, 0x83, 0x88, 0x8a, 0x8c, 0x8f, 0x93,
                           0x97, 0x98, 0x9d, 0x9e, 0x9f, 0xa0, 0xb0, 0xb3, 0xbb};
  static const Codes none;
  if (profile) return node;
  switch (kind) {
    case Kind::ems:
    case Kind::gateway:
      return controller;
    case Kind::meter:
      return meter;
    case Kind::battery:
      return battery;
    case Kind::pv:
      return pv;
    case Kind::ev:
      return ev;
    case Kind::heater:
      return heater;
    case Kind::ac:
    case Kind::extra:
      return ac;
    default:
      return none;
  }
}

const Codes& writable(Kind kind, bool profile) {
  static const Codes none;
  static const Codes controller = {0x81};
  static const Codes meter = {0x81, 0xe5};
  static const Codes battery = {0x81, 0x97, 0x98, 0xaa, 0xab, 0xc1, 0xc2, 0xda, 0xeb, 0xec};
  static const Codes pv = {0x81, 0x97, 0x98, 0xa0, 0xc1, 0xe8};
  static const Codes ev = {0x81, 0xcd, 0xda, 0xeb};
  static const Codes heater = {0x81, 0x97, 0x98, 0xb0, 0xb3, 0xc0, 0xd1, 0xe3};
  static const Codes ac = {0x80, 0x81, 0x8f, 0x93, 0x97, 0x98, 0xa0, 0xb0, 0xb3};
  if (profile) return none;
  switch (kind) {
    case Kind::ems:
    case Kind::gateway:
      return controller;
    case Kind::meter:
      return meter;
    case Kind::battery:
      return battery;
    case Kind::pv:
      return pv;
    case Kind::ev:
      return ev;
    case Kind::heater:
      return heater;
    case Kind::ac:
    case Kind::extra:
      return ac;
    default:
      return none;
  }
}

const Codes& announced(Kind kind, bool profile) {
  static const Codes node = {0x80, 0xd5};
  static const Codes plain = {0x80, 0x81, 0x88};
  static const Codes battery = {0x80, 0x81, 0x88, 0xaa, 0xab, 0xcf, 0xda};
  static const Codes pv = {0x80, 0x81, 0x88, 0xa0, 0xd1};
  static const Codes ev = {0x80, 0x81, 0x88, 0xc7, 0xda};
  static const Codes heater = {0x80, 0x81, 0x88, 0xb0, 0xb2, 0xc0, 0xc3, 0xe3};
  static const Codes ac = {0x80, 0x81, 0x88, 0x8f, 0xa0, 0xb0, 0xb3};
  if (profile) return node;
  switch (kind) {
    case Kind::battery:
      return battery;
    case Kind::pv:
      return pv;
    case Kind::ev:
      return ev;
    case Kind::heater:
      return heater;
    case Kind::ac:
    case Kind::extra:
      return ac;
    default:
      return plain;
  }
}

bool has(const Codes& codes, std::uint8_t code) { return std::find(codes.begin(), codes.end(), code) != codes.end(); }

// Days since 1970-01-01 to a date (H. Hinnant's algorithm, proleptic Gregorian).
struct Date {
  unsigned year, month, day;
};
Date date_of(std::int64_t days) {
  days += 719'468;
  const std::int64_t era = days / 146'097;
  const auto of_era = static_cast<unsigned>(days - era * 146'097);
  const unsigned year_of_era = (of_era - of_era / 1460 + of_era / 36'524 - of_era / 146'096) / 365;
  const unsigned day_of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
  const unsigned month = (5 * day_of_year + 2) / 153;
  const auto year = static_cast<unsigned>(static_cast<std::int64_t>(year_of_era) + era * 400);
  return {year + (month >= 10 ? 1u : 0u), month < 10 ? month + 3 : month - 9, day_of_year - (153 * month + 2) / 5 + 1};
}

}  // namespace

void put_date(std::vector<std::uint8_t>& to, PacketTime time) {
  const Date date = date_of((time.ns + 9 * World::hour_ns) / World::day_ns);
  put16(to, date.year), put8(to, date.month), put8(to, date.day);
}
void put_hours_minutes(std::vector<std::uint8_t>& to, PacketTime time) {
  const std::int64_t minute = World::time_of_day_ns(time) / World::minute_ns;
  put8(to, static_cast<unsigned>(minute / 60)), put8(to, static_cast<unsigned>(minute % 60));
}

bool World::value_of(const Home& home, Kind kind, std::uint32_t object, std::uint8_t code, PacketTime time,
                     std::vector<std::uint8_t>& value) const {
  value.clear();
  const bool profile = object >> 8 == node_profile >> 8;
  if (!has(readable(kind, profile), code)) return false;
  const KindInfo& info = info_of(kind);
  const auto watts = static_cast<std::uint32_t>(info.kw * 1000);
  const std::int64_t since_ns = time.ns - start().ns;
  const std::int64_t minute_of_day = time_of_day_ns(time) / minute_ns;
  // Sun from 6 to 18, a parabola.
  const std::int64_t from_noon = minute_of_day - 720;
  const auto sun_w = from_noon * from_noon >= 360 * 360
                         ? 0u
                         : static_cast<std::uint32_t>((360 * 360 - from_noon * from_noon) * 4000 / (360 * 360));
  // Units of 0.1 kWh; the counters only rise.
  const auto energy_at = [&](std::int64_t ns) {
    return home.energy_base + static_cast<std::uint32_t>(ns / second_ns * home.load_w / 360'000);
  };
  const auto export_at = [&](std::int64_t ns) {
    return home.energy_base / 4 + static_cast<std::uint32_t>(ns / second_ns * 200 / 360'000);
  };
  const auto flow_w = [&](std::uint8_t mode) {
    return mode == 0x42 || mode == 0x41 ? static_cast<std::int32_t>(watts)
           : mode == 0x43               ? -static_cast<std::int32_t>(watts)
                                        : 0;
  };
  switch (code) {
    case 0x80:
      put8(value, (kind == Kind::ac || kind == Kind::extra) && !profile ? home.ac_power : 0x30u);
      return true;
    case 0x81:
      put8(value, 0x08);
      return true;
    case 0x82:
      put32(value, profile ? 0x010d0100u : 0x00005200u);
      return true;
    case 0x83:
      put8(value, 0xfe), put24(value, 0x000077), put32(value, 0x02020000);
      put(value, home.node(kind).mac), put24(value, info.object);
      return true;
    case 0x88:
      put8(value, 0x42);
      return true;
    case 0x8a:
      put24(value, 0x000077);
      return true;
    case 0x8c:
    case 0x8d: {
      const std::string text = (std::string(info.name) + std::to_string(home.index) + "            ").substr(0, 12);
      value.assign(text.begin(), text.end());
      return true;
    }
    case 0x97:
      put_hours_minutes(value, time);
      return true;
    case 0x98:
      put_date(value, time);
      return true;
    case 0x9d:
      value = property_map(announced(kind, profile));
      return true;
    case 0x9e:
      value = property_map(writable(kind, profile));
      return true;
    case 0x9f:
      value = property_map(readable(kind, profile));
      return true;
    default:
      break;
  }
  if (profile) {
    switch (code) {
      case 0xd3:
        put24(value, 1);
        break;
      case 0xd4:
        put16(value, 2);
        break;
      case 0xd5:
      case 0xd6:
        put8(value, 1), put24(value, info.object);
        break;
      default:
        put8(value, 1), put16(value, info.object >> 8);
        break;
    }
    return true;
  }
  if (kind == Kind::meter) {
    const auto half_hour = [&] {
      const PacketTime slot{time.ns - time_of_day_ns(time) % (30 * minute_ns)};
      put_date(value, slot), put_hours_minutes(value, slot), put8(value, 0);
      return slot.ns - start().ns + 30 * minute_ns;  // Not before the base, even in the first half hour.
    };
    // The readings lag by half an hour, so that those at fixed times are never above the present one.
    const std::int64_t now_ns = since_ns + 30 * minute_ns;
    const auto net_w = static_cast<std::int32_t>(home.load_w) - static_cast<std::int32_t>(sun_w / 2);
    switch (code) {
      case 0xd3:
        put32(value, 1);
        break;
      case 0xd7:
        put8(value, 6);
        break;
      case 0xe0:
        put32(value, energy_at(now_ns));
        break;
      case 0xe1:
        put8(value, 1);
        break;
      case 0xe2:
        put16(value, 0);
        for (int i = 0; i < 48; ++i) put32(value, home.energy_base);
        break;
      case 0xe3:
        put32(value, export_at(now_ns));
        break;
      case 0xe5:
        put8(value, 0);
        break;
      case 0xe7:
        put32(value, static_cast<std::uint32_t>(net_w));
        break;
      case 0xe8:
        put16(value, static_cast<unsigned>(std::abs(net_w) / 20 + 10)), put16(value, 20);
        break;
      case 0xea:
        put32(value, energy_at(half_hour()));
        break;
      default:
        put32(value, export_at(half_hour()));
        break;
    }
    return true;
  }
  if (kind == Kind::battery) {
    switch (code) {
      case 0xc1:
      case 0xc2:
        put8(value, 1);
        break;
      case 0xc8:
      case 0xc9:
        put32(value, 0), put32(value, watts);
        break;
      case 0xcf:
      case 0xda:
        put8(value, home.battery_mode);
        break;
      case 0xd3:
        put32(value, static_cast<std::uint32_t>(flow_w(home.battery_mode)));
        break;
      case 0xdb:
        put8(value, 0);
        break;
      case 0xe4:
        put8(value, home.charge_percent);
        break;
      case 0xe6:
        put8(value, 4);
        break;
      case 0xaa:
      case 0xab:
        put32(value, 0);
        break;
      case 0xe2:
        put32(value, home.charge_percent * 98u);
        break;
      case 0xeb:
      case 0xec:
        put32(value, watts);
        break;
      case 0xa8:
      case 0xa9:
        put32(value, home.energy_base * 10);
        break;
      default:
        put32(value, 9800);
        break;
    }
    return true;
  }
  if (kind == Kind::pv) {
    switch (code) {
      case 0xa0:
        put8(value, home.pv_limit_percent);
        break;
      case 0xc1:
      case 0xc2:
        put8(value, 0x41);
        break;
      case 0xd0:
        put8(value, 0);
        break;
      case 0xd1:
        put8(value, home.pv_limit_percent < 100 ? 0x41 : 0x44);
        break;
      case 0xe0:
        put16(value, sun_w * home.pv_limit_percent / 100);
        break;
      case 0xe1:
        put32(value, home.energy_base * 10 + static_cast<std::uint32_t>(since_ns / minute_ns));
        break;
      default:
        put16(value, watts);
        break;
    }
    return true;
  }
  if (kind == Kind::ev) {
    switch (code) {
      case 0xc4:
      case 0xe4:
        put8(value, home.charge_percent);
        break;
      case 0xc5:
      case 0xc6:
        put32(value, watts);
        break;
      case 0xc7:
        put8(value, 0x43);
        break;
      case 0xc8:
      case 0xc9:
        put32(value, 0), put32(value, watts);
        break;
      case 0xd3:
        put32(value, static_cast<std::uint32_t>(flow_w(home.ev_mode)));
        break;
      case 0xda:
        put8(value, home.ev_mode);
        break;
      case 0xeb:
        put32(value, watts);
        break;
      default:
        put32(value, 40'000);
        break;
    }
    return true;
  }
  if (kind == Kind::heater) {
    switch (code) {
      case 0xb0:
        put8(value, home.heater_mode);
        break;
      case 0xb2:
        put8(value, home.heater_mode == 0x42 ? 0x41 : 0x42);
        break;
      case 0xb3:
        put8(value, 65);
        break;
      case 0xc1:
        put8(value, 70);
        break;
      case 0xd1:
        put8(value, 42);
        break;
      case 0xe1:
        put16(value, 240);
        break;
      case 0xe2:
        put16(value, 370);
        break;
      default:
        put8(value, code == 0xc0 ? 0x41 : 0x42);
        break;
    }
    return true;
  }
  switch (code) {  // Air conditioners.
    case 0x8f:
      put8(value, 0x42);
      break;
    case 0x93:
    case 0xa0:
      put8(value, 0x41);
      break;
    case 0xb0:
      put8(value, home.ac_mode);
      break;
    case 0xb3:
      put8(value, home.ac_temperature);
      break;
    default:
      put8(value, 23);
      break;
  }
  return true;
}

namespace {

void take_over(Home& home, Kind kind, const Property& property) {
  if (property.value.size() != 1) return;
  const std::uint8_t value = property.value[0];
  if (kind == Kind::battery && property.code == 0xda) home.battery_mode = value;
  if (kind == Kind::ev && property.code == 0xda) home.ev_mode = value;
  if (kind == Kind::heater && property.code == 0xb0) home.heater_mode = value;
  if (kind == Kind::pv && property.code == 0xa0) home.pv_limit_percent = std::min<std::uint8_t>(value, 100);
  if (kind == Kind::ac || kind == Kind::extra) {
    if (property.code == 0x80) home.ac_power = value;
    if (property.code == 0xb0) home.ac_mode = value;
    if (property.code == 0xb3) home.ac_temperature = value;
  }
}

}  // namespace

PacketTime World::request(Home& home, Speaker& from, Kind to, std::uint16_t transaction, std::uint32_t object,
                          std::uint8_t service, const Properties& properties, PacketTime time, std::uint32_t label,
                          Random& random, Outcome outcome, const Properties* second) {
  say(home, from, to, message(transaction, from.object, object, service, properties, second), time, label);
  if (outcome == Outcome::silent || !is_up(home, to, time)) return time;
  const bool profile = object >> 8 == node_profile >> 8;
  // An object that the node does not have gives no answer at all.
  const std::uint32_t own = info_of(to).object;
  if (!profile && object != own && object != (own & 0xffff00)) return time;
  const Duration latency =
      Duration::milliseconds(to == Kind::meter ? random.between(180, 900) : random.between(8, 120));
  const PacketTime answered = time + latency + Duration::microseconds(random.between(0, 999));

  bool all = outcome != Outcome::refused;
  Properties written, read;
  const bool writes = service == set_i || service == set_c || service == set_get;
  const auto read_all = [&](const Properties& asked) {
    for (const Property& property : asked) {
      Property answer{property.code, {}};
      all = value_of(home, to, object, property.code, answered, answer.value) && all;
      read.push_back(std::move(answer));
    }
  };
  bool changed = false;
  if (writes) {
    for (const Property& property : properties) {
      const bool taken = outcome != Outcome::refused && has(writable(to, profile), property.code);
      all = all && taken;
      // A refused property comes back as it was asked, a taken one without its value (part 2, 4.2.3).
      written.push_back(taken ? Property{property.code, {}} : property);
      if (taken) take_over(home, to, property), changed = true;
    }
    if (second != nullptr) read_all(*second);
  } else {
    read_all(properties);
  }
  Speaker answerer = speaker(home, to);
  std::vector<std::uint8_t> payload;
  if (service == set_get) {
    payload = message(transaction, own, from.object, all ? set_get_res : set_get_refused, written, &read);
  } else if (service == set_c) {
    payload = message(transaction, own, from.object, all ? set_res : set_refused, written);
  } else if (service == set_i && !all) {
    payload = message(transaction, own, from.object, set_i_refused, written);
  } else if (service == get) {
    payload = message(transaction, profile ? object : own, from.object, all ? get_res : get_refused, read);
  } else if (service == inf_req) {
    payload = message(transaction, profile ? object : own, from.object, all ? inf : std::uint8_t{0x53}, read);
  }
  if (!payload.empty()) say(home, answerer, from.mac, from.address, payload, answered, label);
  if (changed) {
    Properties told;
    for (const Property& property : properties) {
      if (!has(announced(to, false), property.code)) continue;
      told.push_back(property);
    }
    if (!told.empty()) announce(home, to, told, answered + Duration::milliseconds(random.between(20, 400)), label);
  }
  return answered;
}

PacketTime World::request_group(Home& home, Speaker& from, std::uint16_t transaction, std::uint8_t service,
                                const Properties& properties, PacketTime time, std::uint32_t label, Random& random) {
  say_group(home, from, message(transaction, from.object, node_profile, service, properties), time, label);
  PacketTime last = time;
  for (std::size_t i = 0; i < kind_count; ++i) {
    const auto kind = static_cast<Kind>(i);
    if (info_of(kind).object == 0 || !is_up(home, kind, time)) continue;
    if (address_in_home(info_of(kind).host) == from.address) continue;
    const PacketTime answered = time + Duration::microseconds(random.between(5'000, 700'000));
    Properties read;
    for (const Property& property : properties) {
      read.push_back({property.code, {}});
      value_of(home, kind, node_profile, property.code, answered, read.back().value);
    }
    Speaker answerer = speaker(home, kind);
    say(home, answerer, from.mac, from.address,
        message(transaction, node_profile, from.object, service == get ? get_res : inf, read), answered, label);
    last = std::max(last, answered);
  }
  return last;
}

void World::announce(Home& home, Kind kind, const Properties& properties, PacketTime time, std::uint32_t label) {
  Speaker from = speaker(home, kind);
  const std::uint16_t transaction = home.fixed_transaction ? std::uint16_t{0} : ++home.transaction;
  say_group(home, from, message(transaction, info_of(kind).object, node_profile, inf, properties), time, label);
}
void World::announce_states(Home& home, Kind kind, std::initializer_list<std::uint8_t> codes, PacketTime time,
                            std::uint32_t label) {
  Properties told;
  for (const std::uint8_t code : codes) {
    told.push_back({code, {}});
    value_of(home, kind, info_of(kind).object, code, time, told.back().value);
  }
  announce(home, kind, told, time, label);
}
void World::announce_instances(Home& home, Kind kind, PacketTime time, std::uint32_t label) {
  Property list{0xd5, {}};
  value_of(home, kind, node_profile, 0xd5, time, list.value);
  Speaker from = speaker(home, kind);
  say_group(home, from, message(0, node_profile, node_profile, inf, {list}), time, label);
}

}  // namespace tsujiban::drill
