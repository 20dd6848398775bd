#include <gtest/gtest.h>

#include "detect/network_detectors.h"
#include "detect/site_test_support.h"

namespace tsujiban::detect {
namespace {

using namespace test;
using Moment = ConversationSeen::Moment;
constexpr DetectorId id = DetectorId::lateral_smb_spread;
const char* const office = "segments: [{name: office, prefix: 10.0.0.0/16}]\n";

std::string host(int n) { return "10.0.1." + std::to_string(n); }
Fact opened(double seconds, int n, std::uint16_t port = 445, Moment moment = Moment::answered) {
  return conversation(seconds, moment, {"10.0.0.66", host(n), 50000, port, IpProtocol::tcp});
}

TEST(LateralSpread, many_hosts_that_accept_within_the_window_are_one_condition) {
  Bench bench(network_lateral_row, office);
  for (int n = 1; n <= 9; ++n) bench.fact(opened(n, n, n % 2 == 0 ? 445 : 3389));
  EXPECT_TRUE(bench.alerts().empty());
  for (int n = 10; n <= 30; ++n) bench.fact(opened(n, n, 5985));
  ASSERT_EQ(bench.count(id), 21u);
  EXPECT_EQ(bench.alerts()[0].severity, Severity::critical);
  EXPECT_EQ(why(bench.alerts()[0]), "10 hosts accepted SMB, RDP or WinRM connections of this one within 600 s");
  for (const Alert& alert : bench.alerts()) EXPECT_EQ(alert.destination, bench.alerts()[0].destination);
}

TEST(LateralSpread, a_server_one_host_again_refusals_other_ports_and_slow_work_are_silent) {
  Bench bench(network_lateral_row, office);
  for (int n = 1; n <= 40; ++n) {
    bench.fact(opened(n, 5));
    bench.fact(opened(n, n, 443));
    bench.fact(opened(n, n, 445, Moment::began));
    Fact refused = opened(n, n);
    refused.conversation.established = false;
    bench.fact(refused);
    bench.fact(conversation(n, Moment::answered, {host(n), "10.0.0.9", 50000, 445, IpProtocol::tcp}));
  }
  for (int n = 1; n <= 40; ++n) bench.fact(opened(1000 + n * 90, n));
  EXPECT_EQ(bench.count(id), 0u);
}

}  // namespace
}  // namespace tsujiban::detect
