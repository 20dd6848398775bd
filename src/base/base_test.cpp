#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <set>
#include <string>
#include <vector>

#include "base/fixed_vector.h"
#include "base/hash.h"
#include "base/json_writer.h"
#include "base/large_vector.h"
#include "base/parse_error.h"
#include "base/pool.h"
#include "base/result.h"
#include "base/time.h"

namespace tsujiban {
namespace {

template <class Write>
std::string json_of(Write write, std::size_t capacity = 4096) {
  std::vector<char> buffer(capacity);
  JsonWriter json(buffer.data(), buffer.size());
  write(json);
  EXPECT_FALSE(json.overflowed());
  return std::string(json.text());
}
std::string string_of(std::string_view text) {
  return json_of([&](JsonWriter& json) { json.string(text); });
}

TEST(JsonWriter, separates_members_and_elements) {
  EXPECT_EQ(json_of([](JsonWriter& j) {
              j.begin_object();
              j.field("a", 1);
              j.key("b");
              j.begin_array(), j.number(std::uint64_t{2}), j.begin_object(), j.end_object(), j.begin_array(),
                  j.end_array(), j.null(), j.end_array();
              j.field("c", "x"), j.field("d", true), j.field("e", -1.5), j.field("f", std::int64_t{-7});
              j.end_object();
            }),
            R"({"a":1,"b":[2,{},[],null],"c":"x","d":true,"e":-1.5,"f":-7})");
}

TEST(JsonWriter, escapes_what_json_must_escape_and_nothing_else) {
  EXPECT_EQ(string_of("a\"b\\c/d\n\r\t\x01\x7f"), R"("a\"b\\c/d\n\r\t\u0001\u007f")");
  EXPECT_EQ(string_of(std::string_view("\0x", 2)), R"("\u0000x")");
  EXPECT_EQ(string_of("辻番 é 😀"), "\"辻番 é 😀\"");
  EXPECT_EQ(string_of(""), "\"\"");
}

TEST(JsonWriter, bytes_that_are_not_utf8_become_the_replacement_character) {
  EXPECT_EQ(string_of("\xff"), R"("\ufffd")");
  EXPECT_EQ(string_of("a\xe8\xbe"), R"("a\ufffd\ufffd")");  // A cut character.
  EXPECT_EQ(string_of("\xc0\xaf"), R"("\ufffd\ufffd")");    // Overlong '/'.
  EXPECT_EQ(string_of("\xe0\x80\xaf"), R"("\ufffd\ufffd\ufffd")");
  EXPECT_EQ(string_of("\xed\xa0\x80"), R"("\ufffd\ufffd\ufffd")");            // A surrogate.
  EXPECT_EQ(string_of("\xf4\x90\x80\x80"), R"("\ufffd\ufffd\ufffd\ufffd")");  // Beyond U+10FFFF.
  EXPECT_EQ(string_of("\xf4\x8f\xbf\xbf"), "\"\xf4\x8f\xbf\xbf\"");
}

TEST(JsonWriter, numbers_at_their_limits) {
  EXPECT_EQ(json_of([](JsonWriter& j) {
              j.begin_array();
              j.number(std::numeric_limits<std::uint64_t>::max()), j.number(std::numeric_limits<std::int64_t>::min());
              j.number(0.1), j.number(1e300), j.number(std::nan("")), j.number(INFINITY), j.number(-0.0);
              j.end_array();
            }),
            "[18446744073709551615,-9223372036854775808,0.1,1e+300,null,null,-0]");
}

TEST(JsonWriter, hex_is_written_in_lower_case) {
  const std::uint8_t bytes[] = {0x00, 0x01, 0xf8, 0xff};
  EXPECT_EQ(json_of([&](JsonWriter& j) { j.begin_array(), j.hex_string(bytes), j.hex_string({}), j.end_array(); }),
            R"(["0001f8ff",""])");
}

// Whatever the capacity, nothing is written beyond it and the flag tells the truth.
TEST(JsonWriter, every_capacity_is_kept_and_told) {
  const std::uint8_t bytes[] = {1, 2, 3};
  auto write = [&](JsonWriter& j) {
    j.begin_object();
    j.field("text", "a\n\xff辻"), j.field("n", 123456), j.field("d", 0.25);
    j.key("h"), j.hex_string(bytes);
    j.key("a"), j.begin_array(), j.boolean(true), j.null(), j.json("{}"), j.end_array();
    j.end_object();
  };
  const std::string whole = json_of(write);
  for (std::size_t capacity = 0; capacity <= whole.size(); ++capacity) {
    std::vector<char> buffer(capacity + 8, '#');
    JsonWriter json(buffer.data(), capacity);
    write(json);
    EXPECT_EQ(json.overflowed(), capacity < whole.size()) << capacity;
    for (std::size_t i = capacity; i < buffer.size(); ++i) ASSERT_EQ(buffer[i], '#');
  }
}

// Texts are looked at in steps of sixteen and eight bytes: each byte at each place of each length is told as it is
// alone.
TEST(JsonWriter, every_byte_is_escaped_wherever_it_stands) {
  for (unsigned byte = 0; byte < 256; ++byte) {
    const std::string one(1, static_cast<char>(byte));
    const std::string alone = json_of([&](JsonWriter& j) { j.string(one); });
    const std::string escaped = alone.substr(1, alone.size() - 2);
    for (std::size_t size = 1; size <= 36; ++size) {
      for (std::size_t at = 0; at < size; ++at) {
        const std::string before(at, 'x'), behind(size - at - 1, '~');
        EXPECT_EQ(json_of([&](JsonWriter& j) { j.string(before + one + behind); }),
                  '"' + before + escaped + behind + '"');
      }
    }
  }
}

TEST(JsonWriter, a_rewound_member_leaves_no_trace) {
  char buffer[32];
  JsonWriter json(buffer, sizeof buffer);
  json.begin_object();
  json.field("a", 1);
  const JsonWriter::Mark mark = json.mark();
  json.field("b", "much too long for the buffer that it is written to");
  EXPECT_TRUE(json.overflowed());
  json.rewind(mark);
  EXPECT_FALSE(json.overflowed());
  json.field("c", 2);
  json.end_object();
  EXPECT_EQ(json.text(), R"({"a":1,"c":2})");
}

TEST(Hash, bytes_of_every_length_and_single_bit_give_different_values) {
  std::set<std::uint64_t> seen;
  std::vector<std::uint8_t> bytes(130, 0);
  for (std::size_t length = 0; length <= bytes.size(); ++length)
    EXPECT_TRUE(seen.insert(hash_bytes({}, Bytes(bytes).first(length))).second) << length;
  for (std::size_t length : {1u, 3u, 4u, 7u, 8u, 15u, 16u, 17u, 33u, 48u, 49u, 96u, 97u, 130u}) {
    for (std::size_t bit = 0; bit < length * 8; ++bit) {
      bytes[bit / 8] ^= static_cast<std::uint8_t>(1u << bit % 8);
      EXPECT_TRUE(seen.insert(hash_bytes({}, Bytes(bytes).first(length))).second) << length << " " << bit;
      bytes[bit / 8] ^= static_cast<std::uint8_t>(1u << bit % 8);
    }
  }
}

TEST(Hash, depends_on_its_seed_and_not_on_alignment) {
  const HashSeed one = random_hash_seed(), two = random_hash_seed();
  std::vector<std::uint8_t> bytes(64, 7);
  EXPECT_NE(hash_bytes(one, bytes), hash_bytes(two, bytes));
  EXPECT_NE(hash_words(one, 1, 2), hash_words(two, 1, 2));
  EXPECT_NE(hash_words(one, 1, 2), hash_words(one, 2, 1));
  EXPECT_EQ(hash_bytes(one, Bytes(bytes).subspan(0, 50)), hash_bytes(one, Bytes(bytes).subspan(3, 50)));
}

// The low bits choose a bucket: consecutive addresses must not crowd into a few.
TEST(Hash, spreads_consecutive_keys_over_buckets) {
  constexpr std::size_t buckets = 1024, keys = 65536;
  std::vector<unsigned> low(buckets), high(buckets);
  for (std::uint64_t i = 0; i < keys; ++i) {
    const std::uint64_t h = hash_words({}, 0, 0x0000ffffc0a80000u + i);
    ++low[h % buckets], ++high[h >> 54];
  }
  // Mean 64, standard deviation 8: seven deviations never happen by chance.
  for (std::size_t i = 0; i < buckets; ++i) {
    EXPECT_LT(low[i], 64u + 56u);
    EXPECT_GT(low[i], 8u);
    EXPECT_LT(high[i], 64u + 56u);
    EXPECT_GT(high[i], 8u);
  }
}

TEST(ParseErrors, each_has_a_name_and_a_phrase_of_its_own) {
  std::set<std::string_view> names, phrases;
  for (std::size_t i = 0; i < parse_error_count; ++i) {
    const auto error = static_cast<ParseError>(i);
    EXPECT_TRUE(names.insert(name_of(error)).second) << name_of(error);
    EXPECT_TRUE(phrases.insert(phrase_of(error)).second) << phrase_of(error);
    for (const char c : name_of(error))
      EXPECT_TRUE((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_') << name_of(error);
  }
  EXPECT_EQ(name_of(ParseError::none), "none");
  EXPECT_EQ(name_of(static_cast<ParseError>(255)), "unknown");
}

TEST(ParseErrors, each_layer_has_a_name) {
  std::set<std::string_view> names;
  for (std::size_t i = 0; i < layer_count; ++i) EXPECT_TRUE(names.insert(name_of(static_cast<Layer>(i))).second);
  EXPECT_EQ(names.count(""), 0u);
  EXPECT_EQ(name_of(static_cast<Layer>(255)), "unknown");
}

struct Slot {
  std::uint64_t a = 7, b = 8;
};

TEST(Pool, gives_each_slot_once_until_it_is_full) {
  Pool<Slot> pool(100);
  std::set<std::uint32_t> taken;
  for (int i = 0; i < 100; ++i) {
    const std::uint32_t index = pool.allocate();
    EXPECT_GE(index, 1u);
    EXPECT_LE(index, 100u);
    EXPECT_TRUE(taken.insert(index).second);
    EXPECT_EQ(pool[index].a, 7u);
  }
  EXPECT_EQ(pool.allocate(), 0u);
  EXPECT_EQ(pool.size(), 100u);
}

TEST(Pool, a_freed_slot_comes_back_first_and_fresh) {
  Pool<Slot> pool(3);
  const std::uint32_t a = pool.allocate(), b = pool.allocate();
  pool[a].a = 1, pool[b].a = 2;
  pool.release(a);
  EXPECT_EQ(pool.size(), 1u);
  EXPECT_EQ(pool.allocate(), a);
  EXPECT_EQ(pool[a].a, 7u);
  EXPECT_EQ(pool[b].a, 2u);
  pool.release(b), pool.release(a);
  EXPECT_EQ(pool.allocate(), a);
  EXPECT_EQ(pool.allocate(), b);
  EXPECT_NE(pool.allocate(), 0u);
  EXPECT_EQ(pool.allocate(), 0u);
}

TEST(Pool, of_no_slots_is_always_full) {
  Pool<Slot> pool(0);
  EXPECT_EQ(pool.allocate(), 0u);
}

TEST(LargeVector, holds_what_a_vector_holds_and_large_blocks_begin_on_a_huge_page) {
  constexpr std::size_t page = LargeAllocator<std::uint64_t>::page_bytes;
  LargeVector<std::uint64_t> values;
  std::size_t large = 0;
  for (std::uint64_t i = 0; i < 1'500'000; ++i) {
    values.push_back(i * 3);
    // At each growth, on both sides of the bound.
    if (values.size() != values.capacity() || values.capacity() * 8 < LargeAllocator<std::uint64_t>::bytes_min)
      continue;
    ++large;
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(values.data()) % page, 0u) << values.capacity();
  }
  EXPECT_GE(large, 2u);
  for (std::uint64_t i = 0; i < values.size(); ++i) ASSERT_EQ(values[i], i * 3);
  LargeVector<std::uint64_t> copy = values, moved = std::move(values);
  EXPECT_EQ(copy, moved);
  moved.resize(10);
  moved.shrink_to_fit();
  EXPECT_EQ(moved.back(), 27u);
  EXPECT_EQ(LargeVector<std::uint64_t>(1'000'000).at(999'999), 0u);
  EXPECT_THROW(LargeVector<std::uint64_t>().reserve(static_cast<std::size_t>(-1)), std::exception);
}

TEST(FixedVector, refuses_what_does_not_fit) {
  FixedVector<int, 2> values;
  EXPECT_TRUE(values.push(1));
  EXPECT_TRUE(values.push(2));
  EXPECT_FALSE(values.push(3));
  EXPECT_EQ(values.size(), 2u);
  EXPECT_EQ(values[1], 2);
  values.clear();
  EXPECT_TRUE(values.empty());
}

TEST(Result, holds_a_value_or_an_error) {
  const Result<int> good(5), bad(ParseError::truncated);
  ASSERT_TRUE(good);
  EXPECT_EQ(*good, 5);
  EXPECT_FALSE(bad);
  EXPECT_EQ(bad.error(), ParseError::truncated);
}

TEST(Time, differences_are_durations) {
  EXPECT_EQ((PacketTime{5'000'000'000} - PacketTime{2'000'000'000}), Duration::seconds(3));
  EXPECT_EQ(PacketTime{1} + Duration::milliseconds(1), PacketTime{1'000'001});
  EXPECT_DOUBLE_EQ(Duration::microseconds(1500).as_seconds(), 0.0015);
}

}  // namespace
}  // namespace tsujiban
