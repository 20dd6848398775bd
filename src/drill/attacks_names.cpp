// What hosts ask for by name, and floods: a tunnel through DNS, names drawn by an algorithm, names that imitate, and
// what looks like them in an ordinary network.
#include <algorithm>
#include <array>
#include <string>

#include "drill/attacks.h"

namespace tsujiban::drill {
namespace {

constexpr std::int64_t second = World::second_ns;
constexpr std::uint16_t type_a = 1, type_ptr = 12, type_txt = 16;
constexpr unsigned no_error = 0, name_error = 3;  // RFC 1035, 4.1.1.

// A question of any type, or its answer without records, as for a name that does not exist.
std::vector<std::uint8_t> dns_question(std::uint16_t id, std::string_view name, std::uint16_t type, bool answer,
                                       unsigned rcode) {
  std::vector<std::uint8_t> b = dns_message(id, name, 0);
  if (answer) b[2] = 0x81, b[3] = static_cast<std::uint8_t>(0x80 | rcode);
  b[b.size() - 4] = static_cast<std::uint8_t>(type >> 8);
  b[b.size() - 3] = static_cast<std::uint8_t>(type);
  return b;
}

// A host of the home asks its router, which answers.
void ask(World& world, Home& home, const Speaker& own, std::string_view name, std::uint16_t type, unsigned rcode,
         PacketTime time, std::uint32_t label) {
  Random& random = world.random();
  const auto port = static_cast<std::uint16_t>(49'152 + random.below(16'000));
  const auto id = static_cast<std::uint16_t>(random.next());
  const Mac& router = home.node(Kind::router).mac;
  const Ends4 there{own.mac, router, own.address, address_in_home(1), own.ttl, id};
  const Ends4 back{router, own.mac, address_in_home(1), own.address, 64, id};
  world.emit(time, udp4(home.link, there, port, 53, dns_question(id, name, type, false, no_error)), label);
  world.emit(time + Duration::microseconds(random.between(2'000, 30'000)),
             udp4(home.link, back, 53, port, dns_question(id, name, type, true, rcode)), label);
}

std::string drawn(Random& random, std::size_t size, std::string_view letters) {
  std::string text;
  for (std::size_t i = 0; i < size; ++i) text += letters[random.below(letters.size())];
  return text;
}
constexpr std::string_view hex = "0123456789abcdef", base32 = "abcdefghijklmnopqrstuvwxyz234567",
                           alphabet = "abcdefghijklmnopqrstuvwxyz";

// What an ordinary network does that resembles the attack.
std::uint32_t twin_label(World& world, std::string_view scenario, const Home& home, Names must_not,
                         std::string_view source, std::string_view target, std::string_view note) {
  Label label;
  label.time = world.start();
  label.scenario = scenario;
  label.must_not = must_not;
  label.source = source;
  label.target = target;
  label.note = note;
  label.segment = "han-" + std::to_string(home.index + 1);
  return world.add_label(std::move(label));
}
// Another home than the attack's, where there is one.
Home& next_home(World& world, const Home& home) { return world.homes()[(home.index + 1) % world.homes().size()]; }

void dns_tunnel(World& world) {
  Home& home = pick_home(world);
  Home& other = next_home(world, home);
  const std::uint32_t label = attack_label(
      world, "dns-tunnel", &home, {"c2.dns-tunnel"}, asset_name(home, Kind::ems), asset_name(home, Kind::router),
      "the controller, taken over, sends what it has in the names of 240 TXT questions within 6 min");
  const std::uint32_t twin = twin_label(
      world, "dns-tunnel", other, {"c2.dns-tunnel"}, asset_name(other, Kind::ems), asset_name(other, Kind::router),
      "reverse lookups of IPv4 and IPv6, a block list, hosts of clouds and CDNs, as many");
  const PacketTime begin = attack_time(world);
  for (int i = 0; i < 240; ++i) {
    world.at(begin + Duration{i * 3 * second / 2}, [&, label, twin, i](PacketTime time) {
      Random& random = world.random();
      ask(world, home, world.speaker(home, Kind::ems),
          drawn(random, 60, base32) + "." + drawn(random, 40, base32) + "." + drawn(random, 4, hex) +
              ".t.cdn-status.example",
          type_txt, no_error, time, label);
      std::string reversed;
      for (int n = 0; n < 3; ++n) reversed += std::to_string(random.below(256)) + ".";
      std::string nibbles;
      for (int n = 0; n < 32; ++n) nibbles += std::string(1, hex[random.below(16)]) + ".";
      const std::array<std::pair<std::string, std::uint16_t>, 5> names = {{
          {reversed + "113.in-addr.arpa", type_ptr},
          {nibbles + "ip6.arpa", type_ptr},
          {reversed + "203.bl.example.net", type_a},
          {"a" + drawn(random, 13, base32) + "-ats.iot.ap-northeast-1.amazonaws.com", type_a},
          {"e" + std::to_string(1'000 + i) + ".dscb.akamaiedge.net", type_a},
      }};
      const Speaker own = world.speaker(other, Kind::ems);
      for (std::size_t n = 0; n < names.size(); ++n) {
        ask(world, other, own, names[n].first, names[n].second, n < 3 ? name_error : no_error,
            time + Duration::milliseconds(100 * static_cast<std::int64_t>(n)), twin);
      }
    });
  }
}

void dga(World& world) {
  Home& home = pick_home(world);
  Home& other = next_home(world, home);
  const std::uint32_t label = attack_label(
      world, "dga", &home, {"c2.dga"}, asset_name(home, Kind::ems), asset_name(home, Kind::router),
      "the controller, taken over, looks for its server under 60 names that an algorithm draws; none exists");
  const std::uint32_t twin =
      twin_label(world, "dga", other, {"c2.dga"}, asset_name(other, Kind::ems), asset_name(other, Kind::router),
                 "a search list behind every name, one dead name for ever, a browser's three probes at each start");
  const PacketTime begin = attack_time(world);
  for (int i = 0; i < 60; ++i) {
    world.at(begin + Duration{i * 3 * second}, [&, label, twin, i](PacketTime time) {
      static constexpr std::array<std::string_view, 5> endings = {"info", "biz", "org", "net", "co.jp"};
      Random& random = world.random();
      ask(world, home, world.speaker(home, Kind::ems),
          drawn(random, 9 + random.below(7), alphabet) + "." + std::string(endings[random.below(endings.size())]),
          type_a, name_error, time, label);
      const Speaker own = world.speaker(other, Kind::ems);
      const std::string probe = drawn(random, 7 + random.below(9), alphabet);
      const std::array<std::string, 5> names = {"printer" + std::to_string(i) + ".office.example.co.jp",
                                                "qzkxvwpj7.info", i < 3 ? probe : "printer",
                                                (i < 3 ? probe : std::string("printer")) + ".office.example.co.jp",
                                                (i < 3 ? probe : std::string("printer")) + ".local"};
      for (std::size_t n = 0; n < names.size(); ++n) {
        ask(world, other, own, names[n], type_a, name_error,
            time + Duration::milliseconds(100 * static_cast<std::int64_t>(n)), twin);
      }
    });
  }
}

void lookalike_domain(World& world) {
  Home& home = pick_home(world);
  home.workstation = {0x00, 0x1b, 0x21, 0x5e, 0x10, static_cast<std::uint8_t>(home.index)};
  const std::string name = "operator-" + std::to_string(home.index + 1);
  const std::uint32_t label = attack_label(
      world, "lookalike-domain", &home, {"phishing.lookalike-domain"}, name, asset_name(home, Kind::router),
      "an operator follows links to domains that imitate the allowed one: a letter more, rn for m, a word added, "
      "another ending, a Cyrillic letter");
  const std::uint32_t twin =
      twin_label(world, "lookalike-domain", home, {"phishing.lookalike-domain"}, name, asset_name(home, Kind::router),
                 "before that: the allowed domain, hosts below it, and names of others");
  static constexpr std::array<std::string_view, 6> before = {
      "portal.minato-denryoku.example", "minato-denryoku.example",
      "login.minato-denryoku.example",  "www.minato.example",
      "weather.example.co.jp",          "www.example.org"};
  static constexpr std::array<std::string_view, 5> imitations = {
      "www.minato-denryouku.example", "rninato-denryoku.example", "minato-denryoku-login.example",
      "portal.minato-denryoku.com", "xn--minato-denryku-6zl.example"};
  const PacketTime begin = attack_time(world);
  const auto speak = [&world, &home](std::string_view asked, PacketTime time, std::uint32_t of) {
    Speaker own;
    own.mac = home.workstation;
    own.address = workstation_address;
    own.ttl = 128;
    world.at(time, [&world, &home, own, asked, of](PacketTime now) {
      ask(world, home, own, asked, type_a, no_error, now, of);
    });
  };
  for (std::size_t i = 0; i < before.size(); ++i)
    speak(before[i], begin - Duration{static_cast<std::int64_t>(before.size() - i) * 61 * second}, twin);
  for (std::size_t i = 0; i < imitations.size(); ++i)
    speak(imitations[i], begin + Duration{static_cast<std::int64_t>(i) * 20 * second}, label);
}

void flood(World& world) {
  Home& home = pick_home(world);
  Home& second_home = next_home(world, home);
  Home& third_home = next_home(world, second_home);
  const PacketTime begin = attack_time(world);
  constexpr int pieces = 220, in_piece = 150;  // 1,500 packets a second for 22 s: one whole window of 10 s.

  const std::uint32_t syn_label = attack_label(
      world, "flood-syn", &home, {"dos.flood"}, "forged sources", asset_name(home, Kind::ems),
      "1,500 SYNs a second for 22 s toward the controller, from 400 forged addresses, through the router; none is "
      "answered");
  const std::uint32_t udp_label = attack_label(
      world, "flood-reflection", &second_home, {"dos.flood"}, "12 open resolvers", asset_name(second_home, Kind::ems),
      "1,500 answers of DNS a second for 22 s, to questions that somebody else asked in the controller's name");
  const std::uint32_t twin = twin_label(
      world, "flood", third_home, {"dos.flood"}, to_text(cloud_address),
      asset_name(third_home, third_home.cloud_client()),
      "the client of the cloud loads an update over its allowed connection, 1,500 packets a second for 22 s");
  for (int piece = 0; piece < pieces; ++piece) {
    const PacketTime at = begin + Duration::milliseconds(100 * piece);
    world.at(at, [&, syn_label](PacketTime time) {
      Random& random = world.random();
      const Speaker target = world.speaker(home, Kind::ems);
      for (int i = 0; i < in_piece; ++i) {
        const Speaker from = outsider(world, home, ip4(100, 64 + 37, 0, 0) + static_cast<Ip4>(random.below(400) * 97));
        TcpHeader header;
        header.source_port = static_cast<std::uint16_t>(1'024 + random.below(60'000));
        header.destination_port = 443;
        header.sequence = static_cast<std::uint32_t>(random.next());
        header.flags = tcp_syn;
        const Ends4 ends{from.mac, target.mac, from.address, target.address, from.ttl, from.id};
        world.emit(time + Duration::microseconds(660 * i), tcp4(home.link, ends, header, {}), syn_label);
      }
    });
    world.at(at + Duration::seconds(300), [&, udp_label](PacketTime time) {
      Random& random = world.random();
      const Speaker target = world.speaker(second_home, Kind::ems);
      std::vector<std::uint8_t> answer =
          dns_question(static_cast<std::uint16_t>(random.next()), "any.example", 255, true, no_error);
      for (int i = 0; i < in_piece; ++i) {
        const Speaker from = outsider(world, second_home, ip4(198, 51, 100, 100) + static_cast<Ip4>(random.below(12)));
        const Ends4 ends{from.mac, target.mac, from.address, target.address, from.ttl, from.id};
        world.emit(time + Duration::microseconds(660 * i), udp4(second_home.link, ends, 53, 40'053, answer), udp_label);
      }
    });
  }
  world.at(begin + Duration::seconds(600), [&, twin](PacketTime time) {
    const Speaker own = world.speaker(third_home, third_home.cloud_client());
    const Speaker cloud = outsider(world, third_home, cloud_address);
    TcpTalk talk;
    talk.link = third_home.link;
    talk.client_mac = own.mac, talk.server_mac = cloud.mac;
    talk.client = own.address, talk.server = cloud.address;
    talk.client_ttl = own.ttl, talk.server_ttl = cloud.ttl;
    talk.client_port = 45'700, talk.server_port = 443;
    talk.rtt = Duration::milliseconds(15);
    PacketTime now = talk.open(world, time, twin);
    for (int i = 0; i < pieces * in_piece; ++i) {
      now = now + Duration::microseconds(660);
      talk.segment(world, false, tcp_ack | tcp_psh, opaque_record(120, world.random()), now, twin);
      if (i % 8 == 7) talk.segment(world, true, tcp_ack, {}, now + Duration::microseconds(300), twin);
    }
    talk.close(world, now + Duration::milliseconds(50), twin);
  });
}

constexpr std::array rows = {
    Scenario{{"dns-tunnel", "data leaves in the names of DNS questions"}, dns_tunnel},
    Scenario{{"dga", "names drawn by an algorithm, none of which exists"}, dga},
    Scenario{{"lookalike-domain", "an operator asks for domains that imitate the allowed one"}, lookalike_domain},
    Scenario{{"flood", "SYNs of forged sources, then answers of open resolvers, toward one controller each", 3}, flood},
};

}  // namespace

std::span<const Scenario> name_scenarios() noexcept { return rows; }

}  // namespace tsujiban::drill
