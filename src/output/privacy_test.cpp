#include "output/privacy.h"

#include <gtest/gtest.h>

#include <vector>

namespace tsujiban::output {
namespace {

const std::vector<std::uint8_t> meter = {0xFE, 0, 0, 0x77, 1, 2, 3}, other = {0xFE, 0, 0, 0x77, 1, 2, 4};
const std::vector<std::uint8_t> key(32, 0x41), short_key = {1};

TEST(Mask, is_off_unless_asked_for) {
  EXPECT_FALSE(Mask().on());
  EXPECT_FALSE(Mask(false, key).on());
}

TEST(Mask, without_a_key_all_values_look_the_same) {
  const Mask mask(true, {});
  EXPECT_TRUE(mask.on());
  EXPECT_EQ(mask.of(meter).view(), "masked");
  EXPECT_EQ(mask.of(other).view(), "masked");
}

TEST(Mask, with_a_key_equal_values_have_equal_pseudonyms_and_others_do_not) {
  const Mask mask(true, key), again(true, key), foreign(true, short_key);
  const Mask::Text text = mask.of(meter);
  EXPECT_EQ(text.view().size(), Mask::text_bytes_max);
  EXPECT_TRUE(text.view().starts_with("masked:"));
  EXPECT_EQ(text.view(), again.of(meter).view());
  EXPECT_NE(text.view(), mask.of(other).view());
  EXPECT_NE(text.view(), foreign.of(meter).view());
}

TEST(Mask, takes_keys_of_any_length) {
  for (const std::size_t size : {1u, 15u, 16u, 64u, 65u, 4096u}) {
    const std::vector<std::uint8_t> bytes(size, 7);
    EXPECT_EQ(Mask(true, bytes).of({}).view().size(), Mask::text_bytes_max);
  }
}

}  // namespace
}  // namespace tsujiban::output
