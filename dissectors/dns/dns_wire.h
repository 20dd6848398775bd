#pragma once
#include <array>
#include <string_view>

#include "base/bytes.h"
#include "base/parse_error.h"

namespace tsujiban::dns {

// Message, RFC 1035, 4.1:
//   0    2       4         6         8         10        12
//   | ID | flags | QDCOUNT | ANCOUNT | NSCOUNT | ARCOUNT | questions, answers, authorities, additionals    big-endian
// Question: name, type 2, class 2. Record: name, type 2, class 2, TTL 4, RDLENGTH 2, RDATA.
// Over TCP a length of 2 bytes stands before each message (4.2.2).
inline constexpr std::uint32_t header_length = 12;
inline constexpr std::uint32_t question_tail_length = 4, record_tail_length = 10;
inline constexpr std::uint32_t length_prefix = 2;
inline constexpr std::uint32_t message_bytes_max = 65535;
inline constexpr std::uint16_t port_dns = 53, port_mdns = 5353, port_llmnr = 5355;

// Flags, RFC 1035, 4.1.1 and RFC 2535, 6.1.
namespace flag {
inline constexpr std::uint16_t answer = 0x8000, authoritative = 0x0400, truncated = 0x0200, recursion_desired = 0x0100,
                               recursion_available = 0x0080, reserved = 0x0040;
}
constexpr std::uint8_t opcode_of(std::uint16_t flags) noexcept { return flags >> 11 & 15; }
constexpr std::uint8_t rcode_of(std::uint16_t flags) noexcept { return flags & 15; }
constexpr bool is_assigned_opcode(std::uint8_t opcode) noexcept { return opcode <= 6 && opcode != 3; }
inline constexpr std::uint8_t opcode_update = 5;

namespace rr {
inline constexpr std::uint16_t a = 1, ns = 2, cname = 5, soa = 6, null = 10, ptr = 12, hinfo = 13, mx = 15, txt = 16,
                               aaaa = 28, srv = 33, naptr = 35, dname = 39, opt = 41, ds = 43, sshfp = 44, rrsig = 46,
                               nsec = 47, dnskey = 48, tlsa = 52, cds = 59, cdnskey = 60, svcb = 64, https = 65,
                               any = 255, caa = 257;
}
inline constexpr std::uint16_t class_in = 1, class_any = 255;
// mDNS, RFC 6762, 18.12 and 18.13: the top bit of a class asks for a unicast answer, or flushes the cache.
inline constexpr std::uint16_t class_top_bit = 0x8000;

// A type's name (IANA registry "Resource Record (RR) TYPEs"); empty where this table has none: TYPE and the number then
// (RFC 3597, 5).
std::string_view type_name(std::uint16_t type) noexcept;

// Names, RFC 1035, 3.1 and 4.1.4: labels of a length byte 1 to 63 and as many bytes, a length 0 at the end. A pointer
// (two top bits 11, then 14 bits of offset) stands for the rest of the name; it points to a prior occurrence, so each
// one must point before the run of labels that it ends. 01 and 10 are reserved.
inline constexpr std::uint32_t name_bytes_max = 255;  // With all length bytes.
inline constexpr unsigned pointers_max = 32;

struct NameWalk {
  std::uint32_t next = 0;  // Behind the name where it stands; 0: nothing says where it ends.
  ParseError error = ParseError::none;
  std::uint32_t error_offset = 0;
  std::uint32_t wire_length = 0;  // Uncompressed, as far as it was read.
};

// Walks the name at `at` and gives its labels to `label(Bytes)`, whatever is wrong with it as far as it reads: a
// pointer that points forward is followed, too, and told.
template <class Label>
inline NameWalk walk_name(Bytes message, std::uint32_t at, Label&& label) noexcept {
  NameWalk walk;
  const auto size = static_cast<std::uint32_t>(message.size());
  std::uint32_t run = at, length = 0;
  unsigned pointers = 0;
  const auto broken = [&](ParseError error, std::uint32_t offset) {
    if (walk.error == ParseError::none) walk.error = error, walk.error_offset = offset;
  };
  for (;;) {
    if (at >= size) {
      broken(ParseError::truncated, size);
      return walk;
    }
    const std::uint8_t c = message[at];
    if (c == 0) {
      walk.wire_length = length + 1;
      if (pointers == 0) walk.next = at + 1;
      return walk;
    }
    if (c < 0x40) {
      if (at + 1 + c > size) {
        broken(ParseError::truncated, size);
        return walk;
      }
      length += 1u + c;
      if (length + 1 > name_bytes_max) {
        broken(ParseError::dns_name_too_long, at);
        return walk;
      }
      walk.wire_length = length;
      label(message.subspan(at + 1, c));
      at += 1u + c;
      continue;
    }
    if (c < 0xC0) {
      broken(ParseError::dns_bad_label, at);
      return walk;
    }
    if (at + 2 > size) {
      broken(ParseError::truncated, size);
      return walk;
    }
    const std::uint32_t target = load_be16(message, at) & 0x3FFFu;
    if (pointers == 0) walk.next = at + 2;
    if (target >= run || target < header_length) broken(ParseError::dns_bad_pointer, at);
    if (++pointers > pointers_max) {
      broken(ParseError::dns_name_too_long, at);
      return walk;
    }
    at = run = target;
  }
}

// Lengths of names that pointers led to, so that the many records of one owner do not walk its name again; and how many
// labels were walked behind pointers. Beyond `labels_followed_max` of them in a message, more than any real one has,
// pointers are not judged any more: a message must not cost more than its bytes are worth.
class NameMemo {
 public:
  static constexpr std::uint32_t labels_followed_max = 2048;
  std::uint32_t labels_followed = 0;

