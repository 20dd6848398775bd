// Scanning allocates nothing: neither here nor within the library.
#include <gtest/gtest.h>

#include <random>

#include "base/test_allocations.h"
#include "detect/signature_scanner.h"

namespace tsujiban::detect {
namespace {

TEST(SignatureAllocation, scanning_datagrams_and_streams_allocates_nothing) {
  std::string text;
  for (unsigned r = 0; r < 60; ++r) {
    const std::string letters = {static_cast<char>('a' + r % 26), static_cast<char>('a' + r / 2 % 26)};
    const char* protocol = r % 3 == 0 ? "udp" : r % 3 == 1 ? "tcp" : "ip";
    text += "alert " + std::string(protocol) + " any any -> any any (msg:\"m\"; content:\"" + letters + "\"; " +
            (r % 5 == 0 ? "content:\"z\"; " : "") + (r % 2 == 0 ? "nocase; " : "") + "sid:" + std::to_string(r + 1) +
            ";)\n";
  }
  std::vector<config::Fault> faults;
  const auto rules = RuleSet::load_text("x.rules", text, faults);
  ASSERT_NE(rules, nullptr);
  const auto counters = std::make_unique<metrics::WorkerCounters>();
  SignatureScanner scanner(rules, 3000, *counters);
  std::vector<std::uint8_t> noise(1 << 16);
  std::mt19937_64 random(3);
  for (std::uint8_t& byte : noise) byte = static_cast<std::uint8_t>('a' + random() % 26);
  std::vector<std::uint32_t> state(4000, 0);  // More than there are streams.
  const ScanSubject datagram{IpAddress::v4(1), IpAddress::v4(2), 1, 2, 17};
  const ScanSubject segment{IpAddress::v4(1), IpAddress::v4(2), 1, 2, 6};
  std::uint64_t matches = 0;
  const auto on_match = [&](const SignatureMatch&) { ++matches; };

  const std::uint64_t before = allocations.load();
  for (int round = 0; round < 20; ++round) {
    scanner.begin_batch();
    for (std::uint32_t i = 0; i < SignatureScanner::batch_datagrams_max; ++i) {
      const std::size_t length = 1 + random() % 700;
      scanner.add_datagram(i, Bytes(noise).subspan(random() % (noise.size() - length), length));
    }
    scanner.finish_batch([&](std::uint32_t) -> const ScanSubject& { return datagram; }, on_match);
    for (std::uint32_t& s : state) {
      const std::size_t length = 1 + random() % 100;
      scanner.scan_stream(s, segment, Bytes(noise).subspan(random() % (noise.size() - length), length), on_match);
      if (random() % 4 == 0)
        scanner.close_stream(s);
      else if (random() % 4 == 0)
        scanner.gap_stream(s);
    }
  }
  EXPECT_EQ(allocations.load() - before, 0u);
  EXPECT_GT(matches, 1000u);
  EXPECT_GT(before, 0u);  // The counter counts.
}

}  // namespace
}  // namespace tsujiban::detect
