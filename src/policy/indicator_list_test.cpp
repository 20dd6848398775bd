#include "policy/indicator_list.h"

#include <gtest/gtest.h>

#include <chrono>
#include <map>

#include "policy/policy_test_site.h"

namespace tsujiban::policy {
namespace {

using Kind = config::IndicatorKind;

// The list of a text, as a site in Japan has it.
std::unique_ptr<IndicatorList> list_of(std::string text, HashSeed seed = {}) {
  config::FaultList faults;
  config::Context context{faults, {}};
  config::IndicatorReader reader(context);
  reader.read(text, faults.add_file("folder/list.csv"));
  auto site = std::make_shared<config::Config>();
  site->files = {"folder/list.csv"};
  site->indicators = reader.finish();
  if (!faults.empty()) throw std::invalid_argument(config::to_string(faults.finish()[0]));
  const auto inventory = inventory_of("site: {name: test, timezone: Asia/Tokyo}\n");
  return std::make_unique<IndicatorList>(site, inventory->clock(), seed);
}
constexpr PacketTime noon{1'795'143'600'000'000'000};  // 2026-11-20T12:00:00+09:00
DomainName name(std::string_view text) { return DomainName::of(text); }
std::uint64_t url(std::string_view text) {
  return hash_bytes(HashSeed{}, {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()});
}
std::string told(const IndicatorList& list, std::uint32_t number) {
  char text[160];
  list.explain(number, text, sizeof text);
  return text;
}

TEST(IndicatorList, addresses_and_the_longest_prefix_are_found) {
  const auto list = list_of("198.51.100.7\n198.51.0.0/16\n198.51.100.0/24\n2001:db8::1\n2001:db8:1::/48\n");
  EXPECT_EQ(list->find_address(ip("198.51.100.7"), noon), 1u);
  EXPECT_EQ(list->find_address(ip("198.51.100.8"), noon), 3u);
  EXPECT_EQ(list->find_address(ip("198.51.7.8"), noon), 2u);
  EXPECT_EQ(list->find_address(ip("198.52.7.8"), noon), 0u);
  EXPECT_EQ(list->find_address(ip("2001:db8::1"), noon), 4u);
  EXPECT_EQ(list->find_address(ip("2001:db8:1:2::3"), noon), 5u);
  EXPECT_EQ(list->find_address(ip("2001:db8:2::3"), noon), 0u);
}

TEST(IndicatorList, a_domain_holds_for_everything_below_it_at_a_labels_border) {
  const auto list = list_of("evil.example\ngate.evil.example\n.zip\n");
  EXPECT_EQ(list->find_name(name("evil.example"), noon), 1u);
  EXPECT_EQ(list->find_name(name("www.evil.example"), noon), 1u);
  EXPECT_EQ(list->find_name(name("gate.evil.example"), noon), 2u);
  EXPECT_EQ(list->find_name(name("a.b.gate.evil.example"), noon), 2u);
  EXPECT_EQ(list->find_name(name("notevil.example"), noon), 0u);
  EXPECT_EQ(list->find_name(name("example"), noon), 0u);
  EXPECT_EQ(list->find_name(name("invoice.zip"), noon), 3u);
  EXPECT_EQ(list->find_name(name(""), noon), 0u);
  // A dot within a label is no border.
  EXPECT_EQ(list->find_name(name("not\\.evil.example"), noon), 0u);
  EXPECT_EQ(list->find_name(name("not\\\\.evil.example"), noon), 1u);
  // Of a long name the end is known.
  EXPECT_EQ(
      list->find_name(
          name(std::string(60, 'a') + "." + std::string(63, 'b') + "." + std::string(63, 'c') + ".evil.example"), noon),
      1u);
  EXPECT_EQ(list->find_name_hash(name("evil.example").hash, noon), 1u);
  EXPECT_EQ(list->find_name_hash(name("www.evil.example").hash, noon), 0u);
}

TEST(IndicatorList, urls_and_fingerprints_are_found_by_what_facts_have_of_them) {
  const auto list = list_of(
      "http://evil.example/gate?id=1\ne7d705a3286e19ea42f587b344ee6865\nt13d1516h2_8daaf6152771_02713d6af862\n"
      "da39a3ee5e6b4b0d3255bfef95601890afd80709\n"
      "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855\n");
  EXPECT_EQ(list->find_url(url("evil.example/gate?id=1"), noon), 1u);
  EXPECT_EQ(list->find_url(url("evil.example/gate?id=2"), noon), 0u);
  EXPECT_EQ(list->find_ja3(0xe7d705a3286e19ea, noon), 2u);
  EXPECT_EQ(list->find_ja3(0, noon), 0u);
  std::array<char, 36> ja4;
  std::memcpy(ja4.data(), "t13d1516h2_8daaf6152771_02713d6af862", 36);
  EXPECT_EQ(list->find_ja4(ja4, noon), 3u);
  ja4[35] = '3';
  EXPECT_EQ(list->find_ja4(ja4, noon), 0u);
  EXPECT_EQ(list->find_certificate(0xda39a3ee5e6b4b0d, 0, noon), 4u);
  EXPECT_EQ(list->find_certificate(0xda39a3ee5e6b4b0d, 0xe3b0c44298fc1c14, noon), 5u);
  EXPECT_EQ(list->find_certificate(0xe3b0c44298fc1c14, 0xda39a3ee5e6b4b0d, noon), 0u) << "each by its own digest";
  EXPECT_EQ(list->find_certificate(0, 0, noon), 0u);
}

TEST(IndicatorList, what_is_expired_at_the_packets_time_is_passed_over) {
  const auto list = list_of(
      "value,expires,source\n198.51.100.7,2026-11-19,\n198.51.100.0/24,,wide\nevil.example,2026-11-20,feed-a\n"
      "gate.evil.example,2026-11-20T03:00:00Z,\n");
  EXPECT_EQ(list->find_address(ip("198.51.100.7"), noon), 2u);
  EXPECT_EQ(list->find_address(ip("198.51.100.7"), noon - Duration::seconds(12 * 3600 + 1)), 1u);
  // Noon in Japan is 03:00 in UTC.
  EXPECT_EQ(list->find_name(name("gate.evil.example"), noon - Duration::seconds(1)), 4u);
  EXPECT_EQ(list->find_name(name("gate.evil.example"), noon), 3u);
  EXPECT_EQ(list->find_name(name("gate.evil.example"), noon + Duration::seconds(12 * 3600 - 1)), 3u);
  EXPECT_EQ(list->find_name(name("gate.evil.example"), noon + Duration::seconds(12 * 3600)), 0u);
  EXPECT_EQ(told(*list, 2), "prefix 198.51.100.0/24 of list.csv:3, source wide");
  EXPECT_EQ(told(*list, 3), "domain evil.example of list.csv:4, source feed-a");
}

TEST(IndicatorList, none_at_all_finds_nothing) {
  const auto list = list_of("# empty\n");
  EXPECT_EQ(list->find_address(ip("198.51.100.7"), noon), 0u);
  EXPECT_EQ(list->find_name(name("evil.example"), noon), 0u);
  EXPECT_EQ(list->find_url(7, noon) + list->find_ja3(7, noon) + list->find_certificate(7, 7, noon), 0u);
  list->prefetch_address(ip("198.51.100.7"));
}

class Numbers {
 public:
  std::uint32_t below(std::uint32_t end) {
    state_ = state_ * 6364136223846793005u + 1442695040888963407u;
    return static_cast<std::uint32_t>(state_ >> 33) % end;
  }

