#include "detect/signature_parser.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <utility>

#include "detect/signature_classes.h"

namespace tsujiban::detect {
namespace {

constexpr std::string_view keywords_accepted = "msg, content, nocase, classtype, sid, rev";

constexpr bool is_blank(char c) noexcept { return c == ' ' || c == '\t'; }

int hex_digit(char c) noexcept {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

// Text of a rule in a message: short, and without bytes that would garble a terminal.
std::string quoted(std::string_view text) {
  constexpr std::size_t shown_max = 40;
  std::string out = "`";
  for (const char c : text.substr(0, shown_max)) out += static_cast<unsigned char>(c) < 0x20 || c == 0x7f ? '?' : c;
  if (text.size() > shown_max) out += "...";
  return out + "`";
}

// Shortest-form UTF-8 without surrogates (RFC 3629, 4).
bool is_utf8(std::string_view text) noexcept {
  for (std::size_t i = 0; i < text.size();) {
    const auto lead = static_cast<unsigned char>(text[i++]);
    if (lead < 0x80) continue;
    const int more = lead >= 0xc2 && lead < 0xe0   ? 1
                     : lead >= 0xe0 && lead < 0xf0 ? 2
                     : lead >= 0xf0 && lead < 0xf5 ? 3
                                                   : -1;
    if (more < 0 || text.size() - i < static_cast<std::size_t>(more)) return false;
    for (int k = 0; k < more; ++k) {
      const auto next = static_cast<unsigned char>(text[i++]);
      if ((next & 0xc0) != 0x80) return false;
      if (k == 0 && ((lead == 0xe0 && next < 0xa0) || (lead == 0xed && next >= 0xa0) || (lead == 0xf0 && next < 0x90) ||
                     (lead == 0xf4 && next >= 0x90))) {
        return false;
      }
    }
  }
  return true;
}

template <class T>
bool parse_number(std::string_view text, T& value) noexcept {
  const auto done = std::from_chars(text.data(), text.data() + text.size(), value);
  return !text.empty() && done.ec == std::errc() && done.ptr == text.data() + text.size();
}

// A rule's text with its continuation lines joined. Every part of it is a view into `text`, so that a fault anywhere
// finds its line and column.
class RuleParser {
 public:
  using Lines =
      std::vector<std::pair<std::size_t, std::uint32_t>>;  // Offset in `text` of each line's first byte; line number.

  RuleParser(RuleReader& reader, const std::string& name, std::string_view text, const Lines& lines)
      : reader_(reader), name_(name), text_(text), lines_(lines) {}

  // False when anything was wrong; each fault is told.
  bool parse(SignatureRule& rule) {
    const std::size_t faults_before = reader_.faults_count();
    skip_blanks();
    rule.place = place(at_);
    if (!check_characters()) return false;
    parse_header(rule);
    if (at_ < text_.size()) parse_options(rule);
    return reader_.faults_count() == faults_before;
  }
  config::Place sid_place() const { return place(sid_at_); }

 private:
  struct Option {
    std::string_view keyword, value;  // The value without blanks at its ends.
    std::size_t at = 0;
  };

  config::Place place(std::size_t offset) const {
    auto line = std::upper_bound(lines_.begin(), lines_.end(), offset,
                                 [](std::size_t o, const auto& l) { return o < l.first; });
    --line;
    return {name_, line->second, static_cast<std::uint32_t>(offset - line->first + 1)};
  }
  void fault(std::size_t offset, std::string message) { reader_.fault(place(offset), std::move(message)); }
  std::size_t offset_of(std::string_view part) const { return static_cast<std::size_t>(part.data() - text_.data()); }
  void skip_blanks() {
    while (at_ < text_.size() && is_blank(text_[at_])) ++at_;
  }

  bool check_characters() {
    for (std::size_t i = 0; i < text_.size(); ++i) {
      const auto c = static_cast<unsigned char>(text_[i]);
      if ((c < 0x20 && c != '\t') || c == 0x7f) {
        fault(i, "a control character stands in a rule; in a content it is written in hex, as |0A|");
        return false;
      }
    }
    return true;
  }

  // A word of the header, or a whole list with the blanks in it. Empty at the options or the end.
  std::string_view header_word() {
    skip_blanks();
    const std::size_t begin = at_;
    std::size_t depth = 0;
    while (at_ < text_.size()) {
      const char c = text_[at_];
      if (c == '(' || (depth == 0 && is_blank(c))) break;
      if (c == '[') ++depth;
      if (c == ']' && depth > 0) --depth;
      ++at_;
    }
    return text_.substr(begin, at_ - begin);
  }

  void parse_header(SignatureRule& rule) {
    static constexpr std::string_view parts[] = {
        "action", "protocol", "source address", "source port", "direction", "destination address", "destination port"};
    std::string_view word[7];
    for (std::size_t i = 0; i < 7; ++i) {
      word[i] = header_word();
      if (word[i].empty()) {
        fault(std::min(at_, text_.size()),
              "the " + std::string(parts[i]) +
                  " is missing (a rule reads: alert tcp|udp|ip ADDRESS PORT ->|<> ADDRESS PORT (OPTIONS))");
        break;
      }
    }
    if (!word[0].empty() && word[0] != "alert") {
      fault(offset_of(word[0]), "action " + quoted(word[0]) + " is not accepted (accepted: alert)");
    }
    if (word[1] == "tcp")
      rule.protocol = RuleProtocol::tcp;
    else if (word[1] == "udp")
      rule.protocol = RuleProtocol::udp;
    else if (!word[1].empty() && word[1] != "ip") {
      fault(offset_of(word[1]), "protocol " + quoted(word[1]) + " is not accepted (accepted: tcp, udp, ip)");
    }
    parse_addresses(word[2], rule.source);
    parse_ports(word[3], rule.source_ports);
    if (word[4] == "<>")
      rule.both_directions = true;
    else if (!word[4].empty() && word[4] != "->") {
      fault(offset_of(word[4]), "direction " + quoted(word[4]) + " is not accepted (accepted: ->, <>)");
    }
    parse_addresses(word[5], rule.destination);
    parse_ports(word[6], rule.destination_ports);
    if (word[6].empty()) return;
    skip_blanks();
    if (at_ >= text_.size() || text_[at_] != '(') {
      fault(std::min(at_, text_.size()), "`(` and the options are missing after the destination port");
      at_ = text_.size();
    }
  }

  static void trim(std::string_view& text) {
    while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
    while (!text.empty() && is_blank(text.back())) text.remove_suffix(1);
  }

  // Walks a list and hands each entry on with its sign. False after a fault of the list itself.
  template <class Entry>
  bool walk_list(std::string_view text, bool negated, std::size_t depth, std::size_t& count, const Entry& entry) {
    trim(text);
    const std::size_t at = offset_of(text);
    if (!text.empty() && text.front() == '!') {
      if (negated) {
        fault(at, "a negation within a negated list is not accepted");
        return false;
      }
      negated = true;
      text.remove_prefix(1);
      trim(text);
    }
    if (text.empty()) {
      fault(at, "an entry of a list is empty");
      return false;
    }
    if (text.front() == '$') {
      fault(offset_of(text), "variable " + quoted(text) + " is not accepted: write what it stands for, or any");
      return false;
    }
    if (++count > list_entries_max) {
      fault(offset_of(text), "a list has more than " + std::to_string(list_entries_max) + " entries");
      return false;
    }
    if (text.front() != '[') return entry(text, negated);
    if (depth == list_depth_max) {
      fault(offset_of(text), "lists are nested deeper than " + std::to_string(list_depth_max));
      return false;
    }
    const std::size_t open_at = offset_of(text);
    text.remove_prefix(1);
    std::size_t inner = 0, begin = 0;
    for (std::size_t i = 0; i < text.size(); ++i) {
      if (text[i] == '[') ++inner;
      if (text[i] == ']' && inner > 0) {
        --inner;
      } else if ((text[i] == ',' || text[i] == ']') && inner == 0) {
        if (!walk_list(text.substr(begin, i - begin), negated, depth + 1, count, entry)) return false;
        begin = i + 1;
        if (text[i] == ']') {
          if (begin == text.size()) return true;
          fault(offset_of(text) + begin, "characters follow the list's `]`");
          return false;
        }
      }
    }
    fault(open_at, "the list is not closed by `]`");
    return false;
  }

  void parse_addresses(std::string_view text, AddressSet& set) {
    if (text.empty()) return;
    set.any = false;
    std::size_t count = 0;
    const bool good = walk_list(text, false, 0, count, [&](std::string_view word, bool negated) {
      if (word == "any") {
        if (!negated) return set.any = true;
        fault(offset_of(word), "`!any` leaves no address");
        return false;
      }
      IpPrefix prefix;
      if (!parse_prefix(word, prefix)) {
        IpAddress address;
        const std::size_t slash = word.find('/');
        std::uint8_t length = 0;
        if (slash != std::string_view::npos && parse_ip(word.substr(0, slash), address) &&
            parse_number(word.substr(slash + 1), length) && length <= (address.is_v4() ? 32 : 128)) {
          fault(offset_of(word), "prefix " + quoted(word) + " has bits set beyond its length");
        } else {
          fault(offset_of(word), "address " + quoted(word) +
                                     " is not understood (accepted: any, an IPv4 or IPv6 address, a prefix, a list "
                                     "[a,b], each with ! before it)");
        }
        return false;
      }
      (negated ? set.out : set.in).push_back(prefix);
      return true;
    });
    if (good && set.in.empty()) set.any = true;  // Only negated entries: everything else.
  }

  bool parse_port_range(std::string_view word, PortSet::Range& range) const {
    const std::size_t colon = word.find(':');
    const std::string_view first = word.substr(0, colon);
    const std::string_view last = colon == std::string_view::npos ? first : word.substr(colon + 1);
    if (word == ":") return false;
    range = {0, 65535};
    return (first.empty() ? colon != std::string_view::npos : parse_number(first, range.first)) &&
           (last.empty() || parse_number(last, range.last)) && range.first <= range.last;
  }

  void parse_ports(std::string_view text, PortSet& set) {
    if (text.empty()) return;
    set.any = false;
    std::size_t count = 0;
    const bool good = walk_list(text, false, 0, count, [&](std::string_view word, bool negated) {
      if (word == "any") {
        if (!negated) return set.any = true;
        fault(offset_of(word), "`!any` leaves no port");
        return false;
      }
      PortSet::Range range;
      if (!parse_port_range(word, range)) {
        fault(offset_of(word), "port " + quoted(word) +
                                   " is not understood (accepted: any, 0 to 65535, a range a:b, a: or :b, a list "
                                   "[a,b], each with ! before it)");
        return false;
      }
      (negated ? set.out : set.in).push_back(range);
      return true;
    });
    if (good && set.in.empty()) set.any = true;
  }

  // The next option, up to and with its `;`. Nothing at the closing parenthesis or after a fault that hides the rest.
  std::optional<Option> next_option() {
    skip_blanks();
    if (at_ == text_.size()) {
      fault(at_, "the rule is not closed by `)`");
      return std::nullopt;
    }
    if (text_[at_] == ')') {
      ++at_;
      skip_blanks();
      if (at_ != text_.size()) fault(at_, "characters follow the closing `)`");
      return std::nullopt;
    }
    Option option;
    option.at = at_;
    std::size_t end = at_;
    while (end < text_.size() && text_[end] != ':' && text_[end] != ';' && text_[end] != ')' && text_[end] != '"')
      ++end;
    option.keyword = text_.substr(at_, end - at_);
    trim(option.keyword);
    at_ = end;
    if (at_ < text_.size() && text_[at_] == ':') {
      const std::size_t begin = ++at_;
      if (!skip_value()) return std::nullopt;
      option.value = text_.substr(begin, at_ - begin);
      trim(option.value);
    }
    if (at_ == text_.size() || text_[at_] != ';') {
      fault(at_, "`;` is missing after " + quoted(option.keyword));
      return std::nullopt;
    }
    ++at_;
    return option;
  }

  // From behind the `:` to the `;` that ends the value, or to where one should be.
  bool skip_value() {
    skip_blanks();
    if (at_ < text_.size() && text_[at_] == '!') ++at_;
    skip_blanks();
    if (at_ == text_.size() || text_[at_] != '"') {
      while (at_ < text_.size() && text_[at_] != ';') at_ += text_[at_] == '\\' && at_ + 1 < text_.size() ? 2u : 1u;
      return true;
    }
    const std::size_t quote = at_++;
    while (at_ < text_.size() && text_[at_] != '"') at_ += text_[at_] == '\\' && at_ + 1 < text_.size() ? 2u : 1u;
    if (at_ >= text_.size()) {
      fault(quote, "the quotes opened here are not closed");
      at_ = text_.size();
      return false;
    }
    ++at_;
    skip_blanks();
    return true;
  }

  void parse_options(SignatureRule& rule) {
    ++at_;  // The parenthesis.
    bool closed_badly = false, nocase_allowed = false;
    while (true) {
      const std::size_t faults_before = reader_.faults_count();
      const std::optional<Option> option = next_option();
      if (!option) {
        closed_badly = reader_.faults_count() != faults_before;
        break;
      }
      parse_option(*option, rule, nocase_allowed);
    }
    if (closed_badly) return;  // What seems to be missing may stand in the part that could not be read.
    const std::size_t options_end = std::min(at_, text_.size());
    const std::size_t end = options_end == 0 ? 0 : text_.substr(0, options_end).find_last_of(')');
    if (!seen_message_) fault(end, "the rule has no msg");
    if (!seen_content_) fault(end, "the rule has no content");
    if (!seen_sid_) fault(end, "the rule has no sid");
  }

  // Counts a keyword that may stand once.
  bool once(bool& seen, const Option& option) {
    if (seen) fault(option.at, quoted(option.keyword) + " is given twice");
    return !std::exchange(seen, true);
  }

  void parse_option(const Option& option, SignatureRule& rule, bool& nocase_allowed) {
    const std::string_view keyword = option.keyword;
    if (keyword == "msg") {
      if (!once(seen_message_, option)) return;
      if (!unescape(option, rule.message, false)) return;
      if (rule.message.empty())
        fault(offset_of(option.value), "msg is empty");
      else if (rule.message.size() > message_bytes_max) {
        fault(offset_of(option.value), "msg is longer than " + std::to_string(message_bytes_max) + " bytes");
      } else if (!is_utf8(rule.message))
        fault(offset_of(option.value), "msg is not UTF-8");
    } else if (keyword == "content") {
      seen_content_ = true;
      nocase_allowed = parse_content(option, rule);
      nocase_orphaned_ = !nocase_allowed;
    } else if (keyword == "nocase") {
      if (!option.value.empty()) fault(offset_of(option.value), "nocase takes no value");
      if (nocase_allowed)
        rule.contents.back().nocase = true;
      else if (!seen_content_)
        fault(option.at, "nocase stands before the first content; it belongs to the content before it");
      else if (!nocase_orphaned_)
        fault(option.at, "`nocase` is given twice for one content");
      nocase_allowed = false;
    } else if (keyword == "classtype") {
      if (!once(seen_classtype_, option)) return;
      if (const SignatureClass* found = find_signature_class(option.value)) {
        rule.category = found->category;
        rule.severity = found->severity;
      } else {
        fault(value_at(option),
              "classtype " + quoted(option.value) +
                  " is not known (accepted: the names of Suricata's classification table, such as trojan-activity)");
      }
    } else if (keyword == "sid") {
      if (!once(seen_sid_, option)) return;
      sid_at_ = value_at(option);
      if (!parse_number(option.value, rule.sid) || rule.sid == 0) {
        fault(sid_at_, "sid " + quoted(option.value) + " is not a number from 1 to 4294967295");
      }
    } else if (keyword == "rev") {
      if (!once(seen_rev_, option)) return;
      if (!parse_number(option.value, rule.rev)) {
        fault(value_at(option), "rev " + quoted(option.value) + " is not a number from 0 to 4294967295");
      }
    } else if (keyword.empty()) {
      fault(option.at, "a keyword is missing (accepted: " + std::string(keywords_accepted) + ")");
    } else {
      fault(option.at,
            "keyword " + quoted(keyword) + " is not accepted (accepted: " + std::string(keywords_accepted) + ")");
    }
  }

  std::size_t value_at(const Option& option) const {
    return option.value.empty() ? option.at : offset_of(option.value);
  }

  // The bytes between the quotes. In a content |..| is hex. False after a fault.
  bool unescape(const Option& option, std::string& out, bool hex_allowed) {
    std::string_view value = option.value;
    if (value.size() < 2 || value.front() != '"') {
      fault(value_at(option), std::string(option.keyword) + " needs its text in quotes");
      return false;
    }
    value = value.substr(1, value.size() - 2);
    const std::size_t begin = offset_of(value);
    for (std::size_t i = 0; i < value.size(); ++i) {
      const char c = value[i];
      if (c == '|' && hex_allowed) {
        const std::size_t end = value.find('|', i + 1);
        if (!append_hex(value, i, end, out)) return false;
        i = end;
      } else if (c == ';') {
        fault(begin + i, "`;` within quotes is written \\;");
        return false;
      } else if (c == '\\') {
        const char next = i + 1 < value.size() ? value[i + 1] : '\0';
        if (next != '\\' && next != '"' && next != ';' && next != ':') {
          fault(begin + i, "this escape is not known (accepted: \\\\ \\\" \\; \\:)");
          return false;
        }
        out += next;
        ++i;
      } else {
        out += c;
      }
    }
    return true;
  }

  bool append_hex(std::string_view value, std::size_t open, std::size_t end, std::string& out) {
    const std::size_t begin = offset_of(value);
    if (end == std::string_view::npos) {
      fault(begin + open, "the hex bytes opened by `|` are not closed by another");
      return false;
    }
    int high = -1;
    std::size_t bytes = 0;
    for (std::size_t i = open + 1; i < end; ++i) {
      if (is_blank(value[i]) && high < 0) continue;
      const int digit = hex_digit(value[i]);
      if (digit < 0) {
        fault(begin + i, "hex bytes are written as pairs of digits 0-9 and A-F, as |0D 0A|");
        return false;
      }
      if (high < 0) {
        high = digit;
      } else {
        out += static_cast<char>(high << 4 | digit);
        high = -1;
        ++bytes;
      }
    }
    if (high >= 0 || bytes == 0) {
      fault(begin + (high >= 0 ? end : open),
            high >= 0 ? "the last hex byte has one digit only" : "there are no hex bytes between the two `|`");
      return false;
    }
    return true;
  }

  // True when a content was added, which a nocase may follow.
  bool parse_content(const Option& option, SignatureRule& rule) {
    if (!option.value.empty() && option.value.front() == '!') {
      fault(offset_of(option.value), "a negated content is not accepted: every content must occur");
      return false;
    }
    SignatureRule::Content content;
    if (!unescape(option, content.bytes, true)) return false;
    if (content.bytes.empty()) {
      fault(offset_of(option.value), "content is empty");
    } else if (content.bytes.size() > content_bytes_max) {
      fault(offset_of(option.value), "content is longer than " + std::to_string(content_bytes_max) + " bytes");
    } else if (rule.contents.size() == contents_max) {
      fault(option.at, "the rule has more than " + std::to_string(contents_max) + " contents");
    } else {
      rule.contents.push_back(std::move(content));
      return true;
    }
    return false;
  }

  RuleReader& reader_;
  const std::string& name_;
  std::string_view text_;
  const Lines& lines_;
  std::size_t at_ = 0, sid_at_ = 0;
  bool seen_message_ = false, seen_content_ = false, seen_classtype_ = false, seen_sid_ = false, seen_rev_ = false;
  bool nocase_orphaned_ = false;  // The content before is faulty: its nocase is not a second fault.
};

}  // namespace

void RuleReader::fault(config::Place place, std::string message) {
  ++faults_count_;
  if (faults_count_ <= config::faults_max) faults_.push_back({std::move(place), std::move(message)});
}

void RuleReader::read(std::string_view name, std::string_view text) {
  const std::string file(name);
  std::string rule;
  std::vector<std::pair<std::size_t, std::uint32_t>> lines;
  std::uint32_t line_number = 0;
  while (!text.empty()) {
    const std::size_t newline = text.find('\n');
    std::string_view line = text.substr(0, newline);
    text.remove_prefix(newline == std::string_view::npos ? text.size() : newline + 1);
    ++line_number;
    if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
    const bool continued = !line.empty() && line.back() == '\\';
    if (continued) line.remove_suffix(1);
    lines.emplace_back(rule.size(), line_number);
    rule += line;
    const std::size_t first = rule.find_first_not_of(" \t");
    if (rule.size() > rule_bytes_max && rule[first] != '#') {
      fault({file, lines.front().second, 1}, "the rule is longer than " + std::to_string(rule_bytes_max) + " bytes");
      rule.clear();
      lines.clear();
      // The rest of an overlong rule would only give faults that mislead.
      for (bool more = continued; more && !text.empty();) {
        const std::size_t end = text.find('\n');
        std::string_view skipped = text.substr(0, end);
        text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
        ++line_number;
        if (!skipped.empty() && skipped.back() == '\r') skipped.remove_suffix(1);
        more = !skipped.empty() && skipped.back() == '\\';
      }
      continue;
    }
    if (continued && !text.empty()) continue;
    if (continued)
      fault({file, line_number, static_cast<std::uint32_t>(line.size() + 1)},
            "the file ends within a rule that `\\` continues");
    else
      read_rule(file, rule, lines);
    rule.clear();
    lines.clear();
  }
}

void RuleReader::read_rule(const std::string& name, const std::string& text,
                           const std::vector<std::pair<std::size_t, std::uint32_t>>& lines) {
  const std::size_t first = text.find_first_not_of(" \t");
  if (first == std::string::npos || text[first] == '#') return;
  SignatureRule rule;
  RuleParser parser(*this, name, text, lines);
  const bool good = parser.parse(rule);
  // A faulty rule's sid counts too: both faults of a file are told at once.
  if (rule.sid != 0) {
    const auto [known, fresh] = sids_.try_emplace(rule.sid, rule.place);
    if (!fresh) {
      fault(parser.sid_place(), "sid " + std::to_string(rule.sid) + " is used already at " + known->second.file + ':' +
                                    std::to_string(known->second.line));
      return;
    }
  }
  if (!good) return;
  if (rules_.size() == rules_max) {
    fault(rule.place, "there are more than " + std::to_string(rules_max) + " rules");
    return;
  }
  rules_.push_back(std::move(rule));
}

}  // namespace tsujiban::detect
