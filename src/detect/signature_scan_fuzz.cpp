// A small fixed rule set over datagrams cut from the input: batch, single scan and naive search must agree; and the
// same bytes as one stream in those pieces must find what a naive search finds in the whole.
#include <algorithm>
#include <string>
#include <string_view>
#include <tuple>

#include "base/check.h"
#include "detect/signature_scanner.h"

namespace {

using namespace tsujiban;

struct Wanted {
  std::string_view first, second;  // `second` empty: one content.
  bool nocase;
};
// Short, so that a fuzzer meets them; overlapping, so that they compete.
constexpr Wanted wanted[] = {{"a", "", false},    {"ab", "", false},        {"AB", "", true},
                             {"abc", "b", false}, {"bca", "cab", false},    {"cabcab", "", true},
                             {"ccc", "aa", true}, {"abcabcabca", "", false}};
constexpr std::size_t wanted_count = std::size(wanted);

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

std::size_t naive_end(std::string_view text, std::string_view content, bool nocase) {
  const auto at = std::search(text.begin(), text.end(), content.begin(), content.end(),
                              [&](char a, char b) { return nocase ? lower(a) == lower(b) : a == b; });
  return at == text.end() ? 0 : static_cast<std::size_t>(at - text.begin()) + content.size();
}

// The end of the rule's last content, or 0.
std::size_t naive(std::string_view text, const Wanted& rule) {
  const std::size_t first = naive_end(text, rule.first, rule.nocase);
  if (rule.second.empty() || first == 0) return first;
  const std::size_t second = naive_end(text, rule.second, rule.nocase);
  return second == 0 ? 0 : std::max(first, second);
}

std::shared_ptr<const detect::RuleSet> make_rules() {
  std::string text;
  unsigned sid = 0;
  for (const char* protocol : {"udp", "tcp"}) {
    for (const Wanted& rule : wanted) {
      text += "alert " + std::string(protocol) + " any any -> any any (msg:\"m\"; ";
      for (const std::string_view content : {rule.first, rule.second}) {
        if (!content.empty()) text += "content:\"" + std::string(content) + "\"; " + (rule.nocase ? "nocase; " : "");
      }
      text += "sid:" + std::to_string(++sid) + ";)\n";
    }
  }
  std::vector<config::Fault> faults;
  auto rules = detect::RuleSet::load_text("x.rules", text, faults);
  TSUJIBAN_CHECK(rules != nullptr);
  return rules;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static metrics::WorkerCounters counters;
  static detect::SignatureScanner scanner(make_rules(), 4, counters);
  using Matches = std::vector<std::tuple<std::uint32_t, std::uint32_t, std::uint64_t>>;

  // Each datagram: its length in the first byte (the largest means 16 times as much), then its bytes.
  std::vector<Bytes> datagrams;
  std::string whole;
  for (Bytes left(data, size); !left.empty() && datagrams.size() < detect::SignatureScanner::batch_datagrams_max;) {
    std::size_t length = left[0] >= 240 ? left[0] * std::size_t{16} : left[0] % 64;
    left = left.subspan(1);
    length = std::min(length, left.size());
    datagrams.push_back(left.first(length));
    whole.append(reinterpret_cast<const char*>(left.data()), length);
    left = left.subspan(length);
  }
  const detect::ScanSubject datagram{IpAddress::v4(1), IpAddress::v4(2), 1, 2, 17},
      segment{IpAddress::v4(1), IpAddress::v4(2), 1, 2, 6};
  Matches expected, batched, single;
  for (std::uint32_t i = 0; i < datagrams.size(); ++i) {
    const std::string_view text(reinterpret_cast<const char*>(datagrams[i].data()), datagrams[i].size());
    for (std::uint32_t r = 0; r < wanted_count; ++r) {
      if (const std::size_t end = naive(text, wanted[r])) expected.emplace_back(i, r, end);
    }
  }
  scanner.begin_batch();
  for (std::uint32_t i = 0; i < datagrams.size(); ++i) scanner.add_datagram(i, datagrams[i]);
  scanner.finish_batch([&](std::uint32_t) -> const detect::ScanSubject& { return datagram; },
                       [&](const detect::SignatureMatch& m) { batched.emplace_back(m.token, m.rule, m.offset); });
  TSUJIBAN_CHECK(batched == expected);
  std::uint32_t state = 0;
  std::vector<std::uint64_t> first(wanted_count, 0);
  for (std::uint32_t i = 0; i < datagrams.size(); ++i) {
    scanner.scan_datagram(i, datagram, datagrams[i],
                          [&](const detect::SignatureMatch& m) { single.emplace_back(m.token, m.rule, m.offset); });
    scanner.scan_stream(state, segment, datagrams[i], [&](const detect::SignatureMatch& m) {
      TSUJIBAN_CHECK(m.rule >= wanted_count);
      std::uint64_t& known = first[m.rule - wanted_count];
      if (known == 0) known = m.offset;
    });
  }
  TSUJIBAN_CHECK(single == expected);
  for (std::uint32_t r = 0; r < wanted_count; ++r) TSUJIBAN_CHECK(first[r] == naive(whole, wanted[r]));
  scanner.close_stream(state);
  return 0;
}
