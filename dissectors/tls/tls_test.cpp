#include <gtest/gtest.h>

#include "dissectors/tls/tls_suites.h"
#include "dissectors/tls/tls_test_sink.h"

namespace tsujiban::tls {
namespace {

using dissect::Probe;
using dissect::Transport;
using testing::alpn;
using testing::bytes_of;
using testing::extension_of;
using testing::Hello;
using testing::joined;
using testing::number;
using testing::Octets;
using testing::octets;
using testing::values;
using testing::vector_of;

std::string hex(Bytes bytes) {
  std::string digits;
  for (const std::uint8_t b : bytes) {
    digits += "0123456789abcdef"[b >> 4];
    digits += "0123456789abcdef"[b & 15];
  }
  return digits;
}
Bytes bytes_in(std::string_view characters) {
  return {reinterpret_cast<const std::uint8_t*>(characters.data()), characters.size()};
}
Octets body_of(const Octets& message) { return {message.begin() + message_header_length, message.end()}; }

struct Prints {
  std::string ja3, ja3_hash, ja4;
};
Prints prints_of(const Hello& hello) {
  static Fingerprinter fingerprinter;
  const Octets body = body_of(hello.client());
  const ClientHello read = read_client_hello(body);
  EXPECT_EQ(read.error, ParseError::none);
  Prints prints;
  prints.ja3 = fingerprinter.ja3_text(read);
  prints.ja3_hash = hex(md5(bytes_in(prints.ja3)));
  Ja4 ja4;
  if (fingerprinter.ja4(read, ja4)) prints.ja4 = {ja4.data(), ja4.size()};
  return prints;
}
Octets groups(const std::vector<unsigned>& list) { return extension_of(10, vector_of(values(list), 2)); }
Octets point_formats(const std::vector<unsigned>& list) { return extension_of(11, vector_of(values(list, 1), 1)); }
Octets signature_algorithms(const std::vector<unsigned>& list) { return extension_of(13, vector_of(values(list), 2)); }
Octets versions(const std::vector<unsigned>& list) { return extension_of(43, vector_of(values(list), 1)); }
Octets empty(unsigned type) { return extension_of(type, {}); }

TEST(TlsDigest, gives_the_standards_own_examples) {
  EXPECT_EQ(hex(md5(bytes_in("abc"))), "900150983cd24fb0d6963f7d28e17f72");
  EXPECT_EQ(hex(sha1(bytes_in("abc"))), "a9993e364706816aba3e25717850c26c9cd0d89d");
  EXPECT_EQ(hex(sha256(bytes_in("abc"))), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

// The vectors of the JA3 project.
TEST(TlsFingerprint, ja3_of_a_hello_with_three_lists) {
  Hello hello;
  hello.version = 769;
  hello.suites = {47, 53, 5, 10, 49161, 49162, 49171, 49172, 50, 56, 19, 4};
  hello.extensions = joined({testing::server_name("x"), groups({23, 24, 25}), point_formats({0})});
  const Prints prints = prints_of(hello);
  EXPECT_EQ(prints.ja3, "769,47-53-5-10-49161-49162-49171-49172-50-56-19-4,0-10-11,23-24-25,0");
  EXPECT_EQ(prints.ja3_hash, "ada70206e40642a3e4461f35503241d5");
}

TEST(TlsFingerprint, ja3_of_a_hello_without_extensions_keeps_empty_fields) {
  Hello hello;
  hello.version = 769;
  hello.suites = {4, 5, 10, 9, 100, 98, 3, 6, 19, 18, 99};
  hello.has_extensions = false;
  const Prints prints = prints_of(hello);
  EXPECT_EQ(prints.ja3, "769,4-5-10-9-100-98-3-6-19-18-99,,,");
  EXPECT_EQ(prints.ja3_hash, "de350869b8c85de67a350c8d186f11e6");
  EXPECT_EQ(prints.ja4.substr(0, 11), "t10i110000_");
  EXPECT_EQ(prints.ja4.substr(24), "000000000000");
}

TEST(TlsFingerprint, ja3_and_ja4_of_firefox) {
  Hello hello;
  hello.version = 771;
  hello.suites = {4865,  4867,  4866,  49195, 49199, 52393, 52392, 49196, 49200,
                  49162, 49161, 49171, 49172, 156,   157,   47,    53};
  hello.extensions = joined(
      {testing::server_name("example.com"), empty(23), extension_of(65281, {0}), groups({29, 23, 24, 25, 256, 257}),
       point_formats({0}), empty(35), alpn({"h2", "http/1.1"}), empty(5), empty(34), empty(51),
       versions({0x0304, 0x0303}),
       signature_algorithms({0x0403, 0x0503, 0x0603, 0x0804, 0x0805, 0x0806, 0x0401, 0x0501, 0x0601, 0x0203, 0x0201}),
       empty(45), empty(28), empty(21)});
  const Prints prints = prints_of(hello);
  EXPECT_EQ(prints.ja3,
            "771,4865-4867-4866-49195-49199-52393-52392-49196-49200-49162-49161-49171-49172-156-157-47-53,"
            "0-23-65281-10-11-35-16-5-34-51-43-13-45-28-21,29-23-24-25-256-257,0");
  EXPECT_EQ(prints.ja3_hash, "579ccef312d18482fc42e2b822ca2430");
  EXPECT_EQ(prints.ja4, "t13d1715h2_5b57614c22b0_3d5424432f57");
}

TEST(TlsFingerprint, ja3s_of_a_server) {
  Hello hello;
  hello.version = 769;
  hello.suites = {47};
  hello.extensions =
      joined({extension_of(65281, {0}), empty(0), point_formats({0}), empty(35), empty(5), alpn({"h2"})});
  const Octets body = body_of(hello.server());
  Fingerprinter fingerprinter;
  const std::string_view ja3s = fingerprinter.ja3s_text(read_server_hello(body));
  EXPECT_EQ(ja3s, "769,47,65281-0-11-35-5-16");
  EXPECT_EQ(hex(md5(bytes_in(ja3s))), "836ce314215654b5b1f85f97c73e506f");
}

// The example of the JA4 project: Chrome.
Hello chrome() {
  Hello hello;
  hello.suites = {0x1301, 0x1302, 0x1303, 0xc02b, 0xc02f, 0xc02c, 0xc030, 0xcca9,
                  0xcca8, 0xc013, 0xc014, 0x009c, 0x009d, 0x002f, 0x0035};
  const Octets algorithms = signature_algorithms({0x0403, 0x0804, 0x0401, 0x0503, 0x0805, 0x0501, 0x0806, 0x0601});
  hello.extensions =
      joined({empty(0x1b), testing::server_name("example.com"), extension_of(0x33, {}), alpn({"h2"}),
              extension_of(0x4469, {}), empty(0x17), empty(0x2d), algorithms, empty(5), empty(0x23), empty(0x12),
              versions({0x0304, 0x0303}), extension_of(0xff01, {0}), point_formats({0}), groups({29}), empty(0x15)});
  return hello;
}

TEST(TlsFingerprint, ja4_of_chrome) { EXPECT_EQ(prints_of(chrome()).ja4, "t13d1516h2_8daaf6152771_e5627efa2ab1"); }

TEST(TlsFingerprint, grease_counts_nowhere) {
  Hello hello = chrome();
  const Prints plain = prints_of(hello);
  hello.suites.insert(hello.suites.begin(), 0x3A3A);
  hello.extensions = joined({empty(0x5A5A), hello.extensions, extension_of(0xFAFA, {0})});
  const Prints greased = prints_of(hello);
  EXPECT_EQ(greased.ja3, plain.ja3);
  EXPECT_EQ(greased.ja4, plain.ja4);
  for (unsigned i = 0; i < 16; ++i) EXPECT_TRUE(is_grease(static_cast<std::uint16_t>(i << 12 | i << 4 | 0x0A0A)));
  EXPECT_FALSE(is_grease(0x0A1A));
  EXPECT_FALSE(is_grease(0x0A0B));
}

TEST(TlsFingerprint, ja4_without_signature_algorithms_has_no_underscore_in_its_input) {
  Hello hello = chrome();
  const Octets algorithms = signature_algorithms({0x0403, 0x0804, 0x0401, 0x0503, 0x0805, 0x0501, 0x0806, 0x0601});
  // An extension of the same code without the list.
  const auto at = std::search(hello.extensions.begin(), hello.extensions.end(), algorithms.begin(), algorithms.end());
  hello.extensions.erase(at, at + static_cast<std::ptrdiff_t>(algorithms.size()));
  hello.extensions = joined({hello.extensions, signature_algorithms({})});
  EXPECT_EQ(prints_of(hello).ja4, "t13d1516h2_8daaf6152771_6d807ffa2a79");
}

TEST(TlsFingerprint, ja4_shows_the_first_protocol) {
  const auto letters = [](const Octets& extension) {
    Hello hello;
    hello.extensions = extension;
    return prints_of(hello).ja4.substr(8, 2);
  };
  EXPECT_EQ(letters(alpn({"h2"})), "h2");
  EXPECT_EQ(letters(alpn({"http/1.1", "h2"})), "h1");
  EXPECT_EQ(letters(alpn({"x"})), "xx");
  EXPECT_EQ(letters({}), "00");
  EXPECT_EQ(letters(alpn({"\xAB"})), "ab");
  EXPECT_EQ(letters(alpn({"\xAB\xCD"})), "ad");
  EXPECT_EQ(letters(alpn({"0\xAB"})), "3b");
}

TEST(TlsFingerprint, versions_of_ja4) {
  const auto of = [](unsigned legacy, const std::vector<unsigned>& offered) {
    Hello hello;
    hello.version = legacy;
    if (!offered.empty()) hello.extensions = versions(offered);
    return prints_of(hello).ja4.substr(1, 2);
  };
  EXPECT_EQ(of(0x0300, {}), "s3");
  EXPECT_EQ(of(0x0301, {}), "10");
  EXPECT_EQ(of(0x0302, {}), "11");
  EXPECT_EQ(of(0x0303, {}), "12");
  EXPECT_EQ(of(0x0303, {0x0303, 0x0A0A, 0x0304}), "13");
  EXPECT_EQ(of(0x0303, {0x0A0A}), "12");
  EXPECT_EQ(of(0x1234, {}), "00");
}

TEST(TlsFingerprint, the_most_values_have_a_fingerprint_and_one_more_has_none) {
  for (const std::size_t count : {fingerprint_values_max - 1, fingerprint_values_max, fingerprint_values_max + 1}) {
    Hello hello;
    hello.suites.assign(count, 0xFFFE);
    EXPECT_EQ(prints_of(hello).ja4.empty(), count > fingerprint_values_max) << count;
    EXPECT_EQ(prints_of(hello).ja3.empty(), count > fingerprint_values_max) << count;
    Hello extended;
    for (std::size_t i = 0; i < count; ++i) extended.extensions = joined({extended.extensions, empty(0xFFFD)});
    EXPECT_EQ(prints_of(extended).ja4.empty(), count > fingerprint_values_max) << count;
    EXPECT_EQ(prints_of(extended).ja3.empty(), count > fingerprint_values_max) << count;
  }
}

TEST(TlsHello, every_prefix_is_read_within_its_bounds_and_says_that_it_is_broken) {
  Hello hello = chrome();
  hello.session_id = Octets(32, 7);
  const Octets body = body_of(hello.client());
  const std::size_t without_extensions = 2 + 32 + 33 + 2 + 30 + 2;
  for (std::size_t size = 0; size < body.size(); ++size) {
    const Octets exact(body.begin(), body.begin() + static_cast<std::ptrdiff_t>(size));
    const ClientHello read = read_client_hello(exact);
    EXPECT_EQ(read.error == ParseError::none, size == without_extensions) << size;
    EXPECT_LE(read.error_offset, size);
  }
  const Octets server = body_of(hello.server());
  for (std::size_t size = 0; size < server.size(); ++size) {
    const Octets exact(server.begin(), server.begin() + static_cast<std::ptrdiff_t>(size));
    const ServerHello read = read_server_hello(exact);
    EXPECT_EQ(read.error == ParseError::none, size == 2 + 32 + 33 + 2 + 1) << size;
    EXPECT_LE(read.error_offset, size);
  }
}

TEST(TlsHello, lies_about_lengths_are_told_and_what_stands_before_them_is_read) {
  Hello hello;
  hello.extensions = joined({testing::server_name("a.example"), extension_of(10, {0, 4, 0, 29})});
  const Octets body = body_of(hello.client());
  const ClientHello read = read_client_hello(body);
  EXPECT_EQ(read.error, ParseError::tls_bad_extension);
  EXPECT_EQ(text_of(read.server_name), "a.example");
  const std::vector<std::pair<Octets, bool>> cases = {
      {extension_of(0, {}), false},
      {extension_of(0, {0, 0}), false},
      {extension_of(0, {0, 3, 0, 0, 5}), false},
      {alpn({""}), false},
      {extension_of(16, {0, 0}), false},
      {extension_of(43, {3, 3, 4, 3}), false},
      {extension_of(13, {0, 2, 4}), false},
      {extension_of(41, {}), true},
      {extension_of(65037, {}), true},
  };
  for (const auto& [extension, well] : cases) {
    Hello one;
    one.extensions = extension;
    const Octets bytes = body_of(one.client());
    EXPECT_EQ(read_client_hello(bytes).error == ParseError::none, well) << hex(extension);
  }
  Octets trailing = body_of(Hello{}.client());
  trailing.push_back(0);
  EXPECT_EQ(read_client_hello(trailing).error, ParseError::tls_bad_handshake);
}

TEST(TlsHello, a_request_to_try_again_and_the_sentinels_are_recognised) {
  Hello hello;
  hello.random = bytes_of("CF21AD74E59A6111BE1D8C021E65B891C2A211167ABB8C5E079E09E2C8A8339C");
  EXPECT_TRUE(read_server_hello(body_of(hello.server())).retry);
  for (const unsigned last : {0u, 1u, 2u}) {
    hello.random = joined({Octets(24, 9), octets("DOWNGRD"), number(last, 1)});
    EXPECT_EQ(read_server_hello(body_of(hello.server())).downgraded, last < 2);
  }
}

TEST(TlsSuites, names_say_what_is_weak) {
  namespace weak = session_weakness;
  const auto of = [](std::uint32_t code) { return weakness_of(*find_suite(code)); };
  EXPECT_EQ(of(0xC02F), 0);
  EXPECT_EQ(of(0x1301), 0);
  EXPECT_EQ(of(0x002F), 0);
  EXPECT_EQ(of(0xC0AE), 0);
  EXPECT_EQ(of(0x0000), weak::null_suite);
  EXPECT_EQ(of(0x0001), weak::null_suite | weak::md5_suite);
  EXPECT_EQ(of(0xC006), weak::null_suite);
  EXPECT_EQ(of(0xC0B4), weak::null_suite);
  EXPECT_EQ(of(0x0003), weak::export_suite | weak::rc4_suite | weak::md5_suite);
  EXPECT_EQ(of(0x0005), weak::rc4_suite);
  EXPECT_EQ(of(0x0009), weak::des_suite);
  EXPECT_EQ(of(0x0008), weak::export_suite | weak::des_suite);
  EXPECT_EQ(of(0x000A), weak::triple_des_suite);
  EXPECT_EQ(of(0x0034), weak::anonymous_suite);
  EXPECT_EQ(of(0x0700C0), weak::triple_des_suite | weak::md5_suite);
  EXPECT_EQ(find_suite(0x0A0A), nullptr);
  EXPECT_EQ(find_suite(0xFFFFFF), nullptr);
  EXPECT_EQ(find_suite(0xCCA9)->name, "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256");
}

TEST(TlsProbe, knows_the_first_record_by_its_content) {
  const Octets hello = testing::record(22, Hello{}.client(), 0x0301);
  EXPECT_EQ(probe(Transport::stream, false, hello), Probe::mine);
  EXPECT_EQ(probe(Transport::datagram, true, hello), Probe::not_mine);
  for (std::size_t size = 1; size < record_header_length + 6; ++size)
    EXPECT_EQ(probe(Transport::stream, false, Bytes(hello).first(size)), Probe::unsure) << size;
  EXPECT_EQ(probe(Transport::stream, false, testing::record(22, Hello{}.server())), Probe::mine);
  // A hello in records of one octet each.
  EXPECT_EQ(probe(Transport::stream, false, bytes_of("16 0301 0001 01 16 0301")), Probe::mine);
}

TEST(TlsProbe, leaves_other_protocols_alone) {
  for (const std::string_view other : {"GET / HTTP/1.1\r\n", "SSH-2.0-OpenSSH\r\n", "220 mail.example\r\n"})
    EXPECT_EQ(probe(Transport::stream, false, bytes_in(other)), Probe::not_mine);
  EXPECT_EQ(probe(Transport::stream, false, bytes_of("16 0301 FFFF 01 0000")), Probe::not_mine);
  EXPECT_EQ(probe(Transport::stream, false, bytes_of("16 0401 0100 01 0000 FC 0303")), Probe::not_mine);
  EXPECT_EQ(probe(Transport::stream, false, bytes_of("16 0301 0100 01 FF00 FC 0303")), Probe::not_mine);
  EXPECT_EQ(probe(Transport::stream, true, {}), Probe::not_mine);
}

TEST(TlsProbe, a_connection_met_in_its_middle_needs_its_port_or_a_second_record) {
  const Octets data = testing::record(23, Octets(30, 0xEE)), two = joined({data, data});
  EXPECT_EQ(probe(Transport::stream, false, data), Probe::not_mine);
  EXPECT_EQ(probe(Transport::stream, true, data), Probe::mine);
  EXPECT_EQ(probe(Transport::stream, false, two), Probe::mine);
}

TEST(TlsProbe, knows_the_hello_of_ssl_2) {
  const Octets hello = bytes_of(
      "802E 01 0002 0015 0000 0010 010080 020080 030080 040080 060040 0700C0 050080"
      "00112233445566778899AABBCCDDEEFF");
  EXPECT_EQ(probe(Transport::stream, false, hello), Probe::mine);
  EXPECT_EQ(probe(Transport::stream, false, Bytes(hello).first(10)), Probe::unsure);
  Octets lies = hello;
  lies[1] = 0x2F;
  EXPECT_EQ(probe(Transport::stream, false, lies), Probe::not_mine);
}

TEST(TlsMessages, every_counted_type_has_a_name) {
  EXPECT_EQ(message_type_name(handshake::client_hello), "client_hello");
  EXPECT_EQ(message_type_name(handshake::key_update), "key_update");
  EXPECT_EQ(message_type_name(message_type::change_cipher_spec), "change_cipher_spec");
  EXPECT_EQ(message_type_name(message_type::ssl2_client_master_key), "ssl2_client_master_key");
  EXPECT_EQ(message_type_name(7), "");
  EXPECT_EQ(message_type_name(100), "");
  EXPECT_EQ(message_type_name(255), "");
}

}  // namespace
}  // namespace tsujiban::tls