 private:
  std::uint64_t state_ = 5;
};

// Small worlds of names and addresses, so that everything meets everything.
TEST(IndicatorList, it_finds_what_a_search_through_all_entries_finds) {
  Numbers numbers;
  const auto label = [&] { return std::string(1, static_cast<char>('a' + numbers.below(4))); };
  const auto domain = [&](std::uint32_t labels_min) {
    std::string text;
    for (std::uint32_t n = labels_min + numbers.below(4); n > 0; --n) text += (text.empty() ? "" : ".") + label();
    return text;
  };
  const auto address = [&] {
    return "10." + std::to_string(numbers.below(3)) + "." + std::to_string(numbers.below(3)) + "." +
           std::to_string(numbers.below(4));
  };
  for (int round = 0; round < 200; ++round) {
    std::map<std::string, bool> names, addresses;  // Whether it holds.
    std::map<std::pair<std::string, unsigned>, bool> prefixes;
    std::string text = "value,expires\n";
    for (int i = 0; i < 30; ++i) {
      const bool holds = numbers.below(4) != 0;
      const std::string expires = holds ? (numbers.below(2) != 0 ? "" : "2027-01-01") : "2026-01-01";
      if (numbers.below(2) != 0) {
        const std::string value = domain(2);
        names[value] = names[value] || holds;
        text += value + ',' + expires + '\n';
      } else if (numbers.below(3) != 0) {
        const std::string value = address();
        addresses[value] = addresses[value] || holds;
        text += value + ',' + expires + '\n';
      } else {
        const unsigned length = 14 + numbers.below(17);
        const IpAddress at = masked(ip(address()), length);
        auto& known = prefixes[{to_string(at), length}];
        known = known || holds;
        text += to_string(at) + '/' + std::to_string(length) + ',' + expires + '\n';
      }
    }
    const auto list = list_of(text, {numbers.below(1u << 31), numbers.below(1u << 31)});
    for (int i = 0; i < 200; ++i) {
      const std::string asked = domain(1);
      std::string expected;
      for (const auto& [value, holds] : names) {
        const bool below = asked == value || asked.ends_with("." + value);
        if (holds && below && value.size() > expected.size()) expected = value;
      }
      const std::uint32_t found = list->find_name(name(asked), noon);
      ASSERT_EQ(found != 0, !expected.empty()) << text << asked;
      if (found != 0) {
        EXPECT_EQ(told(*list, found).find("domain " + expected + " of"), 0u) << text << asked;
      }
    }
    for (int i = 0; i < 100; ++i) {
      const std::string asked = address();
      std::string expected;
      unsigned longest = 0;
      for (const auto& [prefix, holds] : prefixes) {
        const IpPrefix p{ip(prefix.first), static_cast<std::uint8_t>(prefix.second)};
        if (holds && p.contains(ip(asked)) && prefix.second > longest) {
          longest = prefix.second;
          expected = "prefix " + to_string(p) + " of";
        }
      }
      if (const auto at = addresses.find(asked); at != addresses.end() && at->second)
        expected = "address " + asked + " of";
      const std::uint32_t found = list->find_address(ip(asked), noon);
      ASSERT_EQ(found != 0, !expected.empty()) << text << asked;
      if (found != 0) {
        EXPECT_EQ(told(*list, found).find(expected), 0u) << text << asked;
      }
    }
  }
}

TEST(IndicatorList, a_million_entries_load_in_seconds_and_take_64_bytes_each) {
  std::string text = "type,value,expires,source\n";
  Numbers numbers;
  for (int i = 0; i < 1'000'000; ++i) {
    if (i % 2 == 0) {
      text += "domain,host-" + std::to_string(i) + ".n" + std::to_string(numbers.below(100'000)) + ".example,,feed-a\n";
    } else if (i % 10 == 1) {
      text += "url,http://n" + std::to_string(i) + ".example/path/" + std::to_string(i) + ".exe,2027-03-31,feed-b\n";
    } else {
      const auto at = static_cast<std::uint32_t>(i) * 2654435761u;
      text += "address," + to_string(IpAddress::v4(at)) + ",,feed-c\n";
    }
  }
  const auto begin = std::chrono::steady_clock::now();
  const auto list = list_of(std::move(text));
  const std::chrono::duration<double> taken = std::chrono::steady_clock::now() - begin;
  EXPECT_LE(list->memory_bytes(), 64'000'000u);
  RecordProperty("seconds", std::to_string(taken.count()));
  RecordProperty("bytes", std::to_string(list->memory_bytes()));
  std::printf("1,000,000 entries: %.2f s, %.1f bytes each\n", taken.count(),
              static_cast<double>(list->memory_bytes()) / 1e6);
#if !defined(__SANITIZE_ADDRESS__)
  EXPECT_LT(taken.count(), 20) << "a few seconds, and the machine may be busy";
#endif
}

}  // namespace
}  // namespace tsujiban::policy
