#include "dissectors/dns/dns_wire.h"

namespace tsujiban::dns {

NameWalk skip_name(Bytes message, std::uint32_t at, NameMemo& memo, bool follow) noexcept {
  const auto size = static_cast<std::uint32_t>(message.size());
  const std::uint32_t start = at;
  for (;;) {
    if (at >= size) return {0, ParseError::truncated, size, 0};
    const std::uint8_t c = message[at];
    if (c == 0) {
      const std::uint32_t length = at + 1 - start;
      if (length > name_bytes_max) return {0, ParseError::dns_name_too_long, start, length};
      return {at + 1, ParseError::none, 0, length};
    }
    if (c < 0x40) {
      at += 1u + c;
      continue;
    }
    if (c < 0xC0) return {0, ParseError::dns_bad_label, at, 0};
    break;
  }
  if (at + 2 > size) return {0, ParseError::truncated, size, 0};
  const std::uint32_t before = at - start;
  if (before + 1 > name_bytes_max) return {0, ParseError::dns_name_too_long, start, before};
  if (!follow) return {at + 2, ParseError::none, 0, before};
  const std::uint32_t target = load_be16(message, at) & 0x3FFFu;
  if (target >= start || target < header_length) return {at + 2, ParseError::dns_bad_pointer, at, before};
  std::uint32_t behind = memo.length(target);
  if (behind == 0) {
    if (memo.labels_followed >= NameMemo::labels_followed_max) return {at + 2, ParseError::none, 0, before};
    const NameWalk walk = walk_name(message, target, [&](Bytes) { ++memo.labels_followed; });
    if (walk.error != ParseError::none) return {at + 2, walk.error, walk.error_offset, before};
    behind = walk.wire_length;
    memo.remember(target, behind);
  }
  if (before + behind > name_bytes_max) return {at + 2, ParseError::dns_name_too_long, at, before};
  return {at + 2, ParseError::none, 0, before + behind};
}

bool RecordCursor::next(RecordView& view) noexcept {
  if (left_ == 0) return false;
  --left_;
  NameMemo unused;
  const NameWalk walk = skip_name(message_, at_, unused, false);
  const std::uint32_t tail = questions_ ? question_tail_length : record_tail_length;
  if (walk.next == 0 || walk.next + tail > message_.size()) return false;
  view.name_offset = at_;
  view.type = load_be16(message_, walk.next);
  view.rr_class = load_be16(message_, walk.next + 2);
  view.ttl = questions_ ? 0 : load_be32(message_, walk.next + 4);
  view.rdata_length = questions_ ? std::uint16_t{0} : load_be16(message_, walk.next + 8);
  view.rdata_offset = walk.next + tail;
  if (view.end() > message_.size()) return false;
  at_ = view.end();
  return true;
}

std::string_view type_name(std::uint16_t type) noexcept {
  static constexpr std::array<std::string_view, 66> names = {
      "",        "A",          "NS",     "MD",       "MF",    "CNAME",    "SOA",   "MB",   "MG",     "MR",
      "NULL",    "WKS",        "PTR",    "HINFO",    "MINFO", "MX",       "TXT",   "RP",   "AFSDB",  "X25",
      "ISDN",    "RT",         "NSAP",   "NSAP-PTR", "SIG",   "KEY",      "PX",    "GPOS", "AAAA",   "LOC",
      "NXT",     "EID",        "NIMLOC", "SRV",      "ATMA",  "NAPTR",    "KX",    "CERT", "A6",     "DNAME",
      "SINK",    "OPT",        "APL",    "DS",       "SSHFP", "IPSECKEY", "RRSIG", "NSEC", "DNSKEY", "DHCID",
      "NSEC3",   "NSEC3PARAM", "TLSA",   "SMIMEA",   "",      "HIP",      "NINFO", "RKEY", "TALINK", "CDS",
      "CDNSKEY", "OPENPGPKEY", "CSYNC",  "ZONEMD",   "SVCB",  "HTTPS"};
  if (type < names.size()) return names[type];
  switch (type) {
    case 99:
      return "SPF";
    case 108:
      return "EUI48";
    case 109:
      return "EUI64";
    case 249:
      return "TKEY";
    case 250:
      return "TSIG";
    case 251:
      return "IXFR";
    case 252:
      return "AXFR";
    case 253:
      return "MAILB";
    case 254:
      return "MAILA";
    case rr::any:
      return "ANY";
    case 256:
      return "URI";
    case rr::caa:
      return "CAA";
    default:
      return {};
  }
}

}  // namespace tsujiban::dns
