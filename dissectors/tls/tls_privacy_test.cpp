#include <gtest/gtest.h>

#include "dissectors/tls/tls_json.h"
#include "dissectors/tls/tls_test_certificates.h"
#include "dissectors/tls/tls_test_sink.h"

namespace tsujiban::tls {
namespace {

using testing::bytes_of;

struct Written {
  std::string text;
  bool has(std::string_view what) const { return text.find(what) != std::string::npos; }
};

// A session with the tests' certificates of a server and a client.
Written written(const output::Mask* mask, bool private_server) {
  static CertificateCache cache{HashSeed{}};
  Session session{};
  session.client_hello = session.server_hello = true;
  session.version = session.offered_version = version::tls12;
  session.server_name.put("vtn.example.jp");
  const Certificate& server = cache.read(bytes_of(testing::server_certificate), session.server);
  const Certificate& client = cache.read(bytes_of(testing::client_certificate), session.client);
  session.server.sent = session.client.sent = true;
  std::vector<char> buffer(1 << 16);
  JsonWriter writer(buffer.data(), buffer.size());
  writer.begin_object();
  write_session(writer, session, &server, &client, {}, mask, private_server);
  writer.end_object();
  return {std::string(writer.text())};
}

TEST(TlsPrivacy, a_clients_certificate_has_pseudonyms_and_a_public_servers_has_not) {
  const output::Mask mask(true, {}), off;
  const Written plain = written(nullptr, false), masked = written(&mask, false);
  EXPECT_EQ(plain.text, written(&off, true).text);
  ASSERT_TRUE(plain.has("ven-0001"));
  EXPECT_FALSE(masked.has("ven-0001"));
  EXPECT_FALSE(masked.has("Example Home"));
  EXPECT_TRUE(
      masked.has("\"client\":{\"subject\":\"masked\",\"issuerdn\":\"masked\",\"fingerprint\":\"masked\","
                 "\"serial\":\"masked\""));
  EXPECT_TRUE(masked.has("\"sni\":\"vtn.example.jp\""));
  EXPECT_TRUE(masked.has("Example Energy"));
}

TEST(TlsPrivacy, of_a_server_in_the_home_the_names_are_masked_too) {
  const std::vector<std::uint8_t> key(16, 7);
  const output::Mask mask(true, key);
  const Written masked = written(&mask, true);
  for (const char* name : {"vtn.example.jp", "ven.example.jp", "Example", "1A:2B:3C:4D", "192.0.2.1", "2001:db8::1"})
    EXPECT_FALSE(masked.has(name)) << name << '\n' << masked.text;
  EXPECT_TRUE(masked.has("\"subjectaltname\":[\"masked:"));
  EXPECT_TRUE(masked.has("\"key_bits\":2048"));
  // The same session gives the same pseudonyms.
  EXPECT_EQ(masked.text, written(&mask, true).text);
}

}  // namespace
}  // namespace tsujiban::tls
