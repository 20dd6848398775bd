#include "detect/signature_scanner.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <map>
#include <random>
#include <set>
#include <string>
#include <tuple>

namespace tsujiban::detect {
namespace {

constexpr std::uint8_t udp = 17, tcp = 6, icmp = 1;

Bytes bytes_of(std::string_view text) { return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()}; }

IpAddress ip(std::string_view text) {
  IpAddress address;
  EXPECT_TRUE(parse_ip(text, address)) << text;
  return address;
}

ScanSubject subject(std::uint8_t protocol, std::string_view from = "192.0.2.1", std::uint16_t from_port = 1000,
                    std::string_view to = "192.0.2.2", std::uint16_t to_port = 2000) {
  return {ip(from), ip(to), from_port, to_port, protocol};
}

std::shared_ptr<const RuleSet> load(const std::string& text) {
  std::vector<config::Fault> faults;
  auto rules = RuleSet::load_text("x.rules", text, faults);
  for (const config::Fault& fault : faults)
    ADD_FAILURE() << fault.place.line << ':' << fault.place.column << ": " << fault.message;
  return rules;
}

// A rule over any addresses whose contents are given in hex, so that any bytes may stand in them.
struct Content {
  std::string bytes;
  bool nocase = false;
};
std::string rule_text(std::string_view protocol, unsigned sid, const std::vector<Content>& contents,
                      std::string_view header = "any any -> any any") {
  std::string text = "alert " + std::string(protocol) + ' ' + std::string(header) + " (msg:\"m\"; ";
  for (const Content& content : contents) {
    text += "content:\"|";
    for (const char c : content.bytes) {
      constexpr std::string_view digits = "0123456789abcdef";
      text += digits[static_cast<unsigned char>(c) >> 4];
      text += digits[static_cast<unsigned char>(c) & 15];
    }
    text += "|\"; ";
    if (content.nocase) text += "nocase; ";
  }
  return text + "sid:" + std::to_string(sid) + ";)\n";
}

using Matches = std::vector<std::tuple<std::uint32_t, std::uint32_t, std::uint64_t>>;  // Token, rule, offset.

class Scan {
 public:
  explicit Scan(std::shared_ptr<const RuleSet> rules, std::uint32_t streams_max = 100)
      : counters(std::make_unique<metrics::WorkerCounters>()), scanner(std::move(rules), streams_max, *counters) {}
  explicit Scan(const std::string& text, std::uint32_t streams_max = 100) : Scan(load(text), streams_max) {}

  Matches datagram(std::string_view text, const ScanSubject& whose = subject(udp)) {
    Matches out;
    scanner.scan_datagram(7, whose, bytes_of(text),
                          [&](const SignatureMatch& m) { out.emplace_back(m.token, m.rule, m.offset); });
    return out;
  }
  Matches batch(const std::vector<std::string>& datagrams, const ScanSubject& whose = subject(udp)) {
    Matches out;
    for (std::size_t begin = 0; begin < datagrams.size(); begin += SignatureScanner::batch_datagrams_max) {
      scanner.begin_batch();
      for (std::size_t i = begin; i < std::min(datagrams.size(), begin + SignatureScanner::batch_datagrams_max); ++i) {
        scanner.add_datagram(static_cast<std::uint32_t>(i), bytes_of(datagrams[i]));
      }
      scanner.finish_batch([&](std::uint32_t) -> const ScanSubject& { return whose; },
                           [&](const SignatureMatch& m) { out.emplace_back(m.token, m.rule, m.offset); });
    }
    return out;
  }
  // Sids (here: rule indices) of the matches in the next bytes of a stream.
  Matches stream(std::uint32_t& state, std::string_view text, const ScanSubject& whose = subject(tcp)) {
    Matches out;
    scanner.scan_stream(state, whose, bytes_of(text),
                        [&](const SignatureMatch& m) { out.emplace_back(m.token, m.rule, m.offset); });
    return out;
  }

  std::unique_ptr<metrics::WorkerCounters> counters;
  SignatureScanner scanner;
};

// The oracle: the first end of `content` in `text` at or after `from`, or 0.
std::size_t naive_end(std::string_view text, const Content& content, std::size_t from = 0) {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; };
  for (std::size_t i = from; i + content.bytes.size() <= text.size(); ++i) {
    std::size_t k = 0;
    while (k < content.bytes.size() &&
           (content.nocase ? lower(text[i + k]) == lower(content.bytes[k]) : text[i + k] == content.bytes[k])) {
      ++k;
    }
    if (k == content.bytes.size()) return i + k;
  }
  return 0;
}

