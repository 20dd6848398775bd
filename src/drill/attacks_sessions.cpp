// Sessions that are not protected as the guideline asks: in the clear, outdated, with certificates that prove nothing.
#include <array>

#include "drill/attacks.h"
#include "drill/tls_frames.h"

namespace tsujiban::drill {
namespace {

using Buffer = Octets;

Bytes bytes_of(std::string_view text) { return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()}; }

// A certificate (RFC 5280, 4.1) that an old installation may have: RSA of 1024 bits, signed by itself with SHA-1, long
// expired.
Buffer stale_certificate(std::string_view name, Random& random) {
  constexpr std::uint8_t sequence = 0x30, set = 0x31, integer = 0x02, bits = 0x03, null = 0x05, oid = 0x06, utf8 = 0x0c,
                         utc_time = 0x17, version_tag = 0xa0;
  const Buffer sha1_with_rsa =
      der(sequence, joined({der(oid, {0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x05}), der(null, {})}));
  const Buffer rsa =
      der(sequence, joined({der(oid, {0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01}), der(null, {})}));
  const Buffer owner =
      der(sequence, der(set, der(sequence, joined({der(oid, {0x55, 0x04, 0x03}), der_text(utf8, name)}))));
  Buffer modulus = joined({{0x00}, random_bytes(128, random)});
  modulus[1] |= 0x80;
  const Buffer key = der(sequence, joined({der(integer, modulus), der(integer, {0x01, 0x00, 0x01})}));
  const Buffer valid =
      der(sequence, joined({der_text(utc_time, "150401000000Z"), der_text(utc_time, "250331235959Z")}));
  const Buffer body =
      der(sequence, joined({der(version_tag, der(integer, {2})), der(integer, {0x01, 0x2c}), sha1_with_rsa, owner,
                            valid, owner, der(sequence, joined({rsa, der(bits, joined({{0x00}, key}))}))}));
  return der(sequence, joined({body, sha1_with_rsa, der(bits, joined({{0x00}, random_bytes(128, random)}))}));
}

TcpTalk talk_with_cloud(World& world, Home& home, std::uint16_t port) {
  const Speaker own = world.speaker(home, home.cloud_client());
  const Speaker cloud = outsider(world, home, cloud_address);
  TcpTalk talk;
  talk.link = home.link;
  talk.client_mac = own.mac, talk.server_mac = cloud.mac;
  talk.client = own.address, talk.server = cloud.address;
  talk.client_ttl = own.ttl, talk.server_ttl = cloud.ttl;
  talk.client_port = port, talk.server_port = 443;
  talk.rtt = Duration::milliseconds(15);
  return talk;
}

void plaintext(World& world) {
  Home& home = pick_home(world);
  const std::uint32_t label = attack_label(
      world, "plaintext", &home, {"policy.plaintext"}, asset_name(home, home.cloud_client()), to_text(cloud_address),
      "after a faulty update the client of the cloud speaks HTTP on the allowed port, without TLS (R4)");
  world.at(attack_time(world), [&world, &home, label](PacketTime time) {
    TcpTalk talk = talk_with_cloud(world, home, 45'680);
    PacketTime now = talk.open(world, time, label);
    for (int i = 0; i < 3; ++i) {
      now = talk.send(world, true,
                      bytes_of("POST /telemetry HTTP/1.1\r\nHost: vtn.example.jp\r\nContent-Type: application/json\r\n"
                               "Content-Length: 12\r\n\r\n{\"soc\": 71 }"),
                      now, label);
      now = talk.send(world, false, bytes_of("HTTP/1.1 204 No Content\r\nServer: vtn\r\n\r\n"),
                      now + Duration::milliseconds(20), label);
      now = now + Duration::seconds(10);
    }
    talk.close(world, now, label);
  });
}

void weak_session(World& world) {
  Home& home = pick_home(world);
  const std::uint32_t label = attack_label(
      world, "weak-session", &home, {"policy.weak-tls", "policy.no-mutual-auth", "policy.certificate"},
      asset_name(home, home.cloud_client()), to_text(cloud_address),
      "a gateway in between ends TLS: 1.0 with 3DES, an expired certificate of its own, and no client certificate");
  world.at(attack_time(world), [&world, &home, label](PacketTime time) {
    Random& random = world.random();
    const std::string_view name = "vtn.example.jp";
    // RFC 2246, 7.4.1: TLS_RSA_WITH_3DES_EDE_CBC_SHA, and what nobody should offer any more beside it.
    const Buffer client_hello = handshake(1, joined({{0x03, 0x01},
                                                     random_bytes(32, random),
                                                     {0x00},
                                                     {0x00, 0x04, 0x00, 0x0a, 0x00, 0x2f},
                                                     {0x01, 0x00},
                                                     server_name_extensions(name)}));
    const Buffer server_hello =
        handshake(2, joined({{0x03, 0x01}, random_bytes(32, random), {0x00}, {0x00, 0x0a}, {0x00}}));
    const Buffer certificate = stale_certificate("gateway.local", random);
    const Buffer chain =
        handshake(11, joined({number(certificate.size() + 3, 3), number(certificate.size(), 3), certificate}));
    const Buffer done = handshake(14, {}), key = handshake(16, joined({number(128, 2), random_bytes(128, random)}));
    const Buffer change = record(20, {1}), finished = record(22, random_bytes(40, random));
    TcpTalk talk = talk_with_cloud(world, home, 45'690);
    PacketTime now = talk.open(world, time, label);
    now = talk.send(world, true, record(22, client_hello), now, label);
    now = talk.send(world, false, joined({record(22, server_hello), record(22, chain), record(22, done)}),
                    now + Duration::milliseconds(3), label);
    now = talk.send(world, true, joined({record(22, key), change, finished}), now + Duration::milliseconds(2), label);
    now = talk.send(world, false, joined({change, finished}), now, label);
    now = talk.send(world, true, record(23, random_bytes(120, random)), now, label);
    now = talk.send(world, false, record(23, random_bytes(60, random)), now, label);
    talk.close(world, now, label);
  });
}

constexpr std::array rows = {
    Scenario{{"plaintext", "the client of the cloud speaks HTTP without TLS"}, plaintext},
    Scenario{{"weak-session", "TLS 1.0 with 3DES, a bad certificate and no client certificate"}, weak_session},
};

}  // namespace

std::span<const Scenario> session_scenarios() noexcept { return rows; }

}  // namespace tsujiban::drill
