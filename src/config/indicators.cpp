#include "config/indicators.h"

#include <algorithm>
#include <charconv>
#include <cstring>
#include <limits>

#include "config/csv.h"
#include "config/values.h"

namespace tsujiban::config {
namespace {

constexpr std::array<std::string_view, indicator_kind_count> kind_names = {
    "address", "prefix", "domain", "url", "ja3", "ja4", "certificate_sha1", "certificate_sha256"};

// The columns that are read, and those of an export of MISP, which say more than is asked here.
constexpr std::array<std::string_view, 19> columns = {"type",        "value",         "expires",
                                                      "source",      "comment",       "to_ids",
                                                      "uuid",        "event_id",      "category",
                                                      "date",        "attribute_tag", "object_relation",
                                                      "object_uuid", "object_name",   "object_meta_category",
                                                      "event_info",  "first_seen",    "last_seen",
                                                      "tags"};
constexpr std::array<std::string_view, 1> needed = {"value"};

enum class As : std::uint8_t { any, address, domain, domain_and_address, url, ja3, ja4, certificate, sha1, sha256 };
struct TypeWord {
  std::string_view word;
  As as;
};
// Our own words first, which faults list; then MISP's and those of other lists.
constexpr std::array<TypeWord, 24> type_words = {{
    {"address", As::address},
    {"prefix", As::address},
    {"domain", As::domain},
    {"url", As::url},
    {"ja3", As::ja3},
    {"ja4", As::ja4},
    {"certificate", As::certificate},
    {"certificate_sha1", As::sha1},
    {"certificate_sha256", As::sha256},
    {"ip", As::address},
    {"ip-src", As::address},
    {"ip-dst", As::address},
    {"ip-src|port", As::address},
    {"ip-dst|port", As::address},
    {"ip:port", As::address},
    {"cidr", As::address},
    {"hostname", As::domain},
    {"hostname|port", As::domain},
    {"domain|ip", As::domain_and_address},
    {"ja3-fingerprint-md5", As::ja3},
    {"ja4-fingerprint", As::ja4},
    {"x509-fingerprint-sha1", As::sha1},
    {"x509-fingerprint-sha256", As::sha256},
    {"", As::any},
}};
constexpr std::size_t own_words = 9;

// Types of MISP that nothing in a packet shows, or not so that it could be found by the value.
constexpr std::array<std::string_view, 42> unused_types = {"md5",
                                                           "sha1",
                                                           "sha224",
                                                           "sha256",
                                                           "sha384",
                                                           "sha512",
                                                           "ssdeep",
                                                           "imphash",
                                                           "impfuzzy",
                                                           "tlsh",
                                                           "vhash",
                                                           "pehash",
                                                           "authentihash",
                                                           "cdhash",
                                                           "telfhash",
                                                           "filename",
                                                           "size-in-bytes",
                                                           "mime-type",
                                                           "mutex",
                                                           "named pipe",
                                                           "regkey",
                                                           "process-state",
                                                           "user-agent",
                                                           "pattern-in-file",
                                                           "pattern-in-memory",
                                                           "pattern-in-traffic",
                                                           "yara",
                                                           "sigma",
                                                           "snort",
                                                           "vulnerability",
                                                           "cpe",
                                                           "weakness",
                                                           "attachment",
                                                           "malware-type",
                                                           "link",
                                                           "uri",
                                                           "comment",
                                                           "text",
                                                           "other",
                                                           "datetime",
                                                           "AS",
                                                           "x509-fingerprint-md5"};
constexpr std::array<std::string_view, 8> unused_beginnings = {"filename|", "email",   "malware-sample", "sha512/",
                                                               "sha3-",     "regkey|", "windows-",       "jarm-"};

bool is_unused(std::string_view type) noexcept {
  return std::find(unused_types.begin(), unused_types.end(), type) != unused_types.end() ||
         std::any_of(unused_beginnings.begin(), unused_beginnings.end(),
                     [&](std::string_view begin) { return type.starts_with(begin); });
}

bool is_digit(char c) noexcept { return c >= '0' && c <= '9'; }
char lower(char c) noexcept { return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c; }
int hex_value(char c) noexcept {
  c = lower(c);
  return is_digit(c) ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}
bool is_hex(std::string_view text) noexcept {
  return std::all_of(text.begin(), text.end(), [](char c) { return hex_value(c) >= 0; });
}
bool is_blank(char c) noexcept { return c == ' ' || c == '\t' || c == '\r'; }
std::string_view trimmed(std::string_view text) noexcept {
  while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_blank(text.back())) text.remove_suffix(1);
  return text;
}

// "host:443" without its port; "[2001:db8::1]:443" without the brackets too. What has no port stays.
std::string_view without_port(std::string_view text) noexcept {
  if (text.starts_with('[')) {
    const std::size_t end = text.find(']');
    if (end == std::string_view::npos) return text;
    const std::string_view rest = text.substr(end + 1);
    if (!rest.empty() && rest[0] != ':' && rest[0] != '|') return text;
    return text.substr(1, end - 1);
  }
  const std::size_t at = text.find_last_of(":|");
  if (at == std::string_view::npos || at + 1 == text.size() || text.size() - at > 6) return text;
  const std::string_view port = text.substr(at + 1), host = text.substr(0, at);
  const bool number = std::all_of(port.begin(), port.end(), is_digit);
  // Of an IPv6 address without brackets the last group is no port.
  return number && (text[at] == '|' || host.find(':') == std::string_view::npos) ? host : text;
}

}  // namespace