Matches naive(const std::vector<std::vector<Content>>& rules, const std::string& text, std::uint32_t token) {
  Matches out;
  for (std::uint32_t r = 0; r < rules.size(); ++r) {
    std::size_t last = 0;
    bool all = true;
    for (const Content& content : rules[r]) {
      const std::size_t end = naive_end(text, content);
      all = all && end != 0;
      last = std::max(last, end);
    }
    if (all) out.emplace_back(token, r, last);
  }
  return out;
}

// Few letters, so that literals occur, overlap and cross from one datagram to the next.
std::string random_text(std::mt19937_64& random, std::size_t length) {
  constexpr std::string_view letters = "aAbB";
  std::string text;
  for (std::size_t i = 0; i < length; ++i) text += letters[random() % letters.size()];
  return text;
}

TEST(SignatureScan, a_rule_matches_with_the_end_of_its_content) {
  Scan scan(rule_text("udp", 1, {{"abc"}}));
  EXPECT_EQ(scan.datagram("xxabcx"), (Matches{{7, 0, 5}}));
  EXPECT_EQ(scan.datagram("xxabx"), Matches{});
  EXPECT_EQ(scan.datagram(""), Matches{});
  EXPECT_EQ(scan.counters->signature_scans.value(), 2u);
}

TEST(SignatureScan, a_rule_matches_a_datagram_once_however_often_its_content_is_in_it) {
  Scan scan(rule_text("udp", 1, {{"a"}}));
  EXPECT_EQ(scan.datagram("aaaaaaaa"), (Matches{{7, 0, 1}}));
  EXPECT_EQ(scan.batch({"baaa", "aa"}), (Matches{{0, 0, 2}, {1, 0, 1}}));
}

TEST(SignatureScan, a_content_that_crosses_from_one_datagram_to_the_next_does_not_match) {
  Scan scan(rule_text("udp", 1, {{"abcd"}}));
  EXPECT_EQ(scan.batch({"xxab", "cdxx", "abcd", "xabc", "d..."}), (Matches{{2, 0, 4}}));
  const Scan* own = &scan;
  EXPECT_EQ(own->counters->signature_scans.value(), 5u);
}

TEST(SignatureScan, large_datagrams_and_small_ones_keep_their_order) {
  Scan scan(rule_text("udp", 1, {{"abcd"}}));
  std::vector<std::string> datagrams = {
      "abcd", std::string(2000, 'x') + "abcd", "xabcd", std::string(512, '.') + "abcd", "no", "abcd"};
  EXPECT_EQ(scan.batch(datagrams), (Matches{{0, 0, 4}, {1, 0, 2004}, {2, 0, 5}, {3, 0, 516}, {5, 0, 4}}));
}

TEST(SignatureScan, rules_of_one_datagram_come_in_the_order_of_the_file) {
  Scan scan(rule_text("udp", 9, {{"ccc"}}) + rule_text("udp", 3, {{"aaa"}}) + rule_text("ip", 5, {{"ccc"}}));
  EXPECT_EQ(scan.datagram("aaaccc"), (Matches{{7, 0, 6}, {7, 1, 3}, {7, 2, 6}}));
}

TEST(SignatureScan, every_content_of_a_rule_must_be_in_the_datagram) {
  Scan scan(rule_text("udp", 1, {{"abc"}, {"xyz"}}));
  EXPECT_EQ(scan.datagram("xyz..abc."), (Matches{{7, 0, 8}}));
  EXPECT_EQ(scan.datagram("abc"), Matches{});
  EXPECT_EQ(scan.batch({"abc", "xyz", "abcxyz", "abc"}), (Matches{{2, 0, 6}}));
}

TEST(SignatureScan, letters_match_in_either_case_only_with_nocase) {
  Scan scan(rule_text("udp", 1, {{"GeT", true}}) + rule_text("udp", 2, {{"GeT"}}) + rule_text("udp", 3, {{"get"}}));
  EXPECT_EQ(scan.datagram("gEt"), (Matches{{7, 0, 3}}));
  EXPECT_EQ(scan.datagram("GeT"), (Matches{{7, 0, 3}, {7, 1, 3}}));
  EXPECT_EQ(scan.datagram("get"), (Matches{{7, 0, 3}, {7, 2, 3}}));
}

