#pragma once
// For tests of this folder: a dissector with both directions of a stream, and messages to feed it.
#include "dissect/test_streams.h"
#include "dissectors/ssh/ssh_dissector.h"

namespace tsujiban::ssh::testing {

using namespace dissect::testing;

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

struct Bench : StreamBench<SshDissector, registry_row, EventType::ssh> {
  using StreamBench::StreamBench;
  std::uint32_t outstanding() const { return dissector.sessions(); }
};

}  // namespace tsujiban::ssh::testing
