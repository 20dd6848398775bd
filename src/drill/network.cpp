// What is not ECHONET Lite in a home: DHCP, DNS, router advertisements, and the connection to the aggregator's cloud.
#include <algorithm>
#include <string_view>

#include "drill/services.h"
#include "drill/world.h"

namespace tsujiban::drill {
namespace {

using Buffer = std::vector<std::uint8_t>;

void put_text(Buffer& to, std::string_view text) {
  for (const char c : text) put8(to, static_cast<unsigned char>(c));
}

}  // namespace

// BOOTP and options (RFC 2131, RFC 2132).
Buffer dhcp_message(const DhcpMessage& m) {
  Buffer b;
  b.reserve(300);
  put8(b, m.type == 1 || m.type == 3 ? 1u : 2u);
  put8(b, 1), put8(b, 6), put8(b, 0);
  put32(b, m.transaction);
  put32(b, 0);
  put32(b, m.client), put32(b, m.given), put32(b, 0), put32(b, 0);
  put(b, m.mac);
  b.resize(b.size() + 10 + 64 + 128);
  put32(b, 0x63825363);
  put8(b, 53), put8(b, 1), put8(b, m.type);
  if (m.server != 0) put8(b, 54), put8(b, 4), put32(b, m.server);
  if (m.asked != 0) put8(b, 50), put8(b, 4), put32(b, m.asked);
  if (m.router != 0) {
    put8(b, 51), put8(b, 4), put32(b, 86'400);
    put8(b, 1), put8(b, 4), put32(b, 0xffffff00);
    put8(b, 3), put8(b, 4), put32(b, m.router);
    put8(b, 6), put8(b, 4), put32(b, m.resolver);
  } else {
    put8(b, 55), put8(b, 3), put8(b, 1), put8(b, 3), put8(b, 6);
  }
  put8(b, 255);
  if (b.size() < 300) b.resize(300);
  return b;
}

Buffer dns_message(std::uint16_t id, std::string_view name, Ip4 answer) {
  Buffer b;
  put16(b, id);
  put16(b, answer == 0 ? 0x0100u : 0x8180u);
  put16(b, 1), put16(b, answer == 0 ? 0u : 1u), put32(b, 0);
  while (!name.empty()) {
    const std::string_view part = name.substr(0, name.find('.'));
    put8(b, static_cast<unsigned>(part.size()));
    put_text(b, part);
    name.remove_prefix(std::min(name.size(), part.size() + 1));
  }
  put8(b, 0);
  put16(b, 1), put16(b, 1);
  if (answer != 0) put16(b, 0xc00c), put16(b, 1), put16(b, 1), put32(b, 300), put16(b, 4), put32(b, answer);
  return b;
}

// A router advertisement's body after the checksum (RFC 4861, 4.2) with the prefix 2001:db8:<home>::/64.
Buffer router_advertisement(const Mac& mac, std::uint16_t lifetime_s, std::uint32_t network) {
  Buffer b;
  put8(b, 64), put8(b, 0), put16(b, lifetime_s), put32(b, 0), put32(b, 0);
  put8(b, 1), put8(b, 1), put(b, mac);
  put8(b, 3), put8(b, 4), put8(b, 64), put8(b, 0xc0), put32(b, 86'400), put32(b, 14'400), put32(b, 0);
  put32(b, 0x20010db8), put32(b, network), put32(b, 0), put32(b, 0);
  return b;
}
// Solicitation or advertisement of a neighbour (RFC 4861, 4.3, 4.4).
Buffer neighbour_body(std::uint32_t flags, const Ip6& target, std::uint8_t option, const Mac& mac) {
  Buffer b;
  put32(b, flags), put(b, target), put8(b, option), put8(b, 1), put(b, mac);
  return b;
}

Buffer opaque_record(std::size_t bytes, Random& random) {
  Buffer b;
  put24(b, 0x170303), put16(b, static_cast<unsigned>(bytes));
  for (std::size_t i = 0; i < bytes; ++i) put8(b, random.next() & 0xff);
  return b;
}

namespace {

// TLS 1.3 as it begins (RFC 8446, 4.1.2): enough for a reader of handshakes, with the name asked for in clear.
Buffer client_hello(std::string_view name, Random& random) {
  Buffer x;
  put16(x, 0), put16(x, static_cast<unsigned>(name.size() + 5)), put16(x, static_cast<unsigned>(name.size() + 3));
  put8(x, 0), put16(x, static_cast<unsigned>(name.size())), put_text(x, name);
  put16(x, 43), put16(x, 3), put8(x, 2), put16(x, 0x0304);
  put16(x, 10), put16(x, 4), put16(x, 2), put16(x, 0x001d);
  put16(x, 13), put16(x, 4), put16(x, 2), put16(x, 0x0804);
  put16(x, 51), put16(x, 38), put16(x, 36), put16(x, 0x001d), put16(x, 32);
  for (int i = 0; i < 32; ++i) put8(x, random.next() & 0xff);
  Buffer h;
  put16(h, 0x0303);
  for (int i = 0; i < 32; ++i) put8(h, random.next() & 0xff);
  put8(h, 32);
  for (int i = 0; i < 32; ++i) put8(h, random.next() & 0xff);
  put16(h, 2), put16(h, 0x1301), put8(h, 1), put8(h, 0);
  put16(h, static_cast<unsigned>(x.size())), put(h, x);
  Buffer b;
  put24(b, 0x160301), put16(b, static_cast<unsigned>(h.size() + 4));
  put8(b, 1), put24(b, static_cast<unsigned>(h.size())), put(b, h);
  return b;
}
Buffer server_hello(Random& random) {
  Buffer x;
  put16(x, 43), put16(x, 2), put16(x, 0x0304);
  put16(x, 51), put16(x, 36), put16(x, 0x001d), put16(x, 32);
  for (int i = 0; i < 32; ++i) put8(x, random.next() & 0xff);
  Buffer h;
  put16(h, 0x0303);
  for (int i = 0; i < 32; ++i) put8(h, random.next() & 0xff);
  put8(h, 0), put16(h, 0x1301), put8(h, 0), put16(h, static_cast<unsigned>(x.size())), put(h, x);
  Buffer b;
  put24(b, 0x160303), put16(b, static_cast<unsigned>(h.size() + 4));
  put8(b, 2), put24(b, static_cast<unsigned>(h.size())), put(b, h);
  put24(b, 0x140303), put16(b, 1), put8(b, 1);
  put(b, opaque_record(900, random));
  return b;
}

}  // namespace

void TcpTalk::segment(World& world, bool from_client, std::uint8_t flags, Bytes payload, PacketTime time,
                      std::uint32_t label) {
  const Ends4 ends = from_client ? Ends4{client_mac, server_mac, client, server, client_ttl, id++}
                                 : Ends4{server_mac, client_mac, server, client, server_ttl, id++};
  std::uint32_t& own = from_client ? client_sequence : server_sequence;
  const std::uint32_t other = from_client ? server_sequence : client_sequence;
  const TcpHeader header{from_client ? client_port : server_port,
                         from_client ? server_port : client_port,
                         own,
                         (flags & tcp_ack) != 0 ? other : 0,
                         flags,
                         64'240};
  world.emit(time, tcp4(link, ends, header, payload), label);
  own += static_cast<std::uint32_t>(payload.size()) + ((flags & (tcp_syn | tcp_fin)) != 0 ? 1u : 0u);
}
PacketTime TcpTalk::open(World& world, PacketTime time, std::uint32_t label) {
  segment(world, true, tcp_syn, {}, time, label);
  segment(world, false, tcp_syn | tcp_ack, {}, time + rtt, label);
  segment(world, true, tcp_ack, {}, time + rtt + Duration::microseconds(300), label);
  return time + rtt + Duration::milliseconds(1);
}
PacketTime TcpTalk::send(World& world, bool from_client, Bytes payload, PacketTime time, std::uint32_t label) {
  segment(world, from_client, tcp_psh | tcp_ack, payload, time, label);
  segment(world, !from_client, tcp_ack, {}, time + rtt, label);
  return time + rtt;
}
PacketTime TcpTalk::close(World& world, PacketTime time, std::uint32_t label) {
  segment(world, true, tcp_fin | tcp_ack, {}, time, label);
  segment(world, false, tcp_fin | tcp_ack, {}, time + rtt, label);
  segment(world, true, tcp_ack, {}, time + rtt + Duration::microseconds(200), label);
  return time + rtt + Duration::milliseconds(1);
}

namespace {

TcpTalk cloud_talk(World& world, Home& home) {
  const Speaker own = world.speaker(home, home.cloud_client());
  TcpTalk talk;
  talk.link = home.link;
  talk.client_mac = own.mac;
  talk.server_mac = home.node(Kind::router).mac;
  talk.client = own.address;
  talk.server = cloud_address;
  talk.client_port = home.cloud_port;
  talk.server_port = 443;
  talk.client_sequence = home.own_sequence;
  talk.server_sequence = home.cloud_sequence;
  talk.server_ttl = 52;
  talk.id = own.id;
  talk.rtt = Duration::milliseconds(static_cast<std::int64_t>(9 + home.index % 17));
  return talk;
}

}  // namespace

PacketTime World::cloud_open(Home& home, PacketTime time) {
  home.cloud_port = static_cast<std::uint16_t>(32'768 + home.random.below(28'000));
  home.own_sequence = static_cast<std::uint32_t>(home.random.next());
  home.cloud_sequence = static_cast<std::uint32_t>(home.random.next());
  dns_question(home, home.cloud_client(), time);
  TcpTalk talk = cloud_talk(*this, home);
  PacketTime now = talk.open(*this, time + Duration::milliseconds(60), 0);
  now = talk.send(*this, true, client_hello(cloud_name, home.random), now, 0);
  now = talk.send(*this, false, server_hello(home.random), now + Duration::milliseconds(2), 0);
  now = talk.send(*this, true, opaque_record(74, home.random), now + Duration::milliseconds(3), 0);
  home.own_sequence = talk.client_sequence;
  home.cloud_sequence = talk.server_sequence;
  return now;
}

PacketTime World::cloud_data(Home& home, bool from_cloud, std::size_t bytes, PacketTime time, std::uint32_t label) {
  if (home.cloud_port == 0) time = cloud_open(home, time) + Duration::milliseconds(5);
  TcpTalk talk = cloud_talk(*this, home);
  const PacketTime done = talk.send(*this, !from_cloud, opaque_record(bytes, home.random), time, label);
  home.own_sequence = talk.client_sequence;
  home.cloud_sequence = talk.server_sequence;
  return done;
}

void World::dns_question(Home& home, Kind from, PacketTime time) {
  Speaker own = speaker(home, from);
  const Node& router = home.node(Kind::router);
  const auto port = static_cast<std::uint16_t>(49'152 + home.random.below(16'000));
  const auto id = static_cast<std::uint16_t>(home.random.next());
  const Ends4 there{own.mac, router.mac, own.address, address_in_home(1), own.ttl, own.id};
  const Ends4 back{router.mac, own.mac, address_in_home(1), own.address, 64, id};
  emit(time, udp4(home.link, there, port, 53, dns_message(id, cloud_name, 0)));
  if (!is_up(home, Kind::router, time)) return;
  emit(time + Duration::microseconds(home.random.between(2'000, 30'000)),
       udp4(home.link, back, 53, port, dns_message(id, cloud_name, cloud_address)));
}

void World::dhcp_renew(Home& home, Kind kind, PacketTime time) {
  Speaker own = speaker(home, kind);
  const Node& router = home.node(Kind::router);
  DhcpMessage m;
  m.type = 3;
  m.transaction = static_cast<std::uint32_t>(home.random.next());
  m.client = own.address;
  m.mac = own.mac;
  const Ends4 there{own.mac, router.mac, own.address, address_in_home(1), own.ttl, own.id};
  emit(time, udp4(home.link, there, 68, 67, dhcp_message(m)));
  if (!is_up(home, Kind::router, time)) return;
  m.type = 5;
  m.given = own.address;
  m.server = m.router = m.resolver = address_in_home(1);
  const Ends4 back{router.mac, own.mac, address_in_home(1), own.address, 64, static_cast<std::uint16_t>(own.id + 7)};
  emit(time + Duration::milliseconds(3), udp4(home.link, back, 67, 68, dhcp_message(m)));
}

PacketTime World::dhcp_start(Home& home, Kind kind, PacketTime time, std::uint32_t label) {
  Speaker own = speaker(home, kind);
  const Node& router = home.node(Kind::router);
  DhcpMessage m;
  m.transaction = static_cast<std::uint32_t>(home.random.next());
  m.mac = own.mac;
  const Ends4 all{own.mac, broadcast_mac, 0, 0xffffffff, own.ttl, own.id};
  const Ends4 back{router.mac, own.mac, address_in_home(1), own.address, 64, static_cast<std::uint16_t>(own.id + 3)};
  const auto step = [&](std::uint8_t type, std::int64_t after_ms) {
    const bool from_server = type == 2 || type == 5;
    m.type = type;
    m.given = from_server ? own.address : 0;
    m.server = type == 1 ? 0 : address_in_home(1);
    m.router = m.resolver = from_server ? address_in_home(1) : 0;
    m.asked = type == 3 ? own.address : 0;
    emit(time + Duration::milliseconds(after_ms),
         from_server ? udp4(home.link, back, 67, 68, dhcp_message(m)) : udp4(home.link, all, 68, 67, dhcp_message(m)),
         label);
  };
  step(1, 0);
  if (!is_up(home, Kind::router, time)) return time;
  step(2, 4), step(3, 9), step(5, 14);
  // RFC 5227: a probe, then the announcement.
  emit(time + Duration::milliseconds(20), arp(home.link, own.mac, broadcast_mac, 1, own.mac, 0, Mac{}, own.address),
       label);
  gratuitous(home, own.mac, own.address, time + Duration::milliseconds(1200), label);
  return time + Duration::milliseconds(1300);
}

void World::advertise_router(Home& home, PacketTime time) {
  const Mac mac = home.node(Kind::router).mac;
  const Ends6 ends{mac, multicast_mac(all_nodes), link_local(mac), all_nodes};
  emit(time, icmp6(home.link, ends, 134, 0, router_advertisement(mac, 1800, home.index << 16)));
}

void World::solicit_neighbour(Home& home, PacketTime time) {
  const Mac own = home.node(Kind::ems).mac, router = home.node(Kind::router).mac;
  const Ip6 target = link_local(router);
  Ip6 group = {0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0xff, target[13], target[14], target[15]};
  emit(time, icmp6(home.link, {own, multicast_mac(group), link_local(own), group}, 135, 0,
                   neighbour_body(0, target, 1, own)));
  emit(time + Duration::milliseconds(1),
       icmp6(home.link, {router, own, target, link_local(own)}, 136, 0, neighbour_body(0xe0000000, target, 2, router)));
}

}  // namespace tsujiban::drill