TEST(SignatureScan, all_byte_values_are_literal) {
  std::string all;
  for (int i = 0; i < 255; ++i) all += static_cast<char>(i);
  Scan scan(rule_text("udp", 1, {{all}}) + rule_text("udp", 2, {{std::string("\0", 1)}}) +
            rule_text("udp", 3, {{".*+?[](){}^$\\|/"}}));
  EXPECT_EQ(scan.datagram(all), (Matches{{7, 0, 255}, {7, 1, 1}}));
  EXPECT_EQ(scan.datagram("^.*+?[](){}^$\\|/"), (Matches{{7, 2, 16}}));
}

TEST(SignatureHeader, protocols_decide_between_datagrams_and_streams) {
  Scan scan(rule_text("udp", 1, {{"abc"}}) + rule_text("tcp", 2, {{"abc"}}) + rule_text("ip", 3, {{"abc"}}));
  EXPECT_EQ(scan.datagram("abc", subject(udp)), (Matches{{7, 0, 3}, {7, 2, 3}}));
  EXPECT_EQ(scan.datagram("abc", subject(icmp)), (Matches{{7, 2, 3}}));
  std::uint32_t state = 0;
  EXPECT_EQ(scan.stream(state, "abc"), (Matches{{0, 1, 3}, {0, 2, 3}}));
}

TEST(SignatureHeader, addresses_and_ports_of_both_ends_are_compared) {
  Scan scan(rule_text("udp", 1, {{"c"}}, "192.0.2.0/24 1024: -> [2001:db8::/32,198.51.100.1] [53,100:200,!150]"));
  const auto hits = [&](std::string_view from, std::uint16_t from_port, std::string_view to, std::uint16_t to_port) {
    return scan.datagram("c", subject(udp, from, from_port, to, to_port)).size();
  };
  EXPECT_EQ(hits("192.0.2.9", 1024, "198.51.100.1", 53), 1u);
  EXPECT_EQ(hits("192.0.2.9", 1024, "2001:db8::9", 200), 1u);
  EXPECT_EQ(hits("192.0.3.9", 1024, "198.51.100.1", 53), 0u);
  EXPECT_EQ(hits("192.0.2.9", 1023, "198.51.100.1", 53), 0u);
  EXPECT_EQ(hits("192.0.2.9", 1024, "198.51.100.2", 53), 0u);
  EXPECT_EQ(hits("192.0.2.9", 1024, "198.51.100.1", 150), 0u);
  EXPECT_EQ(hits("192.0.2.9", 1024, "198.51.100.1", 201), 0u);
  EXPECT_EQ(hits("198.51.100.1", 53, "192.0.2.9", 1024), 0u);  // The other direction.
}

TEST(SignatureHeader, both_directions_exchange_the_ends_together) {
  Scan scan(rule_text("udp", 1, {{"c"}}, "192.0.2.1 any <> 192.0.2.2 53"));
  EXPECT_EQ(scan.datagram("c", subject(udp, "192.0.2.1", 9, "192.0.2.2", 53)).size(), 1u);
  EXPECT_EQ(scan.datagram("c", subject(udp, "192.0.2.2", 53, "192.0.2.1", 9)).size(), 1u);
  EXPECT_EQ(scan.datagram("c", subject(udp, "192.0.2.2", 9, "192.0.2.1", 53)).size(), 0u);
}

TEST(SignatureHeader, negation_leaves_everything_else) {
  Scan scan(rule_text("udp", 1, {{"c"}}, "![192.0.2.1,192.0.2.128/25] !53 -> any any"));
  EXPECT_EQ(scan.datagram("c", subject(udp, "192.0.2.2", 54)).size(), 1u);
  EXPECT_EQ(scan.datagram("c", subject(udp, "2001:db8::1", 54)).size(), 1u);
  EXPECT_EQ(scan.datagram("c", subject(udp, "192.0.2.1", 54)).size(), 0u);
  EXPECT_EQ(scan.datagram("c", subject(udp, "192.0.2.200", 54)).size(), 0u);
  EXPECT_EQ(scan.datagram("c", subject(udp, "192.0.2.2", 53)).size(), 0u);
}

TEST(SignatureHeader, a_port_is_never_met_by_a_protocol_without_ports) {
  Scan scan(rule_text("ip", 1, {{"c"}}, "any 8 -> any any") + rule_text("ip", 2, {{"c"}}, "any any -> any any"));
  EXPECT_EQ(scan.datagram("c", subject(icmp, "192.0.2.1", 8, "192.0.2.2", 0)), (Matches{{7, 1, 1}}));
  EXPECT_EQ(scan.datagram("c", subject(udp, "192.0.2.1", 8)).size(), 2u);
}

