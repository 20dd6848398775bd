#include "output/timestamp.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <ctime>
#include <fstream>
#include <iterator>
#include <random>
#include <stdexcept>
#include <string>

namespace tsujiban::output {
namespace {

std::string text_of(TimestampWriter& writer, std::int64_t ns) {
  char text[TimestampWriter::text_size];
  writer.write({ns}, text);
  return {text, sizeof text};
}

std::string thrown_by(std::string_view zone) {
  try {
    TimestampWriter writer(zone);
  } catch (const std::runtime_error& error) {
    return error.what();
  }
  return "";
}

TEST(Timestamp, tokyo_is_written_as_suricata_writes_it) {
  TimestampWriter tokyo("Asia/Tokyo");
  // 2026-11-20T00:00:00.123456789Z; the nanoseconds are cut.
  EXPECT_EQ(text_of(tokyo, 1795132800'123456789), "2026-11-20T09:00:00.123456+0900");
}

TEST(Timestamp, the_epoch_and_what_is_before_it) {
  TimestampWriter utc("UTC");
  EXPECT_EQ(text_of(utc, 0), "1970-01-01T00:00:00.000000+0000");
  EXPECT_EQ(text_of(utc, -1), "1969-12-31T23:59:59.999999+0000");
  EXPECT_EQ(text_of(utc, -1'000'000'000), "1969-12-31T23:59:59.000000+0000");
}

TEST(Timestamp, the_ends_of_the_range_are_written) {
  TimestampWriter utc("UTC");
  EXPECT_EQ(text_of(utc, INT64_MAX), "2262-04-11T23:47:16.854775+0000");
  EXPECT_EQ(text_of(utc, INT64_MIN), "1677-09-21T00:12:43.145224+0000");
  TimestampWriter new_york("America/New_York");
  EXPECT_EQ(text_of(new_york, INT64_MAX), "2262-04-11T19:47:16.854775-0400");
}

TEST(Timestamp, summer_time_begins_and_ends_within_one_second) {
  TimestampWriter berlin("Europe/Berlin");
  EXPECT_EQ(text_of(berlin, 1774745999'999999000), "2026-03-29T01:59:59.999999+0100");
  EXPECT_EQ(text_of(berlin, 1774746000'000000000), "2026-03-29T03:00:00.000000+0200");
  EXPECT_EQ(text_of(berlin, 1792889999'000000000), "2026-10-25T02:59:59.000000+0200");
  EXPECT_EQ(text_of(berlin, 1792890000'000000000), "2026-10-25T02:00:00.000000+0100");
}

TEST(Timestamp, times_that_jump_to_and_fro_are_right) {
  TimestampWriter berlin("Europe/Berlin");
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(text_of(berlin, 1774746000'000000000), "2026-03-29T03:00:00.000000+0200");
    EXPECT_EQ(text_of(berlin, -1), "1970-01-01T00:59:59.999999+0100");
  }
}

// Two implementations of one thing: the C library's, which reads the same files, over random times to the year 2262.
TEST(Timestamp, every_kind_of_zone_agrees_with_the_c_library) {
  const char* const zones[] = {
      "Asia/Tokyo",        "America/New_York",  "Europe/Dublin",    "Australia/Lord_Howe", "Asia/Kathmandu",
      "Africa/Casablanca", "America/Sao_Paulo", "Pacific/Apia",     "Asia/Gaza",           "America/Scoresbysund",
      "Asia/Tehran",       "Antarctica/Troll",  "America/Santiago", "Etc/GMT+5",           "Pacific/Chatham"};
  for (const char* zone : zones) {
    TimestampWriter writer(zone);
    ASSERT_EQ(setenv("TZ", zone, 1), 0);
    tzset();
    std::mt19937_64 random(7);
    std::uniform_int_distribution<std::int64_t> second(-2'000'000'000, 9'223'372'000);
    for (int i = 0; i < 20000; ++i) {
      const std::time_t at = second(random);
      std::tm broken{};
      ASSERT_NE(localtime_r(&at, &broken), nullptr);
      char expected[64];
      std::strftime(expected, sizeof expected, "%Y-%m-%dT%H:%M:%S.000000%z", &broken);
      ASSERT_EQ(text_of(writer, at * 1'000'000'000), expected) << zone << " " << at;
    }
  }
  unsetenv("TZ");
  tzset();
}

TEST(Timestamp, an_unknown_zone_is_told_with_what_is_accepted) {
  EXPECT_NE(thrown_by("Asia/Edo").find("Asia/Tokyo"), std::string::npos);
  EXPECT_NE(thrown_by("").find("IANA"), std::string::npos);
}

TEST(Timestamp, a_zone_name_cannot_leave_the_zone_directory) {
  EXPECT_NE(thrown_by("../../../etc/passwd").find("IANA"), std::string::npos);
  EXPECT_NE(thrown_by("/etc/passwd").find("IANA"), std::string::npos);
  EXPECT_NE(thrown_by("Asia").find("damaged"), std::string::npos);  // A directory.
}

TEST(Timestamp, every_prefix_of_a_zone_file_is_damaged_and_told) {
  std::ifstream file(TSUJIBAN_SOURCE_DIR "/src/output/corpus/zone_fuzz/America_New_York", std::ios::binary);
  const std::string bytes(std::istreambuf_iterator<char>(file), {});
  ASSERT_GT(bytes.size(), 1000u);
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    const std::vector<std::uint8_t> prefix(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(size));
    EXPECT_THROW(parse_zone(prefix), std::runtime_error) << size;
  }
}

}  // namespace
}  // namespace tsujiban::output
