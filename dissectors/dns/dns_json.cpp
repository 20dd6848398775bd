#include "dissectors/dns/dns_json.h"

#include <algorithm>

#include "dissectors/dns/dns_message.h"
#include "dissectors/dns/dns_name.h"
#include "model/address.h"

namespace tsujiban::dns {
namespace {

constexpr char hex_digits[] = "0123456789abcdef";

// A record's data in the form of zone files, for types that Suricata shows no data of. Cut at its end, never longer.
class Line {
 public:
  std::string_view view() const noexcept { return {text_.data(), size_}; }
  bool full() const noexcept { return size_ == text_.size(); }
  Line& put(std::string_view text) noexcept {
    const std::size_t length = std::min(text.size(), text_.size() - size_);
    if (length == 0) return *this;
    std::memcpy(text_.data() + size_, text.data(), length);
    size_ += length;
    return *this;
  }
  Line& space() noexcept { return size_ > 0 ? put(" ") : *this; }
  Line& number(std::uint32_t value) noexcept {
    char digits[12];
    const auto done = std::to_chars(digits, digits + sizeof digits, value);
    return put({digits, static_cast<std::size_t>(done.ptr - digits)});
  }
  Line& hex(Bytes bytes) noexcept {
    for (const std::uint8_t b : bytes.first(std::min<std::size_t>(bytes.size(), rdata_hex_max))) {
      const char pair[] = {hex_digits[b >> 4], hex_digits[b & 15]};
      put({pair, 2});
    }
    return bytes.size() > rdata_hex_max ? put("...") : *this;
  }
  Line& text(Bytes bytes) noexcept { return put({reinterpret_cast<const char*>(bytes.data()), bytes.size()}); }
  Line& quoted(Bytes bytes) noexcept { return put("\"").text(bytes).put("\""); }
  Line& address(const IpAddress& ip) noexcept {
    char digits[ip_text_max];
    return put({digits, write_ip(ip, digits)});
  }

