#include "dissectors/tls/tls_facts.h"

#include <algorithm>

namespace tsujiban::tls {

SecureSession secure_session_of(const Session& session, const Certificate* certificate) noexcept {
  SecureSession fact{};
  std::array<char, server_name_max> lower;
  std::string_view name = session.server_name.view();
  if (!name.empty() && name.back() == '.') name.remove_suffix(1);
  std::transform(name.begin(), name.end(), lower.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c; });
  fact.server_name = DomainName::of({lower.data(), name.size()});
  // A draft of TLS 1.3 is TLS 1.3 to whoever judges it.
  const std::uint16_t negotiated = is_tls13(session.version) ? version::tls13 : session.version;
  fact.version = session.server_hello ? negotiated : session.offered_version;
  fact.cipher_suite = static_cast<std::uint16_t>(session.suite);
  fact.answered = session.server_hello;
  fact.established = session.established;
  fact.resumed = is_resumed(session);
  fact.weak = weakness_of(session, certificate);
  fact.fatal_alert = fatal_alert_of(session);
  fact.client_certificate_requested = session.certificate_requested;
  fact.client_certificate_presented = session.client.has_leaf;
  fact.client_certificate_proved = session.certificate_proved;
  fact.server_certificate_seen = session.server.has_leaf;
  if (session.server.has_leaf) fact.certificate_hash = load_be64(session.server.sha256.data());
  if (session.has_ja3) fact.ja3_hash = load_be64(session.ja3.data());
  if (session.has_ja4) fact.ja4 = session.ja4;
  if (certificate == nullptr) return fact;
  fact.certificate_sha1 = load_be64(certificate->sha1.data());
  fact.issuer_hash = certificate->issuer_hash;
  fact.key_hash = certificate->key_hash;
  fact.not_before_s = certificate->not_before_s;
  fact.not_after_s = certificate->not_after_s;
  fact.key_bits = certificate->key_bits;
  fact.self_signed = certificate->self_signed;
  switch (judge_name(*certificate, session.server_name.view())) {
    case NameVerdict::unknown:
      fact.name_matches = SecureSession::NameMatch::unknown;
      break;
    case NameVerdict::matches:
      fact.name_matches = SecureSession::NameMatch::matches;
      break;
    case NameVerdict::differs:
      fact.name_matches = SecureSession::NameMatch::differs;
      break;
  }
  return fact;
}

}  // namespace tsujiban::tls
