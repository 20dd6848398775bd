#include "output/summary.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <string>

#include "output/progress.h"
#include "output/text_layout.h"

namespace tsujiban::output {
namespace {

TEST(TextLayout, wide_characters_take_two_columns_and_marks_none) {
  EXPECT_EQ(display_width("abc"), 3u);
  EXPECT_EQ(display_width("辻番"), 4u);
  EXPECT_EQ(display_width("ﾊﾝｶｸ"), 4u);
  EXPECT_EQ(display_width("e\u0301"), 1u);
  EXPECT_EQ(display_width("か\u3099"), 2u);
  EXPECT_EQ(display_width("\xff\xfe"), 2u);
  EXPECT_EQ(display_width(pad_right("許可リスト", 20)), 20u);
  EXPECT_EQ(pad_left("12", 5), "   12");
  EXPECT_EQ(pad_left("123456", 5), "123456");
}

TEST(TextLayout, a_name_from_the_wire_cannot_steer_the_terminal) {
  EXPECT_EQ(printable("a\033[2Jb\r\n\x7f"), "a?[2Jb???");
  EXPECT_EQ(printable("\xc2\x9b"
                      "31m"),
            "?31m");  // CSI as one C1 character.
  EXPECT_EQ(printable("\u202Eevil"), "?evil");
  EXPECT_EQ(printable("\xff辻\xe8"), "?辻?");
  EXPECT_EQ(printable(std::string("e") + "\u0301\u0301\u0301\u0301\u0301\u0301\u0301").size(), 1u + 4 * 2);
}

TEST(TextLayout, a_cut_text_takes_no_more_columns_than_allowed) {
  for (std::size_t most = 1; most < 12; ++most) {
    EXPECT_LE(display_width(printable("辻番abc許可リスト", most)), most) << most;
    EXPECT_LE(display_width(printable("aあbいcうdえ", most)), most) << most;
  }
  EXPECT_EQ(printable("abcdef", 6), "abcdef");
  EXPECT_EQ(printable("abcdef", 5), "abcd…");
}

TEST(TextLayout, numbers_carry_separators_and_units) {
  EXPECT_EQ(with_thousands(0), "0");
  EXPECT_EQ(with_thousands(999), "999");
  EXPECT_EQ(with_thousands(1000), "1,000");
  EXPECT_EQ(with_thousands(18446744073709551615u), "18,446,744,073,709,551,615");
  EXPECT_EQ(bytes_text(1023), "1023 B");
  EXPECT_EQ(bytes_text(1536), "1.5 KiB");
  EXPECT_EQ(bytes_text(UINT64_MAX), "16.0 EiB");
  EXPECT_EQ(duration_text(0.00025), "250 us");
  EXPECT_EQ(duration_text(12.34), "12.3 s");
  EXPECT_EQ(duration_text(3723), "1 h 02 min");
  EXPECT_EQ(duration_text(-90), "-90.0 s");
}

Summary sample() {
  Summary s;
  s.packets_received = 1234567, s.totals.packets = 1234567, s.totals.bytes = 98765432, s.has_time = true;
  s.first = {1795132800'000000000}, s.last = {1795132800'000000000 + 3'600'000'000'000};
  s.timezone = "Asia/Tokyo", s.elapsed_s = 0.5, s.workers = 2, s.inputs = 3;
  s.totals.decoded_ip = 1234000, s.totals.udp = 1200000, s.totals.tcp = 34000, s.totals.decoded_arp = 567,
  s.totals.flows_created = 4321;
  s.totals.messages[1][0x72] = 600000, s.totals.messages[1][0x62] = 600001, s.totals.messages_malformed[1] = 4;
  s.totals.decode_errors[static_cast<std::size_t>(Layer::udp)][static_cast<std::size_t>(ParseError::udp_bad_length)] =
      12;
  s.totals.duplicates = 99, s.totals.evictions[0] = 5;
  s.has_inventory = true, s.assets[static_cast<std::size_t>(Role::ems)] = 12,
  s.assets[static_cast<std::size_t>(Role::device)] = 24;
  s.assets[static_cast<std::size_t>(Role::vendor_cloud)] = 1;
  s.alert_counts = {{DetectorId::signature, Severity::medium, 2, 2},
                    {DetectorId::policy_peer_not_allowed, Severity::high, 1, 1200}};
  s.alert_lines = {{DetectorId::policy_peer_not_allowed, Severity::high, ErabInterface::R5, 1200, "", "", "battery-12",
                    "203.0.113.9\033[0m", s.first}};
  s.alert_lines_left_out = 2;
  s.damages = {"day.pcap: offset 4096: the record is longer than the file"};
  s.resting = {{"policy.peer-not-allowed", false, "no inventory"}, {"signature", true, ""}};
  s.type_name = [](AppProtocol, unsigned type) -> std::string_view { return type == 0x72 ? "Get_Res" : ""; };
  s.events_path = "out/eve.json", s.events_written = 42, s.events_bytes = 40000;
  return s;
}

TEST(SummaryText, tells_everything_in_both_languages) {
  const std::string text = summary_text(sample(), false);
  for (const char* part : {"1,234,567",
                           "B (94.2 MiB)",
                           "2026-11-20T09:00:00.000000+0900",
                           "(1 h 00 min)",
                           "Get_Res",
                           "0x62",
                           "ems",
                           "エネルギー",
                           "policy.peer-not-allowed",
                           "1,200 occurrences",
                           "battery-12 → 203.0.113.9?[0m",
                           "許可リスト",
                           "udp: udp_bad_length",
                           "day.pcap: offset 4096",
                           "flow_table_full",
                           "rests / 休止中: policy.peer-not-allowed — no inventory",
                           "and 2 more / ほか 2 件",
                           "out/eve.json",
                           "2.47 Mpackets/s",
                           "2 workers"}) {
    EXPECT_NE(text.find(part), std::string::npos) << part << "\n" << text;
  }
  EXPECT_EQ(text.find('\033'), std::string::npos);
  EXPECT_EQ(text.find("rests / 休止中: signature"), std::string::npos);
}

// The labels are in two scripts; the numbers still end in one column.
TEST(SummaryText, numbers_end_in_one_column) {
  const std::string text = summary_text(sample(), false);
  for (const char* row : {"受信パケット", "フロー", "  UDP", "Get_Res", "malformed / 形式不正",
                          "ERAB制御対象のエネルギー機器", "udp_bad_length", "重複（除外済み）", "上限による破棄",
                          "出力イベント", "機器メーカー等サードパーティのコントローラー", "バイト数"}) {
    const std::size_t at = text.find(row);
    ASSERT_NE(at, std::string::npos) << row;
    const std::size_t begin = text.rfind('\n', at) + 1;
    const std::size_t digit = text.find_first_of("0123456789", at);
    const std::string until_number_end = text.substr(begin, text.find_first_not_of("0123456789,", digit) - begin);
    EXPECT_EQ(display_width(until_number_end), 80u) << until_number_end;
  }
}

TEST(SummaryText, an_empty_capture_is_told_without_a_span) {
  const std::string text = summary_text(Summary{}, true);
  EXPECT_EQ(text.find("First packet"), std::string::npos);
  EXPECT_NE(text.find("None. / 検知なし"), std::string::npos);
  EXPECT_NE(text.find("No inventory"), std::string::npos);
}

TEST(Banner, tells_what_is_on_and_what_rests_and_why) {
  StartBanner b;
  b.version = "0.1.0", b.workers = 4;
  b.protocols = {{"echonet_lite", true, ""}};
  b.rules = {{"signatures", true, "12 rules from 1 file"}};
  b.detectors = {{"signature", true, ""}, {"policy.peer-not-allowed", false, "needs an inventory: give -c"}};
  const std::string text = banner_text(b, false);
  for (const char* part :
       {"Tsujiban 0.1.0 / 辻番", "none given / 指定なし", "echonet_lite", "signatures (12 rules from 1 file)",
        "rests / 休止中: policy.peer-not-allowed — needs an inventory: give -c"}) {
    EXPECT_NE(text.find(part), std::string::npos) << part << "\n" << text;
  }
}

struct Memory {
  char* data = nullptr;
  std::size_t size = 0;
  std::FILE* file = open_memstream(&data, &size);
  ~Memory() { std::fclose(file), std::free(data); }
  std::string text() { return std::fflush(file), std::string(data, size); }
};

TEST(ProgressBar, a_pipe_gets_nothing) {
  Memory to;
  Progress progress(to.file, false);
  for (int i = 0; i < 100; ++i) progress.update(Duration::milliseconds(i * 100), 1, 2, 3);
  progress.finish();
  EXPECT_EQ(to.text(), "");
}

TEST(ProgressBar, is_drawn_at_most_ten_times_a_second_and_cleared) {
  Memory to;
  Progress progress(to.file, true);
  for (int i = 0; i <= 1000; ++i) progress.update(Duration::milliseconds(i), static_cast<std::uint64_t>(i), 1000, 5);
  progress.finish();
  const std::string text = to.text();
  EXPECT_EQ(static_cast<int>(std::count(text.begin(), text.end(), '\r')), 11);
  EXPECT_TRUE(text.ends_with("\r\033[K"));
}

TEST(ProgressBar, shows_share_and_speed) {
  EXPECT_EQ(progress_line(Duration::seconds(2), 512, 1024, 3'000'000),
            "[############............]  50.0 %  512 B of 1.0 KiB  3,000,000 packets  1.50 Mpps");
  EXPECT_EQ(progress_line({}, 2048, 0, 7), "2.0 KiB  7 packets");
  EXPECT_NE(progress_line({}, 3, 1, 7).find("100.0 %"), std::string::npos);  // A file that grew.
}

}  // namespace
}  // namespace tsujiban::output
