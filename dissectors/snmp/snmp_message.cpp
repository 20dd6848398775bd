#include "dissectors/snmp/snmp_message.h"

#include <array>

#include "model/address.h"

namespace tsujiban::snmp {
namespace {

// Reads one message from outside to inside; the first broken rule ends it, and what was read stands.
class MessageReader {
 public:
  explicit MessageReader(Message& message) noexcept : message_(message) {}

  void read(Bytes bytes) noexcept {
    BerReader outside(bytes, 0);
    Element whole;
    if (!expect(outside, tag::sequence, whole)) return;
    BerReader inside = outside.inside(whole);
    std::int64_t version = 0;
    if (!number(inside, version)) return;
    // RFC 3584, 6: 0 is version 1, 1 is 2c, 3 is 3.
    if (version != 0 && version != 1 && version != 3) return fault(ParseError::bad_version, whole.offset);
    message_.version = static_cast<std::uint8_t>(version == 3 ? 3 : version + 1);
    if (message_.version == 3) {
      read_v3(inside);
    } else {
      Element community;
      if (!expect(inside, tag::octets, community)) return;
      message_.community_present = !community.value.empty();
      read_pdu(inside);
    }
    if (message_.malformed()) return;
    if (!inside.at_end()) return fault(ParseError::trailing_bytes, inside.offset());
    if (!outside.at_end()) fault(ParseError::trailing_bytes, outside.offset());
  }

 private:
  void fault(ParseError error, std::size_t offset) noexcept {
    if (message_.malformed()) return;
    message_.error = error;
    message_.error_offset = static_cast<std::uint32_t>(offset);
  }
  bool next(BerReader& in, Element& element) noexcept {
    const std::size_t at = in.offset();
    const ParseError error = in.next(element);
    if (error == ParseError::none) return true;
    fault(error, at);
    return false;
  }
  bool expect(BerReader& in, std::uint8_t tag, Element& element) noexcept {
    if (!next(in, element)) return false;
    if (element.tag == tag) return true;
    fault(ParseError::snmp_bad_pdu, element.offset);
    return false;
  }
  bool number(BerReader& in, std::int64_t& value, std::uint8_t tag = tag::integer) noexcept {
    Element element;
    if (!expect(in, tag, element)) return false;
    if (read_integer(element.value, value)) return true;
    fault(ParseError::snmp_bad_ber, element.offset);
    return false;
  }

  // RFC 3412, 6.
  void read_v3(BerReader& in) noexcept {
    Element element;
    if (!expect(in, tag::sequence, element)) return;
    BerReader global = in.inside(element);
    std::int64_t id = 0, size_max = 0;
    Element flags;
    if (!number(global, id) || !number(global, size_max) || !expect(global, tag::octets, flags)) return;
    if (flags.value.size() != 1) return fault(ParseError::snmp_bad_pdu, flags.offset);
    message_.flags = flags.value[0];
    if (!number(global, message_.security_model)) return;
    message_.has_header = true;
    // Encrypted without authentication cannot be (RFC 3412, 6.4).
    if ((message_.flags & 3) == 2) return fault(ParseError::bad_value, flags.offset);
    Element security;
    if (!expect(in, tag::octets, security)) return;
    if (message_.security_model == user_security_model && !read_user(in.inside(security))) return;
    if (!next(in, element)) return;
    if (element.tag == tag::octets) {
      message_.kind = Kind::encrypted;
      return;
    }
    if (element.tag != tag::sequence) return fault(ParseError::snmp_bad_pdu, element.offset);
    BerReader scoped = in.inside(element);
    Element engine, context;
    if (!expect(scoped, tag::octets, engine) || !expect(scoped, tag::octets, context)) return;
    read_pdu(scoped);
    if (!message_.malformed() && !scoped.at_end()) fault(ParseError::trailing_bytes, scoped.offset());
  }

