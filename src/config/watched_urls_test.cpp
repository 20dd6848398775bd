#include <gtest/gtest.h>

#include "config/config_test_text.h"
#include "config/values.h"

namespace tsujiban::config {
namespace {

std::string watched(const std::string& urls) { return "detectors: {web.content-change: {urls: " + urls + "}}\n"; }

TEST(ConfigWatchedUrls, urls_are_read_in_the_form_that_facts_have) {
  std::vector<Fault> faults;
  const auto config =
      load_text("site.yaml",
                watched("[\"HTTP://WWW.Example.JP\", \"http://www.example.jp./a%20b?q=1#part\", \"http://192.0.2.1/\", "
                        "\"http://[2001:db8::1]/x\", \"http://www.example.jp?q\"]"),
                faults);
  ASSERT_TRUE(faults.empty()) << to_string(faults[0]);
  ASSERT_EQ(config->watched_urls.size(), 5u);
  ASSERT_EQ(config->watched_url_hashes.size(), 5u);
  std::vector<std::string> urls;
  for (std::size_t i = 0; i < 5; ++i) {
    urls.push_back(config->watched_urls[i].url);
    EXPECT_EQ(config->watched_url_hashes[i], watched_hash_of(std::string_view(urls.back()).substr(7)));
    if (i > 0) {
      EXPECT_LT(config->watched_url_hashes[i - 1], config->watched_url_hashes[i]);
    }
  }
  std::sort(urls.begin(), urls.end());
  EXPECT_EQ(urls, (std::vector<std::string>{"http://192.0.2.1/", "http://[2001:db8::1]/x", "http://www.example.jp/",
                                            "http://www.example.jp/?q", "http://www.example.jp/a%20b?q=1"}));
  EXPECT_EQ(config->watched_urls[0].place.line, 1u);
}

TEST(ConfigWatchedUrls, one_url_needs_no_list) {
  std::vector<Fault> faults;
  const auto config = load_text("site.yaml", watched("http://a.example/x"), faults);
  ASSERT_TRUE(faults.empty());
  EXPECT_EQ(config->watched_urls.size(), 1u);
}

TEST(ConfigWatchedUrls, every_wrong_url_is_told_with_its_place) {
  EXPECT_EQ(
      faults_of("detectors:\n"
                "  web.content-change:\n"
                "    urls:\n"
                "      - https://www.example.jp/\n"
                "      - www.example.jp\n"
                "      - http:///x\n"
                "      - http://www.example.jp:8080/\n"
                "      - http://user@www.example.jp/\n"
                "      - \"http://www.example.jp/a b\"\n"
                "      - http://www.example.jp/\n"
                "      - http://WWW.EXAMPLE.JP\n"
                "      - {a: b}\n"),
      (Lines{
          "site.yaml:4:9: urls: \"https://www.example.jp/\" is encrypted, and what it brings cannot be read; accepted: "
          "http://www.example.jp/index.html",
          "site.yaml:5:9: urls: \"www.example.jp\" is no URL of a page; accepted: http://www.example.jp/index.html",
          "site.yaml:6:9: urls: \"http:///x\" names no host; accepted: http://www.example.jp/index.html",
          "site.yaml:7:9: urls: \"http://www.example.jp:8080/\" has a port; leave it out, the page is watched on "
          "every port",
          "site.yaml:8:9: urls: \"http://user@www.example.jp/\" has a user in it; leave it out",
          "site.yaml:9:9: urls: \"http://www.example.jp/a b\" has a character that a URL cannot have (RFC 3986, 2); "
          "write it as %XX, as clients send it",
          "site.yaml:11:9: urls: \"http://www.example.jp/\" is here twice; the first is on line 10",
          "site.yaml:12:9: urls: here is a map; a single value is accepted"}));
  EXPECT_EQ(faults_of(watched("[]")),
            (Lines{"site.yaml:1:40: urls: the list is empty; give one or more, or leave the key out"}));
  EXPECT_EQ(faults_of("detectors: {policy.plaintext: {urls: [http://a.example/]}}\n").size(), 1u);
}

TEST(ConfigWatchedUrls, beyond_the_limits_is_told_once) {
  std::string urls = "[";
  for (std::size_t i = 0; i < watched_urls_max + 3; ++i)
    urls += (i == 0 ? "" : ", ") + ("\"http://a.example/" + std::to_string(i) + "\"");
  const Lines lines = faults_of(watched(urls + "]"));
  ASSERT_EQ(lines.size(), 1u);
  EXPECT_NE(lines[0].find("urls: more than 256 pages"), std::string::npos);
  EXPECT_EQ(faults_of(watched("\"http://a.example/" + std::string(watched_url_bytes_max, 'x') + "\"")).size(), 1u);
  std::vector<Fault> faults;
  load_text("site.yaml", watched("\"http://a.example/" + std::string(watched_url_bytes_max - 17, 'x') + "\""), faults);
  EXPECT_TRUE(faults.empty());
}

}  // namespace
}  // namespace tsujiban::config
