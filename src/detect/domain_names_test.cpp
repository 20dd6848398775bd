#include "detect/domain_names.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <string>
#include <vector>

#include "detect/name_likeness.h"

namespace tsujiban::detect {
namespace {

std::string registered(std::string_view name) { return std::string(parts_of(name).registered); }

TEST(DomainNames, the_registered_domain_is_one_label_more_than_the_public_suffix) {
  EXPECT_EQ(registered("example.com"), "example.com");
  EXPECT_EQ(registered("www.example.com"), "example.com");
  EXPECT_EQ(registered("a.b.example.co.jp"), "example.co.jp");
  EXPECT_EQ(registered("www.example.tokyo.jp"), "example.tokyo.jp");
  EXPECT_EQ(registered("host.shop.chiyoda.tokyo.jp"), "shop.chiyoda.tokyo.jp");
  EXPECT_EQ(registered("a.someone.github.io"), "someone.github.io") << "the private part of the list";
  const DomainParts parts = parts_of("x.y.example.co.jp");
  EXPECT_EQ(parts.below, "x.y");
  EXPECT_EQ(parts.label, "example");
  EXPECT_EQ(parts.suffix, "co.jp");
}

TEST(DomainNames, wildcards_and_exceptions_of_the_list_hold) {
  // "*.ck", "!www.ck"; "*.kawasaki.jp", "!city.kawasaki.jp".
  EXPECT_EQ(registered("b.test.ck"), "b.test.ck");
  EXPECT_EQ(registered("test.ck"), "");
  EXPECT_EQ(registered("www.ck"), "www.ck");
  EXPECT_EQ(registered("www.www.ck"), "www.ck");
  EXPECT_EQ(registered("a.b.c.kawasaki.jp"), "b.c.kawasaki.jp");
  EXPECT_EQ(registered("a.city.kawasaki.jp"), "city.kawasaki.jp");
}

TEST(DomainNames, what_no_rule_knows_ends_with_one_label) {
  EXPECT_EQ(registered("portal.minato.example"), "minato.example");
  EXPECT_EQ(registered("printer.local"), "printer.local");
  EXPECT_EQ(registered("x.xn--zzzz.invalid"), "xn--zzzz.invalid");
}

TEST(DomainNames, lone_labels_suffixes_and_what_is_no_name_have_no_owner) {
  for (const std::string_view name : {"", ".", "..", "localhost", "com", "co.jp", "tokyo.jp", "\\."})
    EXPECT_EQ(registered(name), "") << name;
}

TEST(DomainNames, a_dot_within_a_label_is_no_end_of_it) {
  EXPECT_EQ(registered("a\\.b.example.com"), "example.com");
  EXPECT_EQ(parts_of("a\\.b.example.com").below, "a\\.b");
  EXPECT_EQ(registered("www.exa\\.mple.com"), "exa\\.mple.com");
  EXPECT_EQ(registered("www.exa\\\\.mple.com"), "mple.com") << "here the backslash itself is what is escaped";
}

TEST(DomainNames, encoded_suffixes_are_known) {
  EXPECT_EQ(registered("www.shop.xn--p1ai"), "shop.xn--p1ai");                         // .рф
  EXPECT_EQ(registered("www.shop.xn--55qx5d.cn"), "shop.xn--55qx5d.cn");               // 公司.cn
  EXPECT_EQ(registered("www.shop.xn--efvn9s.jp"), "shop.xn--efvn9s.jp") << "no rule";  // 大.jp does not exist
}

TEST(DomainNames, words_and_drawn_letters_are_told_apart) {
  const std::vector<std::string> words = {"google",     "rakuten",    "softbank",   "chuden",    "tohoku-epco",
                                          "kyuden",     "mitsubishi", "panasonic",  "amazonaws", "wikipedia",
                                          "nicovideo",  "aggregator", "denryoku",   "echonet",   "letsencrypt",
                                          "cloudflare", "akamaiedge", "mizuhobank", "yodobashi", "windowsupdate"};
  for (const std::string& word : words) EXPECT_FALSE(is_random_looking(word)) << word << " " << letter_score(word);
  std::mt19937 random(7);
  unsigned letters = 0, hex = 0;
  for (int i = 0; i < 1000; ++i) {
    std::string drawn(12, ' '), digits(16, ' ');
    for (char& c : drawn) c = static_cast<char>('a' + random() % 26);
    for (char& c : digits) c = "0123456789abcdef"[random() % 16];
    letters += is_random_looking(drawn) ? 1 : 0;
    hex += is_random_looking(digits) ? 1 : 0;
  }
  EXPECT_GT(letters, 930u);
  EXPECT_GT(hex, 800u);
  EXPECT_FALSE(is_random_looking("xqzjk")) << "too short to say";
  EXPECT_FALSE(is_random_looking("xn--qxzjkwvb")) << "encoded";
}

TEST(DomainNames, what_is_shown_is_printable_and_bounded) {
  EXPECT_STREQ(ShownName("a\x01\xff b.example").text(), "a???b.example");
  const std::string longest(300, 'x');
  EXPECT_EQ(std::string_view(ShownName(longest).text()).size(), 80u);
  EXPECT_TRUE(std::string_view(ShownName(longest).text()).ends_with("..."));
}

std::u32string decoded(std::string_view text) {
  Skeleton skeleton;
  if (!decode_punycode(text, skeleton)) return U"(none)";
  return {skeleton.begin(), skeleton.end()};
}

TEST(NameLikeness, punycode_is_decoded_as_the_examples_of_rfc_3492_say) {
  // 7.1: (B) Chinese, (L) Japanese, (O), (R), and ASCII with one letter beside it.
  EXPECT_EQ(decoded("ihqwcrb4cv8a8dqg056pqjye"), U"他们为什么不说中文");
  EXPECT_EQ(decoded("3b-ww4c5e180e575a65lsy2b"), U"3年b組金八先生");
  EXPECT_EQ(decoded("2-u9tlzr9756bt3uc0v"), U"ひとつ屋根の下2");
  EXPECT_EQ(decoded("d9juau41awczczp"), U"そのスピードで");
  EXPECT_EQ(decoded("bcher-kva"), U"bücher");
}

TEST(NameLikeness, what_is_no_punycode_is_refused_and_taken_as_written) {
  for (const std::string_view text :
       {"-a", "99999999999999", "a-b_", "zzzzzzzzzzzzzzzzzzzzzzzzz", "ihqwcrb4cv8a8dqg056pqjy"})
    EXPECT_EQ(decoded(text), U"(none)") << text;
  EXPECT_EQ(decoded(std::string(64, 'a') + "-"), U"(none)");
  EXPECT_EQ(skeleton_of("xn--99999999999999").size(), 18u);
}

bool look_alike(std::string_view a, std::string_view b) {
  return edit_distance(skeleton_of(a), skeleton_of(b), 0) == 0;
}

TEST(NameLikeness, letters_that_look_alike_are_one) {
  EXPECT_TRUE(look_alike("rninato", "minato"));
  EXPECT_TRUE(look_alike("examp1e", "example"));
  EXPECT_TRUE(look_alike("yah00", "yahoo"));
  EXPECT_TRUE(look_alike("vvindow", "window"));
  EXPECT_TRUE(look_alike("xn--80ak6aa92e", "apple")) << "аррӏе in Cyrillic";
  EXPECT_TRUE(look_alike("xn--bcher-kva", "bucher"));
  EXPECT_FALSE(look_alike("example", "exemple"));
}

TEST(NameLikeness, distances_are_those_of_a_plain_table) {
  const auto plain = [](const std::string& a, const std::string& b) {
    std::vector<std::vector<unsigned>> t(a.size() + 1, std::vector<unsigned>(b.size() + 1));
    for (std::size_t i = 0; i <= a.size(); ++i) {
      for (std::size_t j = 0; j <= b.size(); ++j) {
        if (i == 0 || j == 0) {
          t[i][j] = static_cast<unsigned>(i + j);
          continue;
        }
        t[i][j] = std::min({t[i - 1][j] + 1, t[i][j - 1] + 1, t[i - 1][j - 1] + (a[i - 1] == b[j - 1] ? 0u : 1u)});
        if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
          t[i][j] = std::min(t[i][j], t[i - 2][j - 2] + 1);
      }
    }
    return t[a.size()][b.size()];
  };
  std::mt19937 random(3);
  for (int round = 0; round < 20'000; ++round) {
    std::string a(random() % 9, ' '), b(random() % 9, ' ');
    for (char& c : a) c = static_cast<char>('a' + random() % 3);
    for (char& c : b) c = static_cast<char>('a' + random() % 3);
    for (unsigned max = 0; max <= 4; ++max) {
      EXPECT_EQ(edit_distance(skeleton_of(a), skeleton_of(b), max), std::min(plain(a, b), max + 1))
          << a << " " << b << " " << max;
    }
  }
}

}  // namespace
}  // namespace tsujiban::detect
