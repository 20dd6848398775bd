#include <algorithm>
#include <cstdio>

#include "detect/alert_limit.h"
#include "detect/policy_detectors.h"

namespace tsujiban::detect {
namespace {

constexpr DetectorId detectors[] = {DetectorId::policy_plaintext, DetectorId::policy_no_mutual_auth,
                                    DetectorId::policy_weak_tls, DetectorId::policy_certificate};

constexpr std::uint16_t tls_1_3 = 0x0304;
namespace weakness = session_weakness;
// What makes a cipher suite one that no interface may use, whatever its list.
constexpr std::uint16_t weak_suites = weakness::null_suite | weakness::export_suite | weakness::anonymous_suite |
                                      weakness::rc4_suite | weakness::des_suite | weakness::triple_des_suite |
                                      weakness::md5_suite;

// Protocols whose dissector reads what they carry: they are in the clear. What only resolves names or assigns addresses
// is no application.
bool is_readable(AppProtocol protocol) noexcept {
  switch (protocol) {
    case AppProtocol::echonet_lite:
    case AppProtocol::http:
    case AppProtocol::mqtt:
    case AppProtocol::modbus:
    case AppProtocol::ftp:
    case AppProtocol::telnet:
    case AppProtocol::snmp:
      return true;
    case AppProtocol::unknown:
    case AppProtocol::tls:
    case AppProtocol::dns:
    case AppProtocol::dhcp:
    case AppProtocol::ssh:
    case AppProtocol::smb:
    case AppProtocol::rdp:
    case AppProtocol::ntp:
    case AppProtocol::count_:
      break;
  }
  return false;
}

const char* version_text(std::uint16_t version) noexcept {
  switch (version) {
    case 0x0002:
      return "SSL 2";
    case 0x0300:
      return "SSL 3";
    case 0x0301:
      return "TLS 1.0";
    case 0x0302:
      return "TLS 1.1";
    case 0x0303:
      return "TLS 1.2";
    case tls_1_3:
      return "TLS 1.3";
    default:
      return "an unknown version";
  }
}

const char* suite_text(std::uint16_t weak) noexcept {
  if ((weak & weakness::null_suite) != 0) return "it encrypts nothing";
  if ((weak & weakness::anonymous_suite) != 0) return "it authenticates nobody";
  if ((weak & weakness::export_suite) != 0) return "an export suite";
  if ((weak & weakness::rc4_suite) != 0) return "RC4";
  if ((weak & weakness::des_suite) != 0) return "DES";
  if ((weak & weakness::triple_des_suite) != 0) return "3DES";
  return "MD5";
}

// policy.plaintext, policy.no-mutual-auth, policy.weak-tls and policy.certificate: how the sessions of the site are
// protected, against what the guideline or the site asks of the interface.
class SessionDetector final : public SiteDetector {
 public:
  explicit SessionDetector(const Site& site) : site_(site), limit_(site.seed) {}

  void fact(const Fact& fact, const Ends& ends, Findings& findings) noexcept override {
    // Of two strangers nothing is asked; without an inventory everybody is one, and only certificates are looked at.
    const bool listed = ends.source_asset != 0 || ends.destination_asset != 0;
    if (site_.config->has_inventory() && !listed) return;
    if (fact.kind == FactKind::conversation) {
      if (listed) carried(fact, ends, findings);
      return;
    }
    const SecureSession& session = fact.secure_session;
    if (!session.answered) return;
    if (listed) {
      protection(fact, ends, findings);
      client(fact, ends, findings);
    }
    certificate(fact, ends, findings);
  }
  std::uint64_t evictions() const noexcept override { return limit_.evictions(); }
  void take_over(SiteDetector& before, const Renumbered&) override {
    auto& from = static_cast<SessionDetector&>(before);
    limit_.take_over(from.limit_);
  }

 private:
  void carried(const Fact& fact, const Ends& ends, Findings& findings) noexcept {
    const ConversationSeen& seen = fact.conversation;
    if (!seen.identified || seen.moment == ConversationSeen::Moment::answered || fact.to_group ||
        !is_readable(fact.protocol) || !site_.config->requirements_of(ends.interface).encryption)
      return;
    Alert alert = alert_of(DetectorId::policy_plaintext, fact, ends);
    alert.merge_key = 1 + static_cast<std::uint64_t>(fact.protocol);
    const std::string_view protocol = name_of(fact.protocol), interface = name_of(ends.interface);
    say_why(alert, 0, "%.*s is readable on interface %.*s, which needs encryption", static_cast<int>(protocol.size()),
            protocol.data(), static_cast<int>(interface.size()), interface.data());
    limit_.raise(alert, findings);
  }

