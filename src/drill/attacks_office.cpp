// The aggregator's office: workstations of its operators and a file server, on a VLAN of their own.
#include <array>
#include <string>

#include "drill/attacks.h"

namespace tsujiban::drill {
namespace {

using Buffer = std::vector<std::uint8_t>;

constexpr std::uint16_t office_vlan = 20;  // Homes begin at 100.
constexpr std::uint8_t server_host = 5, workstation_host = 11;
constexpr unsigned workstations = 14;  // The first one attacks the 13 others: ten are enough for an alert.
constexpr std::uint16_t smb_port = 445;

Ip4 office_address(unsigned host) { return ip4(10, 70, 0, host); }
Mac office_mac(unsigned host) { return {0x00, 0x1b, 0x21, 0x70, 0x00, static_cast<std::uint8_t>(host)}; }
std::string workstation_name(unsigned index) { return "office-pc-" + std::to_string(index + 1); }

void little(Buffer& to, std::uint64_t value, unsigned bytes) {
  for (unsigned i = 0; i < bytes; ++i) put8(to, static_cast<unsigned>(value >> 8 * i & 0xff));
}

// [MS-SMB2], 2.2.1, in the session header of direct TCP (2.1).
Buffer smb2_message(bool response, const Buffer& body) {
  Buffer message = {0xFE, 'S', 'M', 'B'};
  little(message, 64, 2);
  little(message, 0, 2);
  little(message, 0, 4);
  little(message, 0, 2);  // NEGOTIATE.
  little(message, 1, 2);
  little(message, response ? 1 : 0, 4);
  message.resize(64);
  put(message, body);
  Buffer framed;
  put32(framed, static_cast<std::uint32_t>(message.size()));
  put(framed, message);
  return framed;
}
// 2.2.3: dialects 2.0.2, 2.1, 3.0 and 3.0.2, whose negotiation has no contexts.
Buffer negotiate_request(Random& random) {
  Buffer body;
  little(body, 36, 2);
  little(body, 4, 2);
  little(body, 1, 2);  // Signing enabled.
  little(body, 0, 2);
  little(body, 0x7F, 4);
  for (int i = 0; i < 2; ++i) little(body, random.next(), 8);
  little(body, 0, 8);
  for (const unsigned dialect : {0x0202u, 0x0210u, 0x0300u, 0x0302u}) little(body, dialect, 2);
  return smb2_message(false, body);
}
// 2.2.4, with the list of mechanisms that SPNEGO (RFC 4178, 4.2.1) begins with: NTLM alone.
Buffer negotiate_response(Random& random) {
  static constexpr std::array<std::uint8_t, 30> mechanisms = {
      0x60, 0x1c, 0x06, 0x06, 0x2b, 0x06, 0x01, 0x05, 0x05, 0x02, 0xa0, 0x12, 0x30, 0x10, 0xa0,
      0x0e, 0x30, 0x0c, 0x06, 0x0a, 0x2b, 0x06, 0x01, 0x04, 0x01, 0x82, 0x37, 0x02, 0x02, 0x0a};
  Buffer body;
  little(body, 65, 2);
  little(body, 1, 2);
  little(body, 0x0302, 2);
  little(body, 0, 2);
  for (int i = 0; i < 2; ++i) little(body, random.next(), 8);
  little(body, 0x2F, 4);
  for (int i = 0; i < 3; ++i) little(body, 8 * 1024 * 1024, 4);
  little(body, 133'500'000'000'000'000u, 8);  // 2024.
  little(body, 0, 8);
  little(body, 64 + 64, 2);
  little(body, mechanisms.size(), 2);
  little(body, 0, 4);
  put(body, mechanisms);
  return smb2_message(true, body);
}

// One connection that gets as far as the negotiation.
PacketTime negotiate(World& world, unsigned client, unsigned server, std::uint16_t port, PacketTime now,
                     std::uint32_t label) {
  TcpTalk talk;
  talk.link.tags = 1;
  talk.link.vlan[0] = office_vlan;
  talk.client_mac = office_mac(client), talk.server_mac = office_mac(server);
  talk.client = office_address(client), talk.server = office_address(server);
  talk.client_ttl = talk.server_ttl = 128;
  talk.client_port = port, talk.server_port = smb_port;
  talk.rtt = Duration::microseconds(400);
  now = talk.open(world, now, label);
  now = talk.send(world, true, negotiate_request(world.random()), now, label);
  now = talk.send(world, false, negotiate_response(world.random()), now + Duration::milliseconds(1), label);
  return talk.close(world, now + Duration::milliseconds(40), label);
}

void describe_office(World& world) {
  std::string& assets = world.site_extra.assets;
  world.site_extra.segments += "  - {name: office, prefix: 10.70.0.0/24, vlan: " + std::to_string(office_vlan) + "}\n";
  const auto asset = [&](const std::string& name, unsigned host, std::string_view more) {
    assets += "  - {name: " + name + ", role: operator, address: " + to_text(office_address(host)) +
              ", segment: office, mac: \"" + to_text(office_mac(host)) + "\"" + std::string(more) + "}\n";
  };
  asset("office-files", server_host, ", ports: [tcp/445]");
  for (unsigned i = 0; i < workstations; ++i) asset(workstation_name(i), workstation_host + i, "");
  world.site_extra.allow +=
      "  - {from: 10.70.0.0/24, to: office-files, ports: [tcp/445], reason: \"files of the office\"}\n";
}

void smb_spread(World& world) {
  describe_office(world);
  const PacketTime begin = attack_time(world);
  Label attack;
  attack.time = begin;
  attack.attack = true;
  attack.scenario = "smb-spread";
  attack.expect = {"lateral.smb-spread"};
  attack.source = workstation_name(0);
  attack.target = "the workstations of the office";
  attack.segment = "office";
  attack.note = "a workstation opens SMB to 13 others within two minutes, as ransomware that spreads does";
  const std::uint32_t label = world.add_label(std::move(attack));
  world.at(begin, [&world, label](PacketTime now) {
    for (unsigned i = 1; i < workstations; ++i) {
      negotiate(world, workstation_host, workstation_host + i, static_cast<std::uint16_t>(50'000 + i), now, label);
      now = now + Duration::seconds(8) + Duration::milliseconds(world.random().between(0, 900));
    }
  });
  // The benign twin: in the morning every workstation opens the file server.
  Label twin;
  twin.time = world.start() + Duration::seconds(60);
  twin.scenario = "smb-spread";
  twin.must_not = {"lateral.smb-spread"};
  twin.source = "the workstations of the office";
  twin.target = "office-files";
  twin.segment = "office";
  twin.note = "all workstations open the file server within ten minutes";
  const PacketTime morning = twin.time;
  const std::uint32_t benign = world.add_label(std::move(twin));
  world.at(morning, [&world, benign](PacketTime now) {
    for (unsigned i = 0; i < workstations; ++i) {
      negotiate(world, workstation_host + i, server_host, static_cast<std::uint16_t>(49'300 + i), now, benign);
      now = now + Duration::seconds(30) + Duration::milliseconds(world.random().between(0, 9'000));
    }
  });
}

constexpr std::array rows = {
    Scenario{{"smb-spread", "a workstation in the aggregator's office opens SMB to all others"}, smb_spread},
};

}  // namespace

std::span<const Scenario> office_scenarios() noexcept { return rows; }

}  // namespace tsujiban::drill