std::string_view name_of(IndicatorKind kind) noexcept { return kind_names[static_cast<std::size_t>(kind)]; }

std::string text_of(const IndicatorLists& lists, const Indicator& indicator) {
  const Bytes value = lists.value_of(indicator);
  const auto address = [&](Bytes bytes) {
    return bytes.size() == 4 ? IpAddress::v4(load_be32(bytes.data())) : IpAddress::v6(bytes.data());
  };
  switch (indicator.kind) {
    case IndicatorKind::address:
      return to_string(address(value));
    case IndicatorKind::prefix:
      return to_string(IpPrefix{address(value.first(value.size() - 1)), value.back()});
    case IndicatorKind::domain:
    case IndicatorKind::url:
    case IndicatorKind::ja4:
      return {value.begin(), value.end()};
    case IndicatorKind::ja3:
    case IndicatorKind::certificate_sha1:
    case IndicatorKind::certificate_sha256:
    case IndicatorKind::count_:
      break;
  }
  std::string text;
  for (const std::uint8_t byte : value) {
    constexpr std::string_view digits = "0123456789abcdef";
    text += digits[byte >> 4];
    text += digits[byte & 15];
  }
  return text;
}

IndicatorReader::IndicatorReader(Context& context) : context_(context) {
  lists_->sources.emplace_back();
  source_ids_.try_emplace({}, 0);
}

std::shared_ptr<const IndicatorLists> IndicatorReader::finish() {
  if (lists_->files == 0) return nullptr;
  lists_->indicators.shrink_to_fit();
  lists_->values.shrink_to_fit();
  lists_->source_texts = texts_;
  return lists_;
}

void IndicatorReader::wrong(const Cell& cell, std::string_view key, const std::string& message) {
  context_.faults.add(cell.position, key.empty() ? message : std::string(key) + ": " + message);
}

