#pragma once
#include <string_view>

#include "drill/world.h"

namespace tsujiban::drill {

// Messages of the services in a home, which benign hosts and attackers build alike.
inline constexpr std::string_view cloud_name = "dr.aggregator.example.jp";

struct DhcpMessage {
  std::uint8_t type = 1;  // RFC 2132, 9.6: 1 discover, 2 offer, 3 request, 5 ack.
  std::uint32_t transaction = 0;
  Mac mac{};
  Ip4 client = 0, given = 0, server = 0, asked = 0, router = 0, resolver = 0;
};
std::vector<std::uint8_t> dhcp_message(const DhcpMessage& message);
// A question for an A record, or its answer where `answer` is not 0.
std::vector<std::uint8_t> dns_message(std::uint16_t id, std::string_view name, Ip4 answer);
std::vector<std::uint8_t> router_advertisement(const Mac& mac, std::uint16_t lifetime_s, std::uint32_t network);
std::vector<std::uint8_t> neighbour_body(std::uint32_t flags, const Ip6& target, std::uint8_t option, const Mac& mac);
// A TLS record of application data, which nobody can read.
std::vector<std::uint8_t> opaque_record(std::size_t bytes, Random& random);

// One TCP connection within a home's link; sequence numbers go on by themselves.
struct TcpTalk {
  Link link;
  Mac client_mac{}, server_mac{};
  Ip4 client = 0, server = 0;
  std::uint16_t client_port = 0, server_port = 0;
  std::uint32_t client_sequence = 1000, server_sequence = 2000;
  std::uint8_t client_ttl = 64, server_ttl = 64;
  std::uint16_t id = 1;
  Duration rtt = Duration::milliseconds(2);

  void segment(World& world, bool from_client, std::uint8_t flags, Bytes payload, PacketTime time, std::uint32_t label);
  PacketTime open(World& world, PacketTime time, std::uint32_t label);
  PacketTime send(World& world, bool from_client, Bytes payload, PacketTime time, std::uint32_t label);
  PacketTime close(World& world, PacketTime time, std::uint32_t label);
};

// Nodes.
void put_date(std::vector<std::uint8_t>& to, PacketTime time);  // Year, month, day in Japan.
void put_hours_minutes(std::vector<std::uint8_t>& to, PacketTime time);

}  // namespace tsujiban::drill
