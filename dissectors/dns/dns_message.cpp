#include "dissectors/dns/dns_message.h"

namespace tsujiban::dns {
namespace {

// What the types' data must look like. The cases say it in the order of the fields.
void read_fields(RdataReader& reader, const RecordView& view, NameMemo& memo, bool follow, NameWalk& walk) noexcept {
  const auto strings = [&] {
    while (reader.good() && reader.left() > 0) reader.string();
  };
  const auto options = [&] {  // A code and a length of 2 bytes each: EDNS options and SvcParams.
    while (reader.good() && reader.left() > 0) {
      reader.u16();
      reader.bytes(reader.u16());
    }
  };
  const auto name = [&] {
    NameWalk one;
    reader.name(memo, one, follow && walk.error == ParseError::none);
    if (walk.error == ParseError::none) walk = one;
  };
  switch (view.type) {
    case rr::a:  // RFC 1035, 3.4.1
      reader.bytes(4);
      return;
    case rr::aaaa:  // RFC 3596, 2.2
      reader.bytes(16);
      return;
    case rr::ns:
    case rr::cname:
    case rr::ptr:
    case rr::dname:
      name();
      return;
    case rr::mx:
      reader.u16();
      name();
      return;
    case rr::soa:
      name();
      if (!reader.good()) return;
      name();
      reader.bytes(20);
      return;
    case rr::srv:  // RFC 2782
      reader.bytes(6);
      if (reader.good()) name();
      return;
    case rr::naptr:  // RFC 3403, 4.1
      reader.bytes(4);
      reader.string(), reader.string(), reader.string();
      if (reader.good()) name();
      return;
    case rr::hinfo:
      reader.string(), reader.string();
      return;
    case rr::txt:  // RFC 1035 wants one string at least; mDNS responders send none, and nothing is lost by it.
      strings();
      return;
    case rr::opt:  // RFC 6891, 6.1.2
      options();
      return;
    case rr::svcb:
    case rr::https:  // RFC 9460, 2.2
      reader.u16();
      if (reader.good()) name();
      options();
      return;
    case rr::caa:  // RFC 8659, 4.1
      reader.u8();
      reader.string();
      reader.rest();
      return;
    case rr::ds:
    case rr::cds:
    case rr::dnskey:
    case rr::cdnskey:  // RFC 4034, 2.1 and 5.1
      reader.bytes(4);
      reader.rest();
      return;
    case rr::rrsig:  // RFC 4034, 3.1
      reader.bytes(18);
      if (reader.good()) name();
      reader.rest();
      return;
    case rr::nsec:  // RFC 4034, 4.1
      name();
      reader.rest();
      return;
    case rr::tlsa:  // RFC 6698, 2.1
      reader.bytes(3);
      reader.rest();
      return;
    case rr::sshfp:  // RFC 4255, 3.1
      reader.bytes(2);
      reader.rest();
      return;
    default:
      reader.rest();
  }
}

// Most owners are a pointer to a name that was met before.
inline NameWalk owner_name(Bytes message, std::uint32_t at, NameMemo& memo, bool follow) noexcept {
  if (message.size() - at >= 2 && message[at] >= 0xC0) {
    const std::uint32_t target = load_be16(message, at) & 0x3FFFu, length = memo.length(target);
    if (length != 0 && target < at) return {at + 2, ParseError::none, 0, length};
  }
  return skip_name(message, at, memo, follow);
}

// Data of a fixed size, where there is nothing to look into.
constexpr bool is_plain(const RecordView& view) noexcept {
  return (view.type == rr::a && view.rdata_length == 4) || (view.type == rr::aaaa && view.rdata_length == 16) ||
         (view.type == rr::opt && view.rdata_length == 0);
}

// Data that is one sound name and nothing else, the commonest after addresses.
inline bool is_sound_name(Bytes message, const RecordView& view, NameMemo& memo) noexcept {
  if (view.type != rr::cname && view.type != rr::ptr && view.type != rr::ns) return false;
  const NameWalk walk = skip_name(message, view.rdata_offset, memo, true);
  return walk.error == ParseError::none && walk.next == view.end();
}

}  // namespace

ParseError check_rdata(Bytes message, const RecordView& view, std::uint8_t opcode, NameMemo& memo, bool follow,
                       std::uint32_t& offset) noexcept {
  // An UPDATE names record sets without data (RFC 2136, 2.4 and 2.5), and other classes have data of their own.
  if (view.rdata_length == 0 && opcode == opcode_update) return ParseError::none;
  if (view.type != rr::opt && (view.rr_class & ~class_top_bit) != class_in) return ParseError::none;
  RdataReader reader(message, view);
  NameWalk walk;
  read_fields(reader, view, memo, follow, walk);
  if (walk.error != ParseError::none && (walk.next != 0 || walk.error != ParseError::truncated)) {
    offset = walk.error_offset;
    return walk.error;
  }
  if (reader.whole()) return ParseError::none;
  offset = reader.offset();
  return ParseError::dns_bad_rdata;
}

bool data_reads(Bytes message, const RecordView& view) noexcept {
  NameMemo memo;
  NameWalk walk;
  RdataReader reader(message, view);
  read_fields(reader, view, memo, false, walk);
  return reader.whole();
}

MessageEvent read_message(Bytes message) noexcept {
  MessageEvent event;
  const auto size = static_cast<std::uint32_t>(message.size());
  event.bytes = message;
  const auto broken = [&](ParseError error, std::uint32_t offset) {
    if (event.error == ParseError::none) event.error = error, event.error_offset = offset;
  };
  if (size < header_length) {
    broken(ParseError::truncated, size);
    return event;
  }
  event.has_header = true;
  event.id = load_be16(message, 0);
  event.flags = load_be16(message, 2);
  for (std::uint32_t i = 0; i < section_count; ++i) event.told[i] = load_be16(message, 4 + 2 * i);

  NameMemo memo;
  std::uint32_t at = header_length, records = 0;
  for (std::uint32_t section = 0; section < section_count; ++section) {
    event.start[section] = at;
    const std::uint32_t tail = section == 0 ? question_tail_length : record_tail_length;
    for (std::uint32_t i = 0; i < event.told[section]; ++i) {
      if (at == size) {
        // A server that had no more room says so, and its counts may be those of the whole answer.
        if ((event.flags & flag::truncated) == 0) broken(ParseError::dns_count_mismatch, at);
        return event;
      }
      if (++records > records_max) {
        broken(ParseError::dns_too_many_records, at);
        return event;
      }
      // What follows the first fault is stepped over, not judged.
      const NameWalk name = owner_name(message, at, memo, event.error == ParseError::none);
      if (name.error != ParseError::none) broken(name.error, name.error_offset);
      if (name.next == 0) return event;
      if (size - name.next < tail) {
        broken(ParseError::truncated, size);
        return event;
      }
      if (section == 0) {
        at = name.next + tail;
      } else {
        RecordView view;
        view.name_offset = at;
        view.type = load_be16(message, name.next);
        view.rr_class = load_be16(message, name.next + 2);
        view.ttl = 0;
        view.rdata_length = load_be16(message, name.next + 8);
        view.rdata_offset = name.next + tail;
        if (view.rdata_length > size - view.rdata_offset) {
          broken(ParseError::truncated, name.next + 8);
          return event;
        }
        if (event.error == ParseError::none && !is_plain(view) && !is_sound_name(message, view, memo)) {
          std::uint32_t offset = 0;
          const ParseError error = check_rdata(message, view, opcode_of(event.flags), memo, true, offset);
          if (error != ParseError::none) broken(error, offset);
        }
        if (view.type == rr::opt && section == static_cast<std::uint32_t>(Section::additionals) &&
            event.opt_offset == 0) {
          event.opt_offset = at;
        }
        at = view.end();
      }
      ++event.read[section];
    }
  }
  if (at < size) broken(ParseError::trailing_bytes, at);
  return event;
}

}  // namespace tsujiban::dns
