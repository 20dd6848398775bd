#include <gtest/gtest.h>

#include "capture/capture_test_support.h"

namespace tsujiban::capture::test {
namespace {

constexpr std::int64_t second = 1'000'000'000;

// SHB: byte-order magic, version 1.0, section length unknown.
void section(Writer& to) {
  Writer body(to.order());
  body.u32(0x1a2b3c4d).u16(1).u16(0).u64(~std::uint64_t{0});
  to.block(0x0a0d0d0a, body.out);
}
// IDB: link type, reserved, snap length, options.
void interface(Writer& to, std::uint16_t link, std::uint32_t snap = 0, const Buffer& options = {}) {
  Writer body(to.order());
  body.u16(link).u16(0).u32(snap).append(options);
  to.block(1, body.out);
}
// One option: code, length, value padded to 4.
Buffer option(Order order, std::uint16_t code, const Buffer& value) {
  Writer to(order);
  to.u16(code).u16(static_cast<std::uint16_t>(value.size())).append(value).pad4();
  return to.out;
}
// EPB: interface, time upper and lower half, captured, wire, data, options.
void enhanced(Writer& to, std::uint32_t index, std::uint64_t ticks, std::string_view data, std::uint32_t wire,
              const Buffer& options = {}) {
  Writer body(to.order());
  body.u32(index).u32(static_cast<std::uint32_t>(ticks >> 32)).u32(static_cast<std::uint32_t>(ticks));
  body.u32(static_cast<std::uint32_t>(data.size())).u32(wire).bytes(data).pad4().append(options);
  to.block(6, body.out);
}

Outcome one_with_option(Order order, const Buffer& options, std::uint64_t ticks) {
  Writer to(order);
  section(to);
  interface(to, 1, 0, options);
  enhanced(to, 0, ticks, "x", 1);
  return read_mapped(to.out);
}

class PcapngOrder : public testing::TestWithParam<Order> {};
INSTANTIATE_TEST_SUITE_P(BothByteOrders, PcapngOrder, testing::Values(Order::little, Order::big));

TEST_P(PcapngOrder, enhanced_simple_and_obsolete_packet_blocks_are_read) {
  const Order order = GetParam();
  Writer to(order);
  section(to);
  interface(to, 1, 4);                                   // Ethernet, snap length 4
  interface(to, 230, 0);                                 // IEEE 802.15.4, no limit
  enhanced(to, 1, 5'000'001, "abc", 9);                  // 5.000001 s
  to.block(3, Writer(order).u32(60).bytes("wxyz").out);  // SPB: 60 on the wire, 4 captured by the snap length
  Writer obsolete(order);                                // PB: interface 0, 3 drops, time, captured, wire, data
  obsolete.u16(0).u16(3).u32(0).u32(7'000'000).u32(2).u32(2).bytes("pb");
  to.block(2, obsolete.out);
  const Outcome got = read_mapped(to.out);
  const std::vector<Seen> expected = {{5 * second + 1'000, "abc", 9, 230, 1, 0},
                                      {5 * second + 1'000, "wxyz", 60, 1, 2, 0},
                                      {7 * second, "pb", 2, 1, 3, 0}};
  EXPECT_EQ(got.packets, expected);
  EXPECT_FALSE(got.damaged) << got.damage;
}

TEST_P(PcapngOrder, unknown_blocks_and_packet_options_are_skipped) {
  const Order order = GetParam();
  Writer to(order);
  section(to);
  to.block(0x0bad, Writer(order).u32(1).u32(2).out);  // Custom block
  interface(to, 1);
  to.block(5, Writer(order).u32(0).u64(0).out);  // Interface statistics
  enhanced(to, 0, 1, "a", 1, option(order, 1, {'h', 'i'}));
  to.block(0x80000123, {});  // Local use, empty
  const Outcome got = read_mapped(to.out);
  EXPECT_EQ(got.packets.size(), 1u);
  EXPECT_EQ(got.packets.at(0).bytes, "a");
  EXPECT_FALSE(got.damaged) << got.damage;
}

TEST_P(PcapngOrder, resolutions_decimal_and_binary_become_nanoseconds) {
  const Order order = GetParam();
  const auto ns = [&](std::uint8_t resolution, std::uint64_t ticks) {
    const Outcome got = one_with_option(order, option(order, 9, {resolution}), ticks);
    EXPECT_EQ(got.packets.size(), 1u) << got.damage;
    return got.packets.empty() ? -1 : got.packets[0].ns;
  };
  EXPECT_EQ(ns(0, 3), 3 * second);
  EXPECT_EQ(ns(3, 1'500), second + second / 2);
  EXPECT_EQ(ns(9, 1'500'000'001), second + second / 2 + 1);
  EXPECT_EQ(ns(12, 1'500'000'000'999), second + second / 2);
  EXPECT_EQ(ns(19, 10'000'000'000'000'000'000u), second);
  EXPECT_EQ(ns(0x80, 7), 7 * second);
  EXPECT_EQ(ns(0x80 | 10, 1536), second + second / 2);
  EXPECT_EQ(ns(0x80 | 63, std::uint64_t{1} << 63), second);
}

TEST_P(PcapngOrder, time_offset_is_added_and_times_are_clamped) {
  const Order order = GetParam();
  const auto with_offset = [&](std::int64_t offset, std::uint64_t ticks) {
    const Outcome got =
        one_with_option(order, option(order, 14, Writer(order).u64(static_cast<std::uint64_t>(offset)).out), ticks);
    EXPECT_EQ(got.packets.size(), 1u) << got.damage;
    return got.packets.empty() ? -1 : got.packets[0].ns;
  };
  EXPECT_EQ(with_offset(100, 1'000'000), 101 * second);
  EXPECT_EQ(with_offset(-1, 3'000'000), 2 * second);
  EXPECT_EQ(with_offset(-100, 1'000'000), 0);
  EXPECT_EQ(with_offset(0, ~std::uint64_t{0}), time_ns_max);
  EXPECT_EQ(with_offset(std::numeric_limits<std::int64_t>::max(), ~std::uint64_t{0}), time_ns_max);
  EXPECT_EQ(with_offset(std::numeric_limits<std::int64_t>::min(), 0), 0);
}

TEST_P(PcapngOrder, a_second_section_of_the_other_order_begins_anew) {
  const Order order = GetParam();
  const Order other = order == Order::little ? Order::big : Order::little;
  Writer to(order);
  section(to);
  interface(to, 1);
  enhanced(to, 0, 1'000'000, "a", 1);
  Writer second_section(other);
  section(second_section);
  interface(second_section, 101, 0, option(other, 9, {0}));
  enhanced(second_section, 0, 2, "b", 1);
  enhanced(second_section, 1, 2, "c", 1);  // Interface 1 was never described here.
  to.append(second_section.out);
  const Outcome got = read_mapped(to.out);
  const std::vector<Seen> expected = {{second, "a", 1, 1, 1, 0}, {2 * second, "b", 1, 101, 2, 0}};
  EXPECT_EQ(got.packets, expected);
  EXPECT_NE(got.damage.find("a packet of interface 1, but 1 were described"), std::string::npos) << got.damage;
}

TEST_P(PcapngOrder, every_prefix_gives_its_complete_blocks_and_tells_the_cut) {
  const Order order = GetParam();
  Writer to(order);
  std::vector<std::size_t> boundaries;
  const auto mark = [&] { boundaries.push_back(to.out.size()); };
  section(to), mark();
  interface(to, 1), mark();
  enhanced(to, 0, 1, "abc", 3), mark();
  to.block(3, Writer(order).u32(2).bytes("de").out), mark();
  section(to), mark();
  interface(to, 1), mark();
  enhanced(to, 0, 2, "f", 3), mark();
  const std::vector<std::size_t> packet_ends = {boundaries[2], boundaries[3], boundaries[6]};
  const std::vector<Seen> all = read_mapped(to.out).packets;
  ASSERT_EQ(all.size(), 3u);
  for (std::size_t length = 0; length <= to.out.size(); ++length) {
    const Buffer prefix(to.out.begin(), to.out.begin() + static_cast<std::ptrdiff_t>(length));
    std::ptrdiff_t complete = 0;
    for (const std::size_t end : packet_ends) complete += length >= end;
    const bool at_boundary = std::find(boundaries.begin(), boundaries.end(), length) != boundaries.end();
    const Outcome mapped = read_mapped(prefix);
    EXPECT_EQ(mapped.packets, std::vector<Seen>(all.begin(), all.begin() + complete)) << length;
    EXPECT_EQ(mapped.damaged, !at_boundary) << length;
    for (const std::size_t piece : {1u, 13u}) {
      const Outcome streamed = read_streamed(prefix, piece);
      EXPECT_EQ(streamed.packets, mapped.packets) << length;
      EXPECT_EQ(streamed.damage, mapped.damage) << length;
    }
  }
}

// A good packet, then one fault: the packet is delivered and the fault told with its offset.
TEST_P(PcapngOrder, each_broken_rule_is_told_with_its_offset) {
  const Order order = GetParam();
  struct Case {
    const char* text;
    void (*append)(Writer&);
  };
  const Case cases[] = {
      {"offset 88: a block length of 14 cannot be: at least 12 and a multiple of 4",
       [](Writer& to) { to.u32(6).u32(14).u32(0); }},
      {"offset 88: a block length of 8 cannot be: at least 12 and a multiple of 4",
       [](Writer& to) { to.u32(6).u32(8).u32(0); }},
      {"offset 88: a block of 16777220 bytes is too long, at most 16777216",
       [](Writer& to) { to.u32(6).u32(16'777'220).u32(0); }},
      {"offset 84: a block is cut: 12 of 64 bytes", [](Writer& to) { to.u32(6).u32(64).u32(0); }},
      {"offset 92: a block ends with length 16 but began with 12", [](Writer& to) { to.u32(99).u32(12).u32(16); }},
      {"offset 88: a block of 28 bytes is too short for its type, at least 32",
       [](Writer& to) { to.block(6, Buffer(16)); }},
      {"offset 88: a block of 12 bytes is too short for its type, at least 16", [](Writer& to) { to.block(3, {}); }},
      {"offset 88: a block of 16 bytes is too short for its type, at least 20",
       [](Writer& to) { to.block(1, Buffer(4)); }},
      {"offset 104: a packet is cut: 0 of 5 bytes",
       [](Writer& to) {
         Writer body(to.order());
         to.block(6, body.u32(0).u64(0).u32(5).u32(5).out);
       }},
      {"offset 104: a packet of 262145 captured bytes cannot be, at most 262144",
       [](Writer& to) {
         Writer body(to.order());
         to.block(6, body.u32(0).u64(0).u32(262'145).u32(5).out);
       }},
      {"offset 92: a packet of interface 7, but 1 were described", [](Writer& to) { enhanced(to, 7, 0, "", 0); }},
      {"offset 92: a packet is cut: 0 of 9 bytes", [](Writer& to) { to.block(3, Writer(to.order()).u32(9).out); }},
      {"offset 100: an option of 9 bytes does not fit into the 4 left of its block",
       [](Writer& to) { interface(to, 1, 0, Writer(to.order()).u16(2).u16(9).u32(0).out); }},
      {"offset 100: option 9 has a length of 2, which it cannot have",
       [](Writer& to) {
         interface(to, 1, 0, option(to.order(), 9, {1, 2}));
       }},
      {"offset 104: a time resolution of 10 to the power of -20 is too fine",
       [](Writer& to) { interface(to, 1, 0, option(to.order(), 9, {20})); }},
      {"offset 104: a time resolution of 2 to the power of -64 is too fine",
       [](Writer& to) { interface(to, 1, 0, option(to.order(), 9, {0x80 | 64})); }},
      {"offset 96: version 2.0 is not known",
       [](Writer& to) {
         Writer body(to.order());
         to.block(0x0a0d0d0a, body.u32(0x1a2b3c4d).u16(2).u16(0).u64(0).out);
       }},
  };
  for (const Case& one : cases) {
    Writer to(order);
    section(to);                    // 28 bytes
    interface(to, 1);               // 20 bytes
    enhanced(to, 0, 1, "abcd", 4);  // 36 bytes
    ASSERT_EQ(to.out.size(), 84u);
    one.append(to);
    const Outcome got = read_mapped(to.out);
    EXPECT_EQ(got.packets.size(), 1u) << one.text;
    EXPECT_EQ(got.damage, one.text);
    EXPECT_EQ(read_streamed(to.out, 3).damage, one.text);
  }
}

TEST(Pcapng, a_section_header_with_another_byte_order_magic_is_damage) {
  Writer to(Order::little);
  section(to);
  to.u32(0x0a0d0d0a).u32(28).u32(0x11223344);
  EXPECT_EQ(read_mapped(to.out).damage, "offset 36: a section header has byte-order magic 0x11223344");
}

TEST(Pcapng, a_block_of_the_limit_is_skipped_in_a_stream_too) {
  Writer to(Order::little);
  section(to);
  interface(to, 1);
  to.block(0x0bad, Buffer(block_bytes_max - 12));
  enhanced(to, 0, 1, "a", 1);
  EXPECT_EQ(read_mapped(to.out).packets.size(), 1u);
  const Outcome streamed = read_streamed(to.out, 1u << 20);
  EXPECT_EQ(streamed.packets.size(), 1u);
  EXPECT_FALSE(streamed.damaged) << streamed.damage;
}

TEST(Pcapng, as_many_interfaces_as_the_limit_are_read_and_one_more_is_damage) {
  Writer to(Order::little);
  section(to);
  for (std::uint32_t i = 0; i < interfaces_max; ++i) interface(to, 1);
  enhanced(to, interfaces_max - 1, 1, "a", 1);
  EXPECT_EQ(read_mapped(to.out).packets.size(), 1u);
  interface(to, 1);
  const Outcome got = read_mapped(to.out);
  EXPECT_EQ(got.packets.size(), 1u);
  EXPECT_NE(got.damage.find("more than 65536 interfaces"), std::string::npos) << got.damage;
}

}  // namespace
}  // namespace tsujiban::capture::test