TEST(SignatureScan, batches_and_single_scans_equal_a_naive_search_on_random_rules) {
  std::mt19937_64 random(20261121);
  for (int round = 0; round < 120; ++round) {
    std::vector<std::vector<Content>> contents;
    std::string text;
    const std::size_t rules = 1 + random() % 40;
    for (unsigned r = 0; r < rules; ++r) {
      std::vector<Content> of_rule;
      const std::size_t count = random() % 4 == 0 ? 1 + random() % 4 : 1;
      for (std::size_t c = 0; c < count; ++c)
        of_rule.push_back({random_text(random, 1 + random() % (round % 3 == 0 ? 3 : 9)), random() % 3 == 0});
      text += rule_text(random() % 2 == 0 ? "udp" : "ip", r + 1, of_rule);
      contents.push_back(std::move(of_rule));
    }
    if (round % 4 == 0) {
      for (unsigned r = 0; r < rules; ++r) text += rule_text("tcp", 1000 + r, contents[r]);  // One database for both.
    }
    std::vector<std::string> datagrams;
    Matches expected, single;
    const std::size_t count = 1 + random() % 1500;
    for (std::uint32_t i = 0; i < count; ++i) {
      datagrams.push_back(random_text(random, random() % 50 == 0 ? random() % 1500 : random() % 24));
      for (const auto& match : naive(contents, datagrams.back(), i)) expected.push_back(match);
    }
    Scan scan(text);
    ASSERT_EQ(scan.batch(datagrams), expected) << text;
    for (std::uint32_t i = 0; i < count; ++i) {
      for (const auto& [token, rule, offset] : scan.datagram(datagrams[i])) single.emplace_back(i, rule, offset);
    }
    ASSERT_EQ(single, expected) << text;
  }
}

TEST(SignatureStream, a_content_over_two_calls_matches_wherever_it_is_split) {
  Scan scan(rule_text("tcp", 1, {{"abcdefgh"}}) + rule_text("tcp", 2, {{"e"}}) +
            rule_text("tcp", 3, {{"dEf", true}, {"xabc"}}));
  const std::string text = "..xabcdefgh..";
  for (std::size_t split = 1; split < text.size(); ++split) {
    std::uint32_t state = 0;
    Matches out = scan.stream(state, std::string_view(text).substr(0, split));
    for (const auto& match : scan.stream(state, std::string_view(text).substr(split))) out.push_back(match);
    std::sort(out.begin(), out.end());
    EXPECT_EQ(out, (Matches{{0, 0, 11}, {0, 1, 8}, {0, 2, 9}})) << split;
    scan.scanner.close_stream(state);
  }
  std::uint32_t state = 0;
  Matches out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    for (const auto& match : scan.stream(state, std::string_view(text).substr(i, 1))) out.push_back(match);
  }
  EXPECT_EQ(out, (Matches{{0, 1, 8}, {0, 2, 9}, {0, 0, 11}}));
}

