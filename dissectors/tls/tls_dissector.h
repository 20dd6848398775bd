#pragma once
#include <algorithm>

#include "base/pool.h"
#include "dissect/dissector.h"
#include "dissectors/tls/tls_session.h"

namespace tsujiban::tls {

// Without a record in so many bytes a stream is given up.
inline constexpr std::uint32_t unsynchronised_bytes_max = 64 * 1024;
// So many encrypted bytes of one side while the other says nothing: the capture has one side only.
inline constexpr std::uint32_t one_sided_bytes_max = 64 * 1024;
// The largest handshake message that is put together from several records; larger ones are passed over.
inline constexpr std::uint32_t message_bytes_max = 64 * 1024;
inline constexpr std::uint32_t message_buffers_max = 512;  // Messages over several records at one time.
inline constexpr std::uint32_t sessions_max = 16 * 1024;   // Handshakes under way, at most Limits::open_streams.
inline constexpr std::uint32_t ssl2_hello_max = 4096;
inline constexpr std::uint32_t chain_certificates_max = 64;
// So many broken messages of a connection are told; with the last one it is given up.
inline constexpr std::uint8_t faults_max = 16;

dissect::Probe probe(dissect::Transport transport, bool port_hint, Bytes first) noexcept;

// Names in messages_total: a handshake message's type, or one of these.
namespace message_type {
inline constexpr std::uint8_t change_cipher_spec = 128, alert = 129, heartbeat = 130, ssl2_client_hello = 131,
                              ssl2_server_hello = 132, ssl2_client_master_key = 133;
}
std::string_view message_type_name(std::uint8_t type) noexcept;

// How far a stream's direction has got.
struct StreamSide {
  std::uint32_t body_left;     // Bytes of the present record that are passed over.
  std::uint32_t buffer;        // Of the handshake message that more records belong to; 0: none.
  std::uint32_t buffered;      // Bytes in it.
  std::uint32_t message_left;  // Bytes of a handshake message that is passed over.
  std::uint32_t passed;        // Bytes since synchronisation was lost, or of encrypted records.
  bool begun;                  // A record was seen.
  bool encrypted;              // What follows says nothing more.
  bool unsynchronised;         // Looking for the next record.
  bool told : 1;               // The skipped bytes are reported already.
  bool lost : 1;               // Handshake bytes are missing: a message must show where it begins.
  bool ended : 1;
};
struct StreamState {
  StreamSide sides[2];  // By Direction.
  std::uint32_t session;
  std::uint16_t version;  // Negotiated; 0: no ServerHello yet.
  std::uint8_t faults;    // Broken messages told.
  bool client_known : 1;
  bool client_is_initiator : 1;
  bool told : 1;
  bool dead : 1;     // Nothing here can be read any more.
  bool retry : 1;    // HelloRetryRequest.
  bool alerted : 1;  // A fatal alert ended it,
  bool alert_from_responder : 1;
  bool ssl2_hello : 1;  // The client began in SSL 2's form,
  bool ssl2 : 1;        // and the server goes on in it.
};

class TlsDissector final : public dissect::Dissector {
 public:
  TlsDissector(const dissect::Limits& limits, metrics::WorkerCounters& counters, HashSeed seed)
      : counters_(counters),
        sessions_(std::min(limits.open_streams, sessions_max)),
        messages_(message_buffers_max),
        certificates_(seed) {}

  void datagram(const dissect::MessageContext& context, Bytes message, dissect::RecordSink& sink) noexcept override;
  dissect::Progress feed(void* state, const dissect::MessageContext& context, Bytes stream,
                         dissect::RecordSink& sink) noexcept override;
  void gap(void* state, const dissect::MessageContext& context, std::uint32_t missing,
           dissect::RecordSink& sink) noexcept override;
  void finish(void* state, const dissect::MessageContext& context, Bytes left,
              dissect::RecordSink& sink) noexcept override;
  void close(void* state) noexcept override;

  // For tests.
  std::uint32_t sessions_open() const noexcept { return sessions_.size(); }
  std::uint32_t messages_open() const noexcept { return messages_.size(); }
  std::uint32_t certificates_cached() const noexcept { return certificates_.size(); }

 private:
  // One call's company.
  struct Turn {
    StreamState& state;
    StreamSide& side;
    const dissect::MessageContext& context;
    dissect::RecordSink& sink;
  };
  struct MessageBuffer {
    // Nothing to do at birth: it is filled before it is read.
    MessageBuffer() noexcept {}
    std::array<std::uint8_t, message_bytes_max> bytes;
  };

  // tls_dissector.cpp: records.
  dissect::Progress record(const Turn& turn, Bytes stream) noexcept;
  dissect::Progress after_alert(const Turn& turn, Bytes stream) noexcept;
  dissect::Progress bad_record(const Turn& turn, Bytes stream) noexcept;
  dissect::Progress resynchronise(const Turn& turn, Bytes stream) noexcept;
  dissect::Progress pass_over(const Turn& turn, std::uint32_t whole, std::size_t size) noexcept;
  dissect::Progress encrypted_record(const Turn& turn, std::uint32_t whole, std::size_t size) noexcept;
  dissect::Progress settled_or(const Turn& turn, dissect::Progress progress) noexcept;
  bool ssl2_begins(const Turn& turn, Bytes stream) const noexcept;
  dissect::Progress ssl2_record(const Turn& turn, Bytes stream) noexcept;
  void change_cipher_spec(const Turn& turn, Bytes body) noexcept;
  void alert(const Turn& turn, Bytes body) noexcept;
  void heartbeat(const Turn& turn, Bytes header, std::uint32_t length) noexcept;
  void handshake_bytes(const Turn& turn, Bytes fragment) noexcept;
  void drop_message(StreamSide& side) noexcept;

  // tls_handshake.cpp: messages.
  void message(const Turn& turn, Bytes whole) noexcept;
  static void tell_call(const Turn& turn, std::string_view server_name) noexcept;
  void client_hello(const Turn& turn, Bytes body) noexcept;
  void server_hello(const Turn& turn, Bytes body) noexcept;
  void certificate(const Turn& turn, Bytes body) noexcept;
  void ssl2_client_hello(const Turn& turn, Bytes body) noexcept;
  void ssl2_server_hello(const Turn& turn, Bytes body) noexcept;
  void ssl2_client_master_key(const Turn& turn, Bytes body) noexcept;
  void leaf(const Turn& turn, Bytes der, std::uint32_t offset, SeenChain& chain) noexcept;
  void fingerprint(Session& session, const ClientHello& hello) noexcept;
  void broken(const Turn& turn, ParseError error, std::size_t offset) noexcept;
  // Null where nobody wants to know, or there is no room.
  Session* session_of(const Turn& turn) noexcept;
  bool from_client(const Turn& turn) const noexcept;
  void count(std::uint8_t type) noexcept;
  // Tells record and fact, once.
  void tell(const Turn& turn) noexcept;

  metrics::WorkerCounters& counters_;
  Pool<Session> sessions_;
  Pool<MessageBuffer> messages_;
  CertificateCache certificates_;
  Fingerprinter fingerprinter_;
};

// The row of the registry.
extern const dissect::DissectorRow registry_row;

}  // namespace tsujiban::tls
