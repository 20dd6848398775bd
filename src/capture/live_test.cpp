#include "capture/live.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <sched.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>

#include "capture/capture_test_support.h"

namespace tsujiban::capture::test {
namespace {

TEST(OpenLive, a_missing_interface_is_refused_in_one_line) {
  std::string error;
  EXPECT_EQ(open_live("no-such-port0", {}, error), nullptr);
  EXPECT_EQ(error.find("no-such-port0: "), 0u) << error;
  EXPECT_EQ(error.find('\n'), std::string::npos) << error;
}

int run(const char* command) { return std::system(command); }

// Two ends of a virtual cable in a network of this process alone: nothing here reaches any other network.
class LiveOnVeth : public testing::Test {
 protected:
  void SetUp() override {
    if (geteuid() != 0) GTEST_SKIP() << "absent: root, who may make a network namespace";
    if (run("ip -V > /dev/null 2>&1") != 0) GTEST_SKIP() << "absent: the command ip (iproute2)";
    // A thread keeps its namespace; the test program's other tests need no network, so it need not go back.
    if (unshare(CLONE_NEWNET) != 0) GTEST_SKIP() << "absent: permission to make a network namespace";
    if (run("ip link add tb0 type veth peer name tb1 2>/dev/null && ip link set tb0 up && ip link set tb1 up") != 0) {
      GTEST_SKIP() << "absent: virtual Ethernet pairs (veth)";
    }
    run("sysctl -qw net.ipv6.conf.tb0.disable_ipv6=1 net.ipv6.conf.tb1.disable_ipv6=1 > /dev/null 2>&1");
    socket_ = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, htons(ETH_P_ALL));
    ASSERT_GE(socket_, 0);
    to_.sll_family = AF_PACKET;
    to_.sll_ifindex = static_cast<int>(if_nametoindex("tb1"));
    to_.sll_halen = 6;
  }
  void TearDown() override {
    if (socket_ >= 0) close(socket_);
    if (socket_ >= 0) run("ip link delete tb0 2>/dev/null");
  }
  // Destination and source 02:00:00:00:00:01, EtherType 0x88b5 (for experiments), then a number and padding.
  void send(std::uint32_t number, std::size_t length = 60) {
    Buffer frame = {2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 1, 0x88, 0xb5};
    frame.resize(length);
    std::memcpy(frame.data() + 14, &number, sizeof number);
    ASSERT_EQ(sendto(socket_, frame.data(), frame.size(), 0, reinterpret_cast<const sockaddr*>(&to_), sizeof to_),
              static_cast<ssize_t>(frame.size()));
  }
  static bool is_ours(const RawPacket& packet) {
    return packet.length_captured >= 18 && packet.data[12] == 0x88 && packet.data[13] == 0xb5;
  }

  int socket_ = -1;
  sockaddr_ll to_{};
};

TEST_F(LiveOnVeth, every_frame_received_before_the_stop_is_delivered_once_and_in_order) {
  std::string error;
  const auto source = open_live("tb0", {}, error);
  ASSERT_NE(source, nullptr) << error;
  constexpr std::uint32_t frames = 5'000;
  for (std::uint32_t i = 0; i < frames; ++i) send(i, 60 + i % 1400);
  source->stop_receiving();
  std::vector<RawPacket> packets(64);
  std::uint32_t next = 0;
  std::uint64_t number = 0;
  bool sent_late = false;
  for (SourceState state = SourceState::more; state != SourceState::end;) {
    std::size_t count = 0;
    state = source->next(packets, count);
    ASSERT_NE(state, SourceState::damaged) << source->damage();
    for (std::size_t i = 0; i < count; ++i) {
      EXPECT_EQ(packets[i].number, ++number);
      EXPECT_GT(packets[i].time.ns, 1'600'000'000'000'000'000);
      if (!is_ours(packets[i])) continue;
      std::uint32_t got = 0;
      std::memcpy(&got, packets[i].data + 14, sizeof got);
      ASSERT_EQ(got, next);
      ASSERT_EQ(packets[i].length_captured, 60 + next % 1400);
      ASSERT_EQ(packets[i].link, LinkType::ethernet);
      ++next;
    }
    // The first call asked the kernel to stop: what is sent now must never arrive.
    if (!sent_late) send(frames);
    sent_late = true;
  }
  EXPECT_EQ(next, frames);
  EXPECT_EQ(source->kernel_drops(), 0u);
  EXPECT_EQ(source->input_name(0), "tb0");
}

TEST_F(LiveOnVeth, a_silent_interface_gives_idle_soon) {
  std::string error;
  const auto source = open_live("tb0", {}, error);
  ASSERT_NE(source, nullptr) << error;
  std::vector<RawPacket> packets(64);
  unsigned idle = 0;
  for (unsigned i = 0; i < 20; ++i) {
    std::size_t count = 0;
    idle += source->next(packets, count) == SourceState::idle;
  }
  EXPECT_GT(idle, 10u);
  send(1);
  std::size_t ours = 0;
  for (unsigned i = 0; i < 20 && ours == 0; ++i) {
    std::size_t count = 0;
    source->next(packets, count);
    for (std::size_t k = 0; k < count; ++k) ours += is_ours(packets[k]);
  }
  EXPECT_EQ(ours, 1u);
}

// A ring of 1 MiB and 20,000 frames of 1,400 bytes that nobody reads: what does not fit is counted, to the frame.
TEST_F(LiveOnVeth, frames_that_the_kernel_drops_are_counted) {
  std::string error;
  const auto source = open_live("tb0", {.ring_bytes = 1u << 20}, error);
  ASSERT_NE(source, nullptr) << error;
  constexpr std::uint64_t frames = 20'000;
  for (std::uint32_t i = 0; i < frames; ++i) send(i, 1'400);
  source->stop_receiving();
  std::vector<RawPacket> packets(64);
  std::uint64_t got = 0;
  for (SourceState state = SourceState::more; state != SourceState::end;) {
    std::size_t count = 0;
    state = source->next(packets, count);
    got += count;
  }
  EXPECT_GT(source->kernel_drops(), 0u);
  EXPECT_GE(got + source->kernel_drops(), frames);
  EXPECT_LE(got + source->kernel_drops(), frames + 50) << "a few frames of the system's own";
}

}  // namespace
}  // namespace tsujiban::capture::test
