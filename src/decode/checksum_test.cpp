#include "decode/checksum.h"

#include <gtest/gtest.h>

#include "decode/test_packets.h"

namespace tsujiban::decode {
namespace {

using namespace test;

ChecksumState state_of(const Packet& p, std::uint32_t length_wire = 0) {
  Decoded d(p, LinkType::ethernet, length_wire);
  verify_checksum(d.packet);
  return d->checksum;
}

// Two bytes a time, as RFC 1071 writes it: the second implementation.
std::uint16_t plain_sum(Bytes bytes) {
  std::uint64_t sum = 0;
  for (std::size_t i = 0; i < bytes.size(); ++i) sum += i % 2 == 0 ? bytes[i] : std::uint64_t{bytes[i]} << 8;
  while (sum >> 16 != 0) sum = (sum & 0xffff) + (sum >> 16);
  return static_cast<std::uint16_t>(sum);
}

TEST(OnesSum, equals_the_plain_loop_at_every_length_and_alignment) {
  std::vector<std::uint8_t> data(2100);
  std::uint32_t x = 1;
  for (auto& byte : data) byte = static_cast<std::uint8_t>((x = x * 1664525 + 1013904223) >> 24);
  for (std::size_t offset = 0; offset < 9; ++offset) {
    for (std::size_t length = 0; length < 2000; length += length < 300 ? 1 : 37) {
      const Bytes part(data.data() + offset, length);
      EXPECT_EQ(ones_sum(part), plain_sum(part)) << offset << " " << length;
    }
  }
  const std::vector<std::uint8_t> ones(3'000'000, 0xff);
  EXPECT_EQ(ones_sum(ones), plain_sum(ones));
}

const Packet message = fill(33);

TEST(Checksum, filled_in_is_good_and_any_change_is_bad) {
  const std::pair<const char*, Packet> packets[] = {
      {"udp4", ethernet(0x0800, ipv4(17, udp(1, 2, message)))},
      {"udp6", ethernet(0x86dd, ipv6(17, udp(1, 2, message)))},
      {"tcp4", ethernet(0x0800, ipv4(6, tcp(1, 2, 0x10, message, bytes({1, 1, 1, 1}))))},
      {"tcp6", ethernet(0x86dd, ipv6(6, tcp(1, 2, 0x10, message)))},
      {"icmp", ethernet(0x0800, ipv4(1, bytes({8, 0, 0, 0}) + message))},
      {"icmpv6", ethernet(0x86dd, ipv6(58, bytes({128, 0, 0, 0}) + message))},
      {"igmp", ethernet(0x0800, ipv4(2, bytes({0x16, 0, 0, 0, 224, 0, 23, 0})))},
      {"vxlan", ethernet(0x0800, ipv4(17, udp(1, 4789, vxlan(1, ethernet(0x0800, ipv4(17, udp(3, 4, message)))))))},
  };
  for (const auto& [name, unsealed] : packets) {
    const Packet p = seal(unsealed);
    EXPECT_EQ(state_of(p), ChecksumState::good) << name;
    EXPECT_EQ(state_of(p + Packet(7, 0xcc)), ChecksumState::good) << name;
    Packet changed = p;
    changed.back() = static_cast<std::uint8_t>(changed.back() ^ 0x10);
    EXPECT_EQ(state_of(changed), ChecksumState::bad) << name;
  }
}

TEST(Checksum, a_bad_ipv4_header_is_bad_and_an_empty_one_is_unfilled) {
  Packet p = seal(ethernet(0x0800, ipv4(17, udp(1, 2, message))));
  p[14 + 10] = static_cast<std::uint8_t>(p[14 + 10] ^ 1);
  EXPECT_EQ(state_of(p), ChecksumState::bad);
  p[14 + 10] = p[14 + 11] = 0;
  EXPECT_EQ(state_of(p), ChecksumState::unfilled);
  p.back() = static_cast<std::uint8_t>(p.back() ^ 1);
  EXPECT_EQ(state_of(p), ChecksumState::bad);
}

TEST(Checksum, what_a_host_leaves_to_its_card_is_unfilled) {
  for (const bool with_length : {true, false}) {
    Packet p = seal(ethernet(0x0800, ipv4(6, tcp(1, 2, 0x10, fill(3000)))));
    const std::size_t length = with_length ? 3020 : 0;
    const Packet pseudo = be32(0xc0a80114) + be32(0xc0a80115) + bytes({0, 6}) + be16(length);
    const std::uint16_t sum = ones_sum(pseudo);
    std::memcpy(p.data() + 14 + 20 + 16, &sum, 2);
    EXPECT_EQ(state_of(p), ChecksumState::unfilled) << with_length;
    p[14 + 20 + 17] = static_cast<std::uint8_t>(p[14 + 20 + 17] ^ 2);
    EXPECT_EQ(state_of(p), ChecksumState::bad) << with_length;
    p[14 + 20 + 16] = p[14 + 20 + 17] = 0;
    EXPECT_EQ(state_of(p), ChecksumState::unfilled);
  }
}

TEST(Checksum, total_length_zero_before_segmentation_is_accepted) {
  Packet p = seal(ethernet(0x0800, ipv4(6, tcp(1, 2, 0x10, fill(3000)))));
  p[16] = p[17] = 0;
  EXPECT_EQ(state_of(p), ChecksumState::unfilled);
}

TEST(Checksum, what_cannot_be_verified_is_unchecked) {
  const Packet whole = seal(ethernet(0x0800, ipv4(17, udp(1, 2, message))));
  EXPECT_EQ(state_of(seal(ethernet(0x0800, ipv4(17, message, {.fragment = 0x2000})))), ChecksumState::unchecked);
  EXPECT_EQ(state_of(Packet(whole.begin(), whole.end() - 3), static_cast<std::uint32_t>(whole.size())),
            ChecksumState::unchecked);
  Packet zero = whole;
  zero[14 + 20 + 6] = zero[14 + 20 + 7] = 0;
  EXPECT_EQ(state_of(zero), ChecksumState::unchecked);
  EXPECT_EQ(state_of(ethernet(0x0806, fill(28))), ChecksumState::unchecked);
  EXPECT_EQ(state_of(seal(ethernet(0x0800, ipv4(50, message)))), ChecksumState::unchecked);
  EXPECT_EQ(state_of(ethernet(0x86dd, ipv6(17, udp(1, 2, message, 0)))), ChecksumState::bad);
}

TEST(Checksum, of_a_reassembled_datagram) {
  const Packet whole = seal(ethernet(0x0800, ipv4(17, udp(1, 2, message))));
  const Decoded part(ethernet(0x0800, ipv4(17, fill(8), {.fragment = 0x0002})));
  DecodedPacket packet;
  const Bytes payload(whole.data() + 34, whole.size() - 34);
  Decoder(HashSeed{}).decode_reassembled(part.packet, 17, payload, packet);
  verify_checksum(packet);
  EXPECT_EQ(packet.checksum, ChecksumState::good);
}

}  // namespace
}  // namespace tsujiban::decode
