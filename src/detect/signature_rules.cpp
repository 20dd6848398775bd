#include "detect/signature_rules.h"

#include <hs.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <map>

#include "config/text_file.h"
#include "detect/signature_parser.h"

namespace tsujiban::detect {
namespace {

// The stream database serves datagrams too when that makes it at most this much larger than either set alone.
constexpr std::size_t shared_percent_max = 125;

void tell_unlisted(const RuleReader& reader, std::vector<config::Fault>& faults) {
  if (reader.faults_count() <= config::faults_max) return;
  faults.back().message =
      "and " + std::to_string(reader.faults_count() - config::faults_max + 1) + " more faults from here on";
}

}  // namespace

bool AddressSet::contains(const IpAddress& address) const noexcept {
  const auto has = [&](const IpPrefix& prefix) { return prefix.contains(address); };
  return (any || std::any_of(in.begin(), in.end(), has)) && std::none_of(out.begin(), out.end(), has);
}

bool PortSet::contains(std::uint16_t port) const noexcept {
  const auto has = [&](const Range& range) { return port >= range.first && port <= range.last; };
  return (any || std::any_of(in.begin(), in.end(), has)) && std::none_of(out.begin(), out.end(), has);
}

std::shared_ptr<const RuleSet> RuleSet::load(std::span<const std::string> files, std::vector<config::Fault>& faults) {
  std::vector<SignatureRule> rules;
  RuleReader reader(rules, faults);
  std::string text;
  for (const std::string& file : files) {
    const std::string error = config::read_text_file(file, rule_file_bytes_max, text);
    if (error.empty())
      reader.read(file, text);
    else
      reader.fault({file, 1, 1}, "the rule file cannot be read: " + error);
  }
  tell_unlisted(reader, faults);
  return reader.faults_count() == 0 ? build(std::move(rules), faults) : nullptr;
}

std::shared_ptr<const RuleSet> RuleSet::load_text(std::string_view name, std::string_view text,
                                                  std::vector<config::Fault>& faults) {
  std::vector<SignatureRule> rules;
  RuleReader reader(rules, faults);
  reader.read(name, text);
  tell_unlisted(reader, faults);
  return reader.faults_count() == 0 ? build(std::move(rules), faults) : nullptr;
}

std::shared_ptr<const RuleSet> RuleSet::build(std::vector<SignatureRule> rules, std::vector<config::Fault>& faults) {
  std::shared_ptr<RuleSet> set(new RuleSet());
  set->rules_ = std::move(rules);
  set->number_literals();
  set->datagram_index_ = set->make_index(RuleProtocol::tcp);
  set->stream_index_ = set->make_index(RuleProtocol::udp);
  if (!set->compile(faults)) return nullptr;
  return set;
}

RuleSet::~RuleSet() {
  hs_free_database(stream_database_);
  hs_free_database(datagram_database_);
}

void RuleSet::number_literals() {
  std::map<std::pair<bool, std::string>, std::uint32_t> numbers;
  rule_first_.push_back(0);
  for (std::uint32_t r = 0; r < rules_.size(); ++r) {
    const std::size_t begin = rule_literals_.size();
    for (const SignatureRule::Content& content : rules_[r].contents) {
      Literal literal{content.bytes, false, r};
      if (content.nocase) {
        // Where no letter has a case, `nocase` changes nothing and the literal is one with its exact twin.
        for (char& c : literal.bytes) {
          const bool upper = c >= 'A' && c <= 'Z', lower = c >= 'a' && c <= 'z';
          if (upper) c = static_cast<char>(c - 'A' + 'a');
          literal.nocase = literal.nocase || upper || lower;
        }
      }
      const auto number = static_cast<std::uint32_t>(literals_.size());
      const auto [known, fresh] = numbers.try_emplace({literal.nocase, literal.bytes}, number);
      if (fresh) literals_.push_back(std::move(literal));
      // The same content twice in one rule is found twice in the same place: once will do.
      if (std::find(rule_literals_.begin() + static_cast<std::ptrdiff_t>(begin), rule_literals_.end(), known->second) ==
          rule_literals_.end()) {
        rule_literals_.push_back(known->second);
      }
    }
    rule_first_.push_back(static_cast<std::uint32_t>(rule_literals_.size()));
  }
}

RuleSet::Index RuleSet::make_index(RuleProtocol excluded) const {
  Index index;
  index.first.assign(literals_.size() + 1, 0);
  const auto each = [&](auto&& visit) {
    for (std::uint32_t r = 0; r < rules_.size(); ++r) {
      if (rules_[r].protocol == excluded) continue;
      for (const std::uint32_t literal : literals_of(r)) visit(literal, r);
    }
  };
  each([&](std::uint32_t literal, std::uint32_t) { ++index.first[literal + 1]; });
  for (std::size_t l = 0; l < literals_.size(); ++l) {
    if (index.first[l + 1] != 0 &&
        (index.literal_bytes_min == 0 || literals_[l].bytes.size() < index.literal_bytes_min)) {
      index.literal_bytes_min = literals_[l].bytes.size();
    }
    index.first[l + 1] += index.first[l];
  }
  index.rules.resize(index.first.back());
  std::vector<std::uint32_t> next(index.first.begin(), index.first.end() - 1);
  each([&](std::uint32_t literal, std::uint32_t rule) { index.rules[next[literal]++] = rule; });
  return index;
}

// Literals are compiled as regular expressions that spell every byte, not by the library's own interface for literals:
// that of Hyperscan 5.4.0 fails while scanning (HS_UNKNOWN_ERROR) for some long literals (its issues 303 and 353; the
// test `random_pieces_find_what_a_naive_search_finds` meets it). The databases and their speed are the same, compiling
// takes a tenth longer.
bool RuleSet::compile(std::vector<config::Fault>& faults) {
  const auto compile_one = [&](unsigned mode, auto&& wanted, hs_database*& database) {
    std::string spelled;  // All expressions, each ended by a zero.
    std::vector<std::size_t> starts;
    std::vector<unsigned> flags, numbers;
    for (std::uint32_t l = 0; l < literals_.size(); ++l) {
      if (!wanted(l)) continue;
      starts.push_back(spelled.size());
      for (const char c : literals_[l].bytes) {
        constexpr std::string_view digits = "0123456789abcdef";
        spelled += {'\\', 'x', digits[static_cast<unsigned char>(c) >> 4], digits[static_cast<unsigned char>(c) & 15]};
      }
      spelled += '\0';
      flags.push_back(literals_[l].nocase ? HS_FLAG_CASELESS : 0);
      numbers.push_back(l);
    }
    if (starts.empty()) return true;
    std::vector<const char*> texts;
    texts.reserve(starts.size());
    for (const std::size_t start : starts) texts.push_back(spelled.data() + start);
    hs_compile_error_t* error = nullptr;
    if (hs_compile_multi(texts.data(), flags.data(), numbers.data(), static_cast<unsigned>(texts.size()), mode, nullptr,
                         &database, &error) == HS_SUCCESS) {
      return true;
    }
    // A negative number says that no single content is to blame.
    const bool one =
        error != nullptr && error->expression >= 0 && static_cast<std::size_t>(error->expression) < numbers.size();
    const std::uint32_t rule =
        literals_[one ? numbers[static_cast<std::size_t>(error->expression)] : numbers[0]].first_rule;
    faults.push_back(
        {rules_[rule].place, (one ? std::string("a content of this rule cannot be compiled: ")
                                  : std::string("the contents from this rule on cannot be compiled: ")) +
                                 (error != nullptr && error->message != nullptr ? error->message : "no reason given")});
    hs_free_compile_error(error);
    database = nullptr;
    return false;
  };
  std::size_t streams = 0, datagrams = 0;
  for (std::uint32_t l = 0; l < literals_.size(); ++l) {
    streams += stream_index_.has(l);
    datagrams += datagram_index_.has(l);
  }
  const bool shared =
      streams != 0 && datagrams != 0 && literals_.size() * 100 <= std::min(streams, datagrams) * shared_percent_max;
  if (!compile_one(
          HS_MODE_STREAM, [&](std::uint32_t l) { return shared || stream_index_.has(l); }, stream_database_))
    return false;
  return shared || compile_one(
                       HS_MODE_BLOCK, [&](std::uint32_t l) { return datagram_index_.has(l); }, datagram_database_);
}

std::size_t RuleSet::database_bytes() const noexcept {
  std::size_t total = 0;
  for (const hs_database* database : {stream_database_, datagram_database_}) {
    std::size_t bytes = 0;
    if (database != nullptr && hs_database_size(database, &bytes) == HS_SUCCESS) total += bytes;
  }
  return total;
}

std::string signature_platform_fault() {
  if (hs_valid_platform() == HS_SUCCESS) return {};
  return "this processor lacks the SSSE3 instructions that the signature scanner needs";
}

}  // namespace tsujiban::detect
