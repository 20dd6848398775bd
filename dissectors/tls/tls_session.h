#pragma once
#include "base/bounded_map.h"
#include "base/fixed_vector.h"
#include "base/time.h"
#include "dissectors/tls/tls_certificate.h"
#include "dissectors/tls/tls_fingerprint.h"

namespace tsujiban::tls {

inline constexpr std::size_t server_name_max = 255;  // RFC 1035, 2.3.4; a longer one is cut.
inline constexpr std::size_t ja3_text_max = 2048;    // A longer text is left out; its hash is told all the same.
inline constexpr std::size_t ja3s_text_max = 512;
inline constexpr std::size_t protocols_max = 256;  // Bytes of the client's ALPN list.
inline constexpr std::size_t alerts_max = 4;
inline constexpr std::uint32_t certificates_cached_max = 2048;  // Of a worker.

struct SeenAlert {
  std::uint8_t level, description;
  bool from_client;
};

// A chain that one side showed: its first certificate by hash and place in the cache.
struct SeenChain {
  Sha256 sha256{};
  std::uint32_t cached = 0;  // 0: not read.
  std::uint16_t length = 0;  // Certificates.
  bool sent = false;         // The message came, with certificates or without.
  bool has_leaf = false;
};

// What is known of a handshake that is under way.
struct Session {
  PacketTime began;
  bool client_hello = false, server_hello = false, retry = false;
  bool encrypted_hello = false, early_data = false, offers_ticket = false;
  bool has_ja3 = false, has_ja3s = false, has_ja4 = false;
  bool downgrade_sentinel = false, chose_pre_shared_key = false, echoed_session_id = false;
  bool certificate_requested = false, certificate_proved = false, stapled = false;
  bool heartbeat_overread = false;
  bool exchanged_keys = false;  // ServerHelloDone or ClientKeyExchange: a handshake from its beginning.
  bool established = false;
  bool draft = false;  // Of TLS 1.3, one of the first fifteen.
  std::uint8_t compression = 0;
  std::uint8_t session_id_size = 0;
  std::uint16_t offered_version = 0;        // The highest one.
  std::uint16_t version = 0;                // Negotiated.
  std::uint16_t server_record_version = 0;  // Of the server's first record.
  std::uint32_t suite = 0;                  // Three octets in SSL 2.
  std::uint32_t heartbeats = 0;             // Before encryption.
  std::array<std::uint8_t, session_id_max> session_id{};
  Md5 ja3{}, ja3s{};
  Ja4 ja4{};
  SeenChain server, client;
  FixedVector<SeenAlert, alerts_max> alerts;
  FixedText<server_name_max> server_name;
  FixedText<protocols_max> protocols;  // ALPN as sent: length, name.
  FixedText<255> protocol;             // The chosen one.
  FixedText<ja3_text_max> ja3_text;
  FixedText<ja3s_text_max> ja3s_text;
};

// The fatal alert that ended it; 0: none.
std::uint8_t fatal_alert_of(const Session& session) noexcept;
// An earlier session goes on (RFC 5246, 7.3; RFC 5077, 3.1; RFC 8446, 2.2).
bool is_resumed(const Session& session) noexcept;

// Certificates that were read, by the SHA-256 of their bytes: each is read once. Bounded; the one that was used longest
// ago makes place.
class CertificateCache {
 public:
  explicit CertificateCache(HashSeed seed) : map_(certificates_cached_max, seed) {}
  // Reads it, or finds that it was. `chain` gets its place.
  const Certificate& read(Bytes der, SeenChain& chain) noexcept;
  // Null where none was seen, or it had to make place since.
  const Certificate* find(const SeenChain& chain) const noexcept;
  std::uint32_t size() const noexcept { return map_.size(); }

 private:
  struct Key {
    Sha256 digest;
    std::uint64_t hash(HashSeed seed) const noexcept { return hash_bytes(seed, digest); }
    bool operator==(const Key&) const = default;
  };
  BoundedMap<Key, Certificate> map_;
};

// Bits of session_weakness. `certificate` is the server's, or null.
std::uint16_t weakness_of(const Session& session, const Certificate* certificate) noexcept;

}  // namespace tsujiban::tls
