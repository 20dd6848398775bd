#include "dissectors/tls/tls_json.h"

#include "dissectors/tls/tls_suites.h"
#include "model/fact.h"

namespace tsujiban::tls {
namespace {

constexpr char hex_digits[] = "0123456789abcdef";
constexpr char hex_digits_upper[] = "0123456789ABCDEF";

// "81:41:67"; `to` has room for three characters an octet.
std::string_view colon_hex(Bytes bytes, const char* digits, char* to) noexcept {
  std::size_t size = 0;
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    if (i > 0) to[size++] = ':';
    to[size++] = digits[bytes[i] >> 4];
    to[size++] = digits[bytes[i] & 15];
  }
  return {to, size};
}

// As Suricata names versions.
void write_version(JsonWriter& writer, std::string_view key, std::uint16_t v, bool draft) noexcept {
  writer.key(key);
  if (draft || (v >= 0x7F01 && v < 0x7F10)) return writer.plain_string("TLS 1.3 draft-<16");
  switch (v) {
    case 0:
      return writer.plain_string("UNDETERMINED");
    case version::ssl2:
      return writer.plain_string("SSLv2");
    case version::ssl3:
      return writer.plain_string("SSLv3");
    case version::tls10:
      return writer.plain_string("TLSv1");
    case version::tls11:
      return writer.plain_string("TLS 1.1");
    case version::tls12:
      return writer.plain_string("TLS 1.2");
    case version::tls13:
      return writer.plain_string("TLS 1.3");
    case 0xFB14:
      return writer.plain_string("TLS 1.3 draft-20-fb");
    default:
      break;
  }
  FixedText<32> text;
  if (v >= 0x7F10 && v <= 0x7F1C) {
    text.put("TLS 1.3 draft-");
    text.put_number(v & 0xFFu);
  } else {
    text.put("0x");
    for (unsigned shift = 16; shift > 0; shift -= 4) text.put(hex_digits[v >> (shift - 4) & 15]);
  }
  writer.plain_string(text.view());
}

// A member that names somebody's device: with `mask` its pseudonym.
void write_masked(JsonWriter& writer, std::string_view key, Bytes plain, const output::Mask& mask) noexcept {
  writer.key(key);
  writer.plain_string(mask.of(plain).view());
}
Bytes bytes_of(std::string_view text) noexcept {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

void write_serial(JsonWriter& writer, const Certificate& certificate, const output::Mask* mask) noexcept {
  if (mask != nullptr)
    return write_masked(writer, "serial", Bytes{certificate.serial}.first(certificate.serial_size), *mask);
  char text[3 * serial_bytes_max];
  writer.key("serial");
  writer.plain_string(colon_hex({certificate.serial.data(), certificate.serial_size}, hex_digits_upper, text));
}
void write_fingerprint(JsonWriter& writer, const Certificate& certificate, const output::Mask* mask) noexcept {
  if (mask != nullptr) return write_masked(writer, "fingerprint", certificate.sha1, *mask);
  char text[3 * 20];
  writer.key("fingerprint");
  writer.plain_string(colon_hex(certificate.sha1, hex_digits, text));
}
void write_validity(JsonWriter& writer, const Certificate& certificate) noexcept {
  char text[time_text_max];
  if (certificate.has_not_before) {
    writer.key("notbefore");
    writer.plain_string(write_time(certificate.not_before_s, text));
  }
  if (certificate.has_not_after) {
    writer.key("notafter");
    writer.plain_string(write_time(certificate.not_after_s, text));
  }
}
void write_text(JsonWriter& writer, std::string_view key, std::string_view text) noexcept {
  if (!text.empty()) writer.field(key, text);
}
void write_name(JsonWriter& writer, std::string_view key, std::string_view text, const output::Mask* mask) noexcept {
  if (mask == nullptr) return write_text(writer, key, text);
  if (!text.empty()) write_masked(writer, key, bytes_of(text), *mask);
}
// Who it is of, and by whom. An authority is named as it is: it is the same for all homes; who signs himself is none.
void write_names(JsonWriter& writer, const Certificate& certificate, const output::Mask* mask) noexcept {
  write_name(writer, "subject", certificate.subject.view(), mask);
  write_name(writer, "issuerdn", certificate.issuer.view(), certificate.self_signed ? mask : nullptr);
}

// What Suricata has no member for.
void write_details(JsonWriter& writer, const SeenChain& chain, const Certificate* certificate,
                   const output::Mask* mask) noexcept {
  if (mask != nullptr) {
    write_masked(writer, "sha256", chain.sha256, *mask);
  } else {
    writer.key("sha256");
    writer.hex_string(chain.sha256);
  }
  writer.field("chain_length", chain.length);
  if (certificate == nullptr) return;
  if (!certificate->read) writer.field("malformed", true);
  write_text(writer, "key_algorithm", certificate->key_algorithm.view());
  if (certificate->key_bits != 0) writer.field("key_bits", certificate->key_bits);
  write_text(writer, "signature_algorithm", certificate->signature_algorithm.view());
  writer.field("self_signed", certificate->self_signed);
  if (certificate->is_authority) writer.field("authority", true);
  if (certificate->has_usage) {
    writer.key("usage");
    writer.begin_array();
    if (certificate->for_server) writer.plain_string("server");
    if (certificate->for_client) writer.plain_string("client");
    writer.end_array();
  }
}

void write_alternatives(JsonWriter& writer, const Certificate& certificate, const output::Mask* mask) noexcept {
  if (certificate.alternative_count == 0) return;
  writer.key("subjectaltname");
  writer.begin_array();
  unsigned count = 0;
  certificate.for_each_alternative([&](AlternativeKind, std::string_view text) {
    if (count++ >= alternatives_written_max) return;
    if (mask == nullptr) return writer.string(text);
    writer.plain_string(mask->of(bytes_of(text)).view());
  });
  writer.end_array();
  if (certificate.alternatives_cut || count > alternatives_written_max) writer.field("subjectaltname_cut", true);
}

void write_hash(JsonWriter& writer, std::string_view key, const Md5& hash, std::string_view text) noexcept {
  writer.key(key);
  writer.begin_object();
  writer.key("hash");
  writer.hex_string(hash);
  if (!text.empty()) {
    writer.key("string");
    writer.plain_string(text);
  }
  writer.end_object();
}

// RFC 8446, 6 and RFC 5246, 7.2.
std::string_view name_of_alert(std::uint8_t description) noexcept {
  switch (description) {
    case 0:
      return "close_notify";
    case 10:
      return "unexpected_message";
    case 20:
      return "bad_record_mac";
    case 21:
      return "decryption_failed";
    case 22:
      return "record_overflow";
    case 30:
      return "decompression_failure";
    case 40:
      return "handshake_failure";
    case 41:
      return "no_certificate";
    case 42:
      return "bad_certificate";
    case 43:
      return "unsupported_certificate";
    case 44:
      return "certificate_revoked";
    case 45:
      return "certificate_expired";
    case 46:
      return "certificate_unknown";
    case 47:
      return "illegal_parameter";
    case 48:
      return "unknown_ca";
    case 49:
      return "access_denied";
    case 50:
      return "decode_error";
    case 51:
      return "decrypt_error";
    case 60:
      return "export_restriction";
    case 70:
      return "protocol_version";
    case 71:
      return "insufficient_security";
    case 80:
      return "internal_error";
    case 86:
      return "inappropriate_fallback";
    case 90:
      return "user_canceled";
    case 100:
      return "no_renegotiation";
    case 109:
      return "missing_extension";
    case 110:
      return "unsupported_extension";
    case 112:
      return "unrecognized_name";
    case 113:
      return "bad_certificate_status_response";
    case 115:
      return "unknown_psk_identity";
    case 116:
      return "certificate_required";
    case 120:
      return "no_application_protocol";
    default:
      return {};
  }
}

void write_alerts(JsonWriter& writer, const Session& session) noexcept {
  if (session.alerts.empty()) return;
  writer.key("alerts");
  writer.begin_array();
  for (const SeenAlert& alert : session.alerts) {
    writer.begin_object();
    writer.key("from");
    writer.plain_string(alert.from_client ? "client" : "server");
    writer.key("level");
    writer.plain_string(alert.level == alert_fatal ? "fatal" : "warning");
    writer.field("code", alert.description);
    if (const std::string_view name = name_of_alert(alert.description); !name.empty()) {
      writer.key("description");
      writer.plain_string(name);
    }
    writer.end_object();
  }
  writer.end_array();
}

void write_weak(JsonWriter& writer, std::uint16_t bits) noexcept {
  // By bit of session_weakness.
  static constexpr std::array<std::string_view, 14> names = {
      "old_version",   "null_suite",       "export_suite",       "anonymous_suite", "rc4_suite",
      "des_suite",     "triple_des_suite", "md5_suite",          "short_key",       "sha1_signature",
      "md5_signature", "compression",      "heartbeat_overread", "downgraded"};
  static_assert(session_weakness::downgraded == 1u << 13);
  if (bits == 0) return;
  writer.key("weak");
  writer.begin_array();
  for (std::size_t i = 0; i < names.size(); ++i) {
    if ((bits >> i & 1u) != 0) writer.plain_string(names[i]);
  }
  writer.end_array();
}

void write_protocols(JsonWriter& writer, const Session& session) noexcept {
  if (!session.protocols.empty()) {
    writer.key("client_alpns");
    writer.begin_array();
    const std::string_view list = session.protocols.view();
    for (std::size_t at = 0; at < list.size();) {
      const std::size_t length = static_cast<std::uint8_t>(list[at]);
      if (length > list.size() - at - 1) break;  // Cut.
      writer.string(list.substr(at + 1, length));
      at += 1 + length;
    }
    writer.end_array();
  }
  if (!session.protocol.empty()) {
    writer.key("server_alpns");
    writer.begin_array();
    writer.string(session.protocol.view());
    writer.end_array();
  }
}

void write_suite(JsonWriter& writer, std::uint32_t code) noexcept {
  writer.key("cipher_suite");
  writer.begin_object();
  writer.field("code", code);
  if (const Suite* const suite = find_suite(code); suite != nullptr) {
    writer.key("name");
    writer.plain_string(suite->name);
  }
  writer.end_object();
}

}  // namespace

void write_session(JsonWriter& writer, const Session& session, const Certificate* server, const Certificate* client,
                   PacketTime now, const output::Mask* mask, bool private_server) noexcept {
  const output::Mask* const of_client = mask != nullptr && mask->on() ? mask : nullptr;
  const output::Mask* const of_server = private_server ? of_client : nullptr;
  const bool old = !is_tls13(session.version);
  if (server != nullptr) {
    write_names(writer, *server, of_server);
  }
  // Suricata says it of versions before 1.3 only; there it is told with the pre-shared key.
  if (old && is_resumed(session)) writer.field("session_resumed", true);
  if (server != nullptr) {
    if (server->serial_size > 0) write_serial(writer, *server, of_server);
    write_fingerprint(writer, *server, of_server);
  }
  write_name(writer, "sni", session.server_name.view(), of_server);
  write_version(writer, "version", session.server_hello ? session.version : session.server_record_version,
                session.draft);
  if (server != nullptr) write_validity(writer, *server);
  if (session.has_ja3) write_hash(writer, "ja3", session.ja3, session.ja3_text.view());
  if (session.has_ja3s) write_hash(writer, "ja3s", session.ja3s, session.ja3s_text.view());
  if (session.has_ja4) writer.field("ja4", std::string_view{session.ja4.data(), session.ja4.size()});
  if (session.client.has_leaf) {
    writer.key("client");
    writer.begin_object();
    if (client != nullptr) {
      write_names(writer, *client, of_client);
      write_fingerprint(writer, *client, of_client);
      if (client->serial_size > 0) write_serial(writer, *client, of_client);
      write_validity(writer, *client);
    }
    write_details(writer, session.client, client, of_client);
    writer.end_object();
  }

  // From here on the members are ours.
  if (session.client_hello) write_version(writer, "offered_version", session.offered_version, false);
  if (session.server_hello && (session.version != version::ssl2 || session.suite != 0))
    write_suite(writer, session.suite);
  write_protocols(writer, session);
  if (server != nullptr) write_alternatives(writer, *server, of_server);
  if (session.server.has_leaf) {
    writer.key("certificate");
    writer.begin_object();
    write_details(writer, session.server, server, of_server);
    if (server != nullptr) {
      const NameVerdict verdict = judge_name(*server, session.server_name.view());
      if (verdict != NameVerdict::unknown) writer.field("name_matches", verdict == NameVerdict::matches);
    }
    if (session.stapled) writer.field("stapled", true);
    writer.end_object();
  }
  if (session.certificate_requested || session.client.sent) {
    writer.key("client_certificate");
    writer.begin_object();
    writer.field("requested", session.certificate_requested);
    writer.field("presented", session.client.has_leaf);
    writer.field("proved", session.certificate_proved);
    writer.end_object();
  }
  if (session.chose_pre_shared_key) writer.field("pre_shared_key", true);
  if (session.retry) writer.field("hello_retry", true);
  if (session.early_data) writer.field("early_data", true);
  if (session.encrypted_hello) writer.field("encrypted_client_hello", true);
  if (session.downgrade_sentinel) writer.field("downgrade_sentinel", true);
  if (session.compression != 0) writer.field("compression", session.compression);
  if (session.heartbeats != 0) writer.field("heartbeats", session.heartbeats);
  write_weak(writer, weakness_of(session, server));
  write_alerts(writer, session);
  writer.field("established", session.established);
  const std::int64_t spent = (now - session.began).ns / 1'000'000;
  // Where it just stopped, this is told when the stream is given up: no time of a handshake.
  const bool over = session.established || fatal_alert_of(session) != 0;
  if (session.client_hello && over && spent >= 0) writer.field("handshake_ms", spent);
}

}  // namespace tsujiban::tls
