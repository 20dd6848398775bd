// Attacks below and beside the protocol: peers, ports, routes, scans, ARP, NDP, DHCP, silence.
#include <algorithm>
#include <array>

#include "drill/attacks.h"

namespace tsujiban::drill {
namespace {

constexpr std::int64_t second = World::second_ns, minute = World::minute_ns;

Bytes bytes_of(std::string_view text) { return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()}; }

TcpTalk talk_between(Home& home, const Speaker& client, const Speaker& server, std::uint16_t client_port,
                     std::uint16_t server_port) {
  TcpTalk talk;
  talk.link = home.link;
  talk.client_mac = client.mac, talk.server_mac = server.mac;
  talk.client = client.address, talk.server = server.address;
  talk.client_ttl = client.ttl, talk.server_ttl = server.ttl;
  talk.client_port = client_port, talk.server_port = server_port;
  return talk;
}

void external_exposure(World& world) {
  Home& home = pick_home(world, {Kind::battery});
  Speaker from = outsider(world, home, foreign_address);
  const std::uint32_t label = attack_label(
      world, "external-exposure", &home, {"policy.external-exposure", "policy.peer-not-allowed"}, to_text(from.address),
      asset_name(home, Kind::battery), "the battery answers Gets from a public address, through the router");
  world.at(attack_time(world), [&world, &home, from, label](PacketTime time) mutable {
    for (std::uint16_t i = 0; i < 5; ++i) {
      world.request(home, from, Kind::battery, static_cast<std::uint16_t>(1 + i), info_of(Kind::battery).object, get,
                    ask_for({0xda, 0xe4}), time + Duration{i * 3 * second}, label, world.random());
    }
  });
}

void peer_not_allowed(World& world) {
  Home& home = pick_home(world);
  const std::uint32_t label =
      attack_label(world, "peer-not-allowed", &home, {"policy.peer-not-allowed"}, asset_name(home, Kind::ems),
                   to_text(foreign_address), "the controller calls a peer that nobody allows, every five minutes", {},
                   {"c2.beacon"});
  const PacketTime begin = attack_time(world);
  for (int i = 0; i < 12; ++i) {
    world.at(begin + Duration{i * 5 * minute}, [&world, &home, label, i](PacketTime time) {
      const Speaker ems = world.speaker(home, Kind::ems), peer = outsider(world, home, foreign_address);
      TcpTalk talk = talk_between(home, ems, peer, static_cast<std::uint16_t>(50'000 + i), 4444);
      talk.rtt = Duration::milliseconds(140);
      PacketTime now = talk.open(world, time, label);
      now = talk.send(world, true, opaque_record(48, world.random()), now, label);
      now = talk.send(world, false, opaque_record(32, world.random()), now, label);
      talk.close(world, now, label);
    });
  }
}

// What a loader's report says; no program is known to send this header.
constexpr std::string_view loader_signature =
    "alert tcp any any -> any any (msg:\"DRILL loader reports to its command server\"; "
    "content:\"X-Loader-Id|3a 20|\"; nocase; classtype:trojan-activity; sid:9000901; rev:1;)\n";

void loader_callback(World& world) {
  Home& home = pick_home(world, {Kind::battery});
  const std::uint32_t label = attack_label(world, "loader-callback", &home, {"signature", "policy.peer-not-allowed"},
                                           asset_name(home, Kind::battery), to_text(foreign_address_2),
                                           "the battery, taken over, reports to a server abroad over HTTP; what the "
                                           "signature knows lies across two segments");
  world.at(attack_time(world), [&world, &home, label](PacketTime time) {
    constexpr std::string_view request =
        "POST /gate HTTP/1.1\r\nHost: update.example\r\nX-Loader-Id: 7f3a-0c\r\nContent-Length: 0\r\n\r\n";
    constexpr std::size_t cut = request.find("Loader");
    const Speaker battery = world.speaker(home, Kind::battery);
    const Speaker peer = outsider(world, home, foreign_address_2);
    TcpTalk talk = talk_between(home, battery, peer, 49'152, 8080);
    talk.rtt = Duration::milliseconds(140);
    PacketTime now = talk.open(world, time, label);
    now = talk.send(world, true, bytes_of(request.substr(0, cut)), now, label);
    now = talk.send(world, true, bytes_of(request.substr(cut)), now, label);
    now = talk.send(world, false, bytes_of("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nwait"),
                    now + Duration::milliseconds(20), label);
    talk.close(world, now, label);
  });
}

void port_not_allowed(World& world) {
  Home& home = pick_home(world, {Kind::battery});
  const std::uint32_t label =
      attack_label(world, "port-not-allowed", &home, {"policy.port-not-allowed"}, asset_name(home, Kind::router),
                   asset_name(home, Kind::battery), "the battery answers on Telnet, which is not declared for it");
  world.at(attack_time(world), [&world, &home, label](PacketTime time) {
    const Speaker router = world.speaker(home, Kind::router), battery = world.speaker(home, Kind::battery);
    TcpTalk talk = talk_between(home, router, battery, 40'023, 23);
    PacketTime now = talk.open(world, time, label);
    now = talk.send(world, false, bytes_of("\xff\xfd\x18login: "), now + Duration::milliseconds(30), label);
    talk.close(world, now + Duration::seconds(2), label);
  });
}

void protocol_not_allowed(World& world) {
  Home& home = pick_home(world);
  const std::uint32_t label = attack_label(
      world, "protocol-not-allowed", &home, {"policy.protocol-not-allowed"}, asset_name(home, home.cloud_client()),
      to_text(cloud_address), "ECHONET Lite in clear on the allowed connection to the cloud (R4, port 443)");
  world.at(attack_time(world), [&world, &home, label](PacketTime time) {
    const Speaker own = world.speaker(home, home.cloud_client());
    Speaker cloud = outsider(world, home, cloud_address);
    TcpTalk talk = talk_between(home, own, cloud, 45'678, 443);
    talk.rtt = Duration::milliseconds(15);
    PacketTime now = talk.open(world, time, label);
    for (std::uint16_t i = 1; i <= 4; ++i) {
      now = talk.send(world, false, message(i, 0x05ff01, info_of(Kind::battery).object, get, ask_for({0xda})), now,
                      label);
      now = talk.send(world, true, message(i, info_of(Kind::battery).object, 0x05ff01, get_res, {{0xda, {0x46}}}),
                      now + Duration::milliseconds(40), label);
      now = now + Duration::seconds(5);
    }
    talk.close(world, now, label);
  });
}

void route_crossing(World& world) {
  Home& home = pick_home(world);
  const std::uint32_t label =
      attack_label(world, "route-crossing", &home, {"policy.route-crossing", "policy.peer-not-allowed"}, "10.80.0.1",
                   asset_name(home, Kind::meter), "a packet from the A-route's network asks a meter in a home");
  world.at(attack_time(world), [&world, &home, label](PacketTime time) {
    Speaker from = outsider(world, home, ip4(10, 80, 0, 1));
    for (std::uint16_t i = 0; i < 3; ++i)
      world.request(home, from, Kind::meter, static_cast<std::uint16_t>(0x21 + i), info_of(Kind::meter).object, get,
                    ask_for({0xe0}), time + Duration{i * 2 * second}, label, world.random());
  });
}

void r1_not_isolated(World& world) {
  const std::uint32_t label =
      attack_label(world, "r1-not-isolated", nullptr, {"policy.r1-not-isolated", "policy.peer-not-allowed"},
                   "command-1", "10.20.0.5", "the grid command's address talks with an office network (untagged link)");
  world.at(attack_time(world), [&world, label](PacketTime time) {
    TcpTalk talk;
    talk.client_mac = {0x00, 0x1b, 0x21, 0x0a, 0x20, 0x05}, talk.server_mac = {0x00, 0x0b, 0xab, 0x0a, 0x90, 0x10};
    talk.client = ip4(10, 20, 0, 5), talk.server = ip4(10, 90, 0, 10);
    talk.client_port = 52'100, talk.server_port = 443;
    PacketTime now = talk.open(world, time, label);
    now = talk.send(world, true, opaque_record(210, world.random()), now, label);
    now = talk.send(world, false, opaque_record(1'200, world.random()), now, label);
    talk.close(world, now, label);
  });
}

void unknown_asset(World& world) {
  Home& home = pick_home(world);
  Speaker from = intruder(world, home, 77);
  from.mac[0] = 0x02;
  const std::uint32_t label =
      attack_label(world, "unknown-asset", &home, {"policy.unknown-asset"}, to_text(from.address), "the home's network",
                   "a host with a locally administered MAC takes an address and announces itself, nothing else");
  world.at(attack_time(world), [&world, &home, from, label](PacketTime time) mutable {
    world.gratuitous(home, from.mac, from.address, time, label);
    Property list{0xd5, {1, 0x05, 0xff, 0x01}};
    world.say_group(home, from, message(0, node_profile, node_profile, inf, {list}), time + Duration::seconds(1),
                    label);
  });
}

void scan_horizontal(World& world) {
  Home& home = pick_home(world);
  const Speaker from = intruder(world, home);
  const std::uint32_t label = attack_label(
      world, "scan-horizontal", &home, {"recon.scan", "policy.unknown-asset", "policy.peer-not-allowed"},
      to_text(from.address), "192.168.1.1 to 192.168.1.254", "TCP SYN to port 80 of every address within 25 s");
  world.at(attack_time(world), [&world, &home, from, label](PacketTime time) {
    for (int host = 1; host < 255; ++host) {
      const PacketTime now = time + Duration::milliseconds(100 * host);
      const auto to = address_in_home(static_cast<std::uint8_t>(host));
      if (to == from.address) continue;
      Kind kind = Kind::count_;
      for (std::size_t i = 0; i < kind_count; ++i)
        if (info_of(static_cast<Kind>(i)).host == host && home.nodes[i].present) kind = static_cast<Kind>(i);
      const bool there = kind != Kind::count_;
      world.emit(now, arp(home.link, from.mac, broadcast_mac, 1, from.mac, from.address, Mac{}, to), label);
      // Its mask is /32: what ARP does not find is sent to the router.
      const Mac mac = home.node(there ? kind : Kind::router).mac;
      const auto port = static_cast<std::uint16_t>(41'000 + host);
      world.emit(now + Duration::milliseconds(3),
                 tcp4(home.link, {from.mac, mac, from.address, to, 64, static_cast<std::uint16_t>(host)},
                      {port, 80, 7'000, 0, tcp_syn, 1024}, {}),
                 label);
      if (!there) continue;
      world.emit(
          now + Duration::milliseconds(5),
          tcp4(home.link, {mac, from.mac, to, from.address, 64, 0}, {80, port, 0, 7'001, tcp_rst | tcp_ack, 0}, {}),
          label);
    }
  });
}

void scan_vertical(World& world) {
  Home& home = pick_home(world);
  const Speaker from = intruder(world, home);
  const std::uint32_t label = attack_label(
      world, "scan-vertical", &home, {"recon.scan", "policy.unknown-asset", "policy.peer-not-allowed"},
      to_text(from.address), asset_name(home, Kind::ems), "TCP SYN to ports 1 to 1024 of the controller within 50 s");
  world.at(attack_time(world), [&world, &home, from, label](PacketTime time) {
    world.resolve(home, from, Kind::ems, time, label);
    const Speaker ems = world.speaker(home, Kind::ems);
    for (int port = 1; port <= 1024; ++port) {
      const PacketTime now = time + Duration::milliseconds(20 + 48 * port);
      const auto to_port = static_cast<std::uint16_t>(port), from_port = std::uint16_t{46'789};
      world.emit(now,
                 tcp4(home.link, {from.mac, ems.mac, from.address, ems.address, 64, to_port},
                      {from_port, to_port, 9'000, 0, tcp_syn, 1024}, {}),
                 label);
      world.emit(now + Duration::milliseconds(1),
                 tcp4(home.link, {ems.mac, from.mac, ems.address, from.address, 64, to_port},
                      {to_port, from_port, 0, 9'001, tcp_rst | tcp_ack, 0}, {}),
                 label);
    }
  });
}

void arp_spoof(World& world) {
  Home& home = pick_home(world);
  const Speaker from = intruder(world, home);
  const std::uint32_t label = attack_label(
      world, "arp-spoof", &home, {"mitm.arp-spoof", "policy.unknown-asset"}, to_text(from.mac), "router and controller",
      "a second MAC claims 192.168.1.1 and 192.168.1.2 every two seconds for 2 min");
  world.at(attack_time(world), [&world, &home, from, label](PacketTime time) {
    world.gratuitous(home, from.mac, from.address, time, label);
    const Speaker ems = world.speaker(home, Kind::ems), router = world.speaker(home, Kind::router);
    for (int i = 0; i < 60; ++i) {
      const PacketTime now = time + Duration::seconds(1 + 2 * i);
      world.emit(now, arp(home.link, from.mac, ems.mac, 2, from.mac, router.address, ems.mac, ems.address), label);
      world.emit(now + Duration::milliseconds(1),
                 arp(home.link, from.mac, router.mac, 2, from.mac, ems.address, router.mac, router.address), label);
    }
    // The true ones are still there.
    world.resolve(home, world.speaker(home, Kind::battery), Kind::router, time + Duration::seconds(31), label);
  });
}

void ndp_spoof(World& world) {
  Home& home = pick_home(world, {}, true);
  const Speaker from = intruder(world, home);
  const std::uint32_t label = attack_label(
      world, "ndp-spoof", &home, {"mitm.ndp-spoof", "policy.unknown-asset"}, to_text(from.mac), "router and controller",
      "neighbour advertisements for both link-local addresses with a third MAC, every 3 s for 1 min");
  world.at(attack_time(world), [&world, &home, from, label](PacketTime time) {
    const Mac router = home.node(Kind::router).mac, ems = home.node(Kind::ems).mac;
    const Ip6 router_ip = link_local(router), ems_ip = link_local(ems);
    world.gratuitous(home, from.mac, from.address, time, label);
    const auto advertise = [&](const Mac& mac, const Ip6& whose, const Mac& to_mac, const Ip6& to, std::uint32_t flags,
                               PacketTime when) {
      world.emit(when, icmp6(home.link, {mac, to_mac, whose, to}, 136, 0, neighbour_body(flags, whose, 2, mac)), label);
    };
    // The true ones before, in the middle and after: asked and answered.
    for (const std::int64_t at_s : {1, 40, 70}) {
      const PacketTime asked = time + Duration::seconds(at_s) + Duration::milliseconds(200);
      world.emit(asked,
                 icmp6(home.link, {ems, router, ems_ip, router_ip}, 135, 0, neighbour_body(0, router_ip, 1, ems)),
                 label);
      advertise(router, router_ip, ems, ems_ip, 0xe0000000, asked + Duration::milliseconds(1));
    }
    for (int i = 0; i < 20; ++i) {
      const PacketTime now = time + Duration::seconds(2 + 3 * i);
      advertise(from.mac, router_ip, ems, ems_ip, 0xa0000000, now);
      advertise(from.mac, ems_ip, router, router_ip, 0x20000000, now + Duration::milliseconds(1));
    }
  });
}

void rogue_dhcp(World& world) {
  Home& home = pick_home(world, {Kind::ac});
  const Speaker from = intruder(world, home);
  const std::uint32_t label =
      attack_label(world, "rogue-dhcp", &home, {"mitm.rogue-dhcp", "policy.unknown-asset"}, to_text(from.address),
                   asset_name(home, Kind::ac), "a second server answers first and makes itself router and resolver");
  world.at(attack_time(world), [&world, &home, from, label](PacketTime time) {
    const Speaker client = world.speaker(home, Kind::ac);
    DhcpMessage m;
    m.transaction = static_cast<std::uint32_t>(world.random().next());
    m.mac = client.mac;
    world.gratuitous(home, from.mac, from.address, time, label);
    const auto send = [&](std::uint8_t type, const Mac& mac, Ip4 server, std::int64_t after_ms) {
      m.type = type;
      const bool answers = type == 2 || type == 5;
      m.given = answers ? client.address : 0;
      m.asked = type == 3 ? client.address : 0;
      m.server = type == 1 ? 0 : server;
      m.router = m.resolver = answers ? server : 0;
      const Ends4 ends = answers ? Ends4{mac, client.mac, server, client.address, 64, 77}
                                 : Ends4{client.mac, broadcast_mac, 0, 0xffffffff, 64, 78};
      world.emit(time + Duration::milliseconds(after_ms),
                 udp4(home.link, ends, answers ? 67 : 68, answers ? 68 : 67, dhcp_message(m)), label);
    };
    const Mac router = home.node(Kind::router).mac;
    send(1, client.mac, 0, 1'000);
    send(2, from.mac, from.address, 1'002);
    send(2, router, address_in_home(1), 1'006);
    send(3, client.mac, from.address, 1'010);
    send(5, from.mac, from.address, 1'012);
  });
}

void rogue_ra(World& world) {
  Home& home = pick_home(world, {}, true);
  const Speaker from = intruder(world, home);
  const std::uint32_t label =
      attack_label(world, "rogue-ra", &home, {"mitm.rogue-ra", "policy.unknown-asset"}, to_text(from.mac), "ff02::1",
                   "router advertisements from a host that is no router, every 5 s for 1 min");
  world.at(attack_time(world), [&world, &home, from, label](PacketTime time) {
    for (int i = 0; i < 12; ++i)
      world.emit(time + Duration::seconds(5 * i),
                 icmp6(home.link, {from.mac, multicast_mac(all_nodes), link_local(from.mac), all_nodes}, 134, 0,
                       router_advertisement(from.mac, 9000, 0xbad0000)),
                 label);
  });
}

void silent_asset(World& world) {
  Home& home = pick_home(world, {Kind::battery});
  const std::uint32_t label =
      attack_label(world, "silent-asset", &home, {"availability.silent-asset"}, asset_name(home, Kind::battery), "",
                   "the battery says nothing for three hours, or for twelve polls where that is longer");
  const PacketTime begin = attack_time(world);
  const std::int64_t silent_ns = std::max(3 * World::hour_ns, 12 * poll_of(world.options()).ns);
  world.at(begin, [&world, &home, label, silent_ns](PacketTime time) {
    Node& node = home.node(Kind::battery);
    node.off_until_ns = time.ns + silent_ns;
    // One question of the controller bears the label, so that it has a packet.
    Speaker ems = world.speaker(home, Kind::ems);
    world.request(home, ems, Kind::battery, 0x0c01, info_of(Kind::battery).object, get, ask_for({0xda}), time, label,
                  world.random());
  });
}

void label_missing(World& world) {
  Home& home = pick_home(world, {Kind::battery});
  home.without_label = true;
  // From the beginning: it is told once in a long time, when the battery is first heard.
  const std::uint32_t label =
      attack_label(world, "label-missing", &home, {"vuln.label-missing"}, asset_name(home, Kind::battery), "",
                   "the site file records no JC-STAR label for this battery; every other device has one");
  world.at(world.start(), [&world, &home, label](PacketTime time) {
    world.announce_states(home, Kind::battery, {0xda}, time, label);
  });
}

constexpr std::array rows = {
    Scenario{{"external-exposure", "a battery answers a public address"}, external_exposure},
    Scenario{{"peer-not-allowed", "a controller calls a peer that nobody allows"}, peer_not_allowed},
    Scenario{{"loader-callback", "a battery reports to a command server; a signature is written for it", 1, 1, 20,
              loader_signature},
             loader_callback},
    Scenario{{"port-not-allowed", "a device answers on Telnet"}, port_not_allowed},
    Scenario{{"protocol-not-allowed", "ECHONET Lite in clear to the cloud"}, protocol_not_allowed},
    Scenario{{"route-crossing", "the A-route reaches into a home"}, route_crossing},
    Scenario{{"r1-not-isolated", "the grid command talks with an office"}, r1_not_isolated},
    Scenario{{"unknown-asset", "a host that nobody knows appears"}, unknown_asset},
    Scenario{{"scan-horizontal", "one port of every address"}, scan_horizontal},
    Scenario{{"scan-vertical", "every port of one address"}, scan_vertical},
    Scenario{{"arp-spoof", "a second MAC claims router and controller"}, arp_spoof},
    Scenario{{"ndp-spoof", "the same with neighbour advertisements"}, ndp_spoof},
    Scenario{{"rogue-dhcp", "a second DHCP server"}, rogue_dhcp},
    Scenario{{"rogue-ra", "router advertisements from no router"}, rogue_ra},
    Scenario{{"silent-asset", "a battery falls silent for hours"}, silent_asset},
    Scenario{{"label-missing", "a device without JC-STAR label"}, label_missing},
};

}  // namespace

std::span<const Scenario> network_scenarios() noexcept { return rows; }

}  // namespace tsujiban::drill