void IndicatorReader::read(std::string& bytes, std::uint32_t file) {
  ++lists_->files;
  if (bytes.size() > table_bytes_max || file > std::numeric_limits<std::uint16_t>::max()) {
    context_.faults.add({file, 0, 0}, "the file is larger than 512 MiB, or one of more than 65,535");
    return;
  }
  const std::size_t rows = std::min(rows_at_most(bytes), indicators_max);
  lists_->indicators.reserve(std::min(lists_->indicators.size() + rows, indicators_max));
  // A table names its columns in the first line that says anything; else every line is a value.
  std::string_view rest = bytes;
  if (rest.starts_with("\xef\xbb\xbf")) rest.remove_prefix(3);
  bool table = false;
  while (!rest.empty()) {
    const std::size_t end = std::min(rest.find('\n'), rest.size());
    std::string_view line = trimmed(rest.substr(0, end));
    rest.remove_prefix(std::min(end + 1, rest.size()));
    if (line.empty() || line[0] == '#') continue;
    while (!line.empty() && !table) {
      const std::size_t comma = std::min(line.find(','), line.size());
      std::string_view cell = trimmed(line.substr(0, comma));
      if (cell.size() >= 2 && cell.front() == '"' && cell.back() == '"') cell = cell.substr(1, cell.size() - 2);
      table = cell == "value" || cell == "type";
      line.remove_prefix(std::min(comma + 1, line.size()));
    }
    break;
  }
  if (table)
    read_rows(bytes, file);
  else if (check_text(bytes, file, context_.faults))
    read_plain(bytes, file);
}

void IndicatorReader::read_rows(std::string& bytes, std::uint32_t file) {
  static constexpr TableKind kind{"a table of indicators", columns, {}, needed};
  read_table(context_, bytes, file, kind, [&](const Value& map) {
    Row row;
    row.value.position = map.position();
    Value key;
    map.for_each([&](const Value& child) {
      if (!key) {
        key = child;
        return;
      }
      const std::string_view name = key.text();
      Cell* const cell = name == "value"     ? &row.value
                         : name == "type"    ? &row.type
                         : name == "expires" ? &row.expires
                         : name == "source"  ? &row.source
                         : name == "to_ids"  ? &row.to_ids
                                             : nullptr;
      if (cell != nullptr) *cell = {child.position(), child.text()};
      key = Value{};
    });
    read_row(row, file);
  });
}

void IndicatorReader::read_plain(std::string_view bytes, std::uint32_t file) {
  std::size_t at = bytes.starts_with("\xef\xbb\xbf") ? 3 : 0;
  std::uint32_t number = 0;
  while (at < bytes.size()) {
    const std::size_t end = std::min(bytes.find('\n', at), bytes.size());
    ++number;
    std::string_view line = bytes.substr(at, end - at);
    // A comment begins a line, or stands behind a space: '#' may be part of a URL.
    for (std::size_t i = 0; i < line.size(); ++i) {
      if (line[i] == '#' && (i == 0 || is_blank(line[i - 1]))) {
        line = line.substr(0, i);
        break;
      }
    }
    const std::string_view value = trimmed(line);
    if (!value.empty()) {
      Row row;
      row.value = {{file, number, static_cast<std::uint32_t>(value.data() - line.data()) + 1}, value};
      if (value.find_first_of(" \t") == std::string_view::npos) {
        read_row(row, file);
      } else {
        wrong(row.value, {},
              in_quotes(value) +
                  " is more than one value; a plain list has one on a line, and a comment begins with "
                  "\"#\"; a table needs a first line that names its columns, \"value\" among them");
      }
    }
    at = end + 1;
  }
}

void IndicatorReader::read_row(const Row& row, std::uint32_t file) {
  if (row.value.text.empty()) return wrong(row.value, "value", "there is none in this row");
  const std::string_view for_detection = row.to_ids.text;
  const auto is_any_of = [](std::string_view text, std::initializer_list<std::string_view> words) {
    return std::find(words.begin(), words.end(), text) != words.end();
  };
  if (!is_any_of(for_detection, {"", "1", "0", "true", "false", "True", "False", "yes", "no"}))
    return wrong(row.to_ids, "to_ids",
                 in_quotes(for_detection) + " is not known; accepted: 1, 0, true, false, yes, no");
  if (is_any_of(for_detection, {"0", "false", "False", "no"}) || is_unused(row.type.text)) {
    ++lists_->unused;
    return;
  }
  const auto word = std::find_if(type_words.begin(), type_words.end(),
                                 [&](const TypeWord& known) { return known.word == row.type.text; });
  if (word == type_words.end()) {
    static constexpr auto accepted = [] {
      std::array<std::string_view, own_words> words;
      for (std::size_t i = 0; i < own_words; ++i) words[i] = type_words[i].word;
      return words;
    }();
    return wrong(row.type, "type",
                 in_quotes(row.type.text) + " is no type of indicator" +
                     context_.suggestions.among(row.type.text, accepted) + "; accepted: " + listed(accepted) +
                     ", those of MISP, or none, and the value tells");
  }
  Indicator indicator;
  indicator.line = row.value.position.line;
  indicator.file = static_cast<std::uint16_t>(file);
  const bool expiry = read_expiry(row.expires, indicator), source = read_source(row.source, indicator);
  if (expiry && source) return read_value(row.value, row.value.text, row.type.text, indicator);
  // The value is read all the same, so that every fault is told; it counts for nothing, for nothing is loaded.
  read_value(row.value, row.value.text, row.type.text, indicator);
}