 private:
  std::array<char, 2048> text_;
  std::size_t size_ = 0;
};

// Never with a null pointer: copying nothing from there is undefined.
std::string_view text_of(Bytes bytes) noexcept {
  return bytes.empty() ? std::string_view{""}
                       : std::string_view{reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

void write_type(JsonWriter& writer, std::uint16_t type) noexcept {
  const std::string_view name = type_name(type);
  if (!name.empty()) return writer.plain_string(name);
  Line line;
  writer.plain_string(line.put("TYPE").number(type).view());
}
void write_class(JsonWriter& writer, std::uint16_t rr_class) noexcept {
  writer.key("rrclass");
  switch (rr_class) {
    case 3:
      return writer.plain_string("CH");
    case 4:
      return writer.plain_string("HS");
    case 254:
      return writer.plain_string("NONE");
    case class_any:
      return writer.plain_string("ANY");
    default: {
      Line line;
      writer.plain_string(line.put("CLASS").number(rr_class).view());
    }
  }
}
// RFC 1035, 4.1.1 and RFC 2136, 2.2; the number where it is not assigned, as Suricata does.
void write_rcode(JsonWriter& writer, std::uint32_t code) noexcept {
  static constexpr std::array<std::string_view, 11> names = {"NOERROR", "FORMERR", "SERVFAIL", "NXDOMAIN",
                                                             "NOTIMP",  "REFUSED", "YXDOMAIN", "YXRRSET",
                                                             "NXRRSET", "NOTAUTH", "NOTZONE"};
  if (code < names.size()) return writer.plain_string(names[code]);
  if (code == 16) return writer.plain_string("BADVERS");
  if (code == 23) return writer.plain_string("BADCOOKIE");
  Line line;
  writer.plain_string(line.number(code).view());
}

void write_address(JsonWriter& writer, Bytes address) noexcept {
  if (address.size() == 4) {
    Line line;
    for (std::size_t i = 0; i < 4; ++i) line.put(i == 0 ? "" : ".").number(address[i]);
    return writer.plain_string(line.view());
  }
  // All digits of an IPv6 address, as Suricata writes them here.
  std::array<char, 39> text;
  std::size_t size = 0;
  for (std::size_t i = 0; i < 16; ++i) {
    if (i > 0 && i % 2 == 0) text[size++] = ':';
    text[size++] = hex_digits[address[i] >> 4];
    text[size++] = hex_digits[address[i] & 15];
  }
  writer.plain_string({text.data(), size});
}

class RecordWriter {
 public:
  RecordWriter(JsonWriter& writer, const MessageEvent& event, NameService service) noexcept
      : writer_(writer), event_(event), service_(service), base_(writer.size()) {
    const std::size_t free = writer.remaining();
    bytes_max_ = free > json_tail_bytes ? std::min(free - json_tail_bytes, json_bytes_max) : 0;
  }

  void questions() noexcept;
  // The records of a section, as an array of this name, within `share` tenths of the room; nothing where there is none.
  void section(std::string_view key, Section section, unsigned share) noexcept;
  void grouped(unsigned share) noexcept;
  void edns() noexcept;
  void end() noexcept;
  void question_fields(const RecordView& view) noexcept;

 private:
  bool fits(unsigned share) const noexcept {
    return !writer_.overflowed() && writer_.size() - base_ <= bytes_max_ / 10 * share;
  }
  void record(const RecordView& view, unsigned share) noexcept;
  void head(const RecordView& view) noexcept;
  void data(const RecordView& view) noexcept;
  // The value as Suricata shows it, bare.
  void value(const RecordView& view) noexcept;
  void name_value(RdataReader& reader) noexcept;
  void raw(Bytes data) noexcept;
  bool present(const RecordView& view, Line& line) noexcept;
  bool parameters(RdataReader& reader, Line& line) noexcept;
  void name_in(RdataReader& reader, Line& line) noexcept;

  JsonWriter& writer_;
  const MessageEvent& event_;
  NameService service_;
  std::size_t base_, bytes_max_;
  std::uint32_t omitted_ = 0;
  unsigned answers_written_ = 0;
  NameMemo memo_;
};

// The types of which Suricata shows a value, and which it groups.
constexpr bool has_value(std::uint16_t type) noexcept {
  switch (type) {
    case rr::a:
    case rr::aaaa:
    case rr::ns:
    case rr::cname:
    case rr::ptr:
    case rr::mx:
    case rr::txt:
    case rr::null:
    case rr::soa:
    case rr::srv:
    case rr::sshfp:
      return true;
    default:
      return false;
  }
}
constexpr std::string_view value_key(std::uint16_t type) noexcept {
  return type == rr::soa ? "soa" : type == rr::srv ? "srv" : type == rr::sshfp ? "sshfp" : "rdata";
}

void RecordWriter::question_fields(const RecordView& view) noexcept {
  writer_.key("rrname");
  write_text(writer_, name_text(event_.bytes, view.name_offset).view());
  writer_.key("rrtype");
  write_type(writer_, view.type);
  const bool top_bit = service_ == NameService::mdns && (view.rr_class & class_top_bit) != 0;
  const auto rr_class = static_cast<std::uint16_t>(top_bit ? view.rr_class & ~class_top_bit : view.rr_class);
  if (rr_class != class_in) write_class(writer_, rr_class);
  if (top_bit) writer_.field("unicast_response", true);
}

void RecordWriter::questions() noexcept {
  writer_.key("queries");
  writer_.begin_array();
  RecordCursor cursor = event_.cursor(Section::questions);
  RecordView view;
  for (unsigned i = 0; cursor.next(view); ++i) {
    if (i == questions_written_max || !fits(2)) {
      omitted_ += event_.count(Section::questions) - i;
      break;
    }
    const JsonWriter::Mark mark = writer_.mark();
    writer_.begin_object();
    question_fields(view);
    writer_.end_object();
    if (!fits(2)) writer_.rewind(mark), ++omitted_;
  }
  writer_.end_array();
}

void RecordWriter::section(std::string_view key, Section section, unsigned share) noexcept {
  const std::uint32_t count = event_.count(section);
  // The OPT record is no data of the zone: `edns` has it.
  if (count == 0 || (section == Section::additionals && count == 1 && event_.opt_offset != 0)) return;
  writer_.key(key);
  writer_.begin_array();
  RecordCursor cursor = event_.cursor(section);
  RecordView view;
  unsigned written = 0;
  for (std::uint32_t i = 0; cursor.next(view); ++i) {
    if (section == Section::additionals && view.name_offset == event_.opt_offset) continue;
    const JsonWriter::Mark mark = writer_.mark();
    if (written < records_written_max) record(view, share);
    if (written == records_written_max || !fits(share)) {
      writer_.rewind(mark);
      omitted_ += count - i;
      break;
    }
    ++written;
  }
  writer_.end_array();
  if (section == Section::answers) answers_written_ = written;
}

void RecordWriter::record(const RecordView& view, unsigned share) noexcept {
  if (view.type != rr::txt || !data_reads(event_.bytes, view)) {
    writer_.begin_object();
    head(view);
    data(view);
    writer_.end_object();
    return;
  }
  // Suricata makes each string of a TXT record an answer of its own.
  RdataReader reader(event_.bytes, view);
  do {
    writer_.begin_object();
    head(view);
    writer_.key("rdata");
    write_text(writer_, text_of(reader.left() > 0 ? reader.string() : Bytes{}));
    writer_.end_object();
  } while (reader.left() > 0 && reader.good() && fits(share));
}

void RecordWriter::head(const RecordView& view) noexcept {
  writer_.key("rrname");
  write_text(writer_, name_text(event_.bytes, view.name_offset).view());
  writer_.key("rrtype");
  write_type(writer_, view.type);
  writer_.field("ttl", view.ttl);
  if (view.type == rr::opt) return;  // Its class is a size.
  const bool top_bit = service_ == NameService::mdns && (view.rr_class & class_top_bit) != 0;
  const auto rr_class = static_cast<std::uint16_t>(top_bit ? view.rr_class & ~class_top_bit : view.rr_class);
  if (rr_class != class_in) write_class(writer_, rr_class);
  if (top_bit) writer_.field("cache_flush", true);
}

void RecordWriter::data(const RecordView& view) noexcept {
  const Bytes bytes = event_.bytes.subspan(view.rdata_offset, view.rdata_length);
  const bool reads = data_reads(event_.bytes, view);
  if (reads && has_value(view.type)) {
    writer_.key(value_key(view.type));
    value(view);
    if (view.type == rr::mx) writer_.field("preference", load_be16(bytes, 0));
    return;
  }
  Line line;
  if (reads && present(view, line)) {
    writer_.key("rdata");
    write_text(writer_, line.view());
    return;
  }
  if (!bytes.empty()) raw(bytes);
}

void RecordWriter::raw(Bytes bytes) noexcept {
  writer_.key("rdata_hex");
  writer_.hex_string(bytes.first(std::min<std::size_t>(bytes.size(), rdata_hex_max)));
  if (bytes.size() > rdata_hex_max) writer_.field("rdata_bytes", bytes.size());
}

void RecordWriter::name_value(RdataReader& reader) noexcept {
  NameWalk walk;
  write_text(writer_, name_text(event_.bytes, reader.name(memo_, walk, false)).view());
}

void RecordWriter::value(const RecordView& view) noexcept {
  RdataReader reader(event_.bytes, view);
  switch (view.type) {
    case rr::a:
    case rr::aaaa:
      return write_address(writer_, reader.rest());
    case rr::mx:
      reader.u16();
      return name_value(reader);
    case rr::ns:
    case rr::cname:
    case rr::ptr:
      return name_value(reader);
    case rr::soa:
      writer_.begin_object();
      writer_.key("mname");
      name_value(reader);
      writer_.key("rname");
      name_value(reader);
      for (const std::string_view key : {"serial", "refresh", "retry", "expire", "minimum"})
        writer_.field(key, reader.u32());
      return writer_.end_object();
    case rr::srv:
      writer_.begin_object();
      for (const std::string_view key : {"priority", "weight", "port"}) writer_.field(key, reader.u16());
      writer_.key("name");
      name_value(reader);
      return writer_.end_object();
    case rr::sshfp: {
      const std::uint8_t algorithm = reader.u8(), kind = reader.u8();
      Line line;
      const Bytes print = reader.rest();
      for (std::size_t i = 0; i < std::min<std::size_t>(print.size(), rdata_hex_max); ++i)
        line.put(i == 0 ? "" : ":").hex(print.subspan(i, 1));
      writer_.begin_object();
      writer_.key("fingerprint");
      writer_.plain_string(line.view());
      writer_.field("algo", algorithm);
      writer_.field("type", kind);
      return writer_.end_object();
    }
    case rr::txt:
      return write_text(writer_, text_of(reader.left() > 0 ? reader.string() : Bytes{}));
    default:  // NULL
      return write_text(writer_, text_of(reader.bytes(std::min(reader.left(), rdata_text_max))));
  }
}

void RecordWriter::name_in(RdataReader& reader, Line& line) noexcept {
  NameWalk walk;
  const NameText name = name_text(event_.bytes, reader.name(memo_, walk, false));
  line.space().put(name.size == 0 ? "." : name.view());
}

// SvcParams, RFC 9460, 2.1 and 14.3.2.
bool RecordWriter::parameters(RdataReader& reader, Line& line) noexcept {
  static constexpr std::array<std::string_view, 8> names = {"mandatory", "alpn", "no-default-alpn", "port",
                                                            "ipv4hint",  "ech",  "ipv6hint",        "dohpath"};
  while (reader.good() && reader.left() > 0) {
    const std::uint16_t key = reader.u16();
    const Bytes value = reader.bytes(reader.u16());
    line.space();
    if (key < names.size())
      line.put(names[key]);
    else
      line.put("key").number(key);
    if (value.empty()) continue;
    line.put("=");
    if (key == 1) {
      for (std::size_t at = 0; at < value.size();) {
        const std::size_t length = value[at];
        if (length > value.size() - at - 1) return false;
        line.put(at == 0 ? "" : ",").text(value.subspan(at + 1, length));
        at += 1 + length;
      }
    } else if (key == 3 && value.size() == 2) {
      line.number(load_be16(value, 0));
    } else if (key == 4 && value.size() % 4 == 0) {
      for (std::size_t at = 0; at < value.size(); at += 4)
        line.put(at == 0 ? "" : ",").address(IpAddress::v4(load_be32(value, at)));
    } else if (key == 6 && value.size() % 16 == 0) {
      for (std::size_t at = 0; at < value.size(); at += 16)
        line.put(at == 0 ? "" : ",").address(IpAddress::v6(value.data() + at));
    } else if (key == 7) {
      line.text(value);
    } else {
      line.hex(value);
    }
  }
  return true;
}

bool RecordWriter::present(const RecordView& view, Line& line) noexcept {
  RdataReader reader(event_.bytes, view);
  switch (view.type) {
    case rr::dname:
      name_in(reader, line);
      return true;
    case rr::hinfo:
      line.quoted(reader.string()).space().quoted(reader.string());
      return true;
    case rr::naptr:
      line.number(reader.u16()).space().number(reader.u16());
      for (unsigned i = 0; i < 3; ++i) line.space().quoted(reader.string());
      name_in(reader, line);
      return true;
    case rr::svcb:
    case rr::https:
      line.number(reader.u16());
      name_in(reader, line);
      return parameters(reader, line);
    case rr::caa:
      line.number(reader.u8()).space().text(reader.string()).space().quoted(reader.rest());
      return true;
    case rr::ds:
    case rr::cds:
    case rr::dnskey:
    case rr::cdnskey:
      line.number(reader.u16()).space().number(reader.u8()).space().number(reader.u8()).space().hex(reader.rest());
      return true;
    case rr::tlsa:
      line.number(reader.u8()).space().number(reader.u8()).space().number(reader.u8()).space().hex(reader.rest());
      return true;
    case rr::rrsig: {
      const std::string_view covered = type_name(reader.u16());
      line.put(covered.empty() ? "TYPE" : covered).space().number(reader.u8()).space().number(reader.u8());
      for (unsigned i = 0; i < 3; ++i) line.space().number(reader.u32());
      line.space().number(reader.u16());
      name_in(reader, line);
      return true;  // Without the signature.
    }
    case rr::nsec:
      name_in(reader, line);
      // Type bitmap, RFC 4034, 4.1.2: window, length, bits.
      while (reader.good() && reader.left() > 2 && !line.full()) {
        const unsigned window = reader.u8();
        const Bytes bits = reader.bytes(reader.u8());
        for (unsigned i = 0; i < bits.size() * 8 && !line.full(); ++i) {
          if ((bits[i / 8] & 0x80u >> i % 8) == 0) continue;
          const auto type = static_cast<std::uint16_t>(window * 256 + i);
          const std::string_view name = type_name(type);
          line.space().put(name.empty() ? "TYPE" : name);
          if (name.empty()) line.number(type);
        }
      }
      return true;
    default:
      return false;
  }
}

void RecordWriter::grouped(unsigned share) noexcept {
  if (event_.count(Section::answers) == 0) return;
  writer_.key("grouped");
  writer_.begin_object();
  std::uint64_t done = 0;  // Bit per type; all that are grouped are below 64.
  RecordCursor cursor = event_.cursor(Section::answers);
  RecordView first;
  for (unsigned i = 0; i < answers_written_ && cursor.next(first); ++i) {
    if (!has_value(first.type) || (done >> first.type & 1) != 0 || !data_reads(event_.bytes, first)) continue;
    done |= std::uint64_t{1} << first.type;
    const JsonWriter::Mark mark = writer_.mark();
    writer_.key(type_name(first.type));
    writer_.begin_array();
    RecordCursor again = event_.cursor(Section::answers);
    RecordView view;
    for (unsigned k = 0; k < answers_written_ && again.next(view); ++k) {
      if (view.type != first.type || !data_reads(event_.bytes, view)) continue;
      if (view.type == rr::txt) {
        RdataReader reader(event_.bytes, view);
        do {
          write_text(writer_, text_of(reader.left() > 0 ? reader.string() : Bytes{}));
        } while (reader.left() > 0 && reader.good() && fits(share));
      } else {
        value(view);
      }
    }
    writer_.end_array();
    if (!fits(share)) {
      writer_.rewind(mark);
      break;
    }
  }
  writer_.end_object();
}

// RFC 6891, 6.1.3: the class is the sender's UDP size, the TTL the upper bits of the rcode, the version and the flags.
void RecordWriter::edns() noexcept {
  RecordView view;
  RecordCursor cursor(event_.bytes, event_.opt_offset, 1, false);
  if (event_.opt_offset == 0 || !cursor.next(view)) return;
  const JsonWriter::Mark mark = writer_.mark();
  writer_.key("edns");
  writer_.begin_object();
  writer_.field("version", view.ttl >> 16 & 0xFF);
  writer_.field("udp_size", view.rr_class);
  if ((view.ttl & 0x8000) != 0) writer_.field("do", true);
  if (view.ttl >> 24 != 0) {
    writer_.key("rcode");
    write_rcode(writer_, view.ttl >> 24 << 4 | rcode_of(event_.flags));
  }
  if (view.rdata_length > 0) {
    writer_.key("options");
    writer_.begin_array();
    RdataReader reader(event_.bytes, view);
    for (unsigned i = 0; i < edns_options_max && reader.left() > 0; ++i) {
      const std::uint16_t code = reader.u16();
      const Bytes value = reader.bytes(reader.u16());
      if (!reader.good()) break;
      writer_.begin_object();
      writer_.field("code", code);
      writer_.key("data");
      writer_.hex_string(value.first(std::min<std::size_t>(value.size(), edns_option_bytes_max)));
      if (value.size() > edns_option_bytes_max) writer_.field("data_bytes", value.size());
      writer_.end_object();
    }
    writer_.end_array();
  }
  writer_.end_object();
  if (!fits(10)) writer_.rewind(mark), ++omitted_;
}

void RecordWriter::end() noexcept {
  if (service_ != NameService::dns) {
    writer_.key("transport");
    writer_.plain_string(service_ == NameService::mdns ? "mdns" : "llmnr");
  }
  if (omitted_ > 0) writer_.field("records_omitted", omitted_);
  if (!event_.malformed()) return;
  writer_.key("malformed");
  writer_.begin_object();
  writer_.key("error");
  writer_.plain_string(name_of(event_.error));
  writer_.field("offset", event_.error_offset);
  writer_.end_object();
}

}  // namespace

void write_query(JsonWriter& writer, const MessageEvent& event, unsigned question, NameService service,
                 std::uint64_t transaction) noexcept {
  RecordWriter records(writer, event, service);
  writer.field("version", 2u);
  writer.key("type");
  writer.plain_string("query");
  writer.field("id", event.id);
  RecordCursor cursor = event.cursor(Section::questions);
  RecordView view;
  bool there = cursor.next(view);
  for (unsigned i = 0; i < question && there; ++i) there = cursor.next(view);
  if (there) records.question_fields(view);
  if (transaction != transaction_none) writer.field("tx_id", transaction);
  if ((event.flags & flag::reserved) != 0) writer.field("z", true);
  writer.field("opcode", opcode_of(event.flags));
  if (question == 0) {
    // Known answers and probes of mDNS (RFC 6762, 7.1 and 8.1), and the sections of an update (RFC 2136).
    records.section("answers", Section::answers, 6);
    records.section("authorities", Section::authorities, 8);
    records.section("additionals", Section::additionals, 9);
  }
  records.edns();
  records.end();
}

void write_answer(JsonWriter& writer, const MessageEvent& event, NameService service) noexcept {
  RecordWriter records(writer, event, service);
  writer.field("version", 2u);
  writer.key("type");
  writer.plain_string("answer");
  writer.field("id", event.id);
  std::array<char, 4> digits;
  const auto done = std::to_chars(digits.data(), digits.data() + digits.size(), event.flags, 16);
  writer.key("flags");
  writer.plain_string({digits.data(), static_cast<std::size_t>(done.ptr - digits.data())});
  static constexpr struct {
    std::string_view key;
    std::uint16_t bit;
  } bits[] = {{"qr", flag::answer},
              {"aa", flag::authoritative},
              {"tc", flag::truncated},
              {"rd", flag::recursion_desired},
              {"ra", flag::recursion_available},
              {"z", flag::reserved}};
  for (const auto& [key, bit] : bits) {
    if ((event.flags & bit) != 0) writer.field(key, true);
  }
  writer.field("opcode", opcode_of(event.flags));
  RecordCursor cursor = event.cursor(Section::questions);
  RecordView view;
  if (cursor.next(view)) records.question_fields(view);
  writer.key("rcode");
  write_rcode(writer, rcode_of(event.flags));
  if (event.count(Section::questions) > 1) records.questions();
  records.section("answers", Section::answers, 4);
  records.grouped(8);
  records.section("authorities", Section::authorities, 9);
  records.section("additionals", Section::additionals, 10);
  records.edns();
  records.end();
}

}  // namespace tsujiban::dns
