#include "detect/signature_classes.h"

#include <array>

namespace tsujiban::detect {
namespace {

constexpr Severity p1 = Severity::critical, p2 = Severity::high, p3 = Severity::medium, p4 = Severity::low;

constexpr auto classes = std::to_array<SignatureClass>({
    {"not-suspicious", "Not Suspicious Traffic", p3},
    {"unknown", "Unknown Traffic", p3},
    {"bad-unknown", "Potentially Bad Traffic", p2},
    {"attempted-recon", "Attempted Information Leak", p2},
    {"successful-recon-limited", "Information Leak", p2},
    {"successful-recon-largescale", "Large Scale Information Leak", p2},
    {"attempted-dos", "Attempted Denial of Service", p2},
    {"successful-dos", "Denial of Service", p2},
    {"attempted-user", "Attempted User Privilege Gain", p1},
    {"unsuccessful-user", "Unsuccessful User Privilege Gain", p1},
    {"successful-user", "Successful User Privilege Gain", p1},
    {"attempted-admin", "Attempted Administrator Privilege Gain", p1},
    {"successful-admin", "Successful Administrator Privilege Gain", p1},
    {"rpc-portmap-decode", "Decode of an RPC Query", p2},
    {"shellcode-detect", "Executable code was detected", p1},
    {"string-detect", "A suspicious string was detected", p3},
    {"suspicious-filename-detect", "A suspicious filename was detected", p2},
    {"suspicious-login", "An attempted login using a suspicious username was detected", p2},
    {"system-call-detect", "A system call was detected", p2},
    {"tcp-connection", "A TCP connection was detected", p4},
    {"trojan-activity", "A Network Trojan was detected", p1},
    {"unusual-client-port-connection", "A client was using an unusual port", p2},
    {"network-scan", "Detection of a Network Scan", p3},
    {"denial-of-service", "Detection of a Denial of Service Attack", p2},
    {"non-standard-protocol", "Detection of a non-standard protocol or event", p2},
    {"protocol-command-decode", "Generic Protocol Command Decode", p3},
    {"web-application-activity", "access to a potentially vulnerable web application", p2},
    {"web-application-attack", "Web Application Attack", p1},
    {"misc-activity", "Misc activity", p3},
    {"misc-attack", "Misc Attack", p2},
    {"icmp-event", "Generic ICMP event", p3},
    {"inappropriate-content", "Inappropriate Content was Detected", p1},
    {"policy-violation", "Potential Corporate Privacy Violation", p1},
    {"default-login-attempt", "Attempt to login by a default username and password", p2},
    {"targeted-activity", "Targeted Malicious Activity was Detected", p1},
    {"exploit-kit", "Exploit Kit Activity Detected", p1},
    {"external-ip-check", "Device Retrieving External IP Address Detected", p2},
    {"domain-c2", "Domain Observed Used for C2 Detected", p1},
    {"pup-activity", "Possibly Unwanted Program Detected", p2},
    {"credential-theft", "Successful Credential Theft Detected", p1},
    {"social-engineering", "Possible Social Engineering Attempted", p2},
    {"coin-mining", "Crypto Currency Mining Activity Detected", p2},
    {"command-and-control", "Malware Command and Control Activity Detected", p1},
});

}  // namespace

const SignatureClass* find_signature_class(std::string_view name) noexcept {
  for (const SignatureClass& row : classes) {
    if (row.name == name) return &row;
  }
  return nullptr;
}

}  // namespace tsujiban::detect
