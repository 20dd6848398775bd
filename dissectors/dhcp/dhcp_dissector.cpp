#include "dissectors/dhcp/dhcp_dissector.h"

#include <array>

#include "dissect/message_fact.h"
#include "dissectors/dhcp/dhcp_json.h"

namespace tsujiban::dhcp {
namespace {

using dissect::MessageContext;
using dissect::Probe;
using dissect::RecordSink;

bool believable_v4(Bytes first) noexcept {
  return first.size() >= 3 && (first[0] == v4::op_request || first[0] == v4::op_reply) && first[2] <= v4::hlen_max;
}

// A whole DHCPv6 message that names a client or a server, as all but relayed ones do (RFC 8415, 16).
bool sound_v6(Bytes first) noexcept {
  if (first.size() < v6::header_length + 4 || first[0] == 0 || first[0] > v6::type::relay_reply) return false;
  const Event event = read_v6(first, false);
  if (event.malformed() || !event.v6.has_header) return false;
  const Bytes id = !event.v6.client_id.empty() ? event.v6.client_id : event.v6.server_id;
  // DUID types 1 to 4 (RFC 8415, 11; RFC 6355).
  return id.size() >= 3 && id[0] == 0 && id[1] >= 1 && id[1] <= 4;
}

unsigned counter_of(const Event& event) noexcept {
  if (!event.version6) return event.v4.message_type <= v4::type::max ? event.v4.message_type : counter_unknown_v4;
  return event.v6.type <= v6::type::max ? counter_v6 + event.v6.type : counter_unknown_v6;
}

// What a server gives. False where the message is no server's answer.
bool read_assignment(const MessageContext& context, const Event& event, AddressAssignment& given) noexcept {
  given = AddressAssignment{};
  if (context.packet != nullptr && context.packet->ethernet != nullptr)
    given.mac = MacAddress::load(context.packet->ethernet + 6);
  given.server = context.source;
  given.version6 = event.version6;
  if (event.version6) {
    const V6Event& v6 = event.v6;
    if (!v6.has_header || (v6.type != v6::type::advertise && v6.type != v6::type::reply)) return false;
    if (!v6.addresses.empty()) given.given = v6.addresses[0];
    if (!v6.resolvers.empty()) given.resolver = v6.resolvers[0];
    return true;
  }
  const V4Event& v4 = event.v4;
  if (v4.op != v4::op_reply || (v4.message_type != v4::type::offer && v4.message_type != v4::type::ack)) return false;
  std::array<std::uint8_t, v4::value_bytes_max> scratch;
  const auto address = [&](std::uint8_t code, IpAddress& to) {
    if (const Bytes at = v4.options.value(event.bytes, code, scratch); at.size() >= 4)
      to = IpAddress::v4(load_be32(at, 0));
  };
  given.given = IpAddress::v4(load_be32(event.bytes, v4::yiaddr_offset));
  address(v4::server_identifier, given.server);
  address(v4::routers, given.router);
  address(v4::dns_servers, given.resolver);
  return true;
}

void tell_assignment(const MessageContext& context, const Event& event, RecordSink& sink) noexcept {
  AddressAssignment given;
  if (!read_assignment(context, event, given)) return;
  std::array<std::uint8_t, 16 * 5 + 16> key;
  std::size_t at = 0;
  const auto put = [&](std::uint64_t word) {
    std::memcpy(key.data() + at, &word, sizeof word);
    at += sizeof word;
  };
  for (const IpAddress& address : {context.source, given.server, given.given, given.router, given.resolver}) {
    put(address.high);
    put(address.low);
  }
  put(context.segment.raw());
  put(given.mac.value);
  constexpr auto kind = static_cast<std::uint64_t>(FactKind::address_assignment);
  if (!sink.is_news(hash_bytes(sink.seed(), key, kind), context.time)) return;
  Fact fact = dissect::fact_of(FactKind::address_assignment, AppProtocol::dhcp, context);
  fact.address_assignment = given;
  sink.fact(fact);
}

}  // namespace

Probe probe(dissect::Transport transport, bool port_hint, Bytes first) noexcept {
  if (transport != dissect::Transport::datagram) return Probe::not_mine;
  if (first.size() >= v4::options_offset && believable_v4(first) && load_be32(first, v4::cookie_offset) == v4::cookie)
    return Probe::mine;
  if (port_hint)
    return believable_v4(first) || (first.size() >= v6::header_length && first[0] >= 1 && first[0] <= v6::type::max)
               ? Probe::mine
               : Probe::not_mine;
  return sound_v6(first) ? Probe::mine : Probe::not_mine;
}

void DhcpDissector::datagram(const MessageContext& context, Bytes message, RecordSink& sink) noexcept {
  const bool cut_short = context.packet != nullptr && context.packet->snapped;
  const Event event =
      context.source.is_v4() || context.destination.is_v4() ? read_v4(message, cut_short) : read_v6(message, cut_short);
  constexpr auto self = static_cast<std::size_t>(AppProtocol::dhcp);
  counters_.messages[self][counter_of(event)].add();
  if (event.malformed()) {
    counters_.messages_malformed[self].add();
    sink.anomaly(context, Layer::application, event.error, event.error_offset);
  }
  if (sink.wants(FactKind::address_assignment)) tell_assignment(context, event, sink);
  if (!sink.wants(EventType::dhcp)) return;
  JsonWriter* const writer = sink.begin(EventType::dhcp, context);
  if (writer == nullptr) return;
  writer->key("dhcp");
  writer->begin_object();
  write_event(*writer, event);
  writer->end_object();
  sink.end();
}

dissect::Progress DhcpDissector::feed(void*, const MessageContext&, Bytes, RecordSink&) noexcept {
  return {dissect::Progress::Kind::give_up};
}

namespace {

constexpr std::array<std::uint16_t, 4> ports = {port_v4_server, port_v4_client, port_v6_client, port_v6_server};

std::unique_ptr<dissect::Dissector> make(const dissect::Limits&, metrics::WorkerCounters& counters, HashSeed) {
  return std::make_unique<DhcpDissector>(counters);
}

}  // namespace

constinit const dissect::DissectorRow registry_row = {AppProtocol::dhcp, true, false, ports, 0, 0, &probe, &make};

}  // namespace tsujiban::dhcp
