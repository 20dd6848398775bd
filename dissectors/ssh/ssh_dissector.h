#pragma once
#include <algorithm>
#include <array>

#include "base/pool.h"
#include "dissect/dissector.h"
#include "dissectors/ssh/ssh_digest.h"
#include "dissectors/ssh/ssh_wire.h"

namespace tsujiban::ssh {

// Of the lines that a server may send before its identification (RFC 4253, 4.2); OpenSSH takes 1,024 of 8 KiB.
inline constexpr unsigned lines_before_max = 64;
inline constexpr std::uint32_t line_before_bytes_max = 1024;
// What is kept of a KEXINIT, so that the lists can be shown and held against each other. The hash is of all of it.
inline constexpr std::uint32_t kept_kexinit_bytes_max = 4096;
// What is kept of a handshake goes when its record is written: room for one in so many streams is enough.
inline constexpr std::uint32_t streams_per_session = 16;

dissect::Probe probe(dissect::Transport transport, bool port_hint, Bytes first) noexcept;

// The name of a counter's message type; empty where there is none. Types are message numbers, 0 an identification;
// those of the key exchange method (30 to 49) are one.
std::string_view message_type_name(std::uint8_t type) noexcept;

// What a direction of a stream is in.
enum class Phase : std::uint8_t {
  identification,
  packets,    // In the clear.
  encrypted,  // Behind NEWKEYS.
  lost,       // Its place is lost, or it is none that is read (protocol 1): nothing more is said.
};
struct StreamSide {
  std::uint32_t rest;  // Bytes of a packet that are still to come and are not looked at.
  Phase phase;
  std::uint8_t lines;  // Before the identification.
  bool kexinit_seen;
  bool unexpected_told;
  bool spoke;
  bool finished;
};
struct StreamState {
  std::uint32_t session;  // What the record will say; 0: nothing yet.
  bool roles_known;
  bool client_is_responder;  // The connection's responder is the client: picked up with the server's first packet.
  bool recorded;
  StreamSide sides[2];  // By Direction.
};
static_assert(sizeof(StreamState) <= 64 && std::is_trivially_destructible_v<StreamState>);

// SSH up to where it is encrypted.
class SshDissector final : public dissect::Dissector {
 public:
  SshDissector(const dissect::Limits& limits, metrics::WorkerCounters& counters)
      : sessions_(std::max(limits.open_streams / streams_per_session, 1u)), counters_(counters) {}

  void datagram(const dissect::MessageContext&, Bytes, dissect::RecordSink&) noexcept override {}
  dissect::Progress feed(void* state, const dissect::MessageContext& context, Bytes stream,
                         dissect::RecordSink& sink) noexcept override;
  void gap(void* state, const dissect::MessageContext& context, std::uint32_t missing,
           dissect::RecordSink& sink) noexcept override;
  void finish(void* state, const dissect::MessageContext& context, Bytes left,
              dissect::RecordSink& sink) noexcept override;
  void close(void* state) noexcept override;

  // Handshakes that are under way.
  std::uint32_t sessions() const noexcept { return sessions_.size(); }

 private:
  enum Role : std::uint8_t { client, server };
  struct Peer {
    std::array<char, identification_bytes_max> line;
    std::uint8_t line_size;
    bool hashed;
    std::uint16_t kexinit_size;  // 0: none, or it was too long.
    Md5 hassh;
    std::array<std::uint8_t, kept_kexinit_bytes_max> kexinit;
  };
  struct Session {
    Session() noexcept {  // The texts are written before they are read.
      for (Peer& peer : peers) {
        peer.line_size = 0;
        peer.hashed = false;
        peer.kexinit_size = 0;
      }
    }
    std::array<Peer, 2> peers;  // By Role.
  };
  // One direction of one stream during one call.
  struct Turn {
    StreamState& stream;
    StreamSide& side;
    const dissect::MessageContext& context;
    dissect::RecordSink& sink;
    Role role;
  };
  Turn turn_of(void* state, const dissect::MessageContext& context, dissect::RecordSink& sink) noexcept;
  dissect::Progress identification(Turn& turn, Bytes stream) noexcept;
  dissect::Progress packet(Turn& turn, Bytes stream) noexcept;
  // One message by its number, in the clear. True: it fits where it stands.
  bool is_expected(const Turn& turn, std::uint8_t number) const noexcept;
  void remember_line(Turn& turn, Bytes line) noexcept;
  void remember_kexinit(Turn& turn, Bytes payload, const KexInit& kexinit) noexcept;
  dissect::Progress broken(Turn& turn, ParseError error, std::uint32_t offset, Bytes stream) noexcept;
  Session* session_of(Turn& turn) noexcept;
  // Nothing more can be read of either direction.
  bool is_over(const StreamState& stream) const noexcept;
  void record(Turn& turn) noexcept;
  void write_peer(JsonWriter& writer, std::string_view name, const Peer& peer, Role role) noexcept;
  void write_agreed(JsonWriter& writer, const Session& session) noexcept;

  Pool<Session> sessions_;
  metrics::WorkerCounters& counters_;
};

// The row of the registry.
extern const dissect::DissectorRow registry_row;

}  // namespace tsujiban::ssh