  void protection(const Fact& fact, const Ends& ends, Findings& findings) noexcept {
    const SecureSession& session = fact.secure_session;
    const bool old = session.version < site_.config->requirements_of(ends.interface).tls_min;
    const auto suite = static_cast<std::uint16_t>(session.weak & weak_suites);
    if (!old && suite == 0) return;
    Alert alert = alert_of(DetectorId::policy_weak_tls, fact, ends);
    alert.merge_key = 1 + (std::uint64_t{session.version} << 16 | session.cipher_suite);
    unsigned line = 0;
    if (old) {
      say_why(alert, line++, "%s was agreed; TLS 1.%u or later is asked for", version_text(session.version),
              site_.config->requirements_of(ends.interface).tls_min - 0x0301u);
    }
    if (suite != 0) {
      say_why(alert, line++, "cipher suite %04X was agreed: %s", static_cast<unsigned>(session.cipher_suite),
              suite_text(suite));
    }
    if ((session.weak & weakness::downgraded) != 0)
      say_why(alert, line, "the server says that it could have done better: somebody between them may have interfered");
    limit_.raise(alert, findings);
  }

  void client(const Fact& fact, const Ends& ends, Findings& findings) noexcept {
    const SecureSession& session = fact.secure_session;
    if (!session.established || !site_.config->requirements_of(ends.interface).mutual_auth) return;
    if (session.version >= tls_1_3 || session.resumed || !session.server_certificate_seen) {
      findings.rests(DetectorId::policy_no_mutual_auth, fact, ends, nullptr);
      return;
    }
    if (session.client_certificate_presented) return;
    Alert alert = alert_of(DetectorId::policy_no_mutual_auth, fact, ends);
    alert.merge_key = 1;
    const std::string_view interface = name_of(ends.interface);
    say_why(alert, 0, "a %s handshake was completed without a client certificate, on interface %.*s",
            version_text(session.version), static_cast<int>(interface.size()), interface.data());
    say_why(alert, 1,
            session.client_certificate_requested ? "the server asked for one, and went on without it"
                                                 : "the server asked for none");
    limit_.raise(alert, findings);
  }

  void certificate(const Fact& fact, const Ends& ends, Findings& findings) noexcept {
    const SecureSession& session = fact.secure_session;
    if (!session.server_certificate_seen) {
      if (session.established && !session.resumed && session.version >= tls_1_3)
        findings.rests(DetectorId::policy_certificate, fact, ends, nullptr);
      return;
    }
    const std::int64_t now_s = fact.time.ns / 1'000'000'000;
    Alert alert = alert_of(DetectorId::policy_certificate, fact, ends);
    unsigned line = 0;
    if (session.not_after_s != 0 && session.not_after_s < now_s)
      say_why(alert, line++, "it expired %lld days ago", static_cast<long long>((now_s - session.not_after_s) / 86400));
    if (session.not_before_s > now_s)
      say_why(alert, line++, "it is valid only in %lld days",
              static_cast<long long>((session.not_before_s - now_s) / 86400));
    if (session.self_signed) say_why(alert, line++, "it is signed by itself");
    if (session.name_matches == SecureSession::NameMatch::differs) {
      // A device in the home is named after it, as in records (privacy.mask).
      const bool private_server = fact.destination.is_private() || fact.destination.is_link_local();
      const std::string_view name =
          site_.config->privacy.mask && private_server ? "masked" : session.server_name.view();
      say_why(alert, line++, "it does not name the server that was asked for: %.*s",
              static_cast<int>(std::min<std::size_t>(name.size(), 80)), name.data());
    }
    if ((session.weak & weakness::short_key) != 0)
      say_why(alert, line++, "its key has %u bits", static_cast<unsigned>(session.key_bits));
    if ((session.weak & (weakness::sha1_signature | weakness::md5_signature)) != 0)
      say_why(alert, line++, "its signature rests on %s",
              (session.weak & weakness::md5_signature) != 0 ? "MD5" : "SHA-1");
    if (line == 0) return;
    // The same certificate at the same server is one condition, whoever asks; clients are told one by one.
    alert.merge_key = session.certificate_hash | 1;
    limit_.raise(alert, findings);
  }

  Site site_;
  AlertLimit limit_;
};

}  // namespace

const SiteDetectorRow policy_sessions_row = {
    "policy_sessions", detectors, facts_of({FactKind::conversation, FactKind::secure_session}), false,
    [](const Site& site) -> std::unique_ptr<SiteDetector> { return std::make_unique<SessionDetector>(site); }};

}  // namespace tsujiban::detect