void IndicatorReader::read_value(const Cell& cell, std::string_view text, std::string_view type, Indicator indicator) {
  const As as =
      std::find_if(type_words.begin(), type_words.end(), [&](const TypeWord& known) { return known.word == type; })->as;
  text = refanged(text);
  std::string message;
  switch (as) {
    case As::any:
      message = read_any(text, indicator.kind);
      break;
    case As::address:
      message = read_address(text, indicator.kind);
      break;
    case As::domain:
      indicator.kind = IndicatorKind::domain;
      message = read_domain(without_port(text));
      break;
    case As::domain_and_address: {
      const std::string both(text);  // `text` may be in `cleaned_`.
      const std::size_t bar = both.find('|');
      if (bar == std::string::npos) {
        message = in_quotes(both) + " has no \"|\" between a domain and an address";
        break;
      }
      read_value(cell, std::string_view(both).substr(0, bar), "domain", indicator);
      return read_value(cell, std::string_view(both).substr(bar + 1), "address", indicator);
    }
    case As::url:
      indicator.kind = IndicatorKind::url;
      message = read_url(text);
      break;
    case As::ja3:
      indicator.kind = IndicatorKind::ja3;
      message = read_digest(text, 16);
      break;
    case As::ja4:
      indicator.kind = IndicatorKind::ja4;
      message = read_ja4(text);
      break;
    case As::certificate:
      indicator.kind = text.size() > 59 ? IndicatorKind::certificate_sha256 : IndicatorKind::certificate_sha1;
      message = read_digest(text, text.size() > 59 ? 32 : 20);
      break;
    case As::sha1:
      indicator.kind = IndicatorKind::certificate_sha1;
      message = read_digest(text, 20);
      break;
    case As::sha256:
      indicator.kind = IndicatorKind::certificate_sha256;
      message = read_digest(text, 32);
      break;
  }
  if (!message.empty()) return wrong(cell, "value", message);
  add(cell, indicator);
}

// Lists that people mail to each other break their names, so that nobody clicks on one.
std::string_view IndicatorReader::refanged(std::string_view text) {
  if (text.find("[.]") == std::string_view::npos && text.find("hxxp") == std::string_view::npos) return text;
  cleaned_.clear();
  while (!text.empty()) {
    if (text.starts_with("[.]")) {
      cleaned_ += '.';
      text.remove_prefix(3);
    } else if (cleaned_.empty() && text.starts_with("hxxp")) {
      cleaned_ += "http";
      text.remove_prefix(4);
    } else {
      cleaned_ += text[0];
      text.remove_prefix(1);
    }
  }
  return cleaned_;
}

