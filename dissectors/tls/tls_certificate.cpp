#include "dissectors/tls/tls_certificate.h"

#include <bit>

#include "base/hash.h"
#include "dissectors/tls/tls_der.h"
#include "dissectors/tls/tls_oids.h"
#include "dissectors/tls/tls_wire.h"
#include "model/address.h"

namespace tsujiban::tls {
namespace {

constexpr char hex_digits[] = "0123456789ABCDEF";
constexpr std::uint8_t explicit_0 = 0xA0, explicit_3 = 0xA3, implicit_1 = 0x81, implicit_2 = 0x82;
constexpr std::uint8_t general_email = 0x81, general_dns = 0x82, general_uri = 0x86, general_ip = 0x87;

// Proleptic Gregorian calendar; a month is at most as far off as its number.
std::int64_t days_from_civil(std::int64_t year, unsigned month, unsigned day) noexcept {
  year -= month <= 2 ? 1 : 0;
  const std::int64_t era = (year >= 0 ? year : year - 399) / 400;
  const auto of_era = static_cast<unsigned>(year - era * 400);
  const unsigned of_year = (153 * (month + (month > 2 ? -3u : 9u)) + 2) / 5 + day - 1;
  return era * 146097 + (of_era * 365 + of_era / 4 - of_era / 100 + of_year) - 719468;
}

// RFC 5280, 4.1.2.5: YYMMDDHHMMSSZ with 50 to 99 of the last century, or YYYYMMDDHHMMSSZ.
bool read_time(const DerElement& element, std::int64_t& seconds) noexcept {
  const Bytes text = element.content;
  const bool utc = element.tag == der_tag::utc_time;
  if (!utc && element.tag != der_tag::generalized_time) return false;
  const std::size_t year_digits = utc ? 2 : 4;
  if (text.size() != year_digits + 11 || text.back() != 'Z') return false;
  std::array<unsigned, 8> pairs{};
  for (std::size_t i = 0; i + 1 < text.size(); i += 2) {
    if (text[i] < '0' || text[i] > '9' || text[i + 1] < '0' || text[i + 1] > '9') return false;
    pairs[i / 2] = (text[i] - '0') * 10u + (text[i + 1] - '0');
  }
  const unsigned* const field = pairs.data() + (utc ? 1 : 2);
  const std::int64_t year = utc ? (pairs[0] < 50 ? 2000 : 1900) + pairs[0] : pairs[0] * 100 + pairs[1];
  if (field[0] < 1 || field[0] > 12 || field[1] < 1 || field[1] > 31 || field[2] > 23 || field[3] > 59 || field[4] > 60)
    return false;
  seconds = days_from_civil(year, field[0], field[1]) * 86400 + field[2] * 3600 + field[3] * 60 + field[4];
  return true;
}

template <std::size_t N>
void put_utf8(FixedText<N>& text, std::uint32_t code) noexcept {
  char bytes[4];
  std::size_t size;
  if (code > 0x10FFFF || (code >= 0xD800 && code < 0xE000)) code = 0xFFFD;
  if (code < 0x80) {
    bytes[0] = static_cast<char>(code), size = 1;
  } else if (code < 0x800) {
    bytes[0] = static_cast<char>(0xC0 | code >> 6), size = 2;
  } else if (code < 0x10000) {
    bytes[0] = static_cast<char>(0xE0 | code >> 12), size = 3;
  } else {
    bytes[0] = static_cast<char>(0xF0 | code >> 18), size = 4;
  }
  for (std::size_t i = 1; i < size; ++i) bytes[i] = static_cast<char>(0x80 | (code >> (6 * (size - 1 - i)) & 0x3F));
  text.put({bytes, size});
}

template <std::size_t N>
void put_value(FixedText<N>& text, const DerElement& value) noexcept {
  switch (value.tag) {
    case der_tag::utf8_string:
    case der_tag::numeric_string:
    case der_tag::printable_string:
    case der_tag::t61_string:
    case der_tag::videotex_string:
    case der_tag::ia5_string:
    case der_tag::graphic_string:
    case der_tag::visible_string:
    case der_tag::general_string:
      return text.put(text_of(value.content));
    case der_tag::bmp_string:
      for (std::size_t i = 0; i + 1 < value.content.size(); i += 2) put_utf8(text, load_be16(value.content, i));
      return;
    case der_tag::universal_string:
      for (std::size_t i = 0; i + 3 < value.content.size(); i += 4) put_utf8(text, load_be32(value.content, i));
      return;
    default:
      for (const std::uint8_t b : value.content) {
        text.put(hex_digits[b >> 4]);
        text.put(hex_digits[b & 15]);
      }
  }
}

// X.690, 8.19: base 128, the first two arcs in one number.
template <std::size_t N>
void put_oid(FixedText<N>& text, Bytes oid) noexcept {
  std::uint64_t value = 0;
  bool first = true;
  for (const std::uint8_t b : oid) {
    value = (value & 0x01FFFFFFFFFFFFFFu) << 7 | (b & 0x7F);
    if ((b & 0x80) != 0) continue;
    if (first) {
      const std::uint64_t root = value < 80 ? value / 40 : 2;
      text.put_number(root);
      value -= root * 40;
      first = false;
    }
    text.put('.');
    text.put_number(value);
    value = 0;
  }
}

// Name ::= SEQUENCE OF SET OF SEQUENCE { type, value }, as text.
bool read_name(Bytes name, FixedText<name_text_max>& text, FixedText<common_name_max>* common_name) noexcept {
  DerReader parts(name);
  unsigned count = 0;
  bool first = true;
  while (!parts.empty()) {
    DerReader part(parts.take(der_tag::set));
    if (!parts.ok()) return false;
    bool joined = false;
    while (!part.empty()) {
      if (++count > name_parts_max) return false;
      DerReader attribute(part.take(der_tag::sequence));
      const Bytes type = attribute.take(der_tag::oid);
      const DerElement value = attribute.next();
      if (!part.ok() || !attribute.ok()) return false;
      if (!first) text.put(joined ? " + " : ", ");
      first = false;
      joined = true;
      if (const std::string_view known = attribute_name(type); !known.empty()) {
        text.put(known);
      } else {
        text.put("OID(");
        put_oid(text, type);
        text.put(')');
      }
      text.put('=');
      put_value(text, value);
      if (common_name != nullptr && is_common_name(type)) {
        common_name->clear();
        put_value(*common_name, value);
      }
    }
  }
  return true;
}

// The bits of a DER INTEGER that is not negative.
std::uint16_t bits_of(Bytes integer) noexcept {
  while (!integer.empty() && integer[0] == 0) integer = integer.subspan(1);
  if (integer.empty() || integer.size() > 0x1FFF) return 0;
  return static_cast<std::uint16_t>((integer.size() - 1) * 8 + static_cast<std::size_t>(std::bit_width(integer[0])));
}

void read_key(Bytes info, Certificate& to) noexcept {
  DerReader reader(info);
  DerReader algorithm(reader.take(der_tag::sequence));
  const Bytes type = algorithm.take(der_tag::oid);
  const Bytes key = reader.take(der_tag::bit_string);
  if (!reader.ok() || type.empty()) return;
  to.key_kind = key_kind_of(type);
  switch (to.key_kind) {
    case KeyKind::rsa:
    case KeyKind::rsa_pss: {
      // The bit string has its count of unused bits first.
      DerReader outer(key.empty() ? key : key.subspan(1));
      DerReader numbers(outer.take(der_tag::sequence));
      to.key_bits = bits_of(numbers.take(der_tag::integer));
      break;
    }
    case KeyKind::dsa: {
      DerReader parameters(algorithm.take(der_tag::sequence));
      to.key_bits = bits_of(parameters.take(der_tag::integer));
      break;
    }
    case KeyKind::ec: {
      const Bytes curve = algorithm.peek() == der_tag::oid ? algorithm.take(der_tag::oid) : Bytes{};
      const Curve* const known = find_curve(curve);
      if (known != nullptr) {
        to.key_bits = known->bits;
        to.key_algorithm.put("EC ");
        to.key_algorithm.put(known->name);
        return;
      }
      // An unknown curve: the size of an uncompressed point tells.
      if (key.size() > 2 && key[1] == 4)
        to.key_bits = static_cast<std::uint16_t>(std::min<std::size_t>((key.size() - 2) / 2 * 8, 0xFFFF));
      break;
    }
    case KeyKind::ed25519:
      to.key_bits = 256;
      break;
    case KeyKind::ed448:
      to.key_bits = 456;
      break;
    case KeyKind::unknown:
      put_oid(to.key_algorithm, type);
      return;
  }
  to.key_algorithm.put(name_of(to.key_kind));
}

void read_signature_algorithm(Bytes algorithm, Certificate& to) noexcept {
  DerReader reader(algorithm);
  const Bytes type = reader.take(der_tag::oid);
  if (!reader.ok()) return;
  if (const SignatureAlgorithm* const known = find_signature(type); known != nullptr) {
    to.signature_algorithm.put(known->name);
    to.signature_hash = known->hash;
  } else {
    put_oid(to.signature_algorithm, type);
  }
}

void read_alternatives(Bytes value, Certificate& to) noexcept {
  DerReader outer(value);
  DerReader names(outer.take(der_tag::sequence));
  while (!names.empty()) {
    const DerElement name = names.next();
    if (!names.ok()) return;
    AlternativeKind kind;
    std::string_view text = text_of(name.content);
    char digits[ip_text_max];
    switch (name.tag) {
      case general_dns:
        kind = AlternativeKind::dns;
        break;
      case general_email:
        kind = AlternativeKind::email;
        break;
      case general_uri:
        kind = AlternativeKind::uri;
        break;
      case general_ip: {
        if (name.content.size() != 4 && name.content.size() != 16) continue;
        kind = AlternativeKind::ip;
        const IpAddress address =
            name.content.size() == 4 ? IpAddress::v4(load_be32(name.content, 0)) : IpAddress::v6(name.content.data());
        text = {digits, write_ip(address, digits)};
        break;
      }
      default:
        continue;
    }
    const bool fits = text.size() <= 255 && to.alternatives.view().size() + 2 + text.size() <= alternative_bytes_max;
    if (!fits || to.alternative_count == alternatives_max) {
      to.alternatives_cut = true;
      continue;
    }
    to.alternatives.put(static_cast<char>(kind));
    to.alternatives.put(static_cast<char>(text.size()));
    to.alternatives.put(text);
    ++to.alternative_count;
  }
}

void read_usage(Bytes value, Certificate& to) noexcept {
  DerReader outer(value);
  DerReader purposes(outer.take(der_tag::sequence));
  to.has_usage = true;
  for (unsigned count = 0; !purposes.empty() && count < extensions_max; ++count) {
    const Purpose purpose = purpose_of(purposes.take(der_tag::oid));
    to.for_server = to.for_server || purpose == Purpose::server || purpose == Purpose::any;
    to.for_client = to.for_client || purpose == Purpose::client || purpose == Purpose::any;
  }
}

void read_extensions(Bytes list, Certificate& to) noexcept {
  DerReader outer(list);
  DerReader extensions(outer.take(der_tag::sequence));
  for (unsigned count = 0; !extensions.empty() && count < extensions_max; ++count) {
    DerReader one(extensions.take(der_tag::sequence));
    const Bytes type = one.take(der_tag::oid);
    if (one.peek() == der_tag::boolean) one.next();
    const Bytes value = one.take(der_tag::octet_string);
    if (!extensions.ok() || !one.ok()) return;
    switch (extension_of(type)) {
      case CertificateExtension::alternative_names:
        read_alternatives(value, to);
        break;
      case CertificateExtension::basic_constraints: {
        DerReader whole(value);
        DerReader fields(whole.take(der_tag::sequence));
        if (fields.peek() == der_tag::boolean) {
          const Bytes flag = fields.next().content;
          to.is_authority = flag.size() == 1 && flag[0] != 0;
        }
        break;
      }
      case CertificateExtension::extended_key_usage:
        read_usage(value, to);
        break;
      case CertificateExtension::other:
        break;
    }
  }
}

char lower(char c) noexcept { return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c; }
bool same_name(std::string_view a, std::string_view b) noexcept {
  return a.size() == b.size() &&
         std::equal(a.begin(), a.end(), b.begin(), [](char x, char y) { return lower(x) == lower(y); });
}
std::string_view without_last_dot(std::string_view name) noexcept {
  return !name.empty() && name.back() == '.' ? name.substr(0, name.size() - 1) : name;
}
bool matches(std::string_view pattern, std::string_view host) noexcept {
  pattern = without_last_dot(pattern);
  if (pattern.size() > 2 && pattern[0] == '*' && pattern[1] == '.') {
    const std::size_t dot = host.find('.');
    return dot != std::string_view::npos && dot > 0 && same_name(pattern.substr(1), host.substr(dot));
  }
  return same_name(pattern, host);
}

}  // namespace

void read_certificate(Bytes der, Certificate& to) noexcept {
  DerReader file(der);
  DerReader certificate(file.take(der_tag::sequence));
  DerReader fields(certificate.take(der_tag::sequence));
  if (!certificate.ok()) return;
  if (fields.peek() == explicit_0) {
    DerReader version(fields.next().content);
    const Bytes number = version.take(der_tag::integer);
    if (number.size() == 1) to.x509_version = static_cast<std::uint8_t>(number[0] + 1);
  } else {
    to.x509_version = 1;
  }
  const Bytes serial = fields.take(der_tag::integer);
  to.serial_size = static_cast<std::uint8_t>(std::min(serial.size(), serial_bytes_max));
  if (to.serial_size > 0) std::memcpy(to.serial.data(), serial.data(), to.serial_size);
  fields.take(der_tag::sequence);  // The signature's algorithm, which stands behind the fields again.
  const Bytes issuer = fields.take(der_tag::sequence);
  DerReader validity(fields.take(der_tag::sequence));
  const Bytes subject = fields.take(der_tag::sequence);
  const Bytes key = fields.take(der_tag::sequence);
  if (!fields.ok() || serial.empty()) return;
  to.issuer_hash = hash_bytes(HashSeed{}, issuer) | 1;
  to.key_hash = hash_bytes(HashSeed{}, key) | 1;
  bool well = read_name(issuer, to.issuer, nullptr);
  well = read_name(subject, to.subject, &to.common_name) && well;
  to.self_signed = std::equal(issuer.begin(), issuer.end(), subject.begin(), subject.end());
  to.has_not_before = read_time(validity.next(), to.not_before_s);
  to.has_not_after = read_time(validity.next(), to.not_after_s);
  read_key(key, to);
  // Unique identifiers, then extensions, in [1], [2] and [3].
  while (fields.peek() == implicit_1 || fields.peek() == implicit_2) fields.next();
  if (fields.peek() == explicit_3) read_extensions(fields.next().content, to);
  read_signature_algorithm(certificate.take(der_tag::sequence), to);
  certificate.take(der_tag::bit_string);
  to.read = well && fields.ok() && certificate.ok() && validity.ok() && to.has_not_before && to.has_not_after;
}

NameVerdict judge_name(const Certificate& certificate, std::string_view host) noexcept {
  host = without_last_dot(host);
  if (host.empty() || !certificate.read) return NameVerdict::unknown;
  bool has_names = false, found = false;
  certificate.for_each_alternative([&](AlternativeKind kind, std::string_view text) {
    if (kind == AlternativeKind::dns) {
      has_names = true;
      found = found || matches(text, host);
    } else if (kind == AlternativeKind::ip) {
      has_names = true;
      found = found || same_name(text, host);
    }
  });
  if (!has_names && !certificate.alternatives_cut) found = matches(certificate.common_name.view(), host);
  if (found) return NameVerdict::matches;
  return certificate.alternatives_cut ? NameVerdict::unknown : NameVerdict::differs;
}

std::string_view write_time(std::int64_t seconds, char* to) noexcept {
  std::int64_t days = seconds / 86400, left = seconds % 86400;
  if (left < 0) left += 86400, --days;
  days += 719468;
  const std::int64_t era = (days >= 0 ? days : days - 146096) / 146097;
  const auto of_era = static_cast<unsigned>(days - era * 146097);
  const unsigned year_of_era = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
  const unsigned of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
  const unsigned shifted = (5 * of_year + 2) / 153;
  const unsigned day = of_year - (153 * shifted + 2) / 5 + 1, month = shifted < 10 ? shifted + 3 : shifted - 9;
  const auto year = static_cast<unsigned>(std::int64_t{year_of_era} + era * 400 + (month <= 2 ? 1 : 0));
  const auto second = static_cast<unsigned>(left);
  char* at = to;
  const auto put = [&](unsigned value, unsigned digits, char behind) {
    for (unsigned i = digits; i-- > 0; value /= 10) at[i] = static_cast<char>('0' + value % 10);
    at += digits;
    *at++ = behind;
  };
  put(year, 4, '-');
  put(month, 2, '-');
  put(day, 2, 'T');
  put(second / 3600, 2, ':');
  put(second / 60 % 60, 2, ':');
  put(second % 60, 2, '\0');
  return {to, static_cast<std::size_t>(at - to - 1)};
}

std::string_view name_of(KeyKind kind) noexcept {
  static constexpr std::array<std::string_view, 7> names = {"", "RSA", "RSA-PSS", "DSA", "EC", "Ed25519", "Ed448"};
  return names[static_cast<std::size_t>(kind)];
}

}  // namespace tsujiban::tls
