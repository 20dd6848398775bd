// Passwords that are guessed, and one that is only mistyped.
#include <array>
#include <string>

#include "drill/attacks.h"

namespace tsujiban::drill {
namespace {

using Buffer = std::vector<std::uint8_t>;

constexpr int guesses_each = 14;  // Of each protocol: more than ten are an attack.
constexpr std::array<std::string_view, 7> guesses = {"admin", "123456", "password", "root", "gateway", "erab", "0000"};

Bytes bytes_of(std::string_view text) { return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()}; }
std::string guess(int i) { return std::string(guesses[static_cast<std::size_t>(i) % guesses.size()]) + char('a' + i); }

TcpTalk talk_with_gateway(World& world, Home& home, const Speaker& from, std::uint16_t from_port, std::uint16_t port) {
  const Speaker gateway = world.speaker(home, Kind::gateway);
  TcpTalk talk;
  talk.link = home.link;
  talk.client_mac = from.mac, talk.server_mac = gateway.mac;
  talk.client = from.address, talk.server = gateway.address;
  talk.client_ttl = from.ttl, talk.server_ttl = gateway.ttl;
  talk.client_port = from_port, talk.server_port = port;
  return talk;
}

// MQTT 3.1.1, 3.1: a CONNECT with user name and password.
Buffer mqtt_connect(std::string_view user, std::string_view password) {
  Buffer body = {0, 4, 'M', 'Q', 'T', 'T', 4, 0xC2, 0, 60};
  const auto text = [&](std::string_view t) {
    body.push_back(0);
    body.push_back(static_cast<std::uint8_t>(t.size()));
    body.insert(body.end(), t.begin(), t.end());
  };
  text("x"), text(user), text(password);
  Buffer packet = {0x10, static_cast<std::uint8_t>(body.size())};
  packet.insert(packet.end(), body.begin(), body.end());
  return packet;
}

// RFC 4648, 4.
std::string base64(std::string_view plain) {
  constexpr std::string_view digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string text;
  for (std::size_t i = 0; i < plain.size(); i += 3) {
    std::uint32_t bits = 0;
    const std::size_t left = std::min<std::size_t>(3, plain.size() - i);
    for (std::size_t k = 0; k < 3; ++k) bits = bits << 8 | (k < left ? static_cast<std::uint8_t>(plain[i + k]) : 0u);
    for (std::size_t k = 0; k < 4; ++k) text += k <= left ? digits[bits >> (18 - 6 * k) & 63] : '=';
  }
  return text;
}
std::string page_request(std::string_view password) {
  return "GET /settings HTTP/1.1\r\nHost: 192.168.1.3\r\nAuthorization: Basic " +
         base64("admin:" + std::string(password)) + "\r\n\r\n";
}
constexpr std::string_view refused_page =
    "HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Basic realm=\"gateway\"\r\nContent-Length: 0\r\n\r\n";
constexpr std::string_view settings_page =
    "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 15\r\n\r\n<p>Settings</p>";

PacketTime guess_mqtt(World& world, Home& home, const Speaker& from, PacketTime now, std::uint32_t label) {
  for (int i = 0; i < guesses_each; ++i) {
    TcpTalk talk = talk_with_gateway(world, home, from, static_cast<std::uint16_t>(46'000 + i), 1883);
    now = talk.open(world, now, label);
    now = talk.send(world, true, mqtt_connect("admin", guess(i)), now, label);
    now = talk.send(world, false, Buffer{0x20, 2, 0, 4}, now, label);  // Bad user name or password.
    now = talk.close(world, now, label) + Duration::seconds(2);
  }
  return now;
}

PacketTime guess_http(World& world, Home& home, const Speaker& from, PacketTime now, std::uint32_t label) {
  TcpTalk talk = talk_with_gateway(world, home, from, 46'100, 80);
  now = talk.open(world, now, label);
  for (int i = 0; i < guesses_each; ++i) {
    now = talk.send(world, true, bytes_of(page_request(guess(i))), now, label);
    now = talk.send(world, false, bytes_of(refused_page), now, label) + Duration::seconds(1);
  }
  return talk.close(world, now, label) + Duration::seconds(5);
}

// Three tries a connection, as servers allow; the last one is let in.
PacketTime guess_ftp(World& world, Home& home, const Speaker& from, PacketTime now, std::uint32_t label) {
  for (int i = 0; i < guesses_each;) {
    TcpTalk talk = talk_with_gateway(world, home, from, static_cast<std::uint16_t>(46'200 + i), 21);
    now = talk.open(world, now, label);
    now = talk.send(world, false, bytes_of("220 gateway FTP server ready\r\n"), now, label);
    for (int tries = 0; tries < 3 && i < guesses_each; ++tries, ++i) {
      now = talk.send(world, true, bytes_of("USER admin\r\n"), now, label);
      now = talk.send(world, false, bytes_of("331 Password required\r\n"), now, label);
      now = talk.send(world, true, bytes_of("PASS " + guess(i) + "\r\n"), now, label);
      const bool in = i + 1 == guesses_each;
      now = talk.send(world, false, bytes_of(in ? "230 Logged in\r\n" : "530 Login incorrect\r\n"), now, label) +
            Duration::seconds(1);
    }
    if (i == guesses_each) {
      now = talk.send(world, true, bytes_of("RETR /etc/erab.conf\r\n"), now, label);
      now = talk.send(world, false, bytes_of("550 No such file\r\n"), now, label);
    }
    now = talk.close(world, now, label) + Duration::seconds(1);
  }
  return now;
}

void brute_force(World& world) {
  Home& home = pick_home(world, {Kind::gateway});
  const Speaker from = intruder(world, home);
  const std::uint32_t label = attack_label(
      world, "brute-force", &home, {"auth.brute-force"}, to_text(from.address), asset_name(home, Kind::gateway),
      "a host in the home guesses the gateway's password over MQTT, HTTP Basic and FTP; the last guess is right");
  const PacketTime begin = attack_time(world);
  world.at(begin, [&world, &home, from, label](PacketTime now) {
    now = guess_mqtt(world, home, from, now, label);
    now = guess_http(world, home, from, now, label);
    guess_ftp(world, home, from, now, label);
  });
  // The benign twin: somebody mistypes three times.
  Label twin;
  twin.time = begin + Duration::seconds(1200);
  twin.scenario = "brute-force";
  twin.must_not = {"auth.brute-force"};
  twin.source = asset_name(home, Kind::ems);
  twin.target = asset_name(home, Kind::gateway);
  twin.segment = "han-" + std::to_string(home.index + 1);
  twin.note = "somebody at the controller mistypes the gateway's password three times, and then has it right";
  const PacketTime mistyped = twin.time;
  const std::uint32_t benign = world.add_label(std::move(twin));
  world.at(mistyped, [&world, &home, benign](PacketTime now) {
    TcpTalk talk = talk_with_gateway(world, home, world.speaker(home, Kind::ems), 46'300, 80);
    now = talk.open(world, now, benign);
    for (int i = 0; i < 4; ++i) {
      now = talk.send(world, true, bytes_of(page_request(guess(i))), now, benign);
      now = talk.send(world, false, bytes_of(i < 3 ? refused_page : settings_page), now, benign) + Duration::seconds(8);
    }
    talk.close(world, now, benign);
  });
}

constexpr std::array rows = {
    Scenario{{"brute-force", "passwords of a gateway are guessed over MQTT, HTTP and FTP"}, brute_force},
};

}  // namespace

std::span<const Scenario> login_scenarios() noexcept { return rows; }

}  // namespace tsujiban::drill
