#include "dissectors/tls/tls_session.h"

#include "dissectors/tls/tls_suites.h"
#include "model/fact.h"

namespace tsujiban::tls {

std::uint8_t fatal_alert_of(const Session& session) noexcept {
  for (const SeenAlert& alert : session.alerts) {
    if (alert.level == alert_fatal) return alert.description;
  }
  return 0;
}

bool is_resumed(const Session& session) noexcept {
  if (!session.server_hello) return false;
  if (is_tls13(session.version)) return session.chose_pre_shared_key;
  if (session.server.sent || session.exchanged_keys || !session.established) return false;
  return session.echoed_session_id || session.offers_ticket;
}

const Certificate& CertificateCache::read(Bytes der, SeenChain& chain) noexcept {
  chain.sha256 = sha256(der);
  const auto [index, added] = map_.use(Key{chain.sha256});
  Certificate& certificate = map_.value(index);
  if (added) {
    certificate.sha256 = chain.sha256;
    certificate.sha1 = sha1(der);
    read_certificate(der, certificate);
  }
  chain.cached = index;
  chain.has_leaf = true;
  return certificate;
}

const Certificate* CertificateCache::find(const SeenChain& chain) const noexcept {
  if (chain.cached == 0 || !(map_.key(chain.cached) == Key{chain.sha256})) return nullptr;
  return &map_.value(chain.cached);
}

std::uint16_t weakness_of(const Session& session, const Certificate* certificate) noexcept {
  namespace weak = session_weakness;
  std::uint16_t bits = 0;
  if (session.server_hello) {
    if (session.version < version::tls12) bits |= weak::old_version;
    if (const Suite* const suite = find_suite(session.suite); suite != nullptr) bits |= weakness_of(*suite);
    if (session.compression != 0) bits |= weak::compression;
    // The sentinel alone only says that the server is newer than what both speak.
    if (session.downgrade_sentinel && session.offered_version > session.version) bits |= weak::downgraded;
  }
  if (session.heartbeat_overread) bits |= weak::heartbeat_overread;
  if (certificate != nullptr) {
    const bool curve = certificate->key_kind == KeyKind::ec;
    const bool known = certificate->key_kind != KeyKind::unknown && certificate->key_bits != 0;
    if (known && certificate->key_bits < (curve ? 256 : 2048) && certificate->key_kind != KeyKind::ed25519 &&
        certificate->key_kind != KeyKind::ed448)
      bits |= weak::short_key;
    if (certificate->signature_hash == SignatureHash::sha1) bits |= weak::sha1_signature;
    if (certificate->signature_hash == SignatureHash::md5) bits |= weak::md5_signature;
  }
  return bits;
}

}  // namespace tsujiban::tls
