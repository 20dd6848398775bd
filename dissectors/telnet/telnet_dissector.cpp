#include "dissectors/telnet/telnet_dissector.h"

#include <algorithm>

#include "dissect/login_fact.h"

namespace tsujiban::telnet {

using dissect::MessageContext;
using dissect::Probe;
using dissect::Progress;
using dissect::RecordSink;
using dissect::Transport;

namespace {

constexpr auto self = static_cast<std::size_t>(AppProtocol::telnet);

bool is_negotiation(std::uint8_t number) noexcept { return number >= command::will && number <= command::dont; }

bool is_from_client(StreamState& state, const MessageContext& context) noexcept {
  const bool to_responder = context.direction == Direction::to_responder;
  if (!state.roles_known) {
    // Who serves is told by the port, else by who opened the connection.
    const bool to_port = context.destination_port == port_telnet, from_port = context.source_port == port_telnet;
    state.roles_known = true;
    state.client_is_responder = to_port != from_port && to_port != to_responder;
  }
  return to_responder != state.client_is_responder;
}

void tell(LoginWatch::Outcome outcome, bool by_server, const MessageContext& context, RecordSink& sink) noexcept {
  if (outcome == LoginWatch::Outcome::none) return;
  Login login{};
  login.outcome = outcome == LoginWatch::Outcome::failed ? Login::Outcome::failed : Login::Outcome::succeeded;
  dissect::tell_login(AppProtocol::telnet, context, login, sink, by_server);
}

}  // namespace

// Only negotiation is sure: IAC, WILL to DONT, an assigned option. One alone counts where it is all that was sent, or
// where the port says Telnet; text may follow two.
Probe probe(Transport transport, bool port_hint, Bytes first) noexcept {
  if (transport != Transport::stream) return Probe::not_mine;
  std::size_t negotiations = 0, at = 0;
  while (at < first.size() && first[at] == command::iac) {
    if (at + 1 < first.size() && first[at + 1] != command::sb && !is_negotiation(first[at + 1])) break;
    if (at + 2 < first.size() && !is_assigned(first[at + 2])) return Probe::not_mine;
    if (at + 2 >= first.size()) return negotiations >= 2 ? Probe::mine : Probe::unsure;
    if (first[at + 1] == command::sb) return port_hint || negotiations > 0 ? Probe::mine : Probe::not_mine;
    ++negotiations;
    at += 3;
  }
  if (negotiations == 0) return Probe::not_mine;
  return port_hint || negotiations >= 2 || at == first.size() ? Probe::mine : Probe::not_mine;
}

std::string_view message_type_name(std::uint8_t type) noexcept {
  static constexpr std::array<std::string_view, 19> names = {"eof", "suspend", "abort", "eor", "se",  "nop", "dm",
                                                             "brk", "ip",      "ao",    "ayt", "ec",  "el",  "ga",
                                                             "sb",  "will",    "wont",  "do",  "dont"};
  return type >= command::first && type < command::iac ? names[type - command::first] : std::string_view{};
}

Progress TelnetDissector::feed(void* state, const MessageContext& context, Bytes stream, RecordSink& sink) noexcept {
  StreamState& stream_state = *static_cast<StreamState*>(state);
  StreamSide& side = stream_state.sides[static_cast<unsigned>(context.direction)];
  const bool from_client = is_from_client(stream_state, context);
  LoginWatch& login = stream_state.login;
  const auto text = [&](std::uint8_t b) {
    tell(from_client ? login.from_client(b) : login.from_server(b), !from_client, context, sink);
  };
  const auto malformed = [&](std::size_t at, ParseError error) {
    counters_.messages_malformed[self].add();
    return Progress{Progress::Kind::malformed, static_cast<std::uint32_t>(at + 1), error, 1};
  };
  for (std::size_t i = 0; i < stream.size(); ++i) {
    const std::uint8_t b = stream[i];
    switch (side.phase) {
      case Phase::data:
        if (b == command::iac)
          side.phase = Phase::iac;
        else
          text(b);
        break;
      case Phase::iac:
        side.phase = Phase::data;
        if (b == command::iac) {
          text(b);
          break;
        }
        if (b < command::first) {
          if (++side.unreadable > unreadable_commands_max)
            return {Progress::Kind::give_up, 0, ParseError::telnet_bad_command, 0};
          return malformed(i, ParseError::telnet_bad_command);
        }
        side.unreadable = 0;
        counters_.messages[self][b].add();
        if (is_negotiation(b)) side.phase = Phase::option;
        if (b == command::sb) {
          side.phase = Phase::subnegotiation;
          side.sub_bytes = 0;
        }
        break;
      case Phase::option:
        side.phase = Phase::data;
        break;
      case Phase::subnegotiation:
        if (b == command::iac) {
          side.phase = Phase::subnegotiation_iac;
          break;
        }
        if (side.sub_bytes == 0) side.sub_option = b;
        if (side.sub_bytes == 1) side.sub_first = b;
        if (++side.sub_bytes > subnegotiation_bytes_max) {
          side.phase = Phase::data;
          return malformed(i, ParseError::telnet_subnegotiation_too_long);
        }
        break;
      case Phase::subnegotiation_iac:
        // A doubled IAC is a byte of the value; any other command but SE ends it all the same (RFC 855).
        side.phase = b == command::iac ? Phase::subnegotiation : Phase::data;
        if (b == command::iac) {
          ++side.sub_bytes;
          break;
        }
        if (b != command::se) break;
        counters_.messages[self][b].add();
        if (side.sub_bytes >= 2 && ((side.sub_option == option::encrypt && side.sub_first == option::encrypt_start) ||
                                    (side.sub_option == option::start_tls && side.sub_first == option::tls_follows)))
          return {Progress::Kind::done, 0, ParseError::none, 0};
        break;
    }
  }
  return {Progress::Kind::consumed, static_cast<std::uint32_t>(stream.size()), ParseError::none, 0};
}

void TelnetDissector::gap(void* state, const MessageContext& context, std::uint32_t, RecordSink&) noexcept {
  StreamState& stream_state = *static_cast<StreamState*>(state);
  stream_state.sides[static_cast<unsigned>(context.direction)].phase = Phase::data;
  if (is_from_client(stream_state, context))
    stream_state.login.client_gap();
  else
    stream_state.login.server_gap();
}

void TelnetDissector::finish(void* state, const MessageContext& context, Bytes, RecordSink& sink) noexcept {
  StreamState& stream_state = *static_cast<StreamState*>(state);
  const bool from_client = is_from_client(stream_state, context);
  StreamSide& side = stream_state.sides[static_cast<unsigned>(context.direction)];
  if (side.phase != Phase::data) {
    counters_.messages_malformed[self].add();
    sink.anomaly(context, Layer::application, ParseError::truncated, 0);
  }
  side.phase = Phase::data;
  tell(stream_state.login.over(), !from_client, context, sink);
}

namespace {

constexpr std::array<std::uint16_t, 2> ports = {port_telnet, 2323};

std::unique_ptr<dissect::Dissector> make(const dissect::Limits&, metrics::WorkerCounters& counters, HashSeed) {
  return std::make_unique<TelnetDissector>(counters);
}

}  // namespace

constinit const dissect::DissectorRow registry_row = {AppProtocol::telnet, false, true,   ports,
                                                      sizeof(StreamState), 1024,  &probe, &make};

}  // namespace tsujiban::telnet
