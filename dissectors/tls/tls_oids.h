#pragma once
#include <string_view>

#include "base/bytes.h"
#include "dissectors/tls/tls_certificate.h"

// The object identifiers that certificates are read by, as their content octets.
namespace tsujiban::tls {

// The short name of an attribute of a distinguished name as Suricata writes it; empty where it has none.
std::string_view attribute_name(Bytes oid) noexcept;
bool is_common_name(Bytes oid) noexcept;

KeyKind key_kind_of(Bytes oid) noexcept;

struct Curve {
  std::string_view oid, name;
  std::uint16_t bits;
};
const Curve* find_curve(Bytes oid) noexcept;

struct SignatureAlgorithm {
  std::string_view oid, name;
  SignatureHash hash;
};
const SignatureAlgorithm* find_signature(Bytes oid) noexcept;

enum class CertificateExtension : std::uint8_t { other, alternative_names, basic_constraints, extended_key_usage };
CertificateExtension extension_of(Bytes oid) noexcept;

enum class Purpose : std::uint8_t { other, server, client, any };
Purpose purpose_of(Bytes oid) noexcept;

}  // namespace tsujiban::tls