std::string IndicatorReader::read_any(std::string_view text, IndicatorKind& kind) {
  if (is_hex(text)) {
    kind = text.size() == 32   ? IndicatorKind::ja3
           : text.size() == 40 ? IndicatorKind::certificate_sha1
                               : IndicatorKind::certificate_sha256;
    if (text.size() == 32 || text.size() == 40 || text.size() == 64) return read_digest(text, text.size() / 2);
  }
  if (text.size() == 36 && text.find('_') == 10) {
    kind = IndicatorKind::ja4;
    if (read_ja4(text).empty()) return {};
  }
  IpAddress address;
  const std::size_t slash = text.find('/');
  if (parse_ip(text.substr(0, slash), address)) {
    const std::string_view behind = slash == std::string_view::npos ? "0" : text.substr(slash + 1);
    if (!behind.empty() && behind.size() <= 3 && std::all_of(behind.begin(), behind.end(), is_digit))
      return read_address(text, kind);
  }
  if (slash != std::string_view::npos) {
    kind = IndicatorKind::url;
    return read_url(text);
  }
  const std::string_view host = without_port(text);
  if (parse_ip(host, address)) return read_address(host, kind);
  kind = IndicatorKind::domain;
  if (read_domain(host).empty()) return {};
  return in_quotes(text) +
         " is none of these: an address, a prefix, a domain, a URL with its \"/\", JA3 (32 hexadecimal digits), JA4, "
         "the "
         "hash of a certificate (SHA-1, 40 digits, or SHA-256, 64)";
}

void IndicatorReader::put_address(const IpAddress& address) {
  std::uint8_t bytes[16];
  for (int i = 0; i < 8; ++i) {
    bytes[i] = static_cast<std::uint8_t>(address.high >> (56 - 8 * i));
    bytes[8 + i] = static_cast<std::uint8_t>(address.low >> (56 - 8 * i));
  }
  const std::size_t skipped = address.is_v4() ? 12 : 0;
  value_.assign(reinterpret_cast<const char*>(bytes) + skipped, 16 - skipped);
}

std::string IndicatorReader::read_address(std::string_view text, IndicatorKind& kind) {
  IpAddress address;
  kind = IndicatorKind::address;
  if (parse_ip(text, address) || parse_ip(without_port(text), address)) {
    put_address(address);
    return {};
  }
  IpPrefix prefix;
  if (std::string message = read_prefix(text, prefix); !message.empty()) return message;
  if (prefix.length == 0) return in_quotes(text) + " is every address there is";
  put_address(prefix.address);
  if (prefix.length != (prefix.address.is_v4() ? 32 : 128)) {
    kind = IndicatorKind::prefix;
    value_ += static_cast<char>(prefix.length);
  }
  return {};
}

std::string IndicatorReader::read_domain(std::string_view text) {
  std::string_view name = text;
  const bool below = name.starts_with("*.") || name.starts_with('.');
  if (below) name.remove_prefix(name[0] == '*' ? 2 : 1);
  if (name.ends_with('.')) name.remove_suffix(1);
  std::string wrong = in_quotes(text) + " is no domain name";
  if (name.empty() || name.size() > indicator_domain_bytes_max) return wrong + "; 1 to 253 characters are accepted";
  value_.clear();
  std::size_t label = 0, labels = 1;
  bool letters = false;  // In the last label: else it is an address, or the beginning of one.
  for (const char c : name) {
    if (c == '.') {
      if (label == 0) return wrong + ": an empty label";
      label = 0;
      ++labels;
      letters = false;
    } else {
      const char small = lower(c);
      const bool letter = small >= 'a' && small <= 'z';
      if (static_cast<unsigned char>(c) >= 0x80) return wrong + "; write it as it is asked for, with \"xn--\"";
      if (!letter && !is_digit(c) && c != '-' && c != '_') return wrong;
      if (++label > 63) return wrong + ": a label of more than 63 characters";
      letters = letters || letter;
    }
    value_ += lower(c);
  }
  if (label == 0 || !letters) return wrong;
  if (labels == 1 && !below)
    return in_quotes(text) + " is one label, and everything below it; write it with a dot before it if that is meant";
  return {};
}

