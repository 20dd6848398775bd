#include "dissectors/tls/tls_oids.h"

#include "dissectors/tls/tls_wire.h"

namespace tsujiban::tls {
namespace {

using namespace std::string_view_literals;

// clang-format off
constexpr struct {
  std::string_view oid;
  std::string_view value;
} attributes[] = {
    {"\x55\x04\x03"sv, "CN"},  // 2.5.4.3
    {"\x55\x04\x04"sv, "surname"},  // 2.5.4.4
    {"\x55\x04\x05"sv, "serialNumber"},  // 2.5.4.5
    {"\x55\x04\x06"sv, "C"},  // 2.5.4.6
    {"\x55\x04\x07"sv, "L"},  // 2.5.4.7
    {"\x55\x04\x08"sv, "ST"},  // 2.5.4.8
    {"\x55\x04\x09"sv, "streetAddress"},  // 2.5.4.9
    {"\x55\x04\x0A"sv, "O"},  // 2.5.4.10
    {"\x55\x04\x0B"sv, "OU"},  // 2.5.4.11
    {"\x55\x04\x0C"sv, "title"},  // 2.5.4.12
    {"\x55\x04\x0D"sv, "description"},  // 2.5.4.13
    {"\x55\x04\x0F"sv, "businessCategory"},  // 2.5.4.15
    {"\x55\x04\x11"sv, "postalCode"},  // 2.5.4.17
    {"\x55\x04\x29"sv, "name"},  // 2.5.4.41
    {"\x55\x04\x2A"sv, "givenName"},  // 2.5.4.42
    {"\x55\x04\x2B"sv, "initials"},  // 2.5.4.43
    {"\x55\x04\x2C"sv, "generationQualifier"},  // 2.5.4.44
    {"\x55\x04\x2D"sv, "uniqueIdentifier"},  // 2.5.4.45
    {"\x55\x04\x2E"sv, "dnQualifier"},  // 2.5.4.46
    {"\x2A\x86\x48\x86\xF7\x0D\x01\x09\x01"sv, "Email"},  // 1.2.840.113549.1.9.1
    {"\x2A\x86\x48\x86\xF7\x0D\x01\x09\x02"sv, "unstructuredName"},  // 1.2.840.113549.1.9.2
    {"\x09\x92\x26\x89\x93\xF2\x2C\x64\x01\x01"sv, "uid"},  // 0.9.2342.19200300.100.1.1
    {"\x09\x92\x26\x89\x93\xF2\x2C\x64\x01\x19"sv, "DC"},  // 0.9.2342.19200300.100.1.25
    {"\x2B\x06\x01\x04\x01\x82\x37\x3C\x02\x01\x01"sv, "msJurisdictionLocality"},  // 1.3.6.1.4.1.311.60.2.1.1
    {"\x2B\x06\x01\x04\x01\x82\x37\x3C\x02\x01\x02"sv, "msJurisdictionStateOrProvince"},  // 1.3.6.1.4.1.311.60.2.1.2
    {"\x2B\x06\x01\x04\x01\x82\x37\x3C\x02\x01\x03"sv, "msJurisdictionCountry"},  // 1.3.6.1.4.1.311.60.2.1.3
};
constexpr struct {
  std::string_view oid;
  KeyKind value;
} key_kinds[] = {
    {"\x2A\x86\x48\x86\xF7\x0D\x01\x01\x01"sv, KeyKind::rsa},  // 1.2.840.113549.1.1.1
    {"\x2A\x86\x48\x86\xF7\x0D\x01\x01\x0A"sv, KeyKind::rsa_pss},  // 1.2.840.113549.1.1.10
    {"\x2A\x86\x48\xCE\x38\x04\x01"sv, KeyKind::dsa},  // 1.2.840.10040.4.1
    {"\x2A\x86\x48\xCE\x3D\x02\x01"sv, KeyKind::ec},  // 1.2.840.10045.2.1
    {"\x2B\x65\x70"sv, KeyKind::ed25519},  // 1.3.101.112
    {"\x2B\x65\x71"sv, KeyKind::ed448},  // 1.3.101.113
};
constexpr Curve curves[] = {
    {"\x2A\x86\x48\xCE\x3D\x03\x01\x01"sv, "P-192", 192},  // 1.2.840.10045.3.1.1
    {"\x2B\x81\x04\x00\x21"sv, "P-224", 224},  // 1.3.132.0.33
    {"\x2A\x86\x48\xCE\x3D\x03\x01\x07"sv, "P-256", 256},  // 1.2.840.10045.3.1.7
    {"\x2B\x81\x04\x00\x22"sv, "P-384", 384},  // 1.3.132.0.34
    {"\x2B\x81\x04\x00\x23"sv, "P-521", 521},  // 1.3.132.0.35
    {"\x2B\x81\x04\x00\x0A"sv, "secp256k1", 256},  // 1.3.132.0.10
    {"\x2B\x81\x04\x00\x08"sv, "secp160r1", 160},  // 1.3.132.0.8
    {"\x2B\x24\x03\x03\x02\x08\x01\x01\x07"sv, "brainpoolP256r1", 256},  // 1.3.36.3.3.2.8.1.1.7
    {"\x2B\x24\x03\x03\x02\x08\x01\x01\x0B"sv, "brainpoolP384r1", 384},  // 1.3.36.3.3.2.8.1.1.11
    {"\x2B\x24\x03\x03\x02\x08\x01\x01\x0D"sv, "brainpoolP512r1", 512},  // 1.3.36.3.3.2.8.1.1.13
    {"\x2A\x81\x1C\xCF\x55\x01\x82\x2D"sv, "SM2", 256},  // 1.2.156.10197.1.301
};
constexpr SignatureAlgorithm signatures[] = {
    {"\x2A\x86\x48\x86\xF7\x0D\x01\x01\x02"sv, "md2WithRSAEncryption", SignatureHash::md5},  // 1.2.840.113549.1.1.2
    {"\x2A\x86\x48\x86\xF7\x0D\x01\x01\x03"sv, "md4WithRSAEncryption", SignatureHash::md5},  // 1.2.840.113549.1.1.3
    {"\x2A\x86\x48\x86\xF7\x0D\x01\x01\x04"sv, "md5WithRSAEncryption", SignatureHash::md5},  // 1.2.840.113549.1.1.4
    {"\x2A\x86\x48\x86\xF7\x0D\x01\x01\x05"sv, "sha1WithRSAEncryption", SignatureHash::sha1},  // 1.2.840.113549.1.1.5
    {"\x2B\x0E\x03\x02\x1D"sv, "sha1WithRSAEncryption", SignatureHash::sha1},  // 1.3.14.3.2.29
    {"\x2A\x86\x48\x86\xF7\x0D\x01\x01\x0A"sv, "rsassaPss", SignatureHash::strong},  // 1.2.840.113549.1.1.10
    {"\x2A\x86\x48\x86\xF7\x0D\x01\x01\x0B"sv, "sha256WithRSAEncryption", SignatureHash::strong},  // 1.2.840.113549.1.1.11
    {"\x2A\x86\x48\x86\xF7\x0D\x01\x01\x0C"sv, "sha384WithRSAEncryption", SignatureHash::strong},  // 1.2.840.113549.1.1.12
    {"\x2A\x86\x48\x86\xF7\x0D\x01\x01\x0D"sv, "sha512WithRSAEncryption", SignatureHash::strong},  // 1.2.840.113549.1.1.13
    {"\x2A\x86\x48\x86\xF7\x0D\x01\x01\x0E"sv, "sha224WithRSAEncryption", SignatureHash::strong},  // 1.2.840.113549.1.1.14
    {"\x2A\x86\x48\xCE\x38\x04\x03"sv, "dsa-with-sha1", SignatureHash::sha1},  // 1.2.840.10040.4.3
    {"\x60\x86\x48\x01\x65\x03\x04\x03\x01"sv, "dsa-with-sha224", SignatureHash::strong},  // 2.16.840.1.101.3.4.3.1
    {"\x60\x86\x48\x01\x65\x03\x04\x03\x02"sv, "dsa-with-sha256", SignatureHash::strong},  // 2.16.840.1.101.3.4.3.2
    {"\x2A\x86\x48\xCE\x3D\x04\x01"sv, "ecdsa-with-SHA1", SignatureHash::sha1},  // 1.2.840.10045.4.1
    {"\x2A\x86\x48\xCE\x3D\x04\x03\x01"sv, "ecdsa-with-SHA224", SignatureHash::strong},  // 1.2.840.10045.4.3.1
    {"\x2A\x86\x48\xCE\x3D\x04\x03\x02"sv, "ecdsa-with-SHA256", SignatureHash::strong},  // 1.2.840.10045.4.3.2
    {"\x2A\x86\x48\xCE\x3D\x04\x03\x03"sv, "ecdsa-with-SHA384", SignatureHash::strong},  // 1.2.840.10045.4.3.3
    {"\x2A\x86\x48\xCE\x3D\x04\x03\x04"sv, "ecdsa-with-SHA512", SignatureHash::strong},  // 1.2.840.10045.4.3.4
    {"\x2B\x65\x70"sv, "Ed25519", SignatureHash::strong},  // 1.3.101.112
    {"\x2B\x65\x71"sv, "Ed448", SignatureHash::strong},  // 1.3.101.113
};
constexpr struct {
  std::string_view oid;
  CertificateExtension value;
} extensions[] = {
    {"\x55\x1D\x11"sv, CertificateExtension::alternative_names},  // 2.5.29.17
    {"\x55\x1D\x13"sv, CertificateExtension::basic_constraints},  // 2.5.29.19
    {"\x55\x1D\x25"sv, CertificateExtension::extended_key_usage},  // 2.5.29.37
};
constexpr struct {
  std::string_view oid;
  Purpose value;
} purposes[] = {
    {"\x2B\x06\x01\x05\x05\x07\x03\x01"sv, Purpose::server},  // 1.3.6.1.5.5.7.3.1
    {"\x2B\x06\x01\x05\x05\x07\x03\x02"sv, Purpose::client},  // 1.3.6.1.5.5.7.3.2
    {"\x55\x1D\x25\x00"sv, Purpose::any},  // 2.5.29.37.0
};
// clang-format on

template <class Row, std::size_t N>
const Row* find_row(const Row (&rows)[N], Bytes oid) noexcept {
  const std::string_view octets = text_of(oid);
  for (const Row& row : rows) {
    if (row.oid == octets) return &row;
  }
  return nullptr;
}

}  // namespace

std::string_view attribute_name(Bytes oid) noexcept {
  const auto* const row = find_row(attributes, oid);
  return row != nullptr ? row->value : std::string_view{};
}

bool is_common_name(Bytes oid) noexcept { return text_of(oid) == attributes[0].oid; }

KeyKind key_kind_of(Bytes oid) noexcept {
  const auto* const row = find_row(key_kinds, oid);
  return row != nullptr ? row->value : KeyKind::unknown;
}

const Curve* find_curve(Bytes oid) noexcept { return find_row(curves, oid); }

const SignatureAlgorithm* find_signature(Bytes oid) noexcept { return find_row(signatures, oid); }

CertificateExtension extension_of(Bytes oid) noexcept {
  const auto* const row = find_row(extensions, oid);
  return row != nullptr ? row->value : CertificateExtension::other;
}

Purpose purpose_of(Bytes oid) noexcept {
  const auto* const row = find_row(purposes, oid);
  return row != nullptr ? row->value : Purpose::other;
}

}  // namespace tsujiban::tls