  // RFC 3414, 2.4.
  bool read_user(BerReader in) noexcept {
    Element parameters, engine, user, digest, salt;
    std::int64_t boots = 0, time = 0;
    if (!expect(in, tag::sequence, parameters)) return false;
    BerReader fields = in.inside(parameters);
    if (!expect(fields, tag::octets, engine) || !number(fields, boots) || !number(fields, time) ||
        !expect(fields, tag::octets, user) || !expect(fields, tag::octets, digest) ||
        !expect(fields, tag::octets, salt))
      return false;
    message_.user_present = !user.value.empty();
    return true;
  }

  // RFC 1157, 4.1; RFC 3416, 3.
  void read_pdu(BerReader& in) noexcept {
    Element pdu;
    if (!next(in, pdu)) return;
    if (pdu.tag < tag::get_request || pdu.tag > tag::report) return fault(ParseError::snmp_bad_pdu, pdu.offset);
    message_.kind = static_cast<Kind>(pdu.tag - tag::get_request);
    // Version 1 has no more than its trap, and only it has that (RFC 3416, 3: obsolete).
    if ((message_.version == 1) ? pdu.tag > tag::trap_v1 : pdu.tag == tag::trap_v1)
      return fault(ParseError::snmp_bad_pdu, pdu.offset);
    BerReader fields = in.inside(pdu);
    if (message_.kind == Kind::trap_v1) {
      Element enterprise, agent;
      std::int64_t ticks = 0;
      if (!expect(fields, tag::object_id, enterprise)) return;
      if (!is_object_id(enterprise.value)) return fault(ParseError::snmp_bad_oid, enterprise.offset);
      if (!expect(fields, tag::ip_address, agent)) return;
      if (agent.value.size() != 4) return fault(ParseError::snmp_bad_pdu, agent.offset);
      if (!number(fields, message_.generic_trap) || !number(fields, message_.specific_trap)) return;
      message_.enterprise = enterprise.value;
      message_.agent = agent.value;
      message_.has_fields = true;
      if (!number(fields, ticks, tag::time_ticks)) return;
    } else {
      if (!number(fields, message_.request_id) || !number(fields, message_.error_status) ||
          !number(fields, message_.error_index))
        return;
      message_.has_fields = true;
    }
    Element list;
    if (!expect(fields, tag::sequence, list)) return;
    BerReader varbinds = fields.inside(list);
    while (!varbinds.at_end()) {
      Element varbind, name, value;
      if (!expect(varbinds, tag::sequence, varbind)) return;
      BerReader pair = varbinds.inside(varbind);
      if (!expect(pair, tag::object_id, name)) return;
      if (!is_object_id(name.value)) return fault(ParseError::snmp_bad_oid, name.offset);
      if (!next(pair, value)) return;
      if (!pair.at_end()) return fault(ParseError::trailing_bytes, pair.offset());
      ++message_.varbinds;
      message_.names.push(name.value);
    }
    if (!fields.at_end()) fault(ParseError::trailing_bytes, fields.offset());
  }

