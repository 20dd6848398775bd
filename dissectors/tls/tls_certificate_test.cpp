#include <gtest/gtest.h>

#include "dissectors/tls/tls_der.h"
#include "dissectors/tls/tls_session.h"
#include "dissectors/tls/tls_test_certificates.h"
#include "dissectors/tls/tls_test_sink.h"

namespace tsujiban::tls {
namespace {

using testing::bytes_of;
using testing::joined;
using testing::Octets;
using testing::vector_of;

Certificate read(const Octets& der) {
  Certificate certificate;
  read_certificate(der, certificate);
  return certificate;
}
std::vector<std::string> alternatives_of(const Certificate& certificate) {
  std::vector<std::string> names;
  certificate.for_each_alternative([&](AlternativeKind, std::string_view text) { names.emplace_back(text); });
  return names;
}
std::string time_of(std::int64_t seconds) {
  char text[time_text_max];
  return std::string(write_time(seconds, text));
}
// One element of DER.
Octets der(unsigned tag, const Octets& content) {
  Octets length;
  if (content.size() < 0x80)
    length = testing::number(content.size(), 1);
  else if (content.size() < 0x100)
    length = joined({{0x81}, testing::number(content.size(), 1)});
  else if (content.size() < 0x10000)
    length = joined({{0x82}, testing::number(content.size(), 2)});
  else
    length = joined({{0x83}, testing::number(content.size(), 3)});
  return joined({{static_cast<std::uint8_t>(tag)}, length, content});
}
Octets attribute(std::string_view oid, const Octets& value) {
  return der(0x31, der(0x30, joined({der(0x06, bytes_of(oid)), value})));
}
constexpr std::string_view oid_cn = "550403", oid_alternatives = "551D11";
struct Parts {
  Octets issuer = attribute(oid_cn, der(0x0C, testing::octets("ca"))),
         subject = attribute(oid_cn, der(0x0C, testing::octets("host.example"))), extensions,
         not_before = der(0x17, testing::octets("240101000000Z")),
         not_after = der(0x17, testing::octets("491231235959Z"));
  Octets whole() const {
    const Octets algorithm = der(0x30, der(0x06, bytes_of("2A864886F70D01010B")));
    const Octets key = der(0x30, joined({der(0x30, der(0x06, bytes_of("2B6570"))), der(0x03, Octets(33, 0))}));
    Octets fields = joined({der(0xA0, der(0x02, {2})), der(0x02, {5}), algorithm, der(0x30, issuer),
                            der(0x30, joined({not_before, not_after})), der(0x30, subject), key});
    if (!extensions.empty()) fields = joined({fields, der(0xA3, der(0x30, extensions))});
    return der(0x30, joined({der(0x30, fields), algorithm, der(0x03, Octets(9, 0))}));
  }
  void names(const Octets& list) {
    extensions =
        joined({extensions, der(0x30, joined({der(0x06, bytes_of(oid_alternatives)), der(0x04, der(0x30, list))}))});
  }
};

TEST(TlsCertificate, a_servers_certificate_is_read) {
  const Certificate certificate = read(bytes_of(testing::server_certificate));
  ASSERT_TRUE(certificate.read);
  EXPECT_EQ(certificate.subject.view(), "C=JP, O=Example Energy, CN=vtn.example.jp");
  EXPECT_EQ(certificate.issuer.view(), certificate.subject.view());
  EXPECT_TRUE(certificate.self_signed);
  EXPECT_EQ(certificate.x509_version, 3);
  EXPECT_EQ(certificate.serial_size, 4);
  EXPECT_EQ(certificate.serial[0], 0x1A);
  EXPECT_EQ(time_of(certificate.not_before_s), "2026-11-21T17:12:14");
  EXPECT_EQ(time_of(certificate.not_after_s), "2027-11-21T17:12:14");
  EXPECT_EQ(certificate.key_algorithm.view(), "RSA");
  EXPECT_EQ(certificate.key_bits, 2048);
  EXPECT_EQ(certificate.signature_algorithm.view(), "sha256WithRSAEncryption");
  EXPECT_EQ(certificate.signature_hash, SignatureHash::strong);
  EXPECT_TRUE(certificate.is_authority);
  EXPECT_TRUE(certificate.has_usage && certificate.for_server && !certificate.for_client);
  EXPECT_EQ(alternatives_of(certificate),
            (std::vector<std::string>{"vtn.example.jp", "*.ven.example.jp", "192.0.2.1", "2001:db8::1"}));
}

TEST(TlsCertificate, a_clients_and_a_weak_one_are_read) {
  const Certificate client = read(bytes_of(testing::client_certificate));
  ASSERT_TRUE(client.read);
  EXPECT_EQ(client.subject.view(), "C=JP, O=Example Home, CN=ven-0001, serialNumber=0001");
  EXPECT_EQ(client.common_name.view(), "ven-0001");
  EXPECT_EQ(client.key_algorithm.view(), "EC P-256");
  EXPECT_EQ(client.key_bits, 256);
  EXPECT_TRUE(client.for_client && !client.for_server);
  const Certificate weak = read(bytes_of(testing::weak_certificate));
  ASSERT_TRUE(weak.read);
  EXPECT_EQ(weak.key_bits, 1024);
  EXPECT_EQ(weak.signature_hash, SignatureHash::sha1);
}

TEST(TlsCertificate, no_prefix_is_a_certificate_and_no_changed_octet_does_harm) {
  for (const std::string_view hex : {testing::server_certificate, testing::client_certificate}) {
    const Octets whole = bytes_of(hex);
    for (std::size_t size = 0; size < whole.size(); ++size)
      EXPECT_FALSE(read({whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size)}).read) << size;
    for (std::size_t at = 0; at < whole.size(); ++at) {
      for (const unsigned change : {0x01u, 0x80u, 0xFFu}) {
        Octets changed = whole;
        changed[at] = static_cast<std::uint8_t>(changed[at] ^ change);
        static_cast<void>(judge_name(read(changed), "vtn.example.jp"));
      }
    }
  }
}

TEST(TlsCertificate, forms_that_der_does_not_have_are_refused) {
  for (const std::string_view bad :
       {"3080 0000", "308105 0500050000", "30820005 0500050000", "3084FFFFFFFF", "1F8101", "3003", "30", ""}) {
    const Octets bytes = bytes_of(bad);
    DerReader reader(bytes);
    reader.next();
    EXPECT_FALSE(reader.ok()) << bad;
  }
}

TEST(TlsCertificate, names_of_every_string_type_become_text) {
  Parts parts;
  parts.subject =
      joined({attribute(oid_cn, der(0x1E, bytes_of("0041 3042"))),
              attribute("55040A", der(0x1C, bytes_of("00000042 0001F600 00110000"))),
              attribute("2A0304", der(0x13, testing::octets("x"))), attribute("550405", der(0x02, {1, 0xAB}))});
  const Certificate certificate = read(parts.whole());
  ASSERT_TRUE(certificate.read);
  EXPECT_EQ(certificate.subject.view(), "CN=A\u3042, O=B\U0001F600\uFFFD, OID(1.2.3.4)=x, serialNumber=01AB");
  EXPECT_FALSE(certificate.self_signed);
}

TEST(TlsCertificate, a_long_name_is_cut_and_too_many_parts_are_refused) {
  Parts parts;
  parts.subject = attribute(oid_cn, der(0x0C, Octets(2 * name_text_max, 'n')));
  Certificate certificate = read(parts.whole());
  EXPECT_TRUE(certificate.read);
  EXPECT_TRUE(certificate.subject.cut());
  EXPECT_EQ(certificate.subject.view().size(), name_text_max);
  for (const unsigned count : {name_parts_max - 1, name_parts_max, name_parts_max + 1}) {
    parts.subject.clear();
    for (unsigned i = 0; i < count; ++i) parts.subject = joined({parts.subject, attribute(oid_cn, der(0x0C, {'a'}))});
    EXPECT_EQ(read(parts.whole()).read, count <= name_parts_max);
  }
}

TEST(TlsCertificate, times_before_1970_and_after_2049) {
  Parts parts;
  parts.not_before = der(0x17, testing::octets("500101000000Z"));
  parts.not_after = der(0x18, testing::octets("99991231235959Z"));
  const Certificate certificate = read(parts.whole());
  ASSERT_TRUE(certificate.read);
  EXPECT_EQ(time_of(certificate.not_before_s), "1950-01-01T00:00:00");
  EXPECT_EQ(time_of(certificate.not_after_s), "9999-12-31T23:59:59");
  EXPECT_EQ(time_of(0), "1970-01-01T00:00:00");
  EXPECT_EQ(time_of(-1), "1969-12-31T23:59:59");
  EXPECT_EQ(time_of(951'782'400), "2000-02-29T00:00:00");
  for (const std::string_view bad :
       {"241301000000Z", "240100000000Z", "240101240000Z", "2401010000", "24010100000+9", ""}) {
    parts.not_before = der(0x17, testing::octets(bad));
    EXPECT_FALSE(read(parts.whole()).read) << bad;
  }
}

TEST(TlsCertificate, names_beyond_the_limit_are_left_out_and_then_no_verdict_is_given) {
  for (const unsigned count : {alternatives_max, alternatives_max + 1}) {
    Parts parts;
    Octets list;
    for (unsigned i = 0; i < count; ++i) list = joined({list, der(0x82, {'a'})});
    parts.names(list);
    const Certificate certificate = read(parts.whole());
    EXPECT_EQ(certificate.alternative_count, alternatives_max);
    EXPECT_EQ(certificate.alternatives_cut, count > alternatives_max);
    EXPECT_EQ(judge_name(certificate, "b"), count > alternatives_max ? NameVerdict::unknown : NameVerdict::differs);
    EXPECT_EQ(judge_name(certificate, "a"), NameVerdict::matches);
  }
}

TEST(TlsCertificate, a_name_matches_as_rfc_6125_says) {
  const Certificate certificate = read(bytes_of(testing::server_certificate));
  const auto judge = [&](std::string_view host) { return judge_name(certificate, host); };
  EXPECT_EQ(judge("vtn.example.jp"), NameVerdict::matches);
  EXPECT_EQ(judge("VTN.Example.JP."), NameVerdict::matches);
  EXPECT_EQ(judge("a.ven.example.jp"), NameVerdict::matches);
  EXPECT_EQ(judge("192.0.2.1"), NameVerdict::matches);
  EXPECT_EQ(judge("a.b.ven.example.jp"), NameVerdict::differs);
  EXPECT_EQ(judge("ven.example.jp"), NameVerdict::differs);
  EXPECT_EQ(judge(".ven.example.jp"), NameVerdict::differs);
  EXPECT_EQ(judge("evil.example"), NameVerdict::differs);
  EXPECT_EQ(judge(""), NameVerdict::unknown);
  // Without alternative names the common name counts.
  const Certificate weak = read(bytes_of(testing::weak_certificate));
  EXPECT_EQ(judge_name(weak, "weak.example.jp"), NameVerdict::matches);
  EXPECT_EQ(judge_name(weak, "other.example.jp"), NameVerdict::differs);
  EXPECT_EQ(judge_name(Certificate{}, "x"), NameVerdict::unknown);
}

TEST(TlsCertificateCache, a_certificate_is_read_once_and_the_oldest_makes_place) {
  CertificateCache cache(HashSeed{});
  SeenChain first, again;
  const Octets der = bytes_of(testing::server_certificate);
  const Certificate* const one = &cache.read(der, first);
  EXPECT_EQ(&cache.read(der, again), one);
  EXPECT_EQ(cache.size(), 1u);
  EXPECT_EQ(cache.find(first), one);
  for (std::uint32_t i = 0; i < 2 * certificates_cached_max; ++i) {
    SeenChain other;
    cache.read(testing::number(i, 4), other);
  }
  EXPECT_EQ(cache.size(), certificates_cached_max);
  EXPECT_EQ(cache.find(first), nullptr);
}

}  // namespace
}  // namespace tsujiban::tls