// As WebRequest::url_hash reads a URL.
std::string IndicatorReader::read_url(std::string_view text) {
  const std::string quoted = in_quotes(text);
  if (const std::size_t scheme = text.find("://"); scheme != std::string_view::npos && scheme < text.find('/')) {
    const std::string_view word = text.substr(0, scheme);
    const auto is = [&](std::string_view name) {
      return word.size() == name.size() &&
             std::equal(word.begin(), word.end(), name.begin(), [](char a, char b) { return lower(a) == b; });
    };
    if (!is("http") && !is("https")) return quoted + " has another scheme than http and https";
    text.remove_prefix(scheme + 3);
  }
  text = text.substr(0, text.find('#'));
  if (text.size() > indicator_url_bytes_max) return quoted + " is longer than 8192 bytes";
  const std::size_t end = std::min(text.find_first_of("/?"), text.size());
  std::string_view host = text.substr(0, end);
  const std::string_view target = text.substr(end);
  if (const std::size_t at = host.rfind('@'); at != std::string_view::npos) host.remove_prefix(at + 1);
  IpAddress address;
  const bool literal = host.starts_with('[');
  const std::string_view bare = without_port(host);
  if (parse_ip(bare, address)) {
    value_ = literal ? '[' + std::string(bare) + ']' : std::string(bare);
    std::transform(value_.begin(), value_.end(), value_.begin(), lower);
  } else if (std::string message = read_domain(bare); !message.empty()) {
    return quoted + " has no right host: " + message;
  }
  if (target.empty() || target[0] != '/') value_ += '/';
  value_ += target;
  return {};
}

std::string IndicatorReader::read_ja4(std::string_view text) {
  // FoxIO's form: protocol, version, SNI, two counts, ALPN; two truncated hashes.
  const auto at = [&](std::size_t from, std::size_t size) { return text.substr(from, size); };
  const auto digits = [](std::string_view part) { return std::all_of(part.begin(), part.end(), is_digit); };
  const auto words = [](std::string_view part) {
    return std::all_of(part.begin(), part.end(),
                       [](char c) { return is_digit(c) || (lower(c) >= 'a' && lower(c) <= 'z'); });
  };
  if (text.size() != 36 || (text[0] != 't' && text[0] != 'q' && text[0] != 'd') || !words(at(1, 2)) ||
      (text[3] != 'd' && text[3] != 'i') || !digits(at(4, 4)) || !words(at(8, 2)) || text[10] != '_' ||
      text[23] != '_' || !is_hex(at(11, 12)) || !is_hex(at(24, 12)))
    return in_quotes(text) + " is no JA4; accepted: the form of t13d1516h2_8daaf6152771_02713d6af862";
  value_ = text;
  std::transform(value_.begin() + 11, value_.end(), value_.begin() + 11, lower);
  return {};
}

std::string IndicatorReader::read_digest(std::string_view text, std::size_t bytes) {
  const std::string count = std::to_string(bytes * 2);
  // Tools that show certificates put colons between the bytes.
  value_.clear();
  int high = -1;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == ':' && high < 0 && !value_.empty() && i + 1 < text.size()) continue;
    const int digit = hex_value(text[i]);
    if (digit < 0) return in_quotes(text) + " is no hash; " + count + " hexadecimal digits are accepted";
    if (high < 0) {
      high = digit;
    } else {
      value_ += static_cast<char>(high << 4 | digit);
      high = -1;
    }
  }
  if (value_.size() != bytes || high >= 0)
    return in_quotes(text) + " has another length; " + count + " hexadecimal digits are accepted";
  return {};
}

bool IndicatorReader::read_expiry(const Cell& cell, Indicator& indicator) {
  if (cell.text.empty()) return true;
  std::int64_t end_s = 0;
  const std::string_view date = cell.text.substr(0, 10), time = cell.text.substr(date.size());
  std::string message = read_last_day(date, end_s);
  if (message.empty() && !time.empty()) {
    // "2027-03-31T12:00:00Z", with a fraction or without seconds: of a feed, and UTC.
    const auto number = [&](std::size_t at, unsigned limit, unsigned& value) {
      if (at + 2 > time.size()) return false;
      const auto read = std::from_chars(time.data() + at, time.data() + at + 2, value);
      return read.ec == std::errc() && read.ptr == time.data() + at + 2 && value < limit;
    };
    unsigned hour = 0, minute = 0, second = 0;
    bool right = (time[0] == 'T' || time[0] == ' ') && number(1, 24, hour) && time.size() >= 6 && time[3] == ':' &&
                 number(4, 60, minute);
    std::size_t at = 6;
    if (right && at < time.size() && time[at] == ':') {
      right = number(7, 61, second);
      at = 9;
      if (right && at < time.size() && time[at] == '.') {
        while (++at < time.size() && is_digit(time[at])) {
        }
      }
    }
    const std::string_view zone = right && at <= time.size() ? time.substr(at) : "?";
    if (!right || (!zone.empty() && zone != "Z" && zone != "+00:00")) {
      message =
          in_quotes(cell.text) + " is no time; accepted: 2027-03-31, the last day, or 2027-03-31T12:00:00Z in UTC";
    } else {
      end_s += -86'400 + std::int64_t{hour} * 3600 + minute * 60 + second;
      indicator.expires_utc = true;
    }
  }
  if (!message.empty()) {
    wrong(cell, "expires", message);
    return false;
  }
  indicator.expires_s =
      static_cast<std::uint32_t>(std::clamp<std::int64_t>(end_s, 1, std::numeric_limits<std::uint32_t>::max()));
  return true;
}