TEST(SignatureStream, random_pieces_find_what_a_naive_search_finds) {
  std::mt19937_64 random(7);
  for (int round = 0; round < 150; ++round) {
    std::vector<std::vector<Content>> contents;
    std::string text;
    const std::size_t rules = 1 + random() % 30;
    for (unsigned r = 0; r < rules; ++r) {
      std::vector<Content> of_rule;
      const std::size_t count = random() % 4 == 0 ? 2 + random() % 3 : 1;
      const std::size_t length_max = random() % 8 == 0 ? 255 : 10;
      for (std::size_t c = 0; c < count; ++c)
        of_rule.push_back({random_text(random, 1 + random() % length_max), random() % 3 == 0});
      text += rule_text(random() % 2 == 0 ? "tcp" : "ip", r + 1, of_rule);
      contents.push_back(std::move(of_rule));
    }
    Scan scan(text);
    std::string bytes = random_text(random, random() % 600);
    for (const auto& of_rule : contents) {
      if (of_rule[0].bytes.size() > 20) bytes.insert(random() % (bytes.size() + 1), of_rule[0].bytes);
    }
    bytes += random_text(random, random() % 100);
    std::vector<std::size_t> ends;
    for (std::size_t at = 0; at < bytes.size();) ends.push_back(at = std::min(bytes.size(), at + 1 + random() % 60));
    // One content: the first end in every piece. Several: once, at the end of the last first occurrence.
    Matches expected;
    for (std::uint32_t r = 0; r < rules; ++r) {
      std::set<std::pair<bool, std::string>> distinct;
      for (const Content& content : contents[r]) {
        std::string key = content.bytes;
        if (content.nocase)
          std::transform(key.begin(), key.end(), key.begin(), [](char c) { return static_cast<char>(c | 0x20); });
        distinct.insert({content.nocase, key});
      }
      if (distinct.size() > 1) {
        const Matches found = naive({contents[r]}, bytes, 0);
        if (!found.empty()) expected.emplace_back(0, r, std::get<2>(found[0]));
        continue;
      }
      const std::size_t length = contents[r][0].bytes.size();
      std::size_t begin = 0;
      for (const std::size_t end : ends) {
        const std::size_t found = naive_end(std::string_view(bytes).substr(0, end), contents[r][0],
                                            begin >= length - 1 ? begin - (length - 1) : 0);
        if (found > begin) expected.emplace_back(0, r, found);
        begin = end;
      }
    }
    std::sort(expected.begin(), expected.end());
    Matches out;
    std::uint32_t state = 0;
    std::size_t begin = 0;
    for (const std::size_t end : ends) {
      for (const auto& match : scan.stream(state, std::string_view(bytes).substr(begin, end - begin)))
        out.push_back(match);
      begin = end;
    }
    std::sort(out.begin(), out.end());
    ASSERT_EQ(scan.counters->signature_scan_errors.value(), 0u);
    ASSERT_EQ(out, expected) << text << bytes;
  }
}

TEST(SignatureStream, a_rule_with_several_contents_matches_a_stream_once_and_again_after_a_gap) {
  Scan scan(rule_text("tcp", 1, {{"abc"}, {"xyz"}}));
  std::uint32_t state = 0;
  EXPECT_EQ(scan.stream(state, "abc abc"), Matches{});
  EXPECT_EQ(scan.stream(state, "xyz").size(), 1u);
  EXPECT_EQ(scan.stream(state, "abc xyz"), Matches{});
  scan.scanner.gap_stream(state);
  EXPECT_EQ(scan.stream(state, "xyz"), Matches{});
  EXPECT_EQ(scan.stream(state, "abc"), (Matches{{0, 0, 6}}));  // Counted from the gap.
}

TEST(SignatureStream, a_gap_cuts_what_it_lies_in) {
  Scan scan(rule_text("tcp", 1, {{"abcd"}}));
  std::uint32_t state = 0;
  EXPECT_EQ(scan.stream(state, "ab"), Matches{});
  scan.scanner.gap_stream(state);
  EXPECT_EQ(scan.stream(state, "cd"), Matches{});
  EXPECT_EQ(scan.stream(state, "abcd"), (Matches{{0, 0, 6}}));
  std::uint32_t none = 0;
  scan.scanner.gap_stream(none);
  EXPECT_EQ(none, 0u);
}

TEST(SignatureStream, a_state_that_is_used_again_knows_nothing_of_its_former_stream) {
  Scan scan(rule_text("tcp", 1, {{"abcd"}}) + rule_text("tcp", 2, {{"pq"}, {"rs"}}), 1);
  std::uint32_t first = 0, second = 0;
  EXPECT_EQ(scan.stream(first, "pq ab"), Matches{});
  EXPECT_EQ(scan.scanner.streams_open(), 1u);
  scan.scanner.close_stream(first);
  EXPECT_EQ(first, 0u);
  EXPECT_EQ(scan.scanner.streams_open(), 0u);
  EXPECT_EQ(scan.stream(second, "cd rs"), Matches{});
  EXPECT_NE(second, 0u);
  EXPECT_EQ(scan.counters->signature_stream_overflows.value(), 0u);
}

TEST(SignatureStream, without_a_free_state_bytes_are_scanned_by_themselves_and_counted) {
  Scan scan(rule_text("tcp", 1, {{"abcd"}}) + rule_text("tcp", 2, {{"pq"}, {"rs"}}), 2);
  std::array<std::uint32_t, 3> state{};
  EXPECT_EQ(scan.stream(state[0], "ab"), Matches{});
  EXPECT_EQ(scan.stream(state[1], "ab"), Matches{});
  EXPECT_EQ(scan.stream(state[2], "ab"), Matches{});
  EXPECT_EQ(state[2], 0u);
  EXPECT_EQ(scan.counters->signature_stream_overflows.value(), 1u);
  EXPECT_EQ(scan.stream(state[2], "cd"), Matches{});
  EXPECT_EQ(scan.stream(state[2], "abcd rs pq"), (Matches{{0, 0, 4}, {0, 1, 10}}));
  EXPECT_EQ(scan.counters->signature_stream_overflows.value(), 3u);
  EXPECT_EQ(scan.stream(state[0], "cd").size(), 1u);
  scan.scanner.close_stream(state[1]);
  EXPECT_EQ(scan.stream(state[2], "ab"), Matches{});
  EXPECT_EQ(scan.stream(state[2], "cd").size(), 1u);
}

