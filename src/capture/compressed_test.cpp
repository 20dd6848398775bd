#include <gtest/gtest.h>
#include <zlib.h>
#include <zstd.h>

#include "capture/capture_test_support.h"

namespace tsujiban::capture::test {
namespace {

Buffer gzip(const Buffer& bytes) {
  z_stream state{};
  EXPECT_EQ(deflateInit2(&state, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
  Buffer out(deflateBound(&state, bytes.size()) + 64);
  state.next_in = const_cast<Bytef*>(bytes.data());
  state.avail_in = static_cast<uInt>(bytes.size());
  state.next_out = out.data();
  state.avail_out = static_cast<uInt>(out.size());
  EXPECT_EQ(deflate(&state, Z_FINISH), Z_STREAM_END);
  out.resize(state.total_out);
  deflateEnd(&state);
  return out;
}

Buffer zstd(const Buffer& bytes) {
  Buffer out(ZSTD_compressBound(bytes.size()));
  out.resize(ZSTD_compress(out.data(), out.size(), bytes.data(), bytes.size(), 3));
  return out;
}

Buffer joined(const Buffer& a, const Buffer& b) {
  Buffer out = a;
  out.insert(out.end(), b.begin(), b.end());
  return out;
}

Buffer large_pcap() {
  Writer to = pcap_header(Order::little);
  for (std::uint32_t i = 0; i < 8'000; ++i) {
    std::string body(60 + i % 1400, static_cast<char>(i));
    for (std::size_t at = 0; at < body.size(); at += 7) body[at] = static_cast<char>(i * 31 + at);
    pcap_record(to, i, 0, body, 1514);
  }
  return to.out;
}

TEST(Compressed, gzip_and_zstd_give_the_same_packets_in_pieces_of_any_size) {
  const Buffer plain = small_pcap();
  const Outcome expected = read_mapped(plain);
  for (const Buffer& packed : {gzip(plain), zstd(plain)}) {
    for (std::size_t piece = 1; piece < 40; ++piece) {
      const Outcome got = read_streamed(packed, piece);
      EXPECT_EQ(got.packets, expected.packets) << piece;
      EXPECT_FALSE(got.damaged) << got.damage;
    }
  }
}

TEST(Compressed, captures_larger_than_the_buffers_are_read_whole) {
  const Buffer plain = large_pcap();
  ASSERT_GT(plain.size(), 4 * stream_buffer_bytes);
  const Outcome expected = read_mapped(plain);
  ASSERT_EQ(expected.packets.size(), 8'000u);
  for (const Buffer& packed : {plain, gzip(plain), zstd(plain)}) {
    const Outcome got = read_streamed(packed, 65'536);
    EXPECT_EQ(got.packets, expected.packets);
    EXPECT_FALSE(got.damaged) << got.damage;
  }
}

TEST(Compressed, members_and_frames_one_after_another_are_one_capture) {
  const Buffer plain = small_pcap();
  const Outcome expected = read_mapped(plain);
  for (std::size_t cut = 0; cut <= plain.size(); ++cut) {
    const auto at = plain.begin() + static_cast<std::ptrdiff_t>(cut);
    const Buffer front(plain.begin(), at), back(at, plain.end());
    EXPECT_EQ(read_streamed(joined(gzip(front), gzip(back)), 11).packets, expected.packets) << cut;
    EXPECT_EQ(read_streamed(joined(zstd(front), zstd(back)), 11).packets, expected.packets) << cut;
  }
  // A skippable frame of 3 bytes first (RFC 8878, 3.1.2).
  const Buffer skippable = {0x50, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 1, 2, 3};
  EXPECT_EQ(read_streamed(joined(skippable, zstd(plain)), 11).packets, expected.packets);
}

TEST(Compressed, every_prefix_gives_a_prefix_of_the_packets_and_damage) {
  const Buffer plain = large_pcap();
  const Outcome all = read_mapped(plain);
  for (const Buffer& packed : {gzip(plain), zstd(plain)}) {
    for (std::size_t length = 1; length < packed.size(); length += packed.size() / 9) {
      const Outcome got =
          read_streamed(Buffer(packed.begin(), packed.begin() + static_cast<std::ptrdiff_t>(length)), 4096);
      ASSERT_LE(got.packets.size(), all.packets.size());
      EXPECT_TRUE(std::equal(got.packets.begin(), got.packets.end(), all.packets.begin()));
      EXPECT_TRUE(got.damaged) << length;
    }
  }
}

TEST(Compressed, damaged_data_and_foreign_bytes_after_the_end_are_told) {
  const Buffer plain = small_pcap();
  Buffer flipped = gzip(plain);
  flipped[flipped.size() - 6] ^= 1;  // In the CRC-32.
  const Outcome crc = read_streamed(flipped, 1000);
  EXPECT_EQ(crc.packets.size(), 3u);
  EXPECT_EQ(crc.damage, "offset 80: the gzip data are damaged");
  const Outcome zeros = read_streamed(joined(gzip(plain), Buffer(100, 0)), 1000);
  EXPECT_FALSE(zeros.damaged) << zeros.damage;
  const Outcome others = read_streamed(joined(gzip(plain), {'x', 'y'}), 1000);
  EXPECT_EQ(others.packets.size(), 3u);
  EXPECT_EQ(others.damage, "offset 80: other bytes follow the gzip data");
  const Outcome zstd_others = read_streamed(joined(zstd(plain), {'x', 'y', 'z', 'z', 'z'}), 1000);
  EXPECT_EQ(zstd_others.packets.size(), 3u);
  EXPECT_EQ(zstd_others.damage, "offset 80: the zstd data are damaged");
}

// A zstd frame header that asks for a window of 2^31 bytes: magic, descriptor 0, window descriptor (exponent 21,
// mantissa 0).
TEST(Compressed, a_zstd_window_above_the_limit_is_refused) {
  const Outcome got = read_streamed({0x28, 0xb5, 0x2f, 0xfd, 0x00, 21 << 3, 0x01, 0x00, 0x00}, 1000);
  EXPECT_EQ(got.damage, "offset 0: the zstd data need a window above 128 MiB");
}

}  // namespace
}  // namespace tsujiban::capture::test
