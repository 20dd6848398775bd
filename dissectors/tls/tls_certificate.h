#pragma once
#include <cstdint>

#include "dissectors/tls/tls_digest.h"
#include "dissectors/tls/tls_text.h"

namespace tsujiban::tls {

inline constexpr std::size_t name_text_max = 640;  // Of subject and issuer each; longer ones are cut.
inline constexpr std::size_t common_name_max = 128;
inline constexpr std::size_t serial_bytes_max = 32;  // RFC 5280, 4.1.2.2 allows 20.
inline constexpr std::size_t alternative_bytes_max = 2048;
inline constexpr unsigned alternatives_max = 256;  // Subject alternative names read.
inline constexpr unsigned extensions_max = 64;
inline constexpr unsigned name_parts_max = 64;  // Attributes of subject or issuer.
inline constexpr std::size_t certificate_bytes_max = 1u << 16;

enum class KeyKind : std::uint8_t { unknown, rsa, rsa_pss, dsa, ec, ed25519, ed448 };
std::string_view name_of(KeyKind kind) noexcept;  // "RSA", "EC", ...; empty for unknown.

// Of the hash that a certificate is signed with.
enum class SignatureHash : std::uint8_t { unknown, md5, sha1, strong };

enum class AlternativeKind : std::uint8_t { dns, ip, email, uri };

// What is kept of a certificate (RFC 5280, 4.1). Plain data of bounded size: no view into the message.
struct Certificate {
  Sha1 sha1{};
  Sha256 sha256{};
  bool read = false;  // Its form is that of an X.509 certificate; else nothing below holds but what was read before.
  bool self_signed = false;  // Issuer and subject are the same bytes.
  bool is_authority = false;
  bool has_usage = false;                       // Extended key usage is present,
  bool for_server = false, for_client = false;  // and allows these (or any).
  KeyKind key_kind = KeyKind::unknown;
  SignatureHash signature_hash = SignatureHash::unknown;
  std::uint16_t key_bits = 0;
  std::uint8_t x509_version = 0;
  std::uint8_t serial_size = 0;
  bool has_not_before = false, has_not_after = false;
  bool alternatives_cut = false;
  std::uint16_t alternative_count = 0;  // Kept.
  std::int64_t not_before_s = 0, not_after_s = 0;
  // Unkeyed, of the issuer's name and of the public key info as sent, without their heads; 0: not read so far.
  std::uint64_t issuer_hash = 0, key_hash = 0;
  std::array<std::uint8_t, serial_bytes_max> serial{};
  FixedText<name_text_max> subject, issuer;
  FixedText<common_name_max> common_name;            // Of the subject, the last one.
  FixedText<64> signature_algorithm, key_algorithm;  // Names, or identifiers as dotted numbers.
  FixedText<alternative_bytes_max> alternatives;     // Each: kind, length, text.

  // Calls `each(kind, text)` for every kept alternative name.
  template <class Each>
  void for_each_alternative(const Each& each) const noexcept {
    const std::string_view all = alternatives.view();
    for (std::size_t at = 0; at + 2 <= all.size();) {
      const std::size_t length = static_cast<std::uint8_t>(all[at + 1]);
      if (length > all.size() - at - 2) break;
      each(static_cast<AlternativeKind>(all[at]), all.substr(at + 2, length));
      at += 2 + length;
    }
  }
};

// Reads a certificate into `to`, which is fresh. The digests are made by the caller.
void read_certificate(Bytes der, Certificate& to) noexcept;

enum class NameVerdict : std::uint8_t { unknown, matches, differs };
// Whether a host of this name may show this certificate (RFC 6125, 6.4): its DNS and address names, or where it has
// none the common name; `*` stands for one whole label at the left. `unknown` where names were left out.
NameVerdict judge_name(const Certificate& certificate, std::string_view host) noexcept;

// "2014-07-15T17:04:39"; `to` has room for `time_text_max`.
inline constexpr std::size_t time_text_max = 24;
std::string_view write_time(std::int64_t seconds, char* to) noexcept;

}  // namespace tsujiban::tls
