#pragma once
#include <array>
#include <cstddef>
#include <string_view>

#include "base/hash.h"
#include "base/parse_error.h"
#include "base/time.h"
#include "model/address.h"
#include "model/segment_key.h"
#include "model/words.h"

namespace tsujiban {

// Neutral facts: the same thing said the same way whatever protocol carried it, so that one detector judges all of
// them. Plain data; they are copied over the ring to the correlator. `FactKind` tells which member of the union holds.
//
// Kinds marked *each* come for every occurrence. Kinds marked *news* come when something else was told last, or the
// same not lately: within `news_repeat`, where nothing else is said. Who counts news must count distinct things, never
// facts, because a fact may also come more often.
enum class FactKind : std::uint8_t {
  control_write,  // Each refusal of a written value. News, by writer, target and point: one value written; the
                  // same value again after `state_repeat`.
  reading,        // News: a state (`state_repeat`), a fault or an identity (`report_repeat`), read or announced.
  request,        // Each: a request to a group, whose answers the correlator pairs (Exchange).
  response,       // Each: an answer that no request of its own pair explains (Exchange); a notification to one
                  // node only where that node does not ask its sender.
  inquiry,        // News: somebody asks an object (`presence_repeat`), asks for what it has, or walks through it.
  object,         // News: a node has an object (`state_repeat`), or speaks as one (`presence_repeat`).
  asker,          // News: a node asks or writes as an object (`presence_repeat`).
  malformed,      // Each: a message broken against its standard.
  conversation,   // News: a flow began, was answered, or was identified later than it began.
  activity,       // News: a flow goes on (`conversation_repeat`).
  burst,          // Each: one side of a flow has sent `packet_burst` packets more. A ConversationSeen, too.
  claim,          // News: a link address claims a network address (ARP, NDP).
  router_advertisement,  // News: RFC 4861, 4.2.
  address_assignment,    // News: a DHCP server answers (RFC 2131, RFC 8415).
  name_query,            // News: a host asks for a name, or is told what became of its question (`report_repeat`).
  odd_name,              // The same, where NameQuery::is_odd says that the name may mean something by itself.
  name_answer,           // News: a name has an address, or is an alias (DNS, mDNS, LLMNR).
  secure_session,        // Each: a TLS handshake is over, or what can be read of it.
  login,                 // Each: somebody was let in, or was not.
  web_request,           // News: a host asks another for a page (`report_repeat`), by client, server, host and URL.
  web_page,              // Each: a page came whole, of a URL that the configuration has watched.
  count_
};
inline constexpr Duration news_repeat = Duration::seconds(30), report_repeat = Duration::seconds(120),
                          presence_repeat = Duration::seconds(300), state_repeat = Duration::seconds(600);
// Who asks an object for more distinct properties than this within `walk_window` walks through it: told each time it
// grows. A refusal is told from so many refused ones on.
inline constexpr std::uint32_t walk_points_min = 16, walk_refused_min = 4;
inline constexpr Duration walk_window = Duration::seconds(60);

// What a write does (column `effect` of the ECHONET Lite property table, and its kin in other protocols).
enum class WriteEffect : std::uint8_t { none, physical, permission, reset, configuration, selector };
// Which way a write moves the load on the grid (the shared direction table). `lost` takes a resource away from control.
enum class LoadDirection : std::uint8_t { none, up, down, depends, lost };
// How a written value stands to the definition of its property.
enum class ValueCheck : std::uint8_t {
  unchecked,       // The property is not defined, or its definition says nothing of values.
  defined,         // Within the definition.
  out_of_range,    // A number outside the property's range.
  undefined_code,  // A code that the enumeration does not have: a probe.
  bad_size,        // Not the property's size.
};

// One value written to one object of one peer. The fact's source wrote (also where `refused`: the refusal is turned
// round, so that source and destination are those of the write).
struct ControlWrite {
  std::uint32_t object;  // Protocol's object id: ECHONET Lite EOJ (24 bits); its last byte 0: all instances.
  std::uint32_t point;   // Property or point in it: EPC.
  std::uint32_t code;    // The value as up to 4 bytes, big-endian; codes of enumerations are compared by it.
  std::uint8_t size_bytes;
  WriteEffect effect;
  LoadDirection direction;
  ValueCheck check;
  bool answer_wanted;
  bool refused;    // This is the refusal of an earlier write, not a write.
  bool by_public;  // The same message says that it comes over a public network (ECHONET Lite 0x93 = 0x42).
  double value;    // In the property's unit; NaN when it is no number.
};

// One value read or announced by the fact's source.
struct Reading {
  std::uint32_t object;
  std::uint32_t point;
  std::uint32_t code;           // As in ControlWrite.
  double value;                 // In the property's unit; NaN for "no data" and for what is no number.
  std::uint64_t value_hash;     // Unkeyed hash of all bytes: identities are compared by it.
  std::array<char, 24> text{};  // An identity's text or hex, cut, zero-terminated; else empty.
  bool announced;               // Sent without being asked.
};

// A request or answer that the pairing by address pair cannot judge alone, because a multicast group stands between.
struct Exchange {
  std::uint32_t source_object, destination_object;
  std::uint16_t transaction;
  std::uint8_t service;  // Of the request, in an answer too, so that both sides of the pairing speak of one thing.
  bool pair_asks;        // Of an answer: requests of this pair were seen within the pairing time, only not this one.
  std::uint32_t bytes;   // Of the datagram's or segment's payload.
};

// What the fact's source asks of the destination.
struct Inquiry {
  std::uint32_t object;                 // Asked.
  std::uint32_t bytes;                  // Of the request.
  std::array<std::uint64_t, 2> points;  // Bit n: property 0x80 + n was asked for (refused) within this `walk_window`.
  bool lists_objects;                   // Discovery: ECHONET Lite instance lists 0xD5, 0xD6.
  bool lists_properties;                // Property maps 0x9D to 0x9F.
  bool refused;                         // This is the refusal (Get_SNA); source and destination are the request's.
};

// The fact's source has an object. Who answers for one is not told to announce it as well.
struct ObjectSeen {
  enum class How : std::uint8_t {
    listed,
    answered,
    announced,
    asks,  // FactKind::asker.
  } how;
  std::uint32_t object;
};

struct Malformed {
  ParseError error;
  std::uint32_t offset;
};

// A flow of the monitored network. The fact's source began it, as far as is known; its ports are the flow's.
struct ConversationSeen {
  enum class Moment : std::uint8_t {
    began,       // The first packet.
    answered,    // The first packet the other way.
    identified,  // The dissectors have decided: `Fact::protocol`. Of datagrams they mostly have where it begins.
    goes_on,     // FactKind::activity, FactKind::burst.
  } moment;
  bool identified;                     // The dissectors have decided: `Fact::protocol`, or that it is none of theirs.
  bool direction_certain;              // False: picked up in its middle, `source` is only who was seen first.
  bool from_source, from_destination;  // Who has spoken since the last fact about this flow; of a burst, who sent it.
  bool established;                    // TCP: the handshake was seen; else both have spoken.
  bool denied;                         // policy.peer-not-allowed told it.
  bool unnamed;                // Only a name would allow it, and where it began, and with it the name, was not seen.
  std::uint32_t packets;       // So far, both ways; saturated.
  std::uint32_t packets_back;  // Those of them that the destination sent.
  std::uint64_t bytes;
};
inline constexpr Duration conversation_repeat = Duration::seconds(120);
inline constexpr std::uint32_t packet_burst = 256;  // A power of two.

// The sender at `mac` says that it has the address `Fact::source`; `Fact::destination` is whom it tells.
struct Claim {
  enum class How : std::uint8_t {
    arp_request,
    arp_reply,
    arp_gratuitous,
    neighbour_solicitation,
    neighbour_advertisement
  } how;
  MacAddress mac;           // In the ARP or NDP body; where NDP has none, the frame's.
  MacAddress frame_source;  // Of the Ethernet header; 0 where there is none.
  bool router;              // NDP: the R flag.
  bool overrides;           // NDP: the O flag.
};

struct RouterAdvertisement {
  MacAddress mac;
  std::uint16_t lifetime_s;  // 0: no default router.
  bool managed, has_prefix;
  IpPrefix prefix;  // The first one.
};

struct AddressAssignment {
  MacAddress mac;                     // Of the frame that the server's answer came in.
  IpAddress server;                   // The server identifier (option 54); DHCPv6: the sender.
  IpAddress given, router, resolver;  // Unspecified where absent.
  bool version6;
};

// A domain name as facts carry it: lower case, labels joined by dots, without the last dot. Dots and backslashes within
// a label have a backslash before them, so that no label passes for two; every other byte is as sent.
struct DomainName {
  static constexpr std::size_t text_max = 128;
  std::uint64_t hash;               // Unkeyed, of the whole name, however long.
  std::uint16_t size_bytes;         // Of the whole name; more than `text_max`: `text` is its end (the suffix).
  std::array<char, text_max> text;  // Not terminated: `view` says how much holds.
  std::string_view view() const noexcept { return {text.data(), size_bytes < text_max ? size_bytes : text_max}; }
  // At most so many bytes stand below the name's registered part, which has two labels or more.
  std::size_t below_bytes_max() const noexcept {
    const std::string_view name = view();
    const std::size_t hidden = size_bytes - name.size(), last = name.rfind('.');
    if (last == std::string_view::npos || last == 0) return hidden;
    const std::size_t before = name.rfind('.', last - 1);
    return hidden + (before == std::string_view::npos ? 0 : before);
  }
  // `whole` is in the form above, as configured names are after lowering their case.
  static DomainName of(std::string_view whole) noexcept {
    DomainName name;
    name.hash = hash_bytes(HashSeed{}, {reinterpret_cast<const std::uint8_t*>(whole.data()), whole.size()});
    name.size_bytes = static_cast<std::uint16_t>(whole.size());
    const std::string_view end = whole.size() > text_max ? whole.substr(whole.size() - text_max) : whole;
    std::memcpy(name.text.data(), end.data(), end.size());
    return name;
  }
};

// Which name service carried it.
enum class NameService : std::uint8_t { dns, mdns, llmnr };

// The first question of a query, or of the answer to one (`answered`): that a question was answered without an error is
// no news. The fact's source asks in both.
struct NameQuery {
  DomainName name;
  std::uint16_t type;   // RR type: 1 A, 16 TXT, 28 AAAA ...
  std::uint8_t rcode;   // Of the answer: 3 is NXDOMAIN. 0 in a query.
  std::uint8_t opcode;  // 0 query, 5 update ...
  NameService service;
  bool answered;
  std::uint8_t label_bytes_max;  // Of the longest label.
  std::uint16_t answers;         // Records in the answer section, as read.
  std::uint32_t bytes;           // Of the whole message.