  static constexpr std::int64_t user_security_model = 3;  // RFC 3411, 5: SnmpSecurityModel.
  Message& message_;
};

// Suricata's words, which are those of its parser's type (RFC 3416, 3).
std::string_view name_of_error(std::int64_t status) noexcept {
  static constexpr std::array<std::string_view, 19> names = {"NoError",
                                                             "TooBig",
                                                             "NoSuchName",
                                                             "BadValue",
                                                             "ReadOnly",
                                                             "GenErr",
                                                             "NoAccess",
                                                             "WrongType",
                                                             "WrongLength",
                                                             "WrongEncoding",
                                                             "WrongValue",
                                                             "NoCreation",
                                                             "InconsistentValue",
                                                             "ResourceUnavailable",
                                                             "CommitFailed",
                                                             "UndoFailed",
                                                             "AuthorizationError",
                                                             "NotWritable",
                                                             "InconsistentName"};
  return status >= 0 && status < static_cast<std::int64_t>(names.size()) ? names[static_cast<std::size_t>(status)]
                                                                         : std::string_view{};
}

std::string_view name_of_trap(std::int64_t generic) noexcept {
  static constexpr std::array<std::string_view, 7> names = {
      "coldStart", "warmStart", "linkDown", "linkUp", "authenticationFailure", "egpNeighborLoss", "enterpriseSpecific"};
  return generic >= 0 && generic < static_cast<std::int64_t>(names.size()) ? names[static_cast<std::size_t>(generic)]
                                                                           : std::string_view{};
}

// Numbers joined by dots; the first two share a part (X.690, 8.19.4).
void write_object_id(JsonWriter& json, Bytes value) noexcept {
  char text[object_id_parts_max * 11];
  char* at = text;
  const auto put = [&](std::uint64_t part) {
    if (at != text) *at++ = '.';
    at = std::to_chars(at, text + sizeof text, part).ptr;
  };
  std::uint64_t part = 0;
  bool first = true;
  for (const std::uint8_t byte : value) {
    part = part << 7 | (byte & 0x7F);
    if ((byte & 0x80) != 0) continue;
    if (first) {
      const std::uint64_t root = part < 40 ? 0 : part < 80 ? 1 : 2;
      put(root);
      part -= root * 40;
    }
    put(part);
    first = false;
    part = 0;
  }
  json.plain_string({text, static_cast<std::size_t>(at - text)});
}

}  // namespace

std::string_view name_of(Kind kind) noexcept {
  static constexpr std::array<std::string_view, 11> names = {
      "get_request",    "get_next_request", "response", "set_request", "trap_v1", "get_bulk_request",
      "inform_request", "trap_v2",          "report",   "encrypted",   "unknown"};
  const auto index = static_cast<std::size_t>(kind);
  return index < names.size() ? names[index] : std::string_view{};
}

Message read_message(Bytes bytes) noexcept {
  Message message;
  MessageReader(message).read(bytes);
  return message;
}

void write_message(JsonWriter& json, const Message& message) noexcept {
  if (message.version != 0) json.field("version", message.version);
  if (message.kind != Kind::unknown) {
    json.key("pdu_type");
    json.plain_string(name_of(message.kind));
  }
  if (message.has_fields && message.kind == Kind::trap_v1) {
    if (const std::string_view trap = name_of_trap(message.generic_trap); !trap.empty()) {
      json.key("trap_type");
      json.plain_string(trap);
    } else {
      json.field("trap_number", message.generic_trap);
    }
    if (message.specific_trap != 0) json.field("trap_specific", message.specific_trap);
    json.key("trap_oid");
    write_object_id(json, message.enterprise);
    char address[ip_text_max];
    json.key("trap_address");
    json.plain_string({address, write_ip(IpAddress::v4(load_be32(message.agent.data())), address)});
  } else if (message.has_fields) {
    if (message.kind == Kind::get_bulk_request) {
      json.field("non_repeaters", message.error_status);
      json.field("max_repetitions", message.error_index);
    } else if (message.error_status != 0) {
      if (const std::string_view name = name_of_error(message.error_status); !name.empty()) {
        json.key("error");
        json.plain_string(name);
      }
      json.field("error_status", message.error_status);
      if (message.error_index != 0) json.field("error_index", message.error_index);
    }
    json.field("request_id", message.request_id);
  }
  if (!message.names.empty()) {
    json.key("vars");
    json.begin_array();
    for (const Bytes name : message.names) write_object_id(json, name);
    json.end_array();
  }
  if (message.has_fields) json.field("varbinds", message.varbinds);
  if (message.version == 1 || message.version == 2) json.field("community_present", message.community_present);
  if (message.has_header) {
    static constexpr std::array<std::string_view, 4> levels = {"noAuthNoPriv", "authNoPriv", "", "authPriv"};
    if (const std::string_view level = levels[message.flags & 3]; !level.empty()) {
      json.key("security_level");
      json.plain_string(level);
    }
    json.field("security_model", message.security_model);
    json.field("usm_present", message.user_present);
  }
  if (!message.malformed()) return;
  json.key("malformed");
  json.begin_object();
  json.key("error");
  json.plain_string(tsujiban::name_of(message.error));
  json.field("offset", message.error_offset);
  json.end_object();
}

}  // namespace tsujiban::snmp
