#pragma once
// For tests of this folder: a dissector with both directions of a stream, and messages to feed it.
#include <memory>
#include <string>

#include "dissect/test_sink.h"
#include "dissectors/ssh/ssh_dissector.h"

namespace tsujiban::ssh::testing {

using dissect::testing::Octets;
using dissect::testing::ToldAnomaly;

inline Octets octets(std::string_view text) { return {text.begin(), text.end()}; }
inline Octets joined(std::initializer_list<Octets> parts) {
  Octets bytes;
  for (const Octets& part : parts) bytes.insert(bytes.end(), part.begin(), part.end());
  return bytes;
}
inline void put32(Octets& bytes, std::size_t value) {
  for (int shift = 24; shift >= 0; shift -= 8) bytes.push_back(static_cast<std::uint8_t>(value >> shift));
}
// A binary packet around `payload` with the padding that it needs (RFC 4253, 6).
inline Octets packet(const Octets& payload) {
  const std::size_t padding = 4 + (8 - (payload.size() + 9) % 8) % 8;
  Octets bytes;
  put32(bytes, payload.size() + padding + 1);
  bytes.push_back(static_cast<std::uint8_t>(padding));
  bytes.insert(bytes.end(), payload.begin(), payload.end());
  bytes.resize(bytes.size() + padding);
  return bytes;
}
inline Octets packet_of(std::uint8_t number, std::size_t size = 40) {
  Octets payload(size, 0x55);
  payload[0] = number;
  return packet(payload);
}
inline Octets kexinit(std::initializer_list<std::string_view> lists) {
  Octets payload(1 + cookie_bytes, 0x77);
  payload[0] = message::kexinit;
  for (const std::string_view list : lists) {
    put32(payload, list.size());
    payload.insert(payload.end(), list.begin(), list.end());
  }
  payload.resize(payload.size() + 5);
  return packet(payload);
}
inline Octets newkeys() { return packet({message::newkeys}); }
inline Octets clients_kexinit() {
  return kexinit({"ext-info-c,curve25519-sha256,ecdh-sha2-nistp256", "ssh-ed25519,rsa-sha2-256",
                  "chacha20-poly1305@openssh.com,aes128-ctr", "aes128-ctr,aes256-ctr", "hmac-sha2-256,hmac-sha1",
                  "hmac-sha1", "none,zlib", "none", "", ""});
}
inline Octets servers_kexinit() {
  return kexinit({"ecdh-sha2-nistp256,curve25519-sha256,ext-info-s", "rsa-sha2-256", "aes128-ctr", "aes256-ctr",
                  "hmac-sha1,hmac-sha2-256", "hmac-sha1", "none", "none,zlib@openssh.com", "", ""});
}
inline Octets clients_side() {
  return joined({octets("SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n"), clients_kexinit(), packet_of(30), newkeys()});
}
inline Octets servers_side() {
  return joined({octets("Authorised use only.\r\nSSH-1.99-dropbear_2020.81\n"), servers_kexinit(), packet_of(31, 200),
                 newkeys()});
}

struct Bench {
  static inline const IpAddress client = IpAddress::v4(0xC0A8140A), server = IpAddress::v4(0xC0A8140B);

  explicit Bench(bool want_records = true, std::uint32_t streams_max = 1024)
      : counters(std::make_unique<metrics::WorkerCounters>()),
        sink(EventType::ssh, want_records, want_records, 64 * 1024),
        dissector(limits_of(streams_max), *counters),
        stream(dissector, registry_row, sink) {
    context.packet = nullptr;
    context.time = {1'700'000'000'000'000'000};
    context.flow_id = 1;
    context.ip_protocol = 6;
    context.app_protocol = AppProtocol::ssh;
  }
  static dissect::Limits limits_of(std::uint32_t streams_max) {
    dissect::Limits limits;
    limits.open_streams = streams_max;
    return limits;
  }
  void from_client(bool yes) {
    context.direction = yes ? Direction::to_responder : Direction::to_initiator;
    context.source = yes ? client : server;
    context.destination = yes ? server : client;
    context.source_port = yes ? 40000 : port;
    context.destination_port = yes ? port : 40000;
  }
  void ask(Bytes bytes) { from_client(true), stream.feed(context, bytes); }
  void answer(Bytes bytes) { from_client(false), stream.feed(context, bytes); }
  void gap(bool client_side, std::uint32_t missing = 1) { from_client(client_side), stream.gap(context, missing); }
  void finish() {
    from_client(true), stream.finish(context);
    from_client(false), stream.finish(context);
    dissector.close(stream.state());
  }
  std::string last() const { return sink.records.empty() ? std::string{} : sink.records.back(); }
  bool has(std::string_view text) const { return last().find(text) != std::string::npos; }

  std::unique_ptr<metrics::WorkerCounters> counters;
  dissect::testing::TestSink sink;
  SshDissector dissector;
  dissect::testing::TestStream stream;
  dissect::MessageContext context{};
  std::uint16_t port = port_ssh;
};

}  // namespace tsujiban::ssh::testing