  // 0: not known.
  std::uint32_t length(std::uint32_t target) const noexcept {
    const std::uint32_t entry = entries_[target % entries_count];
    return entry >> 16 == target ? entry & 0xFFFF : 0;
  }
  void remember(std::uint32_t target, std::uint32_t length) noexcept {
    entries_[target % entries_count] = target << 16 | length;
  }

 private:
  static constexpr std::uint32_t entries_count = 16;
  std::array<std::uint32_t, entries_count> entries_{};
};

// The end and the soundness of the name at `at`. With `follow` false, pointers are stepped over unseen.
NameWalk skip_name(Bytes message, std::uint32_t at, NameMemo& memo, bool follow) noexcept;

// A question or record where it stands.
struct RecordView {
  std::uint32_t name_offset;
  std::uint16_t type, rr_class;
  std::uint32_t ttl;           // 0 in a question.
  std::uint32_t rdata_offset;  // Behind the whole question.
  std::uint16_t rdata_length;
  std::uint32_t end() const noexcept { return rdata_offset + rdata_length; }
};

// Steps over `count` records of a section that `read_message` found readable.
class RecordCursor {
 public:
  RecordCursor(Bytes message, std::uint32_t at, std::uint32_t count, bool questions) noexcept
      : message_(message), at_(at), left_(count), questions_(questions) {}
  bool next(RecordView& view) noexcept;

 private:
  Bytes message_;
  std::uint32_t at_, left_;
  bool questions_;
};

// Reads the fields of a record's data in order; running out of them is remembered and gives zeros.
class RdataReader {
 public:
  RdataReader(Bytes message, const RecordView& view) noexcept
      : message_(message.first(view.end())), at_(view.rdata_offset), end_(view.end()) {}
  bool good() const noexcept { return good_; }
  bool whole() const noexcept { return good_ && at_ == end_; }  // All of it was read, and no more.
  std::uint32_t offset() const noexcept { return at_; }
  std::uint32_t left() const noexcept { return end_ - at_; }
  std::uint8_t u8() noexcept { return take(1) ? message_[at_ - 1] : std::uint8_t{0}; }
  std::uint16_t u16() noexcept { return take(2) ? load_be16(message_, at_ - 2) : std::uint16_t{0}; }
  std::uint32_t u32() noexcept { return take(4) ? load_be32(message_, at_ - 4) : 0; }
  Bytes bytes(std::uint32_t length) noexcept { return take(length) ? message_.subspan(at_ - length, length) : Bytes{}; }
  Bytes rest() noexcept { return bytes(left()); }
  Bytes string() noexcept { return bytes(u8()); }  // <character-string>, RFC 1035, 3.3.
  // The name is within the data (its pointers lead out of it); its offset, and steps behind it.
  std::uint32_t name(NameMemo& memo, NameWalk& walk, bool follow) noexcept {
    const std::uint32_t start = at_;
    walk = skip_name(message_, at_, memo, follow);
    if (walk.next == 0 || walk.next > end_) {
      good_ = false;
      return start;
    }
    at_ = walk.next;
    return start;
  }

 private:
  bool take(std::uint32_t length) noexcept {
    if (!good_ || length > end_ - at_) return good_ = false;
    at_ += length;
    return true;
  }
  Bytes message_;
  std::uint32_t at_, end_;
  bool good_ = true;
};

}  // namespace tsujiban::dns