TEST(SignatureStream, thousands_of_interleaved_streams_do_not_mix) {
  Scan scan(rule_text("tcp", 1, {{"abcdefgh"}}), 5000);
  std::vector<std::uint32_t> state(5000, 0);
  const std::string_view text = "abcdefgh";
  for (std::size_t i = 0; i < text.size(); ++i) {
    for (std::size_t s = 0; s < state.size(); ++s) {
      const std::size_t found = scan.stream(state[s], s % 3 == 0 ? "x" : text.substr(i, 1)).size();
      ASSERT_EQ(found, s % 3 != 0 && i + 1 == text.size() ? 1u : 0u);
    }
  }
}

TEST(SignatureScan, more_hits_than_there_is_room_for_are_all_reported) {
  // 40 rules in each of 1000 datagrams: far beyond hits_min.
  std::string text;
  std::string all;
  for (unsigned r = 0; r < 40; ++r) {
    const std::string content(1, static_cast<char>('0' + r));
    text += rule_text("udp", r + 1, {{content}});
    all += content;
  }
  static_assert(SignatureScanner::hits_min < 40 * 1000);
  Scan scan(text);
  const Matches out = scan.batch(std::vector<std::string>(1000, all));
  ASSERT_EQ(out.size(), 40'000u);
  for (std::uint32_t i = 0; i < out.size(); ++i)
    ASSERT_EQ(out[i], std::make_tuple(i / 40, i % 40, std::uint64_t{i % 40 + 1}));
  EXPECT_EQ(scan.batch({all}).size(), 40u);
}

TEST(SignatureScan, datagrams_and_streams_in_turn_do_not_hide_each_others_hits) {
  Scan scan(rule_text("ip", 1, {{"abc"}}) + rule_text("ip", 2, {{"abc"}, {"x"}}));
  std::uint32_t state = 0;
  EXPECT_EQ(scan.datagram("abc").size(), 1u);
  EXPECT_EQ(scan.stream(state, "abc").size(), 1u);
  EXPECT_EQ(scan.datagram("abc").size(), 1u);
  EXPECT_EQ(scan.stream(state, "abc").size(), 1u);
  EXPECT_EQ(scan.batch({"abc", "x", "abc"}).size(), 2u);
  EXPECT_EQ(scan.stream(state, "x"), (Matches{{0, 1, 7}}));
  EXPECT_EQ(scan.datagram("x"), Matches{});
  EXPECT_EQ(scan.batch({"x", "abc"}), (Matches{{1, 0, 3}}));
}

TEST(SignatureScan, without_rules_nothing_is_scanned) {
  Scan scan("");
  std::uint32_t state = 0;
  EXPECT_FALSE(scan.scanner.scans_datagrams());
  EXPECT_FALSE(scan.scanner.scans_streams());
  EXPECT_EQ(scan.batch({"abc", "def"}), Matches{});
  EXPECT_EQ(scan.datagram("abc"), Matches{});
  EXPECT_EQ(scan.stream(state, "abc"), Matches{});
  EXPECT_EQ(state, 0u);
  scan.scanner.close_stream(state);
  EXPECT_EQ(scan.counters->signature_scans.value(), 0u);
}

TEST(SignatureStream, a_stream_with_a_thousand_literals_takes_at_most_64_bytes) {
  std::mt19937_64 random(1);
  std::string text;
  for (unsigned r = 0; r < 1000; ++r) {
    std::string content;
    for (std::size_t i = 8 + random() % 9; i > 0; --i) content += static_cast<char>(random());
    text += rule_text("tcp", 2 * r + 1, {{content}}) + rule_text("udp", 2 * r + 2, {{content}});
  }
  Scan scan(text);
  EXPECT_LE(scan.scanner.stream_bytes(), 64u);
}

}  // namespace
}  // namespace tsujiban::detect