  static constexpr std::size_t long_below_bytes_min = 16;  // Shorter ones carry too little to be a tunnel's.
  // It failed, or is long: most names are neither, and few ask for them.
  bool is_odd() const noexcept { return (answered && rcode != 0) || name.below_bytes_max() >= long_below_bytes_min; }
};

// One address or alias that the fact's source (the server, or the owner in mDNS) gives; the destination is the client
// that asked, or a group.
struct NameAnswer {
  DomainName name;            // What was asked for, at the head of a chain of aliases; the record's owner where no
                              // question stands in the message, and of a CNAME.
  IpAddress given;            // A and AAAA; else unspecified.
  std::uint64_t target_hash;  // CNAME: DomainName::hash of the name it stands for. Else 0.
  std::uint32_t ttl_s;
  std::uint16_t type;  // 1 A, 5 CNAME, 28 AAAA.
  std::uint8_t rcode;
  NameService service;
};

// What weakens a TLS session: bits of SecureSession::weak.
namespace session_weakness {
inline constexpr std::uint16_t old_version = 1u << 0;  // SSL 2 and 3, TLS 1.0 and 1.1 (RFC 8996).
inline constexpr std::uint16_t null_suite = 1u << 1;
inline constexpr std::uint16_t export_suite = 1u << 2;
inline constexpr std::uint16_t anonymous_suite = 1u << 3;
inline constexpr std::uint16_t rc4_suite = 1u << 4;
inline constexpr std::uint16_t des_suite = 1u << 5;
inline constexpr std::uint16_t triple_des_suite = 1u << 6;
inline constexpr std::uint16_t md5_suite = 1u << 7;
inline constexpr std::uint16_t short_key =
    1u << 8;  // Of the server's certificate: RSA below 2048 bits, an elliptic curve below 256.
inline constexpr std::uint16_t sha1_signature = 1u << 9;  // Of that certificate.
inline constexpr std::uint16_t md5_signature = 1u << 10;  // The same.
inline constexpr std::uint16_t compression = 1u << 11;    // Of the session (CVE-2012-4929).
inline constexpr std::uint16_t heartbeat_overread =
    1u << 12;  // A heartbeat asks for more bytes than it brings (CVE-2014-0160).
inline constexpr std::uint16_t downgraded =
    1u << 13;  // The server's random says that it could do better (RFC 8446, 4.1.3).
}  // namespace session_weakness

// A TLS handshake, as far as it can be read: in TLS 1.3 everything behind ServerHello is encrypted, certificates too.
// The fact's source is the client.
struct SecureSession {
  // How the name that the client asked for stands to the server's certificate.
  enum class NameMatch : std::uint8_t { unknown, matches, differs };
  DomainName server_name;          // SNI in lower case; `size_bytes` 0: none was sent.
  std::uint64_t certificate_hash;  // The first 8 bytes of the SHA-256 of the server's certificate, as sent; 0: unseen.
  std::uint64_t certificate_sha1;  // The same of its SHA-1, by which many lists of indicators name it.
  std::uint64_t issuer_hash, key_hash;     // Unkeyed, of the issuer's name and of the public key info in it, as sent.
  std::int64_t not_before_s, not_after_s;  // Of that certificate, Unix time; 0: unseen.
  std::uint64_t ja3_hash;                  // The first 8 bytes of the client's JA3; 0: no ClientHello.
  std::array<char, 36> ja4;                // Of the client; all zero: no ClientHello.
  std::uint16_t version;       // Negotiated: 0x0002 SSL 2, 0x0300 SSL 3 to 0x0304 TLS 1.3; without an answer what the
                               // client offered; 0: neither was seen.
  std::uint16_t cipher_suite;  // Chosen, where `answered`.
  std::uint16_t key_bits;      // Of the server's certificate; 0: unseen, or of an unknown kind.
  std::uint16_t weak;          // Bits of session_weakness.
  NameMatch name_matches;      // `unknown` where no name or no certificate was seen.
  std::uint8_t fatal_alert;    // Description of the first fatal alert before encryption; 0: none.
  bool answered;               // A ServerHello was seen.
  bool established;            // Encryption began in both directions, as far as they were seen.
  bool resumed;                // An earlier session goes on: no certificate is sent.
  bool server_certificate_seen, self_signed;
  bool client_certificate_requested, client_certificate_presented;
  bool client_certificate_proved;  // By CertificateVerify.
};

// The outcome of one attempt to log in. The fact's source is who tried.
struct Login {
  enum class Outcome : std::uint8_t { failed, succeeded } outcome;
  std::uint16_t code;       // The server's answer: HTTP status, FTP reply, MQTT reason code; else 0.
  std::uint64_t user_hash;  // Unkeyed, of the name that was tried; 0: none was seen. Never the password.
};

// A request over plain HTTP, when its response or its end has come. The fact's source is the client.
struct WebRequest {
  DomainName host;         // Of the request's Host or its absolute URI, in lower case without the port; size 0: none.
  std::uint64_t url_hash;  // Unkeyed, of host, '/' and what follows, as sent, without the fragment.
  std::uint16_t status;    // 0: no response.
};

// The page of a watched URL, as it came. The fact's source is the client that asked.
struct WebPage {
  std::uint64_t url_hash;    // As in WebRequest.
  std::uint64_t body_hash;   // Unkeyed, of the body after content coding.
  std::uint64_t title_hash;  // Of the first <title>; 0: none.
  std::uint64_t bytes;       // Of the body.
  std::uint16_t status;
};

struct Fact {
  FactKind kind{};
  AppProtocol protocol = AppProtocol::unknown;
  std::uint8_t ip_protocol = 0;
  bool to_group = false;  // The destination is a multicast or broadcast address, or the frame's is.
  bool has_input = false;
  std::uint16_t input = 0;  // RawPacket::input, where `has_input`.
  std::uint16_t source_port = 0, destination_port = 0;
  PacketTime time;
  std::uint64_t packet_number = 0;  // The packet that completed it; 0: none.
  std::uint64_t flow_id = 0;
  SegmentKey segment;
  IpAddress source, destination;
  MacAddress source_mac;  // Of the frame; a router's where one stands between. 0: none.
  union {
    ControlWrite control_write;
    Reading reading;
    Exchange exchange;
    Inquiry inquiry;
    ObjectSeen object;
    Malformed malformed;
    ConversationSeen conversation;
    Claim claim;
    RouterAdvertisement router_advertisement;
    AddressAssignment address_assignment;
    NameQuery name_query;
    NameAnswer name_answer;
    SecureSession secure_session;
    Login login;
    WebRequest web_request;
    WebPage web_page;
  };
  Fact() noexcept : exchange{} {}
};
// What of a fact has to be carried: all but the end of the larger kinds.
constexpr std::size_t fact_bytes(FactKind kind) noexcept {
  constexpr std::size_t head = offsetof(Fact, exchange);
  switch (kind) {
    case FactKind::control_write:
      return head + sizeof(ControlWrite);
    case FactKind::request:
    case FactKind::response:
      return head + sizeof(Exchange);
    case FactKind::inquiry:
      return head + sizeof(Inquiry);
    case FactKind::object:
    case FactKind::asker:
      return head + sizeof(ObjectSeen);
    case FactKind::malformed:
      return head + sizeof(Malformed);
    case FactKind::conversation:
    case FactKind::activity:
    case FactKind::burst:
      return head + sizeof(ConversationSeen);
    case FactKind::claim:
      return head + sizeof(Claim);
    case FactKind::reading:
      return head + sizeof(Reading);
    case FactKind::router_advertisement:
      return head + sizeof(RouterAdvertisement);
    case FactKind::address_assignment:
      return head + sizeof(AddressAssignment);
    case FactKind::name_query:
    case FactKind::odd_name:
      return head + sizeof(NameQuery);
    case FactKind::name_answer:
      return head + sizeof(NameAnswer);
    case FactKind::secure_session:
      return head + sizeof(SecureSession);
    case FactKind::login:
      return head + sizeof(Login);
    case FactKind::web_request:
      return head + sizeof(WebRequest);
    case FactKind::web_page:
      return head + sizeof(WebPage);
    default:
      return sizeof(Fact);
  }
}

}  // namespace tsujiban
