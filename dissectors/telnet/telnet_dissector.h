#pragma once
#include "dissect/dissector.h"
#include "dissectors/telnet/telnet_login.h"
#include "dissectors/telnet/telnet_wire.h"

namespace tsujiban::telnet {

// So many commands in a row that nobody has assigned: the stream is none of Telnet.
inline constexpr unsigned unreadable_commands_max = 16;

dissect::Probe probe(dissect::Transport transport, bool port_hint, Bytes first) noexcept;

// The name of a command in messages_total; empty for other numbers.
std::string_view message_type_name(std::uint8_t type) noexcept;

// What a direction of a stream is in (RFC 854; RFC 855 for subnegotiation).
enum class Phase : std::uint8_t {
  data,
  iac,
  option,             // Behind WILL, WONT, DO or DONT.
  subnegotiation,     // Behind SB.
  subnegotiation_iac  // And IAC.
};
struct StreamSide {
  Phase phase;
  std::uint8_t sub_option, sub_first;  // The option of a subnegotiation and the byte behind it.
  std::uint8_t unreadable;             // Commands in a row that are none.
  std::uint16_t sub_bytes;
};
struct StreamState {
  LoginWatch login;
  bool roles_known;
  bool client_is_responder;  // The connection's responder is the client.
  StreamSide sides[2];       // By Direction.
};
static_assert(sizeof(StreamState) <= 64 && std::is_trivially_destructible_v<StreamState>);

// Telnet (RFC 854): its commands are counted, and the outcome of logins is told. It has no record.
class TelnetDissector final : public dissect::Dissector {
 public:
  explicit TelnetDissector(metrics::WorkerCounters& counters) : counters_(counters) {}

  void datagram(const dissect::MessageContext&, Bytes, dissect::RecordSink&) noexcept override {}
  dissect::Progress feed(void* state, const dissect::MessageContext& context, Bytes stream,
                         dissect::RecordSink& sink) noexcept override;
  void gap(void* state, const dissect::MessageContext& context, std::uint32_t missing,
           dissect::RecordSink& sink) noexcept override;
  void finish(void* state, const dissect::MessageContext& context, Bytes left,
              dissect::RecordSink& sink) noexcept override;

 private:
  metrics::WorkerCounters& counters_;
};

// The row of the registry.
extern const dissect::DissectorRow registry_row;

}  // namespace tsujiban::telnet
