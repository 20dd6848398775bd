// Servers that are not what they were: another certificate, another page, other registers.
#include <array>
#include <cstdio>

#include "drill/attacks.h"
#include "drill/tls_frames.h"

namespace tsujiban::drill {
namespace {

constexpr std::int64_t second = World::second_ns, minute = World::minute_ns;

Bytes bytes_of(std::string_view text) { return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()}; }

std::uint32_t twin_label(World& world, std::string_view scenario, std::string_view segment, Names must_not,
                         std::string_view source, std::string_view target, std::string_view note) {
  Label label;
  label.time = world.start();
  label.scenario = scenario;
  label.must_not = must_not;
  label.source = source;
  label.target = target;
  label.note = note;
  label.segment = segment;
  return world.add_label(std::move(label));
}
std::string segment_of(const Home& home) { return "han-" + std::to_string(home.index + 1); }

TcpTalk talk_between(const Link& link, const Speaker& client, const Speaker& server, std::uint16_t client_port,
                     std::uint16_t server_port, std::int64_t rtt_ms) {
  TcpTalk talk;
  talk.link = link;
  talk.client_mac = client.mac, talk.server_mac = server.mac;
  talk.client = client.address, talk.server = server.address;
  talk.client_ttl = client.ttl, talk.server_ttl = server.ttl;
  talk.client_port = client_port, talk.server_port = server_port;
  talk.rtt = Duration::milliseconds(rtt_ms);
  return talk;
}

// --- certificate-change

// RFC 5280, 4.1.2.5.1, of so many days after `time`.
std::string utc_time(PacketTime time, int days) {
  // Days since 1970 to a date (proleptic Gregorian calendar, years from March on).
  const std::int64_t day = time.ns / World::day_ns + days + 719'468;
  const std::int64_t era = day / 146'097;
  const std::int64_t of_era = day - era * 146'097;
  const std::int64_t year_of_era = (of_era - of_era / 1460 + of_era / 36'524 - of_era / 146'096) / 365;
  const std::int64_t of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
  const std::int64_t shifted = (5 * of_year + 2) / 153;
  const auto in_month = static_cast<unsigned>(of_year - (153 * shifted + 2) / 5 + 1);
  const auto month = static_cast<unsigned>(shifted < 10 ? shifted + 3 : shifted - 9);
  const auto year = static_cast<unsigned>((year_of_era + era * 400 + (month <= 2 ? 1 : 0)) % 100);
  char text[16];
  std::snprintf(text, sizeof text, "%02u%02u%02u000000Z", year % 100, month % 100, in_month % 100);
  return text;
}

struct CertificateOf {
  std::string_view name, issuer;
  Octets point;  // Of its key, on P-256.
  std::string from, to;
};
Octets named(std::string_view name) {
  return der(0x30, der(0x31, der(0x30, joined({der(0x06, {0x55, 0x04, 0x03}), der_text(0x0c, name)}))));
}
// A certificate (RFC 5280, 4.1) with a key on P-256, signed with ECDSA and SHA-256 by an authority. Nothing here
// verifies signatures, and nobody who only listens can without the authority's key.
Octets certificate(const CertificateOf& of, Random& random) {
  const Octets algorithm = der(0x30, der(0x06, {0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02}));
  const Octets key_kind = der(0x30, joined({der(0x06, {0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01}),
                                            der(0x06, {0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07})}));
  const Octets key = der(0x30, joined({key_kind, der(0x03, joined({{0x00, 0x04}, of.point}))}));
  const Octets valid = der(0x30, joined({der_text(0x17, of.from), der_text(0x17, of.to)}));
  const Octets body = der(0x30, joined({der(0xa0, der(0x02, {2})), der(0x02, joined({{0x01}, random_bytes(7, random)})),
                                        algorithm, named(of.issuer), valid, named(of.name), key}));
  return der(0x30, joined({body, algorithm, der(0x03, joined({{0x00}, random_bytes(70, random)}))}));
}

// A full handshake of TLS 1.2 (RFC 5246, 7.3) with both sides' certificates, and a little data.
void connect(World& world, Home& home, std::string_view name, const Octets& shown, PacketTime time,
             std::uint32_t label) {
  Random& random = world.random();
  const Speaker own = world.speaker(home, home.cloud_client()), cloud = outsider(world, home, cloud_address);
  TcpTalk talk = talk_between(home.link, own, cloud, static_cast<std::uint16_t>(46'000 + random.below(900)), 443, 15);
  const Octets client_hello = handshake(1, joined({{0x03, 0x03},
                                                   random_bytes(32, random),
                                                   {0x00, 0x00, 0x02, 0xc0, 0x2b, 0x01, 0x00},
                                                   server_name_extensions(name)}));
  const Octets server_hello = handshake(2, joined({{0x03, 0x03}, random_bytes(32, random), {0x00, 0xc0, 0x2b, 0x00}}));
  const auto chain = [](const Octets& leaf) {
    return handshake(11, joined({number(leaf.size() + 3, 3), number(leaf.size(), 3), leaf}));
  };
  const Octets own_certificate = certificate({"home-controller", "Drill Device CA", random_bytes(64, random),
                                              utc_time(world.start(), -200), utc_time(world.start(), 3000)},
                                             random);
  const Octets exchange = handshake(12, joined({{0x03, 0x00, 0x17, 65, 0x04},
                                                random_bytes(64, random),
                                                {0x04, 0x03},
                                                number(70, 2),
                                                random_bytes(70, random)}));
  const Octets request = handshake(13, {0x01, 0x40, 0x00, 0x02, 0x04, 0x03, 0x00, 0x00});
  const Octets key = handshake(16, joined({{65, 0x04}, random_bytes(64, random)}));
  const Octets proof = handshake(15, joined({{0x04, 0x03}, number(70, 2), random_bytes(70, random)}));
  const Octets change = record(20, {1}, 3), finished = record(22, random_bytes(40, random), 3);
  PacketTime now = talk.open(world, time, label);
  now = talk.send(world, true, record(22, client_hello, 1), now, label);
  now = talk.send(world, false,
                  joined({record(22, server_hello, 3), record(22, chain(shown), 3), record(22, exchange, 3),
                          record(22, request, 3), record(22, handshake(14, {}), 3)}),
                  now + Duration::milliseconds(3), label);
  now = talk.send(
      world, true,
      joined({record(22, chain(own_certificate), 3), record(22, key, 3), record(22, proof, 3), change, finished}),
      now + Duration::milliseconds(2), label);
  now = talk.send(world, false, joined({change, finished}), now, label);
  now = talk.send(world, true, opaque_record(160, random), now, label);
  now = talk.send(world, false, opaque_record(60, random), now, label);
  talk.close(world, now, label);
}

// From six hours before the attack, every 20 minutes.
constexpr int visits_before = 18;

void certificate_change(World& world) {
  Home& home = pick_home(world);
  Home& twin = pick_home(world);
  constexpr std::string_view name = "metering.aggregator.example.jp", twin_name = "portal.aggregator.example.jp";
  Random& random = world.random();
  const auto start = world.start();
  const Octets old = certificate(
      {name, "Drill Public CA 1", random_bytes(64, random), utc_time(start, -60), utc_time(start, 330)}, random);
  const Octets forged = certificate(
      {name, "Drill Proxy CA", random_bytes(64, random), utc_time(start, -2), utc_time(start, 363)}, random);
  const Octets expiring = certificate(
      {twin_name, "Drill Public CA 1", random_bytes(64, random), utc_time(start, -70), utc_time(start, 20)}, random);
  const Octets renewed = certificate(
      {twin_name, "Drill Public CA 2", random_bytes(64, random), utc_time(start, 0), utc_time(start, 90)}, random);
  const std::uint32_t label =
      attack_label(world, "certificate-change", &home, {"mitm.certificate-change"},
                   asset_name(home, home.cloud_client()), to_text(cloud_address),
                   "somebody between the home and the aggregator ends TLS with a certificate of his own, valid "
                   "and named right, but of another authority and 330 days before the old one ends");
  const std::uint32_t twin_number =
      twin_label(world, "certificate-renewal", segment_of(twin), {"mitm.certificate-change"},
                 asset_name(twin, twin.cloud_client()), to_text(cloud_address),
                 "another server of the aggregator renews its certificate 20 days before its end, and its authority "
                 "signs with a new name");
  const PacketTime attack = attack_time(world);
  for (int i = -visits_before; attack + Duration{i * 20 * minute} < world.end(); ++i) {
    const PacketTime time = attack + Duration{i * 20 * minute};
    if (time < start + Duration{minute}) continue;
    const bool forges = i == 0 || i == 1, is_new = i >= 1;
    world.at(time, [&world, &home, forged, old, name, forges, label](PacketTime now) {
      connect(world, home, name, forges ? forged : old, now, forges ? label : 0);
    });
    world.at(time + Duration{7 * minute},
             [&world, &twin, expiring, renewed, twin_name, is_new, twin_number](PacketTime now) {
               connect(world, twin, twin_name, is_new ? renewed : expiring, now, is_new ? twin_number : 0);
             });
  }
}

// --- web-defacement

constexpr Ip4 portal_address = ip4(203, 0, 113, 80);
constexpr Link portal_link{1, {99, 0}};

std::string page_of(std::string_view title, std::string_view text) {
  return "<!DOCTYPE html>\n<html lang=\"ja\"><head><meta charset=\"utf-8\"><title>" + std::string(title) +
         "</title></head>\n<body><h1>" + std::string(title) + "</h1><p>" + std::string(text) + "</p></body></html>\n";
}

void visit(World& world, std::string_view path, const std::string& page, PacketTime time, std::uint32_t label) {
  Random& random = world.random();
  Speaker visitor, portal;
  visitor.mac = {0x02, 0x00, 0x5e, 0x00, 0x01, 0x63}, portal.mac = {0x02, 0x00, 0x5e, 0x00, 0x02, 0x63};
  visitor.address = ip4(198, 51, 100, static_cast<std::uint8_t>(1 + random.below(250)));
  portal.address = portal_address;
  visitor.ttl = 52;
  TcpTalk talk =
      talk_between(portal_link, visitor, portal, static_cast<std::uint16_t>(49'152 + random.below(16'000)), 80, 20);
  PacketTime now = talk.open(world, time, label);
  now = talk.send(world, true,
                  bytes_of("GET " + std::string(path) +
                           " HTTP/1.1\r\nHost: www.aggregator.example.jp\r\nUser-Agent: Mozilla/5.0\r\n\r\n"),
                  now, label);
  now = talk.send(world, false,
                  bytes_of("HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: " +
                           std::to_string(page.size()) + "\r\n\r\n" + page),
                  now + Duration::milliseconds(8), label);
  talk.close(world, now, label);
}

void web_defacement(World& world) {
  world.site_extra.segments += "  - {name: public-web, prefix: " + to_text(portal_address) +
                               "/32, vlan: " + std::to_string(portal_link.vlan[0]) + "}\n";
  world.site_extra.assets += "  - {name: public-web-1, role: aggregator, address: " + to_text(portal_address) +
                             ", segment: public-web, ports: [tcp/80]}\n";
  world.site_extra.allow += "  - {from: any, to: public-web-1, ports: [tcp/80], reason: \"the page for everybody\"}\n";
  world.site_extra.maintenance += ", {from: \"16:00\", to: \"17:00\", segments: [public-web], reason: \"news\"}";
  world.site_extra.detectors +=
      "  web.content-change: {urls: [\"http://www.aggregator.example.jp/\", "
      "\"http://www.aggregator.example.jp/news\"]}\n";
  const std::uint32_t label = attack_label(world, "web-defacement", nullptr, {"web.content-change"}, "visitors",
                                           "public-web-1", "the public page has another title and text for 40 minutes");
  const std::uint32_t twin = twin_label(world, "web-news", "public-web", {"web.content-change"}, "visitors",
                                        "public-web-1", "the news are changed within the maintenance window");
  const std::string page = page_of("節電のお願い", "本日のデマンドレスポンスは17時からです。"),
                    defaced = page_of("HACKED", "your grid belongs to us"), news = page_of("お知らせ", "4月の点検日"),
                    fresh = page_of("お知らせ", "5月の点検日");
  const PacketTime attack = attack_time(world);
  for (int i = -36; attack + Duration{i * 10 * minute} < world.end(); ++i) {
    const PacketTime time = attack + Duration{i * 10 * minute + 17 * second};
    if (time < world.start() + Duration{minute}) continue;
    const bool is_defaced = i >= 0 && i < 4;
    world.at(time, [&world, page = is_defaced ? defaced : page, number = is_defaced ? label : 0](PacketTime now) {
      visit(world, "/", page, now, number);
    });
    // At 16:20 in Japan it is new, whenever the attack is.
    world.at(time + Duration{3 * minute}, [&world, news, fresh, twin](PacketTime now) {
      const bool is_fresh = World::time_of_day_ns(now) >= (16 * 60 + 20) * minute;
      visit(world, "/news", is_fresh ? fresh : news, now, is_fresh ? twin : 0);
    });
  }
}

// --- modbus-write

constexpr std::uint8_t pcs_host = 30;
constexpr std::uint16_t modbus_port = 502;

Octets modbus(std::uint16_t transaction, const Octets& pdu) {
  return joined({number(transaction, 2), number(0, 2), number(pdu.size() + 1, 2), {0x01}, pdu});
}

// Reads two registers, and where `written` is not negative writes a power limit in per cent (Application Protocol
// V1.1b3, 6.3 and 6.6).
void ask_pcs(World& world, Home& home, const Speaker& from, int written, PacketTime time, std::uint32_t label) {
  Random& random = world.random();
  Speaker pcs;
  pcs.mac = {0x00, 0x50, 0xc2, 0x30, 0x01, static_cast<std::uint8_t>(home.index)};
  pcs.address = address_in_home(pcs_host);
  TcpTalk talk =
      talk_between(home.link, from, pcs, static_cast<std::uint16_t>(49'152 + random.below(16'000)), modbus_port, 2);
  const auto transaction = static_cast<std::uint16_t>(random.next());
  PacketTime now = talk.open(world, time, label);
  now = talk.send(world, true, modbus(transaction, {0x03, 0x9c, 0x84, 0x00, 0x02}), now, label);
  now = talk.send(world, false, modbus(transaction, joined({{0x03, 0x04, 0x0b}, random_bytes(3, random)})), now, label);
  if (written >= 0) {
    const Octets write = joined({{0x06, 0x9d, 0x08}, number(static_cast<std::size_t>(written), 2)});
    now = talk.send(world, true, modbus(static_cast<std::uint16_t>(transaction + 1), write), now, label);
    now = talk.send(world, false, modbus(static_cast<std::uint16_t>(transaction + 1), write), now, label);
  }
  talk.close(world, now, label);
}

void modbus_write(World& world) {
  Home& home = pick_home(world);
  const std::string number_text = std::to_string(home.index + 1), pcs_name = "pcs-" + number_text;
  char mac[18];
  std::snprintf(mac, sizeof mac, "00:50:c2:30:01:%02x", home.index & 0xff);
  world.site_extra.assets += "  - {name: " + pcs_name +
                             ", role: device, address: " + to_text(address_in_home(pcs_host)) +
                             ", segment: " + segment_of(home) + ", mac: \"" + mac +
                             "\", object: \"02A501\", capacity_kw: 5.5, jc_star: 1, ports: [tcp/502]}\n";
  world.site_extra.allow += "  - {from: " + asset_name(home, Kind::ems) + ", to: " + pcs_name +
                            ", ports: [tcp/502], reason: \"R5: the inverter has no ECHONET Lite\"}\n";
  const std::uint32_t label =
      attack_label(world, "modbus-write", &home, {"control.unauthorized-write", "policy.peer-not-allowed"},
                   to_text(address_in_home(intruder_host)), pcs_name,
                   "a host in the home that nobody knows sets the inverter to no power");
  const std::uint32_t twin = twin_label(
      world, "modbus-control", segment_of(home), {"control.unauthorized-write", "policy.role-violation"},
      asset_name(home, Kind::ems), pcs_name, "the controller of the home reads the inverter and sets its power");
  const PacketTime attack = attack_time(world);
  for (int i = -16; attack + Duration{i * 15 * minute} < world.end(); ++i) {
    const PacketTime time = attack + Duration{i * 15 * minute + 40 * second};
    if (time < world.start() + Duration{minute}) continue;
    const int written = i % 4 == 0 ? 50 + i % 40 : -1;
    world.at(time, [&world, &home, written, twin](PacketTime now) {
      ask_pcs(world, home, world.speaker(home, Kind::ems), written, now, twin);
    });
  }
  for (int i = 0; i < 3; ++i) {
    world.at(attack + Duration{i * 20 * second},
             [&world, &home, label](PacketTime now) { ask_pcs(world, home, intruder(world, home), 0, now, label); });
  }
}

constexpr std::array rows = {
    Scenario{
        {"certificate-change", "a known server shows a certificate of another authority; another one renews its own"},
        certificate_change},
    Scenario{
        {"web-defacement", "the operator's public page is changed; its news are changed in the maintenance window"},
        web_defacement},
    Scenario{{"modbus-write", "an unknown host writes an inverter's registers, which the home's controller may"},
             modbus_write},
};

}  // namespace

std::span<const Scenario> server_scenarios() noexcept { return rows; }

}  // namespace tsujiban::drill