bool IndicatorReader::read_source(const Cell& cell, Indicator& indicator) {
  if (cell.text.empty()) return true;
  std::uint32_t* id = source_ids_.find(cell.text);
  if (id == nullptr) {
    if (lists_->sources.size() > indicator_sources_max) {
      wrong(cell, "source", "more than 65,535 different sources");
      return false;
    }
    const std::string_view kept = texts_->add(cell.text);
    id = source_ids_.try_emplace(kept, static_cast<std::uint32_t>(lists_->sources.size())).first;
    lists_->sources.push_back(kept);
  }
  indicator.source = static_cast<std::uint16_t>(*id);
  return true;
}

// The slot of a value, or the empty one where it belongs.
std::size_t IndicatorReader::slot_of(IndicatorKind kind, std::string_view value) const noexcept {
  const std::size_t mask = slots_.size() - 1;
  std::size_t at = hash_bytes(seed_, {reinterpret_cast<const std::uint8_t*>(value.data()), value.size()},
                              static_cast<std::uint64_t>(kind)) &
                   mask;
  for (; slots_[at] != 0; at = (at + 1) & mask) {
    const Indicator& other = lists_->indicators[slots_[at] - 1];
    if (other.kind == kind && value_of(other) == value) break;
  }
  return at;
}

void IndicatorReader::grow() {
  constexpr std::size_t slots_min = 1024;
  slots_.assign(slots_.empty() ? slots_min : slots_.size() * 2, 0);
  for (std::size_t i = 0; i < lists_->indicators.size(); ++i) {
    const Indicator& indicator = lists_->indicators[i];
    slots_[slot_of(indicator.kind, value_of(indicator))] = static_cast<std::uint32_t>(i + 1);
  }
}

void IndicatorReader::add(const Cell& cell, Indicator indicator) {
  IndicatorLists& lists = *lists_;
  if (lists.indicators.size() * 4 >= slots_.size() * 3) grow();
  std::uint32_t& slot = slots_[slot_of(indicator.kind, value_)];
  if (slot != 0) {
    ++lists.duplicates;
    Indicator& known = lists.indicators[slot - 1];
    // What holds longer stands; 0 is for ever.
    if (known.expires_s - 1 < indicator.expires_s - 1) {
      known.expires_s = indicator.expires_s;
      known.expires_utc = indicator.expires_utc;
    }
    return;
  }
  const bool full = lists.indicators.size() == indicators_max ||
                    lists.values.size() + value_.size() > std::numeric_limits<std::uint32_t>::max();
  if (full) {
    if (!full_told_) wrong(cell, {}, "more than 16,000,000 indicators, or 4 GiB of them");
    full_told_ = true;
    return;
  }
  indicator.value_at = static_cast<std::uint32_t>(lists.values.size());
  indicator.value_size = static_cast<std::uint16_t>(value_.size());
  lists.values += value_;
  ++lists.counts[static_cast<std::size_t>(indicator.kind)];
  lists.indicators.push_back(indicator);
  slot = static_cast<std::uint32_t>(lists.indicators.size());
}

}  // namespace tsujiban::config
